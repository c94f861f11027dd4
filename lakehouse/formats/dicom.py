"""Reads the header of one DICOM file: every attribute of the top level as text, without touching the pixels.

Deliberately not here: what becomes of a file that is refused (`dicom_index.scan`), and anything that writes DICOM.

A file is refused with one of `REFUSALS`:

- `empty_file`: it has no bytes.
- `not_dicom`: neither the DICM prefix (PS3.10 7.1), nor a bare data set with a SOP Instance UID.
- `dicomdir`: a media directory (PS3.10 8), which lists instances and is none.
- `truncated_header`: an element before the pixel data claims more bytes than the file has, or the file ends inside one.
- `no_sop_instance_uid`: a data set without the one attribute that names an instance.
- `unreadable`: the structure makes no sense to the reader.
- `io_error`: the operating system did not hand the bytes over.

A file that ends inside its pixel data still has a whole header: it is returned with `is_truncated`.
"""

import functools
import io
import logging
import os
import re
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from lakehouse.errors import RadlakeError
from lakehouse.formats.dicom_character_set import CharacterSet, decode_text, detect_character_set

READER = "pydicom"
READER_VERSION = pydicom.__version__

REFUSALS = (
    "empty_file",
    "not_dicom",
    "dicomdir",
    "truncated_header",
    "no_sop_instance_uid",
    "unreadable",
    "io_error",
)

_NATIVE_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
_UNDEFINED_LENGTH = 0xFFFFFFFF
_SEQUENCE_DELIMITER = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_ITEM = b"\xfe\xff\x00\xe0"
_TAIL_BYTES = 65_536
_LONGEST_PRIVATE_TEXT = 1_024
_MOST_NUMBERS = 256
_DICOM_ROOT = "1.2.840.10008."
_PADDING = " \x00"
_SPACES = _PADDING + "\xa0\t\r\n"
_UID = re.compile(r"[0-9][0-9.]{3,63}")

_CHARACTER_VRS = frozenset(("PN", "LO", "SH", "ST", "LT", "UC", "UT"))
_SINGLE_TEXT_VRS = frozenset(("ST", "LT", "UT", "UR"))
_TEXT_VRS = _CHARACTER_VRS | frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_NUMBER_FORMATS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}

# the library's messages quote values and paths, which no log may hold
logging.getLogger("pydicom").disabled = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The header of one file: DICOM keyword to value, and what was found out about the file on the way.

    `attributes` holds the top level and the file meta information, multiple values joined by a backslash; sequences
    and binary values are left out. `private` holds private elements by `gggg,CREATOR,ee`; a long or binary value is
    represented by `(n bytes)`. `expected_pixel_bytes` is the uncompressed size that rows, columns, samples, bits and
    frames demand. `is_truncated` is None when there is no pixel data to check.
    """

    attributes: dict[str, str]
    private: dict[str, str]
    character_set: CharacterSet
    patient_name_bytes: bytes | None
    expected_pixel_bytes: int | None
    has_pixel_data: bool
    is_truncated: bool | None
    pixel_data_offset: int | None
    reader: str = READER
    reader_version: str = READER_VERSION


class UnreadableError(RadlakeError):
    """A file has no usable header; `reason` is one of REFUSALS and `header` what could be read before it broke off."""

    def __init__(self, reason: str, header: Header | None = None) -> None:
        super().__init__(f"the file has no usable DICOM header: {reason}")
        self.reason = reason
        self.header = header


@dataclass(kw_only=True, slots=True)
class _Walk:
    """Where the reader is in a file; filled by `stops_at` before each element of the top level."""

    handle: BinaryIO
    size: int
    is_deflated: bool
    end: int = 0
    is_undefined: bool = False
    is_beyond_end: bool = False
    is_directory: bool = False
    pixel_offset: int | None = None
    pixel_length: int = 0

    def stops_at(self, tag: int, vr: str | None, length: int) -> bool:
        if tag in _PIXEL_TAGS:
            self.pixel_offset, self.pixel_length = self.handle.tell(), length
            return True
        if tag == _DIRECTORY_TAG:
            self.is_directory = True
            return True
        self.is_undefined = length == _UNDEFINED_LENGTH
        if not self.is_deflated and not self.is_undefined:
            self.end = self.handle.tell() + length
            # stopping here also spares the memory that a damaged length would claim
            self.is_beyond_end = self.end > self.size
            return self.is_beyond_end
        return False


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no DICOM keyword")
    return tag


_PIXEL_TAGS = frozenset(map(_tag, ("PixelData", "FloatPixelData", "DoubleFloatPixelData")))
_DIRECTORY_TAG = _tag("DirectoryRecordSequence")
_CHARACTER_SET_TAG = _tag("SpecificCharacterSet")
_PATIENT_NAME_TAG = _tag("PatientName")


def read_header(path: Path) -> Header:
    """Read the header of one file.

    Raises UnreadableError with the reason for which the file has none.
    """
    try:
        with path.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size == 0:
                raise UnreadableError("empty_file")
            start = handle.read(1024)
            handle.seek(0)
            if start[128:132] == b"DICM":
                return _read(handle, size, start, is_bare=False)
            if start[:4] == b"DICM":
                # the preamble was cut off: put an empty one before it
                header = _read(io.BytesIO(bytes(128) + handle.read()), size + 128, start, is_bare=True)
                return header if header.pixel_data_offset is None else _move_pixel_data(header, -128)
            if start[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08"):
                return _read(handle, size, start, is_bare=True)
            raise UnreadableError("not_dicom")
    except OSError as error:
        raise UnreadableError("io_error") from error


def is_keyword(keyword: str) -> bool:
    """Return whether the DICOM dictionary has this keyword."""
    return tag_for_keyword(keyword) is not None


def _move_pixel_data(header: Header, by: int) -> Header:
    fields = {name: getattr(header, name) for name in Header.__dataclass_fields__}
    return Header(**(fields | {"pixel_data_offset": (header.pixel_data_offset or 0) + by}))


def _read(handle: BinaryIO, size: int, start: bytes, *, is_bare: bool) -> Header:
    is_deflated = DeflatedExplicitVRLittleEndian.encode() in start
    walk = _Walk(handle=handle, size=size, is_deflated=is_deflated)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = read_partial(handle, stop_when=walk.stops_at, force=is_bare)
            elements = {int(element.tag): element for element in dataset.file_meta.values()}
            elements |= {int(element.tag): element for element in dataset.values()}
    except (Exception, RecursionError) as error:  # damaged bytes make the library raise almost anything
        if is_bare:
            raise UnreadableError("not_dicom") from error
        raise UnreadableError("truncated_header" if handle.tell() >= size else "unreadable") from error
    header = _make_header(elements, walk)
    attributes = header.attributes
    if walk.is_directory or attributes.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise UnreadableError("dicomdir")
    uid = attributes.get("SOPInstanceUID", "")
    if is_bare and not (_UID.fullmatch(uid) and attributes.get("SOPClassUID")):
        declared = (attributes.get("TransferSyntaxUID", ""), attributes.get("SOPClassUID", ""))
        is_nameless = not uid and any(value.startswith(_DICOM_ROOT) for value in declared)
        raise UnreadableError("no_sop_instance_uid" if is_nameless else "not_dicom")
    if _ends_inside_header(walk, has_elements=bool(elements)):
        raise UnreadableError("truncated_header", header)
    if not uid:
        raise UnreadableError("no_sop_instance_uid", header)
    return header


def _ends_inside_header(walk: _Walk, *, has_elements: bool) -> bool:
    if walk.is_deflated or walk.pixel_offset is not None:
        return False
    if walk.is_beyond_end or not has_elements:
        return True
    if walk.is_undefined:
        walk.handle.seek(-8, os.SEEK_END)
        return walk.handle.read(8) not in (_SEQUENCE_DELIMITER, b"\xff\xfe\xe0\xdd\x00\x00\x00\x00")
    walk.handle.seek(min(walk.end, walk.size))
    return any(walk.handle.read(16))


def _make_header(elements: dict[int, Any], walk: _Walk) -> Header:
    raws: list[tuple[int, str, str, bytes, bool]] = []
    privates: list[RawDataElement] = []
    samples: list[bytes] = []
    for tag, element in elements.items():
        value = _raw_value(element)
        if not value:
            continue
        if tag >> 16 & 1:
            if isinstance(element, RawDataElement):
                privates.append(element)
            continue
        keyword, vr = _look_up(tag, element.VR)
        if vr in _TEXT_VRS:
            samples.append(value)
        if keyword:
            raws.append((tag, keyword, vr, value, getattr(element, "is_little_endian", True)))
    declared = next((value for tag, _, _, value, _ in raws if tag == _CHARACTER_SET_TAG), None)
    patient_name = next((value for tag, _, _, value, _ in raws if tag == _PATIENT_NAME_TAG), None)
    character_set = detect_character_set(declared, samples, patient_name)
    is_signed = any(
        keyword == "PixelRepresentation" and value[:2] in (b"\x01\x00", b"\x00\x01") for _, keyword, _, value, _ in raws
    )
    attributes: dict[str, str] = {}
    for _, keyword, vr, value, is_little_endian in raws:
        if vr == "US or SS":
            vr = "SS" if is_signed else "US"
        text = _to_text(vr, value, is_little_endian, character_set)
        if text is not None:
            attributes.setdefault(keyword, text)
    expected = _count_pixel_bytes(attributes)
    return Header(
        attributes=attributes,
        private=dict(_describe_privates(privates, character_set)),
        character_set=character_set,
        patient_name_bytes=patient_name,
        expected_pixel_bytes=expected,
        has_pixel_data=walk.pixel_offset is not None,
        is_truncated=_is_truncated(walk, attributes, expected),
        pixel_data_offset=None if walk.is_deflated else walk.pixel_offset,
    )


def _raw_value(element: Any) -> bytes | None:
    """Return the bytes of an element, also of those few that the library has converted on its own account."""
    if isinstance(element, RawDataElement):
        return element.value
    if isinstance(element.value, int) and element.VR in _NUMBER_FORMATS:
        return struct.pack("<" + _NUMBER_FORMATS[element.VR], element.value)
    values = [element.value] if isinstance(element.value, str) else element.value
    if isinstance(values, list | MultiValue) and all(isinstance(value, str) for value in values):
        return "\\".join(values).encode("latin_1", errors="replace")
    return None


@functools.lru_cache(maxsize=16_384)
def _look_up(tag: int, vr: str | None) -> tuple[str, str]:
    """Return keyword and VR; the dictionary's VR stands in for one that is absent, unknown or UN."""
    keyword = keyword_for_tag(tag)
    if vr in _TEXT_VRS or vr in _NUMBER_FORMATS or (vr is not None and vr[0] == "O") or vr in ("AT", "SQ"):
        return keyword, str(vr)
    try:
        return keyword, dictionary_VR(tag)
    except KeyError:
        return keyword, "UN"


def _to_text(vr: str, value: bytes, is_little_endian: bool, character_set: CharacterSet) -> str | None:
    """Return a value as text, or None for one that has no text."""
    if vr in _TEXT_VRS:
        text = decode_text(value, character_set, is_person_name=vr == "PN")
        if vr in _SINGLE_TEXT_VRS:
            return text.rstrip(_PADDING)
        parts = text.split("\\") if "\\" in text else [text]
        if vr in _CHARACTER_VRS:
            return "\\".join(part.rstrip(_PADDING) for part in parts)
        return "\\".join(part.strip(_PADDING if vr not in ("DS", "IS") else _SPACES) for part in parts)
    order = "<" if is_little_endian else ">"
    if vr in _NUMBER_FORMATS:
        width = struct.calcsize(order + _NUMBER_FORMATS[vr])
        count = len(value) // width
        if not 0 < count <= _MOST_NUMBERS:
            return None
        return "\\".join(map(str, struct.unpack_from(f"{order}{count}{_NUMBER_FORMATS[vr]}", value)))
    if vr == "AT" and 4 <= len(value) <= 4 * _MOST_NUMBERS:
        pairs = struct.iter_unpack(f"{order}HH", value[: len(value) // 4 * 4])
        return "\\".join(f"({group:04X},{element:04X})" for group, element in pairs)
    return None


def _describe_privates(elements: list[RawDataElement], character_set: CharacterSet) -> Iterator[tuple[str, str]]:
    """Yield private elements as (gggg,CREATOR,ee) and text (PS3.5 7.8.1)."""
    creators = {
        (element.tag >> 16, element.tag & 0xFFFF): decode_text(element.value or b"", character_set)
        for element in elements
        if 0x10 <= element.tag & 0xFFFF <= 0xFF
    }
    for element in elements:
        group, number, value = element.tag >> 16, element.tag & 0xFFFF, element.value or b""
        if number <= 0xFF:
            continue
        name = f"{group:04x},{creators.get((group, number >> 8), '')},{number & 0xFF:02x}"
        text = None
        if len(value) <= _LONGEST_PRIVATE_TEXT:
            vr = element.VR or "UN"
            text = _to_text(vr, value, element.is_little_endian, character_set)
            if text is None and vr != "SQ":
                plain = value.rstrip(b" \x00")
                text = plain.decode("ascii") if plain.isascii() and plain.decode("ascii").isprintable() else None
        yield name, f"({len(value)} bytes)" if text is None else text


def _count_pixel_bytes(attributes: dict[str, str]) -> int | None:
    """Return the size of the uncompressed pixel data (PS3.5 8.1.1), one bit a pixel included."""
    try:
        rows, columns, bits = (int(attributes[name]) for name in ("Rows", "Columns", "BitsAllocated"))
        samples = int(attributes.get("SamplesPerPixel") or 1)
        frames = max(int(attributes.get("NumberOfFrames") or 1), 1)
    except (KeyError, ValueError):
        return None
    return (rows * columns * samples * bits * frames + 7) // 8


def _is_truncated(walk: _Walk, attributes: dict[str, str], expected: int | None) -> bool | None:
    """Return whether the pixel data is shorter than declared, without decoding it; None when there is none."""
    if walk.pixel_offset is None:
        return None
    if walk.pixel_length == _UNDEFINED_LENGTH:
        return None if walk.is_deflated else not _has_last_delimiter(walk)
    if not walk.is_deflated and walk.pixel_offset + walk.pixel_length > walk.size:
        return True
    if expected is None or attributes.get("TransferSyntaxUID", ImplicitVRLittleEndian) not in _NATIVE_SYNTAXES:
        return False
    if attributes.get("PhotometricInterpretation") == "YBR_FULL_422":
        # two chrominance samples for two pixels (PS3.3 C.7.6.3.1.2)
        expected = expected * 2 // 3
    return walk.pixel_length < expected


def _has_last_delimiter(walk: _Walk) -> bool:
    """Return whether encapsulated pixel data is closed: by a look at the end of the file, else fragment by fragment."""
    offset = walk.pixel_offset or 0
    walk.handle.seek(max(offset, walk.size - _TAIL_BYTES))
    if _SEQUENCE_DELIMITER in walk.handle.read(_TAIL_BYTES):
        return True
    while offset + 8 <= walk.size:
        walk.handle.seek(offset)
        mark = walk.handle.read(8)
        if mark == _SEQUENCE_DELIMITER:
            return True
        if mark[:4] != _ITEM:
            return False
        offset += 8 + struct.unpack("<I", mark[4:])[0]
    return False
