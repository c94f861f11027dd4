"""Profiles the columns of a table in a few passes: one query of aggregates, the texts read once, frequent values last.

Distinct values of very large tables are counted in a sample that is the same each time, and the profile says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import repeat
from typing import Any

from ingestion.migration.assessment import identity
from ingestion.migration.assessment.dialect import Reader, as_text
from ingestion.migration.assessment.text_census import TextCensus
from ingestion.migration.catalog import Column, Table

SAMPLED_ABOVE = 5_000_000
"""Rows above which distinct values are counted in a sample."""
_SAMPLE = 1_000_000
_COLUMNS_A_QUERY = 40
_GROUPED_BELOW = 10_000
_TOP = 10
_BINS = (0, 4, 8, 16, 32, 64, 128, 256, 1024, 4096)
"""Upper bounds of the classes of lengths."""

Progress = Callable[[int], None]
"""Told how many values were read."""


@dataclass(kw_only=True)
class ColumnFacts:
    """What is known of one column; only `top` and the bounds hold values, and those are fit to be shown."""

    column: Column
    kind: str
    filled: int = 0
    octets: int = 0
    distinct: int = 0
    is_distinct_estimated: bool = False
    least: str | None = None
    greatest: str | None = None
    withheld_range: str | None = None
    texts: int = 0
    """Values stored as text."""
    census: TextCensus | None = None
    byte_lengths: tuple[int, int] | None = None
    days: dict[str, int] = field(default_factory=dict)
    """Rows of each day; as text, since there are days that no calendar has."""
    is_long_number: bool = False
    """Whole numbers of 15 to 18 digits: they may be citizens' numbers."""
    top: list[tuple[str, int]] = field(default_factory=list)
    withheld: str | None = None

    @property
    def is_birth(self) -> bool:
        """Return whether the column holds births."""
        return identity.is_birth(self.column.name, self.column.comment)

    @property
    def empty(self) -> int:
        """Return the rows with an empty text."""
        return self.census.lengths.get(0, 0) if self.census else 0


@dataclass(kw_only=True)
class TableFacts:
    """What is known of one table."""

    table: Table
    rows: int
    columns: dict[str, ColumnFacts]
    sampled_rows: int | None = None
    """Rows of the sample in which distinct values were counted; None when all were."""

    @property
    def octets(self) -> int:
        """Return the bytes of all values."""
        return sum(column.octets for column in self.columns.values())

    def is_unique(self, name: str) -> bool:
        """Return whether a column identifies rows: by declaration, or by all its values being different."""
        facts = self.columns[name]
        if (name,) in (self.table.primary_key, *self.table.unique_keys):
            return True
        return facts.filled == self.rows > 0 and facts.distinct == facts.filled and not facts.is_distinct_estimated


def read_facts(reader: Reader, table: Table) -> TableFacts:
    """Return rows, filled and distinct values and ranges of a table."""
    name = reader.table(table)
    rows = int(reader.source.scalar(f"select count(*) from {name}") or 0)
    facts = TableFacts(
        table=table,
        rows=rows,
        columns={column.name: ColumnFacts(column=column, kind=reader.kind(column)) for column in table.columns},
    )
    if not rows:
        return facts
    is_sampled = rows > SAMPLED_ABOVE
    for part in _parts(list(facts.columns.values())):
        questions = [(facts_, question) for facts_ in part for question in _questions(reader, facts_)]
        questions = [pair for pair in questions if pair[1][0] != "distinct" or not is_sampled]
        for (column, (what, _)), answer in zip(
            questions, _ask(reader, [q for _, (_, q) in questions], name), strict=True
        ):
            _take(column, what, answer)
    if is_sampled:
        _count_distinct_in_sample(reader, facts)
    return facts


def _parts(columns: Sequence[ColumnFacts]) -> Iterator[Sequence[ColumnFacts]]:
    for start in range(0, len(columns), _COLUMNS_A_QUERY):
        yield columns[start : start + _COLUMNS_A_QUERY]


def _ask(reader: Reader, expressions: Sequence[str], relation: str) -> tuple[Any, ...]:
    return reader.source.rows(f"select {', '.join(expressions)} from {relation}")[0]


def _questions(reader: Reader, facts: ColumnFacts) -> Iterator[tuple[str, str]]:
    """Yield what to ask about a column and the aggregate that answers it."""
    name, kind = reader.column(facts.column.name), facts.kind
    yield "filled", f"count({name})"
    yield "octets", f"sum({reader.octets(name, kind)})"
    yield "distinct", f"count(distinct {reader.distinct(name, kind)})"
    if reader.sql == "sqlite":
        yield "texts", f"sum({reader.is_text_value(name)})"
    if kind in ("integer", "decimal"):
        number = reader.plain_number(facts.column, reader.number(name))
        yield "least number", f"min({number})"
        yield "greatest number", f"max({number})"
    elif kind in ("day", "instant"):
        yield "least", reader.least_moment("min", name)
        yield "greatest", reader.least_moment("max", name)
    elif kind in ("binary", "document"):
        length = reader.length(name, kind)
        yield "shortest", f"min({length})"
        yield "longest", f"max({length})"


def _take(facts: ColumnFacts, what: str, answer: Any) -> None:
    if what in ("filled", "octets", "distinct", "texts"):
        setattr(facts, what, int(answer or 0))
    elif what in ("least", "greatest"):
        setattr(facts, what, as_text(answer))
    elif what in ("least number", "greatest number"):
        setattr(facts, what.split()[0], plain_number(answer))
    elif what == "shortest" and answer is not None:
        facts.byte_lengths = (int(answer), int(answer))
    elif what == "longest" and answer is not None and facts.byte_lengths:
        facts.byte_lengths = (facts.byte_lengths[0], int(answer))


def _count_distinct_in_sample(reader: Reader, facts: TableFacts) -> None:
    """Estimate distinct values from a sample: where nearly all of them differ in it, they do outside too."""
    columns = list(facts.columns.values())
    sample = reader.sample(facts.table, facts.rows, _SAMPLE)
    for part in _parts(columns):
        expressions = ["count(*)"]
        for column in part:
            name = reader.column(column.column.name)
            expressions += [f"count({name})", f"count(distinct {reader.distinct(name, column.kind)})"]
        sampled, *answers = (int(answer or 0) for answer in _ask(reader, expressions, sample))
        facts.sampled_rows = sampled
        for column, filled, distinct in zip(part, answers[::2], answers[1::2], strict=True):
            column.is_distinct_estimated = True
            is_nearly_unique = filled and distinct >= 0.95 * filled
            column.distinct = round(column.filled * distinct / filled) if is_nearly_unique else distinct


def plain_number(value: Any) -> str | None:
    """Return a number as the same digits for every engine; None for what is none."""
    if value is None or isinstance(value, bool):
        return None if value is None else str(int(value))
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return f"{number.normalize():f}" if number else "0"


def settle_ranges(facts: TableFacts) -> None:
    """Take away the bounds that would identify somebody, and leave of births only the year."""
    for column in facts.columns.values():
        name, comment = column.column.name, column.column.comment
        if column.kind in ("integer", "decimal") and column.greatest is not None:
            size = max(abs(Decimal(bound)) for bound in (column.least, column.greatest) if bound is not None)
            column.is_long_number = column.kind == "integer" and 10**14 <= size < 10**18
            column.withheld_range = identity.withhold_range(name=name, comment=comment, greatest=float(size))
            if column.withheld_range:
                column.least = column.greatest = None
        elif column.kind in ("day", "instant") and column.is_birth:
            column.least, column.greatest = (bound and bound[:4] for bound in (column.least, column.greatest))


def read_texts(reader: Reader, facts: TableFacts, today: date, progress: Progress = lambda _: None) -> None:
    """Read every text of a table once: values of few kinds grouped by the engine, the others as they come."""
    wanted = [column for column in facts.columns.values() if _is_read_as_text(reader, column)]
    for column in wanted:
        column.census = TextCensus(today, is_birth=column.is_birth)
    plain = []
    for column in wanted:
        if (
            column.distinct <= _GROUPED_BELOW
            and 10 * column.distinct <= column.filled
            and not column.is_distinct_estimated
        ):
            _read_grouped(reader, facts.table, column)
            progress(column.filled)
        else:
            plain.append(column)
    if not plain:
        return
    names = ", ".join(_plain_text(reader, column) for column in plain)
    for batch in reader.source.batches(f"select {names} from {reader.table(facts.table)}"):
        for column, values in zip(plain, zip(*batch, strict=True), strict=True):
            assert column.census is not None
            column.census.add(map(as_text, values), repeat(1))
        progress(len(batch) * len(plain))


def _is_read_as_text(reader: Reader, column: ColumnFacts) -> bool:
    if not column.filled:
        return False
    if column.kind == "text" or column.is_long_number:
        return True
    # in SQLite a column holds what it was given; days and numbers of a dump are all text
    return column.texts > 0 and not reader.is_text_only and column.kind in ("integer", "decimal", "other")


def _plain_text(reader: Reader, column: ColumnFacts) -> str:
    name = reader.column(column.column.name)
    if reader.sql == "postgresql":
        return f"{name}::text"
    if reader.sql == "mysql":
        return f"convert({name} using utf8mb4)"
    if reader.sql == "sqlite" and column.is_long_number:
        return f"cast({name} as text)"
    return f"case when typeof({name}) = 'text' then {name} end" if reader.sql == "sqlite" else name


def _read_grouped(reader: Reader, table: Table, column: ColumnFacts) -> None:
    name = reader.column(column.column.name)
    group = reader.text(name, column.kind)
    condition = reader.is_text_value(name) if not column.is_long_number else f"{name} is not null"
    query = f"select {group}, count(*) from {reader.table(table)} where {condition} group by {group}"
    rows = reader.source.rows(query)
    assert column.census is not None
    column.census.add((as_text(value) for value, _ in rows), (int(count) for _, count in rows))


def read_days(reader: Reader, facts: TableFacts) -> None:
    """Count the rows of each day of the columns that were declared to hold days."""
    for column in facts.columns.values():
        if column.kind not in ("day", "instant") or not column.filled:
            continue
        name = reader.column(column.column.name)
        day = reader.day(name)
        rows = reader.source.rows(
            f"select {day}, count(*) from {reader.table(facts.table)} where {name} is not null group by {day}"
        )
        column.days = {str(as_text(value)): int(count) for value, count in rows if value is not None}


def read_top_values(reader: Reader, facts: TableFacts, keys: frozenset[str], least: int) -> None:
    """Fill in the frequent values of the columns whose values may be shown."""
    for column in facts.columns.values():
        if column.kind not in ("text", "integer", "decimal") or not column.filled:
            continue
        census = column.census
        column.withheld = identity.withhold_values(
            table=facts.table.name,
            table_comment=facts.table.comment,
            name=column.column.name,
            comment=column.column.comment,
            filled=column.filled,
            distinct=column.distinct,
            is_key=column.column.name in keys,
            looks=census.looks() if census else identity.Looks(),
        )
        if column.withheld is None:
            _read_top(reader, facts.table, column, least)


def _read_top(reader: Reader, table: Table, column: ColumnFacts, least: int) -> None:
    name = reader.column(column.column.name)
    is_text = column.kind == "text"
    group = reader.text(name) if is_text else reader.plain_number(column.column, reader.number(name))
    query = (
        f"select {group}, count(*) from {reader.table(table)} where {name} is not null "
        f"group by {group} having count(*) >= {least} order by count(*) desc, {group}"
    )
    rows = reader.source.rows(reader.limited(query, _TOP))
    shown = as_text if is_text else plain_number
    found = [(shown(value), int(count)) for value, count in rows]
    column.top = sorted(
        ((value, count) for value, count in found if value is not None), key=lambda pair: (-pair[1], pair[0])
    )


def describe(facts: TableFacts, column: ColumnFacts) -> dict[str, Any]:
    """Return a column's profile as it stands in assessment.json."""
    profile: dict[str, Any] = {
        "kind": column.kind,
        "rows": facts.rows,
        "nulls": facts.rows - column.filled,
        "null_share": _share(facts.rows - column.filled, facts.rows),
        "bytes": column.octets,
        "distinct": column.distinct,
        "is_distinct_estimated": column.is_distinct_estimated,
    }
    if column.census:
        lengths = column.census.lengths
        profile["empty"] = column.empty
        if lengths:
            profile["length"] = {"min": min(lengths), "max": max(lengths), "classes": _classes(lengths)}
    if column.byte_lengths:
        profile["length"] = {"min": column.byte_lengths[0], "max": column.byte_lengths[1]}
    if column.kind in ("integer", "decimal", "day", "instant"):
        profile |= {"min": column.least, "max": column.greatest, "range_withheld": column.withheld_range}
    if column.kind in ("text", "integer", "decimal"):
        rows = sum(count for _, count in column.top)
        profile["top_values"] = [{"value": value, "rows": count} for value, count in column.top]
        profile["top_share"] = _share(rows, column.filled)
        profile["top_values_withheld"] = column.withheld
    return profile


def _classes(lengths: dict[int, int]) -> dict[str, int]:
    """Return the rows of each class of lengths that has any."""
    found: dict[str, int] = {}
    for low, high in zip((-1, *_BINS), (*_BINS, None), strict=True):
        rows = sum(count for length, count in lengths.items() if length > low and (high is None or length <= high))
        if rows:
            found[f"{low + 1}+" if high is None else ("0" if high == 0 else f"{low + 1}-{high}")] = rows
    return found


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
