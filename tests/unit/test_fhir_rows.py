"""What a FHIR resource says, as rows of raw_fhir."""

import base64
import collections
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.sources import Row
from ingestion.sources.fhir import rows_of_resource
from lakehouse.contract import read_contract
from lakehouse.formats.fhir import Resource, iter_resources
from tests.builders import fhir as make

PATIENT, VISIT = make.reference("Patient/p1"), make.reference("Encounter/e1")
RESOURCE_TYPES = [
    "Patient",
    "Encounter",
    "Condition",
    "Procedure",
    "Observation",
    "DiagnosticReport",
    "ImagingStudy",
    "ServiceRequest",
]


def rows(resource: Resource, table: str) -> list[Row]:
    """Return the rows of one table, after the way through JSON."""
    return [
        row for one in iter_resources(make.as_json(resource)) for name, row in rows_of_resource(one) if name == table
    ]


def picked(row: Row, *names: str) -> tuple[str | None, ...]:
    """Return some values of a row."""
    return tuple(row[name] for name in names)


@pytest.mark.parametrize("resource_type", ["Medication", "Bundle", "OperationOutcome", "nonsense"])
def test_other_resources_give_no_rows(resource_type: str) -> None:
    assert list(rows_of_resource(make.resource(resource_type, "x"))) == []


def test_version_and_time_of_the_resource_are_kept() -> None:
    meta = {"versionId": "3", "lastUpdated": "2024-03-05T08:03:00+08:00"}
    row = rows(make.resource("Condition", "c1", meta=meta, subject=PATIENT), "condition")[0]
    assert picked(row, "resource_id", "version_id", "last_updated", "patient_id", "is_deleted") == (
        "c1",
        "3",
        "2024-03-05T08:03:00+08:00",
        "p1",
        "false",
    )


def test_a_deletion_gives_a_row_that_says_so() -> None:
    entry = {"request": {"method": "DELETE", "url": "DiagnosticReport/d1"}}
    row = rows({"resourceType": "Bundle", "type": "history", "entry": [entry]}, "diagnostic_report")[0]
    assert picked(row, "resource_id", "is_deleted", "status") == ("d1", "true", None)


def test_a_citizen_number_goes_to_its_own_column_only() -> None:
    patient = make.patient(telecom=[{"system": "phone", "value": "139"}, {"system": "email", "value": "a@b"}])
    row = rows(patient, "patient")[0]
    assert picked(row, "patient_name", "sex", "birth_date", "citizen_id", "phone") == (
        "王试甲CANARY",
        "male",
        "1960-01-02",
        "110199196001020018",
        "139",
    )
    assert [
        picked(one, "identifier_number", "identifier", "identifier_system")
        for one in rows(patient, "patient_identifier")
    ] == [("1", "CANARY-007812", "urn:hospital:zyh")]


@pytest.mark.parametrize(
    "identifier",
    [
        {"system": "urn:oid:2.16.156.10011.1.3", "value": "1"},
        {"system": "http://hospital/id-card", "value": "1"},
        {"type": {"coding": [{"code": "NI"}]}, "value": "1"},
        {"system": "urn:x", "value": "11019919600102001x"},
    ],
)
def test_citizen_numbers_are_known_by_system_type_or_shape(identifier: dict[str, Any]) -> None:
    patient = make.patient(identifier=[identifier])
    assert rows(patient, "patient")[0]["citizen_id"] == identifier["value"]
    assert rows(patient, "patient_identifier") == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([{"family": "王", "given": ["试", "甲"]}], ("王 试 甲", "王", "试 甲")),
        ([{"use": "old", "text": "李"}, {"text": "王"}], ("王", None, None)),
        ([{"text": "王"}, {"use": "official", "text": "张"}], ("张", None, None)),
        ([{"use": "maiden", "text": "李"}], ("李", None, None)),
        (None, (None, None, None)),
    ],
)
def test_the_name_in_use_is_taken(names: Any, expected: tuple[str | None, ...]) -> None:
    assert picked(rows(make.patient(name=names), "patient")[0], "patient_name", "family_name", "given_name") == expected


def test_a_merged_patient_names_the_one_that_stays() -> None:
    patient = make.patient(active=False, link=[{"other": make.reference("Patient/p9"), "type": "replaced-by"}])
    assert picked(rows(patient, "patient")[0], "status", "replaced_by_id") == ("false", "p9")


def test_an_encounter_gives_its_diagnoses_with_their_roles() -> None:
    encounter = make.resource(
        "Encounter",
        "e1",
        status="finished",
        class_={"code": "IMP", "display": "inpatient"},
        subject={"identifier": {"value": "007812"}},
        identifier=[{"system": "urn:jzlsh", "value": "V1"}],
        period={"start": "2024-03-01", "end": "2024-03-05T10:00:00+08:00"},
        serviceProvider={"display": "呼吸科"},
        hospitalization={"dischargeDisposition": {"text": "医嘱离院"}},
        diagnosis=[{"condition": make.reference("Condition/c1"), "use": make.codeable("DD"), "rank": 1}],
    )
    row = rows(encounter, "encounter")[0]
    assert picked(row, "visit_id", "class_code", "patient_id", "patient_identifier", "department") == (
        "V1",
        "IMP",
        None,
        "007812",
        "呼吸科",
    )
    assert picked(row, "started_at", "ended_at", "discharge_disposition_name") == (
        "2024-03-01",
        "2024-03-05T10:00:00+08:00",
        "医嘱离院",
    )
    assert [
        picked(one, "diagnosis_number", "condition_id", "use_code", "rank")
        for one in rows(encounter, "encounter_diagnosis")
    ] == [("1", "c1", "DD", "1")]


def test_a_condition_entered_in_error_says_so_in_its_status() -> None:
    condition = make.resource(
        "Condition",
        "c1",
        clinicalStatus=make.codeable("active"),
        verificationStatus=make.codeable("entered-in-error"),
        code={
            "coding": [{"code": "J18.9", "system": "urn:icd10", "display": "肺炎"}, {"code": "233604007"}],
            "text": "肺部感染",
        },
        encounter=VISIT,
        onsetAge={"value": 65, "unit": "岁"},
    )
    row = rows(condition, "condition")[0]
    assert picked(row, "status", "clinical_status", "encounter_id", "onset_text") == (
        "entered-in-error",
        "active",
        "e1",
        "65 岁",
    )
    assert picked(row, "condition_code", "condition_name", "condition_text", "condition_alternate_code") == (
        "J18.9",
        "肺炎",
        "肺部感染",
        "233604007",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"valueQuantity": {"value": 5.6, "comparator": "<", "unit": "mmol/L", "code": "mmol/L"}},
            ("Quantity", "5.6", "<", None, "mmol/L"),
        ),
        ({"valueCodeableConcept": make.codeable("POS", "s", "阳性")}, ("CodeableConcept", "阳性", None, "POS", None)),
        ({"valueCodeableConcept": {"text": "弱阳性"}}, ("CodeableConcept", "弱阳性", None, None, None)),
        ({"valueString": "见报告"}, ("String", "见报告", None, None, None)),
        ({"valueBoolean": False}, ("Boolean", "false", None, None, None)),
        ({"valueInteger": 0}, ("Integer", "0", None, None, None)),
        ({"valueRange": {"low": {"value": 3, "unit": "mm"}, "high": {"value": 5}}}, ("Range", "3-5", None, None, "mm")),
        (
            {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 320}}},
            ("Ratio", "1:320", None, None, None),
        ),
        (
            {"valuePeriod": {"start": "2024-01-01", "end": "2024-01-02"}},
            ("Period", "2024-01-01/2024-01-02", None, None, None),
        ),
        ({"valueQuantity": "5.6"}, ("Quantity", None, None, None, None)),
        ({}, (None, None, None, None, None)),
    ],
)
def test_every_type_of_value_is_read(value: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    row = rows(make.resource("Observation", "o1", **value), "observation")[0]
    assert picked(row, "value_type", "value", "value_comparator", "value_code", "units") == expected


def test_components_are_rows_of_their_own() -> None:
    observation = make.resource(
        "Observation",
        "o1",
        status="final",
        code=make.codeable("85354-9", "http://loinc.org"),
        effectiveDateTime="2024-03-05",
        component=[
            {
                "code": make.codeable("8480-6"),
                "valueQuantity": {"value": 120},
                "referenceRange": [{"high": {"value": 139}}],
            },
            {"code": make.codeable("8462-4"), "dataAbsentReason": make.codeable("unknown")},
        ],
    )
    names = (
        "component_number",
        "panel_code",
        "observation_code",
        "value",
        "reference_high",
        "absent_reason",
        "observed_at",
    )
    assert [picked(row, *names) for row in rows(observation, "observation")] == [
        ("0", None, "85354-9", None, None, None, "2024-03-05"),
        ("1", "85354-9", "8480-6", "120", "139", None, "2024-03-05"),
        ("2", "85354-9", "8462-4", None, None, "unknown", "2024-03-05"),
    ]


def test_a_report_has_its_text_links_and_accession_number() -> None:
    report = make.resource(
        "DiagnosticReport",
        "d1",
        status="amended",
        subject=PATIENT,
        identifier=[{"value": "R1"}, {"type": make.codeable("ACSN"), "value": "ACC1"}],
        code=make.codeable("CT01", display="胸部CT平扫"),
        effectivePeriod={"start": "2024-03-05T08:00:00+08:00"},
        result=[make.reference("Observation/o1"), make.reference("Observation/o2")],
        imagingStudy=[make.reference("ImagingStudy/i1")],
        resultsInterpreter=[{"display": "李医生"}],
        conclusion="肺炎",
        presentedForm=[
            {"contentType": "text/plain", "data": base64.b64encode("检查所见：两肺".encode("gb18030")).decode()},
            {"contentType": "application/pdf", "data": "JVBERi0="},
        ],
        text={"div": "<div>王<b>试</b></div>"},
    )
    row = rows(report, "diagnostic_report")[0]
    assert picked(row, "status", "report_identifier", "accession_number", "observation_ids", "imaging_study_ids") == (
        "amended",
        "R1",
        "ACC1",
        "o1;o2",
        "i1",
    )
    assert picked(row, "conclusion", "presented_text", "presented_type", "observed_at", "results_interpreters") == (
        "肺炎",
        "检查所见：两肺",
        "text/plain;application/pdf",
        "2024-03-05T08:00:00+08:00",
        "李医生",
    )
    assert row["narrative_text"] == "王 试"


@pytest.mark.parametrize(
    ("identifier", "uid", "accession"),
    [
        ([{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}, {"value": "ACC1"}], "1.2.3", "ACC1"),
        ([{"system": "urn:dicom:uid", "value": "1.2.3"}], "1.2.3", None),
        ([{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}], "1.2.3", None),
        ([{"value": "X"}, {"type": make.codeable("ACSN"), "system": "urn:h:acc", "value": "ACC1"}], None, "ACC1"),
        ([], None, None),
    ],
)
def test_a_study_has_uid_and_accession_number(identifier: list[Any], uid: str | None, accession: str | None) -> None:
    series = [{"modality": {"code": "CT"}}, {"modality": {"code": "CT"}}, {"modality": {"code": "SR"}}]
    study = make.resource("ImagingStudy", "i1", identifier=identifier, series=series, numberOfSeries=3)
    row = rows(study, "imaging_study")[0]
    assert picked(row, "study_instance_uid", "accession_number", "modality", "series_count") == (
        uid,
        accession,
        "CT;SR",
        "3",
    )


def test_a_request_has_the_numbers_of_both_sides() -> None:
    request = make.resource(
        "ServiceRequest",
        "s1",
        identifier=[{"type": make.codeable("PLAC"), "value": "PL1"}, {"type": make.codeable("FILL"), "value": "FI1"}],
        code=make.codeable("CT01"),
        reasonCode=[{"text": "发热"}],
        occurrencePeriod={"start": "2024-03-06", "end": "2024-03-07"},
    )
    row = rows(request, "service_request")[0]
    assert picked(row, "placer_order_id", "filler_order_id", "reason_text", "scheduled_at", "scheduled_end_at") == (
        "PL1",
        "FI1",
        "发热",
        "2024-03-06",
        "2024-03-07",
    )


ELEMENTS = [
    "identifier",
    "name",
    "telecom",
    "address",
    "link",
    "meta",
    "subject",
    "encounter",
    "period",
    "class",
    "type",
    "hospitalization",
    "diagnosis",
    "code",
    "category",
    "clinicalStatus",
    "onsetAge",
    "performer",
    "component",
    "valueQuantity",
    "valueRange",
    "valueCodeableConcept",
    "referenceRange",
    "note",
    "result",
    "presentedForm",
    "conclusionCode",
    "series",
    "modality",
    "procedureCode",
    "requisition",
    "reasonCode",
    "basedOn",
    "text",
    "status",
    "id",
    "data",
    "contentType",
    "coding",
    "value",
    "reference",
    "extension",
    "deleted",
    "participant",
    "location",
]
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "text/plain", "é=", "1.2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS), inner, max_size=5),
    max_leaves=15,
)


@given(st.sampled_from(RESOURCE_TYPES), st.dictionaries(st.sampled_from(ELEMENTS), anything, max_size=8))
def test_any_content_gives_rows_of_the_contract(resource_type: str, elements: dict[str, Any]) -> None:
    contract = read_contract("fhir")
    seen = set()
    for table, row in rows_of_resource(elements | {"resourceType": resource_type}):
        assert set(row) - {"_change"} == set(contract[table].column_names)
        assert all(value is None or (isinstance(value, str) and value) for value in row.values())
        key = (table, *(row[name] for name in contract[table].key))
        assert key not in seen
        seen.add(key)


def test_rows_of_the_shared_resources(shared: Path) -> None:
    folder = shared / "data" / "fhir"
    with zipfile.ZipFile(folder / "synthea-r4" / "heldin.zip") as archive:
        bundles = [archive.read(name) for name in archive.namelist()]
    examples = [path.read_bytes() for path in (folder / "r4-examples").rglob("*.json")]

    def count(contents: list[bytes]) -> dict[str, int]:
        return dict(
            collections.Counter(
                table for content in contents for one in iter_resources(content) for table, _ in rows_of_resource(one)
            )
        )

    assert count(bundles) == {
        "patient": 23,
        "patient_identifier": 90,
        "encounter": 415,
        "condition": 158,
        "procedure": 227,
        "observation": 2614,
        "diagnostic_report": 136,
        "imaging_study": 13,
        "medication_request": 106,
    }
    # contained resources are rows of their own: five of the patients are
    assert count(examples) == {
        "patient": 58,
        "patient_identifier": 36,
        "encounter": 11,
        "encounter_diagnosis": 4,
        "condition": 17,
        "procedure": 16,
        "observation": 267,
        "diagnostic_report": 15,
        "imaging_study": 2,
        "service_request": 23,
        "medication_request": 2,
        "document_reference": 2,
        "specimen": 10,
    }
