"""The uniform stage of a recipe: quantize what its rules say, training so where there is data."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from featherweight.container import Network
from featherweight.data import Dataset, batches
from featherweight.graph import rebuild_network
from featherweight.graph.operators import dequantize_linear
from featherweight.quantization import (
    QuantizationAwareTraining,
    calibrate,
    post_training,
    prepare,
    quantize,
)
from featherweight.quantization.tensors import raw
from featherweight.recipes.recipe import LayerRule, Recipe
from featherweight.recipes.stages import Settings, stage_checkpoint
from featherweight.training import fit

_BATCH = 64
"""Calibration inputs that run at once."""


def uniform_bits(rules: dict[str, LayerRule]) -> dict[str, int]:
    """Bits by weight, of the rules of this scheme."""
    return {
        f"{name}.weight": rule.num_bits
        for name, rule in rules.items()
        if rule.scheme == "uniform" and rule.num_bits is not None
    }


def uniform_stage(
    packed: Network,
    layers: dict[str, int],
    recipe: Recipe,
    *,
    teacher: nn.Module,
    data: Dataset | None,
    settings: Settings,
) -> tuple[Network, nn.Module]:
    """Return `packed` with `layers` quantized, and the module that computes it.

    Without data only the weights are quantized, since no range of activations is known.
    """
    config, training = recipe.uniform.quantization, recipe.uniform.training
    inputs = calibration_inputs(data, config.calibration_samples, settings.seed)
    if data is None or not training.epochs:
        small = post_training(packed, layers, config, inputs, seed=settings.seed)
        return small, rebuild_network(small)
    exact = prepare(packed, layers, config)
    ranges = calibrate(exact, layers, config, inputs)
    module = rebuild_network(exact)
    constraint = QuantizationAwareTraining(module, layers, config)
    if ranges is not None:
        constraint.watch(module, exact, ranges)
    fit(
        module,
        data,
        training,
        seed=settings.seed + 2,
        teacher=teacher if training.distillation else None,
        constraint=constraint,
        checkpoint=stage_checkpoint("uniform", module, recipe, data, settings),
        report=settings.on_epoch("train quantized"),
    )
    trained = _with_weights(exact, module)
    measured = constraint.measured_ranges() if ranges is not None else None
    small = quantize(trained, measured, layers=layers, config=config, weights=constraint.result())
    return small, rebuild_network(small)


def calibration_inputs(data: Dataset | None, samples: int, seed: int) -> list[Tensor]:
    """The first `samples` training pictures of a shuffled epoch, as the network sees them."""
    if data is None:
        return []
    images, _ = next(batches(data.train, samples, seed=seed))
    return list(torch.split(data.normalize(images), _BATCH))


def dense_weight(network: Network, name: str) -> Tensor:
    """The real numbers, flat, that the stored weight `name` of a quantized network stands for."""
    stored = torch.from_numpy(network.tensors[name].dense())
    for node in network.graph.nodes:
        if node.operator == "DequantizeLinear" and node.inputs[0] == name:
            rest = [torch.from_numpy(network.tensors[other].dense()) for other in node.inputs[1:]]
            return dequantize_linear(stored, *rest, **node.attributes).flatten()  # type: ignore[arg-type]
    return stored.flatten()


def _with_weights(network: Network, module: nn.Module) -> Network:
    """The network with the floating-point tensors of `module`; coded ones stay as they are."""
    state = module.state_dict()
    tensors = {
        name: raw(name, state[name].detach().cpu().contiguous().numpy())
        if tensor.format == "raw" and name in state
        else tensor
        for name, tensor in network.tensors.items()
    }
    return replace(network, tensors=tensors)
