"""text structure, text scrub, text evaluate; the groups text review and text lexicon, and text search beside it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.errors import CheckFailedError, UsageError
from serving.commands import text_lexicon, text_review, text_search
from serving.terminal import JsonOption, as_plain, open_home, print_json, print_table, stderr

app = typer.Typer(help="报告文本 Report text.", no_args_is_help=True)
app.add_typer(text_search.app)
app.add_typer(text_review.app, name="review")
app.add_typer(text_lexicon.app, name="lexicon")


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not JSON lines in UTF-8") from error


@app.command("structure")
def text_structure(source: Path, out: Annotated[Path, typer.Option("--out")]) -> None:
    """Read findings out of reports given as JSON lines. 报告结构化。"""
    from report_structuring.structure import as_prediction, structure_report

    with out.open("w", encoding="utf-8") as file:
        for report in _read_lines(source):
            structured = structure_report(
                report.get("text") or "",
                report_id=str(report.get("report_id")),
                modality=report.get("modality"),
                report_kind=report.get("report_kind") or "radiology",
                disease=report.get("disease"),
            )
            file.write(json.dumps(as_prediction(structured), ensure_ascii=False) + "\n")


_KINDS = (
    ("name", ("name", "姓名", "contact", "relative", "联系人", "家属")),
    ("phone", ("phone", "mobile", "tel", "电话", "手机")),
    ("address", ("address", "addr", "地址", "住址")),
    ("institution", ("hospital", "institution", "employer", "医院", "单位")),
    ("id_number", ("id_card", "idcard", "citizen", "identity", "passport", "身份证", "证件")),
    ("staff", ("doctor", "physician", "staff", "reporter", "verifier", "医师", "医生")),
)
"""Kind of a known value by what the key that holds it contains; any other value is a number of the patient."""


def _known_values(patient: dict[str, Any]) -> dict[str, list[str]]:
    known: dict[str, list[str]] = {}
    for key, value in patient.items():
        kind = next((kind for kind, marks in _KINDS if any(mark in str(key).lower() for mark in marks)), "number")
        for item in value if isinstance(value, list) else [value]:
            if item:
                known.setdefault(kind, []).append(str(item))
    return known


@app.command("scrub")
def text_scrub(source: Path, out: Annotated[Path, typer.Option("--out")]) -> None:
    """Take identifiers out of reports given as JSON lines. 报告脱敏。"""
    from report_structuring.scrub import scrub_text

    with out.open("w", encoding="utf-8") as file:
        for report in _read_lines(source):
            known = _known_values(report.get("patient") or {})
            scrubbed = scrub_text(report.get("text") or "", known=known)
            answer = {
                "report_id": report.get("report_id"),
                "text": scrubbed.text,
                "removed": [as_plain(removal) for removal in scrubbed.removed],
            }
            file.write(json.dumps(answer, ensure_ascii=False) + "\n")


@app.command("evaluate")
def text_evaluate(
    gold: Annotated[Path, typer.Option("--gold", help="Annotated reports, JSON lines.")],
    pred: Annotated[
        Path | None, typer.Option("--pred", help="Predictions; without them the texts are read now.")
    ] = None,
    bootstrap: Annotated[int, typer.Option("--bootstrap", min=0, help="Draws for a 95 % interval.")] = 0,
    fail_under: Annotated[
        list[str] | None, typer.Option("--fail-under", metavar="METRIC=LIMIT", help="Exit 13 when a figure is lower.")
    ] = None,
    home: Annotated[Path | None, typer.Option("--home", help="Home whose own terms and templates are used.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how well annotated reports are read, by disease, class and tag. 评测。"""
    from report_structuring.evaluation import GATES, evaluate, gate_value, list_doubts, read_reports
    from report_structuring.site_lexicon import use_site_lexicon
    from report_structuring.structure import as_prediction, structure_report

    if home is not None:
        use_site_lexicon(open_home(home).home / "lexicon")
    limits = dict(_limit(rule, GATES) for rule in fail_under or ())
    right = read_reports(gold, with_text=True)
    found = read_reports(pred, with_text=False) if pred else {
        name: as_prediction(
            structure_report(
                report["text"], report_id=name, modality=report.get("modality"),
                report_kind=report.get("report_kind") or "radiology", disease=report.get("disease"),
            )
        )
        for name, report in right.items()
    }  # fmt: skip
    for doubt in list_doubts(right, found)[:20]:
        stderr.print(f"warning: {doubt}", highlight=False, markup=False)
    result = evaluate(right, found, draws=bootstrap)
    missed = [
        f"{name} {value:.4f} < {limit:g}"
        for name, limit in limits.items()
        if (value := gate_value(result, name)) < limit
    ]
    if as_json:
        print_json(result)
    else:
        _print_scores(result)
    if missed:
        raise CheckFailedError("lower than asked for: " + "; ".join(missed))


def _limit(rule: str, metrics: tuple[str, ...]) -> tuple[str, float]:
    name, _, number = rule.partition("=")
    try:
        limit = float(number)
    except ValueError as error:
        raise UsageError(f"--fail-under is METRIC=LIMIT, such as {metrics[1]}=0.88") from error
    if name not in metrics:
        raise UsageError(f"--fail-under knows {', '.join(metrics)}")
    return name, limit


def _print_scores(result: dict[str, Any]) -> None:
    from report_structuring.evaluation import ASSERTIONS, F1_METRICS

    columns = ["precision", "recall", "f1", "tp", "fp", "fn"]

    def row(name: str, scores: dict[str, Any]) -> list[Any]:
        return [name, *(f"{scores[column]:.3f}" for column in columns[:3]), *(scores[column] for column in columns[3:])]

    overall = result["overall"]
    title = f"radlake text evaluate: {result['n_predicted']} of {result['n_reports']} reports"
    print_table(title, ["metric", *columns], [row(name, overall[name]) for name in F1_METRICS])
    classes = [row(name, overall["by_assertion"][name]) for name in ASSERTIONS]
    for disease, scores in result["by_disease"].items():
        classes.append(row(disease, scores["entity_assertion"]))
        told = {name: scores["by_assertion"][name] for name in ASSERTIONS}
        classes += [row(f"  {name}", one) for name, one in told.items() if one["tp"] + one["fp"] + one["fn"]]
    print_table("entity and assertion, by class and disease", ["class", *columns], classes)
    print_table(
        "measurements, by disease",
        ["disease", *columns],
        [row(disease, scores["measurement"]) for disease, scores in result["by_disease"].items()],
    )
    for group, table in result["confusion"].items():
        names = list(next(iter(table.values())))
        rows = [[right, *(counts.get(name, "") for name in names)] for right, counts in table.items()]
        print_table(f"confusion, {group}: right below, told beside", ["", *names], rows)
    facts = {
        **{name: f"{one['accuracy']} of {one['n']}" for name, one in overall["attributes"].items()},
        **{
            name: f"{overall[name]['accuracy']} of {overall[name]['n']}"
            for name in ("measurement_kind", "measurement_time")
        },
        **overall["polarity_errors"],
        "kappa of assertions": result["assertion_kappa"],
        **{f"95 % of {name}": f"{low} to {high}" for name, (low, high) in result.get("ci95", {}).items()},
        **{f"tag {name}": f"{one['f1']} in {one['reports']} reports" for name, one in result["by_tag"].items()},
        "lowest": ", ".join(f"{name} {f1:.2f}" for name, f1 in result["worst_reports"]),
    }
    print_table(
        "attributes, polarity, intervals, tags", ["what", "value"], [[name, value] for name, value in facts.items()]
    )
