"""The report 问题日志: every anomaly with its rows, and who decided what about it and when."""

from collections.abc import Iterator

from ingestion.migration.problems import DECIDED, GONE, OPEN, Problem
from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_facts import MigrationFacts, instant, problem_rank


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
        ("问题 problems", len(facts.problems), origin),
        ("未决 open", facts.count(OPEN), origin),
        ("已决定 decided", facts.count(DECIDED), origin),
        ("其中行数已增加 of these grown since", sum(problem.has_grown for problem in facts.problems), origin),
        ("已消失 gone", facts.count(GONE), origin),
        (
            "未决涉及的行 rows of open ones",
            sum(problem.rows or 0 for problem in facts.problems if problem.status == OPEN),
            origin,
        ),
    ]
    yield Heading(text="1 概要 Summary")
    yield TableBlock(header=["项目 item", "数值 figure", "来源 origin"], rows=rows, widths=[3, 2, 3])
    yield Paragraph(
        text="尚不能验收 not yet acceptable：" + "；".join(lacks) if lacks else "可以验收 ready for acceptance。",
        style="bad" if lacks else "good",
    )
    if facts.count(OPEN):
        yield Paragraph(
            text='逐项决定 decide each：radlake migrate decide "$SOURCE" 问题号 --decision "接受，原因…" --by "姓名"',
            style="note",
        )


def _table(facts: MigrationFacts, problems: list[Problem], *, has_decisions: bool) -> TableBlock:
    header = ["问题号 id", "表 table", "描述 description", "行 rows", "发现于 found by"]
    widths = [1.2, 1.6, 4, 0.8, 2]
    if has_decisions:
        header += ["决定 decision", "决定人 by", "决定时间 at", "当时行数 rows then"]
        widths = [1.2, 1.4, 2.6, 0.7, 1.6, 2, 0.9, 1.2, 0.8]
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
