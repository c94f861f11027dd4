"""Reads the DDL of engines whose rows are not restored (SQL Server, Oracle, SQLite): a catalog alone.

Not run against a server of SQL Server or Oracle. A table whose statement cannot be read is a table all the same, with a
note. Names that the engine makes by itself, of indexes under keys, are made up here: theirs are random.
"""

import re
from collections.abc import Iterator

from ingestion.migration.catalog import Catalog, Routine, Trigger, UserType, View
from ingestion.migration.dump.files import DumpFile
from ingestion.migration.dump.generic_tables import alter_table, create_index, create_table, finish_keys
from ingestion.migration.dump.schema import Place, Schema, SequenceState
from ingestion.migration.dump.tokens import Cursor, StatementError

_DEFAULT_SCHEMAS = {"mssql": "dbo", "oracle": "", "sqlite": "main"}
_LARGEST_FILE = 1 << 26
_BRACKET_NAME = re.compile(r"'(?:[^']|'')*'|\[([^\]\n]+)\]|`([^`\n]+)`")
_PIECE = re.compile(
    r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|;|^[ \t]*(?:GO|/)[ \t]*$|[^'\";\-/\n]+|.",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_BODY = re.compile(
    r"(?:CREATE|ALTER)\b[^;(]*?\b(?:TRIGGER|FUNCTION|PROC(?:EDURE)?|PACKAGE|TYPE\s+BODY)\b|DECLARE\b|BEGIN\b",
    re.IGNORECASE,
)
_NEXT_STATEMENT = re.compile(r"(?<=\))\s*\n\s*(?=(?:CREATE|ALTER|INSERT)\s)", re.IGNORECASE)
_WORD = re.compile(r"'(?:[^']|'')*'|\b(BEGIN|CASE|END)\b", re.IGNORECASE)
_IGNORED = ("SET", "USE", "PRINT", "GRANT", "PRAGMA", "BEGIN", "COMMIT", "DROP", "PROMPT", "SPOOL", "EXIT", "CONNECT")


def read_generic(files: list[DumpFile], engine: str, database: str) -> Catalog:
    """Return the catalog that the scripts of an engine make; rows are noted, not restored."""
    schema = Schema(engine=engine, database=database, default_schema=_DEFAULT_SCHEMAS[engine])
    for file in files:
        if file.path.stat().st_size > _LARGEST_FILE:
            schema.note(f"{file.path.name}: too large for a script of definitions, left out")
            continue
        for statement in _statements("".join(file.pieces()), engine):
            try:
                _execute(schema, statement)
            except (StatementError, ValueError, IndexError):
                words = " ".join(re.findall(r"[A-Za-z]+", statement)[:2]).upper()
                schema.note(f"not understood: {words}")
    finish_keys(schema)
    schema.note(f"scripts of {engine}: the catalog only, rows are not restored")
    return schema.freeze()


def _statements(text: str, engine: str) -> Iterator[str]:
    """Yield statements without comments; a body of a routine ends at GO or a slash, in SQLite with its END."""
    start = 0
    for match in _PIECE.finditer(text):
        part = match[0].strip().upper()
        is_batch_end = part in ("GO", "/") and engine != "sqlite" and _is_alone(text, match)
        if part != ";" and not is_batch_end:
            continue
        statement = _without_comments(text[start : match.start()])
        if part == ";" and _BODY.match(statement) and (engine != "sqlite" or _is_open(statement)):
            continue
        start = match.end()
        yield from _split(statement, engine)
    yield from _split(_without_comments(text[start:]), engine)


def _split(statement: str, engine: str) -> list[str]:
    """Return the statements of what lies between two ends; SQL Server needs no semicolon between them."""
    if engine != "mssql" or _BODY.match(statement):
        return [statement] if statement else []
    return [part.strip() for part in _NEXT_STATEMENT.split(statement) if part.strip()]


def _without_comments(text: str) -> str:
    return _COMMENT.sub(lambda match: match[0] if match[0][0] == "'" else " ", text).strip()


def _is_alone(text: str, match: re.Match[str]) -> bool:
    first = text.rfind("\n", 0, match.start()) + 1
    last = text.find("\n", match.end())
    return text[first : last if last >= 0 else len(text)].strip().upper() in ("GO", "/")


def _is_open(statement: str) -> bool:
    words = [match[1].upper() for match in _WORD.finditer(statement) if match[1]]
    return "BEGIN" not in words or len(words) > 2 * words.count("END")


def _execute(schema: Schema, statement: str) -> None:
    plain = _BRACKET_NAME.sub(
        lambda match: match[0] if match[0][0] == "'" else '"' + (match[1] or match[2]).replace('"', '""') + '"',
        statement,
    )
    cursor = Cursor(plain, schema.engine)
    if cursor.accept("ALTER", "TABLE"):
        alter_table(cursor, schema, place_of(cursor, schema))
        return
    if not cursor.accept("CREATE"):
        first = cursor.tokens[0].value.upper() if cursor.tokens else ""
        if first in ("INSERT", "MERGE"):
            schema.note(f"{first}: rows are not restored")
        elif first not in _IGNORED:
            schema.note(f"not carried out: {first if first.isalpha() else 'a statement'}")
        return
    if cursor.accept("OR"):
        cursor.next()
    is_unique = False
    while word := cursor.accept_any("FORCE", "NOFORCE", "EDITIONABLE", "NONEDITIONABLE", "UNIQUE", "CLUSTERED",
                                    "NONCLUSTERED", "BITMAP", "PUBLIC"):  # fmt: skip
        is_unique = is_unique or word == "UNIQUE"
    is_temporary = bool(cursor.accept_any("TEMP", "TEMPORARY"))
    cursor.accept("GLOBAL", "TEMPORARY")
    kind = cursor.next().value.upper()
    is_materialized = kind == "MATERIALIZED" and cursor.accept("VIEW")
    cursor.accept("IF", "NOT", "EXISTS")
    if is_temporary or kind in ("DATABASE", "USER", "SCHEMA", "LOGIN", "ROLE", "TABLESPACE", "SYNONYM"):
        return
    if kind == "TABLE":
        create_table(cursor, schema, place_of(cursor, schema))
    elif kind == "INDEX":
        create_index(cursor, schema, is_unique=is_unique)
    elif kind == "VIEW" or is_materialized:
        place = place_of(cursor, schema)
        schema.views[place] = View(
            schema=place[0], name=place[1], definition=statement, is_materialized=is_materialized
        )
    elif kind == "TRIGGER":
        _create_trigger(cursor, schema, statement)
    elif kind in ("FUNCTION", "PROCEDURE", "PROC", "PACKAGE"):
        if cursor.accept("BODY"):
            return
        place = place_of(cursor, schema)
        name = "procedure" if kind == "PROC" else kind.lower()
        schema.routines[(*place, name)] = Routine(
            schema=place[0], name=place[1], kind=name, definition=statement,
            language="plsql" if schema.engine == "oracle" else "sql",
        )  # fmt: skip
    elif kind == "TYPE":
        if not cursor.accept("BODY"):
            place = place_of(cursor, schema)
            schema.types[place] = UserType(schema=place[0], name=place[1], kind="composite", definition=cursor.rest())
    elif kind == "SEQUENCE":
        schema.sequences[place_of(cursor, schema)] = SequenceState()
    else:
        schema.note(f"not carried out: CREATE {kind if kind.isalpha() else ''}".strip())


def place_of(cursor: Cursor, schema: Schema) -> Place:
    """Read a name and return schema and name of what it names."""
    name = cursor.qualified()
    return (name[-2], name[-1]) if len(name) > 1 else (schema.default_schema, name[-1])


def _create_trigger(cursor: Cursor, schema: Schema, statement: str) -> None:
    """Read a trigger; SQL Server tells the table first, Oracle and SQLite when it fires."""
    name = place_of(cursor, schema)[1]
    timing, events = "", []
    table: Place | None = None
    for _ in range(len(cursor.tokens)):
        if cursor.is_done or any(cursor.at(word) for word in ("AS", "BEGIN", "DECLARE", "WHEN")):
            break
        if cursor.accept("ON"):
            table = place_of(cursor, schema)
            if schema.engine != "mssql":
                break
        elif word := cursor.accept_any("BEFORE", "AFTER", "FOR", "INSTEAD"):
            timing = {"FOR": "after", "INSTEAD": "instead of"}.get(word, word.lower())
            if cursor.accept("EACH"):
                break
        elif word := cursor.accept_any("INSERT", "UPDATE", "DELETE"):
            events.append(word.lower())
        else:
            cursor.next()
    if table is None:
        raise StatementError("a trigger without a table")
    schema.triggers[(*table, name)] = Trigger(
        schema=table[0],
        name=name,
        table=table[1],
        # SQLite fires before where nothing is told
        timing=timing or "before",
        events=tuple(event for event in ("insert", "update", "delete") if event in events),
        definition=statement,
    )
