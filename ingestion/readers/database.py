"""Reads a view or table of a hospital's database, or what a query gives, through the migration's read-only connection.

The delivered file is a small `.sql` file: the query, or empty, and then `table:` of the layout is read. The address
comes from `url:` of the layout, at best as `env:NAME`; a password may come from RADLAKE_SOURCE_PASSWORD. Rows are
streamed as text. Errors quote neither the query nor a value.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ingestion.mapping import FileMapping
from ingestion.migration.source import Source, open_source, parse_address, quote_name
from ingestion.readers import BATCH_ROWS, Batch, Batches, Reading
from lakehouse.errors import SettingsError, SourceUnreachableError

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAXIMUM_QUERY_BYTES = 1_000_000
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(r"[\w$#一-鿿]+(?:\.[\w$#一-鿿]+){0,2}")


def read_database(path: Path, mapping: FileMapping, reading: Reading) -> Batches:
    """Yield the rows of a query or table in batches.

    Raises SettingsError when address or query are missing or no single SELECT, UsageError and SourceUnreachableError
    as the migration does.
    """
    layout = mapping.reader
    address = parse_address(_address(layout.url))
    reading.encoding, reading.encoding_confidence = "utf-8", 1.0
    with open_source(address) as source:
        yield from _batches(source, _query(path, layout.table, source.engine))


def _address(url: str | None) -> str:
    if not url:
        raise SettingsError("the reader for a database needs url; write env:NAME and set that variable to the address")
    if not url.startswith("env:"):
        return url
    name = url.removeprefix("env:").strip()
    value = os.environ.get(name, "")
    if not value:
        raise SettingsError(f"the variable {name} with the address of a database is not set")
    return value


def _query(path: Path, table: str | None, engine: str) -> str:
    """Return the query to run: the one of the file, else all of the table."""
    if path.stat().st_size > _MAXIMUM_QUERY_BYTES:
        raise SettingsError("the query of a database reader is longer than a megabyte")
    query = path.read_text(encoding="utf-8-sig", errors="replace").strip().rstrip(";").strip()
    bare = _COMMENT.sub(" ", query).strip()
    if not bare:
        if not table or not _TABLE.fullmatch(table):
            raise SettingsError("the reader for a database needs a query in its file, or table: the name of a table")
        return "select * from " + ".".join(quote_name(engine, part) for part in table.split("."))
    if not re.match(r"(?:select|with)\b", bare, re.IGNORECASE) or ";" in re.sub(r"'[^']*'", "", bare):
        raise SettingsError("the query of a database reader must be one SELECT")
    return query


def _batches(source: Source, query: str) -> Batches:
    # sa.text() takes `:name` for a parameter; the query has none
    text = sa.text(query.replace(":", "\\:"))
    number = 0
    with _quiet_errors(source):
        options = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
        result = source.connection.execute(text, execution_options=options)
        header = tuple(map(str, result.keys()))
        for part in result.partitions(BATCH_ROWS):
            rows = [[as_text(value) for value in row] for row in part]
            yield Batch(header=header, rows=rows, row_numbers=list(range(number + 1, number + len(rows) + 1)))
            number += len(rows)
        if not number:
            # a view without rows has a header too
            yield Batch(header=header)


@contextmanager
def _quiet_errors(source: Source) -> Iterator[None]:
    """Turn a driver's error, whose text may quote the query or values, into one that does not."""
    try:
        yield
    except DBAPIError as error:
        cause = type(error.orig).__name__
        raise SourceUnreachableError(f"{source.address.shown} refused the query of a reader ({cause})") from None
    except (ValueError, OverflowError) as error:
        cause = type(error).__name__
        raise SourceUnreachableError(f"{source.address.shown} sent a value its driver cannot read ({cause})") from None


def as_text(value: Any) -> str | None:
    """Return a value of a database as text: dates in ISO form, numbers without an exponent, bytes decoded or in hex."""
    if value is None:
        return None
    if isinstance(value, str):
        # SQLite hands over what is no UTF-8 as halves of characters
        return _text_of_bytes(value.encode("utf-8", "surrogateescape")) if _SURROGATE.search(value) else value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _text_of_bytes(bytes(value))
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(value)


def _text_of_bytes(data: bytes) -> str:
    """Return the bytes of a BLOB as the text they are, or in hexadecimal, which the extractor of documents reads."""
    for encoding in ("utf-8", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    return "0x" + data.hex()
