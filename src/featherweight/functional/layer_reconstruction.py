"""Optimal Brain Surgeon on one layer: remove weights, and move the others to make up for it.

The layer's own error ||W X - W' X||^2 over calibration inputs X [columns, samples] is quadratic, so
that H = X X^T is its exact second derivative (but for a factor of two) and the same for each row.
Removing weight q of a row costs w_q^2 / [H^-1]_qq and moves the row by
-w_q / [H^-1]_qq * H^-1[:, q] (Hassibi & Stork 1993).

Frantar & Alistarh 2022, "Optimal Brain Compression", arXiv 2208.11580 (layer by layer, by blocks);
Frantar & Alistarh 2023, "SparseGPT", arXiv 2301.00774 (`sweep`: all rows share one order of
columns, hence one factorisation). What we add: `reconstruct` moves the weights that a mask keeps
to the exact minimum, and `prune_rows` alternates it with the choice of what to remove next.
"""

import math

import torch
from torch import Tensor

from featherweight.functional.sparsity_pattern import SparsityPattern


def damped(hessian: Tensor, damping: float = 0.01) -> Tensor:
    """H + damping * mean(diag H) * I in float64: an input that never varies stays solvable.

    Args:
        hessian: [columns, columns], symmetric, positive semi-definite.
    """
    hessian = hessian.double()
    scale = hessian.diagonal().mean().clamp_min(1e-12)
    identity = torch.eye(len(hessian), dtype=hessian.dtype, device=hessian.device)
    return hessian + damping * scale * identity


def removal_cost(weight: Tensor, inverse_diagonal: Tensor) -> Tensor:
    """w^2 / [H^-1]_qq: by how much the layer's error grows if the others are then moved."""
    return weight.square() / inverse_diagonal


def block_removal_cost(row: Tensor, inverse: Tensor, size: int) -> Tensor:
    """w_P' ([H^-1]_PP)^-1 w_P for each P of `size` neighbouring columns, in equal shares.

    Args:
        row: [columns]; the last block is smaller where `size` does not divide them.
        inverse: H^-1, [columns, columns].
    """
    result = torch.empty_like(row)
    for start in range(0, len(row), size):
        block = slice(start, min(start + size, len(row)))
        weights = row[block]
        cost = weights @ torch.linalg.solve(inverse[block, block], weights)
        result[block] = cost / len(weights)
    return result


def sweep(
    weight: Tensor,
    hessian: Tensor,
    pattern: SparsityPattern,
    density: float,
    *,
    alive: Tensor | None = None,
    block: int = 128,
) -> tuple[Tensor, Tensor]:
    """Go through the columns once; what is removed is made up for by the columns to its right.

    Args:
        weight: [rows, columns].
        hessian: [columns, columns], positive definite (see `damped`).
        alive: bool [rows, columns], inside of which the mask must stay.
        block: columns whose mask is chosen together; rounded up to the pattern's group.

    Returns:
        the new weight, and the mask of what is kept, both [rows, columns].
    """
    upper = torch.linalg.cholesky(torch.linalg.inv(hessian), upper=True)
    group = pattern.of_each[1] if pattern.of_each else pattern.block[1] if pattern.block else 1
    block = -(-block // group) * group
    left = weight.double().clone()
    alive = torch.ones_like(weight, dtype=torch.bool) if alive is None else alive
    mask = alive.clone()
    for start in range(0, weight.shape[1], block):
        end = min(start + block, weight.shape[1])
        cost = removal_cost(left[:, start:end], upper.diagonal()[start:end].square())
        now = alive[:, start:end]
        mask[:, start:end] = now & pattern.mask(cost.masked_fill(~now, -1.0), density)
        errors = torch.zeros_like(left[:, start:end])
        for column in range(start, end):
            removed = torch.where(mask[:, column], 0.0, left[:, column])
            error = removed / upper[column, column]
            left[:, column:end] -= torch.outer(error, upper[column, column:end])
            errors[:, column - start] = error
        left[:, end:] -= errors @ upper[start:end, end:]
    return (left * mask).to(weight.dtype), mask


def reconstruct(weight: Tensor, hessian: Tensor, mask: Tensor) -> Tensor:
    """Move the kept weights of each row to where the layer's error is least, the others being zero.

    With S the kept columns of a row w: H_SS w'_S = (H w)_S.

    Args:
        weight: [rows, columns], before anything was removed.
        hessian: [columns, columns], positive definite.
        mask: bool [rows, columns].
    """
    if bool(mask.all()):
        return weight.clone()
    wanted = weight.double() @ hessian
    result = torch.zeros_like(weight, dtype=torch.float64)
    for row, kept in enumerate(mask):
        chosen = kept.nonzero().flatten()
        if len(chosen):
            factor = torch.linalg.cholesky(hessian[chosen][:, chosen])
            solved = torch.cholesky_solve(wanted[row, chosen, None], factor)
            result[row, chosen] = solved.flatten()
    return result.to(weight.dtype)


def prune_rows(
    weight: Tensor,
    hessian: Tensor,
    pattern: SparsityPattern,
    density: float,
    *,
    alive: Tensor | None = None,
    exact_below: int = 1024,
    ratio: float = 0.6,
) -> tuple[Tensor, Tensor]:
    """Prune to `density`: `sweep` while many are left, then few at a time with exact costs.

    Args:
        alive: bool [rows, columns], inside of which the mask must stay.
        exact_below: weights a row from which on each row's own H_SS is inverted; its cost grows
            with the cube.
        ratio: what a step of the exact part leaves of what was there, at least.

    Returns:
        the new weight, and the mask of what is kept, both [rows, columns].
    """
    mask = torch.ones_like(weight, dtype=torch.bool) if alive is None else alive
    start = float(mask.float().mean())
    if start * weight.shape[1] > exact_below:
        middle = exact_below / weight.shape[1]
        swept, mask = sweep(weight, hessian, pattern, max(density, middle), alive=mask)
        if density >= middle:
            return swept, mask
        start = middle
    steps = max(1, math.ceil(math.log(min(1.0, density / start)) / math.log(ratio)))
    for step in range(1, steps + 1):
        cost = _costs(weight, hessian, mask, pattern.block[1] if pattern.block else 1)
        left = start * (density / start) ** (step / steps)
        mask = mask & pattern.mask(cost.masked_fill(~mask, -1.0), left)
    return reconstruct(weight, hessian, mask), mask


def _costs(weight: Tensor, hessian: Tensor, mask: Tensor, together: int) -> Tensor:
    """What removing each kept weight costs its row, [rows, columns]; zero where none is kept.

    Each row is first moved to its best values under `mask`. Weights of `together` neighbouring
    columns go at once: each has its share of w_P' ([(H_SS)^-1]_PP)^-1 w_P, P the block and S what
    its row keeps.
    """
    whole = torch.linalg.inv(hessian) if bool(mask.all()) else None
    wanted = weight.double() @ hessian
    result = torch.zeros_like(wanted)
    for row, kept in enumerate(mask):
        inverse = _inverse(hessian, kept) if whole is None else whole
        moved = inverse @ (wanted[row] * kept)
        if together == 1:
            result[row] = removal_cost(moved, inverse.diagonal())
        else:
            result[row] = block_removal_cost(moved, inverse, together)
    return result


def _inverse(hessian: Tensor, kept: Tensor) -> Tensor:
    """(H_SS)^-1 in its place among all columns, the identity elsewhere."""
    result = torch.eye(len(kept), dtype=hessian.dtype)
    chosen = kept.nonzero().flatten()
    if len(chosen):
        factor = torch.linalg.cholesky(hessian[chosen][:, chosen])
        result[chosen[:, None], chosen] = torch.cholesky_inverse(factor)
    return result
