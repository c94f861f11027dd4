"""Tells in which wrong encoding a text was once read.

Looks for what the bytes of Chinese become when they are read otherwise, and believes it only when the bytes, read
rightly, give characters of GB 2312; so accents, units and rare characters of honest text are no hits.

- utf8_as_latin1: UTF-8 read as Latin-1 or CP1252, 中 as ä¸\\xad.
- double_utf8: the same done twice.
- gbk_as_latin1: GBK read as Latin-1 or CP1252, 中文 as ÖÐÎÄ.
- utf8_as_gbk: UTF-8 read as GBK, 姓名 as 濮撳悕.
- lost: characters are gone for good, U+FFFD or 锟斤拷.
"""

import functools
import itertools
import re

KINDS = ("utf8_as_latin1", "double_utf8", "gbk_as_latin1", "utf8_as_gbk", "lost")

_CP1252 = {byte: bytes((byte,)).decode("cp1252", "replace") for byte in range(0x80, 0xA0)}
_TO_BYTE = {character: byte for byte, character in _CP1252.items() if character != "�"}
_SPECIAL = "".join(re.escape(character) for character in _TO_BYTE)
_HIGH = f"\x80-\xff{_SPECIAL}"
_RUN = re.compile(f"[{_HIGH}]{{2,}}")
# three bytes of UTF-8 that begin a CJK character, its punctuation or a full-width form
_UTF_8 = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}|\xef[\xbc-\xbd][\x80-\xbf])+")
_TWICE = re.compile(f"Ã[{_HIGH}](?:Â[{_HIGH}]|[{_HIGH}])")
_GBK_RUN = re.compile("[\xa1-\xfe]{2,}")
_LETTER_BESIDE = re.compile("[a-z\xc0-\xff]", re.IGNORECASE)
_LOST = re.compile("�|锟斤拷")
_NOT_ASCII_RUN = re.compile("[^\x00-\x7e]{2,}")
_HOLES = "?�"
_AS_HOLE = str.maketrans("�", "?")
# UTF-8 with bytes missing: after the first byte of a character up to two others, more where a whole one fell out
_TORN = re.compile(rb"(?:[\xe3-\xe9\xef](?:[\x80-\xbf]{1,4}\?*|\?+))+[\xe3-\xe9\xef]?")


@functools.cache
def _gb_2312() -> frozenset[str]:
    """Return the characters of GB 2312 with its punctuation, and full-width forms."""
    characters = set()
    for lead in (*range(0xA1, 0xA4), *range(0xB0, 0xF8)):
        for trail in range(0xA1, 0xFF):
            characters.add(bytes((lead, trail)).decode("gb2312", "ignore"))
    return frozenset(characters - {""})


@functools.cache
def _usual() -> frozenset[str]:
    """Return the 3,755 characters of level 1 of GB 2312."""
    return frozenset(character for character in _gb_2312() if character.encode("gb2312")[0] in range(0xB0, 0xD8))


@functools.cache
def _big_5() -> frozenset[str]:
    """Return the 5,401 usual characters of traditional Chinese."""
    trails = (*range(0x40, 0x7F), *range(0xA1, 0xFF))
    pairs = (bytes((lead, trail)).decode("big5", "ignore") for lead in range(0xA4, 0xC7) for trail in trails)
    return frozenset(pairs) - {""}


@functools.cache
def misread_characters() -> frozenset[str]:
    """Return the characters that a first and second byte of Chinese UTF-8 become when read as GBK; all are rare."""
    pairs = [(lead, trail) for lead in range(0xE4, 0xEA) for trail in range(0x80, 0xC0)]
    pairs += [(0xEF, 0xBC), (0xEF, 0xBD), (0xE3, 0x80)]
    return frozenset(bytes(pair).decode("gb18030", "ignore") for pair in pairs) - {""}


def find_mojibake(text: str) -> str | None:
    """Return which of KINDS a text shows, None when it shows none."""
    for run in _RUN.finditer(text):
        kind = _latin_run(text, run)
        if kind:
            return kind
    if not misread_characters().isdisjoint(text) and (
        any(_is_utf_8_as_gbk(run[0]) for run in _NOT_ASCII_RUN.finditer(text)) or _is_torn_gbk(text)
    ):
        return "utf8_as_gbk"
    return "lost" if _LOST.search(text) else None


def _latin_run(text: str, run: re.Match[str]) -> str | None:
    """Judge a run of accented letters and symbols."""
    data = _as_bytes(run[0])
    if data is None:
        return None
    if _TWICE.search(run[0]):
        once = data.decode("utf-8", "ignore")
        inner = _as_bytes(once)
        if inner is not None and _is_chinese_utf_8(inner):
            return "double_utf8"
    if _is_chinese_utf_8(data):
        return "utf8_as_latin1"
    return "gbk_as_latin1" if any(_is_gbk(text, part, run.start()) for part in _GBK_RUN.finditer(run[0])) else None


def _as_bytes(text: str) -> bytes | None:
    """Return the bytes that were read as Latin-1 or CP1252; None when another character is among them."""
    codes = [_TO_BYTE.get(character, ord(character)) for character in text]
    return bytes(codes) if max(codes, default=0) < 0x100 else None


def _is_chinese_utf_8(data: bytes) -> bool:
    """Return whether bytes hold UTF-8 of characters that Chinese text has, and little else."""
    found = _UTF_8.findall(data)
    characters = b"".join(found).decode("utf-8", "ignore")
    known = sum(character in _gb_2312() for character in characters)
    if not characters or known < (0.75 if len(characters) > 2 else 1.0) * len(characters):
        return False
    # "é…”" of a French quotation is three bytes of one rare character: one alone must be all there is
    return sum(map(len, found)) >= len(data) * (0.6 if len(characters) > 1 else 1.0)


def _is_gbk(text: str, part: re.Match[str], offset: int) -> bool:
    """Return whether a run of Latin-1 characters is Chinese of GB 2312."""
    length = len(part[0]) - len(part[0]) % 2
    data = part[0][:length].encode("latin-1")
    try:
        characters = data.decode("gb2312")
    except UnicodeDecodeError:
        return False
    han = [data[place] for place in range(0, length, 2) if data[place] >= 0xB0]
    common = sum(lead < 0xD8 for lead in han)
    if not characters or not han or common < len(han) / (2 if len(han) < 3 else 3):
        return False
    if length >= 4:
        return True
    start, end = offset + part.start(), offset + part.end()
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    has_letter = any(character >= "\xc0" for character in part[0])
    return has_letter and length == len(part[0]) and not _LETTER_BESIDE.search(beside)


def _is_utf_8_as_gbk(run: str) -> bool:
    """Return whether a run of characters is UTF-8 that was read as GBK and kept its bytes."""
    data = run.encode("gb18030", "ignore")
    found = _UTF_8.findall(data)
    characters = b"".join(found).decode("utf-8", "ignore")
    common = sum(character in _gb_2312() for character in characters)
    return len(characters) >= 2 and common >= 0.9 * len(characters) and sum(map(len, found)) >= 0.75 * len(data)


def _is_torn_gbk(text: str) -> bool:
    """Return whether a short text is UTF-8 read as GBK that lost bytes: 女 as 濂?, 中文 as 涓枃.

    A byte without a partner became a question mark, or the character it formed is one nobody uses. Of a single such
    character the bytes must still follow each other as in UTF-8: those of rare names do not.
    """
    kept = [character for character in text.strip() if character > "\x7e" or character in _HOLES]
    data = "".join(kept).translate(_AS_HOLE).encode("gb18030", "ignore")
    misread = sum(character in misread_characters() for character in kept)
    has_hole = any(character in _HOLES for character in kept)
    if len(kept) < 2 or not ((has_hole and misread > 1) or _TORN.fullmatch(data)):
        return False
    han = [character for character in kept if character not in _HOLES]
    usual = sum(character in _usual() for character in han)
    torn = sum(
        first in misread_characters() and (second in _HOLES or not (second in _gb_2312() or second in _big_5()))
        for first, second in itertools.pairwise(kept)
    )
    return torn > 0 and usual <= 0.4 * len(han)
