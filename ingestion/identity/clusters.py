"""Joins linked records to clusters, and parts a cluster that holds a contradiction at its weakest link.

Links are taken from the surest to the least sure; one that would bring two contradicting records together is left out
and goes to the review queue. Decisions of people come before every rule. The result depends on the links alone, never
on the order in which they were found.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np


@dataclass(frozen=True, slots=True)
class Facts:
    """What is compared when two records shall be one person; equal facts are compared once."""

    citizen_id: str | None
    sex: str | None
    birth_date: date | None
    birth_low: date | None
    birth_high: date | None
    name: str
    kind: str
    is_newborn: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link between two records by number, with its rule and score."""

    left: int
    right: int
    rule: str
    score: float


def connect(count: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return, for each of `count` records, the smallest record it is connected with."""
    label = np.arange(count)
    while True:
        smallest = np.minimum(label[left], label[right])
        before = label.copy()
        np.minimum.at(label, left, smallest)
        np.minimum.at(label, right, smallest)
        # the label of the label, so that a long chain takes few rounds
        label = np.minimum(label, label[label])
        label = label[label]
        if np.array_equal(label, before):
            return label


def part(
    links: Iterable[Link],
    facts: dict[int, Facts],
    contradicts: Callable[[Facts, Facts, str], str],
    kept_apart: set[tuple[int, int]],
) -> tuple[dict[int, int], list[tuple[Link, str]]]:
    """Return the cluster of each record of one component, and the links that were left out with the reason.

    `kept_apart` holds pairs (smaller, larger) that a person decided are two people.
    """
    parent = {record: record for record in facts}
    members: dict[int, set[int]] = {record: {record} for record in facts}
    kinds: dict[int, dict[Facts, int]] = {record: {fact: 1} for record, fact in facts.items()}
    apart: dict[int, set[int]] = defaultdict(set)
    for one, other in kept_apart:
        apart[one].add(other)
        apart[other].add(one)
    left_out = []
    for link in sorted(links, key=_strength):
        one, other = parent[link.left], parent[link.right]
        if one == other:
            continue
        small, large = sorted((one, other), key=lambda root: (len(members[root]), root))
        reason = ""
        if any(apart[record] & members[large] for record in members[small] if record in apart):
            reason = "decision"
        elif link.rule != "decision":
            reason = next(
                (found for a in kinds[small] for b in kinds[large] if (found := contradicts(a, b, link.rule))), ""
            )
        if reason:
            left_out.append((link, reason))
            continue
        for record in members[small]:
            parent[record] = large
        members[large] |= members.pop(small)
        kinds[large] |= kinds.pop(small)
    return parent, left_out


def _strength(link: Link) -> tuple[int, float, str, int, int]:
    """Sort decisions first, then rules by their score, then merges of the sources, then what the model found.

    A source may merge what contradicts itself; taken before the rules, that would keep the copies of both apart.
    """
    rank = {"decision": 0, "source_merge": 2, "probabilistic": 3}.get(link.rule, 1)
    return rank, -link.score, link.rule, link.left, link.right


def contradicts(left: Facts, right: Facts, rule: str) -> str:
    """Return the name of the contradiction between two records, or nothing; the same rules as conditions.py."""
    is_merge = rule == "source_merge"
    if not is_merge and left.citizen_id and right.citizen_id and left.citizen_id != right.citizen_id:
        return "two_cards"
    born = left.birth_date is not None and right.birth_date is not None
    days = abs((left.birth_date - right.birth_date).days) if left.birth_date and right.birth_date else None
    if left.sex in ("M", "F") and right.sex in ("M", "F") and left.sex != right.sex and days:
        return "sex_and_birth"
    named = left.kind != "missing" and right.kind != "missing"
    if named and (left.kind == "test") != (right.kind == "test"):
        return "test_patient"
    if named and left.is_newborn != right.is_newborn and not _born_together(left, right):
        return "mother_newborn"
    if left.kind == right.kind == "newborn" and left.name != right.name and not _is_vague(left.name, right.name):
        return "twins"
    ordinary = left.kind == right.kind == "ordinary"
    if ordinary and born and not is_merge and not are_similar(left.name, right.name):
        assert left.birth_date is not None
        assert right.birth_date is not None
        equal = sum(
            getattr(left.birth_date, part) == getattr(right.birth_date, part) for part in ("year", "month", "day")
        )
        if equal < 2:
            return "name_and_birth"
    return ""


def _born_together(left: Facts, right: Facts) -> bool:
    if not (left.birth_low and left.birth_high and right.birth_low and right.birth_high):
        return False
    return (left.birth_low - right.birth_high).days <= 1 and (right.birth_low - left.birth_high).days <= 1


def _is_vague(left: str, right: str) -> bool:
    return left.endswith("之婴") or right.endswith("之婴")


def are_similar(left: str, right: str) -> bool:
    """Return whether two compared names differ in one character at most, lost characters aside."""
    from rapidfuzz.distance import Levenshtein

    from ingestion.identity.names import lost_characters

    if left == right:
        return True
    if len(left) == len(right) and (lost := lost_characters()):
        pairs = list(zip(left, right, strict=True))
        if any(lost.match(a) or lost.match(b) for a, b in pairs):
            return all(a == b or lost.match(a) or lost.match(b) for a, b in pairs)
    if min(len(left), len(right)) < 2 or Levenshtein.distance(left, right) != 1:
        return False
    return left[0] == right[0] or left[-1] == right[-1]
