"""Makes measurements of the items of one finding: numbers, ratings and texts, each with its concept and unit.

Whatever is not known keeps its own codes and is `unmapped`; only persons' names are left behind.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ai_backfill.concepts import (
    NO_MATCH,
    answers_of,
    convert,
    find_concept,
    find_quantity,
    find_unit,
    unit_of,
)
from ai_backfill.readers.content import Item, parse_number
from ai_backfill.readers.groups import role_of
from ai_backfill.result import AiMeasurement, Code, Reference

_TAKEN_ELSEWHERE = frozenset(
    (
        "tracking_identifier",
        "tracking_uid",
        "finding",
        "finding_site",
        "laterality",
        "site_modifier",
        "derivation",
        "measurement_method",
        "algorithm_name",
        "algorithm_version",
        "observer_type",
        "person_observer_name",
        "device_uid",
        "device_name",
        "device_manufacturer",
        "device_model",
        "single_image_finding",
        "composite_feature",
    )
)
_WITHOUT_VALUE = frozenset(("CONTAINER", "IMAGE", "COMPOSITE", "WAVEFORM", "PNAME", "TCOORD", ""))
_NUMBER_WITH_UNIT = re.compile(r"\s*[<>≤≥~约]?\s*([+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)\s*(\S.*?)?\s*")
_TWO_DIAMETERS = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z毫厘米]*)\s*[x×*X]\s*(\d+(?:\.\d+)?)\s*([a-z毫厘米]*)\s*")
_UNIT_IN_NAME = re.compile(r"[(\[（]\s*([^()\[\]（）]+?)\s*[)\]）]")


def read_measurements(members: Sequence[Item], by_path: dict[tuple[int, ...], Item]) -> tuple[AiMeasurement, ...]:
    """Return the measurements of a finding in the order in which its members come."""
    measurements: list[AiMeasurement] = []
    for item in members:
        number = len(measurements) + 1
        if item.value_type == "NUM":
            measurements.append(_number(item, number, by_path, None))
            properties = [below for below in item.below() if below.value_type == "NUM"]
            measurements.extend(
                _number(below, nth, by_path, number) for nth, below in enumerate(properties, start=number + 1)
            )
        elif item.value_type not in _WITHOUT_VALUE and role_of(item) not in _TAKEN_ELSEWHERE:
            measurements.extend(_two_diameters(item, number, by_path) or [_other(item, number, by_path)])
    return tuple(measurements)


def _number(item: Item, number: int, by_path: dict[tuple[int, ...], Item], parent: int | None) -> AiMeasurement:
    modifiers = {role_of(child): child.code for child in item.children if child.value_type == "CODE"}
    derivation_source = modifiers.get("derivation")
    derivation = find_concept("derivations", derivation_source).concept
    match = find_quantity(item.name, derivation or ("other" if derivation_source else None))
    return AiMeasurement(
        measurement_number=number,
        value_type="NUM",
        concept=match.concept,
        concept_mapping_status=match.status,
        source=item.name or Code(),
        derivation=derivation,
        derivation_source=derivation_source,
        method_source=modifiers.get("measurement_method"),
        value=item.number,
        value_text=item.number_text,
        unit_source=item.units,
        qualifier=item.qualifier,
        references=_references(item, by_path),
        parent_number=parent,
        **_in_canonical_unit(item.number, item.units, item.name, match.concept),
    )


def _other(item: Item, number: int, by_path: dict[tuple[int, ...], Item]) -> AiMeasurement:
    match = find_quantity(item.name, None) if item.value_type in ("CODE", "TEXT") else NO_MATCH
    text = item.text
    value, units, canonical = None, None, {}
    if item.value_type == "TEXT" and unit_of(match.concept) and (found := _NUMBER_WITH_UNIT.fullmatch(text or "")):
        # a Basic Text SR has no numbers but those in its texts
        value = parse_number(found[1])
        units = Code(value=found[2]) if found[2] else None
        canonical = _in_canonical_unit(value, units, item.name, match.concept)
    kind = answers_of(match.concept)
    return AiMeasurement(
        measurement_number=number,
        value_type=item.value_type,
        concept=match.concept,
        concept_mapping_status=match.status,
        source=item.name or Code(),
        value=value,
        value_text=text,
        value_code=item.code,
        value_concept=find_concept(kind, item.code, text).concept if kind else None,
        unit_source=units,
        references=_references(item, by_path),
        **canonical,
    )


def _two_diameters(item: Item, number: int, by_path: dict[tuple[int, ...], Item]) -> list[AiMeasurement]:
    """Return the long and the short axis of a size that is written as one text, such as 12x8mm."""
    found = _TWO_DIAMETERS.fullmatch(item.text or "") if item.value_type == "TEXT" else None
    if found is None or find_quantity(item.name, None).concept not in ("diameter", "long_axis"):
        return []
    whole = _other(item, number, by_path)
    values = sorted((parse_number(found[1]) or 0.0, parse_number(found[3]) or 0.0), reverse=True)
    units = Code(value=found[4] or found[2]) if found[4] or found[2] else None
    return [
        replace(
            whole,
            measurement_number=number + nth,
            concept=concept,
            value=value,
            unit_source=units,
            **_in_canonical_unit(value, units, item.name, concept),
        )
        for nth, (concept, value) in enumerate(zip(("long_axis", "short_axis"), values, strict=True))
    ]


def _in_canonical_unit(
    value: float | None, units: Code | None, name: Code | None, concept: str | None
) -> dict[str, Any]:
    """Return the unit, how it was found, and the value in the unit of its concept.

    Without a unit only a number of the unit 1 has a meaning; nothing else is guessed.
    """
    target = unit_of(concept)
    known, status = None, "missing"
    if units is not None:
        known = find_unit(units.value) or find_unit(units.meaning)
        status = "coded" if known else "unknown"
    if known is None:
        in_name = _UNIT_IN_NAME.findall((name and name.meaning) or "") + _words((name and name.meaning) or "")[-1:]
        known = next((unit for text in in_name if (unit := find_unit(text))), None)
        status = "from_name" if known else status
    if known is None and target == "1" and units is None:
        known, status = find_unit("1"), "assumed"
    canonical = convert(value, known[0], target) if known and target and value is not None else None
    if known and target and value is not None and canonical is None:
        status = "mismatch"
    return {
        "unit": known[0] if known else None,
        "unit_status": status,
        "canonical_value": canonical,
        "canonical_unit": target if canonical is not None else None,
    }


def _words(name: str) -> list[str]:
    words = re.split(r"[\s_]+", name.strip())
    return words if len(words) > 1 else []


def _references(item: Item, by_path: dict[tuple[int, ...], Item]) -> tuple[Reference, ...]:
    found: list[Reference] = []
    for below in (item, *item.below()):
        found.extend(below.references)
        if below.target in by_path:
            found.extend(by_path[below.target].references)
    return tuple(found)
