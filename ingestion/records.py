"""Reads one delivered file into rows of raw tables, refusing what the contract cannot take.

The same for every format: yields (table name, rows) and gathers refusals and counts in a FileReading.
"""

import importlib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.mapping import STANDARD_FORMATS, FileMapping, headers_of
from ingestion.naming import normalise_header
from ingestion.readers import Batch, Batches, HeldFileError, Reading
from ingestion.sources.standard import read_standard
from lakehouse.contract import Table
from lakehouse.ledger import Refusal

READERS = {
    "delimited": "delimited",
    "fixed_width": "fixed_width",
    "dbf": "dbf",
    "workbook": "workbook",
    "text_blocks": "text_blocks",
    "xml": "xml_records",
    "html": "html_tables",
    "json": "json_records",
    "documents": "documents",
    "worklist": "worklist",
    "database": "database",
}
"""Format of a mapping to the module of ingestion.readers that holds its function `read_<format>`."""

REFUSED_CHARACTERS = 64_000_000
"""How much text of the refused rows of one file goes to quarantine; beyond it only their numbers and reasons do."""


FileState = tuple[int, int, int]


def file_state(path: Path) -> FileState:
    """Return what changes when a file is replaced or written to: its number, size and time of change."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(slots=True)
class FileReading:
    """What was found in one file."""

    reading: Reading = field(default_factory=Reading)
    received: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)
    unknown_columns: int = 0
    breach: str | None = None
    """Why the whole file was held, if it was."""
    refused_characters: int = 0
    state: FileState | None = None
    """State of the file when its digest was taken, if known: a file that is replaced afterwards is held."""

    def receive(self, entity: str, count: int = 1) -> None:
        """Count records of one raw table."""
        self.received[entity] = self.received.get(entity, 0) + count

    def refuse(self, entity: str, row_no: int, reason: str, raw_text: str) -> None:
        """Put one received record into quarantine."""
        raw_text = raw_text if self.refused_characters < REFUSED_CHARACTERS else ""
        self.refused_characters += len(raw_text)
        self.refusals.setdefault(entity, []).append(Refusal(row_no=row_no, reason=reason, raw_text=raw_text))


def read_file(
    path: Path, mapping: FileMapping, tables: dict[str, Table], result: FileReading
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the acceptable rows of a file as (raw table, columns of text and _src_row_no).

    Raises HeldFileError at the end when the file was cut off or replaced while it was read: nothing of it may stand.
    """
    state = result.state or file_state(path)
    if mapping.reader.format in STANDARD_FORMATS:
        yield from read_standard(path, mapping.reader.format, tables, result)
    else:
        table = tables[mapping.entity]
        result.received.setdefault(table.name, 0)
        result.reading.key = table.key
        for batch in _read_batches(path, mapping, result.reading):
            rows = _rows_of(batch, mapping, table, result)
            if rows is not None:
                yield table.name, rows
        _name_findings(mapping, result.reading)
    if file_state(path) != state:
        result.reading.held = "file_replaced"
    elif result.reading.held and mapping.entity:
        _refuse_all(path, mapping, tables[mapping.entity], result)
    if result.reading.held:
        raise HeldFileError(result.reading.held)


def _read_batches(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    kind = mapping.reader.format
    module = importlib.import_module(f"ingestion.readers.{READERS[kind]}")
    read = getattr(module, f"read_{kind}")
    return cast(Batches, read(path, mapping, reading))


def _name_findings(mapping: FileMapping, reading: Reading) -> None:
    """Give findings the names of raw columns in place of the file's."""
    accepted = mapping.accepted_headers()
    reading.found = [
        finding if finding.column is None else replace(finding, column=accepted.get(normalise_header(finding.column)))
        for finding in reading.found
    ]


def _positions(batch: Batch, mapping: FileMapping) -> tuple[dict[str, tuple[int, ...]], int]:
    """Return the places of each raw column in the file, and how many columns of the file are not mapped."""
    places: dict[str, int] = {}
    for position, name in enumerate(batch.header):
        places.setdefault(normalise_header(name), position)
    positions: dict[str, tuple[int, ...]] = {}
    for column, names in mapping.columns.items():
        for name in names:
            headers = headers_of(name)
            if all(header in places for header in headers):
                positions[column] = tuple(places[header] for header in headers)
                break
    accepted = mapping.accepted_headers()
    unknown = sum(bool(name.strip()) and normalise_header(name) not in accepted for name in batch.header)
    return positions, unknown


def _joined(cells: pa.Table, positions: Sequence[int]) -> pa.ChunkedArray:
    """Return a raw column: one of the file's, or several joined by a space where they hold something."""
    if len(positions) == 1:
        return cells.column(positions[0])
    joined = pc.binary_join_element_wise(
        *(cells.column(position) for position in positions), " ", null_handling="replace", null_replacement=""
    )
    # a day that was exported as an instant has a midnight before the time of day
    joined = pc.replace_substring_regex(joined, r" 0?0:00(:00(\.0+)?)? (\d)", r" \3")
    return pc.utf8_trim_whitespace(joined)


def _rows_of(batch: Batch, mapping: FileMapping, table: Table, result: FileReading) -> pa.Table | None:
    position_of, result.unknown_columns = _positions(batch, mapping)
    result.receive(table.name, len(batch.rejected))
    for rejected in batch.rejected:
        result.refuse(table.name, rejected.row_no, rejected.reason, rejected.raw_text)
    cells = _kept_cells(batch, mapping, position_of, result)
    result.receive(table.name, cells.num_rows)
    absent = [name for name in table.required if name not in position_of and name not in mapping.constants]
    if absent:
        result.breach = f"column {', '.join(absent)} of {table.schema}.{table.name} is missing in a file"
        _refuse_rows(cells, table, "missing_column", result)
        return None
    required = [
        position_of[name][0] for name in table.required if name in position_of and name not in mapping.constants
    ]
    if required and cells.num_rows:
        is_complete = _all_filled(cells, required)
        if not pc.all(is_complete).as_py():
            _refuse_rows(cells.filter(pc.invert(is_complete)), table, "missing_required_value", result)
            cells = cells.filter(is_complete)
    if not cells.num_rows:
        return None
    arrays = {name: _joined(cells, positions) for name, positions in position_of.items()}
    arrays |= {
        name: pa.repeat(pa.scalar(value, pa.string()), cells.num_rows) for name, value in mapping.constants.items()
    }
    return pa.table(arrays | {"_src_row_no": cells.column(cells.num_columns - 1)})


def _kept_cells(
    batch: Batch, mapping: FileMapping, position_of: dict[str, tuple[int, ...]], result: FileReading
) -> pa.Table:
    """Return the cells of a batch by column, the row number last, without the rows the mapping filters out."""
    if batch.columns is not None:
        columns = list(batch.columns)
    elif batch.rows:
        columns = [pa.array(column, pa.string()) for column in zip(*batch.rows, strict=True)]
    else:
        columns = [pa.array([], pa.string()) for _ in batch.header]
    numbers = batch.row_numbers if isinstance(batch.row_numbers, pa.Array) else pa.array(batch.row_numbers, pa.int64())
    # names of a file may repeat, so the columns are named by place
    cells = pa.table([*columns, numbers], names=[str(position) for position in range(len(columns) + 1)])
    if not mapping.row_filter or not cells.num_rows:
        return cells
    by_header = {normalise_header(name): position for position, name in reversed(list(enumerate(batch.header)))}
    is_kept = pa.repeat(pa.scalar(True), cells.num_rows)
    for rule in mapping.row_filter:
        place = by_header.get(normalise_header(rule.column))
        position = position_of[rule.column][0] if rule.column in position_of else place
        if position is None:
            continue
        values = pc.fill_null(pc.utf8_trim_whitespace(pc.utf8_normalize(cells.column(position), form="NFKC")), "")
        if rule.keep:
            is_kept = pc.and_(is_kept, pc.is_in(values, _plain_values(rule.keep)))
        if rule.drop:
            is_kept = pc.and_(is_kept, pc.invert(pc.is_in(values, _plain_values(rule.drop))))
    kept = cells.filter(is_kept)
    if kept.num_rows < cells.num_rows:
        dropped = result.reading.dropped
        dropped["row_filter"] = dropped.get("row_filter", 0) + cells.num_rows - kept.num_rows
    return kept


def _plain_values(values: Sequence[str]) -> pa.Array:
    return pa.array([unicodedata.normalize("NFKC", value).strip() for value in values], pa.string())


def _all_filled(cells: pa.Table, positions: Sequence[int]) -> pa.ChunkedArray:
    is_complete = None
    for position in positions:
        column = cells.column(position)
        # most values need no trimming to be seen as filled
        is_filled = pc.fill_null(pc.not_equal(column, ""), False)
        if pc.any(pc.ascii_is_space(column)).as_py() or pc.any(pc.utf8_is_space(column)).as_py():
            is_filled = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False)
        is_complete = is_filled if is_complete is None else pc.and_(is_complete, is_filled)
    return is_complete


def _refuse_rows(cells: pa.Table, table: Table, reason: str, result: FileReading) -> None:
    numbers = cells.column(cells.num_columns - 1).to_pylist()
    columns = [cells.column(position).to_pylist() for position in range(cells.num_columns - 1)]
    for row_no, row in zip(numbers, zip(*columns, strict=True), strict=True):
        result.refuse(table.name, row_no, reason, "|".join(cell or "" for cell in row))


def _refuse_all(path: Path, mapping: FileMapping, table: Table, result: FileReading) -> None:
    """Read a file that must be held once more, and put every record it has into quarantine."""
    again = FileReading(reading=Reading(key=table.key))
    for batch in _read_batches(path, mapping, again.reading):
        position_of, _ = _positions(batch, mapping)
        cells = _kept_cells(batch, mapping, position_of, again)
        again.receive(table.name, cells.num_rows + len(batch.rejected))
        for rejected in batch.rejected:
            again.refuse(table.name, rejected.row_no, rejected.reason, rejected.raw_text)
        _refuse_rows(cells, table, result.reading.held or "", again)
    result.received, result.refusals = again.received, again.refusals


def hold_unreadable(entity: str, result: FileReading, error: Exception) -> None:
    """Account for a file nothing of which may be loaded.

    A file that could not be read at all, or was replaced, is one refused record; of a file that was cut off every
    record is in quarantine already. Neither a cut nor a replaced file breaks the contract: the next one may be whole.
    """
    if isinstance(error, HeldFileError) and result.reading.held == "truncated_file" and result.refusals:
        return
    result.received = {entity: 1}
    result.refusals = {}
    if isinstance(error, HeldFileError):
        reason = error.reason
    else:
        reason = "file_unreadable" if isinstance(error, OSError) else "file_not_of_its_format"
    if reason not in ("truncated_file", "file_replaced"):
        result.breach = f"a file for {entity} cannot be read ({reason})"
    result.refuse(entity, 0, reason, "")


def with_changes(rows: pa.Table, mapping: FileMapping) -> pa.Table:
    """Return rows with the column `_change` where their source says when it took a record back."""
    if not mapping.void or mapping.void.column not in rows.column_names:
        return rows
    values = pc.utf8_trim_whitespace(pc.utf8_normalize(rows.column(mapping.void.column), form="NFKC"))
    is_void = pc.fill_null(pc.is_in(values, pa.array(mapping.void.values, pa.string())), False)
    changes = pc.if_else(is_void, pa.scalar("voided", pa.string()), pa.scalar(None, pa.string()))
    return rows.append_column("_change", changes)
