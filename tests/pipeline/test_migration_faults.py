"""What goes wrong while a database is migrated: after the same command again, nothing is missing and nothing twice."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ingestion.migration import run
from ingestion.migration.plan import Plan, plan_folder, write_plan
from ingestion.migration.progress import Progress
from ingestion.migration.run import run_migration
from ingestion.migration.source import Address, parse_address
from lakehouse.errors import SourceUnreachableError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from serving.migration import validate_site
from tests.builders.servers import PASSWORD, Server
from tests.canary import find_in_files
from tests.conftest import PROJECT
from tests.pipeline.test_migration_run import plan_of

TABLES = """
create table exam (id int primary key, finding varchar(200), measured decimal(8,2));
create table note (who varchar(20), what varchar(50));
"""
ROWS = {
    "postgresql": """
insert into exam select i, '右肺上叶见结节影' || i, (i % 3000) / 100.0 from generate_series(1, 40000) i;
insert into note select '张三', '记录' || i % 10 from generate_series(1, 2000) i;
""",
    "mariadb": """
insert into exam select seq, concat('右肺上叶见结节影', seq), (seq % 3000) / 100 from seq_1_to_40000;
insert into note select '张三', concat('记录', seq % 10) from seq_1_to_2000;
""",
}


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(request.param)


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load chunk by chunk, so that something can happen between the first and the last."""
    monkeypatch.setattr(run, "_UNIT_ROWS", 1)


def prepared(settings: Settings, server: Server) -> tuple[Address, Plan, str]:
    database = server.new_database(TABLES + ROWS[server.engine])
    address = parse_address(server.url(database))
    plan = plan_of(settings, address, chunk_rows=4000)
    write_plan(plan, plan_folder(settings, address))
    return address, plan, database


def kill_at_random(act: str, settings: Settings, server: Server, database: str, times: int) -> list[int]:
    arguments = [act, str(settings.home), "env:RADLAKE_SOURCE_URL", str(times), "7"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.builders.kill_points", *arguments],
        env=os.environ | {"RADLAKE_SOURCE_URL": server.url(database)},
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert PASSWORD not in result.stdout + result.stderr
    endings = [int(ending) for ending in result.stdout.split()]
    assert 70 not in endings, result.stderr[-4000:]
    return endings


def assert_equal_and_clean(settings: Settings, address: Address, plan: Plan) -> None:
    result = run_migration(settings, address, plan)
    assert result.total("loaded") + result.total("unchanged") == result.total("source") == 42_000
    validation = validate_site(settings, address, plan)
    assert validation.equal and validation.differences == 0
    with open_lake(settings, ("raw",), read_only=True) as connection:
        assert connection.execute("select count(*), count(distinct id) from raw.raw_legacy.exam").fetchone() == (
            40_000,
            40_000,
        )
        assert connection.execute("select count(*) from raw.raw_legacy.note").fetchone() == (2000,)
        # no half-done load is left in dlt's own books
        assert connection.execute("select distinct status from raw.raw_legacy._dlt_loads").fetchall() == [(0,)]
    assert [path for path in settings.work_folder.rglob("*") if path.is_file()] == []
    assert find_in_files([settings.home], [PASSWORD]) == {}


def test_kills_at_twenty_points_of_a_load_leave_no_trace(settings: Settings, server: Server) -> None:
    address, plan, database = prepared(settings, server)

    endings = kill_at_random("load", settings, server, database, 10)

    assert -9 in endings
    assert set(endings) <= {0, -9}
    assert_equal_and_clean(settings, address, plan)


def test_kills_of_a_validation_leave_no_trace(settings: Settings, postgresql: Server) -> None:
    address, plan, database = prepared(settings, postgresql)
    run_migration(settings, address, plan)

    endings = kill_at_random("validate", settings, postgresql, database, 10)

    assert -9 in endings
    assert set(endings) <= {0, -9}
    assert_equal_and_clean(settings, address, plan)


def test_a_full_disk_is_told_and_the_next_run_is_whole(settings: Settings, postgresql: Server) -> None:
    address, plan, database = prepared(settings, postgresql)

    assert kill_at_random("full-disk", settings, postgresql, database, 1) == [1]

    assert_equal_and_clean(settings, address, plan)


def test_a_server_that_stops_in_the_middle_is_waited_for(settings: Settings, server: Server, small_units: None) -> None:
    address, plan, _ = prepared(settings, server)
    stopped = threading.Event()

    def stop_and_start() -> None:
        server.stop(at_once=True)
        server.start()
        stopped.set()

    def on_progress(progress: Progress) -> None:
        if not stopped.is_set() and progress.rows >= 4000:
            stop_and_start()

    run_migration(settings, address, plan, retries=5, wait_seconds=0.5, progress=on_progress)

    assert stopped.is_set()
    assert_equal_and_clean(settings, address, plan)


def test_a_row_that_changes_during_the_copy_is_taken_from_the_snapshot(
    settings: Settings, server: Server, small_units: None
) -> None:
    address, plan, database = prepared(settings, server)
    changed = threading.Event()

    def on_progress(_: Progress) -> None:
        if not changed.is_set():
            server.run("update exam set finding = '后来' where id = 39999; delete from exam where id = 1;"
                       "insert into exam values (1, '补', 1)", database)  # fmt: skip
            changed.set()

    run_migration(settings, address, plan, progress=on_progress)

    with open_lake(settings, ("raw",), read_only=True) as connection:
        assert connection.execute("select finding from raw.raw_legacy.exam where id in (1, 39999) order by id").fetchall() == [
            ("右肺上叶见结节影1",), ("右肺上叶见结节影39999",),
        ]  # fmt: skip
    assert validate_site(settings, address, plan).differences == 2
    assert_equal_and_clean(settings, address, plan)


def test_a_source_that_stays_away_ends_the_run(settings: Settings, mariadb: Server) -> None:
    address, plan, _ = prepared(settings, mariadb)
    mariadb.stop()
    try:
        with pytest.raises(SourceUnreachableError):
            run_migration(settings, address, plan, retries=1, wait_seconds=0.1)
    finally:
        mariadb.start()
    assert_equal_and_clean(settings, address, plan)


def test_no_password_is_left_in_the_list_of_processes_or_in_any_file(settings: Settings, mariadb: Server) -> None:
    _, _, database = prepared(settings, mariadb)
    result = subprocess.run(
        [sys.executable, "-m", "serving.cli", "migrate", "run", mariadb.url(database), "--home", str(settings.home)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert PASSWORD not in result.stdout + result.stderr
    assert find_in_files([Path(settings.home)], [PASSWORD]) == {}
