"""A quantized network is charged for what it stores, and computes in the type that it runs in."""

from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight.container import read
from featherweight.data import Dataset
from featherweight.measure import estimate_energy, profile_module
from featherweight.measure.counting import profile_network
from featherweight.quantization import UniformConfig
from featherweight.recipes import LayerRule, Recipe, compress
from featherweight.recipes.recipe import UniformStage


def module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(800, 3)
    ).eval()


def written(config: UniformConfig, num_bits: int, out: Path, data: Dataset | None, **rule: object):  # type: ignore[no-untyped-def]
    recipe = Recipe(
        "quantized",
        (LayerRule("*", num_bits=num_bits, scheme="uniform", **rule),),  # type: ignore[arg-type]
        uniform=UniformStage(config),
    )
    compress(module(), recipe, data, out / "m.fwt", input_shape=(1, 12, 12))
    network = read(out / "m.fwt")
    return profile_network(network.graph, network.tensors)


WEIGHTS = 72 + 2400


@pytest.mark.parametrize("num_bits", [4, 8])
def test_int8_layers(blobs: Dataset, tmp_path: Path, num_bits: int) -> None:
    plain = profile_module(module(), (1, 12, 12))
    found = written(UniformConfig(calibration="minmax"), num_bits, tmp_path, blobs)
    assert [layer.type for layer in found.layers] == ["Conv", "Relu", "Flatten", "Gemm"]
    assert (found.params, found.macs) == (plain.params, plain.macs) == (WEIGHTS + 3, plain.macs)
    assert found.peak_activation_bytes == plain.peak_activation_bytes
    assert [layer.name for layer in found.layers if layer.macs] == ["0", "3"]
    assert {layer.arithmetic for layer in found.layers if layer.macs} == {"int8"}
    # Steps, scales (8 + 3 of weights, 2 of activations with zero points), tables, a bias of 3.
    tables = 2 * 15 if num_bits == 4 else 0
    beside = 4 * 11 + 2 * 5 + 4 * 3 + tables
    assert found.weight_bytes == WEIGHTS * num_bits // 8 + beside
    energy, before = estimate_energy(found).total, estimate_energy(plain).total
    assert energy.arithmetic_mj < 0.2 * before.arithmetic_mj


def test_weights_only_and_pruned(tmp_path: Path) -> None:
    config = UniformConfig(activations="float32")
    found = written(config, 4, tmp_path, None, density=0.25)
    assert found.kept_params == WEIGHTS // 4 + 3
    assert found.macs < 0.3 * found.dense_macs
    assert {layer.arithmetic for layer in found.layers if layer.macs} == {"float32"}
