"""Reads records out of JSON: a list, an object that holds one under the path `record:`, or a value a line (NDJSON).

Columns are named by dotted paths: `patient.name`. Where `record:` goes through several lists (`patients.visits`), what
stands around a record has its path from the top: `patients.id`; of a list of plain values the column has them joined
by `;`, of a list of objects each path has its values joined by line ends. Numbers stay as they are written.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestion.mapping import FileMapping
from ingestion.readers import Batches, HeldFileError, Reading, Rejected
from ingestion.readers.named_records import NamedRecord, batches_of
from ingestion.readers.pieces import settle_encoding
from lakehouse.formats.json_stream import BrokenItemError, Item, JsonStream, make_decoder, parse_line

_MAXIMUM_DEPTH = 30
_MAXIMUM_VALUES = 5_000
_EXCERPT = 100_000
_LISTS = ("data", "rows", "records", "list", "items", "result", "results", "content", "entry", "RECORDS")


def read_json(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a JSON file in batches.

    Raises HeldFileError when the file does not begin as JSON does.
    """
    encoding = settle_encoding(path, mapping.reader.encoding, reading)
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, make_decoder(_Number, _Number))
        yield from batches_of(_records(stream, mapping, reading, path), mapping)


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def _records(
    stream: JsonStream, mapping: FileMapping, reading: Reading, path: Path
) -> Iterator[NamedRecord | Rejected]:
    steps = [
        step for step in (mapping.reader.record or "").replace("/", ".").split(".") if step not in ("", "$", "[*]")
    ]
    wanted = set(mapping.source_names())
    number = 0
    for item, around, rest in _items(stream, steps, path, reading.encoding or "utf-8"):
        if item.reason:
            number += 1
            yield Rejected(row_no=number, reason=item.reason, raw_text=item.text)
            continue
        for record, beside in _exploded(item.value, rest, around):
            number += 1
            if isinstance(record, dict):
                yield number, beside | _flat(record, wanted)
            else:
                yield Rejected(row_no=number, reason="not_an_object", raw_text=_written(record)[:1000])
    if stream.is_cut:
        reading.held = "truncated_file"
        reading.find("truncated_file")


def _items(
    stream: JsonStream, steps: list[str], path: Path, encoding: str
) -> Iterator[tuple[Item, dict[str, str | None], list[str]]]:
    """Yield the items of the first list on the way, what stands beside it, and the rest of the way."""
    start = stream.peek()
    if start == "[":
        for item in stream.items_of_list():
            yield item, {}, steps
        return
    if start != "{":
        if start:
            raise HeldFileError("file_not_of_its_format")
        return
    if _has_lines(path, encoding):
        for item in _lines(stream):
            yield item, {}, steps
        return
    for length in range(len(steps), 0, -1) if steps else ():
        around: dict[str, Any] = {}
        with path.open("rb") as file:
            inner = JsonStream(file, encoding, make_decoder(_Number, _Number))
            if inner.enter(steps[:length], around) and inner.peek() == "[":
                beside = {name: _text(value) for name, value in around.items()}
                prefix = ".".join(steps[:length])
                for item in inner.items_of_list():
                    yield item, beside, [prefix, *steps[length:]] if steps[length:] else []
                stream.is_cut = inner.is_cut
                return
    yield from _whole(stream, steps)


def _whole(stream: JsonStream, steps: list[str]) -> Iterator[tuple[Item, dict[str, str | None], list[str]]]:
    """Yield the one object of a file, or the items of the only list of objects in it."""
    try:
        value = stream.value()
    except BrokenItemError as error:
        yield Item(number=1, reason=error.reason, text=stream.pass_over()), {}, []
        return
    if not steps and isinstance(value, dict):
        lists = [name for name in value if isinstance(value[name], list) and value[name]]
        lists = [name for name in lists if all(isinstance(item, dict) for item in value[name])]
        chosen = next((name for name in _LISTS if name in lists), None)
        if chosen is None and len(lists) == 1 and len(value) <= 8:
            chosen = lists[0]
        if chosen:
            beside = {name: _text(one) for name, one in value.items() if not isinstance(one, dict | list)}
            for position, item in enumerate(value[chosen], start=1):
                yield Item(number=position, value=item), beside, []
            return
    if steps and not _has_path(value, steps):
        # an answer that tells of an error, or a layout that changed
        yield Item(number=1, reason="no_record", text=_written(value)[:_EXCERPT]), {}, []
        return
    yield Item(number=1, value=value), {}, ["", *steps] if steps else []


def _has_path(value: Any, steps: list[str]) -> bool:
    """Return whether a path leads anywhere, be it to nothing."""
    nodes = [value]
    for step in steps:
        while any(isinstance(node, list) for node in nodes):
            nodes = [one for node in nodes for one in (node if isinstance(node, list) else [node])]
        nodes = [node[step] for node in nodes if isinstance(node, dict) and step in node]
    return bool(nodes)


def _has_lines(path: Path, encoding: str) -> bool:
    """Return whether one of the first lines is a whole object, not the only line, and no item of an opened list."""
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, make_decoder(_Number, _Number))
        lines: list[str] = []
        try:
            while len(lines) < 3 and (line := stream.line()) is not None:
                if line.strip("\ufeff \t\r\x00"):
                    lines.append(line.strip("\ufeff \t\r\x00"))
        except BrokenItemError:
            pass
    whole = [_is_object(line) for line in lines]
    if len(lines) < 2 or not any(whole):
        return False
    # before the records of a list, one a line, stands what opens it
    return not any(line.endswith(("[", ":")) for line in lines[: whole.index(True)])


def _is_object(line: str) -> bool:
    if not (line.startswith("{") and line.endswith("}")):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(stream: JsonStream) -> Iterator[Item]:
    decoder = make_decoder(_Number, _Number)
    number = 0
    while True:
        try:
            line = stream.line()
        except BrokenItemError as error:
            number += 1
            yield Item(number=number, reason=error.reason, text=error.text)
            continue
        if line is None:
            return
        line = line.strip("\ufeff \t\r\x00").rstrip(",")
        if not line:
            continue
        number += 1
        try:
            yield Item(number=number, value=parse_line(decoder, line))
        except BrokenItemError as error:
            yield Item(number=number, reason=error.reason, text=error.text)


def _exploded(
    value: Any, rest: list[str], around: dict[str, str | None]
) -> Iterator[tuple[Any, dict[str, str | None]]]:
    """Yield the records within an item that lie further down the path, with what stands around each."""
    if not rest:
        yield value, around
        return
    prefix, *steps = rest
    pending: list[tuple[Any, int, str, dict[str, str | None]]] = [(value, 0, prefix, around)]
    while pending:
        node, depth, place, beside = pending.pop()
        if isinstance(node, list):
            pending.extend((item, depth, place, beside) for item in reversed(node))
        elif depth == len(steps):
            if node is not None:
                yield node, beside
        elif isinstance(node, dict) and steps[depth] in node:
            start = f"{place}." if place else ""
            plain = {f"{start}{name}": _text(one) for name, one in node.items() if not isinstance(one, dict | list)}
            pending.append((node[steps[depth]], depth + 1, f"{start}{steps[depth]}", beside | plain))


def _flat(record: dict[str, Any], wanted: set[str]) -> dict[str, str | None]:
    """Return the values of a record by dotted path; of what a mapping names whole, the JSON too."""
    out: dict[str, str | None] = {}
    lists: dict[str, list[str]] = {}
    pending: list[tuple[str, Any, int, bool]] = [
        (name, value, 1, False) for name, value in reversed(list(record.items()))
    ]
    while pending and len(out) < _MAXIMUM_VALUES:
        place, value, depth, in_list = pending.pop()
        if isinstance(value, dict | list):
            if place in wanted and not _is_plain_list(value):
                out[place] = _written(value)
            if depth > _MAXIMUM_DEPTH:
                out.setdefault(place, _written(value))
            elif isinstance(value, dict):
                pending.extend(
                    (f"{place}.{name}", one, depth + 1, in_list) for name, one in reversed(list(value.items()))
                )
            elif _is_plain_list(value):
                out[place] = ";".join(text for one in value if (text := _text(one)) is not None) or None
            else:
                pending.extend((place, one, depth + 1, True) for one in reversed(value))
        elif in_list:
            lists.setdefault(place, []).append(_text(value) or "")
        else:
            out[place] = _text(value)
    return out | {name: "\n".join(lines) for name, lines in lists.items()}


def _is_plain_list(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _written(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return ""
