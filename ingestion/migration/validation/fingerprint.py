"""Adds up the hashes of a table's rows by bucket, in one pass over each side, both at the same time.

A table whose key is one whole number has ranges of it as buckets, so that a bucket can be read again through the index;
any other table is one bucket first and, where that differs, buckets by the hash of the key, or of the row when there is
no key. Equal counts and sums of 60-bit hashes stand for equal rows.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from ingestion.migration.source import Source
from ingestion.migration.validation.row_text import LAKE, Side, added
from lakehouse.lake import Connection

Bucket = int | None
Sums = dict[Bucket, tuple[int, int]]
"""Bucket to the count of its rows and the sum of their hashes; the bucket None holds rows without a key."""
Answer = TypeVar("Answer")
Other = TypeVar("Other")


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedRow:
    """A row of the source that the run refused, as far as its text could be made again."""

    key: str
    number: int | None
    """The key itself where it is one whole number."""
    key_hash: int
    hash: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One table on both sides, with the connections that reach them."""

    source: Source
    connection: Connection
    old: Side
    new: Side
    refused: tuple[RefusedRow, ...] = ()
    """Rows the lake rightly lacks; they are counted as if it had them."""

    def ask_both(self, old_query: str, new_query: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """Return the rows of a query of each side; the two run at the same time."""
        return at_once(lambda: self.source.rows(old_query), lambda: self.connection.execute(new_query).fetchall())


def at_once(first: Callable[[], Answer], second: Callable[[], Other]) -> tuple[Answer, Other]:
    """Return what two functions return, the first of which runs in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="radlake-source") as pool:
        future = pool.submit(first)
        answer = second()
        return future.result(), answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Some rows of a table, the same on both sides: ranges of its key, or hashes of it by their remainder, or all."""

    ranges: tuple[tuple[int, int] | None, ...] = ()
    """First and last key; None for rows without a key."""
    remainders: tuple[int, ...] = ()
    modulus: int = 1

    def where(self, side: Side) -> str:
        """Return the WHERE clause, empty for all rows."""
        if self.ranges:
            key = whole_key(side)
            tests = [
                f"{key} is null" if part is None else f"{key} between {part[0]} and {part[1]}" for part in self.ranges
            ]
            return " where " + " or ".join(tests)
        if self.remainders:
            return f" where {side.key_hash()} % {self.modulus} in ({', '.join(map(str, self.remainders))})"
        return ""

    def holds(self, row: RefusedRow) -> bool:
        """Tell whether a refused row is one of them."""
        if self.ranges:
            return any(
                row.number is None if part is None else row.number is not None and part[0] <= row.number <= part[1]
                for part in self.ranges
            )
        return not self.remainders or row.key_hash % self.modulus in self.remainders


@dataclass(frozen=True, kw_only=True, slots=True)
class Buckets:
    """How rows fall into buckets: `width` keys in each, or `number` buckets by hash of the key, or all in bucket 0."""

    width: int | None = None
    number: int = 1
    selection: Selection = Selection()

    def query(self, side: Side) -> str:
        """Return SQL of the sums by bucket."""
        sums = ", ".join(side.number_sum(side.row_hash()))
        if self.width is None and self.number == 1:
            return f"select 0, count(*), {sums} from {side.relation}{self.selection.where(side)}"
        if self.width is not None:
            # whole numbers are divided towards zero on every engine
            bucket = f"{whole_key(side)} {_DIVISION.get(side.engine, '/')} {self.width}"
        else:
            bucket = f"{side.key_hash()} % {self.number}"
        return f"select {bucket}, count(*), {sums} from {side.relation}{self.selection.where(side)} group by 1"

    def bucket_of(self, row: RefusedRow) -> Bucket:
        """Return the bucket of a refused row."""
        if self.width is None:
            return row.key_hash % self.number
        if row.number is None:
            return None
        return abs(row.number) // self.width * (1 if row.number > 0 else -1)


_DIVISION = {"mysql": "div", LAKE: "//"}


def whole_key(side: Side) -> str:
    """Return the quoted key of a table whose key is one whole number."""
    assert side.table.chunk_column is not None
    return side.quoted(side.table.column(side.table.chunk_column))


def read_sums(pair: Pair, buckets: Buckets) -> tuple[Sums, Sums]:
    """Return the sums of both sides, the rows that were refused among those of the lake."""
    old, new = (_sums(rows) for rows in pair.ask_both(buckets.query(pair.old), buckets.query(pair.new)))
    for row in pair.refused:
        if buckets.selection.holds(row):
            count, total = new.get(buckets.bucket_of(row), (0, 0))
            new[buckets.bucket_of(row)] = (count + 1, total + row.hash)
    return old, new


def _sums(rows: list[tuple[Any, ...]]) -> Sums:
    return {None if row[0] is None else int(row[0]): (int(row[1]), added(row[2:])) for row in rows if row[1]}


def differing(old: Sums, new: Sums) -> list[Bucket]:
    """Return the buckets whose count or sum differs, in their order, None first."""
    buckets = {bucket for bucket in old.keys() | new.keys() if old.get(bucket) != new.get(bucket)}
    return sorted(buckets, key=lambda bucket: (bucket is not None, bucket or 0))


def total(sums: Sums) -> tuple[int, int]:
    """Return the count of all rows and the sum of all hashes."""
    return sum(count for count, _ in sums.values()), sum(value for _, value in sums.values())


def bucket_range(bucket: int, width: int) -> tuple[int, int]:
    """Return the first and the last key of a bucket; bucket 0 holds keys of both signs."""
    if bucket == 0:
        return 1 - width, width - 1
    if bucket > 0:
        return bucket * width, (bucket + 1) * width - 1
    return (bucket - 1) * width + 1, bucket * width


def first_buckets(pair: Pair, number: int) -> Buckets:
    """Return the buckets of the first pass: `number` ranges between the keys of the source, or one bucket."""
    if pair.old.table.chunk_column is None:
        return Buckets()
    key = whole_key(pair.old)
    low, high = pair.source.rows(f"select min({key}), max({key}) from {pair.old.relation}")[0]
    return Buckets(width=1 if low is None else (int(high) - int(low)) // number + 1)
