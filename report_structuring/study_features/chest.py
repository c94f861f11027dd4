"""Columns of the chest imaging mart (pulmonary_infection.md 3.2, 3.3 and the features of 4.5)."""

import re

from report_structuring.study_features.mentions import AFFIRMED, StudyReport, Value, sides_of
from report_structuring.study_features.signs import sign_codes

_LOBES = ("RUL", "RML", "RLL", "LUL", "LLL")
OPACITY_CODES = frozenset(
    f"lung.{name}"
    for name in ("ggo", "consolidation", "patchy_opacity", "infiltrate", "tree_in_bud", "miliary", "white_lung")
)
NODULE_CODES = frozenset(("lung.nodule", "lung.ggn", "lung.part_solid_nodule"))
_LARGEST_NODULE_MM = 30
_DISTRIBUTIONS = (
    ("peripheral", re.compile(r"胸膜下|外带|外周|周边")),
    ("central", re.compile(r"肺门(区|旁)?周围|肺门旁|中央|中心性|蝶翼")),
    ("diffuse", re.compile(r"弥漫")),
    ("lobar", re.compile(r"大叶|叶段分布|按叶|段性分布")),
)
_CHANGES = ("increased", "new", "stable", "decreased", "resolved")
"""Worst first."""
_LESION = re.compile(r"病灶|病变")
_LESION_CHANGES = (
    (
        "stable",
        re.compile(r"(未见|无)(明显|著|显著)?(变化|改变|吸收|增大|进展|减少|缩小)|无著变|相仿|同前|变化不(大|明显)"),
    ),
    ("resolved", re.compile(r"完全吸收|已(经)?(完全)?(吸收|消失)|基本(吸收|消失)")),
    ("increased", re.compile(r"增多|增大|进展|加重|扩大|较前明显(?=$|[,，。])")),
    ("new", re.compile(r"新(发|增|出现|见)")),
    ("decreased", re.compile(r"吸收|减少|缩小|减轻|好转|变淡")),
)
_CORADS = re.compile(r"CO-?RADS\s*(?:分?[级类]|评分)?\s*:?\s*([0-6])(?!\d)", re.IGNORECASE)
_UNREADABLE = re.compile(r"(图像质量(较|很)?差|运动伪影(较)?[重大]).{0,12}(无法|不能|难以)|(无法|不能)评价.{0,12}伪影")


def read_chest(report: StudyReport) -> dict[str, Value]:
    """Return the columns of a chest study that are more than the assertion of a sign."""
    return {
        "lymphadenopathy": _lymphadenopathy(report),
        "pneumonia_on_imaging": report.sign(OPACITY_CODES | sign_codes("pulmonary_infection")["dx_pneumonia"])
        in AFFIRMED,
        "distribution": _distribution(report),
        "bilateral": _is_bilateral(report),
        "opacity_lobes": ";".join(_opacity_lobes(report)) or None,
        "effusion_side": sides_of(report.having({"lung.pleural_effusion"}, ("present",))),
        "report_nodule_max_mm": _nodule_mm(report),
        "change_vs_prior": _change(report),
        "corads_reported": _corads(report),
        **_corads_features(report),
    }


def _lymphadenopathy(report: StudyReport) -> str | None:
    """Return the assertion for nodes of mediastinum and hilum, or of no stated place."""
    nodes = [
        entity
        for entity in report.entities
        if not entity.locations or any(code.split(".")[0] in ("MED", "HILUM") for code in entity.locations)
    ]
    return report.sign({"gen.lymphadenopathy"}, nodes)


def _opacity_lobes(report: StudyReport) -> list[str]:
    lobes = {code.split(".")[0] for entity in report.having(OPACITY_CODES) for code in entity.locations}
    # the lingula counts as the upper lobe
    lobes |= {"LUL"} if "LIN" in lobes else set()
    return [lobe for lobe in _LOBES if lobe in lobes]


def _is_bilateral(report: StudyReport) -> bool | None:
    sides = {entity.laterality for entity in report.having(OPACITY_CODES)} - {None}
    sides |= {"right" if lobe.startswith("R") else "left" for lobe in _opacity_lobes(report)}
    return ("bilateral" in sides or {"left", "right"} <= sides) if sides else None


def _distribution(report: StudyReport) -> str | None:
    opacities = report.having(OPACITY_CODES)
    if not opacities:
        return None
    words = " ".join(report.sentence(entity) for entity in opacities)
    return next((name for name, pattern in _DISTRIBUTIONS if pattern.search(words)), "random")


def _nodule_mm(report: StudyReport) -> float | None:
    largest = report.largest_mm(NODULE_CODES)
    # beyond 30 mm it is a mass, or a slip of the unit
    return largest if largest is not None and largest <= _LARGEST_NODULE_MM else None


def _change(report: StudyReport) -> str | None:
    found = {entity.change for entity in report.entities if entity.code.startswith("lung.")}
    for sentence in report.sentences():
        if _LESION.search(sentence) and "较前" in sentence:
            found.add(next((name for name, pattern in _LESION_CHANGES if pattern.search(sentence)), None))
    return next((change for change in _CHANGES if change in found), None)


def _corads(report: StudyReport) -> float | None:
    hit = _CORADS.search(report.plain_text)
    return float(hit.group(1)) if hit else None


def _corads_features(report: StudyReport) -> dict[str, Value]:
    """Return what CO-RADS is derived from; a feature is null where nothing is said of what it belongs to."""
    opacities = report.having(OPACITY_CODES)
    lobes, bilateral = _opacity_lobes(report), _is_bilateral(report)
    near = [report.clause(entity) for entity in opacities]
    ggo = _words(report, {"lung.ggo"})
    consolidation = _words(report, {"lung.consolidation"})
    multifocal = (
        any(re.search("多发|散在|弥漫", clause) for clause in near) or len(lobes) >= 2 or bool(bilateral)
        if opacities
        else None
    )
    lobar = bool(re.search("大叶|肺段|按叶", consolidation)) if consolidation else None
    reversed_halo = report.sign({"lung.reversed_halo"})
    return {
        "multifocal": multifocal,
        "subpleural": _distribution(report) == "peripheral" if opacities else None,
        "peribronchovascular_predominant": any("支气管血管束" in clause for clause in near) if opacities else None,
        "perihilar_ggo": bool(re.search("肺门(区|旁)?周围|蝶翼", ggo)) if ggo else None,
        "homogeneous_extensive_ggo": _is_homogeneous(report) if ggo else None,
        "smooth_septal_thickening": _said(_words(report, {"lung.septal_thickening"}), "光滑"),
        "op_pattern": report.sign({"lung.organizing_pneumonia"}) in AFFIRMED
        or (reversed_halo in AFFIRMED and not ggo)
        or None,
        "confirmatory_pattern": report.sign({"lung.crazy_paving", "lung.reversed_halo"}) in AFFIRMED
        or bool(re.search("胸膜下(弧)?线|弧线影|血管(影)?增粗", report.text))
        or "多发" in ggo
        or None,
        "lobar_segmental_consolidation": lobar,
        "multifocal_consolidation": bool(multifocal) and not lobar if consolidation else None,
        "severe_preexisting_lung_disease": report.sign({"lung.honeycombing", "lung.interstitial_change"}) in AFFIRMED
        or bool(re.search("重度", _words(report, {"lung.emphysema"})))
        or None,
        "centrilobular_nodules": any("小叶中心" in entity.mention for entity in report.having({"lung.tree_in_bud"}))
        or None,
        "ct_interpretable": False if _UNREADABLE.search(report.plain_text) else None,
    }


def _is_homogeneous(report: StudyReport) -> bool:
    sentences = [report.sentence(entity) for entity in report.having({"lung.ggo"})]
    return any("弥漫" in sentence and re.search("(?<![不欠])均匀", sentence) for sentence in sentences)


def _words(report: StudyReport, codes: set[str]) -> str:
    """Return the clauses of the affirmed mentions of some codes, empty without one."""
    return " ".join(report.clause(entity) for entity in report.having(codes))


def _said(words: str, word: str) -> bool | None:
    return word in words if words else None
