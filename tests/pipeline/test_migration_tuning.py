"""Legacy queries give the same answers on old and new; the lake is tuned by steps that prove themselves or leave no trace."""

import json
import logging
import re
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, plan_folder, write_plan
from ingestion.migration.planning import make_plan
from ingestion.migration.run import run_migration
from ingestion.migration.source import Address, parse_address
from ingestion.migration.tuning.baseline import raise_if_worse
from ingestion.migration.tuning.layout import TRIAL_PREFIX, Content, Layout, adopt, read_content, read_layout
from ingestion.migration.tuning.materialization import refresh_materialized
from ingestion.migration.tuning.timing import Measure, Timing
from ingestion.migration.tuning.tune import TuneResult, check_baseline, tune
from lakehouse.errors import CheckFailedError, RadlakeError, SettingsError
from lakehouse.lake import open_lake
from lakehouse.ledger import local_now
from lakehouse.settings import Settings
from serving.terminal import as_plain
from tests.builders.legacy import load_synthetic, write_synthetic
from tests.builders.servers import USER, Server

Calls = Mapping[str, Callable[[], object]]


def _scripted(**times: float) -> Measure:
    """Return a measurer that runs everything once and says what the test tells it, by the name of the variant."""

    def measure(variants: Calls, repetitions: int) -> dict[str, Timing]:
        for run in variants.values():
            run()
        return {
            name: Timing(p50_ms=times.get(name, 10.0), p95_ms=times.get(name, 10.0), repetitions=repetitions)
            for name in variants
        }

    return measure


STEADY = _scripted()
FASTER = _scripted(before=100.0, again=100.0, after=20.0)
SLOWER = _scripted(before=100.0, again=100.0, after=150.0)


def _migrate(settings: Settings, url: str, chunk_rows: int = 500_000) -> tuple[Address, Plan]:
    address = parse_address(url)
    with open_origin(address, settings.work_folder) as (source, catalog):
        plan = make_plan(source, catalog, local_now(settings.timezone), chunk_rows=chunk_rows)
    write_plan(plan, plan_folder(settings, address))
    run_migration(settings, address, plan)
    return address, plan


def _statuses(result: TuneResult) -> dict[str, str]:
    return {f"{query.query_no} {query.origin} {query.reason}": query.status for query in result.queries}


POSTGRESQL = """
-- 姓名检索
select id, his_number, name, birth_date from patient where name like '张%' order by id;
select count(*), min(examined_at), max(examined_at) from exam where examined_at >= '2023-01-01' and examined_at < '2025-01-01';
select lobe, count(*), avg(nodule_mm), max(nodule_mm) from exam where nodule_mm is not null group by lobe;
select p.id, p.name, count(*) as n, max(e.examined_at) from patient p join exam e on e.patient_id = p.id group by p.id order by n desc limit 3;
select to_char(examined_at, 'YYYY年MM月') as m, count(*) from exam group by 1 order by 1;
select department, count(distinct patient_id), avg(stay_days), sum(stay_days) / count(*) from visit where stay_days is not null group by department;
select f.label, count(*) from form_value x join form_field f on f.id = x.field_id where x.value <> '' group by f.label;
select his_number, name from patient where sex = 1 and his_number in (select his_number from case_note where title like '%入院%');
select id, case when nodule_mm < 6 then '微小' when nodule_mm is null then '无' else '大' end from exam where impression ilike '%结节%';
with last as (select patient_id, max(examined_at) as moment from exam group by patient_id) select count(*), extract(year from moment) from last group by 2;
"""
MYSQL = """
# 姓名检索
select id, his_number, name, birth_date from patient where name like "张%" order by id;
select count(*), min(examined_at), max(examined_at) from exam where examined_at >= '2023-01-01' and examined_at < '2025-01-01';
select lobe, count(*), avg(nodule_mm), max(nodule_mm) from `exam` where nodule_mm is not null group by lobe;
select p.id, p.name, count(*) as n, max(e.examined_at) from patient p join exam e on e.patient_id = p.id group by p.id order by n desc limit 0, 3;
select date_format(examined_at, '%Y-%m') m, left(examined_at, 4) y, count(*) from exam group by m order by m;
select department, count(distinct patient_id), avg(stay_days), sum(stay_days) / count(*) from visit where stay_days is not null group by department;
select f.label, count(*) from form_value x join form_field f on f.id = x.field_id where x.value <> "" group by f.label;
select his_number, concat(name, '-', sex), length(name), char_length(name) from patient where sex = '1' and lower(his_number) in (select his_number from case_note);
select id, if(nodule_mm < 6, '微小', ifnull(nodule_mm, '无')) from exam where impression like '%结节%';
select timestampdiff(year, birth_date, '2024-06-30') age, count(*) from patient where birth_date like '19%' group by age;
"""
SQLITE = """
-- 姓名检索
select id, his_number, name, birth_date from patient where name like '张%' order by id;
select count(*), min(examined_at), max(examined_at) from exam where examined_at between '2023-01-01' and '2024-12-31';
select lobe, count(*), avg(nodule_mm), max(nodule_mm) from exam where nodule_mm is not null group by lobe;
select p.id, p.name, count(*) as n, max(e.examined_at) from patient p join exam e on e.patient_id = p.id group by p.id order by n desc limit 3;
select strftime('%Y-%m', examined_at) m, substr(examined_at, 1, 4) y, count(*) from exam group by m order by m;
select department, count(distinct patient_id), avg(stay_days), sum(stay_days) / count(*) from visit where stay_days is not null group by department;
select f.label, count(*) from form_value x join form_field f on f.id = x.field_id where x.value <> '' group by f.label;
select his_number, name from patient where sex = '1' and his_number in (select his_number from case_note where title like '%入院%');
select id, iif(nodule_mm < 6, '微小', ifnull(nodule_mm, '无')) from exam where impression like '%结节%';
select id, cast(julianday(left_at) - julianday(visited_at) as integer), date(visited_at, '+1 month', 'start of month') from visit;
"""


@pytest.mark.parametrize("engine", ["postgresql", "mysql", "sqlite"])
def test_ten_queries_and_the_views_answer_the_same_on_both_sides(
    engine: str, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write_synthetic(tmp_path)
    script = {"postgresql": POSTGRESQL, "mysql": MYSQL, "sqlite": SQLITE}[engine]
    if engine == "sqlite":
        url = str(tmp_path / "research.sqlite")
    else:
        url = load_synthetic(request.getfixturevalue("postgresql" if engine == "postgresql" else "mariadb"), tmp_path)
    address, plan = _migrate(settings, url)
    file = tmp_path / "queries.sql"
    file.write_text(script + "\nupdate patient set name = 'x';\n", encoding="utf-8")
    result = tune(settings, address, plan, queries=file, with_steps=False, measure=STEADY)
    assert len(result.queries) == 13
    assert set(_statuses(result).values()) == {"same"}, _statuses(result)
    assert result.left_out == {"update": 1}
    with open_lake(settings, ("raw",), read_only=True) as connection:
        rows = connection.execute(
            "select side, count(*), count(distinct query_sha256), min(repetitions) from raw.raw_migration.query_timing "
            "group by side order by side"
        ).fetchall()
        hashes = connection.execute(
            "select count(*) from raw.raw_migration.query_timing a join raw.raw_migration.query_timing b "
            "using (replay_id, query_no, result_sha256) where a.side = 'source' and b.side = 'target'"
        ).fetchone()
    assert rows == [("source", 13, 13, 7), ("target", 13, 13, 7)] and hashes == (13,)


def test_the_views_of_a_public_database_answer_the_same(
    postgresql: Server, settings: Settings, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "data" / "legacy" / "jooq-sakila" / "postgres-sakila-db"
    name = postgresql.new_database()
    for part in ("schema", "insert-data-using-copy"):
        text = (folder / f"postgres-sakila-{part}.sql").read_text(encoding="utf-8")
        postgresql.run(re.sub(r"\b(TO|FROM) postgres\b", rf"\1 {USER}", text), name)
    address, plan = _migrate(settings, postgresql.url(name))
    macros = tmp_path / "macros.sql"
    macros.write_text("create macro group_concat(x) as string_agg(x, ', ');")
    file = tmp_path / "queries.sql"
    file.write_text("select count(*) from film")
    result = tune(settings, address, plan, queries=file, macros=macros, with_steps=False, measure=STEADY)
    views = [query for query in result.queries if query.origin == "view"]
    assert len(views) == 7 and all(query.same for query in views), _statuses(result)
    unaided = tune(settings, address, plan, queries=file, with_steps=False, measure=STEADY)
    assert [query.status for query in unaided.queries].count("not translated") == 3


def _write_exams(path: Path, rows: int = 12_000) -> str:
    """Write a database of one table that is large enough to be tuned, with a view."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        create table "检查 表" (id integer primary key, patient_id integer, "检查 时间" datetime, modality varchar(8));
        create view v_yearly as select substr("检查 时间", 1, 4) as year, modality, count(*) as n from "检查 表" group by 1, 2;
        """
    )
    connection.executemany(
        'insert into "检查 表" values (?, ?, ?, ?)',
        [
            (number, number * 7919 % 997, f"20{10 + number * 31 % 12}-0{1 + number % 9}-1{number % 10} 08:30:00",
             ("CT", "MR", "DR")[number % 3])
            for number in range(1, rows + 1)
        ],
    )  # fmt: skip
    connection.commit()
    connection.close()
    return str(path)


EXAMS = """
select count(*) from "检查 表" where "检查 时间" >= '2015-01-01' and "检查 时间" < '2016-01-01';
select * from "检查 表" where patient_id = 77;
select modality, count(*) from "检查 表" where modality = 'CT' group by modality;
select * from v_yearly where n > 5;
"""


@pytest.fixture
def exams(settings: Settings, tmp_path: Path) -> tuple[Address, Plan, Path]:
    """Return a migrated database, its plan and a file of queries."""
    address, plan = _migrate(settings, _write_exams(tmp_path / "exams.sqlite"), chunk_rows=5_000)
    file = tmp_path / "queries.sql"
    file.write_text(EXAMS, encoding="utf-8")
    return address, plan, file


def _state(settings: Settings) -> tuple[Content, Layout, list[tuple[str]]]:
    with open_lake(settings, ("raw",), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw_legacy' and not starts_with(table_name, '_') "
            "order by 1"
        ).fetchall()
        return read_content(connection, "检查 表"), read_layout(connection, "检查 表"), tables


def test_steps_that_prove_nothing_leave_no_trace(settings: Settings, exams: tuple[Address, Plan, Path]) -> None:
    address, plan, file = exams
    before = _state(settings)
    for measure in (STEADY, SLOWER):
        result = tune(settings, address, plan, queries=file, measure=measure)
        assert {step.kind for step in result.steps} == {"compaction", "sort", "partition", "materialization"}
        assert not any(step.is_kept for step in result.steps)
        assert all(step.before_p95_ms and step.after_p95_ms and step.reason for step in result.steps)
        assert _state(settings) == before
    assert before[0].rows == 12_000 and before[2] == [("检查 表",)]


def test_steps_that_prove_themselves_stay_and_change_no_row(
    settings: Settings, exams: tuple[Address, Plan, Path]
) -> None:
    address, plan, file = exams
    content, layout, _ = _state(settings)
    assert layout == Layout()
    result = tune(settings, address, plan, queries=file, measure=FASTER)
    assert all(step.is_kept for step in result.steps), [(step.kind, step.reason) for step in result.steps]
    after, tuned, tables = _state(settings)
    assert after == content
    assert tuned.sort and tuned.partition and tables == [("mv_v_yearly",), ("检查 表",)]
    with open_lake(settings, ("raw",), read_only=True) as connection:
        stored = connection.execute(
            "select count(*), bool_and(is_kept), min(before_p95_ms), bool_and(step_sql is not null) "
            "from raw.raw_migration.tuning_step where replay_id = $1",
            [result.replay_id],
        ).fetchone()
    assert stored is not None and stored[:2] == (len(result.steps), True) and stored[2] >= 100 and stored[3]
    # the books still hold
    run = run_migration(settings, address, plan)
    assert (run.total("unchanged"), run.total("loaded"), run.total("removed")) == (12_000, 0, 0)
    again = tune(settings, address, plan, queries=file, measure=STEADY)
    assert set(_statuses(again).values()) == {"same"}
    assert "materialization" not in {step.kind for step in again.steps}


def test_a_table_that_stands_for_a_view_follows_the_source(
    settings: Settings, exams: tuple[Address, Plan, Path]
) -> None:
    address, plan, file = exams
    tune(settings, address, plan, queries=file, measure=FASTER)
    assert address.path is not None
    connection = sqlite3.connect(address.path)
    connection.execute("insert into \"检查 表\" values (50001, 1, '2031-01-01 00:00:00', 'PT')")
    connection.commit()
    connection.close()
    run_migration(settings, address, plan)
    question = "select count(*) from raw.raw_legacy.mv_v_yearly where modality = 'PT'"
    with open_lake(settings, ("raw",)) as lake:
        assert lake.execute(question).fetchone() == (0,)
        assert refresh_materialized(lake, plan.token) == ["raw_legacy.mv_v_yearly"]
        assert lake.execute(question).fetchone() == (1,)
    result = tune(settings, address, plan, queries=file, with_steps=False, measure=STEADY)
    assert result.refreshed == ("raw_legacy.mv_v_yearly",)
    assert set(_statuses(result).values()) == {"same"}


def test_a_tuning_that_was_killed_leaves_nothing_that_counts(
    settings: Settings, exams: tuple[Address, Plan, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, plan, file = exams
    before = _state(settings)

    def die(variants: Calls, repetitions: int) -> dict[str, Timing]:
        if "after" in variants:
            raise KeyboardInterrupt
        return STEADY(variants, repetitions)

    with pytest.raises(KeyboardInterrupt):
        tune(settings, address, plan, queries=file, measure=die)
    assert _state(settings) == before
    with open_lake(settings, ("raw",)) as connection:
        connection.execute(f'create table raw.raw_legacy."{TRIAL_PREFIX}x" (a integer)')
    tune(settings, address, plan, queries=file, with_steps=False, measure=STEADY)
    assert _state(settings) == before


def test_what_if_proposes_and_writes_nothing(settings: Settings, exams: tuple[Address, Plan, Path]) -> None:
    address, plan, file = exams
    before = _state(settings)
    result = tune(settings, address, plan, queries=file, measure=FASTER, what_if=True, save_baseline=True)
    assert result.baseline is None and all(step.sql and not step.is_kept for step in result.steps)
    statements = "\n".join(statement for step in result.steps for statement in step.sql)
    assert "set sorted by" in statements and "set partitioned by" in statements and "mv_v_yearly" in statements
    assert _state(settings) == before
    with open_lake(settings, ("raw",), read_only=True) as connection:
        assert connection.execute("select count(*) from raw.raw_migration.query_timing").fetchone() == (0,)


def test_no_copy_is_adopted_that_does_not_hold_the_same(settings: Settings, exams: tuple[Address, Plan, Path]) -> None:
    with open_lake(settings, ("raw",)) as connection:
        before = read_content(connection, "检查 表")
        connection.execute(
            'create table raw.raw_legacy.other as select * replace (patient_id + 1 as patient_id) from raw.raw_legacy."检查 表"'
        )
        assert read_content(connection, "other").rows == before.rows
        assert read_content(connection, "other") != before
        connection.execute("drop table raw.raw_legacy.other")
        connection.execute(
            'create table raw.raw_legacy.other as select * from raw.raw_legacy."检查 表" order by patient_id'
        )
        adopt(connection, "检查 表", "other")
        assert read_content(connection, "检查 表") == before


def test_a_baseline_is_kept_and_checked_without_the_source(
    settings: Settings, exams: tuple[Address, Plan, Path]
) -> None:
    address, plan, file = exams
    with pytest.raises(SettingsError, match="--save-baseline"):
        check_baseline(settings, address)
    result = tune(settings, address, plan, queries=file, measure=FASTER, save_baseline=True)
    assert result.baseline is not None
    text = result.baseline.read_text(encoding="utf-8")
    assert "2015-01-01" not in text and "select" not in text
    assert {query["p95_ms"] for query in json.loads(text)["queries"]} == {20.0}
    assert address.path is not None
    address.path.write_bytes(b"")
    checked = check_baseline(settings, address, measure=_scripted(target=22.0))
    assert len(checked.checks) == 5 and not checked.other_machine
    raise_if_worse(checked.checks)
    with pytest.raises(CheckFailedError, match="query 1 "):
        raise_if_worse(check_baseline(settings, address, measure=_scripted(target=30.0)).checks)
    result.baseline.write_text(text.replace('"cores": ', '"cores": 9'), encoding="utf-8")
    assert check_baseline(settings, address, measure=_scripted(target=20.0)).other_machine == ("cores",)


def test_tables_that_were_not_migrated_are_named(settings: Settings, tmp_path: Path) -> None:
    address = parse_address(_write_exams(tmp_path / "exams.sqlite", rows=10))
    with open_origin(address, settings.work_folder) as (source, catalog):
        plan = make_plan(source, catalog, local_now(settings.timezone))
    with pytest.raises(RadlakeError, match="检查 表 is not in the lake yet"):
        tune(settings, address, plan, measure=STEADY)


def test_a_failing_query_harms_neither_snapshot_nor_the_next(
    postgresql: Server, settings: Settings, tmp_path: Path
) -> None:
    name = postgresql.new_database(
        "create table t (id int primary key, note text); insert into t values (1, 'x'), (0, 'y');"
    )
    address, plan = _migrate(settings, postgresql.url(name))
    file = tmp_path / "queries.sql"
    file.write_text(
        "select 1 / id from t;\nselect nothing from t;\nselect count(*) from t a, t b, generate_series(1, 100000000) c;\n"
        "select note::int from t;\nselect * from t;"
    )
    result = tune(settings, address, plan, queries=file, timeout_seconds=2, with_steps=False, measure=STEADY)
    assert [query.status for query in result.queries] == ["failed", "not translated", "failed", "failed", "same"]
    assert "57014" in result.queries[2].reason


def test_the_servers_own_records_are_replayed(mariadb: Server, settings: Settings, tmp_path: Path) -> None:
    write_synthetic(tmp_path)
    url = load_synthetic(mariadb, tmp_path)
    address, plan = _migrate(settings, url)
    assert address.url is not None and address.url.database is not None
    mariadb.run(
        "set global log_output = 'TABLE'; set global slow_query_log = 1; set global long_query_time = 0;", "mysql"
    )
    mariadb.run(
        "set session long_query_time = 0; select count(*) from exam where id > 5; select count(*) from exam where id > 6; "
        "select max(id) from patient; insert into operation_log values (now(), 'x', 'y', 'z');",
        address.url.database,
    )
    mariadb.run("set global slow_query_log = 0; set global log_output = 'FILE';", "mysql")
    run_migration(settings, address, plan)
    result = tune(settings, address, plan, with_steps=False, measure=STEADY)
    recorded = [query for query in result.queries if query.origin == "log"]
    assert len(recorded) == 2 and all(query.same for query in recorded), _statuses(result)
    assert result.left_out.get("insert") == 1


def test_typical_questions_are_asked_when_nothing_was_recorded(
    postgresql: Server, settings: Settings, tmp_path: Path
) -> None:
    write_synthetic(tmp_path)
    address, plan = _migrate(settings, load_synthetic(postgresql, tmp_path))
    result = tune(settings, address, plan, with_steps=False, measure=STEADY)
    assert {query.origin for query in result.queries} == {"view", "typical"}
    assert set(_statuses(result).values()) == {"same"}, _statuses(result)
    assert any("pg_stat_statements" in note for note in result.notes)


def test_no_value_of_a_query_leaves_the_encrypted_zone(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address, plan = _migrate(settings, _write_exams(tmp_path / "exams.sqlite"), chunk_rows=5_000)
    file = tmp_path / "queries.sql"
    file.write_text(
        "select count(*) from \"检查 表\" where modality = '王canary明';\nselect nothing from x where a = '王canary明';\n"
        "select '王canary明' + f(1), from;\nselect cast('王canary明' as integer) from \"检查 表\" limit 1;\n"
        "select unknown_function('王canary明') from \"检查 表\";\nselect * from \"检查 表\" where id = '王canary明' for update;",
        encoding="utf-8",
    )
    result = tune(settings, address, plan, queries=file, measure=FASTER, save_baseline=True)
    shown = json.dumps(as_plain(result), ensure_ascii=False) + caplog.text + repr(result)
    assert "canary" not in shown
    for path in settings.home.rglob("*"):
        if path.is_file():
            assert "王canary明".encode() not in path.read_bytes(), path
    with open_lake(settings, ("raw",), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from raw.raw_migration.query_timing where query_sql like '%canary%'"
        ).fetchone()
    assert found is not None and found[0] >= 6


def test_the_command_prints_one_document_and_fails_on_a_worse_baseline(
    settings: Settings, exams: tuple[Address, Plan, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    from serving.commands.migrate_tune import migrate_tune

    address, _, file = exams
    app = typer.Typer()
    app.command("tune")(migrate_tune)
    arguments = [str(address.path), "--home", str(settings.home), "--json"]
    done = CliRunner().invoke(app, [*arguments, "--queries", str(file), "--no-steps", "--save-baseline"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [query["same"] for query in document["queries"]] == [True] * 5
    assert set(document["queries"][0]["target"]) == {"p50_ms", "p95_ms", "repetitions"}
    path = Path(document["baseline"])
    stored = json.loads(path.read_text())
    for query in stored["queries"]:
        query |= {"p95_ms": 1e9, "spread": 0.0}
    path.write_text(json.dumps(stored))
    assert CliRunner().invoke(app, [*arguments, "--check-baseline"]).exit_code == 0
    for query in stored["queries"]:
        query["p95_ms"] = -100.0
    path.write_text(json.dumps(stored))
    failed = CliRunner().invoke(app, [*arguments, "--check-baseline"])
    assert isinstance(failed.exception, CheckFailedError) and "query 1" in str(failed.exception)
