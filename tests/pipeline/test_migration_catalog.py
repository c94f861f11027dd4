"""Catalogs of live databases: every object, with exact counts, and a source that stays as it was."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestion.migration.catalog import Catalog, Column, ForeignKey, Index, Table
from ingestion.migration.engines import read_catalog
from ingestion.migration.source import open_source, parse_address
from ingestion.migration.types import rule_for
from lakehouse.errors import RadlakeError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings
from tests.builders.legacy import load_synthetic, write_synthetic
from tests.builders.servers import PASSWORD, Server

COUNTED = (
    "tables", "columns", "primary_keys", "foreign_keys", "indexes", "views", "triggers", "functions", "procedures",
    "sequences", "events", "types",
)  # fmt: skip


def catalog_at(url: str) -> Catalog:
    with open_source(parse_address(url)) as source:
        return read_catalog(source)


def counted(catalog: Catalog, *kinds: str) -> tuple[int, ...]:
    counts = catalog.counts()
    assert set(COUNTED) == set(counts)
    return tuple(counts[kind] for kind in kinds or COUNTED)


def column_of(table: Table, name: str) -> Column:
    return next(column for column in table.columns if column.name == name)


def index_of(table: Table, name: str) -> Index:
    return next(index for index in table.indexes if index.name == name)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("legacy")
    write_synthetic(folder)
    return folder


def test_sakila_of_postgresql(postgresql: Server, shared: Path) -> None:
    folder = shared / "data/legacy/jooq-sakila/postgres-sakila-db"
    roles = "do $$ begin create role postgres superuser; exception when duplicate_object then null; end $$;"
    database = postgresql.new_database(roles)
    postgresql.run(folder / "postgres-sakila-schema.sql", database)
    postgresql.run(folder / "postgres-sakila-insert-data-using-copy.sql", database)
    catalog = catalog_at(postgresql.url(database))
    # the six parts of payment are tables of their own; indexes of primary keys and the aggregate are counted
    assert counted(catalog) == (21, 123, 15, 40, 44, 7, 15, 10, 0, 13, 0, 2)
    assert sum(routine.kind == "aggregate" for routine in catalog.routines) == 1
    assert sum(index.is_primary for table in catalog.tables for index in table.indexes) == 15
    film = catalog.table("public", "film")
    assert {
        column.name: column.source_type for column in film.columns if column.name in ("release_year", "rating")
    } == {
        "release_year": "integer",
        "rating": "mpaa_rating",
    }
    assert [(one.name, one.kind) for one in catalog.types] == [("mpaa_rating", "enum"), ("year", "domain")]
    trigger = next(one for one in catalog.triggers if one.name == "film_fulltext_trigger")
    assert (trigger.timing, trigger.events) == ("before", ("insert", "update"))
    assert trigger.function == "pg_catalog.tsvector_update_trigger"
    # the parts are filled by rules, which are neither views nor triggers
    assert sum(note.startswith("rule public.payment.") for note in catalog.notes) == 6


def test_sakila_of_mysql(mariadb: Server, shared: Path) -> None:
    mariadb.run(shared / "data/legacy/jooq-sakila/mysql-sakila-db/mysql-sakila-schema.sql", "mysql")
    catalog = catalog_at(mariadb.url("sakila"))
    # indexes: 16 primary keys, 25 told in the script; InnoDB adds none, since each foreign key has one
    assert counted(catalog) == (16, 89, 16, 22, 41, 7, 3, 3, 3, 0, 0, 0)
    film = catalog.table("sakila", "film")
    assert column_of(film, "special_features").source_type.startswith("set('Trailers'")
    assert rule_for("mysql", column_of(film, "release_year")).target_type == "smallint"
    assert index_of(catalog.table("sakila", "film_text"), "idx_title_description").method == "fulltext"
    balance = next(one for one in catalog.routines if one.name == "get_customer_balance")
    assert balance.arguments == "p_customer_id int(11), p_effective_date datetime"
    assert balance.returns == "decimal(5,2)" and "v_rentfees" in balance.definition


def test_sakila_of_sqlite(tmp_path: Path, shared: Path) -> None:
    path = tmp_path / "sakila.sqlite"
    connection = sqlite3.connect(path)
    script = shared / "data/legacy/jooq-sakila/sqlite-sakila-db/sqlite-sakila-schema.sql"
    connection.executescript(script.read_text())
    connection.close()
    # one of the six views is written inside a comment; three autoindexes of the 26, 13 keys are row numbers
    assert counted(catalog_at(f"sqlite:///{path}")) == (16, 89, 16, 22, 26, 5, 30, 0, 0, 0, 0, 0)


def test_hospital_information_system_dump(mariadb: Server, shared: Path) -> None:
    database = mariadb.new_database(shared / "data/legacy/zainzhao-his/document/mysql/his.sql")
    catalog = catalog_at(mariadb.url(database))
    assert counted(catalog) == (38, 384, 38, 0, 38, 0, 0, 0, 0, 0, 0, 0)
    assert catalog.table(database, "sms_staff").comment == "员工表" and all(table.comment for table in catalog.tables)
    assert not any("AUTO_INCREMENT=" in table.definition for table in catalog.tables)


def test_synthetic_database_in_three_engines(synthetic: Path, postgresql: Server, mariadb: Server) -> None:
    urls = {
        "sqlite": f"sqlite:///{synthetic / 'research.sqlite'}",
        "postgresql": load_synthetic(postgresql, synthetic),
        "mysql": load_synthetic(mariadb, synthetic),
    }
    catalogs = {engine: catalog_at(url) for engine, url in urls.items()}
    for catalog in catalogs.values():
        assert counted(catalog, "tables", "columns", "primary_keys", "foreign_keys") == (12, 61, 11, 5)
        assert counted(catalog, "views", "triggers") == (3, 3)
    # SQLite has row numbers in place of most primary keys, MySQL an index for each of five foreign keys
    assert {engine: counted(catalog, "indexes") for engine, catalog in catalogs.items()} == {
        "sqlite": (8,),
        "postgresql": (18,),
        "mysql": (23,),
    }
    assert counted(catalogs["postgresql"], "functions", "procedures") == (3, 1)
    assert counted(catalogs["mysql"], "functions", "procedures") == (1, 1)
    keys = [
        {
            (table.name, key.name, key.columns, key.referenced_table)
            for table in catalog.tables
            for key in table.foreign_keys
        }
        for catalog in catalogs.values()
    ]
    assert keys[0] == keys[1] == keys[2] and len(keys[0]) == 5
    assert catalogs["postgresql"].table("public", "patient").comment == catalogs["mysql"].tables[10].comment != ""
    assert [read_again.counts() for read_again in map(catalog_at, urls.values())] == [
        catalog.counts() for catalog in catalogs.values()
    ]


POSTGRESQL = r"""
create schema "研究 库";
create extension citext;
create type stage as enum ('I期', 'II''期');
create type "DATE" as enum ('x');
create type point3 as (x numeric(8,2), "y z" text);
create type spread as range (subtype = numeric);
create domain positive as numeric(8,2) check (value > 0);
create domain tiny as positive not null check (value < 10);
create domain scores as integer[] default '{}';
create sequence ticket;
create table "研究 库"."a:b%c""e" (
  "序号" serial primary key, "x:y%z""q" varchar(20) collate "C" default 'a:b%', "SELECT" "DATE", gone integer
);
alter table "研究 库"."a:b%c""e" drop column gone;
comment on table "研究 库"."a:b%c""e" is '检查''表: 100%';
comment on column "研究 库"."a:b%c""e"."序号" is '序号\n';
create table patient (
  id bigint generated by default as identity, code citext not null, name char(6) not null default '无名', tiny tiny,
  scores scores, stage stage, spot point3, spread spread, stages stage[], amount numeric, born date,
  at timestamp(3) with time zone, age integer generated always as (extract(year from born)::integer) stored,
  number bigint default nextval('ticket'),
  constraint patient_pk primary key (id), constraint "名 唯一" unique (code, name),
  constraint born_early check (born < '2100-01-01'), exclude using gist (spread with &&)
);
create unique index patient_upper on patient (upper(name), id);
create unique index patient_partial on patient (number) where number > 0;
create unique index patient_cover on patient (number, id) include (name);
create index patient_hash on patient using hash (code);
create index patient_gin on patient using gin (scores);
create table visit (
  patient_id bigint not null references patient, code citext, name char(6), id integer not null unique,
  constraint visit_patient foreign key (code, name) references patient (code, name) deferrable initially deferred,
  "研究号" integer references "研究 库"."a:b%c""e" ("序号")
);
create table event (
  id integer, at date not null, kind text not null, patient_id bigint references patient, primary key (id, at, kind)
) partition by range (at);
create table event_2020 partition of event for values from ('2020-01-01') to ('2021-01-01');
create table event_2021 partition of event for values from ('2021-01-01') to ('2022-01-01') partition by list (kind);
create table event_2021_a partition of event_2021 for values in ('a');
create table event_other partition of event default;
create index event_patient on event (patient_id);
create table points_to_event (id integer, at date, kind text, foreign key (id, at, kind) references event);
create table parent_one (id integer primary key, note text, check (id > 0));
create table child_one (more text) inherits (parent_one);
create unlogged table fast (id integer);
create temporary table passing (id integer);
create foreign data wrapper nowhere;
create server far foreign data wrapper nowhere;
create foreign table far_away (id integer) server far;
create table no_columns ();
create view v_patient as select id, name as "姓 名", code::text from patient;
comment on view v_patient is '患者视图';
create view "研究 库".v_long (a, b) as select "序号", "x:y%z""q" from "研究 库"."a:b%c""e";
create materialized view m_patient as select count(*) as total from patient;
create unique index m_patient_total on m_patient (total);
create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
comment on function touch() is '触发器函数';
create function "研究 库".touch() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger t_before before insert or update of name on patient for each row execute function touch();
create trigger t_clear after truncate on patient for each statement execute function "研究 库".touch();
create constraint trigger t_late after delete on patient deferrable for each row execute function touch();
create trigger t_instead instead of delete on v_patient for each row execute function touch();
create trigger t_event after insert on event for each row execute function touch();
alter table patient disable trigger t_before;
create function f_size(a integer) returns text language sql immutable as $$ select a::text || ':%' $$;
create function f_size(a numeric, variadic b text[] default '{}') returns table (x integer, y text) language sql
  as $$ select 1, 'a' $$;
create procedure p_clean(inout total integer) language plpgsql as $$ begin total := 1; end $$;
create aggregate last_text (text) (sfunc = textcat, stype = text, initcond = 'a:b');
create rule r_none as on delete to fast do instead nothing;
alter table visit enable row level security;
create policy own on visit using (id > 0);
select lo_from_bytea(0, 'x');
insert into patient (code, name, tiny) values ('a', 'b', 1);
analyze patient;
"""


@pytest.fixture(scope="module")
def odd_postgresql(postgresql: Server) -> str:
    return postgresql.new_database(POSTGRESQL)


def test_objects_of_postgresql(postgresql: Server, odd_postgresql: str) -> None:
    catalog = catalog_at(postgresql.url(odd_postgresql))
    assert counted(catalog) == (13, 51, 8, 5, 21, 3, 5, 5, 1, 3, 0, 7)
    assert [(one.name, one.kind) for one in catalog.types] == [
        ("DATE", "enum"), ("point3", "composite"), ("positive", "domain"), ("scores", "domain"), ("spread", "range"),
        ("stage", "enum"), ("tiny", "domain"),
    ]  # fmt: skip
    assert [(view.schema, view.name, view.is_materialized, view.comment) for view in catalog.views] == [
        ("public", "m_patient", True, ""),
        ("public", "v_patient", False, "患者视图"),
        ("研究 库", "v_long", False, ""),
    ]
    assert [(one.table, one.name, one.timing, one.events, one.function) for one in catalog.triggers] == [
        ("event", "t_event", "after", ("insert",), "public.touch"),
        ("patient", "t_before", "before", ("insert", "update"), "public.touch"),
        ("patient", "t_clear", "after", ("truncate",), "研究 库.touch"),
        ("patient", "t_late", "after", ("delete",), "public.touch"),
        ("v_patient", "t_instead", "instead of", ("delete",), "public.touch"),
    ]
    assert [(one.name, one.kind, one.arguments) for one in catalog.routines] == [
        ("f_size", "function", "a integer"),
        ("f_size", "function", "a numeric, VARIADIC b text[] DEFAULT '{}'::text[]"),
        ("last_text", "aggregate", "text"),
        ("p_clean", "procedure", "INOUT total integer"),
        ("touch", "function", ""),
        ("touch", "function", ""),
    ]
    assert "initcond = 'a:b'" in next(one.definition for one in catalog.routines if one.kind == "aggregate")
    assert [one.owned_by for one in catalog.sequences] == ["patient.id", None, 'a:b%c"e.序号']
    assert catalog.notes == (
        "public.far_away: a foreign table, its rows lie elsewhere: left out",
        "extension citext 1.6: what belongs to it is left out",
        "rule public.fast.r_none: a rewrite rule is neither view nor trigger and has to be looked at by hand",
        "trigger public.patient.t_before: is disabled",
        "policy public.visit.own: row-level security has to be carried over by hand",
        "index public.m_patient_total of m_patient: lies over a materialized view and is not counted",
        "1 large objects lie outside the tables and are left out",
    )


def test_columns_and_keys_of_postgresql(postgresql: Server, odd_postgresql: str) -> None:
    catalog = catalog_at(postgresql.url(odd_postgresql))
    patient = catalog.table("public", "patient")
    assert {column.name: column.source_type for column in patient.columns} == {
        "id": "bigint", "code": "citext", "name": "character(6)", "tiny": "numeric(8,2)", "scores": "integer[]",
        "stage": "stage", "spot": "point3", "spread": "spread", "stages": "stage[]", "amount": "numeric",
        "born": "date", "at": "timestamp(3) with time zone", "age": "integer", "number": "bigint",
    }  # fmt: skip
    assert [column.name for column in patient.columns if column.is_identity] == ["id", "number"]
    assert [column.name for column in patient.columns if column.is_generated] == ["age"]
    assert [column.name for column in patient.columns if not column.is_nullable] == ["id", "code", "name", "tiny"]
    assert rule_for("postgresql", column_of(patient, "tiny")).target_type == "decimal(8,2)"
    assert patient.primary_key == ("id",)
    # an index over an expression or over a part of the rows is no key; included columns are no part of one
    assert patient.unique_keys == (("number", "id"), ("code", "name"))
    assert index_of(patient, "patient_upper").columns == ("upper((name)::text)", "id")
    assert {index.method for index in patient.indexes} == {"btree", "hash", "gin", "gist"}
    assert patient.checks == ("(born < '2100-01-01'::date)",) and patient.estimated_rows == 1
    assert '"tiny" tiny not null' in patient.definition and "WHERE (number > 0)" in patient.definition
    visit = catalog.table("public", "visit")
    assert (visit.primary_key, visit.row_key) == ((), ("id",))
    assert visit.foreign_keys[2] == ForeignKey(
        name="visit_研究号_fkey",
        columns=("研究号",),
        referenced_schema="研究 库",
        referenced_table='a:b%c"e',
        referenced_columns=("序号",),
    )
    odd = catalog.table("研究 库", 'a:b%c"e')
    assert (odd.comment, odd.columns[0].comment) == ("检查'表: 100%", "序号\\n")
    assert [column.name for column in odd.columns] == ["序号", 'x:y%z"q', "SELECT"]
    # a type of the database's own that is called like one of the server's
    assert rule_for("postgresql", odd.columns[2]).target_type == "varchar"
    family = {table.name: (table.partition_of, table.is_partitioned) for table in catalog.tables}
    assert {name: place for name, place in family.items() if name.startswith("event")} == {
        "event": (None, True),
        "event_2020": ("event", False),
        "event_2021": ("event", True),
        "event_2021_a": ("event_2021", False),
        "event_other": ("event", False),
    }
    assert family["child_one"] == (None, False)
    # a foreign key is told where it was written, not again at each part
    assert [len(catalog.table("public", name).foreign_keys) for name in ("event", "event_2020", "points_to_event")] == [
        1, 0, 1,
    ]  # fmt: skip


def test_notes_what_an_account_of_postgresql_may_not_see(postgresql: Server, odd_postgresql: str) -> None:
    role = f"guest_{odd_postgresql}"
    postgresql.run(
        f"create role {role} login password '{PASSWORD}'; grant select on visit to {role}; "
        f'grant usage on schema "研究 库" to {role};',
        odd_postgresql,
    )
    url = postgresql.url(odd_postgresql).replace("//migration_reader:", f"//{role}:")
    catalog = catalog_at(url)
    assert counted(catalog, "tables", "views", "triggers", "functions") == (13, 3, 5, 5)
    assert "public.visit: row-level security is active for this account, so rows may be hidden" in catalog.notes
    assert "public.patient: this account may not read it" in catalog.notes
    assert "public.visit: this account may not read it" not in catalog.notes


MYSQL = r"""
create table `a:b%c``e` (
  `序号` int auto_increment primary key comment '序号''号\\', `x:y%z``q` varchar(20) not null default 'a:b%''\\',
  `SELECT` enum('A,b','Unsigned''x','') default 'A,b'
) auto_increment=77 comment='检查''表: 100%';
create table patient (
  code varchar(20) character set gbk not null, id bigint unsigned not null, name char(6) character set latin1,
  note text, body text, place point not null, tags set('甲','乙'), flag tinyint(1) default 0, bits bit(3) default b'101',
  zero int(6) zerofill, price decimal(10,2) unsigned, taken datetime(3) default current_timestamp(3),
  touched timestamp null default null on update current_timestamp, span time(2), y year, j json, born date,
  hidden int invisible default 5, packed longblob compressed, wide text compressed, u uuid, ip inet6,
  doubled int as (id * 2) virtual, kept int as (id + 1) stored, nothing varchar(5) default 'NULL', raw binary(4),
  f float(7,3), d double,
  primary key (code, id), unique key `名 唯一` (name, id), unique key by_prefix (note(10)), unique key one_only (id),
  key by_doubled (doubled), fulltext key words (body), spatial key spots (place),
  constraint positive check (id > 0), check (flag in (0, 1))
) comment '患者';
create table visit (
  id int primary key, patient_code varchar(20) character set gbk, patient_id bigint unsigned, up int,
  constraint visit_patient foreign key (patient_code, patient_id) references patient (code, id),
  foreign key (up) references visit (id)
);
create table kept_history (id int primary key, x int) with system versioning;
create table parts (id int, at date, primary key (id, at)) partition by range (year(at))
  (partition p0 values less than (2020), partition p1 values less than maxvalue);
create table no_key (a varchar(5), b int);
create temporary table passing (id int);
create sequence ticket;
create view v_patient as select id, name as `姓 名`, 'x:%' as x from patient;
create view `v 中文` as select * from v_patient;
delimiter //
create trigger t_one before insert on patient for each row begin set new.note = 'a:b;%'; end //
create trigger t_two before insert on patient for each row follows t_one set new.body = 'x' //
create trigger `触发 器` after delete on visit for each row delete from no_key //
create function f_size(a decimal(8,2), b varchar(5)) returns varchar(16) character set utf8mb4 deterministic
  comment '大小' begin return concat(a, ':%'); end //
create aggregate function f_last(x int) returns int
  begin declare continue handler for not found return 1; loop fetch group next row; end loop; end //
create procedure p_clean(in a int, out b varchar(5), inout `c d` int) begin select 1; end //
create procedure `p:%`() select 1 //
create event e_daily on schedule every 1 day starts '2020-01-01 00:00:00' do delete from no_key //
create event e_once on schedule at '2037-01-01 00:00:00' on completion preserve disable do delete from no_key //
set sql_mode = 'ORACLE' //
create package pack as procedure p1(); end //
create package body pack as procedure p1() as begin null; end; end //
delimiter ;
"""


@pytest.fixture(scope="module")
def odd_mariadb(mariadb: Server) -> str:
    return mariadb.new_database(MYSQL)


def test_objects_of_mariadb(mariadb: Server, odd_mariadb: str) -> None:
    catalog = catalog_at(mariadb.url(odd_mariadb))
    assert counted(catalog) == (6, 41, 5, 2, 13, 2, 3, 2, 2, 1, 2, 0)
    assert catalog.default_schema == odd_mariadb and catalog.character_set == "utf8mb4"
    assert [(one.table, one.name, one.timing, one.events) for one in catalog.triggers] == [
        ("patient", "t_one", "before", ("insert",)),
        ("patient", "t_two", "before", ("insert",)),
        ("visit", "触发 器", "after", ("delete",)),
    ]
    assert [(one.name, one.kind, one.arguments, one.returns) for one in catalog.routines] == [
        ("f_last", "aggregate", "x int(11)", "int(11)"),
        ("f_size", "function", "a decimal(8,2), b varchar(5)", "varchar(16)"),
        ("p:%", "procedure", "", ""),
        ("p_clean", "procedure", "in a int(11), out b varchar(5), inout c d int(11)", ""),
        ("pack", "package", "", ""),
    ]
    assert catalog.routines[1].comment == "大小" and "return concat(a, ':%')" in catalog.routines[1].definition
    assert "PACKAGE BODY" in catalog.routines[4].definition
    assert [(one.name, one.schedule) for one in catalog.events] == [
        ("e_daily", "EVERY 1 DAY STARTS '2020-01-01 00:00:00'"),
        ("e_once", "AT '2037-01-01 00:00:00'"),
    ]
    assert [one.name for one in catalog.sequences] == ["ticket"]
    assert catalog.notes == (
        f"{odd_mariadb}.kept_history: system-versioned; the current rows travel, their history does not",
        f"{odd_mariadb}.patient.hidden: an invisible column; it travels, although `select *` leaves it out",
    )


def test_columns_and_keys_of_mariadb(mariadb: Server, odd_mariadb: str) -> None:
    catalog = catalog_at(mariadb.url(odd_mariadb))
    odd = catalog.table(odd_mariadb, "a:b%c`e")
    assert (odd.comment, odd.columns[0].comment) == ("检查'表: 100%", "序号'号\\")
    assert [column.default for column in odd.columns] == [None, "a:b%'\\", "A,b"]
    assert odd.columns[0].is_identity and odd.columns[2].source_type == "enum('A,b','Unsigned''x','')"
    assert "CREATE TABLE" in odd.definition and "AUTO_INCREMENT=77" not in odd.definition
    patient = catalog.table(odd_mariadb, "patient")
    targets = {column.name: rule_for("mysql", column).target_type for column in patient.columns}
    assert targets == {
        "code": "varchar", "id": "decimal(20,0)", "name": "varchar", "note": "varchar", "body": "varchar",
        "place": "varchar", "tags": "varchar", "flag": "smallint", "bits": "decimal(20,0)", "zero": "bigint",
        "price": "decimal(10,2)", "taken": "timestamp", "touched": "timestamptz", "span": "varchar", "y": "smallint",
        "j": "varchar", "born": "date", "hidden": "integer", "packed": "blob", "wide": "varchar", "u": "varchar",
        "ip": "varchar", "doubled": "integer", "kept": "integer", "nothing": "varchar", "raw": "blob", "f": "double",
        "d": "double",
    }  # fmt: skip
    assert [column.name for column in patient.columns if column.is_generated] == ["doubled", "kept"]
    assert column_of(patient, "nothing").default == "NULL" and column_of(patient, "touched").default is None
    assert (column_of(patient, "code").character_set, column_of(patient, "code").collation) == ("gbk", "gbk_chinese_ci")
    assert patient.primary_key == ("code", "id") and patient.unique_keys == (("id",), ("name", "id"))
    assert (index_of(patient, "words").method, index_of(patient, "spots").method) == ("fulltext", "spatial")
    assert patient.checks == ("`flag` in (0,1)", "json_valid(`j`)", "`id` > 0")
    assert catalog.table(odd_mariadb, "parts").is_partitioned
    visit = catalog.table(odd_mariadb, "visit")
    assert [(key.name, key.columns, key.referenced_columns) for key in visit.foreign_keys] == [
        ("visit_ibfk_1", ("up",), ("id",)),
        ("visit_patient", ("patient_code", "patient_id"), ("code", "id")),
    ]


def test_notes_what_an_account_of_mariadb_may_not_see(mariadb: Server, odd_mariadb: str) -> None:
    mariadb.run(
        f"create or replace user 'guest'@'127.0.0.1' identified by '{PASSWORD}'; "
        f"grant select on `{odd_mariadb}`.* to 'guest'@'127.0.0.1'; "
        f"grant execute on procedure `{odd_mariadb}`.p_clean to 'guest'@'127.0.0.1';",
        "mysql",
    )
    catalog = catalog_at(mariadb.url(odd_mariadb).replace("//migration_reader:", "//guest:"))
    assert counted(catalog, "tables", "views", "triggers", "procedures", "events") == (6, 2, 0, 1, 0)
    hidden = [note for note in catalog.notes if "may not see" in note or "cannot see" in note]
    assert hidden == [
        f"{odd_mariadb}.v 中文: this account may not see the definition of the view (SHOW VIEW)",
        f"{odd_mariadb}.v_patient: this account may not see the definition of the view (SHOW VIEW)",
        f"{odd_mariadb}.p_clean: this account may not see the definition of the procedure",
        f"{odd_mariadb}: the account is not told to have EVENT; there may be events that it cannot see",
        f"{odd_mariadb}: the account is not told to have EXECUTE; there may be functions and procedures that it cannot"
        " see",
        f"{odd_mariadb}: the account is not told to have TRIGGER; there may be triggers that it cannot see",
    ]


SQLITE = r"""
create table "a:b%c\d""e" ("序号" integer primary key autoincrement, "x:y%z\w""q" varchar(20) not null default 'a:b%'
  collate nocase, [select] text, `back``tick` "Big INT" check (`back``tick` > 0));
create table patient (id integer constraint own primary key, code text not null, name, "CHECK" text default ('(a,b)'),
  -- a comment, with (
  born date /* check (no) */, age int generated always as (2020 - cast(born as int)) virtual,
  double_age int as (age * 2) stored,
  constraint "名 唯一" unique (code, name), constraint born_early check (born < '2100-01-01' and code <> ')'));
create unique index patient_upper on patient (upper(name), id);
create unique index patient_partial on patient (name) where name is not null;
create unique index patient_code on patient (code collate nocase desc);
create index patient_name on patient ("name");
create table visit (id integer primary key desc, patient_id integer references PATIENT, code text, name text,
  up int references visit (ID) on delete cascade, elsewhere int references not_here (x),
  constraint visit_patient foreign key (code, name) references patient (Code, NAME));
create table by_text (code text primary key, label text) without rowid;
create table by_pair (x integer, y text, z text, primary key (y, x));
create table nullable_key (code text primary key);
create table is_strict (id int primary key not null, x any) strict;
create table untyped (a, b);
create virtual table words using fts5(title, body);
create virtual table boxes using rtree(id, x1, x2);
create table words_extra (id integer);
create view v_patient as select id, name as "姓 名" from patient;
create view "v 中文" (a, b) as select * from v_patient;
create trigger t_before before update of name on patient begin select 1; end;
create trigger "insert" insert on patient when new.id > 0 begin delete from untyped where a = 'update on x'; end;
create trigger if not exists t_instead instead of delete on v_patient begin select 1; end;
create trigger [t after] after delete on "a:b%c\d""e" begin select 1; end;
insert into patient (id, code) values (1, 'a'), (2, 'b');
analyze;
"""


@pytest.fixture
def odd_sqlite(tmp_path: Path) -> Path:
    path = tmp_path / "odd.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(SQLITE)
    connection.close()
    return path


def test_objects_of_sqlite(odd_sqlite: Path) -> None:
    catalog = catalog_at(f"sqlite:///{odd_sqlite}")
    assert counted(catalog) == (9, 28, 7, 4, 10, 2, 4, 0, 0, 0, 0, 0)
    assert [(one.table, one.name, one.timing, one.events) for one in catalog.triggers] == [
        ('a:b%c\\d"e', "t after", "after", ("delete",)),
        ("patient", "insert", "before", ("insert",)),
        ("patient", "t_before", "before", ("update",)),
        ("v_patient", "t_instead", "instead of", ("delete",)),
    ]
    left_out = [note.split(":")[0] for note in catalog.notes if note.endswith("left out")]
    assert left_out == [
        "boxes", "boxes_node", "boxes_parent", "boxes_rowid", "words", "words_config", "words_content", "words_data",
        "words_docsize", "words_idx",
    ]  # fmt: skip
    assert catalog.notes[len(left_out) :] == (
        "patient: declared without a type: name",
        "untyped: declared without a type: a, b",
        "visit: refers to not_here, which is no table of this file",
    )


def test_columns_and_keys_of_sqlite(odd_sqlite: Path) -> None:
    catalog = catalog_at(f"sqlite:///{odd_sqlite}")
    odd = catalog.table("main", 'a:b%c\\d"e')
    assert [(column.name, column.source_type) for column in odd.columns] == [
        ("序号", "integer"), ('x:y%z\\w"q', "varchar(20)"), ("select", "text"), ("back`tick", "big int"),
    ]  # fmt: skip
    assert odd.checks == ("`back``tick` > 0",) and odd.columns[1].collation == "nocase"
    patient = catalog.table("main", "patient")
    assert patient.unique_keys == (("code",), ("code", "name")) and patient.estimated_rows == 2
    assert index_of(patient, "patient_upper").columns == ("upper(name)", "id")
    assert [(column.name, column.default) for column in patient.columns if column.is_generated] == [
        ("age", "2020 - cast(born as int)"),
        ("double_age", "age * 2"),
    ]
    assert patient.checks == ("born < '2100-01-01' and code <> ')'",) and (patient.size_bytes or 0) > 0
    visit = catalog.table("main", "visit")
    assert [(key.name, key.columns, key.referenced_table, key.referenced_columns) for key in visit.foreign_keys] == [
        ("visit_elsewhere_fkey", ("elsewhere",), "not_here", ("x",)),
        ("visit_patient", ("code", "name"), "patient", ("code", "name")),
        ("visit_patient_id_fkey", ("patient_id",), "patient", ("id",)),
        ("visit_up_fkey", ("up",), "visit", ("id",)),
    ]


@pytest.mark.parametrize(
    ("table", "key", "never_null", "numbered", "primary_indexes"),
    [
        pytest.param("patient", ("id",), ["id", "code"], ["id"], 0, id="row number has no index"),
        pytest.param("visit", ("id",), [], [], 1, id="desc is no row number"),
        pytest.param("by_text", ("code",), ["code"], [], 1, id="without rowid"),
        pytest.param("by_pair", ("y", "x"), [], [], 1, id="pair in its own order"),
        pytest.param("nullable_key", ("code",), [], [], 1, id="text key takes NULL"),
        pytest.param("is_strict", ("id",), ["id"], [], 1, id="int is not integer"),
    ],
)
def test_primary_keys_of_sqlite(
    odd_sqlite: Path, table: str, key: tuple[str, ...], never_null: list[str], numbered: list[str], primary_indexes: int
) -> None:
    found = catalog_at(f"sqlite:///{odd_sqlite}").table("main", table)
    assert found.primary_key == key
    assert [column.name for column in found.columns if not column.is_nullable] == never_null
    assert [column.name for column in found.columns if column.is_identity] == numbered
    assert sum(index.is_primary for index in found.indexes) == primary_indexes


def test_sqlite_file_is_not_changed(odd_sqlite: Path) -> None:
    before = hashlib.sha256(odd_sqlite.read_bytes()).hexdigest()
    with open_source(parse_address(f"sqlite:///{odd_sqlite}")) as source:
        read_catalog(source)
        with pytest.raises(RadlakeError):
            source.rows("delete from patient")
    assert hashlib.sha256(odd_sqlite.read_bytes()).hexdigest() == before
    assert [path.name for path in odd_sqlite.parent.iterdir()] == [odd_sqlite.name]


@contextmanager
def refused(server: Server, database: str, statement: str) -> Iterator[None]:
    with open_source(parse_address(server.url(database))) as source:
        read_catalog(source)
        yield
        with pytest.raises(RadlakeError):
            source.rows(statement)


def test_servers_refuse_writing(postgresql: Server, odd_postgresql: str, mariadb: Server, odd_mariadb: str) -> None:
    with refused(postgresql, odd_postgresql, "insert into fast values (1)"):
        pass
    with refused(mariadb, odd_mariadb, "insert into no_key values ('x', 1)"):
        pass


def test_a_url_without_a_database_reads_all_of_mariadb(mariadb: Server, odd_mariadb: str) -> None:
    catalog = catalog_at(mariadb.url(""))
    schemas = {table.schema for table in catalog.tables}
    assert odd_mariadb in schemas and not schemas & {"mysql", "sys", "performance_schema", "information_schema"}
    assert catalog.default_schema == ""


@pytest.mark.parametrize(
    ("engine", "kind", "wire", "text"),
    [
        ("mssql", "int", "-7", "-7"),
        ("mssql", "bit", "'true'", "true"),
        ("mssql", "decimal(8,2)", "'-0.50'", "-0.50"),
        ("mssql", "money", "'12.3400'", "12.3400"),
        ("mssql", "date", "'0001-01-01'", "0001-01-01"),
        ("mssql", "smalldatetime", "'2020-01-01 08:00:00'", "2020-01-01 08:00:00"),
        ("mssql", "datetime", "'1753-01-01 23:59:59.997'", "1753-01-01 23:59:59.997"),
        ("mssql", "datetime2(0)", "'9999-12-31 00:00:00'", "9999-12-31 00:00:00"),
        ("mssql", "datetime2(7)", "'2020-01-01 08:00:00.1234560'", "2020-01-01 08:00:00.123456"),
        ("mssql", "float(53)", "cast(0.1 as double)", "3fb999999999999a"),
        ("mssql", "nvarchar(20)", "'张三  '", "张三  "),
        ("oracle", "number(8,2)", "'0.50'", "0.50"),
        ("oracle", "number(38,0)", "'99999999999999999999999999999999999999'", "9" * 38),
        ("oracle", "date", "'2020-01-01 08:00:00'", "2020-01-01 08:00:00"),
        ("oracle", "timestamp(9)", "'2020-01-01 08:00:00.500000'", "2020-01-01 08:00:00.500000"),
        (
            "oracle",
            "timestamp(6) with local time zone",
            "'2020-01-01 00:00:00.000001'",
            "2020-01-01 00:00:00.000001",
        ),
        ("oracle", "binary_float", "cast(-0.5 as double)", "bfe0000000000000"),
    ],
)
def test_texts_of_foreign_types_survive_the_lake(
    settings: Settings, engine: str, kind: str, wire: str, text: str
) -> None:
    """What the server is documented to write arrives, and the lake writes the text the server compares by."""
    rule = rule_for(engine, Column(name="a", source_type=kind))
    with open_lake(settings, ("raw",), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        arrived = f"cast({rule.convert.format('w')} as {rule.target_type})"
        query = f"select {rule.target_text.format('v')} from (select {arrived} as v from (select {wire} as w))"
        assert connection.execute(query).fetchone() == (text,)
