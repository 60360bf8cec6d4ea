"""The binary layers as operators of torch, so that `torch.export` sees one node a layer.

Anywhere else they are the functions of `functional.binarize`, with their gradients.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from featherweight.functional import binarize


@torch.library.custom_op("featherweight::binary_conv2d", mutates_args=())
def _conv2d(
    x: Tensor, weight: Tensor, alpha: Tensor | None, bias: Tensor | None, *,
    stride: Sequence[int], pads: Sequence[int], dilation: Sequence[int], binary_input: int,
    scale_map: int,
) -> Tensor:  # fmt: skip
    return binarize.binary_conv2d(
        x, weight, alpha, bias, stride=stride, pads=pads, dilation=dilation,
        binary_input=bool(binary_input), scale_map=bool(scale_map),
    )  # fmt: skip


@torch.library.custom_op("featherweight::binary_linear", mutates_args=())
def _linear(
    x: Tensor, weight: Tensor, alpha: Tensor | None, bias: Tensor | None, *,
    binary_input: int, scale_map: int,
) -> Tensor:  # fmt: skip
    return binarize.binary_linear(
        x, weight, alpha, bias, binary_input=bool(binary_input), scale_map=bool(scale_map)
    )


# Of a tensor without data, the same code gives the shape of the result.
_conv2d.register_fake(_conv2d._init_fn)
_linear.register_fake(_linear._init_fn)


def binary_conv2d(
    x: Tensor,
    weight: Tensor,
    alpha: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    stride: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilation: Sequence[int] = (1, 1),
    binary_input: bool = True,
    scale_map: bool = False,
    surrogate: binarize.Surrogate = "clip",
) -> Tensor:
    """`binarize.binary_conv2d`; one node where `torch.export` looks on."""
    if torch.compiler.is_exporting():
        result: Tensor = _conv2d(
            x, weight, alpha, bias, stride=list(stride), pads=list(pads), dilation=list(dilation),
            binary_input=int(binary_input), scale_map=int(scale_map),
        )  # fmt: skip
        return result
    return binarize.binary_conv2d(
        x, weight, alpha, bias, stride=stride, pads=pads, dilation=dilation,
        binary_input=binary_input, scale_map=scale_map, surrogate=surrogate,
    )  # fmt: skip


def binary_linear(
    x: Tensor,
    weight: Tensor,
    alpha: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    binary_input: bool = True,
    scale_map: bool = False,
    surrogate: binarize.Surrogate = "clip",
) -> Tensor:
    """`binarize.binary_linear`; one node where `torch.export` looks on."""
    if torch.compiler.is_exporting():
        result: Tensor = _linear(
            x, weight, alpha, bias, binary_input=int(binary_input), scale_map=int(scale_map)
        )
        return result
    return binarize.binary_linear(
        x, weight, alpha, bias, binary_input=binary_input, scale_map=scale_map, surrogate=surrogate
    )
