"""Finds the line that names the columns of a delimited file, below titles nobody told of, and the number of fields."""

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.mapping import FileMapping, Layout
from ingestion.naming import normalise_header
from ingestion.readers.fields import best_split, split_record

SEARCHED_LINES = 200
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[tnr0abfv\\])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Names of the columns, the lines they stand in (none when the layout tells them), and the lines above."""

    header: tuple[str, ...]
    first_line: int
    line_count: int


def delimiter_of(layout: Layout) -> str:
    r"""Return the delimiter, with `\t` or `\x01` that YAML left as written turned into the character."""
    return _ESCAPE.sub(lambda found: codecs.decode(found[0], "unicode_escape"), layout.delimiter)


def find_start(lines: Sequence[str], mapping: FileMapping) -> Start | None:
    """Return where the records begin, or None when there is nothing but blank lines.

    The header is the line with the most names the mapping accepts; when none has any, the first one after the titles.
    """
    layout = mapping.reader
    delimiter = delimiter_of(layout)
    if layout.header:
        header = _fitted(layout.header, lines[layout.title_rows :], delimiter, quoted=layout.quoted)
        return Start(header=header, first_line=layout.title_rows, line_count=0)
    best, score = _best_header(lines, mapping, delimiter, layout.title_rows)
    if not score and layout.title_rows:
        # fewer titles than told: the header was among them
        best = max((best, score), _best_header(lines, mapping, delimiter, 0), key=lambda found: found[1])[0]
    if best is None:
        return None
    behind = lines[best.first_line + best.line_count :]
    return Start(
        header=_fitted(best.header, behind, delimiter, quoted=layout.quoted),
        first_line=best.first_line,
        line_count=best.line_count,
    )


def _best_header(lines: Sequence[str], mapping: FileMapping, delimiter: str, first: int) -> tuple[Start | None, int]:
    """Return the line with the most names the mapping accepts, and how many; the first one when none has any."""
    accepted = mapping.accepted_headers()
    best: Start | None = None
    best_score = -1
    for place in range(first, len(lines)):
        if not lines[place].strip(" \t\r\ufeff\0"):
            continue
        cells, used = _header_cells(lines, place, delimiter, mapping.reader.quoted)
        score = len({accepted[name] for name in map(normalise_header, cells) if name in accepted})
        if score > best_score:
            best_score = score
            best = Start(header=tuple(cells), first_line=place, line_count=used)
            if score and score >= len(mapping.columns):
                break
    return best, best_score


def _header_cells(lines: Sequence[str], place: int, delimiter: str, quoted: bool) -> tuple[list[str], int]:
    """Return the cells of a header and how many lines it takes: a name in quotes may hold a newline."""
    text = lines[place].strip("\ufeff\r").replace("\0", "")
    split = split_record(text, delimiter, quoted=quoted)
    used = 1
    while split.is_open and used < 20 and place + used < len(lines):
        text += "\n" + lines[place + used].rstrip("\r")
        used += 1
        split = split_record(text, delimiter, quoted=quoted)
    if split.is_open:
        return lines[place].rstrip("\r").split(delimiter), 1
    return split.fields, used


def _fitted(header: Sequence[str], lines: Sequence[str], delimiter: str, *, quoted: bool) -> tuple[str, ...]:
    """Return the header with or without an empty last name, as a delimiter at the end of most records asks for."""
    counts: Counter[int] = Counter()
    ends_empty: Counter[int] = Counter()
    for line in lines[:SEARCHED_LINES]:
        if line.strip():
            fields = best_split(line.rstrip("\r"), delimiter, len(header), quoted=quoted).fields
            counts[len(fields)] += 1
            ends_empty[len(fields)] += not fields[-1].strip()
    usual = counts.most_common(1)[0][0] if counts else len(header)
    if usual == len(header) + 1 and ends_empty[usual] == counts[usual]:
        return (*header, "")
    if usual == len(header) - 1 and not header[-1].strip():
        return tuple(header[:-1])
    return tuple(header)
