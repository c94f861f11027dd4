"""The scores of acute_abdomen.md 4, read from its prose in plain Python to be compared with the SQL."""

from decimal import Decimal

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
    interval_results,
    member,
    number,
    steps,
    table,
    worth,
)

RANGES = {
    "age_years": (14, 110),
    "temp_c": (30, 43),
    "pulse_per_min": (20, 250),
    "rr_per_min": (4, 80),
    "sbp_mmhg": (30, 300),
    "sbp_preop_mmhg": (30, 300),
    "wbc_10e9_l": ("0.01", 500),
    "neut_pct": (0, 100),
    "bands_pct": (0, 100),
    "crp_mg_l": (0, 600),
    "platelets_10e9_l": (1, 2000),
    "creatinine_umol_l": (5, 3000),
    "urea_mmol_l": ("0.1", 100),
    "urea_adm_mmol_l": ("0.1", 100),
    "urea_max48_mmol_l": ("0.1", 100),
    "bilirubin_umol_l": ("0.5", 1200),
    "inr": ("0.5", 20),
    "glucose_mmol_l": ("0.5", 80),
    "ldh_u_l": (20, 20000),
    "ast_u_l": (0, 20000),
    "hct_adm_pct": (5, 75),
    "hct_min48_pct": (5, 75),
    "calcium_min48_mmol_l": ("0.5", 5),
    "pao2_min48_mmhg": (10, 700),
    "paco2_mmhg": (5, 200),
    "base_deficit_max48_mmol_l": (0, 40),
    "albumin_g_l": (5, 70),
    "albumin_lln_g_l": (5, 70),
    "pf_ratio": (20, 700),
    "ph_arterial": ("6.5", 8),
    "necrosis_pct": (0, 100),
    "duration_h": (0, 720),
    "perforation_duration_h": (0, 1440),
    "of_max_duration_h": (0, None),
    "fluid_seq_l": (None, None),
}
"""Section 3.1 and the laboratory items; PaO2/FiO2 and pH as in pulmonary_infection.md. Age 0 to 13 only in 4.3."""


def _measured(cells: Cells, name: str) -> Decimal | None:
    return number(cells[name], *RANGES[name])


def alvarado(cells: Cells) -> Results:
    """4.1."""
    items = [worth(flag(cells[name])) for name in ("migration", "anorexia", "nausea_vomiting", "rebound")]
    items.append(worth(flag(cells["rlq_tenderness"]), 2))
    items.append(worth(at_least(_measured(cells, "temp_c"), "37.3")))
    items.append(worth(above(_measured(cells, "wbc_10e9_l"), "10.0"), 2))
    items.append(worth(above(_measured(cells, "neut_pct"), "75")))
    return interval_results(items, [(4, "unlikely"), (6, "possible"), (8, "probable"), (10, "very_probable")])


def air(cells: Cells) -> Results:
    """4.2."""
    items = [worth(flag(cells["vomiting"])), worth(flag(cells["rif_pain"]))]
    items.append(table(cells["rebound_grade"], {"none": 0, "light": 1, "medium": 2, "strong": 3}))
    items.append(worth(at_least(_measured(cells, "temp_c"), "38.5")))
    items.append(steps(_measured(cells, "neut_pct"), ("70", 1), ("85", 2)))
    items.append(steps(_measured(cells, "wbc_10e9_l"), ("10.0", 1), ("15.0", 2)))
    items.append(steps(_measured(cells, "crp_mg_l"), ("10", 1), ("50", 2)))
    return interval_results(items, [(4, "low"), (8, "indeterminate"), (12, "high")])


def aas(cells: Cells) -> Results:
    """4.3; not for ages below 16."""
    age = number(cells["age_years"], 0, 110)
    if age is not None and age < 16:
        names = ("total", "min", "max", "n_missing", "band")
        return dict.fromkeys(names) | {"status": "not_applicable"}
    items = [worth(flag(cells["rlq_pain"]), 2), worth(flag(cells["migration"]), 2)]
    items.append(_tenderness(flag(cells["rlq_tenderness"]), member(cells["sex"], "M", "F"), age))
    items.append(table(cells["guarding"], {"none": 0, "mild": 2, "moderate_severe": 4}))
    items.append(steps(_measured(cells, "wbc_10e9_l"), ("7.2", 1), ("10.9", 2), ("14.0", 3)))
    items.append(steps(_measured(cells, "neut_pct"), ("62", 2), ("75", 3), ("83", 4)))
    items.append(_crp(_measured(cells, "crp_mg_l"), _measured(cells, "duration_h")))
    return interval_results(items, [(10, "low"), (15, "intermediate"), (23, "high")])


def _tenderness(present: bool | None, sex: str | None, age: Decimal | None) -> Interval:
    if present is False:
        return 0, 0
    young = age is not None and age < 50
    if sex == "F" and young:
        least, most = 1, 1
    elif sex == "M" or (age is not None and not young):
        least, most = 3, 3
    else:
        least, most = 1, 3
    return (least if present else 0), most


def _crp(crp: Decimal | None, duration: Decimal | None) -> Interval:
    if crp is None:
        return (0, 2) if duration is not None and duration >= 24 else (0, 5)
    early = steps(crp, ("4", 2), ("11", 3), ("25", 5), ("83", 1))[0]
    late = steps(crp, ("12", 2), ("53", 2), ("152", 1))[0]
    if duration is None:
        return min(early, late), max(early, late)
    return (early, early) if duration < 24 else (late, late)


def bisap(cells: Cells) -> Results:
    """4.4, with SIRS as one item."""
    temperature, white, rate = (_measured(cells, name) for name in ("temp_c", "wbc_10e9_l", "rr_per_min"))
    criteria = [
        either(below(temperature, "36"), above(temperature, "38")),
        above(_measured(cells, "pulse_per_min"), "90"),
        _proven(rate, [above(rate, "20"), below(_measured(cells, "paco2_mmhg"), "32")]),
        _proven(white, [below(white, "4"), above(white, "12"), above(_measured(cells, "bands_pct"), "10")]),
    ]
    if criteria.count(True) >= 2:
        sirs: bool | None = True
    else:
        sirs = False if criteria.count(True) + criteria.count(None) < 2 else None
    items = [
        worth(above(_measured(cells, "urea_mmol_l"), "8.9")),
        worth(below(number(cells["gcs_total"], 3, 15, whole=True), "15")),
        worth(sirs),
        worth(above(_measured(cells, "age_years"), "60")),
        worth(flag(cells["pleural_effusion"])),
    ]
    return interval_results(items, [(2, "low"), (5, "high")]) | {"sirs": sirs}


def _proven(first: Decimal | None, proofs: list[bool | None]) -> bool | None:
    """TRUE if any value proves it, FALSE if the first value is known and none does."""
    if any(proofs):
        return True
    return None if first is None else False


def ranson(cells: Cells) -> Results:
    """4.5; the aetiology selects the column."""
    biliary = {"biliary": True, "non_biliary": False}.get(cells["etiology"])
    if biliary is None:
        names = ("admission", "h48", "total", "min", "max", "n_missing", "band")
        return dict.fromkeys(names) | {"status": "not_computable"}

    def cut(non_biliary: str, with_stones: str) -> str:
        return with_stones if biliary else non_biliary

    def change(high: str, low: str) -> Decimal | None:
        upper, lower = _measured(cells, high), _measured(cells, low)
        return None if upper is None or lower is None else upper - lower

    admission = [
        worth(above(_measured(cells, "age_years"), cut("55", "70"))),
        worth(above(_measured(cells, "wbc_10e9_l"), cut("16", "18"))),
        worth(above(_measured(cells, "glucose_mmol_l"), cut("11.1", "12.2"))),
        worth(above(_measured(cells, "ldh_u_l"), cut("350", "400"))),
        worth(above(_measured(cells, "ast_u_l"), "250")),
    ]
    later = [
        worth(above(change("hct_adm_pct", "hct_min48_pct"), "10")),
        worth(above(change("urea_max48_mmol_l", "urea_adm_mmol_l"), cut("1.8", "0.7"))),
        worth(below(_measured(cells, "calcium_min48_mmol_l"), "2.0")),
        worth(above(_measured(cells, "base_deficit_max48_mmol_l"), cut("4", "5"))),
        worth(above(_measured(cells, "fluid_seq_l"), cut("6", "4"))),
    ]
    if not biliary:
        later.append(worth(below(_measured(cells, "pao2_min48_mmhg"), "60")))

    def known(items: list[Interval]) -> int | None:
        return sum(low for low, _ in items) if all(low == high for low, high in items) else None

    parts: Results = {"admission": known(admission), "h48": known(later)}
    return parts | interval_results(admission + later, [(2, "mild_predicted"), (11, "severe_predicted")])


def ctsi(cells: Cells) -> Results:
    """4.6."""
    necrosis = _measured(cells, "necrosis_pct")
    if necrosis is None:
        points = (0, 6)
    else:
        points = ((0, 0), (2, 2), (4, 4), (6, 6))[(necrosis > 0) + (necrosis > 30) + (necrosis > 50)]
    grade = table(cells["balthazar_grade"], {"A": 0, "B": 1, "C": 2, "D": 3, "E": 4})
    return interval_results([grade, points], [(3, "mild"), (6, "moderate"), (10, "severe")])


def mctsi(cells: Cells) -> Results:
    """4.7."""
    kinds = {"normal": 0, "pancreatic_or_peripancreatic_inflammation": 2, "collection_or_fat_necrosis": 4}
    necrosis = _measured(cells, "necrosis_pct")
    points = (0, 4) if necrosis is None else ((0, 0), (2, 2), (4, 4))[(necrosis > 0) + (necrosis > 30)]
    items = [table(cells["inflammation"], kinds), points, worth(flag(cells["extrapancreatic"]), 2)]
    return interval_results(items, [(2, "mild"), (6, "moderate"), (10, "severe")])


def marshall(cells: Cells) -> Results:
    """4.8."""
    oxygenation, creatinine = _measured(cells, "pf_ratio"), _measured(cells, "creatinine_umol_l")
    resp = renal = circulation = None
    if oxygenation is not None:
        resp = next((points for points, cut in enumerate((400, 300, 200, 100)) if oxygenation > cut), 4)
    if creatinine is not None:
        renal = next((points for points, cut in enumerate((134, 169, 310, 439)) if creatinine <= cut), 4)
    vasopressor, responsive = flag(cells["vasopressor"]), flag(cells["fluid_responsive"])
    acidity = _measured(cells, "ph_arterial")
    shock = either(below(_measured(cells, "sbp_mmhg"), "90"), vasopressor)
    if shock is False:
        circulation = 0
    elif shock:
        if below(acidity, "7.2"):
            circulation = 4
        elif below(acidity, "7.3"):
            circulation = 3
        else:
            circulation = 2 if vasopressor else {True: 1, False: 2, None: None}[responsive]
    failing = [None if points is None else points >= 2 for points in (resp, renal, circulation)]
    return {"resp": resp, "renal": renal, "cv": circulation, "organ_failure": either(*failing)}


def revised_atlanta(cells: Cells) -> Results:
    """4.9."""
    names = ("of_present", "died_in_of_before_48h", "local_complication", "systemic_complication")
    present, died, local, systemic = (flag(cells[name]) for name in names)
    duration = _measured(cells, "of_max_duration_h")
    if present is None and duration is not None and duration > 0:
        present = True
    if present is False:
        persistent: bool | None = False
    else:
        persistent = either(above(duration, "48"), died)
    if persistent:
        return {"grade": "severe", "status": "complete"}
    if present or local or systemic:
        return {"grade": "moderately_severe", "status": "complete" if persistent is False else "lower_bound"}
    if present is None and local is None and systemic is None:
        return {"grade": None, "status": "not_computable"}
    excluded = present is False and local is False and systemic is False
    return {"grade": "mild", "status": "complete" if excluded else "lower_bound"}


def _tokyo(cells: Cells, dx: str | None, second: list[bool | None], needed: int) -> Results:
    """Severity of a Tokyo diagnosis: organ criteria first, then the conditions of grade II."""
    organ = [
        flag(cells["vasopressor"]),
        flag(cells["consciousness_disturbed"]),
        below(_measured(cells, "pf_ratio"), "300"),
        either(flag(cells["oliguria"]), above(_measured(cells, "creatinine_umol_l"), "176.8")),
        above(_measured(cells, "inr"), "1.5"),
        below(_measured(cells, "platelets_10e9_l"), "100"),
    ]
    if dx not in ("definite", "suspected") and not flag(cells["clinical_dx_confirmed"]):
        return {"dx": dx, "grade": None, "status": "not_applicable"}
    if all(criterion is None for criterion in organ + second):
        return {"dx": dx, "grade": None, "status": "not_computable"}
    no_third = all(criterion is False for criterion in organ)
    no_second = second.count(True) + second.count(None) < needed
    if any(organ):
        grade, complete = "III", True
    elif second.count(True) >= needed:
        grade, complete = "II", no_third
    else:
        grade, complete = "I", no_third and no_second
    return {"dx": dx, "grade": grade, "status": "complete" if complete else "lower_bound"}


def tg18_cholecystitis(cells: Cells) -> Results:
    """4.10, first part."""
    white = _measured(cells, "wbc_10e9_l")
    local = either(flag(cells["murphy"]), flag(cells["ruq_sign"]))
    systemic = either(
        above(_measured(cells, "temp_c"), "38"), at_least(_measured(cells, "crp_mg_l"), "30"), above(white, "10")
    )
    dx = None
    if local and systemic:
        dx = "definite" if flag(cells["imaging_positive"]) else "suspected"
    elif local is False or systemic is False:
        dx = "not_met"
    second = [
        above(white, "18"),
        flag(cells["ruq_tender_mass"]),
        above(_measured(cells, "duration_h"), "72"),
        flag(cells["marked_local_inflammation"]),
    ]
    return _tokyo(cells, dx, second, 1)


def tg18_cholangitis(cells: Cells) -> Results:
    """4.10, second part."""
    names = ("temp_c", "wbc_10e9_l", "bilirubin_umol_l", "albumin_g_l")
    temperature, white, bilirubin, albumin = (_measured(cells, name) for name in names)
    limit = _measured(cells, "albumin_lln_g_l") or Decimal(40)
    inflamed = either(
        above(temperature, "38"),
        flag(cells["chills"]),
        either(below(white, "4"), above(white, "10")),
        at_least(_measured(cells, "crp_mg_l"), "10"),
    )
    cholestasis = either(at_least(bilirubin, "34.2"), flag(cells["lft_over_1p5_uln"]))
    imaging = either(flag(cells["biliary_dilatation"]), flag(cells["etiology_on_imaging"]))
    labels = {
        "definite": both(inflamed, cholestasis, imaging),
        "suspected": both(inflamed, either(cholestasis, imaging)),
        "not_met": inflamed is False or (cholestasis is False and imaging is False),
    }
    dx = next((label for label, proven in labels.items() if proven), None)
    second = [
        either(above(white, "12"), below(white, "4")),
        at_least(temperature, "39"),
        at_least(_measured(cells, "age_years"), "75"),
        at_least(bilirubin, "85.5"),
        None if albumin is None else albumin < Decimal("0.7") * limit,
    ]
    return _tokyo(cells, dx, second, 2)


def boey(cells: Cells) -> Results:
    """4.11; the band is the score."""
    items = [
        worth(flag(cells["major_medical_illness"])),
        worth(below(_measured(cells, "sbp_preop_mmhg"), "100")),
        worth(above(_measured(cells, "perforation_duration_h"), "24")),
    ]
    found = interval_results(items, [(0, "0"), (1, "1"), (2, "2"), (3, "3")])
    mortality = None if found["total"] is None else ("0", "10", "45.5", "100")[items.count((1, 1))]
    return found | {"mortality_pct": mortality}


HINCHEY = {
    "fecal_peritonitis": "IV",
    "purulent_peritonitis": "III",
    "distant_abscess": "II",
    "pericolic_abscess": "Ib",
    "pericolic_inflammation": "Ia",
}


def hinchey(cells: Cells) -> Results:
    """4.12: the highest proven stage."""
    disease = flag(cells["diverticulitis"])
    if disease is False:
        return {"stage": None, "status": "not_applicable"}
    excluded = True
    for name, stage in HINCHEY.items():
        present = flag(cells[name])
        if present:
            return {"stage": stage, "status": "complete" if excluded else "lower_bound"}
        excluded = excluded and present is False
    if disease is None:
        return {"stage": None, "status": "not_computable"}
    return {"stage": "0", "status": "complete" if excluded else "lower_bound"}


AAST = ("inflamed", "gangrene", "perforation", "local_contamination", "phlegmon_abscess", "generalized_peritonitis")


def aast_appendicitis(cells: Cells) -> Results:
    """4.13."""
    inflamed, gangrene, perforation, local, abscess, general = (flag(cells[name]) for name in AAST)
    possible = perforation is not False
    intact = perforation is False
    if possible and general:
        grade, complete = 5, True
    elif possible and abscess:
        grade, complete = 4, general is False
    elif perforation or (possible and local):
        grade, complete = 3, general is False and abscess is False
    elif gangrene:
        grade, complete = 2, intact
    elif inflamed is not None:
        grade, complete = int(inflamed), intact and gangrene is False
    else:
        grade, complete = None, False
    if intact and (local or abscess or general):
        status = "conflict"
    elif grade is None:
        status = "not_computable"
    else:
        status = "complete" if complete else "lower_bound"
    return {"grade": grade, "status": status}
