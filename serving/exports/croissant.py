"""Writes the data card of one disease as Croissant 1.0 JSON-LD: files with checksums, tables with typed fields.

Vocabulary: http://mlcommons.org/croissant/1.0 (MLCommons), on schema.org.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.exports.fields import ExportField, ExportTable

MEDIA_TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".sav": "application/x-spss-sav",
    ".dta": "application/x-stata-dta",
}
_CONTEXT: dict[str, Any] = {
    "@language": "zh",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "recordSet": "cr:recordSet",
    "field": "cr:field",
    "key": "cr:key",
    "source": "cr:source",
    "extract": "cr:extract",
    "column": "cr:column",
    "fileObject": "cr:fileObject",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}
_DATA_TYPES = {
    "boolean": "sc:Boolean", "smallint": "sc:Integer", "integer": "sc:Integer", "bigint": "sc:Integer",
    "double": "sc:Float", "float": "sc:Float", "date": "sc:Date", "timestamp": "sc:DateTime",
}  # fmt: skip


def write_croissant(
    tables: Sequence[ExportTable], files: Sequence[Path], target: Path, *, release: str, synthetic: bool
) -> None:
    """Write the card of the tables of one disease; `files` are those of the release it lists, Parquet among them."""
    disease = tables[0].disease
    origin = "synthetic patients 合成患者" if synthetic else "pseudonymous patients 假名化患者"
    card = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": disease,
        "description": f"Dataset {disease} of release {release}: {origin}, {len(tables)} tables.",
        "version": release,
        "distribution": [_file(path, target.parent) for path in sorted(files)],
        "recordSet": [_record_set(table, target.parent) for table in tables],
    }
    target.write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _file(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": path.name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": MEDIA_TYPES[path.suffix],
        "sha256": digest,
    }


def _record_set(table: ExportTable, folder: Path) -> dict[str, Any]:
    released = {field.name for field in table.fields}
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "key": [{"@id": f"{table.name}/{name}"} for name in table.grain if name in released],
        "field": [_field(table, field, table.parquet.relative_to(folder).as_posix()) for field in table.fields],
    }


def _field(table: ExportTable, field: ExportField, file: str) -> dict[str, Any]:
    codes = "; ".join(f"{code}={label}" for code, label in field.codes)
    parts = [f"{field.label}: {field.description}", codes]
    return {
        "@type": "cr:Field",
        "@id": f"{table.name}/{field.name}",
        "name": field.name,
        "description": " ".join(part for part in parts if part),
        "dataType": _DATA_TYPES.get(field.data_type, "sc:Text"),
        "source": {"fileObject": {"@id": file}, "extract": {"column": field.name}},
    }
