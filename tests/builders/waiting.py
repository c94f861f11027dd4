"""Lets rows wait as a delivery does and sends them through the door for values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.mapping import FileMapping, Layout
from ingestion.quality.clean import clean_delivered, counts_by_rule
from ingestion.stage import create_scratch_table
from lakehouse.contract import Table, read_table
from lakehouse.lake import append_arrow

Row = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What the door left behind: (file, row, column, kind) of each issue, and `_clean` by file and row."""

    issues: set[tuple[int, int, str, str]]
    clean: dict[tuple[int, int], dict[str, str | None]]
    issue_rows: list[dict[str, Any]]
    counts: list[dict[str, Any]]

    def kinds(self, column: str, row: int, file: int = 0) -> set[str]:
        """Return the kinds found in one cell."""
        return {kind for f, r, c, kind in self.issues if (f, r, c) == (file, row, column)}

    def value(self, column: str, row: int, received: Row, file: int = 0) -> str | None:
        """Return the value of a cell after the door."""
        return self.clean.get((file, row), {}).get(column, received.get(column))


def clean_rows(
    source: str, entity: str, *files: Sequence[Row], beside: Mapping[str, Sequence[Row]] | None = None, **mapping: Any
) -> Cleaned:
    """Send files of rows (numbered from 1) of one raw table through the door.

    `beside` are rows of other tables of the source, which went through before; further arguments go into the mapping.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("attach ':memory:' as scratch")
    connection.execute(
        "create table scratch.found_issue (file_no integer, entity varchar, row_no bigint, column_name varchar, "
        "kind varchar, severity varchar, action varchar, before_sha256 varchar, rule_id varchar)"
    )
    for other, rows in (beside or {}).items():
        _let_wait(connection, read_table(source, other), [rows], {})
    table = read_table(source, entity)
    name = _let_wait(connection, table, files, mapping)
    result = connection.execute("select * from scratch.found_issue order by all")
    names = [description[0] for description in result.description or []]
    issues = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    clean = {
        (file, row): json.loads(content)
        for file, row, content in connection.execute(
            f"select _file_no, _src_row_no, _clean from {name} where _clean is not null"
        ).fetchall()
    }
    return Cleaned(
        issues={(row["file_no"], row["row_no"], row["column_name"], row["kind"]) for row in issues},
        clean=clean,
        issue_rows=issues,
        counts=counts_by_rule(connection),
    )


def _let_wait(
    connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Sequence[Row]], mapping: dict[str, Any]
) -> str:
    name = create_scratch_table(connection, table)
    layout = FileMapping(entity=table.name, match="*", reader=Layout(format="delimited"), **mapping)
    for number, rows in enumerate(files):
        columns = {column: pa.array([row.get(column) for row in rows], pa.string()) for column in table.column_names}
        columns["_file_no"] = pa.array([number] * len(rows), pa.int32())
        columns["_src_row_no"] = pa.array(range(1, len(rows) + 1), pa.int64())
        append_arrow(connection, name, pa.table(columns))
    clean_delivered(connection, table, dict.fromkeys(range(len(files)), layout))
    return name
