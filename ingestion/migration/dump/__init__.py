"""Reads a folder, or one file, of DDL and dumps without any server: its catalog, and its rows through a SQLite file."""

import gc
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from ingestion.migration.catalog import Catalog
from ingestion.migration.dump.files import DumpFile, find_engine, find_files, read_file
from ingestion.migration.dump.generic import read_generic
from ingestion.migration.dump.mysql import ddl as mysql_ddl
from ingestion.migration.dump.order import in_order
from ingestion.migration.dump.postgresql import ddl as postgresql_ddl
from ingestion.migration.dump.restore import Restorer
from ingestion.migration.dump.schema import Schema
from ingestion.migration.dump.script import Script
from ingestion.migration.source import Address, Source
from ingestion.migration.sqlite_functions import register
from lakehouse.errors import SourceUnreachableError, UsageError

RESTORED = ("mysql", "postgresql")
"""Engines whose rows are restored; of any other a dump gives the catalog alone."""


@contextmanager
def open_dump(address: Address, folder: Path) -> Iterator[tuple[Source, Catalog]]:
    """Restore a dump into a SQLite file in `folder` and give it as a source with the catalog of the dump's own engine.

    Each table stands there as `schema.table`, values as the server would show them; the file goes when the context
    ends, however it ends. Raises SourceUnreachableError for a dump that cannot be read, UsageError for one that is made
    of scripts of several engines.
    """
    assert address.path is not None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{address.token}_", suffix=".sqlite", dir=folder)
    os.close(handle)
    path = Path(name)
    try:
        catalog = _restore(address, path)
        engine = sa.create_engine("sqlite://", creator=lambda: _connect(path), poolclass=sa.pool.NullPool)
        try:
            with engine.connect() as connection:
                yield Source(address, connection, "dump", file=path), catalog
        finally:
            engine.dispose()
    finally:
        for file in (path, *(path.with_name(path.name + end) for end in ("-journal", "-wal", "-shm"))):
            file.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path.as_uri() + "?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("pragma query_only = on")
    register(connection)
    return connection


def _restore(address: Address, path: Path) -> Catalog:
    assert address.path is not None
    files = [read_file(file) for file in find_files(address.path)]
    engine = _engine_of(files)
    if engine not in RESTORED:
        return read_generic(files, engine, address.database)
    schema = _new_schema(files, engine, address.database)
    connection = sqlite3.connect(path, isolation_level=None)
    # rows are millions of short-lived tuples without a circle among them
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        # what does not fit into memory while an index is made stays in the folder of the file
        connection.execute(f"pragma temp_store_directory = '{str(path.parent).replace(chr(39), chr(39) * 2)}'")
        connection.execute("begin")
        restorer = Restorer(schema, connection)
        for file in in_order(files, engine):
            script = Script(file, engine)
            restorer.run(script, _new_ddl(schema, files, engine))
        restorer.finish()
        connection.execute("commit")
    except sqlite3.OperationalError as error:
        if "disk" in str(error) or "full" in str(error):
            raise SourceUnreachableError("the disk of the home is full: make room for the rows of the dump") from None
        raise
    finally:
        connection.close()
        if was_collecting:
            gc.enable()
    return schema.freeze()


def _engine_of(files: list[DumpFile]) -> str:
    found = {file.path.name: engine for file in files if (engine := find_engine(file.head))}
    engines = sorted(set(found.values()))
    if len(engines) > 1:
        raise UsageError(
            f"the folder holds scripts of several engines ({', '.join(engines)}): name the folder or file of one"
        )
    # a script without any sign is plain SQL, which both read alike
    return engines[0] if engines else "mysql"


def _new_schema(files: list[DumpFile], engine: str, database: str) -> Schema:
    heads = [file.head for file in files]
    if engine == "postgresql":
        name = next((told for head in heads if (told := postgresql_ddl.read_database(head))), database)
        version = next((told for head in heads if (told := postgresql_ddl.read_version(head))), "")
        return Schema(engine=engine, database=name, default_schema="public", version=f"PostgreSQL {version}".strip())
    name = next((told for head in heads if (told := mysql_ddl.read_database(head))), database)
    flavour, version = _read_flavour(files)
    return Schema(
        engine=engine,
        database=name,
        default_schema=name,
        version=version if flavour.is_mariadb else f"MySQL {version}".strip(),
        character_set="utf8mb4",
    )


def _read_flavour(files: list[DumpFile]) -> tuple[mysql_ddl.Flavour, str]:
    """Return what kind of server wrote a dump: one file may tell it for all."""
    return mysql_ddl.read_flavour("\n".join(file.head[:2000] for file in files))


def _new_ddl(schema: Schema, files: list[DumpFile], engine: str) -> mysql_ddl.MysqlDdl | postgresql_ddl.PostgresqlDdl:
    if engine == "postgresql":
        return postgresql_ddl.PostgresqlDdl(schema)
    flavour, _ = _read_flavour(files)
    return mysql_ddl.MysqlDdl(schema, flavour)
