"""Finds the text in what a cell or file of an electronic medical record holds.

Hospitals keep a document as vendor XML, HTML with controls, RTF, CDA (WS/T 500) or plain text, and export it as it is,
in base64 or hexadecimal, compressed, or with its markup escaped once or twice. `text_of` takes the wrappings off, one
after the other, and returns lines of text with `\\n` between them. Plain text comes back unchanged: a `<` before a
number, a drive's path and a long ASCII identifier are no markup.

Everything is bounded: wrappings, sizes before and after decompression, depth of markup. Nothing is fetched, no entity
is expanded.
"""

import base64
import binascii
import html
import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from lakehouse.formats.document_text_markup import is_hypertext, text_of_html
from lakehouse.formats.document_text_rtf import text_of_rtf
from lakehouse.formats.document_text_xml import is_xml, text_of_word_xml, text_of_xml
from lakehouse.formats.encoding import decode

VERSION = "1"
MAXIMUM_CHARACTERS = 16 * 1024 * 1024
"""Longer content, before or after it is unpacked, is not looked into."""
_MAXIMUM_WRAPPINGS = 6

SCREEN = (
    r"<[A-Za-z_/!?一-鿿]|&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"
    r"|\{\\rtf|\\[rn]|^[A-Za-z0-9+/=\s]{24,}$"
)
"""What every content that is more than plain text matches, as a pattern for Python and for SQL (RE2)."""

_SCREEN = re.compile(SCREEN)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{22,}={0,2}")
_HEXADECIMAL = re.compile(r"(0[xX])?((?:[0-9A-Fa-f]{2}){12,})")
_WRITTEN_LINE_END = re.compile(r"\\r\\n|\\n|\\r")
_PATH = re.compile(r"[A-Za-z]:\\|\\\\[A-Za-z0-9]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]")
_CHINESE = re.compile(r"[一-鿿]")
_BINARY = (b"%PDF", b"\xff\xd8\xff", b"\x89PNG", b"BM", b"\xd0\xcf\x11\xe0", b"GIF8", b"II*\x00", b"MM\x00*")
_OTHER_THAN_TEXT = (*_BINARY[:3], *_BINARY[4:])


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentText:
    """The text of a document and how it was found.

    `kind` is plain, html, xml, cda, rtf, docx, binary (no text can be had: `text` is empty) or too_large (`text` is
    the content). `extractor` names the steps, as in `base64>gzip>rtf`; `none` when nothing had to be done.
    """

    text: str
    kind: str
    extractor: str
    version: str = VERSION


def text_of(content: str) -> DocumentText:
    """Return the text of what a cell holds; content that is plain text is returned as it is."""
    if not _SCREEN.search(content):
        return DocumentText(text=content, kind="plain", extractor="none")
    return _unwrapped(content, [])


def text_of_bytes(data: bytes, encoding: str | None = None) -> DocumentText:
    """Return the text of a file that is one document; its encoding is found by the bytes unless it is forced.

    Raises SettingsError when the forced encoding is not known.
    """
    if len(data) > 4 * MAXIMUM_CHARACTERS:
        return DocumentText(text="", kind="too_large", extractor="none")
    return _of_bytes(data, [], encoding) or text_of(decode(data, encoding)[0])


def _unwrapped(content: str, steps: list[str]) -> DocumentText:
    """Take off what is around the text, one wrapping after the other."""
    kind = "plain"
    for _ in range(_MAXIMUM_WRAPPINGS):
        if len(content) > MAXIMUM_CHARACTERS:
            return DocumentText(text=content, kind="too_large", extractor=">".join(steps) or "none")
        before = content
        start = content.lstrip("\ufeff \t\r\n\x00")
        if start.startswith("{\\rtf"):
            content, kind = text_of_rtf(start), "rtf"
            steps.append("rtf")
            # backslashes are RTF's own: what follows is looked at for markup only
            continue
        if kind == "plain" and (found := _of_encoded(start, steps)):
            return found
        if is_xml(start):
            content, kind = text_of_xml(start)
            steps.append(kind)
        elif is_hypertext(start):
            content = text_of_html(start)
            kind = "html" if kind == "plain" else kind
            steps.append("html")
        elif _ENTITY.search(content):
            content = _ENTITY.sub(lambda match: html.unescape(match[0]), content)
            if content != before:
                steps.append("entities")
        if content == before:
            break
    if "rtf" not in steps and _WRITTEN_LINE_END.search(content) and not _PATH.search(content):
        content = _WRITTEN_LINE_END.sub("\n", content)
        steps.append("line_ends")
    return DocumentText(text=content, kind=kind, extractor=">".join(steps) or "none")


def _of_encoded(content: str, steps: list[str]) -> DocumentText | None:
    """Return the text of content that is base64 or hexadecimal as a whole, None when it is not."""
    if len(content) < 24 or not content[:24].isascii():
        return None
    data, step = b"", ""
    if match := _HEXADECIMAL.fullmatch(content.rstrip()):
        data, step = bytes.fromhex(match[2]), "hexadecimal"
        found = _of_bytes(data, [*steps, step]) or (_of_plain_bytes(data, [*steps, step]) if match[1] else None)
        if found:
            return found
    packed = "".join(content.split())
    if _BASE64.fullmatch(packed):
        packed = packed.rstrip("=")
        if len(packed) % 4 != 1:
            try:
                data, step = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True), "base64"
            except binascii.Error:
                return None
            return _of_bytes(data, [*steps, step]) or _of_plain_bytes(data, [*steps, step])
    return None


def _of_bytes(data: bytes, steps: list[str], encoding: str | None = None) -> DocumentText | None:
    """Return the text of bytes that say by their start what they are, None when they say nothing."""
    if len(steps) > _MAXIMUM_WRAPPINGS:
        return None
    if data.startswith(b"\x1f\x8b") or (len(data) > 2 and data[0] & 0x0F == 8 and not (data[0] << 8 | data[1]) % 31):
        unpacked = _inflated(data)
        if unpacked is not None:
            step = "gzip" if data[0] == 0x1F else "zlib"
            if len(unpacked) > 4 * MAXIMUM_CHARACTERS:
                return DocumentText(text="", kind="too_large", extractor=">".join([*steps, step]))
            further = [*steps, step]
            return _of_bytes(unpacked, further, encoding) or _unwrapped(decode(unpacked, encoding)[0], further)
    if data.startswith(b"PK\x03\x04"):
        return _of_archive(data, steps)
    if data.startswith(_OTHER_THAN_TEXT):
        return DocumentText(text="", kind="binary", extractor=">".join([*steps, "binary"]))
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{\\rtf") or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _unwrapped(decode(data, encoding)[0], steps)
    if start.startswith(b"<") and b">" in start and b"\x00" not in start:
        text = decode(data, encoding)[0]
        return _unwrapped(text, steps) if is_xml(text.lstrip()) or is_hypertext(text.lstrip()) else None
    return None


def _of_plain_bytes(data: bytes, steps: list[str]) -> DocumentText | None:
    """Return the text of bytes that are nothing but text beyond doubt."""
    try:
        text = data.decode("utf-8-sig")
        is_sure = bool(_CHINESE.search(text)) or " " in text or "\n" in text
    except UnicodeDecodeError:
        text, detected = decode(data)
        # the bytes of an identifier may look like a few rare characters
        is_sure = detected.confidence >= 0.9 and len(_CHINESE.findall(text)) > len(text) // 3
    if not is_sure or _UNPRINTABLE.search(text):
        return None
    return _unwrapped(text, steps)


def _inflated(data: bytes) -> bytes | None:
    """Return what gzip or zlib data holds, at most a byte more than is allowed; None when it is neither."""
    try:
        return zlib.decompressobj(47).decompress(data, 4 * MAXIMUM_CHARACTERS + 1) or None
    except zlib.error:
        return None


def _of_archive(data: bytes, steps: list[str]) -> DocumentText:
    """Return the text of a Word document (DOCX); any other archive has none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            member = archive.getinfo("word/document.xml")
            if member.file_size <= 4 * MAXIMUM_CHARACTERS:
                with archive.open(member) as file:
                    content = file.read(4 * MAXIMUM_CHARACTERS + 1)
                text = text_of_word_xml(content.decode("utf-8", "replace"))
                return DocumentText(text=text, kind="docx", extractor=">".join([*steps, "docx"]))
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        pass
    return DocumentText(text="", kind="binary", extractor=">".join([*steps, "binary"]))
