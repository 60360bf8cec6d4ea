"""Bias correction: what quantization adds to an output on average is taken into the bias.

    bias <- bias - E[conv(x^; W^) - conv(x; W)],   a mean for each output channel

Nagel, van Baalen, Blankevoort & Welling 2019, arXiv 1906.04721, section 4.2, in its empirical form:
the mean is measured on calibration inputs, with x as the exact network computes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from featherweight.container import Network
from featherweight.graph.operators import OPERATORS
from featherweight.quantization.qdq import Layers, Ranges, output_axis, quantized_nodes, weight_of
from featherweight.quantization.ranges import as_quantized, watching
from featherweight.quantization.tensors import own_bias, raw
from featherweight.quantization.weights import QuantizedWeight


def correct_bias(
    network: Network,
    weights: Mapping[str, QuantizedWeight],
    batches: Iterable[Tensor],
    *,
    layers: Layers | None = None,
    ranges: Ranges | None = None,
) -> Network:
    """Return the float32 `network` with biases that make up for `weights`; its weights stay.

    Args:
        weights: what `quantize` will store, by the weight's name.
        batches: calibration inputs.
        ranges: of activations, if these will be quantized, too.
    """
    nodes = [n for n in quantized_nodes(network, layers) if n.inputs[1] in weights]
    inputs = list(dict.fromkeys(node.inputs[0] for node in nodes))
    run = watching(network, inputs)
    means = {node.outputs[0]: _Mean() for node in nodes}
    exact = {node.inputs[1]: weight_of(network, node) for node in nodes}
    with torch.inference_mode():
        for batch in batches:
            values = dict(zip(inputs, run(batch), strict=True))
            for node in nodes:
                x, axis = values[node.inputs[0]], output_axis(node)
                there = weights[node.inputs[1]].dense.movedim(0, axis)
                here = exact[node.inputs[1]].movedim(0, axis)
                operator = OPERATORS[node.operator].run
                error = operator(
                    as_quantized(x, node.inputs[0], ranges), there, None, **node.attributes
                )
                error = error - operator(x, here, None, **node.attributes)
                means[node.outputs[0]].add(error.transpose(0, 1).flatten(1).to(torch.float64))
    tensors, changed = dict(network.tensors), []
    for node in network.graph.nodes:
        if node.outputs[0] not in means:
            changed.append(node)
            continue
        mean = means[node.outputs[0]].value.numpy()
        new, bias = own_bias(node, network, tensors)
        before = tensors[bias].dense() if bias in tensors else np.zeros(len(mean), np.float32)
        tensors[bias] = raw(bias, (before - mean).astype(np.float32))
        changed.append(new)
    return replace(network, graph=replace(network.graph, nodes=tuple(changed)), tensors=tensors)


class _Mean:
    """The mean of each row of [channels, n] over all that is added."""

    def __init__(self) -> None:
        self._total, self._count = torch.zeros((), dtype=torch.float64), 0

    def add(self, rows: Tensor) -> None:
        self._total = self._total + rows.sum(1)
        self._count += rows.shape[1]

    @property
    def value(self) -> Tensor:
        return self._total / max(1, self._count)
