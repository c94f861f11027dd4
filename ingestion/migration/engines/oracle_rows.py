"""Turns rows of Oracle's catalog views into a catalog; the queries are `oracle.QUERIES`.

Not run against a server. Every function takes the rows of one query, in whatever order they come.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingestion.migration.catalog import (
    Catalog,
    Column,
    Event,
    ForeignKey,
    Index,
    Routine,
    Table,
    Trigger,
    UserType,
    View,
)
from ingestion.migration.catalog import Sequence as NumberSequence
from ingestion.migration.engines.create_text import compose_create_table
from ingestion.migration.source import quote_name

Rows = Sequence[tuple[Any, ...]]
Place = tuple[str, str]
"""Owner and name."""

_CHARACTER = ("CHAR", "VARCHAR2", "NCHAR", "NVARCHAR2")
_NOT_NULL = re.compile(r'\s*"[^"]+" IS NOT NULL\s*', re.IGNORECASE)
_TIMINGS = (("BEFORE", "before"), ("INSTEAD OF", "instead of"), ("AFTER", "after"), ("COMPOUND", "after"))
_WRAPPED = re.compile(r"^\s*(?:\w+\s+){1,3}\S+\s+wrapped\b", re.IGNORECASE)


def type_text(
    name: str, owner: str | None, length: int, characters: int | None, used: str | None, precision: Any, scale: Any
) -> str:
    """Return a type as it is declared; of NUMBER without a precision only the scale may be told."""
    if owner and owner not in ("SYS", "PUBLIC"):
        return f"{owner}.{name}".lower()
    if name in _CHARACTER:
        unit = " char" if used == "C" and not name.startswith("N") else ""
        return f"{name.lower()}({characters or length}{unit})"
    if name == "RAW":
        return f"raw({length})"
    if name == "NUMBER":
        if precision is None:
            # NUMBER(*,0), which INTEGER stands for
            return "number" if scale is None else f"number(38,{int(scale)})"
        return f"number({int(precision)},{int(scale or 0)})"
    if name == "FLOAT":
        return f"float({int(precision)})" if precision is not None else "float"
    # the fraction of a timestamp is part of its name
    return name.lower()


@dataclass(frozen=True, kw_only=True)
class _Keys:
    """The rows of the views of constraints and indexes by what they belong to."""

    constraints: Mapping[Place, Rows]
    columns: Mapping[Place, tuple[str, ...]]
    """Of a constraint, in its order."""
    tables: Mapping[Place, str]
    """Of a constraint: its table."""
    indexes: Mapping[Place, Rows]
    parts: Mapping[Place, Sequence[tuple[str, bool]]]
    """Of an index: columns or expressions, with whether it is an expression."""


def catalog_of(rows: Mapping[str, Rows]) -> Catalog:
    """Return the catalog; a query that could not be asked is missing in `rows`."""
    version, database, schema, character_set, collation = rows["head"][0]
    notes: list[str] = []
    return Catalog(
        engine="oracle",
        version=f"Oracle {version}",
        database=database or "",
        default_schema=schema,
        character_set=character_set or "",
        collation=collation or "",
        tables=_tables(rows, notes),
        views=_views(rows),
        triggers=_triggers(rows["triggers"], notes),
        routines=_routines(rows, notes),
        sequences=_sequences(rows),
        events=tuple(
            Event(
                schema=owner,
                name=name,
                schedule=" ".join(filter(None, (repeat, start and f"from {start}", enabled != "TRUE" and "disabled"))),
                definition=action or (f"program {program}" if program else ""),
            )
            for owner, name, repeat, start, enabled, program, action in sorted(rows["jobs"], key=lambda row: row[:2])
        ),
        types=_types(rows),
        notes=tuple(notes),
    )


def _grouped(rows: Rows, width: int = 2) -> defaultdict[Any, list[tuple[Any, ...]]]:
    """Return the rows by their first columns."""
    found: defaultdict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[:width]].append(row[width:])
    return found


def _keys(rows: Mapping[str, Rows]) -> _Keys:
    columns: defaultdict[Place, list[tuple[int, str]]] = defaultdict(list)
    tables: dict[Place, str] = {}
    for owner, name, table, place, column in rows["constraint_columns"]:
        columns[owner, name].append((place or 0, column))
        tables[owner, name] = table
    expressions = {(owner, name, place): text for owner, name, place, text in rows["index_expressions"]}
    parts: defaultdict[Place, list[tuple[str, bool]]] = defaultdict(list)
    for owner, name, place, column in sorted(rows["index_columns"], key=lambda row: row[:3]):
        expression = expressions.get((owner, name, place))
        # a column in descending order is kept as an expression that is only its quoted name
        plain = re.fullmatch(r'\s*"([^"]+)"\s*', expression) if expression else None
        if plain:
            parts[owner, name].append((plain[1], False))
        else:
            parts[owner, name].append((expression.strip(), True) if expression else (column, False))
    return _Keys(
        constraints=_grouped(rows["constraints"]),
        columns={place: tuple(column for _, column in sorted(items)) for place, items in columns.items()},
        tables=tables,
        indexes=_grouped(rows["indexes"]),
        parts=parts,
    )


def _tables(rows: Mapping[str, Rows], notes: list[str]) -> tuple[Table, ...]:
    keys, columns = _keys(rows), _grouped(rows["columns"])
    external = set(rows["external"])
    kept = set(rows["logs"]) | {(owner, container) for owner, _, _, container, _ in rows["materialized_views"]}
    tables = []
    for owner, name, estimate, temporary, nested, secondary, iot_type, partitioned, comment in sorted(
        rows["tables"], key=lambda row: row[:2]
    ):
        place = (owner, name)
        if place in kept or secondary == "Y" or (iot_type or "IOT") != "IOT":
            continue
        reason = (
            "an external table, its rows lie elsewhere" if place in external
            else "a temporary table" if temporary == "Y"
            else "a nested table, part of another" if nested == "YES"
            else ""
        )  # fmt: skip
        if reason:
            notes.append(f"{owner}.{name}: {reason}: left out")
            continue
        primary_key, foreign_keys, checks, primary_index = _constraints(place, keys, notes)
        indexes = _indexes(place, keys, primary_index)
        table = Table(
            schema=owner,
            name=name,
            comment=comment or "",
            columns=tuple(_column(place, row, notes) for row in sorted(columns[place], key=lambda row: row[0])),
            primary_key=primary_key,
            unique_keys=tuple(
                dict.fromkeys(
                    index.columns for index, is_key in indexes if index.is_unique and is_key and not index.is_primary
                )
            ),
            foreign_keys=foreign_keys,
            indexes=tuple(index for index, _ in indexes),
            checks=checks,
            is_partitioned=partitioned == "YES",
            estimated_rows=None if estimate is None else int(estimate),
        )
        tables.append(replace(table, definition=compose_create_table(table, _quote)))
    return tuple(tables)


def _quote(name: str) -> str:
    return quote_name("oracle", name)


def _column(place: Place, row: tuple[Any, ...], notes: list[str]) -> Column:
    _, name, kind, owner, length, characters, used, precision, scale, nullable, default, virtual, *rest = row
    identity, hidden, comment = rest
    if hidden == "YES":
        notes.append(f"{'.'.join(place)}.{name}: an invisible column; it travels, although `select *` leaves it out")
    return Column(
        name=name,
        source_type=type_text(kind, owner, length, characters, used, precision, scale),
        is_nullable=nullable == "Y",
        default=default.strip() if default else None,
        comment=comment or "",
        is_generated=virtual == "YES",
        is_identity=identity == "YES",
    )


def _constraints(
    place: Place, keys: _Keys, notes: list[str]
) -> tuple[tuple[str, ...], tuple[ForeignKey, ...], tuple[str, ...], str | None]:
    """Return primary key, foreign keys, checks, and the index of the primary key."""
    owner = place[0]
    primary_key: tuple[str, ...] = ()
    primary_index = None
    foreign_keys, checks = [], []
    for name, kind, other_owner, other, index, condition in sorted(keys.constraints[place], key=lambda row: row[0]):
        own = keys.columns.get((owner, name), ())
        if kind == "P":
            primary_key, primary_index = own, index
        elif kind == "C" and condition and not _NOT_NULL.fullmatch(condition):
            checks.append(condition.strip())
        elif kind == "R":
            if (other_owner, other) not in keys.tables:
                notes.append(f"{'.'.join(place)}: {name} refers to a table that this account may not see")
                continue
            foreign_keys.append(
                ForeignKey(
                    name=name,
                    columns=own,
                    referenced_schema=other_owner,
                    referenced_table=keys.tables[other_owner, other],
                    referenced_columns=keys.columns[other_owner, other],
                )
            )
    return primary_key, tuple(foreign_keys), tuple(checks), primary_index


def _indexes(place: Place, keys: _Keys, primary_index: str | None) -> list[tuple[Index, bool]]:
    """Return the indexes, with whether they are over plain columns and in force."""
    found = []
    for owner, name, kind, uniqueness, status in sorted(keys.indexes[place], key=lambda row: row[1]):
        parts = keys.parts.get((owner, name), ())
        index = Index(
            name=name,
            columns=tuple(text for text, _ in parts),
            is_unique=uniqueness == "UNIQUE",
            is_primary=name == primary_index,
            method=str(kind).lower(),
        )
        # the parts of a partitioned index have a state of their own, it says N/A
        found.append((index, status != "UNUSABLE" and bool(parts) and not any(is_text for _, is_text in parts)))
    return found


def _views(rows: Mapping[str, Rows]) -> tuple[View, ...]:
    plain = [
        View(schema=owner, name=name, definition=(text or "").strip(), comment=comment or "")
        for owner, name, text, comment in rows["views"]
    ]
    kept = [
        View(schema=owner, name=name, definition=(text or "").strip(), is_materialized=True, comment=comment or "")
        for owner, name, text, _, comment in rows["materialized_views"]
    ]
    return tuple(sorted(plain + kept, key=lambda view: (view.schema, view.name)))


def _triggers(rows: Rows, notes: list[str]) -> tuple[Trigger, ...]:
    found = []
    for owner, name, table_owner, table, base, kind, events, status, description, body in rows:
        if base not in ("TABLE", "VIEW"):
            notes.append(f"trigger {owner}.{name}: belongs to a {str(base).lower()}, to be looked at by hand")
            continue
        if status == "DISABLED":
            notes.append(f"trigger {table_owner}.{table}.{name}: is disabled")
        found.append(
            Trigger(
                schema=table_owner,
                name=name,
                table=table,
                timing=next((timing for word, timing in _TIMINGS if kind.startswith(word)), "after"),
                events=tuple(part.strip().lower() for part in events.split(" OR ")),
                definition=f"create or replace trigger {(description or name).strip()}\n{(body or '').strip()}",
            )
        )
    return tuple(sorted(found, key=lambda trigger: (trigger.schema, trigger.table, trigger.name)))


def _routines(rows: Mapping[str, Rows], notes: list[str]) -> tuple[Routine, ...]:
    sources = {
        place: "".join(text for _, text in sorted(lines)) for place, lines in _grouped(rows["source"], 3).items()
    }
    arguments, aggregates = _grouped(rows["arguments"]), set(rows["aggregates"])
    found = []
    for (owner, name, kind), text in sorted(sources.items()):
        if kind not in ("FUNCTION", "PROCEDURE", "PACKAGE"):
            continue
        if _WRAPPED.match(text):
            notes.append(f"{owner}.{name}: the definition is wrapped and cannot be read")
        listed, returns = [], ""
        for position, argument, data_type, mode in sorted(arguments[owner, name], key=lambda row: row[0]):
            if position == 0:
                returns = (data_type or "").lower()
            elif argument:
                listed.append(f"{argument} {mode.lower()} {(data_type or '').lower()}")
        body = sources.get((owner, name, "PACKAGE BODY")) if kind == "PACKAGE" else None
        found.append(
            Routine(
                schema=owner,
                name=name,
                kind="aggregate" if (owner, name) in aggregates else kind.lower(),
                arguments=", ".join(listed),
                returns=returns,
                language="plsql",
                definition="\n\n".join(f"create or replace {part.strip()}" for part in (text, body) if part),
            )
        )
    return tuple(found)


def _sequences(rows: Mapping[str, Rows]) -> tuple[NumberSequence, ...]:
    owners = {(owner, name): f"{table}.{column}" for owner, table, column, name in rows.get("identities", ())}
    return tuple(
        NumberSequence(schema=owner, name=name, owned_by=owners.get((owner, name)))
        for owner, name in sorted(rows["sequences"])
    )


def _types(rows: Mapping[str, Rows]) -> tuple[UserType, ...]:
    sources = {
        place: "".join(text for _, text in sorted(lines)) for place, lines in _grouped(rows["source"], 3).items()
    }
    return tuple(
        UserType(schema=owner, name=name, kind="composite", definition=sources.get((owner, name, "TYPE")) or code)
        for owner, name, code in sorted(rows["types"])
    )
