"""Runs one query after the other on the old database: a failing one is named and harms neither snapshot nor the next.

Each has a limit of time that the engine itself enforces.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from ingestion.migration.source import Source
from lakehouse.errors import RadlakeError

_BATCH_ROWS = 10_000
_STEPS_BETWEEN_LOOKS = 10_000
_DUMP = "the source is a dump: there is no database to replay on"

OnRows = Callable[[list[tuple[Any, ...]]], None]


class NoSourceError(Exception):
    """There is no database to replay on: the source is a dump."""


class QueryFailedError(Exception):
    """A query that a side refused or did not finish; the text names no value."""


def answers(source: Source) -> bool:
    """Tell whether a source still answers after an error."""
    try:
        return bool(source.scalar("select 1") == 1)
    except RadlakeError:
        return False


class SourceSession:
    """The old side of a replay."""

    def __init__(self, source: Source, timeout_seconds: float, row_limit: int) -> None:
        self._source = source
        self._timeout = timeout_seconds
        self._row_limit = row_limit
        if source.engine == "postgresql":
            # a cursor would otherwise prefer plans that give the first rows early
            source.connection.exec_driver_sql("set local cursor_tuple_fraction = 1")
            source.connection.exec_driver_sql(f"set local statement_timeout = {int(timeout_seconds * 1000)}")
        elif source.engine == "mysql":
            is_mariadb = source.connection.dialect.is_mariadb  # type: ignore[attr-defined]
            limit = (
                f"max_statement_time = {timeout_seconds}"
                if is_mariadb
                else f"max_execution_time = {int(timeout_seconds * 1000)}"
            )
            source.connection.exec_driver_sql(f"set session {limit}")

    def run(self, sql: str, on_rows: OnRows | None = None) -> int:
        """Run a query to its end, or until it gave more rows than the limit, and return their number.

        Raises QueryFailedError when the engine refuses it, SourceUnreachableError when the source went away, and
        NoSourceError when there is none.
        """
        if self._source.engine == "dump":
            raise NoSourceError(_DUMP)
        rows = 0
        with self._harmless():
            for batch in self._source.batches(sql, _BATCH_ROWS):
                rows += len(batch)
                if on_rows:
                    on_rows(batch)
                if rows > self._row_limit:
                    break
        return rows

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Go back to before the query when it fails: PostgreSQL would refuse everything after it."""
        self._command("savepoint radlake_query")
        try:
            with self._limited():
                yield
        except RadlakeError as error:
            try:
                self._command("rollback to savepoint radlake_query")
            except Exception:
                # the driver's own words could hold values
                raise error from None
            if not answers(self._source):
                raise
            reason = str(error).partition("(")[2].partition(")")[0]
            raise QueryFailedError(f"the source refused it or ran out of time ({reason or 'error'})") from None
        self._command("release savepoint radlake_query")

    def _command(self, statement: str) -> None:
        if self._source.engine != "postgresql":
            return
        # not through SQLAlchemy, which would declare a cursor for it once rows are streamed
        with closing(self._source.connection.connection.cursor()) as cursor:
            cursor.execute(statement)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """SQLite has no limit of time of its own."""
        if self._source.engine != "sqlite":
            yield
            return
        connection: Any = self._source.connection.connection.driver_connection
        end = time.monotonic() + self._timeout
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            connection.set_progress_handler(None, 0)
