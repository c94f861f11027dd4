"""Reads PostgreSQL's definitions of tables, columns, constraints and indexes, with what the server adds by itself."""

import re
from dataclasses import replace

from ingestion.migration.catalog import ForeignKey
from ingestion.migration.dump.postgresql.indexes import (
    copy_index,
    free_name,
    joined,
    object_name,
    set_not_null,
    spread_index,
)
from ingestion.migration.dump.postgresql.names import find_table, named_sequence
from ingestion.migration.dump.postgresql.types import SERIAL, read_type
from ingestion.migration.dump.schema import (
    CheckState,
    ColumnState,
    IndexState,
    Place,
    Schema,
    SequenceState,
    TableState,
)
from ingestion.migration.dump.tokens import Cursor, StatementError

_CONSTRAINT_WORDS = (
    ("CONSTRAINT",), ("PRIMARY", "KEY"), ("UNIQUE", "("), ("UNIQUE", "NULLS"), ("UNIQUE", "USING"), ("FOREIGN", "KEY"),
    ("CHECK", "("), ("EXCLUDE",),
)  # fmt: skip
_COLUMN_WORDS = (
    "NOT", "NULL", "DEFAULT", "GENERATED", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "COLLATE",
    "DEFERRABLE", "INITIALLY", "STORAGE", "COMPRESSION", "NO", "OPTIONS",
)  # fmt: skip


class TableItems:
    """Reads the columns and constraints of one table."""

    def __init__(self, cursor: Cursor, schema: Schema, table: TableState, path: tuple[str, ...]) -> None:
        self.cursor, self.schema, self.table, self.path = cursor, schema, table, path
        self.end = len(cursor.tokens)
        self.is_only = False
        """Whether partitions are left alone: ALTER TABLE ONLY."""

    def read_all(self, *, of_partition: bool = False) -> None:
        """Read what stands between the brackets of CREATE TABLE; keys last, since they name columns."""
        cursor = self.cursor
        first, last = cursor.brackets()
        behind = cursor.place
        parts = cursor.parts(first, last)
        later = []
        for start, end in parts:
            cursor.place, self.end = start, end
            if self.at_constraint():
                later.append((start, end))
            elif cursor.accept("LIKE"):
                self._read_like()
            elif of_partition:
                self._read_partition_column()
            else:
                self.read_column()
        for start, end in later:
            cursor.place, self.end = start, end
            self.read_constraint()
        cursor.place, self.end = behind, len(cursor.tokens)

    def at_constraint(self) -> bool:
        """Return whether a constraint of the table comes next."""
        cursor = self.cursor
        return any(cursor.at(*words) for words in _CONSTRAINT_WORDS)

    def _read_like(self) -> None:
        name = self.cursor.qualified()
        model = find_table(self.schema, name, self.path)
        if model is None:
            raise StatementError("LIKE an unknown table")
        words = {token.value.upper() for token in self.cursor.tokens[self.cursor.place : self.end]}
        with_all = "ALL" in words
        for column in model.columns:
            copied = replace(column, sequence=None)
            if not (with_all or "DEFAULTS" in words):
                copied.default = copied.default_token = None
            self.table.columns.append(copied)
        if with_all or "INDEXES" in words:
            for index in model.indexes:
                copy_index(self.schema, index, self.table)

    def _read_partition_column(self) -> None:
        column = self.table.column(self.cursor.name())
        if column:
            self._read_column_constraints(column)

    def read_column(self) -> ColumnState:
        """Read a column with its constraints and add it to the table."""
        cursor = self.cursor
        name = cursor.name()
        token = cursor.peek()
        serial = SERIAL.get(token.value.lower()) if token is not None and token.kind == "word" else None
        if serial:
            cursor.next()
            column = ColumnState(name=name, source_type=serial, is_nullable=False, is_identity=True)
        else:
            column = ColumnState(name=name, source_type=read_type(cursor, self.schema, self.path))
        self._resolve_domain(column)
        self.table.columns.append(column)
        if serial:
            self.add_sequence(column)
            assert column.sequence is not None
            shown = (
                column.sequence[1] if column.sequence[0] == self.schema.default_schema else ".".join(column.sequence)
            )
            column.default = f"nextval('{shown}'::regclass)"
        self._read_column_constraints(column)
        return column

    def _resolve_domain(self, column: ColumnState) -> None:
        bare = column.source_type.replace('"', "")
        for schema, name in self.schema.types:
            if bare in (name, f"{schema}.{name}") and self.schema.types[schema, name].kind == "domain":
                definition = self.schema.types[schema, name].definition
                # the catalog tells the type under a domain, since that is what the values are
                column.source_type = read_type(Cursor(definition, "postgresql"), self.schema, self.path)
                if re.search(r"\bNOT\s+NULL\b", definition, re.IGNORECASE):
                    column.is_nullable = False

    def add_sequence(self, column: ColumnState, name: Place | None = None) -> None:
        """Make the sequence that numbers a column."""
        table = self.table
        place = name or (table.schema, free_name(self.schema, table.schema, table.name, column.name, "seq"))
        self.schema.sequences[place] = SequenceState(owned_by=f"{table.name}.{column.name}", owner=table.place)
        column.sequence = place

    def _read_column_constraints(self, column: ColumnState) -> None:
        cursor, name = self.cursor, None
        while cursor.place < self.end:
            if cursor.accept("CONSTRAINT"):
                name = cursor.name()
                continue
            if cursor.accept("NOT", "NULL"):
                column.is_nullable = False
            elif cursor.accept("NULL"):
                pass
            elif cursor.accept("DEFAULT"):
                start = cursor.place
                self._skip_expression()
                self.set_default(column, cursor.raw(start, cursor.place))
            elif cursor.accept("GENERATED"):
                self.read_generated(column)
            elif cursor.accept("PRIMARY", "KEY"):
                self.add_primary_key(name, (column.name,))
                self._skip_parameters()
            elif cursor.accept("UNIQUE"):
                self._add_unique(name, (column.name,))
                self._skip_parameters()
            elif cursor.at("REFERENCES"):
                self._read_reference(name, (column.name,))
            elif cursor.accept("CHECK"):
                self._add_check(name, (column.name,))
            elif cursor.accept("COLLATE"):
                collation = cursor.qualified()[-1]
                column.collation = None if collation == "default" else collation
            else:
                cursor.next()
            name = None

    def _skip_expression(self) -> None:
        """Move over an expression, up to the next constraint of the column."""
        cursor = self.cursor
        first = cursor.place
        while cursor.place < self.end:
            if cursor.at("("):
                cursor.brackets()
                continue
            token = cursor.tokens[cursor.place]
            if cursor.place > first and token.kind == "word" and token.value.upper() in _COLUMN_WORDS:
                before = cursor.tokens[cursor.place - 1].value.upper()
                if before not in ("IS", "NOT", "::") or token.value.upper() not in ("NULL", "NOT"):
                    return
            cursor.next()

    def _skip_parameters(self) -> None:
        cursor = self.cursor
        while cursor.place < self.end:
            if cursor.accept("USING", "INDEX", "TABLESPACE"):
                cursor.next()
            elif cursor.accept("INCLUDE") or cursor.accept("WITH"):
                cursor.brackets()
            elif cursor.accept("NULLS"):
                cursor.accept("NOT")
                cursor.expect("DISTINCT")
            else:
                return

    def set_default(self, column: ColumnState, text: str) -> None:
        """Set a default; a nextval ties the column to its sequence."""
        column.default = column.default_token = text
        if text.upper() == "NULL" or text.upper().startswith("NULL::"):
            column.default = column.default_token = None
        sequence = named_sequence(text, self.path, self.schema)
        if sequence:
            # serial is a default that asks a sequence
            column.sequence, column.is_identity = sequence, True

    def read_generated(self, column: ColumnState) -> None:
        """Read what follows GENERATED: an expression, or an identity with its sequence."""
        cursor = self.cursor
        if not cursor.accept("ALWAYS"):
            cursor.expect("BY", "DEFAULT")
        cursor.expect("AS")
        if not cursor.accept("IDENTITY"):
            column.is_generated, column.default = True, cursor.raw(*cursor.brackets())
            cursor.accept_any("STORED", "VIRTUAL")
            return
        column.is_identity, column.is_nullable = True, False
        name, start, step = None, None, 1
        if cursor.at("("):
            first, last = cursor.brackets()
            behind, cursor.place = cursor.place, first
            while cursor.place < last:
                if cursor.accept("SEQUENCE", "NAME"):
                    parts = cursor.qualified()
                    name = (parts[0] if len(parts) > 1 else self.table.schema, parts[-1])
                elif cursor.accept("START"):
                    cursor.accept("WITH")
                    start = int(cursor.next().value)
                elif cursor.accept("INCREMENT"):
                    cursor.accept("BY")
                    step = int(cursor.next().value)
                else:
                    cursor.next()
            cursor.place = behind
        self.add_sequence(column, name)
        assert column.sequence is not None
        sequence = self.schema.sequences[column.sequence]
        sequence.next_value, sequence.step = start or 1, step

    def read_constraint(self) -> None:
        """Read a constraint of the table."""
        cursor = self.cursor
        name = cursor.name() if cursor.accept("CONSTRAINT") else None
        if cursor.accept("PRIMARY", "KEY"):
            if cursor.accept("USING", "INDEX"):
                self._promote(name, cursor.name(), is_primary=True)
            else:
                self.add_primary_key(name, cursor.names_in_brackets())
        elif cursor.accept("UNIQUE"):
            if cursor.accept("USING", "INDEX"):
                self._promote(name, cursor.name(), is_primary=False)
                return
            if cursor.accept("NULLS"):
                cursor.accept("NOT")
                cursor.expect("DISTINCT")
            self._add_unique(name, cursor.names_in_brackets())
        elif cursor.accept("FOREIGN", "KEY"):
            self._read_reference(name, cursor.names_in_brackets())
        elif cursor.accept("CHECK"):
            self._add_check(name, ())
        elif cursor.accept("EXCLUDE"):
            self._add_exclusion(name)
        elif cursor.accept("NOT", "NULL"):
            column = self.table.column(cursor.name())
            if column:
                column.is_nullable = False
        else:
            raise StatementError("an unknown constraint")

    def _promote(self, name: str | None, index_name: str, *, is_primary: bool) -> None:
        for index in self.table.indexes:
            if index.name == index_name:
                index.is_primary, index.is_unique, index.is_constraint = is_primary, True, True
                index.name = name or index.name
                for column in self.table.columns:
                    if is_primary and column.name in index.columns:
                        column.is_nullable = False

    def add_primary_key(self, name: str | None, columns: tuple[str, ...]) -> None:
        """Add the primary key with its index, on the partitions too."""
        table = self.table
        index = IndexState(
            name=name or free_name(self.schema, table.schema, table.name, "", "pkey"),
            columns=columns,
            is_unique=True,
            is_primary=True,
            is_constraint=True,
        )
        table.indexes.append(index)
        set_not_null(self.schema, table, columns)
        if not self.is_only:
            spread_index(self.schema, table, index)

    def _add_unique(self, name: str | None, columns: tuple[str, ...]) -> None:
        table = self.table
        index = IndexState(
            name=name or free_name(self.schema, table.schema, table.name, joined(columns), "key"),
            columns=columns,
            is_unique=True,
            is_constraint=True,
        )
        table.indexes.append(index)
        if not self.is_only:
            spread_index(self.schema, table, index)

    def _add_exclusion(self, name: str | None) -> None:
        cursor, table = self.cursor, self.table
        method = cursor.name().lower() if cursor.accept("USING") else "gist"
        first, last = cursor.brackets()
        behind, columns, labels = cursor.place, list[str](), list[str]()
        for start, end in cursor.parts(first, last):
            place = next((place for place in range(start, end) if cursor.tokens[place].value.upper() == "WITH"), end)
            is_plain = place - start == 1
            columns.append(table_column(cursor, start) if is_plain else cursor.raw(start, place))
            is_call = not is_plain and cursor.tokens[start].kind in ("word", "name")
            labels.append(table_column(cursor, start) if is_plain or is_call else "expr")
        cursor.place = behind
        table.indexes.append(
            IndexState(
                name=name or free_name(self.schema, table.schema, table.name, joined(tuple(labels)), "excl"),
                columns=tuple(columns),
                method=method,
                is_constraint=True,
                is_exclusion=True,
                has_expression=True,
            )
        )

    def _read_reference(self, name: str | None, columns: tuple[str, ...]) -> None:
        cursor, table = self.cursor, self.table
        cursor.expect("REFERENCES")
        target = cursor.qualified()
        referenced = cursor.names_in_brackets() if cursor.at("(") else ()
        found = find_table(self.schema, target, self.path)
        if found is None and target[-1] == table.name:
            found = table
        schema = found.schema if found else target[-2] if len(target) > 1 else (self.path or ("public",))[0]
        if not referenced and found is not None:
            referenced = found.primary_key
        taken = {key.name for key in table.foreign_keys} | {check.name for check in table.checks}
        label, number = "fkey", 0
        while name is None:
            wanted = object_name(table.name, joined(columns), f"{label}{number or ''}")
            name = None if wanted in taken else wanted
            number += 1
        key = ForeignKey(
            name=name,
            columns=columns,
            referenced_schema=schema,
            referenced_table=target[-1],
            referenced_columns=referenced,
        )
        # told at the partitioned table alone, where it was written
        table.foreign_keys.append(key)
        while cursor.place < self.end and not any(
            cursor.at(word) for word in ("CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY")
        ):
            if cursor.at("NOT", "NULL") or (
                cursor.at("DEFAULT") and cursor.tokens[cursor.place - 1].value.upper() != "SET"
            ):
                break
            cursor.next()

    def _add_check(self, name: str | None, columns: tuple[str, ...]) -> None:
        cursor, table = self.cursor, self.table
        first, last = cursor.brackets()
        if not columns:
            used = {token.value if token.kind == "name" else token.value.lower() for token in cursor.tokens[first:last]}
            found = tuple(column.name for column in table.columns if column.name in used)
            columns = found if len(found) == 1 else ()
        taken, number = {check.name for check in table.checks}, 0
        while name is None or name in taken:
            name = object_name(table.name, joined(columns), f"check{number or ''}")
            number += 1
        table.checks.append(CheckState(name=name, text=f"({cursor.raw(first, last)})"))
        for word in (("NO", "INHERIT"), ("NOT", "VALID")):
            cursor.accept(*word)


def table_column(cursor: Cursor, place: int) -> str:
    """Return the name that one token tells."""
    token = cursor.tokens[place]
    return token.value if token.kind == "name" else token.value.lower()
