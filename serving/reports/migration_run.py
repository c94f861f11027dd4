"""The report 实施报告: runs with snapshot and speed, the balance of every table, refused rows, estimate and fact."""

from collections.abc import Iterator
from typing import Any

from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_cleaning import cleaning_blocks, rule_statements
from serving.reports.migration_facts import NOT_RUN, MigrationFacts, duration, instant, percent, size

_JUDGED_SECONDS = 5
_STATUS_ZH = {"done": "完成 done", "failed": "失败 failed", "running": "进行中 running"}
_FILE_ZH = {"found": "存在 found", "missing": "缺失 missing", "unreadable": "不可读 unreadable"}


def run_blocks(facts: MigrationFacts) -> Iterator[Block]:
    """Yield the body of the report."""
    yield from _summary(facts)
    yield from _runs(facts)
    yield from _balance(facts)
    yield from _rejects(facts)
    yield from _estimate(facts)
    yield from _files(facts)
    yield from cleaning_blocks(facts, 7)
    yield Heading(text="8 附录：清洗规则的 SQL Appendix: SQL of the cleaning rules")
    yield from rule_statements()


def _summary(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="1 概要 Summary")
    last = facts.last_run
    if last is None:
        yield Paragraph(text=f"实施 run：{NOT_RUN}。没有成功的实施 no run has succeeded。", style="bad")
        return
    balance = facts.balance()
    source, loaded, rejected, unchanged = (
        sum(row[name] for row in balance) for name in ("source_rows", "loaded", "rejected", "unchanged")
    )
    held = sum(row["loaded"] for row in facts.rows("chunks"))
    run, tables = f"run {last['run_id']}", facts.query("table_runs")
    moved = loaded + rejected
    yield TableBlock(
        header=["项目 item", "数值 figure", "来源 origin"],
        rows=[
            ("表 tables", f"{len(balance):,}", f"{run}，{tables}"),
            ("源行数 rows of the source", f"{source:,}", f"{run}，{tables}"),
            ("本次装载 loaded", f"{loaded:,}", f"{run}，{tables}"),
            ("拒绝 rejected", f"{rejected:,}", f"{run}，{tables}"),
            ("未变 unchanged", f"{unchanged:,}", f"{run}，{tables}"),
            ("源 = 装载 + 拒绝 + 未变 balances", source == loaded + rejected + unchanged, f"{run}，{tables}"),
            ("湖中现有行 rows in the lake", f"{held:,}", facts.query("chunks")),
            ("用时 time", duration(last["seconds"]), f"{run}，{facts.query('runs')}"),
            (
                "速度 speed",
                f"{moved / last['seconds']:,.0f} 行/秒 rows/s"
                if moved and last["seconds"]
                else "无行移动 nothing moved",
                f"{run}，{facts.query('runs')}",
            ),
            ("快照位点 snapshot position", _position(last["position"]), f"{run}，{facts.query('runs')}"),
        ],
        widths=[3, 2, 4],
    )


def _runs(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="2 历次实施 Runs")
    if not facts.rows("runs"):
        yield Paragraph(text=NOT_RUN, style="bad")
        return
    sums: dict[str, dict[str, int]] = {}
    for row in facts.rows("table_runs"):
        total = sums.setdefault(row["run_id"], dict.fromkeys(("loaded", "rejected", "unchanged", "removed"), 0))
        for name in total:
            total[name] += row[name]
    rows: list[tuple[Cell, ...]] = []
    for run in facts.rows("runs"):
        told = sums.get(run["run_id"])
        rows.append(
            (
                run["run_id"],
                _STATUS_ZH.get(run["status"], run["status"]),
                instant(run["started_at"]),
                duration(run["seconds"]),
                *((told["loaded"], told["rejected"], told["unchanged"], told["removed"]) if told else ("", "", "", "")),
                _kind(run, told),
                _position(run["position"]),
            )
        )
    yield TableBlock(
        header=["实施 run", "状态 status", "开始 started", "用时 time", "装载 loaded", "拒绝 rejected",
                "未变 unchanged", "撤回 removed", "性质 kind", "快照位点 position"],
        rows=rows,
        widths=[2.2, 1, 1.6, 1, 0.9, 0.9, 0.9, 0.9, 1.3, 1.6],
        caption=f"来源 origin: {facts.query('runs')}，{facts.query('table_runs')}；方案 plan {facts.plan.plan_id}",
    )  # fmt: skip
    known = {run["run_id"] for run in facts.rows("runs")}
    killed: dict[str, int] = {}
    for chunk in facts.rows("chunks"):
        if chunk["run_id"] not in known:
            killed[chunk["run_id"]] = killed.get(chunk["run_id"], 0) + chunk["chunks"]
    if killed:
        yield TableBlock(
            header=["被中断的实施 killed run", "其有效分块 chunks that stand"],
            rows=sorted(killed.items()),
            caption=f"中断前装入的分块经核对后保留 chunks it had loaded were checked and kept"
            f"（来源 origin: {facts.query('chunks')}，{facts.query('runs')}）",
        )


def _position(position: str | None) -> str:
    if not position:
        return "源库未提供 not told"
    return f"{position}（源库未记日志 no log is kept）" if position.endswith(" none") else position


def _kind(run: dict[str, Any], told: dict[str, int] | None) -> str:
    if run["status"] != "done" or told is None:
        return "未完成 not finished"
    if told["unchanged"] and (told["loaded"] or told["removed"]):
        return "续传或增量 resumed or increment"
    if told["unchanged"]:
        return "复核，无变化 nothing changed"
    return "全量 full"


def _balance(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="3 各表收支 Balance of every table")
    balance = facts.balance()
    if not balance or facts.last_run is None:
        yield Paragraph(text=NOT_RUN, style="bad")
        return
    held: dict[str, int] = {}
    for chunk in facts.rows("chunks"):
        held[chunk["target"]] = held.get(chunk["target"], 0) + chunk["loaded"]
    rows: list[tuple[Cell, ...]] = []
    for row in balance:
        right = row["source_rows"] == row["loaded"] + row["rejected"] + row["unchanged"] and (
            held.get(row["target"], 0) == row["loaded"] + row["unchanged"]
        )
        rows.append(
            (
                row["target"], row["source_rows"], row["loaded"], row["rejected"], row["unchanged"],
                held.get(row["target"], 0), "平 yes" if right else "不平 NO", row["chunks"], float(row["seconds"]),
            )
        )  # fmt: skip
    yield TableBlock(
        header=["表 table", "源 source", "装载 loaded", "拒绝 rejected", "未变 unchanged", "湖中 in the lake",
                "平衡 balances", "块 chunks", "秒 s"],
        rows=rows,
        widths=[3, 1, 1, 1, 1, 1, 0.9, 0.7, 0.8],
        caption=f"源 = 装载 + 拒绝 + 未变；湖中 = 装载 + 未变（来源 origin: run {facts.last_run['run_id']}，"
        f"{facts.query('table_runs')}，{facts.query('chunks')}）",
    )  # fmt: skip
    wrong = sum(row[6] != "平 yes" for row in rows)
    yield Paragraph(
        text=f"{len(rows)} 张表全部平衡 every table balances。"
        if not wrong
        else f"{wrong} 张表不平 tables do not balance。",
        style="bad" if wrong else "good",
    )


def _rejects(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="4 拒绝的行 Refused rows")
    rejects = facts.rows("rejects")
    if not rejects:
        yield Paragraph(text=f"0 行 rows（来源 origin: {facts.query('rejects')}）。", style="good")
        return
    sources = {row["target"]: row["source_rows"] for row in facts.balance()}
    yield TableBlock(
        header=["表 table", "原因 reason", "行 rows", "占 share", "实施 run"],
        rows=[
            (row["target"], row["reason"], row["rows"], percent(row["rows"], sources.get(row["target"], 0)),
             row["run_id"])
            for row in rejects
        ],
        widths=[2, 3, 0.9, 0.8, 2],
        caption=f"原行保存在加密区 raw_migration.reject；报告不显示任何行值（来源 origin: {facts.query('rejects')}）",
    )  # fmt: skip


def _estimate(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="5 预计与实际 Estimate and fact")
    full = facts.full_loads()
    if not full:
        yield Paragraph(text=f"{NOT_RUN}：没有一张表被整表装载过 no table was loaded whole.", style="note")
        return
    judged: list[tuple[Cell, ...]] = []
    small: list[tuple[Cell, ...]] = []
    right = 0
    for table in facts.plan.tables:
        fact = full.get(table.target)
        if fact is None:
            continue
        ratio = fact["seconds"] / table.estimated_seconds if table.estimated_seconds else 0.0
        is_within = 0.5 <= ratio <= 2
        is_judged = fact["seconds"] > _JUDGED_SECONDS
        right += is_judged and is_within
        (judged if is_judged else small).append(
            (
                table.target, fact["source_rows"], float(table.estimated_seconds), float(fact["seconds"]), ratio,
                ("2 倍以内 within" if is_within else "超出 outside") if is_judged else "", fact["run_id"],
            )
        )  # fmt: skip
    planned = sum(table.estimated_seconds for table in facts.plan.tables if table.target in full)
    needed = sum(fact["seconds"] for fact in full.values())
    yield Paragraph(
        text=f"合计：预计 {duration(planned)}，实际 {duration(needed)}"
        f"（{facts.plan_origin}；{facts.query('table_runs')}）。"
        f"超过 {_JUDGED_SECONDS} 秒的表 {len(judged)} 张，2 倍以内 {right} 张。"
        f"tables above {_JUDGED_SECONDS} s: {len(judged)}, within 2 x: {right}."
    )
    if judged:
        yield _estimate_table(facts, judged)
    if small:
        title = f"{_JUDGED_SECONDS} 秒以内的表，只列不评 tables up to {_JUDGED_SECONDS} s, not judged（{len(small)}）"
        yield Details(title=title, blocks=[_estimate_table(facts, small)])


def _estimate_table(facts: MigrationFacts, rows: list[tuple[Cell, ...]]) -> TableBlock:
    return TableBlock(
        header=[
            "表 table",
            "行 rows",
            "预计秒 estimated",
            "实际秒 fact",
            "实际/预计 ratio",
            "2 倍 within 2 x",
            "实施 run",
        ],
        rows=rows,
        widths=[2.4, 1, 0.9, 0.9, 0.9, 1.2, 2.4],
        caption=f"来源 origin: {facts.plan_origin}；{facts.query('table_runs')}",
    )


def _files(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="6 引用的文件 Files that rows refer to")
    files = facts.rows("files")
    if not files:
        yield Paragraph(
            text=f"{NOT_RUN}：未给出文件目录，或没有引用文件的列 no folder was given, or no column refers to any "
            f"（来源 origin: {facts.query('files')}）。",
            style="note",
        )
        return
    yield TableBlock(
        header=["列 column", "状态 status", "文件 files", "大小 size", "记录时间 recorded"],
        rows=[
            (
                f"{row['target']}.{row['column_name']}", _FILE_ZH.get(row["status"], row["status"]), row["files"],
                size(int(row["size_bytes"])) if row["size_bytes"] is not None else "", instant(row["recorded_at"]),
            )
            for row in files
        ],
        widths=[3, 1.4, 1, 1, 1.8],
        caption=f"每个文件记下 SHA-256，验证时比对（来源 origin: {facts.query('files')}）",
    )  # fmt: skip
