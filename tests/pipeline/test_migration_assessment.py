"""Assessing legacy databases from the command to the report: exact, the same each time, and without a rare value."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestion.migration.assessment import profile
from ingestion.migration.source import parse_address
from lakehouse.errors import CheckFailedError, RadlakeError
from serving.cli import app
from serving.migration_assessment import assess_source
from tests.builders.legacy import (
    AWKWARD_MYSQL,
    AWKWARD_POSTGRESQL,
    load_synthetic,
    write_awkward_sqlite,
    write_synthetic,
)
from tests.builders.servers import PASSWORD, Server
from tests.canary import find_in_bytes, find_in_files

TODAY = date(2026, 11, 24)
PATIENTS = 40


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("legacy")
    write_synthetic(folder, PATIENTS)
    return folder


@pytest.fixture(scope="module")
def sources(synthetic: Path, postgresql: Server, mariadb: Server) -> dict[str, str]:
    """Return the address of the synthetic database by engine; the dumps lie in folders of their own."""
    addresses = {"sqlite": str(synthetic / "research.sqlite")}
    for server in (postgresql, mariadb):
        addresses[server.engine] = load_synthetic(server, synthetic)
    for engine in ("mysql", "postgresql"):
        folder = synthetic / f"{engine}_dump"
        folder.mkdir()
        shutil.copy(synthetic / f"research.{engine}.sql", folder)
        addresses[f"{engine} dump"] = str(folder)
    return addresses


@pytest.fixture(scope="module")
def assessments(
    sources: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("assessments")
    yield {
        name: assess_source(parse_address(address), folder / name.replace(" ", "_"), today=TODAY)
        for name, address in sources.items()
    }


def profiles(content: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {
        (table["name"], column["name"]): column["profile"]
        for table in content["objects"]["tables"]
        for column in table["columns"]
    }


def probes(content: dict[str, Any]) -> dict[tuple[str, str, str], tuple[int, Any]]:
    return {(one["table"], one["column"], one["probe"]): (one["rows"], one["detail"]) for one in content["probes"]}


def relations(content: dict[str, Any], kind: str) -> dict[str, tuple[int, int]]:
    return {
        f"{one['table']}.{','.join(one['columns'])}>{one['referenced_table']}.{','.join(one['referenced_columns'])}": (
            one["rows"],
            one["orphans"],
        )
        for one in content["relations"][kind]
    }


@pytest.mark.parametrize("name", ["postgresql", "mariadb", "postgresql dump", "mysql dump"])
def test_same_database_has_the_same_profile_in_every_engine(assessments: dict[str, dict[str, Any]], name: str) -> None:
    expected, found = assessments["sqlite"], assessments[name]
    assert profiles(found) == profiles(expected)
    assert probes(found) == probes(expected)
    for kind in ("declared", "implied"):
        assert relations(found, kind) == relations(expected, kind)
    assert [table["growth"] for table in found["objects"]["tables"]] == [
        table["growth"] for table in expected["objects"]["tables"]
    ]


@pytest.mark.parametrize(("dump", "live"), [("mysql dump", "mariadb"), ("postgresql dump", "postgresql")])
def test_dump_has_the_objects_of_the_live_database(
    assessments: dict[str, dict[str, Any]], dump: str, live: str
) -> None:
    assert assessments[dump]["counts"] == assessments[live]["counts"]


def test_counts_of_the_synthetic_database_are_its_truth(
    assessments: dict[str, dict[str, Any]], synthetic: Path
) -> None:
    """What `synthetic_hospital/legacy.py` plants, counted by asking SQLite in other words."""
    connection = sqlite3.connect(synthetic / "research.sqlite")

    def rows(condition: str) -> int:
        return int(connection.execute(f"select count(*) from {condition}").fetchone()[0])

    found = probes(assessments["sqlite"])
    assert (
        found["patient", "phone", "full_width_digit"][0]
        == rows("patient where phone glob '*[０-９]*'")
        == PATIENTS / 10
    )
    assert found["patient", "name", "trailing_blank"][0] == rows("patient where name like '%  '") == PATIENTS / 10
    assert found["patient", "birth_date", "sentinel_date"][0] == rows(
        "patient where birth_date in ('1900-01-01', '0000-00-00')"
    )
    assert found["visit", "left_at", "sentinel_date"][0] == rows("visit where left_at like '9999-12-31%'")
    assert found["form_value", "value", "sentinel_date"][0] == rows("form_value where value like '2999-12-31'")
    implied = relations(assessments["sqlite"], "implied")
    for relation, condition in {
        "visit.patient_id>patient.id": "visit where patient_id not in (select id from patient)",
        "case_note.his_number>patient.his_number": "case_note where his_number not in (select his_number from patient)",
        "form_record.operator_id>operator.id": "form_record where operator_id not in (select id from operator)",
        "form_record.visit_id>visit.id": "form_record where visit_id not in (select id from visit)",
        "form_value.record_id>form_record.id": "form_value where record_id not in (select id from form_record)",
    }.items():
        assert implied[relation][1] == rows(condition), relation
    assert set(relations(assessments["sqlite"], "declared").values()) == {
        (rows(f"{table} where {column} is not null"), 0)
        for table, column in (
            ("exam", "patient_id"), ("image_file", "exam_id"), ("form_field", "form_id"), ("form_record", "form_id"), ("form_value", "field_id"),
        )
    }  # fmt: skip
    connection.close()


def test_second_run_gives_the_same_bytes(sources: dict[str, str], tmp_path: Path) -> None:
    for name in ("sqlite", "postgresql", "mariadb", "mysql dump"):
        for run in ("one", "two"):
            assess_source(parse_address(sources[name]), tmp_path / name / run, today=TODAY)
        first, second = (
            {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
            for folder in (tmp_path / name / "one", tmp_path / name / "two")
        )
        assert first == second
        assert {"assessment.json", "assessment.html", "assessment.docx", "er_diagram.svg", "definitions.sql"} <= {
            path.name for path in first
        }


RARE = "稀有标记CANARY7319"


def write_marked(path: Path) -> Path:
    """Write a database whose every column holds a rare marked value beside frequent ones."""
    connection = sqlite3.connect(path)
    connection.executescript(
        f"""
        create table exam (id integer primary key, kind text, note text, amount integer, made_at datetime, born date, code text);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 60)
        insert into exam select i, case i % 3 when 0 then 'CT' when 1 then 'MR' else 'DR' end, '未见异常', i % 4,
          '2024-0' || (i % 9 + 1) || '-11 10:00:00', '1980-01-' || (10 + i % 20), 'K' || (i % 5) from n;
        insert into exam values (901, '{RARE}', '{RARE}', 73190246, '2024-03-03 03:03:03', '1931-07-19', '{RARE}');
        insert into exam values (902, 'FOUR', 'FOUR', 1, null, null, 'FOUR'), (903, 'FOUR', 'FOUR', 1, null, null, 'FOUR'),
          (904, 'FOUR', 'FOUR', 1, null, null, 'FOUR'), (905, 'FOUR', 'FOUR', 1, null, null, 'FOUR');
        """
    )
    connection.close()
    return path


def test_value_below_the_cut_off_is_in_no_file(tmp_path: Path) -> None:
    content = assess_source(parse_address(str(write_marked(tmp_path / "a.sqlite"))), tmp_path / "out", today=TODAY)
    found = profiles(content)
    assert {value["value"] for value in found["exam", "kind"]["top_values"]} == {"CT", "MR", "DR"}
    assert found["exam", "kind"]["top_values"][0]["rows"] == 20
    assert find_in_files([tmp_path / "out"], [RARE, "FOUR", "73190246", "1931-07-19"]) == {}
    # the texts of the DOCX are compressed
    unpacked = tmp_path / "unpacked"
    shutil.unpack_archive(tmp_path / "out" / "assessment.docx", unpacked, "zip")
    assert find_in_files([unpacked], [RARE, "FOUR", "73190246", "1931-07-19"]) == {}
    lower = assess_source(parse_address(str(tmp_path / "a.sqlite")), tmp_path / "lower", today=TODAY, min_frequency=4)
    assert "FOUR" in {value["value"] for value in profiles(lower)["exam", "kind"]["top_values"]}


def test_no_identity_of_the_synthetic_hospital_is_in_a_report(
    assessments: dict[str, dict[str, Any]], synthetic: Path
) -> None:
    connection = sqlite3.connect(synthetic / "research.sqlite")
    values = {
        str(value)
        for column in ("his_number", "trim(name)", "citizen_number", "phone", "address")
        for (value,) in connection.execute(f"select {column} from patient where {column} <> ''")
    }
    connection.close()
    assert len(values) > 4 * PATIENTS
    for name, content in assessments.items():
        text = json.dumps(content, ensure_ascii=False).encode()
        assert find_in_bytes([text], sorted(values)) == [[]], name


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_awkward_database_is_assessed(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if engine == "sqlite":
        address = str(write_awkward_sqlite(tmp_path / "awkward.sqlite"))
    else:
        server: Server = request.getfixturevalue(engine)
        script = AWKWARD_POSTGRESQL if engine == "postgresql" else AWKWARD_MYSQL
        address = server.url(server.new_database(script))
    content = assess_source(parse_address(address), tmp_path / "out", today=TODAY)
    tables = {table["name"]: table for table in content["objects"]["tables"]}
    assert tables["检查 表"]["rows"] == 3
    assert profiles(content)["检查 表", "患者's 姓名"]["nulls"] == 1
    assert tables["no_key"]["primary_key"] == []
    assert probes(content)["检查 表", "患者's 姓名", "trailing_blank"][0] == 1


def seed(table: str) -> str:
    """Return a script of a table with every kind of defect that a database of any engine can hold, or of its clean twin."""
    dirty = [
        (1, "'１３８０'", "'张三  '", "'2024-13-01'", "'11010519491231002X'", "''"),
        (2, "'12'", "'李四'", "'0000-00-00'", "'110105194912310021'", "null"),
        (3, "'12'", "'ÖÐÎÄ'", "'2024-01-05'", "'110105491231002'", "'x'"),
        (4, "'12'", "'???'", "'2024/01/05'", "'11010519491231002x'", "'x'"),
    ]
    clean = [
        (1, "'1380'", "'张三'", "'2024-12-01'", "'11010519491231002X'", "'x'"),
        (2, "'12'", "'李四'", "'2024-02-29'", "'440524188001010014'", "'x'"),
        (3, "'12'", "'中文'", "'2024-01-05'", "'11010519491231002X'", "null"),
        (4, "'12'", "'患者'", "'2024-01-06'", "'11010519491231002X'", "'x'"),
    ]
    rows = ", ".join("(" + ", ".join(map(str, row)) + ")" for row in (dirty if table == "dirty" else clean))
    return (
        f"create table {table} (id int primary key, a varchar(20), b varchar(20), c varchar(20), d varchar(20), e varchar(20));"
        f"insert into {table} values {rows};"
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_seeded_defects_are_found_exactly_and_none_in_the_clean_twin(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if engine == "sqlite":
        with sqlite3.connect(tmp_path / "a.sqlite") as connection:
            connection.executescript(seed("dirty") + seed("clean"))
        connection.close()
        address = str(tmp_path / "a.sqlite")
    else:
        server: Server = request.getfixturevalue(engine)
        address = server.url(server.new_database(seed("dirty") + seed("clean")))
    found = probes(assess_source(parse_address(address), tmp_path / "out", today=TODAY))
    assert {place: rows for place, (rows, _) in found.items()} == {
        ("dirty", "a", "full_width_digit"): 1,
        ("dirty", "b", "trailing_blank"): 1,
        ("dirty", "b", "mojibake_gbk_as_latin1"): 1,
        ("dirty", "b", "question_marks"): 1,
        ("dirty", "c", "impossible_date"): 1,
        ("dirty", "c", "sentinel_date"): 1,
        ("dirty", "c", "mixed_date_forms"): 1,
        ("dirty", "d", "citizen_check_digit"): 1,
        ("dirty", "d", "citizen_15_digits"): 1,
        ("dirty", "e", "empty_beside_null"): 1,
    }


def test_chinese_hospital_system_is_assessed(mariadb: Server, shared: Path, tmp_path: Path) -> None:
    dump = shared / "data" / "legacy" / "zainzhao-his" / "document" / "mysql" / "his.sql"
    address = parse_address(mariadb.url(mariadb.new_database(dump)))
    content = assess_source(address, tmp_path, today=TODAY)
    assert content["counts"] | {"rows": 0, "size_bytes": 0} == content["counts"] | {
        "tables": 38, "columns": 384, "primary_keys": 38, "foreign_keys": 0, "views": 0, "triggers": 0, "rows": 0, "size_bytes": 0,
    }  # fmt: skip
    assert content["relations"]["declared"] == []
    implied = relations(content, "implied")
    for relation, rows in {
        "dms_drug.dosage_id>dms_dosage.id": 2966,
        "dms_dise.cat_id>dms_dise_catalog.id": 29395,
        "sms_staff.dept_id>sms_dept.id": 26,
        "sms_skd.staff_id>sms_staff.id": 41,
        "dms_registration.patient_id>pms_patient.id": 1,
    }.items():
        assert implied[relation] == (rows, 0)
    assert probes(content)["dms_drug", "name", "trailing_blank"][0] == 315
    page = (tmp_path / "assessment.html").read_text(encoding="utf-8")
    assert "源库没有声明任何外键" in page
    assert PASSWORD not in page


def test_command_writes_the_report_and_prints_the_document(sources: dict[str, str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["migrate", "assess", sources["sqlite"], "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((tmp_path / "assessment.json").read_text(encoding="utf-8"))
    assert sorted(path.name for path in (tmp_path / "drafts").iterdir()) == [
        "draft_v_exam.sql", "draft_v_follow_up_wide.sql", "draft_v_smoking.sql",
    ]  # fmt: skip


def test_dispositions_must_be_decided_for_every_object(sources: dict[str, str], tmp_path: Path) -> None:
    address = parse_address(sources["postgresql"])
    assess_source(address, tmp_path / "first", today=TODAY)
    draft = (tmp_path / "first" / "dispositions.draft.yml").read_text(encoding="utf-8")
    decided = tmp_path / "decided.yml"
    decided.write_text(draft.replace("status: proposed", "status: decided"), encoding="utf-8")
    content = assess_source(address, tmp_path / "second", dispositions=decided, today=TODAY)
    assert content["dispositions"]["is_decided"]
    entry = re.search(r"- object: visit\.tr_visit_stay\n(?:  .*\n)+", decided.read_text(encoding="utf-8"))
    assert entry
    decided.write_text(decided.read_text(encoding="utf-8").replace(entry[0], ""), encoding="utf-8")
    with pytest.raises(CheckFailedError, match=r"missing: trigger visit\.tr_visit_stay"):
        assess_source(address, tmp_path / "third", dispositions=decided, today=TODAY)


def rows_of_engine(engine: str) -> str:
    """Return SQL that gives the numbers from 1 to 4000 as i."""
    if engine == "postgresql":
        return "select i from generate_series(1, 4000) as i"
    if engine == "mariadb":
        return "select seq as i from seq_1_to_4000"
    return "with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) select i from n"


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_distinct_values_of_a_very_large_table_are_told_from_a_sample(
    engine: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "SAMPLED_ABOVE", 3000)
    monkeypatch.setattr(profile, "_SAMPLE", 1000)
    script = "create table big (id int primary key, number varchar(20), kind varchar(20));"
    script += (
        f"insert into big select i, {'concat' if engine != 'sqlite' else 'printf'}"
        f"({chr(39) + 'K%d' + chr(39) if engine == 'sqlite' else chr(39) + 'K' + chr(39)}, i), 'CT' from ({rows_of_engine(engine)}) n;"
        "create table small (id int primary key); insert into small values (1);"
    )
    if engine == "sqlite":
        with sqlite3.connect(tmp_path / "a.sqlite") as connection:
            connection.executescript(script)
        connection.close()
        address = str(tmp_path / "a.sqlite")
    else:
        server: Server = request.getfixturevalue(engine)
        address = server.url(server.new_database(script))
    contents = [assess_source(parse_address(address), tmp_path / run, today=TODAY) for run in ("one", "two")]
    assert contents[0] == contents[1]
    found = profiles(contents[0])
    assert found["big", "number"]["is_distinct_estimated"]
    assert 3900 <= found["big", "number"]["distinct"] <= 4000
    assert (found["big", "kind"]["distinct"], found["big", "kind"]["rows"]) == (1, 4000)
    assert found["big", "kind"]["top_values"] == [{"value": "CT", "rows": 4000}]
    assert not found["small", "id"]["is_distinct_estimated"]
    (note,) = [note for note in contents[0]["notes"] if "sample" in note]
    sampled = int(re.search(r"sample of (\d+) of 4000", note)[1])  # type: ignore[index]
    assert 300 <= sampled <= 2500


def test_table_that_may_not_be_read_is_named(postgresql: Server, tmp_path: Path) -> None:
    name = postgresql.new_database(
        "create table open_one (id int); create table closed_one (id int);"
        "create role narrow login password 'narrow'; grant select on open_one to narrow;"
    )
    address = parse_address(f"postgresql://narrow:narrow@127.0.0.1:{postgresql.port}/{name}")
    with pytest.raises(RadlakeError, match=r"table public\.closed_one"):
        assess_source(address, tmp_path, today=TODAY)


def test_source_is_not_changed(sources: dict[str, str], tmp_path: Path) -> None:
    before = Path(sources["sqlite"]).read_bytes()
    assess_source(parse_address(sources["sqlite"]), tmp_path, today=TODAY)
    assert Path(sources["sqlite"]).read_bytes() == before
