"""Finds persons' names by what stands around them: labels, roles, titles, signatures, sex and age, a line of their own."""

import re
from collections.abc import Iterator

from report_structuring.scrub_name_spans import (
    HAN,
    PERSON_VERB,
    find_before,
    is_foreign,
    read_dotted,
    read_labelled,
    read_latin,
    read_masked,
    read_role,
)
from report_structuring.scrub_words import (
    ALL_SURNAMES,
    COMPOUND_SURNAMES,
    NEVER_GIVEN,
    OPENINGS,
    PARTS,
    SAFE_SURNAMES,
    SURNAMES,
    UNLABELLED_SURNAMES,
    USUAL_GIVEN,
    any_scrub_word,
    is_han,
    read_scrub_words,
)
from report_structuring.words import any_of

_CLOSE = r"[\]】)]?"
_COLON = r"(?P<colon>[ \t]{0,6}:[ \t]{0,6}|[ \t]{0,4}[\n\r](?=[^\n\r]{2,12}(?:[\n\r]|$)))"
_PERSON_LABEL = re.compile(
    rf"(?P<label>姓[ \t]{{0,8}}名|{any_scrub_word('person_labels')})(?P<name>姓名|名字|签名|签字)?{_CLOSE}(?:{_COLON}|(?P<space>[ \t]{{1,6}})|(?<=[\]】]))[(\[【]?[ \t]{{0,2}}"
)
_PERSON_ROLE = re.compile(
    rf"{any_scrub_word('relatives')}(?:姓名|名字|本人|家属)?(?:为|是|叫|系|名为)?[ \t]{{0,3}}[(\[【]?"
)
_AMBIGUOUS_PEOPLE = frozenset(
    (
        "患者",
        "病人",
        "病员",
        "病患",
        "患儿",
        "产妇",
        "孕妇",
        "新生儿",
        "家属",
        "家长",
        "标本",
        "送检标本",
        "标签",
        "标本标签",
        "母亲",
        "父亲",
    )
)
_ONLY_NAMES = frozenset(read_scrub_words("only_names_behind"))
_AMBIGUOUS_ROLES = _AMBIGUOUS_PEOPLE | {"告知", "通知", "转告", "联系", "核对", "签名", "签字", "受检者"}
_PROFESSION = r"(?:医师|医生|技师|技士|护士|大夫|护师|药师|教师|老师|人员|专家|者|人|员)"
_STAFF_LABEL = re.compile(
    rf"(?:{any_scrub_word('staff_roles')}{_PROFESSION}(?:签名|签字|签章|姓名)?|(?P<loose>{any_scrub_word('staff_labels')}))"
    rf"{_CLOSE}(?:{_COLON}|(?P<space>[ \t]{{1,6}}))[(\[【]?[ \t]{{0,2}}"
)
_ANY_LABEL = re.compile(
    rf"[{HAN}](?:医师|医生|技师|护士|护师|大夫|者|人|员|师|签名|签字|签章)[ \t]{{0,4}}:[ \t]{{0,6}}"
)
_STAFF_ROLE = re.compile(rf"(?:{any_scrub_word('staff_before')}|{any_scrub_word('staff_roles')}{_PROFESSION})")
_NEXT = re.compile(r"[ \t]{0,3}[、/,&+;][ \t]{0,3}|[ \t]{1,6}")
_TITLE = re.compile(any_of("titles"))
_BIRTH_ORDER = re.compile(r"之[子女妻夫母父婴]|[大小]毛")
_SEX_OR_AGE = re.compile(
    rf"(?<![{HAN}A-Za-z])(?P<v>[{HAN}]{{2,4}}?|[{HAN}]{{1,2}}[ ]{{1,2}}[{HAN}]{{1,2}}|[{HAN}](?:[ ][{HAN}]){{2,3}})"
    r"[ ]{0,6}[,、/(|;]?[ ]{0,4}"
    r"(?:(?P<sex>(?:性别[: ]{0,3})?[男女]性?(?=[ ,、/;。)|\d\r\n]|年龄|$))[ ,、/|;]{0,4}(?P<age>(?:年龄[: ]{0,3})?\d{1,3}[ ]?岁)?"
    r"|(?P<years>(?:年龄[: ]{0,3})?\d{1,3}[ ]?岁)(?P<then>[ ,、/|;]{0,4}[男女])?)"
)
_ENGLISH_LABEL = re.compile(
    r"(?<![A-Za-z])(?P<label>(?:patient'?s? ?name|patient|name|pt\.? name|reported by|report(?:ing)? (?:doctor|physician|radiologist)"
    r"|read by|dictated by|verified by|approved by|reviewed by|signed by|attending(?: physician)?|radiologist|sonographer"
    r"|physician|surgeon|operator|technician|doctor|consultant|referred by|referring physician|contact)[ ]{0,2}[:=][ ]{0,3}"
    r"(?:dr\.?[ ]{0,2}|prof\.?[ ]{0,2}|mr\.?[ ]|mrs\.?[ ]|ms\.?[ ])?)",
    re.IGNORECASE,
)
_ENGLISH_TITLE = re.compile(r"(?<![A-Za-z])(?:Dr|DR|Prof|Mr|Mrs|Ms|Pt|Patient)\b\.?[ ]{0,2}(?=[A-Z])")
_MASK_ANYWHERE = re.compile(rf"(?<![{HAN}\w])[{HAN}](?:[*●○□■]{{1,2}}[{HAN}]?|某某?)(?![{HAN}]{{0,0}}\w?[*])")
_DOT = re.compile(rf"(?<=[{HAN}])[·•・‧∙⋅.](?=[{HAN}])")
_ALONE = re.compile(
    rf"^[ \t(]{{0,8}}(?P<v>[{HAN}]{{2,4}}(?:[ \t]{{0,4}}[/、,\\][ \t]{{0,4}}[{HAN}]{{2,4}}|[ \t]{{1,6}}[{HAN}]{{2,4}}){{0,3}})[ \t)。]{{0,8}}\r?$",
    re.MULTILINE,
)
_ONE = rf"(?:[{HAN}]{{2,4}}|[{HAN}]{{1,2}}[ ]{{1,2}}[{HAN}]{{1,2}})"
_PAIR = re.compile(rf"(?<![{HAN}A-Za-z/])(?P<a>{_ONE})[ ]?/[ ]?(?P<b>{_ONE})(?![{HAN}A-Za-z/])")

_BEHIND = re.compile(rf"[ ,、(/|]{{1,4}}(?={any_scrub_word('behind_a_whole_name')})")
_LIST = re.compile(rf"(?<![{HAN}A-Za-z、]){_ONE}(?:[ ]?、[ ]?{_ONE}){{1,6}}(?![{HAN}A-Za-z、])")
_ENGLISH_BEHIND = re.compile(
    r"(?<![A-Za-z])(?P<v>[A-Z][A-Za-z'\-]{1,20}(?:(?:[ ]|\^|,[ ]?)[A-Z][A-Za-z'.\-]{0,20}){1,3})"
    r"(?=[ ]?[,(][ ]?(?:DOB|MRN|ID|aged|\d{1,3}[ -]?(?:y|Y|F|M)))"
)


def find_names(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, kind) of persons' names in a folded text; kind is name or staff."""
    yield from _find_people(text)
    yield from _find_staff(text)
    yield from _find_titled(text)
    yield from _find_described(text)
    yield from _find_latin(text)
    yield from _find_alone(text)
    yield from _find_whole(text)


def find_name_before(text: str, number: int) -> tuple[int, int, str] | None:
    """Return the name that stands alone right before a number (王试甲 13900000000)."""
    end = number
    while end and number - end < 4 and text[end - 1] in " \t,、:(/|":
        end -= 1
    if end == number or not end:
        return None
    start = find_before(text, end, title=False)
    return (start, end, "name") if start is not None and (start == 0 or not is_han(text[start - 1])) else None


def _find_people(text: str) -> Iterator[tuple[int, int, str]]:
    for hit in _PERSON_LABEL.finditer(text):
        only_names = hit["label"] not in _AMBIGUOUS_PEOPLE or hit["name"] is not None
        if hit["colon"] or only_names:
            end = read_labelled(text, hit.end(), only_names=only_names)
        else:
            end = read_role(text, hit.end())
        if end:
            yield hit.end(), end, "name"
            yield from _go_on(text, end, "name")
    for hit in _PERSON_ROLE.finditer(text):
        end = read_role(text, hit.end(), expected=hit.group().strip() not in _AMBIGUOUS_ROLES)
        if end:
            yield hit.end(), end, "name"
            yield from _go_on(text, end, "name")


def _find_staff(text: str) -> Iterator[tuple[int, int, str]]:
    for hit in _STAFF_LABEL.finditer(text):
        loose = hit["loose"] is not None and hit["loose"] not in _ONLY_NAMES
        if hit["colon"] or not loose:
            end = read_labelled(text, hit.end(), only_names=bool(hit["colon"]) and not loose)
        else:
            end = read_role(text, hit.end())
            end = end if end and (end >= len(text) or not is_han(text[end])) else None
        if end:
            yield hit.end(), end, "staff"
            yield from _go_on(text, end, "staff")
    for hit in _ANY_LABEL.finditer(text):
        end = read_labelled(text, hit.end(), only_names=False)
        if end:
            yield hit.end(), end, "staff"
            yield from _go_on(text, end, "staff")
    for hit in _STAFF_ROLE.finditer(text):
        end = read_role(
            text,
            hit.end(),
            expected=not hit.group().endswith(("医生", "医师", "护士", "大夫", "专家")) or len(hit.group()) > 2,
        )
        if end:
            yield hit.end(), end, "staff"
            yield from _go_on(text, end, "staff")


def _go_on(text: str, at: int, kind: str) -> Iterator[tuple[int, int, str]]:
    """Yield the names that are listed behind one that was found."""
    for _ in range(6):
        gap = _NEXT.match(text, at)
        if not gap or gap.end() >= len(text):
            return
        start = gap.end()
        end = _whole_name(text, start)
        if end is None and not gap.group().isspace() and gap.group().strip() in ("、", "/", "&", "+"):
            end = read_role(text, start)
        if end is None or text[end : end + 1] == ":":
            return
        yield start, end, kind
        at = end


def _whole_name(text: str, start: int) -> int | None:
    """Return the end of a run of characters that is nothing but a name."""
    end = start
    while end < len(text) and end - start <= 4 and is_han(text[end]):
        end += 1
    word = text[start:end]
    compound = word[:2] in COMPOUND_SURNAMES
    double = len(word) == 4 and word[0] in SAFE_SURNAMES and word[1] in SURNAMES
    if not 2 <= len(word) <= (4 if compound or double else 3) or not (compound or word[0] in SURNAMES):
        return None
    safe = len(word) == 3 and word[0] in SAFE_SURNAMES
    if not compound and (word[:2] in OPENINGS or (word[-2:] in OPENINGS and not safe)):
        return None
    return end if not any(char in NEVER_GIVEN for char in word[1:]) else None


def _find_titled(text: str) -> Iterator[tuple[int, int, str]]:
    for pattern, title in ((_TITLE, True), (PERSON_VERB, False), (_BIRTH_ORDER, False)):
        for hit in pattern.finditer(text):
            end = hit.start()
            while end and text[end - 1] in " \t":
                end -= 1
            if not end or hit.start() - end > 3 or text[end - 1] == "副":
                continue
            person = hit.group() in ("先生", "女士") or pattern is _BIRTH_ORDER
            for _ in range(5):
                start = find_before(text, end, title=title and end >= hit.start() - 3)
                if start is None:
                    break
                yield start, end, "name" if person else "staff"
                if start < 3 or text[start - 1] not in "、/和与及":
                    break
                end = start - 1


def _find_described(text: str) -> Iterator[tuple[int, int, str]]:
    for hit in _SEX_OR_AGE.finditer(text):
        word = hit["v"].replace(" ", "")
        both = bool((hit["sex"] and hit["age"]) or hit["then"])
        known = word[0] in (ALL_SURNAMES if both else SURNAMES) or word[:2] in COMPOUND_SURNAMES
        if not known and not (len(word) > 2 and is_foreign(word)):
            continue
        if word[:2] in OPENINGS and not both:
            continue
        yield (*hit.span("v"), "name")
    for hit in _DOT.finditer(text):
        start = hit.start()
        while start and hit.start() - start < 10 and text[start - 1] in PARTS:
            start -= 1
        end = read_dotted(text, start)
        if end is None and start > 0:
            end = next((place for at in range(start, hit.start() - 1) if (place := read_dotted(text, at))), None)
        if end and end > hit.end():
            yield start, end, "name"
    for hit in _MASK_ANYWHERE.finditer(text):
        end = read_masked(text, hit.start())
        if end and hit.group()[0] in SAFE_SURNAMES:
            yield hit.start(), end, "name"


def _find_latin(text: str) -> Iterator[tuple[int, int, str]]:
    for hit in _ENGLISH_LABEL.finditer(text):
        end = read_latin(text, hit.end(), labelled=True)
        if end:
            yield hit.end(), end, "name"
    for hit in _ENGLISH_TITLE.finditer(text):
        end = read_latin(text, hit.end(), labelled=not hit.group().startswith("P"))
        if end:
            yield hit.end(), end, "name"


def _find_alone(text: str) -> Iterator[tuple[int, int, str]]:
    for hit in _ALONE.finditer(text):
        at = hit.start("v")
        found: list[tuple[int, int, str]] = []
        while at < hit.end("v"):
            if not is_han(text[at]):
                at += 1
                continue
            end = _whole_name(text, at)
            if end is None or (len(found) == 0 and text[at] not in SAFE_SURNAMES and hit["v"] == text[at:end]):
                found = []
                break
            found.append((at, end, "staff"))
            at = end
        yield from found
    for hit in _PAIR.finditer(text):
        words = [hit[group].replace(" ", "") for group in "ab"]
        if all(_may_be_name(word) for word in words) and any(word[0] in SURNAMES for word in words):
            yield (*hit.span("a"), "staff")
            yield (*hit.span("b"), "staff")


def _find_whole(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield names that stand alone before a number or a title, and lists of nothing but names."""
    for hit in _BEHIND.finditer(text):
        start = find_before(text, hit.start(), title=False)
        start = start if start is not None else _foreign_before(text, hit.start())
        if start is not None and (start == 0 or not is_han(text[start - 1])):
            yield start, hit.start(), "name"
    for hit in _LIST.finditer(text):
        words = [word.replace(" ", "") for word in hit.group().split("、")]
        sure = sum(word[0] in SAFE_SURNAMES or all(char in USUAL_GIVEN for char in word[1:]) for word in words)
        if 2 * sure >= len(words) and all(_may_be_name(word) for word in words):
            yield (*hit.span(), "staff")
    for hit in _ENGLISH_BEHIND.finditer(text):
        yield (*hit.span("v"), "name")


def _foreign_before(text: str, end: int) -> int | None:
    start = end
    while start and end - start < 10 and text[start - 1] in PARTS:
        start -= 1
    return start if end - start >= 3 else None


def _may_be_name(word: str) -> bool:
    if word[:2] in COMPOUND_SURNAMES:
        return True
    known = word[0] in UNLABELLED_SURNAMES and word[:2] not in OPENINGS and (len(word) < 4 or word[1] in SURNAMES)
    return known and not any(char in NEVER_GIVEN for char in word[1:])
