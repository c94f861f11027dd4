"""Finds in which character encoding a hospital's file or message was written, and decodes it.

The rules, in order (specification of the source systems, section 3):

1. A byte order mark decides.
2. NUL bytes in every second place are UTF-16 without its mark.
3. Only ASCII is UTF-8.
4. What decodes strictly as UTF-8 is UTF-8, with one exception: a handful of two-byte sequences that are common Chinese
   characters in GB18030 and no Latin word or symbol in UTF-8 are GB18030 (`\\xc5\\xae` alone is 女, not Ů).
5. What decodes strictly as GB18030 (which contains GBK and GB2312) and reads like Chinese, or has many of the
   characters of four bytes, is GB18030.
6. Otherwise the candidates compete: each decodes with replacement, and the share of common characters is its score.

Common are the 3,755 characters of GB 2312 level 1, GB 2312's punctuation and symbols, and single accented letters
beside a Latin letter. Every byte is looked at, in chunks, of large files so many that more would change nothing; the
scoring works on a sample. A character that is cut in two at the end is no error. Encodings are named as Python names
them; GBK and GB2312 are always read as GB18030.
"""

import codecs
import functools
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lakehouse.errors import SettingsError

CHUNK_BYTES = 1 << 18
SAMPLE_BYTES = 1 << 18
LARGE_BYTES = 1 << 26
THOROUGH_BYTES = 1 << 24
SKIPPED_CHUNKS = 15
_WINDOW_BYTES = 1 << 13
_AMBIGUOUS_CHARACTERS = 200
_LOWEST_CHINESE_SHARE = 0.6

# longest first: the mark of UTF-32-LE begins with that of UTF-16-LE
_MARKS = (
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GB18030_NAMES = frozenset(
    {"gbk", "gb2312", "gb18030", "gb180302000", "gb180302005", "gb180302022", "cp936", "936", "ms936", "windows936"}
    | {"euccn", "zhs16gbk", "zhs32gb18030", "ansi"}
)

_FOUR_BYTES = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_RUN = re.compile(r"[^\x00-\x7f]+")
_ACCENTED = "À-ÖØ-öø-ÿ"
_ACCENTED_IN_WORD = re.compile(
    rf"(?<=[A-Za-z])[{_ACCENTED}](?![{_ACCENTED}])|(?<![{_ACCENTED}])[{_ACCENTED}](?=[A-Za-z])"
)
# what hospital text holds in two bytes of UTF-8: symbols and a few Greek letters alone, accented letters within words
_SYMBOLS = "°±²³µ·×÷§½¼¾αβγμ"
_SYMBOL_ALONE = re.compile(f"[{_SYMBOLS}]")
_PART_OF_WORD = re.compile(f"[{_ACCENTED}{_SYMBOLS}]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Detected:
    """The encoding found, how sure that is (0 to 1), and whether a byte order mark stands in front."""

    encoding: str
    confidence: float
    has_bom: bool = False
    is_ascii: bool = False


@functools.cache
def _weights() -> dict[str, float]:
    """Return how much a character speaks for the encoding that yields it."""
    weights: dict[str, float] = {}
    for lead in range(0xA1, 0xF8):
        worth = 1.0 if lead < 0xD8 else 0.7
        for trail in range(0xA1, 0xFF):
            character = bytes((lead, trail)).decode("gb2312", "ignore")
            if character:
                weights[character] = worth
    # kana and Cyrillic stand in GB 2312 too, but not in the hospital's text
    for first, last in ((0x3041, 0x30FF), (0x0400, 0x045F)):
        weights.update({chr(code): 0.1 for code in range(first, last)})
    weights.update({chr(code): -0.5 for code in (*range(9), 11, 12, *range(14, 32), *range(0x7F, 0xA0))})
    weights["\ufffd"] = -1.5
    return weights


def _weight(character: str) -> float:
    known = _weights().get(character)
    if known is not None:
        return known
    code = ord(character)
    if 0x4E00 <= code <= 0x9FFF or 0x20000 <= code <= 0x2FFFF:
        return 0.3
    if 0xE000 <= code <= 0xF8FF or code > 0x2FFFF:
        return -0.5
    return 0.1


def _score(text: str) -> float:
    """Return the mean weight of the characters that tell encodings apart (at most 1)."""
    total, count = 0.0, 0
    for character, number in Counter(text).items():
        if character > "\x7e" or (character < "\x20" and character not in "\t\n\r"):
            total += number * _weight(character)
            count += number
    if not count:
        return 0.0
    in_words = sum(1 for _ in _ACCENTED_IN_WORD.finditer(text))
    return (total + 0.8 * in_words) / count


class _Strict:
    """Tells whether bytes that come in chunks decode without error, and whether any character was seen whole."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self.is_valid = True
        self.not_ascii = False
        self.is_pending = False

    def feed(self, chunk: bytes) -> None:
        if not self.is_valid:
            return
        try:
            text = self._decoder.decode(chunk)
        except UnicodeDecodeError:
            self.is_valid = False
            return
        self.not_ascii = self.not_ascii or not text.isascii()
        self.is_pending = bool(self._decoder.getstate()[0])


class _Census:
    """What is known of bytes that come in chunks of even length."""

    def __init__(self, sample_bytes: int) -> None:
        self.utf_8 = _Strict("utf-8")
        self.gb18030 = _Strict("gb18030")
        self.size = 0
        self.nul_count = [0, 0]
        self.is_ascii = True
        self.windows: list[bytes] = []
        self._most_windows = max(4, sample_bytes // _WINDOW_BYTES)
        self._stride = 1
        self._chunk_count = 0

    def feed(self, chunk: bytes) -> None:
        nul_count = chunk.count(0)
        if nul_count:
            even = chunk[::2].count(0)
            self.nul_count[self.size % 2] += even
            self.nul_count[1 - self.size % 2] += nul_count - even
        self.size += len(chunk)
        if chunk.isascii() and not (self.utf_8.is_pending or self.gb18030.is_pending):
            if nul_count:
                self._keep(chunk, 0)
            return
        self.is_ascii = False
        self.utf_8.feed(chunk)
        self.gb18030.feed(chunk)
        first = _NOT_ASCII.search(chunk)
        self._keep(chunk, first.start() if first else 0)

    def _keep(self, chunk: bytes, first: int) -> None:
        """Keep windows of a chunk from the line on in which something is to be seen."""
        self._chunk_count += 1
        if self._chunk_count % self._stride:
            return
        if first == 0 and self.size > len(chunk):
            # the chunk may begin inside a character; the next line does not
            start = chunk.find(b"\n", 0, _WINDOW_BYTES) + 1
        else:
            start = chunk.rfind(b"\n", max(0, first - _WINDOW_BYTES // 4), first) + 1 or max(0, first - 64)
        start -= start % 2
        length = _WINDOW_BYTES if self._chunk_count > 1 else _WINDOW_BYTES * 4
        self.windows.append(chunk[start : start + length])
        if len(self.windows) > self._most_windows:
            del self.windows[1::2]
            self._stride *= 2


def _without_cut_end(window: bytes, encoding: str) -> str:
    """Decode with replacement, leaving out a character that is cut at the end of the window."""
    return codecs.getincrementaldecoder(encoding)("replace").decode(window)


def _sampled_score(windows: list[bytes], encoding: str) -> float:
    return _score("\n".join(_without_cut_end(window, encoding) for window in windows))


def _is_rather_gb18030(window: bytes) -> bool:
    """Return whether valid UTF-8 of two-byte characters only is more likely a little Chinese in GB18030."""
    text = _without_cut_end(window, "utf-8")
    runs = list(_RUN.finditer(text))
    if max(text, default="") > "\u07ff" or sum(len(run[0]) for run in runs) > _AMBIGUOUS_CHARACTERS:
        return False
    for run in runs:
        beside = text[max(0, run.start() - 1) : run.start()] + text[run.end() : run.end() + 1]
        is_word = any(character.isalpha() for character in beside)
        if not (_PART_OF_WORD if is_word else _SYMBOL_ALONE).fullmatch(run[0]):
            break
    else:
        return False
    weights = _weights()
    return all(weights.get(c, 0.0) == 1.0 for run in _RUN.findall(_without_cut_end(window, "gb18030")) for c in run)


def _utf_16_by_nul(census: _Census) -> str | None:
    """Return which UTF-16 it must be when NUL stands in a quarter of all places, nearly always the same of two."""
    even, odd = census.nul_count
    if even + odd < max(2, census.size / 4) or max(even, odd) < 0.9 * (even + odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _has_four_byte_characters(windows: list[bytes]) -> bool:
    """Return whether characters of four bytes, which only GB18030 has, make up much of what is not ASCII.

    Rare characters score low in every encoding, but no other one puts a digit behind each byte above 127.
    """
    found = sum(len(_FOUR_BYTES.findall(window)) for window in windows)
    return found >= 2 and 8 * found >= sum(len(_NOT_ASCII.findall(window)) for window in windows)


def _compete(census: _Census) -> Detected:
    candidates = ["utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5"]
    if any(byte in window for window in census.windows for byte in range(0x80, 0xA0)):
        candidates.append("cp1252")
    candidates.append("latin-1")
    scores = {encoding: _sampled_score(census.windows, encoding) for encoding in candidates}
    # rare characters score low everywhere; that they decode at all then speaks for the hospital's own encoding
    scores["gb18030"] += 0.1 if census.gb18030.is_valid else 0.0
    ranked = sorted(scores, key=lambda encoding: -scores[encoding])
    best, second = scores[ranked[0]], scores[ranked[1]]
    confidence = 0.5 * max(0.0, min(1.0, best)) + 0.5 * max(0.0, min(1.0, best - max(0.0, second)))
    is_strict = {"utf-8": census.utf_8.is_valid, "gb18030": census.gb18030.is_valid}.get(ranked[0], True)
    return Detected(encoding=ranked[0], confidence=round(min(confidence, 0.9 if is_strict else 0.5), 2))


def _decide(census: _Census) -> Detected:
    utf_16 = _utf_16_by_nul(census)
    if utf_16:
        return Detected(encoding=utf_16, confidence=0.95)
    if any(census.nul_count):
        found = _compete(census) if census.windows else Detected(encoding="utf-8", confidence=0.9)
        if found.encoding.startswith("utf-16") and found.confidence > 0.3:
            return found
    if census.is_ascii:
        return Detected(encoding="utf-8", confidence=1.0, is_ascii=True)
    if census.utf_8.is_valid and census.utf_8.not_ascii:
        if census.gb18030.is_valid and len(census.windows) == 1 and _is_rather_gb18030(census.windows[0]):
            return Detected(encoding="gb18030", confidence=0.6)
        return Detected(encoding="utf-8", confidence=1.0 if not census.gb18030.is_valid else 0.95)
    if census.gb18030.is_valid and census.gb18030.not_ascii:
        score = _sampled_score(census.windows, "gb18030")
        if score >= _LOWEST_CHINESE_SHARE:
            return Detected(encoding="gb18030", confidence=round(min(0.99, 0.55 + 0.45 * score), 2))
        if _has_four_byte_characters(census.windows):
            return Detected(encoding="gb18030", confidence=0.9)
    return _compete(census)


def _detect(chunks: Iterable[bytes], sample_bytes: int) -> Detected:
    census = _Census(sample_bytes)
    for number, chunk in enumerate(chunks):
        if number == 0:
            for mark, encoding in _MARKS:
                if chunk.startswith(mark):
                    return Detected(encoding=encoding, confidence=1.0, has_bom=True)
        census.feed(chunk)
    return _decide(census)


def detect_encoding(data: bytes) -> Detected:
    """Return the encoding of bytes by the rules of this module; empty bytes are UTF-8."""
    if data.isascii() and b"\x00" not in data:
        return Detected(encoding="utf-8", confidence=1.0, is_ascii=True)
    return _detect((data[i : i + CHUNK_BYTES] for i in range(0, len(data), CHUNK_BYTES)), SAMPLE_BYTES)


def detect_file_encoding(path: Path, sample_bytes: int = SAMPLE_BYTES) -> Detected:
    """Return the encoding of a file.

    Of a file of more than LARGE_BYTES, every byte is looked at until THOROUGH_BYTES of it were not ASCII, from then on
    one chunk in SKIPPED_CHUNKS. At most about `sample_bytes`, spread over head, middle and tail, are held in memory for
    the scoring. Raises OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        if path.stat().st_size > LARGE_BYTES and b"\x00" not in file.read(CHUNK_BYTES):
            file.seek(0)
            return _detect(_spread(file), sample_bytes)
        file.seek(0)
        return _detect(iter(lambda: file.read(CHUNK_BYTES), b""), sample_bytes)


def _spread(file: BinaryIO) -> Iterator[bytes]:
    """Yield chunks of whole lines, first all of them, then some: each decodes without those left out."""
    thorough = THOROUGH_BYTES
    while chunk := file.read(CHUNK_BYTES):
        chunk += file.readline(CHUNK_BYTES)
        yield chunk
        if not chunk.isascii():
            thorough -= len(chunk)
        if thorough < 0:
            file.seek(SKIPPED_CHUNKS * CHUNK_BYTES, io.SEEK_CUR)
            file.readline(CHUNK_BYTES)


def python_encoding(name: str) -> str:
    """Return the name under which Python knows an encoding a hospital names; GBK and GB2312 are GB18030.

    Raises SettingsError when it is not known.
    """
    plain = name.lower().replace("-", "").replace("_", "").replace(" ", "")
    if plain in _GB18030_NAMES:
        return "gb18030"
    try:
        return codecs.lookup(name.strip().replace(" ", "-")).name
    except LookupError as error:
        raise SettingsError(f"encoding {name!r} is not known; use utf-8, gb18030, utf-16-le or another") from error


def decode(data: bytes, forced: str | None = None) -> tuple[str, Detected]:
    """Return the text without its byte order mark, and the encoding it was read with.

    What cannot be decoded becomes U+FFFD, so that a loss stays visible. A forced encoding is taken as told; its
    confidence is 1 when it decodes every byte, else 0.3. Raises SettingsError when it is not known.
    """
    if forced is None:
        detected = detect_encoding(data)
        text = data.decode(detected.encoding, "replace")
    else:
        encoding = python_encoding(forced)
        text = data.decode(encoding, "replace")
        is_lossless = "\ufffd" not in text
        has_bom = any(data.startswith(mark) and name[:5] == encoding[:5] for mark, name in _MARKS)
        detected = Detected(encoding=encoding, confidence=1.0 if is_lossless else 0.3, has_bom=has_bom)
    return text.removeprefix("\ufeff"), detected
