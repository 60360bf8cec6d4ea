"""How long calls take, measured in turns, and how sure that is.

Rounds alternate between the calls, so that a slow moment of the machine meets all of them; what is
compared are the two times of one round. Medians, with the interval that 95 % of bootstrap samples
give (Efron 1979).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from featherweight.validation import check_range

_SAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A median, and the 95 % interval of it."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """Seconds of one call, round by round."""

    seconds: tuple[float, ...]

    def percentile(self, percent: float) -> float:
        """Return a percentile of the seconds."""
        return float(np.percentile(self.seconds, percent))

    @property
    def interval(self) -> Interval:
        """The median of the seconds."""
        return bootstrap_median(self.seconds)

    def speedup_over(self, other: "Timing") -> Interval:
        """Return the median over the rounds of the other's time / this one's."""
        return bootstrap_median(np.divide(other.seconds, self.seconds).tolist())


def time_in_turns(
    calls: Mapping[str, Callable[[], object]], *, rounds: int = 30, warmup: int = 3
) -> dict[str, Timing]:
    """Run every call once a round, after `warmup` rounds that are not counted.

    Raises:
        InvalidArgumentError: `rounds` is less than 1.
    """
    timed = {name: partial(_seconds_of, call) for name, call in calls.items()}
    return ask_in_turns(timed, rounds=rounds, warmup=warmup)


def ask_in_turns(
    calls: Mapping[str, Callable[[], float]], *, rounds: int = 30, warmup: int = 3
) -> dict[str, Timing]:
    """As `time_in_turns`, of calls that return the seconds they took.

    Raises:
        InvalidArgumentError: `rounds` is less than 1.
    """
    check_range("rounds", rounds, 1, 1_000_000)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for round_index in range(-warmup, rounds):
        for name, call in calls.items():
            taken = call()
            if round_index >= 0:
                seconds[name].append(taken)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def _seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def bootstrap_median(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the median of `values` and its 95 % bootstrap interval."""
    array = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    samples = generator.choice(array, size=(_SAMPLES, array.size), replace=True)
    low, high = np.percentile(np.median(samples, axis=1), (2.5, 97.5))
    return Interval(float(np.median(array)), float(low), float(high))
