"""Cuts a file into pieces of whole lines and brings each into UTF-8, in bounded memory.

A piece is decoded strictly as a whole. Where that fails, the line that fails is decoded on its own: by another encoding
when that fits (`encoding_mismatch`), otherwise with U+FFFD in place of what is lost (`encoding_lost`). Carriage returns
alone end lines as well. Line numbers are those of the file, counted from 1. A line longer than MAXIMUM_LINE_BYTES is
passed over without being held.
"""

import codecs
import re
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from ingestion.readers import Reading, Rejected
from lakehouse.formats.encoding import Detected, detect_file_encoding, python_encoding

PIECE_BYTES = 1 << 22
MAXIMUM_LINE_BYTES = 1 << 24
_EXCERPT_BYTES = 1000
_BOM = "\ufeff".encode()
_LONE_RETURN = re.compile(rb"\r+(?!\n|\r)|\r(?=\r+\n)")
_PIECES_AHEAD = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Whole lines of a file in UTF-8, each ended by a newline except perhaps the last of the file."""

    first_line: int
    data: bytes
    rejected: tuple[Rejected, ...] = ()
    is_last: bool = False
    ends_in_character: bool = False
    """Whether the file ends inside a character."""


def settle_encoding(path: Path, forced: str, reading: Reading) -> str:
    """Decide how a file is decoded, note it in `reading`, and return it.

    A forced encoding stands; when the bytes clearly speak for another, that is a finding.
    Raises SettingsError when the forced encoding is not known.
    """
    detected = detect_file_encoding(path)
    if detected.has_bom:
        reading.find("bom")
    if forced == "auto":
        reading.encoding, reading.encoding_confidence = detected.encoding, detected.confidence
        return detected.encoding
    encoding = python_encoding(forced)
    is_other = encoding != detected.encoding and not _is_part(encoding, detected)
    if is_other and detected.confidence >= 0.9:
        reading.find("encoding_mismatch")
    reading.encoding, reading.encoding_confidence = encoding, 0.3 if is_other else 1.0
    return encoding


def _is_part(encoding: str, detected: Detected) -> bool:
    """Return whether the bytes are read alike: ASCII is the same in every encoding but the wide ones."""
    if encoding.startswith(("utf-16", "utf-32")):
        return detected.encoding.startswith(encoding)
    return detected.is_ascii or encoding == "utf-8-sig"


def read_pieces(path: Path, encoding: str, reading: Reading) -> Generator[Piece, None, None]:
    """Yield the pieces of a file; the next ones are decoded in a thread while one is worked on."""
    with path.open("rb") as binary:
        file: _Bytes = binary
        own = encoding
        if encoding.startswith(("utf-16", "utf-32")):
            # a newline is more than one byte there: the file is brought into UTF-8 before it is cut
            file, own = _Transcoded(binary, encoding), "utf-8"
        yield from _ahead(_decoded(_cut(file, own), own, reading))


@dataclass(frozen=True, kw_only=True, slots=True)
class RawPiece:
    """Whole lines of a file in its own bytes, without their ends."""

    first_line: int
    lines: list[bytes]
    rejected: tuple[Rejected, ...]
    is_last: bool
    ends_whole: bool


def read_raw_pieces(path: Path, encoding: str, width: int) -> Iterator[RawPiece]:
    """Yield the lines of a file in bytes; a file without any line end is cut into lines of `width` bytes."""
    with path.open("rb") as file:
        head = file.read(max(1 << 16, 4 * width))
        has_lines = b"\n" in head or b"\r" in head or len(head) <= width
        mark = next((mark for mark in (_BOM, b"\x84\x31\x95\x33") if head.startswith(mark)), b"")
        file.seek(len(mark))
        if encoding.startswith(("utf-16", "utf-32")):
            file.seek(0)
            yield from _wide_lines(file.read(), encoding)
            return
        number = 1
        if not has_lines:
            while data := file.read(max(PIECE_BYTES // width, 1) * width):
                lines = [data[start : start + width] for start in range(0, len(data), width)]
                is_last = len(data) % width != 0
                yield RawPiece(first_line=number, lines=lines, rejected=(), is_last=is_last, ends_whole=not is_last)
                number += len(lines)
            return
        for raw in _cut(file, encoding):
            data = _with_newlines(raw.data)
            lines = data.split(b"\n")
            ends_whole = not lines[-1]
            if ends_whole:
                lines.pop()
            lines = [line.removesuffix(b"\r") for line in lines] if b"\r" in data else lines
            yield RawPiece(
                first_line=raw.first_line,
                lines=lines,
                rejected=raw.rejected,
                is_last=raw.is_last,
                ends_whole=ends_whole,
            )


def _wide_lines(data: bytes, encoding: str) -> Iterator[RawPiece]:
    """Yield the lines of a text of wide characters, whose newline is more than one byte."""
    lines = data.decode(encoding, "replace").lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ends_whole = not lines[-1]
    if ends_whole:
        lines.pop()
    encoded = [line.encode(encoding) for line in lines]
    yield RawPiece(first_line=1, lines=encoded, rejected=(), is_last=True, ends_whole=ends_whole)


class _Bytes(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Transcoded:
    """Reads a file of wide characters as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def read(self, size: int = -1) -> bytes:
        while True:
            chunk = self._file.read(size)
            text = self._decoder.decode(chunk, final=not chunk).encode("utf-8", "replace")
            if text or not chunk:
                return text


@dataclass(frozen=True, slots=True)
class _Raw:
    first_line: int
    data: bytes
    rejected: tuple[Rejected, ...]
    is_last: bool


def _cut(file: _Bytes, encoding: str) -> Iterator[_Raw]:
    """Yield whole lines in the bytes of the file, without lines that are too long."""
    number, rest = 1, b""
    rejected: list[Rejected] = []
    while True:
        chunk = file.read(PIECE_BYTES)
        data = rest + chunk
        if not chunk:
            yield _Raw(number, data, tuple(rejected), True)
            return
        end = data.rfind(b"\n") + 1 or (data.rfind(b"\r", 0, -1) + 1 if len(data) > PIECE_BYTES // 4 else 0)
        if end:
            whole, rest = data[:end], data[end:]
            yield _Raw(number, whole, tuple(rejected), False)
            rejected = []
            number += count_lines(whole)
        elif len(data) > MAXIMUM_LINE_BYTES:
            excerpt = data[:_EXCERPT_BYTES].decode(encoding, "replace")
            rejected.append(Rejected(row_no=number, reason="line_too_long", raw_text=excerpt))
            rest = _after_line(file)
            number += 1
        else:
            rest = data


def _after_line(file: _Bytes) -> bytes:
    """Read on to the end of the line and return what was read behind it."""
    while chunk := file.read(PIECE_BYTES):
        end = chunk.find(b"\n")
        if end >= 0:
            return chunk[end + 1 :]
    return b""


def count_lines(data: bytes) -> int:
    """Return how many lines end in bytes, whatever ends them."""
    newlines = data.count(b"\n")
    if b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"):
        return newlines
    return _with_newlines(data).count(b"\n")


def _with_newlines(data: bytes) -> bytes:
    r"""Return text in which `\r` stands before `\n` only, once."""
    if b"\r" not in data or data.count(b"\r") == data.count(b"\r\n"):
        return data
    return _LONE_RETURN.sub(lambda found: b"" if data[found.end() : found.end() + 1] == b"\r" else b"\n", data)


def _decoded(raws: Iterator[_Raw], encoding: str, reading: Reading) -> Iterator[Piece]:
    for raw in raws:
        is_cut = False
        try:
            if encoding == "utf-8":
                # decoding is the quickest proof that the bytes are what they are taken for
                raw.data.decode(encoding)
                data = raw.data
            else:
                data = raw.data.decode(encoding).encode("utf-8", "replace")
        except UnicodeDecodeError:
            data, is_cut = _by_line(raw, encoding, reading)
        if raw.first_line == 1:
            data = data.removeprefix(_BOM)
        yield Piece(
            first_line=raw.first_line,
            data=_with_newlines(data),
            rejected=raw.rejected,
            is_last=raw.is_last,
            ends_in_character=is_cut,
        )


def _by_line(raw: _Raw, encoding: str, reading: Reading) -> tuple[bytes, bool]:
    """Return the lines in UTF-8, those that cannot be decoded each on its own, and whether the end is cut."""
    parts: list[bytes] = []
    position, number, is_cut = 0, raw.first_line, False
    view = memoryview(raw.data)
    while position < len(raw.data):
        try:
            parts.append(codecs.decode(view[position:], encoding).encode("utf-8", "replace"))
            break
        except UnicodeDecodeError as error:
            place = position + error.start
        start = max(raw.data.rfind(b"\n", position, place) + 1, position)
        end = raw.data.find(b"\n", place) + 1 or len(raw.data)
        if start > position:
            before = raw.data[position:start]
            parts.append(before.decode(encoding).encode("utf-8", "replace"))
            number += count_lines(before)
        line = raw.data[start:end]
        text, kind = decode_line(line, encoding)
        is_cut = raw.is_last and end == len(raw.data) and not line.endswith(b"\n") and place >= len(raw.data) - 3
        reading.find(kind, number)
        parts.append(text.encode("utf-8", "replace"))
        number += count_lines(line)
        position = end
    return b"".join(parts), is_cut


def decode_line(line: bytes, encoding: str) -> tuple[str, str]:
    """Return the text of a line its file's encoding cannot decode, and the kind of defect that is."""
    for other in ("utf-8", "gb18030"):
        if other != encoding:
            try:
                return line.decode(other), "encoding_mismatch"
            except UnicodeDecodeError:
                continue
    return line.decode(encoding, "replace"), "encoding_lost"


def _ahead(pieces: Iterator[Piece]) -> Generator[Piece, None, None]:
    """Yield pieces while a thread makes the next ones."""
    waiting: deque[Future[Piece | None]] = deque()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="pieces") as pool:
        try:
            for _ in range(_PIECES_AHEAD):
                waiting.append(pool.submit(next, pieces, None))
            while (piece := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, pieces, None))
                yield piece
        finally:
            for future in waiting:
                future.cancel()
