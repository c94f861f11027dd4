"""migrate tune: legacy queries on both sides, measured steps, a baseline."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.errors import UsageError
from serving.terminal import (
    HomeOption,
    JsonOption,
    ProgressBars,
    SourceArgument,
    WhatIfOption,
    as_plain,
    open_home,
    print_json,
    print_table,
)


def migrate_tune(
    source: SourceArgument,
    home: HomeOption = None,
    queries: Annotated[
        Path | None, typer.Option("--queries", help="File of SQL statements, each ended by a semicolon.")
    ] = None,
    statement_log: Annotated[
        Path | None,
        typer.Option("--statement-log", help="Log of PostgreSQL (stderr, csvlog, jsonlog) or slow log of MySQL."),
    ] = None,
    macros: Annotated[
        Path | None, typer.Option("--macros", help="File of `create macro …` that stand for legacy functions.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many queries of a log, by time or frequency.")] = 20,
    repetitions: Annotated[int, typer.Option(min=7, help="How often each query is timed, at least.")] = 7,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds after which a query is given up.")] = 60.0,
    row_limit: Annotated[int, typer.Option("--row-limit", min=1, help="Longest answer that is compared.")] = 1_000_000,
    steps: Annotated[bool, typer.Option("--steps/--no-steps", help="Try tuning steps after the replay.")] = True,
    save_baseline: Annotated[
        bool, typer.Option("--save-baseline", help="Keep the times on the lake as the baseline.")
    ] = False,
    check_baseline: Annotated[
        bool,
        typer.Option("--check-baseline", help="Only time the lake again; fail when a p95 is more than 20 % worse."),
    ] = False,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Replay legacy queries on old and new, tune the lake by measured steps, keep a baseline. 测试与优化。"""
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    if check_baseline:
        if queries or statement_log or save_baseline or what_if:
            raise UsageError("--check-baseline replays the queries of the baseline and takes no other")
        _check(settings, address, repetitions, timeout, as_json)
        return

    from ingestion.migration.tuning.tune import tune
    from lakehouse.lake import empty_work_folder, lock_home
    from serving.migration import read_site_plan

    plan = read_site_plan(settings, address)
    with lock_home(settings), ProgressBars(quiet=as_json) as update:
        empty_work_folder(settings)
        result = tune(
            settings,
            address,
            plan,
            queries=queries,
            statement_log=statement_log,
            macros=macros,
            top=top,
            repetitions=repetitions,
            timeout_seconds=timeout,
            row_limit=row_limit,
            with_steps=steps,
            save_baseline=save_baseline,
            what_if=what_if,
            progress=lambda name, done, total: update("migrate tune", name, done, total),
        )
    if as_json:
        print_json(result)
        return
    print_table(
        f"radlake migrate tune {result.replay_id}",
        ["query", "sha256", "tables", "status", "rows", "source p50/p95", "lake p50/p95", "after", "remark"],
        [
            [
                query.query_no,
                query.sha256[:8],
                ", ".join(query.tables),
                query.status,
                query.rows,
                _times(query.source),
                _times(query.target),
                _times(query.after),
                "; ".join(filter(None, (query.reason, *query.notes))),
            ]
            for query in result.queries
        ],
    )
    if result.steps:
        print_table(
            "steps",
            ["step", "kind", "target", "detail", "before p95", "after p95", "kept", "why"],
            [
                [step.step_no, step.kind, step.target, step.detail, step.before_p95_ms, step.after_p95_ms,
                 "yes" if step.is_kept else "no", step.reason]
                for step in result.steps
            ],
        )  # fmt: skip
    if what_if:
        for step in result.steps:
            for statement in step.sql:
                typer.echo(statement + ";")
    for verb, count in result.left_out.items():
        typer.echo(f"not replayed: {count} x {verb}", err=True)
    for note in result.notes:
        typer.echo(note, err=True)
    if result.baseline:
        typer.echo(f"baseline: {result.baseline}", err=True)


def _times(timing: Any) -> str:
    return f"{timing.p50_ms:.1f}/{timing.p95_ms:.1f}" if timing else ""


def _check(settings: Any, address: Any, repetitions: int, timeout: float, as_json: bool) -> None:
    from ingestion.migration.tuning.baseline import raise_if_worse
    from ingestion.migration.tuning.tune import check_baseline

    with ProgressBars(quiet=as_json) as update:
        result = check_baseline(
            settings,
            address,
            repetitions=repetitions,
            timeout_seconds=timeout,
            progress=lambda name, done, total: update("migrate tune", name, done, total),
        )
    if as_json:
        print_json({"baseline": result})
    else:
        checks = [as_plain(check) for check in result.checks]
        print_table(
            f"baseline {result.replay_id}",
            list(checks[0]) if checks else ["query_no"],
            [list(check.values()) for check in checks],
        )
    if result.other_machine:
        typer.echo(f"saved on another machine: {', '.join(result.other_machine)} differ", err=True)
    raise_if_worse(result.checks)
