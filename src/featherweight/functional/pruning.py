"""Which weights to keep, and how many of them at each moment of training.

Han et al. 2015, "Learning both Weights and Connections", arXiv 1506.02626 (threshold by layer);
Zhu & Gupta 2017, "To prune, or not to prune", arXiv 1710.01878 (cubic schedule).
"""

from torch import Tensor


def threshold_mask(weight: Tensor, quality: float) -> Tensor:
    """Keep the weights whose magnitude exceeds `quality` standard deviations of the layer.

    Args:
        weight: any shape.
        quality: the paper's quality parameter, >= 0.

    Returns:
        bool tensor of the same shape, True where the weight is kept.
    """
    return weight.abs() > quality * weight.std(correction=0)


def magnitude_mask(weight: Tensor, density: float) -> Tensor:
    """Keep the `round(density * n)` weights of largest magnitude, at least one.

    Ties are broken by position, the first wins, so that the count is exact and the same everywhere.
    """
    magnitude = weight.abs().flatten()
    kept = max(1, round(density * magnitude.numel()))
    limit = magnitude.kthvalue(magnitude.numel() - kept + 1).values
    mask = magnitude > limit
    ties = (magnitude == limit).nonzero().flatten()
    mask[ties[: kept - int(mask.sum())]] = True
    return mask.view(weight.shape)


def cubic_density(progress: float, start: float, end: float) -> float:
    """Density at `progress` in [0, 1]: falls fast while much is redundant, then ever more slowly.

    s(t) = s_end + (s_start - s_end) (1 - t)^3 for the sparsity s, hence the same for the density.
    """
    progress = min(max(progress, 0.0), 1.0)
    return end + (start - end) * (1.0 - progress) ** 3


def iterative_density(progress: float, start: float, end: float, rounds: int) -> float:
    """Density at `progress` when pruning in `rounds` equal ratios, retraining in between.

    Round i of n (i = 0 .. n-1) begins at progress i / n and leaves start (end / start)^((i+1)/n).
    """
    progress = min(max(progress, 0.0), 1.0)
    done = min(int(progress * rounds) + 1, rounds)
    return float(start * (end / start) ** (done / rounds))
