"""Word lists of the scrubber: surnames by how surely they are one, words that are no names, and what follows a name.

The lists are in scrub_words.tsv and words.tsv. A character such as 高 or 于 is a surname and a word; whether a text
means one or the other is decided by the two characters it begins with (高热, 于昨), so that a list of openings of
ordinary words does for all of them.
"""

from functools import cache

from report_structuring.words import read_rows, read_words


@cache
def read_scrub_words(name: str) -> tuple[str, ...]:
    """Return a named list of `scrub_words.tsv`."""
    return tuple(dict(row[:2] for row in read_rows("scrub_words.tsv"))[name].split())


def any_scrub_word(name: str) -> str:
    """Return a named list as one group of a regular expression, the longest first; its words may be patterns."""
    return f"(?:{'|'.join(sorted(set(read_scrub_words(name)), key=lambda word: (-len(word), word)))})"


def _openings() -> frozenset[str]:
    words = {*read_scrub_words("ordinary"), *read_scrub_words("follow"), *read_words("not_names")}
    for row in read_rows("finding_lexicon.tsv"):
        words.update(row[4].split("|"))
    for row in read_rows("anatomy.tsv"):
        words.update(row[3].split())
    return frozenset(word[:2] for word in words if len(word) > 1)


SAFE_SURNAMES = frozenset(read_scrub_words("safe_surnames"))
"""Surnames that are hardly ever another word."""
SURNAMES = frozenset(read_words("surnames")) | SAFE_SURNAMES | frozenset(read_scrub_words("surnames_that_are_words"))
ALL_SURNAMES = SURNAMES | frozenset(read_scrub_words("surnames"))
"""With those so rare that only a label makes them one."""
UNLABELLED_SURNAMES = ALL_SURNAMES - frozenset(read_scrub_words("labelled_only"))
COMPOUND_SURNAMES = frozenset(read_words("compound_surnames")) | frozenset(read_scrub_words("compound_surnames"))
OPENINGS = _openings()
"""The first two characters of ordinary and clinical words."""
FOLLOWING = frozenset(read_scrub_words("follow_single"))
NEVER_GIVEN = frozenset(read_scrub_words("never_given"))
SELDOM_GIVEN = frozenset(read_scrub_words("seldom_given"))
"""Characters that are in given names, but more often begin the next word."""
USUAL_GIVEN = frozenset(read_scrub_words("usual_given"))
"""Characters that are usual in given names; needed where the surname is more often a word."""
LABEL_STOPS = frozenset(read_scrub_words("label_stops"))
TRANSLITERATION = frozenset(read_scrub_words("translit"))
"""Characters by which names of other languages are written."""
PARTS = TRANSLITERATION | frozenset(read_scrub_words("translit_in_parts"))
"""With those that are so only in a name of several parts."""


def is_ordinary(text: str, at: int) -> bool:
    """Say whether an ordinary word begins here."""
    return text[at : at + 2] in OPENINGS


def is_han(char: str) -> bool:
    """Say whether a character is a Chinese one, the rare ones included."""
    return "\u4e00" <= char <= "\u9fff" or "\u3400" <= char <= "\u4dbf" or "\U00020000" <= char <= "\U0003ffff"
