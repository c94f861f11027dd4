"""Whole files of HL7 v2 and FHIR: frames, batches, broken messages, lying character sets, size, what is taken back."""

import io
import json
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ingestion.records import FileReading
from ingestion.sources.standard import read_standard
from lakehouse.contract import read_contract
from lakehouse.formats.fhir_stream import read_resources
from lakehouse.formats.hl7v2 import iter_messages, parse_message
from tests.builders import fhir
from tests.builders.hl7v2 import header, message, mllp, observation, patient, request, segment, visit

Rows = dict[str, list[dict[str, Any]]]


def load(path: Path, content: bytes, kind: str) -> tuple[Rows, FileReading]:
    """Return the rows of a file by table, after checking that everything is accounted for under its own number."""
    path.write_bytes(content)
    reading = FileReading()
    rows: Rows = {}
    for entity, table in read_standard(path, kind, read_contract(kind), reading):
        rows.setdefault(entity, []).extend(table.to_pylist())
    numbers = [row["_src_row_no"] for several in rows.values() for row in several]
    numbers += [refusal.row_no for several in reading.refusals.values() for refusal in several]
    assert len(set(numbers)) == len(numbers)
    counted = Counter({entity: len(several) for entity, several in rows.items()})
    counted.update({entity: len(several) for entity, several in reading.refusals.items()})
    assert counted == Counter({entity: count for entity, count in reading.received.items() if count})
    return rows, reading


def report(control_id: str = "M1", text: str = "右肺结节", *, status: str = "F", encoding: str = "utf-8") -> bytes:
    """Return a report message."""
    head = header("ORU^R01", control_id=control_id, character_set="UNICODE UTF-8")
    return message(
        [head, patient(), visit(), request(status=status), observation(text, status=status)], encoding=encoding
    )


def texts(rows: Rows) -> list[str | None]:
    return [row["full_text"] for row in rows.get("report", [])]


@pytest.mark.parametrize("separator", [b"\r", b"\n", b"\r\n"])
@pytest.mark.parametrize("framed", [True, False])
def test_messages_with_and_without_frames_and_any_line_end(tmp_path: Path, separator: bytes, framed: bool) -> None:
    both = [report("M1", "甲").replace(b"\r", separator), report("M2", "乙").replace(b"\r", separator)]
    content = b"".join(mllp(one) if framed else one for one in both)
    assert texts(load(tmp_path / "a.hl7", content, "hl7v2")[0]) == ["甲", "乙"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (b"MSH", "no_delimiters"),
        (report("M3").replace(b"MSH|", b"MS|"), "no_message_header"),
        (report("M3").replace(b"|^~\\&|", b"|ab|"), "bad_delimiters"),
    ],
    ids=["cut header", "damaged header", "delimiters"],
)
def test_the_third_message_of_a_batch_is_broken(tmp_path: Path, broken: bytes, reason: str) -> None:
    batch = (
        b"FHS|^~\\&|x\rBHS|^~\\&|y\r" + report("M1", "甲") + report("M2", "乙") + broken + b"\r" + report("M4", "丁")
    )
    rows, reading = load(tmp_path / "a.hl7", batch + b"BTS|4\rFTS|1\r", "hl7v2")
    assert texts(rows) == ["甲", "乙", "丁"]
    assert len(rows["patient"]) == 3
    assert [refusal.reason for refusal in reading.refusals["message"]] == [reason]


def test_bytes_decide_where_the_declared_character_set_lies(tmp_path: Path) -> None:
    content = report("M1", "右肺上叶见结节，边界清", encoding="gb18030")
    rows, reading = load(tmp_path / "a.hl7", content, "hl7v2")
    assert texts(rows) == ["右肺上叶见结节，边界清"]
    assert reading.reading.encoding == "gb18030"
    assert [finding.kind for finding in reading.reading.found] == ["encoding_mismatch"]


def test_a_merge_names_survivor_and_merged(tmp_path: Path) -> None:
    merge = message([header("ADT^A40"), patient("CANARY-P1^^^HIS"), segment("MRG", {1: "CANARY-P9^^^HIS"})])
    rows, _ = load(tmp_path / "a.hl7", merge, "hl7v2")
    assert [(row["patient_id"], row["prior_patient_id"]) for row in rows["patient_merge"]] == [
        ("CANARY-P1", "CANARY-P9")
    ]


def test_what_is_cancelled_says_so(tmp_path: Path) -> None:
    cancelled = [
        report("M1", "甲", status="X"),
        message([header("ORU^R01", control_id="M2"), patient(), request(status="X")]),
        message([header("ADT^A11", control_id="M3"), patient(), visit()]),
        message(
            [header("ORM^O01", control_id="M4"), patient(), segment("ORC", {1: "CA", 2: "P1"}), request(status="")]
        ),
        message([header("ADT^A08", control_id="M5"), patient(), segment("DG1", {3: "I63", 21: "D"})]),
    ]
    rows, _ = load(tmp_path / "a.hl7", b"".join(cancelled) + report("M6", "乙"), "hl7v2")
    told = {entity: [row["_change"] for row in several] for entity, several in rows.items()}
    assert told["report"] == ["voided", "voided", None]
    assert told["encounter"] == [None, "voided", None]
    assert told["imaging_order"] == ["voided"]
    assert told["diagnosis"] == ["voided"]
    assert set(told["message"]) == set(told["patient"]) == {None}


def test_a_message_is_cut_out_wherever_the_pieces_end() -> None:
    one = [report(f"M{number}", "右肺结节" * (number % 7)) for number in range(40)]
    whole = b"BHS|^~\\&|x\r" + b"".join(mllp(part) if number % 3 else part for number, part in enumerate(one))

    class Dribble(io.BytesIO):
        """A file that hands out a few bytes at a time."""

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(random.Random(self.tell()).randint(1, 97))

    ids = [parse_message(part).header.value(10) for part in iter_messages(Dribble(whole))]
    assert ids == [f"M{number}" for number in range(40)]


def test_a_message_without_end_is_cut_where_it_is_too_large() -> None:
    maximum = 100_000
    endless = report("M2", "乙").rstrip(b"\r") + b"x" * 1_000_000
    content = report("M1", "甲") + endless + b"\r" + report("M3", "丙")
    sizes = [len(one) for one in iter_messages(io.BytesIO(content), maximum_bytes=maximum)]
    assert sizes == [len(report("M1", "甲")) - 1, maximum + 1, len(report("M3", "丙")) - 1]


def test_a_bundle_is_read_entry_by_entry_with_its_references_resolved(tmp_path: Path) -> None:
    observed = fhir.resource(
        "Observation",
        "o1",
        status="final",
        subject=fhir.reference("urn:uuid:p"),
        valueQuantity={"value": 1},
        unheard={"of": 1},
    )
    bundle = fhir.bundle(observed, fhir.patient("p1"), urls={1: "urn:uuid:p"})
    content = json.dumps(bundle).replace('"value": 1', '"value": 0.10')
    rows, reading = load(tmp_path / "a.json", content.encode(), "fhir")
    assert [(row["patient_id"], row["value"]) for row in rows["observation"]] == [("p1", "0.10")]
    assert reading.refusals == {}


def test_a_broken_entry_is_refused_and_the_others_are_read(tmp_path: Path) -> None:
    content = json.dumps(fhir.bundle(fhir.patient("p1"), fhir.patient("p2"), fhir.patient("p3")))
    content = content.replace('"id": "p2",', '"id": ,')
    rows, reading = load(tmp_path / "a.json", content.encode(), "fhir")
    assert [row["resource_id"] for row in rows["patient"]] == ["p1", "p3"]
    assert [refusal.reason for refusal in reading.refusals["resource"]] == ["not_json"]


def test_a_bundle_that_is_cut_off_gives_what_it_has_and_the_reason(tmp_path: Path) -> None:
    content = json.dumps(fhir.bundle(fhir.patient("p1"), fhir.patient("p2")))[:-60]
    rows, reading = load(tmp_path / "a.json", content.encode(), "fhir")
    assert [row["resource_id"] for row in rows["patient"]] == ["p1"]
    assert [refusal.reason for refusal in reading.refusals["resource"]] == ["truncated_file"]


def test_lines_of_resources_with_one_broken(tmp_path: Path) -> None:
    content = fhir.as_ndjson(fhir.patient("p1")) + b'{"resourceType": "Patient",\n' + fhir.as_ndjson(fhir.patient("p2"))
    rows, reading = load(tmp_path / "a.ndjson", content, "fhir")
    assert [row["resource_id"] for row in rows["patient"]] == ["p1", "p2"]
    assert [refusal.reason for refusal in reading.refusals["resource"]] == ["not_json"]


def test_half_a_character_in_a_line_cannot_break_the_load(tmp_path: Path) -> None:
    content = b'{"resourceType": "Patient", "id": "\\ud83d"}\n' + fhir.as_ndjson(fhir.patient("p2"))
    rows, _ = load(tmp_path / "a.ndjson", content, "fhir")
    assert [row["resource_id"] for row in rows["patient"]] == ["\ufffd", "p2"]


def test_errors_and_deletions_of_resources_say_so(tmp_path: Path) -> None:
    wrong = fhir.codeable("entered-in-error")
    content = fhir.as_json(
        [
            fhir.resource("DiagnosticReport", "d1", status="entered-in-error", meta={"versionId": "2"}),
            fhir.resource("DiagnosticReport", "d2", status="final"),
            fhir.resource("Condition", "c1", verificationStatus=wrong),
            {"resourceType": "Bundle", "entry": [{"request": {"method": "DELETE", "url": "Patient/p9"}}]},
        ]
    )
    rows, _ = load(tmp_path / "a.json", content, "fhir")
    told = {row["resource_id"]: row["_change"] for several in rows.values() for row in several}
    assert told == {"d1": "voided", "d2": None, "c1": "voided", "p9": "deleted"}


def test_contained_resources_are_rows_that_their_holder_points_to(tmp_path: Path) -> None:
    holder = fhir.resource(
        "DiagnosticReport", "d1", status="final", subject=fhir.reference("Patient/p1"), result=[fhir.reference("#o")],
        contained=[fhir.resource("Observation", "o", code=fhir.codeable("1"), valueString="阳性")],
    )  # fmt: skip
    rows, _ = load(tmp_path / "a.json", fhir.as_json(holder), "fhir")
    assert [(row["resource_id"], row["patient_id"], row["value"]) for row in rows["observation"]] == [
        ("d1.o", "p1", "阳性")
    ]
    assert rows["diagnostic_report"][0]["observation_ids"] == "d1.o"


def test_prescriptions_documents_and_specimens(tmp_path: Path) -> None:
    dosage = {
        "text": "口服", "timing": {"code": fhir.codeable("BID"), "repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 0.5, "unit": "g"}}],
    }  # fmt: skip
    medication = fhir.resource("Medication", "m", code={"text": "头孢"})
    content = fhir.as_json(
        [
            fhir.resource(
                "MedicationRequest", "m1", status="active", contained=[medication], dosageInstruction=[dosage],
                medicationReference=fhir.reference("#m"),
            ),
            fhir.resource(
                "DocumentReference", "r1", status="current",
                content=[{"attachment": {"contentType": "text/plain", "data": "5Li76K+J"}}],
            ),
            fhir.resource("Specimen", "s1", accessionIdentifier={"value": "T1"}, collection={"collectedDateTime": "2024-03-05"}),
        ]
    )  # fmt: skip
    rows, _ = load(tmp_path / "a.json", content, "fhir")
    drug, document, specimen = (rows[name][0] for name in ("medication_request", "document_reference", "specimen"))
    assert [drug[n] for n in ("medication_text", "dose_value", "dose_unit", "frequency_code", "frequency", "dosage_text")] == [
        "头孢", "0.5", "g", "BID", "2", "口服",
    ]  # fmt: skip
    assert document["content"] == "主诉"
    assert (specimen["accession_identifier"], specimen["collected_at"]) == ("T1", "2024-03-05")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(kind: str, count: int) -> int:
        path = tmp_path / kind
        if kind == "hl7v2":
            path.write_bytes(b"".join(report(f"M{number}", "右肺结节" * 50) for number in range(count)))
        else:
            path.write_bytes(fhir.as_json(fhir.bundle(*(fhir.patient(f"p{n}", pad="x" * 2_000) for n in range(count)))))
        tracemalloc.start()
        with path.open("rb") as file:
            for _ in iter_messages(file) if kind == "hl7v2" else read_resources(path):
                pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    for kind in ("hl7v2", "fhir"):
        assert peak(kind, 6_000) < 1.2 * peak(kind, 2_000)
