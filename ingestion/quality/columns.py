"""Judges the values of one column of the waiting rows, each different value once, and notes answers and defects."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ingestion.mapping import FileMapping
from ingestion.quality import profiles
from ingestion.quality.forms import Facts, normal_form
from ingestion.quality.forms.dates import is_open_end
from ingestion.quality.forms.screens import literal, odd_expression
from ingestion.quality.forms.texts import LIMITS
from lakehouse.contract import Column, Table, clean_expression
from lakehouse.lake import Connection, append_arrow

ENTRY = "scratch.clean_entry"
FOUND = "scratch.clean_found"
JUDGED = "scratch.clean_judged"
_STAFF = frozenset({"physician", "reporter", "verifier", "requester", "referring_physician", "examiner", "signed_by"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A table of waiting rows on its way through the door."""

    connection: Connection
    table: Table
    files: Mapping[int, FileMapping]
    today: date
    group: str = "_file_no"
    """SQL of the number under which the files of a row are judged together: its own file's, if that is no small one."""
    used: set[str] = field(default_factory=set)
    """Columns that hold anything."""
    long_texts: set[str] = field(default_factory=set)
    """Columns with texts so long that they may have been cut off."""
    cleaned: set[str] = field(default_factory=set)
    """Columns that `_clean` of any row names, once it is filled."""

    @property
    def name(self) -> str:
        """Return the name of the waiting table."""
        return f"scratch.delivered_{self.table.name}"

    def clean(self, column: str, relation: str = "") -> str:
        """Return SQL of a column as the door left it, once `_clean` is filled."""
        return left_expression(column, self.cleaned, relation)

    def missing(self, file_no: int) -> frozenset[str]:
        """Return the further words for no value of a file's mapping."""
        mapping = self.files.get(file_no)
        return frozenset(word.strip().lower() for word in mapping.missing) if mapping else frozenset()

    def all_missing(self) -> frozenset[str]:
        """Return the further words for no value of all mappings."""
        return frozenset().union(*(self.missing(number) for number in self.files))

    def codes(self, file_no: int, column: str) -> Mapping[str, str]:
        """Return the value map of a file's mapping for a column."""
        mapping = self.files.get(file_no)
        return mapping.codes.get(column, {}) if mapping else {}

    def used_columns(self) -> list[Column]:
        """Return the columns that have a form and hold anything; remember which hold long texts."""
        columns = [column for column in self.table.columns if column.meta.get("form") and column.data_type == "varchar"]
        parts = ", ".join(f'max(strlen("{column.name}"))' for column in columns)
        longest = self.connection.execute(f"select {parts} from {self.name}").fetchone() if columns else None
        bytes_of = {column.name: size for column, size in zip(columns, longest or (), strict=True) if size}
        self.used.update(bytes_of)
        self.long_texts.update(name for name, size in bytes_of.items() if size >= LIMITS[0] - 2)
        return [column for column in columns if column.name in bytes_of]

    def odd(self, column: Column) -> str:
        """Return SQL for the values of a column that need a closer look, blank ones left out."""
        name = f'"{column.name}"'
        odd = odd_expression(
            str(column.meta["form"]),
            name,
            missing=self.all_missing(),
            tomorrow=None if column.meta.get("future") else (self.today + timedelta(days=1)).isoformat(),
            limits=limits_of(column),
            is_long=column.name in self.long_texts,
        )
        # of `and` DuckDB computes both sides for all rows where it selects none by it; few values need the trimming
        return f"(case when {name} is null then false when {odd} then trim({name}) <> '' else false end)"


def left_expression(column: str, cleaned: Collection[str], relation: str = "") -> str:
    """Return SQL of a column as the door left it, where `cleaned` are all columns it wrote otherwise in any row.

    It says the same as clean_expression, and does not search `_clean` of each row for what is nowhere in it.
    """
    if column in cleaned:
        return clean_expression(column, relation)
    return f'{relation}."{column}"' if relation else f'"{column}"'


def limits_of(column: Column) -> tuple[float | None, float | None]:
    """Return the plausible limits of a column from its contract (`meta.range`: lo..hi)."""
    text = str(column.meta.get("range") or "")
    low, _, high = text.partition("..")
    try:
        return float(low), float(high)
    except ValueError:
        return None, None


Counts = dict[int, tuple[int, int, int]]
"""By file: values that are not blank, odd ones, and ordinary ones that still differ from their normal form."""


def clean_column(
    waiting: Waiting,
    column: Column,
    filled: Counts,
    *,
    odd: str | None = None,
    shapes: Mapping[int, tuple[str, ...]] | None = None,
) -> None:
    """Judge the odd values of one column; `odd` is SQL for them where the screen alone does not tell."""
    form = str(column.meta["form"])
    odd = odd or waiting.odd(column)
    by_file: dict[int, list[tuple[str, int]]] = {}
    for file_no, value, count in waiting.connection.execute(
        f'select {waiting.group}, "{column.name}", count(*) from {waiting.name} where {odd} group by all order by all'
    ).fetchall():
        by_file.setdefault(file_no, []).append((value, count))
    judged: list[dict[str, Any]] = []
    longest = _longest_texts(waiting, column) if form in ("text", "document") else {}
    # only a column with zeros is compared with the cards
    has_zero = form == "sex" and any(value.strip() == "0" for values in by_file.values() for value, _ in values)
    cards = _sexes_by_card(waiting, column) if has_zero else {}
    for file_no, values in by_file.items():
        facts = facts_of(waiting, column, file_no, values)
        facts = replace(facts, shapes=(shapes or {}).get(file_no, ()), longest=longest.get(file_no))
        if form == "sex":
            known = [(value, count) for value, count in values if value.strip() not in facts.codes]
            facts = replace(facts, zero_is_female=profiles.is_zero_female(known, cards.get(file_no, {})))
        judged += judge_values(form, file_no, values, facts, filled[file_no][0])
    if column.required:
        judged = [keep_required(answer) for answer in judged]
    write_judged(waiting, judged, f'delivered."{column.name}" = judged.value', column.name, form)


def facts_of(waiting: Waiting, column: Column, file_no: int, values: profiles.Counted) -> Facts:
    """Return what the values of a column of one file say about it."""
    form = str(column.meta["form"])
    low, high = limits_of(column)
    codes = waiting.codes(file_no, column.name)
    usual: frozenset[str] = frozenset()
    if form == "sex":
        usual = profiles.usual_sexes(values, codes)
    elif form == "age":
        usual = profiles.usual_ages(values)
    elif form in ("icd_10", "icd_9_cm_3"):
        usual = profiles.usual_codes(form, values)
    elif form == "gestational_age":
        usual = profiles.usual_weeks(values)
    elif form == "weight_g":
        usual = profiles.usual_weights(values)
    elif form == "unit":
        spelled: dict[str, int] = {}
        for value, count in values:
            spelled[value.strip()] = spelled.get(value.strip(), 0) + count
        usual = frozenset(unit for unit, count in spelled.items() if count >= 3) or profiles.usual_of(spelled)
    return Facts(
        missing=waiting.missing(file_no),
        usual=usual,
        codes=codes,
        low=low,
        high=high,
        is_patient=column.name not in _STAFF,
        today=None if column.meta.get("future") else waiting.today,
    )


def _longest_texts(waiting: Waiting, column: Column) -> dict[int, tuple[int, int]]:
    """Return, by file, the most bytes a text has in GBK and in UTF-8."""
    name = f'"{column.name}"'
    rows = waiting.connection.execute(
        f"select {waiting.group}, max((strlen({name}) + length({name})) // 2), max(strlen({name})) "
        f"from {waiting.name} where {name} is not null group by all"
    ).fetchall()
    return {file_no: (gbk, utf_8) for file_no, gbk, utf_8 in rows}


def _sexes_by_card(waiting: Waiting, column: Column) -> dict[int, dict[tuple[str, bool], int]]:
    """Count, by file, values for sex beside identity cards whose 17th digit is odd (male) or even."""
    counts: dict[int, dict[tuple[str, bool], int]] = {}
    if "citizen_id" not in waiting.used:
        return counts
    for file_no, value, odd, count in waiting.connection.execute(
        f'select {waiting.group}, trim("{column.name}"), try_cast(citizen_id[17] as integer) % 2 = 1, count(*) '
        f"from {waiting.name} where regexp_full_match(citizen_id, '[1-9][0-9]{{16}}[0-9Xx]') group by all"
    ).fetchall():
        counts.setdefault(file_no, {})[value, odd] = count
    return counts


def judge_values(
    form: str, file_no: int, values: profiles.Counted, facts: Facts, total: int
) -> Iterator[dict[str, Any]]:
    """Yield the answer for each value of a file that is not in normal form or has a defect.

    Kinds that the column shows throughout are its way of writing and are left out.
    """
    answers = [
        (value, count, normal_form(form, value, facts))
        for value, count in values
        # a value of the mapping's value map is known, whatever it looks like
        if form == "sex" or (value not in facts.codes and value.strip() not in facts.codes)
    ]
    seen: dict[str, int] = {}
    for _, count, normal in answers:
        for kind in normal.kinds:
            seen[kind] = seen.get(kind, 0) + count
    silent = {kind for kind, count in seen.items() if profiles.is_convention(form, kind, count, max(total, 1))}
    # a column of words is no column of numbers, whatever the contract hoped
    is_wordy = form == "number" and profiles.is_throughout(seen.get("value_unparseable", 0), total)
    open_ends = sum(count for value, count, normal in answers if is_open_end(value))
    is_filler = form == "timestamp" and profiles.is_frequent(open_ends, total)
    for value, _, normal in answers:
        kinds = [kind for kind in normal.kinds if kind not in silent]
        if is_filler and is_open_end(value):
            # what has not ended yet is filled with the last day there is
            kinds = [kind for kind in kinds if kind != "date_sentinel"]
        if is_wordy and "value_unparseable" in kinds:
            continue
        if kinds or normal.value != value:
            yield {
                "file_no": file_no,
                "value": value,
                "normal": normal.value,
                "is_changed": normal.value != value,
                "kinds": kinds,
            }


def keep_required(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer for a column a row cannot do without: a value of no use is told, and stands as received."""
    return answer | {"is_changed": False} if answer["normal"] is None else answer


_JUDGED_TYPES = {
    "file_no": pa.int32(), "value": pa.string(), "normal": pa.string(), "is_changed": pa.bool_(),
    "kinds": pa.list_(pa.string()),
}  # fmt: skip


def write_judged(
    waiting: Waiting,
    judged: Sequence[Mapping[str, Any]],
    condition: str,
    column: str,
    form: str,
    extra: Mapping[str, pa.DataType] | None = None,
) -> None:
    """Join answers back to the rows they belong to: entries of `_clean`, and defects."""
    if not judged:
        return
    types = _JUDGED_TYPES | dict(extra or {})
    rows = pa.table({name: pa.array([row[name] for row in judged], kind) for name, kind in types.items()})
    waiting.connection.execute(
        f"create or replace table {JUDGED} (file_no integer, value varchar, normal varchar, is_changed boolean, "
        f"kinds varchar[]{''.join(f', {name} varchar' for name in extra or {})})"
    )
    append_arrow(waiting.connection, JUDGED, rows)
    joined = f"{waiting.name} as delivered inner join {JUDGED} as judged on {waiting.group} = judged.file_no"
    waiting.connection.execute(
        f"insert into {ENTRY} select delivered.rowid, {literal(column)}, judged.normal from {joined} "
        f"and {condition} where judged.is_changed"
    )
    waiting.connection.execute(
        f"insert into {FOUND} select delivered.rowid, {literal(column)}, unnest(judged.kinds), {literal(form)} "
        f"from {joined} and {condition} where len(judged.kinds) > 0"
    )
