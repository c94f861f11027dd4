"""Writes the results of an invented lung AI as DICOM structured reports (TID 1500, Comprehensive 3D SR).

Every second chest CT has one, with one to three nodules; one patient has results of two versions; one file is there
twice, one belongs to a study nobody has, one is no DICOM at all.
"""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage

from synthetic_hospital.marks import UID_ROOT
from synthetic_hospital.model import Exam, Patient

ALGORITHM = "LungScan"
_SITES = {
    "RUL": ("45653009", "Structure of upper lobe of right lung"),
    "RML": ("72481006", "Structure of middle lobe of right lung"),
    "RLL": ("266005", "Structure of lower lobe of right lung"),
    "LUL": ("44714003", "Structure of upper lobe of left lung"),
    "LLL": ("41224006", "Structure of lower lobe of left lung"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AiFact:
    """What is true about one nodule of one file; a file without a nodule has one row."""

    path: str
    sop_instance_uid: str
    study_instance_uid: str
    patient_id: str
    algorithm: str
    algorithm_version: str
    finding_number: int
    finding_site: str
    long_axis_mm: float | None
    short_axis_mm: float | None
    volume_mm3: float | None
    expected: str
    """loaded, unchanged or quarantined."""
    is_orphan: bool


def write_ai_results(folder: Path, patients: Sequence[Patient], seed: int) -> list[AiFact]:
    """Write the results and return one fact a nodule."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"{seed}:ai")
    exams = [
        (patient, exam)
        for patient in patients
        for exam in patient.exams
        if exam.version == 1 and exam.modality == "CT" and "胸" in exam.body_part
    ]
    facts: list[AiFact] = []
    for position, (patient, exam) in enumerate(exams):
        has_two_versions = "two algorithm versions" in patient.note
        if position % 2 and not has_two_versions:
            continue
        for version in ("2.9.0", "2.10.0") if has_two_versions else ("2.10.0",):
            facts += _write_result(folder, patient, exam, version, rng)
    if facts:
        first = folder / facts[0].path
        shutil.copyfile(first, folder / "again.dcm")
        facts.append(replace(facts[0], path="again.dcm", expected="unchanged"))
        patient, exam = exams[0]
        nobody = replace(exam, study_instance_uid=f"{UID_ROOT}.999999.1", exam_id="orphan")
        facts += [replace(fact, is_orphan=True) for fact in _write_result(folder, patient, nobody, "2.10.0", rng)]
    (folder / "note.txt").write_text("AI引擎导出日志\n", encoding="utf-8")
    facts.append(_nothing("note.txt"))
    return facts


def _nothing(path: str) -> AiFact:
    return AiFact(
        path=path, sop_instance_uid="", study_instance_uid="", patient_id="", algorithm="", algorithm_version="",
        finding_number=0, finding_site="", long_axis_mm=None, short_axis_mm=None, volume_mm3=None, expected="quarantined",
        is_orphan=False,
    )  # fmt: skip


def _evidence(patient: Patient, exam: Exam) -> Dataset:
    """Return the little of an image that a structured report needs to refer to it."""
    image = Dataset()
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = f"{exam.study_instance_uid}.1.1"
    image.StudyInstanceUID = exam.study_instance_uid
    image.SeriesInstanceUID = f"{exam.study_instance_uid}.1"
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientID = patient.person.patient_id
    # a trailing caret tells the library that one component is meant
    image.PatientName = f"{patient.person.name}^"
    image.PatientBirthDate = f"{patient.person.birth_date:%Y%m%d}"
    image.PatientSex = patient.person.sex
    image.AccessionNumber = exam.accession_number
    image.StudyDate = f"{exam.examined_at:%Y%m%d}"
    image.StudyTime = f"{exam.examined_at:%H%M%S}"
    image.StudyID = "1"
    image.ReferringPhysicianName = ""
    image.Rows, image.Columns = 32, 32
    return image


def _write_result(folder: Path, patient: Patient, exam: Exam, version: str, rng: random.Random) -> list[AiFact]:
    image = _evidence(patient, exam)
    digits = "".join(character for character in f"{exam.exam_id}{version}" if character.isdigit()) or "1"
    root = f"{exam.study_instance_uid}.7.{int(digits)}"
    identification = hd.sr.AlgorithmIdentification(ALGORITHM, version)
    groups, facts = [], []
    path = f"{exam.exam_id}_{version}.dcm"
    for number in range(1, rng.randrange(1, 4) + 1):
        site = rng.choice(list(_SITES))
        long_axis = round(rng.uniform(4, 24), 1)
        short_axis = round(long_axis * rng.uniform(0.6, 0.95), 1)
        volume = round(0.52 * long_axis * short_axis * short_axis, 1)
        groups.append(_group(image, f"{root}.{number}", number, site, long_axis, short_axis, volume, identification))
        facts.append(
            AiFact(
                path=path,
                sop_instance_uid=f"{root}.0",
                study_instance_uid=exam.study_instance_uid,
                patient_id=patient.person.patient_id,
                algorithm=ALGORITHM,
                algorithm_version=version,
                finding_number=number,
                finding_site=site,
                long_axis_mm=long_axis,
                short_axis_mm=short_axis,
                volume_mm3=volume,
                expected="loaded",
                is_orphan=False,
            )  # fmt: skip
        )
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(
            observer_device_context=hd.sr.ObserverContext(
                observer_type=codes.DCM.Device,
                observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
                    uid=f"{UID_ROOT}.1", name=ALGORITHM, manufacturer_name="测绘智能", model_name=ALGORITHM
                ),
            )
        ),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
    )
    document = hd.sr.Comprehensive3DSR(
        evidence=[image], content=report, series_instance_uid=f"{root}.8", series_number=900,
        sop_instance_uid=f"{root}.0", instance_number=1, manufacturer="测绘智能", is_complete=True,
        is_final=True, is_verified=False, institution_name="测绘医院",
    )  # fmt: skip
    # the library stamps the present; a hospital that is made twice must be the same
    at = exam.examined_at + timedelta(minutes=40)
    for moment in ("Content", "Series", "InstanceCreation"):
        setattr(document, f"{moment}Date", f"{at:%Y%m%d}")
        setattr(document, f"{moment}Time", f"{at:%H%M%S}")
    for equipment in document.ContributingEquipmentSequence:
        setattr(equipment, "ContributionDateTime", f"{at:%Y%m%d%H%M%S}")  # noqa: B010
    document.save_as(folder / path, enforce_file_format=True)
    return facts


def _group(
    image: Dataset,
    uid: str,
    number: int,
    site: str,
    long_axis: float,
    short_axis: float,
    volume: float,
    identification: hd.sr.AlgorithmIdentification,
) -> hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    region = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues.POINT,
        graphic_data=np.asarray([[10.0 + number, 12.0]]),
        source_image=hd.sr.SourceImageForRegion(
            referenced_sop_class_uid=image.SOPClassUID, referenced_sop_instance_uid=image.SOPInstanceUID
        ),
    )
    measurements = [
        hd.sr.Measurement(name=name, value=value, unit=unit)
        for name, value, unit in (
            (codes.SCT.LongAxis, long_axis, codes.UCUM.Millimeter),
            (codes.SCT.ShortAxis, short_axis, codes.UCUM.Millimeter),
            (codes.SCT.Volume, volume, codes.UCUM.CubicMillimeter),
        )
    ]
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=uid, identifier=f"nodule {number}"),
        referenced_region=region,
        finding_type=codes.SCT.Nodule,
        finding_sites=[
            hd.sr.FindingSite(anatomic_location=hd.sr.CodedConcept(_SITES[site][0], "SCT", _SITES[site][1]))
        ],
        algorithm_id=identification,
        measurements=measurements,
    )
