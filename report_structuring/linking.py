"""What a measurement is said of: a finding, or a structure that is no finding (specification 7.4)."""

import re
from dataclasses import dataclass

from report_structuring.advice import clause_of
from report_structuring.change import ATTRIBUTE_CODES
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene, concept_types
from report_structuring.quantity import Quantity
from report_structuring.words import read_rows

# Structures that are measured without being findings: wording, target, usual kind.
_STRUCTURES = tuple((compile_wording(wording), target, kind) for wording, target, kind in read_rows("measured.tsv"))
_ANY_STRUCTURE = compile_wording("|".join(f"(?:{wording})" for wording, _, _ in read_rows("measured.tsv")))
_LARGEST = compile_wording(r"较大|最大|大者|较宽者|其一|其中一|病灶|病变|宽者|长者")
# A lesion that has no code of its own (见混杂回声团): its size is not that of a neighbouring sign.
_UNNAMED = compile_wording(
    r"(?:见|示|探及|显示|扫及)[^，。；]{0,14}?(?:异常(?:信号|密度|回声)|密度|信号|回声|结构|结节|附着|突出|团块?|血块|液性分离|包块|囊性)(?:影|灶|区|团|带|样)?"
    r"|(?:密度|信号|回声)(?:影|灶|区|团)(?=，)"
)
_MANY = compile_wording(r"多发|多个|多枚|多处|数[个枚处]|散在|弥漫|若干|[两二三四五六七八九\d][个枚处]")
_INSIDE = re.compile(r"(?:其|病灶|部分)?(?:内部?|中|腔内)(?:可|另|亦)?见")
_AROUND = re.compile(r"(?:其|病灶|灶)?(?:周围|周边|灶周|边缘|邻近|相邻|对应|相应)|伴|继发|累及|侵及|破入")
_ABNORMAL = compile_wording(r"见[^，。；]{0,12}异常(?:信号|密度)(?:影|灶|区)?")
_LOW_CODES = frozenset({"pas.low_lying", "pas.previa", "pas.previa_marginal", "pas.previa_complete"})
_FLOW = re.compile(
    r"brain\.(?:stenosis|occlusion|aneurysm|avm|plaque)|pas\.(?:hypervascularity|turbulent_lacunar_flow|lacunae|bridging_vessels|intraplacental_vessels)|abd\.(?:mesenteric_thrombosis)"
)
_FLUID = frozenset({"abd.ascites", "lung.pleural_effusion", "abd.hemoperitoneum", "lung.pericardial_effusion"})
_RECESS = compile_wording(r"(?:窝|隐窝|陷凹|间隙|间|周|腔|腹|盆)[^，。；]{0,6}(?:深|宽|厚|前后径|径)?[^，。；\d]{0,4}$")
_BLEEDING = frozenset({"brain.ich", "brain.sdh", "brain.edh", "brain.sah"})
# Findings with a wall of their own.
_HOLLOW = re.compile(
    r"cavity|cyst|abscess|appendi(?!colith)|gb_|wall_thickening|bowel_dilatation|cholecystitis|diverticulum"
)
_NEVER_MEASURED = frozenset(
    {
        "pas.malpresentation", "pas.scarred_uterus", "pas.prior_cesarean", "pas.hysterectomy", "gen.postop_change",
        "gen.cholecystectomy", "gen.appendectomy", "gen.lung_resection", "brain.craniotomy", "brain.stent",
        "gen.degenerative", "brain.mass_effect", "lung.air_bronchogram", "lung.halo_sign", "pas.heterogeneity", "pas.turbulent_lacunar_flow",
    }
)  # fmt: skip
_SURROUNDING = frozenset({"brain.edema", "gen.calcification"})
_SIGNALS = frozenset({"brain.t2_hyperintensity", "brain.dwi_hyperintensity", "brain.adc_low"})
_LOCATES = compile_wording(r"(?:位于|见于|在|达|至|距|距离|以|与|自)[^，。；]{0,6}$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """The entity a measurement belongs to (its place in the list), or a normal structure, with its usual kind."""

    at: int | None
    target: str | None = None
    kind: str = ""
    begin: int = 0


def link(
    text: str, scene: Scene, mentions: list[Mention], past: set[int], quantity: Quantity, kind: str, *, is_prior: bool
) -> Link:
    """Link a quantity to one of the mentions of its sentence; `past` are the places of those no longer there."""
    usable = [i for i, m in enumerate(mentions) if not m.code.startswith("rec.")]
    left = [i for i in usable if mentions[i].end <= quantity.start]
    right = [i for i in usable if mentions[i].start >= quantity.end]
    clause_start, clause_end = clause_of(scene, quantity.start)
    gap_start = mentions[left[-1]].end if left else scene.start
    gap = text[gap_start : quantity.start]
    # 肿大阑尾 and 扩张的胆总管 name the organ behind the finding: that is no other structure.
    opens = gap_start + (1 if gap.startswith("的") else 0)
    structure = _find_structure(text, gap_start, quantity.start)
    unnamed = _last(_UNNAMED, gap)
    if structure is not None and (
        (left and structure.begin <= opens) or (unnamed is not None and gap_start + unnamed.start() > structure.begin)
    ):
        structure = None
    special = _link_special(text, mentions, left, right, quantity, kind, gap, structure)
    if special is not None:
        return special
    measurable = [i for i in left if mentions[i].code not in _NEVER_MEASURED]
    behind = _right_behind(text, mentions, right, quantity, left, clause_start, kind)
    if behind is not None:
        return Link(at=behind)
    if kind == "distance" and "距" in gap.rsplit("，", 1)[-1]:
        return _link_distance(text, scene, mentions, measurable, right, past, gap, clause_start)
    if "壁厚" in gap and re.search(r"壁厚[^，。；]{0,3}$", gap):
        hollow = [i for i in measurable if _HOLLOW.search(mentions[i].code)]
        return Link(at=hollow[-1] if hollow else None)
    if structure is not None:
        shifted = _of_same_organ(text, scene, mentions, measurable, structure.begin, quantity.start)
        return Link(at=shifted, target=structure.target if shifted is None else None, kind=structure.kind)
    if measurable and kind == "thickness" and mentions[measurable[-1]].code in _LOW_CODES:
        return Link(at=None, target="placenta")
    if unnamed is None and left:
        unnamed = _signal_only(text, scene, mentions, left, quantity)
    if unnamed is not None:
        return Link(at=_diagnosis_of(text, mentions, right, past))
    if not left:
        inside = [i for i in right if mentions[i].start < clause_end]
        if inside and not _sites_between(scene, clause_start, quantity.start):
            return Link(at=inside[0]) if kind != "distance" else Link(at=None)
        return Link(at=None)
    if _sites_between(scene, gap_start, quantity.start) and not _places_the_lesion(text, scene, gap_start, quantity):
        return Link(at=_of_same_organ(text, scene, mentions, measurable, gap_start, quantity.start))
    if not measurable:
        return Link(at=None)
    speaks_of_lesion = is_prior or bool(_LARGEST.search(gap))
    if speaks_of_lesion and "，" in gap:
        return Link(at=_lesion(text, scene, mentions, measurable))
    if left[-1] != measurable[-1] and mentions[left[-1]].start >= clause_start:
        return Link(at=None)
    if mentions[measurable[-1]].start >= clause_start:
        return Link(at=measurable[-1])
    return Link(at=_head(text, scene, mentions, measurable))


def _link_special(
    text: str,
    mentions: list[Mention],
    left: list[int],
    right: list[int],
    quantity: Quantity,
    kind: str,
    gap: str,
    structure: Link | None,
) -> Link | None:
    """Link what only certain findings can have: an index, a flow, a score, a volume of blood."""
    if kind == "afi":
        amount = [i for i in (*left, *right) if mentions[i].code in ("pas.oligohydramnios", "pas.polyhydramnios")]
        return Link(at=amount[0] if amount else None)
    if kind == "distance" and not left and re.search(r"自[^，。；]{0,4}开口", gap):
        return Link(at=right[0]) if right and mentions[right[0]].start - quantity.end <= 6 else Link(at=None)
    if kind in ("velocity", "ri") or quantity.name in ("S/D", "PI"):
        if structure is not None or re.search(r"(?:动脉|静脉|颈内|颈总|颈外|椎)[^，。；]{0,6}$", gap):
            return Link(at=None)
        flows = [i for i in left if _FLOW.match(mentions[i].code)]
        return Link(at=flows[-1] if flows else None)
    if kind == "score":
        name = quantity.name
        wanted = {"N": "brain.nihss", "m": "brain.nihss", "A": "brain.aspects"}.get(name[:1])
        if wanted and not name.startswith("mRS"):
            own = [i for i in left if mentions[i].code == wanted]
            return Link(at=own[-1] if own else None)
        if re.search(r"植入[^，。；]{0,2}(?:超声)?评分[^，。；]{0,3}$", gap):
            return Link(at=None)
        return Link(at=left[-1]) if left and "，" not in gap else None
    if kind == "volume" and re.search(r"出血量|血肿量|血量", gap):
        bleeding = [i for i in left if mentions[i].code in _BLEEDING]
        if bleeding:
            return Link(at=bleeding[-1])
    return None


def _link_distance(
    text: str,
    scene: Scene,
    mentions: list[Mention],
    measurable: list[int],
    right: list[int],
    past: set[int],
    gap: str,
    clause_start: int,
) -> Link:
    """Link a distance: what stands behind 距 is only the place it is measured from."""
    own = _in_clause(mentions, measurable, clause_start)
    if own:
        return Link(at=own[-1])
    subject = gap.rsplit("，", 1)[-1].split("距", 1)[0]
    tips = [i for i in measurable if mentions[i].code == "gen.drainage_tube"]
    if tips and re.search(r"[末尖头顶]端|端$", subject):
        return Link(at=tips[-1])
    if not re.sub(r"最[深浅近]处?|病灶|其|约|且|，", "", subject) and measurable:
        return Link(at=_lesion(text, scene, mentions, measurable))
    low = [i for i in right if mentions[i].code in _LOW_CODES and i not in past]
    near = low and text.count("，", clause_start, mentions[low[0]].start) <= 2 and "缘" in subject
    return Link(at=low[0] if near else None)


def _find_structure(text: str, start: int, end: int) -> Link | None:
    """Find the structure named last before a number that is measured without being a finding."""
    best: tuple[int, Link] | None = None
    if not _ANY_STRUCTURE.search(text, start, end):
        return None
    for wording, target, kind in _STRUCTURES:
        for hit in wording.finditer(text, start, end):
            if text[hit.start() - 1 : hit.start()] in ("距", "达") or text[hit.start() - 2 : hit.start()] in (
                "位于",
                "距离",
            ):
                continue
            if re.match(r"[^，。；]{0,6}(?:内口|外口)", text[hit.start() : hit.end() + 3]):
                continue
            if best is None or hit.end() > best[0]:
                best = hit.end(), Link(at=None, target=target or None, kind=kind, begin=hit.start())
    if best is None:
        return None
    # 较大者 after the structure speaks of the lesions again.
    return None if _LARGEST.search(text, best[0], end) else best[1]


def _right_behind(
    text: str,
    mentions: list[Mention],
    right: list[int],
    quantity: Quantity,
    left: list[int],
    clause_start: int,
    kind: str,
) -> int | None:
    """Return the mention right behind a number that stands before it (约5mm结节, 距切缘5cm见肿物)."""
    if not right:
        return None
    first = right[0]
    between = text[quantity.end : mentions[first].start]
    own = _in_clause(mentions, left, clause_start)
    if kind == "distance" and re.fullmatch(r"(?:处|以远|外)?(?:可?见|有)?[^，。；\d]{0,8}", between) and not own:
        follows = re.match(r"处|以远|外|见|可见", between)
        return first if follows or not between else None
    if not re.fullmatch(r"的?(?:左右)?(?:大小)?(?:不[一等])?的?", between):
        return None
    if not own:
        return first
    lead = text[mentions[own[-1]].end : quantity.start]
    return first if re.search(r"[见及和与、并一]", lead) else None


def _in_clause(mentions: list[Mention], places: list[int], clause_start: int) -> list[int]:
    return [i for i in places if mentions[i].start >= clause_start]


def _last(wording: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for hit in wording.finditer(text):
        found = hit
    return found


def _signal_only(
    text: str, scene: Scene, mentions: list[Mention], left: list[int], quantity: Quantity
) -> re.Match[str] | None:
    """Say whether a lesion without a code is only described by signal (异常信号，T2WI高信号，大小约2cm)."""
    first = next((i for i in left if mentions[i].start >= scene.start), None)
    if first is None:
        return None
    lesion = _ABNORMAL.search(text, scene.start, mentions[first].start)
    if lesion is None:
        return None
    speaks_of_it = re.search(r"病灶|病变", text[mentions[left[-1]].end : quantity.start])
    return lesion if speaks_of_it or all(mentions[i].code in _SIGNALS for i in left) else None


def _diagnosis_of(text: str, mentions: list[Mention], right: list[int], past: set[int]) -> int | None:
    """Return the finding that a later word of the sentence makes of a lesion without a code."""
    for i in right:
        mention = mentions[i]
        before = text[max(0, mention.start - 8) : mention.start]
        after = text[mention.end : mention.end + 5]
        named = re.search(r"考虑|符合|提示|为|倾向|疑|似|警惕|除外|拟", before) or re.match(
            r"可能|待排|不除外|？|首先|不能", after
        )
        if i not in past and (named or concept_types().get(mention.code) == "diagnosis"):
            return i
    return None


def _sites_between(scene: Scene, start: int, end: int) -> bool:
    return any(start <= site.start and site.end <= end and site.resets for site in scene.sites)


def _places_the_lesion(text: str, scene: Scene, start: int, quantity: Quantity) -> bool:
    """Say whether the sites before a number only tell where the lesion lies (较大者位于右肺上叶，约5mm)."""
    sites = [s for s in scene.sites if start <= s.start and s.end <= quantity.start and s.resets]
    return all(
        _LOCATES.search(text, max(start, s.start - 10), s.start)
        or re.match(r"[^，。；]{0,4}(?:为著|明显|者|为主|病灶|较大)", text[s.end : s.end + 8])
        for s in sites
    )


def _of_same_organ(
    text: str, scene: Scene, mentions: list[Mention], places: list[int], start: int, end: int
) -> int | None:
    """Return the last finding of the organ that is named again before the number (脑室扩张，第三脑室宽9mm)."""
    named = [s for s in scene.sites if start <= s.start and s.end <= end and s.resets]
    organs = {named[-1].organ} if named else set()
    wanted = "abd.hydronephrosis" if "renal_pelvis" in organs else ""
    for i in sorted(places, key=lambda i: (mentions[i].code != wanted, -i)):
        mention = mentions[i]
        own = {s.organ for s in scene.sites if s.start < mention.end and s.end > mention.start}
        if not own:
            before = [p for p in scene.phrases if p.sites and p.end <= mention.start]
            own = {s.organ for s in before[-1].sites} if before else set()
        if mention.code == wanted or (own & organs and concept_types().get(mention.code) != "status"):
            return i
        if mention.code in _FLUID and _RECESS.search(text, start, end):
            return i
    return None


def _lesion(text: str, scene: Scene, mentions: list[Mention], places: list[int]) -> int:
    """Return what 较大者 or a prior value speaks of: the last finding that does not only describe another."""
    heads = [i for i in places if not _describes_another(text, scene, mentions[i])] or places
    several = [i for i in heads if _is_several(text, scene, mentions, i)]
    inside = _INSIDE.match(text, clause_of(scene, mentions[heads[-1]].start)[0])
    # 多发结节，内见空洞，较大者 speaks of the nodules; 内见多枚结石，大者 of the stones.
    return several[-1] if inside and several else heads[-1]


def _is_several(text: str, scene: Scene, mentions: list[Mention], at: int) -> bool:
    begin = max(mentions[at - 1].end if at else scene.start, clause_of(scene, mentions[at].start)[0])
    return bool(_MANY.search(text, begin, mentions[at].end + 2))


def _describes_another(text: str, scene: Scene, mention: Mention) -> bool:
    """Say whether a finding is only the margin or the surroundings of another, and has no size of its own."""
    if mention.code in ATTRIBUTE_CODES:
        return True
    hit = _AROUND.match(text, clause_of(scene, mention.start)[0])
    return hit is not None and hit.start() <= mention.start


def _head(text: str, scene: Scene, mentions: list[Mention], places: list[int]) -> int:
    """Return the last finding, passing over those that only describe its signal, margin or surroundings."""
    for i in reversed(places):
        code = mentions[i].code
        is_signal = code == "brain.adc_low" and len(places) > 1
        if is_signal or (code in _SURROUNDING and _describes_another(text, scene, mentions[i])):
            continue
        return i
    return places[-1]
