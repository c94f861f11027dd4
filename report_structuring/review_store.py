"""Stores what a person vouches for: a run of its own, new rows, and never a change of an old one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lakehouse.errors import UsageError
from lakehouse.lake import Connection
from report_structuring.reader_version import REVIEW, lexicon_sha256, rules_sha256
from report_structuring.review_document import Document, content_of, is_equal
from report_structuring.tables import append_rows, close_run, write_outcomes


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """What became of some reviews."""

    reviewed: int
    stored: int
    unchanged: int
    corrected: int
    added: int
    removed: int


def store_reviews(
    connection: Connection,
    reviews: Sequence[tuple[Document, Document]],
    *,
    reviewer: str,
    run_id: str,
    reviewed_at: datetime,
    what_if: bool = False,
) -> Stored:
    """Store (before, after) of reviewed reports; one that says what a person said before is not stored again.

    Raises UsageError without a reviewer.
    """
    if not reviewer.strip():
        raise UsageError("a review needs a reviewer: name one with --reviewer")
    new = [(old, now) for old, now in reviews if not (old.report["is_reviewed"] and is_equal(old, now))]
    marks = {"reviewer": reviewer.strip(), "reviewed_at": reviewed_at}
    version = {"algorithm": REVIEW, "algorithm_version": f"{REVIEW}-{run_id}"}
    if new and not what_if:
        run = {
            "run_id": run_id, "rules_sha256": rules_sha256(), "lexicon_sha256": lexicon_sha256(),
            "started_at": reviewed_at, "report_in_count": len(new), "_batch_id": run_id, "_loaded_at": reviewed_at,
        }  # fmt: skip
        append_rows(connection, "nlp_run", [run | version])
        outcomes = [_outcome(document, marks | version) for _, document in new]
        write_outcomes(connection, outcomes, run_id=run_id, loaded_at=reviewed_at)
        close_run(connection, run_id)
    statuses = [row["review_status"] for _, document in new for row in (*document.entities, *document.measurements)]
    before = sum(len(old.entities) + len(old.measurements) for old, _ in new)
    return Stored(
        reviewed=len(reviews),
        stored=len(new),
        unchanged=len(reviews) - len(new),
        corrected=statuses.count("corrected"),
        added=statuses.count("added"),
        removed=before - (len(statuses) - statuses.count("added")),
    )


def _outcome(document: Document, marks: dict[str, Any]) -> dict[str, Any]:
    counts = {"finding_count": len(document.entities), "measurement_count": len(document.measurements)}
    return {
        "report": content_of(document.report) | counts | {"review_status": "corrected", "failure": None} | marks,
        "entities": [content_of(row) | marks for row in document.entities],
        "measurements": [content_of(row) | marks for row in document.measurements],
    }
