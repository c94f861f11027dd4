"""Reads the text of HTML as editors of medical records write it: controls, tables, tracked changes, loose fragments.

A control (`<span value="…">`, `<input>`, `<select>`) keeps what was entered in an attribute; what stands inside it is
a prompt or the same text. Removed text (`<del>`) and what is not displayed is left out. A row of a table is a line.
"""

import functools
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from lxml import etree

_BLOCK_NAMES = (
    "address article blockquote body center dd div dl dt fieldset footer form h1 h2 h3 h4 h5 h6 header hr html li "
    "main ol p pre section table tbody tfoot thead title tr ul caption legend"
)
_INLINE_NAMES = (
    "a abbr acronym b bdo big br button cite code col colgroup del dfn em font head i iframe img input ins kbd label "
    "link meta nobr object option q s samp script select small span strike strong style sub sup td textarea th tt u "
    "var wbr xml"
)
BLOCKS = frozenset(_BLOCK_NAMES.split())
_INLINE = frozenset(_INLINE_NAMES.split())
KNOWN = BLOCKS | _INLINE
_SKIPPED = frozenset({"script", "style", "head", "del", "s", "strike", "button", "object", "iframe", "xml"})
_VALUE_ATTRIBUTES = ("value", "data-value", "data-text", "displayvalue", "display-value", "datavalue", "text")
_SILENT_INPUTS = frozenset({"hidden", "button", "submit", "reset", "image", "password", "file"})
_SUPERSCRIPT = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)(?=[\s/>])[^<>]*>")
# atomic groups, here and elsewhere: what is hostile must not be tried in every possible division
_FIRST_TAG = re.compile(r"\s*+(?:(?><!--.*?-->)\s*+)*+<!?([A-Za-z][\w:.-]*)", re.DOTALL)
_DECLARATION = re.compile(r"<\?xml[^>]*>")
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*+(?:\[.*?\]\s*+)?>", re.DOTALL | re.IGNORECASE)
_LOOSE_BRACKET = re.compile(r"<(?![A-Za-z/!?])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PROMPT = re.compile(r"\s*(?:请|点击|选择|输入|单击|双击|[\[【(（<《_＿.…-]|$)")
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,12}")
_SPACES = re.compile(r"[ \t\xa0\u2002-\u200b]+")
_BREAK_IN_CHINESE = re.compile(r"(?<=[一-鿿，。；：、])[ \t]*+[\r\n]\s*+(?=[一-鿿])")
_ANY_TAG = re.compile(r"<[^<>]*>")


def is_hypertext(content: str) -> bool:
    """Return whether content holds tags of HTML, as a document or among text."""
    start = _FIRST_TAG.match(content)
    if start and start[1].lower() in ("doctype", "html"):
        return True
    return any(match[2].lower() in KNOWN for match in islice(_TAG.finditer(content), 64))


@functools.cache
def _stray_tag() -> re.Pattern[str]:
    """Return what begins like a tag but is none of HTML's: text that means less than."""
    names = "|".join(sorted(KNOWN, key=len, reverse=True))
    return re.compile(rf"<(?!/?(?:{names})(?=[\s/>])[^<>]*>|!--|!DOCTYPE|/?[a-z0-9]+:[a-z]+[^<>]*>)", re.IGNORECASE)


def text_of_html(content: str) -> str:
    """Return the text of HTML, or of text with a few tags in it, whose own line ends then stand."""
    is_document = content.lstrip().startswith("<")
    content = (_LOOSE_BRACKET if is_document else _stray_tag()).sub("&lt;", content)
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, recover=True, no_network=True
    )
    content = without_prologue(content)
    try:
        root = etree.fromstring(content.replace("\x00", "").encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or is_cut(parser):
        return without_tags(content)
    return tidy("".join(_pieces(root, keeps_lines=not is_document)))


def text_of_element(element: Any) -> str:
    """Return the text of one element of HTML that was parsed."""
    return tidy("".join(_pieces(element, keeps_lines=False)))


def is_cut(parser: Any) -> bool:
    """Return whether a parser gave up within a document that is nested too deeply."""
    logs = (parser.error_log, getattr(parser, "feed_error_log", ()))
    return any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for log in logs for error in log)


def without_tags(content: str) -> str:
    """Return the text between tags, where markup is too broken or too deep to be understood."""
    return tidy(_ANY_TAG.sub("\n", content))


def tidy(text: str) -> str:
    """Return text without blank lines, and without blanks at the ends of lines."""
    lines = (line.strip() for line in text.replace("\xa0", " ").split("\n"))
    return "\n".join(line for line in lines if line)


def without_prologue(content: str) -> str:
    """Return markup without its declaration and document type."""
    content = content.lstrip()
    for pattern in (_DECLARATION, _DOCTYPE):
        found = pattern.match(content)
        content = content[found.end() :].lstrip() if found else content
    return content


def _pieces(root: Any, *, keeps_lines: bool) -> Iterator[str]:
    walk = etree.iterwalk(root, events=("start", "end"))
    in_pre = 0
    for event, element in walk:
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "end":
            in_pre -= tag == "pre"
            if tag in BLOCKS:
                yield "\n"
            elif tag in ("td", "th"):
                yield " "
            if element.tail and element is not root:
                yield _flowed(element.tail, keeps_lines=keeps_lines or in_pre > 0)
            continue
        in_pre += tag == "pre"
        if tag in _SKIPPED or _HIDDEN.search(element.get("style") or ""):
            walk.skip_subtree()
            continue
        if tag in BLOCKS or tag == "br":
            yield "\n"
        value = control_value(element, tag)
        if value is not None:
            walk.skip_subtree()
            yield value
        elif element.text:
            text = _flowed(element.text, keeps_lines=keeps_lines or in_pre > 0)
            yield text.translate(_SUPERSCRIPT) if tag == "sup" else text


def _flowed(text: str, *, keeps_lines: bool) -> str:
    """Return text as it is displayed: line ends of the markup are blanks, or nothing between Chinese characters."""
    if not keeps_lines:
        text = _BREAK_IN_CHINESE.sub("", text).replace("\r", " ").replace("\n", " ")
    return _SPACES.sub(" ", text)


def control_value(element: Any, tag: str) -> str | None:
    """Return what was entered into a control; None when the element is none, or its own text says it."""
    if tag == "input":
        kind = (element.get("type") or "text").lower()
        if kind in ("checkbox", "radio"):
            return "☑" if element.get("checked") is not None else "☐"
        return "" if kind in _SILENT_INPUTS else (element.get("value") or "")
    if tag == "select":
        chosen = [option for option in element.iter("option") if option.get("selected") is not None]
        return " ".join("".join(option.itertext()).strip() for option in chosen)
    if tag in ("option", "li", "textarea", "a", "img", "html", "body", "font", "td", "tr", "table"):
        return None
    value = next((element.get(name) for name in _VALUE_ATTRIBUTES if element.get(name)), None)
    if value is None or not value.strip():
        return None
    inner = "".join(islice(element.itertext(), 50)).strip()
    if not inner or _PROMPT.match(inner):
        # a code beside a prompt is still all that is known
        return value
    if _CODE.fullmatch(value) or value.strip() in inner:
        return None
    return value
