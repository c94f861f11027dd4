"""Scrubs and reads every stored report that the present reader has not read yet, and writes `raw_text`.

A text that cannot be read keeps its row with the reason and is counted among the errors of its run. A reader that has
read a text never reads it again; a new version, rule or term is a new reader, and the rows of the old one stay.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.contract import read_table
from lakehouse.lake import Connection, append_arrow, transaction
from lakehouse.log import get_logger
from report_structuring.additional_rows import added_rows
from report_structuring.reader_version import LEXICON_TABLES, lexicon_sha256, reader_version, rules_sha256
from report_structuring.report_reading import read_report
from report_structuring.report_sources import SOURCES, ReportSource, list_unread, read_batches, read_roster
from report_structuring.site_lexicon import use_site_lexicon
from report_structuring.structure import ALGORITHM

logger = get_logger(__name__)

_ALONE_BELOW = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class StructureResult:
    """What one run over the stored reports did."""

    received: int
    loaded: int
    failed: int
    unchanged: int
    findings: int
    measurements: int
    removed: int
    seconds: float


def structure_reports(
    connection: Connection,
    *,
    batch_id: str,
    loaded_at: datetime,
    workers: int = 1,
    what_if: bool = False,
    lexicon_folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> StructureResult:
    """Read all reports that this reader has not read and write them to raw_text, a batch at a time.

    `lexicon_folder` holds the hospital's own terms and templates. Raises SettingsError when one of them is wrong.
    """
    started = time.monotonic()
    use_site_lexicon(lexicon_folder)
    version = reader_version()
    texts = {source.source: list_unread(connection, source, version) for source in SOURCES}
    received = sum(everything for everything, _ in texts.values())
    to_read = sum(unread for _, unread in texts.values())
    counts = dict.fromkeys(("loaded", "failed", "findings", "measurements", "removed"), 0)
    if what_if:
        counts["loaded"] = to_read
    elif to_read:
        _open_run(connection, batch_id, version, loaded_at, to_read)
        roster = read_roster(connection)
        with _readers(workers if to_read >= _ALONE_BELOW else 1, lexicon_folder) as read_many:
            for source in SOURCES:
                for rows in read_batches(connection, source, texts[source.source][1], roster):
                    outcomes = read_many([(source, row, version) for row in rows])
                    write_outcomes(connection, outcomes, run_id=batch_id, loaded_at=loaded_at)
                    _count(counts, outcomes)
                    if progress:
                        progress(counts["loaded"], to_read)
        close_run(connection, batch_id)
    result = StructureResult(
        received=received,
        loaded=counts["loaded"] - counts["failed"],
        failed=counts["failed"],
        unchanged=received - counts["loaded"],
        findings=counts["findings"],
        measurements=counts["measurements"],
        removed=counts["removed"],
        seconds=time.monotonic() - started,
    )
    logger.info("reports structured", extra={"batch_id": batch_id, "loaded": result.loaded, "failed": result.failed})
    return result


def write_outcomes(
    connection: Connection, outcomes: Sequence[Mapping[str, Any]], *, run_id: str, loaded_at: datetime
) -> None:
    """Append what was read of some reports, and the reasons where nothing was, as one step."""
    marks = {"run_id": run_id, "_batch_id": run_id, "_loaded_at": loaded_at}
    rows = {
        "report": [outcome["report"] | marks for outcome in outcomes],
        "report_entity": [row | marks for outcome in outcomes for row in outcome["entities"]],
        "report_measurement": [row | marks for outcome in outcomes for row in outcome["measurements"]],
        "nlp_error": [_error_row(outcome["report"]) | marks for outcome in outcomes if outcome["report"]["failure"]],
    }
    with transaction(connection):
        for name, found in rows.items():
            append_rows(connection, name, found)


def append_rows(connection: Connection, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows to a table of raw_text with the types of its contract."""
    if not rows:
        return
    columns = list(dict.fromkeys(column for row in rows for column in row))
    types = {column.name: column.data_type for column in read_table("text", name).columns}
    table = pa.table(
        {column: pa.array([row.get(column) for row in rows], type=_arrow_type(types.get(column))) for column in columns}
    )
    append_arrow(connection, f"raw.raw_text.{name}", table)


def close_run(connection: Connection, run_id: str) -> None:
    """Write the end of a run and how much it read, counted in the tables."""
    connection.execute(
        """
        update raw.raw_text.nlp_run set
            finished_at = cast(now() as timestamp),
            report_out_count = (
                select count(*) from raw.raw_text.report where run_id = $1 and failure is null
            ),
            error_count = (select count(*) from raw.raw_text.nlp_error where run_id = $1),
            entity_count = (select count(*) from raw.raw_text.report_entity where run_id = $1),
            measurement_count = (select count(*) from raw.raw_text.report_measurement where run_id = $1)
        where run_id = $1
        """,
        [run_id],
    )


def _open_run(connection: Connection, run_id: str, version: str, started_at: datetime, to_read: int) -> None:
    run = {
        "run_id": run_id,
        "algorithm": ALGORITHM,
        "algorithm_version": version,
        "rules_sha256": rules_sha256(),
        "lexicon_sha256": lexicon_sha256(),
        "site_lexicon": json.dumps(
            {name: added_rows(name) for name in LEXICON_TABLES}, ensure_ascii=False, sort_keys=True
        ),
        "started_at": started_at,
        "report_in_count": to_read,
        "_batch_id": run_id,
        "_loaded_at": started_at,
    }
    append_rows(connection, "nlp_run", [run])


def _error_row(report: Mapping[str, Any]) -> dict[str, Any]:
    names = ("source", "report_id", "report_id_kind", "text_sha256", "algorithm", "algorithm_version")
    return {name: report[name] for name in names} | {"reason": report["failure"]}


def _count(counts: dict[str, int], outcomes: Sequence[Mapping[str, Any]]) -> None:
    counts["loaded"] += len(outcomes)
    for outcome in outcomes:
        counts["failed"] += outcome["report"]["failure"] is not None
        counts["findings"] += len(outcome["entities"])
        counts["measurements"] += len(outcome["measurements"])
        counts["removed"] += outcome["report"]["removed_count"]


def _arrow_type(data_type: str | None) -> pa.DataType | None:
    simple = {
        "varchar": pa.string(),
        "integer": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us"),
    }
    if data_type and data_type.startswith("struct(lo double"):
        return pa.list_(pa.struct([("lo", pa.float64()), ("hi", pa.float64())]))
    return simple.get(data_type or "")


class _readers:  # noqa: N801
    """Reads many reports, in this process or in several."""

    def __init__(self, workers: int, lexicon_folder: Path | None) -> None:
        self._pool = (
            ProcessPoolExecutor(max_workers=workers, initializer=use_site_lexicon, initargs=(lexicon_folder,))
            if workers > 1
            else None
        )

    def __enter__(self) -> Callable[[Sequence[tuple[ReportSource, dict, str]]], list[dict]]:
        return self._read_many

    def _read_many(self, tasks: Sequence[tuple[ReportSource, dict, str]]) -> list[dict]:
        if self._pool is None:
            return [read_report(*task) for task in tasks]
        return list(self._pool.map(read_report, *zip(*tasks, strict=True), chunksize=100)) if tasks else []

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()
