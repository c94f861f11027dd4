"""Makes the key and the hash of the rows that the run refused, from how they arrived.

What fits its type is written as the lake would write it, what does not fit stays as it arrived, which is how the
source writes it too.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from ingestion.migration.plan import ColumnPlan, Plan, TablePlan
from ingestion.migration.types import FIELD_MARK, NULL_MARK
from ingestion.migration.validation.fingerprint import RefusedRow
from ingestion.migration.validation.row_text import hash_of_text, is_long_text
from lakehouse.lake import Connection

_HEX = "hex:"
"""Stands before the bytes of a text that is no UTF-8 (chunks)."""
_BATCH = 10_000


def read_refused(connection: Connection, plan: Plan, table: TablePlan) -> tuple[RefusedRow, ...]:
    """Return the rows of a table that the run refused."""
    stored = connection.execute(
        "select row_text, reason from raw.raw_migration.reject where token = $1 and target = $2 "
        "order by batch_id, row_no",
        [plan.token, table.target],
    ).fetchall()
    rows: list[RefusedRow] = []
    for first in range(0, len(stored), _BATCH):
        rows += _refused(connection, table, stored[first : first + _BATCH])
    return tuple(rows)


def _refused(connection: Connection, table: TablePlan, stored: Iterable[tuple[str, str]]) -> list[RefusedRow]:
    arrived = [(json.loads(row), reason) for row, reason in stored]
    columns = {
        f"c{number}": pa.array([row.get(column.name) for row, _ in arrived], pa.string())
        for number, column in enumerate(table.columns)
    }
    connection.register("_radlake_arrived", pa.table(columns))
    try:
        texts = connection.execute(
            f"select {', '.join(_text(column, f'c{number}') for number, column in enumerate(table.columns))} "
            "from _radlake_arrived"
        ).fetchall()
    finally:
        connection.unregister("_radlake_arrived")
    return [_row(table, text, reason) for text, (_, reason) in zip(texts, arrived, strict=True)]


def _text(column: ColumnPlan, name: str) -> str:
    if column.target_type == "varchar":
        return name
    value = name
    if column.target_type == "blob" and column.convert == "{0}":
        value = f"unhex({name})"
    elif not any(word in column.convert for word in ("cast(", "unhex(")):
        # it arrived in its own type and was written down as text
        value = f"try_cast({name} as {column.target_type})"
    return f"coalesce({column.target_text.format(f'({column.convert.format(value)})')}, {name})"


def _row(table: TablePlan, texts: Iterable[Any], reason: str) -> RefusedRow:
    fields = {column.name: _field(column, text, reason) for column, text in zip(table.columns, texts, strict=True)}
    mark = bytes([FIELD_MARK])
    digest = hash_of_text(mark.join(fields.values()))
    number = None if table.chunk_column is None else _whole(fields[table.chunk_column])
    if not table.key:
        return RefusedRow(key=str(digest), number=number, key_hash=digest, hash=digest)
    key = mark.join(fields[name] for name in table.key)
    return RefusedRow(key=key.decode("utf-8", "replace"), number=number, key_hash=hash_of_text(key), hash=digest)


def _whole(field: bytes) -> int | None:
    return None if field == bytes([NULL_MARK]) else int(field)


def _field(column: ColumnPlan, text: str | None, reason: str) -> bytes:
    if text is None:
        return bytes([NULL_MARK])
    if column.target_type == "varchar" and text.startswith(_HEX) and f"{column.name}: no UTF-8" in reason:
        value = bytes.fromhex(text.removeprefix(_HEX))
    else:
        value = text.encode()
    if is_long_text(column):
        value = hashlib.md5(value, usedforsecurity=False).hexdigest().encode()
    return value
