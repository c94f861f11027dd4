"""Finds the header among the rows of a sheet or table and tells records from titles, closing lines and repeats.

Shared by workbooks and tables of HTML. The header is the row, of the first rows that are not blank, in which most
cells are accepted names of the mapping.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading, Rejected
from ingestion.readers.closing import is_closing, told_count

SheetRow = tuple[int, list[str]]
"""Number of a row in its file, and its cells."""

PLACE = "#"
"""Stands before the place of a column in a finding, until the header is known."""
HEADER_WITHIN_ROWS = 40


class SheetRows:
    """Reads the rows of the sheets of one file, one sheet after the other."""

    def __init__(self, mapping: FileMapping, reading: Reading) -> None:
        self._mapping = mapping
        self._layout = mapping.reader
        self._reading = reading
        self._named = 0
        self._accepted = mapping.accepted_headers()
        self._fill_names = {normalise_header(name) for name in self._layout.forward_fill} | {
            normalise_header(name) for column in self._layout.forward_fill for name in mapping.columns.get(column, ())
        }

    def find_header(self, rows: Iterable[SheetRow]) -> tuple[list[SheetRow], list[str] | None, int]:
        """Return the rows read so far, the header, and its place among them; no header when every row is blank."""
        read: list[SheetRow] = []
        best: int | None = None
        first: int | None = None
        best_count = 0
        filled = 0
        for number, cells in rows:
            read.append((number, cells))
            if not any(cell.strip() for cell in cells):
                if len(read) > 10_000:
                    break
                continue
            filled += 1
            if filled <= self._layout.title_rows:
                continue
            place = len(read) - 1
            first = place if first is None else first
            known = len({self._accepted[n] for cell in cells if (n := normalise_header(cell)) in self._accepted})
            if known > best_count:
                best, best_count = place, known
            if filled >= HEADER_WITHIN_ROWS + self._layout.title_rows:
                break
        if self._layout.header:
            return read, list(self._layout.header), (first if first is not None else len(read)) - 1
        chosen = best if best is not None else first
        if chosen is None:
            return read, None, len(read)
        header = [cell.strip().lstrip("\ufeff") for cell in read[chosen][1]]
        while header and not header[-1]:
            header.pop()
        return read, header, chosen

    def accepts(self, header: Sequence[str]) -> set[str]:
        """Return the raw columns that a header fills."""
        return {self._accepted[name] for cell in header if (name := normalise_header(cell)) in self._accepted}

    def batches(self, rows: Iterator[SheetRow], *, found: tuple[list[SheetRow], list[str] | None, int]) -> Batches:
        """Yield the records below the header of one sheet."""
        read, header, place = found
        for number, cells in read[: max(place, 0)]:
            self._drop_above(number, cells)
        if header is None:
            return
        yield from self._records(iter(read[place + 1 :]), rows, tuple(header))

    def _drop_above(self, number: int, cells: list[str]) -> None:
        if any(cell.strip() for cell in cells):
            self._reading.drop("title_row", number)
        else:
            self._reading.drop("blank_row")

    def _records(self, first: Iterator[SheetRow], rest: Iterator[SheetRow], header: tuple[str, ...]) -> Batches:
        normal = [normalise_header(cell) for cell in header]
        fills = [position for position, name in enumerate(normal) if name in self._fill_names]
        above: dict[int, str] = {}
        out: list[list[str]] = []
        numbers: list[int] = []
        rejected: list[Rejected] = []
        blanks: list[int] = []
        width = len(header)
        before, count, told = 0, 0, None
        for rows in (first, rest):
            for number, cells in rows:
                if before and number - before > 1:
                    # a blank row need not be written at all
                    for blank in range(before + 1, min(number, before + 1_000)):
                        self._reading.drop("blank_row")
                        blanks.append(blank)
                before = number
                filled = [cell for cell in cells if cell and not cell.isspace()]
                if not filled:
                    # blank rows after the last record are no defect of the file
                    self._reading.drop("blank_row")
                    if len(blanks) < 1_000:
                        blanks.append(number)
                    continue
                for blank in blanks:
                    self._reading.find("blank_row", blank)
                blanks = []
                if is_closing(cells + [""] * (width - len(cells)), self._layout.footer, is_whole=True):
                    self._reading.drop("footer_row", number)
                    told = told_count(cells) or told
                elif filled[0].strip() in header and [normalise_header(cell) for cell in cells[:width]] == normal:
                    self._reading.drop("repeated_header", number)
                elif any(cell.strip() for cell in cells[width:]):
                    rejected.append(Rejected(row_no=number, reason="extra_column", raw_text="\t".join(cells)))
                else:
                    row = (cells + [""] * (width - len(cells)))[:width]
                    for position in fills:
                        if row[position].strip():
                            above[position] = row[position]
                        else:
                            row[position] = above.get(position, "")
                    out.append(row)
                    numbers.append(number)
                if len(out) + len(rejected) >= BATCH_ROWS:
                    self._name_columns(header)
                    count += len(out) + len(rejected)
                    yield Batch(header=header, rows=out, row_numbers=numbers, rejected=rejected)
                    out, numbers, rejected = [], [], []
        self._name_columns(header)
        yield Batch(header=header, rows=out, row_numbers=numbers, rejected=rejected)
        if told is not None and told > count + len(out) + len(rejected):
            # fewer records than the closing line tells
            self._reading.held = "truncated_file"
            self._reading.find("truncated_file")

    def _name_columns(self, header: Sequence[str]) -> None:
        """Give the findings that name a column by its place the name it has in the header."""
        found = self._reading.found
        for position in range(self._named, len(found)):
            column = found[position].column
            if column and column.startswith(PLACE):
                place = int(column.removeprefix(PLACE))
                found[position] = replace(found[position], column=header[place] if place < len(header) else None)
        self._named = len(found)
