"""Turns the values of PostgreSQL's COPY and INSERT into the text that `::text` shows of them, column by column.

What pg_dump writes is recognised by its form and passes as it is; everything else is read and written anew. A value
that cannot be read stays as it was written.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ingestion.migration.dump.literals import unescape_bytea
from ingestion.migration.dump.mysql.values import Convert, Stored, is_integer, json_text, read_zone
from ingestion.migration.dump.postgresql.compounds import array_reader, range_reader
from ingestion.migration.dump.postgresql.instants import (
    read_date,
    read_interval,
    read_time,
    read_time_with_zone,
    timestamp_reader,
)
from ingestion.migration.dump.postgresql.numbers import (
    numeric_reader,
    read_float,
    read_integer,
    read_money,
    read_single,
)

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
        # inside an array a single float shows its own digits, a truth value one letter
        special = {"real": read_single, "boolean": lambda text: read_boolean(text)[:1]}.get(name)
        return array_reader(special or _reader(source_type.rstrip("[]"), zone)[0]), None
    name += suffix
    if name in ("integer", "smallint", "bigint", "oid"):
        return read_integer, is_integer
    if name == "numeric":
        return numeric_reader(numbers)
    if name in ("real", "double precision"):
        is_single = name == "real"
        return (lambda text: read_float(text, is_single)), None
    if name == "boolean":
        return read_boolean, None
    if name == "date":
        return read_date, re.compile(r"\d{4}-\d\d-\d\d").fullmatch
    if name in ("timestamp without time zone", "timestamp with time zone"):
        return timestamp_reader(numbers[0] if numbers else 6, read_zone(zone), has_zone="without" not in name)
    if name == "time without time zone":
        digits = numbers[0] if numbers else 6
        return (lambda text: read_time(text, digits)), re.compile(r"\d\d:\d\d:\d\d").fullmatch
    if name in ("character", "bpchar"):
        # `::text` of a padded value has no padding
        return (lambda text: text.rstrip(" ")), (lambda text: text[-1:] != " ")
    if name == "jsonb":
        return json_text, None
    if name == "uuid":
        return _uuid, re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
    if name == "interval" or name.startswith("interval "):
        return read_interval, re.compile(r"-?\d\d+:\d\d:\d\d(?:\.\d{0,5}[1-9])?").fullmatch
    if name == "money":
        return read_money, re.compile(r"-?\$[\d,]+\.\d\d").fullmatch
    if name == "inet":
        return _inet, None
    if name in ("cidr", "macaddr", "macaddr8"):
        return str.lower, None
    if name == "time with time zone":
        digits = numbers[0] if numbers else 6
        return (lambda text: read_time_with_zone(text, digits)), None
    if name in _RANGES:
        bound, step = _RANGES[name]
        return range_reader(_reader(bound, zone)[0] or str, step), None
    return None, None


_RANGES = {
    "int4range": ("integer", "whole"), "int8range": ("bigint", "whole"), "daterange": ("date", "day"),
    "numrange": ("numeric", ""), "tsrange": ("timestamp without time zone", ""),
    "tstzrange": ("timestamp with time zone", ""),
}  # fmt: skip
"""Type of the bounds, and the step between two values where a range has one form only."""


def _inet(text: str) -> str:
    plain = text.strip().lower()
    return plain if "/" in plain or not plain else plain + ("/128" if ":" in plain else "/32")


def read_boolean(text: str) -> str:
    """Return a boolean as true or false."""
    word = text.strip().lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else text


def _uuid(text: str) -> str:
    digits = re.sub(r"[{}\-]", "", text.strip().lower())
    if not re.fullmatch(r"[0-9a-f]{32}", digits):
        return text
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
