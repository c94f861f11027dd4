"""Finds in which form a file was written, so that the readers can read it: format, encoding, layout.

The bytes decide, never the name: workbooks are often HTML, and `.txt` is anything.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.mapping import Layout
from lakehouse.errors import ContractError
from lakehouse.formats.encoding import detect_file_encoding

HEAD_BYTES = 1 << 20
_DBF_VERSIONS = frozenset(
    {0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8C, 0xCB, 0xE5, 0xF5, 0xFB}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sniffed:
    """The form of one file.

    `labels` are its names of columns where a reader has to be told them, `reasons` say in words what decided.
    """

    layout: Layout
    encoding: str = "utf-8"
    confidence: float = 1.0
    labels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=())


def sniff_file(path: Path) -> Sniffed:
    """Return the form of a file.

    Raises ContractError when it is empty or of no form the readers know; OSError when it cannot be read.
    """
    from ingestion.onboarding.markup_forms import sniff_json, sniff_markup
    from ingestion.onboarding.text_forms import sniff_text

    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip(b"\x00 \r\n\t"):
        raise ContractError(f"{_shown(path)} is empty: nothing to profile")
    binary = _sniff_binary(path, head)
    if binary:
        return binary
    detected = detect_file_encoding(path)
    text = head.decode(detected.encoding, "replace").removeprefix("\ufeff").rstrip("\ufffd")
    start = text.lstrip("\ufeff \t\r\n\x0b\x1c")
    found: Sniffed | None = None
    if start.startswith(("MSH", "FHS", "BHS")):
        found = Sniffed(layout=Layout(format="hl7v2"), reasons=("segments of HL7 v2 begin the file",))
    elif start.startswith(("{", "[")):
        found = sniff_json(start)
    elif start.startswith("<"):
        found = sniff_markup(path, start)
    if found is None:
        found = sniff_text(head, text, detected.encoding)
    if found is None:
        raise ContractError(
            f"{_shown(path)} is of no form the readers know: no delimiter, no fixed width, no repeating record; "
            "docs/mapping.md names the formats, write the reader by hand"
        )
    return Sniffed(
        layout=found.layout,
        encoding=detected.encoding,
        confidence=detected.confidence,
        labels=found.labels,
        reasons=found.reasons,
        doubts=found.doubts,
    )


def _shown(path: Path) -> str:
    return f"the file *{path.suffix}" if path.suffix.isascii() else "the file"


def _sniff_binary(path: Path, head: bytes) -> Sniffed | None:
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _sniff_workbook(path)
    if head.lstrip().startswith(b"{\\rtf"):
        return Sniffed(layout=Layout(format="documents"), reasons=("a document in RTF",))
    if _is_dbf(path, head):
        return Sniffed(layout=Layout(format="dbf"), reasons=("header of a DBF table",))
    if head[128:132] == b"DICM":
        raise ContractError("a DICOM file is indexed with `radlake dicom scan`, it needs no mapping")
    return None


def _is_dbf(path: Path, head: bytes) -> bool:
    if len(head) < 66 or head[0] not in _DBF_VERSIONS:
        return False
    rows, header_bytes, row_bytes = struct.unpack_from("<IHH", head, 4)
    month, day = head[2], head[3]
    if not (1 <= month <= 12 and 1 <= day <= 31 and header_bytes >= 65 and row_bytes > 1):
        return False
    return header_bytes < len(head) + 1 and abs(path.stat().st_size - header_bytes - rows * row_bytes) <= max(
        2, row_bytes
    )


def _sniff_workbook(path: Path) -> Sniffed:
    """Find the sheet with the most cells and the header among its first lines."""
    import python_calamine

    from ingestion.onboarding.headers import find_header

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        best, chosen = -1, ""
        for name in workbook.sheet_names:
            sheet = workbook.get_sheet_by_name(name)
            cells = (sheet.height or 0) * (sheet.width or 0)
            if cells > best:
                best, chosen = cells, name
        sheet = workbook.get_sheet_by_name(chosen)
    except (python_calamine.CalamineError, OSError, IndexError) as error:
        raise ContractError(
            f"{_shown(path)} looks like a workbook and cannot be opened ({type(error).__name__})"
        ) from error
    start = (sheet.start or (0, 0))[0]
    lines: list[list[str]] = []
    for cells_of_row in sheet.iter_rows():
        lines.append(["" if cell is None else str(cell) for cell in cells_of_row])
        if len(lines) >= 60:
            break
    title_rows, has_header = find_header(lines)
    reasons = [f"sheet of {sheet.height} lines"]
    layout = Layout(
        format="workbook",
        title_rows=start + title_rows if has_header else 0,
        sheet=chosen if len(workbook.sheet_names) > 1 and chosen.isascii() else None,
        header=() if has_header else tuple(f"F{number}" for number in range(1, (sheet.width or 0) + 1)),
    )
    if start + title_rows:
        reasons.append(f"{start + title_rows} lines above the header")
    header = lines[title_rows] if has_header and title_rows < len(lines) else []
    return Sniffed(
        layout=layout, labels=tuple(dict.fromkeys(cell for cell in header if cell.strip())), reasons=tuple(reasons)
    )
