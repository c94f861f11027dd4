"""Views of the legacy database that stand in the lake as tables, and how they are kept fresh.

The SQL that made one is kept in `raw_migration.tuning_step`; after a run that brought rows it makes the table anew.
"""

from ingestion.migration.plan import SCHEMA
from ingestion.migration.tuning.layout import TRIAL_PREFIX, adopt, built, place, read_columns
from lakehouse.lake import Connection, DatabaseError, fetch_dicts
from lakehouse.log import get_logger

logger = get_logger(__name__)

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

    Each changes in one transaction; call it after a run that brought or took rows. One whose SQL no longer works, since
    the source's tables were altered, is dropped.
    """
    names = []
    # as when it was made: the queries of a replay run in UTC
    zone = connection.execute("select current_setting('timezone')").fetchone()
    connection.execute("set timezone = 'UTC'")
    try:
        for table, statement in read_materialized(connection, token).values():
            trial = TRIAL_PREFIX + table
            try:
                with built(connection, trial, [statement.replace(place(table), place(trial), 1)]):
                    adopt(connection, table, trial)
                names.append(f"{SCHEMA}.{table}")
            except DatabaseError as error:
                logger.warning("%s.%s cannot be made anew (%s) and is dropped", SCHEMA, table, type(error).__name__)
                connection.execute(f"drop table if exists {place(table)}")
    finally:
        if zone is not None:
            connection.execute(f"set timezone = '{zone[0]}'")
    return names
