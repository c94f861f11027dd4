"""Finds postal addresses, workplaces and schools, and the names of hospitals, in a folded text."""

import re
from collections.abc import Iterator

from report_structuring.scrub_words import any_scrub_word, is_han, is_ordinary
from report_structuring.words import any_of

_HAN = "\u4e00-\u9fff"
_NOT_CLAUSE = r"，。；;,\n\r\t<>（）()【】\[\]"
_MARK = re.compile(rf"{any_scrub_word('address_marks')}(?:为|是|于|在)?[: \t]{{0,4}}(?P<v>[^{_NOT_CLAUSE}]{{2,60}})")
_MARK_END = re.compile(rf"[ \t]{{1,8}}(?=[{_HAN}]{{2,8}}[:A-Za-z\d])|(?:联系)?电话|手机|联系人|邮编|身份证|，")
_UNIT = any_scrub_word("area_units")
_ADMIN = r"(?:市辖区|特别行政区|自治州|自治县|自治旗|地区|新区|林区|矿区|市|盟|区|县|旗|州)"
_PROVINCE = re.compile(
    rf"{any_of('provinces')}(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?(?=[{_HAN}]{{1,9}}{_ADMIN}|[{_HAN}]{{1,8}}(?:村|镇|乡|街道|路|街))"
)
_DISTRICT = re.compile(rf"[{_HAN}]{{1,8}}?{_ADMIN}")
_PART = re.compile(
    rf"[{_HAN}]{{0,8}}?甲?\d{{1,4}}(?:-\d{{1,5}}){{1,3}}|[{_HAN}]{{0,8}}?甲?[A-Za-z]?\d{{0,5}}(?:-\d{{1,5}}){{0,3}}{_UNIT}(?:甲?[A-Za-z]?\d{{1,5}}(?:-\d{{1,5}}){{0,3}}(?![\d.]|[ ]?(?:mm|cm|ml|HU|岁|年|月|日|天)))?"
)
_IN_NAME = rf"(?:(?![的或我您是就去请他她们了很者]|回(?!族))[{_HAN}])"
_START = re.compile(
    rf"(?P<long>{_IN_NAME}{{1,10}}?(?:市|县|自治州|自治旗|地区))(?={_IN_NAME}{{1,9}}(?:区|县|市|旗|镇|乡|街道|村|路|街|苏木|小区|甲?\d))"
    rf"|(?P<short>{_IN_NAME}{{2,5}}?[区旗镇乡])(?=[{_HAN}]{{1,8}}(?:街道|镇|乡|苏木|嘎查|村|庄|屯)|[{_HAN}]{{2,14}}(?:路|街|巷|胡同|道|里|院|小区|花园|公寓|家园|宿舍|新村|城|苑)甲?\d"
    rf"|[{_HAN}]{{2,14}}甲?\d{{1,4}}(?:号|栋|幢|弄|-\d{{1,4}}-\d))"
)
_ROAD = re.compile(
    rf"[{_HAN}]{{2,6}}?(?:路|大街|街|巷|胡同|大道|里|村|庄|屯|条|社区|小区|花园|公寓|家园|新村|雅苑|佳苑|花都|家属院|大院|宿舍|华府|名邸|港湾|花苑|公馆|大厦)"
    r"(?:(?:甲|乙)?[A-Za-z]?\d{1,5}(?:-\d{1,5}){0,3}(?:号楼|号院|单元|号|弄|院|栋|幢|座|室|层|组|队|门|楼)){1,5}(?:\d{1,5}(?![\d.]|[ ]?(?:mm|cm)))?"
)
_HAS_PLACE = re.compile(
    r"[省市县区旗路街巷村镇乡庄屯苑府]|胡同|大道|小区|花园|公寓|家园|宿舍|大院|社区|大厦|公馆|花都|港湾|名邸|条\d|里\d"
)
_LEAD = re.compile(
    r".{0,4}?(?:家住|来自|住在|现住|居住于?|位于|迁至|搬至|户籍|籍贯|住址|地址|患者|病人|系|由|从|到|至|于|在|住|往|自(?!治)|为|是|赴)(?=[\u4e00-\u9fff]{2})"
)
_WORKPLACE = re.compile(
    r"(?:工作单位|就读学校|所在单位|单位名称|就读院校|(?<![检诊院送])单位|学校|供职单位)(?:为|是)?:[ \t]{0,4}"
    rf"(?P<v>[^{_NOT_CLAUSE}\d ][^{_NOT_CLAUSE} ]{{1,30}})"
)
_WORKING_AT = re.compile(rf"{any_scrub_word('workplace_before')}(?P<v>[^{_NOT_CLAUSE} ]{{2,30}})")
_WORKERS_OF = re.compile(
    rf"(?:在|为|是|系|来自|从事于)(?P<v>[{_HAN}A-Za-z0-9]{{1,20}}?{any_scrub_word('workplace_kinds')}[{_HAN}]{{0,6}}?)(?=的?{any_scrub_word('workplace_after')})"
)
_KIND = re.compile(
    rf"{any_scrub_word('hospital_kinds')}(?:[ ]?\([东西南北新老总本分]{{1,2}}[院部]?区?\)|[东西南北新老总本]{{1,2}}(?:院区|院|部|区(?!域))|[一二三]?分院)?"
)
_KIND_PLAIN = re.compile(rf"(?:{any_scrub_word('hospital_plain')})*{any_scrub_word('hospital_kinds')}")
_SHORT = re.compile(any_scrub_word("hospital_short"))
# A preposition of one character ends the name on its left, but not where it is part of a place's name.
_STOP = re.compile(
    rf"{any_scrub_word('hospital_stops')}|于(?![都洪田潜])|自(?!贡|治)|在|至|到|往(?!返)|去|赴|由|与|(?<=[{_HAN}]{{2}})(?<![协仁祥颐永安保太泰义人顺中共三])和(?![田平县硕静布林睦谐顺仁堂])"
    r"|从(?!化|江)|经(?!开|济|纬)|同(?![济仁心江德安方煤大])|及(?!第)|曾|[、:]|(?<=\d)(?:年|月|日|号(?!院))|[年月日天周时][前后]"
)
_STOP_SIZE = 24
_DIGIT_LEAD = re.compile(r"(?:\d{1,3}(?:号|床)?|120)(?=由|经)")


def find_places(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of addresses and of the names of institutions."""
    for hit in _MARK.finditer(text):
        cut = _MARK_END.search(hit["v"])
        end = hit.start("v") + (cut.start() if cut else len(hit["v"]))
        for space in range(hit.start("v") + 2, end - 1):
            if text[space] in " \t" and is_ordinary(text, space + 1):
                end = space
                break
        if end - hit.start("v") >= 2:
            yield hit.start("v"), end, "address"
    if _HAS_PLACE.search(text):
        yield from _find_addresses(text)
    for pattern in (_WORKPLACE, _WORKING_AT, _WORKERS_OF):
        for hit in pattern.finditer(text):
            if hit["v"] not in ("本院", "我院", "外院", "医院", "病房", "急诊"):
                yield (*hit.span("v"), "institution")
    yield from _find_hospitals(text)


def _find_addresses(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    while hit := _PROVINCE.search(text, at):
        end, parts = _walk(text, hit.end())
        if parts:
            yield hit.start(), end, "address"
        at = max(end, hit.end())
    at = 0
    while hit := _START.search(text, at):
        start = hit.start()
        lead = _LEAD.match(hit.group())
        start += lead.end() if lead else 0
        end, parts = _walk(text, hit.end())
        if parts:
            yield start, end, "address"
        at = max(end, hit.end())
    for hit in _ROAD.finditer(text):
        lead = _LEAD.match(hit.group())
        yield hit.start() + (lead.end() if lead else 0), hit.end(), "address"


def _walk(text: str, at: int) -> tuple[int, int]:
    """Follow the parts of an address from the larger to the smaller; return its end and how many parts there were."""
    parts = 0
    for _ in range(3):
        hit = _DISTRICT.match(text, at)
        if not hit or parts > 2:
            break
        at, parts = hit.end(), parts + 1
    for _ in range(10):
        hit = _PART.match(text, at)
        if not hit or not hit.group():
            break
        at, parts = hit.end(), parts + 1
    return at, parts


def _find_hospitals(text: str) -> Iterator[tuple[int, int, str]]:
    floor = 0
    for hit in _KIND.finditer(text):
        start = _left_edge(text, max(floor, hit.start() - _STOP_SIZE), hit.start())
        floor = hit.end()
        if hit.start() - start < 2 or _KIND_PLAIN.fullmatch(text, start, hit.end()):
            continue
        yield start, hit.end(), "institution"
    for hit in _SHORT.finditer(text):
        yield (*hit.span(), "institution")


def _left_edge(text: str, floor: int, end: int) -> int:
    """Return where the name of an institution begins whose kind stands at `end`."""
    start = end
    while start > floor and (
        is_han(text[start - 1]) or text[start - 1] in "()" or text[start:end].isdigit() or start == end
    ):
        if not is_han(text[start - 1]) and text[start - 1] not in "0123456789()":
            break
        start -= 1
    piece = text[start:end]
    opened = piece.rfind("(")
    if opened >= 0 and ")" not in piece[opened:]:
        start += opened + 1
    elif piece.startswith(")") or (")" in piece and "(" not in piece):
        start += piece.rfind(")") + 1
    lead = _DIGIT_LEAD.match(text, start, end)
    start = lead.end() if lead else start
    at = start
    while at < end and (stop := _STOP.search(text, at, end)):
        at = start = stop.end()
    return start
