"""Writes a delta into the lake in one transaction, with its tests: all of it, or nothing."""

from dataclasses import dataclass

from lakehouse.lake import Connection, transaction
from serving.updates import WholeBuildError
from serving.updates.delta import Delta, placed
from serving.updates.plan import Check, Model
from serving.updates.state import BuildState, write_state


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What one update wrote."""

    models: int
    rows_deleted: int
    rows_inserted: int
    tests: int
    warned: tuple[str, ...]
    failed: tuple[str, ...]
    """Tests of severity error that failed; then nothing was written."""


class _FailedTestsError(Exception):
    """Leaves the transaction."""


def apply_delta(delta: Delta, state: BuildState) -> Applied:
    """Write the changes of all models, run their tests, and note the new state.

    Raises WholeBuildError when the lake does not hold what should be replaced; then nothing is written.
    """
    connection = delta.connection
    deleted = inserted = 0
    failed: list[str] = []
    warned: list[str] = []
    tests = 0
    changed = list(delta.changed)
    try:
        with transaction(connection):
            for model in delta.changed:
                lost, gained = f"before.lost.{model.name}", f"after.gained.{model.name}"
                if model.kind == "union":
                    lost, gained = _union_changes(delta, model)
                deleted += _delete(connection, model, lost)
                inserted += _insert(connection, model, gained)
            for model in delta.whole:
                lost, gained = _whole_changes(delta, model)
                gone, come = _delete(connection, model, lost), _insert(connection, model, gained)
                deleted, inserted = deleted + gone, inserted + come
                if gone or come:
                    changed.append(model)
            for check in _checks_of(changed):
                tests += 1
                if _fails(delta, check):
                    (failed if check.is_error else warned).append(check.name)
            if failed:
                raise _FailedTestsError
            write_state(connection, delta.until, delta.plan.fingerprint, state.update_count + 1)
    except _FailedTestsError:
        changed, deleted, inserted = [], 0, 0
    return Applied(
        models=len(changed), rows_deleted=deleted, rows_inserted=inserted, tests=tests,
        warned=tuple(sorted(warned)), failed=tuple(sorted(failed)),
    )  # fmt: skip


def _same_key(model: Model, one: str, other: str) -> str:
    return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in model.key)


def _delete(connection: Connection, model: Model, lost: str) -> int:
    expected = _count(connection, lost)
    if expected == 0:
        return 0
    answer = connection.execute(
        f"delete from {model.relation} as stored where exists "
        f"(select 1 from {lost} as lost where {_same_key(model, 'stored', 'lost')})"
    ).fetchone()
    if answer is None or answer[0] != expected:
        raise WholeBuildError(f"{model.name} does not hold the rows that changed")
    return expected


def _insert(connection: Connection, model: Model, gained: str) -> int:
    if _count(connection, gained) == 0:
        return 0
    answer = connection.execute(f"insert into {model.relation} by name select * from {gained}").fetchone()
    return int(answer[0]) if answer else 0


def _union_changes(delta: Delta, model: Model) -> tuple[str, str]:
    """Return the tables with what a union of rows loses and gains: what other rows give too stays as it is."""
    if _count(delta.connection, f"before.lost.{model.name}"):
        return _whole_changes(delta, model)
    delta.connection.execute(
        f"create or replace temp table union_gained as select * from after.gained.{model.name} as gained "
        f"where not exists (select 1 from {model.relation} as stored where {_same_key(model, 'stored', 'gained')})"
    )
    delta.connection.execute("create or replace temp table union_lost as select * from union_gained limit 0")
    return "union_lost", "union_gained"


def _whole_changes(delta: Delta, model: Model) -> tuple[str, str]:
    """Make a model as a whole over the lake as this transaction has it, and return what it loses and gains."""
    connection, stored = delta.connection, model.relation
    connection.execute(
        f"create or replace temp table whole_new as select {delta.columns[model.name]} from ({model.sql})"
    )
    for target, one, other in (("lost", stored, "whole_new"), ("gained", "whole_new", stored)):
        connection.execute(
            f"create or replace temp table whole_{target} as select * from {one} except all select * from {other}"
        )
    return "whole_lost", "whole_gained"


def _checks_of(changed: list[Model]) -> list[Check]:
    found = {check.name: check for model in changed for check in model.checks}
    return [found[name] for name in sorted(found)]


def _fails(delta: Delta, check: Check) -> bool:
    """Run one test over the touched rows of tables that change by component, over the whole of others."""
    row = delta.connection.execute(
        f"select failures {check.fail_if} from ({placed(delta, check.sql, 'after')})"
    ).fetchone()
    return bool(row and row[0])


def _count(connection: Connection, table: str) -> int:
    row = connection.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
