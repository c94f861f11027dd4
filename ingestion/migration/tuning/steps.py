"""Proposes tuning steps from the queries that were replayed, and decides from their times which are worth keeping.

Per table: fewer files, a sort order by what queries filter, join or group by, partitions by year or by a code; per
view: the view as a table. DuckLake has no indexes; sort order and partitions let it skip what cannot match.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingestion.migration.books import quoted
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.tuning.layout import Layout, count_files, place, read_layout
from ingestion.migration.tuning.replay import Replayed
from ingestion.migration.tuning.timing import Timing
from lakehouse.lake import Connection

LEAST_ROWS = 10_000
"""A smaller table is read at once, however it lies."""
MOST_STEPS = 16
MARGIN = 0.10
FLOOR_MS = 1.0
_WORSE = 0.20
_WORSE_FLOOR_MS = 5.0
VIEW_MARGIN = 0.25
"""A view as a table must be worth the room it takes and the work to keep it fresh."""
_MOST_SORTS = 2
_YEARS = (2, 60)
_CODES = (2, 20)
_WEIGHTS = {"range": 3.0, "equal": 3.0, "join": 1.0, "group": 1.0}
_SORTABLE = (
    "smallint",
    "integer",
    "bigint",
    "decimal",
    "double",
    "date",
    "timestamp",
    "timestamptz",
    "varchar",
    "time",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One change that may make queries faster."""

    target: str
    """Table, or view, it is about."""
    kind: str
    """compaction, sort, partition or materialization."""
    detail: str
    columns: tuple[str, ...] = ()
    """Columns whose queries should gain; empty when all of them should."""
    sort: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    view: str | None = None
    """The view, as schema.name, that becomes the table `mv_…`."""

    def layout(self, now: Layout) -> Layout:
        """Return the layout this step leads to from the present one."""
        return Layout(sort=self.sort or now.sort, partition=self.partition or now.partition)


def propose(connection: Connection, plan: Plan, replayed: Sequence[Replayed], views: Mapping[str, str]) -> list[Step]:
    """Return the steps worth trying, the tables whose queries take longest first."""
    read = [item for item in replayed if item.translation is not None and item.target_timing is not None]
    cost: dict[str, float] = defaultdict(float)
    for item in read:
        assert item.target_timing is not None
        for table in item.tables:
            cost[table] += item.target_timing.p50_ms
    steps: list[Step] = []
    for table in sorted(cost, key=lambda name: (-cost[name], name)):
        planned = plan.table(table)
        rows = connection.execute(f"select count(*) from {place(table)}").fetchone()
        if rows is not None and rows[0] >= LEAST_ROWS:
            steps += _table_steps(connection, planned, read)
    return (_view_steps(read, views)[: MOST_STEPS // 2] + steps)[:MOST_STEPS]


def _table_steps(connection: Connection, table: TablePlan, read: Sequence[Replayed]) -> list[Step]:
    steps = []
    now = read_layout(connection, table.target)
    files, gone = count_files(connection, table.target)
    if gone or (files > 1 and not now.partition):
        detail = f"{files} files" + (f", {gone} with deleted rows" if gone else "")
        steps.append(Step(target=table.target, kind="compaction", detail=detail))
    columns = weigh_columns(table, read)
    for column in columns[:_MOST_SORTS]:
        if now.sort[:1] != (quoted(column),):
            steps.append(_sort_step(table, (column,)))
    if len(columns) > 1 and now.sort != (quoted(columns[0]), quoted(columns[1])):
        steps.append(_sort_step(table, (columns[0], columns[1])))
    if not now.partition:
        found = _partition_key(connection, table, columns)
        if found:
            column, key = found
            steps.append(Step(target=table.target, kind="partition", detail=key, columns=(column,), partition=(key,)))
    return steps


def _sort_step(table: TablePlan, columns: tuple[str, ...]) -> Step:
    keys = tuple(quoted(name) for name in columns)
    return Step(target=table.target, kind="sort", detail=", ".join(columns), columns=columns, sort=keys)


def weigh_columns(table: TablePlan, read: Sequence[Replayed]) -> list[str]:
    """Return the columns of a table that its queries look for, those of the longest queries first."""
    types = {column.target_name: column.target_type for column in table.columns if not column.is_lob}
    weights: dict[str, float] = defaultdict(float)
    for item in read:
        assert item.translation is not None and item.target_timing is not None
        for use in item.translation.uses:
            if use.target == table.target and types.get(use.column, "").partition("(")[0] in _SORTABLE:
                weights[use.column] += _WEIGHTS[use.role] * max(item.target_timing.p50_ms, 0.001)
    return sorted(weights, key=lambda name: (-weights[name], name))


def _partition_key(connection: Connection, table: TablePlan, columns: Sequence[str]) -> tuple[str, str] | None:
    """Return a column and a key of it that makes neither one partition nor hundreds: a year, or a code."""
    types = {column.target_name: column.target_type for column in table.columns}
    for column in columns[:3]:
        name = quoted(column)
        is_moment = types[column] in ("date", "timestamp")
        key = f"year({name})" if is_moment else name
        least, most = _YEARS if is_moment else _CODES
        row = connection.execute(f"select count(distinct {key}) from {place(table.target)}").fetchone()
        if row is not None and least <= row[0] <= most:
            return column, key
    return None


def _view_steps(read: Sequence[Replayed], views: Mapping[str, str]) -> list[Step]:
    cost: dict[str, float] = defaultdict(float)
    for item in read:
        assert item.translation is not None and item.target_timing is not None
        if item.status in ("same", "target only"):
            for view in item.translation.views:
                cost[view] += item.target_timing.p50_ms
    return [
        Step(target=view_table(view), kind="materialization", detail=view, view=view)
        for view in sorted(cost, key=lambda name: (-cost[name], name))
        if view not in views
    ]


def view_table(view: str) -> str:
    """Return the table of `raw_legacy` that a view becomes."""
    return f"mv_{view.partition('.')[2]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One query before a step, before it once more, and after it."""

    before: Timing
    again: Timing
    after: Timing

    @property
    def is_worse(self) -> bool:
        """Tell whether the step made the query clearly slower, by p50 and by p95."""
        old = max(self.before.p95_ms, self.again.p95_ms)
        old_middle = max(self.before.p50_ms, self.again.p50_ms)
        is_middle_worse = self.after.p50_ms > old_middle * (1 + _WORSE)
        return is_middle_worse and self.after.p95_ms - old > max(_WORSE * old, _WORSE_FLOOR_MS)


def is_better(gaining: Sequence[Measured], others: Sequence[Measured], margin: float = MARGIN) -> tuple[bool, str]:
    """Tell whether a step is worth keeping, and why.

    The queries that should gain must do so by more than `margin`, and by more than what two measurements of the
    unchanged table, in the same minute, differ by. No query at all may become clearly slower.
    """
    old, noise, new = (sum(getattr(item, name).p95_ms for item in gaining) for name in ("before", "again", "after"))
    if not old:
        return False, "nothing was measured"
    margin = max(margin, abs(old - noise) / old)
    is_faster = sum(item.after.p50_ms for item in gaining) < sum(item.before.p50_ms for item in gaining)
    if min(old, noise) - new < FLOOR_MS or new > old * (1 - margin) or not is_faster:
        return False, f"p95 {_change(old, new)}, within {margin:.0%} and {FLOOR_MS:g} ms of noise"
    for item in (*gaining, *others):
        if item.is_worse:
            return False, f"p95 {_change(old, new)}, but of one query {_change(item.before.p95_ms, item.after.p95_ms)}"
    return True, f"p95 {_change(old, new)}"


def _change(old: float, new: float) -> str:
    share = (new - old) / old if old else 0.0
    return f"{share:+.0%}"
