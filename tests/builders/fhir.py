"""Makes FHIR R4 resources and Bundles; names, ids and texts that identify are marked CANARY."""

import json
from typing import Any

Resource = dict[str, Any]


def resource(resource_type: str, resource_id: str, **elements: Any) -> Resource:
    """Return a resource; elements take FHIR's names, `class_` stands for class."""
    return {"resourceType": resource_type, "id": resource_id} | {
        name.rstrip("_"): value for name, value in elements.items()
    }


def patient(resource_id: str = "p1", **elements: Any) -> Resource:
    """Return a Patient with a local number and a citizen number of the area code that belongs to nobody."""
    return resource(
        "Patient",
        resource_id,
        **{
            "identifier": [
                {"system": "urn:hospital:zyh", "value": "CANARY-007812"},
                {"type": {"text": "居民身份证"}, "value": "110199196001020018"},
            ],
            "name": [{"use": "official", "text": "王试甲CANARY"}],
            "gender": "male",
            "birthDate": "1960-01-02",
        }
        | elements,
    )


def codeable(code: str, system: str | None = None, display: str | None = None, text: str | None = None) -> Resource:
    """Return a CodeableConcept with one coding."""
    coding = {name: value for name, value in (("system", system), ("code", code), ("display", display)) if value}
    return {"coding": [coding]} | ({"text": text} if text else {})


def reference(target: str) -> Resource:
    """Return a Reference."""
    return {"reference": target}


def bundle(*resources: Resource, bundle_type: str = "collection", urls: dict[int, str] | None = None) -> Resource:
    """Return a Bundle; `urls` gives the fullUrl of entries by their position from 0."""
    entries = [
        {"resource": one} | ({"fullUrl": urls[number]} if urls and number in urls else {})
        for number, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": bundle_type, "entry": entries}


def as_json(content: Any) -> bytes:
    """Return content as JSON."""
    return json.dumps(content, ensure_ascii=False).encode()


def as_ndjson(*resources: Resource) -> bytes:
    """Return resources as NDJSON."""
    return b"\n".join(json.dumps(one, ensure_ascii=False).encode() for one in resources) + b"\n"
