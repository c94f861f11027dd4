"""`make demo`: a synthetic hospital from nothing to a released dataset and a page to look at."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import jinja2
import yaml
from rich.console import Console
from rich.table import Table

from ingestion.migration.source import parse_address
from lakehouse import PROJECT_ROOT
from lakehouse.errors import CheckFailedError, GateClosedError, RadlakeError, SettingsError
from lakehouse.log import configure_log
from lakehouse.settings import SITE_FILE, Settings
from serving.docs import write_docs
from serving.flow import StepResult, run_flow
from serving.gate import judge
from serving.home import create_home
from serving.migration import make_site_plan, run_site_plan, validate_site
from serving.migration_assessment import assess_source
from serving.publish import create_release, verify_release
from serving.terminal import ProgressBars

_COLUMNS = ("step", "received", "loaded", "quarantined", "unchanged", "seconds")


def run_demo(home: Path, *, patients: int = 40) -> list[StepResult]:
    """Build the hospital, run the flow, judge, release and document; return the steps.

    Raises SettingsError when the folder is a home of real patients.
    """
    _make_room(home)
    hospital = home / "hospital"
    steps = [_generate(hospital, patients)]
    settings = create_home(home, synthetic=True, deliveries=hospital)
    configure_log(home)
    console = Console(stderr=True)
    with ProgressBars(quiet=False) as update:
        for step in run_flow(settings, report=update):
            steps.append(step)
            console.print(f"  {step.step:<18} {step.received:>7} received {step.seconds:>7.1f} s", highlight=False)
    steps += _migrate(settings, hospital / "legacy" / "research.sqlite")
    steps.append(_judge(settings))
    steps.append(_release(settings))
    steps.append(_document(settings))
    _write_index(settings, steps)
    return steps


def _make_room(home: Path) -> None:
    site = home / SITE_FILE
    if site.is_file():
        content = yaml.safe_load(site.read_text(encoding="utf-8")) or {}
        if not content.get("synthetic"):
            raise SettingsError(f"{home} is a home of real patients; choose another folder for the demo")
    elif home.exists() and any(home.iterdir()) and not (home / "hospital").is_dir():
        raise SettingsError(f"{home} is not empty and no home of the demo; choose another folder")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)


def _generate(hospital: Path, patients: int) -> StepResult:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "synthetic_hospital", "--out", str(hospital), "--patients", str(patients)],
        check=True,
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
    )
    return StepResult(step="synthetic hospital", received=patients, loaded=patients, seconds=_since(started))


def _migrate(settings: Settings, legacy: Path) -> list[StepResult]:
    """Assess, move and validate the old research module's database."""
    started, address = time.monotonic(), parse_address(str(legacy))
    assessed = assess_source(address, settings.home / "reports" / "legacy_assessment")
    rows = assessed["counts"]["rows"]
    steps = [StepResult(step="migrate assess", received=rows, loaded=rows, seconds=_since(started))]
    started = time.monotonic()
    plan, _ = make_site_plan(settings, address)
    run = run_site_plan(settings, address, plan)
    steps.append(
        StepResult(
            step="migrate run",
            received=run.total("source"),
            loaded=run.total("loaded"),
            quarantined=run.total("rejected"),
            unchanged=run.total("unchanged"),
            seconds=_since(started),
        )
    )
    started = time.monotonic()
    validation = validate_site(settings, address, plan)
    if not validation.equal:
        raise CheckFailedError("the migrated tables are not equal to the legacy database")
    equal = sum(table.loaded for table in validation.tables)
    return [*steps, StepResult(step="migrate validate", received=equal, loaded=equal, seconds=_since(started))]


def _judge(settings: Settings) -> StepResult:
    started = time.monotonic()
    verdict = judge(settings)
    if not verdict.is_open:
        raise GateClosedError("; ".join(f"{check.table} {check.check_id} {check.outcome}" for check in verdict.closing))
    checks = len(verdict.outcomes)
    return StepResult(step="gate (Soda)", received=checks, loaded=checks, seconds=_since(started))


def _release(settings: Settings) -> StepResult:
    started = time.monotonic()
    release = create_release(settings, "demo")
    verify_release(release.folder)
    rows = sum(table.rows for table in release.tables)
    return StepResult(step="release", received=rows, loaded=rows, seconds=_since(started))


def _document(settings: Settings) -> StepResult:
    started = time.monotonic()
    write_docs(settings)
    return StepResult(step="dbt docs", received=1, loaded=1, seconds=_since(started))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _write_index(settings: Settings, steps: list[StepResult]) -> None:
    template = (Path(__file__).parent / "reports" / "demo.html.j2").read_text(encoding="utf-8")
    page = jinja2.Template(template, autoescape=True).render(steps=steps, columns=_COLUMNS)
    (settings.home / "index.html").write_text(page, encoding="utf-8")


def main() -> int:
    """Run the demo in the folder named on the command line and print what it made."""
    home = Path(sys.argv[1] if len(sys.argv) > 1 else "home").resolve()
    try:
        steps = run_demo(home)
    except RadlakeError as error:
        Console(stderr=True).print(f"radlake: {error}", style="red", highlight=False)
        return error.exit_code
    table = Table(title="radlake demo", title_justify="left")
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "step" else "right")
    for step in steps:
        table.add_row(*[str(getattr(step, column)) for column in _COLUMNS])
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    for label, path in (
        ("look here first 首页", home / "index.html"),
        ("release 发布", home / "releases" / "demo"),
        ("quality report 质量报告", home / "releases" / "demo" / "quality_report.html"),
        ("dbt docs 血缘与字典", home / "reports" / "dbt_docs.html"),
    ):
        console.print(f"{label:<24} {path}", soft_wrap=True, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
