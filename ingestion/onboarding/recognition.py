"""Recognises what single values are: dates and how they are written, numbers of persons, codes, words, documents.

A value may be several things at once; a column is what most of its values are. Shapes follow sources.md 2 to 4.
"""

import functools
import re
import unicodedata
from datetime import datetime
from pathlib import Path

_CITIZEN = re.compile(
    r"[1-9]\d{5}(?:(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx]|\d{2}(?:0[1-9]|1[0-2])\d{5})"
)
_SEX = frozenset({"男", "女", "男性", "女性", "未知", "m", "f", "u", "o", "male", "female", "unknown", "other"})
_SEX_CODES = frozenset({"0", "1", "2", "9"})
_BOOLEAN = frozenset({"0", "1", "y", "n", "t", "f", "是", "否", "有", "无", "true", "false", "√", "×", "yes", "no"})
_NAME = re.compile(r"[\u3400-\u9fff·•]{2,5}")
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧司诸葛上官阿买古努穆柳温康施牛洪"
    "樊兰殷颜倪庄章鲁岳翟申关焦俞左柴祝梅阎涂詹童凌盛霍包苗祁纪耿聂齐解游辛岑甘符翁"
)
_NAME_TAILS = frozenset("科部室区院科炎癌症病术瘤血期常性片针液型")
_ADDRESS = re.compile(r"[省市区县镇乡村街路巷弄号栋楼室组]")
_PATTERNS = {
    "phone": re.compile(r"(?:\+?86-?)?1[3-9]\d{9}|0\d{2,3}-\d{7,8}|1[3-9]\d-\d{4}-?\d{4}"),
    "age": re.compile(
        r"\d{1,3}(?:岁|Y|月|天|小时|周岁|日|个月)(?:\d{1,2}(?:月|天|个月|小时|日))?"
        r"|0?\d{2,3}[YMWD]|成人|不详|新生儿",
        re.IGNORECASE,
    ),
    "icd_10": re.compile(r"[A-TV-Z]\d{2}(?:[.．。]\d{1,3})?(?:[xX]\d{1,3})?[A-Z]?[+*†]?(?:\d{0,3})", re.IGNORECASE),
    "icd_9_cm_3": re.compile(r"\d{2}\.\d{1,2}(?:[x0-9]\d{0,3})?"),
    "uid": re.compile(r"[0-2](?:\.\d+){5,}"),
    "gestational_age": re.compile(
        r"[1-4]\d\s*(?:\+\s*[0-6](?:/7)?|周\s*(?:\+?\s*[0-6]\s*天?)?|\.[0-6]|\s[0-6]/7|[wW]\s*\+?[0-6]?[dD]?)"
        r"|[12]\d\d天"
    ),
    "gravida_para": re.compile(r"G\s*\d+\s*P\s*\d+.*|孕\s*\d+\s*产\s*\d+|\d{1,2}[-/]\d{1,2}", re.IGNORECASE),
    "apgar": re.compile(r"\d{1,2}(?:[-/、,，]\d{1,2}){1,2}(?:分)?|\d{1,2}分?-\d{1,2}分?-\d{1,2}分?"),
    "volume_ml": re.compile(
        r"[约≈~]?\s*\d{1,5}(?:\.\d+)?\s*(?:ml|毫升|cc)?\s*(?:[-~～至]\s*\d{1,5}\s*(?:ml|毫升)?)?\+?",
        re.IGNORECASE,
    ),
    "weight_g": re.compile(
        r"\d{3,4}(?:\.\d+)?\s*(?:g|克)?|\d(?:\.\d{1,3})?\s*(?:kg|公斤|千克)"
        r"|\d{1,2}(?:\.\d)?\s*斤(?:\d{1,2}两)?",
        re.IGNORECASE,
    ),
    "reference_range": re.compile(
        r"[<>≤≥＜＞]\s*\d+(?:\.\d+)?|\d+(?:\.\d+)?\s*(?:-|--|～|~|—|至)\s*\d+(?:\.\d+)?|阴性|.*男.*\d.*女.*\d.*|见说明|阴性\(-\)"
    ),
    "number": re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d+(?:\.\d+)?"),
    "integer": re.compile(r"\d{1,4}"),
    "lab_value": re.compile(
        r"[<>≤≥=]?\s*[-+]?\d+(?:\.\d+)?\s*[↑↓*HLhl]{0,2}|[HL]\s*\d+(?:\.\d+)?|\d+:\d+|[+]{1,4}|\d\+|±|\d+-\d+(?:/HP)?|弱?[阴阳]性.*|-"
        r"|未检出|检出|见报告|标本溶血|未做|复查中?|量不足|negative|positive",
        re.IGNORECASE,
    ),
    "code": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.#%/+-]{0,11}"),
    "id": re.compile(r"[A-Za-z]{0,6}[-_]?\d[\dA-Za-z_./|-]{2,31}|[A-Za-z]+\d+[\dA-Za-z-]*"),
    "path": re.compile(r".*[\\/].*\.(?:jpe?g|bmp|png|dcm|tiff?|gif|avi)|(?:[A-Za-z]:)?[\\/].+", re.IGNORECASE),
    "word": re.compile(r"[^\s,，。；;]{1,20}"),
}  # fmt: skip
_DOCUMENT = re.compile(
    r"\s*(?:<\?xml|<!DOCTYPE|<html|<[A-Za-z]+[\s>]|\{\\rtf)|[A-Za-z0-9+/\r\n]{200,}={0,2}\s*$", re.IGNORECASE
)
MISSING = frozenset({"", "null", r"\n", "n/a", "na", "-", "—", "--", "/", "无", "不详", "none", "nil"})

DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日", "%d-%m-%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y",
    "%y-%m-%d",
    "%y/%m/%d", "%m/%d/%y", "%d/%m/%y", "%d-%m月-%y", "%d-%b-%y", "%d-%b-%Y", "%b %d %Y",
)  # fmt: skip
TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d %H%M%S", "%Y%m%d %H:%M:%S", "%Y%m%d %H:%M", "%Y%m%dT%H%M%S",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M", "%Y年%m月%d日%H时%M分", "%Y年%m月%d日 %H时%M分", "%Y年%m月%d日%H时%M分%S秒",
    "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p",
    "%d-%m月-%y %H:%M:%S",
    "%b %d %Y %I:%M%p", "%d-%b-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S", "%y-%m-%d %H:%M", "%m/%d/%y %H:%M",
)  # fmt: skip
_SERIAL = re.compile(r"[2-5]\d{4}(?:\.\d+)?")
_EPOCH = re.compile(r"1[0-9]{9}(?:\d{3})?")
_MAY_BE_DATE = re.compile(r"[\dA-Za-z].*\d|\d")


@functools.cache
def read_words() -> dict[str, dict[str, str]]:
    """Return the known values of each coded column, folded, with their standard value (values.tsv)."""
    words: dict[str, dict[str, str]] = {}
    for line in (Path(__file__).parent / "values.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith(("#", "column\t")):
            continue
        column, standard, values = line.split("\t")
        words.setdefault(column, {}).update({value.casefold(): standard for value in values.split("|")})
    return words


@functools.cache
def _all_words() -> frozenset[str]:
    return frozenset(word for words in read_words().values() for word in words)


def plain(value: str) -> str:
    """Return a value half-width without space around it."""
    return unicodedata.normalize("NFKC", value).strip()


def is_missing(value: str) -> bool:
    """Return whether a cell stands for no value."""
    return value.strip().casefold() in MISSING


def date_format(value: str) -> tuple[str, ...]:
    """Return the formats of strptime in which a value is a date between 1850 and 2100, `excel` and `epoch` besides."""
    if len(value) > 32 or not _MAY_BE_DATE.match(value):
        return ()
    formats = DATE_FORMATS if len(value) <= 11 else TIME_FORMATS
    found = [form for form in formats if _matches(value, form)]
    if not found and _SERIAL.fullmatch(value):
        found.append("excel")
    if not found and _EPOCH.fullmatch(value):
        found.append("epoch")
    return tuple(found)


def _matches(value: str, form: str) -> bool:
    try:
        read = datetime.strptime(value, form)
    except ValueError:
        return False
    if not (1850 <= read.year <= 2100 or read.year in (1, 9999, 2999)):
        return False
    if "%Y" in form and not re.search(r"(?<!\d)\d{4}|\d{4}(?!\d)", value):
        return False
    return "%Y%m%d" not in form or len(re.match(r"\d*", value)[0]) in (8, 12, 14)  # type: ignore[index]


def is_person_name(value: str) -> bool:
    """Return whether a value looks like the name of a Chinese person and is no known word."""
    return bool(
        _NAME.fullmatch(value)
        and value[0] in _SURNAMES
        and len(value) <= 4
        and value[-1] not in _NAME_TAILS
        and value not in _all_words()
    )


def kinds_of(value: str) -> frozenset[str]:
    """Return everything a value may be."""
    text = plain(value)
    if _DOCUMENT.match(text[:4000]):
        return frozenset({"document"})
    if len(text) > 60 or "\n" in text:
        return frozenset({"text"})
    kinds = {name for name, pattern in _PATTERNS.items() if pattern.fullmatch(text)}
    folded = text.casefold()
    if _CITIZEN.fullmatch(text):
        kinds.add("citizen_id")
    if folded in _SEX or folded in _SEX_CODES:
        kinds.add("sex")
    if folded in _BOOLEAN:
        kinds.add("boolean")
    if is_person_name(text):
        kinds.add("person_name")
    if len(text) > 5 and len(_ADDRESS.findall(text)) >= 2:
        kinds.add("address")
    if len(text) > 12 and re.search(r"[\u4e00-\u9fff]{4}", text):
        kinds.add("text")
    formats = date_format(text)
    if formats:
        kinds.add("date" if len(text) <= 11 else "timestamp")
    if "excel" in formats or "epoch" in formats:
        kinds.discard("date")
        kinds.add("serial")
    return frozenset(kinds)


def shape(value: str) -> str:
    """Return the form of a value without the value: 9 for a digit, A and a for letters, 汉 for any other letter."""
    letters = []
    for character in plain(value)[:40]:
        if character.isdigit():
            letters.append("9")
        elif character.isalpha():
            letters.append(("A" if character.isupper() else "a") if character.isascii() else "汉")
        else:
            letters.append(character if character.isascii() or unicodedata.category(character)[0] == "P" else "?")
    return "".join(letters)
