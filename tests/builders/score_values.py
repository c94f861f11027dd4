"""Values to try the inputs of a score with: both sides of every cut-off, both ends of the range, and what is none."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from tests.builders.three_valued import Cells, Reading, Results

Limits = tuple[object, object]
_STEP = Decimal("0.01")


def near(cuts: str, limits: Limits = (None, None)) -> tuple[str, ...]:
    """Return the cut-offs with a value just below and just above each, and the ends of the range."""
    low, high = (None if end is None else Decimal(str(end)) for end in limits)
    values = {Decimal(cut) + change for cut in cuts.split() for change in (-_STEP, 0, _STEP)}
    values |= {end for end in (low, high) if end is not None}
    return tuple(
        str(value) for value in sorted(values) if (low is None or value >= low) and (high is None or value <= high)
    )


def beyond(limits: Limits) -> tuple[str, ...]:
    """Return what is no value of a range: just outside its ends, far from it, and no number."""
    low, high = limits
    ends = [Decimal(str(low)) - _STEP] if low is not None else []
    ends += [Decimal(str(high)) + _STEP] if high is not None else []
    far = ("-999", "1e9") if low is not None and high is not None else ()
    return (*(str(end) for end in ends), *far, "abc")


def reading(
    results: Callable[[Cells], Results],
    inputs: str,
    *,
    cuts: Mapping[str, str],
    ranges: Mapping[str, Limits],
    members: Mapping[str, Sequence[str]],
    invalid: Mapping[str, Sequence[str]],
    usual: Mapping[str, Sequence[str]] = MappingProxyType({}),
    chosen: Sequence[Cells] = (),
) -> Reading:
    """Return a reading whose inputs have cut-offs in a range, a set of members, or else are true or false.

    What `invalid` names is tried besides what lies beyond the range of a measurement. What is `usual` comes more often, so
    that a severe finding does not hide all others.
    """
    names = inputs.split()
    values = {
        name: near(cuts[name], ranges[name]) if name in cuts else tuple(members.get(name, ("true", "false")))
        for name in names
    }
    values = {name: (*each, *usual.get(name, ())) for name, each in values.items()}
    wrong = {name: (*(beyond(ranges[name]) if name in cuts else ()), *invalid.get(name, ())) for name in names}
    return Reading(
        results=results, values=values, invalid={name: each for name, each in wrong.items() if each}, chosen=chosen
    )
