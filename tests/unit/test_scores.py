"""Every worked case of every score gives its result, and what no case shows holds too: units, cut-offs, rubbish."""

import csv
from pathlib import Path

import pytest

from lakehouse.errors import UsageError
from serving.scores.cases import score_cases
from serving.scores.specification import read_scores
from tests.conftest import PROJECT

CASES = {
    path.stem: path
    for path in sorted((PROJECT / "tests" / "cases").glob("*.csv"))
    if not path.stem.endswith("report_features")
}
_TOLERANCE = {"lab_units": 0.001}
"""Absolute, by the end of a file's name; other decimals: 0.05 (pulmonary_infection.md 0.2)."""


def results_of(code: str, source: Path, tmp_path: Path) -> list[dict[str, str]]:
    """Return the rows that the score writes."""
    out = tmp_path / "out.csv"
    score_cases(code, source, out)
    with out.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same(found: str, expected: str, tolerance: float) -> bool:
    """Tell whether two cells say the same: numbers within a tolerance, whole ones exactly."""
    if found == expected:
        return True
    try:
        left, right = float(found), float(expected)
    except ValueError:
        return False
    return abs(left - right) <= (tolerance if "." in expected else 0)


def test_every_case_file_has_its_score_and_every_score_its_cases() -> None:
    assert set(CASES) == set(read_scores())


@pytest.mark.parametrize("code", sorted(CASES))
def test_the_worked_cases_hold(code: str, tmp_path: Path) -> None:
    tolerance = next((value for end, value in _TOLERANCE.items() if code.endswith(end)), 0.05)

    rows = results_of(code, CASES[code], tmp_path)

    wrong = [
        f"{row['case_id']} {name}: {row[name.removeprefix('expected_')]!r} for {expected!r}"
        for row in rows
        for name, expected in row.items()
        if name.startswith("expected_") and not same(row[name.removeprefix("expected_")], expected, tolerance)
    ]
    assert rows
    assert wrong == []


@pytest.mark.parametrize("code", sorted(CASES))
def test_empty_and_senseless_inputs_give_an_answer_for_every_row(code: str, tmp_path: Path) -> None:
    inputs = list(read_scores()[code].inputs)
    cells = ["", "abc", "-1", "1e30", "0", "999999", "NaN", "2024-02-30", "true", "１２", "'; drop table x; --"]
    source = tmp_path / "in.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case_id", *inputs])
        writer.writerows([f"S{number}", *[cell] * len(inputs)] for number, cell in enumerate(cells))

    assert [row["case_id"] for row in results_of(code, source, tmp_path)] == [f"S{n}" for n in range(len(cells))]


def test_an_unknown_score_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pulmonary_infection_curb65"):
        score_cases("curb_65", CASES["pulmonary_infection_curb65"], tmp_path / "out.csv")


def test_a_file_without_any_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("case_id,weight\nS01,70\n", encoding="utf-8")
    with pytest.raises(UsageError, match="age_years"):
        score_cases("pulmonary_infection_curb65", tmp_path / "in.csv", tmp_path / "out.csv")


def test_a_file_as_a_spreadsheet_writes_it_is_read(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    text = 'case_id,Age_Years, confusion_new,urea_mmol_l,rr_per_min,sbp_mmhg,dbp_mmhg,备注\r\nS01,70,TRUE,8,30,80,50,"两\n行"\r\n'
    source.write_bytes(text.encode("gb18030"))

    [row] = results_of("pulmonary_infection_curb65", source, tmp_path)

    assert (row["total"], row["Age_Years"], row["备注"]) == ("5", "70", "两\n行")


@pytest.mark.parametrize(
    ("content", "message"), [("", "empty"), ("age_years,AGE_YEARS\n1,2\n", "twice"), ("\n\n", "empty")]
)
def test_a_file_without_a_usable_header_is_told(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        score_cases("pulmonary_infection_curb65", tmp_path / "in.csv", tmp_path / "out.csv")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        score_cases("pulmonary_infection_curb65", CASES["pulmonary_infection_curb65"], tmp_path / "no" / "out.csv")
