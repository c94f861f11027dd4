"""Words, addresses, reports and documents: text with `\\n` only, without markup and control characters.

Told and left in place: characters that are lost, texts cut off at a byte limit, blanks of templates nobody filled,
and names, telephones and identity numbers inside a text (they are scrubbed by a step of its own).
"""

import re

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import (
    BLANKS,
    FULL_WIDTH_VALUE,
    half_width,
    is_lost,
    repair_mojibake,
    without_control,
)
from ingestion.quality.forms.missing import is_missing
from lakehouse.formats.document_text import text_of

LIMITS = (500, 512, 1000, 1024, 2000, 2048, 4000)
"""Widths of text columns in databases, in bytes (sources.md 3 and 4.5)."""
_WIDE_LIMITS = tuple(limit for limit in LIMITS if limit >= 1000)
_INLINE = ("html", "entities", "line_ends")
_SLACK_GBK, _SLACK_UTF_8 = 1, 2
_ENDS = re.compile("[。！？；：.!?;:)）】\\]」』”\"'》〉%～~…*#=\\-—]$")

_MEASURE = r"(?:大小|范围|厚|厚度|约|径|长径|深|深度|宽|宽度|指数|AFI|BPD|HC|AC|FL)"
TEMPLATE = (
    r"[_＿]{2,}|年[ 　]+月|月[ 　]{1,8}日|[ 　]{2,}年|\$\{|\{\{|\{[一-鿿]{2,8}\}"
    r"|请(?:在此)?(?:选择|输入|填写|录入)|\[[一-鿿]{0,4}(?:选择|输入|填写|姓名|日期)\]|【(?:请|此处|选择)[^】]{0,12}】"
    r"|[XxＸ×]{2,4}(?:年|月|日|岁|医院|医师|cm|mm)|□[一-鿿]{1,6}[ 　]*□"
    r"|[一-鿿：:][ 　]{2,}(?:mm|cm|ml|MM|CM|ML|次/分)"
    rf"|{_MEASURE}[:：]?[ 　]*[×xX*]?[ 　]*(?:mm|cm|MM|CM)"
)
"""What is left of a template that nobody filled in."""
_TEMPLATE = re.compile(TEMPLATE, re.ASCII)

PHONE = r"(?:^|[^\d.])1[3-9]\d{9}(?:$|[^\d.])"
CITIZEN_NUMBER = (
    r"(?:^|[^\dA-Za-z.])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?:$|[^\dA-Za-z])"
)
_LABELLED = (
    r"(?:姓名|联系人)[ 　]*[:：][ 　]*{name}[一-鿿·]{{2,6}}"
    r"|(?:电话|手机|联系方式)(?:号码?)?[ 　]*[:：][ 　]*[\d(（][\d\-() （）]{{6,}}"
    r"|(?:住址|地址)[ 　]*[:：][ 　]*[一-鿿]{{2,}}[^，。；\n]{{2,}}|身份证(?:号码?)?[ 　]*[:：][ 　]*\d{{6,}}"
)
# the next label of an empty form is no name; RE2 cannot say so
_NO_LABEL = "(?!性别|年龄|科室|科别|职业|民族|婚姻|床号|住院|门诊|籍贯|电话|出生|关系|病区)"
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱林何郭罗梁宋郑谢韩唐冯董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "石姚谭廖邹熊陆郝孔崔邱秦顾侯邵孟龙万段雷钱汤尹黎武乔贺赖龚"
)
NAMED = (
    rf"(?:患者|病人|患儿|产妇|孕妇)[ 　:：]{{0,2}}[{_SURNAMES}][一-鿿]{{1,2}}[ 　，,、（(]{{0,2}}"
    r"(?:男|女|性别|\d{1,3}岁|床号|住院号)"
)
IDENTITIES = f"{PHONE}|{CITIZEN_NUMBER}|{_LABELLED.format(name='')}|{NAMED}"
"""Direct identifiers in a text, as RE2 and Python's re read them."""
_IDENTITIES = re.compile(f"{PHONE}|{CITIZEN_NUMBER}|{_LABELLED.format(name=_NO_LABEL)}|{NAMED}", re.ASCII)

_FULL_WIDTH_RUN = re.compile(f"[{FULL_WIDTH_VALUE}]")
_EDGE = f"{BLANKS}\r\n\x0b\x0c"


def byte_lengths(value: str) -> tuple[int, int]:
    """Return how many bytes a text has in GBK (four-byte characters of GB18030 counted as two) and in UTF-8."""
    utf_8 = len(value.encode("utf-8", "replace"))
    return (utf_8 + len(value)) // 2, utf_8


def is_truncated(value: str, longest: tuple[int, int] | None) -> bool:
    """Return whether a text ends at the byte limit of a column, in the middle of a sentence, or inside a character."""
    if value.endswith("\ufffd"):
        return True
    gbk, utf_8 = byte_lengths(value)
    most_gbk, most_utf_8 = longest or (gbk, utf_8)
    # a sentence may end at the limit by chance; that a long text is the longest just there is none
    limits = _WIDE_LIMITS if _ENDS.search(value) else LIMITS
    return any(
        (limit - _SLACK_GBK <= gbk <= limit and most_gbk <= limit)
        or (limit - _SLACK_UTF_8 <= utf_8 <= limit and most_utf_8 <= limit)
        for limit in limits
    )


def light_text(value: str) -> str:
    """Return a text with `\\n` only and nothing blank around it; what most texts need, and SQL can do."""
    return value.replace("\r\n", "\n").replace("\r", "\n").strip(_EDGE)


def _characters(value: str) -> tuple[str, list[str], bool]:
    """Return a text with its characters repaired, the kinds found, and whether it may be worked on."""
    kinds: list[str] = []
    text = without_control(value)
    if text != value:
        kinds.append("control_char")
    repaired = repair_mojibake(text)
    if repaired is not None:
        kinds.append("mojibake")
        if not repaired.is_whole:
            return text, [*kinds, "encoding_lost"], False
        text = repaired.text
    return text, kinds, True


def normal_text(form: str, value: str, facts: Facts) -> Normal:
    """Return the normal form of a report's text or of a document."""
    if is_missing("text", value, facts):
        return Normal(None)
    text, kinds, is_readable = _characters(value)
    if not is_readable:
        return Normal(light_text(text), tuple(kinds))
    is_cut = is_truncated(value.rstrip(_EDGE), facts.longest)
    if is_lost(text.removesuffix("\ufffd") if is_cut else text):
        kinds.append("encoding_lost")
    document = text_of(text)
    if document.kind in ("binary", "too_large"):
        return Normal(None if document.kind == "binary" else text, tuple(kinds))
    if document.extractor != "none":
        steps = document.extractor.split(">")
        # a document may be marked up as a whole; bits of markup inside plain text are a residue anywhere
        is_document = form == "document" and (text.lstrip().startswith(("<", "{\\rtf")) or steps[0] not in _INLINE)
        if not is_document and any(step != "line_ends" for step in steps):
            kinds.append("html_residue")
        if "line_ends" in steps:
            kinds.append("embedded_newline")
        # markup may hide what stood behind it
        text, further, is_readable = _characters(document.text)
        kinds += further
    if is_cut:
        kinds.append("truncated_text")
    if _TEMPLATE.search(text):
        kinds.append("template_residue")
    if _IDENTITIES.search(text):
        kinds.append("phi_in_text")
    return Normal(light_text(text), tuple(dict.fromkeys(kinds)))


def normal_word(form: str, value: str, facts: Facts) -> Normal:
    """Return the normal form of a word of a list, a code in words, an address or a path."""
    if value in facts.codes:
        return Normal(value)
    if is_missing(form, value, facts):
        return Normal(None)
    text, kinds, is_readable = _characters(value)
    if not is_readable:
        return Normal(light_text(text), tuple(kinds))
    if is_lost(text):
        kinds.append("encoding_lost")
    if form != "address" and _FULL_WIDTH_RUN.search(text):
        kinds.append("fullwidth_value")
        text = _FULL_WIDTH_RUN.sub(lambda run: half_width(run[0]), text)
    document = text_of(text) if "<" in text or "&" in text else None
    if document is not None and document.kind in ("plain", "html", "xml") and document.text != text:
        kinds.append("html_residue")
        text = document.text
    return Normal(light_text(text), tuple(kinds))
