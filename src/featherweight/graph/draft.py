"""A graph in the making: what the exporter or an ONNX file says, before `simplify` cleans it."""

from dataclasses import dataclass, field

from torch import Tensor

from featherweight.container.graph import Node, ValueInfo


@dataclass
class Draft:
    """Nodes in execution order, and the tensors they read.

    `named` are the tensors that came with a name of their own, not as a constant of a node, and
    `weights` those of them that training may change: they are never folded into others.
    `layers` gives, for an output of a node, the layer it came from (for error messages), and
    `origins` the torch operator that was lowered to it, such as ``"silu"``, and `annotations`
    type and shape as the exporter noted them. With `storage_only`, operators outside the subset
    are let through, and described by these notes.
    """

    inputs: tuple[ValueInfo, ...]
    outputs: tuple[str, ...]
    nodes: list[Node]
    tensors: dict[str, Tensor]
    named: set[str]
    weights: set[str]
    operator_set: int
    storage_only: bool = False
    layers: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, ValueInfo] = field(default_factory=dict)

    def layer(self, node: Node) -> str:
        """Return the layer that a node came from; empty if it is not known."""
        return self.layers.get(node.outputs[0], "") if node.outputs else ""
