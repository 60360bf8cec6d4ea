"""The cost of each layer: the nodes of a graph, with the stored tensors that they read.

A stored tensor is charged to the first layer that reads it, once. What is done to weights alone
(a transpose, steps that become numbers) is no layer: it is done before the first inference. A bias
that the exporter writes as an addition of its own belongs to the product before it; so does the
rounding of an input to the layer that reads it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from featherweight.container.graph import Graph, Node
from featherweight.measure.liveness import VIEWS
from featherweight.measure.operations import (
    MatrixProduct,
    OneBit,
    matrix_product,
    one_bit_operands,
    other_operations,
)
from featherweight.measure.quantized import QUANTIZING, Quantized
from featherweight.measure.stored import is_floating, signs_cost, stored_cost
from featherweight.measure.values import AnyTensor, Value

_LAYOUT = VIEWS | {"Cast", "Concat", "Expand", "Gather", "Pad", "Slice", "Split", "Transpose"}
"""Operators that move or rename data, and compute nothing."""


@dataclass(frozen=True)
class LayerCost:
    """One layer's share of the cost of an inference, in operations and bytes."""

    name: str
    type: str
    """The ONNX operator."""
    params: int
    kept_params: int
    macs: int
    dense_macs: int
    other_operations: int
    weight_elements: int
    """Elements of all its stored tensors, statistics and constants included."""
    weight_bytes: int
    input_bytes: int
    """Bytes of activations that it reads."""
    activation_bytes: int
    """Bytes of activations that it writes; none if it only renames its input."""
    output_shape: tuple[int, ...]
    dtype: str
    """Type of the values that it computes."""
    arithmetic: str
    """Type of its products: that, or int8 where weights and inputs are quantized."""
    product: MatrixProduct | None = None
    formats: tuple[str, ...] = ()
    one_bit: OneBit = ""
    """What has one bit an element: its weights, its weights and inputs both, or nothing."""

    @property
    def is_view(self) -> bool:
        """Whether it only renames its input, and moves nothing."""
        return self.type in VIEWS

    @property
    def bytes_moved(self) -> int:
        """Weights and inputs read once, outputs written once."""
        if self.is_view:
            return self.weight_bytes
        return self.weight_bytes + self.input_bytes + self.activation_bytes

    @property
    def arithmetic_intensity(self) -> float:
        """Multiply-adds for each byte moved."""
        return self.macs / self.bytes_moved if self.bytes_moved else 0.0


@dataclass
class _Walk:
    """What is known on the way through the nodes."""

    tensors: Mapping[str, AnyTensor]
    values: Mapping[str, Value]
    statistics: frozenset[str]
    quantized: Quantized
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The stored tensors that a value is made from, where it is made from them alone."""
    charged: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def stored(self, names: Iterable[str]) -> list[str]:
        """Return the stored tensors behind these values, each once."""
        found = (source for name in names for source in self.sources.get(name, ()))
        return list(dict.fromkeys(found))

    def name(self, node: Node, stored: list[str]) -> str:
        """Return the path of the layer's own tensors, or its operator and its number."""
        path = _path([each for each in stored if each not in self.quantized.tables])
        if path:
            return path
        self.counts[node.operator] += 1
        return f"{node.operator.lower()}_{self.counts[node.operator]}"


def layer_costs(
    graph: Graph, tensors: Mapping[str, AnyTensor], values: Mapping[str, Value]
) -> tuple[tuple[LayerCost, ...], dict[int, str]]:
    """Return the layers in execution order, and the name of the layer of each node by its index."""
    normalizations = (node for node in graph.nodes if node.operator == "BatchNormalization")
    statistics = frozenset(name for node in normalizations for name in node.inputs[3:5])
    quantized = Quantized.of(graph, tensors)
    walk = _Walk(tensors, values, statistics, quantized, {name: (name,) for name in tensors})
    layers: list[LayerCost] = []
    maker: dict[str, int] = {}
    names: dict[int, str] = {}
    for i, node in enumerate(graph.nodes):
        is_part = node.operator == "Shape" or node.operator in QUANTIZING
        if is_part or not _is_layer(node, values):
            for name in node.outputs:
                walk.sources[name] = tuple(walk.stored(node.inputs))
            continue
        layer = _layer(node, walk)
        before = next((maker[name] for name in node.inputs if name in maker), None)
        if before is not None and _is_bias(node, layers[before], layer):
            layers[before] = _with_bias(layers[before], layer)
        else:
            before = len(layers)
            layers.append(layer)
        names[i] = layers[before].name
        maker.update(dict.fromkeys(node.outputs, before))
    return tuple(layers), names


def _is_layer(node: Node, values: Mapping[str, Value]) -> bool:
    is_computed = any(values[name].computed for name in node.outputs if name in values)
    return is_computed or node.operator not in _LAYOUT


def _layer(node: Node, walk: _Walk) -> LayerCost:
    values = walk.values
    outputs = [values[name] for name in node.outputs if name in values]
    stored = walk.stored(node.inputs)
    own = [name for name in stored if name not in walk.charged and _is_charged(name, walk)]
    walk.charged.update(own)
    one_bit = one_bit_operands(node)
    costs = {
        name: (signs_cost if one_bit and name == node.inputs[1] else stored_cost)(
            walk.tensors[name]
        )
        for name in own
    }
    aside = walk.statistics | walk.quantized.tables
    weights = [name for name in own if not name.isdigit() and name not in aside]
    sizes = walk.quantized.vector_sizes
    dtype = outputs[0].dtype if outputs else ""
    product = matrix_product(node, values)
    dense_macs = product.macs if product else 0
    return LayerCost(
        name=walk.name(node, stored),
        type=node.operator,
        params=sum(costs[name].elements * sizes.get(name, 1) for name in weights),
        kept_params=sum(costs[name].kept * sizes.get(name, 1) for name in weights),
        macs=_kept_macs(dense_macs, node, walk),
        dense_macs=dense_macs,
        other_operations=other_operations(node, values),
        weight_elements=sum(cost.elements for cost in costs.values()),
        weight_bytes=sum(cost.bytes for cost in costs.values()),
        input_bytes=sum(values[name].bytes for name in _distinct(node.inputs, values)),
        activation_bytes=0 if node.operator in VIEWS else sum(v.bytes for v in outputs),
        output_shape=outputs[0].shape if outputs else (),
        dtype=dtype,
        arithmetic="int8" if walk.quantized.is_integer(node) else dtype,
        product=product,
        formats=tuple(costs[name].format for name in weights),
        one_bit=one_bit,
    )


def _is_charged(name: str, walk: _Walk) -> bool:
    """Numbers, and whole steps that stand for numbers; not shapes and indices."""
    return is_floating(walk.tensors[name]) or name in walk.quantized.steps


def _distinct(names: Iterable[str], values: Mapping[str, Value]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name in values and values[name].computed]


def _kept_macs(dense_macs: int, node: Node, walk: _Walk) -> int:
    """Return the multiply-adds of the kept weights: each weight takes part in equally many."""
    if not dense_macs:
        return 0
    sources = walk.sources.get(node.inputs[1], ())
    stored = [name for name in sources if name not in walk.quantized.tables]
    if len(stored) != 1:
        return dense_macs
    cost = stored_cost(walk.tensors[stored[0]])
    return dense_macs * cost.kept // max(1, cost.elements)


def _path(stored: list[str]) -> str:
    named = [name for name in stored if not name.isdigit()]
    return (named[0].rpartition(".")[0] or named[0]) if named else ""


def _is_bias(node: Node, before: LayerCost, layer: LayerCost) -> bool:
    return node.operator == "Add" and before.product is not None and before.name == layer.name


def _with_bias(layer: LayerCost, bias: LayerCost) -> LayerCost:
    return replace(
        layer,
        params=layer.params + bias.params,
        kept_params=layer.kept_params + bias.kept_params,
        other_operations=layer.other_operations + bias.other_operations,
        weight_elements=layer.weight_elements + bias.weight_elements,
        weight_bytes=layer.weight_bytes + bias.weight_bytes,
        formats=layer.formats + bias.formats,
    )
