"""Makes small DICOM files byte by byte, so that a test can also write what no library would.

Every file is Explicit VR Little Endian unless told otherwise; names, ids and comments are marked CANARY.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

ROOT = "1.2.826.0.1.3680043.8.498.77"
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
DIRECTORY = "1.2.840.10008.1.3.10"

Value = str | int | float | bytes | None

_LONG_VRS = ("OB", "OW", "SQ", "UN", "UT", "UC", "UR")
_NUMBERS = {"US": "<H", "SS": "<h", "UL": "<I", "SL": "<i", "FL": "<f", "FD": "<d"}


def element(keyword: str, value: Value, encoding: str = "ascii", vr: str | None = None) -> bytes:
    """Return one element; bytes are written as they are, text in the encoding, padded to even length."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    vr = vr or dictionary_VR(tag).split(" or ")[0]
    return tagged(tag, vr, value, encoding)


def tagged(tag: int, vr: str, value: Value, encoding: str = "ascii") -> bytes:
    """Return one element by its tag, for private ones."""
    if isinstance(value, bytes):
        raw = value
    elif vr in _NUMBERS and value is not None:
        raw = struct.pack(_NUMBERS[vr], value)
    else:
        raw = ("" if value is None else str(value)).encode(encoding)
    if len(raw) % 2:
        raw += b"\x00" if vr in ("UI", "OB", "UN") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    return head + (struct.pack("<HI", 0, len(raw)) if vr in _LONG_VRS else struct.pack("<H", len(raw))) + raw


def dicom_bytes(
    number: int = 1,
    *,
    series: int = 1,
    study: int = 1,
    attributes: Mapping[str, Value] | None = None,
    character_set: bytes | None = None,
    encoding: str = "ascii",
    private: Sequence[tuple[int, str, Value]] = (),
    extra: bytes = b"",
    pixels: bytes | None = bytes(32),
    fragments: Sequence[bytes] | None = None,
    is_closed: bool = True,
    with_preamble: bool = True,
    with_meta: bool = True,
) -> bytes:
    """Return a CT image of 4 x 4 pixels; an attribute of None is left out, `fragments` makes it encapsulated.

    `extra` is written before the pixel data as it is.
    """
    values: dict[str, Value] = {
        "SpecificCharacterSet": character_set,
        "SOPClassUID": CT,
        "SOPInstanceUID": f"{ROOT}.{study}.{series}.{number}",
        "StudyDate": "20260301",
        "StudyTime": "091500.25",
        "AccessionNumber": f"CANARY{study:04d}",
        "Modality": "CT",
        "StudyDescription": "CANARY CHEST",
        "PatientName": "CANARY^PATIENT",
        "PatientID": f"CANARY-{study:04d}",
        "PatientBirthDate": "19800203",
        "PatientSex": "F",
        "SliceThickness": "1.25",
        "StudyInstanceUID": f"{ROOT}.{study}",
        "SeriesInstanceUID": f"{ROOT}.{study}.{series}",
        "SeriesNumber": str(series),
        "InstanceNumber": str(number),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "BitsStored": 12,
        "PixelRepresentation": 0,
    } | dict(attributes or {})
    elements = [
        (tag_for_keyword(keyword) or 0, element(keyword, value, encoding))
        for keyword, value in values.items()
        if value is not None
    ]
    elements += [(tag, tagged(tag, vr, value, encoding)) for tag, vr, value in private]
    body = b"".join(raw for _, raw in sorted(elements, key=lambda pair: pair[0])) + extra
    if fragments is not None:
        items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in (b"", *fragments))
        body += b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + items
        body += b"\xfe\xff\xdd\xe0\x00\x00\x00\x00" if is_closed else b""
    elif pixels is not None:
        body += element("PixelData", pixels, vr="OW")
    meta = b"".join(
        (
            element("MediaStorageSOPClassUID", values["SOPClassUID"]),
            element("MediaStorageSOPInstanceUID", values["SOPInstanceUID"] or f"{ROOT}.0"),
            element("TransferSyntaxUID", EXPLICIT if fragments is None else JPEG_BASELINE),
        )
    )
    meta = element("FileMetaInformationGroupLength", len(meta)) + meta if with_meta else b""
    return (bytes(128) + b"DICM" if with_preamble else b"") + meta + body


def write_dicom(path: Path, number: int = 1, *, keep: int | None = None, **options) -> Path:
    """Write a file, of which only the first `keep` bytes when given (from the end when negative)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dicom_bytes(number, **options)[:keep])
    return path


def write_study(folder: Path, *, study: int = 1, series: int = 2, images: int = 3) -> list[Path]:
    """Write a study of several series and return its files."""
    return [
        write_dicom(folder / f"study{study}" / f"series{s}" / f"image{i}.dcm", i, series=s, study=study)
        for s in range(1, series + 1)
        for i in range(1, images + 1)
    ]
