"""text structure, text scrub."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lakehouse.errors import UsageError
from serving.terminal import as_plain

app = typer.Typer(help="报告文本 Report text.", no_args_is_help=True)


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


@app.command("scrub")
def text_scrub(source: Path, out: Annotated[Path, typer.Option("--out")]) -> None:
    """Take identifiers out of reports given as JSON lines. 报告脱敏。"""
    from report_structuring.scrub import scrub_text

    with out.open("w", encoding="utf-8") as file:
        for report in _read_lines(source):
            patient = report.get("patient") or {}
            known = {
                kind: [str(value) for value in (values if isinstance(values, list) else [values]) if value]
                for kind, values in patient.items()
            }
            scrubbed = scrub_text(report.get("text") or "", known=known)
            answer = {
                "report_id": report.get("report_id"),
                "text": scrubbed.text,
                "removed": [as_plain(removal) for removal in scrubbed.removed],
            }
            file.write(json.dumps(answer, ensure_ascii=False) + "\n")
