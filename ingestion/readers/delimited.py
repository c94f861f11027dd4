"""Reads delimited text as hospitals write it: any encoding, titles, footers, repeated headers, broken rows.

The file is read in pieces of whole lines. Sound records are found and parsed all at once (ingestion.readers.scanning),
what lies between them is read line by line (ingestion.readers.repair). A file that ends within a record, or that tells
of more records than it has, was cut off: none of it may be loaded.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Batch, Batches, Reading, Rejected
from ingestion.readers.closing import CLOSING_INITIALS
from ingestion.readers.header import SEARCHED_LINES, delimiter_of, find_start
from ingestion.readers.pieces import Piece, read_pieces, settle_encoding
from ingestion.readers.repair import Form, Mended, Repairer
from ingestion.readers.scanning import Array, Scan, Scanner
from ingestion.readers.shapes import SAMPLE_ROWS, Profile

ROWS_OF_A_BATCH = 120_000
_SMALLEST_SPAN = 1 << 13
_LARGEST_CARRY = 1 << 24


def read_delimited(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a delimited file in batches; the number of a record is that of its first line.

    Fills `reading` with the encoding, the lines that are no record (title, blank, repeated header, footer), the defects
    met, and `held` when the file was cut off. Raises SettingsError when a forced encoding is not known.
    """
    encoding = settle_encoding(path, mapping.reader.encoding, reading)
    reader = _Reader(mapping, encoding, reading)
    pieces = read_pieces(path, encoding, reading)
    try:
        yield from reader.read(pieces)
    finally:
        pieces.close()


class _Reader:
    """Reads the pieces of one file."""

    def __init__(self, mapping: FileMapping, encoding: str, reading: Reading) -> None:
        self._mapping = mapping
        self._encoding = encoding
        self._reading = reading
        self._line = 1
        self._records = 0
        self._form: Form | None = None
        self._columns: list[list[pa.ChunkedArray]] = []
        self._numbers: list[pa.Array] = []
        self._waiting = 0
        self._mended = Mended()
        self._rejected: list[Rejected] = []

    def read(self, pieces: Iterator[Piece]) -> Batches:
        """Yield the records of pieces that follow each other."""
        carry = b""
        ends_whole, is_cut_character = True, False
        for piece in pieces:
            if piece.rejected:
                # what is missing between the pieces belongs to neither
                self._take(carry, is_end=True)
                carry = b""
                self._rejected += piece.rejected
                self._records += len(piece.rejected)
            if not carry:
                self._line = piece.first_line
            fresh = piece.data
            if self._form is None:
                fresh = fresh[self._begin(fresh) :]
            if self._form is None:
                continue
            data = carry + self._scanner.prepare(fresh)
            carry = data[self._take(data, is_end=piece.is_last) :]
            if piece.is_last:
                ends_whole, is_cut_character = not data or data.endswith(b"\n"), piece.ends_in_character
            if self._waiting >= ROWS_OF_A_BATCH or len(self._mended.rows) >= ROWS_OF_A_BATCH or piece.is_last:
                yield from self._batches()
        self._check_end(ends_whole=ends_whole, is_cut_character=is_cut_character)

    def _take(self, data: bytes, *, is_end: bool) -> int:
        """Read as much of the data as can be judged without what follows, and return how many bytes that was."""
        position = 0
        span = len(data)
        while position < len(data):
            end = len(data)
            if span < end - position:
                end = data.find(b"\n", position + span) + 1 or end
            is_last = end == len(data)
            used, is_broken = self._step(data[position:end], is_end=is_end and is_last)
            position += used
            if is_last and not is_broken:
                break
            span = _SMALLEST_SPAN if is_broken else span * 4
        return position

    def _begin(self, data: bytes) -> int:
        """Find the header and return how many bytes it and the titles take."""
        lines = data[: 1 << 20].decode("utf-8", "replace").split("\n", SEARCHED_LINES * 2)[: SEARCHED_LINES * 2]
        start = find_start(lines, self._mapping)
        if start is None:
            for number, _ in enumerate(data.split(b"\n")[: -1 if data.endswith(b"\n") else None], start=self._line):
                if data:
                    self._reading.drop("blank_row", number)
            return len(data)
        for place in range(start.first_line):
            kind = "title_row" if lines[place].strip() or place < self._mapping.reader.title_rows else "blank_row"
            self._reading.drop(kind, self._line + place)
        header = tuple(name.replace("\ufeff", "") for name in start.header)
        layout = self._mapping.reader
        self._form = Form(
            header=header,
            delimiter=delimiter_of(layout),
            quoted=layout.quoted,
            footer=layout.footer,
            encoding=self._encoding,
        )
        accepted = self._mapping.accepted_headers()
        raw_columns = [accepted.get(normalise_header(name)) for name in header]
        key = [raw_columns.index(name) for name in self._reading.key if name in raw_columns]
        self._profile = Profile(len(header), key)
        self._repairer = Repairer(self._form, self._profile, self._reading)
        self._scanner = Scanner(self._form.delimiter, len(header), quoted=layout.quoted)
        used = 0
        for _ in range(start.first_line + start.line_count):
            used = data.find(b"\n", used) + 1 or len(data)
        self._line += start.first_line + start.line_count
        return used

    def _step(self, data: bytes, *, is_end: bool) -> tuple[int, bool]:
        """Read records up to the first quote that cannot be trusted; return the bytes read and whether there was one.

        Of data that goes on, the last sound record is left: what follows may belong to it.
        """
        scan = self._scanner.scan(data)
        upto = min(scan.broken_at, len(scan.starts))
        is_broken = upto < len(scan.starts)
        goes_on = not is_end and len(data) < _LARGEST_CARRY
        if goes_on and upto >= len(scan.starts) - 1:
            sound = np.flatnonzero(scan.is_sound[:upto])
            upto, is_broken = int(sound[-1]) if len(sound) else 0, False
        stretches = _unsound_stretches(scan.is_sound, upto, is_broken=is_broken)
        chosen = scan.is_sound[:upto].copy()
        for first, behind in stretches:
            chosen[first:behind] = False
        if not self._parse(data, scan, chosen):
            stretches = [(0, upto + is_broken)] if upto or is_broken else []
        used, lines = (int(scan.starts[upto]), int(scan.first_lines[upto])) if upto < len(scan.starts) else (
            len(data), scan.line_count
        )  # fmt: skip
        for first, behind in stretches:
            at_break = is_broken and behind > upto
            end = len(data) if at_break else int(scan.ends[behind - 1])
            read = self._mend(data, scan, first, end, upto if at_break else None, is_end=is_end and end == len(data))
            if at_break:
                lines = int(scan.first_lines[first]) + read
                used = int(scan.starts[first])
                for _ in range(read):
                    used = data.find(b"\n", used) + 1 or len(data)
        self._line += lines
        return used, is_broken

    def _mend(self, data: bytes, scan: Scan, first: int, end: int, broken: int | None, *, is_end: bool) -> int:
        """Read the records from `first` on line by line, one line of a broken one; return how many lines were read."""
        start = int(scan.starts[first])
        text = self._scanner.restore(data[start : min(end, start + _LARGEST_CARRY)]).decode("utf-8", "replace")
        lines = text.split("\n")
        is_cut = bool(lines[-1])
        if not is_cut:
            lines.pop()
        wanted = len(lines) if broken is None else int(scan.first_lines[broken] - scan.first_lines[first]) + 1
        number = self._line + int(scan.first_lines[first])
        return self._repairer.mend(lines, number, wanted, self._mended, is_end=is_end, is_cut=is_cut)

    def _parse(self, data: bytes, scan: Scan, chosen: Array) -> bool:
        """Take the chosen sound records, and return whether they were read as expected."""
        if not chosen.any():
            return True
        columns = self._scanner.parse(data, scan, chosen)
        if columns is None:
            return False
        self._repairer.quotes_fields = self._repairer.quotes_fields or self._scanner.has_quotes
        numbers = pa.array(scan.first_lines[: len(chosen)][chosen] + self._line, pa.int64())
        dropped = self._lines_that_are_no_record(columns, numbers)
        if dropped:
            is_kept = np.ones(len(numbers), bool)
            is_kept[dropped] = False
            columns = [column.filter(pa.array(is_kept)) for column in columns]
            numbers = numbers.filter(pa.array(is_kept))
        if self._profile.rows < SAMPLE_ROWS:
            for row in zip(*(column.slice(0, SAMPLE_ROWS).to_pylist() for column in columns), strict=True):
                self._profile.learn(row)
        self._columns.append(columns)
        self._numbers.append(numbers)
        self._waiting += len(numbers)
        return True

    def _lines_that_are_no_record(self, columns: Sequence[pa.ChunkedArray], numbers: pa.Array) -> list[int]:
        """Account for headers, closing and blank lines among parsed rows, and return their places."""
        assert self._form is not None
        initials = pa.array(sorted(CLOSING_INITIALS | {word[:1] for word in self._form.footer} | _BLANK), pa.string())
        first = columns[0]
        suspects = pc.or_(
            pc.is_in(pc.utf8_slice_codeunits(first, 0, 1), initials),
            pc.is_in(first, pa.array(self._form.header_starts, pa.string())),
        )
        places = np.flatnonzero(suspects.to_numpy())
        dropped: list[int] = []
        if len(places):
            rows = [column.take(pa.array(places)).to_pylist() for column in columns]
            for place, row in zip(places.tolist(), zip(*rows, strict=True), strict=True):
                kind = self._form.kind_of_line(row)
                if kind is not None:
                    self._repairer.drop(kind, row, numbers[place].as_py())
                    dropped.append(place)
        return dropped

    def _batches(self) -> Batches:
        """Yield what was read so far."""
        if self._form is None:
            return
        header = self._form.header
        if self._numbers:
            columns = [
                pa.chunked_array([chunk for part in parts for chunk in part.chunks], pa.string())
                for parts in zip(*self._columns, strict=True)
            ]
            numbers = pa.concat_arrays(self._numbers)
            self._records += len(numbers)
            self._columns, self._numbers, self._waiting = [], [], 0
            yield Batch(header=header, columns=columns, row_numbers=numbers)
        mended, self._mended = self._mended, Mended()
        rejected, self._rejected = [*self._rejected, *mended.rejected], []
        self._records += len(mended.rows) + len(mended.rejected)
        yield Batch(header=header, rows=mended.rows, row_numbers=mended.numbers, rejected=rejected)

    def _check_end(self, *, ends_whole: bool, is_cut_character: bool) -> None:
        """Note whether the file was cut off, or tells of another number of records than it has."""
        if self._form is None:
            return
        repairer = self._repairer
        is_cut = not ends_whole and repairer.last_refused == self._line - 1 and repairer.short_rows <= max(
            3, self._records // 20
        )  # fmt: skip
        told = repairer.told
        if is_cut or (is_cut_character and not ends_whole) or (told is not None and told > self._counted_otherwise()):
            self._reading.held = "truncated_file"
            self._reading.find("truncated_file")
        elif told is not None and told < self._records:
            self._reading.find("row_count_mismatch")

    def _counted_otherwise(self) -> int:
        """Return the largest number of records by which a closing line may count: lines that are none among them."""
        return self._records + sum(self._reading.dropped.values()) + 1


def _unsound_stretches(is_sound: Array, upto: int, *, is_broken: bool) -> list[tuple[int, int]]:
    """Return stretches of records that are read line by line, each with the sound record before it.

    The last one ends with the broken record, if there is one.
    """
    unsound = ~is_sound[: upto + is_broken]
    if is_broken:
        unsound[upto] = True
    edges = np.flatnonzero(np.diff(np.concatenate(([0], unsound.view(np.int8), [0]))))
    return [(max(int(first) - 1, 0), int(behind)) for first, behind in zip(edges[::2], edges[1::2], strict=True)]


_BLANK = frozenset({"", " ", "\t", "\u3000", "\xa0", "\n"})
