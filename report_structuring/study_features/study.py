"""Reads all columns of an imaging mart out of one structured report: signs by table, the rest by the disease's rules."""

from collections.abc import Callable

from report_structuring.structure import Structured
from report_structuring.study_features.abdomen import read_abdomen
from report_structuring.study_features.brain import read_brain
from report_structuring.study_features.chest import read_chest
from report_structuring.study_features.mentions import StudyReport, Value
from report_structuring.study_features.placenta import read_placenta
from report_structuring.study_features.signs import read_signs

READERS: dict[str, Callable[[StudyReport], dict[str, Value]]] = {
    "pulmonary_infection": read_chest,
    "stroke": read_brain,
    "placenta_accreta": read_placenta,
    "acute_abdomen": read_abdomen,
}
"""Disease to what reads the columns that are more than the assertion of a sign."""


def read_study(structured: Structured, text: str, disease: str) -> dict[str, Value]:
    """Return the columns of a disease's imaging mart that the report decides; null where it says nothing.

    KeyError for another disease. `text` is the raw text that was structured. Lengths are millimetres, parts are per cent.
    """
    report = StudyReport(text=text, structured=structured)
    return {**read_signs(report, disease), **READERS[disease](report)}
