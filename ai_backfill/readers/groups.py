"""Finds the groups of a content tree that each describe one finding, whatever the tree looks like.

An item opens a group when it says that it does (Measurement Group, the findings of a CAD report), when it carries a
tracking identifier or a coded finding, or when numbers stand directly below it. Containers that say nothing of their
own belong to the group around them. A list without containers is cut where a tracking identifier comes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ai_backfill.concepts import find_concept, find_quantity
from ai_backfill.readers.content import Item
from ai_backfill.site import find_place

_IDENTITY = frozenset(("tracking_identifier", "tracking_uid", "finding"))
_CAD_FINDINGS = frozenset(("single_image_finding", "composite_feature"))
_LESION_SIZES = frozenset(("long_axis", "short_axis", "mean_diameter", "diameter"))
_HEADINGS = frozenset(("measurement_report", "cad_report", "imaging_measurements", "qualitative_evaluations"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The items that describe one finding: its opener, if an item opened it, and what belongs to it."""

    opener: Item | None
    items: tuple[Item, ...]
    inherited: tuple[Item, ...]
    """Items of the headings above that hold for every finding below them."""
    scope: str


def role_of(item: Item) -> str | None:
    """Return the part an item plays in a document, by its concept name."""
    return find_concept("roles", item.name).concept


def is_measure(item: Item) -> bool:
    """Return whether an item is a value of a finding: a number, or a known quantity in another form."""
    if item.acquisition:
        return False
    if item.value_type == "NUM":
        return True
    return item.value_type in ("CODE", "TEXT") and role_of(item) is None and _quantity(item) is not None


def find_groups(root: Item) -> list[Group]:
    """Return the groups of a document in document order."""
    groups: list[Group] = []
    _collect(root, (), groups, is_root=True)
    return groups


def _quantity(item: Item) -> str | None:
    return find_quantity(item.name, None).concept


def _scope(loose: Sequence[Item]) -> str:
    """Return whether values that stand alone are a lesion's, which has a diameter, or the whole study's."""
    return "lesion" if any(_quantity(item) in _LESION_SIZES for item in loose) else "study"


def _names_finding(item: Item) -> bool:
    return item.name is not None and find_concept("findings", item.name).concept is not None


def _names_place(item: Item) -> bool:
    return item.name is not None and role_of(item) is None and find_place(item.name).site is not None


def _is_coded_finding(item: Item) -> bool:
    return item.value_type in ("CODE", "TEXT") and role_of(item) == "finding"


def _is_anchor(item: Item) -> bool:
    role = role_of(item)
    if role == "measurement_group" or role in _CAD_FINDINGS:
        return True
    if item.value_type not in ("CONTAINER", "CODE", "TEXT") or not item.children:
        return False
    if any(role_of(child) in _IDENTITY for child in item.children):
        return True
    measured = any(is_measure(below) for below in item.below())
    return measured and (_is_coded_finding(item) or (role not in _HEADINGS and _names_finding(item)))


def _is_skipped(item: Item) -> bool:
    return role_of(item) == "image_library" or item.value_type == "NUM"


def _repeats(item: Item) -> bool:
    """Return whether two branches below an item measure the same: they are two findings, not one."""
    seen: set[tuple[str | None, str | None]] = set()
    for child in item.children:
        if child.value_type == "NUM":
            continue
        measured = {
            (_quantity(below), below.name.meaning if below.name else None)
            for below in child.below()
            if below.value_type == "NUM"
        }
        if measured & seen:
            return True
        seen |= measured
    return False


def _is_one(item: Item) -> bool:
    """Return whether the parts below an item complete each other: one identity at most, and nothing measured twice."""
    roles = [role_of(below) for below in item.below()]
    alone = not any(role == "measurement_group" or role in _CAD_FINDINGS for role in roles)
    single = all(roles.count(role) <= 1 for role in _IDENTITY)
    single = (
        single and sum(_names_finding(below) or _names_place(below) for below in item.below() if below.children) <= 1
    )
    return alone and single and any(is_measure(below) for below in item.below()) and not _repeats(item)


def _anchors_below(item: Item) -> bool:
    pending = [child for child in item.children if not _is_skipped(child)]
    while pending:
        child = pending.pop()
        if _is_anchor(child):
            return True
        pending.extend(below for below in child.children if not _is_skipped(below))
    return False


def _collect(item: Item, inherited: tuple[Item, ...], groups: list[Group], is_root: bool = False) -> None:
    if _is_skipped(item):
        return
    heading = is_root or role_of(item) in _HEADINGS
    if role_of(item) == "composite_feature" or (not heading and _is_one(item)):
        groups.append(Group(opener=item, items=item.children, inherited=inherited, scope="lesion"))
        return
    starts = _starts(item.children) or (_periods(item.children) if heading else [])
    if starts:
        _split(item, starts, inherited, groups)
        return
    anchor = _is_anchor(item)
    if _anchors_below(item) or (_repeats(item) and role_of(item) not in _CAD_FINDINGS | {"measurement_group"}):
        loose = tuple(child for child in item.children if not child.children or child.value_type == "NUM")
        passed_on = inherited if heading else (*inherited, item, *(c for c in loose if not is_measure(c)))
        if any(is_measure(child) for child in loose):
            scope = "lesion" if anchor and not heading else _scope(loose)
            groups.append(Group(opener=item if anchor else None, items=loose, inherited=inherited, scope=scope))
        for child in item.children:
            if child not in loose:
                _collect(child, passed_on, groups)
        return
    if anchor and (not is_root or any(is_measure(below) for below in item.below())):
        groups.append(Group(opener=item, items=item.children, inherited=inherited, scope="lesion"))
    elif heading:
        loose = tuple(child for child in item.children if is_measure(child))
        if loose:
            groups.append(Group(opener=None, items=loose, inherited=inherited, scope=_scope(loose)))
        for child in item.children:
            if not is_measure(child):
                _collect(child, inherited, groups)
    else:
        for child in item.children:
            _collect(child, (*inherited, item), groups)


def _starts(children: Sequence[Item]) -> list[int]:
    """Return where the findings of a flat list begin, or nothing when it is not such a list."""
    for role in ("tracking_identifier", "tracking_uid", "finding"):
        starts = [number for number, child in enumerate(children) if role_of(child) == role and not child.children]
        if len(starts) > 1:
            bounds = [*starts, len(children)]
            parts = [children[a:b] for a, b in pairwise(bounds)]
            if sum(any(is_measure(child) for child in part) for part in parts) > 1:
                lead = _lead(children, starts)
                return [start - lead for start in starts]
    return []


def _periods(children: Sequence[Item]) -> list[int]:
    """Return where the findings of a list begin that has nothing but the same numbers over and over."""
    numbers = [(at, child.name) for at, child in enumerate(children) if child.value_type == "NUM"]
    names = [name for _, name in numbers]
    period = names.index(names[0], 1) if names and names[0] in names[1:] else 0
    if period < 2 or len(names) % period or names != names[:period] * (len(names) // period):
        return []
    return [numbers[number][0] for number in range(0, len(names), period)]


def _lead(children: Sequence[Item], starts: Sequence[int]) -> int:
    """Return how many items before each start belong to it, as when the finding comes before its identifier."""
    roles = [role_of(child) for child in children]
    lead = 0
    while starts[0] > lead:
        before = {roles[start - lead - 1] for start in starts}
        if len(before) != 1 or not before & (_IDENTITY | {"finding_site", "laterality"}):
            break
        lead += 1
    return lead


def _split(item: Item, starts: list[int], inherited: tuple[Item, ...], groups: list[Group]) -> None:
    before = item.children[: starts[0]]
    head = tuple(child for child in before if not is_measure(child) and not child.children)
    bounds = [*starts, len(item.children)]
    for first, last in pairwise(bounds):
        groups.append(
            Group(opener=None, items=item.children[first:last], inherited=(*inherited, *head), scope="lesion")
        )
    for child in before:
        if child.children:
            _collect(child, (*inherited, *head), groups)
