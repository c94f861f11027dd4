"""Keeps the books of a migration in `raw_migration`: runs, tables, the chunks that stand, and refused rows.

A chunk counts only once its entry is written; rows of `raw_legacy` without one are leftovers of a killed run.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from ingestion.migration.chunks import PROVENANCE, Chunk, ChunkFile, hash_sum
from ingestion.migration.plan import SCHEMA, Plan, TablePlan
from lakehouse.contract import read_table
from lakehouse.errors import UsageError
from lakehouse.lake import Connection, append_arrow, fetch_dicts, transaction


def quoted(name: str) -> str:
    """Return a name quoted for the lake."""
    return '"' + name.replace('"', '""') + '"'


def target_table(table: TablePlan) -> str:
    """Return the SQL name of a migrated table in the lake."""
    return f"raw.{SCHEMA}.{quoted(table.target)}"


def insert(connection: Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Append rows to a table of `raw_migration`, in the types of its contract."""
    if not rows:
        return
    types = {
        "varchar": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "timestamp": pa.timestamp("us"),
        "boolean": pa.bool_(),
    }  # fmt: skip
    contract = read_table("migration", table)
    schema = pa.schema([(column.name, types[column.data_type]) for column in contract.columns])
    append_arrow(connection, f"raw.raw_migration.{table}", pa.Table.from_pylist(list(rows), schema=schema))


def prepare_table(connection: Connection, plan: Plan, table: TablePlan) -> int:
    """Make the target table as planned and return how many rows were taken back: those no chunk of this plan owns.

    Raises UsageError when the table holds another database's rows.
    """
    others = connection.execute(
        "select count(*) from raw.raw_migration.chunk where target = $1 and token <> $2", [table.target, plan.token]
    ).fetchone()
    if others and others[0]:
        raise UsageError(
            f"raw_legacy.{table.target} holds another database's rows: plan this one with --prefix to tell them apart"
        )
    connection.execute(f"create schema if not exists raw.{SCHEMA}")
    removed = 0
    with transaction(connection):
        if _columns(connection, table) not in ([], planned_columns(table)):
            removed += _count(connection, table)
            connection.execute(f"drop table {target_table(table)}")
            forget_chunks(connection, plan, table)
        columns = ", ".join(f"{quoted(name)} {data_type}" for name, data_type in planned_columns(table))
        connection.execute(f"create table if not exists {target_table(table)} ({columns})")
        leftovers = connection.execute(
            f"delete from {target_table(table)} where _batch_id not in "
            "(select batch_id from raw.raw_migration.chunk where token = $1 and target = $2)",
            [plan.token, table.target],
        ).fetchone()
        removed += int(leftovers[0]) if leftovers else 0
    return removed


def planned_columns(table: TablePlan) -> list[tuple[str, str]]:
    """Return the columns of a target table with their types, provenance last."""
    return [(column.target_name, column.target_type) for column in table.columns] + list(PROVENANCE.items())


_SHORT_TYPES = {"timestamp with time zone": "timestamptz"}


def _columns(connection: Connection, table: TablePlan) -> list[tuple[str, str]]:
    rows = connection.execute(
        "select column_name, lower(data_type) from duckdb_columns() where database_name = 'raw' and schema_name = $1 "
        "and table_name = $2 order by column_index",
        [SCHEMA, table.target],
    ).fetchall()
    return [(name, _SHORT_TYPES.get(data_type, data_type)) for name, data_type in rows]


def _count(connection: Connection, table: TablePlan) -> int:
    row = connection.execute(f"select count(*) from {target_table(table)}").fetchone()
    return int(row[0]) if row else 0


def read_chunks(connection: Connection, plan: Plan, table: TablePlan) -> list[dict[str, Any]]:
    """Return the chunks of a table that stand, in the order of their keys."""
    return fetch_dicts(
        connection,
        "select * from raw.raw_migration.chunk where token = $1 and target = $2 order by chunk_no",
        [plan.token, table.target],
    )


def forget_chunks(connection: Connection, plan: Plan, table: TablePlan, batch_ids: Sequence[str] | None = None) -> None:
    """Forget chunks of a table, all or those of some batches, with their refused rows; the caller has a transaction."""
    for name in ("chunk", "reject"):
        connection.execute(
            f"delete from raw.raw_migration.{name} where token = $1 and target = $2"
            + ("" if batch_ids is None else " and batch_id in (select unnest($3::varchar[]))"),
            [plan.token, table.target] + ([] if batch_ids is None else [list(batch_ids)]),
        )


def remove_chunks(connection: Connection, plan: Plan, table: TablePlan, batch_ids: Sequence[str]) -> int:
    """Take the rows of some batches back, forget their chunks and return how many rows that were."""
    with transaction(connection):
        removed = connection.execute(
            f"delete from {target_table(table)} where _batch_id in (select unnest($1::varchar[]))", [list(batch_ids)]
        ).fetchone()
        forget_chunks(connection, plan, table, batch_ids)
    return int(removed[0]) if removed else 0


def hash_batches(connection: Connection, table: TablePlan) -> dict[str, tuple[int, int]]:
    """Return by batch how many rows of a table stand and the sum of their hashes."""
    values = hash_sum([quoted(column.target_name) for column in table.columns])
    rows = connection.execute(
        f"select _batch_id, count(*), {values} from {target_table(table)} group by _batch_id"
    ).fetchall()
    return {batch: (int(count), int(total)) for batch, count, total in rows}


def read_rejects(connection: Connection, plan: Plan, table: TablePlan, batch_id: str) -> list[tuple[str, str]]:
    """Return the refused rows of a batch with their reasons."""
    return connection.execute(
        "select reason, row_text from raw.raw_migration.reject where token = $1 and target = $2 and batch_id = $3 "
        "order by row_no",
        [plan.token, table.target, batch_id],
    ).fetchall()


def stored_chunk(row: dict[str, Any]) -> Chunk:
    """Return a chunk as its entry tells it."""
    lower, upper = row["lower_key"], row["upper_key"]
    return Chunk(
        number=row["chunk_no"],
        lower=int(lower) if lower is not None else None,
        upper=int(upper) if upper is not None else None,
        rows=row["source_rows"],
    )


def enter_chunks(connection: Connection, plan: Plan, run_id: str, files: Sequence[ChunkFile], now: datetime) -> None:
    """Enter chunks that were loaded, and their refused rows, as one transaction."""
    with transaction(connection):
        insert(
            connection,
            "chunk",
            [
                {
                    "token": plan.token,
                    "target": file.table.target,
                    "chunk_no": file.chunk.number,
                    "lower_key": None if file.chunk.lower is None else str(file.chunk.lower),
                    "upper_key": None if file.chunk.upper is None else str(file.chunk.upper),
                    "batch_id": file.batch_id,
                    "run_id": run_id,
                    "source_rows": file.chunk.rows,
                    "loaded": file.rows,
                    "rejected": len(file.rejects),
                    "plan_sha256": file.table.fingerprint,
                    "loaded_at": now,
                }
                for file in files
            ],
        )
        insert(
            connection,
            "reject",
            [
                {
                    "token": plan.token,
                    "target": file.table.target,
                    "batch_id": file.batch_id,
                    "row_no": number,
                    "reason": reason,
                    "row_text": row_text,
                    "rejected_at": now,
                }
                for file in files
                for number, (reason, row_text) in enumerate(file.rejects, start=1)
            ],
        )
