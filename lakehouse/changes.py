"""Tells what changed in a zone between two moments: which tables, and which rows they lost and gained.

Moments are snapshots of the lake's catalog, so appended, replaced and deleted rows are told alike, whoever wrote them.
A moment is known by number and time: a catalog that was put back uses its numbers again, but not its times.
"""

from dataclasses import dataclass

from lakehouse.lake import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One snapshot of a zone."""

    snapshot: int
    taken_at: str


def read_moment(connection: Connection, zone: str) -> Moment:
    """Return the newest snapshot of an attached zone."""
    row = connection.execute(
        "select snapshot_id, cast(epoch_us(snapshot_time) as varchar) from ducklake_snapshots($1) "
        "order by snapshot_id desc limit 1",
        [zone],
    ).fetchone()
    assert row is not None, "a lake has a snapshot from its making on"
    return Moment(snapshot=int(row[0]), taken_at=str(row[1]))


def has_moment(connection: Connection, zone: str, moment: Moment) -> bool:
    """Return whether a zone still knows a snapshot: it was neither expired nor undone."""
    row = connection.execute(
        "select count(*) from ducklake_snapshots($1) where snapshot_id = $2 "
        "and cast(epoch_us(snapshot_time) as varchar) = $3",
        [zone, moment.snapshot, moment.taken_at],
    ).fetchone()
    return row is not None and row[0] == 1


def changed_tables(connection: Connection, zone: str, since: Moment) -> dict[str, bool]:
    """Return the tables a zone changed since a snapshot, as schema.table, and whether each stood there at that time.

    A table that was dropped and made anew did not stand: what it lost cannot be told.
    """
    touched = {
        int(item)
        for (changes,) in connection.execute(
            "select changes from ducklake_snapshots($1) where snapshot_id > $2", [zone, since.snapshot]
        ).fetchall()
        for items in changes.values()
        for item in items
        if str(item).isdigit()
    }
    rows = connection.execute(
        "select tables.table_id, schemas.schema_name || '.' || tables.table_name, tables.begin_snapshot "
        f"from __ducklake_metadata_{zone}.ducklake_table as tables "
        f"inner join __ducklake_metadata_{zone}.ducklake_schema as schemas using (schema_id) "
        "where tables.end_snapshot is null and schemas.end_snapshot is null"
    ).fetchall()
    first_seen = dict(
        connection.execute(
            f"select table_id, min(begin_snapshot) from __ducklake_metadata_{zone}.ducklake_table group by table_id"
        ).fetchall()
    )
    return {name: first_seen[table] <= since.snapshot for table, name, _ in rows if table in touched}


def write_changes(
    connection: Connection, zone: str, table: str, since: Moment, until: Moment, *, lost: str, gained: str
) -> None:
    """Write the rows that a table (schema.table) lost and gained between two snapshots into two new tables.

    A row that came and went in between is in neither; of a row that was changed, the first and the last state stand.
    """
    schema, name = table.split(".")
    connection.execute(
        "create or replace temp table change as select *, "
        "snapshot_id * 2 + cast(change_type in ('insert', 'update_postimage') as integer) as change_order "
        f"from ducklake_table_changes('{zone}', '{schema}', '{name}', {since.snapshot + 1}, {until.snapshot})"
    )
    for target, side, order in ((lost, "('delete', 'update_preimage')", "asc"),
                                (gained, "('insert', 'update_postimage')", "desc")):  # fmt: skip
        connection.execute(
            f"create table {target} as select * exclude (snapshot_id, rowid, change_type, change_order, change_rank) "
            f"from (select *, row_number() over (partition by rowid order by change_order {order}) as change_rank "
            f"from change) where change_rank = 1 and change_type in {side}"
        )
    connection.execute("drop table change")


def gather_files(connection: Connection, zone: str) -> None:
    """Put the small files that many small writes left in a zone together; what it holds, and held, stays."""
    connection.execute(f"call ducklake_merge_adjacent_files('{zone}')")
