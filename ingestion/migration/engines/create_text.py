"""Writes a readable CREATE TABLE for engines that keep no text of their tables."""

from collections.abc import Callable

from ingestion.migration.catalog import Column, Table


def compose_create_table(table: Table, quote: Callable[[str], str]) -> str:
    """Return CREATE TABLE with keys and checks, and the indexes that belong to none of them."""
    parts = [_column_text(column, quote) for column in table.columns]
    if table.primary_key:
        parts.append(f"primary key ({_names(table.primary_key, quote)})")
    for key in table.foreign_keys:
        other = f"{quote(key.referenced_schema)}.{quote(key.referenced_table)}"
        parts.append(
            f"constraint {quote(key.name)} foreign key ({_names(key.columns, quote)}) "
            f"references {other} ({_names(key.referenced_columns, quote)})"
        )
    parts += [f"check ({check})" for check in table.checks]
    place = f"{quote(table.schema)}.{quote(table.name)}"
    statements = [f"create table {place} (\n    " + ",\n    ".join(parts) + "\n)"]
    known = {column.name for column in table.columns}
    for index in table.indexes:
        if not index.is_primary:
            unique = "unique " if index.is_unique else ""
            columns = ", ".join(quote(name) if name in known else name for name in index.columns)
            statements.append(f"create {unique}index {quote(index.name)} on {place} ({columns})")
    return ";\n".join(statements) + ";"


def _names(names: tuple[str, ...], quote: Callable[[str], str]) -> str:
    return ", ".join(map(quote, names))


def _column_text(column: Column, quote: Callable[[str], str]) -> str:
    if column.is_generated:
        return f"{quote(column.name)} as ({column.default})"
    text = f"{quote(column.name)} {column.source_type}"
    if column.is_identity:
        text += " identity"
    elif column.default is not None:
        text += f" default {column.default}"
    return text if column.is_nullable else text + " not null"
