"""Tells the line of column names from titles above it and from rows: no row of data may be shown as names."""

import re
from collections.abc import Sequence

from ingestion.naming import normalise_header
from ingestion.onboarding.recognition import kinds_of

_SEARCHED_LINES = 12
_DATA_KINDS = frozenset(
    {"citizen_id", "phone", "date", "timestamp", "uid", "age", "address", "document", "serial", "number"}
)
_NAME = re.compile(r"[^\W\d][\w \-./()（）#%+*]{0,39}")


def find_header(lines: Sequence[Sequence[str]]) -> tuple[int, bool]:
    """Return how many lines stand above the header, and whether there is a header at all.

    The header is the first line as wide as the lines after it whose cells all look like names.
    """
    widths = [sum(bool(cell.strip()) for cell in cells) for cells in lines]
    usual = max((width for width in widths[1:] or widths), default=0)
    for number, cells in enumerate(lines[:_SEARCHED_LINES]):
        if widths[number] < max(2 if usual > 1 else 1, 0.6 * usual):
            continue
        return number, is_header(cells) or _differs_from_rows(cells, lines[number + 1 :])
    return 0, False


def _differs_from_rows(cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether a line holds words alone where the rows below it hold numbers, in at least a third of the columns.

    A row of data has digits in the same columns as its neighbours, so that no row passes for a header.
    """
    names = [cell.strip() for cell in cells if cell.strip()]
    if (
        len(rows) < 2
        or not all(_NAME.fullmatch(name) and len(name) <= 12 for name in names)
        or len(set(names)) < len(names)
    ):
        return False
    numeric = 0
    for place, cell in enumerate(cells):
        below = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        with_digits = sum(any(character.isdigit() for character in value) for value in below)
        if below and with_digits >= 0.8 * len(below):
            if sum(character.isdigit() for character in cell) > 2:
                return False
            numeric += not any(character.isdigit() for character in cell)
    return numeric >= max(1, len(cells) / 3)


def is_header(cells: Sequence[str]) -> bool:
    """Return whether all cells look like names of columns: words, all different, none a value."""
    from ingestion.onboarding.vocabulary import is_known_name

    names = [cell.strip() for cell in cells if cell.strip()]
    if not names or len({normalise_header(name) for name in names}) < 0.9 * len(names):
        return False
    known = sum(is_known_name(name) for name in names)
    if known >= max(1, 0.3 * len(names)):
        return True
    if any(kinds_of(name) & _DATA_KINDS for name in names):
        return False
    # a row of words only is rare; a line whose words are Chinese and unknown may hold the name of a person
    return all(_NAME.fullmatch(name) for name in names) and all(name.isascii() for name in names)
