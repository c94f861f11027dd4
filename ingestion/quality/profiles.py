"""Decides over the whole column of a file what is usual in it: what is usual there is the hospital's convention.

A writing is usual when a quarter of the values have it, or when more have it than any other. What a hospital writes
throughout is brought to its normal form in silence; what differs from the rest of its own column is told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ingestion.quality.forms.codes import code_depth, dotted_code, plain_code
from ingestion.quality.forms.dates import parts_by_order
from ingestion.quality.forms.identifiers import shape_of
from ingestion.quality.forms.persons import age_family, sex_family

_USUAL_SHARE = 0.25
_USUAL_COUNT = 3
CONVENTION_SHARE, CONVENTION_COUNT = 0.5, 5
"""From which share and number of values a defect that is put right is the column's own way of writing."""

_ORDERS = ("dmy", "mdy", "ymd")
_TELLING_SHARE, _TELLING_COUNT = 0.9, 10
_DEPTH_SHARE = 0.8
_CHILDREN_SHARE = 0.02
_FREQUENT_SHARE, _FREQUENT_COUNT = 0.1, 5
"""From which share and number of values an item has more than one usual kind of result or unit."""

CONVENTIONS = frozenset({
    "fullwidth_value", "name_variant", "html_residue", "embedded_newline", "control_char", "code_format",
    "value_comparator", "value_range", "value_qualitative", "id_whitespace", "phi_in_text", "age_text", "unit_mismatch",
    "value_ambiguous",
})  # fmt: skip
"""Kinds that are told only where they are not what the column does throughout."""
_CONVENTIONS_OF_DOCUMENTS = frozenset({"template_residue"})

Counted = Sequence[tuple[str, int]]
"""Values of one column of one file with how often they stand there."""


def usual_of(counts: Mapping[str, int], first: str | None = None) -> frozenset[str]:
    """Return the usual ones of counted writings; of two that are equally frequent `first` is taken."""
    total = sum(counts.values())
    if not total:
        return frozenset()
    top = max(sorted(counts), key=lambda name: (counts[name], name == first))
    often = {name for name, count in counts.items() if count >= _USUAL_COUNT and count / total >= _USUAL_SHARE}
    return frozenset(often | {top})


def is_frequent(count: int, total: int) -> bool:
    """Return whether a kind of result or a unit is one of several usual ones."""
    return count >= _FREQUENT_COUNT and count >= _FREQUENT_SHARE * total


def is_convention(form: str, kind: str, count: int, total: int) -> bool:
    """Return whether a kind of defect is what the column does throughout."""
    if kind not in CONVENTIONS and not (form == "document" and kind in _CONVENTIONS_OF_DOCUMENTS):
        return False
    return is_throughout(count, total)


def is_throughout(count: int, total: int) -> bool:
    """Return whether something is found in at least half of a column, and not by chance."""
    return count >= CONVENTION_COUNT and count >= CONVENTION_SHARE * total


MAPPED = "mapped"
"""The hospital's own code list, as the mapping gives it."""


def usual_sexes(values: Counted, codes: Mapping[str, str]) -> frozenset[str]:
    """Return the code lists usual in a column of sexes, with `exact` where its letters are small throughout."""
    families: Counter[str] = Counter()
    inexact = total = 0
    for value, count in values:
        family = MAPPED if value.strip() in codes else sex_family(value)
        if family:
            families[family] += count
            total += count
            inexact += count * (value != value.strip().upper())
    usual = usual_of(families, MAPPED)
    return usual | {"exact"} if total and inexact >= CONVENTION_SHARE * total else usual


def is_zero_female(values: Counted, by_card: Mapping[tuple[str, bool], int]) -> bool:
    """Return whether a column of 0 and 1 means female by 0.

    `by_card` counts (value, whether the 17th digit of the identity card is odd); it decides where there are cards.
    """
    counts = {value.strip(): count for value, count in values}
    if not set(counts) <= {"0", "1"} or "0" not in counts:
        return False
    agree = by_card.get(("0", False), 0) + by_card.get(("1", True), 0)
    total = sum(by_card.get((value, odd), 0) for value in ("0", "1") for odd in (True, False))
    if total >= 5:
        return agree >= 0.8 * total
    return counts["0"] >= 0.1 * sum(counts.values())


def usual_ages(values: Counted) -> frozenset[str]:
    """Return the ways ages are written in a column."""
    families: Counter[str] = Counter()
    for value, count in values:
        family = age_family(value)
        if family:
            families[family] += count
    usual = usual_of(families, "years")
    # children of a department for all ages: their months and days are no slips of the pen
    children = families["parts"] > _USUAL_COUNT and families["parts"] >= _CHILDREN_SHARE * families.total()
    return usual | {"parts"} if children else usual


def usual_codes(form: str, values: Counted) -> frozenset[str]:
    """Return how the codes of a classification are written: upper (X as filler), dotless, other (no such shape).

    `not_category` and `not_extended` say that nearly all codes of the column have the other depth.
    """
    seen: Counter[str] = Counter()
    for value, count in values:
        plain = plain_code(form, value)
        seen["all"] += count
        code = dotted_code(form, plain)
        if code is None:
            seen["other"] += count
            continue
        if code != plain:
            seen["dotless"] += count
        if "x" in plain:
            seen["upper" if "X" in value[1:] else "small"] += count
        seen[code_depth(form, code) or ""] += count
    usual = {name for name in ("dotless", "other") if seen[name] >= CONVENTION_SHARE * seen["all"]}
    if seen["upper"] > seen["small"]:
        usual.add("upper")
    for depth, others in (("category", "extended"), ("extended", "category")):
        # a few codes of another edition among codes of one
        both = seen[depth] + seen[others]
        if seen[others] and seen[others] >= _DEPTH_SHARE * both and not is_frequent(seen[depth], seen["all"]):
            usual.add(f"not_{depth}")
    return frozenset(usual)


def usual_weeks(values: Counted) -> frozenset[str]:
    """Return `weeks.days` or `decimal` where a column of gestational ages is written with a point throughout."""
    pointed = [(value.strip(), count) for value, count in values if "." in value]
    count = sum(number for _, number in pointed)
    if count < 10 or count < CONVENTION_SHARE * sum(number for _, number in values):
        return frozenset()
    has_more_than_six = any(value.split(".")[1][:1] in "789" for value, _ in pointed)
    return frozenset({"decimal" if has_more_than_six else "weeks.days"})


def usual_weights(values: Counted) -> frozenset[str]:
    """Return `kg` where most weights of a column are kilograms."""
    total = kilograms = 0
    for value, count in values:
        number = value.strip().lower()
        total += count
        digits = number.rstrip("kg千克公斤 ")
        try:
            kilograms += count * ("k" in number or "公斤" in number or "千克" in number or 0 < float(digits) < 20)
        except ValueError:
            continue
    return frozenset({"kg"}) if total and kilograms >= CONVENTION_SHARE * total else frozenset()


def allowed_orders(values: Iterable[str]) -> tuple[str, ...]:
    """Return the orders of day, month and year that the numeric dates of a column allow.

    What no order can read says nothing. Where the rest contradict each other, an order that nearly all of the dates
    that tell need is taken; without such a one all orders stay possible.
    """
    allowed = [orders for text in values if (orders := frozenset(o for o in _ORDERS if parts_by_order(text, o)))]
    common = frozenset(_ORDERS).intersection(*allowed)
    if common:
        return tuple(order for order in _ORDERS if order in common)
    telling = Counter(next(iter(orders)) for orders in allowed if len(orders) == 1)
    order, count = telling.most_common(1)[0] if telling else ("", 0)
    if count >= _TELLING_COUNT and count >= _TELLING_SHARE * telling.total():
        return (order,)
    return _ORDERS


def usual_shapes(masks: Sequence[tuple[str, int, int]], total: int) -> tuple[str, ...]:
    """Return the shapes of a column of identifiers, most frequent first; none where identifiers have no few shapes.

    `masks` are identifiers with 9 for every digit, how many there are, and whether any has a leading zero; `total` is
    the number of all identifiers.
    A shape of digits with leading zeros ends with `*`: zeros fill it up to its width.
    """
    if total < 8:
        return ()
    usual = [
        (mask, count, zeros)
        for mask, count, zeros in masks
        if count > 0.15 * total or (count >= 0.05 * total and count >= 10)
    ]
    if sum(count for _, count, _ in usual) < 0.8 * total:
        return ()
    shapes = []
    for mask, count, zeros in sorted(usual, key=lambda item: (-item[1], item[0])):
        shape = shape_of(mask)
        letters = mask.rstrip("9")
        same = sum(other for text, other, _ in masks if text.rstrip("9") == letters)
        is_filled = zeros and mask != letters and count >= 0.8 * same
        shapes.append(f"{shape}*" if is_filled else shape)
    return tuple(shapes)
