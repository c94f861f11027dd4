"""Recognises picture files that are no DICOM by their first bytes."""

from pathlib import Path

_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),  # ISO/IEC 10918-1 B.1: SOI and the next marker; JPEG-LS begins alike
    (b"\x89PNG\r\n\x1a\n", "png"),  # ISO/IEC 15948 5.2
    (b"BM", "bmp"),  # and four reserved bytes of zero, or every text that begins with BM would be one
)


def recognise_image(start: bytes) -> str | None:
    """Return jpeg, png or bmp for the first bytes of a file, or None."""
    for signature, kind in _SIGNATURES:
        if start.startswith(signature) and (kind != "bmp" or start[6:10] == bytes(4)):
            return kind
    return None


def identify_file(path: Path) -> str | None:
    """Return jpeg, png or bmp for a file, or None also when it cannot be read."""
    try:
        with path.open("rb") as handle:
            return recognise_image(handle.read(16))
    except OSError:
        return None
