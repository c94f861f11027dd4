"""What is measured, what is kept and what fails is decided by arithmetic that can be checked without a clock."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingestion.migration.tuning.baseline import (
    Baseline,
    BaselineQuery,
    check_queries,
    differing_facts,
    is_worse,
    middle_of_rounds,
    raise_if_worse,
    read_baseline,
    write_baseline,
)
from ingestion.migration.tuning.steps import Measured, is_better
from ingestion.migration.tuning.timing import Timing, measure_in_turn, percentile
from lakehouse.errors import CheckFailedError, SettingsError


def _timing(p95: float, p50: float | None = None) -> Timing:
    return Timing(p50_ms=p95 if p50 is None else p50, p95_ms=p95, repetitions=7)


def _measured(before: float, after: float, again: float | None = None) -> Measured:
    return Measured(before=_timing(before), again=_timing(before if again is None else again), after=_timing(after))


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile(range(1, 21), 0.95) == 19
    assert percentile([5.0, 1.0, 3.0], 0.95) == 5.0
    assert percentile([4.0], 0.5) == 4.0


def test_variants_run_in_turn_after_a_warm_up() -> None:
    now, order = 0.0, []

    def runner(name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            nonlocal now
            now += seconds
            order.append(name)

        return run

    timings = measure_in_turn({"old": runner("old", 0.4), "new": runner("new", 0.2)}, 7, lambda: now)
    assert order[:2] == ["old", "new"]
    assert sorted(order[2:6]) == ["new", "new", "old", "old"]
    assert timings["old"] == Timing(p50_ms=400.0, p95_ms=400.0, repetitions=7)
    assert timings["new"] == Timing(p50_ms=200.0, p95_ms=200.0, repetitions=7)


def test_a_fast_query_is_run_more_often() -> None:
    now = 0.0

    def run() -> None:
        nonlocal now
        now += 0.01

    assert measure_in_turn({"only": run}, 7, lambda: now)["only"].repetitions == 20


@pytest.mark.parametrize(
    ("gaining", "others", "is_kept"),
    [
        ([_measured(100, 50)], [], True),
        ([_measured(100, 95)], [], False),
        ([_measured(100, 120)], [], False),
        ([_measured(100, 70, again=60)], [], False),
        ([_measured(1.0, 0.5)], [], False),
        ([_measured(100, 50)], [_measured(50, 80)], False),
        ([_measured(100, 50)], [_measured(3, 5)], True),
        ([_measured(200, 100), _measured(20, 40)], [], False),
        ([], [], False),
    ],
    ids=["faster", "within noise", "slower", "less than its own noise", "too short to tell", "another query suffers",
         "another query hardly suffers", "one of its own suffers", "nothing measured"],
)  # fmt: skip
def test_a_step_is_kept_only_when_it_proves_itself(
    gaining: list[Measured], others: list[Measured], is_kept: bool
) -> None:
    assert is_better(gaining, others)[0] is is_kept


def test_a_lower_p95_with_a_higher_p50_proves_nothing() -> None:
    item = Measured(before=_timing(100, 20), again=_timing(100, 20), after=_timing(60, 30))
    assert not is_better([item], [])[0]


def _stored(p95: float, spread: float = 0.0) -> BaselineQuery:
    return BaselineQuery(query_no=3, sha256="ab" * 8, p50_ms=p95, p95_ms=p95, spread=spread, is_caseless=False)


@pytest.mark.parametrize(
    ("stored", "measured", "expected"),
    [
        (_stored(100), 120.0, False),
        (_stored(100), 121.0, True),
        (_stored(10), 14.9, False),
        (_stored(10), 15.1, True),
        (_stored(100, spread=0.5), 140.0, False),
        (_stored(100, spread=0.5), 151.0, True),
    ],
)
def test_a_fifth_more_is_worse_above_a_few_milliseconds_and_the_machines_own_spread(
    stored: BaselineQuery, measured: float, expected: bool
) -> None:
    assert is_worse(stored, measured) is expected


def test_the_middle_round_counts_and_its_spread_is_kept() -> None:
    timing, spread = middle_of_rounds([_timing(30), _timing(20), _timing(25)])
    assert (timing.p95_ms, spread) == (25, 0.5)


def test_a_worse_query_is_timed_three_times_before_it_fails() -> None:
    times = iter([200.0, 190.0, 110.0])
    (check,) = check_queries([_stored(100)], lambda _: _timing(next(times)))
    assert (check.p95_ms, check.attempts, check.is_worse) == (110.0, 3, False)
    raise_if_worse([check])
    (check,) = check_queries([_stored(100)], lambda _: _timing(130.0))
    assert (check.attempts, check.is_worse) == (3, True)
    with pytest.raises(CheckFailedError, match=r"query 3 \(abababababababab\)"):
        raise_if_worse([check])


def test_a_query_that_is_no_worse_is_timed_once() -> None:
    assert check_queries([_stored(100)], lambda _: _timing(90.0))[0].attempts == 1


def test_a_baseline_reads_back_as_it_was_written(tmp_path: Path) -> None:
    baseline = Baseline(
        token="t", engine="mysql", replay_id="r", side="target", row_limit=10, saved_at="2024-01-01T00:00:00",
        machine={"cores": 2}, queries=(_stored(1.5),),
    )  # fmt: skip
    write_baseline(baseline, tmp_path)
    assert read_baseline(tmp_path) == baseline
    (tmp_path / "baseline.json").write_text('{"token": 1}')
    with pytest.raises(SettingsError, match="save it again"):
        read_baseline(tmp_path)
    (tmp_path / "baseline.json").unlink()
    with pytest.raises(SettingsError, match="--save-baseline"):
        read_baseline(tmp_path)


def test_another_machine_is_named_by_what_differs() -> None:
    assert differing_facts({"cores": 2, "fingerprint": "a"}, {"cores": 4, "fingerprint": "b"}) == ["cores"]
