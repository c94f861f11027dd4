"""Remembers which state of the raw zone the lake was built from, in `lake.ops.build`, in the transaction that built it.

dbt's hooks (dbt_project/macros/build_state.sql) write the same row, so that `dbt build` on the command line counts.
"""

from dataclasses import dataclass

from lakehouse.changes import Moment, has_moment
from lakehouse.lake import Connection, DatabaseError
from serving.updates import WholeBuildError

TABLE = "lake.ops.build"
CREATE = (
    "create schema if not exists lake.ops",
    f"create table if not exists {TABLE} (state varchar, raw_snapshot bigint, raw_taken_at varchar, "
    "fingerprint varchar, update_count bigint)",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildState:
    """What the lake stands for."""

    built_from: Moment
    update_count: int
    """Updates since everything was built as a whole."""


def read_state(connection: Connection, fingerprint: str) -> BuildState:
    """Return the state an update may start from.

    Raises WholeBuildError, saying why, when there is none.
    """
    try:
        rows = connection.execute(
            f"select raw_snapshot, raw_taken_at, fingerprint, update_count from {TABLE} where state = 'done'"
        ).fetchall()
    except DatabaseError:
        # a lake that was never built has no such table
        rows = []
    if len(rows) != 1:
        raise WholeBuildError("no whole build ended without a failure before")
    snapshot, taken_at, built_with, update_count = rows[0]
    if built_with != fingerprint:
        raise WholeBuildError("the models, seeds, keys or settings changed since the last build")
    state = BuildState(built_from=Moment(snapshot=snapshot, taken_at=taken_at), update_count=update_count)
    if not has_moment(connection, "raw", state.built_from):
        raise WholeBuildError("the raw zone no longer knows the state that was built last")
    return state


def write_state(connection: Connection, built_from: Moment, fingerprint: str, update_count: int) -> None:
    """Replace the state, in a transaction of the caller."""
    connection.execute(f"delete from {TABLE}")
    connection.execute(
        f"insert into {TABLE} values ('done', $1, $2, $3, $4)",
        [built_from.snapshot, built_from.taken_at, fingerprint, update_count],
    )
