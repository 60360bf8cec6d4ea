"""Fresh networks as if they were trained: no layer at zero or one, and so without effect."""

import torch
from torch import nn


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Move vectors and what is all zeros by noise; give batch-norm statistics of random data."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim <= 1 or not parameter.any():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_var is not None:
                layer.running_mean.normal_(0, 0.2, generator=generator)
                layer.running_var.uniform_(0.5, 2, generator=generator)
    return module
