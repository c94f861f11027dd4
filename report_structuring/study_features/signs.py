"""The sign columns of the imaging marts (signs.tsv): codes of findings, further phrases, and normal phrases.

A phrase is for what the lexicon has no code for; its assertion is read from its clause. A normal phrase says that the
sign is absent, and is heard only where nothing else is said of the column.
"""

import csv
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from report_structuring.study_features.mentions import StudyReport

_IMPRESSION_FIRST = ("placenta_accreta", "acute_abdomen")
"""Diseases in whose columns the impression beats the findings, and what is past is absent (their chapters 3.2)."""
_DENIED = re.compile(r"未见|未及|未探及|未显示|未提示|无|阴性|\(-\)|（－）|（-）|不支持|除外$")
_DOUBTED = re.compile(r"不除外|不能除外|不排除|待排|可能|考虑|可疑|疑似|似|[?？]|倾向|警惕")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sign:
    """One column whose value is an assertion."""

    column: str
    codes: frozenset[str]
    phrases: re.Pattern[str] | None
    normal_phrases: re.Pattern[str] | None


@cache
def signs_of(disease: str) -> tuple[Sign, ...]:
    """Return the sign columns of a disease."""
    with (Path(__file__).parent / "signs.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return tuple(
        Sign(
            column=row["column"],
            codes=frozenset(row["codes"].split()),
            phrases=re.compile(row["phrases"]) if row["phrases"] else None,
            normal_phrases=re.compile(row["normal_phrases"]) if row["normal_phrases"] else None,
        )
        for row in rows
        if row["disease"] == disease
    )


@cache
def sign_codes(disease: str) -> dict[str, frozenset[str]]:
    """Return the sign columns of a disease with their codes."""
    return {sign.column: sign.codes for sign in signs_of(disease)}


def read_signs(report: StudyReport, disease: str) -> dict[str, str | None]:
    """Return the assertion of every sign column of a disease, null where nothing is said of it."""
    return {sign.column: _assertion(report, sign, disease in _IMPRESSION_FIRST) for sign in signs_of(disease)}


def _assertion(report: StudyReport, sign: Sign, impression_first: bool) -> str | None:
    if not impression_first:
        return report.sign(sign.codes)
    found = impression_sign(report, sign.codes)
    if found in (None, "absent") and sign.phrases:
        found = phrase_sign(report, sign.phrases) or found
    if found is None and sign.normal_phrases and sign.normal_phrases.search(report.plain_text):
        return "absent"
    return found


def impression_sign(report: StudyReport, codes: Collection[str]) -> str | None:
    """Return present, uncertain or absent as the impression has it, else as the findings; what is past is absent."""
    impression = [entity for entity in report.entities if entity.section == "impression"]
    found = report.sign(codes, impression) or report.sign(codes)
    return "absent" if found == "historical" else found


def phrase_sign(report: StudyReport, pattern: re.Pattern[str]) -> str | None:
    """Return the strongest assertion of a phrase, read from the words of its clause."""
    found = set()
    for clause in report.clauses():
        if hit := pattern.search(clause):
            if _DENIED.search(clause[: hit.start()]) or _DENIED.match(clause[hit.end() :]):
                found.add("absent")
            else:
                found.add("uncertain" if _DOUBTED.search(clause) else "present")
    return next((assertion for assertion in ("present", "uncertain", "absent") if assertion in found), None)
