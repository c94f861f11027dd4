"""What values of a dump become: the text a server shows, and the same texts on both sides of a comparison."""

import math
import random
import sqlite3
import struct

import duckdb
import pytest

from ingestion.migration.catalog import Column
from ingestion.migration.dump.literals import (
    DEFAULT,
    Unknown,
    read_mysql,
    read_mysql_bits,
    read_mysql_bytes,
    read_postgresql,
)
from ingestion.migration.dump.mysql import values as mysql
from ingestion.migration.dump.postgresql import values as postgresql
from ingestion.migration.sqlite_functions import register
from ingestion.migration.types import dump_rule, rule_for

MYSQL = [
    ("int(11)", "7", "7"), ("int(11)", "007", "7"), ("int(11)", "-0", "0"), ("int(11)", "1.5", "2"),
    ("int(11)", b"\x01\x00", "256"), ("int(11)", "x", "x"), ("bigint(20) unsigned", "18446744073709551615", "18446744073709551615"),
    ("decimal(8,2)", "1.5", "1.50"), ("decimal(8,2)", "1.005", "1.01"), ("decimal(8,2)", "-0", "0.00"), ("decimal(8,2)", "1e2", "100.00"),
    ("decimal(10,0)", "2.5", "3"), ("float", "0.1", "0.10000000149011612"), ("double", "1e300", "1e300"), ("double", "3.0", "3"),
    ("float(8,2)", "1.005", "1"), ("date", "2020-1-5", "2020-01-05"), ("date", "20200105", "2020-01-05"), ("date", "0000-00-00", "0000-00-00"),
    ("date", "99-12-31", "1999-12-31"), ("date", "2020-01-05 10:00:00", "2020-01-05"),
    ("datetime", "2020-01-05", "2020-01-05 00:00:00"), ("datetime", "2020-01-05T10:11", "2020-01-05 10:11:00"),
    ("datetime", "2020-01-05 10:11:12.6", "2020-01-05 10:11:13"), ("datetime(3)", "2020-12-31 23:59:59.9996", "2021-01-01 00:00:00.000"),
    ("datetime(2)", "2020-01-05 10:11:12", "2020-01-05 10:11:12.00"), ("datetime", "0000-00-00 00:00:00", "0000-00-00 00:00:00"),
    ("timestamp", "2020-01-01 08:00:00", "2020-01-01 00:00:00"), ("time", "1:2:3", "01:02:03"), ("time", "-838:59:59", "-838:59:59"),
    ("time", "11:12", "11:12:00"), ("time", "101112", "10:11:12"), ("time(2)", "10:11:12.345", "10:11:12.35"), ("time", "1 02:03:04", "26:03:04"),
    ("year(4)", "70", "1970"), ("year(4)", "69", "2069"), ("year(4)", "2020", "2020"), ("year(4)", "0", "0"),
    ("char(5)", "ab  ", "ab"), ("varchar(5)", "ab  ", "ab  "), ("varchar(5)", b"\xe4\xb8\xad", "中"), ("text", "'\\", "'\\"),
    ("binary(4)", "ab", b"ab\0\0"), ("varbinary(4)", b"\xff", b"\xff"), ("blob", "中", "中".encode()), ("bit(3)", b"\x05", "5"), ("bit(3)", "5", "5"),
    ("enum('男','It''s')", "it's", "It's"), ("enum('a','b')", "2", "b"), ("enum('1','2')", "2", "2"), ("enum('a')", "", ""),
    ("set('x','y','z')", "Z,x", "x,z"), ("set('x','y','z')", "5", "x,z"), ("set('x','y')", "", ""),
    ("json", '{"bb":1,"a": [1,2.50]}', '{"a": [1, 2.50], "bb": 1}'), ("json", "no json", "no json"), ("uuid", "ABC", "abc"),
]  # fmt: skip
POSTGRESQL = [
    ("integer", "007", "7"), ("integer", "1.5", "2"), ("numeric(8,2)", "1.5", "1.50"), ("numeric", "1e3", "1000"), ("numeric", "007.50", "7.50"),
    ("numeric(8,2)", "nan", "NaN"), ("numeric(3,-2)", "12345", "12300"), ("real", "0.1", "0.10000000149011612"), ("double precision", "1e15", "1e+15"),
    ("double precision", "0.00001", "1e-05"), ("double precision", "100000", "100000"), ("double precision", "-inf", "-Infinity"),
    ("boolean", "t", "true"), ("boolean", "off", "false"), ("date", "2020-1-5", "2020-01-05"), ("date", "infinity", "infinity"), ("date", "20200105", "2020-01-05"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"), ("timestamp without time zone", "2020-01-05", "2020-01-05 00:00:00"),
    ("timestamp without time zone", "2020-01-05T10:11:12.500", "2020-01-05 10:11:12.5"), ("timestamp(0) without time zone", "2020-12-31 23:59:59.5", "2021-01-01 00:00:00"),
    ("timestamp with time zone", "2020-01-01 08:00:00+08", "2020-01-01 00:00:00+00"), ("timestamp with time zone", "2020-01-01 08:00:00", "2020-01-01 00:00:00+00"),
    ("timestamp with time zone", "2020-01-01 00:00:00-05:30", "2020-01-01 05:30:00+00"), ("timestamp with time zone", "2020-01-01 08:00 Asia/Shanghai", "2020-01-01 00:00:00+00"),
    ("time without time zone", "1:02", "01:02:00"), ("time without time zone", "1:02 PM", "13:02:00"), ("time with time zone", "10:00:00+08:00", "10:00:00+08"),
    ("character(5)", "ab   ", "ab"), ("character varying(5)", "ab  ", "ab  "), ("uuid", "{123E4567E89B12D3A456426614174000}", "123e4567-e89b-12d3-a456-426614174000"),
    ("json", '{"b":1}', '{"b":1}'), ("jsonb", '{"bb":1,"a": 1e2, "a":3}', '{"a": 3, "bb": 1}'), ("bytea", "\\x00ff", b"\x00\xff"), ("bytea", "a\\000\\\\", b"a\0\\"),
    ("integer[]", "{1, 2 ,NULL}", "{1,2,NULL}"), ("text[]", '{a, "b c","NULL",""}', '{a,"b c","NULL",""}'),
    ("boolean[]", "{true,f}", "{t,f}"), ("numeric(4,1)[]", "{{1},{2.25}}", "{{1.0},{2.3}}"), ("real[]", "{0.1,1e10}", "{0.1,1e+10}"),
    ("interval", "1 day 2 hours", "1 day 02:00:00"), ("interval", "90 minutes", "01:30:00"), ("interval", "-1 mons +3 days", "-1 mons +3 days"),
    ("interval", "2 years 1 day ago", "-2 years -1 days"), ("money", "-1234.5", "-$1,234.50"), ("inet", "10.0.0.1", "10.0.0.1/32"),
    ("int4range", "[1,5]", "[1,6)"), ("int4range", "(5,5)", "empty"), ("daterange", "[2020-01-01,]", "[2020-01-01,)"), ("mood", "sad", "sad"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "written", "shown"), MYSQL)
def test_a_mysql_value_is_what_its_server_shows(kind: str, written: str | bytes, shown: str | bytes) -> None:
    assert mysql.converter(kind, str.encode, "+08:00")([written, None]) == [shown, None]


@pytest.mark.parametrize(("kind", "written", "shown"), POSTGRESQL)
def test_a_postgresql_value_is_what_its_server_shows(kind: str, written: str, shown: str | bytes) -> None:
    assert list(postgresql.converter(kind, "Asia/Shanghai")([written, None])) == [shown, None]


@pytest.mark.parametrize(
    ("token", "value"),
    [("NULL", None), ("null", None), ("'it\\'s\\n\\%'", "it's\n\\%"), ("'a''b'", "a'b"), ('"a""b\\""', 'a"b"'), ("0x4a", b"J"), ("0xABC", b"\x0a\xbc"),
     ("x'00FF'", b"\x00\xff"), ("b'101'", b"\x05"), ("_binary 'a\\0'", b"a\0"), ("_utf8mb4'中'", "中"), ("N'中'", "中"), ("true", "1"), ("-1.50", "-1.50"),
     (".5", "0.5"), ("+007", "7"), ("('a' 'b')", "ab"), ("DEFAULT", DEFAULT), ("now()", Unknown("now")), ("1+1", Unknown("expression"))],
)  # fmt: skip
def test_literals_of_mysql_are_read(token: str, value: object) -> None:
    assert read_mysql(token, str.encode) == value


@pytest.mark.parametrize(
    ("token", "value"),
    [("NULL", None), ("'it''s\\n'", "it's\\n"), ("E'\\x41\\n\\u4e2d\\'\\303\\251'", "A\n中'é"), ("$a$b$$c$a$", "b$$c"), ("'a'::text", "a"), ("CAST('1' AS int)", "1"),
     ("'{}'::character varying(5)[]", "{}"), ("TRUE", "true"), ("B'101'", "101"), ("X'1F'", "00011111"), ("date '2020-01-01'", "2020-01-01"),
     ("ARRAY['a,b', NULL]::text[]", '{"a,b",NULL}'), ("array[[1,2],[3,4]]", '{{"1","2"},{"3","4"}}'), ("decode('00FF', 'hex')", b"\x00\xff"),
     ("(-5)", "-5"), ("DEFAULT", DEFAULT), ("now()", Unknown("now")), ("'a' || 'b'", Unknown("expression"))],
)  # fmt: skip
def test_literals_of_postgresql_are_read(token: str, value: object) -> None:
    assert read_postgresql(token) == value


def test_strings_are_bytes_for_bits_and_in_encodings_with_a_backslash_in_characters() -> None:
    assert read_mysql_bits("'5'", str.encode) == b"5"
    assert read_mysql_bits("5", str.encode) == "5"
    data = b"'\x95\x5c\\\xfe\\0'"
    text = data.decode("gb18030", "surrogateescape")
    assert read_mysql_bytes(text, lambda part: part.encode("gb18030", "surrogateescape")) == b"\x95\x5c\xfe\0"


COLUMNS = [
    ("mysql", "int(11)", ["7", "-3", None]), ("mysql", "bigint(20) unsigned", ["18446744073709551615"]), ("mysql", "decimal(8,2)", ["1.50", "-0.10"]),
    ("mysql", "decimal(65,30)", ["1.5"]), ("mysql", "double", ["0.1", "1e300", "-0"]), ("mysql", "float", ["0.10000000149011612"]), ("mysql", "date", ["2020-02-29"]),
    ("mysql", "datetime", ["2020-01-01 00:00:00"]), ("mysql", "datetime(3)", ["2020-01-01 00:00:00.100"]), ("mysql", "timestamp(6)", ["2020-01-01 00:00:00.000001"]),
    ("mysql", "time", ["838:59:59"]), ("mysql", "year(4)", ["2020", "0"]), ("mysql", "bit(8)", ["255"]), ("mysql", "varchar(9)", ["中\0'", ""]), ("mysql", "json", ["{}"]),
    ("mysql", "blob", [b"\xff\0", b""]), ("mysql", "point", [b"\0\1", None]),
    ("postgresql", "integer", ["7"]), ("postgresql", "numeric(8,2)", ["1.50"]), ("postgresql", "numeric", ["1e-20"]), ("postgresql", "real", ["0.10000000149011612", "NaN"]),
    ("postgresql", "double precision", ["-Infinity", "5e-324"]), ("postgresql", "boolean", ["true", "false"]), ("postgresql", "date", ["2020-02-29"]),
    ("postgresql", "timestamp without time zone", ["2020-01-01 00:00:00.5", "2020-01-01 00:00:00"]), ("postgresql", "timestamp with time zone", ["2020-01-01 00:00:00+00"]),
    ("postgresql", "time without time zone", ["10:11:12.1"]), ("postgresql", "bytea", [b"\xff"]), ("postgresql", "integer[]", ["{1,2}"]), ("postgresql", "uuid", ["a"]),
]  # fmt: skip


def lying(engine: str, kind: str, values: list[object]) -> tuple[sqlite3.Connection, Column]:
    """Return a table `t` of one column with values, as a dump keeps them."""
    column = Column(name="c", source_type=kind)
    connection = sqlite3.connect(":memory:")
    register(connection)
    whole = dump_rule(engine, column).target_type in ("smallint", "integer", "bigint")
    connection.execute(f"create table t (c {'integer' if whole else ''})")
    connection.executemany("insert into t values (?)", [(value,) for value in values])
    return connection, column


@pytest.mark.parametrize(("engine", "kind", "values"), COLUMNS, ids=[f"{engine} {kind}" for engine, kind, _ in COLUMNS])
def test_both_sides_give_the_same_text(engine: str, kind: str, values: list[object]) -> None:
    source, column = lying(engine, kind, values)
    rule = dump_rule(engine, column)
    assert (rule.target_type, rule.lossy) == (rule_for(engine, column).target_type, rule_for(engine, column).lossy)
    rows = source.execute(f"select {rule.wire.format('c')}, {rule.source_text.format('c')} from t").fetchall()
    lake = duckdb.connect()
    lake.execute("set timezone = 'UTC'")
    for wire, text in rows:
        assert wire is None or isinstance(wire, str)
        lake.execute("create or replace table w as select cast($1 as varchar) as w", [wire])
        lake.execute(f"create or replace table t as select {rule.convert.format('w')} as c from w")
        ((value, found),) = lake.execute(f"select c, {rule.target_text.format('c')} from t").fetchall()
        assert (value is None) == (wire is None)
        assert (None if found is None else str(found)) == (None if text is None else str(text))
    if rule.misfit:
        assert source.execute(f"select count(*) from t where {rule.misfit.format('c')}").fetchone() == (0,)


@pytest.mark.parametrize(
    ("engine", "kind", "value"),
    [("mysql", "date", "0000-00-00"), ("mysql", "date", "2020-02-30"), ("mysql", "datetime", "2020-00-01 00:00:00"), ("mysql", "int(11)", "x"), ("mysql", "blob", "text"),
     ("mysql", "timestamp", "0000-00-00 00:00:00"), ("postgresql", "date", "infinity"), ("postgresql", "date", "0044-03-15 BC"), ("postgresql", "numeric(5,1)", "NaN"),
     ("postgresql", "timestamp without time zone", "-infinity"), ("postgresql", "timestamp with time zone", "0044-03-15 00:00:00+00 BC"), ("postgresql", "boolean", "maybe")],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_counted(engine: str, kind: str, value: object) -> None:
    source, column = lying(engine, kind, [value, None])
    misfit = dump_rule(engine, column).misfit
    assert misfit is not None
    assert source.execute(f"select count(*) from t where {misfit.format('c')}").fetchone() == (1,)


DOUBLE = rule_for("sqlite", Column(name="c", source_type="double"))


def test_the_functions_of_sqlite_agree_with_the_lake() -> None:
    source = sqlite3.connect(":memory:")
    register(source)
    lake = duckdb.connect()
    random.seed(7)
    numbers = [0.0, -0.0, 0.1, 1.0, 1e300, 5e-324, math.inf, -math.inf]
    numbers += [struct.unpack("d", struct.pack("Q", random.getrandbits(64)))[0] for _ in range(300)]
    for number in numbers:
        if math.isnan(number):
            continue
        (bits,) = source.execute("select radlake_bits(?)", (number,)).fetchone()
        lake.execute("create or replace table t as select cast($1 as double) as c", [number])
        assert lake.execute(f"select {DOUBLE.target_text.format('c')} from t").fetchone() == (bits,)
    for number in (random.uniform(-1e6, 1e6) for _ in range(300)):
        told, printed = source.execute("select radlake_text(?1), printf('%!.17g', ?1)", (number,)).fetchone()
        assert float(told) == number
        assert abs(float(printed) - number) < 1e-9
    for text in ("", "中文", "a\0b"):
        ours = source.execute("select radlake_md5(?1), radlake_sha256(?1), radlake_md5_60(?1)", (text,)).fetchone()
        digest, sha, number = lake.execute(
            "select md5($1), sha256($1), ('0x' || left(md5($1), 15))::bigint", [text]
        ).fetchone()  # type: ignore[misc]
        assert ours == (digest, sha, number)
    assert (
        source.execute("select radlake_text(null), radlake_bits(null), radlake_md5_60(null)").fetchone() == (None,) * 3
    )
    assert source.execute(
        "select radlake_decimal('1.1', 2), radlake_decimal(1.125, 2), radlake_decimal('-0.0', 1)"
    ).fetchone() == ("1.10", "1.125", "0.0")
