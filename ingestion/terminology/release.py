"""Puts lists, maps and SNOMED CT releases into `raw_terminology`: as data of the lake, versioned, never as code.

Each file has its account: received = loaded + refused; refused lines lie in `raw_ledger.quarantine`.
A file that was read before under the same system and version is not read again. The newest import of a code system is
the one the next build uses; older ones stay.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from ingestion.terminology.code_list import read_code_list, read_code_map
from ingestion.terminology.spelling import family_of
from lakehouse.errors import ContractError, UsageError
from lakehouse.formats.rf2 import ReleaseFile, find_release_files, read_release_file
from lakehouse.lake import Connection, append_arrow, create_raw_tables, transaction
from lakehouse.ledger import Refusal, check_balance, file_token, local_now, new_batch_id

SNOMED_CT = "snomed_ct"
_LARGEST_REFUSAL_COUNT = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What became of one file."""

    file: str
    content: str
    code_system: str
    code_version: str
    received: int
    loaded: int
    refused: int
    is_unchanged: bool


def import_list(
    connection: Connection,
    path: Path,
    *,
    code_system: str,
    code_version: str,
    timezone: str,
    origin: str = "",
    target_system: str | None = None,
    code_column: str | None = None,
    name_column: str | None = None,
    what_if: bool = False,
) -> Imported:
    """Read one code list, or one map when a target system is named, into the lake.

    Raises UsageError for a system that has no list, ContractError and SourceUnreachableError for a file that is none.
    """
    for system in (code_system, target_system):
        if system is not None and family_of(system) not in (
            "icd_10",
            "icd_9_cm_3",
            "icd_9",
            "icd_o",
            "snomed",
            "loinc",
        ):
            raise UsageError(f"{system!r} is no code system that has lists; see terminology__code_system")
    content = "code" if target_system is None else "mapping"
    if target_system is None:
        found = read_code_list(path, code_system, code_column=code_column, name_column=name_column)
    else:
        found = read_code_map(path, code_system, target_system, code_column=code_column, target_column=name_column)
    if not found.rows:
        raise ContractError(f"{path.name}: none of its {found.received} lines is a code of {code_system}")
    create_raw_tables(connection, ["terminology", "ledger"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    result = Imported(
        file=path.name, content=content, code_system=code_system, code_version=code_version, received=found.received,
        loaded=len(found.rows), refused=len(found.refusals),
        is_unchanged=_is_known(connection, digest, code_system, code_version, content),
    )  # fmt: skip
    if what_if or result.is_unchanged:
        return result
    batch_id, now = new_batch_id(), local_now(timezone)
    codes = [code for code, _ in found.rows]
    others = [other for _, other in found.rows]
    count = len(codes)
    if target_system is None:
        rows = {"code_system": [code_system] * count, "code": codes, "code_name": others}
    else:
        rows = {
            "source_code_system": [code_system] * count, "source_code": codes,
            "target_code_system": [target_system] * count, "target_code": others,
        }  # fmt: skip
    rows |= {"batch_id": [batch_id] * count, "code_version": [code_version] * count}
    table = pa.table(rows).append_column("imported_at", pa.array([now] * count, pa.timestamp("us")))
    with transaction(connection):
        append_arrow(connection, f"raw.raw_terminology.{content}", table)
        _write_account(connection, result, batch_id, path, digest, origin, now, found.refusals)
    return result


def import_snomed(
    connection: Connection,
    folder: Path,
    *,
    timezone: str,
    code_version: str | None = None,
    origin: str = "",
    what_if: bool = False,
) -> list[Imported]:
    """Read the RF2 files of a SNOMED CT release below a folder into the lake, all in one transaction.

    Raises SourceUnreachableError when the folder holds no release, ContractError when a file is not what it is named.
    """
    files = find_release_files(folder)
    version = code_version or max(file.release_date for file in files)
    create_raw_tables(connection, ["terminology", "ledger"])
    batch_id, now = new_batch_id(), local_now(timezone)
    results = []
    digests = {file.path: _digest(file.path) for file in files}
    is_known = all(_is_known(connection, digests[file.path], SNOMED_CT, version, file.layout.content) for file in files)
    with transaction(connection):
        for file in files:
            if is_known:
                results.append(_result(file, folder, version, 0, 0, 0, is_unchanged=True))
            else:
                results.append(
                    _import_release_file(
                        connection, file, folder, version, batch_id, digests[file.path], origin, now, what_if
                    )
                )
    return results


def _import_release_file(
    connection: Connection,
    file: ReleaseFile,
    folder: Path,
    version: str,
    batch_id: str,
    digest: str,
    origin: str,
    now: datetime,
    what_if: bool,
) -> Imported:
    refusals: list[Refusal] = []

    def refuse(row_no: int, reason: str, text: str) -> None:
        if len(refusals) >= _LARGEST_REFUSAL_COUNT:
            raise ContractError(
                f"{file.path.name}: more than {_LARGEST_REFUSAL_COUNT} lines are no rows; unpack the release again"
            )
        refusals.append(Refusal(row_no=row_no, reason=reason, raw_text=text[:4000]))

    loaded = 0
    for rows in read_release_file(file, refuse):
        loaded += len(rows)
        if not what_if:
            batch = pa.array([batch_id] * len(rows), pa.string())
            append_arrow(
                connection, f"raw.raw_terminology.{file.layout.content}", rows.append_column("batch_id", batch)
            )
    result = _result(file, folder, version, loaded + len(refusals), loaded, len(refusals))
    if not what_if:
        _write_account(connection, result, batch_id, file.path, digest, origin, now, refusals)
    return result


def _result(
    file: ReleaseFile,
    folder: Path,
    version: str,
    received: int,
    loaded: int,
    refused: int,
    *,
    is_unchanged: bool = False,
) -> Imported:
    return Imported(
        file=file.path.relative_to(folder).as_posix(), content=file.layout.content, code_system=SNOMED_CT,
        code_version=version, received=received, loaded=loaded, refused=refused, is_unchanged=is_unchanged,
    )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _is_known(connection: Connection, digest: str, code_system: str, code_version: str, content: str) -> bool:
    """Say whether this file is the newest of its system and content: only then would reading it change nothing."""
    row = connection.execute(
        "select file_sha256, code_version from raw.raw_terminology.release where code_system = $1 and content = $2 "
        "qualify dense_rank() over (order by batch_id desc) = 1",
        [code_system, content],
    ).fetchall()
    return (digest, code_version) in row


def _write_account(
    connection: Connection,
    result: Imported,
    batch_id: str,
    path: Path,
    digest: str,
    origin: str,
    now: datetime,
    refusals: tuple[Refusal, ...] | list[Refusal],
) -> None:
    check_balance(result.received, result.loaded, result.refused, 0)
    token = file_token(path, path.parent)
    account = {
        "batch_id": batch_id, "code_system": result.code_system, "code_version": result.code_version,
        "content": result.content, "file_token": token, "file_sha256": digest, "origin": origin,
        "received": result.received, "loaded": result.loaded, "refused": result.refused, "imported_at": now,
    }  # fmt: skip
    append_arrow(connection, "raw.raw_terminology.release", pa.Table.from_pylist([account]))
    if refusals:
        refused = [
            {
                "batch_id": batch_id, "source": "terminology", "entity": result.content, "file_token": token,
                "file_sha256": digest, "row_no": refusal.row_no, "reason": refusal.reason, "raw_text": refusal.raw_text,
                "quarantined_at": now,
            }
            for refusal in refusals
        ]  # fmt: skip
        append_arrow(connection, "raw.raw_ledger.quarantine", pa.Table.from_pylist(refused))
