"""Writes the studies of a few patients as a PACS export would, with the faults that image folders have.

CT: two series of four slices with plausible geometry; DR: one image. The faults are planted by `image_faults`, and each
file is told in the truth with what an index should make of it. The same patients and seed give the same bytes.
"""

import io
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
)

from synthetic_hospital.image_faults import (
    FILE_FAULTS,
    NAME_FAULTS,
    STUDY_FAULTS,
    character_set_of,
    damage,
    plan_faults,
    stranger_files,
)
from synthetic_hospital.marks import AREA_CODE, UID_ROOT
from synthetic_hospital.model import Exam, Patient

SIZE = 32
"""Rows and columns of every image."""
_SLICES = 4
_PIXEL_MM = 11.0
_HOSPITAL = "测绘医院"
_BODY_PARTS = (("胸", "CHEST"), ("颅", "HEAD"), ("头", "HEAD"), ("腹", "ABDOMEN"), ("盆", "PELVIS"))
_SERIES = {1: ("Lung 1.0", 1.0, "B_SHARP_C", -600, 1500), 2: ("Mediastinum 5.0", 5.0, "B_SOFT_B", 40, 350)}
"""CT series number to description, slice thickness in mm, kernel, window centre and width in HU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageFact:
    """What is true about one file."""

    path: str
    """Relative to the folder, with slashes."""
    sop_instance_uid: str
    study_instance_uid: str
    expected_status: str
    """indexed, quarantined or not_dicom."""
    reason: str
    patient_id: str
    """Of the patient the image shows, whatever the file says."""
    fault: str
    """One of the faults of `image_faults`, or nothing."""


def studies_of(patient: Patient) -> list[Exam]:
    """Return the first version of each CT and DR examination of a patient."""
    first: dict[str, Exam] = {}
    for exam in patient.exams:
        if exam.modality in ("CT", "DR") and (exam.exam_id not in first or exam.version < first[exam.exam_id].version):
            first[exam.exam_id] = exam
    return list(first.values())


def film_number(patient: Patient) -> str:
    """Return the number under which the PACS knows a patient: for every third one its own, else the HIS number."""
    person = patient.person
    return f"P{person.ordinal + 88_000_000:08d}" if person.ordinal % 3 == 0 else person.patient_id


def series_uid(exam: Exam, series: int) -> str:
    """Return the Series Instance UID of a series of an examination."""
    return f"{exam.study_instance_uid}.{series}"


def instance_uid(exam: Exam, series: int, number: int) -> str:
    """Return the SOP Instance UID of an image of a series."""
    return f"{series_uid(exam, series)}.{number}"


def write_images(folder: Path, patients: Sequence[Patient], seed: int) -> list[ImageFact]:
    """Write the studies and the faults below a folder and return one fact a file."""
    facts: list[ImageFact] = []
    imaged = [patient for patient in patients if studies_of(patient)]
    plan = plan_faults(imaged)
    for position, patient in enumerate(imaged):
        for content, fact in _patient_files(patient, position, plan.get(patient.person.ordinal, []), seed):
            _write(folder / fact.path, content)
            facts.append(fact)
    name = next((patient.person.name for patient in imaged if not patient.person.is_test), "")
    for path, content, status, reason, fault in stranger_files(name):
        _write(folder / path, content)
        facts.append(
            ImageFact(
                path=path, sop_instance_uid="", study_instance_uid="", expected_status=status, reason=reason, patient_id="",
                fault=fault,
            )
        )  # fmt: skip
    return facts


def image_identifiers(facts: Sequence[ImageFact], patients: Sequence[Patient]) -> list[tuple[str, str]]:
    """Return (type, value) of what the images planted: names, film numbers, UIDs, accession numbers that lost letters."""
    found: set[tuple[str, str]] = set()
    stripped = {fact.study_instance_uid for fact in facts if fact.fault == "accession_without_letters"}
    for patient in patients:
        for exam in studies_of(patient):
            found.add(("film_number", film_number(patient)))
            # the name of a test patient is a word that stands anywhere
            if not patient.person.is_test:
                found.add(("patient_name", patient.person.name))
            if exam.study_instance_uid in stripped:
                found.add(("accession_number", _without_letters(exam.accession_number)))
    for fact in facts:
        found |= {
            ("study_instance_uid", fact.study_instance_uid),
            ("series_instance_uid", fact.sop_instance_uid.rpartition(".")[0]),
            ("sop_instance_uid", fact.sop_instance_uid),
        }
    return sorted(pair for pair in found if pair[1])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _patient_files(
    patient: Patient, position: int, faults: Sequence[str], seed: int
) -> Iterator[tuple[bytes, ImageFact]]:
    declared, codec = character_set_of(patient, position, faults)
    of_files = [fault for fault in FILE_FAULTS if fault in faults]
    of_names = next((fault for fault in NAME_FAULTS if fault in faults), "")
    of_study = next((fault for fault in STUDY_FAULTS if fault in faults), "")
    for exam in studies_of(patient):
        numbers = [(series, number) for series in _SERIES for number in range(1, _SLICES + 1)]
        if exam.modality != "CT":
            numbers = [(1, 1)]
        broken = dict(zip(reversed(numbers), of_files, strict=False))
        accession = exam.accession_number
        if "accession_without_letters" in faults and of_study:
            accession = _without_letters(accession)
        # some exports name folders after the patient
        place = patient.person.name if "name_in_path" in faults and of_study else exam.exam_id
        for series, number in numbers:
            image = _make_image(patient, exam, series, number, declared=declared, codec=codec, seed=seed)
            image.AccessionNumber = accession
            buffer = io.BytesIO()
            image.save_as(buffer, enforce_file_format=True)
            fault = broken.get((series, number), "")
            content, status, reason = damage(buffer.getvalue(), fault, exam.study_instance_uid.encode("ascii"))
            fact = ImageFact(
                path=f"{exam.examined_at:%Y/%m}/{place}/S{series:02d}/I{number:04d}.dcm",
                sop_instance_uid=str(image.SOPInstanceUID),
                study_instance_uid=exam.study_instance_uid,
                expected_status=status,
                reason=reason,
                patient_id=patient.person.patient_id,
                fault=of_study or of_names if fault in ("", "second_copy") else fault,
            )
            yield content, fact
            if fault == "second_copy":
                yield content, replace(fact, path=f"resent/{exam.exam_id}/I{number:04d}.dcm", fault=fault)
        # the faults of a study or of a file are those of the first one
        of_files, of_study = [], ""


def _without_letters(number: str) -> str:
    return number.lstrip(string.ascii_letters)


def _make_image(
    patient: Patient, exam: Exam, series: int, number: int, *, declared: str | None, codec: str, seed: int
) -> FileDataset:
    def text(value: str) -> str:
        """Give the library a text of which it makes the bytes of the codec."""
        return value if declared in ("GB18030", "ISO_IR 192") else value.encode(codec).decode("latin-1")

    is_ct = exam.modality == "CT"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage if is_ct else DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = UID(instance_uid(exam, series, number))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"{UID_ROOT}.0")
    meta.ImplementationVersionName = "CEHUI_PACS_1"
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    if declared is not None:
        image.SpecificCharacterSet = declared
    rng = random.Random(f"{seed}:{exam.study_instance_uid}")
    values = _patient_values(patient, exam, rng) | _study_values(exam, series, number)
    values |= _ct_values(exam, series, number, rng) if is_ct else _dr_values(rng)
    for keyword, value in values.items():
        setattr(image, keyword, text(value) if isinstance(value, str) and not value.isascii() else value)
    block = image.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x01, "LO", f"scan-{series}")
    block.add_new(0x02, "DS", f"{rng.uniform(0.5, 2.0):.3f}")
    # vendors repeat the name where no de-identification table looks
    block.add_new(0x03, "LO", text(patient.person.name))
    block.add_new(0x04, "OB", rng.randbytes(64))
    image.PixelData = _pixels(random.Random(f"{seed}:{meta.MediaStorageSOPInstanceUID}"), is_ct=is_ct)
    return image


def _patient_values(patient: Patient, exam: Exam, rng: random.Random) -> dict[str, object]:
    person = patient.person
    years = int((exam.examined_at.date() - person.birth_date).days / 365.2425)
    return {
        "PatientName": person.name, "PatientID": film_number(patient), "PatientBirthDate": f"{person.birth_date:%Y%m%d}",
        "PatientSex": person.sex, "PatientAge": f"{max(years, 0):03d}Y", "PatientSize": f"{rng.uniform(1.5, 1.85):.2f}",
        "PatientWeight": str(rng.randrange(45, 95)), "ReferringPhysicianName": exam.reporter,
        "NameOfPhysiciansReadingStudy": exam.verifier, "InstitutionName": _HOSPITAL, "InstitutionalDepartmentName": "放射科",
    }  # fmt: skip


def _study_values(exam: Exam, series: int, number: int) -> dict[str, object]:
    day, clock = f"{exam.examined_at:%Y%m%d}", f"{exam.examined_at:%H%M%S}"
    is_ct = exam.modality == "CT"
    body_part = next((name for character, name in _BODY_PARTS if character in exam.body_part), "")
    return {
        "SOPClassUID": CTImageStorage if is_ct else DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": instance_uid(exam, series, number), "StudyInstanceUID": exam.study_instance_uid,
        "SeriesInstanceUID": series_uid(exam, series), "StudyID": exam.exam_id, "StudyDescription": exam.exam_item,
        "StudyDate": day, "StudyTime": clock, "SeriesDate": day, "SeriesTime": clock, "AcquisitionDate": day,
        "AcquisitionTime": f"{clock}.{number:03d}", "ContentDate": day, "ContentTime": f"{clock}.{number:03d}",
        "AcquisitionNumber": "1", "SeriesNumber": str(series), "InstanceNumber": str(number), "BodyPartExamined": body_part,
        "Modality": "CT" if is_ct else "DX", "Manufacturer": "UIH", "ManufacturerModelName": "uCT 760" if is_ct else "uDR 780i",
        "StationName": "CT1" if is_ct else "DR2", "SoftwareVersions": "R004", "DeviceSerialNumber": AREA_CODE,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": SIZE, "Columns": SIZE, "BitsAllocated": 16,
        "BitsStored": 12, "HighBit": 11, "PixelRepresentation": 0, "BurnedInAnnotation": "NO", "LossyImageCompression": "00",
    }  # fmt: skip


def _ct_values(exam: Exam, series: int, number: int, rng: random.Random) -> dict[str, object]:
    description, thickness, kernel, centre, width = _SERIES[series]
    edge = -_PIXEL_MM * (SIZE - 1) / 2
    position = -120.0 - thickness * (number - 1)
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "SeriesDescription": description, "ProtocolName": "Routine",
        "KVP": "120", "XRayTubeCurrent": str(rng.randrange(80, 320)), "Exposure": "100", "ExposureTime": "500",
        "SliceThickness": str(thickness), "SpacingBetweenSlices": str(thickness), "ConvolutionKernel": kernel, "FilterType": "0",
        "ScanOptions": "HELIX", "DataCollectionDiameter": "500", "ReconstructionDiameter": f"{_PIXEL_MM * SIZE:.0f}",
        "GantryDetectorTilt": "0", "TableHeight": "150", "RotationDirection": "CW", "SpiralPitchFactor": 1.1,
        "CTDIvol": round(rng.uniform(3, 9), 2), "PatientPosition": "HFS", "PixelSpacing": [str(_PIXEL_MM), str(_PIXEL_MM)],
        "FrameOfReferenceUID": f"{exam.study_instance_uid}.0.1", "PositionReferenceIndicator": "",
        "ImagePositionPatient": [str(edge), str(edge), str(position)], "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
        "SliceLocation": str(position), "WindowCenter": str(centre), "WindowWidth": str(width), "RescaleIntercept": "-1024",
        "RescaleSlope": "1", "RescaleType": "HU",
    }  # fmt: skip


def _dr_values(rng: random.Random) -> dict[str, object]:
    return {
        "ImageType": ["DERIVED", "PRIMARY"], "SeriesDescription": "PA", "ProtocolName": "Chest PA", "ViewPosition": "PA",
        "KVP": "125", "Exposure": str(rng.randrange(1, 5)), "DistanceSourceToDetector": "1800", "DetectorType": "SCINTILLATOR",
        "PresentationIntentType": "FOR PRESENTATION", "ImageLaterality": "U", "PatientOrientation": ["L", "F"],
        "ImagerPixelSpacing": [str(_PIXEL_MM), str(_PIXEL_MM)], "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1, "WindowCenter": "2048", "WindowWidth": "4096", "RescaleIntercept": "0",
        "RescaleSlope": "1", "RescaleType": "US", "PresentationLUTShape": "IDENTITY",
    }  # fmt: skip


def _pixels(rng: random.Random, *, is_ct: bool) -> bytes:
    """Return a body with two lungs in noise, as stored values of 12 bits."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    values = np.where((columns / 15) ** 2 + (rows / 11) ** 2 < 1, 1064 if is_ct else 3000, 24)
    for side in (-6.5, 6.5):
        values = np.where(((columns - side) / 5) ** 2 + (rows / 8) ** 2 < 1, 200 if is_ct else 1200, values)
    noise = np.frombuffer(rng.randbytes(SIZE * SIZE), dtype=np.uint8).reshape(SIZE, SIZE) // 8
    return (values + noise).astype("<u2").tobytes()
