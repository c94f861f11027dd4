"""Measures what the cleaning rules would change in the migrated tables: rows before and after, and masked samples.

1. One query a table tells the classes of its columns of text, by the share of their values.
2. One query sends every column through its rules, in the order and the very SQL of the staging draft, and counts for
   each rule the rows it met and those for which it would still be true on the final value.
3. Where a rule changes a column of the key, keys that were different must stay different.

Tables of many columns are asked in groups of columns, so each column is read twice however many rules there are.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingestion.migration import books
from ingestion.migration.cleaning.rules import Rule, RuleBook, classes_of_type, read_rules
from ingestion.migration.plan import SCHEMA, ColumnPlan, Plan, TablePlan
from lakehouse.lake import Connection, open_lake
from lakehouse.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with a table, tables done and tables in all."""
Choices = Mapping[str, Mapping[str, bool]]
"""table.column to rules that are applied there, or not, against their default."""

LEAST_ROWS_OF_SAMPLE = 5
_SAMPLES = 3
_SAMPLED_ROWS = 60
_SAMPLED_CHARACTERS = 12
_COLUMNS_PER_QUERY = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleCount:
    """What one rule met in one column."""

    column: str
    """Name in `raw_legacy`."""
    rule: Rule
    is_applied: bool
    before: int
    after: int
    """Rows for which the rule is still true after all rules that are applied; 0 unless it only reports."""
    samples: tuple[tuple[str, str | None], ...] = ()
    """Masked values before and after; None is NULL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableMeasure:
    """What the rules met in one table."""

    target: str
    rows: int
    classes: Mapping[str, tuple[str, ...]]
    """Classes by column; columns that no rule is about have none."""
    counts: tuple[RuleCount, ...]
    """Of every rule of every column, also of those that met nothing; columns in their order."""
    lost_keys: int = 0
    """Keys that become equal to another by cleaning."""

    def applied(self, column: str) -> list[Rule]:
        """Return the rules that change values of a column, in their order."""
        return [
            count.rule
            for count in self.counts
            if count.column == column and count.before and count.is_applied and count.rule.expression
        ]


def measure(
    settings: Settings, plan: Plan, *, choices: Choices | None = None, progress: Progress | None = None
) -> list[TableMeasure]:
    """Return what the rules met in every table of the plan that was loaded, in the order of the plan."""
    measures = []
    with open_lake(settings, ("raw",), read_only=True) as connection:
        present = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'raw' and schema_name = $1", [SCHEMA]
            ).fetchall()
        }
        tables = [table for table in plan.tables if table.target in present]
        for done, table in enumerate(tables, start=1):
            measures.append(measure_table(connection, table, read_rules(), choices or {}))
            if progress:
                progress(table.target, done, len(tables))
    return measures


def measure_table(connection: Connection, table: TablePlan, book: RuleBook, choices: Choices) -> TableMeasure:
    """Return what the rules met in one table of the zone."""
    rows, classes = _classify(connection, table, book)
    lines = [
        _Line(column=column, rules=_chosen(book.rules_of(classes[column.target_name]), table, column, choices))
        for column in table.columns
        if classes[column.target_name]
    ]
    counts: list[RuleCount] = []
    for first in range(0, len(lines), _COLUMNS_PER_QUERY):
        counts += _count(connection, table, lines[first : first + _COLUMNS_PER_QUERY])
    measured = TableMeasure(target=table.target, rows=rows, classes=classes, counts=tuple(counts))
    lost = _lost_keys(connection, table, measured)
    return TableMeasure(target=table.target, rows=rows, classes=classes, counts=tuple(counts), lost_keys=lost)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """A column with its rules, each with whether it is applied."""

    column: ColumnPlan
    rules: list[tuple[Rule, bool]]


def _chosen(rules: Sequence[Rule], table: TablePlan, column: ColumnPlan, choices: Choices) -> list[tuple[Rule, bool]]:
    chosen = choices.get(f"{table.target}.{column.target_name}", {})
    return [(rule, chosen.get(rule.name, rule.by_default)) for rule in rules]


def _classify(connection: Connection, table: TablePlan, book: RuleBook) -> tuple[int, dict[str, tuple[str, ...]]]:
    """Return the rows of a table and the classes of each column."""
    classes = {column.target_name: classes_of_type(column.target_type) for column in table.columns}
    texts = [name for name, found in classes.items() if found == ("text",)]
    rows = 0
    for first in range(0, max(1, len(texts)), _COLUMNS_PER_QUERY):
        names = texts[first : first + _COLUMNS_PER_QUERY]
        parts = ["count(*)"]
        for name in map(books.quoted, names):
            parts.append(f"count(*) filter (trim({name}) <> '')")
            parts += [f"count(*) filter ({test.is_true(name)})" for test in book.tests.values()]
        row = connection.execute(f"select {', '.join(parts)} from {books.target_table(table)}").fetchone()
        assert row is not None
        rows, width = int(row[0]), len(book.tests) + 1
        for place, name in enumerate(names):
            filled, *hits = row[1 + place * width : 1 + (place + 1) * width]
            classes[name] += tuple(
                class_name
                for (class_name, test), count in zip(book.tests.items(), hits, strict=True)
                if filled and count >= test.share * filled
            )
    return rows, classes


def _count(connection: Connection, table: TablePlan, lines: Sequence[_Line]) -> list[RuleCount]:
    """Send columns through their rules and return what each met."""
    steps = [
        "step_0 as (select rowid as row_place, "
        + ", ".join(f"{books.quoted(line.column.target_name)} as c{place}" for place, line in enumerate(lines))
        + f" from {books.target_table(table)})"
    ]
    values, samples = [f"c{place}" for place in range(len(lines))], []
    numbers = max(len(line.rules) for line in lines)
    for step in range(numbers):
        running = [(place, *line.rules[step]) for place, line in enumerate(lines) if step < len(line.rules)]
        hits = ", ".join(f"{rule.is_true(values[place])} as hit_{place}_{step}" for place, rule, _ in running)
        steps.append(f"hits_{step} as (select *, {hits} from step_{step})")
        parts = ["*"]
        for place, rule, is_applied in running:
            before = values[place]
            if is_applied and rule.expression:
                values[place] = f"v{place}_{step}"
                parts.append(f"{rule.cleaned(before, f'hit_{place}_{step}')} as {values[place]}")
            samples.append(_sample(place, step, before, values[place]))
        steps.append(f"step_{step + 1} as (select {', '.join(parts)} from hits_{step})")
    counts = []
    for place, line in enumerate(lines):
        # where no rule met anything, nothing has changed
        any_hit = " or ".join(f"hit_{place}_{step}" for step in range(len(line.rules)))
        for step, (rule, _) in enumerate(line.rules):
            counts.append(f"count(*) filter (hit_{place}_{step}) as before_{place}_{step}")
            still_true = f"case when {any_hit} then {rule.is_true(values[place])} else false end"
            counts.append(f"count(*) filter ({still_true}) as after_{place}_{step}")
    query = f"with {', '.join(steps)} select {', '.join(counts + samples)} from step_{numbers}"
    result = connection.execute(query)
    names = [description[0] for description in result.description or []]
    row = result.fetchone()
    found = dict(zip(names, row or (), strict=True))
    return [
        RuleCount(
            column=line.column.target_name,
            rule=rule,
            is_applied=is_applied,
            before=int(found[f"before_{place}_{step}"]),
            after=int(found[f"after_{place}_{step}"]),
            samples=_masked_samples(found[f"before_{place}_{step}"], found[f"sample_{place}_{step}"]),
        )
        for place, line in enumerate(lines)
        for step, (rule, is_applied) in enumerate(line.rules)
    ]


def _sample(place: int, step: int, before: str, after: str) -> str:
    # spread over the table, and the same rows whenever the table is the same; what stands in a filter's aggregate is
    # computed for every row, hence the case
    hit = f"hit_{place}_{step}"
    pair = f"case when {hit} then {{'b': {_ends(before)}, 'a': {_ends(after)}}} end"
    return f"arg_min({pair}, hash(row_place), {_SAMPLED_ROWS}) filter ({hit}) as sample_{place}_{step}"


def _ends(value: str) -> str:
    text, length = f"cast({value} as varchar)", _SAMPLED_CHARACTERS
    return (
        f"case when length({text}) > {2 * length} then left({text}, {length}) || '…' || right({text}, {length}) "
        f"else {text} end"
    )


def _masked_samples(
    rows: int, sampled: Sequence[Mapping[str, str | None]] | None
) -> tuple[tuple[str, str | None], ...]:
    if rows < LEAST_ROWS_OF_SAMPLE or not sampled:
        return ()
    pairs = Counter((mask(pair["b"]) or "", mask(pair["a"])) for pair in sampled)
    return tuple(pair for pair, _ in sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))[:_SAMPLES])


def _lost_keys(connection: Connection, table: TablePlan, measured: TableMeasure) -> int:
    """Return how many different keys become equal to another when the columns of the key are cleaned."""
    key = [table.column(name).target_name for name in table.key]
    if not any(measured.applied(name) for name in key):
        return 0
    old = ", ".join(f"'{place}', {books.quoted(name)}" for place, name in enumerate(key))
    steps, last = cleaning_steps([(name, measured.applied(name)) for name in key], books.target_table(table))
    row = connection.execute(
        f"{steps} select (select count(distinct json_object({old})) from {books.target_table(table)}) "
        f"- count(distinct json_object({old})) from {last}"
    ).fetchone()
    return int(row[0]) if row else 0


def cleaning_steps(columns: Sequence[tuple[str, Sequence[Rule]]], relation: str) -> tuple[str, str]:
    """Return a WITH clause of one step a rule, and the name of its last step; columns keep their names."""
    steps, last = [f"source as (\n    select * from {relation}\n)"], "source"
    for rule in read_rules().rules:
        touched = [name for name, rules in columns if rule in rules]
        if not touched:
            continue
        parts = ",\n".join(f"        {rule.cleaned(books.quoted(name))} as {books.quoted(name)}" for name in touched)
        steps.append(f"{rule.name} as (\n    select * replace (\n{parts}\n    ) from {last}\n)")
        last = rule.name
    return "with " + ",\n\n".join(steps), last


def mask(value: str | None) -> str | None:
    """Return a value of which only the shape is left: digits 9, Han 文, letters a and A, blanks and marks visible."""
    return None if value is None else "".join(map(_mask_character, value))


def _mask_character(character: str) -> str:
    category = unicodedata.category(character)
    is_wide = "\uff01" <= character <= "\uff5e"
    if category in ("Nd", "Nl", "No"):
        return "９" if is_wide else "9"
    if category in ("Lu", "Lt"):
        return "Ａ" if is_wide else "A"
    if category in ("Ll", "Mn", "Mc"):
        return "ａ" if is_wide else "a"
    if category[0] == "L" or category in ("Co", "Cn"):
        return "文"
    if character == " ":
        return "·"
    if category[0] in "CZ":
        return f"〈{ord(character):04X}〉"
    return "※" if category == "So" else character
