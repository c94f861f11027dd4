"""Columns of the acute abdomen imaging mart (acute_abdomen.md 3.2)."""

import re

from report_structuring.study_features.mentions import AFFIRMED, StudyReport, Value
from report_structuring.study_features.signs import impression_sign

_AMOUNTS = (
    ("large", re.compile("大量")), ("moderate", re.compile("中(等)?量")), ("small", re.compile("少量|微量|少许")),
)  # fmt: skip
_DEGREES = (
    ("severe", re.compile("重度|大量")),
    ("moderate", re.compile("中[度等]")),
    ("mild", re.compile("轻[度微]|少量")),
)
_PERFORATION_SITES = (
    ("appendix", re.compile("阑尾")), ("duodenum", re.compile("十二指肠")), ("stomach", re.compile("胃")),
    ("small_bowel", re.compile("小肠|空肠|回肠")), ("colon", re.compile("结肠|盲肠|直肠")),
)  # fmt: skip
_NEAR = {
    "periappendiceal_fat_stranding": re.compile("阑尾|回盲部"),
    "pericolic_inflammation": re.compile("结肠|憩室|盲肠"),
}
_CLEAR_FAT = re.compile(r"脂肪(间隙|层|密度)?(尚)?(清晰|清楚|正常)")
_COLON_ABSCESS, _FAR_ABSCESS = re.compile("结肠|系膜"), re.compile("盆腔|膈下|肠间|腹膜后")
_SMALL_BOWEL, _LARGE_BOWEL = re.compile("小肠|空肠|回肠|肠管|肠腔|肠袢|肠襻"), re.compile("结肠|盲肠")
_THICK_WALL_MM = 3
_WALL_WITH_NUMBER = re.compile(r"胆囊[^,，。;；]{0,8}壁[^,，。;；]{0,4}厚")
_SMOOTH_WALL = re.compile(r"(胆囊)?壁(不厚|光滑|未见增厚)")
_BESIDE_GALLBLADDER = re.compile(r"胆囊(窝|周围|旁).{0,6}(积液|渗出|液性暗区|无回声)")
_COLLECTION = re.compile(r"液体积聚|包裹性积液|假性囊肿|积液聚积")
_BALTHAZAR = re.compile(r"Balthazar\s*(?:CT)?\s*(?:分级|评分)?\s*[::]?\s*([A-E])(?![A-Za-z])", re.IGNORECASE)
_PANCREATIC_GAS = re.compile(r"(胰腺|胰周).{0,12}(积气|气体影|气泡)")
_NORMAL_PANCREAS = re.compile(r"胰腺(形态|大小|实质)?.{0,10}(未见(明显)?异常|正常|如常)")
_STANFORD = re.compile(r"Stanford\s*([AB])|([AB])\s*型.{0,4}夹层", re.IGNORECASE)
_BELOW, _ABOVE = re.compile("小于|不足|不到|少于|低于"), re.compile("大于|超过|多于|高于")
_CONTRAST = re.compile("增强|强化|动脉期|静脉期")
_FURTHER_OUTSIDE = re.compile("(脾|门)静脉.{0,6}(血栓|充盈缺损)|假性动脉瘤|腹腔(积血|出血)")
_CATEGORIES = (
    ("aortic_emergency", ("abd.aortic_dissection",)),
    ("mesenteric_ischemia", ("abd.mesenteric_thrombosis", "abd.bowel_ischemia")),
    ("gi_perforation", ("abd.perforation",)),
    ("ectopic_pregnancy", ("abd.ectopic_pregnancy",)),
    ("adnexal_torsion", ("abd.ovarian_torsion",)),
    ("ovarian_cyst_rupture", ("abd.corpus_luteum_rupture",)),
    ("appendicitis", ("abd.appendicitis", "abd.periappendiceal_abscess", "abd.appendiceal_perforation")),
    ("cholangitis", ("abd.cholangitis",)),
    ("cholecystitis", ("abd.cholecystitis",)),
    ("pancreatitis", ("abd.pancreatitis",)),
    ("hernia_incarcerated", ("abd.hernia",)),
    ("bowel_obstruction", ("abd.obstruction", "abd.ileus", "abd.volvulus", "abd.intussusception", "abd.strangulation")),
    ("diverticulitis", ("abd.diverticulitis",)),
    ("ureteric_colic", ("abd.ureteral_stone",)),
    ("peritonitis_abscess", ("abd.peritonitis", "abd.abscess", "abd.liver_abscess", "abd.hemoperitoneum")),
    ("mesenteric_lymphadenitis", ("abd.mesenteric_lymphadenitis",)),
)
"""Categories in their order of precedence (acute_abdomen.md 2.2) with the diagnoses of the reader that mean them."""


def read_abdomen(report: StudyReport) -> dict[str, Value]:
    """Return the columns of an abdominal study that are more than the assertion of a sign."""
    ascites = report.having({"abd.ascites"})
    amount = _degree(report, {"abd.ascites"}, _AMOUNTS)
    category, certainty = _category(report)
    values: dict[str, Value] = {
        "appendix_diameter_mm": max(
            report.targets_mm("appendix")
            + _lengths(report, {"abd.appendix_dilated", "abd.appendicitis"}, ("diameter",)),
            default=None,
        ),
        "abscess_max_mm": report.largest_mm({"abd.abscess", "abd.periappendiceal_abscess"}),
        "perforation_site": _perforation_site(report),
        "ascites_amount": amount,
        "small_bowel_max_mm": _bowel_mm(report, _SMALL_BOWEL, _LARGE_BOWEL),
        "large_bowel_max_mm": _bowel_mm(report, _LARGE_BOWEL, None),
        "gb_length_mm": max(_gallbladder_lengths(report), default=None),
        "pancreatic_collections_n": _collections(report),
        "ureteral_stone_mm": report.largest_mm({"abd.ureteral_stone"}),
        "hydronephrosis_grade": _hydronephrosis(report),
        "stanford_type": _stanford(report),
        "aaa_max_mm": report.largest_mm({"abd.aaa"}),
        "imaging_dx_category": category,
        "imaging_dx_certainty": certainty,
        "pericholecystic_fluid": _beside_gallbladder(report),
        **{column: _fat_near(report, pattern) for column, pattern in _NEAR.items()},
        "pericolic_abscess": _abscess_at(report, _COLON_ABSCESS),
        "distant_abscess": _abscess_at(report, _FAR_ABSCESS),
    }
    values |= _gallbladder_wall(report)
    values |= _pancreas(report, values["pancreatic_collections_n"])
    free_air = impression_sign(report, {"abd.free_air"})
    peritonitis = impression_sign(report, {"abd.peritonitis"})
    if free_air == "present" and amount in ("moderate", "large") and ascites:
        peritonitis = "present"
    values["diffuse_peritonitis_ct"] = peritonitis
    return values


def _degree(
    report: StudyReport, codes: set[str], rules: tuple[tuple[str, re.Pattern[str]], ...], otherwise: str | None = None
) -> str | None:
    words = " ".join(report.clause(entity) for entity in report.having(codes))
    return next((name for name, pattern in rules if pattern.search(words)), otherwise) if words else None


def _lengths(report: StudyReport, codes: set[str], kinds: tuple[str, ...]) -> list[float]:
    return [high for item in report.measurements(codes, kinds) if item.unit == "mm" for _, high in item.dims]


def _perforation_site(report: StudyReport) -> str | None:
    found = report.having({"abd.perforation", "abd.appendiceal_perforation"})
    if not found:
        return None
    words = " ".join(report.sentence(entity) for entity in found)
    return next((name for name, pattern in _PERFORATION_SITES if pattern.search(words)), "unknown")


def _bowel_mm(report: StudyReport, wanted: re.Pattern[str], other: re.Pattern[str] | None) -> float | None:
    found = []
    for entity in report.having({"abd.bowel_dilatation", "abd.obstruction", "abd.bowel_gas"}):
        sentence = report.sentence(entity)
        if wanted.search(sentence) and not (
            other and other.search(sentence) and not re.search("小肠|空肠|回肠", sentence)
        ):
            found += [
                high
                for item in report.structured.measurements
                if item.entity == entity.id and item.unit == "mm" and item.time == "current"
                for _, high in item.dims
            ]
    return max(found, default=None)


def _gallbladder_lengths(report: StudyReport) -> list[float]:
    kinds = ("size", "length", "diameter", "long_axis")
    return report.targets_mm("gallbladder", kinds) + _lengths(report, {"abd.gb_distension"}, kinds)


def _gallbladder_wall(report: StudyReport) -> dict[str, Value]:
    lengths = _lengths(report, {"abd.gb_wall_thickening"}, ("thickness", "diameter", "width"))
    lengths += report.targets_mm("gallbladder", ("thickness",)) + report.numbers_mm(_WALL_WITH_NUMBER)
    wall = max(lengths, default=None)
    sign = impression_sign(report, {"abd.gb_wall_thickening"})
    if wall is not None and wall > _THICK_WALL_MM:
        sign = "present"
    elif sign is None and _SMOOTH_WALL.search(report.plain_text) and "胆囊" in report.text:
        sign = "absent"
    return {"gb_wall_mm": wall, "gb_wall_thickening": sign}


def _beside_gallbladder(report: StudyReport) -> str | None:
    found = None
    for clause in report.clauses():
        if hit := _BESIDE_GALLBLADDER.search(clause):
            denied = re.search("未见|无", clause[: hit.end()])
            found = "absent" if denied else "uncertain" if re.search("可疑|可能|不除外", clause) else "present"
            if found != "absent":
                return found
    return found


def _fat_near(report: StudyReport, pattern: re.Pattern[str]) -> str | None:
    near = [
        entity
        for entity in report.entities
        if entity.code == "abd.fat_stranding" and pattern.search(report.sentence(entity))
    ]
    found = report.sign({"abd.fat_stranding"}, near)
    if found is None:
        clear = any(pattern.search(sentence) and _CLEAR_FAT.search(sentence) for sentence in report.sentences())
        return "absent" if clear else None
    return "absent" if found == "historical" else found


def _abscess_at(report: StudyReport, pattern: re.Pattern[str]) -> str | None:
    there = [
        entity for entity in report.entities if entity.code == "abd.abscess" and pattern.search(report.clause(entity))
    ]
    found = report.sign({"abd.abscess"}, there)
    return "absent" if found == "historical" else found


def _collections(report: StudyReport) -> float | None:
    clauses = [
        clause
        for clause in report.clauses()
        if _COLLECTION.search(clause) and not re.search("未见|无(明显)?(液体|包裹|假性)", clause)
    ]
    if not clauses:
        denied = any(_COLLECTION.search(clause) for clause in report.clauses())
        return 0.0 if denied else None
    return 2.0 if any(re.search("多发|数[个处]|多[个处]", clause) for clause in clauses) or len(clauses) > 1 else 1.0


def _pancreas(report: StudyReport, collections: Value) -> dict[str, Value]:
    necrosis = impression_sign(report, {"abd.pancreatic_necrosis"})
    return {
        "balthazar_grade": _balthazar(report, collections),
        "necrosis_pct": _necrosis_pct(report, necrosis),
        "extrapancreatic_complication": _outside_pancreas(report),
    }


def _balthazar(report: StudyReport, collections: Value) -> str | None:
    """Return the printed grade, else the one that follows from the findings (acute_abdomen.md 4.6)."""
    if hit := _BALTHAZAR.search(report.plain_text):
        return hit.group(1).upper()
    if "胰" not in report.text:
        return None
    gas = any(_PANCREATIC_GAS.search(clause) and "未见" not in clause for clause in report.clauses())
    if collections == 2 or gas:
        return "E"
    if collections == 1:
        return "D"
    if impression_sign(report, {"abd.peripancreatic_fluid"}) == "present":
        return "C"
    if impression_sign(report, {"abd.pancreas_swelling"}) == "present":
        return "B"
    return "A" if _NORMAL_PANCREAS.search(report.plain_text) else None


def _necrosis_pct(report: StudyReport, necrosis: str | None) -> float | None:
    """Return the part of the pancreas that is dead: the middle of a range, half of what it is below, 0 when excluded."""
    for item in report.structured.measurements:
        around = report.text[max(0, item.start - 20) : item.end + 6]
        if item.unit == "percent" and item.time == "current" and "胰" in around and necrosis in AFFIRMED:
            low, high = item.dims[0]
            before = report.text[max(0, item.start - 8) : item.start]
            if item.op in ("lt", "le") or _BELOW.search(before):
                return high / 2
            if item.op in ("gt", "ge") or _ABOVE.search(before):
                return (low + 100) / 2
            return (low + high) / 2
    return 0.0 if necrosis == "absent" and _CONTRAST.search(report.text) else None


def _outside_pancreas(report: StudyReport) -> str | None:
    if "胰" not in report.text:
        return None
    effusion, ascites = (impression_sign(report, {code}) for code in ("lung.pleural_effusion", "abd.ascites"))
    others = impression_sign(report, {"abd.mesenteric_thrombosis", "abd.hemoperitoneum"})
    further = any(_FURTHER_OUTSIDE.search(clause) and "未见" not in clause for clause in report.clauses())
    if "present" in (effusion, ascites, others) or further:
        return "present"
    if "uncertain" in (effusion, ascites, others):
        return "uncertain"
    return "absent" if effusion == ascites == "absent" else None


def _hydronephrosis(report: StudyReport) -> str | None:
    if found := _degree(report, {"abd.hydronephrosis"}, _DEGREES, otherwise="mild"):
        return found
    return "none" if report.sign({"abd.hydronephrosis"}) == "absent" else None


def _stanford(report: StudyReport) -> str | None:
    if hit := _STANFORD.search(report.plain_text):
        return (hit.group(1) or hit.group(2)).upper()
    words = " ".join(report.sentence(entity) for entity in report.having({"abd.aortic_dissection"}, ("present",)))
    return "A" if "升主动脉" in words else None


def _category(report: StudyReport) -> tuple[str | None, str | None]:
    """Return the first category of the impression that is present, else uncertain, and how sure the reader is."""
    for wanted, certainty in (("present", "definite"), ("uncertain", "uncertain")):
        for name, codes in _CATEGORIES:
            if any(
                entity.section == "impression"
                and entity.code in codes
                and entity.assertion == wanted
                # a hernia that is not caught is no emergency
                and (entity.code != "abd.hernia" or "嵌顿" in report.clause(entity))
                for entity in report.entities
            ):
                return name, certainty
    return None, None
