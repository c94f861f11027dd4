"""Compares columns, types, NULLs and keys of the plan with the source as it is now and with the lake."""

import json
from collections.abc import Sequence
from typing import Any

from ingestion.migration.catalog import Table
from ingestion.migration.plan import TablePlan
from ingestion.migration.validation.results import Check
from lakehouse.lake import Connection

_PROVENANCE = "_batch_id", "_chunk_no", "_loaded_at"
_SQL = (
    "select column_name, data_type from duckdb_columns() where database_name = 'raw' and schema_name = 'raw_legacy' "
    "and table_name = $1 order by column_index"
)


def compare_structure(connection: Connection, table: TablePlan, current: Table | None) -> list[Check]:
    """Return the checks of one table's structure; `current` is the table of the source, None when it is gone."""
    found = _lake_columns(connection, table.target)
    names = {column.target_name: column.name for column in table.columns}
    now = current.columns if current else ()
    planned_types = _types(connection, [column.target_type for column in table.columns])
    return [
        _check(table, "columns", [column.name for column in now], [names.get(name, name) for name, _ in found]),
        _check(
            table,
            "source types",
            {column.name: column.source_type for column in now},
            {column.name: column.source_type for column in table.columns},
        ),
        _check(
            table,
            "types",
            {column.name: kind for column, kind in zip(table.columns, planned_types, strict=True)},
            {names.get(name, name): kind for name, kind in found},
        ),
        _check(
            table,
            "nullability",
            {column.name: column.is_nullable for column in now},
            {column.name: column.is_nullable for column in table.columns},
        ),
        _check(table, "row key", current.row_key if current else (), table.key),
    ]


def is_comparable(checks: Sequence[Check]) -> bool:
    """Return whether the rows can be compared: both sides have all planned columns, the lake in their types."""
    values = {
        check.measure: (json.loads(check.source_value or ""), json.loads(check.target_value or "")) for check in checks
    }
    now, planned = values["source types"]
    wanted, found = values["types"]
    return planned.keys() <= now.keys() and wanted.items() <= found.items()


def _lake_columns(connection: Connection, target: str) -> list[tuple[str, str]]:
    rows = connection.execute(_SQL, [target]).fetchall()
    return [(name, kind) for name, kind in rows if name not in _PROVENANCE]


def _types(connection: Connection, types: Sequence[str]) -> list[str]:
    """Return types as the lake writes them."""
    if not types:
        return []
    parts = ", ".join(f"typeof(cast(null as {kind}))" for kind in types)
    row = connection.execute(f"select {parts}").fetchone()
    return list(row or ())


def _check(table: TablePlan, measure: str, source: Any, target: Any) -> Check:
    before, after = (json.dumps(value, ensure_ascii=False) for value in (source, target))
    return Check(
        target=table.target,
        kind="schema",
        measure=measure,
        source_value=before,
        target_value=after,
        is_equal=before == after,
        target_sql=_SQL if measure in ("columns", "types") else None,
    )
