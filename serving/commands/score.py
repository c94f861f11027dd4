"""score."""

from pathlib import Path
from typing import Annotated

import typer

from lakehouse.errors import UsageError
from serving.terminal import JsonOption, print_json, stderr

app = typer.Typer()


@app.command("score")
def score(
    code: Annotated[str, typer.Argument(help="Such as stroke_nihss; a wrong one prints the list.")],
    cases: Annotated[Path, typer.Argument(help="CSV in UTF-8, a case a row, columns named as the inputs.")],
    out: Annotated[Path, typer.Option("--out", help="CSV with the same rows and the results.")],
    as_json: JsonOption = False,
) -> None:
    """Compute a clinical score for every row of a file. 临床评分。"""
    from serving.scores.cases import score_cases
    from serving.scores.report_features import REPORT_CODES, disease_of, read_report_cases
    from serving.scores.specification import read_scores

    if code not in (*REPORT_CODES, *read_scores()):
        raise UsageError(f"there is no score {code!r}; there are: {', '.join(sorted((*REPORT_CODES, *read_scores())))}")
    disease = disease_of(code)
    rows = read_report_cases(disease, cases, out) if disease else score_cases(code, cases, out)
    if as_json:
        print_json({"code": code, "rows": rows, "out": out})
    else:
        stderr.print(f"{code}: {rows} cases written to {out}")
