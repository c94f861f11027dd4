"""What the scores take and give, read from the YAML files beside this module; their rules are SQL macros of dbt."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from lakehouse.errors import UsageError

TYPES = {
    "decimal": "decimal(30,12)",
    "boolean": "boolean",
    "text": "varchar",
    "timestamp": "timestamp",
    "date": "date",
}
"""Type of an input to its type in SQL. Numbers are decimals, so that no cut-off is missed by a binary fraction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One score: its code is the name of its case file and, unless another is named, of its macro."""

    code: str
    label_zh: str
    macro: str
    seeds: tuple[str, ...]
    """Seeds of dbt that the macro takes besides relation and key, in this order."""
    inputs: Mapping[str, str]
    """Input to its type, a key of TYPES."""
    results: tuple[str, ...]


@cache
def read_scores() -> dict[str, Score]:
    """Return all scores by code, in alphabetical order."""
    scores = {}
    for path in sorted(Path(__file__).parent.glob("*.yml")):
        for code, content in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            scores[code] = Score(
                code=code,
                label_zh=content["label_zh"],
                macro=content.get("macro", code),
                seeds=tuple(content.get("seeds", ())),
                inputs=dict(content["inputs"]),
                results=tuple(content["results"]),
            )
    return dict(sorted(scores.items()))


def find_score(code: str) -> Score:
    """Return one score. Raises UsageError naming those that there are."""
    scores = read_scores()
    if code not in scores:
        raise UsageError(f"there is no score {code!r}; there are: {', '.join(scores)}")
    return scores[code]
