"""Makes of an XML file as hospitals write it text that a parser can take, in pieces and bounded memory.

The encoding is decided by the bytes, and the declaration is cut. So is the document type: nothing in it is expanded or
fetched. `&` and `<` that begin no entity and no tag, which report texts hold unescaped, become text; entities other
than XML's own stay as they are written; control characters, which XML does not allow, travel as private ones.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingestion.readers import HeldFileError, Reading
from ingestion.readers.pieces import settle_encoding
from lakehouse.formats.encoding import CHUNK_BYTES

_MAXIMUM_PROLOGUE = 1_000_000
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_DECLARED = re.compile(r"""encoding\s*=\s*["']([A-Za-z0-9_.\-]+)["']""")
_DOCTYPE = re.compile(r"(?:\s|(?><!--.*?-->)|(?><\?.*?\?>))*+<!DOCTYPE\b", re.DOTALL | re.IGNORECASE)
_DOCTYPE_END = re.compile(r"""(?:[^\[>"']|"[^"]*"|'[^']*')*(?:\[.*?\]\s*)?>""", re.DOTALL)
_ENTITY = re.compile(r"<!ENTITY\s+(?:%\s+)?([^\s\"'>]+)")
_LOOSE = re.compile(
    r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)|<(?![A-Za-z_!?/:\u4e00-\u9fff])"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
)
# a number of a character that XML does not allow would end the parsing
_BAD_NUMBER = re.compile(r"&#(x?)([0-9A-Fa-f]+);")
_PRIVATE = 0xF700
_CONTROL = {code: chr(_PRIVATE + code) for code in (*range(9), 11, 12, *range(14, 32))}
_BACK = {_PRIVATE + code: chr(code) for code in _CONTROL}
_PRIVATE_CHARACTER = re.compile("[\uf700-\uf71f]")
_GB = frozenset({"gb2312", "gbk", "gb18030", "cp936"})


def control_characters(text: str) -> str:
    """Return text with the control characters it had in the file."""
    return text.translate(_BACK) if _PRIVATE_CHARACTER.search(text) else text


def xml_chunks(path: Path, encoding: str, reading: Reading, entities: set[str] | None = None) -> Iterator[str]:
    """Yield the text of an XML file in pieces, repaired.

    `entities` gathers the names of the entities that the document type declares, which stand unexpanded in the text.
    Raises HeldFileError when the document type has no end.
    """
    found = settle_encoding(path, encoding, reading)
    yield from repaired(_without_prologue(_decoded(path, found), reading, entities))


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


def _without_prologue(chunks: Iterator[str], reading: Reading, entities: set[str] | None) -> Iterator[str]:
    """Yield the text without byte order mark, declaration and document type."""
    text = ""
    for chunk in chunks:
        text += chunk
        if len(text) >= 4096:
            break
    text = text.lstrip("\ufeff \t\r\n\x00")
    declaration = _DECLARATION.match(text)
    if declaration:
        declared = _DECLARED.search(declaration[0])
        found, confidence = reading.encoding or "utf-8", reading.encoding_confidence or 0.0
        if declared and confidence >= 0.5 and not _agree(declared[1].lower(), found):
            reading.find("encoding_mismatch")
        text = text[declaration.end() :]
    start = _DOCTYPE.match(text)
    while start:
        end = _DOCTYPE_END.match(text, start.end())
        if end:
            if entities is not None:
                entities.update(_ENTITY.findall(end[0]))
            text = text[end.end() :]
            break
        chunk = next(chunks, "")
        if not chunk or len(text) > _MAXIMUM_PROLOGUE:
            raise HeldFileError("file_not_of_its_format")
        text += chunk
    yield text
    yield from chunks


def _agree(declared: str, found: str) -> bool:
    """Return whether the declared encoding is the one found; ASCII is every encoding."""
    if found in ("utf-8", "ascii") and declared in ("utf-8", "utf8", "us-ascii"):
        return True
    if declared in _GB:
        return found == "gb18030"
    return declared.replace("_", "-").startswith(found.replace("_", "-")[:6])


def repaired(chunks: Iterable[str]) -> Iterator[str]:
    """Yield text with what would stop a parser made harmless; sections of CDATA stay as they are."""
    rest, in_section = "", False
    for chunk in chunks:
        rest += chunk
        while rest:
            if in_section:
                end = rest.find("]]>")
                if end < 0:
                    # the end of a section may be cut in two
                    yield _without_controls(rest[:-2])
                    rest = rest[-2:]
                    break
                yield _without_controls(rest[: end + 3])
                rest, in_section = rest[end + 3 :], False
                continue
            start = rest.find("<![CDATA[")
            if start >= 0:
                yield _repair(rest[:start]) + "<![CDATA["
                rest, in_section = rest[start + 9 :], True
                continue
            # an entity or the start of a section may be cut in two
            cut = max(rest.rfind("&", len(rest) - 12), rest.rfind("<", len(rest) - 12))
            keep = rest[cut:] if cut >= 0 else ""
            yield _repair(rest[: len(rest) - len(keep)])
            rest = keep
            break
    yield _without_controls(rest) if in_section else _repair(rest)


def _repair(text: str) -> str:
    if "&#" in text:
        text = _BAD_NUMBER.sub(_character, text)
    return _LOOSE.sub(_harmless, text)


def _character(match: re.Match[str]) -> str:
    code = int(match[2], 16 if match[1] else 10) if match[1] or match[2].isdigit() else 0
    if code in _CONTROL:
        return _CONTROL[code]
    return match[0] if 9 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF else "\ufffd"


def _harmless(match: re.Match[str]) -> str:
    return {"&": "&amp;", "<": "&lt;"}.get(match[0]) or _CONTROL.get(ord(match[0]), "\ufffd")


def _without_controls(text: str) -> str:
    return _LOOSE.sub(lambda match: match[0] if match[0] in "&<" else _harmless(match), text)


_LOOSE_IN_HTML = re.compile(r"<(?![A-Za-z/!?])|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def repaired_html(path: Path, encoding: str, reading: Reading) -> Iterator[str]:
    """Yield the text of an HTML file in pieces; what begins no tag is text, control characters are private ones."""
    rest = ""
    for chunk in _decoded(path, settle_encoding(path, encoding, reading)):
        text = rest + chunk
        cut = text.rfind("<", max(0, len(text) - 2))
        rest = text[cut:] if cut >= 0 else ""
        yield _LOOSE_IN_HTML.sub(_harmless, text[: len(text) - len(rest)])
    yield _LOOSE_IN_HTML.sub(_harmless, rest)
