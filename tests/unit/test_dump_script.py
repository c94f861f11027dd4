"""How the text of a dump is cut into statements and rows."""

import gzip
from pathlib import Path

import pytest

from ingestion.migration.dump.files import find_engine, find_files, read_file
from ingestion.migration.dump.order import in_order
from ingestion.migration.dump.rows import read_copy, read_insert, unescape_copy
from ingestion.migration.dump.script import Copy, Insert, Script
from lakehouse.errors import SourceUnreachableError, UsageError


def cut(folder: Path, text: str, engine: str) -> list[str]:
    """Return the statements of a script; rows as `table: values`."""
    path = folder / "script.sql"
    path.write_text(text, encoding="utf-8", newline="")
    script = Script(read_file(path), engine)
    found = []
    for statement in script.statements():
        if isinstance(statement, Insert):
            rows = [row for part in read_insert(script, statement) for row in part]
            found.append(f"{statement.table}: " + " ".join("(" + "|".join(row) + ")" for row in rows))
            found.append(f"tail: {script.skip_statement().strip()}")
        elif isinstance(statement, Copy):
            rows = [row for part in read_copy(script, statement) for row in part]
            found.append(f"{statement.table}: " + " ".join("(" + "|".join(map(str, row)) + ")" for row in rows))
        else:
            found.append(statement)
    return [line for line in found if line != "tail: "]


MYSQL = {
    "comments": ("select 1 -- it's;\n; # ';\nselect /* ; */ 2;/* ' */", ["select 1 -- it's;", "select /* ; */ 2"]),
    "quotes": (
        "select ';\\';'';', `a;``b`, \"x;\\\"\";select 2",
        ["select ';\\';'';', `a;``b`, \"x;\\\"\"", "select 2"],
    ),
    "two dashes without a blank": ("select 1--1;select 2;", ["select 1--1", "select 2"]),
    "delimiter": (
        "delimiter ;;\ncreate trigger t begin a; b; end;;\nDELIMITER ;\nselect 1;",
        ["create trigger t begin a; b; end", "select 1"],
    ),
    "delimiter of slashes": ("delimiter //\nselect 4/2; -- ok\n//\ndelimiter ;\n", ["select 4/2; -- ok"]),
    "body without a delimiter": (
        "create procedure p() begin if a then b; end if; case x when 1 then c; end case; end; select 1;",
        ["create procedure p() begin if a then b; end if; case x when 1 then c; end case; end", "select 1"],
    ),
    "conditional comments": (
        "/*!40101 SET NAMES utf8 */;/*!50003 a ';' */;",
        ["/*!40101 SET NAMES utf8 */", "/*!50003 a ';' */"],
    ),
    "sandbox line": ("/*M!999999\\- enable the sandbox mode */ \nselect 1;", ["select 1"]),
    "insert": (
        "INSERT INTO `t` (`a`, `b(`) VALUES (1,'x;'),\n(NULL,');');select 1;",
        ["`t`: (1|'x;') (NULL|');')", "select 1"],
    ),
    "insert of many statements": (
        "insert into t values (1);\ninsert into t values (2);\ninsert into u values (3);",
        ["t: (1) (2)", "u: (3)"],
    ),
    "expressions among rows": (
        "insert into t values (1, concat('a,', (2)), 3), (4, now(), 5) /* , */, -- c'\n (6, 'x' 'y', 7);",
        ["t: (1|concat('a,', (2))|3) (4|now()|5) (6|('x' 'y')|7)"],
    ),
    "what follows the rows": (
        "insert into t values (1) on duplicate key update a = ';';",
        ["t: (1)", "tail: on duplicate key update a = ';'"],
    ),
    "insert of a query": ("insert into t select 1;", ["insert into t select 1"]),
    "no end": ("select 1;\nselect 2", ["select 1", "select 2"]),
    "byte order mark": ("\ufeffselect 1;", ["select 1"]),
    "end of lines of Windows": ("select 1;\r\ninsert into t values\r\n(1),\r\n(2);\r\n", ["select 1", "t: (1) (2)"]),
}
POSTGRESQL = {
    "backslashes": ("select '\\'; select E'\\';';", ["select '\\'", "select E'\\';'"]),
    "a word that ends in e": ("select date'2020';select 1;", ["select date'2020'", "select 1"]),
    "dollar quotes": ("select $$;'$$, $a$;$$;$a$, $1;select 1;", ["select $$;'$$, $a$;$$;$a$, $1", "select 1"]),
    "nested comments": ("/* a /* ; */ b; */ select 1; select /* /* ; */ */ 2;", ["select 1", "select /* /* ; */ */ 2"]),
    "meta-commands": ("\\connect db\n\\set x 'y\nselect 1;\nselect 2 \\gexec\nselect 3;", ["select 1", "select 2", "select 3"]),
    "body of SQL": (
        "create function f() returns int begin atomic select 1; select case when true then 2 end; end;select 1;",
        ["create function f() returns int begin atomic select 1; select case when true then 2 end; end", "select 1"],
    ),
    "rule": ("create rule r as on insert to t do (a; b);select 1;", ["create rule r as on insert to t do (a; b)", "select 1"]),
    "copy": ("COPY public.t (a, b) FROM stdin;\n1\tx;'\n\\N\t\\\\.\n\\.\n\nselect 1;", ["public.t: (1|x;') (\\N|\\\\.)", "select 1"]),
    "empty copy": ("COPY t FROM stdin;\n\\.\nselect 1;", ["t: ", "select 1"]),
    "copy of CSV": (
        "copy t from stdin with (format csv, header);\na,b\n1,\"x,\"\"y\nz\"\n,\"\"\n\\.\nselect 1;",
        ['t: (1|x,"y\nz) (None|)', "select 1"],
    ),
    "casts": ("insert into t values ('a'::text, '{}'::int[], 1::numeric(5,2));", ["t: ('a'::text|'{}'::int[]|1::numeric(5,2))"]),
    "arrays": ("insert into t values (array['a,b', 'c'], 1);", ["t: (array['a,b', 'c']|1)"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MYSQL.values(), ids=MYSQL)
def test_a_mysql_script_is_cut_as_its_client_cuts_it(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert cut(tmp_path, text, "mysql") == expected


@pytest.mark.parametrize(("text", "expected"), POSTGRESQL.values(), ids=POSTGRESQL)
def test_a_postgresql_script_is_cut_as_its_client_cuts_it(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert cut(tmp_path, text, "postgresql") == expected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_where_the_file_is_read_in_pieces_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    text = "".join(text for text, _ in MYSQL.values() if "\ufeff" not in text and "\\-" not in text).replace(
        "select 2/", "select 2;/"
    )
    whole = cut(tmp_path, text, "mysql")
    copied = "".join(POSTGRESQL[name][0] for name in ("copy", "empty copy", "copy of CSV", "dollar quotes"))
    whole_copied = cut(tmp_path, copied, "postgresql")
    monkeypatch.setattr("ingestion.migration.dump.files.PIECE_BYTES", size)
    monkeypatch.setattr("ingestion.migration.dump.script.PIECE_BYTES", size)
    monkeypatch.setattr("ingestion.migration.dump.script._LOOK_AHEAD", 600)
    monkeypatch.setattr("ingestion.migration.dump.rows._LOOK_AHEAD", 600)
    assert cut(tmp_path, text, "mysql") == whole
    assert cut(tmp_path, copied, "postgresql") == whole_copied


def test_escapes_of_copy_are_undone() -> None:
    assert unescape_copy(["\\N", "", "a\\tb\\\\n", "\\x41\\101", "\\\\N", "\\."], "\\N") == [
        None, "", "a\tb\\n", "AA", "\\N", ".",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "head"),
    [("utf-8", "set names utf8mb4;"), ("gb18030", "set names gbk;"), ("gb18030", "set names utf8mb4;"), ("gb18030", ""),
     ("utf-8-sig", ""), ("utf-16", ""), ("cp1252", "set names latin1;")],
)  # fmt: skip
def test_the_encoding_of_a_file_is_found(tmp_path: Path, encoding: str, head: str) -> None:
    word = "é€" if encoding == "cp1252" else "患者姓名：欧阳，性别：女，检查部位：胸部，影像所见：两肺纹理增多"
    text = f"{head}\ninsert into t values ('{word}');"
    for name, data in (("plain.sql", text.encode(encoding)), ("packed.sql.gz", gzip.compress(text.encode(encoding)))):
        (tmp_path / name).write_bytes(data)
        assert "".join(read_file(tmp_path / name).pieces()) == text


def test_bytes_that_are_no_text_come_back_as_they_were(tmp_path: Path) -> None:
    for declared in ("utf8mb4", "gbk", "latin1"):
        data = b"set names %s;\ninsert into t values (_binary '\xff\xd8\x00\xfe\\\\');" % declared.encode()
        (tmp_path / "a.sql").write_bytes(data)
        file = read_file(tmp_path / "a.sql")
        assert file.encode("".join(file.pieces())) == data


def test_the_engine_is_told_by_its_signs() -> None:
    assert find_engine("CREATE TABLE `a` (id int) ENGINE=InnoDB;") == "mysql"
    assert find_engine("create table a (id serial, t timestamptz);") == "postgresql"
    assert find_engine("CREATE TABLE [dbo].[a] (id int IDENTITY(1,1))\nGO\n") == "mssql"
    assert find_engine("CREATE TABLE a (id NUMBER(10), v VARCHAR2(5));") == "oracle"
    assert find_engine("PRAGMA foreign_keys=OFF;\nCREATE TABLE a (id);") == "sqlite"
    assert find_engine("create table a (id int);") is None


def test_files_are_read_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    for name, text in {
        "a_data.sql": "insert into t values (1);",
        "b_index.sql": "create index i on t (a); alter table u add column x int;",
        "c_schema.sql": "create table t (a int); create table u (a int);",
        "d_more.sql": "insert into u values (1);",
    }.items():
        (tmp_path / name).write_text(text)
    files = [read_file(path) for path in find_files(tmp_path)]
    assert [file.path.name for file in in_order(files, "mysql")] == [
        "c_schema.sql",
        "a_data.sql",
        "b_index.sql",
        "d_more.sql",
    ]


def test_what_is_no_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachableError):
        find_files(tmp_path)
    (tmp_path / "a.dump").write_bytes(b"PGDMP\x01\x0e")
    with pytest.raises(UsageError, match="pg_restore"):
        read_file(tmp_path / "a.dump")
    (tmp_path / "b.sql.gz").write_bytes(gzip.compress(b"select 1;" * 1000)[:-20])
    with pytest.raises(SourceUnreachableError, match=r"b\.sql\.gz"):
        list(read_file(tmp_path / "b.sql.gz").pieces())
