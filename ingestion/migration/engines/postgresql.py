"""Reads the catalog of a PostgreSQL, from version 9.6 on as far as its system catalogs go.

All schemas but those of the server count; what belongs to an extension does not, since installing the extension brings
it. A clone of a trigger on a partition is told at the parent. What has no place in the catalog is told in the notes.
"""

from ingestion.migration.catalog import Catalog, Routine, Sequence, Trigger, UserType, View
from ingestion.migration.engines.postgresql_tables import USER_SCHEMA, no_extension, read_tables
from ingestion.migration.source import Source

_HEAD = """
select current_setting('server_version_num')::integer, current_setting('server_version'), current_database(),
    pg_encoding_to_char(encoding), datcollate
from pg_database where datname = current_database()
"""

_VIEWS = f"""
select n.nspname, c.relname, pg_get_viewdef(c.oid, true), c.relkind::text = 'm',
    coalesce(obj_description(c.oid, 'pg_class'), '')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind::text in ('v', 'm') and c.relpersistence::text <> 't' and {USER_SCHEMA}
    and {no_extension("pg_class", "c.oid")}
order by n.nspname, c.relname
"""

_TRIGGERS = f"""
select n.nspname, g.tgname, c.relname, g.tgtype::integer, pg_get_triggerdef(g.oid, true), pn.nspname, p.proname
from pg_trigger g
join pg_class c on c.oid = g.tgrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_proc p on p.oid = g.tgfoid
join pg_namespace pn on pn.oid = p.pronamespace
where not g.tgisinternal and {{own}} and {USER_SCHEMA} and {no_extension("pg_class", "c.oid")}
order by n.nspname, c.relname, g.tgname
"""
_EVENTS = ((4, "insert"), (8, "delete"), (16, "update"), (32, "truncate"))
"""Bits of pg_trigger.tgtype; 2 is before, 64 instead of, neither is after."""

_ROUTINES = f"""
select n.nspname, p.proname, {{kind}}, pg_get_function_arguments(p.oid), coalesce(pg_get_function_result(p.oid), ''),
    l.lanname, case when {{kind}} <> 'a' then pg_get_functiondef(p.oid) end,
    coalesce(obj_description(p.oid, 'pg_proc'), ''),
    case when {{kind}} = 'a' then (
        select 'create aggregate ' || p.oid::regprocedure || ' (sfunc = ' || g.aggtransfn || ', stype = '
            || format_type(g.aggtranstype, null)
            || case when g.aggfinalfn <> 0 then ', finalfunc = ' || g.aggfinalfn else '' end
            || coalesce(', initcond = ' || quote_literal(g.agginitval), '') || ')'
        from pg_aggregate g where g.aggfnoid = p.oid
    ) end
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join pg_language l on l.oid = p.prolang
where {USER_SCHEMA} and {no_extension("pg_proc", "p.oid")} {{rest}}
order by n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)
"""
_KINDS = {"f": "function", "p": "procedure", "a": "aggregate", "w": "function"}

_SEQUENCES = f"""
select n.nspname, c.relname, (
    select t.relname || '.' || a.attname from pg_depend d
    join pg_class t on t.oid = d.refobjid
    join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
        and d.refobjsubid > 0 and d.deptype::text in ('a', 'i')
    limit 1
)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind::text = 'S' and c.relpersistence::text <> 't' and {USER_SCHEMA} and {no_extension("pg_class", "c.oid")}
order by n.nspname, c.relname
"""

_TYPES = f"""
select n.nspname, t.typname, t.typtype::text,
    case t.typtype::text
        when 'e' then (
            select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
            from pg_enum l where l.enumtypid = t.oid
        )
        when 'd' then format_type(t.typbasetype, t.typtypmod)
            || case when t.typnotnull then ' not null' else '' end
            || coalesce(' default ' || t.typdefault, '')
            || coalesce((
                select string_agg(' ' || pg_get_constraintdef(o.oid, true), '' order by o.conname)
                from pg_constraint o where o.contypid = t.oid and o.contype::text = 'c'
            ), '')
        when 'c' then (
            select string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', '
                order by a.attnum)
            from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
        )
        when 'r' then (select format_type(r.rngsubtype, null) from pg_range r where r.rngtypid = t.oid)
    end
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
where t.typtype::text in ('e', 'd', 'c', 'r') and (t.typrelid = 0 or c.relkind::text = 'c') and {USER_SCHEMA}
    and {no_extension("pg_type", "t.oid")} and (t.typrelid = 0 or {no_extension("pg_class", "t.typrelid")})
order by n.nspname, t.typname
"""
_TYPE_KINDS = {"e": "enum", "d": "domain", "c": "composite", "r": "range"}

_NOTES = (
    (
        "select x.extname || ' ' || x.extversion from pg_extension x where x.extname <> 'plpgsql' order by 1",
        "extension {}: what belongs to it is left out",
    ),
    (
        "select n.nspname || '.' || c.relname || '.' || r.rulename from pg_rewrite r "
        "join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace "
        f"where r.rulename <> '_RETURN' and {USER_SCHEMA} and {no_extension('pg_class', 'c.oid')} order by 1",
        "rule {}: a rewrite rule is neither view nor trigger and has to be looked at by hand",
    ),
    (
        "select n.nspname || '.' || c.relname || '.' || g.tgname from pg_trigger g "
        "join pg_class c on c.oid = g.tgrelid join pg_namespace n on n.oid = c.relnamespace "
        f"where not g.tgisinternal and g.tgenabled::text = 'D' and {USER_SCHEMA} order by 1",
        "trigger {}: is disabled",
    ),
    (
        "select v.evtname || ' on ' || v.evtevent from pg_event_trigger v "
        f"where {no_extension('pg_event_trigger', 'v.oid')} order by 1",
        "event trigger {}: has to be looked at by hand",
    ),
    (
        "select n.nspname || '.' || c.relname || '.' || p.polname from pg_policy p "
        "join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace order by 1",
        "policy {}: row-level security has to be carried over by hand",
    ),
    (
        "select n.nspname || '.' || x.relname || ' of ' || c.relname from pg_index i "
        "join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        f"where c.relkind::text = 'm' and {USER_SCHEMA} and {no_extension('pg_class', 'c.oid')} order by 1",
        "index {}: lies over a materialized view and is not counted",
    ),
    (
        "select count(*) from pg_largeobject_metadata having count(*) > 0",
        "{} large objects lie outside the tables and are left out",
    ),
)


def read_catalog(source: Source) -> Catalog:
    """Read all objects of the connected database."""
    version, shown, database, character_set, collation = source.rows(_HEAD)[0]
    tables, notes = read_tables(source, version)
    for query, text in _NOTES:
        notes += [text.format(value) for (value,) in source.rows(query)]
    return Catalog(
        engine="postgresql",
        version=f"PostgreSQL {shown}",
        database=database,
        default_schema="public",
        character_set=character_set,
        collation=collation,
        tables=tables,
        views=tuple(
            View(schema=schema, name=name, definition=text.strip(), is_materialized=is_kept, comment=comment)
            for schema, name, text, is_kept, comment in source.rows(_VIEWS)
        ),
        triggers=_triggers(source, version),
        routines=_routines(source, version),
        sequences=tuple(
            Sequence(schema=schema, name=name, owned_by=owner) for schema, name, owner in source.rows(_SEQUENCES)
        ),
        types=tuple(
            UserType(schema=schema, name=name, kind=_TYPE_KINDS[kind], definition=text or "")
            for schema, name, kind, text in source.rows(_TYPES)
        ),
        notes=tuple(notes),
    )


def _triggers(source: Source, version: int) -> tuple[Trigger, ...]:
    own = "g.tgparentid = 0" if version >= 130000 else "true"
    return tuple(
        Trigger(
            schema=schema,
            name=name,
            table=table,
            timing="before" if bits & 2 else "instead of" if bits & 64 else "after",
            events=tuple(event for bit, event in _EVENTS if bits & bit),
            definition=text,
            function=f"{function_schema}.{function}",
        )
        for schema, name, table, bits, text, function_schema, function in source.rows(_TRIGGERS.format(own=own))
    )


def _routines(source: Source, version: int) -> tuple[Routine, ...]:
    kind = "p.prokind::text" if version >= 110000 else "case when p.proisagg then 'a' else 'f' end"
    # a range brings functions of its own that nobody wrote
    rest = (
        "and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid "
        "and d.deptype::text = 'i' and d.refclassid = 'pg_type'::regclass)"
    )
    return tuple(
        Routine(
            schema=schema,
            name=name,
            kind=_KINDS[letter],
            arguments=arguments,
            returns=returns,
            language=language,
            definition=(text or aggregate or "").strip(),
            comment=comment,
        )
        for schema, name, letter, arguments, returns, language, text, comment, aggregate in source.rows(
            _ROUTINES.format(kind=kind, rest=rest)
        )
    )
