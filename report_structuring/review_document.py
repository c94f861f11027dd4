"""One report as a reviewer sees it, and what it becomes by corrections.

A review vouches for the whole report: what is corrected is corrected, what is left stands as confirmed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lakehouse.errors import UsageError
from lakehouse.lake import Connection, fetch_dicts
from report_structuring.evaluation import ASSERTIONS
from report_structuring.lexicon import concept_types
from report_structuring.report_reading import clause_around
from report_structuring.review_queue import READINGS
from report_structuring.structure import structure_report

ENTITY_FIELDS = ("finding_code", "assertion", "certainty", "laterality", "locations", "change")
"""What a reviewer may change of a mention."""
MEASUREMENT_FIELDS = ("kind", "dims", "unit", "op", "time", "entity_no")
"""What a reviewer may change of a measurement."""
_VALUES: Mapping[str, tuple[str, ...]] = {
    "assertion": ASSERTIONS,
    "certainty": ("definite", "probable", "possible"),
    "laterality": ("left", "right", "bilateral", "midline"),
    "change": ("new", "increased", "decreased", "stable", "resolved"),
    "kind": (
        *("size", "area", "diameter", "short_axis", "long_axis", "thickness", "width", "length", "depth", "distance"),
        *("volume", "ct_value", "percent", "velocity", "ri", "score", "ratio", "afi", "count"),
    ),
    "unit": ("mm", "mL", "HU", "percent", "cm/s", "score", "ratio"),
    "op": ("eq", "lt", "le", "gt", "ge"),
    "time": ("current", "prior"),
}
_LOCATION = re.compile(r"[A-Z][A-Z0-9_]*(?:\.[A-Z0-9+]+)?(?:;[A-Z][A-Z0-9_]*(?:\.[A-Z0-9+]+)?)*")
_NECESSARY = frozenset({"finding_code", "assertion", "op", "time", "dims", "kind"})
_OWN = frozenset({"run_id", "reviewer", "reviewed_at", "review_id", "is_review", "is_reviewed", "was_reviewed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A report text with the reading that stands."""

    review_id: str
    report: dict[str, Any]
    entities: tuple[dict[str, Any], ...]
    measurements: tuple[dict[str, Any], ...]

    @property
    def text(self) -> str:
        """Return the scrubbed text; empty where there is none."""
        return self.report["full_text"] or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What a reviewer says of one mention or measurement; `item` is E3 or M1, none for one that was missed."""

    item: str | None
    action: str
    """change, remove or add."""
    values: dict[str, Any] = field(default_factory=dict)


def load_documents(connection: Connection, review_ids: Sequence[str] | None = None) -> dict[str, Document]:
    """Return documents by review_id; all that a person reviewed when none is named. Unknown ones are left out."""
    condition = "is_reviewed" if review_ids is None else "list_contains($1, review_id)"
    reports = fetch_dicts(
        connection,
        f"{READINGS} select * from readings where {condition} and ($1 is null or true) order by review_id",
        [None if review_ids is None else list(review_ids)],
    )
    parts: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, order in (("report_entity", "entity_no"), ("report_measurement", "measurement_no")):
        rows = fetch_dicts(
            connection,
            f"""
            {READINGS}
            select found.*, readings.review_id from raw.raw_text.{name} as found
            inner join readings using (source, report_id, text_sha256, algorithm_version)
            where {condition} and ($1 is null or true) order by readings.review_id, found.{order}
            """,
            [None if review_ids is None else list(review_ids)],
        )
        for row in rows:
            parts.setdefault(name, {}).setdefault(row["review_id"], []).append(row)
    return {
        row["review_id"]: Document(
            review_id=row["review_id"],
            report=row,
            entities=tuple(parts.get("report_entity", {}).get(row["review_id"], ())),
            measurements=tuple(parts.get("report_measurement", {}).get(row["review_id"], ())),
        )
        for row in reports
    }


def load_document(connection: Connection, review_id: str) -> Document:
    """Return one document; raises UsageError when there is none of that number."""
    found = load_documents(connection, [review_id])
    if review_id not in found:
        raise UsageError(f"no report has the number {review_id}: `radlake text review list` prints those that wait")
    return found[review_id]


def correct(document: Document, corrections: Sequence[Correction]) -> Document:
    """Return the document after corrections, every mention confirmed, corrected or added, in order of the text.

    Raises UsageError that names the item and what is wrong with it.
    """
    if document.report["full_text"] is None:
        raise UsageError(f"report {document.review_id} has no text to correct: see the reason in `review list`")
    entities = {f"E{row['entity_no']}": row | {"review_status": "confirmed"} for row in document.entities}
    measurements = {f"M{row['measurement_no']}": row | {"review_status": "confirmed"} for row in document.measurements}
    for number, correction in enumerate(corrections, start=1):
        kept = measurements if _is_measurement(correction) else entities
        if correction.action == "add":
            name = f"N{number}"
            kept[name] = _added(document, correction, name)
            continue
        if correction.item not in kept:
            raise UsageError(f"{correction.item}: the report has no such item; `review show` lists those it has")
        if correction.action == "remove":
            del kept[correction.item]
            continue
        values = _checked(correction)
        status = (
            "corrected" if any(kept[correction.item].get(name) != value for name, value in values.items()) else None
        )
        kept[correction.item] |= values | ({"review_status": status} if status else {})
    return _numbered(document, list(entities.items()), list(measurements.values()))


def is_equal(one: Document, other: Document) -> bool:
    """Say whether two readings of a report say the same."""

    def said(document: Document) -> list[tuple[Any, ...]]:
        names = ("start_offset", "end_offset")
        return [
            *(tuple(str(row[name]) for name in (*names, *ENTITY_FIELDS)) for row in document.entities),
            *(tuple(str(row[name]) for name in (*names, *MEASUREMENT_FIELDS)) for row in document.measurements),
        ]

    return said(one) == said(other)


def content_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a stored row that a new row takes over."""
    return {name: value for name, value in row.items() if name not in _OWN and not name.startswith("_")}


def _is_measurement(correction: Correction) -> bool:
    if correction.item:
        return correction.item.startswith("M")
    return "finding_code" not in correction.values


def _checked(correction: Correction) -> dict[str, Any]:
    where = correction.item or "an added item"
    values = dict(correction.values)
    for name, value in values.items():
        if value is None and name in _NECESSARY:
            raise UsageError(f"{where}: {name} is empty: give one")
        if value is not None and name in _VALUES and value not in _VALUES[name]:
            raise UsageError(f"{where}: {name} is none of {', '.join(_VALUES[name])}")
    if values.get("locations") and not _LOCATION.fullmatch(values["locations"]):
        raise UsageError(f"{where}: locations are codes joined by semicolons, such as RUL.S3;RML")
    if "finding_code" in values and values["finding_code"] not in concept_types():
        raise UsageError(f"{where}: the code is not in the lexicon: correct it, or add it to terms.tsv")
    return values


def _added(document: Document, correction: Correction, name: str) -> dict[str, Any]:
    values = _checked(correction)
    start, end = _span(document.text, values.pop("mention", None), values.pop("start", None), values.pop("end", None))
    key = content_of(document.report)
    row: dict[str, Any] = {
        column: key[column]
        for column in ("source", "report_id", "report_id_kind", "text_sha256", "algorithm", "algorithm_version")
    } | {"start_offset": start, "end_offset": end, "review_status": "added"}
    if "finding_code" in values:
        section = next((part.label for part in _sections(document) if part.start <= start < part.end), "unsectioned")
        words = {"mention": document.text[start:end], "sentence": clause_around(document.text, start, end)}
        defaults = {"assertion": "present", "certainty": None, "laterality": None, "locations": None, "change": None}
        return row | {"entity_no": None, "section": section, "rule_id": "review"} | words | defaults | values
    missing = [column for column in ("kind", "dims") if not values.get(column)]
    if missing:
        raise UsageError(f"{name}: an added measurement needs {' and '.join(missing)}")
    defaults = {"measurement_no": None, "entity_no": None, "unit": None, "op": "eq", "time": "current"}
    return row | defaults | {"measured_text": document.text[start:end]} | values


def _sections(document: Document) -> Sequence[Any]:
    kind, modality = document.report["report_kind"] or "radiology", document.report["modality"]
    return structure_report(document.text, report_id=document.review_id, modality=modality, report_kind=kind).sections


def _span(text: str, mention: str | None, start: int | None, end: int | None) -> tuple[int, int]:
    if start is None and mention:
        count = text.count(mention)
        if count != 1:
            raise UsageError(f"an added item: its words stand {count} times in the text: give start as well")
        start = text.index(mention)
    if start is not None and end is None and mention:
        end = start + len(mention)
    if start is None or end is None or not 0 <= start < end <= len(text):
        raise UsageError("an added item: give its words, or start and end within the text")
    if mention and text[start:end] != mention:
        raise UsageError("an added item: its words do not stand at start: correct either")
    return start, end


def _numbered(
    document: Document, entities: list[tuple[str, dict[str, Any]]], measurements: list[dict[str, Any]]
) -> Document:
    """Number mentions and measurements in order of the text and let measurements follow their mention."""
    entities.sort(key=lambda item: (item[1]["start_offset"], item[1]["end_offset"], item[1]["finding_code"]))
    numbers = {row["entity_no"]: number for number, (_, row) in enumerate(entities, start=1) if row["entity_no"]}
    measurements.sort(key=lambda row: (row["start_offset"], row["end_offset"]))
    for row in measurements:
        if row["entity_no"] is not None and row["entity_no"] not in numbers:
            known = {f"E{entity['entity_no']}" for entity in document.entities}
            if f"E{row['entity_no']}" not in known:
                raise UsageError("a measurement: it is linked to a mention that the report does not have")
    return replace(
        document,
        entities=tuple(row | {"entity_no": number} for number, (_, row) in enumerate(entities, start=1)),
        measurements=tuple(
            row | {"measurement_no": number, "entity_no": numbers.get(row["entity_no"])}
            for number, row in enumerate(measurements, start=1)
        ),
    )
