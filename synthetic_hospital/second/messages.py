"""Writes what the second hospital sends by standard: HL7 v2 with MLLP framing, FHIR resources one a line."""

import json
from datetime import datetime

from synthetic_hospital.second.facts import Facts, Row


def _stamp(value: str) -> str:
    return f"{datetime.fromisoformat(value):%Y%m%d%H%M%S}"


def admission(person: Row, visit: Row, number: int) -> str:
    """Return an ADT^A01 of one stay."""
    sent = _stamp(visit["admitted_at"])
    return (
        "\r".join(
            (
                f"MSH|^~\\&|HIS2|JN|LAKE|JN|{sent}||ADT^A01|JN{number:06d}|P|2.4||||||UNICODE UTF-8",
                f"EVN|A01|{sent}",
                f"PID|1||{person['patient_id']}^^^HIS2&JN~{person['citizen_id']}^^^IDCARD||{person['patient_name']}||"
                f"{person['birth_date'].replace('-', '')}|{person['sex']}|||{person['address']}||{person['phone']}",
                f"PV1|1|I|{visit['ward']}^^^{visit['department']}||||||||||||||||{visit['visit_id']}|||||||||||||||||||||||||{sent}",
            )
        )
        + "\r"
    )


def framed(messages: list[str]) -> bytes:
    """Return messages with MLLP framing."""
    return b"".join(b"\x0b" + message.encode() + b"\x1c\r" for message in messages)


def resources(facts: Facts, count: int) -> bytes:
    """Return patients and encounters as bulk NDJSON."""
    people = {row["patient_id"]: row for row in facts.tables["his.patient"]}
    lines = []
    for visit in facts.tables["his.encounter"][:count]:
        person = people[visit["patient_id"]]
        lines.append(
            {
                "resourceType": "Patient",
                "id": f"p-{person['patient_id']}",
                "meta": {"versionId": "1", "lastUpdated": visit["discharged_at"].replace(" ", "T") + "+08:00"},
                "identifier": [{"system": "urn:jn:pid", "value": person["patient_id"]}],
                "name": [{"text": person["patient_name"]}],
                "gender": {"M": "male", "F": "female"}[person["sex"]],
                "birthDate": person["birth_date"],
            }
        )
        lines.append(
            {
                "resourceType": "Encounter",
                "id": f"e-{visit['visit_id']}",
                "status": "finished",
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
                "subject": {"reference": f"Patient/p-{person['patient_id']}"},
                "identifier": [{"system": "urn:jn:visit", "value": visit["visit_id"]}],
                "period": {
                    "start": visit["admitted_at"].replace(" ", "T") + "+08:00",
                    "end": visit["discharged_at"].replace(" ", "T") + "+08:00",
                },
            }
        )
    return ("\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n").encode()
