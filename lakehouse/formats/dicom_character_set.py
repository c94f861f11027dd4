"""Decides in which character set a DICOM header was really written, and decodes its text.

Specific Character Set (0008,0005) is often wrong: GBK bytes declared ISO_IR 100, terms misspelt or absent.
The rule, over all text values of one header taken together:

1. The declared terms are respelt (`ISO IR 100`, `UTF8`); what is no defined term counts as not declared.
2. Only ASCII: nothing to decide; the declared set stands with confidence 1.
3. A value with escape sequences is decoded by them (PS3.5 6.1.2.4, PS3.3 C.12.1.1.2), whatever is declared.
4. Every other value with bytes above 0x7F is decoded strictly by each candidate: the declared set (Latin-1 when
   none is), UTF-8, GB18030 (which contains GBK and GB2312) and, when the declared set cannot decode it, Latin-1.
   A declared UTF-8 has a bonus, because other text seldom decodes as UTF-8.
5. The candidates are compared by the mean plausibility of their characters: 1 for the 3,755 common Chinese
   characters of GB 2312 level 1, 0.8 for common traditional ones (Big5 level 1), 0.7 for GB 2312 level 2, 0.1 for other
   ideographs and for those whose second byte is an ASCII letter after a Latin-1 letter, a fifth less for any wedged
   between two letters; 1 for a single accented letter beside a Latin letter, 0.85 for two inside a word, 0.5 for two at
   its end, 0.3 for longer runs (mojibake); 1 for letters of the declared script; for UTF-8, 0.9 for characters of three
   or four bytes, 0.6 for other scripts in two; below 0 for control and private-use characters and what does not decode.
   A tie goes to the earlier candidate, so the declared set is overruled only by something better.
6. Then each value is judged on its own, with a bonus for what the whole header is written in: one header may hold
   values of two systems. The set of the patient's name is the one reported.
7. Confidence is 0.5 plus half the lead over the next candidate, less for very few characters.

A character cut in two at the end of a value of 15 bytes or more (16 is the shortest maximum length of a text value,
PS3.5 6.2), or after UTF-8 of three bytes, is dropped.
Big5, Shift-JIS and EUC-KR are recognised only when they are declared.
"""

import codecs
import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LATIN_1 = "ISO_IR 100"
_UTF_8 = "ISO_IR 192"
_GB18030 = "GB18030"

# PS3.3 tables C.12-2 to C.12-5; the codec that decodes the bytes of a value without escape sequences
_CODECS = {
    "ISO_IR 6": "latin_1",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "ISO 2022 IR 58": "gb18030",
    "ISO 2022 IR 87": "shift_jis",
    "ISO 2022 IR 149": "euc_kr",
    "ISO 2022 IR 159": "euc_jp",
}
_DECLARED_ONLY = ("shift_jis", "euc_kr", "euc_jp")
_STANDALONE = (_UTF_8, _GB18030, "GBK")
_SPELLINGS = {
    "UTF8": _UTF_8,
    "UNICODE": _UTF_8,
    "ISO192": _UTF_8,
    "GB2312": _GB18030,
    "GB180302000": _GB18030,
    "GB180302005": _GB18030,
    "CP936": _GB18030,
    "GBK": "GBK",
    "ISO2022GBK": "GBK",
    "ISO202258": "ISO 2022 IR 58",
    "ISO2022GB2312": "ISO 2022 IR 58",
    "ASCII": "ISO_IR 6",
    "USASCII": "ISO_IR 6",
    "LATIN1": _LATIN_1,
    "CP1252": _LATIN_1,
    "WINDOWS1252": _LATIN_1,
    "ISO88591": _LATIN_1,
    "ISO885915": "ISO_IR 203",
    "EUCKR": "ISO 2022 IR 149",
    "SHIFTJIS": "ISO_IR 13",
}

# escape sequence: (0 or 1 for G0 or G1, codec, bytes that a run needs before it for that codec)
_ESCAPES: dict[bytes, tuple[int, str, bytes]] = {
    b"\x1b(B": (0, "ascii", b""),
    b"\x1b(J": (0, "ascii", b""),
    b"\x1b$B": (0, "iso2022_jp", b"\x1b$B"),
    b"\x1b$@": (0, "iso2022_jp", b"\x1b$@"),
    b"\x1b$(D": (0, "iso2022_jp_1", b"\x1b$(D"),
    b"\x1b)I": (1, "shift_jis", b""),
    b"\x1b$)C": (1, "euc_kr", b""),
    b"\x1b$)A": (1, "gb18030", b""),
    b"\x1b-A": (1, "latin_1", b""),
    b"\x1b-B": (1, "iso8859_2", b""),
    b"\x1b-C": (1, "iso8859_3", b""),
    b"\x1b-D": (1, "iso8859_4", b""),
    b"\x1b-F": (1, "iso8859_7", b""),
    b"\x1b-G": (1, "iso8859_6", b""),
    b"\x1b-H": (1, "iso8859_8", b""),
    b"\x1b-L": (1, "iso8859_5", b""),
    b"\x1b-M": (1, "iso8859_9", b""),
    b"\x1b-T": (1, "iso8859_11", b""),
    b"\x1b-b": (1, "iso8859_15", b""),
}
_ESCAPED_TERMS = {
    b"\x1b$B": "ISO 2022 IR 87",
    b"\x1b$@": "ISO 2022 IR 87",
    b"\x1b$(D": "ISO 2022 IR 159",
    b"\x1b)I": "ISO 2022 IR 13",
    b"\x1b$)C": "ISO 2022 IR 149",
    b"\x1b$)A": "ISO 2022 IR 58",
}
_ESCAPE = re.compile(b"(" + b"|".join(re.escape(escape) for escape in sorted(_ESCAPES, key=len, reverse=True)) + b")")
_RUN = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]+")
_NAME_DELIMITERS = re.compile(rb"[\^=\\\r\n\t\f]")
_TEXT_DELIMITERS = re.compile(rb"[\\\r\n\t\f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_PADDING = b" \x00"
_UNDECODABLE = -0.5
_FAVOUR = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class CharacterSet:
    """What a header says its text is written in, and what it is written in.

    `detected` is a valid Specific Character Set; `plain` the one term that holds for values without escape sequences.
    """

    declared: str | None
    detected: str
    plain: str
    confidence: float
    is_repaired: bool


def respell_term(term: str) -> str | None:
    """Return the defined term that was meant, or None when there is no telling."""
    letters = re.sub(r"[^A-Z0-9]", "", term.upper())
    if letters in _SPELLINGS:
        return _SPELLINGS[letters]
    match = re.fullmatch(r"ISO(2022)?(?:IR)?(\d{1,3})", letters) or re.fullmatch(r"(2022)?IR(\d{1,3})", letters)
    if match:
        number = int(match.group(2))
        single_byte = f"ISO_IR {number}"
        if match.group(1) and number != 192:
            multi_byte = f"ISO 2022 IR {number}"
            return multi_byte if multi_byte in _CODECS or single_byte in _CODECS else None
        if single_byte in _CODECS:
            return single_byte
        return f"ISO 2022 IR {number}" if f"ISO 2022 IR {number}" in _CODECS else None
    return letters if letters in _CODECS else None


def detect_character_set(
    declared: bytes | None, samples: Sequence[bytes], patient_name: bytes | None = None
) -> CharacterSet:
    """Decide the character set of a header from Specific Character Set and the raw bytes of its text values.

    Where the values are written in several sets, the one of the patient's name is named.
    """
    telling = [sample for sample in samples if not sample.isascii() or b"\x1b" in sample]
    name = None if patient_name is None or patient_name.isascii() else patient_name
    return _detect(declared, tuple(telling), name)


def decode_text(value: bytes, character_set: CharacterSet, *, is_person_name: bool = False) -> str:
    """Return the text of a value; a byte that nothing decodes becomes U+FFFD."""
    value = value.rstrip(_PADDING)
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    return _decode(value, character_set, is_person_name)


@functools.lru_cache(maxsize=4096)
def _decode(value: bytes, character_set: CharacterSet, is_person_name: bool) -> str:
    terms = character_set.detected.split("\\")
    if b"\x1b" in value:
        text = _decode_escaped(value, terms[0], is_person_name)
        if text is not None:
            return text
        value = _ESCAPE.sub(b"", value)
    term, _ = _choose(_terms_of(character_set.declared), (value,), character_set.plain)
    text = _decode_strictly(value, _codec(term))
    return text if text is not None else value.decode(_codec(term), errors="replace")


def _terms_of(declared: str | None) -> list[str]:
    written = [] if declared is None else [term.strip() or "ISO_IR 6" for term in declared.split("\\")]
    return [term for term in map(respell_term, written) if term]


@functools.lru_cache(maxsize=1024)
def _detect(declared: bytes | None, telling: tuple[bytes, ...], name: bytes | None) -> CharacterSet:
    text = None if declared is None else declared.decode("ascii", errors="replace").strip(" \x00") or None
    terms = _terms_of(text)
    detected = list(terms) or ["ISO_IR 6"]
    plain, confidence = detected[0], 1.0
    escaped = [value for value in telling if b"\x1b" in value]
    if escaped:
        found = dict.fromkeys(_ESCAPED_TERMS[e] for v in escaped for e in _ESCAPE.findall(v) if e in _ESCAPED_TERMS)
        missing = [term for term in found if term not in detected]
        detected += missing
        if any(_decode_escaped(value, detected[0], True) is None for value in escaped):
            confidence = 0.0
        elif missing:
            confidence = 0.9
    without_escapes = tuple(value for value in telling if b"\x1b" not in value)
    if without_escapes:
        plain, confidence_of_plain = _choose(terms, without_escapes)
        if name is not None and b"\x1b" not in name:
            plain, confidence_of_plain = _choose(terms, (name,), plain)
        confidence = min(confidence, confidence_of_plain)
        if not escaped and plain != detected[0]:
            # a code extension without its escape sequences is written as a set of its own
            detected = [_GB18030 if _codec(plain) == "gb18030" else plain]
    written = [] if text is None else [term.strip() or "ISO_IR 6" for term in text.split("\\")]
    return CharacterSet(
        declared=text,
        detected="\\".join(detected),
        plain=plain,
        confidence=round(confidence, 2),
        is_repaired=bool(telling) and detected != written,
    )


def _codec(term: str) -> str:
    return _CODECS.get(term) or _CODECS.get(term.replace("ISO 2022 IR", "ISO_IR"), "latin_1")


def _choose(declared: Sequence[str], values: Sequence[bytes], favourite: str | None = None) -> tuple[str, float]:
    """Return the most plausible term for values without escape sequences, and the confidence in it.

    The favourite is what the rest of the header is written in.
    """
    declared = [term for term in declared if term != "ISO_IR 6"]
    weights: dict[str, list[float]] = {term: [] for term in (*declared, _LATIN_1, _UTF_8, _GB18030)}
    if declared and _LATIN_1 not in declared:
        # last, so that a tie goes to any other
        weights[_LATIN_1] = weights.pop(_LATIN_1)
    seen: set[str] = set()
    for term in list(weights):
        if _codec(term) in seen:
            del weights[term]
        seen.add(_codec(term))
    length = 1
    for value in values:
        readings = _read(value, tuple(declared), tuple(weights))
        count = max((len(reading) for reading in readings.values()), default=1)
        length += count
        for term, of_term in weights.items():
            of_term.extend(readings.get(term) or [_UNDECODABLE] * count)
    if not any(weights.values()):
        # nothing but escapes or padding tells of no character set
        return (declared[0] if declared else _LATIN_1), 0.0
    scores = {
        term: sum(of_term) / len(of_term)
        + (_FAVOUR if favourite and _codec(favourite) == _codec(term) else 0.0)
        + (_FAVOUR if term == _UTF_8 and term in declared else 0.0)
        for term, of_term in weights.items()
    }
    best = max(scores, key=lambda term: scores[term])  # the first of equals
    if scores[best] <= _UNDECODABLE:
        return (declared[0] if declared else _LATIN_1), 0.0
    next_best = max((score for term, score in scores.items() if term != best), default=0.0)
    confidence = 0.5 * min(max(scores[best] - max(next_best, 0.0), 0.0), 1.0)
    return best, 0.5 + confidence * (1 if best in declared else 1 - 0.5**length)


@functools.lru_cache(maxsize=4096)
def _read(value: bytes, declared: tuple[str, ...], terms: tuple[str, ...]) -> dict[str, list[float]]:
    """Return the plausibility of each character for each term that may and can decode the value."""
    texts = {term: _decode_strictly(value.rstrip(_PADDING), _codec(term)) for term in terms}
    decodes = any(texts.get(term) is not None for term in declared)
    allowed = set(terms)
    if decodes and _LATIN_1 not in declared:
        allowed.discard(_LATIN_1)
    return {
        term: list(_weigh(text, _codec(term))) for term, text in texts.items() if text is not None and term in allowed
    }


def _decode_strictly(value: bytes, codec: str) -> str | None:
    try:
        return value.decode(codec)
    except UnicodeDecodeError as error:
        is_told_by_the_rest = codec == "utf_8" and max(value[: error.start], default=0) >= 0xE0
        if len(value) - error.start > 3 or not (len(value) >= 15 or is_told_by_the_rest):
            return None
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        # a value cut at its maximum length may end inside a character
        return decoder.decode(value, final=False)
    except UnicodeDecodeError:
        return None


def _decode_escaped(value: bytes, first_term: str, is_person_name: bool) -> str | None:
    """Return the text of a value with ISO 2022 escape sequences, or None when it breaks them."""
    delimiters = _NAME_DELIMITERS if is_person_name else _TEXT_DELIMITERS
    base = None if first_term in ("", "ISO_IR 6", *_STANDALONE) else _codec(first_term)
    g0, shift, g1 = "ascii", b"", base
    parts: list[str] = []
    try:
        for piece in _ESCAPE.split(value):
            if piece in _ESCAPES:
                half, codec, prefix = _ESCAPES[piece]
                if half == 0:
                    g0, shift = codec, prefix
                else:
                    g1 = codec
                continue
            for run in _RUN.findall(piece):
                if run[0] >= 0x80:
                    if g1 is None:
                        return None
                    parts.append(run.decode(g1))
                elif shift:
                    parts.append((shift + run + b"\x1b(B").decode(g0))
                elif b"\x1b" in run:
                    return None
                else:
                    parts.append(run.decode("ascii"))
                    # writers often leave out the escape that the standard wants again after a delimiter
                    if base is not None and delimiters.search(run):
                        g1 = base
    except UnicodeDecodeError:
        return None
    return "".join(parts)


def _weigh(text: str, codec: str) -> Iterable[float]:
    """Yield how much each character outside ASCII looks like text that somebody wrote."""
    for match in _NOT_ASCII.finditer(text):
        run = match.group()
        around = text[max(match.start() - 1, 0) : match.start()] + text[match.end() : match.end() + 1]
        neighbours = sum(character.isalpha() for character in around)
        for character in run:
            yield _weigh_character(character, codec, len(run), neighbours)


def _weigh_character(character: str, codec: str, run_length: int, neighbours: int) -> float:
    code = ord(character)
    category = unicodedata.category(character)
    if category in ("Cc", "Co", "Cn"):
        return -1.0
    if code < 0x250:
        if not character.isalpha():
            return 0.4 if run_length == 1 else 0.0
        if neighbours == 0 or run_length > 2:
            return 0.3
        if run_length == 1 or codec == "utf_8":
            return 1.0
        return 0.85 if neighbours == 2 else 0.5
    if codec in _DECLARED_ONLY and category[0] in "LM":
        return 1.0
    if 0x3400 <= code <= 0x9FFF or code >= 0x20000:
        weight = _weigh_ideograph(character, codec == "gb18030")
        # Chinese is seldom wedged between two letters, accented letters are
        weight = 0.8 * weight if neighbours == 2 else weight
        return max(weight, 0.9) if codec == "utf_8" else weight
    if codec == "utf_8" and code >= 0x800:
        # three and four byte sequences validate themselves
        return 0.9
    if 0x3000 <= code <= 0x303F or 0xFF00 <= code <= 0xFFEF:
        return 0.8
    if category[0] in "LM":
        # in two bytes, UTF-8 and Chinese can be mistaken for each other
        return 0.2 if codec == "gb18030" else 0.6 if codec == "utf_8" else 1.0
    return 0.2


@functools.lru_cache(maxsize=30000)
def _weigh_ideograph(character: str, is_gb18030: bool) -> float:
    weight = 0.1
    if is_gb18030:
        code = character.encode("gb18030")
        if code[0] >= 0xA0 and code[1] < 0x80:
            return weight
    try:
        if character.encode("gb2312")[0] <= 0xD7:
            return 1.0
        weight = 0.7
    except UnicodeEncodeError:
        pass
    try:
        return max(weight, 0.8 if character.encode("big5")[0] <= 0xC6 else 0.0)
    except UnicodeEncodeError:
        return weight
