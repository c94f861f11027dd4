"""Counts, for every column of a load, what its missing-value policy and its plausible range concern.

    missing   no value was received: empty, blanks, or a word that means none here (`missing:` of the mapping)
    unusable  a value was received and none could be made of it: the door set it to null
    range     a number lies outside `meta.range` of the contract, in `meta.unit`

Each is counted before the door (as received) and after it (as left), so that a report can show what cleaning did. The
policies: a missing value stays missing and is never filled in; an unusable one becomes null and is an issue; a number
outside its range is kept and flagged, since the reader decides whether the patient or the typist was extreme.
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from ingestion.mapping import FileMapping
from ingestion.quality.columns import left_expression
from lakehouse.contract import Column, Table
from lakehouse.lake import Connection

COUNTS = "scratch.quality_count"
POLICIES = {"missing": "keep_null", "unusable": "null_flag", "range": "keep_flag"}
MISSING_WORDS = ("NULL", "\\N", "N/A", "NA", "-", "—", "/", "不详", "未知", "无")
"""Words for no value anywhere; `无` is a value in a free text, and is not counted there."""
_TEXT_FORMS = {"text", "document", "lab_value", "boolean", "word", "sex"}


def plausible_range(column: Column) -> tuple[float, float] | None:
    """Return the limits `lo..hi` of a column's contract, if it has any."""
    low, dots, high = str(column.meta.get("range") or "").partition("..")
    if not dots:
        return None
    return (float(low) if low else float("-inf"), float(high) if high else float("inf"))


def create_count_table(connection: Connection) -> None:
    """Create the empty table of counts of a load."""
    connection.execute(f"create or replace table {COUNTS} as select * from raw.raw_ledger.quality_count limit 0")


def count_policies(
    connection: Connection,
    table: Table,
    files: Mapping[int, FileMapping],
    *,
    cleaned: Collection[str],
    batch_id: str,
    counted_at: datetime,
) -> None:
    """Add the counts of one raw table to `scratch.quality_count`: one pass over the waiting rows.

    `cleaned` are the columns that `_clean` of any row names.
    """
    mappings = [mapping for mapping in files.values() if mapping.entity in ("", table.name)]
    words = {word.strip() for mapping in mappings for word in mapping.missing}
    delivered = {name for mapping in mappings for name in (*mapping.columns, *mapping.constants)}
    columns = [
        column
        for column in table.columns
        if column.data_type == "varchar" and (not delivered or column.name in delivered)
    ]
    if not columns:
        return
    aggregates, names = [], []
    for column in columns:
        for rule, before, after in _conditions(column, words, cleaned):
            names.append((column.name, rule))
            aggregates += [f"count(*) filter (where {before})", f"count(*) filter (where {after})"]
    row = connection.execute(f"select count(*), {', '.join(aggregates)} from scratch.delivered_{table.name}").fetchone()
    assert row
    rows = [
        (batch_id, table.source, table.name, column, rule, POLICIES[rule], row[0], row[2 * n + 1], row[2 * n + 2],
         counted_at)
        for n, (column, rule) in enumerate(names)
    ]  # fmt: skip
    connection.executemany(
        f"insert into {COUNTS} (batch_id, source, entity, column_name, rule_id, policy, row_count, before_count, "
        "after_count, counted_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        rows,
    )


def _conditions(column: Column, words: set[str], cleaned: Collection[str]) -> list[tuple[str, str, str]]:
    """Return rule, SQL condition as received, SQL condition as left, of one column."""
    raw, clean = f'"{column.name}"', left_expression(column.name, cleaned)
    usual = () if column.meta.get("form") in _TEXT_FORMS else MISSING_WORDS
    spellings = {spelling for word in (*usual, *words) for spelling in (word, word.lower(), word.capitalize())}
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in sorted({"", *spellings}))
    longest = max((len(word.encode()) for word in spellings), default=0)
    # what begins with no mark, digit or letter may be blank; few values need trimming or a search (strlen: bytes),
    # and a case looks at those only, where `or` computes both sides for all
    is_missing = (
        f"(case when {raw} is null then true when {raw} < '!' then trim({raw}) = '' or {raw} in ({listed}) "
        f"when strlen({raw}) <= {longest} then {raw} in ({listed}) else false end)"
    )
    is_left_missing = f"(case when {clean} is null then true when {clean} < '!' then trim({clean}) = '' else false end)"
    is_unusable = (
        f"(case when _clean is null or {clean} is not null then false else not {is_missing} end)"
        if column.name in cleaned
        else "false"
    )
    found = [
        ("missing", is_missing, is_left_missing),
        ("unusable", "false", is_unusable),
    ]
    limits = plausible_range(column)
    if limits:
        low, high = limits
        bounds = " or ".join(
            condition
            for condition, applies in ((f"{{}} < {low}", low > float("-inf")), (f"{{}} > {high}", high < float("inf")))
            if applies
        )
        found.append(
            (
                "range",
                bounds.replace("{}", f"try_cast({raw} as double)"),
                bounds.replace("{}", f"try_cast({clean} as double)"),
            )
        )
    return found


def write_counts(connection: Connection) -> None:
    """Append the counts of a load to the books, in a transaction of the caller."""
    connection.execute(
        f"insert into raw.raw_ledger.quality_count by name select * from {COUNTS} order by entity, column_name, rule_id"
    )
