"""8-bit arithmetic: weights int8 with a scale a row, activations uint8 with one scale, exact sums.

    x ~ scale * (q - zero_point),   q = clamp(round(x / scale) + zero_point), half to even

The reference for `native/kernels/int8`, equal to it bit for bit, and to ONNX's QuantizeLinear and
DynamicQuantizeLinear; docs/integer-arithmetic.md derives the bounds. Jacob et al. 2018, arXiv
1712.05877, is the scheme; Krishnamoorthi 2018, arXiv 1806.08342, the scale a channel.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.functional import uniform
from featherweight.validation import check_range

MOST_WEIGHTS = (2**31 - 1) // (255 * 128)
"""Weights of one output: with more, a sum might not fit int32."""


@dataclass(frozen=True)
class Quantization:
    """What the bytes of a tensor mean: x ~ scale * (q - zero_point), 0 <= q <= top."""

    scale: float
    zero_point: int = 0
    top: int = 255


def quantization_of(low: float, high: float, num_bits: int = 8) -> Quantization:
    """The quantization of values in [low, high], stretched to hold 0, which is then exact.

    Raises:
        InvalidArgumentError: not 7 or 8 bits, or a range that is not finite.
    """
    top = 2 ** int(check_range("num_bits", num_bits, 7, 8)) - 1
    bounds = torch.tensor([min(low, 0.0), max(high, 0.0)], dtype=torch.float32)
    if not bool(torch.isfinite(bounds).all()):
        raise InvalidArgumentError(f"a range must be finite, but got [{low}, {high}].")
    scale = (bounds[1] - bounds[0]) / top
    if scale <= 0:
        return Quantization(1.0, 0, top)
    zero_point = torch.round(torch.clamp(-bounds[0] / scale, max=top))
    return Quantization(float(scale), int(zero_point), top)


def quantize(x: Tensor, quantization: Quantization) -> Tensor:
    """uint8 of the shape of `x` (float32)."""
    steps = torch.round(x / torch.tensor(quantization.scale, dtype=torch.float32))
    low, high = -quantization.zero_point, quantization.top - quantization.zero_point
    steps = torch.nan_to_num(steps, nan=low, posinf=high, neginf=low).clamp(low, high)
    return (steps + quantization.zero_point).to(torch.uint8)


def dequantize(q: Tensor, quantization: Quantization) -> Tensor:
    """float32: scale * (q - zero_point)."""
    scale = torch.tensor(quantization.scale, dtype=torch.float32)
    return (q.to(torch.int32) - quantization.zero_point).to(torch.float32) * scale


def quantize_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric: int8 in [-127, 127] of the shape of `weight` [rows, ...], and scale [rows]."""
    rows = uniform.as_rows(weight.detach(), "channel")
    grid = uniform.symmetric_grid(rows, 8)
    return uniform.quantize(rows, grid).to(torch.int8).reshape(weight.shape), grid.scale


def linear_sums(q: Tensor, zero_point: int, weight: Tensor) -> Tensor:
    """int32 [batch, rows] of `q` uint8 [batch, K] and `weight` int8 [rows, K]: exact.

    Raises:
        InvalidArgumentError: K above `MOST_WEIGHTS`.
    """
    _check_weights(weight)
    # Whole numbers below 2^53 are exact in float64, and so are their sums in any order.
    centred = q.to(torch.float64) - zero_point
    return (centred @ weight.to(torch.float64).T).to(torch.int32)


def conv2d_sums(
    q: Tensor,
    zero_point: int,
    weight: Tensor,
    *,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> Tensor:
    """int32 [batch, rows, height, width]; `weight` int8 [rows, channels / groups, kh, kw]: exact.

    Padding is real 0, that is `zero_point`.

    Raises:
        InvalidArgumentError: more than `MOST_WEIGHTS` weights a row.
    """
    _check_weights(weight)
    centred = q.to(torch.float64) - zero_point
    factor = weight.to(torch.float64)
    return F.conv2d(centred, factor, None, stride, padding, dilation, groups).to(torch.int32)


def dequantize_sums(
    sums: Tensor, x_scale: float, weight_scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    """float32(sum) * (weight_scale * x_scale) + bias; channels are dimension 1."""
    shape = [-1] + [1] * (sums.ndim - 2)
    factor = weight_scale * torch.tensor(x_scale, dtype=torch.float32)
    y = sums.to(torch.float32) * factor.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def _check_weights(weight: Tensor) -> None:
    count = weight[0].numel()
    if count > MOST_WEIGHTS:
        raise InvalidArgumentError(
            f"a row of 8-bit weights must have at most {MOST_WEIGHTS}, but got {count}."
        )
