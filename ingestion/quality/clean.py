"""The door for values: finds every defect of the waiting rows, column by column, and puts normal forms into `_clean`.

For each column: a screen in SQL passes what is ordinary; what is left is looked at once for each different value, with
what the whole column of the file says (profiles); the answers are joined back. Then the columns of a row are compared
(rows). Nothing is written over: raw values stay, `_clean` names only what differs from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.mapping import FileMapping
from ingestion.quality import dates, identifiers, ranges, results, rows
from ingestion.quality.columns import ENTRY, FOUND, JUDGED, Counts, Waiting, clean_column
from ingestion.quality.forms.registry import rule_id
from ingestion.quality.forms.screens import BY_DISTINCT_VALUE, LIGHT_FORMS, light_expression, light_test, literal
from ingestion.quality.kinds import read_kinds
from lakehouse.contract import Column, Table
from lakehouse.lake import Connection

_SMALL_FILE = 20
"""Rows below which a file alone does not tell what is usual in it."""


def clean_delivered(connection: Connection, table: Table, files: Mapping[int, FileMapping]) -> frozenset[str]:
    """Fill `_clean` of the waiting rows of a table and add what is wrong with their values to scratch.found_issue.

    `files` is the mapping of each file by its number. Rows stay as they were received.
    Returns the columns that `_clean` of any row names.
    """
    row = connection.execute("select cast(now() as date)").fetchone()
    assert row
    group = _group_files(connection, f"scratch.delivered_{table.name}", files)
    waiting = Waiting(connection=connection, table=table, files=files, today=row[0], group=group)
    connection.execute(f"create or replace table {ENTRY} (row_id bigint, column_name varchar, normal varchar)")
    connection.execute(
        f"create or replace table {FOUND} (row_id bigint, column_name varchar, kind varchar, form varchar)"
    )
    columns = waiting.used_columns()
    counts = _screen(waiting, columns)
    for column in columns:
        filled = counts[column.name]
        if not any(count for count, _, _ in filled.values()):
            continue
        form = column.meta["form"]
        if form == "id":
            identifiers.clean_identifiers(waiting, column, filled)
        elif not any(odd for _, odd, _ in filled.values()):
            pass
        elif form in ("date", "timestamp"):
            dates.clean_dates(waiting, column, filled)
        elif form in ("lab_value", "unit") and results.has_items(table):
            pass
        else:
            clean_column(waiting, column, filled)
        if form in LIGHT_FORMS and any(light for _, _, light in filled.values()):
            _enter_light(waiting, column)
    if results.has_items(table):
        results.clean_results(waiting, counts)
    _write_clean(waiting)
    if results.has_items(table):
        ranges.check_ranges(waiting)
    rows.compare_columns(waiting)
    _write_found(waiting)
    for name in (ENTRY, FOUND, JUDGED):
        connection.execute(f"drop table if exists {name}")
    return frozenset(waiting.cleaned)


def _group_files(connection: Connection, name: str, files: Mapping[int, FileMapping]) -> str:
    """Return SQL of the number of the file a row is judged with: small files of one mapping are judged together."""
    counts = dict(connection.execute(f"select _file_no, count(*) from {name} group by all order by all").fetchall())
    first: dict[int, int] = {}
    groups: dict[int, int] = {}
    for number, count in counts.items():
        mapping = files.get(number)
        if count < _SMALL_FILE and mapping is not None:
            groups[number] = first.setdefault(id(mapping), number)
    if all(number == together for number, together in groups.items()):
        return "_file_no"
    together = [groups.get(number, number) for number in range(max(counts) + 1)]
    connection.execute("set variable clean_groups = $1", [together])
    return "getvariable('clean_groups')[_file_no + 1]"


def _screen(waiting: Waiting, columns: Sequence[Column]) -> dict[str, Counts]:
    """Count, in one pass over the rows, what each column of each file holds."""
    parts = []
    for column in columns:
        name, form = f'"{column.name}"', str(column.meta["form"])
        # a column that is looked at value by value needs no count of odd ones
        odd = f"count({name})" if form in BY_DISTINCT_VALUE else f"count(*) filter (where {waiting.odd(column)})"
        light = f"count(*) filter (where {light_test(form, name)})" if form in LIGHT_FORMS else "0"
        parts += [f"count({name}) filter (where {name} <> '')", odd, light]
    counts: dict[str, Counts] = {column.name: {} for column in columns}
    if not columns:
        return counts
    # aggregates come in threes, one for each column
    for file_no, *values in waiting.connection.execute(
        f"select {waiting.group}, {', '.join(parts)} from {waiting.name} group by all order by all"
    ).fetchall():
        for position, column in enumerate(columns):
            filled, odd_count, light_count = values[3 * position : 3 * position + 3]
            counts[column.name][file_no] = (filled, odd_count, light_count)
    return counts


def _enter_light(waiting: Waiting, column: Column) -> None:
    """Note the normal forms of values that passed the screen and only need trimming, line ends or capitals."""
    name, form = f'"{column.name}"', str(column.meta["form"])
    light = light_expression(form, name)
    waiting.connection.execute(
        f"insert into {ENTRY} select delivered.rowid, {literal(column.name)}, {light} from {waiting.name} as delivered "
        f"anti join (select row_id from {ENTRY} where column_name = {literal(column.name)}) as entry "
        f"on delivered.rowid = entry.row_id where {light_test(form, name)} and trim({name}) <> '' "
        f"and {light} <> {name} and not {waiting.odd(column)}"
    )


def _write_clean(waiting: Waiting) -> None:
    """Gather the entries of each row in one JSON object, keys in alphabetical order."""
    names = [
        name
        for (name,) in waiting.connection.execute(
            f"select distinct column_name from {ENTRY} order by column_name"
        ).fetchall()
    ]
    waiting.cleaned.update(names)
    if not names:
        return
    parts = ", ".join(f"max(fragment) filter (where column_name = {literal(name)})" for name in names)
    # a row has one entry of each column at most
    parts, grouped = ("fragment", "") if len(names) == 1 else (f"concat_ws(',', {parts})", " group by row_id")
    waiting.connection.execute(
        f"update {waiting.name} as delivered set _clean = entry.content from ("
        f"select row_id, '{{' || {parts} || '}}' as content from (select row_id, column_name, "
        "to_json(column_name) || ':' || coalesce(cast(to_json(normal) as varchar), 'null') as fragment "
        f"from {ENTRY}){grouped}) as entry where delivered.rowid = entry.row_id"
    )


def _write_found(waiting: Waiting) -> None:
    """Turn what was found into rows of scratch.found_issue."""
    kinds = read_kinds()
    rules = waiting.connection.execute(f"select distinct column_name, kind, form from {FOUND} order by all").fetchall()
    for column, kind, form in rules:
        waiting.connection.execute(
            f"insert into scratch.found_issue select delivered._file_no, $1, delivered._src_row_no, $2, $3, $4, $5, "
            f'sha256(cast(delivered."{column}" as varchar)), $6 from (select distinct row_id from {FOUND} '
            f"where column_name = $2 and kind = $3 and form = $7) as found "
            f"inner join {waiting.name} as delivered on found.row_id = delivered.rowid",
            [waiting.table.name, column, kind, kinds[kind].severity, kinds[kind].action, rule_id(form, kind), form],
        )


def counts_by_rule(connection: Connection) -> list[dict[str, Any]]:
    """Return how many values each rule found, by table and column, of what stands in scratch.found_issue."""
    names = ("entity", "column", "kind", "rule_id", "count")
    found = connection.execute(
        "select entity, column_name, kind, rule_id, count(*) from scratch.found_issue group by all order by all"
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]
