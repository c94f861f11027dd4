"""What `source check` says: file, line of the YAML, remedy."""

from pathlib import Path

import pytest

from ingestion.mapping import read_mapping
from ingestion.onboarding.check import MappingCheck, check_mapping

_MAPPING = """source: ris
files:
  - entity: exam
    match: "**/exam*.csv"
    reader: {format: delimited}
    columns:
      exam_id: JCH
      patient_id: BRID
      sex: XB
      examined_at: JCSJ
      findings: SEEN
    codes:
      sex: {"1": M, "2": F}
  - entity: request
    match: "**/request*.csv"
    reader: {format: delimited}
    columns: {request_id: SQDH}
"""
_ROWS = "JCH,BRID,XB,JCSJ,检查所见\nCT1,0001,1,2024/3/5 08:10,清晰\nCT2,0002,7,很久以前,清晰\nCT3,0003\n"


def check(tmp_path: Path, mapping: str, **files: str) -> MappingCheck:
    """Return the check of a mapping against files by name."""
    path = tmp_path / "mapping.yml"
    path.write_text(mapping, encoding="utf-8")
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    return check_mapping(path, read_mapping(path), folder)


def test_each_problem_names_the_line_and_a_remedy(tmp_path: Path) -> None:
    found = check(tmp_path, _MAPPING, exam_1=_ROWS)
    told = {(problem.severity, problem.line, problem.column) for problem in found.problems}
    assert ("warn", 11, "findings") in told
    assert ("warn", 13, "sex") in told
    assert ("warn", 10, "examined_at") in told
    assert ("error", 15, None) in told
    findings = next(problem for problem in found.problems if problem.column == "findings")
    assert "检查所见" in findings.remedy
    assert found.is_broken


def test_a_required_column_that_is_missing_breaks_the_contract(tmp_path: Path) -> None:
    found = check(tmp_path, _MAPPING, exam_1=_ROWS.replace("JCH", "NUMMER"), request_1="SQDH\nR1\n")
    assert [(problem.line, problem.column) for problem in found.problems if problem.severity == "error"] == [
        (7, "exam_id")
    ]


def test_files_and_columns_that_nobody_maps_are_told(tmp_path: Path) -> None:
    found = check(tmp_path, _MAPPING, exam_1=_ROWS, request_1="SQDH\nR1\n", other="A,B\n1,2\n")
    assert found.unmatched_files == {"other.csv": 1}
    assert found.files[0].columns_unknown == ["检查所见"]
    assert found.files[0].rejected == {"short_row": 1}


def test_what_is_right_has_no_problem(tmp_path: Path) -> None:
    rows = "JCH,BRID,XB,JCSJ,SEEN\nCT1,0001,1,2024/3/5 08:10,清晰\nCT2,0002,2,2024/3/6 08:10,清晰\n"
    found = check(tmp_path, _MAPPING, exam_1=rows, request_1="SQDH\nR1\n")
    assert found.problems == []
    assert not found.is_broken


@pytest.mark.parametrize("cell", ["王安邦", "110199198001010012"])
def test_no_message_holds_a_value(tmp_path: Path, cell: str) -> None:
    rows = f"JCH,BRID,XB,JCSJ,SEEN\nCT1,0001,{cell},{cell},清晰\nCT2,0002,{cell},{cell},清晰\n"
    found = check(tmp_path, _MAPPING, exam_1=rows, request_1="SQDH\nR1\n")
    assert cell not in repr(found)
