"""Writes a REDCap data dictionary of one disease: one form a table, Chinese labels, choices, ranges.

Layout: the 18 columns REDCap imports. A field is named by form and column, for names are unique in a project; at most
100 characters. The first field of the first form is the record identifier.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from lakehouse.errors import ContractError
from serving.exports.fields import ExportField, ExportTable
from serving.exports.names import short_name

NAME_LIMIT = 100
HEADERS = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip

_VALIDATIONS = {
    "integer": "integer", "bigint": "integer", "smallint": "integer", "double": "number", "float": "number",
    "date": "date_ymd", "timestamp": "datetime_seconds_ymd",
}  # fmt: skip


def write_redcap(tables: Sequence[ExportTable], target: Path) -> None:
    """Write the dictionary of the tables of one disease.

    Raises ContractError when two columns would have one field name.
    """
    rows: list[list[str]] = []
    for table in tables:
        form = short_name(table.entity, NAME_LIMIT)
        if not rows:
            rows.append(_row({HEADERS[0]: "record_id", HEADERS[1]: form, HEADERS[3]: "text", HEADERS[4]: "记录号"}))
        rows += [_field_row(form, field) for field in table.fields]
    names = [row[0] for row in rows]
    if len(set(names)) != len(names):
        double = sorted({name for name in names if names.count(name) > 1})
        raise ContractError(f"REDCap fields named twice: {', '.join(double)}; rename a column")
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(rows)


def _row(cells: dict[str, str]) -> list[str]:
    return [cells.get(header, "") for header in HEADERS]


def _field_row(form: str, field: ExportField) -> list[str]:
    kind, choices, validation = "text", "", _VALIDATIONS.get(field.data_type, "")
    if field.is_boolean:
        kind = "yesno"
    elif field.codes and not validation:
        # a bar parts choices and a comma code from label
        kind = "dropdown"
        choices = " | ".join(f"{code}, {label.replace('|', '/')}" for code, label in field.codes)
    elif field.pii == "text":
        kind = "notes"
    number = validation in ("integer", "number")
    return _row(
        dict(
            zip(
                HEADERS,
                (
                    short_name(f"{form}_{field.name}", NAME_LIMIT), form, "", kind, field.label_zh, choices, field.unit,
                    validation, field.low if number else "", field.high if number else "",
                    "y" if field.pii in ("id", "uid") else "", "", "y" if field.required else "", "", "", "", "", "",
                ),
                strict=True,
            )
        )
    )  # fmt: skip
