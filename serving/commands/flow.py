"""init, run, ingest, build, gate, sql: the steps of a home."""

import csv
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import CheckFailedError, ContractError, GateClosedError, UsageError
from lakehouse.log import configure_log
from lakehouse.settings import Settings, find_home
from serving.terminal import (
    HomeOption,
    JsonOption,
    ProgressBars,
    WhatIfOption,
    as_plain,
    open_home,
    print_json,
    print_table,
)

app = typer.Typer()


@app.command()
def init(
    home: HomeOption = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="No real patient will ever be in this home.")] = False,
    deliveries: Annotated[Path | None, typer.Option(help="Folder in which the systems leave their extracts.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a home: keys, site.yml and two empty encrypted zones. 初始化。"""
    from serving.home import create_home

    folder = find_home(home)
    folder.mkdir(parents=True, exist_ok=True)
    settings = create_home(folder, synthetic=synthetic, deliveries=deliveries)
    configure_log(settings.home)
    if as_json:
        print_json({"home": settings.home, "synthetic": settings.synthetic, "keys": settings.keys})
    else:
        typer.echo(f"home made in {settings.home}; back up {settings.home / 'keys'} now, apart from the data")


@app.command()
def run(
    home: HomeOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and run again when deliveries arrive.")] = False,
    every: Annotated[float, typer.Option(help="Seconds between two looks at the deliveries.", min=1)] = 300,
    as_json: JsonOption = False,
) -> None:
    """Do the whole flow: ingest, index, structure, back-fill, build. 全流程。"""
    settings = open_home(home)
    if not watch:
        _run_once(settings, as_json=as_json)
        return
    from serving.watch import watch_deliveries

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    for error in watch_deliveries(settings, lambda: _run_once(settings, as_json=as_json), seconds=every, stop=stop):
        if error:
            typer.echo(f"exit code {error.exit_code}: {error}; tried again in {every:g} s", err=True)


def _run_once(settings: Settings, *, as_json: bool) -> None:
    from serving.flow import run_flow

    steps = []
    try:
        with ProgressBars(quiet=as_json) as update:
            for step in run_flow(settings, report=update):
                steps.append(step)
                if not as_json:
                    typer.echo(
                        f"{step.step:<16} received {step.received:>8}  loaded {step.loaded:>8}  quarantined "
                        f"{step.quarantined:>6}  unchanged {step.unchanged:>8}  {step.seconds:>7.1f} s",
                        err=True,
                    )
    finally:
        if as_json:
            print_json({"steps": steps})
        elif steps:
            names = ["step", "received", "loaded", "quarantined", "unchanged", "seconds"]
            print_table("radlake run", names, [[getattr(step, column) for column in names] for step in steps])


@app.command()
def ingest(
    config: Annotated[list[Path] | None, typer.Option(help="Mapping YAML; more than one may be given.")] = None,
    source_folder: Annotated[Path | None, typer.Option("--from", help="Folder of extracts.")] = None,
    home: HomeOption = None,
    allow_mass_deletion: Annotated[
        bool, typer.Option("--allow-mass-deletion", help="Believe a complete extract that lacks most records.")
    ] = False,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Load extracts into the raw tables by their mappings, relate them and link their persons. 入库。"""
    from ingestion.identity.linking import link_persons
    from ingestion.mapping import read_mapping
    from ingestion.pipeline import ingest_source, relate_sources
    from lakehouse.lake import create_raw_tables, lock_home, open_lake

    settings = open_home(home)
    mappings = [read_mapping(path) for path in (config or settings.source_files)]
    results = []
    with lock_home(settings), ProgressBars(quiet=as_json) as update:
        with open_lake(settings) as connection:
            create_raw_tables(connection)
        for mapping in mappings:
            results.append(
                ingest_source(
                    settings,
                    mapping,
                    source_folder or settings.deliveries_folder,
                    what_if=what_if,
                    allow_mass_deletion=allow_mass_deletion,
                    progress=lambda name, done, total: update("ingest", name, done, total),
                )
            )
        issues, linked = {}, None
        if not what_if:
            issues = relate_sources(settings, results)
            linked = link_persons(settings, progress=lambda name, done, total: update("identity", name, done, total))
    breaches = [breach for result in results for breach in result.breaches]
    stops = [stop for result in results for stop in result.stops]
    files = [{"source": result.source} | as_plain(file) for result in results for file in result.files]
    if as_json:
        print_json(
            {
                "files": files, "relations": issues, "persons": linked, "breaches": breaches, "stops": stops,
                "what_if": what_if,
            }
        )  # fmt: skip
    else:
        print_table(
            "radlake ingest",
            ["source", "entity", "file", "received", "loaded", "quarantined", "unchanged", "deleted"],
            [
                [
                    file["source"], file["entity"], file["file"], file["received"], file["loaded"],
                    " ".join(f"{reason}={count}" for reason, count in file["quarantined"].items()) or 0,
                    file["unchanged"], file["deleted"],
                ]
                for file in files
            ],
        )  # fmt: skip
        if linked:
            typer.echo(f"{linked.persons} persons, {linked.open_reviews} links to review", err=True)
    if breaches:
        raise ContractError("everything else was loaded, but: " + "; ".join(sorted(set(breaches))))
    if stops:
        raise CheckFailedError("everything else was loaded, but: " + "; ".join(sorted(set(stops))))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def build(context: typer.Context, home: HomeOption = None) -> None:
    """Run dbt build, with dbt's own arguments after it. 构建。"""
    from lakehouse.lake import lock_home
    from serving.build import run_dbt

    settings = open_home(home)
    with lock_home(settings):
        result = run_dbt(settings, ["build", *context.args])
    print_table("radlake build", ["what", "n"], [[key, value] for key, value in as_plain(result).items()])


@app.command()
def gate(
    disease: Annotated[str | None, typer.Argument(help="One disease; all when none is named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge whether the marts may be released; exit 14 when not. 质量闸门。"""
    from lakehouse.lake import lock_home
    from serving.gate import OUTCOMES, judge

    settings = open_home(home)
    with lock_home(settings):
        result = judge(settings, disease)
    counts = {outcome: result.count(outcome) for outcome in OUTCOMES}
    if as_json:
        print_json({"open": result.is_open, "gate_id": result.gate_id, **counts, "closing": list(result.closing)})
    else:
        print_table("radlake gate", ["outcome", "checks"], [[key, value] for key, value in counts.items()])
        for check in result.closing:
            typer.echo(f"closed by {check.table} {check.column or ''} {check.check_id}: {check.outcome}", err=True)
    if not result.is_open:
        raise GateClosedError(f"the gate is closed by {len(result.closing)} of {len(result.outcomes)} checks")


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; a prompt when none is given.")] = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    home: HomeOption = None,
) -> None:
    """Query the research zone, opened read-only. 查询。"""
    from serving.query import answer_queries

    if output not in ("table", "csv", "json"):
        raise UsageError("--format is table, csv or json")
    settings = open_home(home)
    lines = [query] if query is not None else iter(lambda: input("radlake> "), "exit")
    for columns, rows in answer_queries(settings, lines):
        if output == "json":
            print_json([dict(zip(columns, row, strict=True)) for row in rows])
        elif output == "csv":
            writer = csv.writer(sys.stdout)
            writer.writerow(columns)
            writer.writerows(rows)
        else:
            print_table("", columns, [list(row) for row in rows])
