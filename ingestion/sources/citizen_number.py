"""Recognises the number of a citizen among the identifiers of a patient, so that it goes to the vault column."""

import re
import unicodedata

# HL7 table 0203 and what Chinese interfaces write instead
_TYPES = frozenset({"NI", "NNCHN", "NNCN", "SS", "IDCARD", "ID_CARD", "SFZ", "SFZH", "SFZHM"})
# 2.16.156.10011.1.3 is the identity card in the object identifiers of WS/T 500
_WORDS = re.compile(r"身份证|id[-_ ]?card|sfz|us-ssn|2\.16\.156\.10011\.1\.3(?![0-9.])", re.IGNORECASE)
# 18 characters of GB 11643: area, date of birth, order and check character
_NUMBER = re.compile(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]")


def is_citizen_number(value: str, *about: str | None) -> bool:
    """Return whether an identifier is a citizen's number, by its type, authority or system, or by its shape."""
    if any(text and (text.upper() in _TYPES or _WORDS.search(text)) for text in about):
        return True
    return _NUMBER.fullmatch(unicodedata.normalize("NFKC", value).strip().upper()) is not None
