"""Moving legacy databases: every row arrives or is refused with a reason, and the same command again changes nothing."""

import json
import sqlite3
from pathlib import Path

import pytest

from ingestion.migration.estimation import estimate
from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan, plan_folder
from ingestion.migration.planning import make_plan
from ingestion.migration.run import RunResult, TableResult, run_migration
from ingestion.migration.scanner import open_scanner
from ingestion.migration.source import Address, parse_address
from lakehouse.errors import CheckFailedError, ContractError, SourceUnreachableError, UsageError
from lakehouse.lake import keep_instance, open_lake
from lakehouse.ledger import local_now
from lakehouse.settings import Settings
from serving.migration import plan_statements, read_site_plan
from tests.builders.legacy import (
    AWKWARD_MYSQL,
    AWKWARD_POSTGRESQL,
    load_synthetic,
    write_awkward_sqlite,
    write_synthetic,
)
from tests.builders.servers import PASSWORD, Server


def plan_of(settings: Settings, address: Address, **options: object) -> Plan:
    folder = settings.work_folder / "plan"
    folder.mkdir(parents=True, exist_ok=True)
    with open_origin(address, folder) as (source, catalog):
        return make_plan(source, catalog, local_now(settings.timezone), **options)  # type: ignore[arg-type]


def migrate(settings: Settings, address: Address, **options: object) -> RunResult:
    return run_migration(settings, address, plan_of(settings, address, **options))


def table_of(result: RunResult, name: str) -> TableResult:
    return next(table for table in result.tables if table.table == name)


def rows_of(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with open_lake(settings, ("raw",), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    folder = tmp_path_factory.mktemp("legacy")
    return folder, write_synthetic(folder)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb", "postgresql dump", "mysql dump"])
def synthetic_address(
    request: pytest.FixtureRequest, synthetic: tuple[Path, dict[str, int]], tmp_path: Path
) -> Address:
    folder, _ = synthetic
    if request.param == "sqlite":
        return parse_address(f"sqlite:///{folder / 'research.sqlite'}")
    if request.param.endswith("dump"):
        return parse_address(str(folder / f"research.{request.param.split()[0]}.sql"))
    return parse_address(load_synthetic(request.getfixturevalue(request.param), folder))


def test_every_row_of_the_synthetic_database_arrives_in_every_form(
    settings: Settings, synthetic_address: Address, synthetic: tuple[Path, dict[str, int]]
) -> None:
    result = migrate(settings, synthetic_address)

    assert {table.table: table.loaded for table in result.tables} == synthetic[1]
    assert result.total("rejected") == 0
    with sqlite3.connect(synthetic[0] / "research.sqlite") as truth:
        expected = sorted(truth.execute("select id, his_number, name, birth_date, phone from patient").fetchall())
        logged = sorted(truth.execute("select who, what, target from operation_log").fetchall())
    assert (
        rows_of(settings, "select id, his_number, name, birth_date, phone from raw.raw_legacy.patient order by id")
        == expected
    )
    assert rows_of(settings, "select who, what, target from raw.raw_legacy.operation_log order by all") == logged

    again = run_migration(settings, synthetic_address, plan_of(settings, synthetic_address))

    assert again.total("loaded") == again.total("removed") == 0
    assert again.total("unchanged") == result.total("loaded")
    assert rows_of(settings, "select count(*) from raw.raw_legacy.patient") == [(synthetic[1]["patient"],)]


def test_values_against_their_declared_type_travel_as_text(settings: Settings, tmp_path: Path) -> None:
    address = parse_address(str(write_awkward_sqlite(tmp_path / "old.sqlite")))
    plan = plan_of(settings, address)
    dirty = plan.table("dirty")

    assert {column.name: column.target_type for column in dirty.columns} == {
        "id": "bigint", "age": "varchar", "taken_at": "varchar", "born": "varchar", "amount": "varchar",
        "flag": "varchar", "ratio": "varchar", "thumb": "blob", "anything": "varchar",
    }  # fmt: skip
    assert dirty.column("age").misfits == 2

    result = run_migration(settings, address, plan)

    assert table_of(result, "dirty").loaded == 4
    assert rows_of(settings, "select age, taken_at, born, amount, thumb from raw.raw_legacy.dirty order by id") == [
        ("30", "2020-01-01 10:00:00", "1980-02-29", "12.5", b"\x00\xff\x10"),
        ("unknown", "0000-00-00", "1980-02-30", "12.345", b"text"),
        (None, None, None, None, None),
        ("3.7", "2020-01-01T10:00:00", "2020-1-5", "-0.01", b""),
    ]
    assert rows_of(settings, 'select "患者_s 姓名", "select" from raw.raw_legacy."检查 表" order by "序号"') == [
        ("张三  ", "a|b"), (None, ""), ("李四𠮷😀", "\n"),
    ]  # fmt: skip
    assert table_of(result, "empty_one").source == 0
    assert rows_of(settings, "select count(*) from raw.raw_legacy.no_key") == [(5,)]


def test_a_forced_type_must_be_allowed_and_refuses_rows_with_reasons(settings: Settings, tmp_path: Path) -> None:
    address = parse_address(str(write_awkward_sqlite(tmp_path / "old.sqlite")))
    forced = {"dirty.taken_at": "timestamp"}
    with pytest.raises(CheckFailedError, match=r"dirty.taken_at to timestamp \(2 rows"):
        plan_of(settings, address, types=forced)
    with pytest.raises(UsageError, match="but not double"):
        plan_of(settings, address, types={"dirty.taken_at": "double"})

    result = migrate(settings, address, types=forced, allow=["dirty.taken_at"])

    dirty = table_of(result, "dirty")
    assert (dirty.source, dirty.loaded, dirty.rejected) == (4, 2, 2)
    rejects = rows_of(settings, "select reason, row_text from raw.raw_migration.reject where target = 'dirty'")
    assert {reason for reason, _ in rejects} == {"taken_at: no timestamp"}
    assert sorted(json.loads(str(row))["id"] for _, row in rejects) == ["2", "4"]

    again = migrate(settings, address, types=forced, allow=["dirty.taken_at"])

    assert (table_of(again, "dirty").unchanged, table_of(again, "dirty").rejected) == (2, 2)


def test_text_that_is_no_utf8_is_refused_and_kept(settings: Settings, tmp_path: Path) -> None:
    address = parse_address(str(write_awkward_sqlite(tmp_path / "old.sqlite")))

    result = table_of(migrate(settings, address), "bad_bytes")

    assert (result.source, result.loaded, result.rejected) == (3, 2, 1)
    [(reason, row)] = rows_of(settings, "select reason, row_text from raw.raw_migration.reject")
    assert reason == "note: no UTF-8"
    assert json.loads(str(row)) == {"id": "2", "note": "hex:B2E2CAD4"}


@pytest.mark.parametrize(("engine", "script"), [("mariadb", AWKWARD_MYSQL), ("postgresql", AWKWARD_POSTGRESQL)])
def test_awkward_types_arrive_whole(
    settings: Settings, request: pytest.FixtureRequest, engine: str, script: str
) -> None:
    server: Server = request.getfixturevalue(engine)
    address = parse_address(server.url(server.new_database(script)))

    result = migrate(settings, address)

    assert result.total("rejected") == 0
    assert result.total("loaded") == result.total("source") > 20
    if engine == "mariadb":
        assert rows_of(settings, "select d, t, s, tm, y from raw.raw_legacy.dates order by id") == [
            ("2020-02-29", "2020-01-01 00:00:01", rows_of(settings, "select timestamptz '2020-01-01 08:00:00+00'")[0][0],
             "838:59:59", 2020),
            ("0000-00-00", "0000-00-00 00:00:00", None, "-01:00:00", 1901),
            ("2020-00-00", "9999-12-31 23:59:59",
             rows_of(settings, "select timestamptz '2037-12-31 23:59:59+00'")[0][0], None, None),
        ]  # fmt: skip
        assert rows_of(settings, "select cast(id as varchar), cast(b64 as varchar) from raw.raw_legacy.numbers "
                       "order by id desc limit 1") == [("18446744073709551615",) * 2]  # fmt: skip
        assert rows_of(settings, "select code, latin from raw.raw_legacy.texts order by code") == [
            ("A", "x "), ("a", ""), ("测试", "abc"),
        ]  # fmt: skip
        assert rows_of(settings, "select data, length(note), kind from raw.raw_legacy.lobs order by id") == [
            (b"\x00\xff\x00", 70000, "甲"), (b"", 0, None),
        ]  # fmt: skip
    else:
        assert {table.table for table in result.tables} >= {"Patient", "patient_2", "研究__检查 表", "log"}
        assert "log_2020" not in {table.table for table in result.tables}
        assert rows_of(settings, "select d, t, tz, tm from raw.raw_legacy.instants order by id")[1] == (
            "infinity", "-infinity", "infinity", rows_of(settings, "select time '24:00:00'")[0][0],
        )  # fmt: skip
        assert rows_of(settings, "select n, n8, big from raw.raw_legacy.numbers order by id limit 2") == [
            ("1.50", "12.50", "1234567890123456789012345678901234567890.0123456789"), ("NaN", "NaN", "NaN"),
        ]  # fmt: skip
        assert rows_of(settings, "select count(*) from raw.raw_legacy.parent_one") == [(1,)]
        assert rows_of(settings, "select what from raw.raw_legacy.log order by all") == [("a",), ("b",)]


def test_chunks_follow_the_key_and_only_what_changed_is_read_again(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table exam (id integer primary key, finding text)")
        # keys are spread unevenly on purpose
        writer.executemany("insert into exam values (?, ?)", ((n * n, f"所见{n}") for n in range(1, 1001)))
    address = parse_address(str(path))

    first = migrate(settings, address, chunk_rows=100)

    assert table_of(first, "exam").chunks == 10
    with sqlite3.connect(path) as writer:
        writer.execute("update exam set finding = '改' where id = 250000")
        writer.execute("delete from exam where id = 4")
        writer.executemany("insert into exam values (?, ?)", ((2_000_000 + n, "新") for n in range(50)))

    second = table_of(migrate(settings, address, chunk_rows=100), "exam")

    assert (second.source, second.unchanged) == (1049, 700)
    assert (second.loaded, second.removed) == (349, 300)
    assert rows_of(settings, "select count(*), count(distinct id), sum(id) from raw.raw_legacy.exam") == [
        sqlite3.connect(path).execute("select count(*), count(distinct id), sum(id) from exam").fetchone()
    ]
    assert rows_of(settings, "select finding from raw.raw_legacy.exam where id = 250000") == [("改",)]


def test_a_table_of_mysql_without_a_whole_number_key_travels_whole(settings: Settings, mariadb: Server) -> None:
    database = mariadb.new_database(
        "create table log (who varchar(20), what varchar(20));"
        "insert into log select '张三', concat('记录', seq % 7000) from seq_1_to_20000;"
        "create table named (code varchar(20) primary key, note text);"
        "insert into named select concat('代码', seq), null from seq_1_to_12000;"
    )
    address = parse_address(mariadb.url(database))
    plan = estimate(settings, address, plan_of(settings, address, chunk_rows=5000))
    assert all(table.estimated_seconds > 0 for table in plan.tables)

    first = run_migration(settings, address, plan)
    mariadb.run("delete from log where what = '记录7' limit 1", database)
    second = run_migration(settings, address, plan)

    assert (table_of(first, "log").loaded, table_of(first, "named").loaded) == (20_000, 12_000)
    assert (table_of(second, "log").loaded, table_of(second, "log").removed) == (19_999, 20_000)
    assert (table_of(second, "named").unchanged, table_of(second, "named").loaded) == (12_000, 0)
    assert rows_of(settings, "select count(*), count(distinct what) from raw.raw_legacy.log") == [(19_999, 7000)]
    assert rows_of(settings, "select count(*), count(distinct code) from raw.raw_legacy.named") == [(12_000, 12_000)]


def test_what_a_run_would_do_is_told_and_nothing_is_written(settings: Settings, tmp_path: Path) -> None:
    address = parse_address(str(write_awkward_sqlite(tmp_path / "old.sqlite")))

    statements = plan_statements(read_site_plan(settings, address, write=False))

    assert len(statements) == 3 * 8
    with sqlite3.connect(tmp_path / "old.sqlite") as source:
        # one row is GBK
        source.text_factory = bytes
        for select in statements[1::3]:
            source.execute(select).fetchall()
    assert not (settings.home / "migration").exists()


def test_a_table_that_was_altered_stops_the_run_and_is_named(settings: Settings, tmp_path: Path) -> None:
    path = write_awkward_sqlite(tmp_path / "old.sqlite")
    address = parse_address(str(path))
    plan = plan_of(settings, address)
    with sqlite3.connect(path) as writer:
        writer.execute("alter table dirty add column extra text")
        writer.execute("drop table empty_one")

    with pytest.raises(ContractError, match=r"dirty: new column extra.*|empty_one is gone.*"):
        run_migration(settings, address, plan)


def test_two_databases_in_one_home_are_told_apart(settings: Settings, tmp_path: Path) -> None:
    first = parse_address(str(write_awkward_sqlite(tmp_path / "old.sqlite")))
    second = parse_address(str(write_awkward_sqlite(tmp_path / "other.sqlite")))
    migrate(settings, first)

    with pytest.raises(UsageError, match="--prefix"):
        migrate(settings, second)

    assert migrate(settings, second, prefix="other_").total("rejected") == 1


def test_progress_is_exact_and_never_passes_the_whole(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table exam (id integer primary key)")
        writer.executemany("insert into exam values (?)", ((n,) for n in range(1000)))
    address = parse_address(str(path))
    seen = []

    run_migration(settings, address, plan_of(settings, address, chunk_rows=100), progress=seen.append)

    lines = [json.loads(line) for line in (plan_folder(settings, address) / "progress.jsonl").read_text().splitlines()]
    assert [line["rows"] for line in lines] == list(range(100, 1001, 100)) == [step.rows for step in seen]
    assert lines[-1]["percent"] == lines[-1]["all_percent"] == 100.0
    assert all(line["percent"] <= 100 and line["total"] == 1000 for line in lines)
    assert lines[-1]["eta_seconds"] == 0


def test_whoever_appends_does_not_reach_the_source(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    sqlite3.connect(path).execute("create table exam (id integer primary key)")
    with (
        keep_instance(settings),
        open_scanner(settings, parse_address(str(path)), path) as scanner,
        open_lake(settings, ("raw",)) as connection,
    ):
        listing = "select database_name from duckdb_databases()"
        seen = {name for (name,) in scanner.connection.execute(listing).fetchall()}
        appending = {name for (name,) in connection.execute(listing).fetchall()}
    # a source that is gone would fail whatever lists the tables of its instance, as dlt does
    assert ("legacy" in seen, "legacy" in appending, "raw" in appending) == (True, False, True)


def test_a_slow_run_reads_in_pieces_between_which_it_can_pause(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "many.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table exam (id integer primary key)")
        writer.executemany("insert into exam values (?)", ((n,) for n in range(3500)))
    address = parse_address(str(path))

    result = run_migration(settings, address, plan_of(settings, address), rows_per_second=2000)

    assert (result.total("loaded"), table_of(result, "exam").chunks) == (3500, 2)
    # two pauses of a second and three quarters in all: a faster run did not hold back
    assert result.seconds > 3500 / 2000


def test_a_source_that_does_not_answer_is_told_without_its_password(
    settings: Settings, mariadb: Server, synthetic: tuple[Path, dict[str, int]]
) -> None:
    address = parse_address(load_synthetic(mariadb, synthetic[0]))
    plan = plan_of(settings, address)
    mariadb.stop()
    try:
        with pytest.raises(SourceUnreachableError, match="does not answer") as caught:
            run_migration(settings, address, plan, retries=1, wait_seconds=0.1)
    finally:
        mariadb.start()
    assert PASSWORD not in str(caught.value) and PASSWORD not in repr(caught.value.__context__)

    assert run_migration(settings, address, plan).total("loaded") == sum(synthetic[1].values())
