"""Finds the records that a complete extract no longer holds and writes a tombstone for each.

A record belongs to the mapping whose files brought its newest version, within source, entity and period. It vanished
when the newest complete delivery lacks its key; the tombstone is a copy of its last version with `_change` `deleted`
and the provenance of the load. Nothing is concluded from an empty or held file, from a delivery that lacks a file it
had before, or for a key that stands in a record that went to quarantine; and when more than half of the records would
vanish, somebody has to say that it is so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ingestion.stage import AT, Load, key_expression, stored_versions
from lakehouse.contract import Table
from lakehouse.lake import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteDelivery:
    """The files of one mapping with `complete_extract` that were read in one load."""

    match: str
    file_numbers: tuple[int, ...]
    refused_texts: tuple[str, ...] = ()
    """Records of these files that went to quarantine: a key in one of them was not deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vanished:
    """How many records a complete delivery lacks, and how many of those known it still has."""

    count: int
    kept: int

    @property
    def is_mass_deletion(self) -> bool:
        """Return whether more than half of the records would vanish."""
        return self.count > self.kept


def create_deleted_table(connection: Connection, table: Table) -> None:
    """Create the empty table of tombstones of one raw table."""
    connection.execute(
        f"create or replace table scratch.deleted_{table.name} as "
        f'select * from raw.{table.schema}."{table.name}" limit 0'
    )


def find_vanished(connection: Connection, table: Table, delivery: CompleteDelivery, period: str | None) -> Vanished:
    """Put the keys a delivery lacks into `scratch.vanished_<table>` and count them."""
    key = key_expression(table)
    connection.execute(
        f"""
        create or replace table scratch.vanished_{table.name} as
        with delivered as (
            select distinct {key} as _key from scratch.delivered_{table.name}
            where list_contains($4::integer[], _file_no)
        ),
        deliveries as (
            select distinct batch_id, file_token from raw.raw_ledger.delivery
            where source = $2 and entity = $3 and file_match = $5
        ),
        newest as (
            select
                _key,
                arg_max({{'sha': _row_sha256, 'change': _change, 'file': _src_file, 'batch': _batch_id}}, _at) as last,
                max(_at) as _at
            from ({stored_versions(table)}) as stored
            where _key not in (select delivered._key from delivered)
            group by _key
        )
        select newest._key, newest._at, newest.last.sha as _row_sha256
        from newest
        inner join deliveries on newest.last.file = deliveries.file_token and newest.last.batch = deliveries.batch_id
        where newest.last.change is null
        """,
        [period, table.source, table.name, list(delivery.file_numbers), delivery.match],
    )
    _spare_refused(connection, table, delivery.refused_texts)
    count = _count(connection, f"select count(*) from scratch.vanished_{table.name}")
    if not count:
        return Vanished(count=0, kept=0)
    kept = connection.execute(
        f"""
        select count(distinct stored._key) from ({stored_versions(table)}) as stored
        where stored._key in (
            select {key} from scratch.delivered_{table.name} where list_contains($2::integer[], _file_no)
        )
        """,
        [period, list(delivery.file_numbers)],
    ).fetchone()
    return Vanished(count=count, kept=int(kept[0]) if kept else 0)


def _spare_refused(connection: Connection, table: Table, texts: Sequence[str]) -> None:
    """Keep records whose first key column stands as a word in a record that was refused."""
    if not texts:
        return
    connection.execute(
        f"""
        delete from scratch.vanished_{table.name}
        where split_part(_key, chr(31), 1) in (
            select unnest(regexp_split_to_array(text, '[^0-9A-Za-z_.-]+'))
            from (select unnest($1::varchar[]) as text)
        )
        """,
        [list(texts)],
    )


def write_tombstones(connection: Connection, table: Table, load: Load, file_number: int) -> None:
    """Turn the vanished keys into tombstones of one load, in the name of the file with this number."""
    columns = ", ".join(f'last."{name}"' for name in table.column_names)
    key = f"coalesce({key_expression(table)}, _row_sha256)"
    connection.execute(
        f"""
        insert into scratch.deleted_{table.name} by name
        select
            {columns},
            $2::varchar as _src_file,
            -- no row of the file told of it
            cast(0 as bigint) as _src_row_no,
            last._src_encoding,
            last._src_period,
            sha256(concat_ws(chr(31), 'deleted', last._row_sha256)) as _row_sha256,
            $3::varchar as _batch_id,
            cast($4 as timestamp) + to_microseconds(cast($5 as bigint)) as _loaded_at,
            last._clean,
            'deleted' as _change
        from (
            select *, {key} as _key, {AT} as _at
            from raw.{table.schema}."{table.name}"
            where _src_period is not distinct from $1
        ) as last
        inner join scratch.vanished_{table.name} as vanished
            on last._key = vanished._key and last._at = vanished._at and last._row_sha256 = vanished._row_sha256
        order by last._key
        """,
        [load.period, load.tokens[file_number], load.batch_id, load.loaded_at, len(load.tokens)],
    )


def _count(connection: Connection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
