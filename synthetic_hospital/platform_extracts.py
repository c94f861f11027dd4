"""Writes what the newer systems deliver: repository (CDR), archive view, requests, charges and the delivery register.

Shapes and dirt: sources.md 4.1, 4.5, 4.6, 4.9, 4.10. The repository pads what it must fill with NA, - and /, cuts long
text, keeps only the first version of a report and is a day late. Chance has a seed of its own for each patient, so
that the stories stay what they are.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from synthetic_hospital import marks
from synthetic_hospital.delivery import DelimitedFile, WorkbookFile
from synthetic_hospital.model import Encounter, Exam, Patient, Person

_LAYOUTS = {
    "his/V_FY": ("FYXH|JZLSH|BRID|FYMC|FYBM|SL|DJ|JE|SFSJ|TFBZ", ".txt", "gb18030"),
    "ris/request": ("SQDH,BRID,JZLSH,XM,XB,SQKS,SQYS,SQSJ,JCLX,JCBW,JCXM,LCZD,JCMD,SQZT", ".csv", "gb18030"),
    "pacs/study": (
        "STUDY_UID,ACC_NO,STUDYNO,PATIENT_NO,PAT_NAME,SEX,MODALITY,BODYPART,STUDY_DATE,STUDY_TIME,DEVICE,N_SERIES,"
        "N_IMAGES",
        ".csv",
        "utf-8",
    ),
    "cdr/patient": ("yljgdm,patid,empi,kh,xm,xbdm,csrq,sfzhm,dhhm,jtdz,ybkh,gxsj", ".csv", "utf-8"),
    "cdr/encounter": ("yljgdm,jzlsh,patid,empi,jzlb,mjzh,zyh,bah,rysj,cysj,ksmc,bqmc,lyfs,gxsj", ".csv", "utf-8"),
    "cdr/diagnosis": ("jzlsh,patid,zdlx,zdxh,zdbm,zdmc,zdsj,gxsj", ".csv", "utf-8"),
    "cdr/lab_result": ("bgdh,patid,jzlsh,xmdm,xmmc,xh,jg,dw,ckfw,cysj,shsj,gxsj", ".csv", "utf-8"),
    "cdr/report": ("bgid,bglb,jch,patid,jzlsh,jclx,jcbw,jcxm,jcsj,bgsj,shsj,jcsjms,zdyj,bgzt,gxsj", ".csv", "utf-8"),
    "obstetrics/newborn": ("XSEBH,FMXH,MQBRID,BRID,XM,XB,CSSJ,TC,CSTZ,APGAR,ZNICU,JJ", ".csv", "gb18030"),
}
_DELIVERY_HEADER = [
    "FMXH", "BRID", "ZYH", "XM", "FMSJ", "YZ", "YCCC", "PGCS", "FMFS", "CXL", "SXL", "TPQK", "ZGQC", "TS", "JSZ",
]  # fmt: skip
_CLASS_CODE = {"门诊": "1", "急诊": "2", "住院": "3"}
_TEXT_LIMIT = 255
_PADDING = ("NA", "-", "/", "未知")
_WEEKS: tuple[Callable[[int], str], ...] = (
    lambda days: f"{days // 7}+{days % 7}",
    lambda days: f"{days // 7}周{days % 7}天",
    lambda days: f"{days // 7} {days % 7}/7",
    lambda days: f"{days}天",
)
_LOSS: tuple[Callable[[int], str], ...] = (
    str,
    lambda volume: f"约{volume}ml",
    lambda volume: f"{volume}+",
    lambda volume: f"{volume - 100}-{volume + 100}",
)
_WEIGHT: tuple[Callable[[int], str], ...] = (str, lambda gram: f"{gram / 1000:g}kg", lambda gram: f"{gram / 500:g}斤")


def empi_id(person: Person) -> str:
    """Return the number of a person in the master patient index."""
    return f"{marks.EMPI_PREFIX}{person.ordinal:08d}"


def card_no(person: Person) -> str:
    """Return the number of a person's card."""
    return f"{marks.CARD_PREFIX}{person.ordinal:08d}"


def insurance_no(person: Person) -> str:
    """Return the number of a person's insurance card."""
    return f"{marks.INSURANCE_PREFIX}{person.ordinal:08d}"


def births(patient: Patient) -> list[tuple[str, Encounter, datetime, int]]:
    """Return the deliveries of a patient: number, stay, time and how many children."""
    if patient.family != "placenta_accreta":
        return []
    made = []
    for encounter in patient.encounters:
        if encounter.kind == "住院" and encounter.procedures:
            rng = random.Random(f"birth:{encounter.visit_id}")
            number = f"{marks.DELIVERY_PREFIX}{encounter.visit_id[4:]}"
            made.append((number, encounter, encounter.procedures[0][2], 2 if rng.random() < 0.15 else 1))
    return made


def newborn_id(delivery_id: str, order: int) -> str:
    """Return the number of the n-th child of a delivery."""
    return f"{marks.NEWBORN_PREFIX}{delivery_id[4:]}{order}"


def charge_ids(patient: Patient) -> list[tuple[str, Encounter | None, Exam | None]]:
    """Return the lines of the bill of a patient: number and what they are for."""
    lines: list[tuple[str, Encounter | None, Exam | None]] = []
    first_versions = [exam for exam in patient.exams if exam.version == 1 and exam.in_ris]
    for exam in first_versions:
        lines.append((f"{marks.CHARGE_PREFIX}{exam.exam_id[4:]}", None, exam))
    for encounter in patient.encounters:
        lines.append((f"{marks.CHARGE_PREFIX}{encounter.visit_id[4:]}", encounter, None))
    return lines


def _cut(text: str) -> str:
    """Return what a column of 255 bytes keeps of a text."""
    return text.encode("gb18030")[:_TEXT_LIMIT].decode("gb18030", "ignore")


def _iso(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


class PlatformWriter:
    """Holds the open files of the newer systems and writes patient after patient."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._seed = seed
        self.files: dict[str, DelimitedFile | WorkbookFile] = {}
        for name, (header, suffix, encoding) in _LAYOUTS.items():
            delimiter = "|" if "|" in header else ","
            self.files[name] = DelimitedFile(
                folder / f"{name}{suffix}", header.split(delimiter), delimiter=delimiter, encoding=encoding,
                quoted=delimiter == ",", seed=f"{seed}:{name}",
            )  # fmt: skip
        self._deliveries = WorkbookFile(folder / "obstetrics" / "delivery.xlsx", _DELIVERY_HEADER, "分娩登记本")
        self.files["obstetrics/delivery"] = self._deliveries

    def _row(self, name: str, *cells: object) -> None:
        file = self.files[name]
        assert isinstance(file, DelimitedFile)
        file.write(cells)

    def write(self, patient: Patient) -> None:
        """Write everything the newer systems know about one patient."""
        rng = random.Random(f"{self._seed}:platform:{patient.person.ordinal}")
        self._repository(patient, rng)
        self._archive(patient)
        self._requests(patient)
        self._charges(patient)
        self._births(patient, rng)

    def _repository(self, patient: Patient, rng: random.Random) -> None:
        person = patient.person
        sex = "1" if person.sex == "M" else "2"
        self._row(
            "cdr/patient", "110199001", person.patient_id, empi_id(person), card_no(person), person.name, sex,
            f"{person.birth_date:%Y-%m-%d}", person.citizen_id or rng.choice(_PADDING), rng.choice(_PADDING),
            rng.choice(_PADDING), insurance_no(person), _iso(person.registered_at + timedelta(days=1)),
        )  # fmt: skip
        for encounter in patient.encounters:
            if not encounter.is_cancelled:
                self._stay(person, encounter, rng)
        for exam in patient.exams:
            if exam.in_ris and exam.version == 1:
                self._copied_report(person, exam)

    def _stay(self, person: Person, encounter: Encounter, rng: random.Random) -> None:
        is_inpatient = encounter.kind == "住院"
        ended = encounter.discharged_at or encounter.admitted_at
        told = _iso(ended + timedelta(days=1))
        self._row(
            "cdr/encounter", "110199001", encounter.visit_id, person.patient_id, empi_id(person),
            _CLASS_CODE.get(encounter.kind, "9"), rng.choice(_PADDING) if is_inpatient else encounter.number,
            encounter.number if is_inpatient else rng.choice(_PADDING),
            encounter.medical_record_no or rng.choice(_PADDING), _iso(encounter.admitted_at),
            _iso(encounter.discharged_at) or "9999-12-31 00:00:00", encounter.department, rng.choice(_PADDING),
            encounter.disposition or "NA", told,
        )  # fmt: skip
        for diagnosis in encounter.diagnoses:
            self._row(
                "cdr/diagnosis", encounter.visit_id, person.patient_id, diagnosis.kind, diagnosis.sequence_no,
                diagnosis.code[:5], diagnosis.name, f"{ended:%Y-%m-%d}", told,
            )  # fmt: skip
        for position, result in enumerate(encounter.labs, start=1):
            number = f"{marks.LAB_REPORT_PREFIX}{encounter.visit_id[4:]}{result.report_no}"
            self._row(
                "cdr/lab_result", number, person.patient_id, encounter.visit_id, result.item_code, result.item_name,
                position, result.result, result.unit, result.reference or "-", _iso(result.collected_at),
                _iso(result.collected_at + timedelta(hours=1)), told,
            )  # fmt: skip

    def _copied_report(self, person: Person, exam: Exam) -> None:
        reported = exam.examined_at + timedelta(hours=2)
        self._row(
            "cdr/report", f"{marks.CDR_REPORT_PREFIX}{exam.exam_id[4:]}", "放射", exam.exam_id, person.patient_id,
            exam.visit_id, exam.modality, exam.body_part, exam.exam_item, _iso(exam.examined_at), _iso(reported),
            _iso(reported + timedelta(minutes=20)), _cut(exam.findings), _cut(exam.impression), exam.status,
            _iso(reported + timedelta(days=1)),
        )  # fmt: skip

    def _archive(self, patient: Patient) -> None:
        person = patient.person
        for exam in {exam.exam_id: exam for exam in patient.exams}.values():
            self._row(
                "pacs/study", exam.study_instance_uid, exam.accession_number, exam.exam_id if exam.in_ris else "",
                person.patient_id, person.name, person.sex, exam.modality, exam.body_part,
                f"{exam.examined_at:%Y%m%d}", f"{exam.examined_at:%H%M%S}", "联影uCT 760", 1, 2,
            )  # fmt: skip

    def _requests(self, patient: Patient) -> None:
        person = patient.person
        for exam in patient.exams:
            if exam.in_ris and exam.version == 1:
                self._row(
                    "ris/request", exam.request_id, person.patient_id, exam.visit_id, person.name,
                    "男" if person.sex == "M" else "女", "呼吸内科", exam.reporter,
                    f"{exam.examined_at - timedelta(hours=1):%Y/%m/%d %H:%M}", exam.modality, exam.body_part,
                    exam.exam_item, exam.clinical_diagnosis, "明确诊断", "已检查",
                )  # fmt: skip

    def _charges(self, patient: Patient) -> None:
        person = patient.person
        for number, encounter, exam in charge_ids(patient):
            if exam:
                at, visit_id, name, price, sign = exam.examined_at, exam.visit_id, exam.exam_item, 280, 1
            else:
                assert encounter is not None
                at, visit_id, name, price = encounter.admitted_at, encounter.visit_id, "诊查费", 50
                sign = -1 if encounter.is_cancelled else 1
            self._row(
                "his/V_FY", number, visit_id, person.patient_id, name, f"F{price:06d}", sign, f"{price}.00",
                f"{sign * price}.00", _iso(at), "1" if sign < 0 else "0",
            )  # fmt: skip

    def _births(self, patient: Patient, rng: random.Random) -> None:
        person = patient.person
        for number, encounter, at, children in births(patient):
            volume, days = rng.randrange(4, 30) * 100, rng.randrange(238, 273)
            self._deliveries.write(
                (
                    number,
                    person.patient_id,
                    encounter.number,
                    person.name,
                    at,
                    rng.choice(_WEEKS)(days),
                    f"G{rng.randrange(2, 5)}P1",
                    rng.randrange(0, 3),
                    "剖宫产",
                    rng.choice(_LOSS)(volume),
                    f"悬浮红细胞{rng.randrange(2, 9)}U",
                    "胎盘前置，局部植入子宫肌层",
                    "否",
                    "双胎" if children > 1 else "单胎",
                    person.contact_name,
                )  # fmt: skip
            )
            for order in range(1, children + 1):
                letter = "AB"[order - 1]
                self._row(
                    "obstetrics/newborn", newborn_id(number, order), number, person.patient_id,
                    f"{person.patient_id}{letter}", f"{person.name}之{'子' if order == 1 else '女'}",
                    "男" if order == 1 else "女", f"{at:%Y-%m-%d %H:%M}", letter if children > 1 else "1",
                    rng.choice(_WEIGHT)(rng.randrange(210, 340) * 10), "9-10-10", "否", "活产",
                )  # fmt: skip

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()
