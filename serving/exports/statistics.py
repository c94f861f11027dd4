"""A released table as a statistics package wants it: coded columns as numbers with labels, short names, true dates."""

from dataclasses import dataclass

import polars as pl

from serving.exports.fields import BOOLEAN_CODES, ExportField, ExportTable
from serving.exports.names import short_names

EXACT = 2**53
"""Whole numbers beyond it are not exact in a double and are exported as text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsFrame:
    """Rows with short names and what each variable is called and coded."""

    frame: pl.DataFrame
    names: dict[str, str]
    labels: dict[str, str]
    value_labels: dict[str, dict[int | float, str]]
    whole: tuple[str, ...]
    """Variables that hold whole numbers, codes among them."""


def statistics_frame(table: ExportTable, *, name_limit: int) -> StatisticsFrame:
    """Read a released table and code it.

    A code of a value set becomes its position in the set, from 1; a value outside the set the next numbers, labelled
    by itself; true and false become 1 and 0. NaN and infinity have no place in either format and become missing, as
    does an empty text, which the formats cannot tell from a missing one.
    """
    rows = pl.read_parquet(table.parquet)
    fields = [field for field in table.fields if field.name in rows.columns]
    names = short_names([field.name for field in fields], name_limit)
    columns, value_labels, whole = [], {}, []
    for field in fields:
        values, labels = coded(rows[field.name], field)
        short = names[field.name]
        columns.append(values.alias(short))
        if labels:
            value_labels[short] = labels
        if labels or rows[field.name].dtype.is_integer():
            whole.append(short)
    return StatisticsFrame(
        frame=pl.DataFrame(columns),
        names=names,
        labels={names[field.name]: field.label for field in fields},
        value_labels=value_labels,
        whole=tuple(whole),
    )


def coded(values: pl.Series, field: ExportField) -> tuple[pl.Series, dict[int | float, str]]:
    """Return the values of a column as numbers, dates or text, and the label of each number where it has labels."""
    if values.dtype == pl.Boolean:
        return values.cast(pl.Int32), {int(code): label for code, label in BOOLEAN_CODES}
    if values.dtype == pl.String and field.codes:
        numbers = {code: number for number, (code, _) in enumerate(field.codes, start=1)}
        labels: dict[int | float, str] = {numbers[code]: label for code, label in field.codes}
        for code in sorted(set(values.drop_nulls().unique().to_list()) - set(numbers) - {""}):
            numbers[code] = len(numbers) + 1
            labels[numbers[code]] = code
        return values.replace_strict(numbers, default=None, return_dtype=pl.Int32), labels
    if values.dtype.is_float() or values.dtype.is_decimal():
        return finite(values), {}
    if values.dtype.is_integer():
        return values.cast(pl.Float64 if is_exact(values, EXACT) else pl.String), {}
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        return values, {}
    # both formats end a text at a NUL
    return values.cast(pl.String).str.replace_all("\0", "", literal=True), {}


def finite(values: pl.Series) -> pl.Series:
    """Return numbers as doubles, NaN and infinity as missing."""
    numbers = values.cast(pl.Float64)
    return numbers.set(~numbers.is_finite().fill_null(True), None)


def is_exact(values: pl.Series, limit: int) -> bool:
    """Say whether all whole numbers of a column lie within the limit either way."""
    bounds = [bound for bound in (values.min(), values.max()) if isinstance(bound, int)]
    return all(-limit <= bound <= limit for bound in bounds)
