"""Answers `radlake score <disease>_report_features`: one column of an imaging mart out of each report text."""

from pathlib import Path

from lakehouse.errors import UsageError
from report_structuring.structure import structure_report
from report_structuring.study_features.mentions import Value
from report_structuring.study_features.study import READERS, read_study
from serving.scores.case_file import read_cases, write_cases

_END = "_report_features"
REPORT_CODES = tuple(f"{disease}{_END}" for disease in sorted(READERS))


def disease_of(code: str) -> str | None:
    """Return the disease whose report features a code asks for, None for the code of a score."""
    disease = code.removesuffix(_END)
    return disease if code.endswith(_END) and disease in READERS else None


def read_report_cases(disease: str, source: Path, out: Path) -> int:
    """Write the rows of `source` with the `value` of their column to `out`, and return how many there are.

    `source` has the columns `report_text` and `column_name`, and may have `modality`. Raises UsageError when one of the
    first two is missing, or a column is none of the disease.
    """
    header, rows = read_cases(source)
    places = {name.lower(): number for number, name in enumerate(header)}
    if not {"report_text", "column_name"} <= places.keys():
        raise UsageError(f"{source} needs the columns report_text and column_name")
    answers = []
    for number, row in enumerate(rows, start=1):
        text, column = row[places["report_text"]], row[places["column_name"]].strip()
        modality = row[places["modality"]] if "modality" in places else ""
        structured = structure_report(text, report_id=str(number), modality=modality or None, disease=disease)
        values = read_study(structured, text, disease)
        if column not in values:
            raise UsageError(f"{source}, row {number}: {disease} has no report column {column!r}")
        answers.append([*row, _written(values[column])])
    write_cases(out, [*header, "value"], answers)
    return len(rows)


def _written(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value
