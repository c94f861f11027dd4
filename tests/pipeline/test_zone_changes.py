"""What a zone lost and gained between two moments, whoever wrote it and in how many steps."""

from lakehouse.changes import changed_tables, gather_files, has_moment, read_moment, write_changes
from lakehouse.lake import open_lake
from lakehouse.settings import Settings


def test_rows_that_came_went_and_changed_are_told_once(settings: Settings) -> None:
    with open_lake(settings) as connection:
        connection.execute("create table raw.raw_his.note as select range as id, 'a' as word from range(100)")
        since = read_moment(connection, "raw")
        assert changed_tables(connection, "raw", since) == {}
        for statement in (
            "insert into raw.raw_his.note values (1000, 'came'), (1001, 'came and went')",
            "delete from raw.raw_his.note where id in (1, 1001)",
            "update raw.raw_his.note set word = 'b' where id in (5, 1000)",
            "update raw.raw_his.note set word = 'c' where id = 5",
            # more than the catalog keeps itself
            "insert into raw.raw_his.note select 2000 + range, 'many' from range(500)",
            "delete from raw.raw_his.note where id > 2001",
            "create table raw.raw_his.new_note as select 1 as id",
        ):
            connection.execute(statement)
        gather_files(connection, "raw")
        until = read_moment(connection, "raw")
        assert changed_tables(connection, "raw", since) == {"raw_his.note": True, "raw_his.new_note": False}
        connection.execute("attach ':memory:' as side")
        write_changes(connection, "raw", "raw_his.note", since, until, lost="side.lost", gained="side.gained")
        assert connection.execute("from side.lost order by id").fetchall() == [(1, "a"), (5, "a")]
        assert connection.execute("from side.gained order by id").fetchall() == [
            (5, "c"), (1000, "b"), (2000, "many"), (2001, "many"),
        ]  # fmt: skip


def test_a_moment_that_was_undone_is_not_known(settings: Settings) -> None:
    with open_lake(settings) as connection:
        moment = read_moment(connection, "raw")
        assert has_moment(connection, "raw", moment)
        assert not has_moment(connection, "raw", type(moment)(snapshot=moment.snapshot, taken_at="0"))
        assert not has_moment(connection, "raw", type(moment)(snapshot=moment.snapshot + 1, taken_at=moment.taken_at))
