"""Peak activation memory: which values are alive while each node runs.

A value lives from the node that makes it to the last node that reads it; the network's inputs live
from the start, its outputs to the end. While a node runs, its inputs and its outputs are alive at
once: nothing is done in place. What only renames data (a view) shares the memory of its source.
Stored tensors, and what is computed from them alone, are not activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from featherweight.container.graph import Graph
from featherweight.measure.values import Value

VIEWS = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators whose output is their first input under another shape."""

_ROUNDING = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Done by the layer that reads the value, on its way in: no value of their own."""


@dataclass(frozen=True)
class Peak:
    """The most bytes of activations alive at once, and the index of the node then running."""

    bytes: int
    node: int

    @staticmethod
    def of(alive: Sequence[int]) -> "Peak":
        """Return the peak of what `live_bytes` gives."""
        most = max(alive, default=0)
        return Peak(most, alive.index(most) if alive else 0)


def live_bytes(graph: Graph, values: Mapping[str, Value]) -> list[int]:
    """Return the bytes of activations that are alive while each node runs."""
    root: dict[str, str] = {}
    born: dict[str, int] = {}
    last: dict[str, int] = {}
    for info in graph.inputs:
        root[info.name] = info.name
        born[info.name] = last[info.name] = 0
    for i, node in enumerate(graph.nodes):
        for name in node.inputs:
            if name in root:
                last[root[name]] = i
        for name in node.outputs:
            if name not in values or not values[name].computed:
                continue
            is_view = node.operator in VIEWS | _ROUNDING and node.inputs[0] in root
            root[name] = root[node.inputs[0]] if is_view else name
            born.setdefault(root[name], i)
            last[root[name]] = i
    for info in graph.outputs:
        if info.name in root:
            last[root[info.name]] = len(graph.nodes) - 1
    changes = [0] * (len(graph.nodes) + 1)
    for name, start in born.items():
        changes[start] += values[name].bytes
        changes[last[name] + 1] -= values[name].bytes
    alive, total = [], 0
    for change in changes[:-1]:
        total += change
        alive.append(total)
    return alive
