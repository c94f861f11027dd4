"""Codes, names and units of vendors become our concepts; what is not known stays unknown."""

import pytest
from pydicom.sr._snomed_dict import mapping as snomed_pairs

from ai_backfill.concepts import (
    BY_NAME,
    MAPPED,
    UNMAPPED,
    Match,
    convert,
    find_concept,
    find_quantity,
    find_unit,
    read_table,
    unit_of,
)
from ai_backfill.result import Code

CODED_KINDS = ("roles", "findings", "sites", "sides", "derivations", "quantities", "nodule_types")


def code(value: str, system: str, meaning: str = "") -> Code:
    return Code(value=value, system=system, meaning=meaning)


@pytest.mark.parametrize(
    ("kind", "given", "concept", "status"),
    [
        ("quantities", code("118565006", "SCT"), "volume", MAPPED),
        ("quantities", code("G-D705", "SRT"), "volume", MAPPED),
        ("quantities", code("g-d705", "99SDM"), "volume", MAPPED),
        ("quantities", code("RID28668", "RADLEX"), "volume", MAPPED),
        ("quantities", code("118565006", "99VENDOR"), None, UNMAPPED),
        ("quantities", code("X1", "99VENDOR", "Volume"), "volume", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "NoduleVolume_mm3"), "volume", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "Lung Volume"), "lung_volume", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "Lung nodule volume"), "volume", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "Tumour blood volume"), None, UNMAPPED),
        ("quantities", code("X1", "99VENDOR", "结节最大径"), "long_axis", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "病灶平均ＣＴ值"), "mean_attenuation", BY_NAME),
        ("quantities", code("X1", "99VENDOR", "恶性概率"), "malignancy", BY_NAME),
        ("findings", code("M-03010", "SRT"), "nodule", MAPPED),
        ("findings", code("N", "99V", "Pulmonary Nodule"), "nodule", BY_NAME),
        ("findings", code("N", "99V", "Nodule (disorder)"), "nodule", BY_NAME),
        ("findings", code("N", "99V", "磨玻璃结节"), "ground_glass_nodule", BY_NAME),
        ("findings", code("N", "99V", "No nodule"), None, UNMAPPED),
        ("findings", code("N", "99V", "Thyroid nodule"), None, UNMAPPED),
        ("roles", code("112039", "DCM", "anything"), "tracking_identifier", MAPPED),
        ("roles", code("1", "99V", "病灶编号"), "tracking_identifier", BY_NAME),
    ],
)
def test_a_concept_is_found_by_code_and_scheme_and_else_by_name(
    kind: str, given: Code, concept: str | None, status: str
) -> None:
    assert find_concept(kind, given) == Match(concept=concept, status=status)


@pytest.mark.parametrize(
    ("meaning", "derivation", "concept"),
    [
        ("Diameter", None, "diameter"),
        ("Diameter", "mean", "mean_diameter"),
        ("Diameter", "maximum", "long_axis"),
        ("Diameter", "standard_deviation", None),
        ("Diameter", "other", None),
        ("Attenuation Coefficient", None, "mean_attenuation"),
        ("Attenuation Coefficient", "minimum", "minimum_attenuation"),
        ("Volume", "total", "volume"),
        ("Volume", "median", None),
    ],
)
def test_a_derivation_changes_what_is_measured(meaning: str, derivation: str | None, concept: str | None) -> None:
    assert find_quantity(Code(meaning=meaning), derivation).concept == concept


@pytest.mark.parametrize(
    ("value", "unit", "target", "expected"),
    [
        (1.2, "cm", "mm", 12.0),
        (0.5, "ml", "mm3", 500.0),
        (0.5, "mL", "mm3", 500.0),
        (0.7, "cm3", "mm3", 700.0),
        (12.0, "毫米", "mm", 12.0),
        (73.0, "%", "1", 0.73),
        (0.25, "1", "%", 25.0),
        (-600.0, "HU", "[hnsf'U]", -600.0),
        (3.0, "mm", "mm3", None),
        (3.0, "furlong", "mm", None),
    ],
)
def test_a_value_is_converted_within_its_dimension_only(
    value: float, unit: str, target: str, expected: float | None
) -> None:
    assert convert(value, unit, target) == expected


def test_every_quantity_with_a_unit_has_a_known_one() -> None:
    assert [name for name in read_table()["quantities"] if unit_of(name) and not find_unit(unit_of(name))] == []


def test_no_code_stands_for_two_concepts_of_one_kind() -> None:
    for kind in CODED_KINDS:
        given = [code for entry in read_table()[kind].values() for code in entry.get("codes", ())]
        assert sorted(given) == sorted(set(given)), kind


def test_srt_and_sct_codes_of_one_meaning_stand_for_one_concept() -> None:
    for kind in CODED_KINDS:
        concept_of = {c: name for name, entry in read_table()[kind].items() for c in entry.get("codes", ())}
        for given, concept in concept_of.items():
            system, value = given.split(" ", 1)
            twin = snomed_pairs["SCT"].get(value) if system == "SCT" else None
            if twin:
                assert concept_of.get(f"SRT {twin}", concept) == concept, given
