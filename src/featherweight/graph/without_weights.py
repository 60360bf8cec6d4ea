"""A module's shape without its weights: what counting needs, and all that it needs."""

import copy

import torch
from torch import Tensor, nn


def without_weights(module: nn.Module) -> nn.Module:
    """Return a copy of `module` whose floating-point tensors are on torch's meta device.

    Integers stay as they are: they are indices, and what a graph computes may hang on them. The
    copy takes no memory for weights, and `capture` makes of it the graph that it makes of `module`.
    """
    memo: dict[int, object] = {
        id(tensor): _empty(tensor)
        for tensor in (*module.parameters(), *module.buffers())
        if tensor.is_floating_point()
    }
    return copy.deepcopy(module, memo)


def _empty(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    is_parameter = isinstance(tensor, nn.Parameter)
    return nn.Parameter(empty, tensor.requires_grad) if is_parameter else empty
