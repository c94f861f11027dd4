"""Deliveries of other forms through the whole ingestion: rows, refusals and what was taken back."""

import json

from ingestion.mapping import SourceMapping
from ingestion.pipeline import SourceResult, ingest_source
from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from tests.builders import fhir
from tests.builders.hl7v2 import header, message, observation, patient, request, visit


def ingest(settings: Settings, source: str, files: dict[str, bytes], *mappings: dict[str, object]) -> SourceResult:
    for name, content in files.items():
        path = settings.deliveries_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    mapping = SourceMapping.model_validate({"source": source, "files": mappings})
    return ingest_source(settings, mapping, settings.deliveries_folder)


def totals(result: SourceResult) -> tuple[int, int, int, int]:
    return tuple(result.total(name) for name in ("received", "loaded", "quarantined", "unchanged"))  # type: ignore[return-value]


def stored(settings: Settings, query: str) -> list[tuple]:
    with open_lake(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


def report(control_id: str, text: str, status: str) -> bytes:
    segments = [header("ORU^R01", control_id=control_id), patient(), visit(), request(status=status)]
    return message([*segments, observation(text, status=status)], encoding="gb18030")


def test_messages_and_resources_with_broken_ones_and_recalls(settings: Settings) -> None:
    batch = b"BHS|^~\\&|x\r" + report("M1", "右肺结节", "F") + b"MSH\r" + report("M2", "右肺结节", "X") + b"BTS|3\r"
    mapping = {"match": "*.hl7", "reader": {"format": "hl7v2"}}
    messages = ingest(settings, "hl7v2", {"a.hl7": batch}, mapping)
    assert totals(messages)[0] == totals(messages)[1] + totals(messages)[2]
    assert [file.quarantined for file in messages.files if file.quarantined] == [{"no_delimiters": 1}]
    reports = "select message_control_id, full_text, _change from raw.raw_hl7v2.report order by 1"
    assert stored(settings, reports) == [("M1", "右肺结节", None), ("M2", "右肺结节", "voided")]
    bundle = fhir.bundle(
        fhir.patient("p1"),
        fhir.resource("DiagnosticReport", "d1", status="entered-in-error", subject=fhir.reference("Patient/p1")),
    )
    content = json.dumps(bundle, ensure_ascii=False).encode()
    resources = ingest(settings, "fhir", {"a.json": content}, {"match": "*.json", "reader": {"format": "fhir"}})
    assert totals(resources)[0] == totals(resources)[1] == 3
    assert stored(settings, "select resource_id, _change from raw.raw_fhir.diagnostic_report") == [("d1", "voided")]


def test_patients_in_many_forms_are_rows_or_refusals(settings: Settings) -> None:
    columns = {"patient_id": ["BRID", "PatientID"], "patient_name": "XM"}
    files = {
        "a.xml": (
            '<?xml version="1.0" encoding="UTF-8"?><R><ROW><BRID>1</BRID><XM>王</XM></ROW><ROW><BRID>2</BRID></ROW>'
            "<ROW/></R>"
        ).encode("gb18030"),
        "a.html": "<table><tr><th>BRID</th><th>XM</th></tr><tr><td>3</td><td>李</td></tr></table>".encode(),
        "a.json": '[{"BRID":4,"XM":"赵"},{"BRID":'.encode(),
        "b.json": '[{"BRID":5,"XM":"钱"},{"BRID":,},{"BRID":6}]'.encode(),
        "a.rtf": rb"{\rtf1\ansi BRID:7\par XM:x}",
        "bad.xlsx": b"PK\x03\x04nothing",
    }
    mappings = [
        {"entity": "patient", "match": f"*.{kind}", "reader": {"format": reader}, "columns": columns}
        for kind, reader in {
            "xml": "xml",
            "html": "html",
            "json": "json",
            "rtf": "documents",
            "xlsx": "workbook",
        }.items()
    ]
    result = ingest(settings, "his", files, *mappings)
    reasons = {file.file: file.quarantined for file in result.files if file.quarantined}
    assert reasons == {
        "a.xml": {"missing_required_value": 1},
        "a.json": {"truncated_file": 1, "not_json": 1},
        "b.json": {"not_json": 1},
        "bad.xlsx": {"file_not_of_its_format": 1},
    }
    assert totals(result)[0] == totals(result)[1] + totals(result)[2]
    ids = "select patient_id from raw.raw_his.patient order by 1"
    assert [row[0] for row in stored(settings, ids)] == ["1", "2", "3", "5", "6", "7"]
