"""How the range of an activation is found from the batches that are seen, by name.

An observer sees each batch once and then says the range that is quantized. Cutting off rare large
values makes all steps finer; how much to cut is where the methods differ.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.quantization.histogram import Histogram
from featherweight.validation import check_choice

LEVELS = 256
Range = tuple[float, float]


class Observer(Protocol):
    """Sees values, says a range."""

    def observe(self, values: Tensor) -> None:
        """Take in one batch, of any shape."""

    def range(self) -> Range:
        """The range to quantize."""


class MinMax:
    """The least and the greatest value of all batches."""

    def __init__(self) -> None:
        self.low, self.high = float("inf"), float("-inf")

    def observe(self, values: Tensor) -> None:
        low, high = (float(end) for end in torch.aminmax(values))
        self.low, self.high = min(self.low, low), max(self.high, high)

    def range(self) -> Range:
        return self.low, self.high


class MovingAverage:
    """The ends of batches, exponentially averaged (Jacob et al., arXiv 1712.05877, section 3.1)."""

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum = momentum
        self.ends: Tensor | None = None

    def observe(self, values: Tensor) -> None:
        ends = torch.stack(torch.aminmax(values.detach()))
        if self.ends is not None:
            ends = self.momentum * self.ends + (1 - self.momentum) * ends
        self.ends = ends

    def range(self) -> Range:
        assert self.ends is not None
        return float(self.ends[0]), float(self.ends[1])


class _OfHistogram:
    """Observers that keep a histogram."""

    def __init__(self) -> None:
        self.histogram = Histogram()

    def observe(self, values: Tensor) -> None:
        self.histogram.add(values)


class Percentile(_OfHistogram):
    """All but the share 1 - `percentile` of the values, split between both ends.

    McKinstry et al. 2018, arXiv 1809.04191, calibrate so, with 99.99 % for 8 bits.
    """

    def __init__(self, percentile: float = 0.9999) -> None:
        super().__init__()
        self.percentile = percentile

    def range(self) -> Range:
        counts, edges = self.histogram.counts, self.histogram.edges
        share = counts.cumsum(0) / counts.sum()
        rest = 1 - self.percentile
        low = int(torch.searchsorted(share, rest / 2, right=True))
        high = int(torch.searchsorted(share, 1 - rest / 2))
        is_one_sided = self.histogram.low >= 0
        return float(edges[0 if is_one_sided else low]), float(
            edges[min(high, len(counts) - 1) + 1]
        )


class Entropy(_OfHistogram):
    """The cut whose quantized distribution diverges least from the values' own (Kullback-Leibler).

    Migacz 2017, "8-bit inference with TensorRT": values beyond a cut count as the last bin inside;
    what is inside is merged to as many levels as there are codes, and spread again over the bins
    that were not empty.
    """

    def range(self) -> Range:
        low, high = self.histogram.low, self.histogram.high
        reach = max(-low, high)
        counts = self.histogram.of_magnitudes()
        # Zeros are exact whatever the cut: the many that ReLU makes must not decide where it lies.
        counts[0] = torch.minimum(counts[0], counts[1])
        levels = LEVELS if low >= 0 or high <= 0 else LEVELS // 2
        bins = len(counts)
        cuts = range(levels, bins + 1, max(1, bins // 128))
        best = min(cuts, key=lambda cut: _divergence(counts, cut, levels))
        cut = reach * best / bins
        return max(low, -cut), min(high, cut)


def _divergence(counts: Tensor, cut: int, levels: int) -> float:
    inside = counts[:cut].clone()
    reference = inside.clone()
    reference[-1] += counts[cut:].sum()
    level = torch.arange(cut) * levels // cut
    total = torch.zeros(levels, dtype=torch.float64).index_add_(0, level, inside)
    filled = torch.zeros(levels, dtype=torch.float64)
    filled.index_add_(0, level, (inside > 0).to(torch.float64))
    spread = torch.where(inside > 0, (total / filled.clamp(min=1))[level], 0.0)
    p, q = reference / reference.sum(), spread / spread.sum().clamp(min=1e-30)
    # What the cut makes certain where the quantized distribution has nothing is charged dearly.
    return float((p[p > 0] * torch.log(p[p > 0] / q[p > 0].clamp(min=1e-9))).sum())


class LeastSquares(_OfHistogram):
    """The ends between which 256 steps give the least squared error, found one after the other."""

    def range(self) -> Range:
        low, high = self.histogram.low, self.histogram.high
        for _ in range(2):
            high = self._best([(low, high * share) for share in _SHARES])[1] if high > 0 else high
            low = self._best([(low * share, high) for share in _SHARES])[0] if low < 0 else low
        return low, high

    def _best(self, ranges: list[Range]) -> Range:
        return min(ranges, key=self._error)

    def _error(self, ends: Range) -> float:
        low, high = min(ends[0], 0.0), max(ends[1], 0.0)
        scale = (high - low) / (LEVELS - 1)
        centres = self.histogram.centres
        if scale <= 0:
            return float((self.histogram.counts * centres.square()).sum())
        rounded = (torch.round((centres - low) / scale).clamp(0, LEVELS - 1)) * scale + low
        # Within a bin values lie anywhere: rounding costs at least a twelfth of a squared step.
        is_inside = (centres >= low) & (centres <= high)
        error = torch.where(is_inside, scale**2 / 12, (rounded - centres).square())
        return float((self.histogram.counts * error).sum())


_SHARES = [1.0 - i / 100 for i in range(90)]

CALIBRATIONS: Mapping[str, Callable[[], Observer]] = {
    "minmax": MinMax,
    "moving-average": MovingAverage,
    "percentile": Percentile,
    "entropy": Entropy,
    "mse": LeastSquares,
}


def observer(name: str) -> Observer:
    """A fresh observer of this name.

    Raises:
        InvalidArgumentError: there is none of this name.
    """
    check_choice("calibration", name, CALIBRATIONS)
    return CALIBRATIONS[name]()


def checked(name: str, ends: Range) -> Range:
    """Return the range of value `name` if both ends are finite."""
    if not all(abs(end) < float("inf") for end in ends):
        raise InvalidArgumentError(
            f"activations must be finite to be calibrated, but {name!r} reaches from {ends[0]} to "
            f"{ends[1]}."
        )
    return ends
