"""What becomes of every view, trigger, routine and event: a dbt model, a dbt test, a job, or nothing, with the reason.

The draft proposes by reading the code; a person decides, and writes `status: decided`. A decision holds for the code it
was made for: with `definition_sha256` a later change of the code calls for a new one.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from ingestion.migration.assessment.code import CodeItem
from ingestion.migration.assessment.effort import find_constructs
from ingestion.migration.catalog import Catalog
from lakehouse.errors import CheckFailedError, SettingsError

KINDS = ("dbt_model", "dbt_test", "job", "retired")
_FIELDS = {"object", "kind", "disposition", "target", "reason", "status", "definition_sha256"}
_LOG = re.compile(r"log|audit|hist|trace|journal|日志|审计|历史|留痕")
_WRITES = re.compile(
    r"\b(insert)\s+(?:ignore\s+)?into\s+([\w.`\"\[\]\u4e00-\u9fff]+)|\b(update)\s+([\w.`\"\[\]\u4e00-\u9fff]+)\s+set"
    r"|\b(delete)\s+(?:[\w`\"]+\s+)?from\s+([\w.`\"\[\]\u4e00-\u9fff]+)|\b(truncate)\s+(?:table\s+)?([\w.`\"\[\]]+)"
    r"|\b(merge)\s+into\s+([\w.`\"\[\]]+)|\b(replace)\s+into\s+([\w.`\"\[\]]+)"
)
# an assignment and no comparison: at the start of a statement
_SETS_OWN_ROW = re.compile(
    r"(?:^|;|,|\bbegin\b|\bthen\b|\belse\b|\bset\b|\bfor\s+each\s+row\b)\s*:?\bnew\.([\w`\"\u4e00-\u9fff]+)\s*:?=(?!=)"
)
_READS = re.compile(r"\b(?:from|join)\s+(?!dual\b)[\w`\"\[\u4e00-\u9fff]")
_ANSWERS = re.compile(r"^(?:bool|tinyint\(1\)|void|bit)|^$")
_REFUSES = re.compile(
    r"\bsignal\s+sqlstate\b|\braise\s+exception\b|\braiserror\b|\braise\s*\(\s*(?:abort|fail|rollback)|\bthrow\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Disposition:
    """What becomes of one object."""

    object: str
    kind: str
    disposition: str
    target: str = ""
    reason: str = ""
    status: str = "proposed"
    definition_sha256: str = ""


def propose(catalog: Catalog, items: Sequence[CodeItem], drafts: dict[str, str]) -> list[Disposition]:
    """Return a proposal for every object; `drafts` names the drafted model of a view."""
    bodies = {item.name.partition("(")[0]: item for item in items if item.kind == "function"}
    callers: dict[str, str] = {}
    for item in items:
        if item.kind == "trigger" and item.function:
            # a function that several tables call belongs to none of them
            known = callers.setdefault(_plain(item.function), item.table)
            callers[_plain(item.function)] = item.table if known == item.table else ""
    proposals = []
    for item in items:
        what, target, reason = _propose_one(catalog, item, bodies, callers, drafts)
        proposals.append(
            Disposition(
                object=item.name,
                kind=item.kind,
                disposition=what,
                target=target,
                reason=reason,
                definition_sha256=item.sha256,
            )
        )
    return proposals


def _propose_one(
    catalog: Catalog,
    item: CodeItem,
    bodies: dict[str, CodeItem],
    callers: dict[str, str],
    drafts: dict[str, str],
) -> tuple[str, str, str]:
    """Return disposition, target and reason."""
    if item.kind == "view":
        draft = drafts.get(item.name)
        if draft:
            return "dbt_model", draft, "只含查询，草稿见 drafts/ plain SQL, drafted"
        return "dbt_model", "", "须按定义重写 to be written from its definition"
    if item.kind == "trigger":
        body = bodies.get(item.function.partition("(")[0]) or _by_plain_name(bodies, item.function) or item
        return _propose_trigger(catalog, body.code, item.table)
    if item.kind == "function" and "trigger" in item.returns:
        return _propose_trigger(catalog, item.code, callers.get(_plain(item.name), ""))
    writes = _writes(item.code)
    if "dynamic_sql" in find_constructs(item):
        return "job", "", "动态 SQL，须人工阅读 builds its SQL when it runs: to be read by a person"
    if item.kind in ("function", "aggregate") and not writes:
        if _REFUSES.search(item.code) and _ANSWERS.search(item.returns):
            return "dbt_test", "", "检查取值，不写数据 checks values and writes nothing"
        if not _READS.search(item.code):
            return "dbt_model", "macro", "只由参数计算结果，改写为宏 computes from its arguments: a macro"
    if not writes:
        return "dbt_model", "", "只读查询 only reads"
    if {verb for verb, _ in writes} <= {"delete", "truncate"}:
        if item.kind == "event":
            return "job", "retention", "定期清理 deletes on a schedule: a rule of retention"
        return "retired", "", "物理删除；入湖后以删除标记代替 deletes rows; the lake marks them deleted instead"
    names = ", ".join(sorted({name for _, name in writes}))
    return "job", "", f"写入 writes {names}"


def _propose_trigger(catalog: Catalog, code: str, table: str) -> tuple[str, str, str]:
    own = _plain(table)
    writes = _writes(code)
    others = {name for _, name in writes if name != own}
    sets = {_unquoted(name) for name in _SETS_OWN_ROW.findall(code)}
    if sets or (("update", own) in writes and not others):
        updated = re.findall(rf"\bupdate\s+{re.escape(own)}\s+set\s+([\w`\"]+)\s*=", code)
        columns = ", ".join(sorted(sets | {_unquoted(name) for name in updated})) or own
        return "dbt_model", f"stg_legacy__{own}" if own else "", f"计算本行字段 derives {columns} of its own row"
    comments = {entry.name.lower(): entry.comment for entry in catalog.tables}
    if others and all(_LOG.search(name) or _LOG.search(comments.get(name, "")) for name in others):
        return (
            "retired",
            "",
            f"写日志 logs into {', '.join(sorted(others))}; 湖中每次加载已留痕 each load of the lake is recorded",
        )
    if not writes and _REFUSES.search(code):
        return "dbt_test", f"stg_legacy__{own}", "拒绝不合格的行 refuses rows"
    if others:
        return "dbt_model", "", f"同步其他表 keeps {', '.join(sorted(others))} in step: derive it instead"
    return "dbt_model", f"stg_legacy__{own}", "须人工阅读 to be read by a person"


def _writes(code: str) -> set[tuple[str, str]]:
    """Return verb and table of each writing statement."""
    found = set()
    for match in _WRITES.finditer(code):
        verb, name = [part for part in match.groups() if part]
        found.add((verb, _plain(name)))
    return found


def _plain(name: str) -> str:
    """Return the last part of a qualified name, unquoted and without arguments."""
    return _unquoted(name.partition("(")[0].rsplit(".", 1)[-1])


def _unquoted(name: str) -> str:
    return name.strip('`"[]').lower()


def _by_plain_name(bodies: dict[str, CodeItem], function: str) -> CodeItem | None:
    if not function:
        return None
    return next((item for name, item in bodies.items() if _plain(name) == _plain(function)), None)


def write_draft(proposals: Sequence[Disposition], path: Path) -> None:
    """Write the proposals for a person to decide."""
    head = (
        "# 处置清单草稿 draft of the dispositions: read each object, correct it, and set status to decided.\n"
        "# 处置 disposition: dbt_model, dbt_test, job, retired (retired 必须写明理由 needs a reason).\n"
        "# 核对 check: radlake migrate assess SOURCE --out DIR --dispositions 本文件 this file\n"
    )
    content = yaml.safe_dump(
        {"dispositions": [asdict(proposal) for proposal in proposals]}, allow_unicode=True, sort_keys=False, width=120
    )
    path.write_text(head + content, encoding="utf-8")


def read_dispositions(path: Path) -> list[Disposition]:
    """Read decided dispositions.

    Raises SettingsError when the file is missing or has another form.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path} cannot be read as YAML ({type(error).__name__})") from error
    entries = content.get("dispositions") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{path} needs a list `dispositions` of object, kind, disposition, target, reason, status")
    unknown = sorted({str(key) for entry in entries for key in entry} - _FIELDS)
    if unknown:
        raise SettingsError(f"{path} has unknown fields: {', '.join(unknown)}; known are {', '.join(sorted(_FIELDS))}")
    return [
        Disposition(
            **{"disposition": "", "object": "", "kind": ""} | {key: str(value or "") for key, value in entry.items()}
        )
        for entry in entries
    ]


def find_problems(dispositions: Sequence[Disposition], items: Sequence[CodeItem]) -> list[str]:
    """Return what is wrong with dispositions, sorted: objects without one, unknown ones, incomplete ones."""
    wanted = {(item.kind, item.name): item for item in items}
    given = {(entry.kind, entry.object): entry for entry in dispositions}
    problems = [f"missing: {kind} {name}" for kind, name in wanted if (kind, name) not in given]
    problems += [f"unknown: {kind} {name}" for kind, name in given if (kind, name) not in wanted]
    counted = [(entry.kind, entry.object) for entry in dispositions]
    problems += [f"twice: {kind} {name}" for kind, name in set(counted) if counted.count((kind, name)) > 1]
    for key, entry in given.items():
        item = wanted.get(key)
        if item is None:
            continue
        what = f"{entry.kind} {entry.object}"
        if entry.disposition not in KINDS:
            problems.append(f"incomplete: {what} has no disposition of {', '.join(KINDS)}")
        if entry.disposition == "retired" and not entry.reason.strip():
            problems.append(f"incomplete: {what} is retired without a reason")
        if entry.status != "decided":
            problems.append(f"incomplete: {what} is not decided")
        if entry.definition_sha256 and entry.definition_sha256 != item.sha256:
            problems.append(f"changed: {what} is not the code that was decided about")
    return sorted(problems)


def check_dispositions(problems: Sequence[str], path: Path) -> None:
    """Raise CheckFailedError that names every problem of a file of dispositions."""
    if problems:
        raise CheckFailedError(f"{path} does not cover the database:\n  " + "\n  ".join(problems))
