"""Says in words why a column of the legacy database becomes the type it becomes in the lake."""

import re

from ingestion.migration.plan import ColumnPlan

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = re.compile(r"char|text|clob|enum|set\b|string|name", re.IGNORECASE)
_REASONS = {
    "boolean": "真假值 truth",
    "double": "双精度，逐位比对 double precision, compared bit by bit",
    "date": "日期 day",
    "timestamp": "无时区时刻，微秒精度 instant without zone, to the microsecond",
    "timestamptz": "带时区时刻，按 UTC 传输 instant with zone, moved in UTC",
    "time": "时间 time of day",
    "blob": "二进制，以 SHA-256 比对 binary, compared by SHA-256",
}


def reason_of(column: ColumnPlan) -> str:
    """Return the reason of a column's type."""
    if column.lossy:
        return f"有损，已放行 lossy and allowed: {column.lossy}"
    if column.misfits and column.target_type == "varchar":
        return f"{column.misfits:,} 个值不合声明类型，按文本保存原值 kept as text: values do not fit the declared type"
    if column.note:
        return column.note
    if column.target_type in _INTEGERS:
        return "整数，范围不小于源类型 whole number, range at least that of the source"
    if column.target_type.startswith("decimal"):
        return "定点数，不舍入 exact number, nothing is rounded"
    if column.target_type == "varchar":
        if _TEXTS.search(column.source_type) or not column.source_type:
            return "文本原样，UTF-8 text as it is, in UTF-8"
        return "湖中无等价类型，保存其文本形式 no equal type in the lake, kept in its text form"
    return _REASONS.get(column.target_type, "")


def family_of(source_type: str) -> str:
    """Return a type without lengths, so that columns of one kind are counted together."""
    return re.sub(r"\s*\([^)]*\)", "", source_type).strip() or "（未声明 undeclared）"
