"""The whole flow once: ingest, link persons, index images, structure reports, back-fill AI results, build, judge.

Python first, SQL once. Each step can be repeated and changes nothing the second time; a step that fails ends the run
with its own exit code, and the same command goes on from there.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai_backfill.merge import backfill
from dicom_index.scan import scan_folder
from ingestion.delivery import SourceResult
from ingestion.identity.linking import link_persons
from ingestion.mapping import read_mapping
from ingestion.pipeline import ingest_source, relate_sources
from lakehouse.errors import CheckFailedError, ContractError
from lakehouse.lake import create_raw_tables, lock_home, open_lake, tidy_zones
from lakehouse.ledger import Step, check_balance, local_now, new_batch_id, write_steps
from lakehouse.log import get_logger
from lakehouse.settings import Settings
from report_structuring.tables import structure_reports
from serving.build import run_dbt

logger = get_logger(__name__)

Report = Callable[[str, str, int, int], None]
"""Called with the step, what it works on, units done and units in all."""


@dataclass(slots=True)
class StepResult:
    """What one step did, in files or records."""

    step: str
    received: int = 0
    loaded: int = 0
    quarantined: int = 0
    unchanged: int = 0
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)


def run_flow(settings: Settings, *, report: Report | None = None, skip_build: bool = False) -> Iterator[StepResult]:
    """Yield the result of each step as it ends.

    Raises ContractError after loading everything else when a file or table broke its contract; errors of a step pass.
    """
    run_id = new_batch_id()
    with lock_home(settings):
        with open_lake(settings) as connection:
            create_raw_tables(connection)
        breaches: list[str] = []
        stops: list[str] = []
        sources: list[SourceResult] = []
        for path in settings.source_files:
            mapping = read_mapping(path)
            with _recorded(settings, run_id, f"ingest {mapping.source}") as result:
                source = ingest_source(
                    settings, mapping, settings.deliveries_folder, progress=_progress(report, "ingest")
                )
                _account_source(result, source)
            breaches += source.breaches
            stops += source.stops
            sources.append(source)
            yield result
        with _recorded(settings, run_id, "identity") as result:
            _link(settings, sources, result, report)
        yield result
        with _recorded(settings, run_id, "dicom scan") as result:
            _scan(settings, result, report)
        yield result
        with _recorded(settings, run_id, "text structure") as result:
            _structure(settings, result, report)
        yield result
        with _recorded(settings, run_id, "ai backfill") as result:
            _backfill(settings, result, report)
        yield result
        if breaches:
            raise ContractError("a contract was broken, so nothing is built: " + "; ".join(sorted(set(breaches))))
        if stops:
            raise CheckFailedError("nothing is built before somebody confirms: " + "; ".join(sorted(set(stops))))
        if skip_build:
            return
        with _recorded(settings, run_id, "dbt build") as result:
            if report:
                report("dbt build", "models and tests", 0, 0)
            # unit tests prove the rules, not the data: they run in the suite
            built = run_dbt(settings, ["build", "--exclude-resource-type", "unit_test"])
            result.received = built.models + built.tests_passed + built.tests_warned
            result.loaded = result.received
            result.details = {
                "mode": built.mode,
                "reason": built.reason,
                "models": built.models,
                "tests": built.tests_passed,
                "warnings": built.tests_warned,
            }
            with open_lake(settings) as connection:
                result.details["files_deleted"] = tidy_zones(connection, settings)
        yield result


def _progress(report: Report | None, step: str) -> Callable[[str, int, int], None] | None:
    if report is None:
        return None
    return lambda name, done, total: report(step, name, done, total)


@contextmanager
def _recorded(settings: Settings, run_id: str, step: str) -> Iterator[StepResult]:
    result = StepResult(step=step)
    started_at, started = local_now(settings.timezone), time.monotonic()
    status = "failed"
    try:
        yield result
        check_balance(result.received, result.loaded, result.quarantined, result.unchanged)
        status = "done"
    finally:
        result.seconds = round(time.monotonic() - started, 3)
        with open_lake(settings) as connection:
            write_steps(
                connection,
                run_id,
                [
                    Step(
                        step=step,
                        status=status,
                        received=result.received,
                        loaded=result.loaded,
                        quarantined=result.quarantined,
                        unchanged=result.unchanged,
                        seconds=result.seconds,
                        started_at=started_at,
                    )
                ],
            )


def _account_source(result: StepResult, source: SourceResult) -> None:
    result.received = source.total("received")
    result.loaded = source.total("loaded")
    result.quarantined = source.total("quarantined")
    result.unchanged = source.total("unchanged")
    result.details = {"files": len(source.files)}


def _link(settings: Settings, sources: list[SourceResult], result: StepResult, report: Report | None) -> None:
    issues = relate_sources(settings, sources)
    linked = link_persons(settings, progress=_progress(report, "identity"))
    result.received, result.loaded = linked.received, linked.loaded
    result.quarantined, result.unchanged = linked.quarantined, linked.unchanged
    result.details = {"persons": linked.persons, "reviews": linked.open_reviews, "issues": sum(issues.values())}


def _existing(settings: Settings, folders: list[Path]) -> list[Path]:
    absolute = [folder if folder.is_absolute() else settings.deliveries_folder / folder for folder in folders]
    for folder in absolute:
        if not folder.exists():
            logger.warning("folder of site.yml is missing and was passed over: %s", folder)
    return [folder for folder in absolute if folder.exists()]


def _scan(settings: Settings, result: StepResult, report: Report | None) -> None:
    with open_lake(settings) as connection:
        scan = scan_folder(
            connection,
            _existing(settings, settings.dicom_folders),
            batch_id=new_batch_id(),
            progress=(lambda done, total: report("dicom scan", "files", done, total)) if report else None,
        )
    result.received = scan.seen
    result.loaded = scan.indexed
    result.quarantined = sum(scan.quarantined.values()) + scan.not_dicom
    result.unchanged = scan.unchanged
    result.details = {"opened": scan.opened, "not_dicom": scan.not_dicom, "quarantined": dict(scan.quarantined)}


def _structure(settings: Settings, result: StepResult, report: Report | None) -> None:
    with open_lake(settings) as connection:
        structured = structure_reports(
            connection,
            batch_id=new_batch_id(),
            loaded_at=local_now(settings.timezone),
            workers=settings.threads,
            lexicon_folder=settings.home / "lexicon",
            progress=(lambda done, total: report("text structure", "reports", done, total)) if report else None,
        )
    result.received = structured.received
    result.loaded = structured.loaded
    result.quarantined = structured.failed
    result.unchanged = structured.unchanged
    result.details = {
        "findings": structured.findings,
        "measurements": structured.measurements,
        "identifiers_removed": structured.removed,
    }


def _backfill(settings: Settings, result: StepResult, report: Report | None) -> None:
    with open_lake(settings) as connection:
        filled = backfill(
            connection,
            _existing(settings, settings.ai_folders),
            batch_id=new_batch_id(),
            progress=(lambda done, total: report("ai backfill", "files", done, total)) if report else None,
        )
    result.received = filled.received
    result.loaded = filled.loaded
    result.quarantined = sum(filled.quarantined.values())
    result.unchanged = filled.unchanged
    result.details = {"findings": filled.findings_loaded}
