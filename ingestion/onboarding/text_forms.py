"""Finds the form of plain text: labelled blocks, delimited lines, or columns of fixed width in bytes."""

import csv
import re
from collections import Counter

from ingestion.mapping import FixedField, Layout
from ingestion.onboarding.headers import find_header
from ingestion.onboarding.sniffing import Sniffed

_DELIMITERS = (
    "|",
    "\t",
    ",",
    "^",
    ";",
    "~",
    "$",
    "!",
    "#",
    "@",
    "&",
    "\x01",
    "\x1f",
    "\x1e",
    "，",
    "；",
    "¦",
    "§",
    "\xa6",
)
_MOST_LINES = 2_000
_SEPARATOR = re.compile(r"\s*([=\-*#_~+])\1{3,}.*")
_LABEL = re.compile(r"\s*(?:【([^】\s]{1,20})】|\[([^\]\s]{1,20})\]|([^\s：:|,]{1,20})\s*[：:])")
_DAY = re.compile(rb"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_INSTANT = re.compile(_DAY.pattern + rb"(?:[01]\d|2[0-3])[0-5]\d[0-5]\d")
_CITIZEN = re.compile(rb"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx]")
_FOOTER = re.compile(
    r"\s*\"?(合计|总计|共计|小计|共\s*\d+\s*[条行笔]|记录数|总数|total|count|-{3,}|\(\d+ rows?|导出完毕|end of)",
    re.IGNORECASE,
)


def sniff_text(head: bytes, text: str, encoding: str) -> Sniffed | None:
    """Return the form of text that is no markup, None when none fits."""
    lines = [line for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip()][:_MOST_LINES]
    return _sniff_blocks(lines) or _sniff_delimited(lines) or _sniff_fixed_width(head, lines, encoding)


def _sniff_blocks(lines: list[str]) -> Sniffed | None:
    """Blocks between lines of one sign, each with labels; or labels that come again and again."""
    separators = Counter(match[1] * 4 for line in lines if (match := _SEPARATOR.fullmatch(line)))
    labels: Counter[str] = Counter()
    for line in lines:
        match = _LABEL.match(line)
        if match:
            labels[match[1] or match[2] or match[3]] += 1
    repeated = [label for label, number in labels.items() if number >= 2 or (len(labels) >= 5 and not separators)]
    if len(repeated) < 3 or sum(labels[label] for label in repeated) < 0.3 * len(lines):
        return None
    if not separators:
        return None
    separator, number = separators.most_common(1)[0]
    blocks = max(1, number - 1)
    usual = tuple(label for label in labels if labels[label] >= max(1, 0.2 * blocks))
    return Sniffed(
        layout=Layout(format="text_blocks", record_separator=separator),
        labels=usual,
        reasons=(f"{blocks} blocks between lines of {separator}", f"{len(usual)} labels"),
    )


def _sniff_delimited(lines: list[str]) -> Sniffed | None:
    best: tuple[float, str, int, bool] | None = None
    for delimiter in _DELIMITERS:
        quoted = _is_quoted(lines, delimiter)
        counts = Counter(len(record) - 1 for record in _records(lines, delimiter, quoted))
        total = sum(counts.values())
        if sum(number for count, number in counts.items() if count) < 0.5 * total:
            continue
        width, number = max(
            ((count, number) for count, number in counts.items() if count), key=lambda item: (item[1], item[0])
        )
        # a comma or a space within text says little, a rare sign much
        score = number / total + min(width, 10) / 100 - (0.05 if delimiter in ",;，；" else 0.0)
        if best is None or score > best[0]:
            best = (score, delimiter, width, quoted)
    if best is None or best[0] < 0.5:
        return None
    _, delimiter, width, quoted = best
    if _is_doubled(lines, delimiter):
        delimiter, width = delimiter * 2, width // 2
    title_rows, has_header = find_header(_records(lines[:300], delimiter, quoted)[:60])
    has_quotes = quoted or (delimiter == "," and not any('"' in line for line in lines))
    layout = Layout(
        format="delimited",
        delimiter=delimiter,
        quoted=has_quotes,
        title_rows=title_rows,
        header=() if has_header else tuple(f"F{number}" for number in range(1, width + 2)),
        footer=_footers(lines),
    )
    reasons = [f"{width + 1} fields in most lines", "fields in quotes" if quoted else "no quotes around fields"]
    if not has_header:
        reasons.append("no line of column names; F1, F2 … stand for them")
    return Sniffed(layout=layout, reasons=tuple(reasons))


def _records(lines: list[str], delimiter: str, quoted: bool) -> list[list[str]]:
    """Return the fields of each record; within quotes a record goes on over the end of a line."""
    if quoted and len(delimiter) == 1:
        try:
            return [record for record in csv.reader((line + "\n" for line in lines), delimiter=delimiter) if record]
        except csv.Error:
            pass
    return [line.split(delimiter) for line in lines]


def _is_doubled(lines: list[str], delimiter: str) -> bool:
    with_it = [line for line in lines[:200] if delimiter in line]
    return bool(with_it) and all(line.count(delimiter) == 2 * line.count(delimiter * 2) for line in with_it[:50])


def _is_quoted(lines: list[str], delimiter: str) -> bool:
    """Quotes open right after a delimiter and close right before one; a quote of inches does neither."""
    opening = re.compile(rf'(?:^|{re.escape(delimiter)})"')
    closing = re.compile(rf'"(?:{re.escape(delimiter)}|$)')
    opened = sum(len(opening.findall(line)) for line in lines)
    closed = sum(len(closing.findall(line)) for line in lines)
    return opened > 0 and closed > 0 and opened + closed >= 0.8 * sum(line.count('"') for line in lines)


def _footers(lines: list[str]) -> tuple[str, ...]:
    usual = Layout.model_fields["footer"].default
    found = {match[1] for line in lines[-5:] if (match := _FOOTER.match(line))}
    extra = sorted(
        word[:1] if word.startswith("共") and word != "共计" else word for word in found if word not in usual
    )
    return (*usual, *extra)


def _sniff_fixed_width(head: bytes, lines: list[str], encoding: str) -> Sniffed | None:
    """Cut lines of one length in bytes where the same columns begin in nearly all of them."""
    if encoding.startswith(("utf-16", "utf-32")):
        return None
    raw = [line.rstrip(b"\r") for line in head.split(b"\n") if line.strip()][:_MOST_LINES]
    raw = raw[:-1] if len(raw) > 3 and not head.endswith(b"\n") else raw
    lengths = Counter(len(line) for line in raw)
    longest, number = lengths.most_common(1)[0]
    if longest < 8 or number < 0.5 * len(raw) or len(raw) < 2:
        if max(lengths) < 8 or len(raw) < 3:
            return None
        longest = max(lengths)
    rows = [line.ljust(longest) for line in raw if not _FOOTER.match(line.decode(encoding, "replace"))]
    starts = _field_starts([_classes(line, encoding) for line in rows if len(line) == longest], longest)
    if len(starts) < 3:
        return None
    starts = _split_at_dates(rows, starts, longest)
    ends = [*starts[1:], longest]
    cells = [
        [line[start:end].decode(encoding, "replace") for start, end in zip(starts, ends, strict=True)]
        for line in rows[:60]
    ]
    _, has_header = find_header(cells)
    names = [cell.strip() for cell in cells[0]] if has_header else []
    widths = tuple(
        FixedField(name=names[i] if has_header and names[i] else f"F{i + 1}", width=end - start)
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    return Sniffed(
        layout=Layout(format="fixed_width", widths=widths, title_rows=1 if has_header else 0),
        reasons=(f"lines of {longest} bytes", f"{len(widths)} fields, widths in bytes of {encoding}"),
        doubts=("widths are guessed from where values begin: compare them with the hospital's description",),
    )


def _classes(line: bytes, encoding: str) -> str:
    """Return one letter a byte: space, digit, letter, Chinese, other."""
    classes = []
    for character in line.decode(encoding, "replace"):
        size = len(character.encode(encoding, "replace"))
        kind = _class_of(character)
        classes.append(kind * size)
    return "".join(classes).ljust(len(line))


def _class_of(character: str) -> str:
    if character.isspace():
        return " "
    if character.isdigit():
        return "9"
    if not character.isascii():
        return "h"
    return "a" if character.isalpha() else "."


def _field_starts(classes: list[str], length: int) -> list[int]:
    """A field starts after a column of blanks, or where the sort of character changes in nearly all lines."""
    if not classes:
        return []
    total = len(classes)
    columns = [Counter(line[place] for line in classes) for place in range(length)]
    starts = [0]
    for place in range(1, length):
        before, here = columns[place - 1], columns[place]
        blank_before = before[" "] >= 0.95 * total
        if blank_before and here[" "] < 0.95 * total:
            starts.append(place)
            continue
        changes = sum(
            1
            for line in classes
            if line[place - 1] != line[place] and line[place] != " " and "." not in line[place - 1 : place + 1]
        )
        # Chinese right after a full field of digits is a new field; digits after Chinese are the number of a house
        pairs = {(line[place - 1], line[place]) for line in classes if line[place] != " "}
        if changes >= 0.95 * total and pairs <= {("9", "h")} and place - starts[-1] >= 4:
            starts.append(place)
    return starts


def _split_at_dates(rows: list[bytes], starts: list[int], length: int) -> list[int]:
    """Part fields that stand side by side without a blank where a day or an instant begins or ends."""
    borders = set(starts)
    for start, end in zip(starts, [*starts[1:], length], strict=True):
        place = start
        while place + 8 <= end:
            if _is_filled_with(rows, place, 18, end, _CITIZEN):
                borders |= {place, place + 18} - {end, length}
                place += 18
                continue
            size = next(
                (len_ for len_, form in ((14, _INSTANT), (8, _DAY)) if _is_filled_with(rows, place, len_, end, form)), 0
            )
            if size:
                borders |= {place, place + size} - {end, length}
            place += size or 1
    kept = sorted(borders)
    for start, end in zip(kept[1:], [*kept[2:], length], strict=True):
        # what a date or number leaves of its field is blank, but where one was written longer
        if start not in starts and sum(bool(row[start:end].strip()) for row in rows) <= 0.1 * len(rows):
            borders.discard(start)
    return sorted(borders)


def _is_filled_with(rows: list[bytes], place: int, size: int, end: int, pattern: re.Pattern[bytes]) -> bool:
    if place + size > end:
        return False
    cells = [row[place : place + size].strip() for row in rows]
    filled = [cell for cell in cells if cell]
    return len(filled) >= max(2, 0.3 * len(cells)) and sum(
        bool(pattern.fullmatch(cell)) for cell in filled
    ) >= 0.85 * len(filled)
