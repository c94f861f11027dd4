"""Writes a released table as SPSS `.sav` with Chinese variable labels and value labels."""

from pathlib import Path

import polars as pl
import pyreadstat

from serving.exports.fields import ExportTable
from serving.exports.names import cut_bytes
from serving.exports.statistics import statistics_frame

# limits of the SPSS system file: bytes of a name, a variable label, a value label and a text
NAME_LIMIT, LABEL_LIMIT, VALUE_LABEL_LIMIT, TEXT_LIMIT = 64, 255, 120, 32_767


def write_spss(table: ExportTable, target: Path) -> int:
    """Write the table and return the number of texts that had to be cut to the format's 32,767 bytes."""
    made = statistics_frame(table, name_limit=NAME_LIMIT)
    frame, cut = made.frame, 0
    for name in frame.columns:
        if frame[name].dtype == pl.String:
            long = frame[name].str.len_bytes() > TEXT_LIMIT
            if long.any():
                cut += int(long.sum())
                short = [cut_bytes(text, TEXT_LIMIT) for text in frame[name].filter(long)]
                frame = frame.with_columns(frame[name].scatter(long.arg_true(), short))
    pyreadstat.write_sav(
        frame,
        str(target),
        file_label=cut_bytes(table.name, 64),
        column_labels={name: cut_bytes(label, LABEL_LIMIT) for name, label in made.labels.items()},
        variable_value_labels={
            name: {number: cut_bytes(label, VALUE_LABEL_LIMIT) for number, label in labels.items()}
            for name, labels in made.value_labels.items()
        },
        variable_format={
            name: "F8.0" if name in made.value_labels else "F16.0"
            for name in made.whole
            if frame[name].dtype != pl.String
        },
        variable_measure=dict.fromkeys(made.value_labels, "nominal"),
        row_compress=True,
    )
    return cut
