"""Deals the rows that a script gives to a partitioned table out to its partitions; the table shows all of them."""

import re
import sqlite3

from ingestion.migration.dump.literals import read_postgresql
from ingestion.migration.dump.postgresql.values import converter
from ingestion.migration.dump.schema import ColumnState, Schema, TableState
from ingestion.migration.dump.tokens import Cursor, StatementError

_NUMBERS = re.compile(r"smallint|integer|bigint|numeric|real|double")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def route_rows(schema: Schema, connection: sqlite3.Connection) -> None:
    """Give each partition its rows and make a view of each partitioned table; MySQL's partitions are no tables."""
    if schema.engine != "postgresql":
        return
    roots = [table for table in schema.tables.values() if table.partition_by and table.partition_of is None]
    for root in sorted(roots, key=lambda table: table.place):
        _route(schema, connection, root)


def _children(schema: Schema, table: TableState) -> list[TableState]:
    found = [child for child in schema.tables.values() if child.partition_of == table.place]
    # the default partition takes what no other does
    return sorted(found, key=lambda child: (child.bound.strip().upper() == "DEFAULT", child.place))


def _route(schema: Schema, connection: sqlite3.Connection, table: TableState) -> None:
    name = _quote(".".join(table.place))
    columns = ", ".join(_quote(column.name) for column in table.columns)
    children = _children(schema, table)
    for child in children if connection.execute(f"select 1 from {name} limit 1").fetchone() else ():
        try:
            condition = _condition(table, child)
        except (StatementError, ValueError, IndexError):
            condition = None
        if condition is None:
            schema.note(f"{table.name}: rows given to the whole table are not told apart by partition")
            break
        connection.execute(
            f"insert into {_quote('.'.join(child.place))} ({columns}) select {columns} from {name} where {condition}"
        )
        connection.execute(f"delete from {name} where {condition}")
    for child in children:
        if child.partition_by:
            _route(schema, connection, child)
    rest = f"{'.'.join(table.place)} without partition"
    connection.execute(f"alter table {name} rename to {_quote(rest)}")
    parts = [_quote(rest), *(_quote(".".join(child.place)) for child in children)]
    query = " union all ".join(f"select {columns} from {part}" for part in parts)
    connection.execute(f"create view {name} as {query}")


def _condition(table: TableState, child: TableState) -> str | None:
    """Return SQL that is true for the rows of a partition; None where only a server can tell."""
    key = Cursor(table.partition_by, "postgresql")
    method = key.next().value.upper()
    first, last = key.brackets()
    columns = []
    for start, end in key.parts(first, last):
        key.place = start
        column = table.column(key.name())
        if column is None or (key.place < end and method != "HASH"):
            return None
        columns.append(column)
    bound = Cursor(child.bound, "postgresql")
    if bound.accept("DEFAULT"):
        return "true"
    bound.expect("FOR", "VALUES")
    if method == "LIST" and bound.accept("IN"):
        values = [_literal(bound.raw(*part), columns[0]) for part in bound.parts(*bound.brackets())]
        known = [value for value in values if value != "null"]
        test = f"{_quote(columns[0].name)} in ({', '.join(known)})" if known else "false"
        return f"({test} or {_quote(columns[0].name)} is null)" if len(known) < len(values) else test
    if method == "RANGE" and bound.accept("FROM"):
        low = [bound.raw(*part) for part in bound.parts(*bound.brackets())]
        bound.expect("TO")
        high = [bound.raw(*part) for part in bound.parts(*bound.brackets())]
        return f"{_compare(columns, low, '>=')} and {_compare(columns, high, '<')}"
    return None


def _value(column: ColumnState) -> str:
    # whole numbers lie as numbers, other numbers as text; dates in ISO form compare as they are
    is_number = _NUMBERS.match(column.source_type)
    return f"cast({_quote(column.name)} as numeric)" if is_number else _quote(column.name)


def _literal(token: str, column: ColumnState) -> str:
    value = read_postgresql(token)
    if value is None:
        return "null"
    if not isinstance(value, str):
        raise ValueError
    text = converter(column.source_type, None)([value])[0]
    if not isinstance(text, str):
        raise ValueError
    return text if _NUMBERS.match(column.source_type) else "'" + text.replace("'", "''") + "'"


def _compare(columns: list[ColumnState], bounds: list[str], sign: str) -> str:
    """Return a comparison of a row of columns with bounds, of which MINVALUE and MAXVALUE end it."""
    names, values = list[str](), list[str]()
    for column, bound in zip(columns, bounds, strict=True):
        if bound.upper() in ("MINVALUE", "MAXVALUE"):
            is_high = bound.upper() == "MAXVALUE"
            if not names:
                return "true" if is_high == (sign == "<") else "false"
            sign = {">=": ">", "<": "<="}[sign] if is_high else sign
            break
        names.append(_value(column))
        values.append(_literal(bound, column))
    return f"({', '.join(names)}) {sign} ({', '.join(values)})"
