"""Which indices of a graph's tensors must be removed together, found operator by operator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from torch import Tensor

from featherweight.container.graph import Graph, Node
from featherweight.graph.coupling.atoms import Atoms, Dim, Ids
from featherweight.graph.coupling.heads import head_dimensions
from featherweight.graph.rebuild import value_shapes

Dims = list[Dim]
"""The dimensions of one value."""
Rule = Callable[["Coupler", Node, list[Dims]], list[Dims]]
"""Ties what the operator ties of its inputs' dimensions, and returns those of its outputs."""
Attention = Literal["dimensions", "heads"]

_MOST_PASSES = 12


@dataclass(frozen=True)
class Mixing:
    """A place where an operator mixes all indices of a dimension, such as a layer norm's mean.

    Once some of them are removed, it computes over the others: the smaller network is not the
    masked one any more, but one to be retrained.
    """

    operator: str
    layer: str
    ids: Ids


@dataclass
class Coupler:
    """A graph, its values' shapes, and the atoms of each dimension of each value."""

    graph: Graph
    tensors: Mapping[str, Tensor]
    shapes: Mapping[str, tuple[int, ...]]
    heads: Mapping[str, frozenset[int]] = field(default_factory=dict)
    atoms: Atoms = field(default_factory=Atoms)
    values: dict[str, Dims] = field(default_factory=dict)
    mixings: list[Mixing] = field(default_factory=list)
    obstacles: dict[str, str] = field(default_factory=dict)
    """By output of a node: why the dimensions that it reads are fixed."""
    _own: dict[tuple[str, str, int], Dim] = field(default_factory=dict)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value at a batch of two."""
        return self.shapes[name]

    def numbers(self, name: str) -> tuple[int, ...] | None:
        """A stored tensor of integers, or None if the value is not stored."""
        if name not in self.tensors:
            return None
        return tuple(self.tensors[name].flatten().tolist())

    def own(self, node: Node, what: str, axis: int, size: int) -> Dim:
        """Atoms that belong to a node: those of its constants, or of what it makes from nothing."""
        key = (node.outputs[0], what, axis)
        if key not in self._own:
            self._own[key] = self.atoms.fresh(size)
        return self._own[key]

    def operand(self, node: Node, index: int) -> Dims:
        """The dimensions of one input; a constant is each node's own, though stored once."""
        name = node.inputs[index]
        if not name:
            return []
        if name in self.values:
            return self.values[name]
        if name not in self.tensors or not self.tensors[name].is_floating_point():
            return [None] * len(self.shape(name))
        shape = self.shape(name)
        if is_constant(name):
            return [
                self.own(node, str(index), axis, size) if size > 1 else None
                for axis, size in enumerate(shape)
            ]
        self.values[name] = [self.atoms.fresh(size) if size > 1 else None for size in shape]
        return self.values[name]

    def unify(self, a: Dim, b: Dim) -> Dim:
        """Tie two dimensions of one size index by index."""
        if a is None or b is None:
            self.atoms.fix(a)
            self.atoms.fix(b)
            return None
        self.atoms.tie(a, b)
        return a

    def fix(self, dims: Sequence[Dim]) -> None:
        for ids in dims:
            self.atoms.fix(ids)

    def filled(self, ids: Dim, size: int) -> Ids:
        """The atoms of a dimension also where it is fixed."""
        return np.zeros(size, np.int64) if ids is None else ids

    def mixes(self, node: Node, ids: Dim) -> None:
        """Note that `node` mixes all indices of a dimension."""
        roots = self.atoms.free(ids)
        if roots is not None:
            self.mixings.append(Mixing(node.operator, layer_of(node), roots))


def is_constant(name: str) -> bool:
    """Whether a stored tensor has no name of its own: constants are numbered."""
    return name.isdigit()


def layer_of(node: Node) -> str:
    """The layer whose weight a node reads, else the value that it gives."""
    weights = [name for name in node.inputs if "." in name]
    return weights[0].rpartition(".")[0] if weights else f"value {node.outputs[0]}"


def couple(
    graph: Graph, tensors: Mapping[str, Tensor], *, attention: Attention = "dimensions"
) -> Coupler:
    """Return what of `graph` goes together: a fixed point of the operators' rules.

    Inputs and outputs of the network stay as they are. An operator without a rule fixes all that
    it touches.

    Args:
        attention: remove the same dimensions of each head, or whole heads.
    """
    from featherweight.graph.coupling.rules import RULES, unknown

    shapes = {
        name: tuple(getattr(value, "shape", ()))
        for name, value in value_shapes(graph, tensors).items()
    }
    heads = head_dimensions(graph, shapes) if attention == "heads" else {}
    coupler = Coupler(graph, tensors, shapes, heads)
    for _ in range(_MOST_PASSES):
        before = coupler.atoms.changes
        coupler.mixings.clear()
        coupler.values = {k: v for k, v in coupler.values.items() if k in tensors}
        coupler.values.update((i.name, [None] * len(i.shape)) for i in graph.inputs)
        for node in graph.nodes:
            rule = RULES.get(node.operator, unknown)
            operands = [coupler.operand(node, index) for index in range(len(node.inputs))]
            results = rule(coupler, node, operands)
            coupler.values.update(zip(node.outputs, results, strict=True))
        for info in graph.outputs:
            coupler.fix(coupler.values[info.name])
        if coupler.atoms.changes == before:
            return coupler
    # Not settled: nothing that was said is wrong, but something may be missing.
    for dims in coupler.values.values():
        coupler.fix(dims)
    return coupler
