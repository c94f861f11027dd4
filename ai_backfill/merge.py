"""Back-fills AI results into `raw_ai`: every run is kept, a replay changes nothing, an update keeps its history.

An object is known by its study and SOP Instance UID. The same content again, wherever it lies, is unchanged; other
content is the next version. Content that was read with other rules (`concepts.yml`) is read again and becomes the next
version too, so a new line in the table reaches what is already loaded. Files are read in the order of their names; each
chunk of them is one transaction, so after a crash the same command ends in the same tables.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ai_backfill.concepts import table_sha256
from ai_backfill.readers import parse_result, read_bytes
from ai_backfill.result import AiResult, RefusedError
from ai_backfill.rows import arrow_table, finding_rows, measurement_rows, provenance, result_id_of, result_row
from lakehouse.contract import read_contract
from lakehouse.errors import SourceUnreachableError
from lakehouse.lake import Connection, append_arrow, create_raw_tables, transaction
from lakehouse.ledger import check_balance, file_token
from lakehouse.log import get_logger

_logger = get_logger("ai_backfill.merge")
_CHUNK_FILES = 1000
_READER_VERSION = "1"
"""Raised when the readers' code, not the table, gives another answer."""

Progress = Callable[[int, int], None]
"""Called with the files done and the files there are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillResult:
    """What a back-fill did; received = loaded + quarantined + unchanged."""

    received: int
    loaded: int
    quarantined: dict[str, int]
    unchanged: int
    findings_loaded: int
    seconds: float


def mapping_sha256() -> str:
    """Return the fingerprint of the rules that results are read with."""
    return hashlib.sha256(f"{_READER_VERSION}\x1f{table_sha256()}".encode()).hexdigest()


@dataclass(slots=True)
class _Version:
    result_id: str
    version_no: int
    is_current: bool
    content_sha256: str
    mapping_sha256: str


@dataclass(slots=True)
class _Known:
    """What the tables hold already, and what this run adds."""

    versions: dict[tuple[str, str], list[_Version]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    refused: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(slots=True)
class _Chunk:
    """The rows of one transaction."""

    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in ("result", "finding", "measurement", "refusal")}
    )
    superseded: list[str] = field(default_factory=list)


def backfill(
    connection: Connection,
    folders: Sequence[Path],
    *,
    batch_id: str,
    what_if: bool = False,
    progress: Progress | None = None,
) -> BackfillResult:
    """Read every file below the folders and write what is new to `raw.raw_ai`.

    A file that cannot be read is counted by its reason (`result.REASONS`) and written to `raw_ai.refusal` once; it
    never stops the run. `what_if` counts and writes nothing. Raises SourceUnreachableError when a folder is missing.
    """
    started = time.monotonic()
    files = [(path, root) for root in folders for path in _walk(root)]
    if not what_if:
        create_raw_tables(connection, ["ai"])
    known = _read_known(connection)
    loaded_at = _now(connection)
    quarantined: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    chunk = _Chunk()
    for done, (path, root) in enumerate(files, start=1):
        token = file_token(path, root)
        fate, reason = _take(path, token, known, chunk, batch_id, loaded_at)
        counts[fate] += 1
        if reason:
            quarantined[reason] += 1
        if done % _CHUNK_FILES == 0 or done == len(files):
            counts["findings"] += len(chunk.rows["finding"])
            if not what_if:
                _write(connection, chunk)
            chunk = _Chunk()
        if progress is not None:
            progress(done, len(files))
    check_balance(len(files), counts["loaded"], counts["quarantined"], counts["unchanged"])
    seconds = time.monotonic() - started
    _logger.info(
        "AI results back-filled",
        extra={"received": len(files), "loaded": counts["loaded"], "quarantined": dict(quarantined), "batch": batch_id},
    )
    return BackfillResult(
        received=len(files),
        loaded=counts["loaded"],
        quarantined=dict(sorted(quarantined.items())),
        unchanged=counts["unchanged"],
        findings_loaded=counts["findings"],
        seconds=seconds,
    )


def _walk(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    if not root.is_dir():
        raise SourceUnreachableError("a folder of AI results is missing: check `ai_folders` in site.yml")
    yield from sorted(path for path in root.rglob("*") if not path.is_dir())


def _now(connection: Connection) -> datetime:
    """Return the hospital's local time: the connection is set to its zone."""
    row = connection.execute("select cast(now() as timestamp)").fetchone()
    assert row is not None
    return row[0]


def _read_known(connection: Connection) -> _Known:
    known = _Known()
    present = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'raw' and schema_name = 'raw_ai' "
        "and table_name in ('result', 'refusal')"
    ).fetchone()
    if present is None or present[0] < 2:
        return known
    rules = mapping_sha256()
    for study, sop, result_id, version_no, is_current, content, mapping, file in connection.execute(
        "select study_instance_uid, sop_instance_uid, result_id, version_no, is_current, content_sha256, "
        "mapping_sha256, file_sha256 from raw.raw_ai.result order by version_no"
    ).fetchall():
        version = _Version(result_id, version_no, is_current, content, mapping)
        known.versions.setdefault((study, sop), []).append(version)
        if mapping == rules:
            known.files.add(file)
    known.refused.update(connection.execute("select file_sha256, _src_file, reason from raw.raw_ai.refusal").fetchall())
    return known


def _take(
    path: Path, token: str, known: _Known, chunk: _Chunk, batch_id: str, loaded_at: datetime
) -> tuple[str, str | None]:
    """Add one file's rows to the chunk and return what became of it and why."""
    file_sha256 = ""
    try:
        data = read_bytes(path)
        file_sha256 = hashlib.sha256(data).hexdigest()
        if file_sha256 in known.files:
            return "unchanged", None
        result = parse_result(data)
    except RefusedError as error:
        if (file_sha256, token, error.reason) not in known.refused:
            known.refused.add((file_sha256, token, error.reason))
            chunk.rows["refusal"].append(
                {"reason": error.reason, "file_sha256": file_sha256, "file_path": str(path)}
                | provenance(
                    token=token,
                    key=token,
                    content_sha256=file_sha256,
                    batch_id=batch_id,
                    loaded_at=loaded_at,
                )
            )
        return "quarantined", error.reason
    known.files.add(file_sha256)
    rules = mapping_sha256()
    versions = known.versions.setdefault((result.study_instance_uid, result.sop_instance_uid), [])
    same = [version for version in versions if version.content_sha256 == result.content_sha256]
    if any(version.mapping_sha256 == rules for version in same):
        return "unchanged", None
    # content read again with new rules takes the place of its earlier reading, not of later content
    is_current = any(version.is_current for version in same) if same else True
    version = _Version(result_id_of(result, rules), len(versions) + 1, is_current, result.content_sha256, rules)
    if is_current:
        for earlier in versions:
            if earlier.is_current:
                earlier.is_current = False
                chunk.superseded.append(earlier.result_id)
    versions.append(version)
    _add(result, version, chunk, file_sha256, str(path), token, batch_id, loaded_at)
    return "loaded", None


def _add(
    result: AiResult,
    version: _Version,
    chunk: _Chunk,
    file_sha256: str,
    file_path: str,
    token: str,
    batch_id: str,
    loaded_at: datetime,
) -> None:
    row = result_row(
        result,
        result_id=version.result_id,
        version_no=version.version_no,
        is_current=version.is_current,
        mapping_sha256=version.mapping_sha256,
        file_sha256=file_sha256,
        file_path=file_path,
    )
    for name, key, rows in (
        ("result", "result_id", [row]),
        ("finding", "finding_id", finding_rows(result, version.result_id)),
        ("measurement", "measurement_id", measurement_rows(result, version.result_id)),
    ):
        chunk.rows[name].extend(
            row
            | provenance(
                token=token,
                key=row[key],
                content_sha256=result.content_sha256,
                batch_id=batch_id,
                loaded_at=loaded_at,
            )
            for row in rows
        )


def _write(connection: Connection, chunk: _Chunk) -> None:
    """Write a chunk as one transaction, one insert a table."""
    # a version that came and went within the chunk is not in the table yet
    superseded = set(chunk.superseded)
    for row in chunk.rows["result"]:
        row["is_current"] = row["is_current"] and row["result_id"] not in superseded
    with transaction(connection):
        if superseded:
            connection.register("superseded_results", pa.table({"result_id": sorted(superseded)}))
            try:
                connection.execute(
                    "update raw.raw_ai.result set is_current = false "
                    "where result_id in (select result_id from superseded_results)"
                )
            finally:
                connection.unregister("superseded_results")
        for name, table in read_contract("ai").items():
            if chunk.rows[name]:
                append_arrow(connection, f"raw.raw_ai.{name}", arrow_table(table, chunk.rows[name]))
