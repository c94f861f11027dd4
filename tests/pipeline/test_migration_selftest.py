"""The self-test: every kind of damage is found with its keys and columns, and nothing where nothing was done."""

import json
import random
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest

from ingestion.migration import selftest as module
from ingestion.migration.corruption import KINDS
from ingestion.migration.injury import Kind
from ingestion.migration.selftest import SelftestResult, selftest
from ingestion.migration.source import parse_address
from lakehouse.settings import Settings
from tests.builders.legacy import AWKWARD_MYSQL, AWKWARD_POSTGRESQL, load_synthetic, write_synthetic
from tests.builders.servers import Server

COMPLETE = {
    "postgresql": """
create table exam (id bigint primary key, number varchar(20), name text, born date, taken timestamp(6), mm numeric(8,2),
  score float8, image bytea, is_final boolean, amount int, left_text text, right_text text, hint text, blank text);
insert into exam select i, lpad(i::text, 8, '0'), '张' || i || ' aB' || chr(10) || '三', date '1980-01-01' + i,
  timestamp '2020-01-01' + i * interval '1.25 second', i / 100.0, i / 7.0, ('\\x00ff' || lpad(to_hex(i), 4, '0'))::bytea,
  i % 2 = 0, i % 3 - 1, 'left ' || i, 'right ' || i, case when i % 5 > 0 then 'h' || i end,
  case when i % 2 = 0 then '' end from generate_series(1, 500) i;
create table log (what text, n int);
insert into log select '事件' || i % 7, i % 3 from generate_series(1, 100) i;
""",
    "mariadb": """
create table exam (id bigint primary key, number varchar(20), name text, born date, taken datetime(6), mm decimal(8,2),
  score double, image longblob, is_final bit(1), amount int, left_text text, right_text text, hint text, blank text)
  character set utf8mb4;
insert into exam select seq, lpad(seq, 8, '0'), concat('张', seq, ' aB', char(10), '三'), '1980-01-01' + interval seq day,
  '2020-01-01' + interval seq * 1.25 second, seq / 100, seq / 7e0, unhex(concat('00ff', lpad(hex(seq), 4, '0'))), seq % 2,
  cast(seq % 3 as signed) - 1, concat('left ', seq), concat('right ', seq), if(seq % 5 > 0, concat('h', seq), null),
  if(seq % 2 = 0, '', null) from seq_1_to_500;
create table log (what varchar(20), n int) character set utf8mb4;
insert into log select concat('事件', seq % 7), seq % 3 from seq_1_to_100;
""",
}
SQLITE_COLUMNS = (
    "id integer primary key, number varchar(20), name text, born date, taken datetime, mm decimal(8,2), score double, "
    "image blob, is_final boolean, amount int, left_text text, right_text text, hint text, blank text"
)


def write_complete_sqlite(path: Path) -> Path:
    """Write a SQLite file with a value for every kind of damage it can hold: it has no fractions of seconds."""
    rows = [
        (
            i, f"{i:08d}", f"张{i} aB\n三", f"19{i % 90 + 10}-02-11", "2020-01-01 00:00:01", i / 100, i / 7,
            bytes([0, 255, i % 256]), i % 2, i % 3 - 1, f"left {i}", f"right {i}", f"h{i}" if i % 5 else None,
            "" if i % 2 == 0 else None,
        )
        for i in range(1, 501)
    ]  # fmt: skip
    with sqlite3.connect(path) as writer:
        writer.execute(f"create table exam ({SQLITE_COLUMNS})")
        writer.executemany(f"insert into exam values ({', '.join('?' * 14)})", rows)
        writer.execute("create table log (what text, n int)")
        writer.executemany("insert into log values (?, ?)", ((f"事件{i % 7}", i % 3) for i in range(100)))
    writer.close()
    return path


def missed(result: SelftestResult) -> list[str]:
    return [item.kind for item in result.kinds if item.injected and not item.found]


def not_applicable(result: SelftestResult) -> set[str]:
    return {item.kind for item in result.kinds if not item.injected}


@pytest.mark.parametrize("engine", ["sqlite", "postgresql", "mariadb"])
def test_every_kind_of_damage_is_found_in_every_engine(
    settings: Settings, request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    if engine == "sqlite":
        address = parse_address(str(write_complete_sqlite(tmp_path / "complete.sqlite")))
    else:
        server: Server = request.getfixturevalue(engine)
        address = parse_address(server.url(server.new_database(COMPLETE[engine])))

    result = selftest(settings, address)

    assert missed(result) == [] and result.alarms == []
    assert not_applicable(result) == ({"fraction of a second lost"} if engine == "sqlite" else set())
    assert result.injected == result.found == len(KINDS) - result.not_applicable >= 28
    assert result.passed


@pytest.mark.parametrize(("engine", "script"), [("postgresql", AWKWARD_POSTGRESQL), ("mariadb", AWKWARD_MYSQL)])
def test_awkward_databases_give_no_false_alarm(
    settings: Settings, request: pytest.FixtureRequest, engine: str, script: str
) -> None:
    server: Server = request.getfixturevalue(engine)
    address = parse_address(server.url(server.new_database(script)))

    result = selftest(settings, address)

    assert (missed(result), result.alarms) == ([], [])
    assert result.injected > 12


def test_a_dump_is_tested_as_a_database_is(settings: Settings, tmp_path: Path) -> None:
    write_synthetic(tmp_path)

    result = selftest(settings, parse_address(str(tmp_path / "research.mysql.sql")))

    assert (missed(result), result.alarms) == ([], [])
    assert result.injected > 20


def test_only_the_first_rows_of_each_table_are_copied(settings: Settings, postgresql: Server, tmp_path: Path) -> None:
    write_synthetic(tmp_path, patients=60)
    address = parse_address(load_synthetic(postgresql, tmp_path))

    result = selftest(settings, address, rows_per_table=20)

    assert (missed(result), result.alarms) == ([], [])
    assert 100 < result.rows <= 20 * result.tables


def test_a_kind_without_a_suitable_row_is_not_called_found(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "small.sqlite"
    with sqlite3.connect(path) as writer:
        writer.executescript("create table one (id integer primary key, n integer); insert into one values (1, 5);")
    writer.close()

    result = selftest(settings, parse_address(str(path)))

    told = {item.kind: item for item in result.kinds}
    assert not told["mojibake"].injected and not told["mojibake"].found
    assert told["mojibake"].reason == "it needs a Chinese character; no table has that"
    assert told["digit of a number changed"].found
    assert result.injected == result.found == 7


def test_a_database_without_rows_does_not_pass(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table one (id integer primary key)")
    writer.close()

    result = selftest(settings, parse_address(str(path)))

    assert (result.injected, result.passed) == (0, False)


def test_a_validation_that_sees_nothing_fails_the_test(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The judge is told of an injury that was never done: it must not call it found."""
    honest = Kind.apply

    def only_tell(kind: Kind, copy: object) -> object:
        injury = honest(kind, copy)  # type: ignore[arg-type]
        if injury is not None:
            copy.connection.execute("rollback")  # type: ignore[attr-defined]
            copy.connection.execute("begin transaction")  # type: ignore[attr-defined]
        return injury

    monkeypatch.setattr(module.Kind, "apply", only_tell)

    result = selftest(settings, parse_address(str(write_complete_sqlite(tmp_path / "complete.sqlite"))))

    assert (result.found, result.passed) == (0, False)
    assert result.injected > 20


def test_the_result_holds_no_value_of_a_row(settings: Settings, tmp_path: Path) -> None:
    marks = [f"机密{random.Random(n).randbytes(4).hex()}" for n in range(20)]
    path = tmp_path / "secret.sqlite"
    with sqlite3.connect(path) as writer:
        writer.execute("create table patient (code text primary key, name text)")
        writer.executemany("insert into patient values (?, ?)", ((mark, mark[::-1]) for mark in marks))
    writer.close()

    text = json.dumps(asdict(selftest(settings, parse_address(str(path)))), ensure_ascii=False)

    assert "patient" in text
    assert not any(mark in text or mark[::-1] in text for mark in marks)
