"""Reads days, instants, clocks and intervals in the forms PostgreSQL takes and writes them in the one it shows."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from zoneinfo import ZoneInfo

_CONTEXT = Context(prec=60, rounding=ROUND_HALF_UP)
Read = Callable[[str], str]

_STAMP = re.compile(
    r"(\d{4,6})[-/](\d{1,2})[-/](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?"
    r"\s*(Z|UTC|GMT|[-+]\d{1,2}(?::?\d{2}(?::\d{2})?)?|[A-Za-z]+/[A-Za-z_/]+)?(\s+BC)?",
    re.IGNORECASE,
)
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SPECIAL = {"infinity": "infinity", "-infinity": "-infinity", "epoch": "1970-01-01"}


def read_date(text: str) -> str:
    """Return a day in ISO form."""
    plain = text.strip()
    match = _STAMP.fullmatch(plain) or _PACKED.fullmatch(plain)
    if match is None:
        return _SPECIAL.get(plain.lower(), text)
    era = " BC" if match.re is _STAMP and match[9] else ""
    return f"{int(match[1]):04}-{int(match[2]):02}-{int(match[3]):02}{era}"


def _part_of_second(micros: int) -> str:
    return f".{micros:06}".rstrip("0") if micros else ""


def timestamp_reader(
    digits: int, zone: tzinfo | None, *, has_zone: bool
) -> tuple[Read, Callable[[str], object] | None]:
    """Return the reader of a timestamp type, with or without a zone."""
    fraction = rf"(?:\.\d{{0,{digits - 1}}}[1-9])?" if digits else ""
    whole = re.compile(rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d{fraction}" + (r"\+00" if has_zone else "")).fullmatch
    return (lambda text: _timestamp(text, digits, zone, has_zone)), whole


def _timestamp(text: str, digits: int, zone: tzinfo | None, has_zone: bool) -> str:
    plain = text.strip()
    match = _STAMP.fullmatch(plain)
    if match is None:
        found = _SPECIAL.get(plain.lower())
        if found is None:
            packed = _PACKED.fullmatch(plain)
            return text if packed is None else _timestamp("-".join(packed.groups()), digits, zone, has_zone)
        return found + (" 00:00:00" + ("+00" if has_zone else "") if found[0].isdigit() else "")
    year, month, day, hour, minute, second, part, given, era = match.groups()
    micros = int(Decimal(part or ".0").scaleb(6).quantize(Decimal(1), context=_CONTEXT))
    step = 10 ** (6 - digits)
    micros = (micros + step // 2) // step * step
    suffix = ("+00" if has_zone else "") + (era.upper() if era else "")
    stamp = f"{int(year):04}-{int(month):02}-{int(day):02} {int(hour or 0):02}:{minute or '00'}:{second or '00'}"
    try:
        moment = datetime.fromisoformat(stamp) if len(stamp) == 19 and not era else None
        if moment is not None:
            moment += timedelta(microseconds=micros)
            own = _zone_of(given) if given else zone
            if has_zone and own is not None:
                moment = moment.replace(tzinfo=own).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        # before Christ and after 9999 no arithmetic is at hand
        return f"{stamp}{_part_of_second(micros)}{suffix}"
    return f"{moment.year:04}-{moment:%m-%d %H:%M:%S}{_part_of_second(moment.microsecond)}{suffix}"


def _zone_of(text: str) -> tzinfo | None:
    if text.upper() in ("Z", "UTC", "GMT"):
        return UTC
    if text[0] not in "+-":
        try:
            return ZoneInfo(text)
        except (KeyError, ValueError, OSError):
            return None
    numbers = re.findall(r"\d{1,2}", text)
    hours, minutes, seconds = (*(int(number) for number in numbers), 0, 0)[:3]
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(-offset if text[0] == "-" else offset)


_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?\s*([AaPp][Mm])?")


def read_time(text: str, digits: int) -> str:
    """Return a time of day in ISO form."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return text
    hour, minute, second, part, half = match.groups()
    micros = int(Decimal(part or ".0").scaleb(6).quantize(Decimal(1), context=_CONTEXT))
    step = 10 ** (6 - digits)
    hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
    total = (hours * 3600 + int(minute) * 60 + int(second or 0)) * 1_000_000 + (micros + step // 2) // step * step
    seconds, micros = divmod(total, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_part_of_second(micros)}"


_ZONED = re.compile(r"(.*?)\s*(Z|UTC|[-+]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)", re.IGNORECASE)


def read_time_with_zone(text: str, digits: int) -> str:
    """Return a time of day with its zone in ISO form."""
    match = _ZONED.fullmatch(text.strip())
    if match is None:
        return text
    zone = match[2] if match[2][0] in "+-" else "+00"
    parts = re.findall(r"\d{1,2}", zone)
    while len(parts) > 1 and int(parts[-1]) == 0:
        parts.pop()
    return read_time(match[1], digits) + zone[0] + ":".join(f"{int(part):02}" for part in parts)


_PART = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*([A-Za-z]+)|([-+]?)(\d+):(\d{2})(?::(\d{2})(\.\d+)?)?|\s+|@")
_UNITS = {
    "year": (12, 0, 0), "yr": (12, 0, 0), "y": (12, 0, 0), "decade": (120, 0, 0), "century": (1200, 0, 0),
    "mon": (1, 0, 0), "month": (1, 0, 0), "week": (0, 7, 0), "w": (0, 7, 0), "day": (0, 1, 0), "d": (0, 1, 0),
    "hour": (0, 0, 3600), "hr": (0, 0, 3600), "h": (0, 0, 3600), "minute": (0, 0, 60), "min": (0, 0, 60),
    "m": (0, 0, 60), "second": (0, 0, 1), "sec": (0, 0, 1), "s": (0, 0, 1),
}  # fmt: skip
"""Months, days and seconds of a unit."""


def read_interval(text: str) -> str:
    """Return an interval of units and a clock in PostgreSQL's own style; any other form as it stands."""
    months, days, micros, position = 0, 0, 0, 0
    plain = text.strip()
    is_ago = plain.lower().endswith(" ago")
    plain = plain[:-4] if is_ago else plain
    while position < len(plain):
        match = _PART.match(plain, position)
        if match is None:
            return text
        position = match.end()
        number, unit, sign, hours, minutes, seconds, part = match.groups()
        if number is not None:
            found = _UNITS.get(unit.lower()) or _UNITS.get(unit.lower().removesuffix("s"))
            amount = Decimal(number)
            if found is None or (found[2] == 0 and amount != int(amount)):
                return text
            months += int(amount) * found[0]
            days += int(amount) * found[1]
            micros += int(amount * found[2] * 1_000_000)
        elif hours is not None:
            clock = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
            whole = clock * 1_000_000 + int(Decimal(part or ".0").scaleb(6))
            micros += -whole if sign == "-" else whole
    if is_ago:
        months, days, micros = -months, -days, -micros
    return _interval_text(months, days, micros)


def _interval_text(months: int, days: int, micros: int) -> str:
    parts: list[str] = []
    is_before = False
    years, months = int(months / 12), months - int(months / 12) * 12
    for number, unit in ((years, "year"), (months, "mon"), (days, "day")):
        if number:
            sign = "+" if is_before and number > 0 else ""
            parts.append(f"{sign}{number} {unit}{'' if number == 1 else 's'}")
            is_before = number < 0
    if micros or not parts:
        sign = "-" if micros < 0 else "+" if is_before else ""
        seconds, rest = divmod(abs(micros), 1_000_000)
        parts.append(f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_part_of_second(rest)}")
    return " ".join(parts)
