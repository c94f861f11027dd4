"""Answers `radlake score <disease>_report_features`: one column of an imaging mart out of each report text."""

import csv
from pathlib import Path

from lakehouse.errors import UsageError
from report_structuring.structure import structure_report
from report_structuring.study_features.study import READERS, Value, read_study

_END = "_report_features"


def disease_of(code: str) -> str | None:
    """Return the disease whose report features a code asks for, None for the code of a score."""
    disease = code.removesuffix(_END)
    return disease if code.endswith(_END) and disease in READERS else None


def read_report_cases(disease: str, source: Path, out: Path) -> int:
    """Write the rows of `source` with the `value` of their column to `out`, and return how many there are.

    `source` has the columns `report_text` and `column_name`, and may have `modality`. Raises UsageError when one of the
    first two is missing, or a column is none of the disease.
    """
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{source} is no CSV file with a header, in UTF-8 ({type(error).__name__})") from None
    if rows and not {"report_text", "column_name"} <= rows[0].keys():
        raise UsageError(f"{source} needs the columns report_text and column_name")
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*(rows[0] if rows else ("report_text", "column_name")), "value"])
        writer.writeheader()
        for number, row in enumerate(rows, start=1):
            text = row["report_text"] or ""
            structured = structure_report(
                text, report_id=str(number), modality=row.get("modality") or None, disease=disease
            )
            values = read_study(structured, text, disease)
            if row["column_name"] not in values:
                raise UsageError(f"{source}, row {number}: {disease} has no report column {row['column_name']!r}")
            writer.writerow(row | {"value": _written(values[row["column_name"]])})
    return len(rows)


def _written(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else value
