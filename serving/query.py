"""Answers SQL over the research zone, opened read-only and shut off from files and network."""

from collections.abc import Iterable, Iterator
from typing import Any

from lakehouse.errors import UsageError
from lakehouse.lake import open_lake
from lakehouse.settings import Settings


def answer_queries(settings: Settings, queries: Iterable[str]) -> Iterator[tuple[list[str], list[tuple[Any, ...]]]]:
    """Yield columns and rows of each query.

    Raises UsageError with DuckDB's own words when a query cannot be answered.
    """
    with open_lake(settings, ("lake",), read_only=True) as connection:
        connection.execute("use lake")
        data = settings.home / "lake"
        connection.execute(f"set allowed_directories = ['{data}/', '{settings.work_folder}/']")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            for query in queries:
                if not query.strip():
                    continue
                try:
                    result = connection.execute(query)
                    columns = [description[0] for description in result.description or []]
                    rows = result.fetchall()
                except Exception as error:
                    raise UsageError(f"{type(error).__name__}: {str(error).splitlines()[0]}") from None
                yield columns, rows
        except (EOFError, KeyboardInterrupt):
            return
