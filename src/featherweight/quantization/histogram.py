"""A histogram of values that come in batches and whose range is not known before."""

import torch
from torch import Tensor

BINS = 2048


class Histogram:
    """Counts float64 [BINS] over [low, high]; when a batch lies outside, bins are laid anew.

    Old counts then move to the bin of their old bin's centre: exact to a bin's width.
    """

    def __init__(self) -> None:
        self.low, self.high = 0.0, 0.0
        self.counts = torch.zeros(0, dtype=torch.float64)

    @property
    def edges(self) -> Tensor:
        """The ends of the bins, float64 [BINS + 1]."""
        return torch.linspace(self.low, self.high, BINS + 1, dtype=torch.float64)

    @property
    def centres(self) -> Tensor:
        """The middles of the bins, float64 [BINS]."""
        edges = self.edges
        return (edges[1:] + edges[:-1]) / 2

    def add(self, values: Tensor) -> None:
        """Count the elements of `values`."""
        values = values.detach().flatten().to(torch.float32)
        low, high = (float(end) for end in torch.aminmax(values))
        if not len(self.counts):
            self.low, self.high = low, high
            self.counts = torch.zeros(BINS, dtype=torch.float64)
        elif low < self.low or high > self.high:
            centres, counts = self.centres, self.counts
            self.low, self.high = min(low, self.low), max(high, self.high)
            self.counts = torch.zeros(BINS, dtype=torch.float64)
            self.counts.index_add_(0, self._bins(centres), counts)
        if self.low == self.high:
            self.counts[0] += values.numel()
        else:
            self.counts += torch.histc(values, BINS, self.low, self.high).to(torch.float64)

    def of_magnitudes(self) -> Tensor:
        """Counts of |value| in as many bins from 0 to the greatest magnitude, float64 [BINS]."""
        reach = max(-self.low, self.high)
        bins = (self.centres.abs() / reach * BINS).long().clamp(max=BINS - 1) if reach else None
        counts = torch.zeros(BINS, dtype=torch.float64)
        return self.counts if bins is None else counts.index_add_(0, bins, self.counts)

    def _bins(self, values: Tensor) -> Tensor:
        width = (self.high - self.low) / BINS
        return ((values - self.low) / width).long().clamp(0, BINS - 1)
