"""Turns FHIR requests into rows: ServiceRequest and MedicationRequest."""

from collections.abc import Iterator
from typing import Any

from ingestion.sources import Row
from ingestion.sources.fhir_parts import (
    accession_of,
    code_columns,
    context_columns,
    first_identifier,
    ids_of,
    joined,
    names_of,
    notes_of,
    start_and_end,
    typed_identifier,
)
from lakehouse.formats.fhir import Resource, find_text, first_coding, items_of, quantity, reference_id

Rows = Iterator[tuple[str, Row]]


def read_service_request(resource: Resource, head: Row) -> Rows:
    """Yield the row of one ServiceRequest."""
    start, end = start_and_end(resource, "occurrence")
    yield (
        "service_request",
        head
        | context_columns(resource)
        | {
            "request_identifier": first_identifier(resource),
            "placer_order_id": typed_identifier(resource, "PLAC"),
            "filler_order_id": typed_identifier(resource, "FILL"),
            "accession_number": accession_of(resource),
            "requisition_id": find_text(resource, "requisition", "value"),
            "based_on_ids": ids_of(resource.get("basedOn")),
            "replaces_ids": ids_of(resource.get("replaces")),
            "intent": find_text(resource, "intent"),
            "priority": find_text(resource, "priority"),
        }
        | code_columns(resource.get("category"), "category")
        | code_columns(resource.get("code"), "service", with_alternate=True)
        | {
            "order_detail": first_coding(resource.get("orderDetail")).name,
            "body_site": first_coding(resource.get("bodySite")).name,
            "authored_at": find_text(resource, "authoredOn"),
            "scheduled_at": start,
            "scheduled_end_at": end,
            "requester": names_of(resource.get("requester")),
            "performers": names_of(resource.get("performer")),
        }
        | code_columns(resource.get("reasonCode"), "reason")
        | {"reason_condition_ids": ids_of(resource.get("reasonReference")), "note": notes_of(resource)},
    )


def read_medication_request(resource: Resource, head: Row) -> Rows:
    """Yield the row of one MedicationRequest; of several dosage instructions the first, their texts a line each."""
    dosages = items_of(resource, "dosageInstruction")
    dosage = dosages[0] if dosages else {}
    timing = dosage.get("timing")
    frequency = first_coding(timing.get("code") if isinstance(timing, dict) else None)
    repeat = _repeat(timing)
    start, end = start_and_end(repeat, "bounds")
    dose = quantity(_dose(dosage))
    medication = resource.get("medicationCodeableConcept") or _contained_medication(resource)
    yield (
        "medication_request",
        head
        | context_columns(resource)
        | {
            "request_identifier": first_identifier(resource),
            "placer_order_id": typed_identifier(resource, "PLAC"),
            "group_identifier": find_text(resource, "groupIdentifier", "value"),
            "based_on_ids": ids_of(resource.get("basedOn")),
            "prior_prescription_id": reference_id(resource.get("priorPrescription")),
            "intent": find_text(resource, "intent"),
            "priority": find_text(resource, "priority"),
        }
        | code_columns(resource.get("category"), "category")
        | code_columns(medication, "medication", with_alternate=True)
        | {
            "medication_id": reference_id(resource.get("medicationReference")),
            "medication_reference_name": find_text(resource, "medicationReference", "display"),
            "authored_at": find_text(resource, "authoredOn"),
            "started_at": start,
            "ended_at": end,
            "dose_value": dose.value,
            "dose_unit": dose.unit or dose.code,
            "frequency_code": frequency.code,
            "frequency_name": frequency.name,
            "frequency": find_text(repeat, "frequency"),
            "frequency_period": find_text(repeat, "period"),
            "frequency_period_unit": find_text(repeat, "periodUnit"),
        }
        | code_columns(dosage.get("route"), "route")
        | {
            "as_needed": find_text(dosage, "asNeededBoolean"),
            "dosage_text": joined((find_text(one, "text") for one in dosages), "\n"),
            "requester": names_of(resource.get("requester")),
        }
        | code_columns(resource.get("reasonCode"), "reason")
        | {"note": notes_of(resource)},
    )


def _repeat(timing: Any) -> Resource:
    repeat = timing.get("repeat") if isinstance(timing, dict) else None
    return repeat if isinstance(repeat, dict) else {}


def _dose(dosage: dict[str, Any]) -> Any:
    rates = items_of(dosage, "doseAndRate")
    return rates[0].get("doseQuantity") if rates else dosage.get("doseQuantity")


def _contained_medication(resource: Resource) -> Any:
    """Return the code of the Medication that is contained, where there is one only."""
    medications = [one for one in items_of(resource, "contained") if one.get("resourceType") == "Medication"]
    return medications[0].get("code") if len(medications) == 1 else None
