"""Cuts text into SQL statements, fills parameters in, and takes literals away, by the rules of quoting of an engine."""

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping

_COMMENT = r"--[^\n]*+|/\*.*?\*/"
_PLAIN = r"'[^']*+(?:''[^']*+)*+'"
_ESCAPED = r"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
_PATTERNS = {
    "mysql": rf"(?P<comment>--(?=\s)[^\n]*+|\#[^\n]*+|/\*(?!!).*?\*/)|(?P<string>{_ESCAPED}"
    r'|"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+")|(?P<name>`[^`]*+`)|(?P<end>;)',
    "postgresql": rf"(?P<comment>{_COMMENT})|(?P<string>[eE]{_ESCAPED}|{_PLAIN}|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$)"
    r'|(?P<name>"[^"]*+")|(?P<parameter>\$\d++)|(?P<end>;)',
    "sqlite": rf'(?P<comment>{_COMMENT})|(?P<string>{_PLAIN})|(?P<name>"[^"]*+"|`[^`]*+`|\[[^\]]*+\])|(?P<end>;)',
}
_PATTERNS["mssql"] = _PATTERNS["oracle"] = _PATTERNS["sqlite"]
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_VERB = re.compile(r"\(*\s*(\w+)")


@functools.cache
def _pattern(engine: str) -> re.Pattern[str]:
    rest = r"|(?P<other>[^'\"`$;#/\[eE-]++|.)"
    return re.compile(_PATTERNS[engine] + rest, re.DOTALL)


def _pieces(text: str, engine: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) of each piece: comment, string, name, parameter, end or other."""
    for match in _pattern(engine).finditer(text):
        kind = match.lastgroup or "other"
        yield ("string" if kind == "tag" else kind), match[0]


def split_statements(text: str, engine: str) -> list[tuple[str, str]]:
    """Return the statements of a script as (name, SQL); the name is the last line of comment before it, or empty."""
    statements: list[tuple[str, str]] = []
    name, sql = "", ""
    for kind, piece in [*_pieces(text, engine), ("end", ";")]:
        if kind == "end":
            if sql.strip():
                statements.append((name, sql.strip()))
            name, sql = "", ""
        elif kind == "comment":
            if not sql.strip():
                name = piece.strip("-#/*! \t\r\n").splitlines()[-1].strip() if piece.strip("-#/*! \t\r\n") else name
            sql += " "
        else:
            sql += piece
    return statements


def fill_parameters(sql: str, values: Mapping[int, str]) -> str | None:
    """Put literals in place of $1, $2 and so on of PostgreSQL; None when one is missing."""
    filled = []
    for kind, piece in _pieces(sql, "postgresql"):
        if kind == "parameter":
            value = values.get(int(piece[1:]))
            if value is None:
                return None
            filled.append(value)
        else:
            filled.append(piece)
    return "".join(filled)


def first_word(sql: str) -> str:
    """Return the verb of a statement in lower case."""
    match = _VERB.match(sql.lstrip())
    return match[1].lower() if match else ""


def shape_of(sql: str, engine: str) -> str:
    """Return a statement without its literals, so that the same query with other values has the same shape."""
    parts = []
    for kind, piece in _pieces(sql, engine):
        if kind == "string":
            parts.append("?")
        elif kind in ("name", "other"):
            parts.append(_NUMBER.sub("?", piece) if kind == "other" else piece)
    text = " ".join("".join(parts).split())
    return re.sub(r"\(\s*\?(?:\s*,\s*\?)+\s*\)", "(?)", text).lower()


def sql_sha256(sql: str) -> str:
    """Return the SHA-256 of a query as given, by which reports name it."""
    return hashlib.sha256(sql.encode("utf-8", "surrogatepass")).hexdigest()
