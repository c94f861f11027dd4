"""Reads damaged stretches of a delimited file line by line, and puts back together what belongs together.

A record with too few fields is joined with the lines behind it when exactly the expected number of fields results and
the row looks like the others (`embedded_newline`); lines without any delimiter behind a whole record whose last column
is text belong to that text. One with too many fields gets its delimiters back when one text column can have held them
(`embedded_delimiter`), or a unit such as 10^9/L. What cannot be put together is refused, and reading goes on with the
next line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestion.quality.forms.units import ucum
from ingestion.readers import Reading, Rejected
from ingestion.readers.closing import is_closing, is_header, told_count
from ingestion.readers.fields import Split, best_split
from ingestion.readers.shapes import Profile

MAXIMUM_LINES_OF_A_RECORD = 2_000
_MAXIMUM_LINES_JOINED = 60
_MAXIMUM_CHARACTERS = 1 << 20
_MAXIMUM_TRIES = 12
_SIGNS_OF_UNITS = ("^", "/", "*")
_CONTROL = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """How records of one file are written."""

    header: tuple[str, ...]
    delimiter: str
    quoted: bool
    footer: tuple[str, ...]
    encoding: str

    @property
    def count(self) -> int:
        """Return how many fields a record has."""
        return len(self.header)

    @property
    def header_starts(self) -> tuple[str, ...]:
        """Return the spellings by which the first cell of a repeated header is known."""
        name = self.header[0]
        spellings = (name, name.strip(), name.upper(), name.lower(), f" {name}", f"{name} ")
        return tuple(sorted(set(spellings)))

    def kind_of_line(self, cells: Sequence[str]) -> str | None:
        """Return what a line with all the fields of a record is, if it is none."""
        if not any(cell.strip() for cell in cells):
            return "blank_row"
        if cells[0] in self.header_starts and is_header(cells, self.header):
            return "repeated_header"
        return "footer_row" if is_closing(cells, self.footer, is_whole=True) else None


@dataclass(slots=True)
class Mended:
    """What came of the damaged stretches of one piece."""

    rows: list[list[str]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


class Repairer:
    """Reads lines of one file one by one."""

    def __init__(self, form: Form, profile: Profile, reading: Reading) -> None:
        self.form = form
        self.profile = profile
        self.reading = reading
        self.told: int | None = None
        """Number of records the last closing line tells."""
        self.last_refused = 0
        """Number of the last line that was refused for having too few fields."""
        self.short_rows = 0
        self.quotes_fields = False
        """Whether fields of this file were seen in quotes."""

    def mend(self, lines: Sequence[str], first: int, wanted: int, out: Mended, *, is_end: bool, is_cut: bool) -> int:
        """Read at least `wanted` lines and return how many were read.

        `first` is the number of the first line; `is_end` tells that nothing follows the lines, `is_cut` that the last
        one lacks its end.
        """
        position = 0
        while position < wanted:
            position += self._read_record(lines, position, first, wanted, out, is_end, is_cut)
        return position

    def _read_record(
        self, lines: Sequence[str], start: int, first: int, wanted: int, out: Mended, is_end: bool, is_cut: bool
    ) -> int:
        text, count = self._plain(lines[start]), self.form.count
        split = self._split(text)
        used = 1
        if split.is_open:
            used, split = self._close(lines, start, text)
            if split.is_open or len(split.fields) != count:
                used, split = 1, self._as_written(text)
            if split.is_open:
                self._refuse(out, first + start, "unbalanced_quote", lines[start])
                self.last_refused = first + start
                return 1
        if not any(cell.strip() for cell in split.fields):
            self.reading.drop("blank_row", first + start)
            return used
        if len(split.fields) < count:
            return self._read_short(lines, start, first, wanted, split, out, is_end, is_cut)
        row = split.fields
        if len(row) > count:
            merged = self._with_units(row) or self.profile.merge(row, self.form.delimiter)
            if merged is None:
                self._refuse(out, first + start, "extra_column", lines[start])
                return used
            self._rejoined("embedded_delimiter", first + start, merged, self.form.delimiter, text)
            row = merged
        kind = self.form.kind_of_line(row)
        if kind is not None:
            self._drop(kind, row, first + start)
            return used
        self._note_signs(lines[start : start + used], row, first + start)
        behind = self._behind(lines, start + used, wanted, is_end, is_cut)
        self._accept(out, first + start, row, lines[start + used : start + used + behind])
        return used + behind

    def _with_units(self, fields: Sequence[str]) -> list[str] | None:
        """Return a row in which units such as 10^9/L take back the delimiter in them, if that makes it whole."""
        sign = self.form.delimiter
        if sign not in _SIGNS_OF_UNITS:
            return None
        row: list[str] = []
        for cell in fields:
            if row and row[-1].strip() and cell.strip() and ucum(f"{row[-1]}{sign}{cell}"):
                row[-1] = f"{row[-1]}{sign}{cell}"
            else:
                row.append(cell)
        return row if len(row) == self.form.count and self.profile.is_plausible(row) else None

    def _split(self, text: str) -> Split:
        return best_split(text, self.form.delimiter, self.form.count, quoted=self.form.quoted)

    def _as_written(self, text: str) -> Split:
        """Return the fields of a line whose first quote is never closed, if the quote is a sign like any other.

        It is when nothing else in the file is quoted.
        """
        fields = text.split(self.form.delimiter)
        is_sign = not self.quotes_fields and len(fields) == self.form.count and self.profile.is_plausible(fields)
        return Split(fields=fields, is_open=not is_sign)

    @staticmethod
    def _plain(line: str) -> str:
        """Return a line without its return, marks of byte order in front, and NUL."""
        return line.removesuffix("\r").lstrip("\ufeff").replace("\0", "").rstrip("\x1a")

    def _close(self, lines: Sequence[str], start: int, text: str) -> tuple[int, Split]:
        """Return how many lines a record within quotes takes, and its fields."""
        split = self._split(text)
        parts, size, tries, marks = [text], len(text), 0, text.count('"')
        is_escaped = '\\"' in text
        for place in range(start + 1, min(len(lines), start + MAXIMUM_LINES_OF_A_RECORD)):
            line = lines[place].lstrip("\ufeff").replace("\0", "")
            parts.append(line)
            size += len(line)
            if size > _MAXIMUM_CHARACTERS or tries > _MAXIMUM_TRIES:
                break
            quotes = line.count('"')
            marks += quotes
            # a record whose quotes all belong has an even number of them, save those behind a backslash
            is_escaped = is_escaped or '\\"' in line
            if quotes and (is_escaped or marks % 2 == 0):
                tries += 1
                if parts[0] is text and lines[start].endswith("\r"):
                    parts[0] = text + "\r"
                split = self._split("\n".join(parts).removesuffix("\r"))
                if not split.is_open:
                    return place - start + 1, split
        return 1, split

    def _read_short(
        self,
        lines: Sequence[str],
        start: int,
        first: int,
        wanted: int,
        split: Split,
        out: Mended,
        is_end: bool,
        is_cut: bool,
    ) -> int:
        number, count = first + start, self.form.count
        if is_closing(split.fields, self.form.footer, is_whole=False):
            self._drop("footer_row", split.fields, number)
            return 1
        if is_header(split.fields, self.form.header):
            self._drop("repeated_header", split.fields, number)
            return 1
        found = self._join(lines, start, wanted)
        if found is not None:
            used, row = found
            joined = lines[start : start + used]
            self._rejoined("embedded_newline", number, row, "\n", "\n".join(joined))
            self._note_signs(joined, row, number)
            behind = self._behind(lines, start + used, wanted, is_end, is_cut)
            self._accept(out, number, row, lines[start + used : start + used + behind])
            return used + behind
        whole = self._unswallowed(self._plain(lines[start]), count - len(split.fields))
        if whole is not None:
            self.reading.find("truncated_text", number)
            self._accept(out, number, whole, ())
            return 1
        self._refuse(out, number, "short_row", lines[start])
        self.last_refused = number
        self.short_rows += 1
        return 1

    def _join(self, lines: Sequence[str], start: int, wanted: int) -> tuple[int, list[str]] | None:
        """Return how many lines make one whole row, and the row, if the lines from `start` on do."""
        parts = [self._plain(lines[start])]
        separators = parts[0].count(self.form.delimiter)
        is_quoted = self.form.quoted and '"' in parts[0]
        for place in range(start + 1, min(wanted, start + _MAXIMUM_LINES_JOINED)):
            line = self._plain(lines[place])
            cells = line.split(self.form.delimiter)
            if len(cells) > 1 and self.profile.begins_record(cells):
                return None
            parts.append(line)
            # counting is far cheaper than splitting, and says the same where nothing is quoted
            separators += len(cells) - 1
            is_quoted = is_quoted or (self.form.quoted and '"' in line)
            if separators + 1 > self.form.count and not is_quoted:
                return None
            if separators + 1 < self.form.count:
                continue
            split = self._split("\n".join(parts))
            if len(split.fields) > self.form.count:
                return None
            if len(split.fields) == self.form.count and not split.is_open and line.strip():
                row = split.fields
                is_right = self.profile.is_plausible(row) and self.form.kind_of_line(row) is None
                return (place - start + 1, row) if is_right else None
        return None

    def _behind(self, lines: Sequence[str], start: int, wanted: int, is_end: bool, is_cut: bool) -> int:
        """Return how many lines from `start` on belong to the last text of the record before them."""
        last = self.profile.columns[-1]
        if self.form.count < 2 or not last.filled or last.is_regular:
            return 0
        taken = 0
        for place in range(start, min(wanted, start + _MAXIMUM_LINES_JOINED)):
            line = self._plain(lines[place])
            is_last = place == len(lines) - 1
            if not line.strip():
                continue
            if self.form.delimiter in line or (is_last and is_cut) or self._looks_like_key(line):
                break
            if is_closing([line], self.form.footer, is_whole=False) and (is_end or told_count([line]) is not None):
                break
            taken = place - start + 1
        return taken

    def _looks_like_key(self, line: str) -> bool:
        first = self.profile.columns[0]
        return first.is_regular and first.fits(line)

    def _unswallowed(self, text: str, missing: int) -> list[str] | None:
        """Return a row in which halves of characters give back the delimiters they took in.

        A text cut inside a character leaves its first byte, which GB18030 reads as one character with a delimiter
        such as `|` behind it.
        """
        sign = self.form.delimiter
        if self.form.encoding != "gb18030" or len(sign) != 1 or not "@" <= sign <= "~":
            return None
        takers = [place for place, mark in enumerate(text) if mark > "\x7f" and _ends_with(mark, sign)]
        if len(takers) != missing:
            return None
        for place in reversed(takers):
            text = f"{text[:place]}{sign}{text[place + 1 :]}"
        row = self._split(text).fields
        return row if len(row) == self.form.count and self.profile.is_plausible(row) else None

    def _accept(self, out: Mended, number: int, row: list[str], behind: Sequence[str]) -> None:
        if behind:
            row = [*row[:-1], "\n".join([row[-1], *(self._plain(line) for line in behind)])]
            self._rejoined("embedded_newline", number, row, "\n", "\n".join(behind))
        out.rows.append(row)
        out.numbers.append(number)

    def _rejoined(self, kind: str, number: int, row: Sequence[str], sign: str, before: str) -> None:
        """Note that a guess put a row together, and in which column."""
        column = next((name for name, cell in zip(self.form.header, row, strict=True) if sign in cell), None)
        self.reading.find(kind, number, column, before=before, action="normalise_flag")

    def _note_signs(self, lines: Sequence[str], row: Sequence[str], number: int) -> None:
        """Note marks of byte order and control characters within a record."""
        if any(line.startswith("\ufeff") for line in lines):
            self.reading.find("bom", number)
        if any("\0" in line for line in lines):
            self.reading.find("control_char", number)
        for name, cell in zip(self.form.header, row, strict=True):
            if len(cell.translate(_CONTROL)) != len(cell):
                self.reading.find("control_char", number, name, before=cell)

    def _drop(self, kind: str, cells: Sequence[str], number: int) -> None:
        self.reading.drop(kind, number)
        if kind == "footer_row":
            told = told_count(cells)
            self.told = told if told is not None else self.told

    def drop(self, kind: str, cells: Sequence[str], number: int) -> None:
        """Account for a line that is no record."""
        self._drop(kind, cells, number)

    @staticmethod
    def _refuse(out: Mended, number: int, reason: str, text: str) -> None:
        out.rejected.append(Rejected(row_no=number, reason=reason, raw_text=text.removesuffix("\r")))


def _ends_with(character: str, sign: str) -> bool:
    try:
        return character.encode("gb18030")[1:] == sign.encode()
    except UnicodeEncodeError:
        return False
