"""Reads the literals of INSERT as values: text, bytes, NULL, or what only a server could have worked out."""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ingestion.migration.dump.script import BACKSLASH_STRING, PLAIN_STRING
from ingestion.migration.dump.tokens import unescape_c, unescape_mysql

_is_number = re.compile(r"-?(?:[1-9][0-9]*+|0)(?:\.[0-9]++)?").fullmatch
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that a script gives as an expression; `kind` is the function or the word, never its arguments."""

    kind: str


class _Default:
    """The word DEFAULT in place of a value."""


DEFAULT: Final = _Default()


@dataclass(frozen=True, slots=True)
class NextValue:
    """The next number of a sequence, by the name in the script."""

    sequence: str


Value = str | bytes | None | Unknown | NextValue | _Default
"""Numbers are text, as written."""


def _kind(token: str) -> Unknown:
    found = re.match(r"[A-Za-z_][\w.]*", token)
    return Unknown(found[0].lower() if found else "expression")


def _plain_number(token: str) -> str:
    """Return a number without a sign before or noughts that say nothing."""
    text = token.removeprefix("+")
    sign = "-" if text.startswith("-") else ""
    text = text.removeprefix("-").lstrip("0")
    return sign + ("0" + text if not text or text[0] in ".eE" else text)


def read_all(tokens: Sequence[str], unescape: Callable[[str], str], read: Callable[[str], Value]) -> list[Value]:
    """Return the values of one column; `read` reads what is neither a whole string nor plain digits."""
    return [
        (inner if "\\" not in inner and "'" not in inner else unescape(inner))
        if token[:1] == "'" and token[-1] == "'"
        else (token if _is_number(token) else read(token))
        for token in tokens
        for inner in (token[1:-1],)
    ]


# --- MySQL ------------------------------------------------------------------------------------------------------

_HEX = re.compile(r"0x([0-9A-Fa-f]*)|[xX]'([0-9A-Fa-f]*)'")
_BITS = re.compile(r"0b([01]+)|[bB]'([01]*)'")
_INTRODUCED = re.compile(r"(_\w+|[nN])\s*('.*'|0x[0-9A-Fa-f]*|[xX]'[0-9A-Fa-f]*')", re.DOTALL)
_STRINGS = re.compile(rf"(?:{BACKSLASH_STRING}\s*)+", re.DOTALL)
_STRING = re.compile(BACKSLASH_STRING, re.DOTALL)


def read_mysql(token: str, encode: Callable[[str], bytes]) -> Value:
    """Return the value of one literal of MySQL; a string behind `_binary` is bytes."""
    word = token.upper()
    if word == "NULL" or word == "\\N":
        return None
    if word in ("TRUE", "FALSE"):
        return "1" if word == "TRUE" else "0"
    if word == "DEFAULT":
        return DEFAULT
    if _NUMBER.fullmatch(token):
        return _plain_number(token)
    if match := _HEX.fullmatch(token):
        digits = match[1] or match[2] or ""
        return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    if match := _BITS.fullmatch(token):
        digits = match[1] or match[2] or ""
        return int(digits or "0", 2).to_bytes((len(digits) + 7) // 8, "big")
    if match := _INTRODUCED.fullmatch(token):
        inner = read_mysql(match[2], encode)
        return encode(inner) if match[1].lower() == "_binary" and isinstance(inner, str) else inner
    if _STRINGS.fullmatch(token):
        return "".join(unescape_mysql(part[1:-1]) for part in _STRING.findall(token))
    if token[:1] == '"' and token[-1:] == '"' and len(token) > 1:
        return unescape_mysql(token[1:-1], '"')
    if token[:1] == "(" and token[-1:] == ")":
        return read_mysql(token[1:-1].strip(), encode)
    return _kind(token)


def read_mysql_bits(token: str, encode: Callable[[str], bytes]) -> Value:
    """Return the value of a literal for a column of bits, where the characters of a string are bytes."""
    value = read_mysql(token, encode)
    return encode(value) if isinstance(value, str) and token[:1] in "'\"(" else value


_BYTES = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]|\\(.)|''", re.DOTALL)
_BYTE_ESCAPES = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}
TWO_BYTE_ENCODINGS = frozenset({"gb18030", "big5", "shift_jis", "euc_kr"})


def read_mysql_bytes(token: str, encode: Callable[[str], bytes]) -> Value:
    """Return the bytes of a string in an encoding whose second bytes may be a backslash.

    There an escape is looked for among the bytes, as the server does: in a picture two bytes are no character.
    """
    match = re.fullmatch(r"(?:_binary\s*)?('.*')", token, re.DOTALL | re.IGNORECASE)
    if match is None:
        return read_mysql(token, encode)

    def replace(found: re.Match[bytes]) -> bytes:
        if found[1] is None:
            return b"'" if found[0] == b"''" else found[0]
        return b"\\" + found[1] if found[1] in (b"%", b"_") else _BYTE_ESCAPES.get(found[1], found[1])

    return _BYTES.sub(replace, encode(match[1])[1:-1])


# --- PostgreSQL -------------------------------------------------------------------------------------------------

_TYPE = r'(?:"[^"]*"|[A-Za-z_][\w .]*)(?:\([\d, ]*\))?(?:\[\])*'
_CAST = re.compile(rf"(.*?)\s*::\s*{_TYPE}", re.DOTALL)
_CAST_CALL = re.compile(rf"CAST\s*\((.*)\s+AS\s+{_TYPE}\s*\)", re.DOTALL | re.IGNORECASE)
_TYPED = re.compile(r"(?:date|timestamptz|timestamp|time|interval|timestamp with(?:out)? time zone)\s*('.*')",
                    re.DOTALL | re.IGNORECASE)  # fmt: skip
_DECODE = re.compile(r"(?:pg_catalog\.)?decode\s*\(\s*('[^']*')\s*,\s*'(hex|base64|escape)'\s*\)", re.IGNORECASE)
_DOLLAR = re.compile(r"(\$(?:[^\W\d]\w*)?\$)(.*)\1", re.DOTALL)
_PLAIN = re.compile(PLAIN_STRING, re.DOTALL)
_ESCAPED = re.compile(rf"[eE]({BACKSLASH_STRING})", re.DOTALL)
_BIT_STRING = re.compile(r"([bBxX])'([0-9A-Fa-f]*)'")
_ARRAY = re.compile(r"ARRAY\s*\[(.*)\]", re.DOTALL | re.IGNORECASE)
_NEXT = re.compile(r"(?:pg_catalog\.)?nextval\s*\(\s*\(?'([^']*)'", re.IGNORECASE)


def read_postgresql(token: str, *, has_plain_strings: bool = True) -> Value:
    """Return the value of one literal of PostgreSQL; casts are left to the column's own type."""
    word = token.upper()
    if word == "NULL":
        return None
    if word in ("TRUE", "FALSE"):
        return word.lower()
    if word == "DEFAULT":
        return DEFAULT
    if _NUMBER.fullmatch(token):
        return _plain_number(token)
    if _PLAIN.fullmatch(token):
        return token[1:-1].replace("''", "'") if has_plain_strings else unescape_c(token[1:-1])
    if match := _ESCAPED.fullmatch(token):
        return unescape_c(match[1][1:-1])
    if match := _DOLLAR.fullmatch(token):
        return match[2]
    if match := _BIT_STRING.fullmatch(token):
        bits = match[2]
        return bits if match[1] in "bB" else "".join(f"{int(digit, 16):04b}" for digit in bits)
    if match := _DECODE.fullmatch(token):
        text = match[1][1:-1]
        if match[2].lower() == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text) if match[2].lower() == "base64" else unescape_bytea(text)
    for pattern in (_CAST_CALL, _TYPED, _CAST):
        if match := pattern.fullmatch(token):
            return read_postgresql(match[1].strip(), has_plain_strings=has_plain_strings)
    if match := _ARRAY.fullmatch(token):
        return _array_text(match[1], has_plain_strings)
    if match := _NEXT.match(token):
        return NextValue(match[1])
    if token[:1] == "(" and token[-1:] == ")":
        return read_postgresql(token[1:-1].strip(), has_plain_strings=has_plain_strings)
    return _kind(token)


def _array_text(inner: str, has_plain_strings: bool) -> Value:
    """Return ARRAY[..] in the form of a literal; unknown when one of its parts is."""
    parts = []
    for part in _split(inner):
        part = part if part.upper().startswith("ARRAY") or not part.startswith("[") else f"ARRAY{part}"
        value = read_postgresql(part, has_plain_strings=has_plain_strings)
        if value is None:
            parts.append("NULL")
        elif not isinstance(value, str):
            return Unknown("array")
        elif part.upper().startswith("ARRAY"):
            parts.append(value)
        else:
            parts.append('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return "{" + ",".join(parts) + "}"


_PART = re.compile(rf"{PLAIN_STRING}|[\[\](),]|[^'\[\](),]+|.", re.DOTALL)


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for match in _PART.finditer(text):
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(match[0], 0)
        if match[0] == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += match[0]
    return [part.strip() for part in parts if part.strip()]


_BYTE = re.compile(rb"\\(?:([0-7]{3})|(\\))")


def unescape_bytea(text: str) -> bytes:
    """Return the bytes of PostgreSQL's bytea, in its hex or its escape form."""
    if text.startswith("\\x"):
        return bytes.fromhex(text[2:])
    data = text.encode("utf-8", "surrogateescape")
    return _BYTE.sub(lambda match: bytes([int(match[1], 8)]) if match[1] else b"\\", data)
