"""The names of a graph: its own for weights, ordinals for the rest, since a file pays for bytes."""

from collections.abc import Iterator

from torch import Tensor

from featherweight.container.graph import Graph, Node, ValueInfo
from featherweight.graph.rewriting import Rewriting

_Content = tuple[str, tuple[int, ...], bytes]


class _Names:
    """New names by old ones, given in the order in which they are asked for."""

    def __init__(self, graph: Graph, rewriting: Rewriting) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._rewriting = rewriting
        self._kept = rewriting.kept_names()
        self._by_content: dict[_Content, str] = {}
        inputs = {info.name: info.name for info in graph.inputs}
        taken = self._kept | set(inputs)
        outputs = _output_names(len(graph.outputs), taken)
        self._new = inputs | {"": ""}
        self._new |= {info.name: new for info, new in zip(graph.outputs, outputs, strict=True)}
        self._ordinals = _ordinals(taken | set(outputs))

    def __call__(self, old: str) -> str:
        if old not in self._new:
            tensor = self._rewriting.tensor(old)
            self._new[old] = next(self._ordinals) if tensor is None else self._store(old, tensor)
        return self._new[old]

    def _store(self, old: str, tensor: Tensor) -> str:
        """Constants that are equal share one tensor; a weight is never another's."""
        if old in self._kept and tensor.is_floating_point():
            self.tensors[old] = tensor
            return old
        content = _content(tensor)
        if old in self._kept or content not in self._by_content:
            name = old if old in self._kept else next(self._ordinals)
            self.tensors[name] = tensor
            self._by_content.setdefault(content, name)
            return name
        return self._by_content[content]


def with_short_names(graph: Graph, rewriting: Rewriting) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph with its values renamed, and the tensors that it reads by their names."""
    names = _Names(graph, rewriting)
    nodes = tuple(
        Node(
            node.operator,
            tuple(names(name) for name in node.inputs),
            tuple(names(name) for name in node.outputs),
            dict(sorted(node.attributes.items())),
        )
        for node in graph.nodes
    )
    outputs = tuple(ValueInfo(names(o.name), o.dtype, o.shape) for o in graph.outputs)
    return Graph(graph.inputs, outputs, nodes, graph.operator_set), names.tensors


def _ordinals(taken: set[str]) -> Iterator[str]:
    number = 0
    while True:
        if str(number) not in taken:
            yield str(number)
        number += 1


def _output_names(count: int, taken: set[str]) -> list[str]:
    names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
    while taken.intersection(names):
        names = [f"{name}_" for name in names]
    return names


def _content(tensor: Tensor) -> _Content:
    if tensor.is_meta:  # Nothing is known of its content: it is like no other.
        return str(tensor.dtype), tuple(tensor.shape), str(id(tensor)).encode()
    data = tensor.detach().cpu().contiguous()
    return str(data.dtype), tuple(data.shape), data.numpy().tobytes()
