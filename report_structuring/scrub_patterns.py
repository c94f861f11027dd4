"""Patterns of direct identifiers in Chinese clinical text (privacy requirements, section 5).

Every pattern is meant for a copy of the text in which full-width ASCII has been folded to
half-width, one character for one character, so that offsets stay those of the original.
A pattern's group `v`, where it has one, is the identifier; otherwise the whole match is.
"""

import re
from collections.abc import Iterator

from report_structuring.words import any_of, read_words

SURNAMES = frozenset(read_words("surnames"))
COMPOUND_SURNAMES = read_words("compound_surnames")
_AREA_PREFIXES = frozenset(read_words("area_prefixes"))
_CJK = "\u4e00-\u9fff"
_S = r"[ \t\r\n\u3000\-]"

_ID18 = re.compile(rf"(?<![0-9A-Za-z])(?P<v>[1-8](?:{_S}{{0,2}}\d){{16}}{_S}{{0,2}}[\dXx])(?![0-9A-Za-z])")
_ID15 = re.compile(r"(?<![0-9A-Za-z.])(?P<v>[1-8]\d{14})(?![0-9A-Za-z])")
_ID_CONTEXT = re.compile(
    r"(?:身份证(?:件)?|证件|护照|军官证|士兵证|通行证|出生(?:医学)?证(?:明)?|社保卡|公民身份)(?:编号|号码|号|码)?"
    r"\s*(?:为|是)?[:：\s]*(?P<v>[A-Za-z一-龥]{0,3}\d[\dA-Za-z \-]{4,22}[\dA-Za-z])"
)
_PHONES = (
    re.compile(
        rf"(?<![\d.])(?P<v>(?:\(?\+?86\)?{_S}{{0,2}})?1[3-9]\d{_S}{{0,2}}\d{{4}}{_S}{{0,2}}\d{{4}})(?!\d)(?!(?:\.\d|mm|cm|ml|mL))"
    ),
    re.compile(r"(?<![\d.])(?P<v>(?:\+?86[- ]?)?1[3-9]\d[- ]\d{3}[- ]\d{5})(?!\d)"),
    re.compile(
        r"(?<![\d.\-])(?P<v>(?:\(0\d{2,3}\)|0\d{2,3})[-—\s]{0,2}[2-9]\d{2,3}[- ]?\d{4}(?:\s*(?:转|-|分机)\s*\d{1,6})?)(?!\d)"
    ),
    re.compile(r"(?<!\d)(?P<v>[48]00[- ]?\d{3}[- ]?\d{4})(?!\d)"),
    re.compile(
        r"(?:电话|手机|座机|联系方式|Tel|TEL|tel)(?:号码|号)?(?:为|是)?[:：.\s]*"
        r"(?P<v>\+?\d[\d \-]{5,16}\d(?:\s*(?:转|分机)\s*\d{1,6})?)(?!\s*(?:mm|cm|ml|mL|HU))"
    ),
)
_CONTACTS = (
    re.compile(r"(?P<v>[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4})"),
    re.compile(
        r"(?:微信|WeChat|wechat|微信号|VX|vx|V信)(?:号码|号|同号)?(?:为|是)?[:：\s]*(?P<v>[A-Za-z0-9][A-Za-z0-9_\-]{4,19})"
    ),
    re.compile(r"(?:QQ|qq)(?:号码|号)?(?:为|是)?[:：\s]*(?P<v>\d{5,11})(?!\d)"),
    re.compile(r"(?P<v>(?:https?://|www\.)[A-Za-z0-9./?=&%_#:\-]+)"),
)
_RECORDS = (
    re.compile(
        rf"{any_of('record_labels')}(?:编号|号码|号|ID)\s*(?:为|是)?(?:[:：#\s]|No\.?|NO\.?|№)*"
        r"(?P<v>(?:[A-Za-z]{0,4}[\-/]?\d[\dA-Za-z]*(?:[\-/][\dA-Za-z]+)*))(?![\d.]*\s*(?:mm|cm|ml|mL|HU|Hu))"
    ),
    re.compile(
        r"(?:条码|条形码|登记号|门诊号|住院号|编号|(?<![A-Za-z])(?:ID|MRN|PID|Accession|ACC|No)(?:号|\.)?)\s*[:：#\s]\s*"
        r"(?P<v>[A-Za-z]{0,4}\d[\dA-Za-z]{3,}(?:-[\dA-Za-z]+)*)(?!\.\d|\s*(?:mm|cm|ml|mL|HU))"
    ),
)
_PLATE = re.compile(
    r"(?P<v>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
    r"[A-HJ-NP-Z][·• ]?[A-HJ-NP-Z0-9]{5,6})(?![A-Za-z0-9])"
)
_CARD = re.compile(r"(?<![\d.A-Za-z])(?P<v>[3-6]\d{3}[ \-]?\d{4}[ \-]?\d{4}[ \-]?\d{4}(?:[ \-]?\d{1,3})?)(?![\d.])")

_UNIT = any_of("address_units")
_TAIL = rf"(?:[{_CJK}A-Za-z0-9\-]{{1,10}}?{_UNIT}(?:[0-9\-]{{1,6}}(?![0-9.]*(?:mm|cm)))?){{0,8}}"
_ADDRESS_CONTEXT = re.compile(any_of("address_labels") + r"(?:为|是)?[:：\s]*(?P<v>[^，。；;,\n\r\t<>（）()]{2,50})")
_ADDRESSES = (
    re.compile(
        rf"(?P<v>{any_of('provinces')}(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?"
        rf"(?:[{_CJK}]{{1,7}}?(?:市|自治州|地区|盟|自治县|新区|区|县|旗)){{1,3}}{_TAIL})"
    ),
    re.compile(rf"(?P<v>[{_CJK}]{{2,4}}?市[{_CJK}]{{1,6}}?(?:区|县|市|镇){_TAIL})"),
    re.compile(rf"(?P<v>[{_CJK}]{{2,4}}?[县区旗](?:[{_CJK}]{{1,6}}?(?:街道|镇|乡)){_TAIL})"),
    re.compile(
        rf"(?P<v>(?:[{_CJK}]{{2,3}}[区县])?[{_CJK}]{{2,6}}?(?:路|大街|街|巷|胡同|大道)(?:甲|乙)?\d{{1,5}}(?:号|弄)(?:院|楼)?(?:[0-9\-]{{1,4}}(?:号楼|号|栋|幢|座|单元|室|层))*)"
    ),
    re.compile(
        rf"(?P<v>[{_CJK}]{{2,8}}?(?:小区|花园|公寓|家园|新村|雅苑|佳苑)(?:[A-Za-z]?\d[\dA-Za-z\-]*(?:号楼|号|栋|幢|座|单元|室|层|楼)?){{1,5}})"
    ),
)
_ADDRESS_LEAD = re.compile(r".{0,3}?(?:家住|来自|住在|现住|居住于?|位于|迁至|搬至|户籍|籍贯|住址|地址|患者|病人|住)+")
_WORKPLACE = re.compile(
    r"(?:工作单位|就读学校|所在单位|单位名称|单位|供职于|任职于|就职于|工作于|就读于|受雇于)(?:为|是)?(?:(?<=[于为是])|[:：])\s*"
    r"(?P<v>[^，。；;,\n\r\t<>\d][^，。；;,\n\r\t<>]{2,30})"
)
_HOSPITAL = re.compile(
    rf"(?P<v>(?:解放军|武警)?[{_CJK}0-9（）()]{{2,14}}(?:医院|卫生院|妇幼保健院|保健院|诊所|卫生服务中心|卫生服务站|医学中心))"
    r"(?:[东西南北新老本]院区|[东西南北]区)?"
)
_HOSPITAL_STOPS = re.compile(
    r".*(?:就诊于|转诊至|住院于|于|在|至|到|赴|往|曾|去|患者|病人|转入|经由|来自|外送|近日|[)）(（])"
)
_HOSPITAL_PLAIN = re.compile(any_of("not_a_hospital") + "+医?院?")

_DATES = (
    re.compile(
        r"(?<![\d.\-/])(?P<v>(?P<y>(?:19|20)\d{2})\s{0,2}(?:年|[-/.])\s{0,2}(?P<m>\d{1,2})\s{0,2}(?:月|[-/.])\s{0,2}(?P<d>\d{1,2})\s{0,2}[日号]?)"
        r"(?![\d]|\.\d)"
    ),
    re.compile(r"(?<![\dA-Za-z.\-/])(?P<v>(?P<y>(?:19|20)\d{2})(?P<m>[01]\d)(?P<d>[0-3]\d))(?![\dA-Za-z\-]|\.\d)"),
    re.compile(
        r"(?<![\d.])(?P<v>(?P<y>(?:19|20)?\d{2})\s?年\s?(?P<m>\d{1,2})\s?月(?:份|(?:\s?(?P<d>\d{1,2})\s?[日号])?))(?!\d)"
    ),
    re.compile(r"(?<![\d.])(?P<v>(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号])"),
    re.compile(
        r"(?<![\d.\-/])(?P<v>(?P<y>[0-4]\d)(?P<s>[.\-])(?P<m>[01]?\d)(?P=s)(?P<d>[0-3]?\d))(?![\d]|[.\-×xX*]\d|\s*(?:mm|cm|×|x|X|\*|%))"
    ),
    re.compile(
        r"(?P<v>[一二][九〇零○Oo0][〇零○一二三四五六七八九]{2}年[一二三四五六七八九十]{1,3}月(?:[一二三四五六七八九十]{1,3}[日号])?)"
    ),
)

_FAMILY = any_of("family")
_NAME_AFTER = re.compile(
    rf"{_FAMILY}{_FAMILY}{{0,2}}(?P<sep>(?:姓名|名|本人|家属)?\s*(?:为|是|叫|系)?\s*[:：]\s*"
    r"|(?:姓名|名叫|叫|名)?[ \t\u3000]{0,2})"
    rf"(?P<v>[{_CJK}](?:[ \t\u3000·]{{0,2}}[{_CJK}]){{1,3}})"
)
_NAME_END = re.compile(
    r"[ \t\u3000]*(?:$|[，。；;,、:：\n\r\t()（）\[\]【】<>《》/|\"”“'!！?？.]|\d|[A-Za-z]|[ \u3000]|"
    + any_of("behind_a_name")
    + ")"
)
_DEMOGRAPHICS = re.compile(
    rf"(?<![{_CJK}])(?P<v>[{_CJK}](?:[ \u3000·]?[{_CJK}]){{1,3}})[ \u3000]{{0,2}}[，,、/]?[ \u3000]{{0,2}}"
    r"(?:性别[:：]?)?[男女]性?[ \u3000，,、/]{1,3}(?:年龄[:：]?)?\d{1,3}[ ]?岁"
)
_TITLE = re.compile(r"(?=[ \t\u3000]{0,2}" + any_of("titles") + ")")
_ROLE = r"(?:医师|医生|技师|护士|大夫|护师|药师|人员|者|人|员)"
_SIGNATURE = re.compile(
    rf"(?:{any_of('signing_roles')}{_ROLE}(?:签名|签字|签章)?|{any_of('signature_labels')})"
    r"(?:\s*[:：]\s*|[ \t\u3000]{1,4})"
)
_SIGNED = re.compile(
    rf"[ \t\u3000]*(?P<v>(?:[{_CJK}](?:[ \t\u3000·]{{0,2}}[{_CJK}]){{1,3}}?)|[A-Za-z][A-Za-z .]{{1,25}}[A-Za-z])"
    rf"(?=[ \t\u3000]*(?:$|[，。；;,、/|()（）\n\r\t\d<>]|[ \u3000]|{any_of('behind_a_signature')}))"
)
_LABEL_AHEAD = re.compile(rf"[ \t\u3000]*[{_CJK}]{{2,6}}[ ]?[:：]")

# First two characters of words that look like a surname and a given name (PRV-TX-02).
_TRAPS = frozenset(read_words("not_names"))
_ROLE_TRAP = re.compile(any_of("not_names_before_title") + "$")
_NAME_LEFT = frozenset(
    "请经由与和向被知系科室师院对在给为从嘱送核告示及邀助主刀者签属:：，。、；;,.()（）/|\n\r\t 　<>"
)


def is_trap(text: str) -> bool:
    """Say whether the text starts like an ordinary clinical word, not like a person's name."""
    return text[:2] in _TRAPS


def _is_date(year: str | None, month: str, day: str | None) -> bool:
    if year and len(year) == 4 and not 1900 <= int(year) <= 2099:
        return False
    return 1 <= int(month) <= 12 and (not day or 1 <= int(day) <= 31)


def _is_id_number(digits: str) -> bool:
    if digits[:2] not in _AREA_PREFIXES:
        return False
    if len(digits) == 18:
        return 1880 <= int(digits[6:10]) <= 2099 and _is_date(None, digits[10:12], digits[12:14])
    return _is_date(None, digits[8:10], digits[10:12])


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _digits(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", text)


def find_record_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield numbers that a label names as those of a patient, visit, examination or specimen."""
    for pattern in _RECORDS:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "number")


def find_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield identity, phone, card and plate numbers and other contacts as (start, end, kind)."""
    for pattern in (_ID18, _ID15):
        for hit in pattern.finditer(text):
            if _is_id_number(_digits(hit["v"])):
                yield (*hit.span("v"), "id_number")
    for hit in _ID_CONTEXT.finditer(text):
        yield (*hit.span("v"), "id_number")
    for pattern in _CONTACTS:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "contact")
    for pattern in _PHONES:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "phone")
    for hit in _PLATE.finditer(text):
        yield (*hit.span("v"), "number")
    for hit in _CARD.finditer(text):
        if _passes_luhn(_digits(hit["v"])):
            yield (*hit.span("v"), "number")


def find_dates(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield calendar dates with at least month and day, or year and month."""
    for pattern in _DATES:
        for hit in pattern.finditer(text):
            parts = hit.groupdict()
            if parts.get("m") and not _is_date(parts.get("y"), parts["m"], parts.get("d")):
                continue
            yield (*hit.span("v"), "date")


def find_places(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield postal addresses, workplaces and names of hospitals."""
    for hit in _ADDRESS_CONTEXT.finditer(text):
        yield (*hit.span("v"), "address")
    if re.search(r"[省市县区旗路街巷]|胡同|大道|小区|花园|公寓|家园|新村|苑", text):
        for pattern in _ADDRESSES:
            for hit in pattern.finditer(text):
                lead = _ADDRESS_LEAD.match(hit["v"])
                yield hit.start("v") + (lead.end() if lead else 0), hit.end("v"), "address"
    for hit in _WORKPLACE.finditer(text):
        yield (*hit.span("v"), "institution")
    for hit in _HOSPITAL.finditer(text):
        start, end = hit.span("v")
        stop = _HOSPITAL_STOPS.match(text[start : end - 2])
        if stop:
            start += stop.end()
        while text[start] in "由经与自来因及从":
            start += 1
        if end - start > 3 and not _HOSPITAL_PLAIN.fullmatch(text[start:end]):
            yield start, end, "institution"


def find_names(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield persons' names that stand behind a role or label, before a title, or in a signature line."""
    for hit in _NAME_AFTER.finditer(text):
        span = _name_span(text, hit.start("v"), labelled=":" in hit["sep"] or "：" in hit["sep"])
        if span:
            yield (*span, "name")
    for hit in _DEMOGRAPHICS.finditer(text):
        if hit["v"][0] in SURNAMES and not is_trap(hit["v"]):
            yield (*hit.span("v"), "name")
    for hit in _TITLE.finditer(text):
        span = _titled_span(text, hit.start())
        if span:
            yield (*span, "name" if text.startswith(("先生", "女士"), hit.start()) else "staff")
    for hit in _SIGNATURE.finditer(text):
        at, labelled = hit.end(), ":" in hit.group() or "：" in hit.group()
        for _ in range(4):
            if _LABEL_AHEAD.match(text, at):
                break
            signed = _SIGNED.match(text, at)
            if not signed or (is_trap(signed["v"]) and (signed["v"][0] not in SURNAMES or not labelled)):
                break
            if not labelled and signed["v"][0] not in SURNAMES:
                break
            yield (*signed.span("v"), "staff")
            at = signed.end()
            if text[at : at + 1] in ("、", "/", ",", "，"):
                at += 1


def _name_span(text: str, start: int, *, labelled: bool) -> tuple[int, int] | None:
    """Find where a name that starts at `start` ends, or None when the word there is no name."""
    compound = text[start : start + 2] in COMPOUND_SURNAMES
    surname = compound or text[start] in SURNAMES
    if not (surname or labelled) or (is_trap(text[start : start + 2])):
        return None
    longest = 4 if compound or labelled else 3
    best = None
    at, seen = start, 0
    while at < len(text) and seen < longest:
        if text[at] in " \t\u3000·" and seen:
            at += 1
            continue
        if not "\u4e00" <= text[at] <= "\u9fff":
            break
        seen += 1
        at += 1
        if seen >= 2 and _NAME_END.match(text, at):
            best = best or (start, at)
            if seen == 2 and not re.match(r"[ \u3000]", text[at : at + 1] or "x"):
                break
            best = (start, at)
    return best


def _titled_span(text: str, end: int) -> tuple[int, int] | None:
    """Find the name that ends right before a title, preferring one with a clear left edge."""
    for need_edge in (True, False):
        for size in (3, 2, 1, 4):
            start = end - size
            if start < 0 or any(not "\u4e00" <= char <= "\u9fff" for char in text[start:end]):
                continue
            compound = size > 1 and text[start : start + 2] in COMPOUND_SURNAMES
            if not (compound or (size < 4 and text[start] in SURNAMES)):
                continue
            if is_trap(text[start:end]) or _ROLE_TRAP.search(text[max(0, end - 4) : end]):
                continue
            edge = start == 0 or text[start - 1] in _NAME_LEFT or not "\u4e00" <= text[start - 1] <= "\u9fff"
            if edge or not need_edge:
                return start, end
    return None
