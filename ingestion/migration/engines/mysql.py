"""Reads the catalog of a MySQL (5.6 on) or MariaDB; a schema is a database.

The database of the URL counts, or all that are not the server's own when the URL names none. What an account may not
see its server hides without a word, so that missing rights are told in the notes.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from ingestion.migration.catalog import Catalog, Event, Routine, Sequence, Table, Trigger, View
from ingestion.migration.engines.mysql_tables import Server, read_tables, show_create, text_of
from ingestion.migration.source import Source

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")


def read_catalog(source: Source) -> Catalog:
    """Read all objects of the connected database."""
    version = text_of(source.scalar("select version()"))
    is_mariadb = "mariadb" in version.lower()
    server = Server(
        version=version,
        is_mariadb=is_mariadb,
        has_checks=_has(source, "CHECK_CONSTRAINTS", "CHECK_CLAUSE")
        and (not is_mariadb or _has(source, "CHECK_CONSTRAINTS", "TABLE_NAME")),
        has_index_expressions=_has(source, "STATISTICS", "EXPRESSION"),
        has_generation=_has(source, "COLUMNS", "GENERATION_EXPRESSION"),
    )
    schemas = _schemas(source)
    tables: list[Table] = []
    views: list[View] = []
    triggers: list[Trigger] = []
    routines: list[Routine] = []
    sequences: list[Sequence] = []
    events: list[Event] = []
    notes: list[str] = []
    for schema, _, _ in schemas:
        found, remarks = read_tables(source, server, schema)
        tables += found
        notes += remarks
        views += _views(source, schema, notes)
        triggers += _triggers(source, schema)
        routines += _routines(source, schema, notes)
        sequences += _sequences(source, schema)
        events += _events(source, schema)
        notes += _missing_rights(source, schema)
    is_one = len(schemas) == 1
    return Catalog(
        engine="mysql",
        version=("" if is_mariadb else "MySQL ") + version,
        database=source.address.database,
        default_schema=schemas[0][0] if is_one else "",
        character_set=schemas[0][1] if is_one else "",
        collation=schemas[0][2] if is_one else "",
        tables=tuple(tables),
        views=tuple(views),
        triggers=tuple(triggers),
        routines=tuple(routines),
        sequences=tuple(sequences),
        events=tuple(events),
        notes=tuple(notes),
    )


def _has(source: Source, view: str, column: str) -> bool:
    """Return whether a view of information_schema has a column: versions differ."""
    query = (
        "select count(*) from information_schema.columns "
        "where table_schema = 'information_schema' and table_name = :view and column_name = :column"
    )
    return bool(source.scalar(query, {"view": view, "column": column}))


def _schemas(source: Source) -> list[tuple[str, str, str]]:
    """Return name, character set and collation of the databases to read."""
    current = text_of(source.scalar("select database()"))
    rows = [
        (text_of(name), text_of(charset), text_of(collation))
        for name, charset, collation in source.rows(
            "select schema_name, default_character_set_name, default_collation_name from information_schema.schemata"
        )
    ]
    if not current:
        return sorted(row for row in rows if row[0].lower() not in _SYSTEM)
    exact = [row for row in rows if row[0] == current]
    # servers on case-insensitive file systems remember another case than the URL's
    return exact or [row for row in rows if row[0].lower() == current.lower()] or [(current, "", "")]


def _of_schema(source: Source, query: str, schema: str) -> list[tuple[Any, ...]]:
    return [row for row in source.rows(query, {"schema": schema}) if row[0] == schema]


def _views(source: Source, schema: str, notes: list[str]) -> list[View]:
    query = (
        "select table_schema, table_name, view_definition from information_schema.views where table_schema = :schema"
    )
    found = []
    for _, name, text in sorted(_of_schema(source, query, schema), key=lambda row: row[1]):
        definition = text_of(text)
        if not definition:
            notes.append(f"{schema}.{name}: this account may not see the definition of the view (SHOW VIEW)")
        found.append(View(schema=schema, name=name, definition=definition))
    return found


def _triggers(source: Source, schema: str) -> list[Trigger]:
    query = (
        "select trigger_schema, trigger_name, event_object_table, action_timing, event_manipulation, action_statement "
        "from information_schema.triggers where trigger_schema = :schema"
    )
    return [
        Trigger(
            schema=schema,
            name=name,
            table=table,
            timing=timing.lower(),
            events=tuple(text_of(event).lower().split(",")),
            definition=show_create(source, "trigger", schema, name) or text_of(text),
        )
        for _, name, table, timing, event, text in sorted(
            _of_schema(source, query, schema), key=lambda row: (row[2], row[1])
        )
    ]


def _routines(source: Source, schema: str, notes: list[str]) -> list[Routine]:
    query = (
        "select routine_schema, routine_name, routine_type, dtd_identifier, routine_definition, routine_comment "
        "from information_schema.routines where routine_schema = :schema"
    )
    arguments = _arguments(source, schema)
    found: list[Routine] = []
    for _, name, kind, returns, body, comment in sorted(_of_schema(source, query, schema), key=lambda row: row[1:3]):
        kind = text_of(kind).lower()
        definition = show_create(source, kind, schema, name) or text_of(body)
        if not definition:
            notes.append(f"{schema}.{name}: this account may not see the definition of the {kind}")
        if kind == "package body" and found and (found[-1].name, found[-1].kind) == (name, "package"):
            found[-1] = replace(found[-1], definition=f"{found[-1].definition}\n\n{definition}")
            continue
        is_aggregate = " aggregate function " in " ".join(definition[:500].lower().split())
        found.append(
            Routine(
                schema=schema,
                name=name,
                kind="aggregate" if is_aggregate else kind,
                arguments=", ".join(arguments[kind, name]),
                returns=text_of(returns),
                definition=definition,
                comment=text_of(comment),
            )
        )
    return found


def _arguments(source: Source, schema: str) -> defaultdict[tuple[str, str], list[str]]:
    """Return the parameters of each routine by its kind and name, as they are written."""
    query = (
        "select specific_schema, routine_type, specific_name, parameter_mode, parameter_name, dtd_identifier "
        "from information_schema.parameters where specific_schema = :schema and ordinal_position > 0 "
        "order by routine_type, specific_name, ordinal_position"
    )
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for _, kind, routine, mode, name, type_text in _of_schema(source, query, schema):
        shown = text_of(mode).lower() + " " if mode and kind == "PROCEDURE" else ""
        found[text_of(kind).lower(), routine].append(f"{shown}{name} {text_of(type_text)}")
    return found


def _sequences(source: Source, schema: str) -> list[Sequence]:
    query = (
        "select table_schema, table_name from information_schema.tables "
        "where table_schema = :schema and table_type = 'SEQUENCE'"
    )
    return [Sequence(schema=schema, name=name) for _, name in sorted(_of_schema(source, query, schema))]


def _events(source: Source, schema: str) -> list[Event]:
    query = (
        "select event_schema, event_name, event_type, execute_at, interval_value, interval_field, starts, ends, "
        "event_definition from information_schema.events where event_schema = :schema"
    )
    return [
        Event(
            schema=schema,
            name=name,
            schedule=_schedule(*rest),
            definition=show_create(source, "event", schema, name) or text_of(text),
        )
        for _, name, *rest, text in sorted(_of_schema(source, query, schema), key=lambda row: row[1])
    ]


def _schedule(kind: str, at: Any, value: Any, unit: Any, starts: Any, ends: Any) -> str:
    if kind == "ONE TIME":
        return f"AT '{at}'"
    text = f"EVERY {text_of(value)} {text_of(unit)}"
    return text + (f" STARTS '{starts}'" if starts else "") + (f" ENDS '{ends}'" if ends else "")


def _missing_rights(source: Source, schema: str) -> list[str]:
    """Return what the account is not told to have: without the right to it an object is not there at all."""
    rights = {
        text_of(right).upper()
        for (right,) in source.rows(
            "select privilege_type from information_schema.user_privileges "
            "where replace(grantee, '''', '') = current_user()"
        )
        + source.rows(
            "select privilege_type from information_schema.schema_privileges "
            "where :schema like table_schema and replace(grantee, '''', '') = current_user()",
            {"schema": schema},
        )
    }
    needs = {"TRIGGER": "triggers", "EVENT": "events", "EXECUTE": "functions and procedures"}
    return [
        f"{schema}: the account is not told to have {right}; there may be {what} that it cannot see"
        for right, what in sorted(needs.items())
        if right not in rights
    ]
