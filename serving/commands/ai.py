"""ai read, ai backfill."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

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

app = typer.Typer(help="AI结果 AI results.", no_args_is_help=True)


@app.command("read")
def ai_read(files: list[Path], as_json: JsonOption = False) -> None:
    """Read AI results and print their canonical findings, or why they are refused. 读取AI结果。"""
    from ai_backfill.readers import read_result
    from ai_backfill.result import RefusedError

    answers: list[Any] = []
    for file in files:
        try:
            answers.append(as_plain(read_result(file)))
        except RefusedError as error:
            answers.append({"refused": error.reason})
    if as_json:
        print_json(answers if len(answers) != 1 else answers[0])
    else:
        for answer in answers:
            typer.echo(json.dumps(answer, ensure_ascii=False, indent=1, default=str))


@app.command("backfill")
def ai_backfill_command(
    folder: Annotated[list[Path] | None, typer.Argument(help="Folders; those of site.yml when none is named.")] = None,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fill AI results into raw_ai. AI结果回填。"""
    from ai_backfill.merge import backfill
    from lakehouse.lake import create_raw_tables, lock_home, open_lake
    from lakehouse.ledger import new_batch_id

    settings = open_home(home)
    folders = folder or [settings.deliveries_folder / name for name in settings.ai_folders]
    with lock_home(settings), open_lake(settings) as connection, ProgressBars(quiet=as_json) as update:
        create_raw_tables(connection, ["ai"])
        result = backfill(
            connection,
            folders,
            batch_id=new_batch_id(),
            what_if=what_if,
            progress=lambda done, total: update("ai backfill", "files", done, total),
        )
    if as_json:
        print_json(result)
    else:
        print_table("radlake ai backfill", ["what", "n"], [[key, value] for key, value in as_plain(result).items()])
