"""Ingests the deliveries of one source: find files, read, compare with what is stored, load, keep the books."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from ingestion.load import append_rows
from ingestion.mapping import FileMapping, SourceMapping, mapping_sha256
from ingestion.naming import shown_name
from ingestion.records import FileReading, hold_unreadable, read_file
from ingestion.stage import accept_new_rows, accepted_rows, check_loaded, create_scratch_table, scratch_database
from lakehouse.contract import Table, read_contract
from lakehouse.errors import ContractError, SourceUnreachableError
from lakehouse.lake import Connection, append_arrow, attach_zone, empty_work_folder, open_lake, transaction
from lakehouse.ledger import Delivery, file_token, local_now, new_batch_id, write_delivery
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the source, files done and files in all."""


@dataclass(slots=True)
class FileResult:
    """The account of one file and raw table, as a command reports it."""

    file: str
    entity: str
    received: int = 0
    loaded: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    unknown_columns: int = 0
    encoding: str | None = None


@dataclass(slots=True)
class SourceResult:
    """The account of one source."""

    source: str
    files: list[FileResult] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum of received, loaded, quarantined or unchanged over all files."""
        if name == "quarantined":
            return sum(sum(file.quarantined.values()) for file in self.files)
        return sum(getattr(file, name) for file in self.files)


@dataclass(slots=True)
class _OpenFile:
    """A file on its way through one ingestion."""

    number: int
    path: Path
    token: str
    sha256: str
    mapping: FileMapping
    content: FileReading


def ingest_source(
    settings: Settings,
    mapping: SourceMapping,
    folder: Path,
    *,
    what_if: bool = False,
    progress: Progress | None = None,
) -> SourceResult:
    """Load what is new in a folder of deliveries into the raw tables of one source.

    Raises SourceUnreachableError when the folder cannot be listed. A file that cannot be read, or that breaks the
    contract, is held and told in `breaches`; everything else is loaded all the same.
    """
    if not folder.is_dir():
        raise SourceUnreachableError(f"folder of deliveries {folder} is missing or no folder")
    tables = read_contract(mapping.source)
    result = SourceResult(source=mapping.source)
    empty_work_folder(settings)
    batch_id, loaded_at = new_batch_id(), local_now(settings.timezone)
    with open_lake(settings) as connection, scratch_database(connection, settings):
        files = _find_files(connection, mapping, folder, result)
        for name in tables:
            create_scratch_table(connection, tables[name])
        for done, file in enumerate(files):
            _read_into_scratch(connection, file, tables)
            if progress:
                progress(mapping.source, done + 1, len(files))
        touched = {entity for file in files for entity in file.content.received if entity in tables}
        decided = {name: accept_new_rows(connection, tables[name]) for name in sorted(touched)}
        tokens = [file.token for file in files]
        readers = [
            (
                tables[name],
                accepted_rows(
                    connection,
                    tables[name],
                    tokens=tokens,
                    batch_id=batch_id,
                    loaded_at=loaded_at,
                    period=mapping.period,
                ),
            )
            for name, counts in decided.items()
            if any(accepted for accepted, _ in counts.values())
        ]
        if readers and not what_if:
            # a local catalog has one writer at a time, and dlt is the writer now
            connection.execute("detach raw")
            append_rows(settings, mapping.source, readers)
            attach_zone(connection, settings, "raw")
            for name, counts in decided.items():
                expected = sum(accepted for accepted, _ in counts.values())
                check_loaded(connection, tables[name], batch_id, expected)
        _keep_books(
            connection, files, decided, result, batch_id=batch_id, loaded_at=loaded_at, folder=folder, what_if=what_if
        )
        result.breaches += _missing_tables(connection, mapping, result)
    empty_work_folder(settings)
    for file in files:
        if file.content.breach:
            result.breaches.append(f"{mapping.source}: {file.content.breach} (file {file.token})")
    logger.info(
        "source ingested",
        extra={"source": mapping.source, "batch_id": batch_id, "loaded": result.total("loaded")},
    )
    return result


def _find_files(connection: Connection, mapping: SourceMapping, folder: Path, result: SourceResult) -> list[_OpenFile]:
    """Return the files that were not read before with this mapping; account for the others as unchanged."""
    files: list[_OpenFile] = []
    for file_mapping in mapping.files:
        for path in sorted(folder.glob(file_mapping.match)):
            if path.is_dir():
                continue
            token = file_token(path, folder)
            content = FileReading()
            try:
                sha256 = _file_sha256(path)
            except OSError as error:
                hold_unreadable(file_mapping.entity or "resource", content, error)
                sha256 = ""
            known = _account_known(connection, mapping.source, file_mapping, path, sha256, result)
            if not known:
                files.append(
                    _OpenFile(
                        number=len(files),
                        path=path,
                        token=token,
                        sha256=sha256,
                        mapping=file_mapping,
                        content=content,
                    )
                )
    return files


def _account_known(
    connection: Connection, source: str, file_mapping: FileMapping, path: Path, sha256: str, result: SourceResult
) -> bool:
    rows = connection.execute(
        "select entity, received, quarantined, encoding from raw.raw_ledger.delivery "
        "where source = $1 and file_sha256 = $2 and mapping_sha256 = $3 "
        "qualify row_number() over (partition by entity order by batch_id) = 1 order by entity",
        [source, sha256, mapping_sha256(file_mapping)],
    ).fetchall()
    if not sha256 or not rows:
        return False
    for entity, received, quarantined, encoding in rows:
        reasons = dict(
            connection.execute(
                "select reason, count(*) from raw.raw_ledger.quarantine where source = $1 and entity = $2 "
                "and file_sha256 = $3 and batch_id = (select min(batch_id) from raw.raw_ledger.quarantine "
                "where source = $1 and entity = $2 and file_sha256 = $3) group by reason order by reason",
                [source, entity, sha256],
            ).fetchall()
        )
        result.files.append(
            FileResult(
                file=shown_name(path.name, file_mapping.match),
                entity=entity,
                received=received,
                quarantined=reasons if quarantined else {},
                unchanged=received - quarantined,
                encoding=encoding,
            )
        )
    return True


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_into_scratch(connection: Connection, file: _OpenFile, tables: dict[str, Table]) -> None:
    if file.content.breach:
        return
    try:
        for entity, rows in read_file(file.path, file.mapping, tables, file.content):
            count = rows.num_rows
            rows = rows.append_column("_file_no", pa.array([file.number] * count, pa.int32()))
            rows = rows.append_column("_src_encoding", pa.array([file.content.reading.encoding] * count, pa.string()))
            append_arrow(connection, f"scratch.delivered_{entity}", rows)
    except (OSError, ContractError) as error:
        entity = file.mapping.entity or "resource"
        for name in tables:
            connection.execute(f"delete from scratch.delivered_{name} where _file_no = $1", [file.number])
        hold_unreadable(entity, file.content, error)


def _keep_books(
    connection: Connection,
    files: Sequence[_OpenFile],
    decided: dict[str, dict[int, tuple[int, int]]],
    result: SourceResult,
    *,
    batch_id: str,
    loaded_at: datetime,
    folder: Path,
    what_if: bool,
) -> None:
    with transaction(connection):
        for file in files:
            for entity, received in sorted(file.content.received.items()):
                loaded, unchanged = decided.get(entity, {}).get(file.number, (0, 0))
                refusals = file.content.refusals.get(entity, [])
                reasons: dict[str, int] = {}
                for refusal in refusals:
                    reasons[refusal.reason] = reasons.get(refusal.reason, 0) + 1
                reading = file.content.reading
                delivery = Delivery(
                    batch_id=batch_id,
                    source=result.source,
                    entity=entity,
                    file_token=file.token,
                    file_name=file.path.relative_to(folder).as_posix(),
                    file_sha256=file.sha256,
                    mapping_sha256=mapping_sha256(file.mapping),
                    size_bytes=file.path.stat().st_size if file.path.exists() else 0,
                    encoding=reading.encoding,
                    encoding_confidence=reading.encoding_confidence,
                    received=received,
                    loaded=loaded,
                    quarantined=len(refusals),
                    unchanged=unchanged,
                    dropped=reading.dropped,
                    unknown_columns=file.content.unknown_columns,
                    loaded_at=loaded_at,
                )
                if not what_if:
                    write_delivery(connection, delivery, refusals)
                result.files.append(
                    FileResult(
                        file=shown_name(file.path.name, file.mapping.match),
                        entity=entity,
                        received=received,
                        loaded=loaded,
                        quarantined=reasons,
                        unchanged=unchanged,
                        dropped=dict(reading.dropped),
                        unknown_columns=file.content.unknown_columns,
                        encoding=reading.encoding,
                    )
                )


def _missing_tables(connection: Connection, mapping: SourceMapping, result: SourceResult) -> list[str]:
    """Name the tables that were never delivered although the mapping does not call them optional."""
    delivered = {file.entity for file in result.files}
    missing = []
    for file_mapping in mapping.files:
        if file_mapping.optional or file_mapping.entity in delivered:
            continue
        before = connection.execute(
            "select 1 from raw.raw_ledger.delivery where source = $1 and entity = $2 limit 1",
            [mapping.source, file_mapping.entity],
        ).fetchone()
        if before is None:
            missing.append(f"{mapping.source}: no file matches {file_mapping.match!r} for {file_mapping.entity}")
    return missing
