"""Numbers of laboratories, charts and delivery rooms: plain decimal text, or what stands in a number's place.

The classes of a laboratory's result are those of sources.md 4.4; their normal forms are `5.6`, `<0.05`, `1:320`,
`阳性` `阴性` `弱阳性`, `2+` and `3-5`. What says that there is no result yet keeps its words.
"""

import re
from dataclasses import dataclass

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import BLANKS, half_width, is_full_width, is_lost
from ingestion.quality.forms.missing import is_missing
from ingestion.quality.forms.texts import normal_text
from ingestion.quality.forms.units import ucum

_NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+"
_PLAIN = re.compile(_NUMBER)
_SCIENTIFIC = re.compile(rf"({_NUMBER})[Ee]([+-]?\d{{1,2}})|({_NUMBER})[x×*]10[\^*]?([+-]?\d{{1,2}})")
_MARKS = re.compile(
    r"^(?:[HLhl]{1,2} +|[↑↓*]+ *)|(?: *[↑↓*]+| +[HLhl]{1,2}|(?<=\d)[HLhl]| *[(\[][HLhl高低↑↓][)\]]| *[高低])$"
)
_COMPARED = re.compile(rf"([<>]=?|≤|≥|≦|≧|=<|=>|大于等于|小于等于|不小于|不大于|大于|小于) *({_NUMBER})(?P<unit>.*)")
_OPERATORS = {
    "≤": "<=", "≥": ">=", "≦": "<=", "≧": ">=", "=<": "<=", "=>": ">=", "大于等于": ">=", "小于等于": "<=",
    "不小于": ">=", "不大于": "<=", "大于": ">", "小于": "<",
}  # fmt: skip
_TITRE = re.compile(r"[<>]?=? *1[:：] ?\d+(?:\.\d+)?")
_RANGE = re.compile(
    rf"({_NUMBER}) ?(?:-|~|～|—|–|至|到) ?({_NUMBER}) ?(?P<unit>/?(?:HPF?|LPF?|ul|μl|个)?[^\d]{{0,8}})", re.IGNORECASE
)
_PER_FIELD = re.compile(rf"({_NUMBER}) ?/ ?(?:HPF?|LPF?|高倍视?野?|低倍视?野?)", re.IGNORECASE)
_POSITIVE = frozenset(
    {
        "阳性",
        "阳性(+)",
        "+",
        "(+)",
        "positive",
        "pos",
        "检出",
        "阳",
        "pos(+)",
        "positive(+)",
        "+阳性",
        "(+)阳性",
        "阳性+",
        "有反应",
        "reactive",
    }
)
_NEGATIVE = frozenset({
    "阴性", "阴性(-)", "(-)", "negative", "neg", "未检出", "未检测到", "阴", "neg(-)", "negative(-)", "-阴性",
    "(-)阴性", "阴性-", "未见", "无反应", "nonreactive", "non-reactive", "not detected", "未发现", "nd",
})  # fmt: skip
_WEAK = frozenset(
    {"弱阳性", "弱阳性(±)", "±", "(±)", "+-", "+/-", "弱阳", "可疑", "weak", "弱阳性(+-)", "±(弱阳性)", "trace"}
)
_ORDINAL = re.compile(r"\(?(\+{2,4})\)?|\(?([1-4])\+\)?|\+([1-4])|阳性\((\+{2,4}|[1-4]\+)\)")
_SEE_REPORT = re.compile(
    r"(?:详?见|参见|请见|请看|另见|另附)[^，。]{0,10}|见附.{0,6}|(?:报告)?另(?:纸|页)报告|see report", re.IGNORECASE
)
_NOT_DONE_WORDS = (
    "溶血", "量不足", "标本不足", "标本量少", "凝固", "凝块", "脂血", "复查中?", "复检中?", "未做", "未测",
    "未检(?!出|测到|见)", "未送检?", "未出", "拒收", "拒检", "拒测", "退检", "取消", "作废", "待查",
    "待出", "待报", "检测中", "仪器故障", "无标本", "不合格", "无法检测", "无法测量", "测不出", "未能测出",
    "外出", "请假", "not done", "hemoly[sz]ed", "insufficient",
)  # fmt: skip
_NOT_DONE = re.compile(rf".{{0,8}}(?:{'|'.join(_NOT_DONE_WORDS)}).{{0,8}}", re.IGNORECASE)
_WITH_UNIT = re.compile(rf"({_NUMBER}) *((?:(?<= )10[\^*E]\d{{1,2}}/|[^\d\s]).{{0,14}})")
_LONGEST_RESULT = 30


@dataclass(frozen=True, slots=True)
class Result:
    """A result and its class: numeric, censored, titre, qualitative, ordinal, range, see_report, not_done, text."""

    value_class: str
    text: str | None


KIND_OF_CLASS = {
    "qualitative": "value_qualitative",
    "ordinal": "value_qualitative",
    "censored": "value_comparator",
    "range": "value_range",
    "see_report": "value_see_report",
    "not_done": "value_not_done",
}
PLAIN_WORDS = frozenset({"阴性", "阳性", "弱阳性", "未检出", "检出", "未见"})
"""Ordinary words of a qualitative result."""


def plain_number(text: str) -> str | None:
    """Return a number without thousands commas, or None when a text is none."""
    if not _PLAIN.fullmatch(text):
        return None
    number = text.replace(",", "")
    if number.lstrip("-").startswith("."):
        number = number.replace(".", "0.", 1)
    return number


def _power(text: str) -> str | None:
    found = _SCIENTIFIC.fullmatch(text)
    if not found:
        return None
    mantissa, exponent = (found[1], found[2]) if found[1] else (found[3], found[4])
    if abs(int(exponent)) > 15:
        return None
    return f"{float(mantissa.replace(',', '')) * 10 ** int(exponent):.12g}"


def read_result(value: str) -> Result:
    """Return the class and normal text of a laboratory's result (sources.md 4.4)."""
    text = half_width(value).strip(f"{BLANKS}\r\n'\"")
    word = re.sub(r"\s", "", text).lower()
    number = plain_number(text) or plain_number(re.sub(r"(?<=[-.\d]) +(?=[.\d])", "", text))
    if number is not None:
        return Result("numeric", number)
    if word in _POSITIVE:
        return Result("qualitative", "阳性")
    if word in _NEGATIVE:
        return Result("qualitative", "阴性")
    if word in _WEAK:
        return Result("qualitative", "弱阳性")
    if found := _ORDINAL.fullmatch(word):
        plus = next(group for group in found.groups() if group)
        return Result("ordinal", f"{plus.count('+') if plus.startswith('+') else plus[0]}+")
    stripped = _MARKS.sub("", text).strip()
    number = plain_number(stripped)
    if number is not None:
        return Result("numeric", number)
    if found := _COMPARED.fullmatch(stripped):
        plain = plain_number(found[2])
        if plain is not None and not re.search(r"\d", found["unit"]):
            return Result("censored", _OPERATORS.get(found[1], found[1]) + plain)
    if _TITRE.fullmatch(stripped):
        return Result("titre", re.sub("[ =]", "", stripped))
    if found := _RANGE.fullmatch(stripped):
        low, high = plain_number(found[1]), plain_number(found[2])
        if low and high and float(low) <= float(high):
            return Result("range", f"{low}-{high}")
    if found := _PER_FIELD.fullmatch(stripped):
        return Result("numeric", plain_number(found[1]))
    if (found := _WITH_UNIT.fullmatch(stripped)) and ucum(found[2]):
        return Result("numeric", plain_number(found[1]))
    power = _power(re.sub(r"\s", "", stripped))
    if power is not None:
        return Result("numeric", power)
    if _SEE_REPORT.fullmatch(text):
        return Result("see_report", text)
    if len(text) <= _LONGEST_RESULT and _NOT_DONE.fullmatch(text):
        return Result("not_done", text)
    return Result("text", text)


def normal_result(value: str, facts: Facts) -> Normal:
    """Return the normal form of a laboratory's result; `facts.usual` are the classes that are usual for its item."""
    if is_missing("lab_value", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    usual = facts.usual or frozenset({"numeric"})
    text = half_width(value).strip(f"{BLANKS}\r\n")
    if text in ("-", "--", "—", "–", "?", "*", "."):
        # a lone dash is a negative result only where results are words
        return Normal("阴性" if text == "-" and "qualitative" in usual and "numeric" not in usual else None)
    if is_lost(value):
        return Normal(text, (*kinds, "encoding_lost"))
    result = read_result(value)
    if result.value_class == "text":
        if "text" in usual or "numeric" not in usual:
            return normal_text("text", value, facts)
        return Normal(None, (*kinds, "value_unparseable"))
    kind = KIND_OF_CLASS.get(result.value_class)
    if kind == "value_qualitative":
        is_ordinary = not usual.isdisjoint({"qualitative", "ordinal"}) and (
            text in PLAIN_WORDS or result.value_class == "ordinal" or f"={text}" in usual
        )
        if not is_ordinary:
            kinds.append(kind)
    elif kind and result.value_class not in usual:
        kinds.append(kind)
    return Normal(result.text, tuple(kinds))


_UNIT_TAIL = re.compile(
    r" *(?:℃|°C|度|次/分|次／分|bpm|/min|mmHg|㎜Hg|kPa|%|cm|mm|kg|g|ml|分|周|天|次|岁|元|片|支|mg|min|h|s|个|枚|张|幅"
    r"|胎|点)$",
    re.IGNORECASE,
)


def normal_number(value: str, facts: Facts) -> Normal:
    """Return a number as plain decimal text, checked against the column's limits; a unit behind it is left out."""
    if is_missing("number", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    if is_lost(value):
        return Normal(None, (*kinds, "encoding_lost"))
    text = half_width(value).strip(f"{BLANKS}\r\n'\"")
    result = read_result(_UNIT_TAIL.sub("", text) or text)
    if result.value_class == "numeric" and result.text is not None:
        return Normal(result.text, (*kinds, *_range_kinds(float(result.text), facts)))
    if result.value_class in ("censored", "range"):
        return Normal(result.text, (*kinds, KIND_OF_CLASS[result.value_class]))
    if result.value_class in ("see_report", "not_done"):
        return Normal(None, (*kinds, KIND_OF_CLASS[result.value_class]))
    if result.value_class in ("qualitative", "ordinal"):
        return Normal(None, (*kinds, "value_qualitative"))
    return Normal(None, (*kinds, "value_unparseable"))


def _range_kinds(number: float, facts: Facts) -> list[str]:
    is_out = (facts.low is not None and number < facts.low) or (facts.high is not None and number > facts.high)
    return ["value_out_of_range"] if is_out else []


_ABOUT = re.compile(r"^(?:约|大约|估计|近|总计|共|出血量?约?|失血量?约?|累计|≈|~)+ *")
_VOLUME = re.compile(rf"({_NUMBER}) *(ml|毫升|cc|l|升|㎖)?\+?", re.IGNORECASE)
_VOLUME_RANGE = re.compile(rf"({_NUMBER}) *(?:ml|毫升)? *[-~～—至到] *({_NUMBER}) *(ml|毫升|l|升)?", re.IGNORECASE)
_LITRE = frozenset({"l", "升"})
_LITTLE = frozenset({"少许", "少量", "极少", "微量", "甚少", "几乎无", "较多", "多量"})


def _scaled(number: str, factor: float) -> str:
    return f"{float(number) * factor:.10g}" if factor != 1 else number


def normal_volume(value: str, facts: Facts) -> Normal:
    """Return millilitres; `约` and the unit are left out, `800-1000` is a range and `1200+` at least as much."""
    if is_missing("volume_ml", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = _ABOUT.sub("", half_width(value).strip(f"{BLANKS}\r\n'\"")).replace("㎖", "ml").rstrip("。左右")
    if found := _VOLUME.fullmatch(text):
        factor = 1000 if (found[2] or "").lower() in _LITRE else 1
        number = _scaled(plain_number(found[1]) or "0", factor)
        if text.endswith("+"):
            return Normal(f">={number}", (*kinds, "value_comparator"))
        return Normal(number, (*kinds, *_range_kinds(float(number), facts)))
    if found := _VOLUME_RANGE.fullmatch(text):
        factor = 1000 if (found[3] or "").lower() in _LITRE else 1
        low, high = (_scaled(plain_number(part) or "0", factor) for part in found.group(1, 2))
        return Normal(f"{low}-{high}", (*kinds, "value_range", *_range_kinds(float(high), facts)))
    result = read_result(re.sub(r" *(?:ml|毫升)$", "", text, flags=re.IGNORECASE) or text)
    if result.value_class == "censored":
        return Normal(result.text, (*kinds, "value_comparator"))
    if result.value_class in ("see_report", "not_done"):
        return Normal(None, (*kinds, KIND_OF_CLASS[result.value_class]))
    return Normal(None, (*kinds, "value_qualitative" if text in _LITTLE else "value_unparseable"))


_WEIGHT = re.compile(rf"({_NUMBER}) *(g|克|kg|千克|公斤|斤)?", re.IGNORECASE)
_GRAMS = {"g": 1, "克": 1, "kg": 1000, "千克": 1000, "公斤": 1000, "斤": 500}


def normal_weight(value: str, facts: Facts) -> Normal:
    """Return grams. A bare number below 20 in a column of grams is told as another unit, not converted."""
    if is_missing("weight_g", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = _ABOUT.sub("", half_width(value).strip(f"{BLANKS}\r\n'\""))
    found = _WEIGHT.fullmatch(text)
    if not found:
        return Normal(None, (*kinds, "value_unparseable"))
    number = plain_number(found[1]) or "0"
    if found[2]:
        grams = _scaled(number, _GRAMS[found[2].lower()])
        # the unit stands beside the number: what is usual in the column tells whether that is another unit
        mismatch = ["unit_mismatch"] if _GRAMS[found[2].lower()] != 1 and "kg" not in facts.usual else []
        return Normal(grams, (*kinds, *mismatch, *_range_kinds(float(grams), facts)))
    if 0 < float(number) < 20:
        if "kg" in facts.usual:
            return Normal(_scaled(number, 1000), tuple(kinds))
        return Normal(number, (*kinds, "unit_mismatch"))
    return Normal(number, (*kinds, *_range_kinds(float(number), facts)))


_WEEKS = (
    re.compile(r"(\d{1,2}) ?\+ ?([0-6])(?: ?[周wW天])?"),
    re.compile(r"(?:孕|妊娠)?(\d{1,2}) ?(?:周|[wW])(?:\+|零|又)? ?([0-6]) ?(?:天|日|[dD])?"),
    re.compile(r"(\d{1,2}) ?周? ?([0-6])/7 ?周?"),
    re.compile(r"(?:孕|妊娠)?(\d{1,2}) ?(?:周|[wW]|足周)?"),
)
_DAYS = re.compile(r"(\d{3}) ?(?:天|[dD])?")
_DECIMAL_WEEKS = re.compile(r"(\d{1,2})\.(\d)\d? ?周?")


def normal_gestational_age(value: str, facts: Facts) -> Normal:
    """Return weeks+days. `38.2` is ambiguous (38+2, or 38.2 weeks) unless the column writes all ages so."""
    if is_missing("gestational_age", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = half_width(value).strip(f"{BLANKS}\r\n'\"")
    days: int | None = None
    for pattern in _WEEKS:
        if found := pattern.fullmatch(text):
            parts = found.groups()
            days = int(parts[0]) * 7 + int(parts[1] if len(parts) > 1 else 0)
            break
    if days is None and (found := _DAYS.fullmatch(text)):
        days = int(found[1])
    if days is None and (found := _DECIMAL_WEEKS.fullmatch(text)):
        if "weeks.days" in facts.usual and int(found[2]) < 7:
            days = int(found[1]) * 7 + int(found[2])
        elif "decimal" in facts.usual:
            days = round(float(f"{found[1]}.{found[2]}") * 7)
        else:
            return Normal(text, (*kinds, "value_ambiguous"))
    if days is None:
        return Normal(None, (*kinds, "value_unparseable"))
    return Normal(f"{days // 7}+{days % 7}", (*kinds, *_range_kinds(days, facts)))


_GRAVIDA = re.compile(
    r"G ?(\d{1,2}) ?[,、]?P ?(\d{1,2})(?:[+\-]\d)?|(?:孕|妊) ?(\d{1,2}) ?次? ?[,、，/]? ?产 ?(\d{1,2}) ?次?"
    r"|(\d{1,2})[-/](\d{1,2})",
    re.IGNORECASE,
)
_CHINESE_DIGITS = str.maketrans("零一二三四五六七八九", "0123456789")


def normal_gravida_para(value: str, facts: Facts) -> Normal:
    """Return pregnancies and births as G3P1."""
    if is_missing("gravida_para", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = half_width(value).strip(f"{BLANKS}\r\n'\"").translate(_CHINESE_DIGITS)
    found = _GRAVIDA.fullmatch(text)
    if not found:
        return Normal(None, (*kinds, "value_unparseable"))
    pregnancies, births = (int(part) for part in found.groups() if part is not None)
    out = ["value_out_of_range"] if births > pregnancies or pregnancies > 20 else []
    return Normal(f"G{pregnancies}P{births}", (*kinds, *out))


_APGAR = re.compile(
    r"(\d{1,2})(?: ?分)?(?: ?[-/,、，~—;；] ?(\d{1,2})(?: ?分)?)?(?: ?[-/,、，~—;；] ?(\d{1,2})(?: ?分)?)?"
)


def normal_apgar(value: str, facts: Facts) -> Normal:
    """Return Apgar scores after 1, 5 and 10 minutes as 9-10-10."""
    if is_missing("apgar", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = half_width(value).strip(f"{BLANKS}\r\n'\"")
    found = _APGAR.fullmatch(text)
    if not found:
        return Normal(None, (*kinds, "value_unparseable"))
    scores = [int(part) for part in found.groups() if part is not None]
    out = ["value_out_of_range"] if any(score > 10 for score in scores) else []
    return Normal("-".join(str(score) for score in scores), (*kinds, *out))


def normal_reference(value: str, facts: Facts) -> Normal:
    """Return a reference range half-width with `-` between its limits."""
    if is_missing("lab_value", value, facts):
        return Normal(None)
    text = half_width(value).strip(f"{BLANKS}\r\n'\"")
    if text in ("-", "--", "—", "–", "/"):
        return Normal(None)
    kinds = ["fullwidth_value"] if re.search("[０-９．]", value) else []
    if is_lost(value):
        return Normal(text, (*kinds, "encoding_lost"))
    plain = re.sub(r"(?<=\d) *(?:[~～—–]|--|至) *(?=-?[\d.])", "-", text)
    plain = plain.replace("≤", "<=").replace("≥", ">=").replace("\r\n", "\n").replace("\r", "\n")
    return Normal(plain, tuple(kinds))
