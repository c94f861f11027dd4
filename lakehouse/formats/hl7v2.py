"""Parses HL7 v2 messages (2.1 to 2.8, vertical-bar encoding) as hospitals send them.

A file is cut into messages, with or without MLLP frames and batch envelopes. A message is decoded as a whole and only
then cut into segments, since `|`, `^`, `\\` and `~` are second bytes of GBK characters. Segments end with CR, LF or
CRLF; a line that begins no segment continues the one before it. Fields keep the text that was sent; the accessors take
them apart and undo escapes (HL7 2.5.1, chapter 2.7) when asked. `""` (delete what you hold) stays apart from absent.

Nothing here knows what a segment means.
"""

import codecs
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lakehouse.formats.encoding import Detected, decode

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

_ENVELOPE = re.compile(rb"(?:\A|[\r\n\x0b\x1c])(?:\xef\xbb\xbf|[ \t\x00])*(MSH|FHS|BHS|BTS|FTS)(?=[^0-9A-Za-z\s])")
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
class Delimiters:
    """The five characters that MSH-1 and MSH-2 declare; one that is not declared is empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""


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
        sent = self.field(number)
        if sent is None:
            return None
        separator = self.delimiters.repetition
        if separator and (repetition > 1 or separator in sent):
            parts = sent.split(separator)
            if repetition > len(parts):
                return None
            sent = parts[repetition - 1]
        return _part(sent, component, subcomponent, self.delimiters, self.encoding)

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
    """Yield the messages of a file or stream without frames and batch envelopes.

    Text before the first header that is no white space is yielded too, so that it is refused and counted, not lost.
    A file in UTF-16 is recoded as UTF-8 first.
    """
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\x00" in data[:64]:
        text, detected = decode(data)
        if detected.encoding.startswith("utf-16"):
            data = text.encode("utf-8", "replace")
    starts = [(match.start(1), match[1]) for match in _ENVELOPE.finditer(data)]
    before = data[: starts[0][0]] if starts else data
    if before.strip(_AROUND):
        yield before.strip(_AROUND)
    for position, (start, name) in enumerate(starts):
        if name != b"MSH":
            continue
        end = starts[position + 1][0] if position + 1 < len(starts) else len(data)
        framed = data[start:end].split(b"\x1c\r")
        # what follows the end of a frame without a header of its own is refused, not lost
        yield from (part for part in (piece.strip(_AROUND) for piece in framed) if part)


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
        if _SEGMENT_NAME.match(line) and (line[3:4] == separator or _BARE_SEGMENT.fullmatch(line)):
            segments.append(line.split(separator))
        elif line and not line.isspace():
            # an unescaped line end inside a value; the separators in the rest are those of the segment
            rest = line.split(separator)
            segments[-1][-1] += "\n" + rest[0]
            segments[-1].extend(rest[1:])
            continued += 1
    segments[0].insert(1, separator)
    return Message(
        segments=tuple(
            Segment(name=fields[0], fields=tuple(fields), delimiters=delimiters, encoding=detected.encoding)
            for fields in segments
        ),
        delimiters=delimiters,
        detected=detected,
        continued_lines=continued,
    )


def _decode_message(data: bytes) -> tuple[str, Detected]:
    """Decode by the bytes and, when they leave a doubt, by MSH-18."""
    text, detected = decode(data)
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


def _read_delimiters(header: str) -> Delimiters:
    if not header.startswith("MSH"):
        raise MalformedMessageError("no_message_header")
    separator = header[3:4]
    declared = header[4:].split(separator, 1)[0] if separator else ""
    if not declared:
        raise MalformedMessageError("no_delimiters")
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


@functools.lru_cache(maxsize=32)
def _escape_sequences(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return re.compile(
        f"(?P<bytes>(?:{mark}X[0-9A-Fa-f]+{mark})+)"
        f"|{mark}(?P<sign>[FSTREPHN]){mark}"
        rf"|{mark}\.(?P<command>[A-Za-z]{{2}})[ ]?(?P<count>[+-]?[0-9]{{0,4}}){mark}"
    )


def unescape(sent: str, delimiters: Delimiters, encoding: str = "utf-8") -> str:
    """Return text with its escape sequences undone.

    `\\.br\\`, `\\.sp n\\` and `\\.ce\\` become line ends, `\\.sk n\\` blanks; highlighting, indents and wrapping go.
    Hexadecimal data is read in the encoding of the message. What is no sequence of the standard stays as it is.
    """
    mark = delimiters.escape
    if not mark or mark not in sent:
        return sent
    return _escape_sequences(mark).sub(lambda match: _meaning(match, delimiters, encoding), sent)


def _meaning(match: re.Match[str], delimiters: Delimiters, encoding: str) -> str:
    if match["sign"]:
        return {
            "F": delimiters.field,
            "S": delimiters.component,
            "T": delimiters.subcomponent,
            "R": delimiters.repetition,
            "E": delimiters.escape,
            "P": delimiters.truncation or "#",
        }.get(match["sign"], "")
    if match["bytes"]:
        try:
            # one character may be spread over several sequences
            digits = match["bytes"].replace(f"{delimiters.escape}X", "").replace(delimiters.escape, "")
            return bytes.fromhex(digits).decode(encoding, "replace")
        except ValueError:
            return match[0]
    count = match["count"].lstrip("+-")
    number = min(int(count), 200) if count else 1
    match match["command"].lower():
        case "br" | "ce":
            return "\n"
        case "sp":
            return "\n" * number
        case "sk":
            return " " * number
        case "fi" | "nf" | "in" | "ti":
            return ""
    return match[0]


def escape(text: str, delimiters: Delimiters) -> str:
    """Return text that may stand in a message: separators and line ends as escape sequences.

    Without an escape character the text is returned as it is.
    """
    mark = delimiters.escape
    if not mark:
        return text
    sequences = {
        mark: f"{mark}E{mark}",
        delimiters.field: f"{mark}F{mark}",
        delimiters.component: f"{mark}S{mark}",
        "\n": f"{mark}.br{mark}",
        "\r": f"{mark}X0D{mark}",
    }
    if delimiters.repetition:
        sequences[delimiters.repetition] = f"{mark}R{mark}"
    if delimiters.subcomponent:
        sequences[delimiters.subcomponent] = f"{mark}T{mark}"
    return text.translate({ord(character): sequence for character, sequence in sequences.items()})
