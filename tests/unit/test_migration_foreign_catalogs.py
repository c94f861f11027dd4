"""Catalogs of SQL Server and Oracle from rows of their views, written down by hand for three tables of Sakila.

No server is imitated: what is proven is the mapping, from the columns the makers document to our words.
"""

from typing import Any

import pytest

from ingestion.migration.catalog import Catalog, Column, ForeignKey
from ingestion.migration.engines import mssql, mssql_rows, oracle, oracle_rows
from ingestion.migration.types import rule_for


def column_of(catalog: Catalog, table: str, name: str) -> Column:
    found = catalog.table(catalog.default_schema, table)
    return next(column for column in found.columns if column.name == name)


def mssql_column(table: int, number: int, name: str, kind: str, **facts: Any) -> tuple[Any, ...]:
    """Return a row of the query `columns`; lengths in bytes, precision and scale as sys.columns keeps them."""
    return (
        table, number, name, kind, facts.get("length", 4), facts.get("precision", 10), facts.get("scale", 0),
        facts.get("nullable", False), facts.get("identity", False), facts.get("computed", False), facts.get("text"),
        facts.get("comment"), facts.get("collation"), facts.get("code_page"),
    )  # fmt: skip


CHINESE = {"collation": "Chinese_PRC_CI_AS", "code_page": 936}
MSSQL: dict[str, list[tuple[Any, ...]]] = {
    "head": [("15.0.2000.5", "sakila", "dbo", "Chinese_PRC_CI_AS", 936)],
    "tables": [
        (30, "dbo", "film_actor", None, 0, False, 16384, 5462),
        (10, "dbo", "film", "影片", 2, False, 212992, 1000),
        (11, "dbo", "film_history", None, 1, False, 8192, 3),
        (12, "dbo", "film_archive", None, 0, True, None, None),
        (20, "归档", "actor", None, 0, False, None, None),
    ],
    "columns": [
        mssql_column(10, 2, "title", "varchar", length=255, **CHINESE),
        mssql_column(10, 1, "film_id", "int", identity=True, comment="编号"),
        mssql_column(10, 3, "description", "text", length=16, nullable=True, text="(NULL)", **CHINESE),
        mssql_column(10, 4, "rental_duration", "tinyint", length=1, precision=3, text="((3))"),
        mssql_column(10, 5, "rental_rate", "decimal", length=5, precision=4, scale=2, text="((4.99))"),
        mssql_column(10, 6, "special_features", "nvarchar", length=510, nullable=True, collation="Chinese_PRC_CI_AS"),
        mssql_column(10, 7, "poster", "varbinary", length=-1, nullable=True),
        mssql_column(10, 8, "last_update", "datetime", length=8, precision=23, scale=3, text="(getdate())"),
        mssql_column(10, 9, "seen_at", "datetime2", length=8, precision=27, scale=7, nullable=True),
        mssql_column(10, 10, "per_day", "decimal", precision=15, scale=6, nullable=True, computed=True,
                     text="([rental_rate]/[rental_duration])"),
        mssql_column(10, 11, "version", "timestamp", length=8),
        mssql_column(10, 12, "place", "geography", length=-1, nullable=True),
        mssql_column(30, 1, "actor_id", "int"),
        mssql_column(30, 2, "film_id", "int"),
        mssql_column(20, 1, "actor_id", "int"),
    ],
    "indexes": [
        (10, "PK__film", True, True, "NONCLUSTERED", False, False, "film_id", 1, 1),
        (10, "uq_title", True, False, "NONCLUSTERED", False, False, "title", 1, 1),
        (10, "uq_title", True, False, "NONCLUSTERED", False, False, "rental_rate", 0, 2),
        (10, "uq_part", True, False, "NONCLUSTERED", True, False, "special_features", 1, 1),
        (10, "by_columns", False, False, "NONCLUSTERED COLUMNSTORE", False, False, "title", 0, 1),
        (10, "by_columns", False, False, "NONCLUSTERED COLUMNSTORE", False, False, "rental_rate", 0, 2),
        (30, "PK__film_actor", True, True, "CLUSTERED", False, False, "film_id", 2, 2),
        (30, "PK__film_actor", True, True, "CLUSTERED", False, False, "actor_id", 1, 1),
        (20, "uq_off", True, False, "NONCLUSTERED", False, True, "actor_id", 1, 1),
    ],
    "foreign_keys": [
        (30, "fk_film_actor_film", 1, "film_id", "dbo", "film", "film_id"),
        (30, "fk_film_actor_actor", 1, "actor_id", "归档", "actor", "actor_id"),
    ],
    "checks": [(10, "CHECK_special_rating", "([rental_rate]>(0) AND [rental_rate]<(100))")],
    "views": [
        ("dbo", "film_list", "CREATE VIEW film_list AS SELECT film_id FROM film", 0, None),
        ("dbo", "hidden_list", None, 1, "加密"),
    ],
    "triggers": [
        ("dbo", "tr_film", "film", False, "UPDATE", "CREATE TRIGGER tr_film ON film AFTER INSERT, UPDATE AS ...", True),
        ("dbo", "tr_film", "film", False, "INSERT", "CREATE TRIGGER tr_film ON film AFTER INSERT, UPDATE AS ...", True),
        ("dbo", "tr_list", "film_list", True, "DELETE", "CREATE TRIGGER tr_list ...", False),
    ],
    "database_triggers": [("tr_ddl",)],
    "routines": [
        (101, "dbo", "f_rate", "FN", "CREATE FUNCTION f_rate ...", None),
        (102, "dbo", "p_rent", "P", "CREATE PROCEDURE p_rent ...", "出租"),
        (103, "dbo", "f_films", "IF", None, None),
    ],
    "parameters": [
        (101, 0, "", "decimal", 5, 4, 2, True),
        (101, 1, "@film", "int", 4, 10, 0, False),
        (102, 2, "@total", "nvarchar", 40, 0, 0, True),
        (102, 1, "@film", "int", 4, 10, 0, False),
    ],
    "sequences": [("dbo", "ticket")],
    "types": [
        ("dbo", "code", "varchar", 20, 0, 0, False, False, False),
        ("dbo", "film_table", "film_table", -1, 0, 0, False, True, False),
    ],
    "synonyms": [("dbo", "films")],
    "jobs": [("nightly", 1, "clean", "exec p_clean", 1)],
}  # fmt: skip


def test_rows_of_sql_server_become_a_catalog() -> None:
    catalog = mssql_rows.catalog_of(MSSQL)
    assert set(MSSQL) == set(mssql.QUERIES)
    assert catalog.counts() == {
        "tables": 3, "columns": 15, "primary_keys": 2, "foreign_keys": 2, "indexes": 6, "views": 2, "triggers": 2,
        "functions": 2, "procedures": 1, "sequences": 1, "events": 1, "types": 2,
    }  # fmt: skip
    assert (catalog.default_schema, catalog.character_set) == ("dbo", "cp936")
    film = catalog.table("dbo", "film")
    assert {column.name: (column.source_type, rule_for("mssql", column).target_type) for column in film.columns} == {
        "film_id": ("int", "integer"),
        "title": ("varchar(255)", "varchar"),
        "description": ("text", "varchar"),
        "rental_duration": ("tinyint", "smallint"),
        "rental_rate": ("decimal(4,2)", "decimal(4,2)"),
        "special_features": ("nvarchar(255)", "varchar"),
        "poster": ("varbinary(max)", "blob"),
        "last_update": ("datetime", "timestamp"),
        "seen_at": ("datetime2(7)", "timestamp"),
        "per_day": ("decimal(15,6)", "decimal(15,6)"),
        "version": ("rowversion", "blob"),
        "place": ("geography", "varchar"),
    }
    assert (film.comment, film.columns[0].comment, film.columns[0].is_identity) == ("影片", "编号", True)
    assert [column.default for column in film.columns[2:5]] == ["NULL", "3", "4.99"]
    assert [column.name for column in film.columns if column.is_generated] == ["per_day"]
    assert (film.columns[1].character_set, film.columns[5].character_set) == ("cp936", None)
    # neither an index over part of the rows nor one that is switched off is a key; included columns are no part
    assert film.primary_key == ("film_id",) and film.unique_keys == (("title",),)
    assert catalog.table("归档", "actor").unique_keys == ()
    assert [(index.name, index.columns) for index in film.indexes][1] == ("by_columns", ("title", "rental_rate"))
    assert film.checks == ("[rental_rate]>(0) AND [rental_rate]<(100)",)
    assert (film.size_bytes, film.estimated_rows) == (212992, 1000)
    assert catalog.table("dbo", "film_actor").primary_key == ("actor_id", "film_id")
    assert catalog.table("dbo", "film_actor").foreign_keys[0] == ForeignKey(
        name="fk_film_actor_actor",
        columns=("actor_id",),
        referenced_schema="归档",
        referenced_table="actor",
        referenced_columns=("actor_id",),
    )
    assert [(one.name, one.timing, one.events) for one in catalog.triggers] == [
        ("tr_film", "after", ("insert", "update")),
        ("tr_list", "instead of", ("delete",)),
    ]
    assert [(one.name, one.arguments, one.returns) for one in catalog.routines] == [
        ("f_films", "", "table"),
        ("f_rate", "@film int", "decimal(4,2)"),
        ("p_rent", "@film int, @total nvarchar(20) output", ""),
    ]
    assert [(one.name, one.kind, one.definition) for one in catalog.types] == [
        ("code", "domain", "varchar(20) not null"),
        ("film_table", "composite", "table"),
    ]
    assert sorted(note.split(":")[0] for note in catalog.notes) == [
        "dbo.f_films", "dbo.film_archive", "dbo.film_history", "dbo.films", "dbo.hidden_list", "tr_ddl",
        "trigger dbo.film.tr_film",
    ]  # fmt: skip
    assert '"film_id" int identity not null' in film.definition and 'primary key ("film_id")' in film.definition


def oracle_column(table: str, number: int, name: str, kind: str, **facts: Any) -> tuple[Any, ...]:
    """Return a row of the query `columns`."""
    return (
        "SAKILA", table, number, name, kind, facts.get("owner"), facts.get("length", 22), facts.get("characters", 0),
        facts.get("used"), facts.get("precision"), facts.get("scale"), facts.get("nullable", "N"), facts.get("default"),
        facts.get("virtual", "NO"), facts.get("identity", "NO"), facts.get("hidden", "NO"), facts.get("comment"),
    )  # fmt: skip


ORACLE: dict[str, list[tuple[Any, ...]]] = {
    "head": [("19.0.0.0.0", "ORCL", "SAKILA", "ZHS16GBK", "BINARY")],
    "tables": [
        ("SAKILA", "FILM_ACTOR", None, "N", "NO", "N", None, "NO", None),
        ("SAKILA", "FILM", 1000, "N", "NO", "N", None, "YES", "影片"),
        ("SAKILA", "PASSING", None, "Y", "NO", "N", None, "NO", None),
        ("SAKILA", "FAR_AWAY", None, "N", "NO", "N", None, "NO", None),
        ("SAKILA", "MV_SALES", 5, "N", "NO", "N", None, "NO", None),
        ("SAKILA", "MLOG$_FILM", None, "N", "NO", "N", None, "NO", None),
        ("SAKILA", "SYS_IOT_OVER_1", None, "N", "NO", "N", "IOT_OVERFLOW", "NO", None),
        ("SAKILA", "CODES", None, "N", "NO", "N", "IOT", "NO", None),
    ],
    "external": [("SAKILA", "FAR_AWAY")],
    "logs": [("SAKILA", "MLOG$_FILM")],
    "columns": [
        oracle_column("FILM", 2, "TITLE", "VARCHAR2", length=1020, characters=255, used="C"),
        oracle_column("FILM", 1, "FILM_ID", "NUMBER", scale=0, identity="YES", comment="编号"),
        oracle_column("FILM", 3, "DESCRIPTION", "CLOB", length=4000, nullable="Y", default="NULL "),
        oracle_column("FILM", 4, "RENTAL_RATE", "NUMBER", precision=4, scale=2, default="4.99 "),
        oracle_column("FILM", 5, "RATIO", "NUMBER", nullable="Y"),
        oracle_column("FILM", 6, "LAST_UPDATE", "DATE", length=7),
        oracle_column("FILM", 7, "SEEN_AT", "TIMESTAMP(6) WITH TIME ZONE", length=13, scale=6, nullable="Y"),
        oracle_column("FILM", 8, "POSTER", "BLOB", length=4000, nullable="Y"),
        oracle_column("FILM", 9, "PER_DAY", "NUMBER", nullable="Y", virtual="YES", default='"RENTAL_RATE"/3'),
        oracle_column("FILM", 10, "HIDDEN", "NVARCHAR2", length=40, characters=20, used="C", nullable="Y",
                      hidden="YES"),
        oracle_column("FILM", 11, "PLACE", "SDO_GEOMETRY", owner="MDSYS", length=1, nullable="Y"),
        oracle_column("FILM", 12, "TENS", "NUMBER", precision=5, scale=-1, nullable="Y"),
        oracle_column("FILM_ACTOR", 1, "ACTOR_ID", "NUMBER", scale=0),
        oracle_column("FILM_ACTOR", 2, "FILM_ID", "NUMBER", scale=0),
        oracle_column("CODES", 1, "CODE", "CHAR", length=2, characters=2, used="B"),
    ],
    "constraints": [
        ("SAKILA", "FILM", "PK_FILM", "P", None, None, "PK_FILM", None),
        ("SAKILA", "FILM", "UQ_TITLE", "U", None, None, "UQ_TITLE", None),
        ("SAKILA", "FILM", "SYS_C1", "C", None, None, None, '"TITLE" IS NOT NULL'),
        ("SAKILA", "FILM", "CHECK_RATE", "C", None, None, None, "rental_rate > 0"),
        ("SAKILA", "FILM_ACTOR", "PK_FILM_ACTOR", "P", None, None, "PK_FILM_ACTOR", None),
        ("SAKILA", "FILM_ACTOR", "FK_FILM", "R", "SAKILA", "PK_FILM", None, None),
        ("SAKILA", "FILM_ACTOR", "FK_ACTOR", "R", "OTHERS", "PK_ACTOR", None, None),
        ("SAKILA", "CODES", "PK_CODES", "P", None, None, "PK_CODES", None),
    ],
    "constraint_columns": [
        ("SAKILA", "PK_FILM", "FILM", 1, "FILM_ID"),
        ("SAKILA", "UQ_TITLE", "FILM", 1, "TITLE"),
        ("SAKILA", "PK_FILM_ACTOR", "FILM_ACTOR", 2, "FILM_ID"),
        ("SAKILA", "PK_FILM_ACTOR", "FILM_ACTOR", 1, "ACTOR_ID"),
        ("SAKILA", "FK_FILM", "FILM_ACTOR", 1, "FILM_ID"),
        ("SAKILA", "FK_ACTOR", "FILM_ACTOR", 1, "ACTOR_ID"),
        ("SAKILA", "PK_CODES", "CODES", 1, "CODE"),
    ],
    "indexes": [
        ("SAKILA", "FILM", "SAKILA", "PK_FILM", "NORMAL", "UNIQUE", "VALID"),
        ("SAKILA", "FILM", "SAKILA", "UQ_TITLE", "NORMAL", "UNIQUE", "VALID"),
        ("SAKILA", "FILM", "SAKILA", "IX_UPPER", "FUNCTION-BASED NORMAL", "UNIQUE", "VALID"),
        ("SAKILA", "FILM", "SAKILA", "IX_DOWN", "FUNCTION-BASED NORMAL", "NONUNIQUE", "VALID"),
        ("SAKILA", "FILM_ACTOR", "SAKILA", "PK_FILM_ACTOR", "NORMAL", "UNIQUE", "N/A"),
        ("SAKILA", "CODES", "SAKILA", "PK_CODES", "IOT - TOP", "UNIQUE", "VALID"),
    ],
    "index_columns": [
        ("SAKILA", "PK_FILM", 1, "FILM_ID"),
        ("SAKILA", "UQ_TITLE", 1, "TITLE"),
        ("SAKILA", "IX_UPPER", 1, "SYS_NC00013$"),
        ("SAKILA", "IX_DOWN", 1, "SYS_NC00014$"),
        ("SAKILA", "PK_FILM_ACTOR", 1, "ACTOR_ID"),
        ("SAKILA", "PK_FILM_ACTOR", 2, "FILM_ID"),
        ("SAKILA", "PK_CODES", 1, "CODE"),
    ],
    "index_expressions": [("SAKILA", "IX_UPPER", 1, 'UPPER("TITLE")'), ("SAKILA", "IX_DOWN", 1, '"LAST_UPDATE"')],
    "views": [("SAKILA", "FILM_LIST", "SELECT film_id FROM film", "清单")],
    "materialized_views": [("SAKILA", "MV_SALES", "SELECT 1 FROM dual", "MV_SALES", None)],
    "triggers": [
        ("SAKILA", "FILM_BEFORE", "SAKILA", "FILM", "TABLE", "BEFORE EACH ROW", "INSERT OR UPDATE", "ENABLED",
         "film_before\nBEFORE INSERT OR UPDATE ON film FOR EACH ROW", "BEGIN NULL; END;"),
        ("SAKILA", "FILM_LIST_IO", "SAKILA", "FILM_LIST", "VIEW", "INSTEAD OF", "DELETE", "DISABLED", None, "BEGIN END;"),
        ("SAKILA", "AT_LOGON", "SAKILA", None, "SCHEMA", "AFTER EVENT", "LOGON", "ENABLED", "at_logon", "BEGIN END;"),
    ],
    "source": [
        ("SAKILA", "RENTALS", "PACKAGE", 2, "  FUNCTION GET_FILM(p_film_id INT) RETURN FILM_T;\n"),
        ("SAKILA", "RENTALS", "PACKAGE", 1, "PACKAGE RENTALS AS\n"),
        ("SAKILA", "RENTALS", "PACKAGE", 3, "END RENTALS;"),
        ("SAKILA", "RENTALS", "PACKAGE BODY", 1, "PACKAGE BODY RENTALS AS END;"),
        ("SAKILA", "F_RATE", "FUNCTION", 1, "FUNCTION f_rate(p_film INT) RETURN NUMBER IS BEGIN RETURN 1; END;"),
        ("SAKILA", "P_SECRET", "PROCEDURE", 1, "PROCEDURE p_secret wrapped \na000000"),
        ("SAKILA", "FILM_T", "TYPE", 1, "TYPE FILM_T AS OBJECT (film_id INT)"),
    ],
    "arguments": [
        ("SAKILA", "F_RATE", 0, None, "NUMBER", "OUT"),
        ("SAKILA", "F_RATE", 1, "P_FILM", "NUMBER", "IN"),
    ],
    "aggregates": [],
    "sequences": [("SAKILA", "ISEQ$$_1"), ("SAKILA", "ACTOR_SEQUENCE")],
    "identities": [("SAKILA", "FILM", "FILM_ID", "ISEQ$$_1")],
    "types": [("SAKILA", "FILM_T", "OBJECT")],
    "jobs": [("SAKILA", "NIGHTLY", "FREQ=DAILY", "2020-01-01 02:00:00", "FALSE", None, "BEGIN p_clean; END;")],
}  # fmt: skip


def test_rows_of_oracle_become_a_catalog() -> None:
    catalog = oracle_rows.catalog_of(ORACLE)
    assert set(ORACLE) == set(oracle.QUERIES)
    assert catalog.counts() == {
        "tables": 3, "columns": 15, "primary_keys": 3, "foreign_keys": 1, "indexes": 6, "views": 2, "triggers": 2,
        "functions": 1, "procedures": 1, "sequences": 2, "events": 1, "types": 1,
    }  # fmt: skip
    assert (catalog.default_schema, catalog.character_set) == ("SAKILA", "ZHS16GBK")
    film = catalog.table("SAKILA", "FILM")
    assert {column.name: (column.source_type, rule_for("oracle", column).target_type) for column in film.columns} == {
        "FILM_ID": ("number(38,0)", "decimal(38,0)"),
        "TITLE": ("varchar2(255 char)", "varchar"),
        "DESCRIPTION": ("clob", "varchar"),
        "RENTAL_RATE": ("number(4,2)", "decimal(4,2)"),
        "RATIO": ("number", "varchar"),
        "LAST_UPDATE": ("date", "timestamp"),
        "SEEN_AT": ("timestamp(6) with time zone", "varchar"),
        "POSTER": ("blob", "blob"),
        "PER_DAY": ("number", "varchar"),
        "HIDDEN": ("nvarchar2(20)", "varchar"),
        "PLACE": ("mdsys.sdo_geometry", "varchar"),
        "TENS": ("number(5,-1)", "varchar"),
    }
    assert rule_for("oracle", column_of(catalog, "FILM", "TENS")).wire.startswith("to_char({0}, 'TM9'")
    assert (film.comment, film.columns[0].comment, film.columns[0].is_identity) == ("影片", "编号", True)
    assert [column.name for column in film.columns if column.is_generated] == ["PER_DAY"]
    assert [column.name for column in film.columns if not column.is_nullable] == [
        "FILM_ID", "TITLE", "RENTAL_RATE", "LAST_UPDATE",
    ]  # fmt: skip
    assert film.primary_key == ("FILM_ID",) and film.unique_keys == (("TITLE",),)
    assert [(index.name, index.columns, index.is_primary) for index in film.indexes] == [
        ("IX_DOWN", ("LAST_UPDATE",), False),
        ("IX_UPPER", ('UPPER("TITLE")',), False),
        ("PK_FILM", ("FILM_ID",), True),
        ("UQ_TITLE", ("TITLE",), False),
    ]
    assert film.checks == ("rental_rate > 0",) and film.is_partitioned and film.estimated_rows == 1000
    assert catalog.table("SAKILA", "FILM_ACTOR").primary_key == ("ACTOR_ID", "FILM_ID")
    assert [key.referenced_table for key in catalog.table("SAKILA", "FILM_ACTOR").foreign_keys] == ["FILM"]
    assert [(view.name, view.is_materialized) for view in catalog.views] == [("FILM_LIST", False), ("MV_SALES", True)]
    assert [(one.name, one.table, one.timing, one.events) for one in catalog.triggers] == [
        ("FILM_BEFORE", "FILM", "before", ("insert", "update")),
        ("FILM_LIST_IO", "FILM_LIST", "instead of", ("delete",)),
    ]
    assert [(one.name, one.kind, one.arguments, one.returns) for one in catalog.routines] == [
        ("F_RATE", "function", "P_FILM in number", "number"),
        ("P_SECRET", "procedure", "", ""),
        ("RENTALS", "package", "", ""),
    ]
    assert catalog.routines[2].definition == (
        "create or replace PACKAGE RENTALS AS\n  FUNCTION GET_FILM(p_film_id INT) RETURN FILM_T;\nEND RENTALS;\n\n"
        "create or replace PACKAGE BODY RENTALS AS END;"
    )
    assert [(one.name, one.owned_by) for one in catalog.sequences] == [
        ("ACTOR_SEQUENCE", None),
        ("ISEQ$$_1", "FILM.FILM_ID"),
    ]
    assert catalog.events[0].schedule == "FREQ=DAILY from 2020-01-01 02:00:00 disabled"
    assert sorted(catalog.notes) == [
        "SAKILA.FAR_AWAY: an external table, its rows lie elsewhere: left out",
        "SAKILA.FILM.HIDDEN: an invisible column; it travels, although `select *` leaves it out",
        "SAKILA.FILM_ACTOR: FK_ACTOR refers to a table that this account may not see",
        "SAKILA.PASSING: a temporary table: left out",
        "SAKILA.P_SECRET: the definition is wrapped and cannot be read",
        "trigger SAKILA.AT_LOGON: belongs to a schema, to be looked at by hand",
        "trigger SAKILA.FILM_LIST.FILM_LIST_IO: is disabled",
    ]


@pytest.mark.parametrize("engine", ["mssql", "oracle"])
@pytest.mark.parametrize(
    "kind",
    [
        "int", "bit", "money", "float", "real", "datetime2(3)", "datetimeoffset(7)", "time(7)", "uniqueidentifier",
        "xml", "sql_variant", "hierarchyid", "nvarchar(max)", "varbinary(max)", "image", "number(10,0)", "number(3,5)",
        "binary_double", "float(126)", "timestamp(9)", "timestamp(6) with local time zone", "raw(16)", "long raw",
        "bfile", "interval day(2) to second(6)", "rowid", "xmltype", "owner.object_type", "a type nobody knows",
    ],
)  # fmt: skip
def test_every_template_takes_one_column(engine: str, kind: str) -> None:
    rule = rule_for(engine, Column(name="a", source_type=kind))
    for template in (rule.wire, rule.convert, rule.source_text, rule.target_text, rule.misfit or "{0}"):
        filled = template.format('"a"')
        assert "{" not in filled and ('"a"' in filled or (kind == "bfile" and "null" in filled))
