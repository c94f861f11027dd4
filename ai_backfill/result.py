"""The facts an AI result holds, whatever format it came in, and the closed list of reasons to refuse one."""

from dataclasses import dataclass
from datetime import datetime

REASONS = {
    "empty_file": "the file has no bytes",
    "unreadable": "the operating system did not give the file's bytes",
    "too_large": "the file or its content tree is larger than an AI result can sensibly be",
    "not_dicom": "neither DICOM nor another format that AI results come in",
    "unsupported_format": "a format of AI results that has no reader yet",
    "not_an_ai_result": "a DICOM object that is no AI result: an image, a dose report, a log",
    "damaged": "the bytes break off or contradict themselves",
    "missing_sop_instance_uid": "without SOP Instance UID a replay cannot be told from a new result",
    "missing_study_instance_uid": "without Study Instance UID the result belongs to nothing",
    "no_measurements": "a report without any coded finding or measurement, and not written by an algorithm",
}
"""Reason code to its meaning; no other reason is ever given."""


class RefusedError(Exception):
    """A file that cannot become a result; carries one of REASONS and nothing of the file."""

    def __init__(self, reason: str) -> None:
        if reason not in REASONS:
            raise ValueError(f"{reason!r} is not in the closed list of reasons")
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A coded concept as it was sent."""

    value: str | None = None
    system: str | None = None
    meaning: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An image, or a frame or segment of it."""

    sop_instance_uid: str
    frame_number: int | None = None
    segment_number: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AiMeasurement:
    """One value of a finding: a number, a rating or a text, as sent and as we understand it.

    `value` is the number as sent, `canonical_value` the same in `canonical_unit` (UCUM); None when there is no number,
    no unit, or a unit of another dimension, as `unit_status` tells.
    """

    measurement_number: int
    value_type: str
    concept: str | None
    concept_mapping_status: str
    source: Code
    derivation: str | None = None
    derivation_source: Code | None = None
    method_source: Code | None = None
    value: float | None = None
    value_text: str | None = None
    value_code: Code | None = None
    value_concept: str | None = None
    unit_source: Code | None = None
    unit: str | None = None
    unit_status: str = "not_applicable"
    canonical_value: float | None = None
    canonical_unit: str | None = None
    qualifier: Code | None = None
    references: tuple[Reference, ...] = ()
    parent_number: int | None = None
    """The measurement of which this one is a property, when the document nests them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AiFinding:
    """One lesion, or (`scope` anatomy) an organ that was measured, or (study) values of the whole examination.

    Lengths in mm, volumes in mm3, attenuation in Hounsfield units, probability and malignancy in the unit 1 (0 to 1
    when the vendor gives a probability; `malignancy` may be a score on the vendor's own scale).
    """

    finding_number: int
    scope: str
    tracking_id: str | None = None
    tracking_uid: str | None = None
    finding_type: str | None = None
    finding_type_mapping_status: str
    finding_type_source: Code
    finding_site: str | None = None
    finding_site_mapping_status: str
    finding_site_source: Code
    laterality: str | None = None
    nodule_type: str | None = None
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    mean_diameter_mm: float | None = None
    diameter_mm: float | None = None
    """A diameter of which the vendor does not say which."""
    volume_mm3: float | None = None
    mean_hu: float | None = None
    probability: float | None = None
    malignancy: float | None = None
    malignancy_text: str | None = None
    malignancy_source: Code
    lung_rads: str | None = None
    algorithm: str | None = None
    algorithm_version: str | None = None
    reference: Reference | None = None
    measurements: tuple[AiMeasurement, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AiResult:
    """One object that an algorithm sent about one study."""

    sop_instance_uid: str
    sop_class_uid: str | None
    study_instance_uid: str
    series_instance_uid: str | None
    referenced_sop_instance_uids: tuple[str, ...]
    referenced_series_instance_uids: tuple[str, ...]
    patient_id: str | None
    accession_number: str | None
    algorithm: str | None
    algorithm_version: str | None
    algorithm_origin: str | None
    """Where the algorithm's name stood: content, observer, equipment."""
    manufacturer: str | None
    observer_type: str | None
    observed_at: datetime | None
    result_format: str
    template_id: str | None
    document_title: str | None
    completion_flag: str | None
    verification_flag: str | None
    content_sha256: str
    findings: tuple[AiFinding, ...]
