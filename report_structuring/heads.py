"""Heads whose concept depends on the organ they are said of (specification 4.1).

The heads are data: `heads.tsv` gives the trigger words of a head, its wording, the concept for each organ, and the
concept of each organ system where no organ is named (`gen` for any).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from report_structuring.anatomy import Phrase, Site
from report_structuring.first_characters import compile_wording
from report_structuring.mention import Mention, Scene
from report_structuring.triggers import Place, called_rules
from report_structuring.words import expand, read_rows

_TRANSPARENT = frozenset({"quadrant", "node", "bone_any"})
# What stands between a word and a site behind it that is not its own (出血破入脑室).
_PARTED = re.compile(r"[，。；破入至达]")
# An organ system as a whole; a head said of it takes the concept of the organ system.
_GENERIC = _TRANSPARENT | {"lung", "brain"}
# Verbs whose object stands behind them.
_TRANSITIVE = re.compile(r"侵犯|侵及|累及|侵袭|侵入")
_MODIFIER_GAP = re.compile(r"[^，。；：:！？、及和与未无不见示呈伴有在()（）]{0,6}")
# What stands behind 位于 or 达 tells where the subject lies; it is not the subject.
_LOCATIVE = compile_wording(r"(?:位于|贴于|起自|起于|邻近|毗邻|靠近|距离?|抵达|到达|达|至)$")
# Between two sites that are not listed one beside the other, the first only says where the second is (颞叶脑沟).
_BESIDE = frozenset({"quadrant", "node", "bone_any"})
# An organ is enlarged; that a lesion in it has grown (肝内病灶较前增大) says nothing of the organ.
_ENLARGED = frozenset(
    {
        "abd.hepatomegaly",
        "abd.splenomegaly",
        "abd.gb_distension",
        "abd.pancreas_swelling",
        "lung.hilar_enlargement",
        "lung.cardiomegaly",
        "gen.lymphadenopathy",
    }
)
_LESION = re.compile(r"灶|病变|结节|肿块|瘤|影|囊肿|结石|[^或]者|转移|占位|包块|回声")
_MODIFYING = frozenset({"brain", "lung", "uterus", "skull"})
_ADJOINING = re.compile(r"(?:[部区侧内旁]|近|周围)?")
# Fluid beside the pancreas is of the pancreas, whatever else it reaches; blood in cisterns and along the tentorium
# is subarachnoid.
_EXCLUSIVE = (
    ("abd.peripancreatic_fluid", "abd.fat_stranding"),
    ("abd.peripancreatic_fluid", "abd.ascites"),
    ("brain.sah", "brain.sdh"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A word that names no concept without its organ."""

    triggers: tuple[str, ...]
    regex: re.Pattern[str]
    organs: dict[str, str]
    defaults: dict[str, str]


@cache
def heads() -> tuple[Head, ...]:
    """Load the heads."""
    rows = []
    for triggers, regex, organs, default in read_rows("heads.tsv"):
        rows.append(
            Head(
                triggers=tuple(triggers.split("|")),
                regex=compile_wording(expand(regex)),
                organs=dict(pair.split(":") for pair in organs.split()),
                defaults=dict(pair.split(":") for pair in default.split()),
            )
        )
    return tuple(rows)


@cache
def _any_head() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{head.regex.pattern})" for head in heads()))


@cache
def is_head(variant: str) -> bool:
    """Say whether a variant of the lexicon is a bare head, to be resolved by its organ."""
    return _any_head().fullmatch(variant) is not None


def match_heads(text: str, scene: Scene, called: Sequence[Place]) -> list[Mention]:
    """Find the heads of a sentence with the concept each has there; `called` are the places of their triggers."""
    numbers = called_rules(called, scene.start, scene.end)
    if not numbers:
        return []
    found: list[Mention] = []
    known, organs = heads(), {site.organ for site in (*scene.sites, *scene.earlier)}
    for number in numbers:
        head = known[number]
        if scene.domain not in head.defaults and "gen" not in head.defaults and organs.isdisjoint(head.organs):
            continue  # no organ here gives it a concept
        for hit in head.regex.finditer(text, scene.start, scene.end):
            if hit.end() > hit.start():
                found.extend(_resolve(text, scene, head, hit.start(), hit.end()))
    return found


def _resolve(text: str, scene: Scene, head: Head, start: int, end: int) -> list[Mention]:
    phrase = _subject(text, start, end, scene, head)
    codes: list[str] = []
    span = (start, end)
    if phrase is not None:
        subjects = [s for s in _principal(text, phrase) if s.organ in head.organs]
        nodes = [s for s in subjects if s.organ == "node" and text[s.start - 1] not in "、及和与或"]
        # 肺门淋巴结肿大 is said of the nodes alone.
        subjects = nodes or subjects
        codes = list(dict.fromkeys([_at_site(head.organs[s.organ], s, text, scene) for s in subjects]))
        if codes and _ENLARGED.issuperset(codes) and _LESION.search(text, phrase.end, max(phrase.end, start)):
            return []
        if (
            len(codes) == 1
            and phrase.start < start
            and 0 <= start - phrase.end <= 8
            and _MODIFIER_GAP.fullmatch(text, phrase.end, start)
            and not _LESION.search(text, phrase.end, start)
        ):
            span = (subjects[-1].start, end)
    names_organ = phrase is not None and any(s.organ not in _GENERIC for s in phrase.sites)
    if not codes and not names_organ and not _names_a_site(start, scene):
        code = head.defaults.get(scene.domain)
        if code == "abd.fat_stranding" and scene.is_pancreatic:
            code = "abd.peripancreatic_fluid"
        codes = [code] if code else []
    if not codes and "gen" in head.defaults:
        codes = [head.defaults["gen"]]
    for kept, dropped in _EXCLUSIVE:
        if kept in codes and dropped in codes:
            codes.remove(dropped)
    if phrase is not None and phrase.start >= end and len(codes) > 1:
        return _objects(head, phrase, start)
    rule = "head" if len(codes) < 2 else "head.shared"
    read = [_in_pathology(code, scene) for code in codes] if scene.report_kind == "pathology" else codes
    return [Mention(start=span[0], end=span[1], code=code, rule=rule, core=end - start) for code in read if code != "-"]


def _objects(head: Head, phrase: Phrase, start: int) -> list[Mention]:
    """Give each object of a verb its own mention (累及膀胱及宫颈): the first with the verb, the others by their name."""
    found: list[Mention] = []
    for site in phrase.sites:
        code = head.organs.get(site.organ, "-")
        if code != "-" and all(m.code != code for m in found):
            left = site.start if found else start
            found.append(Mention(start=left, end=site.end, code=code, rule="head", core=site.end - left))
    return found


def _at_site(code: str, site: Site, text: str, scene: Scene) -> str:
    """Read gas in the wall of the bowel as pneumatosis, exudate in the spaces about an inflamed pancreas as its own."""
    if code == "abd.fat_stranding" and site.organ == "kidney_fascia" and scene.is_pancreatic:
        return "abd.peripancreatic_fluid"
    if code == "abd.bowel_gas" and text[site.end - 1] == "壁":
        return "abd.pneumatosis"
    return code


def _in_pathology(code: str, scene: Scene) -> str:
    """Read a head as pathology does: what is seen under the microscope is tissue, not an organ's sign."""
    if code == "abd.fat_stranding":
        return "-"
    if code == "pas.percreta":
        return "pas.villi_serosa"
    if code == "abd.bowel_ischemia" and scene.section not in ("path_diagnosis", "impression"):
        return "-"
    return code


def _principal(text: str, phrase: Phrase) -> list[Site]:
    """Return the sites a phrase is about, without those that only say where the next one is."""
    if len(phrase.sites) < 2:
        return list(phrase.sites)
    kept: list[Site] = []
    is_kept = True
    for at in range(len(phrase.sites) - 1, -1, -1):
        site = phrase.sites[at]
        following = phrase.sites[at + 1] if at + 1 < len(phrase.sites) else None
        adjoins = (
            following is not None
            and following.start >= site.end
            and _ADJOINING.fullmatch(text, site.end, following.start) is not None
        )
        if following is None or not adjoins or following.organ in _BESIDE:
            is_kept = True
        elif following.organ != site.organ:
            is_kept = site.organ not in _MODIFYING
        if is_kept:
            kept.append(site)
    return kept[::-1]


def _subject(text: str, start: int, end: int, scene: Scene, head: Head) -> Phrase | None:
    """Find the site phrase a head is said of: nearest to the left, else right behind, else said before."""
    named = [p for p in scene.phrases if p.sites]
    inside = [p for p in named if p.start < end and p.end > start]
    left = [p for p in named if p.end <= start and text[p.start - 1 : p.start] != "距"]
    right = [
        p
        for p in named
        if 0 <= p.start - end <= 3
        and any(site.organ in head.organs for site in p.sites)
        and not _PARTED.search(text, end, p.start)
    ]
    if right and _TRANSITIVE.fullmatch(text, start, end):
        return right[0]
    located: Phrase | None = None
    place = start
    for phrase in [*inside, *reversed(left)]:
        lead = _LOCATIVE.search(text, max(scene.start, phrase.start - 3), phrase.start)
        if located is None and phrase.end <= start and lead:
            located, place = phrase, lead.start()
            continue
        if located is not None:
            # The phrase right before 位于 is the subject, whether the head suits it or not.
            if place - phrase.end <= 2 or any(site.organ in head.organs for site in phrase.sites):
                return phrase
            return located
        organs = {site.organ for site in _principal(text, phrase)}
        if not organs.isdisjoint(head.organs):
            return phrase
        if not organs <= _TRANSPARENT and any(
            site.resets or site.organ not in ("lung", "brain") for site in phrase.sites
        ):
            return phrase
    if located is not None:
        return located
    if right:
        return right[0]
    if left:
        return left[-1]
    for site in reversed(scene.earlier):
        if site.organ in head.organs:
            return Phrase(start=start, end=start, sites=(site,), side=None, codes=())
        if site.organ not in _TRANSPARENT:
            break
    return None


def _names_a_site(before: int, scene: Scene) -> bool:
    return any(site.end <= before and site.organ not in _GENERIC and site.resets for site in scene.sites)
