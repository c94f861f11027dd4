"""Reads the source in bulk through DuckDB's scanners, on one connection and in one transaction of its own.

The scanner asks one query at a time, so the source never carries more than one of ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ingestion.migration.source import Address
from lakehouse.errors import RadlakeError, SourceUnreachableError, UsageError
from lakehouse.lake import Connection, DatabaseError, extension_file, open_lake
from lakehouse.settings import Settings

_FUNCTIONS = {"postgresql": "postgres_query", "mysql": "mysql_query", "sqlite": "sqlite_query", "dump": "sqlite_query"}
_EXTENSIONS = {
    "postgresql": "postgres_scanner", "mysql": "mysql_scanner", "sqlite": "sqlite_scanner", "dump": "sqlite_scanner",
}  # fmt: skip
_SETTINGS = {
    "postgresql": (),
    "mysql": (
        # whole numbers stay numbers, a long read is not cut off, and the server keeps no copy of the result
        "set mysql_tinyint1_as_boolean = false",
        "set mysql_bit1_as_boolean = false",
        "set mysql_query_timeout_enabled = false",
        "set mysql_sql_buffer_result = false",
        "set mysql_session_time_zone = '+00:00'",
    ),
    "sqlite": (),
    "dump": (),
}
_SESSION = {
    # what Source sets too: a server's own settings must not change a text
    "postgresql": (
        "client_encoding=UTF8",
        "options='-c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c extra_float_digits=3 "
        "-c bytea_output=hex'",
    ),
    "mysql": (),
}
_POSITIONS = {
    "postgresql": "select 'lsn ' || case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
    "else pg_current_wal_lsn() end || ', snapshot ' || txid_current_snapshot() as position",
    "mysql": "select concat('binlog ', coalesce(nullif(@@global.gtid_binlog_pos, ''), 'none')) as position",
    "sqlite": "select 'data_version ' || data_version as position from pragma_data_version",
    "dump": "select 'dump' as position",
}


def literal(text: str) -> str:
    """Return a text as a literal of DuckDB's SQL."""
    return "'" + text.replace("'", "''") + "'"


class Scanner:
    """One open snapshot of the source."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self.connection = connection
        self.address = address

    def relation(self, query: str) -> str:
        """Return SQL of the lake that reads a query of the source."""
        # MySQL streams on a connection of its own, outside the snapshot; without streaming it stays inside
        option = ", stream_results = false" if self.address.engine == "mysql" else ""
        return f"{_FUNCTIONS[self.address.engine]}('legacy', {literal(query)}{option})"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the source."""
        return self.execute(f"select * from {self.relation(query)}")

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
    if address.engine not in _EXTENSIONS:
        raise UsageError(f"{address.engine} can only be assessed and planned: see docs/migration.md")
    with open_lake(settings, ()) as connection:
        connection.execute(f"load '{extension_file(_EXTENSIONS[address.engine])}'")
        for statement in (*_SETTINGS[address.engine], "set preserve_insertion_order = false"):
            connection.execute(statement)
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
    kind = "postgres" if address.engine == "postgresql" else "mysql"
    parts = {
        "host": address.url.host or "127.0.0.1",
        "port": str(address.url.port) if address.url.port else None,
        "user": address.url.username,
        "password": address.url.password,
        "database": address.url.database,
    }
    # such as sslmode of PostgreSQL; SQLAlchemy's name of MySQL's socket is another
    query = {{"unix_socket": "socket"}.get(name, name): str(value) for name, value in address.url.query.items()}
    query.pop("charset", None)
    more = " ".join([*_SESSION[address.engine], *(f"{name}={value}" for name, value in sorted(query.items()))])
    options = ", ".join(f"{name} {literal(str(value))}" for name, value in parts.items() if value)
    return [
        f"create secret legacy (type {kind}, {options})",
        f"attach {literal(more)} as legacy (type {kind}, secret legacy, read_only)",
    ]
