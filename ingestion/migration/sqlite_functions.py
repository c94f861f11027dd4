"""The functions that a SQLite connection needs to give the comparison texts of types.TypeRule where the data lies.

NULL stays NULL in all of them. A float is written as `cast(x as text)` does, with 15 digits, where they read back as
the same float, else with 17.
"""

import hashlib
import sqlite3
import struct
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

_CONTEXT = Context(prec=400, rounding=ROUND_HALF_UP)
Value = str | bytes | int | float


def float_text(value: float) -> str:
    """Return a float in SQLite's form: with as many digits as read back the same, and always with a point."""
    if value in (float("inf"), float("-inf")):
        return "Inf" if value > 0 else "-Inf"
    text = f"{value or 0.0:.15g}"
    mantissa, mark, exponent = (text if float(text) == value else f"{value:.17g}").partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + mark + exponent


def _plain(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return float_text(value) if isinstance(value, float) else str(value)


def _bytes(value: Value) -> bytes:
    return value if isinstance(value, bytes) else _plain(value).encode("utf-8", "surrogatepass")


def _text(value: Value | None) -> str | None:
    return None if value is None else _plain(value)


def _sha256(value: Value | None) -> str | None:
    return None if value is None else hashlib.sha256(_bytes(value)).hexdigest()


def _bits(value: Value | None) -> str | None:
    """Return the 64 bits of a float in hexadecimal digits, zero without sign; of what is no number its text."""
    if value is None:
        return None
    try:
        return struct.pack(">d", float(_plain(value)) or 0.0).hex()
    except ValueError:
        return _plain(value)


def _decimal(value: Value | None, scale: int) -> str | None:
    """Return a number with `scale` digits after the point; one that does not fit, and what is none, as it stands."""
    if value is None:
        return None
    text = _plain(value)
    try:
        number = Decimal(text.strip())
        rounded = number.quantize(Decimal(1).scaleb(-scale), context=_CONTEXT)
        if float(rounded) != float(number):
            return text
    except (InvalidOperation, ValueError, OverflowError):
        return text
    return f"{rounded if rounded else abs(rounded):f}"


def _md5(value: Value | None) -> str | None:
    return None if value is None else hashlib.md5(_bytes(value), usedforsecurity=False).hexdigest()


def _md5_60(value: Value | None) -> int | None:
    digest = _md5(value)
    return None if digest is None else int(digest[:15], 16)


def _sha256_60(value: Value | None) -> int | None:
    digest = _sha256(value)
    return None if digest is None else int(digest[:15], 16)


def register(connection: sqlite3.Connection) -> None:
    """Add radlake_text, _bits, _decimal, _md5, _md5_60, _sha256 and _sha256_60 to a connection.

    Those that end in 60 give the whole number that the first 15 hexadecimal digits of the digest write, 60 bits.
    """
    connection.create_function("radlake_text", 1, _text, deterministic=True)
    connection.create_function("radlake_sha256", 1, _sha256, deterministic=True)
    connection.create_function("radlake_sha256_60", 1, _sha256_60, deterministic=True)
    connection.create_function("radlake_bits", 1, _bits, deterministic=True)
    connection.create_function("radlake_decimal", 2, _decimal, deterministic=True)
    connection.create_function("radlake_md5", 1, _md5, deterministic=True)
    connection.create_function("radlake_md5_60", 1, _md5_60, deterministic=True)
