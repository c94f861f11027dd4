"""Reads what SQLite keeps only as the text of a CREATE statement: checks, names of keys, collations, trigger heads."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

_TOKEN = re.compile(
    r"""\s+|--[^\n]*|/\*.*?(?:\*/|$)"""
    r"""|(?P<string>'(?:[^']|'')*')"""
    r"""|(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])"""
    r"""|(?P<word>[^\W\d][\w$]*)"""
    r"""|(?P<other>[\d.]+\w*|.)""",
    re.DOTALL,
)
_CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, quoted name, string or sign, with its place in the text."""

    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """Return an unquoted word in upper case; a quoted name is never one."""
        return self.text.upper() if self.text[0].isalpha() or self.text[0] == "_" else ""

    @property
    def name(self) -> str:
        """Return the token as a name, without quotes; SQLite takes a string for a name too."""
        mark = self.text[0]
        if mark == "[":
            return self.text[1:-1]
        return self.text[1:-1].replace(mark * 2, mark) if mark in "\"`'" and len(self.text) > 1 else self.text


@dataclass(kw_only=True, slots=True)
class TableText:
    """What the text of CREATE TABLE tells beside the pragmas; names of columns in lower case."""

    checks: list[str] = field(default_factory=list)
    collations: dict[str, str] = field(default_factory=dict)
    expressions: dict[str, str] = field(default_factory=dict)
    """Of generated columns."""
    key_names: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Columns of a foreign key to its name, where it has one."""
    is_without_rowid: bool = False


def tokens_of(sql: str) -> list[Token]:
    """Return the tokens of a statement, without blanks and comments."""
    return [Token(match[0], match.start(), match.end()) for match in _TOKEN.finditer(sql) if match.lastgroup]


def _close(tokens: list[Token], place: int) -> int:
    """Return the place of the bracket that closes the one at `place`."""
    depth = 0
    for index in range(place, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].text, 0)
        if depth == 0:
            return index
    return len(tokens) - 1


def _parts(tokens: list[Token], place: int) -> list[list[Token]]:
    """Return what stands between the commas of the brackets that open at `place`."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[place + 1 : _close(tokens, place)]:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _inside(sql: str, tokens: list[Token], place: int) -> str:
    """Return the text between the brackets that open at `place`."""
    return sql[tokens[place].end : tokens[_close(tokens, place)].start].strip()


def parse_index_columns(sql: str) -> list[str]:
    """Return the texts between the commas of CREATE INDEX, without their direction."""
    tokens = tokens_of(sql)
    place = next((index for index, token in enumerate(tokens) if token.text == "("), None)
    if place is None:
        return []
    texts = []
    for part in _parts(tokens, place):
        last = part[:-1] if part[-1].word in ("ASC", "DESC") and len(part) > 1 else part
        texts.append(sql[last[0].start : last[-1].end])
    return texts


def parse_trigger(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return timing and events of CREATE TRIGGER; before where the text tells none."""
    tokens = tokens_of(sql)
    # behind the name, which may be called like a word of the language
    place = next((index for index, token in enumerate(tokens) if token.word == "TRIGGER"), 0) + 1
    if [token.word for token in tokens[place : place + 3]] == ["IF", "NOT", "EXISTS"]:
        place += 3
    place += 3 if len(tokens) > place + 1 and tokens[place + 1].text == "." else 1
    timing = "before"
    for token in tokens[place:]:
        if token.word in ("BEFORE", "AFTER"):
            timing = token.word.lower()
        elif token.word == "INSTEAD":
            timing = "instead of"
        elif token.word in ("INSERT", "UPDATE", "DELETE"):
            return timing, (token.word.lower(),)
    return timing, ()


def parse_table(sql: str) -> TableText:
    """Return what the text of CREATE TABLE tells; nothing for CREATE TABLE AS, which SQLite rewrites anyway."""
    found = TableText()
    tokens = tokens_of(sql)
    place = next((index for index, token in enumerate(tokens) if token.text == "("), None)
    if place is None:
        return found
    tail = [token.word for token in tokens[_close(tokens, place) + 1 :]]
    found.is_without_rowid = any(pair == ("WITHOUT", "ROWID") for pair in pairwise(tail))
    for part in _parts(tokens, place):
        column = None if part[0].word in _CONSTRAINTS else part[0].name.lower()
        _read_part(sql, part, column, found)
    return found


def _read_part(sql: str, part: list[Token], column: str | None, found: TableText) -> None:
    """Read one column or one constraint."""
    name = ""
    place = 0 if column is None else 1
    while place < len(part):
        token = part[place]
        following = part[place + 1] if place + 1 < len(part) else None
        if token.word == "CONSTRAINT" and following:
            name = following.name
            place += 2
            continue
        if following and following.text == "(":
            if token.word == "CHECK":
                found.checks.append(_inside(sql, part, place + 1))
            elif token.word == "AS" and column:
                found.expressions[column] = _inside(sql, part, place + 1)
            elif token.word == "KEY" and part[place - 1].word == "FOREIGN" and name:
                keys = tuple(item[0].name.lower() for item in _parts(part, place + 1))
                found.key_names[keys] = name
            place = _close(part, place + 1) + 1
            continue
        if token.word == "REFERENCES" and column and name:
            found.key_names[(column,)] = name
        elif token.word == "COLLATE" and column and following:
            found.collations[column] = following.name
        place += 1
