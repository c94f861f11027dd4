"""Reads the memo file beside a DBF table (`.dbt` of dBase, `.fpt` of FoxPro): long texts, by the number of a block."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_LONGEST_TEXT = 1 << 26
_VISUAL_FOXPRO = frozenset({0x30, 0x31, 0x32})


class MemoFile:
    """An open memo file."""

    def __init__(self, file: BinaryIO, *, is_foxpro: bool) -> None:
        self._file = file
        self._is_foxpro = is_foxpro
        head = file.read(512)
        if is_foxpro:
            self._block = int.from_bytes(head[6:8], "big") or 512
        else:
            self._block = int.from_bytes(head[20:22], "little") or 512

    def text(self, cell: bytes, encoding: str) -> str:
        """Return the text a cell of the table points to; empty when it points nowhere."""
        if len(cell) == 4:
            number = int.from_bytes(cell, "little")
        else:
            digits = cell.strip(b" \0")
            number = int(digits) if digits.isdigit() else 0
        if number <= 0:
            return ""
        self._file.seek(number * self._block)
        data = self._foxpro_text() if self._is_foxpro else self._dbase_text()
        return data.decode(encoding, "replace").rstrip("\0\x1a")

    def _foxpro_text(self) -> bytes:
        head = self._file.read(8)
        if len(head) < 8:
            return b""
        _, length = struct.unpack(">II", head)
        return self._file.read(min(length, _LONGEST_TEXT))

    def _dbase_text(self) -> bytes:
        head = self._file.read(8)
        if head[:4] == b"\xff\xff\x08\x00":
            return self._file.read(min(max(int.from_bytes(head[4:8], "little") - 8, 0), _LONGEST_TEXT))
        data = head
        while b"\x1a" not in data and len(data) < _LONGEST_TEXT:
            more = self._file.read(4096)
            if not more:
                break
            data += more
        return data.partition(b"\x1a")[0]


@contextmanager
def open_memo(table: Path, version: int) -> Iterator[MemoFile | None]:
    """Open the memo file beside a table, whatever the case of its name; None when there is none."""
    beside = [path for path in sorted(table.parent.iterdir()) if path.stem.casefold() == table.stem.casefold()]
    for suffix in (".fpt", ".dbt"):
        for path in beside:
            if path.suffix.casefold() == suffix and path.is_file():
                with path.open("rb") as file:
                    yield MemoFile(file, is_foxpro=suffix == ".fpt" or version in _VISUAL_FOXPRO)
                    return
    yield None
