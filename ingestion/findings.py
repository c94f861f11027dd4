"""Tells as defects what readers dropped, found and refused: what was not loaded is an issue too."""

from collections.abc import Sequence
from hashlib import sha256

from ingestion.delivery import OpenFile
from ingestion.quality.kinds import kind_of_reason, read_kinds
from ingestion.readers import Finding
from lakehouse.ledger import Refusal


def findings_of_lines(file: OpenFile) -> list[Finding]:
    """Return what the reader found and dropped; lines that were only counted are told once, of the whole file."""
    reading = file.content.reading
    told: dict[str, int] = {}
    for finding in reading.found:
        told[finding.kind] = told.get(finding.kind, 0) + 1
    counted = [
        Finding(row_no=None, column=None, kind=kind)
        for kind, count in sorted(reading.dropped.items())
        if count > told.get(kind, 0)
    ]
    return [*reading.found, *counted]


def findings_of_refusals(refusals: Sequence[Refusal]) -> list[Finding]:
    """Return the defects of refused records; a file that was held as a whole is one defect."""
    findings, held = [], set()
    for refusal in refusals:
        kind = kind_of_reason(refusal.reason)
        if read_kinds()[kind].action == "hold_file":
            held.add(kind)
            continue
        digest = sha256(refusal.raw_text.encode("utf-8", "surrogatepass")).hexdigest()
        findings.append(Finding(row_no=refusal.row_no or None, column=None, kind=kind, before_sha256=digest))
    return findings + [Finding(row_no=None, column=None, kind=kind) for kind in sorted(held)]


def count_reasons(refusals: Sequence[Refusal]) -> dict[str, int]:
    """Return how many records were refused for each reason."""
    reasons: dict[str, int] = {}
    for refusal in refusals:
        reasons[refusal.reason] = reasons.get(refusal.reason, 0) + 1
    return reasons
