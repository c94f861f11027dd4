"""Writes lines in the forms of the second hospital and gives each the number by which readers count it."""

import io
import json
import struct
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from synthetic_hospital.second.extracts import Extract, Line

_SAVED_AT = (2024, 6, 1, 8, 0, 0)
Writer = Callable[[Path, Extract], None]


def _open(folder: Path, extract: Extract) -> Path:
    path = folder / extract.file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def fixed_width(widths: dict[str, int], encoding: str) -> Writer:
    """Lines of fields of fixed width in bytes, without a header; a raw line stands as it is."""

    def write(folder: Path, extract: Extract) -> None:
        data = bytearray()
        for number, line in enumerate(extract.lines, start=1):
            line.row_no = number
            if line.raw is not None:
                data += line.raw.encode(encoding) + b"\r\n"
                continue
            for name, width in widths.items():
                cell = line.cells[name].encode(encoding)
                assert len(cell) <= width, f"{name} does not fit its width"
                data += cell.ljust(width)
            data += b"\r\n"
        _open(folder, extract).write_bytes(bytes(data))

    return write


def delimited(delimiter: str, encoding: str, *, ends_cut: bool = False) -> Writer:
    """Lines without quotes under one header line; a cell may hold a line break, which takes a line of its own."""

    def write(folder: Path, extract: Extract) -> None:
        text = [delimiter.join(extract.columns.values())]
        number = 2
        for line in extract.lines:
            line.row_no = number
            written = line.raw if line.raw is not None else delimiter.join(line.cells[name] for name in extract.columns)
            text.append(written)
            number += written.count("\n") + 1
        content = "\n".join(text) + ("" if ends_cut else "\n")
        _open(folder, extract).write_bytes(content.encode(encoding))

    return write


def xml(root: str, record: str, attributes: tuple[str, ...], declared: str, encoding: str) -> Writer:
    """Records as elements: numbers in attributes, texts in elements; the declaration may not say the truth."""

    def write(folder: Path, extract: Extract) -> None:
        parts = [f'<?xml version="1.0" encoding="{declared}"?>', f"<{root}>"]
        for number, line in enumerate(extract.lines, start=1):
            line.row_no = number
            names = [name for name in extract.columns if name in attributes]
            shown = " ".join(f"{extract.columns[name].lstrip('@')}={quoteattr(line.cells[name])}" for name in names)
            inner = "".join(
                f"<{header}>{escape(line.cells[name])}</{header}>"
                for name, header in extract.columns.items()
                if name not in attributes
            )
            parts.append(f"<{record} {shown}>{inner}</{record}>")
        parts.append(f"</{root}>")
        _open(folder, extract).write_bytes("\r\n".join(parts).encode(encoding))

    return write


def text_blocks(separator: str, encoding: str) -> Writer:
    """Labelled blocks between lines of one sign."""

    def write(folder: Path, extract: Extract) -> None:
        text, number = [separator], 2
        for line in extract.lines:
            line.row_no = number
            block = [f"{header}：{line.cells[name]}" for name, header in extract.columns.items()]
            written = line.raw if line.raw is not None else "\n".join(block)
            text += [written, separator]
            number += written.count("\n") + 2
        _open(folder, extract).write_bytes(("\n".join(text) + "\n").encode(encoding))

    return write


def workbook(title: str, merged: tuple[str, ...]) -> Writer:
    """A sheet with two title lines; equal values one below the other in some columns are one merged cell."""

    def write(folder: Path, extract: Extract) -> None:
        book = Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append([title])
        sheet.append(["导出时间 2024-06-01  单位：江宁市某医院"])
        sheet.append(list(extract.columns.values()))
        for number, line in enumerate(extract.lines, start=4):
            line.row_no = number
            if line.raw is not None:
                sheet.append(line.raw.split("\t"))
                continue
            sheet.append([_cell(line.cells[name]) for name in extract.columns])
        for column, name in enumerate(extract.columns, start=1):
            if name in merged:
                _merge_equal(sheet, get_column_letter(column), extract.lines, name)
        book.properties.created = book.properties.modified = datetime(*_SAVED_AT)
        buffer = io.BytesIO()
        book.save(buffer)
        with (
            zipfile.ZipFile(buffer) as stamped,
            zipfile.ZipFile(_open(folder, extract), "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for member in stamped.infolist():
                if member.filename != "docProps/core.xml":
                    archive.writestr(zipfile.ZipInfo(member.filename, _SAVED_AT), stamped.read(member))
                else:
                    archive.writestr(zipfile.ZipInfo(member.filename, _SAVED_AT), _CORE)

    return write


_CORE = '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"></cp:coreProperties>'


def _cell(text: str) -> object:
    """Return an instant as a cell of time, a number marked with `=` as a number, all else as text."""
    if text.startswith("="):
        return float(text[1:])
    try:
        return datetime.fromisoformat(text) if len(text) == 19 else text
    except ValueError:
        return text


def _merge_equal(sheet: object, letter: str, lines: list[Line], name: str) -> None:
    start = 0
    for place in range(1, len(lines) + 1):
        is_end = (
            place == len(lines)
            or lines[place].raw is not None
            or lines[place].cells.get(name) != lines[start].cells.get(name)
        )
        if is_end:
            if place - start > 1 and lines[start].raw is None and lines[start].cells[name]:
                sheet.merge_cells(f"{letter}{start + 4}:{letter}{place + 3}")  # type: ignore[attr-defined]
            start = place


def html_table(title: str, encoding: str) -> Writer:
    """A page with one table, as reports write it that call it .xls."""

    def write(folder: Path, extract: Extract) -> None:
        rows = [f'<tr><td colspan="{len(extract.columns)}">{title}</td></tr>']
        rows.append("<tr>" + "".join(f"<th>{header}</th>" for header in extract.columns.values()) + "</tr>")
        for number, line in enumerate(extract.lines, start=3):
            line.row_no = number
            cells = "".join(f"<td>{escape(line.cells[name])}</td>" for name in extract.columns)
            rows.append(f"<tr>{cells}</tr>")
        page = (
            f'<html><head><meta charset="{encoding}"></head><body><table border="1">\n'
            + "\n".join(rows)
            + "\n</table></body></html>\n"
        )
        _open(folder, extract).write_bytes(page.encode(encoding))

    return write


def json_lines(*, bom: bool = False) -> Writer:
    """One JSON object a line; a name with a point is an object within."""

    def write(folder: Path, extract: Extract) -> None:
        text = []
        for number, line in enumerate(extract.lines, start=1):
            line.row_no = number
            record: dict[str, object] = {}
            for name, header in extract.columns.items():
                *outer, last = header.split(".")
                place = record
                for key in outer:
                    place = place.setdefault(key, {})  # type: ignore[assignment]
                place[last] = line.cells[name]
            text.append(line.raw if line.raw is not None else json.dumps(record, ensure_ascii=False))
        _open(folder, extract).write_bytes(("\ufeff" if bom else "").encode() + ("\n".join(text) + "\n").encode())

    return write


def dbf(widths: dict[str, tuple[str, int]], encoding: str = "gb18030") -> Writer:
    """A dBase III table: fields of text (C), digits (N) and days (D)."""

    def write(folder: Path, extract: Extract) -> None:
        row_bytes = 1 + sum(width for _, width in widths.values())
        header = struct.pack("<BBBBIHH20x", 3, 124, 6, 1, len(extract.lines), 33 + 32 * len(widths), row_bytes)
        fields = b"".join(
            struct.pack("<11sc4xBB14x", extract.columns[name].encode("ascii"), kind.encode(), width, 0)
            for name, (kind, width) in widths.items()
        )
        data = bytearray(header + fields + b"\r")
        for number, line in enumerate(extract.lines, start=1):
            line.row_no = number
            data += b" "
            for name, (kind, width) in widths.items():
                cell = line.cells[name].encode(encoding)
                assert len(cell) <= width, f"{name} does not fit its width"
                data += cell.rjust(width) if kind == "N" else cell.ljust(width)
        _open(folder, extract).write_bytes(bytes(data) + b"\x1a")

    return write


_TAGS = {
    "study_instance_uid": ("0020000D", "UI"), "accession_number": ("00080050", "SH"), "exam_id": ("00200010", "SH"),
    "patient_id": ("00100020", "LO"), "patient_name": ("00100010", "PN"), "sex": ("00100040", "CS"),
    "birth_date": ("00100030", "DA"), "modality": ("00080060", "CS"),
}  # fmt: skip


def worklist() -> Writer:
    """DICOM attributes in JSON, as a worklist answers over the web; the planned time stands in a sequence."""

    def write(folder: Path, extract: Extract) -> None:
        datasets = []
        for number, line in enumerate(extract.lines, start=1):
            line.row_no = number
            dataset: dict[str, object] = {}
            for name, (tag, kind) in _TAGS.items():
                value: object = {"Alphabetic": line.cells[name]} if kind == "PN" else line.cells[name]
                dataset[tag] = {"vr": kind, "Value": [value]}
            day, _, time = line.cells["scheduled_at"].partition(" ")
            dataset["00400100"] = {"vr": "SQ", "Value": [{
                "00400002": {"vr": "DA", "Value": [day.replace("-", "")]},
                "00400003": {"vr": "TM", "Value": [time.replace(":", "")]},
                "00080060": {"vr": "CS", "Value": [line.cells["modality"]]},
            }]}  # fmt: skip
            datasets.append(dataset)
        _open(folder, extract).write_text(json.dumps(datasets, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    return write


def rtf_document(text: str) -> bytes:
    """Return a text as RTF with code page 936."""
    body = "".join(
        "\\par\n"
        if character == "\n"
        else character
        if character.isascii()
        else "".join(f"\\'{byte:02x}" for byte in character.encode("gbk"))
        for character in text
    )
    return ("{\\rtf1\\ansi\\ansicpg936\\deff0{\\fonttbl{\\f0 SimSun;}}\\f0\\fs21 " + body + "}").encode("ascii")


def html_document(text: str) -> bytes:
    """Return a text as an HTML page in UTF-8."""
    body = "".join(f"<p>{escape(part)}</p>" for part in text.split("\n"))
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{body}</body></html>'.encode()


def document(folder: Path, extract: Extract) -> None:
    """One document a file, RTF or HTML by its name."""
    (line,) = extract.lines
    line.row_no = 1
    path = _open(folder, extract)
    path.write_bytes((rtf_document if path.suffix == ".rtf" else html_document)(line.cells["content"]))


def oracle_date(value: str) -> str:
    """Return a day as Oracle's Chinese default writes it: 05-3月-24."""
    day = date.fromisoformat(value[:10])
    return f"{day:%d}-{day.month}月-{day:%y}"
