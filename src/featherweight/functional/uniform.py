"""Uniform quantization: weights on equally spaced points.

    q = clamp(round(x / scale) + zero_point, low, high),   x ~ scale * (q - zero_point)

half to even. `symmetric` grids have zero point 0 and as many points on both sides; `affine` grids
have a zero point, so that both ends of the weights are used and 0 is still exact; the lecture's
(`minmax_levels`) begins at the least weight and ends at the greatest, and has no exact 0. Jacob et
al. 2018, arXiv 1712.05877; Krishnamoorthi 2018, arXiv 1806.08342, for granularities.

Functions take weights as rows: all that shares a scale is a row (`as_rows`).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice, check_range

GRIDS = ("symmetric", "affine", "minmax")
GRANULARITIES = ("tensor", "channel", "group")

_SHRINKS = 100
"""Ranges tried by `least_squares_grid`, from a fifth of the largest weight to all of it."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The points of each row: scale float32 [rows], zero_point int32 [rows], low <= q <= high."""

    scale: Tensor
    zero_point: Tensor
    low: int
    high: int


def as_rows(weight: Tensor, granularity: str, group_size: int = 64) -> Tensor:
    """A view of `weight` [out, ...] as [rows, size]; what stands in a row has one scale.

    tensor: one row; channel: a row an output channel; group: each channel cut into rows of
    `group_size`. A channel whose size is no multiple of it stays whole.

    Raises:
        InvalidArgumentError: another granularity, or a group size below 1.
    """
    check_choice("granularity", granularity, GRANULARITIES)
    check_range("group_size", group_size, 1, 2**31)
    if granularity == "tensor":
        return weight.reshape(1, -1)
    rows = weight.reshape(weight.shape[0], -1)
    if granularity == "group" and rows.shape[1] % group_size == 0:
        return rows.reshape(-1, group_size)
    return rows


def symmetric_grid(rows: Tensor, num_bits: int, share: float = 1.0) -> Grid:
    """scale = share * max|w| / (2^(n-1) - 1) of each row of [rows, size]; 2 bits: -1, 0, 1."""
    high = 2 ** (_checked(num_bits) - 1) - 1
    scale = _positive(rows.abs().amax(1) * share / high)
    return Grid(scale, torch.zeros_like(scale, dtype=torch.int32), -high, high)


def affine_grid(rows: Tensor, num_bits: int, share: float = 1.0) -> Grid:
    """2^n points from min to max of each row, both stretched to hold 0 and cut to `share`.

    zero_point = round(-min / scale), so that 0 is a point.
    """
    top = 2 ** _checked(num_bits) - 1
    low = rows.amin(1).clamp(max=0) * share
    high = rows.amax(1).clamp(min=0) * share
    scale = _positive((high - low) / top)
    zero_point = torch.round(-low / scale).clamp(0, top).to(torch.int32)
    return Grid(scale, zero_point, 0, top)


def grid_of(rows: Tensor, num_bits: int, kind: str = "symmetric", share: float = 1.0) -> Grid:
    """The grid of this kind over [rows, size].

    Raises:
        InvalidArgumentError: another kind than symmetric or affine, or not 2 to 8 bits.
    """
    check_choice("kind", kind, GRIDS[:2])
    make = symmetric_grid if kind == "symmetric" else affine_grid
    return make(rows, num_bits, share)


def least_squares_grid(rows: Tensor, num_bits: int, kind: str = "symmetric") -> Grid:
    """The grid whose range is cut, row by row, so that the squared error is least.

    With few bits it pays to cut off the few largest weights. Found by trial of 100 ranges.
    """
    best = grid_of(rows, num_bits, kind)
    error = torch.full_like(best.scale, torch.inf)
    for share in torch.linspace(0.2, 1.0, _SHRINKS).tolist():
        grid = grid_of(rows, num_bits, kind, share)
        found = (dequantize(quantize(rows, grid), grid) - rows).square().sum(1)
        better = found < error
        error = torch.where(better, found, error)
        scale = torch.where(better, grid.scale, best.scale)
        zero_point = torch.where(better, grid.zero_point, best.zero_point)
        best = Grid(scale, zero_point, grid.low, grid.high)
    return best


def quantize(rows: Tensor, grid: Grid) -> Tensor:
    """int32 [rows, size]: the nearest point of the grid, in steps."""
    steps = torch.round(rows / grid.scale[:, None]) + grid.zero_point[:, None]
    return steps.clamp(grid.low, grid.high).to(torch.int32)


def dequantize(steps: Tensor, grid: Grid) -> Tensor:
    """float32 [rows, size]: scale * (q - zero_point), as DequantizeLinear of ONNX rounds it."""
    return (steps - grid.zero_point[:, None]).to(torch.float32) * grid.scale[:, None]


def fake_quantize(rows: Tensor, grid: Grid) -> Tensor:
    """`dequantize(quantize(rows))`, with the straight-through estimator.

    The gradient is passed on where the weight lies within the grid's ends, and is 0 beyond them
    (Bengio et al., arXiv 1308.3432; Jacob et al., arXiv 1712.05877, section 3).
    """
    result: Tensor = _FakeQuantize.apply(rows, grid)  # type: ignore[no-untyped-call]
    return result


def within(rows: Tensor, grid: Grid) -> Tensor:
    """bool [rows, size]: what does not lie beyond the ends of the grid."""
    steps = torch.round(rows / grid.scale[:, None]) + grid.zero_point[:, None]
    return (steps >= grid.low) & (steps <= grid.high)


class _FakeQuantize(torch.autograd.Function):
    """Rounding with the straight-through estimator for its gradient."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, grid: Grid) -> Tensor:
        ctx.save_for_backward(within(rows, grid))
        return dequantize(quantize(rows, grid), grid)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (is_within,) = ctx.saved_tensors
        return gradients[0] * is_within, None


def minmax_levels(values: Tensor, num_bits: int = 8) -> tuple[Tensor, Tensor]:
    """The lecture's scheme: points from the least to the greatest value, each value to the nearest.

        levels[i] = min + i * (max - min) / (2^n - 1),   codes = round((w - min) / step)

    Its slide says 256 divisions and 8-bit integers: so 256 points, of which both ends are values.

    Returns:
        levels float32 [2^n], ascending, and codes uint8 of the shape of `values`.
    """
    top = 2 ** int(check_range("num_bits", num_bits, 1, 8)) - 1
    if values.numel() == 0:
        raise InvalidArgumentError("a grid needs at least one value, but got none.")
    low, high = torch.aminmax(values.to(torch.float64))
    step = (high - low) / top
    levels = (low + step * torch.arange(top + 1, dtype=torch.float64)).to(torch.float32)
    if step == 0:
        return levels, torch.zeros_like(values, dtype=torch.uint8)
    codes = torch.round((values.to(torch.float64) - low) / step).clamp(0, top)
    return levels, codes.to(torch.uint8)


def _checked(num_bits: int) -> int:
    return int(check_range("num_bits", num_bits, 2, 8))


def _positive(scale: Tensor) -> Tensor:
    """A row of zeros has scale 1."""
    return torch.where(scale > 0, scale, torch.ones_like(scale)).to(torch.float32)
