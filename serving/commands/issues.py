"""issues export, issues summary: the defects the door found, out of the books."""

from pathlib import Path
from typing import Annotated

import typer

from lakehouse.lake import open_lake
from serving.terminal import HomeOption, JsonOption, open_home, print_json, print_table

app = typer.Typer(help="数据质量问题 Data-quality issues.", no_args_is_help=True)


@app.command("export")
def export_all_issues(
    out: Annotated[Path, typer.Option("--out", help="CSV file to write, in UTF-8 with a byte order mark.")],
    home: HomeOption = None,
    resolved: Annotated[bool, typer.Option("--resolved", help="Also issues that resolved themselves.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write every issue: source, file, row, key, kind, severity, action, digest of the value. 导出质量问题。

    Records are named by their pseudonyms, values by their SHA-256: the file holds no identifier. With --json the issues
    are printed as well.
    """
    from ingestion.quality.issues import export_issues, list_issues
    from lakehouse.lake import empty_work_folder, lock_home

    settings = open_home(home)
    with lock_home(settings):
        with open_lake(settings, read_only=True) as connection:
            count = export_issues(connection, out, settings.work_folder, include_resolved=resolved)
            issues = list_issues(connection, include_resolved=resolved) if as_json else []
        empty_work_folder(settings)
    if as_json:
        print_json({"file": out, "n": count, "issues": issues})
    else:
        typer.echo(f"{count} issues in {out}")


@app.command("summary")
def summarise_all_issues(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Count the issues by table and kind, and what each rule did to each column. 质量问题汇总。"""
    from ingestion.quality.issues import summarise_counts, summarise_issues

    with open_lake(open_home(home), read_only=True) as connection:
        issues, counts = summarise_issues(connection), summarise_counts(connection)
    if as_json:
        print_json({"issues": issues, "rules": counts})
        return
    columns = ["source", "entity", "kind", "label_zh", "severity", "action", "n", "resolved"]
    print_table("radlake issues summary", columns, [[row[name] for name in columns] for row in issues])
    columns = ["source", "entity", "column_name", "rule_id", "policy", "row_count", "before_count", "after_count"]
    print_table("rules by column, newest load", columns, [[row[name] for name in columns] for row in counts])
