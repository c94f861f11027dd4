"""The two zones: encrypted on disk, opened only with their own keys, and movable."""

import os
import shutil
from pathlib import Path

import pytest

from lakehouse.errors import KeyMissingError, RadlakeError, SettingsError
from lakehouse.lake import catalog_file, lock_home, open_lake, tidy_zones
from lakehouse.settings import Settings, read_settings
from serving.home import create_home

CANARY = "王犇骉19900000001"


def plant(settings: Settings) -> None:
    with open_lake(settings) as connection:
        connection.execute(
            "insert into raw.raw_his.patient (patient_id, patient_name) select range, $1 from range(5000)", [CANARY]
        )


def test_nothing_is_in_clear_on_disk(settings: Settings) -> None:
    plant(settings)
    files = [path for path in (settings.home / "raw").rglob("*") if path.is_file()]
    assert any(path.suffix == ".parquet" for path in files)
    assert not any(CANARY.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize("zone", ["raw", "lake"])
def test_key_of_the_other_zone_does_not_open_it(settings: Settings, zone: str) -> None:
    other = {"raw": "lake", "lake": "raw"}[zone]
    shutil.copyfile(settings.home / "keys" / f"{other}.key", settings.home / "keys" / f"{zone}.key")
    swapped = settings.model_copy(update={"keys": settings.keys | {zone: settings.keys[other]}})
    with pytest.raises(SettingsError, match="cannot be opened"), open_lake(swapped):
        pass


def test_missing_key_is_exit_code_16(settings: Settings) -> None:
    (settings.home / "keys" / "raw.key").unlink()
    with pytest.raises(KeyMissingError) as caught, open_lake(settings):
        pass
    assert caught.value.exit_code == 16


def test_research_zone_opens_without_the_other_keys(settings: Settings) -> None:
    (settings.home / "keys" / "raw.key").unlink()
    (settings.home / "keys" / "pseudonym.key").unlink()
    with open_lake(settings, ("lake",), read_only=True) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_home_may_be_moved(settings: Settings, tmp_path: Path) -> None:
    plant(settings)
    moved = tmp_path / "elsewhere"
    shutil.move(settings.home, moved)
    with open_lake(read_settings(moved), read_only=True) as connection:
        assert connection.execute("select count(*) from raw.raw_his.patient").fetchone() == (5000,)


def test_home_is_made_once(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="home already"):
        create_home(settings.home, synthetic=True)


def test_two_writers_do_not_interleave(settings: Settings) -> None:
    with lock_home(settings), pytest.raises(RadlakeError, match="another radlake command"), lock_home(settings):
        pass


def end_suddenly(settings: Settings, *, damage: bool) -> None:
    """Write under the lock in a process that ends without a word; a damage overwrites the middle of the catalog."""
    child = os.fork()
    if child == 0:
        with lock_home(settings):
            plant(settings)
            if damage:
                size = catalog_file(settings, "raw").stat().st_size
                with catalog_file(settings, "raw").open("r+b") as file:
                    file.seek(size // 2 // 4096 * 4096)
                    file.write(os.urandom(size // 2))
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def count_patients(settings: Settings) -> int:
    with open_lake(settings, read_only=True) as connection:
        row = connection.execute("select count(*) from raw.raw_his.patient").fetchone()
    assert row is not None
    return int(row[0])


def test_catalog_that_a_kill_damaged_is_put_back(settings: Settings) -> None:
    plant(settings)
    end_suddenly(settings, damage=True)
    with pytest.raises(SettingsError, match="cannot be opened"):
        count_patients(settings)
    with lock_home(settings):
        assert count_patients(settings) == 5000
        plant(settings)
    assert count_patients(settings) == 10_000
    names = sorted(path.name for path in (settings.home / "raw").iterdir())
    assert names == ["catalog.ducklake", "catalog.ducklake.damaged", "data"]


def test_what_a_killed_command_had_done_stays_where_the_catalog_is_whole(settings: Settings) -> None:
    end_suddenly(settings, damage=False)
    with lock_home(settings):
        pass
    assert count_patients(settings) == 5000
    assert sorted(path.name for path in (settings.home / "raw").iterdir()) == ["catalog.ducklake", "data"]


def test_nothing_is_ever_installed(settings: Settings) -> None:
    with open_lake(settings) as connection:
        values = dict(
            connection.execute(
                "select name, value from duckdb_settings() where name in "
                "('autoinstall_known_extensions', 'autoload_known_extensions', 'allow_community_extensions')"
            ).fetchall()
        )
    assert set(values.values()) == {"false"}


def test_files_of_forgotten_snapshots_are_deleted_and_the_present_stays(settings: Settings) -> None:
    def files() -> int:
        return len(list((settings.home / "raw").rglob("*.parquet")))

    plant(settings)
    with open_lake(settings) as connection:
        connection.execute(
            "create or replace table raw.raw_his.patient as select * from raw.raw_his.patient limit 2000"
        )
        before = files()
        assert tidy_zones(connection, settings) == 0
        assert tidy_zones(connection, settings.model_copy(update={"keep_snapshots_days": 0})) > 0
        assert files() < before
        assert connection.execute("select count(*) from raw.raw_his.patient").fetchone() == (2000,)


def test_spill_files_are_encrypted(settings: Settings) -> None:
    with open_lake(settings, ("raw",)) as connection:
        connection.execute("set memory_limit = '80MB'")
        connection.execute("set preserve_insertion_order = false")
        rows = connection.execute(
            "select a from (select $1 || md5(range::varchar) || repeat(md5((range * 7)::varchar), 3) as a "
            "from range(1500000)) order by a desc",
            [CANARY],
        )
        assert rows.fetchone() is not None
        spilled = [path for path in settings.work_folder.rglob("*") if path.is_file()]
        assert spilled
        assert not any(CANARY.encode() in path.read_bytes() for path in spilled)
