"""Reads an AI result from a file, whatever its format; the reader is chosen by content, never by name."""

from pathlib import Path

from ai_backfill.readers.sr import parse_structured_report, read_bytes, read_structured_report
from ai_backfill.result import AiResult, RefusedError

__all__ = ["parse_result", "read_bytes", "read_result", "read_structured_report"]

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
# HL7 v2 messages and batches, JSON, XML (CDA, FHIR), MLLP-framed HL7 v2
_OTHER_FORMATS = (b"MSH", b"FHS", b"BHS", b"{", b"[", b"<", b"\x0b")


def read_result(path: Path) -> AiResult:
    """Read the AI result in a file.

    Raises RefusedError, and nothing else, when the file cannot become a result.
    """
    return parse_result(read_bytes(path))


def parse_result(data: bytes) -> AiResult:
    """Read the AI result in the bytes of a file.

    Raises RefusedError, and nothing else, when they cannot become a result.
    """
    if not data:
        raise RefusedError("empty_file")
    if _is_dicom(data):
        return parse_structured_report(data)
    head = data[:1024]
    for mark in _BYTE_ORDER_MARKS:
        head = head.removeprefix(mark)
    if head.replace(b"\0", b"").lstrip().startswith(_OTHER_FORMATS):
        raise RefusedError("unsupported_format")
    raise RefusedError("not_dicom")


def _is_dicom(data: bytes) -> bool:
    """Return whether bytes are a DICOM file, or a data set without the preamble (PS3.10 section 7)."""
    if data[128:132] == b"DICM":
        return True
    # groups 0002 and 0008 in either byte order, followed by a VR or a short length
    group = data[:2]
    if group not in (b"\x02\x00", b"\x08\x00", b"\x00\x08") or len(data) < 16:
        return False
    vr = data[4:6]
    return (vr.isalpha() and vr.isupper()) or int.from_bytes(data[4:8], "little") < 1024
