"""Scrubs and reads every stored report that the current version has not read yet, and writes `raw_text`.

Each department's report is put together from its parts under the headers the section finder knows. Known values of the
patient (from the same row and the HIS) and of the staff guide the scrubber. A text that cannot be read keeps its row
with the reason. A version that has read a text never reads it again; a new version keeps the old run.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from lakehouse.contract import clean_expression
from lakehouse.lake import Connection, append_arrow, fetch_dicts, transaction
from lakehouse.log import get_logger
from report_structuring.scrub import scrub_text
from report_structuring.structure import ALGORITHM, ALGORITHM_VERSION, as_prediction, structure_report

logger = get_logger(__name__)

_BATCH = 10_000
_ALONE_BELOW = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSource:
    """Where a department keeps its reports, and which parts they have."""

    source: str
    table: str
    report_id: str
    report_kind: str
    modality: str
    parts: tuple[tuple[str, str], ...]
    """(column, header) in reading order."""
    hashed: tuple[str, ...]
    """Columns of text_sha256, in the order of the staging model."""
    known: tuple[tuple[str, str], ...]
    """(kind of known value, column) of the same row."""


SOURCES = (
    ReportSource(
        source="ris",
        table="raw.raw_ris.exam",
        report_id="exam_id",
        report_kind="radiology",
        modality="modality",
        parts=(("clinical_diagnosis", "临床诊断"), ("findings", "检查所见"), ("impression", "诊断意见")),
        hashed=("findings", "impression", "clinical_diagnosis"),
        known=(
            ("name", "patient_name"),
            ("staff", "reporter"),
            ("staff", "verifier"),
            ("number", "exam_id"),
            ("number", "accession_number"),
            ("number", "patient_id"),
            ("number", "visit_id"),
            ("number", "request_id"),
        ),
    ),
    ReportSource(
        source="us",
        table="raw.raw_us.exam",
        report_id="exam_id",
        report_kind="ultrasound",
        modality="'US'",
        parts=(("findings", "超声所见"), ("impression", "超声提示")),
        hashed=("findings", "impression"),
        known=(
            ("name", "patient_name"),
            ("staff", "examiner"),
            ("staff", "verifier"),
            ("number", "exam_id"),
            ("number", "patient_id"),
        ),
    ),
    ReportSource(
        source="path",
        table="raw.raw_path.report",
        report_id="pathology_id",
        report_kind="pathology",
        modality="'PATH'",
        parts=(
            ("gross", "大体所见"),
            ("microscopic", "镜下所见"),
            ("immunohistochemistry", "免疫组化"),
            ("diagnosis", "病理诊断"),
        ),
        hashed=("gross", "microscopic", "immunohistochemistry", "diagnosis"),
        known=(
            ("name", "patient_name"),
            ("staff", "reporter"),
            ("number", "pathology_id"),
            ("number", "patient_id"),
        ),
    ),
)

_KNOWN_OF_PATIENT = (
    ("name", "patient_name"),
    ("name", "contact_name"),
    ("phone", "phone"),
    ("address", "address"),
    ("id_number", "citizen_id"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StructureResult:
    """What one run over the stored reports did."""

    received: int
    loaded: int
    failed: int
    unchanged: int
    findings: int
    removed: int
    seconds: float


def structure_reports(
    connection: Connection,
    *,
    batch_id: str,
    loaded_at: datetime,
    workers: int = 1,
    what_if: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> StructureResult:
    """Read all reports that this version has not read and write them to raw_text, a batch at a time."""
    started = time.monotonic()
    received = loaded = failed = findings = removed = 0
    totals = {source.source: _list_unread(connection, source) for source in SOURCES}
    roster = _staff_roster(connection)
    to_read = sum(new for _, new in totals.values())
    received = sum(everything for everything, _ in totals.values())
    if not what_if:
        with _readers(workers if to_read >= _ALONE_BELOW else 1) as read_many:
            for source in SOURCES:
                for rows in _batches(connection, source, totals[source.source][1]):
                    for row in rows:
                        row["_roster"] = _named_in(row, source, roster)
                    outcomes = read_many([(source, row) for row in rows])
                    _write(connection, outcomes, batch_id, loaded_at)
                    loaded += len(outcomes)
                    failed += sum(outcome["report"]["failure"] is not None for outcome in outcomes)
                    findings += sum(len(outcome["findings"]) for outcome in outcomes)
                    removed += sum(outcome["report"]["removed_count"] for outcome in outcomes)
                    if progress:
                        progress(loaded, to_read)
    else:
        loaded = to_read
    result = StructureResult(
        received=received,
        loaded=loaded - failed,
        failed=failed,
        unchanged=received - loaded,
        findings=findings,
        removed=removed,
        seconds=time.monotonic() - started,
    )
    logger.info("reports structured", extra={"batch_id": batch_id, "loaded": result.loaded, "failed": failed})
    return result


class _readers:  # noqa: N801
    """Reads many reports, in this process or in several."""

    def __init__(self, workers: int) -> None:
        self._pool = ProcessPoolExecutor(max_workers=workers) if workers > 1 else None

    def __enter__(self) -> Callable[[Sequence[tuple[ReportSource, dict]]], list[dict]]:
        return self._read_many

    def _read_many(self, tasks: Sequence[tuple[ReportSource, dict]]) -> list[dict]:
        if self._pool is None:
            return [read_report(source, row) for source, row in tasks]
        sources, rows = zip(*tasks, strict=True)
        return list(self._pool.map(read_report, sources, rows, chunksize=100))

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()


def _staff_roster(connection: Connection) -> list[str]:
    """Return the names of everybody who ever signed a report: one text may name another's doctor."""
    signatures = " union ".join(
        f"select trim({column}) as name from {source.table}"
        for source in SOURCES
        for kind, column in source.known
        if kind == "staff"
    )
    rows = connection.execute(
        f"select distinct name from ({signatures} union select trim(physician) from raw.raw_his.encounter) "
        "where length(name) between 2 and 20"
    ).fetchall()
    return [name for (name,) in rows]


def _named_in(row: dict, source: ReportSource, roster: Sequence[str]) -> list[str]:
    text = "".join(row.get(column) or "" for column, _ in source.parts)
    return [name for name in roster if name in text]


def _sha_expression(source: ReportSource) -> str:
    parts = ", ".join(f"coalesce({column}, '')" for column in source.hashed)
    return f"sha256(concat_ws(chr(31), {parts}))"


def _cleaned(source: ReportSource) -> str:
    """Return SQL of a source's rows as the door normalised them, with the digest of the text as it was received."""
    columns = {source.report_id, "patient_id", *(name for name, _ in (*source.parts,)), *(c for _, c in source.known)}
    replaced = ", ".join(f'{clean_expression(name)} as "{name}"' for name in sorted(columns))
    return f"(select * replace ({replaced}), {_sha_expression(source)} as _text_sha256, rowid as _place from {source.table})"


def _list_unread(connection: Connection, source: ReportSource) -> tuple[int, int]:
    """List the texts of a source that this version has not read, numbered; return all texts and those unread."""
    connection.execute(
        f"""
        create or replace temp table unread_{source.source} as
        with texts as (
            select {source.report_id} as report_id, _text_sha256 as text_sha256, patient_id, _place as place
            from {_cleaned(source)}
            qualify row_number() over (
                partition by {source.report_id}, _text_sha256 order by _loaded_at, _src_row_no
            ) = 1
        ),
        done as (
            select distinct report_id, text_sha256 from raw.raw_text.report
            where source = $1 and algorithm_version = $2
        )
        select texts.*, done.report_id is not null as is_done, row_number() over (
            partition by done.report_id is not null order by texts.report_id, texts.text_sha256
        ) as number
        from texts left join done on texts.report_id = done.report_id and texts.text_sha256 = done.text_sha256
        """,
        [source.source, ALGORITHM_VERSION],
    )
    row = connection.execute(f"select count(*), count(*) filter (not is_done) from unread_{source.source}").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _batches(connection: Connection, source: ReportSource, unread: int) -> Iterator[list[dict]]:
    """Yield the unread reports with the known values of their patient."""
    patient_columns = ", ".join(f"patients.{column} as _patient_{column}" for _, column in _KNOWN_OF_PATIENT)
    for first in range(1, unread + 1, _BATCH):
        yield fetch_dicts(
            connection,
            f"""
            with wanted as (
                select * from unread_{source.source} where not is_done and number between $1 and $2
            ),
            patients as (
                select * replace ({clean_expression("patient_id")} as patient_id) from raw.raw_his.patient
                where {clean_expression("patient_id")} in (select patient_id from wanted)
                qualify row_number() over (partition by patient_id order by _loaded_at desc, _src_row_no desc) = 1
            )
            select stored.*, wanted.text_sha256, {source.modality} as _modality, {patient_columns}
            from {_cleaned(source)} as stored
            inner join wanted on stored._place = wanted.place
            left join patients on stored.patient_id = patients.patient_id
            order by wanted.number
            """,
            [first, first + _BATCH - 1],
        )


def read_report(source: ReportSource, row: dict) -> dict:
    """Return the scrubbed report and its findings as rows of raw_text; a failure is a reason, never an exception."""
    known: dict[str, list[str]] = {}
    for kind, column in source.known:
        known.setdefault(kind, []).append(row.get(column) or "")
    for kind, column in _KNOWN_OF_PATIENT:
        known.setdefault(kind, []).append(row.get(f"_patient_{column}") or "")
    known.setdefault("staff", []).extend(row.get("_roster") or [])
    known = {kind: sorted({value.strip() for value in values} - {""}) for kind, values in known.items()}
    report = {
        "source": source.source,
        "report_id": row[source.report_id],
        "report_kind": source.report_kind,
        "text_sha256": row["text_sha256"],
        "findings": None,
        "impression": None,
        "clinical_diagnosis": None,
        "full_text": None,
        "removed_count": 0,
        "finding_count": 0,
        "failure": None,
        "algorithm": ALGORITHM,
        "algorithm_version": ALGORITHM_VERSION,
    }
    try:
        texts = []
        for column, header in source.parts:
            if not (row.get(column) or "").strip():
                continue
            scrubbed = scrub_text(row[column], known=known)
            report["removed_count"] += len(scrubbed.removed)
            part = {"diagnosis": "impression", "microscopic": "findings"}.get(column, column)
            if part in report:
                report[part] = scrubbed.text
            texts.append(f"{header}：{scrubbed.text.strip()}")
        if not texts:
            report["failure"] = "empty_text"
            return {"report": report, "findings": []}
        report["full_text"] = "\n".join(texts)
        findings = _findings(source, row, report)
    except Exception as error:  # a report that breaks a rule is queued with its reason, the others go on
        logger.warning("a report could not be read", extra={"source": source.source, "error": type(error).__name__})
        report |= {"failure": f"unreadable_{type(error).__name__}", "findings": None, "impression": None}
        report |= {"clinical_diagnosis": None, "full_text": None}
        return {"report": report, "findings": []}
    report["finding_count"] = len(findings)
    return {"report": report, "findings": findings}


def _findings(source: ReportSource, row: dict, report: dict) -> list[dict]:
    text = report["full_text"]
    structured = structure_report(
        text, report_id=str(row[source.report_id]), modality=row.get("_modality"), report_kind=source.report_kind
    )
    prediction = as_prediction(structured)
    return [
        {
            "source": source.source,
            "report_id": row[source.report_id],
            "text_sha256": row["text_sha256"],
            "finding_no": number,
            "finding_code": entity["code"],
            "mention": text[entity["start"] : entity["end"]],
            "start_offset": entity["start"],
            "end_offset": entity["end"],
            "section": entity.get("section"),
            "assertion": entity["assertion"],
            "certainty": entity.get("certainty"),
            "laterality": entity.get("laterality"),
            "locations": ";".join(entity.get("locations") or []) or None,
            "change": entity.get("change"),
            "sentence": _clause_around(text, entity["start"], entity["end"]),
            "algorithm": ALGORITHM,
            "algorithm_version": ALGORITHM_VERSION,
        }
        for number, entity in enumerate(prediction["entities"], start=1)
    ]


def _clause_around(text: str, start: int, end: int) -> str:
    first = max(text.rfind(mark, 0, start) for mark in "。；;\n") + 1
    ends = [position for mark in "。；;\n" if (position := text.find(mark, end)) >= 0]
    return text[first : min(ends, default=len(text))].strip()


def _write(connection: Connection, outcomes: Sequence[dict], batch_id: str, loaded_at: datetime) -> None:
    reports = [outcome["report"] | {"_batch_id": batch_id, "_loaded_at": loaded_at} for outcome in outcomes]
    findings = [
        finding | {"_batch_id": batch_id, "_loaded_at": loaded_at}
        for outcome in outcomes
        for finding in outcome["findings"]
    ]
    with transaction(connection):
        append_arrow(connection, "raw.raw_text.report", _table(reports))
        if findings:
            append_arrow(connection, "raw.raw_text.finding", _table(findings))


def _table(rows: list[dict]) -> pa.Table:
    table = pa.Table.from_pylist(rows)
    # a column of nothing but nulls has no type yet
    for position, column in enumerate(table.schema):
        if pa.types.is_null(column.type):
            table = table.set_column(position, column.name, table.column(position).cast(pa.string()))
    return table
