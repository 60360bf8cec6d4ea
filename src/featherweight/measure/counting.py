"""What a network costs, layer by layer: parameters, multiply-adds, bytes, peak memory.

Everything is counted on the graph, so that a module, an `.onnx`, a `.pt2` and a `.fwt` file go one
way, and a compressed network is charged what it costs as it is stored.

>>> profile_module(module, (3, 224, 224)).macs
>>> profile_network(network.graph, network.tensors).weight_bytes
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from featherweight.container.graph import Graph
from featherweight.graph.capture import capture
from featherweight.graph.without_weights import without_weights
from featherweight.measure.layers import LayerCost, layer_costs
from featherweight.measure.liveness import Peak, live_bytes
from featherweight.measure.values import AnyTensor, graph_values


@dataclass(frozen=True)
class Profile:
    """The cost of one inference. Sums are over `layers`; docs/cost.md defines each figure."""

    layers: tuple[LayerCost, ...]
    input_shape: tuple[int, ...]
    """Of the first input, with the batch."""
    input_bytes: int
    output_bytes: int
    peak_activation_bytes: int
    """The most bytes of activations that are alive at once, in execution order."""
    peak_layer: str
    """The layer that runs when the peak is reached."""
    formats: Mapping[str, int] = field(default_factory=dict)
    """How many weight tensors are stored in each format."""

    @cached_property
    def params(self) -> int:
        """Parameters that inference reads, zeros included."""
        return sum(layer.params for layer in self.layers)

    @cached_property
    def kept_params(self) -> int:
        """Parameters that are stored: those that are not pruned away."""
        return sum(layer.kept_params for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of the weights that are kept."""
        return sum(layer.macs for layer in self.layers)

    @cached_property
    def dense_macs(self) -> int:
        """Multiply-adds of the same network with no weight pruned."""
        return sum(layer.dense_macs for layer in self.layers)

    @cached_property
    def other_operations(self) -> int:
        """Operations that are not part of a multiply-add."""
        return sum(layer.other_operations for layer in self.layers)

    @cached_property
    def weight_bytes(self) -> int:
        """Bytes of the stored tensors, before entropy coding."""
        return sum(layer.weight_bytes for layer in self.layers)

    @cached_property
    def activation_bytes(self) -> int:
        """Bytes of all that the layers write, views not counted."""
        return sum(layer.activation_bytes for layer in self.layers)

    @property
    def batch(self) -> int:
        """How many samples one inference takes."""
        return self.input_shape[0]


def profile_module(module: nn.Module, input_shape: tuple[int, ...], *, batch: int = 1) -> Profile:
    """Return what `module` costs in evaluation mode. Its weights are neither read nor copied.

    Args:
        module: any module that `capture` can take, on any device, the meta device included.
        input_shape: without the batch, such as (3, 224, 224).
        batch: how many samples one inference takes.

    Raises:
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
        InvalidArgumentError: the module cannot be traced at this shape.
    """
    example = torch.empty(batch, *input_shape, device="meta")
    graph, tensors = capture(without_weights(module), example, batch=None)
    return profile_network(graph, tensors)


def profile_network(
    graph: Graph,
    tensors: Mapping[str, AnyTensor],
    input_shape: tuple[int, ...] | None = None,
    *,
    batch: int | None = None,
) -> Profile:
    """Return what a graph costs with `tensors`, dense or coded.

    Args:
        graph: operators within the subset.
        tensors: by name; coded ones are charged for what they keep.
        input_shape: without the batch; by default the graph's own. A network whose layers do not
            depend on the size of its input can be counted at another.
        batch: by default 1, or the graph's own where that is fixed.

    Raises:
        UnsupportedOperatorError: an operator outside the subset; the message names its layer.
        InvalidArgumentError: the graph does not fit `input_shape`.
    """
    values = graph_values(graph, tensors, input_shape, batch)
    layers, layer_of_node = layer_costs(graph, tensors, values)
    alive = live_bytes(graph, values)
    peak = Peak.of(alive)
    formats: dict[str, int] = {}
    for layer in layers:
        for name in layer.formats:
            formats[name] = formats.get(name, 0) + 1
    return Profile(
        layers=layers,
        input_shape=values[graph.inputs[0].name].shape,
        input_bytes=sum(values[info.name].bytes for info in graph.inputs),
        output_bytes=sum(values[info.name].bytes for info in graph.outputs),
        peak_activation_bytes=peak.bytes,
        peak_layer=layer_of_node.get(peak.node, ""),
        formats=formats,
    )
