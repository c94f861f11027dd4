"""Stands in for dbt's adapter while sqlfluff renders the models: a dispatched macro becomes a plain function call."""

from collections.abc import Callable

_LITERALS = {"pseudonym": 0, "unnest_split": 1}
"""Macros of which one argument is a string, by its position."""


def dispatch(name: str, _package: str) -> Callable[..., str]:
    """Return a macro that writes itself as a function of its arguments."""

    def macro(*arguments: object) -> str:
        written = [str(argument) for argument in arguments]
        if name in _LITERALS:
            written[_LITERALS[name]] = f"'{written[_LITERALS[name]]}'"
        return f"{name}({', '.join(written)})"

    return macro
