"""Takes down what people decide about identities: a decision is a new row, and every later run keeps to it."""

import getpass
import secrets
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ingestion.identity.state import VAULT, write_audit
from lakehouse.errors import UsageError
from lakehouse.lake import Connection, append_arrow, create_raw_tables, fetch_dicts, open_lake, transaction
from lakehouse.ledger import local_now
from lakehouse.settings import Settings

_STANDING = f"""(
    select * from {VAULT}.person_link qualify row_number() over (partition by record_id order by version_no desc) = 1
)"""


def list_reviews(settings: Settings, *, limit: int = 50) -> list[dict[str, Any]]:
    """Return open questions, the surest first: what agrees and what does not, and no identifier."""
    with open_lake(settings, ("raw",), read_only=True) as connection:
        return fetch_dicts(
            connection,
            f"""
            select
                review.review_id, review.rule, round(review.score, 4) as score, review.reason,
                a.source as source_a, b.source as source_b, link_a.person_id as person_a, link_b.person_id as person_b,
                a.name_norm = b.name_norm as same_name, a.birth_date = b.birth_date as same_birth,
                a.sex = b.sex as same_sex, list_has_any(a.phones, b.phones) as same_phone,
                a.address = b.address as same_address,
                a.citizen_id = b.citizen_id as same_card, a.number = b.number as same_number
            from {VAULT}.link_review as review
            inner join {VAULT}.person_record as a on review.record_a = a.record_id
            inner join {VAULT}.person_record as b on review.record_b = b.record_id
            inner join {_STANDING} as link_a on review.record_a = link_a.record_id
            inner join {_STANDING} as link_b on review.record_b = link_b.record_id
            order by review.score desc, review.review_id
            limit $1
            """,
            [limit],
        )


def list_records(settings: Settings, person_id: str) -> list[dict[str, Any]]:
    """Return the records of a person with how each was linked, and no identifier."""
    with open_lake(settings, ("raw",), read_only=True) as connection:
        return fetch_dicts(
            connection,
            f"""
            select record_id, source, period, is_registry, is_newborn, name_kind, link.link_method, link.link_score,
                link.is_survivor, link.version_no
            from {_STANDING} as link inner join {VAULT}.person_record using (record_id)
            where link.person_id = $1 order by is_survivor desc, source, record_id
            """,
            [person_id],
        )


def decide_review(settings: Settings, review_id: str, *, same: bool, what_if: bool = False) -> str:
    """Answer one open question; return the number of the decision.

    Raises UsageError when there is no such question.
    """
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["vault"])
        row = connection.execute(
            f"select record_a, record_b from {VAULT}.link_review where review_id = $1", [review_id]
        ).fetchone()
        if row is None:
            raise UsageError(f"no open question has the number {review_id}: see `radlake identity review`")
        pairs = [(row[0], row[1])]
        return _write(connection, settings, "decide", pairs, "same" if same else "different", what_if=what_if)


def split_person(settings: Settings, person_id: str, records: Sequence[str], *, what_if: bool = False) -> str:
    """Part records from the rest of their person; return the number of the decision.

    Raises UsageError when the person has not these records, or no others.
    """
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["vault"])
        mine = _records_of(connection, person_id)
        parted, rest = sorted(set(records)), sorted(set(mine) - set(records))
        if not parted or not set(parted) <= set(mine) or not rest:
            raise UsageError(
                f"person {person_id} has not all of these records, or no others: see `radlake identity show`"
            )
        pairs = [(min(a, b), max(a, b)) for a in parted for b in rest]
        return _write(connection, settings, "split", pairs, "different", what_if=what_if)


def merge_persons(settings: Settings, person_id: str, other_id: str, *, what_if: bool = False) -> str:
    """Say that two persons are one, and take back what was decided against it; return the number of the decision.

    Raises UsageError when either is unknown or both are one.
    """
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["vault"])
        mine, others = _records_of(connection, person_id), _records_of(connection, other_id)
        if not mine or not others or person_id == other_id:
            raise UsageError(
                "a merge needs two persons by the pseudonyms that `radlake identity show` and `review` print"
            )
        against = {
            (a, b)
            for a, b in connection.execute(
                f"select distinct record_a, record_b from {VAULT}.link_decision where decision = 'different'"
            ).fetchall()
            if (a in mine and b in others) or (a in others and b in mine)
        }
        first = (min(mine[0], others[0]), max(mine[0], others[0]))
        return _write(connection, settings, "merge", sorted(against | {first}), "same", what_if=what_if)


def withdraw_decision(settings: Settings, decision_id: str, *, what_if: bool = False) -> str:
    """Take a decision back, so that the rules decide again; return the number of the withdrawal.

    Raises UsageError when there is no such decision.
    """
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection, ["vault"])
        pairs = connection.execute(
            f"select distinct record_a, record_b from {VAULT}.link_decision where decision_id = $1 order by all",
            [decision_id],
        ).fetchall()
        if not pairs:
            raise UsageError(f"no decision has the number {decision_id}")
        return _write(connection, settings, "withdraw", pairs, "withdrawn", what_if=what_if)


def _records_of(connection: Connection, person_id: str) -> list[str]:
    return [
        record
        for (record,) in connection.execute(
            f"select record_id from {_STANDING} where person_id = $1 order by is_survivor desc, record_id", [person_id]
        ).fetchall()
    ]


def _write(
    connection: Connection,
    settings: Settings,
    act: str,
    pairs: Sequence[tuple[str, str]],
    decision: str,
    *,
    what_if: bool,
) -> str:
    decision_id = secrets.token_hex(8)
    if what_if:
        return decision_id
    now, actor = local_now(settings.timezone), getpass.getuser()
    rows = [
        {
            "decision_id": decision_id, "record_a": a, "record_b": b, "decision": decision, "decided_by": actor,
            "decided_at": now,
        }
        for a, b in pairs
    ]  # fmt: skip
    with transaction(connection):
        append_arrow(connection, f"{VAULT}.link_decision", pa.Table.from_pylist(rows))
        write_audit(
            connection, act=act, actor=actor, acted_at=now,
            detail={"decision": decision_id, "pairs": len(rows), "says": decision},
        )  # fmt: skip
    return decision_id
