"""The tokens of one statement, and a cursor over them for the readers of DDL."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ingestion.migration.dump.conditions import is_skipped
from ingestion.migration.dump.script import BACKSLASH_STRING, PLAIN_STRING

Kind = Literal["word", "name", "string", "number", "mark"]
"""`name` is a quoted identifier."""

_CONDITIONAL = re.compile(r"/\*(M?)!(\d*)")
_DOLLAR = re.compile(r"\$(?:[^\W\d]\w*)?\$")
_ESCAPES = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a"}
_MYSQL_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_MYSQL_DOUBLE = re.compile(r'\\(.)|""', re.DOTALL)
_C_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|''", re.DOTALL)
_C_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def unescape_mysql(text: str, quote: str = "'") -> str:
    """Return the text between MySQL's quotes; `\\%` and `\\_` keep their backslash, as the server keeps it."""
    if "\\" not in text and quote not in text:
        return text
    if "\\\\" not in text and quote + quote not in text:
        # every backslash begins an escape: the common ones go at once
        plain = text.replace("\\n", "\n").replace("\\" + quote, quote).replace('\\"', '"').replace("\\r", "\r")
        if "\\" not in plain:
            return plain

    def replace(match: re.Match[str]) -> str:
        escaped = match[1]
        if escaped is None:
            return quote
        return "\\" + escaped if escaped in "%_" else _ESCAPES.get(escaped, escaped)

    return (_MYSQL_ESCAPE if quote == "'" else _MYSQL_DOUBLE).sub(replace, text)


def unescape_c(text: str) -> str:
    """Return the text between the quotes of PostgreSQL's E'..'; bytes above 127 become lone surrogates or UTF-8."""
    if "\\" not in text and "'" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        octal, hexadecimal, short, long, other = match.groups()
        if other is not None:
            return _C_ESCAPES.get(other, other)
        if short or long:
            return chr(int(short or long, 16))
        if octal or hexadecimal:
            code = int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)
            return chr(code) if code < 0x80 else chr(0xDC00 + code)
        return "'"

    found = _C_ESCAPE.sub(replace, text)
    return found.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") if "\\" in text else found


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `value` is without quotes, a word as written."""

    kind: Kind
    value: str
    start: int
    end: int


def _patterns(string: str, double: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<blank>\s+)|(?P<string>{string})|(?P<double>{double})|(?P<tick>`[^`]*(?:``[^`]*)*`)"
        r"|(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w$])|\.\d+)|(?P<word>[\w$@]+)|(?P<mark>::|:=|<>|[<>!]=|.)",
        re.DOTALL,
    )


_PATTERN = {
    "mysql": _patterns(BACKSLASH_STRING, r'"(?:[^"\\]|\\.|"")*"'),
    "postgresql": _patterns(PLAIN_STRING, r'"[^"]*(?:""[^"]*)*"'),
    "escaped": _patterns(BACKSLASH_STRING, r'"[^"]*(?:""[^"]*)*"'),
}
_E_STRING = re.compile(BACKSLASH_STRING, re.DOTALL)


def tokenize(
    text: str, engine: str, *, has_plain_strings: bool = True, is_mysql_server: bool = True
) -> Iterator[Token]:
    """Yield the tokens of a statement; what MySQL's conditional comments hold belongs to it, other comments do not."""
    is_mysql = engine == "mysql"
    pattern = _PATTERN["mysql" if is_mysql else "postgresql" if has_plain_strings else "escaped"]
    position, conditions, size = 0, 0, len(text)
    while position < size:
        if text.startswith("--", position) or (is_mysql and text[position] == "#"):
            position = _line_end(text, position)
            continue
        if text.startswith("/*", position):
            condition = _CONDITIONAL.match(text, position) if is_mysql else None
            if condition and not is_skipped(condition[1], int(condition[2] or 0), is_mysql=is_mysql_server):
                conditions, position = conditions + 1, condition.end()
            else:
                position = _comment_end(text, position, nested=not is_mysql)
            continue
        if conditions and text.startswith("*/", position):
            conditions, position = conditions - 1, position + 2
            continue
        match = pattern.match(text, position)
        assert match is not None
        start, end, kind, part = match.start(), match.end(), match.lastgroup, match[0]
        if kind == "word" and not is_mysql:
            if part in ("e", "E") and text.startswith("'", end) and (string := _E_STRING.match(text, end)):
                yield Token("string", unescape_c(string[0][1:-1]), start, string.end())
                position = string.end()
                continue
            if part.startswith("$") and (tag := _DOLLAR.match(text, start)):
                close = text.find(tag[0], tag.end())
                close = size if close < 0 else close
                yield Token("string", text[tag.end() : close], start, close + len(tag[0]))
                position = close + len(tag[0])
                continue
        position = end
        if kind == "blank":
            continue
        if kind == "string":
            inner = part[1:-1]
            plain = (
                unescape_mysql(inner)
                if is_mysql
                else inner.replace("''", "'")
                if has_plain_strings
                else unescape_c(inner)
            )
            yield Token("string", plain, start, end)
        elif kind == "double":
            if is_mysql:
                yield Token("string", unescape_mysql(part[1:-1], '"'), start, end)
            else:
                yield Token("name", part[1:-1].replace('""', '"'), start, end)
        elif kind == "tick":
            yield Token("name", part[1:-1].replace("``", "`"), start, end)
        else:
            yield Token(kind, part, start, end)  # type: ignore[arg-type]


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _comment_end(text: str, position: int, *, nested: bool) -> int:
    depth = 0
    for edge in re.finditer(r"/\*|\*/", text[position:]):
        depth += 1 if edge[0] == "/*" and (nested or depth == 0) else -1 if edge[0] == "*/" else 0
        if depth == 0:
            return position + edge.end()
    return len(text)


class StatementError(Exception):
    """A statement is not what its reader expected."""


class Cursor:
    """A place among the tokens of a statement."""

    def __init__(self, text: str, engine: str, *, has_plain_strings: bool = True, is_mysql_server: bool = True) -> None:
        self.text = text
        self.engine = engine
        self.tokens = list(tokenize(text, engine, has_plain_strings=has_plain_strings, is_mysql_server=is_mysql_server))
        self.place = 0

    @property
    def is_done(self) -> bool:
        """Return whether no token is left."""
        return self.place >= len(self.tokens)

    def peek(self, ahead: int = 0) -> Token | None:
        """Return a token without moving, None behind the last."""
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def next(self) -> Token:
        """Return the next token; StatementError at the end."""
        token = self.peek()
        if token is None:
            raise StatementError("the statement ends early")
        self.place += 1
        return token

    def at(self, *words: str) -> bool:
        """Return whether these words or marks come next."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token is None or token.kind in ("name", "string") or token.value.upper() != word:
                return False
        return True

    def accept(self, *words: str) -> bool:
        """Move over these words or marks when they come next."""
        if self.at(*words):
            self.place += len(words)
            return True
        return False

    def accept_any(self, *words: str) -> str | None:
        """Move over one of these words; return it in capitals."""
        for word in words:
            if self.accept(word):
                return word
        return None

    def expect(self, *words: str) -> None:
        """Move over these words; StatementError when something else comes."""
        if not self.accept(*words):
            raise StatementError(f"{' '.join(words)} is missing")

    def name(self) -> str:
        """Return an identifier as the engine keeps it."""
        token = self.next()
        if token.kind == "name":
            return token.value
        if token.kind in ("word", "number"):
            # PostgreSQL keeps names in small letters, Oracle in capitals, the others as they are written
            fold = {"postgresql": str.lower, "oracle": str.upper}.get(self.engine, str)
            return fold(token.value)
        if token.kind == "string" and self.engine == "mysql":
            return token.value
        raise StatementError("a name is missing")

    def qualified(self) -> tuple[str, ...]:
        """Return a name with what stands before it and a dot."""
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name())
        return tuple(parts)

    def brackets(self) -> tuple[int, int]:
        """Move over a part in round brackets; return the places of its inner tokens."""
        self.expect("(")
        first, depth = self.place, 1
        while depth:
            token = self.next()
            if token.kind == "mark":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
        return first, self.place - 1

    def parts(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return where the parts between top-level commas begin and end."""
        found, start, depth = [], first, 0
        for place in range(first, last):
            token = self.tokens[place]
            if token.kind != "mark":
                continue
            depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(token.value, 0)
            if token.value == "," and depth == 0:
                found.append((start, place))
                start = place + 1
        return [*found, (start, last)] if last > first else []

    def raw(self, first: int, last: int) -> str:
        """Return the text of tokens as written."""
        if last <= first:
            return ""
        return self.text[self.tokens[first].start : self.tokens[last - 1].end]

    def rest(self) -> str:
        """Return all that is left as written."""
        return self.raw(self.place, len(self.tokens))

    def names_in_brackets(self) -> tuple[str, ...]:
        """Return a list of names in brackets."""
        first, last = self.brackets()
        behind = self.place
        names = []
        for start, _ in self.parts(first, last):
            self.place = start
            names.append(self.name())
        self.place = behind
        return tuple(names)


def statement_kind(cursor: Cursor) -> str:
    """Return what kind of statement it is, in words that hold no value."""
    words = [token.value.upper() for token in cursor.tokens if token.kind == "word"]
    if words and words[0] in ("INSERT", "REPLACE"):
        form = next((word for word in words if word in ("SELECT", "SET", "DEFAULT")), "of another form")
        return f"{words[0]} ... {form}"
    return " ".join(words[:1])
