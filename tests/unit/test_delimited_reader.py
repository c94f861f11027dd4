"""Delimited text: sound rows arrive as written, damaged ones are put together or refused, and none is lost or made."""

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.readers import delimited, pieces, scanning
from ingestion.readers.delimited import read_delimited
from ingestion.readers.fields import best_split
from lakehouse.errors import SettingsError
from tests.builders.records import Outcome, layout, read_all

COLUMNS = {
    "exam_id": "检查号",
    "sex": ("性别", "XB"),
    "findings": "检查所见",
    "reported_at": "报告时间",
    "doctor": "医师",
}
HEADER = "检查号|性别|检查所见|报告时间|医师"
TEXTS = (
    "双肺纹理增多，未见明显实变影",
    "右肺上叶见结节影，大小约12mm，边界清，建议随访复查",
    "未见异常",
    "心影不大。两侧肋膈角锐利。",
)


def row(number: int, text: str | None = None, *, delimiter: str = "|") -> str:
    cells = [
        f"CT24{number:06d}",
        "男女"[number % 2],
        text or TEXTS[number % 4],
        f"2024-03-{number % 28 + 1:02d} 08:00:00",
    ]
    return delimiter.join([*cells, "王试甲"])


def rows(first: int = 0, count: int = 60, *, delimiter: str = "|") -> list[str]:
    return [row(number, delimiter=delimiter) for number in range(first, first + count)]


def read(tmp_path: Path, content: str | bytes | Sequence[str], written: str = "utf-8", **options: object) -> Outcome:
    """Read a file of `|` without quotes, unless told otherwise."""
    if not isinstance(content, str | bytes):
        content = "\n".join([HEADER, *content]) + "\n"
    mapping = layout("delimited", COLUMNS, **({"delimiter": "|", "quoted": False} | options))
    return read_all(read_delimited, tmp_path / "exam.txt", mapping, content=content, encoding=written)


@pytest.mark.parametrize("delimiter", ["|", ",", "\t", "\\t", "||", "^", "\x01", "\\x01", "，", "@#@"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_any_delimiter_line_end_and_encoding(tmp_path: Path, delimiter: str, end: str, encoding: str) -> None:
    sign = {"\\t": "\t", "\\x01": "\x01"}.get(delimiter, delimiter)
    lines = [
        sign.join(line.split("|")).replace("，", "。") if sign == "，" else line.replace("|", sign) for line in rows()
    ]
    lines = [sign.join(cell.replace(sign, "。") for cell in line.split("|")) for line in rows()]
    content = end.join([HEADER.replace("|", sign), *lines]) + end
    outcome = read(tmp_path, content, encoding, delimiter=delimiter)
    assert outcome.rows == {number: tuple(line.split(sign)) for number, line in enumerate(lines, start=2)}
    assert outcome.reading.encoding == {"utf-16": "utf-16-le"}.get(encoding, encoding)


@pytest.mark.parametrize("delimiter", [",", "|", "||"])
def test_what_a_writer_of_csv_quotes_is_read_back(tmp_path: Path, delimiter: str) -> None:
    cells = ['a"b', "x,y|z", "两\n行", '""', "", ' "q" ', "\r\n", "末尾\\"]
    generator = random.Random(1)
    records = [[f"CT{number}", *generator.choices(cells, k=4)] for number in range(400)]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter[0], lineterminator="\n").writerows([HEADER.split("|"), *records])
    content = buffer.getvalue()
    if len(delimiter) > 1:
        content = "\n".join(
            delimiter.join(f'"{c.replace(chr(34), chr(34) * 2)}"' for c in r) for r in [HEADER.split("|"), *records]
        )
    outcome = read(tmp_path, content, delimiter=delimiter, quoted=True)
    assert [list(cells) for _, cells in sorted(outcome.rows.items())] == records
    assert not outcome.refused


def test_quotes_that_are_escaped_by_a_backslash_or_by_nothing(tmp_path: Path) -> None:
    lines = [
        'CT1|男|"他说\\"痛\\"|三天"|2024-03-01|王',
        'CT2|男|"他说"痛"三天"|2024-03-01|王',
        'CT3|男|5"寸|2024-03-01|王',
    ]
    outcome = read(tmp_path, lines, quoted=True)
    assert [cells[2] for cells in outcome.rows.values()] == ['他说"痛"|三天', '他说"痛"三天', '5"寸']


def test_quote_never_closed_costs_one_row(tmp_path: Path) -> None:
    lines = [*rows(), 'CT24000099|男|"没有结束|2024-03-01 08:00:00|王', *rows(60)]
    quoted = [row(200, '"甲|乙"'), *lines]
    outcome = read(tmp_path, quoted, quoted=True)
    assert outcome.refused == {63: "unbalanced_quote"}
    assert len(outcome.rows) == 121
    # where nothing else is quoted, it is a sign like any other
    assert read(tmp_path, lines, quoted=True).rows[62][2] == '"没有结束'


@pytest.mark.parametrize("count", [1, 3])
def test_newlines_within_a_text_without_quotes_are_put_back(tmp_path: Path, count: int) -> None:
    text = "\n".join(["双肺纹理增多", "", "建议：复查", "完毕"][: count + 1])
    outcome = read(tmp_path, [*rows(), row(60, text), *rows(61)])
    assert outcome.rows[62][2] == text
    assert len(outcome.rows) == 121
    assert outcome.found == [("embedded_newline", 62)]


def test_lines_behind_a_last_column_of_text_belong_to_it(tmp_path: Path) -> None:
    header = "检查号|性别|检查所见"
    lines = [f"CT24{number:06d}|男|{TEXTS[number % 4]}{'。' * (number % 7)}{number}" for number in range(200)]
    outcome = read(tmp_path, "\n".join([header, *lines[:100], "建议随访", "复查CT", *lines[100:], "共 200 条"]) + "\n")
    assert outcome.rows[101][2].endswith("99\n建议随访\n复查CT")  # type: ignore[union-attr]
    assert len(outcome.rows) == 200
    assert outcome.reading.dropped == {"footer_row": 1}


def test_delimiters_within_a_text_are_put_back(tmp_path: Path) -> None:
    outcome = read(tmp_path, [*rows(), row(60, "大小约12mm|边界清|建议随访")])
    assert outcome.rows[62][2] == "大小约12mm|边界清|建议随访"
    assert outcome.found == [("embedded_delimiter", 62)]


@pytest.mark.parametrize("every", [1, 3], ids=["all_rows", "some_rows"])
def test_delimiters_within_units_are_put_back(tmp_path: Path, every: int) -> None:
    units = [("10^9/L", "10^12/L", "×10^9/L")[number % 3] if number % every == 0 else "g/L" for number in range(60)]
    lines = [f"R{number:05d}^WBC^{4 + number % 5}.{number % 10}^{unit}^4-10" for number, unit in enumerate(units)]
    outcome = read(tmp_path, "\n".join(["号^项目^结果^单位^参考值", *lines]) + "\n", delimiter="^")
    assert [row[3] for _, row in sorted(outcome.rows.items())] == units
    assert {row[4] for row in outcome.rows.values()} == {"4-10"}
    assert outcome.refused == {}
    assert {kind for kind, _ in outcome.found} == {"embedded_delimiter"}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("CT24000099|男", "short_row"),
        (row(99) + "|多余", "extra_column"),
        (row(99) + "|李|张", "extra_column"),
        (row(99) + "|", "extra_column"),
    ],
)
def test_what_cannot_be_put_together_is_refused(tmp_path: Path, line: str, reason: str) -> None:
    outcome = read(tmp_path, [*rows(), line, line, *rows(60)])
    assert outcome.refused == {62: reason, 63: reason}
    assert len(outcome.rows) == 120


def test_two_short_rows_make_no_whole_one(tmp_path: Path) -> None:
    outcome = read(tmp_path, [*rows(), "CT24000098|男|未见异常", "CT24000099|女|未见异常", *rows(60)])
    assert outcome.refused == {62: "short_row", 63: "short_row"}


def test_lines_around_the_records_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = [
        "某医院检查报告",
        "导出时间：2024-09-01",
        HEADER,
        *rows(0, 4),
        "",
        "||||",
        f" {HEADER}",
        *rows(4, 2),
        "共6条",
        "合计|||| ",
    ]
    outcome = read(tmp_path, "\n".join(lines))
    assert sorted(outcome.rows) == [4, 5, 6, 7, 11, 12]
    assert outcome.reading.dropped == {"title_row": 2, "blank_row": 2, "repeated_header": 1, "footer_row": 2}
    assert outcome.reading.held is None


def test_file_without_a_header_has_the_names_of_the_layout(tmp_path: Path) -> None:
    outcome = read(tmp_path, "\n".join([*rows(0, 3), ""]), header=HEADER.split("|"))
    assert list(outcome.rows) == [1, 2, 3]
    assert outcome.header == tuple(HEADER.split("|"))


@pytest.mark.parametrize("header", [HEADER, HEADER + "|"])
def test_delimiter_at_the_end_of_every_line_is_no_column_too_many(tmp_path: Path, header: str) -> None:
    outcome = read(tmp_path, "\n".join([header, *(line + "|" for line in rows(0, 5))]) + "\n")
    assert len(outcome.rows) == 5


@pytest.mark.parametrize(
    ("end", "held"),
    [
        ("CT24000099|男|未见", "truncated_file"),
        ("CT24000099|男|未见\n", None),
        (row(99), None),
        ("共 60 条", None),
        ("记录数：200\n", "truncated_file"),
    ],
    ids=["cut", "short", "whole", "count holds", "count does not"],
)
def test_file_that_was_cut_off_is_held(tmp_path: Path, end: str, held: str | None) -> None:
    outcome = read(tmp_path, "\n".join([HEADER, *rows(), end]))
    assert outcome.reading.held == held


def test_file_that_tells_of_fewer_records_is_loaded_and_told(tmp_path: Path) -> None:
    outcome = read(tmp_path, [*rows(), "共 12 条"])
    assert len(outcome.rows) == 60
    assert ("row_count_mismatch", None) in outcome.found


def test_lines_of_another_encoding_are_read_each_on_its_own(tmp_path: Path) -> None:
    lines = [line.encode("gb18030") for line in [HEADER, *rows(0, 300)]]
    lines[50] = row(900, "右肺结节").encode()
    lines[70] = row(901, "右肺\ue000结节").encode("gb18030").replace("\ue000".encode("gb18030"), b"\xff\xff")
    outcome = read(tmp_path, b"\n".join(lines) + b"\n")
    assert outcome.reading.encoding == "gb18030"
    assert outcome.rows[51][2] == "右肺结节"
    assert outcome.rows[71][2] == "右肺\ufffd\ufffd结节"
    assert outcome.found == [("encoding_lost", 71), ("encoding_mismatch", 51)]


def test_half_a_character_that_took_in_a_delimiter_gives_it_back(tmp_path: Path) -> None:
    lines = [line.encode("gb18030") for line in [HEADER, *rows()]]
    lines.append(row(99, "未见异常结").encode("gb18030").replace("结|".encode("gb18030"), b"\xbd|"))
    outcome = read(tmp_path, b"\n".join(lines) + b"\n", encoding="gb18030")
    assert outcome.rows[62][2:4] == ("未见异常", "2024-03-16 08:00:00")
    assert outcome.found == [("truncated_text", 62)]


@pytest.mark.parametrize(
    ("written", "forced", "found"),
    [
        ("gb18030", "utf-8", [("encoding_mismatch", None)]),
        ("utf-8", "GBK", [("encoding_mismatch", None)]),
        ("gb18030", "GB2312", []),
        ("utf-8-sig", "UTF-8", [("bom", None)]),
    ],
)
def test_forced_encoding_that_is_unlike_the_bytes_is_told(
    tmp_path: Path, written: str, forced: str, found: list[tuple[str, None]]
) -> None:
    outcome = read(tmp_path, rows(0, 3), written, encoding=forced)
    assert [pair for pair in outcome.found if pair[1] is None] == found
    with pytest.raises(SettingsError, match="not known"):
        read(tmp_path, rows(0, 3), encoding="klingon")


def test_signs_that_are_no_text_are_told(tmp_path: Path) -> None:
    lines = [*rows(0, 3), "\ufeff" + row(3), row(4, "未\0见"), row(5, "未\x0b见")]
    outcome = read(tmp_path, "\n".join([HEADER, *lines, "\0\0\0", "\x1a"]))
    assert outcome.rows[5][0] == "CT24000003"
    assert outcome.rows[6][2] == "未见"
    assert outcome.rows[7][2] == "未\x0b见"
    assert outcome.found[:3] == [("blank_row", 8), ("blank_row", 9), ("bom", 5)]
    assert [pair for pair in outcome.found if pair[0] == "control_char"] == [("control_char", 6), ("control_char", 7)]


def test_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 12)
    monkeypatch.setattr(pieces, "MAXIMUM_LINE_BYTES", 1 << 14)
    outcome = read(tmp_path, [*rows(), row(60, "长" * 20_000), *rows(61)])
    assert outcome.refused == {62: "line_too_long"}
    assert len(outcome.rows) == 120
    assert outcome.rows[63] == tuple(row(61).split("|"))


class ByLine(scanning.Scanner):
    """Parses the sound records one by one, by the rules the repair has."""

    def parse(self, data: bytes, scan: scanning.Scan, chosen: scanning.Array) -> list[pa.ChunkedArray] | None:
        sign = self._delimiter.decode()
        rows = []
        for start, end, wanted in zip(scan.starts, scan.ends, chosen, strict=False):
            if wanted:
                self.has_quotes = self.has_quotes or (self.quoted and b'"' in data[start:end])
                text = self.restore(data[start:end]).decode().removesuffix("\n").removesuffix("\r")
                rows.append(best_split(text, sign, self.count, quoted=self.quoted).fields)
        return [pa.chunked_array([column], pa.string()) for column in zip(*rows, strict=True)]


LINES = st.lists(
    st.sampled_from(
        [
            *rows(0, 12), *rows(30, 12), *rows(50, 12), "", "||||", HEADER, "合计", "合计||||", "共 9 条", "CT24000099|男",
            row(99, "第一行\n第二行"), row(98, '"引号|内\n容"'), row(97, '"引""号"'), row(96, '"开'), row(95, 'a\\"b'),
            row(94) + "|多余", row(93, "带|分隔"), row(92, "控\0制"), "\ufeff" + row(91), "一行文字", '"', '"|"',
            row(90) + "\r", row(89, "\r"), "\x1a", row(88, '"a"b"'), '"' + row(87).replace("|", '"|"') + '"',
        ]
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=120)
@given(
    lines=LINES, quoted=st.booleans(), delimiter=st.sampled_from(["|", "||"]), tail=st.sampled_from(["", "\n", "|未"])
)
def test_both_ways_of_reading_agree_and_nothing_is_lost(
    lines: list[str], quoted: bool, delimiter: str, tail: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = ("\n".join([HEADER, *lines]) + tail).replace("|", delimiter)
    fast = read(folder, content, quoted=quoted, delimiter=delimiter)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "Scanner", ByLine)
        slow = read(folder, content, quoted=quoted, delimiter=delimiter)
    assert (fast.rows, fast.refused, fast.found) == (slow.rows, slow.refused, slow.found)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", 500)
        small = read(folder, content, quoted=quoted, delimiter=delimiter)
    # where the pieces end decides how much is known of the columns, but never whether a record is kept
    physical = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for outcome in (fast, small):
        kept = sum(str(cells).count("CT24000") for cells in outcome.rows.values())
        refused = sum(physical[number - 1].count("CT24000") for number in outcome.refused)
        assert kept + refused == content.count("CT24000")


@settings(max_examples=120)
@given(
    content=st.lists(
        st.sampled_from(
            [b"\n", b"\r\n", b"\r", b"|", b'"', b"\0", b"\xd6\xd0", b"\xff", b"\x84\x31\x95\x33", b"\xef\xbb\xbf"]
        )
        | st.sampled_from([HEADER.encode(), *(line.encode("gb18030") for line in rows(0, 3))])
        | st.binary(max_size=6),
        max_size=50,
    ).map(b"".join),
    encoding=st.sampled_from(["auto", "gb18030", "utf-16-le", "latin-1"]),
    quoted=st.booleans(),
)
def test_anything_is_read_without_a_crash(
    content: bytes, encoding: str, quoted: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outcome = read(tmp_path_factory.getbasetemp(), content, encoding=encoding, quoted=quoted)
    assert all(len(cells) == len(outcome.header) for cells in outcome.rows.values())
