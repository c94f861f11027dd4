"""Typing slips and traditional characters, mended on a matching copy only (specification 1.1 N8, 4.6).

One wrong character in a known term is replaced, so that the copy keeps its length and every offset:
any character foreign to radiology inside a term of four or more characters, and characters of a short
table of look-alikes and sound-alikes inside terms of two or more. The report's own text is never changed.
"""

from functools import cache

from report_structuring import anatomy, cues
from report_structuring.words import read_rows, read_words

# Traditional characters and the simplified ones in which the package's words are written.
_SIMPLIFIED = str.maketrans({pair[0]: pair[1] for pair in read_words("traditional")})
# What is written for what is meant: look-alikes and sound-alikes.
_CONFUSED = {pair[0]: pair[1] for pair in read_words("slips")}


def mend_slips(text: str) -> str:
    """Return a copy of the same length in simplified characters in which single slips inside known terms are mended."""
    text = text.translate(_SIMPLIFIED)
    ordinary, terms, by_gap = _tables()
    mended: list[str] | None = None
    for at, char in enumerate(text):
        meant = _CONFUSED.get(char)
        foreign = char not in ordinary and "\u4e00" <= char <= "\u9fff"
        if char == "种" and text[at - 1 : at] in ("一", "这", "各", "多", "此", "几", "某", "两", "何", "该"):
            continue
        if meant is None and not foreign:
            continue
        found = _find_term(text, at, char, meant, foreign, terms, by_gap)
        if found:
            mended = mended or list(text)
            mended[at] = found
    return "".join(mended) if mended else text


def _find_term(
    text: str,
    at: int,
    char: str,
    meant: str | None,
    foreign: bool,
    terms: frozenset[str],
    by_gap: dict[tuple[str, str], str],
) -> str | None:
    """Find the character meant at a place: the one that completes the longest term."""
    best, length = None, 1
    for left in range(max(0, at - 8), at + 1):
        before = text[left:at]
        for right in range(max(at + 1, left + 2), min(len(text), left + 10) + 1):
            size = right - left
            if size <= length:
                continue
            after = text[at + 1 : right]
            if before + char + after in terms:
                return None
            if meant and before + meant + after in terms:
                best, length = meant, size
            elif foreign and meant is None and size >= 4:
                wanted = by_gap.get((before, after))
                # A known term with a strange character behind it is that term and another word (引流管拖出).
                if wanted and before not in terms and after not in terms:
                    best, length = wanted, size
    return best


@cache
def _tables() -> tuple[frozenset[str], frozenset[str], dict[tuple[str, str], str]]:
    """Build the ordinary characters, the known terms, and the term's character by what stands around it."""
    terms = set(read_words("predicates"))
    for row in read_rows("finding_lexicon.tsv"):
        terms.update(term for term in row[4].split("|") if len(term) > 1 and not term.isascii())
    words = {word for rows in anatomy.site_words().values() for word, _ in rows if len(word) > 1}
    terms |= words
    ordinary = set("".join(read_words("ordinary"))) | set("".join(terms)) | set(cues.all_wording())
    for name in ("patterns.tsv", "heads.tsv"):
        ordinary |= {char for row in read_rows(name) for cell in row for char in cell}
    by_gap: dict[tuple[str, str], str] = {}
    for term in terms:
        if len(term) >= 4:
            for at, char in enumerate(term):
                key = (term[:at], term[at + 1 :])
                by_gap[key] = "" if by_gap.get(key, char) != char else char
    return frozenset(ordinary), frozenset(terms), by_gap
