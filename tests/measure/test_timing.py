"""Rounds in turns, and the bootstrap's interval."""

from functools import partial

import numpy as np
import pytest

from featherweight.errors import InvalidArgumentError
from featherweight.measure.timing import Timing, ask_in_turns, bootstrap_median, time_in_turns


def test_calls_take_turns_and_warm_up_uncounted() -> None:
    order: list[str] = []
    timings = time_in_turns(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")}, rounds=3, warmup=2
    )
    assert order == ["a", "b"] * 5
    assert {name: len(timing.seconds) for name, timing in timings.items()} == {"a": 3, "b": 3}
    with pytest.raises(InvalidArgumentError, match="rounds"):
        time_in_turns({}, rounds=0)


def test_calls_that_say_what_they_took_are_believed() -> None:
    taken = {"a": iter((9.0, 1.0, 2.0)), "b": iter((9.0, 4.0, 5.0))}
    calls = {name: partial(next, seconds) for name, seconds in taken.items()}
    timings = ask_in_turns(calls, rounds=2, warmup=1)
    assert timings == {"a": Timing((1.0, 2.0)), "b": Timing((4.0, 5.0))}


def test_the_interval_holds_the_median_of_most_samples() -> None:
    generator = np.random.default_rng(1)
    inside = 0
    for i in range(200):
        found = bootstrap_median(generator.exponential(size=31).tolist(), seed=i)
        assert found.low <= found.median <= found.high
        inside += found.low <= np.log(2) <= found.high
    assert 180 <= inside <= 200


def test_speedups_compare_the_two_of_a_round() -> None:
    ours, theirs = Timing((1.0, 10.0, 2.0)), Timing((3.0, 30.0, 6.0))
    assert ours.speedup_over(theirs).median == 3.0
    assert ours.speedup_over(theirs).low == 3.0
    assert ours.interval.median == 2.0
    assert ours.percentile(50) == 2.0
