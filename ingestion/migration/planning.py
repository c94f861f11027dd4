"""Makes the plan of a migration: looks at every table once, chooses types that lose nothing, orders and times the work.

Declared types are wishes: SQLite keeps anything anywhere, MySQL has dates without a day, PostgreSQL has infinity. Each
column is asked how many of its values do not fit; if any, it travels as text. Who wants the declared type all the same
names it in a file of types and allows the loss: the rows that do not fit are then refused by the run, one by one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ingestion.migration.catalog import Catalog, Column, Table, structure_sha256, target_name
from ingestion.migration.plan import ColumnPlan, Plan, TablePlan
from ingestion.migration.source import Source
from ingestion.migration.types import TypeRule, forced_rule, rule_of, text_rule
from lakehouse.errors import CheckFailedError, UsageError

Progress = Callable[[str, int, int], None]
"""Called with a table, tables done and tables in all."""

CHUNK_ROWS = 2_000_000
_CHUNK_BYTES = 512 * 2**20
_SECONDS_PER_TABLE = 0.05
_COLUMNS_PER_QUERY = 200
_NOT_IN_NAMES = str.maketrans("\n\r\t'\"▶", "______")
_NOT_IN_TABLES = str.maketrans("./\\%{}:*?<>|", "____________")
"""Names of tables become names of files."""


def make_plan(
    source: Source,
    catalog: Catalog,
    made_at: datetime,
    *,
    only: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    allow: Sequence[str] = (),
    prefix: str = "",
    chunk_rows: int = CHUNK_ROWS,
    progress: Progress | None = None,
) -> Plan:
    """Return the plan of all tables, or of those named (as they will be called in `raw_legacy`).

    `types` maps table.column to a type of the lake that should be used instead; what it cannot hold must be named in
    `allow` (table.column). Raises UsageError for a name that does not exist, CheckFailedError listing every lossy
    column that is not allowed.
    """
    names = _target_names(catalog, prefix)
    left_out = {
        names[table.schema, table.name]: "partition: travels with its table"
        for table in catalog.tables
        if table.partition_of is not None
    } | {names[table.schema, table.name]: "no columns" for table in catalog.tables if not table.columns}
    chosen = [table for table in _in_order(catalog) if names[table.schema, table.name] not in left_out]
    unknown = set(only) - {names[table.schema, table.name] for table in chosen}
    if unknown:
        raise UsageError(f"there is no table {', '.join(sorted(unknown))} to migrate")
    if only:
        chosen = [table for table in chosen if names[table.schema, table.name] in only]
    _check_columns_exist({names[table.schema, table.name]: table for table in chosen}, [*(types or {}), *allow])
    tables = []
    for done, table in enumerate(chosen, start=1):
        name = names[table.schema, table.name]
        tables.append(_plan_table(source, catalog, table, name, dict(types or {}), chunk_rows))
        if progress:
            progress(name, done, len(chosen))
    _check_lossy(tables, allow)
    return Plan(
        source=source.address.shown,
        token=source.address.token,
        engine=source.address.engine,
        server_version=catalog.version,
        made_at=made_at.isoformat(timespec="seconds"),
        tables=tuple(tables),
        left_out=dict(sorted(left_out.items())),
    )


def _target_names(catalog: Catalog, prefix: str) -> dict[tuple[str, str], str]:
    """Return the name in `raw_legacy` of each table; names that differ only by case get a number."""
    names: dict[tuple[str, str], str] = {}
    taken = {"_dlt_loads", "_dlt_version", "_dlt_pipeline_state"}
    for table in sorted(catalog.tables, key=lambda table: (table.schema, table.name)):
        wanted = (prefix + target_name(catalog, table)).translate(_NOT_IN_TABLES)
        names[table.schema, table.name] = _free_name(wanted, taken)
    return names


def _free_name(wanted: str, taken: set[str]) -> str:
    """Return a name of the lake: quotes and line breaks, which dlt would replace anyway, become underscores."""
    wanted = wanted.translate(_NOT_IN_NAMES).strip() or "unnamed"
    name, number = wanted, 2
    while name.lower() in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name.lower())
    return name


def _in_order(catalog: Catalog) -> list[Table]:
    """Return the tables with those they refer to before them; a circle is broken at its first name."""
    waiting = {(table.schema, table.name): table for table in catalog.tables}
    ordered: list[Table] = []
    while waiting:
        free = [
            place
            for place, table in waiting.items()
            if not any(
                (key.referenced_schema, key.referenced_table) in waiting
                and (key.referenced_schema, key.referenced_table) != place
                for key in table.foreign_keys
            )
        ] or [min(waiting)]
        for place in sorted(free):
            ordered.append(waiting.pop(place))
    return ordered


def _check_columns_exist(tables: Mapping[str, Table], wanted: Sequence[str]) -> None:
    for name in wanted:
        table, _, column = name.rpartition(".")
        if table not in tables or column not in {item.name for item in tables[table].columns}:
            raise UsageError(f"there is no column {name}; columns are named table.column")


def _plan_table(
    source: Source, catalog: Catalog, table: Table, name: str, types: Mapping[str, str], chunk_rows: int
) -> TablePlan:
    place = source.table_name(table.schema, table.name, with_children=table.is_partitioned)
    rules = {column.name: rule_of(source.engine, catalog.engine, column) for column in table.columns}
    rows, misfits, seconds = _count(source, place, rules)
    taken: set[str] = {"_batch_id", "_chunk_no", "_loaded_at"}
    columns = tuple(
        _plan_column(
            source.engine,
            column,
            rules[column.name],
            misfits.get(column.name, 0),
            types.get(f"{name}.{column.name}"),
            _free_name(column.name, taken),
        )
        for column in table.columns
    )
    chunk_column = _chunk_column(table, columns)
    width = (table.size_bytes or 0) / rows if rows else 0
    # a vector of DuckDB is 2,048 rows, so a chunk of large objects is made of fewer
    fitting = max(16, min(chunk_rows, CHUNK_ROWS, int(_CHUNK_BYTES / width) if width else CHUNK_ROWS))
    return TablePlan(
        schema=table.schema,
        name=table.name,
        target=name,
        columns=columns,
        key=table.row_key,
        rows=rows,
        structure_sha256=structure_sha256(table),
        source_table=place,
        chunk_column=chunk_column,
        chunk_rows=fitting if chunk_column else 0,
        size_bytes=table.size_bytes,
        estimated_seconds=round(_SECONDS_PER_TABLE + seconds, 2),
    )


def _count(source: Source, place: str, rules: Mapping[str, TypeRule]) -> tuple[int, dict[str, int], float]:
    """Return the rows of a table, the misfits of each column, and the seconds it took to look at all of them."""
    started = time.monotonic()
    tests = [(name, rule.misfit.format(source.quote(name))) for name, rule in rules.items() if rule.misfit]
    rows = 0
    misfits: dict[str, int] = {}
    for first in range(0, max(len(tests), 1), _COLUMNS_PER_QUERY):
        part = tests[first : first + _COLUMNS_PER_QUERY]
        sums = "".join(f", sum(case when {test} then 1 else 0 end)" for _, test in part)
        row = source.rows(f"select count(*){sums} from {place}")[0]
        rows = int(row[0])
        misfits |= {name: int(count or 0) for (name, _), count in zip(part, row[1:], strict=True)}
    return rows, misfits, time.monotonic() - started


def _plan_column(
    engine: str, column: Column, rule: TypeRule, misfits: int, wanted: str | None, target: str
) -> ColumnPlan:
    if wanted:
        rule = forced_rule(engine, rule, wanted, misfits)
    elif misfits:
        rule = text_rule(engine, rule, misfits)
    return ColumnPlan(
        name=column.name,
        target_name=target,
        source_type=column.source_type,
        target_type=rule.target_type,
        is_nullable=column.is_nullable,
        wire=rule.wire,
        convert=rule.convert,
        source_text=rule.source_text,
        target_text=rule.target_text,
        is_lob=rule.is_lob,
        lossy=rule.lossy,
        misfits=misfits,
        note=rule.note,
    )


def _chunk_column(table: Table, columns: Sequence[ColumnPlan]) -> str | None:
    if len(table.row_key) != 1:
        return None
    column = next(column for column in columns if column.name == table.row_key[0])
    return column.name if column.target_type in ("smallint", "integer", "bigint") else None


def _check_lossy(tables: Sequence[TablePlan], allow: Sequence[str]) -> None:
    lossy = [
        f"{table.target}.{column.name} to {column.target_type} ({column.lossy})"
        for table in tables
        for column in table.columns
        if column.lossy and f"{table.target}.{column.name}" not in allow
    ]
    if lossy:
        raise CheckFailedError(
            "these columns would lose something: " + "; ".join(lossy) + "; allow each with --allow table.column"
        )
