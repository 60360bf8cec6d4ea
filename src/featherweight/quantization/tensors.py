"""Plain tensors of a network that is being rewritten."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from featherweight.container import CodedTensor, Network
from featherweight.container.graph import Graph, Node


def raw(name: str, values: NDArray[np.generic]) -> CodedTensor:
    """`values` as they are."""
    return CodedTensor(name, values.dtype.name, values.shape, "raw", values=values)


def used(graph: Graph, tensors: Mapping[str, CodedTensor]) -> dict[str, CodedTensor]:
    """The tensors that the graph still reads, in their order."""
    names = {name for node in graph.nodes for name in node.inputs}
    names.update(info.name for info in graph.outputs)
    return {name: tensor for name, tensor in tensors.items() if name in names}


def bias_name(weight: str, tensors: Mapping[str, CodedTensor]) -> str:
    """A name that no tensor has, for the bias of the layer of `weight`."""
    layer = weight.rpartition(".")[0] or weight
    name = f"{layer}.bias" if "." in weight else f"{layer}_bias"
    while name in tensors:
        name += "_"
    return name


def own_bias(node: Node, network: Network, tensors: dict[str, CodedTensor]) -> tuple[Node, str]:
    """The node with a bias that it alone reads, and the bias's name: its own, or a new one.

    A bias that other nodes read, too, is copied into `tensors` under a new name.
    """
    bias = node.inputs[2] if len(node.inputs) > 2 else ""
    readers = sum(other.inputs.count(bias) for other in network.graph.nodes)
    if bias and bias in tensors and readers == 1:
        return node, bias
    name = bias_name(node.inputs[1], tensors)
    if bias in tensors:
        tensors[name] = raw(name, tensors[bias].dense())
    return replace(node, inputs=(*node.inputs[:2], name)), name
