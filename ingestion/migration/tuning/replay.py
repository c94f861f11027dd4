"""Replays legacy queries on the old database and on the lake, compares their answers and times both in turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from ingestion.migration.tuning.answer import AnswerKinds, Precision, RowSum, joint_forms
from ingestion.migration.tuning.lake_session import LakeSession
from ingestion.migration.tuning.queries import Query
from ingestion.migration.tuning.source_session import NoSourceError, OnRows, QueryFailedError, SourceSession
from ingestion.migration.tuning.timing import Measure, Timing
from ingestion.migration.tuning.translation import NotTranslatedError, Translation, Translator, write_sql

Progress = Callable[[str, int, int], None]
"""Called with what is done, queries done and queries in all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What one side said to one query."""

    rows: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """One query on both sides."""

    query: Query
    status: str
    """same, different, failed, not translated, or target only when the source is a dump."""
    reason: str = ""
    notes: tuple[str, ...] = ()
    translation: Translation | None = None
    source: Answer | None = None
    target: Answer | None = None
    source_timing: Timing | None = None
    target_timing: Timing | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the migrated tables the query reads."""
        return self.translation.tables if self.translation else ()


def replay(
    queries: Sequence[Query],
    translator: Translator,
    source: SourceSession,
    lake: LakeSession,
    *,
    views: dict[str, str],
    repetitions: int,
    row_limit: int,
    measure: Measure,
    progress: Progress | None = None,
) -> list[Replayed]:
    """Return what became of each query; `views` are the legacy views that stand in the lake as tables."""
    results = []
    for done, query in enumerate(queries, start=1):
        results.append(_Replay(translator, source, lake, views, repetitions, row_limit, measure).run(query))
        if progress:
            progress("replay", done, len(queries))
    return results


@dataclass(frozen=True)
class _Replay:
    translator: Translator
    source: SourceSession
    lake: LakeSession
    views: dict[str, str]
    repetitions: int
    row_limit: int
    measure: Measure

    def run(self, query: Query) -> Replayed:
        try:
            self.translator.check_replayable(query.sql)
            translation = self.translator.translate(query.sql)
            sql = translation.sql(views=self.views)
            self.lake.check(sql, is_caseless=translation.is_caseless)
        except (NotTranslatedError, QueryFailedError) as error:
            return Replayed(query=query, status="not translated", reason=str(error))

        def on_source(on_rows: OnRows | None = None) -> int:
            return self.source.run(query.sql, on_rows)

        def on_target(on_rows: OnRows | None = None) -> int:
            return self.lake.run(sql, on_rows, is_caseless=translation.is_caseless)

        try:
            answers = self._compare(on_source, on_target, translation.precision)
        except (QueryFailedError, NoSourceError) as error:
            return self._target_only(query, translation, on_target, error)
        notes = translation.notes
        status = "same" if answers[0] == answers[1] else "different"
        if status == "different" and translation.joins_in_no_order:
            answers = self._compare(on_source, on_target, replace(translation.precision, in_no_order=True))
            status = "same" if answers[0] == answers[1] else "different"
            notes = (*notes, "joins texts in no order: compared by their words")
        whole = self._answers_without_limit(query, translation) if status == "different" else None
        if whole is not None:
            answers = whole
            status, notes = "same", (*notes, "its order leaves open which rows come first: compared without the limit")
        if status == "different":
            notes = (*notes, *translation.hints)
        timings = self.measure({"source": on_source, "target": on_target}, self.repetitions)
        return Replayed(
            query=query,
            status=status,
            notes=notes,
            translation=translation,
            source=answers[0],
            target=answers[1],
            source_timing=timings["source"],
            target_timing=timings["target"],
        )

    def _target_only(
        self, query: Query, translation: Translation, on_target: Callable[..., int], error: Exception
    ) -> Replayed:
        """Time the lake alone when the source cannot be asked or has no comparable answer."""
        status, reason = "target only" if isinstance(error, NoSourceError) else "failed", str(error)
        target, timing = None, None
        try:
            kinds = AnswerKinds()
            on_target(kinds.add)
            rows = RowSum(joint_forms(kinds, precision=translation.precision))
            on_target(rows.add)
            target = Answer(rows=rows.rows, sha256=rows.sha256)
            timing = self.measure({"target": on_target}, self.repetitions)["target"]
        except QueryFailedError as failure:
            status, reason = "failed", reason if str(failure) in reason else f"{reason}; {failure}"
        return Replayed(
            query=query,
            status=status,
            reason=reason,
            notes=translation.notes,
            translation=translation,
            target=target,
            target_timing=timing,
        )

    def _compare(
        self,
        on_source: Callable[[OnRows], int],
        on_target: Callable[[OnRows], int],
        precision: Precision,
    ) -> tuple[Answer, Answer]:
        kinds = [AnswerKinds(), AnswerKinds()]
        for side, run in zip(kinds, (on_source, on_target), strict=True):
            if run(side.add) > self.row_limit:
                raise QueryFailedError(f"its answer has more than {self.row_limit} rows")
        forms = joint_forms(kinds[0], kinds[1], precision)
        # with another number of columns each side has its own forms, and another fingerprint
        sums = [
            RowSum(forms if len(side.columns) in (0, len(forms)) else joint_forms(side, precision=precision))
            for side in kinds
        ]
        for rows, run in zip(sums, (on_source, on_target), strict=True):
            run(rows.add)
        return Answer(rows=sums[0].rows, sha256=sums[0].sha256), Answer(rows=sums[1].rows, sha256=sums[1].sha256)

    def _answers_without_limit(self, query: Query, translation: Translation) -> tuple[Answer, Answer] | None:
        """Return the answers of a query with a limit when it gives all its rows and they are the same."""
        tree = translation.tree
        if not (isinstance(tree, exp.Query) and tree.args.get("limit")):
            return None
        whole = tree.copy()
        for name in ("limit", "offset"):
            whole.set(name, None)
        sql = write_sql(whole, {}, self.views)
        source_sql = self.translator.without_limit(query.sql)
        try:
            answers = self._compare(
                lambda on_rows: self.source.run(source_sql, on_rows),
                lambda on_rows: self.lake.run(sql, on_rows, is_caseless=translation.is_caseless),
                translation.precision,
            )
        except QueryFailedError:
            return None
        return answers if answers[0] == answers[1] else None
