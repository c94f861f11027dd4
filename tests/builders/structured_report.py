"""Builds DICOM structured reports: regular ones with highdicom, and freely irregular ones with plain pydicom.

A tree is written as nested calls: `report(group(tracking("Nodule 1"), num(LONG_AXIS, 12.0, "mm")))`. Every identifier
holds CANARY, so that a test can look for it where it must not be.
"""

import io
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CANARY = "CANARY"
COMPREHENSIVE_3D, COMPREHENSIVE, ENHANCED, BASIC_TEXT, CHEST_CAD = (
    f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (34, 33, 22, 11, 65)
)
CT_IMAGE, SEGMENTATION = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.66.4"
STUDY_UID, SOP_UID = "2.25.1001", "2.25.2001"

Coded = tuple[str, str, str]
"""Code value, coding scheme designator, code meaning."""

REPORT: Coded = ("126000", "DCM", "Imaging Measurement Report")
MEASUREMENTS: Coded = ("126010", "DCM", "Imaging Measurements")
GROUP: Coded = ("125007", "DCM", "Measurement Group")
TRACKING: Coded = ("112039", "DCM", "Tracking Identifier")
TRACKING_UID: Coded = ("112040", "DCM", "Tracking Unique Identifier")
FINDING: Coded = ("121071", "DCM", "Finding")
SITE: Coded = ("363698007", "SCT", "Finding Site")
LATERALITY: Coded = ("272741003", "SCT", "Laterality")
DERIVATION: Coded = ("121401", "DCM", "Derivation")
NODULE: Coded = ("27925004", "SCT", "Nodule")
LONG_AXIS: Coded = ("103339001", "SCT", "Long axis")
SHORT_AXIS: Coded = ("103340004", "SCT", "Short axis")
DIAMETER: Coded = ("81827009", "SCT", "Diameter")
VOLUME: Coded = ("118565006", "SCT", "Volume")


def coded(code: Coded) -> Dataset:
    """Return one item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code
    return item


def item(value_type: str, name: Coded | None, *children: Dataset, relationship: str = "CONTAINS") -> Dataset:
    """Return a content item without a value."""
    content = Dataset()
    if relationship:
        content.RelationshipType = relationship
    content.ValueType = value_type
    if name is not None:
        content.ConceptNameCodeSequence = Sequence([coded(name)])
    if children:
        content.ContentSequence = Sequence(children)
    return content


def container(name: Coded | None, *children: Dataset) -> Dataset:
    """Return a container."""
    return item("CONTAINER", name, *children)


def group(*children: Dataset) -> Dataset:
    """Return a measurement group of TID 1500."""
    return container(GROUP, *children)


def code(name: Coded, value: Coded, *children: Dataset) -> Dataset:
    """Return a coded item."""
    content = item("CODE", name, *children)
    content.ConceptCodeSequence = Sequence([coded(value)])
    return content


def text(name: Coded, value: str, *children: Dataset) -> Dataset:
    """Return a text item."""
    content = item("TEXT", name, *children)
    content.TextValue = value
    return content


def uidref(name: Coded, value: str) -> Dataset:
    """Return a UID item."""
    content = item("UIDREF", name)
    content.UID = value
    return content


def num(name: Coded, value: float | str | None, unit: str | Coded | None, *children: Dataset) -> Dataset:
    """Return a numeric item; without a value the measured value is empty, without a unit there is none."""
    content = item("NUM", name, *children)
    measured = Dataset()
    measured.NumericValue = str(value or "")
    if unit is not None:
        measured.MeasurementUnitsCodeSequence = Sequence(
            [coded((unit, "UCUM", unit) if isinstance(unit, str) else unit)]
        )
    content.MeasuredValueSequence = Sequence([] if value is None else [measured])
    return content


def image(uid: str, *, frame: int | None = None, name: Coded | None = None) -> Dataset:
    """Return an image item."""
    content = item("IMAGE", name)
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT_IMAGE, uid
    if frame is not None:
        reference.ReferencedFrameNumber = frame
    content.ReferencedSOPSequence = Sequence([reference])
    return content


def by_reference(*path: int) -> Dataset:
    """Return an item that stands for another one of the tree."""
    content = Dataset()
    content.RelationshipType = "SELECTED FROM"
    content.ReferencedContentItemIdentifier = list(path)
    return content


def tracking(name: str) -> Dataset:
    """Return a tracking identifier."""
    return text(TRACKING, name)


def finding(value: Coded = NODULE) -> Dataset:
    """Return a coded finding."""
    return code(FINDING, value)


def site(value: Coded, *children: Dataset) -> Dataset:
    """Return a coded finding site."""
    return code(SITE, value, *children)


def report(
    *children: Dataset,
    title: Coded | None = REPORT,
    sop_class: str = COMPREHENSIVE_3D,
    template: str | None = None,
    **header: Any,
) -> Dataset:
    """Return a report with these items below its root; `header` overrides attributes, None removes one."""
    dataset = container(title, *children)
    del dataset.RelationshipType
    if template:
        dataset.ContentTemplateSequence = Sequence([Dataset()])
        dataset.ContentTemplateSequence[0].MappingResource = "DCMR"
        dataset.ContentTemplateSequence[0].TemplateIdentifier = template
    attributes = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": SOP_UID,
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": "2.25.3001",
        "PatientID": f"{CANARY}-P1",
        "PatientName": f"{CANARY}^NAME",
        "AccessionNumber": f"{CANARY}-A1",
        "Modality": "SR",
        "Manufacturer": "Example Imaging",
        "ManufacturerModelName": "Example Lung",
        "SoftwareVersions": "2.1.0",
        "ContentDate": "20260302",
        "ContentTime": "081500",
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "SpecificCharacterSet": "ISO_IR 192",
    } | header
    for keyword, value in attributes.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def to_bytes(dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return a data set as the bytes of a DICOM file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", COMPREHENSIVE_3D)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", SOP_UID)
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def make_ct(number: int = 1) -> Dataset:
    """Return a CT image as a report needs it for its evidence."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT_IMAGE, f"2.25.400{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY_UID, "2.25.5001"
    dataset.FrameOfReferenceUID = "2.25.6001"
    dataset.PatientID, dataset.PatientName = f"{CANARY}-P1", f"{CANARY}^NAME"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.AccessionNumber = "19700101", "M", f"{CANARY}-A1"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.ReferringPhysicianName = (
        "20260302",
        "080000",
        "1",
        "",
    )
    dataset.Modality, dataset.Rows, dataset.Columns = "CT", 64, 64
    return dataset


def regular_report(*nodules: tuple[str, Coded, float, float, float]) -> Dataset:
    """Return a TID 1500 report made by highdicom; a nodule is (tracking, site, long axis mm, short axis mm, mm3)."""
    images = [make_ct()]
    device = DeviceObserverIdentifyingAttributes(uid="2.25.7001", name="LungCAD", manufacturer_name="Example Imaging")
    context = ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    groups = []
    for number, (name, place, long_axis, short_axis, volume) in enumerate(nodules, start=1):
        region = ImageRegion(
            graphic_type=GraphicTypeValues.CIRCLE,
            graphic_data=np.array([[20.0, 20.0], [24.0, 20.0]]),
            source_image=SourceImageForRegion(CT_IMAGE, images[0].SOPInstanceUID),
        )
        groups.append(
            PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=TrackingIdentifier(uid=f"2.25.800{number}", identifier=name),
                referenced_region=region,
                finding_type=Code(*NODULE),
                finding_sites=[FindingSite(Code(*place))],
                algorithm_id=AlgorithmIdentification(name="LungCAD", version="2.1.0"),
                measurements=[
                    Measurement(Code(*LONG_AXIS), long_axis, codes.UCUM.Millimeter),
                    Measurement(Code(*SHORT_AXIS), short_axis, codes.UCUM.Millimeter),
                    Measurement(Code(*VOLUME), volume, codes.UCUM.CubicMillimeter),
                ],
            )
        )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=context),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    return Comprehensive3DSR(
        evidence=images,
        content=content,
        series_number=100,
        series_instance_uid=hd.UID("2.25.3001"),
        sop_instance_uid=hd.UID(generate_uid(entropy_srcs=[str(nodules)])),
        instance_number=1,
        manufacturer="Example Imaging",
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
