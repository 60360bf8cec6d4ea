"""Quantized weights: whole steps and their grid, and the forms in which a file stores them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featherweight.container import CodedTensor
from featherweight.functional.uniform import (
    Grid,
    as_rows,
    dequantize,
    grid_of,
    least_squares_grid,
    minmax_levels,
    quantize,
)
from featherweight.quantization.config import UniformConfig

_SPARSE = 0.6
"""With so many zeros the kept steps are stored with their positions."""


@dataclass(frozen=True, eq=False)
class QuantizedWeight:
    """Steps int32 [rows, size] on their grid, of a weight [out, ...] of the given shape."""

    steps: Tensor
    grid: Grid
    shape: tuple[int, ...]

    @property
    def dense(self) -> Tensor:
        """The weight that this stands for, float32."""
        return dequantize(self.steps, self.grid).reshape(self.shape)


def weight_grid(rows: Tensor, num_bits: int, config: UniformConfig) -> Grid:
    """The grid of each row of [rows, size], by the configuration's kind and range."""
    if config.weight_range == "mse":
        return least_squares_grid(rows, num_bits, config.grid)
    return grid_of(rows, num_bits, config.grid)


def quantized_weight(weight: Tensor, num_bits: int, config: UniformConfig) -> QuantizedWeight:
    """Round a weight [out, ...] to the nearest points of its own grid, symmetric or affine."""
    rows = as_rows(weight.detach(), config.granularity, config.group_size)
    grid = weight_grid(rows, num_bits, config)
    return QuantizedWeight(quantize(rows, grid), grid, tuple(weight.shape))


def minmax_tensor(name: str, weight: Tensor, num_bits: int) -> CodedTensor:
    """The lecture's 2^n points from min to max, as a codebook; zeros of pruning stay zeros."""
    mask = weight.detach() != 0
    kept = weight.detach()[mask]
    if kept.numel() > (1 - _SPARSE) * weight.numel():
        mask, kept = torch.ones_like(mask), weight.detach().flatten()
    levels, codes = minmax_levels(kept, num_bits)
    return _with_codebook(name, tuple(weight.shape), mask.numpy(), levels.numpy(), codes.numpy())


def codebook_tensor(name: str, weight: QuantizedWeight) -> CodedTensor:
    """A weight of one scale as float32 codebook and codes: runs in the form that is stored."""
    low = weight.grid.low
    steps = weight.steps.reshape(weight.shape)
    levels = torch.arange(low, weight.grid.high + 1, dtype=torch.int32)[None]
    is_kept = steps != int(weight.grid.zero_point)
    if not _is_sparse(is_kept.numpy()):
        is_kept = torch.ones_like(is_kept)
    codes = (steps[is_kept] - low).to(torch.uint8)
    book = dequantize(levels, weight.grid)[0]
    return _with_codebook(name, weight.shape, is_kept.numpy(), book.numpy(), codes.numpy())


def integer_tensor(name: str, steps: NDArray[np.integer], *, zero: int | None = 0) -> CodedTensor:
    """int8 or uint8 `steps` with as many bits each as there are steps, or sparse.

    `zero` is the step that stands for 0, if there is one for the whole tensor.
    """
    is_kept = np.ones(steps.shape, bool) if zero is None else steps != 0
    if zero != 0 or not _is_sparse(is_kept):
        is_kept = np.ones(steps.shape, bool)
    book, codes = np.unique(steps[is_kept], return_inverse=True)
    width = max(1, int(book.size - 1).bit_length())
    if is_kept.all() and book.size + codes.size * width / 8 >= steps.size:
        return CodedTensor(name, steps.dtype.name, steps.shape, "raw", values=steps)
    return _with_codebook(name, steps.shape, is_kept, book, codes.astype(np.uint8))


def _is_sparse(is_kept: NDArray[np.bool_]) -> bool:
    return bool(0 < is_kept.sum() <= (1 - _SPARSE) * is_kept.size)


def _with_codebook(
    name: str,
    shape: tuple[int, ...],
    is_kept: NDArray[np.bool_],
    book: NDArray[np.generic],
    codes: NDArray[np.uint8],
) -> CodedTensor:
    """`shared`, or `sparse_shared` where not all is kept; points that no code uses are dropped."""
    used = np.bincount(codes.reshape(-1), minlength=book.size) > 0
    codes = (np.cumsum(used) - 1).astype(np.uint8)[codes.reshape(-1)]
    dtype, book = book.dtype.name, np.ascontiguousarray(book[used])
    if is_kept.all():
        return CodedTensor(name, dtype, shape, "shared", codebook=book, codes=codes)
    positions = np.flatnonzero(is_kept).astype(np.int64)
    return CodedTensor(
        name, dtype, shape, "sparse_shared", positions=positions, codebook=book, codes=codes
    )
