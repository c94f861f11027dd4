"""The formats of a release, the writing of all of them, and the check that a release holds what it promises."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import UsageError
from lakehouse.log import get_logger
from serving.exports.codebook import write_codebook
from serving.exports.croissant import write_croissant
from serving.exports.delimited import write_delimited
from serving.exports.fields import ExportTable
from serving.exports.redcap import write_redcap
from serving.exports.spss import write_spss
from serving.exports.stata import write_stata
from serving.exports.workbook import fits, write_workbook

logger = get_logger(__name__)

WRITERS: dict[str, Callable[[ExportTable, Path], int]] = {
    "csv": write_delimited,
    "xlsx": write_workbook,
    "sav": write_spss,
    "dta": write_stata,
}
"""Formats of one file a table, by suffix. Parquet, of which they are made, is always there."""

FORMATS = ("parquet", *WRITERS, "redcap", "croissant")


def chosen_formats(names: Iterable[str] | None) -> tuple[str, ...]:
    """Return the formats asked for in the order of FORMATS, all when none is named, Parquet always.

    Raises UsageError for a format there is not.
    """
    wanted = set(names or FORMATS) | {"parquet"}
    if unknown := sorted(wanted - set(FORMATS)):
        raise UsageError(f"there is no format {', '.join(unknown)}; there are {', '.join(FORMATS)}")
    return tuple(name for name in FORMATS if name in wanted)


def write_exports(
    tables: Sequence[ExportTable], folder: Path, formats: Sequence[str], *, release: str, synthetic: bool
) -> list[dict[str, Any]]:
    """Write the formats beside the Parquet of a release folder and return what differs from it, for the manifest.

    A difference names table and format, and says `omitted` (the table has more rows than a sheet) or how many texts
    had to be `cut` to the limit of the format.
    """
    differences: list[dict[str, Any]] = []
    for table in tables:
        for name in [name for name in formats if name in WRITERS]:
            if name == "xlsx" and not fits(table):
                differences.append({"table": table.name, "format": name, "omitted": "more rows than a sheet holds"})
            elif cut := WRITERS[name](table, table.parquet.with_suffix(f".{name}")):
                differences.append({"table": table.name, "format": name, "cut": cut})
    for difference in differences:
        logger.warning("export differs from the release", extra={"difference": dict(difference)})
    if {"sav", "dta"} & set(formats):
        write_codebook(tables, folder / "codebook.csv")
    for disease in sorted({table.disease for table in tables}):
        own = [table for table in tables if table.disease == disease]
        if "redcap" in formats:
            write_redcap(own, folder / f"redcap_{disease}.csv")
        if "croissant" in formats:
            files = [path for table in own for path in sorted(table.parquet.parent.glob(f"{table.name}.*"))]
            write_croissant(own, files, folder / f"croissant_{disease}.json", release=release, synthetic=synthetic)
    return differences


def export_problems(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Return what of the promised formats a release lacks, and where a data card disagrees with the manifest."""
    formats = manifest.get("formats") or []
    files = manifest["files"]
    omitted = {(entry["table"], entry["format"]) for entry in manifest.get("differences", ()) if "omitted" in entry}
    expected = [
        f"data/{table['table']}.{name}"
        for table in manifest["tables"]
        for name in formats
        if (name in WRITERS or name == "parquet") and (table["table"], name) not in omitted
    ]
    diseases = sorted({table["disease"] for table in manifest["tables"]})
    expected += [f"redcap_{disease}.csv" for disease in diseases if "redcap" in formats]
    cards = [f"croissant_{disease}.json" for disease in diseases if "croissant" in formats]
    problems = [f"{name} is not in the manifest" for name in expected + cards if name not in files]
    for card in cards:
        path = folder / card
        for entry in json.loads(path.read_text(encoding="utf-8"))["distribution"] if path.is_file() else ():
            if files.get(entry["contentUrl"], {}).get("sha256") != entry["sha256"]:
                problems.append(f"{card} gives another checksum of {entry['contentUrl']}")
    return problems
