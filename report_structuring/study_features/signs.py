"""The sign columns of the imaging marts, each with the codes of findings that it stands for (signs.tsv)."""

import csv
from functools import cache
from pathlib import Path


@cache
def sign_codes(disease: str) -> dict[str, frozenset[str]]:
    """Return the sign columns of a disease with their codes."""
    with (Path(__file__).parent / "signs.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["column"]: frozenset(row["codes"].split()) for row in rows if row["disease"] == disease}
