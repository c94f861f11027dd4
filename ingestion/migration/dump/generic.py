"""Reads the DDL of engines whose rows are not restored (SQL Server, Oracle, SQLite) with sqlglot: a catalog alone.

A table whose statement sqlglot cannot read is a table all the same, with a note.
"""

import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ingestion.migration.catalog import Catalog, ForeignKey, Routine, Trigger, View
from ingestion.migration.dump.files import DumpFile
from ingestion.migration.dump.schema import CheckState, ColumnState, IndexState, Schema, SequenceState, TableState

_DIALECTS = {"mssql": "tsql", "oracle": "oracle", "sqlite": "sqlite"}
_DEFAULT_SCHEMAS = {"mssql": "dbo", "oracle": "", "sqlite": "main"}
_NAME = r'((?:(?:\[[^\]]+\]|"[^"]+"|`[^`]+`|[\w$#]+)\s*\.\s*)*(?:\[[^\]]+\]|"[^"]+"|`[^`]+`|[\w$#]+))'
_HEADS = {
    kind: re.compile(rf"CREATE\s+(?:OR\s+(?:REPLACE|ALTER)\s+)?{words}\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
    for kind, words in {
        "table": r"(?:GLOBAL\s+TEMPORARY\s+)?TABLE",
        "view": r"(?:FORCE\s+|NOFORCE\s+|EDITIONABLE\s+)*VIEW",
        "materialized": r"MATERIALIZED\s+VIEW",
        "trigger": r"(?:EDITIONABLE\s+)?TRIGGER",
        "function": r"(?:EDITIONABLE\s+)?FUNCTION",
        "procedure": r"(?:EDITIONABLE\s+)?PROC(?:EDURE)?",
        "package": r"(?:EDITIONABLE\s+)?PACKAGE(?!\s+BODY)",
        "sequence": "SEQUENCE",
    }.items()
}
_INDEX = re.compile(
    rf"CREATE\s+(UNIQUE\s+)?(?:BITMAP\s+)?(?:NON)?(?:CLUSTERED\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}\s+ON\s+{_NAME}"
    r"\s*\((.*?)\)",
    re.IGNORECASE | re.DOTALL,
)
_TRIGGER = re.compile(rf"\b(BEFORE|AFTER|INSTEAD\s+OF|FOR)\b(.*?)\bON\s+{_NAME}|\bON\s+{_NAME}", re.IGNORECASE | re.DOTALL)
_TSQL_TRIGGER = re.compile(rf"\bON\s+{_NAME}\s+(BEFORE|AFTER|INSTEAD\s+OF|FOR)\b(.*?)\bAS\b", re.IGNORECASE | re.DOTALL)
_BODY = re.compile(r"CREATE\b[^;(]*?\b(?:TRIGGER|FUNCTION|PROC(?:EDURE)?|PACKAGE|TYPE\s+BODY)\b|DECLARE\b|BEGIN\b", re.IGNORECASE)
_PIECE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|;|^[ \t]*(?:GO|/)[ \t]*$|.", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_WORD = re.compile(r"\b(BEGIN|CASE|END)\b(\s+(?:IF|LOOP|CASE))?", re.IGNORECASE)


def read_generic(files: list[DumpFile], engine: str, database: str) -> Catalog:
    """Return the catalog that the scripts of an engine make; rows are noted, not restored."""
    schema = Schema(engine=engine, database=database, default_schema=_DEFAULT_SCHEMAS[engine])
    for file in files:
        for statement in _statements("".join(file.pieces()), engine):
            _execute(schema, statement)
    for table in schema.tables.values():
        table.foreign_keys = [
            key if key.referenced_columns else _resolved(schema, key) for key in table.foreign_keys
        ]
    schema.note(f"scripts of {engine}: the catalog only, rows are not restored")
    return schema.freeze()


def _statements(text: str, engine: str) -> Iterator[str]:
    """Yield statements; a body of a routine ends at GO or a slash, in SQLite with the END of a trigger."""
    start, parts = 0, []
    for match in _PIECE.finditer(text):
        part = match[0]
        is_batch_end = engine != "sqlite" and part.strip().upper() in ("GO", "/") and len(part.strip()) == len(part.strip("\n"))
        if part == ";" or (is_batch_end and (part.strip().upper() == "GO" or part.strip() == "/") and _is_alone(text, match)):
            statement = text[start : match.start()]
            plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", statement, flags=re.DOTALL).strip()
            if part == ";" and _BODY.match(plain) and (engine != "sqlite" or _is_open(plain)):
                continue
            if plain:
                parts.append(plain)
                yield plain
            start = match.end()
    rest = re.sub(r"--[^\n]*|/\*.*?\*/", " ", text[start:], flags=re.DOTALL).strip()
    if rest:
        yield rest


def _is_alone(text: str, match: re.Match[str]) -> bool:
    before = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    line = text[before : end if end >= 0 else len(text)]
    return line.strip().upper() in ("GO", "/")


def _is_open(statement: str) -> bool:
    depth = 0
    for match in _WORD.finditer(re.sub(r"'(?:[^']|'')*'", "''", statement)):
        depth += -1 if match[1].upper() == "END" else 1
    return depth > 0 or not re.search(r"\bBEGIN\b", statement, re.IGNORECASE)


def _place(schema: Schema, name: str) -> tuple[str, str]:
    parts = [part.strip().strip('[]"`') for part in re.split(r"\s*\.\s*", name)]
    plain = [part.upper() if schema.engine == "oracle" and '"' not in name else part for part in parts]
    return (plain[-2], plain[-1]) if len(plain) > 1 else (schema.default_schema, plain[-1])


def _execute(schema: Schema, statement: str) -> None:
    for kind, pattern in _HEADS.items():
        match = pattern.match(statement)
        if match is None:
            continue
        place = _place(schema, match[1])
        if kind == "table":
            _create_table(schema, statement, place)
        elif kind in ("view", "materialized"):
            schema.views[place] = View(
                schema=place[0], name=place[1], definition=statement, is_materialized=kind == "materialized"
            )
        elif kind == "trigger":
            _create_trigger(schema, statement, place)
        elif kind == "sequence":
            schema.sequences[place] = SequenceState()
        else:
            schema.routines[(*place, kind)] = Routine(
                schema=place[0], name=place[1], kind=kind, definition=statement, language=_DIALECTS[schema.engine]
            )
        return
    words = " ".join(re.findall(r"[A-Za-z]+", statement)[:2]).upper()
    if match := _INDEX.match(statement):
        _create_index(schema, match)
    elif words == "ALTER TABLE":
        _alter_table(schema, statement)
    elif words.startswith("INSERT"):
        schema.note("INSERT: rows are not restored")
    elif words.startswith(("CREATE", "EXEC", "MERGE", "UPDATE", "DELETE")) and "BODY" not in statement[:80].upper():
        schema.note(f"not carried out: {words}")


def _create_trigger(schema: Schema, statement: str, place: tuple[str, str]) -> None:
    found = _TSQL_TRIGGER.search(statement) if schema.engine == "mssql" else None
    if found:
        target, timing, words = found[1], found[2], found[3]
    else:
        other = _TRIGGER.search(statement)
        if other is None or other[3] is None:
            schema.note("not understood: CREATE TRIGGER")
            return
        target, timing, words = other[3], other[1], other[2]
    table = _place(schema, target)
    timing = " ".join(timing.lower().split())
    schema.triggers[(*table, place[1])] = Trigger(
        schema=table[0],
        name=place[1],
        table=table[1],
        timing="after" if timing == "for" else timing,
        events=tuple(event for event in ("insert", "update", "delete") if re.search(rf"\b{event}\b", words, re.IGNORECASE)),
        definition=statement,
    )


def _create_index(schema: Schema, match: re.Match[str]) -> None:
    table = schema.tables.get(_place(schema, match[3]))
    if table is None:
        schema.note("not carried out: CREATE INDEX of an unknown table")
        return
    columns = [re.sub(r"\s+(?:ASC|DESC)\s*$", "", part.strip(), flags=re.IGNORECASE) for part in match[4].split(",")]
    table.indexes.append(
        IndexState(
            name=_place(schema, match[2])[1],
            columns=tuple(_place(schema, column)[1] for column in columns),
            is_unique=bool(match[1]),
        )
    )


def _create_table(schema: Schema, statement: str, place: tuple[str, str]) -> None:
    table = TableState(schema=place[0], name=place[1], definition=statement)
    schema.tables[place] = table
    try:
        tree = sqlglot.parse_one(statement, dialect=_DIALECTS[schema.engine], error_level=sqlglot.ErrorLevel.RAISE)
    except (SqlglotError, ValueError, RecursionError):
        schema.note(f"{place[1]}: its statement cannot be read, so that its columns are not known")
        return
    body = tree.this if isinstance(tree, exp.Create) else None
    if not isinstance(body, exp.Schema):
        schema.note(f"{place[1]}: a table made by a query, whose columns are not known")
        return
    for part in body.expressions:
        if isinstance(part, exp.ColumnDef):
            _add_column(schema, table, part)
        else:
            _add_constraint(schema, table, part)


def _name(schema: Schema, node: exp.Expression | None) -> str:
    """Return a name; Oracle keeps what stands without quotes in capitals."""
    identifier = node.find(exp.Identifier) if node is not None else None
    if identifier is None:
        return node.name if node is not None else ""
    return identifier.name.upper() if schema.engine == "oracle" and not identifier.args.get("quoted") else identifier.name


def _add_column(schema: Schema, table: TableState, node: exp.ColumnDef) -> None:
    kind = node.args.get("kind")
    text = kind.sql(dialect=_DIALECTS[schema.engine]).lower() if kind is not None else ""
    column = ColumnState(name=_name(schema, node.this), source_type=text)
    table.columns.append(column)
    for part in node.args.get("constraints") or []:
        constraint, name = part.args.get("kind"), part.args.get("this")
        given = name.name if name is not None else None
        if isinstance(constraint, exp.NotNullColumnConstraint):
            column.is_nullable = bool(constraint.args.get("allow_null"))
        elif isinstance(constraint, exp.DefaultColumnConstraint):
            column.default = constraint.this.sql(dialect=_DIALECTS[schema.engine])
        elif isinstance(constraint, exp.PrimaryKeyColumnConstraint):
            _add_primary_key(table, given, (column.name,))
        elif isinstance(constraint, exp.UniqueColumnConstraint):
            _add_unique(table, given, (column.name,))
        elif isinstance(constraint, exp.GeneratedAsIdentityColumnConstraint | exp.AutoIncrementColumnConstraint):
            column.is_identity = True
        elif isinstance(constraint, exp.ComputedColumnConstraint):
            column.is_generated = True
        elif isinstance(constraint, exp.CheckColumnConstraint):
            table.checks.append(CheckState(name=given or "", text=constraint.this.sql(dialect=_DIALECTS[schema.engine])))
        elif isinstance(constraint, exp.Reference):
            _add_reference(schema, table, given, (column.name,), constraint)


def _add_constraint(schema: Schema, table: TableState, node: exp.Expression, given: str | None = None) -> None:
    if isinstance(node, exp.Constraint):
        for part in node.expressions:
            _add_constraint(schema, table, part, _name(schema, node.this))
    elif isinstance(node, exp.PrimaryKey | exp.PrimaryKeyColumnConstraint):
        _add_primary_key(table, given, _names(schema, node.expressions))
    elif isinstance(node, exp.UniqueColumnConstraint):
        columns = node.this.expressions if isinstance(node.this, exp.Schema) else node.expressions
        _add_unique(table, given, _names(schema, columns))
    elif isinstance(node, exp.ForeignKey):
        reference = node.args.get("reference")
        if reference is not None:
            _add_reference(schema, table, given, _names(schema, node.expressions), reference)
    elif isinstance(node, exp.CheckColumnConstraint | exp.Check):
        table.checks.append(CheckState(name=given or "", text=node.this.sql(dialect=_DIALECTS[schema.engine])))
    else:
        schema.note(f"{table.name}: a part of its statement is not understood ({type(node).__name__})")


def _names(schema: Schema, nodes: list[exp.Expression]) -> tuple[str, ...]:
    return tuple(_name(schema, node) for node in nodes)


def _add_primary_key(table: TableState, name: str | None, columns: tuple[str, ...]) -> None:
    table.indexes.append(
        IndexState(name=name or f"{table.name}_pk", columns=columns, is_unique=True, is_primary=True)
    )
    for column in table.columns:
        column.is_nullable = column.is_nullable and column.name not in columns


def _add_unique(table: TableState, name: str | None, columns: tuple[str, ...]) -> None:
    table.indexes.append(
        IndexState(name=name or f"{table.name}_{'_'.join(columns)}_key", columns=columns, is_unique=True)
    )


def _add_reference(
    schema: Schema, table: TableState, name: str | None, columns: tuple[str, ...], node: exp.Expression
) -> None:
    target = node.this.this if isinstance(node.this, exp.Schema) else node.this
    referenced = _names(schema, node.this.expressions) if isinstance(node.this, exp.Schema) else ()
    where = _place(schema, target.sql(dialect=_DIALECTS[schema.engine]))
    table.foreign_keys.append(
        ForeignKey(
            name=name or f"{table.name}_{'_'.join(columns)}_fkey",
            columns=columns,
            referenced_schema=where[0],
            referenced_table=where[1],
            referenced_columns=referenced,
        )
    )


def _alter_table(schema: Schema, statement: str) -> None:
    """Add the constraints of ALTER TABLE ... ADD; other changes are noted."""
    match = re.match(rf"ALTER\s+TABLE\s+{_NAME}\s+(?:WITH\s+(?:NO)?CHECK\s+)?ADD\s+(.*)", statement, re.IGNORECASE | re.DOTALL)
    table = schema.tables.get(_place(schema, match[1])) if match else None
    if match is None or table is None:
        if not re.search(r"\bCHECK\s+CONSTRAINT\b", statement, re.IGNORECASE):
            schema.note("not carried out: ALTER TABLE")
        return
    try:
        tree = sqlglot.parse_one(f"CREATE TABLE t ({match[2].strip().removeprefix('(').removesuffix(')') if match[2].strip().startswith('(') else match[2]})", dialect=_DIALECTS[schema.engine])  # fmt: skip
    except (SqlglotError, ValueError, RecursionError):
        schema.note(f"{table.name}: an ALTER TABLE that cannot be read")
        return
    for part in tree.this.expressions if isinstance(tree.this, exp.Schema) else []:
        if isinstance(part, exp.ColumnDef):
            _add_column(schema, table, part)
        else:
            _add_constraint(schema, table, part)


def _resolved(schema: Schema, key: ForeignKey) -> ForeignKey:
    target = schema.tables.get((key.referenced_schema, key.referenced_table))
    return ForeignKey(
        name=key.name,
        columns=key.columns,
        referenced_schema=key.referenced_schema,
        referenced_table=key.referenced_table,
        referenced_columns=target.primary_key if target else (),
    )
