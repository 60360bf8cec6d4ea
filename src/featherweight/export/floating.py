"""A network as toolchains that start from torch want it: float32 weights, nothing left to decode.

QuantizeLinear and the DequantizeLinear that reads it are gone; what is computed from stored
tensors alone (weights out of steps or codebooks) is stored as its result. An 8-bit weight stays on
its grid, so that a toolchain which measures its own scales finds the same steps again.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from featherweight.container.graph import Graph, Network, Node
from featherweight.graph import GraphModule, rebuild
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import evaluate, is_real


def is_quantized(network: Network) -> bool:
    """Return whether activations are rounded: the network is an integer one."""
    return any(node.operator == "QuantizeLinear" for node in network.graph.nodes)


def float_module(network: Network) -> GraphModule:
    """Return `network` as a torch module in evaluation mode, in float32 throughout."""
    return rebuild(*in_float(network))


def in_float(network: Network) -> tuple[Graph, dict[str, Tensor]]:
    """Return graph and dense tensors without quantization, and without constants to compute."""
    tensors = {n: torch.from_numpy(np.array(t.dense())) for n, t in network.tensors.items()}
    return _folded(_without_rounding(network.graph), tensors)


def _without_rounding(graph: Graph) -> Graph:
    """Leave out each QuantizeLinear, and each DequantizeLinear that reads one."""
    sources: dict[str, str] = {}
    before: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.operator == "QuantizeLinear":
            before[node.outputs[0]] = sources.get(node.inputs[0], node.inputs[0])
        elif node.operator == "DequantizeLinear" and node.inputs[0] in before:
            sources[node.outputs[0]] = before[node.inputs[0]]
        else:
            inputs = tuple(sources.get(name, name) for name in node.inputs)
            nodes.append(replace(node, inputs=inputs))
    nodes += [
        Node("Identity", (sources[info.name],), (info.name,))
        for info in graph.outputs
        if info.name in sources
    ]
    return replace(graph, nodes=tuple(nodes))


def _folded(graph: Graph, tensors: Mapping[str, Tensor]) -> tuple[Graph, dict[str, Tensor]]:
    """Store the result of every node that reads stored tensors alone."""
    draft = Draft(
        inputs=graph.inputs,
        outputs=tuple(info.name for info in graph.outputs),
        nodes=list(graph.nodes),
        tensors=dict(tensors),
        named=set(tensors),
        weights=set(),
        operator_set=graph.operator_set,
    )
    values = evaluate(draft, {"batch": 2})
    names: dict[str, str] = {}
    kept: dict[str, Tensor] = dict(tensors)
    nodes: list[Node] = []
    for node in graph.nodes:
        if not all(is_real(values[name]) for name in node.outputs):
            inputs = tuple(names.get(name, name) for name in node.inputs)
            nodes.append(replace(node, inputs=inputs))
            continue
        for output in node.outputs:
            names[output] = _name_of_result(node, output, kept)
            kept[names[output]] = values[output].contiguous()
    read = {name for node in nodes for name in node.inputs}
    folded = replace(graph, nodes=tuple(nodes))
    return folded, {name: tensor for name, tensor in kept.items() if name in read}


def _name_of_result(node: Node, output: str, kept: Mapping[str, Tensor]) -> str:
    """The weight's own name for what DequantizeLinear makes of its steps, so that layers stay."""
    is_weight = node.operator == "DequantizeLinear" and node.inputs[0] in kept
    return node.inputs[0] if is_weight else output
