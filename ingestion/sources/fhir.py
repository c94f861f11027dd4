"""Turns a FHIR R4 resource into rows of raw_fhir: patient, encounter, condition, procedure, observation and the like.

Values stay as written, dates too. A reference becomes the id it points to; where it names a business identifier
instead, that stands in `patient_identifier`. Several values of one column are joined by `;`, several texts by a line
end. Resources of other types yield nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ingestion.sources import Row
from ingestion.sources.citizen_number import is_citizen_number
from ingestion.sources.fhir_documents import read_document_reference, read_specimen, take_contained
from ingestion.sources.fhir_observation import read_observation
from ingestion.sources.fhir_orders import read_medication_request, read_service_request
from ingestion.sources.fhir_parts import (
    accession_of,
    attached_text,
    code_columns,
    context_columns,
    first_identifier,
    ids_of,
    joined,
    names_of,
    notes_of,
    start_and_end,
    subject_columns,
)
from lakehouse.formats.fhir import (
    Identifier,
    Resource,
    find_text,
    first_coding,
    identifiers,
    items_of,
    reference_id,
    text_of,
)

Rows = Iterator[tuple[str, Row]]

_PASSED_NAMES = frozenset({"old", "nickname", "anonymous", "maiden", "temp"})
_TAG = re.compile(r"<[^>]*>")


def rows_of_resource(resource: Resource) -> Rows:
    """Yield (table name, row) for a resource that raw_fhir has a table for, then for those contained in it.

    Nothing for a resource of any other type.
    """
    reader = _READERS.get(text_of(resource.get("resourceType")) or "")
    if reader is None:
        return
    head: Row = {
        "resource_id": find_text(resource, "id"),
        "version_id": find_text(resource, "meta", "versionId"),
        "last_updated": find_text(resource, "meta", "lastUpdated"),
        "status": find_text(resource, "status"),
        "is_deleted": "true" if resource.get("deleted") is True else "false",
    }
    change = _change_of(resource, head)
    parts = take_contained(resource)
    for entity, row in reader(resource, head):
        yield entity, row | {"_change": change} if change else row
    for part in parts:
        yield from rows_of_resource(part)


def _change_of(resource: Resource, head: Row) -> str | None:
    """Return what a version says of its record: `deleted`, `voided` where it was entered in error or recalled."""
    if head["is_deleted"] == "true":
        return "deleted"
    verification = first_coding(resource.get("verificationStatus")).code
    if "entered-in-error" in (head["status"], verification):
        return "voided"
    is_result = text_of(resource.get("resourceType")) in ("DiagnosticReport", "Observation", "ImagingStudy")
    return "voided" if is_result and head["status"] == "cancelled" else None


def _read_patient(resource: Resource, head: Row) -> Rows:
    names = items_of(resource, "name")
    current = [name for name in names if find_text(name, "use") not in _PASSED_NAMES] or names
    name = next((one for one in current if find_text(one, "use") == "official"), current[0] if current else {})
    given = joined((text_of(part) for part in _list_of(name.get("given"))), " ")
    found = identifiers(resource)
    citizen = [one for one in found if _is_citizen(one)]
    links = items_of(resource, "link")
    phones = [
        contact for contact in items_of(resource, "telecom") if find_text(contact, "system") in ("phone", "sms", None)
    ]
    yield (
        "patient",
        head
        | {
            "status": find_text(resource, "active"),
            "patient_name": find_text(name, "text") or joined((find_text(name, "family"), given), " "),
            "family_name": find_text(name, "family"),
            "given_name": given,
            "citizen_id": citizen[0].value if citizen else None,
            "birth_date": find_text(resource, "birthDate"),
            "sex": find_text(resource, "gender"),
            "deceased": find_text(resource, "deceasedBoolean"),
            "deceased_at": find_text(resource, "deceasedDateTime"),
            "marital_status": first_coding(resource.get("maritalStatus")).code,
            "phone": joined(find_text(contact, "value") for contact in phones),
            "address": joined((_address(one) for one in items_of(resource, "address")), "\n"),
            "multiple_birth": find_text(resource, "multipleBirthInteger")
            or find_text(resource, "multipleBirthBoolean"),
            "managing_organization_id": reference_id(resource.get("managingOrganization")),
            "replaced_by_id": _link(links, "replaced-by"),
            "replaces_id": _link(links, "replaces"),
        },
    )
    others = [one for one in found if one not in citizen]
    for number, one in enumerate(others, start=1):
        yield (
            "patient_identifier",
            _without_status(head)
            | {
                "identifier_number": str(number),
                "identifier": one.value,
                "identifier_system": one.system,
                "type_code": one.type_code,
                "type_text": one.type_text,
                "identifier_use": one.use,
                "assigner": one.assigner,
            },
        )


def _is_citizen(one: Identifier) -> bool:
    return is_citizen_number(one.value or "", one.system, one.type_code, one.type_text)


def _link(links: list[dict[str, Any]], kind: str) -> str | None:
    return joined(reference_id(link.get("other")) for link in links if find_text(link, "type") == kind)


def _list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _address(address: dict[str, Any]) -> str | None:
    lines = [text_of(line) for line in _list_of(address.get("line"))]
    parts = (find_text(address, part) for part in ("district", "city", "state", "postalCode", "country"))
    return find_text(address, "text") or joined((*lines, *parts), ", ")


def _without_status(head: Row) -> Row:
    return {name: value for name, value in head.items() if name != "status"}


def _read_encounter(resource: Resource, head: Row) -> Rows:
    visit = identifiers(resource)
    encounter_class = first_coding(resource.get("class"))
    disposition = first_coding(_stay(resource, "dischargeDisposition"))
    start, end = start_and_end(resource, "period")
    yield (
        "encounter",
        head
        | subject_columns(resource)
        | {
            "visit_id": visit[0].value if visit else None,
            "visit_id_system": visit[0].system if visit else None,
            "class_code": encounter_class.code,
            "class_name": encounter_class.name,
        }
        | code_columns(resource.get("type"), "type")
        | {
            "priority": first_coding(resource.get("priority")).code,
            "service_type": first_coding(resource.get("serviceType")).name,
            "started_at": start,
            "ended_at": end,
            "department": find_text(resource, "serviceProvider", "display"),
            "service_provider_id": reference_id(resource.get("serviceProvider")),
            "location": find_text(resource, "location", "location", "display"),
            "location_ids": ids_of([one.get("location") for one in items_of(resource, "location")]),
            "participants": names_of([one.get("individual") for one in items_of(resource, "participant")]),
            "admit_source": first_coding(_stay(resource, "admitSource")).code,
            "pre_admission_id": find_text(resource, "hospitalization", "preAdmissionIdentifier", "value"),
            "discharge_disposition_code": disposition.code,
            "discharge_disposition_name": disposition.name,
            "part_of_id": reference_id(resource.get("partOf")),
        }
        | code_columns(resource.get("reasonCode"), "reason"),
    )
    for number, diagnosis in enumerate(items_of(resource, "diagnosis"), start=1):
        use = first_coding(diagnosis.get("use"))
        yield (
            "encounter_diagnosis",
            head
            | {
                "diagnosis_number": str(number),
                "condition_id": reference_id(diagnosis.get("condition")),
                "condition_name": find_text(diagnosis, "condition", "display"),
                "use_code": use.code,
                "use_name": use.name,
                "rank": find_text(diagnosis, "rank"),
            },
        )


def _stay(encounter: Resource, name: str) -> Any:
    stay = encounter.get("hospitalization")
    return stay.get(name) if isinstance(stay, dict) else None


def _read_condition(resource: Resource, head: Row) -> Rows:
    clinical = first_coding(resource.get("clinicalStatus")).code
    verification = first_coding(resource.get("verificationStatus")).code
    onset, onset_end = start_and_end(resource, "onset")
    abatement, abatement_end = start_and_end(resource, "abatement")
    yield (
        "condition",
        head
        | {"status": verification or clinical, "clinical_status": clinical}
        | context_columns(resource)
        | {"condition_identifier": first_identifier(resource)}
        | code_columns(resource.get("category"), "category")
        | code_columns(resource.get("code"), "condition", with_alternate=True)
        | {
            "severity": first_coding(resource.get("severity")).name,
            "body_site": first_coding(resource.get("bodySite")).name,
            "onset_at": onset or onset_end,
            "onset_text": _age_or_text(resource, "onset"),
            "abated_at": abatement_end or abatement,
            "abatement_text": _age_or_text(resource, "abatement"),
            "recorded_at": find_text(resource, "recordedDate"),
            "note": notes_of(resource),
        },
    )


def _age_or_text(resource: Resource, name: str) -> str | None:
    age = (find_text(resource, f"{name}Age", part) for part in ("comparator", "value", "unit"))
    return find_text(resource, f"{name}String") or joined(age, " ")


def _read_procedure(resource: Resource, head: Row) -> Rows:
    start, end = start_and_end(resource, "performed")
    yield (
        "procedure",
        head
        | context_columns(resource)
        | {"procedure_identifier": first_identifier(resource)}
        | code_columns(resource.get("category"), "category")
        | code_columns(resource.get("code"), "procedure", with_alternate=True)
        | {
            "started_at": start,
            "ended_at": end,
            "performed_text": find_text(resource, "performedString"),
            "body_site": first_coding(resource.get("bodySite")).name,
            "outcome": first_coding(resource.get("outcome")).name,
            "complication": first_coding(resource.get("complication")).name,
            "location": find_text(resource, "location", "display"),
            "performers": names_of([one.get("actor") for one in items_of(resource, "performer")]),
            "based_on_ids": ids_of(resource.get("basedOn")),
            "report_ids": ids_of(resource.get("report")),
            "part_of_ids": ids_of(resource.get("partOf")),
        }
        | code_columns(resource.get("reasonCode"), "reason")
        | {"reason_condition_ids": ids_of(resource.get("reasonReference")), "note": notes_of(resource)},
    )


def _read_diagnostic_report(resource: Resource, head: Row) -> Rows:
    start, end = start_and_end(resource, "effective")
    conclusion = first_coding(resource.get("conclusionCode"))
    narrative = find_text(resource, "text", "div")
    yield (
        "diagnostic_report",
        head
        | context_columns(resource)
        | {
            "report_identifier": first_identifier(resource),
            "accession_number": accession_of(resource),
            "based_on_ids": ids_of(resource.get("basedOn")),
        }
        | code_columns(resource.get("category"), "category")
        | code_columns(resource.get("code"), "report", with_alternate=True)
        | {
            "observed_at": start,
            "observed_end_at": end,
            "issued_at": find_text(resource, "issued"),
            "performers": names_of(resource.get("performer")),
            "results_interpreters": names_of(resource.get("resultsInterpreter")),
            "specimen_ids": ids_of(resource.get("specimen")),
            "observation_ids": ids_of(resource.get("result")),
            "imaging_study_ids": ids_of(resource.get("imagingStudy")),
            "conclusion": find_text(resource, "conclusion"),
            "conclusion_code": conclusion.code,
            "conclusion_code_system": conclusion.system,
            "conclusion_code_name": conclusion.name,
            "presented_text": joined((attached_text(one) for one in items_of(resource, "presentedForm")), "\n"),
            "presented_type": joined(find_text(one, "contentType") for one in items_of(resource, "presentedForm")),
            "narrative_text": _TAG.sub(" ", narrative).strip() if narrative else None,
        },
    )


def _study_instance_uid(resource: Resource) -> str | None:
    """Return the DICOM UID, without `urn:oid:` (FHIR R4, ImagingStudy.identifier)."""
    for one in identifiers(resource):
        value = one.value or ""
        if one.system in ("urn:dicom:uid", "urn:ietf:rfc:3986") and (value.startswith("urn:oid:") or value[:1] in "12"):
            return value.removeprefix("urn:oid:")
    return None


def _read_imaging_study(resource: Resource, head: Row) -> Rows:
    series = items_of(resource, "series")
    modalities = [first_coding(one).code for one in items_of(resource, "modality")]
    modalities = modalities or [first_coding(one.get("modality")).code for one in series]
    rest = [one.value for one in identifiers(resource) if "urn:" not in (one.value or "") + (one.system or "")]
    yield (
        "imaging_study",
        head
        | context_columns(resource)
        | {
            "study_instance_uid": _study_instance_uid(resource),
            "accession_number": accession_of(resource) or next(iter(rest), None),
            "based_on_ids": ids_of(resource.get("basedOn")),
            "modality": joined(_distinct(modalities)),
            "started_at": find_text(resource, "started"),
            "description": find_text(resource, "description"),
            "series_count": find_text(resource, "numberOfSeries"),
            "instance_count": find_text(resource, "numberOfInstances"),
            "body_site": joined(_distinct(first_coding(one.get("bodySite")).name for one in series)),
            "series_description": joined(_distinct(find_text(one, "description") for one in series), "\n"),
            "referrer": names_of(resource.get("referrer")),
            "interpreters": names_of(resource.get("interpreter")),
        }
        | code_columns(resource.get("procedureCode"), "procedure")
        | code_columns(resource.get("reasonCode"), "reason")
        | {"note": notes_of(resource)},
    )


def _distinct(values: Iterable[str | None]) -> list[str | None]:
    return list(dict.fromkeys(values))


_READERS: dict[str, Callable[[Resource, Row], Rows]] = {
    "Patient": _read_patient,
    "Encounter": _read_encounter,
    "Condition": _read_condition,
    "Procedure": _read_procedure,
    "Observation": read_observation,
    "DiagnosticReport": _read_diagnostic_report,
    "ImagingStudy": _read_imaging_study,
    "ServiceRequest": read_service_request,
    "MedicationRequest": read_medication_request,
    "DocumentReference": read_document_reference,
    "Specimen": read_specimen,
}
