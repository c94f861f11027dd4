"""Indexes folders of image files: `radlake dicom scan`.

1. Walk the folders and note the signature of every file: size, times of change of content and inode, inode number.
2. Compare with `raw_dicom.file`: what is unchanged is not opened, what is gone is marked as absent.
3. Open the rest, in batches; each batch of file and instance rows is one transaction.
4. Settle files with the same SOP Instance UID, then rebuild series, study and patient where instances changed.

Steps 3 and 4 are derived from the state of the tables alone, so a run that was killed is completed by the next one.
A file whose signature changed while it was read is quarantined as `still_being_written`; it and files with `io_error`
are opened again by the next run. Paths are written to the vault column of `file` and nowhere else.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from dicom_index.conversion import arrow_schema, convert_header, make_table
from dicom_index.copies import RIGHTFUL, find_displaced, settle_copies
from dicom_index.folders import Walk, path_to_text, resolve_folders, text_to_path, walk_files
from dicom_index.grouping import rebuild_groups
from dicom_index.image_files import identify_file
from lakehouse.contract import read_table
from lakehouse.formats.dicom import READER, READER_VERSION, Header, UnreadableError, read_header
from lakehouse.lake import Connection, append_arrow, transaction
from lakehouse.ledger import check_balance, file_token, local_now
from lakehouse.log import get_logger

_LOG = get_logger("dicom_index.scan")
_FILE = "raw.raw_dicom.file"
_INSTANCE = "raw.raw_dicom.instance"
_WALK_BATCH = 20_000
_READ_BATCH = 2_000

SIGNATURE = ("size_bytes", "mtime_ns", "ctime_ns", "inode")
"""What tells a changed file; leave out ctime_ns and inode on network file systems that make them up."""

QUARANTINE_REASONS = (
    "empty_file",
    "truncated_header",
    "truncated_pixel_data",
    "no_sop_instance_uid",
    "unreadable",
    "io_error",
    "still_being_written",
)
NOT_DICOM_REASONS = ("not_dicom", "dicomdir", "jpeg", "png", "bmp")
_RETRIED = ("io_error", "still_being_written")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScanResult:
    """What a scan did; seen = indexed + quarantined + not_dicom + unchanged."""

    seen: int
    indexed: int
    quarantined: dict[str, int]
    not_dicom: int
    not_dicom_reasons: dict[str, int]
    unchanged: int
    opened: int
    """Files whose header was read; more than the new and changed ones only when an indexed copy vanished."""
    compared: int
    """Files read to compare copies of one instance."""
    vanished: int
    unread_folders: dict[str, int]
    seconds: float


@dataclass(kw_only=True, slots=True)
class _Run:
    connection: Connection
    batch_id: str
    loaded_at: datetime
    is_dry: bool
    indexed: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    not_dicom: Counter[str] = field(default_factory=Counter)
    opened: int = 0


def scan_folder(
    connection: Connection,
    folders: Sequence[Path],
    *,
    batch_id: str,
    what_if: bool = False,
    progress: Callable[[int, int], None] | None = None,
    signature: Sequence[str] = SIGNATURE,
) -> ScanResult:
    """Bring `raw_dicom` up to date with folders of files; with `what_if`, read and count but write nothing.

    `progress` is told how many files of how many to open are done. Raises SourceUnreachableError for a missing folder.
    """
    started = time.perf_counter()
    roots = resolve_folders(folders)
    timezone = connection.execute("select current_setting('timezone')").fetchone()
    run = _Run(
        connection=connection,
        batch_id=batch_id,
        loaded_at=local_now(timezone[0] if timezone else "UTC"),
        is_dry=what_if,
    )
    walk = Walk()
    seen = _note_files(connection, walk_files(roots, walk))
    total = _compare(connection, signature)
    vanished = _mark_absent(connection, roots, walk, is_dry=what_if)
    _open_files(run, total, progress)
    unchanged, compared = seen - total, 0
    check_balance(seen, run.indexed, run.quarantined.total() + run.not_dicom.total(), unchanged)
    result = (run.indexed, dict(run.quarantined), dict(run.not_dicom))
    if not what_if:
        _open_displaced(run)
        compared = settle_copies(connection)
        rebuild_groups(connection, batch_id, run.loaded_at)
    for name in ("seen", "todo", "files", "instances", "copies", "digest", "counts"):
        connection.execute(f"drop table if exists temp.scan_{name}")
    indexed, quarantined, not_dicom = result
    _LOG.info(
        "scanned image folders",
        extra={
            "batch_id": batch_id,
            "seen": seen,
            "indexed": indexed,
            "quarantined": quarantined,
            "opened": run.opened,
        },
    )
    return ScanResult(
        seen=seen,
        indexed=indexed,
        quarantined=dict(sorted(quarantined.items())),
        not_dicom=sum(not_dicom.values()),
        not_dicom_reasons=dict(sorted(not_dicom.items())),
        unchanged=unchanged,
        opened=run.opened,
        compared=compared,
        vanished=vanished,
        unread_folders=dict(sorted(walk.reasons.items())),
        seconds=time.perf_counter() - started,
    )


def _signature_of(state: os.stat_result) -> dict[str, int]:
    return {
        "size_bytes": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "ctime_ns": state.st_ctime_ns,
        "inode": state.st_ino,
    }


def _note_files(connection: Connection, found: Iterable[tuple[str, os.stat_result | None]]) -> int:
    """Write every file of the walk to scan_seen and return how many there are."""
    schema = pa.schema([field for field in arrow_schema(read_table("dicom", "file")) if field.name in _SEEN])
    connection.execute(
        "create or replace temp table scan_seen "
        "(file_token varchar, path varchar, size_bytes bigint, mtime_ns bigint, ctime_ns bigint, inode ubigint)"
    )
    rows: list[dict[str, Any]] = []
    count = 0
    for path, state in found:
        token = file_token(Path(path), Path(os.sep))
        rows.append({"file_token": token, "path": path_to_text(path)} | (_signature_of(state) if state else {}))
        if len(rows) >= _WALK_BATCH:
            count += append_arrow(connection, "temp.scan_seen", make_table(rows, schema))
            rows.clear()
    return count + (append_arrow(connection, "temp.scan_seen", make_table(rows, schema)) if rows else 0)


_SEEN = ("file_token", "path", *SIGNATURE)


def _compare(connection: Connection, signature: Sequence[str]) -> int:
    """Write the files to open to scan_todo, numbered in the order of their paths, and return how many there are."""
    differs = " or ".join(f"f.{name} is null or f.{name} <> s.{name}" for name in signature if name in SIGNATURE)
    connection.execute(
        "create or replace temp table scan_todo as "
        "select row_number() over (order by s.path) as n, s.file_token, s.path from scan_seen as s "
        f"left join {_FILE} as f on f.file_token = s.file_token "
        f"where f.file_token is null or s.size_bytes is null or {differs}"
    )
    count = connection.execute("select count(*) from scan_todo").fetchone()
    return int(count[0]) if count else 0


def _mark_absent(connection: Connection, roots: Sequence[Path], walk: Walk, *, is_dry: bool) -> int:
    """Mark files that are gone, and those that came back unchanged; return how many are gone.

    Nothing is said of files below a folder that could not be listed.
    """
    connection.execute("create or replace temp table scan_known (prefix varchar, is_read boolean)")
    prefixes = [(os.fspath(root), True) for root in roots] + [(folder, False) for folder in walk.unreadable_folders]
    append_arrow(
        connection,
        "temp.scan_known",
        pa.table(
            {
                "prefix": [path_to_text(folder).rstrip("/") + "/" for folder, _ in prefixes],
                "is_read": [is_read for _, is_read in prefixes],
            }
        ),
    )
    connection.execute(
        "create or replace temp table scan_absent as "
        f"select f.file_token from {_FILE} as f where f.is_present "
        "and f.file_token not in (select file_token from scan_seen) "
        "and exists (select 1 from scan_known as k where k.is_read and starts_with(f.path, k.prefix)) "
        "and not exists (select 1 from scan_known as k where not k.is_read and starts_with(f.path, k.prefix))"
    )
    count = connection.execute("select count(*) from scan_absent").fetchone()
    if not is_dry:
        with transaction(connection):
            connection.execute(
                f"update {_FILE} set is_present = false where file_token in (select file_token from scan_absent)"
            )
            connection.execute(
                f"update {_FILE} set is_present = true where not is_present "
                "and file_token in (select file_token from scan_seen)"
            )
    for name in ("known", "absent"):
        connection.execute(f"drop table temp.scan_{name}")
    return int(count[0]) if count else 0


def _open_files(run: _Run, total: int, progress: Callable[[int, int], None] | None) -> None:
    for first in range(1, total + 1, _READ_BATCH):
        page = run.connection.execute(
            "select file_token, path from scan_todo where n >= $1 and n < $2 order by n", [first, first + _READ_BATCH]
        ).fetchall()
        _index_batch(run, page)
        if progress is not None:
            progress(min(first + _READ_BATCH - 1, total), total)


def _open_displaced(run: _Run) -> None:
    """Open the copies that take the place of indexed files that are gone."""
    tokens = find_displaced(run.connection)
    for first in range(0, len(tokens), _READ_BATCH):
        page = run.connection.execute(
            f"select file_token, path from {_FILE} where file_token in (select unnest($1)) order by path",
            [tokens[first : first + _READ_BATCH]],
        ).fetchall()
        _index_batch(run, page)


def _index_batch(run: _Run, page: Sequence[tuple[str, str]]) -> None:
    files: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    for token, path in page:
        shared = {"file_token": token, "batch_id": run.batch_id, "loaded_at": run.loaded_at, "is_present": True}
        file, instance = _examine(text_to_path(path))
        files.append(shared | {"path": path} | file)
        run.opened += 1
        if file["status"] == "indexed":
            run.indexed += 1
        elif file["status"] == "not_dicom":
            run.not_dicom[file["reason"]] += 1
        else:
            run.quarantined[file["reason"]] += 1
        if instance is not None:
            instances.append(shared | instance)
    if not run.is_dry:
        _write_batch(run.connection, files, instances)


def _examine(path: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return what becomes of a file, and the row of its instance when it is indexed."""
    row: dict[str, Any] = {"reader": READER, "reader_version": READER_VERSION}
    header: Header | None = None
    reason: str | None = None
    try:
        before = path.stat()
        try:
            header = read_header(path)
        except UnreadableError as error:
            reason = error.reason
        after = path.stat()
    except OSError:
        return row | {"status": "quarantined", "reason": "io_error"}, None
    if _signature_of(before) != _signature_of(after):
        return row | {"status": "quarantined", "reason": "still_being_written"}, None
    if reason not in _RETRIED:
        row |= _signature_of(before)
    if header is None or header.is_truncated:
        if reason == "not_dicom":
            reason = identify_file(path) or reason
        reason = reason or "truncated_pixel_data"
        return row | {"status": "not_dicom" if reason in NOT_DICOM_REASONS else "quarantined", "reason": reason}, None
    instance = convert_header(header)
    row |= {
        "status": "indexed",
        "sop_instance_uid": instance["sop_instance_uid"],
        "pixel_data_offset": header.pixel_data_offset,
        "reader": header.reader,
        "reader_version": header.reader_version,
    }
    return row, instance


def _write_batch(connection: Connection, files: list[dict[str, Any]], instances: list[dict[str, Any]]) -> None:
    """Replace the rows of these files, and those instances of which one of them is the rightful copy."""
    for name, rows in (("file", files), ("instance", instances)):
        table = read_table("dicom", name)
        connection.execute(f"create or replace temp table scan_{name}s as from raw.{table.schema}.{name} limit 0")
        append_arrow(connection, f"temp.scan_{name}s", make_table(rows, arrow_schema(table)))
    with transaction(connection):
        connection.execute(f"delete from {_FILE} where file_token in (select file_token from scan_files)")
        connection.execute(f"insert into {_FILE} by name from scan_files")
        connection.execute(f"delete from {_INSTANCE} where file_token in (select file_token from scan_files)")
        if instances:
            connection.execute(
                "delete from scan_instances where (sop_instance_uid, file_token) not in "
                f"(select (sop_instance_uid, file_token) from ({RIGHTFUL}))"
            )
            connection.execute(
                f"delete from {_INSTANCE} where sop_instance_uid in (select sop_instance_uid from scan_instances)"
            )
            connection.execute(f"insert into {_INSTANCE} by name from scan_instances")
