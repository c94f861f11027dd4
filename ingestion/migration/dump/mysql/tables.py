"""Reads MySQL's definitions of tables, columns, keys and indexes, with what the server adds by itself."""

import re
from dataclasses import dataclass, replace

from ingestion.migration.catalog import ForeignKey
from ingestion.migration.dump.mysql.types import (
    MysqlType,
    canonical_character_set,
    character_set_of,
    default_collation,
    read_type,
)
from ingestion.migration.dump.schema import CheckState, ColumnState, IndexState, Schema, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError

NewKey = tuple[ForeignKey, str | None]
"""A foreign key, whose name is empty where none was told, and the name told for its index."""


@dataclass(kw_only=True)
class Flavour:
    """What differs between the servers that speak MySQL's language."""

    is_mariadb: bool = False
    is_mysql: bool = False
    """Known to be MySQL; neither is known of a script without a head."""
    is_mysql_8: bool = False


def read_items(cursor: Cursor, schema: Schema, table: TableState, flavour: Flavour) -> None:
    """Read the columns, keys and checks between the brackets of CREATE TABLE."""
    first, last = cursor.brackets()
    behind = cursor.place
    keys: list[NewKey] = []
    for start, end in cursor.parts(first, last):
        cursor.place = start
        item = _Item(cursor, schema, table, flavour, end)
        if not item.read_key(keys):
            item.read_column(keys)
    cursor.place = behind
    add_foreign_keys(table, keys)


def read_options(cursor: Cursor, schema: Schema, table: TableState, flavour: Flavour) -> None:
    """Read what stands behind the brackets of CREATE TABLE; columns get the character set of the table."""
    while not cursor.is_done:
        cursor.accept(",")
        cursor.accept("DEFAULT")
        if cursor.accept("CHARACTER", "SET") or cursor.accept("CHARSET"):
            cursor.accept("=")
            table.character_set = canonical_character_set(cursor.name().lower())
        elif cursor.accept("COLLATE"):
            cursor.accept("=")
            table.collation = cursor.name().lower()
        elif cursor.accept("COMMENT"):
            cursor.accept("=")
            table.comment = cursor.next().value
        elif cursor.accept("AUTO_INCREMENT"):
            cursor.accept("=")
            table.next_number = max(table.next_number, int(cursor.next().value))
        elif cursor.accept("PARTITION", "BY"):
            table.partition_by = cursor.rest()
            break
        else:
            cursor.next()
    settle_character_sets(schema, table, flavour)


def settle_character_sets(schema: Schema, table: TableState, flavour: Flavour) -> None:
    """Give every column of text its character set and collation."""
    if table.collation and not table.character_set:
        table.character_set = character_set_of(table.collation)
    table.character_set = table.character_set or schema.character_set or "utf8mb4"
    if not table.collation:
        is_schemas = table.character_set == schema.character_set and schema.collation
        table.collation = (
            schema.collation if is_schemas else default_collation(table.character_set, is_mysql_8=flavour.is_mysql_8)
        )
    for column in table.columns:
        if column.character_set == "" and column.collation and column.collation != "_bin":
            column.character_set = character_set_of(column.collation)
        elif column.character_set == "":
            is_binary = column.collation == "_bin"
            column.character_set = table.character_set
            column.collation = f"{table.character_set}_bin" if is_binary else table.collation
        elif column.character_set and not column.collation:
            column.collation = default_collation(column.character_set, is_mysql_8=flavour.is_mysql_8)
        if column.collation == "_bin":
            column.collation = f"{column.character_set}_bin"


def index_columns(cursor: Cursor, table: TableState) -> tuple[tuple[str, ...], bool]:
    """Read what an index is over: names of columns or texts of expressions, and whether it is no key for that.

    An index over the first characters of a column, or over an expression, is none.
    """
    first, last = cursor.brackets()
    behind = cursor.place
    names, is_partial = [], False
    for start, end in cursor.parts(first, last):
        cursor.place = start
        if cursor.at("("):
            names.append(cursor.raw(*cursor.brackets()))
            is_partial = True
            continue
        found = cursor.name()
        column = table.column(found, ignore_case=True)
        names.append(column.name if column else found)
        is_partial = is_partial or (cursor.place < end and cursor.at("("))
    cursor.place = behind
    return tuple(names), is_partial


class _Item:
    """One part between the brackets of CREATE TABLE, or behind ADD of ALTER TABLE."""

    def __init__(self, cursor: Cursor, schema: Schema, table: TableState, flavour: Flavour, end: int) -> None:
        self.cursor, self.schema, self.table, self.flavour, self.end = cursor, schema, table, flavour, end

    def read_key(self, keys: list[NewKey]) -> bool:
        """Read a key, index or check; False when it is a column."""
        cursor = self.cursor
        place = cursor.place
        name: str | None = None
        if cursor.accept("CONSTRAINT"):
            cursor.accept("IF", "NOT", "EXISTS")
            is_unnamed = any(cursor.at(word) for word in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK"))
            name = None if is_unnamed else cursor.name()
        if cursor.accept("PRIMARY", "KEY"):
            columns, _, method = self._index_columns()
            self._add_primary_key(columns, method)
        elif cursor.accept("UNIQUE"):
            cursor.accept_any("KEY", "INDEX")
            cursor.accept("IF", "NOT", "EXISTS")
            given = self._optional_name()
            columns, is_partial, method = self._index_columns()
            add_index(self.table, given or name, columns, is_unique=True, method=method, has_expression=is_partial)
        elif cursor.accept("FOREIGN", "KEY"):
            cursor.accept("IF", "NOT", "EXISTS")
            given = self._optional_name()
            columns = cursor.names_in_brackets()
            keys.append(self._references(name, given, columns))
        elif cursor.accept("CHECK"):
            first, last = cursor.brackets()
            self._add_check(name, cursor.raw(first, last))
        elif name is not None:
            raise StatementError("an unknown constraint")
        elif cursor.at("PERIOD", "FOR"):
            cursor.place = self.end
        elif self._is_index():
            kind = cursor.accept_any("FULLTEXT", "SPATIAL")
            cursor.accept_any("KEY", "INDEX")
            cursor.accept("IF", "NOT", "EXISTS")
            given = self._optional_name()
            columns, is_partial, method = self._index_columns()
            add_index(self.table, given, columns, method=(kind or method).lower(), has_expression=is_partial)
        else:
            cursor.place = place
            return False
        return True

    def _is_index(self) -> bool:
        """Return whether KEY, INDEX, FULLTEXT or SPATIAL begins an index: each may be the name of a column too."""
        cursor = self.cursor
        for words in (("FULLTEXT",), ("SPATIAL",), ("KEY",), ("INDEX",)):
            if cursor.at(*words):
                following = [cursor.peek(ahead) for ahead in range(1, 4)]
                return any(token is not None and token.value == "(" for token in following)
        return False

    def _optional_name(self) -> str | None:
        token = self.cursor.peek()
        if token is None or token.value == "(" or self.cursor.at("USING"):
            return None
        return self.cursor.name()

    def _index_columns(self) -> tuple[tuple[str, ...], bool, str]:
        """Return columns (or texts of expressions), whether any is only a prefix or expression, and the method."""
        cursor = self.cursor
        method = cursor.name().lower() if cursor.accept("USING") else "btree"
        names, is_partial = index_columns(cursor, self.table)
        while cursor.place < self.end:
            if cursor.accept("USING"):
                method = cursor.name().lower()
            elif cursor.at(","):
                break
            else:
                cursor.next()
        return names, is_partial, method

    def _references(self, name: str | None, given: str | None, columns: tuple[str, ...]) -> NewKey:
        cursor = self.cursor
        cursor.expect("REFERENCES")
        *schema, table = cursor.qualified()
        referenced = cursor.names_in_brackets() if cursor.at("(") else ()
        while cursor.place < self.end and not cursor.at(","):
            cursor.next()
        index_name = name or given
        if name is None and not self.flavour.is_mysql:
            name = given
        names = tuple(
            column.name if (column := self.table.column(item, ignore_case=True)) else item for item in columns
        )
        key = ForeignKey(
            name=name or "",
            columns=names,
            referenced_schema=schema[0] if schema else self.table.schema,
            referenced_table=table,
            referenced_columns=referenced,
        )
        return key, index_name

    def _add_primary_key(self, columns: tuple[str, ...], method: str = "btree") -> None:
        self.table.indexes = [index for index in self.table.indexes if not index.is_primary]
        self.table.indexes.append(
            IndexState(name="PRIMARY", columns=columns, is_unique=True, is_primary=True, method=method)
        )
        drop_implied(self.table)
        for name in columns:
            column = self.table.column(name)
            if column:
                column.is_nullable = False

    def _add_check(self, name: str | None, text: str) -> None:
        if name is None:
            taken = {check.name for check in self.table.checks}
            pattern = "CONSTRAINT_{}" if not self.flavour.is_mysql else f"{self.table.name}_chk_{{}}"
            name = next(found for number in range(1, 10_000) if (found := pattern.format(number)) not in taken)
        self.table.checks.append(CheckState(name=name, text=text))

    def read_column(self, keys: list[NewKey]) -> ColumnState:
        """Read a column with its attributes and add it to the table."""
        cursor = self.cursor
        name = cursor.name()
        kind = read_type(cursor, has_widths=not self.flavour.is_mysql_8, json_is_text=self.flavour.is_mariadb)
        column = ColumnState(name=name, source_type=kind.text)
        if kind.has_character_set:
            # the empty text waits for the table's own
            column.character_set = kind.character_set or ""
            column.collation = kind.collation
        self.table.columns.append(column)
        if kind.is_serial:
            column.is_nullable, column.is_identity = False, True
            add_index(self.table, None, (name,), is_unique=True)
        while cursor.place < self.end:
            self._read_attribute(column, kind, keys)
        if kind.is_binary and kind.has_character_set:
            column.collation = "_bin"
        if kind.is_json and self.flavour.is_mariadb:
            self.table.checks.append(CheckState(name=name, text=f"json_valid(`{name}`)"))
        return column

    def _read_attribute(self, column: ColumnState, kind: MysqlType, keys: list[NewKey]) -> None:
        cursor = self.cursor
        if cursor.accept("NOT", "NULL"):
            column.is_nullable = False
        elif cursor.accept("NULL"):
            column.is_nullable = True
        elif cursor.accept("DEFAULT"):
            self._read_default(column, kind)
        elif cursor.accept("ON", "UPDATE"):
            cursor.next()
            if cursor.at("("):
                cursor.brackets()
        elif cursor.accept("AUTO_INCREMENT"):
            column.is_identity, column.is_nullable = True, False
        elif cursor.accept("COMMENT"):
            column.comment = cursor.next().value
        elif cursor.accept("PRIMARY", "KEY") or cursor.accept("PRIMARY"):
            self._add_primary_key((column.name,))
        elif cursor.accept("UNIQUE"):
            cursor.accept("KEY")
            add_index(self.table, None, (column.name,), is_unique=True)
        elif cursor.accept("KEY"):
            self._add_primary_key((column.name,))
        elif cursor.accept("CHARACTER", "SET") or cursor.accept("CHARSET"):
            column.character_set = canonical_character_set(cursor.name().lower())
        elif cursor.accept("COLLATE"):
            column.collation = cursor.name().lower()
        elif cursor.accept("GENERATED", "ALWAYS", "AS") or cursor.accept("AS"):
            first, last = cursor.brackets()
            column.is_generated, column.default = True, cursor.raw(first, last)
        elif cursor.accept("CHECK"):
            first, last = cursor.brackets()
            self.table.checks.append(CheckState(name=column.name, text=cursor.raw(first, last)))
        elif cursor.at("REFERENCES"):
            reference = self._references(None, None, (column.name,))
            # MySQL reads a reference beside its column and does nothing
            if not self.flavour.is_mysql:
                keys.append(reference)
        elif cursor.accept("CONSTRAINT"):
            if not cursor.at("CHECK"):
                cursor.name()
        else:
            cursor.next()

    def _read_default(self, column: ColumnState, kind: MysqlType) -> None:
        cursor = self.cursor
        start = cursor.place
        if cursor.at("("):
            cursor.brackets()
            column.default = column.default_token = cursor.raw(start, cursor.place)
            return
        token = cursor.next()
        if token.kind == "mark" and token.value in "+-":
            cursor.next()
        elif cursor.at("("):
            cursor.brackets()
        elif token.kind == "word" and cursor.peek() is not None and cursor.tokens[cursor.place].kind == "string":
            # b'0', _utf8'x'
            cursor.next()
        column.default_token = raw = cursor.raw(start, cursor.place)
        if raw.upper() == "NULL":
            column.default = None
        elif token.kind == "string" and cursor.place == start + 1:
            column.default = token.value
        else:
            column.default = {"TRUE": "1", "FALSE": "0"}.get(raw.upper(), raw)


def _free_name(table: TableState, wanted: str) -> str:
    taken = {index.name.lower() for index in table.indexes}
    name, number = wanted, 2
    while name.lower() in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def add_index(
    table: TableState,
    name: str | None,
    columns: tuple[str, ...],
    *,
    is_unique: bool = False,
    method: str = "btree",
    has_expression: bool = False,
) -> None:
    """Add an index; one without a name is called like its first column."""
    index = IndexState(
        name=name or _free_name(table, columns[0]),
        columns=columns,
        is_unique=is_unique,
        method=method,
        has_expression=has_expression,
    )
    table.indexes.append(index)
    drop_implied(table)


def _serves(index: IndexState, columns: tuple[str, ...]) -> bool:
    return index.columns[: len(columns)] == columns and index.method in ("btree", "hash") and not index.has_expression


def drop_implied(table: TableState) -> None:
    """Drop the indexes made for foreign keys that a told one has made needless, as the server does."""
    told = [index for index in table.indexes if not index.is_implied]
    table.indexes = [
        index
        for index in table.indexes
        if not index.is_implied or not any(_serves(other, index.columns) for other in told)
    ]


def add_foreign_keys(table: TableState, keys: list[NewKey]) -> None:
    """Add foreign keys, with names for those without and an index where none fits."""
    for key, index_name in keys:
        name = key.name
        if not name:
            table.foreign_key_count += 1
            name = f"{table.name}_ibfk_{table.foreign_key_count}"
        elif match := re.fullmatch(re.escape(table.name) + r"_ibfk_(\d+)", name):
            table.foreign_key_count = max(table.foreign_key_count, int(match[1]))
        table.foreign_keys.append(replace(key, name=name))
        if any(_serves(index, key.columns) for index in table.indexes):
            continue
        table.indexes.append(
            IndexState(name=index_name or _free_name(table, key.columns[0]), columns=key.columns, is_implied=True)
        )


def add_item(cursor: Cursor, schema: Schema, table: TableState, flavour: Flavour, end: int) -> ColumnState | None:
    """Add what stands behind ADD of ALTER TABLE; return the column when it is one."""
    keys: list[NewKey] = []
    item = _Item(cursor, schema, table, flavour, end)
    column = None if item.read_key(keys) else item.read_column(keys)
    add_foreign_keys(table, keys)
    return column
