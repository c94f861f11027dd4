"""Carries out ALTER of tables, indexes, sequences and types of a PostgreSQL script."""

from collections.abc import Collection
from dataclasses import replace

from ingestion.migration.dump.postgresql.indexes import attach, partitions, set_not_null
from ingestion.migration.dump.postgresql.names import find_table, own_sequence
from ingestion.migration.dump.postgresql.tables import TableItems
from ingestion.migration.dump.postgresql.types import read_type
from ingestion.migration.dump.schema import ColumnState, Place, Schema, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError


def alter(cursor: Cursor, schema: Schema, path: tuple[str, ...]) -> None:
    """Carry out an ALTER whose first word was read."""
    kind = cursor.next().value.upper()
    if kind not in ("TABLE", "INDEX", "SEQUENCE", "TYPE"):
        return
    cursor.accept("IF", "EXISTS")
    is_only = cursor.accept("ONLY")
    name = cursor.qualified()
    cursor.accept("*")
    if kind == "INDEX":
        _alter_index(cursor, schema, name)
    elif kind == "SEQUENCE":
        _alter_sequence(cursor, schema, name, path)
    elif kind == "TYPE":
        _alter_type(cursor, schema, name, path)
    elif cursor.accept("OWNER") or cursor.accept("REPLICA"):
        return
    else:
        _alter_table(cursor, schema, name, path, is_only=is_only)


def _place(name: tuple[str, ...], path: tuple[str, ...], known: Collection[Place]) -> Place:
    if len(name) > 1:
        return name[-2], name[-1]
    return next(((one, name[0]) for one in path if (one, name[0]) in known), ((path or ("public",))[0], name[0]))


def _alter_table(
    cursor: Cursor, schema: Schema, name: tuple[str, ...], path: tuple[str, ...], *, is_only: bool
) -> None:
    table = find_table(schema, name, path)
    if table is None:
        place = _place(name, path, schema.views)
        if place in schema.views:
            if cursor.accept("RENAME", "TO"):
                view = schema.views.pop(place)
                new = cursor.name()
                schema.views[place[0], new] = replace(view, name=new)
            return
        if _place(name, path, schema.sequences) in schema.sequences:
            _alter_sequence(cursor, schema, name, path)
            return
        raise StatementError("of an unknown table")
    for start, end in cursor.parts(cursor.place, len(cursor.tokens)):
        cursor.place = start
        _alter_one(cursor, schema, table, path, end, is_only=is_only)


def _alter_one(
    cursor: Cursor, schema: Schema, table: TableState, path: tuple[str, ...], end: int, *, is_only: bool
) -> None:
    items = TableItems(cursor, schema, table, path)
    items.end, items.is_only = end, is_only
    if cursor.accept("ADD"):
        if items.at_constraint():
            items.read_constraint()
            return
        cursor.accept("COLUMN")
        if cursor.accept("IF", "NOT", "EXISTS") and table.column(cursor.tokens[cursor.place].value):
            return
        column = items.read_column()
        for child in () if is_only else partitions(schema, table):
            child.columns.append(replace(column))
    elif cursor.accept("ATTACH", "PARTITION"):
        part = find_table(schema, cursor.qualified(), path)
        if part is None:
            raise StatementError("ATTACH of an unknown table")
        part.bound = cursor.raw(cursor.place, end)
        attach(schema, table, part)
    elif cursor.accept("DETACH", "PARTITION"):
        part = find_table(schema, cursor.qualified(), path)
        if part is not None:
            part.partition_of, part.bound = None, ""
    elif cursor.accept("ALTER"):
        cursor.accept("COLUMN")
        known = table.column(cursor.name())
        if known is None:
            raise StatementError("of an unknown column")
        _alter_column(cursor, schema, table, known, items, end)
    elif cursor.accept("DROP"):
        _drop(cursor, schema, table)
    elif cursor.accept("RENAME"):
        _rename(cursor, schema, table)
    elif cursor.accept("SET", "SCHEMA"):
        _move(schema, table, cursor.name(), table.name)
    elif cursor.accept("INHERIT"):
        parent = find_table(schema, cursor.qualified(), path)
        if parent is not None:
            table.parents.append(parent.place)
    elif cursor.accept("NO", "INHERIT"):
        parent = find_table(schema, cursor.qualified(), path)
        table.parents = [place for place in table.parents if parent is None or place != parent.place]


def _alter_column(
    cursor: Cursor, schema: Schema, table: TableState, column: ColumnState, items: TableItems, end: int
) -> None:
    same = [column, *(own for child in partitions(schema, table) if (own := child.column(column.name)))]
    if cursor.accept("SET", "DEFAULT"):
        items.set_default(column, cursor.raw(cursor.place, end))
        for one in same[1:]:
            one.default, one.default_token, one.sequence = column.default, column.default_token, column.sequence
    elif cursor.accept("DROP", "DEFAULT"):
        for one in same:
            one.default = one.default_token = None
    elif cursor.accept("SET", "NOT", "NULL"):
        set_not_null(schema, table, (column.name,))
    elif cursor.accept("DROP", "NOT", "NULL"):
        for one in same:
            one.is_nullable = True
    elif cursor.accept("TYPE") or cursor.accept("SET", "DATA", "TYPE"):
        text = read_type(cursor, schema, items.path)
        for one in same:
            one.source_type = text
    elif cursor.accept("ADD", "GENERATED"):
        items.read_generated(column)
    elif cursor.accept("DROP", "IDENTITY"):
        column.is_identity = False


def _drop(cursor: Cursor, schema: Schema, table: TableState) -> None:
    if cursor.accept("CONSTRAINT"):
        cursor.accept("IF", "EXISTS")
        name = cursor.name()
        for one in (table, *partitions(schema, table)):
            place = (table.schema, name)
            one.indexes = [index for index in one.indexes if index.name != name and index.parent != place]
            one.checks = [check for check in one.checks if check.name != name]
            one.foreign_keys = [key for key in one.foreign_keys if key.name != name]
        return
    cursor.accept("COLUMN")
    cursor.accept("IF", "EXISTS")
    name = cursor.name()
    for one in (table, *partitions(schema, table)):
        column = one.column(name)
        if column is not None and column.sequence is not None:
            owned = schema.sequences.get(column.sequence)
            if owned is not None and owned.owner == one.place:
                schema.sequences.pop(column.sequence)
        one.drop_column(name)


def _rename(cursor: Cursor, schema: Schema, table: TableState) -> None:
    if cursor.accept("TO"):
        _move(schema, table, table.schema, cursor.name())
        return
    if cursor.accept("CONSTRAINT"):
        old = cursor.name()
        cursor.expect("TO")
        new = cursor.name()
        for index in table.indexes:
            index.name = new if index.name == old else index.name
        for check in table.checks:
            check.name = new if check.name == old else check.name
        table.foreign_keys = [replace(key, name=new) if key.name == old else key for key in table.foreign_keys]
        return
    cursor.accept("COLUMN")
    old = cursor.name()
    cursor.expect("TO")
    new = cursor.name()
    for one in (table, *partitions(schema, table)):
        one.rename_column(old, new)
    for sequence in schema.sequences.values():
        if sequence.owner == table.place and sequence.owned_by == f"{table.name}.{old}":
            sequence.owned_by = f"{table.name}.{new}"


def _move(schema: Schema, table: TableState, namespace: str, name: str) -> None:
    """Give a table another schema or name, with its sequences, triggers, partitions and the keys that point to it."""
    former = schema.tables.pop(table.place).place
    table.schema, table.name = namespace, name
    schema.tables[table.place] = table
    for place in [place for place, sequence in schema.sequences.items() if sequence.owner == former]:
        sequence = schema.sequences[place]
        sequence.owner = table.place
        sequence.owned_by = f"{name}.{(sequence.owned_by or '.').split('.', 1)[1]}"
        if former[0] != namespace:
            schema.sequences[namespace, place[1]] = schema.sequences.pop(place)
    for key in [key for key in schema.triggers if key[:2] == former]:
        trigger = schema.triggers.pop(key)
        schema.triggers[namespace, name, trigger.name] = replace(trigger, schema=namespace, table=name)
    for other in schema.tables.values():
        other.partition_of = table.place if other.partition_of == former else other.partition_of
        other.parents = [table.place if place == former else place for place in other.parents]
        other.foreign_keys = [
            replace(key, referenced_schema=namespace, referenced_table=name)
            if (key.referenced_schema, key.referenced_table) == former
            else key
            for key in other.foreign_keys
        ]


def _alter_index(cursor: Cursor, schema: Schema, name: tuple[str, ...]) -> None:
    if cursor.accept("ATTACH", "PARTITION"):
        child = cursor.qualified()[-1]
        for table in schema.tables.values():
            for index in table.indexes:
                if index.name == child:
                    index.parent = (table.schema, name[-1])
    elif cursor.accept("RENAME", "TO"):
        new = cursor.name()
        for table in schema.tables.values():
            for index in table.indexes:
                if index.name == name[-1] and (len(name) == 1 or table.schema == name[-2]):
                    index.name = new


def _alter_sequence(cursor: Cursor, schema: Schema, name: tuple[str, ...], path: tuple[str, ...]) -> None:
    place = _place(name, path, schema.sequences)
    if place not in schema.sequences:
        return
    if cursor.accept("RENAME", "TO"):
        schema.sequences[place[0], cursor.name()] = schema.sequences.pop(place)
        return
    while not cursor.is_done:
        if cursor.accept("OWNED", "BY"):
            own_sequence(schema, place, cursor.qualified(), path)
        elif cursor.accept("RESTART"):
            cursor.accept("WITH")
            token = cursor.peek()
            schema.sequences[place].next_value = int(token.value) if token and token.kind == "number" else 1
        else:
            cursor.next()


def _alter_type(cursor: Cursor, schema: Schema, name: tuple[str, ...], path: tuple[str, ...]) -> None:
    place = _place(name, path, schema.types)
    kind = schema.types.get(place)
    if kind is None:
        return
    if cursor.accept("RENAME", "TO"):
        new = cursor.name()
        schema.types.pop(place)
        schema.types[place[0], new] = replace(kind, name=new)
    elif cursor.accept("ADD", "VALUE"):
        cursor.accept("IF", "NOT", "EXISTS")
        token = cursor.next()
        schema.types[place] = replace(kind, definition=f"{kind.definition}, '{token.value}'")
