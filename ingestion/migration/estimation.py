"""Estimates how long each table will travel, by moving a sample of it as far as a throw-away file."""

import time
from dataclasses import replace
from pathlib import Path

from ingestion.migration.chunks import Chunk, read_chunk
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.scanner import Scanner, literal, open_scanner
from ingestion.migration.source import Address
from lakehouse.settings import Settings

_SAMPLE_ROWS = 100_000
_SECONDS_PER_TABLE = 0.3
"""What a table costs however small it is."""


def estimate(settings: Settings, address: Address, plan: Plan, path: Path | None = None) -> Plan:
    """Return the plan with estimated seconds; `path` is the SQLite file of a dump.

    A table is read in full speed for at most 100,000 rows and written twice, as the run does: to the file that is
    handed over, and to the lake.
    """
    with open_scanner(settings, address, path) as scanner:
        tables = tuple(
            replace(table, estimated_seconds=round(_estimate_table(settings, scanner, table), 1))
            for table in plan.tables
        )
    return replace(plan, tables=tables)


def _estimate_table(settings: Settings, scanner: Scanner, table: TablePlan) -> float:
    rows = min(table.rows, _SAMPLE_ROWS, table.chunk_rows or _SAMPLE_ROWS)
    if rows < _SAMPLE_ROWS / 10:
        return _SECONDS_PER_TABLE
    path, again = settings.work_folder / "sample.parquet", settings.work_folder / "again.parquet"
    # whole, whatever ranges or parts the table travels in
    sample = replace(
        table,
        source_table=f"(select * from {table.source_table} limit {rows}) as sample",
        chunk_column=None,
    )
    started = time.monotonic()
    read_chunk(
        scanner, sample, Chunk(number=0, lower=None, upper=None, rows=rows), batch_id="sample",
        loaded_at="2000-01-01 00:00:00", path=path,
    )  # fmt: skip
    scanner.execute(f"copy (select * from {literal(str(path))}) to {literal(str(again))} (format parquet)")
    seconds = time.monotonic() - started
    path.unlink()
    again.unlink()
    return _SECONDS_PER_TABLE + seconds / rows * table.rows
