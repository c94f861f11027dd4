"""SQL that tells, value by value and fast, which values need a closer look.

A value that passes the screen of its form is without a defect, and its normal form is what `light_expression` gives
(a test holds the two to each other). A screen may hold back more than it must, never less. Patterns are read by RE2.
"""

import re
from collections.abc import Iterable

from ingestion.quality.forms.characters import (
    BLANKS,
    CONTROL,
    FULL_WIDTH_VALUE,
    LATIN_PAIR,
    LOST,
    MISREAD_AS_GBK,
    SPACES,
)
from ingestion.quality.forms.dates import EARLIEST, SENTINELS, Family
from ingestion.quality.forms.identifiers import card_screen
from ingestion.quality.forms.missing import missing_words
from ingestion.quality.forms.texts import IDENTITIES, LIMITS, TEMPLATE
from lakehouse.formats.document_text import SCREEN

BY_DISTINCT_VALUE = frozenset({
    "sex", "age", "unit", "icd_10", "icd_9_cm_3", "reference_range", "gestational_age", "gravida_para", "volume_ml",
    "weight_g", "apgar",
})  # fmt: skip
"""Forms with so few different values that each is looked at."""

_CHARACTERS = rf"[{CONTROL}]|{LOST}|\?{{2,}}|[{MISREAD_AS_GBK}]|{LATIN_PAIR}"
_TEXT = f"{_CHARACTERS}|{SCREEN}|{TEMPLATE}|{IDENTITIES}"
_WORD = f"{_CHARACTERS}|<|&|[{FULL_WIDTH_VALUE}]"
_TRIMMED = frozenset({"text", "document", "address", "word", "status", "boolean"})
_LONG = frozenset({"text", "document", "address"})
_LINE_ENDS = "\r\n\x0b\x0c"
LIGHT_FORMS = _TRIMMED | {"id", "citizen_id"}
"""Forms whose ordinary values may still need trimming, line ends or capitals, which SQL gives them."""
_NAME = r"[一-鿿㐀-䶿·]{2,}"
_CODE = r"[0-9A-Za-z][0-9A-Za-z._/^*+()%#-]*"


def literal(text: str) -> str:
    """Return a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return texts as the inside of an SQL list, in order."""
    return ", ".join(literal(text) for text in sorted(texts))


def odd_expression(
    form: str,
    value: str,
    *,
    missing: frozenset[str] = frozenset(),
    tomorrow: str | None = None,
    limits: tuple[float | None, float | None] = (None, None),
    is_long: bool = True,
) -> str:
    """Return SQL that is true for values of a form that need a closer look; null and blank values must be left out.

    `value` is SQL of the column, `missing` are further words for no value, `tomorrow` is the last day that does not
    lie in the future (None: any day may come), `limits` are the plausible ones, `is_long` whether any text of the
    column is so long that it may have been cut off.
    """
    if form in BY_DISTINCT_VALUE:
        return "true"
    absent = _absent(form, missing)
    is_absent = f"regexp_full_match({value}, {literal(absent)})"
    if form in ("date", "timestamp"):
        return _odd_date(form, value, tomorrow)
    if form == "id":
        longest = max(len(word.encode()) for word in missing_words(form) | missing)
        # a case asks the second pattern of few values only; of those that pass the first none has a blank
        return (
            f"(case when not regexp_full_match({value}, '[0-9A-Za-z][0-9A-Za-z._|^-]*') then true "
            f"when strlen({value}) <= {longest} or contains({value}, '.') "
            f"then regexp_full_match({value}, {literal('[0-9][.][0-9]+[eE][0-9]{1,2}|' + absent)}) else false end)"
        )
    elif form == "citizen_id":
        tests = [card_screen(value)]
    elif form == "phone":
        tests = [f"not regexp_full_match({value}, '[0-9][0-9 ()/;,-]*[0-9]')"]
    elif form == "person_name":
        strange = f"^(?:{absent})$|测试|演示|锟|[{MISREAD_AS_GBK}]"
        tests = [
            f"not regexp_full_match({value}, {literal(_NAME)})",
            f"regexp_matches({value}, {literal(strange)})",
        ]
    elif form in ("number", "lab_value"):
        tests = [f"not regexp_full_match({value}, '-?[0-9]+([.][0-9]+)?')"]
        low, high = limits
        if form == "number" and low is not None and high is not None:
            tests.append(f"coalesce(try_cast({value} as double) not between {low} and {high}, false)")
    elif form == "code":
        tests = [f"not regexp_full_match({value}, {literal(_CODE)})", is_absent]
    elif form in ("text", "document"):
        tests = [f"regexp_matches({value}, {literal(f'{_TEXT}|^(?:{absent})$')})"]
        if is_long:
            tests.append(_at_limit(value))
    else:
        tests = [f"regexp_matches({value}, {literal(f'{_WORD}|^(?:{absent})$')})"]
    return "(" + " or ".join(tests) + ")"


def _absent(form: str, missing: frozenset[str]) -> str:
    """Return the pattern of a whole value that says that there is none."""
    words = "|".join(re.escape(word) for word in sorted(missing_words(form) | missing))
    return rf"[{SPACES}\r\n]*(?i:{words})[{SPACES}\r\n]*"


def light_expression(form: str, value: str) -> str:
    """Return SQL of the normal form of a value that passed the screen."""
    if form in ("id", "citizen_id"):
        return f"upper({value})"
    if form in _TRIMMED:
        lines = f"replace(replace({value}, chr(13) || chr(10), chr(10)), chr(13), chr(10))"
        return f"trim({lines}, {literal(BLANKS + _LINE_ENDS)})"
    return value


def light_test(form: str, value: str) -> str:
    """Return SQL that is true for values that passed the screen and still differ from their normal form; fast."""
    if form in ("id", "citizen_id"):
        return f"upper({value}) <> {value}"
    if form in _TRIMMED:
        edge = rf"[{SPACES}\r\n\x0b\x0c]"
        if form not in _LONG:
            pattern = rf"\r|^{edge}|{edge}$"
            return f"regexp_matches({value}, {literal(pattern)})"
        # three tests of which none goes through all of a long text with a pattern
        return (
            f"(case when contains({value}, chr(13)) then true when regexp_matches({value}, {literal('^' + edge)}) "
            f"then true else regexp_matches({value}, {literal(edge + '$')}) end)"
        )
    return "false"


def _odd_date(form: str, value: str, tomorrow: str | None) -> str:
    latest = tomorrow or "2199-12-31"
    # casting back and forth finds days that do not exist; it is faster than a pattern
    instant = f"when 19 then cast(try_cast({value} as timestamp) as varchar) = {value} " if form == "timestamp" else ""
    is_plain = (
        f"coalesce(case strlen({value}) when 10 then cast(try_cast({value} as date) as varchar) = {value} "
        f"{instant}else false end, false)"
    )
    # behind a day stands nothing or a blank, so that a mark behind it ends the day; early ones alone are looked up
    early = max(day for day in SENTINELS if day <= latest)
    return (
        f"(case when not {is_plain} then true "
        f"when {value} <= '{early}!' then {value} < '{EARLIEST}' or left({value}, 10) in ({literals(SENTINELS)}) "
        f"else {value} > '{latest}!' end)"
    )


def reading_expression(family: Family) -> str:
    """Return SQL that reads the column `value` by a family of dates, null where it is no date of it."""
    layouts = ", ".join(literal(layout) for layout in family.formats)
    return family.sql or f"try_strptime(regexp_replace(value, ' +', ' '), [{layouts}])"


def _at_limit(value: str) -> str:
    """Return SQL for texts of just a column's width in bytes, in UTF-8 or in GBK."""
    gbk = f"((strlen({value}) + length({value})) // 2)"
    # strlen counts bytes, length characters
    narrow = " or ".join(
        f"strlen({value}) between {limit - 2} and {limit} or {gbk} between {limit - 1} and {limit}" for limit in LIMITS
    )
    return f"(strlen({value}) >= {min(LIMITS) - 2} and ({narrow}))"
