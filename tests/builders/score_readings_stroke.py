"""The scores of stroke.md 4, read from its prose in plain Python to be compared with the SQL."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from tests.builders.three_valued import (
    Cells,
    Interval,
    Results,
    at_least,
    either,
    flag,
    member,
    number,
    steps,
    worth,
)

RANGES = {
    "age_years": (18, 120),
    "sbp_mmhg": (40, 300),
    "dbp_mmhg": (20, 180),
    "duration_min": (0, 1440),
    "volume_ml": (0, 300),
    "relevant_stenosis_pct": (0, 100),
    "lesion_max_mm": (0, 300),
    "death_day": (0, 36500),
}
"""Section 3; it gives none for the size of an infarct and the day of death, whose ends are a choice."""
SHORTEST = "0.000000000001"
"""A length is positive (a choice, like its upper end)."""

NIHSS_MAXIMA = {
    "1a": 3,
    "1b": 2,
    "1c": 2,
    "2": 2,
    "3": 3,
    "4": 3,
    "5a": 4,
    "5b": 4,
    "6a": 4,
    "6b": 4,
    "7": 2,
    "8": 2,
    "9": 3,
    "10": 2,
    "11": 2,
}
UNTESTABLE = ("5a", "5b", "6a", "6b", "7", "10")
REGIONS = ("caudate", "lentiform", "internal_capsule", "insula", "m1", "m2", "m3", "m4", "m5", "m6")


def _measured(cells: Cells, name: str) -> Decimal | None:
    return number(cells[name], *RANGES[name])


def _coma_scale(cells: Cells) -> Decimal | None:
    return number(cells["gcs_total"], 3, 15, whole=True)


def _summed(items: Sequence[Interval]) -> tuple[int | None, int, int]:
    low, high = sum(item[0] for item in items), sum(item[1] for item in items)
    return (low if low == high else None), low, high


def _plain(cell: str) -> str:
    """Return a text as codes are compared: half width, no spaces, upper case (convention 3)."""
    wide = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
    return "".join(cell.translate(wide).split()).upper()


def nihss(cells: Cells) -> Results:
    """4.1."""
    points, untestable, missing, invalid = 0, 0, 0, 0
    for item, most in NIHSS_MAXIMA.items():
        cell = _plain(cells[f"item_{item}"])
        value = number(cell, 0, most, whole=True)
        if cell == "":
            missing += 1
        elif cell == "UN" and item in UNTESTABLE:
            untestable += 1
        elif value is None:
            invalid += 1
        else:
            points += int(value)
    recorded = number(cells["recorded_total"], 0, 42, whole=True)
    total: int | None
    source: str | None
    if missing == 0 and invalid == 0:
        total, source, mismatch = points, "items", None if recorded is None else points != recorded
    else:
        total, mismatch = (None if recorded is None else int(recorded)), None
        source = None if recorded is None else "recorded"
    return {
        "total": total,
        "source": source,
        "un_n": untestable,
        "missing_n": missing,
        "invalid_n": invalid,
        "mismatch": mismatch,
        "band": None if total is None else _nihss_band(total),
    }


def _nihss_band(total: int) -> str:
    bands = [(0, "none"), (4, "minor"), (15, "moderate"), (20, "moderate_severe"), (42, "severe")]
    return next(name for most, name in bands if total <= most)


def gcs(cells: Cells) -> Results:
    """4.2; a band needs a total."""
    components: list[int | None] = []
    not_testable = False
    for name, most, codes in (("eye", 4, "C"), ("verbal", 5, "TA"), ("motor", 6, "")):
        cell = _plain(cells[name])
        if len(cell) == 1 and cell in codes:
            not_testable = True
            components.append(1)
        else:
            value = number(cell, 1, most, whole=True)
            components.append(None if value is None else int(value))
    known = [value for value in components if value is not None]
    low = sum(known) if len(known) == len(components) else None
    recorded = number(cells["recorded_total"], 3, 15, whole=True)
    total, source = None, None
    if not not_testable and low is not None:
        total, source = low, "components"
    elif not not_testable and recorded is not None:
        total, source = int(recorded), "recorded"
    band = None if total is None else "mild" if total >= 13 else "moderate" if total >= 9 else "severe"
    return {"total": total, "min": low, "source": source, "not_testable": not_testable, "band": band}


def mrs(cells: Cells) -> Results:
    """4.3; a pair that is no day and score is dropped, of one day the last counts."""
    death = number(cells["death_day"], *RANGES["death_day"], whole=True)
    found: tuple[int, int] | None = None
    if death is not None and death <= 90:
        found = int(death), 6
    else:
        for pair in _plain(cells["assessments_day_score"]).split(";"):
            day, colon, score = pair.partition(":")
            on, value = number(day, 76, 104, whole=True), number(score, 0, 6, whole=True)
            if not colon or on is None or value is None or (death is not None and on > death):
                continue
            day_no = int(on)
            if found is None or (abs(day_no - 90), -day_no) <= (abs(found[0] - 90), -found[0]):
                found = day_no, int(value)
    if found is None:
        return dict.fromkeys(("mrs_90d", "mrs_90d_day", "independent", "excellent"))
    return {"mrs_90d": found[1], "mrs_90d_day": found[0], "independent": found[1] <= 2, "excellent": found[1] <= 1}


def aspects(cells: Cells) -> Results:
    """4.4, first part."""
    regions = [flag(cells[name]) for name in REGIONS]
    affected, missing = regions.count(True), regions.count(None)
    recorded = number(cells["recorded_total"], 0, 10, whole=True)
    total: int | None = 10 - affected
    source: str | None = "regions"
    if missing:
        total, source = (None, None) if recorded is None else (int(recorded), "recorded")
    return {"total": total, "min": 10 - affected - missing, "max": 10 - affected, "source": source}


PC_REGIONS = {
    "left_thalamus": 1,
    "right_thalamus": 1,
    "left_cerebellum": 1,
    "right_cerebellum": 1,
    "left_pca": 1,
    "right_pca": 1,
    "midbrain": 2,
    "pons": 2,
}


def pc_aspects(cells: Cells) -> Results:
    """4.4, second part."""
    affected = {name: flag(cells[name]) for name in PC_REGIONS}
    if None in affected.values():
        return {"total": None}
    return {"total": 10 - sum(points for name, points in PC_REGIONS.items() if affected[name])}


def toast(cells: Cells) -> Results:
    """4.6."""
    if flag(cells["is_ischaemic_stroke"]) is not True:
        return {"subtype": None}
    size, deep = _measured(cells, "lesion_max_mm"), flag(cells["deep_lesion"])
    small = size is not None and size < 15
    artery = at_least(_measured(cells, "relevant_stenosis_pct"), "50") or flag(cells["relevant_occlusion"])
    lacune = flag(cells["lacunar_syndrome"]) and (size is None or (small and deep is not False))
    causes = {
        "LAA": artery,
        "CE": flag(cells["cardioembolic_high_risk"]),
        "SAO": (deep and small) or lacune,
        "SOE": flag(cells["other_determined_cause"]),
    }
    found = [name for name, evidence in causes.items() if evidence]
    worked_up = flag(cells["vascular_imaging_done"]) and flag(cells["cardiac_evaluation_done"])
    if len(found) >= 2:
        subtype = "SUE_MULTIPLE"
    elif found:
        subtype = found[0] if found[0] != "SAO" or worked_up else "SUE_INCOMPLETE"
    elif flag(cells["cardioembolic_medium_risk"]):
        subtype = "CE"
    else:
        subtype = "SUE_NEGATIVE" if worked_up else "SUE_INCOMPLETE"
    return {"subtype": subtype}


def ich_score(cells: Cells) -> Results:
    """4.7."""
    coma = _coma_scale(cells)
    consciousness = (0, 2) if coma is None else ((2, 2) if coma <= 4 else (1, 1) if coma <= 12 else (0, 0))
    total, low, high = _summed(
        [
            consciousness,
            worth(at_least(_measured(cells, "volume_ml"), "30")),
            worth(flag(cells["ivh"])),
            worth(flag(cells["infratentorial"])),
            worth(at_least(_measured(cells, "age_years"), "80")),
        ]
    )
    mortality = (0, 13, 26, 72, 97, 100, 100)
    same = mortality[low] == mortality[high]
    return {"total": total, "min": low, "max": high, "mortality30_pct": mortality[low] if same else None}


CONSCIOUSNESS = ("alert", "drowsy", "confused", "stupor", "coma")
HEMIPARESIS = ("none", "mild", "moderate_severe")
HEADACHE = ("none", "mild", "moderate", "severe")
NECK = ("none", "slight", "marked")


def hunt_hess(cells: Cells) -> Results:
    """4.8, first part."""
    recorded = number(cells["recorded_grade"], 1, 5, whole=True)
    if recorded is not None:
        return {"grade": int(recorded), "source": "recorded"}
    grade = _hunt_hess(
        member(cells["consciousness"].lower(), *CONSCIOUSNESS),
        member(cells["hemiparesis"].lower(), *HEMIPARESIS),
        member(cells["headache"].lower(), *HEADACHE),
        cells,
    )
    return {"grade": grade, "source": None if grade is None else "derived"}


def _hunt_hess(awake: str | None, weakness: str | None, headache: str | None, cells: Cells) -> int | None:
    if awake == "coma" or flag(cells["decerebrate"]):
        return 5
    if awake == "stupor" or weakness == "moderate_severe":
        return 4
    if awake is None or weakness is None:
        return None
    if awake in ("drowsy", "confused") or weakness == "mild":
        return 3
    if (
        headache in ("moderate", "severe")
        or cells["neck_stiffness"].lower() == "marked"
        or flag(cells["cranial_nerve_palsy"])
    ):
        return 2
    return None if headache is None else 1


def wfns(cells: Cells) -> Results:
    """4.8, second part."""
    coma = _coma_scale(cells)
    if coma is None:
        grade = None
    elif coma == 15:
        grade = 1
    elif coma >= 13:
        grade = {True: 3, False: 2, None: None}[flag(cells["motor_deficit"])]
    else:
        grade = 4 if coma >= 7 else 5
    return {"grade": grade}


def modified_fisher(cells: Cells) -> Results:
    """4.9."""
    thickness = member(cells["sah_thickness"].lower(), "none", "thin", "thick")
    ventricles = flag(cells["ivh"])
    if thickness is None or ventricles is None:
        return {"grade": None}
    without, with_blood = {"none": (0, 2), "thin": (1, 2), "thick": (3, 4)}[thickness]
    return {"grade": with_blood if ventricles else without}


def abcd2(cells: Cells) -> Results:
    """4.11."""
    pressure = either(at_least(_measured(cells, "sbp_mmhg"), "140"), at_least(_measured(cells, "dbp_mmhg"), "90"))
    weakness, speech = flag(cells["unilateral_weakness"]), worth(flag(cells["speech_disturbance"]))
    clinical = {True: (2, 2), False: speech, None: (speech[0], 2)}[weakness]
    total, low, high = _summed(
        [
            worth(at_least(_measured(cells, "age_years"), "60")),
            worth(pressure),
            clinical,
            steps(_measured(cells, "duration_min"), ("10", 1), ("60", 2)),
            worth(flag(cells["diabetes"])),
        ]
    )

    def risk(points: int) -> str:
        return "low" if points <= 3 else "moderate" if points <= 5 else "high"

    return {"total": total, "min": low, "max": high, "risk": risk(low) if risk(low) == risk(high) else None}


def cha2ds2_vasc(cells: Cells) -> Results:
    """4.12; an index event that is not known leaves the stroke item after it open unless there was one before."""
    if flag(cells["af"]) is not True or flag(cells["valvular_af"]):
        return dict.fromkeys(("pre", "pre_min", "pre_max", "post"))
    names = ("chf", "hypertension", "diabetes", "vascular_disease")
    female = {"F": True, "M": False}.get(cells["sex"].upper())
    items = [worth(flag(cells[name])) for name in names]
    items += [worth(female), steps(_measured(cells, "age_years"), ("65", 1), ("75", 2))]
    before = flag(cells["prior_stroke_tia_te"])
    total, low, high = _summed([*items, worth(before, 2)])
    after = either(before, flag(cells["index_event_is_stroke_tia"]))
    return {"pre": total, "pre_min": low, "pre_max": high, "post": _summed([*items, worth(after, 2)])[0]}


def abc2_volume(cells: Cells) -> Results:
    """4.13, volumes to hundredths; a length is positive, a slice without a valid share of the largest leaves the extent unknown."""
    length, width, extent = (number(cells[name], SHORTEST, 300) for name in ("a_mm", "b_mm", "c_mm"))
    thickness = number(cells["slice_thickness_mm"], SHORTEST, 50)
    shares = _plain(cells["slice_area_pct_of_max"]).strip(";")
    if extent is None and thickness is not None and shares:
        values = [number(share, 0, 100) for share in shares.split(";")]
        if None not in values:
            halves = [(value > 75) + (value >= 25) for value in values if value is not None]
            extent = thickness * sum(halves) / 2
    product = None
    if length is not None and width is not None and extent is not None:
        product = length * width * extent / 1000
    return {
        "c_mm": None if extent is None else float(extent),
        "abc2_ml": None if product is None else _hundredths(product / 2),
        "abc3_ml": None if product is None else _hundredths(product / 3),
    }


def _hundredths(value: Decimal) -> float:
    return float(value.quantize(Decimal("0.01"), ROUND_HALF_UP))


def door_to_needle(cells: Cells) -> Results:
    """4.14."""
    door = _moment(cells["recognition_time" if flag(cells["in_hospital_stroke"]) else "arrival_time"])
    needle = _moment(cells["needle_time"])
    spans = {
        "door_to_ct_min": _minutes(door, _moment(cells["first_ct_time"])),
        "dnt_min": _minutes(door, needle),
        "dpt_min": _minutes(door, _moment(cells["puncture_time"])),
        "ont_min": _minutes(_moment(cells["onset_time"]) or _moment(cells["last_known_well_time"]), needle),
    }
    given = {name: None if span is None or span < 0 else span for name, span in spans.items()}
    limits = {"dnt_le_60": ("dnt_min", 60), "dpt_le_90": ("dpt_min", 90), "ont_le_270": ("ont_min", 270)}
    kept = {name: _kept(given[span], most) for name, (span, most) in limits.items()}
    return {**given, **kept, "negative_interval": any(span is not None and span < 0 for span in spans.values())}


def _kept(minutes: int | None, most: int) -> bool | None:
    return None if minutes is None else minutes <= most


def _moment(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _minutes(start: datetime | None, end: datetime | None) -> int | None:
    """Return floor(seconds / 60)."""
    return None if start is None or end is None else int((end - start).total_seconds() // 60)
