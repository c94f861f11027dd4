"""Reads tables, keys and indexes in the words that SQL Server, Oracle and SQLite share."""

from dataclasses import replace

from ingestion.migration.catalog import ForeignKey
from ingestion.migration.dump.schema import CheckState, ColumnState, IndexState, Place, Schema, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError

_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "INDEX", "KEY", "SUPPLEMENTAL", "PERIOD")
_ATTRIBUTES = frozenset(
    {"NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "IDENTITY", "AUTOINCREMENT",
     "GENERATED", "COLLATE", "ROWGUIDCOL", "SPARSE", "ENABLE", "DISABLE", "USING", "ENCODE", "AS", "VIRTUAL", "FOREIGN"}
)  # fmt: skip


def create_table(cursor: Cursor, schema: Schema, place: Place) -> None:
    """Read CREATE TABLE behind its name."""
    table = TableState(schema=place[0], name=place[1], definition=cursor.text)
    schema.tables[place] = table
    if not cursor.at("("):
        schema.note(f"{place[1]}: a table made by a query, whose columns are not known")
        return
    first, last = cursor.brackets()
    is_without_rowid = "WITHOUT" in {token.value.upper() for token in cursor.tokens[last:]}
    for start, end in cursor.parts(first, last):
        cursor.place = start
        if start == end:
            # SQL Server takes a comma behind the last part
            continue
        try:
            _read_part(cursor, schema, table, end)
        except (StatementError, ValueError, IndexError):
            schema.note(f"{place[1]}: a part of its statement is not understood")
    if schema.engine == "sqlite" and not is_without_rowid:
        _drop_row_number(table)


def _drop_row_number(table: TableState) -> None:
    """An INTEGER PRIMARY KEY of SQLite is the row's number and has no index; the catalog keeps the key alone."""
    key = table.primary_key
    column = table.column(key[0]) if len(key) == 1 else None
    if column is not None and column.source_type == "integer":
        for index in table.indexes:
            index.has_no_index = index.is_primary


def _read_part(cursor: Cursor, schema: Schema, table: TableState, end: int) -> None:
    token = cursor.tokens[cursor.place]
    if token.kind == "word" and token.value.upper() in _CONSTRAINTS:
        _read_constraint(cursor, schema, table, end)
    else:
        _read_column(cursor, schema, table, end)


def _read_constraint(cursor: Cursor, schema: Schema, table: TableState, end: int) -> None:
    name = cursor.name() if cursor.accept("CONSTRAINT") else None
    if cursor.accept("PRIMARY", "KEY") or cursor.accept("UNIQUE"):
        is_primary = cursor.tokens[cursor.place - 1].value.upper() == "KEY"
        cursor.accept_any("CLUSTERED", "NONCLUSTERED", "KEY", "INDEX")
        _add_key(table, name, _columns(cursor), is_primary=is_primary)
    elif cursor.accept("FOREIGN", "KEY"):
        columns = _columns(cursor)
        cursor.expect("REFERENCES")
        _add_reference(cursor, schema, table, name, columns)
    elif cursor.accept("CHECK"):
        cursor.accept("NOT", "FOR", "REPLICATION")
        table.checks.append(CheckState(name=name or "", text=cursor.raw(*cursor.brackets())))
    elif cursor.accept("DEFAULT"):
        text = _expression(cursor, end, stop="FOR")
        cursor.expect("FOR")
        column = table.column(cursor.name(), ignore_case=True)
        if column is not None:
            column.default = text
    elif cursor.accept("INDEX") and not cursor.at("("):
        name = cursor.name()
        cursor.accept_any("CLUSTERED", "NONCLUSTERED", "UNIQUE")
        table.indexes.append(IndexState(name=name, columns=_columns(cursor)))
    else:
        raise StatementError("an unknown constraint")


def _columns(cursor: Cursor) -> tuple[str, ...]:
    """Read names in brackets, without their direction; the text of an expression stands for itself."""
    first, last = cursor.brackets()
    behind = cursor.place
    found = []
    for start, end in cursor.parts(first, last):
        cursor.place = start
        is_name = end - start == 1 or cursor.tokens[start + 1].value.upper() in ("ASC", "DESC", "COLLATE")
        found.append(cursor.name() if is_name else cursor.raw(start, end))
    cursor.place = behind
    return tuple(found)


def _expression(cursor: Cursor, end: int, stop: str = "") -> str:
    start = cursor.place
    while cursor.place < end:
        if cursor.at("("):
            cursor.brackets()
            continue
        token = cursor.tokens[cursor.place]
        word = token.value.upper()
        if cursor.place > start and token.kind == "word" and (word in _ATTRIBUTES or word == stop):
            break
        cursor.next()
    return cursor.raw(start, cursor.place)


def _read_column(cursor: Cursor, schema: Schema, table: TableState, end: int) -> None:
    column = ColumnState(name=cursor.name(), source_type="")
    start = cursor.place
    while cursor.place < end:
        token = cursor.tokens[cursor.place]
        if token.kind == "word" and token.value.upper() in _ATTRIBUTES:
            break
        if cursor.at("("):
            cursor.brackets()
        else:
            cursor.next()
    column.source_type = " ".join(cursor.raw(start, cursor.place).lower().replace('"', "").split())
    column.source_type = column.source_type.replace(", ", ",").replace(" (", "(").replace("( ", "(").replace(" )", ")")
    table.columns.append(column)
    name: str | None = None
    while cursor.place < end:
        if cursor.accept("CONSTRAINT"):
            name = cursor.name()
            continue
        _read_attribute(cursor, schema, table, column, name, end)
        name = None


def _read_attribute(
    cursor: Cursor, schema: Schema, table: TableState, column: ColumnState, name: str | None, end: int
) -> None:
    if cursor.accept("NOT", "NULL"):
        column.is_nullable = False
    elif cursor.accept("DEFAULT"):
        cursor.accept("ON", "NULL")
        column.default = _expression(cursor, end)
    elif cursor.accept("PRIMARY", "KEY"):
        cursor.accept_any("CLUSTERED", "NONCLUSTERED")
        _add_key(table, name, (column.name,), is_primary=True)
    elif cursor.accept("UNIQUE"):
        cursor.accept_any("CLUSTERED", "NONCLUSTERED")
        _add_key(table, name, (column.name,), is_primary=False)
    elif cursor.accept("REFERENCES"):
        _add_reference(cursor, schema, table, name, (column.name,))
    elif cursor.accept("CHECK"):
        table.checks.append(CheckState(name=name or "", text=cursor.raw(*cursor.brackets())))
    elif cursor.accept_any("IDENTITY", "AUTOINCREMENT"):
        column.is_identity = True
    elif cursor.accept("AS"):
        if cursor.at("("):
            column.is_generated, column.default = True, cursor.raw(*cursor.brackets())
        elif cursor.accept("IDENTITY"):
            column.is_identity = True
    else:
        cursor.next()


def _add_key(table: TableState, name: str | None, columns: tuple[str, ...], *, is_primary: bool) -> None:
    label = "pk" if is_primary else f"{'_'.join(columns)}_key"
    table.indexes.append(
        IndexState(name=name or f"{table.name}_{label}", columns=columns, is_unique=True, is_primary=is_primary)
    )
    for column in table.columns if is_primary else ():
        column.is_nullable = column.is_nullable and column.name not in columns


def _add_reference(
    cursor: Cursor, schema: Schema, table: TableState, name: str | None, columns: tuple[str, ...]
) -> None:
    parts = cursor.qualified()
    table.foreign_keys.append(
        ForeignKey(
            name=name or f"{table.name}_{'_'.join(columns)}_fkey",
            columns=columns,
            referenced_schema=parts[-2] if len(parts) > 1 else schema.default_schema,
            referenced_table=parts[-1],
            referenced_columns=_columns(cursor) if cursor.at("(") else (),
        )
    )


def create_index(cursor: Cursor, schema: Schema, *, is_unique: bool) -> None:
    """Read CREATE INDEX behind that word."""
    name = cursor.qualified()[-1]
    cursor.expect("ON")
    parts = cursor.qualified()
    table = schema.tables.get((parts[-2] if len(parts) > 1 else schema.default_schema, parts[-1]))
    if table is None:
        schema.note("not carried out: CREATE INDEX of an unknown table")
        return
    table.indexes.append(IndexState(name=name, columns=_columns(cursor), is_unique=is_unique))


def alter_table(cursor: Cursor, schema: Schema, place: Place) -> None:
    """Carry out what ALTER TABLE adds; any other change is noted."""
    table = schema.tables.get(place)
    if cursor.accept("WITH"):
        cursor.accept_any("CHECK", "NOCHECK")
    if table is None or not cursor.accept("ADD"):
        # CHECK CONSTRAINT of SQL Server only switches one on
        if not cursor.at("CHECK", "CONSTRAINT"):
            schema.note("not carried out: ALTER TABLE")
        return
    cursor.accept("COLUMN")
    first, last = (cursor.place, len(cursor.tokens))
    if cursor.at("("):
        first, last = cursor.brackets()
    for start, end in cursor.parts(first, last):
        cursor.place = start
        _read_part(cursor, schema, table, end)


def finish_keys(schema: Schema) -> None:
    """Give references without columns those of the key they mean."""
    for table in schema.tables.values():
        found = []
        for key in table.foreign_keys:
            target = schema.tables.get((key.referenced_schema, key.referenced_table))
            columns = key.referenced_columns or (target.primary_key if target else ())
            found.append(replace(key, referenced_columns=columns))
        table.foreign_keys = found
