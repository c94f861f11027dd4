"""Stands in for dbt's adapter while sqlfluff renders the models: a dispatched macro becomes a plain function call."""

from collections.abc import Callable


def dispatch(name: str, _package: str) -> Callable[..., str]:
    """Return a macro that writes itself as a function of its arguments."""

    def macro(*arguments: object) -> str:
        return f"{name}({', '.join(str(argument) for argument in arguments)})"

    return macro
