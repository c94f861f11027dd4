"""Writes a released table as CSV that Excel opens as UTF-8."""

from pathlib import Path

import polars as pl

from serving.exports.fields import ExportTable


def write_delimited(table: ExportTable, target: Path) -> int:
    """Write the table as CSV with a byte order mark, by which Excel knows UTF-8; return 0, nothing is cut.

    A missing value is an empty cell, an empty text a quoted one.
    """
    pl.scan_parquet(table.parquet).sink_csv(
        target, include_bom=True, datetime_format="%Y-%m-%d %H:%M:%S", date_format="%Y-%m-%d", quote_style="necessary"
    )
    return 0
