"""Reads the items of a DICOM modality worklist: a dataset a file (.wl, .dcm), or DICOM JSON (PS3.18 F) in any number.

Columns are named by keyword: `PatientID`, `AccessionNumber`; within sequences by the path,
`ScheduledProcedureStepSequence.Modality`, or by its last keyword when the dataset has it nowhere else.
"""

from collections.abc import Iterator
from pathlib import Path

from ingestion.mapping import FileMapping
from ingestion.readers import Batches, HeldFileError, Reading, Rejected
from ingestion.readers.named_records import NamedRecord, batches_of
from ingestion.readers.pieces import settle_encoding
from ingestion.readers.xml_values import Wanted
from lakehouse.formats.dicom_dataset import MAXIMUM_BYTES, parse_dataset, values_of_json
from lakehouse.formats.json_stream import BrokenItemError, Item, JsonStream, make_decoder


def read_worklist(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the worklist items of a file in batches.

    Raises HeldFileError when a dataset is larger than any worklist item.
    """
    yield from batches_of(_records(path, mapping, reading), mapping)


def _records(path: Path, mapping: FileMapping, reading: Reading) -> Iterator[NamedRecord | Rejected]:
    wanted = Wanted(mapping.source_names())
    with path.open("rb") as file:
        start = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"[", b"{"):
        for item in _json_items(path, mapping, reading):
            values = values_of_json(item.value) if item.reason is None else {}
            if values:
                yield item.number, _named(values, wanted)
            else:
                yield Rejected(row_no=item.number, reason=item.reason or "not_a_dataset", raw_text=item.text)
        return
    if path.stat().st_size > MAXIMUM_BYTES:
        raise HeldFileError("file_too_large")
    reading.encoding, reading.encoding_confidence = "utf-8", 1.0
    dataset = parse_dataset(path.read_bytes())
    if dataset is None:
        yield Rejected(row_no=1, reason="not_a_dataset", raw_text="")
    else:
        yield 1, _named(dataset, wanted)


def _json_items(path: Path, mapping: FileMapping, reading: Reading) -> Iterator[Item]:
    encoding = settle_encoding(path, mapping.reader.encoding, reading)
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, make_decoder(str, str))
        if stream.peek() == "[":
            yield from stream.items_of_list()
        else:
            # objects one after the other, a line each or not
            number = 0
            while stream.peek():
                number += 1
                try:
                    yield Item(number=number, value=stream.value())
                except BrokenItemError as error:
                    yield Item(number=number, reason=error.reason, text=stream.pass_over())
        if stream.is_cut:
            reading.held = "truncated_file"
            reading.find("truncated_file")


def _named(values: dict[str, str], wanted: Wanted) -> dict[str, str | None]:
    """Return the values by the names the mapping uses: the whole path, or its last keyword."""
    out: dict[str, str | None] = {}
    for path, value in values.items():
        last = path.rpartition(".")[2]
        is_short = not wanted.has(path) and last not in values and wanted.has(last)
        out.setdefault(last if is_short else path, value)
    return out
