"""Watching deliveries: a delivery is run when it is whole, a failed run is tried again."""

import threading
from pathlib import Path

from lakehouse.errors import ContractError
from lakehouse.settings import Settings
from serving.watch import watch_deliveries


def watched(folder: Path, rounds: list[str], outcomes: list[bool]) -> list[str]:
    """Play rounds, each a change of the deliveries before the look; return what was run after which round."""
    stop, events = threading.Event(), iter(rounds)
    seen: list[str] = []
    (folder / "deliveries").mkdir()

    class Rounds(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            change = next(events, None)
            if change is None:
                stop.set()
            elif change:
                with (folder / "deliveries" / change).open("a") as file:
                    file.write("row\n")
            return True

        def is_set(self) -> bool:
            return stop.is_set()

    def run() -> None:
        seen.append(" ".join(sorted(path.name for path in (folder / "deliveries").iterdir())) or "nothing")
        if not outcomes.pop(0):
            raise ContractError("a contract was broken")

    settings = Settings(home=folder)
    errors = [error is not None for error in watch_deliveries(settings, run, seconds=0, stop=Rounds())]
    return [f"{what}{' failed' if failed else ''}" for what, failed in zip(seen, errors, strict=True)]


def test_a_delivery_is_run_once_it_keeps_still(tmp_path: Path) -> None:
    assert watched(tmp_path, ["a", "a", "", "", ""], [True, True]) == ["nothing", "a"]


def test_a_run_that_failed_is_tried_again_and_the_watch_goes_on(tmp_path: Path) -> None:
    ran = watched(tmp_path, ["", "a", "", ""], [False, False, True])
    assert ran == ["nothing failed", "nothing failed", "a"]
