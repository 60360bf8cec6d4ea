"""Quantization without training: fold, equalize, calibrate, round, correct, write."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from featherweight.container import Network
from featherweight.errors import InvalidArgumentError
from featherweight.quantization.adaround import adaround
from featherweight.quantization.bias_correction import correct_bias
from featherweight.quantization.config import UniformConfig
from featherweight.quantization.equalization import equalize
from featherweight.quantization.folding import fold_batch_norm
from featherweight.quantization.qdq import (
    Ranges,
    quantize,
    quantized_inputs,
    quantized_nodes,
    weight_of,
)
from featherweight.quantization.ranges import measure_ranges
from featherweight.quantization.weights import QuantizedWeight, quantized_weight


def prepare(network: Network, layers: Mapping[str, int], config: UniformConfig) -> Network:
    """Return the float32 network whose weights are quantized: folded, and equalized if asked."""
    if config.grid == "minmax":
        return network  # the lecture's scheme takes the weights as they are
    folded = fold_batch_norm(network, layers)
    return equalize(folded) if config.equalize else folded


def calibrate(
    network: Network, layers: Mapping[str, int], config: UniformConfig, batches: Sequence[Tensor]
) -> Ranges | None:
    """Return the ranges of the layers' inputs; None where activations stay float32."""
    if config.activations == "float32" or not batches:
        return None
    names = quantized_inputs(network, layers)
    return measure_ranges(network, batches, values=names, calibration=config.calibration)


def post_training(
    network: Network,
    layers: Mapping[str, int],
    config: UniformConfig,
    batches: Sequence[Tensor] = (),
    *,
    seed: int = 0,
) -> Network:
    """Return the network with quantized layers, in ONNX's operators.

    Args:
        network: float32, as captured.
        layers: bits by the name of the weight.
        batches: calibration inputs; without any only the weights are quantized.

    Raises:
        InvalidArgumentError: a method needs calibration inputs and there are none, or a name is
            not the weight of a Conv or Gemm.
    """
    exact = prepare(network, layers, config)
    if config.grid == "minmax":
        return quantize(exact, None, layers=layers, config=config)
    needs = config.adaround is not None or config.correct_bias
    if needs and not batches:
        method = "adaround" if config.adaround is not None else "correct_bias"
        raise InvalidArgumentError(f"`{method}` needs calibration inputs, but there are none.")
    ranges = calibrate(exact, layers, config, batches)
    weights = rounded(exact, layers, config, batches, ranges=ranges, seed=seed)
    if config.correct_bias:
        exact = correct_bias(exact, weights, batches, layers=layers, ranges=ranges)
    return quantize(exact, ranges, layers=layers, config=config, weights=weights)


def rounded(
    exact: Network,
    layers: Mapping[str, int],
    config: UniformConfig,
    batches: Sequence[Tensor],
    *,
    ranges: Ranges | None = None,
    seed: int = 0,
) -> dict[str, QuantizedWeight]:
    """Return the quantized weights by name: rounded to the nearest, or by AdaRound."""
    if config.adaround is not None:
        return adaround(exact, layers, config, batches, ranges=ranges, seed=seed)
    return {
        node.inputs[1]: quantized_weight(weight_of(exact, node), layers[node.inputs[1]], config)
        for node in quantized_nodes(exact, layers)
    }
