"""text lexicon check, find."""

from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import SettingsError, UsageError
from serving.terminal import HomeOption, JsonOption, ProgressBars, as_plain, open_home, print_json, print_table, stderr

app = typer.Typer(help="词库 Terms and templates, the hospital's own among them.", no_args_is_help=True)


@app.command("check")
def lexicon_check(
    terms: Annotated[Path | None, typer.Option("--terms", help="Instead of lexicon/terms.tsv of the home.")] = None,
    templates: Annotated[Path | None, typer.Option("--templates", help="Instead of lexicon/templates.tsv.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="How many changed mentions to list.")] = 50,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Show the words, which leave the restricted zone by that.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the hospital's terms and show which stored reports they change, and how; nothing is written. 词库检查。"""
    from lakehouse.lake import open_lake
    from report_structuring.lexicon_change import compare_lexicon
    from report_structuring.site_lexicon import read_site_lexicon

    settings = open_home(home)
    lexicon = read_site_lexicon(settings.home / "lexicon", terms=terms, templates=templates)
    if lexicon.problems:
        if as_json:
            print_json({"problems": lexicon.problems})
        for problem in lexicon.problems:
            stderr.print(str(problem), highlight=False, markup=False, soft_wrap=True)
        raise SettingsError(f"{len(lexicon.problems)} lines of the lexicon are wrong; nothing was compared")
    with open_lake(settings, read_only=True) as connection, ProgressBars(quiet=as_json) as update:
        change = compare_lexicon(
            connection, lexicon, progress=lambda done, total: update("lexicon", "reports", done, total)
        )
    listed = [
        {name: value for name, value in as_plain(one).items() if with_text or name != "mention"}
        for one in change.differences[:limit]
    ]
    facts = {
        name: value
        for name, value in as_plain(change).items()
        if name not in ("differences", "without_effect") and not isinstance(value, list)
    }
    if as_json:
        print_json(facts | {"without_effect": change.without_effect, "counts": change.counts(), "mentions": listed})
        return
    print_table("radlake text lexicon check", ["what", "n"], [[name, value] for name, value in facts.items()])
    for title, rows in (("by code and assertion", change.counts()), ("mentions", listed)):
        if rows:
            print_table(f"changes, {title}", list(rows[0]), [list(row.values()) for row in rows])
    for line in change.without_effect:
        stderr.print(
            f"line {line}: the term is not found even in a sentence of its own; other rules read these words",
            highlight=False,
        )


@app.command("find")
def lexicon_find(
    words: Annotated[str, typer.Argument(help="A part of a code, of a Chinese name or of a term.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the codes whose code, name or terms hold some words. 查找发现代码。"""
    from report_structuring.site_lexicon import use_site_lexicon
    from report_structuring.words import read_rows

    use_site_lexicon(open_home(home).home / "lexicon")
    wanted = words.strip().lower()
    if not wanted:
        raise UsageError("say what to look for")
    found: dict[str, dict[str, str]] = {}
    for code, _domain, kind, label, variants, *_ in read_rows("finding_lexicon.tsv"):
        hits = [variant for variant in variants.split("|") if wanted in variant.lower()]
        if hits or wanted in code or wanted in label.lower():
            row = found.setdefault(code, {"code": code, "type": kind, "label_zh": label, "terms": ""})
            row["terms"] = " ".join(filter(None, [row["terms"], *hits[:8]]))
    rows = list(found.values())
    if as_json:
        print_json(rows)
    else:
        print_table(
            f"radlake text lexicon find: {len(rows)}",
            ["code", "type", "label_zh", "terms"],
            [list(row.values()) for row in rows],
        )
