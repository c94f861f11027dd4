"""Finds relations, declared and implied, and counts the rows that point to nothing.

A declared relation is judged as it was declared. An implied one needs a hint by name or comment, a referenced column
whose values are unique, types that go together, and values of which nine in ten are found; NULL, zero and the empty
text point nowhere and count for nothing.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from ingestion.migration.assessment.dialect import Reader
from ingestion.migration.assessment.profile import ColumnFacts, TableFacts
from ingestion.migration.assessment.relation_names import Hint, TableNames
from ingestion.migration.catalog import ForeignKey

_LEAST_INCLUSION = 0.9
_LONGEST_KEY = 128
_ORDER = ("comment", "name", "shared_key", "comment_name", "parent", "role", "shared_name")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """Columns of one table that point to columns of another; counts are of rows and of different values that point."""

    schema: str
    table: str
    columns: tuple[str, ...]
    referenced_schema: str
    referenced_table: str
    referenced_columns: tuple[str, ...]
    rows: int
    orphans: int
    values: int
    orphan_values: int
    name: str = ""
    """Of a declared relation."""
    evidence: str = ""
    """Of an implied relation: what hinted at it."""
    confidence: str = ""
    """high, medium or low."""

    @property
    def inclusion(self) -> float | None:
        """Return the share of values that are found, or of rows when that is more; None when nothing points."""
        if not self.values:
            return None
        return max(1 - self.orphan_values / self.values, 1 - self.orphans / self.rows)

    def as_plain(self) -> dict[str, Any]:
        """Return the relation as it stands in assessment.json."""
        plain = asdict(self)
        if self.evidence:
            plain["inclusion"] = None if self.inclusion is None else round(self.inclusion, 4)
        return {
            key: value for key, value in plain.items() if value != "" or key not in ("name", "evidence", "confidence")
        }


def find_declared(reader: Reader, tables: dict[tuple[str, str], TableFacts]) -> list[Relation]:
    """Return the declared relations with their orphans; one to a table that is not there has only orphans."""
    found = []
    for facts in tables.values():
        for key in facts.table.foreign_keys:
            target = tables.get((key.referenced_schema, key.referenced_table))
            found.append(_measure_declared(reader, facts, key, target))
    return found


def _measure_declared(reader: Reader, facts: TableFacts, key: ForeignKey, target: TableFacts | None) -> Relation:
    # SQLite lets the referenced columns be left away: the primary key is meant
    referenced = key.referenced_columns or (target.table.primary_key if target else ())
    numbers = (0, 0, 0, 0)
    if facts.rows and set(key.columns) <= set(facts.columns):
        names = [reader.column(name) for name in key.columns]
        others = [reader.column(name) for name in referenced]
        given = " and ".join(f"{name} is not null" for name in names)
        child = f"select {_aliased(names)}, count(*) as n from {reader.table(facts.table)} where {given} "
        child += f"group by {', '.join(names)}"
        parent = f"select {_aliased(others, 'k')} from {reader.referenced(target.table)}" if target and others else None
        numbers = _measure(reader, child, parent, len(names))
    return Relation(
        name=key.name,
        schema=facts.table.schema,
        table=facts.table.name,
        columns=key.columns,
        referenced_schema=key.referenced_schema,
        referenced_table=key.referenced_table,
        referenced_columns=referenced,
        rows=numbers[0],
        orphans=numbers[1],
        values=numbers[2],
        orphan_values=numbers[3],
    )


def _aliased(names: list[str], letter: str = "x") -> str:
    return ", ".join(f"{name} as {letter}{place}" for place, name in enumerate(names))


def _measure(reader: Reader, child: str, parent: str | None, width: int) -> tuple[int, int, int, int]:
    """Return rows, orphans, values and orphaned values."""
    if parent is None:
        rows, values = reader.source.rows(f"select coalesce(sum(n), 0), count(*) from ({child}) child")[0]
        return int(rows), int(rows), int(values), int(values)
    condition = " and ".join(f"child.x{place} = parent.k{place}" for place in range(width))
    query = (
        "select coalesce(sum(child.n), 0), coalesce(sum(case when parent.k0 is null then child.n else 0 end), 0), "
        "count(*), coalesce(sum(case when parent.k0 is null then 1 else 0 end), 0) "
        f"from ({child}) child left join (select distinct * from ({parent}) referenced where k0 is not null) parent "
        f"on {condition}"
    )
    rows, orphans, values, orphan_values = reader.source.rows(query)[0]
    return int(rows), int(orphans), int(values), int(orphan_values)


def find_implied(reader: Reader, tables: dict[tuple[str, str], TableFacts]) -> list[Relation]:
    """Return at most one implied relation of each column that no declared relation uses."""
    names = TableNames(list(tables.values()))
    found = []
    for facts in tables.values():
        declared = {key.columns[0] for key in facts.table.foreign_keys if len(key.columns) == 1}
        for column in facts.columns.values():
            if column.column.name in declared or not _may_point(column):
                continue
            relation = _best_implied(reader, tables, facts, column, names)
            if relation:
                found.append(relation)
    return _without_reversed(found, tables)


def _without_reversed(relations: list[Relation], tables: dict[tuple[str, str], TableFacts]) -> list[Relation]:
    """Leave out the weaker of two relations that point to each other: two copies of a key contain each other."""

    def ends(relation: Relation) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (
            (relation.schema, relation.table, *relation.columns),
            (relation.referenced_schema, relation.referenced_table, *relation.referenced_columns),
        )

    def strength(relation: Relation) -> tuple[int, bool, float, int]:
        place = (relation.referenced_schema, relation.referenced_table)
        target = tables[place].table
        is_declared = relation.referenced_columns in (target.primary_key, *target.unique_keys)
        # the table that most others point to is the one that a copied key comes from
        return -_ORDER.index(relation.evidence), is_declared, relation.inclusion or 0.0, pointed_to[place]

    pointed_to = Counter((relation.referenced_schema, relation.referenced_table) for relation in relations)
    for facts in tables.values():
        pointed_to.update((key.referenced_schema, key.referenced_table) for key in facts.table.foreign_keys)
    by_ends = {ends(relation): relation for relation in relations}
    kept = []
    for relation in relations:
        other = by_ends.get(ends(relation)[::-1])
        if other is None or (strength(relation), ends(relation)) > (strength(other), ends(other)):
            kept.append(relation)
    return kept


def _best_implied(
    reader: Reader,
    tables: dict[tuple[str, str], TableFacts],
    facts: TableFacts,
    column: ColumnFacts,
    names: TableNames,
) -> Relation | None:
    candidates: dict[tuple[str, str, str], Hint] = {}
    for hint in names.hints(facts, column.column.name):
        candidates.setdefault((hint.schema, hint.table, hint.column), hint)
    measured = []
    for hint in candidates.values():
        target = tables[(hint.schema, hint.table)]
        other = target.columns[hint.column]
        if (target is facts and hint.column == column.column.name) or _are_copies(facts, target):
            continue
        if not _go_together(column, other) or not (target.is_unique(hint.column) or not target.rows):
            continue
        # the key of a table points elsewhere when it is named after the other table, as in one-to-one relations
        if (column.column.name,) == facts.table.primary_key and hint.evidence not in ("comment", "name"):
            continue
        relation = _measure_implied(reader, facts, column, target, other, hint)
        if _is_believed(relation, hint):
            measured.append(relation)
    is_near = facts.table.name.split("_")[0]
    return min(
        measured,
        key=lambda relation: (
            _ORDER.index(relation.evidence),
            -(relation.inclusion or 0),
            relation.referenced_schema != relation.schema,
            not relation.referenced_table.startswith(is_near),
            relation.referenced_table,
        ),
        default=None,
    )


def _are_copies(one: TableFacts, other: TableFacts) -> bool:
    """Return whether two tables have the same columns: partitions, archives and backups point to nobody's key."""
    return one is not other and set(one.columns) == set(other.columns)


def _may_point(column: ColumnFacts) -> bool:
    if column.column.source_type.startswith(("bool", "bit")):
        return False
    if column.kind == "text":
        return column.census is None or max(column.census.lengths, default=0) <= _LONGEST_KEY
    return column.kind in ("integer", "decimal", "other")


def _go_together(one: ColumnFacts, other: ColumnFacts) -> bool:
    numbers = ("integer", "decimal")
    return one.kind == other.kind or (one.kind in numbers and other.kind in numbers)


def _is_believed(relation: Relation, hint: Hint) -> bool:
    if hint.evidence == "comment":
        # somebody wrote it down; that most rows point nowhere is then the finding
        return True
    if relation.inclusion is None:
        return hint.evidence in ("name", "shared_key", "comment_name", "role")
    return relation.inclusion >= _LEAST_INCLUSION


def _measure_implied(
    reader: Reader, facts: TableFacts, column: ColumnFacts, target: TableFacts, other: ColumnFacts, hint: Hint
) -> Relation:
    numbers = (0, 0, 0, 0)
    if column.filled:
        name, key = reader.column(column.column.name), reader.column(other.column.name)
        if column.kind in ("integer", "decimal"):
            value, referenced = reader.number(name), reader.number(key)
            given = f"{value} <> 0"
        else:
            value, referenced = reader.text(name, column.kind), reader.text(key, column.kind)
            given = f"{reader.length(name, 'text')} > 0"
        child = (
            f"select {value} as x0, count(*) as n from {reader.table(facts.table)} "
            f"where {name} is not null and {given} group by {value}"
        )
        numbers = _measure(reader, child, f"select {referenced} as k0 from {reader.referenced(target.table)}", 1)
    relation = Relation(
        schema=facts.table.schema,
        table=facts.table.name,
        columns=(column.column.name,),
        referenced_schema=target.table.schema,
        referenced_table=target.table.name,
        referenced_columns=(other.column.name,),
        rows=numbers[0],
        orphans=numbers[1],
        values=numbers[2],
        orphan_values=numbers[3],
        evidence=hint.evidence,
    )
    return Relation(**{**asdict(relation), "confidence": _confidence(relation)})


def _confidence(relation: Relation) -> str:
    """Return how sure a relation is: the hint, then how many different values speak for it."""
    inclusion = relation.inclusion
    if relation.evidence == "comment":
        return "high" if inclusion is None or inclusion >= 0.5 else "low"
    if inclusion is None or relation.values < 3:
        return "low"
    if relation.evidence in ("role", "parent", "shared_name"):
        return "medium" if inclusion == 1 and relation.values >= 10 else "low"
    return "high" if inclusion >= 0.99 and relation.values >= 10 else "medium"
