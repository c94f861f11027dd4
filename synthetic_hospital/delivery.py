"""Writes delivered files line by line and plants the faults of an export: broken, double, blank and header lines."""

import csv
import io
import random
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook

_EXPORTED_AT = datetime(2024, 9, 1, 6, 0)


class DelimitedFile:
    """A delimited export. Every 300th row or so is followed by a fault; the first fault comes after the third row."""

    def __init__(
        self, path: Path, header: Sequence[str], *, delimiter: str, encoding: str, quoted: bool, seed: str
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.name = f"{path.parent.name}/{path.name}"
        self._header = tuple(header)
        self._rng = random.Random(seed)
        self._delimiter = delimiter
        self._quoted = quoted
        self._file = path.open("w", encoding=encoding, newline="")
        self._line = 0
        self._until_fault = 3
        self._faults = ["short_row", "duplicate_row", "blank_row", "repeated_header", "extra_column"]
        self.rows = 0
        self.faults: list[tuple[str, int, str]] = []
        self._write_line(self._format(self._header))

    def _format(self, cells: Sequence[str]) -> str:
        if not self._quoted:
            return self._delimiter.join(cell.replace("\n", " ").replace(self._delimiter, " ") for cell in cells)
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=self._delimiter, lineterminator="\n").writerow(cells)
        return buffer.getvalue().removesuffix("\n")

    def _write_line(self, text: str) -> None:
        self._file.write(text + "\n")
        self._line += text.count("\n") + 1

    def write(self, cells: Sequence[object]) -> None:
        """Write one row, and perhaps a fault after it."""
        row = [str(cell) for cell in cells]
        self._write_line(self._format(row))
        self.rows += 1
        self._until_fault -= 1
        if self._until_fault == 0:
            self._plant(row)
            self._until_fault = self._rng.randrange(60, 540)

    def _plant(self, row: list[str]) -> None:
        kind = self._faults.pop(0)
        self._faults.append(kind)
        line = self._line + 1
        if kind == "short_row":
            self._write_line(self._format(row[:2]))
        elif kind == "extra_column":
            self._write_line(self._format([*row, "多余"]))
        elif kind == "duplicate_row":
            self._write_line(self._format(row))
        elif kind == "blank_row":
            self._write_line("")
        else:
            self._write_line(self._format(self._header))
        self.faults.append((self.name, line, kind))

    def close(self) -> None:
        """Plant at least a short row where the file was too small for one, and close it."""
        if not self.faults and self.rows:
            self._plant(["缺列"] * len(self._header))
        self._file.close()


class WorkbookFile:
    """A workbook with two title lines above the header and a closing line."""

    def __init__(self, path: Path, header: Sequence[str], title: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.name = f"{path.parent.name}/{path.name}"
        self._path = path
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("Sheet1")
        self._sheet.append([title])
        self._sheet.append(["导出时间：2024年9月1日"])
        self._sheet.append(list(header))
        self.rows = 0
        self.faults: list[tuple[str, int, str]] = []

    def write(self, cells: Sequence[object]) -> None:
        """Write one row."""
        self._sheet.append(list(cells))
        self.rows += 1

    def close(self) -> None:
        """Write the closing line and save."""
        self._sheet.append(["合计", self.rows])
        self._book.properties.created = self._book.properties.modified = _EXPORTED_AT
        buffer = io.BytesIO()
        self._book.save(buffer)
        # the archive stamps the present into every member; a hospital that is made twice must be the same
        with zipfile.ZipFile(buffer) as stamped, zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member in stamped.infolist():
                content = stamped.read(member)
                if member.filename == "docProps/core.xml":
                    content = re.sub(
                        rb"\d{4}-\d\d-\d\dT[\d:]+Z", f"{_EXPORTED_AT:%Y-%m-%dT%H:%M:%SZ}".encode(), content
                    )
                archive.writestr(zipfile.ZipInfo(member.filename, _EXPORTED_AT.timetuple()[:6]), content)


class TextBlockFile:
    """Labelled text blocks between lines of equals signs."""

    def __init__(self, path: Path, encoding: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.name = f"{path.parent.name}/{path.name}"
        self._file = path.open("w", encoding=encoding)
        self.rows = 0
        self.faults: list[tuple[str, int, str]] = []

    def write(self, values: Sequence[tuple[str, str]]) -> None:
        """Write one block."""
        self._file.write("=" * 40 + "\n")
        for label, value in values:
            self._file.write(f"{label}：{value}\n")
        self.rows += 1

    def close(self) -> None:
        """Write the last line and close."""
        self._file.write("=" * 40 + "\n")
        self._file.close()
