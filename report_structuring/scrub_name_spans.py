"""Where a person's name ends that begins at a place (behind a label or a role), and where one begins before a title.

The text is the folded copy of scrub.py: full-width signs are half-width. Three strengths of evidence:
a label that only a name can follow (姓名:), a label that something else may follow too (患者:, 审核:), and a role
without any sign between (患者张三头痛), where the words around have to decide.
"""

import re

from report_structuring.scrub_words import (
    ALL_SURNAMES,
    COMPOUND_SURNAMES,
    FOLLOWING,
    LABEL_STOPS,
    NEVER_GIVEN,
    OPENINGS,
    PARTS,
    SAFE_SURNAMES,
    SELDOM_GIVEN,
    SURNAMES,
    TRANSLITERATION,
    UNLABELLED_SURNAMES,
    USUAL_GIVEN,
    any_scrub_word,
    is_han,
    is_ordinary,
    read_scrub_words,
)
from report_structuring.words import any_of

HAN = "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0003ffff"
DOTS = frozenset("·•・‧∙⋅.")
_WORD = r"[A-Z][A-Za-z'\u2019\-]{0,20}"
_LATIN_WORD = re.compile(rf"(?P<gap>(?:,[ ]?|[ ]{{1,2}}|\^|·)?)(?P<word>{_WORD}\.?)")
_MASK = "*×●○□■◯◇?�＿_"
_MASKED = re.compile(rf"[{HAN}](?:(?:[{_MASK}\ue000-\uf8ff]{{1,3}}|[xX]{{1,2}}(?![A-Za-z]))[{HAN}]?|某某?)")
_GAP = re.compile(r"[ \t]{1,4}")
_AGE = re.compile(r"[ ,、/()]{0,3}(?:性别:?)?[男女]性?[ ,、/;。)]|[ ,、/(]{0,3}\d{1,3}岁")
_VOWEL = re.compile("[AEIOUY]")
_COMPOUND_FIRST = frozenset(surname[0] for surname in COMPOUND_SURNAMES)
_SPACED_BEFORE = re.compile(
    rf"(?:[{HAN}][ \t]{{1,3}}[{HAN}]{{1,2}}|[{HAN}]{{2}}[ \t]{{1,3}}[{HAN}]{{1,2}}|[{HAN}](?:[ \t]{{1,2}}[{HAN}]){{2,3}})\Z"
)
_CONFIRMED = re.compile(
    r"[ ]{0,2}[,、/(][ ]{0,2}(?:性别|[男女][ ,，、)）性]|\d{6}|身份证|证件|电话|手机|\d{1,3}岁)|[男女]\d"
)
_ENGLISH_STOPS = frozenset(read_scrub_words("english_stops"))
_TITLE_STOPS = read_scrub_words("not_before_title")
_TITLE_STOP_WORDS = tuple(word for word in _TITLE_STOPS if len(word) > 1)
_FUNCTION = frozenset(word for word in _TITLE_STOPS if len(word) == 1)
_LONGEST_RUN = 12
_STRONG_FOLLOWING = frozenset("诉于因系自来代要与已")
_TITLES_HERE = re.compile(any_of("not_names_before_title") + "$")
_LEFT = frozenset(
    "请经由与和向被知系科室师院所站部供对在给为从嘱送告示及邀助主刀者属找同跟约电是叫名上到以长组日据本因于午该致示"
)


def _run(text: str, at: int) -> int:
    end = at
    while end < len(text) and end - at < _LONGEST_RUN and is_han(text[end]):
        end += 1
    return end


def _is_open(text: str, at: int) -> bool:
    """Say whether no further character of a name can stand here."""
    return at >= len(text) or not is_han(text[at])


def _follows(text: str, at: int) -> int:
    """Return how well a text goes on here after a name: 3 at an edge, 2 by a word, 1 by one character, else 0."""
    if _is_open(text, at):
        return 3
    if text[at : at + 2] in OPENINGS or (text[at] in "男女" and (_is_open(text, at + 1) or text[at + 1] in "性孩婴")):
        return 2
    return 1 if text[at] in FOLLOWING else 0


def _is_given(text: str, at: int, end: int) -> bool:
    return not any(char in NEVER_GIVEN for char in text[at:end])


def _is_usual(text: str, at: int, end: int) -> bool:
    return end <= len(text) and all(char in USUAL_GIVEN for char in text[at:end])


def read_masked(text: str, at: int) -> int | None:
    """Return where a name with hidden or lost characters ends (张**, 李某, 王?明)."""
    hit = _MASKED.match(text, at)
    return hit.end() if hit and (text[at] in ALL_SURNAMES or text[at] in _COMPOUND_FIRST) else None


def read_latin(text: str, at: int, *, labelled: bool) -> int | None:
    """Return where a name in Latin letters ends; without a label it has to have two words and a small letter."""
    words: list[re.Match[str]] = []
    for word in _LATIN_WORD.finditer(text, at, at + 80):
        first = not words
        if word.start() != (at if first else words[-1].end()) or (first and word["gap"]):
            break
        if word["word"].rstrip(".") in _ENGLISH_STOPS or ("," in word["gap"] and len(words) != 1):
            break
        if text[word.end() : word.end() + 1].isalnum() and text[word.end()].isascii():
            break
        words.append(word)
        if len(words) == 4:
            break
    if not words or (len(words) == 1 and not labelled):
        return None
    end = words[-1].end()
    if not labelled and not any(char.islower() for char in text[at:end]):
        parts = [word["word"] for word in words]
        if any(len(part) < 2 or not _VOWEL.search(part) for part in parts) or max(map(len, parts)) < 4:
            return None
    return end if end - at > 1 else None


def read_dotted(text: str, at: int) -> int | None:
    """Return where a name of parts ends that are written by transliteration and joined by dots or spaces."""
    parts = 0
    while True:
        end = at
        while end < len(text) and end - at < 10 and text[end] in PARTS:
            end += 1
        if end - at < 2:
            return None
        parts += 1
        joined = end + 2 < len(text) and (text[end] in DOTS or text[end] == " ")
        if joined and parts < 3 and text[end + 1] in PARTS and text[end + 2] in PARTS:
            at = end + 1
            continue
        if parts < 2:
            return None
        # characters of transliteration begin ordinary words too (来院)
        return next((place for place in range(end, at + 1, -1) if _follows(text, place) > 1), end)


def _read_foreign(text: str, at: int) -> int | None:
    """Return where a name without a Han surname ends, written with the usual characters of transliteration."""
    end = at
    while end < len(text) and end - at < 8 and text[end] in TRANSLITERATION:
        end += 1
    return next((place for place in range(end, at + 2, -1) if _follows(text, place)), None)


def is_foreign(text: str) -> bool:
    """Say whether most characters of a text are those by which names of other languages are written."""
    return 2 * sum(char in TRANSLITERATION for char in text) >= len(text)


def read_plain(text: str, at: int, *, expected: bool = False) -> int | None:
    """Return where a name ends that no label announces, or None when an ordinary word begins here.

    Of two, three and four characters the length wins behind which the text goes on best; of two equal ones the
    longer, unless its last character seldom is one of a name. `expected` after words that a name usually follows (其母).
    """
    compound = text[at : at + 2] in COMPOUND_SURNAMES
    if not compound and (at >= len(text) or text[at] not in ALL_SURNAMES):
        return _read_foreign(text, at)
    if is_ordinary(text, at) and not compound:
        # A word that is also a name (高明, 安静) counts as one when sex or age come next, a name that only begins like
        # a word (许可心) when its characters are usual in names and the word would not be followed by another.
        end = at + 3
        if (
            end <= len(text)
            and text[end - 1] not in SELDOM_GIVEN
            and _is_usual(text, at + 1, end)
            and _follows(text, end) >= 2
            and text[at + 2 : at + 4] not in OPENINGS
        ):
            return end
        return next((at + size for size in (3, 2) if _run(text, at) == at + size and _AGE.match(text, at + size)), None)
    given = at + (2 if compound else 1)
    run = _run(text, at)
    sure = compound or text[at] in SAFE_SURNAMES
    usual = sure or text[at] in SURNAMES
    best, best_score = None, 0.0
    for size in (1, 2, 3):
        end = given + size
        if end > run or (size == 3 and (compound or text[given] not in SURNAMES)):
            break
        if not _is_given(text, given + (size == 3), end):
            continue
        if size == 2 and text[end - 1] in "男女" and (_is_open(text, end) or text[end] == "性"):
            break
        score = float(_follows(text, end))
        if score == 1 and (size > 1 or usual) and text[end] in _STRONG_FOLLOWING:
            score = 2
        if _CONFIRMED.match(text, end):
            score = 4
        seldom = sum(char in SELDOM_GIVEN for char in text[given:end])
        least = (1 if sure else 2 if usual else 3 if size == 1 else 2) + (0.5 if size == 1 and seldom else 0)
        least -= expected and (usual or size == 1)
        if not usual and score < 4 and not _is_usual(text, given, end):
            continue
        doubtful = text[at] not in UNLABELLED_SURNAMES and not compound and score < 4 and not expected
        if doubtful and (size == 1 or text[given : given + 2] in OPENINGS):
            continue
        value = score - 0.3 * seldom - (0.5 if size == 3 else 0)
        if score >= least and value >= best_score:
            best, best_score = end, value
    if best:
        return best
    foreign = _read_foreign(text, at)
    if foreign or not sure or run <= given or not _is_given(text, given, given + 1) or text[given] in SELDOM_GIVEN:
        return foreign
    two = given + 2
    return two if two <= run and _is_given(text, given, two) and text[two - 1] not in SELDOM_GIVEN else given + 1


def _read_spaced(text: str, at: int, run: int, *, labelled: bool) -> int | None:
    """Return where a name ends whose surname stands apart (王 试甲, 张 建 国)."""
    gap = _GAP.match(text, run)
    if not gap or gap.end() >= len(text):
        return None
    second, end = gap.end(), _run(text, gap.end())
    size = end - second
    if size == 0 or text[second] in "男女" or text[end : end + 1] == ":" or text[second:end] in LABEL_STOPS:
        return None
    if size > 2:
        if is_ordinary(text, second) and text[at] not in SAFE_SURNAMES and run - at == 1:
            return None
        third = second + 3
        double = text[second] in SURNAMES and not is_ordinary(text, second) and _is_given(text, second + 1, third)
        one, two = _follows(text, second + 1), _follows(text, second + 2)
        if double and max(one, two) < 2:
            go_on = _follows(text, third)
            if go_on >= 2 or (go_on and _is_usual(text, second + 1, third)):
                return third
        if not _is_given(text, second, second + 1):
            return None
        if max(one, two) == 0 and not labelled:
            return second + 2 if text[at] in SAFE_SURNAMES and _is_usual(text, second, second + 2) else None
        return second + (2 if two >= one and _is_given(text, second + 1, second + 2) else 1)
    if not _is_given(text, second, end):
        return None
    if size > 1:
        return end
    for _ in range(2):
        gap = _GAP.match(text, end)
        if not gap or gap.end() >= len(text) or text[gap.end()] in "男女" or text[gap.end()] in NEVER_GIVEN:
            break
        last = gap.end() + 1
        if not is_han(text[last - 1]) or _follows(text, last) < 2 or text[last : last + 1] == ":":
            break
        end = last
        if _follows(text, last) < 3:
            break
    return end


def read_labelled(text: str, at: int, *, only_names: bool) -> int | None:
    """Return where a name behind a label ends; `only_names` when nothing else follows such a label."""
    if at >= len(text):
        return None
    if not is_han(text[at]):
        return read_latin(text, at, labelled=only_names)
    masked = read_masked(text, at)
    if masked:
        return masked
    dotted = read_dotted(text, at)
    if dotted:
        return dotted
    run = _run(text, at)
    word = text[at:run]
    surname = word[0] in ALL_SURNAMES or word[:2] in COMPOUND_SURNAMES
    surname = surname or (len(word) == 1 and word + text[run + 1 : run + 2] in COMPOUND_SURNAMES)
    if word in LABEL_STOPS or (not surname and is_ordinary(text, at)):
        return None
    size = run - at
    if size == 1 or (size == 2 and word in COMPOUND_SURNAMES):
        spaced = _read_spaced(text, at, run, labelled=only_names) if surname else None
        return spaced or (
            run if only_names and surname and (size == 2 or _GAP.match(text, run) or _is_label_end(text, run)) else None
        )
    if text[run : run + 1] == ":" or size > 4:
        end = read_plain(text, at)
        if end or not only_names:
            return end
        if size <= 8 and is_foreign(word) and text[run : run + 1] != ":":
            return run
        return at + 3 if surname and not is_ordinary(text, at) and text[run : run + 1] != ":" else None
    if only_names:
        if size == 4 and not is_foreign(word) and word[:2] not in COMPOUND_SURNAMES:
            return read_plain(text, at) or (run if surname else None)
        if not surname and text[at : at + 2] in OPENINGS:
            return None
        return run
    if not surname:
        return run if is_foreign(word) and size > 2 else None
    if is_ordinary(text, at):
        return read_plain(text, at)
    return run if size <= 3 and _is_given(text, at + 1, run) else read_plain(text, at)


def _is_label_end(text: str, at: int) -> bool:
    return at >= len(text) or text[at] in "\r\n;。,/"


def read_role(text: str, at: int, *, expected: bool = False) -> int | None:
    """Return where a name right behind a role ends (患者张三头痛), the surname perhaps apart from the rest."""
    if at >= len(text):
        return None
    if not is_han(text[at]):
        return read_latin(text, at, labelled=False)
    masked = read_masked(text, at)
    if masked:
        usual = text[at] in _COMPOUND_FIRST or (text[at] in UNLABELLED_SURNAMES and text[at] not in _FUNCTION)
        if usual or (_follows(text, masked) and text[masked - 1] not in "xX"):
            return masked
    dotted = read_dotted(text, at)
    if dotted:
        return dotted
    run = _run(text, at)
    begins = text[at] + text[at + 2 : at + 3] in COMPOUND_SURNAMES
    if (
        run - at == 1
        and (text[at] in SURNAMES or begins or (text[at] in UNLABELLED_SURNAMES and _is_usual(text, at + 2, at + 4)))
    ) or text[at:run] in COMPOUND_SURNAMES:
        return _read_spaced(text, at, run, labelled=False)
    return read_plain(text, at, expected=expected)


def find_before(text: str, end: int, *, title: bool) -> int | None:
    """Return where a name begins that ends right before a title or a person's act; a surname alone only by a title."""
    if text.endswith(_TITLE_STOP_WORDS, 0, end) or _TITLES_HERE.search(text, max(0, end - 4), end):
        return None
    if any(char in " \t" for char in text[max(0, end - 5) : end]):
        for start in range(max(0, end - 10), end - 2):
            if not _SPACED_BEFORE.match(text, start, end) or is_ordinary(text, end - 2):
                continue
            known = text[start] in SURNAMES and not is_han(text[start + 1])
            if (known or text[start : start + 2] in COMPOUND_SURNAMES) and _is_edge(text, start, strict=False):
                return start
    for need_edge in (True, False) if title else (True,):
        for size in (3, 2, 4, 1) if title else (3, 2, 4):
            start = end - size
            if start < 0 or not all(map(is_han, text[start:end])):
                continue
            compound = text[start : start + 2] in COMPOUND_SURNAMES and size > 1
            first, skip = text[start], 2 if compound or size == 4 else 1
            if size == 4 and not compound and not (first in SAFE_SURNAMES and text[start + 1] in SURNAMES):
                continue
            # a rare surname with one character counts only at a clear edge
            usual = (size > 2 or (size == 2 and title and _is_edge(text, start, strict=True))) and _is_usual(
                text, start + skip, end
            )
            surnames = SAFE_SURNAMES if not need_edge else UNLABELLED_SURNAMES if usual else SURNAMES
            if not compound and first not in surnames:
                continue
            if size > 1 and not compound:
                safe = size == 3 and (first in SAFE_SURNAMES or usual)
                if text[start : start + 2] in OPENINGS or (text[end - 2 : end] in OPENINGS and not safe):
                    continue
            if not _is_given(text, start + skip, end):
                continue
            if size == 1 and first in _FUNCTION:
                vague = text.startswith(("医", "护", "大夫", "老师"), end)
                if vague or not _is_edge(text, start, strict=True):
                    continue
            if not need_edge or _is_edge(text, start, strict=False):
                return start
    return None


def _is_edge(text: str, start: int, *, strict: bool) -> bool:
    if start == 0 or not is_han(text[start - 1]):
        return True
    return not strict and (text[start - 1] in _LEFT or text[start - 2 : start] in OPENINGS)


PERSON_VERB = re.compile(any_scrub_word("person_verbs"))
