"""Gives the values of one record of XML by the names a mapping calls them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree

from ingestion.naming import normalise_header
from lakehouse.formats.document_text_xml import label_of, local_name

_MAXIMUM_VALUES = 5_000
_LONGEST_LABEL = 100
_MOST_SELECTING = 20
"""Attributes of an element, beyond which none selects another."""
_LABEL_ATTRIBUTES = ("name", "title", "caption", "label", "displayname", "key", "field", "code", "id", "mc")
_VALUE_ATTRIBUTES = ("value", "val", "text", "content", "displayvalue")
_NAME_CHILDREN = frozenset({"name", "key", "label", "title", "itemname", "mc", "项目", "名称"})
_VALUE_CHILDREN = frozenset({"value", "val", "text", "content", "result", "itemvalue", "值", "内容", "结果"})
_NAMESPACE = re.compile(r'\sxmlns(?::\w+)?="[^"]*"')


class Wanted:
    """The names that a mapping accepts, however they are written."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = frozenset(names)
        self._normal = frozenset(normalise_header(name) for name in self.names)
        self._known: dict[str, bool] = {}

    def has(self, name: str) -> bool:
        """Return whether a name is one of them."""
        if name not in self._known:
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[name] = normalise_header(name) in self._normal
        return self._known[name]


class Context:
    """What stands around the records of a file, as far as the mapping names it by a path from the root."""

    def __init__(self, wanted: Wanted) -> None:
        self._paths = frozenset(name for name in wanted.names if name.startswith("/"))
        self.values: dict[str, str] = {}
        """Values by their paths."""

    def enter(self, path: list[str], element: Any) -> None:
        """Take the attributes of an element that is around the records, and forget what an earlier one had."""
        if not self._paths:
            return
        here = "/" + "/".join(path)
        for known in [name for name in self.values if name == here or name.startswith(f"{here}/")]:
            del self.values[known]
        attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
        for name, value in attributes.items():
            for place in (f"{here}/@{name}", *(f"{here}={one}/@{name}" for one in attributes.values())):
                if place in self._paths:
                    self.values[place] = value

    def leave(self, path: list[str], element: Any) -> None:
        """Take the text of an element beside the records."""
        if self._paths:
            here = "/" + "/".join(path)
            if here in self._paths:
                self.values[here] = "".join(element.itertext()).strip()


class _Values:
    """Gathers values under the several names that each has."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[list[str], tuple[str, ...]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, path: str, label: str, value: str, names: tuple[str, ...]) -> None:
        """Add a value; one with the same path and label is another line of the first."""
        entry = self._entries.setdefault((path, label), ([], names))
        entry[0].append(value)

    def chosen(self, wanted: Wanted) -> dict[str, str]:
        """Return the values by the wanted names they have, the others by their path; the first of a name stands."""
        out: dict[str, str] = {}
        for (path, _), (lines, names) in self._entries.items():
            value = "\n".join(line for line in lines if line) if len(lines) > 1 else lines[0]
            is_used = False
            for name in (path, *names):
                if wanted.has(name):
                    is_used = True
                    out.setdefault(name, value)
            if not is_used:
                # never by its label, which may be a value of a person
                out.setdefault(path, value)
        return out


def values_of_record(record: Any, wanted: Wanted) -> dict[str, str]:
    """Return the values of a record by element, path, attribute and label."""
    values = _Values()
    pending: list[tuple[Any, str]] = [(record, "")]
    while pending and len(values) < _MAXIMUM_VALUES:
        element, place = pending.pop()
        _add_attributes(element, place, values)
        children = [child for child in element if isinstance(child.tag, str)]
        if not children:
            if place:
                _add_text(element, place, element.text or "", values)
            continue
        label = label_of(element) or ""
        if place and (wanted.has(place) or wanted.has(local_name(element)) or (label and wanted.has(label))):
            _add_text(element, place, _inner_markup(element), values)
        _add_pair(children, place, values)
        pending.extend(
            (child, f"{place}/{local_name(child)}" if place else local_name(child)) for child in reversed(children)
        )
    if wanted.has(".") or (len(record) == 0 and (record.text or "").strip()):
        values.add(".", "", "".join(record.itertext()).strip(), ())
    return values.chosen(wanted)


def _add_attributes(element: Any, place: str, values: _Values) -> None:
    if not element.attrib:
        return
    tag = local_name(element)
    attributes = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    selects = len(attributes) <= _MOST_SELECTING
    for name, value in attributes.items():
        path = f"{place}/@{name}" if place else f"@{name}"
        others = [other for key, other in attributes.items() if key != name and other] if selects else []
        selected = tuple(f"{start}={other}/@{name}" for other in others for start in {tag, place or tag})
        values.add(path, "|".join(others)[:_LONGEST_LABEL], value, (f"{tag}/@{name}", f"@{name}", *selected))


def _add_text(element: Any, place: str, text: str, values: _Values) -> None:
    tag = local_name(element)
    if not element.attrib:
        values.add(place, "", text, (tag,))
        return
    attributes = {name.rpartition("}")[2].lower(): value for name, value in element.attrib.items()}
    if not text.strip():
        text = next((attributes[name] for name in _VALUE_ATTRIBUTES if attributes.get(name)), text)
    labels = [
        label for name in _LABEL_ATTRIBUTES if (label := attributes.get(name, "")) and len(label) < _LONGEST_LABEL
    ]
    names = (tag, *labels, *(f"{start}={label}" for label in labels for start in {tag, place}))
    values.add(place, labels[0] if labels else "", text, names)


def _add_pair(children: list[Any], place: str, values: _Values) -> None:
    """Take `<name>主诉</name><value>咳嗽</value>` as a value of that name."""
    if len(children) > 12:
        return
    by_tag = {local_name(child).lower(): child for child in children}
    label = next((by_tag[tag] for tag in by_tag if tag in _NAME_CHILDREN), None)
    value = next((by_tag[tag] for tag in by_tag if tag in _VALUE_CHILDREN), None)
    if label is not None and value is not None and len(label) == 0 and (label.text or "").strip():
        name = (label.text or "").strip()[:_LONGEST_LABEL]
        values.add(place, name, "".join(value.itertext()), (name,))


def _inner_markup(element: Any) -> str:
    """Return what is written between the tags of an element, declarations of namespaces left out."""
    return (element.text or "") + "".join(_written(element))


def _written(element: Any) -> Iterator[str]:
    for child in element:
        yield _NAMESPACE.sub("", etree.tostring(child, encoding="unicode", with_tail=True))
