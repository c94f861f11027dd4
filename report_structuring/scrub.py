"""Removal of direct identifiers from free text before it leaves the restricted zone.

Steps (privacy requirements, section 5): values known for the document, then patterns, then
names in context; overlapping spans are joined; each span becomes one token of its kind.
It does not shift dates: every calendar date becomes a token.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from report_structuring import scrub_names, scrub_patterns, scrub_places

TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "name": "<姓名>",
        "staff": "<医师>",
        "id_number": "<证件号>",
        "phone": "<电话>",
        "contact": "<电话>",
        "address": "<地址>",
        "institution": "<机构>",
        "number": "<编号>",
        "date": "<日期>",
    }
)
_FOLD = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x00A0: 0x20}
_GAPS = frozenset(" \t\r\n\u200b\ufeff·•‧・-—–‐‑^_")
_NAME_KINDS = frozenset({"name", "staff"})
_NUMBER_KINDS = frozenset({"id_number", "phone", "number"})
_NAME_CONTEXT = (
    "患者",
    "病人",
    "姓名",
    "家属",
    "联系人",
    "医师",
    "医生",
    "签名",
    "审核",
    "报告",
    "孕妇",
    "产妇",
    ":",
    "：",
    "主任",
    "教授",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """One removed span; offsets are code points of the original text, end exclusive."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scrubbed:
    """A text without direct identifiers and what was taken out of the original."""

    text: str
    removed: tuple[Removal, ...]


def scrub_text(text: str, *, known: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Scrubbed:
    """Replace direct identifiers by tokens of their kind.

    `known` maps a kind (a key of TOKENS; any other counts as `number`) to the values known for this
    document, which are found in every spacing, width and hyphenation.
    """
    folded = text.translate(_FOLD)
    spans = [(start, end, kind, 0) for start, end, kind in _find_known(folded, known)]
    for rank, finder in enumerate(
        (
            scrub_patterns.find_documents,
            scrub_patterns.find_record_numbers,
            scrub_patterns.find_numbers,
            scrub_patterns.find_dates,
            scrub_places.find_places,
            scrub_names.find_names,
            scrub_patterns.find_bare_numbers,
        ),
        start=1,
    ):
        spans.extend((start, end, kind, rank) for start, end, kind in finder(folded))
    for start, end, kind, _ in tuple(spans):
        if kind in _NAME_KINDS and (number := scrub_patterns.find_number_after(folded, end)):
            spans.append((*number, 9))
        if kind in _NUMBER_KINDS and (name := scrub_names.find_name_before(folded, start)):
            spans.append((*name, 9))
    removed = _join_overlaps(spans)
    parts, at = [], 0
    for removal in removed:
        parts += [text[at : removal.start], TOKENS[removal.kind]]
        at = removal.end
    parts.append(text[at:])
    return Scrubbed(text="".join(parts), removed=removed)


def _join_overlaps(spans: list[tuple[int, int, str, int]]) -> tuple[Removal, ...]:
    """Join overlapping spans; the joined span takes the kind of its most trusted, then longest part."""
    joined: list[list] = []
    for start, end, kind, rank in sorted(spans, key=lambda span: (span[0], span[3], -span[1])):
        trust = (rank, start - end)
        if joined and start < joined[-1][1]:
            last = joined[-1]
            last[1] = max(last[1], end)
            if trust < last[3]:
                last[2], last[3] = kind, trust
        else:
            joined.append([start, end, kind, trust])
    return tuple(Removal(start=start, end=end, kind=kind) for start, end, kind, _ in joined)


def _compact(text: str) -> tuple[str, list[int]]:
    """Drop separators and case; return the compact text and each character's place in the input."""
    kept = [(char.lower(), at) for at, char in enumerate(text) if char not in _GAPS]
    # A few letters grow when lowered; only the first character is kept so that places stay aligned.
    return "".join(char[0] for char, _ in kept), [at for _, at in kept]


def _find_known(folded: str, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, int, str]]:
    if not known:
        return
    compact, places = _compact(folded)
    for given_kind, values in known.items():
        kind = given_kind if given_kind in TOKENS else "number"
        for value in [values] if isinstance(values, str) else values:
            wanted = _compact(str(value).translate(_FOLD))[0] if value is not None else ""
            if len(wanted) < (2 if kind in _NAME_KINDS or kind == "institution" else 4):
                continue
            found = False
            at = compact.find(wanted)
            while at >= 0:
                start, end = places[at], places[at + len(wanted) - 1] + 1
                if _stands_alone(folded, start, end, wanted) and not _is_clinical(folded, start, end, kind, wanted):
                    found = True
                    yield start, end, kind
                at = compact.find(wanted, at + 1)
            if kind == "address" and not found:
                yield from _find_fragments(compact, places, wanted, kind)


def _stands_alone(folded: str, start: int, end: int, wanted: str) -> bool:
    """Say whether a number or Latin name is not a part of a longer one."""
    before, after = folded[start - 1 : start], folded[end : end + 1]
    if wanted[0].isascii() and wanted[0].isalnum() and before.isascii() and before.isalnum():
        return wanted[0].isdigit() != before.isdigit() and not before.isdigit()
    if wanted[-1].isascii() and wanted[-1].isalnum() and after.isascii() and after.isalnum():
        return wanted[-1].isdigit() and not after.isdigit()
    return True


def _is_clinical(folded: str, start: int, end: int, kind: str, wanted: str) -> bool:
    """Say whether a two-character name is here only the beginning of an ordinary word (高密|度)."""
    if kind not in _NAME_KINDS or len(wanted) > 2 or end - start > 2 or not scrub_patterns.is_trap(wanted):
        return False
    return not folded[:start].rstrip().endswith(_NAME_CONTEXT)


def _find_fragments(
    compact: str, places: list[int], wanted: str, kind: str, size: int = 6
) -> Iterator[tuple[int, int, str]]:
    """Find parts of at least `size` characters of a known address."""
    at = 0
    while at + size <= len(wanted):
        found = compact.find(wanted[at : at + size])
        if found < 0:
            at += 1
            continue
        length = size
        while at + length < len(wanted) and compact[found : found + length + 1] == wanted[at : at + length + 1]:
            length += 1
        yield places[found], places[found + length - 1] + 1, kind
        at += length
