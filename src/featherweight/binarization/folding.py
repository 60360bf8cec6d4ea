"""A batch-norm behind a binary layer becomes its scales and its bias: nothing of it is left.

    norm(K alpha conv + bias) = K (factor alpha) conv + (bias - mean) factor + shift,
    factor = gamma / sqrt(variance + epsilon), gamma and shift the norm's own weight and bias

The signs of the weight stay as they are, where folding into real weights would have to change
them. Computed in float64, rounded once. The folded layer holds its signs as its weight.
"""

import torch
from torch import Tensor, fx, nn

from featherweight.binarization.rewiring import Calls, read_calls
from featherweight.functional.binarize import filter_scales, sign
from featherweight.nn import BinaryLayer, BiRealUnit, Grouped


def fold_norms(network: nn.Module) -> nn.Module:
    """Fold each norm that alone reads a binary layer; the network must be in evaluation.

    A network whose calls depend on its data keeps the norms that are not part of a unit.
    """
    for unit in network.modules():
        if isinstance(unit, BiRealUnit) and isinstance(unit.norm, nn.BatchNorm1d | nn.BatchNorm2d):
            _fold(unit.conv, unit.norm)
            unit.norm = nn.Identity()
    traced = read_calls(network)
    if traced is None:
        return network
    calls = Calls(traced)
    norms: list[fx.Node] = []
    for node in traced.graph.nodes:
        if node.op != "call_module" or len(node.users) != 1:
            continue
        behind = next(iter(node.users))
        layer = calls.layers[str(node.target)]
        is_binary = isinstance(layer, BinaryLayer | Grouped) and bool(_parts(layer))
        if is_binary and calls.is_norm(behind) and _is_called_once(calls, node, behind):
            _fold(layer, calls.layers[str(behind.target)])
            norms.append(behind)
    if not norms:
        return network
    calls.erase(norms)
    return traced.train(network.training)


def _is_called_once(calls: Calls, *nodes: fx.Node) -> bool:
    order = calls.order()
    return all(order.count(str(node.target)) == 1 for node in nodes)


def _parts(layer: nn.Module) -> list[nn.Module]:
    """The binary layers that make up `layer`: itself, or one a group."""
    if isinstance(layer, BinaryLayer):
        return [layer]
    parts = list(layer.children())
    return parts if all(isinstance(part, BinaryLayer) for part in parts) else []


@torch.no_grad()
def _fold(layer: nn.Module, norm: nn.Module) -> None:
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    factor = 1 / torch.sqrt(variance.double() + norm.eps)
    shift = torch.zeros_like(factor)
    if norm.affine:
        factor, shift = norm.weight.double() * factor, norm.bias.double()
    shift = shift - mean.double() * factor
    first = 0
    for part in _parts(layer):
        own = slice(first, first + part.get_parameter("weight").shape[0])
        _fold_part(part, factor[own], shift[own])
        first = own.stop


def _fold_part(layer: nn.Module, factor: Tensor, shift: Tensor) -> None:
    """y * factor + shift becomes the layer's own."""
    assert isinstance(layer, BinaryLayer)
    weight = layer.get_parameter("weight")
    alpha = filter_scales(weight) if layer.alpha is None else layer.alpha
    layer.alpha = (alpha.double() * factor).to(weight.dtype)
    bias = layer.bias
    if isinstance(bias, Tensor):
        shift = shift + bias.double() * factor
    layer.bias = nn.Parameter(shift.to(weight.dtype))
    weight.copy_(sign(weight))
