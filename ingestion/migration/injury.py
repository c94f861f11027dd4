"""Damages a copy of a migrated table, once and small, and tells which keys and columns a validation must name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations, islice

from ingestion.migration.books import quoted
from ingestion.migration.plan import ColumnPlan
from ingestion.migration.validation.bisection import shown_key
from ingestion.migration.validation.row_text import Side
from lakehouse.lake import Connection

Finding = tuple[str, str, tuple[str, ...]]
"""Kind of a difference, its key and its columns."""

WHOLE = ("smallint", "integer", "bigint")
INSTANTS = ("timestamp", "timestamptz")
ANY = ("varchar", *WHOLE, "decimal", "double", "boolean", "date", *INSTANTS, "time", "blob")
_PAIRS_TRIED = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Injury:
    """What was done to a copy, and what a validation must find."""

    columns: tuple[str, ...]
    expected: frozenset[Finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """A copy of a migrated table that may be damaged; `side` is the copy as a validation sees it."""

    connection: Connection
    side: Side

    @property
    def has_key(self) -> bool:
        """Return whether the table has a key."""
        return bool(self.side.table.key)

    def columns(self, types: Iterable[str]) -> list[ColumnPlan]:
        """Return the columns of some target types that are no part of the key."""
        return [
            column
            for column in self.side.table.columns
            if column.target_type.partition("(")[0] in types and column.name not in self.side.table.key
        ]

    def find(self, condition: str = "true") -> int | None:
        """Return a row for which a condition holds: any, but the same every time."""
        row = self.connection.execute(
            f"select rowid from {self.side.relation} where {condition} order by md5(cast(rowid as varchar)) limit 1"
        ).fetchone()
        return None if row is None else int(row[0])

    def key(self, row: int) -> str:
        """Return the key of a row as a validation shows it."""
        found = self.connection.execute(
            f"select {self.side.key_text()} from {self.side.relation} where rowid = {row}"
        ).fetchone()
        assert found is not None
        return shown_key(self.side.table, str(found[0]))

    def update(self, row: int, values: dict[str, str]) -> None:
        """Set columns of a row, given as quoted names, to expressions."""
        sets = ", ".join(f"{name} = {value}" for name, value in values.items())
        self.connection.execute(f"update {self.side.relation} set {sets} where rowid = {row}")

    def insert(self, row: int, values: dict[str, str] | None = None) -> None:
        """Add a copy of a row, with some columns replaced by expressions."""
        replaced = ", ".join(f"{value} as {name}" for name, value in (values or {}).items())
        star = f"* replace ({replaced})" if replaced else "*"
        self.connection.execute(
            f"insert into {self.side.relation} select {star} from {self.side.relation} where rowid = {row}"
        )

    def delete(self, row: int) -> None:
        """Delete a row."""
        self.connection.execute(f"delete from {self.side.relation} where rowid = {row}")

    def hashes(self) -> dict[str, int]:
        """Return how often each row stands in the table, by the key a validation shows in a table without one."""
        rows = self.connection.execute(f"select {self.side.row_hash()}, count(*) from {self.side.relation} group by 1")
        return {shown_key(self.side.table, str(value)): int(count) for value, count in rows.fetchall()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of damage; in `condition` and `change`, `{0}` is the column and `{1}` its target type."""

    name: str
    label_zh: str
    types: tuple[str, ...] = ()
    condition: str = ""
    change: str = ""
    act: Callable[[Copy], Injury | None] | None = None
    """Does the damage where no single value is altered; None when the table has no suitable row."""
    needs: str = ""
    """What a table must have for it."""

    def apply(self, copy: Copy) -> Injury | None:
        """Damage a copy in its first suitable column and row; None when it has none."""
        if self.act is not None:
            return self.act(copy)
        for column in copy.columns(self.types):
            name = quoted(column.target_name)
            change = f"cast({self.change.format(name, column.target_type)} as {column.target_type})"
            row = copy.find(f"({self.condition.format(name, column.target_type)}) and {name} is distinct from {change}")
            if row is not None:
                return _change(copy, {row: {column: change}})
        return None


def _change(copy: Copy, changes: dict[int, dict[ColumnPlan, str]]) -> Injury:
    """Alter values of rows and tell what must be found: by key, or by the rows of a table without one."""
    columns = tuple(
        column.name for column in copy.side.table.columns if any(column in change for change in changes.values())
    )

    def alter() -> None:
        for row, change in changes.items():
            copy.update(row, {quoted(column.target_name): value for column, value in change.items()})

    if copy.has_key:
        expected = frozenset(("changed", copy.key(row), columns) for row in changes)
        alter()
        return Injury(columns=columns, expected=expected)
    return Injury(columns=columns, expected=_counted(copy, alter))


def _counted(copy: Copy, alter: Callable[[], None]) -> frozenset[Finding]:
    """Do something to a table without a key and return whose counts it changed."""
    before = copy.hashes()
    alter()
    after = copy.hashes()
    return frozenset(
        ("missing" if not after.get(key) else "extra" if not before.get(key) else "multiplicity", key, ())
        for key in before.keys() | after.keys()
        if before.get(key, 0) != after.get(key, 0)
    )


def drop_row(copy: Copy) -> Injury | None:
    """Drop a row; None when there is none."""
    row = copy.find()
    if row is None:
        return None
    if not copy.has_key:
        return Injury(columns=(), expected=_counted(copy, lambda: copy.delete(row)))
    expected = frozenset({("missing", copy.key(row), ())})
    copy.delete(row)
    return Injury(columns=(), expected=expected)


def repeat_row(copy: Copy) -> Injury | None:
    """Put a row in a second time; None when there is none."""
    row = copy.find()
    if row is None:
        return None
    if not copy.has_key:
        return Injury(columns=(), expected=_counted(copy, lambda: copy.insert(row)))
    expected = frozenset({("multiplicity", copy.key(row), ())})
    copy.insert(row)
    return Injury(columns=(), expected=expected)


_NEW_KEYS = {
    "varchar": "max({0}) || '~'",
    "date": "max({0}) + interval 1 day",
    "timestamp": "max({0}) + interval 1 second",
    "timestamptz": "max({0}) + interval 1 second",
    "decimal": "max({0}) + 1",
} | dict.fromkeys(WHOLE, "cast(max({0}) as hugeint) + 1")


def _new_key(copy: Copy) -> tuple[ColumnPlan, str] | None:
    """Return a column of the key and SQL of a value it has nowhere in the table."""
    for name in copy.side.table.key:
        column = copy.side.table.column(name)
        template = _NEW_KEYS.get(column.target_type.partition("(")[0])
        if template is None:
            continue
        value = f"try_cast({template.format(quoted(column.target_name))} as {column.target_type})"
        found = copy.connection.execute(f"select cast({value} as varchar) from {copy.side.relation}").fetchone()
        if found is not None and found[0] is not None:
            return column, f"(select {value} from {copy.side.relation})"
    return None


def add_row(copy: Copy) -> Injury | None:
    """Add a row with a key that is not there; None where no such key can be made."""
    row, new = copy.find(), _new_key(copy) if copy.has_key else None
    if row is None or new is None:
        return None
    copy.insert(row, {quoted(new[0].target_name): new[1]})
    newest = copy.connection.execute(f"select max(rowid) from {copy.side.relation}").fetchone()
    assert newest is not None
    return Injury(columns=(), expected=frozenset({("extra", copy.key(int(newest[0])), ())}))


def change_key(copy: Copy) -> Injury | None:
    """Give a row a key that is not there; None where no such key can be made."""
    row, new = copy.find(), _new_key(copy) if copy.has_key else None
    if row is None or new is None:
        return None
    before = copy.key(row)
    copy.update(row, {quoted(new[0].target_name): new[1]})
    return Injury(columns=(new[0].name,), expected=frozenset({("missing", before, ()), ("extra", copy.key(row), ())}))


def swap_columns(copy: Copy) -> Injury | None:
    """Exchange the values of two columns in one row; None when no two of a type differ."""
    pairs = (pair for pair in combinations(copy.columns(ANY), 2) if pair[0].target_type == pair[1].target_type)
    for first, second in islice(pairs, _PAIRS_TRIED):
        names = quoted(first.target_name), quoted(second.target_name)
        row = copy.find(f"{names[0]} is distinct from {names[1]}")
        if row is not None:
            return _change(copy, {row: {first: names[1], second: names[0]}})
    return None


def exchange_values(copy: Copy) -> Injury | None:
    """Exchange the values of two rows in one column, so that no aggregate changes; None when all are equal."""
    if not copy.has_key:
        # rows that differ in that column alone would only have changed places
        return None
    for column in copy.columns(ANY):
        name = quoted(column.target_name)
        first = copy.find(f"{name} is not null")
        if first is None:
            continue
        values = [f"(select {name} from {copy.side.relation} where rowid = {first})"]
        second = copy.find(f"{name} is not null and {name} <> {values[0]}")
        if second is None:
            continue
        copy.connection.execute(
            f"create or replace temp table _radlake_exchange as select rowid as row, {name} as value "
            f"from {copy.side.relation} where rowid in ({first}, {second})"
        )
        value = "(select value from _radlake_exchange where row = {0})"
        return _change(copy, {first: {column: value.format(second)}, second: {column: value.format(first)}})
    return None


def keyed(act: Callable[[Copy], Injury | None], *, wanted: bool) -> Callable[[Copy], Injury | None]:
    """Restrict an act to tables with a key, or to those without."""
    return lambda copy: act(copy) if copy.has_key is wanted else None
