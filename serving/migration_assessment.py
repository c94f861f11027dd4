"""What `radlake migrate assess` does: reads a legacy database, and writes the assessment into a folder.

Needs no home. A dump is restored into a temporary folder that only this user may enter and that is removed in the end.
"""

import json
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from ingestion.migration.assessment.assess import MIN_FREQUENCY, Assessment, assess
from ingestion.migration.assessment.dispositions import (
    check_dispositions,
    find_problems,
    read_dispositions,
    write_draft,
)
from ingestion.migration.origin import open_origin
from ingestion.migration.source import Address
from serving.reports.assessment import assessment_blocks, assessment_title
from serving.reports.document import legible, write_docx, write_html
from serving.reports.er_diagram import draw_er_diagram


def assess_source(
    address: Address,
    folder: Path,
    *,
    dispositions: Path | None = None,
    min_frequency: int = MIN_FREQUENCY,
    today: date | None = None,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> dict[str, Any]:
    """Assess a source, write all files into `folder` and return what assessment.json holds.

    Raises CheckFailedError, after writing, when `dispositions` do not cover the code of the source.
    """
    decided = read_dispositions(dispositions) if dispositions else None
    with (
        tempfile.TemporaryDirectory(prefix="radlake-") as work,
        open_origin(address, Path(work)) as (source, catalog),
    ):
        assessment = assess(
            source,
            catalog,
            today=today or date.today(),
            min_frequency=min_frequency,
            decided=decided,
            progress=progress,
        )
    write_assessment(assessment, folder)
    if decided is not None and dispositions is not None:
        check_dispositions(find_problems(decided, assessment.items), dispositions)
    return assessment.content


def write_assessment(assessment: Assessment, folder: Path) -> None:
    """Write report, diagram, definitions and drafts; drafts of an earlier assessment go."""
    drafts = folder / "drafts"
    drafts.mkdir(parents=True, exist_ok=True)
    for old in drafts.glob("draft_*.sql"):
        old.unlink()
    for draft in assessment.drafts:
        if draft.sql:
            (drafts / f"{draft.file}.sql").write_text(draft.sql, encoding="utf-8")
    content = assessment.content
    text = legible(json.dumps(content, ensure_ascii=False, indent=1)) + "\n"
    (folder / "assessment.json").write_text(text, encoding="utf-8")
    (folder / "definitions.sql").write_text(legible(assessment.definitions), encoding="utf-8")
    write_draft(assessment.proposals, folder / "dispositions.draft.yml")
    diagram = draw_er_diagram(content)
    (folder / "er_diagram.svg").write_text(diagram, encoding="utf-8")
    blocks, title = assessment_blocks(content, diagram), assessment_title(content)
    write_html(blocks, title, folder / "assessment.html")
    write_docx(blocks, title, folder / "assessment.docx")
