"""Finds the exact keys and columns in which two tables differ, reading no more than the buckets that differ.

1. Ranges of the key that differ and still hold many rows are divided again; a table without such a key is divided by
   the hash of its rows, into many buckets at once.
2. (key, hash) of the rows of the buckets that are left come from both sides into one temporary table, by whose groups
   a key is missing, extra, changed or there a different number of times. A table without a key has the hashes of its
   rows as keys, so its rows are compared as a multiset.
3. Of changed rows the hashes of all columns come from both sides; those that differ name the columns.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from ingestion.migration.plan import TablePlan
from ingestion.migration.types import FIELD_MARK, NULL_MARK
from ingestion.migration.validation.fingerprint import (
    Bucket,
    Buckets,
    Pair,
    Selection,
    Sums,
    bucket_range,
    differing,
    read_sums,
    whole_key,
)
from ingestion.migration.validation.row_text import Side, hash_of_text
from lakehouse.lake import Connection, append_arrow

KINDS = ("missing", "extra", "changed", "multiplicity")
_FEW_ROWS = 20_000
_FEW_RANGES = 8
_MANY_RANGES = 500
_PARTS = 64
_HASH_BUCKETS = 4096
_BATCH = 50_000
_ROWS_AT_ONCE = 100_000
_ROWS_PER_LOOK_UP = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One key that differs."""

    kind: str
    row_key: str
    """JSON: column to the text of its value; of a table without a key, the hash of the row."""
    columns: tuple[str, ...] = ()
    source_count: int
    target_count: int

    def stored(self) -> dict[str, Any]:
        """Return the difference as its table holds it."""
        columns = json.dumps(self.columns, ensure_ascii=False) if self.columns else None
        return asdict(self) | {"columns": columns}


@dataclass(frozen=True, kw_only=True, slots=True)
class Differences:
    """All differences by kind, and the first of them in the order of their keys."""

    counts: dict[str, int] = field(default_factory=dict)
    listed: tuple[Difference, ...] = ()


def find_differences(pair: Pair, buckets: Buckets, sums: tuple[Sums, Sums], *, limit: int) -> Differences:
    """Return what differs, `limit` of it in detail; `sums` are those of a first pass that was not equal."""
    selection, rows = _narrow_hashes(pair, sums) if buckets.width is None else _narrow_ranges(pair, buckets.width, sums)
    try:
        _fetch(pair, selection, rows)
        pair.connection.execute(_GROUPING)
        return _read(pair, limit)
    finally:
        for name in ("_radlake_rows", "_radlake_differences"):
            pair.connection.execute(f"drop table if exists {name}")


def _narrow_hashes(pair: Pair, sums: tuple[Sums, Sums]) -> tuple[Selection, int]:
    """Return a selection that holds all rows that differ and few others, and how many rows it holds."""
    rows = _rows(sums, 0)
    if rows <= _FEW_ROWS:
        return Selection(), rows
    parts = read_sums(pair, Buckets(number=_HASH_BUCKETS))
    found = [bucket or 0 for bucket in differing(*parts)]
    if len(found) > _HASH_BUCKETS // 4:
        # one read of all is cheaper than the hashes that pick
        return Selection(), rows
    return Selection(remainders=tuple(found), modulus=_HASH_BUCKETS), sum(_rows(parts, bucket) for bucket in found)


def _narrow_ranges(pair: Pair, width: int, sums: tuple[Sums, Sums]) -> tuple[Selection, int]:
    """Return the same for a table with ranges; a range that holds many rows is divided again."""
    ranges: list[tuple[int, int] | None] = []
    total = 0
    # a bucket, its width, and the rows it holds on the fuller side
    waiting = [(bucket, width, _rows(sums, bucket)) for bucket in differing(*sums)]
    while waiting:
        bucket, width, rows = waiting.pop()
        limits = None if bucket is None else bucket_range(bucket, width)
        if limits is None or rows <= _FEW_ROWS or width == 1 or len(waiting) > _FEW_RANGES:
            ranges.append(limits)
            total += rows
            continue
        finer = width // _PARTS + 1
        parts = read_sums(pair, Buckets(width=finer, selection=Selection(ranges=(limits,))))
        waiting += [(part, finer, _rows(parts, part)) for part in differing(*parts)]
    if len(ranges) > _MANY_RANGES:
        return Selection(), sum(_rows(sums, bucket) for bucket in sums[0].keys() | sums[1].keys())
    return Selection(ranges=tuple(sorted(ranges, key=lambda limits: (limits is not None, limits or (0, 0))))), total


def _rows(sums: tuple[Sums, Sums], bucket: Bucket) -> int:
    return max(side.get(bucket, (0, 0))[0] for side in sums)


def _fetch(pair: Pair, selection: Selection, rows: int) -> None:
    """Bring (key, hash) of both sides and of the refused rows into `_radlake_rows`."""
    pair.connection.execute("create or replace temp table _radlake_rows (side varchar, key varchar, hash bigint)")
    old, new = (
        f"select {side.key_text()}, {side.row_hash()} from {side.relation}{selection.where(side)}"
        for side in (pair.old, pair.new)
    )
    pair.connection.execute(f"insert into _radlake_rows select 'new', * from ({new})")
    _append(pair.connection, "refused", [(row.key, row.hash) for row in pair.refused if selection.holds(row)])
    if rows <= _ROWS_AT_ONCE:
        _append(pair.connection, "old", pair.source.rows(old))
        return
    # a stream holds little in memory, but PostgreSQL reads it with one process
    for batch in pair.source.batches(old, _BATCH):
        _append(pair.connection, "old", batch)


def _append(connection: Connection, side: str, rows: Sequence[tuple[Any, ...]]) -> None:
    keys = pa.array([_as_text(row[0]) for row in rows], pa.string())
    hashes = pa.array([int(row[1]) for row in rows], pa.int64())
    sides = pa.array([side] * len(rows), pa.string())
    append_arrow(connection, "_radlake_rows", pa.table({"side": sides, "key": keys, "hash": hashes}))


def _as_text(value: Any) -> str:
    """Return a key that may hold bytes which are no UTF-8 as text that any side can hold."""
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "replace")


_GROUPING = """
    create or replace temp table _radlake_differences as
    with grouped as (
        select
            key,
            count(*) filter (side = 'old') as source_count,
            count(*) filter (side = 'new') as loaded_count,
            count(*) filter (side = 'refused') as refused_count,
            sum(hash) filter (side = 'old') as source_hash,
            sum(hash) filter (side <> 'old') as target_hash
        from _radlake_rows group by key
    )
    select
        key,
        case
            when loaded_count + refused_count = 0 then 'missing'
            when source_count = 0 then 'extra'
            when source_count <> loaded_count + refused_count then 'multiplicity'
            else 'changed'
        end as kind,
        source_count,
        loaded_count + refused_count as target_count
    from grouped
    where
        (source_count <> loaded_count + refused_count or source_hash <> target_hash)
        -- a row that was refused is no difference, even where the text of what did not fit could not be made again
        and not (loaded_count = 0 and refused_count > 0 and source_count in (0, refused_count))
"""


def _read(pair: Pair, limit: int) -> Differences:
    connection, table = pair.connection, pair.old.table
    counted = connection.execute("select kind, count(*) from _radlake_differences group by kind").fetchall()
    rows = connection.execute(
        "select kind, key, source_count, target_count from _radlake_differences "
        "order by try_cast(key as hugeint) nulls last, key limit $1",
        [limit],
    ).fetchall()
    changed = [key for kind, key, old_count, new_count in rows if kind == "changed" and old_count == new_count == 1]
    columns = _changed_columns(pair, changed) if table.key else {}
    return Differences(
        counts={kind: dict(counted)[kind] for kind in KINDS if kind in dict(counted)},
        listed=tuple(
            Difference(
                kind=kind,
                row_key=shown_key(table, key),
                columns=columns.get(key, ()),
                source_count=old_count,
                target_count=new_count,
            )
            for kind, key, old_count, new_count in rows
        ),
    )


def shown_key(table: TablePlan, key: str) -> str:
    """Return a key's text as JSON by column."""
    if not table.key:
        return json.dumps({"row_hash": f"{int(key):015x}"})
    parts = [None if part == chr(NULL_MARK) else part for part in key.split(chr(FIELD_MARK))]
    return json.dumps(dict(zip(table.key, parts, strict=False)), ensure_ascii=False)


def _changed_columns(pair: Pair, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return by key the names of the columns that differ, of keys that stand once on each side."""
    names = [column.name for column in pair.old.table.columns]
    # through the index if there is one; else each look-up reads the whole table
    size = _ROWS_PER_LOOK_UP if pair.old.table.chunk_column is not None else len(keys)
    answer: dict[str, tuple[str, ...]] = {}
    for first in range(0, len(keys), size or 1):
        part = keys[first : first + size]
        rows = pair.ask_both(_columns_query(pair.old, part), _columns_query(pair.new, part))
        old, new = (_column_hashes(side) for side in rows)
        for key in part:
            if key in old and key in new:
                pairs = zip(names, old[key], new[key], strict=True)
                answer[key] = tuple(name for name, before, after in pairs if before != after)
    return answer


def _columns_query(side: Side, keys: Sequence[str]) -> str:
    hashes = ", ".join(side.hash_of(side.field(column)) for column in side.table.columns)
    if side.table.chunk_column is not None:
        where = f"{whole_key(side)} in ({', '.join(keys)})"
    else:
        where = f"{side.key_hash()} in ({', '.join(str(hash_of_text(key.encode())) for key in keys)})"
    return f"select {side.key_text()}, {hashes} from {side.relation} where {where}"


def _column_hashes(rows: Sequence[Sequence[Any]]) -> dict[str, "array[int]"]:
    return {_as_text(row[0]): array("q", map(int, row[1:])) for row in rows}
