"""dicom scan, dicom headers."""

from pathlib import Path
from typing import Annotated

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

app = typer.Typer(help="影像 Images.", no_args_is_help=True)


@app.command("scan")
def dicom_scan(
    folder: Annotated[list[Path] | None, typer.Argument(help="Folders; those of site.yml when none is named.")] = None,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Index every image file below the folders. 影像索引。"""
    from dicom_index.scan import scan_folder
    from lakehouse.lake import create_raw_tables, lock_home, open_lake
    from lakehouse.ledger import new_batch_id

    settings = open_home(home)
    folders = folder or [settings.deliveries_folder / name for name in settings.dicom_folders]
    with lock_home(settings), open_lake(settings) as connection, ProgressBars(quiet=as_json) as update:
        create_raw_tables(connection, ["dicom"])
        result = scan_folder(
            connection,
            folders,
            batch_id=new_batch_id(),
            what_if=what_if,
            progress=lambda done, total: update("dicom scan", "files", done, total),
        )
    if as_json:
        print_json(result)
    else:
        print_table("radlake dicom scan", ["what", "n"], [[key, value] for key, value in as_plain(result).items()])


@app.command("headers")
def dicom_headers(files: list[Path], as_json: JsonOption = False) -> None:
    """Print the header of DICOM files, one object a file. 影像头。"""
    from dicom_index.headers import describe_file

    answers = [describe_file(file) for file in files]
    if as_json:
        print_json(answers if len(answers) != 1 else answers[0])
    else:
        for answer in answers:
            print_table("header", ["keyword", "value"], [[key, value] for key, value in answer.items()])
