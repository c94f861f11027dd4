"""Turns the values of PostgreSQL's COPY and INSERT into the text that `::text` shows of them, column by column.

What pg_dump writes is recognised by its form and passes as it is; everything else is read and written anew. A value that
cannot be read stays as it was written.
"""

import re
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from ingestion.migration.dump.literals import unescape_bytea
from ingestion.migration.dump.mysql_values import Convert, Stored, is_integer, json_text, read_zone

_CONTEXT = Context(prec=2000, rounding=ROUND_HALF_UP)
_TYPE = re.compile(r"([^(\[]+?)(?:\(([\d,-]+)\))?( with(?:out)? time zone)?((?:\[\])*)")
_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})

Read = Callable[[str], str]


def converter(source_type: str, zone: str | None) -> Convert:
    """Return what turns the values of a column into stored ones; `zone` is the session's."""
    if source_type == "bytea":
        return lambda values: [_bytes(value) if isinstance(value, str) else value for value in values]
    read, is_whole = _reader(source_type, zone)

    def convert(values: Sequence[Stored]) -> Sequence[Stored]:
        if read is None:
            return [_hex(value) for value in values] if bytes in set(map(type, values)) else values
        if is_whole is None or bytes in set(map(type, values)):
            return [None if value is None else read(_hex(value)) for value in values]
        return [value if value is None or is_whole(value) else read(value) for value in values]  # type: ignore[arg-type]

    return convert


def _hex(value: Stored) -> Any:
    return "\\x" + value.hex() if isinstance(value, bytes) else value


def _bytes(text: str) -> Stored:
    try:
        return unescape_bytea(text)
    except ValueError:
        return text


def _reader(source_type: str, zone: str | None) -> tuple[Read | None, Callable[[str], object] | None]:
    """Return what reads one value of a type, None where any text is its own, and what knows a finished one."""
    match = _TYPE.fullmatch(source_type)
    if match is None:
        return None, None
    name, arguments, suffix, array = match[1], match[2], match[3] or "", match[4]
    numbers = tuple(int(part) for part in arguments.split(",")) if arguments else ()
    if array:
        # inside an array a single float shows its own digits
        element = _single if name == "real" else _reader(source_type.removesuffix("[]"), zone)[0]
        return _array_reader(element), None
    name += suffix
    if name in ("integer", "smallint", "bigint", "oid"):
        return _integer, is_integer
    if name == "numeric":
        return _numeric_reader(numbers)
    if name in ("real", "double precision"):
        is_single = name == "real"
        return (lambda text: _float(text, is_single)), None
    if name == "boolean":
        return _boolean, None
    if name == "date":
        return _date, re.compile(r"\d{4}-\d\d-\d\d").fullmatch
    if name in ("timestamp without time zone", "timestamp with time zone"):
        return _timestamp_reader(numbers[0] if numbers else 6, read_zone(zone), has_zone="without" not in name)
    if name == "time without time zone":
        digits = numbers[0] if numbers else 6
        return (lambda text: _time(text, digits)), re.compile(r"\d\d:\d\d:\d\d").fullmatch
    if name in ("character", "bpchar"):
        # `::text` of a padded value has no padding
        return (lambda text: text.rstrip(" ")), (lambda text: text[-1:] != " ")
    if name == "jsonb":
        return json_text, None
    if name == "uuid":
        return _uuid, re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
    if name == "interval" or name.startswith("interval "):
        return _interval, re.compile(r"-?\d\d+:\d\d:\d\d(?:\.\d{0,5}[1-9])?").fullmatch
    if name == "money":
        return _money, re.compile(r"-?\$[\d,]+\.\d\d").fullmatch
    if name == "inet":
        return _inet, None
    if name in ("cidr", "macaddr", "macaddr8"):
        return str.lower, None
    if name == "time with time zone":
        digits = numbers[0] if numbers else 6
        return (lambda text: _time_with_zone(text, digits)), None
    if name in _RANGES:
        element, step = _RANGES[name]
        return _range_reader(_reader(element, zone)[0] or str, step), None
    return None, None


_RANGES = {
    "int4range": ("integer", "whole"), "int8range": ("bigint", "whole"), "daterange": ("date", "day"),
    "numrange": ("numeric", ""), "tsrange": ("timestamp without time zone", ""),
    "tstzrange": ("timestamp with time zone", ""),
}  # fmt: skip
"""Type of the bounds, and the step between two values where a range has one form only."""


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _integer(text: str) -> str:
    number = _decimal(text)
    if number is None or not number.is_finite():
        return text
    return str(int(number.quantize(Decimal(1), context=_CONTEXT)))


def _numeric_reader(numbers: tuple[int, ...]) -> tuple[Read, Callable[[str], object] | None]:
    if not numbers:

        def read_any(text: str) -> str:
            number = _decimal(text)
            if number is None or not number.is_finite():
                return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text.strip().lower(), text)
            return f"{number if number else abs(number):f}"

        return read_any, re.compile(r"-?[1-9]\d*(?:\.\d+)?").fullmatch
    scale = numbers[1] if len(numbers) > 1 else 0
    whole = re.compile(r"-?[1-9]\d*" + (rf"\.\d{{{scale}}}" if scale > 0 else "")).fullmatch

    def read(text: str) -> str:
        number = _decimal(text)
        if number is None or not number.is_finite():
            return "NaN" if text.strip().lower() == "nan" else text
        rounded = number.quantize(Decimal(1).scaleb(-scale), context=_CONTEXT)
        return f"{rounded if rounded else abs(rounded):f}"

    return read, whole


def _float(text: str, is_single: bool) -> str:
    """Return a float with all its digits; a single one as the double it is."""
    try:
        number = float(text)
        if is_single:
            number = struct.unpack("f", struct.pack("f", number))[0]
    except (ValueError, OverflowError):
        return text
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Infinity" if number > 0 else "-Infinity"
    return double_text(number)


def double_text(number: float) -> str:
    """Return the shortest digits of a double in the form of PostgreSQL: 1e+15 and 1e-05 with an exponent."""
    return _shown(repr(number))


def _shown(text: str) -> str:
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    plain = "".join(map(str, digits)).rstrip("0") or "0"
    power = exponent + len(digits) - 1
    if plain == "0":
        return "-0" if sign else "0"
    if -4 <= power < 15:
        return f"{Decimal((sign, tuple(map(int, plain)), power - len(plain) + 1)):f}"
    mantissa = plain[0] + ("." + plain[1:] if len(plain) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if power < 0 else '+'}{abs(power):02}"


def _single(text: str) -> str:
    """Return the shortest digits of a single float."""
    shown = _float(text, is_single=True)
    if shown in ("NaN", "Infinity", "-Infinity") or shown == text:
        return shown
    number = float(shown)
    for precision in range(1, 10):
        short = f"{number:.{precision}g}"
        if struct.pack("f", float(short)) == struct.pack("f", number):
            return _shown(short) if abs(number) < 1e6 or abs(number) >= 1e15 else _single_large(short)
    return shown


def _single_large(text: str) -> str:
    """A single float changes to an exponent at a million already."""
    sign, digits, exponent = Decimal(text).as_tuple()
    assert isinstance(exponent, int)
    plain = "".join(map(str, digits)).rstrip("0")
    mantissa = plain[0] + ("." + plain[1:] if len(plain) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e+{exponent + len(digits) - 1:02}"


def _inet(text: str) -> str:
    plain = text.strip().lower()
    return plain if "/" in plain or not plain else plain + ("/128" if ":" in plain else "/32")


_RANGE = re.compile(r'([\[(])\s*(?:"([^"]*)"|([^",]*)),\s*(?:"([^"]*)"|([^",]*?))\s*([\])])')


def _range_reader(element: Read, step: str) -> Read:
    """Return what reads a range; one of whole numbers or days is shown from its first value to behind its last."""

    def behind(value: str) -> str:
        if step == "whole":
            return str(int(value) + 1)
        return (date.fromisoformat(value) + timedelta(days=1)).isoformat()

    def read(text: str) -> str:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            return text.strip().lower() if text.strip().lower() == "empty" else text
        first, low, low_bare, high, high_bare, last = match.groups()
        lower, upper = low or low_bare or "", high or high_bare or ""
        lower, upper = element(lower) if lower else "", element(upper) if upper else ""
        try:
            if step and lower and first == "(":
                first, lower = "[", behind(lower)
            if step and upper and last == "]":
                last, upper = ")", behind(upper)
            if step and lower and upper and (int(lower) >= int(upper) if step == "whole" else lower >= upper):
                return "empty"
        except ValueError:
            return text
        first, last = (first if lower else "("), (last if upper else ")")
        shown = [f'"{value}"' if " " in value else value for value in (lower, upper)]
        return f"{first}{shown[0]},{shown[1]}{last}"

    return read


def _boolean(text: str) -> str:
    word = text.strip().lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else text


def _uuid(text: str) -> str:
    digits = re.sub(r"[{}\-]", "", text.strip().lower())
    if not re.fullmatch(r"[0-9a-f]{32}", digits):
        return text
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _money(text: str) -> str:
    number = _decimal(text.replace("$", "").replace(",", ""))
    if number is None or not number.is_finite():
        return text
    rounded = number.quantize(Decimal("0.01"), context=_CONTEXT)
    return ("-" if rounded < 0 else "") + f"${abs(rounded):,.2f}"


# --- instants ---------------------------------------------------------------------------------------------------

_STAMP = re.compile(
    r"(\d{4,6})[-/](\d{1,2})[-/](\d{1,2})(?:[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?)?"
    r"\s*(Z|UTC|GMT|[-+]\d{1,2}(?::?\d{2}(?::\d{2})?)?|[A-Za-z]+/[A-Za-z_/]+)?(\s+BC)?",
    re.IGNORECASE,
)
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SPECIAL = {"infinity": "infinity", "-infinity": "-infinity", "epoch": "1970-01-01"}


def _date(text: str) -> str:
    plain = text.strip()
    match = _STAMP.fullmatch(plain) or _PACKED.fullmatch(plain)
    if match is None:
        return _SPECIAL.get(plain.lower(), text)
    era = " BC" if match.re is _STAMP and match[9] else ""
    return f"{int(match[1]):04}-{int(match[2]):02}-{int(match[3]):02}{era}"


def _fraction(micros: int) -> str:
    return f".{micros:06}".rstrip("0") if micros else ""


def _timestamp_reader(
    digits: int, zone: tzinfo | None, *, has_zone: bool
) -> tuple[Read, Callable[[str], object] | None]:
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
    micros = int(Decimal((part or ".0")).scaleb(6).quantize(Decimal(1), context=_CONTEXT))
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
        return f"{stamp}{_fraction(micros)}{suffix}"
    return f"{moment.year:04}-{moment:%m-%d %H:%M:%S}{_fraction(moment.microsecond)}{suffix}"


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


def _time(text: str, digits: int) -> str:
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        return text
    hour, minute, second, part, half = match.groups()
    micros = int(Decimal((part or ".0")).scaleb(6).quantize(Decimal(1), context=_CONTEXT))
    step = 10 ** (6 - digits)
    hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0) if half else int(hour)
    total = (hours * 3600 + int(minute) * 60 + int(second or 0)) * 1_000_000 + (micros + step // 2) // step * step
    seconds, micros = divmod(total, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(micros)}"


_ZONED = re.compile(r"(.*?)\s*(Z|UTC|[-+]\d{1,2}(?::?\d{2}(?::?\d{2})?)?)", re.IGNORECASE)


def _time_with_zone(text: str, digits: int) -> str:
    match = _ZONED.fullmatch(text.strip())
    if match is None:
        return text
    zone = match[2] if match[2][0] in "+-" else "+00"
    parts = re.findall(r"\d{1,2}", zone)
    while len(parts) > 1 and int(parts[-1]) == 0:
        parts.pop()
    return _time(match[1], digits) + zone[0] + ":".join(f"{int(part):02}" for part in parts)


_PART = re.compile(r"([-+]?\d+(?:\.\d+)?)\s*([A-Za-z]+)|([-+]?)(\d+):(\d{2})(?::(\d{2})(\.\d+)?)?|\s+|@")
_UNITS = {
    "year": (12, 0, 0), "yr": (12, 0, 0), "y": (12, 0, 0), "decade": (120, 0, 0), "century": (1200, 0, 0),
    "mon": (1, 0, 0), "month": (1, 0, 0), "week": (0, 7, 0), "w": (0, 7, 0), "day": (0, 1, 0), "d": (0, 1, 0),
    "hour": (0, 0, 3600), "hr": (0, 0, 3600), "h": (0, 0, 3600), "minute": (0, 0, 60), "min": (0, 0, 60),
    "m": (0, 0, 60), "second": (0, 0, 1), "sec": (0, 0, 1), "s": (0, 0, 1),
}  # fmt: skip
"""Months, days and seconds of a unit."""


def _interval(text: str) -> str:
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
        parts.append(f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{_fraction(rest)}")
    return " ".join(parts)


# --- arrays -----------------------------------------------------------------------------------------------------

_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^{},"\\]*(?:\\.[^{},"\\]*)*))\s*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_QUOTES = re.compile(r'[{},"\\\s]')


def _array_reader(element: Read | None) -> Read:
    def read(text: str) -> str:
        bounds, body = "", text.strip()
        if body.startswith("["):
            bounds, _, body = body.partition("=")
            bounds += "="
        try:
            found, position = _read_array(body, 0, element)
        except ValueError:
            return text
        return bounds + found if position == len(body) else text

    return read


def _read_array(text: str, position: int, element: Read | None) -> tuple[str, int]:
    if text[position : position + 1] != "{":
        raise ValueError
    parts: list[str] = []
    position += 1
    while True:
        while text[position : position + 1].isspace():
            position += 1
        if text[position : position + 1] == "{":
            part, position = _read_array(text, position, element)
            parts.append(part)
        elif text[position : position + 1] == "}" and not parts:
            return "{}", position + 1
        else:
            match = _ITEM.match(text, position)
            assert match is not None
            position = match.end()
            parts.append(_item(match[1], match[2], element))
        while text[position : position + 1].isspace():
            position += 1
        mark = text[position : position + 1]
        position += 1
        if mark == "}":
            return "{" + ",".join(parts) + "}", position
        if mark != ",":
            raise ValueError


def _item(quoted: str | None, bare: str | None, element: Read | None) -> str:
    if quoted is None:
        assert bare is not None
        if bare.strip().upper() == "NULL":
            return "NULL"
        value = _ESCAPED.sub(r"\1", bare.strip())
    else:
        value = _ESCAPED.sub(r"\1", quoted)
    value = element(value) if element else value
    if element is _boolean:
        value = value[:1]
    if not value or value.upper() == "NULL" or _NEEDS_QUOTES.search(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
