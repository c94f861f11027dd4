"""Carries out ALTER TABLE of a MySQL script, and what else changes a table's name."""

from dataclasses import replace

from ingestion.migration.dump.mysql.tables import Flavour, add_item, drop_implied
from ingestion.migration.dump.mysql.types import canonical_character_set
from ingestion.migration.dump.schema import ColumnState, Place, Schema, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError


def rename_table(schema: Schema, table: TableState, place: Place) -> None:
    """Give a table another schema and name, with its triggers and the keys that point to it."""
    former = table.place
    schema.tables.pop(former)
    table.schema, table.name = place
    schema.tables[place] = table
    for key in [key for key in schema.triggers if key[:2] == former]:
        trigger = schema.triggers.pop(key)
        schema.triggers[(*place, trigger.name)] = replace(trigger, schema=place[0], table=place[1])
    for other in schema.tables.values():
        other.foreign_keys = [
            replace(key, referenced_schema=place[0], referenced_table=place[1])
            if (key.referenced_schema, key.referenced_table) == former
            else key
            for key in other.foreign_keys
        ]


class TableChange:
    """One ALTER TABLE."""

    def __init__(self, cursor: Cursor, schema: Schema, table: TableState, flavour: Flavour) -> None:
        self.cursor, self.schema, self.table, self.flavour = cursor, schema, table, flavour

    def carry_out(self, end: int) -> None:
        """Carry out the part of ALTER TABLE that ends at a place."""
        cursor, table = self.cursor, self.table
        if cursor.accept("ADD"):
            self._add(end)
        elif cursor.accept("MODIFY") or cursor.accept("CHANGE"):
            is_change = cursor.tokens[cursor.place - 1].value.upper() == "CHANGE"
            cursor.accept("COLUMN")
            cursor.accept("IF", "EXISTS")
            old = cursor.name() if is_change else None
            name = old or cursor.tokens[cursor.place].value
            self._replace_column(name, end)
        elif cursor.accept("DROP"):
            self._drop()
        elif cursor.accept("ALTER"):
            cursor.accept("COLUMN")
            column = table.column(cursor.name(), ignore_case=True)
            if column and cursor.accept("SET", "DEFAULT"):
                token = cursor.next()
                column.default, column.default_token = token.value, cursor.raw(cursor.place - 1, end)
            elif column and cursor.accept("DROP", "DEFAULT"):
                column.default = column.default_token = None
        elif cursor.accept("RENAME", "COLUMN"):
            old = cursor.name()
            cursor.expect("TO")
            table.rename_column(old, cursor.name())
        elif cursor.accept("RENAME", "INDEX") or cursor.accept("RENAME", "KEY"):
            old = cursor.name()
            cursor.expect("TO")
            new = cursor.name()
            for index in table.indexes:
                index.name = new if index.name == old else index.name
        elif cursor.accept("RENAME"):
            cursor.accept_any("TO", "AS")
            parts = cursor.qualified()
            rename_table(self.schema, table, (parts[-2] if len(parts) > 1 else table.schema, parts[-1]))
        elif cursor.accept("COMMENT"):
            cursor.accept("=")
            table.comment = cursor.next().value
        elif cursor.accept("AUTO_INCREMENT"):
            cursor.accept("=")
            table.next_number = max(table.next_number, int(cursor.next().value))
        elif cursor.accept("CONVERT", "TO", "CHARACTER", "SET") or cursor.accept("CONVERT", "TO", "CHARSET"):
            table.character_set = canonical_character_set(cursor.name().lower())
            table.collation = cursor.name().lower() if cursor.accept("COLLATE") else None
            for column in table.columns:
                if column.character_set:
                    column.character_set, column.collation = "", None
        elif cursor.accept("PARTITION", "BY"):
            table.partition_by = cursor.raw(cursor.place, end)

    def _add(self, end: int) -> None:
        cursor, table = self.cursor, self.table
        if cursor.at("PARTITION"):
            return
        if cursor.accept("COLUMN"):
            cursor.accept("IF", "NOT", "EXISTS")
        if cursor.at("("):
            first, last = cursor.brackets()
            for start, behind in cursor.parts(first, last):
                cursor.place = start
                add_item(cursor, self.schema, table, self.flavour, behind)
            return
        place = cursor.place
        column = add_item(cursor, self.schema, table, self.flavour, end)
        if column is not None:
            self._move(column, place, end)

    def _replace_column(self, name: str, end: int) -> None:
        """Give a column a new definition; it stays the same column, at its place unless told."""
        cursor, table = self.cursor, self.table
        former = table.column(name, ignore_case=True)
        if former is None:
            raise StatementError("of an unknown column")
        place, position = cursor.place, table.columns.index(former)
        key_columns = {item for index in table.indexes if index.is_primary for item in index.columns}
        new = add_item(cursor, self.schema, table, self.flavour, end)
        if new is None:
            raise StatementError("no column")
        table.columns.remove(new)
        if new.name != former.name:
            table.rename_column(former.name, new.name)
        for attribute in ("source_type", "is_nullable", "default", "comment", "is_generated", "is_identity",
                          "character_set", "collation", "default_token"):  # fmt: skip
            setattr(former, attribute, getattr(new, attribute))
        if name in key_columns:
            former.is_nullable = False
        assert table.columns[position] is former
        self._move(former, place, end)

    def _move(self, column: ColumnState, start: int, end: int) -> None:
        cursor, table = self.cursor, self.table
        last = cursor.tokens[end - 1]
        if last.kind == "word" and last.value.upper() == "FIRST":
            table.columns.remove(column)
            table.columns.insert(0, column)
        elif end - 2 > start and cursor.tokens[end - 2].value.upper() == "AFTER":
            after = table.column(last.value, ignore_case=True)
            if after is not None:
                table.columns.remove(column)
                table.columns.insert(table.columns.index(after) + 1, column)

    def _drop(self) -> None:
        cursor, table = self.cursor, self.table
        if cursor.accept("PRIMARY", "KEY"):
            table.indexes = [index for index in table.indexes if not index.is_primary]
        elif cursor.accept("FOREIGN", "KEY"):
            cursor.accept("IF", "EXISTS")
            name = cursor.name()
            table.foreign_keys = [key for key in table.foreign_keys if key.name.lower() != name.lower()]
        elif cursor.accept_any("INDEX", "KEY", "CONSTRAINT", "CHECK"):
            cursor.accept("IF", "EXISTS")
            name = cursor.name().lower()
            table.indexes = [index for index in table.indexes if index.name.lower() != name]
            table.checks = [check for check in table.checks if check.name.lower() != name]
            table.foreign_keys = [key for key in table.foreign_keys if key.name.lower() != name]
        elif not cursor.at("PARTITION"):
            cursor.accept("COLUMN")
            cursor.accept("IF", "EXISTS")
            column = table.column(cursor.name(), ignore_case=True)
            if column:
                self._drop_column(column.name)
        drop_implied(table)

    def _drop_column(self, name: str) -> None:
        """Drop a column; MySQL takes it out of its indexes and drops those that are left without columns."""
        table = self.table
        table.columns = [column for column in table.columns if column.name != name]
        for index in table.indexes:
            index.columns = tuple(column for column in index.columns if column != name)
        table.indexes = [index for index in table.indexes if index.columns]
