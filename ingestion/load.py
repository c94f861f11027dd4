"""Hands rows to dlt, which appends them to the encrypted restricted zone: as Parquet files, or as queries.

A query is run by dlt's own connection, which belongs to the instance of DuckDB that the caller keeps: rows that wait
there go to the zone without a copy in between. Parquet files lie in clear, and in dlt's load packages once more, below
the home's work folder (mode 0700); the folder is emptied before and after each load, so nothing is left of a load that
ended or was killed once the next command has run.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lakehouse.lake import attach_statement, catalog_file, keep_instance
from lakehouse.settings import Settings

# before dlt is imported: it reports home and reads configuration from the environment otherwise
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

import dlt
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

_TYPES = {
    "varchar": "text", "bigint": "bigint", "integer": "bigint", "smallint": "bigint", "double": "double",
    "timestamp": "timestamp", "timestamptz": "timestamp", "date": "date", "time": "time", "boolean": "bool",
    "blob": "binary", "decimal": "decimal",
}  # fmt: skip

_Kind = Literal["parquet", "model"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesOfTable:
    """Parquet files to append to one table, with their rows; `columns` is name to type in DuckDB's words."""

    table: str
    columns: dict[str, str]
    files: tuple[tuple[Path, int], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowsOfTable:
    """A table or view, by its name with its catalog, whose rows are appended to a raw table.

    `columns` is name to type in DuckDB's words, `rows` how many rows there are.
    """

    table: str
    columns: dict[str, str]
    relation: str
    rows: int


def append_rows(settings: Settings, source: str, tables: Sequence[RowsOfTable]) -> None:
    """Append what waits in the kept instance of a home to the raw tables of one source through dlt.

    The caller must have made the tables, must keep the instance (lakehouse.lake.keep_instance), and must be in no
    transaction.
    """
    folder = settings.work_folder / "load"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    resources = []
    for table in tables:
        # dlt reads the query from a file: a line with its dialect, then the text
        path = folder / f"{table.table}.model"
        listed = ", ".join(f'"{name}"' for name in table.columns)
        path.write_text(f"dialect: duckdb\nselect {listed} from {table.relation}\n", encoding="utf-8")
        resources.append(_import(table.table, table.columns, ((path, table.rows),), "model"))
    try:
        _run(settings, source, resources, "model")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def append_files(settings: Settings, source: str, tables: Sequence[FilesOfTable]) -> None:
    """Append Parquet files, as they are, to the raw tables of one source through dlt; names stay as they are.

    The caller must have made the tables, and must not hold the zone `raw`.
    """
    resources = [_import(table.table, table.columns, table.files, "parquet") for table in tables]
    _run(settings, source, resources, "parquet")


def _import(table: str, types: dict[str, str], files: Sequence[tuple[Path, int]], kind: _Kind) -> Any:
    def imports() -> Any:
        for path, rows in files:
            yield dlt.mark.with_file_import(str(path), kind, items_count=rows)

    columns = {name: _column(name, data_type) for name, data_type in types.items()}
    return dlt.resource(imports, name=table, write_disposition="append", columns=columns)


@contextmanager
def _shared_instance(settings: Settings) -> Iterator[None]:
    """Let dlt's connections of one load share an instance: it opens one for each file, and extensions load slowly.

    dlt has no setting for it and copies credentials without their class, hence the exchange of one method.
    """
    original = DuckLakeCredentials._conn_str
    with keep_instance(settings) as name:
        DuckLakeCredentials._conn_str = lambda _: name  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            DuckLakeCredentials._conn_str = original  # type: ignore[method-assign]


def _run(settings: Settings, source: str, resources: list[Any], kind: _Kind) -> None:
    package_folder = settings.work_folder / "dlt"
    credentials = DuckLakeCredentials(
        ducklake_name="raw",
        catalog=f"duckdb:///{catalog_file(settings, 'raw')}",
        storage=str(settings.home / "raw" / "data"),
    )
    # runs on each connection before dlt's own ATTACH IF NOT EXISTS of the same alias
    credentials.statements = [attach_statement(settings, "raw")]
    try:
        with _fixed_settings(), _shared_instance(settings):
            pipeline = dlt.pipeline(
                pipeline_name=f"radlake_{source}",
                pipelines_dir=str(package_folder),
                destination=dlt.destinations.ducklake(credentials=credentials),
                dataset_name=f"raw_{source}",
                progress=NULL_COLLECTOR,
            )
            # the contract of today decides, not the schema of an earlier load: a contract may gain a column
            pipeline.config.restore_from_destination = False
            pipeline.run(
                resources,
                loader_file_format=kind,
                schema_contract={"tables": "evolve", "columns": "freeze", "data_type": "freeze"},
            )
    finally:
        shutil.rmtree(package_folder, ignore_errors=True)


def _column(name: str, data_type: str) -> Any:
    """Return dlt's words for a column of a DuckDB type."""
    base, _, numbers = data_type.partition("(")
    column: dict[str, Any] = {"name": name, "data_type": _TYPES[base], "nullable": True}
    if numbers:
        precision, scale = numbers.rstrip(")").split(",")
        column |= {"precision": int(precision), "scale": int(scale)}
    if base == "timestamp":
        # instants are the hospital's local time, without zone
        column["timezone"] = False
    return column


_SETTINGS = {
    "SCHEMA__NAMING": "direct",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
    "NORMALIZE__MODEL_NORMALIZER__ADD_DLT_LOAD_ID": "false",
    "NORMALIZE__MODEL_NORMALIZER__ADD_DLT_ID": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
}


@contextmanager
def _fixed_settings() -> Iterator[None]:
    """Set dlt's settings for one load; its files of configuration are the user's and may say anything."""
    before = {name: os.environ.get(name) for name in _SETTINGS}
    os.environ.update(_SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
