"""Convolution, pooling, padding and normalization of ONNX, as torch functions (see `operators`).

Activations are [batch, channels, d1, ..., dn]. ONNX gives padding as (begin1, ..., beginn, end1,
..., endn); torch's functions take one number a dimension, so padding that differs between begin
and end is done before.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from featherweight.errors import UnsupportedOperatorError

Ints = Sequence[int]
_CONVOLUTIONS: tuple[Callable[..., Tensor], ...] = (F.conv1d, F.conv2d, F.conv3d)
_TRANSPOSED: tuple[Callable[..., Tensor], ...] = (
    F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d,
)  # fmt: skip
_MAX_POOLS: tuple[Callable[..., Any], ...] = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
_AVERAGE_POOLS: tuple[Callable[..., Tensor], ...] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _of_rank(functions: Sequence[Callable[..., Any]], rank: int, name: str) -> Callable[..., Any]:
    if not 1 <= rank <= 3:
        raise UnsupportedOperatorError(f"{name} over {rank} dimensions is outside the subset.")
    return functions[rank - 1]


def symmetric_padding(pads: Ints, rank: int) -> tuple[int, ...] | None:
    """Return one padding a dimension, or None if begin and end differ."""
    pads = tuple(pads) or (0,) * (2 * rank)
    return tuple(pads[:rank]) if tuple(pads[:rank]) == tuple(pads[rank:]) else None


def pad_spatial(x: Tensor, pads: Ints, value: float = 0.0) -> Tensor:
    """Pad the last dimensions of `x`; `pads` in the order of ONNX."""
    rank = len(pads) // 2
    pairs = [p for axis in reversed(range(rank)) for p in (pads[axis], pads[rank + axis])]
    return F.pad(x, pairs, value=value)


def conv(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, strides: Ints = (), pads: Ints = (),
    dilations: Ints = (), group: int = 1, kernel_shape: Ints = (),
) -> Tensor:  # fmt: skip
    """Convolution; `weight` [out_channels, in_channels / group, k1, ..., kn]."""
    rank = weight.ndim - 2
    padding = symmetric_padding(pads, rank)
    if padding is None:
        x, padding = pad_spatial(x, pads), (0,) * rank
    function = _of_rank(_CONVOLUTIONS, rank, "Conv")
    return function(  # type: ignore[no-any-return]
        x, weight, bias, tuple(strides) or 1, padding, tuple(dilations) or 1, group
    )


def conv_transpose(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, *, strides: Ints = (), pads: Ints = (),
    dilations: Ints = (), group: int = 1, kernel_shape: Ints = (), output_padding: Ints = (),
) -> Tensor:  # fmt: skip
    """Transposed convolution; `weight` [in_channels, out_channels / group, k1, ..., kn]."""
    rank = weight.ndim - 2
    padding = symmetric_padding(pads, rank)
    if padding is None:
        raise UnsupportedOperatorError("ConvTranspose with uneven padding is outside the subset.")
    function = _of_rank(_TRANSPOSED, rank, "ConvTranspose")
    return function(  # type: ignore[no-any-return]
        x, weight, bias, tuple(strides) or 1, padding, tuple(output_padding) or 0, group,
        tuple(dilations) or 1,
    )  # fmt: skip


def max_pool(
    x: Tensor, *, kernel_shape: Ints, strides: Ints = (), pads: Ints = (), dilations: Ints = (),
    ceil_mode: int = 0, storage_order: int = 0,
) -> Tensor:  # fmt: skip
    """Largest value of each window; a stride that is not given is 1."""
    rank = len(kernel_shape)
    padding = symmetric_padding(pads, rank)
    if padding is None:
        x, padding = pad_spatial(x, pads, float("-inf")), (0,) * rank
    function = _of_rank(_MAX_POOLS, rank, "MaxPool")
    return function(  # type: ignore[no-any-return]
        x, tuple(kernel_shape), tuple(strides) or (1,) * rank, padding,
        tuple(dilations) or (1,) * rank, bool(ceil_mode),
    )  # fmt: skip


def average_pool(
    x: Tensor, *, kernel_shape: Ints, strides: Ints = (), pads: Ints = (), ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> Tensor:  # fmt: skip
    """Mean of each window; padding counts only with `count_include_pad`."""
    rank = len(kernel_shape)
    padding = symmetric_padding(pads, rank)
    if padding is None:
        raise UnsupportedOperatorError("AveragePool with uneven padding is outside the subset.")
    function = _of_rank(_AVERAGE_POOLS, rank, "AveragePool")
    return function(  # type: ignore[no-any-return]
        x, tuple(kernel_shape), tuple(strides) or (1,) * rank, padding, bool(ceil_mode),
        bool(count_include_pad),
    )  # fmt: skip


def global_average_pool(x: Tensor) -> Tensor:
    """Mean over all but batch and channels, whose dimensions stay as 1."""
    return x.mean(tuple(range(2, x.ndim)), keepdim=True)


def global_max_pool(x: Tensor) -> Tensor:
    """Maximum over all but batch and channels, whose dimensions stay as 1."""
    return x.amax(tuple(range(2, x.ndim)), keepdim=True)


def batch_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, *,
    epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0,
) -> Tensor:  # fmt: skip
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, per channel, with stored statistics."""
    if training_mode:
        raise UnsupportedOperatorError("BatchNormalization in training mode is outside the subset.")
    if mean.requires_grad or variance.requires_grad:
        # Computed by the network itself (standardised weights): torch's own gives them no gradient.
        along = (1, -1, *(1,) * (x.ndim - 2))
        factor = scale * torch.rsqrt(variance + epsilon)
        return x * factor.reshape(along) + (bias - mean * factor).reshape(along)
    return F.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def layer_normalization(
    x: Tensor, scale: Tensor, bias: Tensor | None = None, *, axis: int = -1,
    epsilon: float = 1e-5, stash_type: int = 1,
) -> Tensor:  # fmt: skip
    """Normalize over the dimensions from `axis` on, then scale and shift element by element."""
    return F.layer_norm(x, list(x.shape[axis:]), scale, bias, epsilon)


def instance_normalization(
    x: Tensor, scale: Tensor, bias: Tensor, *, epsilon: float = 1e-5
) -> Tensor:
    """Normalize each channel of each sample by its own mean and variance, then scale and shift."""
    return F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


def local_response_normalization(
    x: Tensor, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Tensor:
    """x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta."""
    if size % 2 == 0:  # torch and ONNX place an even window one channel apart
        raise UnsupportedOperatorError(f"LRN of an even size, {size}, is outside the subset.")
    return F.local_response_norm(x, size, alpha, beta, bias)


def pad(
    x: Tensor, pads: Ints, value: float | None = None, axes: Ints | None = None, *,
    mode: str = "constant",
) -> Tensor:  # fmt: skip
    """`x` with more (or, where negative, fewer) elements around it."""
    if mode not in _PAD_MODES:
        raise UnsupportedOperatorError(f"Pad of mode {mode!r} is outside the subset.")
    half = len(pads) // 2
    amounts = [(0, 0)] * x.ndim
    for i, axis in enumerate(range(x.ndim) if axes is None else axes):
        amounts[axis] = (pads[i], pads[half + i])
    if mode != "constant":
        if x.ndim < 3 or any(amounts[0] + amounts[1]):
            raise UnsupportedOperatorError(f"Pad of mode {mode!r} is for the spatial dimensions.")
        amounts = amounts[2:]
    pairs = [amount for begin_end in reversed(amounts) for amount in begin_end]
    fill = 0.0 if value is None or mode != "constant" else value
    return F.pad(x, pairs, _PAD_MODES[mode], fill)
