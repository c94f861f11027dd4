"""Legacy queries become the lake's SQL with what their engine would have done; what cannot is refused with a reason."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingestion.migration.catalog import Catalog, Column, Routine, Table, View
from ingestion.migration.plan import ColumnPlan, Plan, TablePlan
from ingestion.migration.tuning.comparisons import parse_moment
from ingestion.migration.tuning.functions import read_macros
from ingestion.migration.tuning.translation import NotTranslatedError, Translator
from ingestion.migration.types import rule_for
from lakehouse.errors import SettingsError

TYPES = {
    "mysql": ("int(11)", "varchar(20)", "datetime", "decimal(8,2)", "date"),
    "postgresql": ("integer", "character varying(20)", "timestamp without time zone", "numeric(8,2)", "date"),
    "sqlite": ("integer", "varchar(20)", "datetime", "decimal(8,2)", "date"),
}
VIEW = "select exam.id, patient.name, exam.taken_at from exam join patient on exam.patient_id = patient.id"


def _translator(
    engine: str, *, collation: str | None = None, macros: Path | None = None, misfits: Sequence[str] = ()
) -> Translator:
    whole, text, instant, number, day = TYPES[engine]
    shapes = {
        "patient": {"id": whole, "name": text, "born": day},
        "exam": {"id": whole, "patient_id": whole, "number": text, "taken_at": instant, "mm": number},
    }
    tables, plans = [], []
    for name, shape in shapes.items():
        columns = tuple(Column(name=key, source_type=kind, collation=collation) for key, kind in shape.items())
        tables.append(Table(schema="public", name=name, columns=columns, primary_key=("id",)))
        planned = tuple(
            ColumnPlan(
                name=column.name,
                target_name=column.name,
                source_type=column.source_type,
                target_type="varchar" if column.name in misfits else rule_for(engine, column).target_type,
                is_nullable=True, wire="", convert="", source_text="", target_text="",
            )
            for column in columns
        )  # fmt: skip
        plans.append(
            TablePlan(schema="public", name=name, target=name, columns=planned, key=("id",), rows=1,
                      structure_sha256="", source_table=name)
        )  # fmt: skip
    catalog = Catalog(
        engine=engine, version="", database="d", default_schema="public", tables=tuple(tables),
        views=(View(schema="public", name="v_exam", definition=VIEW),
               View(schema="public", name="v_twice", definition="select id, name from v_exam")),
        routines=(Routine(schema="public", name="f_grade", kind="function"),),
    )  # fmt: skip
    plan = Plan(source="", token="t", engine=engine, server_version="", made_at="", tables=tuple(plans))
    return Translator(catalog, plan, macros=read_macros(macros) if macros else None)


CASES = [
    ("mysql", "select `id` from `exam` where number = \"x\" limit 5, 10", ["'x'", "LIMIT 10 OFFSET 5"]),
    ("mysql", "select length(name), char_length(name) from patient", ["STRLEN(", "LENGTH("]),
    ("mysql", "select timestampdiff(year, born, now()) from patient", ["DATE_SUB('year'", "CURRENT_LOCALTIMESTAMP()"]),
    ("mysql", "select left(taken_at, 7), count(*) from exam group by 1", ["LEFT(TRY_CAST(\"taken_at\" AS TEXT), 7)"]),
    ("mysql", "select id from exam where taken_at like '2020-01%'", ["TRY_CAST(\"taken_at\" AS TEXT)"]),
    ("mysql", "select id from exam where number = 5", ["TRY_CAST(\"number\" AS DOUBLE) = 5"]),
    ("mysql", "select id from exam where id = '7x'", ["\"id\" = 7"]),
    ("mysql", "select ifnull(mm, '无') from exam", ["COALESCE(TRY_CAST(\"mm\" AS TEXT), '无')"]),
    ("mysql", "select e.number, count(*) from exam e group by e.patient_id", ["FIRST(\"e\".\"number\")"]),
    ("mysql", "select patient_id, count(*) from exam group by patient_id with rollup", ["ROLLUP (\"patient_id\")"]),
    ("mysql", "select field(number, 'a', 'b') from exam", ["LIST_POSITION(", "COALESCE("]),
    ("postgresql", "select mm / 2, id / 2 from exam", ["\"mm\" / 2", "TRUNC(\"id\" / 2)"]),
    ("postgresql", "select sum(n) / 2 from (select count(*) n from exam) t", ["TRUNC(SUM(\"n\") / 2)"]),
    ("postgresql", "select to_char(taken_at, 'YYYY-MM') from exam", ["STRFTIME(\"taken_at\", '%Y-%m')"]),
    ("postgresql", "select id::text from only exam where number ~ '^x'", ["CAST(\"id\" AS TEXT)", "REGEXP_MATCHES("]),
    ("postgresql", "select id from exam where number like 'a\\_%'", ["ESCAPE '\\'"]),
    ("postgresql", "select id from exam where taken_at >= '20200101'", [">= CAST('2020-01-01' AS TIMESTAMP)"]),
    ("postgresql", "select p.name, count(*) from patient p join exam e on e.patient_id = p.id group by p.id",
     ["FIRST(\"p\".\"name\")"]),
    ("postgresql", "select patient_id, count(*) filter (where mm > 5) from exam group by patient_id",
     ["FILTER(WHERE \"mm\" > 5)"]),
    ("sqlite", "select id from exam where number like 'ct%'", ["ILIKE 'ct%'"]),
    ("sqlite", "select id from exam where taken_at between '2020-01-01' and '2020-01-31'",
     [">= CAST('2020-01-01' AS TIMESTAMP)", "< CAST('2020-01-31' AS TIMESTAMP)"]),
    ("sqlite", "select id from exam where taken_at > '2020-02'", ["CAST(\"taken_at\" AS TEXT) > '2020-02'"]),
    ("sqlite", "select id from exam where number = 5", ["\"number\" = '5'"]),
    ("sqlite", "select date(taken_at, 'start of month', '+1 month') from exam", ["DATE_TRUNC('month'", "TO_MONTHS("]),
    ("sqlite", "select cast(mm as integer) from exam", ["TRUNC(\"mm\")"]),
    ("sqlite", "select patient_id, max(taken_at), number from exam group by patient_id",
     ["ARG_MAX_NULL(\"number\", \"taken_at\")"]),
]  # fmt: skip


@pytest.mark.parametrize(("engine", "sql", "parts"), CASES, ids=[f"{case[0]}: {case[1][:50]}" for case in CASES])
def test_a_query_keeps_the_meaning_of_its_engine(engine: str, sql: str, parts: list[str]) -> None:
    written = _translator(engine).translate(sql).sql()
    for part in parts:
        assert part in written, written


def test_provenance_is_no_part_of_any_answer() -> None:
    written = _translator("mysql").translate("select * from exam").sql()
    assert '(SELECT "id", "patient_id", "number", "taken_at", "mm" FROM "raw"."raw_legacy"."exam") AS "exam"' in written


def test_views_are_written_out_and_columns_followed_through_them() -> None:
    found = _translator("postgresql").translate("select name from v_twice where name = 'x' and id > 3")
    assert found.tables == ("exam", "patient")
    assert found.views == ("public.v_twice",)
    uses = {(use.target, use.column, use.role) for use in found.uses}
    assert {("patient", "name", "equal"), ("exam", "id", "range"), ("patient", "id", "join")} <= uses


def test_another_table_or_a_materialized_view_can_be_read_instead() -> None:
    found = _translator("postgresql").translate("select count(*) from v_exam join exam using (id)")
    assert found.sql(tables={"exam": "trial"}).count('"trial"') == 2
    written = found.sql(views={"public.v_exam": "mv_v_exam"})
    assert '"raw"."raw_legacy"."mv_v_exam" AS "v_exam"' in written and '"patient"' not in written


def test_a_cte_may_have_the_name_of_the_table_it_reads() -> None:
    found = _translator("postgresql").translate("with exam as (select * from exam where id > 1) select * from exam")
    assert found.tables == ("exam",) and found.sql().count('"raw_legacy"."exam"') == 1


def test_collations_without_regard_to_case_are_followed() -> None:
    translator = _translator("mysql", collation="utf8mb4_general_ci")
    found = translator.translate("select count(distinct name) from patient where name = '张三' or name = 'Li'")
    assert found.is_caseless
    written = found.sql()
    assert "\"name\" COLLATE c = '张三'" in written and "\"name\" = 'Li'" in written and 'LOWER("name")' in written
    assert not _translator("mysql", collation="utf8mb4_bin").translate("select name from patient").is_caseless


def test_columns_that_travelled_as_text_are_read_as_declared() -> None:
    translator = _translator("mysql", misfits=["born", "mm"])
    written = translator.translate(
        "select year(born), sum(mm) from patient, exam where born > '1980-01-01' group by year(born)"
    ).sql()
    assert 'TRY_CAST("born" AS DATE)' in written and 'SUM(TRY_CAST("mm" AS DOUBLE))' in written
    assert "\"born\" > '1980-01-01'" in written


def test_an_engines_own_functions_need_a_macro(tmp_path: Path) -> None:
    sql = "select f_grade(mm) from exam"
    with pytest.raises(NotTranslatedError, match="calls f_grade of the legacy database"):
        _translator("postgresql").translate(sql)
    path = tmp_path / "macros.sql"
    path.write_text("-- 分级\ncreate macro f_grade(x) as case when x < 6 then '小' else '大' end;")
    assert "WHEN \"mm\" < 6 THEN '小'" in _translator("postgresql", macros=path).translate(sql).sql()
    path.write_text("drop table x;")
    with pytest.raises(SettingsError, match="may only hold"):
        read_macros(path)


REFUSED = [
    ("select * from nowhere where name = '王小明'", "reads nowhere"),
    ("select * from information_schema.tables", "own catalog"),
    ("select * from exam where number = '王小明' for update", "locks rows"),
    ("select * from exam where number = $1", "parameters"),
    ("select pg_sleep(10), '王小明'", "calls pg_sleep"),
    ("select 1 into temp x", "writes a table"),
    ("with d as (delete from exam where number = '王小明' returning *) select * from d", "changes data"),
    ("selec '王小明'", ""),
    ("delete from exam where number = '王小明'", "is no query"),
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED, ids=[case[1] or "no SQL" for case in REFUSED])
def test_what_is_not_replayed_has_a_reason_without_values(sql: str, reason: str) -> None:
    translator = _translator("postgresql")
    with pytest.raises(NotTranslatedError) as caught:
        translator.check_replayable(sql)
        translator.translate(sql)
    assert reason in str(caught.value) and "王小明" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-1-5", ("2020-01-05", True)),
        ("2020/01/05 8:03", ("2020-01-05 08:03:00", False)),
        ("20200105", ("2020-01-05", True)),
        ("20200105080300", ("2020-01-05 08:03:00", False)),
        ("2020-01-05T08:03:00.250", ("2020-01-05 08:03:00.250", False)),
        ("2020-02", None),
        ("2020-02-30", None),
        ("", None),
    ],
)
def test_days_and_instants_are_read_as_people_write_them(text: str, expected: tuple[str, bool] | None) -> None:
    assert parse_moment(text) == expected
