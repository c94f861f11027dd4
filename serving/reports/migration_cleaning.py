"""The chapter on cleaning rules: each with its version, what it met and left, and samples that show only shapes."""

from collections.abc import Iterator

from ingestion.migration.cleaning.measurement import LEAST_ROWS_OF_SAMPLE
from ingestion.migration.cleaning.rules import Rule, read_rules
from serving.reports.document import Block, Cell, Details, Heading, Paragraph, TableBlock
from serving.reports.migration_facts import NOT_RUN, MigrationFacts

_CLASSES_ZH = {"text": "文本列", "code": "编码列", "date_text": "日期文本列", "date": "日期列"}


def cleaning_blocks(facts: MigrationFacts, number: int) -> Iterator[Block]:
    """Yield the chapter with its number."""
    book = read_rules()
    yield Heading(text=f"{number} 清洗规则 Cleaning rules")
    yield Paragraph(
        text=f"规则第 {book.version} 版，{len(book.rules)} 条，是代码的一部分。raw 原值不动，进入 staging 时才生效。"
        "Raw values stay as they came; the rules work on the way into staging."
    )
    origin = f"rules v{book.version}" + (f"；run {facts.last_run['run_id']}" if facts.last_run else "")
    rows: list[tuple[Cell, ...]] = []
    for rule in book.rules:
        met = [count for measured in facts.measures for count in measured.counts if count.rule == rule and count.before]
        rows.append(
            (
                f"{rule.label_zh} {rule.name} v{rule.version}",
                "、".join(_CLASSES_ZH[name] for name in rule.applies_to),
                rule.reason_zh,
                len(met) if facts.measures else NOT_RUN,
                sum(count.before for count in met) if facts.measures else NOT_RUN,
                _after(rule, sum(count.after for count in met)) if facts.measures else NOT_RUN,
            )
        )
    yield TableBlock(
        header=["规则 rule", "用于 applies to", "理由 reason", "列 columns", "清洗前 before", "清洗后 after"],
        rows=rows,
        widths=[2.2, 1, 3.4, 0.7, 0.9, 0.9],
        caption=f"规则及其命中的行数 rules and the rows they met（来源 origin: {origin}；规则 SQL 见附录）",
    )
    if not facts.measures:
        yield Paragraph(text=f"清洗计数：{NOT_RUN}，表尚未装载 nothing was loaded yet。", style="note")
        return
    yield from _by_column(facts, origin)


def _after(rule: Rule, count: int) -> Cell:
    return f"{count:,}（只报告 reported only）" if rule.expression is None else count


def _by_column(facts: MigrationFacts, origin: str) -> Iterator[Block]:
    rows: list[tuple[Cell, ...]] = []
    samples: list[tuple[Cell, ...]] = []
    for measured in facts.measures:
        for count in measured.counts:
            if not count.before:
                continue
            place = f"{measured.target}.{count.column}"
            state = "是 yes" if count.is_applied and count.rule.expression else "否 no"
            rows.append((place, count.rule.label_zh, state, count.before, count.after))
            if count.rule.expression:
                samples += [
                    (place, count.rule.label_zh, before, "NULL" if after is None else after)
                    for before, after in count.samples
                ]
    if not rows:
        yield Paragraph(text="没有一行命中任何规则 no rule met a row。", style="good")
        return
    yield Details(
        title=f"按列 by column（{len(rows)}）",
        blocks=[
            TableBlock(
                header=["列 column", "规则 rule", "生效 applied", "清洗前 before", "清洗后 after"],
                rows=rows,
                widths=[3, 2.4, 0.8, 1, 1],
                caption=f"来源 origin: {origin}",
            )
        ],
    )
    if samples:
        yield Details(
            title=f"脱敏样例 masked samples（{len(samples)}）",
            blocks=[
                Paragraph(
                    text="只留形状：数字 9，汉字 文，字母 a/A，空格 ·，看不见的字符写作码点；"
                    f"少于 {LEAST_ROWS_OF_SAMPLE} 行的不举例。",
                    style="note",
                ),
                TableBlock(
                    header=["列 column", "规则 rule", "清洗前 before", "清洗后 after"],
                    rows=samples,
                    widths=[2.4, 2, 2.4, 2.4],
                    caption=f"来源 origin: {origin}",
                ),
            ],
        )
    lost = [measured for measured in facts.measures if measured.lost_keys]
    if lost:
        yield Paragraph(
            text="清洗后会重复的键 keys that cleaning would make equal：这些表的键列不要清洗。", style="bad"
        )
        yield TableBlock(
            header=["表 table", "键 keys"],
            rows=[(measured.target, measured.lost_keys) for measured in lost],
            caption=f"来源 origin: {origin}",
        )


def rule_statements() -> Iterator[Block]:
    """Yield the SQL of every rule, for the appendix."""
    book = read_rules()
    for rule in book.rules:
        yield Details(
            title=f"{rule.name} v{rule.version} {rule.label_zh}",
            blocks=[
                Paragraph(text=f"命中 predicate:\n{rule.is_true('列')}", style="code"),
                Paragraph(text=f"结果 expression:\n{rule.cleaned('列')}", style="code"),
            ],
        )
