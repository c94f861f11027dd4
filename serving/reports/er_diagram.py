"""Draws the tables of a database with their relations as SVG: declared ones solid, implied ones dashed.

Tables that hang together stand in one group; in a group the tables that others point to stand left, and each column of
boxes is ordered so that lines run short. The same tables give the same bytes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from serving.reports.document import legible

_FONT = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei','PingFang SC','WenQuanYi Micro Hei',sans-serif"
_ROW, _HEAD, _GAP_X, _GAP_Y, _MARGIN = 16, 38, 90, 20, 24
_NARROW, _WIDE = 130, 270
_MOST_ROWS = 9
_MOST_BOXES = 14
"""Boxes above each other before a column is split."""
_PALETTE = ("#2f6fab", "#2c7a4b", "#8a5a00", "#7a3e9d", "#a23b52", "#33727a", "#5c5f8f", "#6b6b1f")
_DECLARED, _IMPLIED, _BROKEN = "#1d4f82", "#b0791a", "#b3261e"

Key = tuple[str, str]


@dataclass(kw_only=True)
class _Box:
    key: Key
    title: str
    comment: str
    rows: list[tuple[str, str]]
    """Mark (PK, FK) and column."""
    footer: str
    colour: str
    is_empty: bool
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0

    @property
    def height(self) -> float:
        return _HEAD + _ROW * (len(self.rows) + 1) + 4

    def row_y(self, column: str) -> float:
        """Return the height of the middle of a column's line, of the head when it is not shown."""
        for place, (_, name) in enumerate(self.rows):
            if name == column:
                return self.y + _HEAD + _ROW * place + _ROW / 2 + 2
        return self.y + _HEAD / 2


@dataclass(kw_only=True)
class _Line:
    child: Key
    column: str
    parent: Key
    parent_column: str
    is_declared: bool
    orphans: int
    confidence: str


@dataclass(kw_only=True)
class _Group:
    boxes: list[_Box]
    width: float = 0.0
    height: float = 0.0
    lines: list[_Line] = field(default_factory=list)


def draw_er_diagram(content: dict[str, Any]) -> str:
    """Return the diagram of an assessment as the text of an SVG file."""
    lines = _lines(content)
    boxes = _boxes(content, lines)
    lines = [line for line in lines if line.child in boxes and line.parent in boxes]
    groups = _groups(boxes, lines)
    for group in groups:
        _lay_out(group)
    single = _single_tables(boxes, lines)
    width = max([group.width for group in groups] + [900.0])
    top = _shelve(groups, width, 64.0)
    shelf = top
    if single:
        top = _lay_out_grid(single, width, top + 24)
    body = [part for group in groups for line in group.lines for part in _draw_line(line, boxes)]
    body += [_draw_box(box) for box in (*(box for group in groups for box in group.boxes), *single)]
    if single:
        body.append(_text(_MARGIN, shelf + 10, "无关系的表 tables without relations", 13, "#5c6b7a", bold=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 2 * _MARGIN:.0f}" height="{top + _MARGIN:.0f}" '
        f'viewBox="0 0 {width + 2 * _MARGIN:.0f} {top + _MARGIN:.0f}" font-family="{_FONT}">\n'
        '<rect width="100%" height="100%" fill="#ffffff"/>\n' + _legend() + "\n".join(body) + "\n</svg>\n"
    )


def _lines(content: dict[str, Any]) -> list[_Line]:
    lines = []
    for kind in ("declared", "implied"):
        for relation in content["relations"][kind]:
            lines.append(
                _Line(
                    child=(relation["schema"], relation["table"]),
                    column=relation["columns"][0],
                    parent=(relation["referenced_schema"], relation["referenced_table"]),
                    parent_column=(list(relation["referenced_columns"]) or [""])[0],
                    is_declared=kind == "declared",
                    orphans=relation["orphans"],
                    confidence=relation.get("confidence", ""),
                )
            )
    return lines


def _boxes(content: dict[str, Any], lines: Sequence[_Line]) -> dict[Key, _Box]:
    tables = [table for table in content["objects"]["tables"] if not table["partition_of"]]
    schemas = sorted({table["schema"] for table in tables})
    modules = sorted({_module(table, schemas) for table in tables})
    boxes = {}
    for table in tables:
        key = (table["schema"], table["name"])
        pointing = {line.column for line in lines if line.child == key}
        pointed = {line.parent_column for line in lines if line.parent == key}
        primary = set(table["primary_key"])
        names = [column["name"] for column in table["columns"]]
        shown = [name for name in names if name in primary]
        shown += [name for name in names if name in pointing | pointed and name not in primary]
        shown = shown[:_MOST_ROWS]
        rest = len(names) - len(shown)
        boxes[key] = _Box(
            key=key,
            title=table["name"] if len(schemas) == 1 else f"{table['schema']}.{table['name']}",
            comment=table["comment"],
            rows=[(("PK" if name in primary else "") + ("FK" if name in pointing else ""), name) for name in shown],
            footer=f"+{rest} 列 · {table['rows']:,} 行",
            colour=_PALETTE[modules.index(_module(table, schemas)) % len(_PALETTE)],
            is_empty=not table["rows"],
        )
        box = boxes[key]
        texts = [1.2 * _length(box.title), 0.92 * _length(box.comment), _length(box.footer)]
        texts += [_length(name) + 5 for _, name in box.rows]
        box.width = min(_WIDE, max(_NARROW, 6.6 * max(texts) + 18))
    return boxes


def _module(table: dict[str, Any], schemas: Sequence[str]) -> str:
    """Return what colours a box: the schema where there are several, else the first word of the name."""
    return str(table["schema"]) if len(schemas) > 1 else str(table["name"]).lower().split("_")[0]


def _length(text: str) -> float:
    return sum(1.75 if character > "⺀" else 1 for character in text)


def _groups(boxes: dict[Key, _Box], lines: Sequence[_Line]) -> list[_Group]:
    """Return the tables that hang together, the largest group first."""
    near: dict[Key, set[Key]] = defaultdict(set)
    for line in lines:
        near[line.child].add(line.parent)
        near[line.parent].add(line.child)
    seen: set[Key] = set()
    groups = []
    for start in sorted(near):
        if start in seen:
            continue
        members, waiting = {start}, [start]
        while waiting:
            for other in near[waiting.pop()] - members:
                members.add(other)
                waiting.append(other)
        seen |= members
        groups.append(
            _Group(
                boxes=[boxes[key] for key in sorted(members)], lines=[line for line in lines if line.child in members]
            )
        )
    return sorted(groups, key=lambda group: (-len(group.boxes), group.boxes[0].key))


def _single_tables(boxes: dict[Key, _Box], lines: Sequence[_Line]) -> list[_Box]:
    related = {line.child for line in lines} | {line.parent for line in lines}
    return [box for key, box in sorted(boxes.items()) if key not in related]


def _lay_out(group: _Group) -> None:
    """Place the boxes of a group, its upper left corner at 0, 0."""
    ranks = _ranks(group)
    columns: dict[int, list[_Box]] = defaultdict(list)
    for box in group.boxes:
        columns[ranks[box.key]].append(box)
    ordered = [columns[rank] for rank in sorted(columns)]
    _order(ordered, group.lines)
    split = [part for column in ordered for part in _split(column)]
    heights = [sum(box.height + _GAP_Y for box in column) - _GAP_Y for column in split]
    group.height = max(heights)
    left = 0.0
    for column, height in zip(split, heights, strict=True):
        top = (group.height - height) / 2
        for box in column:
            box.x, box.y = left, top
            top += box.height + _GAP_Y
        left += max(box.width for box in column) + _GAP_X
    group.width = left - _GAP_X


def _shelve(groups: Sequence[_Group], width: float, top: float) -> float:
    """Place groups beside each other as far as the width goes, and return where they end."""
    left, height = 0.0, 0.0
    for group in groups:
        if left and left + group.width > width:
            left, top, height = 0.0, top + height + 2.2 * _GAP_Y, 0.0
        _move(group.boxes, _MARGIN + left, top)
        left += group.width + _GAP_X
        height = max(height, group.height)
    return top + height + 2.2 * _GAP_Y


def _split(column: list[_Box]) -> list[list[_Box]]:
    parts = -(-len(column) // _MOST_BOXES)
    size = -(-len(column) // parts)
    return [column[start : start + size] for start in range(0, len(column), size)]


def _ranks(group: _Group) -> dict[Key, int]:
    """Return how far each table stands from those that point to nothing; a line back in a circle is left out."""
    parents: dict[Key, list[Key]] = defaultdict(list)
    for line in group.lines:
        if line.parent != line.child and line.parent not in parents[line.child]:
            parents[line.child].append(line.parent)
    ranks: dict[Key, int] = {}

    def rank(key: Key, above: frozenset[Key]) -> int:
        if key not in ranks:
            reachable = [parent for parent in sorted(parents[key]) if parent not in above]
            ranks[key] = max((rank(parent, above | {key}) + 1 for parent in reachable), default=0)
        return ranks[key]

    for box in group.boxes:
        rank(box.key, frozenset({box.key}))
    # a table that only points stands beside what it points to, one that is only pointed to beside who points
    children: dict[Key, list[Key]] = defaultdict(list)
    for child, tables in parents.items():
        for parent in tables:
            children[parent].append(child)
    for box in group.boxes:
        later = [ranks[child] for child in children[box.key] if ranks[child] > ranks[box.key]]
        if not parents[box.key] and later:
            ranks[box.key] = min(later) - 1
    return ranks


def _order(columns: list[list[_Box]], lines: Sequence[_Line]) -> None:
    """Sort each column by the mean place of the tables it is related to, back and forth."""
    near: dict[Key, list[Key]] = defaultdict(list)
    for line in lines:
        near[line.child].append(line.parent)
        near[line.parent].append(line.child)
    place = {box.key: float(number) for column in columns for number, box in enumerate(column)}
    for turn in range(8):
        for column in columns if turn % 2 else reversed(columns):
            inside = {box.key for box in column}

            def wanted(box: _Box, inside: set[Key] = inside) -> tuple[float, Key]:
                others = [place[key] for key in near[box.key] if key not in inside]
                return (sum(others) / len(others) if others else place[box.key]), box.key

            column.sort(key=wanted)
            scale = _MOST_BOXES / max(1, len(column))
            for number, box in enumerate(column):
                place[box.key] = number * scale


def _lay_out_grid(boxes: Sequence[_Box], width: float, top: float) -> float:
    """Place boxes in rows and return where they end."""
    left, height = float(_MARGIN), 0.0
    for box in boxes:
        if left + box.width > width + _MARGIN and left > _MARGIN:
            left, top, height = float(_MARGIN), top + height + _GAP_Y, 0.0
        box.x, box.y = left, top
        left += box.width + _GAP_Y
        height = max(height, box.height)
    return top + height


def _move(boxes: Iterable[_Box], x: float, y: float) -> None:
    for box in boxes:
        box.x += x
        box.y += y


def _draw_line(line: _Line, boxes: dict[Key, _Box]) -> list[str]:
    child, parent = boxes[line.child], boxes[line.parent]
    start_y, end_y = child.row_y(line.column), parent.row_y(line.parent_column)
    if child.x > parent.x + parent.width:
        start, end = child.x, parent.x + parent.width
        bend = max(30.0, (start - end) / 2)
        bends = (start - bend, end + bend)
    else:
        # beside, below or into itself: around the right side
        start, end = child.x + child.width, parent.x + parent.width
        bends = (max(start, end) + 40,) * 2
    path = f"M{start:.1f},{start_y:.1f} C{bends[0]:.1f},{start_y:.1f} {bends[1]:.1f},{end_y:.1f} {end:.1f},{end_y:.1f}"
    colour = _BROKEN if line.orphans else (_DECLARED if line.is_declared else _IMPLIED)
    dash = "" if line.is_declared else ' stroke-dasharray="5 4"'
    faint = ' opacity="0.45"' if line.confidence == "low" and not line.orphans else ""
    kind = "声明 declared" if line.is_declared else f"隐含 implied ({line.confidence})"
    ends = f"{line.child[1]}.{line.column} → {line.parent[1]}.{line.parent_column}"
    title = f"<title>{_escape(f'{ends} · {kind} · 孤儿 orphans {line.orphans:,}')}</title>"
    return [
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.3"{dash}{faint}>{title}</path>',
        f'<circle cx="{end:.1f}" cy="{end_y:.1f}" r="2.6" fill="{colour}"{faint}/>',
    ]


def _draw_box(box: _Box) -> str:
    fill = "#f4f5f7" if box.is_empty else "#ffffff"
    head = "#9aa5b1" if box.is_empty else box.colour
    parts = [
        f'<g><rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="5" '
        f'fill="{fill}" stroke="{head}" stroke-width="1.2"/>',
        f'<path d="M{box.x:.1f},{box.y + _HEAD - 2:.1f} v-{_HEAD - 7} q0,-5 5,-5 h{box.width - 10:.1f} q5,0 5,5 '
        f'v{_HEAD - 7} z" fill="{head}"/>',
        _text(box.x + 8, box.y + 16, _cut(box.title, box.width / 7.6), 12.5, "#ffffff", bold=True),
        _text(box.x + 8, box.y + 30, _cut(box.comment, box.width / 6.0), 10.5, "#ffffff"),
    ]
    for place, (mark, name) in enumerate(box.rows):
        y = box.y + _HEAD + _ROW * place + 13
        parts.append(_text(box.x + 7, y, mark, 8, "#8a97a5", bold=True))
        parts.append(_text(box.x + 34, y, _cut(name, (box.width - 38) / 6.4), 11, "#1d2733", bold="PK" in mark))
    parts.append(_text(box.x + 8, box.y + box.height - 6, box.footer, 9.5, "#5c6b7a"))
    return "\n".join(part for part in parts if part) + "</g>"


def _cut(text: str, most: float) -> str:
    """Return a text cut to a width in Latin letters."""
    if _length(text) <= most:
        return text
    while text and _length(text) > most - 1:
        text = text[:-1]
    return text + "…"


def _text(x: float, y: float, text: str, size: float, colour: str, *, bold: bool = False) -> str:
    if not text:
        return ""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}"{weight}>{_escape(text)}</text>'


def _escape(text: str) -> str:
    return escape(legible(text))


def _legend() -> str:
    parts = []
    x = float(_MARGIN)
    for colour, dash, label in (
        (_DECLARED, "", "声明的关系 declared"),
        (_IMPLIED, ' stroke-dasharray="5 4"', "隐含的关系 implied"),
        (_BROKEN, "", "有孤儿行 with orphans"),
    ):
        parts.append(f'<line x1="{x}" y1="26" x2="{x + 36}" y2="26" stroke="{colour}" stroke-width="1.8"{dash}/>')
        parts.append(_text(x + 44, 30, label, 12, "#1d2733"))
        x += 210
    parts.append(_text(x, 30, "灰色为空表 grey: empty table", 12, "#5c6b7a"))
    return "\n".join(parts) + "\n"
