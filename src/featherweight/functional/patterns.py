"""Masks of the sparse patterns that the native kernels run, from scores of weights.

A score tells how much a weight matters, for example its magnitude. All masks look at a weight as
the matrix [rows, columns] of its layer: rows are output channels, columns all other dimensions
flattened, as kernels lay them out. Ties go to the weight, or block, that comes first, so that every
count is exact and the same everywhere.

Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks", arXiv 2104.08378 (N of M);
Elsen et al. 2020, "Fast Sparse ConvNets", arXiv 1911.09723 (blocks of output channels).
"""

import torch
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_range


def unstructured_mask(scores: Tensor, density: float) -> Tensor:
    """Keep the `round(density * n)` weights of highest score, at least one.

    Args:
        scores: any shape.
        density: fraction of weights to keep, in [0, 1].

    Returns:
        bool tensor of the same shape, True where the weight is kept.

    Raises:
        InvalidArgumentError: `density` is outside of [0, 1].
    """
    check_range("density", density, 0.0, 1.0)
    kept = max(1, round(density * scores.numel()))
    return _best_mask(scores.flatten(), kept).view(scores.shape)


def n_of_m_mask(scores: Tensor, n: int, m: int) -> Tensor:
    """Keep the `n` weights of highest score among every `m` consecutive columns of a row.

    Args:
        scores: [rows, ...].
        n: weights to keep of each group, 1 <= n <= m. Of a last group with fewer than `m` columns
            as many as there are, at most `n`.
        m: columns of a group.

    Returns:
        bool tensor of the same shape, True where the weight is kept.

    Raises:
        InvalidArgumentError: `n` is not between 1 and `m`.
    """
    if not 1 <= n <= m:
        raise InvalidArgumentError(f"`n` must be between 1 and m={m} inclusive, but got n={n}.")
    matrix = scores.flatten(1)
    whole = matrix.shape[1] // m * m
    groups = matrix[:, :whole].reshape(len(matrix), whole // m, m)
    parts = [_best_mask(groups, n).flatten(1), _best_mask(matrix[:, whole:], n)]
    return torch.cat(parts, 1).reshape(scores.shape)


def two_of_sixteen_mask(scores: Tensor) -> Tensor:
    """Keep the 2 weights of highest score among every 16 columns of a row: `n_of_m_mask`."""
    return n_of_m_mask(scores, 2, 16)


def block_mask(scores: Tensor, density: float, block_rows: int, block_columns: int = 1) -> Tensor:
    """Keep whole blocks: a block's weights are kept or dropped together.

    A block's score is the mean of its weights' scores; the last blocks of rows and columns are
    smaller where the sizes do not divide the matrix. Kept are the `round(density * blocks)` best
    blocks, at least one.

    Args:
        scores: [rows, ...].
        density: fraction of blocks to keep, in [0, 1].
        block_rows: rows of a block, at least 1; kernels exist for 4 and 8.
        block_columns: columns of a block, at least 1.

    Returns:
        bool tensor of the same shape, True where the weight is kept.

    Raises:
        InvalidArgumentError: `density` is outside of [0, 1], or a side of a block is below 1.
    """
    for name, size in (("block_rows", block_rows), ("block_columns", block_columns)):
        if size < 1:
            raise InvalidArgumentError(f"`{name}` must be at least 1, but got {name}={size}.")
    matrix = scores.flatten(1)
    rows, columns = matrix.shape
    by_row = [matrix[row : row + block_rows].mean(0) for row in range(0, rows, block_rows)]
    means = torch.stack(by_row)
    if block_columns > 1:
        starts = range(0, columns, block_columns)
        means = torch.stack([means[:, c : c + block_columns].mean(1) for c in starts], 1)
    kept = unstructured_mask(means, density)
    kept = kept.repeat_interleave(block_rows, 0).repeat_interleave(block_columns, 1)
    return kept[:rows, :columns].reshape(scores.shape)


def _best_mask(scores: Tensor, count: int) -> Tensor:
    """Mark the `count` highest along the last dimension; of equals the first."""
    order = scores.sort(dim=-1, descending=True, stable=True).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, order[..., :count], True)
