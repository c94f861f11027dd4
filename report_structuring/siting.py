"""Side and location of a mention (specification 4.5)."""

import re

from report_structuring import anatomy
from report_structuring.anatomy import Phrase
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene, concept_types
from report_structuring.words import read_rows

_POINTING = compile_wording(
    r"(?:其[内中旁周上下]|周围|灶周|邻近|该处|同侧|(?<![\u4e00-\u9fff])内(?:部)?[可未]?见|局部|病灶|相应|边缘)"
)
_BEHIND = re.compile(r"[^，。；]{0,6}?(?:主要)?(?:位于|见于|分布于|累及|位居|在)[^，。；]{0,4}")
_TIP = re.compile(r"[末尖头前]端")
# Where a finding is strongest is no site of its own (双下肺实变，右侧为著).
_EMPHASIS = re.compile(r"(?:为|较|更|尤)(?:著|主|重|甚|明显|多|显|剧)")
_AT = re.compile(r"(?:位于|于|在|至|达)$")
# Structures of the midline take no side from the structure named before.
_MIDLINE = re.compile(
    r"(?:上|下)?矢状窦|直窦|窦汇|基底动脉|前交通(?:动脉)?|脑室系统|第?[三四]脑室|颅内|颅脑|头颅|脑内|脑实质|主动脉.*|胼胝体"
)
# Organs that, named as the subject of a later clause, leave the place told before.
_NEW_SUBJECTS = frozenset({"placenta", "bowel"})
_REGION_OF_DOMAIN = {"lung": "chest", "brain": "head"}
_UNPAIRED = frozenset({"pericardium"})
_UNPAIRED_CODES = frozenset({"lung.pericardial_effusion", "brain.hydrocephalus"})
_QUADRANTS = frozenset({"RLQ", "LLQ", "RUQ", "LUQ"})
# Concepts whose own name holds their organ (specification 4.5 d).
_OWN_PLACE = {code: (place,) for code, place in read_rows("places.tsv")}


def place(
    text: str, scene: Scene, mention: Mention, last_place: tuple[str | None, tuple[str, ...]]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the side and the location codes of a mention.

    A concept whose name holds its organ lies there, and in the quadrant its sentence names.
    """
    side, codes = _place(text, scene, mention, last_place)
    if concept_types().get(mention.code) == "score":
        return side, ()
    own = _OWN_PLACE.get(mention.code)
    if own and set(own) != set(codes):
        codes = (*own, *(code for code in codes if code in _QUADRANTS))
    return side, codes


def _place(
    text: str, scene: Scene, mention: Mention, last_place: tuple[str | None, tuple[str, ...]]
) -> tuple[str | None, tuple[str, ...]]:
    """Find the side and the location codes that the sentence gives.

    The nearest site phrase before the mention in its sentence counts; a phrase without a side takes one only from
    an earlier phrase about the same organ; words that point back take the place of the finding before.
    """
    if mention.code == "brain.midline_shift":
        moved = anatomy.find_movement(text[mention.start : mention.end + 4])
        return moved, ()
    inside = [p for p in scene.phrases if p.start < mention.end and p.end > mention.start]
    around = next((p for p in inside if p.start < mention.start and _counts(p)), None) if inside else None
    before = [p for p in scene.phrases if p.end <= mention.start]
    governing = [
        p
        for at, p in enumerate(before)
        if _counts(p) and not _is_reference(text, p, before[at - 1] if at else None) and not _is_emphasis(text, p)
    ]
    governing = _since_new_subject(scene, [*before, *inside], governing)
    region = _REGION_OF_DOMAIN.get(mention.code.split(".")[0])
    if (
        region
        and governing
        and governing[-1].sites
        and all(s.region not in (region, "any") for s in governing[-1].sites)
    ):
        # Said of another organ system than the site before it (髂动脉硬化，肺气肿): that site does not count.
        governing = []
    clause_start = _clause_start(scene, mention.start)
    points_back = bool(_POINTING.match(text, clause_start))
    own_sites = [s for p in inside for s in p.sites if s.start < mention.end and s.end > mention.start]
    own_organs = {s.organ for s in own_sites if s.resets}
    shared = [
        s for p in inside for s in p.sites if not own_organs or s.organ in own_organs or s.region in ("uterus", "head")
    ]
    own_codes = tuple(dict.fromkeys([code for s in shared for code in s.codes])) or _OWN_PLACE.get(mention.code, ())
    own_side = next((p.side for p in inside if p.side), None)
    named_own = [s for s in own_sites if s.resets]
    shown = [*governing[-1:], *inside]
    if mention.code == "abd.ascites" and any(site.region == "chest" for p in shown for site in p.sites):
        # Of the chest and the belly in one phrase (腹腔及双侧胸腔积液) only the chest has two sides.
        return None, tuple(code for p in shown for s in p.sites if s.region != "chest" for code in s.codes)
    if mention.code in _UNPAIRED_CODES or (own_sites and {s.organ for s in own_sites} <= _UNPAIRED):
        return None, own_codes
    if own_side:
        resets = any(s.resets for p in inside for s in p.sites)
        named = tuple(code for p in inside for code in p.codes)
        return own_side, own_codes or named or (governing[-1].codes if governing and not resets else ())
    if named_own:
        side = _same_organ_side({s.organ for s in named_own}, governing, mention, text)
        if side is None and governing and _is_modifier(text, governing[-1], mention):
            side = governing[-1].side
        if _MIDLINE.fullmatch(text, named_own[-1].start, named_own[-1].end):
            side = None
        if side is None and points_back:
            side = next((p.side for p in reversed(governing) if p.side), last_place[0])
        codes = own_codes
        if named_own[0].organ == "uterus" and governing:
            codes = tuple(dict.fromkeys([*governing[-1].codes, *own_codes]))
        return side, codes
    if (
        governing
        and {s.organ for s in own_sites} == {"sulci"}
        and {s.organ for s in governing[-1].sites} == {"ventricle"}
    ):
        return None, own_codes
    if around and not _same_organ_side({s.organ for s in around.sites}, governing, mention, text):
        return around.side, around.codes or own_codes
    if text.startswith(("余", "其余"), clause_start) and not (governing and governing[-1].start >= clause_start):
        return None, own_codes
    behind = [p for p in scene.phrases if p.start >= mention.end]
    if (
        behind
        and _BEHIND.fullmatch(text[mention.end : behind[0].start])
        and not _TIP.search(text, mention.end, behind[0].start)
        and "，" not in text[mention.end : behind[0].start]
    ):
        return behind[0].side, behind[0].codes or own_codes
    if governing:
        nearest = governing[-1]
        side = nearest.side
        if side is None and not text.startswith("余", nearest.start) and not _is_midline(text, nearest):
            side = _same_organ_side({s.organ for s in nearest.sites}, governing[:-1], mention, text)
            if side is None and all(s.region == "abd" for s in nearest.sites):
                side = _quadrant_side(text, governing[:-1])
        codes = nearest.codes
        if not codes and len(governing) > 1 and not any(s.resets for s in nearest.sites):
            codes = governing[-2].codes
        return side, codes or own_codes
    lead = text[scene.start : mention.start]
    if _POINTING.search(lead[:8]):
        return last_place[0], last_place[1] or own_codes
    return None, own_codes


def _is_emphasis(text: str, phrase: Phrase) -> bool:
    return _EMPHASIS.match(text, phrase.end) is not None


def _is_midline(text: str, phrase: Phrase) -> bool:
    return bool(phrase.sites) and all(_MIDLINE.fullmatch(text, s.start, s.end) for s in phrase.sites)


def _is_modifier(text: str, phrase: Phrase, mention: Mention) -> bool:
    """Say whether a sided phrase stands right before a mention that names its own organ (左颞叶少许蛛网膜下腔出血)."""
    gap = text[phrase.end : mention.start]
    return phrase.side is not None and len(gap) <= 8 and re.search(r"[，。；、及和与]", gap) is None


def _since_new_subject(scene: Scene, before: list[Phrase], governing: list[Phrase]) -> list[Phrase]:
    """Leave out the sites of clauses before the one in which the placenta or the bowel became the subject."""
    subject = next(
        (p for p in reversed(before) if p.sites and p.sites[0].organ in _NEW_SUBJECTS and _is_new_subject(p)), None
    )
    if subject is None:
        return governing
    clause = _clause_start(scene, subject.start)
    return [p for p in governing if p.start >= clause or p.start >= subject.start]


def _is_new_subject(phrase: Phrase) -> bool:
    return not _counts(phrase) and all(site.organ in _NEW_SUBJECTS for site in phrase.sites)


def _quadrant_side(text: str, earlier: list[Phrase]) -> str | None:
    """Return the side of the quadrant a sentence about the abdomen opens with."""
    for phrase in reversed(earlier):
        if phrase.side and phrase.sites and all(s.organ == "quadrant" for s in phrase.sites):
            return None if _AT.search(text, max(0, phrase.start - 2), phrase.start) else phrase.side
        if phrase.side:
            return None
    return None


def _clause_start(scene: Scene, place: int) -> int:
    start = scene.start
    for left, _ in scene.clauses:
        if left > place:
            break
        start = left
    return start


def _is_reference(text: str, phrase: Phrase, subject: Phrase | None) -> bool:
    """Say whether a site only serves to tell where the subject lies: 距宫颈内口, 覆盖内口, 阑尾位于盲肠后."""
    lead = text[max(0, phrase.start - 2) : phrase.start]
    if lead.endswith(("距", "距离")):
        return True
    if phrase.sites and phrase.sites[0].organ == "os" and all(site.organ == "os" for site in phrase.sites):
        return True
    return (
        lead in ("位于", "达到", "邻近")
        and phrase.side is None
        and subject is not None
        and subject.sites != ()
        and any(site.resets for site in subject.sites)
        and phrase.start - 2 - subject.end <= 1
    )


def _counts(phrase: Phrase) -> bool:
    return phrase.side is not None or bool(phrase.codes) or any(site.resets for site in phrase.sites)


def _same_organ_side(organs: set[str], earlier: list[Phrase], mention: Mention, text: str) -> str | None:
    """Take the side of the phrase before when it is a bare side or about the same organ."""
    for phrase in reversed(earlier):
        named = {site.organ for site in phrase.sites}
        if (
            not named
            and phrase.side
            and mention.start - phrase.end <= 6
            and "，" not in text[phrase.end : mention.start]
        ):
            return phrase.side
        if named & organs:
            return phrase.side
        if any(site.resets for site in phrase.sites):
            return None
    return None
