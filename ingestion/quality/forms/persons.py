"""Names, sex and age.

A name keeps everything that tells persons apart (`之子`, `·`); only blanks inside and remarks in brackets go. Sex is
M, F, O or U (GB/T 2261.1-2003: 0 unknown, 1 male, 2 female, 9 not stated). Ages stay as they are written, half-width:
they are computed anew from birth dates.
"""

import re

from ingestion.quality.forms import Facts, Normal
from ingestion.quality.forms.characters import (
    BLANKS,
    PRIVATE_USE,
    SPACES,
    half_width,
    is_full_width,
    is_lost,
    repair_mojibake,
    without_control,
)
from ingestion.quality.forms.missing import is_missing

TEST_WORDS = "测试|演示"
_TEST = re.compile(rf"{TEST_WORDS}|(?<![A-Za-z])test(?![A-Za-z])", re.IGNORECASE)
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_REMARK = re.compile(r"[(（\[【][^()（）\[\]【】]{0,12}[)）\]】]")
_DOTS = re.compile(rf"(?<=[{_HAN}])[•・.．‧∙●](?=[{_HAN}])")
_SPACED_HAN = re.compile(rf"(?<=[{_HAN}])[{SPACES}]+(?=[{_HAN}])")
_LOST_IN_NAME = re.compile(f"[?？□■〓▯�{PRIVATE_USE}]")
_LATIN_IN_NAME = re.compile(rf"[{_HAN}](?:[A-Za-z]{{2,}}| ?[A-Z]{{2,}})|(?<![A-Za-z])[A-Za-z]{{2,}}[{_HAN}]")
_ORDINAL_CHILD = re.compile("之[子女]|双胞胎|[大小]毛")

_SEXES = {
    "gb": {"0": "U", "1": "M", "2": "F", "9": "U"},
    "letter": {"M": "M", "F": "F", "U": "U", "O": "O"},
    "han": {"男": "M", "女": "F", "未知": "U", "不详": "U", "未说明": "U", "其他": "O", "不明": "U"},
    "long_han": {"男性": "M", "女性": "F", "未知的性别": "U", "未说明的性别": "U", "未知性别": "U", "未说明性别": "U"},
    "english": {"MALE": "M", "FEMALE": "F", "OTHER": "O", "UNKNOWN": "U"},
    "coded_han": {
        "1男": "M",
        "2女": "F",
        "1-男": "M",
        "2-女": "F",
        "1.男": "M",
        "2.女": "F",
        "0-未知": "U",
        "9-未说明": "U",
    },
}

_AGES = (
    ("years", re.compile(r"\d{1,3}岁")),
    ("parts", re.compile(r"(?:\d{1,3}(?:岁|个月|月|周|天|日|小时|时|分钟|分)){1,3}(?:整|余)?")),
    ("plain", re.compile(r"\d{1,3}(?:\.\d{1,2})?")),
    ("dicom", re.compile(r"\d{3}[YMWD]")),
    ("letter", re.compile(r"\d{1,3}[YMWDymwd]")),
    ("english", re.compile(r"\d{1,3} ?(?:years?|months?|days?)", re.IGNORECASE)),
)
_OLDEST = 120


def normal_name(value: str, facts: Facts) -> Normal:
    """Return the normal form of a person's name."""
    if is_missing("person_name", value, facts):
        return Normal(None)
    kinds: list[str] = []
    plain = without_control(value)
    if plain != value:
        kinds.append("control_char")
    text = plain.strip(f"{BLANKS}\r\n\"'")
    repaired = repair_mojibake(text)
    if repaired is not None:
        kinds.append("mojibake")
        if not repaired.is_whole:
            return Normal(text, (*kinds, "encoding_lost"))
        text = repaired.text
    if is_full_width(text):
        text = half_width(text)
        kinds.append("fullwidth_value")
    if is_lost(text):
        return Normal(text, (*kinds, "encoding_lost"))
    if _LOST_IN_NAME.search(text):
        kinds.append("rare_char_lost")
    if facts.is_patient and _TEST.search(text):
        return Normal(text, (*kinds, "test_patient"))
    variant = _DOTS.sub("·", _SPACED_HAN.sub("", _REMARK.sub("", text))).strip(BLANKS) or text
    if variant != text:
        kinds.append("name_variant")
        text = variant
    if _LATIN_IN_NAME.search(text) and not _ORDINAL_CHILD.search(text):
        kinds.append("rare_char_lost")
    return Normal(text, tuple(dict.fromkeys(kinds)))


def sex_family(value: str) -> str | None:
    """Return which code list a value for sex is of, or None."""
    word = half_width(value).strip(f"{BLANKS}\r\n").upper()
    return next((name for name, words in _SEXES.items() if word in words), None)


def normal_sex(value: str, facts: Facts) -> Normal:
    """Return M, F, O or U; `facts.usual` are the code lists of the column, the first that fits is taken."""
    if value in facts.codes:
        return Normal(_sex_of(facts.codes[value]), ())
    stripped = value.strip(f"{BLANKS}\r\n")
    word = half_width(stripped).upper()
    if stripped in facts.codes or word in facts.codes:
        return Normal(_sex_of(facts.codes.get(stripped, facts.codes.get(word, ""))), ("sex_code",))
    if is_missing("sex", value, facts):
        return Normal(None)
    if facts.zero_is_female and word in ("0", "1"):
        return Normal("F" if word == "0" else "M", () if word == value else ("sex_code",))
    family = sex_family(value)
    if family is None:
        return Normal("U", ("sex_code",))
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    usual = facts.usual or frozenset({"letter"})
    # 未知 is written in every list
    is_usual = (
        family in usual
        or (word in ("未知", "不详", "U") and value == word)
        or (family == "han" and "long_han" in usual and value == word and word not in ("男", "女"))
    )
    if not is_usual or (value != word and "exact" not in usual):
        kinds.append("sex_code")
    return Normal(_SEXES[family][word], tuple(kinds))


def _sex_of(word: str) -> str:
    """Return the sex of a standard value as a mapping may write it."""
    family = sex_family(word)
    return _SEXES[family][half_width(word).strip().upper()] if family else "U"


def age_family(value: str) -> str | None:
    """Return the way an age is written, or None."""
    text = half_width(value).strip(f"{BLANKS}\r\n")
    return next((name for name, pattern in _AGES if pattern.fullmatch(text)), None)


def normal_age(value: str, facts: Facts) -> Normal:
    """Return an age as written, half-width; `6月` beside years is a child's age and usual."""
    if is_missing("age", value, facts):
        return Normal(None)
    kinds = ["fullwidth_value"] if is_full_width(value) else []
    text = half_width(value).strip(f"{BLANKS}\r\n")
    family = age_family(text)
    usual = facts.usual or frozenset({"years", "parts"})
    if family is None:
        number = re.fullmatch(r"-\d{1,3}(?:\.\d+)?岁?|\d{4,}岁?", text)
        if number:
            return Normal(text, (*kinds, "value_out_of_range"))
        return Normal(text if not is_lost(text) else None, (*kinds, "age_text"))
    if family not in usual:
        kinds.append("age_text")
    years = re.fullmatch(r"(\d{1,3})(?:\.\d+)?[岁Yy]?", text)
    if years and int(years[1]) > _OLDEST:
        kinds.append("value_out_of_range")
    return Normal(text, tuple(kinds))
