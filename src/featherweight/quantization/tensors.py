"""Plain tensors of a network that is being rewritten."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from featherweight.container import CodedTensor
from featherweight.container.graph import Graph


def raw(name: str, values: NDArray[np.generic]) -> CodedTensor:
    """`values` as they are."""
    return CodedTensor(name, values.dtype.name, values.shape, "raw", values=values)


def used(graph: Graph, tensors: Mapping[str, CodedTensor]) -> dict[str, CodedTensor]:
    """The tensors that the graph still reads, in their order."""
    names = {name for node in graph.nodes for name in node.inputs}
    names.update(info.name for info in graph.outputs)
    return {name: tensor for name, tensor in tensors.items() if name in names}
