"""Checks what a mapping says against the contract of its source and against itself."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from ingestion.mapping_document import Document, Place, meant
from ingestion.naming import normalise_header
from lakehouse.contract import Table, read_contract, source_names

if TYPE_CHECKING:
    from ingestion.mapping import FileMapping, SourceMapping

STANDARD_FORMATS = ("hl7v2", "fhir")
"""Formats that are their own mapping: no columns are named."""


def check_contract(document: Document, mapping: SourceMapping) -> list[str]:
    """Return what does not agree with the contract, each with its line and remedy; nothing when all does."""
    known = [source for source in source_names() if any(table.is_delivered for table in read_contract(source).values())]
    if mapping.source not in known:
        return [document.problem(("source",), f"there is no source {mapping.source!r}; {meant(mapping.source, known)}")]
    tables = read_contract(mapping.source)
    problems = []
    for position, file_mapping in enumerate(mapping.files):
        place: Place = ("files", position)
        problems += _check_layout(document, place, file_mapping)
        if file_mapping.reader.format in STANDARD_FORMATS:
            continue
        table = tables.get(file_mapping.entity)
        if table is None:
            message = (
                f"source {mapping.source} has no table {file_mapping.entity!r}; {meant(file_mapping.entity, tables)}"
            )
            problems.append(document.problem((*place, "entity"), message))
        else:
            problems += _check_columns(document, place, file_mapping, table)
    return problems


def _check_layout(document: Document, place: Place, file_mapping: FileMapping) -> list[str]:
    reader, problems = file_mapping.reader, []
    if PurePath(file_mapping.match).is_absolute() or ".." in PurePath(file_mapping.match).parts:
        message = 'is a path; write a glob below the folder of deliveries, such as "**/V_BRXX*.txt"'
        problems.append(document.problem((*place, "match"), message))
    if reader.encoding != "auto":
        try:
            codecs.lookup(reader.encoding)
        except LookupError:
            message = f"encoding {reader.encoding!r} is unknown; write auto, utf-8, gb18030 or utf-16"
            problems.append(document.problem((*place, "reader", "encoding"), message))
    needs = {"fixed_width": ("widths", reader.widths), "database": ("url", reader.url)}.get(reader.format)
    if needs and not needs[1]:
        problems.append(document.problem((*place, "reader"), f"format {reader.format} needs {needs[0]}: add it"))
    try:
        re.compile(reader.file_name or "")
    except re.error as error:
        message = f"no regular expression ({error.msg} at character {error.pos}): correct it"
        problems.append(document.problem((*place, "reader", "file_name"), message))
    if reader.url and not reader.url.startswith("env:") and re.search(r"://[^/@:]+:[^/@]+@", reader.url):
        message = "holds a password; put the address into an environment variable and write env:NAME"
        problems.append(document.problem((*place, "reader", "url"), message))
    return problems


def _check_columns(document: Document, place: Place, file_mapping: FileMapping, table: Table) -> list[str]:
    problems = []
    named: list[tuple[Place, str]] = [
        ((*place, part, name), name)
        for part in ("columns", "constants", "codes", "date_formats")
        for name in getattr(file_mapping, part)
    ]
    if file_mapping.void:
        named.append(((*place, "void", "column"), file_mapping.void.column))
    for where, name in named:
        if name not in table.column_names:
            message = f"raw_{table.source}.{table.name} has no column {name!r}; {meant(name, table.column_names)}"
            problems.append(document.problem(where, message))
    missing = [
        name for name in table.required if name not in file_mapping.columns and name not in file_mapping.constants
    ]
    for name in missing:
        label = next(column.label_zh for column in table.columns if column.name == name)
        message = f"required column {name} ({label}) has no mapping: add `{name}: HEADER` here, or a constant"
        problems.append(document.problem((*place, "columns"), message))
    if file_mapping.void and file_mapping.void.column not in file_mapping.columns:
        message = f"column {file_mapping.void.column} is not under columns: map it, so that its values are read"
        problems.append(document.problem((*place, "void", "column"), message))
    headers: dict[str, str] = {}
    for column, names in file_mapping.columns.items():
        for name in names:
            other = headers.setdefault(normalise_header(name), column)
            if other != column:
                message = f"header {name!r} is also accepted for {other}: leave it to one of them"
                problems.append(document.problem((*place, "columns", column), message))
    return problems
