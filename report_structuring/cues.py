"""Cue words of assertion and change (specification 5.1, 5.2, 6), as data.

A cue has a kind, and a direction: `>` acts on what follows, `<` on what precedes, `=` on both.
Between kinds the longest match wins. In `cues.tsv` a row `needs` at least one of its characters
in the sentence, so that most rows are not tried at all; 囗 stands for a mention.
"""

import re
from dataclasses import dataclass

from report_structuring.first_characters import compile_wording
from report_structuring.words import read_rows

MASK = "囗"

_CUES = tuple(read_rows("cues.tsv"))
_KIND_RANK = {kind: rank for rank, kind in enumerate(dict.fromkeys(cue[0] for cue in _CUES))}
_REGEXES = tuple(
    (kind, direction, value, frozenset(needs), compile_wording(wording))
    for kind, direction, value, needs, wording in _CUES
)


def all_wording() -> str:
    """Return the wording of all cues, whose characters are ordinary in a report."""
    return "".join(cue[4] for cue in _CUES)


COMPARED = compile_wording(
    r"较前|较[^，。；]{0,14}(?:片|日|前|CT|MR|检查)|与[^，。；]{0,14}(?:比较|对比|相比|片|对照)|对比|对照|前片|前次|上次|旧片|同前|复查"
)
GOAL = re.compile(r"除外|排除|明确|了解|鉴别|评估|以排|协诊|确诊|观察|警惕|进一步")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cue:
    """One cue in the text."""

    start: int
    end: int
    kind: str
    direction: str
    value: str
    text: str


def find_cues(text: str, start: int, end: int, taken: list[tuple[int, int]]) -> list[Cue]:
    """Find the cues of one sentence; `taken` are mentions, whose inner characters are no cues."""
    masked = text[start:end]
    for left, right in taken:
        masked = masked[: left - start] + MASK * (right - left) + masked[right - start :]
    present = frozenset(masked)
    found: list[Cue] = []
    for kind, direction, value, needs, regex in _REGEXES:
        if needs.isdisjoint(present) or not regex.search(masked):
            continue
        for hit in regex.finditer(masked):
            if hit.end() > hit.start():
                found.append(
                    Cue(
                        start=hit.start() + start,
                        end=hit.end() + start,
                        kind=kind,
                        direction=direction,
                        value=value,
                        text=hit.group(),
                    )
                )
    if len(found) < 2:
        return found
    found.sort(key=lambda cue: (-(cue.end - cue.start), _KIND_RANK[cue.kind], cue.start))
    kept: list[Cue] = []
    for cue in found:
        if not any(k.start < cue.end and cue.start < k.end for k in kept):
            kept.append(cue)
    return sorted(kept, key=lambda cue: cue.start)
