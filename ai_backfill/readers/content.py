"""Reads a DICOM SR's header and content tree into plain facts; the only part of the SR reader that knows pydicom.

An attribute that cannot be decoded is read as its bytes or left out, never a reason to stop. Relationship types are
kept out on purpose: real documents get them wrong, and nothing here depends on them.
"""

import hashlib
import io
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import pydicom
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ai_backfill.readers.stream import BrokenStreamError, check_stream
from ai_backfill.result import Code, Reference, RefusedError

_LARGEST_TREE = 200_000
_DEEPEST = 60
# two-byte GB2312 characters; Latin-1 text hardly ever has its accented letters in pairs
_GB_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xfe][\xa1-\xfe])*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One content item and all below it."""

    path: tuple[int, ...]
    value_type: str
    name: Code | None
    code: Code | None
    text: str | None
    number_text: str | None
    number: float | None
    units: Code | None
    qualifier: Code | None
    references: tuple[Reference, ...]
    target: tuple[int, ...] | None
    template_id: str | None
    acquisition: bool
    """True for a fact about how the images were made."""
    children: tuple["Item", ...]

    def below(self) -> Iterator["Item"]:
        """Yield every item below this one, the shallow ones first."""
        level = list(self.children)
        while level:
            yield from level
            level = [child for item in level for child in item.children]


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """An SR's header values by DICOM keyword, what it references, and its content tree."""

    header: dict[str, str]
    referenced_sop_instance_uids: tuple[str, ...]
    referenced_series_instance_uids: tuple[str, ...]
    content_sha256: str
    has_content: bool
    root: Item


_HEADER = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientID",
    "AccessionNumber",
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "SoftwareVersions",
    "ContentDate",
    "ContentTime",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SeriesDate",
    "SeriesTime",
    "CompletionFlag",
    "VerificationFlag",
)


def parse_document(data: bytes) -> Document:
    """Read the bytes of a DICOM file as a document.

    Raises RefusedError `damaged` or `too_large`.
    """
    try:
        check_stream(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
            return _document(dataset)
    except RefusedError:
        raise
    except (BrokenStreamError, RecursionError) as error:
        raise RefusedError("damaged") from error
    except Exception as error:
        # pydicom answers damaged bytes with whatever error lies nearest
        raise RefusedError("damaged") from error


def _document(dataset: Dataset) -> Document:
    charset = _charset(dataset, ())
    counter = [0]
    root = _item(dataset, (1,), charset, counter)
    header = {keyword: value for keyword in _HEADER if (value := _text(dataset, keyword, charset))}
    sops, series = _evidence(dataset)
    sops.update(reference.sop_instance_uid for item in root.below() for reference in item.references)
    digest = hashlib.sha256()
    _digest(dataset, digest)
    return Document(
        header=header,
        referenced_sop_instance_uids=tuple(sorted(sops)),
        referenced_series_instance_uids=tuple(sorted(series)),
        content_sha256=digest.hexdigest(),
        has_content="ContentSequence" in dataset or root.value_type == "CONTAINER",
        root=root,
    )


def _charset(dataset: Dataset, parent: tuple[str, ...]) -> tuple[str, ...]:
    try:
        value = dataset.get("SpecificCharacterSet")
    except Exception:
        return parent
    if not value:
        return parent
    return tuple(str(term) for term in ([value] if isinstance(value, str) else value))


def _text(dataset: Dataset, keyword: str, charset: tuple[str, ...]) -> str | None:
    """Return an attribute as text, several values joined by a backslash; None when empty."""
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in dataset:
        return None
    raw = dataset.get_item(tag)
    value = raw.value if raw is not None else None
    if isinstance(value, bytes):
        return decode_text(value, charset).replace("\0", "").strip() or None
    if isinstance(value, MultiValue | list | tuple):
        return "\\".join(str(part) for part in value).strip() or None
    return str(value).strip() or None if value is not None else None


def decode_text(data: bytes, charset: tuple[str, ...]) -> str:
    """Decode text by its declared character sets, and by what it plainly is where that is not what it declares."""
    if data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")
    declared = charset[0].strip().upper().replace("ISO IR", "ISO_IR") if charset and charset[0] else ""
    if len(charset) > 1:
        return decode_bytes(data, convert_encodings(list(charset)), set(b"\n\r\t\f"))
    if declared in ("", "ISO_IR 6", "ISO_IR 100", "ISO_IR 192"):
        for encoding, fits in (("utf-8", True), ("gb18030", bool(_GB_PAIRS.fullmatch(data)))):
            try:
                if fits:
                    return data.decode(encoding)
            except UnicodeDecodeError:
                continue
        return data.decode("latin-1")
    return data.decode(python_encoding.get(declared, "latin-1"), "replace")


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    try:
        value = dataset.get(keyword)
        return [item for item in value if isinstance(item, Dataset)] if value else []
    except RefusedError:
        raise
    except Exception:
        return []


def _code(dataset: Dataset, keyword: str, charset: tuple[str, ...]) -> Code | None:
    for item in _items(dataset, keyword):
        value = _text(item, "CodeValue", charset) or _text(item, "LongCodeValue", charset)
        value = value or _text(item, "URNCodeValue", charset)
        meaning = _text(item, "CodeMeaning", charset)
        if value or meaning:
            return Code(value=value, system=_text(item, "CodingSchemeDesignator", charset), meaning=meaning)
    return None


def _item(dataset: Dataset, path: tuple[int, ...], parent_charset: tuple[str, ...], counter: list[int]) -> Item:
    counter[0] += 1
    if counter[0] > _LARGEST_TREE or len(path) > _DEEPEST:
        raise RefusedError("too_large")
    charset = _charset(dataset, parent_charset)
    measured = next(iter(_items(dataset, "MeasuredValueSequence")), dataset)
    number_text = _text(measured, "NumericValue", charset)
    number = _more_precise(parse_number(number_text), measured)
    code = _code(dataset, "ConceptCodeSequence", charset)
    text = _text(dataset, "TextValue", charset)
    value_type = (_text(dataset, "ValueType", charset) or "").upper()
    if not value_type:
        value_type = _guess_value_type(dataset, code is not None, text is not None)
    if value_type in ("UIDREF", "DATE", "TIME", "DATETIME") and text is None:
        keyword = {"UIDREF": "UID", "DATE": "Date", "TIME": "Time", "DATETIME": "DateTime"}[value_type]
        text = _text(dataset, keyword, charset)
    if value_type in ("SCOORD", "SCOORD3D"):
        text = " ".join(part for part in (_text(dataset, "GraphicType", charset), _numbers(dataset)) if part) or None
    template = next(iter(_items(dataset, "ContentTemplateSequence")), None)
    return Item(
        path=path,
        value_type=value_type,
        name=_code(dataset, "ConceptNameCodeSequence", charset),
        code=code,
        text=text,
        number_text=number_text,
        number=number,
        units=_code(measured, "MeasurementUnitsCodeSequence", charset),
        qualifier=_code(dataset, "NumericValueQualifierCodeSequence", charset),
        references=tuple(_references(dataset)),
        target=_target(dataset),
        template_id=_text(template, "TemplateIdentifier", charset) if template is not None else None,
        acquisition=_text(dataset, "RelationshipType", charset) == "HAS ACQ CONTEXT",
        children=tuple(
            _item(child, (*path, number), charset, counter)
            for number, child in enumerate(_items(dataset, "ContentSequence"), start=1)
        ),
    )


def _more_precise(number: float | None, measured: Dataset) -> float | None:
    """Return the Floating Point Value where it agrees with the sixteen characters of DS, or stands alone."""
    try:
        precise = float(measured.get("FloatingPointValue"))
    except Exception:
        return number
    if not math.isfinite(precise):
        return number
    return precise if number is None or math.isclose(number, precise, rel_tol=1e-9, abs_tol=1e-9) else number


def _numbers(dataset: Dataset) -> str | None:
    try:
        value = dataset.get("GraphicData")
        values = [value] if isinstance(value, float) else list(value or ())
        return " ".join(f"{float(part):.7g}" for part in values) or None
    except Exception:
        return None


def _guess_value_type(dataset: Dataset, has_code: bool, has_text: bool) -> str:
    if "MeasuredValueSequence" in dataset or "NumericValue" in dataset:
        return "NUM"
    if has_code:
        return "CODE"
    if has_text:
        return "TEXT"
    if "UID" in dataset:
        return "UIDREF"
    if "GraphicType" in dataset:
        return "SCOORD"
    if "ReferencedSOPSequence" in dataset:
        return "IMAGE"
    return "CONTAINER" if "ContentSequence" in dataset else ""


def _integer(text: str | None) -> int | None:
    head = (text or "").split("\\")[0].strip()
    return int(head) if head.isdecimal() and len(head) < 10 else None


def _references(dataset: Dataset) -> Iterator[Reference]:
    for item in _items(dataset, "ReferencedSOPSequence"):
        uid = _text(item, "ReferencedSOPInstanceUID", ())
        if uid:
            yield Reference(
                sop_instance_uid=uid,
                frame_number=_integer(_text(item, "ReferencedFrameNumber", ())),
                segment_number=_segment(item),
            )


def _segment(item: Dataset) -> int | None:
    try:
        value = item.get("ReferencedSegmentNumber")
        return int(value) if isinstance(value, int) else int(value[0]) if value else None
    except Exception:
        return None


def _target(dataset: Dataset) -> tuple[int, ...] | None:
    """Return the path of the item that an item by reference stands for (PS3.3 C.17.3.2.5)."""
    try:
        value = dataset.get("ReferencedContentItemIdentifier")
        return tuple(int(part) for part in ([value] if isinstance(value, int) else value)) if value else None
    except Exception:
        return None


def _evidence(dataset: Dataset) -> tuple[set[str], set[str]]:
    sops: set[str] = set()
    series_uids: set[str] = set()
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in _items(dataset, keyword):
            for series in _items(study, "ReferencedSeriesSequence"):
                series_uids.update(filter(None, [_text(series, "SeriesInstanceUID", ())]))
                sops.update(reference.sop_instance_uid for reference in _references(series))
    return sops, series_uids


def parse_number(text: str | None) -> float | None:
    """Return a finite number, or None for what is not plainly one.

    A decimal comma is read as such unless three digits follow it, which could as well be thousands.
    """
    if not text:
        return None
    cleaned = text.strip()
    if re.fullmatch(r"[+-]?\d+,(\d{1,2}|\d{4,})", cleaned):
        cleaned = cleaned.replace(",", ".")
    try:
        number = float(cleaned)
    except ValueError:
        return None
    return number if abs(number) < 1e300 and "_" not in cleaned else None


def _digest(dataset: Dataset, digest: "hashlib._Hash") -> None:
    """Feed an object's content, independent of file meta, transfer syntax, padding and length encoding."""
    for tag in sorted(dataset.keys()):
        if tag.element == 0 or tag.group == 2:
            continue
        digest.update(b"\n%08x" % tag)
        try:
            value = dataset[tag].value
        except Exception:
            # what cannot be decoded is compared as its bytes
            value = getattr(dataset.get_item(tag), "value", None)
        if isinstance(value, pydicom.Sequence):
            for item in value:
                digest.update(b"(")
                _digest(item, digest)
                digest.update(b")")
        else:
            digest.update(_plain(value))


def _plain(value: object) -> bytes:
    if isinstance(value, bytes):
        return value.rstrip(b"\0 ")
    if isinstance(value, MultiValue | list | tuple):
        return b"\\".join(_plain(part) for part in value)
    return str(value).strip("\0 ").encode("utf-8", "surrogatepass") if value is not None else b""
