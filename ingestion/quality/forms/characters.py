"""Repairs characters: full-width letters and digits, control characters, text that was decoded wrongly.

Only what can be reversed without loss is repaired (UTF-8 read as GBK, GBK or UTF-8 read as Latin-1, both twice);
what is lost for good (锟斤拷, U+FFFD, runs of ?) is only named.
"""

import re
from dataclasses import dataclass

SPACES = " \t\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff"
"""Blanks besides the end of a line, as the inside of a character class."""
BLANKS = " \t\u00a0\u1680\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200C)))
"""The same, a character each."""

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
FULL_WIDTH_VALUE = "０-９Ａ-Ｚａ-ｚ．＋－％／"
"""Full-width characters that matter in a value; full-width punctuation is ordinary Chinese."""
_FULL_WIDTH_VALUE = re.compile(f"[{FULL_WIDTH_VALUE}]")

CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_CONTROL = re.compile(f"[{CONTROL}]")

LOST = "锟斤拷|锟斤|\ufffd|[?？]{3,}"
"""What is left of characters that no repair brings back."""
_LOST = re.compile(LOST)
_QUESTION_RUN = re.compile(r"\?{2,}(?=[\u4e00-\u9fff])|(?<=[\u4e00-\u9fff])\?{2,}(?=\w)")

PRIVATE_USE = "\ue000-\uf8ff"


def _misread_characters() -> str:
    """Return the characters of GBK that the first bytes of Chinese UTF-8 make when they are read as GBK."""
    pairs = [(lead, trail) for lead in range(0xE4, 0xEA) for trail in range(0x80, 0xC0)]
    # 。、「」 and full-width punctuation
    pairs += [(0xE3, 0x80), (0xEF, 0xBC), (0xEF, 0xBD)]
    return "".join(sorted({bytes(pair).decode("gbk", "ignore") for pair in pairs} - {""}))


MISREAD_AS_GBK = _misread_characters()
_MISREAD_AS_GBK = re.compile(f"[{MISREAD_AS_GBK}]")
# what bytes above 0x7F become in Windows-1252 where it differs from Latin-1
_WINDOWS = (
    "\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122"
)
_LATIN_RUN = re.compile(f"[\u0080-\u00ff{_WINDOWS}][\u0080-\u00ff{_WINDOWS}\ufffd]+")
LATIN_PAIR = f"[\u00a1-\u00ff][\u0080-\u00ff{_WINDOWS}\ufffd]"
"""The shortest mark of Chinese that was read in a Western encoding."""
_LATIN_PAIR = re.compile(LATIN_PAIR)

_CHINESE_PUNCTUATION = re.compile("[\u3000-\u303f\uff01-\uff5e\u2014-\u2026]+")
_CHINESE = re.compile("[\u3400-\u9fff]")
_CHINESE_TEXT = re.compile(
    "[\u0009-\u007e\u00b0-\u00b7\u00d7\u00f7\u0391-\u03c9\u2010-\u2027\u2030-\u203b\u2070-\u209f\u2100-\u22ff"
    "\u2460-\u24ff\u25a0-\u26ff\u3000-\u303f\u3200-\u33ff\u3400-\u9fff\uff01-\uff5e\uffe5\U00020000-\U0002ffff]*"
)


def half_width(value: str) -> str:
    """Return a value with full-width ASCII and ideographic spaces made half-width."""
    return value.translate(_FULL_WIDTH)


def is_full_width(value: str) -> bool:
    """Return whether letters, digits or signs of a value are full-width."""
    return _FULL_WIDTH_VALUE.search(value) is not None


def without_control(value: str) -> str:
    """Return a value without control characters; tabs and ends of lines stay."""
    return _CONTROL.sub("", value)


def is_lost(value: str) -> bool:
    """Return whether a value holds what is left of characters that cannot be brought back."""
    return _LOST.search(value) is not None or _QUESTION_RUN.search(value) is not None


def _common_share(text: str) -> float:
    characters = _CHINESE.findall(text)
    if not characters:
        return 0.0
    return sum(1 for character in characters if _is_common(character)) / len(characters)


def _is_common(character: str) -> bool:
    """Return whether a character stands in level 1 of GB 2312, the 3,755 most used ones."""
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return len(code) == 2 and 0xB0 <= code[0] <= 0xD7


def _bytes_of(text: str, encoding: str) -> bytes:
    if encoding != "western":
        # one byte that fits nowhere stands for what was lost
        return b"\xff".join(part.encode(encoding) for part in text.split("\ufffd"))
    # Windows-1252 leaves five bytes without a character, which then come through as in Latin-1
    return b"".join(
        b"\xff" if character == "\ufffd" else character.encode("latin-1" if ord(character) < 0x100 else "cp1252")
        for character in text
    )


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a wrongly decoded text was; where bytes were lost, U+FFFD stands in it."""

    text: str

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was lost."""
        return "\ufffd" not in self.text


def _reread(text: str, wrong: str, right: str) -> str | None:
    """Return text that was decoded as `wrong` as it reads in `right`, or None when that gives no Chinese."""
    try:
        repaired = _bytes_of(text, wrong).decode(right, "replace")
    except UnicodeEncodeError:
        return None
    repaired = re.sub("\ufffd+", "\ufffd", repaired)
    kept = repaired.replace("\ufffd", "")
    if not _CHINESE_TEXT.fullmatch(kept) or _common_share(kept) < 0.5:
        return None
    lost = repaired.count("\ufffd")
    if lost:
        # a character in three lost is still the same text, more is chance; a short text must show its loss itself
        count = len(_CHINESE.findall(kept))
        is_sure = count >= 2 and ("\ufffd" in text or "?" in text)
        if lost > max(1, count // 2) or not (is_sure or (count >= 4 and _common_share(kept) == 1)):
            return None
    return repaired


def repair_mojibake(value: str) -> Repaired | None:
    """Return the text that a wrongly decoded value was, or None when it does not look wrongly decoded."""
    repaired, changed = value, False
    for _ in range(3):
        again = _repair_once(repaired)
        if again is None or again == repaired:
            break
        repaired, changed = again, True
    return Repaired(repaired) if changed else None


def _repair_once(value: str) -> str | None:
    if _LATIN_PAIR.search(value):
        repaired = _LATIN_RUN.sub(lambda run: _reread_western(run[0]), value)
        if repaired != value:
            # what is left beside repaired text is punctuation alone
            return _LATIN_RUN.sub(lambda run: _punctuation(run[0]), repaired)
    if _MISREAD_AS_GBK.search(value):
        return _reread(value, "gb18030", "utf-8")
    return None


def _punctuation(run: str) -> str:
    for right in ("utf-8", "gb18030"):
        try:
            text = _bytes_of(run, "western").decode(right)
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if _CHINESE_PUNCTUATION.fullmatch(text):
            return text
    return run


def _reread_western(run: str) -> str:
    reread = _reread(run, "western", "utf-8")
    if reread is not None:
        return reread
    # read wrongly twice: the inner reading is Western again
    try:
        inner = _bytes_of(run, "western").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        inner = run
    if inner != run and _LATIN_RUN.fullmatch(inner):
        return inner
    reread = _reread(run, "western", "gb18030")
    return run if reread is None or "\ufffd" in reread else reread
