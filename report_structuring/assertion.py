"""Assertion and change of the mentions in one sentence (specification 5 and 6).

For each mention every cue that reaches it is collected; the precedence of 5.4 decides:
recommendation, double negation, "cannot be excluded", resolved or historical, absent,
uncertain, present.
"""

import re
from dataclasses import dataclass

from report_structuring.advice import find_unadvised, is_target
from report_structuring.change import PARTIAL, find_changes
from report_structuring.cues import Cue
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene, concept_types
from report_structuring.scope import cues_reaching

_DEVICES = frozenset({"gen.drainage_tube", "brain.stent"})
_STATUS_PRESENT = frozenset({"pas.scarred_uterus"}) | _DEVICES
_AFTER_OPERATION = re.compile(
    r"(?:[^，。；\d、]{0,6}?)(?:切除|清除|引流|夹闭|栓塞|取栓|溶栓|修补|根治|置换|切开|减压|介入|微创|穿刺|手术|支架|化疗|放疗|成形|缝扎|缝合|剖宫产|开颅)*(?:术|手术|溶栓|取栓|化疗|放疗)后"
)
# X治疗后2周复查 tells of a known disease; X治疗后好转 of one that is still there.
_AFTER_TREATMENT = re.compile(
    r"[^，。；、囗\d]{0,4}治疗后(?:改变|复查|随访|随诊|状态|[\d一二两三四五六七八九十半]+\+?(?:个)?[天日周月年]\+?(?:复查|随访|随诊|后|余)?)"
    r"(?![^，。；]{0,6}(?:较前|好转|吸收|减少|缩小|进展))"
)
_TIME_ANCHOR = re.compile(r"(?:较|与|比|对比|对照)[^，。；]{0,8}$")
_READ_FROM_DENSITY = frozenset(
    {"brain.ich", "brain.sah", "brain.sdh", "brain.hyperdense_vessel", "abd.ureteral_stone", "abd.renal_stone"}
)
_INNER_DENIAL = compile_wording(r"(?:未见|未及|未示|未呈|未显示|无)(?:明显|明确|确切|异常)*")
_INNER_DOUBT = compile_wording(r"可疑|疑似|疑|似乎?|可能")
_PRIOR_STUDY = "前上旧"
_MAY = frozenset({"可能", "可能性", "之可能", "之可能性"})
_CONCLUSIONS = frozenset({"impression", "path_diagnosis"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What the sentence says about one mention."""

    assertion: str
    certainty: str | None
    change: str | None
    rule: str
    cue: Cue | None


def judge(
    text: str, scene: Scene, mentions: list[Mention], cues: list[Cue], *, section: str, compared: bool
) -> list[Judgement | None]:
    """Judge every mention of a sentence; None drops it (an action nobody advises)."""
    if not mentions:
        return []
    unadvised = find_unadvised(text, mentions, cues, section)
    kept = [m for i, m in enumerate(mentions) if i not in unadvised]
    judged = iter(_judge_kept(text, scene, kept, cues, section=section, compared=compared))
    return [None if i in unadvised else next(judged) for i in range(len(mentions))]


def _judge_kept(
    text: str, scene: Scene, mentions: list[Mention], cues: list[Cue], *, section: str, compared: bool
) -> list[Judgement | None]:
    changes = find_changes(text, scene, mentions, cues, compared=compared)
    results: list[Judgement | None] = []
    for at in range(len(mentions)):
        found = _judge_one(text, scene, mentions, at, cues, is_conclusion=section in _CONCLUSIONS)
        if found is None:
            results.append(None)
            continue
        assertion, certainty, rule, cue = found
        change = changes.get(at)
        if rule == "past" and cue and cue.text[0] in _PRIOR_STUDY and change in ("increased", "decreased", "stable"):
            # 前片示结节，现较前增大: named of the prior study, and still there.
            assertion, rule = "present", "present"
        if assertion == "historical" and rule == "resolved":
            change = "resolved"
        elif assertion in ("absent", "recommendation") or (assertion == "historical" and rule != "operation"):
            change = None
        results.append(Judgement(assertion=assertion, certainty=certainty, change=change, rule=rule, cue=cue))
    return results


def _judge_one(
    text: str, scene: Scene, mentions: list[Mention], at: int, cues: list[Cue], *, is_conclusion: bool
) -> tuple[str, str | None, str, Cue | None] | None:
    mention = mentions[at]
    kind = concept_types().get(mention.code, "sign")
    before = [cue for cue in cues if cue.end <= mention.start]
    rec = next((cue for cue in reversed(before) if cue.kind == "rec"), None)
    if kind == "action":
        return "recommendation", None, "advised", rec
    if rec and is_target(text, rec, mention, mentions, cues):
        return "recommendation", None, "target", rec
    if mention.code == "gen.postop_change" or _is_status(mention.code, kind):
        if mention.code == "gen.postop_change" and _is_anchor(text, scene, mention):
            return None
        return "historical", "definite", "status", None
    if _is_left_open(text, mention, cues):
        return None
    by_kind = cues_reaching(text, scene, mentions, at, cues, is_conclusion=is_conclusion)
    inner = _find_inner_cue(text, mention)
    if inner is not None:
        by_kind[inner.kind] = inner
    return _weigh(text, scene, mentions, at, by_kind, before)


def _find_inner_cue(text: str, mention: Mention) -> Cue | None:
    """Find a cue inside a mention, between its subject and its predicate (胆囊壁可疑增厚, DWI未见高信号)."""
    stop = mention.end - (mention.core or 1)
    if stop <= mention.start + 1 or not mention.rule.startswith(("head", "signal")):
        return None
    for kind, wording in (("no", _INNER_DENIAL), ("open", _INNER_DOUBT)):
        hit = wording.search(text, mention.start + 1, stop)
        if hit:
            return Cue(start=hit.start(), end=hit.end(), kind=kind, direction=">", value="", text=hit.group())
    return None


def _weigh(
    text: str, scene: Scene, mentions: list[Mention], at: int, by_kind: dict[str, Cue], before: list[Cue]
) -> tuple[str, str | None, str, Cue | None]:
    """Decide between the cues that reach a mention (precedence of 5.4)."""
    mention = mentions[at]
    opened, denied = by_kind.get("open"), by_kind.get("no")
    if opened and denied and denied.direction == ">" and opened.text in _MAY and opened.direction == "<":
        opened = None  # 排除肺癌的可能, 无肺栓塞可能: what is denied is the possibility
    if "double" in by_kind:
        if opened:
            return "uncertain", "possible", "double.possible", opened
        return "present", "definite", "double", by_kind["double"]
    if "except" in by_kind:
        return "present", "definite", "except", by_kind["except"]
    if opened:
        return "uncertain", "possible", "open", opened
    prior = next((c for c in before if c.kind == "prior" or (c.kind == "past" and c.text[0] in _PRIOR_STUDY)), None)
    gone = by_kind.get("gone")
    if gone and not PARTIAL.search(text[scene.start : gone.start]):
        return "historical", "definite", "resolved", gone
    if denied and prior and denied.direction == "<":
        return "historical", "definite", "resolved", denied
    if mention.code not in _DEVICES and _follows_operation(text, scene, mention):
        return "historical", "definite", "operation", None
    if "past" in by_kind and not denied:
        return "historical", "definite", "past", by_kind["past"]
    if denied:
        return "absent", "definite", "absent", denied
    lean = by_kind.get("lean")
    if lean:
        if _has_alternative(text, mentions, at):
            return "uncertain", "possible", "alternative", lean
        return "uncertain", "probable", "lean", lean
    if concept_types().get(mention.code) == "diagnosis" and _has_alternative(text, mentions, at):
        return "uncertain", "possible", "alternative", None
    return "present", "definite", "present", None


def _is_left_open(text: str, mention: Mention, cues: list[Cue]) -> bool:
    """Say whether a density phrase is no finding because the sentence leaves its nature open (rule 9c)."""
    if mention.code not in _READ_FROM_DENSITY or not re.search(r"密度|回声", text[mention.start : mention.end]):
        return False
    return any(c.start >= mention.end and c.kind == "open" and re.search(r"[？?]|鉴别|性质|待定", c.text) for c in cues)


def _is_status(code: str, kind: str) -> bool:
    return kind == "status" and code not in _STATUS_PRESENT


def _is_anchor(text: str, scene: Scene, mention: Mention) -> bool:
    """Say whether 术后 only dates a comparison or explains another finding."""
    if _TIME_ANCHOR.search(text[scene.start : mention.start]):
        return True
    return text[mention.end : mention.end + 2] in ("反应", "瘢痕", "病理", "可能", "积液", "渗出", "所致")


def _has_alternative(text: str, mentions: list[Mention], at: int) -> bool:
    """Say whether the mention is joined to a neighbour by 或, 抑或, vs."""
    mention = mentions[at]
    for other in mentions:
        if other.end <= mention.start:
            gap = text[other.end : mention.start]
        elif mention.end <= other.start:
            gap = text[mention.end : other.start]
        else:
            continue
        if len(gap) <= 4 and re.search(r"或|vs|VS", gap) and "，" not in gap:
            return True
    return False


def _follows_operation(text: str, scene: Scene, mention: Mention) -> bool:
    if text.find("后", mention.end, scene.end) < 0:
        return False
    tail = text[mention.end : min(scene.end, mention.end + 16)]
    hit = _AFTER_OPERATION.match(tail)
    if hit:
        return not re.match(r"[^，。；]{0,6}(?:较|与|见|伴)", tail[: hit.end()])
    return bool(_AFTER_TREATMENT.match(text, mention.end, scene.end))
