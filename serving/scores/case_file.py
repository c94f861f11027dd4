"""Reads and writes the CSV files of cases; an encoding is found out as for deliveries, and answers are UTF-8."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lakehouse.errors import UsageError
from lakehouse.formats.encoding import decode


def read_cases(source: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a file, every row as long as the header.

    Raises UsageError when the file is missing, has no header, or has a column twice.
    """
    try:
        content = source.read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({type(error).__name__})") from None
    text, _ = decode(content)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error as error:
        raise UsageError(f"{source} is no CSV file: {error}") from None
    if not rows:
        raise UsageError(f"{source} is empty: its first line names the columns")
    header = [name.strip() for name in rows[0]]
    if len({name.lower() for name in header}) < len(header):
        raise UsageError(f"{source} has a column twice")
    width = len(header)
    return header, [(row + [""] * width)[:width] for row in rows[1:]]


def write_cases(out: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a header and rows. Raises UsageError when the file cannot be written."""
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({type(error).__name__})") from None
