"""Plausible limits of laboratory results, in the unit each result has (seeds of the standard items and their units)."""

import csv
import functools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ingestion.quality.columns import FOUND, Waiting
from ingestion.quality.forms.screens import literal
from ingestion.quality.forms.units import plain_unit, ucum
from ingestion.quality.results import ITEM_CODES, ITEM_NAMES, UNITS, first_column
from lakehouse import PROJECT_ROOT
from lakehouse.contract import clean_expression
from lakehouse.lake import append_arrow

_RANGES = "scratch.clean_range"
_BRACKETED = re.compile(r"[(（\[【]([^()（）\[\]【】]*)[)）\]】]")
_ENDING = re.compile("(?:测定|检测|浓度|含量|定量|计数)$")


def check_ranges(waiting: Waiting) -> None:
    """Find results outside the plausible limits of their item in their unit, after `_clean` was filled.

    An item or a unit that the seeds do not know has no limits; nothing is converted.
    """
    table = waiting.table
    result, unit = first_column(table, ("result", "value")), first_column(table, UNITS)
    names = [name for name in (first_column(table, ITEM_NAMES), first_column(table, ITEM_CODES)) if name]
    if not result or not unit or not names:
        return
    quoted = ", ".join(f'"{name}"' for name in names)
    places = [f"item_{position}" for position in range(len(names))]
    known: list[dict[str, Any]] = []
    for *items, value in waiting.connection.execute(
        f'select {quoted}, "{unit}" from {waiting.name} where "{unit}" is not null group by all order by all'
    ).fetchall():
        limits = _limits_of(items, ucum(value) or plain_unit(value))
        if limits:
            known.append(dict(zip(places, items, strict=True)) | {"unit": value, "low": limits[0], "high": limits[1]})
    if not known:
        return
    _write_limits(waiting, places, known)
    match = " and ".join(
        f'delivered."{name}" is not distinct from known.{place}' for name, place in zip(names, places, strict=True)
    )
    number = f"try_cast({clean_expression(result, 'delivered')} as double)"
    waiting.connection.execute(
        f"insert into {FOUND} select delivered.rowid, {literal(result)}, 'value_out_of_range', 'lab_value' "
        f"from {waiting.name} as delivered inner join {_RANGES} as known "
        f'on {match} and delivered."{unit}" = known.unit where {number} not between known.low and known.high'
    )
    waiting.connection.execute(f"drop table {_RANGES}")


def _write_limits(waiting: Waiting, places: list[str], known: list[dict[str, Any]]) -> None:
    texts = [*places, "unit"]
    columns = ", ".join(f"{place} varchar" for place in texts)
    waiting.connection.execute(f"create or replace table {_RANGES} ({columns}, low double, high double)")
    types = pa.schema(
        [
            *((place, pa.string()) for place in texts),
            ("low", pa.float64()),
            ("high", pa.float64()),
        ]
    )
    append_arrow(waiting.connection, _RANGES, pa.Table.from_pylist(known, types))


def _limits_of(items: list[str | None], unit: str) -> tuple[float, float] | None:
    limits = _limits()
    return next(
        (limits[name, unit] for item in items if item for name in _names_of(item) if (name, unit) in limits), None
    )


def _names_of(item: str) -> Iterator[str]:
    """Yield the names an item may be known by: as it is, without and inside its brackets, without `测定` behind it."""
    outside = _BRACKETED.sub("", item)
    for name in (item, outside, *_BRACKETED.findall(item), _ENDING.sub("", outside)):
        if name.strip():
            yield plain_name(name)


def plain_name(name: str) -> str:
    """Return a name of an item in small letters, half-width, without blanks and signs."""
    return re.sub(r"[\s\-_()]", "", unicodedata.normalize("NFKC", name)).lower()


def _read_seed(name: str) -> list[dict[str, str]]:
    path = PROJECT_ROOT / "dbt_project" / "seeds" / "standard" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def _limits() -> dict[tuple[str, str], tuple[float, float]]:
    """Return plausible limits by name of an item and UCUM unit."""
    names: dict[str, set[str]] = defaultdict(set)
    for row in _read_seed("mapping__lab_item_alias"):
        names[row["item_code"]].add(plain_name(row["alias"]))
    scales: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in _read_seed("mapping__lab_unit"):
        unit = ucum(row["source_unit"]) or plain_unit(row["source_unit"])
        scales[row["item_code"]][unit].append((float(row["factor"]), float(row["offset_value"] or 0)))
    limits: dict[tuple[str, str], tuple[float, float]] = {}
    for row in _read_seed("mapping__lab_item"):
        if not row["plausible_min"] or not row["plausible_max"]:
            continue
        low, high = float(row["plausible_min"]), float(row["plausible_max"])
        of_item = scales[row["item_code"]]
        of_item.setdefault(row["canonical_unit"], [(1.0, 0.0)])
        named = names[row["item_code"]] | {plain_name(row["item_code"]), plain_name(row["label_zh"])}
        for unit, factors in of_item.items():
            # of two bases of one unit the wider limits are taken
            lows = [(low - offset) / factor for factor, offset in factors]
            highs = [(high - offset) / factor for factor, offset in factors]
            limits.update({(name, unit): (min(lows), max(highs)) for name in named})
    return limits
