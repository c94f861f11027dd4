"""Validating a migrated database: equal is told for equal rows only, and what differs is named by key and column."""

import json
import math
import random
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from ingestion.migration.origin import open_origin
from ingestion.migration.plan import Plan
from ingestion.migration.planning import make_plan
from ingestion.migration.run import run_migration
from ingestion.migration.source import Address, open_source, parse_address
from ingestion.migration.validation.files import record_files
from ingestion.migration.validation.results import TableResult, ValidationResult
from ingestion.migration.validation.row_text import prepare_comparison
from ingestion.migration.validation.validate import validate
from lakehouse.errors import UsageError
from lakehouse.lake import append_arrow, open_lake
from lakehouse.ledger import local_now
from lakehouse.settings import Settings
from tests.builders.legacy import (
    AWKWARD_MYSQL,
    AWKWARD_POSTGRESQL,
    load_synthetic,
    write_awkward_sqlite,
    write_synthetic,
)
from tests.builders.servers import PASSWORD, Server

FORMS = ["sqlite", "postgresql", "mariadb", "postgresql dump", "mysql dump"]
LIVE = ["sqlite", "postgresql", "mariadb"]

NewDatabase = Callable[[str, str], Address]


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Return a function that makes a database of an engine from a script and returns its address."""

    def make(engine: str, script: str) -> Address:
        if engine == "sqlite":
            path = tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite"
            with sqlite3.connect(path) as connection:
                connection.executescript(script)
            connection.close()
            return parse_address(str(path))
        server: Server = request.getfixturevalue(engine)
        return parse_address(server.url(server.new_database(script)))

    return make


def migrate(settings: Settings, address: Address, **options: object) -> Plan:
    with open_origin(address, settings.work_folder) as (source, catalog):
        plan = make_plan(source, catalog, local_now(settings.timezone), **options)  # type: ignore[arg-type]
    run_migration(settings, address, plan)
    return plan


def check(settings: Settings, address: Address, plan: Plan, **options: object) -> ValidationResult:
    with open_origin(address, settings.work_folder) as (source, catalog):
        return validate(settings, source, plan, catalog=catalog, **options)  # type: ignore[arg-type]


def table_of(result: ValidationResult, name: str) -> TableResult:
    return next(table for table in result.tables if table.table == name)


def run_in_lake(settings: Settings, *statements: str) -> list[tuple[object, ...]]:
    with open_lake(settings, ("raw",)) as connection:
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        return rows


def listed(settings: Settings, result: ValidationResult) -> list[tuple[str, str, object, list[str]]]:
    """Return table, kind, key and columns of every stored difference."""
    rows = run_in_lake(
        settings,
        "select target, kind, row_key, columns from raw.raw_migration.difference "
        f"where validation_id = '{result.validation_id}' order by target, difference_no",
    )
    return [(t, kind, json.loads(str(key)), json.loads(str(names or "[]"))) for t, kind, key, names in rows]  # type: ignore[misc]


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("legacy")
    write_synthetic(folder)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_the_synthetic_database_is_equal_in_every_form(
    settings: Settings, request: pytest.FixtureRequest, synthetic: Path, form: str
) -> None:
    if form == "sqlite":
        address = parse_address(str(synthetic / "research.sqlite"))
    elif form.endswith("dump"):
        address = parse_address(str(synthetic / f"research.{form.split()[0]}.sql"))
    else:
        address = parse_address(load_synthetic(request.getfixturevalue(form), synthetic))
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert [table.failed for table in result.tables if table.failed] == []
    assert result.equal and result.differences == 0
    assert all(table.source == table.loaded > 0 for table in result.tables)


@pytest.mark.parametrize("engine", LIVE)
def test_awkward_names_types_and_values_are_equal(
    settings: Settings, new_database: NewDatabase, tmp_path: Path, engine: str
) -> None:
    if engine == "sqlite":
        address = parse_address(str(write_awkward_sqlite(tmp_path / "awkward.sqlite")))
    else:
        address = new_database(engine, AWKWARD_POSTGRESQL if engine == "postgresql" else AWKWARD_MYSQL)
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert {table.table: table.failed for table in result.tables if not table.equal} == {}
    assert listed(settings, result) == []
    assert sum(table.rejected for table in result.tables) == (1 if engine == "sqlite" else 0)


def test_sakila_in_postgresql_is_equal(settings: Settings, postgresql: Server, shared: Path) -> None:
    folder = shared / "data" / "legacy" / "jooq-sakila" / "postgres-sakila-db"
    roles = "do $$ begin create role postgres superuser; exception when duplicate_object then null; end $$;"
    name = postgresql.new_database(roles)
    postgresql.run(folder / "postgres-sakila-schema.sql", name)
    postgresql.run(folder / "postgres-sakila-insert-data-using-copy.sql", name)
    address = parse_address(postgresql.url(name))
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert {table.table: table.failed for table in result.tables if not table.equal} == {}
    assert sum(table.loaded for table in result.tables) > 40_000


def test_the_chinese_hospital_system_in_mariadb_is_equal(settings: Settings, mariadb: Server, shared: Path) -> None:
    name = mariadb.new_database(shared / "data" / "legacy" / "zainzhao-his" / "document" / "mysql" / "his.sql")
    address = parse_address(mariadb.url(name))
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert {table.table: table.failed for table in result.tables if not table.equal} == {}
    assert sum(table.loaded for table in result.tables) > 20_000


KEYED = """
create table by_number (id integer primary key, note varchar(40), amount decimal(8,2), seen timestamp null);
insert into by_number values (1, 'ab', 1.50, '2020-01-01 10:00:00'), (2, null, -2.00, null),
  (3, '', 3.25, '2020-01-03 00:00:00'), (4, '李四', 4.00, '2020-01-04 00:00:00'), (-5, 'x', 0.00, null);
create table by_text (code varchar(20) not null primary key, note varchar(40));
insert into by_text values ('a', '1'), ('B', '2'), ('甲', '3'), ('00', '4');
create table by_pair (x integer not null, y varchar(10) not null, note varchar(40), primary key (x, y));
insert into by_pair values (1, 'a', 'p'), (1, 'b', 'q'), (2, 'a', null);
create table by_time (at_time timestamp not null primary key, note varchar(40));
insert into by_time values ('2020-01-01 00:00:00', 'a'), ('2020-01-01 00:00:01', 'b');
create table no_key (a varchar(10), b integer);
insert into no_key values ('x', 1), ('x', 1), (null, null), (null, null), ('', 0);
"""


@pytest.mark.parametrize("engine", LIVE)
def test_every_difference_is_named_by_key_and_column(
    settings: Settings, new_database: NewDatabase, engine: str
) -> None:
    address = new_database(engine, KEYED)
    plan = migrate(settings, address)
    legacy = "raw.raw_legacy."
    run_in_lake(
        settings,
        f"update {legacy}by_number set note = '' where id = 2",
        f"update {legacy}by_number set note = null, amount = 3.26 where id = 3",
        f"update {legacy}by_number set note = '李囜' where id = 4",
        f"delete from {legacy}by_number where id = 1",
        f"insert into {legacy}by_number select * from {legacy}by_number where id = -5",
        f"insert into {legacy}by_number select * replace (9 as id) from {legacy}by_number where id = 4",
        f"update {legacy}by_text set code = 'b' where code = 'B'",
        f"update {legacy}by_text set note = '1 ' where code = 'a'",
        f"update {legacy}by_pair set note = 'P' where x = 1 and y = 'a'",
        f"update {legacy}by_time set at_time = at_time + interval 1 day where note = 'b'",
    )

    result = check(settings, address, plan)

    second = run_in_lake(settings, f"select cast(at_time as varchar) from {legacy}by_time where note = 'b'")[0][0]
    found = {(t, kind, tuple(key.values()), tuple(columns)) for t, kind, key, columns in listed(settings, result)}  # type: ignore[attr-defined]
    by_time = {item for item in found if item[0] == "by_time"}
    assert found - by_time == {
        ("by_number", "missing", ("1",), ()),
        ("by_number", "changed", ("2",), ("note",)),
        ("by_number", "changed", ("3",), ("note", "amount")),
        ("by_number", "changed", ("4",), ("note",)),
        ("by_number", "multiplicity", ("-5",), ()),
        ("by_number", "extra", ("9",), ()),
        ("by_text", "missing", ("B",), ()),
        ("by_text", "extra", ("b",), ()),
        ("by_text", "changed", ("a",), ("note",)),
        ("by_pair", "changed", ("1", "a"), ("note",)),
    }
    assert {kind for _, kind, _, _ in by_time} == {"missing", "extra"} and len(by_time) == 2
    assert str(second)[:10] == "2020-01-02"
    assert table_of(result, "by_number").differences == {"missing": 1, "extra": 1, "changed": 3, "multiplicity": 1}
    assert table_of(result, "no_key").equal
    assert not result.equal


@pytest.mark.parametrize("engine", LIVE)
def test_tables_without_a_key_are_compared_as_multisets(
    settings: Settings, new_database: NewDatabase, engine: str
) -> None:
    address = new_database(engine, KEYED)
    plan = migrate(settings, address)
    run_in_lake(
        settings,
        "insert into raw.raw_legacy.no_key select * from raw.raw_legacy.no_key where a = 'x' limit 1",
        "update raw.raw_legacy.no_key set a = null where a = ''",
    )

    result = check(settings, address, plan, tables=["no_key"])

    assert [table.table for table in result.tables] == ["no_key"]
    assert result.tables[0].differences == {"missing": 1, "extra": 1, "multiplicity": 1}
    counts = run_in_lake(
        settings, "select kind, source_count, target_count from raw.raw_migration.difference order by kind"
    )
    assert counts == [("extra", 0, 1), ("missing", 1, 0), ("multiplicity", 2, 3)]


def many_rows(rows: int = 60_000) -> str:
    """Return a script for SQLite: a table by number with gaps, one by text, one without a key."""
    return f"""
create table by_number (id integer primary key, note text);
create table by_text (code text not null primary key, note text);
create table no_key (a text, b integer);
with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
insert into by_number select case when i % 2 then i else -i * 7 end, '所见' || i from n;
insert into by_number values (9223372036854775807, 'last'), (-9223372036854775808, 'first');
insert into by_text select 'C' || id, note from by_number;
insert into no_key select note, id from by_number;
"""


def test_large_tables_are_narrowed_to_the_rows_that_differ(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("sqlite", many_rows())
    plan = migrate(settings, address)
    legacy = "raw.raw_legacy."
    assert check(settings, address, plan).equal
    run_in_lake(
        settings,
        f"update {legacy}by_number set note = note || ' ' where id in (1, -14, 9223372036854775807)",
        f"delete from {legacy}by_number where id = -9223372036854775808",
        f"insert into {legacy}by_text select * from {legacy}by_text where code = 'C3'",
        f"update {legacy}by_text set note = 'changed' where code = 'C5'",
        f"delete from {legacy}by_text where code = 'C7'",
        # a second row of a key that is otherwise equal
        f"insert into {legacy}by_text select * replace ('other' as note) from {legacy}by_text where code = 'C9'",
        f"update {legacy}no_key set b = b + 1 where a = '所见11'",
    )

    result = check(settings, address, plan)

    found = {(t, kind, tuple(key.values()), tuple(columns)) for t, kind, key, columns in listed(settings, result)}  # type: ignore[attr-defined]
    assert {item for item in found if item[0] != "no_key"} == {
        ("by_number", "changed", ("1",), ("note",)),
        ("by_number", "changed", ("-14",), ("note",)),
        ("by_number", "changed", ("9223372036854775807",), ("note",)),
        ("by_number", "missing", ("-9223372036854775808",), ()),
        ("by_text", "multiplicity", ("C3",), ()),
        ("by_text", "changed", ("C5",), ("note",)),
        ("by_text", "missing", ("C7",), ()),
        ("by_text", "multiplicity", ("C9",), ()),
    }
    assert table_of(result, "no_key").differences == {"missing": 1, "extra": 1}


def test_all_differences_are_counted_and_the_first_stored(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("sqlite", many_rows(30_000))
    plan = migrate(settings, address)
    run_in_lake(
        settings, *(f"update raw.raw_legacy.{name} set note = note || ' '" for name in ("by_number", "by_text"))
    )

    result = check(settings, address, plan, limit=50, depth="row_hash")

    assert table_of(result, "by_number").differences == {"changed": 30_002}
    assert table_of(result, "by_text").differences == {"changed": 30_002}
    assert len(listed(settings, result)) == 100
    assert {tuple(columns) for _, _, _, columns in listed(settings, result)} == {("note",)}


REFUSED = {
    "sqlite": "create table {0} (id {1}, taken_at datetime, amount decimal(8,2));"
    "insert into {0} values (1, '2020-01-01 10:00:00', 1.5), (2, '0000-00-00', 2), (3, 'soon', 12.345),"
    " (4, null, null);",
    "postgresql": "create table {0} (id {1}, taken_at timestamp, amount numeric(8,2));"
    "insert into {0} values (1, '2020-01-01 10:00:00', 1.5), (2, 'infinity', 2), (3, null, 'NaN'), (4, null, null);",
    "mariadb": "set sql_mode = ''; create table {0} (id {1}, taken_at datetime(3), amount decimal(8,2));"
    "insert into {0} values (1, '2020-01-01 10:00:00', 1.5), (2, '0000-00-00', 2), (3, '2020-00-01', 12.34),"
    " (4, null, null);",
}


@pytest.mark.parametrize("engine", LIVE)
@pytest.mark.parametrize("key", ["integer primary key", "varchar(10) not null primary key", "integer"])
def test_refused_rows_are_told_as_rejected_and_not_as_missing(
    settings: Settings, new_database: NewDatabase, engine: str, key: str
) -> None:
    address = new_database(engine, REFUSED[engine].format("dirty", key))
    types = {"dirty.taken_at": "timestamp", "dirty.amount": "decimal(8,2)"}
    plan = migrate(settings, address, types=types, allow=list(types))

    result = check(settings, address, plan).tables[0]

    assert (result.source, result.loaded, result.rejected) == (4, 2, 2)
    assert (result.failed, result.differences, result.equal) == ([], {}, True)

    run_in_lake(settings, "delete from raw.raw_legacy.dirty where cast(id as varchar) = '4'")
    result = check(settings, address, plan).tables[0]

    assert (result.loaded, result.rejected, result.differences, result.equal) == (1, 2, {"missing": 1}, False)


def test_bytes_that_are_no_utf8_are_rejected_with_and_without_a_key(
    settings: Settings, new_database: NewDatabase
) -> None:
    address = new_database(
        "sqlite",
        "create table keyed (id integer primary key, note text); create table by_text (code text primary key, n text);"
        "create table no_key (note text, n integer);"
        "insert into keyed values (1, 'fine'), (2, cast(x'b2e2cad4' as text));"
        "insert into by_text values ('fine', 'x'), (cast(x'b2e2cad4' as text), 'x');"
        "insert into no_key values ('fine', 1), (cast(x'b2e2cad4' as text), 2);",
    )
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert [(table.loaded, table.rejected, table.failed, table.differences) for table in result.tables] == [
        (1, 1, [], {})
    ] * 3


def test_keys_that_a_collation_takes_for_one_are_two(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database(
        "mariadb",
        "create table coded (code varchar(10) primary key, note varchar(10)) collate utf8mb4_general_ci;"
        "insert into coded values ('a', 'x'), ('b', 'É');",
    )
    plan = migrate(settings, address)
    assert check(settings, address, plan).equal
    run_in_lake(
        settings,
        "update raw.raw_legacy.coded set code = 'A' where code = 'a'",
        "update raw.raw_legacy.coded set note = 'é' where code = 'b'",
    )

    result = check(settings, address, plan)

    assert [(kind, key, columns) for _, kind, key, columns in listed(settings, result)] == [
        ("extra", {"code": "A"}, []),
        ("missing", {"code": "a"}, []),
        ("changed", {"code": "b"}, ["note"]),
    ]


@pytest.mark.parametrize(
    ("column", "change"),
    [("f", "nextafter(f, 10.0)"), ("f", "'nan'"), ("f", "null"), ("s", "null"), ("n", "''"),
     ("s", "' '"), ("t", "t + interval 1 microsecond"), ("b", "'\\x00'::blob"), ("b", "null")],
)  # fmt: skip
def test_the_least_change_of_a_value_is_seen(
    settings: Settings, new_database: NewDatabase, column: str, change: str
) -> None:
    address = new_database(
        "postgresql",
        "create table t (id int primary key, f float8, s text, n text, t timestamp(6), b bytea);"
        "insert into t values (1, 0.0, '', null, '2020-01-01 00:00:00', '');",
    )
    plan = migrate(settings, address)
    assert check(settings, address, plan).equal
    run_in_lake(settings, f"update raw.raw_legacy.t set {column} = {change}")

    result = check(settings, address, plan)

    assert [(kind, columns) for _, kind, _, columns in listed(settings, result)] == [("changed", [column])]


@pytest.mark.parametrize("engine", LIVE)
def test_floats_at_their_edges_are_equal_and_the_sign_of_zero_is_no_difference(
    settings: Settings, new_database: NewDatabase, engine: str
) -> None:
    kind = "float8" if engine == "postgresql" else "double"
    values = ["0.0", "-0.0", "5e-324", "1.7976931348623157e308", "0.1", "-1e-7", "123456789012345678", "1e15", "1e16"]
    values += ["'NaN'", "'Infinity'", "'-Infinity'"] if engine == "postgresql" else []
    rows = ", ".join(f"({number}, {value})" for number, value in enumerate(values))
    address = new_database(engine, f"create table t (id integer primary key, f {kind}); insert into t values {rows};")
    plan = migrate(settings, address)
    assert plan.tables[0].column("f").target_type == "double"

    assert check(settings, address, plan).tables[0].failed == []


def test_a_database_that_stores_no_utf8_is_hashed_as_utf8(settings: Settings, postgresql: Server) -> None:
    postgresql.run("create database euc encoding 'EUC_CN' template template0 lc_collate 'C' lc_ctype 'C'", "postgres")
    postgresql.run(
        "create table t (code text primary key, note text, long_note text);"
        "insert into t values ('甲', '张三', repeat('所见', 200)), ('乙', null, '');",
        "euc",
    )
    address = parse_address(postgresql.url("euc"))
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    assert {table.table: table.failed for table in result.tables if not table.equal} == {}
    assert result.tables[0].loaded == 2


def test_the_settings_of_a_server_change_nothing(settings: Settings, postgresql: Server) -> None:
    name = postgresql.new_database(
        "create table t (id int primary key, at timestamptz, ats timestamptz[], took interval, ratios float8[]);"
        "insert into t values (1, 'infinity', '{2020-01-01 00:00:00+08}', '1 year -2 hours', '{0.1,1e300}');"
    )
    postgresql.run(
        f"alter database {name} set timezone = 'Asia/Tokyo'; alter database {name} set datestyle = 'SQL, DMY';"
        f"alter database {name} set intervalstyle = 'iso_8601'; alter database {name} set extra_float_digits = 0;",
        name,
    )
    address = parse_address(postgresql.url(name))
    plan = migrate(settings, address)

    assert check(settings, address, plan).tables[0].failed == []


def test_doubles_are_written_as_mariadb_writes_them(settings: Settings, mariadb: Server) -> None:
    chance = random.Random(4)
    numbers = [
        0.0,
        5e-324,
        2.0**63,
        -(2.0**63),
        1e15,
        1e16,
        1e-15,
        1e-16,
        1.7976931348623157e308,
        2.2250738585072014e-308,
    ]
    numbers += [struct.unpack("d", chance.randbytes(8))[0] for _ in range(4_000)]
    numbers += [float(chance.randint(-(2**63), 2**63)) for _ in range(2_000)]
    numbers += [chance.uniform(-1, 1) * 10.0 ** chance.randint(-20, 20) for _ in range(4_000)]
    # 16 digits before the point and one behind, where the exponent is left out once more
    numbers += [chance.randint(10**15, 2**52) + 0.5 for _ in range(2_000)]
    numbers = [number for number in numbers if math.isfinite(number)]
    values = ", ".join(f"({number!r})" for number in numbers)
    name = mariadb.new_database(
        f"create table d (id int primary key auto_increment, x double); insert into d (x) values {values}"
    )
    with open_source(parse_address(mariadb.url(name))) as source:
        written = [row[0] for row in source.rows("select cast(x + 0e0 as char) from d order by id")]
    with open_lake(settings, ("raw",)) as connection:
        prepare_comparison(connection)
        connection.execute("create temp table d (x double, theirs varchar)")
        append_arrow(connection, "d", pa.table({"x": numbers, "theirs": written}))
        wrong = connection.execute(
            "select * from d where mysql_double_text(x) is distinct from theirs limit 5"
        ).fetchall()

    assert len(numbers) > 10_000 and wrong == []


def test_a_table_altered_after_the_plan_is_told_by_its_structure(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("sqlite", KEYED)
    plan = migrate(settings, address)
    assert address.path is not None
    with sqlite3.connect(address.path) as writer:
        writer.executescript("alter table by_pair add column more text; drop table by_time;")
    writer.close()
    run_in_lake(settings, "alter table raw.raw_legacy.by_number alter amount type double")

    result = check(settings, address, plan)

    assert table_of(result, "by_pair").failed == ["schema columns", "schema source types", "schema nullability"]
    assert table_of(result, "by_pair").differences == {}
    assert table_of(result, "by_number").failed == ["schema types"]
    assert (table_of(result, "by_number").source, table_of(result, "by_number").loaded) == (5, 5)
    assert "schema columns" in table_of(result, "by_time").failed
    assert (table_of(result, "by_time").source, table_of(result, "by_time").loaded) == (0, 2)
    assert table_of(result, "by_text").equal


def test_every_check_is_stored_with_the_sql_of_both_sides(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("postgresql", KEYED)
    plan = migrate(settings, address)

    result = check(settings, address, plan)

    checks = run_in_lake(
        settings,
        "select target, kind, measure, column_name, source_value, target_value, is_equal, source_sql, target_sql "
        f"from raw.raw_migration.check where validation_id = '{result.validation_id}' order by check_no",
    )
    by_name = {(row[0], row[1], row[2], row[3]): row[4:] for row in checks}
    assert by_name["by_number", "count", "rows", None][:3] == ("5", "5", True)
    assert by_name["by_number", "aggregate", "sum", "amount"][:3] == ("6.75", "6.75", True)
    assert by_name["by_number", "aggregate", "min", "id"][:3] == ("-5", "-5", True)
    assert by_name["by_number", "aggregate", "nulls", "note"][:3] == ("1", "1", True)
    assert by_name["by_number", "aggregate", "max_bytes", "note"][:3] == ("6", "6", True)
    old_sql, new_sql = by_name["by_number", "row_hash", "sum of hashes by bucket", None][3:]
    assert "md5(concat_ws(" in str(old_sql) and 'raw.raw_legacy."by_number"' in str(new_sql)
    assert not any(PASSWORD in str(value) for row in checks for value in row)
    [entry] = run_in_lake(
        settings, "select tables, equal_tables, differences, plan_id, position from raw.raw_migration.validation"
    )
    assert entry == (5, 5, 0, plan.plan_id, result.position) and "lsn" in result.position


def test_a_depth_compares_only_what_it_says(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("sqlite", KEYED)
    plan = migrate(settings, address)
    run_in_lake(settings, "update raw.raw_legacy.by_number set note = 'cd' where id = 1")

    assert table_of(check(settings, address, plan, depth="count"), "by_number").equal
    assert table_of(check(settings, address, plan, depth="aggregate"), "by_number").equal
    assert not table_of(check(settings, address, plan, depth="row_hash"), "by_number").equal
    with pytest.raises(UsageError, match="depth"):
        check(settings, address, plan, depth="deep")
    with pytest.raises(UsageError, match="no table nothing"):
        check(settings, address, plan, tables=["nothing"])


def test_large_objects_are_compared_by_sha256(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database(
        "mariadb",
        "create table lobs (id int primary key, data longblob, note longtext, short_note text);"
        "insert into lobs values (1, x'00ff', repeat('长', 300), 'short'), (2, null, null, null);",
    )
    plan = migrate(settings, address)
    run_in_lake(settings, "update raw.raw_legacy.lobs set data = '\\x00\\xFE'::blob where id = 1")

    result = check(settings, address, plan)

    assert table_of(result, "lobs").failed == ["row_hash sum of hashes by bucket", "lob sum of sha256 data"]
    objects = run_in_lake(settings, "select column_name, is_equal from raw.raw_migration.check where kind = 'lob'")
    assert objects == [("data", False), ("note", True)]


def test_rows_larger_than_the_memory_of_a_comparison_are_compared(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "large.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table scan (id integer primary key, image blob)")
        chance = random.Random(1)
        writer.executemany("insert into scan values (?, ?)", ((n, chance.randbytes(400_000)) for n in range(500)))
    writer.close()
    address = parse_address(str(path))
    plan = migrate(settings, address)

    assert check(settings, address, plan).equal


PATHS = r"""
create table image (id integer primary key, path text, note text, empty_path text);
insert into image values (1, 'D:\pacs\2020\a.jpg', 'see b.jpg', null), (2, 'D:\pacs\2020\b.dcm', 'nothing', ''),
  (3, 'D:\pacs\2020\gone.png', null, null), (4, 'D:\pacs\2020\..\..\..\etc\passwd.txt', 'x', null), (5, null, 'x', '');
"""


def test_files_behind_paths_are_compared_with_what_was_recorded(
    settings: Settings, new_database: NewDatabase, tmp_path: Path
) -> None:
    address = new_database("sqlite", PATHS)
    plan = migrate(settings, address)
    root = tmp_path / "images"
    (root / "2020").mkdir(parents=True)
    (root / "2020" / "a.jpg").write_bytes(b"first")
    (root / "2020" / "b.dcm").write_bytes(b"second")
    with open_lake(settings, ("raw",)) as connection:
        recorded = record_files(connection, plan, root, now=local_now(settings.timezone))

    assert recorded.columns == ["image.path"]
    assert recorded.counts == {"found": 2, "missing": 2, "unreadable": 0}
    assert run_in_lake(settings, "select count(*), sum(size_bytes) from raw.raw_migration.file") == [(4, 11)]
    assert check(settings, address, plan, files_root=root).equal

    (root / "2020" / "a.jpg").write_bytes(b"First")
    (root / "2020" / "b.dcm").unlink()
    result = check(settings, address, plan, files_root=root)

    assert table_of(result, "image").differences == {"file": 2}
    assert table_of(result, "image").failed == ["file sha256 as recorded path"]
    assert [(kind, key) for _, kind, key, _ in listed(settings, result)] == [
        ("file", {"path": "D:\\pacs\\2020\\a.jpg"}),
        ("file", {"path": "D:\\pacs\\2020\\b.dcm"}),
    ]


def test_files_that_were_never_recorded_must_be_there(
    settings: Settings, new_database: NewDatabase, tmp_path: Path
) -> None:
    address = new_database("sqlite", PATHS)
    plan = migrate(settings, address)

    result = check(settings, address, plan, files_root=tmp_path)

    assert table_of(result, "image").differences == {"file": 4}


def test_a_plan_of_part_of_a_table_validates_that_part(settings: Settings, new_database: NewDatabase) -> None:
    address = new_database("sqlite", KEYED)
    with open_origin(address, settings.work_folder) as (source, catalog):
        plan = make_plan(source, catalog, local_now(settings.timezone), only=["by_number"])
    part = replace(plan.tables[0], source_table="(select * from by_number where id > 1) part", rows=3)
    plan = replace(plan, tables=(part,))
    run_migration(settings, address, plan)

    result = check(settings, address, plan)

    assert (result.tables[0].source, result.tables[0].loaded, result.equal) == (3, 3, True)
