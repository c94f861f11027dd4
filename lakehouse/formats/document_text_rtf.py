"""Reads the text of RTF as Chinese editors write it (RTF 1.9): code page 936, bytes in pairs, `\\u` characters, tables.

What is no text of the document is left out: tables of fonts, colours and styles, pictures, objects, headers and
footers, hidden and deleted text. A character of two bytes may be written as `\\'d6\\'d0`, as `\\'81A`, or with its
font's character set where the page of the document says something else.
"""

import re

from lakehouse.formats.encoding import detect_encoding

_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?"
    r"|\\'([0-9A-Fa-f]{2})"
    r"|\\(\r\n|[^A-Za-z'])"
    r"|([{}])"
    r"|([\r\n\x00]+)"
    r"|([^\\{}\r\n\x00]+)"
    r"|(\\)"
)
_SKIPPED_NAMES = (
    "fonttbl colortbl stylesheet listtable listoverridetable revtbl rsidtbl generator info pict object objdata "
    "header headerl headerr headerf footer footerl footerr footerf fldinst themedata colorschememapping datastore "
    "latentstyles xmlnstbl mmathPr pgptbl filetbl template private1 bkmkstart bkmkend ftnsep ftnsepc"
)
_SKIPPED = frozenset(_SKIPPED_NAMES.split())
_CHARACTERS = {
    "tab": " ",
    "cell": " ",
    "nestcell": " ",
    "par": "\n",
    "line": "\n",
    "row": "\n",
    "nestrow": "\n",
    "sect": "\n",
    "page": "\n",
    "emdash": "—",
    "endash": "-",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "bullet": "•",
    "emspace": " ",
    "enspace": " ",
}
_SYMBOLS = {"~": " ", "_": "-", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n", "\r\n": "\n"}
# \fcharset: 134 GB 2312, 136 Big5, 128 Shift JIS, 129 Hangul, 161 Greek, 204 Cyrillic
_CHARACTER_SETS = {134: 936, 136: 950, 128: 932, 129: 949, 161: 1253, 204: 1251, 0: 1252}
_DOUBLE_BYTE = {936: "gb18030", 54936: "gb18030", 950: "big5", 932: "cp932", 949: "cp949"}


class _State:
    """What a group inherits from the group around it."""

    __slots__ = ("font", "hidden", "skipped", "unicode_skip")

    def __init__(self, *, skipped: bool, hidden: bool, font: int | None, unicode_skip: int) -> None:
        self.skipped = skipped
        self.hidden = hidden
        self.font = font
        self.unicode_skip = unicode_skip

    def copy(self) -> "_State":
        return _State(skipped=self.skipped, hidden=self.hidden, font=self.font, unicode_skip=self.unicode_skip)


class _Text:
    """Gathers characters and bytes that wait for their other half."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.page = 936
        self.font_pages: dict[int, int] = {}
        self._bytes = bytearray()
        self._units: list[int] = []
        self._page_of_bytes = 936

    def is_half(self) -> bool:
        """Return whether the last byte begins a character of two bytes."""
        if not self._bytes or self._page_of_bytes not in _DOUBLE_BYTE:
            return False
        lead = False
        for byte in self._bytes:
            lead = not lead and byte >= 0x81
        return lead

    def add_byte(self, byte: int, font: int | None) -> None:
        self._flush_units()
        page = self.font_pages.get(font, self.page) if font is not None else self.page
        if self._bytes and page != self._page_of_bytes:
            self.flush()
        self._page_of_bytes = page
        self._bytes.append(byte)

    def add_unit(self, unit: int) -> None:
        self._flush_bytes()
        self._units.append(unit % 0x10000)

    def add(self, text: str) -> None:
        self.flush()
        self.pieces.append(text)

    def flush(self) -> None:
        self._flush_bytes()
        self._flush_units()

    def _flush_units(self) -> None:
        if self._units:
            data = b"".join(unit.to_bytes(2, "little") for unit in self._units)
            self.pieces.append(data.decode("utf-16-le", "replace"))
            self._units = []

    def _flush_bytes(self) -> None:
        if self._bytes:
            self.pieces.append(_decoded(bytes(self._bytes), self._page_of_bytes))
            self._bytes = bytearray()


def _decoded(data: bytes, page: int) -> str:
    encoding = _DOUBLE_BYTE.get(page, f"cp{page}")
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return data.decode(detect_encoding(data).encoding, "replace")
    if page not in _DOUBLE_BYTE and len(data) > 1 and not data.isascii():
        # a page of single bytes reads everything; Chinese under a western page is met often
        found = detect_encoding(data)
        if found.encoding == "gb18030":
            return data.decode("gb18030", "replace")
    return text


def text_of_rtf(content: str) -> str:
    """Return the text of an RTF document, however broken, one line a paragraph or row of a table."""
    out = _Text()
    state = _State(skipped=False, hidden=False, font=None, unicode_skip=1)
    stack: list[_State] = []
    to_skip = 0
    at_start, is_optional = False, False
    in_fonts, defined_font = 0, None
    position, size = 0, len(content)
    while position < size:
        match = _TOKEN.match(content, position)
        if match is None:
            break
        position = match.end()
        word, number, byte, symbol, brace, _, text, _ = match.groups()
        if brace:
            to_skip = 0
            if brace == "{":
                stack.append(state)
                state = state.copy()
                at_start = True
                continue
            if stack:
                state = stack.pop()
            if in_fonts > len(stack):
                in_fonts = 0
            at_start = is_optional = False
            continue
        if word:
            value = int(number) if number else None
            if word == "bin":
                position += max(0, value or 0)
            elif in_fonts and word == "f":
                defined_font = value
            elif in_fonts and word in ("fcharset", "cpg") and defined_font is not None:
                page = _CHARACTER_SETS.get(value or 0) if word == "fcharset" else value
                if page:
                    out.font_pages[defined_font] = page
            elif word == "fonttbl":
                in_fonts, state.skipped = len(stack), True
            elif (at_start and is_optional) or (at_start and word in _SKIPPED):
                state.skipped = True
            elif word == "ansicpg" and value:
                out.page = value
            elif word == "uc":
                state.unicode_skip = min(max(value if value is not None else 1, 0), 8)
            elif word == "u" and value is not None:
                if not (state.skipped or state.hidden):
                    out.add_unit(value)
                to_skip = state.unicode_skip
            elif word in ("v", "deleted"):
                state.hidden = value != 0
            elif word == "plain":
                state.hidden, state.font = False, None
            elif word == "f":
                state.font = value
            elif to_skip:
                to_skip -= 1
            elif word in _CHARACTERS and not (state.skipped or state.hidden):
                out.add(_CHARACTERS[word])
            at_start = is_optional = False
            continue
        if symbol == "*":
            is_optional = True
            continue
        at_start = at_start and symbol is None and text is None and not byte
        if byte or symbol:
            if to_skip:
                to_skip -= 1
            elif not (state.skipped or state.hidden):
                if byte:
                    out.add_byte(int(byte, 16), state.font)
                else:
                    out.add(_SYMBOLS.get(symbol, ""))
        elif text:
            skipped = min(to_skip, len(text))
            to_skip -= skipped
            text = text[skipped:]
            if text and not (state.skipped or state.hidden):
                if out.is_half() and "\x40" <= text[0] <= "\x7e":
                    out.add_byte(ord(text[0]), state.font)
                    text = text[1:]
                out.add(text)
    out.flush()
    lines = (line.strip() for line in "".join(out.pieces).split("\n"))
    return "\n".join(line for line in lines if line)
