"""Columns of the placenta accreta imaging mart (placenta_accreta.md 3.2, 3.3)."""

import re
from collections.abc import Sequence

from report_structuring.study_features.mentions import AFFIRMED, StudyReport, Value
from report_structuring.study_features.signs import impression_sign

_Rules = Sequence[tuple[str, re.Pattern[str]]]

_OS = r"(宫颈)?(管)?内口"
_OS_RELATIONS: _Rules = (
    ("covers_partial", re.compile(rf"部分(性)?(覆盖|遮盖|盖过).{{0,4}}{_OS}|部分[性型]前置胎盘")),
    (
        "covers_complete",
        re.compile(
            rf"(?<!未)(?<!部分)(完全)?(覆盖|遮盖|盖过|跨越|越过|超过).{{0,6}}{_OS}|(中央|完全)[性型]前置胎盘|{_OS}(被|为)胎盘.{{0,4}}覆盖"
        ),
    ),
    ("edge_at_os", re.compile(rf"下缘.{{0,4}}(达|位于|抵|平|近).{{0,4}}{_OS}(?!.{{0,3}}\d)|边缘[性型]前置胎盘")),
    ("not_reaching", re.compile(rf"(下缘)?距.{{0,6}}{_OS}|低置胎盘|胎盘低置|胎盘位置低|未(达|覆盖).{{0,4}}{_OS}")),
)
_BEYOND_OS = re.compile(rf"(越过|超过|跨过|盖过).{{0,6}}{_OS}.{{0,4}}\Z")
_TO_OS = re.compile(rf"(距.{{0,6}}{_OS}|{_OS}.{{0,6}}(距离|间距)).{{0,6}}\Z")
_SITES = (
    ("anterior", re.compile(r"前壁")),
    ("posterior", re.compile(r"后壁")),
    ("lateral", re.compile(r"[左右两双]?侧壁")),
    ("fundal", re.compile(r"宫底")),
)
_AT = re.compile(r"(附着|位于|种植|主要分布|覆盖)")
_SCAR_TRUE = re.compile(r"(附着|覆盖|累及|位于|达).{0,10}(瘢痕|切口)")
_SCAR_FALSE = re.compile(r"未(累及|覆盖|达).{0,8}(瘢痕|切口)|与.{0,6}(瘢痕|切口).{0,4}无(明显)?关系")
_ZONE = r"(低回声带|透明带|胎盘后间隙|后间隙)"
_CLEAR_ZONE: _Rules = (
    ("partial_loss", re.compile(rf"{_ZONE}.{{0,4}}(局部|部分)|(局部|部分).{{0,8}}{_ZONE}.{{0,4}}(消失|中断|不清)|{_ZONE}.{{0,4}}欠(连续|清)|肌层分界欠清")),
    ("lost", re.compile(rf"{_ZONE}.{{0,6}}(消失|显示不清|不清|未显示|中断|不连续)|肌层.{{0,4}}(分界|界限)不(清|明)")),
    ("continuous", re.compile(rf"{_ZONE}.{{0,4}}(连续|完整|清晰|可见|存在|尚清)|肌层.{{0,4}}分界(尚)?清")),
)  # fmt: skip
_BLADDER_LINE: _Rules = (
    ("lost", re.compile(r"膀胱线.{0,4}(消失|未显示)")),
    ("interrupted", re.compile(r"膀胱线.{0,6}(中断|不连续|欠连续|不光整|欠光整|不完整|毛糙)")),
    ("continuous", re.compile(r"膀胱线.{0,4}(连续|清晰|完整|光滑|光整|尚连续)")),
)
_BOILING = re.compile(r"沸水|沸腾|融合(成片)?|湍流")
_NO_LACUNAE = re.compile(r"未见(明显)?(异常)?(胎盘)?(陷窝|血窦|血池)")
_FINBERG = re.compile(r"(陷窝(分)?级|Finberg(分级)?)\s*[::]?\s*([0-3])(?!\d)", re.IGNORECASE)
_CROSSING = re.compile(r"跨界血管|桥(接)?血管|血管.{0,6}(穿过|穿透|跨越).{0,4}(肌层|浆膜)")
_RICH_FLOW = re.compile(r"血流.{0,8}(丰富|增多|成团|紊乱)")
_REGULAR_FLOW = re.compile(r"血流.{0,4}规则|血流信号?未见(明显)?(增多|异常|丰富)")
_CERVICAL_SINUS = re.compile(r"宫颈(管)?内?.{0,8}(血窦|血池|无回声区)")
_NO_CERVICAL_SINUS = re.compile(r"宫颈(管)?内?.{0,4}未见.{0,4}(血窦|血池|无回声)")
_CERVIX: _Rules = (
    ("absent", re.compile(r"宫颈(管)?(形态)?(消失|未显示)")),
    ("incomplete", re.compile(r"宫颈(内口)?(管)?(形态)?.{0,3}(不完整|失常|欠完整|缩短|不规则)")),
    ("intact", re.compile(r"宫颈(管)?(形态)?.{0,3}(完整|正常|未见异常)")),
)
_DEEPEST = (
    ("percreta", "pas.percreta"), ("increta", "pas.increta"), ("accreta", "pas.accreta"),
    ("pas_unspecified", "pas.accreta_spectrum"),
)  # fmt: skip
_SCORE = re.compile(r"(?:植入|超声)(?:超声)?评分\s*(?:为|约)?\s*[::]?\s*(\d{1,2})|评分\s*[::]?\s*(\d{1,2})\s*分")
_SPECIMENS: _Rules = (
    ("hysterectomy", re.compile(r"[全次]?(切)?全?子宫(切除)?(标本|及胎盘|及附件|[（(]|一[个具]|大小)|(全|次全)子宫")),
    ("partial_myometrial_resection", re.compile(r"子宫肌壁|植入灶|部分子宫|子宫(前|后)壁组织")),
    ("biopsy", re.compile(r"刮宫|刮出物|活检")),
    ("placenta_only", re.compile(r"胎盘")),
)
_NO_INVASION = re.compile(r"底?蜕膜(层)?(完整|存在|可见)|未见.{0,4}(胎盘)?植入")
_RANGES = {
    "edge_to_os_mm": (-100, 200), "placenta_thickness_mm": (5, 150), "cervix_length_mm": (1, 80),
    "myometrium_min_mm": (0, 30), "t2_band_max_mm": (1, 60),
}  # fmt: skip
_THIN_MM = 1.0


def read_placenta(report: StudyReport) -> dict[str, Value]:
    """Return the columns of a study of the pregnant uterus that are more than the assertion of a sign."""
    impression, certainty = _impression(report)
    values: dict[str, Value] = {
        "os_relation": _first(report, _OS_RELATIONS),
        "edge_to_os_mm": _edge_mm(report),
        "over_scar": _over_scar(report),
        "placenta_site": _site(report),
        "placenta_thickness_mm": max(report.targets_mm("placenta", ("thickness",)), default=None),
        "clear_zone": _first(report, _CLEAR_ZONE),
        "bladder_line": _first(report, _BLADDER_LINE),
        "lacunae": _lacunae(report),
        "lacunae_finberg": _printed(report, _FINBERG),
        "subplacental_flow": _flow(report),
        "uterovesical_hypervasc": _beside_bladder(report),
        "cervical_sinus": _cervical_sinus(report),
        "cervix_shape": _first(report, _CERVIX),
        "cervix_length_mm": min(report.targets_mm("cervix"), default=None),
        "myometrium_min_mm": _myometrium_mm(report),
        "t2_band_max_mm": report.largest_mm({"pas.t2_dark_band"}),
        "pas_impression": impression,
        "pas_impression_certainty": certainty,
        "us_score_reported": _printed(report, _SCORE),
        "path_specimen": _specimen(report),
        "path_depth": _path_depth(report),
    }
    for column, (low, high) in _RANGES.items():
        value = values[column]
        if isinstance(value, float) and not low <= value <= high:
            values[column] = None
    thinnest = values["myometrium_min_mm"]
    if isinstance(thinnest, float) and thinnest < _THIN_MM and report.structured.modality in (None, "US"):
        values["myometrial_thinning"] = "present"
    return values


def _first(report: StudyReport, rules: _Rules) -> str | None:
    """Return the first value whose words stand in a clause; the impression beats the findings."""
    for text in (report.section_text("impression"), report.plain_text):
        for value, pattern in rules:
            if pattern.search(text):
                return value
    return None


def _edge_mm(report: StudyReport) -> float | None:
    for item in report.structured.measurements:
        if item.unit == "mm" and item.time == "current" and item.dims:
            before = report.text[max(0, item.start - 24) : item.start]
            if _BEYOND_OS.search(before):
                return -item.dims[0][1]
            if _TO_OS.search(before) and not re.search("胎头|先露", before):
                return item.dims[0][0]
    return None


def _over_scar(report: StudyReport) -> str | None:
    clauses = list(report.clauses())
    if any(_SCAR_FALSE.search(clause) for clause in clauses):
        return "absent"
    found = [clause for clause in clauses if _SCAR_TRUE.search(clause)]
    if not found:
        return None
    return "uncertain" if all(re.search("可能|可疑|不除外|考虑|[?？]", clause) for clause in found) else "present"


def _site(report: StudyReport) -> str | None:
    said = [clause for clause in report.clauses() if "胎盘" in clause and _AT.search(clause)]
    words = " ".join(said) or next((clause for clause in report.clauses() if "胎盘" in clause), "")
    found = [name for name, pattern in _SITES if pattern.search(words)]
    return None if not found else found[0] if len(found) == 1 else "mixed"


def _lacunae(report: StudyReport) -> str | None:
    found = report.having({"pas.lacunae", "pas.turbulent_lacunar_flow"})
    if found:
        words = " ".join(report.sentence(entity) for entity in found)
        turbulent = report.having({"pas.turbulent_lacunar_flow"}, ("present",))
        return "confluent_boiling" if turbulent or _BOILING.search(words) else "present"
    denied = report.sign({"pas.lacunae"}) == "absent" or _NO_LACUNAE.search(report.plain_text)
    return "none" if denied else None


def _flow(report: StudyReport) -> str | None:
    clauses = [clause for clause in report.clauses() if not re.search("宫颈|胎儿|脐", clause)]
    if report.having({"pas.bridging_vessels"}) or any(
        _CROSSING.search(clause) and "未见" not in clause for clause in clauses
    ):
        return "cross_border"
    if report.having({"pas.hypervascularity"}) or any(
        _RICH_FLOW.search(clause) and not _REGULAR_FLOW.search(clause) for clause in clauses
    ):
        return "increased"
    regular = report.sign({"pas.hypervascularity"}) == "absent" or any(
        _REGULAR_FLOW.search(clause) for clause in clauses
    )
    return "regular" if regular else None


def _beside_bladder(report: StudyReport) -> str | None:
    flows = [
        entity
        for entity in report.entities
        if entity.code == "pas.hypervascularity" and "膀胱" in report.clause(entity)
    ]
    found = report.sign({"pas.hypervascularity"}, flows)
    return "absent" if found == "historical" else found


def _cervical_sinus(report: StudyReport) -> str | None:
    if _NO_CERVICAL_SINUS.search(report.plain_text) or report.sign({"pas.cervical_lakes"}) == "absent":
        return "none"
    words = [sentence for sentence in report.sentences() if _CERVICAL_SINUS.search(sentence)]
    if not words and not report.having({"pas.cervical_lakes"}):
        return None
    return "confluent_boiling" if any(re.search("沸水|融合", sentence) for sentence in words) else "present"


def _myometrium_mm(report: StudyReport) -> float | None:
    lengths = report.targets_mm("myometrium")
    lengths += [
        low
        for item in report.measurements({"pas.myometrial_thinning", "pas.myometrial_interruption"})
        if item.unit == "mm"
        for low, _ in item.dims
    ]
    return min(lengths, default=None)


def _impression(report: StudyReport) -> tuple[str | None, str | None]:
    """Return the deepest type that is affirmed, and whether the reader is sure of it (placenta_accreta.md 3.3)."""
    for name, code in _DEEPEST:
        found = impression_sign(report, {code})
        if found in AFFIRMED:
            return name, "definite" if found == "present" else "uncertain"
    codes = {code for _, code in _DEEPEST}
    return ("none", "definite") if impression_sign(report, codes) == "absent" else (None, None)


def _specimen(report: StudyReport) -> str | None:
    """Return what was sent, of a pathology report (placenta_accreta.md 3.5)."""
    if report.structured.report_kind != "pathology":
        return None
    text = report.section_text("gross") or report.plain_text
    return next((name for name, pattern in _SPECIMENS if pattern.search(text)), None)


def _path_depth(report: StudyReport) -> str | None:
    """Return the depth that villi reach under the microscope; fibres on the basal plate are no depth (FIGO 2019)."""
    for name, code in (("percreta", "pas.villi_serosa"), ("increta", "pas.villi_in_myometrium")):
        if report.having({code}, ("present",)):
            return name
    if report.having({"pas.decidua_absent"}, ("present",)):
        return "accreta"
    uterine = _specimen(report) in ("hysterectomy", "partial_myometrial_resection")
    return "none" if uterine and _NO_INVASION.search(report.plain_text) else None


def _printed(report: StudyReport, pattern: re.Pattern[str]) -> float | None:
    hit = pattern.search(report.plain_text)
    return float(next(group for group in reversed(hit.groups()) if group and group.isdigit())) if hit else None
