"""Decides, row by row, what is new in a delivery: the raw tables keep every version, and a repeat changes nothing.

Rows of a delivery wait in an attached scratch database in memory, whose spill is encrypted. A record is known by
source, period and key (contract). A row is accepted when its key and content (SHA-256 of all columns, of what the door
made of them and of what became of the record) were never seen, or when it ends the delivery's rows of its key and
differs from the newest version stored: a value that went back, or a record that came back, is a new version too.

Keys are counted first: where none occurs twice, as in most deliveries, neither windows nor self-joins are needed, and a
table that is empty needs no comparison at all.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from ingestion.readers import Reading
from lakehouse.contract import Table
from lakehouse.errors import RadlakeError
from lakehouse.lake import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What became of the waiting rows of one file; `duplicates` are among the unchanged."""

    accepted: int = 0
    unchanged: int = 0
    duplicates: int = 0


@contextmanager
def scratch_database(connection: Connection) -> Iterator[None]:
    """Attach a database in memory as `scratch`; what does not fit is spilled, encrypted, below the work folder.

    A file would be compressed again and again for rows that are read a few times and thrown away.
    """
    connection.execute("attach ':memory:' as scratch")
    try:
        yield
    finally:
        connection.execute("detach scratch")


def create_scratch_table(connection: Connection, table: Table) -> str:
    """Create the empty waiting table of a raw table and return its name."""
    columns = ", ".join(f'"{column.name}" {column.data_type}' for column in table.columns)
    name = f"scratch.delivered_{table.name}"
    connection.execute(
        f"create or replace table {name} (_file_no integer, _src_row_no bigint, _src_encoding varchar, "
        f"_clean varchar, _change varchar, {columns})"
    )
    return name


def append_batches(
    connection: Connection,
    batches: Iterator[tuple[str, pa.Table]],
    file_no: int,
    reading: Reading,
    *,
    is_streamed: bool = True,
) -> None:
    """Append the rows of a file, as (raw table, columns), to the waiting tables.

    Batches that follow each other and are alike are one statement, which takes them as they are read: many small
    statements cost several times as much. They are then read in DuckDB's threads, unless `is_streamed` is false.
    """
    ahead = next(batches, None)
    failures: list[BaseException] = []

    def alike(entity: str, schema: pa.Schema, encoding: str | None) -> Iterator[pa.RecordBatch]:
        nonlocal ahead
        while ahead is not None and (ahead[0], ahead[1].schema, reading.encoding) == (entity, schema, encoding):
            yield from ahead[1].to_batches()
            if not is_streamed:
                return
            try:
                ahead = next(batches, None)
            except BaseException as error:
                failures.append(error)
                raise

    while ahead is not None:
        (entity, rows), encoding = ahead, reading.encoding
        reader = pa.RecordBatchReader.from_batches(rows.schema, alike(entity, rows.schema, encoding))
        facts = f"cast({file_no} as integer) as _file_no, {literal(encoding)} as _src_encoding"
        connection.register("delivered_rows", reader)
        try:
            connection.execute(f"insert into scratch.delivered_{entity} by name select *, {facts} from delivered_rows")
        except Exception:
            # DuckDB knows a failure of the reader by its text only
            if failures:
                raise failures[0] from None
            raise
        finally:
            connection.unregister("delivered_rows")
        if not is_streamed:
            ahead = next(batches, None)


def _as_text(column: str, table: Table, absent: str) -> str:
    is_text = next(item.data_type for item in table.columns if item.name == column) == "varchar"
    return f'coalesce("{column}", {absent})' if is_text else f'coalesce(cast("{column}" as varchar), {absent})'


def content_expression(table: Table, empty: Collection[str] = ()) -> str:
    """Return SQL of the digest of a row: its columns, and what was made of them where that was anything.

    `empty` are columns known to hold nothing in any row; the digest is the same without knowing.
    """
    columns = ", ".join("chr(1)" if name in empty else _as_text(name, table, "chr(1)") for name in table.column_names)
    return f"sha256(concat_ws(chr(31), {columns}, _clean, _change))"


def key_expression(table: Table) -> str:
    """Return SQL of the text by which a record is known within its source and period; null without a key."""
    if not table.key:
        return "cast(null as varchar)"
    return "concat_ws(chr(31), " + ", ".join(f"trim({_as_text(name, table, repr(''))})" for name in table.key) + ")"


def decide_rows(
    connection: Connection, table: Table, period: str | None, empty: Collection[str] = ()
) -> dict[int, Counts]:
    """Decide which waiting rows are new and return, by file number, what becomes of them.

    `empty` are columns known to hold nothing in any row.
    Afterwards `scratch.decided_<table>` (_rowid, _file_no, _src_row_no, _key, _row_sha256, is_accepted, is_duplicate)
    tells of every row.
    """
    delivered, decided = f"scratch.delivered_{table.name}", f"scratch.decided_{table.name}"
    connection.execute("create table if not exists scratch.all_new (entity varchar)")
    key, content = key_expression(table), content_expression(table, empty)
    hashed = (
        f"select rowid as _rowid, _file_no, _src_row_no, coalesce({key}, {content}) as _key, "
        f"{content} as _row_sha256 from {delivered}"
    )
    is_distinct = bool(table.key) and _has_distinct_keys(connection, delivered, key)
    if is_distinct and not _has_rows(connection, table):
        connection.execute(
            f"create view {decided} as select *, true as is_accepted, false as is_duplicate from ({hashed})"
        )
        connection.execute("insert into scratch.all_new values ($1)", [table.name])
    elif is_distinct:
        connection.execute(f"create table {decided} as {_compare_distinct(hashed, table)}", [period])
    else:
        connection.execute(f"create table {decided} as {_compare_all(hashed, table)}", [period])
    if _is_all_new(connection, table):
        rows = connection.execute(f"select _file_no, count(*), 0, 0 from {delivered} group by 1").fetchall()
    else:
        rows = connection.execute(
            f"select _file_no, count(*) filter (is_accepted), count(*) filter (not is_accepted), "
            f"count(*) filter (is_duplicate) from {decided} group by 1"
        ).fetchall()
    return {row[0]: Counts(accepted=row[1], unchanged=row[2], duplicates=row[3]) for row in rows}


def _has_distinct_keys(connection: Connection, delivered: str, key: str) -> bool:
    # short texts are counted several times as fast as their digests
    row = connection.execute(f"select count(*) = count(distinct {key}) from {delivered}").fetchone()
    return bool(row and row[0])


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(f'select 1 from raw.{table.schema}."{table.name}" limit 1').fetchone() is not None


def _is_all_new(connection: Connection, table: Table) -> bool:
    """Return whether every waiting row of a table was found to be new without comparing it."""
    query = "select 1 from scratch.all_new where entity = $1"
    return connection.execute(query, [table.name]).fetchone() is not None


AT = "{'loaded': _loaded_at, 'batch': _batch_id, 'row': _src_row_no}"
"""SQL of what orders the stored versions of a record."""


def stored_versions(table: Table) -> str:
    """Return SQL of the stored versions of one period (parameter 1): key, digest, change, and what orders them."""
    key = f"coalesce({key_expression(table)}, _row_sha256)"
    return (
        f"select {key} as _key, _row_sha256, _change, _src_file, _batch_id, "
        f"{AT} as _at "
        f'from raw.{table.schema}."{table.name}" where _src_period is not distinct from $1'
    )


def _compare_distinct(hashed: str, table: Table) -> str:
    """Return SQL for a delivery in which each key occurs once: new is what differs from the newest version."""
    return f"""
        with delivered as materialized ({hashed}),
        newest as (
            select stored._key, arg_max(stored._row_sha256, stored._at) as _row_sha256
            from ({stored_versions(table)}) as stored
            where stored._key in (select delivered._key from delivered)
            group by stored._key
        )
        select
            delivered.*,
            newest._row_sha256 is distinct from delivered._row_sha256 as is_accepted,
            false as is_duplicate
        from delivered
        left join newest on delivered._key = newest._key
    """


def _compare_all(hashed: str, table: Table) -> str:
    return f"""
        with delivered as materialized ({hashed}),
        history as (
            select stored.*
            from ({stored_versions(table)}) as stored
            where stored._key in (select delivered._key from delivered)
        ),
        seen as (
            select distinct _key, _row_sha256 from history
        ),
        newest as (
            select _key, arg_max(_row_sha256, _at) as _row_sha256 from history group by _key
        ),
        repeated as (
            select md5_number_lower(_key) as _hash from delivered group by 1 having count(*) > 1
        ),
        single as (
            select delivered.*, 1 as _copy_no, 1 as _copy_in_file, true as is_last
            from delivered
            where md5_number_lower(delivered._key) not in (select repeated._hash from repeated)
        ),
        multiple as (
            select
                delivered.*,
                row_number() over (partition by _key, _row_sha256 order by _file_no, _src_row_no, _rowid) as _copy_no,
                row_number() over (partition by _file_no, _key, _row_sha256 order by _src_row_no, _rowid)
                    as _copy_in_file,
                row_number() over (partition by _key order by _file_no desc, _src_row_no desc, _rowid desc) = 1
                    as is_last
            from delivered
            where md5_number_lower(delivered._key) in (select repeated._hash from repeated)
        ),
        numbered as (
            select rows.*, seen._key is null and rows._copy_no = 1 as is_first_seen
            from (select * from single union all select * from multiple) as rows
            left join seen on rows._key = seen._key and rows._row_sha256 = seen._row_sha256
        ),
        newest_after as (
            select _key, arg_max(_row_sha256, (_file_no, _src_row_no, _rowid)) as _row_sha256
            from numbered where is_first_seen group by _key
        ),
        judged as (
            select
                numbered.*,
                numbered.is_first_seen or (
                    numbered.is_last
                    and numbered._row_sha256 <> coalesce(newest_after._row_sha256, newest._row_sha256)
                ) as is_accepted
            from numbered
            left join newest on numbered._key = newest._key
            left join newest_after on numbered._key = newest_after._key
        )
        select
            _rowid, _file_no, _src_row_no, _key, _row_sha256, is_accepted,
            _copy_in_file > 1 and not is_accepted as is_duplicate
        from judged
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What all rows of one load have in common."""

    batch_id: str
    loaded_at: datetime
    period: str | None
    tokens: tuple[str, ...]
    """Token of each file, by its number."""


def create_load_view(
    connection: Connection,
    table: Table,
    load: Load,
    *,
    has_accepted: bool,
    has_deleted: bool,
    empty: Collection[str] = (),
) -> str:
    """Create the view of the rows to append, and return its name.

    These are the accepted rows with their provenance, in the order of delivery, and then those of vanished records.
    `empty` are columns known to hold nothing in any row.
    """
    columns = ", ".join(f'"{name}"' for name in (*table.column_names, *table.provenance))
    parts = [_accepted_query(connection, table, load, empty)] if has_accepted else []
    if has_deleted:
        parts.append(f"select {columns} from scratch.deleted_{table.name}")
    name = f"scratch.load_{table.name}"
    connection.execute(f"create or replace view {name} as {' union all by name '.join(parts)}")
    return name


def _accepted_query(connection: Connection, table: Table, load: Load, empty: Collection[str]) -> str:
    columns = ", ".join(f'rows."{name}"' for name in table.column_names)
    if not _is_all_new(connection, table):
        rows = (
            f"(select delivered.*, decided._row_sha256 from scratch.delivered_{table.name} as delivered "
            f"inner join scratch.decided_{table.name} as decided on delivered.rowid = decided._rowid "
            "where decided.is_accepted order by delivered.rowid)"
        )
    else:
        # all rows are new, and they lie in their order
        rows = f"(select *, {content_expression(table, empty)} as _row_sha256 from scratch.delivered_{table.name})"
    tokens = ", ".join(literal(token) for token in load.tokens)
    # a view takes no parameters
    return f"""
        select
            {columns},
            cast([{tokens}] as varchar[])[rows._file_no + 1] as _src_file,
            rows._src_row_no,
            rows._src_encoding,
            cast({literal(load.period)} as varchar) as _src_period,
            rows._row_sha256,
            {literal(load.batch_id)} as _batch_id,
            -- a later file of one load is newer, whatever its row numbers are
            timestamp '{load.loaded_at.isoformat(sep=" ")}' + to_microseconds(cast(rows._file_no as bigint))
                as _loaded_at,
            rows._clean,
            rows._change
        from {rows} as rows
    """


def literal(text: str | None) -> str:
    """Return a text as an SQL string, or null."""
    return "null" if text is None else "'" + text.replace("'", "''") + "'"


def check_loaded(connection: Connection, table: Table, batch_id: str, expected: int) -> None:
    """Raise RadlakeError when the raw table does not hold exactly the rows of a load."""
    row = connection.execute(
        f'select count(*) from raw.{table.schema}."{table.name}" where _batch_id = $1', [batch_id]
    ).fetchone()
    stored = int(row[0]) if row else 0
    if stored != expected:
        raise RadlakeError(
            f"{table.schema}.{table.name} holds {stored} rows of a load of {expected}: run the same command again"
        )
