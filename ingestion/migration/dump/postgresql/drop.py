"""Carries out DROP and COMMENT ON of a PostgreSQL script."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

from ingestion.migration.dump.postgresql.names import find_table, places_of
from ingestion.migration.dump.postgresql.routines import argument_types
from ingestion.migration.dump.schema import Schema
from ingestion.migration.dump.tokens import Cursor


def drop(cursor: Cursor, schema: Schema, path: tuple[str, ...]) -> None:
    """Carry out DROP behind that word."""
    kind = cursor.next().value.upper()
    if kind == "MATERIALIZED":
        cursor.expect("VIEW")
        kind = "VIEW"
    cursor.accept("CONCURRENTLY")
    cursor.accept("IF", "EXISTS")
    while not cursor.is_done and not any(cursor.at(word) for word in ("CASCADE", "RESTRICT")):
        name = cursor.qualified()
        types = argument_types(cursor, *cursor.brackets()) if cursor.at("(") else None
        if cursor.accept("ON"):
            target = find_table(schema, cursor.qualified(), path)
            if kind == "TRIGGER" and target:
                schema.triggers.pop((*target.place, name[-1]), None)
            return
        _drop_one(schema, path, kind, name, types)
        cursor.accept(",")


def _drop_one(schema: Schema, path: tuple[str, ...], kind: str, name: tuple[str, ...], types: str | None) -> None:
    places = places_of(name, path)
    if kind == "TABLE":
        table = find_table(schema, name, path)
        if table:
            schema.drop_table(table.place)
    elif kind == "SCHEMA":
        for table in [table for table in schema.tables.values() if table.schema == name[-1]]:
            schema.drop_table(table.place)
        everything: tuple[MutableMapping[Any, Any], ...] = (
            schema.views, schema.routines, schema.sequences, schema.types,
        )  # fmt: skip
        for held in everything:
            for key in [key for key in held if key[0] == name[-1]]:
                held.pop(key)
    elif kind in ("FUNCTION", "PROCEDURE", "AGGREGATE", "ROUTINE"):
        for key in [key for key in schema.routines if key[:2] in places and types in (None, key[2])]:
            schema.routines.pop(key)
    elif kind == "INDEX":
        for table in schema.tables.values():
            table.indexes = [index for index in table.indexes if (table.schema, index.name) not in places]
    else:
        kinds: dict[str, MutableMapping[Any, Any]] = {
            "VIEW": schema.views, "SEQUENCE": schema.sequences, "TYPE": schema.types, "DOMAIN": schema.types,
        }  # fmt: skip
        for place in places:
            kinds.get(kind, {}).pop(place, None)


def comment(cursor: Cursor, schema: Schema, path: tuple[str, ...]) -> None:
    """Carry out COMMENT ON behind those words."""
    kind = cursor.next().value.upper()
    if kind == "MATERIALIZED":
        cursor.expect("VIEW")
        kind = "VIEW"
    name = cursor.qualified()
    types = argument_types(cursor, *cursor.brackets()) if cursor.at("(") else None
    if not cursor.accept("IS"):
        return
    token = cursor.next()
    text = token.value if token.kind == "string" else ""
    if kind == "TABLE" and (table := find_table(schema, name, path)):
        table.comment = text
    elif kind == "COLUMN" and (table := find_table(schema, name[:-1], path)) and (column := table.column(name[-1])):
        column.comment = text
    elif kind == "VIEW":
        for place in places_of(name, path):
            if place in schema.views:
                schema.views[place] = replace(schema.views[place], comment=text)
    elif kind in ("FUNCTION", "PROCEDURE", "AGGREGATE"):
        for key in [key for key in schema.routines if key[:2] in places_of(name, path)]:
            if types in (None, key[2]):
                schema.routines[key] = replace(schema.routines[key], comment=text)
