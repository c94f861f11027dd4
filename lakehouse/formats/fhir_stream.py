"""Reads the resources of a FHIR JSON file of any size one after the other: a resource, a Bundle, a list, or NDJSON.

A Bundle is gone through twice, first for the references that go by `fullUrl`; only one entry is held at a time. What
is no resource is told with its place and the others are read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lakehouse.formats.encoding import detect_file_encoding
from lakehouse.formats.fhir import WrittenFloat, rename_references, resources_of, take_entry
from lakehouse.formats.json_stream import BrokenItemError, Item, JsonStream, make_decoder, parse_line

_DECODER = make_decoder(WrittenFloat)


def read_resources(path: Path, encoding: str | None = None) -> Iterator[Item]:
    """Yield an Item for each resource of a file, or with one of fhir.REASONS for what is none.

    The number is that of the entry, the element or the line. Raises OSError when the file cannot be read.
    """
    encoding = encoding or detect_file_encoding(path).encoding
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, _DECODER)
        last: Item | None = None
        for item in _items(path, encoding, stream):
            if last is not None:
                yield last
            last = item
        if stream.is_cut:
            # the resource in which a file was cut off is refused once, with the true reason
            if last is not None and last.reason is None:
                yield last
                last = None
            last = Item(number=last.number if last else 0, reason="truncated_file", text=last.text if last else "")
        if last is not None:
            yield last


def _items(path: Path, encoding: str, stream: JsonStream) -> Iterator[Item]:
    start = stream.peek()
    if start == "":
        yield Item(number=1, reason="empty_content")
    elif start == "[":
        for item in stream.items_of_list():
            yield from _inner(item)
    elif start != "{":
        yield Item(number=1, reason="not_json", text=stream.rest(1000))
    elif _is_bundle(path, encoding):
        yield from _entries(path, encoding, stream)
    elif _has_lines(path, encoding):
        yield from _lines(stream)
    else:
        yield from _whole(stream)


def _inner(item: Item) -> Iterator[Item]:
    """Yield the resources within one element, line or entry."""
    if item.reason:
        yield item
        return
    refusals: list[tuple[int, str]] = []
    for resource in resources_of(item.value, item.number, refusals):
        yield Item(number=item.number, value=resource)
    for number, reason in refusals:
        yield Item(number=number, reason=reason)


def _is_bundle(path: Path, encoding: str) -> bool:
    """Return whether a file is one Bundle with entries."""
    around: dict[str, Any] = {}
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, _DECODER)
        return (
            stream.enter(["entry"], around) and stream.peek() == "[" and around.get("resourceType") in ("Bundle", None)
        )


def _entries(path: Path, encoding: str, stream: JsonStream) -> Iterator[Item]:
    renamed: dict[str, str] = {}
    with path.open("rb") as file:
        first = JsonStream(file, encoding, _DECODER)
        first.enter(["entry"], {})
        for item in first.items_of_list():
            if item.reason is None:
                take_entry(item.value, renamed)
    stream.enter(["entry"], {})
    for item in stream.items_of_list():
        if item.reason:
            yield item
            continue
        for resource in take_entry(item.value, {}):
            if renamed:
                rename_references([resource], renamed)
            refusals: list[tuple[int, str]] = []
            for one in resources_of(resource, item.number, refusals):
                yield Item(number=item.number, value=one)
            for number, reason in refusals:
                told = "entry_not_a_resource" if reason == "no_resource_type" else reason
                yield Item(number=number, reason=told)


def _has_lines(path: Path, encoding: str) -> bool:
    """Return whether a file has a value on each line: the first whole line is one, and is not all."""
    with path.open("rb") as file:
        stream = JsonStream(file, encoding, _DECODER)
        seen, whole = 0, 0
        while seen < 3:
            try:
                line = stream.line()
            except BrokenItemError:
                seen += 1
                continue
            if line is None:
                break
            text = line.strip("\ufeff \t\r\x00")
            if text:
                seen += 1
                whole += text.startswith("{") and text.endswith("}") and _is_value(text)
        return seen > 1 and whole > 0


def _is_value(text: str) -> bool:
    try:
        parse_line(_DECODER, text)
    except BrokenItemError:
        return False
    return True


def _lines(stream: JsonStream) -> Iterator[Item]:
    number = 0
    while True:
        number += 1
        try:
            line = stream.line()
        except BrokenItemError as error:
            yield Item(number=number, reason=error.reason, text=error.text)
            continue
        if line is None:
            return
        text = line.strip("\ufeff \t\r\x00")
        if not text:
            continue
        try:
            value = parse_line(_DECODER, text)
        except BrokenItemError as error:
            yield Item(number=number, reason=error.reason, text=error.text)
            continue
        yield from _inner(Item(number=number, value=value))


def _whole(stream: JsonStream) -> Iterator[Item]:
    """Yield the one resource of a file, and whatever follows it."""
    number = 0
    while stream.peek():
        number += 1
        try:
            value = stream.value()
        except BrokenItemError as error:
            yield Item(number=number, reason=error.reason, text=stream.pass_over())
            if stream.peek() != "{":
                return
            continue
        yield from _inner(Item(number=number, value=value))
