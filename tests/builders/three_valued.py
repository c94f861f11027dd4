"""What plain readings of the score specifications need: cells that may be missing, three-valued logic, intervals.

Written from the prose of placenta_accreta.md 4 and acute_abdomen.md 4, not from the SQL that it is compared with.
"""

import csv
import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from serving.scores.cases import score_cases
from serving.scores.specification import find_score

Cells = Mapping[str, str]
Results = dict[str, object]
Interval = tuple[int, int]
MOST_PRODUCTS = 4200
"""A score with fewer combinations of values is read in all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One score as read from the specification, with the values that its inputs are tried with."""

    results: Callable[[Cells], Results]
    values: Mapping[str, Sequence[str]]
    """Valid values: both sides of every cut-off and the ends of every range."""
    invalid: Mapping[str, Sequence[str]] = field(default_factory=dict)
    chosen: Sequence[Cells] = ()
    """Cases besides the random ones; inputs that they do not name are missing."""

    def cases(self, *, number: int, seed: int) -> list[dict[str, str]]:
        """Return every combination where there are few, else the chosen ones, single changes and random ones.

        Single changes give one input all its values, valid or not, in a complete case; random ones are from nearly
        complete to nearly empty.
        """
        choices = [["", *self.values[name]] for name in self.values]
        if not self.invalid and math.prod(len(each) for each in choices) <= MOST_PRODUCTS:
            return [dict(zip(self.values, cells, strict=True)) for cells in itertools.product(*choices)]
        source = random.Random(seed)
        empty = dict.fromkeys(self.values, "")
        cases = [empty | dict(cells) for cells in self.chosen]
        for _ in range(4):
            complete = {name: source.choice(values) for name, values in self.values.items()}
            cases += [
                complete | {name: cell}
                for name, values in self.values.items()
                for cell in dict.fromkeys([*values, *self.invalid.get(name, ()), ""])
            ]
        return cases + [self._case(source) for _ in range(number)]

    def _case(self, source: random.Random) -> dict[str, str]:
        missing, wrong = source.choice([(0, 0), (0, 0.03), (0.08, 0.03), (0.3, 0), (0.6, 0.05), (0.9, 0)])
        cells = {}
        for name, values in self.values.items():
            draw = source.random()
            rubbish = self.invalid.get(name, ())
            cells[name] = "" if draw < missing else source.choice(values)
            if rubbish and missing <= draw < missing + wrong:
                cells[name] = source.choice(rubbish)
        return cells


def number(cell: str, low: object = None, high: object = None, *, whole: bool = False) -> Decimal | None:
    """Return the number of a cell, None when it is no number, out of its range, or not whole where it must be."""
    try:
        value = Decimal(cell)
    except InvalidOperation:
        return None
    if not value.is_finite() or (whole and value != value.to_integral_value()):
        return None
    if (low is not None and value < Decimal(str(low))) or (high is not None and value > Decimal(str(high))):
        return None
    return value


def flag(cell: str) -> bool | None:
    """Return the truth of a cell, None when it says neither."""
    return {"true": True, "false": False}.get(cell)


def member(cell: str, *values: str) -> str | None:
    """Return a cell that is one of a set of values, else None."""
    return cell if cell in values else None


def either(*operands: bool | None) -> bool | None:
    """TRUE if any is TRUE, FALSE only if all are FALSE, else unknown."""
    if any(operand is True for operand in operands):
        return True
    return False if all(operand is False for operand in operands) else None


def both(*operands: bool | None) -> bool | None:
    """FALSE if any is FALSE, TRUE only if all are TRUE, else unknown."""
    if any(operand is False for operand in operands):
        return False
    return True if all(operand is True for operand in operands) else None


def above(value: Decimal | None, cut: str) -> bool | None:
    """Tell whether a number is above a cut-off, None when it is missing."""
    return None if value is None else value > Decimal(cut)


def at_least(value: Decimal | None, cut: str) -> bool | None:
    """Tell whether a number reaches a cut-off, None when it is missing."""
    return None if value is None else value >= Decimal(cut)


def below(value: Decimal | None, cut: str) -> bool | None:
    """Tell whether a number is below a cut-off, None when it is missing."""
    return None if value is None else value < Decimal(cut)


def worth(truth: bool | None, points: int = 1) -> Interval:
    """Return the lowest and highest points of an item that is true or not, or not known."""
    return {True: (points, points), False: (0, 0), None: (0, points)}[truth]


def steps(value: Decimal | None, *cuts: tuple[str, int]) -> Interval:
    """Return the points of the highest cut-off that a number reaches; anything from 0 to the most when missing."""
    if value is None:
        return 0, max(points for _, points in cuts)
    reached = [points for cut, points in cuts if value >= Decimal(cut)]
    points = reached[-1] if reached else 0
    return points, points


def table(cell: str, points: Mapping[str, int]) -> Interval:
    """Return the points of a value, anything from the least to the most when it is none of those."""
    if cell in points:
        return points[cell], points[cell]
    return min(points.values()), max(points.values())


def interval_results(items: Sequence[Interval], bands: Sequence[tuple[int, str]]) -> Results:
    """Return what interval arithmetic gives: total, min, max, n_missing, band and status."""
    low, high = sum(item[0] for item in items), sum(item[1] for item in items)
    missing = sum(item[0] < item[1] for item in items)

    def band_of(points: int) -> str:
        return next(name for most, name in bands if points <= most)

    band = band_of(low) if band_of(low) == band_of(high) and missing < len(items) else None
    if missing == 0:
        status = "complete"
    elif missing == len(items):
        status = "not_computable"
    else:
        status = "partial_indeterminate" if band is None else "partial_determinate"
    return {
        "total": low if missing == 0 else None,
        "min": low,
        "max": high,
        "n_missing": missing,
        "band": band,
        "status": status,
    }


def differences(code: str, reading: Reading, folder: Path) -> list[str]:
    """Return the first cases whose results by the score's SQL are not those of the reading.

    Also names each result that is the same in all cases, which would compare nothing.
    """
    cases = reading.cases(number=2500, seed=len(code))
    expected = [{name: _written(value) for name, value in reading.results(cells).items()} for cells in cases]
    source, out = folder / "cases.csv", folder / "results.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(reading.values))
        writer.writeheader()
        writer.writerows(cases)
    score_cases(code, source, out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(cases)
    assert set(find_score(code).results) == set(expected[0])
    constant = [f"{name} never varies" for name in expected[0] if len({each[name] for each in expected}) == 1]
    wrong = [
        f"{name} is {row[name]!r}, not {value!r}: {cells}"
        for row, each, cells in zip(rows, expected, cases, strict=True)
        for name, value in each.items()
        if row[name] != value
    ]
    return constant + wrong[:5]


def _written(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
