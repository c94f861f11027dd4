"""Runs dbt inside this process, with the home's keys, and without a word to the outside."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse import PROJECT_ROOT
from lakehouse.errors import CheckFailedError, RadlakeError
from lakehouse.keyring import KEY_NAMES, read_key
from lakehouse.log import get_logger
from lakehouse.settings import Settings

logger = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildResult:
    """What one dbt invocation did."""

    models: int
    tests_passed: int
    tests_failed: int
    tests_warned: int
    skipped: int
    failures: tuple[str, ...] = field(default=())


def target_folder(settings: Settings) -> Path:
    """Return the folder of dbt's artefacts for a home."""
    return settings.home / "dbt"


def run_dbt(settings: Settings, arguments: Sequence[str]) -> BuildResult:
    """Run one dbt command over the home.

    Raises CheckFailedError when a model or test failed, KeyMissingError before dbt would hide it, RadlakeError when
    dbt could not start.
    """
    for name in KEY_NAMES:
        read_key(settings.home / "keys", name, settings.keys)
    os.environ["RADLAKE_HOME"] = str(settings.home)
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    from dbt.cli.main import dbtRunner

    try:
        result = dbtRunner().invoke(
            [
                *arguments,
                "--project-dir",
                str(PROJECT_ROOT),
                "--profiles-dir",
                str(PROJECT_ROOT),
                "--target-path",
                str(target_folder(settings)),
                "--log-path",
                str(settings.home / "logs"),
                "--quiet",
            ]
        )
    finally:
        _let_go()
    if result.result is None or not hasattr(result.result, "results"):
        if result.success:
            return BuildResult(models=0, tests_passed=0, tests_failed=0, tests_warned=0, skipped=0)
        raise RadlakeError(f"dbt {arguments[0]} could not run: {_reason(result.exception)}")
    outcome = _summarise(result.result.results)
    if not result.success:
        raise CheckFailedError(
            f"dbt {arguments[0]}: {len(outcome.failures)} failed: {', '.join(outcome.failures[:10])}"
        )
    return outcome


def _let_go() -> None:
    """Close dbt's connection: it would hold the zones until the process ends."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _reason(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}" if error is not None else "see the log"


def _summarise(results: Sequence[object]) -> BuildResult:
    models = passed = failed = warned = skipped = 0
    failures = []
    for item in results:
        node, status = item.node, str(item.status)  # type: ignore[attr-defined]
        is_test = node.resource_type in ("test", "unit_test")
        if status in ("error", "fail", "runtime error"):
            failures.append(node.name)
            failed += is_test
        elif status == "warn":
            warned += 1
        elif status == "skipped":
            skipped += 1
        elif is_test:
            passed += 1
        else:
            models += 1
    return BuildResult(
        models=models,
        tests_passed=passed,
        tests_failed=failed,
        tests_warned=warned,
        skipped=skipped,
        failures=tuple(failures),
    )
