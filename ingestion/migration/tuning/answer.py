"""Compares the answers of two engines to one query, whatever their order and the types their drivers gave.

1. Each side runs once to learn which kinds of values each column holds.
2. Both columns of a pair get one form: numbers without trailing zeros, exactly, or to the precision both sides have
   (a decimal of one side is a promise of so many digits; floats count to 12 significant digits); instants in ISO
   form; truth values as 0 and 1; texts as they are.
3. Each side runs again; the hashes of its rows in that form are added up, so order does not matter and no row is kept.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

NULL = "\x1e"
"""Stands for NULL in the text of a row; no report or number holds it."""
_FIELD = "\x1f"
_MODULUS = 1 << 128
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
_INSTANT = re.compile(r"(\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?")

Row = Sequence[Any]
Form = Callable[[Any], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Precision:
    """How exactly two answers can be compared."""

    digits: int = 12
    """Significant digits of floats: 6 where columns of single precision are read."""
    ignores_trailing_blanks: bool = False
    """char(n) of PostgreSQL is padded on its way to the client and nowhere else."""
    in_no_order: bool = False
    """Texts were joined, or values listed, in no order: their words are compared."""


EXACTLY = Precision()


@dataclass(slots=True)
class ColumnKinds:
    """What one column of an answer holds."""

    kinds: set[str] = field(default_factory=set)
    scale: int = 0
    """Digits after the point of its decimals, at most."""

    def add(self, value: Any) -> None:
        """Take one value into account."""
        kind = kind_of_value(value)
        self.kinds.add(kind)
        if kind == "decimal":
            exponent = value.as_tuple().exponent
            if isinstance(exponent, int):
                self.scale = max(self.scale, -exponent)


@dataclass(slots=True)
class AnswerKinds:
    """What the columns of an answer hold, and how many rows there are."""

    columns: list[ColumnKinds] = field(default_factory=list)
    rows: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows into account."""
        for row in rows:
            self.rows += 1
            if not self.columns:
                self.columns = [ColumnKinds() for _ in row]
            for column, value in zip(self.columns, row, strict=True):
                column.add(value)


@dataclass(slots=True)
class RowSum:
    """The sum of the hashes of rows in one form: equal for equal rows in any order, duplicates counted."""

    forms: Sequence[Form]
    total: int = 0
    rows: int = 0

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows."""
        for row in rows:
            text = _FIELD.join(
                NULL if value is None else form(value) for form, value in zip(self.forms, row, strict=True)
            )
            digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
            self.total = (self.total + int.from_bytes(digest[:16], "big")) % _MODULUS
            self.rows += 1

    @property
    def sha256(self) -> str:
        """Return the fingerprint of the answer."""
        return hashlib.sha256(f"{self.rows}:{len(self.forms)}:{self.total}".encode()).hexdigest()


_NUMBERS = {"int", "decimal", "float", "bool"}
_MOMENTS = {"instant", "day"}


def kind_of_value(value: Any) -> str:
    """Return what a value is: null, bool, int, decimal, float, text, instant, day, time, span, bytes or other."""
    if value is None:
        return "null"
    for types, kind in (
        (bool, "bool"),
        (int, "int"),
        (Decimal, "decimal"),
        (float, "float"),
        (str, "text"),
        (datetime, "instant"),
        (date, "day"),
        (time, "time"),
        (timedelta, "span"),
        ((bytes, bytearray, memoryview), "bytes"),
    ):
        if isinstance(value, types):
            return kind
    return "other"


def joint_forms(one: AnswerKinds, other: AnswerKinds | None = None, precision: Precision = EXACTLY) -> list[Form]:
    """Return the form of each column that both answers are written in; with one answer, its own."""
    others = other.columns if other is not None and other.columns else one.columns
    columns = one.columns or others
    return [_joint_form(left, right, precision) for left, right in zip(columns, others, strict=False)]


def _joint_form(left: ColumnKinds, right: ColumnKinds, precision: Precision) -> Form:
    kinds = (left.kinds | right.kinds) - {"null"}
    if kinds & _NUMBERS and kinds <= _NUMBERS | {"text"}:
        return _number_form(left, right, None if "float" not in kinds else precision.digits)
    if kinds & _MOMENTS and kinds <= _MOMENTS | {"text"}:
        return instant_text if "instant" in kinds or "text" in kinds else _day_text
    if kinds & {"span", "time"} and kinds <= {"span", "time", "text"}:
        return _span_text
    if "bytes" in kinds and kinds <= _NUMBERS | {"bytes"}:
        return _bits
    if precision.in_no_order and kinds & {"text", "other"}:
        return _words
    if "bytes" in kinds and kinds != {"bytes"}:
        return _decoded
    return _trimmed if precision.ignores_trailing_blanks else _text


def _bits(value: Any) -> str:
    """Return a bit field as the number it is."""
    is_bytes = isinstance(value, bytes | bytearray | memoryview)
    return str(int.from_bytes(bytes(value), "big")) if is_bytes else number_text(value)


def _words(value: Any) -> str:
    """Return the words of a joined text, or the items of a list, in one order."""
    if isinstance(value, list):
        return _FIELD.join(sorted(_text(item) for item in value))
    return _FIELD.join(sorted(re.findall(r"\w+", _text(value))))


def _trimmed(value: Any) -> str:
    return value.rstrip(" ") if isinstance(value, str) else _text(value)


def _number_form(left: ColumnKinds, right: ColumnKinds, digits: int | None) -> Form:
    """Return the form of numbers; where one side has floats, the decimals of the other say how many digits count."""
    scales = [column.scale for column in (left, right) if "decimal" in column.kinds and "float" not in column.kinds]
    scale = min(scales) if scales and digits is not None else None
    return lambda value: number_text(value, digits=digits, scale=scale)


def number_text(value: Any, *, digits: int | None = None, scale: int | None = None) -> str:
    """Return a number in plain digits without trailing zeros, exactly or to `digits`; a text that is none as it is."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return str(value)
        number = Decimal(repr(value))
    elif isinstance(value, str):
        try:
            number = Decimal(value.strip())
        except InvalidOperation:
            return value
    else:
        number = Decimal(value)
    if not number.is_finite():
        return str(number).lower().replace("infinity", "inf")
    if digits is not None:
        number = Context(prec=digits, rounding=ROUND_HALF_UP).plus(number)
        if scale is not None:
            number = number.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    number = number.normalize(_EXACT)
    return f"{number:f}" if number else "0"


def instant_text(value: Any) -> str:
    """Return an instant in ISO form without a fraction of zeros, in UTC when it has a zone; a day as its midnight."""
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return _short(moment.isoformat(sep=" ", timespec="microseconds"))
    if isinstance(value, date):
        return f"{value.isoformat()} 00:00:00"
    match = _INSTANT.fullmatch(str(value))
    if match is None:
        return str(value)
    text = f"{match[1]} {match[2] or '00:00:00'}.{(match[3] or '').ljust(6, '0')}"
    if match[4]:
        try:
            offset = "+00" if match[4] == "Z" else match[4]
            zoned = datetime.fromisoformat(text + offset + (":00" if len(offset) == 3 else ""))
        except ValueError:
            return str(value)
        return instant_text(zoned)
    return _short(text)


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _span_text(value: Any) -> str:
    """Return a time of day or a span as hours, minutes and seconds; a text of that form likewise."""
    if isinstance(value, time):
        return _with_zone(value.isoformat(timespec="microseconds"))
    if isinstance(value, timedelta):
        micros = round(value.total_seconds() * 1_000_000)
        seconds, rest = divmod(abs(micros), 1_000_000)
        sign = "-" if micros < 0 else ""
        return _short(f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:06d}")
    return _with_zone(str(value))


def _with_zone(text: str) -> str:
    """Return a time without a fraction of zeros, the offset of its zone, if it has one, in hours and minutes."""
    match = re.fullmatch(r"(-?\d+:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)?(:\d\d)?", text)
    return _short(match[1]) + (match[2] + (match[3] or ":00") if match[2] else "") if match else text


def _decoded(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    return _text(value)


def _text(value: Any) -> str:
    """Return any other value as text; documents in one order of keys, lists as PostgreSQL writes arrays."""
    if isinstance(value, str):
        if value[:1] in "{[":
            try:
                return _document(json.loads(value))
            except ValueError:
                return value
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return "hex:" + bytes(value).hex()
    if isinstance(value, dict):
        return _document(value)
    if isinstance(value, list | tuple):
        return "{" + ",".join(_item(item) for item in value) + "}"
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time | timedelta):
        return _span_text(value)
    if hasattr(value, "bounds") and hasattr(value, "lower"):
        # a range of PostgreSQL
        edges = ["" if edge is None else _item(edge) for edge in (value.lower, value.upper)]
        return f"{value.bounds[0]}{edges[0]},{edges[1]}{value.bounds[1]}" if value.bounds else "empty"
    if isinstance(value, bool | int | float | Decimal):
        return number_text(value, digits=EXACTLY.digits if isinstance(value, float) else None)
    return str(value)


def _document(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _item(item: Any) -> str:
    if item is None:
        return "NULL"
    text = _text(item)
    if isinstance(item, list):
        return text
    if text == "" or text.upper() == "NULL" or re.search(r'[{}",\\\s]', text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
