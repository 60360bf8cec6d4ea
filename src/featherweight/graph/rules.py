"""How `simplify` writes single nodes in fewer and plainer operators.

A rule returns None (keep the node), the name of a value that equals the node's output, or the nodes
to write instead. Rules that look at several nodes at once are in `patterns`.
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from featherweight.container.graph import Node
from featherweight.graph import binary_layers, patterns
from featherweight.graph.evaluation import is_real
from featherweight.graph.rewriting import Rewriting

Replacement = Sequence[Node] | str | None
Rule = Callable[[Node, Rewriting], Replacement]


def _same_value(node: Node, _: Rewriting) -> Replacement:
    return node.inputs[0]


def _same_if_same_shape(node: Node, rewriting: Rewriting) -> Replacement:
    same = rewriting.shapes(node.inputs[0]) == rewriting.shapes(node.outputs[0])
    return node.inputs[0] if same else None


def _cast(node: Node, rewriting: Rewriting) -> Replacement:
    source, result = (rewriting.runs[0][name] for name in (node.inputs[0], node.outputs[0]))
    if source.dtype == result.dtype:
        return node.inputs[0]
    numbers = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9}
    to = numbers.get(str(result.dtype).removeprefix("torch."), 10)
    return [Node("Cast", node.inputs[:1], node.outputs, {"to": to})]


def _reshape(node: Node, rewriting: Rewriting) -> Replacement:
    """Any change of shape alone becomes a Flatten, or a Reshape to a constant shape."""
    swapped = patterns.batched_transpose(node, rewriting)
    if swapped:
        return swapped
    after = rewriting.shapes(node.outputs[0])
    source = patterns.unshaped(node.inputs[0], rewriting)
    before = rewriting.shapes(source)
    if before == after:
        return source
    if all(len(b) > 2 and len(a) == 2 and a[0] == b[0] for a, b in zip(after, before, strict=True)):
        return [Node("Flatten", (source,), node.outputs)]
    target = patterns.constant_shape(before, after)
    if target is None:
        return None
    return [Node("Reshape", (source, rewriting.add_integers(target)), node.outputs)]


def _expand(node: Node, rewriting: Rewriting) -> Replacement:
    """The shape of an Expand is a constant wherever the batch is already there to broadcast."""
    before, after = rewriting.shapes(node.inputs[0]), rewriting.shapes(node.outputs[0])
    if before == after:
        return node.inputs[0]
    rank = len(after[0])
    padded = [(1,) * (rank - len(shape)) + shape for shape in before]
    old, new = (list(zip(*shapes, strict=True)) for shapes in (padded, after))
    target = [
        1 if was == now else (now[0] if now[0] == now[1] else -1)
        for was, now in zip(old, new, strict=True)
    ]
    if -1 not in target:
        constant = rewriting.add_integers(tuple(target))
        return [Node("Expand", (node.inputs[0], constant), node.outputs)]
    batch = rewriting.draft.inputs[0].name
    if target.index(-1) != 0 or target.count(-1) > 1:
        return None
    if new[0] != tuple(shape[0] for shape in rewriting.shapes(batch)):
        return None
    # Only a broadcast along the batch itself has to ask the input for its size.
    size = rewriting.add("Shape", (batch,), ((1,), (1,)), {"end": 1})
    rest = rewriting.add_integers(tuple(target[1:]))
    shape = rewriting.add("Concat", (size, rest), ((rank,), (rank,)), {"axis": 0})
    return [Node("Expand", (node.inputs[0], shape), node.outputs)]


def _transpose(node: Node, rewriting: Rewriting) -> Replacement:
    rank = rewriting.rank(node.outputs[0])
    perm = _perm(node, rank)
    if perm == tuple(range(rank)):
        return node.inputs[0]
    earlier = rewriting.producer(node.inputs[0], "Transpose")
    if earlier and all(_perm(earlier, rank)[axis] == i for i, axis in enumerate(perm)):
        return earlier.inputs[0]
    return [Node("Transpose", node.inputs, node.outputs, {"perm": perm})]


def _perm(node: Node, rank: int) -> tuple[int, ...]:
    perm = node.attributes.get("perm")
    return tuple(map(int, perm)) if isinstance(perm, tuple) else tuple(reversed(range(rank)))


def _concat(node: Node, _: Rewriting) -> Replacement:
    return node.inputs[0] if len(node.inputs) == 1 else None


def _pool(node: Node, _: Rewriting) -> Replacement:
    kernel = node.attributes["kernel_shape"]
    one = isinstance(kernel, tuple) and set(kernel) == {1}
    return node.inputs[0] if one and not {"strides", "pads"} & set(node.attributes) else None


def _convolution(node: Node, rewriting: Rewriting) -> Replacement:
    """A bias of zeros that the exporter made up is no bias."""
    if len(node.inputs) < 3 or not node.inputs[2] or rewriting.is_weight(node.inputs[2]):
        return None
    bias = rewriting.constant(node.inputs[2])
    if bias is None or bias.any():
        return None
    return [Node(node.operator, node.inputs[:2], node.outputs, node.attributes)]


def _normalization(node: Node, _: Rewriting) -> Replacement:
    # Training has more outputs (mean, variance); in evaluation nobody reads them.
    return [Node(node.operator, node.inputs, node.outputs[:1], node.attributes)]


def _split_to_sequence(node: Node, rewriting: Rewriting) -> Replacement:
    name = node.outputs[0]
    pieces = list(zip(*(run[name] for run in rewriting.runs), strict=True))
    axis = int(node.attributes.get("axis", 0))  # type: ignore[arg-type]
    names = tuple(rewriting.like(name, a, b) for a, b in pieces)
    rewriting.sequences[name] = names
    sizes = rewriting.add_integers(tuple(int(a.shape[axis]) for a, _ in pieces))
    return [Node("Split", (node.inputs[0], sizes), names, {"axis": axis})]


def _sequence_at(node: Node, rewriting: Rewriting) -> Replacement:
    index = rewriting.constant(node.inputs[1])
    names = rewriting.sequences.get(node.inputs[0])
    return names[int(index)] if names and index is not None else None


def _gather(node: Node, rewriting: Rewriting) -> Replacement:
    """Taking every element in order, as torch lowers a mere change of strides, is a Reshape."""
    if rewriting.rank(node.inputs[0]) != 1:
        return None
    for run in rewriting.runs:
        elements, indices = (run[name] for name in node.inputs)
        if not is_real(indices) or indices.numel() != elements.numel():
            return None
        if not torch.equal(indices.flatten(), torch.arange(elements.numel())):
            return None
    return _reshape(node, rewriting)


def _gather_nd(node: Node, rewriting: Rewriting) -> Replacement:
    """Indices into the first dimension only are a Gather."""
    indices = rewriting.constant(node.inputs[1])
    if indices is None or indices.shape[-1] != 1 or node.attributes.get("batch_dims", 0):
        return None
    flat = rewriting.add_constant(indices.squeeze(-1))
    return [Node("Gather", (node.inputs[0], flat), node.outputs)]


def _neutral(neutral: float) -> Rule:
    """Return the rule for an operation that a constant second operand leaves without effect."""

    def rule(node: Node, rewriting: Rewriting) -> Replacement:
        value = rewriting.constant(node.inputs[1])
        if value is None or value.numel() != 1 or float(value) != neutral:
            return None
        return _same_if_same_shape(node, rewriting)

    return rule


def _multiply(node: Node, rewriting: Rewriting) -> Replacement:
    return _neutral(1.0)(node, rewriting) or patterns.silu(node, rewriting)


def _divide(node: Node, rewriting: Rewriting) -> Replacement:
    return _neutral(1.0)(node, rewriting) or patterns.local_response_normalization(node, rewriting)


RULES: Mapping[str, Rule] = {
    **binary_layers.RULES,
    "Add": patterns.bias,
    "AveragePool": _pool,
    "BatchNormalization": _normalization,
    "Cast": _cast,
    "CastLike": _cast,
    "Concat": _concat,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Div": _divide,
    "Dropout": _same_value,
    "Einsum": patterns.einsum,
    "Expand": _expand,
    "Flatten": _reshape,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Identity": _same_value,
    "LayerNormalization": _normalization,
    "MatMul": patterns.linear,
    "MaxPool": _pool,
    "Mul": _multiply,
    "Pad": _same_if_same_shape,
    "Reshape": _reshape,
    "ScatterND": patterns.scatter,
    "SequenceAt": _sequence_at,
    "Slice": _same_if_same_shape,
    "SplitToSequence": _split_to_sequence,
    "Squeeze": _reshape,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
    "Where": patterns.softplus,
}
