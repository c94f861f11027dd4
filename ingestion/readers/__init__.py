"""Turns the bytes of one delivered file into batches of records, and lines that are no record into refusals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import pyarrow as pa

from lakehouse.errors import ContractError

BATCH_ROWS = 20_000
MAXIMUM_FINDINGS = 500_000


class HeldFileError(ContractError):
    """Nothing of a file may be loaded, and that is no breach of the contract; `reason` is that of the quarantine."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the file is held: {reason}")
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """One record that does not fit the layout of its file."""

    row_no: int
    reason: str
    raw_text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One defect a reader met: its kind of sources.md 7, and where it stands.

    `row_no` is null when the whole file is meant, `column` (a name of the header) when the row is.
    """

    row_no: int | None
    column: str | None
    kind: str
    before_sha256: str | None = None
    action: str | None = None
    """What was done, where it is not the usual thing for the kind (`normalise_flag`: put right by a guess)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Records of one file: cells by row, in the order of the header.

    A reader that works in columns gives `columns` (one Arrow array of text per name of the header) and no `rows`.
    """

    header: tuple[str, ...]
    rows: Sequence[Sequence[str | None]] = ()
    row_numbers: Sequence[int] | pa.Array = ()
    rejected: Sequence[Rejected] = ()
    columns: Sequence[pa.Array | pa.ChunkedArray] | None = None

    @property
    def row_count(self) -> int:
        """Return how many records the batch holds, without the rejected ones."""
        return len(self.row_numbers)


@dataclass(slots=True)
class Reading:
    """What a reader learns of a file while it reads."""

    encoding: str | None = None
    encoding_confidence: float | None = None
    dropped: dict[str, int] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    key: tuple[str, ...] = ()
    """Raw columns that identify a row, where they are known: a repaired row must look right there."""
    unlisted: dict[str, int] = field(default_factory=dict)
    """Defects by kind beyond the number that is listed one by one."""
    held: str | None = None
    """Why no row of the file may be loaded, if so (`truncated_file`, `file_replaced`); known when reading ends."""

    def drop(self, kind: str, row_no: int | None = None) -> None:
        """Count one line that is no record; with its number it is a finding too."""
        self.dropped[kind] = self.dropped.get(kind, 0) + 1
        if row_no is not None:
            self._note(Finding(row_no=row_no, column=None, kind=kind))

    def find(
        self,
        kind: str,
        row_no: int | None = None,
        column: str | None = None,
        before: str | None = None,
        action: str | None = None,
    ) -> None:
        """Note one defect; of the value as received only its digest is kept."""
        digest = None if before is None else sha256(before.encode("utf-8", "surrogatepass")).hexdigest()
        self._note(Finding(row_no=row_no, column=column, kind=kind, before_sha256=digest, action=action))

    def _note(self, finding: Finding) -> None:
        if len(self.found) < MAXIMUM_FINDINGS:
            self.found.append(finding)
        elif finding.kind not in self.unlisted:
            # a file of nothing but defects: one finding tells of the rest of its kind
            self.found.append(Finding(row_no=None, column=None, kind=finding.kind))
        if len(self.found) >= MAXIMUM_FINDINGS:
            self.unlisted[finding.kind] = self.unlisted.get(finding.kind, 0) + 1


Batches = Iterator[Batch]
