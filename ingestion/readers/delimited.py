"""Reads delimited text as hospitals write it: any encoding, titles, footers, repeated headers, broken rows.

A record with too few or too many fields is refused with its reason and reading goes on with the next line. A quote
that is never closed would swallow the rest of a file: when a record spans several lines and does not fit the header,
its first line is refused and the others are read again on their own.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ingestion.mapping import Layout
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading, Rejected
from lakehouse.formats.encoding import detect_file_encoding

MAXIMUM_LINES_OF_A_RECORD = 2_000
_MAXIMUM_FIELD_CHARACTERS = 16_000_000


class _Lines:
    """Hands out physical lines, remembers those of the current record, and can take them back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[tuple[int, str]] = deque()
        self._number = 0
        self.current: list[tuple[int, str]] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self._returned:
            number, line = self._returned.popleft()
        else:
            line = next(self._lines)
            self._number += 1
            number = self._number
        self.current.append((number, line))
        if len(self.current) > MAXIMUM_LINES_OF_A_RECORD:
            # ends the record here; the caller sees that it does not fit and takes the lines back
            raise csv.Error("a record of too many lines")
        return line

    def take_back(self) -> None:
        """Give all but the first line of the current record back to be read again."""
        self._returned.extendleft(reversed(self.current[1:]))


def read_delimited(path: Path, layout: Layout, reading: Reading) -> Batches:
    """Yield the records of a delimited file in batches.

    Fills `reading` with the encoding and the lines that are no record (blank, repeated header, footer).
    """
    csv.field_size_limit(_MAXIMUM_FIELD_CHARACTERS)
    if layout.encoding == "auto":
        detected = detect_file_encoding(path)
        reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
    else:
        reading.encoding, reading.encoding_confidence = layout.encoding, 1.0
    with path.open("rb") as binary:
        text = io.TextIOWrapper(binary, encoding=reading.encoding, errors="replace", newline="")
        lines = _Lines(iter(text))
        for _ in range(layout.title_rows):
            if next(lines, None) is None:
                return
            reading.drop("title_row")
        yield from _read_records(lines, layout, reading)


def _parser(lines: _Lines, layout: Layout) -> Iterator[list[str]]:
    if layout.quoted:
        return csv.reader(lines, delimiter=layout.delimiter)
    return csv.reader(lines, delimiter=layout.delimiter, quoting=csv.QUOTE_NONE)


def _read_records(lines: _Lines, layout: Layout, reading: Reading) -> Batches:
    parser = _parser(lines, layout)
    header: tuple[str, ...] | None = None
    normal_header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    while True:
        lines.current = []
        try:
            record = next(parser)
        except StopIteration:
            break
        except csv.Error:
            record = None
            parser = _parser(lines, layout)
        if record is not None and not any(cell.strip() for cell in record):
            reading.drop("blank_row")
            continue
        if header is None:
            header = tuple(cell.lstrip("\ufeff") for cell in record or ())
            normal_header = [normalise_header(cell) for cell in header]
            continue
        if record is not None and len(record) == len(header):
            if record[0] == header[0] and [normalise_header(cell) for cell in record] == normal_header:
                reading.drop("repeated_header")
                continue
            rows.append(record)
            numbers.append(lines.current[0][0])
        elif record is not None and record[0].strip().startswith(layout.footer):
            reading.drop("footer_row")
        else:
            number, first_line = lines.current[0]
            if len(lines.current) > 1:
                lines.take_back()
                parser = _parser(lines, layout)
                reason = "unbalanced_quote"
            else:
                reason = "short_row" if record is not None and len(record) < len(header) else "extra_column"
            rejected.append(Rejected(row_no=number, reason=reason, raw_text=first_line.rstrip("\r\n")))
        if len(rows) + len(rejected) >= BATCH_ROWS:
            yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)
            rows, numbers, rejected = [], [], []
    if header is not None:
        yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)
