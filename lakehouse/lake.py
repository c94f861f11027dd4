"""Opens the two encrypted zones; the only module that makes DuckDB connections.

Extensions are loaded by file from the installed wheels, so nothing is fetched. A zone is attached with its key; keys
appear in no log, error or file. Spill files are encrypted and lie in the home's work folder.
"""

import fcntl
import importlib
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from lakehouse.catalog_copy import copy_of, drop_copy, keep_copy, put_back, write_ahead_log
from lakehouse.contract import Table, read_contract, source_names
from lakehouse.errors import RadlakeError, SettingsError
from lakehouse.keyring import read_key
from lakehouse.log import get_logger
from lakehouse.pseudonym import macro_statements, session_variables
from lakehouse.settings import Settings

logger = get_logger(__name__)

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error

ZONES = ("raw", "lake")
_EXTENSIONS = ("httpfs", "ducklake")
_NO_FETCHING = (
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set allow_community_extensions = false",
    "set allow_persistent_secrets = false",
)


def extension_file(name: str) -> Path:
    """Return the file of a DuckDB extension inside its installed wheel."""
    package = importlib.import_module(f"duckdb_extension_{name}")
    if package.__file__ is None:
        raise SettingsError(f"the extension wheel of {name} is not installed")
    return next(Path(package.__file__).parent.rglob("*.duckdb_extension"))


def catalog_file(settings: Settings, zone: str) -> Path:
    """Return the catalog file of a zone."""
    return settings.home / zone / "catalog.ducklake"


def connection_statements() -> list[str]:
    """Return what every new connection runs first: no fetching, extensions by file."""
    return [*_NO_FETCHING, *(f"load '{extension_file(name)}'" for name in _EXTENSIONS)]


def attach_statement(settings: Settings, zone: str, *, read_only: bool = False) -> str:
    """Return SQL that attaches one zone; it holds the key and must never be logged."""
    key = read_key(settings.home / "keys", zone, settings.keys).hex()
    return (
        f"attach if not exists 'ducklake:{catalog_file(settings, zone)}' as {zone} "
        # a home may be moved or restored elsewhere, so its place is not taken from the catalog
        f"(data_path '{settings.home / zone / 'data'}/', override_data_path true, encrypted, "
        f"meta_encryption_key '{key}'"
        f"{', read_only' if read_only else ''})"
    )


def limit_statements(settings: Settings) -> list[str]:
    """Return the settings that bound memory, threads and spill of a connection."""
    return [
        f"set threads = {settings.threads}",
        f"set memory_limit = '{settings.memory_limit}'",
        f"set temp_directory = '{settings.work_folder / 'spill'}'",
        "set temp_file_encryption = true",
        "set preserve_insertion_order = true",
        "set enable_progress_bar = false",
    ]


def prepare_session(connection: Connection, settings: Settings) -> None:
    """Give a connection or cursor the hospital's time zone, the pseudonym macros and, in variables, their key."""
    connection.execute(f"set timezone = '{settings.timezone}'")
    key = read_key(settings.home / "keys", "pseudonym", settings.keys)
    for statement in macro_statements():
        connection.execute(statement)
    for name, pad in session_variables(key).items():
        connection.execute(f"set variable {name} = $1", [pad])


def configure_connection(connection: Connection, settings: Settings) -> None:
    """Load extensions and limits and attach both zones in a connection that somebody else opened."""
    for statement in (*connection_statements(), *limit_statements(settings)):
        connection.execute(statement)
    for zone in ZONES:
        attach_zone(connection, settings, zone)


def attach_zone(connection: Connection, settings: Settings, zone: str, *, read_only: bool = False) -> None:
    """Attach one zone.

    Raises KeyMissingError for its key, SettingsError when the zone was never made or cannot be opened.
    """
    statement = attach_statement(settings, zone, read_only=read_only)
    if not catalog_file(settings, zone).is_file():
        raise SettingsError(f"zone {zone!r} is missing in {settings.home}: make it with `radlake init`")
    try:
        connection.execute(statement)
    except duckdb.Error as error:
        # the text of the error could quote the statement, and with it the key
        raise SettingsError(
            f"zone {zone!r} in {settings.home} cannot be opened ({type(error).__name__}): "
            "another process holds it, or a kill damaged its catalog, which the next command that writes puts back"
        ) from None


@contextmanager
def open_lake(settings: Settings, zones: Sequence[str] = ZONES, *, read_only: bool = False) -> Iterator[Connection]:
    """Open a connection with the zones attached, and close it in the end.

    Where an instance of this home is kept, the connection is one of it, and its zones stay attached.
    """
    (settings.work_folder / "spill").mkdir(mode=0o700, parents=True, exist_ok=True)
    name = None if read_only else _kept_instances.get(settings.home)
    connection = duckdb.connect(name or ":memory:")
    try:
        if name is None:
            _prepare_instance(connection, settings)
        # of each connection, unlike the other settings
        connection.execute("set enable_progress_bar = false")
        for zone in zones:
            attach_zone(connection, settings, zone, read_only=read_only)
        if "raw" in zones:
            prepare_session(connection, settings)
        yield connection
    finally:
        connection.close()


@contextmanager
def open_scratch() -> Iterator[Connection]:
    """Open a connection to an empty database in memory, without any zone."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("set enable_progress_bar = false")
        yield connection
    finally:
        connection.close()


@contextmanager
def open_apart(settings: Settings) -> Iterator[Connection]:
    """Open a connection to an instance of its own, with limits and no zone.

    For a foreign database: whoever lists the tables of an instance asks every database that is attached to it.
    """
    (settings.work_folder / "spill").mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_scratch() as connection:
        for statement in (*_NO_FETCHING, *limit_statements(settings)):
            connection.execute(statement)
        yield connection


@contextmanager
def keep_instance(settings: Settings) -> Iterator[str]:
    """Keep an instance in memory, with extensions and limits, and yield the name by which others connect to it.

    Extensions load slowly, so whoever opens the lake meanwhile connects to it too.
    """
    if kept := _kept_instances.get(settings.home):
        yield kept
        return
    name = f":memory:radlake_{secrets.token_hex(8)}"
    connection = duckdb.connect(name)
    try:
        _prepare_instance(connection, settings)
        _kept_instances[settings.home] = name
        yield name
    finally:
        _kept_instances.pop(settings.home, None)
        connection.close()


_kept_instances: dict[Path, str] = {}


def _prepare_instance(connection: Connection, settings: Settings) -> None:
    for statement in (*connection_statements(), *limit_statements(settings)):
        connection.execute(statement)


@contextmanager
def lock_home(settings: Settings) -> Iterator[None]:
    """Hold the home for one writing command, so that two runs never interleave.

    Meanwhile a copy of each catalog is kept; one that a killed command left is put back where the catalog no longer
    opens, and the same command again does what was lost. Raises RadlakeError when another process holds the home.
    """
    path = settings.home / ".lock"
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RadlakeError(f"another radlake command is writing in {settings.home}: wait for it to end") from error
        catalogs = [catalog for zone in ZONES if (catalog := catalog_file(settings, zone)).is_file()]
        for zone in ZONES:
            _mend_catalog(settings, zone)
        for catalog in catalogs:
            keep_copy(catalog)
        try:
            yield
        finally:
            for catalog in catalogs:
                drop_copy(catalog)


def _mend_catalog(settings: Settings, zone: str) -> None:
    """Open a catalog that a killed process left, so that it is whole; put its copy back when it does not open."""
    catalog = catalog_file(settings, zone)
    has_copy = copy_of(catalog).is_file()
    if not catalog.is_file() or not (has_copy or write_ahead_log(catalog).is_file()):
        return
    statement = attach_statement(settings, zone)
    connection = duckdb.connect(":memory:")
    try:
        for prepared in connection_statements():
            connection.execute(prepared)
        connection.execute(statement)
    except duckdb.Error as error:
        # a file that somebody holds is no damaged one
        if has_copy and "lock" not in str(error).lower():
            put_back(catalog)
            logger.warning("the catalog of zone %s was damaged by a kill and is as it was before that command", zone)
    finally:
        connection.close()


def empty_work_folder(settings: Settings) -> None:
    """Remove every temporary file a step left, also one that was killed."""
    shutil.rmtree(settings.work_folder, ignore_errors=True)
    settings.work_folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def create_zones(settings: Settings) -> None:
    """Create both zones of a new home and every raw table, empty, from its contract."""
    connection = duckdb.connect(":memory:")
    try:
        for statement in (*connection_statements(), *limit_statements(settings)):
            connection.execute(statement)
        for zone in ZONES:
            (settings.home / zone / "data").mkdir(mode=0o700, parents=True, exist_ok=True)
            connection.execute(attach_statement(settings, zone))
        create_raw_tables(connection)
    finally:
        connection.close()


def create_raw_tables(connection: Connection, sources: Sequence[str] | None = None) -> None:
    """Create the raw tables that are missing, in the attached catalog `raw`; add columns a contract gained."""
    for source in source_names() if sources is None else sources:
        connection.execute(f"create schema if not exists raw.raw_{source}")
        for table in read_contract(source).values():
            connection.execute(table.create_statement())
            _add_missing_columns(connection, table)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    present = {
        row[0]
        for row in connection.execute(
            "select column_name from duckdb_columns() where database_name = 'raw' and schema_name = $1 "
            "and table_name = $2",
            [table.schema, table.name],
        ).fetchall()
    }
    types = {column.name: column.data_type for column in table.columns} | table.provenance
    for name, data_type in types.items():
        if name not in present:
            connection.execute(f'alter table raw.{table.schema}."{table.name}" add column "{name}" {data_type}')


def append_arrow(connection: Connection, table: str, rows: pa.Table | pa.RecordBatchReader) -> int:
    """Append Arrow rows to a table by column name and return how many there were."""
    connection.register("radlake_rows_to_append", rows)
    try:
        answer = connection.execute(f"insert into {table} by name select * from radlake_rows_to_append").fetchone()
    finally:
        connection.unregister("radlake_rows_to_append")
    return int(answer[0]) if answer else 0


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what happens inside as one step, or nothing of it."""
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def tidy_zones(connection: Connection, settings: Settings) -> int:
    """Forget snapshots older than the home keeps, delete their files and those of loads that were killed.

    Returns how many files were deleted; what any kept snapshot needs stays.
    """
    deleted = 0
    for zone in ZONES:
        connection.execute(
            f"call ducklake_expire_snapshots('{zone}', "
            f"older_than => now() - interval '{settings.keep_snapshots_days} days')"
        )
        for routine in ("ducklake_cleanup_old_files", "ducklake_delete_orphaned_files"):
            deleted += len(connection.execute(f"call {routine}('{zone}', cleanup_all => true)").fetchall())
    return deleted


def fetch_dicts(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Return the rows of a query as dictionaries."""
    result = connection.execute(query, list(parameters))
    names = [description[0] for description in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
