"""Tells how a table grew: rows by the year of the column that looks like the time a row was made."""

import re
from typing import Any

from ingestion.migration.assessment.identity import snake
from ingestion.migration.assessment.profile import ColumnFacts, TableFacts

_MADE = re.compile(r"creat|insert|gmt_c|add_?(?:time|date|on|at)|创建|新增|建档|制单|生成", re.IGNORECASE)
_HAPPENED = re.compile(
    r"regist|log|record|visit|exam|report|order|appl|fill|check|admi|pay|sale|rent|collect|receiv|登记|就诊|检查|录入|申请|开立|报告|入院|记录|填写",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"updat|modif|edit|delet|remov|end|left|leave|finish|expir|valid|discharg|return|last|audit|verif"
    r"|修改|更新|删除|结束|离院|出院|到期|失效|审核|归还",
    re.IGNORECASE,
)
_YEARS = range(1970, 2101)


def growth_of(facts: TableFacts, least: int) -> dict[str, Any] | None:
    """Return rows by year, None when no column tells; years with fewer than `least` rows are in `other`."""
    column = max(facts.columns.values(), key=_promise, default=None)
    if column is None or _promise(column) <= 0:
        return None
    by_year: dict[str, int] = {}
    other = 0
    for day, rows in column.days.items():
        year = day[:4]
        if year.isdecimal() and int(year) in _YEARS:
            by_year[year] = by_year.get(year, 0) + rows
        else:
            other += rows
    shown = {year: rows for year, rows in sorted(by_year.items()) if rows >= least}
    other += sum(by_year.values()) - sum(shown.values())
    return {"column": column.column.name, "years": shown, "other": other, "missing": facts.rows - column.filled}


def _promise(column: ColumnFacts) -> float:
    """Return how likely a column is the time a row was made; 0 when it is not."""
    words = (snake(column.column.name), column.column.comment)
    if not column.days or column.is_birth:
        return 0.0
    if any(_MADE.search(word) for word in words):
        score = 3.0
    elif any(_LATER.search(word) for word in words):
        return 0.0
    else:
        score = 2.0 if any(_HAPPENED.search(word) for word in words) else 1.0
    filled = sum(column.days.values())
    return score + 0.5 * (column.filled and filled / column.filled)
