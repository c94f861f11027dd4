"""Reads one small file with a reader and returns what came of it, by the numbers of the rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.mapping import FileMapping, Layout
from ingestion.readers import Batches, Reading

Read = Callable[[Path, FileMapping, Reading], Batches]


@dataclass(slots=True)
class Outcome:
    """Records by their number, refusals by theirs, and what the reader noted."""

    header: tuple[str, ...] = ()
    rows: dict[int, tuple[str | None, ...]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)

    @property
    def found(self) -> list[tuple[str, int | None]]:
        """Return kind and row of the findings, sorted."""
        return sorted(
            ((finding.kind, finding.row_no) for finding in self.reading.found), key=lambda pair: (pair[0], pair[1] or 0)
        )


def layout(kind: str, columns: dict[str, str | tuple[str, ...]], **options: object) -> FileMapping:
    """Return the mapping of one file."""
    return FileMapping(entity="any", match="*", reader=Layout(format=kind, **options), columns=columns)  # type: ignore[arg-type]


def read_all(
    read: Read, path: Path, mapping: FileMapping, *, content: str | bytes | None = None, encoding: str = "utf-8"
) -> Outcome:
    """Write the content, if any, read the file and return the outcome; a number that comes twice fails."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    outcome = Outcome()
    outcome.reading.key = tuple(mapping.columns)[:1]
    for batch in read(path, mapping, outcome.reading):
        outcome.header = batch.header
        if batch.columns is not None:
            rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        else:
            rows = [tuple(row) for row in batch.rows]
        numbers = batch.row_numbers.to_pylist() if hasattr(batch.row_numbers, "to_pylist") else batch.row_numbers
        for number, row in zip(numbers, rows, strict=True):
            assert number not in outcome.rows
            outcome.rows[number] = row
        for rejected in batch.rejected:
            assert rejected.row_no not in outcome.refused
            outcome.refused[rejected.row_no] = rejected.reason
    assert not set(outcome.rows) & set(outcome.refused)
    return outcome
