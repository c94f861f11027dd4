"""Reads lines of fixed width, whose fields are counted in bytes of the file's encoding.

Lines of exactly the told width are read as a matrix of bytes, column by column. Where most lines have another number of
bytes but the told number of characters, the widths are characters. Where most lines are shorter, blanks at the end were
cut off, and short lines are filled up; otherwise a short line is joined with the next when exactly the width results
(a newline within a text), or refused.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Batch, Batches, HeldFileError, Reading, Rejected
from ingestion.readers.cells import decode_cell, decode_cells
from ingestion.readers.closing import is_closing, told_count
from ingestion.readers.pieces import RawPiece, read_raw_pieces, settle_encoding

_JUDGED_LINES = 2_000


def read_fixed_width(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a file of fixed width in batches; the number of a record is that of its line.

    Raises HeldFileError when the layout tells no widths, SettingsError when a forced encoding is not known.
    """
    if not mapping.reader.widths:
        raise HeldFileError("file_not_of_its_format")
    encoding = settle_encoding(path, mapping.reader.encoding, reading)
    reader = _Reader(mapping, encoding, reading)
    for piece in read_raw_pieces(path, encoding, sum(field.width for field in mapping.reader.widths)):
        yield reader.read(piece)
    reader.check_end()


class _Reader:
    """Reads the pieces of one file."""

    def __init__(self, mapping: FileMapping, encoding: str, reading: Reading) -> None:
        widths = [field.width for field in mapping.reader.widths]
        self._encoding = encoding
        self._reading = reading
        self._footer = mapping.reader.footer
        self._titles = mapping.reader.title_rows
        self.header = tuple(field.name for field in mapping.reader.widths)
        self._names = {normalise_header(name) for name in self.header} | set(mapping.accepted_headers())
        self._edges = [0, *np.cumsum(widths).tolist()]
        self._width = self._edges[-1]
        self._is_trimmed: bool | None = None
        self._by_character = False
        self._name_bytes = tuple(name[:2].encode(encoding, "replace") for name in self.header)
        self._carry: list[bytes] = []
        self._told: int | None = None
        self._records = 0
        self._has_records = False
        self._is_cut = False

    def read(self, piece: RawPiece) -> Batch:
        """Return the records of one piece."""
        rejected = list(piece.rejected)
        lines, first_line = [*self._carry, *piece.lines], piece.first_line - len(self._carry)
        self._carry = []
        if self._is_trimmed is None:
            self._judge(lines)
        if not piece.is_last and not self._by_character and lines and len(lines[-1]) < self._width:
            self._carry = [lines.pop()]
        starts = range(first_line, first_line + len(lines))
        numbers: list[int] = []
        whole: list[bytes] = []
        place = 0
        while place < len(lines):
            line = lines[place]
            # a line of the very width and no suspicion is the usual case
            if len(line) == self._width and not self._by_character and starts[place] > self._titles + 1:
                is_usual = line[:1].isdigit() or (line[:1].isalpha() and not line.startswith(self._name_bytes))
                self._has_records = self._has_records or bool(whole)
                if not line.isspace() and (is_usual or not self._is_no_record(line, starts[place])):
                    whole.append(line)
                    numbers.append(starts[place])
                elif line.isspace():
                    self._reading.drop("blank_row", starts[place])
                place += 1
                continue
            self._has_records = self._has_records or bool(whole)
            is_last = piece.is_last and place == len(lines) - 1
            used, record = self._odd_line(lines, place, starts[place], rejected, is_last and not piece.ends_whole)
            if record is not None:
                whole.append(record)
                numbers.append(starts[place])
            place += used
        self._records += len(whole) + len(rejected)
        if self._by_character:
            return self._characters(whole, numbers, rejected)
        matrix = np.frombuffer(b"".join(whole), np.uint8).reshape(len(whole), self._width)
        columns = []
        for name, first, behind in zip(self.header, self._edges[:-1], self._edges[1:], strict=True):
            texts, cut = decode_cells(matrix[:, first:behind], self._encoding)
            for row in cut:
                self._reading.find("truncated_text", numbers[row], name)
            columns.append(texts)
        return Batch(header=self.header, columns=columns, row_numbers=pa.array(numbers, pa.int64()), rejected=rejected)

    def _judge(self, lines: Sequence[bytes]) -> None:
        """Decide on the first lines whether blanks at their end were cut off, and what the widths count."""
        judged = [line for line in lines[:_JUDGED_LINES] if line.strip()]
        whole = sum(len(line) == self._width for line in judged)
        self._is_trimmed = 2 * whole < len(judged)
        if self._is_trimmed:
            characters = sum(len(line.decode(self._encoding, "replace")) == self._width for line in judged)
            self._by_character = 2 * characters > len(judged) and characters > whole

    def _is_no_record(self, line: bytes, number: int) -> bool:
        """Account for a title, a header, a closing or a blank line, and return whether the line is one."""
        text = line.decode(self._encoding, "replace").replace("\ufeff", "")
        words = text.split()
        kind = None
        if number <= self._titles:
            kind = "title_row"
        elif not text.strip(" \t\0\x1a\u3000"):
            kind = "blank_row"
        elif 2 * sum(normalise_header(word) in self._names for word in words) >= max(len(words), 2):
            # the first one is the header of the file, and no defect
            kind = "repeated_header" if self._has_records else ""
        elif is_closing([text], self._footer, is_whole=False) and len(words) <= 6:
            kind = "footer_row" if self._has_records else "title_row"
            told = told_count([text]) if self._has_records else None
            self._told = told if told is not None else self._told
        if kind:
            self._reading.drop(kind, number)
        return kind is not None

    def _odd_line(
        self, lines: Sequence[bytes], place: int, number: int, rejected: list[Rejected], is_cut: bool
    ) -> tuple[int, bytes | None]:
        """Return how many lines a line takes that is not of the usual width, and its record if it is one."""
        line = lines[place]
        if self._is_no_record(line, number):
            return 1, None
        size = len(line.decode(self._encoding, "replace")) if self._by_character else len(line)
        missing = self._width - size
        if missing == 0:
            return 1, line
        if missing < 0:
            plain = line.rstrip(b" \0\t\x1a")
            if not self._by_character and len(plain) <= self._width:
                return 1, plain.ljust(self._width)
            rejected.append(self._rejected(number, "extra_column", line))
            return 1, None
        if self._is_trimmed and size >= self._edges[1] and not is_cut:
            return 1, line + b" " * missing
        following = lines[place + 1] if place + 1 < len(lines) else None
        if following is not None and len(line) + 1 + len(following) == self._width:
            self._reading.find("embedded_newline", number)
            return 2, line + b"\n" + following
        rejected.append(self._rejected(number, "short_row", line))
        self._is_cut = is_cut
        return 1, None

    def _rejected(self, number: int, reason: str, line: bytes) -> Rejected:
        return Rejected(row_no=number, reason=reason, raw_text=line.decode(self._encoding, "replace"))

    def _characters(self, lines: Sequence[bytes], numbers: list[int], rejected: list[Rejected]) -> Batch:
        """Return the records of lines whose widths count characters."""
        texts = [decode_cell(line, self._encoding)[0].ljust(self._width) for line in lines]
        spans = list(zip(self._edges[:-1], self._edges[1:], strict=True))
        rows = [[text[first:behind].strip(" \0") for first, behind in spans] for text in texts]
        return Batch(header=self.header, rows=rows, row_numbers=numbers, rejected=rejected)

    def check_end(self) -> None:
        """Note whether the file was cut off, or tells of another number of records than it has."""
        if self._is_cut or (self._told is not None and self._told > self._records + 1):
            self._reading.held = "truncated_file"
            self._reading.find("truncated_file")
        elif self._told is not None and self._told < self._records:
            self._reading.find("row_count_mismatch")
