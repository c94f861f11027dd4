"""A hospital different in every form is taken aboard by YAML alone: it loads, it balances, its defects are found."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.onboarding.defects import MAPPINGS, Outcome, compare, compare_values, load_delivery, read_truth
from ingestion.mapping import read_mapping
from ingestion.onboarding.check import check_mapping
from ingestion.pipeline import SourceResult
from lakehouse.lake import create_raw_tables, fetch_dicts, open_lake
from lakehouse.ledger import file_token
from lakehouse.settings import Settings, read_settings
from synthetic_hospital.second.__main__ import write_hospital

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Aboard:
    """The second hospital after its deliveries were loaded."""

    folder: Path
    settings: Settings
    results: list[SourceResult]


@pytest.fixture(scope="module")
def aboard(empty_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aboard]:
    """Load both deliveries with nothing but the mapping YAMLs."""
    folder = tmp_path_factory.mktemp("second")
    write_hospital(folder)
    shutil.copytree(empty_home, folder / "home")
    settings = read_settings(folder / "home")
    with open_lake(settings) as connection:
        create_raw_tables(connection)
    yield Aboard(folder, settings, [*load_delivery(settings, folder, "day1"), *load_delivery(settings, folder, "day2")])


@pytest.fixture(scope="module")
def outcome(aboard: Aboard) -> Outcome:
    """Return what was found of the planted defects."""
    with open_lake(aboard.settings, read_only=True) as connection:
        return compare(connection, aboard.folder)


def test_no_code_knows_the_second_hospital() -> None:
    names = {"DABR", "ZYDA", "PERSONNO", "SHEETNO", "切片编号", "FMDJ", "synthetic_hospital.second"}
    packages = (
        "ingestion",
        "lakehouse",
        "serving",
        "report_structuring",
        "dicom_index",
        "ai_backfill",
        "dbt_project/models",
    )
    sources = [
        path
        for package in packages
        for path in (PROJECT / package).rglob("*")
        if path.suffix in (".py", ".sql", ".yml")
    ]
    assert [path.name for path in sources if any(name in path.read_text(encoding="utf-8") for name in names)] == []


def test_every_row_is_accounted_for_as_the_truth_says(aboard: Aboard) -> None:
    with open_lake(aboard.settings, read_only=True) as connection:
        books = fetch_dicts(
            connection,
            "select file_token, entity, received, loaded, quarantined, unchanged from raw.raw_ledger.delivery "
            "qualify row_number() over (partition by file_token, entity order by batch_id) = 1",
        )
    assert all(book["received"] == book["loaded"] + book["quarantined"] + book["unchanged"] for book in books)
    by_file = {(book["file_token"], book["entity"]): book for book in books}
    rows = [row for row in read_truth(aboard.folder, "row") if row["delivery"] == "day1" and row["fate"] != "dropped"]
    for name, entity in sorted({(row["file"], row["entity"]) for row in rows}):
        fates = [row["fate"] for row in rows if row["file"] == name]
        book = by_file[file_token(Path(name), Path()), entity]
        assert book["received"] == len(fates), name
        assert book["quarantined"] >= sum(fate in ("quarantined", "held") for fate in fates), name


def test_values_read_are_the_true_ones(aboard: Aboard) -> None:
    with open_lake(aboard.settings, read_only=True) as connection:
        count, different = compare_values(connection, aboard.folder)
    assert count > 5000
    # two are known: a worklist whose day and time stand apart, and one row that is refused
    assert len(different) <= 0.01 * count, different[:20]


def test_planted_defects_are_found(outcome: Outcome) -> None:
    assert len(outcome.planted) >= 58
    assert sum(outcome.planted.values()) >= 92
    assert outcome.recall >= 0.95, outcome.missed
    assert sum(outcome.found[kind] > 0 for kind in outcome.planted) >= len(outcome.planted) - 4, outcome.missed


def test_clean_rows_raise_no_alarm(outcome: Outcome) -> None:
    assert outcome.clean_rows > 300
    assert outcome.false_alarm_share < 0.01, outcome.alarms


def test_the_check_finds_nothing_that_would_break(aboard: Aboard) -> None:
    for path in sorted(MAPPINGS.glob("*.yml")):
        found = check_mapping(path, read_mapping(path), aboard.folder / "day1")
        assert [problem for problem in found.problems if problem.severity == "error"] == []
        # the third export of the laboratory was cut off on its way
        held = [problem.file for problem in found.problems if "truncated_file" in problem.problem]
        assert held == (["export_3.asc"] if path.stem == "lis" else [])
