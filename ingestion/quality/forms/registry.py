"""Which function brings the values of a form to their normal form, with the version that stands in each issue."""

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ingestion.quality.forms import FORMS, Facts, Normal
from ingestion.quality.forms.codes import normal_code, normal_icd
from ingestion.quality.forms.dates import normal_date
from ingestion.quality.forms.identifiers import normal_citizen_id, normal_id, normal_phone
from ingestion.quality.forms.numbers import (
    normal_apgar,
    normal_gestational_age,
    normal_gravida_para,
    normal_number,
    normal_reference,
    normal_result,
    normal_volume,
    normal_weight,
)
from ingestion.quality.forms.persons import normal_age, normal_name, normal_sex
from ingestion.quality.forms.texts import normal_text, normal_word
from ingestion.quality.forms.units import normal_unit

NORMALISERS: Mapping[str, Callable[[str, Facts], Normal]] = MappingProxyType({
    "id": normal_id,
    "citizen_id": normal_citizen_id,
    "person_name": normal_name,
    "phone": normal_phone,
    "address": functools.partial(normal_word, "address"),
    "sex": normal_sex,
    "age": normal_age,
    "date": functools.partial(normal_date, "date"),
    "timestamp": functools.partial(normal_date, "timestamp"),
    "boolean": functools.partial(normal_word, "boolean"),
    "icd_10": functools.partial(normal_icd, "icd_10"),
    "icd_9_cm_3": functools.partial(normal_icd, "icd_9_cm_3"),
    "code": normal_code,
    "word": functools.partial(normal_word, "word"),
    "status": functools.partial(normal_word, "status"),
    "number": normal_number,
    "lab_value": normal_result,
    "unit": normal_unit,
    "reference_range": normal_reference,
    "text": functools.partial(normal_text, "text"),
    "document": functools.partial(normal_text, "document"),
    "gestational_age": normal_gestational_age,
    "gravida_para": normal_gravida_para,
    "volume_ml": normal_volume,
    "weight_g": normal_weight,
    "apgar": normal_apgar,
})  # fmt: skip
assert tuple(NORMALISERS) == FORMS

VERSIONS = MappingProxyType(dict.fromkeys(FORMS, 1) | {"row": 1})
"""Version of the rules of each form, and of those that compare the columns of a row."""


def rule_id(form: str, kind: str) -> str:
    """Return the rule that finds a kind of defect in values of a form, with its version."""
    return f"{form}.{kind}/{VERSIONS[form]}"
