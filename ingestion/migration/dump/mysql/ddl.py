"""Carries out the DDL of a MySQL script on a Schema, as a server would, and tells the session's time zone."""

import re
from copy import deepcopy

from ingestion.migration.catalog import Event, Routine, Trigger, View
from ingestion.migration.dump.mysql.alter import TableChange, rename_table
from ingestion.migration.dump.mysql.tables import (
    Flavour,
    add_index,
    index_columns,
    read_items,
    read_options,
    settle_character_sets,
)
from ingestion.migration.dump.mysql.types import canonical_character_set, character_set_of, default_collation
from ingestion.migration.dump.schema import Place, Schema, SequenceState, TableState
from ingestion.migration.dump.script import BACKSLASH_STRING
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
    r"(?:Server version\s+|Source Server Version:? *:? *|服务器版本：? *|Server version: *)([\d.]+[\w.-]*)",
    re.IGNORECASE,
)
_DATABASE = re.compile(
    r"(?:-- Host:.*Database: *|Source (?:Database|Schema) *: *|-- Database: *`?|-- 数据库： *`?)([^\s`;]+)",
    re.IGNORECASE,
)


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
            found = next(
                (one for one in self.schema.tables.values() if tuple(map(str.lower, one.place)) == lower), None
            )
        return found

    def execute(self, statement: str) -> None:
        """Carry out one statement; what is not understood is noted by its first words."""
        head = _HEAD.match(statement)
        plain = statement[head.end() if head else 0 :]
        if _IGNORED.match(plain):
            self._read_settings(plain)
            return
        try:
            self._execute(Cursor(statement, "mysql", is_mysql_server=self.flavour.is_mysql))
        except (StatementError, ValueError, IndexError) as error:
            words = " ".join(re.findall(r"\w+", plain)[:2]).upper()
            self.schema.note(f"not understood: {words} ({error if isinstance(error, StatementError) else 'odd form'})")

    def _read_settings(self, text: str) -> None:
        if text[:3].upper() != "SET":
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
                rename_table(self.schema, self._known(old), self.place(cursor.qualified()))
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
        # a table it is, even when not all of its statement can be read
        self.schema.tables[table.place] = table
        if cursor.accept("LIKE") or cursor.accept("(", "LIKE"):
            self._copy_table(table, cursor.qualified())
            return
        if cursor.at("("):
            read_items(cursor, self.schema, table, self.flavour)
        if not table.columns:
            raise StatementError(f"{name}, whose columns are not told")
        read_options(cursor, self.schema, table, self.flavour)

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
        definition = _without_conditions(cursor.rest())
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
        columns, has_expression = index_columns(cursor, table)
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

    def _alter(self, cursor: Cursor) -> None:
        for word in ("ONLINE", "OFFLINE", "IGNORE"):
            cursor.accept(word)
        if not cursor.accept("TABLE"):
            # of a view, an event, a sequence: nothing that the catalog tells
            return
        cursor.accept("IF", "EXISTS")
        name = cursor.qualified()
        place = self.place(name)
        if place[0].lower() in SYSTEM_SCHEMAS or place in self.schema.views:
            return
        if cursor.at("DISABLE", "KEYS") or cursor.at("ENABLE", "KEYS"):
            return
        table = self._known(name)
        change = TableChange(cursor, self.schema, table, self.flavour)
        for start, end in cursor.parts(cursor.place, len(cursor.tokens)):
            cursor.place = start
            change.carry_out(end)
        settle_character_sets(self.schema, table, self.flavour)


_MARK = re.compile(rf"{BACKSLASH_STRING}|/\*(?!M?!).*?\*/|(/\*M?!\d*|\*/)", re.DOTALL)


def _without_conditions(text: str) -> str:
    """Return the text of a view or routine without the marks of conditional comments; its own comments stay."""
    return _MARK.sub(lambda match: "" if match[1] else match[0], text).strip()
