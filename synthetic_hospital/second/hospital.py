"""Puts the facts into the files of the second hospital: which table goes where, under which names, in which spelling."""

from datetime import datetime

from synthetic_hospital.second import layouts
from synthetic_hospital.second.extracts import Extract, Line, Render, lines_of
from synthetic_hospital.second.facts import Facts, Row

SEX_OF_HIS = {"M": "A", "F": "B", "U": "C"}
SEX_OF_LIS = {"M": "1", "F": "0"}
SEX_OF_RIS = {"M": "男性", "F": "女性"}
STATUS_OF_RIS = {"final": "50", "preliminary": "30", "cancelled": "99", "amended": "60"}
MODALITY_OF_RIS = {"CT": "C", "MR": "N"}
MODE_OF_DELIVERY = {"cs": "02", "vaginal": "01"}

PATIENT_WIDTHS = {
    "patient_id": 12, "patient_name": 24, "sex": 1, "birth_date": 10, "citizen_id": 20, "phone": 13, "address": 60,
    "registered_at": 14, "merged_into_patient_id": 12, "is_void": 1,
}  # fmt: skip
ENCOUNTER_WIDTHS = {
    "visit_id": 12, "patient_id": 12, "inpatient_no": 10, "medical_record_no": 10, "admission_count": 7, "admitted_at": 14,
    "discharged_at": 14, "department": 20, "ward": 24, "discharge_disposition": 2,
}  # fmt: skip
DELIVERY_WIDTHS = {
    "delivery_id": ("C", 10), "patient_id": ("C", 12), "visit_id": ("C", 12), "patient_name": ("C", 20), "age": ("C", 10),
    "delivered_at": ("C", 20), "gestational_age": ("C", 10), "gravidity": ("C", 8), "parity": ("C", 8),
    "prior_cesarean_count": ("N", 2), "delivery_mode": ("C", 4), "placenta_note": ("C", 60), "blood_loss_24h": ("C", 16),
    "hysterectomy": ("C", 2),
}  # fmt: skip
NEWBORN_WIDTHS = {
    "newborn_id": ("C", 10), "delivery_id": ("C", 10), "mother_patient_id": ("C", 12), "sex": ("C", 4), "born_at": ("C", 20),
    "birth_order": ("C", 2), "birth_weight": ("C", 10), "apgar_1": ("N", 3), "apgar_5": ("N", 3), "is_nicu": ("C", 2),
}  # fmt: skip


def compact(value: str) -> str:
    """Return the digits of an instant or day."""
    return "".join(character for character in value if character.isdigit())


def european(value: str) -> str:
    """Return 05/03/2024 08:10:20."""
    return f"{datetime.fromisoformat(value):%d/%m/%Y %H:%M:%S}"


def slashed(value: str) -> str:
    """Return 2024/3/5 08:10:20."""
    at = datetime.fromisoformat(value)
    return f"{at.year}/{at.month}/{at.day} {at:%H:%M:%S}"


def chinese(value: str) -> str:
    """Return 2024年3月5日 08:10:20."""
    at = datetime.fromisoformat(value)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S}"


def zoned(value: str) -> str:
    """Return 2024-03-05T08:10:20+08:00."""
    return value.replace(" ", "T") + "+08:00"


def _names(names: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in names.split())


def make_extracts(facts: Facts) -> dict[str, Extract]:
    """Return the clean files of the first delivery by a short name."""
    tables = facts.tables
    found: dict[str, Extract] = {}

    def add(name: str, file: str, entity: str, columns: dict[str, str], write: layouts.Writer, rows: list[Row],
            renders: dict[str, Render] | None = None) -> None:  # fmt: skip
        source, _, table = entity.partition(".")
        found[name] = Extract(
            file=file,
            source=source,
            entity=table,
            columns=columns,
            write=write,
            lines=lines_of(rows, columns, renders or {}),
        )

    people = {name: name for name in PATIENT_WIDTHS}
    patient_renders: dict[str, Render] = {
        "sex": SEX_OF_HIS.__getitem__, "birth_date": compact, "registered_at": compact,
    }  # fmt: skip
    for part, rows in enumerate((tables["his.patient"][:20], tables["his.patient"][20:]), start=1):
        add(f"patient{part}", f"HIS/DABR{part:02d}.DAT", "his.patient", people, layouts.fixed_width(PATIENT_WIDTHS, "gb18030"),
            rows, patient_renders)  # fmt: skip
    stays = {name: name for name in ENCOUNTER_WIDTHS}
    stay_renders: dict[str, Render] = {"admitted_at": compact, "discharged_at": compact}
    add("encounter", "HIS/ZYDA01.DAT", "his.encounter", stays, layouts.fixed_width(ENCOUNTER_WIDTHS, "gb18030"),
        tables["his.encounter"], stay_renders)  # fmt: skip
    add(
        "diagnosis", "HIS/dx_2024.tsv", "his.diagnosis",
        _names("visit_id=EncounterNo diagnosis_type=DxKind sequence_no=DxRank diagnosis_code=DxCode diagnosis_name=DxText "
               "present_on_admission=Poa diagnosed_at=DxDate"),
        layouts.delimited("\t", "utf-16"), tables["his.diagnosis"], {"diagnosis_type": {"discharge": "主"}.__getitem__},
    )  # fmt: skip
    add(
        "procedure", "HIS/手术登记表.xls", "his.procedure",
        _names("procedure_id=手术单号 visit_id=住院流水 procedure_code=手术ICD码 procedure_name=术式 performed_date=手术日 "
               "started_at=切皮时间 ended_at=缝皮时间 blood_loss=失血"),
        layouts.html_table("手术登记表", "gb2312"), tables["his.procedure"], {"started_at": slashed, "ended_at": slashed},
    )  # fmt: skip
    labs = _names("report_id=SHEETNO barcode=TUBE patient_id=PERSONNO visit_id=ENCNO patient_name=PNAME sex=GENDER age=AGETXT "
                  "specimen=SPEC collected_at=DRAWN received_at=GOT verified_at=SIGNED sequence_no=LN item_code=ANACODE "
                  "item_name=ANANAME result=VAL unit=UOM reference_range=NORMALS")  # fmt: skip
    lab_renders: dict[str, Render] = {
        "sex": SEX_OF_LIS.__getitem__, "collected_at": european, "received_at": european, "verified_at": european,
    }  # fmt: skip
    results = tables["lis.result"]
    for part, rows in enumerate((results[:80], results[80:150], results[150:]), start=1):
        add(
            f"lab{part}", f"LIS/export_{part}.asc", "lis.result", labs, layouts.delimited("^", "gbk"), rows, lab_renders
        )
    exams = {
        name: f"@{name.replace('_', '')[:12]}" for name in (
            "exam_id", "accession_number", "request_id", "patient_id", "visit_id", "sex", "age", "modality", "report_status",
            "report_version", "registered_at", "examined_at", "reported_at", "verified_at",
        )
    } | _names("patient_name=ptnm body_part=region exam_item=proc device=scanner findings=seen impression=concl "
               "clinical_diagnosis=clin reporter=writer verifier=signer")  # fmt: skip
    exam_renders: dict[str, Render] = {
        "sex": SEX_OF_RIS.__getitem__, "modality": MODALITY_OF_RIS.__getitem__, "report_status": STATUS_OF_RIS.__getitem__,
        "registered_at": slashed, "examined_at": slashed, "reported_at": slashed, "verified_at": slashed,
    }  # fmt: skip
    attributes = tuple(name for name, header in exams.items() if header.startswith("@"))
    for part, rows in enumerate((tables["ris.exam"][:25], tables["ris.exam"][25:]), start=1):
        declared, encoding = ("GB18030", "gb18030") if part == 1 else ("GB2312", "utf-8")
        add(f"exam{part}", f"RIS/reports{part}.xml", "ris.exam", exams,
            layouts.xml("studies", "study", attributes, declared, encoding), rows, exam_renders)  # fmt: skip
    add(
        "pathology", "PATH/cases.rep", "path.report",
        _names("pathology_id=切片编号 patient_id=患者档案号 patient_name=受检人 submitted_at=标本送达 specimen=取材部位 gross=肉眼检查 "
               "microscopic=光镜检查 diagnosis=病理意见 reported_at=签发 reporter=诊断者 report_type=类别"),
        layouts.text_blocks("####", "gb18030"), tables["path.report"],
        {"submitted_at": chinese, "reported_at": chinese, "report_type": {"routine": "石蜡"}.__getitem__},
    )  # fmt: skip
    add(
        "ultrasound", "US/2024年超声工作量.xlsx", "us.exam",
        _names("patient_id=档案号 patient_name=孕妇 exam_id=彩超编号 sex=性 age=岁数 exam_item=项目 examined_at=日期时间 findings=描述 "
               "impression=提示 examiner=操作 verifier=复核"),
        layouts.workbook("超声工作量统计表", ("patient_id", "patient_name")), tables["us.exam"], {"sex": {"F": "女"}.__getitem__},
    )  # fmt: skip
    add(
        "cdr", "CDR/persons.ndjson", "cdr.patient",
        _names("patient_id=person.localId empi_id=person.empi patient_name=person.fullName sex=demographics.sexCode "
               "birth_date=demographics.born citizen_id=demographics.idNo phone=contact.mobile marital_status=demographics.marital "
               "organization_code=orgCode updated_at=lastChange"),
        layouts.json_lines(bom=True), tables["cdr.patient"], {"sex": {"M": "1", "F": "2"}.__getitem__, "updated_at": zoned},
    )  # fmt: skip
    add("delivery", "OB/FMDJ.DBF", "obstetrics.delivery",
        _names("delivery_id=DJXH patient_id=CFDAH visit_id=CFLS patient_name=CFM age=SUI delivered_at=MCSJ gestational_age=ZHOU "
               "gravidity=YUN parity=CHAN prior_cesarean_count=POU delivery_mode=FS placenta_note=TPMS blood_loss_24h=SXUE hysterectomy=QGZ"),
        layouts.dbf(DELIVERY_WIDTHS), tables["obstetrics.delivery"], {"delivery_mode": MODE_OF_DELIVERY.__getitem__})  # fmt: skip
    add("newborn", "OB/YEDJ.DBF", "obstetrics.newborn",
        _names("newborn_id=YEXH delivery_id=DJXH mother_patient_id=CFDAH sex=YEXB born_at=MCSJ birth_order=TCX birth_weight=YETZ "
               "apgar_1=PF1 apgar_5=PF5 is_nicu=ZEK"),
        layouts.dbf(NEWBORN_WIDTHS), tables["obstetrics.newborn"], {"sex": {"M": "男", "F": "女"}.__getitem__})  # fmt: skip
    add("worklist", "PACS/worklist.json", "pacs.study", {name: name for name in (*layouts._TAGS, "scheduled_at")},
        layouts.worklist(), tables["pacs.study"], {"birth_date": compact})  # fmt: skip
    for number, row in enumerate(tables["emr.document"]):
        suffix = "rtf" if number % 2 else "html"
        columns = {name: name for name in ("document_id", "visit_id", "content")}
        found[f"document{number}"] = Extract(
            file=f"EMR/{row['visit_id']}_{row['document_id']}.{suffix}", source="emr", entity="document", columns=columns,
            write=layouts.document,
            lines=[Line(cells=dict(row), truth={name: row[name] for name in columns})],
        )  # fmt: skip
    return found
