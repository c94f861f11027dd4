"""Reads records written as labelled text blocks, as pathology systems print them.

    ====
    病理号：B2024-000001   送检科室：妇科
    【镜下所见】several lines
    belong to the label above

A label is known when the mapping accepts it; it stands at the start of a line, or behind blanks or a separator in a
line that begins with a label, and ends with a colon or stands in brackets. A label nobody mapped that stands at the
start of a line in most blocks ends the value above and is a column of its own. Any other line continues the value.
Where the told separator never occurs, lines of another repeated sign separate the blocks; where there is none, a block
begins with the label that began the first one.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading, Rejected
from ingestion.readers.closing import is_closing, told_count
from ingestion.readers.pieces import read_pieces, settle_encoding

_RULE = re.compile(r"^\s*([=\-*#_~—－＝☆★+])\1{3,}\s*$")
_UNKNOWN = re.compile(
    r"^\s*[【\[]?\s*(?P<name>[\u4e00-\u9fffA-Za-z][\u4e00-\u9fffA-Za-z ]{1,11}?)\s*(?:[】\]]\s*[:：]?|[:：])"
)
_JUDGED_BLOCKS = 200
_MAXIMUM_BLOCK_LINES = 20_000


@dataclass(slots=True)
class _Block:
    start: int
    lines: list[str] = field(default_factory=list)


def read_text_blocks(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the records of a file of text blocks in batches; the number of a record is that of its first line."""
    encoding = settle_encoding(path, mapping.reader.encoding, reading)
    reader = _Reader(mapping, reading)
    rejected: list[Rejected] = []
    pieces = read_pieces(path, encoding, reading)
    try:
        for piece in pieces:
            rejected += piece.rejected
            lines = piece.data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
            ends_whole = not lines[-1]
            if ends_whole:
                lines.pop()
            yield from reader.read(lines, piece.first_line, rejected)
            rejected = []
            if piece.is_last:
                yield from reader.finish(ends_whole=ends_whole)
    finally:
        pieces.close()


class _Reader:
    """Gathers the lines of one file into blocks, and the blocks into rows."""

    def __init__(self, mapping: FileMapping, reading: Reading) -> None:
        self._mapping = mapping
        self._reading = reading
        self._labels = _Labels(mapping)
        self._separator: re.Pattern[str] | None = None
        self._opening: str | None = None
        self._waiting: list[_Block] = []
        self._block = _Block(start=1)
        self._first: list[str] = []
        self._header: tuple[str, ...] | None = None
        self._present: Counter[str] = Counter()
        self._records = 0
        self._told: int | None = None

    def read(self, lines: list[str], first_line: int, rejected: list[Rejected]) -> Batches:
        """Yield the records of the blocks that end in these lines."""
        if self._separator is None:
            self._separator = _separator(lines, self._mapping.reader.record_separator)
            if self._separator is None:
                self._opening = self._labels.first_of(lines)
        for number, line in enumerate(lines, start=first_line):
            if self._separator is not None and self._separator.match(line):
                self._end_block(number + 1)
            elif (self._opening is not None and self._labels.starts_with(line, self._opening)) or (
                len(self._block.lines) >= _MAXIMUM_BLOCK_LINES
            ):
                self._end_block(number)
                self._block.lines.append(line)
            else:
                self._block.lines.append(line)
        if rejected or len(self._waiting) >= BATCH_ROWS:
            self._records += len(rejected)
            yield self._batch(rejected)

    def finish(self, *, ends_whole: bool) -> Batches:
        """Yield what is left, and judge whether the file was cut off."""
        last_is_open = bool([line for line in self._block.lines if line.strip()])
        self._end_block(0)
        last = self._waiting[-1] if self._waiting and last_is_open and not ends_whole else None
        yield self._batch([])
        if last is not None and self._records > 3:
            values = self._labels.values_of(last.lines, self._reading, 0)
            usual = {name for name, count in self._present.items() if count >= self._records - 2}
            if values and usual - set(values):
                self._hold()
        if self._told is not None and self._told > self._records + 1:
            self._hold()
        elif self._told is not None and self._told < self._records:
            self._reading.find("row_count_mismatch")

    def _hold(self) -> None:
        if self._reading.held is None:
            self._reading.held = "truncated_file"
            self._reading.find("truncated_file")

    def _end_block(self, next_start: int) -> None:
        if any(line.strip() for line in self._block.lines):
            self._waiting.append(self._block)
        self._block = _Block(start=next_start)

    def _batch(self, rejected: list[Rejected]) -> Batch:
        """Return the records of the waiting blocks."""
        if self._header is None:
            self._labels.learn([block.lines for block in self._waiting[:_JUDGED_BLOCKS]])
            self._header = self._labels.header
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        refused = list(rejected)
        for block in self._waiting:
            for start, lines in self._labels.split(block.start, block.lines):
                values = self._labels.values_of(lines, self._reading, start)
                if any(value.strip() for value in values.values()):
                    self._present.update(values.keys())
                    rows.append([values.get(name) for name in self._header])
                    numbers.append(start)
                elif values:
                    self._reading.drop("blank_row", start)
                else:
                    self._account(start, lines, refused)
        self._records += len(rows) + len(refused) - len(rejected)
        self._waiting = []
        return Batch(header=self._header, rows=rows, row_numbers=numbers, rejected=refused)

    def _account(self, start: int, lines: list[str], refused: list[Rejected]) -> None:
        """Account for a block without any known label: a title, a closing line, or what nobody can read."""
        filled = [line for line in lines if line.strip()]
        told = next((count for count in (told_count([line]) for line in filled) if count is not None), None)
        if all(is_closing([line], self._mapping.reader.footer, is_whole=False) for line in filled):
            self._reading.drop("footer_row" if self._records or start > 1 else "title_row", start)
            self._told = told if told is not None else self._told
        elif start == 1 and len(filled) <= 5:
            self._reading.drop("title_row", start)
        else:
            refused.append(Rejected(row_no=start, reason="no_known_label", raw_text="\n".join(lines)))


def _separator(lines: list[str], told: str) -> re.Pattern[str] | None:
    """Return the pattern of the lines between blocks: as told, or the repeated sign most lines of one sign have."""
    if told and any(line.strip().startswith(told) for line in lines):
        return re.compile(r"\s*" + re.escape(told))
    signs = Counter(found[1] for found in map(_RULE.match, lines) if found)
    if not signs:
        return None
    return re.compile(rf"\s*{re.escape(signs.most_common(1)[0][0])}{{4,}}\s*$")


class _Labels:
    """Knows the labels of one file."""

    def __init__(self, mapping: FileMapping) -> None:
        self._known = mapping.accepted_headers()
        # several labels may fill one column: each goes by the first of them
        first_of: dict[str, str] = {}
        self._label_of = {name: first_of.setdefault(column, name) for name, column in self._known.items()}
        names = sorted(set(mapping.source_names()), key=lambda name: (-len(name), name))
        spelled = "|".join(r"[ \u3000]*".join(map(re.escape, name.strip())) for name in names) or r"(?!)"
        label = rf"(?:[【\[〔<]\s*(?P<boxed>{spelled})\s*[】\]〕>]\s*[:：]?|(?P<plain>{spelled})\s*[:：])"
        self._at_start = re.compile(rf"\s*(?:\d{{1,2}}[.、．]\s*)?{label}", re.IGNORECASE)
        self._within = re.compile(rf"(?:(?<=[\s,，;；、|])|(?<=[】\]])){label}", re.IGNORECASE)
        self._unmapped: frozenset[str] = frozenset()
        self._opening: str | None = None
        self.header: tuple[str, ...] = tuple(dict.fromkeys(self._label_of.values()))

    def first_of(self, lines: list[str]) -> str | None:
        """Return the label that begins the first block."""
        for line in lines:
            found = self._at_start.match(line)
            if found:
                return self._name(found)
        return None

    def starts_with(self, line: str, name: str) -> bool:
        """Return whether a line begins with a label of one column."""
        found = self._at_start.match(line)
        return found is not None and self._name(found) == name

    def _name(self, found: re.Match[str]) -> str:
        return self._label_of[normalise_header(found["boxed"] or found["plain"])]

    def learn(self, blocks: list[list[str]]) -> None:
        """Learn from the first blocks which labels that nobody mapped are labels all the same."""
        seen: Counter[str] = Counter()
        first: Counter[str] = Counter()
        for lines in blocks:
            names = {normalise_header(found["name"]) for found in map(_UNKNOWN.match, lines) if found}
            seen.update(name for name in names if name not in self._known)
            opening = self.first_of(lines)
            if opening is not None:
                first[opening] += 1
        self._unmapped = frozenset(name for name, count in seen.items() if count >= 3 and 2 * count > len(blocks))
        self.header = (*dict.fromkeys(self._label_of.values()), *sorted(self._unmapped))
        if first and first.most_common(1)[0][1] > 1:
            self._opening = first.most_common(1)[0][0]

    def split(self, start: int, lines: list[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield a block, in parts where the label that begins a record stands in it again."""
        part_start, part, is_open = start, list[str](), False
        for number, line in enumerate(lines, start=start):
            if self._opening is not None and self.starts_with(line, self._opening):
                if is_open:
                    yield part_start, part
                    part_start, part = number, []
                is_open = True
            part.append(line)
        yield part_start, part

    def values_of(self, lines: list[str], reading: Reading, start: int) -> dict[str, str]:
        """Return the text behind each label."""
        values: dict[str, list[str]] = {}
        current: str | None = None
        for line in lines:
            line = line.replace("\0", "").replace("\ufeff", "")
            parts = self._parts(line)
            if not parts and current is not None:
                values[current].append(line)
            for name, text in parts:
                current = name
                values.setdefault(name, []).append(text)
        return {name: "\n".join(texts).strip() for name, texts in values.items()}

    def _parts(self, line: str) -> list[tuple[str, str]]:
        """Return the labels of a line and the text behind each."""
        found = self._at_start.match(line)
        if found is None:
            unknown = _UNKNOWN.match(line)
            name = normalise_header(unknown["name"]) if unknown else ""
            if unknown is None or name not in self._unmapped:
                return []
            marks = [(name, unknown.start(), unknown.end())]
        else:
            marks = [(self._name(found), found.start(), found.end())]
        marks += [(self._name(later), later.start(), later.end()) for later in self._within.finditer(line, marks[0][2])]
        ends = [mark[1] for mark in marks[1:]] + [len(line)]
        several = len(marks) > 1
        return [
            (name, _without_unmapped(line[behind:end], several=several))
            for (name, _, behind), end in zip(marks, ends, strict=True)
        ]


_UNMAPPED_WITHIN = re.compile(r"(?:\s{2,}|\t)[\u4e00-\u9fff]{2,8}[:：].*$")


def _without_unmapped(text: str, *, several: bool) -> str:
    """Return the text of one label; among several in a line, without a label nobody mapped that follows it."""
    return _UNMAPPED_WITHIN.sub("", text).rstrip(" \t\u3000,，;；、|") if several else text
