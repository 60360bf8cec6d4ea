"""An independent count of parameters and multiply-adds: forward hooks on torch's meta device.

One MAC is one multiply and one add. Convolution and Linear only, biases free of charge; nothing is
computed, so VGG-16 costs no memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Count:
    """One layer's share; batch-norm has parameters and no MACs."""

    name: str
    layer: nn.Module
    params: int
    macs: int


def count(module: nn.Module, input_shape: tuple[int, ...]) -> list[Count]:
    """Count every leaf layer with parameters, by name, for one picture [C, H, W]."""
    macs: dict[nn.Module, int] = {}
    with _hooks(module, macs):
        module.eval()(torch.zeros(1, *input_shape, device="meta"))
    counts = []
    for name, layer in module.named_modules():
        own = sum(parameter.numel() for parameter in layer.parameters(recurse=False))
        if own:
            counts.append(Count(name, layer, own, macs.get(layer, 0)))
    return counts


@contextmanager
def _hooks(module: nn.Module, macs: dict[nn.Module, int]) -> Iterator[None]:
    def add(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        weight = layer.weight
        positions = output[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        macs[layer] = macs.get(layer, 0) + weight.numel() * positions

    handles = [
        layer.register_forward_hook(add)
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
