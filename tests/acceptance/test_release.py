"""A release is closed by any bad check, identifies nobody, and shows every changed byte."""

import csv
import json
import shutil
from datetime import datetime
from pathlib import Path

import openpyxl
import polars as pl
import pyreadstat
import pytest

from lakehouse.errors import CheckFailedError, GateClosedError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings, read_settings
from serving.exports.formats import FORMATS
from serving.gate import judge
from serving.publish import create_release, verify_release
from tests.acceptance.conftest import Hospital, radlake

MART = "lake.mart_pulmonary_infection.mart_pulmonary_infection__"


@pytest.fixture
def copy(hospital: Hospital, tmp_path: Path) -> Settings:
    """Return the settings of a copy of the hospital's home that a test may spoil."""
    home = tmp_path / "home"
    shutil.copytree(hospital.settings.home, home, ignore=shutil.ignore_patterns("dbt", "releases"))
    (home / "releases").mkdir()
    return read_settings(home)


def change(settings: Settings, statement: str) -> None:
    with open_lake(settings, ("lake",)) as connection:
        connection.execute(statement)


def test_clean_twin_opens_the_gate(copy: Settings) -> None:
    verdict = judge(copy)
    assert verdict.is_open
    assert verdict.count("passed") > 100


@pytest.mark.parametrize(
    ("statement", "outcome", "check_id"),
    [
        (f"update {MART}episode set age_years = 140 where true", "failed", "columns.age_years.checks.invalid"),
        (f"update {MART}episode set sex = 'X' where true", "failed", "columns.sex.checks.invalid"),
        (f"update {MART}episode set pi_type = null where true", "failed", "columns.pi_type.checks.missing"),
        (
            f"insert into {MART}episode select * from {MART}episode limit 1",
            "failed",
            "columns.episode_id.checks.duplicate",
        ),
        (f"update {MART}episode set discharge_time = admission_time - interval 1 day", "failed", "PI-C05"),
        (f"update {MART}score set value_num = 6 where true", "failed", "PI-C19"),
        (f"update {MART}imaging set impression_text = '电话13800138000' where true", "failed", "no_numbers"),
        (f"alter table {MART}lab drop column unit_raw", "failed", "checks.schema"),
        (f"delete from {MART}lab where true", "empty", "not_empty"),
        (f"drop table {MART}finding", "error", "exists"),
    ],
    ids=[
        "range",
        "value set",
        "missing",
        "duplicate",
        "time order",
        "score",
        "free text",
        "schema",
        "empty",
        "no table",
    ],
)
def test_planted_defect_closes_the_gate(copy: Settings, statement: str, outcome: str, check_id: str) -> None:
    change(copy, statement)
    verdict = judge(copy)
    assert not verdict.is_open
    assert check_id in {check.check_id for check in verdict.closing if check.outcome == outcome}
    with pytest.raises(GateClosedError):
        create_release(copy, "closed")
    assert list((copy.home / "releases").iterdir()) == []


def test_check_that_was_not_evaluated_closes_the_gate(copy: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import gate
    from serving.contracts import contract_text

    broken = contract_text
    monkeypatch.setattr(
        gate,
        "contract_text",
        lambda model: broken(model).replace("value_num not between", "no_such_column not between"),
    )
    verdict = judge(copy)
    assert not verdict.is_open
    assert {check.outcome for check in verdict.closing} <= {"not_evaluated", "error", "failed"}


def test_closed_gate_is_exit_code_14(copy: Settings) -> None:
    change(copy, f"delete from {MART}lab where true")
    result = radlake("gate", "--json", home=copy.home, check=False)
    assert result.returncode == 14
    assert json.loads(result.stdout)["empty"] == 1


def released(hospital: Hospital) -> Path:
    return hospital.settings.home / "releases" / "first"


def test_release_verifies(hospital: Hospital) -> None:
    manifest = verify_release(released(hospital))
    assert manifest["synthetic"] is True
    assert {table["table"] for table in manifest["tables"]} >= {"mart_pulmonary_infection__episode"}


@pytest.mark.parametrize(
    "file",
    [
        "data/mart_pulmonary_infection__episode.parquet",
        "dictionary.csv",
        "manifest.json",
        "manifest.sha256",
        "quality_report.html",
        "data/mart_pulmonary_infection__episode.sav",
        "croissant_pulmonary_infection.json",
    ],
)
def test_any_changed_byte_is_found(hospital: Hospital, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "release"
    shutil.copytree(released(hospital), folder)
    path = folder / file
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckFailedError):
        verify_release(folder)


def test_added_and_missing_files_are_found(hospital: Hospital, tmp_path: Path) -> None:
    folder = tmp_path / "release"
    shutil.copytree(released(hospital), folder)
    folder.chmod(0o700)
    (folder / "more.txt").write_text("x")
    with pytest.raises(CheckFailedError, match="was added"):
        verify_release(folder)
    (folder / "more.txt").unlink()
    (folder / "dictionary.csv").unlink()
    with pytest.raises(CheckFailedError, match="is missing"):
        verify_release(folder)


def test_release_is_read_only_and_has_no_internal_column(hospital: Hospital) -> None:
    folder = released(hospital)
    assert all(path.stat().st_mode & 0o222 == 0 for path in folder.rglob("*"))
    episode = pl.read_parquet(folder / "data" / "mart_pulmonary_infection__episode.parquet")
    assert {"load_id", "loaded_at", "principal_dx_text"}.isdisjoint(episode.columns)


def test_intervals_and_weekdays_survive_the_shift_and_dates_do_not(hospital: Hospital) -> None:
    with open_lake(hospital.settings, ("lake",), read_only=True) as connection:
        true = connection.execute(f"select arrival_time, discharge_time from {MART}episode").fetchall()
    episode = pl.read_parquet(released(hospital) / "data" / "mart_pulmonary_infection__episode.parquet")
    shifted = episode.select("arrival_time", "discharge_time").rows()
    assert sorted(str(end - start) for start, end in shifted if end) == sorted(
        str(end - start) for start, end in true if end
    )
    assert not {start for start, _ in shifted} & {start for start, _ in true}
    assert sorted(start.weekday() for start, _ in shifted) == sorted(start.weekday() for start, _ in true)
    assert all(start < datetime.now() for start, _ in shifted)


def test_two_projects_do_not_join_and_one_project_does(hospital: Hospital) -> None:
    def patients(name: str, project: str) -> set[str]:
        release = create_release(hospital.settings, name, project=project)
        return set(pl.read_parquet(release.folder / "data" / "mart_pulmonary_infection__patient.parquet")["patient_id"])

    first, second, again = patients("p1", "alpha"), patients("p2", "beta"), patients("p3", "alpha")
    assert first.isdisjoint(second)
    assert first == again


def test_csv_opens_in_excel_and_dictionary_is_bilingual(hospital: Hospital) -> None:
    folder = released(hospital)
    assert (folder / "data" / "mart_pulmonary_infection__lab.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (folder / "dictionary.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = {(row["table"], row["column"]): row for row in csv.DictReader(file)}
    urea = rows["mart_pulmonary_infection__episode", "urea_max"]
    assert urea["label_zh"] == "最高尿素"
    assert urea["unit"] == "mmol/L"
    assert all(row["label_zh"] and row["description"] for row in rows.values())


def test_bad_release_names_are_refused(hospital: Hospital) -> None:
    for name in ("../out", "first", "", "王"):
        assert radlake("release", "create", "--name", name, home=hospital.settings.home, check=False).returncode == 2


def test_every_format_holds_the_values_of_the_parquet(hospital: Hospital) -> None:
    folder = released(hospital)
    manifest = verify_release(folder)
    assert manifest["formats"] == list(FORMATS)
    assert manifest["differences"] == []
    with (folder / "codebook.csv").open(encoding="utf-8-sig", newline="") as file:
        codebook = list(csv.DictReader(file))
    for table in manifest["tables"]:
        path = folder / "data" / f"{table['table']}.parquet"
        parquet = pl.read_parquet(path)
        own = [row for row in codebook if row["table"] == table["table"]]
        assert list(dict.fromkeys(row["column"] for row in own)) == parquet.columns
        for suffix, read, short in (
            ("sav", pyreadstat.read_sav, "spss_name"),
            ("dta", pyreadstat.read_dta, "stata_name"),
        ):
            rows, meta = read(str(path.with_suffix(f".{suffix}")), output_format="polars")
            names = {row["column"]: row[short] for row in own}
            assert rows.columns == list(names.values())
            assert all(meta.column_labels)
            for column, name in names.items():
                codes = {float(row["number"]): row["code"] for row in own if row["column"] == column and row["number"]}
                assert set(meta.variable_value_labels.get(name, {})) == set(codes)
                values = [codes.get(value, value) if codes else value for value in rows[name]]
                assert [comparable(value) for value in values] == [comparable(value) for value in parquet[column]]
        sheet = openpyxl.load_workbook(path.with_suffix(".xlsx")).worksheets[0]
        cells = list(sheet.iter_rows(min_row=2, max_col=len(parquet.columns), values_only=True))
        assert [[comparable(value) for value in row] for row in cells] == [
            [comparable(value) for value in row] for row in parquet.rows()
        ]
        assert pl.read_csv(path.with_suffix(".csv"), infer_schema=False).height == parquet.height


def comparable(value: object) -> object:
    """Return a value as the formats agree on it: an empty text is a missing one, a truth value its code's name."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value == "" else value


def test_release_in_named_formats_holds_no_other(hospital: Hospital) -> None:
    home = hospital.settings.home
    radlake("release", "create", "--name", "sav", "--format", "sav", home=home)
    folder = home / "releases" / "sav"
    assert verify_release(folder)["formats"] == ["parquet", "sav"]
    assert {path.suffix for path in (folder / "data").iterdir()} == {".parquet", ".sav"}
