"""What waits for a person: reports that could not be read, contradict themselves, doubt, or hold nothing.

The reading of a text that stands is the newest one a person vouches for, as long as the text is scrubbed as it was then,
else the newest of the program; std_report chooses the same way. Nothing of a text is listed, and a report is named by a
pseudonym of its own (`review_id`).
"""

from dataclasses import dataclass
from typing import Any

from lakehouse.errors import ContractError, UsageError
from lakehouse.lake import Connection, fetch_dicts

REASONS = {
    "failed": 1,
    "text_changed_since_review": 1,
    "conflict": 2,
    "odd_text": 2,
    "uncertain_conclusion": 3,
    "doubtful_measurement": 3,
    "low_confidence": 4,
    "uncertain": 4,
    "nothing_found": 5,
}
"""Reason to priority, 1 the first to look at."""
_LOW_CONFIDENCE = 0.6
_NOT_READER = "('clinical_diagnosis', 'history', 'recommendation', 'technique')"

READINGS = """
    with latest as (
        select *, pseudonym('text_review', concat_ws('|', source, report_id, text_sha256)) as review_id,
            coalesce(review_status, 'auto') = 'corrected' as is_review
        from raw.raw_text.report
        qualify row_number() over (
            partition by source, report_id, text_sha256, coalesce(review_status, 'auto')
            order by _loaded_at desc, run_id desc, algorithm_version desc
        ) = 1
    ),
    readings as (
        select latest.*, coalesce(latest.is_review, false) as is_reviewed,
            other.report_id is not null and not latest.is_review as was_reviewed
        from latest left join latest as other
            on latest.review_id = other.review_id and latest.is_review <> other.is_review
        where other.report_id is null
            or latest.is_review = coalesce(latest.full_text = other.full_text, false)
    )
"""
"""SQL of the readings that stand, one row per report text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueItem:
    """One report that waits, and why."""

    review_id: str
    priority: int
    reasons: tuple[str, ...]
    detail: str | None
    """Why it could not be read, or what is odd about it."""
    source: str
    report_kind: str | None
    finding_count: int
    read_at: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """How many reports wait, and the first of them."""

    waiting: int
    items: tuple[QueueItem, ...]


def list_queue(
    connection: Connection,
    *,
    limit: int = 1_000,
    reason: str | None = None,
    source: str | None = None,
    is_readable: bool = False,
) -> Queue:
    """Return what waits, by priority, then newest first; versions the lake knows to be superseded are left out.

    `is_readable` leaves out those that have no text to review.

    Raises UsageError for a reason that there is not.
    """
    if reason is not None and reason not in REASONS:
        raise UsageError(f"a reason is one of {', '.join(REASONS)}")
    rows = fetch_dicts(
        connection,
        f"""
        {READINGS},
        open_readings as (
            select readings.* from readings
            {_superseded_join(connection)}
            where not is_reviewed {_superseded_condition(connection)}
                and ($1 is null or source = $1)
        ),
        entities as (
            select open_readings.review_id, entities.*
            from raw.raw_text.report_entity as entities
            inner join open_readings using (source, report_id, text_sha256, algorithm_version)
        ),
        sides as (
            select review_id, finding_code, assertion, unnest(
                case laterality when 'bilateral' then ['left', 'right'] else [coalesce(laterality, 'none')] end
            ) as side
            from entities where coalesce(section, '') not in {_NOT_READER}
        ),
        conflicts as (
            select distinct review_id from (
                select review_id from sides where assertion in ('present', 'absent')
                group by review_id, finding_code, side having count(distinct assertion) = 2
            )
        ),
        said as (
            select review_id,
                bool_or(assertion = 'uncertain' and section in ('impression', 'path_diagnosis')) as in_conclusion,
                bool_or(assertion = 'uncertain') as anywhere,
                bool_or(confidence < {_LOW_CONFIDENCE}) as is_low
            from entities group by review_id
        ),
        measured as (
            select distinct open_readings.review_id
            from raw.raw_text.report_measurement as found
            inner join open_readings using (source, report_id, text_sha256, algorithm_version)
            where found.flag is not null
        ),
        flags as (
            select open_readings.review_id, open_readings.source, report_kind,
                coalesce(finding_count, 0) as finding_count, _loaded_at as read_at,
                coalesce(failure, text_flags) as detail,
                failure is not null as failed,
                was_reviewed as text_changed_since_review,
                conflicts.review_id is not null as conflict,
                failure is null and text_flags is not null as odd_text,
                coalesce(said.in_conclusion, false) as uncertain_conclusion,
                measured.review_id is not null as doubtful_measurement,
                coalesce(said.is_low, false) as low_confidence,
                coalesce(said.anywhere and not coalesce(said.in_conclusion, false), false) as uncertain,
                failure is null and coalesce(finding_count, 0) = 0 as nothing_found
            from open_readings
            left join conflicts using (review_id)
            left join said using (review_id)
            left join measured using (review_id)
        ),
        waiting as (
            select *, case
                -- a text that was never written is no fault of the reader
                when detail = 'empty_text' then {max(REASONS.values())}
                {" ".join(f"when {name} then {priority}" for name, priority in REASONS.items())}
            end as priority
            from flags
        )
        select *, count(*) over () as waiting_count from waiting
        where priority is not null and {reason or "true"} and {"not failed" if is_readable else "true"}
        order by priority, read_at desc, review_id
        limit $2
        """,
        [source, limit],
    )
    names = ("review_id", "priority", "detail", "source", "report_kind", "finding_count", "read_at")
    items = tuple(
        QueueItem(reasons=tuple(name for name in REASONS if row[name]), **{name: row[name] for name in names})
        for row in rows
    )
    return Queue(waiting=rows[0]["waiting_count"] if rows else 0, items=items)


def draw_sample(connection: Connection, *, per_disease: int, without_findings: int, seed: int) -> list[str]:
    """Return review_ids of reports drawn for validation at the hospital (report_structuring.md 9.4).

    So many of each disease, spread over modality, year and reporting doctor, and besides so many in which nothing was
    found. The same seed draws the same reports. Raises ContractError before the first build.
    """
    if not _has_reports(connection):
        raise ContractError("the sample is drawn by disease, which a build tells: run `radlake build` first")
    rows = connection.execute(
        f"""
        {READINGS},
        doctors as (
            select 'ris' as source, exam_id as report_id, max(reporter) as doctor from raw.raw_ris.exam group by exam_id
            union all
            select 'us' as source, exam_id as report_id, max(examiner) as doctor from raw.raw_us.exam group by exam_id
            union all
            select 'path' as source, pathology_id as report_id, max(reporter) as doctor from raw.raw_path.report
            group by pathology_id
        ),
        reports as (
            select readings.review_id, diseases.disease, reports.modality, year(reports.examined_at) as year,
                doctors.doctor, readings.finding_count, md5(concat_ws('|', readings.review_id, $3)) as lot
            from readings
            inner join lake.std.std_report as reports
                on readings.source = reports.text_source and readings.text_sha256 = reports.text_sha256
                and reports.is_current
            left join lake.std.std_report_disease as diseases on reports.report_key = diseases.report_key
            left join doctors on readings.source = doctors.source and readings.report_id = doctors.report_id
            where readings.failure is null
        ),
        turns as (
            select *, row_number() over (partition by disease, modality, year, doctor order by lot) as turn
            from reports where finding_count > 0 and disease is not null
        ),
        places as (
            select *, row_number() over (partition by disease order by turn, lot) as place from turns
        ),
        empty_reports as (
            select review_id, row_number() over (order by min(lot)) as place from reports
            where finding_count = 0 group by review_id
        )
        select review_id from places where place <= $1
        union
        select review_id from empty_reports where place <= $2
        order by review_id
        """,
        [per_disease, without_findings, seed],
    ).fetchall()
    return [review_id for (review_id,) in rows]


def _has_reports(connection: Connection) -> bool:
    known = connection.execute(
        "select 1 from duckdb_columns() where database_name = 'lake' and schema_name = 'std' "
        "and table_name = 'std_report' and column_name = 'text_source'"
    ).fetchone()
    return known is not None


def _superseded_join(connection: Connection) -> str:
    if not _has_reports(connection):
        return ""
    return """left join (
        select text_source, text_sha256, bool_or(is_current) as is_current from lake.std.std_report group by all
    ) as known on readings.source = known.text_source and readings.text_sha256 = known.text_sha256
    left join (
        select distinct source as seen_source, text_sha256 as seen_sha256 from lake.stg.stg_text__report
    ) as seen on readings.source = seen_source and readings.text_sha256 = seen_sha256"""


def _superseded_condition(connection: Connection) -> str:
    # what the lake has seen and has no row for is a copy of a report that another system tells
    return "and coalesce(known.is_current, seen_sha256 is null)" if _has_reports(connection) else ""
