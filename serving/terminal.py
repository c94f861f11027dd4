"""What all commands share: options, the home, and how results and progress are shown.

Results go to standard output (`--json`: one JSON document), everything else to standard error.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as RichTable

from lakehouse.log import configure_log
from lakehouse.settings import Settings, find_home, read_settings

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder that holds lake, keys and releases.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
WhatIfOption = Annotated[bool, typer.Option("--what-if", help="Say what would happen and write nothing.")]
SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="engine://user@host:port/database (password in RADLAKE_SOURCE_PASSWORD), a SQLite file, or a dump.",
    ),
]


stderr = Console(stderr=True)

_NUMBERS = {"received", "loaded", "quarantined", "unchanged", "seconds", "checks", "rows", "n"}


def open_home(home: Path | None) -> Settings:
    """Read the settings of a home and start its log."""
    settings = read_settings(find_home(home))
    configure_log(settings.home)
    return settings


def as_plain(value: Any) -> Any:
    """Return a result as dictionaries, lists and plain values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [as_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(as_plain(value), ensure_ascii=False, indent=1, default=str) + "\n")


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print rows under their column names."""
    table = RichTable(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in _NUMBERS else "left")
    for row in rows:
        table.add_row(*["" if cell is None else str(cell) for cell in row])
    Console(width=None if sys.stdout.isatty() else 160).print(table)


class ProgressBars:
    """Progress on standard error; nothing when a machine reads or nobody looks."""

    def __init__(self, *, quiet: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=stderr,
            transient=True,
            disable=quiet or not stderr.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Callable[[str, str, int, int], None]:
        self._bars.start()
        return self._update

    def _update(self, step: str, name: str, done: int, total: int) -> None:
        label = f"{step} {name}"
        if label not in self._tasks:
            self._tasks[label] = self._bars.add_task(label, total=total or None)
        self._bars.update(self._tasks[label], completed=min(done, total) if total else done, total=total or None)

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
