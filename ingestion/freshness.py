"""Says how fresh each source is: when it last delivered, and of when the newest event it tells is.

A mapping states how often a delivery is expected (`expected_every`). Measured at the last look of an ingestion: green
up to one interval since the last delivery, amber up to two, red beyond; of the newest event, which lies before its
delivery, green up to two, amber up to three. The worse of both is the source's. Nothing is judged without an interval.
The look is written at every ingestion, so the model that reads it needs no clock.
"""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from ingestion.mapping import SourceMapping
from ingestion.quality.columns import left_expression
from lakehouse.contract import Table
from lakehouse.lake import Connection, fetch_dicts

_PARTS = {"W": 168.0, "D": 24.0, "H": 1.0, "M": 1 / 60}
_NO_EVENTS = {"scheduled_at", "died_at", "born_at", "deceased_at"}
"""Instants that are no event of the system, or lie in the future by nature."""


def interval_hours(interval: str | None) -> float | None:
    """Return the hours of an interval of ISO 8601 such as P1D or PT6H."""
    if interval is None:
        return None
    return sum(int(number) * _PARTS[unit] for number, unit in re.findall(r"(\d+)([WDHM])", interval))


def newest_event(connection: Connection, table: Table, now: datetime, cleaned: Collection[str]) -> datetime | None:
    """Return the newest instant, not after tomorrow, that the waiting rows of a table tell.

    `cleaned` are the columns that `_clean` of any row names.
    """
    columns = [
        column.name
        for column in table.columns
        if column.meta.get("form") == "timestamp" and column.data_type == "varchar" and column.name not in _NO_EVENTS
    ]
    if not columns:
        return None
    latest = (now + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
    instants = {name: f"substr({left_expression(name, cleaned)}, 1, 19)" for name in columns}
    values = ", ".join(
        # texts of instants begin with 1 or 2: only among those the pattern is asked
        f"max({instant}) filter (where {instant} <= '{latest}' and {instant} >= '1' "
        f"and regexp_matches({instant}, '^[12][0-9]{{3}}-[0-9]{{2}}-[0-9]{{2}}'))"
        for instant in instants.values()
    )
    row = connection.execute(
        f"select try_cast(replace(list_max([{values}]), 'T', ' ') as timestamp) from scratch.delivered_{table.name}"
    ).fetchone()
    return row[0] if row else None


def write_freshness(
    connection: Connection, mapping: SourceMapping, *, newest: datetime | None, looked_at: datetime
) -> None:
    """Write the look at one source, in a transaction of the caller, in place of the one before."""
    scope = "source = $1 and period is not distinct from $2"
    before = connection.execute(
        f"select max(newest_event_at) from raw.raw_ledger.freshness where {scope}", [mapping.source, mapping.period]
    ).fetchone()
    delivered = connection.execute(
        "select max(loaded_at) from raw.raw_ledger.delivery where source = $1 and file_match in "
        "(select unnest($2::varchar[]))",
        [mapping.source, [file.match for file in mapping.files]],
    ).fetchone()
    events = [event for event in (newest, before[0] if before else None) if event]
    connection.execute(f"delete from raw.raw_ledger.freshness where {scope}", [mapping.source, mapping.period])
    connection.execute(
        "insert into raw.raw_ledger.freshness (source, period, expected_hours, last_delivery_at, newest_event_at, "
        "looked_at) values ($1, $2, $3, $4, $5, $6)",
        [
            mapping.source,
            mapping.period,
            interval_hours(mapping.expected_every),
            delivered[0] if delivered else None,
            max(events, default=None),
            looked_at,
        ],
    )


def status_of(hours: float | None, expected: float | None, allowance: int) -> str | None:
    """Return green, amber or red for an age in hours; None where nothing is expected or known."""
    if expected is None or hours is None:
        return None
    intervals = hours / expected
    return "green" if intervals <= allowance else "amber" if intervals <= allowance + 1 else "red"


def read_freshness(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return of each source how old its last delivery and newest event are now, in hours, and its status."""
    rows = fetch_dicts(
        connection,
        "select source, period, expected_hours, last_delivery_at, newest_event_at from raw.raw_ledger.freshness "
        "order by source, period nulls first",
    )
    for row in rows:
        ages = {
            name: (now - row[column]).total_seconds() / 3600 if row[column] else None
            for name, column in (("delivery_age_hours", "last_delivery_at"), ("event_age_hours", "newest_event_at"))
        }
        row |= {name: None if age is None else round(age, 1) for name, age in ages.items()}
        verdicts = [
            status_of(ages["delivery_age_hours"], row["expected_hours"], 1),
            status_of(ages["event_age_hours"], row["expected_hours"], 2),
        ]
        known = [verdict for verdict in verdicts if verdict]
        row["status"] = max(known, key=("green", "amber", "red").index) if known else "not_expected"
    return rows
