"""Reads one delivered file into rows of raw tables, refusing what the contract cannot take.

The same for every format: yields (table name, rows) and gathers refusals and counts in a FileReading.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Batch, Batches, Reading
from ingestion.readers.delimited import read_delimited
from ingestion.readers.text_blocks import read_text_blocks
from ingestion.readers.workbook import read_workbook
from ingestion.sources import fhir, hl7v2
from lakehouse.contract import Table
from lakehouse.errors import ContractError
from lakehouse.formats.encoding import decode
from lakehouse.formats.fhir import ResourceError, iter_resources
from lakehouse.formats.hl7v2 import MalformedMessageError, parse_message, split_messages
from lakehouse.ledger import Refusal


@dataclass(slots=True)
class FileReading:
    """What was found in one file."""

    reading: Reading = field(default_factory=Reading)
    received: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, list[Refusal]] = field(default_factory=dict)
    unknown_columns: int = 0
    breach: str | None = None
    """Why the whole file was held, if it was."""

    def receive(self, entity: str, count: int = 1) -> None:
        """Count records of one raw table."""
        self.received[entity] = self.received.get(entity, 0) + count

    def refuse(self, entity: str, row_no: int, reason: str, raw_text: str) -> None:
        """Put one received record into quarantine."""
        self.refusals.setdefault(entity, []).append(Refusal(row_no=row_no, reason=reason, raw_text=raw_text))


def read_file(
    path: Path, mapping: FileMapping, tables: dict[str, Table], result: FileReading
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the acceptable rows of a file as (raw table, columns of text and _src_row_no)."""
    if mapping.reader.format in ("hl7v2", "fhir"):
        yield from _read_standard(path, mapping.reader.format, tables, result)
        return
    table = tables[mapping.entity]
    result.received.setdefault(table.name, 0)
    for batch in _read_batches(path, mapping, result.reading):
        rows = _rows_of(batch, mapping, table, result)
        if rows is not None:
            yield table.name, rows


def _read_batches(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    if mapping.reader.format == "delimited":
        return read_delimited(path, mapping.reader, reading)
    if mapping.reader.format == "workbook":
        return read_workbook(path, mapping.reader, reading)
    return read_text_blocks(path, mapping, reading)


def _rows_of(batch: Batch, mapping: FileMapping, table: Table, result: FileReading) -> pa.Table | None:
    accepted = mapping.accepted_headers()
    position_of: dict[str, int] = {}
    unknown = 0
    for position, name in enumerate(batch.header):
        column = accepted.get(normalise_header(name))
        if column is None:
            unknown += bool(name.strip())
        else:
            position_of.setdefault(column, position)
    result.unknown_columns = unknown
    result.receive(table.name, len(batch.rows) + len(batch.rejected))
    for rejected in batch.rejected:
        result.refuse(table.name, rejected.row_no, rejected.reason, rejected.raw_text)
    absent = [name for name in table.required if name not in position_of and name not in mapping.constants]
    if absent:
        result.breach = f"column {', '.join(absent)} of {table.schema}.{table.name} is missing in a file"
        for row_no, row in zip(batch.row_numbers, batch.rows, strict=True):
            result.refuse(table.name, row_no, "missing_column", "|".join(cell or "" for cell in row))
        return None
    return _complete_rows(batch, mapping, table, position_of, result)


def _complete_rows(
    batch: Batch, mapping: FileMapping, table: Table, position_of: dict[str, int], result: FileReading
) -> pa.Table | None:
    required = [position_of[name] for name in table.required if name in position_of]
    rows, row_numbers = [], []
    for row_no, cells in zip(batch.row_numbers, batch.rows, strict=True):
        if all((cells[position] or "").strip() for position in required):
            rows.append(cells)
            row_numbers.append(row_no)
        else:
            result.refuse(table.name, row_no, "missing_required_value", "|".join(cell or "" for cell in cells))
    if not rows:
        return None
    columns = list(zip(*rows, strict=True))
    arrays = {name: pa.array(columns[position], pa.string()) for name, position in position_of.items()}
    arrays |= {name: pa.array([value] * len(rows), pa.string()) for name, value in mapping.constants.items()}
    return pa.table(arrays | {"_src_row_no": pa.array(row_numbers, pa.int64())})


def _read_standard(
    path: Path, kind: str, tables: dict[str, Table], result: FileReading
) -> Iterator[tuple[str, pa.Table]]:
    """Yield rows of a file of messages or resources; the key is their place in the file."""
    data = path.read_bytes()
    row_no = 0
    result.received.setdefault("message" if kind == "hl7v2" else "resource", 0)
    pending: dict[str, list[dict[str, str | int | None]]] = {}
    for entity, row in _hl7v2_rows(data, result) if kind == "hl7v2" else _fhir_rows(data, result):
        row_no += 1
        table = tables[entity]
        result.receive(entity)
        if not all((row.get(name) or "").strip() for name in table.required):
            result.refuse(entity, row_no, "missing_required_value", "")
            continue
        pending.setdefault(entity, []).append(row | {"_src_row_no": row_no})
    for entity, rows in pending.items():
        names = tables[entity].column_names
        columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
        yield entity, pa.table(columns | {"_src_row_no": pa.array([row["_src_row_no"] for row in rows], pa.int64())})


def _hl7v2_rows(data: bytes, result: FileReading) -> Iterator[tuple[str, dict[str, str | None]]]:
    for number, raw_message in enumerate(split_messages(data), start=1):
        try:
            message = parse_message(raw_message)
        except MalformedMessageError as error:
            result.receive("message")
            result.refuse("message", number, error.reason, decode(raw_message)[0])
            continue
        result.reading.encoding = message.detected.encoding
        result.reading.encoding_confidence = message.detected.confidence
        yield from hl7v2.rows_of_message(message)


def _fhir_rows(data: bytes, result: FileReading) -> Iterator[tuple[str, dict[str, str | None]]]:
    result.reading.encoding, result.reading.encoding_confidence = "utf-8", 1.0
    try:
        for resource in iter_resources(data):
            rows = list(fhir.rows_of_resource(resource))
            if not rows:
                result.reading.drop("resource_not_needed")
            yield from rows
    except ResourceError as error:
        for place, reason in error.refusals or ((0, error.reason),):
            result.receive("resource")
            result.refuse("resource", place, reason, "")


def hold_unreadable(entity: str, result: FileReading, error: OSError | ContractError) -> None:
    """Account for a file that could not be read at all as one refused record."""
    result.received = {entity: 1}
    result.refusals = {}
    reason = "file_unreadable" if isinstance(error, OSError) else "file_not_of_its_format"
    result.refuse(entity, 0, reason, "")
    result.breach = f"a file for {entity} cannot be read ({type(error).__name__})"
