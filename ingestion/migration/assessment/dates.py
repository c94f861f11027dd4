"""Reads dates that were written as text: their form, whether such a day exists, and whether it stands for "unknown"."""

import functools
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

SENTINELS = frozenset(
    {
        "0000-00-00", "0001-01-01", "1111-11-11", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01",
        "2099-12-31", "2100-01-01", "2999-12-31", "3000-01-01", "3000-12-31", "4712-12-31", "8888-08-08", "9999-01-01",
        "9999-09-09", "9999-12-31", "infinity", "-infinity",
    }
)  # fmt: skip
"""Days that systems write for "no date"; 1753 begins SQL Server's calendar, 1899-12-30 that of spreadsheets."""

EPOCH = "1970-01-01"
"""The day of the number 0, and somebody's birthday: a sentinel where it is no birth, or where it is frequent."""

_EARLIEST, _LATEST = date(1880, 1, 1), date(2100, 12, 31)
_PARTS = re.compile(
    r"(\d{4})([-/.]|年)(\d{1,2})([-/.]|月)(\d{1,2})(日)?"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?"
)
_COMPACT = re.compile(r"((?:1[89]|20|99|00)\d{2})(\d{2})(\d{2})(\d{6})?")
_TURNED = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?: \d{1,2}:\d{2}(?::\d{2})?)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenDate:
    """One date as it was written; `day` is in ISO form, or None when no calendar has it."""

    form: str
    day: str | None
    is_compact: bool = False
    has_zero: bool = False
    """Month or day was filled up with a zero, which tells a form with zeros from one without."""


@functools.lru_cache(maxsize=1 << 16)
def read_date(text: str) -> WrittenDate | None:
    """Return the date that a whole text is, None when it is none."""
    match = _PARTS.fullmatch(text)
    if match:
        year, first, month, _, day, _, hour, minute, second = match.groups()
        time = " 时间 time" if hour else ""
        has_zero = any(len(part) == 2 and part[0] == "0" for part in (month, day))
        form = {"-": "2024-01-05", "/": "2024/01/05", ".": "2024.01.05", "年": "2024年01月05日"}[first] + time
        if len(month) == 1 or len(day) == 1:
            form = _without_zeros(form)
        is_time = hour is None or (int(hour) < 25 and int(minute) < 60 and int(second or 0) < 61)
        return WrittenDate(form=form, day=_iso(year, month, day) if is_time else None, has_zero=has_zero)
    match = _COMPACT.fullmatch(text)
    if match:
        year, month, day, time = match.groups()
        form = "20240105" + ("时分秒 time" if time else "")
        return WrittenDate(form=form, day=_iso(year, month, day), is_compact=True)
    match = _TURNED.fullmatch(text)
    if match:
        one, _, two, year = match.groups()
        day = _iso(year, two, one) or _iso(year, one, two)
        return WrittenDate(form="05/01/2024", day=day)
    return None


def _without_zeros(form: str) -> str:
    return re.sub(r"(?<=[-/.年月])0(?=\d)", "", form)


def _iso(year: str, month: str, day: str) -> str | None:
    """Return a day in ISO form; None when there is no such day, but zeros are a sentinel."""
    text = f"{year}-{int(month):02}-{int(day):02}"
    if text in SENTINELS:
        return text
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return None
    return text


def is_impossible(day: str | None, *, is_birth: bool, today: date) -> bool:
    """Return whether a day is in no calendar or in no life: before 1880, after 2100, a birth after today."""
    if day is None:
        return True
    if day in SENTINELS:
        return False
    try:
        moment = date.fromisoformat(day)
    except ValueError:
        return True
    return moment < _EARLIEST or moment > (today if is_birth else _LATEST)


def count_sentinels(days: Mapping[str, int], *, is_birth: bool, least: int) -> dict[str, int]:
    """Return the rows of each sentinel among the rows of each day."""
    found = {day: rows for day, rows in days.items() if day in SENTINELS}
    epoch = days.get(EPOCH, 0)
    usual = sum(days.values()) / max(1, len(days))
    if epoch and (not is_birth or (epoch >= least and epoch > 3 * usual)):
        found[EPOCH] = epoch
    return dict(sorted(found.items()))


def mixed_forms(forms: Mapping[str, int], *, any_zero: bool) -> dict[str, int]:
    """Return the rows of each form when there are several; both with zeros and without, 2024-11-15 looks the same."""
    merged: Counter[str] = Counter()
    for form, rows in forms.items():
        merged[form if any_zero else _without_zeros(form)] += rows
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0]))) if len(merged) > 1 else {}
