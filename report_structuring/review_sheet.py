"""Reviews on a sheet: reports out as CSV for a spreadsheet, filled in, and back as corrections.

A report is a line R, then a line for each mention (E1 …) and measurement (M1 …). The reviewer edits cells, writes
`remove` into the column action, adds lines without an item, or confirms a report with `ok`; a report on which nothing
was done is not reviewed. One wrong line keeps the whole file out.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.errors import CheckFailedError, SourceUnreachableError, UsageError
from lakehouse.formats.encoding import decode
from lakehouse.lake import Connection
from report_structuring.review_document import (
    ENTITY_FIELDS,
    MEASUREMENT_FIELDS,
    Correction,
    Document,
    correct,
    load_documents,
)

HEADERS = {
    "review_id": "复核号",
    "item": "条目",
    "action": "操作",
    "code": "发现代码",
    "assertion": "断言",
    "certainty": "确定程度",
    "laterality": "侧别",
    "locations": "部位",
    "change": "变化",
    "kind": "测量种类",
    "dims": "数值",
    "unit": "单位",
    "op": "比较符",
    "time": "时间",
    "entity": "所测发现",
    "mention": "原文片段",
    "start": "起始位置",
    "end": "结束位置",
    "section": "段落",
    "context": "上下文",
    "reasons": "复核原因",
}
"""Column to what stands beside it in the first line; a line is read by the first word."""
_ACTIONS = {
    **dict.fromkeys(("ok", "confirm", "确认", "无误"), "ok"),
    **dict.fromkeys(("change", "修改"), "change"),
    **dict.fromkeys(("remove", "delete", "删除"), "remove"),
    **dict.fromkeys(("add", "新增", "添加"), "add"),
}
_CELLS = {"finding_code": "code", "entity_no": "entity"}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t")
_NO_TEXT = ("mention", "context")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A filled sheet: reviewed reports before and after, and how many were left alone."""

    reviews: tuple[tuple[Document, Document], ...]
    untouched: int


def write_sheet(
    documents: Sequence[Document], path: Path, *, with_text: bool, reasons: Mapping[str, Sequence[str]]
) -> None:
    """Write reports as CSV that spreadsheets open in Chinese, readable by its owner alone."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([f"{name} {label}" for name, label in HEADERS.items()])
        for document in documents:
            for row in _lines(document, reasons.get(document.review_id, ())):
                if not with_text:
                    row |= dict.fromkeys(_NO_TEXT, "")
                writer.writerow([_guarded(str(row.get(name, ""))) for name in HEADERS])


def read_sheet(connection: Connection, path: Path) -> Sheet:
    """Read a filled sheet and apply it to the readings that stand.

    Raises SourceUnreachableError when the file cannot be read, CheckFailedError that names every wrong line.
    """
    lines = _read_lines(path)
    documents = load_documents(connection, sorted({cells["review_id"] for _, cells in lines}))
    problems: list[str] = []
    corrections: dict[str, list[tuple[int, Correction]]] = {}
    confirmed: set[str] = set()
    for number, cells in lines:
        document = documents.get(cells["review_id"])
        action = _ACTIONS.get(cells["action"].lower(), "") if cells["action"] else None
        if document is None:
            problems.append(f"{path.name}:{number}: review_id is not known: keep the numbers of the export")
        elif action == "":
            problems.append(f"{path.name}:{number}: action is none of ok, change, remove, add: correct or empty it")
        elif action == "ok":
            confirmed.add(document.review_id)
        elif cells["item"] != "R":
            try:
                correction = _correction(document, cells, action)
            except UsageError as error:
                problems.append(f"{path.name}:{number}: {error}")
                continue
            if correction is not None:
                corrections.setdefault(document.review_id, []).append((number, correction))
    reviews = []
    for name in sorted(confirmed | corrections.keys()):
        found = corrections.get(name, [])
        try:
            reviews.append((documents[name], correct(documents[name], [correction for _, correction in found])))
        except UsageError as error:
            named = [line for line, one in found if one.item and str(error).startswith(f"{one.item}:")]
            problems.append(f"{path.name}:{[*named, *(line for line, _ in found), 1][0]}: {error}")
    if problems:
        raise CheckFailedError("nothing was stored; " + "; ".join(problems[:20]))
    return Sheet(reviews=tuple(reviews), untouched=len(documents) - len(reviews))


def parse_dims(written: str) -> list[dict[str, float]]:
    """Read axes such as 12×8 or 3~6; raises UsageError for anything else."""
    axes = []
    try:
        for axis in written.replace("*", "×").replace("x", "×").replace("X", "×").split("×"):
            ends = [float(end) for end in axis.replace("～", "~").split("~")]
            low, high = ends if len(ends) == 2 else (ends * 2)[:2]
            axes.append({"lo": low, "hi": high})
    except ValueError as error:
        raise UsageError("dims are numbers such as 12×8, and 3~6 for a range: correct them") from error
    return axes


def write_dims(dims: Sequence[Mapping[str, float]] | None) -> str:
    """Write axes as `parse_dims` reads them; a hyphen would become a date in a spreadsheet."""
    return "×".join(
        f"{axis['lo']:g}" if axis["lo"] == axis["hi"] else f"{axis['lo']:g}~{axis['hi']:g}" for axis in dims or ()
    )


def _lines(document: Document, reasons: Sequence[str]) -> list[dict[str, Any]]:
    head = {"item": "R", "reasons": " ".join(reasons), "context": document.text}
    entities = [
        {
            "item": f"E{row['entity_no']}",
            **_cells(row, ENTITY_FIELDS),
            "mention": row["mention"],
            "start": row["start_offset"],
            "end": row["end_offset"],
            "section": row["section"] or "",
            "context": row["sentence"],
        }
        for row in document.entities
    ]
    measurements = [
        {
            "item": f"M{row['measurement_no']}",
            **_cells(row, MEASUREMENT_FIELDS),
            "mention": row["measured_text"],
            "start": row["start_offset"],
            "end": row["end_offset"],
        }
        for row in document.measurements
    ]
    return [{"review_id": document.review_id} | row for row in (head, *entities, *measurements)]


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    return {_CELLS.get(name, name): _cell(name, row[name]) for name in names}


def _cell(name: str, value: Any) -> str:
    if name == "dims":
        return write_dims(value)
    if name == "entity_no":
        return "" if value is None else f"E{value}"
    return "" if value is None else str(value)


def _value(name: str, cell: str) -> Any:
    if not cell:
        return None
    if name == "dims":
        return parse_dims(cell)
    if name == "entity_no":
        if not cell.upper().startswith("E") or not cell[1:].isdigit():
            raise UsageError("entity is the item of a mention such as E3: correct or empty it")
        return int(cell[1:])
    return cell


def _correction(document: Document, cells: Mapping[str, str], action: str | None) -> Correction | None:
    item = cells["item"].upper()
    if action == "remove":
        return Correction(item=item, action="remove")
    if action == "add" or not item:
        names = ENTITY_FIELDS if cells["code"] else MEASUREMENT_FIELDS
        values = {name: _value(name, cells[_CELLS.get(name, name)]) for name in names}
        values = {name: value for name, value in values.items() if value is not None}
        span: dict[str, Any] = {"mention": cells["mention"] or None}
        for name in ("start", "end"):
            if cells[name] and not cells[name].isdigit():
                raise UsageError(f"{name} is no whole number: count characters from 0")
            span[name] = int(cells[name]) if cells[name] else None
        return Correction(item=None, action="add", values=values | span)
    stored = _stored(document, item)
    names = ENTITY_FIELDS if item.startswith("E") else MEASUREMENT_FIELDS
    changed = {
        name: _value(name, cells[_CELLS.get(name, name)])
        for name in names
        if cells[_CELLS.get(name, name)] != _cell(name, stored[name])
    }
    return Correction(item=item, action="change", values=changed) if changed else None


def _stored(document: Document, item: str) -> Mapping[str, Any]:
    rows, column = (
        (document.entities, "entity_no") if item.startswith("E") else (document.measurements, "measurement_no")
    )
    found = next((row for row in rows if f"{item[:1]}{row[column]}" == item), None)
    if found is None:
        raise UsageError("the report has no such item any more: export it again")
    return found


def _read_lines(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise SourceUnreachableError(f"{path} cannot be read ({type(error).__name__}): check the path") from error
    text = text.removeprefix("\ufeff")
    # spreadsheets of some languages part cells by tabs or semicolons
    first = text.partition("\n")[0]
    separator = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names = [(name.split() or [""])[0] for name in next(reader, [])]
    missing = [name for name in HEADERS if name not in (*names, *_NO_TEXT, "section", "reasons")]
    if missing:
        raise CheckFailedError(f"{path.name}: lacks the columns {', '.join(missing)}: fill what `review export` wrote")
    lines = []
    for cells in reader:
        found = dict.fromkeys(HEADERS, "") | {
            name: cell.strip().removeprefix("'") for name, cell in zip(names, cells, strict=False) if name in HEADERS
        }
        if any(found.values()):
            lines.append((reader.line_num, found))
    return lines


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
