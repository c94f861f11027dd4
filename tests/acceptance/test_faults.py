"""Bad days: killed, out of space, wrong key, missing file. A clear message, nothing lost, and the same command mends it."""

import random
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from synthetic_hospital.extracts import ExtractWriter
from synthetic_hospital.population import tell_patients
from tests.acceptance.conftest import RADLAKE, radlake
from tests.canary import find_in_files
from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the extracts of 1,500 patients."""
    folder = tmp_path_factory.mktemp("extracts")
    writer = ExtractWriter(folder, 3)
    for patient in tell_patients(1500, 3):
        writer.write(patient)
    writer.close()
    return folder


def ingest_command(settings: Settings, extracts: Path) -> list[str]:
    configs = [part for name in ("his", "lis") for part in ("--config", str(PROJECT / f"config/sources/{name}.yml"))]
    return [*RADLAKE, "ingest", *configs, "--from", str(extracts), "--home", str(settings.home), "--json"]


def content(settings: Settings) -> dict[str, tuple[int, int]]:
    """Return, by table, rows and a digest of their contents without the load's own columns."""
    with open_lake(settings, ("raw",), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'raw' "
            "and schema_name in ('raw_his', 'raw_lis') and table_name not like '\\_dlt%' escape '\\' order by all"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f"select count(*), coalesce(sum(hash(t)), 0) from (select * exclude (_batch_id, _loaded_at) "
                f'from raw."{schema}"."{table}") as t'
            ).fetchone()
            for schema, table in tables
        }  # type: ignore[misc]


def test_load_killed_at_random_points_ends_like_a_clean_one(
    settings: Settings, extracts: Path, tmp_path: Path, empty_home: Path
) -> None:
    import shutil

    from lakehouse.settings import read_settings

    clean_home = tmp_path / "clean"
    shutil.copytree(empty_home, clean_home)
    clean = read_settings(clean_home)
    started = time.monotonic()
    subprocess.run(ingest_command(clean, extracts), check=True, capture_output=True, cwd=PROJECT)
    whole = time.monotonic() - started
    rng = random.Random(20)
    killed = 0
    for _ in range(6):
        process = subprocess.Popen(
            ingest_command(settings, extracts), cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=rng.uniform(0.1, 0.6) * whole)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed > 0
    subprocess.run(ingest_command(settings, extracts), check=True, capture_output=True, cwd=PROJECT)
    assert content(settings) == content(clean)
    assert [path for path in settings.work_folder.rglob("*") if path.is_file()] == []
    assert find_in_files([settings.home / "raw", settings.home / "logs"], ["0077000011", "测试患者"]) == {}


def test_full_disk_stops_with_a_message_and_the_next_run_mends_it(settings: Settings, extracts: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    result = subprocess.run(
        ingest_command(settings, extracts), cwd=PROJECT, capture_output=True, text=True, preexec_fn=limit
    )
    assert result.returncode not in (0, -9)
    assert "radlake" in result.stderr
    assert "0077" not in result.stderr + result.stdout
    subprocess.run(ingest_command(settings, extracts), check=True, capture_output=True, cwd=PROJECT)
    assert content(settings)["raw_his.patient"][0] == 1500


def test_unreadable_file_is_quarantined_and_the_others_load(settings: Settings, extracts: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "with_a_bad_file"
    shutil.copytree(extracts, folder)
    (folder / "his" / "V_BRXX_2.txt").symlink_to("V_BRXX_2.txt")
    result = subprocess.run(ingest_command(settings, folder), capture_output=True, text=True, cwd=PROJECT)
    assert result.returncode == 12
    files = {file["file"]: file for file in json.loads(result.stdout)["files"]}
    assert files["V_BRXX_2.txt"]["quarantined"] == {"file_unreadable": 1}
    assert files["V_BRXX.txt"]["loaded"] == 1500


def test_file_of_another_kind_is_held_with_its_reason(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "us").mkdir()
    (tmp_path / "us" / "exam.xlsx").write_bytes(bytes(range(256)) * 40)
    result = radlake(
        "ingest",
        "--config",
        str(PROJECT / "config/sources/us.yml"),
        "--from",
        str(tmp_path),
        home=settings.home,
        check=False,
    )
    assert result.returncode == 12
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ingest", "--from", "nowhere"), 11, "is missing"),
        (("ingest", "--config", "no.yml"), 10, "is missing"),
        (("dicom", "scan", "nowhere"), 11, ""),
        (("release", "verify", "nowhere"), 10, "no release"),
        (("release", "create", "--name", "x y"), 2, "named by"),
        (("sql", "selec 1"), 2, "Parser"),
        (("gate", "measles"), 12, "no mart"),
        (("no-such-command",), 2, ""),
    ],
    ids=["folder", "mapping", "images", "release", "name", "sql", "disease", "command"],
)
def test_mistakes_have_their_exit_code_and_a_message(
    settings: Settings, arguments: tuple[str, ...], code: int, words: str
) -> None:
    home = None if arguments[:2] == ("release", "verify") or arguments[0] == "no-such-command" else settings.home
    result = radlake(*arguments, home=home, check=False)
    assert result.returncode == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_home_that_was_never_made_says_how_to_make_it(tmp_path: Path) -> None:
    result = radlake("run", home=tmp_path / "nothing", check=False)
    assert result.returncode == 10
    assert "radlake init" in result.stderr


def test_missing_key_is_exit_code_16_for_every_command(settings: Settings) -> None:
    (settings.home / "keys" / "lake.key").unlink()
    for arguments in (("run",), ("gate",), ("sql", "select 1"), ("build",), ("release", "create", "--name", "x")):
        result = radlake(*arguments, home=settings.home, check=False)
        assert result.returncode == 16, arguments
        assert settings.keys["lake"] in result.stderr


def test_wrong_setting_is_named(settings: Settings) -> None:
    (settings.home / "site.yml").write_text("threads: many\n", encoding="utf-8")
    result = radlake("run", home=settings.home, check=False)
    assert result.returncode == 10
    assert "threads" in result.stderr
