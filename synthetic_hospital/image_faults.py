"""Decides which patient's images carry which fault of a PACS export, and makes the files that are no images.

Faults go by the order of the patients; with ten or more of them who have an examination each fault is there.
"""

import io
from collections.abc import Sequence

from PIL import Image

from synthetic_hospital.model import Patient

NAME_FAULTS = ("gbk_declared_latin1", "gbk_undeclared", "declared_gb18030", "declared_utf8")
"""How the text of all files of a patient is encoded; the last two are right and listed for comparison."""

FILE_FAULTS = ("truncated_pixel_data", "truncated_header", "second_copy", "no_preamble")
"""What is wrong with one file."""

STUDY_FAULTS = ("accession_without_letters", "name_in_path")
"""What is wrong with all files of one study."""

_IMAGE_DESCRIPTION = 0x010E
_ARTIST = 0x013B


def plan_faults(patients: Sequence[Patient]) -> dict[int, list[str]]:
    """Return the faults of each patient by ordinal; all patients have at least one study."""
    # GBK bytes can only be those of a name that GBK has
    named = [patient for patient in patients if _is_in_gbk(patient.person.name)] or list(patients)
    plan: dict[int, list[str]] = {
        patient.person.ordinal: [fault] for patient, fault in zip(named, NAME_FAULTS, strict=False)
    }
    others = [patient for patient in patients if patient.person.ordinal not in plan] or list(patients)
    # the last fault plants a name, and that of a test patient could not be told from the word
    others.sort(key=lambda patient: patient.person.is_test)
    for position, fault in enumerate(
        (
            "truncated_pixel_data",
            "truncated_header",
            "second_copy",
            "accession_without_letters",
            "no_preamble",
            "name_in_path",
        )
    ):
        if others:
            plan.setdefault(others[position % len(others)].person.ordinal, []).append(fault)
    return plan


def character_set_of(patient: Patient, position: int, faults: Sequence[str]) -> tuple[str | None, str]:
    """Return the declared Specific Character Set (None for none) and the codec of the bytes that are written."""
    declared: dict[str, tuple[str | None, str]] = {
        # GB18030 writes the same bytes as GBK for what GBK has, and does not fail on the rest
        "gbk_declared_latin1": ("ISO_IR 100", "gb18030"),
        "gbk_undeclared": (None, "gb18030"),
        "declared_gb18030": ("GB18030", "gb18030"),
        "declared_utf8": ("ISO_IR 192", "utf-8"),
    }
    for fault in faults:
        if fault in declared:
            return declared[fault]
    is_gb = position % 2 == 0 or not _is_in_gbk(patient.person.name)
    return declared["declared_gb18030" if is_gb else "declared_utf8"]


def _is_in_gbk(text: str) -> bool:
    try:
        text.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def damage(content: bytes, fault: str, inside_header: bytes) -> tuple[bytes, str, str]:
    """Return a file's bytes after a fault of FILE_FAULTS, the status an index gives them, and its reason.

    `inside_header` is a value before the pixel data; a truncated header ends in the middle of it.
    """
    if fault == "truncated_pixel_data":
        return content[:-1025], "quarantined", "truncated_pixel_data"
    if fault == "truncated_header":
        return content[: content.rindex(inside_header) + len(inside_header) // 2], "quarantined", "truncated_header"
    if fault == "no_preamble":
        return content[132:], "indexed", ""
    return content, "indexed", ""


def stranger_files(name: str) -> list[tuple[str, bytes, str, str, str]]:
    """Return files that are no images: path, bytes, expected status, reason, fault.

    `name` is a person's name, which the camera's software wrote into the photograph's EXIF.
    """
    exif = Image.Exif()
    # bytes, because Pillow writes text of this type as ASCII with question marks
    exif[_IMAGE_DESCRIPTION] = f"{name} 胸片翻拍".encode()
    exif[_ARTIST] = name.encode()
    return [
        ("misc/readme.dcm", "影像导出说明\r\n".encode("gb18030"), "not_dicom", "not_dicom", "text_file"),
        ("misc/photo.jpg", _picture("JPEG", exif=exif), "not_dicom", "jpeg", "jpeg_file"),
        ("misc/screenshot.png", _picture("PNG"), "not_dicom", "png", "png_file"),
        ("misc/I0001.dcm", b"", "quarantined", "empty_file", "zero_bytes"),
    ]


def _picture(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).save(buffer, kind, **options)
    return buffer.getvalue()
