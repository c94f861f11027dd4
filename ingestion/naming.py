"""Compares the names of columns as hospitals write them."""

import re
import unicodedata

_UNIT_IN_BRACKETS = re.compile(r"[(\[（【][^)\]）】]*[)\]）】]")


def normalise_header(name: str) -> str:
    """Return a header half-width, without spaces, units in brackets and case."""
    text = unicodedata.normalize("NFKC", name).lstrip("\ufeff")
    stripped = _UNIT_IN_BRACKETS.sub("", text)
    return re.sub(r"[\s\u200b'\"`]+", "", stripped or text).casefold()


def shown_name(name: str, pattern: str) -> str:
    """Return a file name fit to be shown: what the configured glob spells out, and short ASCII besides.

    A name may hold a person's name or number; whatever the glob's wildcards let in is masked unless it is ASCII with
    fewer than nine digits on end.
    """
    spelled_out = [part for part in re.split(r"[*?\[\]]+", pattern.rsplit("/", 1)[-1]) if part]
    shown, rest = "", name
    for part in spelled_out:
        before, found, after = rest.partition(part)
        if not found:
            break
        shown += _mask(before) + part
        rest = after
    return shown + _mask(rest)


def _mask(text: str) -> str:
    is_plain = text.isascii() and not re.search(r"\d{9,}", text)
    return text if is_plain else "***"
