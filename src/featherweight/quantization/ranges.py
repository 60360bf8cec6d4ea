"""The ranges of activations, measured on calibration batches."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from featherweight.container import Network
from featherweight.container.graph import ValueInfo
from featherweight.errors import InvalidArgumentError
from featherweight.functional.integer import dequantize, quantization_of, quantize
from featherweight.graph import rebuild_network
from featherweight.quantization.calibration import checked, observer
from featherweight.quantization.qdq import Ranges, quantized_inputs


def measure_ranges(
    network: Network,
    batches: Iterable[Tensor],
    *,
    values: Iterable[str] | None = None,
    calibration: str = "minmax",
) -> Mapping[str, tuple[float, float]]:
    """Return the range of each value over all batches, by its name.

    Args:
        batches: inputs of the network, which has one; each is run as it comes.
        values: names of float32 values; those that `quantize` asks for, if not given.
        calibration: one of `CALIBRATIONS`; by default the least and the greatest element.

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
    module = watching(network, names)
    observers = {name: observer(calibration) for name in names}
    seen = 0
    with torch.inference_mode():
        for batch in batches:
            seen += 1
            for name, value in zip(names, module(batch), strict=True):
                observers[name].observe(value)
    if not seen:
        raise InvalidArgumentError("ranges are measured on at least 1 batch, but got none.")
    return {name: checked(name, each.range()) for name, each in observers.items()}


def watching(network: Network, names: Sequence[str]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return what computes the values of these names from the network's input."""
    watched = tuple(ValueInfo(name, "float32", ()) for name in names)
    module = rebuild_network(replace(network, graph=replace(network.graph, outputs=watched)))

    def run(batch: Tensor) -> tuple[Tensor, ...]:
        results = module(batch)
        return results if len(names) > 1 else (results,)

    return run


def as_quantized(x: Tensor, name: str, ranges: Ranges | None) -> Tensor:
    """What layers see of the activation `name`: `x` in 8 bits and back; itself without ranges."""
    if ranges is None:
        return x
    quantization = quantization_of(*ranges[name])
    return dequantize(quantize(x, quantization), quantization)
