"""Observers of activations against closed forms, and what they are for."""

import pytest
import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.functional.integer import dequantize, quantization_of, quantize
from featherweight.quantization.calibration import CALIBRATIONS, Percentile, checked, observer
from featherweight.quantization.histogram import BINS, Histogram


def observed(name: str, *batches: Tensor) -> tuple[float, float]:
    found = observer(name)
    for batch in batches:
        found.observe(batch)
    return found.range()


def rectified(count: int = 100_000) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(0)).relu()


def test_minmax_and_moving_average() -> None:
    first, second = torch.tensor([-1.0, 2.0]), torch.tensor([-3.0, 1.0])
    assert observed("minmax", first, second) == (-3.0, 2.0)
    low, high = observed("moving-average", first, second)
    assert (low, high) == (pytest.approx(-1.2), pytest.approx(1.9))


@pytest.mark.parametrize("name", sorted(CALIBRATIONS))
def test_every_observer_on_tame_values(name: str) -> None:
    """Uniformly spread values: cutting loses more than it gains, so nearly all of the range stays.

    The order of batches does not matter but to the moving average.
    """
    x = torch.rand(20_000, generator=torch.Generator().manual_seed(1)) * 4 - 1
    low, high = observed(name, x[:10_000], x[10_000:])
    assert -1.0 <= low <= -0.94 and 2.9 <= high <= 3.0
    if name != "moving-average":
        again = observed(name, x[10_000:], x[:10_000])
        assert again == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


@pytest.mark.parametrize("name", ["percentile", "entropy"])
def test_a_rare_large_value_is_cut_off(name: str) -> None:
    x = rectified()  # half of it zeros, which must not decide
    x[7] = 30.0
    low, high = observed(name, x)
    assert low == 0.0 and 2.5 < high < 8.0
    quantization, whole = quantization_of(low, high), quantization_of(0.0, 30.0)

    def error(q: object) -> float:
        others = torch.cat([x[:7], x[8:]])
        return float((dequantize(quantize(others, q), q) - others).square().mean())  # type: ignore[arg-type]

    assert error(quantization) < error(whole) / 10


def test_least_squares_is_the_least_among_cuts() -> None:
    x = torch.randn(50_000, generator=torch.Generator().manual_seed(2))

    def error(ends: tuple[float, float]) -> float:
        q = quantization_of(*ends)
        return float((dequantize(quantize(x, q), q) - x).square().mean())

    best = error(observed("mse", x))
    tried = [error((float(x.min()) * s, float(x.max()) * s)) for s in torch.linspace(0.3, 1, 71)]
    assert best <= min(tried) * 1.03


def test_a_percentile_is_that_of_the_values() -> None:
    x = rectified()
    found = Percentile(0.99)
    found.observe(x)
    low, high = found.range()
    assert low == 0.0
    assert high == pytest.approx(float(x.quantile(0.995)), abs=2 * float(x.max()) / BINS)


def test_a_histogram_counts_all_when_it_grows() -> None:
    found = Histogram()
    x = torch.randn(1000, generator=torch.Generator().manual_seed(3))
    for batch in (x[:10], x[10:500], x[500:] * 5):
        found.add(batch)
    assert float(found.counts.sum()) == 1000
    whole = torch.cat([x[:500], x[500:] * 5])
    assert (found.low, found.high) == (float(whole.min()), float(whole.max()))
    share = found.counts.cumsum(0) / 1000
    middle = float(found.centres[int(torch.searchsorted(share, 0.5))])
    assert middle == pytest.approx(float(whole.median()), abs=0.1)
    assert float(found.of_magnitudes().sum()) == 1000
    still = Histogram()
    still.add(torch.ones(5))
    assert float(still.counts.sum()) == 5


def test_bad_requests() -> None:
    with pytest.raises(InvalidArgumentError, match="entropy, minmax, moving-average, mse"):
        observer("best")
    with pytest.raises(InvalidArgumentError, match=r"'x' reaches from 0\.0 to inf"):
        checked("x", (0.0, float("inf")))
