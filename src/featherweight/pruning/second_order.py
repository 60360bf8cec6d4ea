"""Prune layer by layer and move the weights that stay, so that each layer still answers alike.

Optimal Brain Compression (arXiv 2208.11580) and SparseGPT (arXiv 2301.00774): see
`functional.layer_reconstruction`. Layers are taken in the order in which they run, each on the
inputs that the layers already pruned give it. A bias takes up what the mean input loses.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError
from featherweight.functional.layer_reconstruction import damped, prune_rows
from featherweight.functional.saliency import brain_damage_saliency
from featherweight.pruning.choosing import masks_from_scores
from featherweight.pruning.hutchinson import diagonal_by_hutchinson
from featherweight.pruning.layer_inputs import InputMoments, Weighted, in_order, moments
from featherweight.pruning.optimal_brain_damage import diagonal_by_recursion
from featherweight.pruning.target import Calibration, Decision, Request

_IDLE = 1e-10
"""Share of the largest input's energy below which an input counts as constant: rounding."""


def prune_second_order(request: Request, calibration: Calibration) -> Decision:
    """Masks and moved weights (and biases) of all targets.

    Raises:
        InvalidArgumentError: a target is no weight of a linear layer or 2-d convolution.
    """
    if request.is_global:
        request = replace(request, densities=_shared_densities(request, calibration))
    network = copy.deepcopy(request.module)
    layers = {name.removesuffix(".weight"): name for name in request.targets}
    masks: dict[str, Tensor] = {}
    moved: dict[str, Tensor] = {}
    for layer_name in in_order(network, list(layers), calibration.inputs[:1]):
        name = layers[layer_name]
        layer = network.get_submodule(layer_name)
        if not isinstance(layer, nn.Linear | nn.Conv2d):
            raise InvalidArgumentError(
                f"second-order pruning is for linear layers and 2-d convolutions, but {name} "
                f"belongs to a {type(layer).__name__}."
            )
        seen = moments(network, layer, calibration.inputs)
        masks[name] = _prune_layer(layer, seen, request, name)
        moved[name] = layer.weight.detach()
        if layer.bias is not None:
            moved[f"{layer_name}.bias"] = layer.bias.detach()
    return Decision(masks, moved)


def _shared_densities(request: Request, calibration: Calibration) -> dict[str, float]:
    """One budget for all layers. Errors of different layers are of different scales, but Optimal

    Brain Damage's saliencies are all of the network's loss: each layer keeps as many weights as
    it has among the highest of these.
    """
    derivatives = _derivatives(request, calibration)
    scores = {
        name: brain_damage_saliency(request.weight(name).detach(), derivatives[name])
        for name in request.targets
    }
    masks = masks_from_scores(request, scores)
    return {name: float(mask.float().mean()) for name, mask in masks.items()}


def _derivatives(request: Request, calibration: Calibration) -> dict[str, Tensor]:
    try:
        return diagonal_by_recursion(request.module, calibration, with_curvature=False)
    except InvalidArgumentError:  # no recursion for this network
        return diagonal_by_hutchinson(request.module, calibration, seed=request.seed)


def _prune_layer(layer: Weighted, seen: InputMoments, request: Request, name: str) -> Tensor:
    """Prune one layer in place; returns its mask."""
    groups = len(seen.mean)
    matrix = layer.weight.detach().flatten(1)
    alive = request.alive.get(name)
    rows = matrix.chunk(groups)
    before = [None] * groups if alive is None else list(alive.flatten(1).chunk(groups))
    hessians = seen.centred() if layer.bias is not None else seen.outer
    pattern, density = request.targets[name].pattern, request.densities[name]
    parts = [
        prune_rows(_without_idle(part, hessian), damped(hessian), pattern, density, alive=mask)
        for part, hessian, mask in zip(rows, hessians, before, strict=True)
    ]
    weight = torch.cat([part for part, _ in parts])
    mask = torch.cat([part for _, part in parts])
    with torch.no_grad():
        if layer.bias is not None:
            lost = (matrix - weight).double().view(groups, -1, matrix.shape[1])
            layer.bias += (lost @ seen.mean[:, :, None]).flatten().to(weight.dtype)
        layer.weight.copy_(weight.view_as(layer.weight))
    return mask.view_as(layer.weight)


def _without_idle(weight: Tensor, hessian: Tensor) -> Tensor:
    """The weights of inputs that never vary count for nothing: they are the first to go.

    (SparseGPT does the same; damping alone would let a large one look dear.)
    """
    diagonal = hessian.diagonal()
    return weight * (diagonal > _IDLE * diagonal.max()).to(weight.dtype)
