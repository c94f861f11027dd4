"""Reads the catalog of a SQLite file.

SQLite tells little of itself in tables and the rest as the text of its CREATE statements; both are read. Virtual tables
and the tables that hold their content are noted and left out. An INTEGER PRIMARY KEY is the row's number and has no
index; any other primary key and every unique constraint has one, with a name that SQLite made.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.migration.catalog import Catalog, Column, ForeignKey, Index, Table, Trigger, View
from ingestion.migration.engines.sqlite_text import (
    TableText,
    parse_index_columns,
    parse_table,
    parse_trigger,
    tokens_of,
)
from ingestion.migration.source import Source
from lakehouse.errors import RadlakeError

_SCHEMA = "main"
_SHADOW_SUFFIXES = (
    "content", "segments", "segdir", "stat", "docsize", "data", "idx", "config", "node", "rowid", "parent", "chunks",
)  # fmt: skip
"""Of FTS3 to FTS5 and R-trees; asked only where the file was made by modules that this SQLite does not have."""
_GENERATED = (2, 3)
"""Values of `hidden` in table_xinfo: virtual and stored."""
_ROW_NUMBER = "rowid"
_MEASURED_BYTES = 256 * 2**20
"""The size of a table is found by reading the whole file, which is not done for a larger one."""


def read_catalog(source: Source) -> Catalog:
    """Read all objects of the file; those of attached and temporary databases are not part of it."""
    objects = source.rows("select type, name, tbl_name, coalesce(sql, '') from sqlite_master order by type, name")
    statements = {(kind, name): sql for kind, name, _, sql in objects}
    every = [name for kind, name in statements if kind == "table" and not name.lower().startswith("sqlite_")]
    hidden = _hidden(source, every, statements)
    notes = [f"{name}: {reason}: left out" for name, reason in sorted(hidden.items())]
    names = [name for name in every if name not in hidden]
    sizes, estimates = _sizes(source, notes), _estimates(source)
    columns = {name: _columns(source, name, statements["table", name], notes) for name in names}
    primary_keys = {
        name: tuple(key for _, key in sorted((place, column.name) for column, place in found if place))
        for name, found in columns.items()
    }
    tables = []
    for name in names:
        text = parse_table(statements["table", name])
        indexes = _indexes(source, name, statements)
        tables.append(
            Table(
                schema=_SCHEMA,
                name=name,
                columns=tuple(column for column, _ in columns[name]),
                primary_key=primary_keys[name],
                unique_keys=tuple(
                    dict.fromkeys(
                        index.columns
                        for index, is_key in indexes
                        if index.is_unique and is_key and not index.is_primary
                    )
                ),
                foreign_keys=_foreign_keys(source, name, text, columns, primary_keys, notes),
                indexes=tuple(index for index, _ in indexes),
                checks=tuple(text.checks),
                size_bytes=sizes.get(name),
                estimated_rows=estimates.get(name),
                definition=statements["table", name],
            )
        )
    return Catalog(
        engine="sqlite",
        version=f"SQLite {source.scalar('select sqlite_version()')}",
        database=source.address.database,
        default_schema=_SCHEMA,
        character_set=str(source.scalar("pragma encoding")),
        collation="binary",
        tables=tuple(tables),
        views=tuple(
            View(schema=_SCHEMA, name=name, definition=sql) for kind, name, _, sql in objects if kind == "view"
        ),
        triggers=_triggers(objects),
        notes=tuple(notes),
    )


def _hidden(source: Source, names: Sequence[str], statements: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Return virtual tables and those that hold their content, each with what it is."""
    found: dict[str, str] = {}
    for name in names:
        words = [token.word for token in tokens_of(statements["table", name])[:3]]
        if words[:2] == ["CREATE", "VIRTUAL"]:
            found[name] = "a virtual table"
    virtual = [name.lower() for name in found]
    shadows = {f"{name}_{suffix}" for name in virtual for suffix in _SHADOW_SUFFIXES}
    shadows |= {
        str(name).lower()
        for name, kind in _optional(source, "select name, type from pragma_table_list where schema = 'main'")
        if kind == "shadow"
    }
    for name in names:
        if name not in found and name.lower() in shadows:
            found[name] = "holds the content of a virtual table"
    return found


def _optional(source: Source, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query that not every SQLite or file can answer."""
    try:
        return source.rows(query)
    except RadlakeError:
        return []


def _columns(source: Source, table: str, sql: str, notes: list[str]) -> list[tuple[Column, int]]:
    """Return the columns with their place in the primary key, from 1; 0 outside of it."""
    rows = source.rows(
        'select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(:name) order by cid',
        {"name": table},
    )
    text = parse_table(sql)
    number = _row_number(source, table, rows, text)
    found = []
    for name, kind, not_null, default, place, hidden in rows:
        is_generated = hidden in _GENERATED
        column = Column(
            name=name,
            source_type=str(kind).lower(),
            # SQLite lets NULL into primary keys, but for a row's number and where there is no row number
            is_nullable=not (not_null or name == number or (place and text.is_without_rowid)),
            default=text.expressions.get(name.lower()) if is_generated else default,
            is_generated=is_generated,
            is_identity=name == number,
            collation=text.collations.get(name.lower()),
        )
        found.append((column, int(place)))
    untyped = [column.name for column, _ in found if not column.source_type]
    if untyped:
        notes.append(f"{table}: declared without a type: {', '.join(untyped)}")
    return found


def _row_number(source: Source, table: str, rows: Sequence[tuple[Any, ...]], text: TableText) -> str | None:
    """Return the column that is the row's own number: the whole primary key, of type INTEGER and without an index."""
    keys = [(name, kind) for name, kind, _, _, place, _ in rows if place]
    if len(keys) != 1 or str(keys[0][1]).lower() != "integer" or text.is_without_rowid:
        return None
    # `integer primary key desc` is not: a mistake of early versions that was kept
    has_index = source.scalar("select count(*) from pragma_index_list(:name) where origin = 'pk'", {"name": table})
    return None if has_index else str(keys[0][0])


def _indexes(source: Source, table: str, statements: Mapping[tuple[str, str], str]) -> list[tuple[Index, bool]]:
    """Return the indexes, with whether they are over whole plain columns of all rows."""
    found = []
    for name, is_unique, origin, is_partial in source.rows(
        'select name, "unique", origin, partial from pragma_index_list(:name) order by name', {"name": table}
    ):
        parts = source.rows(
            "select cid, name from pragma_index_xinfo(:name) where key = 1 order by seqno", {"name": name}
        )
        texts = parse_index_columns(statements.get(("index", name), ""))
        columns = tuple(
            str(column) if cid >= 0 else texts[place] if place < len(texts) else _ROW_NUMBER
            for place, (cid, column) in enumerate(parts)
        )
        index = Index(name=name, columns=columns, is_unique=bool(is_unique), is_primary=origin == "pk")
        found.append((index, not is_partial and all(cid >= 0 for cid, _ in parts)))
    return found


def _foreign_keys(
    source: Source,
    table: str,
    text: TableText,
    columns: Mapping[str, Sequence[tuple[Column, int]]],
    primary_keys: Mapping[str, tuple[str, ...]],
    notes: list[str],
) -> tuple[ForeignKey, ...]:
    """Return the relations; SQLite keeps no names of them and does not mind a table that is not there."""
    parts: dict[int, list[tuple[Any, ...]]] = {}
    for number, *rest in source.rows(
        'select id, "table", "from", "to" from pragma_foreign_key_list(:name) order by id desc, seq', {"name": table}
    ):
        parts.setdefault(number, []).append(tuple(rest))
    tables = {name.lower(): name for name in columns}
    found: list[ForeignKey] = []
    for rows in parts.values():
        own = tuple(_as_declared(columns[table], row[1]) for row in rows)
        other = tables.get(rows[0][0].lower(), rows[0][0])
        if other not in columns:
            notes.append(f"{table}: refers to {other}, which is no table of this file")
        # without a list of columns the primary key is meant
        referenced = tuple(_as_declared(columns.get(other, ()), row[2]) for row in rows if row[2])
        name = text.key_names.get(tuple(column.lower() for column in own)) or "_".join((table, *own, "fkey"))
        taken = sum(key.columns == own for key in found)
        found.append(
            ForeignKey(
                name=f"{name}{taken}" if taken else name,
                columns=own,
                referenced_schema=_SCHEMA,
                referenced_table=other,
                referenced_columns=referenced or primary_keys.get(other, ()),
            )
        )
    return tuple(sorted(found, key=lambda key: (key.name, key.referenced_table)))


def _as_declared(columns: Sequence[tuple[Column, int]], name: str) -> str:
    """Return a column's name in the case of its declaration."""
    return next((column.name for column, _ in columns if column.name.lower() == name.lower()), name)


def _triggers(objects: Sequence[tuple[Any, ...]]) -> tuple[Trigger, ...]:
    found = []
    for kind, name, table, sql in objects:
        if kind == "trigger":
            timing, events = parse_trigger(sql)
            found.append(Trigger(schema=_SCHEMA, name=name, table=table, timing=timing, events=events, definition=sql))
    return tuple(sorted(found, key=lambda trigger: (trigger.table, trigger.name)))


def _sizes(source: Source, notes: list[str]) -> dict[str, int]:
    """Return the bytes of each table with its indexes, where the file is not too large to be read for that."""
    pages, size = int(source.scalar("pragma page_count")), int(source.scalar("pragma page_size"))
    if pages * size > _MEASURED_BYTES:
        notes.append("sizes of tables are not told: the whole file would have to be read for them")
        return {}
    rows = _optional(
        source,
        "select m.tbl_name, sum(s.pgsize) from dbstat s join sqlite_master m on m.name = s.name group by m.tbl_name",
    )
    return {str(name): int(total) for name, total in rows}


def _estimates(source: Source) -> dict[str, int]:
    """Return the rows of tables that were analysed."""
    found: dict[str, int] = {}
    for table, text in _optional(source, "select tbl, stat from sqlite_stat1 order by tbl, idx"):
        number = str(text or "").split(" ")[0]
        if table and number.isdecimal():
            found[str(table)] = max(int(number), found.get(str(table), 0))
    return found
