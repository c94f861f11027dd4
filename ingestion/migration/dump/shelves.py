"""The tables of the temporary SQLite file: one for each table of the script, under the name `schema.table`.

A table gets its place with its first rows; what the script renames, drops, adds or moves afterwards is followed by the
identity of tables and columns, not by their names.
"""

import functools
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from ingestion.migration.dump.mysql.values import Convert, Stored
from ingestion.migration.dump.postgresql.partitions import route_rows
from ingestion.migration.dump.schema import ColumnState, Schema, TableState
from ingestion.migration.types import dump_rule
from lakehouse.errors import RadlakeError

_WORTH_AN_INDEX = 100_000
_WHOLE_NUMBERS = ("smallint", "integer", "bigint")


def quote(name: str) -> str:
    """Return a name quoted for SQLite."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(kw_only=True, eq=False)
class Shelf:
    """Where the rows of one table lie."""

    name: str
    table: TableState
    columns: list[ColumnState] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Names of the columns when they got their place."""
    types: list[str] = field(default_factory=list)
    """Types of the columns when their rows came."""
    rows: int = 0
    keeps: str | None = None
    """`first` or `last` of the rows with the same key, where a statement said so."""


class Shelves:
    """All tables of the file."""

    def __init__(self, schema: Schema, connection: sqlite3.Connection) -> None:
        self.schema = schema
        self.connection = connection
        self._shelves: dict[int, Shelf] = {}
        """Under the identity of the table, which each shelf keeps alive."""

    def find(self, table: TableState) -> Shelf | None:
        """Return the shelf of a table that has one."""
        return self._shelves.get(id(table))

    def place(self, table: TableState, fill: Callable[[ColumnState], Stored]) -> Shelf:
        """Return the shelf of a table as it stands; `fill` gives the value of a column that came after rows."""
        shelf = self._shelves.get(id(table))
        if shelf is None:
            shelf = Shelf(name=self._free_name(table), table=table)
            self._shelves[id(table)] = shelf
            self._create(shelf.name, table.columns)
            shelf.columns = list(table.columns)
            shelf.names = [column.name for column in table.columns]
            shelf.types = [column.source_type for column in table.columns]
            return shelf
        held = {id(column) for column in shelf.columns}
        for column in table.columns:
            if id(column) in held:
                continue
            name = column.name
            while name.lower() in (taken.lower() for taken in shelf.names):
                name += "'"
            self._execute(f"alter table {quote(shelf.name)} add column {quote(name)}{self._affinity(column)}")
            shelf.columns.append(column)
            shelf.names.append(name)
            shelf.types.append(column.source_type)
            value = fill(column)
            if shelf.rows and value is not None:
                self.connection.execute(f"update {quote(shelf.name)} set {quote(name)} = ?", (value,))
        return shelf

    def empty(self, table: TableState) -> None:
        """Take all rows of a table away."""
        shelf = self.find(table)
        if shelf:
            self.connection.execute(f"delete from {quote(shelf.name)}")
            shelf.rows = 0

    def _free_name(self, table: TableState) -> str:
        """Return the final name of a table, after taking it from one that was dropped or renamed."""
        wanted = ".".join(table.place)
        for former in self._shelves.values():
            if former.name != wanted:
                continue
            if self.schema.tables.get(former.table.place) is former.table:
                former.name = f"{wanted} before {len(self._shelves)}"
                self._execute(f"alter table {quote(wanted)} rename to {quote(former.name)}")
            else:
                self._execute(f"drop table {quote(wanted)}")
                former.name = ""
        return wanted

    def _affinity(self, column: ColumnState) -> str:
        """Whole numbers are kept as such, so that ranges of them can be asked for; anything else as it comes."""
        rule = dump_rule(self.schema.engine, column.freeze())
        return " integer" if rule.target_type in _WHOLE_NUMBERS else ""

    def _create(self, name: str, columns: list[ColumnState]) -> None:
        parts = [f"{quote(column.name)}{self._affinity(column)}" for column in columns]
        self._execute(f"create table {quote(name)} ({', '.join(parts) or '_ integer'})")

    def _execute(self, statement: str) -> None:
        try:
            self.connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "duplicate" in str(error) or "already" in str(error) or "there is already" in str(error):
                raise RadlakeError(
                    "two tables, or two columns of one, have names that differ by case only, which a dump cannot be "
                    "read with: restore it into a server and give its address"
                ) from None
            raise

    # --- the end ------------------------------------------------------------------------------------------------

    def finish(
        self, converter: Callable[[ColumnState], Convert], fill: Callable[[TableState, ColumnState], Stored]
    ) -> None:
        """Leave every table of the schema, and nothing else, under its final name."""
        alive = {id(table) for table in self.schema.tables.values()}
        for shelf in [shelf for key, shelf in self._shelves.items() if key not in alive and shelf.name]:
            self._execute(f"drop table {quote(shelf.name)}")
        for place in sorted(self.schema.tables):
            table = self.schema.tables[place]
            if self.find(table):
                # columns that came after the last row
                self.place(table, functools.partial(fill, table))
            self._finish_table(table, converter)
        route_rows(self.schema, self.connection)

    def _finish_table(self, table: TableState, converter: Callable[[ColumnState], Convert]) -> None:
        final = ".".join(table.place)
        shelf = self.find(table)
        if shelf is None:
            self._create(final, table.columns)
            return
        self._drop_repeated(shelf)
        is_same = (
            [id(column) for column in shelf.columns] == [id(column) for column in table.columns]
            and shelf.names == [column.name for column in table.columns]
            and shelf.types == [column.source_type for column in table.columns]
        )
        if is_same and shelf.name != final:
            self._execute(f"alter table {quote(shelf.name)} rename to {quote(final)}")
        elif not is_same:
            self._rebuild(shelf, table, final, converter)
        key = table.freeze().row_key
        if len(key) == 1 and shelf.rows >= _WORTH_AN_INDEX:
            column = table.column(key[0])
            if column is not None and self._affinity(column):
                self._execute(f"create index {quote(f'{final} key')} on {quote(final)} ({quote(key[0])})")

    def _rebuild(
        self, shelf: Shelf, table: TableState, final: str, converter: Callable[[ColumnState], Convert]
    ) -> None:
        former = f"{shelf.name} before"
        self._execute(f"alter table {quote(shelf.name)} rename to {quote(former)}")
        self._create(final, table.columns)
        places = {id(column): number for number, column in enumerate(shelf.columns)}
        parts = []
        for number, column in enumerate(table.columns):
            place = places.get(id(column))
            if place is None:
                parts.append("null")
            elif shelf.types[place] != column.source_type:
                convert = converter(column)
                self.connection.create_function(f"converted_{number}", 1, lambda value, to=convert: to([value])[0])
                parts.append(f"converted_{number}(cast({quote(shelf.names[place])} as text))")
            else:
                parts.append(quote(shelf.names[place]))
        self._execute(f"insert into {quote(final)} select {', '.join(parts)} from {quote(former)} order by rowid")
        self._execute(f"drop table {quote(former)}")

    def _drop_repeated(self, shelf: Shelf) -> None:
        """Keep one row of each key where REPLACE or INSERT IGNORE were told to."""
        names = {id(column): name for column, name in zip(shelf.columns, shelf.names, strict=True)}
        key = [names.get(id(shelf.table.column(name))) for name in shelf.table.primary_key]
        if shelf.keeps is None or not key or None in key:
            return
        best = "max" if shelf.keeps == "last" else "min"
        group = ", ".join(quote(name) for name in key if name)
        self._execute(
            f"delete from {quote(shelf.name)} where rowid not in "
            f"(select {best}(rowid) from {quote(shelf.name)} group by {group})"
        )
