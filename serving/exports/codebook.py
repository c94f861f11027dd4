"""Writes the codebook of the statistics formats: short names of each column; number, code and label of each value."""

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from serving.exports import spss, stata
from serving.exports.fields import ExportTable
from serving.exports.names import short_name
from serving.exports.statistics import coded

HEADERS = ("table", "column", "label_zh", "spss_name", "stata_name", "number", "code", "value_label_zh")


def write_codebook(tables: Sequence[ExportTable], target: Path) -> None:
    """Write one row per value of a coded column and one per other column, as CSV that Excel opens."""
    rows: list[tuple[str, ...]] = []
    for table in tables:
        labelled = [field.name for field in table.fields if field.codes or field.is_boolean]
        values = pl.read_parquet(table.parquet, columns=labelled) if labelled else pl.DataFrame()
        for field in table.fields:
            names = (short_name(field.name, spss.NAME_LIMIT), short_name(field.name, stata.NAME_LIMIT))
            start = (table.name, field.name, field.label, *names)
            labels = coded(values[field.name], field)[1] if field.name in labelled else {}
            known = [code for code, _ in field.codes]
            for number, label in labels.items():
                if field.is_boolean:
                    code = "true" if number else "false"
                else:
                    # a value outside the set is its own label
                    code = known[int(number) - 1] if number <= len(known) else label
                rows.append((*start, str(number), code, label))
            if not labels:
                rows.append((*start, "", "", ""))
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(rows)
