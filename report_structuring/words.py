"""The package's data files: tables of tab-separated rows and named lists of words."""

from functools import cache
from importlib import resources


def read_rows(name: str) -> list[list[str]]:
    """Read the rows below the header of one of the package's tables."""
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:] if line]


@cache
def read_words(name: str) -> tuple[str, ...]:
    """Return a named list of `words.tsv`."""
    return tuple(dict(row[:2] for row in read_rows("words.tsv"))[name].split())


def any_of(name: str) -> str:
    """Return a named list of `words.tsv` as one group of a regular expression; its words may be patterns."""
    return f"(?:{'|'.join(read_words(name))})"
