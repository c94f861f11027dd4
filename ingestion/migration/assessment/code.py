"""The code inside a legacy database, one item for each view, trigger, routine and event, read as text."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingestion.migration.catalog import Catalog

_NOISE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|''|\\.)*'", re.DOTALL)
KINDS = ("view", "trigger", "function", "procedure", "aggregate", "package", "event")


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeItem:
    """One piece of code; `name` is unique among those of its kind, and the same in every copy of the database."""

    kind: str
    name: str
    """view, table.trigger, function(arguments), with the schema before it outside the default one."""
    schema: str
    definition: str
    table: str = ""
    """Of a trigger."""
    timing: str = ""
    """Of a trigger: before, after or instead of."""
    returns: str = ""
    function: str = ""
    """Of a trigger in PostgreSQL: the function that it calls."""

    @property
    def sha256(self) -> str:
        """Return the fingerprint of the definition."""
        return hashlib.sha256(self.definition.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def lines(self) -> int:
        """Return the lines of code, without comments and blank lines."""
        return sum(bool(line.strip()) for line in self.code.splitlines())

    @property
    def code(self) -> str:
        """Return the definition in lower case, without comments, and with empty literals."""
        text = _NOISE.sub(lambda match: "''" if match[0].startswith("'") else " ", self.definition)
        return text.lower()


def code_items(catalog: Catalog) -> list[CodeItem]:
    """Return all code of a database, sorted by kind and name."""
    return sorted(_items(catalog), key=lambda item: (KINDS.index(item.kind), item.name))


def _items(catalog: Catalog) -> Iterator[CodeItem]:
    for view in catalog.views:
        name = qualified(catalog, view.schema, view.name)
        yield CodeItem(kind="view", name=name, schema=view.schema, definition=view.definition)
    for trigger in catalog.triggers:
        yield CodeItem(
            kind="trigger",
            name=f"{qualified(catalog, trigger.schema, trigger.table)}.{trigger.name}",
            schema=trigger.schema,
            definition=trigger.definition,
            table=trigger.table,
            timing=trigger.timing,
            function=trigger.function or "",
        )
    for routine in catalog.routines:
        name = qualified(catalog, routine.schema, routine.name)
        yield CodeItem(
            kind=routine.kind if routine.kind in KINDS else "function",
            name=f"{name}({' '.join(routine.arguments.split())})",
            schema=routine.schema,
            definition=routine.definition,
            returns=routine.returns.lower(),
        )
    for event in catalog.events:
        name = qualified(catalog, event.schema, event.name)
        yield CodeItem(kind="event", name=name, schema=event.schema, definition=event.definition)


def qualified(catalog: Catalog, schema: str, name: str) -> str:
    """Return a name with its schema outside the default one: a copy of the database has another name."""
    return name if schema == catalog.default_schema else f"{schema}.{name}"
