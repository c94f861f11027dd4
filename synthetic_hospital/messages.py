"""Writes HL7 v2 messages and a FHIR bundle about the first patients of the hospital."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthetic_hospital.model import Exam, Patient

_SEX = {"M": "male", "F": "female"}


def write_hl7v2(path: Path, patients: Sequence[Patient]) -> int:
    """Write an admission and the first chest report of each patient, GB18030, CR between segments; return messages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    messages = []
    for patient in patients:
        encounter = patient.encounters[0]
        person = patient.person
        at = encounter.admitted_at.strftime("%Y%m%d%H%M%S")
        identity = (
            f"PID|1||{person.patient_id}^^^HIS||{person.name}||{person.birth_date:%Y%m%d}|{person.sex}|||"
            f"{person.address}||{person.phone}||||||{person.citizen_id}"
        )
        kind = "I" if encounter.kind == "住院" else "O"
        visit = f"PV1|1|{kind}|{encounter.department}" + "|" * 16 + encounter.visit_id + "|" * 25 + at
        messages.append(
            [
                f"MSH|^~\\&|HIS|BJ|RADLAKE|RIS|{at}||ADT^A01|A{person.ordinal:06d}|P|2.4",
                f"EVN|A01|{at}",
                identity,
                visit,
            ]
        )
        chest = next((exam for exam in patient.exams if "胸" in exam.body_part and exam.in_ris), None)
        if chest:
            messages.append(_report_message(identity, visit, chest, person.ordinal))
    path.write_bytes("".join("\r".join(message) + "\r" for message in messages).encode("gb18030"))
    return len(messages)


def _report_message(identity: str, visit: str, exam: Exam, ordinal: int) -> list[str]:
    at = exam.examined_at.strftime("%Y%m%d%H%M%S")
    return [
        f"MSH|^~\\&|RIS|BJ|RADLAKE|CDR|{at}||ORU^R01|R{ordinal:06d}|P|2.4",
        identity,
        visit,
        f"ORC|RE|{exam.request_id}|{exam.accession_number}",
        f"OBR|1|{exam.request_id}|{exam.accession_number}|{exam.modality}^{exam.exam_item}|||{at}||||||||||||||||||F",
        f"OBX|1|TX|GDT^检查所见||{exam.findings}||||||F",
        f"OBX|2|TX|IMP^诊断意见||{exam.impression}||||||F",
    ]


def write_fhir(path: Path, patients: Sequence[Patient]) -> int:
    """Write one FHIR R4 bundle with the same people and return the resources in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    resources: list[dict[str, Any]] = []
    for patient in patients:
        person = patient.person
        reference = f"Patient/p{person.ordinal}"
        resources.append(
            {
                "resourceType": "Patient",
                "id": f"p{person.ordinal}",
                "identifier": [{"system": "urn:bj:his", "value": person.patient_id}],
                "name": [{"text": person.name}],
                "telecom": [{"system": "phone", "value": person.phone}],
                "gender": _SEX[person.sex],
                "birthDate": person.birth_date.isoformat(),
                "address": [{"text": person.address}],
            }
        )
        for encounter in patient.encounters:
            resources.append(
                {
                    "resourceType": "Encounter",
                    "id": f"e{encounter.visit_id}",
                    "identifier": [{"value": encounter.visit_id}],
                    "status": "finished",
                    "class": {"code": "IMP" if encounter.kind == "住院" else "AMB"},
                    "subject": {"reference": reference},
                    "period": {"start": f"{encounter.admitted_at.isoformat()}+08:00"},
                }
            )
            resources += [
                {
                    "resourceType": "Condition",
                    "id": f"c{encounter.visit_id}-{position}",
                    "subject": {"reference": reference},
                    "encounter": {"reference": f"Encounter/e{encounter.visit_id}"},
                    "code": {"coding": [{"system": "urn:bj:icd10", "code": row.code, "display": row.name}]},
                }
                for position, row in enumerate(encounter.diagnoses)
            ]
            resources += [
                {
                    "resourceType": "Observation",
                    "id": f"o{encounter.visit_id}-{position}",
                    "status": "final",
                    "subject": {"reference": reference},
                    "code": {"coding": [{"code": row.item_code, "display": row.item_name}]},
                    "effectiveDateTime": f"{row.collected_at.isoformat()}+08:00",
                    "valueString": row.result,
                }
                for position, row in enumerate(encounter.labs)
            ]
        resources += [
            {
                "resourceType": "DiagnosticReport",
                "id": f"d{exam.exam_id}-{exam.version}",
                "status": "final",
                "code": {"text": exam.exam_item},
                "subject": {"reference": reference},
                "effectiveDateTime": f"{exam.examined_at.isoformat()}+08:00",
                "conclusion": exam.impression,
            }
            for exam in patient.exams
            if exam.in_ris
        ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": row} for row in resources]}
    path.write_text(json.dumps(bundle, ensure_ascii=False, indent=1), encoding="utf-8")
    return len(resources)
