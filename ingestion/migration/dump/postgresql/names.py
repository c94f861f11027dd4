"""Finds tables and sequences by the names a PostgreSQL script gives them, along the search path."""

from ingestion.migration.dump.schema import Place, Schema, TableState
from ingestion.migration.dump.tokens import Cursor


def new_place(name: tuple[str, ...], path: tuple[str, ...]) -> Place:
    """Return schema and name of a new object."""
    return (name[-2], name[-1]) if len(name) > 1 else ((path or ("public",))[0], name[0])


def places_of(name: tuple[str, ...], path: tuple[str, ...]) -> list[Place]:
    """Return where an object of a name may lie."""
    return [(name[-2], name[-1])] if len(name) > 1 else [(one, name[0]) for one in path]


def find_table(schema: Schema, name: tuple[str, ...], path: tuple[str, ...]) -> TableState | None:
    """Return a table by a name as written; one without a schema is looked for along the path."""
    if len(name) > 1:
        return schema.tables.get((name[-2], name[-1]))
    return next((table for one in path if (table := schema.tables.get((one, name[0]))) is not None), None)


def named_sequence(text: str, path: tuple[str, ...], schema: Schema) -> Place | None:
    """Return the sequence that a default takes its number from."""
    tokens = Cursor(text, "postgresql")
    first = tokens.peek()
    if first is None or first.kind not in ("word", "name") or tokens.qualified()[-1] != "nextval":
        return None
    if not tokens.accept("("):
        return None
    tokens.accept("(")
    token = tokens.peek()
    if token is None or token.kind != "string":
        return None
    return sequence_place(token.value, path, schema)


def sequence_place(text: str, path: tuple[str, ...], schema: Schema) -> Place:
    """Return schema and name of a sequence given as the text of a regclass."""
    name = Cursor(text, "postgresql").qualified()
    if len(name) > 1:
        return name[-2], name[-1]
    return next(
        ((one, name[0]) for one in path if (one, name[0]) in schema.sequences), ((path or ("public",))[0], name[0])
    )


def own_sequence(schema: Schema, place: Place, column: tuple[str, ...], path: tuple[str, ...]) -> None:
    """Tie a sequence to the column that owns it: OWNED BY."""
    sequence = schema.sequences.get(place)
    if sequence is None:
        return
    table = find_table(schema, column[:-1], path) if len(column) > 1 else None
    sequence.owned_by = f"{table.name}.{column[-1]}" if table else None
    sequence.owner = table.place if table else None
