"""Turns the values of MySQL's INSERT into the text a server shows of them, column by column.

What dumps write is recognised by its form and passes as it is; everything else is read and written anew. A value that
cannot be read stays as it was written, so that the migration refuses it by name and does not guess.
"""

import json
import re
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

Stored = str | bytes | None
Convert = Callable[[Sequence[Stored]], Sequence[Stored]]

_CONTEXT = Context(prec=130, rounding=ROUND_HALF_UP)
_INTEGERS = ("tinyint", "smallint", "mediumint", "int", "bigint")
_BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
_SPATIAL = ("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
            "geometrycollection")  # fmt: skip
_TYPE = re.compile(r"(\w+(?: precision)?)(?:\((.*)\))?", re.DOTALL)
_MEMBER = re.compile(r"'((?:[^']|'')*)'")


def is_binary(source_type: str) -> bool:
    """Return whether values of a type are bytes."""
    return source_type.split("(")[0] in (*_BINARY, *_SPATIAL)


def converter(source_type: str, encode: Callable[[str], bytes], zone: str | None) -> Convert:
    """Return what turns the values of a column into stored ones; `zone` is the session's for TIMESTAMP."""
    match = _TYPE.match(source_type)
    assert match is not None
    name, arguments = match[1], match[2] or ""
    numbers = tuple(int(part) for part in arguments.split(",")) if re.fullmatch(r"[\d, ]+", arguments) else ()
    if name in _INTEGERS:
        return _each(is_integer, _integer)
    if name == "year":
        return _each(re.compile(r"[12]\d{3}").fullmatch, _year)
    if name == "decimal":
        return _decimal_converter((*numbers, 0)[1] if numbers else 0)
    if name in ("float", "double"):
        return _each(None, _float_reader(name == "float", numbers[1] if len(numbers) > 1 else None))
    if name in ("date", "datetime", "timestamp"):
        digits = numbers[0] if numbers else 0
        return _instant_converter(name, digits, read_zone(zone) if name == "timestamp" else None)
    if name == "time":
        digits = numbers[0] if numbers else 0
        whole = re.compile(r"-?\d{2,3}:\d\d:\d\d" + (rf"\.\d{{{digits}}}" if digits else "")).fullmatch
        return _each(whole, lambda value: _time(_text(value), digits))
    if is_binary(name):
        return _bytes_converter(encode, numbers[0] if name == "binary" and numbers else 0)
    if name == "bit":
        return _each(
            None, lambda value: str(int.from_bytes(value, "big")) if isinstance(value, bytes) else _integer(value)
        )
    if name in ("enum", "set"):
        members = [member.replace("''", "'") for member in _MEMBER.findall(arguments)]
        return _enum_converter(members) if name == "enum" else _set_converter(members)
    if name == "json":
        return _each(None, lambda value: json_text(_text(value)))
    if name == "uuid":
        return _each(None, lambda value: _text(value).lower())
    if name == "char":
        return _each(lambda text: text[-1:] != " ", lambda value: _text(value).rstrip(" "))
    return _as_text


def _each(is_whole: Callable[[str], Any] | None, read: Callable[[str | bytes], Stored]) -> Convert:
    """Return a conversion of single values; those that `is_whole` knows pass as they are."""

    def convert(values: Sequence[Stored]) -> Sequence[Stored]:
        if is_whole is None or bytes in set(map(type, values)):
            return [None if value is None else read(value) for value in values]
        return [value if value is None or is_whole(value) else read(value) for value in values]  # type: ignore[arg-type]

    return convert


def _as_text(values: Sequence[Stored]) -> Sequence[Stored]:
    if bytes not in set(map(type, values)):
        return values
    return [_text(value) if isinstance(value, bytes) else value for value in values]


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


is_integer = re.compile(r"-?[1-9][0-9]*+|0").fullmatch
"""Whether a text is a whole number in the form that servers show."""


def _number(value: str | bytes) -> Decimal | None:
    """Return a number; hexadecimal literals are one where a number is wanted."""
    if isinstance(value, bytes):
        return Decimal(int.from_bytes(value, "big"))
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _rounded(number: Decimal, scale: int) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=_CONTEXT)
    return f"{rounded if rounded else abs(rounded):f}"


def _integer(value: str | bytes) -> str:
    number = _number(value)
    return _text(value) if number is None else _rounded(number, 0)


def _year(value: str | bytes) -> str:
    text = _integer(value)
    if text.isdigit() and len(text) <= 2 and text != "0":
        return str(int(text) + (2000 if int(text) < 70 else 1900))
    if text == "0":
        # a text of one or two noughts is the year 2000, a number is no year
        return "2000" if isinstance(value, str) and value in ("00",) else "0"
    return text


def _decimal_converter(scale: int) -> Convert:
    # minus nought is not shown
    form = r"(?:0|-?[1-9][0-9]*)" + (rf"\.[0-9]{{{scale}}}" if scale else "")
    whole = re.compile(form).fullmatch

    def read(value: str | bytes) -> str:
        number = _number(value)
        return _text(value) if number is None else _rounded(number, scale)

    return _each(whole, read)


def _float_reader(is_single: bool, scale: int | None) -> Callable[[str | bytes], str]:
    def read(value: str | bytes) -> str:
        number = _number(value)
        if number is None:
            return _text(value)
        found = float(number)
        if scale is not None:
            found = round(found * 10.0**scale) / 10.0**scale
        if is_single:
            try:
                found = struct.unpack("f", struct.pack("f", found))[0]
            except OverflowError:
                return _text(value)
        return double_text(found)

    return read


def double_text(value: float) -> str:
    """Return the shortest digits of a double in the form of MySQL: no point behind a whole number, 1e20, 1e-5."""
    text = repr(value or 0.0)
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa.removesuffix(".0")
    if not exponent:
        return mantissa
    return f"{mantissa}e{int(exponent)}"


# --- instants ---------------------------------------------------------------------------------------------------

_DATE = re.compile(r"(\d{2,4})[^\d\s](\d{1,2})[^\d\s](\d{1,2})")
_PACKED = re.compile(r"(\d{4}|\d{2})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2}))?(\.\d+)?")
_CLOCK = re.compile(r"[ T]+(\d{1,2})(?:[^\d\s](\d{1,2})(?:[^\d\s](\d{1,2})(\.\d*)?)?)?([-+]\d{2}:\d{2})?")


def read_zone(zone: str | None) -> tzinfo | None:
    """Return a session's time zone; None where it is none that is known here, as SYSTEM."""
    if zone is None or zone.upper() in ("SYSTEM", "DEFAULT"):
        return None
    match = re.fullmatch(r"([-+])(\d{1,2}):(\d{2})", zone)
    if match:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return None


def _instant_converter(name: str, digits: int, zone: tzinfo | None) -> Convert:
    form = r"\d{4}-\d\d-\d\d" + ("" if name == "date" else r" \d\d:\d\d:\d\d")
    whole = re.compile(form + (rf"\.\d{{{digits}}}" if digits and name != "date" else "")).fullmatch
    is_utc = zone is None or (isinstance(zone, timezone) and zone.utcoffset(None) == timedelta(0))

    def read(value: str | bytes) -> str:
        return _instant(_text(value), name, digits, zone)

    return _each(whole if is_utc else None, read)


def _instant(text: str, name: str, digits: int, zone: tzinfo | None) -> str:
    plain = text.strip()
    match = _PACKED.fullmatch(plain)
    clock: re.Match[str] | None = None
    if match:
        year, month, day, hour, minute, second, fraction = match.groups()
        offset = None
    else:
        match = _DATE.match(plain)
        if match is None:
            return text if set(plain) - {"0"} or not plain else _zero(name, digits)
        year, month, day = match.groups()
        clock = _CLOCK.match(plain, match.end())
        hour, minute, second, fraction, offset = clock.groups() if clock else (None,) * 5
        if plain[(clock.end() if clock else match.end()) :].strip():
            return text
    if len(year) == 2:
        year = str(int(year) + (2000 if int(year) < 70 else 1900))
    date = f"{int(year):04}-{int(month):02}-{int(day):02}"
    if name == "date":
        return date
    micros = int((fraction or ".0")[1:7].ljust(6, "0"))
    seconds = f"{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}"
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(f"{date} {seconds}")
    except ValueError:
        moment = None
    if moment is None:
        return f"{date} {seconds}" + (f".{micros:06}"[: digits + 1] if digits else "")
    # rounded to the column's fraction, half up
    step = 10 ** (6 - digits)
    moment += timedelta(microseconds=(micros + step // 2) // step * step if step > 1 else micros)
    given = timezone(_offset(offset)) if offset else zone
    if given is not None and name == "timestamp":
        moment = moment.replace(tzinfo=given).astimezone(UTC).replace(tzinfo=None)
    elif offset and name == "datetime":
        moment = moment.replace(tzinfo=given).astimezone(zone or UTC).replace(tzinfo=None)
    shown = f"{moment:%H:%M:%S}" + (f".{moment.microsecond:06}"[: digits + 1] if digits else "")
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02} {shown}"


def _offset(text: str) -> timedelta:
    found = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return -found if text[0] == "-" else found


def _zero(name: str, digits: int) -> str:
    return "0000-00-00" + ("" if name == "date" else " 00:00:00" + ("." + "0" * digits if digits else ""))


_TIME = re.compile(r"(-?)(?:(\d+) )?(\d+):(\d{1,2})(?::(\d{1,2})(\.\d*)?)?")
_PACKED_TIME = re.compile(r"(-?)(\d{1,7})(\.\d*)?")


def _time(text: str, digits: int) -> str:
    plain = text.strip()
    if match := _TIME.fullmatch(plain):
        sign, days, hours, minutes, seconds, fraction = match.groups()
        total = (int(days or 0) * 24 + int(hours)) * 3600 + int(minutes) * 60 + int(seconds or 0)
    elif match := _PACKED_TIME.fullmatch(plain):
        sign, number, fraction = match.groups()
        packed = int(number)
        total = packed // 10_000 * 3600 + packed // 100 % 100 * 60 + packed % 100
    else:
        return text
    micros = int((fraction or ".0")[1:7].ljust(6, "0"))
    step = 10 ** (6 - digits)
    whole = total * 1_000_000 + ((micros + step // 2) // step * step if step > 1 else micros)
    total, micros = divmod(whole, 1_000_000)
    sign = sign if whole else ""
    shown = f"{sign}{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}"
    return shown + (f".{micros:06}"[: digits + 1] if digits else "")


# --- bytes, members, JSON ---------------------------------------------------------------------------------------


def _bytes_converter(encode: Callable[[str], bytes], length: int) -> Convert:
    def read(value: str | bytes) -> bytes:
        data = encode(value) if isinstance(value, str) else value
        return data.ljust(length, b"\0")

    return _each(None, read)


def _enum_converter(members: Sequence[str]) -> Convert:
    exact = set(members)
    folded = {member.casefold().rstrip(" "): member for member in reversed(members)}

    def read(value: str | bytes) -> str:
        text = _text(value)
        found = folded.get(text.casefold().rstrip(" "))
        if found is None and text.isdigit() and int(text) <= len(members):
            # by its number; nought is the empty member of a value that was refused
            found = members[int(text) - 1] if int(text) else ""
        return text if found is None else found

    return _each(lambda text: text in exact or text == "", read)


def _set_converter(members: Sequence[str]) -> Convert:
    folded = {member.casefold().rstrip(" "): number for number, member in reversed(list(enumerate(members)))}

    def read(value: str | bytes) -> str:
        text = _text(value)
        if not text:
            return ""
        numbers = [folded.get(part.casefold().rstrip(" ")) for part in text.split(",")]
        if None in numbers:
            if not text.isdigit():
                return text
            numbers = [number for number in range(len(members)) if int(text) >> number & 1]
        return ",".join(members[number] for number in sorted({number for number in numbers if number is not None}))

    return _each(None, read)


class _Number(str):
    """A number of a JSON document, with the digits it was written with."""

    __slots__ = ()


def json_text(text: str) -> str:
    """Return a document as MySQL's json and PostgreSQL's jsonb show it: keys by length, then bytes, the last one wins.

    What is no JSON stays as it is.
    """
    try:
        return _dump(json.loads(text, parse_int=_Number, parse_float=_Number))
    except (ValueError, RecursionError):
        return text


def _dump(value: Any) -> str:
    if isinstance(value, dict):
        keys = sorted(
            value, key=lambda key: (len(key.encode("utf-8", "surrogatepass")), key.encode("utf-8", "surrogatepass"))
        )
        return "{" + ", ".join(f"{_json_string(key)}: {_dump(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_dump, value)) + "]"
    if isinstance(value, _Number):
        return f"{Decimal(value):f}" if "e" in value.lower() else str(value)
    if isinstance(value, str):
        return _json_string(value)
    return {None: "null", True: "true", False: "false"}[value]


def _json_string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
