"""Patterns of numbers and dates that name a person: documents, telephones, records, accounts (privacy requirements, 5).

Every pattern is meant for a copy of the text in which full-width ASCII has been folded to
half-width, one character for one character, so that offsets stay those of the original.
A pattern's group `v`, where it has one, is the identifier; otherwise the whole match is.
"""

import re
from collections.abc import Iterator

from report_structuring.scrub_words import OPENINGS, any_scrub_word
from report_structuring.words import any_of, read_words

_AREA_PREFIXES = frozenset(read_words("area_prefixes"))
_S = r"[ \t\r\n\-]"
_BREAK = r"(?:[ ]{0,2}\r?\n[ ]{0,2})?"
_UNIT_NEXT = r"[ ]{0,2}(?:mm|cm|ml|mL|HU|Hu|IU|U/|/|%|copies|拷贝|×|x10|\*|\^|个|次|μ|u|ng|mg|g/)"
_ALNUM_LEFT, _ALNUM_RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"

_ID18 = re.compile(rf"{_ALNUM_LEFT}(?P<v>[1-8](?:{_S}{{0,3}}\d){{16}}{_S}{{0,3}}[\dXx]){_ALNUM_RIGHT}")
_ID15 = re.compile(r"(?<![0-9A-Za-z.])(?P<v>[1-8]\d{14})(?![0-9A-Za-z])")
_DOCUMENT = re.compile(
    r"(?:身份证(?:件)?|证件|护照|军官证|士兵证|士官证|军人证(?:件)?|警官证|通行证|回乡证|台胞证|居留证|居住证|驾驶证|出生(?:医学)?证(?:明)?|社保卡"
    r"|公民身份|证号|[Pp]assport|PASSPORT|ID [Cc]ard|ID CARD)(?:编号|号码|号|码)?[ ]{0,2}(?:[Nn][Oo]\.?|№)?"
    r"[ ]{0,2}(?:为|是)?[:\s]{0,4}(?P<v>(?:[\u4e00-\u9fff]{1,2}字?第?)?[A-Za-z]{0,3}\d(?:[ \-]?[\dA-Za-z]){4,22}号?)"
)
_SOLDIER = re.compile(r"(?P<v>[军武南北沈兰济广成海空参政后装京士文]字第?[ ]?\d{5,10}(?:[ ]?号)?)")
_MOBILE_BODY = (
    rf"1[3-9]\d{_S}{{0,2}}\d{{4}}{_S}{{0,2}}\d{{4}}",
    r"1[3-9]\d[- ]\d{3}[- ]\d{5}",
    r"1[3-9]\d{2}[- ]\d{3}[- ]\d{4}",
    r"1(?:[ ]|-)[3-9](?:[ -]\d){9}",
    rf"1{_BREAK}[3-9](?:{_BREAK}\d){{9}}",
)
_PHONES = (
    *(
        re.compile(rf"(?<![\d.])(?P<v>(?:\(?(?:\+|00)?86\)?{_S}{{0,2}})?{body})(?!\d)(?!(?:\.\d|mm|cm|ml|mL))")
        for body in _MOBILE_BODY
    ),
    re.compile(
        r"(?<![\d.\-])(?P<v>(?:\(0\d{2,3}\)|0\d{2,3})[-—–\s]{0,2}[2-9]\d{2,3}[- ]?\d{3,4}(?:[ ]{0,2}(?:转|-|分机)[ ]{0,2}\d{1,6})?)(?!\d)"
    ),
    re.compile(r"(?<!\d)(?P<v>[48]00[- ]?\d{3}[- ]?\d{4})(?!\d)"),
    re.compile(
        r"(?:电话|手机|座机|联系方式|热线|短号|分机|致电|拨打|来电|Tel|TEL|tel|[Pp]hone|[Mm]obile)(?:号码|号|为|是|\.|:|[ \t]){0,4}"
        r"(?P<v>(?!1(?:20|10|19|22)(?!\d))\+?\d[\d \-]{1,16}\d(?:[ ]{0,2}(?:转|分机)[ ]{0,2}\d{1,6})?)(?![ ]{0,2}(?:mm|cm|ml|mL|HU|次|天|年|月|日|小时|分钟|:\d))"
    ),
    re.compile(r"(?P<v>[幺一二两三四五六七八九零〇洞拐勾]{7,13})(?![年月日十百千万])"),
)
_CONTACTS = (
    re.compile(
        r"(?P<v>(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}[ ]?@[ ]?[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,4})"
    ),
    re.compile(
        r"(?:微信|WeChat|wechat|VX|vx|V信|微博|抖音|钉钉|支付宝)(?:号码|号|同号|账号)?(?:为|是)?[:\s]{0,4}(?P<v>[A-Za-z0-9][A-Za-z0-9_\-]{3,29})"
    ),
    re.compile(r"(?:QQ|qq)(?:号码|号)?(?:为|是)?[:\s]{0,4}(?P<v>\d{5,11})(?!\d)"),
    re.compile(r"(?P<v>(?:https?://|www\.)[A-Za-z0-9./?=&%_#:\-]+)"),
)
_NUMBER = (
    r"(?P<v>(?:[A-Za-z0-9] ){4,20}[A-Za-z0-9](?![A-Za-z0-9])|[A-Za-z]{0,4}\d{2,6}(?:[ ]\d{3,8}){1,3}(?![\d.A-Za-z])"
    r"|[A-Za-z]{0,4}[\-/]?\d[\dA-Za-z]{0,30}(?:[ ]{0,2}\r?\n[ ]{0,2}\d{2,12}(?![\d.])|(?:[\-/][\dA-Za-z]{1,20}){0,4}))"
)
_RECORDS = (
    re.compile(
        rf"{any_of('record_labels')}(?:编号|号码|号|ID)[ ]{{0,2}}(?:为|是)?(?:[:#\s]|No\.?|NO\.?|№){{0,4}}{_NUMBER}"
        r"(?![\d.]*[ ]{0,2}(?:mm|cm|ml|mL|HU|Hu))"
    ),
    re.compile(
        rf"(?<![第{'{'}])[\u4e00-\u9fffA-Za-z](?P<label>号码|编号|号|条码|条形码|二维码|卡号|账号|ID)(?:为|是)?[:# \t]{{0,4}}(?P<v>(?=[\dA-Za-z\-]{{5}})[A-Za-z]{{0,4}}[\-]?\d[\dA-Za-z]{{1,24}}(?:-[\dA-Za-z]{{1,12}}){{0,3}})"
        rf"(?!\.\d|{_UNIT_NEXT})"
    ),
    re.compile(
        r"(?:条码|条形码|编号|(?<![A-Za-z])(?:ID|MRN|PID|Accession|ACC|No|Visit|Case|Exam|Study ID|Record)(?:号|\.)?(?:[ ](?:No|Number|ID)\.?)?)[ ]?[:# \t]{1,3}"
        rf"{_NUMBER}(?!\.\d|[ ]{0, 2}(?:mm|cm|ml|mL|HU))"
    ),
    re.compile(r"床(?:位|号)?(?:为|是|:|[ \t]){1,4}(?P<v>[+加]?[A-Za-z]?\d{1,4}(?:-\d{1,3})?)(?![\d.])"),
    re.compile(r"(?<![\d.A-Za-z\-])(?P<v>[+加]?[A-Z]?\d{1,3}(?:-\d{1,3})?)(?=床(?:患|病|[ ,，。:]|$))"),
    re.compile(
        rf"\d{{1,3}}[ ]?(?:岁|Y|y)(?:[ ,，、/]{{1,4}}[男女])?[ ,，、/]{{1,4}}(?=[A-Za-z\d -]{{5}}){_NUMBER}(?<=[A-Za-z\d -]{{5}})(?![\d.]|{_UNIT_NEXT})"
    ),
)
_BARE = (
    re.compile(rf"(?<![0-9A-Za-z.\-_])(?P<v>[A-Z]{{1,4}}\d{{6,14}}){_ALNUM_RIGHT}"),
    re.compile(rf"(?<![0-9A-Za-z.\-_/^])(?P<v>\d{{7,20}})(?![0-9.]|[A-Za-z]{{1,2}}/|{_UNIT_NEXT})"),
)
_AFTER_NAME = re.compile(
    r"[ ,，/|]{1,4}(?P<v>[A-Za-z]{0,4}\d{2,14}(?:[ -]\d{3,8}){0,2})(?<=[\dA-Za-z -]{5})(?![\d.]|[ ]?(?:mm|cm|ml|mL|/|%))"
)
_NOT_RECORDS = tuple(any_word for any_word in any_scrub_word("unlabelled_numbers")[3:-1].split("|"))
_PLATE = re.compile(
    r"(?P<v>[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
    r"[A-HJ-NP-Z][·• ]?[A-HJ-NP-Z0-9]{5,6})(?![A-Za-z0-9])"
)
_CARD = re.compile(rf"(?<![\d.A-Za-z])(?P<v>[3-6](?:(?:[ \-]|{_BREAK})?\d){{15,18}})(?![\d.])")
_ACCOUNT = re.compile(
    rf"(?:银行卡|卡号|账号|账户|退费至|打款至)(?:号码|号)?(?:为|是)?[: ]{{0,3}}(?P<v>\d(?:(?:[ \-]|{_BREAK})?\d){{9,20}})(?!\d)"
)

_DATES = (
    re.compile(
        r"(?<![\d.\-/])(?P<v>(?P<y>(?:19|20)\d{2})\s{0,2}(?:年|[-/.])\s{0,2}(?P<m>\d{1,2})\s{0,2}(?:月|[-/.])\s{0,2}(?P<d>\d{1,2})(?:\s{0,2}[日号])?)"
        r"(?![\d]|\.\d)"
    ),
    re.compile(r"(?<![\dA-Za-z.\-/])(?P<v>(?P<y>(?:19|20)\d{2})(?P<m>[01]\d)(?P<d>[0-3]\d))(?![\d\-]|\.\d)"),
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

_TRAPS = frozenset(read_words("not_names"))


def is_trap(text: str) -> bool:
    """Say whether the text starts like an ordinary clinical word, not like a person's name (PRV-TX-02)."""
    return text[:2] in _TRAPS or text[:2] in OPENINGS


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


def find_documents(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the numbers of documents that their label names, and those of soldiers' cards."""
    for pattern in (_DOCUMENT, _SOLDIER):
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "id_number")


def find_record_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield numbers that a label names as those of a patient, visit, examination or specimen."""
    for pattern in _RECORDS:
        for hit in pattern.finditer(text):
            if "label" in hit.groupdict() and text.endswith(_NOT_RECORDS, 0, hit.end("label")):
                continue
            yield (*hit.span("v"), "number")


def find_bare_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield numbers without a label that are too long for a measured value."""
    for pattern in _BARE:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "number")


def find_number_after(text: str, at: int) -> tuple[int, int, str] | None:
    """Return the number that stands right behind a name (王试甲 0031728), as on labels of specimens."""
    hit = _AFTER_NAME.match(text, at)
    return (*hit.span("v"), "number") if hit else None


def find_numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield identity, phone, card and plate numbers and other contacts as (start, end, kind)."""
    for pattern in (_ID18, _ID15):
        for hit in pattern.finditer(text):
            if _is_id_number(_digits(hit["v"])):
                yield (*hit.span("v"), "id_number")
    for pattern in _CONTACTS:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "contact")
    for pattern in _PHONES:
        for hit in pattern.finditer(text):
            yield (*hit.span("v"), "phone")
    for pattern in (_PLATE, _ACCOUNT):
        for hit in pattern.finditer(text):
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
