"""Finds the form of markup: XML with its repeating element, HTML tables, documents, JSON, FHIR, worklists."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from lxml import etree, html

from ingestion.mapping import Layout
from ingestion.onboarding.sniffing import Sniffed

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>\s*")
_DICOM_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_MOST_DEPTH = 8
_MOST_RECORDS = 200


def sniff_json(text: str) -> Sniffed | None:
    """Return the form of JSON or NDJSON, None when the text is neither."""
    lines = [line for line in text.split("\n") if line.strip()]
    first = _parsed(lines[0])
    is_lines = isinstance(first, dict) and len(lines) > 1 and isinstance(_parsed(lines[1]), dict)
    if (isinstance(first, dict) and len(lines) == 1) or is_lines:
        document: Any = first
    else:
        document = _parsed(text)
        if document is None:
            document = _head_of(text)
    if document is None:
        return None
    sample = document[0] if isinstance(document, list) and document else document
    if isinstance(sample, dict) and "resourceType" in sample:
        return Sniffed(layout=Layout(format="fhir"), reasons=("resources of FHIR",))
    if isinstance(sample, dict) and sample and all(_DICOM_TAG.fullmatch(key) for key in sample):
        return Sniffed(layout=Layout(format="worklist"), reasons=("DICOM attributes in JSON",))
    if is_lines:
        records = [record for line in lines[:_MOST_RECORDS] if isinstance(record := _parsed(line), dict)]
        return Sniffed(layout=Layout(format="json"), labels=_json_names(records), reasons=("one JSON object a line",))
    path = _record_path(document)
    if path is None:
        return None
    records = document if isinstance(document, list) else [document]
    for key in path.split(".") if path else []:
        records = [item for record in records for item in _as_list(record.get(key)) if isinstance(item, dict)]
    return Sniffed(
        layout=Layout(format="json", record=path or None),
        labels=_json_names(records[:_MOST_RECORDS]),
        reasons=(f"records below {path or 'the top'}",),
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _json_names(records: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the dotted paths of the plain values of records, in the order they are met."""
    names: dict[str, None] = {}

    def walk(value: Any, path: str, depth: int) -> None:
        if isinstance(value, dict) and depth < _MOST_DEPTH:
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key), depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            walk(value[0], path, depth + 1)
        elif path:
            names.setdefault(path)

    for record in records:
        walk(record, "", 0)
    return tuple(names)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _head_of(text: str) -> Any:
    """Close what the sample cut off: try the text up to each of the last closing braces."""
    for end in [match.end() for match in re.finditer(r"\}", text)][-200:][::-1]:
        for closing in ("]", "]}", "]}}"):
            document = _parsed(text[:end] + closing)
            if document is not None:
                return document
    return None


def _record_path(document: Any) -> str | None:
    """Return the dotted path of the longest list of objects; empty when the document itself is that list."""
    best: tuple[int, str] | None = None

    def walk(node: Any, path: str, depth: int) -> None:
        nonlocal best
        if depth > _MOST_DEPTH:
            return
        if isinstance(node, list):
            if node and all(isinstance(item, dict) for item in node) and (best is None or len(node) > best[0]):
                best = (len(node), path)
        elif isinstance(node, dict):
            for key, value in node.items():
                walk(value, f"{path}.{key}" if path else key, depth + 1)

    walk(document, "", 0)
    if best is None and isinstance(document, dict):
        return ""
    return best[1] if best else None


def sniff_markup(path: Path, text: str) -> Sniffed | None:
    """Return the form of XML or HTML: records, a table, or a document."""
    head = text[:4000].casefold()
    if "clinicaldocument" in head and "<html" not in head:
        return _document(path, "a clinical document (CDA)")
    if re.search(r"<(?:!doctype\s+html|html|table|body|div|meta)\b", head):
        return _sniff_html(path, text)
    element = _repeating_element(text)
    if element is None:
        return _document(path, "XML without a repeating record")
    name, elements = element
    return Sniffed(
        layout=Layout(format="xml", record=name),
        labels=_xml_names(elements[:_MOST_RECORDS]),
        reasons=(f"element {name} repeats {len(elements)} times",),
    )


def _xml_names(elements: list[Any]) -> tuple[str, ...]:
    """Return the names of the values of records: paths of elements, `@` before attributes."""
    names: dict[str, None] = {}

    def walk(element: Any, path: str) -> None:
        for attribute in element.attrib:
            if not path or element.text is None or not element.text.strip():
                names.setdefault(f"{path}/@{attribute}" if path else f"@{attribute}")
        children = [child for child in element if isinstance(child.tag, str)]
        for child in children:
            name = etree.QName(child).localname
            walk(child, f"{path}/{name}" if path else name)
        if path and not children:
            names.setdefault(path)

    for element in elements:
        walk(element, "")
    return tuple(names)


def _document(path: Path, reason: str) -> Sniffed:
    return Sniffed(layout=Layout(format="documents"), reasons=(reason,))


def _unique(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name.strip()))


def _sniff_html(path: Path, text: str) -> Sniffed:
    from ingestion.onboarding.headers import find_header

    tree = html.fromstring(text)
    tables = tree.iter("table")
    best: tuple[int, int, bool, list[str]] | None = None
    for table in tables:
        rows = [[" ".join(cell.itertext()).strip() for cell in row.iter("td", "th")] for row in table.iter("tr")]
        rows = [row for row in rows if row]
        if len(rows) < 2 or max(map(len, rows)) < 3:
            continue
        title_rows, has_header = find_header(rows[:60])
        if best is None or len(rows) > best[0]:
            best = (len(rows), title_rows, has_header, rows[title_rows])
    if best is None or not best[2]:
        return _document(path, "HTML without a table of records")
    return Sniffed(
        layout=Layout(format="html", title_rows=best[1]),
        labels=_unique(best[3]),
        reasons=(f"HTML with a table of {best[0]} lines",),
    )


def _repeating_element(text: str) -> tuple[str, list[Any]] | None:
    """Return the name of the element that repeats as records do, nearest to the top, and its elements."""
    content = _DECLARATION.sub("", text)
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content.encode("utf-8"), parser)
    except etree.XMLSyntaxError:
        return None
    if root is None:
        return None
    level = [root]
    for _ in range(_MOST_DEPTH):
        names: Counter[str] = Counter()
        for parent in level:
            names.update(
                etree.QName(child).localname
                for child in parent
                if isinstance(child.tag, str) and (len(child) or child.attrib)
            )
        repeated = [(number, name) for name, number in names.items() if number > 1]
        if repeated:
            _, name = max(repeated)
            return name, [
                child
                for parent in level
                for child in parent
                if isinstance(child.tag, str) and etree.QName(child).localname == name
            ]
        level = [child for parent in level for child in parent if isinstance(child.tag, str)]
        if len(level) == 0:
            break
    return None
