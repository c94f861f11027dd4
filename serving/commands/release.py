"""release create, release verify, release list."""

from pathlib import Path
from typing import Annotated

import typer

from serving.terminal import HomeOption, JsonOption, WhatIfOption, open_home, print_json, print_table

app = typer.Typer(help="发布 Releases.", no_args_is_help=True)


@app.command("create")
def release_create(
    name: Annotated[str, typer.Option("--name", help="Name of the release folder.")],
    project: Annotated[str | None, typer.Option(help="Project whose pseudonyms are used; the name when none.")] = None,
    disease: Annotated[str | None, typer.Option(help="One disease; all when none is named.")] = None,
    with_text: Annotated[bool, typer.Option("--with-text", help="Release scrubbed report text too.")] = False,
    true_dates: Annotated[bool, typer.Option("--true-dates", help="Do not shift dates.")] = False,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Format: parquet (always), csv, xlsx, sav, dta, redcap, croissant; may repeat; all if none.",
        ),
    ] = None,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Judge the marts and write a read-only release folder. 发布。"""
    from lakehouse.lake import lock_home
    from serving.publish import create_release

    settings = open_home(home)
    with lock_home(settings):
        release = create_release(
            settings,
            name,
            project=project,
            disease=disease,
            with_text=with_text,
            shift_dates=not true_dates,
            what_if=what_if,
            formats=formats,
        )
    if as_json:
        print_json(release)
    else:
        print_table("radlake release", ["table", "rows"], [[table.table, table.rows] for table in release.tables])
        typer.echo(f"{'would be' if what_if else 'released to'} {release.folder}")


@app.command("verify")
def release_verify(folder: Path, as_json: JsonOption = False) -> None:
    """Compare every byte of a release with its manifest. 校验发布。"""
    from serving.publish import verify_release

    manifest = verify_release(folder)
    if as_json:
        print_json({"release": manifest["release"], "files": len(manifest["files"]), "verified": True})
    else:
        typer.echo(f"release {manifest['release']}: {len(manifest['files'])} files match the manifest")


@app.command("list")
def release_list(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the releases of a home. 发布列表。"""
    from serving.publish import list_releases

    releases = list_releases(open_home(home))
    if as_json:
        print_json(releases)
    else:
        names = ["release", "created_at", "tables", "rows"]
        print_table("releases", names, [[release[column] for column in names] for release in releases])
