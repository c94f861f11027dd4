"""Mentions of lexicon concepts in a normalised text (specification 4).

Three sources of candidates, all data: the lexicon's own variants (`finding_lexicon.tsv`), wording
patterns (`patterns.tsv`), and heads whose concept depends on the organ they are said of
(`heads.tsv`, table 4.1 of the specification). The longest candidate wins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from report_structuring.anatomy import Site
from report_structuring.heads import is_head, match_heads
from report_structuring.mention import Mention as Mention
from report_structuring.mention import Scene as Scene
from report_structuring.signals import match_signals
from report_structuring.words import any_of, expand, read_rows, read_words

_DOMAIN_OF_REGION = {"chest": "lung", "head": "brain", "abd": "abd", "uterus": "pas"}
_TO_LOWER = {upper: upper + 32 for upper in range(65, 91)}
_LIST_MARKS = "、及并"
_ASCII_WORD = re.compile(r"[A-Za-z]")
# Words that only mean something in one organ system; the variant alone does not say which.
_SHARED = frozenset(word.translate(_TO_LOWER) for word in read_words("shared"))
# One span, two concepts: a calcified nodule, an acute infarct of a watershed.
_PAIRS = (
    ("lung.nodule", "钙化", "gen.calcification"),
    ("brain.watershed_infarct", "急性|新发|新鲜", "brain.acute_infarct"),
)
# What a scan calls wear of the bones; under the microscope the word describes tissue.
_NOT_OF_PATHOLOGY = frozenset({"gen.degenerative"})
_NOT_FINDINGS = re.compile(any_of("not_findings"))
_IMPLANTED = re.compile(r"(?:支架|粒子|起搏器|节育器|种植体|滤器|导丝|晶体|电极)(?:系统)?植入")


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
def _variants() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
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
                codes.setdefault(_lower(variant), []).append(code)
    # By the first two characters, the longest first; those of one character also behind every pair they begin.
    table: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for variant, found in codes.items():
        table.setdefault(variant[:2], []).append((variant, tuple(dict.fromkeys(found))))
    for pair in [pair for pair in table if len(pair) == 2 and pair[0] in table]:
        table[pair] = [*table[pair], *table[pair[0]]]
    for rows in table.values():
        rows.sort(key=lambda row: -len(row[0]))
    return table


@cache
def _patterns() -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(
            code=code,
            regions=frozenset(() if regions == "*" else regions.split("+")),
            triggers=tuple(triggers.split("|")),
            regex=re.compile(expand(regex)),
        )
        for code, regions, triggers, regex in read_rows("patterns.tsv")
    )


@cache
def _triggers() -> tuple[tuple[str, tuple[int, ...]], ...]:
    table: dict[str, list[int]] = {}
    for number, pattern in enumerate(_patterns()):
        for trigger in pattern.triggers:
            table.setdefault(trigger, []).append(number)
    return tuple((trigger, tuple(numbers)) for trigger, numbers in sorted(table.items()))


@lru_cache(maxsize=8)
def _named_in(text: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the triggers that stand in a report with their patterns; the sentences of one report ask for the same."""
    return tuple(row for row in _triggers() if row[0] in text)


def _lower(text: str) -> str:
    return text.translate(_TO_LOWER)


def find_mentions(text: str, scene: Scene) -> list[Mention]:
    """Find the concepts named in one sentence; overlapping shorter mentions are dropped."""
    found = [
        *_match_variants(text, scene),
        *_match_patterns(text, scene),
        *match_heads(text, scene),
        *match_signals(text, scene),
    ]
    found = [_about_pancreas(m, scene) for m in found]
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
    found = [
        m
        for m in found
        if m.code.startswith("rec.")
        or not any(
            left < m.end and m.start < right and (m.core or m.end - m.start) <= right - left for left, right in blocked
        )
    ]
    return _keep_longest(text, found)


def _about_pancreas(mention: Mention, scene: Scene) -> Mention:
    """Read stranding in the fat about the pancreas (胰腺肿胀，周围脂肪间隙模糊) as peripancreatic exudate."""
    if mention.code != "abd.fat_stranding":
        return mention
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
        # One predicate said of several organs (胸腔及心包积液) makes one entity for each.
        if rivals and mention.core and mention.end - mention.start > mention.core:
            mention = replace(mention, start=mention.end - mention.core)
            rivals = [k for k in kept if k.start < mention.end and mention.start < k.end]
        shares_head = mention.rule == "head.shared" and all(
            k.code != mention.code and (k.end == mention.end or (k.start <= mention.start and mention.end <= k.end))
            for k in rivals
        )
        if not rivals or shares_head:
            kept.append(mention)
    extra = [
        Mention(start=k.start, end=k.end, code=second, rule="pair")
        for k in kept
        for first, wording, second in _PAIRS
        if k.code == first and re.search(wording, text[k.start : k.end])
    ]
    # A node whose predicate is a mention of its own (淋巴结未见肿大) is not shown for itself.
    swollen = [k.start for k in kept if k.code == "gen.lymphadenopathy"]
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
        last = next((m for m in reversed(joined) if m.code == mention.code), None)
        is_bare = mention.rule.startswith("head") and mention.end - mention.start == mention.core
        if last and is_bare and text[last.end : mention.start] in ("", "、", "并", "伴"):
            joined[joined.index(last)] = replace(last, end=mention.end)
        else:
            joined.append(mention)
    return joined


def _match_variants(text: str, scene: Scene) -> list[Mention]:
    lowered, table, found = _lower(text[scene.start : scene.end]), _variants(), []
    for at in range(len(lowered)):
        rows = table.get(lowered[at : at + 2]) or table.get(lowered[at])
        if not rows:
            continue
        start = scene.start + at
        for variant, codes in rows:
            if not lowered.startswith(variant, at):
                continue
            end = start + len(variant)
            if not _is_token(text, start, end) or is_head(variant):
                continue
            code = _choose(codes, variant, start, scene)
            if code:
                found.append(Mention(start=start, end=end, code=code, rule="variant"))
                break
    return found


def _match_patterns(text: str, scene: Scene) -> list[Mention]:
    found = []
    sentence = text[scene.start : scene.end]
    chosen = {number for trigger, numbers in _named_in(text) if trigger in sentence for number in numbers}
    for number in sorted(chosen):
        pattern = _patterns()[number]
        for hit in pattern.regex.finditer(text, scene.start, scene.end):
            if hit.end() == hit.start() or not _is_token(text, hit.start(), hit.end()):
                continue
            if not _is_at_home(pattern, hit, scene):
                continue
            start, end = hit.span()
            while start < end and text[start] in _LIST_MARKS:
                start += 1
            while end > start and text[end - 1] in _LIST_MARKS:
                end -= 1
            found.append(Mention(start=start, end=end, code=pattern.code, rule="pattern"))
    return found


def _is_at_home(pattern: _Pattern, hit: re.Match[str], scene: Scene) -> bool:
    """Say whether a pattern may speak here: its organ system, and pathology where it says so."""
    if "path" in pattern.regions:
        return scene.report_kind == "pathology" and (len(pattern.regions) == 1 or scene.domain in pattern.regions)
    here = _local_domain(hit.start(), hit.end(), scene) or scene.domain
    return not pattern.regions or here in pattern.regions


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
