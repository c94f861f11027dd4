"""The same flow over files nobody here made: DICOM, FHIR and HL7 v2 of public projects, every one accounted for."""

import json
import zipfile
from pathlib import Path

from ai_backfill.merge import backfill
from dicom_index.scan import scan_folder
from ingestion.mapping import SourceMapping
from ingestion.pipeline import ingest_source
from lakehouse.lake import create_raw_tables, open_lake
from lakehouse.settings import Settings


def counts(settings: Settings, source: str) -> dict[str, int]:
    with open_lake(settings, ("raw",), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'raw' and schema_name = $1 "
            "and table_name not like '\\_dlt%' escape '\\'",
            [f"raw_{source}"],
        ).fetchall()
        return {
            table: connection.execute(f'select count(*) from raw.raw_{source}."{table}"').fetchone()[0]  # type: ignore[index]
            for (table,) in tables
        }


def mapping(source: str, match: str) -> SourceMapping:
    return SourceMapping(source=source, files=({"match": match, "reader": {"format": source}, "optional": True},))  # type: ignore[arg-type]


def test_every_dicom_file_is_indexed_quarantined_or_counted(settings: Settings, shared: Path) -> None:
    folder = shared / "data" / "dicom"
    files = [path for path in folder.rglob("*") if path.is_file()]
    with open_lake(settings) as connection:
        create_raw_tables(connection)
        first = scan_folder(connection, [folder], batch_id="a")
        second = scan_folder(connection, [folder], batch_id="b")
        modalities = connection.execute("select count(distinct modality) from raw.raw_dicom.instance").fetchone()
        readers = connection.execute(
            "select distinct reader from raw.raw_dicom.file where status = 'indexed'"
        ).fetchall()
    assert first.seen == len(files) == 390
    assert first.seen == first.indexed + sum(first.quarantined.values()) + first.not_dicom
    assert (first.indexed, sum(first.quarantined.values()), first.not_dicom) == (329, 15, 46)
    assert (second.opened, second.unchanged) == (0, 390)
    assert modalities == (16,)
    assert len(readers) == 1


def test_structured_reports_are_read_or_refused_with_a_reason(settings: Settings, shared: Path) -> None:
    with open_lake(settings) as connection:
        create_raw_tables(connection)
        result = backfill(connection, [shared / "data" / "dicom"], batch_id="a")
        again = backfill(connection, [shared / "data" / "dicom"], batch_id="b")
    assert result.received == 390
    assert result.received == result.loaded + sum(result.quarantined.values()) + result.unchanged
    assert result.loaded == 4
    assert again.loaded == 0


def test_fhir_bundles_load_people_stays_conditions_results_and_reports(
    settings: Settings, shared: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(next((shared / "data" / "fhir" / "synthea-r4").glob("*.zip"))) as archive:
        archive.extractall(tmp_path / "fhir")
    result = ingest_source(settings, mapping("fhir", "fhir/**/*.json"), tmp_path)
    assert result.total("received") == result.total("loaded") + result.total("quarantined") + result.total("unchanged")
    assert result.total("quarantined") == 0
    found = counts(settings, "fhir")
    assert (found["patient"], found["encounter"], found["condition"]) == (23, 415, 158)
    assert (found["observation"], found["diagnostic_report"], found["imaging_study"]) == (2614, 136, 13)
    again = ingest_source(settings, mapping("fhir", "fhir/**/*.json"), tmp_path)
    assert again.total("loaded") == 0
    assert counts(settings, "fhir") == found


def test_fhir_example_resources_load_too(settings: Settings, shared: Path) -> None:
    result = ingest_source(settings, mapping("fhir", "r4-examples/**/*.json"), shared / "data" / "fhir")
    assert result.total("quarantined") == 0
    assert counts(settings, "fhir")["patient"] > 40


def test_hl7v2_messages_load_people_stays_results_and_reports(settings: Settings, shared: Path) -> None:
    result = ingest_source(settings, mapping("hl7v2", "**/*.hl7"), shared / "data" / "hl7v2")
    assert result.total("received") == result.total("loaded") + result.total("quarantined") + result.total("unchanged")
    found = counts(settings, "hl7v2")
    assert found["message"] > 100
    for table in ("patient", "encounter", "diagnosis", "observation", "report"):
        assert found[table] > 0, table
    assert ingest_source(settings, mapping("hl7v2", "**/*.hl7"), shared / "data" / "hl7v2").total("loaded") == 0


def test_broken_bundle_is_quarantined_and_the_others_load(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "fhir"
    folder.mkdir()
    (folder / "good.json").write_text(json.dumps({"resourceType": "Patient", "id": "a"}))
    (folder / "cut.json").write_text('{"resourceType": "Patient", "id":')
    result = ingest_source(settings, mapping("fhir", "fhir/*.json"), tmp_path)
    assert (result.total("received"), result.total("loaded"), result.total("quarantined")) == (2, 1, 1)
    assert {reason for file in result.files for reason in file.quarantined} == {"truncated_file"}
