"""Measurements and the entity each is said of (specification 7)."""

import re
from dataclasses import dataclass

from report_structuring.advice import clause_of
from report_structuring.first_characters import compile_wording
from report_structuring.lexicon import Mention, Scene
from report_structuring.linking import link
from report_structuring.normalise import Normalised
from report_structuring.quantity import Quantity, find_quantities

_TECHNIQUE = compile_wording(
    r"(?:(?<!肌)层厚|层距|层间距|螺距|矩阵|FOV|剂量|碘|对比剂|造影剂|流率|注射|速率|b值?|TR|TE|kV|mA|Se|Im|序列)[^，。；]{0,6}$"
    r"|(?:扫描|薄层|重建|(?<![室房叶])间隔)(?:扫描|重建|层厚|厚度|参数|间距|间隔)*(?:各|均|为|约|:)*$"
)
_SLICE = re.compile(r"(?:(?<!肌)层厚|层距|薄层|间隔|重建|/s注射|碘)")
_PRIOR = compile_wording(
    r"(?:原(?![因始位则发本料])|由|(?<!自)从|术前|治疗前|既往)[^，。；]{0,8}$|(?:前片|上次|前次|旧片)[^，。；]{0,18}$"
    r"|(?:较前片?|较上次|较术后[^，。；]{0,4}|前片|上次|前次|原|旧片)[^，。；]{0,10}[(（](?:约|原|前片)?$"
)
_NOW = compile_wording(r"(?:现(?!象)|本次|目前|今|此次)[^，。；]{0,8}$")
_TO_NOW = re.compile(
    r"\s?(?:明显|略|逐渐)?(?:缩小|减小|减少|减|增大|增加|增多|增厚|增|扩大|进展|变|降|升|下降|升高)?(?:至|到|为|→|->|—>)"
)
_JOINS = re.compile(
    r"[，、及和与\s(（]*(?:右侧?|左侧?|双侧|对侧|健侧|患侧|前者|后者|分别|约|为|:|F\d|前次|前片|上次|原|现|检查|[(（][^()（）]{0,14}[)）])*"
)
_INDICES = {
    "mL": "volume", "HU": "ct_value", "percent": "percent", "cm/s": "velocity", "score": "score",
}  # fmt: skip
_WORDS = (
    ("distance", compile_wording(r"距|自[^，。；]{0,4}开口|移位|左移|右移|偏移|下移|上移|隆突上|[运活]动度|末端高于")),
    ("short_axis", compile_wording(r"短径|短轴")),
    ("long_axis", compile_wording(r"长轴")),
    ("width", compile_wording(r"宽径|宽|瘤颈(?!径)")),
    ("depth", compile_wording(r"深|前后径|分离|液平段")),
    ("thickness", compile_wording(r"厚径?|最薄|变薄|菲薄|较薄|最粗")),
    ("diameter", compile_wording(r"直径|内径|外径|管径|孔径|横径|长径|(?<![短宽周环长后厚])径|大者|最大者?")),
    ("length", compile_wording(r"长(?![轴径T])|范围|周径|覆盖|中断|环径|连续性")),
)
# The kind of a single number that has no word of its own, by the finding it is said of.
_KIND_OF_CODE = (
    ("thickness", re.compile(r"thickening|thinning|\.imt")),
    ("depth", re.compile(r"hydronephrosis|\.ascites|effusion|hemoperitoneum")),
    ("distance", re.compile(r"midline_shift")),
    ("length", re.compile(r"interruption|clear_zone|previa_complete|cervical_shortening")),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One measurement in canonical units (mm, mL, HU, percent, cm/s, score, ratio)."""

    id: str
    kind: str
    dims: tuple[tuple[float, float], ...]
    unit: str | None
    op: str
    time: str
    approx: bool
    start: int
    end: int
    text: str
    entity: str | None
    target: str | None
    flag: str | None


def find_measurements(
    copy: Normalised,
    raw: str,
    scene: Scene,
    kept: list[tuple[Mention, str]],
    past: set[str],
    *,
    first: int,
    section: str,
) -> list[Measurement]:
    """Find the measurements of one sentence and link each to an entity id or a normal structure.

    `kept` are the mentions a value may belong to, with their ids; `past` are the ids of those no longer there.
    """
    if section == "technique":
        return []
    text = copy.text
    results: list[Measurement] = []
    mentions = [mention for mention, _ in kept]
    gone = {i for i, (_, name) in enumerate(kept) if name in past}
    previous: tuple[int, str] | None = None
    for found in find_quantities(text, scene.start, scene.end):
        clause_start, _ = clause_of(scene, found.start)
        begins = max(clause_start, previous[0]) if previous else clause_start
        lead = text[begins : found.start]
        if _TECHNIQUE.search(lead) or _SLICE.match(text, found.end):
            continue
        between = text[previous[0] : found.start] if previous else ""
        turned = _TO_NOW.match(between)
        shares = previous is not None and bool(_JOINS.fullmatch(between[turned.end() :] if turned else between))
        kind = _kind(
            lead,
            text[max(scene.start, clause_start - 12) : found.start],
            found,
            previous[1] if previous and shares else "",
        )
        time = _time(text, lead, found)
        joined = link(text, scene, mentions, gone, found, kind or "diameter", is_prior=time == "prior")
        mention = mentions[joined.at] if joined.at is not None else None
        kind = kind or joined.kind or _kind_of(text, mention, found)
        previous = found.end, kind
        start, end = copy.raw_span(found.start, found.end)
        results.append(
            Measurement(
                id=f"M{first + len(results)}",
                kind=kind,
                dims=found.dims,
                unit=found.unit,
                op=found.op,
                time=time,
                approx=bool(re.search(r"(?:约|大约|近|大概)$", lead)) or text.startswith("左右", found.end),
                start=start,
                end=end,
                text=raw[start:end],
                entity=kept[joined.at][1] if joined.at is not None else None,
                target=joined.target,
                flag=_flag(found, mention),
            )
        )
    return results


def _time(text: str, lead: str, found: Quantity) -> str:
    """Say whether a value is the one now or that of a prior study (由3.0cm缩小至1.4cm)."""
    if _NOW.search(lead):
        return "current"
    if _TO_NOW.match(text, found.end):
        return "prior"
    return "prior" if _PRIOR.search(lead) else "current"


def _kind(lead: str, long_lead: str, found: Quantity, previous: str) -> str:
    """Name the kind by the words before the number; an empty string when they do not tell."""
    if found.name == "count":
        return "count"
    if found.unit in _INDICES:
        return _INDICES[found.unit]
    if found.name in ("羊水指数", "AFI") or re.search(r"(?:羊水指数|AFI)[^，。；]{0,4}$", lead):
        return "afi"
    if found.unit == "ratio":
        return "ri" if found.name in ("RI", "PI", "阻力指数", "搏动指数") else "ratio"
    if len(found.dims) > 1:
        if previous in ("size", "area"):
            return previous
        is_area = len(found.dims) == 2 and re.search(r"(?:范围|层面|截面|面积)[^，。；]{0,10}(?:，由)?$", long_lead)
        return "area" if is_area else "size"
    tail = lead[-14:]
    best, place = "", -1
    for kind, wording in _WORDS:
        if not wording.search(tail):
            continue
        for hit in wording.finditer(tail):
            if hit.end() > place:
                best, place = kind, hit.end()
    if place >= 0 and "大" not in tail[place - 2 : place]:
        return best
    return previous or best


def _kind_of(text: str, mention: Mention | None, found: Quantity) -> str:
    """Name the kind of a single number by the finding it is said of."""
    if mention is None:
        return "diameter"
    kind = next((kind for kind, wording in _KIND_OF_CODE if wording.search(mention.code)), "")
    return kind or "diameter"


def _flag(found: Quantity, mention: Mention | None) -> str | None:
    """Flag implausible values for review; nothing is changed (specification 7.4)."""
    top = max(high for _, high in found.dims)
    limits = {"lung.nodule": 30, "abd.appendix_dilated": 40, "pas.myometrial_thinning": 30, "brain.midline_shift": 30}
    if found.unit == "mm" and mention is not None and top > limits.get(mention.code, 1000):
        return "unit_suspect"
    if (
        (found.unit == "mL" and top > 300)
        or (found.unit == "percent" and top > 100)
        or (found.unit == "HU" and (top > 3000 or top < -1000))
    ):
        return "implausible"
    return None
