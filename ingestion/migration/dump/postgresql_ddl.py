"""Carries out the DDL of a PostgreSQL script on a Schema, as a server would, and follows the session's settings."""

import re
from dataclasses import replace

from ingestion.migration.catalog import Routine, Trigger, UserType, View
from ingestion.migration.dump.postgresql_alter import alter
from ingestion.migration.dump.postgresql_tables import (
    TableItems,
    attach,
    find_table,
    free_name,
    inherit_columns,
    joined,
    own_sequence,
    sequence_place,
    spread_index,
    table_column,
)
from ingestion.migration.dump.schema import IndexState, Place, Schema, SequenceState, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError, statement_kind

SYSTEM_SCHEMAS = frozenset({"pg_catalog", "information_schema", "pg_toast"})

_IGNORED = re.compile(
    r"(?:SET|RESET|BEGIN|COMMIT|START|ROLLBACK|END|GRANT|REVOKE|ANALYZE|VACUUM|LOCK|SHOW|SECURITY\s+LABEL|REINDEX|CLUSTER"
    r"|CREATE\s+(?:ROLE|USER|EXTENSION|DATABASE|CAST|OPERATOR|COLLATION|LANGUAGE|(?:OR\s+REPLACE\s+)?(?:TRUSTED\s+)?"
    r"(?:PROCEDURAL\s+)?LANGUAGE|PUBLICATION|SUBSCRIPTION|POLICY|SERVER|STATISTICS|TABLESPACE|EVENT|TEXT\s+SEARCH|ACCESS)"
    r"|(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?RULE|COMMENT\s+ON\s+EXTENSION|REFRESH|CHECKPOINT|DISCARD"
    r"|ALTER\s+(?:DATABASE|ROLE|USER|DEFAULT|LANGUAGE|EXTENSION|SCHEMA|DOMAIN|AGGREGATE|FUNCTION|PROCEDURE|OPERATOR"
    r"|VIEW|MATERIALIZED|PUBLICATION|EVENT|TEXT|COLLATION|STATISTICS|POLICY)"
    r"|DROP\s+(?:ROLE|USER|DATABASE|EXTENSION|CAST|OPERATOR|LANGUAGE|POLICY|PROCEDURAL))\b",
    re.IGNORECASE,
)
_SETVAL = re.compile(r"SELECT\s+(?:pg_catalog\.)?setval\s*\(", re.IGNORECASE)
_SET_CONFIG = re.compile(r"SELECT\s+(?:pg_catalog\.)?set_config\s*\(\s*'search_path'\s*,\s*'([^']*)'", re.IGNORECASE)
_SET = re.compile(r"SET\s+(?:SESSION\s+|LOCAL\s+)?(search_path|timezone|time\s+zone|standard_conforming_strings)"
                  r"\s*(?:=|\bTO\b)?\s*(.*)", re.IGNORECASE | re.DOTALL)  # fmt: skip
_TRIGGER_FUNCTIONS = frozenset(
    {"tsvector_update_trigger", "tsvector_update_trigger_column", "suppress_redundant_updates_trigger"}
)
"""Of the server itself."""
_VERSION = re.compile(r"Dumped from database version ([\w.]+)")
_DATABASE = re.compile(r"^\\connect\s+(?:-reuse-previous=\w+\s+)?\"?(?:dbname=')?([^\s\"']+)", re.MULTILINE)


def read_version(head: str) -> str:
    """Return the version of the server a script was dumped from, as far as the head tells."""
    found = _VERSION.search(head, 0, 20_000)
    return found[1] if found else ""


def read_database(head: str) -> str | None:
    """Return the database a script connects to, as far as the head tells."""
    found = _DATABASE.search(head, 0, 20_000)
    return found[1] if found else None


class PostgresqlDdl:
    """The reader of one script's DDL."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.path: tuple[str, ...] = (schema.default_schema,)
        self.time_zone: str | None = None
        self.has_plain_strings = True

    def place(self, name: tuple[str, ...]) -> Place:
        """Return schema and name of a new object."""
        return (name[-2], name[-1]) if len(name) > 1 else ((self.path or ("public",))[0], name[0])

    def table(self, name: tuple[str, ...]) -> TableState | None:
        """Return a table by its name along the search path."""
        return find_table(self.schema, name, self.path)

    def execute(self, statement: str) -> None:
        """Carry out one statement; what is not understood is noted by its first words."""
        if self._read_settings(statement) or _IGNORED.match(statement):
            return
        try:
            self._execute(Cursor(statement, "postgresql", has_plain_strings=self.has_plain_strings))
        except (StatementError, ValueError, IndexError) as error:
            words = " ".join(re.findall(r"[A-Za-z]+", statement)[:2]).upper()
            self.schema.note(f"not understood: {words} ({error if isinstance(error, StatementError) else 'odd form'})")

    def _read_settings(self, statement: str) -> bool:
        if statement[:3].upper() not in ("SET", "SEL"):
            return False
        config = _SET_CONFIG.match(statement)
        if config:
            self._set_path(config[1])
            return True
        if _SETVAL.match(statement):
            self._set_sequence(statement)
            return True
        found = _SET.match(statement)
        if found is None:
            return False
        name, value = " ".join(found[1].lower().split()), found[2].strip()
        if name == "search_path":
            self._set_path(value)
        elif name == "standard_conforming_strings":
            self.has_plain_strings = value.strip("'").lower() in ("on", "true", "1", "yes")
        else:
            plain = value.strip("'\"")
            self.time_zone = None if plain.lower() in ("default", "local") else plain
        return True

    def _set_path(self, text: str) -> None:
        names = [part.strip().strip("\"'") for part in text.split(",")]
        self.path = tuple(name for name in names if name and name not in ("$user", "pg_catalog"))

    def _set_sequence(self, statement: str) -> None:
        cursor = Cursor(statement, "postgresql", has_plain_strings=self.has_plain_strings)
        strings = [token for token in cursor.tokens if token.kind == "string"]
        numbers = [token for token in cursor.tokens if token.kind == "number"]
        if not strings or not numbers:
            self.schema.note("not carried out: SELECT setval")
            return
        sequence = self.schema.sequences.get(sequence_place(strings[0].value, self.path, self.schema))
        if sequence:
            is_called = cursor.tokens[-2].value.lower() != "false"
            sequence.next_value = int(numbers[-1].value) + (sequence.step if is_called else 0)

    def _execute(self, cursor: Cursor) -> None:
        if cursor.accept("CREATE"):
            self._create(cursor)
        elif cursor.accept("ALTER"):
            alter(cursor, self.schema, self.path)
        elif cursor.accept("DROP"):
            self._drop(cursor)
        elif cursor.accept("COMMENT", "ON"):
            self._comment(cursor)
        elif not cursor.is_done:
            self.schema.note(f"not carried out: {statement_kind(cursor)}")

    # --- CREATE -------------------------------------------------------------------------------------------------

    def _create(self, cursor: Cursor) -> None:
        cursor.accept("OR", "REPLACE")
        is_temporary = False
        while word := cursor.accept_any("TEMPORARY", "TEMP", "UNLOGGED", "GLOBAL", "LOCAL", "CONSTRAINT", "RECURSIVE"):
            is_temporary = is_temporary or word.startswith("TEMP")
        if cursor.accept("UNIQUE", "INDEX"):
            self._create_index(cursor, is_unique=True)
            return
        kind = cursor.next().value.upper()
        if is_temporary and kind in ("TABLE", "VIEW", "SEQUENCE"):
            return
        if kind == "TABLE":
            self._create_table(cursor)
        elif kind == "INDEX":
            self._create_index(cursor, is_unique=False)
        elif kind == "VIEW":
            self._create_view(cursor, is_materialized=False)
        elif kind == "MATERIALIZED":
            cursor.expect("VIEW")
            self._create_view(cursor, is_materialized=True)
        elif kind == "SEQUENCE":
            self._create_sequence(cursor)
        elif kind in ("FUNCTION", "PROCEDURE", "AGGREGATE"):
            self._create_routine(cursor, kind.lower())
        elif kind == "TRIGGER":
            self._create_trigger(cursor)
        elif kind in ("TYPE", "DOMAIN"):
            self._create_type(cursor, kind)
        elif kind == "FOREIGN":
            cursor.expect("TABLE")
            self.schema.note("foreign tables, whose rows lie elsewhere")
        elif kind != "SCHEMA":
            raise StatementError("an unknown object")

    def _create_table(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        if (schema, name) in self.schema.tables:
            return
        table = TableState(schema=schema, name=name, definition=cursor.text)
        self.schema.tables[table.place] = table
        try:
            self._fill_table(cursor, table)
        except StatementError:
            self.schema.tables.pop(table.place)
            raise

    def _fill_table(self, cursor: Cursor, table: TableState) -> None:
        items = TableItems(cursor, self.schema, table, self.path)
        if cursor.accept("PARTITION", "OF"):
            parent = self.table(cursor.qualified())
            if parent is None:
                raise StatementError("PARTITION OF an unknown table")
            inherit_columns(table, parent)
            table.partition_of = parent.place
            if cursor.at("("):
                items.read_all(of_partition=True)
            table.bound = _until(cursor, "PARTITION")
            attach(self.schema, parent, table)
        elif cursor.accept("OF"):
            raise StatementError("a table of a type")
        elif cursor.at("("):
            self._read_inherited(cursor, table)
            items.read_all()
        else:
            raise StatementError("a table made by a query")
        while not cursor.is_done:
            if cursor.accept("PARTITION", "BY"):
                start = cursor.place
                cursor.next()
                cursor.brackets()
                table.partition_by = cursor.raw(start, cursor.place)
            else:
                cursor.next()

    def _read_inherited(self, cursor: Cursor, table: TableState) -> None:
        """Give a table the columns of those it inherits from, which stand before its own."""
        start = cursor.place
        cursor.brackets()
        if cursor.accept("INHERITS"):
            first, last = cursor.brackets()
            for begin, _ in cursor.parts(first, last):
                cursor.place = begin
                parent = self.table(cursor.qualified())
                if parent is None:
                    raise StatementError("INHERITS from an unknown table")
                inherit_columns(table, parent)
                table.parents.append(parent.place)
        cursor.place = start

    def _create_index(self, cursor: Cursor, *, is_unique: bool) -> None:
        cursor.accept("CONCURRENTLY")
        is_optional = cursor.accept("IF", "NOT", "EXISTS")
        name = None if cursor.at("ON") else cursor.name()
        cursor.expect("ON")
        is_only = cursor.accept("ONLY")
        target = cursor.qualified()
        table = self.table(target)
        if table is None:
            if self.place(target) in self.schema.views:
                # of a materialized view: the catalog keeps indexes of tables only
                return
            raise StatementError("of an unknown table")
        if is_optional and any(index.name == name for index in table.indexes):
            return
        method = cursor.name() if cursor.accept("USING") else "btree"
        columns, labels, has_expression = _index_columns(cursor, table)
        while not cursor.is_done:
            if cursor.accept("INCLUDE"):
                labels += cursor.names_in_brackets()
                continue
            has_expression = cursor.accept("WHERE") or has_expression
            cursor.next()
        index = IndexState(
            name=name or free_name(self.schema, table.schema, table.name, joined(labels), "idx"),
            columns=columns,
            is_unique=is_unique,
            method=method,
            has_expression=has_expression,
            definition=cursor.text,
        )
        table.indexes.append(index)
        if not is_only:
            spread_index(self.schema, table, index)

    def _create_view(self, cursor: Cursor, *, is_materialized: bool) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        schema, name = self.place(cursor.qualified())
        while not cursor.accept("AS"):
            if cursor.at("("):
                cursor.brackets()
            else:
                cursor.next()
        definition = re.sub(r"\s+WITH\s+(?:NO\s+)?DATA\s*$", "", cursor.rest(), flags=re.IGNORECASE)
        self.schema.views[schema, name] = View(
            schema=schema, name=name, definition=definition, is_materialized=is_materialized
        )

    def _create_sequence(self, cursor: Cursor) -> None:
        cursor.accept("IF", "NOT", "EXISTS")
        place = self.place(cursor.qualified())
        sequence = self.schema.sequences.setdefault(place, SequenceState())
        while not cursor.is_done:
            if cursor.accept("START"):
                cursor.accept("WITH")
                sequence.next_value = _number(cursor)
            elif cursor.accept("INCREMENT"):
                cursor.accept("BY")
                sequence.step = _number(cursor)
            elif cursor.accept("OWNED", "BY"):
                own_sequence(self.schema, place, cursor.qualified(), self.path)
            else:
                cursor.next()

    def _create_routine(self, cursor: Cursor, kind: str) -> None:
        schema, name = self.place(cursor.qualified())
        first, last = cursor.brackets()
        arguments = " ".join(cursor.raw(first, last).split())
        types = _argument_types(cursor, first, last)
        returns, language = "", "internal" if kind == "aggregate" else "sql"
        if cursor.accept("RETURNS"):
            start = cursor.place
            while not cursor.is_done and not _is_option(cursor):
                if cursor.at("("):
                    cursor.brackets()
                else:
                    cursor.next()
            returns = cursor.raw(start, cursor.place)
        for place in range(cursor.place, len(cursor.tokens) - 1):
            if cursor.tokens[place].value.upper() == "LANGUAGE" and cursor.tokens[place].kind == "word":
                language = cursor.tokens[place + 1].value.lower()
                break
        self.schema.routines[schema, name, types] = Routine(
            schema=schema,
            name=name,
            kind=kind,
            arguments=arguments,
            returns=" ".join(returns.split()),
            language=language,
            definition=cursor.text,
        )

    def _create_trigger(self, cursor: Cursor) -> None:
        name = cursor.name()
        timing = cursor.next().value.lower()
        if timing == "instead":
            cursor.expect("OF")
            timing = "instead of"
        events = []
        while not cursor.accept("ON"):
            word = cursor.next().value.lower()
            if word in ("insert", "update", "delete", "truncate"):
                events.append(word)
        target = cursor.qualified()
        table = self.table(target)
        if table is not None:
            place = table.place
        else:
            place = next((place for place in self._places(target) if place in self.schema.views), self.place(target))
        function = None
        while not cursor.is_done:
            if cursor.accept("EXECUTE"):
                cursor.next()
                function = ".".join(self._function_place(cursor.qualified()))
                break
            cursor.next()
        order = ("insert", "update", "delete", "truncate")
        self.schema.triggers[(*place, name)] = Trigger(
            schema=place[0],
            name=name,
            table=place[1],
            timing=timing,
            events=tuple(event for event in order if event in events),
            definition=cursor.text,
            function=function,
        )

    def _function_place(self, name: tuple[str, ...]) -> Place:
        known = {key[:2] for key in self.schema.routines}
        if name[-1] in _TRIGGER_FUNCTIONS and len(name) == 1:
            return "pg_catalog", name[-1]
        return next((place for place in self._places(name) if place in known), self.place(name))

    def _places(self, name: tuple[str, ...]) -> list[Place]:
        return [(name[-2], name[-1])] if len(name) > 1 else [(one, name[0]) for one in self.path]

    def _create_type(self, cursor: Cursor, kind: str) -> None:
        schema, name = self.place(cursor.qualified())
        cursor.accept("AS")
        if kind == "DOMAIN":
            found = "domain"
        elif cursor.accept("ENUM"):
            found = "enum"
        elif cursor.accept("RANGE"):
            found = "range"
        elif cursor.at("("):
            found = "composite"
        else:
            # a shell that a base type fills in later
            found = "base"
        definition = cursor.rest()
        if found in ("enum", "composite"):
            definition = cursor.raw(*cursor.brackets())
        self.schema.types[schema, name] = UserType(schema=schema, name=name, kind=found, definition=definition)

    # --- DROP, COMMENT ------------------------------------------------------------------------------------------

    def _drop(self, cursor: Cursor) -> None:
        kind = cursor.next().value.upper()
        if kind == "MATERIALIZED":
            cursor.expect("VIEW")
            kind = "VIEW"
        cursor.accept("CONCURRENTLY")
        cursor.accept("IF", "EXISTS")
        while not cursor.is_done and not any(cursor.at(word) for word in ("CASCADE", "RESTRICT")):
            name = cursor.qualified()
            types = _argument_types(cursor, *cursor.brackets()) if cursor.at("(") else None
            if cursor.accept("ON"):
                target = self.table(cursor.qualified())
                if kind == "TRIGGER" and target:
                    self.schema.triggers.pop((*target.place, name[-1]), None)
                return
            self._drop_one(kind, name, types)
            cursor.accept(",")

    def _drop_one(self, kind: str, name: tuple[str, ...], types: str | None) -> None:
        places = self._places(name)
        if kind == "TABLE":
            table = self.table(name)
            if table:
                self.schema.drop_table(table.place)
        elif kind == "SCHEMA":
            for table in [table for table in self.schema.tables.values() if table.schema == name[-1]]:
                self.schema.drop_table(table.place)
            for held in (self.schema.views, self.schema.routines, self.schema.sequences, self.schema.types):
                for key in [key for key in held if key[0] == name[-1]]:
                    held.pop(key)  # type: ignore[attr-defined]
        elif kind in ("FUNCTION", "PROCEDURE", "AGGREGATE", "ROUTINE"):
            for key in [key for key in self.schema.routines if key[:2] in places and types in (None, key[2])]:
                self.schema.routines.pop(key)
        elif kind == "INDEX":
            for table in self.schema.tables.values():
                table.indexes = [index for index in table.indexes if (table.schema, index.name) not in places]
        else:
            held = {"VIEW": self.schema.views, "SEQUENCE": self.schema.sequences, "TYPE": self.schema.types,
                    "DOMAIN": self.schema.types}.get(kind, {})  # fmt: skip
            for place in places:
                held.pop(place, None)  # type: ignore[attr-defined]

    def _comment(self, cursor: Cursor) -> None:
        kind = cursor.next().value.upper()
        if kind == "MATERIALIZED":
            cursor.expect("VIEW")
            kind = "VIEW"
        name = cursor.qualified()
        types = _argument_types(cursor, *cursor.brackets()) if cursor.at("(") else None
        if not cursor.accept("IS"):
            return
        token = cursor.next()
        text = token.value if token.kind == "string" else ""
        if kind == "TABLE" and (table := self.table(name)):
            table.comment = text
        elif kind == "COLUMN" and (table := self.table(name[:-1])) and (column := table.column(name[-1])):
            column.comment = text
        elif kind == "VIEW":
            for place in self._places(name):
                if place in self.schema.views:
                    self.schema.views[place] = replace(self.schema.views[place], comment=text)
        elif kind in ("FUNCTION", "PROCEDURE", "AGGREGATE"):
            for key in [key for key in self.schema.routines if key[:2] in self._places(name)]:
                if types in (None, key[2]):
                    self.schema.routines[key] = replace(self.schema.routines[key], comment=text)


def _number(cursor: Cursor) -> int:
    sign = -1 if cursor.accept("-") else 1
    return sign * int(cursor.next().value)


def _until(cursor: Cursor, word: str) -> str:
    start = cursor.place
    while not cursor.is_done and not cursor.at(word):
        cursor.next()
    return cursor.raw(start, cursor.place)


def _index_columns(cursor: Cursor, table: TableState) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return columns or texts of expressions, their parts of a name, and whether one is an expression."""
    first, last = cursor.brackets()
    behind = cursor.place
    columns, labels, has_expression = [], [], False
    for start, end in cursor.parts(first, last):
        cursor.place = start
        token = cursor.tokens[start]
        if token.kind in ("word", "name") and not (start + 1 < end and cursor.tokens[start + 1].value in ("(", ".")):
            columns.append(cursor.name())
            labels.append(columns[-1])
            continue
        has_expression = True
        if cursor.at("("):
            inner = cursor.brackets()
            is_call = cursor.tokens[inner[0]].kind in ("word", "name") and cursor.tokens[inner[0] + 1].value == "("
            columns.append(cursor.raw(*inner) if is_call else cursor.raw(start, cursor.place))
            labels.append(table_column(cursor, inner[0]) if is_call else "expr")
        else:
            name = cursor.qualified()
            cursor.brackets()
            columns.append(cursor.raw(start, cursor.place))
            labels.append(name[-1])
    cursor.place = behind
    return tuple(columns), tuple(labels), has_expression


def _argument_types(cursor: Cursor, first: int, last: int) -> str:
    """Return the types of a routine's arguments, by which overloads differ, with names and defaults left out."""
    types = []
    for start, end in cursor.parts(first, last):
        words = [token.value.lower() for token in cursor.tokens[start:end]]
        for stop in ("default", "="):
            if stop in words:
                words = words[: words.index(stop)]
        if words and words[0] in ("out", "table"):
            continue
        words = [word for word in words if word not in ("in", "inout", "variadic")]
        types.append(words)
    return ",".join(_type_of(words) for words in types)


_TYPE_WORDS = frozenset({"double", "character", "timestamp", "time", "bit", "national", "interval"})


def _type_of(words: list[str]) -> str:
    """Return the type of name and type, or of a type alone."""
    if len(words) > 1 and words[0] not in _TYPE_WORDS and words[1] not in (".", "(", "["):
        words = words[1:]
    text = " ".join(words).replace(" . ", ".").replace(" [ ]", "[]")
    text = re.sub(r"\s*\(.*?\)", "", text)
    return {"int": "integer", "int4": "integer", "varchar": "character varying", "bool": "boolean"}.get(text, text)


def _is_option(cursor: Cursor) -> bool:
    return any(
        cursor.at(word)
        for word in ("LANGUAGE", "AS", "IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "CALLED", "SECURITY", "COST", "ROWS",
                     "SET", "WINDOW", "PARALLEL", "LEAKPROOF", "NOT", "BEGIN", "RETURN", "SUPPORT", "TRANSFORM")
    )  # fmt: skip
