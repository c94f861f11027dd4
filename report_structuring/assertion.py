"""Assertion and change of the mentions in one sentence (specification 5 and 6).

For each mention every cue that reaches it is collected; the precedence of 5.4 decides:
recommendation, double negation, "cannot be excluded", resolved or historical, absent,
uncertain, present.
"""

import re
from dataclasses import dataclass

from report_structuring.cues import COMPARED, GOAL, Cue
from report_structuring.lexicon import Mention, Scene, concept_types

_DEVICES = frozenset({"gen.drainage_tube", "brain.stent"})
_STATUS_PRESENT = frozenset({"pas.scarred_uterus"}) | _DEVICES
_JOINED = re.compile(r"[^，。；伴]{0,10}?(?:[、及和与或/+]|(?<!合)并)[^，。；伴]{0,12}")
_TAIL = re.compile(r"[^，。；]{0,12}")
_AFTER_OPERATION = re.compile(
    r"(?:[^，。；\d、]{0,6}?)(?:切除|清除|引流|夹闭|栓塞|取栓|溶栓|修补|根治|置换|切开|减压|介入|微创|穿刺|手术|支架|化疗|放疗|成形|缝扎|缝合|剖宫产|开颅)*(?:术|手术|溶栓|取栓|化疗|放疗)后"
)
_TIME_ANCHOR = re.compile(r"(?:较|与|比|对比|对照)[^，。；]{0,8}$")
_NEW_SUBJECT = re.compile(
    r"(?:其余|余|另|其中|但|然|惟|而|见|可见|伴|呈|为|示|考虑|建议|较|直径|大小|范围|最|边缘|内|CT值)"
)
_CHANGE_WORDS = re.compile(r"(?:增厚|增宽|扩张|增大|肿大|增粗|移位|变薄|中断|消失|不清|模糊|狭窄|闭塞|受压|增多|毛糙)$")
_CUE_STOPS = frozenset({"no", "yes", "open", "lean", "double", "rec", "still"})
_WITH = ("与", "和", "同")
_READ_FROM_DENSITY = frozenset(
    {"brain.ich", "brain.sah", "brain.sdh", "brain.hyperdense_vessel", "abd.ureteral_stone", "abd.renal_stone"}
)
_PARTIAL = re.compile(r"(?:部分|大部分?|明显|略|稍|少许|有所|逐渐)(?:已)?$")


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
    unadvised = _find_unadvised(text, mentions, cues, section)
    everything, mentions = mentions, [m for i, m in enumerate(mentions) if i not in unadvised]
    judged = iter(_judge_kept(text, scene, mentions, cues, compared=compared))
    return [None if i in unadvised else next(judged) for i in range(len(everything))]


def _judge_kept(
    text: str, scene: Scene, mentions: list[Mention], cues: list[Cue], *, compared: bool
) -> list[Judgement | None]:
    changes = _find_changes(text, scene, mentions, cues, compared=compared)
    results: list[Judgement | None] = []
    for at in range(len(mentions)):
        found = _judge_one(text, scene, mentions, at, cues)
        if found is None:
            results.append(None)
            continue
        assertion, certainty, rule, cue = found
        change = changes.get(at)
        if assertion == "historical" and rule == "resolved":
            change = "resolved"
        elif assertion in ("absent", "recommendation") or (assertion == "historical" and change != "resolved"):
            change = None
        results.append(Judgement(assertion=assertion, certainty=certainty, change=change, rule=rule, cue=cue))
    return results


def _judge_one(
    text: str, scene: Scene, mentions: list[Mention], at: int, cues: list[Cue]
) -> tuple[str, str | None, str, Cue | None] | None:
    mention = mentions[at]
    kind = concept_types().get(mention.code, "sign")
    before = [cue for cue in cues if cue.end <= mention.start]
    rec = next((cue for cue in reversed(before) if cue.kind == "rec"), None)
    if kind == "action":
        return "recommendation", None, "advised", rec
    if rec and _is_target(text, scene, rec, mention, cues):
        return "recommendation", None, "target", rec
    if mention.code == "gen.postop_change" or _is_status(mention.code, kind):
        if mention.code == "gen.postop_change" and _is_anchor(text, scene, mention):
            return None
        return "historical", "definite", "status", None
    if _is_left_open(text, mention, cues):
        return None
    reaching = [cue for cue in cues if _reaches(text, scene, mentions, at, cue, cues)]
    by_kind: dict[str, Cue] = {}
    for cue in reaching:
        by_kind.setdefault(cue.kind, cue)
    if "double" in by_kind:
        cue = by_kind["double"]
        opened = by_kind.get("open")
        if opened:
            return "uncertain", "possible", "double.possible", opened
        return "present", "definite", "double", cue
    if "except" in by_kind:
        return "present", "definite", "except", by_kind["except"]
    opened = by_kind.get("open")
    if opened:
        return "uncertain", "possible", "open", opened
    prior = next((cue for cue in before if cue.kind == "prior"), None)
    gone = by_kind.get("gone")
    denied = by_kind.get("no")
    if gone and not _PARTIAL.search(text[scene.start : gone.start]):
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
        if lean.direction == ">" and _has_alternative(text, mentions, at):
            return "uncertain", "possible", "alternative", lean
        return "uncertain", "probable", "lean", lean
    if kind == "diagnosis" and _has_alternative(text, mentions, at):
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


def _find_unadvised(text: str, mentions: list[Mention], cues: list[Cue], section: str) -> set[int]:
    """Return the places of actions that nobody advises (MRA：, CTA示, 与超声比较)."""
    unadvised: set[int] = set()
    advised_to = -1
    for at, mention in enumerate(mentions):
        if concept_types().get(mention.code) != "action":
            continue
        rec = next((c for c in reversed(cues) if c.kind == "rec" and c.end <= mention.start), None)
        begins = rec.end if rec else advised_to
        is_governed = begins >= 0 and not re.search(r"[。；]", text[begins : mention.start])
        if is_governed or _advises_itself(text, mention, section):
            advised_to = mention.end
        else:
            unadvised.add(at)
    return unadvised


def _advises_itself(text: str, mention: Mention, section: str) -> bool:
    """Say whether an action is advice without a cue: 结合临床, 定期复查, an entry of a section of advice."""
    wording = text[mention.start : mention.end]
    if section == "recommendation" or (mention.code == "rec.clinical_correlation" and "结合" in wording):
        return True
    if mention.code != "rec.followup" or section not in ("impression", "path_diagnosis", "unsectioned"):
        return False
    if re.match(r"定期|短期|动态|密切|随|\d|年度|追踪|[一二三六半]|治疗后|及时|近期", wording):
        return True
    return wording == "复查" and text[mention.start - 1 : mention.start] in ("", "，", "。", "；", "\n")


def _is_target(text: str, scene: Scene, rec: Cue, mention: Mention, cues: list[Cue]) -> bool:
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
        return not verb_between or bool(GOAL.search(gap))
    last = gap.rsplit("，", 1)[1]
    return bool(re.match(r"(?:以|进一步|必要时)?[^，]{0,12}(?:除外|排除|明确|了解|鉴别|以排)", last))


def _clause_of(scene: Scene, place: int) -> tuple[int, int]:
    for left, right in scene.clauses:
        if left <= place < right:
            return left, right
    return scene.start, scene.end


def _reaches(text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue]) -> bool:
    mention = mentions[at]
    if cue.kind == "except":
        closing = next((c for c in cues if c.kind == "except_end" and c.start >= cue.end), None)
        return closing is not None and cue.end <= mention.start and mention.end <= closing.start
    if cue.kind in ("except_end", "rec", "yes", "prior", "new", "more", "less", "stable", "still"):
        return False
    if cue.direction in (">", "=") and cue.end <= mention.start:
        return _reaches_forward(text, scene, mentions, at, cue, cues)
    if cue.direction in ("<", "=") and mention.end <= cue.start:
        if cue.direction == "=" and _has_forward_target(text, scene, mentions, cue):
            return False
        return _reaches_back(text, scene, mentions, at, cue, cues)
    return False


def _has_forward_target(text: str, scene: Scene, mentions: list[Mention], cue: Cue) -> bool:
    """Say whether a two-way cue (不除外) has a finding close behind it in the clause."""
    _, right = _clause_of(scene, cue.start)
    nexts = [m for m in mentions if cue.end <= m.start < right]
    return bool(nexts) and nexts[0].start - cue.end <= 8


def _blocks(cue: Cue, other: Cue) -> bool:
    """Say whether a cue between a cue and its target ends the scope."""
    if other.kind not in _CUE_STOPS:
        return False
    if cue.kind in ("open", "lean") and other.kind == "yes" and other.text in ("为", "呈"):
        return False
    # 伴 joins list items and 考虑…可能 is one frame; a backward cue acts only on what stands before it.
    if other.direction == "<":
        return other.kind in ("no", "open", "lean")
    return True


def _reaches_forward(text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue]) -> bool:
    mention = mentions[at]
    if any(cue.end <= other.start and other.end <= mention.start and _blocks(cue, other) for other in cues):
        return False
    if cue.kind == "no" and any(c.kind == "except_end" and cue.end <= c.start and c.end <= mention.start for c in cues):
        return False
    _, clause_end = _clause_of(scene, cue.start)
    if mention.start < clause_end:
        return True
    if cue.kind not in ("no", "double", "open"):
        return False
    if cue.kind == "open" and cue.direction != ">":
        return False
    # A bare-noun list separated by commas goes on until a verb or a new subject appears.
    for left, right in scene.clauses:
        if right <= clause_end or left > mention.start:
            continue
        inside = [m for m in mentions if left <= m.start < right]
        if not inside or any(left <= c.start < right and c.kind in (*_CUE_STOPS, "past") for c in cues):
            return False
        first = inside[0]
        lead = text[left : first.start]
        if any(left <= phrase.start < first.start for phrase in scene.phrases):
            return False
        if (
            len(lead) > 4
            or _NEW_SUBJECT.match(lead)
            or any(left <= s.start < first.end for s in scene.sites if s.resets)
        ):
            return False
        if _CHANGE_WORDS.search(text[first.start : first.end]) and first.end - first.start > 2:
            return False
        if text[inside[-1].end : right].strip("，。；、等征象的 \n及表现改变影？)）"):
            return False
    return any(left <= mention.start < right for left, right in scene.clauses)


def _reaches_back(text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue]) -> bool:
    mention = mentions[at]
    left, _ = _clause_of(scene, cue.start)
    if cue.kind == "gone" and any(mention.end <= site.start < cue.start and site.resets for site in scene.sites):
        return False
    if cue.text in ("？", "?") and cue.start == left:
        return False
    if mention.start < left:
        # 原X，现未见 and 原X…，已吸收 look back over a clause without a finding of its own.
        if cue.kind != "gone" or any(left <= m.start < cue.start for m in mentions):
            return False
        if cue.start - left > 6 or any(left <= site.start < cue.start for site in scene.sites):
            return False
    limit = 14 if cue.kind == "gone" else 8
    chain_end = cue.start
    for other_at in range(len(mentions) - 1, -1, -1):
        other = mentions[other_at]
        if other.end > cue.start:
            continue
        gap = text[other.end : chain_end]
        if other.end == chain_end or (other.start < chain_end <= other.end):
            near = True
        elif chain_end == cue.start:
            near = (
                len(gap) <= (30 if cue.kind == "gone" and mention.start < left else limit)
                and ("，" not in gap or cue.kind == "gone")
                and not _has_blocking(other.end, cue.start, cue, cues)
            )
        else:
            near = bool(_JOINED.fullmatch(gap)) and not _has_blocking(other.end, chain_end, cue, cues)
        same_span = any(m.start == other.start and m.end == other.end for m in mentions if m is not other)
        if not near and not same_span:
            return False
        if other_at == at:
            return near or same_span
        chain_end = min(chain_end, other.start)
        if other_at == 0:
            return False
    return False


def _has_blocking(start: int, end: int, cue: Cue, cues: list[Cue]) -> bool:
    return any(
        start <= c.start
        and c.end <= end
        and c is not cue
        and c.text not in _WITH
        and c.kind in ("no", "open", "lean", "yes", "double", "rec")
        for c in cues
    )


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
    tail = text[mention.end : min(scene.end, mention.end + 16)]
    hit = _AFTER_OPERATION.match(tail)
    return bool(hit) and not re.match(r"[^，。；]{0,6}(?:较|与|见|伴)", tail[: hit.end() if hit else 0])


def _find_changes(
    text: str, scene: Scene, mentions: list[Mention], cues: list[Cue], *, compared: bool
) -> dict[int, str]:
    """Give each change cue to the mention it is said of."""
    sentence = text[scene.start : scene.end]
    here = bool(COMPARED.search(sentence))
    changes: dict[int, str] = {}
    for cue in cues:
        if cue.kind not in ("new", "more", "less", "stable", "gone", "still"):
            continue
        left, right = _clause_of(scene, cue.start)
        clause = text[left:right]
        if cue.kind == "more" and not (here and COMPARED.search(text[max(left, cue.start - 24) : cue.start + 2])):
            continue
        if cue.kind == "still" and not (here or compared):
            continue
        if (
            cue.kind == "less"
            and _PARTIAL.search(cue.text) is None
            and not (here or compared)
            and cue.text in ("减低", "变薄", "减少", "减弱", "减小", "缩小", "减退")
        ):
            continue
        inside = [i for i, m in enumerate(mentions) if left <= m.start < right]
        if cue.direction == ">":
            targets = [i for i in inside if mentions[i].start >= cue.end]
        else:
            targets = [i for i in inside if mentions[i].end <= cue.start]
            if targets:
                last = targets[-1]
                chain = [last]
                for i in reversed(targets[:-1]):
                    gap = text[mentions[i].end : mentions[chain[-1]].start]
                    if mentions[i].end > mentions[chain[-1]].start or _JOINED.fullmatch(gap):
                        chain.append(i)
                    else:
                        break
                targets = chain
            elif not re.search(r"(?:余|其余|其他)", clause):
                earlier = [i for i, m in enumerate(mentions) if m.end <= left]
                targets = earlier[-1:]
                if not targets:
                    targets = [i for i in inside if mentions[i].start >= cue.end][:1]
        value = cue.value
        for i in targets:
            if concept_types().get(mentions[i].code) != "action":
                changes.setdefault(i, value)
    if compared or here:
        for i, mention in enumerate(mentions):
            if i not in changes and text[max(scene.start, mention.start - 3) : mention.start].endswith("新发"):
                changes[i] = "new"
    return changes
