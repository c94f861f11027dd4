"""Says in which lobe and on which side a finding lies, from codes, names and phrases.

Names and codes are in `concepts.yml`; phrases are read here: one side and one level (upper, middle, lower, lingula)
make a lobe, as does a side with a segment number (bronchopulmonary segments S1 to S10). The lingula belongs to LUL.
A phrase that names two lobes is not mapped, and a bare lobe number never is: vendors count lobes differently.
"""

import re
import unicodedata
from dataclasses import dataclass

from ai_backfill.concepts import BY_NAME, MAPPED, UNMAPPED, find_code, find_name, read_table
from ai_backfill.result import Code

_SIDES = {
    "right": re.compile(r"\bright\b|\brt\b|\br\b|右"),
    "left": re.compile(r"\bleft\b|\blt\b|\bl\b|左"),
    "bilateral": re.compile(r"\bboth\b|\bbilateral\b|双|两"),
}
_LEVELS = {
    "upper": re.compile(r"\bupper\b|\bsuperior lobe\b|上肺|上叶"),
    "middle": re.compile(r"\bmiddle\b|中叶|中肺"),
    "lower": re.compile(r"\blower\b|\binferior lobe\b|下肺|下叶"),
    "lingula": re.compile(r"\blingula(r)?\b|舌段|舌叶"),
}
_LUNG = re.compile(r"\blobe\b|\blung\b|\bpulmonary\b|肺|叶|舌段")
_SEGMENT = re.compile(r"(?<![a-z0-9])s\s?(10|[1-9])(?!\d)")
_LOBES = {
    ("right", "upper"): "RUL",
    ("right", "middle"): "RML",
    ("right", "lower"): "RLL",
    ("left", "upper"): "LUL",
    ("left", "lower"): "LLL",
    ("left", "lingula"): "LUL",
}
_SEGMENT_LOBES = {"right": (("RUL", 3), ("RML", 5), ("RLL", 10)), "left": (("LUL", 5), ("LLL", 10))}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A lobe or organ, the side, and how they were found."""

    site: str | None
    side: str | None
    status: str


def find_side(code: Code | None, text: str | None = None) -> str | None:
    """Return right, left or bilateral for a coded or named side."""
    for name in (code.meaning if code else None, text):
        side = find_code("sides", code) or find_name("sides", name)
        if side:
            return side
    return None


def find_place(code: Code | None, text: str | None = None, side: str | None = None) -> Place:
    """Return where a site's code, name or phrase lies; `side` is what a laterality beside it says."""
    name = find_code("sites", code)
    status = MAPPED if name else UNMAPPED
    phrase = _plain(text or (code.meaning if code else None) or "")
    if name is None:
        name = find_name("sites", text or (code.meaning if code else None))
        status = BY_NAME if name else UNMAPPED
    if name is None:
        return _read_phrase(phrase, side)
    entry = read_table()["sites"][name]
    level = {"LUNG_UPPER": "upper", "LUNG_LOWER": "lower"}.get(name)
    if level:
        side = side or _only(_SIDES, phrase)
        return Place(site=_LOBES.get((side or "", level)), side=side, status=status if side else UNMAPPED)
    if entry.get("is", name) == "LUNG" and status == MAPPED and "side" not in entry:
        # a general code with a precise text: "Lobe of lung" that means the right upper one
        closer = _read_phrase(phrase, side)
        if closer.site not in (None, "LUNG"):
            return closer
    return Place(site=entry.get("is", name), side=entry.get("side") or side, status=status)


def _read_phrase(phrase: str, side: str | None) -> Place:
    side = _only(_SIDES, phrase) or side
    levels = {name for name, pattern in _LEVELS.items() if pattern.search(phrase)}
    # the lingula is a part of the left upper lobe, and is often named with it
    level = "lingula" if levels == {"upper", "lingula"} else levels.pop() if len(levels) == 1 else None
    site = None
    if level and (_LUNG.search(phrase) or level == "lingula"):
        site = _LOBES.get((side or ("left" if level == "lingula" else ""), level))
        side = side or ("left" if site else None)
    elif not level and not levels:
        segments = {int(number) for number in _SEGMENT.findall(phrase)}
        lobes = (
            {next(lobe for lobe, last in _SEGMENT_LOBES[side] if n <= last) for n in segments}
            if side
            in (
                "right",
                "left",
            )
            else set()
        )
        site = lobes.pop() if len(lobes) == 1 else None
        if site is None and not segments and _LUNG.search(phrase):
            site = "LUNG"
    return Place(site=site, side=side, status=BY_NAME if site else UNMAPPED)


def _plain(text: str) -> str:
    return re.sub(r"[_\-,;/()\[\]]+", " ", unicodedata.normalize("NFKC", text).casefold())


def _only(patterns: dict[str, re.Pattern[str]], phrase: str) -> str | None:
    found = [name for name, pattern in patterns.items() if pattern.search(phrase)]
    return found[0] if len(found) == 1 else None
