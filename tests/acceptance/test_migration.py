"""The old research module's database, from the command line: assessed, moved, validated, tuned and reported."""

import json
from pathlib import Path

import pytest

from lakehouse.settings import read_settings
from tests.acceptance.conftest import Hospital, radlake
from tests.canary import find_in_files, hunt, read_planted_identities


@pytest.fixture(scope="module")
def migrated(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Return a home with the migrated database, the folder of its reports and everything the commands printed."""
    root = tmp_path_factory.mktemp("migration")
    home, out, legacy = root / "home", root / "out", str(hospital.folder / "legacy" / "research.sqlite")
    printed = ""
    for arguments, needs_home in (
        (("init", "--synthetic"), True),
        (("migrate", "assess", legacy, "--out", str(out)), False),
        (("migrate", "plan", legacy), True),
        (("migrate", "run", legacy, "--progress-lines"), True),
        (("migrate", "validate", legacy, "--json"), True),
        (("migrate", "tune", legacy, "--json"), True),
        (("migrate", "problems", legacy), True),
        (("report", "migration", legacy, "--draft", "--out", str(out)), True),
    ):
        result = radlake(*arguments, home=home if needs_home else None)
        printed += result.stdout + result.stderr
    return home, out, printed


def test_the_lake_holds_what_the_old_database_holds(migrated: tuple[Path, Path, str], hospital: Hospital) -> None:
    home, _, _ = migrated
    legacy = str(hospital.folder / "legacy" / "research.sqlite")

    answer = json.loads(radlake("migrate", "run", legacy, "--json", home=home).stdout)
    checked = json.loads(radlake("migrate", "validate", legacy, "--json", home=home).stdout)

    assert len(answer["tables"]) == 12
    assert all(table["source"] == table["unchanged"] for table in answer["tables"])
    assert checked["equal"] and checked["differences"] == 0


def test_no_identity_is_found_in_what_a_migration_leaves(migrated: tuple[Path, Path, str], hospital: Hospital) -> None:
    home, out, printed = migrated
    identities = read_planted_identities(hospital.truth)

    assert hunt(read_settings(home), identities, output=printed) == {}
    assert find_in_files([out], identities) == {}


def test_reports_are_there_in_both_forms(migrated: tuple[Path, Path, str]) -> None:
    _, out, _ = migrated
    names = {path.suffix for path in out.iterdir() if path.stat().st_size > 2000}
    assert {".html", ".docx", ".json", ".svg"} <= names
    assert len(list(out.glob("*.html"))) == len(list(out.glob("*.docx"))) == 5
