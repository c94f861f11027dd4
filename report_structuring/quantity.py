"""Numbers with their units in a normalised text (specification 7.1, 7.2)."""

import re
from dataclasses import dataclass, replace

from report_structuring.first_characters import compile_wording

_NUM = r"\d{1,5}(?:\.\d{1,3})?"
_DASH = r"\s?[-~～–—－至到]\s?"
_RANGE = rf"{_NUM}(?:{_DASH}{_NUM})?"
_LENGTH = r"(?:mm|cm|MM|CM|Cm|Mm|㎜|㎝|毫米|厘米|公分)"
_TIMES = r"\s?(?:[×xX*＊✕]|·|\?)\s?"
_TIMES_SIGN = re.compile(r"[×xX*＊✕·?]")
_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(_NUM)
# A number may stand right behind a sign, a letter of a name would make it part of the name (M1, T2, 4R).
_FREE = (
    r"(?:(?<![\d.A-Za-z×xX*])|(?<=[φΦøØ])|(?<=PSV)|(?<=EDV)|(?<=Vmax)|(?<=BPD)|(?<=HC)|(?<=AC)|(?<=FL)|(?<=CRL)|(?<=NT)"
    r"|(?<=AFV)|(?<=AFI)|(?<=IMT)|(?<=max))"
)
_SIZE = compile_wording(
    rf"{_FREE}(?P<a>{_RANGE})\s?(?P<ua>{_LENGTH})?{_TIMES}(?P<b>{_RANGE})\s?(?P<ub>{_LENGTH})?"
    rf"(?:{_TIMES}(?P<c>{_RANGE})\s?(?P<uc>{_LENGTH})?)?(?![\d.])"
)
_SINGLE = compile_wording(
    rf"{_FREE}(?P<sign>[<>≤≥＜＞]\s?=?)?\s?(?P<a>{_NUM})(?:\s?(?P<ua>%|％|{_LENGTH}|Hu|HU|hu|ml|mL|ML|Ml|毫升)?{_DASH}(?P<minus>[-－−])?(?P<b>{_NUM}))?\s?"
    rf"(?P<unit>cm/s|m/s|cm3|cm³|{_LENGTH}(?!\s?[Hh][Gg]|[Oo][Ll]|H2O|²|2(?!\d))|ml|mL|ML|Ml|毫升|cc|HU|Hu|hu|H(?![A-Za-z])|%|％|分(?![钟期之级支叶隔型度别类化泌布界割流辨析娩离散水裂野]))"
)
_SIGN = r"(?P<sign>[<>≤≥＜＞]\s?=?)?\s?"
_NAMED = compile_wording(
    r"(?P<name>RI|PI|阻力指数|搏动指数|错配比值?|错配率|[Mm]ismatch(?:\s?(?:ratio|比))?|(?:PSV|流速)比|S/D|心胸比(?:例|率|值)?|比值|m?NIHSS(?:评分)?|ASPECTS?(?:评分)?|羊水指数"
    r"|AFI|M?CTSI|GCS(?:评分)?|mRS(?:评分)?|评分|CT值|BPD|HC|AC|FL|双顶径|头围|腹围|股骨长)"
    rf"(?:值|约|为|是|分别|:|=|＝|\s)*{_SIGN}(?P<v>{_NUM}(?:{_DASH}{_NUM})?分?)(?![\d.]|\s?(?:mm|cm|ml|mL|%|×|毫|厘|[A-Za-z]))"
)
_COUNT = compile_wording(r"(?P<sign>[<>≤≥＜＞]=?)\s?(?P<v>\d{1,3})\s?(?P<u>个|枚|处|支|条|根)")
# 3.0、2.7cm: the unit written last serves the numbers before it.
_SHARING = compile_wording(rf"(?<![\d.A-Za-z×xX*-])(?P<v>{_NUM})\s?[、及和与]\s?$")
_NAMES_A_SIZE = compile_wording(
    r"(?:大小|范围|层面|截面|径|者|见|体积|结节|肿块|包块|病灶|[影灶囊区团]|约)(?:约|为|:|达)*$"
)
_GRID = re.compile(r"(?:矩阵|像素|FOV|视野)\D{0,3}$")
# A single number without a unit, where its name leaves no doubt that it is a length.
_UNITLESS = compile_wording(
    rf"(?:厚度?|直径|内径|外径|管径|宽径?|宽度|深度?|长度|长径|前后径|短径)(?:最大|最厚|处)*(?:约|为|:)*\s?(?P<v>{_NUM}(?:{_DASH}{_NUM})?)(?=[，。；、)）\n]|$)"
)
_SCALE = {"mm": 1.0, "㎜": 1.0, "毫米": 1.0, "cm": 10.0, "㎝": 10.0, "厘米": 10.0, "公分": 10.0}
_BEFORE_OP = (
    (compile_wording(r"(?:小于等于|小于或等于|不超过|未超过|不大于|不多于|至多|最多|≤)约?$"), "le"),
    (compile_wording(r"(?:不小于|不少于|不低于|至少|大于等于|大于或等于|≥)约?$"), "ge"),
    (compile_wording(r"(?:不足|不及|小于|少于|低于|不到|未达|未及|<|＜)约?$"), "lt"),
    (compile_wording(r"(?:大于|超过|多于|高于|>|＞)约?$"), "gt"),
)
_AFTER_OP = (
    (re.compile(r"(?:及其?)?以上"), "ge"),
    (re.compile(r"(?:及其?)?(?:以下|以内|之内)"), "le"),
)
_SIGNS = {
    "<": "lt",
    "＜": "lt",
    ">": "gt",
    "＞": "gt",
    "≤": "le",
    "≥": "ge",
    "<=": "le",
    ">=": "ge",
    "＜=": "le",
    "＞=": "ge",
}
_THRESHOLD = compile_wording(r"(?:Tmax|TMAX|CBF|CBV|MTT|TTP|ADC)[^，。；]{0,2}\s?[<>≤≥＜＞]=?\s?$")
_MINUS = compile_wording(r"(?:值|约|为|是|:|近|达)\s?[-－−]$")
_RATE = re.compile(r"\s?/\s?(?:s|h|H|min|kg|d|层|次|分)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A number, a range or the axes of a size, in canonical units; `name` is the name of an index (RI, AFI)."""

    start: int
    end: int
    dims: tuple[tuple[float, float], ...]
    unit: str | None
    op: str
    name: str = ""


def find_quantities(text: str, start: int, end: int) -> list[Quantity]:
    """Find the quantities of a span of the text in their order."""
    if not _DIGIT.search(text, start, end):
        return []
    found = _find_sizes(text, start, end)
    for hit in _SINGLE.finditer(text, start, end):
        if _overlaps(found, hit.start("a"), hit.end()):
            continue
        span_start = hit.start("sign") if hit["sign"] else hit.start("a")
        if _THRESHOLD.search(text, max(start, span_start - 8), hit.start("a")):
            continue
        canonical, factor = _unit(hit["unit"])
        if canonical in ("mm", "mL") and _RATE.match(text, hit.end()):
            continue
        dims = (_pair(f"{hit['a']} {hit['b'] or hit['a']}", factor),)
        if canonical == "HU" and not hit["sign"] and _MINUS.search(text, start, span_start):
            # Fat and gas are below zero: CT值约-80HU, -100至-60HU.
            span_start -= 1
            second = float(hit["b"] or hit["a"]) * (-1 if hit["minus"] or not hit["b"] else 1)
            low, high = sorted((-float(hit["a"]), second))
            dims = ((low, high),)
        found.append(_with_op(text, span_start, hit.end(), dims, canonical, sign=hit["sign"]))
        place = hit.start("a")
        while not hit["sign"] and (shared := _SHARING.search(text, max(start, place - 12), place)):
            place = shared.start("v")
            if _overlaps(found, place, shared.end("v")):
                break
            found.append(_with_op(text, place, shared.end("v"), (_pair(shared["v"], factor),), canonical))
    for hit in _NAMED.finditer(text, start, end):
        if not _overlaps(found, hit.start("v"), hit.end("v")):
            found.append(_read_named(hit))
    for hit in _UNITLESS.finditer(text, start, end):
        if not _overlaps(found, hit.start("v"), hit.end("v")):
            found.append(_with_op(text, hit.start("v"), hit.end("v"), (_pair(hit["v"], 1.0),), None))
    for hit in _COUNT.finditer(text, start, end):
        if not _overlaps(found, hit.start(), hit.end()):
            dims = (_pair(hit["v"], 1.0),)
            op = _SIGNS[hit["sign"]]
            found.append(Quantity(start=hit.start(), end=hit.end(), dims=dims, unit=None, op=op, name="count"))
    return sorted(found, key=lambda quantity: quantity.start)


def _find_sizes(text: str, start: int, end: int) -> list[Quantity]:
    if not _TIMES_SIGN.search(text, start, end):
        return []
    found: list[Quantity] = []
    waiting: list[Quantity] = []
    for hit in _SIZE.finditer(text, start, end):
        units = [hit["ua"], hit["ub"], hit["uc"]]
        known = next((unit for unit in reversed(units) if unit), None)
        axes = [hit["a"], hit["b"], hit["c"]]
        scales = [_SCALE[_fold_unit(units[i] or known)] if known else 1.0 for i in range(3)]
        dims = tuple(_pair(axis, scales[i]) for i, axis in enumerate(axes) if axis)
        quantity = _with_op(text, hit.start(), hit.end(), dims, "mm" if known else None)
        if known is None:
            waiting.append(quantity)
            continue
        # 3.0×2.0、1.2×0.8cm: the unit written last serves the sizes before it.
        while waiting and re.fullmatch(r"\s?[、及和与]\s?", text[waiting[-1].end : (found or [quantity])[-1].start]):
            scale = scales[0]
            earlier = waiting.pop()
            scaled = tuple((round(low * scale, 3), round(high * scale, 3)) for low, high in earlier.dims)
            found.append(replace(earlier, dims=scaled, unit="mm"))
        found.append(quantity)
    # 大小约2.3×1.8 stays a size although its unit is missing.
    ends = ("，", "。", "；", "", ")", "）", "\n")
    waiting = [q for q in waiting if not _GRID.search(text, max(start, q.start - 6), q.start)]
    found.extend(q for q in waiting if _NAMES_A_SIZE.search(text, start, q.start) or text[q.end : q.end + 1] in ends)
    return found


def _read_named(hit: re.Match[str]) -> Quantity:
    name = hit["name"]
    op = _SIGNS.get((hit["sign"] or "").replace(" ", ""), "eq")
    start = hit.start("sign") if hit["sign"] else hit.start("v")
    factor, unit = 1.0, "ratio" if name else None
    if name in ("羊水指数", "AFI"):
        # A bare amniotic fluid index is in cm; three digits can only be mm (specification 7.1).
        factor, unit = (1.0 if re.match(r"\d{3}", hit["v"]) else 10.0), "mm"
    elif re.match(r"m?NIHSS|ASPECT|M?CTSI|GCS|mRS|评分", name):
        unit = "score"
    elif name == "CT值":
        unit = "HU"
    elif name in ("BPD", "HC", "AC", "FL", "双顶径", "头围", "腹围", "股骨长"):
        unit = None
    return Quantity(start=start, end=hit.end("v"), dims=(_pair(hit["v"], factor),), unit=unit, op=op, name=name)


def _overlaps(found: list[Quantity], start: int, end: int) -> bool:
    return any(q.start < end and start < q.end for q in found)


def _pair(text: str, factor: float) -> tuple[float, float]:
    numbers = [round(float(n) * factor, 3) for n in _NUMBER.findall(text)]
    return (min(numbers[0], numbers[-1]), max(numbers[0], numbers[-1]))


def _fold_unit(unit: str | None) -> str:
    unit = unit or "mm"
    return unit.lower() if unit.isascii() else unit


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
    return "mm", _SCALE[_fold_unit(unit)]


def _with_op(
    text: str, start: int, end: int, dims: tuple[tuple[float, float], ...], unit: str | None, *, sign: str | None = None
) -> Quantity:
    op = _SIGNS.get((sign or "").replace(" ", ""), "eq")
    if op == "eq":
        before = text[max(0, start - 8) : start]
        op = next((code for regex, code in _BEFORE_OP if regex.search(before)), "eq")
    if op == "eq":
        op = next((code for regex, code in _AFTER_OP if regex.match(text, end)), "eq")
    return Quantity(start=start, end=end, dims=dims, unit=unit, op=op)
