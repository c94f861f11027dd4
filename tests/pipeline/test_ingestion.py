"""One source into a throw-away home: what arrives is loaded, quarantined or unchanged, and a repeat changes nothing."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.mapping import SourceMapping, read_mapping
from ingestion.pipeline import SourceResult, ingest_source
from lakehouse import PROJECT_ROOT
from lakehouse.errors import KeyMissingError, SourceUnreachableError
from lakehouse.lake import fetch_dicts, open_lake
from lakehouse.settings import Settings
from tests.builders.extract import PATIENT_HEADER, patient_line, write_patients


def patient_mapping(**changes: object) -> SourceMapping:
    mapping = read_mapping(PROJECT_ROOT / "config" / "sources" / "his.yml")
    file = mapping.files[0].model_copy(update=changes)
    return mapping.model_copy(update={"files": (file,)})


def ingest(settings: Settings, **changes: object) -> SourceResult:
    return ingest_source(settings, patient_mapping(**changes), settings.deliveries_folder)


def stored(settings: Settings, columns: str = "patient_id, phone") -> list[tuple]:
    with open_lake(settings, read_only=True) as connection:
        return connection.execute(
            f"select {columns} from raw.raw_his.patient order by _loaded_at, _src_row_no"
        ).fetchall()


def totals(result: SourceResult) -> tuple[int, int, int, int]:
    return tuple(result.total(name) for name in ("received", "loaded", "quarantined", "unchanged"))  # type: ignore[return-value]


def test_rows_are_loaded_as_received(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line("0077000001"), patient_line("77000002", name=" 李 四 ")])
    result = ingest(settings)
    assert totals(result) == (2, 2, 0, 0)
    assert result.files[0].encoding == "gb18030"
    assert stored(settings, "patient_id, patient_name") == [("0077000001", "王犇骉"), ("77000002", " 李 四 ")]


def test_second_run_changes_nothing(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1"), patient_line("2")])
    ingest(settings)
    before = stored(settings, "*")
    assert totals(ingest(settings)) == (2, 0, 0, 2)
    assert stored(settings, "*") == before


def test_corrected_extract_updates_and_keeps_history(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1", phone="11"), patient_line("2", phone="22")])
    ingest(settings)
    write_patients(settings.deliveries_folder, [patient_line("1", phone="99"), patient_line("2", phone="22")])
    assert totals(ingest(settings)) == (2, 1, 0, 1)
    assert stored(settings) == [("1", "11"), ("2", "22"), ("1", "99")]


def test_value_that_goes_back_is_a_new_version(settings: Settings) -> None:
    for name, phone in (("V_BRXX_1.txt", "11"), ("V_BRXX_2.txt", "22"), ("V_BRXX_3.txt", "11 ")):
        write_patients(settings.deliveries_folder, [patient_line("1", phone=phone.strip())], name=name)
        ingest(settings)
        if name.endswith("3.txt"):
            continue
    # the third file has the bytes of the first, which is a replay and no news
    assert [phone for _, phone in stored(settings)] == ["11", "22"]
    write_patients(settings.deliveries_folder, ["", patient_line("1", phone="11")], name="V_BRXX_4.txt")
    assert totals(ingest(settings))[1] == 1
    assert [phone for _, phone in stored(settings)] == ["11", "22", "11"]


def test_versions_of_one_delivery_are_stable(settings: Settings) -> None:
    rows = [patient_line("1", phone="11"), patient_line("1", phone="22"), patient_line("1", phone="11")]
    write_patients(settings.deliveries_folder, rows)
    ingest(settings)
    assert [phone for _, phone in stored(settings)] == ["11", "22", "11"]
    write_patients(settings.deliveries_folder, [*rows, patient_line("2")])
    assert totals(ingest(settings)) == (4, 1, 0, 3)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("5|王犇骉|1", "short_row"),
        (patient_line("5") + "|more", "extra_column"),
        (patient_line("  "), "missing_required_value"),
    ],
    ids=["too few fields", "too many fields", "no key"],
)
def test_bad_row_goes_to_quarantine_and_the_others_load(settings: Settings, line: str, reason: str) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1"), line, patient_line("2")])
    result = ingest(settings)
    assert totals(result) == (3, 2, 1, 0)
    assert result.files[0].quarantined == {reason: 1}
    with open_lake(settings, read_only=True) as connection:
        rows = fetch_dicts(connection, "select reason, row_no, raw_text from raw.raw_ledger.quarantine")
    assert rows[0]["reason"] == reason
    assert rows[0]["row_no"] == 3
    assert totals(ingest(settings)) == (3, 0, 1, 2)


def test_lines_that_are_no_record_are_dropped_and_counted(settings: Settings) -> None:
    lines = [patient_line("1"), "", PATIENT_HEADER, patient_line("1"), "合计：2"]
    write_patients(settings.deliveries_folder, lines)
    result = ingest(settings)
    assert totals(result) == (2, 1, 0, 1)
    assert result.files[0].dropped == {"blank_row": 1, "repeated_header": 1, "footer_row": 1}


def test_unknown_column_is_kept_out_and_counted(settings: Settings) -> None:
    path = write_patients(settings.deliveries_folder, [])
    path.write_text(f"{PATIENT_HEADER}|备注2\n{patient_line('1')}|ZY66000001\n", encoding="utf-8")
    result = ingest(settings)
    assert totals(result) == (1, 1, 0, 0)
    assert result.files[0].unknown_columns == 1
    assert "ZY66000001" not in str(stored(settings, "*"))


def test_missing_required_column_holds_the_file_and_names_it(settings: Settings) -> None:
    path = write_patients(settings.deliveries_folder, [])
    path.write_text("XM|XB\n王犇骉|1\n", encoding="utf-8")
    result = ingest(settings)
    assert totals(result) == (1, 0, 1, 0)
    assert result.files[0].quarantined == {"missing_column": 1}
    assert "column patient_id of raw_his.patient is missing" in result.breaches[0]


def test_table_that_never_came_is_named(settings: Settings) -> None:
    assert "no file matches" in ingest(settings).breaches[0]


def test_folder_that_is_missing_is_an_error(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachableError):
        ingest_source(settings, patient_mapping(), tmp_path / "nowhere")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_encodings_load_to_the_same_table(settings: Settings, encoding: str) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1", name="张三·买买提")], encoding=encoding)
    assert totals(ingest(settings)) == (1, 1, 0, 0)
    assert stored(settings, "patient_id, patient_name") == [("1", "张三·买买提")]


def test_what_if_writes_nothing(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1")])
    result = ingest_source(settings, patient_mapping(), settings.deliveries_folder, what_if=True)
    assert totals(result) == (1, 1, 0, 0)
    assert stored(settings) == []
    assert totals(ingest(settings)) == (1, 1, 0, 0)


def test_wrong_key_stops_before_anything_is_opened(settings: Settings) -> None:
    (settings.home / "keys" / "raw.key").chmod(0o600)
    (settings.home / "keys" / "raw.key").write_text("00" * 32)
    write_patients(settings.deliveries_folder, [patient_line("1")])
    with pytest.raises(KeyMissingError, match=settings.keys["raw"]):
        ingest(settings)


def test_work_folder_is_empty_afterwards(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line("1")])
    ingest(settings)
    assert [path for path in settings.work_folder.rglob("*") if path.is_file()] == []


def test_tables_of_many_batches_arrive_whole(settings: Settings) -> None:
    write_patients(settings.deliveries_folder, [patient_line(str(number)) for number in range(5000)])
    folder = settings.deliveries_folder / "his"
    rows = "\n".join(f"V{number}|出院|1|J18.900|肺炎|1|2024-01-01" for number in range(6000))
    (folder / "V_ZD.txt").write_text(f"JZLSH|ZDLX|ZDXH|ZDBM|ZDMC|RYBQ|ZDRQ\n{rows}\n", encoding="utf-8")
    mapping = read_mapping(PROJECT_ROOT / "config" / "sources" / "his.yml")
    result = ingest_source(settings, mapping, settings.deliveries_folder)
    assert result.total("loaded") == 11_000
    with open_lake(settings, read_only=True) as connection:
        counts = [
            connection.execute(f"select count(*) from raw.raw_his.{table}").fetchone()
            for table in ("patient", "diagnosis")
        ]
    assert counts == [(5000,), (6000,)]


def test_load_that_lost_rows_is_an_error_and_keeps_no_books(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion import pipeline
    from lakehouse.errors import RadlakeError

    write_patients(settings.deliveries_folder, [patient_line("1"), patient_line("2")])
    monkeypatch.setattr(pipeline, "append_rows", lambda *_: None)
    with pytest.raises(RadlakeError, match="holds 0 rows of a load of 2"):
        ingest(settings)
    monkeypatch.undo()
    assert totals(ingest(settings)) == (2, 2, 0, 0)


def test_later_file_of_one_load_is_newer(settings: Settings) -> None:
    others = [patient_line(str(number)) for number in range(2, 9)]
    write_patients(settings.deliveries_folder, [*others, patient_line("1", phone="old")], name="V_BRXX_20240101.txt")
    write_patients(settings.deliveries_folder, [patient_line("1", phone="new")], name="V_BRXX_20240102.txt")
    ingest(settings)
    assert [phone for number, phone in stored(settings) if number == "1"] == ["old", "new"]
    # the same rows once more in a file of other bytes are no news
    write_patients(settings.deliveries_folder, ["", patient_line("1", phone="new")], name="V_BRXX_20240103.txt")
    assert totals(ingest(settings))[1] == 0


def test_contract_may_gain_a_column(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from ingestion import pipeline
    from lakehouse.contract import read_contract

    write_patients(settings.deliveries_folder, [patient_line("1")])
    ingest(settings)
    contract = read_contract("his")
    grown = replace(
        contract["patient"],
        columns=(*contract["patient"].columns, replace(contract["patient"].columns[-1], name="blood_group")),
    )
    monkeypatch.setattr(pipeline, "read_contract", lambda _: contract | {"patient": grown})
    with open_lake(settings) as connection:
        connection.execute("alter table raw.raw_his.patient add column blood_group varchar")
    write_patients(settings.deliveries_folder, [patient_line("2")], name="V_BRXX_2.txt")
    assert totals(ingest(settings))[1] == 1


def test_file_that_two_mappings_read_fills_both_tables_and_keeps_its_periods(
    settings: Settings, tmp_path: Path
) -> None:
    rows = "\n".join(f"V{number},P{number},住院,出院,1,J18.9" for number in range(3))
    (settings.deliveries_folder / "wide.csv").write_text(f"V,A,C,T,N,D\n{rows}\n", encoding="utf-8")
    for period, name in (("2012-2018", "old"), ("2019-", "new")):
        (tmp_path / f"{name}.yml").write_text(
            f"source: his\nperiod: '{period}'\nfiles:\n"
            "  - {entity: encounter, match: 'wide*.csv', reader: {format: delimited},"
            " columns: {visit_id: V, patient_id: A, encounter_class: C}}\n"
            "  - {entity: diagnosis, match: 'wide*.csv', reader: {format: delimited},"
            f" missing: [{name}], columns: {{visit_id: V, diagnosis_type: T, sequence_no: N, diagnosis_code: D}}}}\n",
            encoding="utf-8",
        )
    old = ingest_source(settings, read_mapping(tmp_path / "old.yml"), settings.deliveries_folder)
    assert totals(old) == (6, 6, 0, 0) and [file.entity for file in old.files] == ["encounter", "diagnosis"]
    (settings.deliveries_folder / "wide_2.csv").write_text("V,A,C,T,N,D\nV0,P9,门诊,出院,1,J18.9\n", encoding="utf-8")
    new = ingest_source(settings, read_mapping(tmp_path / "new.yml"), settings.deliveries_folder)
    # a number of another period is another record; only the diagnoses of the first file are read another way now
    assert new.total("loaded") == 4
    with open_lake(settings, read_only=True) as connection:
        assert connection.execute(
            "select _src_period, count(*) from raw.raw_his.encounter group by all order by all"
        ).fetchall() == [("2012-2018", 3), ("2019-", 1)]


def test_database_is_asked_again_at_every_ingestion(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = sqlite3.connect(tmp_path / "his.db")
    database.execute("create table v_brxx (brid text, xm text)")
    database.execute("insert into v_brxx values ('1', '王犇骉'), ('2', '李鑫淼')")
    database.commit()
    monkeypatch.setenv("RADLAKE_TEST_HIS", f"sqlite:///{tmp_path / 'his.db'}")
    (settings.deliveries_folder / "patients.sql").write_text("select brid, xm from v_brxx", encoding="utf-8")
    (tmp_path / "his.yml").write_text(
        "source: his\nfiles:\n  - {entity: patient, match: 'patients.sql', complete_extract: true,"
        " reader: {format: database, url: 'env:RADLAKE_TEST_HIS'}, columns: {patient_id: BRID, patient_name: XM}}\n",
        encoding="utf-8",
    )
    mapping = read_mapping(tmp_path / "his.yml")
    assert totals(ingest_source(settings, mapping, settings.deliveries_folder)) == (2, 2, 0, 0)
    database.execute("update v_brxx set xm = '李森' where brid = '2'")
    database.commit()
    assert totals(ingest_source(settings, mapping, settings.deliveries_folder)) == (2, 1, 0, 1)
    monkeypatch.delenv("RADLAKE_TEST_HIS")
    held = ingest_source(settings, mapping, settings.deliveries_folder)
    assert held.total("loaded") == 0 and "RADLAKE_TEST_HIS" in held.breaches[0]


def test_file_that_is_replaced_while_it_is_read_is_held_and_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingestion import pipeline

    path = write_patients(settings.deliveries_folder, [patient_line("1"), patient_line("2")])
    read = pipeline.read_file

    def read_and_replace(*arguments: object) -> Iterator:
        for part in read(*arguments):  # type: ignore[arg-type]
            yield part
            write_patients(path.parent.parent, [patient_line("3"), patient_line("4"), patient_line("5")])

    monkeypatch.setattr(pipeline, "read_file", read_and_replace)
    held = ingest(settings)
    assert held.total("loaded") == 0 and held.files[0].quarantined == {"file_replaced": 1}
    assert held.files[0].issues == {"file_replaced": 1}
    monkeypatch.undo()
    assert totals(ingest(settings)) == (3, 3, 0, 0)


def test_reader_that_fails_holds_its_file_and_no_other(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion import pipeline

    bad = write_patients(settings.deliveries_folder, [patient_line("1")], name="V_BRXX_1.txt")
    write_patients(settings.deliveries_folder, [patient_line("2")], name="V_BRXX_2.txt")
    read = pipeline.read_file

    def read_or_fail(path: Path, *rest: object) -> Iterator:
        yield from read(path, *rest)  # type: ignore[arg-type]
        if path == bad:
            raise RuntimeError("王犇骉")

    monkeypatch.setattr(pipeline, "read_file", read_or_fail)
    result = ingest(settings)
    assert totals(result) == (2, 1, 1, 0) and "RuntimeError" not in str(stored(settings))
    assert result.breaches and "王犇骉" not in str(result)
    assert [number for number, _ in stored(settings)] == ["2"]
