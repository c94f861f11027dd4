"""A dump, read without any server, against the live database that the same script makes: objects and every value."""

import gzip
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.migration.catalog import Catalog, Column, Table
from ingestion.migration.dump import open_dump
from ingestion.migration.engines import read_catalog
from ingestion.migration.source import Source, open_source, parse_address
from synthetic_hospital.legacy import write_legacy_database
from synthetic_hospital.population import tell_patients
from tests.builders.servers import PASSWORD, USER, Server

MYSQL = r"""
set sql_mode = 'NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES';
create table `all types` (
  id int auto_increment primary key, t1 tinyint, t1u tinyint unsigned, b1 boolean default true, s smallint, m mediumint unsigned, i int unsigned zerofill, bi bigint unsigned,
  d decimal(8,2) default 1.5, d2 decimal(30,10), f float, f2 float(8,3), db double, bt bit(10), bt1 bit(1),
  dt date, dtm datetime, dtm6 datetime(6), ts timestamp null default null, ts3 timestamp(3) null, tm time, tm2 time(2), y year,
  c char(10), v varchar(200) comment '变长''s "文本"', tt tinytext, tx text, mt mediumtext, lt longtext,
  bn binary(5), vb varbinary(100), tb tinyblob, bl blob, lb longblob,
  e enum('男','女','it''s','a,b'), st set('x','y','z') , j json, g geometry, pt point, u uuid, ip inet4, gen int as (t1 + 1) virtual, gens varchar(50) as (concat(v,'!')) stored,
  unique key `uk``odd` (bi, d), key pre (tx(10)), key `键` (v), fulltext key ft (mt), key dup (v)
) comment 'it''s 表; /* not a comment */ -- nor this';
insert into `all types` (t1,t1u,b1,s,m,i,bi,d,d2,f,f2,db,bt,bt1,dt,dtm,dtm6,ts,ts3,tm,tm2,y,c,v,tt,tx,mt,lt,bn,vb,tb,bl,lb,e,st,j,g,pt,u,ip) values
(-128,255,false,-32768,16777215,7,18446744073709551615,-999999.99,12345678901234567890.0123456789,0.1,12345.678,1e300,b'1010101010',b'1','2020-02-29','2020-01-01 00:00:00','2020-01-01 00:00:00.000001','2020-01-01 00:00:00','2020-06-01 12:00:00.123','-838:59:59','10:11:12.13',2155,'ab  ','tail  ','q''q"q`q','back\\slash \\n %\_ \0 nul','line\nfeed\r\ntab\t\Z','😀 emoji 中文 𠮷','ab','\0\x01',x'00ff27225c0a0d1a',x'27',unhex('FFFE00C3285C5C272222'),'it''s','x,z','{"b": 1, "a": [1, 2.50, "中\\"文"]}',st_geomfromtext('point(1 2)'),point(3,4.5),'123e4567-e89b-12d3-a456-426614174000','10.0.0.1'),
(127,0,true,32767,0,4294967295,0,0,-0.5,-1.5e-10,-0.001,-0.0,b'0',b'0','0000-00-00','0000-00-00 00:00:00','9999-12-31 23:59:59.999999',null,'2038-01-19 03:14:07.999','838:59:59','-00:00:00.5',1901,'','','','','','','','','','','','','','[]',null,null,null,null),
(0,1,null,0,1,0,1,0.01,1,1.25e38,0,2.2250738585072014e-300,b'11',null,'2000-00-00','1000-01-01 00:00:00','1000-01-01 00:00:00.5','1971-01-01 00:00:01','2001-02-03 04:05:06','00:00:00','00:00:00',0,'  x','null','NULL','\\N','),(','''; drop table x; --','(1,2)','),','),(','a''b','z','男','y',  '"x"',null,null,null,null),
(null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null,null);
insert into `all types` (t1, v, dt) values (5, concat('a', repeat('长文', 40)), '2021-02-28');
insert into `all types` (t1, lt, lb) values (6, repeat('中文字符\'"\\', 20000), repeat(unhex('00FF27225C0A0D1A80'), 30000));
create table parent (a int, `键 two` varchar(20) character set latin1, nm varchar(20) character set gbk, primary key (a, `键 two`)) collate utf8mb4_bin;
insert into parent values (1,'é ü','中文'),(2,'x','繁體');
create table child (id bigint unsigned auto_increment, a int, k2 varchar(20) character set latin1, note text, primary key(id), constraint `fk name` foreign key (a,k2) references parent(a,`键 two`) on delete cascade, check (a > -5)) auto_increment=1000;
insert into child (a,k2,note) values (1,'é ü','n1'),(null,null,'n2');
create table nokey (a int, b varchar(10)); insert into nokey values (1,'x'),(1,'x'),(null,null);
create table `empty` (x int not null, y text);
create table `select` (`from` int primary key, `WHERE` varchar(5), `Group By` int, key (`Group By`));
insert into `select` values (1,'a',2);
create table parts (id int not null, d date not null, primary key (id,d)) partition by range (year(d)) (partition p0 values less than (2010), partition p1 values less than maxvalue);
insert into parts values (1,'2009-01-01'),(2,'2020-01-01');
create table lat (a varchar(20), b char(5)) character set latin1; insert into lat values ('ÄÖ€','x ');
create view v1 as select a, b from nokey;
create view `v 2` as select v1.a, p.`键 two` from v1 join parent p on p.a = v1.a;
delimiter ;;
create trigger tr_bi before insert on child for each row begin if new.a < 0 then set new.a = 0; end if; set new.note = concat(new.note, '; x'); end;;
create trigger tr_au after update on child for each row insert into nokey values (1, 'a;b');;
create function fn_age(p int) returns varchar(20) deterministic comment '函数' begin declare x int; case when p > 1 then set x = 1; else set x = 2; end case; return concat('a;', x); end;;
create procedure pr_do(in a int, out b varchar(10)) begin select 'begin; end' into b; while a > 0 do set a = a - 1; end while; end;;
create event ev on schedule every 1 day starts '2030-01-01 00:00:00' do begin delete from nokey where a = -1; end;;
delimiter ;
"""

POSTGRESQL = r"""
create schema "Odd ""Schema"; create schema 影像;
create type mood as enum ('sad','ok','it''s, "so"'); create type "Odd ""Schema"."T y" as enum ('甲','乙');
create domain posint as integer not null check (value > 0); create domain txt as varchar(20);
create type pair as (a int, b text);
create sequence free_seq start 5 increment 2;
create table "All Types" (
  id serial primary key, si smallint, i int, bi bigserial, n numeric(8,2) default 1.5, n2 numeric, n0 numeric(5), r real, d double precision, b boolean default true,
  c char(5), v varchar(50) collate "C", t text default 'it''s', dt date, tm time, tm3 time(3), tz timetz, ts timestamp, ts0 timestamp(0), tstz timestamptz, iv interval, iv2 interval day to second,
  by bytea, u uuid, j json, jb jsonb, x xml, ia int[], ta text[], na numeric(5,1)[], tsa timestamptz[], ba bool[], ra real[], mo mood, mo2 "Odd ""Schema"."T y", po posint default 3, te txt, pr pair, ip inet, ci cidr, ma macaddr, bt bit(4), bv varbit(10), mn money, tv tsvector, ir int4range, tr tstzrange, pt point, ch "char", nm name, oi oid,
  gen int generated always as (si + 1) stored, idn int generated by default as identity (start with 100)
);
comment on table "All Types" is 'it''s 表; -- not a comment'; comment on column "All Types".v is E'换\n行';
insert into "All Types" (si,i,n,n2,n0,r,d,b,c,v,t,dt,tm,tm3,tz,ts,ts0,tstz,iv,iv2,by,u,j,jb,x,ia,ta,na,tsa,ba,ra,mo,mo2,po,te,pr,ip,ci,ma,bt,bv,mn,tv,ir,tr,pt,ch,nm,oi) values
(-32768,2147483647,-999999.99,1e-20,12345,0.1,1e300,true,'ab','tail  ','back\slash \n q''q"q	tab
newline','2020-02-29','10:11:12','10:11:12.1','10:11:12+08','2020-01-01 00:00:00.000001','2020-01-01 00:00:00','2020-01-01 08:00:00+08','1 year 2 mons 3 days 04:05:06.789','1 day','\x00ff27225c0a','123E4567-E89B-12D3-A456-426614174000','{"b":1, "a":  [1, 2.50]}','{"b":1, "aa":  [1, 2.50, null], "b": "中\"文", "e": 1e3}','<a>x</a>','{1,2,NULL}','{"a,b",NULL,"NULL","q\"q\\","","中 文"}','{1.25,2}','{"2020-01-01 08:00:00+08"}','{t,f}','{0.1,1e10}','it''s, "so"','甲',7,'dom','(1,"a b")','10.0.0.1','10.0.0.0/8','08:00:2b:01:02:03','1010','101','12.5','a fat cat','[1,5]','[2020-01-01 00:00+00,)','(1,2)','x','nm',7),
(0,0,0,'NaN','0','NaN','-Infinity',false,'','',E'\u0001\b','infinity','24:00:00','00:00:00',null,'-infinity','0044-03-15 00:00:00 BC','infinity','-1 days','00:00:00','',null,'null','null',null,'{}','{{a,b},{c,d}}','[2:3]={1,2}','{}','{}','{}','sad','乙',1,'',null,null,null,null,'0000','','-1234.5','','empty',null,null,'','',0),
(null,null,null,123456789012345678901234567890.123456789,null,16777216,0.1::float8+0.2,null,null,null,'\N','10000-01-01','00:00:00.123456','23:59:59.9996','00:00-05:30','20000-01-01','2020-12-31 23:59:59.5','1969-12-31 23:59:59.999999-08','178000000 years','-1 day -02:03:04','\\x','123e4567-e89b-12d3-a456-426614174000','  [1]','{}','','{{1,2},{3,4}}',null,null,null,null,null,null,null,2,null,'(,)','::1/64','::/0',null,null,null,null,'''quoted'':1A','(,5)',null,'(1e10,-0.5)','é','z',4294967295);
insert into "All Types" (t, by) select repeat('长文''\', 5000), decode(repeat('00FF275C0A',1000),'hex');
create table "Odd ""Schema"."Select" ("From" int, "a b" text, "中文列" varchar(10), primary key ("From", "a b"));
insert into "Odd ""Schema"."Select" values (1,'x','甲'),(2,'y',null);
create table 影像.检查 (编号 text primary key, 日期 date not null, unique (日期, 编号));
insert into 影像.检查 values ('A1','2020-01-01');
create table par (id int not null, d date not null, v text, primary key (id, d)) partition by range (d);
create table par_a partition of par for values from ('2020-01-01') to ('2021-01-01');
create table par_b partition of par for values from ('2021-01-01') to (maxvalue) partition by list (id);
create table par_b1 partition of par_b for values in (2, 9); create table par_b2 partition of par_b default;
create index on par (v); create unique index par_u on par (d, id);
insert into par values (1,'2020-05-05','a'),(2,'2021-05-05','x'),(3,'2022-01-01',null),(4,'2022-01-01','zz');
create table base (a int, b text, check (a > 0)); create table kid (c int) inherits (base); insert into base values (1,'b'); insert into kid values (2,'k',3);
create table base_p (id int primary key, u int unique, w text, constraint cw check (w <> ''));
create table refs (id int generated always as identity, a int references base_p, b int constraint "fk odd" references base_p (u) on delete set null, x int default nextval('free_seq'), y text, unique (a, b), check (x > 0), exclude using gist (int4range(a, b) with &&), primary key (id));
insert into base_p values (1, 10, 'w'), (2, 2, null); insert into refs (a, b) values (1, null), (2, 2);
create index refs_lower on refs (lower(y)); create index on refs using hash (x); create unique index part_u on refs (x) where x > 100; create index on refs ((a + b), x) include (y);
create table nokey (a int, b varchar(10)); insert into nokey values (1,'x'),(1,'x'),(null,null); create unlogged table "empty" (z int); create table nocol ();
create view v1 as select a, b from nokey where a = 1; create materialized view mv as select count(*) as n from nokey; create view "v 2" as select * from v1; comment on view v1 is '视图';
create function f_add(a int, b int default 1) returns int language sql immutable as $$ select a + b; $$;
create function f_add(a text) returns text language plpgsql as $body$ begin return a || ';'; -- $$
end; $body$; comment on function f_add(text) is '函数';
create function f_tab(x int) returns table (p int, q text) language sql as 'select 1, ''a;b''';
create function f_atomic(x int) returns int begin atomic select x; select case when x > 1 then 2 else 3 end; end;
create procedure p_do(inout x int) language plpgsql as $$ begin x := x + 1; commit; end $$;
create aggregate my_sum(int) (sfunc = int4pl, stype = int, initcond = '0');
create function trg() returns trigger language plpgsql as $$ begin new.b := coalesce(new.b, 'x'); return new; end $$;
create trigger t_bi before insert or update of b on nokey for each row execute function trg();
create trigger t_ad after delete or truncate on nokey for each statement execute function trg();
create trigger t_v instead of insert on v1 for each row execute function trg();
create trigger t_par after insert on par for each row execute function trg();
create rule r_v as on insert to "v 2" do instead (select 1; select 2);
"""


_BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "bytea")
_MYSQL_NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "bit", "year")
_FLOATS = ("float", "double", "real", "double precision")


def kind_of(column: Column) -> str:
    """Return the bare name of a column's type."""
    return column.source_type.split("(")[0].removesuffix(" unsigned").removesuffix(" zerofill")


def live_text(source: Source, column: Column) -> str:
    """Return SQL of the text a server shows of a column, with all digits of a float."""
    name, kind = source.quote(column.name), kind_of(column)
    if kind in _BYTES:
        return name
    if source.engine == "postgresql":
        return f"{name}::float8::text" if kind in _FLOATS else f"{name}::text"
    if kind in _MYSQL_NUMBERS:
        return f"cast({name} + 0 as char)"
    return f"cast({name} + 0e0 as char)" if kind in _FLOATS else f"convert({name} using utf8mb4)"


def plain(value: object, column: Column) -> object:
    """Return a value in a form that both sides share; floats by their value."""
    if value is not None and kind_of(column) in _FLOATS:
        return repr(float(str(value)))
    return bytes(value) if isinstance(value, memoryview) else str(value) if isinstance(value, int) else value


def values(source: Source, catalog: Catalog, table: Table, columns: list[Column]) -> list[tuple[object, ...]]:
    """Return all rows of a table, sorted, without what the engine generates."""
    is_live = source.engine != "dump"
    names = ", ".join(live_text(source, column) if is_live else source.quote(column.name) for column in columns)
    place = source.table_name(table.schema, table.name, with_children=table.is_partitioned)
    rows = source.rows(f"select {names} from {place}") if columns else []
    found = [tuple(plain(value, column) for value, column in zip(row, columns, strict=True)) for row in rows]
    return sorted(found, key=repr)


def normal(table: Table, schema: str) -> dict[str, object]:
    """Return what must be equal of a table: names, columns, keys and indexes; expressions without brackets."""
    columns = [replace(column, default=None) for column in table.columns]
    indexes = [
        (
            index.name,
            tuple(re.sub(r"[\s()\"]", "", part) for part in index.columns),
            index.is_unique,
            index.is_primary,
            index.method,
        )
        for index in table.indexes
    ]
    keys = [
        (
            key.name,
            key.columns,
            key.referenced_schema.replace(schema, "."),
            key.referenced_table,
            key.referenced_columns,
        )
        for key in table.foreign_keys
    ]
    return {
        "columns": columns, "primary key": table.primary_key, "unique keys": sorted(table.unique_keys), "indexes": sorted(indexes),
        "foreign keys": sorted(keys), "comment": table.comment, "checks": len(table.checks), "partition": (table.partition_of, table.is_partitioned),
    }  # fmt: skip


def others(catalog: Catalog) -> dict[str, list[object]]:
    """Return what must be equal of everything that is no table."""

    def place(schema: str) -> str:
        return "." if schema == catalog.default_schema else schema

    return {
        "views": [(place(one.schema), one.name, one.is_materialized, one.comment) for one in catalog.views],
        "triggers": sorted((place(one.schema), one.name, one.table, one.timing, one.events, one.function) for one in catalog.triggers),
        "routines": sorted((place(one.schema), one.name, one.kind, one.comment, one.language) for one in catalog.routines),
        "sequences": [(place(one.schema), one.name, one.owned_by) for one in catalog.sequences],
        "events": [(place(one.schema), one.name, one.schedule) for one in catalog.events],
        "types": [(place(one.schema), one.name, one.kind) for one in catalog.types],
    }  # fmt: skip


def assert_same(url: str, dump: Path, work: Path) -> Catalog:
    """Compare a dump with a live database: counts, objects, every value of every row; return the dump's catalog."""
    with open_source(parse_address(url)) as live, open_dump(parse_address(str(dump)), work) as (source, catalog):
        told = read_catalog(live)
        assert catalog.engine == told.engine
        assert catalog.counts() == told.counts()
        assert others(catalog) == others(told)
        pairs = list(zip(catalog.tables, told.tables, strict=True))
        for ours, theirs in pairs:
            assert ours.name == theirs.name
            assert normal(ours, catalog.default_schema) == normal(theirs, told.default_schema), ours.name
        for ours, theirs in pairs:
            columns = [column for column in theirs.columns if not column.is_generated]
            assert values(source, catalog, ours, columns) == values(live, told, theirs, columns), ours.name
    assert list(work.iterdir()) == []
    return catalog


def dumped(server: Server, database: str, path: Path, *options: str) -> Path:
    """Write a dump with the engine's own program."""
    environment = os.environ | {"PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD}
    if server.engine == "postgresql":
        command = ["pg_dump", "-h", "127.0.0.1", "-p", str(server.port), "-U", USER, *options, database]
    else:
        program = shutil.which("mariadb-dump") or "mysqldump"
        command = [
            program,
            "-h127.0.0.1",
            f"-P{server.port}",
            f"-u{USER}",
            "--routines",
            "--events",
            "--triggers",
            *options,
            database,
        ]
    result = subprocess.run(command, capture_output=True, env=environment)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    path.write_bytes(result.stdout)
    return path


@pytest.fixture(scope="module")
def odd_mariadb(mariadb: Server) -> str:
    """Return a database of every type, odd names and odd values."""
    return mariadb.new_database(MYSQL)


@pytest.fixture(scope="module")
def odd_postgresql(postgresql: Server) -> str:
    """Return a database of every type, odd names and odd values."""
    return postgresql.new_database(POSTGRESQL)


@pytest.mark.parametrize(
    "options",
    [
        (), ("--hex-blob",), ("--skip-extended-insert",), ("--complete-insert", "--skip-opt"), ("--insert-ignore",), ("--replace",), ("--skip-tz-utc", "--compact"),
        ("--default-character-set=gbk",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_dump_of_mariadb_is_the_database_it_was_made_of(
    mariadb: Server, odd_mariadb: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = dumped(mariadb, odd_mariadb, tmp_path / "odd.sql", *options)
    # what the program left out, or GBK cannot write, is lost: there the dump is what counts
    is_lossy = {"--skip-opt", "--default-character-set=gbk"} & set(options)
    database = mariadb.new_database(path) if is_lossy else odd_mariadb
    catalog = assert_same(mariadb.url(database), path, tmp_path / "work")
    assert all("generated by the engine" in note for note in catalog.notes)


@pytest.mark.parametrize(
    "options",
    [
        (), ("--inserts",), ("--column-inserts",), ("--rows-per-insert=2",), ("--load-via-partition-root",), ("--clean", "--if-exists", "--create"),
        ("--no-owner", "--quote-all-identifiers"), ("--encoding=GBK",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_dump_of_postgresql_is_the_database_it_was_made_of(
    postgresql: Server, odd_postgresql: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = dumped(postgresql, odd_postgresql, tmp_path / "odd.sql", *options)
    catalog = assert_same(postgresql.url(odd_postgresql), path, tmp_path / "work")
    assert [note for note in catalog.notes if "generated by the engine" not in note] == []


def test_the_sakila_of_postgresql_is_read_from_its_two_files(postgresql: Server, shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/legacy/jooq-sakila/postgres-sakila-db"
    owner = "do $$ begin create role postgres; exception when duplicate_object then null; end $$"
    postgresql.run(owner, "postgres")
    database = postgresql.new_database(folder / "postgres-sakila-schema.sql")
    postgresql.run(folder / "postgres-sakila-insert-data-using-copy.sql", database)
    catalog = assert_same(postgresql.url(database), folder, tmp_path / "work")
    assert catalog.counts()["tables"] == 21


def test_the_sakila_of_mysql_has_the_objects_of_the_live_one(mariadb: Server, shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/legacy/jooq-sakila/mysql-sakila-db"
    mariadb.run(folder / "mysql-sakila-schema.sql", "mysql")
    assert_same(mariadb.url("sakila"), folder, tmp_path / "work")


def test_the_his_dump_is_read_whole(mariadb: Server, shared: Path, tmp_path: Path) -> None:
    folder = shared / "data/legacy/zainzhao-his"
    database = mariadb.new_database(folder / "document/mysql/his.sql")
    catalog = assert_same(mariadb.url(database), folder, tmp_path / "work")
    assert (catalog.counts()["tables"], catalog.version, catalog.notes) == (38, "MySQL 5.7.26", ())


@pytest.mark.parametrize("form", ["plain", "gb18030", "gzip"])
@pytest.mark.parametrize("engine", ["mysql", "postgresql"])
def test_the_old_database_of_the_synthetic_hospital_is_read(
    mariadb: Server, postgresql: Server, tmp_path: Path, engine: str, form: str
) -> None:
    write_legacy_database(tmp_path / "legacy", tell_patients(10, 1))
    script = tmp_path / "legacy" / f"research.{engine}.sql"
    server = mariadb if engine == "mysql" else postgresql
    database = server.new_database(script)
    dump = tmp_path / "dump"
    dump.mkdir()
    text = script.read_text(encoding="utf-8")
    if form == "gzip":
        (dump / "research.sql.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (dump / "research.sql").write_text(text, encoding="utf-8" if form == "plain" else "gb18030")
    assert assert_same(server.url(database), dump, tmp_path / "work").notes == ()
