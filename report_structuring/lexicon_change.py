"""Which stored reports a hospital's terms and templates would change, and how.

The lexicon of the newest run and the one to be tried read the same stored texts with the same rules, so that every
difference is the lexicon's. Only texts in which a changed term or template stands can differ, so only they are read.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.lake import Connection, fetch_dicts
from report_structuring.additional_rows import Rows, install_rows
from report_structuring.normalise import normalise
from report_structuring.review_queue import READINGS
from report_structuring.site_lexicon import SiteLexicon
from report_structuring.slips import mend_slips
from report_structuring.structure import Entity, structure_report
from report_structuring.words import expand

_BATCH = 5_000
_TERMS, _TEMPLATES = "finding_lexicon.tsv", "patterns.tsv"
_PROBES = ("可见{}。", "检查所见：右侧{}。", "妊娠，胎盘见{}。", "病理诊断：{}。", "建议{}。")
Reading = dict[tuple[int, int, str], Entity]


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A mention that is read otherwise; None where it was not or is no longer read."""

    review_id: str
    old_code: str | None
    old_assertion: str | None
    new_code: str | None
    new_assertion: str | None
    start: int
    end: int
    mention: str
    """Words of the report, never shown unless asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LexiconChange:
    """What a lexicon would change over all stored reports."""

    terms_added: int
    terms_removed: int
    reports: int
    reports_read: int
    """Reports in which a changed term or template stands."""
    reports_changed: int
    differences: tuple[Difference, ...]
    without_effect: tuple[int, ...]
    """Lines of the file of terms that are not found even in a sentence of their own."""

    def counts(self) -> list[dict[str, Any]]:
        """Return how many mentions and reports change from which code and assertion to which."""
        kinds: Counter[tuple[str | None, ...]] = Counter()
        reports: dict[tuple[str | None, ...], set[str]] = {}
        for one in self.differences:
            kind = (one.old_code, one.old_assertion, one.new_code, one.new_assertion)
            kinds[kind] += 1
            reports.setdefault(kind, set()).add(one.review_id)
        names = ("old_code", "old_assertion", "new_code", "new_assertion")
        ordered = sorted(kinds.items(), key=lambda item: (-item[1], [part or "" for part in item[0]]))
        return [
            dict(zip(names, kind, strict=True)) | {"mentions": count, "reports": len(reports[kind])}
            for kind, count in ordered
        ]


def compare_lexicon(
    connection: Connection, lexicon: SiteLexicon, *, progress: Callable[[int, int], None] | None = None
) -> LexiconChange:
    """Read the stored reports that can change with the lexicon of the newest run and with another, and compare."""
    old, new = _rows_of_newest_run(connection), lexicon.rows
    added, removed = _missing_in(old, new), _missing_in(new, old)
    suspects = _suspects([*added, *removed])
    total = _count(connection)
    seen = read = 0
    differences: list[Difference] = []
    try:
        for batch in _stored_texts(connection):
            seen += len(batch)
            chosen = [row for row in batch if suspects(row["full_text"])]
            read += len(chosen)
            differences += _compare(chosen, old, new)
            if progress:
                progress(seen, total)
        install_rows(new)
        idle = tuple(
            line for row, line in zip(lexicon.terms, lexicon.term_lines, strict=True) if not _has_effect(row[0], row[4])
        )
    finally:
        install_rows(new)
    return LexiconChange(
        terms_added=len(added),
        terms_removed=len(removed),
        reports=total,
        reports_read=read,
        reports_changed=len({one.review_id for one in differences}),
        differences=tuple(differences),
        without_effect=idle,
    )


def _rows_of_newest_run(connection: Connection) -> Rows:
    row = connection.execute(
        "select site_lexicon from raw.raw_text.nlp_run where algorithm <> 'review' and finished_at is not null "
        "order by started_at desc, run_id desc limit 1"
    ).fetchone()
    rows: Rows = json.loads(row[0]) if row and row[0] else {}
    return rows


def _missing_in(one: Rows, other: Rows) -> list[tuple[str, list[str]]]:
    """Return the rows of the second that the first does not have, with their table."""
    return [
        (table, list(row))
        for table, rows in other.items()
        for row in rows
        if list(row) not in [list(known) for known in one.get(table, ())]
    ]


def _suspects(rows: Sequence[tuple[str, list[str]]]) -> Callable[[str], bool]:
    terms = {row[4].lower() for table, row in rows if table == _TERMS}
    patterns = [re.compile(expand(row[3])) for table, row in rows if table == _TEMPLATES]

    def can_change(text: str) -> bool:
        copy = mend_slips(normalise(text).text)
        lowered = copy.lower()
        return any(term in lowered for term in terms) or any(pattern.search(copy) for pattern in patterns)

    return can_change


_CHOSEN = "not coalesce(is_reviewed, false) and failure is null and full_text is not null"


def _count(connection: Connection) -> int:
    row = connection.execute(f"{READINGS} select count(*) from readings where {_CHOSEN}").fetchone()
    return int(row[0]) if row else 0


def _stored_texts(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    last = ""
    while True:
        rows = fetch_dicts(
            connection,
            f"{READINGS} select review_id, full_text, modality, report_kind from readings "
            f"where {_CHOSEN} and review_id > $1 order by review_id limit {_BATCH}",
            [last],
        )
        if not rows:
            return
        yield rows
        last = rows[-1]["review_id"]


def _compare(rows: Sequence[dict[str, Any]], old: Rows, new: Rows) -> list[Difference]:
    if not rows:
        return []
    install_rows(old)
    before = [_read(row) for row in rows]
    install_rows(new)
    found: list[Difference] = []
    for row, was in zip(rows, before, strict=True):
        found += _differences(row, was, _read(row))
    return found


def _read(row: dict[str, Any]) -> Reading:
    structured = structure_report(
        row["full_text"],
        report_id=row["review_id"],
        modality=row["modality"],
        report_kind=row["report_kind"] or "radiology",
    )
    return {(entity.start, entity.end, entity.code): entity for entity in structured.entities}


def _differences(row: dict[str, Any], was: Reading, now: Reading) -> list[Difference]:
    gone = [entity for key, entity in was.items() if key not in now]
    pairs: list[tuple[Entity | None, Entity | None]] = [
        (was[key], entity) for key, entity in now.items() if key in was and was[key].assertion != entity.assertion
    ]
    for entity in (entity for key, entity in now.items() if key not in was):
        # a longer or other mention in the place of one that went
        old = next((one for one in gone if one.start < entity.end and entity.start < one.end), None)
        if old is not None:
            gone.remove(old)
        pairs.append((old, entity))
    pairs += [(entity, None) for entity in gone]
    return [
        Difference(
            review_id=row["review_id"],
            old_code=old.code if old else None,
            old_assertion=old.assertion if old else None,
            new_code=new.code if new else None,
            new_assertion=new.assertion if new else None,
            start=(new or old).start,  # type: ignore[union-attr]
            end=(new or old).end,  # type: ignore[union-attr]
            mention=(new or old).mention,  # type: ignore[union-attr]
        )
        for old, new in pairs
    ]


def _has_effect(code: str, term: str) -> bool:
    return any(
        entity.code == code
        for probe in _PROBES
        for kind in ("radiology", "pathology")
        for entity in structure_report(probe.format(term), report_id="probe", report_kind=kind).entities
    )
