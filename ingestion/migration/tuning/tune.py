"""Replays legacy queries on both sides, tunes the lake by steps that prove themselves, and keeps or checks a baseline.

The source is read in one read-only snapshot and closed before the first step. Texts of queries are stored in
`raw_migration.query_timing` of the encrypted zone and nowhere else.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingestion.migration import books
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, plan_folder
from ingestion.migration.source import Address, Source
from ingestion.migration.tuning.baseline import (
    ATTEMPTS,
    Baseline,
    BaselineCheck,
    BaselineQuery,
    check_queries,
    differing_facts,
    machine_of,
    middle_of_rounds,
    read_baseline,
    write_baseline,
)
from ingestion.migration.tuning.functions import read_macros
from ingestion.migration.tuning.lake_session import LakeSession
from ingestion.migration.tuning.layout import drop_leftovers, read_columns
from ingestion.migration.tuning.materialization import read_materialized, refresh_materialized
from ingestion.migration.tuning.queries import collect_queries
from ingestion.migration.tuning.replay import Answer, Progress, Replayed, replay
from ingestion.migration.tuning.source_session import QueryFailedError, SourceSession
from ingestion.migration.tuning.steps import Step, propose
from ingestion.migration.tuning.timing import LEAST_REPETITIONS, Measure, Timing, measure_in_turn
from ingestion.migration.tuning.translation import Translator
from ingestion.migration.tuning.trial import StepResult, Trial
from lakehouse.errors import RadlakeError, SettingsError
from lakehouse.lake import Connection, create_raw_tables, fetch_dicts, open_lake
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

TIMEOUT_SECONDS = 60.0
ROW_LIMIT = 1_000_000
_SHA_DIGITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryResult:
    """One query as reports show it: by number and SHA-256, never by its text."""

    query_no: int
    sha256: str
    origin: str
    tables: tuple[str, ...]
    status: str
    same: bool
    reason: str
    notes: tuple[str, ...]
    rows: int | None
    source: Timing | None
    target: Timing | None
    after: Timing | None
    """On the lake once all steps were tried; None when none was kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TuneResult:
    """What a tuning did."""

    replay_id: str
    plan_id: str
    queries: tuple[QueryResult, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    steps: tuple[StepResult, ...]
    refreshed: tuple[str, ...] = ()
    """Tables that stand for views and were made anew first."""
    baseline: Path | None = None
    what_if: bool = False
    seconds: float = 0.0

    def count(self, status: str) -> int:
        """Return how many queries have a status."""
        return sum(query.status == status for query in self.queries)


def tune(
    settings: Settings,
    address: Address,
    plan: Plan,
    *,
    queries: Path | None = None,
    statement_log: Path | None = None,
    macros: Path | None = None,
    top: int = 20,
    repetitions: int = LEAST_REPETITIONS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    row_limit: int = ROW_LIMIT,
    with_steps: bool = True,
    save_baseline: bool = False,
    what_if: bool = False,
    measure: Measure = measure_in_turn,
    progress: Progress | None = None,
) -> TuneResult:
    """Replay, tune and store the results; `what_if` replays and proposes but changes and stores nothing.

    The caller holds the lock of the home. Raises RadlakeError when a table of the plan is not in the lake,
    SourceUnreachableError when the source or a file of queries cannot be read.
    """
    began, replay_id = time.monotonic(), new_batch_id()
    own_functions = read_macros(macros) if macros else {}
    with ExitStack() as stack:
        connection = stack.enter_context(open_lake(settings, ("raw",), read_only=what_if))
        refreshed = _prepare(connection, plan, what_if=what_if)
        views = {view: table for view, (table, _) in read_materialized(connection, plan.token).items()}
        with open_origin(address, settings.work_folder) as (source, catalog):
            lake = LakeSession(connection, catalog.engine, timeout_seconds, row_limit)
            translator = Translator(catalog, plan, is_ansi_quotes=_has_ansi_quotes(source), macros=own_functions)
            workload = collect_queries(
                source, catalog, plan, file=queries, log=statement_log, top=top, concerns=translator.concerns
            )
            replayed = replay(
                workload.queries,
                translator,
                SourceSession(source, timeout_seconds, row_limit),
                lake,
                views=views,
                repetitions=repetitions,
                row_limit=row_limit,
                measure=measure,
                progress=progress,
            )
        first_views = dict(views)
        trial = Trial(connection, translator, lake, views, repetitions=repetitions, measure=measure)
        proposed = propose(connection, plan, replayed, views) if with_steps else []
        steps = _proposals(trial, proposed) if what_if else trial.run(proposed, replayed, progress)
        after = _measure_again(lake, replayed, views, repetitions, measure) if any(s.is_kept for s in steps) else {}
        path = None
        if not what_if:
            _store(settings, connection, plan, replay_id, replayed, first_views, steps, after, views)
        if save_baseline and not what_if:
            baseline = Baseline(
                token=plan.token,
                engine=catalog.engine,
                replay_id=replay_id,
                side="after" if after else "target",
                row_limit=row_limit,
                saved_at=local_now(settings.timezone).isoformat(timespec="seconds"),
                machine=machine_of(settings),
                queries=_time_baseline(lake, replayed, views, repetitions, measure),
            )
            path = write_baseline(baseline, plan_folder(settings, address))
    return TuneResult(
        replay_id=replay_id,
        plan_id=plan.plan_id,
        queries=tuple(_shown(item, after.get(item.query.number)) for item in replayed),
        left_out=workload.left_out,
        notes=workload.notes,
        steps=tuple(steps),
        refreshed=tuple(refreshed),
        baseline=path,
        what_if=what_if,
        seconds=round(time.monotonic() - began, 3),
    )


def _prepare(connection: Connection, plan: Plan, *, what_if: bool) -> list[str]:
    missing = [table.target for table in plan.tables if not read_columns(connection, table.target)]
    if missing:
        raise RadlakeError(f"{', '.join(missing)} is not in the lake yet: run `radlake migrate run` first")
    if what_if:
        return []
    create_raw_tables(connection, ["migration"])
    drop_leftovers(connection)
    return refresh_materialized(connection, plan.token)


def _has_ansi_quotes(source: Source) -> bool:
    return source.engine == "mysql" and "ANSI_QUOTES" in str(source.scalar("select @@sql_mode"))


def _proposals(trial: Trial, steps: Sequence[Step]) -> list[StepResult]:
    return [
        StepResult(
            step_no=number,
            target=step.target,
            kind=step.kind,
            detail=step.detail,
            sql=trial.statements(step),
            queries=(),
            reason="proposed",
        )
        for number, step in enumerate(steps, start=1)
    ]


def _measure_again(
    lake: LakeSession, replayed: Sequence[Replayed], views: Mapping[str, str], repetitions: int, measure: Measure
) -> dict[int, Timing]:
    """Time every query on the lake as the steps left it."""
    timings = {}
    for item in replayed:
        if item.translation is None or item.target_timing is None:
            continue
        sql, is_caseless = item.translation.sql(views=views), item.translation.is_caseless

        def run(sql: str = sql, is_caseless: bool = is_caseless) -> int:
            return lake.run(sql, is_caseless=is_caseless)

        timings[item.query.number] = measure({"after": run}, repetitions)["after"]
    return timings


def _time_baseline(
    lake: LakeSession, replayed: Sequence[Replayed], views: Mapping[str, str], repetitions: int, measure: Measure
) -> tuple[BaselineQuery, ...]:
    """Time every query in rounds that lie apart, so that what else the machine does shows in their spread."""
    rounds = [_measure_again(lake, replayed, views, repetitions, measure) for _ in range(ATTEMPTS)]
    queries = []
    for item in replayed:
        if item.query.number in rounds[0] and item.translation is not None:
            timing, spread = middle_of_rounds([times[item.query.number] for times in rounds])
            queries.append(
                BaselineQuery(
                    query_no=item.query.number,
                    sha256=item.query.sha256[:_SHA_DIGITS],
                    p50_ms=timing.p50_ms,
                    p95_ms=timing.p95_ms,
                    spread=spread,
                    is_caseless=item.translation.is_caseless,
                )
            )
    return tuple(queries)


def _shown(item: Replayed, after: Timing | None) -> QueryResult:
    answer = item.target or item.source
    return QueryResult(
        query_no=item.query.number,
        sha256=item.query.sha256[:_SHA_DIGITS],
        origin=item.query.origin,
        tables=item.tables,
        status=item.status,
        same=item.status == "same",
        reason=item.reason,
        notes=item.notes,
        rows=answer.rows if answer else None,
        source=item.source_timing,
        target=item.target_timing,
        after=after,
    )


def _store(
    settings: Settings,
    connection: Connection,
    plan: Plan,
    replay_id: str,
    replayed: Sequence[Replayed],
    first_views: Mapping[str, str],
    steps: Sequence[StepResult],
    after: Mapping[int, Timing],
    views: Mapping[str, str],
) -> None:
    """Store both sides of every query, the lake's once more after the steps, and the steps."""
    now = local_now(settings.timezone)

    def row(item: Replayed, side: str, sql: str, answer: Answer | None, timing: Timing | None) -> dict[str, Any]:
        return {
            "replay_id": replay_id,
            "token": plan.token,
            "query_no": item.query.number,
            "query_sha256": item.query.sha256,
            "side": side,
            "query_sql": sql,
            "rows": answer.rows if answer else None,
            "result_sha256": answer.sha256 if answer else None,
            "p50_ms": timing.p50_ms if timing else None,
            "p95_ms": timing.p95_ms if timing else None,
            "repetitions": timing.repetitions if timing else None,
            "status": item.status,
            "replayed_at": now,
        }

    rows = []
    for item in replayed:
        rows.append(row(item, "source", item.query.sql, item.source, item.source_timing))
        if item.translation is None:
            continue
        rows.append(row(item, "target", item.translation.sql(views=first_views), item.target, item.target_timing))
        if item.query.number in after:
            sql = item.translation.sql(views=views)
            rows.append(row(item, "after", sql, item.target, after[item.query.number]))
    books.insert(connection, "query_timing", rows)
    books.insert(
        connection,
        "tuning_step",
        [
            {
                "replay_id": replay_id,
                "token": plan.token,
                "step_no": step.step_no,
                "target": step.target,
                "kind": step.kind,
                "detail": step.detail,
                "step_sql": ";\n".join(step.sql),
                "before_p95_ms": step.before_p95_ms,
                "after_p95_ms": step.after_p95_ms,
                "is_kept": step.is_kept,
                "tried_at": now,
            }
            for step in steps
        ],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineResult:
    """What a check against the baseline found."""

    replay_id: str
    """Of the tuning that saved the baseline."""
    checks: tuple[BaselineCheck, ...]
    other_machine: tuple[str, ...] = field(default=())
    """Facts in which this machine is not the one of the baseline."""


def check_baseline(
    settings: Settings,
    address: Address,
    *,
    repetitions: int = LEAST_REPETITIONS,
    timeout_seconds: float = TIMEOUT_SECONDS,
    measure: Measure = measure_in_turn,
    progress: Progress | None = None,
) -> BaselineResult:
    """Time the queries of the baseline on the lake again; the source is not asked.

    Raises SettingsError when there is no baseline or its queries are gone. The caller decides, with
    `baseline.raise_if_worse`, what a worse query means.
    """
    baseline = read_baseline(plan_folder(settings, address))
    other = differing_facts(baseline.machine, machine_of(settings))
    if other:
        logger.warning("the baseline was saved on another machine: %s differ", ", ".join(other))
    with open_lake(settings, ("raw",), read_only=True) as connection:
        stored = {
            row["query_no"]: row["query_sql"]
            for row in fetch_dicts(
                connection,
                "select query_no, query_sql from raw.raw_migration.query_timing where replay_id = $1 and side = $2",
                [baseline.replay_id, baseline.side],
            )
        }
        if any(query.query_no not in stored for query in baseline.queries):
            raise SettingsError("the queries of the baseline are not in this home: save it again")
        lake = LakeSession(connection, baseline.engine, timeout_seconds, baseline.row_limit)
        done = 0

        def run(query: BaselineQuery) -> Timing:
            nonlocal done
            done += 1
            if progress:
                progress("check", min(done, len(baseline.queries)), len(baseline.queries))
            sql = stored[query.query_no]
            try:
                return measure({"target": lambda: lake.run(sql, is_caseless=query.is_caseless)}, repetitions)["target"]
            except QueryFailedError as error:
                raise RadlakeError(f"query {query.query_no} ({query.sha256}) no longer runs: {error}") from None

        checks = check_queries(baseline.queries, run)
    return BaselineResult(replay_id=baseline.replay_id, checks=tuple(checks), other_machine=tuple(other))
