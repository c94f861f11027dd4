"""Mentions of lexicon concepts in a normalised text (specification 4).

Three sources of candidates, all data: the lexicon's own variants (`finding_lexicon.tsv`), wording
patterns (`patterns.tsv`), and heads whose concept depends on the organ they are said of
(`heads.tsv`, table 4.1 of the specification). The longest candidate wins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from string import ascii_letters, digits

from report_structuring.anatomy import Site
from report_structuring.first_characters import compile_wording
from report_structuring.heads import heads, is_head, match_heads
from report_structuring.mention import Mention as Mention
from report_structuring.mention import Scene as Scene
from report_structuring.signals import match_signals
from report_structuring.triggers import (
    Place,
    TriggerTable,
    called_rules,
    find_triggers,
    number_triggers,
    places_within,
    to_lower,
)
from report_structuring.words import any_of, expand, read_rows, read_words

_DOMAIN_OF_REGION = {"chest": "lung", "head": "brain", "abd": "abd", "uterus": "pas"}
_LIST_MARKS = "、及并"
_LATIN = frozenset(ascii_letters)
# Words that only mean something in one organ system; the variant alone does not say which.
_SHARED = frozenset(to_lower(word) for word in read_words("shared"))
# One span, two concepts: a calcified nodule, an acute infarct of a watershed.
_PAIRS = {
    "lung.nodule": ("钙化", "gen.calcification"),
    "brain.watershed_infarct": ("急性|新发|新鲜", "brain.acute_infarct"),
}
# What a scan calls wear of the bones; under the microscope the word describes tissue.
_NOT_OF_PATHOLOGY = frozenset({"gen.degenerative"})
_NOT_FINDINGS = compile_wording(any_of("not_findings"))
_IMPLANTED = compile_wording(r"(?:支架|粒子|起搏器|节育器|种植体|滤器|导丝|晶体|电极)(?:系统)?植入")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pattern:
    code: str
    regions: frozenset[str]
    triggers: tuple[str, ...]
    regex: re.Pattern[str]


@cache
def concept_types() -> dict[str, str]:
    """Return the type (sign, diagnosis, status, score, histology, action) of every code."""
    return {row[0]: row[2] for row in read_rows("finding_lexicon.tsv")}


@cache
def _variants() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the lexicon's variants in lower case with their codes, without those that are bare heads."""
    # Two findings joined in one variant are two mentions (阑尾炎伴穿孔).
    composed = frozenset(read_words("composed"))
    codes: dict[str, list[str]] = {}
    for code, _domain, kind, label, variants, *_ in read_rows("finding_lexicon.tsv"):
        for variant in dict.fromkeys([*variants.split("|"), *([] if kind == "action" else [label])]):
            if (
                variant
                and variant not in composed
                and "/" not in variant.replace("T2/FLAIR", "")
                and "(" not in variant.replace("(+)", "")
            ):
                codes.setdefault(to_lower(variant), []).append(code)
    return tuple((variant, tuple(dict.fromkeys(found))) for variant, found in codes.items() if not is_head(variant))


@cache
def _patterns() -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(
            code=code,
            regions=frozenset(() if regions == "*" else regions.split("+")),
            triggers=tuple(triggers.split("|")),
            regex=compile_wording(expand(regex)),
        )
        for code, regions, triggers, regex in read_rows("patterns.tsv")
    )


@cache
def _triggers() -> TriggerTable:
    variants = [(variant,) for variant, _ in _variants()]
    return number_triggers([variants, [p.triggers for p in _patterns()], [head.triggers for head in heads()]])


@lru_cache(maxsize=8)
def _named_in(text: str) -> tuple[list[Place], list[Place], list[Place]]:
    """Return the places of a report with variants that are whole tokens, and with the triggers of patterns and heads.

    The sentences of one report ask for the same.
    """
    variants, patterns, of_heads = find_triggers([to_lower(text), text, text], _triggers())
    return [place for place in variants if _is_token(text, place[0], place[1])], patterns, of_heads


def find_mentions(text: str, scene: Scene) -> list[Mention]:
    """Find the concepts named in one sentence; overlapping shorter mentions are dropped."""
    variants, patterns, of_heads = _named_in(text)
    named = _match_variants(scene, variants)
    found = [
        *named,
        *_match_patterns(text, scene, patterns, named),
        *match_heads(text, scene, of_heads),
        *match_signals(text, scene),
    ]
    found = [_about_pancreas(m, scene) if m.code == "abd.fat_stranding" else m for m in found]
    if scene.report_kind == "pathology":
        found = [m for m in found if m.code not in _NOT_OF_PATHOLOGY]
    if not scene.is_obstetric:
        found = [m for m in found if not m.code.startswith("pas.") or m.code == "pas.hysterectomy"]
    if not found:
        return []
    if any(m.code.startswith("pas.") for m in found):
        implants = [hit.span() for hit in _IMPLANTED.finditer(text, scene.start, scene.end)]
        found = [
            m for m in found if not (m.code.startswith("pas.") and any(a < m.end and m.start < b for a, b in implants))
        ]
    blocked = [hit.span() for hit in _NOT_FINDINGS.finditer(text, scene.start, scene.end)]
    if blocked:
        found = [m for m in found if m.code.startswith("rec.") or not _is_blocked(m, blocked)]
    return _keep_longest(text, found)


def _is_blocked(mention: Mention, blocked: Sequence[tuple[int, int]]) -> bool:
    size = mention.core or mention.end - mention.start
    return any(left < mention.end and mention.start < right and size <= right - left for left, right in blocked)


def _about_pancreas(mention: Mention, scene: Scene) -> Mention:
    """Read stranding in the fat about the pancreas (胰腺肿胀，周围脂肪间隙模糊) as peripancreatic exudate."""
    before = [site for site in scene.sites if site.end <= mention.start]
    if before and before[-1].organ == "pancreas":
        return replace(mention, code="abd.peripancreatic_fluid")
    return mention


def _keep_longest(text: str, found: list[Mention]) -> list[Mention]:
    """Drop a mention that overlaps a longer one; distinct codes on one head's span stay together."""
    ranked = sorted(found, key=lambda m: (-(m.core or m.end - m.start), m.start, m.rule != "variant", m.code))
    kept: list[Mention] = []
    for mention in ranked:
        rivals = [k for k in kept if k.start < mention.end and mention.start < k.end]
        if not rivals:
            kept.append(mention)
            continue
        # One predicate said of several organs (胸腔及心包积液) makes one entity for each.
        if mention.core and mention.end - mention.start > mention.core:
            mention = replace(mention, start=mention.end - mention.core)
            rivals = [k for k in kept if k.start < mention.end and mention.start < k.end]
        shares_head = mention.rule == "head.shared" and all(
            k.code != mention.code and (k.end == mention.end or (k.start <= mention.start and mention.end <= k.end))
            for k in rivals
        )
        if not rivals or shares_head:
            kept.append(mention)
    extra = [
        Mention(start=k.start, end=k.end, code=_PAIRS[k.code][1], rule="pair")
        for k in kept
        if k.code in _PAIRS and re.search(_PAIRS[k.code][0], text[k.start : k.end])
    ]
    # A node whose predicate is a mention of its own (淋巴结未见肿大) is not shown for itself.
    swollen = [k.start for k in kept if k.code == "gen.lymphadenopathy"]
    if swollen:
        kept = [
            k
            for k in kept
            if k.code != "gen.lymph_node"
            or not any(0 <= at - k.end <= 10 and "，" not in text[k.end : at] for at in swollen)
        ]
    return _join_predicates(text, sorted([*kept, *extra], key=lambda m: (m.start, m.end, m.code)))


def _join_predicates(text: str, mentions: list[Mention]) -> list[Mention]:
    """Join predicates of one subject that follow one another (胸膜增厚、粘连) into one mention."""
    joined: list[Mention] = []
    for mention in mentions:
        is_bare = mention.end - mention.start == mention.core and mention.rule.startswith("head")
        last = next((m for m in reversed(joined) if m.code == mention.code), None) if is_bare else None
        if last and text[last.end : mention.start] in ("", "、", "并", "伴"):
            joined[joined.index(last)] = replace(last, end=mention.end)
        else:
            joined.append(mention)
    return joined


def _match_variants(scene: Scene, places: Sequence[Place]) -> list[Mention]:
    variants = _variants()
    found: list[Mention] = []
    # The longest variant that has a code here is the one of its place.
    for start, end, (number,) in reversed(places_within(places, scene.start, scene.end)):
        if found and found[-1].start == start:
            continue
        variant, codes = variants[number]
        code = _choose(codes, variant, start, scene)
        if code:
            found.append(Mention(start=start, end=end, code=code, rule="variant"))
    return found[::-1]


def _match_patterns(text: str, scene: Scene, called: Sequence[Place], named: Sequence[Mention]) -> list[Mention]:
    """Match the patterns that are called; what is `named` by a variant is not found again."""
    numbers = called_rules(called, scene.start, scene.end)
    if not numbers:
        return []
    found = []
    known = {(mention.start, mention.end, mention.code) for mention in named}
    patterns, domains = _patterns(), _near_domains(scene)
    for number in numbers:
        pattern = patterns[number]
        # Most patterns that are called do not match, and a search says so at half the price of an iterator.
        if not _may_speak(pattern, scene, domains) or not pattern.regex.search(text, scene.start, scene.end):
            continue
        for hit in pattern.regex.finditer(text, scene.start, scene.end):
            start, end = hit.span()
            if (
                start == end
                or (start, end, pattern.code) in known
                or not _is_token(text, start, end)
                or not _is_at_home(pattern, start, end, scene)
            ):
                continue
            while start < end and text[start] in _LIST_MARKS:
                start += 1
            while end > start and text[end - 1] in _LIST_MARKS:
                end -= 1
            known.add((start, end, pattern.code))
            found.append(Mention(start=start, end=end, code=pattern.code, rule="pattern"))
    return found


def _near_domains(scene: Scene) -> set[str]:
    """Return the organ systems that `_local_domain` may name anywhere in a sentence, and the report's own."""
    regions = {site.region for site in (*scene.sites, *scene.earlier)}
    return {scene.domain, *(_DOMAIN_OF_REGION.get(region, "other") for region in regions)}


def _may_speak(pattern: _Pattern, scene: Scene, domains: set[str]) -> bool:
    """Say whether a pattern may speak somewhere in a sentence: its organ system, and pathology where it says so."""
    if "path" in pattern.regions:
        return scene.report_kind == "pathology" and (len(pattern.regions) == 1 or scene.domain in pattern.regions)
    return not pattern.regions or not domains.isdisjoint(pattern.regions)


def _is_at_home(pattern: _Pattern, start: int, end: int, scene: Scene) -> bool:
    """Say whether a pattern that may speak in the sentence is of the organ system of its place."""
    if not pattern.regions or "path" in pattern.regions:
        return True
    return (_local_domain(start, end, scene) or scene.domain) in pattern.regions


def _is_token(text: str, start: int, end: int) -> bool:
    """A Latin abbreviation must be a whole token."""
    if text[start] in _LATIN and start and text[start - 1] in _LATIN:
        return False
    return not (text[end - 1] in _LATIN and end < len(text) and (text[end] in _LATIN or text[end] in digits))


def _choose(codes: Sequence[str], variant: str, at: int, scene: Scene) -> str | None:
    """Choose the code of a variant by the organ system it stands in."""
    if variant == "pe":
        near = {site.organ for site in scene.sites}
        return "lung.pulmonary_embolism" if "pulmonary_artery" in near else None
    if variant == "pas" and scene.report_kind == "pathology" and scene.domain != "pas":
        return None
    if len(codes) == 1 and variant not in _SHARED:
        return codes[0]
    local = _local_domain(at, at + len(variant), scene)
    domain = local or scene.domain
    for code in codes:
        if code.split(".")[0] in (domain, "gen", "rec"):
            return code
    if variant in _SHARED or domain == "other":
        return None
    return codes[0]


def _local_domain(start: int, end: int, scene: Scene) -> str | None:
    """Name the organ system of the nearest site: in the mention, to its left, to its right, or said before."""
    best: Site | None = None
    for site in scene.sites:
        if site.start < end and site.end > start and site.region != "any":
            best = site
            break
        if site.end <= start and site.region != "any":
            best = site
    if best is None:
        best = next((site for site in scene.sites if site.start >= end and site.region != "any"), None)
    if best is None:
        best = next((site for site in reversed(scene.earlier) if site.region != "any"), None)
        if best is not None and best.region == "other" and best.organ not in ("thyroid", "breast", "prostate"):
            return None
    if best is None:
        return None
    if best.organ in ("bladder", "pelvis") and scene.domain in ("pas", "abd"):
        return scene.domain
    if best.organ in ("uterus", "cervix", "parametrium", "endometrium") and scene.domain == "abd":
        return "other" if best.organ == "endometrium" else "pas"
    return _DOMAIN_OF_REGION.get(best.region, "other")
