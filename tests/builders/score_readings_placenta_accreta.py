"""The scores of placenta_accreta.md 4, read from its prose in plain Python to be compared with the SQL."""

import math
from datetime import date, timedelta
from decimal import Decimal

from tests.builders.three_valued import (
    Cells,
    Reading,
    Results,
    either,
    flag,
    interval_results,
    member,
    number,
    steps,
    table,
)

_TRUTH = ("true", "false")
_GRADES = ["0", "1", "2", "3a", "3b", "3c"]
_SIGNS = ("adherent", "serosa_abn", "hypervasc", "dimple", "through_serosa", "bladder_inv", "other_organ_inv")


def figo_2019(cells: Cells) -> Results:
    """4.1: the higher of the clinical and the histologic grade."""
    route = member(cells["route"], "vaginal", "cesarean", "laparotomy")
    sign = {name: flag(cells[name]) for name in _SIGNS}
    dehiscence = False
    clinical = None
    if route == "vaginal":
        clinical = {True: "1", False: "0", None: None}[sign["adherent"]]
    elif sign["other_organ_inv"]:
        clinical = "3c"
    elif sign["bladder_inv"]:
        clinical = "3b"
    elif sign["through_serosa"]:
        clinical = "3a"
    elif sign["dimple"]:
        clinical = "2"
    elif sign["serosa_abn"] or sign["hypervasc"]:
        dehiscence = sign["adherent"] is False
        clinical = "0" if dehiscence else "2"
    elif sign["adherent"] is not None:
        clinical = "1" if sign["adherent"] else "0"
    histologic = None
    if cells["path_specimen"] in ("hysterectomy", "partial_myometrial_resection"):
        histologic = {"none": "0", "accreta": "1", "increta": "2", "percreta": "3a"}.get(cells["path_depth"])
    found = [grade for grade in (clinical, histologic) if grade is not None]
    if not found:
        return dict.fromkeys(_FIGO_RESULTS) | {"status": "not_computable"}
    grade = max(found, key=_GRADES.index)
    if histologic is not None and clinical is not None:
        basis, discordant = "both", histologic[0] != clinical[0]
    else:
        basis, discordant = ("clinical" if histologic is None else "histology"), None
    return {
        "grade": grade,
        "clinical_grade": clinical,
        "histologic_grade": histologic,
        "basis": basis,
        "discordant": discordant,
        "scar_dehiscence_flag": dehiscence and grade == "0",
        "status": "complete" if _figo_complete(route, sign, grade, histologic, dehiscence) else "lower_bound",
    }


_FIGO_RESULTS = (
    "grade",
    "clinical_grade",
    "histologic_grade",
    "basis",
    "discordant",
    "scar_dehiscence_flag",
)


def _figo_complete(
    route: str | None, sign: dict[str, bool | None], grade: str, histologic: str | None, dehiscence: bool
) -> bool:
    if histologic is not None and grade in ("0", "1", "2"):
        return True
    if route == "vaginal":
        return grade in ("0", "1")
    needed = {
        "3c": [],
        "3b": ["other_organ_inv"],
        "3a": ["bladder_inv", "other_organ_inv"],
        "2": ["bladder_inv", "other_organ_inv", "through_serosa"],
        "1": list(_SIGNS[1:]),
        "0": list(_SIGNS[3:] if dehiscence else _SIGNS[1:]),
    }[grade]
    return all(sign[name] is not None for name in needed)


def gestational_age(cells: Cells) -> Results:
    """4.5: the estimated date of delivery by the best method, and the age on the target date."""
    lmp, transfer, exam, target = (
        _day(cells[name]) for name in ("lmp_date", "ivf_transfer_date", "us_date", "target_date")
    )
    embryo = number(cells["embryo_age_d"], 0, 7, whole=True)
    crl = number(cells["crl_mm"], 10, 84)
    reported = number(cells["us_ga_days_reported"], 28, 308, whole=True)
    scanned = int(reported) if reported is not None else None
    method = "us_reported"
    if crl is not None:
        method = "us_crl"
        root = (Decimal("1.037") * crl).sqrt()
        scanned = math.floor(Decimal("8.052") * root + Decimal("23.73") + Decimal("0.5"))
    difference = None
    menstrual = None
    if lmp is not None and exam is not None and scanned is not None:
        menstrual = (exam - lmp).days
        difference = scanned - menstrual
    due, used = None, None
    if transfer is not None and embryo is not None:
        due, used = transfer + timedelta(days=266 - int(embryo)), "ivf"
    elif scanned is not None and exam is not None and (lmp is None or _redates(menstrual, difference)):
        due, used = exam + timedelta(days=280 - scanned), method
    elif lmp is not None:
        due, used = lmp + timedelta(days=280), "lmp"
    age, outcome = None, "missing"
    if due is not None and target is not None:
        age = 280 - (due - target).days
        outcome = "ok" if 28 <= age <= 308 else "out_of_range"
    age = age if outcome == "ok" else None
    return {
        "us_ga_days": scanned,
        "diff_days": difference,
        "edd": due.isoformat() if due else None,
        "edd_method": used,
        "ga_days": age,
        "ga_text": None if age is None else f"{age // 7}+{age % 7}",
        "flag": outcome,
    }


def _day(cell: str) -> date | None:
    try:
        day = date.fromisoformat(cell)
    except ValueError:
        return None
    # the sentinels of sources.md 3 are no dates
    return day if date(1900, 1, 1) < day < date(2999, 12, 31) else None


def _redates(menstrual: int | None, difference: int | None) -> bool:
    assert menstrual is not None and difference is not None
    limits = [(62, 5), (111, 7), (153, 10), (195, 14)]
    limit = next((days for most, days in limits if menstrual <= most), 21)
    return abs(difference) > limit


def previa_class(cells: Cells) -> Results:
    """4.4: where the edge of the placenta lies to the os."""
    relation = member(cells["os_relation"], "covers_complete", "covers_partial", "edge_at_os", "not_reaching")
    distance = number(cells["edge_to_os_mm"], -80, 200)
    days = number(cells["ga_days"], 28, 308, whole=True)
    scars = number(cells["prior_cs_count"], 0, 8, whole=True)
    over_scar = flag(cells["over_scar"])
    empty: Results = {"class_2020": None, "class_2013": None, "pernicious": None}
    covers = relation in ("covers_complete", "covers_partial")
    if distance is not None and (
        (covers and distance > 0)
        or (relation == "edge_at_os" and distance != 0)
        or (relation == "not_reaching" and distance <= 0)
    ):
        return empty | {"status": "conflict"}
    if distance is None and relation in (None, "not_reaching"):
        return empty | {"status": "not_computable"}
    classes: tuple[str, str | None]
    if covers:
        classes = ("previa", "complete" if relation == "covers_complete" else "partial")
    elif relation == "edge_at_os" or distance == 0:
        classes = ("low_lying", "marginal")
    elif distance is not None and distance < 0:
        classes = ("previa", None)
    else:
        assert distance is not None
        classes = ("low_lying", "low_lying") if distance < 20 else ("none", "none")
    pernicious = None
    if classes[0] != "previa" or scars == 0 or over_scar is False:
        pernicious = False
    elif scars is not None and scars >= 1 and over_scar:
        pernicious = True
    return {
        "class_2020": classes[0],
        "class_2013": classes[1],
        "pernicious": pernicious,
        "status": "final" if days is not None and days >= 196 else "provisional",
    }


_MRI_SIGNS = (
    "t2_dark_bands",
    "bulge",
    "retroplacental_line_loss",
    "myometrial_thinning",
    "bladder_wall_interruption",
    "exophytic_mass",
    "placental_bed_vascularity",
)


def sar_esur_mri(cells: Cells) -> Results:
    """4.3: the number of recommended signs."""
    signs = [flag(cells[name]) for name in _MRI_SIGNS]
    missing = signs.count(None)
    if missing == 7:
        none = {"n_pos": None, "n_pos_max": None, "extrauterine_sign": None}
        return none | {"n_missing": 7, "status": "not_computable"}
    positive = signs.count(True)
    return {
        "n_pos": positive,
        "n_pos_max": positive + missing,
        "n_missing": missing,
        "extrauterine_sign": either(flag(cells["bladder_wall_interruption"]), flag(cells["exophytic_mass"])),
        "status": "partial" if missing else "complete",
    }


_US_ITEMS = {
    "placenta_position": {"normal": 0, "marginal_or_low": 1, "previa": 2},
    "clear_zone": {"continuous": 0, "partial_loss": 1, "lost": 2},
    "bladder_line": {"continuous": 0, "interrupted": 1, "lost": 2},
    "lacunae": {"none": 0, "present": 1, "confluent_boiling": 2},
    "subplacental_flow": {"regular": 0, "increased": 1, "cross_border": 2},
    "cervical_sinus": {"none": 0, "present": 1, "confluent_boiling": 2},
    "cervix_shape": {"intact": 0, "incomplete": 1, "absent": 2},
}


def us_score_9item(cells: Cells) -> Results:
    """4.2: nine items of 0 to 2 points."""
    items = [table(cells[name], points) for name, points in _US_ITEMS.items()]
    thickness = number(cells["thickness_cm"], "0.5", 15)
    if thickness is None:
        items.append((0, 2))
    else:
        points = 0 if thickness < 3 else 1 if thickness <= 5 else 2
        items.append((points, points))
    items.append(steps(number(cells["prior_cs_count"], 0, 8, whole=True), ("1", 1), ("2", 2)))
    return interval_results(items, [(5, "low"), (9, "intermediate"), (18, "high")])


_PERIOD = date(2024, 1, 1)
_REDATING = [
    {
        "lmp_date": _PERIOD.isoformat(),
        "us_date": (_PERIOD + timedelta(days=age)).isoformat(),
        "us_ga_days_reported": str(age + sign * (limit + more)),
        "target_date": "2024-09-20",
    }
    for age in (62, 63, 111, 112, 153, 154, 195, 196)
    for limit in (5, 7, 10, 14, 21)
    for more in (0, 1)
    for sign in (-1, 1)
]
"""Both sides of every limit at both sides of every age."""
_LENGTHS = [{"us_date": "2024-03-20", "crl_mm": str(Decimal(tenths) / 10)} for tenths in range(98, 843)]
_DAYS = ("2024-01-01", "2024-01-20", "2024-02-29", "2024-03-03", "2024-03-11", "2024-04-22", "2024-06-03", "2024-07-15")
_LATER = ("2024-09-20", "2024-10-15", "2024-11-04", "2024-11-05", "2024-01-28", "2024-01-29", "2025-02-01")
_WRONG_DAY = ("2024-02-30", "1900-01-01", "9999-12-31", "infinity", "290000-01-01", "abc")
_NO_TRUTH = ("maybe", "2")

READINGS = {
    "placenta_accreta_figo_2019": Reading(
        results=figo_2019,
        values={
            "route": ("vaginal", "cesarean", "laparotomy"),
            **dict.fromkeys(_SIGNS, _TRUTH + ("false",) * 3),
            "path_specimen": ("hysterectomy", "partial_myometrial_resection", "placenta_only", "biopsy", "none"),
            "path_depth": ("none", "accreta", "increta", "percreta"),
        },
        invalid={"route": ("water",), "adherent": _NO_TRUTH, "path_depth": ("4",), "path_specimen": ("uterus",)},
    ),
    "placenta_accreta_gestational_age": Reading(
        results=gestational_age,
        values={
            "lmp_date": _DAYS[:5],
            "ivf_transfer_date": ("", "", "2024-01-25", "2024-02-10"),
            "embryo_age_d": ("0", "3", "5", "7"),
            "us_date": _DAYS,
            "crl_mm": ("", "10", "12.5", "32", "40", "45.55", "61", "83.99", "84"),
            "us_ga_days_reported": ("28", "62", "63", "70", "111", "112", "121", "153", "154", "195", "196", "308"),
            "target_date": _LATER,
        },
        invalid={
            "lmp_date": _WRONG_DAY,
            "ivf_transfer_date": _WRONG_DAY,
            "us_date": _WRONG_DAY,
            "target_date": _WRONG_DAY,
            "embryo_age_d": ("-1", "8", "2.5"),
            "crl_mm": ("9.99", "84.01", "-40", "0"),
            "us_ga_days_reported": ("27", "309", "100.5", "x"),
        },
        chosen=_REDATING + _LENGTHS,
    ),
    "placenta_accreta_previa_class": Reading(
        results=previa_class,
        values={
            "ga_days": ("28", "160", "195", "196", "230", "308"),
            "os_relation": ("covers_complete", "covers_partial", "edge_at_os", "not_reaching", ""),
            "edge_to_os_mm": ("", "-80", "-0.01", "0", "0.01", "12", "19.9", "20", "20.0", "200"),
            "prior_cs_count": ("0", "1", "2", "8"),
            "over_scar": _TRUTH,
        },
        invalid={
            "ga_days": ("27", "309", "200.5"),
            "os_relation": ("above",),
            "edge_to_os_mm": ("-80.1", "200.1"),
            "prior_cs_count": ("-1", "9", "1.5"),
            "over_scar": _NO_TRUTH,
        },
    ),
    "placenta_accreta_sar_esur_mri": Reading(results=sar_esur_mri, values=dict.fromkeys(_MRI_SIGNS, _TRUTH)),
    "placenta_accreta_us_score_9item": Reading(
        results=us_score_9item,
        values={
            **{name: tuple(points) for name, points in _US_ITEMS.items()},
            "thickness_cm": ("0.5", "2.99", "3", "3.0", "4", "5", "5.01", "15"),
            "prior_cs_count": ("0", "1", "2", "3", "8"),
        },
        invalid={
            **dict.fromkeys(_US_ITEMS, ("other", "1")),
            "thickness_cm": ("0.4", "15.1", "62", "-3"),
            "prior_cs_count": ("-1", "9", "1.5"),
        },
    ),
}
