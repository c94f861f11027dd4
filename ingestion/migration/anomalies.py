"""Finds the anomalies of a migration: in its plan, in the results in `raw_migration`, and in an assessment.

Only what the latest run, validation and replay of a thing told counts. Descriptions hold names and no value of a row.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.migration.plan import Plan
from lakehouse.errors import SettingsError
from lakehouse.lake import Connection, fetch_dicts

_TRAVELS_WITH_ITS_TABLE = "partition"
_BELIEVED = ("high", "medium")
_COLUMNS_TOLD = 8
_CONSEQUENCES = ("count", "aggregate", "lob")
_ROW_DIFFERENCES = {
    "missing": "目标缺行 rows missing in the lake",
    "extra": "目标多行 rows the source does not have",
    "changed": "值不一致 rows that differ",
    "multiplicity": "重复行次数不一致 rows repeated a different number of times",
}
_CHECKS = {
    "schema": "结构不一致 structure differs",
    "count": "行数不一致 counts differ",
    "aggregate": "列聚合值不一致 aggregates of columns differ",
    "row_hash": "行哈希不一致 hashes of rows differ",
    "lob": "大对象不一致 large objects differ",
    "file": "文件与记录不一致 files differ from what was recorded",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One anomaly as it is found now; `subject` tells it from others of its kind and table and holds no count."""

    kind: str
    """plan, run, validation, files, replay or assessment: what found it."""
    origin: str
    """The kind and the id of the plan, run, validation, replay or assessment."""
    target: str | None
    subject: str
    description: str
    rows: int | None = None

    def problem_id(self, token: str) -> str:
        """Return the id, the same in every run."""
        content = json.dumps([token, self.kind, self.target, self.subject], ensure_ascii=False)
        return "P-" + hashlib.sha256(content.encode()).hexdigest()[:10]


def read_assessment(path: Path) -> dict[str, Any]:
    """Read an assessment.json, with the fingerprint of the file as `assessment_id`.

    Raises SettingsError when it cannot be read or is none.
    """
    try:
        text = path.read_bytes()
        content: dict[str, Any] = json.loads(text)
        content["objects"]["tables"], content["relations"]["declared"], content["relations"]["implied"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(
            f"{path} is no assessment of this version ({type(error).__name__}): make it with `radlake migrate assess`"
        ) from error
    return content | {"assessment_id": hashlib.sha256(text).hexdigest()[:12]}


def find_anomalies(connection: Connection, plan: Plan, assessed: dict[str, Any] | None = None) -> Iterator[Finding]:
    """Yield every anomaly; `assessed` is what `read_assessment` returned."""
    yield from _planned(plan)
    yield from _refused(connection, plan)
    yield from _failed_runs(connection, plan)
    yield from _validated(connection, plan)
    yield from _files(connection, plan)
    yield from _replayed(connection, plan)
    if assessed is not None:
        yield from _assessed(plan, assessed)


def _planned(plan: Plan) -> Iterator[Finding]:
    """Columns that travel as text because values do not fit, and tables that do not travel."""
    origin = f"plan {plan.plan_id}"
    for table in plan.tables:
        for column in table.columns:
            if column.misfits and column.target_type == "varchar":
                yield Finding(
                    kind="plan",
                    origin=origin,
                    target=table.target,
                    subject=f"as text: {column.name}",
                    description=f"列 {column.name}（{column.source_type}）有值不合声明类型，按文本保存原值 "
                    "kept as text: values do not fit the declared type",
                    rows=column.misfits,
                )
    for target, reason in plan.left_out.items():
        if not reason.startswith(_TRAVELS_WITH_ITS_TABLE):
            yield Finding(
                kind="plan",
                origin=origin,
                target=target,
                subject="left out",
                description=f"表未迁移 table left out: {reason}",
            )


def _refused(connection: Connection, plan: Plan) -> Iterator[Finding]:
    rows = connection.execute(
        "select reject.target, reject.reason, count(*), max(chunk.run_id) from raw.raw_migration.reject as reject "
        "left join raw.raw_migration.chunk as chunk using (token, target, batch_id) "
        "where reject.token = $1 group by all order by all",
        [plan.token],
    ).fetchall()
    for target, reason, count, run_id in rows:
        yield Finding(
            kind="run",
            origin=f"run {run_id}",
            target=target,
            subject=f"refused: {reason}",
            description=f"行被拒绝 rows refused: {reason}",
            rows=count,
        )


def _failed_runs(connection: Connection, plan: Plan) -> Iterator[Finding]:
    """The last run, when it failed or was killed: then it left chunks behind and no entry of its own."""
    row = connection.execute(
        "select run_id, coalesce(status, 'killed') from (select run_id from raw.raw_migration.run where token = $1 "
        "union select run_id from raw.raw_migration.chunk where token = $1) "
        "left join (select run_id, status from raw.raw_migration.run where token = $1) using (run_id) "
        "order by run_id desc limit 1",
        [plan.token],
    ).fetchone()
    if row and row[1] != "done":
        yield Finding(
            kind="run",
            origin=f"run {row[0]}",
            target=None,
            subject="no success since",
            description="最近一次实施失败或中断，其后没有成功的 the last run failed or was killed and none succeeded",
        )


def _validated(connection: Connection, plan: Plan) -> Iterator[Finding]:
    """What the latest validation of each table and kind of check found."""
    rows = fetch_dicts(
        connection,
        "select target, kind, validation_id, "
        "list_sort(list(distinct column_name) filter (not is_equal and column_name is not null)) as columns "
        "from raw.raw_migration.check as c where token = $1 and validation_id = (select max(validation_id) "
        "from raw.raw_migration.check as newer where newer.token = c.token and newer.target = c.target "
        "and newer.kind = c.kind) group by target, kind, validation_id having not bool_and(is_equal) order by all",
        [plan.token],
    )
    broken = {(row["target"], row["validation_id"]) for row in rows if row["kind"] == "row_hash"}
    for row in rows:
        # other counts and sums of the same rows differ as a consequence
        if row["kind"] in _CONSEQUENCES and (row["target"], row["validation_id"]) in broken:
            continue
        differences = {
            kind: (count, sorted({name for text in columns for name in json.loads(text or "[]")}))
            for kind, count, columns in connection.execute(
                "select kind, count(*), list(distinct columns) from raw.raw_migration.difference "
                "where token = $1 and validation_id = $2 and target = $3 group by kind",
                [plan.token, row["validation_id"], row["target"]],
            ).fetchall()
        }
        kinds = [kind for kind in _ROW_DIFFERENCES if kind in differences] if row["kind"] == "row_hash" else []
        for kind in kinds or [row["kind"]]:
            count, columns = differences.get(kind, (None, []))
            text = (_ROW_DIFFERENCES if kinds else _CHECKS).get(kind, kind)
            yield Finding(
                kind="validation",
                origin=f"validation {row['validation_id']}",
                target=row["target"],
                subject=f"differs: {kind}",
                description=text + _told_columns(columns or row["columns"] or ()),
                rows=count,
            )


def _told_columns(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    more = len(columns) - _COLUMNS_TOLD
    return f": {', '.join(columns[:_COLUMNS_TOLD])}" + (f" +{more}" if more > 0 else "")


def _files(connection: Connection, plan: Plan) -> Iterator[Finding]:
    rows = connection.execute(
        "select target, column_name, status, count(*), max(recorded_at) from raw.raw_migration.file "
        "where token = $1 and status <> 'found' group by all order by all",
        [plan.token],
    ).fetchall()
    for target, column, status, count, recorded_at in rows:
        text = {"missing": "引用的文件不存在 files that rows refer to are missing"}.get(
            status, "引用的文件不可读 files that rows refer to cannot be read"
        )
        yield Finding(
            kind="files",
            origin=f"files recorded {recorded_at:%Y-%m-%d %H:%M}",
            target=target,
            subject=f"{status}: {column}",
            description=f"{text}: {column}",
            rows=count,
        )


def _replayed(connection: Connection, plan: Plan) -> Iterator[Finding]:
    """Queries whose latest replay gave another answer, failed, or could not be translated."""
    rows = connection.execute(
        "select query_sha256, arg_max(query_no, replay_id), max(replay_id), arg_max(status, (replay_id, side)) "
        "from raw.raw_migration.query_timing as q where token = $1 and replay_id = (select max(replay_id) "
        "from raw.raw_migration.query_timing as newer where newer.token = q.token "
        "and newer.query_sha256 = q.query_sha256) and status <> 'same' group by query_sha256 order by all",
        [plan.token],
    ).fetchall()
    texts = {
        "different": "新旧库查询结果不同 the answers differ",
        "failed": "查询执行失败 the query failed",
    }
    for sha256, number, replay_id, status in rows:
        yield Finding(
            kind="replay",
            origin=f"replay {replay_id}",
            target=None,
            subject=f"{status}: {sha256}",
            description=f"查询 {number}（{sha256[:12]}）"
            + texts.get(status, "查询未能翻译为新库语法 the query could not be translated"),
        )


def _assessed(plan: Plan, assessed: dict[str, Any]) -> Iterator[Finding]:
    """Orphans, and tables that were assessed but are no part of the plan."""
    origin = f"assessment {assessed['assessment_id']}"
    targets = {(table.schema, table.name): table.target for table in plan.tables}
    for relation in _believed(assessed["relations"]):
        target = targets.get((relation["schema"], relation["table"]))
        if target is None or not relation["orphans"]:
            continue
        columns = ", ".join(relation["columns"])
        referenced = f"{relation['referenced_table']}({', '.join(relation['referenced_columns'])})"
        yield Finding(
            kind="assessment",
            origin=origin,
            target=target,
            subject=f"orphans: {columns} to {relation['referenced_schema']}.{referenced}",
            description=f"孤儿行：{columns} 在 {referenced} 中没有对应 orphans of a "
            f"{'declared' if relation.get('name') else 'implied'} relation",
            rows=relation["orphans"],
        )
    for table in assessed["objects"]["tables"]:
        known = (table["schema"], table["name"]) in targets or table["target"] in plan.left_out
        if not known and not table["partition_of"]:
            yield Finding(
                kind="assessment",
                origin=origin,
                target=table["target"],
                subject="not planned",
                description="已评估但不在方案中的表 table that was assessed and is not in the plan",
                rows=table["rows"],
            )


def _believed(relations: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield from relations["declared"]
    yield from (relation for relation in relations["implied"] if relation.get("confidence") in _BELIEVED)
