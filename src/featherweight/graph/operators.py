"""ONNX operators as torch functions: one table, read by `rebuild` and by `simplify`.

`OPERATORS[name].run(*inputs, **attributes)` computes the operator as the ONNX standard defines it
(https://onnx.ai/onnx/operators/, operator set 20), with the torch function that the exporter
lowered to it, so that a rebuilt network gives the bits of the original. A missing optional input
is None; attributes have ONNX's names and defaults. Convolution, pooling and normalization are in
`spatial_operators`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from featherweight.errors import UnsupportedOperatorError
from featherweight.graph import spatial_operators as spatial
from featherweight.nn.binary_operators import binary_conv2d, binary_linear

Ints = Sequence[int]
_FAR = 2**62


@dataclass(frozen=True)
class Operator:
    """How torch computes one ONNX operator.

    `static` are the inputs that `run` reads as Python numbers (shapes, axes, bounds): in a stored
    graph they are constants. An input in `static_scalar` is read so only if it has no dimension.
    """

    run: Callable[..., Any]
    static: tuple[int, ...] = ()
    static_scalar: tuple[int, ...] = ()

    def is_static(self, index: int, rank: int) -> bool:
        """Return whether input `index`, a constant of this rank, is read as Python numbers."""
        return index in self.static or (index in self.static_scalar and rank == 0)


def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, *, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,  # noqa: N803
) -> Tensor:  # fmt: skip
    """alpha * a' @ b' + beta * c; `a` [M, K], `b` [K, N], or transposed."""
    a = a.T if transA else a
    is_bias = c is None or c.shape == b.shape[:1]
    if transB and alpha == 1.0 and beta == 1.0 and is_bias:
        return F.linear(a, b, c)
    b = b.T if transB else b
    if c is None:
        return alpha * (a @ b)
    return torch.addmm(c, a, b, beta=beta, alpha=alpha)


def reshape(x: Tensor, shape: Ints, *, allowzero: int = 0) -> Tensor:
    """`x` in another shape; 0 keeps a dimension (unless `allowzero`), -1 is what is left over."""
    if not allowzero:
        shape = [x.shape[i] if size == 0 else size for i, size in enumerate(shape)]
    return x.reshape(list(shape))


def flatten(x: Tensor, *, axis: int = 1) -> Tensor:
    """`x` as a matrix: the dimensions before `axis` by the others."""
    axis = axis % x.ndim if x.ndim else 0
    return x.flatten(1) if axis == 1 else x.reshape(int(x.shape[:axis].numel()), -1)


def expand(x: Tensor, shape: Ints) -> Tensor:
    """`x` broadcast against `shape`: a 1 in `shape` keeps the size of `x`."""
    sizes = [1] * (len(shape) - x.ndim) + list(x.shape)
    target = [1] * (len(sizes) - len(shape)) + list(shape)
    return x.expand([a if b == 1 else b for a, b in zip(sizes, target, strict=True)])


def squeeze(x: Tensor, axes: Ints | None = None) -> Tensor:
    """`x` without the dimensions `axes` of size 1 (all of them if not given)."""
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def unsqueeze(x: Tensor, axes: Ints) -> Tensor:
    """`x` with dimensions of size 1 put in at `axes` of the result."""
    rank = x.ndim + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def transpose(x: Tensor, *, perm: Ints = ()) -> Tensor:
    """`x` with its dimensions in the order `perm` (reversed if not given)."""
    return x.permute(tuple(perm) or tuple(reversed(range(x.ndim))))


def slice_(
    x: Tensor, starts: Ints, ends: Ints, axes: Ints | None = None, steps: Ints | None = None
) -> Tensor:
    """`x[start:end:step]` along each of `axes`; steps are positive."""
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if any(step < 1 for step in steps):
        raise UnsupportedOperatorError(f"Slice needs positive steps, but got {list(steps)}.")
    ranges = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # ONNX writes "as far as there is" as the smallest or largest int64.
        ranges[axis] = slice(max(start, -_FAR), min(end, _FAR), step)
    return x[tuple(ranges)]


def split(
    x: Tensor, sizes: Ints | None = None, *, axis: int = 0, num_outputs: int = 0
) -> tuple[Tensor, ...]:
    """`x` cut along `axis` into pieces of these sizes, or into `num_outputs` equal ones."""
    if sizes is None:
        sizes_or_size: Any = -(-x.shape[axis] // num_outputs)
    else:
        sizes_or_size = list(sizes)
    return torch.split(x, sizes_or_size, dim=axis)


def gather(x: Tensor, indices: Tensor | int, *, axis: int = 0) -> Tensor:
    """Slices of `x` along `axis`; the dimensions of `indices` take the place of `axis`."""
    if isinstance(indices, int):
        return x.select(axis, indices)
    return x[(slice(None),) * (axis % x.ndim) + (indices,)]


def clip(x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    """`x` limited to [low, high]."""
    return x if low is None and high is None else torch.clamp(x, low, high)


def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    """max(0, min(1, alpha * x + beta))."""
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return F.hardsigmoid(x)
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


def _reduction(function: Callable[[Tensor, tuple[int, ...], bool], Tensor]) -> Operator:
    """A reduction over `axes`; over all of them if none is given (or none, as the flag says)."""

    def reduce(
        x: Tensor, axes: Ints | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0
    ) -> Tensor:
        if not axes and noop_with_empty_axes:
            return x
        return function(x, tuple(axes or range(x.ndim)), bool(keepdims))

    return Operator(reduce, static=(1,))


def _norm(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, 2, axes, keepdims)
    return norm


def concat(*tensors: Tensor, axis: int) -> Tensor:
    """The tensors one after the other along `axis`."""
    return torch.cat(tensors, axis)


def cast(x: Tensor, *, to: int, saturate: int = 1) -> Tensor:
    """`x` in another element type, by ONNX's number for it."""
    if to not in ONNX_DTYPES:
        raise UnsupportedOperatorError(f"Cast to ONNX element type {to} is outside the subset.")
    return x.to(ONNX_DTYPES[to])


def quantize_linear(
    x: Tensor, scale: Tensor, zero_point: Tensor | None = None, *, axis: int = 1
) -> Tensor:
    """round(x / scale) + zero_point, half to even, limited to the zero point's type (else uint8).

    `scale` and `zero_point` have no dimension, or one number for each index of `axis`.
    """
    if zero_point is None:
        zero_point = torch.zeros_like(scale, dtype=torch.uint8)
    if zero_point.dtype not in (torch.uint8, torch.int8):
        raise UnsupportedOperatorError(
            f"QuantizeLinear to {zero_point.dtype} is outside the subset."
        )
    ends = torch.iinfo(zero_point.dtype)
    whole = torch.round(x / _along(axis, scale, x)) + _along(axis, zero_point, x)
    return torch.nan_to_num(whole, nan=ends.min).clamp(ends.min, ends.max).to(zero_point.dtype)


def dequantize_linear(
    x: Tensor, scale: Tensor, zero_point: Tensor | None = None, *, axis: int = 1
) -> Tensor:
    """(x - zero_point) * scale, in float32; `scale` and `zero_point` as in `quantize_linear`."""
    whole = x.to(torch.int32)
    if zero_point is not None:
        whole = whole - _along(axis, zero_point, x).to(torch.int32)
    return whole.to(scale.dtype) * _along(axis, scale, x)


def _along(axis: int, numbers: Tensor, x: Tensor) -> Tensor:
    if numbers.ndim == 0:
        return numbers
    if numbers.ndim > 1:
        raise UnsupportedOperatorError("quantization in blocks is outside the subset.")
    shape = [1] * x.ndim
    shape[axis] = -1
    return numbers.reshape(shape)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """`x` where positive, else `slope * x`; `slope` [C, 1, ...] or [1] as torch exports it."""
    channel_axis = slope.ndim - x.ndim + 1
    if slope.numel() == 1 or (channel_axis >= 0 and slope.numel() == slope.shape[channel_axis]):
        return F.prelu(x, slope.reshape(-1))
    return torch.where(x >= 0, x, x * slope)


def shape_of(x: Tensor, *, start: int = 0, end: int | None = None) -> tuple[int, ...]:
    """The sizes of `x`, `start` to `end`. The one value of a graph that is not a tensor in torch:

    a tuple stays symbolic when a rebuilt network is captured again.
    """
    return tuple(x.shape[start:end])


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x))."""
    return F.softplus(x)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """`x` where positive, else alpha * (exp(x) - 1)."""
    return F.elu(x, alpha)


def leaky_relu(x: Tensor, *, alpha: float = 0.01) -> Tensor:
    """`x` where positive, else alpha * x."""
    return F.leaky_relu(x, alpha)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    """x * Phi(x), Phi the normal distribution (arXiv 1606.08415), or its tanh approximation."""
    return F.gelu(x, approximate=approximate)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """exp(x) / sum of exp(x) along `axis`."""
    return torch.softmax(x, axis)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """log(softmax(x)) along `axis`."""
    return torch.log_softmax(x, axis)


def identity(x: Tensor) -> Tensor:
    """`x`: only where an input is an output, or two outputs are one value."""
    return x


def binary_conv(
    x: Tensor, weight: Tensor, alpha: Tensor | None = None, bias: Tensor | None = None, *,
    strides: Ints = (), pads: Ints = (), dilations: Ints = (), binary_input: int = 1,
    scale_map: int = 0,
) -> Tensor:  # fmt: skip
    """Convolution with the signs of `weight` (`functional.binarize.binary_conv2d`)."""
    return binary_conv2d(
        x, weight, alpha, bias, stride=tuple(strides) or (1, 1), pads=tuple(pads) or (0, 0, 0, 0),
        dilation=tuple(dilations) or (1, 1), binary_input=bool(binary_input),
        scale_map=bool(scale_map),
    )  # fmt: skip


def binary_gemm(
    x: Tensor, weight: Tensor, alpha: Tensor | None = None, bias: Tensor | None = None, *,
    binary_input: int = 1, scale_map: int = 0,
) -> Tensor:  # fmt: skip
    """Product with the signs of `weight` (`functional.binarize.binary_linear`)."""
    return binary_linear(
        x, weight, alpha, bias, binary_input=bool(binary_input), scale_map=bool(scale_map)
    )


BINARY_CONV, BINARY_GEMM = "featherweight.BinaryConv", "featherweight.BinaryGemm"

ONNX_DTYPES: Mapping[int, torch.dtype] = {
    1: torch.float32, 2: torch.uint8, 3: torch.int8, 6: torch.int32, 7: torch.int64,
    9: torch.bool, 10: torch.float16,
}  # fmt: skip

OPERATORS: Mapping[str, Operator] = {
    BINARY_CONV: Operator(binary_conv),
    BINARY_GEMM: Operator(binary_gemm),
    "Add": Operator(torch.add),
    "AveragePool": Operator(spatial.average_pool),
    "BatchNormalization": Operator(spatial.batch_normalization),
    "Cast": Operator(cast),
    "Clip": Operator(clip, static_scalar=(1, 2)),
    "Concat": Operator(concat),
    "Conv": Operator(spatial.conv),
    "ConvTranspose": Operator(spatial.conv_transpose),
    "DequantizeLinear": Operator(dequantize_linear),
    "Div": Operator(torch.div),
    "Elu": Operator(elu),
    "Erf": Operator(torch.erf),
    "Exp": Operator(torch.exp),
    "Expand": Operator(expand, static=(1,)),
    "Flatten": Operator(flatten),
    "Gather": Operator(gather, static_scalar=(1,)),
    "Gelu": Operator(gelu),
    "Gemm": Operator(gemm),
    "GlobalAveragePool": Operator(spatial.global_average_pool),
    "GlobalMaxPool": Operator(spatial.global_max_pool),
    "HardSigmoid": Operator(hard_sigmoid),
    "HardSwish": Operator(F.hardswish),
    "InstanceNormalization": Operator(spatial.instance_normalization),
    "LRN": Operator(spatial.local_response_normalization),
    "LayerNormalization": Operator(spatial.layer_normalization),
    "LeakyRelu": Operator(leaky_relu),
    "Log": Operator(torch.log),
    "LogSoftmax": Operator(log_softmax),
    "MatMul": Operator(torch.matmul),
    "MaxPool": Operator(spatial.max_pool),
    "Mul": Operator(torch.mul),
    "Neg": Operator(torch.neg),
    "PRelu": Operator(prelu),
    "Pad": Operator(spatial.pad, static=(1, 2, 3)),
    "Pow": Operator(torch.pow, static_scalar=(1,)),
    "QuantizeLinear": Operator(quantize_linear),
    "Identity": Operator(identity),
    "ReduceL2": _reduction(_norm),
    "ReduceMax": _reduction(torch.amax),
    "ReduceMean": _reduction(torch.mean),
    "ReduceSum": _reduction(torch.sum),
    "Relu": Operator(F.relu),
    "Reshape": Operator(reshape, static=(1,)),
    "Shape": Operator(shape_of),
    "Sigmoid": Operator(torch.sigmoid),
    "Slice": Operator(slice_, static=(1, 2, 3, 4)),
    "Softmax": Operator(softmax),
    "Softplus": Operator(softplus),
    "Split": Operator(split, static=(1,)),
    "Sqrt": Operator(torch.sqrt),
    "Squeeze": Operator(squeeze, static=(1,)),
    "Sub": Operator(torch.sub),
    "Tanh": Operator(torch.tanh),
    "Transpose": Operator(transpose),
    "Unsqueeze": Operator(unsqueeze, static=(1,)),
}
