"""Runs dbt inside this process, with the home's keys, and without a word to the outside.

A build of everything brings in only what changed, by `serving.updates`, where the lake allows it; `--full-refresh`
builds everything anew all the same.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lakehouse import PROJECT_ROOT
from lakehouse.errors import CheckFailedError, RadlakeError
from lakehouse.keyring import KEY_NAMES, read_key
from lakehouse.log import get_logger
from lakehouse.settings import Settings
from serving.updates import WholeBuildError
from serving.updates.plan import project_fingerprint, read_plan, write_plan
from serving.updates.run import has_whole_build, update_lake

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
    mode: str = "dbt"
    """`update` when only what changed was brought in."""
    reason: str = ""
    """Why everything was built as a whole."""
    touched_rows: int = 0
    """Staging rows that hang together with the changes."""


def target_folder(settings: Settings) -> Path:
    """Return the folder of dbt's artefacts for a home."""
    return settings.home / "dbt"


def run_dbt(settings: Settings, arguments: Sequence[str]) -> BuildResult:
    """Run one dbt command over the home; a build of everything is an update where the lake allows it.

    Raises CheckFailedError when a model or test failed, KeyMissingError before dbt would hide it, RadlakeError when
    dbt could not start.
    """
    for name in KEY_NAMES:
        read_key(settings.home / "keys", name, settings.keys)
    if not _builds_everything(arguments):
        return _invoke(settings, arguments)
    folder, fingerprint, reason = target_folder(settings), project_fingerprint(settings), "it was asked for"
    if "--full-refresh" not in arguments:
        try:
            return _update(settings, folder, fingerprint)
        except WholeBuildError as error:
            reason = str(error)
    logger.info("everything is built as a whole: %s", reason)
    result = replace(_invoke(settings, arguments), reason=reason)
    try:
        write_plan(folder, fingerprint)
    except WholeBuildError as error:
        logger.warning("the next build will be whole too: %s", error)
    return result


def _builds_everything(arguments: Sequence[str]) -> bool:
    """Return whether these are the arguments of a build without a selection; unit tests prove rules, not data."""
    rest = [argument for argument in arguments[1:] if argument != "--full-refresh"]
    return list(arguments[:1]) == ["build"] and rest in ([], ["--exclude-resource-type", "unit_test"])


def _update(settings: Settings, folder: Path, fingerprint: str) -> BuildResult:
    if read_plan(folder, fingerprint) is None:
        has_whole_build(settings, fingerprint)
        # dbt on the command line built the lake and left its artefacts elsewhere
        _invoke(settings, ["compile"])
        write_plan(folder, fingerprint)
    delta, applied = update_lake(settings, folder, fingerprint)
    if applied.failed:
        raise CheckFailedError(f"dbt build: {len(applied.failed)} failed: {', '.join(applied.failed[:10])}")
    return BuildResult(
        models=applied.models, tests_passed=applied.tests - len(applied.warned), tests_failed=0,
        tests_warned=len(applied.warned), skipped=0, mode="update", touched_rows=delta.touched_rows,
    )  # fmt: skip


def _invoke(settings: Settings, arguments: Sequence[str]) -> BuildResult:
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
        if node.resource_type == "operation":
            # a hook is no model
            continue
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
