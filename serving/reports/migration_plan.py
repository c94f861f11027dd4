"""The report 迁移方案: what travels, as what, in which order, how long it takes, the risks, and the cut-over."""

from collections import Counter
from collections.abc import Iterator

from ingestion.migration.plan import ColumnPlan, TablePlan
from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_cleaning import cleaning_blocks, rule_statements
from serving.reports.migration_cutover import cutover_blocks
from serving.reports.migration_facts import (
    NOT_RUN,
    MigrationFacts,
    chunk_count,
    duration,
    size,
)
from serving.reports.migration_types import family_of, reason_of

_LARGE_ROWS = 1_000_000


def plan_blocks(facts: MigrationFacts) -> Iterator[Block]:
    """Yield the body of the report."""
    yield from _summary(facts)
    yield from _scope(facts)
    yield from _types(facts)
    yield from cleaning_blocks(facts, 4)
    yield from _risks(facts)
    yield from cutover_blocks(facts, 6)
    yield from _checklist(facts, 10)
    yield Heading(text="11 附录：清洗规则的 SQL Appendix: SQL of the cleaning rules")
    yield from rule_statements()


def _summary(facts: MigrationFacts) -> Iterator[Block]:
    plan, origin = facts.plan, facts.plan_origin
    columns = [column for table in plan.tables for column in table.columns]
    rows: list[tuple[Cell, ...]] = [
        ("表 tables", f"{len(plan.tables):,}", origin),
        ("不迁移的表 tables left out", f"{len(plan.left_out):,}", origin),
        ("列 columns", f"{len(columns):,}", origin),
        ("行 rows", f"{sum(table.rows for table in plan.tables):,}", origin),
        ("占用 size", size(_total_size(plan.tables)) or "源库未提供 not told", origin),
        ("按文本保存的列 columns kept as text", f"{sum(map(_is_kept_as_text, columns)):,}", origin),
        ("不合声明类型的值 values that do not fit", f"{sum(column.misfits for column in columns):,}", origin),
        ("有损且已放行的列 lossy columns allowed", f"{sum(bool(column.lossy) for column in columns):,}", origin),
        ("无键的表 tables without a key", f"{sum(not table.key for table in plan.tables):,}", origin),
        ("预计用时 estimated time", duration(sum(table.estimated_seconds for table in plan.tables)), origin),
    ]
    if facts.last_run:
        rows.append(
            (
                "最近一次实际用时 time of the latest run",
                duration(facts.last_run["seconds"]),
                f"run {facts.last_run['run_id']}，{facts.query('runs')}",
            )
        )
    yield Heading(text="1 概要 Summary")
    yield TableBlock(header=["项目 item", "数值 figure", "来源 origin"], rows=rows, widths=[3, 2, 4])


def _is_kept_as_text(column: ColumnPlan) -> bool:
    return bool(column.misfits) and column.target_type == "varchar"


def _total_size(tables: tuple[TablePlan, ...]) -> int | None:
    known = [table.size_bytes for table in tables if table.size_bytes is not None]
    return sum(known) if known else None


def _scope(facts: MigrationFacts) -> Iterator[Block]:
    plan = facts.plan
    yield Heading(text="2 范围与顺序 Scope and order")
    yield TableBlock(
        header=["项目 item", "内容 content"],
        rows=[
            ("来源 source", plan.source),
            ("数据库 engine", f"{plan.engine} {plan.server_version}"),
            ("目标 target", "加密湖 raw 区，模式 raw_legacy the encrypted zone raw, schema raw_legacy"),
            ("方案编号 plan", f"{plan.plan_id}，{plan.made_at}"),
            ("一致性 consistency", "一个只读快照，位点记入每次实施 one read-only snapshot, its position is recorded"),
        ],
        widths=[1, 4],
    )
    yield TableBlock(
        header=["序 no", "表 table", "行 rows", "大小 size", "键 key", "分块键 chunked by", "块 chunks", "预计秒 s"],
        rows=[
            (
                number,
                table.target,
                table.rows,
                size(table.size_bytes),
                "、".join(table.key) or "无 none",
                table.chunk_column or "整表 whole",
                chunk_count(table),
                float(table.estimated_seconds),
            )
            for number, table in enumerate(plan.tables, start=1)
        ],
        widths=[0.5, 2.6, 1, 1, 1.6, 1.2, 0.8, 0.8],
        caption=f"按此顺序迁移，被引用的表在前 in this order, referenced first（来源 origin: {facts.plan_origin}）",
    )
    if plan.left_out:
        yield TableBlock(
            header=["不迁移的表 left out", "原因 reason"],
            rows=list(plan.left_out.items()),
            caption=f"来源 origin: {facts.plan_origin}",
        )


def _types(facts: MigrationFacts) -> Iterator[Block]:
    plan, caption = facts.plan, f"来源 origin: {facts.plan_origin}"
    yield Heading(text="3 类型对照 Type sheet")
    pairs = Counter(
        (family_of(column.source_type), column.target_type) for table in plan.tables for column in table.columns
    )
    yield TableBlock(
        header=["源类型 source type", "目标类型 target type", "列 columns"],
        rows=[(*pair, count) for pair, count in sorted(pairs.items())],
        caption=f"类型汇总 summary（{caption}）",
    )
    kept = [(table, column) for table in plan.tables for column in table.columns if column.misfits or column.lossy]
    yield Heading(text="3.1 按文本保存或有损的列 Columns kept as text, or lossy", level=2)
    if kept:
        yield TableBlock(
            header=["列 column", "声明类型 declared", "目标类型 target", "不合的值 misfits", "占 share", "原因 reason"],
            rows=[
                (
                    f"{table.target}.{column.target_name}",
                    column.source_type,
                    column.target_type,
                    column.misfits,
                    f"{100 * column.misfits / table.rows:.2f} %" if table.rows else "-",
                    reason_of(column),
                )
                for table, column in kept
            ],
            widths=[2.4, 1.2, 1.2, 0.9, 0.8, 3],
            caption=caption,
        )
    else:
        yield Paragraph(text="没有 none：每个值都合其类型 every value fits its type。", style="good")
    yield Heading(text="3.2 各表各列 Every column", level=2)
    for table in plan.tables:
        yield Details(
            title=f"{table.target}（{len(table.columns)} 列 columns，{table.rows:,} 行 rows）",
            blocks=[
                TableBlock(
                    header=[
                        "源列 column",
                        "源类型 source",
                        "目标类型 target",
                        "可空 null",
                        "不合 misfits",
                        "理由 reason",
                    ],
                    rows=[
                        (
                            column.name
                            if column.name == column.target_name
                            else f"{column.name} → {column.target_name}",
                            column.source_type,
                            column.target_type,
                            "是" if column.is_nullable else "否",
                            column.misfits,
                            reason_of(column),
                        )
                        for column in table.columns
                    ],
                    widths=[2, 1.6, 1.4, 0.6, 0.8, 3.6],
                    caption=caption,
                )
            ],
        )


def _risks(facts: MigrationFacts) -> Iterator[Block]:
    plan, origin = facts.plan, facts.plan_origin
    columns = [column for table in plan.tables for column in table.columns]
    keyless = [table for table in plan.tables if not table.key]
    whole = [table for table in plan.tables if table.rows >= _LARGE_ROWS and not table.chunk_column]
    unsized = [table for table in plan.tables if table.size_bytes is None]
    rows: list[tuple[Cell, ...]] = [
        (
            "源库仍在写入 the source is still written",
            len(plan.tables),
            "一个快照内读取；割接前停写并再做一次增量",
            origin,
        ),
        (
            "中断：断网、断电、磁盘满 interruption",
            sum(map(chunk_count, plan.tables)),
            "再执行同一命令：已装载的块核对后保留，其余重读（数量为块数 n is chunks）",
            origin,
        ),
        (
            "值不合声明类型 values that do not fit",
            sum(column.misfits for column in columns),
            "按文本保存原值；在 staging 转换；逐列记入问题日志",
            origin,
        ),
        (
            "有损转换 lossy casts",
            sum(bool(column.lossy) for column in columns),
            "须用 --allow 逐列放行；不合的行进拒绝表，留原行与原因",
            origin,
        ),
        (
            "无键的表 tables without a key",
            len(keyless),
            "按多重集哈希验证；不能逐行定位差异；整表重读",
            origin,
        ),
        (
            f"大表不能分块 tables of {_LARGE_ROWS:,} rows in one piece",
            len(whole),
            "中断后须整表重读；安排在业务低谷",
            origin,
        ),
        (
            "大小未知的表 tables of unknown size",
            len(unsized),
            "预留磁盘：至少为源库的两倍",
            origin,
        ),
        (
            "不迁移的表 tables left out",
            len(plan.left_out),
            "逐表说明原因；非分区的记入问题日志",
            origin,
        ),
    ]
    if facts.assessment is not None:
        relations = [*facts.assessment["relations"]["declared"], *facts.assessment["relations"]["implied"]]
        orphans = sum(relation["orphans"] for relation in relations)
        code = len(facts.assessment["dispositions"]["objects"])
        source = f"assessment {facts.assessment['assessment_id']}"
        rows += [
            ("孤儿行 orphans", orphans, "原样迁移；逐个关系记入问题日志，由科研决定", source),
            ("库内程序 code in the database", code, "逐个给出处置（dbt 模型、测试、作业、停用）", source),
        ]
    yield Heading(text="5 风险 Risks")
    yield TableBlock(
        header=["风险 risk", "数量 n", "对策 answer", "来源 origin"],
        rows=[row for row in rows if row[1]],
        widths=[2.6, 0.9, 4, 1.8],
    )
    if facts.assessment is None:
        yield Paragraph(text=f"评估 assessment：{NOT_RUN} 或未给出 or not given（--assessment）。", style="note")


def _checklist(facts: MigrationFacts, number: int) -> Iterator[Block]:
    lacks = facts.unfinished()
    items: list[tuple[str, bool | None, str]] = [
        ("只读帐号已建，口令不在命令行 read-only account, no password on a command line", None, ""),
        ("home 在加密卷上，密钥另存 home on an encrypted volume, keys kept elsewhere", None, ""),
        ("评估已完成 assessed", facts.assessment is not None, _assessment_origin(facts)),
        ("方案已完成 planned", True, facts.plan_origin),
        ("至少一次成功的实施 a run succeeded", facts.last_run is not None, facts.query("runs")),
        (
            "全部表自最近一次变化后已逐行验证 every row compared since it changed",
            facts.last_run is not None and not facts.unproved(),
            facts.query("checks"),
        ),
        ("问题日志无未决项 no open problem", not facts.count("open"), facts.query("problems")),
        ("回退已演练 fallback rehearsed", None, ""),
        ("用户已通知停写窗口 users know of the freeze", None, ""),
    ]
    yield Heading(text=f"{number} 检查表 Checklist")
    yield TableBlock(
        header=["", "项目 item", "来源 origin"],
        rows=[
            ({True: "☑", False: "☐ 未完成", None: "☐ 人工核对"}[state], item, origin) for item, state, origin in items
        ],
        widths=[1, 6, 2],
    )
    yield Paragraph(
        text="可以验收 ready for acceptance" if not lacks else "尚不能验收 not yet：" + "；".join(lacks),
        style="bad" if lacks else "good",
    )


def _assessment_origin(facts: MigrationFacts) -> str:
    return f"assessment {facts.assessment['assessment_id']}" if facts.assessment else NOT_RUN
