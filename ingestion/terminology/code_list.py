"""Reads a code list or a map of codes that a hospital supplies: CSV, TSV or a workbook, in any of the usual encodings.

The columns are found by their headers, or named by the caller. A line without code or name, with a code that has not
the shape of its system, or with a code that came before is refused with its number; the rest is read.
"""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import python_calamine

from ingestion.terminology.spelling import family_of, is_code_of, spell_code
from lakehouse.errors import ContractError, SourceUnreachableError
from lakehouse.formats.encoding import decode
from lakehouse.ledger import Refusal

CODE_HEADERS = (
    "code",
    "编码",
    "代码",
    "诊断编码",
    "诊断代码",
    "疾病编码",
    "主要编码",
    "手术编码",
    "手术代码",
    "icd编码",
    "icd",
    "icd10",
    "icd9",
)
NAME_HEADERS = ("name", "名称", "诊断名称", "疾病名称", "手术名称", "手术操作名称", "中文名称", "code_name", "display")
TARGET_HEADERS = (
    "target_code",
    "target",
    "目标编码",
    "目标代码",
    "对应编码",
    "医保编码",
    "医保版编码",
    "对照编码",
    "map_target",
)
LARGEST_FILE = 256 << 20
"""Bytes; national lists have a few megabytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeList:
    """The rows of a list or map that were read, and the lines that were not."""

    rows: tuple[tuple[str, str], ...]
    """Code in normal form, and its name or the code it is mapped to."""
    refusals: tuple[Refusal, ...]
    received: int


def read_code_list(
    path: Path, code_system: str, *, code_column: str | None = None, name_column: str | None = None
) -> CodeList:
    """Return the codes and names of a list.

    Raises SourceUnreachableError when the file cannot be read, ContractError when its columns are not found.
    """
    return _read(path, code_system, None, code_column, name_column)


def read_code_map(
    path: Path,
    code_system: str,
    target_system: str,
    *,
    code_column: str | None = None,
    target_column: str | None = None,
) -> CodeList:
    """Return the pairs of codes of a map from one code system to another; a code may lead to several.

    Raises SourceUnreachableError when the file cannot be read, ContractError when its columns are not found.
    """
    return _read(path, code_system, target_system, code_column, target_column)


def _read(
    path: Path, code_system: str, target_system: str | None, code_column: str | None, other_column: str | None
) -> CodeList:
    lines = _read_lines(path)
    other_headers = NAME_HEADERS if target_system is None else TARGET_HEADERS
    header_no, code_at, other_at = _find_columns(path, lines, code_column, other_column, other_headers)
    family, target_family = family_of(code_system), family_of(target_system or "")
    rows: dict[tuple[str, str], str] = {}
    refusals = []
    received = 0
    for number, cells in enumerate(lines[header_no:], start=header_no + 1):
        if not any(cell.strip() for cell in cells):
            continue
        received += 1
        code = spell_code(cells[code_at], family) if len(cells) > code_at else ""
        other = cells[other_at].strip() if len(cells) > other_at else ""
        if target_system is not None:
            other = spell_code(other, target_family)
        # a list has one name a code, a map may have several targets
        key = (code, other if target_system is not None else "")
        reason = None
        if not code or not other:
            reason = "missing_required_value"
        elif not is_code_of(code, family) or (target_system is not None and not is_code_of(other, target_family)):
            reason = "code_format"
        elif key in rows:
            reason = "duplicate_row"
        if reason:
            refusals.append(Refusal(row_no=number, reason=reason, raw_text="\t".join(cells)[:4000]))
        else:
            rows[key] = other
    return CodeList(
        rows=tuple((key[0], other) for key, other in rows.items()), refusals=tuple(refusals), received=received
    )


def _read_lines(path: Path) -> list[list[str]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ContractError(
                f"{path.name} is larger than {LARGEST_FILE >> 20} MiB: no code list is; name the list alone"
            )
        if path.suffix.lower() in (".xlsx", ".xls", ".xlsm", ".ods", ".xlsb"):
            return list(_read_sheet(path))
        text, _ = decode(path.read_bytes())
    except OSError as error:
        raise SourceUnreachableError(f"{path} cannot be read ({type(error).__name__}): check the path") from error
    # a title line has no delimiter
    delimiter = max("\t,;|", key="\n".join(text.split("\n", 20)[:20]).count)
    csv.field_size_limit(1 << 20)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ContractError(f"{path.name} is no delimited text: save the list as CSV in UTF-8") from error


def _read_sheet(path: Path) -> Iterator[list[str]]:
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        rows = workbook.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, ValueError) as error:
        raise ContractError(f"{path.name} is no workbook that can be read: save the list as CSV in UTF-8") from error
    for row in rows:
        yield ["" if cell is None else str(cell) for cell in row]


def _find_columns(
    path: Path,
    lines: list[list[str]],
    code_column: str | None,
    other_column: str | None,
    other_headers: tuple[str, ...],
) -> tuple[int, int, int]:
    codes = (code_column,) if code_column else CODE_HEADERS
    others = (other_column,) if other_column else other_headers
    for number, cells in enumerate(lines[:20]):
        headers = [_plain(cell) for cell in cells]
        code_at, other_at = _first(headers, codes), _first(headers, others)
        if code_at is not None and other_at is not None and code_at != other_at:
            return number + 1, code_at, other_at
    raise ContractError(
        f"{path.name}: no header names both columns (looked for {', '.join(codes[:6])} and {', '.join(others[:6])}); "
        "name them with --code-column and --name-column or --target-column"
    )


def _first(headers: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((headers.index(_plain(name)) for name in wanted if _plain(name) in headers), None)


def _plain(text: str) -> str:
    return re.sub(r"[\s_\-﻿]|[(（].*?[)）]", "", text).lower()
