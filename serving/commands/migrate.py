"""migrate assess, plan, run: the legacy research database into the lake."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from lakehouse.errors import SettingsError
from serving.commands.migrate_check import migrate_selftest, migrate_validate
from serving.commands.migrate_problem import migrate_decide, migrate_problems
from serving.commands.migrate_tune import migrate_tune
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

app = typer.Typer(help="旧库迁移 Migration of the legacy database.", no_args_is_help=True)

TablesOption = Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be repeated.")]

app.command("validate")(migrate_validate)
app.command("selftest")(migrate_selftest)
app.command("tune")(migrate_tune)
app.command("problems")(migrate_problems)
app.command("decide")(migrate_decide)


@app.command("assess")
def migrate_assess(
    source: SourceArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report and its files.")],
    dispositions: Annotated[
        Path | None, typer.Option("--dispositions", help="Decided dispositions; fails when they are not complete.")
    ] = None,
    min_frequency: Annotated[
        int, typer.Option("--min-frequency", min=1, help="Rows below which a value is never shown.")
    ] = 5,
    as_json: JsonOption = False,
) -> None:
    """Report what is in the source, how clean it is, and what its migration will cost. 迁移评估。"""
    from serving.migration_assessment import assess_source
    from serving.source_argument import resolve_source

    with ProgressBars(quiet=as_json) as update:
        content = assess_source(
            resolve_source(source),
            out,
            dispositions=dispositions,
            min_frequency=min_frequency,
            progress=lambda _, done, total: update("migrate assess", "tables", done, total),
        )
    if as_json:
        print_json(content)
        return
    found = {name: rows for name, rows in content["probe_totals"].items() if rows}
    rows = [[name, number] for name, number in {**content["counts"], **found}.items()]
    print_table(f"radlake migrate assess {content['effort']['grade']}", ["what", "n"], rows)
    typer.echo(f"{out / 'assessment.html'}", err=True)


@app.command("plan")
def migrate_plan(
    source: SourceArgument,
    home: HomeOption = None,
    table: TablesOption = None,
    types: Annotated[
        Path | None, typer.Option("--types", help="YAML of table.column: type, against the plan's choice.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", help="table.column whose misfits may be refused; may be repeated.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="Before each table's name, to tell two databases apart.")] = "",
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Choose types, order and chunks of every table, and estimate the time. 迁移方案。"""
    from serving.migration import make_site_plan, plan_statements
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    with ProgressBars(quiet=as_json) as update:
        plan, path = make_site_plan(
            settings,
            address,
            only=table or (),
            types=_read_types(types),
            allow=allow or (),
            prefix=prefix,
            write=not what_if,
            progress=lambda name, done, total: update("migrate plan", name, done, total),
        )
    tables = [
        {
            "table": item.target,
            "source": item.rows,
            "columns": len(item.columns),
            "as_text": sum(bool(column.misfits and column.target_type == "varchar") for column in item.columns),
            "lossy": [column.name for column in item.columns if column.lossy],
            "chunks": max(1, -(-item.rows // item.chunk_rows)) if item.chunk_rows else 1,
            "seconds": item.estimated_seconds,
        }
        for item in plan.tables
    ]
    answer: dict[str, Any] = {
        "plan_id": plan.plan_id,
        "source": plan.source,
        "plan": path,
        "tables": tables,
        "left_out": plan.left_out,
        "seconds": round(sum(item.estimated_seconds for item in plan.tables), 1),
        "what_if": what_if,
    }
    if what_if:
        answer["statements"] = plan_statements(plan)
    if as_json:
        print_json(answer)
        return
    print_table(f"radlake migrate plan {plan.plan_id}", list(tables[0]) if tables else ["table"], _cells(tables))
    for name, reason in plan.left_out.items():
        typer.echo(f"left out: {name}: {reason}", err=True)
    for statement in answer.get("statements", []):
        typer.echo(statement)


@app.command("run")
def migrate_run(
    source: SourceArgument,
    home: HomeOption = None,
    rows_per_second: Annotated[
        int | None, typer.Option("--rows-per-second", min=1, help="Upper limit of the load on the source.")
    ] = None,
    files: Annotated[
        Path | None, typer.Option("--files", help="Folder of the files that rows refer to by path; they are recorded.")
    ] = None,
    retries: Annotated[int, typer.Option(min=0, help="How often a source that went away is waited for.")] = 3,
    progress_lines: Annotated[
        bool, typer.Option("--progress-lines", help="Progress as lines of JSON on standard error.")
    ] = False,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Move the tables of the plan into raw_legacy; the same command again brings it up to date. 迁移实施。"""
    from serving.migration import plan_statements, read_site_plan, run_site_plan
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    plan = read_site_plan(settings, address, write=not what_if)
    if what_if:
        print_json({"plan_id": plan.plan_id, "statements": plan_statements(plan), "what_if": True})
        return
    with ProgressBars(quiet=as_json or progress_lines) as update:
        result = run_site_plan(
            settings,
            address,
            plan,
            rows_per_second=rows_per_second,
            retries=retries,
            lines=progress_lines,
            files_root=files,
            bars=lambda name, done, total: update("migrate run", name, done, total),
        )
    if as_json:
        print_json(result)
        return
    tables = [as_plain(item) for item in result.tables]
    print_table(f"radlake migrate run {result.run_id}", list(tables[0]) if tables else ["table"], _cells(tables))
    typer.echo(
        f"source {result.total('source')} = loaded {result.total('loaded')} + rejected {result.total('rejected')} + "
        f"unchanged {result.total('unchanged')}; {result.seconds:.1f} s; snapshot {result.position or 'unknown'}",
        err=True,
    )


def _cells(rows: list[dict[str, Any]]) -> list[list[Any]]:
    return [list(row.values()) for row in rows]


def _read_types(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read as YAML: {type(error).__name__}") from error
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise SettingsError(f"{path} must hold lines of table.column: type")
    return {str(name): value for name, value in content.items()}
