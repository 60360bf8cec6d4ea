"""Hutchinson's estimate of diagonal second derivatives: for networks that no recursion follows."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from featherweight.pruning.layer_inputs import evaluating
from featherweight.pruning.target import Calibration


def diagonal_by_hutchinson(
    module: nn.Module, calibration: Calibration, *, probes: int = 16, seed: int = 0
) -> dict[str, Tensor]:
    """d^2 E / d w^2 of any network's weights, estimated: the mean of z * (H z), z random signs.

    Hutchinson 1990, as Yao et al. 2021 use it ("AdaHessian", arXiv 2006.00719). Unlike the
    recursion it drops no off-diagonal term; it is unbiased, noisy, and may be negative.
    """
    named = {
        f"{name}.weight": layer.get_parameter("weight")
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
    }
    weights = list(named.values())
    with evaluating(module):
        loss = functional.cross_entropy(module(calibration.inputs), calibration.labels)
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    generator = torch.Generator().manual_seed(seed)
    sums = [torch.zeros_like(weight) for weight in weights]
    for _ in range(probes):
        signs = [
            (torch.randint(0, 2, w.shape, generator=generator) * 2.0 - 1.0).to(w) for w in weights
        ]
        products = torch.autograd.grad(gradients, weights, signs, retain_graph=True)
        for total, sign, product in zip(sums, signs, products, strict=True):
            total.addcmul_(sign, product)
    return {name: total / probes for name, total in zip(named, sums, strict=True)}
