"""Carries out the DDL of a MySQL script on a Schema, as a server would, and tells the session's time zone."""

import re
from copy import deepcopy

from ingestion.migration.catalog import Event, Routine, Trigger, View
from ingestion.migration.dump.mysql_tables import (
    Flavour,
    add_index,
    add_item,
    drop_implied,
    read_items,
    read_options,
    settle_character_sets,
)
from ingestion.migration.dump.mysql_types import canonical_character_set, character_set_of, default_collation
from ingestion.migration.dump.schema import ColumnState, Place, Schema, SequenceState, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError, statement_kind

SYSTEM_SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema"})

_IGNORED = re.compile(
    r"(?:SET|LOCK|UNLOCK|START|BEGIN|COMMIT|ROLLBACK|FLUSH|GRANT|REVOKE|ANALYZE|OPTIMIZE|CHECK|SHOW|SELECT|SOURCE|RESET"
    r"|CHANGE\s+MASTER|CREATE\s+(?:USER|ROLE)|DROP\s+USER|ALTER\s+(?:USER|DATABASE)|DO|WARNINGS|NOWARNING|EXPLAIN)\b",
    re.IGNORECASE,
)
_HEAD = re.compile(r"(?:/\*M?!\d*\s*)*")
_TIME_ZONE = re.compile(r"TIME_ZONE\s*=\s*'([^']*)'", re.IGNORECASE)
_NO_ZERO = re.compile(r"SQL_MODE\s*=\s*'([^']*)'", re.IGNORECASE)
_VERSION = re.compile(
    r"(?:Server version\s+|Source Server Version:? *:? *|服务器版本：? *|Server version: *)([\d.]+[\w.-]*)", re.IGNORECASE
)
_DATABASE = re.compile(
    r"(?:-- Host:.*Database: *|Source (?:Database|Schema) *: *|-- Database: *`?|-- 数据库： *`?)([^\s`;]+)", re.IGNORECASE
)
_EVENTS = ("INSERT", "UPDATE", "DELETE")


def read_flavour(head: str) -> tuple[Flavour, str]:
    """Return what kind of server wrote a script and its version, as far as the head tells."""
    found = _VERSION.search(head, 0, 20_000)
    version = found[1] if found else ""
    if re.fullmatch(r"[5-9]\d{4}|1\d{5}", version):
        # Navicat writes 80032 for 8.0.32
        version = ".".join(str(int(part)) for part in (version[:-4], version[-4:-2], version[-2:]))
    is_mariadb = "mariadb" in head[:20_000].lower()
    is_known = bool(version) or "MySQL dump" in head[:2000]
    major = int(version.split(".")[0]) if version[:1].isdigit() else 0
    is_mysql = is_known and not is_mariadb
    flavour = Flavour(is_mariadb=is_mariadb, is_mysql=is_mysql, is_mysql_8=is_mysql and 8 <= major < 10)
    return flavour, version.removeprefix("5.5.5-")


def read_database(head: str) -> str | None:
    """Return the database a script was made of, as far as the head tells."""
    found = _DATABASE.search(head, 0, 20_000)
    return found[1] if found else None


class MysqlDdl:
    """The reader of one script's DDL."""

    def __init__(self, schema: Schema, flavour: Flavour) -> None:
        self.schema = schema
        self.flavour = flavour
        self.current = schema.default_schema
        self.time_zone: str | None = None
        self.numbers_zero = True
        """Whether a nought in an AUTO_INCREMENT column asks for a number."""

    def place(self, name: tuple[str, ...]) -> Place:
        """Return schema and name of an object, in the current schema unless told."""
        return (name[-2], name[-1]) if len(name) > 1 else (self.current, name[-1])

    def table(self, name: tuple[str, ...]) -> TableState | None:
        """Return a table by its name; names of tables differ by case on most servers, but not on all."""
        schema, table = self.place(name)
        found = self.schema.tables.get((schema, table))
        if found is None:
            lower = (schema.lower(), table.lower())
            found = next((one for one in self.schema.tables.values() if tuple(map(str.lower, one.place)) == lower), None)
        return found

    def execute(self, statement: str) -> None:
        """Carry out one statement; what is not understood is noted by its first words."""
        head = _HEAD.match(statement)
        plain = statement[head.end() if head else 0 :]
        if _IGNORED.match(plain):
            self._read_settings(plain)
            return
        try:
            self._execute(Cursor(statement, "mysql"))
        except (StatementError, ValueError, IndexError) as error:
            words = " ".join(re.findall(r"\w+", plain)[:2]).upper()
            self.schema.note(f"not understood: {words} ({error if isinstance(error, StatementError) else 'odd form'})")

    def _read_settings(self, text: str) -> None:
        if not text[:3].upper() == "SET":
            return
        zone = _TIME_ZONE.search(text)
        if zone:
            self.time_zone = zone[1]
        elif re.search(r"\bTIME_ZONE\s*=\s*@", text, re.IGNORECASE):
            self.time_zone = None
        mode = _NO_ZERO.search(text)
        if mode:
            self.numbers_zero = "NO_AUTO_VALUE_ON_ZERO" not in mode[1].upper()

    def _execute(self, cursor: Cursor) -> None:
        if cursor.accept("USE"):
            self.current = cursor.name()
            if not self.schema.tables:
                self.schema.default_schema = self.current
        elif cursor.accept("CREATE"):
            self._create(cursor)
        elif cursor.accept("DROP"):
            self._drop(cursor)
        elif cursor.accept("ALTER"):
            self._alter(cursor)
        elif cursor.accept("RENAME", "TABLE"):
            while not cursor.is_done:
                old = cursor.qualified()
                cursor.expect("TO")
                self._rename(old, cursor.qualified())
                cursor.accept(",")
        elif not cursor.is_done:
            self.schema.note(f"not carried out: {statement_kind(cursor)}")

    # --- CREATE -------------------------------------------------------------------------------------------------

    def _create(self, cursor: Cursor) -> None:
        cursor.accept("OR", "REPLACE")
        is_temporary = cursor.accept("TEMPORARY")
        while cursor.accept_any("ALGORITHM", "SQL"):
            if not cursor.accept("="):
                cursor.expect("SECURITY")
            cursor.next()
        if cursor.accept("DEFINER"):
            cursor.expect("=")
            cursor.next()
            # the host of user@host, unless the tokenizer took it for one word
            if cursor.accept("@") or (cursor.peek() is not None and cursor.tokens[cursor.place].value.startswith("@")):
                token = cursor.peek()
                if token is not None and (token.kind in ("name", "string") or token.value.startswith("@")):
                    is_bare = token.value == "@"
                    cursor.next()
                    if is_bare:
                        cursor.next()
            elif cursor.at("("):
                cursor.brackets()
        if cursor.accept("SQL", "SECURITY"):
            cursor.next()
        cursor.accept("AGGREGATE")
        kind = cursor.next().value.upper()
        if kind in ("DATABASE", "SCHEMA"):
            self._create_database(cursor)
        elif kind == "TABLE":
            if not is_temporary:
                self._create_table(cursor)
        elif kind == "VIEW":
            self._create_view(cursor)
        elif kind == "TRIGGER":
            self._create_trigger(cursor)
        elif kind in ("FUNCTION", "PROCEDURE"):
            self._create_routine(cursor, kind.lower())
        elif kind == "EVENT":
            self._create_event(cursor)
        elif kind == "SEQUENCE":
            cursor.accept("IF", "NOT", "EXISTS")
            self.schema.sequences[self.place(cursor.qualified())] = SequenceState()
        else:
            self._create_index(cursor, kind)

    def _create_database(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        name = cursor.name()
        character_set = collation = None
        while not cursor.is_done:
            if cursor.accept("CHARACTER", "SET") or cursor.accept("CHARSET"):
                cursor.accept("=")
                character_set = canonical_character_set(cursor.name().lower())
            elif cursor.accept("COLLATE"):
                cursor.accept("=")
                collation = cursor.name().lower()
            else:
                cursor.next()
        if not self.schema.tables:
            self.schema.default_schema = self.current = name
            self.schema.character_set = character_set or (character_set_of(collation) if collation else "")
            self.schema.collation = collation or (
                default_collation(character_set, is_mysql_8=self.flavour.is_mysql_8) if character_set else ""
            )

    def _create_table(self, cursor: Cursor) -> None:
        is_optional = cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        if schema.lower() in SYSTEM_SCHEMAS or (is_optional and (schema, name) in self.schema.tables):
            return
        if (schema, name) in self.schema.views:
            # mysqldump's stand-in for a view that exists already
            return
        table = TableState(schema=schema, name=name, definition=cursor.text)
        if cursor.accept("LIKE") or cursor.accept("(", "LIKE"):
            self._copy_table(table, cursor.qualified())
        else:
            if cursor.at("("):
                read_items(cursor, self.schema, table, self.flavour)
            read_options(cursor, self.schema, table, self.flavour)
            if not table.columns:
                raise StatementError("a table without columns")
        self.schema.tables[table.place] = table

    def _copy_table(self, table: TableState, name: tuple[str, ...]) -> None:
        model = self.table(name)
        if model is None:
            raise StatementError("LIKE an unknown table")
        table.columns, table.indexes, table.checks = deepcopy((model.columns, model.indexes, model.checks))
        table.character_set, table.collation, table.comment = model.character_set, model.collation, model.comment
        for index in table.indexes:
            index.is_implied = False

    def _create_view(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        if cursor.at("("):
            cursor.brackets()
        cursor.expect("AS")
        definition = re.sub(r"\s*\*/\s*$", "", cursor.rest())
        if schema.lower() not in SYSTEM_SCHEMAS:
            self.schema.views[schema, name] = View(schema=schema, name=name, definition=definition)

    def _create_trigger(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        name = cursor.qualified()
        timing = cursor.next().value.lower()
        event = cursor.next().value.lower()
        cursor.expect("ON")
        table_name = cursor.qualified()
        table = self.table(table_name)
        schema, place = table.place if table else self.place(table_name)
        self.schema.triggers[schema, place, name[-1]] = Trigger(
            schema=schema,
            name=name[-1],
            table=place,
            timing=timing,
            events=(event,),
            definition=_without_conditions(cursor.text),
        )

    def _create_routine(self, cursor: Cursor, kind: str) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        if not cursor.at("("):
            # a function of a library: CREATE FUNCTION name RETURNS type SONAME file
            return
        arguments = cursor.raw(*cursor.brackets())
        returns, comment = "", ""
        if cursor.accept("RETURNS"):
            start = cursor.place
            cursor.next()
            while not cursor.is_done and cursor.at("("):
                cursor.brackets()
            while any(cursor.at(word) for word in ("UNSIGNED", "CHARSET", "CHARACTER", "COLLATE", "SET")):
                word = cursor.next().value.upper()
                if word in ("CHARSET", "SET", "COLLATE"):
                    cursor.next()
            returns = cursor.raw(start, cursor.place)
        for place in range(cursor.place, len(cursor.tokens) - 1):
            word = cursor.tokens[place].value.upper()
            if word in ("BEGIN", "RETURN", "SELECT"):
                break
            if word == "COMMENT" and cursor.tokens[place + 1].kind == "string":
                comment = cursor.tokens[place + 1].value
        self.schema.routines[schema, name, kind] = Routine(
            schema=schema,
            name=name,
            kind=kind,
            arguments=" ".join(arguments.split()),
            returns=returns.lower(),
            definition=_without_conditions(cursor.text),
            comment=comment,
        )

    def _create_event(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        cursor.expect("ON", "SCHEDULE")
        start = cursor.place
        while not cursor.is_done and not any(cursor.at(word) for word in ("DO", "ON", "ENABLE", "DISABLE", "COMMENT")):
            cursor.next()
        self.schema.events[schema, name] = Event(
            schema=schema,
            name=name,
            schedule=cursor.raw(start, cursor.place),
            definition=_without_conditions(cursor.text),
        )

    def _create_index(self, cursor: Cursor, kind: str) -> None:
        is_unique, method = kind == "UNIQUE", "btree"
        if kind in ("FULLTEXT", "SPATIAL"):
            method = kind.lower()
        if kind != "INDEX":
            cursor.expect("INDEX")
        is_optional = cursor.accept("IF", "NOT", "EXISTS")
        name = cursor.name()
        if cursor.accept("USING"):
            method = cursor.name().lower()
        cursor.expect("ON")
        table = self._known(cursor.qualified())
        if is_optional and any(index.name.lower() == name.lower() for index in table.indexes):
            return
        columns, has_expression = _indexed(cursor, table)
        add_index(table, name, columns, is_unique=is_unique, method=method, has_expression=has_expression)

    def _known(self, name: tuple[str, ...]) -> TableState:
        table = self.table(name)
        if table is None:
            raise StatementError("of an unknown table")
        return table

    # --- DROP, RENAME, ALTER ------------------------------------------------------------------------------------

    def _drop(self, cursor: Cursor) -> None:
        cursor.accept("TEMPORARY")
        kind = cursor.next().value.upper()
        cursor.accept("IF", "EXISTS")
        if kind == "INDEX":
            name = cursor.name()
            cursor.expect("ON")
            table = self._known(cursor.qualified())
            table.indexes = [index for index in table.indexes if index.name.lower() != name.lower()]
            return
        while not cursor.is_done and not any(cursor.at(word) for word in ("CASCADE", "RESTRICT")):
            self._drop_one(kind, cursor.qualified())
            cursor.accept(",")

    def _drop_one(self, kind: str, name: tuple[str, ...]) -> None:
        place = self.place(name)
        if kind in ("TABLE", "TABLES"):
            table = self.table(name)
            if table:
                self.schema.drop_table(table.place)
        elif kind == "VIEW":
            self.schema.views.pop(place, None)
        elif kind in ("DATABASE", "SCHEMA"):
            for table in [table for table in self.schema.tables.values() if table.schema == name[-1]]:
                self.schema.drop_table(table.place)
            for held in (self.schema.views, self.schema.routines, self.schema.events):
                for key in [key for key in held if key[0] == name[-1]]:
                    held.pop(key)  # type: ignore[arg-type]
        elif kind == "TRIGGER":
            for key in [key for key in self.schema.triggers if (key[0], key[2]) == place]:
                self.schema.triggers.pop(key)
        elif kind in ("FUNCTION", "PROCEDURE"):
            self.schema.routines.pop((*place, kind.lower()), None)
        elif kind == "EVENT":
            self.schema.events.pop(place, None)
        elif kind == "SEQUENCE":
            self.schema.sequences.pop(place, None)

    def _rename(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        table = self._known(old)
        self.schema.tables.pop(table.place)
        former = table.place
        table.schema, table.name = self.place(new)
        self.schema.tables[table.place] = table
        for key in [key for key in self.schema.triggers if key[:2] == former]:
            trigger = self.schema.triggers.pop(key)
            self.schema.triggers[table.schema, table.name, trigger.name] = Trigger(
                schema=table.schema,
                name=trigger.name,
                table=table.name,
                timing=trigger.timing,
                events=trigger.events,
                definition=trigger.definition,
            )

    def _alter(self, cursor: Cursor) -> None:
        for word in ("ONLINE", "OFFLINE", "IGNORE"):
            cursor.accept(word)
        if not cursor.accept("TABLE"):
            # of a view, an event, a sequence: nothing that the catalog tells
            return
        cursor.accept("IF", "EXISTS")
        name = cursor.qualified()
        if self.place(name)[0].lower() in SYSTEM_SCHEMAS:
            return
        if self.place(name) in self.schema.views:
            return
        if self._is_harmless(cursor):
            return
        table = self._known(name)
        for start, end in cursor.parts(cursor.place, len(cursor.tokens)):
            cursor.place = start
            self._alter_one(cursor, table, end)
        settle_character_sets(self.schema, table, self.flavour)

    def _is_harmless(self, cursor: Cursor) -> bool:
        return cursor.at("DISABLE", "KEYS") or cursor.at("ENABLE", "KEYS")

    def _alter_one(self, cursor: Cursor, table: TableState, end: int) -> None:
        if cursor.accept("ADD"):
            self._alter_add(cursor, table, end)
        elif cursor.accept("MODIFY") or cursor.accept("CHANGE"):
            is_change = cursor.tokens[cursor.place - 1].value.upper() == "CHANGE"
            cursor.accept("COLUMN")
            cursor.accept("IF", "EXISTS")
            old = cursor.name() if is_change else None
            name = old or cursor.tokens[cursor.place].value
            self._replace_column(cursor, table, name, end)
        elif cursor.accept("DROP"):
            self._alter_drop(cursor, table)
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
            self._rename(table.place, cursor.qualified())
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

    def _alter_add(self, cursor: Cursor, table: TableState, end: int) -> None:
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
            self._move(cursor, table, column, place, end)

    def _replace_column(self, cursor: Cursor, table: TableState, name: str, end: int) -> None:
        """Give a column a new definition; it stays the same column, at its place unless told."""
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
        self._move(cursor, table, former, place, end)

    def _move(self, cursor: Cursor, table: TableState, column: ColumnState, start: int, end: int) -> None:
        last = cursor.tokens[end - 1]
        if last.kind == "word" and last.value.upper() == "FIRST":
            table.columns.remove(column)
            table.columns.insert(0, column)
        elif end - 2 > start and cursor.tokens[end - 2].value.upper() == "AFTER":
            after = table.column(last.value, ignore_case=True)
            if after is not None:
                table.columns.remove(column)
                table.columns.insert(table.columns.index(after) + 1, column)

    def _alter_drop(self, cursor: Cursor, table: TableState) -> None:
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
                self._drop_column(table, column.name)
        drop_implied(table)

    def _drop_column(self, table: TableState, name: str) -> None:
        """Drop a column; MySQL takes it out of its indexes and drops those that are left without columns."""
        table.columns = [column for column in table.columns if column.name != name]
        for index in table.indexes:
            index.columns = tuple(column for column in index.columns if column != name)
        table.indexes = [index for index in table.indexes if index.columns]


def _indexed(cursor: Cursor, table: TableState) -> tuple[tuple[str, ...], bool]:
    first, last = cursor.brackets()
    names, has_expression = [], False
    for start, end in cursor.parts(first, last):
        cursor.place = start
        if cursor.at("("):
            names.append(cursor.raw(*cursor.brackets()))
            has_expression = True
            continue
        found = cursor.name()
        column = table.column(found, ignore_case=True)
        names.append(column.name if column else found)
        has_expression = has_expression or (cursor.place < end and cursor.at("("))
    return tuple(names), has_expression


def _without_conditions(text: str) -> str:
    """Return the text of a routine without the marks of conditional comments."""
    return " ".join(re.sub(r"/\*M?!\d*|\*/", "", text).split(" ")).strip() if "/*!" in text else text
