"""Turns the bytes of one delivered file into batches of records, and lines that are no record into refusals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """One record that does not fit the layout of its file."""

    row_no: int
    reason: str
    raw_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Records of one file: cells by row, in the order of the header."""

    header: tuple[str, ...]
    rows: Sequence[Sequence[str | None]]
    row_numbers: Sequence[int]
    rejected: Sequence[Rejected] = ()


@dataclass(slots=True)
class Reading:
    """What a reader learns of a file while it reads."""

    encoding: str | None = None
    encoding_confidence: float | None = None
    dropped: dict[str, int] = field(default_factory=dict)

    def drop(self, kind: str) -> None:
        """Count one line that is no record."""
        self.dropped[kind] = self.dropped.get(kind, 0) + 1


BATCH_ROWS = 20_000

Batches = Iterator[Batch]
