"""Mentions of lexicon concepts in a normalised text (specification 4).

Three sources of candidates, all data: the lexicon's own variants (`finding_lexicon.tsv`), wording
patterns (`patterns.tsv`), and heads whose concept depends on the organ they are said of
(`heads.tsv`, table 4.1 of the specification). The longest candidate wins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from report_structuring.anatomy import Phrase, Site
from report_structuring.words import any_of, read_rows, read_words

_DOMAIN_OF_REGION = {"chest": "lung", "head": "brain", "abd": "abd", "uterus": "pas"}
_TRANSPARENT = frozenset({"quadrant", "node", "soft_tissue"})
_ASCII_WORD = re.compile(r"[A-Za-z]")
_MODIFIER_GAP = re.compile(r"[^，。；：:！？、及和与未无不见示呈伴有在]{0,6}")
# Words that only mean something in one organ system; the variant alone does not say which.
_SHARED = frozenset(read_words("shared"))
_NOT_FINDINGS = re.compile(any_of("not_findings"))
_IMPLANTED = re.compile(r"(?:支架|粒子|起搏器|节育器|种植体|滤器|导丝|晶体|电极)(?:系统)?植入")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """A concept found in the text, not yet judged."""

    start: int
    end: int
    code: str
    rule: str
    core: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pattern:
    code: str
    regions: frozenset[str]
    trigger: str
    regex: re.Pattern[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    regex: re.Pattern[str]
    organs: dict[str, str]
    defaults: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """What surrounds a sentence: its sites, what was named before, the report's domain and kind."""

    start: int
    end: int
    sites: tuple[Site, ...]
    phrases: tuple[Phrase, ...]
    clauses: tuple[tuple[int, int], ...]
    earlier: tuple[Site, ...]
    domain: str
    report_kind: str
    is_obstetric: bool = False


@cache
def concept_types() -> dict[str, str]:
    """Return the type (sign, diagnosis, status, score, histology, action) of every code."""
    return {row[0]: row[2] for row in read_rows("finding_lexicon.tsv")}


@cache
def _variants() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    codes: dict[str, list[str]] = {}
    for code, _domain, kind, label, variants, *_ in read_rows("finding_lexicon.tsv"):
        for variant in dict.fromkeys([*variants.split("|"), *([] if kind == "action" else [label])]):
            if variant and "/" not in variant.replace("T2/FLAIR", "") and "(" not in variant.replace("(+)", ""):
                codes.setdefault(_lower(variant), []).append(code)
    table: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for variant, found in codes.items():
        table.setdefault(variant[0], []).append((variant, tuple(dict.fromkeys(found))))
    for rows in table.values():
        rows.sort(key=lambda row: -len(row[0]))
    return table


@cache
def _patterns() -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(
            code=code,
            regions=frozenset(() if regions == "*" else regions.split("+")),
            trigger=trigger,
            regex=re.compile(regex),
        )
        for code, regions, trigger, regex in read_rows("patterns.tsv")
    )


@cache
def _heads() -> tuple[_Head, ...]:
    rows = []
    for regex, organs, default in read_rows("heads.tsv"):
        rows.append(
            _Head(
                regex=re.compile(regex),
                organs=dict(pair.split(":") for pair in organs.split()),
                defaults=dict(pair.split(":") for pair in default.split()),
            )
        )
    return tuple(rows)


@cache
def _any_head() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{head.regex.pattern})" for head in _heads()))


@cache
def _is_head(variant: str) -> bool:
    return _any_head().fullmatch(variant) is not None


def _lower(text: str) -> str:
    return text.translate(_TO_LOWER)


_TO_LOWER = {upper: upper + 32 for upper in range(65, 91)}


def find_mentions(text: str, scene: Scene) -> list[Mention]:
    """Find the concepts named in one sentence; overlapping shorter mentions are dropped."""
    found = [*_match_variants(text, scene), *_match_patterns(text, scene), *_match_heads(text, scene)]
    if not scene.is_obstetric:
        found = [m for m in found if not m.code.startswith("pas.")]
    implants = [hit.span() for hit in _IMPLANTED.finditer(text, scene.start, scene.end)]
    found = [
        m for m in found if not (m.code.startswith("pas.") and any(a < m.end and m.start < b for a, b in implants))
    ]
    blocked = [hit.span() for hit in _NOT_FINDINGS.finditer(text, scene.start, scene.end)]
    found = [
        m
        for m in found
        if not any(left < m.end and m.start < right and m.end - m.start <= right - left for left, right in blocked)
    ]
    return _keep_longest(text, found)


def _keep_longest(text: str, found: list[Mention]) -> list[Mention]:
    """Drop a mention that overlaps a longer one; distinct codes on one head's span stay together."""
    ranked = sorted(found, key=lambda m: (-(m.core or m.end - m.start), m.start, m.rule != "variant", m.code))
    kept: list[Mention] = []
    for mention in ranked:
        rivals = [k for k in kept if k.start < mention.end and mention.start < k.end]
        # One predicate said of several organs (胸腔及心包积液) makes one entity for each.
        if rivals and mention.core and mention.end - mention.start > mention.core:
            mention = replace(mention, start=mention.end - mention.core)
            rivals = [k for k in kept if k.start < mention.end and mention.start < k.end]
        shares_head = mention.rule == "head.shared" and all(
            k.end == mention.end and k.code != mention.code for k in rivals
        )
        if not rivals or shares_head:
            kept.append(mention)
    extra = [
        Mention(start=k.start, end=k.end, code="gen.calcification", rule="pair")
        for k in kept
        if k.code == "lung.nodule" and "钙化" in text[k.start : k.end]
    ]
    # A node whose predicate is a mention of its own (淋巴结未见肿大) is not shown for itself.
    swollen = [k.start for k in kept if k.code == "gen.lymphadenopathy"]
    kept = [
        k
        for k in kept
        if k.code != "gen.lymph_node"
        or not any(0 <= at - k.end <= 10 and "，" not in text[k.end : at] for at in swollen)
    ]
    return sorted([*kept, *extra], key=lambda m: (m.start, m.end, m.code))


def _match_variants(text: str, scene: Scene) -> list[Mention]:
    lowered, table, found = _lower(text[scene.start : scene.end]), _variants(), []
    for at in range(scene.start, scene.end):
        for variant, codes in table.get(lowered[at - scene.start], ()):
            if not lowered.startswith(variant, at - scene.start):
                continue
            end = at + len(variant)
            if end > scene.end or not _is_token(text, at, end) or _is_head(variant):
                continue
            code = _choose(codes, variant, at, scene)
            if code:
                found.append(Mention(start=at, end=end, code=code, rule="variant"))
                break
    return found


def _match_patterns(text: str, scene: Scene) -> list[Mention]:
    found = []
    sentence = text[scene.start : scene.end]
    for pattern in _patterns():
        if pattern.trigger not in sentence:
            continue
        for hit in pattern.regex.finditer(text, scene.start, scene.end):
            if hit.end() == hit.start() or not _is_token(text, hit.start(), hit.end()):
                continue
            if not _is_at_home(pattern, hit, scene):
                continue
            found.append(Mention(start=hit.start(), end=hit.end(), code=pattern.code, rule="pattern"))
    return found


def _is_at_home(pattern: _Pattern, hit: re.Match[str], scene: Scene) -> bool:
    """Say whether a pattern may speak here: its organ system, and pathology where it says so."""
    if "path" in pattern.regions:
        return scene.report_kind == "pathology" and (len(pattern.regions) == 1 or scene.domain in pattern.regions)
    here = _local_domain(hit.start(), hit.end(), scene) or scene.domain
    return not pattern.regions or here in pattern.regions


def _match_heads(text: str, scene: Scene) -> list[Mention]:
    found: list[Mention] = []
    for head in _heads():
        for hit in head.regex.finditer(text, scene.start, scene.end):
            if hit.start() == hit.end():
                continue
            phrase = _subject(text, hit.start(), hit.end(), scene, head)
            codes: list[str] = []
            span = hit.span()
            if phrase is not None:
                codes = list(dict.fromkeys(head.organs[s.organ] for s in phrase.sites if s.organ in head.organs))
                gap = text[phrase.end : hit.start()]
                if (
                    len(codes) == 1
                    and phrase.start < hit.start()
                    and 0 <= hit.start() - phrase.end <= 8
                    and _MODIFIER_GAP.fullmatch(gap)
                ):
                    named = [s for s in phrase.sites if s.organ in head.organs]
                    span = (named[-1].start, hit.end())
            elif not _names_a_site(hit.start(), scene):
                code = head.defaults.get(scene.domain)
                codes = [code] if code else []
            if not codes and "gen" in head.defaults:
                codes = [head.defaults["gen"]]
            core = hit.end() - hit.start()
            rule = "head" if len(codes) < 2 else "head.shared"
            found.extend(
                Mention(start=span[0], end=span[1], code=code, rule=rule, core=core)
                for code in codes
                if code != "-" and not (code == "abd.fat_stranding" and scene.report_kind == "pathology")
            )
    return found


def _subject(text: str, start: int, end: int, scene: Scene, head: _Head) -> Phrase | None:
    """Find the site phrase a head is said of: nearest to the left, else right behind, else said before."""
    inside = [p for p in scene.phrases if p.sites and p.start < end and p.end > start]
    left = [p for p in scene.phrases if p.sites and p.end <= start and text[p.start - 1 : p.start] != "距"]
    for phrase in [*inside, *reversed(left)]:
        organs = {site.organ for site in phrase.sites}
        if organs & head.organs.keys():
            return phrase
        if not organs <= _TRANSPARENT and any(
            site.resets or site.organ not in ("lung", "brain") for site in phrase.sites
        ):
            return phrase
    right = [p for p in scene.phrases if p.sites and 0 <= p.start - end <= 3 and "，" not in text[end : p.start]]
    for phrase in right:
        if {site.organ for site in phrase.sites} & head.organs.keys():
            return phrase
    if left:
        return left[-1]
    for site in reversed(scene.earlier):
        if site.organ in head.organs:
            return Phrase(start=start, end=start, sites=(site,), side=None, codes=())
        if site.organ not in _TRANSPARENT:
            break
    return None


def _names_a_site(before: int, scene: Scene) -> bool:
    return any(site.end <= before and site.organ not in _TRANSPARENT and site.resets for site in scene.sites)


def _is_token(text: str, start: int, end: int) -> bool:
    """A Latin abbreviation must be a whole token."""
    if _ASCII_WORD.match(text[start]) and start and _ASCII_WORD.match(text[start - 1]):
        return False
    return not (_ASCII_WORD.match(text[end - 1]) and end < len(text) and re.match(r"[A-Za-z0-9]", text[end]))


def _choose(codes: Sequence[str], variant: str, at: int, scene: Scene) -> str | None:
    """Choose the code of a variant by the organ system it stands in."""
    if variant.upper() == "PE":
        near = {site.organ for site in scene.sites}
        return "lung.pulmonary_embolism" if "pulmonary_artery" in near else None
    if variant.upper() == "PAS" and scene.report_kind == "pathology" and scene.domain != "pas":
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
