"""The reader of databases: a query or a table, read-only, rows as text, errors that quote nothing."""

import sqlite3
from pathlib import Path

import pytest

from lakehouse.errors import RadlakeError, SettingsError
from tests.builders.reading import read

COLUMNS = {"exam": "a", "name": "姓名", "text": "c"}


@pytest.fixture
def view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = tmp_path / "his.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "create table v (a int, 姓名 text, c blob);"
        "insert into v values (1, '王试甲CANARY', x'd6d0'), (2, null, null), (3, '', x'ff00');"
        "create table without_rows (a int, 姓名 text)"
    )
    connection.close()
    monkeypatch.setenv("HIS_ADDRESS", str(path))
    return "env:HIS_ADDRESS"


@pytest.mark.parametrize("query", ["", "select a, 姓名, c from v where ':x' <> '' order by a -- all ;\n;"])
def test_rows_of_a_table_or_query_come_as_text(tmp_path: Path, view: str, query: str) -> None:
    result = read(tmp_path / "v.sql", query, COLUMNS, format="database", url=view, table="v")
    assert result.rows == [
        {"exam": "1", "name": "王试甲CANARY", "text": "中"},
        {"exam": "2", "name": None, "text": None},
        {"exam": "3", "name": "", "text": "0xff00"},
    ]
    assert result.numbers == [1, 2, 3]


def test_a_table_without_rows_has_its_columns(tmp_path: Path, view: str) -> None:
    result = read(tmp_path / "v.sql", "", COLUMNS, format="database", url=view, table="without_rows")
    assert result.rows == []


@pytest.mark.parametrize(
    "query",
    ["delete from v", "select 1; drop table v", "with x as (select 1) delete from v", "select 'CANARY' from gone"],
)
def test_what_does_not_read_is_refused_without_being_quoted(tmp_path: Path, view: str, query: str) -> None:
    with pytest.raises(RadlakeError) as caught:
        read(tmp_path / "v.sql", query, COLUMNS, format="database", url=view)
    assert "CANARY" not in str(caught.value)
    assert "gone" not in str(caught.value)
    assert len(read(tmp_path / "w.sql", "", COLUMNS, format="database", url=view, table="v").rows) == 3


@pytest.mark.parametrize(("url", "table"), [(None, "v"), ("env:NOT_SET", "v"), ("env:HIS_ADDRESS", "v; drop")])
def test_an_address_or_table_that_is_missing_is_told(tmp_path: Path, view: str, url: str | None, table: str) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path / "v.sql", "", COLUMNS, format="database", url=url, table=table)
