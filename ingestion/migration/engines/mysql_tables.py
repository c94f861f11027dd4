"""Reads the tables of a MySQL (5.6 on) or MariaDB with their columns, keys, indexes and checks.

Left out and told in the notes: tables whose rows lie elsewhere (FEDERATED, CONNECT, SPIDER), MERGE tables, which would
bring the rows of their parts twice, and tables that the server cannot open. Names are compared exactly, whatever the
collation of the server's own views says.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.migration.catalog import Column, ForeignKey, Index, Table
from ingestion.migration.source import Source
from lakehouse.errors import RadlakeError

_ELSEWHERE = ("FEDERATED", "CONNECT", "SPIDER", "MRG_MYISAM", "OQGRAPH", "S3")
_SERVER_COMMENT = re.compile(r"\s*/\*.*?\*/", re.DOTALL)
_MARIADB_LITERAL = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_OUTSIDE_QUOTES = re.compile(r"'(?:[^']|'')*'|[^']+")
_NEXT_NUMBER = re.compile(r"(?<=\n)(\) ENGINE=\w+) AUTO_INCREMENT=\d+")
"""It grows with the rows: no part of a definition."""
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}

_TABLES = """
select table_schema, table_name, table_type, engine, table_comment, data_length, index_length, table_rows,
    create_options
from information_schema.tables where table_schema = :schema
"""
_COLUMNS = """
select table_schema, table_name, column_name, column_type, is_nullable, column_default, column_comment, extra,
    character_set_name, collation_name, {expression}
from information_schema.columns where table_schema = :schema order by table_name, ordinal_position
"""
_INDEXES = """
select table_schema, table_name, index_name, non_unique, column_name, sub_part, index_type, {expression}
from information_schema.statistics where table_schema = :schema order by table_name, index_name, seq_in_index
"""
_FOREIGN_KEYS = """
select table_schema, table_name, constraint_name, column_name, referenced_table_schema, referenced_table_name,
    referenced_column_name
from information_schema.key_column_usage
where table_schema = :schema and referenced_table_name is not null
order by table_name, constraint_name, ordinal_position
"""
_CHECKS_OF_MARIADB = """
select constraint_schema, table_name, constraint_name, check_clause
from information_schema.check_constraints where constraint_schema = :schema
"""
_CHECKS_OF_MYSQL = """
select t.table_schema, t.table_name, c.constraint_name, c.check_clause
from information_schema.check_constraints c
join information_schema.table_constraints t
    on t.constraint_schema = c.constraint_schema and t.constraint_name = c.constraint_name
    and t.constraint_type = 'CHECK'
where c.constraint_schema = :schema
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """Which of the two products it is, and what its information_schema has."""

    version: str
    is_mariadb: bool
    has_checks: bool
    has_index_expressions: bool
    has_generation: bool
    """Servers before MySQL 5.7 and MariaDB 10.2 tell that a column is generated, but not from what."""


def text_of(value: Any) -> str:
    """Return a value of the catalog as text; some servers hand some of them over as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def show_create(source: Source, kind: str, schema: str, name: str) -> str:
    """Return what SHOW CREATE tells of an object; empty where the account may not see it."""
    try:
        row = source.rows(f"show create {kind} {source.quote(schema, name)}")[0]
    except RadlakeError:
        return ""
    place = {"table": 1, "view": 1, "event": 3}.get(kind, 2)
    return text_of(row[place])


def read_tables(source: Source, server: Server, schema: str) -> tuple[list[Table], list[str]]:
    """Return the tables of one database, and notes."""
    notes: list[str] = []
    heads = []
    for row in sorted(_exact(source, _TABLES, schema)):
        _, name, kind, engine, comment, *_ = row
        if kind not in ("BASE TABLE", "SYSTEM VERSIONED"):
            continue
        place = f"{schema}.{name}"
        if engine is None:
            notes.append(f"{place}: the server cannot open it: left out")
        elif engine.upper() in _ELSEWHERE:
            notes.append(f"{place}: engine {engine}, its rows lie elsewhere: left out")
        else:
            heads.append(row)
            if kind == "SYSTEM VERSIONED":
                notes.append(f"{place}: system-versioned; the current rows travel, their history does not")
    names = {row[1] for row in heads}
    columns = _columns(source, server, schema, names, notes)
    indexes = _indexes(source, server, schema)
    keys = _foreign_keys(source, schema)
    checks = _checks(source, server, schema)
    tables = []
    for _, name, _, _, comment, data, index, rows, options in heads:
        if not columns[name]:
            notes.append(f"{schema}.{name}: this account may see none of its columns")
        own = indexes[name]
        tables.append(
            Table(
                schema=schema,
                name=name,
                comment=text_of(comment),
                columns=tuple(columns[name]),
                primary_key=next((item.columns for item, _ in own if item.is_primary), ()),
                unique_keys=tuple(
                    dict.fromkeys(
                        item.columns for item, is_key in own if item.is_unique and is_key and not item.is_primary
                    )
                ),
                foreign_keys=tuple(keys[name]),
                indexes=tuple(item for item, _ in own),
                checks=tuple(checks[name]),
                is_partitioned="partitioned" in text_of(options).lower(),
                size_bytes=None if data is None else int(data) + int(index or 0),
                estimated_rows=None if rows is None else int(rows),
                definition=_NEXT_NUMBER.sub(r"\1", show_create(source, "table", schema, name)),
            )
        )
    return tables, notes


def _exact(source: Source, query: str, schema: str) -> list[tuple[Any, ...]]:
    return [row for row in source.rows(query, {"schema": schema}) if row[0] == schema]


def _columns(
    source: Source, server: Server, schema: str, names: Collection[str], notes: list[str]
) -> defaultdict[str, list[Column]]:
    found: defaultdict[str, list[Column]] = defaultdict(list)
    query = _COLUMNS.format(expression="generation_expression" if server.has_generation else "null")
    for _, table, name, kind, nullable, default, comment, extra, charset, collation, expression in _exact(
        source, query, schema
    ):
        if table not in names:
            continue
        extra = text_of(extra).lower()
        is_generated = bool(expression) or extra in ("virtual", "persistent")
        if "invisible" in extra:
            notes.append(f"{schema}.{table}.{name}: an invisible column; it travels, although `select *` leaves it out")
        found[table].append(
            Column(
                name=name,
                # a server writes remarks of its own behind compressed and very old columns
                source_type=_lower(_SERVER_COMMENT.sub("", text_of(kind))),
                is_nullable=nullable == "YES",
                default=text_of(expression) if is_generated else _default(server, default),
                comment=text_of(comment),
                is_generated=is_generated,
                is_identity="auto_increment" in extra,
                character_set=charset,
                collation=collation,
            )
        )
    return found


def _lower(kind: str) -> str:
    """Return a type in lower case, but the values of an enum or set as they are."""
    return _OUTSIDE_QUOTES.sub(lambda match: match[0] if match[0].startswith("'") else match[0].lower(), kind)


def _default(server: Server, default: Any) -> str | None:
    """Return a default as MySQL tells it: a literal without its quotes."""
    if default is None:
        return None
    text = text_of(default)
    if server.is_mariadb:
        if text == "NULL":
            return None
        literal = _MARIADB_LITERAL.fullmatch(text)
        if literal:
            return re.sub(
                r"''|\\(.)",
                lambda match: "'" if match[1] is None else _ESCAPES.get(match[1], match[1]),
                literal[1],
                flags=re.DOTALL,
            )
    return text


def _indexes(source: Source, server: Server, schema: str) -> defaultdict[str, list[tuple[Index, bool]]]:
    """Return the indexes of each table, with whether they are over whole plain columns."""
    query = _INDEXES.format(expression="expression" if server.has_index_expressions else "null")
    parts: defaultdict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for _, table, name, *rest in _exact(source, query, schema):
        parts[table, name].append(tuple(rest))
    found: defaultdict[str, list[tuple[Index, bool]]] = defaultdict(list)
    for (table, name), rows in sorted(parts.items()):
        is_key = all(column is not None and prefix is None for _, column, prefix, _, _ in rows)
        index = Index(
            name=name,
            columns=tuple(column if column is not None else text_of(text) for _, column, _, _, text in rows),
            is_unique=not int(rows[0][0]),
            is_primary=name == "PRIMARY",
            method=text_of(rows[0][3]).lower(),
        )
        found[table].append((index, is_key))
    return found


def _foreign_keys(source: Source, schema: str) -> defaultdict[str, list[ForeignKey]]:
    parts: defaultdict[tuple[str, str], list[Sequence[Any]]] = defaultdict(list)
    for _, table, name, *rest in _exact(source, _FOREIGN_KEYS, schema):
        parts[table, name].append(rest)
    found: defaultdict[str, list[ForeignKey]] = defaultdict(list)
    for (table, name), rows in sorted(parts.items()):
        found[table].append(
            ForeignKey(
                name=name,
                columns=tuple(row[0] for row in rows),
                referenced_schema=rows[0][1],
                referenced_table=rows[0][2],
                referenced_columns=tuple(row[3] for row in rows),
            )
        )
    return found


def _checks(source: Source, server: Server, schema: str) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    if server.has_checks:
        query = _CHECKS_OF_MARIADB if server.is_mariadb else _CHECKS_OF_MYSQL
        for _, table, _, text in sorted(_exact(source, query, schema)):
            found[table].append(text_of(text))
    return found
