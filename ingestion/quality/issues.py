"""Turns what was found in a delivery into rows of raw_ledger.dq_issue, and reads them out again.

An issue says where a defect stands and what was done about it, never the value: the record is named by pseudonyms as
they stand in `lake`, the value by its SHA-256. Its number is a digest of what and where, so that reading a file twice
adds nothing. Of a row that a delivery only repeats, the defects are known already; they are not written again.
"""

import functools
import re
import shutil
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from ingestion.quality.kinds import read_kinds
from ingestion.readers import Finding
from lakehouse.contract import Column, Table, clean_expression, sources_folder
from lakehouse.lake import Connection, append_arrow, fetch_dicts

RULES_VERSION = "1"
"""Version of the rules of this package; stands behind the name of each rule in `rule_id`."""

FOUND = "scratch.found_issue"
NEW = "scratch.new_issue"

EXPORT_COLUMNS = {
    "source": "source", "file": "file_name", "row": "row_no", "key": "record_key", "kind": "kind",
    "severity": "severity", "action": "action", "before_sha256": "before_sha256", "entity": "entity",
    "column": "column_name", "rule_id": "rule_id",
}  # fmt: skip
"""Columns of an export and where they come from; the first eight are promised to outside checks in this order."""


def create_found_table(connection: Connection) -> None:
    """Create the empty table in which all rules leave what they found, and the one of new issues."""
    connection.execute(
        f"create or replace table {FOUND} (file_no integer, entity varchar, row_no bigint, column_name varchar, "
        "kind varchar, severity varchar, action varchar, before_sha256 varchar, rule_id varchar)"
    )
    connection.execute(
        f'create or replace table {NEW} as select *, 0 as file_no from raw.raw_ledger."dq_issue" limit 0'
    )


def add_findings(connection: Connection, file_no: int, entity: str, findings: Iterable[Finding]) -> None:
    """Note what a reader found in a file; kinds that are none of the list are not defects."""
    kinds = read_kinds()
    rows = [
        {
            "file_no": file_no,
            "entity": entity,
            "row_no": finding.row_no,
            "column_name": finding.column,
            "kind": finding.kind,
            "severity": kinds[finding.kind].severity,
            "action": finding.action or kinds[finding.kind].action,
            "before_sha256": finding.before_sha256,
            "rule_id": f"reader.{finding.kind}/{RULES_VERSION}",
        }
        for finding in findings
        if finding.kind in kinds
    ]
    if rows:
        append_arrow(connection, FOUND, pa.Table.from_pylist(rows, schema=_found_schema()))


def _found_schema() -> pa.Schema:
    text = pa.string()
    return pa.schema([
        ("file_no", pa.int32()), ("entity", text), ("row_no", pa.int64()), ("column_name", text), ("kind", text),
        ("severity", text), ("action", text), ("before_sha256", text), ("rule_id", text),
    ])  # fmt: skip


def found_columns(kind: str, rule: str) -> str:
    """Return the SQL list `kind, severity, action, rule_id` of one kind."""
    facts = read_kinds()[kind]
    return (
        f"'{kind}' as kind, '{facts.severity}' as severity, '{facts.action}' as action, "
        f"'{rule}/{RULES_VERSION}' as rule_id"
    )


_PSEUDONYM = re.compile(r"pseudonym\('(\w+)',\s*((?:[^{}]|\{(?!\{))*?)\)\s*\}\}\s*as\s+(\w+)")
_KINDS_BY_COLUMN = {
    "patient_id": "patient", "visit_id": "encounter", "exam_id": "report", "pathology_id": "report",
    "report_id": "report", "request_id": "order", "order_id": "order", "accession_number": "accession",
    "study_instance_uid": "uid", "document_id": "document", "procedure_id": "procedure",
}  # fmt: skip
_PARTS_OF_RESOURCES = {"patient_identifier": "patient", "encounter_diagnosis": "encounter"}
"""FHIR tables whose rows are parts of a resource, named by its number."""


@functools.cache
def pseudonym_kinds(source: str, entity: str) -> dict[str, str]:
    """Return the kind of pseudonym of each identifying column, as the staging model of a raw table uses it."""
    path = sources_folder() / source / f"stg_{source}__{entity}.sql"
    found = _PSEUDONYM.findall(path.read_text(encoding="utf-8")) if path.is_file() else []
    return {column: kind for kind, _, column in found}


def record_key_expression(table: Table, relation: str = "") -> str:
    """Return SQL of the key of a row as it may be shown: pseudonyms as they stand in `lake`, and codes, joined by |."""
    columns = {column.name: column for column in table.columns}
    parts = [f"coalesce({_shown(table, columns[name], relation)}, '')" for name in table.key]
    return f"concat_ws('|', {', '.join(parts)})" if parts else "cast(null as varchar)"


def _shown(table: Table, column: Column, relation: str) -> str:
    value = clean_expression(column.name, relation)
    if column.data_type != "varchar":
        value = f"cast({value} as varchar)"
    if column.pii == "none":
        # a code; in a shifted row it might be anything, and then its length or a run of digits gives it away
        return (
            f"case when length({value}) > 32 or regexp_matches({value}, '[0-9０-９]{{9,}}') then '***' "
            f"else trim({value}) end"
        )
    kinds = pseudonym_kinds(table.source, table.name)
    kind = kinds.get(column.name) or _KINDS_BY_COLUMN.get(column.name) or column.name.removesuffix("_id")
    if column.name == "resource_id" and column.name not in kinds:
        kind = f"fhir_{_PARTS_OF_RESOURCES.get(table.name, table.name)}"
    return f"pseudonym('{kind}', {value})"


def issue_id_expression(*parts: str) -> str:
    """Return SQL of the number of an issue: a digest of what was found and where."""
    listed = ", ".join(f"coalesce(cast({part} as varchar), '')" for part in parts)
    return f"substr(sha256(concat_ws(chr(31), {listed})), 1, 32)"


def collect_issues(
    connection: Connection, source: str, entity: str, table: Table | None, *, batch_id: str, found_at: datetime
) -> None:
    """Add to `scratch.new_issue` what was found in the files of one entity and is not in the books yet.

    Needs `scratch.file` (file_no, file_token, file_name, file_sha256); `table` is given when rows of it were decided.
    """
    found = f"(select * from {FOUND} where entity = '{entity}')"
    if table is None:
        rows = f"select found.*, null as record_key, null as row_sha256, null as is_accepted from {found} as found"
    else:
        # the row of an issue, if it waits: its key, its digest, and whether it is news
        rows = f"""
            select
                found.*,
                case when delivered.rowid is not null then {record_key_expression(table, "delivered")} end
                    as record_key,
                decided._row_sha256 as row_sha256,
                decided.is_accepted
            from {found} as found
            left join scratch.decided_{table.name} as decided
                on found.file_no = decided._file_no and found.row_no = decided._src_row_no
            left join scratch.delivered_{table.name} as delivered on decided._rowid = delivered.rowid
        """
    _insert_new(connection, rows, source, entity, batch_id, found_at)


def collect_deletions(connection: Connection, table: Table, *, batch_id: str, found_at: datetime) -> None:
    """Add an issue for each tombstone of one raw table to `scratch.new_issue`."""
    rows = f"""
        select
            files.file_no, null as row_no, null as column_name, {found_columns("row_deleted", "deletion.row_deleted")},
            deleted._row_sha256 as before_sha256, {record_key_expression(table, "deleted")} as record_key,
            null as row_sha256, null as is_accepted
        from scratch.deleted_{table.name} as deleted
        inner join scratch.file as files on deleted._src_file = files.file_token
    """
    _insert_new(connection, rows, table.source, table.name, batch_id, found_at)


def _insert_new(connection: Connection, rows: str, source: str, entity: str, batch_id: str, found_at: datetime) -> None:
    before = "coalesce(rows.before_sha256, case when rows.column_name is null then rows.row_sha256 end)"
    number = issue_id_expression(
        "$1", "$2", "files.file_sha256", "rows.row_no", "rows.column_name", "rows.kind", before
    )
    connection.execute(
        f"""
        insert into {NEW} by name
        with numbered as (
            select
                {number} as issue_id,
                $3::varchar as batch_id,
                $1::varchar as source,
                $2::varchar as entity,
                files.file_token,
                files.file_name,
                rows.row_no,
                rows.record_key,
                rows.column_name,
                rows.kind,
                rows.severity,
                rows.action,
                {before} as before_sha256,
                rows.rule_id,
                $4::timestamp as found_at,
                rows.file_no
            from ({rows}) as rows
            inner join scratch.file as files on rows.file_no = files.file_no
            where rows.is_accepted is null or rows.is_accepted or rows.action = 'drop_duplicate'
        )
        select * from numbered
        where
            issue_id not in (select issue_id from raw.raw_ledger.dq_issue where source = $1)
            and issue_id not in (select issue_id from {NEW})
        qualify row_number() over (partition by issue_id order by rule_id) = 1
        """,
        [source, entity, batch_id, found_at],
    )


def count_new_issues(connection: Connection) -> dict[tuple[int, str], dict[str, int]]:
    """Return how many new issues of each kind there are, by file number and raw table."""
    counts: dict[tuple[int, str], dict[str, int]] = {}
    for file_no, entity, kind, count in connection.execute(
        f"select file_no, entity, kind, count(*) from {NEW} group by all order by all"
    ).fetchall():
        counts.setdefault((file_no, entity), {})[kind] = count
    return counts


def write_new_issues(connection: Connection) -> None:
    """Append the new issues to the books, in a transaction of the caller, in the order of files and rows."""
    connection.execute(
        f"insert into raw.raw_ledger.dq_issue by name select * exclude (file_no) from {NEW} "
        "order by file_no, entity, row_no nulls first, column_name nulls first, kind, issue_id"
    )


def _export_query(columns: Sequence[str], *, include_resolved: bool) -> str:
    return (
        "select " + ", ".join(f'{EXPORT_COLUMNS[name]} as "{name}"' for name in columns)
        + " from raw.raw_ledger.dq_issue"
        + ("" if include_resolved else " where resolved_at is null")
        + " order by source, file_name, row_no nulls first, column_name nulls first, kind, issue_id"
    )  # fmt: skip


def export_issues(connection: Connection, target: Path, work_folder: Path, *, include_resolved: bool = False) -> int:
    """Write all issues as CSV in UTF-8 with a byte order mark, and return how many there were.

    Issues that resolved themselves (an orphan whose parent arrived) are left out unless they are asked for.
    """
    work_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    body = work_folder / "issues_without_mark.part"
    query = _export_query(tuple(EXPORT_COLUMNS), include_resolved=include_resolved)
    written = connection.execute(f"copy ({query}) to '{body}' (format csv, header true)").fetchone()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as output, body.open("rb") as rows:
        output.write(b"\xef\xbb\xbf")
        shutil.copyfileobj(rows, output)
    body.unlink()
    return int(written[0]) if written else 0


def list_issues(connection: Connection, *, include_resolved: bool = False) -> list[dict[str, Any]]:
    """Return all issues as an export has them."""
    return fetch_dicts(connection, _export_query(tuple(EXPORT_COLUMNS), include_resolved=include_resolved))


def summarise_issues(connection: Connection) -> list[dict[str, Any]]:
    """Return how many issues of each kind each raw table has, with Chinese names."""
    rows = fetch_dicts(
        connection,
        "select source, entity, kind, severity, action, count(*) as n, count(resolved_at) as resolved "
        "from raw.raw_ledger.dq_issue group by all order by all",
    )
    kinds = read_kinds()
    return [row | {"label_zh": kinds[row["kind"]].label_zh if row["kind"] in kinds else ""} for row in rows]


def summarise_counts(connection: Connection) -> list[dict[str, Any]]:
    """Return, of the newest load of each raw table, what each rule found in each column before and after the door."""
    return fetch_dicts(
        connection,
        "select source, entity, column_name, rule_id, policy, row_count, before_count, after_count "
        "from raw.raw_ledger.quality_count "
        "qualify batch_id = max(batch_id) over (partition by source, entity) "
        "order by source, entity, column_name, rule_id",
    )
