"""The ten patients every synthetic hospital begins with, each awkward in one way the tests know by name."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from synthetic_hospital import marks, pulmonary_stories, wording
from synthetic_hospital.builder import PatientBuilder
from synthetic_hospital.model import Patient, Person
from synthetic_hospital.other_stories import ischaemic_stroke
from synthetic_hospital.people import citizen_id, invent_person

_DAY = datetime(2024, 3, 5, 8, 30)
_WORST = {
    "temperature": 39.4, "pulse": 128, "respiration": 32, "systolic": 86, "diastolic": 52, "saturation": 84,
    "coma_scale": 12, "consciousness": "嗜睡",
}  # fmt: skip
_CUT_OFF = {"temperature": 38.0, "pulse": 96, "respiration": 30, "systolic": 90, "diastolic": 60, "saturation": 93}


def named_patients(staff: tuple[str, ...]) -> list[Patient]:
    """Return the ten named patients; they are the same for every seed."""
    return [make(PatientMaker(ordinal, staff)) for ordinal, make in enumerate(_MAKERS, start=1)]


class PatientMaker:
    """Makes the person of a named patient and the builder of its story."""

    def __init__(self, ordinal: int, staff: tuple[str, ...]) -> None:
        self.ordinal = ordinal
        self.staff = staff
        self.rng = random.Random(f"named:{ordinal}")

    def start(
        self, note: str, *, age: float, sex: str = "M", family: str = "pulmonary_infection", **changes: object
    ) -> PatientBuilder:
        """Return a builder whose person has a given age on the day of the story."""
        person = replace(invent_person(self.rng, self.ordinal, sex=sex, age_years=age, at=_DAY), **changes)  # type: ignore[arg-type]
        builder = PatientBuilder(person, family, self.rng, self.staff)
        builder.patient.note = note
        return builder


def _all_five(maker: PatientMaker) -> Patient:
    builder = maker.start("CURB-65 of 5; report with personal data", age=80)
    stay = builder.visit(
        "住院", _DAY, days=12, diagnoses=(("J18.900x002", "社区获得性肺炎"),), vitals=_WORST,
        labs={"urea": "12.0", "wbc": "18.3", "crp": "146.0", "pct": "4.2"}, orders=(builder.antimicrobial(_DAY),), icu_hours=3,
    )  # fmt: skip
    findings, impression = wording.chest_pneumonia(maker.rng)
    person = builder.patient.person
    builder.exam(stay, (f"{findings}已电话通知家属{person.contact_name}（{person.phone}）。", impression))
    builder.expect((stay,), rule="icd", imaging=True)
    return builder.patient


def _at_the_cut_offs(maker: PatientMaker) -> Patient:
    builder = maker.start("every value exactly at a cut-off of CURB-65", age=65.2, sex="F")
    stay = builder.visit(
        "住院", _DAY, days=6, diagnoses=(("J15.900", "细菌性肺炎"),), vitals=_CUT_OFF,
        labs={"urea": "7.0", "wbc": "10.1", "crp": "10.1"}, orders=(builder.antimicrobial(_DAY),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(maker.rng))
    builder.expect((stay,), rule="icd", imaging=True)
    return builder.patient


_TWIN_BIRTH = datetime(1989, 7, 14).date()


def _twin(maker: PatientMaker, serial: int, note: str) -> PatientBuilder:
    number = citizen_id(_TWIN_BIRTH, "F", serial)
    return maker.start(
        note, age=34, sex="F", birth_date=_TWIN_BIRTH, citizen_id=number, phone=f"{marks.MOBILE_PREFIX}777001",
        address=f"北京市测绘区{marks.STREET}77号1单元101室",
    )  # fmt: skip


def _first_twin(maker: PatientMaker) -> Patient:
    builder = _twin(maker, 31, "twin: same birth date, telephone and address as the next")
    pulmonary_stories.outpatient_with_imaging(builder, _DAY)
    return builder.patient


def _second_twin(maker: PatientMaker) -> Patient:
    builder = _twin(maker, 32, "twin: same birth date, telephone and address as the one before")
    pulmonary_stories.influenza_without_pneumonia(builder, _DAY + timedelta(days=1))
    return builder.patient


_REUSED_ACCESSION = f"{marks.ACCESSION_PREFIX}00900901"


def _reused_number(maker: PatientMaker) -> Patient:
    builder = maker.start("accession number used again for another patient; study with no order", age=58)
    stay = builder.visit(
        "住院", _DAY, days=9, diagnoses=(("J18.900", "肺炎"),), vitals=_CUT_OFF, labs={"urea": "6.1", "crp": "80.0"},
        orders=(builder.antimicrobial(_DAY),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(maker.rng), accession_number=_REUSED_ACCESSION)
    builder.exam(stay, wording.chest_normal(maker.rng), hours=100, in_ris=False)
    builder.expect((stay,), rule="icd", imaging=True)
    return builder.patient


def _reuses_number(maker: PatientMaker) -> Patient:
    builder = maker.start("stroke patient under the same accession number two years later", age=71, family="stroke")
    ischaemic_stroke(builder, _DAY + timedelta(days=700))
    first = builder.patient.exams[0]
    builder.patient.exams[0] = replace(first, accession_number=_REUSED_ACCESSION)
    return builder.patient


def _rare_name(maker: PatientMaker) -> Patient:
    builder = maker.start("a name outside GBK (GB18030 four bytes); two algorithm versions", age=47)
    builder.patient.person = replace(builder.patient.person, name="王𬭎犇")
    pulmonary_stories.cap_inpatient(builder, _DAY)
    return builder.patient


def _late_amendment(maker: PatientMaker) -> Patient:
    builder = maker.start("report without pneumonia, amended later", age=62, sex="F")
    stay = builder.visit(
        "住院", _DAY, days=10, diagnoses=(("J22.x00", "急性下呼吸道感染"),), vitals=_CUT_OFF,
        labs={"urea": "7.1", "crp": "55.0", "wbc": "13.0"}, orders=(builder.antimicrobial(_DAY),),
    )  # fmt: skip
    first = builder.exam(stay, wording.chest_normal(maker.rng))
    builder.exam(stay, wording.chest_pneumonia(maker.rng), same_as=first, version=2, status="修订")
    builder.expect((stay,), rule="icd", imaging=True)
    return builder.patient


def _merged(maker: PatientMaker) -> Patient:
    builder = maker.start("registration merged into that of the patient before", age=62, sex="F")
    before = f"{marks.PATIENT_ID_PREFIX}{maker.ordinal - 1:06d}"
    builder.patient.person = replace(builder.patient.person, merged_into=before)
    builder.visit(
        "门诊", _DAY - timedelta(days=200), diagnoses=(("Z00.000", "健康查体"),), labs={"wbc": "5.5", "urea": "4.9"}
    )
    return builder.patient


def _test_patient(maker: PatientMaker) -> Patient:
    builder = maker.start("a test registration of the information centre", age=30)
    builder.patient.person = replace(builder.patient.person, name="测试患者", is_test=True)
    stay = builder.visit("住院", _DAY, days=3, diagnoses=(("J18.900", "肺炎"),), vitals={}, labs={"urea": "5.0"})
    builder.exam(stay, wording.chest_pneumonia(maker.rng))
    builder.expect((stay,), excluded="test_patient", imaging=True)
    return builder.patient


_MAKERS = (
    _all_five,
    _at_the_cut_offs,
    _first_twin,
    _second_twin,
    _reused_number,
    _reuses_number,
    _rare_name,
    _late_amendment,
    _merged,
    _test_patient,
)


def is_named(person: Person) -> bool:
    """Return whether a person is one of the ten."""
    return person.ordinal <= len(_MAKERS)
