"""Learns from sound rows what each column looks like, so that a repaired row can be told from a wrong one.

The shape of a value is its text with runs of digits, letters and Chinese characters each drawn together:
`ZY0012` is `A9`, `2024-03-05` is `9-9-9`. A column is regular when few shapes make up nearly all of its values.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

SAMPLE_ROWS = 1_000
_LEAST_ROWS = 20
_MOST_SHAPES = 8
_LONGEST_REGULAR = 40
_COST_OF_SURPLUS = -3.0
_COST_IN_REGULAR = -4.0
_LEAST_LEAD = 0.7
_DRAWN = re.compile(r"(?P<d>[0-9０-９]+)|(?P<a>[A-Za-zＡ-Ｚａ-ｚ]+)|(?P<c>[\u3400-\u9fff]+)|(?P<s>\s+)")
_SIGNS = {"d": "9", "a": "A", "c": "字", "s": " "}


def shape_of(value: str) -> str:
    """Return the shape of a value."""
    return _DRAWN.sub(lambda found: _SIGNS[found.lastgroup or "s"], value[:200])


@dataclass(slots=True)
class Column:
    """What the values of one column look like."""

    shapes: Counter[str] = field(default_factory=Counter)
    filled: int = 0
    empty: int = 0
    shortest: int = 1 << 30
    longest: int = 0
    starts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    sum_of_logs: float = 0.0
    sum_of_squares: float = 0.0

    def learn(self, value: str) -> None:
        """Take one value into account."""
        value = value.strip()
        if not value:
            self.empty += 1
            return
        self.filled += 1
        self.shapes[shape_of(value)] += 1
        self.starts[shape_of(value[0])] += 1
        self.ends[shape_of(value[-1])] += 1
        size = len(value)
        self.shortest, self.longest = min(self.shortest, size), max(self.longest, size)
        self.sum_of_logs += math.log(size)
        self.sum_of_squares += math.log(size) ** 2

    @property
    def is_regular(self) -> bool:
        """Return whether few shapes make up nearly all values."""
        if not self.filled or self.longest > _LONGEST_REGULAR:
            return False
        usual = sum(count for _, count in self.shapes.most_common(_MOST_SHAPES))
        return usual >= 0.97 * self.filled and (len(self.shapes) <= _MOST_SHAPES or self.filled > 100)

    @property
    def may_hold_anything(self) -> bool:
        """Return whether the values are text that may hold any sign: free, or mostly Chinese characters."""
        if not self.filled or not self.is_regular:
            return bool(self.filled)
        return sum(count for shape, count in self.shapes.items() if "字" in shape) > self.filled / 2

    def fits(self, value: str) -> bool:
        """Return whether a value looks like those of the column; free text takes anything."""
        value = value.strip()
        if not value:
            return self.empty > 0 or self.filled < _LEAST_ROWS
        if not self.filled:
            return self.empty < _LEAST_ROWS
        if not self.is_regular:
            return True
        slack = max(2, self.longest // 4)
        return shape_of(value) in self.shapes and self.shortest - slack <= len(value) <= self.longest + slack

    def likelihood(self, value: str, *, by_shape: bool = True) -> float:
        """Return how likely a value is in the column, as a logarithm without scale."""
        value = value.strip()
        total = self.filled + self.empty
        if not value:
            return math.log((self.empty + 0.5) / (total + 1))
        score = math.log((self.filled + 0.5) / (total + 1))
        if not self.filled:
            return score - 3.0
        mean = self.sum_of_logs / self.filled
        spread = math.sqrt(max(self.sum_of_squares / self.filled - mean * mean, 0.0)) + 0.3
        score -= 0.5 * ((math.log(len(value)) - mean) / spread) ** 2 + math.log(spread)
        score += math.log((self.starts[shape_of(value[0])] + 0.2) / self.filled)
        score += math.log((self.ends[shape_of(value[-1])] + 0.2) / self.filled)
        if by_shape and self.is_regular:
            score += math.log((self.shapes.get(shape_of(value), 0) + 0.01) / self.filled)
        return score


class Profile:
    """What the columns of a file look like."""

    def __init__(self, count: int, key: Sequence[int]) -> None:
        self.columns = [Column() for _ in range(count)]
        self.key = tuple(key)
        self.rows = 0

    def learn(self, row: Sequence[str]) -> None:
        """Take one sound row into account, until there are enough."""
        if self.rows >= SAMPLE_ROWS:
            return
        self.rows += 1
        for column, value in zip(self.columns, row, strict=True):
            column.learn(value)

    @property
    def is_known(self) -> bool:
        """Return whether enough rows were seen to judge by them."""
        return self.rows >= _LEAST_ROWS

    def misfits(self, row: Sequence[str]) -> int:
        """Return how many values do not look like those of their column."""
        return sum(not column.fits(value) for column, value in zip(self.columns, row, strict=True))

    def is_plausible(self, row: Sequence[str]) -> bool:
        """Return whether a repaired row may stand: its key looks right, and hardly any other value looks wrong."""
        if not all(self.columns[position].fits(row[position]) and row[position].strip() for position in self.key):
            return False
        return self.misfits(row) <= (1 if self.is_known else max(1, len(row) // 4))

    def begins_record(self, cells: Sequence[str]) -> bool:
        """Return whether the first cells of a line look like those of a record, by the regular columns there."""
        judged = [(column, cell) for column, cell in zip(self.columns, cells, strict=False) if column.is_regular][:3]
        if not judged or not self.columns[0].is_regular:
            return False
        return all(column.fits(cell) for column, cell in judged) and bool(cells[0].strip())

    def merge(self, fields: Sequence[str], delimiter: str) -> list[str] | None:
        """Return a row in which one text takes back the delimiters it holds, if there is just one good way.

        A way is good when the column holds text, is no key, and no other value looks wrong. Several good ways are told
        apart by how likely they are; when two are nearly as likely, none is taken.
        """
        surplus = len(fields) - len(self.columns)
        whole = sum(known.likelihood(value) for known, value in zip(self.columns, fields, strict=False))
        # the other explanation: a sound row with something behind it
        ways: list[tuple[float, list[str] | None]] = [(whole + _COST_OF_SURPLUS, None)]
        for place, column in enumerate(self.columns):
            parts = fields[place : place + surplus + 1]
            if not column.may_hold_anything or place in self.key or not parts[-1].strip():
                continue
            row = [*fields[:place], delimiter.join(parts), *fields[place + surplus + 1 :]]
            others = [pair for number, pair in enumerate(zip(self.columns, row, strict=True)) if number != place]
            if not all(known.fits(value) for known, value in others):
                continue
            score = column.likelihood(row[place], by_shape=False)
            score += _COST_IN_REGULAR if column.is_regular else 0.0
            score += sum(known.likelihood(value) for known, value in others)
            # a writer puts no space behind a delimiter between columns
            score += 2.0 * sum(part.startswith(" ") and not fields[0].startswith(" ") for part in parts[1:])
            ways.append((score, row))
        ways.sort(key=lambda way: -way[0])
        if len(ways) > 1 and ways[0][0] - ways[1][0] < _LEAST_LEAD:
            return None
        return ways[0][1]
