"""Makes up the patients of the second hospital and what was done with them: clean values in standard form.

Every table is a list of rows, raw column to value: days `YYYY-MM-DD`, instants `YYYY-MM-DD HH:MM:SS`, sex M or F,
numbers as plain text. Identity numbers use area 110199, which belongs to no district.
"""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

Row = dict[str, str]

PATIENTS = 40
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
_GIVEN = "安邦昌德恩方光海杰康乐明宁平启瑞山泰文祥雅毅云泽"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_DEPARTMENTS = ("呼吸内科", "神经内科", "普外科", "产科")
_DIAGNOSES = (
    ("J18.900", "肺炎"), ("I63.900", "脑梗死"), ("K35.900", "急性阑尾炎"), ("O44.100", "前置胎盘伴出血"),
    ("I10.x00", "原发性高血压"), ("E11.900", "2型糖尿病"),
)  # fmt: skip
_LABS = (
    ("L0101", "白细胞计数", "10*9/L", "3.5-9.5", (4.1, 15.2)),
    ("L0205", "C反应蛋白", "mg/L", "0-10", (1.0, 120.0)),
    ("L0207", "降钙素原", "ng/mL", "0-0.5", (0.1, 9.0)),
    ("L0311", "肌酐", "umol/L", "44-133", (50.0, 130.0)),
)
_EXAMS = (
    ("CT", "胸部", "胸部CT平扫", "双肺纹理清晰，右肺下叶见斑片状高密度影，边界欠清。纵隔未见肿大淋巴结，胸腔未见积液。", "右肺下叶炎症，建议治疗后复查。"),
    ("MR", "头部", "颅脑MR平扫", "左侧基底节区见片状长T1长T2信号影，弥散受限，脑室系统未见扩大，中线结构居中。", "左侧基底节区急性脑梗死。"),
    ("CT", "腹部", "全腹CT平扫", "阑尾增粗，直径约12mm，周围脂肪间隙模糊，腔内见粪石影，未见游离气体。", "急性阑尾炎。"),
    ("MR", "盆腔", "盆腔MR平扫", "胎盘位于子宫下段前壁，下缘覆盖宫颈内口，胎盘与肌层分界欠清。", "前置胎盘，胎盘植入不除外。"),
)  # fmt: skip


def citizen_number(born: date, serial: int, area: str = "110199") -> str:
    """Return an identity number with its check digit; an odd serial is a man's."""
    body = f"{area}{born:%Y%m%d}{serial:03d}"
    return body + _CHECK[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def instant(at: datetime) -> str:
    """Return an instant in standard form."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


@dataclass(slots=True)
class Facts:
    """All tables of the hospital, by source.entity."""

    tables: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, **values: object) -> Row:
        """Add a row to a table and return it."""
        row = {name: str(value) for name, value in values.items()}
        self.tables.setdefault(table, []).append(row)
        return row


def make_facts(seed: int = 2) -> Facts:
    """Return the whole hospital; the same seed gives the same one."""
    rng = random.Random(f"second:{seed}")
    facts = Facts()
    for number in range(1, PATIENTS + 1):
        _add_patient(facts, rng, number)
    _add_births(facts, rng)
    return facts


def _add_patient(facts: Facts, rng: random.Random, number: int) -> None:
    kind = number % 4
    sex = "F" if kind == 3 else "MF"[number % 2]
    born = (
        date(1950, 1, 1) + timedelta(days=rng.randrange(365 * 45))
        if kind != 3
        else date(1988, 1, 1) + timedelta(rng.randrange(3000))
    )
    admitted = datetime(2024, 3, 1, 8, 10, 20) + timedelta(days=number, minutes=17 * number)
    person = facts.add(
        "his.patient",
        patient_id=f"00071{number * 37 % 100000:05d}",
        patient_name=_SURNAMES[number - 1] + _GIVEN[number % 24] + _GIVEN[(number * 7 + 3) % 24],
        sex=sex,
        birth_date=f"{born:%Y-%m-%d}",
        citizen_id=citizen_number(born, 2 * number + (1 if sex == "M" else 0)),
        phone=f"1391000{number * 131 % 10000:04d}",
        address=f"江宁市青石区临河路{number}号{1 + number % 6}栋{100 + number}室",
        registered_at=instant(admitted - timedelta(days=2, hours=3)),
        is_void="0",
    )
    stay = admitted + timedelta(days=3 + number % 9, hours=2)
    visit = facts.add(
        "his.encounter",
        visit_id=f"JZ24{number * 613 % 1000000:06d}",
        patient_id=person["patient_id"],
        encounter_class="inpatient",
        inpatient_no=f"B{240000 + number * 11}",
        medical_record_no=f"{50100000 + number * 101}",
        admission_count=1,
        admitted_at=instant(admitted),
        discharged_at=instant(stay),
        department=_DEPARTMENTS[kind],
        ward=f"{_DEPARTMENTS[kind]}{1 + number % 2}病区",
        discharge_disposition="1",
    )
    for place, (code, name) in enumerate((_DIAGNOSES[kind], _DIAGNOSES[4 + number % 2]), start=1):
        facts.add(
            "his.diagnosis", visit_id=visit["visit_id"], diagnosis_type="discharge", sequence_no=place, diagnosis_code=code,
            diagnosis_name=name, present_on_admission="1", diagnosed_at=instant(stay - timedelta(hours=5)),
        )  # fmt: skip
    if kind == 2:
        facts.add(
            "his.procedure", procedure_id=f"OP{9000 + number}", visit_id=visit["visit_id"], procedure_code="47.0901",
            procedure_name="阑尾切除术", performed_date=f"{admitted + timedelta(days=1):%Y-%m-%d}",
            started_at=instant(admitted + timedelta(days=1)), ended_at=instant(admitted + timedelta(days=1, hours=1)),
            blood_loss=f"{20 + number}",
        )  # fmt: skip
    _add_labs(facts, rng, number, person, visit, admitted)
    _add_exam(facts, rng, number, person, visit, admitted)
    _add_documents(facts, number, person, visit, admitted)
    _add_copies(facts, number, person, visit, admitted)


def _add_labs(facts: Facts, rng: random.Random, number: int, person: Row, visit: Row, admitted: datetime) -> None:
    collected = admitted + timedelta(hours=1, minutes=number % 50)
    for place, (code, name, unit, reference, (low, high)) in enumerate(_LABS, start=1):
        facts.add(
            "lis.result", report_id=f"LR{240300000 + number * 7}", barcode=f"{880000000000 + number * 7}",
            patient_id=person["patient_id"], visit_id=visit["visit_id"], patient_name=person["patient_name"], sex=person["sex"],
            age=f"{_age(person, admitted)}岁", specimen="血清", collected_at=instant(collected),
            received_at=instant(collected + timedelta(minutes=20)), verified_at=instant(collected + timedelta(hours=2)),
            sequence_no=place, item_code=code, item_name=name, result=f"{rng.uniform(low, high):.1f}", unit=unit,
            reference_range=reference,
        )  # fmt: skip


def _age(person: Row, at: datetime) -> int:
    born = date.fromisoformat(person["birth_date"])
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def _add_exam(facts: Facts, rng: random.Random, number: int, person: Row, visit: Row, admitted: datetime) -> None:
    at = admitted + timedelta(hours=5)
    modality, part, item, findings, impression = _EXAMS[number % 4]
    exam = facts.add(
        "ris.exam", exam_id=f"E24{number * 97 % 100000:05d}", accession_number=f"A2024{number * 89 % 1000000:06d}",
        request_id=f"RQ{700000 + number}", patient_id=person["patient_id"], visit_id=visit["visit_id"],
        patient_name=person["patient_name"], sex=person["sex"], age=f"{_age(person, at)}岁", modality=modality, body_part=part,
        exam_item=item, device=f"{modality}-{1 + number % 2}", registered_at=instant(at - timedelta(minutes=40)), examined_at=instant(at),
        reported_at=instant(at + timedelta(hours=2)), verified_at=instant(at + timedelta(hours=3)),
        findings=f"{findings}层厚{1 + number % 5}mm。", impression=impression, clinical_diagnosis=_DIAGNOSES[number % 4][1],
        reporter="韩启明", verifier="曹文海", report_status="final", report_version="1",
    )  # fmt: skip
    if number <= 20:
        facts.add(
            "pacs.study", study_instance_uid=f"1.2.999.2024.{number}.{number * 7919}", accession_number=exam["accession_number"],
            exam_id=exam["exam_id"], patient_id=person["patient_id"], patient_name=person["patient_name"], sex=person["sex"],
            birth_date=person["birth_date"], modality=modality, scheduled_at=instant(at),
        )  # fmt: skip
    for place in range(2 if number % 8 == 3 else 1 if number % 4 == 3 else 0):
        facts.add(
            "us.exam", exam_id=f"24-{10000 + number + 5000 * place}", patient_id=person["patient_id"], patient_name=person["patient_name"],
            sex="F", age=f"{_age(person, at)}岁", exam_item="产科超声", examined_at=instant(at + timedelta(hours=20 + 9 * place)),
            findings=f"宫内单胎，头位，双顶径{88 + number % 9}mm，股骨长{66 + number % 7}mm，羊水指数{100 + number}mm，胎盘位于前壁。",
            impression="宫内晚孕，单活胎。", examiner="罗雅宁", verifier="郑云平",
        )  # fmt: skip
    if number % 4 == 2:
        facts.add(
            "path.report", pathology_id=f"S24{number * 53 % 100000:05d}", patient_id=person["patient_id"], patient_name=person["patient_name"],
            submitted_at=instant(admitted + timedelta(days=1, hours=2)), specimen="阑尾",
            gross=f"送检阑尾一条，长{5 + number % 4}cm，直径0.8cm，表面充血。", microscopic="阑尾各层见大量中性粒细胞浸润，黏膜坏死脱落。",
            diagnosis="急性化脓性阑尾炎。", reported_at=instant(admitted + timedelta(days=3)), reporter="梁光泽", report_type="routine",
        )  # fmt: skip


def _add_documents(facts: Facts, number: int, person: Row, visit: Row, admitted: datetime) -> None:
    if number > 16:
        return
    complaint = ("咳嗽、发热3天", "右侧肢体无力5小时", "转移性右下腹痛1天", "停经36周，阴道流血2小时")[number % 4]
    facts.add(
        "emr.document", document_id=f"EM{number * 1009 % 100000:05d}", visit_id=visit["visit_id"], document_type="入院记录",
        content=f"主诉：{complaint}。\n现病史：患者{complaint}，门诊以“{_DIAGNOSES[number % 4][1]}”收入院。\n查体：体温37.{number % 9}℃。",
    )  # fmt: skip


def _add_copies(facts: Facts, number: int, person: Row, visit: Row, admitted: datetime) -> None:
    if number > 30:
        return
    facts.add(
        "cdr.patient", patient_id=person["patient_id"], empi_id=f"EMPI{3000000 + number * 17}", patient_name=person["patient_name"],
        sex=person["sex"], birth_date=person["birth_date"], citizen_id=person["citizen_id"], phone=person["phone"],
        marital_status="20", organization_code="42600001X", updated_at=instant(admitted + timedelta(days=1)),
    )  # fmt: skip


def _add_births(facts: Facts, rng: random.Random) -> None:
    mothers = [row for row in facts.tables["his.encounter"] if row["department"] == "产科"]
    people = {row["patient_id"]: row for row in facts.tables["his.patient"]}
    for number, visit in enumerate(mothers, start=1):
        born = datetime.fromisoformat(visit["admitted_at"]) + timedelta(hours=30, minutes=number)
        mother = people[visit["patient_id"]]
        delivery = facts.add(
            "obstetrics.delivery", delivery_id=f"FM{24000 + number}", patient_id=mother["patient_id"], visit_id=visit["visit_id"],
            patient_name=mother["patient_name"], age=f"{_age(mother, born)}岁", delivered_at=instant(born),
            gestational_age=f"{35 + number % 5}+{number % 7}", gravidity=1 + number % 3, parity=1 + number % 2,
            prior_cesarean_count=number % 2, delivery_mode="cs" if number % 2 else "vaginal", placenta_note="胎盘胎膜娩出完整",
            blood_loss_24h=f"{300 + number * 20}", hysterectomy="0",
        )  # fmt: skip
        facts.add(
            "obstetrics.newborn", newborn_id=f"XS{24000 + number}", delivery_id=delivery["delivery_id"],
            mother_patient_id=mother["patient_id"], sex="MF"[number % 2], born_at=instant(born), birth_order="1",
            birth_weight=f"{2600 + 77 * number}", apgar_1=9, apgar_5=10, is_nicu="0",
        )  # fmt: skip
