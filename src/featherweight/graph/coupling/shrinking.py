"""A graph without some of its channels: smaller tensors, and the sizes that nodes name, corrected.

The counterpart of `rules`: there an operator says what it ties, here what of it changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from featherweight.container.graph import Graph, Node
from featherweight.graph.coupling.atoms import Dim, Ids
from featherweight.graph.coupling.attributes import number
from featherweight.graph.coupling.coupler import Coupler, Dims, is_constant
from featherweight.graph.coupling.rules import padding, slices


@dataclass
class Shrinking:
    """What is written of the smaller graph so far."""

    coupler: Coupler
    removed: NDArray[np.bool_]
    """By class of atoms."""
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    producers: dict[str, Node] = field(default_factory=dict)
    _numbered: int = 0

    def kept(self, ids: Ids) -> NDArray[np.bool_]:
        """Which indices of a dimension stay."""
        return ~self.removed[self.coupler.atoms.roots(ids)]

    def size(self, ids: Dim, before: int) -> int:
        """How many of `before` indices stay."""
        return before if ids is None else int(self.kept(ids).sum())

    def sliced(self, tensor: Tensor, dims: Dims) -> Tensor:
        """A tensor without what is removed."""
        for axis, ids in enumerate(dims):
            if ids is not None and not self.kept(ids).all():
                kept = torch.from_numpy(np.flatnonzero(self.kept(ids)))
                tensor = tensor.index_select(axis, kept.to(tensor.device))
        return tensor

    def constant(self, numbers: list[int]) -> str:
        """Store integers under a number that no value has."""
        return self.store(torch.tensor(numbers, dtype=torch.int64))

    def store(self, tensor: Tensor) -> str:
        taken = self.coupler.shapes
        while str(self._numbered) in taken or str(self._numbered) in self.tensors:
            self._numbered += 1
        self.tensors[str(self._numbered)] = tensor
        return str(self._numbered)

    def append(self, node: Node) -> None:
        self.nodes.append(node)
        self.producers.update((name, node) for name in node.outputs)


def shrink(coupler: Coupler, removed: Ids) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph without the classes `removed` of atoms, and its tensors.

    Args:
        coupler: what `couple` returned for the graph.
        removed: classes, as `Atoms.roots` gives them; all their indices go.
    """
    flags = np.zeros(len(coupler.atoms), np.bool_)
    flags[removed] = True
    s = Shrinking(coupler, flags)
    for node in coupler.graph.nodes:
        inputs = tuple(_operand(s, node, index) for index in range(len(node.inputs)))
        s.append(_EDITS.get(node.operator, _as_it_is)(s, replace(node, inputs=inputs), node))
    return replace(coupler.graph, nodes=tuple(s.nodes)), s.tensors


def _operand(s: Shrinking, node: Node, index: int) -> str:
    """Store what a node reads of the tensors, smaller where it has to be."""
    name = node.inputs[index]
    if name not in s.coupler.tensors:
        return name
    tensor = s.coupler.tensors[name]
    small = s.sliced(tensor, s.coupler.operand(node, index))
    if is_constant(name) and small is not tensor:
        return s.store(small)
    s.tensors[name] = small
    return name


def _as_it_is(s: Shrinking, node: Node, before: Node) -> Node:
    return node


def _conv(s: Shrinking, node: Node, before: Node) -> Node:
    if number(node, "group", 1) == 1:
        return node
    channels = s.coupler.values[before.inputs[0]][1]
    left = s.size(channels, s.coupler.shape(before.inputs[0])[1])
    # The weight may be computed (standardised), not stored.
    inside = s.coupler.operand(before, 1)[1]
    group = left // s.size(inside, s.coupler.shape(before.inputs[1])[1])
    return replace(node, attributes={**node.attributes, "group": group})


def _reshape(s: Shrinking, node: Node, before: Node) -> Node:
    """Write the smaller sizes where the shape names sizes; -1 and 0 follow by themselves."""
    dims, shape = s.coupler.values[node.outputs[0]], s.coupler.shape(node.outputs[0])
    smaller = {
        axis: s.size(ids, shape[axis])
        for axis, ids in enumerate(dims)
        if ids is not None and s.size(ids, shape[axis]) != shape[axis]
    }
    if not smaller:
        return node
    return replace(node, inputs=(node.inputs[0], _corrected(s, node.inputs[1], smaller)))


def _corrected(s: Shrinking, name: str, smaller: Mapping[int, int]) -> str:
    """The list of sizes `name` with other numbers at some places, also where it is put together."""
    numbers = s.coupler.numbers(name)
    if numbers is not None:
        changed = [smaller.get(i, n) if n > 1 else n for i, n in enumerate(numbers)]
        return s.constant(changed) if changed != list(numbers) else name
    producer = s.producers.get(name)
    if producer is None or producer.operator != "Concat":
        return name
    inputs, first = [], 0
    for part in producer.inputs:
        count = s.coupler.shape(part)[0]
        inside = {i - first: n for i, n in smaller.items() if first <= i < first + count}
        inputs.append(_corrected(s, part, inside) if inside else part)
        first += count
    output = f"{name}~{len(s.nodes)}"
    s.append(replace(producer, inputs=tuple(inputs), outputs=(output,)))
    return output


def _split(s: Shrinking, node: Node, before: Node) -> Node:
    axis = number(node, "axis", 0)
    old = [s.coupler.shape(name)[axis] for name in node.outputs]
    new = [
        s.size(s.coupler.values[name][axis], size)
        for name, size in zip(node.outputs, old, strict=True)
    ]
    if new == old:
        return node
    attributes = {key: value for key, value in node.attributes.items() if key != "num_outputs"}
    return replace(node, inputs=(node.inputs[0], s.constant(new)), attributes=attributes)


def _slice(s: Shrinking, node: Node, before: Node) -> Node:
    bounds = slices(s.coupler, before)
    source = s.coupler.values[before.inputs[0]]
    if bounds is None or all(source[axis] is None for axis in bounds):
        return node
    starts, ends, steps = [], [], []
    for axis, part in bounds.items():
        ids = source[axis]
        if ids is None:
            first, last, step = part.start, part.stop, part.step
        else:
            kept = s.kept(ids)
            first, step = int(kept[: part.start].sum()), part.step
            last = first + int(kept[part.start : part.stop].sum())
        starts.append(first)
        ends.append(last)
        steps.append(step)
    lists = (starts, ends, list(bounds), steps)
    return replace(node, inputs=(node.inputs[0], *(s.constant(numbers) for numbers in lists)))


def _gather(s: Shrinking, node: Node, before: Node) -> Node:
    source = s.coupler.values.get(before.inputs[0], s.coupler.operand(before, 0))
    ids = source[number(node, "axis", 0)]
    indices = s.coupler.numbers(before.inputs[1])
    if ids is None or indices is None or s.kept(ids).all():
        return node
    kept = s.kept(ids)
    places = np.cumsum(kept) - 1
    left = [int(places[i]) for i in indices if kept[i]]
    return replace(node, inputs=(node.inputs[0], s.constant(left)))


def _pad(s: Shrinking, node: Node, before: Node) -> Node:
    amounts = padding(s.coupler, before)
    dims = s.coupler.values[node.outputs[0]]
    if amounts is None:
        return node
    new = dict(amounts)
    for axis, (first, last) in amounts.items():
        ids = dims[axis]
        if ids is not None and first + last:
            kept = s.kept(ids)
            new[axis] = (int(kept[:first].sum()), int(kept[len(kept) - last :].sum()))
    if new == amounts:
        return node
    pads = [pair[0] for pair in new.values()] + [pair[1] for pair in new.values()]
    value = node.inputs[2] if len(node.inputs) > 2 else ""
    return replace(node, inputs=(node.inputs[0], s.constant(pads), value, s.constant(list(new))))


_EDITS: Mapping[str, Callable[[Shrinking, Node, Node], Node]] = {
    "Conv": _conv,
    "Expand": _reshape,
    "Gather": _gather,
    "Pad": _pad,
    "Reshape": _reshape,
    "Slice": _slice,
    "Split": _split,
}
