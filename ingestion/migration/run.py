"""Moves the tables of a plan into `raw_legacy`: one snapshot, chunk by chunk, through dlt, with books that balance.

1. The structure of every table is compared with the plan; a table that was altered stops the run.
2. A scanner opens one snapshot and counts every table in it.
3. Chunks that an earlier run loaded are kept when the source still has the same rows in them, else taken back.
4. A thread reads the missing chunks into Parquet files; dlt appends them in units while the next unit is being read.
5. A unit is counted in the target before its chunks are entered; whatever is not entered is taken back by the next run.

So the same command again, after a crash or a change of the source, always ends with the source's rows of its snapshot.
"""

import importlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ingestion.migration import books
from ingestion.migration.catalog import Catalog, structure_sha256
from ingestion.migration.chunks import Chunk, ChunkFile, count_rows, read_chunk
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, TablePlan, plan_folder
from ingestion.migration.progress import Progress, ProgressLines
from ingestion.migration.scanner import Scanner, check_space, open_scanner
from ingestion.migration.source import Address, Source
from ingestion.migration.standing import find_missing
from lakehouse.errors import ContractError, RadlakeError, SourceUnreachableError
from lakehouse.lake import Connection, DatabaseError, create_raw_tables, empty_work_folder, keep_instance, open_lake
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

_UNIT_ROWS = 2_000_000
_UNIT_FILES = 64
_SLOW_CHUNK_ROWS = 1000


@dataclass(slots=True)
class TableResult:
    """What became of one table; source = loaded + rejected + unchanged."""

    table: str
    source: int = 0
    loaded: int = 0
    rejected: int = 0
    unchanged: int = 0
    removed: int = 0
    chunks: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class RunResult:
    """What a run did."""

    run_id: str
    plan_id: str
    position: str = ""
    tables: list[TableResult] = field(default_factory=list)
    seconds: float = 0.0
    files: dict[str, int] = field(default_factory=dict)
    """Files that rows refer to by path, by what became of them; empty when nobody named their folder."""

    def total(self, name: str) -> int:
        """Return the sum of source, loaded, rejected, unchanged or removed over all tables."""
        return sum(getattr(table, name) for table in self.tables)


def run_migration(
    settings: Settings,
    address: Address,
    plan: Plan,
    *,
    rows_per_second: int | None = None,
    retries: int = 3,
    wait_seconds: float = 5.0,
    progress: Callable[[Progress], None] | None = None,
) -> RunResult:
    """Bring `raw_legacy` to the state of the source; a source that goes away is waited for, `retries` times.

    Raises ContractError when a table is not as the plan knows it, SourceUnreachableError when the source stays away,
    RadlakeError when rows go missing or the disk is full. What was loaded until then stays.
    """
    attempt = 0
    while True:
        try:
            return _run_once(settings, address, plan, rows_per_second, progress)
        except SourceUnreachableError:
            attempt += 1
            if attempt > retries:
                raise
            logger.warning("the source went away; attempt %d of %d in %s s", attempt, retries, wait_seconds)
            time.sleep(wait_seconds)


def check_structure(source: Source, catalog: Catalog, plan: Plan) -> None:
    """Raise ContractError naming every table and column that was altered since the plan was made."""
    altered = []
    present = {(table.schema, table.name): table for table in catalog.tables}
    for planned in plan.tables:
        table = present.get((planned.schema, planned.name))
        if table is None:
            altered.append(f"{planned.target} is gone")
        elif structure_sha256(table) != planned.structure_sha256:
            before = {column.name: column.source_type for column in planned.columns}
            after = {column.name: column.source_type for column in table.columns}
            parts = [f"new column {name}" for name in after if name not in before]
            parts += [f"column {name} is gone" for name in before if name not in after]
            parts += [
                f"column {name} has another type" for name in before if after.get(name, before[name]) != before[name]
            ]
            altered.append(f"{planned.target}: {', '.join(parts) or 'another key or other NULLs'}")
    if altered:
        raise ContractError("altered since the plan was made: " + "; ".join(altered) + "; make the plan again")


def _run_once(
    settings: Settings,
    address: Address,
    plan: Plan,
    rows_per_second: int | None,
    progress: Callable[[Progress], None] | None,
) -> RunResult:
    started, run_id = time.monotonic(), new_batch_id()
    if rows_per_second:
        # the pauses lie between chunks
        most = max(_SLOW_CHUNK_ROWS, rows_per_second)
        plan = replace(
            plan, tables=tuple(replace(table, chunk_rows=min(table.chunk_rows, most)) for table in plan.tables)
        )
    empty_work_folder(settings)
    result = RunResult(run_id=run_id, plan_id=plan.plan_id)
    with ExitStack() as stack:
        stack.enter_context(keep_instance(settings))
        target = stack.enter_context(ThreadPoolExecutor(1)).submit(open_target, settings)
        path = _check_source(stack, settings, address, plan)
        scanner = stack.enter_context(open_scanner(settings, address, path))
        result.position = scanner.read_position()
        # dlt takes a second to import; here it does so while the source counts
        threading.Thread(target=importlib.import_module, args=("ingestion.load",), daemon=True).start()
        result.tables = [TableResult(table=table.target, source=count_rows(scanner, table)) for table in plan.tables]
        target.result()
        started_at = local_now(settings.timezone)
        try:
            work = _prepare(settings, scanner, plan, result)
            lines = ProgressLines(plan_folder(settings, address), result.tables, progress)
            _load(settings, scanner, plan, work, result, lines, rows_per_second)
        except BaseException as error:
            # a full disk has no room for this entry either
            with suppress(DatabaseError, OSError):
                _enter_run(settings, address, plan, result, started_at, "failed")
            check_space(error)
            raise
        result.seconds = round(time.monotonic() - started, 3)
        for table in result.tables:
            table.seconds = round(table.seconds, 3)
        _enter_run(settings, address, plan, result, started_at, "done")
    empty_work_folder(settings)
    return result


def open_target(settings: Settings) -> None:
    """Attach the zone `raw`, which stays attached while an instance is kept, and make the books."""
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["migration"])


def _check_source(stack: ExitStack, settings: Settings, address: Address, plan: Plan) -> Path | None:
    """Compare the structure with the plan; return the file of a dump, which stays until the stack closes."""
    if address.engine == "dump":
        source, catalog = stack.enter_context(open_origin(address, settings.work_folder))
        check_structure(source, catalog, plan)
        return source.file
    # closed before the scanner opens: two SQLite libraries in one process take each other's locks away
    with open_origin(address, settings.work_folder) as (source, catalog):
        check_structure(source, catalog, plan)
    return None


def _prepare(settings: Settings, scanner: Scanner, plan: Plan, result: RunResult) -> list[tuple[TablePlan, Chunk]]:
    """Make the target tables, decide which chunks stand, and return those that must be read."""
    work: list[tuple[TablePlan, Chunk]] = []
    with open_lake(settings, ("raw",)) as connection:
        for table, account in zip(plan.tables, result.tables, strict=True):
            began = time.monotonic()
            account.removed = books.prepare_table(connection, plan, table)
            standing = find_missing(scanner, connection, plan, table, account.source)
            account.removed += standing.removed
            account.unchanged, account.rejected = standing.unchanged, standing.rejected
            work += [(table, chunk) for chunk in standing.missing if chunk.rows]
            account.seconds += time.monotonic() - began
    return work


def _load(
    settings: Settings,
    scanner: Scanner,
    plan: Plan,
    work: Sequence[tuple[TablePlan, Chunk]],
    result: RunResult,
    lines: ProgressLines,
    rows_per_second: int | None,
) -> None:
    accounts = {account.table: account for account in result.tables}
    with _reading(settings, scanner, work, result.run_id, rows_per_second) as units:
        for unit in units:
            began = time.monotonic()
            _append(settings, unit)
            with open_lake(settings, ("raw",)) as connection:
                _check_counts(connection, unit)
                books.enter_chunks(connection, plan, result.run_id, unit, local_now(settings.timezone))
            for file in unit:
                file.path.unlink()
                account = accounts[file.table.target]
                account.loaded += file.rows
                account.rejected += len(file.rejects)
                account.chunks += 1
                account.seconds += (time.monotonic() - began) / len(unit)
                lines.tell(account)
    for account in result.tables:
        if account.loaded + account.rejected + account.unchanged != account.source:
            raise RadlakeError(
                f"the books of {account.table} do not balance: source {account.source}, loaded {account.loaded}, "
                f"rejected {account.rejected}, unchanged {account.unchanged}"
            )


def _append(settings: Settings, unit: Sequence[ChunkFile]) -> None:
    from ingestion.load import FilesOfTable, append_files  # imported already by a thread, see _run_once

    tables: dict[str, list[ChunkFile]] = {}
    for file in unit:
        tables.setdefault(file.table.target, []).append(file)
    try:
        append_files(
            settings,
            "legacy",
            [
                FilesOfTable(
                    table=target,
                    columns=dict(books.planned_columns(files[0].table)),
                    files=tuple((file.path, file.rows) for file in files),
                )
                for target, files in tables.items()
            ],
        )
    except Exception as error:
        check_space(error)
        # the text of dlt's error may quote a value
        raise RadlakeError(
            f"the rows read could not be appended ({_innermost(error)}); run the same command again"
        ) from None


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _check_counts(connection: Connection, unit: Sequence[ChunkFile]) -> None:
    for table in {file.table.target: file.table for file in unit}.values():
        batches = {file.batch_id: file.rows for file in unit if file.table.target == table.target}
        found = dict(
            connection.execute(
                f"select _batch_id, count(*) from {books.target_table(table)} "
                "where _batch_id in (select unnest($1::varchar[])) group by all",
                [list(batches)],
            ).fetchall()
        )
        if found != {batch: rows for batch, rows in batches.items() if rows}:
            raise RadlakeError(f"raw_legacy.{table.target} does not hold the rows that were appended; run again")


@contextmanager
def _reading(
    settings: Settings,
    scanner: Scanner,
    work: Sequence[tuple[TablePlan, Chunk]],
    run_id: str,
    rows_per_second: int | None,
) -> Iterator[Iterator[list[ChunkFile]]]:
    """Read chunks in a thread of its own and yield them in units, one unit ahead of the loading."""
    units: queue.Queue[list[ChunkFile] | BaseException | None] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(item: list[ChunkFile] | BaseException | None) -> None:
        while not stop.is_set():
            try:
                units.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def read() -> None:
        try:
            for unit in _read_units(settings, scanner, work, run_id, rows_per_second, stop):
                put(unit)
            put(None)
        except BaseException as error:
            put(error)

    def loaded_units() -> Iterator[list[ChunkFile]]:
        while (item := units.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=read, name="radlake-read", daemon=True)
    thread.start()
    try:
        yield loaded_units()
    finally:
        stop.set()
        if thread.is_alive():
            scanner.connection.interrupt()
        thread.join()


def _read_units(
    settings: Settings,
    scanner: Scanner,
    work: Sequence[tuple[TablePlan, Chunk]],
    run_id: str,
    rows_per_second: int | None,
    stop: threading.Event,
) -> Iterator[list[ChunkFile]]:
    folder = settings.work_folder / "chunks"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    loaded_at = local_now(settings.timezone).isoformat(sep=" ", timespec="microseconds")
    unit: list[ChunkFile] = []
    began, rows = time.monotonic(), 0
    for number, (table, chunk) in enumerate(work):
        if stop.is_set():
            return
        unit.append(
            read_chunk(
                scanner,
                table,
                chunk,
                batch_id=f"{run_id}_{number:06d}",
                loaded_at=loaded_at,
                path=folder / f"{number:06d}.parquet",
            )
        )
        rows += chunk.rows
        if rows_per_second:
            stop.wait(max(0.0, rows / rows_per_second - (time.monotonic() - began)))
        if len(unit) >= _UNIT_FILES or sum(file.rows for file in unit) >= _UNIT_ROWS:
            yield unit
            unit = []
    if unit:
        yield unit


def _enter_run(
    settings: Settings, address: Address, plan: Plan, result: RunResult, started_at: datetime, status: str
) -> None:
    with open_lake(settings, ("raw",)) as connection:
        now = local_now(settings.timezone)
        books.insert(
            connection,
            "run",
            [
                {
                    "run_id": result.run_id,
                    "token": plan.token,
                    "source": address.shown,
                    "engine": plan.engine,
                    "plan_id": plan.plan_id,
                    "position": result.position,
                    "status": status,
                    "started_at": started_at,
                    "ended_at": now,
                }
            ],
        )
        if status == "done":
            books.insert(
                connection,
                "table_run",
                [
                    {
                        "run_id": result.run_id, "token": plan.token, "target": table.table,
                        "source_rows": table.source, "loaded": table.loaded, "rejected": table.rejected,
                        "unchanged": table.unchanged, "removed": table.removed, "chunks": table.chunks,
                        "seconds": table.seconds,
                    }
                    for table in result.tables
                ],
            )  # fmt: skip
