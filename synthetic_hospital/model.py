"""The facts of one invented patient, before any dirt: what the extracts are written from and the truth is told by."""

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who the patient is."""

    ordinal: int
    patient_id: str
    name: str
    sex: str
    """M or F."""
    birth_date: date
    citizen_id: str
    phone: str
    address: str
    contact_name: str
    registered_at: datetime
    merged_into: str = ""
    is_test: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """One diagnosis of an encounter."""

    kind: str
    """入院, 出院 or 门诊."""
    sequence_no: int
    code: str
    name: str
    present_on_admission: str = "1"


@dataclass(frozen=True, kw_only=True, slots=True)
class VitalSign:
    """One charted set of vital signs; None is not measured."""

    measured_at: datetime
    temperature: float | None = None
    pulse: int | None = None
    respiration: int | None = None
    systolic: int | None = None
    diastolic: int | None = None
    saturation: int | None = None
    device: str = "未吸氧"
    coma_scale: int | None = 15
    consciousness: str = "神志清楚"


@dataclass(frozen=True, kw_only=True, slots=True)
class LabResult:
    """One result as the laboratory prints it."""

    report_no: int
    """Which report of the patient it stands in."""
    collected_at: datetime
    item_code: str
    item_name: str
    result: str
    unit: str
    reference: str
    specimen: str = "静脉血"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One medical order."""

    item_name: str
    item_code: str
    started_at: datetime
    dose: str = ""
    dose_unit: str = ""
    frequency: str = "qd"
    route: str = "静滴"
    status: str = "已执行"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exam:
    """One version of an examination and its report."""

    exam_id: str
    accession_number: str
    request_id: str
    visit_id: str
    modality: str
    """CT, DR or MR as the RIS writes it."""
    body_part: str
    exam_item: str
    examined_at: datetime
    findings: str
    impression: str
    clinical_diagnosis: str
    reporter: str
    verifier: str
    status: str = "已审核"
    version: int = 1
    study_instance_uid: str = ""
    """Always set here; the RIS extract shows it seldom."""
    in_ris: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Ultrasound:
    """One ultrasound examination."""

    exam_id: str
    exam_item: str
    examined_at: datetime
    findings: str
    impression: str
    examiner: str
    verifier: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pathology:
    """One pathology report."""

    pathology_id: str
    submitted_at: datetime
    specimen: str
    gross: str
    microscopic: str
    immunohistochemistry: str
    diagnosis: str
    reported_at: datetime
    reporter: str
    report_type: str = "常规"


@dataclass(frozen=True, kw_only=True, slots=True)
class Encounter:
    """One visit or admission and what belongs to it."""

    visit_id: str
    kind: str
    """门诊, 急诊 or 住院."""
    admitted_at: datetime
    discharged_at: datetime | None
    department: str
    number: str
    """Outpatient number, or inpatient number."""
    medical_record_no: str = ""
    stay: int = 1
    disposition: str = "1"
    icu_at: datetime | None = None
    is_cancelled: bool = False
    diagnoses: tuple[Diagnosis, ...] = ()
    vital_signs: tuple[VitalSign, ...] = ()
    labs: tuple[LabResult, ...] = ()
    orders: tuple[Order, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()
    """(type, text) of clinical documents."""
    procedures: tuple[tuple[str, str, datetime], ...] = ()
    """(ICD-9-CM-3 code, name, start)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """The truth about one episode of pulmonary infection, or about a candidate that is none."""

    visit_id: str
    t_index: datetime | None
    qualifying_rule: str = ""
    cohort_tier: str = ""
    exclusion_reason: str = ""
    pneumonia_on_imaging: bool | None = None
    scored_encounters: tuple[str, ...] = ()
    """Visits of the chain whose vital signs and results count."""
    arrival_at: datetime | None = None
    admitted_at: datetime | None = None
    discharged_at: datetime | None = None


@dataclass(slots=True)
class Patient:
    """Everything about one patient."""

    person: Person
    family: str
    """pulmonary_infection, stroke, placenta_accreta, acute_abdomen or other."""
    encounters: list[Encounter] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    ultrasounds: list[Ultrasound] = field(default_factory=list)
    pathologies: list[Pathology] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    note: str = ""
    """For a named patient: why it is awkward."""
