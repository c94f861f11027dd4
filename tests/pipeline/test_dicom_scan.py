"""Scanning folders of image files into an encrypted lake: counts, second runs, changes, copies, crashes."""

import base64
import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

import dicom_index.scan
from dicom_index.conversion import convert_text, indexed_columns
from dicom_index.folders import path_to_text, text_to_path
from dicom_index.scan import NOT_DICOM_REASONS, QUARANTINE_REASONS, scan_folder
from lakehouse.contract import read_contract, read_table
from lakehouse.errors import SourceUnreachableError
from lakehouse.keyring import create_keys
from lakehouse.lake import attach_statement, connection_statements, create_raw_tables, fetch_dicts
from lakehouse.settings import Settings
from tests.builders.dicom import ROOT, write_dicom, write_study


def open_raw_zone(home):
    settings = Settings(home=home, keys=create_keys(home / "keys"))
    (home / "raw" / "data").mkdir(parents=True)
    connection = duckdb.connect()
    for statement in (*connection_statements(), attach_statement(settings, "raw")):
        connection.execute(statement)
    create_raw_tables(connection, ["dicom"])
    return connection


@pytest.fixture
def lake(tmp_path):
    connection = open_raw_zone(tmp_path / "home")
    yield connection
    connection.close()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pacs").mkdir()
    return tmp_path / "pacs"


@pytest.fixture
def opened(monkeypatch):
    """Return the list of files whose header was read."""
    paths: list[Path] = []
    read_header = dicom_index.scan.read_header

    def read(path):
        paths.append(path)
        return read_header(path)

    monkeypatch.setattr(dicom_index.scan, "read_header", read)
    return paths


def scan(lake, *folders, batch_id="batch", **options):
    result = scan_folder(lake, folders, batch_id=batch_id, **options)
    assert result.seen == result.indexed + sum(result.quarantined.values()) + result.not_dicom + result.unchanged
    return result


def rows(lake, table, columns="*", where="true"):
    return fetch_dicts(lake, f"select {columns} from raw.raw_dicom.{table} where {where} order by all")


def count(lake, table, where="true"):
    return lake.execute(f"select count(*) from raw.raw_dicom.{table} where {where}").fetchone()[0]


def contents(lake):
    """Return everything but when and by which scan it was written."""
    skipped = "batch_id, loaded_at, fingerprint"
    return {
        table: rows(
            lake, table, f"* exclude ({skipped if table not in ('file', 'instance') else 'batch_id, loaded_at'})"
        )
        for table in read_contract("dicom")
    }


def test_a_folder_is_indexed_down_to_patient(lake, folder):
    write_study(folder, study=1, series=2, images=3)
    write_study(folder, study=2, series=1, images=2)
    result = scan(lake, folder)
    assert (result.seen, result.indexed, result.opened, result.quarantined) == (8, 8, 8, {})
    assert [count(lake, table) for table in ("file", "instance", "series", "study", "patient")] == [8, 8, 3, 2, 2]
    assert rows(lake, "study", "study_instance_uid, modalities, n_series, n_instances, patient_id") == [
        {
            "study_instance_uid": f"{ROOT}.1",
            "modalities": "CT",
            "n_series": 2,
            "n_instances": 6,
            "patient_id": "CANARY-0001",
        },
        {
            "study_instance_uid": f"{ROOT}.2",
            "modalities": "CT",
            "n_series": 1,
            "n_instances": 2,
            "patient_id": "CANARY-0002",
        },
    ]


def test_attributes_become_typed_columns_and_misfits_go_to_their_own(lake, folder):
    private = [(0x00290010, "LO", "VENDOR"), (0x00291008, "LO", "CANARY")]
    attributes = {"PatientBirthDate": "1980/02/03", "Rows": 4, "KVP": "120,5", "SeriesNumber": "7"}
    write_dicom(folder / "image", attributes=attributes, private=private)
    scan(lake, folder)
    (row,) = rows(lake, "instance")
    assert (
        str(row["study_date"]),
        str(row["study_time"]),
        row["slice_thickness"],
        row["rows"],
        row["series_number"],
    ) == (
        "2026-03-01",
        "09:15:00.250000",
        1.25,
        4,
        7,
    )
    assert (row["patient_birth_date"], row["kvp"]) == (None, None)
    assert json.loads(row["unconverted_attributes"]) == {"patient_birth_date": "1980/02/03", "kvp": "120,5"}
    assert json.loads(row["private_attributes"]) == {"0029,VENDOR,08": "CANARY"}
    assert (row["expected_pixel_bytes"], row["has_pixel_data"], row["is_truncated"]) == (32, True, False)


def test_the_name_is_repaired_and_its_bytes_are_kept(lake, folder):
    write_dicom(folder / "image", attributes={"PatientName": "张三"}, character_set=b"ISO_IR 100", encoding="gbk")
    scan(lake, folder)
    (row,) = rows(lake, "instance")
    assert (row["patient_name_decoded"], row["patient_name"]) == ("张三", "张三")
    assert (row["declared_character_set"], row["detected_character_set"]) == ("ISO_IR 100", "GB18030")
    assert row["is_character_set_repaired"]
    assert row["character_set_confidence"] > 0.7
    assert base64.b64decode(row["patient_name_bytes"]) == "张三".encode("gbk")


def test_everything_that_is_no_instance_is_accounted_for(lake, folder):
    write_dicom(folder / "good")
    write_dicom(folder / "cut pixels", 2, keep=-5)
    write_dicom(folder / "cut header", 3, pixels=None, keep=-5)
    write_dicom(folder / "no uid", attributes={"SOPInstanceUID": None})
    for name, start in (
        ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("b.png", b"\x89PNG\r\n\x1a\n"),
        ("c.bmp", b"BM6\x00\x00\x00\x00\x00\x00\x00"),
    ):
        (folder / name).write_bytes(start + bytes(60))
    (folder / "notes.txt").write_text("BM is how this text begins", encoding="utf-8")
    (folder / "empty").touch()
    (folder / "broken link").symlink_to(folder / "nowhere")
    result = scan(lake, folder)
    assert (result.seen, result.indexed, result.not_dicom) == (10, 1, 4)
    assert result.quarantined == {
        "empty_file": 1,
        "io_error": 1,
        "no_sop_instance_uid": 1,
        "truncated_header": 1,
        "truncated_pixel_data": 1,
    }
    assert result.not_dicom_reasons == {"bmp": 1, "jpeg": 1, "not_dicom": 1, "png": 1}
    assert count(lake, "file") == 10
    assert count(lake, "instance") == 1


def test_a_second_scan_opens_nothing_and_changes_nothing(lake, folder, opened):
    write_study(folder)
    (folder / "notes.txt").touch()
    write_dicom(folder / "cut", 9, keep=-5)
    scan(lake, folder, batch_id="first")
    before = contents(lake)
    opened.clear()
    result = scan(lake, folder, batch_id="second")
    assert (opened, result.opened, result.unchanged, result.vanished) == ([], 0, 8, 0)
    assert contents(lake) == before
    assert count(lake, "study", "batch_id = 'second'") == 0


def test_only_new_and_changed_files_are_opened(lake, folder, opened):
    files = write_study(folder)
    scan(lake, folder)
    opened.clear()
    added = write_study(folder, study=2, series=1, images=2)
    write_dicom(files[0], 1, series=1, study=1, attributes={"StudyDescription": "CANARY CHANGED"})
    result = scan(lake, folder)
    assert sorted(opened) == sorted([*added, files[0]])
    assert (result.opened, result.indexed, result.unchanged) == (3, 3, 5)
    assert count(lake, "instance", "study_description = 'CANARY CHANGED'") == 1


def test_a_file_changed_under_the_same_size_and_time_is_noticed(lake, folder, opened):
    path = write_dicom(folder / "image", attributes={"PatientSex": "F"})
    scan(lake, folder)
    state = path.stat()
    replacement = write_dicom(folder / "other", attributes={"PatientSex": "M"})
    replacement.replace(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    opened.clear()
    scan(lake, folder)
    assert opened == [path]
    assert rows(lake, "patient", "patient_sex") == [{"patient_sex": "M"}]


def test_inode_and_change_time_can_be_left_out_of_the_signature(lake, folder, opened):
    path = write_dicom(folder / "image")
    scan(lake, folder)
    state = path.stat()
    shutil.copy(path, folder / "copy")
    (folder / "copy").replace(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    opened.clear()
    assert scan(lake, folder, signature=("size_bytes", "mtime_ns")).opened == 0
    assert opened == []


def test_a_file_that_vanishes_is_marked_and_one_that_comes_back_is_not_opened(lake, folder, tmp_path):
    write_study(folder, series=1, images=2)
    scan(lake, folder)
    shutil.move(folder / "study1", tmp_path / "away")
    result = scan(lake, folder)
    assert (result.vanished, result.seen) == (2, 0)
    assert count(lake, "file", "is_present") == count(lake, "instance", "is_present") == 0
    assert rows(lake, "study", "n_instances, is_present") == [{"n_instances": 2, "is_present": False}]
    shutil.move(tmp_path / "away", folder / "study1")
    result = scan(lake, folder)
    assert (result.vanished, result.seen, result.opened) == (0, 2, 0)
    assert count(lake, "study", "is_present") == 1


def test_scanning_one_folder_says_nothing_about_another(lake, tmp_path):
    write_dicom(tmp_path / "a" / "image", 1)
    write_dicom(tmp_path / "ab" / "image", 2)
    assert scan(lake, tmp_path / "a", tmp_path / "ab", tmp_path / "a").seen == 2
    result = scan(lake, tmp_path / "a")
    assert (result.vanished, count(lake, "file", "is_present")) == (0, 2)


def test_a_missing_folder_stops_the_scan_and_marks_nothing(lake, folder):
    write_dicom(folder / "image")
    scan(lake, folder)
    shutil.rmtree(folder)
    with pytest.raises(SourceUnreachableError):
        scan(lake, folder)
    assert count(lake, "file", "is_present") == 1


def test_a_folder_that_cannot_be_listed_is_counted_and_its_files_are_not_marked(lake, folder, monkeypatch):
    write_dicom(folder / "open" / "image", 1)
    write_dicom(folder / "shut" / "image", 2)
    scan(lake, folder)
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("shut"):
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    result = scan(lake, folder)
    assert (result.seen, result.vanished, result.unread_folders) == (1, 0, {"PermissionError": 1})


def test_links_in_a_circle_end(lake, folder):
    write_dicom(folder / "inner" / "image")
    (folder / "inner" / "up").symlink_to(folder)
    result = scan(lake, folder)
    assert (result.seen, result.unread_folders) == (1, {"link_to_folder": 1})


def test_a_file_still_being_written_is_taken_by_the_next_scan(lake, folder, monkeypatch):
    write_dicom(folder / "image")
    read_header = dicom_index.scan.read_header

    def read_while_it_grows(file):
        header = read_header(file)
        with file.open("ab") as handle:
            handle.write(b"more")
        return header

    with monkeypatch.context() as patch:
        patch.setattr(dicom_index.scan, "read_header", read_while_it_grows)
        assert scan(lake, folder).quarantined == {"still_being_written": 1}
    assert count(lake, "instance") == 0
    result = scan(lake, folder)
    assert (result.indexed, result.opened) == (1, 1)


def test_copies_give_one_instance_and_a_conflict_only_for_other_pixels(lake, folder):
    write_dicom(folder / "a" / "image", 1)
    write_dicom(folder / "b" / "image", 1, attributes={"StationName": "OTHER"})
    write_dicom(folder / "a" / "other", 2)
    write_dicom(folder / "b" / "other", 2, pixels=bytes(31) + b"\x01")
    result = scan(lake, folder)
    assert (result.indexed, result.compared) == (4, 4)
    assert rows(lake, "instance", "sop_instance_uid, n_copies, has_conflicting_copy") == [
        {"sop_instance_uid": f"{ROOT}.1.1.1", "n_copies": 2, "has_conflicting_copy": False},
        {"sop_instance_uid": f"{ROOT}.1.1.2", "n_copies": 2, "has_conflicting_copy": True},
    ]
    chosen = rows(lake, "instance", "file_token, sop_instance_uid")
    smallest = fetch_dicts(
        lake,
        "select min(file_token) as file_token, sop_instance_uid from raw.raw_dicom.file group by 2 order by all",
    )
    assert chosen == smallest
    assert scan(lake, folder).compared == 0


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_the_copy_that_is_indexed_does_not_depend_on_the_order_of_arrival(lake, folder, order):
    for name in order:
        write_dicom(folder / name, attributes={"StationName": name})
        scan(lake, folder)
    tokens = rows(lake, "file", "file_token")
    assert rows(lake, "instance", "file_token, n_copies") == [{"file_token": tokens[0]["file_token"], "n_copies": 2}]


def test_when_the_indexed_copy_vanishes_the_other_takes_its_place(lake, folder):
    for name in ("a", "b"):
        write_dicom(folder / name, attributes={"StationName": name})
    scan(lake, folder)
    (indexed,) = rows(lake, "instance", "station_name")
    (folder / indexed["station_name"]).unlink()
    result = scan(lake, folder)
    (left,) = rows(lake, "instance", "station_name, n_copies, is_present, has_conflicting_copy")
    assert left == {
        "station_name": {"a": "b", "b": "a"}[indexed["station_name"]],
        "n_copies": 1,
        "is_present": True,
        "has_conflicting_copy": False,
    }
    assert (result.vanished, result.opened, result.unchanged) == (1, 1, 1)


def test_a_file_that_becomes_another_instance_leaves_no_trace_of_the_first(lake, folder):
    write_dicom(folder / "image", 1, study=1)
    scan(lake, folder, batch_id="first")
    write_dicom(folder / "image", 1, study=2)
    scan(lake, folder, batch_id="second")
    assert rows(lake, "instance", "study_instance_uid") == [{"study_instance_uid": f"{ROOT}.2"}]
    assert [count(lake, table) for table in ("series", "study", "patient")] == [1, 1, 1]


def test_a_file_that_breaks_leaves_the_index(lake, folder):
    path = write_dicom(folder / "image")
    scan(lake, folder)
    path.write_bytes(path.read_bytes()[:-5])
    assert scan(lake, folder).quarantined == {"truncated_pixel_data": 1}
    assert [count(lake, table) for table in ("file", "instance", "study")] == [1, 0, 0]


def test_values_that_differ_within_a_study_are_set_apart_and_not_picked(lake, folder):
    write_dicom(folder / "1", 1, attributes={"PatientID": "CANARY-1", "PatientSex": "F", "PatientAge": None})
    write_dicom(folder / "2", 2, attributes={"PatientID": "CANARY-1", "PatientSex": "M", "PatientAge": "046Y"})
    write_dicom(folder / "3", 3, attributes={"PatientID": "CANARY-2", "PatientSex": "M", "PatientAge": "046Y"})
    scan(lake, folder)
    (study,) = rows(lake, "study")
    assert (study["patient_id"], study["patient_sex"], study["patient_age"]) == (None, None, "046Y")
    assert json.loads(study["conflicting_attributes"]) == {
        "patient_id": {"CANARY-1": 2, "CANARY-2": 1},
        "patient_sex": {"F": 1, "M": 2},
    }
    patients = rows(lake, "patient", "patient_id, patient_sex, n_instances")
    assert patients == [
        {"patient_id": "CANARY-1", "patient_sex": None, "n_instances": 2},
        {"patient_id": "CANARY-2", "patient_sex": "M", "n_instances": 1},
    ]


def test_instances_without_patient_or_study_are_in_no_group(lake, folder):
    write_dicom(folder / "image", attributes={"PatientID": None, "StudyInstanceUID": None})
    scan(lake, folder)
    assert [count(lake, table) for table in ("instance", "series", "study", "patient")] == [1, 1, 0, 0]
    assert scan(lake, folder).opened == 0


@pytest.mark.parametrize("step", ["_write_batch", "_open_displaced", "settle_copies", "rebuild_groups"])
def test_a_scan_that_was_killed_is_completed_by_the_next(tmp_path, folder, monkeypatch, step):
    write_study(folder)
    write_study(folder, study=2)
    shutil.copytree(folder / "study1", folder / "copies")
    clean = open_raw_zone(tmp_path / "clean")
    scan(clean, folder, batch_id="clean")
    broken = open_raw_zone(tmp_path / "broken")
    monkeypatch.setattr(dicom_index.scan, "_READ_BATCH", 4)
    calls = []
    work = getattr(dicom_index.scan, step)

    def die_at_second_batch(*arguments, **options):
        calls.append(step)
        if step != "_write_batch" or len(calls) == 3:
            raise KeyboardInterrupt
        return work(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(dicom_index.scan, step, die_at_second_batch)
        with pytest.raises(KeyboardInterrupt):
            scan(broken, folder, batch_id="killed")
    scan(broken, folder, batch_id="again")
    assert contents(broken) == contents(clean)
    assert scan(broken, folder, batch_id="third").opened == 0


def test_a_batch_is_written_whole_or_not_at_all(lake, folder, monkeypatch):
    write_dicom(folder / "image")
    monkeypatch.setattr(dicom_index.scan, "RIGHTFUL", "select no_such_column from raw.raw_dicom.file")
    with pytest.raises(duckdb.Error):
        scan(lake, folder)
    assert count(lake, "file") == count(lake, "instance") == 0


def test_what_if_counts_and_writes_nothing(lake, folder):
    write_study(folder)
    write_dicom(folder / "cut", 9, keep=-5)
    result = scan(lake, folder, what_if=True)
    assert (result.seen, result.indexed, result.quarantined) == (7, 6, {"truncated_pixel_data": 1})
    assert [count(lake, table) for table in read_contract("dicom")] == [0, 0, 0, 0, 0]


def test_progress_is_told(lake, folder, monkeypatch):
    monkeypatch.setattr(dicom_index.scan, "_READ_BATCH", 4)
    write_study(folder)
    told = []
    scan(lake, folder, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 6), (6, 6)]


def test_a_path_in_gbk_is_kept_and_opened_again(lake, folder):
    path = Path(os.fsdecode(os.fsencode(folder) + b"/\xd5\xc5\xc8\xfd \\x41"))
    write_dicom(path)
    assert scan(lake, folder).indexed == 1
    (row,) = rows(lake, "file", "path")
    assert row["path"].endswith("/\\xd5\\xc5\\xc8\\xfd \\\\x41")
    assert text_to_path(row["path"]) == text_to_path(path_to_text(str(path))) == path
    assert scan(lake, folder).unchanged == 1


def test_no_name_and_no_path_is_logged(lake, folder, caplog):
    caplog.set_level("DEBUG")
    write_dicom(folder / "CANARY.dcm", attributes={"PatientBirthDate": "CANARY"})
    write_dicom(folder / "CANARY-cut.dcm", keep=-3)
    scan(lake, folder)
    assert "CANARY" not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_reasons_come_from_a_closed_list(lake, folder):
    write_dicom(folder / "cut", keep=-3)
    (folder / "empty").touch()
    scan(lake, folder)
    reasons = {row["reason"] for row in rows(lake, "file", "reason")}
    assert reasons <= {*QUARANTINE_REASONS, *NOT_DICOM_REASONS}


def test_the_contract_alone_decides_what_is_indexed():
    columns = indexed_columns()
    assert len(columns) >= 60
    named = {column.name for column in read_table("dicom", "instance").columns if "dicom" in column.meta}
    assert {name for name, _, _ in columns} == named
    instance = {column.name: column.data_type for column in read_table("dicom", "instance").columns}
    for table in ("series", "study", "patient"):
        for column in read_table("dicom", table).columns:
            if "dicom" in column.meta:
                assert instance[column.name] == column.data_type, f"{table}.{column.name}"


@pytest.mark.parametrize(
    ("text", "data_type", "value"),
    [
        ("007", "integer", 7),
        ("7.0", "integer", 7),
        ("7.5", "integer", None),
        ("4A", "integer", None),
        ("1\\2", "integer", None),
        ("99999999999", "integer", None),
        ("99999999999", "bigint", 99999999999),
        ("1e-3", "double", 0.001),
        ("nan", "double", None),
        ("1,5", "double", None),
        ("20260229", "date", None),
        ("2026.03.01", "date", "2026-03-01"),
        ("20260301", "date", "2026-03-01"),
        ("09", "time", "09:00:00"),
        ("091500.5", "time", "09:15:00.500000"),
        ("09:15:00", "time", "09:15:00"),
        ("246000", "time", None),
    ],
)
def test_a_text_fits_its_column_or_does_not(text, data_type, value):
    converted = convert_text(text, data_type)
    assert (str(converted) if data_type in ("date", "time") and converted is not None else converted) == value


def test_every_shared_file_is_accounted_for(lake, shared, opened):
    folder = shared / "data" / "dicom"
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    result = scan(lake, folder, batch_id="first")
    assert result.seen == result.opened == files == 390
    assert result.indexed == 329
    assert result.quarantined == {"no_sop_instance_uid": 12, "truncated_header": 1, "truncated_pixel_data": 2}
    assert result.not_dicom_reasons == {"dicomdir": 8, "not_dicom": 38}
    assert [count(lake, table) for table in ("instance", "series", "study", "patient")] == [254, 130, 79, 52]
    opened.clear()
    assert scan(lake, folder, batch_id="second").opened == len(opened) == 0


NAMES = [
    ("chrArab.dcm", "قباني^لنزار"),
    ("chrFren.dcm", "Buc^Jérôme"),
    ("chrGerm.dcm", "Äneas^Rüdiger"),
    ("chrGreek.dcm", "Διονυσιος"),
    ("chrH31.dcm", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
    ("chrHbrw.dcm", "שרון^דבורה"),
    ("chrI2.dcm", "Hong^Gildong=洪^吉洞=홍^길동"),
    ("chrKoreanMulti.dcm", "김희중"),
    ("chrRuss.dcm", "Люкceмбypг"),
    ("chrX1.dcm", "Wang^XiaoDong=王^小東="),
    ("chrX2.dcm", "Wang^XiaoDong=王^小东="),
]


def test_the_names_of_the_standards_examples_are_read(lake, shared):
    folder = next((shared / "data" / "dicom").rglob("chrX2.dcm")).parent
    scan(lake, folder)
    decoded = fetch_dicts(
        lake,
        "select regexp_extract(f.path, '[^/]+$') as file, i.patient_name_decoded as name "
        "from raw.raw_dicom.file as f join raw.raw_dicom.instance as i using (file_token)",
    )
    by_file = {row["file"]: row["name"] for row in decoded}
    assert {file: by_file.get(file) for file, _ in NAMES if file in by_file} == {
        file: name for file, name in NAMES if file in by_file
    }
    assert len(by_file) >= 10
