"""Codes of diagnoses and procedures, and the hospital's own codes.

ICD-10 in its Chinese shapes: upper case, half-width, the dot in its place, the filler x small (I63.900x003). What has
not the shape of its classification is told where the column has it otherwise, and kept.
"""

import re

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import BLANKS, SPACES, half_width, is_full_width, is_lost, without_control
from ingestion.quality.forms.missing import is_missing

_BLANKS = re.compile(f"[{SPACES}\r\n'\"]")
ICD_10 = r"[A-Z]\d[\dA-Z](?:\.(?:\d{1,3}|[\dx]{1,3})(?:x\d{1,3})?)?(?:[+*†])?(?:/\d)?"
"""A WHO, GB/T 14396, insurance or national clinical code in normal form."""
ICD_9_CM_3 = r"\d{2}(?:\.(?:\d{1,4}|\d{1,2}x\d{1,3}))?"
"""A procedure's code in normal form."""
_SHAPES = {"icd_10": re.compile(ICD_10), "icd_9_cm_3": re.compile(ICD_9_CM_3)}
_DOTLESS = {
    "icd_10": re.compile(r"([A-Z]\d[\dA-Z])(\d{1,3}(?:x\d{1,3})?)([+*]?)"),
    "icd_9_cm_3": re.compile(r"(\d{2})(\d{1,2}(?:x\d{1,3})?|\d{4})()"),
}
_SEVERAL = re.compile(r"[;；,，、|/+ ]+")
_MORPHOLOGY = re.compile(r"M?8\d{3}\d/\d|M\d{4,5}/\d")


def plain_code(form: str, value: str) -> str:
    """Return a code of a classification half-width, upper case with a small x, its dot a full stop."""
    text = half_width(value.replace("。", ".").replace("·", ".").replace("†", "+").replace("．", "."))
    text = _BLANKS.sub("", text).upper().replace("X", "x").rstrip(".,;")
    if form == "icd_10" and text.startswith("x"):
        # chapter X of the external causes
        text = "X" + text[1:]
    return text


def has_shape(form: str, code: str) -> bool:
    """Return whether a code in normal form has the shape of its classification."""
    return _SHAPES[form].fullmatch(code) is not None or (form == "icd_10" and _MORPHOLOGY.fullmatch(code) is not None)


def dotted_code(form: str, code: str) -> str | None:
    """Return a code with its dot in place, or None when it has not the shape of its classification."""
    if has_shape(form, code):
        return code
    found = _DOTLESS[form].fullmatch(code)
    text = f"{found[1]}.{found[2]}{found[3]}" if found else ""
    return text if found and has_shape(form, text) else None


def code_depth(form: str, code: str) -> str | None:
    """Return `category` for a WHO code of ICD-10 (3 or 4 characters), `extended` for a longer national one, or None."""
    if form != "icd_10" or not has_shape(form, code):
        return None
    return "category" if re.fullmatch(r"[A-Z]\d[\dA-Z](?:\.[\dx])?[+*]?", code) else "extended"


def normal_icd(form: str, value: str, facts: Facts) -> Normal:
    """Return the normal form of a code of ICD-10 or ICD-9-CM-3.

    `facts.usual` may hold `dotless` and `other` where most codes of the column have no dot or no such shape, and
    `not_category` or `not_extended` where a code of that depth is of another edition than the rest.
    """
    if is_missing(form, value, facts):
        return Normal(None)
    if is_lost(value):
        return Normal(value.strip(), ("encoding_lost",))
    kinds = ["fullwidth_value"] if is_full_width(value.replace("．", ".")) else []
    stripped = value.strip(f"{BLANKS}\r\n")
    plain = plain_code(form, stripped)
    text = dotted_code(form, plain)
    if text is not None:
        is_usual = text == stripped or (text.upper() == stripped.upper() and "upper" in facts.usual)
        is_usual = is_usual or ("dotless" in facts.usual and text.replace(".", "") == stripped)
        if not is_usual and not kinds:
            kinds.append("code_format")
        if f"not_{code_depth(form, text)}" in facts.usual:
            kinds.append("code_system_mixed")
        return Normal(text, tuple(kinds))
    parts = [plain_code(form, part) for part in _SEVERAL.split(half_width(stripped)) if part]
    if len(parts) > 1 and all(has_shape(form, part) for part in parts):
        return Normal(";".join(parts), (*kinds, "code_format"))
    if "other" in facts.usual:
        return Normal(stripped, tuple(kinds))
    return Normal(plain, (*kinds, "code_system_mixed"))


def normal_code(value: str, facts: Facts) -> Normal:
    """Return the normal form of a hospital's own code: half-width, without blanks around it; its case stays."""
    if value in facts.codes:
        return Normal(value)
    if is_missing("code", value, facts):
        return Normal(None)
    if is_lost(value):
        return Normal(value.strip(), ("encoding_lost",))
    plain = without_control(value)
    kinds = ["control_char"] if plain != value else []
    if is_full_width(plain):
        kinds.append("fullwidth_value")
        plain = half_width(plain)
    return Normal(plain.strip(f"{BLANKS}\r\n"), tuple(kinds))
