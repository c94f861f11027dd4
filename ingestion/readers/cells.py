"""Decodes cells that have the same number of bytes in every record, a whole column at a time."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PADDING = " \0"
_NEWLINE = 10


def decode_cells(cells: np.ndarray[Any, np.dtype[np.uint8]], encoding: str) -> tuple[pa.Array, list[int]]:
    """Return the texts of the rows of a matrix of bytes without their padding, and the rows whose end is cut.

    A cell may end within a character, since its width is counted in bytes: the half is left out.
    """
    count = len(cells)
    if not count or not cells.shape[1]:
        return pa.array([""] * count, pa.string()), []
    if _NEWLINE in cells:
        return _one_by_one(cells, encoding)
    lines = np.full((count, cells.shape[1] + 1), _NEWLINE, np.uint8)
    lines[:, :-1] = cells
    try:
        texts = lines.tobytes().decode(encoding).split("\n")
    except UnicodeDecodeError:
        return _one_by_one(cells, encoding)
    texts.pop()
    if len(texts) != count:
        return _one_by_one(cells, encoding)
    return pc.utf8_trim(pa.array(texts, pa.string()), _PADDING), []


def _one_by_one(cells: np.ndarray[Any, np.dtype[np.uint8]], encoding: str) -> tuple[pa.Array, list[int]]:
    texts: list[str] = []
    cut: list[int] = []
    for place, row in enumerate(cells):
        text, is_cut = decode_cell(row.tobytes(), encoding)
        texts.append(text)
        if is_cut:
            cut.append(place)
    return pa.array(texts, pa.string()), cut


def decode_cell(cell: bytes, encoding: str) -> tuple[str, bool]:
    """Return the text of one cell without padding, and whether half a character at its end was left out."""
    try:
        return cell.decode(encoding).strip(_PADDING), False
    except UnicodeDecodeError:
        pass
    plain = cell.rstrip(b" \0")
    for lost in range(1, 4):
        try:
            return plain[:-lost].decode(encoding).strip(_PADDING), True
        except UnicodeDecodeError:
            continue
    return cell.decode(encoding, "replace").strip(_PADDING), False
