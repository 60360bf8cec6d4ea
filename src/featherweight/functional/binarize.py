"""Weights and inputs of two values, and the scales that go with them.

Rastegari, Ordonez, Redmon & Farhadi 2016, "XNOR-Net", arXiv 1603.05279, sections 3.1 and 3.2. Here
sign(0) = +1, so a pixel of zero padding is +1 (docs/decisions/0008-padding-of-binary-inputs.md).

The sign has no gradient of its own; training takes that of a surrogate with the same ends:

| surrogate | f(x), for |x| <= 1 | f'(x) | source |
|---|---|---|---|
| clip | x | 1 | BinaryNet, arXiv 1602.02830, section 1.3 |
| polynomial | 2 x + x^2 (x < 0), 2 x - x^2 | 2 - 2 |x| | Bi-Real, arXiv 1808.00278, equation 6 |

Beyond, f is -1 or +1 and f' is 0.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Surrogate = Literal["clip", "polynomial"]


class _Sign(torch.autograd.Function):
    """sign, with the gradient of a surrogate."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, surrogate: Surrogate) -> Tensor:
        ctx.save_for_backward(x)
        ctx.surrogate = surrogate
        return torch.where(x < 0, -1.0, 1.0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        if ctx.surrogate == "clip":
            return gradients[0] * (x.abs() <= 1), None
        return gradients[0] * (2 - 2 * x.abs()).clamp_min_(0), None


def sign(x: Tensor, surrogate: Surrogate = "clip") -> Tensor:
    """+1 where x >= 0 (or NaN), else -1, in the shape of `x`; its gradient is the surrogate's."""
    result: Tensor = _Sign.apply(x, surrogate)  # type: ignore[no-untyped-call]
    return result


def smooth_sign(x: Tensor, surrogate: Surrogate = "clip") -> Tensor:
    """The surrogate f(x) itself: what a real network has where a binary one has signs."""
    clipped = F.hardtanh(x)
    if surrogate == "clip":
        return clipped
    magnitude = F.relu(clipped) + F.relu(-clipped)  # A file has no operator for |x|.
    return clipped * (2 - magnitude)


def filter_scales(weight: Tensor) -> Tensor:
    """alpha [out] of a weight [out, ...]: the mean of |W| over each filter.

    With B = sign(W) it is the alpha that makes ||W - alpha B||^2 least (equation 6).
    """
    return weight.abs().flatten(1).mean(1)


def input_scales(
    x: Tensor,
    kernel_size: Sequence[int],
    *,
    stride: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilation: Sequence[int] = (1, 1),
) -> Tensor:
    """K [N, 1, H', W'] of an input [N, C, H, W]: the scale of each output pixel's window.

    K = A * k with A the mean of |x| over the channels and k a box filter of 1 / (h w), moved as the
    convolution's filter is (section 3.2). `pads`: top, left, bottom, right; padding is zero.
    """
    means = F.pad(x.abs().mean(1, keepdim=True), _torch_pads(pads))
    box = torch.ones((1, 1, *kernel_size), dtype=x.dtype, device=x.device)
    sums = F.conv2d(means, box, stride=tuple(stride), dilation=tuple(dilation))
    return sums / (kernel_size[0] * kernel_size[1])


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
    surrogate: Surrogate = "clip",
) -> Tensor:
    """Convolve `x` [N, C, H, W] with the signs of `weight` [out, C, h, w].

    y = conv(sign(x), sign(W)) * K * alpha + bias, or conv(x, sign(W)) * alpha + bias without
    `binary_input`; K is 1 without `scale_map`. The input is padded with zeros before its sign is
    taken. `alpha` [out] is that of `weight` if it is not given. `surrogate`: of the input's sign.
    """
    padded = F.pad(x, _torch_pads(pads))
    source = sign(padded, surrogate) if binary_input else padded
    y = F.conv2d(source, sign(weight), stride=tuple(stride), dilation=tuple(dilation))
    if scale_map:
        y = y * input_scales(x, weight.shape[2:], stride=stride, pads=pads, dilation=dilation)
    y = y * (filter_scales(weight) if alpha is None else alpha)[:, None, None]
    return y if bias is None else y + bias[:, None, None]


def binary_linear(
    x: Tensor,
    weight: Tensor,
    alpha: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    binary_input: bool = True,
    scale_map: bool = False,
    surrogate: Surrogate = "clip",
) -> Tensor:
    """Multiply `x` [N, in] with the signs of `weight` [out, in]: `binary_conv2d` of one pixel.

    K is then the mean of |x| over a sample's features.
    """
    y = F.linear(sign(x, surrogate) if binary_input else x, sign(weight))
    if scale_map:
        y = y * x.abs().mean(1, keepdim=True)
    y = y * (filter_scales(weight) if alpha is None else alpha)
    return y if bias is None else y + bias


def _torch_pads(pads: Sequence[int]) -> tuple[int, int, int, int]:
    top, left, bottom, right = pads
    return left, right, top, bottom
