"""Files that rows refer to by path, images above all: finds the columns, records each SHA-256 and compares it later.

A column is taken for one of paths when at least nine in ten of its values look like one. Paths were written on the old
system's machines, so drive, share and host are dropped, and of each column's leading folders as many as bring the most
of a sample below the given folder.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ingestion.migration import books
from ingestion.migration.plan import ColumnPlan, Plan, TablePlan
from ingestion.migration.validation.bisection import Difference
from ingestion.migration.validation.results import Check, Comparison, Stopwatch
from lakehouse.lake import Connection, transaction

_SHARE = 0.9
_LONGEST = 1_000
_LOOKS_LIKE_PATH = r"^[^\r\n]*([/\\][^\r\n/\\]*\.[A-Za-z0-9]{1,8}|\.(?i:jpe?g|png|bmp|dcm|tiff?|pdf))$"
_PLACE = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/]*|//[^/]+|[A-Za-z]:)?")
_SAMPLE = 200
_BATCH = 2_000
_THREADS = 2
STATUSES = ("found", "missing", "unreadable")

Progress = Callable[[str, int, int], None]
"""Called with a table, files done and files in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileState:
    """What lies at a path now."""

    status: str
    """found, missing or unreadable."""
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(slots=True)
class FilesResult:
    """How many files the tables of a plan refer to, by status."""

    columns: list[str] = field(default_factory=list)
    """table.column of every column of paths."""
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))


def path_columns(connection: Connection, table: TablePlan) -> list[ColumnPlan]:
    """Return the columns of a migrated table that hold paths of files."""
    texts = [column for column in table.columns if column.target_type == "varchar"]
    if not texts:
        return []
    parts = []
    for column in texts:
        name = books.quoted(column.target_name)
        looks = f"strlen({name}) <= {_LONGEST} and regexp_matches({name}, '{_LOOKS_LIKE_PATH}')"
        parts += [f"count({name}) filter ({name} <> '')", f"count(*) filter ({looks})"]
    row = connection.execute(f"select {', '.join(parts)} from {books.target_table(table)}").fetchone()
    assert row is not None
    return [
        column
        for number, column in enumerate(texts)
        if row[2 * number] and row[2 * number + 1] >= _SHARE * row[2 * number]
    ]


def record_files(
    connection: Connection,
    plan: Plan,
    files_root: Path,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> FilesResult:
    """Record size and SHA-256 of every file the loaded tables refer to, in place of what was recorded before.

    `files_root` is the folder below which the old system's files lie now.
    """
    result = FilesResult()
    for table in plan.tables:
        for column in path_columns(connection, table):
            result.columns.append(f"{table.target}.{column.name}")
            rows = []
            for path, state in _states(connection, table, column, files_root, progress):
                result.counts[state.status] += 1
                rows.append(_entry(plan, table, column, path, state, now))
            with transaction(connection):
                connection.execute(
                    "delete from raw.raw_migration.file where token = $1 and target = $2 and column_name = $3",
                    [plan.token, table.target, column.name],
                )
                books.insert(connection, "file", rows)
    return result


def compare_files(
    connection: Connection, plan: Plan, table: TablePlan, files_root: Path, comparison: Comparison, *, limit: int
) -> None:
    """Add to a comparison one check per column of paths, and the files that are not as they were recorded.

    A file that was missing then and is missing now is as recorded; of files that were never recorded all must be there.
    """
    result = comparison.result
    for column in path_columns(connection, table):
        watch = Stopwatch()
        recorded = {
            token: (status, sha256)
            for token, status, sha256 in connection.execute(
                "select path_token, status, sha256 from raw.raw_migration.file "
                "where token = $1 and target = $2 and column_name = $3",
                [plan.token, table.target, column.name],
            ).fetchall()
        }
        before, after, differing = dict.fromkeys(STATUSES, 0), dict.fromkeys(STATUSES, 0), 0
        for path, state in _states(connection, table, column, files_root, None):
            status, sha256 = recorded.get(path_token(path), ("found", state.sha256))
            before[status] += 1
            after[state.status] += 1
            if (status, sha256) == (state.status, state.sha256):
                continue
            differing += 1
            if len(comparison.differences) < limit:
                comparison.differences.append(
                    Difference(
                        kind="file",
                        row_key=json.dumps({column.name: path}, ensure_ascii=False),
                        columns=(column.name,),
                        source_count=int(status == "found"),
                        target_count=int(state.status == "found"),
                    )
                )
        if differing:
            result.differences["file"] = result.differences.get("file", 0) + differing
        check = Check(
            target=table.target,
            kind="file",
            measure="sha256 as recorded" if recorded else "present, nothing was recorded",
            column_name=column.name,
            source_value=json.dumps(before),
            target_value=json.dumps(after),
            is_equal=not differing,
            seconds=watch.seconds(),
        )
        comparison.checks.append(check)
        if not check.is_equal:
            result.failed.append(check.name)
            result.equal = False


def path_token(path: str) -> str:
    """Return the token that stands for a path, since names of files may hold identifiers."""
    return hashlib.sha256(path.encode()).hexdigest()


def _entry(
    plan: Plan, table: TablePlan, column: ColumnPlan, path: str, state: FileState, now: datetime
) -> dict[str, Any]:
    return {
        "token": plan.token,
        "target": table.target,
        "column_name": column.name,
        "path_token": path_token(path),
        "size_bytes": state.size_bytes,
        "sha256": state.sha256,
        "status": state.status,
        "recorded_at": now,
    }


def _states(
    connection: Connection, table: TablePlan, column: ColumnPlan, root: Path, progress: Progress | None
) -> Iterator[tuple[str, FileState]]:
    """Yield every path of a column once, in their order, with what lies there."""
    name, place = books.quoted(column.target_name), books.target_table(table)
    where = f"from {place} where {name} <> ''"
    row = connection.execute(f"select count(distinct {name}) {where}").fetchone()
    total, done = (int(row[0]) if row else 0), 0
    # a cursor of its own: the caller may ask other things while paths are read
    paths = connection.cursor().execute(f"select distinct {name} {where} order by 1")
    depth = None
    with ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="radlake-files") as pool:
        while batch := [path for (path,) in paths.fetchmany(_BATCH)]:
            if depth is None:
                depth = _leading_folders(batch[:: max(1, len(batch) // _SAMPLE)], root)
            dropped = depth
            yield from zip(batch, pool.map(lambda path: read_state(root, path, dropped), batch), strict=True)  # noqa: B023
            done += len(batch)
            if progress:
                progress(table.target, done, total)


def _parts(path: str) -> list[str] | None:
    """Return folders and name of a path; None when it would leave the folder it is put below."""
    text = path.strip().replace("\\", "/")
    parts = [part for part in text[len(_PLACE.match(text)[0]) :].split("/") if part not in ("", ".")]  # type: ignore[index]
    return None if not parts or ".." in parts or "\x00" in path else parts


def _leading_folders(paths: Sequence[str], root: Path) -> int:
    """Return how many leading folders to drop so that most of the paths exist."""
    split = [parts for parts in map(_parts, paths) if parts]
    deepest = max((len(parts) for parts in split), default=1)

    def found(dropped: int) -> int:
        return sum(_exists(root.joinpath(*parts[dropped:])) for parts in split if dropped < len(parts))

    return max(range(deepest), key=lambda dropped: (found(dropped), -dropped))


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def read_state(root: Path, path: str, dropped: int = 0) -> FileState:
    """Return what lies below a folder at a path whose first folders are dropped."""
    parts = _parts(path)
    if parts is None or dropped >= len(parts):
        return FileState(status="missing")
    place = root.joinpath(*parts[dropped:])
    try:
        with place.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return FileState(status="found", size_bytes=file.tell(), sha256=digest)
    except FileNotFoundError:
        return FileState(status="missing")
    except OSError:
        return FileState(status="unreadable")
