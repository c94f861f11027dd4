"""Lines of fixed width: the widths count bytes of the encoding, whatever the characters are."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.readers import HeldFileError
from ingestion.readers.fixed_width import read_fixed_width
from tests.builders.records import Outcome, layout, read_all

WIDTHS = [{"name": "住院号", "width": 8}, {"name": "姓名", "width": 10}, {"name": "诊断", "width": 20}]
COLUMNS = {"inpatient_no": "住院号", "name": "姓名", "diagnosis": "诊断"}


def line(*cells: str, encoding: str = "gb18030") -> bytes:
    return b"".join(
        cell.encode(encoding)[: field["width"]].ljust(field["width"])  # type: ignore[index,arg-type]
        for cell, field in zip(cells, WIDTHS, strict=True)
    )


def fixed(tmp_path: Path, content: bytes, **options: object) -> Outcome:
    mapping = layout("fixed_width", COLUMNS, **({"widths": WIDTHS, "encoding": "gb18030"} | options))
    return read_all(read_fixed_width, tmp_path / "fixed.txt", mapping, content=content)


def many(count: int = 6) -> list[bytes]:
    return [line(f"{number:08d}", "王犇骉"[: 2 + number % 2], "肺炎") for number in range(count)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_fields_are_cut_by_bytes(tmp_path: Path, end: bytes, encoding: str) -> None:
    content = end.join([line("0000", "王犇骉", "右肺结节", encoding=encoding)] * 3) + end
    outcome = fixed(tmp_path, content, encoding=encoding)
    assert outcome.rows == dict.fromkeys((1, 2, 3), ("0000", "王犇骉", "右肺结节"))


def test_header_title_blank_and_closing_lines_are_no_records(tmp_path: Path) -> None:
    head = [b"title", line("住院号", "姓名", "诊断")]
    content = b"\n".join([*head, *many(3), b"", head[1], b" " * 38, "共 3 条".encode("gb18030")]) + b"\n"
    outcome = fixed(tmp_path, content, title_rows=1)
    assert list(outcome.rows) == [3, 4, 5]
    assert outcome.reading.dropped == {"title_row": 1, "blank_row": 2, "repeated_header": 1, "footer_row": 1}


def test_half_a_character_at_a_border_is_left_out_and_told(tmp_path: Path) -> None:
    content = b"\n".join([*many(3), line("00000009", "A测试测试测", "肺炎")]) + b"\n"
    outcome = fixed(tmp_path, content)
    assert outcome.rows[4] == ("00000009", "A测试测试", "肺炎")
    assert outcome.found == [("truncated_text", 4)]


def test_short_and_long_lines_are_refused(tmp_path: Path) -> None:
    content = b"\n".join([*many(), many()[0][:12], many()[0] + b"more", many()[1] + b"   "]) + b"\n"
    outcome = fixed(tmp_path, content)
    assert outcome.refused == {7: "short_row", 8: "extra_column"}
    assert len(outcome.rows) == 7


def test_newline_within_a_text_is_put_back(tmp_path: Path) -> None:
    broken = line("00000009", "王", "第一行 第二行").replace("行 ".encode("gb18030"), "行\n".encode("gb18030"), 1)
    outcome = fixed(tmp_path, b"\n".join([*many(), broken, *many(2)]) + b"\n")
    assert outcome.rows[7] == ("00000009", "王", "第一行\n第二行")
    assert list(outcome.rows)[-2:] == [9, 10]
    assert outcome.found == [("embedded_newline", 7)]


def test_blanks_cut_off_at_the_ends_of_all_lines_are_no_defect(tmp_path: Path) -> None:
    outcome = fixed(tmp_path, b"\n".join(text.rstrip() for text in many()) + b"\n")
    assert len(outcome.rows) == 6
    assert not outcome.refused


def test_widths_of_characters_are_noticed(tmp_path: Path) -> None:
    lines = [f"{number:08d}{'王犇骉'[: 2 + number % 2]:10}{'肺炎':20}" for number in range(6)]
    outcome = fixed(tmp_path, "\n".join(lines).encode() + b"\n", encoding="utf-8")
    assert outcome.rows[2] == ("00000001", "王犇骉", "肺炎")


def test_records_without_line_ends_are_cut_by_their_width(tmp_path: Path) -> None:
    outcome = fixed(tmp_path, b"".join(many()))
    assert list(outcome.rows) == [1, 2, 3, 4, 5, 6]
    assert fixed(tmp_path, b"".join(many())[:-5]).reading.held == "truncated_file"


def test_file_that_ends_within_a_record_is_held(tmp_path: Path) -> None:
    assert fixed(tmp_path, b"\n".join(many())[:-9]).reading.held == "truncated_file"
    assert fixed(tmp_path, b"\n".join([*many(), b"0009"]) + b"\n").reading.held is None


def test_layout_without_widths_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HeldFileError):
        fixed(tmp_path, b"x", widths=())


PARTS = st.lists(
    st.sampled_from([*many(2), b"\n", b"\r\n", b"\r", b"\0", b"\xd6", b" ", b"\x84\x31\x95\x33", "合计".encode()])
    | st.binary(max_size=9)
    | st.text(string.digits + "中文", max_size=6).map(str.encode),
    max_size=40,
)


@settings(max_examples=150)
@given(parts=PARTS, encoding=st.sampled_from(["auto", "gb18030", "utf-8", "utf-16-le"]))
def test_anything_is_read_without_a_crash(
    parts: list[bytes], encoding: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome = fixed(tmp_path_factory.getbasetemp(), b"".join(parts), encoding=encoding)
    assert all(len(row) == 3 for row in outcome.rows.values())
