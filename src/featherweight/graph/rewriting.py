"""What a rule of `rules` sees while `simplify` walks over a draft, and what it may add."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from featherweight.container.graph import Attribute, Node
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import Value, is_real

Shape = tuple[int, ...]


@dataclass
class Rewriting:
    """The draft, its values at two sizes of the batch, and the nodes written so far."""

    draft: Draft
    runs: tuple[dict[str, Value], dict[str, Value]]
    nodes: list[Node] = field(default_factory=list)
    producers: dict[str, Node] = field(default_factory=dict)
    alias: dict[str, str] = field(default_factory=dict)
    sequences: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _count: int = 0

    def append(self, node: Node) -> None:
        """Write a node."""
        self.nodes.append(node)
        for name in node.outputs:
            self.producers[name] = node

    def constant(self, name: str) -> Tensor | None:
        """Return the value of `name` if it is known and depends neither on data nor on batch."""
        first, second = (run.get(name) for run in self.runs)
        if not isinstance(first, Tensor) or not isinstance(second, Tensor):
            return None
        if not is_real(first) or not is_real(second):
            return None
        return first if first is second or torch.equal(first, second) else None

    def shapes(self, name: str) -> tuple[Shape, Shape]:
        """Return the shape of `name` at each of the two sizes of the batch."""
        first, second = (run[name] for run in self.runs)
        return tuple(first.shape), tuple(second.shape)

    def rank(self, name: str) -> int:
        """Return the number of dimensions of `name`."""
        return len(self.shapes(name)[0])

    def tensor(self, name: str) -> Tensor | None:
        """Return the tensor that the file stores under `name`, if it is one."""
        return self.draft.tensors[name] if name in self.draft.tensors else self.constant(name)

    def is_weight(self, name: str) -> bool:
        """Return whether `name` is a tensor that training may change."""
        return name in self.draft.weights

    def producer(self, name: str, *operators: str) -> Node | None:
        """Return the node that computes `name`, if it is one of these operators."""
        node = self.producers.get(name)
        return node if node and node.operator in operators else None

    def origin(self, node: Node) -> str:
        """Return the torch operator that was lowered to this node, if the exporter said so."""
        return self.draft.origins.get(node.outputs[0], "")

    def like(self, name: str, first: Value, second: Value) -> str:
        """Return a new name for a value derived from `name`, worth this in the two runs."""
        self._count += 1
        new = f"{name}~{self._count}"
        self.runs[0][new], self.runs[1][new] = first, second
        return new

    def add_constant(self, value: Tensor) -> str:
        """Return the name of a new constant."""
        return self.like("constant", value, value)

    def add_integers(self, values: tuple[int, ...]) -> str:
        """Return the name of a new int64 constant."""
        return self.add_constant(torch.tensor(values, dtype=torch.int64))

    def add(
        self, operator: str, inputs: tuple[str, ...], shapes: tuple[Shape, Shape],
        attributes: dict[str, Attribute] | None = None,
    ) -> str:  # fmt: skip
        """Write a node with one new output of these shapes, of its first input's type."""
        dtype = self.runs[0][inputs[0]].dtype
        values = [torch.empty(shape, dtype=dtype, device="meta") for shape in shapes]
        output = self.like(inputs[0], *values)
        self.append(Node(operator, inputs, (output,), attributes or {}))
        return output

    def kept_names(self) -> set[str]:
        """Return the tensors that keep their names: weights, statistics, and named integers."""
        draft = self.draft
        return {
            name
            for name in draft.named
            if name in draft.weights or not draft.tensors[name].is_floating_point()
        }
