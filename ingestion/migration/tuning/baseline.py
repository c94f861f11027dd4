"""The baseline: how long each query took on the lake when it was last found good, and whether it still does.

`baseline.json` holds SHA-256 prefixes and milliseconds only; the SQL lies encrypted in `raw_migration.query_timing`.
Saving times every query in three rounds: the middle p95 counts, and how far the rounds are apart is kept with it. A
query fails when its p95 is worse by more than 20 % (or what the rounds were apart, if that is more) and by more than a
few milliseconds, three times in a row.
"""

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestion.migration.tuning.timing import Timing
from lakehouse.errors import CheckFailedError, SettingsError
from lakehouse.settings import Settings

TOLERANCE = 0.20
FLOOR_MS = 5.0
ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineQuery:
    """What one query took."""

    query_no: int
    sha256: str
    """First 16 digits of the SHA-256 of the legacy query."""
    p50_ms: float
    p95_ms: float
    spread: float
    """How far the p95 of the rounds were apart, as a share of the least."""
    is_caseless: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What the queries of one source took on the lake."""

    token: str
    engine: str
    """Of the legacy database: its functions are made in the session."""
    replay_id: str
    side: str
    """target or after: the rows of query_timing that hold the SQL."""
    row_limit: int
    saved_at: str
    machine: dict[str, Any]
    queries: tuple[BaselineQuery, ...]


def machine_of(settings: Settings) -> dict[str, Any]:
    """Return what times depend on; two machines with equal facts may be compared."""
    facts = {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "threads": settings.threads,
        "memory_limit": settings.memory_limit,
    }
    return facts | {"fingerprint": sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]}


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Hardware", "CPU part")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()


def baseline_file(folder: Path) -> Path:
    """Return the file of a baseline in the folder of a source."""
    return folder / "baseline.json"


def write_baseline(baseline: Baseline, folder: Path) -> Path:
    """Write a baseline and return its file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = baseline_file(folder)
    path.write_text(json.dumps(asdict(baseline), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def read_baseline(folder: Path) -> Baseline:
    """Read a baseline back.

    Raises SettingsError when there is none or it cannot be read.
    """
    path = baseline_file(folder)
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        queries = tuple(BaselineQuery(**query) for query in content["queries"])
        return Baseline(**content | {"queries": queries})
    except FileNotFoundError as error:
        raise SettingsError(f"{path} is missing: make it with `radlake migrate tune --save-baseline`") from error
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{path} is no baseline of this version ({type(error).__name__}): save it again") from error


def middle_of_rounds(rounds: Sequence[Timing]) -> tuple[Timing, float]:
    """Return the round with the middle p95, and how far the rounds are apart."""
    ordered = sorted(rounds, key=lambda timing: timing.p95_ms)
    least, most = ordered[0].p95_ms, ordered[-1].p95_ms
    return ordered[len(ordered) // 2], round((most - least) / least, 3) if least else 0.0


def is_worse(stored: BaselineQuery, measured_ms: float) -> bool:
    """Tell whether a p95 is worse than the baseline allows."""
    tolerance = max(TOLERANCE, stored.spread)
    return measured_ms > stored.p95_ms * (1 + tolerance) and measured_ms - stored.p95_ms > FLOOR_MS


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineCheck:
    """One query against the baseline."""

    query_no: int
    sha256: str
    stored_p95_ms: float
    p95_ms: float
    attempts: int
    is_worse: bool


def check_queries(queries: Sequence[BaselineQuery], run: Callable[[BaselineQuery], Timing]) -> list[BaselineCheck]:
    """Time every query; those that are worse are timed again, up to three times in all, and the best time counts."""
    best: dict[int, float] = {}
    attempts: dict[int, int] = {}
    waiting = list(queries)
    for attempt in range(1, ATTEMPTS + 1):
        for query in waiting:
            best[query.query_no] = min(best.get(query.query_no, float("inf")), run(query).p95_ms)
            attempts[query.query_no] = attempt
        waiting = [query for query in waiting if is_worse(query, best[query.query_no])]
    return [
        BaselineCheck(
            query_no=query.query_no,
            sha256=query.sha256,
            stored_p95_ms=query.p95_ms,
            p95_ms=best[query.query_no],
            attempts=attempts[query.query_no],
            is_worse=is_worse(query, best[query.query_no]),
        )
        for query in queries
    ]


def raise_if_worse(checks: Sequence[BaselineCheck]) -> None:
    """Raise CheckFailedError naming every query that is worse, by number and SHA-256 prefix."""
    worse = [
        f"query {check.query_no} ({check.sha256}): p95 {check.p95_ms:.1f} ms, baseline {check.stored_p95_ms:.1f} ms"
        for check in checks
        if check.is_worse
    ]
    if worse:
        raise CheckFailedError("slower than the baseline allows: " + "; ".join(worse))


def differing_facts(stored: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """Return the facts in which this machine is not the one of the baseline."""
    return sorted(name for name in {*stored, *present} - {"fingerprint"} if stored.get(name) != present.get(name))
