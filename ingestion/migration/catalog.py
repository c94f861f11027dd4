"""What a legacy database consists of, in the same words for every engine.

Readers in `engines/` fill it from the engine's own catalog, `dump` from the text of a dump. Everything is sorted by
name and holds definitions and counts only, never a value of a row.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

ENGINES = ("postgresql", "mysql", "sqlite", "mssql", "oracle")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column; `source_type` is the engine's full type in lower case, such as `decimal(8,2)` or `int unsigned`."""

    name: str
    source_type: str
    is_nullable: bool = True
    default: str | None = None
    comment: str = ""
    is_generated: bool = False
    is_identity: bool = False
    """Numbered by the engine: AUTO_INCREMENT, IDENTITY, serial."""
    character_set: str | None = None
    collation: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """One index, the primary key's and unique constraints' own included."""

    name: str
    columns: tuple[str, ...]
    """Names of columns, or the text of an expression."""
    is_unique: bool = False
    is_primary: bool = False
    method: str = "btree"


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignKey:
    """A declared relation."""

    name: str
    columns: tuple[str, ...]
    referenced_schema: str
    referenced_table: str
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One base table; a partition is a table of its own with `partition_of` set, its parent holds no rows itself."""

    schema: str
    name: str
    comment: str = ""
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Column lists of unique constraints and unique indexes over plain columns, without the primary key."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[str, ...] = ()
    partition_of: str | None = None
    is_partitioned: bool = False
    size_bytes: int | None = None
    """Of the data with its indexes, as the engine tells; None where it does not."""
    estimated_rows: int | None = None
    definition: str = ""

    @property
    def row_key(self) -> tuple[str, ...]:
        """Return the columns that identify a row: the primary key, else a unique key, else nothing.

        A key with NULLs identifies nothing; SQLite allows them even in a primary key.
        """
        never_null = {column.name for column in self.columns if not column.is_nullable}
        keys = [self.primary_key, *self.unique_keys]
        return next((key for key in keys if key and set(key) <= never_null), ())


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A view, or a materialized one."""

    schema: str
    name: str
    definition: str
    is_materialized: bool = False
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trigger:
    """One trigger on one table; PostgreSQL's calls `function`."""

    schema: str
    name: str
    table: str
    timing: str
    """before, after or instead of."""
    events: tuple[str, ...]
    """insert, update, delete, truncate."""
    definition: str
    function: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Routine:
    """A function, procedure or aggregate; PostgreSQL's overloads are routines of their own."""

    schema: str
    name: str
    kind: str
    """function, procedure, aggregate or package."""
    arguments: str = ""
    returns: str = ""
    language: str = "sql"
    definition: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequence:
    """A sequence; `owned_by` is table.column."""

    schema: str
    name: str
    owned_by: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A job inside the database, such as an event of MySQL."""

    schema: str
    name: str
    schedule: str
    definition: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UserType:
    """An enum, domain or composite type; `definition` tells its values or its base."""

    schema: str
    name: str
    kind: str
    definition: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    """All objects of one database."""

    engine: str
    version: str
    database: str
    default_schema: str
    """Schema whose name is left away in our names: public, dbo, main, the MySQL database."""
    character_set: str = ""
    collation: str = ""
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    routines: tuple[Routine, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    events: tuple[Event, ...] = ()
    types: tuple[UserType, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the reader could not read or understand, in words."""

    def table(self, schema: str, name: str) -> Table:
        """Return one table; KeyError when there is none."""
        for table in self.tables:
            if (table.schema, table.name) == (schema, name):
                return table
        raise KeyError(f"{schema}.{name}")

    def counts(self) -> dict[str, int]:
        """Return how many objects of each kind there are; `indexes` counts those of primary keys too."""
        return {
            "tables": len(self.tables),
            "columns": sum(len(table.columns) for table in self.tables),
            "primary_keys": sum(bool(table.primary_key) for table in self.tables),
            "foreign_keys": sum(len(table.foreign_keys) for table in self.tables),
            "indexes": sum(len(table.indexes) for table in self.tables),
            "views": len(self.views),
            "triggers": len(self.triggers),
            "functions": sum(routine.kind in ("function", "aggregate") for routine in self.routines),
            "procedures": sum(routine.kind == "procedure" for routine in self.routines),
            "sequences": len(self.sequences),
            "events": len(self.events),
            "types": len(self.types),
        }


def target_name(catalog: Catalog, table: Table) -> str:
    """Return the name of a table in `raw_legacy`: its own, with its schema before it outside the default schema."""
    return table.name if table.schema == catalog.default_schema else f"{table.schema}__{table.name}"


def structure_sha256(table: Table) -> str:
    """Return a fingerprint of a table's columns and keys; it changes when somebody alters the table."""
    content: dict[str, Any] = {
        "columns": [[column.name, column.source_type, column.is_nullable] for column in table.columns],
        "primary_key": table.primary_key,
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def as_json(catalog: Catalog) -> dict[str, Any]:
    """Return a catalog as plain values in a fixed order."""
    return asdict(catalog)
