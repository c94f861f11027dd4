"""Measurements and the entity each is said of (specification 7)."""

import re
from dataclasses import dataclass

from report_structuring.lexicon import Mention, Scene, concept_types
from report_structuring.normalise import Normalised

_NUM = r"\d{1,5}(?:\.\d{1,3})?"
_RANGE = rf"{_NUM}(?:\s?[-~～–—－至到]\s?{_NUM})?"
_LENGTH = r"(?:mm|cm|MM|CM|Cm|Mm|㎜|㎝|毫米|厘米|公分)"
_TIMES = r"\s?(?:[×xX*＊✕]|·|\?)\s?"
_SIZE = re.compile(
    rf"(?<![\d.A-Za-z])(?P<a>{_RANGE})\s?(?P<ua>{_LENGTH})?{_TIMES}(?P<b>{_RANGE})\s?(?P<ub>{_LENGTH})?"
    rf"(?:{_TIMES}(?P<c>{_RANGE})\s?(?P<uc>{_LENGTH})?)?(?![\d.])"
)
_SINGLE = re.compile(
    rf"(?<![\d.A-Za-z×xX*])(?P<sign>[<>≤≥＜＞]\s?=?)?\s?(?P<a>{_NUM})(?:\s?(?P<ua>%|％|{_LENGTH}|Hu|HU|hu|ml|mL|ML|毫升)?\s?[-~～–—－至到]\s?(?P<b>{_NUM}))?\s?"
    rf"(?P<unit>cm/s|m/s|{_LENGTH}|cm3|cm³|ml|mL|ML|毫升|cc|HU|Hu|hu|H(?![A-Za-z])|%|％|分(?![钟期之级支叶隔型]))"
)
_BARE = re.compile(
    rf"(?P<name>RI|PI|阻力指数|错配比值?|mismatch\s?ratio|S/D|比值|NIHSS(?:评分)?|ASPECTS?(?:评分)?|羊水指数|AFI|CTSI|GCS(?:评分)?|评分)(?:值|约|为|是|:|=|＝|\s)*(?P<v>{_NUM}分?)(?![\d.]|\s?(?:mm|cm|ml|mL|%|-|~|×|[A-Za-z]))"
)
_COUNT = re.compile(r"(?P<sign>[<>≤≥＜＞]=?)\s?(?P<v>\d{1,3})\s?(?P<u>个|枚|处|支|条)")
_SCALE = {"mm": 1.0, "㎜": 1.0, "毫米": 1.0, "cm": 10.0, "㎝": 10.0, "厘米": 10.0, "公分": 10.0}
_BEFORE_OP = (
    (re.compile(r"(?:小于等于|不超过|不大于|至多|≤)约?$"), "le"),
    (re.compile(r"(?:不小于|不少于|至少|大于等于|≥)约?$"), "ge"),
    (re.compile(r"(?:不足|小于|少于|低于|不到|<|＜)约?$"), "lt"),
    (re.compile(r"(?:大于|超过|多于|高于|>|＞)约?$"), "gt"),
)
_AFTER_OP = ((re.compile(r"以上|及以上"), "ge"), (re.compile(r"以下|以内|及以下|之内"), "le"))
_SIGNS = {"<": "lt", "＜": "lt", ">": "gt", "＞": "gt", "≤": "le", "≥": "ge", "<=": "le", ">=": "ge"}
_NOT_SIZE = re.compile(
    r"(?:(?<!肌)层厚|层距|层间距|间隔|螺距|扫描|薄层|重建|矩阵|FOV|剂量|碘|流率|注射|速率|b值?|TR|TE|kV|mA|图像?|Se|Im|序列)[^，。；]{0,6}$"
)
_SLICE = re.compile(r"(?:(?<!肌)层厚|层距|薄层|间隔|重建|/s注射|碘)")
_PRIOR = re.compile(r"(?:原(?:来|约|为|大小|病灶)?|前片|上次|前次|旧片|既往|较前片?|由|从|术前|原先)[^，。；]{0,8}$")
_PRIOR_BRACKET = re.compile(r"(?:较|前片|上次|前次|原|旧片)[^，。；]{0,10}[(（]$")
_NOW = re.compile(r"(?:现|本次|目前|今|此次)[^，。；]{0,8}$")
_PLURAL = re.compile(r"(?:较大者|大者|其一|最大(?:者|约|径|层面)?|其中一[个枚])")
_TARGETS = (
    (
        "placenta",
        re.compile(
            r"胎盘(?!植入|陷窝|内|后|前置|粘连|早剥)[^，。；]{0,8}(?:厚|长|宽|大小)[^，。；]{0,3}$|胎盘厚[^，。；]{0,3}$"
        ),
    ),
    ("cervix", re.compile(r"宫颈(?:管)?(?:长|厚)[^，。；]{0,4}$")),
    ("cbd", re.compile(r"胆总管[^，。；]{0,6}(?:内径|直径|宽|管径|径)[^，。；]{0,4}$")),
    ("gallbladder", re.compile(r"胆囊(?:大小|长径|体积)[^，。；]{0,4}$")),
    ("myometrium", re.compile(r"(?:肌层|肌壁)(?:最薄处|厚度?)[^，。；]{0,6}$")),
    ("endometrium", re.compile(r"内膜(?:厚度?)[^，。；]{0,4}$")),
)

_PLACENTAL_SITE = frozenset({"pas.previa", "pas.previa_complete", "pas.previa_marginal", "pas.low_lying"})
# A structure without a code, said to be at the finding before (瘢痕处见孕囊样回声，大小).
_UNNAMED = re.compile(r"^(?:处|旁|下方|上方)(?:可)?见[^，。；]{1,10}(?:回声|囊|影|结构)，?[^，。；]{0,6}$")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    start: int
    end: int
    dims: tuple[tuple[float, float], ...]
    unit: str | None
    op: str
    name: str = ""


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
    text = copy.text
    results: list[Measurement] = []
    if section == "technique":
        return []
    for found in _parse(text, scene.start, scene.end):
        lead = text[_clause_start(text, scene, found.start) : found.start]
        long_lead = text[scene.start : found.start]
        if _NOT_SIZE.search(lead) or _SLICE.match(text, found.end):
            continue
        kind = _kind(lead, long_lead, found, section)
        time = "current"
        if (_PRIOR.search(lead) or _PRIOR_BRACKET.search(lead)) and not _NOW.search(lead):
            time = "prior"
        entity, target = _link(text, scene, kept, past, found, lead, kind)
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
                entity=entity,
                target=target,
                flag=_flag(found, kind, entity, kept),
            )
        )
    return results


def _clause_start(text: str, scene: Scene, at: int) -> int:
    for left, right in scene.clauses:
        if left <= at < right:
            return left
    return scene.start


def _pair(text: str, factor: float) -> tuple[float, float]:
    numbers = [round(float(n) * factor, 3) for n in re.findall(_NUM, text)]
    return (min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1]))


def _scale(unit: str | None) -> float:
    return _SCALE[(unit or "mm").lower() if (unit or "mm").isascii() else unit or "mm"]


def _parse(text: str, start: int, end: int) -> list[_Found]:
    found: list[_Found] = []
    for hit in _SIZE.finditer(text, start, end):
        units = [hit["ua"], hit["ub"], hit["uc"]]
        known = next((unit for unit in reversed(units) if unit), None)
        if known is None:
            continue
        axes = [hit["a"], hit["b"], hit["c"]]
        dims = tuple(_pair(axis, _scale(units[i] or known)) for i, axis in enumerate(axes) if axis)
        found.append(_with_op(text, hit.start(), hit.end(), dims, "mm"))
    for hit in _SINGLE.finditer(text, start, end):
        if _overlaps(found, hit.start("a"), hit.end()):
            continue
        span_start = hit.start("sign") if hit["sign"] else hit.start("a")
        if re.search(r"[A-Za-z]\s?[<>≤≥]=?\s?$", text[max(start, span_start - 4) : hit.start("a")]):
            # A threshold on a map (rCBF<30%, Tmax>6s), not a size.
            continue
        canonical, factor = _unit(hit["unit"])
        numbers = _pair(f"{hit['a']} {hit['b'] or hit['a']}", factor)
        if re.match(r"\s?/", text[hit.end() : hit.end() + 2]) and canonical != "cm/s":
            continue
        found.append(_with_op(text, span_start, hit.end(), (numbers,), canonical, sign=(hit["sign"] or "").strip()))
    for hit in _BARE.finditer(text, start, end):
        if _overlaps(found, hit.start("v"), hit.end("v")):
            continue
        value = float(hit["v"].rstrip("分"))
        name = hit["name"]
        if name in ("羊水指数", "AFI"):
            dims, unit = ((value * 10, value * 10),), "mm"
        elif re.match(r"NIHSS|ASPECT|CTSI|GCS|评分", name):
            dims, unit = ((value, value),), "score"
        else:
            dims, unit = ((value, value),), "ratio"
        found.append(_Found(start=hit.start("v"), end=hit.end("v"), dims=dims, unit=unit, op="eq", name=name))
    for hit in _COUNT.finditer(text, start, end):
        if not _overlaps(found, hit.start(), hit.end()):
            value = float(hit["v"])
            found.append(
                _Found(
                    start=hit.start(),
                    end=hit.end(),
                    dims=((value, value),),
                    unit=None,
                    op=_SIGNS[hit["sign"]],
                    name="count",
                )
            )
    return sorted(found, key=lambda f: f.start)


def _overlaps(found: list[_Found], start: int, end: int) -> bool:
    return any(f.start < end and start < f.end for f in found)


def _unit(unit: str) -> tuple[str, float]:
    lowered = unit.lower()
    if lowered in ("cm/s", "m/s"):
        return "cm/s", 100.0 if lowered == "m/s" else 1.0
    if lowered in ("ml", "cc", "cm3", "cm³") or unit == "毫升":
        return "mL", 1.0
    if lowered in ("hu", "h"):
        return "HU", 1.0
    if unit in ("%", "％"):
        return "percent", 1.0
    if unit == "分":
        return "score", 1.0
    return "mm", _scale(unit)


def _with_op(
    text: str, start: int, end: int, dims: tuple[tuple[float, float], ...], unit: str, *, sign: str = ""
) -> _Found:
    op = _SIGNS.get(sign.replace(" ", ""), "eq")
    if op == "eq":
        before = text[max(0, start - 6) : start]
        op = next((code for regex, code in _BEFORE_OP if regex.search(before)), "eq")
    if op == "eq":
        op = next((code for regex, code in _AFTER_OP if regex.match(text, end)), "eq")
    return _Found(start=start, end=end, dims=dims, unit=unit, op=op)


def _kind(lead: str, long_lead: str, found: _Found, section: str) -> str:
    if found.name == "count":
        return "count"
    if found.unit in ("mL", "HU", "percent", "cm/s", "score"):
        return {"mL": "volume", "HU": "ct_value", "percent": "percent", "cm/s": "velocity", "score": "score"}[
            found.unit
        ]
    if found.name in ("羊水指数", "AFI") or re.search(r"(?:羊水指数|AFI)[^，。；]{0,4}$", lead):
        return "afi"
    if found.unit == "ratio":
        return "ri" if found.name in ("RI", "PI", "阻力指数") else "ratio"
    if len(found.dims) > 1:
        return "area" if re.search(r"(?:范围|最大层面|最大截面|层面|截面|面积)[^，。；]{0,6}$", lead) else "size"
    tail = lead[-14:]
    for kind, wording in (
        ("distance", r"距[^，。；]{0,12}$|(?:移位|左移|右移|偏移|减轻)[^，。；]{0,6}$"),
        ("short_axis", r"短径[^，。；]{0,4}$"),
        ("long_axis", r"长轴[^，。；]{0,4}$"),
        ("depth", r"(?:深|前后径|分离)[^，。；]{0,5}$"),
        ("thickness", r"(?:厚|厚度|最厚|最薄)[^，。；]{0,6}$"),
        ("diameter", r"(?:直径|径|最大者?约?|大者|较大者)[^，。；]{0,5}$"),
        ("width", r"宽[^，。；]{0,5}$"),
        ("length", r"(?:长|范围)[^，。；]{0,5}$"),
    ):
        if re.search(wording, tail):
            return kind
    if re.search(r"中线|移位", long_lead[-16:]):
        return "distance"
    return "diameter"


def _link(
    text: str, scene: Scene, kept: list[tuple[Mention, str]], past: set[str], found: _Found, lead: str, kind: str
) -> tuple[str | None, str | None]:
    linkable = [(m, i) for m, i in kept if not m.code.startswith("rec.")]
    target = next((name for name, regex in _TARGETS if regex.search(lead)), None)
    clause_start = _clause_start(text, scene, found.start)
    left = [(m, i) for m, i in linkable if m.end <= found.start]
    right = [(m, i) for m, i in linkable if m.start >= found.end and i not in past]
    same_clause = [(m, i) for m, i in left if m.start >= clause_start]
    if target and not same_clause:
        return None, target
    if target == "placenta":
        return None, target
    if left and left[-1][0].code in _PLACENTAL_SITE and re.match(r"厚度?约?$", lead):
        return None, "placenta"
    described = _UNNAMED.search(text[left[-1][0].end : found.start]) if left else None
    if described and kind in ("size", "area", "diameter"):
        named = [i for m, i in right if concept_types().get(m.code) == "diagnosis"]
        return (named[0] if named else None), target
    if same_clause:
        return same_clause[-1][1], target
    clause_end = next((right for a, right in scene.clauses if a <= found.start < right), scene.end)
    if kind == "distance" and not left:
        return (right[0][1], target) if right else (None, target)
    within = [(m, i) for m, i in right if m.start < clause_end]
    if within and not left:
        return within[0][1], target
    if left:
        return left[-1][1], target
    return (right[0][1] if right and kind == "distance" else None), target


def _flag(found: _Found, kind: str, entity: str | None, kept: list[tuple[Mention, str]]) -> str | None:
    """Flag implausible values for review; nothing is changed (specification 7.4)."""
    top = max(high for _, high in found.dims)
    code = next((m.code for m, i in kept if i == entity), "")
    limits = {"lung.nodule": 30, "abd.appendix_dilated": 40, "pas.myometrial_thinning": 30, "brain.midline_shift": 30}
    if found.unit == "mm" and top > limits.get(code, 1000):
        return "unit_suspect"
    if (
        (found.unit == "mL" and top > 300)
        or (found.unit == "percent" and top > 100)
        or (found.unit == "HU" and top > 3000)
    ):
        return "implausible"
    return None
