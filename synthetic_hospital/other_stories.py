"""Stories of patients with the other diseases and of healthy ones; none of them has a pulmonary infection."""

from collections.abc import Callable
from datetime import datetime, timedelta

from synthetic_hospital import wording
from synthetic_hospital.builder import PatientBuilder

Story = Callable[[PatientBuilder, datetime], None]
_CALM = {"wbc": "6.4", "crp": "3.1", "urea": "5.0", "hgb": "128", "plt": "210"}


def ischaemic_stroke(builder: PatientBuilder, at: datetime) -> None:
    """Stroke by infarct, with a clear chest film."""
    stay = builder.visit(
        "住院", at, days=11, department="神经内科", diagnoses=(("I63.900x003", "脑梗死"), ("I10.x00", "高血压")), labs=_CALM,
        vitals={"systolic": 168, "diastolic": 94},
    )  # fmt: skip
    builder.exam(
        stay, wording.head_infarct(builder.rng), body_part="颅脑", item="颅脑CT平扫", clinical="脑梗死？", hours=1
    )
    if builder.rng.random() < 0.5:
        builder.exam(
            stay, wording.chest_normal(builder.rng), modality="DR", item="胸部正位", clinical="入院常规", hours=20
        )


def haemorrhagic_stroke(builder: PatientBuilder, at: datetime) -> None:
    """Stroke by haemorrhage."""
    stay = builder.visit(
        "住院", at, days=15, department="神经外科", diagnoses=(("I61.000", "丘脑出血"),), labs=_CALM,
        vitals={"systolic": 184, "diastolic": 102, "coma_scale": 12, "consciousness": "嗜睡"},
    )  # fmt: skip
    builder.exam(
        stay, wording.head_hemorrhage(builder.rng), body_part="头颅", item="头颅CT平扫", clinical="脑出血？", hours=0.7
    )


def placenta_accreta(builder: PatientBuilder, at: datetime) -> None:
    """Placenta accreta with caesarean section and pathology."""
    stay = builder.visit(
        "住院", at, days=7, department="产科",
        diagnoses=(("O43.200x001", "胎盘植入"), ("O44.100", "前置胎盘伴出血"), ("O34.200", "瘢痕子宫")), labs=_CALM, vitals={},
        procedures=(("74.1x01", "子宫下段横切口剖宫产术", at + timedelta(days=1)),),
    )  # fmt: skip
    builder.ultrasound(stay, wording.placenta_accreta_ultrasound(builder.rng), item="产科超声")
    builder.pathology(
        stay,
        specimen="胎盘及部分子宫肌层",
        gross="胎盘组织一块，母面粗糙，局部与肌层粘连。",
        microscopic="绒毛组织直接附着于子宫肌层，其间未见蜕膜组织。",
        diagnosis="胎盘植入（胎盘粘连型）。",
    )


def normal_pregnancy(builder: PatientBuilder, at: datetime) -> None:
    """A pregnancy without trouble."""
    visit = builder.visit("门诊", at, department="产科", diagnoses=(("Z34.900", "正常妊娠监督"),))
    builder.ultrasound(visit, wording.pregnancy_normal_ultrasound(builder.rng), item="产科超声")


def appendicitis(builder: PatientBuilder, at: datetime) -> None:
    """Appendicitis with operation and pathology."""
    stay = builder.visit(
        "住院", at, days=5, department="普外科", diagnoses=(("K35.900", "急性阑尾炎"),), vitals={"temperature": 38.4},
        labs=_CALM | {"wbc": "15.2", "crp": "66.0"}, procedures=(("47.0101", "腹腔镜阑尾切除术", at + timedelta(hours=9)),),
    )  # fmt: skip
    builder.exam(
        stay, wording.abdomen_appendicitis(builder.rng), body_part="腹部", item="全腹CT平扫", clinical="腹痛待查"
    )
    builder.pathology(
        stay,
        specimen="阑尾",
        gross="阑尾一条，长约6cm，表面充血。",
        microscopic="阑尾全层见大量中性粒细胞浸润。",
        diagnosis="急性化脓性阑尾炎。",
    )


def cholecystitis(builder: PatientBuilder, at: datetime) -> None:
    """Cholecystitis by ultrasound."""
    stay = builder.visit(
        "住院", at, days=6, department="普外科", diagnoses=(("K80.000", "胆囊结石伴急性胆囊炎"),), vitals={"temperature": 38.2},
        labs=_CALM | {"wbc": "12.8"},
    )  # fmt: skip
    builder.ultrasound(stay, wording.abdomen_cholecystitis_ultrasound(builder.rng), item="腹部超声")


def lung_nodule(builder: PatientBuilder, at: datetime) -> None:
    """A nodule found by chance."""
    visit = builder.visit("门诊", at, department="胸外科", diagnoses=(("R91.x00", "肺结节"),))
    builder.exam(visit, wording.chest_nodule_only(builder.rng), clinical="肺结节复查", hours=2)


def heart_failure(builder: PatientBuilder, at: datetime) -> None:
    """Heart failure with effusion and no infection."""
    stay = builder.visit(
        "住院", at, days=9, department="心内科", diagnoses=(("I50.900", "心力衰竭"),), labs=_CALM, vitals={}
    )
    builder.exam(stay, wording.chest_heart_failure(builder.rng), clinical="心力衰竭")


def health_check(builder: PatientBuilder, at: datetime) -> None:
    """A visit for a check, sometimes cancelled."""
    cancelled = builder.rng.random() < 0.1
    visit = builder.visit(
        "门诊", at, department="体检中心", diagnoses=(("Z00.000", "健康查体"),), labs=None if cancelled else _CALM,
        is_cancelled=cancelled,
    )  # fmt: skip
    if not cancelled:
        builder.exam(visit, wording.chest_normal(builder.rng), modality="DR", item="胸部正位", clinical="体检", hours=1)


STORIES: tuple[tuple[Story, str, int], ...] = (
    (ischaemic_stroke, "stroke", 14),
    (haemorrhagic_stroke, "stroke", 5),
    (placenta_accreta, "placenta_accreta", 6),
    (normal_pregnancy, "placenta_accreta", 8),
    (appendicitis, "acute_abdomen", 9),
    (cholecystitis, "acute_abdomen", 6),
    (lung_nodule, "other", 9),
    (heart_failure, "other", 5),
    (health_check, "other", 38),
)
"""Stories, the family they belong to, and how often each is told."""
