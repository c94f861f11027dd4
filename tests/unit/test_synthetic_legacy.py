"""The old research module's database: three forms with one content, and the dirt a migration has to live with."""

import itertools
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthetic_hospital.legacy import write_legacy_database
from synthetic_hospital.legacy_schema import TABLES, create_statement
from synthetic_hospital.population import tell_patients

SEED = 7
NAMES = [table.name for table in TABLES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("legacy")
    write_legacy_database(folder, tell_patients(10, SEED))
    return folder


@pytest.fixture
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(folder / "research.sqlite", isolation_level=None)
    connection.execute("begin")
    yield connection
    connection.execute("rollback")
    connection.close()


def statements(script: Path) -> Iterator[str]:
    """Yield the statements of a script up to its routines."""
    statement = ""
    for line in script.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def rows_of(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"select * from {table}").fetchall()


def load_inserts(script: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for table in TABLES:
        connection.execute(create_statement(table, "sqlite"))
    for statement in statements(script):
        if statement.startswith("insert into"):
            connection.execute(statement)
    return connection


def test_counts_are_those_of_the_tables(tmp_path: Path) -> None:
    counts = write_legacy_database(tmp_path, tell_patients(25, SEED))
    with sqlite3.connect(tmp_path / "research.sqlite") as connection:
        found = {name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in NAMES}
    connection.close()
    assert counts == found
    assert counts["patient"] == 25
    assert all(found.values())


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_script_has_the_same_rows_as_the_database(folder: Path, database: sqlite3.Connection, engine: str) -> None:
    loaded = load_inserts(folder / f"research.{engine}.sql")

    def as_kept(value: object) -> object:
        if engine == "mysql" and isinstance(value, str):
            return value.replace("\\\\", "\\")
        if engine == "postgresql" and isinstance(value, str) and re.fullmatch(r"\\x[0-9a-f]+", value):
            return bytes.fromhex(value[2:])
        return value

    for name in NAMES:
        kept = [tuple(as_kept(value) for value in row) for row in rows_of(loaded, name)]
        assert kept == rows_of(database, name), name
    loaded.close()


@pytest.mark.parametrize(
    "query",
    [
        "select 1 from patient where name like '%  '",
        "select 1 from patient where phone glob '*[０-９]*'",
        "select 1 from patient where birth_date = '1900-01-01'",
        "select 1 from patient where birth_date = '0000-00-00'",
        "select 1 from visit where patient_id not in (select id from patient)",
        "select 1 from case_note where his_number not in (select his_number from patient)",
        "select 1 from form_record where operator_id not in (select id from operator)",
        "select 1 from visit where left_at = '9999-12-31 00:00:00'",
        "select 1 from form_value where value like '2999-12-31'",
        "select 1 from v_smoking where label is null",
        "select 1 from operation_log group by logged_at, who, what, target having count(*) > 1",
        "select 1 from case_note where length(cast(body as blob)) > 4000",
        "select 1 from image_file where substr(thumbnail, 2, 3) = cast('PNG' as blob)",
        "select 1 from exam where nodule_mm is null",
    ],
    ids=[
        "trailing blanks", "full-width digits", "1900 sentinel", "zero sentinel", "orphan visit", "orphan note", "orphan record",
        "9999 sentinel", "2999 sentinel", "code in no list", "duplicate log", "long text", "picture", "null number",
    ],
)  # fmt: skip
def test_ten_patients_have_the_dirt(database: sqlite3.Connection, query: str) -> None:
    assert database.execute(query).fetchall()


def test_declared_relations_hold(database: sqlite3.Connection) -> None:
    assert database.execute("pragma foreign_key_check").fetchall() == []
    assert database.execute("select count(*) from pragma_foreign_key_list('exam')").fetchone() == (1,)


def test_implied_relations_are_declared_nowhere(database: sqlite3.Connection) -> None:
    implied = [
        (table.name, name) for table in TABLES for name, _, comment in table.columns if comment.endswith("未建外键")
    ]
    declared = {
        (table, row[0])
        for table in NAMES
        for row in database.execute(f"select \"from\" from pragma_foreign_key_list('{table}')")
    }
    assert len(implied) >= 4
    assert declared.isdisjoint(implied)


def test_log_has_no_key(database: sqlite3.Connection) -> None:
    assert {row[5] for row in database.execute("pragma table_info(operation_log)")} == {0}


def test_nothing_is_a_password() -> None:
    columns = [name for table in TABLES for name, _, _ in table.columns]
    assert [name for name in columns if re.search("pass|pwd|secret|token", name)] == []


@pytest.mark.parametrize("view", ["v_exam", "v_smoking", "v_follow_up_wide"])
def test_view_answers(database: sqlite3.Connection, view: str) -> None:
    assert database.execute(f"select * from {view}").fetchall()


def test_triggers_count_days_and_write_the_log(database: sqlite3.Connection) -> None:
    database.execute("update visit set visited_at = '2024-01-02 09:00:00' where id = 1")
    database.execute("update visit set left_at = '2024-01-09 08:00:00' where id = 1")
    assert database.execute("select stay_days from visit where id = 1").fetchone() == (7,)
    database.execute("update exam set lobe = '1' where id = 1")
    database.execute("delete from visit where id = 1")
    logged = database.execute("select what, target from operation_log where who = '系统' order by 1").fetchall()
    assert logged == [("delete", "visit"), ("update", "exam")]


@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_script_has_comments_and_routines(folder: Path, engine: str) -> None:
    script = (folder / f"research.{engine}.sql").read_text(encoding="utf-8")
    missing = [
        text for table in TABLES for text in (table.comment, *(c for *_, c in table.columns)) if text not in script
    ]
    assert missing == []
    assert len(re.findall("^create trigger ", script, re.MULTILINE)) == 3
    assert len(re.findall("^create procedure ", script, re.MULTILINE)) == 1
    assert "create function f_nodule_class" in script


@pytest.mark.parametrize("name", ["research.sqlite", "research.mysql.sql", "research.postgresql.sql"])
def test_every_patient_stands_in_each_form(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    people = [patient.person for patient in tell_patients(10, SEED)]
    assert [person.ordinal for person in people if person.name.encode() not in data] == []
    assert [person.ordinal for person in people if person.citizen_id.encode() not in data] == []


def test_no_more_patients_are_taken_than_the_limit(tmp_path: Path) -> None:
    endless = itertools.cycle(tell_patients(3, SEED))
    assert write_legacy_database(tmp_path, endless, limit=7)["patient"] == 7


def test_hospital_without_patients_is_a_database_without_rows(tmp_path: Path) -> None:
    assert write_legacy_database(tmp_path, [])["visit"] == 0
    assert "insert into patient" not in (tmp_path / "research.postgresql.sql").read_text(encoding="utf-8")


def test_database_is_the_same_for_the_same_patients(folder: Path, tmp_path: Path) -> None:
    write_legacy_database(tmp_path, tell_patients(10, SEED))
    for name in ("research.sqlite", "research.mysql.sql", "research.postgresql.sql"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()
