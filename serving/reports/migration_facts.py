"""Reads what the reports of a migration tell, each figure with the numbered query or the id it comes from.

The queries ask for names, counts, times and whether things are equal. No column is read that may hold a value of a row
or a key: not the values of checks, not the keys of differences, not the SQL of legacy queries, not the refused rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingestion.migration.cleaning.measurement import TableMeasure
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.problems import DECIDED, OPEN, Problem
from lakehouse.lake import Connection, fetch_dicts

NOT_RUN = "未执行 not run"

QUERIES = {
    "runs": (
        "各次实施 runs",
        "select run_id, plan_id, position, status, started_at, ended_at, "
        "epoch(ended_at - started_at) as seconds from raw.raw_migration.run where token = $1 order by run_id",
    ),
    "table_runs": (
        "各次实施的各表收支 tables of each run",
        "select run_id, target, source_rows, loaded, rejected, unchanged, removed, chunks, seconds "
        "from raw.raw_migration.table_run where token = $1 order by run_id, target",
    ),
    "chunks": (
        "目标库中有效的分块 chunks that stand",
        "select target, run_id, count(*) as chunks, sum(source_rows) as source_rows, sum(loaded) as loaded, "
        "sum(rejected) as rejected from raw.raw_migration.chunk where token = $1 group by all order by target, run_id",
    ),
    "rejects": (
        "拒绝行按原因 refused rows by reason",
        "select reject.target, reject.reason, max(chunk.run_id) as run_id, count(*) as rows "
        "from raw.raw_migration.reject as reject left join raw.raw_migration.chunk as chunk "
        "using (token, target, batch_id) where reject.token = $1 group by all order by reject.target, reject.reason",
    ),
    "validations": (
        "各次验证 validations",
        "select validation_id, plan_id, position, depth, tables, equal_tables, differences, started_at, ended_at, "
        "epoch(ended_at - started_at) as seconds from raw.raw_migration.validation where token = $1 "
        "order by validation_id",
    ),
    "checks": (
        "各表各类检查的最近一次 latest checks by table and kind",
        "select target, kind, validation_id, count(*) as checks, count(*) filter (is_equal) as equal, "
        "list_sort(list(distinct coalesce(column_name, measure, kind)) filter (not is_equal)) as unequal, "
        "sum(seconds) as seconds from raw.raw_migration.check as c where token = $1 and validation_id = "
        "(select max(validation_id) from raw.raw_migration.check as newer where newer.token = c.token "
        "and newer.target = c.target and newer.kind = c.kind) group by target, kind, validation_id "
        "order by target, kind",
    ),
    "differences": (
        "差异按表和类型 differences by table and kind",
        "select validation_id, target, kind, count(*) as rows from raw.raw_migration.difference where token = $1 "
        "group by all order by validation_id, target, kind",
    ),
    "files": (
        "引用的文件 files that rows refer to",
        "select target, column_name, status, count(*) as files, sum(size_bytes) as size_bytes, "
        "max(recorded_at) as recorded_at from raw.raw_migration.file where token = $1 group by all "
        "order by target, column_name, status",
    ),
    "replays": (
        "各次重放 replays",
        "select replay_id, min(replayed_at) as replayed_at, count(distinct query_no) as queries, "
        "count(distinct query_no) filter (status = 'same') as same from raw.raw_migration.query_timing "
        "where token = $1 group by replay_id order by replay_id",
    ),
    "timings": (
        "最近一次重放的查询 queries of the latest replay",
        "select replay_id, query_no, left(query_sha256, 12) as query_sha256, side, rows, p50_ms, p95_ms, repetitions, "
        "status from raw.raw_migration.query_timing where token = $1 and replay_id = (select max(replay_id) "
        "from raw.raw_migration.query_timing where token = $1) order by query_no, side",
    ),
    "steps": (
        "优化步骤 tuning steps",
        "select replay_id, step_no, target, kind, detail, before_p95_ms, after_p95_ms, is_kept, tried_at "
        "from raw.raw_migration.tuning_step where token = $1 order by replay_id, step_no",
    ),
    "problems": (
        "问题日志 problem log",
        "select problem_id, origin, target, description, rows, decision, decided_by, decided_at, found_at "
        "from raw.raw_migration.problem where token = $1 order by problem_id, decided_at nulls first",
    ),
}
"""Name to what the query tells and its SQL; $1 is the token of the source. Q1 is the first."""


@dataclass(frozen=True, kw_only=True)
class MigrationFacts:
    """Everything the four reports are made from."""

    hospital: str
    home: str
    generated_at: datetime
    plan: Plan
    answers: dict[str, list[dict[str, Any]]]
    problems: Sequence[Problem]
    measures: Sequence[TableMeasure] = ()
    assessment: dict[str, Any] | None = None
    selftest: dict[str, Any] | None = None
    selftest_id: str = ""
    baseline: dict[str, Any] | None = None
    used: set[str] = field(default_factory=set)
    """Queries that the report at hand quotes."""

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the answer of a query."""
        return self.answers[name]

    def query(self, name: str) -> str:
        """Return how a query is quoted, and remember that it was."""
        self.used.add(name)
        return f"Q{list(QUERIES).index(name) + 1}"

    @property
    def plan_origin(self) -> str:
        """Return how a figure of the plan is quoted."""
        return f"plan {self.plan.plan_id}"

    @property
    def done_runs(self) -> list[dict[str, Any]]:
        """Return the runs that ended well, oldest first."""
        return [run for run in self.rows("runs") if run["status"] == "done"]

    @property
    def last_run(self) -> dict[str, Any] | None:
        """Return the latest run that ended well."""
        return self.done_runs[-1] if self.done_runs else None

    @property
    def last_validation(self) -> dict[str, Any] | None:
        """Return the latest validation."""
        return self.rows("validations")[-1] if self.rows("validations") else None

    def balance(self) -> list[dict[str, Any]]:
        """Return what the latest run that ended well tells of each table."""
        last = self.last_run
        return [row for row in self.rows("table_runs") if last and row["run_id"] == last["run_id"]]

    def full_loads(self) -> dict[str, dict[str, Any]]:
        """Return by table the latest run that moved all of its rows."""
        return {
            row["target"]: row
            for row in self.rows("table_runs")
            if row["source_rows"] and row["loaded"] + row["rejected"] == row["source_rows"] and not row["unchanged"]
        }

    def unproved(self) -> list[str]:
        """Return the tables of which no row was compared since the latest run that changed them."""
        if self.last_run is None:
            return [table.target for table in self.plan.tables]
        # ids begin with the time
        changed = dict.fromkeys((row["target"] for row in self.balance()), self.done_runs[0]["run_id"])
        for row in self.rows("table_runs"):
            if row["loaded"] or row["removed"]:
                changed[row["target"]] = row["run_id"]
        proved = {row["target"]: row["validation_id"] for row in self.rows("checks") if row["kind"] == "row_hash"}
        return [
            table.target
            for table in self.plan.tables
            if proved.get(table.target, "") <= changed.get(table.target, self.last_run["run_id"])
        ]

    def count(self, status: str) -> int:
        """Return how many problems have a status."""
        return sum(problem.status == status for problem in self.problems)

    def unfinished(self) -> list[str]:
        """Return what acceptance still lacks, in words; empty when nothing."""
        run = self.last_run
        lacks = []
        if run is None:
            lacks.append("尚无成功的实施 no run has succeeded")
        elif run["plan_id"] != self.plan.plan_id:
            lacks.append("方案在最近一次实施之后改过 the plan was changed after the last run")
        unproved = self.unproved()
        if run and unproved:
            lacks.append(
                f"{len(unproved)} 张表自最近一次变化后未逐行验证 tables were not compared row by row since they changed"
            )
        if self.count(OPEN):
            lacks.append(f"{self.count(OPEN)} 个问题未决定 problems are open")
        return lacks


def read_answers(connection: Connection, token: str) -> dict[str, list[dict[str, Any]]]:
    """Ask all queries about one source."""
    return {name: fetch_dicts(connection, query, [token]) for name, (_, query) in QUERIES.items()}


def problem_rank(problem: Problem) -> str:
    """Return a problem's status in words."""
    if problem.status == OPEN:
        return "未决 open"
    if problem.status == DECIDED:
        return "已决定，行数增加 decided, grown since" if problem.has_grown else "已决定 decided"
    return "已消失 gone"


def chunk_count(table: TablePlan) -> int:
    """Return in how many chunks a table is planned to travel."""
    return max(1, -(-table.rows // table.chunk_rows)) if table.chunk_rows else 1


def percent(part: int, whole: int) -> str:
    """Return a share as text."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def duration(seconds: float | None) -> str:
    """Return a time as a person reads it."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} 秒 s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} 分 min"
    return f"{seconds / 3600:.1f} 小时 h"


def size(count: int | None) -> str:
    """Return a size in bytes as a person reads it; empty when it is unknown."""
    if count is None:
        return ""
    number = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TB"


def instant(value: datetime | None) -> str:
    """Return an instant in the hospital's time."""
    return f"{value:%Y-%m-%d %H:%M:%S}" if value else ""
