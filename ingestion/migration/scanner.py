"""Reads the source in bulk, on one connection and in one transaction: through DuckDB's scanners, MySQL by a stream.

One query is asked at a time, so the source never carries more than one of ours.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ingestion.migration.mysql_stream import RowStream
from ingestion.migration.source import Address, Source, open_source
from lakehouse.errors import RadlakeError, SourceUnreachableError, UsageError
from lakehouse.lake import Connection, DatabaseError, extension_file, open_apart
from lakehouse.settings import Settings

_FUNCTIONS = {"postgresql": "postgres_query", "sqlite": "sqlite_query", "dump": "sqlite_query"}
_EXTENSIONS = {"postgresql": "postgres_scanner", "sqlite": "sqlite_scanner", "dump": "sqlite_scanner"}
# what Source sets too: a server's own settings must not change a text
_SESSION = (
    "client_encoding=UTF8",
    "options='-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c extra_float_digits=3 "
    "-c bytea_output=hex'",
)
_POSITIONS = {
    "postgresql": "select 'lsn ' || case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
    "else pg_current_wal_lsn() end || ', snapshot ' || txid_current_snapshot() as position",
    "sqlite": "select 'data_version ' || data_version as position from pragma_data_version",
    "dump": "select 'dump' as position",
}


def literal(text: str) -> str:
    """Return a text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"


class Scanner:
    """One open snapshot of the source, and a connection of the lake that reads it."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self.connection = connection
        self.address = address

    @contextmanager
    def arriving(self, query: str, columns: Sequence[str]) -> Iterator[str]:
        """Yield SQL of the lake that reads a query of the source once; `columns` are its types in the lake."""
        yield self._relation(query)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the source."""
        return self.execute(f"select * from {self._relation(query)}")

    def _relation(self, query: str) -> str:
        return f"{_FUNCTIONS[self.address.engine]}('legacy', {literal(query)})"

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL of the lake that reads the source, and return its rows.

        Raises SourceUnreachableError when the source went away, RadlakeError when it refused; never quotes a value.
        """
        try:
            return self.connection.execute(statement).fetchall()
        except DatabaseError as error:
            raise _named(error, self.address) from None

    def read_position(self) -> str:
        """Return the log position of the snapshot, empty where the account may not see it."""
        try:
            return str(self.rows(_POSITIONS[self.address.engine])[0][0])
        except RadlakeError:
            return ""


class MySQLScanner(Scanner):
    """The same for MySQL and MariaDB, whose rows arrive by a stream of ours."""

    def __init__(self, connection: Connection, source: Source) -> None:
        super().__init__(connection, source.address)
        self._source = source
        self._stream: RowStream | None = None

    @contextmanager
    def arriving(self, query: str, columns: Sequence[str]) -> Iterator[str]:
        """Yield SQL of the lake that reads a query of the source once; `columns` are its types in the lake."""
        binary = {number for number, kind in enumerate(columns) if kind == "blob"}
        self._stream = RowStream(self._source.driver_connection(), self.address, query, binary=binary)
        self.connection.register("arrived", self._stream.reader(len(columns)))
        try:
            yield "arrived"
        finally:
            self.connection.unregister("arrived")
            self._stream = None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the source."""
        return self._source.rows(query)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL of the lake that reads the source, and return its rows; errors as those of every scanner."""
        try:
            return super().execute(statement)
        except RadlakeError:
            if self._stream is not None and self._stream.error is not None:
                raise self._stream.error from None
            raise

    def read_position(self) -> str:
        """Return the log position of the snapshot, empty where the account may not see it."""
        return self._source.position


_LOST = (
    "connection", "server closed", "gone away", "lost connection", "can't connect", "could not connect", "terminating",
    "no route", "refused", "shutdown", "starting up", "broken pipe", "ssl syscall", "unreachable", "no connection",
)  # fmt: skip
_NO_SPACE = ("no space left", "file too large", "disk quota", "could not write", "failed to write")


def check_space(error: BaseException) -> None:
    """Raise RadlakeError when an error, or one that caused it, says that the disk is full."""
    link: BaseException | None = error
    while link is not None:
        if any(word in str(link).lower() for word in _NO_SPACE):
            raise RadlakeError("the disk of the home is full: make room and run the same command again") from None
        link = link.__cause__ or link.__context__


def _named(error: Exception, address: Address) -> RadlakeError:
    """Return our error for one of DuckDB; its own text may hold values or the address with its password."""
    check_space(error)
    text = str(error).lower()
    if any(word in text for word in _LOST):
        return SourceUnreachableError(f"{address.shown} went away; run the same command again when it answers")
    return RadlakeError(f"{address.shown} refused a query ({type(error).__name__})")


@contextmanager
def open_scanner(settings: Settings, address: Address, path: Path | None = None) -> Iterator[Scanner]:
    """Open the source read-only for bulk reading; its snapshot begins with the first query and ends with the context.

    `path` is the SQLite file a dump was restored into. Raises SourceUnreachableError when the source does not answer.
    """
    if address.engine not in (*_EXTENSIONS, "mysql"):
        raise UsageError(f"{address.engine} can only be assessed and planned: see docs/migration.md")
    with open_apart(settings) as connection:
        connection.execute("set preserve_insertion_order = false")
        if address.engine == "mysql":
            with open_source(address) as source:
                yield MySQLScanner(connection, source)
            return
        connection.execute(f"load '{extension_file(_EXTENSIONS[address.engine])}'")
        try:
            for statement in _attach_statements(address, path):
                connection.execute(statement)
            connection.execute("begin transaction")
        except DatabaseError as error:
            named = _named(error, address)
            if isinstance(named, SourceUnreachableError):
                raise named from None
            raise SourceUnreachableError(f"{address.shown} cannot be opened ({type(error).__name__})") from None
        try:
            yield Scanner(connection, address)
        finally:
            # left to the destructor, a roll-back that finds no server ends the whole process
            with suppress(DatabaseError):
                connection.execute("rollback")


def _attach_statements(address: Address, path: Path | None) -> list[str]:
    """Return SQL that attaches the source; it holds the password and must never be logged."""
    if address.url is None:
        return [f"attach {literal(str(path or address.path))} as legacy (type sqlite, read_only)"]
    parts = {
        "host": address.url.host or "127.0.0.1",
        "port": str(address.url.port) if address.url.port else None,
        "user": address.url.username,
        "password": address.url.password,
        "database": address.url.database,
    }
    # such as sslmode
    query = (f"{name}={value}" for name, value in sorted(address.url.query.items()))
    more = " ".join([*_SESSION, *query])
    options = ", ".join(f"{name} {literal(str(value))}" for name, value in parts.items() if value)
    return [
        f"create secret legacy (type postgres, {options})",
        f"attach {literal(more)} as legacy (type postgres, secret legacy, read_only)",
    ]
