"""Estimates what the migration costs: units per object and per construct in its code, person-days, and a grade.

The letter tells how much runs by itself: A without rewriting, B with some, C with more days of it than a team takes
lightly. The level tells what makes it hard: 1 no code, 2 triggers, 3 routines, all without rewriting; 4 triggers or
views to rewrite, 5 routines to rewrite. The weights are data, `effort.yml` beside this module.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ingestion.migration.assessment.code import CodeItem, qualified
from ingestion.migration.catalog import Catalog

_CODE = ("view", "trigger", "function", "procedure", "aggregate", "package", "event")
_ROUTINES = ("function", "procedure", "aggregate", "package")


@dataclass(frozen=True, kw_only=True, slots=True)
class EffortLine:
    """What one object costs."""

    kind: str
    name: str
    units: float
    lines: int = 0
    constructs: dict[str, int] = field(default_factory=dict)
    is_manual: bool = False
    """Somebody has to rewrite it."""


@functools.cache
def weights() -> dict[str, Any]:
    """Return the weights."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
    return content


def find_constructs(item: CodeItem) -> dict[str, int]:
    """Return how often each construct stands in a piece of code."""
    code = item.code
    found = {
        name: len(re.findall(construct["pattern"], code, re.IGNORECASE))
        for name, construct in weights()["constructs"].items()
    }
    return {name: number for name, number in found.items() if number}


def estimate(
    catalog: Catalog, items: Iterable[CodeItem], *, undrafted_views: frozenset[str], defects: Mapping[str, int]
) -> dict[str, Any]:
    """Return the estimate as it stands in assessment.json.

    `undrafted_views` are the names of views that no draft was written for, `defects` the columns in which each probe
    found something: each kind of defect needs a cleaning rule.
    """
    objects = weights()["objects"]
    lines = [_structure_line(catalog, table) for table in catalog.tables]
    lines += [_code_line(item, undrafted_views) for item in items]
    for kind, named in (("sequence", catalog.sequences), ("type", catalog.types)):
        lines += [
            EffortLine(kind=kind, name=qualified(catalog, one.schema, one.name), units=objects[kind]) for one in named
        ]
    lines += [
        EffortLine(kind="cleaning_rule", name=probe, units=round(objects["cleaning_rule"] + 0.2 * columns, 2))
        for probe, columns in sorted(defects.items())
        if columns
    ]
    units = round(sum(line.units for line in lines), 2)
    days = round(units * weights()["unit_minutes"] / 60 / weights()["hours_a_day"], 1)
    letter, level = _grade(lines, days)
    kinds = sorted({line.kind for line in lines})
    return {
        "grade": f"{letter}-{level}",
        "automation": letter,
        "difficulty": level,
        "units": units,
        "unit_minutes": weights()["unit_minutes"],
        "person_days": days,
        "by_kind": [
            {
                "kind": kind,
                "objects": sum(line.kind == kind for line in lines),
                "manual": sum(line.kind == kind and line.is_manual for line in lines),
                "units": round(sum(line.units for line in lines if line.kind == kind), 2),
            }
            for kind in kinds
        ],
        "lines": [
            {
                "kind": line.kind,
                "name": line.name,
                "units": line.units,
                "lines": line.lines,
                "constructs": line.constructs,
                "is_manual": line.is_manual,
            }
            for line in lines
        ],
    }


def _structure_line(catalog: Catalog, table: Any) -> EffortLine:
    objects = weights()["objects"]
    units = (
        objects["table"]
        + objects["index"] * len(table.indexes)
        + objects["foreign_key"] * len(table.foreign_keys)
        + objects["check"] * len(table.checks)
    )
    return EffortLine(kind="table", name=qualified(catalog, table.schema, table.name), units=round(units, 2))


def _code_line(item: CodeItem, undrafted_views: frozenset[str]) -> EffortLine:
    constructs = find_constructs(item)
    known = weights()["constructs"]
    units = weights()["objects"][item.kind] + weights()["line"] * item.lines
    units += sum(known[name]["units"] * number for name, number in constructs.items())
    is_manual = any(known[name]["is_manual"] for name in constructs)
    if item.kind == "view":
        is_manual = item.name in undrafted_views
    return EffortLine(
        kind=item.kind,
        name=item.name,
        units=round(units, 2),
        lines=item.lines,
        constructs=constructs,
        is_manual=is_manual,
    )


def _grade(lines: list[EffortLine], days: float) -> tuple[str, int]:
    manual = {line.kind for line in lines if line.is_manual}
    kinds = {line.kind for line in lines if line.kind in _CODE}
    if manual.intersection(_ROUTINES) or "event" in manual:
        level = 5
    elif manual:
        level = 4
    elif kinds.intersection(_ROUTINES) or "event" in kinds:
        level = 3
    else:
        level = 2 if "trigger" in kinds else 1
    letter = "A" if not manual else ("B" if days <= weights()["days_of_grade_b"] else "C")
    return letter, level
