"""Names as PostgreSQL makes them, and what a partition gets from its table."""

from collections.abc import Collection
from dataclasses import replace

from ingestion.migration.dump.schema import IndexState, Place, Schema, TableState

_LONGEST_NAME = 63


def object_name(first: str, second: str, label: str) -> str:
    """Return the name the server makes of a table, its columns and a label, cut to 63 bytes as it cuts."""
    one, two = first.encode(), second.encode()
    overhead = len(label) + 1 + (1 if second else 0)
    while len(one) + len(two) + overhead > _LONGEST_NAME:
        if len(one) > len(two):
            one = one[:-1]
        else:
            two = two[:-1]
    parts = (
        [one.decode("utf-8", "ignore"), two.decode("utf-8", "ignore")] if second else [one.decode("utf-8", "ignore")]
    )
    return "_".join([*parts, label])


def free_name(schema: Schema, namespace: str, first: str, second: str, label: str, also: Collection[str] = ()) -> str:
    """Return a name for a new index or sequence that no relation of its schema has."""
    taken = {table.name for table in schema.tables.values() if table.schema == namespace}
    taken |= {index.name for table in schema.tables.values() if table.schema == namespace for index in table.indexes}
    taken |= {name for space, name in (*schema.sequences, *schema.views) if space == namespace} | set(also)
    number = 0
    while True:
        name = object_name(first, second, f"{label}{number or ''}")
        if name not in taken:
            return name
        number += 1


def joined(columns: tuple[str, ...]) -> str:
    """Return the columns' part of a constraint's name, cut as the server cuts it."""
    found = ""
    for column in columns:
        found = f"{found}_{column}" if found else column
        if len(found.encode()) >= _LONGEST_NAME:
            break
    return found.encode()[:_LONGEST_NAME].decode("utf-8", "ignore")


def partitions(schema: Schema, table: TableState) -> list[TableState]:
    """Return the partitions of a table and theirs."""
    found = []
    for child in schema.tables.values():
        if child.partition_of == table.place:
            found += [child, *partitions(schema, child)]
    return found


def set_not_null(schema: Schema, table: TableState, columns: tuple[str, ...]) -> None:
    """Forbid NULL in columns of a table and of its partitions."""
    for one in (table, *partitions(schema, table)):
        for column in one.columns:
            if column.name in columns:
                column.is_nullable = False


def copy_index(schema: Schema, index: IndexState, table: TableState, parent: Place | None = None) -> IndexState:
    """Give a table an index like that of another, under a name the server would make."""
    plain = tuple(column if table.column(column) else "expr" for column in index.columns)
    if index.is_primary:
        name = free_name(schema, table.schema, table.name, "", "pkey")
    else:
        label = "key" if index.is_constraint else "idx"
        name = free_name(schema, table.schema, table.name, joined(plain), label)
    copied = replace(index, name=name, parent=parent)
    table.indexes.append(copied)
    return copied


def spread_index(schema: Schema, table: TableState, index: IndexState) -> None:
    """Give each partition of a table its part of a new index, unless it has one like it."""
    for child in schema.tables.values():
        if child.partition_of != table.place:
            continue
        own = attach_index(schema, index, table, child)
        spread_index(schema, child, own)


def attach_index(schema: Schema, index: IndexState, table: TableState, child: TableState) -> IndexState:
    """Tie an index of a partition to that of its table, making it where none fits."""
    for own in child.indexes:
        same = own.columns == index.columns and own.method == index.method and own.is_unique == index.is_unique
        if (
            same
            and own.parent is None
            and own.is_constraint == index.is_constraint
            and own.is_primary == index.is_primary
        ):
            own.parent = (table.schema, index.name)
            return own
    return copy_index(schema, index, child, (table.schema, index.name))


def inherit_columns(table: TableState, parent: TableState) -> None:
    """Give a table copies of the columns of another, with their checks."""
    for column in parent.columns:
        if table.column(column.name) is None:
            table.columns.append(replace(column))
    taken = {check.name for check in table.checks}
    table.checks += [replace(check) for check in parent.checks if check.name not in taken]


def attach(schema: Schema, parent: TableState, child: TableState) -> None:
    """Give a new partition the indexes and keys of its table."""
    child.partition_of = parent.place
    for index in parent.indexes:
        if not index.is_exclusion:
            attach_index(schema, index, parent, child)
    taken = {check.name for check in child.checks}
    child.checks += [replace(check) for check in parent.checks if check.name not in taken]
    never_null = {column.name for column in parent.columns if not column.is_nullable}
    set_not_null(schema, child, tuple(never_null))
