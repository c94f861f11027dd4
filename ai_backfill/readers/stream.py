"""Checks that a DICOM byte stream ends where it says it does.

pydicom reads a file that breaks off without a word when the cut lies between two elements or inside a sequence of
stated length. This walk looks at tags, VRs and lengths alone (PS3.5 section 7) and decodes no value.
"""

import struct
import zlib

_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TRANSFER_SYNTAX = 0x00020010
_DEEPEST = 100
_DEFLATED, _BIG_ENDIAN, _IMPLICIT = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2"


class BrokenStreamError(Exception):
    """An element reaches beyond the bytes that are there."""


def check_stream(data: bytes) -> None:
    """Raise BrokenStreamError when the elements of a DICOM file do not fill its bytes exactly."""
    position = 132 if data[128:132] == b"DICM" else 0
    position, syntax = _walk_meta(data, position)
    if syntax == _DEFLATED:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data, position = stream.decompress(data[position:], 1 << 29), 0
        except zlib.error as error:
            raise BrokenStreamError from error
        if not stream.eof:
            raise BrokenStreamError
    order = ">" if syntax == _BIG_ENDIAN else "<"
    explicit = data[position + 4 : position + 6].isalpha() and data[position + 4 : position + 6].isupper()
    _Walk(data, order).elements(position, len(data), explicit, depth=0)


def _walk_meta(data: bytes, position: int) -> tuple[int, str | None]:
    syntax = None
    walk = _Walk(data, "<")
    while data[position : position + 2] == b"\x02\x00":
        tag, length, value_at, _ = walk.header(position, True)
        if length == _UNDEFINED or value_at + length > len(data):
            raise BrokenStreamError
        if tag == _TRANSFER_SYNTAX:
            syntax = data[value_at : value_at + length].decode("ascii", "replace").strip("\0 ")
        position = value_at + length
    return position, syntax


class _Walk:
    """One pass over the bytes, in one byte order."""

    def __init__(self, data: bytes, order: str) -> None:
        self.data = data
        self.tag_format = struct.Struct(f"{order}HH")
        self.short = struct.Struct(f"{order}H")
        self.long = struct.Struct(f"{order}L")

    def header(self, position: int, explicit: bool) -> tuple[int, int, int, bytes]:
        """Return tag, length, where the value begins, and the VR."""
        try:
            group, element = self.tag_format.unpack_from(self.data, position)
            if not explicit or group == 0xFFFE:
                return group << 16 | element, self.long.unpack_from(self.data, position + 4)[0], position + 8, b""
            vr = self.data[position + 4 : position + 6]
            if vr in _LONG_VRS:
                return group << 16 | element, self.long.unpack_from(self.data, position + 8)[0], position + 12, vr
            return group << 16 | element, self.short.unpack_from(self.data, position + 6)[0], position + 8, vr
        except struct.error as error:
            raise BrokenStreamError from error

    def elements(self, position: int, end: int, explicit: bool, depth: int, delimited: bool = False) -> int:
        """Walk the elements of a data set and return where it ends."""
        if depth > _DEEPEST:
            raise BrokenStreamError
        while position < end:
            if depth == 0 and not self.data[position:end].strip(b"\0"):
                return end
            tag, length, value_at, vr = self.header(position, explicit)
            if delimited and tag == _ITEM_END:
                return value_at
            if length == _UNDEFINED:
                # a value of unknown VR and undefined length is implicit inside (PS3.5 6.2.2)
                position = self.items(value_at, end, explicit and vr != b"UN", depth, True)
            elif value_at + length > end:
                raise BrokenStreamError
            else:
                if vr == b"SQ":
                    self.items(value_at, value_at + length, explicit, depth, False)
                position = value_at + length
        if delimited:
            raise BrokenStreamError
        return position

    def items(self, position: int, end: int, explicit: bool, depth: int, delimited: bool) -> int:
        """Walk the items of a sequence, or the fragments of a value, and return where it ends."""
        while position < end:
            tag, length, value_at, _ = self.header(position, explicit)
            if tag == _SEQUENCE_END and delimited:
                return value_at
            if tag != _ITEM:
                raise BrokenStreamError
            if length == _UNDEFINED:
                position = self.elements(value_at, end, explicit, depth + 1, True)
            elif value_at + length > end:
                raise BrokenStreamError
            else:
                position = value_at + length
        if delimited:
            raise BrokenStreamError
        return position
