"""Change against a prior study (specification 5.2, 6)."""

import re

from report_structuring.advice import clause_of
from report_structuring.cues import COMPARED, Cue
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene, concept_types
from report_structuring.scope import GONE_GAP, JOINED

PARTIAL = compile_wording(r"(?:部分|大部分?|明显|略|稍|少许|有所|逐渐|基本|几乎|接近)(?:已)?$")
_KINDS = frozenset({"new", "more", "less", "stable", "gone", "still"})
# Weak words of decrease are said of density or wall too; only a comparison makes them a change.
_WEAK_LESS = ("减低", "变薄", "减少", "减弱", "减小", "缩小", "减退", "消退")
_OF_DENSITY = re.compile(r"(?:强化|信号|回声|密度|灌注|透亮度)[^，。；]{0,4}$")
_ITEM = re.compile(r"[^，。；]{0,12}?(?:[、及和与或/+]|伴有?|合?并)[^，。；]{0,14}")
# A clause that only describes the finding before it (内见充气支气管征, 周围水肿, 累及膀胱).
ATTRIBUTE = re.compile(
    r"(?:其|病灶|灶)?(?:内部?|中|周围|周边|周|边缘|边|壁|腔内|中央|中心)(?:可|未|另|隐约)?(?:见|呈|伴|有|示)"
    r"|(?:部分|局部)?(?:呈|伴|累及|侵及|侵犯|突破|破入|穿透|继发)|周围|灶周|邻近|对应|相应"
)
ATTRIBUTE_CODES = frozenset(
    {"lung.air_bronchogram", "lung.halo_sign", "brain.adc_low", "brain.mass_effect", "lung.air_crescent"}
)
_REACHING = re.compile(r"累及|侵及|侵犯|破入|周围|灶周")
_PRIOR_WORDS = r"(?:较前片?|较[^，。；]{2,14}?(?:片|前|日|CT|MRI?))(?:明显|略|稍|显著|有所|进一步|轻度|逐渐|又|的)*"
_COMPARED_HERE = compile_wording(_PRIOR_WORDS + "$")
_GREATER = re.compile(r"扩大|增大|增多|增宽|增厚|加重|增粗|加深|肿大|扩张|增高|明显")
_COMPARISON = re.compile(
    r"[(（][^()（）]*[)）]|(?:较|与|同|比|对比|对照|参照)[^，。；]*?(?:前片?|片|CT|MRI?|检查|超声|日|比较|相比|对比|对照|次|旧|老|上)(?:片|比较|相比|对比|对照|检查)*"
)
# What may stand before a word of change without being another subject (one pass, each word struck out).
_NO_SUBJECT = re.compile(
    r"^[^，。；]{1,8}者|囗|[\d.\-/×x*~～%:：\s]+|mm|cm|ml|mL|CT|MRI?|平扫|超声|描述|复查|治疗后|本次|此次|上次|前次|前片|目前|大?部分|少许"
    r"|[左右双两]侧|大致|基本|整体|总体|明显|轻度|有所|逐渐|上述|以上|两者|二者|病灶|病变|范围|体积|大小|数目|数量|密度|信号|回声|程度|边界"
    r"|边缘|形态|最?大?径线?|长径|短径|深度|厚度|宽度|位置|情况|改变|征象|覆盖|对比|比较|未见"
    r"|[约由从至现今略稍其均各皆也亦仍呈则灶影量者内的及和、无已再一于]"
)
_ALL = re.compile(r"(?:以上|上述|均|各|皆|两者|二者)")
_LESION_WORD = re.compile(r"影|灶|密度|信号|回声|病变|结构|团|斑")
_BOTH_VALUES = compile_wording(
    r"(?P<now>\d+(?:\.\d+)?)\s?(?P<a>mm|cm|ml|mL|%)?\s?[，(（]\s?(?:原(?!始)|前片|前次|上次)[^，。；\d]{0,6}"
    r"(?P<was>\d+(?:\.\d+)?)\s?(?P<b>mm|cm|ml|mL|%)"
)


def is_attribute(text: str, scene: Scene, mention: Mention) -> bool:
    """Say whether a mention only describes another finding (its margin, content or surroundings)."""
    if mention.code in ATTRIBUTE_CODES:
        return True
    left, _ = clause_of(scene, mention.start)
    hit = ATTRIBUTE.match(text, left)
    return hit is not None and (hit.end() <= mention.start or bool(_REACHING.match(text, mention.start)))


def antecedents(text: str, scene: Scene, mentions: list[Mention], before: int) -> list[int]:
    """Return the places of what a clause without a finding of its own speaks of: the last named, with its item.

    Mentions that describe another finding are passed over when there is one they describe.
    """
    kinds = concept_types()
    earlier = [i for i, m in enumerate(mentions) if m.end <= before and kinds.get(m.code) not in ("action", "status")]
    if not earlier:
        return []
    heads = [i for i in earlier if not is_attribute(text, scene, mentions[i])]
    last = heads[-1] if heads else earlier[-1]
    return _chain(text, mentions, [i for i in (heads or earlier) if i <= last], _ITEM)


def _chain(text: str, mentions: list[Mention], targets: list[int], joined: re.Pattern[str]) -> list[int]:
    """Return the last target with those it is joined to in a list."""
    chain = targets[-1:]
    for i in reversed(targets[:-1]):
        nearest = mentions[chain[-1]]
        if mentions[i].end > nearest.start or joined.fullmatch(text[mentions[i].end : nearest.start]):
            chain.append(i)
        else:
            break
    return chain


def find_changes(
    text: str, scene: Scene, mentions: list[Mention], cues: list[Cue], *, compared: bool
) -> dict[int, str]:
    """Give each cue of change to the mentions it is said of, by their places; `compared` tells of a prior study."""
    here = COMPARED.search(text, scene.start, scene.end)
    changes: dict[int, str] = {}
    used_to = scene.start
    for cue in cues:
        if cue.kind not in _KINDS or not _counts(text, scene, mentions, cue, here, compared=compared):
            continue
        value = "decreased" if cue.kind == "gone" and PARTIAL.search(text[scene.start : cue.start]) else cue.value
        for i in _targets(text, scene, mentions, cue, used_to):
            if concept_types().get(mentions[i].code) != "action":
                changes.setdefault(i, value)
        used_to = cue.end
    for i, mention in enumerate(mentions):
        if i in changes:
            continue
        wording = text[mention.start : mention.end]
        predicate = mention.end - mention.core if mention.core else mention.start
        lead = text[max(scene.start, predicate - 18) : predicate]
        if (compared or here) and ("新发" in wording or lead.endswith(("新发", "新出现"))):
            changes[i] = "new"
        elif "较" in lead and _COMPARED_HERE.search(lead) and _GREATER.search(wording):
            changes[i] = "increased"
    _compare_values(text, scene, mentions, changes)
    return changes


def _counts(
    text: str, scene: Scene, mentions: list[Mention], cue: Cue, here: re.Match[str] | None, *, compared: bool
) -> bool:
    """Say whether a word of change compares with a prior study here."""
    is_here = here is not None
    if cue.kind == "more":
        left, _ = clause_of(scene, cue.start)
        return cue.text.endswith("至") or (
            here is not None
            and (here.start() < cue.start or bool(COMPARED.search(text, max(left, cue.start - 24), cue.start + 2)))
        )
    if cue.text.endswith(("相仿", "相似", "类同", "一致")):
        # 密度与肌肉相似 likens a density, not an earlier study.
        left, _ = clause_of(scene, cue.start)
        likened = re.search(r"[与和同跟].*", text[left : cue.end])
        return is_here or likened is None or bool(re.search(r"前|旧|上次|老|片|\d", likened.group()))
    if cue.kind == "still" or cue.text.startswith("新发") or cue.text.endswith("出现"):
        return is_here or compared
    if cue.kind == "less" and cue.text in _WEAK_LESS:
        is_of_finding = any(0 <= cue.start - m.end <= 2 for m in mentions)
        return is_here and (is_of_finding or not _OF_DENSITY.search(text[max(0, cue.start - 8) : cue.start]))
    return True


def _targets(text: str, scene: Scene, mentions: list[Mention], cue: Cue, used_to: int) -> list[int]:
    left, right = clause_of(scene, cue.start)
    inside = [i for i, m in enumerate(mentions) if left <= m.start < right]
    if cue.direction == ">":
        targets = [i for i in inside if mentions[i].start >= cue.end]
        if not targets and (cue.text.endswith("出现") or not _LESION_WORD.search(text, cue.end, right)):
            return []
        for start, end in scene.clauses:
            if start < right:
                continue
            # 新见低密度影，厚约4mm，硬膜下积液可能 and 新见斑点影，部分呈树芽状 go on in later clauses.
            goes_on = re.match(r"(?:部分)?(?:呈|为)|部分", text[start : start + 4])
            if targets and not goes_on:
                break
            targets += [i for i, m in enumerate(mentions) if start <= m.start < end]
        return targets
    said_before = [i for i in inside if mentions[i].end <= cue.start]
    targets = [i for i in said_before if used_to <= mentions[i].start] or said_before
    if targets:
        return _chain(text, mentions, targets, JOINED)
    if re.search(r"余|其他", text[left:right]):
        return []
    if not _speaks_of_finding(text[left : cue.start]):
        return []
    if cue.kind == "gone" and cue.text.endswith("消失") and not GONE_GAP.fullmatch(text[left : cue.start]):
        return []
    if _ALL.search(text[left : cue.start]):
        return [i for i, m in enumerate(mentions) if m.end <= left]
    before = antecedents(text, scene, mentions, left)
    return before or [i for i in inside if mentions[i].start >= cue.end][:1]


def _speaks_of_finding(lead: str) -> bool:
    """Say whether a clause without a finding before its word of change has no other subject (心影同前)."""
    return not _NO_SUBJECT.sub("", _COMPARISON.sub("", lead))


def _compare_values(text: str, scene: Scene, mentions: list[Mention], changes: dict[int, str]) -> None:
    """Read the change from a value and its prior value in brackets (9mm（原4mm）)."""
    for hit in _BOTH_VALUES.finditer(text, scene.start, scene.end):
        left, _ = clause_of(scene, hit.start())
        own = [i for i, m in enumerate(mentions) if left <= m.start and m.end <= hit.start()]
        own = own or antecedents(text, scene, mentions, left)[:1]
        scale = {"cm": 10.0}
        now = float(hit["now"]) * scale.get(hit["a"] or hit["b"], 1.0)
        was = float(hit["was"]) * scale.get(hit["b"], 1.0)
        for i in own[-1:]:
            changes.setdefault(i, "increased" if now > was else "decreased" if now < was else "stable")
