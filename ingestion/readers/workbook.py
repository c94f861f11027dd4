"""Reads workbooks (XLSX, XLS, ODS) with calamine: titles above the header, footers, dates as cells."""

from datetime import date, datetime, time, timedelta
from pathlib import Path

import python_calamine

from ingestion.mapping import Layout
from ingestion.naming import normalise_header
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading, Rejected
from lakehouse.errors import ContractError


def read_workbook(path: Path, layout: Layout, reading: Reading) -> Batches:
    """Yield the records of one sheet in batches.

    Raises ContractError when the file is no workbook or lacks the sheet.
    """
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        sheet = workbook.get_sheet_by_name(layout.sheet) if layout.sheet else workbook.get_sheet_by_index(0)
    except (python_calamine.CalamineError, python_calamine.WorksheetNotFound, OSError, IndexError) as error:
        raise ContractError(f"a workbook cannot be read ({type(error).__name__})") from error
    reading.encoding, reading.encoding_confidence = "utf-8", 1.0
    first_row = (sheet.start or (0, 0))[0] + 1
    header: tuple[str, ...] | None = None
    normal_header: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    for number, cells in enumerate(sheet.iter_rows(), start=first_row):
        record = [as_text(cell) for cell in cells]
        if number <= layout.title_rows:
            reading.drop("title_row")
        elif not any(cell.strip() for cell in record):
            reading.drop("blank_row")
        elif header is None:
            while record and not record[-1].strip():
                record.pop()
            header = tuple(record)
            normal_header = [normalise_header(cell) for cell in header]
        elif record[0].strip().startswith(layout.footer):
            reading.drop("footer_row")
        elif [normalise_header(cell) for cell in record[: len(header)]] == normal_header:
            reading.drop("repeated_header")
        elif any(cell.strip() for cell in record[len(header) :]):
            rejected.append(Rejected(row_no=number, reason="extra_column", raw_text="\t".join(record)))
        else:
            rows.append((record + [""] * len(header))[: len(header)])
            numbers.append(number)
        if header is not None and len(rows) + len(rejected) >= BATCH_ROWS:
            yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)
            rows, numbers, rejected = [], [], []
    if header is not None:
        yield Batch(header=header, rows=rows, row_numbers=numbers, rejected=rejected)


def as_text(cell: object) -> str:
    """Return a cell as it would be read aloud: whole numbers without a point, instants in ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)
