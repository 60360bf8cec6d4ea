"""Regularisers that take whole neurons to zero, and the steps that minimise them.

The penalty of a weight matrix w [out, in] is the sum of the Euclidean norms of its groups: the rows
(the incoming connections of each neuron, `li` of DropNeuron) or the columns (the outgoing ones,
`lo`); Pan, Dong & Guo 2016, "DropNeuron", arXiv 1606.07326. A norm has no derivative at zero, and a
gradient step walks past zero again and again. The proximal step does not: after the gradient step
on the loss alone it solves

    min_v  |v - w|^2 / 2 + amount * |v|

for each group in closed form: v = w (1 - amount / |w|) where |w| > amount, and exactly 0 elsewhere
(Yuan & Lin 2006). With an L1 penalty beside it, the sparse-group lasso, each weight is first
soft-thresholded, then each group shrunk: the exact step of the sum (Simon et al. 2013).
"""

from typing import Literal

import torch
from torch import Tensor

Direction = Literal["incoming", "outgoing"]


def group_norms(weight: Tensor, direction: Direction) -> Tensor:
    """Return the norm of each neuron's connections.

    Args:
        weight: [out, in, ...]; the dimensions after the second (a filter's) are in the group.
        direction: ``"incoming"`` gives [out], ``"outgoing"`` [in].
    """
    axis = 0 if direction == "incoming" else 1
    norms: Tensor = torch.linalg.vector_norm(weight.movedim(axis, 0).flatten(1), dim=1)
    return norms


def group_penalty(weight: Tensor, direction: Direction) -> Tensor:
    """Return the sum of the groups' norms, a number."""
    return group_norms(weight, direction).sum()


def group_subgradient(weight: Tensor, direction: Direction) -> Tensor:
    """Return w / |w| for each group, and 0, the smallest subgradient, where a group is zero."""
    norms = _along(group_norms(weight, direction), weight, direction)
    return weight / norms.where(norms > 0, norms.new_ones(()))


def shrink_groups(weight: Tensor, direction: Direction, amount: float) -> Tensor:
    """Return the proximal step: each group shorter by `amount`, or exactly zero."""
    norms = _along(group_norms(weight, direction), weight, direction)
    factor = (1 - amount / norms.where(norms > 0, norms.new_ones(()))).clamp(min=0)
    return weight * factor


def soft_threshold(weight: Tensor, amount: float) -> Tensor:
    """Return the proximal step of the L1 penalty: each weight nearer to zero by `amount`."""
    return weight.sign() * (weight.abs() - amount).clamp(min=0)


def sparse_group_step(
    weight: Tensor, direction: Direction, group_amount: float, l1_amount: float
) -> Tensor:
    """Return the proximal step of the sparse-group lasso."""
    return shrink_groups(soft_threshold(weight, l1_amount), direction, group_amount)


def _along(norms: Tensor, weight: Tensor, direction: Direction) -> Tensor:
    shape = [1] * weight.ndim
    shape[0 if direction == "incoming" else 1] = -1
    return norms.reshape(shape)
