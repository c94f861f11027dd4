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


def find_in_bytes(contents: Sequence[bytes], values: Sequence[str]) -> list[list[str]]:
    """Return, for each content, the values that stand in it in any of the encodings."""
    if not contents or not values:
        return [[] for _ in contents]
    needles = {value.encode(encoding).decode("latin-1"): value for value in values for encoding in _ENCODINGS}
    # one automaton for all contents: building it costs more than the search
    found = pl.Series([content.decode("latin-1") for content in contents]).str.extract_many(list(needles)).to_list()
    return [sorted({needles[needle] for needle in hits}) for hits in found]


def find_in_files(folders: Iterable[Path], values: Sequence[str]) -> dict[str, list[str]]:
    """Return, by file, the values that stand in it or in its name."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    contents = [path.name.encode() + b"\n" + (path.read_bytes() if path.is_file() else b"") for path in paths]
    found = find_in_bytes(contents, values)
    return {str(path): hits for path, hits in zip(paths, found, strict=True) if hits}


def find_in_lake(settings: Settings, values: Sequence[str]) -> dict[str, list[str]]:
    """Return, by table and column of the research zone, the values that stand in it."""
    with open_lake(settings, ("lake",), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'lake' "
            "and data_type in ('VARCHAR', 'VARCHAR[]', 'BLOB') order by all"
        ).fetchall()
        contents = []
        for schema, table, column in columns:
            texts = connection.execute(
                f'select distinct cast("{column}" as varchar) as text from lake."{schema}"."{table}" '
                f'where "{column}" is not null'
            ).fetchall()
            contents.append("\n".join(text for (text,) in texts).encode())
    found = find_in_bytes(contents, values)
    return {".".join(column): hits for column, hits in zip(columns, found, strict=True) if hits}


def hunt(settings: Settings, values: Sequence[str], *, output: str = "") -> dict[str, int]:
    """Return every place outside the unlocked restricted zone where planted identities stand, and how many."""
    home = settings.home
    folders = [home / name for name in ("raw", "lake", "work", "logs", "dbt", "reports", "releases", "migration")]
    hits = find_in_files([folder for folder in folders if folder.exists()], values) | find_in_lake(settings, values)
    singles = [home / name for name in ("site.yml", "index.html") if (home / name).is_file()]
    found = find_in_bytes([*(path.read_bytes() for path in singles), output.encode()], values)
    hits |= {
        name: values for name, values in zip([*map(str, singles), "terminal output"], found, strict=True) if values
    }
    return {place: len(values) for place, values in hits.items()}
