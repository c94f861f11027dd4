"""Statements are cut, filled and grouped by the quoting of their engine, from files and from the logs of servers."""

from pathlib import Path

import pytest

from ingestion.migration.tuning.statement_log import read_statement_log
from ingestion.migration.tuning.statements import fill_parameters, first_word, shape_of, split_statements


@pytest.mark.parametrize(
    ("engine", "text", "expected"),
    [
        (
            "mysql",
            "-- 一\nselect 1; # two\nselect ';', \"a;b\", `c;d`;",
            [("一", "select 1"), ("two", "select ';', \"a;b\", `c;d`")],
        ),
        ("mysql", "select 'it\\'s; fine'; select 2", [("", "select 'it\\'s; fine'"), ("", "select 2")]),
        (
            "postgresql",
            "select $$a;b$$, $x$;$x$; select E'\\';'",
            [("", "select $$a;b$$, $x$;$x$"), ("", "select E'\\';'")],
        ),
        ("postgresql", "select 'a\\'; select \"b;\"", [("", "select 'a\\'"), ("", 'select "b;"')]),
        ("sqlite", "/* 查询 */ select [a;b] from t;;", [("查询", "select [a;b] from t")]),
    ],
)
def test_statements_end_at_semicolons_outside_of_quotes(
    engine: str, text: str, expected: list[tuple[str, str]]
) -> None:
    assert split_statements(text, engine) == expected


def test_parameters_are_filled_outside_of_texts_only() -> None:
    sql = "select '$1', \"$2\" from t where a = $1 and b = $2 and c = $10"
    assert fill_parameters(sql, {1: "'x'", 2: "NULL", 10: "'$1'"}) == (
        "select '$1', \"$2\" from t where a = 'x' and b = NULL and c = '$1'"
    )
    assert fill_parameters(sql, {1: "'x'"}) is None


def test_queries_that_differ_by_literals_have_one_shape() -> None:
    one = "SELECT * FROM t1  WHERE a = 'x' AND b IN (1, 2,3)"
    other = "select *\nfrom t1 where a = 'yy' and b in (4)"
    assert shape_of(one, "mysql").replace("(?)", "(?)") == shape_of(other, "mysql")
    assert shape_of("select a from t1", "mysql") != shape_of("select a from t2", "mysql")
    assert first_word(" ( select 1)") == "select"


STDERR = """2024-01-02 10:00:00.000 CST [12] app@research LOG:  duration: 12.500 ms  statement: select *
\tfrom patient
\twhere id = 1
2024-01-02 10:00:00.000 CST [12] app@research LOG:  execute <unnamed>: select name from patient where id = $1 and name = $2
2024-01-02 10:00:00.000 CST [12] app@research DETAIL:  parameters: $1 = '7', $2 = '王''x'
2024-01-02 10:00:00.000 CST [12] app@research LOG:  execute S_1: select name from patient where id = $1
2024-01-02 10:00:00.000 CST [12] app@research ERROR:  relation "x" does not exist
2024-01-02 10:00:00.000 CST [12] app@research STATEMENT:  select * from x
2024-01-02 10:00:00.000 CST [13] 日志:  持续时间: 3.000 ms  语句: select 1
2024-01-02 10:00:01.000 CST [13] LOG:  checkpoint starting: time
"""


def test_a_log_in_lines_gives_statements_with_their_parameters(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.log"
    path.write_text(STDERR, encoding="utf-8")
    assert read_statement_log(path, "postgresql") == (
        [
            ("select *\nfrom patient\nwhere id = 1", 12.5),
            ("select name from patient where id = '7' and name = '王''x'", 0.0),
            ("select 1", 3.0),
        ],
        1,
    )


def test_a_log_in_columns_or_json_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    row = ["2024"] + ["x"] * 12 + ["execute a: select $1, 'a,b'", "Parameters: $1 = '3'"] + [""] * 8
    path.write_text(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n")
    assert read_statement_log(path, "postgresql") == ([("select '3', 'a,b'", 0.0)], 0)
    path.write_text('{"error_severity":"LOG","message":"statement: select 5","detail":null}\nbroken\n')
    assert read_statement_log(path, "postgresql") == ([("select 5", 0.0)], 0)


def test_a_slow_log_gives_statements_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "slow.log"
    path.write_text(
        "/usr/sbin/mysqld, Version: 8.0\n# Time: 2024-01-01T00:00:00\n# User@Host: a[a] @ b\n"
        "# Query_time: 1.250000  Lock_time: 0 Rows_sent: 1\nuse research;\nSET timestamp=1;\nselect *\nfrom exam;\n"
        "# Query_time: 0.5\nSET timestamp=2;\nselect 2;\n"
    )
    assert read_statement_log(path, "mysql") == ([("select *\nfrom exam", 1250.0), ("select 2", 500.0)], 0)
