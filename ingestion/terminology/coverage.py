"""The share of codes that reached a concept: of the last build, and of those whose figures were kept under a name."""

from typing import Any

from lakehouse.errors import ContractError, UsageError
from lakehouse.lake import Connection, create_raw_tables, fetch_dicts, transaction
from lakehouse.ledger import local_now

_FIGURES = (
    "source_system, domain, code_system, code_version, row_count, mapped_row_count, code_count, mapped_code_count"
)


def read_coverage(connection: Connection) -> list[dict[str, Any]]:
    """Return the coverage of the last build, by source, domain and code system.

    Raises ContractError when nothing was built yet.
    """
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and table_name = 'std_code_coverage'"
    ).fetchone()
    if known is None:
        raise ContractError("there is no coverage yet: run `radlake build` first")
    return fetch_dicts(
        connection,
        f"select {_FIGURES}, reviewed_row_count, round(100 * row_coverage_rate, 2) as row_coverage_percent, "
        "round(100 * code_coverage_rate, 2) as code_coverage_percent "
        "from lake.std.std_code_coverage order by domain, source_system, code_system",
    )


def record_coverage(connection: Connection, label: str, timezone: str) -> int:
    """Keep the figures of the last build under the name of a release or build, and return how many rows they have.

    Raises UsageError when the name is taken: figures of a release are never changed.
    """
    create_raw_tables(connection, ["terminology"])
    taken = connection.execute(
        "select 1 from raw.raw_terminology.coverage where label = $1 limit 1", [label]
    ).fetchone()
    if taken is not None:
        raise UsageError(f"figures are kept under {label!r} already: take another name")
    read_coverage(connection)
    with transaction(connection):
        row = connection.execute(
            f"insert into raw.raw_terminology.coverage by name select $1 as label, {_FIGURES}, "
            "cast($2 as timestamp) as recorded_at from lake.std.std_code_coverage",
            [label, local_now(timezone)],
        ).fetchone()
    return int(row[0]) if row else 0


def read_recorded(connection: Connection, label: str | None = None) -> list[dict[str, Any]]:
    """Return the figures that were kept, under one name or under all."""
    create_raw_tables(connection, ["terminology"])
    return fetch_dicts(
        connection,
        f"select label, recorded_at, {_FIGURES} from raw.raw_terminology.coverage where $1 is null or label = $1 "
        "order by recorded_at, domain, source_system, code_system",
        [label],
    )
