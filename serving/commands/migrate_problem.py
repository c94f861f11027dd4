"""migrate problems, decide: the problem log of a migration."""

from pathlib import Path
from typing import Annotated

import typer

from serving.terminal import HomeOption, JsonOption, SourceArgument, open_home, print_json, print_table


def migrate_problems(
    source: SourceArgument,
    home: HomeOption = None,
    assessment: Annotated[
        Path | None, typer.Option("--assessment", help="assessment.json, whose orphans are taken in.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look for anomalies again and list them: open, decided, gone. 问题日志。"""
    from ingestion.migration.plan import plan_folder, read_plan
    from ingestion.migration.problems import OPEN, collect_problems
    from lakehouse.lake import lock_home
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    plan = read_plan(plan_folder(settings, address))
    with lock_home(settings):
        problems = collect_problems(settings, plan, assessment)
    if as_json:
        print_json({"open": sum(problem.status == OPEN for problem in problems), "problems": problems})
        return
    print_table(
        "radlake migrate problems",
        ["problem", "status", "table", "description", "rows", "decision", "by"],
        [
            [
                problem.problem_id, problem.status + ("+" if problem.has_grown else ""), problem.target,
                problem.description, problem.rows, *((made.text, made.by) if (made := problem.decision) else ("", "")),
            ]
            for problem in problems
        ],
    )  # fmt: skip


def migrate_decide(
    source: SourceArgument,
    problem: Annotated[str, typer.Argument(help="Id of the problem, as `migrate problems` lists it.")],
    decision: Annotated[str, typer.Option("--decision", help="What is done about it, and why; no value of a row.")],
    by: Annotated[str, typer.Option("--by", help="Who decided.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append a decision about a problem, with person and time. 问题决定。"""
    from ingestion.migration.problems import decide_problem
    from lakehouse.lake import lock_home
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    with lock_home(settings):
        decide_problem(settings, address.token, problem, decision, by)
    if as_json:
        print_json({"problem_id": problem, "decision": decision, "decided_by": by})
    else:
        typer.echo(f"{problem}: {decision} ({by})", err=True)
