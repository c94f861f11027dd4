"""Columns of the stroke imaging mart (stroke.md 3.2 to 3.4)."""

import re

from report_structuring.study_features.mentions import StudyReport, Value, sides_of

_RANKED_LESIONS = (
    frozenset(("brain.acute_infarct", "brain.subacute_infarct", "brain.dwi_hyperintensity")),
    frozenset(("brain.ich",)),
    frozenset(("brain.sah",)),
)
_THICK = re.compile(r"铸型|厚层|(积血|出血)较厚")
_THIN = re.compile(r"少量|薄层|少许")
_LARGEST_SHIFT_MM = 40
_ASPECTS = re.compile(
    r"(?<!PC-)(?<!PC)ASPECTS?\s*(?:评分|分)?\s*(?:为|约)?\s*[:=]?\s*(10|\d)(?!\d|\.\d)", re.IGNORECASE
)
_STENOSIS_WORDS = ((85.0, re.compile("重度")), (60.0, re.compile("中(-重)?度")), (30.0, re.compile("轻(-中)?度")))
"""Midpoints of the classes in per cent (stroke.md 3.2)."""
_VESSELS = (
    ("ICA", re.compile(r"颈内动脉|(?<![A-Z])ICA")),
    ("M1", re.compile(r"(大脑中动脉|MCA)(主干|水平段)|M1")),
    ("BA", re.compile(r"基底动脉|(?<![A-Z])BA(?![A-Z])")),
    ("M2", re.compile(r"M2")),
    ("VA", re.compile(r"椎动脉|(?<![A-Z])VA(?![A-Z])")),
    ("ACA", re.compile(r"大脑前动脉|(?<![A-Z])ACA")),
    ("PCA", re.compile(r"大脑后动脉|(?<![A-Z])PCA")),
)
"""Vessels of an occlusion, the first one named here counts."""
_VESSEL_STUDY = re.compile(r"CTA|MRA|DSA|血管成像|血管造影|动脉")


def read_brain(report: StudyReport) -> dict[str, Value]:
    """Return the columns of a study of head or neck that are more than the assertion of a sign."""
    return {
        "lesion_side": _lesion_side(report),
        "sah_thickness": _sah_thickness(report),
        "aspects_total": _aspects(report),
        "hyperdense_artery_side": _hyperdense_side(report),
        "lvo_site": _occluded_vessel(report),
        "max_stenosis_pct": _stenosis(report),
        "midline_shift_mm": _shift_mm(report),
    }


def _lesion_side(report: StudyReport) -> str | None:
    for codes in _RANKED_LESIONS:
        if found := report.having(codes, ("present",)):
            return sides_of(found)
    return None


def _sah_thickness(report: StudyReport) -> str | None:
    found = report.having({"brain.sah"}, ("present",))
    if not found:
        return "none" if report.structured.modality == "CT" and report.text.strip() else None
    words = " ".join(report.sentence(entity) for entity in found)
    layer = report.largest_mm({"brain.sah"})
    if _THICK.search(words) or (layer is not None and layer >= 1):
        return "thick"
    return "thin" if _THIN.search(words) or layer is not None else "unknown"


def _aspects(report: StudyReport) -> float | None:
    hit = _ASPECTS.search(report.plain_text)
    return float(hit.group(1)) if hit else None


def _hyperdense_side(report: StudyReport) -> str | None:
    if found := report.having({"brain.hyperdense_vessel"}):
        return sides_of(found)
    return "none" if report.sign({"brain.hyperdense_vessel"}) == "absent" else None


def _occluded_vessel(report: StudyReport) -> str | None:
    words = " ".join(report.sentence(entity) for entity in report.having({"brain.occlusion"}, ("present",)))
    if words:
        return next((name for name, pattern in _VESSELS if pattern.search(words)), None)
    return "none" if report.sign({"brain.occlusion"}) == "absent" and _VESSEL_STUDY.search(report.text) else None


def _stenosis(report: StudyReport) -> float | None:
    """Return the worst stenosis in per cent: a number that is stated, else the middle of the class that is."""
    found = [100.0] if report.having({"brain.occlusion"}, ("present",)) else []
    for entity in report.having({"brain.stenosis"}, ("present",)):
        stated = [
            high
            for item in report.structured.measurements
            if item.entity == entity.id and item.unit == "percent" and item.time == "current"
            for _, high in item.dims
        ]
        words = report.clause(entity)
        if stated:
            found.append(max(stated))
        else:
            found += [percent for percent, pattern in _STENOSIS_WORDS if pattern.search(words)][:1]
    return max(found, default=None)


def _shift_mm(report: StudyReport) -> float | None:
    largest = report.largest_mm({"brain.midline_shift"})
    return largest if largest is not None and largest <= _LARGEST_SHIFT_MM else None
