"""Run a draft without its data: shapes on torch's meta device, integers and constants for real.

Run twice, at two sizes of the batch, this tells what a graph computes from shapes alone: a value
that is real and the same in both runs is a constant; one that differs follows the batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from featherweight.container.graph import Dimension, Node
from featherweight.errors import FeatherweightError, UnsupportedOperatorError
from featherweight.graph.draft import Draft
from featherweight.graph.operators import ONNX_DTYPES, OPERATORS, Operator

Value = Any
"""A tensor (on the meta device if it depends on the input's or the weights' data), or a tuple."""


def evaluate(draft: Draft, sizes: Mapping[str, int], *, fold: bool = True) -> dict[str, Value]:
    """Return every value of the draft by name, with the symbolic dimensions set to `sizes`.

    Without `fold` only shapes are asked for: nothing but short lists of sizes is computed for
    real, so that a hostile graph cannot make this allocate.

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
        outputs = _run(draft, node, values, fold) or _annotated(draft, node, sizes)
        values.update(zip(node.outputs, outputs, strict=False))
    return values


def is_real(value: Value) -> bool:
    """Return whether `value` is known, not only its shape."""
    return isinstance(value, Tensor) and value.device.type != "meta"


def as_numbers(tensor: Tensor) -> Any:
    """Return a constant as Python numbers: a number if it has no dimension, else a tuple."""
    return tensor.item() if tensor.ndim == 0 else tuple(tensor.flatten().tolist())


def _run(
    draft: Draft, node: Node, values: Mapping[str, Value], fold: bool
) -> Sequence[Value] | None:
    operator = OPERATORS.get(node.operator) or _SHAPE_OPERATORS.get(node.operator)
    layer = draft.layer(node)
    if operator is None and draft.storage_only:
        return None
    if operator is None:
        raise UnsupportedOperatorError(
            f"operator {node.operator} of layer {layer!r} is outside the ONNX subset."
        )
    inputs = [values[name] if name else None for name in node.inputs]
    try:
        result = operator.run(*_arguments(node, operator, inputs, fold), **node.attributes)
    except UnsupportedOperatorError as error:
        raise UnsupportedOperatorError(f"{str(error)[:-1]} (layer {layer!r}).") from error
    except (FeatherweightError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise UnsupportedOperatorError(
            f"operator {node.operator} of layer {layer!r} cannot be lowered: {error}"
        ) from error
    if node.operator == "Shape":
        return (torch.tensor(result, dtype=torch.int64),)
    return result if isinstance(result, tuple) else (result,)


def _annotated(draft: Draft, node: Node, sizes: Mapping[str, int]) -> Sequence[Value]:
    """Return the outputs of an operator that is not known, by the exporter's notes."""
    values = []
    for name in node.outputs:
        note = draft.annotations.get(name)
        shape = [_size(dimension, sizes) for dimension in note.shape] if note else []
        if note is None or -1 in shape:
            raise UnsupportedOperatorError(
                f"operator {node.operator} of layer {draft.layer(node)!r} is outside the ONNX "
                f"subset, and the shape of its output is not known."
            )
        values.append(torch.empty(shape, dtype=getattr(torch, note.dtype), device="meta"))
    return values


def _size(dimension: Dimension, sizes: Mapping[str, int]) -> int:
    """Return a size as torch.export notes it: a number, a symbol, or a multiple of a symbol.

    -1 stands for any other expression.
    """
    if isinstance(dimension, int):
        return dimension
    factor, _, symbol = dimension.rpartition("*")
    # The exporter has its own name for the batch; where there is one symbol only, it is that.
    is_only = len(sizes) == 1 and symbol.isidentifier()
    size = sizes.get(symbol, next(iter(sizes.values())) if is_only else -1)
    return size * int(factor or 1) if size > 0 and (factor or "1").isdigit() else -1


def _arguments(node: Node, operator: Operator, inputs: Sequence[Value], fold: bool) -> list[Value]:
    arguments = list(inputs)
    for index, value in enumerate(inputs):
        if isinstance(value, Tensor) and operator.is_static(index, value.ndim):
            if not is_real(value):
                if index in operator.static:
                    raise ValueError(f"its input {index} depends on data")
                continue
            arguments[index] = as_numbers(value)
    # An operator runs on one device: on meta as soon as one of its inputs is not known.
    tensors = [value for value in arguments if isinstance(value, Tensor)]
    is_known = all(is_real(value) for value in tensors)
    if not fold:
        is_list = node.operator == "Concat" and sum(value.numel() for value in tensors) <= 64
        is_known = is_known and is_list
    if node.operator not in _READS_TYPE_ONLY and not is_known:
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
