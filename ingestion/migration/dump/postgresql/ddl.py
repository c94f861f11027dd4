"""Carries out the DDL of a PostgreSQL script on a Schema, as a server would, and follows the session's settings."""

import re

from ingestion.migration.catalog import View
from ingestion.migration.dump.postgresql.alter import alter
from ingestion.migration.dump.postgresql.drop import comment, drop
from ingestion.migration.dump.postgresql.indexes import attach, free_name, inherit_columns, joined, spread_index
from ingestion.migration.dump.postgresql.names import find_table, new_place, own_sequence, sequence_place
from ingestion.migration.dump.postgresql.routines import create_routine, create_trigger, create_type
from ingestion.migration.dump.postgresql.tables import TableItems, table_column
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
        return new_place(name, self.path)

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
            drop(cursor, self.schema, self.path)
        elif cursor.accept("COMMENT", "ON"):
            comment(cursor, self.schema, self.path)
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
            create_routine(cursor, self.schema, self.path, kind.lower())
        elif kind == "TRIGGER":
            create_trigger(cursor, self.schema, self.path)
        elif kind in ("TYPE", "DOMAIN"):
            create_type(cursor, self.schema, self.path, kind)
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
        # a table it is, even when not all of its statement can be read
        self.schema.tables[table.place] = table
        self._fill_table(cursor, table)

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
            raise StatementError(f"{table.name}, whose columns are not told")
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
