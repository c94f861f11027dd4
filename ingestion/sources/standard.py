"""Reads a file of HL7 v2 messages or FHIR resources into rows of raw tables, in bounded memory whatever its size.

Every row and every refused message has a number of its own in the file. A row that says that its record was taken back
(cancelled, entered in error, deleted) carries it in `_change`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from ingestion.readers import Reading, Rejected
from ingestion.sources import Row, fhir, hl7v2
from lakehouse.contract import Table
from lakehouse.formats.encoding import decode, detect_file_encoding
from lakehouse.formats.fhir_stream import read_resources
from lakehouse.formats.hl7v2 import MalformedMessageError, iter_messages, parse_message

ROWS_PER_TABLE = 20_000
_MAXIMUM_RAW_TEXT = 1_000_000
_KEPT_TEXT = 200_000

Event = tuple[str, Row | Rejected]
"""Raw table, and a row of it or what was refused instead."""


class Account(Protocol):
    """Where received rows are counted and refused ones go."""

    reading: Reading
    received: dict[str, int]

    def receive(self, entity: str, count: int = 1) -> None:
        """Count records of one raw table."""

    def refuse(self, entity: str, row_no: int, reason: str, raw_text: str) -> None:
        """Put one received record into quarantine."""


def read_standard(path: Path, kind: str, tables: dict[str, Table], account: Account) -> Iterator[tuple[str, pa.Table]]:
    """Yield (raw table, rows with _src_row_no and _change) of a file of `hl7v2` messages or `fhir` resources.

    Raises OSError when the file cannot be read.
    """
    account.received.setdefault("message" if kind == "hl7v2" else "resource", 0)
    events = _hl7v2_events(path, account.reading) if kind == "hl7v2" else _fhir_events(path, account.reading)
    pending: dict[str, list[Row]] = {}
    numbers: dict[str, list[int]] = {}
    waiting = 0
    for row_no, (entity, row) in enumerate(events, start=1):
        account.receive(entity)
        if isinstance(row, Rejected):
            account.refuse(entity, row_no, row.reason, row.raw_text)
            continue
        if not all((row.get(name) or "").strip() for name in tables[entity].required):
            account.refuse(entity, row_no, "missing_required_value", json.dumps(row, ensure_ascii=False)[:_KEPT_TEXT])
            continue
        pending.setdefault(entity, []).append(row)
        numbers.setdefault(entity, []).append(row_no)
        waiting += 1
        if waiting >= ROWS_PER_TABLE:
            for name in pending:
                yield name, _table(pending[name], numbers[name], tables[name])
            pending, numbers, waiting = {}, {}, 0
    for name in pending:
        yield name, _table(pending[name], numbers[name], tables[name])


def _table(rows: list[Row], numbers: list[int], table: Table) -> pa.Table:
    names = (*table.column_names, "_change")
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return pa.table(columns | {"_src_row_no": pa.array(numbers, pa.int64())})


def _hl7v2_events(path: Path, reading: Reading) -> Iterator[Event]:
    told: set[str] = set()
    with path.open("rb") as file:
        for raw_message in iter_messages(file):
            try:
                message = parse_message(raw_message)
            except MalformedMessageError as error:
                text = decode(raw_message[:_MAXIMUM_RAW_TEXT])[0][:_KEPT_TEXT]
                yield "message", Rejected(row_no=0, reason=error.reason, raw_text=text)
                continue
            if reading.encoding is None or not message.detected.is_ascii:
                reading.encoding, reading.encoding_confidence = message.detected.encoding, message.detected.confidence
            if message.has_other_encoding and message.detected.encoding not in told:
                told.add(message.detected.encoding)
                reading.find("encoding_mismatch")
            yield from hl7v2.rows_of_message(message)


def _fhir_events(path: Path, reading: Reading) -> Iterator[Event]:
    detected = detect_file_encoding(path)
    reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
    for item in read_resources(path, detected.encoding):
        if item.reason:
            yield "resource", Rejected(row_no=0, reason=item.reason, raw_text=item.text)
            continue
        has_rows = False
        for event in fhir.rows_of_resource(item.value):
            has_rows = True
            yield event
        if not has_rows:
            reading.drop("resource_not_needed")
