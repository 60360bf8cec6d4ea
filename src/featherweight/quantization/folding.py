"""Batch norm becomes part of the convolution before it.

    (conv(x) - mean) / sqrt(variance + epsilon) * scale + bias
        = conv(x; weight * factor) + (conv_bias - mean) * factor + bias,
    factor = scale / sqrt(variance + epsilon)

Ioffe & Szegedy 2015, arXiv 1502.03167; Jacob et al. 2018, arXiv 1712.05877, section 3.2, folds it
so before weights are quantized. Computed in float64, rounded once.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from featherweight.container import CodedTensor, Network
from featherweight.container.graph import Node
from featherweight.errors import InvalidArgumentError
from featherweight.quantization.tensors import bias_name, raw, used


def fold_batch_norm(network: Network, layers: Collection[str] | None = None) -> Network:
    """Return the network with each BatchNormalization folded that alone reads a convolution.

    Others stay. Weights that are folded into become plain tensors; those that two nodes share
    are left alone, with their batch norms, as are those that `layers` does not name, if given.
    """
    uses = Counter(name for node in network.graph.nodes for name in node.inputs)
    uses.update(info.name for info in network.graph.outputs)
    tensors = dict(network.tensors)
    nodes: list[Node] = []
    makers: dict[str, int] = {}
    for node in network.graph.nodes:
        place = makers.get(node.inputs[0]) if node.operator == "BatchNormalization" else None
        is_asked = place is not None and (layers is None or nodes[place].inputs[1] in layers)
        if place is not None and is_asked and _is_own(nodes[place], node, uses, tensors):
            nodes[place] = _folded(nodes[place], node, tensors)
            makers[node.outputs[0]] = place
            continue
        if node.operator == "Conv":
            makers[node.outputs[0]] = len(nodes)
        nodes.append(node)
    graph = replace(network.graph, nodes=tuple(nodes))
    return replace(network, graph=graph, tensors=used(graph, tensors))


def _is_own(
    conv: Node, norm: Node, uses: Mapping[str, int], tensors: Mapping[str, CodedTensor]
) -> bool:
    stored = [*conv.inputs[1:], *norm.inputs[1:]]
    return uses[norm.inputs[0]] == 1 and all(
        name in tensors and uses[name] == 1 for name in stored if name
    )


def _folded(conv: Node, norm: Node, tensors: dict[str, CodedTensor]) -> Node:
    """Return the convolution that computes both; its tensors are put into `tensors`."""
    scale, bias, mean, variance = (_wide(tensors[name]) for name in norm.inputs[1:])
    epsilon = norm.attributes.get("epsilon", 1e-5)
    if not isinstance(epsilon, float | int):
        raise InvalidArgumentError(f"`epsilon` must be a number, but got {epsilon!r}.")
    factor = scale / np.sqrt(variance + epsilon)
    name = conv.inputs[1]
    weight = _wide(tensors[name])
    shape = (-1,) + (1,) * (weight.ndim - 1)
    own_bias = conv.inputs[2] if len(conv.inputs) > 2 else ""
    before = _wide(tensors[own_bias]) if own_bias else np.zeros_like(mean)
    new_bias = own_bias or bias_name(name, tensors)
    dtype = tensors[name].dtype
    tensors[name] = raw(name, (weight * factor.reshape(shape)).astype(dtype))
    tensors[new_bias] = raw(new_bias, ((before - mean) * factor + bias).astype(dtype))
    return replace(conv, inputs=(conv.inputs[0], name, new_bias), outputs=norm.outputs)


def _wide(tensor: CodedTensor) -> NDArray[np.float64]:
    return tensor.dense().astype(np.float64)
