"""Reads a YAML document whose scalars are all text, and knows the line of each of its fields.

YAML would turn `1` into a number, `no` into false and `NULL` into nothing; in a mapping they are the hospital's codes.
An empty value is no value. Messages name the file, the line, the field and the remedy.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from lakehouse.errors import SettingsError

Place = tuple[str | int, ...]
"""Where a field stands: keys and positions from the top."""


@dataclass(slots=True)
class Document:
    """The content of one YAML file, the line of each place in it, and what is wrong with it."""

    path: Path
    content: dict[str, Any]
    lines: dict[Place, int]
    problems: list[str] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """Return the line of a field, or of what it should stand in."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, message: str) -> str:
        """Return a message with the place it is about."""
        return f"line {self.line(place)}, {shown_place(place)}: {message}" if place else f"line 1: {message}"

    def error(self, problems: Sequence[str]) -> SettingsError:
        """Return the error that tells all problems."""
        ordered = sorted(problems, key=lambda problem: int(problem[len("line ") :].partition(",")[0].partition(":")[0]))
        return SettingsError(f"mapping {self.path}: " + "; ".join(ordered))


def shown_place(place: Place) -> str:
    """Return a place as a reader of the file would say it: files[2].reader.delimiter, counted from 1."""
    text = ""
    for part in place:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def meant(word: str, known: Iterable[str]) -> str:
    """Return the part of a message that proposes the word that was probably meant, or names all there are."""
    options = sorted(known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return "it is one of " + ", ".join(options)


def read_document(path: Path) -> Document:
    """Read a YAML file.

    Raises SettingsError when it is missing, no YAML in UTF-8, or no object at its top.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except FileNotFoundError as error:
        raise SettingsError(f"mapping {path} is missing: name an existing file") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"mapping {path}: not in UTF-8: save it in UTF-8") from error
    except (OSError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"mapping {path}{place}: not YAML ({getattr(error, 'problem', None) or type(error).__name__}): "
            "look for a tabulator, a missing quote or a wrong indent there"
        ) from error
    document = Document(path=path, content={}, lines={})
    content = _value(node, (), document) if node is not None else None
    if not isinstance(content, dict):
        raise SettingsError(f"mapping {path}, line 1: needs source and files at the top, see docs/mapping.md")
    document.content = content
    return document


def _value(node: yaml.Node, place: Place, document: Document) -> Any:
    document.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*place, key)
            if key in found:
                first = document.lines[inner]
                document.problems.append(
                    f"line {key_node.start_mark.line + 1}, {shown_place(inner)}: stands twice, first in line {first}: "
                    "remove one"
                )
            document.lines[inner] = key_node.start_mark.line + 1
            found[key] = _value(value_node, inner, document)
        return {key: value for key, value in found.items() if value is not None}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*place, position), document) for position, item in enumerate(node.value)]
    is_empty = isinstance(node, yaml.ScalarNode) and node.value == "" and node.style is None
    return None if is_empty else node.value


def describe_errors(document: Document, error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Say of each error of validation where it is and what to do."""
    problems = []
    for item in error.errors():
        place = tuple(part for part in item["loc"] if part != "[key]")
        problems.append(document.problem(place, _remedy(item, place, model)))
    return problems


def _remedy(item: Any, place: Place, model: type[BaseModel]) -> str:
    kind, last = item["type"], str(place[-1]) if place else ""
    if kind == "extra_forbidden":
        return f"unknown field; {meant(last, _fields_at(model, place[:-1]))}"
    if kind == "missing":
        return "is missing: add it"
    if kind == "literal_error":
        options = [part.strip(" '") for part in item["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{str(item['input'])!r} is unknown; {meant(str(item['input']), options)}"
    if kind in ("dict_type", "model_type"):
        return "needs fields of its own below it (name: value)"
    if kind in ("tuple_type", "list_type"):
        return "needs a list ([a, b], or lines that begin with -)"
    if kind == "string_type":
        return "needs one word or text; quote it if it has signs of YAML in it"
    if kind == "too_short":
        return "is empty: add at least one"
    if kind == "string_pattern_mismatch":
        return "is no interval of ISO 8601; write P1D, P7D, P1W or PT6H"
    return str(item["msg"])


def _fields_at(model: type[BaseModel], place: Place) -> list[str]:
    """Return the fields of the part of a model that stands at a place."""
    current: Any = model
    for part in place:
        if isinstance(part, int):
            continue
        annotation = current.model_fields[part].annotation
        current = next((item for item in _flatten(annotation) if isinstance(item, type) and _is_model(item)), None)
        if current is None:
            return []
    return list(current.model_fields)


def _flatten(annotation: Any) -> list[Any]:
    parts = getattr(annotation, "__args__", ())
    return [annotation, *(item for part in parts for item in _flatten(part))]


def _is_model(item: type) -> bool:
    return issubclass(item, BaseModel)
