"""Brings identifiers to the form in which they are compared, once in Python and once in SQL (sources.md 2).

NFKC, no spaces and quotes, upper case, then prefix, core and suffix. The letter O for zero and I or l for one are put
right only where that makes the whole number digits. Leading zeros stay in the core; `key` is the core without them, and
a match that needs it is never used alone.
"""

import re
import unicodedata
from dataclasses import dataclass

from lakehouse.pseudonym import canonical_identifier

_SCIENTIFIC = r"^[0-9](\.[0-9]+)?E\+?[0-9]+$"
_ALMOST_DIGITS = r"^[0-9OIL]*[0-9][0-9OIL]*$"
_PARTS = r"^([A-Z]{1,4}[-_]?)?([0-9][0-9OIL]*)([-_][0-9]{1,2}|[A-D])?$"
_DIGIT_KINDS = frozenset({
    "patient_id", "inpatient_no", "medical_record_no", "outpatient_no", "card_no", "visit_id", "exam_id",
})  # fmt: skip
"""Kinds whose numbers are digits, so that a lone letter O or l in them is a slip of the hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NormId:
    """An identifier in its parts; `flags` are kinds of defects (sources.md 7)."""

    prefix: str
    core: str
    suffix: str
    flags: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the core without leading zeros, by which probable matches are found."""
        return self.core.lstrip("0") or self.core[-1:]


def norm_id(value: str, kind: str) -> NormId:
    """Return an identifier of a kind (patient_id, inpatient_no, ...) in its parts; an unrecoverable one has no core."""
    canonical = canonical_identifier(unicodedata.normalize("NFKC", value))
    flags = set()
    if re.search(r"\s", unicodedata.normalize("NFKC", value)):
        flags.add("id_whitespace")
    if re.search(_SCIENTIFIC, canonical):
        return NormId(prefix="", core="", suffix="", flags=("id_scientific",))
    if kind in _DIGIT_KINDS and re.search(_ALMOST_DIGITS, canonical) and not canonical.isdigit():
        canonical = canonical.translate(str.maketrans("OIL", "011"))
        flags.add("id_o_zero")
    parts = re.search(_PARTS, canonical)
    if parts is None:
        return NormId(prefix="", core=canonical, suffix="", flags=tuple(sorted(flags)))
    prefix, core, suffix = (part or "" for part in parts.groups())
    if kind in _DIGIT_KINDS and not core.isdigit():
        core = core.translate(str.maketrans("OIL", "011"))
        flags.add("id_o_zero")
    if prefix:
        flags.add("id_prefix")
    return NormId(prefix=prefix.rstrip("-_"), core=core, suffix=suffix.lstrip("-_"), flags=tuple(sorted(flags)))


def _corrected(canonical: str) -> str:
    return (
        f"case when regexp_matches({canonical}, '{_ALMOST_DIGITS}') then translate({canonical}, 'OIL', '011') "
        f"else {canonical} end"
    )


def identifier_columns(canonical: str) -> str:
    """Return SQL for prefix, core, suffix and key of a canonical identifier of a kind that is digits.

    The same as `norm_id`; an unrecoverable number has an empty core.
    """
    fixed = f"({_corrected(canonical)})"
    fits = f"regexp_matches({fixed}, '{_PARTS}')"
    core = (
        f"case when regexp_matches({canonical}, '{_SCIENTIFIC}') then '' "
        f"when {fits} then translate(regexp_extract({fixed}, '{_PARTS}', 2), 'OIL', '011') else {fixed} end"
    )
    return (
        f"{core} as core, "
        f"case when {fits} then rtrim(regexp_extract({fixed}, '{_PARTS}', 1), '-_') else '' end as prefix, "
        f"case when {fits} then ltrim(regexp_extract({fixed}, '{_PARTS}', 3), '-_') else '' end as suffix, "
        f"coalesce(nullif(ltrim({core}, '0'), ''), right({core}, 1)) as core_key"
    )


def citizen_number(canonical: str) -> str:
    """Return SQL for the 18 characters of a citizen's number; 15 digits get their century and check character."""
    body = f"(substr({canonical}, 1, 6) || '19' || substr({canonical}, 7, 9))"
    return (
        f"case when regexp_full_match({canonical}, '[1-9][0-9]{{14}}') then {body} || {check_character(body)} "
        f"when regexp_full_match({canonical}, '[1-9][0-9]{{16}}[0-9X]') then {canonical} end"
    )


def check_character(body: str) -> str:
    """Return SQL for the check character of 17 digits (GB 11643-1999: ISO 7064 MOD 11-2)."""
    terms = " + ".join(
        f"{weight} * coalesce(try_cast(substr({body}, {place}, 1) as integer), 0)"
        for place, weight in enumerate((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), start=1)
    )
    return f"substr('10X98765432', ({terms}) % 11 + 1, 1)"


def phone_number(canonical: str) -> str:
    """Return SQL for a telephone number: a mobile of 11 digits or a landline; null for fillers such as 13800000000."""
    digits = (
        f"regexp_replace(regexp_replace({canonical}, '[^0-9]', '', 'g'), '^(0086|86|0)?(1[3-9][0-9]{{9}})$', '\\2')"
    )
    fillers = "|".join(f"{digit}{{7,}}" for digit in range(10))
    return (
        f"case when regexp_full_match({digits}, '1[3-9][0-9]{{9}}|[0-9]{{7,8}}|0[0-9]{{9,11}}') "
        f"and not regexp_matches({digits}, '{fillers}|1234567') then {digits} end"
    )


def postal_address(canonical: str) -> str:
    """Return SQL for an address without marks; null when it is too short to tell anybody apart."""
    plain = f"regexp_replace({canonical}, '[-,.，。、;；:：()（）#/]', '', 'g')"
    return f"case when length({plain}) >= 8 then {plain} end"
