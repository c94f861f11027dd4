"""Validates a migrated database against its source, table by table, and stores every comparison with its SQL.

1. Structure: columns, types, NULLs and key, of the plan, of the source as it is now, and of the lake.
2. Counts: source = loaded + refused.
3. Row hashes, one pass on each side at the same time; where they differ, bisection to the keys and columns.
4. Aggregates of every column, and SHA-256 of large objects: bytes, and texts longer than 255 bytes.
5. Files that the rows refer to by path, against what the run recorded.

A row that the run refused is told as rejected and is no difference.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from ingestion.migration import books
from ingestion.migration.catalog import Catalog, Table
from ingestion.migration.engines import read_catalog
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.source import Source
from ingestion.migration.validation.aggregates import compare_columns, compare_objects
from ingestion.migration.validation.bisection import find_differences
from ingestion.migration.validation.files import compare_files
from ingestion.migration.validation.fingerprint import Pair, RefusedRow, differing, first_buckets, read_sums, total
from ingestion.migration.validation.refusals import read_refused
from ingestion.migration.validation.results import (
    Check,
    Comparison,
    ResultBook,
    Stopwatch,
    TableResult,
    ValidationResult,
)
from ingestion.migration.validation.row_text import lake_side, prepare_comparison, source_side
from ingestion.migration.validation.structure import compare_structure, is_comparable
from lakehouse.errors import RadlakeError, UsageError
from lakehouse.lake import Connection, DatabaseError, create_raw_tables, open_lake
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with a table, tables done and tables in all."""

DEPTHS = ("count", "aggregate", "row_hash", "full")
"""Structure and counts; with aggregates; with row hashes; everything."""
DIFFERENCES_KEPT = 10_000
MEMORY = "128MB"
"""What the lake's side of a comparison may use; the whole process stays far below 512 MB."""
_RANGES = 64


def validate(
    settings: Settings,
    source: Source,
    plan: Plan,
    *,
    catalog: Catalog | None = None,
    tables: Sequence[str] | None = None,
    depth: str = "full",
    files_root: Path | None = None,
    limit: int = DIFFERENCES_KEPT,
    progress: Progress | None = None,
) -> ValidationResult:
    """Compare the tables of a plan, or those named, with the source, and store what was found.

    `catalog` is read from the source when not given; `limit` bounds the differences of a table that are stored, not
    those that are counted. Raises UsageError for an unknown table or depth.
    """
    if depth not in DEPTHS:
        raise UsageError(f"depth {depth!r} is unknown; there are {', '.join(DEPTHS)}")
    chosen = _chosen(plan, tables)
    catalog = catalog or read_catalog(source)
    current = {(table.schema, table.name): table for table in catalog.tables}
    watch, started_at = Stopwatch(), local_now(settings.timezone)
    if source.engine == "postgresql":
        # it takes every row for a bucket of its own and would sort them all
        source.connection.exec_driver_sql("set local enable_sort = off")
    result = ValidationResult(validation_id=new_batch_id(), plan_id=plan.plan_id, depth=depth, position=source.position)
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["migration"])
        limit_memory(connection)
        prepare_comparison(connection)
        book = ResultBook(connection, result.validation_id, plan.token)
        for done, table in enumerate(chosen, start=1):
            comparison = compare_table(
                source,
                connection,
                table,
                current=current.get((table.schema, table.name)),
                refused=read_refused(connection, plan, table),
                depth=depth,
                limit=limit,
                more_memory=settings.memory_limit,
            )
            if files_root is not None and depth == "full":
                compare_files(connection, plan, table, files_root, comparison, limit=limit)
            book.add(comparison, local_now(settings.timezone))
            result.tables.append(comparison.result)
            if progress:
                progress(table.target, done, len(chosen))
        result.seconds = watch.seconds()
        book.write([_entry(result, plan, started_at, local_now(settings.timezone))])
    return result


def _chosen(plan: Plan, tables: Sequence[str] | None) -> list[TablePlan]:
    unknown = set(tables or ()) - {table.target for table in plan.tables}
    if unknown:
        raise UsageError(f"the plan has no table {', '.join(sorted(unknown))}")
    return [table for table in plan.tables if tables is None or table.target in tables]


def limit_memory(connection: Connection, limit: str = MEMORY) -> None:
    """Bound the memory of a comparison, whose temporary tables spill to the work folder beyond it."""
    connection.execute(f"set memory_limit = '{limit}'")


def compare_table(
    source: Source,
    connection: Connection,
    table: TablePlan,
    *,
    current: Table | None,
    refused: Sequence[RefusedRow] = (),
    relation: str | None = None,
    depth: str = "full",
    limit: int = DIFFERENCES_KEPT,
    more_memory: str | None = None,
) -> Comparison:
    """Compare one table with its copy in the lake, or with another relation of the connection, and store nothing.

    The connection was prepared by `prepare_comparison`; `more_memory` is given to a table whose rows are so large that
    the comparison needs it. Raises RadlakeError when the lake refuses a query.
    """
    pair = Pair(
        source=source,
        connection=connection,
        old=source_side(source, table),
        new=lake_side(table, relation or books.target_table(table)),
        refused=tuple(refused),
    )
    try:
        return _compare(pair, current, depth, limit)
    except DatabaseError as error:
        # a lack of memory may be told only when the answer is fetched, and then by another name
        if more_memory is None:
            # its own text may hold a value
            raise RadlakeError(f"the lake refused a query about {table.target} ({type(error).__name__})") from None
    limit_memory(connection, more_memory)
    try:
        return _compare(pair, current, depth, limit)
    except DatabaseError as error:
        raise RadlakeError(f"the lake refused a query about {table.target} ({type(error).__name__})") from None
    finally:
        limit_memory(connection)


def _compare(pair: Pair, current: Table | None, depth: str, limit: int) -> Comparison:
    watch, table = Stopwatch(), pair.old.table
    comparison = Comparison(result=TableResult(table=table.target, rejected=len(pair.refused)))
    comparison.checks = compare_structure(pair.connection, table, current)
    if is_comparable(comparison.checks):
        _compare_rows(pair, comparison, depth, limit)
        facts = compare_columns(pair) if depth in ("aggregate", "full") else []
        comparison.checks += facts + (compare_objects(pair, facts) if depth == "full" else [])
    else:
        _count_what_there_is(pair, comparison, current)
    result = comparison.result
    result.failed = [check.name for check in comparison.checks if not check.is_equal]
    result.equal = not result.failed and not result.differences
    result.seconds = watch.seconds()
    return comparison


def _count_what_there_is(pair: Pair, comparison: Comparison, current: Table | None) -> None:
    """Count the rows of a table that is gone from one side, or is not as planned; what is gone has none."""
    watch, result = Stopwatch(), comparison.result
    queries = (f"select count(*) from {pair.old.relation}", f"select count(*) from {pair.new.relation}")
    if current is not None:
        result.source = int(pair.source.scalar(queries[0]))
    if any(check.measure == "columns" and check.target_value != "[]" for check in comparison.checks):
        result.loaded = int(pair.connection.execute(queries[1]).fetchall()[0][0])
    comparison.checks.append(_count_check(result, queries, watch))


def _compare_rows(pair: Pair, comparison: Comparison, depth: str, limit: int) -> None:
    """Compare counts and, unless the depth is less, hashes; find what differs."""
    watch, result = Stopwatch(), comparison.result
    queries = (f"select count(*) from {pair.old.relation}", f"select count(*) from {pair.new.relation}")
    if depth not in ("row_hash", "full"):
        (old_row,), (new_row,) = pair.ask_both(*queries)
        result.source, result.loaded = int(old_row[0]), int(new_row[0])
        comparison.checks.append(_count_check(result, queries, watch))
        return
    buckets = first_buckets(pair, _RANGES)
    sums = read_sums(pair, buckets)
    queries = (buckets.query(pair.old), buckets.query(pair.new))
    (result.source, old_sum), (with_refused, new_sum) = (total(side) for side in sums)
    result.loaded = with_refused - result.rejected
    comparison.checks.append(_count_check(result, queries, watch))
    if differing(*sums):
        found = find_differences(pair, buckets, sums, limit=limit)
        result.differences, comparison.differences = dict(found.counts), list(found.listed)
    comparison.checks.append(
        Check(
            target=result.table,
            kind="row_hash",
            measure="sum of hashes by bucket",
            source_value=str(old_sum),
            target_value=str(new_sum),
            # a table without transactions may change between two passes
            is_equal=not result.differences and (not differing(*sums) or bool(pair.refused)),
            source_sql=queries[0],
            target_sql=queries[1],
            seconds=watch.seconds(),
        )
    )


def _count_check(result: TableResult, queries: tuple[str, str], watch: Stopwatch) -> Check:
    return Check(
        target=result.table,
        kind="count",
        measure="rows, refused ones included" if result.rejected else "rows",
        source_value=str(result.source),
        target_value=str(result.loaded + result.rejected),
        is_equal=result.source == result.loaded + result.rejected,
        source_sql=queries[0],
        target_sql=queries[1],
        seconds=watch.seconds(),
    )


def _entry(result: ValidationResult, plan: Plan, started_at: datetime, ended_at: datetime) -> dict[str, object]:
    return {
        "validation_id": result.validation_id,
        "token": plan.token,
        "plan_id": plan.plan_id,
        "position": result.position,
        "depth": result.depth,
        "tables": len(result.tables),
        "equal_tables": sum(table.equal for table in result.tables),
        "differences": result.differences,
        "started_at": started_at,
        "ended_at": ended_at,
    }
