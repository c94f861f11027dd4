"""Links the records of all sources to persons: read what is new, score what it touches, cluster, keep the books."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass, field

from ingestion.identity.columns import person_tables
from ingestion.identity.persons import find_clusters, find_links, find_reviews, save_links, save_reviews
from ingestion.identity.probability import add_scored_pairs
from ingestion.identity.records import build_records, read_mentions, read_new_batches
from ingestion.identity.rules import find_merges, find_number_facts, find_pairs
from ingestion.identity.state import load_pairs, load_records, save_batches, save_pairs, save_records, write_audit
from lakehouse.contract import read_table
from lakehouse.lake import Connection, create_raw_tables, empty_work_folder, open_lake, transaction
from lakehouse.ledger import local_now, new_batch_id
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is done, steps done and steps in all."""


@dataclass(slots=True)
class LinkResult:
    """What a run of identity did; received = loaded + quarantined + unchanged, in records."""

    received: int = 0
    loaded: int = 0
    quarantined: int = 0
    unchanged: int = 0
    touched: int = 0
    persons: int = 0
    links_by_rule: dict[str, int] = field(default_factory=dict)
    changed_links: int = 0
    open_reviews: int = 0
    issues: dict[str, int] = field(default_factory=dict)


_STEPS = ("records", "numbers", "rules", "model", "clusters", "persons")


def link_persons(
    settings: Settings, *, what_if: bool = False, full: bool = False, progress: Progress | None = None
) -> LinkResult:
    """Link what was loaded since the last run, and everything it touches; `full` forgets what was found before.

    A second run with nothing new changes nothing. The caller holds the home's lock. Decisions of people are kept.
    """
    with open_lake(settings, ("raw",)) as connection:
        create_raw_tables(connection)
        result = link_records(connection, settings, what_if=what_if, full=full, progress=progress)
    empty_work_folder(settings)
    return result


def link_records(
    connection: Connection, settings: Settings, *, what_if: bool, full: bool, progress: Progress | None
) -> LinkResult:
    """Do the work of `link_persons` over an open connection."""
    from ingestion.identity.defects import find_defects, save_defects

    done = 0

    def step(name: str) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(name, done, len(_STEPS))

    run_id, now = new_batch_id(), local_now(settings.timezone)
    if full and not what_if:
        for table in ("person_record", "record_identifier", "record_pair", "linked_batch"):
            connection.execute(f"delete from raw.raw_vault.{table}")
    batches = {table.name: found for table in person_tables() if (found := read_new_batches(connection, table.table))}
    merges = read_new_batches(connection, read_table("hl7v2", "patient_merge"))
    if merges:
        batches["hl7v2.patient_merge"] = merges
    decided = _has_new_decisions(connection)
    result = LinkResult()
    _read_records(connection, batches)
    result.received = _count(connection, "new_record")
    step("records")
    if not result.received and not decided and not batches:
        return _unchanged(connection, result)
    find_number_facts(connection)
    find_merges(connection)
    step("numbers")
    find_pairs(connection)
    step("rules")
    add_scored_pairs(connection)
    step("model")
    load_pairs(connection)
    find_clusters(connection)
    step("clusters")
    find_links(connection)
    find_reviews(connection)
    find_defects(connection, batches)
    step("persons")
    result.touched = _count(connection, "touched")
    result.persons = _count(connection, "survivor")
    result.links_by_rule = dict(
        connection.execute("select link_method, count(*) from link group by 1 order by 1").fetchall()
    )
    result.open_reviews = _count(connection, "review")
    result.loaded = result.received
    if what_if:
        return result
    with transaction(connection):
        save_records(connection)
        save_pairs(connection, run_id)
        save_batches(connection, batches, run_id)
        result.changed_links = save_links(connection, batch_id=run_id, linked_at=now)
        result.open_reviews = save_reviews(connection, run_id)
        result.issues = save_defects(connection, batch_id=run_id, found_at=now)
        write_audit(
            connection, act="link", actor=getpass.getuser(), acted_at=now,
            detail={
                "run": run_id, "records": result.received, "touched": result.touched, "persons": result.persons,
                "changed_links": result.changed_links, "links": result.links_by_rule,
            },
        )  # fmt: skip
    logger.info("persons linked", extra={"batch_id": run_id, "records": result.received, "persons": result.persons})
    return result


def _read_records(connection: Connection, batches: dict[str, list[str]]) -> None:
    """Make records of the new loads; those known before are read again from all loads, so the newest value wins."""
    read_mentions(connection, batches)
    connection.execute("""
        create or replace temp table wanted_key as
        select distinct record_key from mention
        where record_key in (select record_key from raw.raw_vault.person_record)
    """)
    if _count(connection, "wanted_key"):
        connection.execute("create or replace temp table fresh_mention as select * from mention")
        everything = {
            table.name: [
                batch
                for (batch,) in connection.execute(
                    f'select distinct _batch_id from raw.{table.table.schema}."{table.table.name}"'
                ).fetchall()
            ]
            for table in person_tables()
        }
        read_mentions(connection, everything, only_wanted=True)
        connection.execute(
            "insert into mention select * from fresh_mention "
            "where record_key not in (select record_key from wanted_key)"
        )
    build_records(connection)
    load_records(connection, batches.get("hl7v2.patient_merge", []))


def _has_new_decisions(connection: Connection) -> bool:
    found = connection.execute(
        "select (select max(decided_at) from raw.raw_vault.link_decision) > "
        "coalesce((select max(acted_at) from raw.raw_vault.link_audit where act = 'link'), timestamp '1970-01-01')"
    ).fetchone()
    return bool(found and found[0])


def _unchanged(connection: Connection, result: LinkResult) -> LinkResult:
    result.persons = int(
        (connection.execute("select count(distinct person_id) from raw.raw_vault.person_link").fetchone() or (0,))[0]
    )
    result.open_reviews = _count(connection, "raw.raw_vault.link_review")
    return result


def _count(connection: Connection, table: str) -> int:
    found = connection.execute(f"select count(*) from {table}").fetchone()
    return int(found[0]) if found else 0
