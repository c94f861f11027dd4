"""Stories of patients who have, or seem to have, a pulmonary infection; each names the rule it is there to try.

Rules: pulmonary_infection.md 2.1 (inclusion, exclusion) and 1.2 (chains and episodes).
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from synthetic_hospital import wording
from synthetic_hospital.builder import PatientBuilder

Story = Callable[[PatientBuilder, datetime], None]


def _sick(rng: random.Random) -> dict[str, object]:
    """Return the vital signs of somebody with pneumonia, some exactly at the cut-offs of CURB-65."""
    altered = rng.random() < 0.12
    return {
        "temperature": round(rng.uniform(38.0, 39.9), 1),
        "pulse": rng.randrange(88, 130),
        "respiration": rng.choice((20, 22, 24, 26, 29, 30, 32, 36)),
        "systolic": rng.choice((88, 89, 90, 98, 110, 124, 138)),
        "diastolic": rng.choice((56, 60, 61, 66, 74, 82)),
        "saturation": rng.randrange(86, 98),
        "consciousness": "嗜睡" if altered else "神志清楚",
        "coma_scale": 13 if altered else 15,
    }


def _inflamed(rng: random.Random, *, with_urea: bool = True) -> dict[str, str]:
    values = {
        "wbc": f"{rng.uniform(10.4, 22):.1f}",
        "lymph_abs": f"{rng.uniform(0.4, 1.8):.2f}",
        "crp": f"{rng.uniform(22, 210):.1f}",
        "pct": rng.choice((f"{rng.uniform(0.3, 9):.2f}", "<0.05", "0.25")),
        "creat": f"{rng.randrange(48, 190)}",
        "ddimer": f"{rng.uniform(0.2, 4):.2f}",
    }
    if with_urea:
        values["urea"] = rng.choice(("7.0", "7.1", f"{rng.uniform(3, 14):.1f}", "5.2"))
    return values


def _calm(rng: random.Random) -> dict[str, str]:
    return {
        "wbc": f"{rng.uniform(4.2, 9.4):.1f}",
        "crp": f"{rng.uniform(0.5, 8):.1f}",
        "urea": f"{rng.uniform(3, 7):.1f}",
    }


def _days(rng: random.Random) -> float:
    return rng.randrange(4, 20) + rng.randrange(24) / 24


def cap_inpatient(builder: PatientBuilder, at: datetime) -> None:
    """Admitted with pneumonia by code and by image."""
    rng = builder.rng
    code = rng.choice(
        (
            ("J18.900x002", "社区获得性肺炎"), ("J15.900", "细菌性肺炎"), ("j18.900", "肺炎"), ("J18．900", "肺炎"),
            ("J98.414", "肺部感染"), ("J15.700", "支原体肺炎"), ("J69.000", "吸入性肺炎"),
        )
    )  # fmt: skip
    stay = builder.visit(
        "住院", at, days=_days(rng), diagnoses=(code, ("I10.x00", "高血压")), vitals=_sick(rng),
        labs=_inflamed(rng, with_urea=rng.random() > 0.12), orders=(builder.antimicrobial(at),),
        icu_hours=6 if rng.random() < 0.08 else None,
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(rng), clinical="肺炎？")
    builder.expect((stay,), rule="icd", imaging=True)


def covid_inpatient(builder: PatientBuilder, at: datetime) -> None:
    """Admitted with COVID-19 pneumonia."""
    rng = builder.rng
    stay = builder.visit(
        "住院", at, days=_days(rng), department="感染科", diagnoses=(("U07.100x001", "新型冠状病毒肺炎"),),
        vitals=_sick(rng), labs=_inflamed(rng), orders=(builder.antimicrobial(at, 8),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_viral_pneumonia(rng))
    builder.expect((stay,), rule="icd", imaging=True)


def emergency_then_ward(builder: PatientBuilder, at: datetime) -> None:
    """Seen in the emergency room, admitted within a day: one chain."""
    rng = builder.rng
    visit = builder.visit("急诊", at, department="急诊科", vitals=_sick(rng), labs=_inflamed(rng), lab_hours=1)
    stay = builder.visit(
        "住院", at + timedelta(hours=rng.randrange(3, 20)), days=_days(rng), diagnoses=(("J18.900", "肺炎"),),
        orders=(builder.antimicrobial(at, 6),),
    )  # fmt: skip
    builder.exam(visit, wording.chest_pneumonia(rng), hours=1.5)
    builder.expect((visit, stay), rule="icd", imaging=True)


def outpatient_with_imaging(builder: PatientBuilder, at: datetime) -> None:
    """Outpatient whose image supports the code."""
    visit = builder.visit(
        "门诊", at, diagnoses=(("J15.900", "细菌性肺炎"),), labs=_inflamed(builder.rng), vitals=_sick(builder.rng)
    )
    builder.exam(visit, wording.chest_pneumonia(builder.rng), hours=2)
    builder.expect((visit,), rule="icd", imaging=True)


def outpatient_without_imaging(builder: PatientBuilder, at: datetime) -> None:
    """Outpatient with a code and no image: no member of the cohort."""
    visit = builder.visit("门诊", at, diagnoses=(("J18.900", "肺炎"),))
    builder.expect((visit,), excluded="no_rule_met", imaging=None)


def support_with_imaging(builder: PatientBuilder, at: datetime) -> None:
    """A supporting code that the image carries."""
    rng = builder.rng
    stay = builder.visit(
        "住院", at, days=_days(rng), diagnoses=(("J44.000", "慢性阻塞性肺疾病伴急性下呼吸道感染"),), vitals=_sick(rng),
        labs=_inflamed(rng), orders=(builder.antimicrobial(at),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(rng))
    builder.expect((stay,), rule="icd", imaging=True)


def support_without_imaging(builder: PatientBuilder, at: datetime) -> None:
    """A supporting code and a clear lung."""
    stay = builder.visit(
        "住院", at, days=5, diagnoses=(("J22.x00", "急性下呼吸道感染"),), labs=_calm(builder.rng), vitals={}
    )
    builder.exam(stay, wording.chest_normal(builder.rng))
    builder.expect((stay,), excluded="no_rule_met", imaging=False)


def influenza_without_pneumonia(builder: PatientBuilder, at: datetime) -> None:
    """Influenza with a clear lung: a member, of tier infection_only."""
    visit = builder.visit(
        "门诊", at, department="发热门诊", diagnoses=(("J10.101", "甲型流行性感冒"),), labs=_calm(builder.rng),
        vitals={"temperature": 38.9},
    )  # fmt: skip
    builder.exam(visit, wording.chest_normal(builder.rng), modality="DR", item="胸部正侧位", hours=1)
    builder.expect((visit,), rule="icd", tier="infection_only", imaging=False)


def excluded_code_only(builder: PatientBuilder, at: datetime) -> None:
    """Interstitial lung disease, an excluded code."""
    stay = builder.visit(
        "住院", at, days=8, diagnoses=(("J84.101", "特发性肺纤维化"),), labs=_calm(builder.rng), vitals={}
    )
    builder.exam(stay, wording.chest_interstitial(builder.rng))
    builder.expect((stay,), excluded="only_excluded_codes", imaging=False)


def text_only(builder: PatientBuilder, at: datetime) -> None:
    """The words say pneumonia, the code says nothing."""
    rng = builder.rng
    stay = builder.visit(
        "住院", at, days=_days(rng), diagnoses=(("BJ0123", "社区获得性肺炎(重症)"),), vitals=_sick(rng), labs=_inflamed(rng),
        orders=(builder.antimicrobial(at),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(rng))
    builder.expect((stay,), rule="text", imaging=True)


def imaging_contradicts(builder: PatientBuilder, at: datetime) -> None:
    """Unspecified pneumonia by code while the image is clear."""
    stay = builder.visit("住院", at, days=4, diagnoses=(("J18.900", "肺炎"),), labs=_calm(builder.rng), vitals={})
    builder.exam(stay, wording.chest_normal(builder.rng))
    builder.expect((stay,), excluded="imaging_contradicts_unspecified", imaging=False)


def image_and_laboratory(builder: PatientBuilder, at: datetime) -> None:
    """Neither code nor words, but image, fever, inflammation and treatment."""
    rng = builder.rng
    stay = builder.visit(
        "住院", at, days=_days(rng), department="心内科", diagnoses=(("I50.900", "心力衰竭"),), vitals=_sick(rng),
        labs=_inflamed(rng), orders=(builder.antimicrobial(at, 10),),
    )  # fmt: skip
    builder.exam(stay, wording.chest_pneumonia(rng), clinical="心力衰竭")
    builder.expect((stay,), rule="image_lab", imaging=True)


def tuberculosis(builder: PatientBuilder, at: datetime) -> None:
    """Pulmonary tuberculosis."""
    stay = builder.visit(
        "住院", at, days=20, department="感染科", diagnoses=(("A16.200x002", "继发性肺结核"),),
        vitals={"temperature": 37.6}, labs=_calm(builder.rng),
    )  # fmt: skip
    builder.exam(stay, wording.chest_tuberculosis(builder.rng), clinical="肺结核？")
    builder.expect((stay,), rule="icd", imaging=True)


def pneumocystis(builder: PatientBuilder, at: datetime) -> None:
    """A dagger and an asterisk code in one cell."""
    rng = builder.rng
    stay = builder.visit(
        "住院",
        at,
        days=_days(rng),
        diagnoses=(("B48.501+J17.2*", "肺孢子菌肺炎"),),
        vitals=_sick(rng),
        labs=_inflamed(rng),
    )
    builder.exam(stay, wording.chest_viral_pneumonia(rng))
    builder.expect((stay,), rule="icd", imaging=True)


def readmission(builder: PatientBuilder, at: datetime) -> None:
    """Two admissions 20 days apart: one episode."""
    rng = builder.rng
    first = builder.visit(
        "住院", at, days=7, diagnoses=(("J18.900", "肺炎"),), vitals=_sick(rng), labs=_inflamed(rng),
        orders=(builder.antimicrobial(at),),
    )  # fmt: skip
    builder.exam(first, wording.chest_pneumonia(rng))
    again = at + timedelta(days=27)
    second = builder.visit(
        "住院", again, days=5, diagnoses=(("J18.900", "肺炎"),), vitals=_sick(rng), labs=_inflamed(rng)
    )
    builder.exam(second, wording.chest_pneumonia(rng))
    builder.expect((first,), rule="icd", imaging=True)


def second_episode(builder: PatientBuilder, at: datetime) -> None:
    """Two admissions 45 days apart: two episodes."""
    rng = builder.rng
    for start in (at, at + timedelta(days=53)):
        stay = builder.visit(
            "住院", start, days=8, diagnoses=(("J15.900", "细菌性肺炎"),), vitals=_sick(rng), labs=_inflamed(rng),
            orders=(builder.antimicrobial(start),),
        )  # fmt: skip
        builder.exam(stay, wording.chest_pneumonia(rng))
        builder.expect((stay,), rule="icd", imaging=True)


STORIES: tuple[tuple[Story, int], ...] = (
    (cap_inpatient, 30),
    (covid_inpatient, 8),
    (emergency_then_ward, 9),
    (outpatient_with_imaging, 9),
    (outpatient_without_imaging, 8),
    (support_with_imaging, 5),
    (support_without_imaging, 4),
    (influenza_without_pneumonia, 5),
    (excluded_code_only, 4),
    (text_only, 4),
    (imaging_contradicts, 4),
    (image_and_laboratory, 3),
    (tuberculosis, 3),
    (pneumocystis, 2),
    (readmission, 2),
    (second_episode, 2),
)
"""Stories and how often each is told."""
