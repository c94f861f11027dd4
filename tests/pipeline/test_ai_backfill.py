"""AI results are back-filled once: a replay changes nothing, an update keeps its history, nothing is lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian

import ai_backfill.merge
from ai_backfill.merge import BackfillResult, backfill
from lakehouse.errors import SourceUnreachableError
from lakehouse.keyring import create_keys
from lakehouse.lake import Connection, create_zones, fetch_dicts, open_lake
from lakehouse.settings import Settings
from tests.builders import structured_report as sr

RUL = ("42400003", "SCT", "Upper lobe of right lung")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Open a throw-away lake."""
    settings = Settings(home=tmp_path / "home", synthetic=True, threads=1)
    settings = settings.model_copy(update={"keys": create_keys(settings.home / "keys")})
    create_zones(settings)
    with open_lake(settings, ("raw",)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder into which AI systems send."""
    path = tmp_path / "ai"
    path.mkdir()
    return path


def nodule_report(size: float, **header: Any) -> bytes:
    tree = sr.group(sr.tracking("Nodule 1"), sr.finding(), sr.site(RUL), sr.num(sr.LONG_AXIS, size, "mm"))
    return sr.to_bytes(sr.report(tree, template="1500", **header))


def counts(result: BackfillResult) -> tuple[int, int, dict[str, int], int, int]:
    return result.received, result.loaded, result.quarantined, result.unchanged, result.findings_loaded


def table(connection: Connection, name: str, columns: str, order: str) -> list[tuple]:
    return connection.execute(f"select {columns} from raw.raw_ai.{name} order by {order}").fetchall()


def everything(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        name: fetch_dicts(connection, f"select * from raw.raw_ai.{name} order by all")
        for name in ("result", "finding", "measurement", "refusal")
    }


def test_a_report_becomes_a_result_its_findings_and_their_measurements(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    assert counts(backfill(connection, [folder], batch_id="b1")) == (1, 1, {}, 0, 1)
    assert table(
        connection, "result", "study_instance_uid, algorithm, algorithm_version, version_no, is_current", "1"
    ) == [(sr.STUDY_UID, "Example Lung", "2.1.0", 1, True)]
    assert table(connection, "finding", "tracking_id, finding_type, finding_site, long_axis_mm", "1") == [
        ("Nodule 1", "nodule", "RUL", 12.0)
    ]
    assert table(connection, "measurement", "concept, canonical_value, canonical_unit", "1") == [
        ("long_axis", 12.0, "mm")
    ]
    assert table(connection, "result", "_batch_id, _loaded_at is not null, length(_src_file)", "1") == [
        ("b1", True, 20)
    ]


def test_the_same_files_again_change_nothing(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    (folder / "b.txt").write_bytes(b"no result")
    backfill(connection, [folder], batch_id="b1")
    before = everything(connection)
    assert counts(backfill(connection, [folder], batch_id="b2")) == (2, 0, {"not_dicom": 1}, 1, 0)
    assert everything(connection) == before


@pytest.mark.parametrize("again", ["same_bytes", "other_transfer_syntax"])
def test_the_same_object_from_another_place_is_unchanged(connection: Connection, folder: Path, again: str) -> None:
    data = nodule_report(12.0)
    (folder / "a.dcm").write_bytes(data)
    backfill(connection, [folder], batch_id="b1")
    before = everything(connection)
    other = folder.parent / "resent"
    other.mkdir()
    if again == "other_transfer_syntax":
        tree = sr.group(sr.tracking("Nodule 1"), sr.finding(), sr.site(RUL), sr.num(sr.LONG_AXIS, 12.0, "mm"))
        data = sr.to_bytes(sr.report(tree, template="1500"), ImplicitVRLittleEndian)
    (other / "x.dcm").write_bytes(data)
    assert counts(backfill(connection, [other], batch_id="b2")) == (1, 0, {}, 1, 0)
    assert everything(connection) == before


def test_other_content_under_the_same_uid_is_the_next_version(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    backfill(connection, [folder], batch_id="b1")
    (folder / "b.dcm").write_bytes(nodule_report(13.0))
    assert counts(backfill(connection, [folder], batch_id="b2")) == (2, 1, {}, 1, 1)
    versions = connection.execute(
        "select r.version_no, r.is_current, f.long_axis_mm, r._batch_id from raw.raw_ai.result r "
        "join raw.raw_ai.finding f using (result_id) order by 1"
    ).fetchall()
    assert versions == [(1, False, 12.0, "b1"), (2, True, 13.0, "b2")]
    assert counts(backfill(connection, [folder], batch_id="b3")) == (2, 0, {}, 2, 0)


def test_two_versions_in_one_batch_leave_one_current(connection: Connection, folder: Path) -> None:
    for name, size in (("a", 12.0), ("b", 13.0), ("c", 14.0)):
        (folder / f"{name}.dcm").write_bytes(nodule_report(size))
    backfill(connection, [folder], batch_id="b1")
    assert table(connection, "result", "version_no, is_current", "1") == [(1, False), (2, False), (3, True)]


def test_one_uid_in_two_studies_is_two_results(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    (folder / "b.dcm").write_bytes(nodule_report(12.0, StudyInstanceUID="2.25.1002"))
    backfill(connection, [folder], batch_id="b1")
    assert table(connection, "result", "study_instance_uid, is_current", "1") == [
        ("2.25.1001", True),
        ("2.25.1002", True),
    ]


def test_runs_of_two_algorithm_versions_are_both_kept(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    (folder / "b.dcm").write_bytes(nodule_report(12.5, SOPInstanceUID="2.25.2002", SoftwareVersions="3.0"))
    backfill(connection, [folder], batch_id="b1")
    assert table(connection, "result", "algorithm_version, is_current", "1") == [("2.1.0", True), ("3.0", True)]


def test_content_read_with_new_rules_is_read_again(
    connection: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    (folder / "b.dcm").write_bytes(nodule_report(13.0))
    backfill(connection, [folder], batch_id="b1")
    monkeypatch.setattr(ai_backfill.merge, "mapping_sha256", lambda: "other rules")
    assert counts(backfill(connection, [folder], batch_id="b2")) == (2, 2, {}, 0, 2)
    current = connection.execute(
        "select f.long_axis_mm, r.mapping_sha256 from raw.raw_ai.result r join raw.raw_ai.finding f using (result_id) "
        "where is_current"
    ).fetchall()
    assert current == [(13.0, "other rules")]


def test_what_cannot_be_read_is_counted_and_kept_by_reason(connection: Connection, folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "a.dcm").write_bytes(nodule_report(12.0)[:-10])
    (folder / "b.dcm").write_bytes(sr.to_bytes(sr.make_ct()))
    (folder / "deep" / "c.hl7").write_bytes(b"MSH|^~\\&|")
    (folder / "deep" / "d").write_bytes(b"")
    (folder / "deep" / "e").symlink_to(folder / "gone")
    result = backfill(connection, [folder], batch_id="b1")
    expected = {"damaged": 1, "empty_file": 1, "not_an_ai_result": 1, "unreadable": 1, "unsupported_format": 1}
    assert counts(result) == (5, 0, expected, 0, 0)
    assert [reason for (reason,) in table(connection, "refusal", "reason", "1")] == sorted(expected)


def test_nothing_is_written_when_only_asked_what_would_be(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    (folder / "b").write_bytes(b"no result")
    planned = backfill(connection, [folder], batch_id="b1", what_if=True)
    assert everything(connection) == {"result": [], "finding": [], "measurement": [], "refusal": []}
    done = backfill(connection, [folder], batch_id="b1")
    assert replace(planned, seconds=0) == replace(done, seconds=0)


def test_a_crash_and_the_same_command_again_end_in_the_same_tables(
    connection: Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        (folder / f"{number}.dcm").write_bytes(nodule_report(10.0 + number, SOPInstanceUID=f"2.25.20{number}"))
    monkeypatch.setattr(ai_backfill.merge, "_CHUNK_FILES", 2)
    append = ai_backfill.merge.append_arrow
    calls: list[str] = []

    def crash_in_the_second_chunk(connection: Connection, name: str, rows: Any) -> int:
        calls.append(name)
        if calls.count("raw.raw_ai.measurement") == 2:
            raise KeyboardInterrupt
        return append(connection, name, rows)

    monkeypatch.setattr(ai_backfill.merge, "append_arrow", crash_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        backfill(connection, [folder], batch_id="b1")
    assert len(table(connection, "result", "1", "1")) == len(table(connection, "finding", "1", "1")) == 2
    monkeypatch.setattr(ai_backfill.merge, "append_arrow", append)
    assert counts(backfill(connection, [folder], batch_id="b2")) == (4, 2, {}, 2, 2)
    assert table(connection, "finding", "long_axis_mm", "1") == [(10.0,), (11.0,), (12.0,), (13.0,)]


def test_identifiers_stand_only_in_columns_that_say_so(connection: Connection, folder: Path) -> None:
    (folder / f"{sr.CANARY}.dcm").write_bytes(nodule_report(12.0))
    (folder / f"{sr.CANARY}.txt").write_bytes(b"no result")
    backfill(connection, [folder], batch_id="b1")
    holding = {
        f"{name}.{column}"
        for name, rows in everything(connection).items()
        for row in rows
        for column, value in row.items()
        if sr.CANARY in str(value)
    }
    assert holding == {"result.patient_id", "result.accession_number", "result.file_path", "refusal.file_path"}


def test_progress_is_told_and_a_missing_folder_is_an_error(connection: Connection, folder: Path) -> None:
    (folder / "a.dcm").write_bytes(nodule_report(12.0))
    told: list[tuple[int, int]] = []
    backfill(connection, [folder], batch_id="b1", progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 1)]
    with pytest.raises(SourceUnreachableError):
        backfill(connection, [folder / "gone"], batch_id="b2")


def test_the_public_structured_reports_are_read_or_refused_with_a_reason(connection: Connection, shared: Path) -> None:
    dicom = shared / "data" / "dicom"
    files = [
        dicom / "dcmqi/data/sr-example/sr.dcm",
        dicom / "highdicom/data/test_files/sr_document.dcm",
        dicom / "highdicom/data/test_files/sr_document_with_multiple_groups.dcm",
        *(dicom / "pydicom-test/src/pydicom/data/test_files" / name for name in ("test-SR.dcm", "reportsi.dcm")),
    ]
    assert counts(backfill(connection, files, batch_id="b1"))[:3] == (5, 4, {"no_measurements": 1})
    volumes = connection.execute(
        "select tracking_id, volume_mm3 from raw.raw_ai.finding where volume_mm3 is not null order by 1"
    ).fetchall()
    assert volumes == [("Vertebra0001", 200.0), ("primary tumor", 33582.4)]
