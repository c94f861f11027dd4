"""What is written into one file: lines with their cells, the clean values behind them, and the defects planted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synthetic_hospital.second.facts import Row

Render = Callable[[str], str]


@dataclass(slots=True, eq=False)
class Line:
    """One line or record of a file.

    `truth` holds the clean values (absent: not compared; None: no usable value), and is None for what is no record.
    `fate`: loaded, quarantined, dropped, duplicate or held. `raw` is written as it stands in place of the cells.
    """

    cells: dict[str, str]
    truth: dict[str, str | None] | None
    fate: str = "loaded"
    raw: str | None = None
    row_no: int | None = None

    def clean(self, column: str) -> str:
        """Return the clean value of a column, empty where there is none."""
        return (self.truth or {}).get(column) or ""

    def set_clean(self, column: str, value: str | None) -> None:
        """Set what the clean value of a column is."""
        if self.truth is not None:
            self.truth[column] = value


@dataclass(frozen=True, kw_only=True, slots=True)
class Planted:
    """One planted defect: its kind, the column, and the lines on any of which it may be told; none: the whole file."""

    kind: str
    column: str | None
    lines: tuple[Line, ...]


@dataclass(slots=True, eq=False)
class Extract:
    """One delivered file."""

    file: str
    source: str
    entity: str
    columns: dict[str, str]
    """Raw column to the name it has in the file, in the order of the file."""
    write: "Callable[[Path, Extract], None]"
    """Writes the file and gives every line its row_no as the readers count."""
    lines: list[Line] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)

    def plant(self, kind: str, column: str | None, *lines: Line) -> None:
        """Note a defect."""
        self.planted.append(Planted(kind=kind, column=column, lines=lines))

    def line_of(self, **values: str) -> Line:
        """Return the first loaded line with the clean values asked for.

        Raises LookupError when there is none.
        """
        for line in self.lines:
            if (
                line.truth
                and line.fate == "loaded"
                and all(line.truth.get(name) == value for name, value in values.items())
            ):
                return line
        raise LookupError(f"{self.file} has no line with {sorted(values)}")


def lines_of(rows: Sequence[Row], columns: dict[str, str], renders: dict[str, Render]) -> list[Line]:
    """Return the lines of clean rows, each value written as the file writes it."""
    lines = []
    for row in rows:
        truth: dict[str, str | None] = {name: row[name] for name in columns if row.get(name)}
        cells = {name: renders.get(name, str)(row[name]) if row.get(name) else "" for name in columns}
        lines.append(Line(cells=cells, truth=truth))
    return lines
