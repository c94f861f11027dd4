"""Typing slips and traditional characters, mended on a matching copy only (specification 1.1 N8, 4.6).

One wrong character in a known term is replaced, so that the copy keeps its length and every offset:
any character foreign to radiology inside a term of four or more characters, and characters of a short
table of look-alikes and sound-alikes inside terms of two or more. The report's own text is never changed.
"""

from functools import cache

from report_structuring import anatomy, cues
from report_structuring.words import read_rows, read_words

# Traditional characters and the simplified ones in which the package's words are written.
_TRADITIONAL = frozenset(pair[0] for pair in read_words("traditional"))
_SIMPLIFIED = str.maketrans({pair[0]: pair[1] for pair in read_words("traditional")})
# What is written for what is meant: look-alikes and sound-alikes.
_CONFUSED = {pair[0]: pair[1] for pair in read_words("slips")}


def mend_slips(text: str) -> str:
    """Return a copy of the same length in simplified characters in which single slips inside known terms are mended."""
    chars = set(text)
    if not _TRADITIONAL.isdisjoint(chars):
        text = text.translate(_SIMPLIFIED)
        chars = set(text)
    ordinary, terms, by_gap = _tables()
    suspects = (chars - ordinary) | (chars & _CONFUSED.keys())
    mended: list[str] | None = None
    for at, char in [(at, char) for at, char in enumerate(text) if char in suspects] if suspects else ():
        meant = _CONFUSED.get(char)
        foreign = char not in ordinary and "\u4e00" <= char <= "\u9fff"
        if char == "种" and text[at - 1 : at] in ("一", "这", "各", "多", "此", "几", "某", "两", "何", "该"):
            continue
        if meant is None and not foreign:
            continue
        if not _touches_term(text, at, meant):
            continue
        found = _find_term(text, at, char, meant, foreign, terms, by_gap)
        if found:
            mended = mended or list(text)
            mended[at] = found
    return "".join(mended) if mended else text


def _touches_term(text: str, at: int, meant: str | None) -> bool:
    """Say whether two neighbouring characters of a term can be read at a place, with what is meant or beside it."""
    pairs = _term_pairs()
    if meant is not None:
        return text[max(0, at - 1) : at] + meant in pairs or meant + text[at + 1 : at + 2] in pairs
    return text[max(0, at - 2) : at] in pairs or text[at + 1 : at + 3] in pairs


def _reach(text: str, at: int) -> tuple[int, int]:
    """Return the span about a place in which every two neighbours on either side of it stand so in a term."""
    pairs = _term_pairs()
    first, last = max(0, at - 1), min(len(text), at + 2)
    while first > max(0, at - 8) and text[first - 1 : first + 1] in pairs:
        first -= 1
    while last < min(len(text), at + 10) and text[last - 1 : last + 1] in pairs:
        last += 1
    return first, last


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
    first, last = _reach(text, at)
    for left in range(first, at + 1):
        before = text[left:at]
        for right in range(max(at + 1, left + 2), min(last, left + 10) + 1):
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
def _term_pairs() -> frozenset[str]:
    _ordinary, terms, _by_gap = _tables()
    return frozenset(term[at : at + 2] for term in terms for at in range(len(term) - 1))


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
