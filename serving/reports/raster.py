"""Turns the drawings of our reports into pictures, for programs that do not show SVG inside DOCX.

Knows what our own drawings use: rect, line, circle, path with M, C, L, H, V, Q and Z, text, groups, and fill, stroke,
dashes and opacity given as attributes. Chinese needs a font of the machine; without one its characters are boxes.
"""

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageFont

from serving.reports.document import size_of

_LONGEST_SIDE = 4200
_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "C:/Windows/Fonts")
_FONT_FILES = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc",
    "wqy-zenhei.ttc", "PingFang.ttc", "msyh.ttc", "simhei.ttf", "DejaVuSans.ttf",
)  # fmt: skip
_SIMPLIFIED = {"NotoSansCJK-Regular.ttc": 2}
"""Face of simplified Chinese in a collection."""

Point = tuple[float, float]


def draw_png(svg: str) -> bytes:
    """Return a drawing as the bytes of a PNG file, at twice its size or as large as a page needs."""
    width, height = size_of(svg)
    scale = min(2.0, _LONGEST_SIDE / max(width, height))
    image = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))), "white")
    canvas = ImageDraw.Draw(image, "RGBA")
    root = ElementTree.fromstring(svg)  # noqa: S314 - drawn by our own code
    for element in root.iter():
        _draw(canvas, element, scale, (width, height))
    buffer = io.BytesIO()
    image.quantize(128).save(buffer, "PNG")
    return buffer.getvalue()


def _draw(canvas: Any, element: Any, scale: float, size: Point) -> None:
    kind = element.tag.rsplit("}", 1)[-1]
    if kind == "rect":
        x, y = _number(element, "x"), _number(element, "y")
        box = (x, y, x + _number(element, "width", size[0]), y + _number(element, "height", size[1]))
        canvas.rounded_rectangle(
            [value * scale for value in box],
            _number(element, "rx") * scale,
            fill=_colour(element, "fill", "#000000"),
            outline=_colour(element, "stroke", "none"),
            width=_width(element, scale),
        )
    elif kind == "circle":
        x, y, radius = (_number(element, name) * scale for name in ("cx", "cy", "r"))
        fill = _colour(element, "fill", "#000000")
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    elif kind == "line":
        ends = [(_number(element, f"x{end}") * scale, _number(element, f"y{end}") * scale) for end in (1, 2)]
        _stroke(canvas, element, ends, scale)
    elif kind == "path":
        points = [(x * scale, y * scale) for x, y in _points(element.get("d", ""))]
        fill = _colour(element, "fill", "#000000")
        if fill and len(points) > 2:
            canvas.polygon(points, fill=fill)
        _stroke(canvas, element, points, scale)
    elif kind == "text" and element.text:
        font = _font(round(_number(element, "font-size", 12) * scale))
        place = (_number(element, "x") * scale, _number(element, "y") * scale)
        # the family has no bold face here: a thin stroke of the same colour makes one
        bold = 1 if element.get("font-weight") in ("600", "700", "bold") and scale > 1 else 0
        anchor = {"middle": "ms", "end": "rs"}.get(element.get("text-anchor", ""), "ls")
        fill = _colour(element, "fill", "#000000")
        canvas.text(place, element.text, font=font, fill=fill, anchor=anchor, stroke_width=bold * 0.4, stroke_fill=fill)


def _number(element: Any, name: str, whole: float = 0.0) -> float:
    """Return an attribute as a number; a percentage is of `whole`."""
    text = element.get(name)
    if text is None:
        return 0.0 if name not in ("font-size",) else whole
    return whole * float(text[:-1]) / 100 if text.endswith("%") else float(text)


def _colour(element: Any, name: str, default: str) -> tuple[int, ...] | None:
    text = element.get(name, default)
    if text == "none":
        return None
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue, round(255 * float(element.get("opacity", 1)))


def _width(element: Any, scale: float) -> int:
    return max(1, round(float(element.get("stroke-width", 1)) * scale))


def _stroke(canvas: Any, element: Any, points: Sequence[Point], scale: float) -> None:
    colour = _colour(element, "stroke", "none")
    if colour is None or len(points) < 2:
        return
    dash = [float(part) * scale for part in re.findall(r"[\d.]+", element.get("stroke-dasharray", ""))]
    for piece in _dashes(points, dash) if len(dash) > 1 else [points]:
        canvas.line(list(piece), fill=colour, width=_width(element, scale))


def _dashes(points: Sequence[Point], dash: Sequence[float]) -> Iterator[list[Point]]:
    """Yield the pieces of a line that are drawn."""
    place, left, piece = 0, dash[0], [points[0]]
    for start, end in pairwise(points):
        length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
        gone = 0.0
        while length - gone > left:
            gone += left
            cut = (start[0] + (end[0] - start[0]) * gone / length, start[1] + (end[1] - start[1]) * gone / length)
            if place % 2 == 0:
                yield [*piece, cut]
            piece, place = [cut], place + 1
            left = dash[place % len(dash)]
        left -= length - gone
        piece.append(end)
    if place % 2 == 0 and len(piece) > 1:
        yield piece


def _points(path: str) -> list[Point]:
    """Return the corners of a path, curves cut into short lines."""
    points: list[Point] = []
    here = first = (0.0, 0.0)
    for command, rest in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        numbers = [float(part) for part in re.findall(r"-?\d*\.?\d+", rest)]
        base = here if command.islower() else (0.0, 0.0)
        kind = command.upper()
        if kind == "Z":
            here = first
        elif kind == "H":
            here = (numbers[0] + base[0], here[1])
        elif kind == "V":
            here = (here[0], numbers[0] + base[1])
        else:
            corners = [(x + base[0], y + base[1]) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
            if kind in ("C", "Q"):
                points += _curve(here, corners)
            here = corners[-1]
            if kind == "M":
                first = here
        points.append(here)
    return points


def _curve(start: Point, corners: Sequence[Point]) -> list[Point]:
    """Return points on a Bezier curve of second or third degree."""
    steps = 24
    found = []
    for step in range(1, steps):
        level = [start, *corners]
        share = step / steps
        while len(level) > 1:
            level = [
                (one[0] + (two[0] - one[0]) * share, one[1] + (two[1] - one[1]) * share) for one, two in pairwise(level)
            ]
        found.append(level[0])
    return found


@lru_cache(maxsize=64)
def _font(size: int) -> Any:
    found = _font_file()
    if found is None:
        return ImageFont.load_default(max(6, size))
    return ImageFont.truetype(str(found), max(6, size), index=_SIMPLIFIED.get(found.name, 0))


@lru_cache(maxsize=1)
def _font_file() -> Path | None:
    """Return the first of the usual fonts with Chinese characters that this machine has."""
    files: dict[str, Path] = {}
    for folder in map(Path, _FONT_FOLDERS):
        if folder.is_dir():
            files |= {path.name: path for path in sorted(folder.rglob("*.[ot]t[cf]"))}
    return next((files[name] for name in _FONT_FILES if name in files), None)
