"""Times queries: variants in turn, so that what disturbs the machine disturbs all of them alike."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

LEAST_REPETITIONS = 7
_MOST_REPETITIONS = 20
_SECONDS_PER_VARIANT = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How long one query took, in milliseconds."""

    p50_ms: float
    p95_ms: float
    repetitions: int


Measure = Callable[[Mapping[str, Callable[[], object]], int], dict[str, Timing]]
"""Times callables by name, each as often as told at least."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def timing_of(values: Sequence[float]) -> Timing:
    """Return the timing of measured milliseconds."""
    return Timing(
        p50_ms=round(percentile(values, 0.5), 3), p95_ms=round(percentile(values, 0.95), 3), repetitions=len(values)
    )


def measure_in_turn(
    variants: Mapping[str, Callable[[], object]],
    repetitions: int = LEAST_REPETITIONS,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Run each variant once to warm up, then all in turn, more often the faster they are."""
    first = {}
    for name, run in variants.items():
        began = clock()
        run()
        first[name] = clock() - began
    slowest = max(first.values(), default=0.0)
    rounds = repetitions
    if slowest > 0:
        rounds = max(repetitions, min(_MOST_REPETITIONS, int(_SECONDS_PER_VARIANT / slowest)))
    took: dict[str, list[float]] = {name: [] for name in variants}
    names = list(variants)
    for number in range(rounds):
        # the order changes, so that none is always the one after the slow one
        for name in names[number % len(names) :] + names[: number % len(names)]:
            began = clock()
            variants[name]()
            took[name].append((clock() - began) * 1000)
    return {name: timing_of(values) for name, values in took.items()}
