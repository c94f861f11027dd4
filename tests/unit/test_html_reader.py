"""The HTML reader: tables with and without titles, spans, forms with controls."""

from pathlib import Path

from tests.builders.reading import read

COLUMNS = {"exam": "编号", "name": ["姓名", "XM"], "findings": "检查所见"}


def test_rows_of_the_tables_whose_header_is_known(tmp_path: Path) -> None:
    content = (
        '<html><head><meta charset="utf-8"></head><body><table><tr><td colspan=3>某医院报表</td></tr>'
        "<tr><th>编号</th><th>姓 名</th><th>检查所见</th></tr>"
        "<tr><td rowspan=2>1</td><td>王试甲</td><td>结节<5mm<br>边界清<table><tr><td>内</td></tr></table></td></tr>"
        "<tr><td>李试乙</td><td>无</td></tr><tr><td>合计</td><td></td><td></td></tr></table>"
        "<table><tr><td>别的</td></tr></table><table><tr><td>姓名</td><td>编号</td></tr><tr><td>赵试丙</td><td>9</td></tr>"
        "</table></body></html>"
    )
    result = read(tmp_path / "a.html", content.encode("gb18030"), COLUMNS, format="html")
    assert result.rows == [
        {"exam": "1", "name": "王试甲", "findings": "结节<5mm\n边界清\n内"},
        {"exam": "1", "name": "李试乙", "findings": "无"},
        {"exam": "9", "name": "赵试丙"},
    ]
    assert result.reading.encoding == "gb18030"
    assert result.reading.dropped == {"title_row": 1, "footer_row": 1}
    assert len(set(result.numbers)) == 3


def test_forms_are_records_with_values_in_attributes_cells_and_lines(tmp_path: Path) -> None:
    content = (
        '<div class="report"><table><tr><td>编号：</td><td>A1</td><td>姓名</td><td>王试甲</td></tr></table>'
        '<p>检查所见：<span value="右肺结节">请输入</span></p></div>'
        '<div class="report"><span name="编号" value="A2"></span>姓名：李试乙</div><div class="report">别的</div>'
    )
    result = read(tmp_path / "a.html", content, COLUMNS, format="html", record="div.report")
    assert result.rows == [
        {"exam": "A1", "name": "王试甲", "findings": "右肺结节"},
        {"exam": "A2", "name": "李试乙", "findings": None},
    ]
    assert result.reasons == [(3, "no_known_label")]


def test_a_page_without_any_record_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path / "a.html", "<p>别的</p>", COLUMNS, format="html").reasons == [(1, "no_known_label")]
    deep = "<div>" * 5_000 + "<table><tr><th>编号<th>姓名</tr></table>"
    assert [reason for _, reason in read(tmp_path / "b.html", deep, COLUMNS, format="html").reasons] == [
        "too_deeply_nested"
    ]


def test_a_page_that_is_one_form_is_one_record(tmp_path: Path) -> None:
    content = (
        "<body><table><tr><td>编号</td><td>A1</td><td>姓名</td><td>王试甲</td></tr>"
        "<tr><td>检查所见</td><td colspan=3>右肺结节</td></tr></table></body>"
    )
    result = read(tmp_path / "a.html", content, COLUMNS, format="html")
    assert result.rows == [{"exam": "A1", "name": "王试甲", "findings": "右肺结节"}]
