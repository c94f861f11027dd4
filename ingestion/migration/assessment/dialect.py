"""The SQL in which engines differ, for the questions an assessment asks.

A dump lies in a SQLite file whose values are all text, whatever engine wrote it. The forms for SQL Server and Oracle
are built on their makers' documentation and were not run here.
"""

import re
from dataclasses import dataclass

from ingestion.migration.catalog import Catalog, Column, Table
from ingestion.migration.source import Source

_OPAQUE = ("uuid", "uniqueidentifier", "bit varying", "inet", "cidr", "macaddr")
_TEXT = ("char", "text", "string", "clob", "enum", "set", "name", "citext")
_DOCUMENT = ("json", "xml", "hstore", "tsvector", "bson")
_BINARY = ("blob", "binary", "bytea", "image", "raw", "bfile", "geometry", "point", "polygon", "linestring")
_INTEGER = ("int", "serial", "oid", "year", "bit", "bool")
_DECIMAL = ("decimal", "numeric", "number", "real", "double", "float", "dec", "fixed", "money")


def kind_of(engine: str, column: Column) -> str:
    """Return what a column holds by its declared type: integer, decimal, day, instant, text, document, binary, other.

    `engine` is the catalog's: in SQLite a column without a type, or with an unknown one, holds text.
    """
    text = column.source_type.lower().strip()
    name = text.split("(")[0].strip()
    if "[]" in text or "interval" in text or "range" in name or name in _OPAQUE:
        return "other"
    if "timestamp" in name or "datetime" in name or name == "rowversion":
        return "instant"
    if name == "date":
        # Oracle's date has a time of day
        return "instant" if engine == "oracle" else "day"
    if name.startswith("time"):
        return "other"
    if engine == "postgresql" and name in ("bit", "money", "point", "polygon", "line", "path", "box", "circle", "lseg"):
        return "other"
    for words, kind in (
        (_DOCUMENT, "document"),
        (_TEXT, "text"),
        (_BINARY, "binary"),
        (_DECIMAL, "decimal"),
        (_INTEGER, "integer"),
    ):
        if any(word in name for word in words):
            return kind
    return "text" if engine == "sqlite" else "other"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """The SQL of one source: how its tables are named and its values asked for."""

    source: Source
    engine: str
    """Of the catalog: which types the columns have."""
    sql: str
    """Of the SQL: sqlite for a dump."""
    is_text_only: bool
    """Every value of the source is text, as in a dump."""
    user_types: dict[str, str]
    """What the database's own types hold, such as text for an enum."""

    def kind(self, column: Column) -> str:
        """Return what a column holds."""
        own = column.source_type.lower().replace('"', "").split(".")[-1]
        return self.user_types.get(own) or kind_of(self.engine, column)

    def table(self, table: Table) -> str:
        """Return the SQL name of a table."""
        return self.source.table_name(table.schema, table.name)

    def referenced(self, table: Table) -> str:
        """Return the SQL name of a table that others point to: with the rows of its partitions."""
        return self.source.table_name(table.schema, table.name, with_children=table.is_partitioned)

    def column(self, name: str) -> str:
        """Return the SQL name of a column."""
        return self.source.quote(name)

    def text(self, column: str, kind: str = "text") -> str:
        """Return a value as text in which all bytes of the value count, for comparing and grouping."""
        if self.sql == "postgresql":
            return f'{column}::text collate "C"'
        if self.sql == "mysql":
            # what compares byte by byte, trailing blanks included, is a binary string
            return f"cast(convert({column} using utf8mb4) as binary)" if kind in ("text", "document") else column
        if self.sql == "sqlite":
            return f"{column} collate binary" if kind == "text" else column
        return f"{column} collate Latin1_General_BIN2" if self.sql == "mssql" and kind == "text" else column

    def distinct(self, column: str, kind: str) -> str:
        """Return what to count distinct values of."""
        if kind == "binary" or kind == "document":
            if self.sql == "postgresql":
                return f"md5({column}{'' if kind == 'binary' else '::text'})"
            return f"md5({column})" if self.sql == "mysql" else column
        if kind == "text" and self.sql in ("postgresql", "mysql"):
            # long texts would be sorted as a whole
            return f"md5({self.text(column)})"
        if kind == "other" and self.sql == "postgresql":
            return f"{column}::text"
        return self.text(column, kind)

    def length(self, column: str, kind: str) -> str:
        """Return the length of a text in characters, of binary values in bytes."""
        if self.sql == "postgresql":
            return f"octet_length({column})" if kind == "binary" else f"length({column}::text)"
        if self.sql == "mysql":
            return f"length({column})" if kind == "binary" else f"char_length({column})"
        if self.sql == "mssql":
            return f"datalength({column})" if kind == "binary" else f"len({column} + '.') - 1"
        return f"length({column})"

    def octets(self, column: str, kind: str) -> str:
        """Return how many bytes a value takes: of texts in UTF-8, of numbers and instants 8, of days 4."""
        if kind in ("integer", "decimal", "instant", "day"):
            return f"case when {column} is not null then {4 if kind == 'day' else 8} end"
        if self.sql == "postgresql":
            return f"octet_length({column}{'' if kind == 'binary' else '::text'})"
        if self.sql == "mysql":
            return f"length({column})" if kind == "binary" else f"length(convert({column} using utf8mb4))"
        if self.sql == "sqlite":
            return f"length(cast({column} as blob))"
        return f"datalength({column})" if self.sql == "mssql" else f"lengthb({column})"

    def number(self, column: str) -> str:
        """Return a number, NULL for a value that is none."""
        if self.is_text_only:
            digits = f"trim({column}, '+-')"
            looks = f"{digits} glob '[0-9.]*' and {digits} not glob '*[^0-9.eE+-]*'"
            return f"case when {looks} then cast({column} as numeric) end"
        if self.sql == "sqlite":
            return f"case when typeof({column}) in ('integer', 'real') then {column} end"
        if self.sql == "mysql":
            return f"{column} + 0"
        return column

    def plain_number(self, column: Column, expression: str) -> str:
        """Return an expression that the engine's minimum takes: booleans and bits as whole numbers."""
        if self.sql == "postgresql" and column.source_type.startswith("bool"):
            return f"{expression}::int"
        return expression

    def moment(self, column: str) -> str:
        """Return an instant or day as text in ISO form, NULL for what is not text in SQLite."""
        if self.sql == "postgresql":
            return f"{column}::text"
        if self.sql == "mysql":
            return f"cast({column} as char)"
        if self.sql == "sqlite":
            return column if self.is_text_only else f"case when typeof({column}) = 'text' then {column} end"
        if self.sql == "mssql":
            return f"convert(varchar(27), {column}, 121)"
        return f"to_char({column}, 'YYYY-MM-DD HH24:MI:SS')"

    def least_moment(self, function: str, column: str) -> str:
        """Return the least or greatest instant as text."""
        if self.sql == "sqlite":
            return f"{function}({self.moment(column)})"
        return self.moment(f"{function}({column})")

    def day(self, column: str) -> str:
        """Return the day of an instant as text."""
        if self.sql == "postgresql":
            return f"{column}::date::text"
        if self.sql == "mysql":
            # a zero date has no date(), but a text
            return f"left(cast({column} as char), 10)"
        return f"substr({self.moment(column)}, 1, 10)" if self.sql != "mssql" else f"left({self.moment(column)}, 10)"

    def is_text_value(self, column: str) -> str:
        """Return a condition for values stored as text: in SQLite every column may hold some."""
        return f"typeof({column}) = 'text'" if self.sql == "sqlite" else f"{column} is not null"

    def limited(self, query: str, rows: int) -> str:
        """Return a query cut to its first rows."""
        if self.sql == "mssql":
            return query.replace("select ", f"select top {rows} ", 1)
        return f"{query} fetch first {rows} rows only" if self.sql == "oracle" else f"{query} limit {rows}"

    def sample(self, table: Table, rows: int, wanted: int) -> str:
        """Return a table, or a part of about `wanted` rows that is the same each time."""
        name = self.table(table)
        if self.sql == "postgresql" and not table.is_partitioned:
            return f"{name} tablesample system ({100 * wanted / rows:.4f}) repeatable (1)"
        key = table.primary_key[0] if len(table.primary_key) == 1 else None
        whole = key and any(
            column.name == key and kind_of(self.engine, column) == "integer" for column in table.columns
        )
        if key and whole:
            number = f"cast({self.column(key)} as integer)" if self.is_text_only else self.column(key)
            modulus = max(2, rows // wanted)
            remainder = f"mod({number}, {modulus})" if self.sql == "oracle" else f"{number} % {modulus}"
            return f"(select * from {name} where {remainder} = 0) part"
        return f"({self.limited(f'select * from {name}', wanted)}) part"


def reader_of(source: Source, catalog: Catalog) -> Reader:
    """Return the reader of an open source."""
    is_dump = source.engine == "dump"
    return Reader(
        source=source,
        engine=catalog.engine,
        sql="sqlite" if is_dump else source.engine,
        is_text_only=is_dump,
        user_types={
            own.name.lower(): "text"
            if own.kind == "enum"
            else kind_of(catalog.engine, Column(name="", source_type=base))
            for own in catalog.types
            if (base := re.sub(r"^create\s+domain\s+\S+\s+as\s+", "", own.definition, flags=re.IGNORECASE))
        },
    )


def as_text(value: object) -> str | None:
    """Return what a driver gave for a text as text; bytes that are no UTF-8 become lone surrogates."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "surrogateescape")
    return str(value)
