"""Adaptive rounding: which way a weight is rounded is learned, since the nearest is not the best.

Nagel, Amjad, van Baalen, Louizos & Blankevoort 2020, "Up or Down? Adaptive Rounding for
Post-Training Quantization", arXiv 2004.10568.

    w^ = s * clamp(floor(w / s) + h(V) + z, low, high) - s z,
    h(V) = clamp(1.2 * sigmoid(V) - 0.1, 0, 1)                       (equation 23)
    f(V) = sum of 1 - |2 h(V) - 1|^beta                              (equation 24)

f drives h to 0 or 1 as beta falls from 20 to 2.
"""

import torch
from torch import Tensor

from featherweight.functional.uniform import Grid

_STRETCH, _SHIFT = 1.2, -0.1
BETA_FIRST, BETA_LAST = 20.0, 2.0


def initial_rounding(rows: Tensor, grid: Grid) -> Tensor:
    """V [rows, size] with h(V) = w / s - floor(w / s): at first nothing is rounded."""
    scaled = rows / grid.scale[:, None]
    share = ((scaled - torch.floor(scaled)) - _SHIFT) / _STRETCH
    return torch.logit(share)


def rounding(v: Tensor) -> Tensor:
    """h(V): how far each weight is rounded up, in [0, 1]."""
    return torch.clamp(torch.sigmoid(v) * _STRETCH + _SHIFT, 0.0, 1.0)


def soft_steps(rows: Tensor, grid: Grid, v: Tensor) -> Tensor:
    """The steps [rows, size] of a rounding that is not decided yet: not whole."""
    steps = torch.floor(rows / grid.scale[:, None]) + rounding(v) + grid.zero_point[:, None]
    return steps.clamp(grid.low, grid.high)


def hard_steps(rows: Tensor, grid: Grid, v: Tensor) -> Tensor:
    """int32 [rows, size]: up where h(V) >= 1/2."""
    up = (rounding(v) >= 0.5).to(rows.dtype)
    steps = torch.floor(rows / grid.scale[:, None]) + up + grid.zero_point[:, None]
    return steps.clamp(grid.low, grid.high).to(torch.int32)


def regularizer(v: Tensor, beta: float) -> Tensor:
    """f(V)."""
    return (1.0 - (2.0 * rounding(v) - 1.0).abs().pow(beta)).sum()


def beta_at(progress: float, warmup: float = 0.2) -> float | None:
    """beta at `progress` in [0, 1): None while the rounding is free, then falling as a cosine."""
    if progress < warmup:
        return None
    part = torch.tensor((progress - warmup) / (1.0 - warmup))
    return BETA_LAST + 0.5 * (BETA_FIRST - BETA_LAST) * (1.0 + float(torch.cos(part * torch.pi)))
