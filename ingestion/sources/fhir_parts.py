"""Turns the parts that FHIR resources share (codes, references, times, notes) into columns of text."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from ingestion.sources import Row
from lakehouse.formats.encoding import decode
from lakehouse.formats.fhir import (
    Resource,
    find_text,
    first_coding,
    identifiers,
    items_of,
    period,
    reference_id,
    reference_identifier,
    text_of,
)


def joined(values: Iterable[str | None], separator: str = ";") -> str | None:
    """Return the values that are there as one, None when there are none."""
    return separator.join(value for value in values if value) or None


def code_columns(concept: Any, name: str, *, with_alternate: bool = False) -> Row:
    """Return code, system, name and text of a CodeableConcept (of a list the first), and if asked its second coding."""
    first = concept[0] if isinstance(concept, list) and concept else concept
    coding = first_coding(first)
    columns: Row = {
        f"{name}_code": coding.code,
        f"{name}_code_system": coding.system,
        f"{name}_name": coding.display,
        f"{name}_text": coding.text,
    }
    if with_alternate:
        others = items_of(first, "coding")[1:2]
        other = first_coding(others[0] if others else None)
        columns |= {
            f"{name}_alternate_code": other.code,
            f"{name}_alternate_code_system": other.system,
            f"{name}_alternate_name": other.display,
        }
    return columns


def subject_columns(resource: Resource) -> Row:
    """Return the patient that a resource is about."""
    subject = resource.get("subject")
    return {"patient_id": reference_id(subject), "patient_identifier": reference_identifier(subject)}


def context_columns(resource: Resource) -> Row:
    """Return the patient and the encounter that a resource is about."""
    return subject_columns(resource) | {"encounter_id": reference_id(resource.get("encounter"))}


def _references(references: Any) -> list[Any]:
    return references if isinstance(references, list) else [references]


def ids_of(references: Any) -> str | None:
    """Return the ids of one or several references."""
    return joined(reference_id(reference) for reference in _references(references))


def names_of(references: Any) -> str | None:
    """Return the words for one or several references to people or organisations, else their ids."""
    return joined(find_text(one, "display") or reference_id(one) for one in _references(references))


def start_and_end(resource: Resource, name: str) -> tuple[str | None, str | None]:
    """Return start and end of an element of type dateTime, instant or Period, whichever was sent."""
    found = period(resource.get(f"{name}Period") or resource.get(name))
    instant = find_text(resource, f"{name}DateTime") or find_text(resource, f"{name}Instant")
    return instant or found.start, found.end


def notes_of(resource: Any) -> str | None:
    """Return the texts of the annotations."""
    return joined((find_text(note, "text") for note in items_of(resource, "note")), "\n")


def typed_identifier(resource: Resource, *types: str) -> str | None:
    """Return the value of the first identifier with one of the type codes (HL7 table 0203)."""
    return next((one.value for one in identifiers(resource) if one.type_code in types), None)


def accession_of(resource: Resource) -> str | None:
    """Return the identifier of type ACSN (HL7 table 0203), of the resource or of what it is based on."""
    for reference in items_of(resource, "basedOn"):
        one = reference.get("identifier")
        if isinstance(one, dict) and first_coding(one.get("type")).code == "ACSN":
            return typed_identifier(resource, "ACSN") or find_text(one, "value")
    return typed_identifier(resource, "ACSN")


def first_identifier(resource: Resource) -> str | None:
    """Return the value of the first business identifier."""
    return next((one.value for one in identifiers(resource)), None)


def attached_text(attachment: dict[str, Any]) -> str | None:
    """Return the text of an attachment of a text type; markup stays in it."""
    data = find_text(attachment, "data")
    if data is None or not (find_text(attachment, "contentType") or "").lower().startswith("text/"):
        return None
    try:
        return text_of(decode(base64.b64decode(data))[0])
    except (binascii.Error, ValueError):
        return None
