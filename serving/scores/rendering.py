"""Renders the score macros of dbt_project/macros/scores without dbt, so that both run the same SQL."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from serving.scores.specification import Score

_FOLDER = Path(__file__).parents[2] / "dbt_project" / "macros"
_BESIDES = ("cross_engine.sql", "lab_value.sql")
"""Files whose macros those of the scores call."""


class _Adapter:
    """Stands for dbt's object of this name: finds DuckDB's twin of a dispatched macro."""

    def dispatch(self, name: str, _package: str) -> Callable[..., str]:
        return getattr(_macros(), f"duckdb__{name}")


@cache
def _macros() -> Any:
    paths = [_FOLDER / name for name in _BESIDES] + sorted((_FOLDER / "scores").glob("*.sql"))
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    # SQL, no page: nothing to escape
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.globals["adapter"] = _Adapter()
    return environment.from_string(source).module


def score_query(score: Score, relation: str, key: str) -> str:
    """Return the SELECT of a score over a relation that holds its inputs; the key is kept."""
    return str(getattr(_macros(), score.macro)(relation, key, *score.seeds))
