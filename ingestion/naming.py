"""Compares the names of columns as hospitals write them."""

import functools
import re
import unicodedata
from pathlib import Path

_UNIT_IN_BRACKETS = re.compile(r"[(\[（【][^)\]）】]*[)\]）】]")


def normalise_header(name: str) -> str:
    """Return a header half-width, without spaces, units in brackets and case."""
    text = unicodedata.normalize("NFKC", name).lstrip("\ufeff")
    stripped = _UNIT_IN_BRACKETS.sub("", text)
    return re.sub(r"[\s\u200b'\"`]+", "", stripped or text).casefold()


def shown_name(name: str, pattern: str) -> str:
    """Return a file name fit to be shown: what the configured glob spells out, and what names nobody.

    A name may hold a person's name or number. Of what the glob's wildcards let in, Chinese that is not made of the
    words of exports is masked, and so are nine digits on end unless they are a day with its time.
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


_CHINESE = re.compile(r"[^\x00-\x7f]+")
_LONG_NUMBER = re.compile(r"\d{9,}")
_DAY_AND_TIME = re.compile(
    r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d(?:\d{3})?)?"
)


@functools.cache
def _words_of_exports() -> re.Pattern[str]:
    lines = (Path(__file__).parent / "file_name_words.txt").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    return re.compile(f"(?:{'|'.join(sorted(words, key=len, reverse=True))})*")


def _mask(text: str) -> str:
    words = _CHINESE.findall(text)
    numbers = _LONG_NUMBER.findall(text)
    is_plain = all(_words_of_exports().fullmatch(word) for word in words) and all(
        _DAY_AND_TIME.fullmatch(number) for number in numbers
    )
    return text if is_plain else "***"
