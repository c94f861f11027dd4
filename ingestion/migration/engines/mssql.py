"""Reads the catalog of a SQL Server, from 2008 on, through its documented views in `sys`.

Not run here: there was no SQL Server to try it on. What turns the rows of the views into a catalog is
`mssql_rows.catalog_of`, which is tested with rows written down from the documentation.

All schemas of the connected database count. Left out: tables of the server's own, external tables and the history
tables of temporal ones, both told in the notes.
"""

from ingestion.migration.catalog import Catalog
from ingestion.migration.engines.mssql_rows import Rows, catalog_of
from ingestion.migration.source import Source
from lakehouse.errors import RadlakeError

_COMMENT = (
    "(select cast(e.value as nvarchar(4000)) from sys.extended_properties e where e.class = 1 "
    "and e.major_id = {object} and e.minor_id = {column} and e.name = 'MS_Description')"
)


def _comment(object_id: str, column: str = "0") -> str:
    return _COMMENT.format(object=object_id, column=column)


_TYPE = "case when {0}.system_type_id = 240 then y.name else type_name({0}.system_type_id) end"
"""Name of the type under an alias; types of the server's own in CLR all share the number 240."""

QUERIES = {
    "head": "select cast(serverproperty('ProductVersion') as nvarchar(128)), db_name(), schema_name(), "
    "cast(databasepropertyex(db_name(), 'Collation') as nvarchar(128)), "
    "cast(collationproperty(cast(databasepropertyex(db_name(), 'Collation') as nvarchar(128)), 'CodePage') as int)",
    "tables": "select t.object_id, s.name, t.name, " + _comment("t.object_id") + ", {temporal}, {external}, "
    "(select sum(cast(a.total_pages as bigint)) * 8192 from sys.partitions p join sys.allocation_units a "
    "on a.container_id = p.partition_id where p.object_id = t.object_id), "
    "(select sum(p.rows) from sys.partitions p where p.object_id = t.object_id and p.index_id in (0, 1)) "
    "from sys.tables t join sys.schemas s on s.schema_id = t.schema_id where t.is_ms_shipped = 0",
    "columns": "select c.object_id, c.column_id, c.name, " + _TYPE.format("c") + ", c.max_length, c.precision, "
    "c.scale, c.is_nullable, c.is_identity, c.is_computed, coalesce(k.definition, d.definition), "
    + _comment("c.object_id", "c.column_id")
    + ", c.collation_name, cast(collationproperty(c.collation_name, 'CodePage') as int) "
    "from sys.columns c join sys.tables t on t.object_id = c.object_id "
    "join sys.types y on y.user_type_id = c.user_type_id "
    "left join sys.computed_columns k on k.object_id = c.object_id and k.column_id = c.column_id "
    "left join sys.default_constraints d on d.object_id = c.default_object_id where t.is_ms_shipped = 0",
    "indexes": "select i.object_id, i.name, i.is_unique, i.is_primary_key, i.type_desc, i.has_filter, i.is_disabled, "
    "c.name, x.key_ordinal, x.index_column_id from sys.indexes i "
    "join sys.index_columns x on x.object_id = i.object_id and x.index_id = i.index_id "
    "join sys.columns c on c.object_id = x.object_id and c.column_id = x.column_id "
    "join sys.tables t on t.object_id = i.object_id "
    "where i.type > 0 and i.is_hypothetical = 0 and t.is_ms_shipped = 0",
    "foreign_keys": "select f.parent_object_id, f.name, k.constraint_column_id, c.name, s.name, r.name, rc.name "
    "from sys.foreign_keys f join sys.foreign_key_columns k on k.constraint_object_id = f.object_id "
    "join sys.columns c on c.object_id = k.parent_object_id and c.column_id = k.parent_column_id "
    "join sys.tables r on r.object_id = k.referenced_object_id join sys.schemas s on s.schema_id = r.schema_id "
    "join sys.columns rc on rc.object_id = k.referenced_object_id and rc.column_id = k.referenced_column_id",
    "checks": "select parent_object_id, name, definition from sys.check_constraints",
    "views": "select s.name, v.name, m.definition, "
    "case when exists (select 1 from sys.indexes i where i.object_id = v.object_id and i.index_id = 1) "
    "then 1 else 0 end, " + _comment("v.object_id") + " from sys.views v "
    "join sys.schemas s on s.schema_id = v.schema_id left join sys.sql_modules m on m.object_id = v.object_id "
    "where v.is_ms_shipped = 0",
    "triggers": "select s.name, g.name, o.name, g.is_instead_of_trigger, e.type_desc, m.definition, g.is_disabled "
    "from sys.triggers g join sys.objects o on o.object_id = g.parent_id "
    "join sys.schemas s on s.schema_id = o.schema_id join sys.trigger_events e on e.object_id = g.object_id "
    "left join sys.sql_modules m on m.object_id = g.object_id where g.parent_class = 1 and g.is_ms_shipped = 0",
    "database_triggers": "select name from sys.triggers where parent_class = 0 and is_ms_shipped = 0",
    "routines": "select o.object_id, s.name, o.name, rtrim(o.type), m.definition, " + _comment("o.object_id") + " "
    "from sys.objects o join sys.schemas s on s.schema_id = o.schema_id "
    "left join sys.sql_modules m on m.object_id = o.object_id "
    "where o.type in ('P', 'PC', 'FN', 'IF', 'TF', 'FS', 'FT', 'AF') and o.is_ms_shipped = 0",
    "parameters": "select a.object_id, a.parameter_id, a.name, y.name, a.max_length, a.precision, a.scale, a.is_output "
    "from sys.parameters a join sys.types y on y.user_type_id = a.user_type_id "
    "join sys.objects o on o.object_id = a.object_id where o.is_ms_shipped = 0",
    "sequences": "select s.name, q.name from sys.sequences q join sys.schemas s on s.schema_id = q.schema_id "
    "where q.is_ms_shipped = 0",
    "types": "select s.name, y.name, " + _TYPE.format("y") + ", y.max_length, y.precision, y.scale, y.is_nullable, "
    "y.is_table_type, y.is_assembly_type from sys.types y join sys.schemas s on s.schema_id = y.schema_id "
    "where y.is_user_defined = 1",
    "synonyms": "select s.name, y.name from sys.synonyms y join sys.schemas s on s.schema_id = y.schema_id "
    "where y.is_ms_shipped = 0",
    "jobs": "select j.name, p.step_id, p.step_name, p.command, j.enabled from msdb.dbo.sysjobs j "
    "join msdb.dbo.sysjobsteps p on p.job_id = j.job_id where p.database_name = db_name()",
}
"""Name to query; `mssql_rows.catalog_of` tells what each column of the answers means. Jobs come last: see below."""


def read_catalog(source: Source) -> Catalog:
    """Read all objects of the connected database."""
    present = {
        (view, column)
        for view, column in source.rows(
            "select o.name, c.name from sys.all_objects o join sys.all_columns c on c.object_id = o.object_id "
            "where o.schema_id = schema_id('sys') and o.name in ('tables', 'sequences')"
        )
    }
    rows: dict[str, Rows] = {}
    notes: list[str] = []
    for name, query in QUERIES.items():
        if name == "sequences" and ("sequences", "object_id") not in present:
            continue
        # both came with 2016
        text = query.replace("{temporal}", "t.temporal_type" if ("tables", "temporal_type") in present else "0")
        text = text.replace("{external}", "t.is_external" if ("tables", "is_external") in present else "0")
        try:
            rows[name] = source.rows(text)
        except RadlakeError:
            # another database, which the account need not see
            if name != "jobs":
                raise
            notes.append("jobs of the SQL Server Agent: this account may not see them")
    return catalog_of(rows, notes)
