"""What a script makes of a database, with what the servers add by themselves."""

from pathlib import Path

import pytest

from ingestion.migration.catalog import Catalog, Table
from ingestion.migration.dump import open_dump
from ingestion.migration.source import Address, Source, parse_address
from lakehouse.errors import RadlakeError, UsageError


def read(tmp_path: Path, text: str, name: str = "legacy.sql") -> Catalog:
    """Return the catalog of a script."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with open_dump(parse_address(str(path)), tmp_path / "work") as (_, catalog):
        return catalog


def rows(tmp_path: Path, text: str, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query over a script's tables."""
    path = tmp_path / "legacy.sql"
    path.write_text(text, encoding="utf-8")
    with open_dump(parse_address(str(path)), tmp_path / "work") as (source, _):
        return source.rows(query)


def indexes(table: Table) -> dict[str, tuple[str, ...]]:
    return {index.name: index.columns for index in table.indexes}


MYSQL = "create table `p` (id int primary key, k int, key(k)) engine=InnoDB;\n"


def test_a_foreign_key_of_mysql_makes_an_index_where_none_fits(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        MYSQL + "create table c (a int, b int, d int, e int, constraint f1 foreign key (a) references p(id),"
        "foreign key (b) references p(id), foreign key i3 (d) references p(id), key (e, a),"
        "foreign key (e) references p(k));",
    )
    table = catalog.table("legacy", "c")
    assert indexes(table) == {"b": ("b",), "e": ("e", "a"), "f1": ("a",), "i3": ("d",)}
    assert [key.name for key in table.foreign_keys] == ["c_ibfk_1", "c_ibfk_2", "f1", "i3"]


def test_an_index_that_mysql_made_goes_when_a_told_one_does_its_work(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        MYSQL + "create table c (a int, b int);\n"
        "alter table c add foreign key (a) references p(id), add constraint z foreign key (b) references p(id);\n"
        "alter table c add index x (a, b);\nalter table c add unique (b);",
    )
    assert indexes(catalog.table("legacy", "c")) == {"b": ("b",), "x": ("a", "b")}


def test_keys_that_come_after_the_table_belong_to_it(tmp_path: Path) -> None:
    # how phpMyAdmin writes its dumps
    catalog = read(
        tmp_path,
        "CREATE TABLE `t` (`id` int(11) NOT NULL, `a` varchar(5)) ENGINE=InnoDB;\n"
        "INSERT INTO `t` (`id`, `a`) VALUES (3, 'x');\n"
        "ALTER TABLE `t` ADD PRIMARY KEY (`id`), ADD UNIQUE KEY `ua` (`a`(3)), ADD KEY `ka` (`a`);\n"
        "ALTER TABLE `t` MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=4;",
    )
    table = catalog.table("legacy", "t")
    assert (table.primary_key, table.unique_keys) == (("id",), ())
    assert indexes(table) == {"PRIMARY": ("id",), "ka": ("a",), "ua": ("a",)}
    assert [column.is_identity for column in table.columns] == [True, False]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("int", "int(11)"), ("INTEGER UNSIGNED", "int(10) unsigned"), ("bool", "tinyint(1)"), ("dec", "decimal(10,0)"), ("fixed(6,2)", "decimal(6,2)"),
        ("double precision", "double"), ("float(30)", "double"), ("char", "char(1)"), ("national varchar(5)", "varchar(5)"), ("text(16384)", "mediumtext"),
        ("blob(255)", "tinyblob"), ("year", "year(4)"), ("bit", "bit(1)"), ("char(3) byte", "binary(3)"), ("enum('A','b''x')", "enum('A','b''x')"),
        ("datetime(0)", "datetime"), ("int(5) zerofill", "int(5) unsigned zerofill"), ("long varchar", "mediumtext"), ("serial", "bigint(20) unsigned"),
    ],
)  # fmt: skip
def test_types_of_mysql_are_told_in_full(tmp_path: Path, written: str, told: str) -> None:
    catalog = read(tmp_path, f"create table `t` (c {written}) engine=InnoDB;")
    assert catalog.table("legacy", "t").columns[0].source_type == told


def test_mysql_8_tells_no_width(tmp_path: Path) -> None:
    head = "-- MySQL dump 10.13  Distrib 8.0.36\n-- Host: localhost    Database: his\n-- Server version\t8.0.36\n"
    catalog = read(tmp_path, head + "create table `t` (a int, b tinyint(1), c json, d bigint unsigned);")
    assert [column.source_type for column in catalog.table("his", "t").columns] == [
        "int",
        "tinyint(1)",
        "json",
        "bigint unsigned",
    ]
    assert (catalog.version, catalog.database) == ("MySQL 8.0.36", "his")


def test_a_view_that_mysqldump_writes_twice_is_one_view(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        MYSQL
        + "/*!50001 CREATE TABLE `v` (`id` tinyint NOT NULL) ENGINE=MyISAM */;\n/*!50001 DROP TABLE IF EXISTS `v`*/;\n"
        "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`root`@`%` SQL SECURITY DEFINER */\n"
        "/*!50001 VIEW `v` AS select `p`.`id` from `p` */;\n/*!50001 CREATE VIEW `w` AS SELECT 1 AS `id`*/;\n"
        "/*!50001 DROP VIEW IF EXISTS `w`*/;\n/*!50001 CREATE VIEW `w` AS select 2*/;",
    )
    assert [(view.name, view.definition) for view in catalog.views] == [
        ("v", "select `p`.`id` from `p`"),
        ("w", "select 2"),
    ]
    assert [table.name for table in catalog.tables] == ["p"]


def test_the_text_of_a_routine_keeps_its_own_comments(tmp_path: Path) -> None:
    text = "set names utf8;\ndelimiter ;;\n/*!50003 CREATE*/ /*!50020 DEFINER=`a`@`%`*/ /*!50003 FUNCTION `f`(x int) RETURNS int\nbegin /* kept */ return '*/'; end */;;"
    (routine,) = read(tmp_path, text).routines
    assert (
        routine.definition
        == "CREATE  DEFINER=`a`@`%`  FUNCTION `f`(x int) RETURNS int\nbegin /* kept */ return '*/'; end"
    )


def test_what_only_a_server_can_do_is_told_and_counted(tmp_path: Path) -> None:
    catalog = read(
        tmp_path,
        "set names utf8mb4;\ncreate table `t` (a int, b datetime default now(), c int as (a + 1)) engine=InnoDB;\n"
        "create trigger g before insert on t for each row set new.a = 1;\n"
        "insert into t (a) values (1), (rand());\ninsert into t select 1, 2;\nupdate t set a = 5 where b = 'secret';\n"
        "insert into nowhere values (1);\ncall p('secret');\nload data infile 'x' into table t;",
    )
    notes = " | ".join(catalog.notes)
    for part in (
        "t.a: rand needs a server", "t.b: default now needs a server", "(2 times)", "INSERT ... SELECT", "UPDATE", "CALL", "LOAD", "trigger g", "nowhere", "t.c: generated",
    ):  # fmt: skip
        assert part in notes
    assert "secret" not in notes


def test_numbers_that_a_server_gives_are_given(tmp_path: Path) -> None:
    text = (
        "create table `t` (id int auto_increment primary key, a int default 7, b varchar(3) default 'x') engine=InnoDB auto_increment=10;\n"
        "insert into t (a) values (1), (2);\ninsert into t values (20, default, null), (null, 3, 'y'), (0, 4, default);"
    )
    assert rows(tmp_path, text, 'select * from "legacy.t"') == [
        (10, 1, "x"), (11, 2, "x"), (20, 7, None), (21, 3, "y"), (22, 4, "x"),
    ]  # fmt: skip
    text = (
        "create table t (id serial primary key, a int generated always as identity (start with 5), b text default 'x');\n"
        "create sequence s start 3 increment 2;\ninsert into t (b) values ('a'), (default);\n"
        "select setval('t_id_seq', 50);\ninsert into t (b) values (nextval('s')), (nextval('s'));"
    )
    assert rows(tmp_path, text, 'select * from "public.t"') == [(1, 5, "a"), (2, 6, "x"), (51, 7, "3"), (52, 8, "5")]


def test_the_last_word_of_a_script_counts(tmp_path: Path) -> None:
    text = (
        "create table `a` (x int, y varchar(5)) engine=InnoDB;\ninsert into a values (1, 'p'), (2, 'q');\n"
        "alter table a add column z int default 9 first, change y why varchar(9), drop column x;\nrename table a to b;\n"
        "create table a (n int);\ninsert into a values (5);\ndrop table if exists gone;\ncreate table gone (x int);\n"
        "insert into gone values (1);\ndrop table gone;\ncreate table twice (x int);insert into twice values (1);"
        "truncate table twice;insert into twice values (2);replace into b (why) values ('r');"
    )
    assert rows(tmp_path, text, 'select * from "legacy.b"') == [(9, "p"), (9, "q"), (9, "r")]
    assert rows(tmp_path, text, 'select * from "legacy.a"') == [(5,)]
    assert rows(tmp_path, text, 'select * from "legacy.twice"') == [(2,)]
    assert rows(tmp_path, text, "select count(*) from sqlite_master where name like '%gone%'") == [(0,)]


def test_rows_of_the_same_key_follow_replace_and_ignore(tmp_path: Path) -> None:
    head = "create table `t` (id int primary key, a int) engine=InnoDB;\n"
    for verb, kept in (("replace into", 2), ("insert ignore into", 1)):
        assert rows(
            tmp_path, head + f"{verb} t values (1, 1), (1, 2), (2, 3);", 'select * from "legacy.t" order by id'
        ) == [(1, kept), (2, 3)]


def test_rows_of_a_partitioned_table_go_to_its_partitions(tmp_path: Path) -> None:
    text = (
        "create table t (id int, d date) partition by range (d);\ncreate table a partition of t for values from (minvalue) to ('2020-01-01');\n"
        "create table b partition of t for values from ('2020-01-01') to ('2021-01-01') partition by list (id);\n"
        "create table b1 partition of b for values in (1, 2);\ncreate table b2 partition of b default;\n"
        "create index on t (id);\ninsert into t values (1, '2019-05-05'), (1, '2020-05-05'), (7, '2020-01-01'::date);"
    )
    for table, ids in {"t": [1, 1, 7], "a": [1], "b": [1, 7], "b1": [1], "b2": [7]}.items():
        assert rows(tmp_path, text, f'select id from "public.{table}" order by id') == [(number,) for number in ids]
    catalog = read(tmp_path, text)
    assert sum(len(table.indexes) for table in catalog.tables) == 5
    assert {table.name: table.partition_of for table in catalog.tables if table.partition_of} == {
        "a": "t",
        "b": "t",
        "b1": "b",
        "b2": "b",
    }


def test_conditional_comments_are_read_as_the_script_s_own_server_reads_them(tmp_path: Path) -> None:
    text = (
        "create table `t` (id int primary key, /*!50705 g geometry not null,*/ a int /*!80023 invisible */ /*M!100203 , m int */) engine=InnoDB;\n"
        "insert into t values (1, /*!50705 0x00000000010100000000,*/ 5);"
    )
    heads = {
        "-- MySQL dump 10.13\n-- Server version\t8.0.36\n": ["id", "g", "a"],
        "-- MariaDB dump 10.19\n-- Server version\t10.11.6-MariaDB\n": ["id", "a", "m"],
        "": ["id", "a", "m"],
    }
    for head, names in heads.items():
        (table,) = read(tmp_path, head + text.replace("5);", "5);" if "m" not in names else "5, 6);")).tables
        assert [column.name for column in table.columns] == names
    assert rows(tmp_path, text.replace("5);", "5, 6);"), 'select id, a, m from "legacy.t"') == [(1, 5, 6)]
    assert any("MySQL 5.7" in note for note in read(tmp_path, text).notes)


def test_a_table_whose_statement_cannot_be_read_is_a_table(tmp_path: Path) -> None:
    for engine, text in (
        ("mysql", "set names utf8;create table `t` as select 1 as a;"),
        ("postgresql", "set client_encoding = 'UTF8';create table t as select 1 as a;"),
    ):
        catalog = read(tmp_path, text)
        assert (catalog.engine, [table.name for table in catalog.tables]) == (engine, ["t"])
        assert any("columns are not told" in note for note in catalog.notes)


def test_an_insert_of_names_and_values_is_a_row(tmp_path: Path) -> None:
    text = "create table `t` (a int, `b c` varchar(5), d int default 3) engine=InnoDB;\ninsert into t set `b c` = 'x=1,', a = 2;"
    assert rows(tmp_path, text, 'select * from "legacy.t"') == [(2, "x=1,", 3)]


def test_a_folder_of_two_engines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("create table `a` (id int) engine=InnoDB;")
    (tmp_path / "b.sql").write_text("create table b (id serial, t timestamptz);")
    with (
        pytest.raises(UsageError, match="mysql, postgresql"),
        open_dump(Address(engine="dump", path=tmp_path), tmp_path / "work"),
    ):
        pass


def test_the_file_with_the_rows_is_removed_after_an_error_too(tmp_path: Path) -> None:
    path, work = tmp_path / "a.sql", tmp_path / "work"
    path.write_text("create table `t` (a int) engine=InnoDB;insert into t values (1);")
    seen: list[Source] = []
    with pytest.raises(KeyError), open_dump(parse_address(str(path)), work) as (source, _):
        assert source.file is not None and source.file.is_file()
        assert work.stat().st_mode & 0o077 == 0 and source.file.stat().st_mode & 0o077 == 0
        seen.append(source)
        raise KeyError
    path.write_text('create table t (id serial, a int, "A" int);insert into t values (1);')
    with pytest.raises(RadlakeError, match="differ by case"), open_dump(parse_address(str(path)), work):
        pass
    assert seen and list(work.iterdir()) == []


@pytest.mark.parametrize("engine", ["sql-server", "oracle", "sqlite"])
def test_scripts_of_other_engines_give_the_same_catalog(shared: Path, tmp_path: Path, engine: str) -> None:
    folder = shared / "data/legacy/jooq-sakila" / f"{engine}-sakila-db"
    with open_dump(parse_address(str(folder)), tmp_path / "work") as (_, catalog):
        counts = catalog.counts()
    assert catalog.engine == {"sql-server": "mssql"}.get(engine, engine)
    assert {kind: counts[kind] for kind in ("tables", "columns", "primary_keys", "foreign_keys", "views")} == {
        "tables": 16, "columns": 89, "primary_keys": 16, "foreign_keys": 22, "views": 5,
    }  # fmt: skip
    assert any("rows are not restored" in note for note in catalog.notes)
