"""The report of an assessment: the document, the diagram, and what they look like in HTML and DOCX."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import docx
import pytest
from PIL import Image

from serving.reports.document import (
    Block,
    Details,
    Figure,
    Heading,
    Paragraph,
    TableBlock,
    size_of,
    write_docx,
    write_html,
)
from serving.reports.er_diagram import draw_er_diagram
from serving.reports.raster import draw_png

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><rect x="10" y="10" width="80" height="40" fill="#2f6fab"/>'
    '<path d="M10,90 C50,90 100,20 190,20" fill="none" stroke="#b3261e" stroke-dasharray="5 4"/>'
    '<text x="20" y="80" font-size="12" fill="#000000">患者</text></svg>'
)
BLOCKS: list[Block] = [
    Heading(text="概要 Summary"),
    Paragraph(text="含 <标签> & 控制符\x01 与孤立代理\udcb2"),
    Heading(text="表 Tables", level=2),
    TableBlock(
        header=["名称 name", "行 rows", "占比"], rows=[["患者 <b>", 1234567, 0.5], [None, True, -3]], caption="表一"
    ),
    Figure(svg=SVG, caption="图一"),
    Heading(text="细节 Details"),
    Details(
        title="patient", blocks=[Paragraph(text="select 1\nfrom t", style="code"), TableBlock(header=["空"], rows=[])]
    ),
]


def test_same_blocks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_html(BLOCKS, "报告", tmp_path / f"{name}.html")
        write_docx(BLOCKS, "报告", tmp_path / f"{name}.docx")
    for kind in ("html", "docx"):
        assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.docx") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_page_escapes_what_it_shows_and_lists_its_chapters(tmp_path: Path) -> None:
    write_html(BLOCKS, "报告 <x>", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "含 &lt;标签&gt; &amp; 控制符\ufffd 与孤立代理\ufffd" in page
    assert "1,234,567" in page and "患者 &lt;b&gt;" in page and "是 yes" in page
    assert re.findall(r'<nav>.*?href="#(\w+)">概要', page, re.DOTALL) == ["s0"]
    assert 'id="s0">概要 Summary' in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_word_file_has_all_blocks_and_a_chinese_font(tmp_path: Path) -> None:
    write_docx(BLOCKS, "报告", tmp_path / "report.docx")
    document = docx.Document(str(tmp_path / "report.docx"))
    assert [paragraph.text for paragraph in document.paragraphs if paragraph.style.name.startswith("Heading")] == [
        "概要 Summary", "表 Tables", "细节 Details", "patient",
    ]  # fmt: skip
    assert [cell.text for cell in document.tables[0].rows[1].cells] == ["患者 <b>", "1,234,567", "0.50"]
    fonts = document.styles["Normal"].element.rPr.rFonts.attrib
    assert "宋体" in fonts.values()
    assert not [name for name in fonts if name.endswith("Theme")]
    with zipfile.ZipFile(tmp_path / "report.docx") as archive:
        names = archive.namelist()
        assert "word/media/figure1.svg" in names
        picture = next(name for name in names if name.endswith(".png"))
        assert Image.open(io.BytesIO(archive.read(picture))).size == (400, 200)


def test_picture_of_a_drawing_shows_its_shapes() -> None:
    picture = Image.open(io.BytesIO(draw_png(SVG))).convert("RGB")
    assert picture.getpixel((100, 60)) == (0x2F, 0x6F, 0xAB)
    assert picture.getpixel((390, 190)) == (255, 255, 255)
    red = sum(count for count, colour in picture.getcolors(1 << 20) or [] if colour == (0xB3, 0x26, 0x1E))
    assert 200 < red < 900


@pytest.mark.parametrize(
    ("attributes", "size"),
    [('viewBox="0 0 30 20"', (30, 20)), ('width="12" height="8"', (12, 8)), ('width="1.5in" height="2in"', (1.5, 2))],
)
def test_size_of_a_drawing_is_that_of_its_root(attributes: str, size: tuple[float, float]) -> None:
    assert size_of(f'<svg xmlns="x" {attributes}><rect width="1"/></svg>') == size


def table(name: str, *columns: str, rows: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "schema": "main", "name": name, "comment": "", "rows": rows, "partition_of": None, "primary_key": columns[:1],
        "columns": [{"name": column} for column in columns],
    } | more  # fmt: skip


def relation(child: str, column: str, parent: str, orphans: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "schema": "main", "table": child, "columns": [column], "referenced_schema": "main", "referenced_table": parent,
        "referenced_columns": ["id"], "orphans": orphans,
    } | more  # fmt: skip


def content(tables: list[dict[str, Any]], declared: list[Any], implied: list[Any]) -> dict[str, Any]:
    return {"objects": {"tables": tables}, "relations": {"declared": declared, "implied": implied}}


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """Return the boxes of the tables; the first rectangle is the ground."""
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', svg)
    return [tuple(float(number) for number in box) for box in found]  # type: ignore[misc]


def test_diagram_draws_every_table_and_tells_kinds_of_relations_apart() -> None:
    svg = draw_er_diagram(
        content(
            [table("patient", "id", "name"), table("visit", "id", "patient_id"), table("患者<&>", "id")],
            [relation("visit", "patient_id", "patient")],
            [relation("visit", "id", "patient", orphans=3, confidence="high")],
        )
    )
    assert ElementTree.fromstring(svg).tag.endswith("svg")  # noqa: S314 - drawn by our own code
    assert len(boxes(svg)) == 3
    assert "患者&lt;&amp;&gt;" in svg and "无关系的表" in svg
    assert "visit.patient_id → patient.id · 声明 declared · 孤儿 orphans 0" in svg
    assert re.search(
        r'stroke-dasharray="5 4"><title>visit\.id → patient\.id · 隐含 implied \(high\) · 孤儿 orphans 3', svg
    )


def test_boxes_never_lie_over_each_other_in_a_large_database() -> None:
    tables = [table(f"m{number % 7}_table_{number}", "id", "up_id", "other_id") for number in range(200)]
    names = [one["name"] for one in tables]
    relations = [relation(names[number], "up_id", names[number // 3]) for number in range(1, 170)]
    relations += [
        relation(names[number], "other_id", names[(number * 7) % 170], confidence="low") for number in range(60)
    ]
    svg = draw_er_diagram(content(tables, relations, []))
    found = boxes(svg)
    assert len(found) == 200
    for number, (x, y, width, height) in enumerate(found):
        for left, top, across, down in found[number + 1 :]:
            assert x + width <= left or left + across <= x or y + height <= top or top + down <= y
    assert svg == draw_er_diagram(content(tables, relations, []))


def test_relations_in_a_circle_are_drawn() -> None:
    svg = draw_er_diagram(
        content(
            [table("a", "id", "b_id"), table("b", "id", "a_id", "parent_id")],
            [relation("a", "b_id", "b"), relation("b", "a_id", "a"), relation("b", "parent_id", "b")],
            [],
        )
    )
    assert len(re.findall("<title>", svg)) == 3
