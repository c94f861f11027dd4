"""Where the systems keep their reports, and the texts of them that the present reader has not read yet.

A report that only the repository, a message or FHIR delivers is read like one of the department that owns it. Each text
comes with what is known of its patient and of the staff, by which it is scrubbed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakehouse.contract import clean_expression
from lakehouse.lake import Connection, fetch_dicts

_BATCH = 10_000
_PARTING = re.compile(r"[\^&~;|\n]+")
_NAME_KINDS = frozenset({"name", "staff"})
_SHORTEST_PHONE = 7
_LONGEST_NAME = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class PatientSource:
    """A table that knows a patient's names, numbers, telephones and addresses."""

    table: str
    key: str
    via: str
    """Column of the report that names the patient."""
    known: tuple[tuple[str, str], ...]
    """(kind of known value, column)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSource:
    """Where a system keeps its reports, and which parts they have."""

    source: str
    table: str
    ids: tuple[tuple[str, str], ...]
    """(kind of pseudonym, column) of the report's number; the first that is there counts, as in std_report_source."""
    modality: str
    """SQL of the modality."""
    told_kind: str
    """SQL of the kind of report as the source tells it."""
    parts: tuple[tuple[str, str], ...]
    """(column, header) in reading order."""
    hashed: tuple[str, ...]
    """Columns of text_sha256, in the order of the staging model."""
    known: tuple[tuple[str, str], ...]
    """(kind of known value, column) of the same row."""
    patients: tuple[PatientSource, ...]
    bodies: tuple[str, ...] = ()
    """Columns that hold a whole report; the first that is there counts."""
    condition: str = "true"


_HIS_PATIENT = PatientSource(
    table="raw.raw_his.patient",
    key="patient_id",
    via="patient_id",
    known=(
        ("name", "patient_name"),
        ("name", "contact_name"),
        ("phone", "phone"),
        ("address", "address"),
        ("id_number", "citizen_id"),
    ),
)
_CDR_PATIENT = PatientSource(table="raw.raw_cdr.patient", key="patient_id", via="patient_id", known=_HIS_PATIENT.known)
_HL7_PATIENT = PatientSource(
    table="raw.raw_hl7v2.patient",
    key="patient_id",
    via="patient_id",
    known=(
        ("name", "patient_name"),
        ("name", "mother_name"),
        ("phone", "phone_home"),
        ("phone", "phone_business"),
        ("address", "address"),
        ("id_number", "citizen_id"),
    ),
)
_FHIR_PATIENT = PatientSource(
    table="raw.raw_fhir.patient",
    key="resource_id",
    via="patient_id",
    known=(("name", "patient_name"), ("phone", "phone"), ("address", "address"), ("id_number", "citizen_id")),
)
# summaries of a laboratory are no reports of an examination (std_report_source)
_NO_LABORATORY = "coalesce({}, '') not in ('LAB', 'laboratory', 'HM', 'CH', 'MB', 'SR')"

SOURCES = (
    ReportSource(
        source="ris",
        table="raw.raw_ris.exam",
        ids=(("report", "exam_id"),),
        modality="modality",
        told_kind="'radiology'",
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
        patients=(_HIS_PATIENT,),
    ),
    ReportSource(
        source="us",
        table="raw.raw_us.exam",
        ids=(("report", "exam_id"),),
        modality="'US'",
        told_kind="'超声'",
        parts=(("findings", "超声所见"), ("impression", "超声提示")),
        hashed=("findings", "impression"),
        known=(
            ("name", "patient_name"),
            ("staff", "examiner"),
            ("staff", "verifier"),
            ("number", "exam_id"),
            ("number", "patient_id"),
        ),
        patients=(_HIS_PATIENT,),
    ),
    ReportSource(
        source="path",
        table="raw.raw_path.report",
        ids=(("report", "pathology_id"),),
        modality="'PATH'",
        told_kind="'病理'",
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
        patients=(_HIS_PATIENT,),
    ),
    ReportSource(
        source="cdr",
        table="raw.raw_cdr.report",
        ids=(("report", "report_id"),),
        modality="modality",
        told_kind="concat_ws(' ', report_kind, modality, exam_item)",
        parts=(("clinical_diagnosis", "临床诊断"), ("findings", "检查所见"), ("impression", "诊断意见")),
        hashed=("findings", "impression", "clinical_diagnosis"),
        known=(
            ("name", "patient_name"),
            ("staff", "reporter"),
            ("staff", "verifier"),
            ("number", "report_id"),
            ("number", "exam_id"),
            ("number", "accession_number"),
            ("number", "patient_id"),
            ("number", "visit_id"),
            ("number", "request_id"),
            ("number", "outpatient_no"),
            ("number", "inpatient_no"),
        ),
        patients=(_HIS_PATIENT, _CDR_PATIENT),
    ),
    ReportSource(
        source="hl7v2",
        table="raw.raw_hl7v2.report",
        ids=(
            ("report", "filler_order_id"),
            ("accession", "accession_number"),
            ("order", "placer_order_id"),
            ("message_control", "message_control_id"),
        ),
        modality="coalesce(modality, service_code)",
        told_kind="concat_ws(' ', coalesce(diagnostic_service_section, service_name), modality, service_name)",
        parts=(("findings", "检查所见"), ("impression", "诊断意见")),
        bodies=("full_text",),
        hashed=("findings", "impression", "full_text"),
        known=(
            ("staff", "principal_interpreter"),
            ("staff", "assistant_interpreter"),
            ("staff", "ordering_provider"),
            ("number", "filler_order_id"),
            ("number", "accession_number"),
            ("number", "placer_order_id"),
            ("number", "patient_id"),
            ("number", "visit_id"),
        ),
        patients=(_HIS_PATIENT, _HL7_PATIENT),
    ),
    ReportSource(
        source="fhir",
        table="raw.raw_fhir.diagnostic_report",
        ids=(("fhir_diagnostic_report", "resource_id"),),
        modality="category_code",
        told_kind="concat_ws(' ', coalesce(category_name, category_code, report_name), category_code, report_name)",
        parts=(("conclusion", "诊断意见"),),
        bodies=("presented_text", "narrative_text"),
        hashed=("conclusion", "presented_text", "narrative_text"),
        known=(
            ("staff", "performers"),
            ("staff", "results_interpreters"),
            ("number", "report_identifier"),
            ("number", "accession_number"),
            ("number", "patient_identifier"),
        ),
        patients=(_FHIR_PATIENT,),
        condition=_NO_LABORATORY.format(clean_expression("category_code")),
    ),
)
"""Every system that delivers report texts."""


def list_unread(connection: Connection, source: ReportSource, version: str) -> tuple[int, int]:
    """List the texts of a source that this version has not read, numbered; return all texts and those unread."""
    connection.execute(
        f"""
        create or replace temp table unread_{source.source} as
        with texts as (
            select _report_id as report_id, _report_id_kind as report_id_kind, _text_sha256 as text_sha256,
                _place as place
            from {_cleaned(source)}
            where _report_id is not null
            qualify row_number() over (
                partition by _report_id, _text_sha256 order by _loaded_at, _batch_id, _src_file, _src_row_no
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
        [source.source, version],
    )
    row = connection.execute(f"select count(*), count(*) filter (not is_done) from unread_{source.source}").fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def read_batches(
    connection: Connection, source: ReportSource, unread: int, roster: Sequence[str]
) -> Iterator[list[dict]]:
    """Yield the unread reports of a source with `_known`, the values known of their patient and staff."""
    for first in range(1, unread + 1, _BATCH):
        columns, joins = _patient_joins(source)
        rows = fetch_dicts(
            connection,
            f"""
            with wanted as (
                select * from unread_{source.source} where not is_done and number between $1 and $2
            )
            select stored.*, wanted.text_sha256 {columns}
            from {_cleaned(source)} as stored
            inner join wanted on stored._place = wanted.place
            {joins}
            order by wanted.number
            """,
            [first, first + _BATCH - 1],
        )
        for row in rows:
            row["_known"] = _known_values(source, row, roster)
        yield rows


def read_roster(connection: Connection) -> list[str]:
    """Return the names of everybody who ever signed a report: one text may name another's doctor."""
    signatures = " union ".join(
        [
            *(
                f"select trim({column}) as name from {source.table}"
                for source in SOURCES
                for kind, column in source.known
                if kind == "staff"
            ),
            "select trim(physician) from raw.raw_his.encounter",
        ]
    )
    rows = connection.execute(f"select distinct name from ({signatures}) where name is not null").fetchall()
    return sorted({piece for (name,) in rows for piece in _pieces("staff", name) if len(piece) <= _LONGEST_NAME})


def _cleaned(source: ReportSource) -> str:
    """Return SQL of a source's rows as the door normalised them, with the digest of the text as it was received."""
    texts = {*(name for name, _ in source.parts), *source.bodies}
    columns = {column for _, column in (*source.ids, *source.known)} | texts
    columns |= {patient.via for patient in source.patients} | _named_columns(source.modality, source.told_kind)
    replaced = ", ".join(f'{clean_expression(name)} as "{name}"' for name in sorted(columns))
    digest = ", ".join(f"coalesce({column}, '')" for column in source.hashed)
    usable = [(kind, f"nullif(canonical_identifier({clean_expression(column)}), '')") for kind, column in source.ids]
    kinds = " ".join(f"when {value} is not null then '{kind}'" for kind, value in usable)
    values = " ".join(
        f"when {value} is not null then {clean_expression(column)}"
        for (_, value), (_, column) in zip(usable, source.ids, strict=True)
    )
    return (
        f"(select *, {source.modality} as _modality, {source.told_kind} as _told_kind from (select * replace ({replaced}), "
        f"sha256(concat_ws(chr(31), {digest})) as _text_sha256, rowid as _place, "
        f"case {values} end as _report_id, case {kinds} end as _report_id_kind "
        f"from {source.table} where {source.condition}))"
    )


def _named_columns(*expressions: str) -> set[str]:
    words = {word for text in expressions for word in re.findall(r"[a-z_]+", re.sub(r"'[^']*'", "", text))}
    return words - {"coalesce", "concat_ws"}


def _patient_joins(source: ReportSource) -> tuple[str, str]:
    columns, joins = "", ""
    for number, patient in enumerate(source.patients):
        columns += "".join(f", patient_{number}.{column} as _patient_{number}_{column}" for _, column in patient.known)
        key = clean_expression(patient.key)
        joins += f"""
            left join (
                select * replace ({key} as {patient.key}) from {patient.table}
                where {key} in (
                    select {clean_expression(patient.via)} from {source.table}
                    where rowid in (select place from wanted)
                )
                qualify row_number() over (partition by {key} order by _loaded_at desc, _src_row_no desc) = 1
            ) as patient_{number} on stored.{patient.via} = patient_{number}.{patient.key}
        """
    return columns, joins


def _known_values(source: ReportSource, row: dict, roster: Sequence[str]) -> dict[str, list[str]]:
    known: dict[str, set[str]] = {"staff": set()}
    for kind, column in source.known:
        known.setdefault(kind, set()).update(_pieces(kind, row.get(column)))
    for number, patient in enumerate(source.patients):
        for kind, column in patient.known:
            known.setdefault(kind, set()).update(_pieces(kind, row.get(f"_patient_{number}_{column}")))
    text = "".join(row.get(column) or "" for column in (*(name for name, _ in source.parts), *source.bodies))
    known["staff"].update(name for name in roster if name in text)
    return {kind: sorted(values - {""}) for kind, values in known.items()}


def _pieces(kind: str, value: str | None) -> set[str]:
    """Return a known value and what HL7 components or several values in one field hold of it."""
    whole = (value or "").strip()
    parts = [part.strip() for part in _PARTING.split(whole)]
    if len(parts) < 2 or kind == "number":
        return {whole}
    if kind in _NAME_KINDS:
        parts = [part for part in parts if not any(character.isdigit() for character in part)]
        # family and given name stand in components of their own
        joined = "".join(parts[:2]) if 2 <= len("".join(parts[:2])) <= 4 else ""
        return {part for part in (*parts, joined) if len(part) >= 2}
    shortest = _SHORTEST_PHONE if kind in ("phone", "id_number") else 2
    return {part for part in parts if len(part) >= shortest}
