"""Keeps a copy of a catalog's file while a command writes, and puts it back when a kill has damaged the file.

A process that is killed in the middle of a checkpoint can leave an encrypted catalog that no longer opens (seen with
DuckDB 1.5.5). Data files are never changed in place, so the catalog as it stood before the command is a whole earlier
state, and the same command again does what was lost.
"""

import shutil
from pathlib import Path


def copy_of(catalog: Path) -> Path:
    """Return the file of a catalog's copy; it exists while a command writes, and after one that was killed."""
    return catalog.with_name(catalog.name + ".before")


def keep_copy(catalog: Path) -> None:
    """Copy a catalog that nobody has open; a copy is whole or not there."""
    unfinished = catalog.with_name(catalog.name + ".copying")
    shutil.copyfile(catalog, unfinished)
    unfinished.replace(copy_of(catalog))


def drop_copy(catalog: Path) -> None:
    """Forget the copy: the command ended in order."""
    copy_of(catalog).unlink(missing_ok=True)


def put_back(catalog: Path) -> None:
    """Replace a damaged catalog by its copy; what was damaged stays beside it with the ending `.damaged`."""
    for path in (catalog, write_ahead_log(catalog)):
        if path.exists():
            path.replace(path.with_name(path.name + ".damaged"))
    shutil.copyfile(copy_of(catalog), catalog)


def write_ahead_log(catalog: Path) -> Path:
    """Return the file in which DuckDB keeps what is not in the catalog's file yet."""
    return catalog.with_name(catalog.name + ".wal")
