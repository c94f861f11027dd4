"""The values that the inputs of the scores of pulmonary_infection.md 4 are tried with."""

from collections.abc import Callable, Mapping, Sequence

from tests.builders import score_readings_pulmonary_infection as readings
from tests.builders.score_values import reading
from tests.builders.three_valued import Cells, Reading, Results

_CUTS = {
    "age_years": "17 18 65",
    "age_months": "1 2 11 12 71 72 215 216",
    "rr_per_min": "22 30 40 50 60",
    "pulse_per_min": "125",
    "sbp_mmhg": "90 100",
    "dbp_mmhg": "60",
    "map_mmhg": "70",
    "temp_c": "35 40",
    "spo2_pct": "90",
    "spo2_room_air_pct": "93 97",
    "pf_ratio": "100 200 250 300 400",
    "ph_arterial": "7.35",
    "urea_mmol_l": "7 7.14 10.7",
    "creatinine_umol_l": "110 171 300 440",
    "bilirubin_umol_l": "20 33 102 204",
    "platelets_10e9_l": "20 50 100 150",
    "sodium_mmol_l": "130",
    "glucose_mmol_l": "13.9",
    "hct_pct": "30",
    "pao2_mmhg": "60",
    "lesion_progression_24_48h_pct": "50",
    "peep_or_cpap_cmh2o": "5",
    "urine_ml_24h": "200 500",
} | dict.fromkeys((f"{lobe}_pct" for lobe in readings.LOBES), "0 5 25 50 75")

_RARE = ("true", "false", "false", "false")
_MEMBERS = {
    "gcs_total": ("3", "5", "6", "9", "10", "12", "13", "14", "15", "15.0"),
    "sex": ("M", "F", "m", "f"),
    "confirmed": ("true", "true", "true", "true", "true", "false"),
    "dopamine_ug_kg_min": ("0", "0.01", "5", "5.01", "15", "15.01"),
    "dobutamine_ug_kg_min": ("0", "0", "2"),
    "epinephrine_ug_kg_min": ("0", "0", "0", "0.001", "0.1", "0.1001"),
    "norepinephrine_ug_kg_min": ("0", "0", "0", "0.001", "0.1", "0.1001"),
    "pao2": ("9.99", "10", "10.01", "60", "80", "93.33", "700", "700.01", "1.33", "1.34", "12.5"),
    "pao2_unit": ("mmHg", "mm[Hg]", "kPa", "KPA"),
    "fio2_value": (
        "",
        "",
        "",
        "",
        "",
        "0.21",
        "0.2099",
        "0.4",
        "1",
        "1.01",
        "20.99",
        "21",
        "31.5",
        "100",
        "100.01",
        "0",
        "-40",
    ),
    "o2_device": ("room_air", "nasal_cannula", "nasal_cannula", "Room_Air", "mask", "hfnc"),
    "o2_flow_l_min": ("0.5", "0.99", "1", "2.5", "4", "6", "6.01"),
}
_RARELY = (
    "shock resp_failure_with_mv other_organ_failure_icu acute_necrotizing_encephalopathy high_fever_gt3d "
    "resp_distress_signs impaired_consciousness_or_seizure feeding_difficulty_dehydration invasive_mv "
    "septic_shock_vasopressor sarscov2_pcr_positive tree_in_bud centrilobular_nodules cavitation perihilar_ggo "
    "homogeneous_extensive_ggo smooth_septal_thickening lobar_segmental_consolidation "
    "peribronchovascular_predominant severe_preexisting_lung_disease neoplastic liver chf cerebrovascular "
    "renal altered_mental"
)
"""Findings that come less often than their absence."""
_MEMBERS |= dict.fromkeys(_RARELY.split(), _RARE)
_MEMBERS |= dict.fromkeys(("report_exists", "ct_interpretable"), ("true", "true", "true", "true", "false"))
_INVALID = {
    "gcs_total": ("2", "16", "14.5", "E4V5M6"),
    "sex": ("U", "X"),
    "pao2": ("abc",),
    "pao2_unit": ("bar", "torr"),
    "o2_device": ("other",),
    "o2_flow_l_min": ("abc",),
    "confirmed": ("maybe",),
} | dict.fromkeys(readings.RATES, ("-1", "abc"))
_USUAL = {
    "age_years": ("19", "35", "42", "50"),
    "rr_per_min": ("18",) * 12,
    "pulse_per_min": ("88",) * 6,
    "sbp_mmhg": ("124",) * 12,
    "temp_c": ("37.2",) * 12,
    "map_mmhg": ("85",) * 4,
    "ph_arterial": ("7.41",) * 8,
    "urea_mmol_l": ("5.2",) * 8,
    "sodium_mmol_l": ("139",) * 8,
    "glucose_mmol_l": ("5.6",) * 8,
    "hct_pct": ("41",) * 8,
    "pao2_mmhg": ("84",) * 4,
    "spo2_pct": ("97",) * 4,
    "spo2_room_air_pct": ("97",) * 12,
    "peep_or_cpap_cmh2o": ("8",) * 8,
    **dict.fromkeys(readings.RATES, ("0",) * 8),
    **dict.fromkeys(("shock", "resp_failure_with_mv", "other_organ_failure_icu"), ("false",) * 8),
    **dict.fromkeys(("sarscov2_pcr_positive", "tree_in_bud", "centrilobular_nodules", "cavitation"), ("false",) * 8),
    **dict.fromkeys(("neoplastic", "liver", "chf", "cerebrovascular", "renal", "altered_mental"), ("false",) * 12),
    **dict.fromkeys(("ggo", "multifocal", "bilateral", "subpleural", "confirmatory_pattern"), ("true",) * 3),
    **dict.fromkeys(("onset_within_7d", "bilateral_opacities", "not_fully_cardiac"), ("true",) * 4),
}

_SEVERITY = (
    "confirmed age_months resp_failure_with_mv shock other_organ_failure_icu rr_per_min spo2_room_air_pct pf_ratio "
    "clinical_worsening lesion_progression_24_48h_pct high_fever_gt3d resp_distress_signs "
    "impaired_consciousness_or_seizure feeding_difficulty_dehydration pneumonia_on_imaging"
)


_CHILDREN: list[Cells] = [
    {
        "confirmed": "true",
        "age_months": months,
        "rr_per_min": rate,
        "spo2_room_air_pct": "97",
        "pneumonia_on_imaging": "true",
    }
    for months in ("0", "1", "1.99", "2", "11", "11.99", "12", "71", "71.99", "72", "215", "215.99", "216", "")
    for rate in ("29", "30", "39", "40", "49", "50", "59", "60")
]
"""Every age with every cut-off of the respiratory rate."""


def _reading(
    results: Callable[[Cells], Results],
    inputs: str,
    cuts: Mapping[str, str] = _CUTS,
    chosen: Sequence[Cells] = (),
) -> Reading:
    return reading(
        results,
        inputs,
        cuts=cuts,
        ranges=readings.RANGES,
        members=_MEMBERS,
        invalid=_INVALID,
        usual=_USUAL,
        chosen=chosen,
    )


READINGS = {
    "pulmonary_infection_curb65": _reading(
        readings.curb65, "age_years confusion_new urea_mmol_l rr_per_min sbp_mmhg dbp_mmhg"
    ),
    "pulmonary_infection_psi": _reading(
        readings.psi,
        "age_years sex nursing_home neoplastic liver chf cerebrovascular renal altered_mental rr_per_min sbp_mmhg "
        "temp_c pulse_per_min ph_arterial urea_mmol_l sodium_mmol_l glucose_mmol_l hct_pct pao2_mmhg spo2_pct "
        "pleural_effusion",
        _CUTS | {"age_years": "18 50 60 71 91"},
    ),
    "pulmonary_infection_qsofa": _reading(readings.qsofa, "rr_per_min sbp_mmhg gcs_total altered_mental"),
    "pulmonary_infection_sofa": _reading(
        readings.sofa,
        "pf_ratio resp_support platelets_10e9_l bilirubin_umol_l map_mmhg dopamine_ug_kg_min dobutamine_ug_kg_min "
        "epinephrine_ug_kg_min norepinephrine_ug_kg_min gcs_total creatinine_umol_l urine_ml_24h",
    ),
    "pulmonary_infection_corads": _reading(
        readings.corads,
        "report_exists ct_interpretable sarscov2_pcr_positive ggo multifocal bilateral subpleural "
        "confirmatory_pattern peribronchovascular_predominant severe_preexisting_lung_disease perihilar_ggo "
        "homogeneous_extensive_ggo smooth_septal_thickening op_pattern multifocal_consolidation "
        "lobar_segmental_consolidation tree_in_bud centrilobular_nodules cavitation",
    ),
    "pulmonary_infection_ct_severity": _reading(
        readings.ct_severity, " ".join(f"{lobe}_pct" for lobe in readings.LOBES)
    ),
    "pulmonary_infection_covid_severity": _reading(readings.viral_severity, _SEVERITY, chosen=_CHILDREN),
    "pulmonary_infection_influenza_severity": _reading(
        readings.viral_severity, f"{_SEVERITY} acute_necrotizing_encephalopathy", chosen=_CHILDREN
    ),
    "pulmonary_infection_severe_cap": _reading(
        readings.severe_cap,
        "invasive_mv septic_shock_vasopressor rr_per_min pf_ratio multilobar_infiltrates confusion urea_mmol_l "
        "sbp_mmhg",
    ),
    "pulmonary_infection_ards_berlin": _reading(
        readings.ards_berlin, "onset_within_7d bilateral_opacities not_fully_cardiac pf_ratio peep_or_cpap_cmh2o"
    ),
    "pulmonary_infection_pf_ratio": _reading(readings.pf_ratio, "pao2 pao2_unit fio2_value o2_device o2_flow_l_min"),
}
