"""Keyed pseudonyms, once in Python and once as DuckDB macros that give the same answer.

A pseudonym is the first 20 base32 characters (100 bits) of HMAC-SHA256(key, kind 0x1f canonical value)
(privacy requirement PRV-PS-01). The canonical value has no spaces or quotes, is half-width and upper case (ASCII), so
that one number written in two widths stays one number. In SQL the key lives in two session variables (the inner and
outer HMAC pads), never in the text of a statement.
"""

import base64
import hashlib
import hmac
import re

_FROM = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "abcdefghijklmnopqrstuvwxyz"
_TO = "".join(chr(code) for code in range(0x21, 0x7F)).upper() + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HALF_WIDTH_UPPER = str.maketrans(_FROM, _TO)
# code points and ranges of Unicode spaces, invisible marks and quotes; one list for Python and for RE2
_IGNORED = (
    "9-d", "20", "22", "27", "85", "a0", "1680", "2000-200d", "2018-2019", "201c-201d", "2028-2029", "202f", "205f",
    "2060", "3000", "feff",
)  # fmt: skip
_SPACES_AND_QUOTES = re.compile(
    "[" + "".join("-".join(f"\\u{int(end, 16):04x}" for end in part.split("-")) for part in _IGNORED) + "]+"
)
_RE2_SPACES_AND_QUOTES = "[" + "".join("-".join(f"\\x{{{end}}}" for end in part.split("-")) for part in _IGNORED) + "]+"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def canonical_identifier(value: str) -> str:
    """Return the form of an identifier that is compared and hashed."""
    return _SPACES_AND_QUOTES.sub("", value.translate(_HALF_WIDTH_UPPER))


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """Return the 20-character pseudonym of an identifier of one kind."""
    message = f"{kind}\x1f{canonical_identifier(value)}".encode()
    return base64.b32encode(hmac.new(key, message, hashlib.sha256).digest()[:13])[:20].decode("ascii")


def session_variables(key: bytes) -> dict[str, bytes]:
    """Return the HMAC pads that the SQL macros read, by variable name."""
    block = key.ljust(64, b"\x00")
    return {
        "radlake_ipad": bytes(byte ^ 0x36 for byte in block),
        "radlake_opad": bytes(byte ^ 0x5C for byte in block),
    }


def _base32_expression() -> str:
    """Return SQL that writes 25 hex digits `h` as 20 base32 characters."""
    high = "to_base(cast('0x' || substr(h, 1, 15) as bigint), 32, 12)"
    low = "to_base(cast('0x' || substr(h, 16, 10) as bigint), 32, 8)"
    return f"translate({high} || {low}, '0123456789ABCDEFGHIJKLMNOPQRSTUV', '{_ALPHABET}')"


def macro_statements() -> list[str]:
    """Return the statements that define the pseudonym macros in one connection."""
    to = _TO.replace("'", "''")
    return [
        # translate() is slow, so values that are canonical already go round it
        f"create or replace temp macro canonical_identifier(v) as "
        f"case when regexp_full_match(v, '[0-9A-Z_.^|/-]*') then v "
        f"else regexp_replace(translate(v, '{_FROM}', '{to}'), '{_RE2_SPACES_AND_QUOTES}', '', 'g') end",
        "create or replace temp macro hmac_sha256(v) as "
        "sha256(getvariable('radlake_opad') || unhex(sha256(getvariable('radlake_ipad') || encode(v))))",
        f"create or replace temp macro hex_to_base32(h) as {_base32_expression()}",
        # the one-element lists bind a value once: a macro argument used twenty times is computed twenty times
        "create or replace temp macro pseudonym(kind, v) as list_transform(list_transform("
        "[nullif(canonical_identifier(v), '')], "
        "lambda c: substr(hmac_sha256(kind || chr(31) || c), 1, 25)), "
        "lambda h: hex_to_base32(h))[1]",
    ]
