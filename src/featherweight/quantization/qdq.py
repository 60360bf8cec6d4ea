"""Quantized layers in a file: DequantizeLinear of stored steps, and of a quantized input.

    x -> QuantizeLinear -> DequantizeLinear -+
                                             Conv / Gemm
    weight (int8) -> DequantizeLinear -------+

is how ONNX writes a layer that computes in integers (docs/integer-arithmetic.md): a runtime that
knows the pattern runs it so, and any other computes the same network in float32. Without the
nodes of x only the weights are quantized; with one scale a tensor these are then a codebook.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from featherweight.container import Network
from featherweight.container.graph import Node
from featherweight.errors import InvalidArgumentError
from featherweight.functional.integer import MOST_WEIGHTS, quantization_of
from featherweight.quantization.config import UniformConfig
from featherweight.quantization.tensors import raw, used
from featherweight.quantization.weights import (
    QuantizedWeight,
    codebook_tensor,
    integer_tensor,
    minmax_tensor,
    quantized_weight,
)

Ranges = Mapping[str, tuple[float, float]]
Layers = Collection[str] | Mapping[str, int]
"""Names of the weights to quantize, to 8 bits or to as many as each says."""

_PLAIN = UniformConfig()


def quantized_inputs(network: Network, layers: Layers | None = None) -> tuple[str, ...]:
    """Return the values whose ranges `quantize` needs: the inputs of the layers, each once."""
    return tuple(dict.fromkeys(node.inputs[0] for node in quantized_nodes(network, layers)))


def quantized_nodes(network: Network, layers: Layers | None = None) -> list[Node]:
    """Return the nodes that `quantize` quantizes: Conv and Gemm with a stored float32 weight."""
    return [node for node in network.graph.nodes if _is_quantized(node, network, layers)]


def weight_of(network: Network, node: Node) -> Tensor:
    """Return the weight of a Conv or Gemm as [out, ...]."""
    values = torch.from_numpy(np.array(network.tensors[node.inputs[1]].dense()))
    return values.movedim(output_axis(node), 0)


def output_axis(node: Node) -> int:
    """Return the weight's dimension of outputs: the first, but for a Gemm of [in, out]."""
    return 1 if node.operator == "Gemm" and not node.attributes.get("transB", 0) else 0


def quantize(
    network: Network,
    ranges: Ranges | None,
    *,
    layers: Layers | None = None,
    config: UniformConfig = _PLAIN,
    weights: Mapping[str, QuantizedWeight] | None = None,
) -> Network:
    """Return the network with quantized convolutions and linear layers, in ONNX's operators.

    Args:
        network: float32, batch norms folded (`fold_batch_norm`); of those left nothing changes.
        ranges: least and greatest element of each of `quantized_inputs`; None: weights only.
        layers: which weights, and to how many bits; those of all Conv and Gemm nodes to 8, if not
            given.
        config: grid, granularity and range of the weights.
        weights: those that were quantized before (AdaRound, training); the others are rounded.

    Raises:
        InvalidArgumentError: a range is not there or not finite, a name in `layers` is not the
            weight of a Conv or Gemm, or a row has too many weights for int32.
    """
    rewriting = _Rewriting(network, ranges, layers, config, weights or {})
    done: set[str] = set()
    for node in network.graph.nodes:
        if _is_quantized(node, network, layers):
            done.add(node.inputs[1])
            inputs = (rewriting.input(node), rewriting.weight(node), *node.inputs[2:])
            rewriting.nodes.append(replace(node, inputs=inputs))
        else:
            rewriting.nodes.append(node)
    unknown = sorted(set(layers or ()) - done)
    if unknown:
        raise InvalidArgumentError(
            f"`layers` must name weights of Conv or Gemm nodes, but got {unknown[0]!r}."
        )
    graph = replace(network.graph, nodes=tuple(rewriting.nodes))
    return replace(network, graph=graph, tensors=used(graph, rewriting.tensors))


def _is_quantized(node: Node, network: Network, layers: Layers | None) -> bool:
    if node.operator not in ("Conv", "Gemm"):
        return False
    tensor = network.tensors.get(node.inputs[1])
    is_float = tensor is not None and tensor.dtype == "float32"
    is_plain = node.attributes.get("alpha", 1.0) == 1.0 and not node.attributes.get("transA", 0)
    return is_float and is_plain and (layers is None or node.inputs[1] in layers)


class _Rewriting:
    """The nodes and tensors of the new network, as far as they are written."""

    def __init__(
        self,
        network: Network,
        ranges: Ranges | None,
        layers: Layers | None,
        config: UniformConfig,
        weights: Mapping[str, QuantizedWeight],
    ) -> None:
        self.nodes: list[Node] = []
        self.tensors = dict(network.tensors)
        self._network, self._ranges, self._config = network, ranges, config
        self._bits = layers if isinstance(layers, Mapping) else {}
        self._given = weights
        self._inputs: dict[str, str] = {}
        self._weights: dict[str, str] = {}
        self._taken = set(network.tensors) | {info.name for info in network.graph.inputs}
        self._taken.update(name for node in network.graph.nodes for name in node.outputs)

    def input(self, node: Node) -> str:
        """Return the name of the node's input after it was quantized and back."""
        name = node.inputs[0]
        if self._ranges is None:
            return name
        if name in self._inputs:
            return self._inputs[name]
        if name not in self._ranges:
            raise InvalidArgumentError(f"`ranges` must have one for each input, but not {name!r}.")
        quantization = quantization_of(*self._ranges[name])
        scale = self._tensor(f"{name}_scale", np.array(quantization.scale, np.float32))
        zero = self._tensor(f"{name}_zero_point", np.array(quantization.zero_point, np.uint8))
        whole, back = self._fresh(f"{name}_quantized"), self._fresh(f"{name}_dequantized")
        self.nodes.append(Node("QuantizeLinear", (name, scale, zero), (whole,)))
        self.nodes.append(Node("DequantizeLinear", (whole, scale, zero), (back,)))
        self._inputs[name] = back
        return back

    def weight(self, node: Node) -> str:
        """Return the name of the node's weight, stored as quantized, as float32."""
        name = node.inputs[1]
        if name not in self._weights:
            self._weights[name] = self._new_weight(node, name)
        return self._weights[name]

    def _new_weight(self, node: Node, name: str) -> str:
        values = weight_of(self._network, node)
        axis, num_bits = output_axis(node), self._bits.get(name, 8)
        if self._config.grid == "minmax":
            self.tensors[name] = minmax_tensor(name, values.movedim(0, axis), num_bits)
            return name
        weight = self._given.get(name) or quantized_weight(values, num_bits, self._config)
        is_grouped = len(weight.steps) > values.shape[0]
        if axis and (is_grouped or len(weight.steps) == 1):
            raise InvalidArgumentError(
                f"`granularity` must be channel for a Gemm of [in, out], but got "
                f"granularity={self._config.granularity!r} for {name!r}."
            )
        if self._ranges is None and len(weight.steps) == 1:
            self.tensors[name] = codebook_tensor(name, weight)
            return name
        if self._ranges is not None and values[0].numel() > MOST_WEIGHTS:
            raise InvalidArgumentError(
                f"a row of 8-bit weights must have at most {MOST_WEIGHTS}, but {name!r} has "
                f"{values[0].numel()}."
            )
        return self._dequantized(name, weight, axis, is_grouped)

    def _dequantized(self, name: str, weight: QuantizedWeight, axis: int, is_grouped: bool) -> str:
        """Store the steps and write what makes them floats."""
        grid, is_symmetric = weight.grid, weight.grid.low < 0
        dtype = torch.int8 if is_symmetric else torch.uint8
        shape = tuple(weight.steps.shape) if is_grouped else weight.shape
        steps = weight.steps.to(dtype).reshape(shape).movedim(0, axis).contiguous().numpy()
        self.tensors[name] = integer_tensor(name, steps, zero=0 if is_symmetric else None)
        is_one = len(weight.steps) == 1
        numbers = (grid.scale[0] if is_one else grid.scale).numpy()
        inputs = [name, self._tensor(f"{name}_scale", np.array(numbers))]
        if not is_symmetric:
            zero = (grid.zero_point[0] if is_one else grid.zero_point).to(torch.uint8).numpy()
            inputs.append(self._tensor(f"{name}_zero_point", np.array(zero)))
        back = self._fresh(f"{name}_dequantized".replace(".", "_"))
        attributes = {} if is_one else {"axis": axis}
        self.nodes.append(Node("DequantizeLinear", tuple(inputs), (back,), attributes))
        if not is_grouped:
            return back
        size = self._tensor(f"{name}_shape", np.array(weight.shape, np.int64))
        whole = self._fresh(f"{name}_grouped".replace(".", "_"))
        self.nodes.append(Node("Reshape", (back, size), (whole,)))
        return whole

    def _tensor(self, name: str, values: np.ndarray) -> str:
        name = self._fresh(name)
        self.tensors[name] = raw(name, values)
        return name

    def _fresh(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
