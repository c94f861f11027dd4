"""How a table of the lake lies on disk: sorted by what, partitioned by what, in how many files.

DuckLake keeps a sort order and partition keys for a table and follows them for all that is written later. A layout is
tried on a copy; keeping it means that the copy takes the table's name, in one transaction, so the table itself is
never touched by a step that turns out worse.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ingestion.migration.books import quoted
from ingestion.migration.chunks import hash_sum
from ingestion.migration.plan import SCHEMA
from lakehouse.errors import RadlakeError
from lakehouse.lake import Connection, fetch_dicts, transaction

TRIAL_PREFIX = "radlake_trial_"
_METADATA = "__ducklake_metadata_raw"


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Sort order and partition keys, as expressions over quoted columns."""

    sort: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a table holds, whatever its order: equal for equal columns and rows."""

    columns: tuple[tuple[str, str], ...]
    rows: int
    hash_sum: int


def place(table: str) -> str:
    """Return the SQL name of a table of `raw_legacy`."""
    return f"raw.{SCHEMA}.{quoted(table)}"


def read_columns(connection: Connection, table: str) -> tuple[tuple[str, str], ...]:
    """Return names and types of the columns of a table, provenance included; empty when there is no such table."""
    return tuple(
        connection.execute(
            "select column_name, data_type from duckdb_columns() where database_name = 'raw' and schema_name = $1 "
            "and table_name = $2 order by column_index",
            [SCHEMA, table],
        ).fetchall()
    )


def read_content(connection: Connection, table: str) -> Content:
    """Return what a table holds, in one pass over it."""
    columns = read_columns(connection, table)
    row = connection.execute(
        f"select count(*), {hash_sum([quoted(name) for name, _ in columns])} from {place(table)}"
    ).fetchone()
    assert row is not None
    return Content(columns=columns, rows=int(row[0]), hash_sum=int(row[1] or 0))


def count_files(connection: Connection, table: str) -> tuple[int, int]:
    """Return how many data files and delete files a table has."""
    rows = connection.execute(
        "select count(distinct file.data_file_id), count(distinct gone.delete_file_id) "
        f"from {_METADATA}.ducklake_data_file file left join {_METADATA}.ducklake_delete_file gone "
        "on gone.data_file_id = file.data_file_id and gone.end_snapshot is null "
        "where file.end_snapshot is null and file.table_id = $1",
        [_table_id(connection, table)],
    ).fetchone()
    return (int(rows[0]), int(rows[1])) if rows else (0, 0)


def read_layout(connection: Connection, table: str) -> Layout:
    """Return the sort order and the partition keys that a table has now."""
    number = _table_id(connection, table)
    sort = fetch_dicts(
        connection,
        f"select key.expression from {_METADATA}.ducklake_sort_info info "
        f"join {_METADATA}.ducklake_sort_expression key using (sort_id, table_id) "
        "where info.table_id = $1 and info.end_snapshot is null order by key.sort_key_index",
        [number],
    )
    keys = fetch_dicts(
        connection,
        f"select key.transform, col.column_name from {_METADATA}.ducklake_partition_info info "
        f"join {_METADATA}.ducklake_partition_column key using (partition_id, table_id) "
        f"join {_METADATA}.ducklake_column col on col.table_id = key.table_id and col.column_id = key.column_id "
        "and col.end_snapshot is null "
        "where info.table_id = $1 and info.end_snapshot is null order by key.partition_key_index",
        [number],
    )
    return Layout(
        sort=tuple(_sort_key(row["expression"]) for row in sort), partition=tuple(_partition_key(row) for row in keys)
    )


def _sort_key(expression: str) -> str:
    # DuckLake keeps a name without the quotes it does not need
    return quoted(expression) if re.fullmatch(r"\w+", expression) else expression


def _partition_key(row: dict[str, Any]) -> str:
    name = quoted(row["column_name"])
    return name if row["transform"] == "identity" else f"{row['transform']}({name})"


def _table_id(connection: Connection, table: str) -> int:
    row = connection.execute(
        f"select t.table_id from {_METADATA}.ducklake_table t join {_METADATA}.ducklake_schema s using (schema_id) "
        "where s.schema_name = $1 and t.table_name = $2 and t.end_snapshot is null and s.end_snapshot is null",
        [SCHEMA, table],
    ).fetchone()
    if row is None:
        raise RadlakeError(f"{SCHEMA}.{table} is not in the lake: run `radlake migrate run` first")
    return int(row[0])


def layout_statements(table: str, trial: str, layout: Layout) -> list[str]:
    """Return the SQL that writes a table in a layout under another name."""
    statements = [f"create table {place(trial)} as select * from {place(table)} limit 0"]
    if layout.partition:
        statements.append(f"alter table {place(trial)} set partitioned by ({', '.join(layout.partition)})")
    if layout.sort:
        statements.append(f"alter table {place(trial)} set sorted by ({', '.join(layout.sort)})")
    # DuckLake sorts within what one thread writes; the order of the whole makes whole files skippable
    order = f" order by {', '.join((*layout.partition, *layout.sort))}" if layout.sort else ""
    return [*statements, f"insert into {place(trial)} select * from {place(table)}{order}"]


def adopt_statements(table: str, trial: str) -> list[str]:
    """Return the SQL by which a copy takes the place of its table."""
    return [f"drop table if exists {place(table)}", f"alter table {place(trial)} rename to {quoted(table)}"]


@contextmanager
def copied(connection: Connection, table: str, trial: str, layout: Layout) -> Iterator[str]:
    """Write a copy of a table in a layout, check that it holds the same, and drop it in the end unless it was adopted.

    Raises RadlakeError when the copy does not hold what the table holds.
    """
    with built(connection, trial, layout_statements(table, trial, layout)):
        if read_content(connection, trial) != read_content(connection, table):
            raise RadlakeError(f"the copy of {SCHEMA}.{table} does not hold what the table holds: nothing was changed")
        yield trial


@contextmanager
def built(connection: Connection, trial: str, statements: list[str]) -> Iterator[str]:
    """Run statements that make a trial table and drop it in the end, unless it was adopted."""
    try:
        with transaction(connection):
            for statement in statements:
                connection.execute(statement)
        yield trial
    finally:
        connection.execute(f"drop table if exists {place(trial)}")


def adopt(connection: Connection, table: str, trial: str) -> None:
    """Let a copy take the place of its table, in one transaction."""
    with transaction(connection):
        for statement in adopt_statements(table, trial):
            connection.execute(statement)


def drop_leftovers(connection: Connection) -> int:
    """Drop the copies a killed run left, and return how many there were."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'raw' and schema_name = $1 "
        "and starts_with(table_name, $2) order by 1",
        [SCHEMA, TRIAL_PREFIX],
    ).fetchall()
    for (name,) in rows:
        connection.execute(f"drop table {place(name)}")
    return len(rows)
