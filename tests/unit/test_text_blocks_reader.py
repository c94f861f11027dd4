"""Labelled text blocks: what stands behind a label is its value, however the label is written."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.readers.text_blocks import read_text_blocks
from tests.builders.records import Outcome, layout, read_all

COLUMNS = {"id": ("病理号", "编号"), "name": "姓名", "sex": "性别", "findings": "镜下所见", "diagnosis": "病理诊断"}


def blocks(tmp_path: Path, content: str | bytes, **options: object) -> Outcome:
    mapping = layout("text_blocks", COLUMNS, **options)
    return read_all(read_text_blocks, tmp_path / "blocks.txt", mapping, content=content)


def values(outcome: Outcome, number: int) -> dict[str, str | None]:
    return {name: cell for name, cell in zip(outcome.header, outcome.rows[number], strict=True) if cell is not None}


@pytest.mark.parametrize(
    "text",
    [
        "病理号：B24-1\n姓名：王试\n镜下所见：一\n二\n病理诊断：炎症",
        "病理号: B24-1\n姓 名:王试\n镜下所见：\n一\n二\n病理诊断：炎症",
        "【病理号】B24-1\n【姓名】王试\n【镜下所见】一\n二\n【病理诊断】炎症",
        "[病理号]：B24-1   [姓名]：王试\n[镜下所见]\n一\n二\n[病理诊断] 炎症",
        "编号：B24-1\t姓名：王试  科室：妇科\n镜下所见：一\n二\n病理诊断：炎症",
        "１、病理号：B24-1；姓名：王试\n2. 镜下所见：一\n二\n3．病理诊断：炎症".replace("１、", "1、"),
    ],
    ids=["colon", "half-width colon, blank in label", "brackets", "several in a line", "synonym, unmapped", "numbered"],
)
def test_label_is_known_however_it_is_written(tmp_path: Path, text: str) -> None:
    outcome = blocks(tmp_path, f"====\n{text}\n====\n")
    assert values(outcome, 2) == {"病理号": "B24-1", "姓名": "王试", "镜下所见": "一\n二", "病理诊断": "炎症"}
    assert not outcome.refused


@pytest.mark.parametrize("rule", ["====", "--------", "********", "####"])
def test_blocks_are_parted_by_lines_of_one_sign(tmp_path: Path, rule: str) -> None:
    outcome = blocks(tmp_path, "".join(f"病理号：B{number}\n病理诊断：甲\n{rule}\n" for number in range(3)))
    assert [row[0] for row in outcome.rows.values()] == ["B0", "B1", "B2"]
    assert list(outcome.rows) == [1, 4, 7]


def test_blocks_without_lines_between_them_begin_with_the_first_label(tmp_path: Path) -> None:
    outcome = blocks(tmp_path, "某医院病理科\n病理号：B1\n病理诊断：甲\n\n编号：B2\n病理诊断：乙\n丙\n")
    assert [row[0] for row in outcome.rows.values()] == ["B1", "B2"]
    assert outcome.rows[5][-1] == "乙\n丙"


def test_missing_line_between_two_blocks_makes_no_block_of_two(tmp_path: Path) -> None:
    whole = "====\n病理号：B0\n病理诊断：甲\n" * 3
    outcome = blocks(tmp_path, f"{whole}病理号：B9\n病理诊断：乙\n====\n")
    assert [row[0] for row in outcome.rows.values()] == ["B0", "B0", "B0", "B9"]


def test_label_nobody_mapped_ends_the_text_above(tmp_path: Path) -> None:
    text = "".join(f"病理号：B{number}\n病理诊断：甲\n报告医师：李\n====\n" for number in range(4))
    outcome = blocks(tmp_path, text)
    assert outcome.header[-1] == "报告医师"
    assert {row[4] for row in outcome.rows.values()} == {"甲"}


def test_lines_that_are_no_record_are_accounted_for(tmp_path: Path) -> None:
    body = "病理号：B1\n病理诊断：甲\n====\n病理号：B2\n病理诊断：乙\n====\n"
    outcome = blocks(tmp_path, f"某医院\n====\n{body}没有标签的一段\n====\n共 3 条\n")
    assert outcome.refused == {9: "no_known_label"}
    assert outcome.reading.dropped == {"title_row": 1, "footer_row": 1}
    assert outcome.reading.held is None
    assert blocks(tmp_path, f"====\n{body}共 9 条").reading.held == "truncated_file"


def test_last_block_that_is_cut_holds_the_file(tmp_path: Path) -> None:
    whole = "".join(f"病理号：B{number}\n姓名：王\n病理诊断：甲\n====\n" for number in range(6))
    assert blocks(tmp_path, whole + "病理号：B7\n姓名：王").reading.held == "truncated_file"
    assert blocks(tmp_path, whole + "病理号：B7\n姓名：王\n病理诊断：甲").reading.held is None


PARTS = st.lists(
    st.sampled_from(["病理号", "姓名", "镜下所见", "：", ":", "【", "】", "====", "----", "\n", "\r\n", "\0", " ", "合计", "共 2 条"])
    | st.text(string.ascii_letters + "中文，。", max_size=6),
    max_size=60,
)  # fmt: skip


@settings(max_examples=150)
@given(parts=PARTS)
def test_anything_is_read_without_a_crash(parts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    outcome = blocks(tmp_path_factory.getbasetemp(), "".join(parts))
    assert all(any(cell and cell.strip() for cell in row) for row in outcome.rows.values())
