"""The scores of pulmonary_infection.md 4, read from its prose in plain Python to be compared with the SQL."""

from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from tests.builders.three_valued import (
    Cells,
    Interval,
    Results,
    above,
    at_least,
    below,
    both,
    either,
    flag,
    member,
    number,
    worth,
)

RANGES = {
    "age_years": (0, 120),
    "age_months": (0, 1440),
    "rr_per_min": (4, 80),
    "pulse_per_min": (20, 250),
    "sbp_mmhg": (30, 280),
    "dbp_mmhg": (10, 180),
    "map_mmhg": (20, 200),
    "temp_c": (30, 43),
    "spo2_pct": (50, 100),
    "spo2_room_air_pct": (50, 100),
    "pf_ratio": (20, 700),
    "ph_arterial": ("6.5", "8.0"),
    "urea_mmol_l": ("0.1", 100),
    "creatinine_umol_l": (5, 3000),
    "bilirubin_umol_l": ("0.5", 1200),
    "platelets_10e9_l": (1, 2000),
    "sodium_mmol_l": (90, 200),
    "glucose_mmol_l": ("0.5", 80),
    "hct_pct": (5, 75),
    "pao2_mmhg": (10, 700),
    "lesion_progression_24_48h_pct": (-100, 1000),
    "peep_or_cpap_cmh2o": (0, 60),
    "urine_ml_24h": (0, 30000),
} | dict.fromkeys(("rul_pct", "rml_pct", "rll_pct", "lul_pct", "lll_pct"), (0, 100))
"""Section 3 and the laboratory items; it gives none for PEEP and urine, whose ends are a choice."""

RATES = tuple(f"{drug}_ug_kg_min" for drug in ("dopamine", "dobutamine", "epinephrine", "norepinephrine"))
LOBES = ("rul", "rml", "rll", "lul", "lll")


def _measured(cells: Cells, name: str) -> Decimal | None:
    return number(cells[name], *RANGES[name])


def _coma_scale(cells: Cells) -> Decimal | None:
    return number(cells["gcs_total"], 3, 15, whole=True)


def at_most(value: Decimal | None, cut: str) -> bool | None:
    """Tell whether a number does not exceed a cut-off, None when it is missing."""
    return None if value is None else value <= Decimal(cut)


def summed(items: Sequence[Interval]) -> tuple[int | None, int, int]:
    """Return total, min and max of a score: the total only when no item is open."""
    low, high = sum(item[0] for item in items), sum(item[1] for item in items)
    return (None if any(item[0] < item[1] for item in items) else low), low, high


def curb65(cells: Cells) -> Results:
    """4.1."""
    age = _measured(cells, "age_years")
    if below(age, "18"):
        return dict.fromkeys(("total", "min", "max", "risk_group", "crb65"))
    pressure = either(below(_measured(cells, "sbp_mmhg"), "90"), at_most(_measured(cells, "dbp_mmhg"), "60"))
    clinical = [
        worth(flag(cells["confusion_new"])),
        worth(at_least(_measured(cells, "rr_per_min"), "30")),
        worth(pressure),
        worth(at_least(age, "65")),
    ]
    total, low, high = summed([*clinical, worth(above(_measured(cells, "urea_mmol_l"), "7"))])

    def group(points: int) -> str:
        return ("low", "low", "intermediate", "high", "high", "high")[points]

    found = group(low) if group(low) == group(high) else None
    return {"total": total, "min": low, "max": high, "risk_group": found, "crb65": summed(clinical)[0]}


_COMORBIDITIES = {"neoplastic": 30, "liver": 20, "chf": 10, "cerebrovascular": 10, "renal": 10}


def psi(cells: Cells) -> Results:
    """4.2, with the age in completed years."""
    age, sex = _measured(cells, "age_years"), member(cells["sex"].upper(), "M", "F")
    if age is None or sex is None or age < 18:
        return dict.fromkeys(("points", "class", "labs_missing_n"))
    age = age.to_integral_value(ROUND_FLOOR)
    temperature = _measured(cells, "temp_c")
    examination = [
        (flag(cells["altered_mental"]), 20),
        (at_least(_measured(cells, "rr_per_min"), "30"), 20),
        (below(_measured(cells, "sbp_mmhg"), "90"), 20),
        (either(below(temperature, "35"), at_least(temperature, "40")), 15),
        (at_least(_measured(cells, "pulse_per_min"), "125"), 10),
    ]
    oxygen = [below(_measured(cells, "pao2_mmhg"), "60"), below(_measured(cells, "spo2_pct"), "90")]
    laboratory = [
        (below(_measured(cells, "ph_arterial"), "7.35"), 30),
        (at_least(_measured(cells, "urea_mmol_l"), "10.7"), 20),
        (below(_measured(cells, "sodium_mmol_l"), "130"), 20),
        (at_least(_measured(cells, "glucose_mmol_l"), "13.9"), 10),
        (below(_measured(cells, "hct_pct"), "30"), 10),
        (None if oxygen == [None, None] else any(oxygen), 10),
    ]
    missing = sum(finding is None for finding, _ in laboratory)
    ill = any(flag(cells[name]) for name in _COMORBIDITIES)
    low = age - 10 if sex == "F" else age
    low += sum(points for name, points in _COMORBIDITIES.items() if flag(cells[name]))
    low += sum(10 for name in ("nursing_home", "pleural_effusion") if flag(cells[name]))
    low += sum(points for finding, points in examination + laboratory if finding)
    unknown = [points for finding, points in examination if finding is None]
    high = low + sum(unknown)

    def group(points: Decimal) -> int:
        return 2 + (points > 70) + (points > 90) + (points > 130)

    found = None
    if age > 50 or ill or any(finding for finding, _ in examination):
        found = group(low) if group(low) == group(high) else None
    elif not unknown:
        found = 1
    return {"points": None if unknown else low, "class": found, "labs_missing_n": missing}


def qsofa(cells: Cells) -> Results:
    """4.3."""
    known = [value for value in (below(_coma_scale(cells), "15"), flag(cells["altered_mental"])) if value is not None]
    total, low, high = summed(
        [
            worth(at_least(_measured(cells, "rr_per_min"), "22")),
            worth(at_most(_measured(cells, "sbp_mmhg"), "100")),
            worth(any(known) if known else None),
        ]
    )
    positive = low >= 2 if (low >= 2) == (high >= 2) else None
    return {"total": total, "min": low, "max": high, "positive": positive}


def sofa(cells: Cells) -> Results:
    """4.4."""
    parts = {
        "resp": _respiratory(_measured(cells, "pf_ratio"), flag(cells["resp_support"])),
        "coag": _highest(_measured(cells, "platelets_10e9_l"), lambda value: [value < c for c in (150, 100, 50, 20)]),
        "liver": _highest(
            _measured(cells, "bilirubin_umol_l"),
            lambda value: [value >= 20, value >= 33, value >= 102, value > 204],
        ),
        "cardio": _circulation(_measured(cells, "map_mmhg"), *(_rate(cells[name]) for name in RATES)),
        "cns": _highest(_coma_scale(cells), lambda value: [value <= c for c in (14, 12, 9, 5)]),
        "renal": _renal(_measured(cells, "creatinine_umol_l"), _measured(cells, "urine_ml_24h")),
    }
    available = [points for points in parts.values() if points is not None]
    missing = len(parts) - len(available)
    return {
        **parts,
        "min": sum(available),
        "missing_n": missing,
        "total": sum(available) if missing <= 2 else None,
    }


def _highest(value: Decimal | None, criteria: Callable[[Decimal], Sequence[bool]]) -> int | None:
    """Return the number of the last of ascending criteria that a value meets, 0 when it meets none."""
    if value is None:
        return None
    return max([points for points, met in enumerate(criteria(value), 1) if met], default=0)


def _respiratory(ratio: Decimal | None, supported: bool | None) -> int | None:
    points = _highest(ratio, lambda value: [value < cut for cut in (400, 300, 200, 100)])
    return points if points is None or supported else min(points, 2)


def _rate(cell: str) -> Decimal:
    return number(cell, 0) or Decimal(0)


def _circulation(
    pressure: Decimal | None, dopamine: Decimal, dobutamine: Decimal, epinephrine: Decimal, norepinephrine: Decimal
) -> int | None:
    strongest = max(epinephrine, norepinephrine)
    if dopamine > 15 or strongest > Decimal("0.1"):
        return 4
    if dopamine > 5 or strongest > 0:
        return 3
    if dopamine > 0 or dobutamine > 0:
        return 2
    return None if pressure is None else int(pressure < 70)


def _renal(creatinine: Decimal | None, urine: Decimal | None) -> int | None:
    by_creatinine = _highest(creatinine, lambda value: [value >= 110, value >= 171, value >= 300, value > 440])
    by_urine = None if urine is None else 4 if urine < 200 else 3 if urine < 500 else 0
    return max([points for points in (by_creatinine, by_urine) if points is not None], default=None)


def corads(cells: Cells) -> Results:
    """4.5."""
    return {"derived": _corads({name: flag(cells[name]) for name in cells})}


def _corads(sign: dict[str, bool | None]) -> int | None:
    if sign["sarscov2_pcr_positive"]:
        return 6
    if not sign["report_exists"]:
        return None
    if sign["ct_interpretable"] is False:
        return 0
    ggo, multifocal, bilateral, subpleural = (
        bool(sign[name]) for name in ("ggo", "multifocal", "bilateral", "subpleural")
    )
    elsewhere = any(sign[name] for name in ("tree_in_bud", "centrilobular_nodules", "cavitation"))
    against = elsewhere or sign["peribronchovascular_predominant"] or sign["severe_preexisting_lung_disease"]
    if ggo and multifocal and bilateral and subpleural:
        return 5 if sign["confirmatory_pattern"] and not against else 4
    other = elsewhere or sign["lobar_segmental_consolidation"]
    equivocal = sign["perihilar_ggo"] or sign["homogeneous_extensive_ggo"] or sign["smooth_septal_thickening"]
    partial = (subpleural and not bilateral) or (multifocal and bilateral and not subpleural)
    if ggo and not other and not equivocal and partial:
        return 4
    if sign["multifocal_consolidation"] and not ggo and not other and not sign["op_pattern"]:
        return 4
    if other and not ggo:
        return 2
    return 3 if ggo or equivocal or sign["op_pattern"] else 1


def ct_severity(cells: Cells) -> Results:
    """4.6."""
    scores: dict[str, int | None] = {lobe: _lobe(_measured(cells, f"{lobe}_pct")) for lobe in LOBES}
    valid = [points for points in scores.values() if points is not None]
    total = sum(valid) if len(valid) == len(LOBES) else None
    return {**scores, "total": total, "partial": sum(valid), "lobes_n": len(valid)}


def _lobe(share: Decimal | None) -> int | None:
    if share is None or share == 0:
        return None if share is None else 0
    if share < 5:
        return 1
    if share <= 25:
        return 2
    if share < 50:
        return 3
    return 4 if share <= 75 else 5


_CRITICAL = ("resp_failure_with_mv", "shock", "other_organ_failure_icu", "acute_necrotizing_encephalopathy")
_CHILD = (
    "high_fever_gt3d",
    "resp_distress_signs",
    "impaired_consciousness_or_seizure",
    "feeding_difficulty_dehydration",
)


def viral_severity(cells: Cells) -> Results:
    """4.7, and 4.7b for cells that name the acute necrotising encephalopathy."""
    if flag(cells["confirmed"]) is not True:
        return {"severity": None, "min": None}
    pneumonia = flag(cells["pneumonia_on_imaging"])
    if any(flag(cells[name]) for name in _CRITICAL if name in cells):
        severity: str | None = "critical"
    else:
        severe = _severe(cells)
        if severe:
            severity = "severe"
        elif severe is None or pneumonia is None:
            severity = None
        else:
            severity = "moderate" if pneumonia else "mild"
    return {"severity": severity, "min": severity or ("moderate" if pneumonia else "mild")}


def _severe(cells: Cells) -> bool | None:
    """TRUE if a criterion holds; FALSE only with a respiratory rate and an oxygen measurement."""
    months, rate, saturation, ratio, growth = (
        _measured(cells, name)
        for name in ("age_months", "rr_per_min", "spo2_room_air_pct", "pf_ratio", "lesion_progression_24_48h_pct")
    )
    criteria = [at_most(saturation, "93")]
    adult = months is None or months >= 216
    if months is None or adult:
        worse = both(flag(cells["clinical_worsening"]), above(growth, "50"))
        criteria += [at_least(rate, "30"), at_most(ratio, "300"), worse]
    else:
        fast = "60" if months < 2 else "50" if months < 12 else "40" if months < 72 else "30"
        criteria += [at_least(rate, fast), *(flag(cells[name]) for name in _CHILD)]
    if any(criteria):
        return True
    measured = saturation is not None or (adult and ratio is not None)
    return False if rate is not None and measured else None


def severe_cap(cells: Cells) -> Results:
    """4.8."""
    major = [flag(cells["invasive_mv"]), flag(cells["septic_shock_vasopressor"])]
    minor = [
        at_least(_measured(cells, "rr_per_min"), "30"),
        at_most(_measured(cells, "pf_ratio"), "250"),
        flag(cells["multilobar_infiltrates"]),
        flag(cells["confusion"]),
        at_least(_measured(cells, "urea_mmol_l"), "7.14"),
        below(_measured(cells, "sbp_mmhg"), "90"),
    ]
    met, missing = minor.count(True), minor.count(None)
    severe = None
    if any(major) or met >= 3:
        severe = True
    elif major == [False, False] and met + missing < 3:
        severe = False
    return {"major_n": major.count(True), "minor_n": met, "minor_missing_n": missing, "severe": severe}


def ards_berlin(cells: Cells) -> Results:
    """4.9."""
    ratio = _measured(cells, "pf_ratio")
    met = both(
        flag(cells["onset_within_7d"]),
        flag(cells["bilateral_opacities"]),
        flag(cells["not_fully_cardiac"]),
        at_least(_measured(cells, "peep_or_cpap_cmh2o"), "5"),
        at_most(ratio, "300"),
    )
    if not met or ratio is None:
        return {"grade": None if met is None else "none"}
    return {"grade": "severe" if ratio <= 100 else "moderate" if ratio <= 200 else "mild"}


def pf_ratio(cells: Cells) -> Results:
    """4.10; an oxygen pressure is valid from 10 to 700 mmHg."""
    factor = {"mmhg": Decimal(1), "mm[hg]": Decimal(1), "kpa": Decimal("7.50062")}.get(cells["pao2_unit"].lower())
    given = number(cells["pao2"])
    pressure = None if factor is None or given is None else number(str(given * factor), *RANGES["pao2_mmhg"])
    value, flow, device = number(cells["fio2_value"]), number(cells["o2_flow_l_min"]), cells["o2_device"].lower()
    fraction, source = None, None
    if value is not None:
        if Decimal("0.21") <= value <= 1:
            fraction, source = value, "measured"
        elif 21 <= value <= 100:
            fraction, source = value / 100, "measured"
    elif device == "room_air":
        fraction, source = Decimal("0.21"), "room_air"
    elif device == "nasal_cannula" and flow is not None and 1 <= flow <= 6:
        fraction, source = Decimal("0.21") + Decimal("0.04") * flow, "estimated"
    ratio = None if fraction is None or pressure is None else pressure / fraction
    return {
        "fio2": None if fraction is None else float(fraction),
        "fio2_source": source,
        "pf": None if ratio is None else float(ratio.quantize(Decimal("0.1"), ROUND_HALF_UP)),
    }
