"""identity link, review, show, decide, split, merge, withdraw."""

from typing import Annotated, Any

import typer

from lakehouse.settings import Settings
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

app = typer.Typer(help="患者身份 Who the records belong to.", no_args_is_help=True)

PersonArgument = Annotated[str, typer.Argument(help="Pseudonym of the person, as `review` and `show` print it.")]


@app.command("link")
def identity_link(
    home: HomeOption = None,
    full: Annotated[bool, typer.Option("--full", help="Forget what was found before; decisions are kept.")] = False,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Link the records of all sources to persons; only what is new and what it touches is scored. 患者归并。"""
    from ingestion.identity.linking import link_persons
    from lakehouse.lake import lock_home

    settings = open_home(home)
    with lock_home(settings), ProgressBars(quiet=as_json) as update:
        result = link_persons(
            settings,
            what_if=what_if,
            full=full,
            progress=lambda name, done, total: update("identity", name, done, total),
        )
    _show("radlake identity link", as_plain(result), as_json=as_json)


@app.command("review")
def identity_review(
    home: HomeOption = None,
    limit: Annotated[int, typer.Option("--limit", help="How many questions to print.", min=1)] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what waits for a decision: what agrees and what does not, no identifier. 待复核。"""
    from ingestion.identity.decisions import list_reviews

    reviews = list_reviews(open_home(home), limit=limit)
    if as_json:
        print_json(reviews)
        return
    columns = ["review_id", "rule", "score", "reason", "person_a", "person_b", "source_a", "source_b"]
    print_table(
        "radlake identity review",
        [*columns, "agrees"],
        [
            [review[name] for name in columns]
            + [" ".join(name.removeprefix("same_") for name in review if name.startswith("same_") and review[name])]
            for review in reviews
        ],
    )


@app.command("show")
def identity_show(person: PersonArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the records of a person and how each was linked. 人员记录。"""
    from ingestion.identity.decisions import list_records

    records = list_records(open_home(home), person)
    if as_json:
        print_json(records)
    else:
        print_table(
            "radlake identity show", list(records[0]) if records else [], [list(row.values()) for row in records]
        )


@app.command("decide")
def identity_decide(
    review: Annotated[str, typer.Argument(help="Number of the question.")],
    same: Annotated[bool, typer.Option("--same/--different", help="Whether both are one person.")],
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answer one question; the answer stands in every later run. 复核结论。"""
    from ingestion.identity.decisions import decide_review

    settings = open_home(home)
    _decide(settings, lambda: decide_review(settings, review, same=same, what_if=what_if), what_if, as_json)


@app.command("split")
def identity_split(
    person: PersonArgument,
    record: Annotated[list[str], typer.Option("--record", help="Pseudonym of a record that is somebody else's.")],
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Part records from a person. 拆分。"""
    from ingestion.identity.decisions import split_person

    settings = open_home(home)
    _decide(settings, lambda: split_person(settings, person, record, what_if=what_if), what_if, as_json)


@app.command("merge")
def identity_merge(
    person: PersonArgument,
    other: PersonArgument,
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring two persons together. 合并。"""
    from ingestion.identity.decisions import merge_persons

    settings = open_home(home)
    _decide(settings, lambda: merge_persons(settings, person, other, what_if=what_if), what_if, as_json)


@app.command("withdraw")
def identity_withdraw(
    decision: Annotated[str, typer.Argument(help="Number of the decision.")],
    home: HomeOption = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a decision back; the rules decide again. 撤销结论。"""
    from ingestion.identity.decisions import withdraw_decision

    settings = open_home(home)
    _decide(settings, lambda: withdraw_decision(settings, decision, what_if=what_if), what_if, as_json)


def _decide(settings: Settings, act: Any, what_if: bool, as_json: bool) -> None:
    from ingestion.identity.linking import link_persons
    from lakehouse.lake import lock_home

    with lock_home(settings):
        decision = act()
        result = as_plain(link_persons(settings)) if not what_if else {}
    _show("radlake identity", {"decision": None if what_if else decision} | result, as_json=as_json)


def _show(title: str, result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_table(title, ["what", "n"], [[key, value] for key, value in result.items()])
