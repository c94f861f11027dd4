"""Reads records out of XML: any vendor's elements and attributes, and CDA documents (WS/T 500) as their sections.

`record:` is the path of the element that is one record (`row`, `reports/report`); without it, it is the first element
that repeats below the root. A column is named by

- an element: `XM`, or a path of elements within the record: `patient/name`;
- an attribute: `@id` of the record itself, `patient/@id`, or any `@id` that the record has only once;
- the words an element bears in an attribute: `主诉` for `<element name="主诉">…</element>`;
- one of several by an attribute's value: `id=2.16.156.10011.1.12/@extension`;
- `/report/header/no`, `/report/@id`: what stands around the records, from the root;
- `.` the text of the record.

Of an element that holds further elements the value is the markup within. A CDA document has one record per section,
with `section_code`, `section_title`, `section_text`, `section_template_id` and the facts of its header: `document_id`,
`document_code`, `document_title`, `effective_time`, `set_id`, `version_number`, `patient_id`, `citizen_id`,
`patient_name`, `sex`, `birth_date`, `encounter_id`, `author`, `authenticator`, `custodian`.

A record that cannot be parsed is refused and the others are read.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ingestion.mapping import FileMapping
from ingestion.readers import Batches, Reading, Rejected
from ingestion.readers.clinical_document import ROOT, add_header_fact, sections
from ingestion.readers.named_records import NamedRecord, batches_of
from ingestion.readers.xml_salvage import RecordSlices
from ingestion.readers.xml_text import control_characters, xml_chunks
from ingestion.readers.xml_values import Context, Wanted, values_of_record
from lakehouse.formats.document_text_xml import local_name

_SAMPLE_CHARACTERS = 400_000
_MAXIMUM_RAW_TEXT = 100_000


class _BrokenError(Exception):
    """The file is no well-formed XML from some record on; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_xml(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of an XML file in batches.

    Raises HeldFileError when its document type has no end.
    """
    yield from batches_of(_records(path, mapping, reading), mapping)


def _records(path: Path, mapping: FileMapping, reading: Reading) -> Iterator[NamedRecord | Rejected]:
    encoding = mapping.reader.encoding
    entities: set[str] = set()
    steps = _steps(mapping.reader.record) or _repeated_element(path, encoding)
    wanted = Wanted(mapping.source_names())
    number = 0
    others = Counter[str]()
    try:
        for element, around in _elements(xml_chunks(path, encoding, reading, entities), steps, wanted, others):
            parts = sections(element) if local_name(element) == "section" else iter([(element, {})])
            for part, facts in parts:
                number += 1
                yield _refused_or_values(part, around | facts, number, wanted, entities)
        if not number and others.total() > 1:
            # a file with elements, none of which is a record: the layout is another
            yield Rejected(row_no=1, reason="no_record", raw_text="")
    except _BrokenError as broken:
        yield from _salvaged(path, encoding, steps, wanted, entities, number, broken.reason, reading)


def _steps(path: str | None) -> tuple[str, ...]:
    return tuple(step.rpartition(":")[2] for step in re.split(r"[/.]+", path or "") if step)


def _refused_or_values(
    element: Any, around: dict[str, str], number: int, wanted: Wanted, entities: set[str]
) -> NamedRecord | Rejected:
    found = around | values_of_record(element, wanted)
    values = {name: control_characters(value) for name, value in found.items()}
    if entities and any(f"&{name};" in value for value in values.values() if "&" in value for name in entities):
        return Rejected(row_no=number, reason="xml_entity", raw_text="")
    return number, values


def _pull_parser(*, recover: bool = False) -> Any:
    return etree.XMLPullParser(
        events=("start", "end"),
        encoding="utf-8",
        recover=recover,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _events(chunks: Iterator[str]) -> Iterator[tuple[str, Any]]:
    parser = _pull_parser()
    try:
        for chunk in chunks:
            parser.feed(chunk.encode("utf-8", "replace"))
            yield from parser.read_events()
        parser.close()
    except etree.XMLSyntaxError as error:
        # what was complete before the error is still to be read
        with contextlib.suppress(etree.XMLSyntaxError):
            yield from parser.read_events()
        raise _BrokenError(_reason(error)) from error
    yield from parser.read_events()


def _reason(error: etree.XMLSyntaxError) -> str:
    message = str(error.msg or "")
    if "depth" in message:
        return "too_deeply_nested"
    if "huge" in message.lower() or "too long" in message.lower() or "limit" in message.lower():
        return "record_too_large"
    return "xml_not_well_formed"


def _elements(
    chunks: Iterator[str], steps: tuple[str, ...], wanted: Wanted, others: Counter[str]
) -> Iterator[tuple[Any, dict[str, str]]]:
    """Yield the record elements as they end, with what stands around them; `others` counts what is no record."""
    context = Context(wanted)
    document: dict[str, str] = {}
    path: list[str] = []
    depth_of_record = 0
    for event, element in _events(chunks):
        if event == "start":
            path.append(local_name(element))
            if depth_of_record:
                continue
            if tuple(path[-len(steps) :]) == steps if steps else len(path) == 1:
                depth_of_record = len(path)
            else:
                others["element"] += 1
                context.enter(path, element)
            continue
        if depth_of_record == len(path):
            depth_of_record = 0
            yield element, context.values | document
            _forget(element)
        elif not depth_of_record:
            context.leave(path, element)
            if path[0] == ROOT and len(path) == 2:
                add_header_fact(document, element)
            # the header of a clinical document is read as a whole
            if path[0] != ROOT and len(path) > 1:
                _forget(element)
        path.pop()


def _forget(element: Any) -> None:
    """Free an element that was read, and its siblings before it."""
    element.clear(keep_tail=False)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _repeated_element(path: Path, encoding: str) -> tuple[str, ...]:
    """Return the path of the first element that repeats below the root, or of the sections of a CDA document.

    Empty when nothing repeats: then the root is the record.
    """
    parser = _pull_parser(recover=True)
    counts: dict[tuple[str, ...], int] = {}
    holds_more: set[tuple[str, ...]] = set()
    stack: list[str] = []
    size = 0
    for chunk in xml_chunks(path, encoding, Reading()):
        size += len(chunk)
        parser.feed(chunk.encode("utf-8", "replace"))
        for event, element in parser.read_events():
            if event == "end":
                stack.pop()
                continue
            name = local_name(element)
            if not stack and name == "ClinicalDocument":
                return ("section",)
            # an element within its like is one whose end was forgotten
            around = stack[: stack.index(name)] if name in stack else stack
            if around:
                holds_more.add(tuple(around))
            place = (*around, name)
            counts[place] = counts.get(place, 0) + 1
            if element.attrib:
                holds_more.add(place)
            stack.append(name)
        if size > _SAMPLE_CHARACTERS:
            break
    repeated = [place for place, count in counts.items() if count > 1 and len(place) > 1 and place in holds_more]
    return min(repeated, key=len, default=())


def _salvaged(
    path: Path,
    encoding: str,
    steps: tuple[str, ...],
    wanted: Wanted,
    entities: set[str],
    done: int,
    reason: str,
    reading: Reading,
) -> Iterator[NamedRecord | Rejected]:
    """Read what is left of a broken file record by record, each parsed on its own."""
    if not steps:
        yield Rejected(row_no=1, reason=reason, raw_text="")
        return
    slices = RecordSlices(steps[-1])
    number = 0
    for piece in slices.cut(xml_chunks(path, encoding, Reading())):
        number += 1
        if number <= done:
            continue
        element, why = _parsed(piece)
        if element is None:
            yield Rejected(row_no=number, reason=why or reason, raw_text=control_characters(piece[:_MAXIMUM_RAW_TEXT]))
        else:
            yield _refused_or_values(element, {}, number, wanted, entities)
    if slices.is_cut:
        reading.held = "truncated_file"
        reading.find("truncated_file")
    elif number <= done and reason != "xml_not_well_formed":
        yield Rejected(row_no=number + 1, reason=reason, raw_text="")


def _parsed(piece: str) -> tuple[Any, str | None]:
    """Return the element of one record that is parsed alone, or why it cannot be."""
    # prefixes of namespaces were declared further up
    piece = re.sub(r"(</?)[A-Za-z_][\w.-]*:(?=[\w.-]+[\s/>])", r"\1", piece)
    piece = re.sub(r"(\s)(?:xmlns:)?[A-Za-z_][\w.-]*:(?=[\w.-]+\s*=\s*[\"'])", r"\1", piece)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(piece.encode("utf-8", "replace"), parser), None
    except etree.XMLSyntaxError as error:
        return None, _reason(error)
