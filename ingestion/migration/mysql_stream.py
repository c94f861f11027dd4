"""Streams the rows of a MySQL query as Arrow batches, inside the snapshot of the connection that asks.

Neither DuckDB's scanner nor a driver in Python does both: the first streams on a connection outside the transaction,
the second makes an object of every value. Here the packets of the text protocol (MySQL's documentation: "Text
Resultset") are read in blocks, a block's values are found column by column with numpy, and Arrow's string views point
to them where they lie, so that no value is copied.
"""

from collections.abc import Iterator, Set
from struct import Struct
from typing import Any

import numpy as np
import pyarrow as pa
from pymysql.cursors import SSCursor
from pymysql.err import MySQLError

from ingestion.migration.source import Address
from lakehouse.errors import RadlakeError, SourceUnreachableError

_BLOCK_BYTES = 4 << 20
_HEADER_BYTES = 4
_HEADER = Struct("<IB")
"""Three bytes of length, the number of the packet, and the first byte of what it holds."""
_LARGEST_PACKET = 0xFFFFFF
"""A packet of this length goes on in the next one."""
_VIEW_BYTES, _LENGTH_BYTES, _INLINE_BYTES = 16, 4, 12
_ROOM_BYTES = _INLINE_BYTES + 1
"""Room behind the last value of a block, so that a window on it never ends outside."""
_INLINE_MASKS = (
    np.where(np.arange(-4, 12) < np.arange(_INLINE_BYTES + 1)[:, None], 0xFF, 0).astype(np.uint8).view("<u8")
)
"""By the length of a short value, which bytes of its view are kept, the length's and its own, as two numbers."""
_NULL = 0xFB
_LENGTHS = ((0xFC, 2), (0xFD, 3), (0xFE, 8))
"""First byte of a length and the number of bytes that follow it."""
_UNREACHABLE = (1053, 1927, 2006, 2013)
"""Server shutdown, connection killed, gone away, lost."""


class RowStream:
    """The rows of one query of a pymysql connection, readable once; `error` says why it broke off."""

    def __init__(self, connection: Any, address: Address, query: str, *, binary: Set[int]) -> None:
        self.error: RadlakeError | None = None
        self._connection, self._address, self._query = connection, address, query
        self._binary = binary

    def reader(self, columns: int) -> pa.RecordBatchReader:
        """Return the rows as text, or bytes for the columns of `binary`, in columns c0, c1 and so on."""
        types = [pa.binary_view() if number in self._binary else pa.string_view() for number in range(columns)]
        schema = pa.schema([pa.field(f"c{number}", kind) for number, kind in enumerate(types)])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cursor: Any = SSCursor(self._connection)
        is_in_step = False
        try:
            cursor.execute(self._query)
            for block, starts in _blocks(self._connection._rfile):
                if starts:
                    yield _batch(schema, block, np.array(starts, dtype=np.int64))
            is_in_step = True
        except (MySQLError, OSError, _BrokenOffError) as error:
            self.error = self._named(error)
            is_in_step = not isinstance(self.error, SourceUnreachableError)
            # the text may hold a value, and Arrow would hand it on
            raise RuntimeError("the stream broke off") from None
        finally:
            # the driver would wait for the end of a result that we have read
            if cursor._result is not None:
                cursor._result.unbuffered_active, cursor._result.connection = False, None
            if not is_in_step:
                self._connection._force_close()

    def _named(self, error: Exception) -> RadlakeError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else None
        if isinstance(error, OSError) or code in _UNREACHABLE or code is None:
            return SourceUnreachableError(
                f"{self._address.shown} went away; run the same command again when it answers"
            )
        return RadlakeError(f"{self._address.shown} refused a query ({type(error).__name__} {code})")


class _BrokenOffError(Exception):
    """The server ended the stream with an error; the first argument is its code, none when it went away."""


def _blocks(source: Any) -> Iterator[tuple[bytearray | bytes, list[int]]]:
    """Yield blocks of bytes with the places at which whole rows begin."""
    # what the driver has received already; `readinto1` would wait for more
    rest = source.read1(_BLOCK_BYTES)
    while True:
        end = len(rest) + max(_BLOCK_BYTES, len(rest))
        block = bytearray(end + _ROOM_BYTES)
        block[: len(rest)] = rest
        starts: list[int] = []
        filled = len(rest)
        place, is_last = _walk(block, 0, filled, starts)
        view = memoryview(block)
        while not is_last and filled < end:
            received = source.readinto1(view[filled:end])
            if not received:
                raise _BrokenOffError
            filled += received
            place, is_last = _walk(block, place, filled, starts)
        yield block, starts
        if is_last:
            return
        rest = bytes(view[place:filled])
        if len(rest) >= _HEADER_BYTES and _length(rest, 0) == _LARGEST_PACKET:
            row, rest = _join(source, bytearray(rest))
            yield bytes(_HEADER_BYTES) + row + bytes(_ROOM_BYTES), [_HEADER_BYTES]


def _length(data: bytearray | bytes, place: int) -> int:
    return data[place] | data[place + 1] << 8 | data[place + 2] << 16


def _join(source: Any, data: bytearray) -> tuple[bytearray, bytes]:
    """Return a row that came in several packets, and what was received behind it."""
    row = bytearray()
    while True:
        while len(data) < _HEADER_BYTES or len(data) < _HEADER_BYTES + _length(data, 0):
            received = source.read1(_BLOCK_BYTES)
            if not received:
                raise _BrokenOffError
            data += received
        length = _length(data, 0)
        row += data[_HEADER_BYTES : _HEADER_BYTES + length]
        del data[: _HEADER_BYTES + length]
        if length < _LARGEST_PACKET:
            return row, bytes(data)


def _walk(block: bytearray, place: int, filled: int, starts: list[int]) -> tuple[int, bool]:
    """Append the beginnings of whole rows; return the place behind them and whether the result ended there."""
    append, unpack = starts.append, _HEADER.unpack_from
    while place + _HEADER_BYTES < filled:
        header, first = unpack(block, place)
        length = header & 0xFFFFFF
        end = place + _HEADER_BYTES + length
        if end > filled or length == _LARGEST_PACKET:
            break
        if first >= 0xFE:
            if first == 0xFE and length < 9:
                return end, True
            if first == 0xFF:
                raise _BrokenOffError(int.from_bytes(block[place + 5 : place + 7], "little"))
        append(place + _HEADER_BYTES)
        place = end
    return place, False


def _batch(schema: pa.Schema, block: bytearray | bytes, places: np.ndarray) -> pa.RecordBatch:
    """Return rows as Arrow views into the block; `places` are where the first value of each row begins."""
    data = np.frombuffer(block, dtype=np.uint8)
    values = pa.py_buffer(block)
    arrays = []
    for kind in schema.types:
        is_null, starts, lengths = _find_values(data, places)
        arrays.append(_views(kind, data, values, is_null, starts, lengths))
        places = starts + lengths
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _find_values(data: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of the values that begin with their length at these places: whether null, where they lie, how long."""
    first = data[places]
    is_null = first == _NULL
    lengths = np.where(is_null, 0, first).astype(np.int64)
    starts = places + 1
    if first.max(initial=0) > _NULL:
        for mark, width in _LENGTHS:
            rows = np.nonzero(first == mark)[0]
            number = np.zeros(len(rows), np.int64)
            for byte in range(width):
                number |= data[places[rows] + 1 + byte].astype(np.int64) << (8 * byte)
            lengths[rows] = number
            starts[rows] += width
    return is_null, starts, lengths


def _views(
    kind: pa.DataType, data: np.ndarray, values: pa.Buffer, is_null: np.ndarray, starts: np.ndarray, lengths: np.ndarray
) -> pa.Array:
    """Return an array of views (Arrow's variable-size binary view layout): length, then the value or its place."""
    rows = len(starts)
    # a view is the value with the four bytes before it, where its length goes; what follows a short one is blotted out
    windows = np.ndarray((len(data) - _VIEW_BYTES + 1,), f"V{_VIEW_BYTES}", data, strides=(1,))
    views = windows[starts - _LENGTH_BYTES]
    words, short = views.view("<u8").reshape(rows, 2), np.minimum(lengths, _INLINE_BYTES)
    words[:, 0] &= _INLINE_MASKS[short, 0]
    words[:, 1] &= _INLINE_MASKS[short, 1]
    numbers = views.view("<i4").reshape(rows, 4)
    numbers[:, 0] = lengths
    is_long = lengths > _INLINE_BYTES
    if is_long.any():
        numbers[is_long, 2] = 0
        numbers[is_long, 3] = starts[is_long]
    nulls = int(is_null.sum())
    validity = pa.py_buffer(np.packbits(~is_null, bitorder="little")) if nulls else None
    return pa.Array.from_buffers(kind, rows, [validity, pa.py_buffer(views), values], nulls)
