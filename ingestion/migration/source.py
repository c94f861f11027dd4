"""Opens the legacy database, read-only and in one consistent snapshot; the only module that knows its address.

An address is a SQLAlchemy URL, or a folder (or file) of DDL and dumps. A password comes with the URL or, better, in the
variable RADLAKE_SOURCE_PASSWORD; it appears in no log, error, report, plan or list of processes.
"""

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from lakehouse.errors import RadlakeError, SourceUnreachableError, UsageError

PASSWORD_VARIABLE = "RADLAKE_SOURCE_PASSWORD"  # noqa: S105 - the name of a variable

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "sqlite": "sqlite",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}
_SNAPSHOT = {
    "postgresql": (
        "set transaction isolation level repeatable read, read only",
        "set local timezone = 'UTC'",
        "set local datestyle = 'ISO, YMD'",
        "set local intervalstyle = 'postgres'",
        "set local extra_float_digits = 3",
        "set local bytea_output = 'hex'",
    ),
    "mysql": (
        "set session time_zone = '+00:00'",
        "set names utf8mb4 collate utf8mb4_bin",
        "set session group_concat_max_len = 4194304",
        # a chunk may wait for the lake while it is read
        "set session net_write_timeout = 3600",
        "start transaction with consistent snapshot, read only",
    ),
    "sqlite": ("pragma query_only = on", "begin"),
    # documented by the makers, not run here
    "mssql": ("set transaction isolation level snapshot",),
    "oracle": ("set transaction read only",),
}
_POSITION = {
    "postgresql": "select 'lsn ' || case when pg_is_in_recovery() then pg_last_wal_replay_lsn() "
    "else pg_current_wal_lsn() end || ', snapshot ' || txid_current_snapshot()",
    "sqlite": "select 'data_version ' || data_version from pragma_data_version",
    "mssql": "select concat('lsn ', max([Current LSN])) from fn_dblog(null, null)",
    "oracle": "select 'scn ' || current_scn from v$database",
}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a legacy database is; `url` holds the password and is never shown."""

    engine: str
    """One of catalog.ENGINES, or `dump`."""
    url: URL | None = field(default=None, repr=False)
    path: Path | None = None

    @property
    def database(self) -> str:
        """Return the name of the database, file or folder."""
        if self.path is not None:
            return self.path.stem if self.path.is_file() else self.path.name
        return (self.url.database if self.url is not None else None) or "unnamed"

    @property
    def shown(self) -> str:
        """Return the address for reports and logs, without user and password."""
        if self.path is not None:
            return f"{self.engine}:{self.path.name}"
        assert self.url is not None
        return f"{self.engine}://{self.url.host or 'local'}:{self.url.port or 'default'}/{self.database}"

    @property
    def token(self) -> str:
        """Return a short name for files and tables about this database; the same for every user and password."""
        place = str(self.path.resolve()) if self.path is not None else self.shown
        name = re.sub(r"\W+", "_", self.database.lower())[:24].strip("_") or "database"
        return f"{name}_{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def parse_address(text: str) -> Address:
    """Return the address a user gave: a SQLAlchemy URL, or the path of a dump or of a SQLite file.

    Raises UsageError when it is neither; the message does not quote it, since it may hold a password.
    """
    if "://" not in text:
        path = Path(text)
        if not path.exists():
            raise UsageError("the source is neither a database URL nor an existing file or folder")
        return Address(engine="sqlite" if _is_sqlite(path) else "dump", path=path.resolve())
    try:
        url = make_url(text)
    except ArgumentError:
        raise UsageError("the database URL cannot be read; its form is engine://user@host:port/database") from None
    engine = url.get_backend_name()
    if engine not in _DRIVERS:
        raise UsageError(f"engine {engine!r} is not supported; there are {', '.join(sorted(_DRIVERS))}")
    if engine == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise SourceUnreachableError("the SQLite file of the URL does not exist")
        return Address(engine="sqlite", path=path.resolve())
    password = url.password or os.environ.get(PASSWORD_VARIABLE)
    url = url.set(drivername=_DRIVERS[engine], password=password)
    return Address(engine={"postgres": "postgresql", "mariadb": "mysql"}.get(engine, engine), url=url)


def _is_sqlite(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\x00"


def quote_name(engine: str, name: str) -> str:
    """Return a name quoted for an engine."""
    mark, double = ("`", "``") if engine == "mysql" else ('"', '""')
    return mark + name.replace(mark, double) + mark


class Source:
    """An open legacy database: one connection, one snapshot, no writing."""

    def __init__(self, address: Address, connection: sa.Connection, position: str, *, file: Path | None = None) -> None:
        self.address = address
        self.file = file
        """SQLite file a dump was restored into."""
        self.engine = address.engine
        self.connection = connection
        self.position = position
        """Log position of the snapshot, in the engine's own words."""

    def rows(self, query: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return all rows of a query in the engine's own SQL; named parameters as `:name`."""
        text = sa.text(query if parameters else _escape(query))
        with _named_errors(self.address):
            return [tuple(row) for row in self.connection.execute(text, parameters or {}).fetchall()]

    def batches(self, query: str, size: int = 10_000) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in lists of at most `size`, without holding them all."""
        with _named_errors(self.address):
            options = {"stream_results": True, "max_row_buffer": size}
            result = self.connection.execute(sa.text(_escape(query)), execution_options=options)
            for part in result.partitions(size):
                yield [tuple(row) for row in part]

    def driver_connection(self) -> Any:
        """Return the driver's own connection, which is in the snapshot."""
        return self.connection.connection.dbapi_connection

    def scalar(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """Return the first column of the first row, or None."""
        rows = self.rows(query, parameters)
        return rows[0][0] if rows else None

    def quote(self, *names: str) -> str:
        """Return the names quoted for the engine and joined by dots."""
        return ".".join(quote_name(self.engine, name) for name in names)

    def table_name(self, schema: str, table: str, *, with_children: bool = False) -> str:
        """Return the SQL name of a table; in PostgreSQL without the rows of tables that inherit from it."""
        if self.engine == "dump":
            return self.quote(f"{schema}.{table}")
        if self.engine == "sqlite":
            return self.quote(table)
        only = "only " if self.engine == "postgresql" and not with_children else ""
        return only + self.quote(schema, table)


_NOT_ALLOWED = (1044, 1045, 1142, 1143, 1227, 1370, 1698, "28P01", "28000", "42501")
"""Codes of MySQL and PostgreSQL that mean a lack of rights, which pymysql calls an OperationalError."""


def _escape(query: str) -> str:
    # sa.text() takes `:name` for a parameter; a query without parameters holds none
    return query.replace(":", "\\:")


@contextmanager
def _named_errors(address: Address) -> Iterator[None]:
    """Turn a driver's error into ours; its text may hold values, its type and code do not."""
    try:
        yield
    except (ValueError, OverflowError) as error:
        # a driver that cannot turn a value into one of Python quotes it
        raise RadlakeError(f"{address.shown} sent a value its driver cannot read ({type(error).__name__})") from None
    except DBAPIError as error:
        cause = error.orig
        code = getattr(cause, "sqlstate", None) or (cause.args[0] if cause is not None and cause.args else "")
        code = code if isinstance(code, int) or (isinstance(code, str) and len(code) == 5) else ""
        what = f"{type(cause).__name__} {code}".strip()
        if code in _NOT_ALLOWED:
            raise SourceUnreachableError(f"{address.shown} does not allow this account to do that ({what})") from None
        if error.connection_invalidated or type(cause).__name__ in ("OperationalError", "InterfaceError"):
            raise SourceUnreachableError(
                f"{address.shown} does not answer ({what}); run the same command again when it does"
            ) from None
        raise RadlakeError(f"{address.shown} refused a query ({what})") from None


@contextmanager
def open_source(address: Address) -> Iterator[Source]:
    """Open a live database read-only and in one consistent snapshot, and close it in the end.

    Raises SourceUnreachableError when it cannot be reached, and UsageError when its driver is not installed. A dump is
    opened with `dump.open_dump`.
    """
    engine = _create_engine(address)
    try:
        with _named_errors(address):
            connection = engine.connect()
        try:
            with _named_errors(address):
                for statement in _SNAPSHOT[address.engine]:
                    connection.exec_driver_sql(statement)
            yield Source(address, connection, _read_position(address, connection))
        finally:
            # a server that is gone cannot roll back, and has no need to
            with suppress(DBAPIError):
                connection.close()
    finally:
        engine.dispose()


def _create_engine(address: Address) -> sa.Engine:
    if address.engine == "sqlite":
        assert address.path is not None
        location = address.path.as_uri() + "?mode=ro"

        def connect() -> sqlite3.Connection:
            # text that is no UTF-8 must reach us, so that it can be told and not only fail
            connection = sqlite3.connect(location, uri=True, isolation_level=None, check_same_thread=False)
            connection.text_factory = lambda value: value.decode("utf-8", "surrogateescape")
            return connection

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.pool.NullPool)
    assert address.url is not None
    arguments: dict[str, Any] = {}
    if address.engine == "mysql" and address.url.password:
        # the driver would take a password for Latin-1
        arguments = {"password": str(address.url.password).encode()}
    try:
        return sa.create_engine(address.url, poolclass=sa.pool.NullPool, hide_parameters=True, connect_args=arguments)
    except (ImportError, NoSuchModuleError):
        raise UsageError(f"the driver for {address.engine} is not installed: see docs/migration.md") from None


def _read_position(address: Address, connection: sa.Connection) -> str:
    """Return the position of the snapshot; empty where the account may not see it."""
    if address.engine == "postgresql" and (connection.dialect.server_version_info or (0,)) < (10,):
        # the functions have other names there, and a query that fails would end the snapshot
        return ""
    try:
        if address.engine == "mysql":
            is_mariadb = connection.dialect.is_mariadb  # type: ignore[attr-defined]
            variable = "@@gtid_binlog_pos" if is_mariadb else "@@gtid_executed"
            # empty where the server keeps no binary log
            return "gtid " + str(connection.exec_driver_sql(f"select {variable}").scalar() or "none")
        return str(connection.exec_driver_sql(_POSITION[address.engine]).scalar())
    except DBAPIError:
        return ""
