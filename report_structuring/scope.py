"""Which cues reach which mention (specification 5.1, 5.3)."""

import re

from report_structuring.advice import clause_of
from report_structuring.cues import Cue
from report_structuring.lexicon import Mention, Scene

JOINED = re.compile(r"[^，。；伴]{0,10}?(?:[、及和与或/+]|(?<!合)并)[^，。；伴]{0,12}")
_NEW_SUBJECT = re.compile(
    r"(?:其余|余|另|其中|但|然|惟|而|见|可见|伴|呈|为|示|考虑|建议|较|直径|大小|范围|最|边缘|内|CT值|周围|局部|邻近|该|此)"
)
_PREDICATE = re.compile(
    r"(?:增厚|增宽|扩张|扩大|增大|肿大|增粗|增强|增高|减低|降低|减弱|移位|变薄|变浅|变窄|中断|消失|不清|模糊|浑浊|混浊"
    r"|狭窄|闭塞|受压|增多|毛糙|饱满|膨隆|缩短|延长|紊乱|丰富|不均匀?)$"
)
# Bare nouns whose own name holds their place.
_OWN_CAVITY = re.compile(r"(?:积液|积血|积气|胸水|腹水|淋巴结肿大)$")
# Amounts are only given of what is there.
_AFFIRMED = re.compile(r"少量|少许|大量|中[等量]|微量|轻[度微]|稍|略|多发|散在|数[个枚处]|多[个枚处]|部分|陈旧")
_CLOSED_LIST = re.compile(r"(?:征象|改变|表现|征|者)[，、]?$")
_JOINER = re.compile(r"[、，及和与或并伴合且以兼/+;,]")
_LIST_CLOSED = re.compile(r"(?:征象|改变|表现)[^、及和与或的]")
_CUE_STOPS = frozenset({"no", "yes", "open", "lean", "double", "rec", "still"})
_HARD_STOPS = frozenset({"no", "open", "lean", "double", "rec"})
_NEVER_REACH = frozenset({"except_end", "rec", "yes", "prior", "new", "more", "less", "stable", "still"})
_BACK_BLOCKS = frozenset({"no", "open", "lean", "yes", "double", "rec"})
_WITH = ("与", "和", "同")
# Between 消失 and what has gone stand only words of degree and time; any other noun is what has gone.
GONE_GAP = re.compile(
    r"(?:[(（][^)）]{0,20}[)）])?(?:影|灶|病灶|病变|征象|者)?"
    r"(?:较前片?|目前|现|均|已|基本|几乎|完全|全部|大部分?|部分|本次|此次|检查|明显|逐渐|，|于)*"
)


def cues_reaching(
    text: str, scene: Scene, mentions: list[Mention], at: int, cues: list[Cue], *, is_conclusion: bool
) -> dict[str, Cue]:
    """Return the cues that act on the mention at a place of the list, the first of each kind.

    In a conclusion a comma ends the scope of a negation, because every item there stands for itself.
    Nothing is looked for beyond the nearest cue that ends a scope, so that a long list stays cheap.
    """
    mention = mentions[at]
    found: dict[str, Cue] = {}
    is_stopped = False
    for cue in reversed(cues):
        if cue.end > mention.start or (is_stopped and cue.kind != "except"):
            continue
        if _reaches(text, scene, mentions, at, cue, cues, is_conclusion=is_conclusion):
            found[cue.kind] = cue
        is_stopped = is_stopped or (cue.kind in _HARD_STOPS and cue.direction != "<")
    for cue in cues:
        if cue.start < mention.end:
            continue
        if _reaches(text, scene, mentions, at, cue, cues, is_conclusion=is_conclusion):
            found.setdefault(cue.kind, cue)
        if cue.kind in _BACK_BLOCKS and cue.text not in _WITH:
            break
    return found


def _reaches(
    text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue], *, is_conclusion: bool
) -> bool:
    mention = mentions[at]
    if cue.kind == "except":
        closing = next((c for c in cues if c.kind == "except_end" and c.start >= cue.end), None)
        return closing is not None and cue.end <= mention.start and mention.end <= closing.start
    if cue.kind in _NEVER_REACH:
        return False
    if cue.direction in (">", "=") and cue.end <= mention.start:
        return _reaches_forward(text, scene, mentions, at, cue, cues, is_conclusion=is_conclusion)
    if cue.direction in ("<", "=") and mention.end <= cue.start:
        if cue.direction == "=" and _has_forward_target(scene, mentions, cue, cues):
            return False
        return _reaches_back(text, scene, mentions, at, cue, cues)
    return False


def _has_forward_target(scene: Scene, mentions: list[Mention], cue: Cue, cues: list[Cue]) -> bool:
    """Say whether a two-way cue (不除外) has a finding close behind it in the clause.

    Between two findings the one before is meant when the one behind has a cue of its own (A不除外B未见).
    """
    _, right = clause_of(scene, cue.start)
    following = next((m for m in mentions if cue.end <= m.start < right), None)
    if following is None or following.start - cue.end > 8:
        return False
    has_own = any(c.start == following.end and c.direction == "<" for c in cues)
    return not (has_own and any(m.end == cue.start for m in mentions))


def _blocks(cue: Cue, other: Cue) -> bool:
    """Say whether a cue between a cue and its target ends the scope."""
    if other.kind not in _CUE_STOPS:
        return False
    if cue.kind in ("open", "lean") and other.kind == "yes" and other.text in ("为", "呈", "存在"):
        return False
    # 伴 joins list items and 考虑…可能 is one frame; a backward cue acts only on what stands before it.
    if other.direction == "<":
        return other.kind in ("no", "open", "lean")
    return True


def _reaches_forward(
    text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue], *, is_conclusion: bool
) -> bool:
    mention = mentions[at]
    if any(cue.end <= other.start and other.end <= mention.start and _blocks(cue, other) for other in cues):
        return False
    if cue.kind == "no" and any(c.kind == "except_end" and cue.end <= c.start and c.end <= mention.start for c in cues):
        return False
    if _meets_new_subject(text, scene, mentions, at, cue):
        return False
    clause_start, clause_end = clause_of(scene, cue.start)
    if mention.start < clause_end:
        return True
    if cue.kind not in ("no", "double") or is_conclusion:
        return False
    denied = next((m for m in mentions if cue.end <= m.start < clause_end), None)
    if denied is None:
        return False
    domain = denied.code.split(".")[0]
    # A bare-noun list separated by commas goes on until a verb or a new subject appears.
    for left, right in scene.clauses:
        if right <= clause_end or left > mention.start:
            continue
        inside = [m for m in mentions if left <= m.start < right]
        if not inside or _CLOSED_LIST.search(text[clause_start:left]):
            return False
        if any(left <= c.start < right and c.kind in (*_CUE_STOPS, "past", "stable", "gone") for c in cues):
            return False
        first = inside[0]
        lead = text[left : first.start]
        if _AFFIRMED.search(text, left, first.end) or first.code.split(".")[0] != domain:
            return False
        own = _OWN_CAVITY.search(text[first.start : first.end])
        if any(left <= phrase.start < first.start for phrase in scene.phrases):
            return False
        if (
            len(lead) > 4
            or _NEW_SUBJECT.match(lead)
            or any(left <= s.start < (first.start if own else first.end) for s in scene.sites if s.resets)
        ):
            return False
        if _PREDICATE.search(text[first.start : first.end]) and first.end - first.start > 2:
            return False
        if text[inside[-1].end : right].strip("，。；、等征象的 \n及表现改变影？)）"):
            return False
        clause_start = left
    return any(left <= mention.start < right for left, right in scene.clauses)


def _meets_new_subject(text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue) -> bool:
    """Say whether another subject begins between a cue and a mention without a word or mark that joins a list.

    So written where a blank or nothing stands for a comma (未见出血左侧基底节区腔隙灶).
    """
    before = [m for m in mentions[:at] if cue.end <= m.start and m.end <= mentions[at].start]
    if not before:
        return False
    left, right = max(m.end for m in before), mentions[at].start
    gap = text[left:right]
    if not gap or _JOINER.search(gap):
        return False
    return bool(_LIST_CLOSED.match(gap)) or any(left <= phrase.start < right for phrase in scene.phrases)


def _reaches_back(text: str, scene: Scene, mentions: list[Mention], at: int, cue: Cue, cues: list[Cue]) -> bool:
    mention = mentions[at]
    left, _ = clause_of(scene, cue.start)
    if cue.kind == "gone" and not _has_gone(text, scene, mention, cue):
        return False
    if cue.text in ("？", "?") and cue.start == left:
        return False
    if mention.start < left:
        # 原X，现未见 and 原X…，已吸收 look back over a clause without a finding of its own.
        if cue.kind != "gone" or any(left <= m.start < cue.start for m in mentions):
            return False
        if cue.start - left > 6 or any(left <= site.start < cue.start for site in scene.sites):
            return False
    limit = 14 if cue.kind == "gone" else 8
    chain_end = cue.start
    for other_at in range(len(mentions) - 1, -1, -1):
        other = mentions[other_at]
        if other.end > cue.start:
            continue
        gap = text[other.end : chain_end]
        if other.start < chain_end < other.end:
            near = True
        elif chain_end == cue.start:
            near = (
                len(gap) <= (30 if cue.kind == "gone" and mention.start < left else limit)
                and ("，" not in gap or cue.kind == "gone")
                and not _hedges_another(gap)
                and not _has_blocking(other.end, cue.start, cue, cues)
            )
        else:
            near = bool(JOINED.fullmatch(gap)) and not _has_blocking(other.end, chain_end, cue, cues)
        same_span = any(m.start == other.start and m.end == other.end for m in mentions if m is not other)
        if not near and not same_span:
            return False
        if other_at == at:
            return near or same_span
        chain_end = min(chain_end, other.start)
        if other_at == 0:
            return False
    return False


def _has_gone(text: str, scene: Scene, mention: Mention, cue: Cue) -> bool:
    """Say whether a cue of resolution is said of the mention and not of another structure in between."""
    if any(mention.end <= site.start < cue.start and site.resets for site in scene.sites):
        return False
    *before, gap = text[mention.end : cue.start].rsplit("，", 1)
    return not before or not cue.text.endswith("消失") or bool(GONE_GAP.fullmatch(gap))


def _hedges_another(gap: str) -> bool:
    """Say whether a hedge is on something else than the finding: its kind, in brackets (淋巴结肿大(炎性可能)), or
    a further finding without a code (占位伴狭窄可疑)."""
    return bool(re.match(r"[(（][^)）]*[\u4e00-\u9fff][^)）]*$|[^(（]*(?::.*[\u4e00-\u9fff]|伴|合并|并发|继发)", gap))


def _has_blocking(start: int, end: int, cue: Cue, cues: list[Cue]) -> bool:
    return any(
        start <= c.start and c.end <= end and c is not cue and c.text not in _WITH and c.kind in _BACK_BLOCKS
        for c in cues
    )
