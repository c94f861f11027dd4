"""Reads workbooks: XLSX row by row, XLS and ODS with calamine; and what is only called a workbook for what it is.

Which sheets: without `sheet:` the first visible one that has accepted names in its header, and every further visible
one that fills the same columns; `sheet: NAME` that one, hidden or not; `sheet: "*"` all that fill the required columns.
A file named .xls that holds HTML, delimited text or a spreadsheet in XML (2003) is met often, and is read as that.
"""

import errno
import functools
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import python_calamine
from lxml import etree

from ingestion.mapping import FileMapping
from ingestion.readers import Batches, HeldFileError, Reading
from ingestion.readers.sheet_rows import SheetRow, SheetRows
from ingestion.readers.workbook_xlsx import (
    BROKEN,
    EPOCH_1900,
    Sheet,
    XlsxWorkbook,
    check_archive,
    number_text,
    row_number,
)
from lakehouse.formats.encoding import decode

MAXIMUM_BYTES = 512 * 1024**2
"""Of a workbook of the old form, which is read as a whole."""
_MAXIMUM_CELLS = 20_000_000
"""Of a sheet that is read as a whole."""
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_REPEATED = re.compile(r"\}number-(?:rows|columns)-repeated$")


def read_workbook(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a workbook, in batches.

    Raises HeldFileError when the file is no workbook, is encrypted, or would unpack to more than is allowed.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith(b"PK"):
        check_archive(path)
        reading.encoding, reading.encoding_confidence = "utf-8", 1.0
        yield from _read_archive(path, mapping, reading)
    elif start.startswith(_COMPOUND_FILE) or start[:2] in (b"\x09\x08", b"\x09\x04", b"\x09\x02"):
        reading.encoding, reading.encoding_confidence = "utf-8", 1.0
        yield from _read_sheets(_calamine_sheets(path), mapping, reading)
    else:
        yield from _read_disguised(path, start, mapping, reading)


def _read_archive(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    with zipfile.ZipFile(path) as archive:
        names = {name.lower().lstrip("/") for name in archive.namelist()}
        if "xl/workbook.xml" in names:
            try:
                sheets = XlsxWorkbook(archive, reading).sheets
            except BROKEN as error:
                raise HeldFileError("file_not_of_its_format") from error
            except OSError as error:
                # a directory of the archive that points before the start of the file
                if error.errno != errno.EINVAL:
                    raise
                raise HeldFileError("file_not_of_its_format") from error
            yield from _read_sheets(sheets, mapping, reading)
            return
        if "content.xml" in names:
            _check_repetitions(archive)
        elif "xl/workbook.bin" not in names:
            raise HeldFileError("file_not_of_its_format")
    yield from _read_sheets(_calamine_sheets(path), mapping, reading)


def _read_sheets(sheets: list[Sheet], mapping: FileMapping, reading: Reading) -> Batches:
    reader = SheetRows(mapping, reading)
    wanted = mapping.reader.sheet
    chosen: set[str] | None = None
    if wanted not in (None, "*") and all(sheet.name != wanted for sheet in sheets):
        raise HeldFileError("sheet_missing")
    for position, sheet in enumerate(sheets):
        if wanted not in (None, "*") and sheet.name != wanted:
            continue
        if wanted is None and sheet.is_hidden:
            continue
        rows = sheet.rows()
        try:
            found = reader.find_header(rows)
            fills = reader.accepts(found[1] or ())
            is_last_chance = chosen is None and position == len(sheets) - 1
            if wanted is None and not is_last_chance and (not fills if chosen is None else fills != chosen):
                reading.drop("sheet_of_other_columns")
                continue
            if wanted == "*" and not fills and len(sheets) > 1:
                reading.drop("sheet_of_other_columns")
                continue
            if fills or chosen is None:
                chosen = fills or None
                yield from reader.batches(rows, found=found)
        except (*BROKEN, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            # what was read of the sheet may be half of it
            reading.held = "truncated_file"
            return


def _calamine_sheets(path: Path) -> list[Sheet]:
    if path.stat().st_size > MAXIMUM_BYTES:
        raise HeldFileError("file_too_large")
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        about = {entry.name: entry for entry in workbook.sheets_metadata}
    except python_calamine.PasswordError as error:
        raise HeldFileError("file_encrypted") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise HeldFileError("file_encrypted" if _is_encrypted(path) else "file_not_of_its_format") from error

    def rows(name: str, number: int) -> Iterator[SheetRow]:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.total_height * sheet.total_width > _MAXIMUM_CELLS * 4:
            raise HeldFileError("file_too_large")
        first_row = (sheet.start or (0, 0))[0] + 1
        for row, cells in enumerate(sheet.iter_rows(), start=first_row):
            yield row_number(number, row), [as_text(cell) for cell in cells]

    visible = python_calamine.SheetVisibleEnum.Visible
    return [
        Sheet(
            name=name,
            is_hidden=name in about and about[name].visible != visible,
            rows=functools.partial(rows, name, number),
        )
        for number, name in enumerate(workbook.sheet_names)
    ]


def _is_encrypted(path: Path) -> bool:
    """Return whether a compound file holds an encrypted package (MS-OFFCRYPTO 2.3)."""
    with path.open("rb") as file:
        start = file.read(1 << 20)
    return "EncryptedPackage".encode("utf-16-le") in start or "EncryptionInfo".encode("utf-16-le") in start


def _check_repetitions(archive: zipfile.ZipFile) -> None:
    """Refuse an ODS whose repeated rows and cells would be more than is allowed.

    A cell that repeats up to the edge of the sheet is empty in every table that is not hostile.
    """
    cells, in_row = 0, 0
    try:
        with archive.open("content.xml") as file:
            tags = ["{*}table-cell", "{*}table-row"]
            for _, element in etree.iterparse(file, events=("end",), tag=tags, resolve_entities=False, no_network=True):
                stated = next((value for name, value in element.attrib.items() if _REPEATED.search(name)), "1")
                repeated = min(int(stated), 1 << 24) if stated.isdigit() and len(stated) < 10 else 1
                if str(element.tag).endswith("}table-cell"):
                    in_row += repeated if len(element) or any("value" in name for name in element.attrib) else 0
                else:
                    cells, in_row = cells + in_row * repeated, 0
                    element.clear()
                if cells + in_row > _MAXIMUM_CELLS:
                    raise HeldFileError("file_too_large")
    except BROKEN as error:
        raise HeldFileError("file_not_of_its_format") from error


def _read_disguised(path: Path, start: bytes, mapping: FileMapping, reading: Reading) -> Batches:
    """Read HTML, XML or delimited text that calls itself a workbook."""
    text = decode(start)[0].lstrip()
    lower = text.lower()
    if not text.strip("\x00 \r\n\t") or "\x00" in text:
        raise HeldFileError("file_not_of_its_format")
    if "urn:schemas-microsoft-com:office:spreadsheet" in lower or "<workbook" in lower[:2000]:
        from ingestion.readers.workbook_xml import spreadsheet_sheets

        yield from _read_sheets(spreadsheet_sheets(path, reading), mapping, reading)
    elif lower.startswith("<") and ("<table" in lower or "<html" in lower or "<tr" in lower):
        from ingestion.readers.html_tables import read_html

        yield from read_html(path, mapping, reading)
    else:
        yield from _read_text(path, text, mapping, reading)


def _read_text(path: Path, text: str, mapping: FileMapping, reading: Reading) -> Batches:
    from ingestion.readers import delimited

    lines = [line for line in text.splitlines()[:-1] or text.splitlines() if line.strip()][:20]
    counts = {mark: sorted(line.count(mark) for line in lines) for mark in ("\t", ",", "|", ";")}
    delimiter = max(counts, key=lambda mark: counts[mark][len(counts[mark]) // 2] if lines else 0)
    layout = mapping.reader.model_copy(update={"format": "delimited", "delimiter": delimiter})
    yield from delimited.read_delimited(path, mapping.model_copy(update={"reader": layout}), reading)


def as_text(cell: object) -> str:
    """Return a cell as a spreadsheet shows it: whole numbers without a point, instants in ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float | int):
        return number_text(repr(cell), "", EPOCH_1900)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)
