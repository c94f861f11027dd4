"""How FHIR JSON is read into resources, and how the walkers bear what is absent or wrong."""

import collections
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.formats.fhir import (
    REASONS,
    Coding,
    Period,
    Quantity,
    Resource,
    ResourceError,
    find_text,
    first_coding,
    identifiers,
    iter_resources,
    period,
    quantity,
    reference_id,
    reference_identifier,
)
from tests.builders import fhir as make

PATIENT, OTHER = make.patient("p1"), make.patient("p2")


def read(data: bytes) -> tuple[list[Resource], list[tuple[int, str]]]:
    """Return the resources, and the refusals."""
    found: list[Resource] = []
    try:
        for one in iter_resources(data):
            found.append(one)
    except ResourceError as error:
        return found, list(error.refusals)
    return found, []


def ids(data: bytes) -> list[str]:
    """Return the ids of the resources."""
    return [one["id"] for one in read(data)[0]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(make.as_json(make.bundle(PATIENT, OTHER)), id="bundle"),
        pytest.param(make.as_json(make.bundle(make.bundle(PATIENT), make.bundle(OTHER))), id="bundles in a bundle"),
        pytest.param(make.as_ndjson(PATIENT, OTHER), id="ndjson"),
        pytest.param(make.as_ndjson(make.bundle(PATIENT), OTHER), id="ndjson of bundles"),
        pytest.param(make.as_ndjson(PATIENT, OTHER).replace(b"\n", b"\r\n\r\n"), id="ndjson with blank lines"),
        pytest.param(make.as_json([PATIENT, OTHER]), id="list"),
        pytest.param(b"\xef\xbb\xbf" + make.as_json(make.bundle(PATIENT, OTHER)), id="mark"),
        pytest.param(make.as_json(make.bundle(PATIENT, OTHER)).decode().encode("gb18030"), id="gb18030"),
        pytest.param(make.as_json(make.bundle(PATIENT, OTHER)).decode().encode("utf-16"), id="utf-16"),
    ],
)
def test_resources_are_found_in_any_wrapping(data: bytes) -> None:
    found, refusals = read(data)
    assert [(one["id"], one["name"][0]["text"]) for one in found] == [("p1", "王试甲CANARY"), ("p2", "王试甲CANARY")]
    assert refusals == []


@pytest.mark.parametrize(
    ("data", "found", "refusals"),
    [
        (b"", [], [(0, "empty_content")]),
        (b" \r\n", [], [(0, "empty_content")]),
        (b"<Patient/>", [], [(1, "not_json")]),
        (b'{"resourceType": "Patient", "id": "p1"', [], [(1, "not_json")]),
        (b'{"id": "p1"}', [], [(1, "no_resource_type")]),
        (b'"Patient"', [], [(1, "no_resource_type")]),
        (b"[" * 100_000, [], [(1, "too_deeply_nested")]),
        (make.as_ndjson(PATIENT) + b"broken\n" + make.as_ndjson(OTHER), ["p1", "p2"], [(2, "not_json")]),
        (b"broken\n" + make.as_ndjson(PATIENT, OTHER), ["p1", "p2"], [(1, "not_json")]),
        (make.as_ndjson(PATIENT) + b"{}\n[1]\n", ["p1"], [(2, "no_resource_type"), (3, "no_resource_type")]),
        (make.as_json(make.bundle(PATIENT, {}, OTHER)), ["p1", "p2"], [(2, "entry_not_a_resource")]),
        (
            b'{"resourceType": "Bundle", "entry": ["x", {"a": 1}]}',
            [],
            [(1, "entry_not_a_resource"), (2, "entry_not_a_resource")],
        ),
        (b'{"resourceType": "Bundle", "entry": {"resource": 1}}', [], []),
        (b'{"resourceType": "Bundle", "entry": [{"response": {"status": "201"}}]}', [], []),
    ],
)
def test_what_is_no_resource_is_counted_and_stops_nothing(
    data: bytes, found: list[str], refusals: list[tuple[int, str]]
) -> None:
    assert (ids(data), read(data)[1]) == (found, refusals)


@given(
    st.one_of(
        st.binary(max_size=100),
        st.text(alphabet='{}[]",:1\\ud \n"resourceType"Bundle"entry"', max_size=80).map(str.encode),
    )
)
def test_any_bytes_give_resources_or_reasons(data: bytes) -> None:
    _, refusals = read(data)
    assert {reason for _, reason in refusals} <= set(REASONS)


def test_half_a_character_becomes_visible_and_storable() -> None:
    found = read(b'{"resourceType": "Patient", "id": "p1", "name": [{"text": "\\ud83d \\ud83d\\ude00"}]}')[0]
    assert found[0]["name"][0]["text"] == "\ufffd 😀"


@pytest.mark.parametrize("written", ["0.10", "5.60", "1.0E-7", "12345678901234567890.12", "3"])
def test_numbers_keep_how_they_were_written(written: str) -> None:
    found = read(f'{{"resourceType": "Observation", "id": "o", "valueQuantity": {{"value": {written}}}}}'.encode())[0]
    amount = found[0]["valueQuantity"]
    assert quantity(amount).value == written
    assert amount["value"] == float(written)


def test_references_by_full_url_lead_to_the_own_id() -> None:
    condition = make.resource("Condition", "c1", subject=make.reference("urn:uuid:aaa"))
    data = make.as_json(make.bundle(PATIENT, condition, bundle_type="transaction", urls={0: "urn:uuid:aaa"}))
    assert read(data)[0][1]["subject"] == {"reference": "Patient/p1"}


def test_a_resource_without_id_takes_that_of_its_full_url() -> None:
    nameless = {"resourceType": "Patient"}
    data = make.as_json(make.bundle(nameless, nameless, urls={0: "urn:uuid:aaa", 1: "http://h/fhir/Patient/7"}))
    assert ids(data) == ["aaa", "7"]


def test_a_deletion_in_a_history_is_told() -> None:
    entry = {
        "request": {"method": "DELETE", "url": "Patient/p1"},
        "response": {"lastModified": "2024-03-05T08:00:00+08:00"},
    }
    found = read(make.as_json({"resourceType": "Bundle", "type": "history", "entry": [entry]}))[0]
    assert [(one["resourceType"], one["id"], one["deleted"]) for one in found] == [("Patient", "p1", True)]
    assert find_text(found[0], "meta", "lastUpdated") == "2024-03-05T08:00:00+08:00"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"reference": "Patient/1"}, "1"),
        ({"reference": "http://server/fhir/Patient/1"}, "1"),
        ({"reference": "https://server/fhir/Patient/1/_history/2"}, "1"),
        ({"reference": "urn:uuid:1-2"}, "1-2"),
        ({"reference": "urn:oid:1.2.3"}, "1.2.3"),
        ({"reference": "p1"}, "p1"),
        ([{"reference": "Patient/1"}, {"reference": "Patient/2"}], "1"),
        ({"reference": "#p1"}, None),
        ({"reference": "Patient?identifier=a|1"}, None),
        ({"display": "王"}, None),
        ({"reference": 5}, "5"),
        ({"reference": ["Patient/1"]}, "1"),
        ("Patient/1", None),
        (None, None),
    ],
)
def test_a_reference_gives_an_id(reference: Any, expected: str | None) -> None:
    assert reference_id(reference) == expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"identifier": {"system": "urn:zyh", "value": "007812"}}, "007812"),
        ({"reference": "Patient?identifier=urn:zyh|007812"}, "007812"),
        ({"reference": "Patient?name=a&identifier=5"}, "5"),
        ({"reference": "Patient/1"}, None),
        ({"identifier": "007812"}, None),
    ],
)
def test_a_logical_reference_gives_an_identifier(reference: Any, expected: str | None) -> None:
    assert reference_identifier(reference) == expected


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        (
            {"coding": [{"code": "A", "system": "s", "display": "d"}, {"code": "B"}], "text": "t"},
            Coding(code="A", system="s", display="d", text="t"),
        ),
        ({"coding": {"code": "A"}}, Coding(code="A")),
        ({"coding": ["A", {"code": "B"}]}, Coding(code="B")),
        ({"text": "t"}, Coding(text="t")),
        ([{"text": "t"}, {"coding": [{"code": "A"}]}], Coding(code="A")),
        ({"code": "AMB", "system": "s"}, Coding(code="AMB", system="s")),
        ({"coding": []}, Coding()),
        ("A", Coding()),
        (None, Coding()),
    ],
)
def test_the_first_coding_is_found(concept: Any, expected: Coding) -> None:
    assert first_coding(concept) == expected


def test_a_coding_can_be_asked_for_by_system() -> None:
    concept = {"coding": [{"code": "A", "system": "local"}, {"code": "B", "system": "http://loinc.org"}]}
    assert first_coding(concept, "http://loinc.org").code == "B"
    assert first_coding(concept, "other").code is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["coding", "code", "reference", "value", "identifier", "start", "type", "system", "text"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_walkers_bear_anything(node: Any) -> None:
    assert isinstance(first_coding(node), Coding)
    assert isinstance(quantity(node), Quantity)
    assert isinstance(period(node), Period)
    for text in (reference_id(node), reference_identifier(node), find_text(node, "value", "code")):
        assert text is None or isinstance(text, str)
    assert all(one.value for one in identifiers(node))


def test_every_shared_resource_is_read(shared: Path) -> None:
    counts: collections.Counter[str] = collections.Counter()
    with zipfile.ZipFile(shared / "data" / "fhir" / "synthea-r4" / "heldin.zip") as archive:
        for name in archive.namelist():
            counts.update(one["resourceType"] for one in iter_resources(archive.read(name)))
    assert (counts["Patient"], counts["Encounter"], counts["DiagnosticReport"], counts["ImagingStudy"]) == (
        23,
        415,
        136,
        13,
    )
    assert counts.total() == 4634
    examples = list((shared / "data" / "fhir" / "r4-examples").rglob("*.json"))
    assert sum(len(list(iter_resources(path.read_bytes()))) for path in examples) == 577
