"""Turns a FHIR Observation into rows: one for itself (component 0), one for each of its components."""

from collections.abc import Iterator
from typing import Any

from ingestion.sources import Row
from ingestion.sources.fhir_parts import (
    code_columns,
    context_columns,
    ids_of,
    joined,
    names_of,
    notes_of,
    start_and_end,
)
from lakehouse.formats.fhir import Resource, find_text, first_coding, identifiers, items_of, quantity

_PRIMITIVES = ("String", "Boolean", "Integer", "Time", "DateTime")


def read_observation(resource: Resource, head: Row) -> Iterator[tuple[str, Row]]:
    """Yield the rows of one Observation; a component takes times, patient and status from it."""
    start, end = start_and_end(resource, "effective")
    shared = (
        head
        | context_columns(resource)
        | {
            "observation_identifier": next((one.value for one in identifiers(resource)), None),
            "based_on_ids": ids_of(resource.get("basedOn")),
            "part_of_ids": ids_of(resource.get("partOf")),
            "member_ids": ids_of(resource.get("hasMember")),
            "derived_from_ids": ids_of(resource.get("derivedFrom")),
            "specimen_ids": ids_of(resource.get("specimen")),
            "specimen_name": find_text(resource, "specimen", "display"),
            "device": find_text(resource, "device", "display"),
            "observed_at": start,
            "observed_end_at": end,
            "issued_at": find_text(resource, "issued"),
            "performers": names_of(resource.get("performer")),
            "body_site": first_coding(resource.get("bodySite")).name,
            "method": first_coding(resource.get("method")).name,
            "note": notes_of(resource),
        }
        | code_columns(resource.get("category"), "category")
    )
    panel = first_coding(resource.get("code"))
    yield "observation", shared | {"component_number": "0", "panel_code": None} | _measured(resource)
    for number, component in enumerate(items_of(resource, "component"), start=1):
        yield "observation", shared | {"component_number": str(number), "panel_code": panel.code} | _measured(component)


def _measured(node: dict[str, Any]) -> Row:
    """Return what was observed and its value, for an Observation or a component of one."""
    ranges = items_of(node, "referenceRange")
    low, high = (quantity(ranges[0].get(side) if ranges else None).value for side in ("low", "high"))
    return (
        code_columns(node.get("code"), "observation", with_alternate=True)
        | _value_columns(node)
        | {
            "reference_low": low,
            "reference_high": high,
            "reference_text": joined((find_text(one, "text") for one in ranges), "\n"),
            "interpretation": first_coding(node.get("interpretation")).code
            or first_coding(node.get("interpretation")).text,
            "absent_reason": first_coding(node.get("dataAbsentReason")).code,
        }
    )


def _value_columns(node: dict[str, Any]) -> Row:
    """Return value[x] as text: numbers with their unit beside them, ranges as `low-high`, ratios as `a:b`."""
    row: Row = dict.fromkeys(
        ("value_type", "value", "value_comparator", "value_code", "value_code_system", "units", "unit_code")
    )
    kind = next((name[5:] for name in node if name.startswith("value") and name[5:6].isupper()), None)
    if kind is None:
        return row
    sent = node[f"value{kind}"]
    row["value_type"] = kind
    if kind == "Quantity":
        amount = quantity(sent)
        row |= {"value": amount.value, "value_comparator": amount.comparator, "units": amount.unit or amount.code}
        row["unit_code"] = amount.code
    elif kind == "CodeableConcept":
        coding = first_coding(sent)
        row |= {"value": coding.name or coding.code, "value_code": coding.code, "value_code_system": coding.system}
    elif kind in _PRIMITIVES:
        row["value"] = find_text(node, f"value{kind}")
    elif kind in ("Range", "Ratio"):
        first, second = ("low", "high") if kind == "Range" else ("numerator", "denominator")
        parts = [quantity(sent.get(side) if isinstance(sent, dict) else None) for side in (first, second)]
        if any(part.value for part in parts):
            row["value"] = ("-" if kind == "Range" else ":").join(part.value or "" for part in parts)
        units = [part.unit or part.code for part in parts]
        row["units"] = (units[0] or units[1]) if kind == "Range" else joined(units, "/")
    elif kind == "Period":
        row["value"] = joined((find_text(sent, "start"), find_text(sent, "end")), "/")
    elif kind == "SampledData":
        row |= {"value": find_text(sent, "data"), "units": find_text(sent, "origin", "unit")}
    return row
