"""Turns rows of SQL Server's catalog views into a catalog; the queries are `mssql.QUERIES`.

Not run against a server. Every function takes the rows of one query, in whatever order they come.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
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

_WIDE = ("nchar", "nvarchar")
"""Two bytes a character in `max_length`."""
_SIZED = ("char", "varchar", "binary", "varbinary", *_WIDE)
_FRACTIONAL = ("datetime2", "datetimeoffset", "time")
_KINDS = {
    "P": ("procedure", "sql"),
    "PC": ("procedure", "clr"),
    "FN": ("function", "sql"),
    "IF": ("function", "sql"),
    "TF": ("function", "sql"),
    "FS": ("function", "clr"),
    "FT": ("function", "clr"),
    "AF": ("aggregate", "clr"),
}
_HISTORY_TABLE = 1
"""Value of `temporal_type`; 2 is a table that keeps its history elsewhere."""


def type_text(name: str, max_length: int, precision: int, scale: int) -> str:
    """Return a type as it is declared, from the numbers the views keep: lengths in bytes, -1 for max."""
    name = name.lower()
    if name == "sysname":
        return "nvarchar(128)"
    if name in _SIZED:
        size = "max" if max_length == -1 else str(max_length // 2 if name in _WIDE else max_length)
        return f"{name}({size})"
    if name in ("decimal", "numeric"):
        return f"{name}({precision},{scale})"
    if name in _FRACTIONAL:
        return f"{name}({scale})"
    # a timestamp of SQL Server is no time
    return {"timestamp": "rowversion"}.get(name, name)


def catalog_of(rows: Mapping[str, Rows], notes: Sequence[str] = ()) -> Catalog:
    """Return the catalog; a query that could not be asked is missing in `rows`."""
    version, database, default_schema, collation, code_page = rows["head"][0]
    told = list(notes)
    tables = _tables(rows, told)
    routines = _routines(rows, told)
    for name, reason in (("database_triggers", "a trigger of the database, not of a table"), ("synonyms", "a synonym")):
        told += sorted(f"{'.'.join(row)}: {reason}: to be looked at by hand" for row in rows.get(name, ()))
    return Catalog(
        engine="mssql",
        version=f"SQL Server {version}",
        database=database,
        default_schema=default_schema or "dbo",
        character_set=_character_set(code_page) or "",
        collation=collation or "",
        tables=tables,
        views=_views(rows, told),
        triggers=_triggers(rows, told),
        routines=routines,
        sequences=tuple(NumberSequence(schema=schema, name=name) for schema, name in sorted(rows.get("sequences", ()))),
        events=_events(rows.get("jobs", ())),
        types=_types(rows.get("types", ())),
        notes=tuple(told),
    )


def _character_set(code_page: int | None) -> str | None:
    if not code_page:
        return None
    return "utf8" if code_page == 65001 else f"cp{code_page}"


def _grouped(rows: Rows) -> defaultdict[Any, list[tuple[Any, ...]]]:
    found: defaultdict[Any, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row[1:])
    return found


def _tables(rows: Mapping[str, Rows], notes: list[str]) -> tuple[Table, ...]:
    columns, indexes = _grouped(rows["columns"]), _grouped(rows["indexes"])
    keys, checks = _grouped(rows["foreign_keys"]), _grouped(rows["checks"])
    tables = []
    for number, schema, name, comment, temporal, is_external, size, estimate in sorted(
        rows["tables"], key=lambda row: (row[1], row[2])
    ):
        place = f"{schema}.{name}"
        if is_external:
            notes.append(f"{place}: an external table, its rows lie elsewhere: left out")
            continue
        if temporal == _HISTORY_TABLE:
            notes.append(f"{place}: the history of a temporal table: left out")
            continue
        own = _indexes(indexes[number])
        table = Table(
            schema=schema,
            name=name,
            comment=comment or "",
            columns=tuple(_column(row) for row in sorted(columns[number])),
            primary_key=next((index.columns for index, _ in own if index.is_primary), ()),
            unique_keys=tuple(
                dict.fromkeys(
                    index.columns for index, is_key in own if index.is_unique and is_key and not index.is_primary
                )
            ),
            foreign_keys=_foreign_keys(keys[number]),
            indexes=tuple(index for index, _ in own),
            checks=tuple(_inner(text) for _, text in sorted(checks[number])),
            size_bytes=None if size is None else int(size),
            estimated_rows=None if estimate is None else int(estimate),
        )
        tables.append(replace(table, definition=compose_create_table(table, _quote)))
    return tuple(tables)


def _quote(name: str) -> str:
    return quote_name("mssql", name)


def _inner(text: str) -> str:
    """Return the text of an expression without the brackets the server puts around it."""
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for place, sign in enumerate(text):
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if depth == 0 and place < len(text) - 1:
                return text
        text = text[1:-1]
    return text


def _column(row: tuple[Any, ...]) -> Column:
    _, name, kind, length, precision, scale, nullable, identity, computed, text, comment, collation, code_page = row
    declared = type_text(kind, length, precision, scale)
    is_narrow = declared.split("(")[0] in ("char", "varchar", "text")
    return Column(
        name=name,
        source_type=declared,
        is_nullable=bool(nullable),
        default=None if text is None else _inner(text),
        comment=comment or "",
        is_generated=bool(computed),
        is_identity=bool(identity),
        character_set=_character_set(code_page) if is_narrow else None,
        collation=collation,
    )


def _indexes(rows: Rows) -> list[tuple[Index, bool]]:
    """Return the indexes, with whether they are over all rows and in force."""
    found = []
    for name, parts in sorted(_grouped(rows).items()):
        is_unique, is_primary, method, is_filtered, is_disabled = parts[0][:5]
        ordered = sorted((place or 0, number, column) for *_, column, place, number in parts)
        # an index by columns has no order of keys, all of its columns are included
        keys = [item for item in ordered if item[0]] or ordered
        index = Index(
            name=name,
            columns=tuple(column for *_, column in keys),
            is_unique=bool(is_unique),
            is_primary=bool(is_primary),
            method=str(method).lower(),
        )
        found.append((index, not is_filtered and not is_disabled))
    return found


def _foreign_keys(rows: Rows) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            name=name,
            columns=tuple(row[1] for row in sorted(parts)),
            referenced_schema=parts[0][2],
            referenced_table=parts[0][3],
            referenced_columns=tuple(row[4] for row in sorted(parts)),
        )
        for name, parts in sorted(_grouped(rows).items())
    )


def _text(text: str | None, place: str, what: str, notes: list[str]) -> str:
    """Return a definition; the server keeps encrypted ones, and those the account may not see, to itself."""
    if text is None:
        notes.append(f"{place}: the definition of the {what} is encrypted, or this account may not see it")
    return (text or "").strip()


def _views(rows: Mapping[str, Rows], notes: list[str]) -> tuple[View, ...]:
    return tuple(
        View(
            schema=schema,
            name=name,
            definition=_text(text, f"{schema}.{name}", "view", notes),
            is_materialized=bool(is_indexed),
            comment=comment or "",
        )
        for schema, name, text, is_indexed, comment in sorted(rows["views"], key=lambda row: row[:2])
    )


def _triggers(rows: Mapping[str, Rows], notes: list[str]) -> tuple[Trigger, ...]:
    parts: defaultdict[tuple[str, str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for schema, name, table, *rest in rows["triggers"]:
        parts[schema, table, name].append(tuple(rest))
    found = []
    for (schema, table, name), items in sorted(parts.items()):
        is_instead, _, text, is_disabled = items[0]
        place = f"{schema}.{table}.{name}"
        if is_disabled:
            notes.append(f"trigger {place}: is disabled")
        found.append(
            Trigger(
                schema=schema,
                name=name,
                table=table,
                timing="instead of" if is_instead else "after",
                events=tuple(sorted(str(item[1]).lower() for item in items)),
                definition=_text(text, place, "trigger", notes),
            )
        )
    return tuple(found)


def _routines(rows: Mapping[str, Rows], notes: list[str]) -> tuple[Routine, ...]:
    parameters = _grouped(rows["parameters"])
    found = []
    for number, schema, name, letters, text, comment in sorted(rows["routines"], key=lambda row: row[1:3]):
        kind, language = _KINDS[letters]
        arguments, returns = [], "table" if letters in ("IF", "TF", "FT") else ""
        for place, argument, *numbers, is_output in sorted(parameters[number]):
            declared = type_text(*numbers)
            if place == 0:
                returns = declared
            else:
                arguments.append(f"{argument} {declared}" + (" output" if is_output else ""))
        where = f"{schema}.{name}"
        found.append(
            Routine(
                schema=schema,
                name=name,
                kind=kind,
                arguments=", ".join(arguments),
                returns=returns,
                language=language,
                definition=_text(text, where, kind, notes) if language == "sql" else "",
                comment=comment or "",
            )
        )
    return tuple(found)


def _types(rows: Rows) -> tuple[UserType, ...]:
    found = []
    for schema, name, kind, length, precision, scale, nullable, is_table, is_assembly in sorted(rows):
        if is_table or is_assembly:
            what = UserType(schema=schema, name=name, kind="composite", definition="table" if is_table else "clr")
        else:
            base = type_text(kind, length, precision, scale)
            what = UserType(
                schema=schema, name=name, kind="domain", definition=base + ("" if nullable else " not null")
            )
        found.append(what)
    return tuple(found)


def _events(rows: Rows) -> tuple[Event, ...]:
    """Return one event for each step of a job, since a step is what does something."""
    return tuple(
        Event(
            schema="msdb",
            name=f"{job}.{number}.{step}",
            schedule="SQL Server Agent" + ("" if is_enabled else ", disabled"),
            definition=command or "",
        )
        for job, number, step, command, is_enabled in sorted(rows, key=lambda row: row[:3])
    )
