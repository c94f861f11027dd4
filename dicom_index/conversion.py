"""Turns the text of DICOM attributes into the typed columns of a contract."""

import base64
import functools
import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import pyarrow as pa

from lakehouse.contract import Table, read_table
from lakehouse.errors import ContractError
from lakehouse.formats.dicom import Header, is_keyword

_INTEGER_BITS = {"integer": 31, "bigint": 63}
_ARROW_TYPES = {
    "varchar": pa.string(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "ubigint": pa.uint64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
}
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})|(\d{4})\.(\d{2})\.(\d{2})")
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?")


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a raw table."""
    return pa.schema([(column.name, _ARROW_TYPES[column.data_type]) for column in table.columns])


@functools.cache
def indexed_columns() -> tuple[tuple[str, str, str], ...]:
    """Return column, keyword and type of each attribute that the contract of `instance` names.

    Raises ContractError for a keyword that DICOM does not have, or a type that no attribute is converted to.
    """
    columns = []
    for column in read_table("dicom", "instance").columns:
        keyword = column.meta.get("dicom")
        if keyword is None:
            continue
        if not is_keyword(keyword) or column.data_type not in _CONVERTERS:
            raise ContractError(f"dicom.instance.{column.name}: {keyword} as {column.data_type} cannot be indexed")
        columns.append((column.name, str(keyword), column.data_type))
    return tuple(columns)


def convert_header(header: Header) -> dict[str, Any]:
    """Return the columns of `instance` that a header fills."""
    row: dict[str, Any] = {}
    unconverted: dict[str, str] = {}
    for name, keyword, data_type in indexed_columns():
        text = header.attributes.get(keyword)
        if not text:
            continue
        value = convert_text(text, data_type)
        if value is None:
            unconverted[name] = text
        else:
            row[name] = value
    name_bytes = header.patient_name_bytes
    return row | {
        "declared_character_set": header.character_set.declared,
        "detected_character_set": header.character_set.detected,
        "is_character_set_repaired": header.character_set.is_repaired,
        "character_set_confidence": header.character_set.confidence,
        "patient_name_bytes": None if name_bytes is None else base64.b64encode(name_bytes).decode("ascii"),
        "patient_name_decoded": header.attributes.get("PatientName"),
        "has_pixel_data": header.has_pixel_data,
        "expected_pixel_bytes": _fit_integer(header.expected_pixel_bytes),
        "is_truncated": header.is_truncated,
        "private_attributes": _to_json(header.private),
        "unconverted_attributes": _to_json(unconverted),
        "reader": header.reader,
        "reader_version": header.reader_version,
    }


def convert_text(text: str, data_type: str) -> Any:
    """Return a DICOM value as a value of a column, or None when it does not fit (PS3.5 6.2)."""
    try:
        return _CONVERTERS[data_type](text)
    except ValueError:
        return None


def make_table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as one Arrow table; a column that a row lacks is null."""
    return pa.Table.from_arrays(
        [pa.array([row.get(field.name) for row in rows], type=field.type) for field in schema], schema=schema
    )


def _fit_integer(value: int | None) -> int | None:
    return value if value is not None and value < 2**63 else None


def _to_json(values: dict[str, str]) -> str | None:
    return json.dumps(values, ensure_ascii=False, sort_keys=True) if values else None


def _to_varchar(text: str) -> str:
    # a lone surrogate cannot be stored; nothing decodes to one but damaged UTF-16 lookalikes
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _to_integer(text: str, bits: int) -> int:
    value = int(text) if text.lstrip("+-").isdigit() else _to_double(text)
    if value != int(value) or not -(2**bits) <= value < 2**bits:
        raise ValueError
    return int(value)


def _to_double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise ValueError
    return value


def _to_date(text: str) -> date:
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError
    year, month, day = (int(part) for part in found.groups() if part is not None)
    return date(year, month, day)


def _to_time(text: str) -> time:
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError
    hour, minute, second, fraction = found.groups()
    return time(int(hour), int(minute or 0), int(second or 0), int((fraction or "0").ljust(6, "0")))


_CONVERTERS: dict[str, Callable[[str], str | int | float | date | time | datetime]] = {
    "varchar": _to_varchar,
    "integer": lambda text: _to_integer(text, _INTEGER_BITS["integer"]),
    "bigint": lambda text: _to_integer(text, _INTEGER_BITS["bigint"]),
    "double": _to_double,
    "date": _to_date,
    "time": _to_time,
}
