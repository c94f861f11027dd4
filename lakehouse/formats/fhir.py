"""Reads FHIR R4 JSON as servers send it: one resource, a Bundle of any type, a list, or NDJSON; and walks in resources.

Tolerant on purpose: unknown fields stay, absent and wrong-typed ones read as None, and one bad line or entry is counted
without stopping the others. Nothing is validated here. Numbers keep how they were written (FHIR's decimals carry their
precision): `0.10` is a float whose `written` is "0.10".

References inside a Bundle that go by `fullUrl` (`urn:uuid:...` in transactions) are resolved to the resource's own id
where that differs (FHIR R4, Bundle, "Resolving references in Bundles"); a resource without id takes its fullUrl's.
A deletion in a history or transaction comes as a resource of type, id and `deleted: true`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.formats.encoding import decode
from lakehouse.formats.json_stream import without_surrogates

REASONS = (
    "empty_content",
    "not_json",
    "too_deeply_nested",
    "record_too_large",
    "no_resource_type",
    "entry_not_a_resource",
    "truncated_file",
)

Resource = dict[str, Any]

_ID_IN_URL = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([^/?#|]+)(?:/_history/[^/]*)?$")


class ResourceError(Exception):
    """Some or all of the content is no FHIR JSON.

    `reason` is the first of REASONS that was met, `refusals` lists (number of the line or entry from 1, reason) of all.
    """

    def __init__(self, refusals: Sequence[tuple[int, str]]) -> None:
        self.refusals = tuple(refusals)
        self.reason = self.refusals[0][1]
        super().__init__(f"{self.reason} ({len(self.refusals)} refused)")


class WrittenFloat(float):
    """A number that remembers its digits."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> "WrittenFloat":
        """Make the number from its digits."""
        number = super().__new__(cls, written)
        number.written = written
        return number


@dataclass(frozen=True, kw_only=True, slots=True)
class Coding:
    """One code of a CodeableConcept; `text` is the concept's own text."""

    code: str | None = None
    system: str | None = None
    display: str | None = None
    version: str | None = None
    text: str | None = None

    @property
    def name(self) -> str | None:
        """Return the words for the code: its display, else the concept's text."""
        return self.display or self.text


@dataclass(frozen=True, kw_only=True, slots=True)
class Identifier:
    """One business identifier."""

    value: str | None = None
    system: str | None = None
    type_code: str | None = None
    type_text: str | None = None
    use: str | None = None
    assigner: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A measured amount; the value as it was written."""

    value: str | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """Start and end as they were written."""

    start: str | None = None
    end: str | None = None


def iter_resources(data: bytes) -> Iterator[Resource]:
    """Yield the resources in the content, those of Bundles taken out of them; contained resources stay where they are.

    Raises ResourceError, and nothing else, after the last resource that could be read.
    """
    text = _text_of_content(data)
    if not text.strip("\ufeff \t\r\n\x00"):
        raise ResourceError([(0, "empty_content")])
    refusals: list[tuple[int, str]] = []
    if _is_ndjson(text):
        yield from _resources_of_lines(text, refusals)
    else:
        try:
            content = _load(text)
        except _UnreadableError as error:
            # NDJSON whose first line is broken is still NDJSON
            yielded = False
            if "\n" in text.strip():
                for resource in _resources_of_lines(text, refusals):
                    yielded = True
                    yield resource
            if not yielded:
                refusals = [(1, error.reason)]
        else:
            yield from resources_of(content, None, refusals)
    if refusals:
        raise ResourceError(refusals)


class _UnreadableError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _text_of_content(data: bytes) -> str:
    if b"\x00" not in data[:64]:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    return decode(data)[0]


def _load(text: str) -> Any:
    try:
        content = json.loads(text, parse_float=WrittenFloat, parse_constant=lambda _: None)
    except RecursionError:
        raise _UnreadableError("too_deeply_nested") from None
    except ValueError:
        raise _UnreadableError("not_json") from None
    # half a character, written as an escape, could not be stored as UTF-8
    return without_surrogates(content) if "\\ud" in text or "\\uD" in text else content


def _is_ndjson(text: str) -> bool:
    """Return whether the first line is a whole JSON object and another line follows."""
    first, _, rest = text.lstrip("\ufeff \t\r\n").partition("\n")
    first = first.strip()
    if not (first.startswith("{") and first.endswith("}") and rest.strip()):
        return False
    try:
        _load(first)
    except _UnreadableError:
        return False
    return True


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _resources_of_lines(text: str, refusals: list[tuple[int, str]]) -> Iterator[Resource]:
    for number, line in enumerate(_lines(text), start=1):
        line = line.strip("\ufeff \t\r\x00")
        if not line:
            continue
        try:
            content = _load(line)
        except _UnreadableError as error:
            refusals.append((number, error.reason))
            continue
        yield from resources_of(content, number, refusals)


def resources_of(content: Any, line: int | None, refusals: list[tuple[int, str]]) -> Iterator[Resource]:
    """Walk Bundles and lists in order, without recursion; refusals name the line, else the outer entry."""
    pending: list[tuple[Any, int | None, str]] = [(content, line, "no_resource_type")]
    while pending:
        node, place, reason = pending.pop()
        if isinstance(node, list):
            children, child_reason = node, "no_resource_type"
        elif not isinstance(node, dict) or not isinstance(node.get("resourceType"), str):
            refusals.append((place or 1, reason))
            continue
        elif node["resourceType"] == "Bundle":
            children, child_reason = _entries_of(node), "entry_not_a_resource"
        else:
            yield node
            continue
        numbered = list(enumerate(children, start=1))
        pending.extend((child, place or number, child_reason) for number, child in reversed(numbered))


def _entries_of(bundle: Resource) -> list[Any]:
    """Return the resources of a Bundle's entries, with ids and references by fullUrl resolved."""
    entries = bundle.get("entry")
    renamed: dict[str, str] = {}
    found = [one for entry in (entries if isinstance(entries, list) else []) for one in take_entry(entry, renamed)]
    if renamed:
        rename_references(found, renamed)
    return found


def take_entry(entry: Any, renamed: dict[str, str]) -> list[Any]:
    """Return what an entry of a Bundle holds: its resource, a deletion, nothing for an outcome.

    A resource without id takes its fullUrl's; where the two differ, `renamed` learns what references must become.
    """
    if not isinstance(entry, dict) or "resource" not in entry:
        return _entry_without_resource(entry)
    resource, url = entry["resource"], entry.get("fullUrl")
    if isinstance(resource, dict) and isinstance(url, str) and isinstance(resource.get("resourceType"), str):
        own = resource.get("id")
        if not isinstance(own, str) or not own:
            resource["id"] = reference_id({"reference": url}) or url
        elif reference_id({"reference": url}) != own:
            renamed[url] = f"{resource['resourceType']}/{own}"
    return [resource]


def _entry_without_resource(entry: Any) -> list[Any]:
    """Return the deletion that an entry tells of, nothing for an outcome, and what is no entry as it is."""
    match = _ID_IN_URL.search(find_text(entry, "request", "url") or "")
    if match and (find_text(entry, "request", "method") or "").upper() == "DELETE":
        deleted_at = find_text(entry, "response", "lastModified")
        return [{"resourceType": match[1], "id": match[2], "meta": {"lastUpdated": deleted_at}, "deleted": True}]
    return [] if isinstance(entry, dict) and entry.keys() & {"request", "response", "link", "fullUrl"} else [entry]


def rename_references(content: list[Any], renamed: dict[str, str]) -> None:
    """Put the ids of resources into the references that go by their fullUrl, in place."""
    pending: list[Any] = [content]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            reference = node.get("reference")
            if isinstance(reference, str) and reference in renamed:
                node["reference"] = renamed[reference]
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def text_of(value: Any) -> str | None:
    """Return a primitive as it was written; None for what is empty, absent or no primitive."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, WrittenFloat):
        return value.written
    if isinstance(value, int | float):
        return str(value)
    return None


def items_of(node: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects under a name, whether one or a list was sent; none when absent or wrong-typed."""
    value = node.get(name) if isinstance(node, dict) else None
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def find_text(node: Any, *path: str) -> str | None:
    """Return the primitive at a path of names, taking the first of every list on the way; None when there is none."""
    for name in path:
        while isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    while isinstance(node, list):
        node = node[0] if node else None
    return text_of(node)


def first_coding(concept: Any, system: str | None = None) -> Coding:
    """Return the first coding of a CodeableConcept (or of a list of them, or a Coding itself).

    With a system, the first coding of that system. A concept with text alone gives a Coding with text only.
    """
    concepts = [item for item in concept if isinstance(item, dict)] if isinstance(concept, list) else [concept]
    text: str | None = None
    for candidate in concepts:
        if not isinstance(candidate, dict):
            continue
        text = text or text_of(candidate.get("text"))
        codings = items_of(candidate, "coding") or ([candidate] if "code" in candidate or "system" in candidate else [])
        for coding in codings:
            if system is None or coding.get("system") == system:
                return Coding(
                    code=text_of(coding.get("code")),
                    system=text_of(coding.get("system")),
                    display=text_of(coding.get("display")),
                    version=text_of(coding.get("version")),
                    text=text_of(candidate.get("text")),
                )
    return Coding(text=text)


def reference_id(reference: Any) -> str | None:
    """Return the id a Reference (or the first of a list) points to; None for contained and conditional references.

    `Patient/1`, `http://server/fhir/Patient/1/_history/2` and `urn:uuid:1` all give `1`.
    """
    target = find_text(reference, "reference")
    if target is None or target.startswith("#") or "?" in target:
        return None
    if target.startswith("urn:"):
        return target.rsplit(":", 1)[1] or None
    match = _ID_IN_URL.search(target)
    return match[2] if match else target.rsplit("/", 1)[-1] or None


def reference_identifier(reference: Any) -> str | None:
    """Return the business identifier of a logical reference, or of a conditional one (`Patient?identifier=a|1`)."""
    value = find_text(reference, "identifier", "value")
    if value:
        return value
    _, question, query = (find_text(reference, "reference") or "").partition("?")
    for part in query.split("&") if question else []:
        name, _, token = part.partition("=")
        if name == "identifier":
            return token.rsplit("|", 1)[-1] or None
    return None


def identifiers(resource: Any, name: str = "identifier") -> list[Identifier]:
    """Return the identifiers of a resource that have a value, in order."""
    found = []
    for item in items_of(resource, name):
        value = text_of(item.get("value"))
        if value is None:
            continue
        kind = first_coding(item.get("type"))
        found.append(
            Identifier(
                value=value,
                system=text_of(item.get("system")),
                type_code=kind.code,
                type_text=kind.text or kind.display,
                use=text_of(item.get("use")),
                assigner=find_text(item, "assigner", "display"),
            )
        )
    return found


def quantity(node: Any) -> Quantity:
    """Return a Quantity (also Age, Duration, SimpleQuantity)."""
    return Quantity(
        value=find_text(node, "value"),
        comparator=find_text(node, "comparator"),
        unit=find_text(node, "unit"),
        system=find_text(node, "system"),
        code=find_text(node, "code"),
    )


def period(node: Any) -> Period:
    """Return a Period."""
    return Period(start=find_text(node, "start"), end=find_text(node, "end"))
