"""Ingests the deliveries of one source: find files, read, clean, compare with what is stored, load, keep the books.

    read -> scratch -> clean values -> decide what is new -> judge records -> rows to `raw` (dlt) -> books

The books (delivery, quarantine, issues, value maps) are one transaction after the rows; a load that is killed before it
is undone at the start of the next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from ingestion.books import begin_load, end_load, undo_open_loads, unrelated_loads, write_code_map
from ingestion.deletion import CompleteDelivery, create_deleted_table, find_vanished, write_tombstones
from ingestion.delivery import (
    FileResult,
    OpenFile,
    SourceResult,
    find_files,
    is_whole_delivery,
    mass_deletion_message,
    missing_tables,
    unread_columns,
)
from ingestion.findings import count_reasons, findings_of_lines, findings_of_refusals
from ingestion.freshness import newest_event, write_freshness
from ingestion.load import RowsOfTable, append_rows
from ingestion.mapping import FileMapping, SourceMapping, mapping_sha256
from ingestion.quality.clean import clean_delivered
from ingestion.quality.issues import (
    add_findings,
    collect_deletions,
    collect_issues,
    count_new_issues,
    create_found_table,
    write_new_issues,
)
from ingestion.quality.known_codes import find_code_issues
from ingestion.quality.policy import count_policies, create_count_table, write_counts
from ingestion.quality.records import find_record_issues
from ingestion.quality.relations import find_relations
from ingestion.records import hold_unreadable, read_file, with_changes
from ingestion.stage import (
    Counts,
    Load,
    append_batches,
    check_loaded,
    create_load_view,
    create_scratch_table,
    decide_rows,
    scratch_database,
)
from lakehouse.contract import Table, read_contract
from lakehouse.errors import ContractError, SettingsError, SourceUnreachableError, UsageError
from lakehouse.lake import (
    Connection,
    append_arrow,
    attach_zone,
    empty_work_folder,
    keep_instance,
    open_lake,
    transaction,
)
from lakehouse.ledger import Delivery, local_now, new_batch_id, write_deliveries
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with the source, files done and files in all."""


@dataclass(slots=True)
class _Ingestion:
    """One ingestion of one source on its way."""

    connection: Connection
    settings: Settings
    mapping: SourceMapping
    folder: Path
    tables: dict[str, Table]
    result: SourceResult
    load: Load
    files: list[OpenFile]
    decided: dict[str, dict[int, Counts]] = field(default_factory=dict)
    deleted: dict[tuple[int, str], int] = field(default_factory=dict)
    """Tombstones by file number and raw table."""
    held: dict[tuple[int, str], int] = field(default_factory=dict)
    """Deletions that wait for a word, by file number and raw table."""
    events: list[datetime | None] = field(default_factory=list)
    """Newest instant of each raw table that was touched."""


def ingest_source(
    settings: Settings,
    mapping: SourceMapping,
    folder: Path,
    *,
    what_if: bool = False,
    allow_mass_deletion: bool = False,
    progress: Progress | None = None,
) -> SourceResult:
    """Load what is new in a folder of deliveries into the raw tables of one source.

    Raises SourceUnreachableError when the folder cannot be listed. A file that cannot be read, or that breaks the
    contract, is held and told in `breaches`; a complete extract that lacks most records deletes none of them and is
    told in `stops`; everything else is loaded all the same.
    """
    if not folder.is_dir():
        raise SourceUnreachableError(f"folder of deliveries {folder} is missing or no folder")
    result = SourceResult(source=mapping.source)
    empty_work_folder(settings)
    batch_id, loaded_at = new_batch_id(), local_now(settings.timezone)
    with keep_instance(settings), open_lake(settings) as connection, scratch_database(connection):
        if not what_if:
            undo_open_loads(connection)
        files = find_files(connection, mapping, folder, result, allow_mass_deletion=allow_mass_deletion)
        work = _Ingestion(
            connection=connection,
            settings=settings,
            mapping=mapping,
            folder=folder,
            tables=read_contract(mapping.source),
            result=result,
            load=Load(
                batch_id=batch_id,
                loaded_at=loaded_at,
                period=mapping.period,
                tokens=tuple(file.token for file in files),
            ),
            files=files,
        )
        if files:
            _stage(work, progress)
            _judge(work, allow_mass_deletion=allow_mass_deletion)
            _find_issues(work)
            if not what_if:
                _load_rows(work)
        _keep_books(work, what_if=what_if)
        result.breaches += missing_tables(connection, mapping, result)
    empty_work_folder(settings)
    for file in files:
        if file.content.breach:
            result.breaches.append(f"{mapping.source}: {file.content.breach} (file {file.token})")
    logger.info(
        "source ingested",
        extra={"source": mapping.source, "batch_id": batch_id, "loaded": result.total("loaded")},
    )
    return result


def relate_sources(settings: Settings, results: Sequence[SourceResult]) -> dict[str, int]:
    """Find what does not fit together between the tables of all sources after some of them were ingested.

    Returns how many issues of each kind are new. Loads that an earlier run could not relate any more take part.
    """
    with open_lake(settings) as connection:
        batches = {*unrelated_loads(connection), *(result.batch_id for result in results if result.total("loaded"))}
        return find_relations(connection, sorted(batches), local_now(settings.timezone))


def _stage(work: _Ingestion, progress: Progress | None) -> None:
    """Read all files into the scratch tables."""
    create_found_table(work.connection)
    create_count_table(work.connection)
    for table in work.tables.values():
        create_scratch_table(work.connection, table)
    for done, file in enumerate(work.files):
        _read_into_scratch(work, file)
        if progress:
            progress(work.mapping.source, done + 1, len(work.files))
    rows = [
        {
            "file_no": file.number,
            "file_token": file.token,
            "file_name": file.shown_name,
            "file_sha256": file.sha256,
        }
        for file in work.files
    ]
    work.connection.execute(
        "create or replace table scratch.file (file_no integer, file_token varchar, file_name varchar, "
        "file_sha256 varchar)"
    )
    append_arrow(work.connection, "scratch.file", pa.Table.from_pylist(rows))


def _read_into_scratch(work: _Ingestion, file: OpenFile) -> None:
    if file.content.refusals:
        # it could not be read when its digest was taken
        return
    try:
        read = read_file(file.path, file.mapping, work.tables, file.content)
        batches = ((entity, with_changes(rows, file.mapping)) for entity, rows in read)
        # a database's connection stays in the thread that opened it
        is_streamed = file.mapping.reader.format != "database"
        append_batches(work.connection, batches, file.number, file.content.reading, is_streamed=is_streamed)
    except Exception as error:
        # whatever a hostile file does to a reader, the other files are loaded
        for name in work.tables:
            work.connection.execute(f"delete from scratch.delivered_{name} where _file_no = $1", [file.number])
        known = error if isinstance(error, OSError | ContractError) else ContractError(type(error).__name__)
        hold_unreadable(file.entity, file.content, known)
        if isinstance(error, SettingsError | SourceUnreachableError | UsageError):
            # our own messages quote no value, and name the remedy
            file.content.breach = f"{file.content.breach}: {error}"
        elif known is not error:
            # the text of a foreign error may hold a row value
            logger.error("a reader failed: %s", type(error).__name__, extra={"file": file.token})


def _judge(work: _Ingestion, *, allow_mass_deletion: bool) -> None:
    """Clean the values of what was read, decide what is new, judge records and find what vanished."""
    mappings = {file.number: file.mapping for file in work.files}
    touched = {entity for file in work.files for entity in file.content.received if entity in work.tables}
    for name in sorted(touched):
        table = work.tables[name]
        cleaned = clean_delivered(work.connection, table, mappings)
        empty = unread_columns(work.files, table)
        work.decided[name] = decide_rows(work.connection, table, work.mapping.period, empty)
        find_record_issues(work.connection, table, mappings, work.mapping.period)
        find_code_issues(work.connection, table, mappings)
        count_policies(
            work.connection,
            table,
            mappings,
            cleaned=cleaned,
            batch_id=work.load.batch_id,
            counted_at=work.load.loaded_at,
        )
        work.events.append(newest_event(work.connection, table, work.load.loaded_at, cleaned))
        create_deleted_table(work.connection, table)
    for file_mapping in work.mapping.files:
        if file_mapping.complete_extract and file_mapping.entity in touched:
            _delete_vanished(work, file_mapping, allow_mass_deletion)


def _delete_vanished(work: _Ingestion, file_mapping: FileMapping, allow_mass_deletion: bool) -> None:
    files = [file for file in work.files if file.mapping is file_mapping]
    table = work.tables[file_mapping.entity]
    is_whole = all(
        file.content.received.get(table.name) and not file.content.breach and not file.content.reading.held
        for file in files
    )
    if not files or not is_whole or not table.key:
        return
    tokens = {file.token for file in files}
    if not is_whole_delivery(work.connection, work.mapping.source, file_mapping.match, work.folder, tokens):
        return
    delivery = CompleteDelivery(
        match=file_mapping.match,
        file_numbers=tuple(file.number for file in files),
        refused_texts=tuple(
            refusal.raw_text for file in files for refusal in file.content.refusals.get(table.name, [])
        ),
    )
    vanished = find_vanished(work.connection, table, delivery, work.mapping.period)
    first = files[0]
    if vanished.is_mass_deletion and not allow_mass_deletion:
        work.held[first.number, table.name] = vanished.count
        work.result.stops.append(mass_deletion_message(work.mapping.source, table.name, vanished.count, first.token))
        first.content.reading.find("mass_deletion")
    elif vanished.count:
        write_tombstones(work.connection, table, work.load, first.number)
        work.deleted[first.number, table.name] = vanished.count


def _find_issues(work: _Ingestion) -> None:
    """Turn refusals, dropped lines, findings of the readers and of the rules into issues."""
    entities = set(work.decided)
    for file in work.files:
        add_findings(work.connection, file.number, file.entity, findings_of_lines(file))
        for entity, refusals in file.content.refusals.items():
            entities.add(entity)
            add_findings(work.connection, file.number, entity, findings_of_refusals(refusals))
        entities.add(file.entity)
    for entity in sorted(entities):
        table = work.tables.get(entity)
        collect_issues(
            work.connection,
            work.mapping.source,
            entity,
            table if entity in work.decided else None,
            batch_id=work.load.batch_id,
            found_at=work.load.loaded_at,
        )
        if table and entity in work.decided:
            collect_deletions(work.connection, table, batch_id=work.load.batch_id, found_at=work.load.loaded_at)


def _load_rows(work: _Ingestion) -> None:
    """Hand the rows to dlt and check that they arrived."""
    loads = []
    for name, counts in sorted(work.decided.items()):
        accepted = sum(count.accepted for count in counts.values())
        deleted = sum(count for (_, entity), count in work.deleted.items() if entity == name)
        if accepted + deleted == 0:
            continue
        table = work.tables[name]
        types = {column.name: column.data_type for column in table.columns} | table.provenance
        view = create_load_view(
            work.connection,
            table,
            work.load,
            has_accepted=accepted > 0,
            has_deleted=deleted > 0,
            empty=unread_columns(work.files, table),
        )
        loads.append(RowsOfTable(table=name, columns=types, relation=view, rows=accepted + deleted))
    if not loads:
        return
    begin_load(work.connection, work.load.batch_id, work.mapping.source, work.load.loaded_at)
    try:
        append_rows(work.settings, work.mapping.source, loads)
    finally:
        # dlt lets go of the zone for the whole instance
        attach_zone(work.connection, work.settings, "raw")
    for load in loads:
        check_loaded(work.connection, work.tables[load.table], work.load.batch_id, load.rows)


def _keep_books(work: _Ingestion, *, what_if: bool) -> None:
    issues = count_new_issues(work.connection) if work.files else {}
    accounts = []
    for file in work.files:
        for entity, received in sorted(file.content.received.items()):
            counts = work.decided.get(entity, {}).get(file.number, Counts())
            delivery = _delivery(work, file, entity, received, counts)
            refusals = file.content.refusals.get(entity, [])
            accounts.append((delivery, refusals))
            work.result.files.append(
                FileResult(
                    file=file.shown_name,
                    entity=entity,
                    received=received,
                    loaded=counts.accepted,
                    quarantined=count_reasons(refusals),
                    unchanged=counts.unchanged,
                    deleted=delivery.deleted,
                    dropped=dict(file.content.reading.dropped),
                    unknown_columns=file.content.unknown_columns,
                    encoding=delivery.encoding,
                    encoding_confidence=delivery.encoding_confidence,
                    issues=issues.get((file.number, entity), {}),
                )
            )
    if what_if:
        return
    work.result.batch_id = work.load.batch_id
    with transaction(work.connection):
        write_code_map(work.connection, work.mapping, work.load.batch_id, work.load.loaded_at)
        if work.files:
            write_deliveries(work.connection, accounts)
            write_new_issues(work.connection)
            write_counts(work.connection)
            has_news = bool(work.result.total("loaded") or work.result.total("deleted"))
            end_load(work.connection, work.load.batch_id, work.mapping.source, has_news=has_news)
        newest = max((event for event in work.events if event), default=None)
        write_freshness(work.connection, work.mapping, newest=newest, looked_at=work.load.loaded_at)


def _delivery(work: _Ingestion, file: OpenFile, entity: str, received: int, counts: Counts) -> Delivery:
    reading = file.content.reading
    return Delivery(
        batch_id=work.load.batch_id,
        source=work.mapping.source,
        entity=entity,
        file_token=file.token,
        file_name=file.path.relative_to(work.folder).as_posix(),
        file_sha256=file.sha256,
        mapping_sha256=mapping_sha256(file.mapping),
        size_bytes=file.path.stat().st_size if file.path.exists() else 0,
        encoding=reading.encoding,
        encoding_confidence=reading.encoding_confidence,
        received=received,
        loaded=counts.accepted,
        quarantined=len(file.content.refusals.get(entity, [])),
        unchanged=counts.unchanged,
        dropped=reading.dropped,
        unknown_columns=file.content.unknown_columns,
        loaded_at=work.load.loaded_at,
        file_match=file.mapping.match,
        deleted=work.deleted.get((file.number, entity), 0),
        deletions_held=work.held.get((file.number, entity), 0),
        breach=file.content.breach,
    )
