"""Keeps the problem log of a migration: every anomaly with its rows, and what somebody decided about it.

Anomalies are found again each time from the plan and the results in `raw_migration`, so the log never lags behind. The
id of a problem comes from what it is about and not from counts: a decision survives the next run, the count is brought
up to date, and a problem that is not found any more is told as gone. In the table the row of a problem is written once
and brought up to date; each decision is a row after it, with the count that was decided about.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingestion.migration.anomalies import Finding, find_anomalies, read_assessment
from ingestion.migration.books import insert
from ingestion.migration.plan import Plan
from lakehouse.errors import UsageError
from lakehouse.lake import Connection, create_raw_tables, fetch_dicts, open_lake, transaction
from lakehouse.ledger import local_now
from lakehouse.settings import Settings

OPEN, DECIDED, GONE = "open", "decided", "gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What somebody decided about a problem, and how many rows it concerned then."""

    text: str
    by: str
    at: datetime
    rows: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One entry of the log."""

    problem_id: str
    status: str
    """open, decided, or gone when it is not found any more."""
    origin: str
    target: str | None
    description: str
    rows: int | None
    found_at: datetime
    decisions: tuple[Decision, ...] = ()

    @property
    def decision(self) -> Decision | None:
        """Return the decision that holds, the latest."""
        return self.decisions[-1] if self.decisions else None

    @property
    def has_grown(self) -> bool:
        """Return whether more rows are concerned than were decided about."""
        return bool(self.decision and self.status == DECIDED and (self.rows or 0) > (self.decision.rows or 0))


def collect_problems(settings: Settings, plan: Plan, assessment: Path | None = None) -> list[Problem]:
    """Find the anomalies of a migration, bring its log up to date, and return it: open ones first, then by table.

    `assessment` is an assessment.json, whose orphans are taken in; without it those known from before stay as they
    were. Raises SettingsError when that file cannot be read.
    """
    assessed = None if assessment is None else read_assessment(assessment)
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["migration"])
        found = {finding.problem_id(plan.token): finding for finding in find_anomalies(connection, plan, assessed)}
        _bring_up_to_date(connection, plan.token, found, local_now(settings.timezone))
        return _read_log(connection, plan.token, found, has_assessment=assessed is not None)


def decide_problem(settings: Settings, token: str, problem_id: str, decision: str, by: str) -> None:
    """Append a decision about a problem of the log.

    Raises UsageError when there is no such problem, or decision or name is empty.
    """
    if not decision.strip() or not by.strip():
        raise UsageError("a decision needs its text and the name of who decided")
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["migration"])
        row = next(iter(_stored(connection, token, problem_id)), None)
        if row is None:
            raise UsageError(f"there is no problem {problem_id}: see `radlake migrate problems`")
        entry = row | {
            "decision": decision.strip(), "decided_by": by.strip(), "decided_at": local_now(settings.timezone),
        }  # fmt: skip
        with transaction(connection):
            insert(connection, "problem", [entry])


def _bring_up_to_date(connection: Connection, token: str, found: dict[str, Finding], now: datetime) -> None:
    stored = {row["problem_id"]: row for row in _stored(connection, token)}
    new = [
        {
            "problem_id": problem_id, "token": token, "origin": finding.origin, "target": finding.target,
            "description": finding.description, "rows": finding.rows, "found_at": now,
        }
        for problem_id, finding in found.items()
        if problem_id not in stored
    ]  # fmt: skip
    changed = [
        (problem_id, finding)
        for problem_id, finding in found.items()
        if problem_id in stored
        and (finding.origin, finding.description, finding.rows)
        != tuple(stored[problem_id][name] for name in ("origin", "description", "rows"))
    ]
    if not new and not changed:
        return
    with transaction(connection):
        for problem_id, finding in changed:
            connection.execute(
                "update raw.raw_migration.problem set origin = $3, description = $4, rows = $5 "
                "where token = $1 and problem_id = $2 and decision is null",
                [token, problem_id, finding.origin, finding.description, finding.rows],
            )
        insert(connection, "problem", [dict.fromkeys(("decision", "decided_by", "decided_at")) | row for row in new])


def _stored(connection: Connection, token: str, problem_id: str | None = None) -> list[dict[str, Any]]:
    """Return the rows of problems themselves, without those of decisions."""
    return fetch_dicts(
        connection,
        "select * from raw.raw_migration.problem where token = $1 and decision is null "
        "and ($2::varchar is null or problem_id = $2) order by problem_id",
        [token, problem_id],
    )


def _read_log(connection: Connection, token: str, found: dict[str, Finding], *, has_assessment: bool) -> list[Problem]:
    decisions: dict[str, list[Decision]] = {}
    for problem_id, text, by, at, rows in connection.execute(
        "select problem_id, decision, decided_by, decided_at, rows from raw.raw_migration.problem "
        "where token = $1 and decision is not null order by decided_at, decision",
        [token],
    ).fetchall():
        decisions.setdefault(problem_id, []).append(Decision(text=text, by=by, at=at, rows=rows))
    problems = []
    for row in _stored(connection, token):
        made = tuple(decisions.get(row["problem_id"], ()))
        was_looked_for = has_assessment or not row["origin"].startswith("assessment ")
        status = DECIDED if made else OPEN
        if row["problem_id"] not in found and was_looked_for:
            status = GONE
        problems.append(
            Problem(
                problem_id=row["problem_id"],
                status=status,
                origin=row["origin"],
                target=row["target"],
                description=row["description"],
                rows=row["rows"],
                found_at=row["found_at"],
                decisions=made,
            )
        )
    order = (OPEN, DECIDED, GONE)
    return sorted(
        problems,
        key=lambda problem: (
            order.index(problem.status),
            problem.target or "",
            problem.description,
            problem.problem_id,
        ),
    )
