"""The ranges of activations, measured on calibration batches."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from featherweight.container import Network
from featherweight.container.graph import ValueInfo
from featherweight.errors import InvalidArgumentError
from featherweight.graph import rebuild
from featherweight.quantization.qdq import quantized_inputs


def measure_ranges(
    network: Network, batches: Iterable[Tensor], *, values: Iterable[str] | None = None
) -> Mapping[str, tuple[float, float]]:
    """Return the least and the greatest element of each value over all batches, by its name.

    Args:
        batches: inputs of the network, which has one; each is run as it comes.
        values: names of float32 values; those that `quantize` asks for, if not given.

    Raises:
        InvalidArgumentError: no batch, or a network of several inputs.
    """
    if len(network.graph.inputs) != 1:
        raise InvalidArgumentError(
            f"ranges are measured on networks of 1 input, but got {len(network.graph.inputs)}."
        )
    names = list(quantized_inputs(network) if values is None else values)
    if not names:
        return {}
    watched = tuple(ValueInfo(name, "float32", ()) for name in names)
    module = rebuild(
        replace(network.graph, outputs=watched),
        {name: tensor.dense() for name, tensor in network.tensors.items()},
    )
    ranges: dict[str, tuple[float, float]] = {}
    with torch.inference_mode():
        for batch in batches:
            results = module(batch)
            for name, value in zip(names, results if len(names) > 1 else [results], strict=True):
                low, high = (float(end) for end in torch.aminmax(value))
                before = ranges.get(name, (low, high))
                ranges[name] = (min(low, before[0]), max(high, before[1]))
    if not ranges:
        raise InvalidArgumentError("ranges are measured on at least 1 batch, but got none.")
    return ranges
