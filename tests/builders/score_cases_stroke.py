"""The values that the inputs of the scores of stroke.md 4 are tried with."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.builders import score_readings_stroke as readings
from tests.builders.score_values import reading
from tests.builders.three_valued import Cells, Reading, Results

_CUTS = {
    "age_years": "60 65 75 80",
    "sbp_mmhg": "140",
    "dbp_mmhg": "90",
    "duration_min": "10 60",
    "volume_ml": "30",
    "relevant_stenosis_pct": "50",
    "lesion_max_mm": "15",
}
_RARE = ("true", "false", "false", "false")
_DOOR = datetime(2025, 3, 1, 23, 40)
_TIMES = tuple(
    str(_DOOR + timedelta(seconds=seconds))
    for seconds in (-5400, -61, -60, -1, 0, 59, 60, 3599, 3600, 3660, 5400, 5459, 5460, 16200, 16260)
)
_MOMENTS = (
    "arrival_time",
    "recognition_time",
    "first_ct_time",
    "needle_time",
    "puncture_time",
    "onset_time",
    "last_known_well_time",
)
_MEMBERS: dict[str, tuple[str, ...]] = {
    "gcs_total": ("3", "4", "5", "6", "7", "12", "13", "14", "15"),
    "sex": ("M", "F", "m", "f"),
    "af": ("true", "true", "true", "true", "false"),
    "valvular_af": ("true", "false", "false", "false", "false"),
    "is_ischaemic_stroke": ("true", "true", "true", "true", "false"),
    "sah_thickness": ("none", "thin", "thick", "Thick", "unknown"),
    "recorded_grade": ("", "", "1", "2", "3", "4", "5"),
    "consciousness": ("alert", "Alert", "alert", *readings.CONSCIOUSNESS),
    "hemiparesis": ("none", "none", *readings.HEMIPARESIS),
    "headache": ("none", *readings.HEADACHE),
    "neck_stiffness": ("none", *readings.NECK),
    "eye": ("1", "2", "3", "4", "C", "c", "Ｃ", "04", "4.0"),
    "verbal": ("1", "2", "3", "4", "5", "T", "A", "t", "Ａ", " T ", "+5"),
    "motor": ("1", "2", "3", "4", "5", "6", "6.0"),
    "death_day": ("", "", "", "0", "40", "89", "90", "91", "95", "104", "400", "36500"),
    "assessments_day_score": (
        "7:4;30:3;90:1",
        "88:3;95:2",
        "88:3;92:2",
        "92:2;88:3",
        "75:1;105:2",
        "76:1",
        "104:5;75:0",
        "90:7;91:4",
        "90:-1;80:0",
        "90:x;89:3",
        " 88 : 3 ; 95 : 2 ",
        "90:2;",
        ";;90:2",
        "90:2.0",
        "90:2.5;100:1",
        "90.5:1;100:2",
        "８８：３；９５：２",
        "90;89:1",
        "90:;89:1",
        ":2;89:1",
        "-90:1",
        "90:6;96:2",
        "96:2;84:5",
        "90:1:2;80:3",
        "90:01",
        "90:3;90:2",
        "d90:2",
    ),
    "a_mm": ("0.5", "30", "47.31", "60", "300"),
    "b_mm": ("0.5", "20", "45", "300"),
    "c_mm": ("", "", "", "10", "30.5", "300"),
    "slice_thickness_mm": ("1.25", "5", "10", "50"),
    "slice_area_pct_of_max": (
        "100",
        "100;90;80;60;30;10",
        "100;75;75.01;74.99",
        "25;24.99;25.01",
        "0;0",
        " 100 ; 50 ",
        "１００；５０",
        "100.0;5e1",
        "100;50;",
    ),
    "in_hospital_stroke": ("true", "false"),
    **dict.fromkeys(_MOMENTS, _TIMES),
    **dict.fromkeys(readings.REGIONS, ("true", "false", "false")),
    **dict.fromkeys(
        ("relevant_occlusion", "cardioembolic_high_risk", "other_determined_cause", "decerebrate", "lacunar_syndrome"),
        _RARE,
    ),
    **{
        f"item_{item}": (
            *map(str, range(most + 1)),
            *(("UN", "un", " UN ", "ＵＮ") if item in readings.UNTESTABLE else ()),
        )
        for item, most in readings.NIHSS_MAXIMA.items()
    },
}
_INVALID = {
    "gcs_total": ("2", "16", "14.5", "E4V5M6", "7T"),
    "sex": ("U", "X"),
    "sah_thickness": ("other",),
    "recorded_grade": ("0", "6", "2.5", "III"),
    "consciousness": ("asleep",),
    "hemiparesis": ("left",),
    "headache": ("yes",),
    "neck_stiffness": ("yes",),
    "eye": ("0", "5", "T", "2.5", "E4"),
    "verbal": ("0", "6", "C", "1.5", "TA", "VT", "T1"),
    "motor": ("0", "7", "T", "C", "5.5", "-1"),
    "death_day": ("40.5", "abc", "-1", "36501"),
    "assessments_day_score": ("abc", "2"),
    "slice_thickness_mm": ("-5", "0", "50.1", "abc"),
    "slice_area_pct_of_max": ("abc", "100;abc;50", "100;-1", "100;100.01", "100;;50", ";"),
    "a_mm": ("-1", "0", "300.1"),
    "b_mm": ("-1", "0", "300.1"),
    "c_mm": ("-1", "0", "300.1", "abc"),
    **dict.fromkeys(_MOMENTS, ("bad", "2025-13-01 10:00:00")),
    **{
        f"item_{item}": (
            str(most + 1),
            "-1",
            "0.5",
            "x",
            "UNK",
            "1,0",
            *(() if item in readings.UNTESTABLE else ("UN",)),
        )
        for item, most in readings.NIHSS_MAXIMA.items()
    },
}
_TOTALS = {
    "stroke_nihss": (("0", "1", "4", "5", "15", "16", "20", "21", "42", "18"), ("-1", "43", "17.5", "abc")),
    "stroke_gcs": (("3", "8", "9", "12", "13", "15"), ("2", "16", "8.5", "9T")),
    "stroke_aspects": (("", "", "0", "5", "6", "10"), ("-1", "11", "7.5", "abc")),
}
"""Recorded totals of a score, valid and not."""

_ITEMS = [f"item_{item}" for item in readings.NIHSS_MAXIMA]
_ZERO: Cells = dict.fromkeys(_ITEMS, "0")
_CHOSEN = [
    _ZERO,
    *({**_ZERO, "item_1a": each, "recorded_total": "1"} for each in ("01", "1.0", "+1", "1e0", "１", " 1 ", "U N")),
    *({**_ZERO, "item_7": each} for each in ("U N", "UN.", "UN0", "untestable", "9")),
    *({**_ZERO, "item_9": str(points), "item_5a": "4", "recorded_total": "4"} for points in range(4)),
    *({**_ZERO, "item_3": "", "recorded_total": each} for each in ("0", "42", "4.0", "05", " 7 ")),
]

_USUAL = {
    "relevant_stenosis_pct": ("20",) * 6,
    "lesion_max_mm": ("8",) * 4,
    **dict.fromkeys(("vascular_imaging_done", "cardiac_evaluation_done"), ("true",) * 3),
    **dict.fromkeys(
        ("relevant_occlusion", "cardioembolic_high_risk", "other_determined_cause", "in_hospital_stroke"),
        ("false",) * 3,
    ),
    "unilateral_weakness": ("false",) * 2,
    "onset_time": _TIMES[:1] * 6,
    "arrival_time": _TIMES[2:4] * 6,
}


def _reading(code: str, results: Callable[[Cells], Results], inputs: str, chosen: list[Cells] | None = None) -> Reading:
    valid, invalid = _TOTALS.get(code, ((), ()))
    return reading(
        results,
        inputs,
        cuts=_CUTS,
        ranges=readings.RANGES,
        members=_MEMBERS | {"recorded_total": valid},
        invalid=_INVALID | {"recorded_total": invalid},
        usual=_USUAL,
        chosen=chosen or (),
    )


_SCORES: dict[str, tuple[Callable[[Cells], Results], str]] = {
    "stroke_nihss": (readings.nihss, " ".join([*_ITEMS, "recorded_total"])),
    "stroke_gcs": (readings.gcs, "eye verbal motor recorded_total"),
    "stroke_mrs": (readings.mrs, "assessments_day_score death_day"),
    "stroke_aspects": (readings.aspects, " ".join([*readings.REGIONS, "recorded_total"])),
    "stroke_pc_aspects": (readings.pc_aspects, " ".join(readings.PC_REGIONS)),
    "stroke_toast": (
        readings.toast,
        "is_ischaemic_stroke relevant_stenosis_pct relevant_occlusion cardioembolic_high_risk "
        "cardioembolic_medium_risk lacunar_syndrome deep_lesion lesion_max_mm other_determined_cause "
        "vascular_imaging_done cardiac_evaluation_done",
    ),
    "stroke_ich_score": (readings.ich_score, "gcs_total volume_ml ivh infratentorial age_years"),
    "stroke_hunt_hess": (
        readings.hunt_hess,
        "recorded_grade consciousness decerebrate hemiparesis cranial_nerve_palsy headache neck_stiffness",
    ),
    "stroke_wfns": (readings.wfns, "gcs_total motor_deficit"),
    "stroke_modified_fisher": (readings.modified_fisher, "sah_thickness ivh"),
    "stroke_abcd2": (
        readings.abcd2,
        "age_years sbp_mmhg dbp_mmhg unilateral_weakness speech_disturbance duration_min diabetes",
    ),
    "stroke_cha2ds2_vasc": (
        readings.cha2ds2_vasc,
        "af valvular_af chf hypertension age_years diabetes prior_stroke_tia_te vascular_disease sex "
        "index_event_is_stroke_tia",
    ),
    "stroke_abc2_volume": (readings.abc2_volume, "a_mm b_mm c_mm slice_thickness_mm slice_area_pct_of_max"),
    "stroke_door_to_needle": (readings.door_to_needle, "in_hospital_stroke " + " ".join(_MOMENTS)),
}
READINGS = {
    code: _reading(code, results, inputs, _CHOSEN if code == "stroke_nihss" else None)
    for code, (results, inputs) in _SCORES.items()
}
