"""report migration: what a hospital's information centre reads and signs."""

from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import CheckFailedError
from serving.terminal import HomeOption, JsonOption, ProgressBars, SourceArgument, open_home, print_json, print_table

app = typer.Typer(help="报告 Reports.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Write reports."""


@app.command("migration")
def report_migration(
    source: SourceArgument,
    home: HomeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the reports; that of the plan if none.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Exit 0 although problems are open.")] = False,
    assessment: Annotated[
        Path | None, typer.Option("--assessment", help="assessment.json, whose figures and orphans are taken in.")
    ] = None,
    selftest: Annotated[
        Path | None, typer.Option("--selftest", help="What `radlake migrate selftest --json` printed.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write plan, run, test and problem reports; exit 13 while problems are open. 迁移报告。"""
    from ingestion.migration.plan import plan_folder, read_plan
    from ingestion.migration.problems import DECIDED, GONE, OPEN
    from lakehouse.lake import lock_home
    from serving.reports.migration import write_migration_reports
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    place = plan_folder(settings, address)
    plan = read_plan(place)
    with lock_home(settings), ProgressBars(quiet=as_json) as update:
        facts, files = write_migration_reports(
            settings,
            plan,
            place,
            out or place / "reports",
            assessment=assessment,
            selftest=selftest,
            progress=lambda name, done, total: update("report migration", name, done, total),
        )
    counts = {status: facts.count(status) for status in (OPEN, DECIDED, GONE)}
    lacks = facts.unfinished()
    if as_json:
        print_json(
            {
                "plan_id": plan.plan_id, "source": plan.source, "problems": counts, "acceptable": not lacks,
                "lacks": lacks, "draft": draft, "files": files,
            }
        )  # fmt: skip
    else:
        print_table("radlake report migration", ["file"], [[path] for path in files if path.suffix != ".sql"])
        for text in lacks:
            typer.echo(f"not acceptable yet: {text}", err=True)
    if counts[OPEN] and not draft:
        raise CheckFailedError(
            f"{counts[OPEN]} problems are open: see `radlake migrate problems`, decide each with `radlake migrate "
            "decide`, or write the reports with --draft"
        )
