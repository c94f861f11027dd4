"""Finds codes nobody knows, and codes that disagree with the name beside them.

Known is what the value maps of the mapping name and what the seeds of a vocabulary hold. A column is judged only where
most of its values are known: a hospital with a vocabulary of its own needs a value map, not an issue in every row. A
diagnosis is known when its category stands in a block of ICD-10; it disagrees with its name when the name holds words
of a disease (value_set__diagnosis_keyword) and the code lies in none of the chapters of any of them.
"""

import csv
import functools
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from ingestion.mapping import FileMapping
from ingestion.quality.issues import FOUND, found_columns
from lakehouse import PROJECT_ROOT
from lakehouse.contract import Table, clean_expression
from lakehouse.lake import Connection, append_arrow

VOCABULARIES = {
    "encounter_class": "mapping__encounter_class",
    "diagnosis_type": "mapping__diagnosis_type",
    "report_status": "mapping__report_status",
    "discharge_disposition": "mapping__discharge_disposition",
    "modality": "mapping__modality",
}
"""Columns with a closed vocabulary, and the seed that holds it: source_value and the standard value."""
_NEEDS_MAP = {"modality"}
"""Columns whose seed is no whole vocabulary: they are judged only when the mapping has a value map for them."""
KNOWN_SHARE = 0.8
KNOWN_SHARE_WITH_MAP = 0.5
_SEXES = {"sex"}
"""Columns another rule judges."""

DIAGNOSIS_CODE, DIAGNOSIS_NAME = "diagnosis_code", "diagnosis_name"


def _seed(name: str) -> Path | None:
    return next((PROJECT_ROOT / "dbt_project" / "seeds").glob(f"*/{name}.csv"), None)


@functools.cache
def vocabulary(column: str) -> frozenset[str]:
    """Return the values the seed of a column knows, upper case; empty when it has none."""
    path = _seed(VOCABULARIES.get(column, f"mapping__{column}"))
    if path is None:
        return frozenset()
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "source_value" not in rows[0]:
        return frozenset()
    standard = next((name for name in rows[0] if name != "source_value"), "source_value")
    return frozenset(row[name].strip().upper() for row in rows for name in ("source_value", standard))


@functools.cache
def diagnosis_keywords() -> tuple[tuple[str, str], ...]:
    """Return pairs of patterns: words in the name of a diagnosis, and codes they can stand with."""
    path = _seed("value_set__diagnosis_keyword")
    if path is None:
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple((row["name_pattern"], row["code_pattern"]) for row in csv.DictReader(file))


def find_code_issues(connection: Connection, table: Table, files: Mapping[int, FileMapping]) -> None:
    """Leave in `scratch.found_issue` the unknown codes of one raw table, and codes that disagree with their names."""
    judged = {number: mapping for number, mapping in files.items() if mapping.entity in ("", table.name)}
    for column in table.columns:
        form = column.meta.get("form")
        if column.name in _SEXES or column.data_type != "varchar":
            continue
        if column.name == DIAGNOSIS_CODE and form == "icd_10":
            _find_unknown_diagnoses(connection, table)
            if DIAGNOSIS_NAME in table.column_names:
                _find_name_mismatches(connection, table)
        elif form in ("code", "word", "status", None):
            _find_unknown(connection, table, column.name, judged)


def _find_unknown(connection: Connection, table: Table, column: str, files: Mapping[int, FileMapping]) -> None:
    known = vocabulary(column) if column in VOCABULARIES else frozenset[str]()
    mapped = {number for number, mapping in files.items() if column in mapping.codes}
    if not mapped and (not known or column in _NEEDS_MAP):
        return
    rows = []
    for number, mapping in files.items():
        codes = mapping.codes.get(column, {})
        if not codes and column in _NEEDS_MAP:
            continue
        words = known | {text.strip().upper() for pair in codes.items() for text in pair}
        share = KNOWN_SHARE_WITH_MAP if codes else KNOWN_SHARE
        if words:
            rows += [{"file_no": number, "word": word, "share": share} for word in sorted(words)]
    connection.execute("create or replace table scratch.known_word (file_no integer, word varchar, share double)")
    append_arrow(connection, "scratch.known_word", pa.Table.from_pylist(rows))
    value, raw = clean_expression(column, "rows"), f'rows."{column}"'
    connection.execute(
        f"""
        insert into {FOUND} by name
        with judged as (
            select file_no, any_value(share) as share from scratch.known_word group by file_no
        ),
        words as (
            select rows._file_no as file_no, {value} as clean_value, {raw} as raw_value, count(*) as n
            from scratch.delivered_{table.name} as rows
            inner join judged on rows._file_no = judged.file_no
            where nullif(trim({value}), '') is not null
            group by all
        ),
        told as (
            select
                words.*,
                exists (
                    from scratch.known_word as known
                    where known.file_no = words.file_no
                        and known.word in (
                            upper(trim(words.clean_value)), upper(trim(words.raw_value)),
                            upper(trim(nfc_normalize(words.clean_value)))
                        )
                ) as is_known
            from words
        ),
        unknown as (
            select told.file_no, told.raw_value
            from told
            inner join judged on told.file_no = judged.file_no
            qualify
                not told.is_known
                and sum(told.n) filter (told.is_known) over (partition by told.file_no)
                >= judged.share * sum(told.n) over (partition by told.file_no)
        )
        select
            rows._file_no as file_no, '{table.name}' as entity, rows._src_row_no as row_no,
            '{column}' as column_name, {found_columns("code_unknown", "code.code_unknown")},
            sha256({raw}) as before_sha256
        from scratch.delivered_{table.name} as rows
        inner join unknown on rows._file_no = unknown.file_no and {raw} = unknown.raw_value
        """
    )


def _find_unknown_diagnoses(connection: Connection, table: Table) -> None:
    path = _seed("terminology__icd_10_block")
    if path is None:
        return
    connection.execute(
        "create or replace table scratch.block as select category_start, category_end "
        f"from read_csv('{path}', header = true, all_varchar = true)"
    )
    code, raw = clean_expression(DIAGNOSIS_CODE, "rows"), f'rows."{DIAGNOSIS_CODE}"'
    connection.execute(
        f"""
        insert into {FOUND} by name
        with codes as (
            select rows._file_no as file_no, {raw} as raw_value, upper(trim({code})) as code, count(*) as n
            from scratch.delivered_{table.name} as rows
            where nullif(trim({code}), '') is not null
            group by all
        ),
        parts as (
            select file_no, raw_value, n, unnest(regexp_split_to_array(code, '[;,/+* ]+')) as part from codes
        ),
        told as (
            select
                parts.file_no, parts.raw_value, any_value(parts.n) as n,
                bool_and(
                    parts.part = '' or regexp_matches(parts.part, '^M?[0-9]')
                    or (
                        regexp_matches(parts.part, '^[A-Z][0-9][0-9A-Z]')
                        and exists (
                            from scratch.block as block
                            where substr(parts.part, 1, 3) between block.category_start and block.category_end
                        )
                    )
                ) as is_known
            from parts
            group by parts.file_no, parts.raw_value
        ),
        unknown as (
            select file_no, raw_value
            from told
            qualify
                not is_known
                and sum(n) filter (is_known) over (partition by file_no)
                >= {KNOWN_SHARE} * sum(n) over (partition by file_no)
        )
        select
            rows._file_no as file_no, '{table.name}' as entity, rows._src_row_no as row_no,
            '{DIAGNOSIS_CODE}' as column_name, {found_columns("code_unknown", "code.diagnosis_unknown")},
            sha256({raw}) as before_sha256
        from scratch.delivered_{table.name} as rows
        inner join unknown on rows._file_no = unknown.file_no and {raw} = unknown.raw_value
        """
    )


def _find_name_mismatches(connection: Connection, table: Table) -> None:
    keywords = diagnosis_keywords()
    if not keywords:
        return
    code, name = clean_expression(DIAGNOSIS_CODE, "rows"), clean_expression(DIAGNOSIS_NAME, "rows")
    verdicts = ", ".join(
        f"case when regexp_matches(name, '{_quoted(words)}') then regexp_matches(code, '{_quoted(codes)}') end"
        for words, codes in keywords
    )
    connection.execute(
        f"""
        insert into {FOUND} by name
        with pairs as (
            select distinct {_raw_pair("rows")}, upper(trim({code})) as code, trim({name}) as name
            from scratch.delivered_{table.name} as rows
            -- one code in the cell, in the shape of ICD-10: which of several the name means is not known
            where regexp_full_match(upper(trim({code})), '[A-Z][0-9][0-9A-Z][0-9A-Z.+*]*') and trim({name}) <> ''
        ),
        judged as (
            select pairs.*, list_filter([{verdicts}], lambda verdict: verdict is not null) as verdicts from pairs
        ),
        mismatched as (
            select * from judged where len(verdicts) > 0 and not list_contains(verdicts, true)
        )
        select
            rows._file_no as file_no, '{table.name}' as entity, rows._src_row_no as row_no,
            '{DIAGNOSIS_CODE}' as column_name, {found_columns("code_name_mismatch", "code.code_name_mismatch")},
            sha256(rows."{DIAGNOSIS_CODE}") as before_sha256
        from scratch.delivered_{table.name} as rows
        inner join mismatched
            on rows."{DIAGNOSIS_CODE}" = mismatched.raw_code and rows."{DIAGNOSIS_NAME}" = mismatched.raw_name
        """
    )


def _raw_pair(relation: str) -> str:
    """Return SQL of the code and name of a diagnosis as they were received."""
    return f'{relation}."{DIAGNOSIS_CODE}" as raw_code, {relation}."{DIAGNOSIS_NAME}" as raw_name'


def _quoted(pattern: str) -> str:
    return pattern.replace("'", "''")
