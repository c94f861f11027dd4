"""A normalised copy of a report's text with a map back to the raw text.

Follows report structuring specification 1.1: markup out, full-width letters and digits to
half-width, one kind of line end, wrapped lines joined, Chinese punctuation for Chinese text.
Nothing is corrected; every kept character knows the raw span it came from.
"""

import re
import unicodedata
from dataclasses import dataclass

_MARKUP = re.compile(
    r"<!--.*?-->|</?[A-Za-z][^<>]{0,200}>|&(?:nbsp|lt|gt|amp|quot|#\d{1,5});"
    r"|\\(?:rtf1?|ansi|deff?\d*|fonttbl|pard|par|line|tab|fs\d+|f\d+|b0?|i0?|ul|lang\d+|cf\d+)(?![a-z])\s?|\\r\\n|\\n|\\r"
)
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": "", "&nbsp;": " "}
_LINE_MARKUP = re.compile(r"</?(?:br|p|div|tr|li|h\d)\b|\\par(?!d)|\\line|\\r|\\n", re.IGNORECASE)
_QUOTES = frozenset("“”\"'‘’「」『』`´")
# Characters that are kept as they are and begin no markup.
_PLAIN = re.compile(r"[\u4e00-\u9fff\n\t !#-%(-;=-\[\]-_a-~，。；！？、…—①-⑳]+")
_CHINESE_STOPS = {",": "，", ";": "；", "!": "！", "?": "？"}
_LIST_MARK = re.compile(
    r"\s*(?:\d{1,2}[.、)）:](?!\d)|[(（]\d{1,2}[)）]|[①-⑳]|[一二三四五六七八九十]{1,2}[、.]|[-*•●■◆])"
)
_WRAP_COLUMNS = 36
_WIDE = re.compile(r"[\u1100-\U0010ffff]+")
_LINE_END = re.compile(r"\n")
_BLANKS = re.compile(r"[ \t]+")
_HALF_MARKS = re.compile(r"[,;!?.]|。(?![\u4e00-\u9fff\n])")
_MARKS = "，。；、！？"
# A blank between two statements of a telegraphic report; none behind a word that asks for what follows.
_STATEMENT_BLANK = re.compile(r"[\u4e00-\u9fff)?]{2}[ \t]+[\u4e00-\u9fff]{2}")
_RUNS_ON = re.compile(r"(?:[见示及和与或为呈伴有无未约至于在的了]|考虑|提示|符合|建议|明显|大小|直径)$")
_MOJIBAKE = re.compile("[\ufffd\ue000-\uf8ff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Normalised:
    """Normalised text; character i came from raw[starts[i]:ends[i]]."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    is_mojibake: bool

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the raw span of a non-empty normalised span."""
        return self.starts[start], self.ends[end - 1]


def normalise(raw: str) -> Normalised:
    """Make the normalised copy of a raw text; any string is accepted."""
    chars = _fold(raw)
    text = _text_of(chars)
    for mend in (_join_wrapped_lines, _drop_spaces, _mend_punctuation):
        mended = mend(chars, text)
        if mended is not chars:
            chars, text = mended, _text_of(mended)
    _, starts, ends = zip(*chars, strict=True) if chars else ((), (), ())
    return Normalised(
        text=text,
        starts=starts,
        ends=ends,
        is_mojibake=len(_MOJIBAKE.findall(raw)) > 0.005 * len(raw),
    )


_Char = tuple[str, int, int]


def _text_of(chars: list[_Char]) -> str:
    return "".join([char for char, _, _ in chars])


def _fold(raw: str) -> list[_Char]:
    """Strip markup and fold single characters."""
    chars: list[_Char] = []
    markup = {hit.start(): hit for hit in _MARKUP.finditer(raw)} if "<" in raw or "&" in raw or "\\" in raw else {}
    at = 0
    while at < len(raw):
        hit = markup.get(at)
        if hit:
            found = hit.group()
            if _LINE_MARKUP.match(found):
                chars.append(("\n", at, hit.end()))
            elif _ENTITIES.get(found):
                chars.append((_ENTITIES[found], at, hit.end()))
            at = hit.end()
            continue
        plain = _PLAIN.match(raw, at)
        if plain:
            chars.extend(zip(plain.group(), range(at, plain.end()), range(at + 1, plain.end() + 1), strict=True))
            at = plain.end()
            continue
        char = raw[at]
        at += 1
        if char == "\r":
            if raw[at : at + 1] != "\n":
                chars.append(("\n", at - 1, at))
        elif char in _QUOTES or char < " ":
            continue
        elif char < "\x7f":
            chars.append((char, at - 1, at))
        else:
            chars.extend((folded, at - 1, at) for folded in unicodedata.normalize("NFKC", char))
    return chars


def _width(text: str) -> int:
    return len(text) + len("".join(_WIDE.findall(text)))


def _join_wrapped_lines(chars: list[_Char], text: str) -> list[_Char]:
    """Drop line ends that an editor of fixed width put inside a sentence."""
    breaks = [hit.start() for hit in _LINE_END.finditer(text)]
    if not breaks:
        return chars
    lines = text.split("\n")
    widths = [_width(line.strip()) for line in lines]
    widest = max(widths)
    dropped = set()
    for number, place in enumerate(breaks):
        line, following = lines[number].rstrip(), lines[number + 1]
        is_full = widths[number] >= _WRAP_COLUMNS or (widest >= 24 and widths[number] >= widest - 3)
        is_open = bool(line) and line[-1] not in "。；;！!？?:：】]>,，" and not line.endswith((".",))
        reads_on = bool(following.strip()) and not _LIST_MARK.match(following) and ":" not in following[:8]
        if is_full and ((is_open and reads_on) or line[-1:] in ("，", ",", "、")):
            dropped.add(place)
    return [char for at, char in enumerate(chars) if at not in dropped] if dropped else chars


def _is_wide(char: str) -> bool:
    return char >= "\u2e80"


def _drop_spaces(chars: list[_Char], text: str) -> list[_Char]:
    """Drop blanks next to Chinese characters; a blank that stands for punctuation becomes a comma."""
    blanks = [hit.span() for hit in _BLANKS.finditer(text)]
    if not blanks:
        return chars
    telegraphic = len(_STATEMENT_BLANK.findall(text)) >= 2
    unpunctuated = len(re.findall(r"[，。；,;.]", text)) * 30 < len(text)
    kept: list[_Char] = []
    at, size = 0, len(chars)
    for begin, stop in blanks:
        kept.extend(chars[at:begin])
        at = begin
        before = kept[-1][0] if kept else "\n"
        after = chars[stop][0] if stop < size else "\n"
        if _is_wide(before) and _is_wide(after) and before not in "，。；、！？" and after not in "，。；、！？":
            left, right = _token_length(text, at - 1, -1), _token_length(text, stop, 1)
            spelled = left == right == 1
            runs_on = _RUNS_ON.search(text, max(0, at - 3), at) is not None
            whole_words = left >= 2 and right >= 2
            if (whole_words or unpunctuated or stop - at >= 2) and not spelled and not runs_on:
                kept.append(("，", chars[at][1], chars[at][2]))
        elif telegraphic and _is_wide(after) and after not in _MARKS and _token_length(text, stop, 1) >= 2:
            # A word in Latin letters, a bracket or a question mark, and then the next statement.
            if before in ")?" or (before.isalpha() and before.isascii()):
                kept.append(("，", chars[at][1], chars[at][2]))
        elif not (_is_wide(before) or _is_wide(after) or before == "\n" or after == "\n"):
            kept.append((" ", chars[at][1], chars[stop - 1][2]))
        at = stop
    kept.extend(chars[at:])
    return kept


def _token_length(text: str, at: int, step: int) -> int:
    length = 0
    while 0 <= at < len(text) and _is_wide(text[at]) and text[at] not in "，。；、":
        length += 1
        at += step
    return length


def _mend_punctuation(chars: list[_Char], text: str) -> list[_Char]:
    """Turn half-width marks between Chinese text into Chinese ones; decimal points and dates stay."""
    if not _HALF_MARKS.search(text):
        return chars
    mended = list(chars)
    for hit in _HALF_MARKS.finditer(text):
        at = hit.start()
        char, start, end = chars[at]
        before = chars[at - 1][0] if at else "\n"
        after = chars[at + 1][0] if at + 1 < len(chars) else "\n"
        if char in "。.":
            if before.isdigit() and after.isdigit():
                # 1。2cm is a slip for 1.2cm.
                mended[at] = (".", start, end)
            elif char == "." and (
                (_is_wide(before) or before in ")%") or (before.isalnum() and (after == "\n" or _is_wide(after)))
            ):
                is_mark = before.isdigit() and (at < 2 or chars[at - 2][0] in "\n。；，:")
                mended[at] = (char if is_mark else "。", start, end)
        elif not (before.isdigit() and after.isdigit()):
            mended[at] = (_CHINESE_STOPS[char], start, end)
    return mended
