r"""Splits the text of one delimited record into its fields, exactly, also where the quotes are not as they should be.

A quoted field begins with a quote at its start and ends with a quote before a delimiter or the end; two quotes inside
are one. Three readings of a record are known:

- strict: as above, and any other quote is an oddity;
- escaped: a backslash before a quote or a backslash makes it an ordinary character;
- lenient: a quote inside that ends no field is an ordinary character.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Fields of a record; whether it ends inside quotes, and whether a quote stands where none should."""

    fields: list[str]
    is_open: bool = False
    is_odd: bool = False


def split_record(text: str, delimiter: str, *, quoted: bool, escaped: bool = False) -> Split:
    """Return the fields of a record without its line end."""
    if not quoted or '"' not in text:
        return Split(fields=text.split(delimiter))
    fields: list[str] = []
    position, is_odd = 0, False
    while True:
        if text.startswith('"', position):
            field, position, is_open, odd = _quoted_field(text, position + 1, delimiter, escaped)
            fields.append(field)
            is_odd = is_odd or odd
            if is_open:
                return Split(fields=fields, is_open=True, is_odd=is_odd)
        else:
            end = text.find(delimiter, position)
            end = len(text) if end < 0 else end
            field = text[position:end]
            is_odd = is_odd or '"' in field
            fields.append(field)
            position = end
        if position >= len(text):
            return Split(fields=fields, is_odd=is_odd)
        position += len(delimiter)


def _quoted_field(text: str, start: int, delimiter: str, escaped: bool) -> tuple[str, int, bool, bool]:
    """Return the field, the place behind its closing quote, whether none was found, and whether it is odd."""
    parts: list[str] = []
    position, is_odd = start, False
    while True:
        quote = text.find('"', position)
        if quote < 0:
            parts.append(text[position:])
            return _joined(parts, escaped), len(text), True, is_odd
        if escaped and _is_escaped(text, position, quote):
            parts.append(text[position : quote + 1])
            position = quote + 1
        elif text.startswith('"', quote + 1):
            parts.append(text[position : quote + 1])
            position = quote + 2
        elif quote + 1 == len(text) or text.startswith(delimiter, quote + 1):
            parts.append(text[position:quote])
            return _joined(parts, escaped), quote + 1, False, is_odd
        else:
            is_odd = True
            parts.append(text[position : quote + 1])
            position = quote + 1


def _is_escaped(text: str, start: int, quote: int) -> bool:
    """Return whether an odd number of backslashes stands before a quote."""
    count = 0
    while quote - count - 1 >= start and text[quote - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def _joined(parts: list[str], escaped: bool) -> str:
    field = "".join(parts)
    if escaped and "\\" in field:
        field = field.replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\")
    return field


def best_split(text: str, delimiter: str, count: int, *, quoted: bool) -> Split:
    """Return the reading of a record that has `count` fields and the fewest oddities, the strict one when none has."""
    strict = split_record(text, delimiter, quoted=quoted)
    if not quoted or '"' not in text:
        return strict
    if len(strict.fields) == count and not strict.is_open and not strict.is_odd:
        return strict
    if '\\"' in text:
        escaped = split_record(text, delimiter, quoted=True, escaped=True)
        if len(escaped.fields) == count and not escaped.is_open and not escaped.is_odd:
            return escaped
    return strict
