"""Waits for deliveries and runs the flow when one has arrived whole."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from lakehouse.errors import RadlakeError
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)

_Listing = frozenset[tuple[str, int, int]]
"""Path below the folder, size and time of change of each file."""


def list_files(folder: Path) -> _Listing:
    """Return the files of a folder; what vanishes meanwhile is passed over, and a missing folder holds none."""
    found = set()
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                status = path.stat()
            except OSError:
                continue
            found.add((path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return frozenset(found)


def watch_deliveries(
    settings: Settings, run: Callable[[], None], *, seconds: float, stop: threading.Event
) -> Iterator[RadlakeError | None]:
    """Run once, and again whenever the deliveries have changed and then kept still for one round of `seconds`.

    Yields after each run: the error that ended it, or None. A run that failed is tried again in the next round, since
    the same command goes on from where it stopped. Ends when `stop` is set.
    """
    done: _Listing | None = None
    before: _Listing | None = None
    while not stop.is_set():
        now = list_files(settings.deliveries_folder)
        # a file that still grows would be read in half; the first round takes what is there
        if before is None or (now != done and now == before):
            try:
                run()
            except RadlakeError as error:
                logger.warning("a watched run ended with exit code %d", error.exit_code)
                yield error
            else:
                done = now
                yield None
        before = now
        stop.wait(seconds)
