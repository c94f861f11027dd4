"""Knows the lines around the records: repeated headers, closing lines, and the number of records some of them tell."""

import re
import unicodedata
from collections.abc import Sequence

from ingestion.naming import normalise_header

_COUNTS = (
    re.compile(r"共\s*计?\s*[:：]?\s*([\d,]+)\s*(?:条|行|例|笔|人次|个?记录|rows?|records?)"),
    re.compile(r"(?:记录数|记录总数|总条数|总行数|条数|行数|记录条数|数据量)\s*[:：=|,\t ]\s*([\d,]+)"),
    re.compile(r"(?:合计|总计|共计)\s*[:：]?\s*([\d,]+)\s*(?:条|行|例|笔|人次|个?记录)"),
    re.compile(r"\(?([\d,]+)\s*(?:rows?|records?|行受影响|行记录)\b", re.IGNORECASE),
    re.compile(r"(?:row_?count|record_?count|records?|total_?(?:rows|records))\s*[:=]\s*([\d,]+)", re.IGNORECASE),
)
_CLOSING = re.compile(
    r"(?:(?:合计|总计|共计|小计|本页合计)(?:[\s:：,，|0-9]|$)"
    r"|共\s*计?\s*[:：]?\s*[\d,]+\s*(?:条|行|例|笔|页|人次|个?记录)"
    r"|(?:总?记录(?:总|条)?数|总条数|总行数|条数|行数|数据量)\s*[:：=|,\t ]"
    r"|(?:导出|打印|制表|生成|统计|查询|报表|数据截止|截止)(?:时间|日期|人|单位|者)?\s*[:：]"
    r"|(?:制表人|导出人|操作员|审核人|打印人|备注|说明|注)\s*[:：]"
    r"|第\s*\d+\s*页|-+\s*(?:完|结束|end|eof)|[*#=]+\s*(?:完|结束|end|eof)|<?eof>?$|\[?end\]?$|(?:数据|文件)结束"
    r"|\(?[\d,]+\s*(?:rows?|records?)\b|\(?(?:所影响的行数|受影响的行)|(?:row_?count|record_?count|trailer)\b"
    r"|[-=_*]{3,}$)",
    re.IGNORECASE,
)
CLOSING_INITIALS = frozenset("合总共小本记条行数导打制生统查报截操审备说注第文所受-*#=_<[(（")
"""Characters with which a closing line begins that has all the fields of a record."""


def closing_text(cells: Sequence[str]) -> str:
    """Return what stands in a line, half-width and without empty cells."""
    return unicodedata.normalize("NFKC", " ".join(cell.strip() for cell in cells if cell.strip()))


def is_closing(cells: Sequence[str], words: Sequence[str], *, is_whole: bool) -> bool:
    """Return whether a line closes the file (totals, number of records, time of export) and is no record.

    A line with all the fields of a record (`is_whole`) is one only when hardly any of them is filled.
    """
    filled = [cell for cell in cells if cell.strip()]
    if not filled:
        return False
    first = unicodedata.normalize("NFKC", filled[0]).strip()
    if is_whole and len(filled) > max(2, len(cells) // 3):
        return False
    if is_whole and first[:1] not in CLOSING_INITIALS and not first.startswith(tuple(words)):
        return False
    if words and first.startswith(tuple(words)):
        return True
    return bool(_CLOSING.match(first))


def told_count(cells: Sequence[str]) -> int | None:
    """Return how many records a closing line says there are, if it does."""
    text = closing_text(cells)
    for pattern in _COUNTS:
        found = pattern.search(text)
        if found:
            digits = found[1].replace(",", "")
            return int(digits) if digits and len(digits) < 12 else None
    return None


def is_header(cells: Sequence[str], header: Sequence[str]) -> bool:
    """Return whether the cells are those of the header again."""
    return len(cells) == len(header) and [normalise_header(cell) for cell in cells] == [
        normalise_header(name) for name in header
    ]
