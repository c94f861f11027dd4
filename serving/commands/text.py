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
