"""Writes a released table as XLSX: Chinese headers, one sheet of rows, one sheet that explains the columns."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from serving.exports.fields import BOOLEAN_CODES, ExportField, ExportTable
from serving.exports.statistics import finite, is_exact

# Excel: rows of a sheet with the header, characters of a cell, first day of its calendar
MAX_ROWS, TEXT_LIMIT, FIRST_DAY = 1_048_576, 32_767, datetime(1900, 3, 1)
DATA_SHEET, DICTIONARY_SHEET = "数据", "数据字典"
DICTIONARY_HEADERS = (
    "中文名", "变量名 column", "说明 description", "类型 type", "单位 unit", "最小 min", "最大 max", "取值 values",
)  # fmt: skip

_OPTIONS = {
    # a text stays the text it is, whatever it begins with
    "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "constant_memory": True,
}  # fmt: skip
_EXACT_IN_EXCEL = 10**15


def fits(table: ExportTable) -> bool:
    """Say whether one sheet holds all rows of the table."""
    return table.rows < MAX_ROWS


def write_workbook(table: ExportTable, target: Path) -> int:
    """Write the table and return the number of texts that had to be cut to the 32,767 characters of a cell."""
    rows = pl.read_parquet(table.parquet)
    fields = [field for field in table.fields if field.name in rows.columns]
    prepared, cut = _prepare(rows.select([field.name for field in fields]))
    with xlsxwriter.Workbook(str(target), _OPTIONS) as book:
        # without it the file would hold the time it was made
        book.set_properties({"title": table.name, "created": datetime(2000, 1, 1)})
        _write_rows(book, fields, prepared)
        _write_dictionary(book, fields)
    return cut


def _prepare(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the rows as values that Excel holds and the number of texts cut."""
    columns, cut = [], 0
    for values in rows:
        if values.dtype.is_float() or values.dtype.is_decimal():
            columns.append(finite(values))
        elif values.dtype.is_integer():
            columns.append(values if is_exact(values, _EXACT_IN_EXCEL) else values.cast(pl.String))
        elif values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
            # an older day has no number in Excel: the whole column becomes text
            old = (values.cast(pl.Datetime) < FIRST_DAY).any()
            columns.append(values.cast(pl.String) if old else values)
        elif values.dtype == pl.Boolean:
            columns.append(values)
        else:
            texts = values.cast(pl.String)
            cut += int((texts.str.len_chars() > TEXT_LIMIT).sum())
            columns.append(texts.str.head(TEXT_LIMIT))
    return pl.DataFrame(columns), cut


def _write_rows(book: xlsxwriter.Workbook, fields: list[ExportField], rows: pl.DataFrame) -> None:
    sheet, bold = book.add_worksheet(DATA_SHEET), book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    day, instant = (book.add_format({"num_format": code}) for code in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"))
    writers = [_cell_writer(sheet, kind, day=day, instant=instant) for kind in rows.dtypes]
    for number, field in enumerate(fields):
        sheet.set_column(number, number, 19 if field.data_type in ("date", "timestamp") else 14)
        sheet.write_string(0, number, field.label, bold)
    for row_number, row in enumerate(rows.iter_rows(), start=1):
        for number, value in enumerate(row):
            if value is not None:
                writers[number](row_number, number, value)


def _cell_writer(
    sheet: Worksheet, kind: pl.DataType, *, day: Format, instant: Format
) -> Callable[[int, int, Any], Any]:
    """Return what writes a cell of a column; by type once a column, for a cell costs what its call costs."""
    if kind == pl.String:
        return sheet.write_string
    if kind == pl.Boolean:
        return sheet.write_boolean
    if kind.is_numeric():
        return sheet.write_number
    style = day if kind == pl.Date else instant
    return lambda row, column, value: sheet.write_datetime(row, column, value, style)


def _write_dictionary(book: xlsxwriter.Workbook, fields: list[ExportField]) -> None:
    sheet, bold = book.add_worksheet(DICTIONARY_SHEET), book.add_format({"bold": True})
    sheet.set_column(0, 7, 22)
    for number, header in enumerate(DICTIONARY_HEADERS):
        sheet.write_string(0, number, header, bold)
    for row, field in enumerate(fields, start=1):
        codes = (("TRUE", BOOLEAN_CODES[1][1]), ("FALSE", BOOLEAN_CODES[0][1])) if field.is_boolean else field.codes
        values = "; ".join(f"{code}={label}" for code, label in codes)
        cells = (field.label_zh, field.name, field.description, field.data_type, field.unit, field.low, field.high)
        for number, text in enumerate((*cells, values)):
            sheet.write_string(row, number, text[:TEXT_LIMIT])
