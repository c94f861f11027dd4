"""Reads a sample of the rows of a file with the readers that will load it, so that a draft is known to be readable."""

import importlib
import inspect
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import cast

from ingestion.mapping import FileMapping
from ingestion.onboarding.sniffing import Sniffed
from ingestion.readers import Batches, Reading
from ingestion.records import READERS
from lakehouse.errors import ContractError

SAMPLE_ROWS = 5_000


@dataclass(slots=True)
class Sample:
    """Cells of a file by column, and what the reader had to say of it."""

    header: tuple[str, ...] = ()
    columns: list[list[str | None]] = field(default_factory=list)
    reading: Reading = field(default_factory=Reading)
    rejected: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True

    @property
    def row_count(self) -> int:
        """Return how many rows were sampled."""
        return len(self.columns[0]) if self.columns else 0


def read_batches(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Return the batches of a file by the reader of its format."""
    kind = mapping.reader.format
    try:
        module = importlib.import_module(f"ingestion.readers.{READERS[kind]}")
    except ModuleNotFoundError as error:
        raise ContractError(f"format {kind} cannot be read here ({error.name} is missing)") from error
    read = getattr(module, f"read_{kind}")
    first = mapping.reader if "layout" in inspect.signature(read).parameters else mapping
    return cast(Batches, read(path, first, reading))


def sample_file(path: Path, sniffed: Sniffed, rows: int = SAMPLE_ROWS) -> Sample:
    """Read up to `rows` rows of a file in the form that was found.

    Raises ContractError when the reader refuses the file; OSError when it cannot be read.
    """
    labels: dict[str, tuple[str, ...]] = {f"label_{number}": (label,) for number, label in enumerate(sniffed.labels)}
    mapping = FileMapping(match=path.name, reader=sniffed.layout, columns=labels)
    sample = Sample()
    for batch in islice(read_batches(path, mapping, sample.reading), 200):
        for rejected in batch.rejected:
            sample.rejected[rejected.reason] = sample.rejected.get(rejected.reason, 0) + 1
        positions = _positions(sample, batch.header)
        before = sample.row_count
        if batch.columns is not None:
            new = [column.to_pylist() for column in batch.columns]
        else:
            new = [list(column) for column in zip(*batch.rows, strict=True)] or [[] for _ in batch.header]
        count = batch.row_count
        for place, cells in zip(positions, new, strict=True):
            sample.columns[place].extend(cells)
        for column in sample.columns:
            column.extend([None] * (before + count - len(column)))
        if sample.row_count >= rows:
            sample.is_whole = False
            break
    return sample


def _positions(sample: Sample, header: tuple[str, ...]) -> list[int]:
    """Return the place of each name of a batch in the sample, and give new names one."""
    places = []
    taken: set[int] = set()
    for name in header:
        place = next((i for i, known in enumerate(sample.header) if known == name and i not in taken), None)
        if place is None:
            place = len(sample.header)
            sample.header = (*sample.header, name)
            sample.columns.append([None] * sample.row_count)
        taken.add(place)
        places.append(place)
    return places
