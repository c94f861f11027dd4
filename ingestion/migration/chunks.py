"""Cuts a table into ranges of its key, reads them into Parquet files, and keeps the rows that do not fit apart.

Every range is counted by the source itself in the same snapshot, so that source = read + refused can be checked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ingestion.migration.plan import ColumnPlan, TablePlan
from ingestion.migration.scanner import Scanner, literal
from ingestion.migration.source import quote_name
from lakehouse.errors import RadlakeError

PROVENANCE = {"_batch_id": "varchar", "_chunk_no": "bigint", "_loaded_at": "timestamp"}
"""Columns of every table of `raw_legacy` besides those of the source."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A range of a table's key: lower <= key < upper, open where None."""

    number: int
    lower: int | None
    upper: int | None
    rows: int


@dataclass(kw_only=True, slots=True)
class ChunkFile:
    """A chunk that was read: its file, and its refused rows as (reason, row as JSON)."""

    table: TablePlan
    chunk: Chunk
    batch_id: str
    path: Path
    rows: int
    rejects: list[tuple[str, str]] = field(default_factory=list)


def condition(scanner: Scanner, table: TablePlan, chunk: Chunk) -> str:
    """Return the WHERE clause of a chunk in the source's SQL, empty for a whole table."""
    if table.chunk_column is None:
        return ""
    key = quote_name(scanner.address.engine, table.chunk_column)
    parts = []
    if chunk.lower is not None:
        parts.append(f"{key} >= {chunk.lower}")
    if chunk.upper is not None:
        parts.append(f"{key} < {chunk.upper}")
    return " where " + " and ".join(parts) if parts else ""


def cut(scanner: Scanner, table: TablePlan, span: Chunk, numbers: Iterator[int]) -> list[Chunk]:
    """Return the chunks that a range of a table's key is read in, numbered in turn.

    The bounds are found by hopping along the key's index, so chunks are even however the keys are spread.
    """
    chunks: list[Chunk] = []
    left = span
    while table.chunk_column is not None and left.rows > table.chunk_rows * 1.5:
        key = quote_name(scanner.address.engine, table.chunk_column)
        [(bound,)] = scanner.rows(
            f"select {key} as bound from {table.source_table}{condition(scanner, table, left)} order by {key} "
            f"limit 1 offset {table.chunk_rows}"
        )
        chunks.append(Chunk(number=next(numbers), lower=left.lower, upper=int(bound), rows=table.chunk_rows))
        left = replace(left, lower=int(bound), rows=left.rows - table.chunk_rows)
    chunks.append(replace(left, number=next(numbers)))
    return chunks


def count_rows(scanner: Scanner, table: TablePlan, chunk: Chunk | None = None) -> int:
    """Return how many rows a table, or a chunk of it, has in the snapshot."""
    where = condition(scanner, table, chunk) if chunk else ""
    return int(scanner.rows(f"select count(*) as n from {table.source_table}{where}")[0][0])


def source_query(scanner: Scanner, table: TablePlan, chunk: Chunk) -> str:
    """Return the query of the source that reads a chunk; its columns are c0, c1 and so on."""
    engine = scanner.address.engine
    columns = ", ".join(
        f"{column.wire.format(quote_name(engine, column.name))} as c{number}"
        for number, column in enumerate(table.columns)
    )
    return f"select {columns} from {table.source_table}{condition(scanner, table, chunk)}"


def read_chunk(
    scanner: Scanner, table: TablePlan, chunk: Chunk, *, batch_id: str, loaded_at: str, path: Path
) -> ChunkFile:
    """Read a chunk into a Parquet file.

    Raises RadlakeError when rows went missing on the way, which a table without transactions can cause.
    """
    provenance = (
        f"{literal(batch_id)} as _batch_id, cast({chunk.number} as bigint) as _chunk_no, "
        f"timestamp {literal(loaded_at)} as _loaded_at"
    )

    def write(arrival: _Arrival) -> tuple[Any, ...]:
        columns = ", ".join(
            f"{value} as {_quoted(column.target_name)}"
            for value, column in zip(arrival.values(), table.columns, strict=True)
        )
        return scanner.execute(
            f"copy (select {columns}, {provenance} from {arrival.relation}{arrival.fitting()}) to {literal(str(path))} "
            "(format parquet, compression snappy)"
        )[0]

    (rows,), rejects = _read(scanner, table, chunk, write)
    return ChunkFile(table=table, chunk=chunk, batch_id=batch_id, path=path, rows=int(rows), rejects=rejects)


def fingerprint_chunk(scanner: Scanner, table: TablePlan, chunk: Chunk) -> tuple[int, int, list[tuple[str, str]]]:
    """Return the rows of a chunk that fit, the sum of their hashes, and the rows that do not fit, writing nothing."""

    def add_up(arrival: _Arrival) -> tuple[Any, ...]:
        return scanner.execute(
            f"select count(*), {hash_sum(arrival.values())} from {arrival.relation}{arrival.fitting()}"
        )[0]

    (rows, total), rejects = _read(scanner, table, chunk, add_up)
    return int(rows), int(total or 0), rejects


def hash_sum(values: Sequence[str]) -> str:
    """Return SQL of the lake that adds up the hashes of rows; equal for equal rows in any order."""
    return f"sum(cast(hash({', '.join(values)}) as hugeint))"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Arrival:
    """How a chunk arrives: SQL of the lake that reads it, with the columns c0, c1 and so on."""

    table: TablePlan
    relation: str

    def values(self) -> list[str]:
        return [column.convert.format(f"c{number}") for number, column in enumerate(self.table.columns)]

    def misfits(self) -> dict[int, str]:
        """Return by column a test that is true for a value that arrived and does not convert."""
        tests = {}
        for number, column in enumerate(self.table.columns):
            # a plain cast fits every value that can arrive
            if column.convert != "{0}" and not column.convert.startswith("cast("):
                tests[number] = f"(c{number} is not null and ({column.convert.format(f'c{number}')}) is null)"
        return tests

    def fitting(self) -> str:
        tests = self.misfits().values()
        return f" where not ({' or '.join(tests)})" if tests else ""


def _read(
    scanner: Scanner, table: TablePlan, chunk: Chunk, consume: Callable[[_Arrival], tuple[Any, ...]]
) -> tuple[tuple[Any, ...], list[tuple[str, str]]]:
    """Return what `consume` makes of the rows that fit, its first item their number, and the rows that do not."""
    query, types = source_query(scanner, table, chunk), [column.target_type for column in table.columns]
    with scanner.arriving(query, types) as relation:
        arrival = _Arrival(table=table, relation=relation)
        answer = consume(arrival)
    rejects: list[tuple[str, str]] = []
    if answer[0] < chunk.rows and arrival.misfits():
        with scanner.arriving(query, types) as relation:
            rejects = _read_rejects(scanner, _Arrival(table=table, relation=relation))
    if answer[0] + len(rejects) != chunk.rows:
        raise RadlakeError(
            f"{table.target}: the source counts {chunk.rows} rows in chunk {chunk.number}, but {answer[0]} fit and "
            f"{len(rejects)} do not; the table changed while it was read, so run the same command again"
        )
    return answer, rejects


def _read_rejects(scanner: Scanner, arrival: _Arrival) -> list[tuple[str, str]]:
    tests, columns = arrival.misfits(), arrival.table.columns
    reasons = ", ".join(
        f"case when {test} then {literal(_reason(columns[number]))} end" for number, test in tests.items()
    )
    values = ", ".join(
        f"{literal(column.name)}, {_shown(f'c{number}', column)}" for number, column in enumerate(columns)
    )
    rows = scanner.execute(
        f"select concat_ws('; ', {reasons}) as reason, json_object({values}) as row_text from {arrival.relation} "
        f"where {' or '.join(tests.values())} order by all"
    )
    return [(str(reason), str(row)) for reason, row in rows]


def _shown(name: str, column: ColumnPlan) -> str:
    """Return SQL of a refused row's value as text; bytes that are no text are shown in hex."""
    if column.target_type == "blob" and column.convert == "{0}":
        return f"hex({name})"
    if _is_text(column) and column.convert != "{0}":
        return f"coalesce({column.convert.format(name)}, 'hex:' || hex(encode({name})))"
    return f"cast({name} as varchar)"


def _reason(column: ColumnPlan) -> str:
    return f"{column.name}: no {'UTF-8' if _is_text(column) else column.target_type}"


def _is_text(column: ColumnPlan) -> bool:
    return column.target_type == "varchar"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
