"""Relations of a legacy database: declared and implied ones, their orphans, and what must not be taken for one."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.migration.assessment.dialect import reader_of
from ingestion.migration.assessment.profile import TableFacts, read_facts
from ingestion.migration.assessment.relations import Relation, find_declared, find_implied
from ingestion.migration.catalog import Catalog, Column
from ingestion.migration.engines import read_catalog
from ingestion.migration.source import open_source, parse_address


def relations_of(
    path: Path, script: str, comments: dict[str, str] | None = None
) -> tuple[list[Relation], list[Relation]]:
    """Return declared and implied relations of a database; comments by table.column, or by table."""
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    with open_source(parse_address(str(path))) as source:
        catalog = with_comments(read_catalog(source), comments or {})
        reader = reader_of(source, catalog)
        facts: dict[tuple[str, str], TableFacts] = {
            (table.schema, table.name): read_facts(reader, table) for table in catalog.tables
        }
        return find_declared(reader, facts), find_implied(reader, facts)


def with_comments(catalog: Catalog, comments: dict[str, str]) -> Catalog:
    def commented(table: str, column: Column) -> Column:
        return replace(column, comment=comments.get(f"{table}.{column.name}", ""))

    return replace(
        catalog,
        tables=tuple(
            replace(
                table,
                comment=comments.get(table.name, ""),
                columns=tuple(commented(table.name, column) for column in table.columns),
            )
            for table in catalog.tables
        ),
    )


def ends(relation: Relation) -> str:
    return f"{relation.table}.{','.join(relation.columns)}>{relation.referenced_table}.{','.join(relation.referenced_columns)}"


def numbers(table: str, column: str, last: int, first: int = 1) -> str:
    return (
        f"with recursive n(i) as (select {first} union all select i + 1 from n where i < {last}) "
        f"insert into {table} ({column}) select i from n;"
    )


PATIENTS = "create table patient (id integer primary key, his_number text);" + numbers("patient", "id", 50)


def test_declared_relation_counts_its_orphans_exactly(tmp_path: Path) -> None:
    declared, implied = relations_of(
        tmp_path / "a.sqlite",
        PATIENTS
        + "create table visit (id integer primary key, patient_id integer references patient);"
        + "insert into visit (patient_id) values (1), (1), (2), (null), (900), (901), (901), (0);",
    )
    assert [(ends(one), one.rows, one.orphans, one.values, one.orphan_values) for one in declared] == [
        ("visit.patient_id>patient.id", 7, 4, 5, 3)
    ]
    assert implied == []


def test_declared_relation_of_two_columns_counts_only_whole_keys(tmp_path: Path) -> None:
    declared, _ = relations_of(
        tmp_path / "a.sqlite",
        "create table code (list text, code text, primary key (list, code)); insert into code values ('a', '1'), ('b', '2');"
        "create table answer (id integer primary key, list text, code text, foreign key (list, code) references code);"
        "insert into answer (list, code) values ('a', '1'), ('a', '2'), ('b', '2'), ('b', null), (null, null);",
    )
    assert [(one.rows, one.orphans) for one in declared] == [(3, 1)]


def test_declared_relation_to_a_missing_table_has_only_orphans(tmp_path: Path) -> None:
    declared, _ = relations_of(
        tmp_path / "a.sqlite",
        "create table visit (id integer primary key, ward_id integer references ward (id)); insert into visit values (1, 5), (2, 6);",
    )
    assert [(one.referenced_table, one.rows, one.orphans) for one in declared] == [("ward", 2, 2)]


@pytest.mark.parametrize(
    ("table", "column", "evidence"),
    [
        ("patient", "patient_id", "name"),
        ("patient", "patientId", "name"),
        ("patients", "patient_id", "name"),
        ("t_patient", "patient_id", "name"),
        ("患者", "患者编号", "name"),
        ("patient", "refer_patient_id", "role"),
    ],
)
def test_name_hints_at_an_implied_relation(table: str, column: str, evidence: str, tmp_path: Path) -> None:
    _, implied = relations_of(
        tmp_path / "a.sqlite",
        f'create table "{table}" (id integer primary key);{numbers(chr(34) + table + chr(34), "id", 50)}'
        f'create table visit (id integer primary key, "{column}" integer);'
        + numbers("visit", f'"{column}"', 48)
        + f'insert into visit ("{column}") values (0), (null), (777), (777);',
    )
    assert [(ends(one), one.evidence, one.rows, one.orphans, one.orphan_values) for one in implied] == [
        (f"visit.{column}>{table}.id", evidence, 50, 2, 1)
    ]


@pytest.mark.parametrize(
    "comment", ["患者序号，对应patient.id，未建外键", "对应患者表id", "关联 patient 表", "foreign key: patient.id"]
)
def test_comment_hints_at_an_implied_relation(comment: str, tmp_path: Path) -> None:
    _, implied = relations_of(
        tmp_path / "a.sqlite",
        PATIENTS + "create table visit (id integer primary key, who integer);" + numbers("visit", "who", 60),
        {"visit.who": comment, "patient": "患者"},
    )
    assert [(ends(one), one.evidence, one.orphans) for one in implied] == [("visit.who>patient.id", "comment", 10)]


def test_module_prefix_of_tables_is_no_part_of_their_name(tmp_path: Path) -> None:
    script = "".join(
        f"create table {name} (id integer primary key);{numbers(name, 'id', 20)}"
        for name in ("sms_dept", "sms_staff", "dms_drug", "dms_dosage", "pms_patient")
    )
    script += "create table dms_order (id integer primary key, patient_id int, dept_id int);" + numbers(
        "dms_order", "patient_id", 20
    )
    _, implied = relations_of(tmp_path / "a.sqlite", script + "update dms_order set dept_id = id % 20 + 1")
    assert [ends(one) for one in implied] == ["dms_order.patient_id>pms_patient.id", "dms_order.dept_id>sms_dept.id"]


def test_key_copied_under_its_own_name_points_to_where_it_is_the_key(tmp_path: Path) -> None:
    _, implied = relations_of(
        tmp_path / "a.sqlite",
        "create table person (his_number text primary key); create table note (id integer primary key, his_number text);"
        + "".join(f"insert into person values ('P{n}');" for n in range(30))
        + "".join(f"insert into note (his_number) values ('P{n}');" for n in range(28))
        + "insert into note (his_number) values ('P1X');",
    )
    assert [(ends(one), one.orphans, one.evidence) for one in implied] == [
        ("note.his_number>person.his_number", 1, "shared_key")
    ]


def test_small_numbers_without_a_hint_are_no_relation(tmp_path: Path) -> None:
    script = PATIENTS + "create table exam (id integer primary key, kind integer, size integer, lobe_code integer);"
    script += numbers("exam", "kind", 9) + "update exam set size = kind, lobe_code = kind % 5 + 1;"
    assert relations_of(tmp_path / "a.sqlite", script)[1] == []


def test_hint_whose_values_are_not_found_is_no_relation(tmp_path: Path) -> None:
    script = PATIENTS + "create table visit (id integer primary key, patient_id integer);"
    assert relations_of(tmp_path / "a.sqlite", script + numbers("visit", "patient_id", 90, 40))[1] == []


def test_text_and_number_do_not_go_together(tmp_path: Path) -> None:
    script = (
        PATIENTS + "create table visit (id integer primary key, patient_id text); insert into visit values (1, '1');"
    )
    assert relations_of(tmp_path / "a.sqlite", script)[1] == []


def test_parent_points_into_its_own_table(tmp_path: Path) -> None:
    script = "create table dept (id integer primary key, parent_id integer);" + numbers("dept", "id", 30)
    _, implied = relations_of(tmp_path / "a.sqlite", script + "update dept set parent_id = id / 3")
    assert [(ends(one), one.rows, one.orphans) for one in implied] == [("dept.parent_id>dept.id", 28, 0)]


def test_copies_of_a_table_do_not_point_to_it(tmp_path: Path) -> None:
    script = "".join(
        f"create table {name} (patient_id integer primary key, name text);{numbers(name, 'patient_id', 20)}"
        for name in ("patient", "patient_2019", "patient_bak")
    )
    assert relations_of(tmp_path / "a.sqlite", script)[1] == []


def test_empty_table_keeps_the_relation_its_names_tell_with_low_confidence(tmp_path: Path) -> None:
    script = PATIENTS + "create table visit (id integer primary key, patient_id integer);"
    (one,) = relations_of(tmp_path / "a.sqlite", script)[1]
    assert (ends(one), one.inclusion, one.confidence) == ("visit.patient_id>patient.id", None, "low")
