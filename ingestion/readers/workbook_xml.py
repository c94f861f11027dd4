"""Reads the sheets of a spreadsheet in XML as Excel 2002 and 2003 wrote it, and many report servers still do."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ingestion.readers import Reading
from ingestion.readers.sheet_rows import SheetRow
from ingestion.readers.workbook_xlsx import EPOCH_1900, MAXIMUM_COLUMNS, Sheet, number_text, row_number
from ingestion.readers.xml_text import xml_chunks
from lakehouse.formats.document_text_xml import local_name

_PREFIX = "{urn:schemas-microsoft-com:office:spreadsheet}"


def spreadsheet_sheets(path: Path, reading: Reading) -> list[Sheet]:
    """Return the sheets of the file; their rows are read one after the other in one go through the file."""
    names: list[tuple[str, bool]] = []
    for element in _elements(path, Reading(), "Worksheet"):
        # the element Visible of the sheet's options stands only where the sheet is hidden
        is_hidden = any(local_name(child) == "Visible" for child in element.iter())
        names.append((element.get(f"{_PREFIX}Name") or f"Sheet{len(names) + 1}", is_hidden))
        element.clear()
    return [
        Sheet(
            name=name,
            is_hidden=is_hidden,
            rows=functools.partial(_rows, path, reading, number),
        )
        for number, (name, is_hidden) in enumerate(names)
    ]


def _elements(path: Path, reading: Reading, *tags: str) -> Iterator[Any]:
    pull = etree.XMLPullParser(
        events=("end",),
        tag=[f"{{*}}{tag}" for tag in (*tags, "Row")],
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
    )
    for chunk in xml_chunks(path, "auto", reading):
        pull.feed(chunk.encode("utf-8", "replace"))
        for _, element in pull.read_events():
            if local_name(element) in tags:
                yield element
            elif "Row" not in tags:
                element.clear()


def _rows(path: Path, reading: Reading, sheet: int) -> Iterator[SheetRow]:
    number, current, row = sheet, 0, 0
    for element in _elements(path, reading, "Row", "Worksheet"):
        if local_name(element) == "Worksheet":
            current += 1
            element.clear()
            if current > sheet:
                return
        elif current == sheet:
            stated = element.get(f"{_PREFIX}Index", "")
            row = max(row + 1, int(stated)) if stated.isdigit() and len(stated) < 10 else row + 1
            yield row_number(number, row), _cells(element)
            element.clear()
        else:
            element.clear()


def _cells(row: Any) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if local_name(cell) != "Cell":
            continue
        stated = cell.get(f"{_PREFIX}Index", "")
        place = int(stated) - 1 if stated.isdigit() and len(stated) < 6 else len(cells)
        if place >= MAXIMUM_COLUMNS:
            continue
        cells.extend([""] * (place - len(cells)))
        cells.append(_value(cell))
        merged = cell.get(f"{_PREFIX}MergeAcross", "")
        if merged.isdigit() and int(merged) < MAXIMUM_COLUMNS:
            cells.extend([""] * int(merged))
    return cells


def _value(cell: Any) -> str:
    data = next((child for child in cell if local_name(child) == "Data"), None)
    if data is None:
        return ""
    text = "".join(data.itertext())
    kind = data.get(f"{_PREFIX}Type")
    if kind == "Number":
        return number_text(text, "", EPOCH_1900)
    if kind == "DateTime":
        instant = text.split(".")[0].replace("T", " ")
        return instant.removesuffix(" 00:00:00")
    return text
