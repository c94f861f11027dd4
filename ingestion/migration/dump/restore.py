"""Carries out the scripts of a dump: DDL on a Schema, rows into the shelves of a SQLite file.

What only a server could have worked out - expressions, triggers, updates of rows - is not guessed but noted.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from ingestion.migration.dump.files import encode_back
from ingestion.migration.dump.literals import (
    DEFAULT,
    TWO_BYTE_ENCODINGS,
    NextValue,
    Unknown,
    Value,
    read_all,
    read_mysql,
    read_mysql_bits,
    read_mysql_bytes,
    read_postgresql,
)
from ingestion.migration.dump.mysql import values as mysql_values
from ingestion.migration.dump.mysql.ddl import MysqlDdl
from ingestion.migration.dump.mysql.values import Convert, Stored, is_binary
from ingestion.migration.dump.postgresql import values as postgresql_values
from ingestion.migration.dump.postgresql.ddl import PostgresqlDdl
from ingestion.migration.dump.postgresql.names import sequence_place
from ingestion.migration.dump.rows import BadRowsError, null_mark, read_copy, read_insert, unescape_copy
from ingestion.migration.dump.schema import ColumnState, Schema, TableState
from ingestion.migration.dump.script import Copy, Insert, Script
from ingestion.migration.dump.shelves import Shelf, Shelves, quote
from ingestion.migration.dump.tokens import Cursor, unescape_c, unescape_mysql
from lakehouse.errors import RadlakeError

_ROWS_PER_BATCH = 10_000
_CHARACTERS_PER_BATCH = 1 << 21
_TRUNCATE = re.compile(
    r"TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?(.+?)(?:\s+(?:CASCADE|RESTRICT|RESTART|CONTINUE)\b.*)?$",
    re.IGNORECASE | re.DOTALL,
)
_DELETE_ALL = re.compile(r"DELETE\s+FROM\s+(?:ONLY\s+)?([^\s;]+)\s*$", re.IGNORECASE)
_NEW_CONDITION = re.compile(r"/\*!(?:507|508|509|[6-9]\d\d)\d\d(?!\d)")
_SET_FORM = re.compile(r"(INSERT|REPLACE)\s+(?:IGNORE\s+)?(?:INTO\s+)?(?=\S+\s+SET\b)", re.IGNORECASE)
_SYSTEM = frozenset({"mysql", "sys", "pg_catalog", "information_schema"})
_PLAIN = frozenset({str, type(None), bytes})

Ddl = MysqlDdl | PostgresqlDdl


@dataclass(kw_only=True, eq=False)
class InsertPlan:
    """How the rows of INSERTs with the same head become rows of a shelf."""

    shelf: Shelf
    given: list[ColumnState]
    missing: list[ColumnState]
    converts: list[Convert]
    values: str
    """Columns and marks of the INSERT."""
    pending: list[Sequence[Any]] = field(default_factory=list)
    characters: int = 0

    @property
    def statement(self) -> str:
        """Return the INSERT; a shelf gives its name up when a new table of that name comes."""
        return f"insert into {quote(self.shelf.name)} {self.values}"


class Restorer:
    """Carries out whole scripts, one after the other."""

    def __init__(self, schema: Schema, connection: sqlite3.Connection) -> None:
        self.schema = schema
        self.connection = connection
        self.shelves = Shelves(schema, connection)
        self._plans: dict[tuple[str, str | None, int, bool], InsertPlan | None] = {}
        self._open: InsertPlan | None = None
        self._script: Script
        self._ddl: Ddl

    def run(self, script: Script, ddl: Ddl) -> None:
        """Carry out one script to its end."""
        self._script, self._ddl = script, ddl
        if isinstance(ddl, MysqlDdl):
            script.is_mysql_server = ddl.flavour.is_mysql
            if not (ddl.flavour.is_mysql or ddl.flavour.is_mariadb) and _NEW_CONDITION.search(script.file.head):
                name = script.file.path.name
                self.schema.note(f"{name} does not tell its server: what is only for MySQL 5.7 and later is left out")
        self._plans.clear()
        for statement in script.statements():
            if isinstance(statement, Insert):
                self._insert(statement)
            elif isinstance(statement, Copy):
                self._copy(statement)
            else:
                self._flush()
                if not self._empty(statement) and not self._insert_set(statement):
                    # whatever it changes, columns or settings, the next rows are looked at anew
                    self._plans.clear()
                    ddl.execute(statement)
                    if isinstance(ddl, PostgresqlDdl) and ddl.has_plain_strings != script.has_plain_strings:
                        script.set_plain_strings(ddl.has_plain_strings)
        self._flush()

    def finish(self) -> None:
        """Leave every table of the schema in the file under its final name."""
        self.shelves.finish(self._converter, self._default)

    def _empty(self, statement: str) -> bool:
        """Carry out TRUNCATE, and DELETE without a condition; False for any other statement."""
        match = _TRUNCATE.match(statement) or _DELETE_ALL.match(statement)
        if match is None:
            return False
        cursor = Cursor(match[1], self.schema.engine)
        while not cursor.is_done:
            table = self._ddl.table(cursor.qualified())
            if table is not None:
                self.shelves.empty(table)
            cursor.accept("*")
            cursor.accept(",")
        return True

    def _insert_set(self, statement: str) -> bool:
        """Carry out MySQL's INSERT ... SET, one row of names and values; False for any other statement."""
        match = _SET_FORM.match(statement) if self.schema.engine == "mysql" else None
        if match is None:
            return False
        cursor = Cursor(statement[match.end() :], "mysql", is_mysql_server=self._script.is_mysql_server)
        start = cursor.place
        cursor.qualified()
        table = cursor.raw(start, cursor.place)
        cursor.expect("SET")
        names, values = [], []
        for first, last in cursor.parts(cursor.place, len(cursor.tokens)):
            cursor.place = first
            names.append("`" + cursor.name().replace("`", "``") + "`")
            cursor.expect("=")
            values.append(cursor.raw(cursor.place, last))
        plan = self._plan(table, f"({', '.join(names)})", len(values), is_copy=False)
        if plan is not None:
            plan.shelf.keeps = "last" if match[1].upper() == "REPLACE" else plan.shelf.keeps
            self._hold(plan, [tuple(values)])
        return True

    # --- statements that bring rows -----------------------------------------------------------------------------

    def _insert(self, insert: Insert) -> None:
        script, plan = self._script, None
        try:
            for rows in read_insert(script, insert):
                plan = self._plan(insert.table, insert.columns, len(rows[0]), is_copy=False)
                if plan is None:
                    break
                self._hold(plan, rows)
        except BadRowsError:
            self.schema.note(f"{insert.table}: rows of an INSERT cannot be read")
        if plan is not None and (insert.verb == "REPLACE" or insert.is_ignore):
            plan.shelf.keeps = "last" if insert.verb == "REPLACE" else "first"
        script.skip_blank()
        if script.text.startswith(script.delimiter, script.position):
            script.position += len(script.delimiter)
            return
        tail = script.skip_statement().upper()
        if plan is not None and "DO NOTHING" in tail:
            plan.shelf.keeps = "first"
        elif "ON DUPLICATE KEY" in tail or "ON CONFLICT" in tail:
            self.schema.note(f"{insert.table}: INSERT that changes rows of the same key: inserted without the change")

    def _copy(self, copy: Copy) -> None:
        self._flush()
        plan = None
        try:
            null = null_mark(copy)
            for rows in read_copy(self._script, copy):
                plan = plan or self._plan(copy.table, copy.columns, len(rows[0]), is_copy=True)
                if plan is not None:
                    self._store(plan, rows, is_copy=True, null=null)
        except BadRowsError:
            self.schema.note(f"{copy.table}: the binary form of COPY cannot be read")

    def _plan(self, name: str, columns: str | None, width: int, *, is_copy: bool) -> InsertPlan | None:
        """Return how rows with this head are stored; None, with a note, when their table is not known."""
        key = (name, columns, width, is_copy)
        if key not in self._plans:
            parts = Cursor(name, self.schema.engine).qualified()
            table = self._ddl.table(parts)
            self._plans[key] = self._make_plan(table, columns, width, is_copy) if table is not None else None
            if table is None and self._ddl.place(parts)[0] not in _SYSTEM:
                self.schema.note(f"rows for {'.'.join(parts)}, which no statement makes before, are left out")
        return self._plans[key]

    def _make_plan(self, table: TableState, columns: str | None, width: int, is_copy: bool) -> InsertPlan:
        shelf = self.shelves.place(table, lambda column: self._default(table, column))
        if columns is None:
            # COPY leaves generated columns out, INSERT gives them the word DEFAULT; it may stop before the last column
            given = [column for column in table.columns if not (is_copy and column.is_generated)][:width]
        else:
            given = []
            for name in Cursor(columns, self.schema.engine).names_in_brackets():
                column = table.column(name, ignore_case=self.schema.engine == "mysql")
                if column is None:
                    raise RadlakeError(
                        f"{self._script.file.path.name}: there are rows for {table.name}.{name}, no column"
                    )
                given.append(column)
        held = {id(column) for column in given}
        missing = [column for column in table.columns if id(column) not in held]
        places = {id(column): name for column, name in zip(shelf.columns, shelf.names, strict=True)}
        names = ", ".join(quote(places[id(column)]) for column in (*given, *missing))
        self._note_what_is_left(table, given, missing)
        return InsertPlan(
            shelf=shelf,
            given=given,
            missing=missing,
            converts=[self._converter(column) for column in given],
            values=f"({names}) values ({', '.join(repeat('?', len(given) + len(missing)))})",
        )

    def _note_what_is_left(
        self, table: TableState, given: Sequence[ColumnState], missing: Sequence[ColumnState]
    ) -> None:
        for column in (*given, *missing):
            text = f"{table.name}.{column.name}: generated by the engine, NULL here"
            if column.is_generated and text not in self.schema.notes:
                self.schema.note(text)
        for key, trigger in self.schema.triggers.items():
            text = f"{table.name}: rows come after trigger {trigger.name}, whose work is not done here"
            if key[:2] == table.place and "insert" in trigger.events and text not in self.schema.notes:
                self.schema.note(text)

    def _converter(self, column: ColumnState) -> Convert:
        if column.is_generated:
            return lambda values: [None] * len(values)
        zone = self._ddl.time_zone
        if self.schema.engine == "mysql":
            return mysql_values.converter(column.source_type, self._script.file.encode, zone)
        return postgresql_values.converter(column.source_type, zone)

    # --- rows ---------------------------------------------------------------------------------------------------

    def _hold(self, plan: InsertPlan, rows: list[tuple[str, ...]]) -> None:
        """Keep rows back until there are enough of them for one stroke."""
        if self._open is not plan:
            self._flush()
            self._open = plan
        plan.pending += rows
        plan.characters += sum(map(len, rows[0])) * len(rows)
        if len(plan.pending) >= _ROWS_PER_BATCH or plan.characters >= _CHARACTERS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        plan, self._open = self._open, None
        if plan is not None and plan.pending:
            rows, plan.pending, plan.characters = plan.pending, [], 0
            self._store(plan, rows, is_copy=False)

    def _store(
        self, plan: InsertPlan, rows: Sequence[Sequence[Any]], *, is_copy: bool, null: str | None = None
    ) -> None:
        table, width = plan.shelf.table, len(plan.given)
        whole = rows
        if set(map(len, rows)) != {width}:
            whole = [row for row in rows if len(row) == width]
            self.schema.note(f"{table.name}: rows with another number of values are left out", len(rows) - len(whole))
        count = len(whole)
        if not count:
            return
        stored: list[Sequence[Stored]] = []
        for column, convert, tokens in zip(plan.given, plan.converts, zip(*whole, strict=True), strict=True):
            values = unescape_copy(tokens, null) if is_copy else self._values(table, column, tokens)
            stored.append(self._numbered(table, column, convert(values)))
        stored += [self._missing(table, column, count) for column in plan.missing]
        plan.shelf.rows += count
        lines: Any = zip(*stored, strict=True) if stored else repeat((), count)
        last = self.connection.execute(f"select max(rowid) from {quote(plan.shelf.name)}").fetchone()[0] or 0
        try:
            self.connection.executemany(plan.statement, lines)
        except UnicodeEncodeError:
            # the file has no journal to roll back
            self.connection.execute(f"delete from {quote(plan.shelf.name)} where rowid > {last}")
            self.connection.executemany(plan.statement, zip(*map(self._readable, stored), strict=True))
            self.schema.note(
                f"{table.name}: batches of rows with bytes that are no text in {self._script.file.encoding}"
            )

    def _readable(self, values: Sequence[Stored]) -> list[Stored]:
        """Replace bytes that are no text; those Windows-1252 leaves free are control characters in MySQL."""
        is_western = self._script.file.encoding in ("cp1252", "latin-1")
        found: list[Stored] = []
        for value in values:
            if isinstance(value, str) and not value.isascii():
                if is_western:
                    value = "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in value)
                value = encode_back(value, "utf-8").decode("utf-8", "replace")
            found.append(value)
        return found

    def _values(self, table: TableState, column: ColumnState, tokens: Sequence[str]) -> Sequence[Stored]:
        """Return the values of one column of INSERT; what is no plain value is worked out or noted."""
        values = self._literals(column, tokens)
        if set(map(type, values)) <= _PLAIN:
            return values  # type: ignore[return-value]
        found: list[Stored] = []
        unknown: Counter[str] = Counter()
        for value in values:
            if isinstance(value, Unknown):
                unknown[value.kind] += 1
                found.append(None)
            elif isinstance(value, NextValue):
                found.append(self._next(value.sequence))
            elif value is DEFAULT:
                found.append(self._default(table, column))
            else:
                found.append(value)  # type: ignore[arg-type]
        for kind, count in unknown.items():
            self.schema.note(f"{table.name}.{column.name}: {kind} needs a server, NULL stands in its place", count)
        return found

    def _literals(self, column: ColumnState, tokens: Sequence[str]) -> list[Value]:
        if self.schema.engine == "mysql":
            encode = self._script.file.encode
            if column.source_type.startswith("bit"):
                return [read_mysql_bits(token, encode) for token in tokens]
            if self._script.file.encoding in TWO_BYTE_ENCODINGS and is_binary(column.source_type):
                return [read_mysql_bytes(token, encode) for token in tokens]
            return read_all(tokens, unescape_mysql, lambda text: None if text == "NULL" else read_mysql(text, encode))
        is_plain = self._script.has_plain_strings
        unescape = (lambda text: text.replace("''", "'")) if is_plain else unescape_c
        return read_all(tokens, unescape, lambda token: read_postgresql(token, has_plain_strings=is_plain))

    def _missing(self, table: TableState, column: ColumnState, count: int) -> Sequence[Stored]:
        """Return the values of a column that the rows do not give."""
        if column.is_generated:
            return [None] * count
        if self.schema.engine == "mysql" and column.is_identity:
            return self._numbered(table, column, [None] * count)
        if column.sequence is not None:
            return [self._default(table, column) for _ in range(count)]
        token = column.default_token
        return [self._default(table, column, count if token else 1)] * count

    def _default(self, table: TableState, column: ColumnState, count: int = 1) -> Stored:
        """Return the default of a column; an expression that only a server works out is noted for `count` rows."""
        if column.sequence is not None:
            return self._take(column.sequence)
        if column.default_token is None or column.is_generated:
            return None
        value = self._literals(column, [column.default_token])[0]
        if isinstance(value, Unknown | NextValue) or value is DEFAULT:
            kind = value.kind if isinstance(value, Unknown) else "expression"
            self.schema.note(
                f"{table.name}.{column.name}: default {kind} needs a server, NULL stands in its place", count
            )
            return None
        return self._converter(column)([value])[0]  # type: ignore[list-item]

    def _numbered(self, table: TableState, column: ColumnState, values: Sequence[Stored]) -> Sequence[Stored]:
        """Number the rows of an AUTO_INCREMENT column that ask for it, and remember the highest number."""
        if self.schema.engine != "mysql" or not column.is_identity:
            return values
        try:
            if None not in values and "0" not in values:
                table.next_number = max(table.next_number, max(map(int, values)) + 1)  # type: ignore[arg-type]
                return values
        except ValueError:
            pass
        asks = (None, "0") if self._ddl.numbers_zero else (None,)  # type: ignore[union-attr]
        found: list[Stored] = []
        following = table.next_number
        for value in values:
            if value in asks:
                value = str(following)
            if isinstance(value, str) and value.isdigit():
                following = max(following, int(value) + 1)
            found.append(value)
        table.next_number = following
        return found

    def _next(self, name: str) -> str | None:
        path = self._ddl.path if isinstance(self._ddl, PostgresqlDdl) else ()
        return self._take(sequence_place(name, path, self.schema))

    def _take(self, place: tuple[str, str]) -> str | None:
        sequence = self.schema.sequences.get(place)
        if sequence is None:
            self.schema.note(f"sequence {place[1]}, which no statement makes before, gives NULL")
            return None
        number = sequence.next_value
        sequence.next_value += sequence.step
        return str(number)
