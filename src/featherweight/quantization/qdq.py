"""8-bit layers in a file: DequantizeLinear of int8 weights, and of a quantized input.

    x -> QuantizeLinear -> DequantizeLinear -+
                                             Conv / Gemm
    weight (int8) -> DequantizeLinear -------+

is how ONNX writes a layer that computes in integers (docs/integer-arithmetic.md): a runtime that
knows the pattern runs it so, and any other computes the same network in float32.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import torch

from featherweight.container import Network
from featherweight.container.graph import Node
from featherweight.errors import InvalidArgumentError
from featherweight.functional.integer import MOST_WEIGHTS, quantization_of, quantize_weight
from featherweight.quantization.tensors import raw, used

Ranges = Mapping[str, tuple[float, float]]


def quantized_inputs(network: Network, layers: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the values whose ranges `quantize` needs: the inputs of the layers, each once."""
    nodes = [node for node in network.graph.nodes if _is_quantized(node, network, layers)]
    return tuple(dict.fromkeys(node.inputs[0] for node in nodes))


def quantize(
    network: Network,
    ranges: Ranges,
    *,
    layers: Collection[str] | None = None,
) -> Network:
    """Return the network with 8-bit convolutions and linear layers, in ONNX's operators.

    Args:
        network: float32, batch norms folded (`fold_batch_norm`); of those left nothing changes.
        ranges: least and greatest element of each of `quantized_inputs`.
        layers: names of the weights to quantize; of all Conv and Gemm nodes, if not given.

    Raises:
        InvalidArgumentError: a range is not there or not finite, a name in `layers` is not the
            weight of a Conv or Gemm, or a row has too many weights for int32.
    """
    rewriting = _Rewriting(network, ranges)
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


def _is_quantized(node: Node, network: Network, layers: Collection[str] | None) -> bool:
    if node.operator not in ("Conv", "Gemm"):
        return False
    tensor = network.tensors.get(node.inputs[1])
    is_float = tensor is not None and tensor.dtype == "float32"
    is_plain = node.attributes.get("alpha", 1.0) == 1.0 and not node.attributes.get("transA", 0)
    return is_float and is_plain and (layers is None or node.inputs[1] in layers)


class _Rewriting:
    """The nodes and tensors of the new network, as far as they are written."""

    def __init__(self, network: Network, ranges: Ranges) -> None:
        self.nodes: list[Node] = []
        self.tensors = dict(network.tensors)
        self._ranges = ranges
        self._inputs: dict[str, str] = {}
        self._weights: dict[str, str] = {}
        self._taken = set(network.tensors) | {info.name for info in network.graph.inputs}
        self._taken.update(name for node in network.graph.nodes for name in node.outputs)

    def input(self, node: Node) -> str:
        """Return the name of the node's input after it was quantized and back."""
        name = node.inputs[0]
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
        """Return the name of the node's weight, stored in int8, as float32."""
        name = node.inputs[1]
        if name in self._weights:
            return self._weights[name]
        # Outputs are the first dimension, but for a Gemm of [in, out].
        axis = 1 if node.operator == "Gemm" and not node.attributes.get("transB", 0) else 0
        values = torch.from_numpy(np.array(self.tensors[name].dense()))
        rows = values.movedim(axis, 0)
        if rows[0].numel() > MOST_WEIGHTS:
            raise InvalidArgumentError(
                f"a row of 8-bit weights must have at most {MOST_WEIGHTS}, but {name!r} has "
                f"{rows[0].numel()}."
            )
        whole, scales = quantize_weight(rows)
        self.tensors[name] = raw(name, whole.movedim(0, axis).contiguous().numpy())
        scale = self._tensor(f"{name}_scale", scales.numpy())
        back = self._fresh(f"{name}_dequantized".replace(".", "_"))
        self.nodes.append(Node("DequantizeLinear", (name, scale), (back,), {"axis": axis}))
        self._weights[name] = back
        return back

    def _tensor(self, name: str, values: np.ndarray) -> str:
        name = self._fresh(name)
        self.tensors[name] = raw(name, values)
        return name

    def _fresh(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
