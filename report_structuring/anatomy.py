"""Anatomical sites, sides and location codes (specification 4.5).

Finds site words and sides in a normalised sentence and joins them into site phrases.
The words are data: `anatomy.tsv`. In its column `codes`, `~` marks words that neither name a
location code nor take a finding away from the side stated before; `-` marks structures without
a code that do.
"""

import re
from dataclasses import dataclass
from functools import cache

from report_structuring.first_characters import compile_wording
from report_structuring.words import read_rows

LEFT, RIGHT, BILATERAL = "left", "right", "bilateral"
_LOBES = {
    ("right", "上"): "RUL", ("right", "中"): "RML", ("right", "下"): "RLL",
    ("left", "上"): "LUL", ("left", "中"): "LUL", ("left", "下"): "LLL",
}  # fmt: skip
_LOBE_ORDER = ("RUL", "RML", "RLL", "LUL", "LIN", "LLL")
_SEGMENTS = {
    "RUL": {"尖段": "S1", "后段": "S2", "前段": "S3"},
    "RML": {"外侧段": "S4", "内侧段": "S5", "外段": "S4", "内段": "S5"},
    "RLL": {"背段": "S6", "内基底段": "S7", "前基底段": "S8", "外基底段": "S9", "后基底段": "S10"},
    "LUL": {"尖后段": "S1+2", "前段": "S3"},
    "LIN": {"上舌段": "S4", "下舌段": "S5"},
    "LLL": {"背段": "S6", "前内基底段": "S7+8", "内前基底段": "S7+8", "外基底段": "S9", "后基底段": "S10"},
}
_SEGMENT_WORDS = sorted(
    {word for words in _SEGMENTS.values() for word in words} | {"舌段", "基底段"}, key=len, reverse=True
)
_LOBE = re.compile(
    r"(?P<side>双侧|两侧|左侧|右侧|双|两|左|右)?(?P<lung>肺)?"
    r"(?P<lobes>[上中下](?:叶?[、及和与]?[上中下]){0,2})(?P<unit>叶|肺野|肺|野)(?P<extra>舌叶|舌段)?"
    rf"(?P<segment>{'|'.join(_SEGMENT_WORDS)})?"
)
_LOBE_BEGINS = frozenset("双两左右肺上中下舌")
_LINGULA = re.compile(r"(?P<side>左侧?)?肺?舌[叶段]|(?P<segment>[上下]舌段)")
_SIDE = compile_wording(
    r"左、?右(?:两|双)?侧|左右|双侧|两侧|左侧|右侧|对侧|同侧"
    r"|[双两](?=下?[上中]?肺|肾|膈|额|颞|顶|枕|基底|髋|膝|乳|附件|卵巢|输尿|颈|丘脑|小脑|大脑|锁|腋|胸|肋|眼|耳|肩|手|足|内囊|放射|半卵|椎动|股|髂|脑室|上叶|下叶|叶间|侧)"
    r"|左(?![心房室右位移前旋主]|向|肾上腺外)|右(?![心房室位移冠]|向)|(?<![A-Za-z0-9])[LR](?=[\u4e00-\u9fff])"
)
_MOVED = re.compile(r"(?:向)?(左|右)(?:侧)?(?:移|偏)")
_JOIN = re.compile(
    r"[、及和与/或以至兼伴]{0,2}(?:[区部旁内侧处端段壁]|近|旁区|周围|起始部|起始段|起始处|远端|近端|末端|[上中下]段|水平|交界区|皮层下?|皮质下?|白质区?|深部|[A-Z]\d(?:段)?)?[、及和与/或以至兼]{0,2}"
    r"|[^，。；、及和与见示呈有伴未无为]{0,5}[段部处区端支叉][、及和与或]{1,2}"
)

_BONES_AND_LOBES = ("额", "颞", "顶", "枕")
# The characters behind a site word with which it is another word.
_BEGINS_ANOTHER = {
    **dict.fromkeys(_BONES_AND_LOBES, "外端点盖"),
    "肝": "素炎",
    "骨": "折质",
    "内囊": "性",
    "肾": "形功病衰",
    **dict.fromkeys(("侧裂", "外带", "颈内", "颈外", "颈总"), "池静动"),
    "胃": "管镜",
    **dict.fromkeys(("肠", "腹部", "上腹", "下腹"), "镜"),
    "切口": "疝妊憩",
}
_UTERINE_ONLY = frozenset(
    {
        "子宫壁",
        "宫壁",
        "前壁",
        "后壁",
        "侧壁",
        "左侧壁",
        "右侧壁",
        "下段",
        "前壁下段",
        "下段前壁",
        "前壁中下段",
        "瘢痕处",
        "切口处",
        "底板",
        "浆膜",
        "浆膜面",
        "浆膜层",
        "肌层",
        "肌壁",
        "内口",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One site word in the text."""

    start: int
    end: int
    organ: str
    region: str
    codes: tuple[str, ...]
    resets: bool
    side: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """Neighbouring sites that are read together, with their common side."""

    start: int
    end: int
    sites: tuple[Site, ...]
    side: str | None
    codes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Word:
    organ: str
    region: str
    codes: tuple[str, ...]
    resets: bool


@cache
def site_words() -> dict[str, list[tuple[str, _Word]]]:
    """Load the site words, grouped by first character, longest first."""
    table: dict[str, list[tuple[str, _Word]]] = {}
    for organ, region, codes, words in read_rows("anatomy.tsv"):
        entry = _Word(
            organ=organ, region=region, codes=() if codes in "~-" else tuple(codes.split("+")), resets=codes != "~"
        )
        for word in words.split():
            table.setdefault(word[0], []).append((word, entry))
    for rows in table.values():
        rows.sort(key=lambda row: -len(row[0]))
    return table


@cache
def _words_by_start() -> dict[str, tuple[tuple[str, _Word], ...]]:
    """Group the site words by their first two characters, longest first; a word of one character also there."""
    table: dict[str, list[tuple[str, _Word]]] = {}
    for rows in site_words().values():
        for word, entry in rows:
            table.setdefault(word[:2], []).append((word, entry))
    for pair in [pair for pair in table if len(pair) == 2 and pair[0] in table]:
        table[pair] = [*table[pair], *table[pair[0]]]
    return {start: tuple(rows) for start, rows in table.items()}


@cache
def _site_begins() -> frozenset[str]:
    return _LOBE_BEGINS.union(site_words())


def find_sites(text: str, start: int, end: int, *, obstetric: bool = False) -> list[Site]:
    """Find site words in a span, longest first, with the side written directly at each.

    前壁, 下段 and the like are sites of the uterus only in an `obstetric` text.
    """
    words = _words_by_start()
    found: list[Site] = []
    stop, last_side = start, None
    begins = _site_begins()
    for at, char in enumerate(text[start:end], start):
        if char not in begins or at < stop:
            continue
        if char in _LOBE_BEGINS:
            lobe = _match_lobe(text, at, end, last_side)
            if lobe:
                found.append(lobe)
                last_side = lobe.side
                stop = lobe.end
                continue
        for word, entry in words.get(text[at : at + 2]) or words.get(char) or ():
            if text.startswith(word, at) and at + len(word) <= end and _is_whole(text, at, word):
                if word in _UTERINE_ONLY and not obstetric:
                    continue
                side = _inner_side(word)
                if word[0] == "侧" and at and text[at - 1] in "双两左右":
                    side = read_side(text[at - 1])
                found.append(
                    Site(
                        start=at,
                        end=at + len(word),
                        organ=entry.organ,
                        region=entry.region,
                        codes=entry.codes,
                        resets=entry.resets,
                        side=side,
                    )
                )
                last_side = side or last_side
                stop = at + len(word)
                break
    return found


def find_phrases(text: str, start: int, end: int, sites: list[Site]) -> list[Phrase]:
    """Join sites and sides of one sentence into phrases, in order."""
    tokens: list[tuple[int, int, str | None, Site | None]] = [(site.start, site.end, site.side, site) for site in sites]
    taken = [(site.start, site.end) for site in sites]
    for hit in _SIDE.finditer(text, start, end):
        begin, stop = hit.span()
        side = read_side(hit.group())
        # 5mm左右 means "about"; a side inside a site word was read with it.
        if side and not [left for left, right in taken if left < stop and begin < right]:
            if hit.group() == "左右" and text[hit.end() : hit.end() + 1] not in ("肺", "肾"):
                continue
            tokens.append((hit.start(), hit.end(), side, None))
    tokens.sort(key=lambda token: token[0])
    phrases: list[Phrase] = []
    run: list[tuple[int, int, str | None, Site | None]] = []
    for token in tokens:
        if run and not _JOIN.fullmatch(text[run[-1][1] : token[0]]):
            phrases.append(_make_phrase(run))
            run = []
        run.append(token)
    if run:
        phrases.append(_make_phrase(run))
    return phrases


def read_side(word: str) -> str | None:
    """Read a side word."""
    if ("左" in word and "右" in word) or word[0] in "双两":
        return BILATERAL
    if word[0] in "左L":
        return LEFT
    return RIGHT if word[0] in "右R" else None


def find_movement(text: str) -> str | None:
    """Return the direction a structure has moved to (中线左移), or None."""
    hit = _MOVED.search(text)
    return read_side(hit[1]) if hit else None


def _is_whole(text: str, at: int, word: str) -> bool:
    """Reject site words that are the start of another word."""
    following = text[at + len(word) : at + len(word) + 1]
    if word[-1] == "肺" and following and following in "门动静":
        return False
    rejected = _BEGINS_ANOTHER.get(word)
    if rejected is None:
        return True
    if word in _BONES_AND_LOBES and at and text[at - 1] in "限总头膈肝穹":
        return False
    return not following or following not in rejected


@cache
def _inner_side(word: str) -> str | None:
    if word.endswith(("支", "主干", "冠状动脉")):
        return None
    if word[0] in "双两":
        return BILATERAL
    if word[0] == "左" and word not in ("左心", "左室", "左房", "左心室", "左心房"):
        return LEFT
    if word[0] == "右" and word not in ("右心", "右室", "右房", "右心室", "右心房"):
        return RIGHT
    if word in ("肝右叶",):
        return RIGHT
    return LEFT if word in ("肝左叶",) else None


def _match_lobe(text: str, at: int, end: int, last_side: str | None) -> Site | None:
    hit = _LINGULA.match(text, at, end)
    if hit:
        return _lobe_site(at, hit.end(), ("LIN",), LEFT)
    hit = _LOBE.match(text, at, end)
    if not hit or (hit["unit"] == "野" and not hit["lung"]) or text[at - 1 : at] in ("额", "颞", "顶"):
        return None
    side = read_side(hit["side"]) if hit["side"] else last_side
    sides = (RIGHT, LEFT) if side == BILATERAL else (side,)
    codes = []
    for one in sides:
        for level in hit["lobes"]:
            code = _LOBES.get((one or "", level))
            if code == "LUL" and (hit["extra"] or "舌段" in (hit["segment"] or "")):
                code = "LIN"
            if code and not (one == LEFT and side == BILATERAL and level == "中" and hit["unit"] == "叶"):
                segment = _SEGMENTS[code].get(hit["segment"] or "")
                codes.append(f"{code}.{segment}" if segment else code)
    codes.sort(key=lambda code: _LOBE_ORDER.index(code.split(".")[0]))
    return _lobe_site(at, hit.end(), tuple(dict.fromkeys(codes)), side)


def _lobe_site(start: int, end: int, codes: tuple[str, ...], side: str | None) -> Site:
    return Site(start=start, end=end, organ="lung", region="chest", codes=codes, resets=True, side=side)


def _make_phrase(run: list[tuple[int, int, str | None, Site | None]]) -> Phrase:
    """Give each site the side written before it in the run, else the one right behind it."""
    if len(run) == 1:
        start, end, side, site = run[0]
        alone = site.codes if site else ()
        if len(alone) < 2:
            return Phrase(start=start, end=end, sites=(site,) if site else (), side=side, codes=alone)
    sites: list[Site] = []
    sides: list[str] = []
    current: str | None = None
    for _start, _end, side, site in run:
        if side:
            current = side
            sides.append(side)
        if site:
            sites.append(site)
    distinct = set(sides)
    common: str | None = None
    if distinct:
        common = distinct.pop() if len(distinct) == 1 else BILATERAL
    codes = tuple(dict.fromkeys([code for site in sites for code in site.codes]))
    if len(codes) > 1 and "LUNG" in codes:
        codes = tuple(code for code in codes if code != "LUNG")
    return Phrase(start=run[0][0], end=run[-1][1], sites=tuple(sites), side=common or current, codes=codes)
