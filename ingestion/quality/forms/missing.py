"""Words that hospitals write where there is no value.

`无` means none in allergies, drugs and texts, so it stands for a missing value only where a value of that form cannot
be `无`: identifiers, names, telephones, dates, numbers, units and codes of the classifications.
"""

from ingestion.quality.forms import Facts
from ingestion.quality.forms.characters import half_width

MISSING_WORDS = frozenset({
    "null", "(null)", "<null>", "none", "nil", "\\n", "n/a", "na", "nan", "#n/a", "nat", "undefined", "/", "//", "\\",
    "-", "--", "---", "—", "——", "–", ".", "*", "?", "不详", "未知", "不明", "空", "缺失", "暂缺",
    "未填", "未填写", "未提供", "未录入", "未登记",
})  # fmt: skip
"""In small letters and half-width."""

_NONE = "无"
_NONE_IS_MISSING = frozenset({
    "id", "citizen_id", "person_name", "phone", "address", "date", "timestamp", "number", "unit", "icd_10",
    "icd_9_cm_3", "volume_ml", "weight_g", "gestational_age", "gravida_para", "apgar", "sex", "age",
})  # fmt: skip
_NOT_MISSING = {
    # a lone dash is a result there, and 未知 a value of the code list
    "lab_value": frozenset({"-", "--", "—", "–", "?", "*", "."}),
    "sex": frozenset({"不详", "未知", "不明"}),
    "age": frozenset({"不详", "未知", "不明"}),
    "boolean": frozenset({"-"}),
    "text": frozenset({"na"}),
    "word": frozenset({"na"}),
}
_ZERO_IS_MISSING = frozenset({"id", "citizen_id", "phone", "date", "timestamp"})
_BLANKS = " \t\r\n\u00a0\u3000"


def is_missing(form: str, value: str, facts: Facts) -> bool:
    """Return whether a value of a form says that there is none."""
    word = half_width(value).strip(_BLANKS).lower()
    if not word or word in facts.missing:
        return True
    if word in MISSING_WORDS:
        return word not in _NOT_MISSING.get(form, frozenset())
    if word == _NONE:
        return form in _NONE_IS_MISSING
    return form in _ZERO_IS_MISSING and not word.strip("0") and len(word) <= 1


def missing_words(form: str) -> frozenset[str]:
    """Return the words, small and half- or full-width, by which a value of a form says that there is none."""
    words = MISSING_WORDS - _NOT_MISSING.get(form, frozenset())
    if form in _NONE_IS_MISSING:
        words |= {_NONE}
    if form in _ZERO_IS_MISSING:
        words |= {"0"}
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    return words | {word.translate(wide) for word in words}
