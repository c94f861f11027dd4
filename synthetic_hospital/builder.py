"""Issues numbers and adds encounters and examinations to one patient, so that a story reads like a story."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta

from synthetic_hospital import marks
from synthetic_hospital.charting import chart_vital_signs, measure, order_antimicrobial, order_other
from synthetic_hospital.model import (
    Diagnosis,
    Encounter,
    Episode,
    Exam,
    Order,
    Pathology,
    Patient,
    Person,
    Ultrasound,
)
from synthetic_hospital.wording import Report, with_personal_data

_HABITUS = {"temperature": 36.8, "pulse": 82, "respiration": 18, "systolic": 126, "diastolic": 78, "saturation": 98}


class PatientBuilder:
    """Grows one patient; every number is unique in the hospital because the ordinal is in it."""

    def __init__(self, person: Person, family: str, rng: random.Random, staff: tuple[str, ...]) -> None:
        self.patient = Patient(person=person, family=family)
        self.rng = rng
        self.staff = staff
        self._issued = 0

    def _number(self, prefix: str, digits: int = 8) -> str:
        self._issued += 1
        return f"{prefix}{self.patient.person.ordinal:0{digits - 2}d}{self._issued:02d}"

    @property
    def inpatient_no(self) -> str:
        """Return the patient's inpatient number, the same for every stay."""
        return f"{marks.INPATIENT_NO_PREFIX}{self.patient.person.ordinal:06d}"

    def visit(
        self,
        kind: str,
        at: datetime,
        *,
        days: float | None = None,
        department: str = "呼吸内科",
        diagnoses: tuple[tuple[str, str], ...] = (),
        present_on_admission: str = "1",
        vitals: Mapping[str, object] | None = None,
        labs: dict[str, str] | None = None,
        lab_hours: float = 2.0,
        orders: tuple[Order, ...] = (),
        icu_hours: float | None = None,
        disposition: str = "1",
        is_cancelled: bool = False,
        procedures: tuple[tuple[str, str, datetime], ...] = (),
    ) -> Encounter:
        """Add an encounter with what is charted around it and return it."""
        visit_id = self._number(marks.VISIT_ID_PREFIX)
        stays = sum(encounter.kind == "住院" for encounter in self.patient.encounters)
        is_inpatient = kind == "住院"
        discharged_at = at + timedelta(days=days) if days is not None else None
        diagnosis_kind = "出院" if is_inpatient else "门诊"
        coded = [
            Diagnosis(
                kind=diagnosis_kind,
                sequence_no=position,
                code=code,
                name=name,
                present_on_admission=present_on_admission,
            )
            for position, (code, name) in enumerate(diagnoses, start=1)
        ]
        if is_inpatient and diagnoses:
            coded.append(Diagnosis(kind="入院", sequence_no=1, code=diagnoses[0][0], name=f"{diagnoses[0][1]}？"))
        encounter = Encounter(
            visit_id=visit_id,
            kind=kind,
            admitted_at=at,
            discharged_at=discharged_at,
            department=department,
            number=self.inpatient_no if is_inpatient else self._number(marks.OUTPATIENT_NO_PREFIX),
            medical_record_no=f"{marks.MEDICAL_RECORD_PREFIX}{self.patient.person.ordinal:06d}" if is_inpatient else "",
            stay=stays + 1,
            disposition=disposition if is_inpatient else "",
            icu_at=at + timedelta(hours=icu_hours) if icu_hours is not None else None,
            is_cancelled=is_cancelled,
            diagnoses=tuple(coded),
            vital_signs=chart_vital_signs(self.rng, at, **(_HABITUS | dict(vitals))) if vitals is not None else (),  # type: ignore[arg-type]
            labs=measure(self.rng, at + timedelta(hours=lab_hours), labs, len(self.patient.encounters) + 1)
            if labs
            else (),
            orders=orders or ((order_other(self.rng, at + timedelta(hours=3)),) if is_inpatient else ()),
            documents=self._documents(diagnoses) if is_inpatient else (),
            procedures=procedures,
        )
        self.patient.encounters.append(encounter)
        return encounter

    def _documents(self, diagnoses: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        person = self.patient.person
        days = self.rng.randrange(1, 8)
        name = diagnoses[0][1] if diagnoses else "待查"
        return (
            (
                "入院记录",
                f"主诉：发热、咳嗽{days}天。\n现病史：患者{person.name}，{days}天前无明显诱因出现不适，"
                f"现住{person.address}，联系电话{person.phone}。\n既往史：否认肝炎、结核病史。\n初步诊断：{name}。",
            ),
            ("出院小结", f"患者{person.name}经治疗后好转出院。\n出院诊断：{name}。\n联系人：{person.contact_name}"),
        )

    def antimicrobial(self, encounter_at: datetime, hours: float = 4.0) -> Order:
        """Return an antimicrobial given some hours after arrival."""
        return order_antimicrobial(self.rng, encounter_at + timedelta(hours=hours))

    def exam(
        self,
        encounter: Encounter,
        report: Report,
        *,
        hours: float = 3.0,
        modality: str = "CT",
        body_part: str = "胸部",
        item: str = "胸部CT平扫",
        clinical: str = "发热待查",
        status: str = "已审核",
        version: int = 1,
        same_as: Exam | None = None,
        in_ris: bool = True,
        accession_number: str | None = None,
    ) -> Exam:
        """Add an examination, or a version of one, and return it."""
        person = self.patient.person
        findings, impression = report
        if self.rng.random() < 0.06:
            findings = with_personal_data(
                self.rng,
                findings,
                name=person.name,
                phone=person.phone,
                inpatient_no=self.inpatient_no,
                doctor=self.rng.choice(self.staff),
            )
        base = same_as
        made = Exam(
            exam_id=base.exam_id if base else self._number(marks.EXAM_ID_PREFIX),
            accession_number=base.accession_number
            if base
            else accession_number or self._number(marks.ACCESSION_PREFIX),
            request_id=base.request_id if base else self._number(marks.REQUEST_PREFIX),
            visit_id=encounter.visit_id,
            modality=modality,
            body_part=body_part,
            exam_item=item,
            examined_at=base.examined_at if base else encounter.admitted_at + timedelta(hours=hours),
            findings=findings,
            impression=impression,
            clinical_diagnosis=clinical,
            reporter=self.rng.choice(self.staff),
            verifier=self.rng.choice(self.staff),
            status=status,
            version=version,
            study_instance_uid=base.study_instance_uid
            if base
            else f"{marks.UID_ROOT}.{person.ordinal}.{len(self.patient.exams) + 1}",
            in_ris=in_ris,
        )
        self.patient.exams.append(made)
        return made

    def ultrasound(self, encounter: Encounter, report: Report, *, item: str, hours: float = 5.0) -> Ultrasound:
        """Add an ultrasound examination and return it."""
        made = Ultrasound(
            exam_id=self._number(marks.ULTRASOUND_PREFIX),
            exam_item=item,
            examined_at=encounter.admitted_at + timedelta(hours=hours),
            findings=report[0],
            impression=report[1],
            examiner=self.rng.choice(self.staff),
            verifier=self.rng.choice(self.staff),
        )
        self.patient.ultrasounds.append(made)
        return made

    def pathology(
        self, encounter: Encounter, *, specimen: str, gross: str, microscopic: str, diagnosis: str, ihc: str = ""
    ) -> Pathology:
        """Add a pathology report and return it."""
        submitted = encounter.admitted_at + timedelta(days=1)
        made = Pathology(
            pathology_id=self._number(marks.PATHOLOGY_PREFIX),
            submitted_at=submitted,
            specimen=specimen,
            gross=gross,
            microscopic=microscopic,
            immunohistochemistry=ihc,
            diagnosis=diagnosis,
            reported_at=submitted + timedelta(days=4),
            reporter=self.rng.choice(self.staff),
        )
        self.patient.pathologies.append(made)
        return made

    def expect(
        self,
        chain: tuple[Encounter, ...],
        *,
        rule: str = "",
        tier: str = "pneumonia",
        excluded: str = "",
        imaging: bool | None,
        t_index: datetime | None = None,
    ) -> None:
        """Record the truth about a chain of encounters: an episode, or a candidate that is none."""
        admissions = [encounter for encounter in chain if encounter.kind == "住院"]
        self.patient.episodes.append(
            Episode(
                visit_id=chain[0].visit_id,
                t_index=t_index or chain[0].admitted_at,
                qualifying_rule=rule,
                cohort_tier=tier if rule else "",
                exclusion_reason=excluded,
                pneumonia_on_imaging=imaging,
                scored_encounters=tuple(encounter.visit_id for encounter in chain),
                arrival_at=chain[0].admitted_at,
                admitted_at=admissions[0].admitted_at if admissions else None,
                discharged_at=admissions[-1].discharged_at if admissions else None,
            )
        )
