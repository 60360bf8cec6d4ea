"""Which stored tensors of a graph are quantized weights, and which say what their steps mean.

A weight may be stored as steps that DequantizeLinear turns into numbers, or as codes that Gather
looks up in a codebook of vectors. Scales, zero points and codebooks weigh, but are no parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from featherweight.container.graph import Graph, Node
from featherweight.measure.values import AnyTensor

QUANTIZING = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Part of the layer that reads what they give."""


@dataclass(frozen=True)
class Quantized:
    """Names of stored tensors by what they are."""

    steps: frozenset[str]
    """Whole numbers that stand for weights: of 8 bits or fewer, or codes of vectors."""
    tables: frozenset[str]
    """Scales, zero points and codebooks."""
    vector_sizes: Mapping[str, int]
    """Weights that a code stands for, by the name of the codes."""
    rounded: frozenset[str]
    """Values that DequantizeLinear gives."""

    @classmethod
    def of(cls, graph: Graph, tensors: Mapping[str, AnyTensor]) -> "Quantized":
        """Return what the nodes of `graph` say about `tensors`."""
        tables: set[str] = set()
        steps: set[str] = set()
        sizes: dict[str, int] = {}
        rounded: set[str] = set()
        for node in graph.nodes:
            if node.operator in QUANTIZING:
                tables.update(name for name in node.inputs[1:] if name in tensors)
                # Zero points are bytes that weigh, too.
                steps.update(name for name in (node.inputs[0], *node.inputs[2:]) if name in tensors)
            if node.operator == "DequantizeLinear":
                rounded.update(node.outputs)
            if node.operator == "Gather" and all(name in tensors for name in node.inputs):
                book, codes = node.inputs
                if len(tensors[book].shape) == 2:
                    tables.add(book)
                    steps.add(codes)
                    sizes[codes] = int(tensors[book].shape[1])
        return cls(frozenset(steps), frozenset(tables), sizes, frozenset(rounded))

    def is_integer(self, node: Node) -> bool:
        """Return whether both factors of a product are quantized: it can run in integers."""
        is_product = node.operator in ("Conv", "Gemm", "MatMul")
        return is_product and self.rounded.issuperset(node.inputs[:2])
