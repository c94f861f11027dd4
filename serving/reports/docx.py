"""Writes the blocks of a document as DOCX: Chinese in 宋体 and 黑体, tables whose head repeats, numbered pages.

A drawing stands twice: as SVG, which Word shows since 2016, and as the picture that other programs take. The file's
bytes depend on the blocks alone.
"""

import io
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Emu, Pt, RGBColor

from serving.reports.document import (
    Block,
    Details,
    Figure,
    Heading,
    Paragraph,
    TableBlock,
    is_number,
    legible,
    show_cell,
    size_of,
)
from serving.reports.raster import draw_png

_PAGE_WIDTH, _PAGE_HEIGHT, _MARGIN = Cm(21), Cm(29.7), Cm(2)
_TEXT_WIDTH = _PAGE_WIDTH - 2 * _MARGIN
_TEXT_HEIGHT = _PAGE_HEIGHT - 2 * _MARGIN - Cm(2)
_BODY = ("Times New Roman", "宋体")
_HEAD = ("Arial", "黑体")
_CODE = ("Consolas", "宋体")
_COLOURS = {"note": RGBColor(0x5C, 0x6B, 0x7A), "good": RGBColor(0x2C, 0x7A, 0x4B), "bad": RGBColor(0xB3, 0x26, 0x1E)}
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SVG_EXTENSION = "{96DAC541-7B7A-43D3-8B79-37D633B846F1}"


def write_word(blocks: Sequence[Block], title: str, path: Path) -> None:
    """Write a document."""
    document = docx.Document()
    _prepare(document, legible(title))
    document.add_paragraph(legible(title), style="Title")
    _add_contents(document, [block for block in blocks if isinstance(block, Heading) and block.level <= 2])
    _add_blocks(document, blocks)
    buffer = io.BytesIO()
    document.save(buffer)
    _write_without_times(buffer, path)


def _prepare(document: Any, title: str) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = _PAGE_WIDTH, _PAGE_HEIGHT
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = _MARGIN
    _set_fonts(document.styles["Normal"], _BODY, 10.5)
    for name, size in (("Title", 20), ("Heading 1", 15), ("Heading 2", 12.5), ("Heading 3", 11), ("Heading 4", 10.5)):
        _set_fonts(document.styles[name], _HEAD, size)
        document.styles[name].font.color.rgb = RGBColor(0x1D, 0x27, 0x33)
    section.header.paragraphs[0].text = title
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _add_field(footer, "PAGE", "1")
    properties = document.core_properties
    properties.title, properties.author, properties.comments = title, "radlake", ""
    # the library's own template carries a day of its own; any fixed one will do
    properties.created = properties.modified = datetime(*_EPOCH)
    properties.last_modified_by = "radlake"


def _set_fonts(style: Any, fonts: tuple[str, str], points: float) -> None:
    """Set Latin and East Asian font; the theme's fonts would win, so they go."""
    style.font.name, style.font.size = fonts[0], Pt(points)
    properties = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in [name for name in properties.attrib if name.endswith("Theme")]:
        del properties.attrib[attribute]
    properties.set(qn("w:hAnsi"), fonts[0])
    properties.set(qn("w:eastAsia"), fonts[1])


def _add_field(paragraph: Any, instruction: str, shown: str) -> None:
    """Add a field with what it shows until Word computes it."""
    for kind in ("begin", None, "separate", shown, "end"):
        run = paragraph.add_run()
        if kind is None:
            element = OxmlElement("w:instrText")
            element.set(qn("xml:space"), "preserve")
            element.text = instruction
        elif kind == shown:
            run.text = shown
            continue
        else:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        run._r.append(element)


def _add_contents(document: Any, headings: Sequence[Heading]) -> None:
    """Add a table of contents that stands without Word computing it; F9 there adds the page numbers."""
    if len(headings) < 3:
        return
    first = document.add_paragraph()
    _mark(first, "begin")
    element = OxmlElement("w:instrText")
    element.set(qn("xml:space"), "preserve")
    element.text = r'TOC \o "1-2" \h \z \u'
    first.add_run()._r.append(element)
    _mark(first, "separate")
    paragraph = first
    for number, heading in enumerate(headings):
        paragraph = first if number == 0 else document.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.7 * (heading.level - 1))
        paragraph.paragraph_format.space_after = Pt(1)
        paragraph.add_run(legible(heading.text))
    _mark(paragraph, "end")


def _mark(paragraph: Any, kind: str) -> None:
    element = OxmlElement("w:fldChar")
    element.set(qn("w:fldCharType"), kind)
    paragraph.add_run()._r.append(element)


def _add_blocks(document: Any, blocks: Sequence[Block]) -> None:
    for block in blocks:
        if isinstance(block, Heading):
            document.add_heading(legible(block.text), level=min(block.level, 4))
        elif isinstance(block, Paragraph):
            _add_paragraph(document, block)
        elif isinstance(block, TableBlock):
            _add_table(document, block)
        elif isinstance(block, Figure):
            _add_figure(document, block)
        elif isinstance(block, Details):
            document.add_heading(legible(block.title), level=3)
            _add_blocks(document, block.blocks)


def _add_paragraph(document: Any, block: Paragraph) -> None:
    run = document.add_paragraph().add_run(legible(block.text))
    if block.style == "code":
        run.font.name, run.font.size = _CODE[0], Pt(8.5)
        run._r.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), _CODE[1])
    elif block.style in _COLOURS:
        run.font.color.rgb = _COLOURS[block.style]
        run.font.size = Pt(9) if block.style == "note" else None
        run.bold = block.style != "note"


def _add_table(document: Any, block: TableBlock) -> None:
    if block.caption:
        caption = document.add_paragraph()
        caption.paragraph_format.keep_with_next = True
        caption.add_run(legible(block.caption)).bold = True
    points = 9 if len(block.header) <= 7 else 7.5
    widths = _widths(block)
    rows = [tuple(legible(cell) for cell in block.header), *block.rows]
    # written as XML: the library's own way looks every cell up again and takes minutes for a thousand rows
    lines = "".join(_row_xml(row, widths, points, is_head=number == 0) for number, row in enumerate(rows))
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="BFC8D2"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    table = parse_xml(
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/>'
        f"</w:tblCellMar></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{lines}</w:tbl>"
    )
    document.element.body.insert(len(document.element.body) - 1, table)
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _widths(block: TableBlock) -> list[int]:
    """Return the columns' widths in twentieths of a point: as asked, else by the longest text of each."""
    total = int(_TEXT_WIDTH / 635)
    shares = list(block.widths)
    if not shares:
        cells = [
            [legible(head), *(show_cell(row[place]) for row in block.rows)] for place, head in enumerate(block.header)
        ]
        shares = [min(40.0, max(5.0, *(_length(cell) for cell in column))) for column in cells]
    return [int(total * share / sum(shares)) for share in shares]


def _length(text: str) -> float:
    """Return the width of a text in Latin letters; a Chinese character takes two."""
    return float(sum(2 if character > "⺀" else 1 for character in text))


def _row_xml(row: Sequence[Any], widths: Sequence[int], points: float, *, is_head: bool) -> str:
    size = f'<w:sz w:val="{int(points * 2)}"/><w:szCs w:val="{int(points * 2)}"/>'
    cells = []
    for cell, width in zip(row, widths, strict=True):
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="EEF2F6"/>' if is_head else ""
        side = '<w:jc w:val="right"/>' if is_number(cell) else ""
        bold = "<w:b/>" if is_head else ""
        text = _escape(show_cell(cell))
        cells.append(
            f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr><w:p><w:pPr>'
            f'<w:spacing w:before="10" w:after="10"/>{side}</w:pPr><w:r><w:rPr>{bold}{size}</w:rPr>'
            f'<w:t xml:space="preserve">{text}</w:t></w:r></w:p></w:tc>'
        )
    head = "<w:tblHeader/>" if is_head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{''.join(cells)}</w:tr>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _add_figure(document: Any, block: Figure) -> None:
    width, height = size_of(block.svg)
    scale = min(_TEXT_WIDTH / width, _TEXT_HEIGHT / height)
    picture = document.add_picture(io.BytesIO(draw_png(block.svg)), Emu(int(width * scale)), Emu(int(height * scale)))
    number = sum(part.partname.endswith(".svg") for part in document.part.package.iter_parts()) + 1
    name = PackURI(f"/word/media/figure{number}.svg")
    part = Part(name, "image/svg+xml", legible(block.svg).encode(), document.part.package)
    relation = document.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
    picture._inline.graphic.graphicData.pic.blipFill.find(qn("a:blip")).append(
        parse_xml(
            f'<a:extLst {nsdecls("a")}><a:ext uri="{_SVG_EXTENSION}">'
            '<asvg:svgBlip xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" '
            f'{nsdecls("r")} r:embed="{relation}"/></a:ext></a:extLst>'
        )
    )
    if block.caption:
        _add_paragraph(document, Paragraph(text=block.caption, style="note"))


def _write_without_times(buffer: io.BytesIO, path: Path) -> None:
    """Write the archive again with one fixed time for every member."""
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            member = zipfile.ZipInfo(entry.filename, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o600 << 16
            target.writestr(member, source.read(entry))
