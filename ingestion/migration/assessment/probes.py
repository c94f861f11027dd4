"""The probes for what goes wrong in Chinese databases, and what each found in a table, with exact counts of rows.

A defect is repaired or accepted by name before the migration; a remark is for whoever writes the staging models.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from ingestion.migration.assessment import dates
from ingestion.migration.assessment.profile import ColumnFacts, TableFacts
from ingestion.migration.assessment.text_census import frequent


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One probe; the advice is what a hospital's information centre reads."""

    name: str
    label_zh: str
    label: str
    advice_zh: str
    is_defect: bool = True


PROBES = tuple(
    Probe(
        name=name,
        label_zh=label_zh,
        label=label,
        advice_zh=advice,
        is_defect=name not in ("citizen_15_digits", "number_as_text"),
    )
    for name, label_zh, label, advice in (
        (
            "mojibake_utf8_as_latin1",
            "乱码：UTF-8 误读为 Latin-1",
            "UTF-8 read as Latin-1",
            "可逆：清洗规则中按字节还原",
        ),
        ("mojibake_double_utf8", "乱码：UTF-8 二次编码", "UTF-8 encoded twice", "可逆：还原两次"),
        ("mojibake_gbk_as_latin1", "乱码：GBK 误读为 Latin-1", "GBK read as Latin-1", "可逆：核对源库字符集声明后还原"),
        (
            "mojibake_utf8_as_gbk",
            "乱码：UTF-8 误读为 GBK",
            "UTF-8 read as GBK",
            "多数可逆；带问号的末字节已丢失，须回查原件",
        ),
        ("mojibake_lost", "乱码：字符已丢失（U+FFFD、锟斤拷）", "characters lost", "不可逆：标记并回查原件"),
        ("question_marks", "疑似汉字变为问号", "question marks for Chinese", "不可逆：标记并回查原件"),
        ("invalid_utf8", "无效的 UTF-8 字节", "invalid UTF-8", "按 GB18030 试读后还原"),
        ("full_width_digit", "全角数字", "full-width digits", "清洗规则：转半角"),
        ("full_width_letter", "全角字母", "full-width letters", "清洗规则：转半角"),
        (
            "citizen_check_digit",
            "身份证号校验位错误",
            "citizen number, wrong check digit",
            "保留原值并标记，不用于匹配",
        ),
        (
            "citizen_birth_date",
            "身份证号内出生日期不存在",
            "citizen number, impossible birth",
            "保留原值并标记，不用于匹配",
        ),
        (
            "citizen_shape",
            "身份证号位数或字符错误",
            "citizen number, wrong shape",
            "保留原值并标记；确认是否混入其他证件",
        ),
        ("citizen_15_digits", "15 位旧身份证号", "citizen number of 15 digits", "升位后再匹配，原值保留"),
        ("impossible_date", "不可能的日期", "impossible date", "置空并标记，回查原件"),
        ("sentinel_date", "哨兵日期（表示无日期）", "sentinel date", "置空并标记含义"),
        ("mixed_date_forms", "同列日期格式不一", "mixed date forms", "清洗规则：统一为 ISO 格式"),
        ("trailing_blank", "尾部空白", "trailing blank", "清洗规则：去尾部空白"),
        ("leading_blank", "首部空白", "leading blank", "清洗规则：去首部空白；段首缩进可保留"),
        ("only_blanks", "仅含空白", "blanks only", "置空"),
        ("empty_beside_null", "空字符串与 NULL 并存", "empty text beside NULL", "统一为 NULL，确认业务上无区别"),
        ("control_character", "控制字符", "control character", "清洗规则：去除"),
        ("zero_width", "零宽字符", "zero-width character", "清洗规则：去除"),
        ("html", "HTML 残留", "HTML remains", "清洗规则：去标签、还原实体"),
        ("number_as_text", "数值存为文本", "numbers kept as text", "在 staging 模型中转换类型"),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What one probe found in one column."""

    probe: str
    schema: str
    table: str
    column: str
    rows: int
    filled: int
    detail: dict[str, int] = field(default_factory=dict)
    """Counts by sentinel, form and such; what is rarer than the cut-off is summed under `other`."""

    def as_plain(self) -> dict[str, Any]:
        """Return the finding as it stands in assessment.json."""
        return asdict(self)


def find_defects(facts: TableFacts, *, least: int, today: date) -> Iterator[Finding]:
    """Yield what the probes found in a table, by column and then in the order of PROBES."""
    for column in facts.columns.values():
        found = column.census.findings(least) if column.census else {}
        if column.empty > 0 and column.filled < facts.rows:
            found["empty_beside_null"] = (column.empty, {"null": facts.rows - column.filled})
        found |= _judge_days(column, least=least, today=today)
        for probe in PROBES:
            if probe.name in found:
                rows, detail = found[probe.name]
                yield Finding(
                    probe=probe.name,
                    schema=facts.table.schema,
                    table=facts.table.name,
                    column=column.column.name,
                    rows=rows,
                    filled=column.filled - (0 if probe.name == "empty_beside_null" else column.empty),
                    detail=detail,
                )


def _judge_days(column: ColumnFacts, *, least: int, today: date) -> dict[str, tuple[int, dict[str, int]]]:
    """Return what is wrong with the days of a column that was declared to hold days."""
    days: dict[str, int] = {}
    impossible = 0
    for text, rows in column.days.items():
        written = dates.read_date(text)
        day = written.day if written else (text if text in dates.SENTINELS else None)
        if dates.is_impossible(day, is_birth=column.is_birth, today=today):
            impossible += rows
        elif day is not None:
            days[day] = days.get(day, 0) + rows
    sentinels = dates.count_sentinels(days, is_birth=column.is_birth, least=least)
    found: dict[str, tuple[int, dict[str, int]]] = {}
    if impossible:
        found["impossible_date"] = (impossible, {})
    if sentinels:
        found["sentinel_date"] = (sum(sentinels.values()), frequent(sentinels, least))
    return found


def total_rows(findings: Iterable[Finding]) -> dict[str, int]:
    """Return the rows each probe found, those that found nothing included."""
    totals = {probe.name: 0 for probe in PROBES}
    for finding in findings:
        totals[finding.probe] += finding.rows
    return totals
