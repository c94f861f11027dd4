"""Keeps the books of a load: begun, every file with its refusals and issues, value maps, ended.

Loads that were killed between the rows and the books are undone before the next one, so that no row stands in `raw`
that the books do not know.
"""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from ingestion.mapping import SourceMapping
from lakehouse.contract import read_contract
from lakehouse.lake import Connection, append_arrow, transaction
from lakehouse.log import get_logger

logger = get_logger(__name__)


def undo_open_loads(connection: Connection) -> int:
    """Remove the rows of loads that began and never ended, of all sources; return how many rows that were."""
    removed = 0
    loads = connection.execute("select batch_id, source from raw.raw_ledger.open_load order by batch_id").fetchall()
    for batch_id, source in loads:
        with transaction(connection):
            for table in read_contract(source).values():
                row = connection.execute(
                    f'delete from raw.{table.schema}."{table.name}" where _batch_id = $1', [batch_id]
                ).fetchone()
                removed += int(row[0]) if row else 0
            connection.execute("delete from raw.raw_ledger.open_load where batch_id = $1", [batch_id])
        logger.warning("rows of a load that was cut off were removed: load it again")
    return removed


def begin_load(connection: Connection, batch_id: str, source: str, started_at: datetime) -> None:
    """Note that a load begins."""
    connection.execute("insert into raw.raw_ledger.open_load values ($1, $2, $3)", [batch_id, source, started_at])


def end_load(connection: Connection, batch_id: str, source: str, *, has_news: bool) -> None:
    """Note, in the transaction of the books, that a load ended, and that its news wait to be related."""
    connection.execute("delete from raw.raw_ledger.open_load where batch_id = $1", [batch_id])
    if has_news:
        connection.execute("insert into raw.raw_ledger.unrelated_load values ($1, $2)", [batch_id, source])


def unrelated_loads(connection: Connection) -> list[str]:
    """Return the loads that were not yet compared with those of other systems, also those a killed run left."""
    rows = connection.execute("select distinct batch_id from raw.raw_ledger.unrelated_load order by 1").fetchall()
    return [row[0] for row in rows]


def write_code_map(connection: Connection, mapping: SourceMapping, batch_id: str, loaded_at: datetime) -> int:
    """Write the value maps of a mapping YAML where they changed; return how many values are new.

    A map replaces the one that was written for the same source, period and table before.
    """
    rows = {
        (file.entity, column, value): standard
        for file in mapping.files
        for column, values in file.codes.items()
        for value, standard in values.items()
    }
    entities = sorted({file.entity for file in mapping.files if file.entity})
    scope = "source = $1 and period is not distinct from $2 and list_contains($3::varchar[], entity)"
    parameters = [mapping.source, mapping.period, entities]
    before = {
        (entity, column, value): standard
        for entity, column, value, standard in connection.execute(
            f"select entity, column_name, source_value, standard_value from raw.raw_ledger.code_map where {scope}",
            parameters,
        ).fetchall()
    }
    if rows == before:
        return 0
    if before:
        connection.execute(f"delete from raw.raw_ledger.code_map where {scope}", parameters)
    if rows:
        append_arrow(connection, "raw.raw_ledger.code_map", _code_rows(rows, mapping, batch_id, loaded_at))
    return len(set(rows.items()) - set(before.items()))


def _code_rows(
    rows: dict[tuple[str, str, str], str], mapping: SourceMapping, batch_id: str, loaded_at: datetime
) -> pa.Table:
    ordered: Sequence[tuple[tuple[str, str, str], str]] = sorted(rows.items())
    columns = {
        "batch_id": [batch_id] * len(ordered),
        "source": [mapping.source] * len(ordered),
        "period": pa.array([mapping.period] * len(ordered), pa.string()),
        "entity": [key[0] for key, _ in ordered],
        "column_name": [key[1] for key, _ in ordered],
        "source_value": [key[2] for key, _ in ordered],
        "standard_value": [standard for _, standard in ordered],
        "loaded_at": pa.array([loaded_at] * len(ordered), pa.timestamp("us")),
    }
    return pa.table(columns)
