"""Tells how far a run is: a line of JSON for machines in the plan's folder, and the same facts to a callback."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

PROGRESS_FILE = "progress.jsonl"


class Account(Protocol):
    """What is known of one table while it travels."""

    table: str
    source: int
    loaded: int
    rejected: int
    unchanged: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far one table and the whole run are; totals are counts of the snapshot, so no share passes 100 percent."""

    table: str
    rows: int
    total: int
    percent: float
    rows_per_second: float
    eta_seconds: float | None
    all_rows: int
    all_total: int
    all_percent: float


class ProgressLines:
    """Appends one line of JSON per step to `progress.jsonl`, which begins anew with each run."""

    def __init__(self, folder: Path, accounts: Sequence[Account], callback: Callable[[Progress], None] | None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / PROGRESS_FILE
        self._path.write_text("")
        self._accounts = accounts
        self._callback = callback
        self._started = time.monotonic()
        # rows that stood already were not moved by this run and say nothing about its speed
        self._before = sum(account.unchanged for account in accounts)

    def tell(self, account: Account) -> None:
        """Write where a table and the run are now."""
        done, total = _done(account), account.source
        all_done, all_total = sum(map(_done, self._accounts)), sum(item.source for item in self._accounts)
        seconds = max(time.monotonic() - self._started, 1e-9)
        speed = (all_done - self._before) / seconds
        step = Progress(
            table=account.table,
            rows=done,
            total=total,
            percent=_percent(done, total),
            rows_per_second=round(speed, 1),
            eta_seconds=round((all_total - all_done) / speed, 1) if speed else None,
            all_rows=all_done,
            all_total=all_total,
            all_percent=_percent(all_done, all_total),
        )
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(step), ensure_ascii=False) + "\n")
        if self._callback:
            self._callback(step)


def _done(account: Account) -> int:
    return account.loaded + account.rejected + account.unchanged


def _percent(done: int, total: int) -> float:
    return round(100 * done / total, 1) if total else 100.0
