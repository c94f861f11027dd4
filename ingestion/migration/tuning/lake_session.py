"""Runs translated queries on the lake: with the functions of the source's engine, its time zone and its collation."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ingestion.migration.tuning.functions import macro_names, macro_statements
from ingestion.migration.tuning.source_session import OnRows, QueryFailedError
from lakehouse.lake import Connection, DatabaseError

_BATCH_ROWS = 10_000
_MISSING = re.compile(r"Function with name (\w+) does not exist")


class LakeSession:
    """The new side of a replay."""

    def __init__(self, connection: Connection, engine: str, timeout_seconds: float, row_limit: int) -> None:
        self._connection = connection
        self._timeout = timeout_seconds
        self._row_limit = row_limit
        # the source is asked in UTC too
        connection.execute("set timezone = 'UTC'")
        for statement in macro_statements(engine):
            connection.execute(statement)
        self.macros = macro_names(engine)
        """Functions that only this session has."""

    def check(self, sql: str, *, is_caseless: bool) -> None:
        """Raise QueryFailedError, naming functions at most, for a query that the lake does not understand."""
        with self._collation(is_caseless), _named_errors():
            self._connection.execute("explain " + sql)

    def run(self, sql: str, on_rows: OnRows | None = None, *, is_caseless: bool) -> int:
        """Run a query to its end, or until it gave more rows than the limit, and return their number.

        Raises QueryFailedError when it fails or takes too long.
        """
        rows = 0
        timer = threading.Timer(self._timeout, self._connection.interrupt)
        timer.start()
        try:
            with self._collation(is_caseless), _named_errors():
                result = self._connection.execute(sql)
                while batch := result.fetchmany(_BATCH_ROWS):
                    rows += len(batch)
                    if on_rows:
                        on_rows(batch)
                    if rows > self._row_limit:
                        break
        finally:
            timer.cancel()
        return rows

    @contextmanager
    def _collation(self, is_caseless: bool) -> Iterator[None]:
        """Let texts compare without regard to case for one query; the catalog of the lake must not."""
        if not is_caseless:
            yield
            return
        self._connection.execute("set default_collation = 'nocase'")
        try:
            yield
        finally:
            self._connection.execute("reset default_collation")


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        missing = _MISSING.search(str(error))
        kind = type(error).__name__
        reason = f"the lake has no function {missing[1].lower()}" if missing else f"the lake refused it ({kind})"
        if kind == "InterruptException":
            reason = "the lake ran out of time"
        raise QueryFailedError(reason) from None
