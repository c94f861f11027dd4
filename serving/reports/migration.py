"""Writes the four reports of a migration, 迁移方案, 实施报告, 测试与优化报告 and 问题日志, as HTML and DOCX.

Made again from the same state they differ only in the line that tells when they were made.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ingestion.migration.cleaning.measurement import Progress, measure
from ingestion.migration.cleaning.rules import read_choices
from ingestion.migration.cleaning.staging_draft import draft_staging
from ingestion.migration.plan import Plan
from ingestion.migration.problems import collect_problems, read_assessment
from lakehouse.errors import SettingsError
from lakehouse.lake import open_lake
from lakehouse.ledger import local_now
from lakehouse.settings import Settings
from serving.reports.document import Block, Heading, Paragraph, TableBlock, write_docx, write_html
from serving.reports.migration_facts import QUERIES, MigrationFacts, read_answers
from serving.reports.migration_plan import plan_blocks
from serving.reports.migration_problems import problem_blocks
from serving.reports.migration_proof import proof_blocks
from serving.reports.migration_run import run_blocks

REPORTS: dict[str, tuple[str, Callable[[MigrationFacts], Iterator[Block]]]] = {
    "migration_plan": ("迁移方案 Migration plan", plan_blocks),
    "migration_run": ("迁移实施报告 Migration run", run_blocks),
    "migration_test": ("迁移测试与优化报告 Migration test and tuning", proof_blocks),
    "migration_problems": ("迁移问题日志 Migration problem log", problem_blocks),
}
"""File name to title and body."""
DRAFTS_FOLDER = "staging_draft"
CHOICES_FILE = "cleaning.yml"


def write_migration_reports(
    settings: Settings,
    plan: Plan,
    plan_folder: Path,
    folder: Path,
    *,
    assessment: Path | None = None,
    selftest: Path | None = None,
    progress: Progress | None = None,
) -> tuple[MigrationFacts, list[Path]]:
    """Write all reports and the drafts of staging models into a folder; return the facts and the files.

    The caller holds the lock of the home. Raises SettingsError when a file that is taken in cannot be read.
    """
    problems = collect_problems(settings, plan, assessment)
    measures = measure(settings, plan, choices=read_choices(plan_folder / CHOICES_FILE), progress=progress)
    with open_lake(settings, ("raw",), read_only=True) as connection:
        answers = read_answers(connection, plan.token)
    facts = MigrationFacts(
        hospital=settings.hospital,
        home=str(settings.home),
        generated_at=local_now(settings.timezone),
        plan=plan,
        answers=answers,
        problems=problems,
        measures=measures,
        assessment=read_assessment(assessment) if assessment else None,
        selftest=_read_json(selftest, ("kinds", "injected", "found", "false_alarms")) if selftest else None,
        selftest_id=f"selftest {_fingerprint(selftest)}" if selftest else "",
        baseline=_read_baseline(plan_folder),
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = []
    for name, (label, body) in REPORTS.items():
        title = f"{label}：{plan.source}"
        blocks = report_blocks(facts, body)
        for path, write in ((folder / f"{name}.html", write_html), (folder / f"{name}.docx", write_docx)):
            write(blocks, title, path)
            written.append(path)
    return facts, written + _write_drafts(folder / DRAFTS_FOLDER, draft_staging(plan, measures) if measures else {})


def report_blocks(facts: MigrationFacts, body: Callable[[MigrationFacts], Iterator[Block]]) -> list[Block]:
    """Return one report: when it was made, its body, and the queries its figures came from."""
    facts.used.clear()
    blocks = list(body(facts))
    made = f"{facts.generated_at:%Y-%m-%d %H:%M:%S}"
    return [
        Paragraph(text=f"{facts.hospital}　生成时间 generated at {made}", style="note"),
        Paragraph(
            text="每个数字都带来源：plan、run、validation、replay 编号，或附录中的查询号 Q。报告不含任何行的值。"
            "Every figure names its origin; no value of a row is shown.",
            style="note",
        ),
        *blocks,
        *_queries(facts),
    ]


def _queries(facts: MigrationFacts) -> Iterator[Block]:
    yield Heading(text="附录：查询 Appendix: queries")
    yield Paragraph(text="在 raw 区执行，须有该区密钥 run in the zone raw, with its key。", style="note")
    rows = [
        (facts.query(name), label, " ".join(query.replace("$1", f"'{facts.plan.token}'").split()))
        for name, (label, query) in QUERIES.items()
        if name in facts.used
    ]
    yield TableBlock(header=["号 no", "内容 what", "SQL"], rows=rows, widths=[0.5, 2, 7])


def _write_drafts(folder: Path, drafts: dict[str, str]) -> list[Path]:
    """Write the drafts in place of earlier ones."""
    if folder.is_dir():
        for path in [*folder.glob("stg_legacy__*.sql"), *folder.glob("_legacy__sources.yml")]:
            path.unlink()
    if drafts:
        folder.mkdir(mode=0o700, exist_ok=True)
    for name, text in sorted(drafts.items()):
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in sorted(drafts)]


def _read_baseline(plan_folder: Path) -> dict[str, Any] | None:
    path = plan_folder / "baseline.json"
    return _read_json(path, ("queries", "replay_id", "saved_at")) if path.is_file() else None


def _read_json(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        for name in names:
            content[name]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{path} cannot be read ({type(error).__name__}): make it again") from error
    return content


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
