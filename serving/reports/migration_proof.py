"""The report 测试与优化报告: validation by kind, large objects, files, self-test, replay, tuning, baseline."""

from collections.abc import Iterator, Sequence
from typing import Any

from ingestion.migration.tuning.baseline import TOLERANCE
from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_facts import NOT_RUN, MigrationFacts, duration, instant

_KINDS_ZH = {
    "schema": "结构 schema",
    "count": "行数 count",
    "aggregate": "列聚合 aggregate",
    "row_hash": "行哈希 row hash",
    "lob": "大对象 large object",
    "file": "文件 file",
}
_DIFFERENCES_ZH = {
    "missing": "缺行 missing",
    "extra": "多行 extra",
    "changed": "值不同 changed",
    "multiplicity": "重复次数不同 multiplicity",
    "file": "文件不同 file",
}
_STATUS_ZH = {
    "same": "一致 same",
    "different": "不一致 different",
    "failed": "失败 failed",
    "not translated": "未翻译 not translated",
}
_STEPS_ZH = {
    "sort": "排序 sort",
    "partition": "分区 partition",
    "compaction": "合并小文件 compaction",
    "materialization": "物化 materialization",
}


def proof_blocks(facts: MigrationFacts) -> Iterator[Block]:
    """Yield the body of the report."""
    yield from _summary(facts)
    yield from _validation(facts)
    yield from _tables(facts)
    yield from _objects_and_files(facts)
    yield from _selftest(facts)
    yield from _replay(facts)
    yield from _tuning(facts)
    yield from _baseline(facts)


def _summary(facts: MigrationFacts) -> Iterator[Block]:
    validation, checks = facts.last_validation, facts.query("checks")
    timings, steps = _by_query(facts), facts.rows("steps")
    same = sum(sides[0]["status"] == "same" for sides in timings.values())
    rows: list[tuple[Cell, ...]] = [
        _validation_line(facts, validation),
        (
            "检查一致 checks equal",
            _of(sum(row["equal"] for row in facts.rows("checks")), sum(row["checks"] for row in facts.rows("checks"))),
            checks,
        ),
        (
            "差异行 rows that differ",
            f"{_latest_differences(facts):,}" if validation else NOT_RUN,
            f"validation {validation['validation_id']}，{facts.query('differences')}" if validation else "",
        ),
        (
            "自检 self-test: 注入/发现/误报 injected, found, false alarms",
            f"{facts.selftest['injected']} / {facts.selftest['found']} / {facts.selftest['false_alarms']}"
            if facts.selftest
            else NOT_RUN,
            facts.selftest_id,
        ),
        ("查询一致 queries same", _of(same, len(timings)), facts.query("timings")),
        (
            "优化步骤保留 tuning steps kept",
            _of(sum(bool(step["is_kept"]) for step in steps), len(steps)),
            facts.query("steps"),
        ),
        (
            "基线 baseline",
            f"{len(facts.baseline['queries'])} 个查询 queries" if facts.baseline else NOT_RUN,
            f"replay {facts.baseline['replay_id']}" if facts.baseline else "",
        ),
    ]
    yield Heading(text="1 概要 Summary")
    yield TableBlock(header=["项目 item", "结果 result", "来源 origin"], rows=rows, widths=[3, 2, 4])
    if validation and validation["equal_tables"] == validation["tables"]:
        yield Paragraph(text=f"{validation['tables']} 张表全部一致 every table is equal。", style="good")
    if facts.last_run and facts.unproved():
        yield Paragraph(
            text=f"{len(facts.unproved())} 张表自变化后未逐行验证 tables were not compared since they changed。",
            style="bad",
        )


def _of(part: int, whole: int) -> str:
    return f"{part:,} / {whole:,}" if whole else NOT_RUN


def _validation_line(facts: MigrationFacts, validation: dict[str, Any] | None) -> tuple[Cell, ...]:
    if validation is None:
        return "表一致 tables equal", NOT_RUN, ""
    origin = f"validation {validation['validation_id']}，{facts.query('validations')}"
    return "表一致 tables equal", _of(validation["equal_tables"], validation["tables"]), origin


def _latest_differences(facts: MigrationFacts) -> int:
    validation = facts.last_validation
    return sum(
        row["rows"]
        for row in facts.rows("differences")
        if validation and row["validation_id"] == validation["validation_id"]
    )


def _validation(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="2 验证 Validation")
    if not facts.rows("validations"):
        yield Paragraph(text=NOT_RUN, style="bad")
        return
    yield TableBlock(
        header=["验证 validation", "深度 depth", "表 tables", "一致 equal", "差异 differences", "开始 started",
                "用时 time", "快照位点 position"],
        rows=[
            (
                row["validation_id"], row["depth"], row["tables"], row["equal_tables"], row["differences"],
                instant(row["started_at"]), duration(row["seconds"]), row["position"] or "",
            )
            for row in facts.rows("validations")
        ],
        widths=[2.4, 0.9, 0.7, 0.7, 0.9, 1.7, 0.9, 1.6],
        caption=f"来源 origin: {facts.query('validations')}",
    )  # fmt: skip
    yield Heading(text="2.1 按检查类型 By kind of check", level=2)
    kinds: list[tuple[Cell, ...]] = []
    for kind, label in _KINDS_ZH.items():
        rows = [row for row in facts.rows("checks") if row["kind"] == kind]
        checks, equal = sum(row["checks"] for row in rows), sum(row["equal"] for row in rows)
        if rows:
            seconds = float(sum(row["seconds"] or 0 for row in rows))
            kinds.append((label, len(rows), checks, equal, checks - equal, seconds))
        else:
            kinds.append((label, 0, NOT_RUN, "", "", ""))
    yield TableBlock(
        header=["类型 kind", "表 tables", "检查 checks", "一致 equal", "不一致 unequal", "秒 s"],
        rows=kinds,
        caption=f"每张表每类检查取最近一次；双方的值不在报告中，只写是否一致（来源 origin: {facts.query('checks')}）",
    )


def _tables(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="3 各表 Tables")
    checks = facts.rows("checks")
    if not checks:
        yield Paragraph(text=NOT_RUN, style="bad")
        return
    differences: dict[tuple[str, str], list[str]] = {}
    for row in facts.rows("differences"):
        told = f"{_DIFFERENCES_ZH.get(row['kind'], row['kind'])} {row['rows']:,}"
        differences.setdefault((row["validation_id"], row["target"]), []).append(told)
    by_table: dict[str, list[dict[str, Any]]] = {}
    for row in checks:
        by_table.setdefault(row["target"], []).append(row)
    rows: list[tuple[Cell, ...]] = []
    for table in facts.plan.tables:
        found = by_table.get(table.target, [])
        total, equal = sum(row["checks"] for row in found), sum(row["equal"] for row in found)
        last = max((row["validation_id"] for row in found), default="")
        verdict = "一致 equal" if total == equal else "不一致 UNEQUAL"
        rows.append((table.target, verdict if found else NOT_RUN, total, total - equal,
                     "；".join(differences.get((last, table.target), [])), last))  # fmt: skip
    yield TableBlock(
        header=["表 table", "结论 verdict", "检查 checks", "不一致 unequal", "差异 differences", "验证 validation"],
        rows=rows,
        widths=[2.6, 1.1, 0.8, 0.8, 2.4, 2.4],
        caption=f"差异只写行数；键和值在加密区 raw_migration.difference（来源 origin: {facts.query('checks')}，"
        f"{facts.query('differences')}）",
    )
    unequal = [row for row in checks if row["unequal"]]
    if unequal:
        yield TableBlock(
            header=["表 table", "类型 kind", "不一致的列或度量 unequal columns or measures", "验证 validation"],
            rows=[
                (row["target"], _KINDS_ZH.get(row["kind"], row["kind"]), "、".join(row["unequal"]),
                 row["validation_id"])
                for row in unequal
            ],
            widths=[2, 1.2, 4, 2.4],
            caption=f"来源 origin: {facts.query('checks')}",
        )  # fmt: skip


def _objects_and_files(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="4 大对象与文件 Large objects and files")
    rows: list[tuple[Cell, ...]] = []
    for kind in ("lob", "file"):
        rows += [
            (_KINDS_ZH[kind], row["target"], row["checks"], row["checks"] - row["equal"], row["validation_id"])
            for row in facts.rows("checks")
            if row["kind"] == kind
        ]
    if rows:
        yield TableBlock(
            header=["类型 kind", "表 table", "检查 checks", "不一致 unequal", "验证 validation"],
            rows=rows,
            caption=f"按 SHA-256 比对 compared by SHA-256（来源 origin: {facts.query('checks')}）",
        )
    for kind, text in (
        ("lob", "没有大对象列，或验证深度不够"),
        ("file", "未给出文件目录（--files），或没有引用文件的列"),
    ):
        if not any(row["kind"] == kind for row in facts.rows("checks")):
            yield Paragraph(text=f"{_KINDS_ZH[kind]}：{NOT_RUN}（{text}）。", style="note")


def _selftest(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="5 验证自检 Self-test of the validation")
    test = facts.selftest
    if test is None:
        yield Paragraph(
            text=f'{NOT_RUN}：radlake migrate selftest "$SOURCE" --json > selftest.json，再以 --selftest 给出。',
            style="note",
        )
        return
    missed = [kind for kind in test["kinds"] if kind["injected"] and not kind["found"]]
    yield Paragraph(
        text=f"注入 {test['injected']} 种损坏，发现 {test['found']} 种，误报 {test['false_alarms']}。"
        f"injected {test['injected']}, found {test['found']}, false alarms {test['false_alarms']}.",
        style="bad" if missed or test["false_alarms"] else "good",
    )
    yield TableBlock(
        header=["损坏 corruption", "表 table", "应有键 keys", "找到键 found", "结果 result"],
        rows=[
            (
                f"{kind['label_zh']} {kind['kind']}", kind["table"] or "",
                kind["expected_keys"] if kind["injected"] else "", kind["found_keys"] if kind["injected"] else "",
                ("发现 found" if kind["found"] else "漏报 MISSED") if kind["injected"] else "不适用 not applicable",
            )
            for kind in test["kinds"]
        ],
        widths=[3, 2.4, 0.8, 0.8, 1.6],
        caption=f"在源表副本上注入，从不动源库和湖（来源 origin: {facts.selftest_id}）",
    )  # fmt: skip


def _by_query(facts: MigrationFacts) -> dict[int, list[dict[str, Any]]]:
    queries: dict[int, list[dict[str, Any]]] = {}
    for row in facts.rows("timings"):
        queries.setdefault(row["query_no"], []).append(row)
    return queries


def _side(sides: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next((row for row in sides if row["side"] == name), {})


def _replay(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="6 查询重放 Replayed queries")
    queries = _by_query(facts)
    if not queries:
        yield Paragraph(text=f'{NOT_RUN}：radlake migrate tune "$SOURCE"', style="note")
        return
    replay_id = next(iter(queries.values()))[0]["replay_id"]
    statuses = dict.fromkeys(_STATUS_ZH, 0)
    faster = compared = 0
    rows: list[tuple[Cell, ...]] = []
    for number, sides in queries.items():
        old, new, after = (_side(sides, name) for name in ("source", "target", "after"))
        status = sides[0]["status"]
        statuses[status] = statuses.get(status, 0) + 1
        latest = after.get("p95_ms") or new.get("p95_ms")
        if old.get("p95_ms") and latest:
            compared += 1
            faster += latest < old["p95_ms"]
        rows.append(
            (
                f"{number}（{sides[0]['query_sha256']}）", _STATUS_ZH.get(status, status), old.get("rows"),
                old.get("p50_ms"), old.get("p95_ms"), new.get("p50_ms"), new.get("p95_ms"), after.get("p95_ms"),
                old["p95_ms"] / latest if old.get("p95_ms") and latest else None,
            )
        )  # fmt: skip
    yield Paragraph(
        text="，".join(f"{_STATUS_ZH[status]} {count}" for status, count in statuses.items() if status in _STATUS_ZH)
        + f"。p95 新库更快 faster in the lake：{faster} / {compared}（旧/新 大于 1）。"
    )
    yield TableBlock(
        header=["查询 query", "结果 answer", "行 rows", "旧 p50", "旧 old p95", "新 p50", "新 new p95", "优化后 p95",
                "旧/新 倍 x"],
        rows=rows,
        widths=[2.2, 1.4, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9],
        caption=f"毫秒 ms；SQL 文本在加密区 raw_migration.query_timing（来源 origin: replay {replay_id}，"
        f"{facts.query('timings')}）",
    )  # fmt: skip
    if len(facts.rows("replays")) > 1:
        yield Details(
            title=f"历次重放 replays（{len(facts.rows('replays'))}）",
            blocks=[
                TableBlock(
                    header=["重放 replay", "时间 at", "查询 queries", "一致 same"],
                    rows=[
                        (row["replay_id"], instant(row["replayed_at"]), row["queries"], row["same"])
                        for row in facts.rows("replays")
                    ],
                    caption=f"来源 origin: {facts.query('replays')}",
                )
            ],
        )


def _tuning(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="7 优化步骤 Tuning steps")
    steps = facts.rows("steps")
    if not steps:
        yield Paragraph(
            text=f"{NOT_RUN}，或没有可试的步骤 or nothing to try（来源 origin: {facts.query('steps')}）。", style="note"
        )
        return
    kept = sum(bool(step["is_kept"]) for step in steps)
    yield Paragraph(
        text=f"试 {len(steps)} 步，保留 {kept}，撤销 {len(steps) - kept}。变慢的自动撤销 worse ones are reverted."
    )
    for replay_id in sorted({step["replay_id"] for step in steps}, reverse=True):
        yield TableBlock(
            header=["步 no", "表 table", "类型 kind", "内容 detail", "前 p95", "后 p95", "结果 result"],
            rows=[
                (
                    step["step_no"],
                    step["target"],
                    _STEPS_ZH.get(step["kind"], step["kind"]),
                    step["detail"] or "",
                    step["before_p95_ms"],
                    step["after_p95_ms"],
                    "保留 kept" if step["is_kept"] else "撤销 reverted",
                )
                for step in steps
                if step["replay_id"] == replay_id
            ],
            widths=[0.5, 2.4, 1.8, 2.6, 0.8, 0.8, 1.1],
            caption=f"毫秒 ms（来源 origin: replay {replay_id}，{facts.query('steps')}）",
        )


def _baseline(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="8 基线 Baseline")
    baseline = facts.baseline
    if baseline is None:
        yield Paragraph(text=f'{NOT_RUN}：radlake migrate tune "$SOURCE" --save-baseline', style="note")
        return
    yield Paragraph(
        text=f"{len(baseline['queries'])} 个查询；p95 变差超过 {TOLERANCE:.0%} 时检查失败 fails when p95 is more than "
        f"{TOLERANCE:.0%} worse。"
    )
    yield TableBlock(
        header=["查询 query", "p50", "p95"],
        rows=[
            (f"{query['query_no']}（{query['sha256'][:12]}）", float(query["p50_ms"]), float(query["p95_ms"]))
            for query in baseline["queries"]
        ],
        caption=f"毫秒 ms（来源 origin: replay {baseline['replay_id']}，保存于 saved {baseline['saved_at']}）",
    )
