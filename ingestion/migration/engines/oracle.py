"""Reads the catalog of an Oracle, from 11.2 on, through its documented views ALL_*.

Not run here: there was no Oracle to try it on. What turns the rows of the views into a catalog is
`oracle_rows.catalog_of`, which is tested with rows written down from the documentation.

All schemas that the account may see count, but those of Oracle's own. Left out: temporary, external and nested tables,
which the notes tell, and what the server keeps for materialized views, their logs and other indexes.
"""

from ingestion.migration.catalog import Catalog
from ingestion.migration.engines.oracle_rows import Rows, catalog_of
from ingestion.migration.source import Source
from lakehouse.errors import RadlakeError

_OWN_SCHEMAS = (
    "ANONYMOUS", "APEX_PUBLIC_USER", "APPQOSSYS", "AUDSYS", "CTXSYS", "DBSNMP", "DIP", "DVF", "DVSYS", "EXFSYS",
    "FLOWS_FILES", "GSMADMIN_INTERNAL", "LBACSYS", "MDDATA", "MDSYS", "MGMT_VIEW", "OJVMSYS", "OLAPSYS", "ORACLE_OCM",
    "ORDDATA", "ORDPLUGINS", "ORDSYS", "OUTLN", "OWBSYS", "SI_INFORMTN_SCHEMA", "SPATIAL_CSW_ADMIN_USR",
    "SPATIAL_WFS_ADMIN_USR", "SYS", "SYSMAN", "SYSTEM", "WMSYS", "XDB", "XS$NULL",
)  # fmt: skip
"""Asked where ALL_USERS has no ORACLE_MAINTAINED, which came with 12.1."""

QUERIES = {
    "head": "select (select max(version) from product_component_version where lower(product) like 'oracle%'), "
    "sys_context('userenv', 'db_name'), sys_context('userenv', 'current_schema'), "
    "(select value from nls_database_parameters where parameter = 'NLS_CHARACTERSET'), "
    "(select value from nls_database_parameters where parameter = 'NLS_SORT') from dual",
    "tables": "select t.owner, t.table_name, t.num_rows, t.temporary, t.nested, t.secondary, t.iot_type, "
    "t.partitioned, c.comments from all_tables t "
    "left join all_tab_comments c on c.owner = t.owner and c.table_name = t.table_name "
    "where t.owner in ({owners}) and t.dropped = 'NO'",
    "external": "select owner, table_name from all_external_tables where owner in ({owners})",
    "logs": "select log_owner, log_table from all_mview_logs where log_owner in ({owners})",
    "columns": "select c.owner, c.table_name, c.internal_column_id, c.column_name, c.data_type, c.data_type_owner, "
    "c.data_length, c.char_length, c.char_used, c.data_precision, c.data_scale, c.nullable, c.data_default, "
    "c.virtual_column, {identity}, c.hidden_column, m.comments from all_tab_cols c "
    "left join all_col_comments m on m.owner = c.owner and m.table_name = c.table_name "
    "and m.column_name = c.column_name where c.owner in ({owners}) and {is_own}",
    "constraints": "select c.owner, c.table_name, c.constraint_name, c.constraint_type, c.r_owner, "
    "c.r_constraint_name, c.index_name, c.search_condition from all_constraints c "
    "where c.owner in ({owners}) and c.constraint_type in ('P', 'U', 'R', 'C')",
    "constraint_columns": "select owner, constraint_name, table_name, position, column_name from all_cons_columns "
    "where owner in ({owners})",
    "indexes": "select i.table_owner, i.table_name, i.owner, i.index_name, i.index_type, i.uniqueness, i.status "
    "from all_indexes i where i.table_owner in ({owners}) and i.index_type <> 'LOB'",
    "index_columns": "select index_owner, index_name, column_position, column_name from all_ind_columns "
    "where table_owner in ({owners})",
    "index_expressions": "select index_owner, index_name, column_position, column_expression "
    "from all_ind_expressions where table_owner in ({owners})",
    "views": "select v.owner, v.view_name, v.text, c.comments from all_views v "
    "left join all_tab_comments c on c.owner = v.owner and c.table_name = v.view_name where v.owner in ({owners})",
    "materialized_views": "select m.owner, m.mview_name, m.query, m.container_name, c.comments from all_mviews m "
    "left join all_mview_comments c on c.owner = m.owner and c.mview_name = m.mview_name where m.owner in ({owners})",
    "triggers": "select owner, trigger_name, table_owner, table_name, base_object_type, trigger_type, "
    "triggering_event, status, description, trigger_body from all_triggers where owner in ({owners})",
    "source": "select owner, name, type, line, text from all_source where owner in ({owners}) "
    "and type in ('FUNCTION', 'PROCEDURE', 'PACKAGE', 'PACKAGE BODY', 'TYPE')",
    "arguments": "select owner, object_name, position, argument_name, data_type, in_out from all_arguments "
    "where owner in ({owners}) and package_name is null and data_level = 0",
    "aggregates": "select owner, object_name from all_procedures where owner in ({owners}) "
    "and object_type = 'FUNCTION' and aggregate = 'YES'",
    "sequences": "select sequence_owner, sequence_name from all_sequences where sequence_owner in ({owners})",
    "identities": "select owner, table_name, column_name, sequence_name from all_tab_identity_cols "
    "where owner in ({owners})",
    "types": "select owner, type_name, typecode from all_types where owner in ({owners})",
    "jobs": "select owner, job_name, repeat_interval, to_char(start_date, 'YYYY-MM-DD HH24:MI:SS'), enabled, "
    "program_name, job_action from all_scheduler_jobs where owner in ({owners})",
}
"""Name to query; `oracle_rows.catalog_of` tells what each column of the answers means."""
_SINCE_12 = ("identities",)


def read_catalog(source: Source) -> Catalog:
    """Read all objects that the account may see."""
    try:
        source.rows("select count(*) from all_users where oracle_maintained = 'N'")
        is_12, owners = True, "select username from all_users where oracle_maintained = 'N'"
    except RadlakeError:
        names = ", ".join(f"'{name}'" for name in _OWN_SCHEMAS)
        is_12, owners = False, f"select username from all_users where username not in ({names})"
    rows: dict[str, Rows] = {}
    for name, query in QUERIES.items():
        if name in _SINCE_12 and not is_12:
            continue
        rows[name] = source.rows(
            query.format(
                owners=owners,
                identity="c.identity_column" if is_12 else "'NO'",
                # an invisible column is hidden, but somebody's own; those of functional indexes are nobody's
                is_own="c.user_generated = 'YES'" if is_12 else "c.hidden_column = 'NO'",
            )
        )
    return catalog_of(rows)
