"""What the values of a column are (its form), and the normal form of one value with the defects found on the way.

A form is named in the contract (`meta.form`). `normal_form` is pure: the same value and facts always give the same
answer. What depends on the whole column of a file (which date format is usual there, how sex is coded) comes in Facts;
without them the usual writing is taken to be the normal one. SQL screens that spare Python the ordinary values live in
`screens`; a value that passes the screen of its form is in normal form and without a defect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

FORMS = (
    "id", "citizen_id", "person_name", "phone", "address", "sex", "age", "date", "timestamp", "boolean", "icd_10",
    "icd_9_cm_3", "code", "word", "status", "number", "lab_value", "unit", "reference_range", "text", "document",
    "gestational_age", "gravida_para", "volume_ml", "weight_g", "apgar",
)  # fmt: skip
"""The closed list of forms."""


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal form of a value (None: no usable value) and the kinds of defects found in it."""

    value: str | None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of the column a value stands in."""

    missing: frozenset[str] = frozenset()
    """Further words for no value, in small letters."""
    usual: frozenset[str] = frozenset()
    """Writings (families of dates, of codes for sex, of ages) that are usual in this column and no defect there."""
    orders: tuple[str, ...] = ("dmy", "mdy", "ymd")
    """Orders of day, month and year that all numeric dates of the column allow."""
    date_format: str | None = None
    """strptime format the mapping names."""
    shapes: tuple[str, ...] = ()
    """Shapes that identifiers of this column have (see `identifiers`)."""
    codes: Mapping[str, str] = field(default_factory=dict)
    """The hospital's own code to the standard value, from the mapping."""
    zero_is_female: bool = False
    """Whether a column of 0 and 1 for sex means female by 0."""
    low: float | None = None
    high: float | None = None
    """Plausible limits, in the unit of the form or of the column."""
    is_patient: bool = True
    """Whether a name is a patient's."""
    longest: tuple[int, int] | None = None
    """Most bytes a text of the column has in GBK and in UTF-8."""
    today: date | None = None
    """Day of the load; dates later than the day after it lie in the future. None: not asked."""


NO_FACTS = Facts()


def normal_form(form: str, value: str, facts: Facts = NO_FACTS) -> Normal:
    """Return the normal form of one value and the kinds of defects in it.

    Raises KeyError when the form is not in FORMS.
    """
    from ingestion.quality.forms.characters import without_control
    from ingestion.quality.forms.registry import NORMALISERS

    normal = NORMALISERS[form](value, facts)
    if "control_char" in normal.kinds or (plain := without_control(value)) == value:
        return normal
    normal = NORMALISERS[form](plain, facts)
    return Normal(normal.value, (*normal.kinds, "control_char"))
