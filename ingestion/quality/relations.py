"""Finds what does not fit together between tables and systems, after the last source of an ingestion.

    orphan_record          no parent in any loaded source; resolved when the parent arrives
    accession_collision    one accession number on examinations of different patients
    accession_mismatch     two systems that mean one examination and write different numbers, or different patients
    cross_system_conflict  sex, birth or age of a patient number differs from the system that is trusted more

Only what a load touched is looked at, against everything that is stored. What most rows of a table fail is no defect of
a row but a table with numbers of its own, and is left alone. Issues are numbered by what and where, so a second run
adds none.
"""

import functools
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from ingestion.naming import shown_name
from ingestion.quality.issues import found_columns, issue_id_expression, record_key_expression
from lakehouse.contract import Table, clean_expression, read_contract, source_names
from lakehouse.lake import Connection, append_arrow, transaction

RESOLVED_SHARE = 0.5
"""Share of a table's records that must have a parent, or agree, before the others are called defects."""
AGREEING_SHARE = 0.8


@functools.cache
def table_relations() -> dict[str, Any]:
    """Return the content of relations.yml."""
    content: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "relations.yml").read_text(encoding="utf-8"))
    return content


def find_relations(connection: Connection, batch_ids: Sequence[str], found_at: datetime) -> dict[str, int]:
    """Find broken relations of what some loads brought, write them to the books, and return how many of each kind.

    Needs the zone `raw` attached for writing. Orphans whose parent has arrived since are marked as resolved.
    """
    from ingestion.quality.conflicts import find_conflicts
    from ingestion.quality.exam_numbers import find_accession_issues

    batches = sorted({batch for batch in batch_ids if batch})
    if not batches:
        return {}
    connection.execute("create or replace temp table relation_batch (batch_id varchar)")
    append_arrow(connection, "relation_batch", pa.table({"batch_id": batches}))
    connection.execute(
        "create or replace temp table relation_touched as select distinct source, entity "
        "from raw.raw_ledger.delivery where batch_id in (select batch_id from relation_batch) and loaded + deleted > 0"
    )
    connection.execute(
        "create or replace temp table relation_found (source varchar, entity varchar, file_token varchar, "
        "row_no bigint, load_id varchar, record_key varchar, row_sha256 varchar, column_name varchar, kind varchar, "
        "severity varchar, action varchar, rule_id varchar, before_sha256 varchar)"
    )
    _collect_parents(connection)
    for name, (columns, known) in parents_of_tables().items():
        _find_orphans(connection, name, columns, known)
    find_accession_issues(connection)
    find_conflicts(connection)
    with transaction(connection):
        counts = _write(connection, batches[-1], found_at)
        _resolve_orphans(connection, found_at)
        connection.execute(
            "delete from raw.raw_ledger.unrelated_load where batch_id in (select batch_id from relation_batch)"
        )
    return counts


@functools.cache
def find_table(name: str) -> Table | None:
    """Return the contract of a raw table `source.entity`, or nothing when there is none."""
    source, _, entity = name.partition(".")
    return read_contract(source).get(entity) if source in source_names() else None


@functools.cache
def parents_of_tables() -> dict[str, tuple[tuple[str, ...], str]]:
    """Return, for each raw table that needs a parent, the columns that may name it and where its numbers stand."""
    relations = table_relations()
    numbers = tuple(relations["person_numbers"])
    persons = tuple(column for column in numbers if column not in ("visit_id", "encounter_id"))
    return (
        dict.fromkeys(relations["of_registry"], (persons, "known_person"))
        | dict.fromkeys(relations["of_encounter"], (("visit_id",), "known_visit"))
        | dict.fromkeys(relations["of_person"], (numbers, "known_number"))
    )


def was_touched(connection: Connection, table: Table) -> bool:
    """Return whether the loads that are looked at brought a row of a table, by the books."""
    row = connection.execute(
        "select 1 from relation_touched where source = $1 and entity = $2", [table.source, table.name]
    ).fetchone()
    return row is not None


def number_expression(column: str, relation: str = "") -> str:
    """Return SQL of an identifier as it is compared: canonical, without prefix letters and leading zeros."""
    canonical = f"canonical_identifier({clean_expression(column, relation)})"
    return f"nullif(coalesce(nullif(regexp_replace({canonical}, '^[A-Z]*0*', ''), ''), {canonical}), '')"


def current_rows(table: Table, restriction: str = "") -> str:
    """Return SQL of the newest version of each record of a table that was neither deleted nor voided.

    `restriction` joins the rows, called `rows`, with what limits them.
    """
    key = ", ".join(f'"{name}"' for name in table.key) or "_row_sha256"
    return (
        f'(select rows.* from raw.{table.schema}."{table.name}" as rows {restriction} '
        f"qualify row_number() over (partition by _src_period, {key} "
        "order by _loaded_at desc, _batch_id desc, _src_row_no desc) = 1 and _change is null)"
    )


def touched_rows(table: Table) -> str:
    """Return SQL of the rows that the loads brought, without tombstones."""
    return (
        f'(select * from raw.{table.schema}."{table.name}" '
        "where _batch_id in (select batch_id from relation_batch) and _change is null)"
    )


def found_row(table: Table, relation: str) -> str:
    """Return the SQL list of columns by which `relation_found` knows a raw row."""
    return (
        f"'{table.source}' as source, '{table.name}' as entity, {relation}._src_file as file_token, "
        f"{relation}._src_row_no as row_no, {relation}._batch_id as load_id, "
        f"{record_key_expression(table, relation)} as record_key, {relation}._row_sha256 as row_sha256"
    )


def _collect_parents(connection: Connection) -> None:
    """Gather the numbers by which persons and stays are known, whichever source told them."""
    for known in ("known_number", "known_person", "known_visit"):
        connection.execute(f"create or replace temp table {known} (number varchar)")
    relations = table_relations()
    for name in relations["parents"]:
        table = find_table(name)
        if table is None:
            continue
        numbers = ", ".join(number_expression(column) for column in _number_columns(table, relations["parent_numbers"]))
        visits = ", ".join(number_expression(column) for column in _number_columns(table, ("visit_id", "resource_id")))
        targets = {
            "known_number": numbers,
            "known_person": numbers if name in relations["registered"] else "",
            "known_visit": visits if name in relations["encounters"] else "",
        }
        for target, listed in targets.items():
            if listed:
                connection.execute(
                    f"insert into {target} select distinct unnest([{listed}]) "
                    f"from raw.{table.schema}.\"{table.name}\" where _change is distinct from 'deleted'"
                )


def _number_columns(table: Table, columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column in table.column_names]


def _find_orphans(connection: Connection, name: str, columns: Sequence[str], known: str) -> None:
    table = find_table(name)
    if table is None or not _number_columns(table, columns) or not was_touched(connection, table):
        return
    if connection.execute(f"select 1 from {known} where number is not null limit 1").fetchone() is None:
        return
    _mark_orphans(connection, table, columns, known, touched_rows(table))
    if connection.execute("select 1 from orphan_row limit 1").fetchone() is None:
        return
    if not _most_have_parents(connection, table, columns, known):
        return
    connection.execute(
        f"insert into relation_found by name select {found_row(table, 'rows')}, "
        f"{found_columns('orphan_record', 'relation.orphan_record')} from orphan_row as rows"
    )


def _mark_orphans(connection: Connection, table: Table, columns: Sequence[str], known: str, rows: str) -> None:
    """Put those of some rows into `orphan_row` none of whose numbers is known."""
    present = _number_columns(table, columns)
    joins = " ".join(
        f"anti join {known} as known_{position} on {number_expression(column, 'rows')} = known_{position}.number"
        for position, column in enumerate(present)
    )
    connection.execute(f"create or replace temp table orphan_row as select rows.* from {rows} as rows {joins}")


def _most_have_parents(connection: Connection, table: Table, columns: Sequence[str], known: str) -> bool:
    present = _number_columns(table, columns)
    numbers = ", ".join(f"{number_expression(column)} as n{position}" for position, column in enumerate(present))
    joins = " ".join(
        f"anti join {known} as known_{position} on told.n{position} = known_{position}.number"
        for position in range(len(present))
    )
    row = connection.execute(
        f"""
        with told as (
            select {numbers}, count(*) as n from raw.{table.schema}."{table.name}" where _change is null group by all
        )
        select (select sum(n) from told), (select sum(told.n) from told {joins})
        """
    ).fetchone()
    total, without = (row[0] or 0, row[1] or 0) if row else (0, 0)
    return bool(total) and without <= (1 - RESOLVED_SHARE) * total


def _write(connection: Connection, batch_id: str, found_at: datetime) -> dict[str, int]:
    """Give the findings their numbers and append those that are new."""
    files = connection.execute(
        "select distinct delivery.batch_id, delivery.file_token, delivery.file_name, delivery.file_match, "
        "delivery.file_sha256 from raw.raw_ledger.delivery as delivery "
        "semi join relation_found as found on delivery.batch_id = found.load_id "
        "and delivery.file_token = found.file_token order by all"
    ).fetchall()
    connection.execute(
        "create or replace temp table relation_file (load_id varchar, file_token varchar, file_name varchar, "
        "file_sha256 varchar)"
    )
    shown = {
        (load, token): (shown_name(Path(file_name or "").name, match or ""), digest)
        for load, token, file_name, match, digest in files
    }
    if shown:
        rows = [
            {"load_id": load, "file_token": token, "file_name": file_name, "file_sha256": digest}
            for (load, token), (file_name, digest) in shown.items()
        ]
        append_arrow(connection, "relation_file", pa.Table.from_pylist(rows))
    number = issue_id_expression(
        "found.source", "found.entity", "files.file_sha256", "found.row_no", "found.column_name", "found.kind",
        "coalesce(found.before_sha256, found.row_sha256)",
    )  # fmt: skip
    connection.execute(
        f"""
        create or replace temp table relation_new as
        with numbered as (
            select
                {number} as issue_id, $1::varchar as batch_id, found.source, found.entity, found.file_token,
                files.file_name, found.row_no, found.record_key, found.column_name, found.kind, found.severity,
                found.action, coalesce(found.before_sha256, found.row_sha256) as before_sha256, found.rule_id,
                $2::timestamp as found_at, cast(null as timestamp) as resolved_at
            from relation_found as found
            left join relation_file as files on found.load_id = files.load_id and found.file_token = files.file_token
        )
        select * from numbered
        where issue_id not in (select issue_id from raw.raw_ledger.dq_issue)
        qualify row_number() over (partition by issue_id order by rule_id) = 1
        """,
        [batch_id, found_at],
    )
    connection.execute(
        "insert into raw.raw_ledger.dq_issue by name select * from relation_new "
        "order by source, entity, file_token, row_no, column_name nulls first, kind, issue_id"
    )
    return dict(connection.execute("select kind, count(*) from relation_new group by kind order by kind").fetchall())


def _resolve_orphans(connection: Connection, found_at: datetime) -> None:
    """Mark the orphans that have a parent by now, or that stand no more."""
    open_tables = connection.execute(
        "select distinct source || '.' || entity from raw.raw_ledger.dq_issue "
        "where kind = 'orphan_record' and resolved_at is null order by 1"
    ).fetchall()
    for (name,) in open_tables:
        table = find_table(name)
        if table is None or name not in parents_of_tables():
            continue
        columns, known = parents_of_tables()[name]
        connection.execute(
            f"create or replace temp table issue_row as select rows.* "
            f'from raw.{table.schema}."{table.name}" as rows '
            "semi join (select * from raw.raw_ledger.dq_issue where kind = 'orphan_record' and resolved_at is null "
            "and source = $1 and entity = $2) as issue "
            "on rows._src_file = issue.file_token and rows._src_row_no = issue.row_no",
            [table.source, table.name],
        )
        same = " and ".join(
            f'rows."{column}" is not distinct from issue_row."{column}"' for column in (*table.key, "_src_period")
        )
        rows = current_rows(table, f"semi join issue_row on {same}")
        _mark_orphans(connection, table, columns, known, rows)
        connection.execute(
            "update raw.raw_ledger.dq_issue set resolved_at = $1 "
            "where kind = 'orphan_record' and resolved_at is null and source = $2 and entity = $3 "
            "and before_sha256 not in (select _row_sha256 from orphan_row)",
            [found_at, table.source, table.name],
        )
