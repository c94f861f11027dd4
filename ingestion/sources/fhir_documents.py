"""Turns FHIR DocumentReference and Specimen into rows, and takes the contained resources out of a resource."""

from collections.abc import Iterator

from ingestion.sources import Row
from ingestion.sources.fhir_parts import (
    attached_text,
    code_columns,
    first_identifier,
    ids_of,
    joined,
    names_of,
    notes_of,
    start_and_end,
    subject_columns,
)
from lakehouse.formats.fhir import Resource, find_text, first_coding, items_of, reference_id, rename_references, text_of

Rows = Iterator[tuple[str, Row]]


def read_document_reference(resource: Resource, head: Row) -> Rows:
    """Yield the row of one DocumentReference; attachments of a text type are decoded, their markup stays."""
    context = resource.get("context") if isinstance(resource.get("context"), dict) else {}
    attachments = [one for content in items_of(resource, "content") for one in items_of(content, "attachment")]
    first = attachments[0] if attachments else {}
    start, end = start_and_end(context or {}, "period")
    relations = items_of(resource, "relatesTo")
    yield (
        "document_reference",
        head
        | subject_columns(resource)
        | {
            "encounter_id": ids_of((context or {}).get("encounter")) or reference_id(resource.get("encounter")),
            "document_identifier": find_text(resource, "masterIdentifier", "value") or first_identifier(resource),
            "document_status": find_text(resource, "docStatus"),
        }
        | code_columns(resource.get("type"), "type")
        | code_columns(resource.get("category"), "category")
        | {
            "title": find_text(first, "title"),
            "description": find_text(resource, "description"),
            "authored_at": find_text(resource, "date"),
            "created_at": find_text(first, "creation"),
            "service_started_at": start,
            "service_ended_at": end,
            "authors": names_of(resource.get("author")),
            "authenticator": names_of(resource.get("authenticator")),
            "custodian": find_text(resource, "custodian", "display"),
            "content": joined((attached_text(one) for one in attachments), "\n"),
            "content_type": joined(find_text(one, "contentType") for one in attachments),
            "replaces_ids": ids_of([one.get("target") for one in relations if find_text(one, "code") == "replaces"]),
            "appends_ids": ids_of([one.get("target") for one in relations if find_text(one, "code") == "appends"]),
        },
    )


def read_specimen(resource: Resource, head: Row) -> Rows:
    """Yield the row of one Specimen."""
    collection = resource.get("collection") if isinstance(resource.get("collection"), dict) else {}
    start, end = start_and_end(collection or {}, "collected")
    yield (
        "specimen",
        head
        | subject_columns(resource)
        | {
            "specimen_identifier": first_identifier(resource),
            "accession_identifier": find_text(resource, "accessionIdentifier", "value"),
        }
        | code_columns(resource.get("type"), "type")
        | {
            "collected_at": start,
            "collected_end_at": end,
            "received_at": find_text(resource, "receivedTime"),
            "collector": names_of((collection or {}).get("collector")),
            "body_site": first_coding((collection or {}).get("bodySite")).name,
            "method": first_coding((collection or {}).get("method")).name,
            "condition": first_coding(resource.get("condition")).name,
            "request_ids": ids_of(resource.get("request")),
            "parent_ids": ids_of(resource.get("parent")),
            "note": notes_of(resource),
        },
    )


def take_contained(resource: Resource) -> list[Resource]:
    """Return the resources contained in one, as resources of their own, and let its references point to them.

    Their id is that of the outer resource, a dot and their own; patient and version are the outer one's where they have
    none themselves.
    """
    outer = text_of(resource.get("id"))
    parts: list[Resource] = []
    renamed: dict[str, str] = {}
    for part in items_of(resource, "contained"):
        own, kind = text_of(part.get("id")), text_of(part.get("resourceType"))
        if outer is None or own is None or kind is None or "contained" in part:
            continue
        name = f"{outer}.{own.lstrip('#')}"
        if f"#{own.lstrip('#')}" in renamed:
            continue
        renamed[f"#{own.lstrip('#')}"] = f"{kind}/{name}"
        inherited = {key: resource[key] for key in ("meta", "subject", "encounter") if key in resource}
        parts.append(inherited | part | {"id": name})
    if renamed:
        rename_references([resource, *parts], renamed)
    return parts
