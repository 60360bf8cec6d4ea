"""Layers at the network's input read only the inputs that they use.

An input's size is the user's and stays. Where a matrix has columns of zeros, for pixels that no
neuron looks at, the others are gathered before it, and the matrix is as narrow as they are many.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from featherweight.container.graph import Graph, Node


def select_inputs(
    graph: Graph, tensors: Mapping[str, Tensor]
) -> tuple[Graph, dict[str, Tensor], dict[str, tuple[int, int]]]:
    """Return the graph with narrower matrices, its tensors, and by layer the inputs before and now.

    Only matrices that one node reads are looked at: ``Gemm`` with the weight [out, in].
    """
    nodes: list[Node] = []
    result = dict(tensors)
    counts: dict[str, tuple[int, int]] = {}
    names = {name for node in graph.nodes for name in (*node.inputs, *node.outputs)} | set(tensors)
    names |= {name.partition(".")[0] for name in tensors}  # layers of a Sequential are numbers, too
    for node in graph.nodes:
        kept = _read_inputs(node, tensors, graph)
        if kept is None:
            nodes.append(node)
            continue
        weight = tensors[node.inputs[1]]
        indices, gathered = _free_names(names)
        result[indices] = kept
        result[node.inputs[1]] = weight.index_select(1, kept)
        counts[node.inputs[1].rpartition(".")[0]] = (weight.shape[1], len(kept))
        nodes.append(Node("Gather", (node.inputs[0], indices), (gathered,), {"axis": 1}))
        nodes.append(replace(node, inputs=(gathered, *node.inputs[1:])))
    return replace(graph, nodes=tuple(nodes)), result, counts


def _read_inputs(node: Node, tensors: Mapping[str, Tensor], graph: Graph) -> Tensor | None:
    """The columns of a matrix that are not zero, if there are others and at least one of them."""
    if node.operator != "Gemm" or node.attributes != {"transB": 1}:
        return None
    weight = tensors.get(node.inputs[1])
    uses = sum(other.inputs.count(node.inputs[1]) for other in graph.nodes)
    if weight is None or uses != 1:
        return None
    kept = (weight != 0).any(0).nonzero().flatten()
    return kept if 0 < len(kept) < weight.shape[1] else None


def _free_names(names: set[str]) -> tuple[str, str]:
    found: list[str] = []
    number = 0
    while len(found) < 2:
        if str(number) not in names:
            names.add(str(number))
            found.append(str(number))
        number += 1
    return found[0], found[1]
