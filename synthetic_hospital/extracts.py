"""Writes the extracts of HIS, EMR, LIS, RIS, ultrasound and pathology, in the shapes and with the dirt hospitals have.

Layouts and dirt: sources.md 3 and 4. Each column keeps one way of writing dates; numbers lose zeros in the laboratory.
"""

import random
from datetime import datetime, timedelta
from pathlib import Path

from synthetic_hospital import marks
from synthetic_hospital.delivery import DelimitedFile, TextBlockFile, WorkbookFile
from synthetic_hospital.model import Encounter, Exam, Patient, Person
from synthetic_hospital.platform_extracts import PlatformWriter, card_no, insurance_no
from synthetic_hospital.truth import completed_years

_HIS = {
    "V_BRXX": "BRID|XM|XB|CSRQ|SFZH|LXDH|JTDZ|MZDM|LXRM|JDSJ|HBBRID|ZFBZ|JZKH|YBKH",
    "V_MZGH": "GHXH|BRID|MZH|GHSJ|GHKS|GHYS|GHLB|THBZ",
    "V_ZYDJ": "JZLSH|ZYH|BAH|ZYCS|BRID|RYRQ|CYRQ|RYKS|CYKS|BQ|RYTJ|CYFS|ICU_RQ",
    "V_ZD": "JZLSH|ZDLX|ZDXH|ZDBM|ZDMC|RYBQ|ZDRQ",
    "V_SSJL": "SSXH|JZLSH|SSBM|SSMC|SSRQ|KSSJ|JSSJ|SXL",
    "V_YZ": "YZH|JZLSH|YZLX|YZMC|YPBM|JL|JLDW|PC|YYTJ|KSSJ|TZSJ|ZXSJ|YZZT",
}
_CSV = {
    "emr/document": ("BLXH,JZLSH,BRID,BLLB,BLMC,JLSJ,XGSJ,QMYS,YXJL,BLNR", "utf-8-sig"),
    "emr/vital_sign": ("JLXH,JZLSH,BRID,JLSJ,TW,MB,HX,SSY,SZY,XYBHD,XYFS,GCS,SZ", "utf-8"),
    "lis/result": ("BGDH,TXM,BRID,JZLSH,XM,XB,NL,BBLX,CYSJ,JSSJ,SHSJ,XH,XMDM,XMMC,JG,DW,CKFW,YCBZ", "gb18030"),
    "ris/exam": (
        "JCH,YXH,SQDH,BRID,JZLSH,XM,XB,NL,JCLX,JCBW,JCXM,SBMC,DJSJ,JCSJ,BGSJ,SHSJ,YXSJ_TEXT,ZDYJ,LCZD,BGYS,SHYS,BGZT,"
        "BBH,STUDYUID",
        "utf-8",
    ),
}
_SEX_CODE = {"M": "1", "F": "2"}
_SEX_WORD = {"M": "男", "F": "女"}


def _iso(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _slashed(at: datetime) -> str:
    return f"{at.year}/{at.month}/{at.day} {at:%H:%M}"


def _chinese(at: datetime) -> str:
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}"


def _age(person: Person, at: datetime) -> str:
    return f"{completed_years(person.birth_date, at.date())}岁"


class ExtractWriter:
    """Holds the open files of all departments and writes patient after patient."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._rng = random.Random(f"{seed}:dirt")
        self.files: dict[str, DelimitedFile | WorkbookFile | TextBlockFile] = {}
        for name, header in _HIS.items():
            self.files[name] = DelimitedFile(
                folder / "his" / f"{name}.txt", header.split("|"), delimiter="|", encoding="gb18030", quoted=False,
                seed=f"{seed}:{name}",
            )  # fmt: skip
        for name, (header, encoding) in _CSV.items():
            self.files[name] = DelimitedFile(
                folder / f"{name}.csv",
                header.split(","),
                delimiter=",",
                encoding=encoding,
                quoted=True,
                seed=f"{seed}:{name}",
            )
        self._ultrasound = WorkbookFile(
            folder / "us" / "exam.xlsx",
            ["CSH", "BRID", "XM", "XB", "NL", "JCXM", "JCRQ", "CSMS", "CSTS", "JCYS", "SHYS", "TXLJ"],
            "超声检查登记表",
        )
        self._pathology = TextBlockFile(folder / "path" / "report.txt", "gb18030")
        self.files |= {"us/exam": self._ultrasound, "path/report": self._pathology}
        self._platform = PlatformWriter(folder, seed)
        self.files |= self._platform.files

    def _row(self, name: str, *cells: object) -> None:
        file = self.files[name]
        assert isinstance(file, DelimitedFile)
        file.write(cells)

    def write(self, patient: Patient) -> None:
        """Write everything about one patient."""
        self._platform.write(patient)
        person = patient.person
        self._row(
            "V_BRXX", person.patient_id, person.name, _SEX_CODE[person.sex], f"{person.birth_date:%Y%m%d}",
            person.citizen_id, person.phone, person.address, "01", person.contact_name, _iso(person.registered_at),
            person.merged_into, "0", card_no(person), insurance_no(person),
        )  # fmt: skip
        for encounter in patient.encounters:
            self._encounter(person, encounter)
        for exam in patient.exams:
            if exam.in_ris:
                self._exam(person, exam)
        for scan in patient.ultrasounds:
            self._ultrasound.write(
                (
                    scan.exam_id,
                    person.patient_id,
                    person.name,
                    _SEX_WORD[person.sex],
                    _age(person, scan.examined_at),
                    scan.exam_item,
                    scan.examined_at,
                    scan.findings,
                    scan.impression,
                    scan.examiner,
                    scan.verifier,
                    f"images/{scan.exam_id}.jpg",
                )  # fmt: skip
            )
        for report in patient.pathologies:
            self._pathology.write(
                (
                    ("病理号", report.pathology_id),
                    ("病人ID", person.patient_id),
                    ("姓名", person.name),
                    ("送检日期", f"{report.submitted_at:%Y.%m.%d}"),
                    ("标本", report.specimen),
                    ("大体所见", report.gross),
                    ("镜下所见", report.microscopic.replace("。", "。\n")),
                    ("免疫组化", report.immunohistochemistry),
                    ("病理诊断", report.diagnosis),
                    ("报告日期", f"{report.reported_at:%Y-%m-%d}"),
                    ("报告医师", report.reporter),
                    ("报告类型", report.report_type),
                )  # fmt: skip
            )

    def _encounter(self, person: Person, encounter: Encounter) -> None:
        if encounter.kind == "住院":
            self._row(
                "V_ZYDJ", encounter.visit_id, encounter.number, encounter.medical_record_no, encounter.stay,
                person.patient_id, _iso(encounter.admitted_at), _iso(encounter.discharged_at) or "9999-12-31",
                encounter.department, encounter.department, f"{encounter.department}一病区", "2", encounter.disposition,
                _iso(encounter.icu_at),
            )  # fmt: skip
        else:
            self._row(
                "V_MZGH", encounter.visit_id, person.patient_id, encounter.number, _iso(encounter.admitted_at),
                encounter.department, "", encounter.kind, "1" if encounter.is_cancelled else "0",
            )  # fmt: skip
        made_at = encounter.discharged_at or encounter.admitted_at
        for diagnosis in encounter.diagnoses:
            self._row(
                "V_ZD", encounter.visit_id, diagnosis.kind, diagnosis.sequence_no, diagnosis.code, diagnosis.name,
                diagnosis.present_on_admission, f"{made_at:%Y-%m-%d}",
            )  # fmt: skip
        for position, (code, name, at) in enumerate(encounter.procedures, start=1):
            self._row(
                "V_SSJL", f"{marks.PROCEDURE_PREFIX}{encounter.visit_id[4:]}{position}", encounter.visit_id, code, name,
                f"{at:%Y-%m-%d}", _iso(at), _iso(at + timedelta(hours=2)), "约400ml",
            )  # fmt: skip
        for position, order in enumerate(encounter.orders, start=1):
            self._row(
                "V_YZ", f"{marks.ORDER_PREFIX}{encounter.visit_id[4:]}{position}", encounter.visit_id, "长期",
                order.item_name, order.item_code, order.dose, order.dose_unit, order.frequency, order.route,
                _iso(order.started_at), "", _iso(order.started_at), order.status,
            )  # fmt: skip
        for position, (kind, text) in enumerate(encounter.documents, start=1):
            self._row(
                "emr/document", f"{marks.DOCUMENT_PREFIX}{encounter.visit_id[4:]}{position}", encounter.visit_id,
                person.patient_id, kind, kind, _iso(made_at), _iso(made_at), person.contact_name, "1", text,
            )  # fmt: skip
        for position, vital in enumerate(encounter.vital_signs, start=1):
            self._row(
                "emr/vital_sign", f"{marks.VITAL_PREFIX}{encounter.visit_id[4:]}{position}", encounter.visit_id,
                person.patient_id, f"{vital.measured_at:%Y-%m-%dT%H:%M:%S}", vital.temperature, vital.pulse,
                vital.respiration, vital.systolic, vital.diastolic, vital.saturation, vital.device,
                vital.coma_scale, vital.consciousness,
            )  # fmt: skip
        self._results(person, encounter)

    def _results(self, person: Person, encounter: Encounter) -> None:
        for position, result in enumerate(encounter.labs, start=1):
            loses_zeros = self._rng.random() < 0.03
            number = f"{encounter.visit_id[4:]}{result.report_no}"
            at = result.collected_at
            self._row(
                "lis/result", f"{marks.LAB_REPORT_PREFIX}{number}", f"{marks.BARCODE_PREFIX}{number}",
                person.patient_id.lstrip("0") if loses_zeros else person.patient_id,
                "" if loses_zeros else encounter.visit_id, person.name, _SEX_WORD[person.sex], _age(person, at),
                result.specimen, _slashed(at), _slashed(at + timedelta(minutes=25)), _slashed(at + timedelta(hours=1)),
                position, result.item_code, result.item_name, result.result, result.unit, result.reference, "",
            )  # fmt: skip

    def _exam(self, person: Person, exam: Exam) -> None:
        at = exam.examined_at
        reported = at + timedelta(hours=2 * exam.version)
        self._row(
            "ris/exam", exam.exam_id, exam.accession_number, exam.request_id, person.patient_id, exam.visit_id, person.name,
            _SEX_WORD[person.sex], _age(person, at), exam.modality, exam.body_part, exam.exam_item, "联影uCT 760",
            _chinese(at - timedelta(minutes=30)), _chinese(at), _chinese(reported), _chinese(reported + timedelta(minutes=20)),
            exam.findings, exam.impression, exam.clinical_diagnosis, exam.reporter, exam.verifier, exam.status, exam.version,
            exam.study_instance_uid if exam.exam_id.endswith("7") else "",
        )  # fmt: skip

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()
