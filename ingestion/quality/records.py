"""Judges whole records of a delivery: repeats, and reports that were amended, repeated, cancelled or are preliminary.

Runs over the waiting rows after it is decided which are new, and leaves what it finds in `scratch.found_issue`.
Versions of a report are put in order by the source's own number, then by the times of change, then by delivery; stored
versions of the same period take part, so that an amendment is seen whichever load brings it (sources.md 4.5, 5.4).
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import yaml

from ingestion.mapping import FileMapping
from ingestion.quality.issues import FOUND, found_columns
from lakehouse import PROJECT_ROOT
from lakehouse.contract import Table, clean_expression
from lakehouse.lake import Connection, append_arrow

AMENDMENT_MARK = r"补充报告\s*[:：]|[【\[(（](修订|更正|补充)[】\])）]|(修订|更正)报告\s*[:：]"
"""Words by which a text says that it was amended."""
_BLANKS = r"[\s\x{a0}\x{3000}]+"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportTable:
    """Which columns of a raw table tell reports apart, order their versions and say what became of them."""

    key: tuple[str, ...]
    texts: tuple[str, ...]
    changed: tuple[str, ...] = ()
    version: str | None = None
    status: str | None = None
    reason: str | None = None


@functools.cache
def report_tables() -> dict[str, ReportTable]:
    """Return the raw tables that hold reports, by `source.entity`."""
    content = yaml.safe_load((Path(__file__).parent / "records.yml").read_text(encoding="utf-8"))
    return {
        name: ReportTable(
            key=tuple(entry["key"]),
            texts=tuple(entry["texts"]),
            changed=tuple(entry.get("changed", ())),
            version=entry.get("version"),
            status=entry.get("status"),
            reason=entry.get("reason"),
        )
        for name, entry in content.items()
    }


def find_record_issues(
    connection: Connection, table: Table, files: Mapping[int, FileMapping], period: str | None
) -> None:
    """Leave in `scratch.found_issue` what is wrong with, or has to be known of, whole records of one raw table."""
    _find_duplicates(connection, table)
    reports = report_tables().get(f"{table.source}.{table.name}")
    if reports is None or not (reports.texts or _tells_status(reports, files)):
        return
    _write_status_words(connection, reports, files)
    connection.execute(f"create or replace table scratch.version as {_versions(table, reports)}", [period])
    _find_states(connection, table, reports)
    if reports.texts:
        _find_repeats(connection, table)
        _find_reissued(connection, table, reports)


def _tells_status(reports: ReportTable, files: Mapping[int, FileMapping]) -> bool:
    return any(mapping.void or reports.status in mapping.columns for mapping in files.values())


def _find_duplicates(connection: Connection, table: Table) -> None:
    connection.execute(
        f"insert into {FOUND} by name select _file_no as file_no, '{table.name}' as entity, _src_row_no as row_no, "
        f"{found_columns('duplicate_row', 'record.duplicate_row')}, _row_sha256 as before_sha256 "
        f"from scratch.decided_{table.name} where is_duplicate"
    )


def _write_status_words(connection: Connection, reports: ReportTable, files: Mapping[int, FileMapping]) -> None:
    """Fill `scratch.status_word` (file_no, source_value, status): the hospital's words, and those of the seed."""
    seed = PROJECT_ROOT / "dbt_project" / "seeds" / "standard" / "mapping__report_status.csv"
    connection.execute(
        "create or replace table scratch.status_word as select cast(null as integer) as file_no, "
        f"upper(trim(source_value)) as source_value, report_status as status from read_csv('{seed}', header = true, "
        "all_varchar = true)"
    )
    words = [
        {"file_no": number, "source_value": value.strip().upper(), "status": standard}
        for number, mapping in files.items()
        for value, standard in (mapping.codes.get(reports.status or "") or {}).items()
    ]
    if words:
        schema = pa.schema([("file_no", pa.int32()), ("source_value", pa.string()), ("status", pa.string())])
        append_arrow(connection, "scratch.status_word", pa.Table.from_pylist(words, schema=schema))


def _listed(expressions: list[str]) -> str:
    return ", ".join(f"coalesce({expression}, '')" for expression in expressions)


def _versions(table: Table, reports: ReportTable) -> str:
    """Return SQL of the new rows of reports, of the stored ones with the same key (period: $1), and what tells them."""

    def facts(relation: str) -> str:
        clean = {name: clean_expression(name, relation) for name in table.column_names}
        texts = _listed([clean[name] for name in reports.texts])
        times = ", ".join(f"nullif({clean[name]}, '')" for name in reports.changed)
        columns = {
            "report": f"concat_ws(chr(31), {_listed([clean[name] for name in reports.key])})",
            "number": f"try_cast({clean[reports.version]} as integer)" if reports.version else "cast(null as integer)",
            "changed": f"coalesce({times})" if times else "cast(null as varchar)",
            "word": f"upper(trim({clean[reports.status]}))" if reports.status else "cast(null as varchar)",
            "reason": f"nullif(trim({clean[reports.reason]}), '')" if reports.reason else "cast(null as varchar)",
            "text_hash": f"md5(regexp_replace(concat_ws(chr(31), {texts}), '{_BLANKS}', '', 'g'))" if texts else "''",
            "text_length": f"length(concat({texts}))" if texts else "0",
            "is_marked": f"regexp_matches(concat_ws(chr(10), {texts}), '{AMENDMENT_MARK}')" if texts else "false",
            "change": f"{relation}._change",
        }
        return ", ".join(f"{expression} as {name}" for name, expression in columns.items())

    return f"""
        with delivered as (
            select
                rows._file_no, rows._src_row_no, rows.rowid as _rowid, {facts("rows")}
            from scratch.delivered_{table.name} as rows
            inner join scratch.decided_{table.name} as decided on rows.rowid = decided._rowid
            where decided.is_accepted
        ),
        stored as (
            select
                cast(null as integer) as _file_no, rows._src_row_no, cast(null as bigint) as _rowid, {facts("rows")},
                (rows._loaded_at, rows._batch_id, rows._src_row_no) as _at
            from raw.{table.schema}."{table.name}" as rows
            where rows._src_period is not distinct from $1
        ),
        known as (
            select * from stored where report in (select delivered.report from delivered)
        ),
        united as (
            select
                * exclude (_at), row_number() over (order by _at) as arrival, false as is_new
            from known
            union all by name
            select *, row_number() over (order by _file_no, _rowid) + (select count(*) from known) as arrival,
                true as is_new
            from delivered
        )
        select
            united.*,
            coalesce(
                own_standard.status, own.status, standard.status,
                case
                    when united.word in ('FINAL', 'AMENDED', 'SUPPLEMENTARY', 'PRELIMINARY', 'RECALLED', 'CANCELLED')
                        then lower(united.word)
                end
            ) as status
        from united
        left join scratch.status_word as own
            on united._file_no = own.file_no and united.word = own.source_value
        left join scratch.status_word as own_standard
            on upper(trim(own.status)) = own_standard.source_value and own_standard.file_no is null
        left join scratch.status_word as standard
            on united.word = standard.source_value and standard.file_no is null
    """


def _find_states(connection: Connection, table: Table, reports: ReportTable) -> None:
    status = f"case when status is not null then '{reports.status}' end" if reports.status else "cast(null as varchar)"
    for kind, condition in (
        ("report_cancelled", "coalesce(status in ('cancelled', 'recalled'), false) or change = 'voided'"),
        ("preliminary_report", "status = 'preliminary' and change is null"),
    ):
        connection.execute(
            f"insert into {FOUND} by name select _file_no as file_no, '{table.name}' as entity, "
            f"_src_row_no as row_no, {status} as column_name, {found_columns(kind, f'record.{kind}')}, "
            "case when status is not null then sha256(word) end as before_sha256 "
            f"from scratch.version where is_new and ({condition})"
        )


def _find_repeats(connection: Connection, table: Table) -> None:
    """Tell amendments and repeats from the version before; the first final version amends nothing."""
    connection.execute(
        """
        create or replace table scratch.compared as
        select
            *,
            lag(report) over before is not null as has_former,
            lag(text_hash) over before = text_hash as is_same_text,
            lag(status) over before as former_status,
            lag(number) over before is not distinct from number as is_same_number,
            -- a number of its own above 1 tells of an earlier version where most reports have the number 1
            number > 1 and avg(cast(number <= 1 as double)) over () > 0.5 as is_numbered_later
        from scratch.version
        where text_length > 0 and report <> '' and change is null
        window before as (partition by report order by number nulls first, changed nulls first, arrival)
        """
    )
    is_settled = "coalesce(status, 'final') not in ('preliminary', 'cancelled', 'recalled')"
    follows = "has_former and coalesce(former_status, 'final') <> 'preliminary'"
    repeats = (
        f"({follows} and is_same_text and is_same_number and former_status is not distinct from status and not "
        "(coalesce(reason is not null, false)))"
    )
    amends = (
        f"{is_settled} and not {repeats} and (status in ('amended', 'supplementary') or reason is not null "
        "or is_marked or coalesce(is_numbered_later, false) "
        f"or ({follows} and (not is_same_text or not is_same_number)))"
    )
    for kind, condition in (("report_duplicate", repeats), ("report_amendment", amends)):
        connection.execute(
            f"insert into {FOUND} by name select _file_no as file_no, '{table.name}' as entity, "
            f"_src_row_no as row_no, {found_columns(kind, f'record.{kind}')} "
            f"from scratch.compared where is_new and {condition}"
        )


def _find_reissued(connection: Connection, table: Table, reports: ReportTable) -> None:
    """Find reports that stand under two numbers: patient, accession, examination, its time and all texts are the same.

    Which of them stands is for somebody to decide, so both are kept.
    """
    columns = ("patient_id", "accession_number", "modality", "body_part", "exam_item", "examined_at")
    present = [name for name in columns if name in table.column_names]
    if "accession_number" not in present or "patient_id" not in present or len(reports.key) > 1:
        return
    same = ", ".join(f"upper(trim(coalesce({clean_expression(name, 'rows')}, '')))" for name in present)
    facts = found_columns("report_duplicate", "record.report_reissued").replace("'drop_duplicate'", "'keep_flag'")
    connection.execute(
        f"""
        insert into {FOUND} by name
        select version._file_no as file_no, '{table.name}' as entity, version._src_row_no as row_no, {facts}
        from scratch.version as version
        inner join scratch.delivered_{table.name} as rows on version._rowid = rows.rowid
        where
            version.is_new and version.change is null and version.text_length >= 20
            and nullif(trim(rows.accession_number), '') is not null and nullif(trim(rows.patient_id), '') is not null
        window same as (partition by {same}, version.text_hash)
        qualify
            min(version.report) over same <> max(version.report) over same
            and version.report <> first_value(version.report) over (
                partition by {same}, version.text_hash order by version.arrival
            )
        """
    )
