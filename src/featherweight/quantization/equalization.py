"""Cross-layer equalization: channels of neighbouring layers are scaled to equal ranges.

With a layer, ReLU, and the layer that alone reads it, scaling channel i of the first by 1 / s_i and
the second's weights of that channel by s_i leaves the network as it is, since
relu(x / s) = relu(x) / s. With r1_i and r2_i the largest weights of the channel in both,

    s_i = sqrt(r1_i * r2_i) / r2_i

makes both sqrt(r1_i * r2_i), so that one scale a tensor serves all channels. Nagel et al. 2019,
arXiv 1906.04721, section 4.1. As there, a ReLU6 between two layers becomes a ReLU: with channels of
other ranges, 6 means nothing any more. That changes the network where values beyond 6 occur.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from featherweight.container import CodedTensor, Network
from featherweight.container.graph import Node
from featherweight.quantization.tensors import raw, used

_ROUNDS = 20
"""Chains of layers even out by and by."""
_CLOSE = 1e-4


@dataclass(frozen=True)
class _Pair:
    """Two layers, and the activation between them, if there is one, by their place."""

    first: int
    between: int | None
    second: int


def equalize(network: Network) -> Network:
    """Return the network with equalized convolutions and linear layers; batch norms are folded."""
    nodes = list(network.graph.nodes)
    tensors = dict(network.tensors)
    pairs = _pairs(nodes, network)
    for pair in pairs:
        if pair.between is not None and nodes[pair.between].operator == "Clip":
            clip = nodes[pair.between]
            nodes[pair.between] = replace(clip, operator="Relu", inputs=clip.inputs[:1])
    for _ in range(_ROUNDS):
        changes = [_equalize(nodes[p.first], nodes[p.second], tensors) for p in pairs]
        if max(changes, default=0.0) < _CLOSE:
            break
    graph = replace(network.graph, nodes=tuple(nodes))
    return replace(network, graph=graph, tensors=used(graph, tensors))


def _pairs(nodes: list[Node], network: Network) -> list[_Pair]:
    uses = Counter(name for node in nodes for name in node.inputs)
    uses.update(info.name for info in network.graph.outputs)
    maker = {node.outputs[0]: i for i, node in enumerate(nodes)}
    found = []
    for i, node in enumerate(nodes):
        if not _is_layer(node, uses, network) or uses[node.inputs[0]] != 1:
            continue
        before, between = maker.get(node.inputs[0]), None
        if before is not None and _is_positive(nodes[before], network):
            between = before
            name = nodes[between].inputs[0]
            before = maker.get(name) if uses[name] == 1 else None
        if before is not None and _is_layer(nodes[before], uses, network):
            first = network.tensors[nodes[before].inputs[1]]
            second = network.tensors[node.inputs[1]]
            if _channels_in(node, second.shape) == first.shape[0]:
                found.append(_Pair(before, between, i))
    return found


def _is_layer(node: Node, uses: Counter[str], network: Network) -> bool:
    """A Conv of one group or depthwise, or a Gemm as torch writes it; its tensors are its own."""
    if node.operator not in ("Conv", "Gemm"):
        return False
    stored = [name for name in node.inputs[1:] if name]
    if any(name not in network.tensors or uses[name] != 1 for name in stored):
        return False
    if node.operator == "Gemm":
        return node.attributes == {"transB": 1}
    shape, groups = network.tensors[node.inputs[1]].shape, node.attributes.get("group", 1)
    return groups == 1 or (groups == shape[0] and shape[1] == 1)


def _is_positive(node: Node, network: Network) -> bool:
    if node.operator == "Relu":
        return True
    is_clip = node.operator == "Clip" and len(node.inputs) == 3
    low = network.tensors.get(node.inputs[1]) if is_clip else None
    return low is not None and float(low.dense()) == 0.0


def _is_depthwise(node: Node) -> bool:
    return node.attributes.get("group", 1) != 1


def _channels_in(node: Node, shape: tuple[int, ...]) -> int:
    return shape[0] if _is_depthwise(node) else shape[1]


def _equalize(first: Node, second: Node, tensors: dict[str, CodedTensor]) -> float:
    """Scale the channels between two layers; returns the largest change of a scale."""
    one, two = _wide(tensors, first.inputs[1]), _wide(tensors, second.inputs[1])
    axis = 0 if _is_depthwise(second) else 1
    range_one, range_two = _ranges(one, 0), _ranges(two, axis)
    is_used = (range_one > 0) & (range_two > 0)
    scale = np.ones_like(range_one)
    product = range_one[is_used] * range_two[is_used]
    scale[is_used] = np.sqrt(product) / range_two[is_used]
    _put(tensors, first.inputs[1], one / _along(scale, 0, one.ndim))
    if len(first.inputs) > 2 and first.inputs[2]:
        _put(tensors, first.inputs[2], _wide(tensors, first.inputs[2]) / scale)
    _put(tensors, second.inputs[1], two * _along(scale, axis, two.ndim))
    return float(np.abs(np.log(scale)).max())


def _ranges(weight: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    largest: NDArray[np.float64] = (
        np.abs(np.moveaxis(weight, axis, 0)).reshape(weight.shape[axis], -1).max(1)
    )
    return largest


def _along(scale: NDArray[np.float64], axis: int, rank: int) -> NDArray[np.float64]:
    shape = [1] * rank
    shape[axis] = -1
    return scale.reshape(shape)


def _wide(tensors: Mapping[str, CodedTensor], name: str) -> NDArray[np.float64]:
    return tensors[name].dense().astype(np.float64)


def _put(tensors: dict[str, CodedTensor], name: str, values: NDArray[np.float64]) -> None:
    tensors[name] = raw(name, values.astype(np.float32))
