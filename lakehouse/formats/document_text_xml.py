"""Reads the text of XML documents: what editors of medical records make of their own, CDA (WS/T 500), Word's.

An element that holds a value becomes a line, `主诉：咳嗽` where it has a name in words: an attribute such as `name`, or
a tag in Chinese. Elements within running text stay within it. Of a CDA document the sections come in order, each with
its title, its narrative and those values of its entries that the narrative does not tell.

Entities are not expanded and nothing is fetched; a document that is cut or broken gives what can be read of it.
"""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from lakehouse.formats.document_text_markup import KNOWN, control_value, is_cut, tidy, without_prologue, without_tags

_FIRST_TAG = re.compile(r"(?:\s|(?><!--.*?-->)|(?><\?.*?\?>))*+<([A-Za-z_一-鿿][\w:.-]*)([^<>]*)>", re.DOTALL)
_LOOSE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)|<(?![A-Za-z_!?/:\u4e00-\u9fff])")
_SECTION = re.compile(r"(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_CHINESE = re.compile(r"[一-鿿]")
_LABELS = ("name", "title", "caption", "label", "displayname", "mc", "dispname", "elementname", "fieldname")
_VALUES = ("value", "text", "val", "content", "displayvalue")
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NARRATIVE_BREAKS = frozenset({"paragraph", "item", "tr", "br", "caption", "list", "table", "text"})


def is_xml(content: str) -> bool:
    """Return whether content is an XML document, or an element of a tag that is none of HTML's."""
    if not content.startswith("<"):
        return False
    first = _FIRST_TAG.match(without_prologue(content))
    if first is None or first[1].lower() in KNOWN:
        return False
    closes_itself = first[2].rstrip().endswith("/")
    return content.startswith("<?xml") or closes_itself or f"</{first[1]}" in content


def parser() -> etree.XMLParser:
    """Return a parser for what comes from outside: no entities, no network, bounded depth, tolerant of errors."""
    return etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def parse_xml(content: str) -> Any:
    """Return an element around what is in an XML document, whose declaration may name any encoding.

    None when nothing can be read of it, or it is nested too deeply. Several roots, as fragments have, all stand in it.
    """
    content = without_prologue(content)
    content = _repaired(_NOT_XML.sub("", content))
    reader = parser()
    try:
        root = etree.fromstring(f"<around>{content}</around>".encode("utf-8", "replace"), reader)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root is None or is_cut(reader) else root


def _repaired(content: str) -> str:
    """Return content in which `&` and `<` that begin nothing are text, and so are entities other than XML's own."""
    return "".join(
        part if part.startswith("<![CDATA[") else _LOOSE.sub(_as_text, part) for part in _SECTION.split(content)
    )


def _as_text(match: re.Match[str]) -> str:
    return "&amp;" if match[0] == "&" else "&lt;"


def local_name(element: Any) -> str:
    """Return the tag of an element without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def text_of_xml(content: str) -> tuple[str, str]:
    """Return the text of an XML document, and `cda` or `xml`."""
    root = parse_xml(content)
    if root is None:
        return without_tags(content), "xml"
    if any(local_name(element) == "ClinicalDocument" for element in root):
        return tidy("\n".join(_clinical_document(root))), "cda"
    return tidy("".join(_pieces(root))), "xml"


def text_of_word_xml(content: str) -> str:
    """Return the text of the main part of a Word document."""
    root = parse_xml(content)
    pieces: list[str] = []
    for element in root.iter() if root is not None else ():
        match local_name(element):
            case "t":
                pieces.append(element.text or "")
            case "p" | "br" | "cr":
                pieces.append("\n")
            case "tab" | "tc":
                pieces.append(" ")
    return tidy("".join(pieces))


def _pieces(root: Any) -> Iterator[str]:
    """Yield labels, values and line ends; within running text only the values."""
    walk = etree.iterwalk(root, events=("start", "end"))
    running: list[bool] = []
    for event, element in walk:
        if not isinstance(element.tag, str):
            if event == "end" and element.tail:
                yield element.tail
            continue
        is_inline = bool(running) and running[-1]
        if event == "end":
            running.pop()
            yield "" if is_inline else "\n"
            if element.tail:
                yield element.tail if is_inline else element.tail.strip()
            continue
        running.append(is_inline or _is_running_text(element))
        if not is_inline:
            label = label_of(element)
            yield f"\n{label}：" if label else "\n"
        value = attribute_value(element)
        if value is not None:
            walk.skip_subtree()
            yield value
        elif element.text and (len(element) == 0 or element.text.strip()):
            yield element.text


def _is_running_text(element: Any) -> bool:
    """Return whether text stands beside the elements in an element."""
    if len(element) == 0:
        return False
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def label_of(element: Any) -> str | None:
    """Return the name of an element in words: an attribute, else a tag in Chinese."""
    attributes = {name.lower(): value for name, value in element.attrib.items()}
    for name in _LABELS:
        value = attributes.get(name, "").strip().rstrip(":：")
        if value and _CHINESE.search(value):
            return str(value)
    tag = local_name(element)
    return tag if _CHINESE.search(tag) else None


def attribute_value(element: Any) -> str | None:
    """Return the value an element has in an attribute, None when it has none or its own text says it."""
    attributes = {name.lower(): value for name, value in element.attrib.items()}
    value = next((attributes[name] for name in _VALUES if attributes.get(name, "").strip()), None)
    if value is None:
        return None
    if len(element) == 0 and not (element.text or "").strip():
        return str(value)
    return control_value(element, "span")


def _clinical_document(root: Any) -> Iterator[str]:
    for section in root.iter():
        if local_name(section) == "section":
            title, text = section_text(section)
            if title or text:
                yield f"{title}：{text}" if title and "\n" not in text else "\n".join(p for p in (title, text) if p)


def section_text(section: Any) -> tuple[str, str]:
    """Return title and text of one section of a CDA document, without the sections within it."""
    title, narrative, entries = "", "", []
    for child in section:
        match local_name(child):
            case "title":
                title = " ".join("".join(child.itertext()).split())
            case "code" if not title:
                title = child.get("displayName") or ""
            case "text":
                narrative = tidy("".join(_narrative(child)))
            case "entry":
                entries += list(_entry_lines(child))
    squeezed = "".join(narrative.split())
    further = [line for line, value in entries if "".join(value.split()) not in squeezed]
    return title.strip().rstrip(":："), tidy("\n".join([narrative, *further]))


def _narrative(text: Any) -> Iterator[str]:
    walk = etree.iterwalk(text, events=("start", "end"))
    for event, element in walk:
        tag = local_name(element)
        if event == "start":
            if element.get("revised") == "delete":
                walk.skip_subtree()
                continue
            if tag in _NARRATIVE_BREAKS:
                yield "\n"
            yield element.text or ""
        else:
            yield "\n" if tag in _NARRATIVE_BREAKS else " " if tag in ("td", "th") else ""
            yield (element.tail or "") if element is not text else ""


def _entry_lines(entry: Any) -> Iterator[tuple[str, str]]:
    """Yield (line, value) for each statement of an entry: what was asked, and the answer."""
    for element in entry.iter():
        if local_name(element) not in ("observation", "act", "procedure", "substanceAdministration", "encounter"):
            continue
        name, value = "", ""
        for child in element:
            match local_name(child):
                case "code":
                    name = child.get("displayName") or ""
                case "value":
                    value = _entry_value(child)
                case "text" if not value:
                    value = " ".join("".join(child.itertext()).split())
        if value:
            yield (f"{name}：{value}" if name else value), value


def _entry_value(value: Any) -> str:
    written = " ".join("".join(value.itertext()).split())
    number, unit = value.get("value"), value.get("unit")
    if number and unit and unit != "1":
        return f"{number}{unit}"
    return written or value.get("displayName") or number or value.get("code") or ""
