"""Writes the studies of a few patients as a PACS export would, with the faults that image folders have.

CT: two series of four slices with plausible geometry; DR: one image. Faults are planted by the order of the patients,
and each file is told in the truth with what an index should make of it.
"""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, CTImageStorage, ExplicitVRLittleEndian

from synthetic_hospital.marks import UID_ROOT
from synthetic_hospital.model import Exam, Patient

_SIZE = 32
_SLICES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFact:
    """What is true about one file."""

    path: str
    sop_instance_uid: str
    study_instance_uid: str
    expected_status: str
    """indexed, quarantined or not_dicom."""
    reason: str
    patient_id: str
    fault: str


def film_number(patient: Patient) -> str:
    """Return the number under which the PACS knows a patient: for every third one its own, else the HIS number."""
    person = patient.person
    return f"P{person.ordinal + 88_000_000:08d}" if person.ordinal % 3 == 0 else person.patient_id


def _character_set(name: str, position: int) -> tuple[str | None, str, str]:
    """Return the declared character set, the name as pydicom must be given it, and the fault this makes."""
    if position == 0 and name.encode("gbk", "ignore").decode("gbk") == name:
        # GBK bytes under a Latin-1 flag: the commonest fault of Chinese consoles
        return "ISO_IR 100", name.encode("gbk").decode("latin-1"), "gbk_declared_latin1"
    if position == 1 and name.encode("gbk", "ignore").decode("gbk") == name:
        return None, name.encode("gbk").decode("latin-1"), "no_character_set"
    if position % 2:
        return "ISO_IR 192", name, ""
    return "GB18030", name, ""


def _data_set(patient: Patient, position: int, exam: Exam, series: int, number: int, rng: random.Random) -> FileDataset:
    is_ct = exam.modality == "CT"
    instance_uid = f"{exam.study_instance_uid}.{series}.{number}"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage if is_ct else ComputedRadiographyImageStorage
    meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"{UID_ROOT}.0")
    image = FileDataset("", {}, file_meta=meta, preamble=b"\x00" * 128)
    declared, name, _ = _character_set(patient.person.name, position)
    if declared is not None:
        image.SpecificCharacterSet = declared
    person, at = patient.person, exam.examined_at
    values: dict[str, object] = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL" if is_ct else ""],
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": instance_uid,
        "StudyInstanceUID": exam.study_instance_uid, "SeriesInstanceUID": f"{exam.study_instance_uid}.{series}",
        "FrameOfReferenceUID": f"{exam.study_instance_uid}.9", "PatientName": name, "PatientID": film_number(patient),
        "PatientBirthDate": f"{person.birth_date:%Y%m%d}", "PatientSex": person.sex,
        "StudyDate": f"{at:%Y%m%d}", "StudyTime": f"{at:%H%M%S}", "SeriesDate": f"{at:%Y%m%d}",
        "SeriesTime": f"{at:%H%M%S}", "AcquisitionDate": f"{at:%Y%m%d}", "AcquisitionTime": f"{at:%H%M%S}",
        "ContentDate": f"{at:%Y%m%d}", "ContentTime": f"{at:%H%M%S}", "AcquisitionNumber": 1,
        "AccessionNumber": _accession(exam, position), "StudyID": str(series),
        "Modality": "CT" if is_ct else "CR", "Manufacturer": "UIH", "ManufacturerModelName": "uCT 760" if is_ct else "uDR 780i",
        "StationName": "CT1", "SoftwareVersions": "R004", "DeviceSerialNumber": "110199",
        "BodyPartExamined": "CHEST" if "胸" in exam.body_part else "HEAD" if "颅" in exam.body_part or "头" in exam.body_part else "ABDOMEN",
        "PatientPosition": "HFS", "ProtocolName": "Routine", "SeriesNumber": series, "InstanceNumber": number,
        "StudyDescription": "Chest CT" if is_ct else "Chest", "SeriesDescription": "Lung 1.0" if series == 1 else "Mediastinum 5.0",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": _SIZE, "Columns": _SIZE,
        "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "PixelSpacing": ["0.7", "0.7"],
        "WindowCenter": "-600", "WindowWidth": "1500", "RescaleIntercept": "-1024", "RescaleSlope": "1", "RescaleType": "HU",
        "BurnedInAnnotation": "NO", "LossyImageCompression": "00", "PatientAge": f"{at.year - person.birth_date.year:03d}Y",
        "PatientWeight": "60", "PatientSize": "1.66",
    }  # fmt: skip
    if is_ct:
        thickness = 1.0 if series == 1 else 5.0
        values |= {
            "KVP": "120", "XRayTubeCurrent": 200, "Exposure": 100, "ExposureTime": 500, "SliceThickness": thickness,
            "SpacingBetweenSlices": thickness, "ConvolutionKernel": "B_SHARP_C" if series == 1 else "B_SOFT_B",
            "FilterType": "0", "ScanOptions": "HELIX", "DataCollectionDiameter": "500", "ReconstructionDiameter": "350",
            "GantryDetectorTilt": "0", "SpiralPitchFactor": 1.1, "CTDIvol": 6.4, "SliceLocation": thickness * number,
            "ImagePositionPatient": ["-175", "-175", str(thickness * number)], "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        }  # fmt: skip
    for keyword, value in values.items():
        setattr(image, keyword, value)
    block = image.private_block(0x0065, "UNITED IMAGING", create=True)
    block.add_new(0x01, "LO", "scan-1")
    image.PixelData = np.asarray([rng.randrange(4096) for _ in range(_SIZE * _SIZE)], dtype=np.uint16).tobytes()
    return image


def _accession(exam: Exam, position: int) -> str:
    """Return the accession number, without its letters where the modality drops them."""
    return exam.accession_number.lstrip("YX") if position == 3 else exam.accession_number


def _as_bytes(image: Dataset) -> bytes:
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_images(folder: Path, patients: Sequence[Patient], seed: int) -> list[ImageFact]:
    """Write the studies and the faults and return one fact a file."""
    rng = random.Random(f"{seed}:images")
    facts: list[ImageFact] = []

    def write(path: str, content: bytes, **fact: str) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        defaults = {
            "sop_instance_uid": "",
            "study_instance_uid": "",
            "expected_status": "indexed",
            "reason": "",
            "patient_id": "",
            "fault": "",
        }
        facts.append(ImageFact(path=path, **(defaults | fact)))

    imaged = [patient for patient in patients if _studies(patient)]
    for position, patient in enumerate(imaged):
        for exam in _studies(patient):
            # one folder is named after the patient, as some exports do
            tail = patient.person.name if position == 2 else exam.exam_id
            place = f"{exam.examined_at:%Y/%m}/{tail}"
            for series in (1, 2) if exam.modality == "CT" else (1,):
                for number in range(1, _SLICES + 1) if exam.modality == "CT" else (1,):
                    image = _data_set(patient, position, exam, series, number, rng)
                    facts_of = {
                        "sop_instance_uid": str(image.SOPInstanceUID),
                        "study_instance_uid": exam.study_instance_uid,
                        "patient_id": patient.person.patient_id,
                        "fault": _character_set(patient.person.name, position)[2],
                    }
                    content = _as_bytes(image)
                    if (series, number) == (2, 4) and position in (0, 1, 4):
                        content, fault = _damage(content, position)
                        facts_of |= fault
                    write(f"{place}/S{series}/I{number:04d}.dcm", content, **facts_of)
                    if (series, number) == (1, 1) and position == 2:
                        write(f"copy/{exam.exam_id}.dcm", content, **(facts_of | {"fault": "second_copy"}))
    _write_strangers(write, imaged[0] if imaged else None)
    return facts


def _studies(patient: Patient) -> list[Exam]:
    return [exam for exam in patient.exams if exam.version == 1 and exam.modality in ("CT", "DR")]


def _damage(content: bytes, position: int) -> tuple[bytes, dict[str, str]]:
    if position == 0:
        cut = {"expected_status": "quarantined", "reason": "truncated_pixel_data", "fault": "truncated_pixel_data"}
        return content[: len(content) - _SIZE * _SIZE], cut
    if position == 1:
        cut = {"expected_status": "quarantined", "reason": "truncated_header", "fault": "truncated_header"}
        return content[:700], cut
    return content[128 + 4 :], {"fault": "no_preamble"}


def _write_strangers(write: object, patient: Patient | None) -> None:
    assert callable(write)
    name = patient.person.name if patient else ""
    write(
        "misc/readme.dcm", "影像导出说明\n".encode(), expected_status="not_dicom", reason="not_dicom", fault="text_file"
    )
    write("misc/empty.dcm", b"", expected_status="quarantined", reason="empty_file", fault="zero_bytes")
    picture = Image.new("L", (16, 16), 128)
    for kind in ("JPEG", "PNG"):
        buffer = io.BytesIO()
        if kind == "JPEG":
            exif = Image.Exif()
            exif[0x013B] = name
            picture.save(buffer, kind, exif=exif)
        else:
            picture.save(buffer, kind)
        write(
            f"misc/screenshot.{kind.lower()}", buffer.getvalue(), expected_status="not_dicom", reason=kind.lower(),
            fault=f"{kind.lower()}_file",
        )  # fmt: skip


def image_identifiers(facts: Sequence[ImageFact], patients: Sequence[Patient]) -> list[tuple[str, str]]:
    """Return the identifiers that only the images carry: film numbers and UIDs."""
    found = {("film_number", film_number(patient)) for patient in patients if _studies(patient)}
    for fact in facts:
        found |= {("sop_instance_uid", fact.sop_instance_uid), ("study_instance_uid", fact.study_instance_uid)}
    return sorted(pair for pair in found if pair[1])
