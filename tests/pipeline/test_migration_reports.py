"""Reports, problem log and cleaning of a migration: what is told, what is not, and what a second time changes."""

import json
import re
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import jinja2
import pytest
import yaml
from typer.testing import CliRunner

from ingestion.migration.books import insert
from ingestion.migration.cleaning.measurement import TableMeasure, measure
from ingestion.migration.cleaning.staging_draft import SOURCES_FILE, draft_staging
from ingestion.migration.plan import Plan, plan_folder, read_plan
from ingestion.migration.problems import DECIDED, GONE, OPEN, Problem, collect_problems, decide_problem
from ingestion.migration.source import Address, parse_address
from lakehouse.contract import PII_CLASSES, read_contract
from lakehouse.errors import CheckFailedError, SettingsError, UsageError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from serving.cli import app
from serving.migration import make_site_plan, run_site_plan, validate_site
from serving.migration_assessment import assess_source
from serving.reports.document import Block, Details, TableBlock
from serving.reports.migration import REPORTS, report_blocks, write_migration_reports
from serving.reports.migration_facts import NOT_RUN, QUERIES, MigrationFacts
from tests.builders.servers import PASSWORD, Server

CANARY = "欧阳canary"

LEGACY = f"""
create table patient (id integer primary key, name text, code varchar(20), born date, taken_at datetime, note text);
create table visit (id integer primary key, patient_id integer references patient (id), reason text);
create table picture (id integer primary key, path text);
create table code_list (code text not null primary key, label text);
insert into code_list values ('A', '甲'), ('A ', '乙'), ('B', '丙');
insert into picture values (1, 'D:\\img\\{CANARY}_1.jpg'), (2, 'D:\\img\\{CANARY}_2.jpg');
insert into visit values (1, 1, '复查'), (2, 99, '{CANARY}'), (3, 98, '{CANARY}');
"""


def write_legacy(path: Path) -> Path:
    """Write a SQLite file of 12 patients: blanks after every name, 3 codes in full width, 2 days that are none."""
    connection = sqlite3.connect(path)
    connection.executescript(LEGACY)
    for number in range(1, 13):
        born = {1: "0000-00-00", 2: "1980-13-01"}.get(number, f"19{60 + number}-01-05")
        code = f"Ａ１００{number}" if number <= 3 else f"A100{number}"
        taken = "unknown" if number <= 2 else "2020-01-01 10:00:00"
        connection.execute(
            "insert into patient values (?, ?, ?, ?, ?, ?)",
            (number, f"{CANARY}{number}  ", code, born, taken, "" if number % 2 else "见２个结节"),
        )
    connection.commit()
    connection.close()
    return path


def change(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as writer:
        for statement in statements:
            writer.execute(statement)
    writer.close()


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    return write_legacy(tmp_path / "research.sqlite")


def make_plan(settings: Settings, address: Address) -> Plan:
    """Plan with one column forced to its declared type, so that rows are refused."""
    return make_site_plan(
        settings, address, types={"patient.taken_at": "timestamp"}, allow=["patient.taken_at"]
    )[0]  # fmt: skip


@pytest.fixture
def migrated(settings: Settings, legacy: Path) -> tuple[Settings, Address, Plan]:
    """Return a migration that was planned, run and validated."""
    address = parse_address(str(legacy))
    plan = make_plan(settings, address)
    run_site_plan(settings, address, plan)
    validate_site(settings, address, plan)
    return settings, address, plan


def told(problems: list[Problem], status: str = OPEN) -> set[tuple[str, str | None, int | None]]:
    """Return kind, table and rows of the problems of a status."""
    return {
        (problem.origin.split()[0], problem.target, problem.rows) for problem in problems if problem.status == status
    }


def test_every_kind_of_anomaly_is_found_with_its_rows(
    migrated: tuple[Settings, Address, Plan], tmp_path: Path, legacy: Path
) -> None:
    settings, address, plan = migrated
    assess_source(address, tmp_path / "assessment")
    with open_lake(settings, ("raw",)) as connection:
        connection.execute("update raw.raw_legacy.visit set reason = 'x' where id = 1")
        connection.execute("delete from raw.raw_legacy.code_list where code = 'B'")
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / f"{CANARY}_1.jpg").write_bytes(b"1")
    with open_lake(settings, ("raw",)) as connection:
        common = {"token": plan.token, "recorded_at": datetime(2026, 1, 1), "path_token": "a", "column_name": "path"}
        insert(connection, "file", [common | {"target": "picture", "status": "missing"}])
        _insert_query(connection, plan, "2026", 1, "different")
        _insert_query(connection, plan, "2026", 2, "same")
        _insert_query(connection, plan, "2026", 3, "not translated")
    validate_site(settings, address, plan)
    run = {"run_id": "9", "token": plan.token, "source": plan.source, "engine": "sqlite", "plan_id": plan.plan_id}
    with open_lake(settings, ("raw",)) as connection:
        insert(connection, "run", [run | {"status": "failed", "started_at": datetime(2026, 1, 1)}])

    problems = collect_problems(settings, plan, tmp_path / "assessment" / "assessment.json")

    assert told(problems) == {
        ("plan", "patient", 2),
        ("run", "patient", 2),
        ("run", None, None),
        ("validation", "visit", 1),
        ("validation", "code_list", 1),
        ("files", "picture", 1),
        ("replay", None, None),
        ("assessment", "visit", 2),
    }
    assert sum(problem.origin.startswith("replay") for problem in problems) == 2
    descriptions = " ".join(problem.description for problem in problems)
    assert "born" in descriptions and "reason" in descriptions and "taken_at: no timestamp" in descriptions
    assert CANARY not in descriptions


def _insert_query(connection: object, plan: Plan, replay_id: str, number: int, status: str) -> None:
    """Store a replayed query of both sides."""
    common = {
        "replay_id": replay_id, "token": plan.token, "query_no": number, "query_sha256": f"{number:064d}", "rows": 3,
        "query_sql": f"select name from patient where name = '{CANARY}'", "result_sha256": "r", "repetitions": 5,
        "status": status, "replayed_at": datetime(2026, 1, 2),
    }  # fmt: skip
    times = {"source": (10.0, 20.0), "target": (4.0, 8.0), "after": (1.0, 2.0)}
    rows = [common | {"side": side, "p50_ms": p50, "p95_ms": p95} for side, (p50, p95) in times.items()]
    insert(connection, "query_timing", rows if status == "same" else rows[:2])  # type: ignore[arg-type]


def test_a_decision_survives_the_next_run_and_counts_are_brought_up_to_date(
    migrated: tuple[Settings, Address, Plan], legacy: Path
) -> None:
    settings, address, plan = migrated
    refused = next(problem for problem in collect_problems(settings, plan) if problem.origin.startswith("run"))
    decide_problem(settings, plan.token, refused.problem_id, "接受：旧系统的未知值", "李主任")
    change(legacy, "update patient set taken_at = 'unknown' where id = 12")
    run_site_plan(settings, address, plan)

    problems = collect_problems(settings, plan)

    kept = next(problem for problem in problems if problem.problem_id == refused.problem_id)
    assert (kept.status, kept.rows, kept.has_grown) == (DECIDED, 3, True)
    assert kept.decision is not None
    assert (kept.decision.text, kept.decision.by, kept.decision.rows) == ("接受：旧系统的未知值", "李主任", 2)
    assert kept.origin != refused.origin

    decide_problem(settings, plan.token, refused.problem_id, "改为文本", "王工")

    again = next(p for p in collect_problems(settings, plan) if p.problem_id == refused.problem_id)
    assert [made.by for made in again.decisions] == ["李主任", "王工"]
    assert not again.has_grown


def test_a_problem_that_is_mended_is_told_as_gone_and_comes_back_with_its_decision(
    migrated: tuple[Settings, Address, Plan], legacy: Path
) -> None:
    settings, address, plan = migrated
    before = collect_problems(settings, plan)
    refused = next(problem for problem in before if problem.origin.startswith("run"))
    decide_problem(settings, plan.token, refused.problem_id, "等待修正", "李主任")
    change(legacy, "update patient set taken_at = null where id <= 2")
    run_site_plan(settings, address, plan)

    assert {p.problem_id: p.status for p in collect_problems(settings, plan)}[refused.problem_id] == GONE

    change(legacy, "update patient set taken_at = 'again' where id = 2")
    run_site_plan(settings, address, plan)

    assert {p.problem_id: p.status for p in collect_problems(settings, plan)}[refused.problem_id] == DECIDED


def test_orphans_stay_in_the_log_when_no_assessment_is_given(
    migrated: tuple[Settings, Address, Plan], tmp_path: Path
) -> None:
    settings, address, plan = migrated
    assess_source(address, tmp_path / "assessment")
    with_assessment = collect_problems(settings, plan, tmp_path / "assessment" / "assessment.json")

    without = collect_problems(settings, plan)

    assert told(without) == told(with_assessment)
    assert ("assessment", "visit", 2) in told(without)


def test_looking_again_writes_nothing(migrated: tuple[Settings, Address, Plan]) -> None:
    settings, _, plan = migrated
    collect_problems(settings, plan)

    def snapshots() -> int:
        with open_lake(settings, ("raw",), read_only=True) as connection:
            row = connection.execute("select count(*) from ducklake_snapshots('raw')").fetchone()
        return int(row[0]) if row else 0

    before = snapshots()
    collect_problems(settings, plan)

    assert snapshots() == before


def test_decisions_need_a_problem_a_text_and_a_name(migrated: tuple[Settings, Address, Plan]) -> None:
    settings, _, plan = migrated
    problem = collect_problems(settings, plan)[0]
    for problem_id, text, by in (("P-0", "x", "y"), (problem.problem_id, " ", "y"), (problem.problem_id, "x", "")):
        with pytest.raises(UsageError):
            decide_problem(settings, plan.token, problem_id, text, by)
    assert collect_problems(settings, plan)[0].decisions == ()


def radlake(*arguments: str) -> tuple[int, dict[str, object]]:
    """Run a command of the program and return its exit code and the JSON it printed."""
    result = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    error = result.exception
    code = getattr(error, "exit_code", 1) if error else 0
    return code, json.loads(result.stdout) if result.stdout.startswith("{") else {}


def test_open_problems_block_acceptance(migrated: tuple[Settings, Address, Plan], legacy: Path) -> None:
    settings = migrated[0]
    common = (str(legacy), "--home", str(settings.home), "--json")

    code, answer = radlake("report", "migration", *common)

    assert code == CheckFailedError.exit_code
    assert answer["problems"] == {"open": 2, "decided": 0, "gone": 0}
    assert not answer["acceptable"]
    assert radlake("report", "migration", *common, "--draft")[0] == 0

    code, log = radlake("migrate", "problems", *common)
    assert (code, log["open"]) == (0, 2)
    for problem in log["problems"]:  # type: ignore[attr-defined]
        decided = radlake("migrate", "decide", *common, problem["problem_id"], "--decision", "接受", "--by", "李主任")
        assert decided[0] == 0

    code, answer = radlake("report", "migration", *common)
    assert (code, answer["problems"], answer["acceptable"]) == (0, {"open": 0, "decided": 2, "gone": 0}, True)


def write(settings: Settings, address: Address, folder: Path, **options: Path) -> tuple[MigrationFacts, list[Path]]:
    place = plan_folder(settings, address)
    return write_migration_reports(settings, read_plan(place), place, folder, **options)


def text_of(path: Path) -> str:
    """Return all text of a report, or of a draft."""
    if path.suffix != ".docx":
        return path.read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode("utf-8", "replace") for name in sorted(archive.namelist()))


def test_a_plan_alone_gives_reports_that_say_what_was_not_run(settings: Settings, legacy: Path, tmp_path: Path) -> None:
    address = parse_address(str(legacy))
    make_site_plan(settings, address)

    facts, files = write(settings, address, tmp_path / "reports")

    assert [path.name for path in files] == [f"{name}.{end}" for name in REPORTS for end in ("html", "docx")]
    for path in files:
        if "problems" not in path.name:
            assert NOT_RUN in text_of(path), path.name
    assert facts.unfinished()[0].startswith("尚无成功的实施")


def test_reports_hold_no_value_of_a_row_and_no_password(settings: Settings, mariadb: Server, tmp_path: Path) -> None:
    script = f"""
    create table patient (id int primary key, name varchar(40), d date, note longtext);
    set sql_mode = '';
    insert into patient values (1, '{CANARY}一  ', '0000-00-00', '{CANARY}'), (2, '{CANARY}二', '1980-01-05', ''),
      (3, '{CANARY}三　', '1980-01-06', '13800138{CANARY}'), (4, '{CANARY}四 ', null, 'x'), (5, '{CANARY}五 ', null, ' '),
      (6, '{CANARY}六 ', null, ' ');
    """
    address = parse_address(mariadb.url(mariadb.new_database(script)))
    plan, _ = make_site_plan(settings, address)
    run_site_plan(settings, address, plan)
    with open_lake(settings, ("raw",)) as connection:
        connection.execute(f"update raw.raw_legacy.patient set name = '{CANARY}改' where id = 2")
        _insert_query(connection, plan, "2026", 1, "different")
    validate_site(settings, address, plan)

    facts, files = write(settings, address, tmp_path / "reports")

    assert facts.count(OPEN) == 3
    assert any(count.samples for measured in facts.measures for count in measured.counts)
    for path in files:
        text = text_of(path)
        for secret in (CANARY, "canary", "1980-01-05", "13800138", PASSWORD):
            assert secret not in text, (path.name, secret)


def test_making_reports_again_changes_only_the_time(migrated: tuple[Settings, Address, Plan], tmp_path: Path) -> None:
    settings, address, plan = migrated
    with open_lake(settings, ("raw",)) as connection:
        _insert_query(connection, plan, "2026", 1, "same")
    masked = []
    for name in ("first", "second"):
        facts, files = write(settings, address, tmp_path / name)
        made = f"{facts.generated_at:%Y-%m-%d %H:%M:%S}"
        for path in files:
            if path.suffix in (".html", ".docx"):
                assert text_of(path).count(made) == 1, path.name
        masked.append({path.name: text_of(path).replace(made, "TIME") for path in files})

    assert masked[0] == masked[1]


def tables_in(blocks: list[Block]) -> list[TableBlock]:
    found = []
    for block in blocks:
        if isinstance(block, TableBlock):
            found.append(block)
        elif isinstance(block, Details):
            found += tables_in(list(block.blocks))
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_every_table_with_a_figure_names_its_origin_and_every_query_is_listed(
    name: str, migrated: tuple[Settings, Address, Plan], tmp_path: Path
) -> None:
    settings, address, plan = migrated
    with open_lake(settings, ("raw",)) as connection:
        _insert_query(connection, plan, "2026", 1, "same")
        step = {"replay_id": "2026", "token": plan.token, "step_no": 1, "target": "patient", "kind": "sort"}
        step |= {"detail": "code", "before_p95_ms": 8.0, "after_p95_ms": 2.0, "is_kept": True}
        insert(connection, "tuning_step", [step | {"tried_at": datetime(2026, 1, 2)}])
    facts, _ = write(settings, address, tmp_path / "reports")

    blocks = report_blocks(facts, REPORTS[name][1])

    tables = tables_in(blocks)
    assert len(tables) > 3
    ids = (plan.plan_id, facts.done_runs[-1]["run_id"], facts.rows("validations")[-1]["validation_id"], "replay 2026")
    for table in tables:
        if any(isinstance(cell, int | float) and not isinstance(cell, bool) for row in table.rows for cell in row):
            told = table.caption + "".join(str(cell) for cell in table.rows[0])
            assert re.search(r"\bQ\d+\b", told) or any(one in told for one in ids), table.header
    listed = {row[0] for row in tables[-1].rows}
    quoted = set(re.findall(r"\bQ\d+\b", json.dumps([str(block) for block in blocks])))
    assert quoted == listed


def test_no_query_of_the_reports_reads_a_column_that_may_hold_a_value() -> None:
    """The contract says which columns of raw_migration may hold a value of a row or a key."""
    guarded = {
        column.name for table in read_contract("migration").values() for column in table.columns if column.pii != "none"
    }
    assert guarded == {"lower_key", "upper_key", "row_text", "source_value", "target_value", "row_key", "query_sql"}
    for name, (_, query) in QUERIES.items():
        assert not guarded & set(re.findall(r"\w+", query)), name


def counted(measures: list[TableMeasure]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Return rows before and after by table, column and rule, of the rules that met something."""
    return {
        (measured.target, count.column, count.rule.name): (count.before, count.after)
        for measured in measures
        for count in measured.counts
        if count.before
    }


def test_cleaning_is_counted_before_and_after_and_leaves_nothing(migrated: tuple[Settings, Address, Plan]) -> None:
    settings, _, plan = migrated

    measures = measure(settings, plan)

    # two of the twelve patients were refused, with two of the full-width codes and both impossible days
    assert counted(measures) == {
        ("patient", "name", "trailing_blank"): (10, 0),
        ("patient", "code", "full_width"): (1, 0),
        ("patient", "note", "empty_string"): (5, 0),
        ("code_list", "code", "trailing_blank"): (1, 0),
    }
    assert {measured.target: measured.lost_keys for measured in measures} == {
        "code_list": 1, "patient": 0, "picture": 0, "visit": 0,
    }  # fmt: skip
    names = next(count for measured in measures for count in measured.counts if count.column == "name" and count.before)
    assert names.samples[0] == ("文文aaaaaa9··", "文文aaaaaa9")


def test_a_sentinel_that_may_be_a_real_day_is_cleaned_only_where_it_was_chosen(
    settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "days.sqlite"
    change(
        path,
        "create table a (id integer primary key, d date, e text)",
        "insert into a values (1, '1900-01-01', '2020/1/5'), (2, '9999-12-31', '1900.01.01'), (3, '2020-01-01', "
        "'20200105'), (4, '2020-01-02', '0000-00-00')",
    )
    address = parse_address(str(path))
    plan, _ = make_site_plan(settings, address)
    run_site_plan(settings, address, plan)
    place = plan_folder(settings, address)
    expected = {
        ("a", "d", "sentinel_9999"): (1, 0),
        ("a", "d", "sentinel_1900"): (1, 1),
        ("a", "e", "date_to_iso"): (3, 0),
        ("a", "e", "sentinel_zero"): (1, 0),
        ("a", "e", "sentinel_1900"): (1, 1),
    }
    assert counted(measure(settings, plan)) == expected
    (place / "cleaning.yml").write_text("a.d: {sentinel_1900: true, sentinel_9999: false}\n")

    facts, _ = write(settings, address, tmp_path / "reports")

    assert counted(list(facts.measures)) == expected | {
        ("a", "d", "sentinel_9999"): (1, 1),
        ("a", "d", "sentinel_1900"): (1, 0),
    }
    (place / "cleaning.yml").write_text("a.d: {sentinel_1901: true}\n")
    with pytest.raises(SettingsError, match="unknown rules: sentinel_1901"):
        write(settings, address, tmp_path / "reports")


@pytest.fixture
def render() -> Callable[[str], str]:
    """Return what dbt would make of a draft: `source` names the table, and a compiler error stops."""

    def stop(message: str) -> str:
        raise RuntimeError(message)

    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - SQL, not HTML
    environment.globals["exceptions"] = {"raise_compiler_error": stop}
    environment.globals["source"] = lambda _, table: f'raw.raw_legacy."{table}"'
    return lambda text: environment.from_string(text).render()


def test_a_draft_of_a_staging_model_lets_nothing_pass_until_somebody_chooses(
    migrated: tuple[Settings, Address, Plan], render: Callable[[str], str]
) -> None:
    settings, _, plan = migrated

    drafts = draft_staging(plan, measure(settings, plan))

    assert sorted(drafts) == [
        SOURCES_FILE, "stg_legacy__code_list.sql", "stg_legacy__patient.sql", "stg_legacy__picture.sql",
        "stg_legacy__visit.sql",
    ]  # fmt: skip
    draft = drafts["stg_legacy__patient.sql"]
    with pytest.raises(RuntimeError, match="is a draft"):
        render(draft)
    allowed = re.sub(r"\{\{ exceptions.*\n", "", draft)
    with open_lake(settings, ("raw",), read_only=True) as connection:
        result = connection.execute(render(allowed))
        assert [column[0] for column in result.description] == ["source_system", "load_id", "loaded_at"]
        chosen = allowed.replace('    -- "name",', '    "name",').replace('    -- "code",', '    "code",')
        rows = connection.execute(f"select name, code from ({render(chosen)}) order by code").fetchall()
    assert rows[0] == (f"{CANARY}10", "A10010") and (f"{CANARY}3", "A1003") in rows
    assert not any(name != name.strip() for name, _ in rows)
    assert "makes 1 keys of this table equal" in drafts["stg_legacy__code_list.sql"]
    contract = yaml.safe_load(drafts[SOURCES_FILE])["sources"][0]
    classes = {
        column["config"]["meta"]["pii"]
        for table in contract["tables"]
        for column in table["columns"]
        if not column["name"].startswith("_")
    }
    assert classes == {"unclassified"} and "unclassified" not in PII_CLASSES


def test_drafts_of_odd_names_are_still_sql(settings: Settings, tmp_path: Path, render: Callable[[str], str]) -> None:
    path = tmp_path / "odd.sqlite"
    change(
        path,
        """create table "检查 的's" ("列 {% y {{ x }}" text, "select" text, "a
b" text)""",
        """insert into "检查 的's" values ('值 ', '　', ' x')""",
        'create table "检查__的 s" (a text)',
    )
    address = parse_address(str(path))
    plan, _ = make_site_plan(settings, address)
    run_site_plan(settings, address, plan)

    _, files = write(settings, address, tmp_path / "reports")

    models = sorted(file.name for file in files if file.suffix == ".sql")
    assert models == ["stg_legacy__检查__的_s.sql", "stg_legacy__检查_的_s.sql"]
    draft = next(file for file in files if file.name == "stg_legacy__检查_的_s.sql").read_text(encoding="utf-8")
    allowed = re.sub(r"\{\{ exceptions.*\n", "", draft).replace('-- "select",', '"select",')
    with open_lake(settings, ("raw",), read_only=True) as connection:
        rows = connection.execute(f'select "select" from ({render(allowed)})').fetchall()
    assert rows == [(None,)]
