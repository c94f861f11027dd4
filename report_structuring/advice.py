"""Advised work and the findings it aims at (specification 4.2.15, 5.1)."""

import re

from report_structuring.cues import GOAL, Cue
from report_structuring.lexicon import Mention, Scene, concept_types

_CLOSING_ADVICE = re.compile(r"定期|短期|动态|密切|随|\d|年度|追踪|[一二三六半]|治疗后|及时|近期")
_ADVISING = re.compile(r"请|建议|必要时|进一步|可行|宜|需|推荐")
_FILLERS = re.compile(
    r"[\d一二三四五六七八九十两半]*(?:-[\d]+)?个?(?:小时|天|日|周|月|年)?(?:左右|内)?后?|治疗|急诊|及时|尽快|请|并|定期|必要时?|、|及|检查|\s"
)
_GOAL_CLAUSE = re.compile(r"(?:以|进一步|必要时)?[^，]{0,12}(?:除外|排除|明确|了解|鉴别|以排)")


def find_unadvised(text: str, mentions: list[Mention], cues: list[Cue], section: str) -> set[int]:
    """Return the places of actions that nobody advises (MRA：, CTA示, 与超声比较)."""
    unadvised: set[int] = set()
    advised_to = -1
    kinds = concept_types()
    for at, mention in enumerate(mentions):
        if kinds.get(mention.code) != "action":
            continue
        rec = next((c for c in reversed(cues) if c.kind == "rec" and c.end <= mention.start), None)
        begins = rec.end if rec else advised_to
        is_governed = begins >= 0 and not re.search(r"[。；]", text[begins : mention.start])
        if is_governed or _advises_itself(text, mention, mentions, section):
            advised_to = mention.end
        else:
            unadvised.add(at)
    return unadvised


def _advises_itself(text: str, mention: Mention, mentions: list[Mention], section: str) -> bool:
    """Say whether an action is advice without a cue: 结合临床, 定期复查, 3天后复查 at the end of an impression."""
    wording = text[mention.start : mention.end]
    if section == "recommendation" or (mention.code == "rec.clinical_correlation" and "结合" in wording):
        return True
    if _ADVISING.match(wording):
        return True
    concludes = section in ("impression", "path_diagnosis")
    if not (concludes or (section == "unsectioned" and mention.start * 2 > len(text))):
        return False
    if mention.code == "rec.followup" and _CLOSING_ADVICE.match(wording):
        return True
    # A clause of nothing but actions and times is advice (抗炎后复查, 急诊外科会诊).
    left = max(text.rfind(stop, 0, mention.start) for stop in "，。；:\n") + 1
    right = min((at for stop in "，。；:\n" if (at := text.find(stop, mention.end)) >= 0), default=len(text))
    if text[right : right + 1] == ":" or (left == 0 and not concludes):
        return False
    rest = text[left:right]
    for action in mentions:
        if left <= action.start and action.end <= right and action.code.startswith("rec."):
            rest = rest.replace(text[action.start : action.end], "")
    return not _FILLERS.sub("", rest)


def is_target(text: str, rec: Cue, mention: Mention, mentions: list[Mention], cues: list[Cue]) -> bool:
    """Say whether a finding is named only as the aim of advised work (建议MRI除外X)."""
    gap = text[rec.end : mention.start]
    if re.search(r"[。；]", gap):
        return False
    verb_between = any(
        rec.end <= cue.start
        and cue.end <= mention.start
        and cue.kind in ("lean", "open", "yes")
        and cue.direction == ">"
        for cue in cues
    )
    if "，" not in gap:
        if GOAL.search(gap):
            return True
        # A finding right behind the action, with nothing said of an aim, is the next item (必要时MR 鼻窦炎).
        follows_action = any(m.end == mention.start and m.code.startswith("rec.") for m in mentions)
        return not verb_between and not follows_action
    return bool(_GOAL_CLAUSE.match(gap.rsplit("，", 1)[1]))


def clause_of(scene: Scene, place: int) -> tuple[int, int]:
    """Return the clause of a sentence in which a place lies, or the whole sentence."""
    for left, right in scene.clauses:
        if left <= place < right:
            return left, right
    return scene.start, scene.end
