"""Identifiers: numbers of patients, visits and records, identity cards, telephones.

A number is never guessed: spaces and quotes go, full-width becomes half-width, letters become capital; O and I become
0 and 1 only where that gives the shape the column has. A prefix, a suffix and lost zeros are told and left in place:
whether `7812`, `007812` and `ZY007812` are one person is for the matching to decide (sources.md 1 and 2).

The shape of an identifier is its letters, runs of digits as d with their count, and its other signs: ZYd8, d6, Ad4-d5.
"""

import re
import unicodedata
from datetime import date

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import BLANKS, SPACES, is_full_width, is_lost
from ingestion.quality.forms.missing import is_missing

_SPACES = re.compile(f"[{SPACES}\r\n]")
_QUOTES = re.compile("['\"`\u2018\u2019\u201c\u201d]")
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+?\d{1,2}")
_SCIENTIFIC_LEAST = 5
_RUNS = re.compile(r"\d+|[A-Z]+|[^0-9A-Z]")
_LOOK_ALIKE = str.maketrans("OILQ", "0110")
_SUFFIX = re.compile(r"([0-9A-Z]{4,})[-_]\d{1,2}")
_PREFIX = re.compile(r"([A-Z]{1,4})[-_]?(\d+)")

# GB 11643-1999
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def shape_of(value: str) -> str:
    """Return the shape of an identifier in normal form."""
    return "".join(f"d{len(run)}" if run[0].isdigit() else run for run in _RUNS.findall(value))


def pattern_of(shape: str) -> str:
    """Return the pattern that matches the identifiers of a shape; `0` before a run says that zeros lead it."""
    parts = re.findall(r"d\d+|[^d]+|d", shape)
    return "".join(rf"[0-9]{{{part[1:]}}}" if re.fullmatch(r"d\d+", part) else re.escape(part) for part in parts)


def plain_id(value: str) -> str:
    """Return an identifier half-width, in capitals, without spaces and quotes."""
    text = unicodedata.normalize("NFKC", value)
    return _QUOTES.sub("", _SPACES.sub("", text)).upper()


def normal_id(value: str, facts: Facts) -> Normal:
    """Return the normal form of an identifier; the shapes of its column tell zeros, letters and prefixes apart.

    `facts.shapes` are the shapes of the column; a shape that ends with `*` is of numbers that zeros fill up to a
    fixed width.
    """
    if is_missing("id", value, facts):
        return Normal(None)
    kinds = _character_kinds(value)
    text = plain_id(value)
    if _is_scientific(text):
        return Normal(None, (*kinds, "id_scientific"))
    if is_lost(value):
        return Normal(text, (*kinds, "encoding_lost"))
    shapes = {shape.rstrip("*") for shape in facts.shapes}
    if not shapes or shape_of(text) in shapes:
        return Normal(text, tuple(kinds))
    swapped = text.translate(_LOOK_ALIKE)
    if swapped != text:
        # letters that the shapes have stay letters
        for shape in shapes:
            candidate = _with_digits(text, shape)
            if candidate:
                return Normal(candidate, (*kinds, "id_o_zero"))
    if _is_padded_otherwise(text, facts.shapes):
        kinds.append("id_leading_zero")
    elif _has_other_affix(text, facts.shapes):
        kinds.append("id_prefix")
    return Normal(text, tuple(kinds))


def _character_kinds(value: str) -> list[str]:
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    if _SPACES.search(value) or _QUOTES.search(value):
        kinds.append("id_whitespace")
    return kinds


def _is_scientific(text: str) -> bool:
    if not _SCIENTIFIC.fullmatch(text):
        return False
    # 12E3 can be a number of a ward; a spreadsheet writes a sign, a point or both
    return ("+" in text or "." in text) and int(text.split("E")[1]) >= _SCIENTIFIC_LEAST


def _with_digits(text: str, shape: str) -> str | None:
    """Return an identifier with look-alike letters made digits where its shape has digits."""
    parts = re.findall(r"d\d+|[^d]", shape)
    result, place = "", 0
    for part in parts:
        length = int(part[1:]) if len(part) > 1 else 1
        piece = text[place : place + length]
        if len(part) > 1:
            piece = piece.translate(_LOOK_ALIKE)
            if len(piece) != length or not piece.isdigit():
                return None
        elif piece != part:
            return None
        result, place = result + piece, place + length
    return result if place == len(text) else None


def _is_padded_otherwise(text: str, shapes: tuple[str, ...]) -> bool:
    """Return whether digits have another width than the numbers that zeros fill up."""
    for shape in shapes:
        found = re.fullmatch(r"([A-Z]*-?)d(\d+)\*", shape)
        if found and text.startswith(found[1]) and (digits := text[len(found[1]) :]).isdigit():
            width = int(found[2])
            if len(digits) < width or (len(digits) > width and digits.startswith("0")):
                return len(digits) < width or not digits[: len(digits) - width].strip("0")
    return False


def _has_other_affix(text: str, shapes: tuple[str, ...]) -> bool:
    """Return whether an identifier has a prefix or suffix that its column has not, or lacks the one it has."""
    plain = {shape.rstrip("*") for shape in shapes}
    has_suffixes = any(re.search(r"d\d+[-_]d[12]$", shape) for shape in plain)
    suffix = None if has_suffixes else _SUFFIX.fullmatch(text)
    if suffix and shape_of(suffix[1]) in plain:
        return True
    prefix = _PREFIX.fullmatch(text)
    digits = [int(shape[1:]) for shape in plain if re.fullmatch(r"d\d+", shape)]
    if prefix and digits and len(digits) == len(plain):
        # a prefix may come with another width of the number behind it
        return min(digits) - 2 <= len(prefix[2]) <= max(digits)
    if text.isdigit() and not digits:
        return any(re.fullmatch(rf"[A-Z]{{1,4}}-?d{len(text)}", shape) for shape in plain)
    if prefix:
        return any(re.fullmatch(rf"[A-Z]{{1,4}}-?d{len(prefix[2])}", shape) for shape in plain)
    return False


def check_digit(first_17: str) -> str:
    """Return the last character of an identity card's number (GB 11643-1999)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True)) % 11]


def card_birth(number: str) -> str | None:
    """Return the birth date in an identity card's 18 characters, or None when it is no date."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14])).isoformat()
    except ValueError:
        return None


def is_card_number(number: str) -> bool:
    """Return whether 18 characters are the number of an identity card with a birth date and the right check."""
    return (
        re.fullmatch(r"[1-9]\d{16}[\dX]", number) is not None
        and card_birth(number) is not None
        and check_digit(number[:17]) == number[17]
    )


def card_screen(value: str) -> str:
    """Return SQL that is true for values that are no identity card's number with a birth date and the right check."""
    # n // 10**k is n without its last k digits; the sum of the weighted digits leaves the same rest by 11 as the sum of
    # these numbers, each times its own weight and, since 10 is -1 there, that of the digit behind
    weights = [(weight + behind) % 11 for weight, behind in zip(_WEIGHTS, (*_WEIGHTS[1:], 0), strict=True)]
    cut = " + ".join(f"{weight} * (n // {10 ** (16 - place)})" for place, weight in enumerate(weights) if weight)
    rest = f"list_transform([try_cast({value}[1:17] as bigint)], n -> ({cut}) % 11)[1]"
    return (
        f"case when regexp_full_match({value}, '[1-9][0-9]{{16}}[0-9Xx]') then "
        f"'{_CHECKS}'[{rest} + 1] <> upper({value}[18]) "
        f"or try_strptime({value}[7:14], '%Y%m%d') is null else true end"
    )


def normal_citizen_id(value: str, facts: Facts) -> Normal:
    """Return the normal form of an identity card's number; 15 digits become 18 (GB 11643-1999: 19 and a check)."""
    if is_missing("citizen_id", value, facts):
        return Normal(None)
    kinds = _character_kinds(value)
    text = plain_id(value)
    if _is_scientific(text):
        return Normal(None, (*kinds, "id_scientific"))
    if is_lost(value):
        return Normal(text, (*kinds, "encoding_lost"))
    if re.fullmatch(r"[1-9]\d{14}", text):
        longer = f"{text[:6]}19{text[6:]}"
        if card_birth(longer + "0") is None:
            return Normal(text, (*kinds, "idcard_checksum"))
        return Normal(longer + check_digit(longer), (*kinds, "idcard_15digit"))
    if is_card_number(text):
        return Normal(text, tuple(kinds))
    swapped = text.translate(_LOOK_ALIKE)
    if swapped != text and is_card_number(swapped):
        return Normal(swapped, (*kinds, "id_o_zero"))
    # passports and permits begin with a letter; masked numbers hold stars
    if re.fullmatch(r"\d{12,20}[\dX]", text):
        kinds.append("idcard_checksum")
    return Normal(text, tuple(kinds))


def normal_phone(value: str, facts: Facts) -> Normal:
    """Return the normal form of a telephone number: half-width, without blanks around it."""
    if is_missing("phone", value, facts):
        return Normal(None)
    text = unicodedata.normalize("NFKC", value).strip(f"{BLANKS}'\"\r\n")
    if _is_scientific(text.upper()):
        return Normal(None, ("id_scientific",))
    return Normal(text, ("fullwidth_value",) if is_full_width(value) else ())
