"""The values that the inputs of the scores of acute_abdomen.md 4 are tried with: both sides of every cut-off, range ends."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from tests.builders import score_readings_acute_abdomen as readings
from tests.builders.three_valued import Cells, Reading, Results

_CUTS = {
    "age_years": "14 15.9 16 49 50 55 60 70 75",
    "temp_c": "36 37.3 38 38.5 39",
    "pulse_per_min": "90",
    "rr_per_min": "20",
    "sbp_mmhg": "90",
    "sbp_preop_mmhg": "100",
    "wbc_10e9_l": "4 7.2 10 10.9 12 14 15 16 18",
    "neut_pct": "62 70 75 83 85",
    "bands_pct": "10",
    "crp_mg_l": "4 10 11 12 25 30 50 53 83 152",
    "platelets_10e9_l": "100",
    "creatinine_umol_l": "134 169 176.8 310 439",
    "urea_mmol_l": "8.9",
    "urea_adm_mmol_l": "5 5.9 7",
    "urea_max48_mmol_l": "5.7 6.8 7.7",
    "bilirubin_umol_l": "34.2 85.5",
    "inr": "1.5",
    "glucose_mmol_l": "11.1 12.2",
    "ldh_u_l": "350 400",
    "ast_u_l": "250",
    "hct_adm_pct": "42.1 45",
    "hct_min48_pct": "32.1 35",
    "calcium_min48_mmol_l": "2",
    "pao2_min48_mmhg": "60",
    "paco2_mmhg": "32",
    "base_deficit_max48_mmol_l": "4 5",
    "albumin_g_l": "21 24.5 28",
    "albumin_lln_g_l": "30 35 40",
    "pf_ratio": "100 200 300 400",
    "ph_arterial": "7.2 7.3",
    "necrosis_pct": "0 30 50",
    "duration_h": "24 72",
    "perforation_duration_h": "24",
    "of_max_duration_h": "0 48",
    "fluid_seq_l": "4 6",
}
"""Measurement to the cut-offs of all scores."""

_USUAL = {
    "vasopressor": ("false",) * 6,
    "consciousness_disturbed": ("false",) * 6,
    "oliguria": ("false",) * 6,
    "pf_ratio": ("420",) * 12,
    "creatinine_umol_l": ("80",) * 12,
    "inr": ("1.1",) * 12,
    "platelets_10e9_l": ("220",) * 12,
    "ph_arterial": ("7.4",) * 3,
}
"""Values that come more often, so that a severe finding does not hide all others."""
_STEP = Decimal("0.01")
_MEMBERS = {
    "sex": ("M", "F", "U"),
    "rebound_grade": ("none", "light", "medium", "strong"),
    "guarding": ("none", "mild", "moderate_severe"),
    "etiology": ("biliary", "non_biliary"),
    "balthazar_grade": ("A", "B", "C", "D", "E"),
    "inflammation": ("normal", "pancreatic_or_peripancreatic_inflammation", "collection_or_fat_necrosis"),
    "gcs_total": ("3", "14", "15"),
}
_WRONG = {"sex": ("9", "X"), "balthazar_grade": ("F", "0"), "gcs_total": ("2", "16", "14.5", "E4V5M6")}


def _values(name: str) -> Sequence[str]:
    if name in _MEMBERS:
        return _MEMBERS[name]
    usual = _USUAL.get(name, ())
    if name not in _CUTS:
        return ("true", "false", *usual)
    low, high = readings.RANGES[name]
    near = [Decimal(cut) + step for cut in _CUTS[name].split() for step in (-_STEP, 0, _STEP)]
    ends = [Decimal(str(end)) for end in (low, high) if end is not None]
    inside = [value for value in near + ends if _inside(value, low, high)]
    return tuple(str(value) for value in sorted(set(inside))) + usual


def _invalid(name: str) -> Sequence[str]:
    if name in _MEMBERS:
        return _WRONG.get(name, ("other",))
    if name not in _CUTS:
        return ()
    low, high = readings.RANGES[name]
    beyond = [str(Decimal(str(low)) - _STEP)] if low is not None else []
    beyond += [str(Decimal(str(high)) + _STEP)] if high is not None else []
    return (*beyond, "abc", "-999", "1e9") if beyond and low is not None and high is not None else (*beyond, "abc")


def _inside(value: Decimal, low: object, high: object) -> bool:
    return (low is None or value >= Decimal(str(low))) and (high is None or value <= Decimal(str(high)))


def _reading(results: Callable[[Cells], Results], inputs: str) -> Reading:
    names = inputs.split()
    invalid = {name: _invalid(name) for name in names}
    return Reading(
        results=results,
        values={name: _values(name) for name in names},
        invalid={name: values for name, values in invalid.items() if values},
    )


_ORGANS = "vasopressor consciousness_disturbed pf_ratio oliguria creatinine_umol_l inr platelets_10e9_l"

READINGS = {
    "acute_abdomen_alvarado": _reading(
        readings.alvarado,
        "migration anorexia nausea_vomiting rlq_tenderness rebound temp_c wbc_10e9_l neut_pct",
    ),
    "acute_abdomen_air": _reading(readings.air, "vomiting rif_pain rebound_grade temp_c neut_pct wbc_10e9_l crp_mg_l"),
    "acute_abdomen_aas": _reading(
        readings.aas,
        "age_years sex rlq_pain migration rlq_tenderness guarding wbc_10e9_l neut_pct crp_mg_l duration_h",
    ),
    "acute_abdomen_aast_appendicitis": _reading(readings.aast_appendicitis, " ".join(readings.AAST)),
    "acute_abdomen_bisap": _reading(
        readings.bisap,
        "urea_mmol_l gcs_total temp_c pulse_per_min rr_per_min paco2_mmhg wbc_10e9_l bands_pct age_years "
        "pleural_effusion",
    ),
    "acute_abdomen_ranson": _reading(
        readings.ranson,
        "etiology age_years wbc_10e9_l glucose_mmol_l ldh_u_l ast_u_l hct_adm_pct hct_min48_pct urea_adm_mmol_l "
        "urea_max48_mmol_l calcium_min48_mmol_l pao2_min48_mmhg base_deficit_max48_mmol_l fluid_seq_l",
    ),
    "acute_abdomen_ctsi": _reading(readings.ctsi, "balthazar_grade necrosis_pct"),
    "acute_abdomen_mctsi": _reading(readings.mctsi, "inflammation necrosis_pct extrapancreatic"),
    "acute_abdomen_marshall": _reading(
        readings.marshall, "pf_ratio creatinine_umol_l sbp_mmhg vasopressor fluid_responsive ph_arterial"
    ),
    "acute_abdomen_revised_atlanta": _reading(
        readings.revised_atlanta,
        "of_present of_max_duration_h died_in_of_before_48h local_complication systemic_complication",
    ),
    "acute_abdomen_tg18_cholecystitis": _reading(
        readings.tg18_cholecystitis,
        f"murphy ruq_sign temp_c crp_mg_l wbc_10e9_l imaging_positive clinical_dx_confirmed {_ORGANS} ruq_tender_mass "
        "duration_h marked_local_inflammation",
    ),
    "acute_abdomen_tg18_cholangitis": _reading(
        readings.tg18_cholangitis,
        "temp_c chills wbc_10e9_l crp_mg_l bilirubin_umol_l lft_over_1p5_uln biliary_dilatation etiology_on_imaging "
        f"clinical_dx_confirmed {_ORGANS} age_years albumin_g_l albumin_lln_g_l",
    ),
    "acute_abdomen_boey": _reading(readings.boey, "major_medical_illness sbp_preop_mmhg perforation_duration_h"),
    "acute_abdomen_hinchey": _reading(readings.hinchey, "diverticulitis " + " ".join(readings.HINCHEY)),
}
