"""Reads the sheets of an XLSX workbook row by row, in bounded memory, as a spreadsheet shows them.

ECMA-376 part 1, chapter 18. Only what a hospital's tables need: shared and inline strings, numbers, dates by the format
of the cell in the 1900 or 1904 system, truth values, errors, the value a formula had when it was saved. A formula that
was never calculated and an error have no value and are findings.

A hostile workbook is refused before it is unpacked: by the sizes its archive states, and again by what really comes.
"""

import functools
import posixpath
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from lxml import etree

from ingestion.readers import HeldFileError, Reading
from ingestion.readers.sheet_rows import PLACE, SheetRow

MAXIMUM_MEMBERS = 10_000
MAXIMUM_BYTES = 4 * 1024**3
"""Of a workbook when it is unpacked."""
MAXIMUM_RATIO = 400
_RATIO_FREE_BYTES = 512 * 1024**2
"""A million empty rows shrink a thousandfold too, and are no bomb below this size."""
MAXIMUM_STRING_BYTES = 1024**3
MAXIMUM_COLUMNS = 16_384
EPOCH_1900 = datetime(1899, 12, 30)

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]hms]*\]|_.|\*.')
_DATE_PART = re.compile(r"[ymdhs]|年|月|日|时|分|秒", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
# the built-in formats of dates and times, those of the Chinese version included (18.8.30)
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_ZEROS = re.compile(r"00+")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One sheet of a workbook and how its rows are read."""

    name: str
    is_hidden: bool
    rows: Callable[[], Iterator[SheetRow]]


def check_archive(path: Path) -> None:
    """Refuse an archive that would unpack to more than is allowed, by what its directory states.

    Raises HeldFileError with `file_too_large` or `file_not_of_its_format`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise HeldFileError("file_not_of_its_format") from error
    total = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    if (
        len(members) > MAXIMUM_MEMBERS
        or total > MAXIMUM_BYTES
        or (total > _RATIO_FREE_BYTES and total / packed > MAXIMUM_RATIO)
    ):
        raise HeldFileError("file_too_large")
    if any(member.flag_bits & 1 for member in members):
        raise HeldFileError("file_encrypted")


def _iterparse(file: IO[bytes], *tags: str) -> Any:
    return etree.iterparse(
        file,
        events=("end",),
        tag=[f"{{*}}{tag}" for tag in tags],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _local_name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


class XlsxWorkbook:
    """An open XLSX workbook."""

    def __init__(self, archive: zipfile.ZipFile, reading: Reading) -> None:
        self._archive = archive
        self._reading = reading
        self._strings: list[str] | None = None
        self._formats: list[str] = []
        self._epoch = EPOCH_1900
        self.sheets = self._read_sheets()

    def _member(self, name: str) -> zipfile.ZipInfo | None:
        by_name = {member.filename.lower().lstrip("/"): member for member in self._archive.infolist()}
        return by_name.get(name.lower().lstrip("/"))

    def _read_sheets(self) -> list[Sheet]:
        workbook = self._member("xl/workbook.xml")
        if workbook is None:
            raise HeldFileError("file_not_of_its_format")
        targets: dict[str, str] = {}
        relations = self._member("xl/_rels/workbook.xml.rels")
        if relations is not None:
            with self._archive.open(relations) as file:
                for _, element in _iterparse(file, "Relationship"):
                    targets[element.get("Id", "")] = element.get("Target", "")
        found: list[Sheet] = []
        with self._archive.open(workbook) as file:
            for _, element in _iterparse(file, "sheet", "workbookPr"):
                if _local_name(element) == "workbookPr":
                    if element.get("date1904") in ("1", "true"):
                        self._epoch = datetime(1904, 1, 1)
                    continue
                relation = next((value for name, value in element.attrib.items() if name.endswith("}id")), "")
                target = targets.get(relation, f"worksheets/sheet{len(found) + 1}.xml")
                place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                member = self._member(place)
                if member is None or "worksheets" not in place.lower():
                    continue
                found.append(
                    Sheet(
                        name=element.get("name", ""),
                        is_hidden=element.get("state", "visible") != "visible",
                        rows=functools.partial(self._rows, member, len(found)),
                    )
                )
        self._formats = self._read_formats()
        return found

    def _read_formats(self) -> list[str]:
        """Return for each style of a cell what its numbers are, as `number_text` takes it."""
        member = self._member("xl/styles.xml")
        if member is None:
            return []
        own: dict[int, str] = {}
        kinds: list[str] = []
        with self._archive.open(member) as file:
            for _, element in _iterparse(file, "numFmt", "cellXfs"):
                if _local_name(element) == "numFmt":
                    number = element.get("numFmtId", "")
                    if number.isdigit():
                        own[int(number)] = element.get("formatCode", "")[:255]
                    continue
                for style in element:
                    number = int(style.get("numFmtId", "0")) if style.get("numFmtId", "0").isdigit() else 0
                    kinds.append(_kind_of_format(number, own.get(number)))
        return kinds

    def _shared_strings(self) -> list[str]:
        if self._strings is None:
            self._strings = []
            member = self._member("xl/sharedStrings.xml")
            if member is not None:
                if member.file_size > MAXIMUM_STRING_BYTES:
                    raise HeldFileError("file_too_large")
                with self._archive.open(member) as file:
                    for _, element in _iterparse(file, "si"):
                        self._strings.append(_text_of(element))
                        _forget(element)
        return self._strings

    def _rows(self, member: zipfile.ZipInfo, sheet_number: int) -> Iterator[SheetRow]:
        strings = self._shared_strings()
        number = 0
        with self._archive.open(member) as file:
            for _, element in _iterparse(file, "row"):
                stated = element.get("r", "")
                number = max(number + 1, int(stated)) if stated.isdigit() and len(stated) < 10 else number + 1
                row_no = row_number(sheet_number, number)
                yield row_no, self._cells(element, strings, row_no)
                _forget(element)

    def _cells(self, row: Any, strings: list[str], row_no: int) -> list[str]:
        cells: list[str] = []
        for cell in row:
            reference = _REFERENCE.match(cell.get("r", ""))
            column = _column_number(reference[1]) if reference else len(cells)
            if column >= MAXIMUM_COLUMNS:
                continue
            text = self._cell_text(cell, strings, row_no, f"{PLACE}{column}")
            if not text:
                continue
            if column >= len(cells):
                cells.extend([""] * (column + 1 - len(cells)))
            cells[column] = text
        return cells

    def _cell_text(self, cell: Any, strings: list[str], row_no: int, place: str) -> str:
        value, has_formula, inline = None, False, ""
        for part in cell:
            match _local_name(part):
                case "v":
                    value = part.text or ""
                case "f":
                    has_formula = True
                case "is":
                    inline = _text_of(part)
        if value is None or value == "":
            if has_formula and not inline:
                self._reading.find("value_unparseable", row_no, place)
            return inline
        match cell.get("t", "n"):
            case "s":
                return strings[int(value)] if value.isdigit() and int(value) < len(strings) else ""
            case "str" | "inlineStr":
                return _unescaped(value)
            case "b":
                return "1" if value.strip() in ("1", "true") else "0"
            case "e":
                self._reading.find("value_unparseable", row_no, place, value)
                return value
            case "d":
                return value.replace("T", " ")
        style = cell.get("s", "0")
        kind = self._formats[int(style)] if style.isdigit() and int(style) < len(self._formats) else ""
        return number_text(value, kind, self._epoch)


def row_number(sheet_number: int, row: int) -> int:
    """Return a number for a row that no other sheet of the file has: ten million a sheet, the first has none."""
    return sheet_number * 10_000_000 + row


def _forget(element: Any) -> None:
    """Free an element that was read, and all before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _text_of(element: Any) -> str:
    """Return the text of a string item: its runs, without the readings of characters (rPh)."""
    parts = [
        part.text or ""
        for part in element.iter("{*}t")
        if part.getparent() is element or _local_name(part.getparent()) == "r"
    ]
    return _unescaped("".join(parts))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _kind_of_format(number: int, code: str | None) -> str:
    if code is None:
        return "elapsed" if number == 46 else "date" if number in _DATE_FORMATS else ""
    if _ELAPSED.search(code):
        return "elapsed"
    if _ZEROS.fullmatch(code):
        # a number kept as such, shown as the identifier it is: 007812
        return code
    return "date" if _DATE_PART.search(_QUOTED.sub("", code.split(";")[0])) else ""


def number_text(value: str, kind: str, epoch: datetime) -> str:
    """Return a number as a spreadsheet shows it.

    `kind` is that of the cell's format: `date`, `elapsed`, zeros for a width that is filled up with zeros, or empty.
    Numbers of 16 digits and more, of which a spreadsheet keeps 15, are powers of ten.
    """
    try:
        number = float(value)
    except ValueError:
        return value
    if kind.startswith("00"):
        return str(int(number)).zfill(len(kind)) if number.is_integer() and 0 <= number < 1e15 else _plain(number)
    if kind and 0 <= number < 2_958_466:
        return _date_text(number, kind, epoch)
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    if abs(number) >= 1e15:
        digits, _, power = f"{number:.5E}".partition("E")
        return f"{digits.rstrip('0').rstrip('.')}E{power}"
    return _plain(number)


def _plain(number: float) -> str:
    """Return a number without an exponent, with the 15 digits a spreadsheet keeps."""
    text = f"{number:.15g}"
    if "e" in text:
        text = f"{number:.20f}".rstrip("0").rstrip(".")
    return text


def _date_text(number: float, kind: str, epoch: datetime) -> str:
    seconds = round((number % 1) * 86_400)
    if kind == "elapsed":
        seconds = round(number * 86_400)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if number < 1:
        return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    days = int(number)
    # the 29th of February 1900 that never was stands in the 1900 system
    if epoch.year == 1899 and days < 60:
        days += 1
    try:
        instant = epoch + timedelta(days=days, seconds=seconds)
    except OverflowError:
        return _plain(number)
    if seconds == 0:
        return instant.date().isoformat()
    return instant.isoformat(sep=" ")


BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    etree.XMLSyntaxError,
    EOFError,
    RuntimeError,
    UnicodeError,
)
"""What comes of reading a broken member of an archive."""
