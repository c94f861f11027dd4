"""Signal phrases of magnetic resonance, read by the sequence they are said of.

The sequence is the last one named before the phrase in its sentence (DWI示右侧丘脑片状高信号), the signal may be
written once for several sequences. What each sequence shows follows specification 4.2 rule 9.
"""

import re

from report_structuring.first_characters import compile_wording
from report_structuring.mention import Mention, Scene
from report_structuring.words import expand

_SEQUENCE = compile_wording(
    r"(?P<dwi>DWI|弥散加权|[Bb] ?[=值]?1000)|(?P<adc>ADC)|(?P<swi>SWI|SWAN|GRE|T2\*|磁敏感|磁化率)"
    r"|(?P<t2>T2-?FLAIR|FLAIR|压水像|T2WI?|长T2)|(?P<t1>T1-?FLAIR|T1WI?|长T1)"
)
_SIGNAL = compile_wording(expand(r"{degree}{shape}{degree}(?P<level>高|低)信号(?:影|灶|病灶)?(?![线带条])"))
_LIST = re.compile(r"[^，。；]{0,2}")
_CODES = {
    ("dwi", "高"): "brain.dwi_hyperintensity",
    ("adc", "低"): "brain.adc_low",
    ("t2", "高"): "brain.t2_hyperintensity",
}
_JOINS = re.compile(r"(?:WI|序列|图|像)?[、及和与/，]")
_SMALL = re.compile(r"点|小|微")


def match_signals(text: str, scene: Scene) -> list[Mention]:
    """Find signal phrases in a sentence about the brain, each with the concept its sequence gives it."""
    if "信号" not in text[scene.start : scene.end] or not _is_of_brain(scene):
        return []
    sequences = [(hit.start(), hit.end(), hit.lastgroup) for hit in _SEQUENCE.finditer(text, scene.start, scene.end)]
    found = []
    for hit in _SIGNAL.finditer(text, scene.start, scene.end):
        before = [one for one in sequences if one[1] <= hit.start()]
        if not before:
            continue
        _start, stop, sequence = before[-1]
        level = hit["level"]
        found.extend(_of_the_others(text, before, hit))
        code = _CODES.get((sequence or "", level))
        if sequence == "swi" and level == "低":
            sites = [site for site in scene.sites if site.end <= hit.start()]
            in_vessel = bool(sites) and sites[-1].organ in ("artery_head", "artery_neck", "dural_sinus")
            code = None if in_vessel else "brain.microbleed" if _SMALL.search(hit.group()) else "brain.ich"
        if code:
            near = _LIST.fullmatch(text[stop : hit.start()])
            left = before[-1][0] if near and code != "brain.ich" else hit.start()
            found.append(Mention(start=left, end=hit.end(), code=code, rule="signal", core=hit.end() - hit.start()))
    return found


def _of_the_others(text: str, before: list[tuple[int, int, str | None]], hit: re.Match[str]) -> list[Mention]:
    """Give the signal to the sequences listed before the last one too (DWI及FLAIR呈高信号)."""
    found: list[Mention] = []
    for (_, stop, other), (start, _, last) in zip(reversed(before[:-1]), reversed(before), strict=False):
        if not _JOINS.fullmatch(text, stop, start):
            break
        code = _CODES.get((other or "", hit["level"]))
        if code and other != last:
            core = hit.end() - hit.start()
            found.append(Mention(start=hit.start(), end=hit.end(), code=code, rule="head.shared", core=core))
    return found


def _is_of_brain(scene: Scene) -> bool:
    regions = {site.region for site in scene.sites if site.region != "any"} or {
        site.region for site in scene.earlier if site.region != "any"
    }
    return "head" in regions or (not regions and scene.domain == "brain")
