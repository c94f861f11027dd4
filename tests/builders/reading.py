"""Reads a file made in a test with one of the readers, and gives its records by the names of the mapping."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import Reading, Rejected
from ingestion.records import READERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """What a reader gave: records by raw column with their numbers, what it refused, and what it learned."""

    rows: list[dict[str, str | None]]
    numbers: list[int]
    rejected: list[Rejected]
    reading: Reading

    @property
    def reasons(self) -> list[tuple[int, str]]:
        """Return number and reason of what was refused."""
        return [(one.row_no, one.reason) for one in self.rejected]

    @property
    def kinds(self) -> list[tuple[str, int | None, str | None]]:
        """Return kind, row and column of the findings."""
        return [(one.kind, one.row_no, one.column) for one in self.reading.found]


def read(path: Path, content: bytes | str | None, columns: dict[str, Any], **layout: Any) -> Read:
    """Write content to a path, unless it is there, and read it with the reader of `format`."""
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    mapping = FileMapping.model_validate({"entity": "x", "match": "*", "reader": layout, "columns": columns})
    reader = getattr(
        importlib.import_module(f"ingestion.readers.{READERS[layout['format']]}"), f"read_{layout['format']}"
    )
    accepted = mapping.accepted_headers()
    result = Read(rows=[], numbers=[], rejected=[], reading=Reading())
    for batch in reader(path, mapping, result.reading):
        cells = batch.rows if batch.columns is None else list(zip(*(c.to_pylist() for c in batch.columns), strict=True))
        names = [accepted.get(normalise_header(name)) for name in batch.header]
        result.rows.extend(
            {name: cell for name, cell in zip(names, row, strict=True) if name is not None} for row in cells
        )
        result.numbers.extend(int(str(number)) for number in batch.row_numbers)
        result.rejected.extend(batch.rejected)
    return result
