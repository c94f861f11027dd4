"""Reads numbers in any form PostgreSQL takes and writes them in the one it shows."""

import re
import struct
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

_CONTEXT = Context(prec=2000, rounding=ROUND_HALF_UP)
Read = Callable[[str], str]


def read_decimal(text: str) -> Decimal | None:
    """Return a number without precision as PostgreSQL prints it."""
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def read_integer(text: str) -> str:
    """Return a whole number as its digits."""
    number = read_decimal(text)
    if number is None or not number.is_finite():
        return text
    return str(int(number.quantize(Decimal(1), context=_CONTEXT)))


def numeric_reader(numbers: tuple[int, ...]) -> tuple[Read, Callable[[str], object] | None]:
    """Return the reader of a numeric type with precision and scale."""
    if not numbers:

        def read_any(text: str) -> str:
            number = read_decimal(text)
            if number is None or not number.is_finite():
                return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text.strip().lower(), text)
            return f"{number if number else abs(number):f}"

        return read_any, re.compile(r"-?[1-9]\d*(?:\.\d+)?").fullmatch
    scale = numbers[1] if len(numbers) > 1 else 0
    whole = re.compile(r"-?[1-9]\d*" + (rf"\.\d{{{scale}}}" if scale > 0 else "")).fullmatch

    def read(text: str) -> str:
        number = read_decimal(text)
        if number is None or not number.is_finite():
            return "NaN" if text.strip().lower() == "nan" else text
        rounded = number.quantize(Decimal(1).scaleb(-scale), context=_CONTEXT)
        return f"{rounded if rounded else abs(rounded):f}"

    return read, whole if scale >= 0 else None


def read_money(text: str) -> str:
    """Return an amount of money as PostgreSQL prints it."""
    number = read_decimal(text.replace("$", "").replace(",", ""))
    if number is None or not number.is_finite():
        return text
    rounded = number.quantize(Decimal("0.01"), context=_CONTEXT)
    return ("-" if rounded < 0 else "") + f"${abs(rounded):,.2f}"


def read_float(text: str, is_single: bool) -> str:
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


def read_single(text: str) -> str:
    """Return the shortest digits of a single float."""
    shown = read_float(text, is_single=True)
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
