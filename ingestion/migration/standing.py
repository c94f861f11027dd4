"""Decides which chunks of a table stand and which must be read, by comparing them with the source's snapshot.

A killed run leaves a part of the chunks, a changed source makes some of them stale: both leave gaps in the range of the
key, and what fills a gap is cut anew. Chunks that stand are hashed on both sides, so nothing is taken on trust.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingestion.migration import books
from ingestion.migration.chunks import Chunk, count_rows, cut, fingerprint_chunk
from ingestion.migration.plan import Plan, TablePlan
from ingestion.migration.scanner import Scanner
from lakehouse.lake import Connection


@dataclass(kw_only=True, slots=True)
class Standing:
    """What an earlier run left of a table, and what is missing."""

    missing: list[Chunk] = field(default_factory=list)
    unchanged: int = 0
    rejected: int = 0
    removed: int = 0


def find_missing(scanner: Scanner, connection: Connection, plan: Plan, table: TablePlan, source_rows: int) -> Standing:
    """Return the chunks to read; rows of stale chunks are taken back, those that stand are counted as unchanged."""
    standing = Standing()
    stored = books.read_chunks(connection, plan, table)
    if any(row["plan_sha256"] != table.fingerprint for row in stored):
        standing.removed += books.remove_chunks(connection, plan, table, [row["batch_id"] for row in stored])
        stored = []
    if not stored:
        whole = Chunk(number=0, lower=None, upper=None, rows=source_rows)
        standing.missing = cut(scanner, table, whole, itertools.count())
        return standing
    numbers = itertools.count(max(row["chunk_no"] for row in stored) + 1)
    chunks = [books.stored_chunk(row) for row in stored]
    gaps = list(_gaps(scanner, table, chunks))
    chunks = [replace(chunk, rows=count_rows(scanner, table, chunk)) for chunk in chunks]
    stale = _find_stale(scanner, connection, plan, table, standing, stored, chunks)
    for chunk in [*gaps, *(chunk for _, chunk in stale)]:
        standing.missing += cut(scanner, table, chunk, numbers)
    if stale:
        standing.removed += books.remove_chunks(connection, plan, table, [batch_id for batch_id, _ in stale])
    return standing


def _gaps(scanner: Scanner, table: TablePlan, chunks: Sequence[Chunk]) -> Iterator[Chunk]:
    """Yield the ranges of the key that no chunk covers, with their rows."""
    reached: int | None = None
    for chunk in sorted(chunks, key=lambda chunk: (chunk.lower is not None, chunk.lower or 0)):
        if chunk.lower != reached:
            yield _counted(scanner, table, reached, chunk.lower)
        if chunk.upper is None:
            return
        reached = chunk.upper
    yield _counted(scanner, table, reached, None)


def _counted(scanner: Scanner, table: TablePlan, lower: int | None, upper: int | None) -> Chunk:
    span = Chunk(number=0, lower=lower, upper=upper, rows=0)
    return replace(span, rows=count_rows(scanner, table, span))


def _find_stale(
    scanner: Scanner,
    connection: Connection,
    plan: Plan,
    table: TablePlan,
    standing: Standing,
    stored: Sequence[dict[str, Any]],
    chunks: Sequence[Chunk],
) -> list[tuple[str, Chunk]]:
    held = books.hash_batches(connection, table)
    stale = []
    for row, chunk in zip(stored, chunks, strict=True):
        rows, total, rejects = fingerprint_chunk(scanner, table, chunk)
        same = (rows, total) == held.get(row["batch_id"], (0, 0))
        if same and rejects == books.read_rejects(connection, plan, table, row["batch_id"]):
            standing.unchanged += rows
            standing.rejected += len(rejects)
        else:
            stale.append((row["batch_id"], chunk))
    return stale
