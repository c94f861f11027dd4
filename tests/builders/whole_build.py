"""What a whole build would hold, computed beside the lake from the raw zone with the SQL that dbt compiled."""

import re

from lakehouse.lake import Connection
from serving.updates.plan import Plan

_RELATION = re.compile(r'"lake"\."([^"]+)"\."([^"]+)"')


def digest(connection: Connection, table: str, columns: list[str]) -> tuple[int, str]:
    """Return the number of rows of a table and a digest of them as a multiset."""
    row = ", ".join(f'"{column}"' for column in sorted(columns))
    count, total = connection.execute(
        f"select count(*), cast(sum(cast(hash({row}) as hugeint)) as varchar) from {table}"
    ).fetchall()[0]
    return count, str(total)


def lake_digests(connection: Connection, plan: Plan) -> dict[str, tuple[int, str]]:
    """Return the digest of every model's table as the lake has it."""
    columns = _columns(connection)
    return {model.name: digest(connection, model.relation, columns[model.name]) for model in plan.models}


def whole_digests(connection: Connection, plan: Plan) -> dict[str, tuple[int, str]]:
    """Return the digest of every model's table as a whole build over the raw zone makes it."""
    columns = _columns(connection)
    names = plan.by_name()
    connection.execute("attach ':memory:' as whole")
    for schema in sorted({model.schema for model in plan.models}):
        connection.execute(f"create schema whole.{schema}")
    found = {}
    for model in plan.models:
        sql = _RELATION.sub(
            lambda relation: f"whole.{relation[1]}.{relation[2]}" if relation[2] in names else relation[0], model.sql
        )
        table = f"whole.{model.schema}.{model.name}"
        listed = ", ".join(f'"{column}"' for column in columns[model.name])
        connection.execute(f"create table {table} as select {listed} from ({sql})")
        found[model.name] = digest(connection, table, columns[model.name])
    connection.execute("detach whole")
    return found


def _columns(connection: Connection) -> dict[str, list[str]]:
    return dict(
        connection.execute(
            "select table_name, list(column_name order by column_index) from duckdb_columns() "
            "where database_name = 'lake' and schema_name <> 'ops' group by table_name"
        ).fetchall()
    )
