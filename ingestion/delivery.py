"""Finds the files of a delivery, knows those that were read before, and holds the account of each.

A file is known by its bytes and its mapping: it is not read again, whatever its name. Two cases differ. A complete
extract is a statement about a moment: the same bytes under a new name, or back under their old name, are news, and when
one of several files changed, those that came with it are read again, since together they say what exists. And what a
database answers is not in the file that holds the query, so it is asked at every ingestion.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.mapping import STANDARD_FORMATS, FileMapping, SourceMapping, mapping_sha256
from ingestion.naming import shown_name
from ingestion.records import FileReading, file_state, hold_unreadable
from lakehouse.contract import Table
from lakehouse.lake import Connection, fetch_dicts
from lakehouse.ledger import file_token


@dataclass(slots=True)
class FileResult:
    """The account of one file and raw table, as a command reports it."""

    file: str
    entity: str
    received: int = 0
    loaded: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    deleted: int = 0
    """Tombstones written in its name; never part of `received`."""
    dropped: dict[str, int] = field(default_factory=dict)
    unknown_columns: int = 0
    encoding: str | None = None
    encoding_confidence: float | None = None
    issues: dict[str, int] = field(default_factory=dict)
    """New issues by kind."""


@dataclass(slots=True)
class SourceResult:
    """The account of one source."""

    source: str
    files: list[FileResult] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    """What broke a contract: everything else was loaded, and nothing is built."""
    stops: list[str] = field(default_factory=list)
    """What somebody has to confirm, such as that most records of a table are gone."""
    batch_id: str = ""

    def total(self, name: str) -> int:
        """Return the sum of received, loaded, quarantined, unchanged or deleted over all files."""
        if name == "quarantined":
            return sum(sum(file.quarantined.values()) for file in self.files)
        return sum(getattr(file, name) for file in self.files)


@dataclass(slots=True)
class OpenFile:
    """A file on its way through one ingestion."""

    number: int
    path: Path
    token: str
    sha256: str
    mapping: FileMapping
    content: FileReading

    @property
    def entity(self) -> str:
        """Return what its records are called in the books when it could not be read."""
        return self.mapping.entity or {"hl7v2": "message"}.get(self.mapping.reader.format, "resource")

    @property
    def shown_name(self) -> str:
        """Return its name fit to be shown."""
        return shown_name(self.path.name, self.mapping.match)


@dataclass(slots=True)
class _Candidate:
    """A file that matches a mapping, before it is decided whether it is read."""

    path: Path
    token: str
    sha256: str = ""
    content: FileReading = field(default_factory=FileReading)
    is_known: bool = False


def find_files(
    connection: Connection,
    mapping: SourceMapping,
    folder: Path,
    result: SourceResult,
    *,
    allow_mass_deletion: bool = False,
) -> list[OpenFile]:
    """Return the files that have to be read; account for the others as unchanged."""
    files: list[OpenFile] = []
    for file_mapping in mapping.files:
        candidates = [_candidate(path, folder, file_mapping) for path in _paths(folder, file_mapping)]
        rules = mapping_sha256(file_mapping)
        books = _books(connection, mapping.source, candidates)
        for candidate in candidates:
            candidate.is_known = _is_known(candidate, file_mapping, rules, books, allow_mass_deletion)
        if file_mapping.complete_extract:
            _read_companions(candidates, books, file_mapping.match)
        for candidate in candidates:
            if candidate.is_known:
                _account_known(connection, mapping.source, file_mapping, rules, candidate, books, result)
            else:
                files.append(
                    OpenFile(
                        number=len(files),
                        path=candidate.path,
                        token=candidate.token,
                        sha256=candidate.sha256,
                        mapping=file_mapping,
                        content=candidate.content,
                    )
                )
    return files


def unread_columns(files: Sequence[OpenFile], table: Table) -> frozenset[str]:
    """Return the columns of a raw table that none of some files can fill."""
    mappings = [file.mapping for file in files if file.mapping.entity in ("", table.name)]
    if any(mapping.reader.format in STANDARD_FORMATS for mapping in mappings):
        return frozenset()
    return frozenset(table.column_names).difference(
        *(mapping.columns for mapping in mappings), *(mapping.constants for mapping in mappings)
    )


def _paths(folder: Path, file_mapping: FileMapping) -> list[Path]:
    return sorted(path for path in folder.glob(file_mapping.match) if not path.is_dir())


def _candidate(path: Path, folder: Path, file_mapping: FileMapping) -> _Candidate:
    candidate = _Candidate(path=path, token=file_token(path, folder))
    try:
        candidate.content.state = file_state(path)
        with path.open("rb") as file:
            candidate.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        hold_unreadable(file_mapping.entity or "resource", candidate.content, error)
    return candidate


def _books(connection: Connection, source: str, candidates: list[_Candidate]) -> list[dict[str, Any]]:
    """Return what the books say of the bytes and the names of some files, the oldest load first."""
    if not candidates:
        return []
    return fetch_dicts(
        connection,
        "select batch_id, entity, file_token, file_sha256, mapping_sha256, file_match, received, quarantined, "
        "encoding, encoding_confidence, deletions_held, breach from raw.raw_ledger.delivery where source = $1 and "
        "(file_sha256 in (select unnest($2::varchar[])) or file_token in (select unnest($3::varchar[]))) "
        "order by batch_id, entity",
        [source, [candidate.sha256 for candidate in candidates], [candidate.token for candidate in candidates]],
    )


def _is_known(
    candidate: _Candidate,
    file_mapping: FileMapping,
    rules: str,
    books: list[dict[str, Any]],
    allow_mass_deletion: bool,
) -> bool:
    if not candidate.sha256 or file_mapping.reader.format == "database":
        return False
    same = [row for row in books if row["file_sha256"] == candidate.sha256 and row["mapping_sha256"] == rules]
    if not same:
        return False
    if not file_mapping.complete_extract:
        return True
    of_name = [row for row in books if row["file_token"] == candidate.token and row["mapping_sha256"] == rules]
    if not of_name or of_name[-1]["file_sha256"] != candidate.sha256:
        return False
    return not (allow_mass_deletion and of_name[-1]["deletions_held"])


def _read_companions(candidates: list[_Candidate], books: list[dict[str, Any]], match: str) -> None:
    """Have the files read again that came in one load with a file that changed since."""
    last_load = {row["file_token"]: row["batch_id"] for row in books if row["file_match"] == match}
    changed = {last_load.get(candidate.token) for candidate in candidates if not candidate.is_known} - {None}
    for candidate in candidates:
        if last_load.get(candidate.token) in changed:
            candidate.is_known = False


def _account_known(
    connection: Connection,
    source: str,
    file_mapping: FileMapping,
    rules: str,
    candidate: _Candidate,
    books: list[dict[str, Any]],
    result: SourceResult,
) -> None:
    first: dict[str, dict[str, Any]] = {}
    for row in books:
        if row["file_sha256"] == candidate.sha256 and row["mapping_sha256"] == rules:
            first.setdefault(row["entity"], row)
    for entity, row in first.items():
        reasons: dict[str, int] = {}
        if row["quarantined"]:
            reasons = dict(
                connection.execute(
                    "select reason, count(*) from raw.raw_ledger.quarantine where source = $1 and entity = $2 "
                    "and file_sha256 = $3 and batch_id = $4 group by reason order by reason",
                    [source, entity, candidate.sha256, row["batch_id"]],
                ).fetchall()
            )
        result.files.append(
            FileResult(
                file=shown_name(candidate.path.name, file_mapping.match),
                entity=entity,
                received=row["received"],
                quarantined=reasons,
                unchanged=row["received"] - row["quarantined"],
                encoding=row["encoding"],
                encoding_confidence=row["encoding_confidence"],
            )
        )
        if row["breach"]:
            result.breaches.append(f"{source}: {row['breach']} (file {candidate.token})")
        if row["deletions_held"]:
            result.stops.append(mass_deletion_message(source, entity, row["deletions_held"], candidate.token))


def mass_deletion_message(source: str, entity: str, count: int, token: str) -> str:
    """Say that a complete extract lacks most of what is known, and what to do."""
    return (
        f"{source}: a complete delivery of {entity} lacks {count} records, more than half of those known "
        f"(file {token}): nothing was deleted; if they are gone, run it with --allow-mass-deletion"
    )


def is_whole_delivery(connection: Connection, source: str, match: str, folder: Path, tokens: set[str]) -> bool:
    """Return whether the files that are read now may together say which records of a mapping exist.

    They may not when a file that keeps its name from load to load is missing, nor when an older file was corrected
    while the newest delivery lies beside it, unread because it is known.
    """
    rows = connection.execute(
        "select batch_id, file_token from raw.raw_ledger.delivery where source = $1 and file_match = $2",
        [source, match],
    ).fetchall()
    newest = max((batch for batch, _ in rows), default=None)
    last = {token for batch, token in rows if batch == newest}
    present = {file_token(path, folder) for path in folder.glob(match)}
    if last & present and not last <= present:
        return False
    are_all_new = not tokens & {token for _, token in rows}
    return are_all_new or (last & present) <= tokens


def missing_tables(connection: Connection, mapping: SourceMapping, result: SourceResult) -> list[str]:
    """Name the tables that were never delivered although the mapping does not call them optional."""
    delivered = {file.entity for file in result.files}
    missing = []
    for file_mapping in mapping.files:
        is_standard = file_mapping.reader.format in STANDARD_FORMATS
        if file_mapping.optional or file_mapping.entity in delivered or (is_standard and delivered):
            continue
        before = connection.execute(
            "select 1 from raw.raw_ledger.delivery where source = $1 and ($2 or entity = $3) limit 1",
            [mapping.source, is_standard, file_mapping.entity],
        ).fetchone()
        if before is None:
            what = file_mapping.entity or "messages" if is_standard else file_mapping.entity
            missing.append(f"{mapping.source}: no file matches {file_mapping.match!r} for {what}")
    return missing
