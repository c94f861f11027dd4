"""Reviewed reports as annotated reports of section 9.1, by which every later reader is measured.

The file holds report text, so it stays in the folder of the restricted zone and is readable by its owner alone.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lakehouse.errors import NotPermittedError
from lakehouse.lake import Connection
from report_structuring.review_document import Document, load_documents
from report_structuring.structure import structure_report

_DISEASES = {"lung": "pulmonary_infection", "pas": "pas", "brain": "stroke", "abd": "acute_abdomen"}


def gold_path(home: Path, out: Path) -> Path:
    """Return where a file of annotated reports may lie: a bare name goes to `raw/gold` of the home.

    Raises NotPermittedError for a place outside the restricted zone's folder.
    """
    zone = (home / "raw").resolve()
    path = (out if out.is_absolute() or len(out.parts) > 1 else zone / "gold" / out).resolve()
    if not path.is_relative_to(zone) or path.is_relative_to(zone / "data"):
        raise NotPermittedError(
            f"annotated reports hold text and stay below {zone}: give a bare file name, which goes to {zone / 'gold'}"
        )
    return path


def write_gold(connection: Connection, path: Path, documents: Sequence[Document] | None = None) -> int:
    """Write reports sorted by their number, all that a person vouches for when none are given; return how many."""
    chosen = list(load_documents(connection).values()) if documents is None else documents
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("w", encoding="utf-8") as file:
        for document in sorted(chosen, key=lambda one: one.review_id):
            file.write(json.dumps(gold_item(document), ensure_ascii=False) + "\n")
    return len(chosen)


def gold_item(document: Document) -> dict[str, Any]:
    """Return one annotated report; the disease is that of most codes, and left out where no code tells it."""
    kind = document.report["report_kind"] or "radiology"
    sections = structure_report(
        document.text, report_id=document.review_id, modality=document.report["modality"], report_kind=kind
    ).sections
    domains = Counter(domain for row in document.entities if (domain := row["finding_code"].split(".")[0]) in _DISEASES)
    disease = {"disease": _DISEASES[min(domains, key=lambda name: (-domains[name], name))]} if domains else {}
    return {
        "schema_version": "1.0",
        "report_id": document.review_id,
        **disease,
        "modality": document.report["modality"],
        "report_kind": kind,
        "tags": ["reviewed"],
        "text": document.text,
        "sections": [{"label": part.label, "start": part.start, "end": part.end} for part in sections],
        "entities": [
            {
                "id": f"E{row['entity_no']}",
                "code": row["finding_code"],
                "start": row["start_offset"],
                "end": row["end_offset"],
                "mention": row["mention"],
                "assertion": row["assertion"],
                "certainty": row["certainty"],
                "laterality": row["laterality"],
                "locations": row["locations"].split(";") if row["locations"] else [],
                "change": row["change"],
                "section": row["section"],
            }
            for row in document.entities
        ],
        "measurements": [
            {
                "id": f"M{row['measurement_no']}",
                "kind": row["kind"],
                "dims": [[axis["lo"], axis["hi"]] for axis in row["dims"]],
                "unit": row["unit"],
                "op": row["op"],
                "time": row["time"],
                "start": row["start_offset"],
                "end": row["end_offset"],
                "text": row["measured_text"],
                "entity": None if row["entity_no"] is None else f"E{row['entity_no']}",
            }
            for row in document.measurements
        ],
    }
