"""The loop of a terminologist: unmapped codes out as CSV, filled in, checked, and stored as decisions of the lake.

The next build uses the newest decision of each code or term (`mapping_status` is then `reviewed`). Nothing is ever
overwritten: every decision keeps who made it, when, and in which file. What a build shows as unmapped holds no
identifier: terms that few people have are left out of it (`std_unmapped_code`).
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ingestion.terminology.spelling import concept_of, is_code_of, read_seed, spell_code
from ingestion.terminology.suggestion import DOMAINS, read_ranking
from lakehouse.errors import CheckFailedError, ContractError, SourceUnreachableError, UsageError
from lakehouse.formats.encoding import decode
from lakehouse.lake import Connection, append_arrow, create_raw_tables, fetch_dicts, transaction
from lakehouse.ledger import local_now, new_batch_id

COLUMNS = (
    "domain", "source_system", "code_system", "code", "term", "row_count",
    "suggestion_1", "suggestion_2", "suggestion_3", "target_code", "note",
)  # fmt: skip
"""Columns of the CSV; the terminologist fills target_code, with `none` where no code fits."""
NO_CODE = ("none", "无", "-")
_FAMILIES = {"diagnosis": "icd_10", "procedure": "icd_9_cm_3"}
_SYSTEMS = {"diagnosis": "icd10_who", "procedure": "icd9cm3_nc3", "lab_item": "lab_item"}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t")


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What became of the lines of a filled file."""

    received: int
    stored: int
    unchanged: int
    empty: int


def unmapped_rows(connection: Connection, domain: str | None = None, suggestions: int = 3) -> list[dict[str, str]]:
    """Return the unmapped codes and terms of the last build, most frequent first, with suggestions.

    Raises ContractError when nothing was built yet.
    """
    known = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'lake' and table_name = 'std_unmapped_code'"
    ).fetchone()
    if known is None:
        raise ContractError("there is no list of unmapped codes yet: run `radlake build` first")
    found = fetch_dicts(
        connection,
        "select domain, source_system, code_system, code, term, row_count from lake.std.std_unmapped_code "
        "where (code is not null or term is not null) and ($1 is null or domain = $1) "
        "order by row_count desc, domain, source_system, code, term",
        [domain],
    )
    rankings = {name: read_ranking(connection, name) for name in {row["domain"] for row in found} & set(DOMAINS)}
    rows = []
    for row in found:
        answer = dict.fromkeys(COLUMNS, "") | {name: "" if value is None else str(value) for name, value in row.items()}
        if row["term"] and row["domain"] in rankings:
            for position, item in enumerate(rankings[row["domain"]].suggest(row["term"], suggestions), start=1):
                answer[f"suggestion_{position}"] = f"{item.code} {item.name} ({item.score:.2f})"
        rows.append(answer)
    return rows


def write_unmapped(rows: list[dict[str, str]], path: Path) -> None:
    """Write the list as CSV that spreadsheets open in Chinese and do not take for formulas."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {name: f"'{value}" if value.startswith(_FORMULA_STARTS) else value for name, value in row.items()}
            )


def apply_reviews(
    connection: Connection, path: Path, *, reviewer: str, timezone: str, what_if: bool = False
) -> Applied:
    """Check a filled file as a whole and store its decisions; one wrong line stores nothing.

    Raises UsageError without a reviewer, SourceUnreachableError when the file cannot be read, CheckFailedError that
    names each wrong line and what is wrong with it.
    """
    if not reviewer.strip():
        raise UsageError("a decision needs a reviewer: name one with --reviewer")
    lines = _read_lines(path)
    decisions, problems, empty = _check_lines(lines)
    if problems:
        raise CheckFailedError(f"{path.name}: nothing was stored; " + "; ".join(problems[:20]))
    create_raw_tables(connection, ["terminology"])
    standing = _standing_decisions(connection)
    new = [
        decision
        for decision in decisions
        if standing.get(_question(decision)) != (decision["decision"], decision["target_code"])
    ]
    result = Applied(received=len(lines), stored=len(new), unchanged=len(decisions) - len(new), empty=empty)
    if new and not what_if:
        batch_id, now = new_batch_id(), local_now(timezone)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        for decision in new:
            content = "\x1f".join([batch_id, *(str(part) for part in _question(decision))])
            decision |= {
                "review_id": hashlib.sha256(content.encode()).hexdigest(), "batch_id": batch_id, "valid_from": now,
                "reviewer": reviewer.strip(), "file_sha256": digest,
            }  # fmt: skip
        with transaction(connection):
            append_arrow(connection, "raw.raw_terminology.review", pa.Table.from_pylist(new))
    return result


def _read_lines(path: Path) -> list[dict[str, str]]:
    try:
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise SourceUnreachableError(f"{path} cannot be read ({type(error).__name__}): check the path") from error
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = {"domain", "code", "term", "target_code"} - set(reader.fieldnames or ())
    if missing:
        raise CheckFailedError(
            f"{path.name} lacks the columns {', '.join(sorted(missing))}: fill what `terminology unmapped` wrote"
        )
    return [
        {name: (value or "").strip().removeprefix("'") for name, value in row.items() if isinstance(name, str)}
        for row in reader
    ]


def _check_lines(lines: list[dict[str, str]]) -> tuple[list[dict[str, object]], list[str], int]:
    decisions: dict[tuple[object, ...], dict[str, object]] = {}
    problems: list[str] = []
    empty = 0
    items = {row["item_code"] for row in read_seed("standard", "mapping__lab_item")}
    for number, line in enumerate(lines, start=2):
        target = line["target_code"]
        if not target:
            empty += 1
            continue
        domain = line["domain"]
        if domain not in DOMAINS:
            problems.append(f"line {number}: domain is none of {', '.join(DOMAINS)}")
            continue
        if not line["code"] and not line["term"]:
            problems.append(f"line {number}: neither code nor term")
            continue
        is_none = target.lower() in NO_CODE
        if not is_none:
            family = _FAMILIES.get(domain, "")
            target = spell_code(target.split()[0], family) if family else target.split()[0].lower()
            if target not in items if domain == "lab_item" else not is_code_of(target, family):
                problems.append(f"line {number}: target_code is no code of {_SYSTEMS[domain]}")
                continue
            target = concept_of(target, family)
        decision: dict[str, object] = {
            "domain": domain, "source_system": line.get("source_system") or None, "source_code": line["code"] or None,
            # a code stands for itself, whatever words came with it
            "source_term": None if line["code"] else line["term"], "decision": "none" if is_none else "map",
            "target_code": None if is_none else target, "target_code_system": None if is_none else _SYSTEMS[domain],
        }  # fmt: skip
        earlier = decisions.setdefault(_question(decision), decision)
        if (earlier["decision"], earlier["target_code"]) != (decision["decision"], decision["target_code"]):
            problems.append(f"line {number}: another line decides otherwise about the same code or term")
    return list(decisions.values()), problems, empty


def _question(decision: dict[str, object]) -> tuple[object, ...]:
    return tuple(decision[name] for name in ("domain", "source_system", "source_code", "source_term"))


def _standing_decisions(connection: Connection) -> dict[tuple[object, ...], tuple[object, object]]:
    rows = connection.execute(
        "select domain, source_system, source_code, source_term, max_by(decision, valid_from), "
        "arg_max_null(target_code, valid_from) from raw.raw_terminology.review group by all"
    ).fetchall()
    return {tuple(row[:4]): (row[4], row[5]) for row in rows}
