"""Nodes that torch computes in one function, for `rebuild`: the inverse of the exporter's lowering.

A fused node's operator is in `FUSED` and is never written to a file. One function rounds
differently from the nodes it stands for; the bits of the original module come from the function.
"""

from collections import Counter
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from featherweight.container.graph import Graph, Node
from featherweight.graph.evaluation import Value, is_real
from featherweight.graph.operators import Operator
from featherweight.graph.spatial_operators import pad_spatial, symmetric_padding


def _attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, *, scale: float = 0.0
) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, mask, scale=scale or None)


FUSED: Mapping[str, Operator] = {
    "Attention": Operator(_attention),
    "Linear": Operator(F.linear),
    "PadSpatial": Operator(pad_spatial),
    "Silu": Operator(F.silu),
}


def fuse(graph: Graph, values: Mapping[str, Value]) -> list[Node]:
    """Return the nodes to run: those of `graph`, with groups replaced by one node of `FUSED`.

    `values` gives each value's shape (`evaluation.evaluate`).
    """
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    uses.update(info.name for info in graph.outputs)
    producers: dict[str, Node] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        fused = (
            _linear(node, producers, uses, values)
            or _silu(node, producers)
            or _scaled_attention(node, producers, values)
            or _uneven_padding(node, values)
            or [node]
        )
        for new in fused:
            nodes.append(new)
            producers.update((name, new) for name in new.outputs)
    return _used(nodes, {info.name for info in graph.outputs})


def _used(nodes: list[Node], needed: set[str]) -> list[Node]:
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return kept[::-1]


def _linear(
    node: Node, producers: Mapping[str, Node], uses: Counter[str], values: Mapping[str, Value]
) -> list[Node] | None:
    if node.operator == "Gemm" and node.attributes == {"transB": 1}:
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
        if not bias or values[bias].shape == values[node.outputs[0]].shape[-1:]:
            return [Node("Linear", node.inputs, node.outputs)]
    if node.operator == "MatMul":
        transposed = producers.get(node.inputs[1])
        if transposed and transposed.operator == "Transpose" and values[node.inputs[1]].ndim == 2:
            return [Node("Linear", (node.inputs[0], transposed.inputs[0]), node.outputs)]
    if node.operator == "Add" and uses[node.inputs[0]] == 1:
        layer, bias = producers.get(node.inputs[0]), node.inputs[1]
        is_free = layer is not None and layer.operator == "Linear" and len(layer.inputs) == 2
        if layer and is_free and values[bias].shape == values[node.outputs[0]].shape[-1:]:
            return [Node("Linear", (*layer.inputs, bias), node.outputs)]
    return None


def _silu(node: Node, producers: Mapping[str, Node]) -> list[Node] | None:
    if node.operator != "Mul":
        return None
    sigmoid = producers.get(node.inputs[0])
    if sigmoid and sigmoid.operator == "Sigmoid" and sigmoid.inputs[0] == node.inputs[1]:
        return [Node("Silu", sigmoid.inputs, node.outputs)]
    return None


def _scaled_attention(
    node: Node, producers: Mapping[str, Node], values: Mapping[str, Value]
) -> list[Node] | None:
    """softmax((q * c) @ (k.T * c) + mask) @ v, as torch lowers scaled_dot_product_attention."""
    softmax = producers.get(node.inputs[0]) if node.operator == "MatMul" else None
    if softmax is None or softmax.operator != "Softmax" or softmax.attributes:
        return None
    masked = producers.get(softmax.inputs[0])
    mask = masked.inputs[1:] if masked and masked.operator == "Add" else ()
    scores = producers.get(masked.inputs[0]) if masked and mask else masked
    if scores is None or scores.operator != "MatMul":
        return None
    left, right = (producers.get(name) for name in scores.inputs)
    if left is None or right is None or (left.operator, right.operator) != ("Mul", "Mul"):
        return None
    transposed = producers.get(right.inputs[0])
    rank = values[node.outputs[0]].ndim
    swap = (*range(rank - 2), rank - 1, rank - 2)
    same_scale = left.inputs[1] == right.inputs[1] and values[left.inputs[1]].numel() == 1
    if transposed is None or transposed.attributes.get("perm") != swap or not same_scale:
        return None
    query, factor = left.inputs
    scale = float(values[factor]) ** 2 if is_real(values[factor]) else 0.0
    usual = float(values[query].shape[-1]) ** -0.5
    # The factor is the rounded root of the scale: the usual scale is meant where it is that.
    attributes = {} if abs(scale - usual) < 1e-6 * usual else {"scale": scale}
    inputs = (query, transposed.inputs[0], node.inputs[1], *mask)
    return [Node("Attention", inputs, node.outputs, attributes)] if scale else None


def _uneven_padding(node: Node, values: Mapping[str, Value]) -> list[Node] | None:
    """A convolution whose padding differs between begin and end pads first."""
    pads = node.attributes.get("pads")
    if node.operator != "Conv" or not isinstance(pads, tuple):
        return None
    if symmetric_padding([int(p) for p in pads], values[node.inputs[1]].ndim - 2) is not None:
        return None
    padded = f"{node.outputs[0]}~padded"
    rest = {name: value for name, value in node.attributes.items() if name != "pads"}
    return [
        Node("PadSpatial", node.inputs[:1], (padded,), {"pads": pads}),
        Node("Conv", (padded, *node.inputs[1:]), node.outputs, rest),
    ]
