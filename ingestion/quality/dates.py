"""Judges columns of dates: the families that SQL reads are read by it, what is left is read value by value."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from ingestion.quality import profiles
from ingestion.quality.columns import ENTRY, FOUND, Counts, Waiting, facts_of, judge_values, keep_required, write_judged
from ingestion.quality.forms import Facts
from ingestion.quality.forms.dates import EARLIEST, FAMILIES, SENTINELS, family_of
from ingestion.quality.forms.screens import literal, literals, reading_expression
from lakehouse.contract import Column
from lakehouse.lake import append_arrow

READ = "scratch.clean_date"
USUAL = "scratch.clean_usual"
_USUAL_TYPES = pa.schema([("file_no", pa.int32()), ("family", pa.string())])
_SERIALS_SHARE = 0.5


def clean_dates(waiting: Waiting, column: Column, filled: Counts) -> None:
    """Judge the dates of a column: its usual families are decided by file, and orders of day and month too."""
    form = str(column.meta["form"])
    _read_by_sql(waiting, column, form, sorted(filled))
    families: dict[int, Counter[str]] = {
        number: Counter({"iso": total - odd}) for number, (total, odd, _) in filled.items()
    }
    for number, family, count in waiting.connection.execute(
        f"select _file_no, family, count(*) from {READ} where normal is not null group by all"
    ).fetchall():
        families[number][family] += count
    left: dict[int, list[tuple[str, int]]] = {}
    for number, value, count in waiting.connection.execute(
        f"select _file_no, value, count(*) from {READ} where normal is null group by all order by all"
    ).fetchall():
        left.setdefault(number, []).append((value, count))
    judged: list[dict[str, Any]] = []
    silent: list[dict[str, Any]] = []
    unusual_iso: list[int] = []
    for number, counts in families.items():
        values = left.get(number, [])
        facts = facts_of(waiting, column, number, values)
        mapping = waiting.files.get(number)
        facts = replace(facts, date_format=mapping.date_formats.get(column.name) if mapping else None)
        facts, usual = _decide(form, facts, counts, values)
        judged += judge_values(form, number, values, facts, filled[number][0])
        if "iso" not in usual and counts["iso"]:
            unusual_iso.append(number)
        silent += [{"file_no": number, "family": family} for family in sorted(usual | {"given"})]
    waiting.connection.execute(
        f"insert into {ENTRY} select row_id, {literal(column.name)}, normal from {READ} "
        "where normal is not null and normal <> value"
    )
    waiting.connection.execute(f"create or replace table {USUAL} (file_no integer, family varchar)")
    append_arrow(waiting.connection, USUAL, pa.Table.from_pylist(silent, _USUAL_TYPES))
    waiting.connection.execute(
        f"insert into {FOUND} select row_id, {literal(column.name)}, 'date_format', {literal(form)} from {READ} "
        f"anti join {USUAL} as usual on _file_no = usual.file_no and {READ}.family = usual.family "
        "where normal is not null"
    )
    if unusual_iso:
        waiting.connection.execute(
            f"insert into {FOUND} select rowid, {literal(column.name)}, 'date_format', {literal(form)} "
            f"from {waiting.name} where {waiting.group} in ({', '.join(map(str, unusual_iso))}) "
            f"and trim(\"{column.name}\") <> '' and not {waiting.odd(column)}"
        )
    if column.required:
        judged = [keep_required(answer) for answer in judged]
    write_judged(waiting, judged, f'delivered."{column.name}" = judged.value', column.name, form)
    for name in (READ, USUAL):
        waiting.connection.execute(f"drop table {name}")


def _decide(form: str, facts: Facts, counts: Counter[str], values: profiles.Counted) -> tuple[Facts, frozenset[str]]:
    """Return the facts of a column of dates of one file, and its usual families."""
    numeric = []
    for value, count in values:
        family = family_of(form, value, facts)
        if family:
            counts[family] += count
        if family == "numeric":
            numeric.append(value)
    usual = profiles.usual_of(counts, "iso")
    if counts["serial"] < _SERIALS_SHARE * counts.total():
        # a few serials among dates are slips of a spreadsheet, however many there are
        usual -= {"serial"}
    if facts.date_format:
        usual |= {"given"}
    orders = profiles.allowed_orders(numeric)
    return replace(facts, usual=usual or frozenset({"iso"}), orders=orders), usual


def _read_by_sql(waiting: Waiting, column: Column, form: str, numbers: list[int]) -> None:
    """Read the odd values of a column by the families of SQL; what needs judging has no `normal` then."""
    name = f'"{column.name}"'
    cases, readings = [], []
    for number in numbers:
        mapping = waiting.files.get(number)
        if mapping and column.name in mapping.date_formats:
            layout = literal(mapping.date_formats[column.name])
            cases.append(f"when {waiting.group} = {number} and try_strptime({name}, {layout}) is not null then 'given'")
            readings.append(f"when family = 'given' and _file_no = {number} then try_strptime(value, {layout})")
    for family in FAMILIES:
        cases.append(f"when regexp_full_match({name}, {literal(family.pattern)}) then '{family.name}'")
        readings.append(f"when family = '{family.name}' then {reading_expression(family)}")
    has_time = "contains(value, ':') or family = 'zoned' or (family in ('compact', 'given') and length(value) > 10)"
    day = "strftime(read_at, '%Y-%m-%d')"
    text = day if form == "date" else f"case when {has_time} then strftime(read_at, '%Y-%m-%d %H:%M:%S') else {day} end"
    latest = "2199-12-31" if column.meta.get("future") else (waiting.today + timedelta(days=1)).isoformat()
    waiting.connection.execute(
        f"""
        create or replace table {READ} as
        with odd as (
            select rowid as row_id, {waiting.group} as _file_no, {name} as value, case {" ".join(cases)} end as family
            from {waiting.name} where {waiting.odd(column)}
        ),
        read as (
            select *, case {" ".join(readings)} end as read_at from odd
        ),
        written as (
            select row_id, _file_no, value, family, {text} as normal, {day} as day from read
        )
        select
            row_id, _file_no, value, family,
            case
                when day between '{EARLIEST}' and '{latest}' and day not in ({literals(SENTINELS)}) then normal
            end as normal
        from written
        """
    )
