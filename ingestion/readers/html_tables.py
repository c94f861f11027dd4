"""Reads records out of HTML: the rows of its tables, or the labelled values of forms.

A table is read when its header, of `th` cells or the first rows, has accepted names. Cells that span rows hold for each
of them. A page without such a table is read as forms: each element that `record:` names (`div.report`, `form`, a tag),
or the page, is one record; its values are those of controls (by name, id or title; the value may be an attribute), of
cells that follow a cell with a label, and of lines `label：value`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Batches, Reading, Rejected
from ingestion.readers.named_records import NamedRecord, batches_of
from ingestion.readers.sheet_rows import SheetRow, SheetRows
from ingestion.readers.xml_text import control_characters, repaired_html
from ingestion.readers.xml_values import Wanted
from lakehouse.formats.document_text_markup import control_value, is_cut, text_of_element

_MAXIMUM_SPAN = 1_000
_MAXIMUM_CELLS = 16_384
_CONTROL_NAMES = ("name", "data-name", "data-field", "data-label", "title", "caption", "label", "id", "class")
_LINE = re.compile(r"^\s*([^:：\n]{1,40})[:：]\s*(.*)$")


def read_html(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of an HTML file in batches."""
    has_read = False
    try:
        for batch in _batches(path, mapping, reading):
            # a table without rows has been read too
            has_read = True
            yield batch
    except _TooDeepError:
        yield from batches_of([Rejected(row_no=2**31, reason="too_deeply_nested", raw_text="")], mapping)
    else:
        if not has_read and path.stat().st_size:
            yield from batches_of([Rejected(row_no=1, reason="no_record", raw_text="")], mapping)


def _batches(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    rows = SheetRows(mapping, reading)
    is_form = mapping.reader.record is not None and mapping.reader.record.split(".")[0].lower() not in ("tr", "table")
    if not is_form:
        has_table = False
        for table in _tables(path, mapping.reader.encoding, reading):
            found = rows.find_header(table)
            if _is_table_of_records(rows, found, mapping):
                has_table = True
                yield from rows.batches(table, found=found)
            # the rows of a table of something else are passed over
            for _ in table:
                pass
        if has_table:
            return
    yield from batches_of(_forms(path, mapping, reading), mapping)


class _TooDeepError(Exception):
    """The parser gave up within a file that is nested too deeply."""


def _is_table_of_records(
    rows: SheetRows, found: tuple[list[SheetRow], list[str] | None, int], mapping: FileMapping
) -> bool:
    """Return whether a table has a header, and is no form in which labels and values take turns."""
    read, header, place = found
    if header is None or mapping.reader.header:
        return header is not None
    filled = [cell for cell in header if cell.strip()]
    known = [position for position, cell in enumerate(header) if rows.accepts([cell])]
    if not known or len(known) * 2 > len(filled):
        return bool(known)
    takes_turns = all(position % 2 == 0 for position in known)
    following = [cells for _, cells in read[place + 1 :] if any(cell.strip() for cell in cells)][:3]
    goes_on = not following or any(rows.accepts(cells[:1]) for cells in following)
    return len(known) > 1 and not (takes_turns and goes_on)


def _pull(path: Path, encoding: str, reading: Reading, *tags: str) -> Iterator[tuple[str, Any]]:
    parser = etree.HTMLPullParser(
        events=("start", "end"),
        tag=tags or None,
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        huge_tree=True,
        no_network=True,
    )
    try:
        for chunk in repaired_html(path, encoding, reading):
            parser.feed(chunk.encode("utf-8", "replace"))
            yield from parser.read_events()
        parser.close()
    except (etree.XMLSyntaxError, AssertionError):
        # an empty file, or one nested too deeply: what was read stands
        pass
    yield from parser.read_events()
    if is_cut(parser):
        raise _TooDeepError


class _Table:
    """The rows of one table, read as they come."""

    def __init__(self, events: Iterator[tuple[str, Any]], counter: list[int]) -> None:
        self._events = events
        self._counter = counter
        self._spans: dict[int, tuple[int, str]] = {}
        self.is_ended = False

    def __iter__(self) -> "_Table":
        return self

    def __next__(self) -> SheetRow:
        depth = 0
        if self.is_ended:
            raise StopIteration
        for event, element in self._events:
            if element.tag == "table":
                # a table within a cell is text of the cell
                depth += 1 if event == "start" else -1
                if depth < 0:
                    self.is_ended = True
                    raise StopIteration
            elif event == "end" and depth == 0:
                self._counter[0] += 1
                cells = self._cells(element)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
                return self._counter[0], cells
        self.is_ended = True
        raise StopIteration

    def _cells(self, row: Any) -> list[str]:
        cells: list[str] = []

        def add(text: str, span: int) -> None:
            while len(cells) in self._spans and len(cells) < _MAXIMUM_CELLS:
                self._carry(cells)
            if span > 1:
                self._spans[len(cells)] = (span - 1, text)
            cells.append(text)

        for cell in row:
            if cell.tag not in ("td", "th") or len(cells) >= _MAXIMUM_CELLS:
                continue
            text = control_characters(text_of_element(cell))
            rows = _span(cell.get("rowspan"))
            add(text, rows)
            for _ in range(min(_span(cell.get("colspan")) - 1, _MAXIMUM_CELLS)):
                add("", rows)
        while len(cells) in self._spans:
            self._carry(cells)
        return cells

    def _carry(self, cells: list[str]) -> None:
        left, text = self._spans.pop(len(cells))
        if left > 1:
            self._spans[len(cells)] = (left - 1, text)
        cells.append(text)


def _span(stated: str | None) -> int:
    return min(int(stated), _MAXIMUM_SPAN) if stated and stated.isdigit() and len(stated) < 9 else 1


def _tables(path: Path, encoding: str, reading: Reading) -> Iterator[Iterator[SheetRow]]:
    """Yield the tables of a file; rows that stand in none are one of their own."""
    events = _pull(path, encoding, reading, "table", "tr")
    counter = [0]
    for event, element in events:
        if element.tag == "table" and event == "start":
            yield iter(_Table(events, counter))


def _forms(path: Path, mapping: FileMapping, reading: Reading) -> Iterator[NamedRecord | Rejected]:
    tag, _, css_class = (mapping.reader.record or "body").partition(".")
    wanted = Wanted(mapping.source_names())
    number, depth = 0, 0
    for event, element in _pull(path, mapping.reader.encoding, reading):
        if element.tag != tag or (css_class and css_class not in (element.get("class") or "").split()):
            continue
        depth += 1 if event == "start" else -1
        if event == "start" or depth:
            continue
        number += 1
        values = _values_of_form(element, wanted)
        if values:
            yield number, values
        else:
            text = text_of_element(element)
            yield Rejected(row_no=number, reason="no_known_label", raw_text=text[:100_000])
        element.clear(keep_tail=False)


def _take_label(element: Any, wanted: Wanted, values: dict[str, str | None]) -> None:
    """Take the value beside an element that is a label, and those of texts that begin with one."""
    for text in (element.text, element.tail):
        found = _LINE.match(text.strip().split("\n", 1)[0]) if text else None
        if found and found[2].strip() and wanted.has(found[1].strip()):
            values.setdefault(found[1].strip(), found[2].strip())
    label = text_of_element(element) if len(element) < 3 else ""
    label = label.rstrip(":： ")
    if label and len(label) <= 40 and wanted.has(label):
        following = element.getnext()
        value = (element.tail or "").strip() or (text_of_element(following) if following is not None else "")
        if value:
            values.setdefault(label, value.lstrip(":： "))


def _values_of_form(form: Any, wanted: Wanted) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for element in form.iter():
        if not isinstance(element.tag, str):
            continue
        value = control_value(element, element.tag)
        labels = (element.get(name) for name in _CONTROL_NAMES)
        for label in labels:
            if label and wanted.has(label):
                text = value if value is not None else text_of_element(element)
                if text and not (values.get(label) or ""):
                    values[label] = text
        _take_label(element, wanted, values)
    current: str | None = None
    for line in text_of_element(form).split("\n"):
        found = _LINE.match(line)
        if found and wanted.has(found[1].strip()):
            current = found[1].strip()
            if values.get(current):
                current = None
            else:
                values[current] = found[2].strip()
        elif current is not None and not found:
            values[current] = f"{values[current]}\n{line}".strip()
        elif found:
            current = None
    return {name: value for name, value in values.items() if normalise_header(name)}
