"""One ordinary layer becomes a binary one, its weights kept as the real weights to train."""

from collections.abc import Iterable
from typing import Any

from torch import nn

from featherweight.binarization.schemes import Scheme
from featherweight.nn import (
    BinaryLayer,
    BinaryWeightConv2d,
    BinaryWeightLinear,
    BiRealUnit,
    Grouped,
    NormedUnit,
    XnorConv2d,
    XnorLinear,
    XnorUnit,
)

MAX_GROUPS = 8
"""Of more groups than this (a depthwise convolution) a layer stays real: it has few weights."""


def can_be_binary(layer: nn.Module) -> bool:
    """Whether there is a binary layer for it: a Linear, or a convolution padded with zeros."""
    if isinstance(layer, BinaryLayer):
        return False
    if isinstance(layer, nn.Linear):
        return True
    return (
        isinstance(layer, nn.Conv2d)
        and layer.groups <= MAX_GROUPS
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
    )


def binary_unit(
    layer: nn.Conv2d | nn.Linear, scheme: Scheme, *, shortcut: bool = False, norm: bool = False
) -> nn.Module:
    """What stands in the place of `layer`: the binary layer in the scheme's unit.

    Args:
        shortcut: for a Bi-Real unit, whether the input is added.
        norm: for a layer that is its own unit, whether a batch-norm comes behind it.
    """
    binary = _grouped(layer, scheme) if _groups(layer) > 1 else _binary(layer, scheme)
    norms = nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d
    inputs, outputs = _channels(layer)
    if scheme.unit == "layer":
        return NormedUnit(binary, norms(outputs)) if norm else binary
    if scheme.unit == "xnor":
        return XnorUnit(binary, norms(inputs))
    return BiRealUnit(
        binary, norms(outputs), inputs, outputs,
        learned_shift=scheme.learned_shift, shortcut=nn.Identity() if shortcut else None,
    )  # fmt: skip


def normed(layer: nn.Conv2d | nn.Linear) -> NormedUnit:
    """The layer as it is, with a batch-norm behind it."""
    norms = nn.BatchNorm2d if isinstance(layer, nn.Conv2d) else nn.BatchNorm1d
    return NormedUnit(layer, norms(_channels(layer)[1]))


def keeps_shape(layer: nn.Module) -> bool:
    """Whether the layer's output has the shape of its input, whatever that is."""
    inputs, outputs = _channels(layer)
    if inputs != outputs or not isinstance(layer, nn.Conv2d):
        return inputs == outputs
    return all(
        stride == 1 and 2 * pad == step * (kernel - 1)
        for stride, pad, step, kernel in zip(
            *map(_pair, (layer.stride, layer.padding, layer.dilation, layer.kernel_size)),
            strict=True,
        )
    )


def is_projection(layer: nn.Module) -> bool:
    """Whether it is a 1x1 convolution with a stride: what fits a shortcut to a smaller map."""
    return (
        isinstance(layer, nn.Conv2d)
        and set(layer.kernel_size) == {1}
        and any(stride > 1 for stride in layer.stride)
    )


def _pair(sizes: Iterable[Any]) -> tuple[int, int]:
    """An attribute of a convolution as two sizes: vertical, horizontal."""
    vertical, horizontal = sizes
    return int(vertical), int(horizontal)


def _channels(layer: nn.Module) -> tuple[int, int]:
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels, layer.out_channels
    assert isinstance(layer, nn.Linear)
    return layer.in_features, layer.out_features


def _groups(layer: nn.Module) -> int:
    return layer.groups if isinstance(layer, nn.Conv2d) else 1


def _grouped(layer: nn.Module, scheme: Scheme) -> Grouped:
    """One layer a group, each with its share of the weight and the bias."""
    assert isinstance(layer, nn.Conv2d)
    parts = []
    for group in range(layer.groups):
        part = nn.Conv2d(
            layer.in_channels // layer.groups, layer.out_channels // layer.groups,
            _pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding),
            _pair(layer.dilation), bias=layer.bias is not None, device=layer.weight.device,
        )  # fmt: skip
        part.weight = nn.Parameter(layer.weight.detach().chunk(layer.groups)[group].clone())
        if layer.bias is not None:
            part.bias = nn.Parameter(layer.bias.detach().chunk(layer.groups)[group].clone())
        parts.append(_binary(part, scheme))
    return Grouped(parts)


def _binary(layer: nn.Module, scheme: Scheme) -> nn.Module:
    # The norm of a Bi-Real unit has a bias already.
    has_bias = layer.bias is not None and scheme.unit != "bi-real"
    options: dict[str, Any] = {}
    if scheme.binary_input:
        options = {"scale_map": scheme.scale_map, "surrogate": scheme.surrogate}
    binary: nn.Conv2d | nn.Linear
    if isinstance(layer, nn.Conv2d):
        conv = XnorConv2d if scheme.binary_input else BinaryWeightConv2d
        binary = conv(
            layer.in_channels, layer.out_channels, _pair(layer.kernel_size), _pair(layer.stride),
            _pair(layer.padding), dilation=_pair(layer.dilation), bias=has_bias, **options,
        )  # fmt: skip
    else:
        assert isinstance(layer, nn.Linear)
        linear = XnorLinear if scheme.binary_input else BinaryWeightLinear
        binary = linear(layer.in_features, layer.out_features, bias=has_bias, **options)
    binary.weight = layer.weight
    if has_bias:
        binary.bias = layer.bias
    return binary
