"""The database that a script makes, as it stands while the script is read."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ingestion.migration.catalog import (
    Catalog,
    Column,
    Event,
    ForeignKey,
    Index,
    Routine,
    Sequence,
    Table,
    Trigger,
    UserType,
    View,
)

Place = tuple[str, str]
"""Schema and name."""


@dataclass(kw_only=True, slots=True, eq=False)
class ColumnState:
    """A column, with what the catalog does not tell but an INSERT needs."""

    name: str
    source_type: str
    is_nullable: bool = True
    default: str | None = None
    comment: str = ""
    is_generated: bool = False
    is_identity: bool = False
    character_set: str | None = None
    collation: str | None = None
    default_token: str | None = None
    """The default as an INSERT would write it; None where there is none."""
    sequence: Place | None = None
    """Sequence that numbers it."""

    def freeze(self) -> Column:
        """Return the column as the catalog keeps it."""
        return Column(
            name=self.name,
            source_type=self.source_type,
            is_nullable=self.is_nullable,
            default=self.default,
            comment=self.comment,
            is_generated=self.is_generated,
            is_identity=self.is_identity,
            character_set=self.character_set,
            collation=self.collation,
        )


@dataclass(kw_only=True, slots=True, eq=False)
class IndexState:
    """An index, the constraint it belongs to, and whether the engine made it for a foreign key."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool = False
    is_primary: bool = False
    method: str = "btree"
    is_implied: bool = False
    has_expression: bool = False
    """Over an expression, a prefix or a part of the rows: no key."""
    is_constraint: bool = False
    definition: str = ""
    parent: Place | None = None
    """Index of the partitioned table it belongs to."""
    is_exclusion: bool = False
    has_no_index: bool = False
    """A key that needs none: the row number of SQLite."""


@dataclass(kw_only=True, slots=True)
class CheckState:
    """A check."""

    name: str
    text: str


@dataclass(kw_only=True, slots=True, eq=False)
class TableState:
    """A table that a script has made."""

    schema: str
    name: str
    columns: list[ColumnState] = field(default_factory=list)
    indexes: list[IndexState] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    checks: list[CheckState] = field(default_factory=list)
    comment: str = ""
    definition: str = ""
    partition_of: Place | None = None
    bound: str = ""
    """Of a partition, as written: FOR VALUES ..., DEFAULT."""
    partition_by: str = ""
    """As written, such as RANGE (taken_at)."""
    parents: list[Place] = field(default_factory=list)
    """Tables it inherits from without being a partition."""
    character_set: str | None = None
    collation: str | None = None
    next_number: int = 1
    """Next AUTO_INCREMENT."""
    foreign_key_count: int = 0

    @property
    def place(self) -> Place:
        """Return schema and name."""
        return self.schema, self.name

    def column(self, name: str, *, ignore_case: bool = False) -> ColumnState | None:
        """Return a column, None when there is none."""
        for column in self.columns:
            if column.name == name or (ignore_case and column.name.lower() == name.lower()):
                return column
        return None

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Return the columns of the primary key."""
        return next((index.columns for index in self.indexes if index.is_primary), ())

    def drop_column(self, name: str) -> None:
        """Drop a column with the indexes and keys over it."""
        self.columns = [column for column in self.columns if column.name != name]
        self.indexes = [index for index in self.indexes if name not in index.columns]
        self.foreign_keys = [key for key in self.foreign_keys if name not in key.columns]

    def rename_column(self, old: str, new: str) -> None:
        """Rename a column in itself, its indexes and its keys."""

        def renamed(names: Iterable[str]) -> tuple[str, ...]:
            return tuple(new if name == old else name for name in names)

        for column in self.columns:
            column.name = new if column.name == old else column.name
        for index in self.indexes:
            index.columns = renamed(index.columns)
        self.foreign_keys = [
            ForeignKey(
                name=key.name,
                columns=renamed(key.columns),
                referenced_schema=key.referenced_schema,
                referenced_table=key.referenced_table,
                referenced_columns=key.referenced_columns,
            )
            for key in self.foreign_keys
        ]

    def freeze(self) -> Table:
        """Return the table as the catalog keeps it."""
        unique = [
            index.columns
            for index in sorted(self.indexes, key=lambda index: index.name)
            if index.is_unique and not index.is_primary and not index.has_expression
        ]
        return Table(
            schema=self.schema,
            name=self.name,
            comment=self.comment,
            columns=tuple(column.freeze() for column in self.columns),
            primary_key=self.primary_key,
            unique_keys=tuple(dict.fromkeys(unique)),
            foreign_keys=tuple(sorted(self.foreign_keys, key=lambda key: key.name)),
            indexes=tuple(
                Index(
                    name=index.name,
                    columns=index.columns,
                    is_unique=index.is_unique,
                    is_primary=index.is_primary,
                    method=index.method,
                )
                for index in sorted(self.indexes, key=lambda index: index.name)
                if not index.has_no_index
            ),
            checks=tuple(check.text for check in sorted(self.checks, key=lambda check: check.name)),
            partition_of=self.partition_of[1] if self.partition_of else None,
            is_partitioned=bool(self.partition_by),
            definition=self.definition,
        )


@dataclass(kw_only=True, slots=True)
class SequenceState:
    """A sequence and the number it gives next."""

    owned_by: str | None = None
    owner: Place | None = None
    next_value: int = 1
    step: int = 1


@dataclass(kw_only=True)
class Schema:
    """All objects of the database so far."""

    engine: str
    database: str
    version: str = ""
    default_schema: str = ""
    character_set: str = ""
    collation: str = ""
    tables: dict[Place, TableState] = field(default_factory=dict)
    views: dict[Place, View] = field(default_factory=dict)
    triggers: dict[tuple[str, str, str], Trigger] = field(default_factory=dict)
    """Under schema, table and name."""
    routines: dict[tuple[str, str, str], Routine] = field(default_factory=dict)
    """Under schema, name and types of the arguments."""
    sequences: dict[Place, SequenceState] = field(default_factory=dict)
    events: dict[Place, Event] = field(default_factory=dict)
    types: dict[Place, UserType] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    """What was not understood or not done, in words, with how often."""

    def note(self, text: str, count: int = 1) -> None:
        """Count something that was not understood; the text holds names, never values."""
        self.notes[text] += count

    def drop_table(self, place: Place) -> None:
        """Drop a table with what hangs on it."""
        self.tables.pop(place, None)
        for other in [other.place for other in self.tables.values() if other.partition_of == place]:
            self.drop_table(other)
        self.triggers = {key: trigger for key, trigger in self.triggers.items() if key[:2] != place}
        self.sequences = {key: sequence for key, sequence in self.sequences.items() if sequence.owner != place}

    def freeze(self) -> Catalog:
        """Return the catalog."""
        return Catalog(
            engine=self.engine,
            version=self.version,
            database=self.database,
            default_schema=self.default_schema,
            character_set=self.character_set,
            collation=self.collation,
            tables=tuple(self.tables[place].freeze() for place in sorted(self.tables)),
            views=tuple(self.views[place] for place in sorted(self.views)),
            triggers=tuple(self.triggers[key] for key in sorted(self.triggers)),
            routines=tuple(self.routines[key] for key in sorted(self.routines)),
            sequences=tuple(
                Sequence(schema=place[0], name=place[1], owned_by=self.sequences[place].owned_by)
                for place in sorted(self.sequences)
            ),
            events=tuple(self.events[place] for place in sorted(self.events)),
            types=tuple(self.types[place] for place in sorted(self.types)),
            notes=tuple(
                text if count == 1 else f"{text} ({count} times)" for text, count in sorted(self.notes.items())
            ),
        )
