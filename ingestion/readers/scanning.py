"""Sorts the lines of a piece, all at once, into sound records and stretches that need repair; parses the sound ones.

A sound record has exactly the expected number of fields, quotes only where they belong, and no control character. What
is sound here is parsed by Arrow; everything else is left to ingestion.readers.repair, which reads line by line.
Both read a sound record alike.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

_DELIMITER, _NEWLINE, _QUOTE, _ODD = 1, 2, 3, 4
_NO_UTF_8 = b"\xff"
_SUBSTITUTES = tuple(bytes((code,)) for code in (31, 30, 29, 28, *range(1, 9), *range(14, 28)))
_BLOCK_BYTES = 1 << 20
_BOM = "\ufeff".encode()
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """Records of a piece: where they begin and end (bytes), their first lines (from 0), and which are sound."""

    starts: Array
    ends: Array
    first_lines: Array
    is_sound: Array
    broken_at: int
    """Number of the first record whose quotes cannot be trusted, so that those behind it may be others."""
    line_count: int


class Scanner:
    """Scans pieces of one layout.

    A delimiter that is not one ASCII character is replaced by a byte that no UTF-8 holds, before a piece is scanned.
    """

    def __init__(self, delimiter: str, count: int, *, quoted: bool) -> None:
        self.count = count
        self.quoted = quoted
        self.has_quotes = False
        """Whether the records parsed last have fields in quotes."""
        self._delimiter = delimiter.encode()
        self._sign = self._delimiter if len(self._delimiter) == 1 else _NO_UTF_8
        table = bytearray(256)
        for code in (*range(32), 127):
            table[code] = _ODD
        table[9] = table[13] = 0
        if quoted:
            table[ord('"')] = _QUOTE
        table[self._sign[0]] = _DELIMITER
        table[10] = _NEWLINE
        self._table = bytes(table)

    def prepare(self, data: bytes) -> bytes:
        """Return data with a delimiter of one byte."""
        return data if len(self._delimiter) == 1 else data.replace(self._delimiter, self._sign)

    def restore(self, data: bytes) -> bytes:
        """Return prepared data as it was."""
        return data if len(self._delimiter) == 1 else data.replace(self._sign, self._delimiter)

    def scan(self, data: bytes) -> Scan:
        """Return the records of prepared whole lines; the last one may lack its newline."""
        classes = np.frombuffer(data.translate(self._table), np.uint8)
        places = np.flatnonzero(classes != 0)
        kinds = classes[places]
        if not data.endswith(b"\n"):
            places = np.append(places, len(data))
            kinds = np.append(kinds, np.uint8(_NEWLINE))
        newlines = np.flatnonzero(kinds == _NEWLINE)
        line_count = len(newlines)
        if b'"' in data and self.quoted:
            return self._scan_quoted(data, places, kinds, newlines)
        ends = places[newlines] + 1
        starts = np.concatenate(([0], ends[:-1]))
        odd = np.flatnonzero(kinds == _ODD)
        counts = np.diff(newlines, prepend=-1)
        is_sound = counts == self.count
        if len(odd):
            is_sound[np.searchsorted(newlines, odd)] = False
        return self._finished(data, starts, ends, np.arange(line_count), is_sound, line_count, line_count)

    def _scan_quoted(self, data: bytes, places: Array, kinds: Array, newlines: Array) -> Scan:
        is_quote = kinds == _QUOTE
        # what wraps around at 256 is even as it was
        parity = (np.cumsum(is_quote, dtype=np.uint8) - is_quote.view(np.uint8)) & 1
        closes_record = parity[newlines] == 0
        record_ends = newlines[closes_record]
        is_open = not len(newlines) or not closes_record[-1]
        if is_open and len(newlines):
            record_ends = np.append(record_ends, newlines[-1])
        ends = places[record_ends] + 1
        starts = np.concatenate(([0], ends[:-1]))
        first_lines = np.searchsorted(newlines, np.concatenate(([-1], record_ends[:-1])), side="right")
        separators = np.cumsum((kinds == _DELIMITER) & (parity == 0), dtype=np.int32)
        counts = np.diff(separators[record_ends], prepend=0) + 1
        is_sound = counts == self.count
        is_odd = (kinds == _ODD) | self._is_misplaced(data, places, is_quote, parity)
        if self._sign == _NO_UTF_8:
            # within quotes it is no delimiter and must not stay replaced
            is_odd |= (kinds == _DELIMITER) & (parity == 1)
        odd = np.flatnonzero(is_odd)
        is_sound[np.searchsorted(record_ends, odd)] = False
        if is_open:
            is_sound[-1] = False
        is_long = np.diff(first_lines, append=len(newlines)) > 1
        broken = np.flatnonzero(is_long & ~is_sound)
        broken_at = int(broken[0]) if len(broken) else len(starts)
        return self._finished(data, starts, ends, first_lines, is_sound, broken_at, len(newlines))

    def _is_misplaced(self, data: bytes, places: Array, is_quote: Array, parity: Array) -> Array:
        """Return which quotes neither open nor close a field nor double another."""
        misplaced = np.zeros(len(places), bool)
        quotes = np.flatnonzero(is_quote)
        around = np.frombuffer(b"\n" + data + b"\n\n", np.uint8)
        before, behind, after_next = (around[places[quotes] + step] for step in (0, 2, 3))
        sign, quote = self._sign[0], ord('"')
        opens = (before == sign) | (before == 10) | (before == quote)
        is_end = (behind == 10) | ((behind == 13) & (after_next == 10))
        closes = ((behind == sign) | is_end | (behind == quote)) & (before != ord("\\"))
        misplaced[quotes] = ~np.where(parity[quotes] == 0, opens, closes)
        return misplaced

    def _finished(
        self, data: bytes, starts: Array, ends: Array, first_lines: Array, is_sound: Array, broken_at: int, lines: int
    ) -> Scan:
        if len(ends):
            ends[-1] = min(int(ends[-1]), len(data))
        if self.count == 1:
            # a blank line has the right number of fields there
            is_sound &= ends - starts > 2
        marks = np.flatnonzero(np.frombuffer(data, np.uint8)[starts] == _BOM[0])
        for place in marks[np.flatnonzero(ends[marks] - starts[marks] > len(_BOM))].tolist():
            if data.startswith(_BOM, int(starts[place])):
                is_sound[place] = False
        return Scan(
            starts=starts,
            ends=ends,
            first_lines=first_lines,
            is_sound=is_sound,
            broken_at=broken_at,
            line_count=lines,
        )

    def parse(self, data: bytes, scan: Scan, chosen: Array) -> list[pa.ChunkedArray] | None:
        """Return the columns of the chosen sound records, or None when Arrow read them otherwise than expected."""
        wanted = int(chosen.sum())
        if wanted == len(scan.starts):
            text = data
        else:
            edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.view(np.int8), [0]))))
            view = memoryview(data)
            text = b"".join(
                view[int(scan.starts[first]) : int(scan.ends[behind - 1])]
                for first, behind in zip(edges[::2], edges[1::2], strict=True)
            )
        delimiter = self._sign
        if delimiter == _NO_UTF_8:
            # Arrow takes ASCII only
            free = next((sign for sign in _SUBSTITUTES if sign not in text), None)
            if free is None:
                return None
            text, delimiter = text.replace(_NO_UTF_8, free), free
        longest = int((scan.ends - scan.starts)[: len(chosen)][chosen].max())
        names = [str(position) for position in range(self.count)]
        self.has_quotes = has_quotes = self.quoted and b'"' in text
        try:
            table = pa.csv.read_csv(
                pa.BufferReader(text),
                read_options=pa.csv.ReadOptions(column_names=names, block_size=max(_BLOCK_BYTES, 2 * longest)),
                parse_options=pa.csv.ParseOptions(
                    delimiter=delimiter.decode(),
                    quote_char='"' if has_quotes else False,
                    newlines_in_values=has_quotes and wanted != text.count(b"\n") + (not text.endswith(b"\n")),
                    ignore_empty_lines=False,
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        return table.columns if table.num_rows == wanted else None
