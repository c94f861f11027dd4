"""Code inside a legacy database: what it costs, what becomes of it, and which views can be drafted as models."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
import yaml

from ingestion.migration.assessment.code import CodeItem, code_items
from ingestion.migration.assessment.dispositions import (
    Disposition,
    check_dispositions,
    find_problems,
    propose,
    read_dispositions,
    write_draft,
)
from ingestion.migration.assessment.effort import estimate, find_constructs
from ingestion.migration.assessment.view_draft import draft_views
from ingestion.migration.catalog import Catalog, Column, Event, Routine, Table, Trigger, View
from lakehouse.errors import CheckFailedError, SettingsError


def catalog_of(engine: str = "mysql", **parts: Any) -> Catalog:
    tables = parts.pop("tables", None) or tuple(
        Table(schema="his", name=name, columns=tuple(Column(name=column, source_type="int") for column in columns))
        for name, columns in {
            "patient": ("id", "his_number", "name"),
            "visit": ("id", "patient_id", "left_at", "stay_days"),
            "operation_log": ("what",),
        }.items()
    )
    return Catalog(engine=engine, version="1", database="his", default_schema="his", tables=tables, **parts)


def trigger(body: str, *, table: str = "visit", name: str = "tr", function: str | None = None) -> Trigger:
    return Trigger(
        schema="his", name=name, table=table, timing="before", events=("update",), definition=body, function=function
    )


def routine(body: str, *, kind: str = "procedure", name: str = "p", returns: str = "") -> Routine:
    return Routine(schema="his", name=name, kind=kind, definition=body, returns=returns)


def proposed(catalog: Catalog) -> dict[str, Disposition]:
    return {one.object: one for one in propose(catalog, code_items(catalog), {})}


@pytest.mark.parametrize(
    ("body", "disposition", "target"),
    [
        ("create trigger tr before update on visit for each row set new.stay_days = datediff(new.left_at, 1)", "dbt_model", "stg_legacy__visit"),
        ("begin\n  NEW.stay_days := 1;\n return new; end", "dbt_model", "stg_legacy__visit"),
        ("begin\n  NEW.stay_days = 1;\n return new; end", "dbt_model", "stg_legacy__visit"),
        ("begin update visit set stay_days = 2 where id = new.id; end", "dbt_model", "stg_legacy__visit"),
        ("insert into operation_log values ('update')", "retired", ""),
        ("begin if new.id < 0 then signal sqlstate '45000'; end if; end", "dbt_test", "stg_legacy__visit"),
        ("begin update patient set name = new.id where id = new.patient_id; end", "dbt_model", ""),
    ],
    ids=["own column, MySQL", "own column, :=", "own column, =", "own row", "log", "refusal", "other table"],
)  # fmt: skip
def test_trigger_is_read_for_a_proposal(body: str, disposition: str, target: str) -> None:
    found = proposed(catalog_of(triggers=(trigger(body),)))["visit.tr"]
    assert (found.disposition, found.target, found.status) == (disposition, target, "proposed")
    assert found.reason


def test_trigger_and_its_function_get_the_same_proposal() -> None:
    catalog = catalog_of(
        "postgresql",
        triggers=(trigger("create trigger tr … execute function f_stay()", function="f_stay"),),
        routines=(
            routine("begin\n new.stay_days := 1; return new; end", kind="function", name="f_stay", returns="trigger"),
        ),
    )
    found = proposed(catalog)
    assert {one.target for one in found.values()} == {"stg_legacy__visit"}


@pytest.mark.parametrize(
    ("one", "disposition"),
    [
        (routine("return mm * 2", kind="function", returns="int"), "dbt_model"),
        (routine("if x then signal sqlstate '45000'; end if; return true", kind="function", returns="boolean"), "dbt_test"),
        (routine("begin delete from visit where id = 1; delete from patient where id = 1; end"), "retired"),
        (routine("begin insert into visit select * from patient; end"), "job"),
        (routine("begin execute immediate concat('drop table ', x); end"), "job"),
        (routine("begin select * from visit; end"), "dbt_model"),
    ],
    ids=["computes", "checks", "deletes", "writes", "dynamic", "reads"],
)  # fmt: skip
def test_routine_is_read_for_a_proposal(one: Routine, disposition: str) -> None:
    assert [found.disposition for found in proposed(catalog_of(routines=(one,))).values()] == [disposition]


def test_event_becomes_a_job() -> None:
    event = Event(
        schema="his", name="nightly", schedule="every 1 day", definition="delete from operation_log where 1 = 1"
    )
    assert proposed(catalog_of(events=(event,)))["nightly"].disposition == "job"


def test_comments_and_literals_are_no_code() -> None:
    item = CodeItem(
        kind="procedure", name="p()", schema="his",
        definition="begin\n  -- open cursor c; commit\n  /* execute immediate */\n\n  select 'create temporary table x';\nend",
    )  # fmt: skip
    assert find_constructs(item) == {}
    assert item.lines == 3


@pytest.mark.parametrize(
    ("construct", "code"),
    [
        ("dynamic_sql", "prepare s from @q; execute immediate @q;"),
        ("cursor", "declare c cursor for select 1; open c;"),
        ("temporary_table", "create temporary table t (a int);"),
        ("transaction", "start transaction; commit;"),
        ("handler", "declare exit handler for sqlexception begin end;"),
        ("refusal", "signal sqlstate '45000';"),
        ("outside_access", "select 1 into outfile '/x';"),
        ("engine_function", "select group_concat(a), find_in_set(1, b) from t;"),
    ],
)
def test_construct_is_found(construct: str, code: str) -> None:
    item = CodeItem(kind="procedure", name="p()", schema="his", definition=code)
    assert construct in find_constructs(item)


def effort_of(catalog: Catalog) -> dict[str, Any]:
    return estimate(catalog, code_items(catalog), undrafted_views=frozenset(), defects={})


def test_changing_one_routine_changes_only_its_line() -> None:
    routines = tuple(routine(f"begin\n select {number};\nend", name=f"p{number}") for number in range(4))
    before = effort_of(catalog_of(routines=routines))
    changed = (
        *routines[:2],
        replace(routines[2], definition="begin\n declare c cursor for select 1;\n open c;\nend"),
        routines[3],
    )
    after = effort_of(catalog_of(routines=changed))
    different = [(old, new) for old, new in zip(before["lines"], after["lines"], strict=True) if old != new]
    assert [old["name"] for old, _ in different] == ["p2()"]
    assert after["units"] - before["units"] == pytest.approx(different[0][1]["units"] - different[0][0]["units"])


@pytest.mark.parametrize(
    ("parts", "grade"),
    [
        ({}, "A-1"),
        ({"triggers": (trigger("insert into operation_log values (1)"),)}, "A-2"),
        ({"routines": (routine("select 1"),)}, "A-3"),
        ({"triggers": (trigger("begin declare c cursor for select 1; end"),)}, "B-4"),
        ({"routines": (routine("begin declare c cursor for select 1; end"),)}, "B-5"),
        ({"routines": tuple(routine("declare c cursor for select 1;\n" * 40, name=f"p{n}") for n in range(9))}, "C-5"),
    ],
    ids=["tables", "trigger", "routine", "trigger to rewrite", "routine to rewrite", "many to rewrite"],
)
def test_grade_tells_automation_and_difficulty(parts: dict[str, Any], grade: str) -> None:
    assert effort_of(catalog_of(**parts))["grade"] == grade


CODE = catalog_of(
    triggers=(trigger("set new.stay_days = 1"),),
    routines=(routine("begin delete from visit; end"), routine("return 1", kind="function", name="f")),
    views=(View(schema="his", name="v", definition="select id from patient"),),
)
ITEMS = code_items(CODE)
DECIDED = [replace(one, status="decided") for one in propose(CODE, ITEMS, {})]


def changed(kind: str, **values: str) -> list[Disposition]:
    return [replace(one, **values) if one.kind == kind else one for one in DECIDED]


def test_decided_dispositions_of_all_objects_pass(tmp_path: Path) -> None:
    assert find_problems(DECIDED, ITEMS) == []
    check_dispositions([], tmp_path)


@pytest.mark.parametrize(
    ("dispositions", "problem"),
    [
        (DECIDED[1:], "missing: view v"),
        ([*DECIDED, replace(DECIDED[0], object="gone")], "unknown: view gone"),
        ([*DECIDED, DECIDED[0]], "twice: view v"),
        (changed("trigger", disposition="later"), "incomplete: trigger visit.tr has no disposition of dbt_model"),
        (changed("procedure", reason=" "), "incomplete: procedure p() is retired without a reason"),
        (changed("function", status="proposed"), "incomplete: function f() is not decided"),
        (changed("view", definition_sha256="0" * 64), "changed: view v is not the code that was decided about"),
    ],
    ids=["missing", "unknown", "twice", "no disposition", "no reason", "proposed", "changed"],
)
def test_dispositions_that_do_not_cover_the_code_fail_by_name(
    dispositions: list[Disposition], problem: str, tmp_path: Path
) -> None:
    problems = find_problems(dispositions, ITEMS)
    assert len(problems) == 1
    assert problems[0].startswith(problem)
    with pytest.raises(CheckFailedError, match=problem[:12]):
        check_dispositions(problems, tmp_path / "decided.yml")


def test_draft_becomes_valid_when_a_person_has_decided(tmp_path: Path) -> None:
    path = tmp_path / "draft.yml"
    write_draft(propose(CODE, ITEMS, {}), path)
    assert len(find_problems(read_dispositions(path), ITEMS)) == len(ITEMS)
    path.write_text(path.read_text(encoding="utf-8").replace("status: proposed", "status: decided"), encoding="utf-8")
    assert find_problems(read_dispositions(path), ITEMS) == []


@pytest.mark.parametrize(
    "text",
    ["a: [", "just words", yaml.safe_dump({"dispositions": [{"object": "v", "verdict": "x"}]})],
    ids=["no YAML", "no list", "unknown field"],
)
def test_file_of_another_form_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "decided.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"decided\.yml"):
        read_dispositions(path)


def view(definition: str, name: str = "v") -> View:
    return View(schema="his", name=name, definition=definition)


def draft(engine: str, *views: View, **parts: Any) -> list[Any]:
    catalog = catalog_of(engine, views=views, **parts)
    return draft_views(catalog, code_items(catalog))


def run_draft(sql: str, prepare: Callable[[duckdb.DuckDBPyConnection], object]) -> list[tuple[Any, ...]]:
    """Run a draft in DuckDB, its sources being tables of the same name."""
    plain = sql.replace("{{ source('legacy', '", '"').replace("') }}", '"')
    with duckdb.connect() as connection:
        prepare(connection)
        return connection.execute(plain).fetchall()


@pytest.mark.parametrize(
    ("engine", "definition", "rows"),
    [
        ("mysql", "select `his`.`patient`.`id` AS `id`, ifnull(`his`.`patient`.`name`, 'x') AS `n` from `his`.`patient`", [(1, "x")]),
        ("mysql", "create algorithm=undefined definer=`root`@`%` sql security definer view `v` as select id from patient", [(1,)]),
        ("postgresql", " SELECT p.id, (p.his_number)::text AS n\n   FROM his.patient p;", [(1, "7")]),
        ("sqlite", "create view v (one, two) as select id, his_number from patient", [(1, 7)]),
        ("mysql", "with x as (select id from patient) select count(*) from x", [(1,)]),
        ("mssql", "CREATE VIEW v AS SELECT TOP 5 ISNULL(name, 'x') AS n FROM his.patient", [("x",)]),
    ],
    ids=["MySQL, qualified", "MySQL, created", "PostgreSQL", "SQLite, columns", "CTE", "SQL Server"],
)  # fmt: skip
def test_plain_view_is_drafted_in_the_lake_s_sql(engine: str, definition: str, rows: list[tuple[Any, ...]]) -> None:
    (found,) = draft(engine, view(definition))
    assert found.sql is not None
    assert found.sql.startswith("-- DRAFT")
    assert "{{ source('legacy', 'patient') }}" in found.sql
    answer = run_draft(
        found.sql,
        lambda lake: lake.execute("create table patient as select 1 as id, 7 as his_number, null::varchar as name"),
    )
    assert answer == rows


def test_view_over_a_view_refers_to_its_draft() -> None:
    over, _ = draft("mysql", view("select id from patient", "base_view"), view("select id from base_view", "a_view"))
    assert over.view == "a_view"
    assert "{{ ref('draft_base_view') }}" in over.sql


@pytest.mark.parametrize(
    ("engine", "definition", "reason"),
    [
        ("mysql", "select f_class(id) from patient", "calls f_class"),
        ("mysql", "select id from elsewhere", "reads elsewhere"),
        ("mysql", "select from where", "cannot be parsed"),
        ("mysql", "select @x := id from patient", "uses variables"),
    ],
)
def test_view_that_cannot_be_drafted_says_why(engine: str, definition: str, reason: str) -> None:
    (found,) = draft(engine, view(definition), routines=(routine("return 1", kind="function", name="f_class"),))
    assert found.sql is None
    assert reason in found.reason


def test_every_draft_of_the_synthetic_database_parses() -> None:
    from synthetic_hospital.legacy_schema import TABLES, VIEWS

    tables = tuple(
        Table(
            schema="main",
            name=table.name,
            columns=tuple(Column(name=name, source_type="text") for name, *_ in table.columns),
        )
        for table in TABLES
    )
    views = tuple(View(schema="main", name=text.split()[2], definition=text) for text in VIEWS)
    catalog = replace(catalog_of("sqlite", tables=tables, views=views), default_schema="main")
    drafts = draft_views(catalog, code_items(catalog))
    assert len(drafts) == 3
    for found in drafts:
        plain = found.sql.replace("{{ source('legacy', '", '"').replace("') }}", '"') if found.sql else ""
        assert sqlglot.parse_one(plain, dialect="duckdb")
