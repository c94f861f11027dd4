"""Dates and instants as hospitals write them, brought to YYYY-MM-DD and YYYY-MM-DD HH:MM:SS.

Each writing is a family: a pattern, and the formats by which DuckDB and Python read it alike. Which family is usual in
a column is no defect there. Days and months that could stand in either order are decided by the whole column and never
guessed. The hospital's clock is China's, eight hours before UTC and without summer time.
Sources: sources.md 3 (dates, sentinels); Excel counts days from 1899-12-30 for every serial after 60.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import half_width, is_full_width
from ingestion.quality.forms.missing import is_missing

_TIME = r"(?: +\d{1,2}:\d{2}(?::\d{2})?)?"
_TIMES = ("", " %H:%M:%S", " %H:%M")


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """One way to write a date."""

    name: str
    pattern: str
    """Of the whole value, as RE2 and Python's re read it."""
    formats: tuple[str, ...] = ()
    """strptime formats, tried in order."""
    sql: str | None = None
    """How SQL reads it where no format does; Python has a function of its own then."""


FAMILIES = (
    Family(
        name="iso",
        pattern=r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}(?::\d{2})?)?",
        formats=tuple(f"%Y-%m-%d{time}" for time in _TIMES),
    ),
    Family(
        name="unpadded",
        pattern=rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}{_TIME}",
        formats=tuple(f"%Y-%m-%d{time}" for time in _TIMES),
    ),
    Family(
        name="fraction",
        pattern=r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{1,6}",
        formats=("%Y-%m-%d %H:%M:%S.%f",),
    ),
    Family(
        name="slash",
        pattern=rf"\d{{4}}/\d{{1,2}}/\d{{1,2}}{_TIME}",
        formats=tuple(f"%Y/%m/%d{time}" for time in _TIMES),
    ),
    Family(
        name="dot",
        pattern=rf"\d{{4}}\.\d{{1,2}}\.\d{{1,2}}{_TIME}",
        formats=tuple(f"%Y.%m.%d{time}" for time in _TIMES),
    ),
    Family(
        name="chinese",
        pattern=rf"\d{{4}}年\d{{1,2}}月\d{{1,2}}日{_TIME}",
        formats=tuple(f"%Y年%m月%d日{time}" for time in _TIMES),
    ),
    Family(
        name="compact",
        pattern=r"(?:1[89]\d\d|2\d{3}|9999|0001)(?:0\d|1[0-2])[0-3]\d(?:[0-2]\d[0-5]\d(?:[0-5]\d)?)?",
        formats=("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d"),
    ),
    Family(
        name="compact_time",
        pattern=r"(?:1[89]\d\d|2\d{3}|9999|0001)(?:0\d|1[0-2])[0-3]\d \d{2}:\d{2}(?::\d{2})?",
        formats=("%Y%m%d %H:%M:%S", "%Y%m%d %H:%M"),
    ),
    Family(
        name="t",
        pattern=r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?",
        formats=("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"),
    ),
    Family(
        name="zoned",
        pattern=(r"\d{4}-?\d{2}-?\d{2}T?\d{2}:?\d{2}:?\d{2}(?:\.\d{1,6})?(?:[+-](?:0\d|1[0-4]):?[0-5]\d|Z)"),
        sql=(
            r"make_timestamp(epoch_us(try_cast(regexp_replace(regexp_replace(value, 'Z$', '+00:00'), "
            r"'^(\d{4})-?(\d{2})-?(\d{2})T?(\d{2}):?(\d{2}):?(\d{2})(\.\d+)?([+-]\d{2}):?(\d{2})$', "
            r"'\1-\2-\3 \4:\5:\6\8:\9') as timestamptz)) + 28800000000)"
        ),
    ),
)
"""Families that SQL reads too, tried in order."""
_COMPACT_LENGTHS = {"%Y%m%d%H%M%S": 14, "%Y%m%d%H%M": 12, "%Y%m%d": 8}
_COMPILED = tuple((family, re.compile(family.pattern)) for family in FAMILIES)

_ZONED = re.compile(
    r"(\d{4}-?\d{2}-?\d{2})[T ]?(\d{2}):?(\d{2})(?::?(\d{2})(?:\.\d+)?)? ?(Z|[+-]\d{2}:?\d{2})|"
    r"(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})\.\d+"
)
_CHINESE_CLOCK = re.compile(
    r"(\d{4})年(\d{1,2})月(\d{1,2})日? *"
    r"(?:(上午|下午|凌晨|晚上|中午)? *(\d{1,2})[时点:](?:(\d{1,2})[分:]?)?(?:(\d{1,2})秒?)?)?"
)
_ORACLE = re.compile(
    r"(\d{1,2})-(\d{1,2}月|[A-Z]{3})-? ?(\d{4}|\d{2})"
    r"(?: +(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d+)?(?: *(上午|下午|AM|PM))?)?"
)
_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})( +\d{1,2}:\d{2}(?::\d{2})?(?: *[AP]M)?)?")
_SERIAL = re.compile(r"([2-5]\d{4}|60000)(\.\d+)?")
_EPOCH = re.compile(r"1\d{9}|1\d{12}")
_DAY_TIME_DIGITS = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})[ T](\d{2}):?(\d{2}):?(\d{2})(?:\.\d{1,6})?")
_HOUR_ONLY = re.compile(r"((?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))([01]\d|2[0-3])")
_MORE_FRACTION = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})\.\d{7,}")
_PARTIAL = re.compile(r"((?:1[89]|20)\d{2})(?:[-/.年]?(0?[1-9]|1[0-2])月?)?年?")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1
    )
}
_DATE_LIKE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?.*|\d{8}|\d{12}|\d{14}")
_ZEROS = re.compile(r"[0\-/.: T]+")

SENTINELS = ("1900-01-01", "1899-12-30", "1899-12-31", "1753-01-01", "9999-12-31", "2999-12-31", "0001-01-01")
"""Days that stand for no date, in normal form."""
EARLIEST = "1900-01-02"
_CHINA = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class _Read:
    """A value read as an instant, or the reason why not; `at` is in normal form."""

    family: str
    at: str | None = None
    is_ambiguous: bool = False


def _text(instant: datetime, has_time: bool) -> str:
    # strftime does not pad years below 1000 on every platform
    return instant.isoformat(sep=" ", timespec="seconds") if has_time else instant.date().isoformat()


def _instant(
    year: str | int, month: str | int, day: str | int, *clock: str | int | None, half: str | None = None
) -> str | None:
    try:
        hour, minute, second = (int(part or 0) for part in (*clock, 0, 0, 0)[:3])
        if half in ("下午", "晚上", "PM") and hour < 12:
            hour += 12
        elif half in ("AM", "凌晨", "上午") and hour == 12:
            hour = 0
        has_time = bool(clock) and clock[0] is not None
        return _text(datetime(int(year), int(month), int(day), hour, minute, second), has_time)
    except ValueError:
        return None


def is_open_end(value: str) -> bool:
    """Return whether a date is the last day there is, which stands for what has not come yet."""
    return re.match(r"[29]999\D?12\D?31", value.strip()) is not None


def full_year(year: str, today: date | None = None) -> int:
    """Return the year that two digits mean: none later than next year."""
    number = int(year)
    if len(year) != 2:
        return number
    limit = (today or datetime.now(UTC).date()).year + 1
    return number + 2000 if number + 2000 <= limit else number + 1900


def _read_family(value: str) -> _Read | None:
    for family, pattern in _COMPILED:
        if family.formats and pattern.fullmatch(value):
            for layout in family.formats:
                if family.name == "compact" and len(value) != _COMPACT_LENGTHS[layout]:
                    # Python would take fewer digits for a part than it has
                    continue
                try:
                    # a zone is added to read on: the value has none
                    instant = datetime.strptime(re.sub(" +", " ", value), layout)
                except ValueError:
                    continue
                return _Read(family.name, _text(instant, "%H" in layout))
            return _Read(family.name)
    return None


def parts_by_order(value: str, order: str, today: date | None = None) -> tuple[int, int, int] | None:
    """Return year, month and day of a numeric date by an order (dmy, mdy, ymd), or None when it does not allow it."""
    found = _NUMERIC.fullmatch(value.strip().upper())
    if not found:
        return None
    places = dict(zip(order, (found[1], found[3], found[4]), strict=True))
    if len(places["y"]) == 1 or (order == "ymd" and len(found[4]) == 4):
        return None
    try:
        day = date(full_year(places["y"], today), int(places["m"]), int(places["d"]))
    except ValueError:
        return None
    return day.year, day.month, day.day


def _read_numeric(value: str, facts: Facts) -> _Read | None:
    found = _NUMERIC.fullmatch(value)
    if not found:
        return None
    readings = {parts for order in facts.orders if (parts := parts_by_order(value, order, facts.today))}
    if not readings:
        return _Read("numeric")
    if len(readings) > 1:
        return _Read("numeric", is_ambiguous=True)
    clock = re.findall(r"\d+", found[5] or "")
    half = next((mark for mark in ("AM", "PM") if mark in (found[5] or "")), None)
    return _Read("numeric", _instant(*readings.pop(), *clock, half=half))


def _read_zoned(value: str) -> _Read | None:
    found = _ZONED.fullmatch(value)
    if not found:
        return None
    if found[6]:
        return _Read("t_fraction", _instant(*found[6].split("-"), *found.group(7, 8, 9)))
    digits = found[1].replace("-", "")
    instant = _instant(digits[:4], digits[4:6], digits[6:], *found.group(2, 3, 4))
    if instant is None:
        return _Read("zoned")
    zone = found[5].replace(":", "")
    offset = timedelta() if zone == "Z" else timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))
    try:
        moved = datetime.fromisoformat(instant) - offset + _CHINA
    except OverflowError:
        return _Read("zoned")
    return _Read("zoned", _text(moved, True))


def _read_rare(value: str, facts: Facts) -> _Read | None:
    if found := _CHINESE_CLOCK.fullmatch(value):
        return _Read("chinese", _instant(*found.group(1, 2, 3), *found.group(5, 6, 7), half=found[4]))
    if found := _ORACLE.fullmatch(value.upper()):
        month = (
            _MONTHS.get(found[2]) or int(found[2].rstrip("月")) if found[2][0].isdigit() or found[2] in _MONTHS else 0
        )
        year = full_year(found[3], facts.today)
        return _Read("oracle", _instant(year, month, found[1], *found.group(4, 5, 6), half=found[7]))
    if found := _MORE_FRACTION.fullmatch(value):
        return _read_family(found[1])
    if found := _DAY_TIME_DIGITS.fullmatch(value):
        return _Read("compact_time", _instant(*found.group(1, 3, 4, 5, 6, 7)))
    if found := _HOUR_ONLY.fullmatch(value):
        return _Read("compact", _instant(found[1][:4], found[1][4:6], found[1][6:], found[2]))
    return None


def _read_number(value: str, form: str) -> _Read | None:
    if found := _SERIAL.fullmatch(value):
        instant = datetime(1899, 12, 30) + timedelta(days=float(value))
        # seconds are what a fraction of a day can hold; the half second is rounded
        instant = (instant + timedelta(microseconds=500_000)).replace(microsecond=0)
        return _Read("serial", _text(instant, bool(found[2]) and form == "timestamp"))
    if _EPOCH.fullmatch(value):
        seconds = int(value) / (1000 if len(value) == 13 else 1)
        return _Read("epoch", _text(datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None) + _CHINA, True))
    return None


def read_date(form: str, value: str, facts: Facts) -> _Read | None:
    """Return the family and the normal form of a date, or None when it is none of them."""
    if facts.date_format:
        try:
            instant = datetime.strptime(value, facts.date_format)
            return _Read("given", _text(instant, "%H" in facts.date_format or "%I" in facts.date_format))
        except ValueError:
            pass
    return (
        _read_family(value)
        or _read_zoned(value)
        or _read_numeric(value.upper(), facts)
        or _read_rare(value, facts)
        or _read_number(value, form)
    )


def family_of(form: str, value: str, facts: Facts) -> str | None:
    """Return the name of the family a value is written in, or None."""
    read = read_date(form, half_width(value).strip(), facts)
    return read.family if read else None


def normal_date(form: str, value: str, facts: Facts) -> Normal:
    """Return the normal form of a value of the form date or timestamp."""
    if is_missing(form, value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = half_width(value).strip(" \t\r\n'\"\u00a0")
    usual = facts.usual or frozenset({"iso"})
    if _ZEROS.fullmatch(text):
        return Normal(None, (*kinds, "date_sentinel"))
    read = read_date(form, text, facts)
    if read is None:
        if partial := _PARTIAL.fullmatch(text):
            plain = partial[1] + (f"-{int(partial[2]):02d}" if partial[2] else "")
            return Normal(plain, (*kinds, *(() if "partial" in usual or plain == text else ("date_format",))))
        return Normal(None, (*kinds, "date_impossible" if _DATE_LIKE.fullmatch(text) else "value_unparseable"))
    if read.is_ambiguous:
        return Normal(None, (*kinds, *(() if "numeric" in usual else ("date_format",)), "value_ambiguous"))
    if read.at is None:
        return Normal(None, (*kinds, "date_impossible"))
    return judge_date(form, read.at, read.family, facts, kinds)


def judge_date(form: str, at: str, family: str, facts: Facts, kinds: list[str] | None = None) -> Normal:
    """Return the normal form of an instant that was read, with what is wrong about its value."""
    kinds = list(kinds or [])
    usual = facts.usual or frozenset({"iso"})
    day = at[:10]
    if day in SENTINELS:
        return Normal(None, (*kinds, "date_sentinel"))
    if day < EARLIEST:
        return Normal(None, (*kinds, "date_impossible"))
    if family == "serial" and family not in usual:
        kinds.append("date_excel_serial")
    elif family not in usual and family != "given":
        kinds.append("date_format")
    if facts.today and day > (facts.today + timedelta(days=1)).isoformat():
        kinds.append("date_future")
    return Normal(day if form == "date" else at, tuple(kinds))
