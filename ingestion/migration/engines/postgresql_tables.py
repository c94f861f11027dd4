"""Reads PostgreSQL's tables with their columns, constraints and indexes, from version 9.6 on.

Left out and told in the notes: foreign tables. Left out without a word: temporary tables, tables of extensions and of
the server itself. What a partition inherits from its parent's foreign keys is told at the parent, where it was written.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ingestion.migration.catalog import Column, ForeignKey, Index, Table
from ingestion.migration.source import Source, quote_name

USER_SCHEMA = (
    "n.nspname not in ('pg_catalog', 'information_schema') and left(n.nspname, 8) <> 'pg_toast' "
    "and left(n.nspname, 7) <> 'pg_temp'"
)
"""Condition on pg_namespace `n`."""


def no_extension(catalog: str, oid: str) -> str:
    """Return a condition that an object belongs to no extension."""
    return (
        f"not exists (select 1 from pg_depend e where e.classid = '{catalog}'::regclass "
        f"and e.objid = {oid} and e.deptype = 'e')"
    )


def _scope(kinds: str) -> str:
    return (
        f"c.relkind::text in ({kinds}) and c.relpersistence::text <> 't' and {USER_SCHEMA} "
        f"and {no_extension('pg_class', 'c.oid')}"
    )


_COLUMNS = """
with recursive base (id, base, modifier, never_null) as (
    select oid, typbasetype, typtypmod, typnotnull from pg_type where typtype::text = 'd'
    union all
    select base.id, t.typbasetype, t.typtypmod, base.never_null or t.typnotnull
    from base join pg_type t on t.oid = base.base where t.typtype::text = 'd'
)
select
    a.attrelid::bigint,
    a.attname,
    format_type(coalesce(b.base, a.atttypid), case when b.base is null then a.atttypmod else b.modifier end),
    format_type(a.atttypid, a.atttypmod),
    not a.attnotnull and not coalesce(b.never_null, false),
    pg_get_expr(d.adbin, d.adrelid),
    coalesce(col_description(a.attrelid, a.attnum), ''),
    {identity},
    {generated},
    case when a.attcollation not in (0, t.typcollation) then l.collname end
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_type t on t.oid = a.atttypid
left join base b on b.id = a.atttypid and not exists (
    select 1 from pg_type u where u.oid = b.base and u.typtype::text = 'd'
)
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join pg_collation l on l.oid = a.attcollation
where a.attnum > 0 and not a.attisdropped and {scope}
order by a.attrelid, a.attnum
"""

_CONSTRAINTS = """
select
    o.conrelid::bigint,
    o.conname,
    o.contype::text,
    array(
        select a.attname::text from unnest(o.conkey) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = o.conrelid and a.attnum = k.number order by k.place
    ),
    rn.nspname,
    r.relname,
    array(
        select a.attname::text from unnest(o.confkey) with ordinality k (number, place)
        join pg_attribute a on a.attrelid = o.confrelid and a.attnum = k.number order by k.place
    ),
    case when o.contype::text = 'c' then pg_get_expr(o.conbin, o.conrelid) end,
    pg_get_constraintdef(o.oid, true)
from pg_constraint o
join pg_class c on c.oid = o.conrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_class r on r.oid = o.confrelid
left join pg_namespace rn on rn.oid = r.relnamespace
where o.contype::text in ('p', 'u', 'f', 'c', 'x') and {own} and {scope}
order by o.conrelid, o.conname
"""

_INDEXES = """
select
    i.indrelid::bigint,
    x.relname,
    array(
        select case k.number when 0 then pg_get_indexdef(i.indexrelid, k.place::integer, false) else a.attname end
        from unnest(i.indkey::smallint[]) with ordinality k (number, place)
        left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
        where k.place <= {width} order by k.place
    ),
    i.indisunique,
    i.indisprimary,
    m.amname,
    i.indpred is null and i.indexprs is null and i.indisvalid,
    i.indisvalid,
    exists (select 1 from pg_constraint o where o.conindid = i.indexrelid and o.contype::text in ('p', 'u', 'x')),
    pg_get_indexdef(i.indexrelid)
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_am m on m.oid = x.relam
where {scope}
order by i.indrelid, x.relname
"""

_TABLES = """
select
    c.oid::bigint,
    n.nspname,
    c.relname,
    coalesce(obj_description(c.oid, 'pg_class'), ''),
    c.relkind::text = 'p',
    {is_partition},
    array(
        select p.relname::text from pg_inherits h join pg_class p on p.oid = h.inhparent
        where h.inhrelid = c.oid order by h.inhseqno
    ),
    {bound},
    {partition_key},
    pg_total_relation_size(c.oid),
    c.reltuples::float8,
    c.relpages,
    row_security_active(c.oid),
    has_schema_privilege(n.oid, 'usage') and has_any_column_privilege(c.oid, 'select')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where {scope}
order by n.nspname, c.relname
"""


def read_tables(source: Source, version: int) -> tuple[tuple[Table, ...], list[str]]:
    """Return all tables, and notes; `version` is `server_version_num`."""
    scope = _scope("'r', 'p'")
    notes: list[str] = []
    columns = _columns(source, version, scope)
    constraints = _by_table(
        source.rows(_CONSTRAINTS.format(scope=scope, own="o.conparentid = 0" if version >= 110000 else "true"))
    )
    width = "i.indnkeyatts" if version >= 110000 else "i.indnatts"
    indexes = _by_table(source.rows(_INDEXES.format(scope=scope, width=width)))
    heads = source.rows(
        _TABLES.format(
            scope=scope,
            is_partition="c.relispartition" if version >= 100000 else "false",
            bound="pg_get_expr(c.relpartbound, c.oid)" if version >= 100000 else "null",
            partition_key="case c.relkind::text when 'p' then pg_get_partkeydef(c.oid) end"
            if version >= 100000
            else "null",
        )
    )
    tables = []
    for oid, *head in heads:
        place = f"{head[0]}.{head[1]}"
        if head[11]:
            notes.append(f"{place}: row-level security is active for this account, so rows may be hidden")
        if not head[12]:
            notes.append(f"{place}: this account may not read it")
        for _, index, *_, is_valid, _, _ in indexes[oid]:
            if not is_valid:
                notes.append(f"{place}: index {index} is invalid")
        tables.append(_table(head, columns[oid], constraints[oid], indexes[oid]))
    left_out = source.rows(
        f"select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        f"where {_scope(repr('f'))} order by 1, 2"
    )
    notes += [f"{schema}.{name}: a foreign table, its rows lie elsewhere: left out" for schema, name in left_out]
    return tuple(tables), notes


def _by_table(rows: Sequence[tuple[Any, ...]]) -> defaultdict[int, list[tuple[Any, ...]]]:
    found: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        found[row[0]].append(row)
    return found


def _columns(source: Source, version: int, scope: str) -> defaultdict[int, list[tuple[Column, str]]]:
    """Return the columns of each table with the type as declared: that of a domain is the domain."""
    query = _COLUMNS.format(
        scope=scope,
        identity="a.attidentity::text <> ''" if version >= 100000 else "false",
        generated="a.attgenerated::text <> ''" if version >= 120000 else "false",
    )
    found: defaultdict[int, list[tuple[Column, str]]] = defaultdict(list)
    for oid, name, kind, declared, is_nullable, default, comment, is_identity, is_generated, collation in source.rows(
        query
    ):
        column = Column(
            name=name,
            source_type=kind,
            is_nullable=is_nullable,
            default=default,
            comment=comment,
            is_generated=is_generated,
            # serial is a default that asks a sequence
            is_identity=is_identity or (default or "").startswith("nextval("),
            collation=collation,
        )
        found[oid].append((column, declared))
    return found


def _table(
    head: Sequence[Any],
    columns: list[tuple[Column, str]],
    constraints: list[tuple[Any, ...]],
    indexes: list[tuple[Any, ...]],
) -> Table:
    schema, name, comment, is_partitioned, is_partition, parents, _, _, size, rows, pages, *_ = head
    unique = [
        tuple(keys)
        for _, _, keys, is_unique, is_primary, _, is_key, *_ in indexes
        if is_unique and is_key and not is_primary
    ]
    return Table(
        schema=schema,
        name=name,
        comment=comment,
        columns=tuple(column for column, _ in columns),
        primary_key=next((tuple(index[2]) for index in indexes if index[4]), ()),
        unique_keys=tuple(dict.fromkeys(unique)),
        foreign_keys=tuple(
            ForeignKey(
                name=key,
                columns=tuple(own),
                referenced_schema=other_schema,
                referenced_table=other,
                referenced_columns=tuple(others),
            )
            for _, key, kind, own, other_schema, other, others, _, _ in constraints
            if kind == "f"
        ),
        indexes=tuple(
            Index(name=index, columns=tuple(keys), is_unique=is_unique, is_primary=is_primary, method=method)
            for _, index, keys, is_unique, is_primary, method, *_ in indexes
        ),
        checks=tuple(text for _, _, kind, *_, text, _ in constraints if kind == "c"),
        partition_of=parents[0] if is_partition and parents else None,
        is_partitioned=is_partitioned,
        size_bytes=size,
        # nought pages or -1 rows: never analysed
        estimated_rows=int(rows) if rows > 0 or (rows == 0 and pages > 0) else None,
        definition=_definition(head, columns, constraints, indexes),
    )


def _definition(
    head: Sequence[Any],
    columns: list[tuple[Column, str]],
    constraints: list[tuple[Any, ...]],
    indexes: list[tuple[Any, ...]],
) -> str:
    """Return statements that make the table: the server keeps no text of its own."""
    schema, name, _, _, is_partition, parents, bound, partition_key, *_ = head
    place = f"{_quote(schema)}.{_quote(name)}"
    parts = [_column_text(column, declared) for column, declared in columns]
    parts += [f"constraint {_quote(key)} {text}" for _, key, *_, text in constraints]
    body = " (\n    " + ",\n    ".join(parts) + "\n)" if parts else " ()"
    family = ", ".join(_quote(parent) for parent in parents)
    tail = f"\npartition of {family} {bound}" if is_partition else f"\ninherits ({family})" if family else ""
    tail += f"\npartition by {partition_key}" if partition_key else ""
    statements = [f"create table {place}{body}{tail}"]
    statements += [text for *_, is_constraint, text in indexes if not is_constraint]
    return ";\n".join(statements) + ";"


def _column_text(column: Column, declared: str) -> str:
    text = f"{_quote(column.name)} {declared}"
    if column.collation:
        text += f" collate {_quote(column.collation)}"
    if column.is_generated:
        text += f" generated always as ({column.default}) stored"
    elif column.default is not None:
        text += f" default {column.default}"
    elif column.is_identity:
        text += " generated as identity"
    return text if column.is_nullable else text + " not null"


def _quote(name: str) -> str:
    return quote_name("postgresql", name)
