"""Parses HL7 v2 messages (2.1 to 2.8, vertical-bar encoding) as hospitals send them.

A file is cut into messages, with or without MLLP frames and batch envelopes. A message is decoded as a whole and only
then cut into segments, since `|`, `^`, `\\` and `~` are second bytes of GBK characters. Segments end with CR, LF or
CRLF; a line that begins no segment continues the one before it. Fields keep the text that was sent; the accessors take
them apart and undo escapes (HL7 2.5.1, chapter 2.7) when asked. `""` (delete what you hold) stays apart from absent.

Nothing here knows what a segment means.
"""

import codecs
import functools
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lakehouse.formats.encoding import CHUNK_BYTES, Detected, decode, detect_encoding
from lakehouse.formats.hl7v2_escape import Delimiters as Delimiters
from lakehouse.formats.hl7v2_escape import escape as escape
from lakehouse.formats.hl7v2_escape import unescape as unescape

MAXIMUM_MESSAGE_BYTES = 32 * 1024 * 1024
DELETE = '""'
"""The value by which a sender asks to delete what the receiver holds."""

REASONS = ("empty_message", "message_too_large", "no_message_header", "no_delimiters", "bad_delimiters")

# HL7 table 0211 in the spellings that are met; what is not here is judged by the bytes alone
_CHARACTER_SETS = {
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "GB18030-2000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc_kr",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}
_SURE = 0.9
_ASCII = Detected(encoding="utf-8", confidence=1.0, is_ascii=True)
_UTF_8 = Detected(encoding="utf-8", confidence=1.0)
_UTF_8_OR_GB18030 = Detected(encoding="utf-8", confidence=0.95)
_OF_THREE_BYTES = re.compile("[\u0800-\U0010ffff]")

# the second alternative is a header whose name is damaged: what follows is no part of the message before
_ENVELOPE = re.compile(
    rb"(?:\A|[\r\n\x0b\x1c])(?:\xef\xbb\xbf|[ \t\x00])*(MSH|FHS|BHS|BTS|FTS)(?=[^0-9A-Za-z\s]|[\r\n])"
    rb"|[\r\n\x0b\x1c]([^|\r\n]{0,8}\|\^~\\&\|)"
)
_OVERLAP = 256
_AROUND = b"\xef\xbb\xbf\x0b\x1c\r\n \t\x00"
_LINE_END = re.compile(r"\r\n|\r|\n")
_SEGMENT_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")
# a segment without any field, as opposed to a line of text such as MRI
_BARE_SEGMENT = re.compile(
    r"(?:[A-Z][A-Z0-9][0-9]|[A-Z][0-9][A-Z]|Z[A-Z]{2}|EVN|PID|NTE|ORC|OBR|OBX|TXA|ROL|SPM|MRG)\s*"
)


class MalformedMessageError(Exception):
    """What was given is no HL7 v2 message; `reason` is one of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """One segment; `fields[n]` is field n as sent, and `fields[0]` is the name."""

    name: str
    fields: tuple[str, ...]
    delimiters: Delimiters
    encoding: str = "utf-8"

    def field(self, number: int) -> str | None:
        """Return a whole field as sent, or None when it is absent or empty."""
        return (self.fields[number] or None) if number < len(self.fields) else None

    def repetitions(self, number: int) -> list[str]:
        """Return the repetitions of a field as sent, empty ones included; none when it is absent or empty."""
        sent = self.field(number)
        if sent is None:
            return []
        separator = self.delimiters.repetition
        return sent.split(separator) if separator else [sent]

    def component(self, repetition: str, component: int, subcomponent: int | None = None) -> str | None:
        """Return a component of one repetition without escapes, or one subcomponent of it; None when empty.

        Without a subcomponent the component comes whole: most data types have none, and `&` in their text is text.
        """
        return _part(repetition, component, subcomponent, self.delimiters, self.encoding)

    def value(
        self, number: int, component: int = 1, *, repetition: int = 1, subcomponent: int | None = None
    ) -> str | None:
        """Return a component of a field without escapes, counted from 1; None when it is absent or empty."""
        fields = self.fields
        if number >= len(fields):
            return None
        sent = fields[number]
        if not sent:
            return None
        delimiters = self.delimiters
        if delimiters.is_plain(sent):
            return sent if component == repetition == 1 and (subcomponent or 1) == 1 else None
        separator = delimiters.repetition
        if separator and (repetition > 1 or separator in sent):
            parts = sent.split(separator)
            if repetition > len(parts):
                return None
            sent = parts[repetition - 1]
        return _part(sent, component, subcomponent, delimiters, self.encoding)

    def text(self, number: int) -> str | None:
        """Return a whole field without escapes; separators that were sent unescaped stay in it."""
        sent = self.field(number)
        return None if sent is None else unescape(sent, self.delimiters, self.encoding)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message: its segments in order, MSH first."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters
    detected: Detected
    continued_lines: int = 0
    """Lines that began no segment and were added to the segment before them."""

    @property
    def has_other_encoding(self) -> bool:
        """Return whether MSH-18 declares another encoding than the message is in."""
        fields = self.segments[0].fields
        if self.detected.is_ascii or len(fields) <= 18 or not fields[18]:
            return False
        declared = _CHARACTER_SETS.get(fields[18].split(self.delimiters.repetition or "~")[0].strip().upper())
        return declared is not None and declared != self.detected.encoding

    @property
    def header(self) -> Segment:
        """Return the MSH segment."""
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """Return the segments of one name in order."""
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        """Return the first segment of one name."""
        return next((segment for segment in self.segments if segment.name == name), None)


def split_messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages of a file or stream without frames and batch envelopes; see `iter_messages`."""
    return iter_messages(io.BytesIO(data))


def iter_messages(file: BinaryIO, *, maximum_bytes: int = MAXIMUM_MESSAGE_BYTES) -> Iterator[bytes]:
    """Yield the messages of an open file without frames and batch envelopes, holding no more than one and a piece.

    Text before the first header that is no white space is yielded too, and so is what follows a header that is damaged,
    so that it is refused and counted, not lost. A file in UTF-16 is recoded as UTF-8 first. Of a message that is larger
    than the maximum only so much is yielded as makes it too large.
    """
    kind, waiting, scanned = b"", b"", 0
    for chunk in _recoded(file):
        waiting += chunk
        start = 0
        for match in _ENVELOPE.finditer(waiting, scanned):
            place = match.start(1) if match[1] else match.start(2)
            if place == 0 and kind:
                continue
            yield from _messages_of(waiting[start:place], kind)
            start, kind = place, match[1] or b"MSH"
        waiting = waiting[start:]
        if len(waiting) > maximum_bytes + CHUNK_BYTES:
            if kind in (b"", b"MSH"):
                yield waiting[: maximum_bytes + 1]
            kind, waiting = b"passed", waiting[-_OVERLAP:]
        scanned = max(0, len(waiting) - _OVERLAP)
    yield from _messages_of(waiting, kind)


def _messages_of(data: bytes, kind: bytes) -> Iterator[bytes]:
    """Yield what stands between two headers: a message, and what follows the end of its frame without a header."""
    if kind == b"MSH":
        yield from (part for part in (piece.strip(_AROUND) for piece in data.split(b"\x1c\r")) if part)
    elif not kind and data.strip(_AROUND):
        yield data.strip(_AROUND)


def _recoded(file: BinaryIO) -> Iterator[bytes]:
    """Yield the bytes of a file in pieces, those of UTF-16 as UTF-8."""
    first = file.read(CHUNK_BYTES)
    encoding = None
    if first[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\x00" in first[:64]:
        found = detect_encoding(first).encoding
        encoding = found if found.startswith("utf-16") else None
    if encoding is None:
        yield first
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    chunk = first
    while chunk:
        yield decoder.decode(chunk).encode("utf-8", "replace")
        chunk = file.read(CHUNK_BYTES)


def parse_message(data: bytes, *, maximum_bytes: int = MAXIMUM_MESSAGE_BYTES) -> Message:
    """Return one message, which begins with MSH.

    Raises MalformedMessageError, and nothing else, with a reason of REASONS.
    """
    if len(data) > maximum_bytes:
        raise MalformedMessageError("message_too_large")
    data = data.strip(_AROUND)
    if not data:
        raise MalformedMessageError("empty_message")
    text, detected = _decode_message(data)
    lines = _LINE_END.split(text)
    delimiters = _read_delimiters(lines[0])
    separator = delimiters.field
    segments: list[list[str]] = []
    continued = 0
    for line in lines:
        if (line[3:4] == separator and _SEGMENT_NAME.match(line)) or _BARE_SEGMENT.fullmatch(line):
            segments.append(line.split(separator))
        elif line and not line.isspace():
            # an unescaped line end inside a value; the separators in the rest are those of the segment
            rest = line.split(separator)
            segments[-1][-1] += "\n" + rest[0]
            segments[-1].extend(rest[1:])
            continued += 1
    segments[0].insert(1, separator)
    encoding = detected.encoding
    return Message(
        segments=tuple(
            [
                Segment(name=fields[0], fields=tuple(fields), delimiters=delimiters, encoding=encoding)
                for fields in segments
            ]
        ),
        delimiters=delimiters,
        detected=detected,
        continued_lines=continued,
    )


def _decode_message(data: bytes) -> tuple[str, Detected]:
    """Decode by the bytes and, when they leave a doubt, by MSH-18."""
    if data.isascii() and b"\x00" not in data:
        return data.decode("ascii"), _ASCII
    text, detected = _quickly_decoded(data) or decode(data)
    if detected.confidence >= _SURE:
        return text, detected
    header = _LINE_END.split(text, maxsplit=1)[0]
    fields = header.split(header[3:4] or "|")
    declared = fields[17].split("~")[0].strip().upper() if len(fields) > 17 else ""
    encoding = _CHARACTER_SETS.get(declared)
    if encoding and encoding != detected.encoding:
        try:
            return data.decode(encoding), Detected(encoding=encoding, confidence=0.8)
        except UnicodeDecodeError:
            pass
    return text, detected


def _quickly_decoded(data: bytes) -> tuple[str, Detected] | None:
    """Decode what the rules for encodings call UTF-8 at first sight: valid, with characters of three bytes."""
    if b"\x00" in data or data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not _OF_THREE_BYTES.search(text):
        return None
    try:
        codecs.getincrementaldecoder("gb18030")().decode(data)
    except UnicodeDecodeError:
        return text, _UTF_8
    return text, _UTF_8_OR_GB18030


@functools.lru_cache(maxsize=64)
def _delimiters_of(separator: str, declared: str) -> Delimiters:
    return _checked_delimiters(separator, declared)


def _read_delimiters(header: str) -> Delimiters:
    if not header.startswith("MSH"):
        raise MalformedMessageError("no_message_header")
    separator = header[3:4]
    declared = header[4:].split(separator, 1)[0] if separator else ""
    if not declared:
        raise MalformedMessageError("no_delimiters")
    return _delimiters_of(separator, declared)


def _checked_delimiters(separator: str, declared: str) -> Delimiters:
    # `^~\\&` comes from senders that escaped the backslash on its way through JSON
    declared = declared.replace("\\\\", "\\")
    characters = separator + declared
    if (
        len(declared) > 5
        or len(set(characters)) < len(characters)
        or any(character.isalnum() or character.isspace() for character in characters)
    ):
        raise MalformedMessageError("bad_delimiters")
    component, repetition, escape_mark, subcomponent, truncation = (declared[n : n + 1] for n in range(5))
    return Delimiters(
        field=separator,
        component=component,
        repetition=repetition,
        escape=escape_mark,
        subcomponent=subcomponent,
        truncation=truncation,
    )


def _part(sent: str, component: int, subcomponent: int | None, delimiters: Delimiters, encoding: str) -> str | None:
    if delimiters.component in sent or component > 1:
        parts = sent.split(delimiters.component, component)
        if component > len(parts):
            return None
        sent = parts[component - 1]
    if subcomponent is not None and delimiters.subcomponent:
        parts = sent.split(delimiters.subcomponent, subcomponent)
        if subcomponent > len(parts):
            return None
        sent = parts[subcomponent - 1]
    return unescape(sent, delimiters, encoding) or None
