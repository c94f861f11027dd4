"""text review list, show, correct, export, import, gold."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.errors import UsageError
from serving.terminal import HomeOption, JsonOption, WhatIfOption, as_plain, open_home, print_json, print_table

app = typer.Typer(help="复核 Reports that wait for a person, and what the person said.", no_args_is_help=True)

ReviewArgument = Annotated[str, typer.Argument(metavar="REVIEW_ID", help="Number that `review list` prints.")]
ReviewerOption = Annotated[str, typer.Option("--reviewer", help="Who vouches for it; kept in the restricted zone.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only those that wait for this reason.")]
SourceOption = Annotated[str | None, typer.Option("--source", help="Only reports of this system, such as ris.")]
TextOption = Annotated[
    bool, typer.Option("--with-text", help="Show the scrubbed text, which leaves the restricted zone by that.")
]


@app.command("list")
def review_list(
    home: HomeOption = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the reports that wait, the most urgent first; no text. 待复核报告。"""
    from lakehouse.lake import open_lake
    from report_structuring.review_queue import list_queue

    with open_lake(open_home(home), read_only=True) as connection:
        queue = list_queue(connection, reason=reason, source=source, limit=limit)
    if as_json:
        print_json({"waiting": queue.waiting, "reports": queue.items})
        return
    names = ["review_id", "priority", "reasons", "detail", "source", "report_kind", "finding_count"]
    rows = [
        [" ".join(row[name]) if name == "reasons" else row[name] for name in names] for row in as_plain(queue.items)
    ]
    print_table(f"radlake text review list: {queue.waiting} wait", names, rows)


@app.command("show")
def review_show(
    review_id: ReviewArgument, home: HomeOption = None, with_text: TextOption = False, as_json: JsonOption = False
) -> None:
    """Show what was read in one report, with the items that `correct` names. 查看报告结构化结果。"""
    from lakehouse.lake import open_lake
    from report_structuring.review_document import ENTITY_FIELDS, MEASUREMENT_FIELDS, load_document
    from report_structuring.review_sheet import write_dims

    with open_lake(open_home(home), read_only=True) as connection:
        document = load_document(connection, review_id)
    spans = ("start_offset", "end_offset")
    entities = [
        {"item": f"E{row['entity_no']}"}
        | {name: row[name] for name in (*ENTITY_FIELDS, "section", *spans)}
        | ({"mention": row["mention"]} if with_text else {})
        | {"review_status": row["review_status"]}
        for row in document.entities
    ]
    measurements = [
        {"item": f"M{row['measurement_no']}"}
        | {name: write_dims(row[name]) if name == "dims" else row[name] for name in (*MEASUREMENT_FIELDS, *spans)}
        | ({"mention": row["measured_text"]} if with_text else {})
        | {"flag": row["flag"], "review_status": row["review_status"]}
        for row in document.measurements
    ]
    if as_json:
        facts = {name: document.report[name] for name in ("source", "report_kind", "failure", "text_flags")}
        text = {"text": document.text} if with_text else {}
        print_json({"review_id": review_id} | facts | text | {"entities": entities, "measurements": measurements})
        return
    if with_text:
        typer.echo(document.text)
    for title, rows in (("findings", entities), ("measurements", measurements)):
        if rows:
            print_table(f"radlake text review show: {title}", list(rows[0]), [list(row.values()) for row in rows])


@app.command("correct")
def review_correct(
    review_id: ReviewArgument,
    reviewer: ReviewerOption,
    item: Annotated[str | None, typer.Option("--item", help="E3 or M1, as `show` prints it.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="The item is wrong altogether.")] = False,
    code: Annotated[str | None, typer.Option("--code", help="Code of the lexicon.")] = None,
    assertion: Annotated[str | None, typer.Option("--assertion")] = None,
    certainty: Annotated[str | None, typer.Option("--certainty")] = None,
    laterality: Annotated[str | None, typer.Option("--laterality", help="left, right, bilateral, or none.")] = None,
    locations: Annotated[str | None, typer.Option("--locations", help="Codes joined by semicolons, or none.")] = None,
    change: Annotated[str | None, typer.Option("--change")] = None,
    dims: Annotated[str | None, typer.Option("--dims", help="Values of a measurement, such as 12×8 or 3~6.")] = None,
    unit: Annotated[str | None, typer.Option("--unit")] = None,
    add: Annotated[
        str | None, typer.Option("--add", metavar="START-END", help="Add a mention at these offsets.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Everything is right as it is.")] = False,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Correct one item of a report, or confirm it; the rest of the report is confirmed with it. 更正结构化结果。"""
    from report_structuring.review_document import Correction, correct
    from report_structuring.review_sheet import parse_dims

    given: dict[str, Any] = {
        "finding_code": code, "assertion": assertion, "certainty": certainty, "laterality": laterality,
        "locations": locations, "change": change, "dims": parse_dims(dims) if dims else None, "unit": unit,
    }  # fmt: skip
    values = {name: None if value == "none" else value for name, value in given.items() if value is not None}
    if add is not None:
        start, _, end = add.partition("-")
        if not (start.isdigit() and end.isdigit()):
            raise UsageError("--add is START-END in characters from 0, such as 12-16")
        corrections = [Correction(item=None, action="add", values=values | {"start": int(start), "end": int(end)})]
    elif confirm:
        corrections = []
    elif item is None or not (remove or values):
        raise UsageError("say what to correct: --item with --remove or a value, --add, or --confirm")
    else:
        corrections = [Correction(item=item.upper(), action="remove" if remove else "change", values=values)]

    def act(connection: Any) -> list[Any]:
        from report_structuring.review_document import load_document

        document = load_document(connection, review_id)
        return [(document, correct(document, corrections))]

    _store(home, reviewer, act, what_if=what_if, as_json=as_json)


@app.command("export")
def review_export(
    out: Annotated[Path, typer.Option("--out", help="CSV for a spreadsheet.")],
    review_id: Annotated[list[str] | None, typer.Option("--report", help="Only this one; may be repeated.")] = None,
    reason: ReasonOption = None,
    source: SourceOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    with_text: TextOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write reports that wait as CSV for a clinician. 导出复核表。"""
    from lakehouse.lake import open_lake
    from report_structuring.review_document import load_documents
    from report_structuring.review_queue import list_queue
    from report_structuring.review_sheet import write_sheet

    with open_lake(open_home(home), read_only=True) as connection:
        queue = list_queue(connection, reason=reason, source=source, limit=limit, is_readable=True)
        wanted = review_id or [item.review_id for item in queue.items]
        documents = load_documents(connection, wanted)
    found = [documents[name] for name in wanted if name in documents and documents[name].text]
    write_sheet(found, out, with_text=with_text, reasons={item.review_id: item.reasons for item in queue.items})
    if as_json:
        print_json({"file": out, "reports": len(found), "with_text": with_text})
    else:
        typer.echo(f"{len(found)} reports in {out}; fill it and give it to `radlake text review import`")


@app.command("sample")
def review_sample(
    out: Annotated[Path, typer.Option("--out", help="CSV for a spreadsheet.")],
    per_disease: Annotated[int, typer.Option("--per-disease", min=0, help="Reports of each disease.")] = 50,
    without_findings: Annotated[int, typer.Option("--without-findings", min=0, help="Reports without a finding.")] = 50,
    seed: Annotated[int, typer.Option("--seed", help="The same seed draws the same reports.")] = 1,
    with_text: TextOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw reports for validation, spread over disease, modality, year and doctor. 抽样验证。"""
    from lakehouse.lake import open_lake
    from report_structuring.review_document import load_documents
    from report_structuring.review_queue import draw_sample
    from report_structuring.review_sheet import write_sheet

    with open_lake(open_home(home), read_only=True) as connection:
        drawn = draw_sample(connection, per_disease=per_disease, without_findings=without_findings, seed=seed)
        documents = load_documents(connection, drawn)
    found = [documents[name] for name in drawn if name in documents]
    write_sheet(found, out, with_text=with_text, reasons={name: ["sample"] for name in drawn})
    if as_json:
        print_json({"file": out, "reports": len(found), "with_text": with_text})
    else:
        typer.echo(f"{len(found)} reports in {out}; let two persons fill a copy each, then `radlake text review gold`")


@app.command("import")
def review_import(
    file: Annotated[Path, typer.Argument(help="The filled CSV.")],
    reviewer: ReviewerOption,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check a filled CSV as a whole and store its corrections. 导入复核表。"""
    from report_structuring.review_sheet import read_sheet

    _store(home, reviewer, lambda connection: read_sheet(connection, file).reviews, what_if=what_if, as_json=as_json)


@app.command("gold")
def review_gold(
    out: Annotated[Path, typer.Option("--out", help="JSON lines in the folder of the restricted zone.")],
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="A filled CSV, of which nothing is stored, instead of all reviews.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the reviewed reports as annotated reports for `text evaluate`. 导出金标准。"""
    from lakehouse.lake import open_lake
    from report_structuring.gold import gold_path, write_gold
    from report_structuring.review_sheet import read_sheet

    settings = open_home(home)
    path = gold_path(settings.home, out)
    with open_lake(settings, read_only=True) as connection:
        filled = None if sheet is None else [after for _, after in read_sheet(connection, sheet).reviews]
        count = write_gold(connection, path, filled)
    if as_json:
        print_json({"file": path, "reports": count})
    else:
        typer.echo(f"{count} reviewed reports in {path}; measure with `radlake text evaluate --gold {path}`")


def _store(home: Path | None, reviewer: str, act: Any, *, what_if: bool, as_json: bool) -> None:
    from lakehouse.lake import create_raw_tables, lock_home, open_lake
    from lakehouse.ledger import local_now, new_batch_id
    from report_structuring.review_store import store_reviews
    from report_structuring.site_lexicon import use_site_lexicon

    settings = open_home(home)
    use_site_lexicon(settings.home / "lexicon")
    with lock_home(settings), open_lake(settings) as connection:
        create_raw_tables(connection, ["text"])
        stored = store_reviews(
            connection, act(connection), reviewer=reviewer, run_id=new_batch_id(),
            reviewed_at=local_now(settings.timezone), what_if=what_if,
        )  # fmt: skip
    if as_json:
        print_json(as_plain(stored) | {"what_if": what_if})
    else:
        print_table("radlake text review", ["what", "n"], [[key, value] for key, value in as_plain(stored).items()])
