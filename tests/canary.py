"""The canary: hunts planted identities everywhere but the unlocked restricted zone.

Every value is searched for as the bytes of UTF-8, GB18030 and UTF-16 in files, and as text in every table of the
research zone. Aho-Corasick over all values at once (polars), so hundreds of values cost one pass.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from lakehouse.lake import open_lake
from lakehouse.settings import Settings

_SHORTEST = 4
_ENCODINGS = ("utf-8", "gb18030", "utf-16-le")


def read_planted_identities(truth: Path) -> list[str]:
    """Return every identifier a synthetic hospital planted, longest first."""
    with (truth / "identifier.csv").open(encoding="utf-8", newline="") as file:
        values = {row["id_raw"].strip() for row in csv.DictReader(file) if row.get("is_canary", "true") == "true"}
    return sorted((value for value in values if _is_telling(value)), key=len, reverse=True)


def _is_telling(value: str) -> bool:
    """A short number stands everywhere by chance; a name of two Han characters does not."""
    return len(value) >= 8 or (not value.isascii() and len(value) >= 2) or len(value) >= _SHORTEST + 2


def find_in_bytes(content: bytes, values: Sequence[str]) -> list[str]:
    """Return the values that stand in bytes in any of the encodings."""
    needles = {value.encode(encoding).decode("latin-1"): value for value in values for encoding in _ENCODINGS}
    found = pl.Series([content.decode("latin-1")]).str.extract_many(list(needles)).to_list()[0]
    return sorted({needles[needle] for needle in found})


def find_in_files(folders: Iterable[Path], values: Sequence[str]) -> dict[str, int]:
    """Return, by file, how many values stand in it or in its name."""
    hits = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            found = find_in_bytes(path.name.encode(), values)
            if path.is_file():
                found += find_in_bytes(path.read_bytes(), values)
            if found:
                hits[str(path)] = len(found)
    return hits


def find_in_lake(settings: Settings, values: Sequence[str]) -> dict[str, int]:
    """Return, by table and column of the research zone, how many values stand in it."""
    hits = {}
    with open_lake(settings, ("lake",), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'lake' "
            "and data_type in ('VARCHAR', 'VARCHAR[]', 'BLOB') order by all"
        ).fetchall()
        for schema, table, column in columns:
            texts = connection.execute(
                f'select distinct cast("{column}" as varchar) as text from lake."{schema}"."{table}" '
                f'where "{column}" is not null'
            ).fetchall()
            content = "\n".join(text for (text,) in texts).encode()
            found = find_in_bytes(content, values)
            if found:
                hits[f"{schema}.{table}.{column}"] = len(found)
    return hits


def hunt(settings: Settings, values: Sequence[str], *, output: str = "") -> dict[str, int]:
    """Return every place outside the unlocked restricted zone where a planted identity stands."""
    home = settings.home
    folders = [home / name for name in ("raw", "lake", "work", "logs", "dbt", "reports", "releases")]
    hits = find_in_files([folder for folder in folders if folder.exists()], values)
    hits |= find_in_lake(settings, values)
    for name in ("site.yml", "index.html"):
        if (home / name).is_file() and find_in_bytes((home / name).read_bytes(), values):
            hits[name] = 1
    if find_in_bytes(output.encode(), values):
        hits["terminal output"] = 1
    return hits
