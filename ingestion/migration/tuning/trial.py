"""Tries tuning steps one after the other: each is built beside what stands, measured against it, and kept or dropped.

Nothing that stands is touched until a step has proved itself; then the copy takes the place of its table, in one
transaction, and what the table holds is compared once more.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from ingestion.migration.tuning.lake_session import LakeSession
from ingestion.migration.tuning.layout import (
    TRIAL_PREFIX,
    adopt,
    adopt_statements,
    built,
    copied,
    layout_statements,
    place,
    read_content,
    read_layout,
)
from ingestion.migration.tuning.materialization import build_statement
from ingestion.migration.tuning.replay import Progress, Replayed
from ingestion.migration.tuning.source_session import QueryFailedError
from ingestion.migration.tuning.steps import MARGIN, VIEW_MARGIN, Measured, Step, is_better
from ingestion.migration.tuning.timing import Measure
from ingestion.migration.tuning.translation import Translator
from lakehouse.errors import RadlakeError
from lakehouse.lake import Connection, DatabaseError
from lakehouse.log import get_logger

logger = get_logger(__name__)

_MOST_QUERIES = 5
_MOST_OTHERS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What became of one step; times are the sums of the p95 of the queries concerned."""

    step_no: int
    target: str
    kind: str
    detail: str
    sql: tuple[str, ...]
    queries: tuple[int, ...]
    """Numbers of the queries it was measured on."""
    before_p95_ms: float | None = None
    after_p95_ms: float | None = None
    is_kept: bool = False
    reason: str = ""


class Trial:
    """The steps of one tuning; `views` gains the views that were kept as tables."""

    def __init__(
        self,
        connection: Connection,
        translator: Translator,
        lake: LakeSession,
        views: dict[str, str],
        *,
        repetitions: int,
        measure: Measure,
    ) -> None:
        self._connection = connection
        self._translator = translator
        self._lake = lake
        self._views = views
        self._repetitions = repetitions
        self._measure = measure

    def statements(self, step: Step) -> tuple[str, ...]:
        """Return the SQL of a step, as it would run if it were kept."""
        trial = TRIAL_PREFIX + step.target
        if step.view is not None:
            return (build_statement(step.target, self._translator.translate_view(step.view).sql()),)
        layout = step.layout(read_layout(self._connection, step.target))
        return (*layout_statements(step.target, trial, layout), *adopt_statements(step.target, trial))

    def run(
        self, steps: Sequence[Step], replayed: Sequence[Replayed], progress: Progress | None = None
    ) -> list[StepResult]:
        """Try every step and return what became of each."""
        results = []
        for number, step in enumerate(steps, start=1):
            results.append(self._try(number, step, replayed))
            if progress:
                progress("tune", number, len(steps))
        return results

    def _try(self, number: int, step: Step, replayed: Sequence[Replayed]) -> StepResult:
        concerned, others = _concerned(step, replayed)
        result = StepResult(
            step_no=number,
            target=step.target,
            kind=step.kind,
            detail=step.detail,
            sql=self.statements(step),
            queries=tuple(item.query.number for item in concerned),
        )
        try:
            if step.view is not None:
                return self._try_view(step, step.view, result, concerned, others)
            return self._try_layout(step, result, concerned, others)
        except (DatabaseError, QueryFailedError) as error:
            # such as two columns of a view with one name; what stands was not touched
            logger.warning("step %d on %s could not be tried (%s)", number, step.target, type(error).__name__)
            return replace(result, reason=f"could not be tried ({type(error).__name__})")

    def _try_layout(
        self, step: Step, result: StepResult, concerned: Sequence[Replayed], others: Sequence[Replayed]
    ) -> StepResult:
        connection, target = self._connection, step.target
        layout = step.layout(read_layout(connection, target))
        before = read_content(connection, target)
        trial = copied(connection, target, TRIAL_PREFIX + target, layout)
        result = self._weigh(result, concerned, others, trial, {target: TRIAL_PREFIX + target}, {}, MARGIN)
        if read_content(connection, target) != before:
            raise RadlakeError(f"raw_legacy.{target} changed while it was tuned: run `radlake migrate run` again")
        return result

    def _try_view(
        self, step: Step, view: str, result: StepResult, concerned: Sequence[Replayed], others: Sequence[Replayed]
    ) -> StepResult:
        trial = TRIAL_PREFIX + step.target
        sql = self._translator.translate_view(view)
        if sql.is_caseless:
            # its comparisons would need the collation whenever it is made anew
            return replace(result, reason="depends on a collation that ignores case")
        if set(sql.calls) & self._lake.macros:
            return replace(result, reason="depends on functions of the session")
        building = built(self._connection, trial, [result.sql[0].replace(place(step.target), place(trial), 1)])
        result = self._weigh(result, concerned, others, building, {}, {view: trial}, VIEW_MARGIN)
        if result.is_kept:
            self._views[view] = step.target
        return result

    def _weigh(
        self,
        result: StepResult,
        concerned: Sequence[Replayed],
        others: Sequence[Replayed],
        building: AbstractContextManager[str],
        tables: dict[str, str],
        views: dict[str, str],
        margin: float,
    ) -> StepResult:
        with building as trial:
            gaining = [self._measure_query(item, tables, views) for item in concerned]
            rest = [self._measure_query(item, tables, views) for item in others]
            is_kept, reason = is_better(gaining, rest, margin)
            if is_kept:
                adopt(self._connection, result.target, trial)
        return replace(
            result,
            before_p95_ms=round(sum(item.before.p95_ms for item in gaining), 3),
            after_p95_ms=round(sum(item.after.p95_ms for item in gaining), 3),
            is_kept=is_kept,
            reason=reason,
        )

    def _measure_query(self, item: Replayed, tables: dict[str, str], views: dict[str, str]) -> Measured:
        old = self._runner(item, {}, self._views)
        new = self._runner(item, tables, self._views | views)
        return Measured(**self._measure({"before": old, "again": old, "after": new}, self._repetitions))

    def _runner(self, item: Replayed, tables: dict[str, str], views: dict[str, str]) -> Callable[[], int]:
        assert item.translation is not None
        sql, is_caseless = item.translation.sql(tables, views), item.translation.is_caseless
        return lambda: self._lake.run(sql, is_caseless=is_caseless)


def _concerned(step: Step, replayed: Sequence[Replayed]) -> tuple[list[Replayed], list[Replayed]]:
    """Return the queries that should gain from a step, and others on its table; of many those that take longest."""
    items = [
        item
        for item in replayed
        if item.translation is not None
        and item.target_timing is not None
        and (step.view in item.translation.views if step.view is not None else step.target in item.tables)
    ]
    items.sort(key=lambda item: (-item.target_timing.p50_ms if item.target_timing else 0.0, item.query.number))
    gaining = [item for item in items if not step.columns or _uses(item, step)]
    others = [item for item in items if step.columns and not _uses(item, step)]
    return _by_number(gaining[:_MOST_QUERIES]), _by_number(others[:_MOST_OTHERS])


def _uses(item: Replayed, step: Step) -> bool:
    uses = item.translation.uses if item.translation else ()
    return any(use.target == step.target and use.column in step.columns for use in uses)


def _by_number(items: Sequence[Replayed]) -> list[Replayed]:
    return sorted(items, key=lambda item: item.query.number)
