"""Sentences and clauses of a normalised report (specification 3)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from report_structuring.first_characters import compile_wording
from report_structuring.words import any_of

_END = re.compile(r"[。；！\n]|(?<=[。；！\n:：])(?=\d{1,2}[.、)](?!\d))")
_MARK = compile_wording(
    r"(?:(?<=\A)|(?<=[\n。；:：]))[ \t]*"
    r"(?:\d{1,2}[.、)](?!\d)|[(（]\d{1,2}[)）]|[①-⑳]|[一二三四五六七八九十]{1,2}、)[ \t]*"
)
# A bare digit before a word opens an item (1右丘脑出血 2左枕叶梗塞), unless a unit of counting follows.
_BARE_MARK = compile_wording(
    r"(?<=[\n，。；:？])[1-9](?=[\u4e00-\u9fff])(?![年月日天周次个枚处级型度期分组段层块条只根支点小秒岁孕号名])"
)
_INNER_MARK = compile_wording(r"(?<=[\u4e00-\u9fff)）])(?:[①-⑳]|\d[.、](?=[\u4e00-\u9fff]))")
_CUT = re.compile(rf"(?<!^)(?={any_of('unpunctuated_cuts')})")
_CLAUSE_END = re.compile(r"[，？]")
_DRY_LENGTH = 30
_LONGEST = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """A sentence and its clauses, as spans of the normalised text."""

    start: int
    end: int
    clauses: tuple[tuple[int, int], ...]


def split_sentences(text: str, start: int, end: int) -> list[Sentence]:
    """Split a span of the text into sentences with their clauses."""
    cuts = {start, end}
    for hit in _END.finditer(text, start, end):
        cuts.add(hit.end() if hit.group() else hit.start())
    for hit in _MARK.finditer(text, start, end):
        cuts.add(hit.start())
        cuts.add(hit.end())
    for hit in _BARE_MARK.finditer(text, start, end):
        cuts.add(hit.start())
    for hit in _INNER_MARK.finditer(text, start, end):
        cuts.add(hit.start())
    ordered = sorted(cuts)
    sentences = []
    for left, right in _limit_length(text, ordered):
        if text[left:right].strip(" \t\n。；"):
            sentences.append(Sentence(start=left, end=right, clauses=_split_clauses(text, left, right)))
    return sentences


def _limit_length(text: str, cuts: list[int]) -> Iterator[tuple[int, int]]:
    """Cut sentences that are longer than any person writes, at a comma where there is one."""
    for left, right in pairwise(cuts):
        while right - left > _LONGEST:
            comma = text.rfind("，", left + 1, left + _LONGEST)
            stop = comma + 1 if comma > 0 else left + _LONGEST
            yield left, stop
            left = stop
        yield left, right


def _split_clauses(text: str, start: int, end: int) -> tuple[tuple[int, int], ...]:
    clauses, left = [], start
    # A question mark behind a finding is a cue first; it ends the clause, not the sentence.
    for hit in _CLAUSE_END.finditer(text, start, end):
        clauses.append((left, hit.end()))
        left = hit.end()
    if left < end:
        clauses.append((left, end))
    if len(clauses) == 1 and end - start > _DRY_LENGTH:
        places = [hit.start() + start for hit in _CUT.finditer(text[start:end])]
        kept = [start]
        for place in places:
            if place - kept[-1] >= 6 and text[place - 1] not in "、及和与或并伴较对比除于":
                kept.append(place)
        return tuple(zip(kept, [*kept[1:], end], strict=True))
    return tuple(clauses)
