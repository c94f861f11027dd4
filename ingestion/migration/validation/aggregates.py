"""Compares facts of every column: NULLs, least and greatest, sums; and of large objects the sum of their SHA-256.

All facts of a table come from one query on each side, or from several when a table has hundreds of columns; large
objects, which are bytes and long texts, have a query of their own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion.migration.plan import ColumnPlan
from ingestion.migration.validation.fingerprint import Pair, whole_key
from ingestion.migration.validation.results import Check, Stopwatch
from ingestion.migration.validation.row_text import Side, added

_WHOLE = ("smallint", "integer", "bigint")
_COLUMNS_PER_QUERY = 100
_MANY_REFUSED = 20_000
_LONG_TEXT_BYTES = 255
"""What a text longer than this is taken for an object whose SHA-256 is worth its time."""
_SUMMABLE_DIGITS = 27
"""A sum of decimals has 38 digits in the lake; this leaves room for 10 ** 11 rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measure:
    """One fact of a column: its SQL on each side, which may be two columns that are added up."""

    column: ColumnPlan
    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    kind: str = "aggregate"


def compare_columns(pair: Pair) -> list[Check]:
    """Return one check per column and fact, over the rows that were not refused.

    Nothing is compared where more rows were refused than a query can leave out.
    """
    if len(pair.refused) > _MANY_REFUSED:
        return []
    columns = pair.old.table.columns
    checks: list[Check] = []
    for first in range(0, len(columns), _COLUMNS_PER_QUERY):
        part = columns[first : first + _COLUMNS_PER_QUERY]
        checks += _compare(pair, [measure for column in part for measure in _measures(pair, column)])
    return checks


def compare_objects(pair: Pair, facts: Sequence[Check]) -> list[Check]:
    """Return one check per column of large objects; `facts` tell which texts are long."""
    if len(pair.refused) > _MANY_REFUSED:
        return []
    longest = {
        fact.column_name: max(int(fact.source_value or 0), int(fact.target_value or 0))
        for fact in facts
        if fact.measure == "max_bytes"
    }
    measures = []
    for column in pair.old.table.columns:
        if column.is_lob and longest.get(column.name, 0) > (0 if column.target_type == "blob" else _LONG_TEXT_BYTES):
            old, new = (side.number_sum(side.sha256_of(column)) for side in (pair.old, pair.new))
            measures.append(_Measure(column=column, name="sum of sha256", old=old, new=new, kind="lob"))
    return _compare(pair, measures) if measures else []


def _compare(pair: Pair, measures: Sequence[_Measure]) -> list[Check]:
    old_query = f"select {', '.join(part for m in measures for part in m.old)} from {pair.old.relation}"
    old_query += _without_refused(pair)
    new_query = f"select {', '.join(part for m in measures for part in m.new)} from {pair.new.relation}"
    watch = Stopwatch()
    (old,), (new,) = pair.ask_both(old_query, new_query)
    checks = []
    old_place = new_place = 0
    for number, measure in enumerate(measures):
        before = _value(old[old_place : old_place + len(measure.old)], measure)
        after = _value(new[new_place : new_place + len(measure.new)], measure)
        old_place, new_place = old_place + len(measure.old), new_place + len(measure.new)
        checks.append(
            Check(
                target=pair.old.table.target,
                kind=measure.kind,
                measure=measure.name,
                column_name=measure.column.name,
                source_value=before,
                target_value=after,
                is_equal=before == after,
                # one query made them all; its text is told once
                source_sql=old_query if number == 0 else None,
                target_sql=new_query if number == 0 else None,
                seconds=watch.seconds() if number == 0 else None,
            )
        )
    return checks


def _without_refused(pair: Pair) -> str:
    if not pair.refused:
        return ""
    if pair.old.table.chunk_column is not None:
        return f" where {whole_key(pair.old)} not in ({', '.join(str(row.number) for row in pair.refused)})"
    return f" where {pair.old.row_hash()} not in ({', '.join(str(row.hash) for row in pair.refused)})"


def _measures(pair: Pair, column: ColumnPlan) -> list[_Measure]:
    old, new = pair.old, pair.new
    old_name, new_name = old.quoted(column), new.quoted(column)
    measures = [
        _Measure(
            column=column, name="nulls", old=(f"count(*) - count({old_name})",), new=(f"count(*) - count({new_name})",)
        )
    ]

    def add(name: str, old_part: str, new_part: str) -> None:
        measures.append(_Measure(column=column, name=name, old=(old_part,), new=(new_part,)))

    target = column.target_type
    if old.engine == "dump" and (target == "double" or target.startswith("decimal(")):
        # they lie in the file of a dump as text, in whose order 10 is less than 9
        return measures
    if target in ("varchar", "blob"):
        for name in ("min", "max", "sum"):
            add(f"{name}_bytes", f"{name}({old.octets_of(column)})", f"{name}({new.octets_of(column)})")
    elif target == "double":
        widened = " + 0e0" if old.engine == "mysql" else ""
        for name in ("min", "max"):
            add(name, f"{name}({old_name}){widened}", f"{name}({new_name})")
    elif target == "boolean":
        old_trues = f"sum(case when {old.text(column)} = 'true' then 1 else 0 end)"
        add("trues", old_trues, f"sum(case when {new_name} then 1 else 0 end)")
    else:
        for name in ("min", "max"):
            add(name, _as_text(old, column, f"{name}({old_name})"), _as_text(new, column, f"{name}({new_name})"))
        if _is_summable(old, column):
            old_sum = old.number_sum(_number(old, column))
            measures.append(_Measure(column=column, name="sum", old=old_sum, new=(f"sum({new_name})",)))
    return measures


def _as_text(side: Side, column: ColumnPlan, value: str) -> str:
    text = side.text(column, value)
    return f"cast({text} as char)" if side.engine == "mysql" else text


def _is_summable(old: Side, column: ColumnPlan) -> bool:
    if column.target_type in _WHOLE:
        return True
    if not column.target_type.startswith("decimal(") or old.engine in ("sqlite", "dump"):
        # SQLite adds decimals up as floats
        return False
    return int(column.target_type.removeprefix("decimal(").partition(",")[0]) <= _SUMMABLE_DIGITS


def _number(side: Side, column: ColumnPlan) -> str:
    return side.quoted(column) + (" + 0" if side.engine == "mysql" else "")


def _value(parts: Sequence[Any], measure: _Measure) -> str | None:
    """Return a fact as the same text on both sides."""
    if all(part is None for part in parts):
        return "0" if measure.name in ("trues", "sum of sha256") else None
    if len(parts) > 1:
        return str(added(parts))
    value = parts[0]
    if measure.column.target_type == "double" and measure.name in ("min", "max"):
        number = float(value)
        return "nan" if math.isnan(number) else repr(number or 0.0)
    if measure.column.target_type in _WHOLE or measure.name not in ("min", "max"):
        return format(Decimal(str(value)).normalize(), "f")
    if measure.column.target_type.startswith("decimal("):
        return format(Decimal(str(value)).normalize(), "f")
    return value.decode() if isinstance(value, bytes) else str(value)
