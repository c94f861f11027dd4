"""Writes what is true about each patient, from the facts and not from the extracts: people, identifiers, episodes."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from synthetic_hospital import marks
from synthetic_hospital.model import Encounter, Episode, Patient
from synthetic_hospital.platform_extracts import births, card_no, charge_ids, empi_id, insurance_no, newborn_id

_EPISODE_FIELDS = (
    "patient_id", "visit_id", "t_index", "qualifying_rule", "cohort_tier", "age_years", "sex", "pneumonia_on_imaging",
    "confusion_new", "urea_max", "rr_max", "sbp_min", "dbp_min", "curb65_total", "arrival_time", "admission_time",
    "discharge_time",
)  # fmt: skip
_IDENTIFIER_FIELDS = ("entity", "entity_key", "patient_key", "id_type", "id_raw", "src_system", "is_canary")


def completed_years(earlier: date, later: date) -> int:
    """Return completed years between two days."""
    return later.year - earlier.year - ((later.month, later.day) < (earlier.month, earlier.day))


def _numbers(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]


def episode_row(patient: Patient, episode: Episode) -> dict[str, Any]:
    """Return the truth about one episode: inputs in [t_index - 6 h, t_index + 24 h) and CURB-65."""
    assert episode.t_index is not None
    start, end = episode.t_index - timedelta(hours=6), episode.t_index + timedelta(hours=24)
    chain = [encounter for encounter in patient.encounters if encounter.visit_id in episode.scored_encounters]
    vitals = [vital for encounter in chain for vital in encounter.vital_signs if start <= vital.measured_at < end]
    ureas = [
        float(result.result.strip().rstrip("↑").translate(str.maketrans("０１２３４５６７８９．", "0123456789.")))
        for encounter in patient.encounters
        for result in encounter.labs
        if result.item_code == "UREA" and start <= result.collected_at < end
    ]
    confusion: bool | None = None
    if vitals:
        confusion = any((vital.coma_scale or 15) < 15 or "嗜睡" in vital.consciousness for vital in vitals)
    respirations = _numbers(vital.respiration for vital in vitals)
    systolics = _numbers(vital.systolic for vital in vitals)
    diastolics = _numbers(vital.diastolic for vital in vitals)
    age = completed_years(patient.person.birth_date, episode.t_index.date())
    items = (
        confusion,
        max(ureas) > 7 if ureas else None,
        max(respirations) >= 30 if respirations else None,
        min(systolics) < 90 or min(diastolics) <= 60 if systolics else None,
        age >= 65,
    )
    total: int | str = "" if age < 18 or any(item is None for item in items) else sum(bool(item) for item in items)
    return {
        "patient_id": patient.person.patient_id,
        "visit_id": episode.visit_id,
        "t_index": episode.t_index,
        "qualifying_rule": episode.qualifying_rule,
        "cohort_tier": episode.cohort_tier,
        "age_years": age,
        "sex": patient.person.sex,
        "pneumonia_on_imaging": _text(episode.pneumonia_on_imaging),
        "confusion_new": _text(confusion),
        "urea_max": max(ureas) if ureas else "",
        "rr_max": max(respirations) if respirations else "",
        "sbp_min": min(systolics) if systolics else "",
        "dbp_min": min(diastolics) if diastolics else "",
        "curb65_total": total,
        "arrival_time": _text(episode.arrival_at),
        "admission_time": _text(episode.admitted_at),
        "discharge_time": _text(episode.discharged_at),
    }


def _text(value: bool | datetime | None) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def identifier_rows(patient: Patient) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield every identifier of a patient: entity, entity key, id type, value, system."""
    person = patient.person
    key = person.patient_id
    for kind, value in (
        ("patient_id", person.patient_id),
        ("patient_name", person.name),
        ("citizen_id", person.citizen_id),
        ("phone", person.phone),
        ("address", person.address),
        ("contact_name", person.contact_name),
    ):
        if value:
            yield "patient", key, kind, value, "his"
    yield "patient", key, "card_no", card_no(person), "his"
    yield "patient", key, "insurance_no", insurance_no(person), "his"
    yield "patient", key, "empi_id", empi_id(person), "cdr"
    for encounter in patient.encounters:
        yield from _encounter_identifiers(patient, encounter)
    for exam in {exam.exam_id: exam for exam in patient.exams}.values():
        yield "report", exam.exam_id, "exam_id", exam.exam_id, "ris"
        yield "study", exam.study_instance_uid, "accession_number", exam.accession_number, "ris"
        yield "study", exam.study_instance_uid, "study_instance_uid", exam.study_instance_uid, "pacs"
        yield "order", exam.request_id, "request_id", exam.request_id, "ris"
        copied = f"{marks.CDR_REPORT_PREFIX}{exam.exam_id[4:]}"
        yield "report", copied, "report_id", copied, "cdr"
    for ultrasound in patient.ultrasounds:
        yield "report", ultrasound.exam_id, "ultrasound_no", ultrasound.exam_id, "us"
    for pathology in patient.pathologies:
        yield "report", pathology.pathology_id, "pathology_id", pathology.pathology_id, "path"
    for number, _, _ in charge_ids(patient):
        yield "order", number, "charge_id", number, "his"
    yield from _birth_identifiers(patient)


def _birth_identifiers(patient: Patient) -> Iterator[tuple[str, str, str, str, str]]:
    mother = patient.person
    for number, _, _, children in births(patient):
        yield "delivery", number, "delivery_id", number, "obstetrics"
        for order in range(1, children + 1):
            child = f"{mother.patient_id}{'AB'[order - 1]}"
            yield "delivery", number, "newborn_id", newborn_id(number, order), "obstetrics"
            yield "patient", child, "patient_id", child, "obstetrics"
            yield "patient", child, "patient_name", f"{mother.name}之{'子' if order == 1 else '女'}", "obstetrics"


def _encounter_identifiers(patient: Patient, encounter: Encounter) -> Iterator[tuple[str, str, str, str, str]]:
    key = encounter.visit_id
    yield "encounter", key, "visit_id", encounter.visit_id, "his"
    yield "encounter", key, "inpatient_no" if encounter.kind == "住院" else "outpatient_no", encounter.number, "his"
    if encounter.medical_record_no:
        yield "encounter", key, "medical_record_no", encounter.medical_record_no, "his"
    # reports quote the inpatient number of outpatients too
    inpatient_no = f"{marks.INPATIENT_NO_PREFIX}{patient.person.ordinal:06d}"
    yield "patient", patient.person.patient_id, "inpatient_no", inpatient_no, "his"
    # the numbers that the extracts make out of the visit
    tail = encounter.visit_id[4:]
    for entity, kind, prefix, count, system in (
        ("procedure", "procedure_id", marks.PROCEDURE_PREFIX, len(encounter.procedures), "his"),
        ("order", "order_id", marks.ORDER_PREFIX, len(encounter.orders), "his"),
        ("document", "document_id", marks.DOCUMENT_PREFIX, len(encounter.documents), "emr"),
        ("vital_sign", "record_id", marks.VITAL_PREFIX, len(encounter.vital_signs), "emr"),
    ):
        for position in range(1, count + 1):
            yield entity, f"{prefix}{tail}{position}", kind, f"{prefix}{tail}{position}", system
    for report_no in sorted({result.report_no for result in encounter.labs}):
        report = f"{marks.LAB_REPORT_PREFIX}{tail}{report_no}"
        yield "lab_result", report, "report_id", report, "lis"
        yield "lab_result", report, "barcode", f"{marks.BARCODE_PREFIX}{tail}{report_no}", "lis"


class TruthWriter:
    """Writes the truth tables as the patients go by."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._files: list[Any] = []
        self._patients = self._open(
            folder / "patient.csv",
            ("patient_id", "name", "sex", "birth_date", "family", "is_test", "merged_into", "note"),
        )
        self._episodes = self._open(folder / "episode.csv", _EPISODE_FIELDS)
        self._excluded = self._open(folder / "candidate_excluded.csv", ("patient_id", "visit_id", "reason"))
        self._identifiers = self._open(folder / "identifier.csv", _IDENTIFIER_FIELDS)

    def _open(self, path: Path, fields: tuple[str, ...]) -> Any:
        file = path.open("w", encoding="utf-8", newline="")
        self._files.append(file)
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        return writer

    def write(self, patient: Patient) -> None:
        """Write one patient."""
        person = patient.person
        self._patients.writerow(
            {
                "patient_id": person.patient_id,
                "name": person.name,
                "sex": person.sex,
                "birth_date": person.birth_date,
                "family": patient.family,
                "is_test": str(person.is_test).lower(),
                "merged_into": person.merged_into,
                "note": patient.note,
            }
        )
        for episode in patient.episodes:
            if episode.qualifying_rule:
                self._episodes.writerow(episode_row(patient, episode))
            else:
                self._excluded.writerow(
                    {"patient_id": person.patient_id, "visit_id": episode.visit_id, "reason": episode.exclusion_reason}
                )
        for entity, key, kind, value, system in identifier_rows(patient):
            self.identifier(entity, key, person.patient_id, kind, value, system, is_canary=not person.is_test)

    def identifier(
        self, entity: str, key: str, patient_id: str, kind: str, value: str, system: str, *, is_canary: bool = True
    ) -> None:
        """Write one planted identifier."""
        self._identifiers.writerow(
            {
                "entity": entity,
                "entity_key": key,
                "patient_key": patient_id,
                "id_type": kind,
                "id_raw": value,
                "src_system": system,
                "is_canary": str(is_canary).lower(),
            }
        )

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()
