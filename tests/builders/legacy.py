"""Legacy databases for tests: the synthetic one in every engine, and a hand-made one with everything awkward."""

import sqlite3
from pathlib import Path

from synthetic_hospital.legacy import write_legacy_database
from synthetic_hospital.population import tell_patients
from tests.builders.servers import Server


def write_synthetic(folder: Path, patients: int = 40, seed: int = 7) -> dict[str, int]:
    """Write the synthetic legacy database in its three forms and return the rows of each table."""
    return write_legacy_database(folder, tell_patients(patients, seed))


def load_synthetic(server: Server, folder: Path) -> str:
    """Load the synthetic database into a server and return its URL."""
    dialect = "postgresql" if server.engine == "postgresql" else "mysql"
    return server.url(server.new_database(folder / f"research.{dialect}.sql"))


AWKWARD_SQLITE = """
create table "检查 表" ("序号" integer primary key, "患者's 姓名" text, "select" text);
insert into "检查 表" values (1, '张三  ', 'a|b'), (2, null, ''), (3, '李四𠮷😀', char(10));
create table dirty (id integer primary key, age integer, taken_at datetime, born date, amount decimal(8,2), flag boolean,
  ratio real, thumb blob, anything);
insert into dirty values (1, 30, '2020-01-01 10:00:00', '1980-02-29', 12.5, 1, 0.1, x'00ff10', 'text');
insert into dirty values (2, 'unknown', '0000-00-00', '1980-02-30', 12.345, 'yes', 'nan', 'text', 5);
insert into dirty values (3, null, null, null, null, null, null, null, null);
insert into dirty values (4, 3.7, '2020-01-01T10:00:00', '2020-1-5', -0.01, 0, 1e300, x'', 2.5);
create table no_key (a text, b integer);
insert into no_key values ('x', 1), ('x', 1), (null, null), (null, null), ('', 0);
create table by_text (code text primary key, label text) without rowid;
insert into by_text values ('a', '1'), ('A', '2'), ('b ', '3'), ('b', '4');
create table by_pair (x integer, y text, z text, primary key (x, y));
insert into by_pair values (1, 'a', 'p'), (1, 'b', 'q'), (2, 'a', null);
create table empty_one (id integer primary key, note text);
create table "Upper" (id integer primary key);
insert into "Upper" values (1);
create table bad_bytes (id integer primary key, note text);
insert into bad_bytes values (1, 'fine'), (2, cast(x'b2e2cad4' as text)), (3, null);
"""


def write_awkward_sqlite(path: Path) -> Path:
    """Write a SQLite file with odd names, values against their types, tables without a key, and bytes of GBK."""
    connection = sqlite3.connect(path)
    connection.executescript(AWKWARD_SQLITE)
    connection.close()
    return path


AWKWARD_MYSQL = """
create table `检查 表` (`序号` int primary key, `患者's 姓名` varchar(20), `select` text) character set utf8mb4;
insert into `检查 表` values (1, '张三  ', 'a|b'), (2, null, ''), (3, '李四𠮷😀', '\\n');
set sql_mode = '';
create table dates (id int unsigned primary key, d date, t datetime, t6 datetime(6), s timestamp null, tm time, y year);
insert into dates values (1, '2020-02-29', '2020-01-01 00:00:01', '2020-01-01 00:00:00.500000', '2020-01-01 08:00:00',
  '838:59:59', 2020), (2, '0000-00-00', '0000-00-00 00:00:00', null, null, '-01:00:00', 1901),
  (3, '2020-00-00', '9999-12-31 23:59:59', '1000-01-01 00:00:00.000001', '2037-12-31 23:59:59', null, null);
create table numbers (id bigint unsigned primary key, b1 bit(1), b64 bit(64), f float, d double, n decimal(65,30),
  m decimal(10,2), u tinyint unsigned, z int(6) zerofill, flag tinyint(1));
insert into numbers values (18446744073709551615, b'1', x'ffffffffffffffff', 1.1, 1e300, 1.5, -0.01, 255, 42, 1),
  (0, b'0', 0, -0.0, 5e-324, 0, 0, 0, 0, 0), (7, null, null, null, 0.1, null, null, null, null, 2);
create table texts (code varchar(10) character set gbk collate gbk_bin primary key,
  latin varchar(10) character set latin1);
insert into texts values ('测试', 'abc'), ('a', ''), ('A', 'x ');
create table lobs (id int primary key, data longblob, note longtext, kind enum('甲','乙'), tags set('x','y'), j json,
  fixed char(5), raw_bytes binary(4));
insert into lobs values (1, x'00ff00', repeat('长', 70000), '甲', 'x,y', '{"a": 1}', 'ab', 'ab'),
  (2, '', '', null, '', null, '', x'00000000');
create table no_key (a varchar(5), b int);
insert into no_key values ('x', 1), ('x', 1), (null, null), (null, null), ('', 0);
create table by_pair (x int, y varchar(5), z text, primary key (x, y));
insert into by_pair values (1, 'a', 'p'), (1, 'b', 'q'), (2, 'a', null);
create table empty_one (id int primary key, note text);
create table generated_one (id int primary key, a int, b int as (a * 2) stored, c int as (a + 1) virtual);
insert into generated_one (id, a) values (1, 5), (2, null);
"""

AWKWARD_POSTGRESQL = """
create schema "研究";
create type stage as enum ('I', 'II');
create domain positive as integer check (value > 0);
create table "研究"."检查 表" ("序号" serial primary key, "患者's 姓名" varchar(20), "select" text);
insert into "研究"."检查 表" values (1, '张三  ', 'a|b'), (2, null, ''), (3, '李四𠮷😀', E'\\n');
create table patient (id bigint primary key, name char(6));
insert into patient values (1, '张三'), (2, null);
create table "Patient" ("ID" int primary key, "id" text);
insert into "Patient" values (1, 'x');
create table instants (id int primary key, d date, t timestamp, t3 timestamp(3), tz timestamptz, tm time, tmz timetz,
  i interval);
insert into instants values
  (1, '2020-02-29', '2020-01-01 00:00:01', '2020-01-01 00:00:00.5', '2020-01-01 08:00:00+08', '23:59:59.999999',
   '10:00:00+08', '1 year 2 days'),
  (2, 'infinity', '-infinity', null, 'infinity', '24:00:00', null, null),
  (3, '0044-03-15 BC', '9999-12-31 23:59:59.999999', null, '0001-01-01 00:00:00+00', null, null, '-3 hours');
create table numbers (id smallint primary key, n numeric, n8 numeric(8,2), big numeric(50,10), r real,
  f double precision, m money, p positive, b boolean);
insert into numbers values (1, 1.50, 12.5, 1234567890123456789012345678901234567890.0123456789, 1.1, 1e300, 12.5, 1, true),
  (2, 'NaN', 'NaN', 'NaN', 'NaN', 'NaN', null, null, false), (3, -0, -0.01, 0, '-0', '-Infinity', null, 2, null),
  (4, null, null, null, null, 5e-324, null, null, null);
create table others (id uuid primary key, j jsonb, x xml, a int[], ta text[], ip inet, s stage, bits bit(3), data bytea,
  r int4range, tsv tsvector);
insert into others values ('00000000-0000-0000-0000-000000000001', '{"b": 1, "a": [1, 2]}', '<a>x</a>', '{1,NULL,3}',
  '{"a b",NULL,""}', '10.0.0.1/24', 'II', B'101', '\\x00ff', '[1,5)', to_tsvector('simple', 'a b')),
  ('00000000-0000-0000-0000-000000000002', null, null, null, null, null, null, null, '', null, null);
create table no_key (a text, b integer);
insert into no_key values ('x', 1), ('x', 1), (null, null), (null, null), ('', 0);
create table by_time (at timestamp primary key, note text);
insert into by_time values ('2020-01-01 00:00:00.000001', 'a'), ('2020-01-01 00:00:00.000002', 'b');
create table log (id int, at date, what text) partition by range (at);
create table log_2020 partition of log for values from ('2020-01-01') to ('2021-01-01');
create table log_2021 partition of log for values from ('2021-01-01') to ('2022-01-01');
insert into log values (1, '2020-05-01', 'a'), (2, '2021-05-01', 'b');
create table parent_one (id int primary key, note text);
create table child_one (more text) inherits (parent_one);
insert into parent_one values (1, 'p');
insert into child_one values (2, 'c', 'm');
create table empty_one (id int primary key, note text);
create table generated_one (id int primary key generated always as identity, a int, b int generated always as (a * 2) stored);
insert into generated_one (a) values (5), (null);
create table no_columns ();
"""
