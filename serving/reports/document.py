"""A small document of headings, paragraphs, tables and figures, written as HTML or as DOCX from the same blocks.

The same blocks give the same bytes: no time, no random id. What XML cannot hold becomes U+FFFD.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CONTENTS_LEVEL = 2

Cell = str | int | float | bool | None
"""A cell of a table; whole numbers are written with thousands separators, None is empty."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Heading:
    """A heading; level 1 is a chapter."""

    text: str
    level: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Paragraph:
    """A paragraph; `style` is plain, note (small and grey), good, bad, or code (fixed width, line breaks kept)."""

    text: str
    style: str = "plain"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableBlock:
    """A table; numbers stand right. `widths` are shares of the page's width, equal to the number of columns."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    widths: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A drawing: the text of an SVG file whose root has a viewBox, or a width and a height."""

    svg: str
    caption: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """Blocks that a page folds away under their title; in DOCX they follow a heading of level 3."""

    title: str
    blocks: "Sequence[Block]"


Block = Heading | Paragraph | TableBlock | Figure | Details


def write_html(blocks: Sequence[Block], title: str, path: Path) -> None:
    """Write one page that needs nothing beside it."""
    anchored = list(_anchored(blocks))
    page = _TEMPLATES.get_template("document.html.j2").render(
        title=legible(title),
        blocks=anchored,
        contents=[
            (anchor, legible(block.text), block.level)
            for anchor, block in anchored
            if isinstance(block, Heading) and block.level <= _CONTENTS_LEVEL
        ],
        kind=lambda block: type(block).__name__.lower(),
        show=show_cell,
        is_number=is_number,
        legible=legible,
        drawing=lambda figure: Markup(_without_prolog(figure.svg)),  # noqa: S704 - drawn by our own code
    )
    path.write_text(page, encoding="utf-8")


def write_docx(blocks: Sequence[Block], title: str, path: Path) -> None:
    """Write the same document as DOCX."""
    from serving.reports.docx import write_word

    write_word(blocks, title, path)


def show_cell(cell: Cell) -> str:
    """Return the text of a cell."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "是 yes" if cell else "否 no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return legible(cell)


def is_number(cell: Cell) -> bool:
    """Return whether a cell stands right."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def legible(text: str) -> str:
    """Return a text with U+FFFD for every character that XML cannot hold."""
    return _NO_XML.sub("�", text)


def size_of(svg: str) -> tuple[float, float]:
    """Return width and height of a drawing in its own units."""
    root = re.search(r"<svg\b[^>]*>", svg)
    attributes: dict[str, Any] = dict(re.findall(r'([\w:]+)="([^"]*)"', root[0])) if root else {}
    if "viewBox" in attributes:
        *_, width, height = (float(part) for part in attributes["viewBox"].replace(",", " ").split())
        return width, height
    numbers = [re.match(r"[\d.]+", attributes.get(name, "")) for name in ("width", "height")]
    width, height = (float(number[0]) if number else 400.0 for number in numbers)
    return width, height


def _anchored(blocks: Iterable[Block]) -> Iterator[tuple[str, Block]]:
    """Yield each block with the anchor of a heading, numbered in order."""
    for number, block in enumerate(blocks):
        yield f"s{number}" if isinstance(block, Heading) else "", block


def _without_prolog(svg: str) -> str:
    return legible(re.sub(r"^\s*<\?xml.*?\?>\s*", "", svg, flags=re.DOTALL))
