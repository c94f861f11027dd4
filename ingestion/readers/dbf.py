"""Reads DBF tables (dBase III to V, FoxPro, Visual FoxPro) with their memo files, as old hospital systems export them.

The records are read as a matrix of bytes, column by column. Which encoding the text is in is decided on the bytes: the
code page in the header is a claim that often does not hold. Deleted records are counted and left out. A table that
tells of more records than it has was cut off.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ingestion.mapping import FileMapping
from ingestion.readers import Batch, Batches, HeldFileError, Reading
from ingestion.readers.cells import decode_cells
from ingestion.readers.dbf_memo import MemoFile, open_memo
from lakehouse.formats.encoding import detect_encoding, python_encoding

_ROWS_AT_ONCE = 50_000
_SAMPLE_BYTES = 1 << 22
_CODE_PAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x4D: "gb18030", 0x4F: "big5", 0x57: "cp1252", 0x58: "cp1252",
    0x78: "big5", 0x7A: "gb18030", 0x13: "cp932", 0x7B: "cp932",
}  # fmt: skip
_VERSIONS = frozenset(
    {0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x87, 0x8B, 0x8C, 0x8E, 0xCB, 0xE5, 0xF5, 0xFB}
)
_KINDS = frozenset("CNFDLMIBYTGPWVQO@+0")
_JULIAN_OF_EPOCH = 2_440_588
Matrix = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Field:
    name: str
    kind: str
    start: int
    length: int
    decimals: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    version: int
    record_count: int
    header_length: int
    record_length: int
    code_page: int
    fields: tuple[_Field, ...]


def read_dbf(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a DBF table in batches; the number of a record is its place in the table.

    Raises HeldFileError when the file is no DBF table.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = _read_head(file, size, reading)
        encoding = _settle_encoding(file, head, mapping.reader.encoding, reading)
        shown = tuple(field for field in head.fields if field.kind != "0")
        header = tuple(field.name for field in shown)
        with open_memo(path, head.version) as memo:
            for first, matrix in _matrices(file, head, size):
                is_deleted = matrix[:, 0] == ord("*")
                for place in np.flatnonzero(is_deleted).tolist():
                    reading.drop("row_deleted", first + place)
                matrix = matrix[~is_deleted]
                numbers = np.flatnonzero(~is_deleted) + first
                columns = [_column(matrix, field, encoding, memo, numbers, reading) for field in shown]
                yield Batch(header=header, columns=columns, row_numbers=pa.array(numbers, pa.int64()))
    if not head.record_count:
        yield Batch(header=header)


def _read_head(file: BinaryIO, size: int, reading: Reading) -> _Head:
    start = file.read(32)
    if len(start) < 32:
        raise HeldFileError("file_not_of_its_format")
    version, count, header_length, record_length = struct.unpack("<B3xIHH", start[:12])
    descriptors = file.read(max(header_length - 32, 0))
    fields: list[_Field] = []
    place = 1
    encoding = detect_encoding(
        b"".join(descriptors[i : i + 11].split(b"\0")[0] for i in range(0, len(descriptors), 32))
    )
    for offset in range(0, len(descriptors) - 31, 32):
        entry = descriptors[offset : offset + 32]
        if entry[0] in (0x0D, 0x00):
            break
        kind = chr(entry[11])
        # a text longer than 255 bytes has the upper half of its length where numbers have their decimals
        length = entry[16] + (entry[17] << 8 if kind == "C" else 0)
        name = entry[:11].split(b"\0")[0].decode(encoding.encoding, "replace").strip()
        fields.append(_Field(name=name, kind=kind, start=place, length=length, decimals=entry[17]))
        place += length
    is_sound = fields and version in _VERSIONS and 0 < place <= record_length + 1 and header_length > 32
    if not is_sound or any(field.kind not in _KINDS for field in fields):
        raise HeldFileError("file_not_of_its_format")
    stored = max(size - header_length, 0) // record_length
    if count > stored:
        reading.held = "truncated_file"
        reading.find("truncated_file")
    return _Head(
        version=version,
        record_count=min(count, stored),
        header_length=header_length,
        record_length=record_length,
        code_page=start[29],
        fields=tuple(fields),
    )


def _settle_encoding(file: BinaryIO, head: _Head, forced: str, reading: Reading) -> str:
    """Decide the encoding on the bytes of the text columns, and compare it with what the header claims."""
    claimed = _CODE_PAGES.get(head.code_page)
    if forced != "auto":
        reading.encoding, reading.encoding_confidence = python_encoding(forced), 1.0
        return reading.encoding
    file.seek(head.header_length)
    rows = min(max(_SAMPLE_BYTES // head.record_length, 1), head.record_count)
    matrix = np.frombuffer(file.read(rows * head.record_length), np.uint8)
    matrix = matrix[: len(matrix) // head.record_length * head.record_length].reshape(-1, head.record_length)
    texts = [
        np.pad(matrix[:, field.start : field.start + field.length], ((0, 0), (0, 1)), constant_values=10).tobytes()
        for field in head.fields
        if field.kind in "CM" and field.length
    ]
    detected = detect_encoding(b"".join(texts).replace(b"\0", b" "))
    if detected.is_ascii:
        reading.encoding, reading.encoding_confidence = claimed or "gb18030", 1.0 if claimed else 0.9
    else:
        reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
        if claimed and claimed != detected.encoding:
            reading.find("encoding_mismatch")
    return reading.encoding


def _matrices(file: BinaryIO, head: _Head, size: int) -> Iterator[tuple[int, Matrix]]:
    """Yield the number of the first record and the records as rows of bytes."""
    file.seek(head.header_length)
    rows_at_once = max(1, min(_ROWS_AT_ONCE, (1 << 25) // head.record_length))
    done = 0
    while done < head.record_count:
        rows = min(rows_at_once, head.record_count - done)
        data = file.read(rows * head.record_length)
        rows = len(data) // head.record_length
        if not rows:
            return
        yield done + 1, np.frombuffer(data[: rows * head.record_length], np.uint8).reshape(rows, head.record_length)
        done += rows


def _column(
    matrix: Matrix, field: _Field, encoding: str, memo: MemoFile | None, numbers: Any, reading: Reading
) -> pa.Array:
    cells = np.ascontiguousarray(matrix[:, field.start : field.start + field.length])
    kind = field.kind
    if kind == "I" and field.length == 4:
        return _texts(str(value) for value in cells.view("<i4")[:, 0].tolist())
    if kind == "Y" and field.length == 8:
        return _texts(_decimal(value) for value in cells.view("<i8")[:, 0].tolist())
    if kind in "BO" and field.length == 8:
        return _texts(_number(value) for value in cells.view("<f8")[:, 0].tolist())
    if kind in "T@" and field.length == 8:
        return _texts(_instant(days, parts) for days, parts in cells.view("<i4").tolist())
    if kind in "MGPW":
        return _texts("" if memo is None else memo.text(cell, encoding) for cell in _as_bytes(cells))
    texts, cut = decode_cells(cells, encoding)
    for place in cut:
        reading.find("truncated_text", int(numbers[place]), field.name)
    if kind == "D":
        return _texts(_date(text) for text in texts.to_pylist())
    if kind in "NF":
        for place, text in enumerate(texts.to_pylist()):
            if "*" in text:
                # the number did not fit its column when it was written
                reading.find("value_unparseable", int(numbers[place]), field.name, before=text)
    if kind == "L":
        return _texts(text.replace("?", "") for text in texts.to_pylist())
    return texts


def _as_bytes(cells: Matrix) -> list[bytes]:
    return [row.tobytes() for row in cells]


def _texts(values: Iterator[str]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _decimal(value: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value) // 10_000}.{abs(value) % 10_000:04d}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() and text.isascii() else text


def _instant(days: int, milliseconds: int) -> str:
    """Return day and time of a Julian day number and milliseconds since midnight."""
    if days <= 0:
        return ""
    seconds = np.datetime64(days - _JULIAN_OF_EPOCH, "D") + np.timedelta64(round(milliseconds / 1000), "s")
    return str(seconds).replace("T", " ")
