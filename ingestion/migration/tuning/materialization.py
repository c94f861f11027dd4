"""Views of the legacy database that stand in the lake as tables, and how they are kept fresh.

The SQL that made one is kept in `raw_migration.tuning_step`; after a run that brought rows it makes the table anew.
"""

from ingestion.migration.plan import SCHEMA
from ingestion.migration.tuning.layout import TRIAL_PREFIX, adopt, built, place, read_columns
from lakehouse.lake import Connection, fetch_dicts

_KIND = "materialization"


def build_statement(table: str, sql: str) -> str:
    """Return the SQL that makes a table of a view's query."""
    return f"create table {place(table)} as {sql}"


def read_materialized(connection: Connection, token: str) -> dict[str, tuple[str, str]]:
    """Return by view, as schema.name, the table it became and the SQL that made it."""
    rows = fetch_dicts(
        connection,
        "select detail, target, step_sql from raw.raw_migration.tuning_step where token = $1 and kind = $2 and is_kept "
        "qualify row_number() over (partition by detail order by tried_at desc, step_no desc) = 1 order by detail",
        [token, _KIND],
    )
    return {row["detail"]: (row["target"], row["step_sql"]) for row in rows if read_columns(connection, row["target"])}


def refresh_materialized(connection: Connection, token: str) -> list[str]:
    """Make every table that stands for a view anew from the tables as they are now, and return their names.

    Each changes in one transaction. A table whose source tables changed so that its SQL no longer works is dropped.
    """
    names = []
    for _, (table, statement) in read_materialized(connection, token).items():
        trial = TRIAL_PREFIX + table
        with built(connection, trial, [statement.replace(place(table), place(trial), 1)]):
            adopt(connection, table, trial)
        names.append(f"{SCHEMA}.{table}")
    return names
