"""Makes batches of records whose values go by name: of XML, JSON, documents, DICOM datasets, database rows.

A record need not have every name. The names accepted for one raw column are alternatives, of which each record may use
another: the first with a value is taken, and stands under the first accepted name.
"""

from collections.abc import Iterable, Mapping

from ingestion.mapping import FileMapping
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Rejected

NamedRecord = tuple[int, Mapping[str, str | None]]
"""Number of a record in its file, and its values by name."""

BATCH_CHARACTERS = 64_000_000
"""A batch ends early when its records are long, as documents are."""


class _Names:
    """Knows which raw column a name of a file fills."""

    def __init__(self, mapping: FileMapping) -> None:
        self.first_name = {column: names[0] for column, names in mapping.columns.items() if names}
        self._rank = {
            normalise_header(name): (column, rank)
            for column, names in mapping.columns.items()
            for rank, name in enumerate(names)
        }
        self._known: dict[str, tuple[str, int] | None] = {}

    def find(self, name: str) -> tuple[str, int] | None:
        """Return the raw column and the rank of a name among those accepted for it."""
        if name not in self._known:
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[name] = self._rank.get(normalise_header(name))
        return self._known[name]


def batches_of(records: Iterable[NamedRecord | Rejected], mapping: FileMapping) -> Batches:
    """Yield batches of named records.

    The header holds the names that the records of the batch have; a batch of one record has all the mapping knows, so
    that what the only record of a file lacks is an empty value and no missing column.
    """
    names = _Names(mapping)
    rows: list[dict[str, str | None]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    header: dict[str, None] = {}
    size = 0
    for record in records:
        if isinstance(record, Rejected):
            rejected.append(record)
            size += len(record.raw_text)
        else:
            row = _row_of(record[1], names)
            header.update(dict.fromkeys(row))
            rows.append(row)
            numbers.append(record[0])
            size += sum(len(value) for value in row.values() if value)
        if len(rows) + len(rejected) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield _batch(rows, numbers, rejected, header, names)
            rows, numbers, rejected, header, size = [], [], [], {}, 0
    if rows or rejected:
        yield _batch(rows, numbers, rejected, header, names)


def _row_of(values: Mapping[str, str | None], names: _Names) -> dict[str, str | None]:
    row: dict[str, str | None] = {}
    rank_of: dict[str, int] = {}
    for name, value in values.items():
        found = names.find(name)
        if found is None:
            row.setdefault(name, value)
            continue
        column, rank = found
        shown = names.first_name[column]
        if shown not in rank_of or _is_better(value, rank, row[shown], rank_of[shown]):
            row[shown], rank_of[shown] = value, rank
    return row


def _is_better(value: str | None, rank: int, held: str | None, held_rank: int) -> bool:
    has_value, holds_value = bool(value and value.strip()), bool(held and held.strip())
    return has_value > holds_value or (has_value == holds_value and rank < held_rank)


def _batch(
    rows: list[dict[str, str | None]],
    numbers: list[int],
    rejected: list[Rejected],
    header: dict[str, None],
    names: _Names,
) -> Batch:
    if len(rows) <= 1:
        header = dict.fromkeys(names.first_name.values()) | header
    columns = tuple(header) or tuple(names.first_name.values())
    return Batch(
        header=columns,
        rows=[[row.get(name) for name in columns] for row in rows],
        row_numbers=numbers,
        rejected=rejected,
    )
