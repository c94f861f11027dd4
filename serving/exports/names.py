"""Names and labels within the limits of SPSS, Stata and REDCap.

A name is shortened by its own digest, so it is the same in every release whatever other columns there are.
SPSS: 64 bytes, letter first, reserved words. Stata: 32 characters, letter or underscore first, reserved words.
"""

import hashlib
import re
from collections.abc import Iterable

from lakehouse.errors import ContractError

_SPSS_WORDS = "all and by eq ge gt le lt ne not or to with"
_STATA_WORDS = "_all _b byte _coef _cons double float if in int long _n _pi _pred _rc _skip str strl using with"
RESERVED = frozenset(f"{_SPSS_WORDS} {_STATA_WORDS}".split())
_STRING_TYPE = re.compile(r"^str\d+$")
_FOREIGN = re.compile(r"[^a-z0-9_]")


def short_name(name: str, limit: int) -> str:
    """Return a name of at most `limit` ASCII characters that SPSS, Stata and REDCap take.

    A name that is long, reserved or holds other characters ends in six digits of its SHA-256.
    """
    plain = re.sub(r"_+", "_", _FOREIGN.sub("_", name.lower())).strip("_")
    if plain == name.lower() and len(plain) <= limit and plain[0].isalpha() and not _is_reserved(plain):
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    if not plain[:1].isalpha():
        plain = f"v_{plain}"
    return f"{plain[: limit - 7].rstrip('_')}_{digest}"


def _is_reserved(name: str) -> bool:
    return name in RESERVED or bool(_STRING_TYPE.match(name))


def short_names(names: Iterable[str], limit: int) -> dict[str, str]:
    """Return the short name of each name.

    Raises ContractError when two names would become one.
    """
    shortened: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in names:
        short = short_name(name, limit)
        if short in taken:
            raise ContractError(f"columns {taken[short]} and {name} would both be exported as {short}; rename one")
        taken[short] = name
        shortened[name] = short
    return shortened


def cut_bytes(text: str, limit: int) -> str:
    """Return the text cut to at most `limit` bytes of UTF-8, at a character."""
    return text.encode()[:limit].decode(errors="ignore")
