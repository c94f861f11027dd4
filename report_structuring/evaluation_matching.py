"""Pairs what a reader found in a report with what is right, one to one (report_structuring.md 9.2).

An entity meets one of the same code whose span overlaps by at least a tenth of both together; a measurement meets one
whose span does. Pairs that agree are made first, then those that overlap more, then those that come first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]

_LEAST_OVERLAP = 0.1
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("mm", "毫米"), ("mm", 1.0)),
    **dict.fromkeys(("cm", "厘米"), ("mm", 10.0)),
    "m": ("mm", 1000.0),
    **dict.fromkeys(("ml", "毫升", "cc", "cm3", "cm³"), ("mL", 1.0)),
    "l": ("mL", 1000.0),
    "hu": ("HU", 1.0),
    **dict.fromkeys(("%", "percent"), ("percent", 1.0)),
    **dict.fromkeys(("score", "分"), ("score", 1.0)),
    "ratio": ("ratio", 1.0),
    "cm/s": ("cm/s", 1.0),
    "m/s": ("cm/s", 100.0),
}
_NO_VALUE = (None, None)


def pair_entities(gold: Sequence[Item], found: Sequence[Item], *, exact: bool = False) -> list[tuple[int, int]]:
    """Return (gold, found) positions of entities of one code that meet; `exact` wants the very same span."""

    def meets(one: Item, other: Item) -> bool:
        if one["code"] != other.get("code"):
            return False
        same = (one["start"], one["end"]) == (other["start"], other["end"])
        return same if exact else overlap_share(one, other) >= _LEAST_OVERLAP

    return _pair(gold, found, meets, lambda one, other: one["assertion"] == other.get("assertion"))


def pair_measurements(gold: Sequence[Item], found: Sequence[Item]) -> list[tuple[int, int]]:
    """Return (gold, found) positions of measurements whose spans meet."""
    return _pair(gold, found, lambda one, other: overlap_share(one, other) >= _LEAST_OVERLAP, is_same_measurement)


def is_same_measurement(one: Item, other: Item) -> bool:
    """Say whether two measurements have the same values in canonical units, in any order of axes, and operator."""
    return _canonical(one) == _canonical(other)


def overlap_share(one: Item, other: Item) -> float:
    """Return the length two spans have in common over the length from the first start to the last end."""
    common = min(one["end"], other["end"]) - max(one["start"], other["start"])
    length = max(one["end"], other["end"]) - min(one["start"], other["start"])
    return max(0, common) / length if length else 0.0


def has_span(item: Item) -> bool:
    """Say whether an item has offsets that can be compared."""
    start, end = item.get("start"), item.get("end")
    return isinstance(start, int) and isinstance(end, int) and start < end


def _pair(
    gold: Sequence[Item],
    found: Sequence[Item],
    meets: Callable[[Item, Item], bool],
    agrees: Callable[[Item, Item], bool],
) -> list[tuple[int, int]]:
    possible = sorted(
        (not agrees(one, other), -overlap_share(one, other), i, j)
        for i, one in enumerate(gold)
        for j, other in _spanned(found)
        if meets(one, other)
    )
    pairs: list[tuple[int, int]] = []
    taken_gold: set[int] = set()
    taken_found: set[int] = set()
    for _, _, i, j in possible:
        if i not in taken_gold and j not in taken_found:
            taken_gold.add(i)
            taken_found.add(j)
            pairs.append((i, j))
    return pairs


def _spanned(items: Sequence[Item]) -> Iterator[tuple[int, Item]]:
    return ((position, item) for position, item in enumerate(items) if has_span(item))


def _canonical(item: Item) -> tuple[Any, list[tuple[float | None, float | None]], str]:
    unit = item.get("unit") or None
    canonical, factor = _UNITS.get(unit.strip().lower(), (unit, 1.0)) if isinstance(unit, str) else (unit, 1.0)
    axes = [_axis(axis, factor) for axis in item.get("dims") or ()]
    return canonical, sorted(axes, key=str), item.get("op") or "eq"


def _axis(axis: Any, factor: float) -> tuple[float | None, float | None]:
    low, high = (axis[0], axis[-1]) if isinstance(axis, list | tuple) and axis else (axis, axis)
    try:
        return round(float(low) * factor, 3), round(float(high) * factor, 3)
    except (TypeError, ValueError):
        return _NO_VALUE
