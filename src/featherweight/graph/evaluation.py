"""Run a draft without its data: shapes on torch's meta device, integers and constants for real.

Run twice, at two sizes of the batch, this tells what a graph computes from shapes alone: a value
that is real and the same in both runs is a constant; one that differs follows the batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from featherweight.container.graph import Node
from featherweight.errors import FeatherweightError, UnsupportedOperatorError
from featherweight.graph.draft import Draft
from featherweight.graph.operators import ONNX_DTYPES, OPERATORS, Operator

Value = Any
"""A tensor (on the meta device if it depends on the input's or the weights' data), or a tuple."""


def evaluate(draft: Draft, sizes: Mapping[str, int]) -> dict[str, Value]:
    """Return every value of the draft by name, with the symbolic dimensions set to `sizes`.

    Raises:
        UnsupportedOperatorError: an operator that is not in the table, named with its layer.
    """
    values: dict[str, Value] = {}
    for info in draft.inputs:
        shape = [sizes.get(size, 0) if isinstance(size, str) else size for size in info.shape]
        values[info.name] = torch.empty(shape, dtype=getattr(torch, info.dtype), device="meta")
    for name, tensor in draft.tensors.items():
        values[name] = tensor.to("meta") if name in draft.weights else tensor
    for node in draft.nodes:
        outputs = _run(draft, node, values)
        values.update(zip(node.outputs, outputs, strict=False))
    return values


def is_real(value: Value) -> bool:
    """Return whether `value` is known, not only its shape."""
    return isinstance(value, Tensor) and value.device.type != "meta"


def as_numbers(tensor: Tensor) -> Any:
    """Return a constant as Python numbers: a number if it has no dimension, else a tuple."""
    return tensor.item() if tensor.ndim == 0 else tuple(tensor.flatten().tolist())


def _run(draft: Draft, node: Node, values: Mapping[str, Value]) -> Sequence[Value]:
    operator = OPERATORS.get(node.operator) or _SHAPE_OPERATORS.get(node.operator)
    layer = draft.layers.get(node.outputs[0], "")
    if operator is None:
        raise UnsupportedOperatorError(
            f"operator {node.operator} of layer {layer!r} is outside the ONNX subset."
        )
    inputs = [values[name] if name else None for name in node.inputs]
    try:
        result = operator.run(*_arguments(node, operator, inputs), **node.attributes)
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(f"{str(error)[:-1]} (layer {layer!r}).") from error
    except (FeatherweightError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise UnsupportedOperatorError(
            f"operator {node.operator} of layer {layer!r} cannot be lowered: {error}"
        ) from error
    if node.operator == "Shape":
        return (torch.tensor(result, dtype=torch.int64),)
    return result if isinstance(result, tuple) else (result,)


def _arguments(node: Node, operator: Operator, inputs: Sequence[Value]) -> list[Value]:
    arguments = list(inputs)
    for index, value in enumerate(inputs):
        if isinstance(value, Tensor) and operator.is_static(index, value.ndim):
            if not is_real(value):
                if index in operator.static:
                    raise ValueError(f"its input {index} depends on data")
                continue
            arguments[index] = as_numbers(value)
    # An operator runs on one device: on meta as soon as one of its inputs is not known.
    known = [is_real(value) for value in arguments if isinstance(value, Tensor)]
    if node.operator not in _READS_TYPE_ONLY and not all(known):
        arguments = [a.to("meta") if isinstance(a, Tensor) else a for a in arguments]
    return arguments


def _constant_of_shape(shape: Sequence[int], *, value: float = 0.0, to: int = 1) -> Tensor:
    return torch.full(list(shape), value, dtype=ONNX_DTYPES[to])


def _scatter(x: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    return x.index_put(tuple(indices.unbind(-1)), updates)


def _split_to_sequence(
    x: Tensor, sizes: Any = 1, *, axis: int = 0, keepdims: int = 1
) -> tuple[Tensor, ...]:
    # One value that holds them all: the tuple in a tuple.
    return (torch.split(x, sizes if isinstance(sizes, int) else list(sizes), axis),)  # type: ignore[return-value]


_READS_TYPE_ONLY = ("CastLike", "Shape", "Size")

_SHAPE_OPERATORS: Mapping[str, Operator] = {
    "CastLike": Operator(lambda x, like: x.to(like.dtype)),
    "ConstantOfShape": Operator(_constant_of_shape, static=(0,)),
    "Dropout": Operator(lambda x, *_, seed=0: x),
    "Einsum": Operator(lambda *tensors, equation: torch.einsum(equation, *tensors)),
    "Equal": Operator(torch.eq),
    "GatherND": Operator(lambda x, indices, batch_dims=0: x[tuple(indices.unbind(-1))]),
    "Greater": Operator(torch.gt),
    "Identity": Operator(lambda x: x),
    "Less": Operator(torch.lt),
    "Max": Operator(lambda first, *more: first if not more else torch.max(first, *more)),
    "Min": Operator(lambda first, *more: first if not more else torch.min(first, *more)),
    "Mod": Operator(lambda a, b, fmod=0: torch.fmod(a, b) if fmod else torch.remainder(a, b)),
    "Not": Operator(torch.logical_not),
    "Range": Operator(torch.arange, static=(0, 1, 2)),
    "ScatterND": Operator(_scatter),
    "SequenceAt": Operator(lambda sequence, i: sequence[i], static=(1,)),
    "Size": Operator(lambda x: torch.tensor(x.numel())),
    "SplitToSequence": Operator(_split_to_sequence, static=(1,)),
    "Where": Operator(torch.where),
}
"""What only shape computations use, and what `simplify` writes in other words."""
