"""Where the words that call for a rule stand in a report, found for several kinds of rules in one pass."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

_CAPITALS = re.compile(r"[A-Z]+")
Place = tuple[int, int, tuple[int, ...]]
"""Start and end of a word in a text, and the numbers of the rules it calls for."""
TriggerTable = Mapping[tuple[str, str] | str, tuple[tuple[str, int, tuple[int, ...]], ...]]
"""Words with their kind and the numbers of its rules, by their first two characters, or their only one, in lower case."""


def number_triggers(kinds: Sequence[Iterable[Sequence[str]]]) -> TriggerTable:
    """Make the table of the trigger words of several kinds of rules; the rules of a kind are numbered from 0."""
    numbers: dict[tuple[str, int], list[int]] = {}
    for kind, rules in enumerate(kinds):
        for number, words in enumerate(rules):
            for word in words:
                numbers.setdefault((word, kind), []).append(number)
    table: dict[tuple[str, str] | str, list[tuple[str, int, tuple[int, ...]]]] = {}
    for (word, kind), found in sorted(numbers.items()):
        start = to_lower(word[:2])
        table.setdefault((start[0], start[1]) if len(start) > 1 else start, []).append((word, kind, tuple(found)))
    return {start: tuple(words) for start, words in table.items()}


def find_triggers(texts: Sequence[str], table: TriggerTable) -> list[list[Place]]:
    """Find the trigger words of each kind in a text, in the order of their starts.

    `texts` gives for each kind the form of the text it is looked for in, all of one length.
    """
    found: list[list[Place]] = [[] for _ in texts]
    lowered = to_lower(texts[0])
    for starts in (pairwise(lowered), lowered):
        for at, words in enumerate(map(table.get, starts)):
            if words:
                for word, kind, numbers in words:
                    if texts[kind].startswith(word, at):
                        found[kind].append((at, at + len(word), numbers))
    for places in found:
        places.sort()
    return found


def places_within(places: Sequence[Place], start: int, end: int) -> list[Place]:
    """Return the places that lie wholly inside a span."""
    inside = places[bisect_left(places, (start,)) : bisect_left(places, (end,))]
    return [place for place in inside if place[1] <= end] if inside else []


def called_rules(places: Sequence[Place], start: int, end: int) -> list[int]:
    """Return the numbers of the rules that the words inside a span call for, each once and in order."""
    inside = places_within(places, start, end)
    return sorted({number for _, _, numbers in inside for number in numbers}) if inside else []


def to_lower(text: str) -> str:
    """Return a text with its Latin capitals in lower case; unlike `str.lower` it keeps the length of any text."""
    return _CAPITALS.sub(lambda hit: hit.group().lower(), text)
