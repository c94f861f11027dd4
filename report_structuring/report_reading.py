"""One stored report to the rows of raw_text: its scrubbed text, entities, measurements, or the reason why not.

The parts of a report are put together under the headers the section finder knows. Where a system has a column with the
whole report besides, the parts alone are read when they hold nearly all of it, else the whole and what it lacks.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.log import get_logger
from report_structuring.measurement import Measurement
from report_structuring.report_sources import ReportSource
from report_structuring.scrub import scrub_text
from report_structuring.structure import ALGORITHM, Entity, structure_report

logger = get_logger(__name__)

AUTO = "auto"
_LONGEST_TEXT = 1_000_000
_NEARLY_ALL = 0.8
_COLUMN_OF_PART = {"diagnosis": "impression", "conclusion": "impression", "microscopic": "findings"}
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
# as macro report_kind_of of the models tells it
_KINDS = (
    ("pathology", re.compile(r"病理|细胞学|PATHOLOG|(?:^|[^A-Z])(?:PATH|SP|CP|PAT)(?:$|[^A-Z])")),
    ("endoscopy", re.compile(r"内镜|胃镜|肠镜|喉镜|支气管镜|ENDOSCOP|(?:^|[^A-Z])ES(?:$|[^A-Z])")),
    ("ultrasound", re.compile(r"超声|彩超|B超|ULTRASOUND|SONOGRAPH|(?:^|[^A-Z])(?:US|OUS|VUS)(?:$|[^A-Z])")),
)


def read_report(source: ReportSource, row: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return `report`, `entities` and `measurements` of one stored report; a failure is a reason, never an exception."""
    report = {
        "source": source.source,
        "report_id": row["_report_id"],
        "report_id_kind": row["_report_id_kind"],
        "text_sha256": row["text_sha256"],
        "report_kind": kind_of(row.get("_told_kind")),
        "modality": row.get("_modality"),
        "findings": None,
        "impression": None,
        "clinical_diagnosis": None,
        "full_text": None,
        "removed_count": 0,
        "finding_count": 0,
        "measurement_count": 0,
        "text_flags": None,
        "failure": None,
        "review_status": AUTO,
        "algorithm": ALGORITHM,
        "algorithm_version": version,
    }
    nothing: dict[str, Any] = {"report": report, "entities": [], "measurements": []}
    try:
        parts = choose_parts(source, row)
        said = "".join(row[column] for column, _ in parts)
        report["failure"] = _reason_against(said)
        if report["failure"]:
            return nothing
        texts = []
        for column, header in parts:
            scrubbed = scrub_text(row[column], known=row.get("_known") or {})
            report["removed_count"] += len(scrubbed.removed)
            place = _COLUMN_OF_PART.get(column, "findings" if column in source.bodies else column)
            if place in ("findings", "impression", "clinical_diagnosis"):
                report[place] = scrubbed.text
            texts.append(f"{header}：{scrubbed.text.strip()}" if header else scrubbed.text.strip())
        report["full_text"] = "\n".join(texts)
        return nothing | _read_text(report, _oddities(said))
    except Exception as error:  # a report that breaks a rule is queued with its reason, the others go on
        logger.warning("a report could not be read", extra={"source": source.source, "error": type(error).__name__})
        report |= dict.fromkeys(("findings", "impression", "clinical_diagnosis", "full_text", "text_flags"))
        report |= {"failure": f"unreadable_{type(error).__name__}", "finding_count": 0, "measurement_count": 0}
        return nothing


def choose_parts(source: ReportSource, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the columns to read with their headers, in reading order."""
    parts = [(column, header) for column, header in source.parts if (row.get(column) or "").strip()]
    body = next((column for column in source.bodies if (row.get(column) or "").strip()), None)
    if body is None:
        return parts
    whole = _SPACE.sub("", row[body])
    squeezed = {column: _SPACE.sub("", row[column]) for column, _ in parts}
    if sum(map(len, squeezed.values())) >= _NEARLY_ALL * len(whole):
        return parts
    return [(body, ""), *((column, header) for column, header in parts if squeezed[column] not in whole)]


def kind_of(told: str | None) -> str:
    """Return radiology, ultrasound, pathology or endoscopy by the words of the source."""
    words = (told or "").upper()
    return next((kind for kind, pattern in _KINDS if pattern.search(words)), "radiology")


def clause_around(text: str, start: int, end: int) -> str:
    """Return the clause that a span stands in."""
    first = max(text.rfind(mark, 0, start) for mark in "。；;\n") + 1
    ends = [position for mark in "。；;\n" if (position := text.find(mark, end)) >= 0]
    return text[first : min(ends, default=len(text))].strip()


def _read_text(report: dict[str, Any], oddities: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return `entities` and `measurements` of a scrubbed text as rows, and count them in its row of `report`."""
    text = report["full_text"]
    structured = structure_report(
        text,
        report_id=str(report["report_id"]),
        modality=report["modality"],
        report_kind=report["report_kind"],
    )
    flags = [*structured.flags, *oddities]
    report |= {
        "text_flags": ";".join(dict.fromkeys(flags)) or None,
        "finding_count": len(structured.entities),
        "measurement_count": len(structured.measurements),
    }
    key = {
        name: report[name]
        for name in (
            *("source", "report_id", "report_id_kind", "text_sha256"),
            *("review_status", "algorithm", "algorithm_version"),
        )
    }
    numbers = {entity.id: number for number, entity in enumerate(structured.entities, start=1)}
    return {
        "entities": [key | _entity_row(text, entity, numbers[entity.id]) for entity in structured.entities],
        "measurements": [
            key | _measurement_row(found, number, numbers.get(found.entity or ""))
            for number, found in enumerate(structured.measurements, start=1)
        ],
    }


def _reason_against(text: str) -> str | None:
    if not text.strip():
        return "empty_text"
    if len(text) > _LONGEST_TEXT:
        return "too_long"
    return "not_text" if len(_CONTROL.findall(text)) * 2 > len(text) else None


def _oddities(text: str) -> list[str]:
    flags = ["control_characters"] if _CONTROL.search(text) else []
    return [*flags, *([] if _CHINESE.search(text) else ["not_chinese"])]


def _entity_row(text: str, entity: Entity, number: int) -> dict[str, Any]:
    return {
        "entity_no": number,
        "finding_code": entity.code,
        "mention": text[entity.start : entity.end],
        "start_offset": entity.start,
        "end_offset": entity.end,
        "section": entity.section,
        "assertion": entity.assertion,
        "certainty": entity.certainty,
        "laterality": entity.laterality,
        "locations": ";".join(entity.locations) or None,
        "change": entity.change,
        "compared_to": entity.compared_to,
        "cue_text": entity.cue_text,
        "cue_offset": entity.cue_start,
        "rule_id": entity.rule,
        # rules have none; a reader that has one says so
        "confidence": getattr(entity, "confidence", None),
        "sentence": clause_around(text, entity.start, entity.end),
    }


def _measurement_row(found: Measurement, number: int, entity_no: int | None) -> dict[str, Any]:
    return {
        "measurement_no": number,
        "entity_no": entity_no,
        "kind": found.kind,
        "dims": [{"lo": float(low), "hi": float(high)} for low, high in found.dims],
        "unit": found.unit,
        "op": found.op,
        "time": found.time,
        "approx": found.approx,
        "target": found.target,
        "flag": found.flag,
        "start_offset": found.start,
        "end_offset": found.end,
        "measured_text": found.text,
    }
