"""migrate validate, selftest: is the lake what the source is, and would we notice if it were not."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import CheckFailedError
from serving.terminal import (
    HomeOption,
    JsonOption,
    ProgressBars,
    SourceArgument,
    as_plain,
    open_home,
    print_json,
    print_table,
)


def migrate_validate(
    source: SourceArgument,
    home: HomeOption = None,
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be repeated.")] = None,
    depth: Annotated[str, typer.Option(help="count, aggregate, row_hash or full.")] = "full",
    files: Annotated[
        Path | None, typer.Option("--files", help="Folder of the files that rows refer to by path.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the migrated tables with the source, down to the row; exit 13 when they differ. 迁移验证。"""
    from serving.migration import read_site_plan, validate_site
    from serving.source_argument import resolve_source

    settings, address = open_home(home), resolve_source(source)
    plan = read_site_plan(settings, address)
    with ProgressBars(quiet=as_json) as update:
        result = validate_site(
            settings,
            address,
            plan,
            tables=table,
            depth=depth,
            files_root=files,
            progress=lambda name, done, total: update("migrate validate", name, done, total),
        )
    if as_json:
        print_json(as_plain(result) | {"equal": result.equal, "differences": result.differences})
    else:
        print_table(
            f"radlake migrate validate {result.validation_id}",
            ["table", "source", "loaded", "rejected", "equal", "differences", "failed", "seconds"],
            [
                [
                    item.table, item.source, item.loaded, item.rejected, "yes" if item.equal else "NO",
                    " ".join(f"{kind}={count}" for kind, count in item.differences.items()), ", ".join(item.failed),
                    item.seconds,
                ]
                for item in result.tables
            ],
        )  # fmt: skip
    if not result.equal:
        different = [item.table for item in result.tables if not item.equal]
        raise CheckFailedError(
            f"{len(different)} of {len(result.tables)} tables are not equal: {', '.join(different[:10])}; keys and "
            f"columns are in raw_migration.difference under validation {result.validation_id}"
        )


def migrate_selftest(
    source: SourceArgument,
    rows: Annotated[int, typer.Option(min=10, help="Rows of each table that are copied.")] = 20_000,
    as_json: JsonOption = False,
) -> None:
    """Damage copies of the source's tables in many ways and demand that validation finds each one. 验证自检。"""
    from serving.migration import selftest_source
    from serving.source_argument import resolve_source

    address = resolve_source(source)
    with (
        tempfile.TemporaryDirectory(prefix="radlake_selftest_") as folder,
        ProgressBars(quiet=as_json) as update,
    ):
        result = selftest_source(
            Path(folder),
            address,
            rows_per_table=rows,
            progress=lambda name, done, total: update("migrate selftest", name, done, total),
        )
    if as_json:
        print_json(as_plain(result) | {"passed": result.passed})
    else:
        print_table(
            "radlake migrate selftest",
            ["kind", "中文", "table", "result"],
            [
                [
                    item.kind, item.label_zh, item.table,
                    ("found" if item.found else "MISSED") if item.injected else f"not applicable: {item.reason}",
                ]
                for item in result.kinds
            ],
        )  # fmt: skip
        typer.echo(
            f"injected {result.injected}, found {result.found}, false alarms {result.false_alarms}, not applicable "
            f"{result.not_applicable}; {result.tables} tables, {result.rows} rows, {result.seconds:.1f} s",
            err=True,
        )
    if not result.passed:
        missed = [item.kind for item in result.kinds if item.injected and not item.found]
        raise CheckFailedError(
            "the self-test did not pass: "
            + (f"missed {', '.join(missed)}; " if missed else "")
            + (f"false alarms in {', '.join(result.alarms)}" if result.alarms else "")
            + ("" if missed or result.alarms else "there was nothing to damage")
        )
