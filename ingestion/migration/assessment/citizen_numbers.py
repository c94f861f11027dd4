"""Checks the numbers of citizens: GB 11643-1999 with its check character, and the 15 digits in use before.

A number begins with the code of one of the provinces of GB/T 2260 and holds a date of birth; both by chance happen to
one 18-digit number in ten thousand, so a value is judged by itself, whatever column it stands in.
"""

import operator
from datetime import date

from ingestion.sources.citizen_number import is_citizen_number

VALID, WRONG_CHECK, WRONG_BIRTH, OLD, OTHER = "valid", "wrong_check", "wrong_birth", "old", "other"

# the first digit is the region, the second the province in it
_PROVINCES = frozenset(
    f"{region}{province}"
    for region, provinces in enumerate(["12345", "123", "1234567", "123456", "01234", "12345", "1", "123"], start=1)
    for province in provinces
) | {"91"}
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


def judge_citizen_number(text: str, today: date) -> str:
    """Return what a value of 15 or 18 characters is; OTHER when it is nobody's number.

    WRONG_BIRTH needs a column of citizens' numbers to be believed: any 18 digits may have an impossible date inside.
    """
    if not (text[:17].isdecimal() and text.isascii() and text[:2] in _PROVINCES):
        return OTHER
    if len(text) == 15:
        return OLD if text.isdecimal() and _is_past("19" + text[6:12], today) else OTHER
    if len(text) != 18 or not (text[17].isdecimal() or text[17] in "Xx"):
        return OTHER
    if not is_citizen_number(text) or not _is_past(text[6:14], today):
        return WRONG_BIRTH
    return VALID if check_character(text) == text[17].upper() else WRONG_CHECK


def check_character(number: str) -> str:
    """Return the check character of the first 17 digits, by ISO 7064 MOD 11-2."""
    return _CHECKS[sum(map(operator.mul, _WEIGHTS, map(int, number[:17]))) % 11]


def _is_past(digits: str, today: date) -> bool:
    try:
        born = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return born <= today
