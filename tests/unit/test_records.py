"""From a file to rows of a raw table: what is received is accepted or refused, and a file that is not whole is held."""

from pathlib import Path

import pytest

from ingestion.mapping import FileMapping, Layout, RowFilter
from ingestion.readers import HeldFileError
from ingestion.records import FileReading, file_state, hold_unreadable, read_file
from lakehouse.contract import read_contract

HEADER = "JZLSH,ZDLX,ZDXH,ZDBM"
COLUMNS = {"visit_id": "JZLSH", "diagnosis_type": "ZDLX", "sequence_no": "ZDXH", "diagnosis_code": "ZDBM"}
ROWS = [f"V{number},出院,{number},J18.900" for number in range(30)]


def mapping(**changes: object) -> FileMapping:
    plain = FileMapping(entity="diagnosis", match="*", reader=Layout(format="delimited"), columns=COLUMNS)
    return plain.model_copy(update=changes)


def read(path: Path, lines: list[str], mapped: FileMapping, *, end: str = "\n") -> tuple[list[dict], FileReading]:
    path.write_text("\n".join([HEADER, *lines]) + end, encoding="gb18030")
    result = FileReading()
    rows: list[dict] = []
    try:
        for _, table in read_file(path, mapped, read_contract("his"), result):
            rows += table.to_pylist()
    except HeldFileError as error:
        rows = []
        hold_unreadable("diagnosis", result, error)
    refused = len(result.refusals.get("diagnosis", []))
    assert result.received["diagnosis"] == len(rows) + refused
    return rows, result


def test_rows_without_a_required_value_are_refused(tmp_path: Path) -> None:
    rows, result = read(tmp_path / "zd.csv", [*ROWS, ",出院,1,J18", " \u3000 ,出院,1,J18"], mapping())
    assert len(rows) == 30
    assert rows[0] == {"visit_id": "V0", "diagnosis_type": "出院", "sequence_no": "0", "diagnosis_code": "J18.900",
                       "_src_row_no": 2}  # fmt: skip
    assert [(item.row_no, item.reason) for item in result.refusals["diagnosis"]] == [
        (32, "missing_required_value"),
        (33, "missing_required_value"),
    ]


def test_rows_of_another_table_are_filtered_out_and_counted(tmp_path: Path) -> None:
    lines = [*ROWS, "V40,门诊,1,J18", "V41, 病理 ,1,J18", "V42,出院,1,J18"]
    rules = (RowFilter(column="diagnosis_type", keep=("出院", "门诊")), RowFilter(column="JZLSH", drop=("Ｖ40",)))
    rows, result = read(tmp_path / "zd.csv", lines, mapping(row_filter=rules))
    assert len(rows) == 31
    assert result.received == {"diagnosis": 31}
    assert result.reading.dropped == {"row_filter": 2}


def test_constants_stand_in_every_row(tmp_path: Path) -> None:
    columns = {name: (header,) for name, header in COLUMNS.items() if name != "diagnosis_type"}
    rows, _ = read(tmp_path / "zd.csv", ROWS, mapping(columns=columns, constants={"diagnosis_type": "出院"}))
    assert {row["diagnosis_type"] for row in rows} == {"出院"}


def test_findings_name_raw_columns(tmp_path: Path) -> None:
    _, result = read(tmp_path / "zd.csv", [*ROWS, "V7,出院"], mapping())
    result.reading.find("truncated_text", 3, "ZDBM")
    path = tmp_path / "again.csv"
    path.write_text(f"{HEADER}\n", encoding="utf-8")
    list(read_file(path, mapping(), read_contract("his"), result))
    assert [finding.column for finding in result.reading.found] == ["diagnosis_code"]


def test_file_that_was_cut_off_is_held_row_by_row(tmp_path: Path) -> None:
    rows, result = read(tmp_path / "zd.csv", [*ROWS, "V99,出"], mapping(), end="")
    assert rows == []
    assert result.received == {"diagnosis": 31}
    reasons = [item.reason for item in result.refusals["diagnosis"]]
    assert sorted(set(reasons)) == ["short_row", "truncated_file"]
    assert reasons.count("truncated_file") == 30
    assert result.breach is None
    assert result.refusals["diagnosis"][0].raw_text == "V0|出院|0|J18.900"


def test_file_that_is_replaced_while_it_is_read_is_held(tmp_path: Path) -> None:
    path = tmp_path / "zd.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    result = FileReading(state=file_state(path))
    reading = read_file(path, mapping(), read_contract("his"), result)
    next(reading)
    other = tmp_path / "other.csv"
    other.write_text(HEADER + "\n", encoding="utf-8")
    other.replace(path)
    with pytest.raises(HeldFileError) as held:
        list(reading)
    hold_unreadable("diagnosis", result, held.value)
    assert result.received == {"diagnosis": 1}
    assert [item.reason for item in result.refusals["diagnosis"]] == ["file_replaced"]


def test_text_of_refused_rows_is_bounded_and_their_number_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.records.REFUSED_CHARACTERS", 40)
    _, result = read(tmp_path / "zd.csv", [*ROWS, *["V7,出院"] * 50], mapping())
    texts = [item.raw_text for item in result.refusals["diagnosis"]]
    assert len(texts) == 50
    assert sum(map(len, texts)) < 50


def test_two_columns_of_the_file_become_one_and_one_becomes_two(tmp_path: Path) -> None:
    columns = {
        "visit_id": ("gone + ZDXH", "JZLSH"),
        "diagnosis_type": ("ZDLX",),
        "sequence_no": ("ZDXH",),
        "diagnosis_code": ("ZDBM",),
        "diagnosis_name": ("ZDLX + ZDBM",),
        "patient_id": ("JZLSH",),
    }
    rows, result = read(tmp_path / "zd.csv", [*ROWS, "V40,出院,1,"], mapping(columns=columns))
    assert rows[3] | {"diagnosis_name": "出院 J18.900", "patient_id": "V3", "visit_id": "V3"} == rows[3]
    assert rows[-1]["diagnosis_name"] == "出院"
    assert result.unknown_columns == 0
