"""text search."""

from datetime import date
from typing import Annotated, Any

import typer

from lakehouse.errors import UsageError
from serving.terminal import HomeOption, JsonOption, open_home, print_json, print_table

app = typer.Typer()


@app.command("search")
def text_search(
    finding: Annotated[str, typer.Option("--finding", help="A code such as lung.ggo, or words such as 磨玻璃影.")],
    assertion: Annotated[
        str | None, typer.Option("--assertion", help="present, absent, uncertain, historical.")
    ] = None,
    location: Annotated[str | None, typer.Option("--location", help="A code such as RUL, or words: 右肺上叶.")] = None,
    laterality: Annotated[str | None, typer.Option("--laterality", help="left or right; bilateral counts too.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help="Examined on this day or later.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Examined on this day or earlier.")
    ] = None,
    disease: Annotated[str | None, typer.Option("--disease", help="Only reports counted under this disease.")] = None,
    measure: Annotated[str | None, typer.Option("--measure", help="Limit of the largest axis: '>=10 mm'.")] = None,
    any_section: Annotated[
        bool, typer.Option("--any-section", help="Also history and clinical diagnosis, which the clinician wrote.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find reports by a finding, its assertion, place, date and size; keys, never text. 按影像发现检索。"""
    from lakehouse.lake import open_lake
    from report_structuring.evaluation import ASSERTIONS
    from report_structuring.finding_search import (
        DISEASES,
        Query,
        find_codes,
        find_locations,
        parse_measure,
        search_findings,
    )
    from report_structuring.site_lexicon import use_site_lexicon

    settings = open_home(home)
    use_site_lexicon(settings.home / "lexicon")
    for name, value, known in (
        ("--assertion", assertion, ASSERTIONS),
        ("--laterality", laterality, ("left", "right", "bilateral")),
        ("--disease", disease, DISEASES),
    ):
        if value is not None and value not in known:
            raise UsageError(f"{name} is one of {', '.join(known)}")
    query = Query(
        codes=find_codes(finding),
        assertion=assertion,
        locations=find_locations(location) if location else (),
        laterality=laterality,
        since=_day("--since", since),
        until=_day("--until", until),
        disease=disease,
        measure=parse_measure(measure) if measure else None,
        any_section=any_section,
    )
    with open_lake(settings, ("lake",), read_only=True) as connection:
        found = search_findings(connection, query)
    reports = len({row["report_key"] for row in found})
    if as_json:
        print_json({"codes": query.codes, "reports": reports, "findings": len(found), "found": found[:limit]})
        return
    names = [
        "report_key",
        "examined_on",
        "report_kind",
        "modality",
        "finding_code",
        "assertion",
        "laterality",
        "locations",
    ]
    rows = [[*(row[name] for name in names), _sizes(row["measurements"])] for row in found[:limit]]
    print_table(f"radlake text search: {len(found)} findings in {reports} reports", [*names, "measurements"], rows)


def _day(option: str, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise UsageError(f"{option} is a day such as 2023-01-31") from error


def _sizes(measurements: list[dict[str, Any]]) -> str:
    return "; ".join(
        f"{'×'.join(f'{axis:g}' for axis in one['axes'])} {one['unit'] or ''}"
        f"{' (prior)' if one['time'] == 'prior' else ''}".strip()
        for one in measurements
    )
