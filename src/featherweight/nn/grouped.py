"""A grouped layer as one layer a group: for layers that know no groups, as the binary ones."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Grouped(nn.ModuleList):
    """Splits the channels of x [N, C, ...] evenly, gives each layer its part, and joins them."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__(layers)

    def forward(self, x: Tensor) -> Tensor:
        parts = x.chunk(len(self), dim=1)
        return torch.cat([layer(part) for layer, part in zip(self, parts, strict=True)], dim=1)
