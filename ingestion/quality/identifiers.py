"""Judges columns of identifiers by the shapes that the files of one layout have in common."""

import re
from collections.abc import Mapping

from ingestion.quality import profiles
from ingestion.quality.columns import Counts, Waiting, clean_column
from ingestion.quality.forms.identifiers import pattern_of, plain_id, shape_of
from ingestion.quality.forms.screens import literal
from lakehouse.contract import Column

_NINES = "9" * 32
_MOST_MASKS = 200
_ORDINARY = re.compile("[0-9A-Z][0-9A-Z._|^-]*")
_LEADING_ZERO = re.compile("[A-Z]*-?0")


def clean_identifiers(waiting: Waiting, column: Column, filled: Counts) -> None:
    """Judge the identifiers of a column: their characters, and what differs from the shapes of the column."""
    masks = _masks(waiting, column)
    shapes: dict[int, tuple[str, ...]] = {}
    strays = False
    for numbers in _layouts(waiting, masks):
        total = sum(filled[number][0] for number in numbers)
        counted: dict[str, tuple[int, int]] = {}
        for number in numbers:
            for mask, count, zeros in masks[number]:
                before = counted.get(mask, (0, 0))
                counted[mask] = (before[0] + count, before[1] + zeros)
        common = profiles.usual_shapes([(mask, *counts) for mask, counts in counted.items()], total)
        if common:
            shapes |= dict.fromkeys(numbers, common)
            inside = sum(counts[0] for mask, counts in counted.items() if shape_of(mask) in _plain(common))
            strays = strays or inside < total
    if not strays and not any(odd for _, odd, _ in filled.values()):
        return
    odd = waiting.odd(column)
    if shapes:
        odd = f"({odd} or (trim(\"{column.name}\") <> '' and {_shape_test(waiting, column.name, shapes)}))"
    clean_column(waiting, column, filled, odd=odd, shapes=shapes)


def _plain(shapes: tuple[str, ...]) -> frozenset[str]:
    return frozenset(shape.rstrip("*") for shape in shapes)


def _masks(waiting: Waiting, column: Column) -> dict[int, list[tuple[str, int, int]]]:
    """Return, by file, the most frequent masks of identifiers with their count, and 1 where any has a leading zero.

    A mask is an identifier with 9 for every digit.
    """
    name = f'"{column.name}"'
    # most identifiers are short and have digits only: their mask is a number of nines
    mask_expression = (
        f"case when strlen({name}) <= {len(_NINES)} and regexp_full_match({name}, '[0-9]*') "
        f"then {literal(_NINES)}[:strlen({name})] else translate({name}, '012345678', '{_NINES[:9]}') end"
    )
    counted: dict[int, dict[str, tuple[int, int]]] = {}
    for number, mask, count, smallest in waiting.connection.execute(
        f"select {waiting.group} as _group, {mask_expression} as _mask, "
        f"count(*) as _frequency, min({name}) "
        f"from {waiting.name} where {name} <> '' group by _group, _mask "
        f"qualify row_number() over (partition by _group order by _frequency desc, _mask) <= {_MOST_MASKS} "
        "order by all"
    ).fetchall():
        plain = plain_id(mask)
        if _ORDINARY.fullmatch(plain):
            before = counted.setdefault(number, {}).get(plain, (0, 0))
            # of one mask the smallest has a zero in front if any has
            counted[number][plain] = (before[0] + count, before[1] | bool(_LEADING_ZERO.match(plain_id(smallest))))
    return {number: [(mask, *counts) for mask, counts in masks.items()] for number, masks in counted.items()}


def _layouts(waiting: Waiting, masks: Mapping[int, object]) -> list[list[int]]:
    """Return the files of each mapping: identifiers of one layout come from one system."""
    groups: dict[int, list[int]] = {}
    for number in sorted(masks):
        mapping = waiting.files.get(number)
        groups.setdefault(id(mapping) if mapping else -number - 1, []).append(number)
    return list(groups.values())


def _shape_test(waiting: Waiting, name: str, shapes: Mapping[int, tuple[str, ...]]) -> str:
    """Return SQL for identifiers that have none of the shapes of their column."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, common in shapes.items():
        groups.setdefault(common, []).append(number)
    tests = []
    for common, numbers in groups.items():
        pattern = "|".join(pattern_of(shape.rstrip("*")) for shape in common)
        tests.append(
            f"({waiting.group} in ({', '.join(map(str, numbers))}) "
            f'and not regexp_full_match(upper("{name}"), {literal(pattern)}))'
        )
    return "(" + " or ".join(tests) + ")"
