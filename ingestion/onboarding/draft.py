"""Writes the draft of a mapping YAML: what was found as fields, why it was chosen and what is doubtful as comments.

A draft loads as it is. Of columns that identify somebody it shows shapes (ZY9999), never a value.
"""

import json
import re
from collections.abc import Sequence

from ingestion.mapping import STANDARD_FORMATS, Layout
from ingestion.onboarding.candidates import Match, form_of
from ingestion.onboarding.columns import ColumnProfile
from ingestion.onboarding.profile import FileProfile
from ingestion.onboarding.recognition import is_person_name, plain, read_words
from ingestion.onboarding.vocabulary import is_known_name
from lakehouse.contract import Column, Table

NOT_FOUND = "?"
"""Begins the header of a required column that no column of the file looks like."""

_CODED = ("sex", "code", "word", "status", "boolean")
_SURE_ENCODING = 0.9
_GB_2261 = {"0": "U", "1": "M", "2": "F", "9": "U"}
_VOID_WORDS = ("作废", "已作废", "召回", "已召回", "X", "撤销", "已取消", "删除")


def draft_mapping(source: str, profiles: Sequence[FileProfile]) -> str:
    """Return the text of a mapping YAML for files of one source."""
    lines = [
        f"# Draft by `radlake source profile` for {source}: check every line marked with a score below 0.7, then run",
        "# `radlake source check` on the folder of deliveries. The language: docs/mapping.md",
        f"source: {source}",
        "files:",
    ]
    for profile in profiles:
        lines += _standard_entry(profile) if source in STANDARD_FORMATS else _entry(profile)
    return "\n".join(lines) + "\n"


def glob_of(name: str) -> str:
    """Return a glob for a file name below any folder."""
    pattern = name_pattern(name)
    stem, dot, suffix = pattern.rpartition(".")
    if not dot:
        return f"**/{pattern}"
    return f"**/{stem.rstrip('*')}*.{suffix}"


def name_pattern(name: str) -> str:
    """Return a file name in which digits and words that may name somebody are `*`."""
    stem, dot, suffix = name.rpartition(".")
    parts = re.split(r"(\d+|[^\x00-\x7f]+)", stem if dot else name)
    shown = ""
    for part in parts:
        if re.fullmatch(r"\d+", part) or (part and not part.isascii() and not _is_word(part)):
            part = "*"
        shown += re.sub(r"[\[\]?]", "*", part)
    shown = re.sub(r"\*[-_. ]*(?:\*[-_. ]*)*\*", "*", shown)
    return shown + dot + suffix if dot else shown


def _is_word(part: str) -> bool:
    return is_known_name(part) or (len(part) > 3 and not is_person_name(part) and any(w in part for w in _FILE_WORDS))


_FILE_WORDS = (
    "检查",
    "检验",
    "报告",
    "登记",
    "诊断",
    "手术",
    "医嘱",
    "费用",
    "病历",
    "患者",
    "病人",
    "住院",
    "门诊",
    "超声",
    "病理",
    "分娩",
    "新生儿",
)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _standard_entry(profile: FileProfile) -> list[str]:
    return [
        f"  - match: {_quoted(glob_of(profile.path.name))}  # {'; '.join(profile.sniffed.reasons)}",
        "    optional: true",
        f"    reader: {{format: {profile.sniffed.layout.format}}}",
    ]


def _entry(profile: FileProfile) -> list[str]:
    table = profile.table
    guess = profile.guess
    assert table is not None and guess is not None
    others = ", ".join(f"{other.source}.{other.entity} {other.score}" for other in profile.other_guesses)
    lines = [
        f"  - entity: {guess.entity}  # score {guess.score}; next: {others or 'none'}",
        f"    match: {_quoted(glob_of(profile.path.name))}",
    ]
    lines += _reader(profile)
    lines += _columns(profile, table)
    lines += _codes(profile, table)
    lines += _dates(profile)
    lines += _void(profile)
    if profile.key_distinct:
        distinct, rows = profile.key_distinct
        verdict = "every row has its own" if distinct == rows else f"{rows - distinct} rows repeat one"
        lines.append(
            f"    # key {', '.join(table.key)}: {verdict} ({rows} rows{'' if profile.is_whole else ', a sample'})"
        )
    else:
        lines.append(f"    # key {', '.join(table.key)}: not all of its columns were found")
    lines.append(
        "    # complete_extract: true  # only when every delivery holds all records: a key that is gone is a deletion"
    )
    return lines


def _reader(profile: FileProfile) -> list[str]:
    layout = profile.sniffed.layout
    lines = ["    reader:", f"      format: {layout.format}  # {'; '.join(profile.sniffed.reasons)}"]
    if layout.format not in ("workbook", "dbf", "worklist", "documents"):
        sure = profile.sniffed.confidence >= _SURE_ENCODING
        note = f"found {profile.sniffed.encoding}, confidence {profile.sniffed.confidence:.2f}"
        lines.append(f"      encoding: auto  # {note}{'' if sure else '; force it when it is wrong'}")
    defaults = Layout(format=layout.format)
    for name in ("delimiter", "quoted", "title_rows", "header", "footer", "record_separator", "sheet", "record"):
        value = getattr(layout, name)
        if value != getattr(defaults, name):
            lines.append(f"      {name}: {json.dumps(value, ensure_ascii=False)}")
    if layout.format == "documents":
        lines.append(
            "      file_name: '(?P<document_id>.+)\\.[^.]+'  # name the parts of the file name after raw columns"
        )
    if layout.widths:
        lines.append("      widths:")
        lines += [f"        - {{name: {_quoted(field.name)}, width: {field.width}}}" for field in layout.widths]
    for kind, count in sorted(profile.dropped.items()):
        lines.append(f"      # {kind}: {count}, no records")
    for reason, count in sorted(profile.rejected.items()):
        lines.append(f"      # {reason}: {count} records would go to quarantine")
    lines += [f"      # {doubt}" for doubt in profile.sniffed.doubts]
    return lines


def _columns(profile: FileProfile, table: Table) -> list[str]:
    matched = {match.chosen.column: match for match in profile.matches if match.chosen}
    lines = ["    columns:"]
    for column in table.columns:
        match = matched.get(column.name)
        if match is not None:
            lines.append(_column_line(column, match))
        elif column.required:
            lines.append(
                f"      {column.name}: [{_quoted(NOT_FOUND + column.label_zh)}]"
                "  # required, no column looks like it: fill in"
            )
    if len(lines) == 1:
        lines = ["    columns: {}"]
    rest = [match for match in profile.matches if match.chosen is None]
    if rest:
        lines.append("    # not mapped:")
        for match in rest:
            maybe = ", ".join(f"{other.column} {other.score:.2f}" for other in match.others)
            lines.append(
                f"    #   {match.profile.name}: {describe(match.profile)}{f'; perhaps {maybe}' if maybe else ''}"
            )
    open_columns = [f"{column.name} {column.label_zh}" for column in table.columns if column.name not in matched]
    if open_columns:
        lines.append(f"    # raw columns without a column of the file: {', '.join(open_columns)}")
    return lines


def _column_line(column: Column, match: Match) -> str:
    assert match.chosen is not None
    why = "; ".join(match.chosen.reasons)
    others = ", ".join(f"{other.column} {other.score:.2f}" for other in match.others if other.score > 0.6)
    note = f"{match.chosen.score:.2f} {why}; {describe(match.profile)}"
    text = f"      {column.name}: [{_quoted(match.profile.name)}]  # {note}"
    return text + (f"; or {others}" if others else "")


def describe(profile: ColumnProfile) -> str:
    """Return a column in a few words: kind, how full, how distinct, date format, shapes of numbers."""
    if not profile.filled:
        return "empty"
    parts = [profile.kind, f"{profile.null_share:.0%} empty", f"{profile.distinct} distinct"]
    if profile.date_format:
        parts.append(
            f"dates {profile.date_format}"
            + (f" and {profile.date_formats - 1} more" if profile.date_formats > 1 else "")
        )
    elif profile.shapes and profile.kind in ("id", "integer", "number", "code", "citizen_id", "phone", "uid"):
        parts.append(f"shape {' '.join(profile.shapes[:2])}")
    return ", ".join(parts)


def _codes(profile: FileProfile, table: Table) -> list[str]:
    columns = {column.name: column for column in table.columns}
    lines = []
    for match in profile.matches:
        if not match.chosen or not match.profile.codes:
            continue
        column = columns[match.chosen.column]
        if form_of(column) not in _CODED or column.pii in ("id", "vault", "uid"):
            continue
        known, unknown = map_codes(column.name, match.profile)
        counts = ", ".join(f"{value}: {number}" for value, number in match.profile.codes.items())
        if known:
            pairs = ", ".join(f"{_quoted(value)}: {standard}" for value, standard in known.items())
            lines.append(f"      {column.name}: {{{pairs}}}  # {counts}")
        if unknown and (known or form_of(column) in ("code", "status")):
            lines.append(
                f"      # {column.name}: without a known meaning {', '.join(_quoted(value) for value in unknown)}"
            )
    if any(not line.lstrip().startswith("#") for line in lines):
        return ["    codes:", *lines]
    return ["    # codes:", *(line.replace("      # ", "    #   ", 1) for line in lines)] if lines else []


def map_codes(column: str, profile: ColumnProfile) -> tuple[dict[str, str], list[str]]:
    """Return the standard value of each code value that has a known one, and the values that have none."""
    words = read_words().get(column, {})
    values = {value: plain(value).casefold() for value in profile.codes}
    known = {value: words[folded] for value, folded in values.items() if words.get(folded)}
    if column == "sex" and set(values.values()) <= set(_GB_2261) and "2" in values.values():
        known = {value: _GB_2261[folded] for value, folded in values.items()}
    return known, [value for value in values if value not in known]


def _dates(profile: FileProfile) -> list[str]:
    lines = []
    for match in profile.matches:
        if match.chosen and match.profile.is_date_ambiguous and match.profile.date_format:
            lines.append(
                f"    # date_formats: {{{match.chosen.column}: {_quoted(match.profile.date_format)}}}"
                "  # day and month may be exchanged in every value: decide"
            )
    return lines


def _void(profile: FileProfile) -> list[str]:
    lines = []
    for match in profile.matches:
        if not match.chosen or not match.profile.codes:
            continue
        codes = match.profile.codes
        if len(codes) > 1 and match.chosen.column in ("is_void", "is_cancelled", "is_valid", "is_refunded"):
            rare = min(codes, key=lambda value: (codes[value], value))
            lines.append(
                f"    # void: {{column: {match.chosen.column}, values: [{_quoted(rare)}]}}"
                f"  # {rare} is the rarer of {len(codes)}; ask the hospital which value takes a record back"
            )
        elif match.chosen.column.endswith("_status"):
            words = [value for value in codes if value in _VOID_WORDS]
            if words:
                shown = ", ".join(_quoted(value) for value in words)
                lines.append(f"    # void: {{column: {match.chosen.column}, values: [{shown}]}}")
    return lines
