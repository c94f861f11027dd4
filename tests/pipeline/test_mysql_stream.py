"""Streaming rows of MySQL: every value arrives as it is, whatever the packets it came in."""

import pytest

from ingestion.migration.mysql_stream import RowStream
from ingestion.migration.source import open_source, parse_address
from lakehouse.errors import RadlakeError
from tests.builders.servers import Server

# one packet holds 16,777,215 bytes; a length takes one, three, four or nine bytes
LARGEST = 16_777_215


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select 1", [("1",)]),
        ("select 1 limit 0", []),
        ("select '', null, '肺', ''", [("", None, "肺", "")]),
        ("select repeat('x', 250), repeat('y', 251)", [("x" * 250, "y" * 251)]),
        ("select repeat('x', 65535), repeat('y', 65536), 'z'", [("x" * 65535, "y" * 65536, "z")]),
        ("select 'twelve bytes', 'thirteen byte'", [("twelve bytes", "thirteen byte")]),
        (
            f"select 'a', repeat('x', {LARGEST - 6}) union all select 'b', repeat('y', {LARGEST - 7}) "
            f"union all select 'c', repeat('z', {2 * LARGEST - 6}) union all select 'd', null",
            [("a", "x" * (LARGEST - 6)), ("b", "y" * (LARGEST - 7)), ("c", "z" * (2 * LARGEST - 6)), ("d", None)],
        ),
    ],
    ids=["one", "none", "empty and null", "short lengths", "long lengths", "inline", "several packets"],
)
def test_values_arrive_as_they_are(mariadb: Server, query: str, rows: list[tuple[str | None, ...]]) -> None:
    address = parse_address(mariadb.url(mariadb.new_database()))
    with open_source(address) as source:
        columns = len(rows[0]) if rows else 1
        table = RowStream(source.driver_connection(), address, query, binary=set()).reader(columns).read_all()
        table.validate(full=True)
        assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == rows
        # the connection can be asked again
        assert source.rows("select 2") == [(2,)]


def test_bytes_arrive_as_bytes_in_many_blocks(mariadb: Server) -> None:
    address = parse_address(mariadb.url(mariadb.new_database()))
    query = "select seq, concat(unhex('00FF1F'), repeat('a', seq % 900)) from seq_1_to_40000"
    with open_source(address) as source:
        table = RowStream(source.driver_connection(), address, query, binary={1}).reader(2).read_all()
    assert table["c0"].to_pylist() == [str(number) for number in range(1, 40_001)]
    assert table["c1"].to_pylist() == [b"\x00\xff\x1f" + b"a" * (number % 900) for number in range(1, 40_001)]


@pytest.mark.parametrize(
    "query",
    ["select * from gone", "select exp(seq) from seq_1_to_1000"],
    ids=["refused at once", "refused on the way"],
)
def test_an_error_of_the_server_is_told_without_values(mariadb: Server, query: str) -> None:
    address = parse_address(mariadb.url(mariadb.new_database()))
    with open_source(address) as source:
        source.rows("select 1")
        stream = RowStream(source.driver_connection(), address, query, binary=set())
        with pytest.raises(RuntimeError, match="broke off"):
            stream.reader(1).read_all()
    assert isinstance(stream.error, RadlakeError)
    assert "refused a query" in str(stream.error)
