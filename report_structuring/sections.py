"""Section headers of radiology, ultrasound and pathology reports (specification 2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from report_structuring.first_characters import compile_wording
from report_structuring.words import read_rows, read_words

_LABELS = {word: label for label, words in read_rows("headers.tsv") for word in words.split()}
_WORDS = "|".join(re.escape(word) for word in sorted(_LABELS, key=len, reverse=True))
# A header at the start of the text or a line, wrapped or followed by a colon or line end.
_AT_LINE_START = compile_wording(
    rf"(?:(?<=\n)|\A|(?<=[】\]>]))[ \t]*(?:[一二三四五六七八九十]、|\d[.、])?"
    rf"(?P<wrap>[【\[<(《])?(?P<word>{_WORDS})(?P<end>[】\]>)》]?[ \t]*[:：]?)"
)
# A header in the middle of a line needs a colon and one of the longer words, after a sentence end.
_MID_LINE = compile_wording(
    rf"(?<=[。；，\n】\])）!！])(?P<wrap>[【\[])?(?P<word>{_WORDS})(?P<end>[】\]]?[:：]|[】\]])"
)
# Written in one paragraph without punctuation, three words still open the impression.
_INLINE = compile_wording(
    r"(?<!超声)(?<!影像)(?<!检查)(?<!诊断)(?<!临床)(?<!初步)(?<!\n)(?P<wrap>)(?P<word>印象|结论|诊断意见)(?P<end>[:：]?)(?!为|是|中|深刻)"
)
_VERBS = frozenset(read_words("ambiguous_headers"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A labelled part of a text, offsets in code points, end exclusive."""

    label: str
    start: int
    end: int


def detect_sections(text: str, *, report_kind: str = "radiology", opening: str = "unsectioned") -> tuple[Section, ...]:
    """Cut a normalised text into consecutive sections; `opening` labels what stands before the first header."""
    starts: dict[int, str] = {}
    for hit in _AT_LINE_START.finditer(text):
        word, wrapped = hit["word"], bool(hit["wrap"])
        closed = hit["end"].rstrip()[-1:] in (":", "：") or hit.end() == len(text) or text[hit.end()] == "\n"
        if closed or (wrapped and hit["end"].strip()) or (word not in _VERBS and not _reads_on(text, hit.end())):
            starts[hit.start()] = _label(word, report_kind)
    for hit in _MID_LINE.finditer(text):
        starts.setdefault(hit.start(), _label(hit["word"], report_kind))
    if not any(label in ("impression", "path_diagnosis") for label in starts.values()):
        for hit in _INLINE.finditer(text):
            if hit.start() > 0:
                starts.setdefault(hit.start(), _label(hit["word"], report_kind))
                break
    ordered = sorted(starts.items())
    if not ordered or ordered[0][0] > 0:
        ordered.insert(0, (0, _opening_label(text[: ordered[0][0]] if ordered else text, opening, bool(ordered))))
    merged: list[tuple[int, str]] = []
    for start, label in ordered:
        if not merged or merged[-1][1] != label:
            merged.append((start, label))
    ends = [start for start, _ in merged[1:]] + [len(text)]
    return tuple(
        Section(label=label, start=start, end=end)
        for (start, label), end in zip(merged, ends, strict=True)
        if end > start
    )


def given_sections(text_length: int, sections: Sequence[Section]) -> tuple[Section, ...]:
    """Return sections that the source gave, clipped to the text and in order."""
    kept = [s for s in sections if 0 <= s.start < s.end <= text_length]
    return tuple(sorted(kept, key=lambda s: s.start))


def _label(word: str, report_kind: str) -> str:
    if report_kind == "pathology" and word in ("诊断", "诊断意见", "印象", "意见", "结论"):
        return "path_diagnosis"
    return _LABELS[word]


def _reads_on(text: str, at: int) -> bool:
    """Say whether the word is part of a running sentence (检查所见的病灶)."""
    return text[at : at + 1] in ("的", "与", "及", "和", "为", "，", "、", "中", "上")


_TECHNIQUE = re.compile(r"(?:平扫|增强|扫描|层厚|序列|T[12]WI|经腹|经阴道|立位|卧位|对比剂|造影剂)")
_HISTORY = re.compile(r"(?:术后|病史|主诉|既往|发热|外伤|腹痛|胸痛|头痛|头晕|停经|咳嗽|\d+(?:天|年|月|小时|周|h)|复查)")
_FINDING = re.compile(r"(?:[未可隐]见|示|呈|影|清晰|正常|回声|密度|信号|形态|大小|分布)")
_SPECIMEN = re.compile(r"(?:送检|标本|组织|灰白|灰红|切面|条索)")


def _opening_label(text: str, opening: str, has_headers: bool) -> str:
    """Label text before the first header: a short line of history is one, else it stays unsectioned."""
    if opening != "unsectioned" or not has_headers:
        return opening
    if _SPECIMEN.search(text) and not _FINDING.search(text):
        return "gross"
    if _HISTORY.search(text) and not _FINDING.search(text):
        return "history"
    return "findings" if _FINDING.search(text) else "unsectioned"
