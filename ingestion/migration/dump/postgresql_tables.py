"""Reads PostgreSQL's definitions of tables, columns, constraints and indexes, with what the server adds by itself."""

import re
from dataclasses import replace

from ingestion.migration.catalog import ForeignKey
from ingestion.migration.dump.postgresql_types import SERIAL, read_type
from ingestion.migration.dump.schema import CheckState, ColumnState, IndexState, Place, Schema, SequenceState, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError

_LONGEST_NAME = 63
_COLUMN_WORDS = (
    "NOT", "NULL", "DEFAULT", "GENERATED", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "CONSTRAINT", "COLLATE",
    "DEFERRABLE", "INITIALLY", "STORAGE", "COMPRESSION", "NO", "OPTIONS",
)  # fmt: skip


def object_name(first: str, second: str, label: str) -> str:
    """Return the name the server makes of a table, its columns and a label, cut to 63 bytes as it cuts."""
    one, two = first.encode(), second.encode()
    overhead = len(label) + 1 + (1 if second else 0)
    while len(one) + len(two) + overhead > _LONGEST_NAME:
        if len(one) > len(two):
            one = one[:-1]
        else:
            two = two[:-1]
    parts = [one.decode("utf-8", "ignore"), two.decode("utf-8", "ignore")] if second else [one.decode("utf-8", "ignore")]
    return "_".join([*parts, label])


def free_name(schema: Schema, namespace: str, first: str, second: str, label: str, also: set[str] = frozenset()) -> str:  # type: ignore[assignment]
    """Return a name for a new index or sequence that no relation of its schema has."""
    taken = {table.name for table in schema.tables.values() if table.schema == namespace}
    taken |= {index.name for table in schema.tables.values() if table.schema == namespace for index in table.indexes}
    taken |= {name for space, name in (*schema.sequences, *schema.views) if space == namespace} | also
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
    return found.encode()[: _LONGEST_NAME].decode("utf-8", "ignore")


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
        return any(
            cursor.at(*words)
            for words in (("CONSTRAINT",), ("PRIMARY", "KEY"), ("UNIQUE", "("), ("UNIQUE", "NULLS"), ("UNIQUE", "USING"),
                          ("FOREIGN", "KEY"), ("CHECK", "("), ("EXCLUDE",))
        )  # fmt: skip

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
            shown = column.sequence[1] if column.sequence[0] == self.schema.default_schema else ".".join(column.sequence)
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
                column.collation = cursor.qualified()[-1]
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
            place = next(
                (place for place in range(start, end) if cursor.tokens[place].value.upper() == "WITH"), end
            )
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
        while cursor.place < self.end and not any(cursor.at(word) for word in ("CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY")):
            if cursor.at("NOT", "NULL") or (cursor.at("DEFAULT") and cursor.tokens[cursor.place - 1].value.upper() != "SET"):
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


def find_table(schema: Schema, name: tuple[str, ...], path: tuple[str, ...]) -> TableState | None:
    """Return a table by a name as written; one without a schema is looked for along the path."""
    if len(name) > 1:
        return schema.tables.get((name[-2], name[-1]))
    return next((table for one in path if (table := schema.tables.get((one, name[0]))) is not None), None)


def named_sequence(text: str, path: tuple[str, ...], schema: Schema) -> Place | None:
    """Return the sequence that a default takes its number from."""
    tokens = Cursor(text, "postgresql")
    first = tokens.peek()
    if first is None or first.kind not in ("word", "name") or tokens.qualified()[-1] != "nextval":
        return None
    if not tokens.accept("("):
        return None
    tokens.accept("(")
    token = tokens.peek()
    if token is None or token.kind != "string":
        return None
    return sequence_place(token.value, path, schema)


def sequence_place(text: str, path: tuple[str, ...], schema: Schema) -> Place:
    """Return schema and name of a sequence given as the text of a regclass."""
    name = Cursor(text, "postgresql").qualified()
    if len(name) > 1:
        return name[-2], name[-1]
    return next(((one, name[0]) for one in path if (one, name[0]) in schema.sequences), ((path or ("public",))[0], name[0]))


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
        if same and own.parent is None and own.is_constraint == index.is_constraint and own.is_primary == index.is_primary:
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


def own_sequence(schema: Schema, place: Place, column: tuple[str, ...], path: tuple[str, ...]) -> None:
    """Tie a sequence to the column that owns it: OWNED BY."""
    sequence = schema.sequences.get(place)
    if sequence is None:
        return
    table = find_table(schema, column[:-1], path) if len(column) > 1 else None
    sequence.owned_by = f"{table.name}.{column[-1]}" if table else None
    sequence.owner = table.place if table else None
