"""How codes and terms are compared: the Python twin of the macros `place_icd_10_dot`, `place_icd_9_dot` and `term_key`.

Lists have few codes, so they are brought to normal form once, when they are read; rows are never touched here.
"""

import csv
import functools
import re
import unicodedata

from lakehouse import PROJECT_ROOT

_MARKS = str.maketrans({"。": ".", "．": ".", "·": ".", "†": "+", "‡": "+", "※": "*"})
_ICD_10 = re.compile(r"[A-Z]\d{2}(\.[\dX]\d{0,2}(X\d{3})?)?")
_ICD_10_LOOSE = re.compile(r"([A-Z]\d{2})\.?([\dX]\d{0,2}(?:X\d{3})?)?")
_ICD_9_CM_3 = re.compile(r"\d{2}(\.\d[\dX]?(\d{2})?(X\d{3})?)?")
_ICD_9_CM_3_LOOSE = re.compile(r"(\d{2})\.?(\d[\dX]?(?:\d{2})?(?:X\d{3})?)?")
_DOUBT = re.compile(r"^\s*[(\[]?[0-9]{1,2}[)\].、]+\s*|待查|待排除?|待除外|疑似|^考虑|可能性?大?$|[?？]")
_PUNCTUATION = re.compile(r"[\s,.;:、，。；：()（）\[\]【】\"“”''·-]+")
_HALF_WIDTH = {0x3000: 0x20} | {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def family_of(code_system: str) -> str:
    """Return the family of a code system, or an empty text when it is not known."""
    return _families().get(code_system, "")


@functools.cache
def _families() -> dict[str, str]:
    return {row["code_system"]: row["family"] for row in read_seed("terminology", "terminology__code_system")}


def read_seed(folder: str, name: str) -> list[dict[str, str]]:
    """Return the rows of a seed of the dbt project."""
    path = PROJECT_ROOT / "dbt_project" / "seeds" / folder / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def spell_code(value: str, family: str) -> str:
    """Return a code in normal form: half-width, upper case, dot in place, filler x small, without dagger or star."""
    text = re.sub(r"[\s'\"]", "", unicodedata.normalize("NFKC", value.translate(_MARKS))).upper()
    if family == "icd_10":
        core = text.rstrip("+*.-")
        found = _ICD_10_LOOSE.fullmatch(core)
        if found:
            return found[1] + (f".{found[2].replace('X', 'x')}" if found[2] else "")
        return text
    if family == "icd_9_cm_3":
        found = _ICD_9_CM_3_LOOSE.fullmatch(text.rstrip(".-"))
        if found:
            return found[1] + (f".{found[2].replace('X', 'x')}" if found[2] else "")
    return text


def is_code_of(code: str, family: str) -> bool:
    """Say whether a code in normal form has the shape of its family, and of ICD-10 a category that exists."""
    if family == "icd_10":
        return _ICD_10.fullmatch(code.upper()) is not None and any(
            start <= code[:3] <= end for start, end in _category_blocks()
        )
    if family == "icd_9_cm_3":
        return _ICD_9_CM_3.fullmatch(code.upper()) is not None
    if family == "snomed":
        return re.fullmatch(r"\d{6,18}", code) is not None
    return bool(re.fullmatch(r"\S{1,64}", code))


@functools.cache
def _category_blocks() -> tuple[tuple[str, str], ...]:
    rows = read_seed("terminology", "terminology__icd_10_block")
    return tuple((row["category_start"], row["category_end"]) for row in rows)


def concept_of(code: str, family: str) -> str:
    """Return the category all editions share: three or four characters of ICD-10, up to four digits of ICD-9-CM-3."""
    if family == "icd_10":
        return code[:3] + (code[3:5] if len(code) > 4 and code[4].isdigit() else "")
    if family == "icd_9_cm_3":
        return (code[:4] + (code[4] if len(code) > 4 and code[4].isdigit() else "")).rstrip(".")
    return code


def term_key(value: str) -> str:
    """Return a term as it is compared: half-width, lower case, without list numbers, doubt, spaces and punctuation."""
    return _PUNCTUATION.sub("", _DOUBT.sub("", value.translate(_HALF_WIDTH).lower()))
