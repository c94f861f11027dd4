"""Writes the results of an invented lung AI as DICOM structured reports (TID 1500, Comprehensive 3D SR).

Every second chest CT has one, with one to three nodules; one patient has results of two versions; one file is there
twice, one belongs to a study nobody has, one is no DICOM at all. The same patients and seed give the same bytes.
"""

import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage

from synthetic_hospital.images import SIZE, film_number, instance_uid, series_uid, studies_of
from synthetic_hospital.marks import UID_ROOT
from synthetic_hospital.model import Exam, Patient

ALGORITHM = "LungScan"
VERSION = "2.1.0"
TWO_VERSIONS = ("2.9.0", "2.10.0")
"""In order; as text they stand the other way round."""
_NOBODY = f"{UID_ROOT}.0.404"
"""The study of no patient."""
_MANUFACTURER = "测绘智能"
_ENGINE_TIME = timedelta(minutes=40)
_REPROCESSED_AFTER = timedelta(days=35)
_SITES: dict[str, tuple[Code, Code | None]] = {
    # the usual mixture: a code of one side, or a code of both with the side beside it
    "RUL": (Code("45653009", "SCT", "Upper lobe of lung"), codes.SCT.Right),
    "RML": (Code("72481006", "SCT", "Middle lobe of right lung"), None),
    "RLL": (Code("90572001", "SCT", "Lower lobe of lung"), codes.SCT.Right),
    "LUL": (Code("44714003", "SCT", "Upper lobe of left lung"), codes.SCT.Left),
    "LLL": (Code("41224006", "SCT", "Lower lobe of left lung"), None),
}
_PROBABILITY = Code("111047", "DCM", "Probability of cancer")


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
    """From 1 in the order of the report; 0 without a nodule."""
    finding_site: str
    """RUL, RML, RLL, LUL or LLL."""
    long_axis_mm: float | None
    short_axis_mm: float | None
    volume_mm3: float | None
    expected: str
    """loaded, unchanged or quarantined."""
    is_orphan: bool
    """The report belongs to a study nobody has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodule:
    """What the algorithm found; lengths in mm, volume in mm3, probability of cancer from 0 to 1."""

    site: str
    long_axis: float
    short_axis: float
    volume: float
    probability: float
    slice_number: int
    column: float
    row: float


def write_ai_results(folder: Path, patients: Sequence[Patient], seed: int) -> list[AiFact]:
    """Write the results and return one fact a nodule."""
    folder.mkdir(parents=True, exist_ok=True)
    exams = [
        (patient, exam)
        for patient in patients
        for exam in studies_of(patient)
        if exam.modality == "CT" and "胸" in exam.body_part
    ]
    facts: list[AiFact] = []
    for position, (patient, exam) in enumerate(exams):
        nodules = _invent_nodules(random.Random(f"{seed}:ai:{exam.study_instance_uid}"))
        if "two algorithm versions" in patient.note:
            later = exam.examined_at + _REPROCESSED_AFTER
            facts += _write_result(folder, patient, exam, TWO_VERSIONS[0], nodules, at=exam.examined_at + _ENGINE_TIME)
            facts += _write_result(folder, patient, exam, TWO_VERSIONS[1], _measured_again(nodules), at=later)
        elif position % 2 == 0:
            facts += _write_result(folder, patient, exam, VERSION, nodules, at=exam.examined_at + _ENGINE_TIME)
    if facts:
        # read after its original: files are taken in the order of their names
        shutil.copyfile(folder / facts[0].path, folder / "resent.dcm")
        again = [fact for fact in facts if fact.path == facts[0].path]
        facts += [replace(fact, path="resent.dcm", expected="unchanged") for fact in again]
        patient, exam = exams[0]
        nobody = replace(exam, study_instance_uid=_NOBODY, exam_id="orphan", accession_number="")
        nodules = _invent_nodules(random.Random(f"{seed}:ai:orphan"))
        orphan = _write_result(folder, patient, nobody, VERSION, nodules, at=exam.examined_at + _ENGINE_TIME)
        facts += [replace(fact, is_orphan=True) for fact in orphan]
    (folder / "engine.txt").write_text("AI引擎导出日志\n", encoding="utf-8")
    facts.append(
        AiFact(
            path="engine.txt", sop_instance_uid="", study_instance_uid="", patient_id="", algorithm="", algorithm_version="",
            finding_number=0, finding_site="", long_axis_mm=None, short_axis_mm=None, volume_mm3=None, expected="quarantined",
            is_orphan=False,
        )
    )  # fmt: skip
    return facts


def _invent_nodules(rng: random.Random) -> list[Nodule]:
    nodules = []
    for _ in range(rng.randrange(1, 4)):
        long_axis = round(rng.triangular(3, 26, 7), 1)
        short_axis = round(long_axis * rng.uniform(0.6, 0.95), 1)
        nodules.append(
            Nodule(
                site=rng.choice(list(_SITES)),
                long_axis=long_axis,
                short_axis=short_axis,
                volume=_ellipsoid(long_axis, short_axis),
                probability=round(min(0.95, long_axis / 30 + rng.uniform(0, 0.2)), 2),
                slice_number=rng.randrange(1, 5),
                column=round(rng.uniform(6, 12), 1),
                row=round(rng.uniform(8, 24), 1),
            )
        )
    return nodules


def _measured_again(nodules: Sequence[Nodule]) -> list[Nodule]:
    """Return the nodules as a newer algorithm measures them: each a little larger."""
    again = []
    for nodule in nodules:
        long_axis, short_axis = round(nodule.long_axis + 0.4, 1), round(nodule.short_axis + 0.3, 1)
        volume = _ellipsoid(long_axis, short_axis)
        again.append(replace(nodule, long_axis=long_axis, short_axis=short_axis, volume=volume))
    return again


def _ellipsoid(long_axis: float, short_axis: float) -> float:
    """Return the volume of an ellipsoid of revolution in mm3 from its axes in mm."""
    return round(np.pi / 6 * long_axis * short_axis * short_axis, 1)


def _write_result(
    folder: Path, patient: Patient, exam: Exam, version: str, nodules: Sequence[Nodule], *, at: datetime
) -> list[AiFact]:
    """Write one report, made by a version of the algorithm at a time, and return a fact for each nodule."""
    root = f"{exam.study_instance_uid}.900.{version}"
    path = f"{exam.exam_id}_{version}.dcm"
    document = hd.sr.Comprehensive3DSR(
        evidence=[_evidence(patient, exam, number) for number in sorted({nodule.slice_number for nodule in nodules})],
        content=_content(exam, root, version, nodules), series_instance_uid=root, series_number=900,
        sop_instance_uid=f"{root}.1", instance_number=1, manufacturer=_MANUFACTURER, is_complete=True, is_final=True,
        is_verified=False, institution_name="测绘医院",
    )  # fmt: skip
    _stamp(document, at)
    document.save_as(folder / path, enforce_file_format=True)
    return [
        AiFact(
            path=path, sop_instance_uid=f"{root}.1", study_instance_uid=exam.study_instance_uid,
            patient_id=patient.person.patient_id, algorithm=ALGORITHM, algorithm_version=version, finding_number=number,
            finding_site=nodule.site, long_axis_mm=nodule.long_axis, short_axis_mm=nodule.short_axis,
            volume_mm3=nodule.volume, expected="loaded", is_orphan=False,
        )
        for number, nodule in enumerate(nodules, start=1)
    ]  # fmt: skip


def _stamp(document: Dataset, at: datetime) -> None:
    """Put a time in the place of the present, which the library writes."""
    for moment in ("Content", "Series", "InstanceCreation"):
        setattr(document, f"{moment}Date", f"{at:%Y%m%d}")
        setattr(document, f"{moment}Time", f"{at:%H%M%S}")
    for equipment in document.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{at:%Y%m%d%H%M%S}"


def _evidence(patient: Patient, exam: Exam, number: int) -> Dataset:
    """Return the little of an image of the first series that a structured report needs to refer to it."""
    person = patient.person
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, instance_uid(exam, 1, number)
    image.StudyInstanceUID, image.SeriesInstanceUID = exam.study_instance_uid, series_uid(exam, 1)
    # a trailing caret tells the library that one component is meant
    image.PatientID, image.PatientName = film_number(patient), f"{person.name}^"
    image.PatientBirthDate, image.PatientSex = f"{person.birth_date:%Y%m%d}", person.sex
    image.AccessionNumber, image.StudyID, image.ReferringPhysicianName = exam.accession_number, "1", ""
    image.StudyDate, image.StudyTime = f"{exam.examined_at:%Y%m%d}", f"{exam.examined_at:%H%M%S}"
    image.Modality, image.Rows, image.Columns = "CT", SIZE, SIZE
    return image


def _content(exam: Exam, root: str, version: str, nodules: Sequence[Nodule]) -> hd.sr.MeasurementReport:
    device = hd.sr.DeviceObserverIdentifyingAttributes(
        uid=f"{UID_ROOT}.0.1", name=ALGORITHM, manufacturer_name=_MANUFACTURER, model_name=ALGORITHM
    )
    observer = hd.sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    return hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[
            _group(exam, f"{root}.2.{number}", number, version, nodule)
            for number, nodule in enumerate(nodules, start=1)
        ],
    )


def _group(
    exam: Exam, uid: str, number: int, version: str, nodule: Nodule
) -> hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations:
    """Return the measurements of a nodule and a point where it lies in an image (TID 1410)."""
    location, side = _SITES[nodule.site]
    region = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues.POINT,
        graphic_data=np.asarray([[nodule.column, nodule.row]]),
        source_image=hd.sr.SourceImageForRegion(CTImageStorage, instance_uid(exam, 1, nodule.slice_number)),
    )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(uid=uid, identifier=f"nodule {number}"),
        referenced_region=region,
        finding_type=codes.SCT.Nodule,
        finding_sites=[hd.sr.FindingSite(location, laterality=side)],
        algorithm_id=hd.sr.AlgorithmIdentification(ALGORITHM, version),
        measurements=[
            hd.sr.Measurement(name=name, value=value, unit=unit)
            for name, value, unit in (
                (codes.SCT.LongAxis, nodule.long_axis, codes.UCUM.Millimeter),
                (codes.SCT.ShortAxis, nodule.short_axis, codes.UCUM.Millimeter),
                (codes.SCT.Volume, nodule.volume, codes.UCUM.CubicMillimeter),
                (_PROBABILITY, nodule.probability, codes.UCUM.NoUnits),
            )
        ],
    )
