"""The workbook reader: titles, sheets, dates, formulas, errors; disguised, hostile and encrypted files."""

import datetime
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from ingestion.readers import HeldFileError
from tests.builders.reading import read

COLUMNS = {"exam": "编号", "name": ["姓名", "XM"], "findings": "检查所见", "at": "时间"}
HEADER = ["编号", "姓 名", "检查所见", "时间"]


def workbook(*, epoch_1904: bool = False) -> bytes:
    """Return a workbook of a report sheet, its continuation, a hidden sheet and one of something else."""
    book = openpyxl.Workbook()
    if epoch_1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "报告"
    for row in (
        ["某医院2024年报表"],
        HEADER,
        [110199196001020018, "王试甲", "右肺", datetime.datetime(2024, 3, 5, 8, 3)],
        [None, "李试乙", '=A1&"x"', datetime.date(2024, 3, 5)],
        [None, None, None, None],
        [7812, "赵试丙", None, 1.5],
        HEADER,
        ["合计", 3],
    ):
        sheet.append(row)
    sheet["A6"].number_format = "000000"
    sheet["C6"] = "#N/A"
    sheet["C6"].data_type = "e"
    for title, state, rows in (
        ("续", "visible", [HEADER, ["9", "钱试丁", "z", None]]),
        ("隐", "hidden", [HEADER, ["10", "孙试戊", "z", None]]),
        ("说明", "visible", [["说明"], ["x"]]),
    ):
        other = book.create_sheet(title)
        other.sheet_state = state
        for row in rows:
            other.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_cells_are_read_as_a_spreadsheet_shows_them(tmp_path: Path, epoch_1904: bool) -> None:
    result = read(tmp_path / "a.xlsx", workbook(epoch_1904=epoch_1904), COLUMNS, format="workbook")
    assert result.rows == [
        {"exam": "1.10199E+17", "name": "王试甲", "findings": "右肺", "at": "2024-03-05 08:03:00"},
        {"exam": "", "name": "李试乙", "findings": "", "at": "2024-03-05"},
        {"exam": "007812", "name": "赵试丙", "findings": "#N/A", "at": "1.5"},
        {"exam": "9", "name": "钱试丁", "findings": "z", "at": ""},
    ]
    assert result.numbers == [3, 4, 6, 10_000_002]
    assert [kind for kind in result.kinds if kind[0] == "value_unparseable"] == [
        ("value_unparseable", 4, "检查所见"),
        ("value_unparseable", 6, "检查所见"),
    ]
    assert result.reading.dropped == {
        "title_row": 1, "blank_row": 1, "repeated_header": 1, "footer_row": 1, "sheet_of_other_columns": 1,
    }  # fmt: skip


def test_empty_cells_are_filled_from_above_where_the_mapping_says_so(tmp_path: Path) -> None:
    result = read(tmp_path / "a.xlsx", workbook(), COLUMNS, format="workbook", forward_fill=["exam"])
    assert [row["exam"] for row in result.rows] == ["1.10199E+17", "1.10199E+17", "007812", "9"]


@pytest.mark.parametrize(
    ("sheet", "names"),
    [("隐", ["孙试戊"]), ("*", ["王试甲", "李试乙", "赵试丙", "钱试丁", "孙试戊"])],
)
def test_the_mapping_picks_sheets(tmp_path: Path, sheet: str, names: list[str]) -> None:
    result = read(tmp_path / "a.xlsx", workbook(), COLUMNS, format="workbook", sheet=sheet)
    assert [row["name"] for row in result.rows] == names


def test_a_sheet_that_is_not_there_holds_the_file(tmp_path: Path) -> None:
    with pytest.raises(HeldFileError):
        read(tmp_path / "a.xlsx", workbook(), COLUMNS, format="workbook", sheet="nowhere")


@pytest.mark.parametrize(
    "content",
    [
        "<html><table><tr><th>编号</th><th>姓名</th></tr><tr><td>1</td><td>王试甲</td></tr></table></html>",
        "编号\t姓名\n1\t王试甲\n",
        '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
        'xmlns:s="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet s:Name="a"><Table>'
        "<Row><Cell><Data>编号</Data></Cell><Cell s:Index='3'><Data>姓名</Data></Cell></Row>"
        "<Row s:Index='5'><Cell><Data s:Type='Number'>1</Data></Cell><Cell s:Index='3'><Data>王试甲</Data></Cell></Row>"
        "</Table></Worksheet></Workbook>",
    ],
    ids=["html", "text", "xml"],
)
def test_what_only_calls_itself_a_workbook_is_read_as_what_it_is(tmp_path: Path, content: str) -> None:
    result = read(tmp_path / "a.xls", content.encode("gb18030"), COLUMNS, format="workbook")
    assert [(row["exam"], row["name"]) for row in result.rows] == [("1", "王试甲")]


def ods(cell: str) -> bytes:
    """Return an ODS workbook of one row."""
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{cell}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<m/>")
        archive.writestr("content.xml", content)
    return out.getvalue()


def test_a_workbook_of_the_open_form(tmp_path: Path) -> None:
    def row(*texts: str) -> str:
        cells = "".join(
            f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in texts
        )
        return f"<table:table-row>{cells}</table:table-row>"

    content = ods(row("编号", "姓名") + row("007", "王试甲"))
    assert read(tmp_path / "a.ods", content, COLUMNS, format="workbook").rows == [{"exam": "007", "name": "王试甲"}]


def bomb() -> bytes:
    """Return a workbook whose sheet is 600 megabytes of nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    # only the directory of the archive is changed to tell of 600 megabytes, since it is what is looked at first
    data = bytearray(out.getvalue())
    place = data.find(b"PK\x01\x02")
    data[place + 24 : place + 28] = (600 * 1024 * 1024).to_bytes(4, "little")
    return bytes(data)


def repeated_cells() -> bytes:
    """Return an ODS workbook with one cell that fills every place of the sheet."""
    return ods(
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell office:value-type="float" '
        'office:value="1" table:number-columns-repeated="16384"/></table:table-row>'
    )


def encrypted() -> bytes:
    """Return the beginning of a compound file that holds an encrypted package."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (bomb, "file_too_large"),
        (repeated_cells, "file_too_large"),
        (encrypted, "file_encrypted"),
        (lambda: b"PK\x03\x04junk", "file_not_of_its_format"),
        (lambda: bytes(4000), "file_not_of_its_format"),
    ],
    ids=["bomb", "repeated cells", "encrypted", "no archive", "zeros"],
)
def test_a_hostile_workbook_is_held_with_its_reason(tmp_path: Path, make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(HeldFileError) as caught:
        read(tmp_path / "a.xlsx", make(), COLUMNS, format="workbook")
    assert caught.value.reason == reason


def test_many_empty_rows_cost_little(tmp_path: Path) -> None:
    rows = "".join(f'<row r="{number}"><c r="A{number}" s="1"/></row>' for number in range(20, 60_000))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                content = content.replace(b"</sheetData>", rows.encode() + b"</sheetData>")
            archive.writestr(name, content)
    start = time.process_time()
    result = read(tmp_path / "a.xlsx", out.getvalue(), COLUMNS, format="workbook")
    assert len(result.rows) == 4
    assert len(result.reading.found) < 20
    assert time.process_time() - start < 5


def test_a_sheet_whose_closing_line_tells_of_more_records_is_held(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (HEADER, ["1", "王试甲", "x", None], ["共 3 条"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    assert read(tmp_path / "a.xlsx", out.getvalue(), COLUMNS, format="workbook").reading.held == "truncated_file"
