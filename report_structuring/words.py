"""The package's data files: tables of tab-separated rows and named lists of words."""

from functools import cache
from importlib import resources

from report_structuring.additional_rows import added_rows


def read_rows(name: str) -> list[list[str]]:
    """Read the rows below the header of one of the package's tables, and those a hospital added to it."""
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()[1:] if line] + added_rows(name)


@cache
def read_words(name: str) -> tuple[str, ...]:
    """Return a named list of `words.tsv`."""
    return tuple(dict(row[:2] for row in read_rows("words.tsv"))[name].split())


def any_of(name: str) -> str:
    """Return a named list of `words.tsv` as one group of a regular expression; its words may be patterns."""
    return f"(?:{'|'.join(read_words(name))})"


def expand(pattern: str) -> str:
    """Write out the named groups of a pattern: `{degree}` and `{shape}` are runs of up to six such words."""
    for name in ("degree", "shape"):
        pattern = pattern.replace(f"{{{name}}}", f"{any_of(name)}{{0,6}}")
    return pattern
