"""Writes a released table as Stata `.dta` of version 118 (Stata 14 and later, Unicode)."""

from pathlib import Path

import polars as pl
import pyreadstat

from serving.exports.fields import ExportTable
from serving.exports.statistics import statistics_frame

# limits of Stata: characters of a name, of a variable label and of a data label
NAME_LIMIT, LABEL_LIMIT = 32, 80


def write_stata(table: ExportTable, target: Path) -> int:
    """Write the table; return 0, for Stata takes texts of any length."""
    made = statistics_frame(table, name_limit=NAME_LIMIT)
    pyreadstat.write_dta(
        # a missing text is an empty one in Stata, and the writer loses the place of a long text beside a missing one
        made.frame.with_columns(pl.col(pl.String).fill_null("")),
        str(target),
        file_label=table.name[:LABEL_LIMIT],
        column_labels={name: label[:LABEL_LIMIT] for name, label in made.labels.items()},
        variable_value_labels=made.value_labels,
        version=14,
    )
    return 0
