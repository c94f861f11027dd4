"""Derives the pinyin initials by which vendors abbreviate Chinese names of columns (姓名 becomes XM).

GB 2312 lists its 3,755 characters of level 1 by pronunciation, so the initial of a character follows from its code.
A character of level 2, which is listed by radical, has none here and ends the derivation.
"""

import bisect
import functools

_FIRST_CODES = (
    (0xB0A1, "A"), (0xB0C5, "B"), (0xB2C1, "C"), (0xB4EE, "D"), (0xB6EA, "E"), (0xB7A2, "F"), (0xB8C1, "G"),
    (0xB9FE, "H"), (0xBBF7, "J"), (0xBFA6, "K"), (0xC0AC, "L"), (0xC2E8, "M"), (0xC4C3, "N"), (0xC5B6, "O"),
    (0xC5BE, "P"), (0xC6DA, "Q"), (0xC8BB, "R"), (0xC8F6, "S"), (0xCBFA, "T"), (0xCDDA, "W"), (0xCEF4, "X"),
    (0xD1B9, "Y"), (0xD4D1, "Z"),
)  # fmt: skip
_LAST_CODE = 0xD7F9
_CODES = [code for code, _ in _FIRST_CODES]
# characters with two readings, in the one that names of columns use
_READINGS = {"重": "Z", "长": "C", "调": "D", "曾": "Z", "血": "X", "参": "C", "行": "X", "单": "D", "瘢": "B"}


@functools.cache
def initials(name: str) -> str | None:
    """Return the initials of a name in capitals, ASCII letters and digits as they are; None when one is not known."""
    letters = []
    for character in name:
        if character.isascii():
            letters.append(character.upper() if character.isalnum() else "")
            continue
        letter = _READINGS.get(character) or _initial(character)
        if letter is None:
            return None
        letters.append(letter)
    return "".join(letters)


def _initial(character: str) -> str | None:
    encoded = character.encode("gb2312", "ignore")
    if len(encoded) != 2:
        return None
    code = int.from_bytes(encoded, "big")
    if not _CODES[0] <= code <= _LAST_CODE:
        return None
    return _FIRST_CODES[bisect.bisect_right(_CODES, code) - 1][1]
