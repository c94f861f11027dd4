"""Side and location of a mention (specification 4.5)."""

import re

from report_structuring import anatomy
from report_structuring.anatomy import Phrase
from report_structuring.lexicon import Mention, Scene
from report_structuring.words import read_rows

_POINTING = re.compile(r"(?:其[内中旁周上下]|周围|灶周|邻近|该处|同侧|内(?:部)?[可未]?见|局部|病灶|相应|边缘)")
_BEHIND = re.compile(r"[^，。；]{0,6}?(?:主要)?(?:位于|见于|分布于|累及|位居|在)")
_REGION_OF_DOMAIN = {"lung": "chest", "brain": "head"}
_UNPAIRED = frozenset({"pericardium"})
# Concepts whose own name holds their organ (specification 4.5 d).
_OWN_PLACE = {code: (place,) for code, place in read_rows("places.tsv")}


def place(
    text: str, scene: Scene, mention: Mention, last_place: tuple[str | None, tuple[str, ...]]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the side and the location codes of a mention.

    The nearest site phrase before the mention in its sentence counts; a phrase without a side takes one only from
    an earlier phrase about the same organ; words that point back take the place of the finding before.
    """
    if mention.code == "brain.midline_shift":
        moved = anatomy.find_movement(text[mention.start : mention.end + 4])
        return moved, ()
    inside = [p for p in scene.phrases if p.start < mention.end and p.end > mention.start]
    around = next((p for p in inside if p.start < mention.start and _counts(p)), None)
    before = [p for p in scene.phrases if p.end <= mention.start]
    governing = [p for p in before if _counts(p) and not _is_reference(text, p)]
    region = _REGION_OF_DOMAIN.get(mention.code.split(".")[0])
    if (
        region
        and governing
        and governing[-1].sites
        and all(s.region not in (region, "any") for s in governing[-1].sites)
    ):
        # Said of another organ system than the site before it (髂动脉硬化，肺气肿): that site does not count.
        governing = []
    clause_start = max((left for left, _ in scene.clauses if left <= mention.start), default=scene.start)
    points_back = bool(_POINTING.match(text, clause_start))
    own_sites = [s for p in inside for s in p.sites if s.start < mention.end and s.end > mention.start]
    own_organs = {s.organ for s in own_sites if s.resets}
    shared = [
        s for p in inside for s in p.sites if not own_organs or s.organ in own_organs or s.region in ("uterus", "head")
    ]
    own_codes = tuple(dict.fromkeys(code for s in shared for code in s.codes)) or _OWN_PLACE.get(mention.code, ())
    own_side = next((p.side for p in inside if p.side), None)
    named_own = [s for s in own_sites if s.resets]
    if own_sites and {s.organ for s in own_sites} <= _UNPAIRED:
        return None, own_codes
    if own_side:
        resets = any(s.resets for p in inside for s in p.sites)
        named = tuple(code for p in inside for code in p.codes)
        return own_side, own_codes or named or (governing[-1].codes if governing and not resets else ())
    if named_own:
        side = _same_organ_side({s.organ for s in named_own}, governing, mention, text)
        if side is None and points_back:
            side = next((p.side for p in reversed(governing) if p.side), last_place[0])
        codes = own_codes
        if named_own[0].region == "uterus" and governing:
            codes = tuple(dict.fromkeys([*governing[-1].codes, *own_codes]))
        return side, codes
    if around and not _same_organ_side({s.organ for s in around.sites}, governing, mention, text):
        return around.side, around.codes or own_codes
    if re.match(r"(?:其)?余", text[clause_start : clause_start + 2]) and not (
        governing and governing[-1].start >= clause_start
    ):
        return None, own_codes
    behind = [p for p in scene.phrases if p.start >= mention.end]
    if (
        behind
        and _BEHIND.match(text[mention.end : behind[0].start])
        and "，" not in text[mention.end : behind[0].start]
    ):
        return behind[0].side, behind[0].codes or own_codes
    if governing:
        nearest = governing[-1]
        side = nearest.side
        if side is None and not text.startswith("余", nearest.start):
            side = _same_organ_side({s.organ for s in nearest.sites}, governing[:-1], mention, text)
        codes = nearest.codes
        if not codes and len(governing) > 1 and not any(s.resets for s in nearest.sites):
            codes = governing[-2].codes
        return side, codes or own_codes
    lead = text[scene.start : mention.start]
    if _POINTING.search(lead[:8]):
        return last_place[0], last_place[1] or own_codes
    return None, own_codes


def _is_reference(text: str, phrase: Phrase) -> bool:
    """Say whether a site only serves to give a distance (距宫颈内口)."""
    return text[max(0, phrase.start - 2) : phrase.start].endswith(("距", "距离"))


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
