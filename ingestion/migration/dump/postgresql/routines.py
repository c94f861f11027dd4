"""Reads what PostgreSQL makes besides tables: routines, triggers and types."""

import re

from ingestion.migration.catalog import Routine, Trigger, UserType
from ingestion.migration.dump.postgresql.names import find_table, new_place, places_of
from ingestion.migration.dump.schema import Place, Schema
from ingestion.migration.dump.tokens import Cursor

_TRIGGER_FUNCTIONS = frozenset(
    {"tsvector_update_trigger", "tsvector_update_trigger_column", "suppress_redundant_updates_trigger"}
)
"""Of the server itself."""


def create_routine(cursor: Cursor, schema: Schema, path: tuple[str, ...], kind: str) -> None:
    """Read CREATE FUNCTION, PROCEDURE or AGGREGATE behind that word."""
    namespace, name = new_place(cursor.qualified(), path)
    first, last = cursor.brackets()
    arguments = " ".join(cursor.raw(first, last).split())
    types = argument_types(cursor, first, last)
    returns, language = "", "internal" if kind == "aggregate" else "sql"
    if cursor.accept("RETURNS"):
        start = cursor.place
        while not cursor.is_done and not _is_option(cursor):
            if cursor.at("("):
                cursor.brackets()
            else:
                cursor.next()
        returns = cursor.raw(start, cursor.place)
    for place in range(cursor.place, len(cursor.tokens) - 1):
        if cursor.tokens[place].value.upper() == "LANGUAGE" and cursor.tokens[place].kind == "word":
            language = cursor.tokens[place + 1].value.lower()
            break
    schema.routines[namespace, name, types] = Routine(
        schema=namespace,
        name=name,
        kind=kind,
        arguments=arguments,
        returns=" ".join(returns.split()),
        language=language,
        definition=cursor.text,
    )


def create_trigger(cursor: Cursor, schema: Schema, path: tuple[str, ...]) -> None:
    """Read CREATE TRIGGER behind that word."""
    name = cursor.name()
    timing = cursor.next().value.lower()
    if timing == "instead":
        cursor.expect("OF")
        timing = "instead of"
    events = []
    while not cursor.accept("ON"):
        word = cursor.next().value.lower()
        if word in ("insert", "update", "delete", "truncate"):
            events.append(word)
    target = cursor.qualified()
    table = find_table(schema, target, path)
    if table is not None:
        place = table.place
    else:
        place = next((place for place in places_of(target, path) if place in schema.views), new_place(target, path))
    function = None
    while not cursor.is_done:
        if cursor.accept("EXECUTE"):
            cursor.next()
            function = ".".join(_function_place(schema, path, cursor.qualified()))
            break
        cursor.next()
    order = ("insert", "update", "delete", "truncate")
    schema.triggers[(*place, name)] = Trigger(
        schema=place[0],
        name=name,
        table=place[1],
        timing=timing,
        events=tuple(event for event in order if event in events),
        definition=cursor.text,
        function=function,
    )


def _function_place(schema: Schema, path: tuple[str, ...], name: tuple[str, ...]) -> Place:
    known = {key[:2] for key in schema.routines}
    if name[-1] in _TRIGGER_FUNCTIONS and len(name) == 1:
        return "pg_catalog", name[-1]
    return next((place for place in places_of(name, path) if place in known), new_place(name, path))


def create_type(cursor: Cursor, schema: Schema, path: tuple[str, ...], kind: str) -> None:
    """Read CREATE TYPE or DOMAIN behind that word."""
    namespace, name = new_place(cursor.qualified(), path)
    cursor.accept("AS")
    if kind == "DOMAIN":
        found = "domain"
    elif cursor.accept("ENUM"):
        found = "enum"
    elif cursor.accept("RANGE"):
        found = "range"
    elif cursor.at("("):
        found = "composite"
    else:
        # a base type, made of functions in C
        return
    definition = cursor.rest()
    if found in ("enum", "composite"):
        definition = cursor.raw(*cursor.brackets())
    schema.types[namespace, name] = UserType(schema=namespace, name=name, kind=found, definition=definition)


def argument_types(cursor: Cursor, first: int, last: int) -> str:
    """Return the types of a routine's arguments, by which overloads differ, with names and defaults left out."""
    types = []
    for start, end in cursor.parts(first, last):
        words = [token.value.lower() for token in cursor.tokens[start:end]]
        for stop in ("default", "="):
            if stop in words:
                words = words[: words.index(stop)]
        if words and words[0] in ("out", "table"):
            continue
        words = [word for word in words if word not in ("in", "inout", "variadic")]
        types.append(words)
    return ",".join(_type_of(words) for words in types)


_OPTIONS = (
    "LANGUAGE", "AS", "IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "CALLED", "SECURITY", "COST", "ROWS", "SET",
    "WINDOW", "PARALLEL", "LEAKPROOF", "NOT", "BEGIN", "RETURN", "SUPPORT", "TRANSFORM",
)  # fmt: skip
"""Words behind what a routine returns."""
_TYPE_WORDS = frozenset({"double", "character", "timestamp", "time", "bit", "national", "interval"})


def _type_of(words: list[str]) -> str:
    """Return the type of name and type, or of a type alone."""
    if len(words) > 1 and words[0] not in _TYPE_WORDS and words[1] not in (".", "(", "["):
        words = words[1:]
    text = " ".join(words).replace(" . ", ".").replace(" [ ]", "[]")
    text = re.sub(r"\s*\(.*?\)", "", text)
    return {"int": "integer", "int4": "integer", "varchar": "character varying", "bool": "boolean"}.get(text, text)


def _is_option(cursor: Cursor) -> bool:
    return any(cursor.at(word) for word in _OPTIONS)
