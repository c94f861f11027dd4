"""Proves that a validation finds what it should: damages copies of migrated tables and demands the exact keys.

1. The first rows of every table of a real database are migrated into a throw-away home.
2. The control: an undamaged migration must show no difference; each that it shows is a false alarm.
3. Each kind of damage is done once, to a copy of one table; the validation must name the damaged keys and columns, no
   more and no less. The damage is then undone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from ingestion.migration import books
from ingestion.migration.catalog import Catalog
from ingestion.migration.corruption import KINDS
from ingestion.migration.injury import Copy, Finding, Injury, Kind
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.planning import make_plan
from ingestion.migration.run import run_migration
from ingestion.migration.source import Address, Source, quote_name
from ingestion.migration.validation.results import Stopwatch
from ingestion.migration.validation.row_text import Side, lake_side, prepare_comparison
from ingestion.migration.validation.validate import compare_table, limit_memory, validate
from lakehouse.lake import Connection, open_lake
from lakehouse.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with what is being done, steps done and steps in all."""

ROWS_PER_TABLE = 20_000
_BYTES_PER_TABLE = 64 * 2**20
_LEAST_ROWS = 100
_SORTED_ROWS = 200_000
_COPY = "_radlake_copy"


@dataclass(frozen=True, kw_only=True, slots=True)
class KindResult:
    """What came of one kind of damage; it names tables and columns, never a value."""

    kind: str
    label_zh: str
    table: str | None = None
    columns: tuple[str, ...] = ()
    injected: bool = False
    found: bool = False
    expected_keys: int = 0
    found_keys: int = 0
    """Differences the validation listed, the right ones and others."""
    reason: str = ""
    """Why it was not injected."""


@dataclass(slots=True)
class SelftestResult:
    """What a self-test found."""

    tables: int = 0
    rows: int = 0
    injected: int = 0
    found: int = 0
    false_alarms: int = 0
    """Tables of the control that were called different."""
    not_applicable: int = 0
    kinds: list[KindResult] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    """Tables of the control that were called different."""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Return whether everything injected was found, something was, and nothing else."""
        return 0 < self.injected == self.found and not self.false_alarms


def selftest(
    settings: Settings,
    address: Address,
    *,
    rows_per_table: int = ROWS_PER_TABLE,
    progress: Progress | None = None,
) -> SelftestResult:
    """Migrate up to `rows_per_table` rows of every table into the home of `settings`, damage copies and look.

    The home must be a new one that is thrown away afterwards. A source that is written to meanwhile gives false alarms.
    """
    watch, steps = Stopwatch(), len(KINDS) + 3

    def tell(what: str, done: int) -> None:
        if progress:
            progress(what, done, steps)

    with open_origin(address, settings.work_folder) as (source, catalog):
        plan = _limited(source, make_plan(source, catalog, datetime.min), rows_per_table)
    tell("plan", 1)
    result = SelftestResult(tables=len(plan.tables))
    result.rows = run_migration(settings, address, plan).total("loaded")
    tell("run", 2)
    with open_origin(address, settings.work_folder) as (source, catalog):
        control = validate(settings, source, plan, catalog=catalog)
        result.alarms = [table.table for table in control.tables if not table.equal]
        result.false_alarms = len(result.alarms)
        tell("control", 3)
        # a table with refused rows is validated as any other, but a copy has no books of them
        sound = [
            plan.table(table.table) for table in control.tables if table.equal and table.loaded and not table.rejected
        ]
        with open_lake(settings, ("raw",), read_only=True) as connection:
            limit_memory(connection)
            prepare_comparison(connection)
            for number, kind in enumerate(KINDS):
                # every kind begins at another table, so that many tables are damaged
                turned = sound[number % len(sound) :] + sound[: number % len(sound)] if sound else []
                result.kinds.append(_try_kind(settings, source, catalog, connection, kind, turned))
                tell(kind.name, number + 4)
    result.injected = sum(item.injected for item in result.kinds)
    result.found = sum(item.found for item in result.kinds)
    result.not_applicable = len(KINDS) - result.injected
    result.seconds = watch.seconds()
    return result


def _limited(source: Source, plan: Plan, rows: int) -> Plan:
    """Return a plan of the first rows of every table: a part of each table takes the table's place."""
    return replace(plan, tables=tuple(_limit(source.engine, table, rows) for table in plan.tables))


def _limit(engine: str, table: TablePlan, rows: int) -> TablePlan:
    width = (table.size_bytes or 0) / table.rows if table.rows else 0
    if width:
        rows = min(rows, max(_LEAST_ROWS, int(_BYTES_PER_TABLE / width)))
    if table.rows <= rows:
        return table
    columns = ", ".join(quote_name(engine, column.name) for column in table.columns)
    key = ", ".join(quote_name(engine, name) for name in table.key)
    if key:
        order = f" order by {key}"
    elif engine == "postgresql" and table.rows <= _SORTED_ROWS:
        # without an order its scans may begin anywhere
        order = f" order by {Side(engine=engine, relation=table.source_table, table=table).row_hash()}"
    elif engine == "postgresql":
        # the same pages come with the same seed
        order = f" tablesample system ({100 * rows / table.rows:.6f}) repeatable (1)"
        rows = table.rows
    else:
        order = ""
    chosen = f"select {columns} from {table.source_table}{order} limit {rows}"
    return replace(table, source_table=f"({chosen}) radlake_part", rows=rows)


def _try_kind(
    settings: Settings,
    source: Source,
    catalog: Catalog,
    connection: Connection,
    kind: Kind,
    tables: Sequence[TablePlan],
) -> KindResult:
    """Do one kind of damage to a copy of the first table it applies to, validate the copy and undo it."""
    for table in tables:
        relation = f"temp.{_COPY}"
        columns = ", ".join(books.quoted(column.target_name) for column in table.columns)
        connection.execute(
            f"create or replace temp table {_COPY} as select {columns} from {books.target_table(table)} order by all"
        )
        connection.execute("begin transaction")
        try:
            injury = kind.apply(Copy(connection=connection, side=lake_side(table, relation)))
            if injury is not None:
                current = catalog.table(table.schema, table.name)
                comparison = compare_table(
                    source,
                    connection,
                    table,
                    current=current,
                    relation=relation,
                    depth="row_hash",
                    more_memory=settings.memory_limit,
                )
                return _judge(kind, table, injury, [(d.kind, d.row_key, d.columns) for d in comparison.differences])
        finally:
            connection.execute("rollback")
            connection.execute(f"drop table {_COPY}")
    return KindResult(kind=kind.name, label_zh=kind.label_zh, reason=f"it needs {kind.needs}; no table has that")


def _judge(kind: Kind, table: TablePlan, injury: Injury, findings: Sequence[Finding]) -> KindResult:
    return KindResult(
        kind=kind.name,
        label_zh=kind.label_zh,
        table=table.target,
        columns=injury.columns,
        injected=True,
        found=len(findings) == len(injury.expected) > 0 and frozenset(findings) == injury.expected,
        expected_keys=len(injury.expected),
        found_keys=len(findings),
    )
