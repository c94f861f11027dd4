"""Reads PostgreSQL's column types and writes them as format_type does."""

from ingestion.migration.dump.schema import Schema
from ingestion.migration.dump.tokens import Cursor

_SYNONYMS = {
    "int": "integer", "int4": "integer", "int2": "smallint", "int8": "bigint", "float4": "real",
    "float8": "double precision", "bool": "boolean", "varchar": "character varying", "char": "character",
    "bpchar": "character", "decimal": "numeric", "dec": "numeric", "varbit": "bit varying",
    "timestamptz": "timestamp with time zone", "timetz": "time with time zone",
}  # fmt: skip
SERIAL = {"serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint",
          "smallserial": "smallint", "serial2": "smallint"}  # fmt: skip
"""Pseudo-types that make a sequence."""
_INTERVAL_FIELDS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "TO")


def read_type(cursor: Cursor, schema: Schema, search_path: tuple[str, ...]) -> str:
    """Return a type in the words of format_type; a type of the script's own with its schema outside the path."""
    token = cursor.next()
    cursor.place -= 1
    is_quoted = token.kind == "name"
    name = cursor.qualified()
    if name[0] == "pg_catalog":
        name = name[1:]
    own = _own_type(name, schema, search_path)
    if own is not None:
        text = own
        if cursor.at("("):
            text += "(" + cursor.raw(*cursor.brackets()).replace(" ", "") + ")"
        return text + _array(cursor)
    word = name[-1]
    if is_quoted and word == "char":
        return '"char"' + _array(cursor)
    word = _SYNONYMS.get(word, word)
    if word == "double":
        cursor.accept("PRECISION")
        word = "double precision"
    if word == "national":
        cursor.next()
        word = "character"
    if word == "nchar":
        word = "character"
    if word in ("character", "bit") and cursor.accept("VARYING"):
        word += " varying"
    if word == "interval" and any(cursor.at(field) for field in _INTERVAL_FIELDS):
        fields = []
        while (field := cursor.accept_any(*_INTERVAL_FIELDS)) is not None:
            fields.append(field.lower())
        word += " " + " ".join(fields)
    arguments = ""
    if cursor.at("("):
        inner = ",".join(part.strip() for part in cursor.raw(*cursor.brackets()).split(","))
        if word == "float":
            word = "real" if int(inner) <= 24 else "double precision"
        elif word == "numeric" and "," not in inner:
            arguments = f"({inner},0)"
        else:
            arguments = f"({inner})"
    elif word == "float":
        word = "double precision"
    elif word in ("character", "bit"):
        # both are one wide when nothing is told; bpchar without a length is not, but has the same values
        arguments = "(1)" if name[-1] != "bpchar" else ""
        word = "bpchar" if name[-1] == "bpchar" else word
    if word in ("timestamp", "time"):
        zone = "without time zone"
        if cursor.accept("WITH", "TIME", "ZONE"):
            zone = "with time zone"
        else:
            cursor.accept("WITHOUT", "TIME", "ZONE")
        return f"{word}{arguments} {zone}{_array(cursor)}"
    if word in ("timestamp with time zone", "time with time zone"):
        first, rest = word.split(" ", 1)
        return f"{first}{arguments} {rest}{_array(cursor)}"
    return f"{word}{arguments}{_array(cursor)}"


def _own_type(name: tuple[str, ...], schema: Schema, search_path: tuple[str, ...]) -> str | None:
    """Return the name of an enum, domain or composite type of the script, or of a type that is none of the server's."""
    if len(name) > 1:
        place = (name[-2], name[-1])
    else:
        found = [(path, name[0]) for path in search_path if (path, name[0]) in schema.types]
        if not found:
            return None
        place = found[0]
    shown = quote_if_needed(place[1])
    return shown if place[0] == schema.default_schema else f"{quote_if_needed(place[0])}.{shown}"


def quote_if_needed(name: str) -> str:
    """Return an identifier as PostgreSQL shows it, in quotes where it is not plain."""
    is_plain = name.isascii() and name == name.lower() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def _array(cursor: Cursor) -> str:
    """Move over the marks of an array; PostgreSQL keeps neither its size nor its dimensions."""
    found = ""
    while cursor.accept("["):
        found = "[]"
        while not cursor.accept("]"):
            cursor.next()
    if cursor.accept("ARRAY"):
        found = "[]"
        if cursor.accept("["):
            while not cursor.accept("]"):
                cursor.next()
    return found
