"""Invents what is charted and measured around an encounter: vital signs, laboratory results, orders, documents."""

import random
from datetime import datetime, timedelta

from synthetic_hospital.model import LabResult, Order, VitalSign

_NAMES = {
    "wbc": ("白细胞计数", "WBC", "10^9/L", "3.5-9.5"),
    "lymph_abs": ("淋巴细胞绝对值", "LY#", "10^9/L", "1.1-3.2"),
    "hgb": ("血红蛋白", "HGB", "g/L", "男:130-175 女:115-150"),
    "plt": ("血小板计数", "PLT", "10^9/L", "125-350"),
    "crp": ("C反应蛋白", "CRP", "mg/L", "<10"),
    "pct": ("降钙素原", "PCT", "ng/mL", "<0.05"),
    "urea": ("尿素", "UREA", "mmol/L", "2.9-8.2"),
    "creat": ("肌酐", "CREA", "μmol/L", "57-97"),
    "ddimer": ("D-二聚体", "D-D", "mg/L FEU", "<0.55"),
    "na": ("钠", "Na", "mmol/L", "137-147"),
}
_ALIASES = {
    "wbc": ("白细胞", "10*9/L"),
    "crp": ("C-反应蛋白", "ug/mL"),
    "urea": ("尿素氮", "mmol/L"),
    "creat": ("血肌酐", "umol/L"),
    "pct": ("降钙素原检测", "ug/L"),
}


def chart_vital_signs(
    rng: random.Random,
    start: datetime,
    *,
    temperature: float,
    pulse: int,
    respiration: int,
    systolic: int,
    diastolic: int,
    saturation: int,
    consciousness: str = "神志清楚",
    coma_scale: int | None = 15,
) -> tuple[VitalSign, ...]:
    """Return three records within a day, of which the worst values are the ones asked for."""
    worst = VitalSign(
        measured_at=start + timedelta(minutes=20),
        temperature=temperature,
        pulse=pulse,
        respiration=respiration,
        systolic=systolic,
        diastolic=diastolic,
        saturation=saturation,
        device="未吸氧" if saturation > 93 else "鼻导管吸氧3L/min",
        coma_scale=coma_scale,
        consciousness=consciousness,
    )
    later = [
        VitalSign(
            measured_at=start + timedelta(hours=hours),
            temperature=round(max(36.2, temperature - 0.4 * step), 1),
            pulse=max(60, pulse - 5 * step),
            respiration=max(14, respiration - step),
            systolic=systolic + 4 * step,
            diastolic=diastolic + 2 * step,
            saturation=min(100, saturation + step),
            device="鼻导管吸氧2L/min" if rng.random() < 0.3 else "未吸氧",
            coma_scale=coma_scale,
            consciousness=consciousness,
        )
        for step, hours in ((1, 8), (2, 16))
    ]
    return (worst, *later)


def measure(
    rng: random.Random, collected_at: datetime, values: dict[str, str], report_no: int
) -> tuple[LabResult, ...]:
    """Return results of one report; now and then by another name and unit of the same size."""
    results = []
    for code, value in values.items():
        name, local_code, unit, reference = _NAMES[code]
        if code in _ALIASES and rng.random() < 0.25:
            name, unit = _ALIASES[code]
        results.append(
            LabResult(
                report_no=report_no,
                collected_at=collected_at,
                item_code=local_code,
                item_name=name,
                result=_as_printed(rng, value),
                unit=unit,
                reference=reference,
            )
        )
    return tuple(results)


def _as_printed(rng: random.Random, value: str) -> str:
    """Return a result with the dirt of a laboratory that leaves its value alone."""
    chance = rng.random()
    if chance < 0.04:
        return value + "↑"
    if chance < 0.06:
        return value.translate(str.maketrans("0123456789.", "０１２３４５６７８９．"))
    if chance < 0.08:
        return f" {value} "
    return value


_ANTIMICROBIALS = (
    ("注射用头孢曲松钠", "2", "g", "qd", "静滴"),
    ("盐酸莫西沙星氯化钠注射液", "0.4", "g", "qd", "静滴"),
    ("注射用哌拉西林钠他唑巴坦钠", "4.5", "g", "q8h", "静滴"),
    ("阿奇霉素片", "0.5", "g", "qd", "口服"),
)


def order_antimicrobial(rng: random.Random, at: datetime) -> Order:
    """Return the order of an antibacterial drug."""
    name, dose, unit, frequency, route = rng.choice(_ANTIMICROBIALS)
    return Order(
        item_name=name, item_code=f"YP{rng.randrange(10**4):04d}", started_at=at, dose=dose, dose_unit=unit,
        frequency=frequency, route=route,
    )  # fmt: skip


def order_other(rng: random.Random, at: datetime) -> Order:
    """Return an order that is no antimicrobial."""
    name, route = rng.choice(
        (("0.9%氯化钠注射液", "静滴"), ("阿司匹林肠溶片", "口服"), ("二级护理", ""), ("注射用甲泼尼龙琥珀酸钠", "静滴"))
    )
    return Order(item_name=name, item_code=f"YP{rng.randrange(10**4):04d}", started_at=at, route=route)
