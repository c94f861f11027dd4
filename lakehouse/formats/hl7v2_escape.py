"""Knows the delimiters of HL7 v2 and its escape sequences (HL7 2.5.1, chapter 2.7)."""

import functools
import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Delimiters:
    """The five characters that MSH-1 and MSH-2 declare; one that is not declared is empty."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""

    def is_plain(self, sent: str) -> bool:
        """Return whether a field has neither components nor repetitions nor escapes: it is its own value."""
        return not (
            self.component in sent
            or (self.repetition and self.repetition in sent)
            or (self.escape and self.escape in sent)
            or (self.subcomponent and self.subcomponent in sent)
        )


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
