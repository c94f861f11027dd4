"""Keeps what identity knows in raw_vault between runs: records, identifiers, pairs, and which loads were read."""

import json
import secrets
from datetime import datetime
from typing import Any

import pyarrow as pa

from ingestion.identity.records import IDENTIFIER_COLUMNS, RECORD_COLUMNS
from lakehouse.lake import Connection, append_arrow

VAULT = "raw.raw_vault"


CROWD = 20
"""From how many names on a card nobody can be told by it, and comparing all with all would take for ever."""


def load_records(connection: Connection, merge_batches: list[str]) -> None:
    """Turn `record` and `identifier` of what is new into those of everything, with `is_touched` marks.

    Touched are the records that are new or changed, and all that bear an identifier in common with one of them: facts
    about a number (how many names stand on it) change for everybody who bears it. `merge_batches` are the loads of
    messages that merge patients and were not read yet.
    """
    columns = ", ".join(RECORD_COLUMNS)
    connection.execute("alter table record rename to new_record")
    connection.execute("alter table identifier rename to new_identifier")
    connection.execute(
        "create or replace temp table record as "
        f"select {columns}, true as is_changed from new_record union all by name "
        f"select {columns}, false as is_changed from {VAULT}.person_record "
        "where record_id not in (select record_id from new_record)"
    )
    connection.execute(
        "create or replace temp table identifier as select * from new_identifier union all by name "
        f"select * from {VAULT}.record_identifier where record_id not in (select record_id from new_record)"
    )
    connection.execute("""
        create or replace temp table touched as
        select record_id from new_record
        union
        select identifier.record_id
        from identifier
        inner join (
            select distinct id_type, id_key
            from identifier
            where record_id in (select record_id from new_record)
        ) using (id_type, id_key)
        union
        select record.record_id
        from record
        inner join new_record on record.merged_into = new_record.number
        union
        select record.record_id
        from record
        inner join new_record on record.number = new_record.merged_into
        union
        select record.record_id
        from record
        inner join new_record on record.citizen_id = new_record.citizen_id
        union
        select identifier.record_id
        from identifier
        inner join (
            select unnest([canonical_identifier(prior_patient_id), canonical_identifier(patient_id)]) as id_value
            from raw.raw_hl7v2.patient_merge
            where list_contains($1, _batch_id)
        ) using (id_value)
        where identifier.id_type = 'patient_id'
    """, [merge_batches])  # fmt: skip
    connection.execute(
        "create or replace temp table marked as select record.*, touched.record_id is not null as is_touched "
        "from record left join touched using (record_id)"
    )
    connection.execute("drop table record")
    connection.execute("alter table marked rename to record")
    connection.execute(
        "update record set citizen_id = null, citizen_state = 'invalid' where citizen_id in ("
        "select citizen_id from record "
        f"where citizen_id is not null group by citizen_id having count(distinct name_norm) > {CROWD})"
    )


def save_records(connection: Connection) -> None:
    """Write what is new in records and identifiers; in a transaction of the caller."""
    for table in ("person_record", "record_identifier"):
        connection.execute(f"delete from {VAULT}.{table} where record_id in (select record_id from new_record)")
    connection.execute(
        f"insert into {VAULT}.person_record by name select {', '.join(RECORD_COLUMNS)} from new_record "
        "order by record_id"
    )
    connection.execute(
        f"insert into {VAULT}.record_identifier by name select {', '.join(IDENTIFIER_COLUMNS)} from new_identifier "
        "order by record_id, id_type, id_value"
    )


def load_pairs(connection: Connection) -> None:
    """Make `all_pair`: the pairs found now, and those of before between records that nothing touched."""
    connection.execute(f"""
        create or replace temp table all_pair as
        select record_a, record_b, rule, score, is_review, true as is_new from pair
        union all
        select record_a, record_b, rule, score, is_review, false as is_new
        from {VAULT}.record_pair
        where record_a not in (select record_id from touched) and record_b not in (select record_id from touched)
    """)


def save_pairs(connection: Connection, batch_id: str) -> None:
    """Write the pairs found now in place of those of the touched records; in a transaction of the caller."""
    connection.execute(
        f"delete from {VAULT}.record_pair where record_a in (select record_id from touched) "
        "or record_b in (select record_id from touched)"
    )
    connection.execute(
        f"insert into {VAULT}.record_pair by name select record_a, record_b, rule, score, is_review, "
        "$1 as batch_id from pair order by record_a, record_b",
        [batch_id],
    )


def save_batches(connection: Connection, batches: dict[str, list[str]], run_id: str) -> None:
    """Note which loads were read; in a transaction of the caller."""
    rows = [
        {"source": name.split(".")[0], "entity": name.split(".")[1], "batch_id": batch, "run_id": run_id}
        for name, found in sorted(batches.items())
        for batch in found
    ]
    if rows:
        append_arrow(connection, f"{VAULT}.linked_batch", pa.Table.from_pylist(rows))


def write_audit(connection: Connection, *, act: str, actor: str, detail: dict[str, Any], acted_at: datetime) -> None:
    """Write one act into the audit of the vault; `detail` holds numbers and pseudonyms only."""
    append_arrow(
        connection,
        f"{VAULT}.link_audit",
        pa.Table.from_pylist([
            {
                "audit_id": secrets.token_hex(10),
                "act": act,
                "actor": actor,
                "detail": json.dumps(detail, ensure_ascii=False, sort_keys=True),
                "acted_at": acted_at,
            }
        ]),
    )  # fmt: skip
