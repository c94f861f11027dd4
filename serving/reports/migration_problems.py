"""The report 问题日志: every anomaly with its rows, and who decided what about it and when."""

from collections.abc import Iterator

from ingestion.migration.problems import DECIDED, GONE, OPEN, Problem
from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_facts import NOT_RUN, MigrationFacts, instant, problem_rank


def problem_blocks(facts: MigrationFacts) -> Iterator[Block]:
    """Yield the body of the report."""
    yield from _summary(facts)
    for number, (status, title) in enumerate(
        ((OPEN, "未决 Open"), (DECIDED, "已决定 Decided"), (GONE, "已消失 Gone by itself")), start=2
    ):
        yield Heading(text=f"{number} {title}")
        problems = [problem for problem in facts.problems if problem.status == status]
        if not problems:
            yield Paragraph(text="没有 none。", style="good" if status == OPEN else "note")
            continue
        yield _table(facts, problems, has_decisions=status != OPEN)
    yield from _history(facts)


def _summary(facts: MigrationFacts) -> Iterator[Block]:
    lacks, origin = facts.unfinished(), facts.query("problems")
    rows: list[tuple[Cell, ...]] = [
        ("问题 problems", f"{len(facts.problems):,}", origin),
        ("未决 open", f"{facts.count(OPEN):,}", origin),
        ("已决定 decided", f"{facts.count(DECIDED):,}", origin),
        ("其中行数已增加 of these grown since", f"{sum(problem.has_grown for problem in facts.problems):,}", origin),
        ("已消失 gone", f"{facts.count(GONE):,}", origin),
        (
            "未决涉及的行 rows of open ones",
            f"{sum(problem.rows or 0 for problem in facts.problems if problem.status == OPEN):,}",
            origin,
        ),
    ]
    yield Heading(text="1 概要 Summary")
    yield TableBlock(header=["项目 item", "数值 figure", "来源 origin"], rows=rows, widths=[3, 2, 3])
    yield Paragraph(
        text="尚不能验收 not yet acceptable：" + "；".join(lacks) if lacks else "可以验收 ready for acceptance。",
        style="bad" if lacks else "good",
    )
    yield _looked_for(facts)
    if facts.count(OPEN):
        yield Paragraph(
            text='逐项决定 decide each：radlake migrate decide "$SOURCE" 问题号 --decision "接受，原因…" --by "姓名"',
            style="note",
        )


def _looked_for(facts: MigrationFacts) -> TableBlock:
    """Return what the log was made from, so that an empty one is known to be empty."""
    assessed = f"assessment {facts.assessment['assessment_id']}" if facts.assessment else f"{NOT_RUN}（--assessment）"
    run, validation = facts.last_run, facts.last_validation
    replays, files = facts.rows("replays"), facts.rows("files")
    sources = (
        ("plan", "按文本保存的列、不迁移的表 columns kept as text, tables left out", facts.plan_origin),
        ("run", "拒绝的行、失败的实施 refused rows, failed runs", f"run {run['run_id']}" if run else NOT_RUN),
        (
            "validation",
            "与源库的差异 differences",
            f"validation {validation['validation_id']}" if validation else NOT_RUN,
        ),
        ("files", "缺失或不可读的文件 missing files", facts.query("files") if files else NOT_RUN),
        ("replay", "结果不同的查询 other answers", f"replay {replays[-1]['replay_id']}" if replays else NOT_RUN),
        ("assessment", "孤儿行、未列入方案的表 orphans, tables not planned", assessed),
    )
    return TableBlock(
        header=["查处 looked at", "查什么 looked for", "依据 what", "现有问题 problems now"],
        rows=[
            (
                kind, text, origin,
                sum(problem.origin.startswith(f"{kind} ") for problem in facts.problems if problem.status != GONE),
            )
            for kind, text, origin in sources
        ],
        widths=[1, 3, 3, 1],
        caption=f"查过的地方 what was looked at（来源 origin: {facts.query('problems')}）",
    )  # fmt: skip


def _table(facts: MigrationFacts, problems: list[Problem], *, has_decisions: bool) -> TableBlock:
    header = ["问题号 id", "表 table", "描述 description", "行 rows", "发现于 found by"]
    widths = [1.1, 1.6, 3.6, 0.7, 2.8]
    if has_decisions:
        header += ["决定 decision", "决定人 by", "决定时间 at", "当时行数 rows then"]
        widths = [1.2, 1.3, 2.4, 0.7, 1.9, 2, 0.9, 1.2, 0.8]
    rows: list[tuple[Cell, ...]] = []
    for problem in problems:
        row: tuple[Cell, ...] = (
            problem.problem_id,
            problem.target or "",
            problem.description + ("（行数已增加 grown since）" if problem.has_grown else ""),
            problem.rows,
            problem.origin,
        )
        if has_decisions:
            made = problem.decision
            row += (made.text, made.by, instant(made.at), made.rows) if made else ("", "", "", None)
        rows.append(row)
    return TableBlock(header=header, rows=rows, widths=widths, caption=f"来源 origin: {facts.query('problems')}")


def _history(facts: MigrationFacts) -> Iterator[Block]:
    changed = [problem for problem in facts.problems if len(problem.decisions) > 1]
    if not changed:
        return
    yield Details(
        title=f"改过的决定 decisions that were changed（{len(changed)}）",
        blocks=[
            TableBlock(
                header=["问题号 id", "状态 status", "决定 decision", "决定人 by", "时间 at", "当时行数 rows then"],
                rows=[
                    (problem.problem_id, problem_rank(problem), made.text, made.by, instant(made.at), made.rows)
                    for problem in changed
                    for made in problem.decisions
                ],
                caption=f"来源 origin: {facts.query('problems')}",
            )
        ],
    )
