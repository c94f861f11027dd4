"""Hands accepted rows to dlt, which appends them to the encrypted restricted zone.

dlt writes its load packages in clear below the home's work folder (mode 0700); the folder is emptied before and after
each load, so nothing is left of a load that ended or was killed once the next command has run.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from lakehouse.contract import PROVENANCE, Table
from lakehouse.lake import attach_statement, catalog_file, connection_statements
from lakehouse.settings import Settings

# before dlt is imported: it reports home and reads configuration from the environment otherwise
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")

import dlt
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

_TYPES = {"varchar": "text", "bigint": "bigint", "integer": "bigint", "double": "double", "timestamp": "timestamp"}

Reader = Callable[[], pa.RecordBatchReader]


def append_rows(settings: Settings, source: str, readers: Sequence[tuple[Table, Reader]]) -> None:
    """Append Arrow rows to the raw tables of one source through dlt.

    The caller must have detached the zone `raw`: a local catalog has one writer at a time. Columns are frozen to the
    contract, so a column that is not in it cannot arrive.
    """
    package_folder = settings.work_folder / "dlt"
    credentials = DuckLakeCredentials(
        ducklake_name="raw",
        catalog=f"duckdb:///{catalog_file(settings, 'raw')}",
        storage=str(settings.home / "raw" / "data"),
    )
    # runs on each connection before dlt's own ATTACH IF NOT EXISTS of the same alias
    credentials.statements = [*connection_statements(), attach_statement(settings, "raw")]
    pipeline = dlt.pipeline(
        pipeline_name=f"radlake_{source}",
        pipelines_dir=str(package_folder),
        destination=dlt.destinations.ducklake(credentials=credentials),
        dataset_name=f"raw_{source}",
    )
    # the contract of today decides, not the schema of an earlier load: a contract may gain a column
    pipeline.config.restore_from_destination = False
    try:
        with _fixed_settings():
            pipeline.run(
                [_resource(table, reader) for table, reader in readers],
                loader_file_format="parquet",
                schema_contract={"tables": "evolve", "columns": "freeze", "data_type": "freeze"},
            )
    finally:
        shutil.rmtree(package_folder, ignore_errors=True)


def _resource(table: Table, reader: Reader) -> Any:
    def batches() -> Any:
        yield from (pa.Table.from_batches([batch]) for batch in reader())

    types = {column.name: column.data_type for column in table.columns} | PROVENANCE
    columns: dict[str, Any] = {
        name: {"name": name, "data_type": _TYPES[data_type], "nullable": True}
        # instants are the hospital's local time, without zone
        | ({"timezone": False} if data_type == "timestamp" else {})
        for name, data_type in types.items()
    }
    return dlt.resource(batches, name=table.name, write_disposition="append", columns=columns)


_SETTINGS = {
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_ID": "false",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    "PROGRESS": "",
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
