"""terminology import, unmapped, apply, coverage, suggest, conflicts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.errors import UsageError
from serving.terminal import HomeOption, JsonOption, WhatIfOption, as_plain, open_home, print_json, print_table

app = typer.Typer(help="术语 Code systems, maps and what is not mapped yet.", no_args_is_help=True)

DomainOption = Annotated[str | None, typer.Option("--domain", help="diagnosis, procedure or lab_item.")]


@app.command("import")
def terminology_import(
    path: Annotated[Path, typer.Argument(help="A code list, a map, or the folder of an unpacked SNOMED CT release.")],
    system: Annotated[str, typer.Option("--system", help="icd10_nc2, icd10_yb2, icd9cm3_nc3, snomed_ct and others.")],
    version: Annotated[str | None, typer.Option("--version", help="Version; of SNOMED CT the release's own.")] = None,
    map_to: Annotated[str | None, typer.Option("--map-to", help="The file is a map to this code system.")] = None,
    code_column: Annotated[str | None, typer.Option("--code-column", help="Header of the codes.")] = None,
    name_column: Annotated[
        str | None,
        typer.Option("--name-column", "--target-column", help="Header of the names, or of the target codes."),
    ] = None,
    origin: Annotated[str, typer.Option("--origin", help="Where it comes from and under which licence.")] = "",
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a list, map or SNOMED CT release of the hospital into the lake. 导入术语。"""
    from ingestion.terminology.release import SNOMED_CT, import_list, import_snomed
    from lakehouse.lake import lock_home, open_lake

    settings = open_home(home)
    with lock_home(settings), open_lake(settings) as connection:
        if system == SNOMED_CT:
            results = import_snomed(
                connection, path, timezone=settings.timezone, code_version=version, origin=origin, what_if=what_if
            )
        elif version is None:
            raise UsageError("a list needs its version: name it with --version")
        else:
            results = [
                import_list(
                    connection, path, code_system=system, code_version=version, timezone=settings.timezone,
                    origin=origin, target_system=map_to, code_column=code_column, name_column=name_column,
                    what_if=what_if,
                )
            ]  # fmt: skip
    if as_json:
        print_json({"files": results, "what_if": what_if})
    else:
        names = ["file", "content", "code_system", "code_version", "received", "loaded", "refused", "is_unchanged"]
        print_table("radlake terminology import", names, [_values(result, names) for result in results])


@app.command("unmapped")
def terminology_unmapped(
    out: Annotated[Path, typer.Option("--out", help="CSV for the terminologist to fill.")],
    domain: DomainOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the codes and terms that reached no concept, with suggestions. 未映射清单。"""
    from ingestion.terminology.review import unmapped_rows, write_unmapped
    from lakehouse.lake import open_lake

    settings = open_home(home)
    with open_lake(settings, read_only=True) as connection:
        rows = unmapped_rows(connection, domain)
    write_unmapped(rows, out)
    if as_json:
        print_json({"file": out, "rows": len(rows)})
    else:
        typer.echo(f"{len(rows)} codes and terms in {out}; fill target_code and give it to `radlake terminology apply`")


@app.command("apply")
def terminology_apply(
    file: Annotated[Path, typer.Argument(help="The filled CSV.")],
    reviewer: Annotated[str, typer.Option("--reviewer", help="Who decided.")],
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a filled list and store its decisions for the next build. 应用映射审核。"""
    from ingestion.terminology.review import apply_reviews
    from lakehouse.lake import lock_home, open_lake

    settings = open_home(home)
    with lock_home(settings), open_lake(settings) as connection:
        result = apply_reviews(connection, file, reviewer=reviewer, timezone=settings.timezone, what_if=what_if)
    if as_json:
        print_json(as_plain(result) | {"what_if": what_if})
    else:
        print_table(
            "radlake terminology apply", ["what", "n"], [[key, value] for key, value in as_plain(result).items()]
        )


@app.command("coverage")
def terminology_coverage(
    record: Annotated[str | None, typer.Option("--record", help="Keep the figures under this name.")] = None,
    recorded: Annotated[bool, typer.Option("--recorded", help="Show the figures that were kept.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the share of codes that reached a concept, by source and code system. 映射覆盖率。"""
    from ingestion.terminology.coverage import read_coverage, read_recorded, record_coverage
    from lakehouse.lake import lock_home, open_lake

    settings = open_home(home)
    if record is not None or recorded:
        with lock_home(settings), open_lake(settings) as connection:
            if record is not None:
                record_coverage(connection, record, settings.timezone)
            rows = read_recorded(connection, record)
    else:
        with open_lake(settings, read_only=True) as connection:
            rows = read_coverage(connection)
    _print_rows("radlake terminology coverage", rows, as_json=as_json)


@app.command("conflicts")
def terminology_conflicts(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the codes about which lists and maps disagree. 映射冲突。"""
    from lakehouse.lake import fetch_dicts, open_lake

    settings = open_home(home)
    with open_lake(settings, ("lake",), read_only=True) as connection:
        rows = fetch_dicts(connection, "select * from lake.std.std_code_conflict order by all")
    _print_rows("radlake terminology conflicts", rows, as_json=as_json)


@app.command("suggest")
def terminology_suggest(
    text: Annotated[str, typer.Argument(help="Words that have no code.")],
    domain: Annotated[str, typer.Option("--domain", help="diagnosis, procedure or lab_item.")] = "diagnosis",
    count: Annotated[int, typer.Option("--count", min=1, max=50)] = 5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the codes whose names are most like some words. 编码建议。"""
    from ingestion.terminology.suggestion import DOMAINS, read_ranking
    from lakehouse.lake import open_lake

    if domain not in DOMAINS:
        raise UsageError(f"--domain is one of {', '.join(DOMAINS)}")
    settings = open_home(home)
    with open_lake(settings, read_only=True) as connection:
        found = read_ranking(connection, domain).suggest(text, count)
    _print_rows("radlake terminology suggest", [as_plain(item) for item in found], as_json=as_json)


def _print_rows(title: str, rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        names = list(rows[0]) if rows else ["nothing"]
        print_table(title, names, [[row[name] for name in names] for row in rows])


def _values(item: Any, names: list[str]) -> list[Any]:
    plain = as_plain(item)
    return [plain[name] for name in names]
