"""Decides, row by row, what is new in a delivery: the raw tables keep every version, and a repeat changes nothing.

Rows of a delivery wait in an attached scratch database that is encrypted with a key nobody keeps. A row is accepted
when its key (contract) and content (SHA-256 of all columns) were never seen, or when it ends the delivery's rows of
its key and differs from the newest version stored: a value that went back is a new version too.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa

from ingestion.load import Reader
from lakehouse.contract import Table
from lakehouse.errors import RadlakeError
from lakehouse.lake import Connection
from lakehouse.settings import Settings

ROWS_PER_ARROW_BATCH = 100_000


@contextmanager
def scratch_database(connection: Connection, settings: Settings) -> Iterator[None]:
    """Attach an encrypted scratch database as `scratch` and forget its key."""
    path = settings.work_folder / f"scratch_{secrets.token_hex(4)}.duckdb"
    connection.execute(f"attach '{path}' as scratch (encryption_key '{secrets.token_hex(32)}')")
    try:
        yield
    finally:
        connection.execute("detach scratch")
        path.unlink(missing_ok=True)


def create_scratch_table(connection: Connection, table: Table) -> str:
    """Create the empty waiting table of a raw table and return its name."""
    columns = ", ".join(f'"{column.name}" {column.data_type}' for column in table.columns)
    name = f"scratch.delivered_{table.name}"
    connection.execute(
        f"create or replace table {name} (_file_no integer, _src_row_no bigint, _src_encoding varchar, "
        f"_clean varchar, _change varchar, {columns})"
    )
    return name


def _expressions(table: Table) -> tuple[str, str]:
    content = ", ".join(f'coalesce(cast("{name}" as varchar), chr(1))' for name in table.column_names)
    sha = f"sha256(concat_ws(chr(31), {content}))"
    if not table.key:
        return sha, sha
    parts = ", ".join(f"trim(coalesce(cast(\"{name}\" as varchar), ''))" for name in table.key)
    return f"md5(concat_ws(chr(31), {parts}))", sha


def accept_new_rows(connection: Connection, table: Table) -> dict[int, tuple[int, int]]:
    """Mark the new rows of a waiting table and return, by file number, how many were accepted and unchanged.

    Afterwards `scratch.accepted_<table>` holds the accepted rows with their SHA-256.
    """
    key, sha = _expressions(table)
    delivered = f"scratch.delivered_{table.name}"
    connection.execute(
        f"""
        create or replace table scratch.decided_{table.name} as
        with delivered as (
            select _file_no, _src_row_no, {key} as _key, {sha} as _row_sha256 from {delivered}
        ),
        keys as (
            select distinct _key from delivered
        ),
        history as (
            select
                stored._key,
                stored._row_sha256,
                stored._loaded_at,
                stored._batch_id,
                stored._src_row_no
            from (
                select {key} as _key, _row_sha256, _loaded_at, _batch_id, _src_row_no
                from raw.{table.schema}."{table.name}"
            ) as stored
            inner join keys on stored._key = keys._key
        ),
        seen as (
            select distinct _key, _row_sha256 from history
        ),
        newest as (
            select _key, arg_max(_row_sha256, (_loaded_at, _batch_id, _src_row_no)) as _row_sha256
            from history group by _key
        ),
        numbered as (
            select
                delivered.*,
                seen._key is null and row_number() over (
                    partition by delivered._key, delivered._row_sha256
                    order by delivered._file_no, delivered._src_row_no
                ) = 1 as is_first_seen,
                row_number() over (
                    partition by delivered._key order by delivered._file_no desc, delivered._src_row_no desc
                ) = 1 as is_last
            from delivered
            left join seen on delivered._key = seen._key and delivered._row_sha256 = seen._row_sha256
        ),
        newest_after as (
            select _key, arg_max(_row_sha256, (_file_no, _src_row_no)) as _row_sha256
            from numbered where is_first_seen group by _key
        )
        select
            numbered._file_no,
            numbered._src_row_no,
            numbered._row_sha256,
            numbered.is_first_seen or (
                numbered.is_last
                and numbered._row_sha256 <> coalesce(newest_after._row_sha256, newest._row_sha256)
            ) as is_accepted
        from numbered
        left join newest on numbered._key = newest._key
        left join newest_after on numbered._key = newest_after._key
        """
    )
    counts = connection.execute(
        f"select _file_no, count(*) filter (is_accepted), count(*) filter (not is_accepted) "
        f"from scratch.decided_{table.name} group by _file_no"
    ).fetchall()
    return {file_no: (accepted, unchanged) for file_no, accepted, unchanged in counts}


def accepted_rows(
    connection: Connection,
    table: Table,
    *,
    tokens: list[str],
    batch_id: str,
    loaded_at: datetime,
    period: str | None,
) -> Reader:
    """Return a reader of the accepted rows with their provenance, in the order of delivery."""
    connection.execute(
        f"create or replace table scratch.tokens_{table.name} as "
        "select unnest(range(len($1)))::integer as _file_no, unnest($1) as token",
        [tokens],
    )
    columns = ", ".join(f'delivered."{name}"' for name in table.column_names)
    query = f"""
        select
            {columns},
            tokens.token as _src_file,
            delivered._src_row_no,
            delivered._src_encoding,
            cast($1 as varchar) as _src_period,
            decided._row_sha256,
            cast($2 as varchar) as _batch_id,
            -- a later file of one load is newer, whatever its row numbers are
            cast($3 as timestamp) + to_microseconds(cast(delivered._file_no as bigint)) as _loaded_at,
            delivered._clean,
            delivered._change
        from scratch.delivered_{table.name} as delivered
        inner join scratch.decided_{table.name} as decided
            on delivered._file_no = decided._file_no and delivered._src_row_no = decided._src_row_no
        inner join scratch.tokens_{table.name} as tokens on delivered._file_no = tokens._file_no
        where decided.is_accepted
        order by delivered._file_no, delivered._src_row_no
    """

    def read() -> pa.RecordBatchReader:
        # a cursor of its own: dlt takes the tables in turns, and a second query would end the first one's stream
        return connection.cursor().execute(query, [period, batch_id, loaded_at]).to_arrow_reader(ROWS_PER_ARROW_BATCH)

    return read


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
