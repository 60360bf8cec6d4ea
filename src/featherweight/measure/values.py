"""The values of a graph by shape, without their data: what every count starts from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featherweight.container.graph import CodedTensor, Graph, ValueInfo
from featherweight.errors import InvalidArgumentError, UnsupportedOperatorError
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import evaluate

AnyTensor = Tensor | NDArray[np.generic] | CodedTensor
"""A stored tensor: dense (on the meta device if only its shape is known), or as a file codes it."""

_MOST_NUMBERS = 64
"""Stored tensors up to this size may be the axes, sizes or bounds of an operator."""


@dataclass(frozen=True)
class Value:
    """Shape and element type of one value; `computed` if it depends on the network's input."""

    shape: tuple[int, ...]
    dtype: str
    computed: bool

    @property
    def elements(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes that its elements take."""
        return self.elements * element_bytes(self.dtype)


def element_bytes(dtype: str) -> int:
    """Bytes of one element of this type."""
    return int(getattr(torch, dtype).itemsize)


def graph_values(
    graph: Graph,
    tensors: Mapping[str, AnyTensor],
    input_shape: tuple[int, ...] | None = None,
    batch: int | None = None,
) -> dict[str, Value]:
    """Return every value of the graph by name, stored tensors included.

    Args:
        graph: operators within the subset.
        tensors: what the graph reads; only shapes matter, and the numbers of small integers.
        input_shape: of the one input, without the batch; by default what the graph says.
        batch: by default 1, or the graph's own where that is fixed.

    Raises:
        InvalidArgumentError: the graph does not fit the input, or says no size for it.
    """
    inputs = tuple(_sized(info, input_shape, batch, len(graph.inputs)) for info in graph.inputs)
    draft = Draft(
        inputs=inputs,
        outputs=tuple(info.name for info in graph.outputs),
        nodes=list(graph.nodes),
        tensors={name: _shape_only(tensor) for name, tensor in tensors.items()},
        named=set(tensors),
        weights=set(),
        operator_set=graph.operator_set,
        layers={node.outputs[0]: _first_named(node.inputs, node.outputs) for node in graph.nodes},
    )
    try:
        found = evaluate(draft, {}, fold=False)
    except UnsupportedOperatorError as error:
        if "cannot be lowered" not in str(error):
            raise
        sizes = ", ".join(str(info.shape) for info in inputs)
        raise InvalidArgumentError(
            f"`input_shape` must fit the network, but an input of shape {sizes} does not: {error}"
        ) from error
    computed = {info.name for info in graph.inputs}
    for node in graph.nodes:
        if node.operator != "Shape" and computed.intersection(node.inputs):
            computed.update(node.outputs)
    return {
        name: Value(tuple(value.shape), str(value.dtype).removeprefix("torch."), name in computed)
        for name, value in found.items()
        if isinstance(value, Tensor)
    }


def _sized(
    info: ValueInfo, input_shape: tuple[int, ...] | None, batch: int | None, inputs: int
) -> ValueInfo:
    """Return the input with a number for each dimension."""
    if input_shape is not None and inputs > 1:
        raise InvalidArgumentError(
            f"`input_shape` must be left out for a network of {inputs} inputs, "
            f"but got input_shape={input_shape}."
        )
    first, *rest = info.shape or (1,)
    first = batch if batch is not None else (1 if isinstance(first, str) else first)
    shape = (first, *(rest if input_shape is None else input_shape))
    symbols = [size for size in shape if isinstance(size, str)]
    if symbols:
        raise InvalidArgumentError(
            f"`input_shape` must be given, since the network leaves {', '.join(symbols)} of input "
            f"{info.name!r} open."
        )
    if any(int(size) < 1 for size in shape):
        raise InvalidArgumentError(
            f"`input_shape` and `batch` must have sizes of 1 or more, but got {shape}."
        )
    return replace(info, shape=shape)


def _shape_only(tensor: AnyTensor) -> Tensor:
    """Return the tensor without its data, unless it may be an operator's list of numbers."""
    if isinstance(tensor, Tensor):
        return tensor if tensor.numel() <= _MOST_NUMBERS else tensor.to("meta")
    if math.prod(tensor.shape) <= _MOST_NUMBERS:
        dense = tensor.dense() if isinstance(tensor, CodedTensor) else tensor
        return torch.from_numpy(np.array(dense))
    return torch.empty(tensor.shape, dtype=getattr(torch, str(tensor.dtype)), device="meta")


def _first_named(inputs: tuple[str, ...], outputs: tuple[str, ...]) -> str:
    named = [name for name in inputs if "." in name]
    return named[0].rpartition(".")[0] if named else outputs[0]
