"""Uniform layers in recipes: they compose with pruning and sharing, and read back to the bit."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from featherweight.container import read
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.graph import load
from featherweight.quantization import UniformConfig
from featherweight.recipes import LayerRule, Recipe, compress
from featherweight.recipes.recipe import UniformStage, from_yaml, scaled, to_yaml
from featherweight.training import TrainingConfig, fit, logits

TRAINING = TrainingConfig(epochs=2, batch_size=50, learning_rate=2e-3)


def trained(blobs: Dataset) -> nn.Module:
    torch.manual_seed(7)
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(800, 32),
        nn.ReLU(), nn.Linear(32, 3),
    )  # fmt: skip
    fit(module, blobs, replace(TRAINING, epochs=4, learning_rate=5e-3))
    return module


RULES = (
    LayerRule("0", num_bits=8, scheme="uniform"),
    LayerRule("4", density=0.2, num_bits=4, scheme="uniform"),
    LayerRule("6", num_bits=3),
)


@pytest.mark.parametrize("epochs", [0, 2])
def test_pruned_shared_and_uniform_in_one_file(blobs: Dataset, tmp_path: Path, epochs: int) -> None:
    recipe = Recipe(
        "all",
        RULES,
        pruning=replace(Recipe("", ()).pruning, training=TRAINING),
        sharing=replace(Recipe("", ()).sharing, training=TRAINING),
        uniform=UniformStage(UniformConfig(calibration="minmax"), replace(TRAINING, epochs=epochs)),
    )
    done = compress(trained(blobs), recipe, blobs, tmp_path / "m.fwt")
    assert done.compressed is not None and done.compressed.top1 > 95
    rows = {row.name: row for row in done.rows}
    assert rows["4.weight"].density == pytest.approx(0.2, abs=0.05)
    assert [rows[f"{name}.weight"].num_bits for name in "046"] == [8, 4, 3]
    stored = read(done.file).tensors
    assert (stored["0.weight"].dtype, stored["4.weight"].dtype) == ("int8", "int8")
    assert stored["4.weight"].format == "sparse_shared"
    decoded = load(done.file)
    assert torch.equal(logits(decoded, blobs, blobs.test), logits(done.module, blobs, blobs.test))


def test_a_recipe_is_yaml_and_scales() -> None:
    text = """
name: eight
layers:
- {pattern: 'fc*', num_bits: 4, scheme: uniform}
uniform:
  quantization: {granularity: group, group_size: 32, calibration: entropy, adaround: {steps: 10}}
  training: {epochs: 4}
"""
    recipe = from_yaml(text, "here", Recipe)
    assert from_yaml(to_yaml(recipe), "again", Recipe) == recipe
    assert recipe.uniform.quantization.adaround is not None
    assert scaled(recipe, 0.5).uniform.training.epochs == 2
    assert scaled(Recipe("x", ()), 0.5).uniform.training.epochs == 0
    with pytest.raises(InvalidArgumentError, match="calibration"):
        from_yaml(text.replace("entropy", "best"), "here", Recipe)


def test_few_zeros_are_weights_like_others(tmp_path: Path) -> None:
    """A fresh network has some: they must not make it sparse."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(144, 64))
    with torch.no_grad():
        module[1].weight[0, :5] = 0.0
    compress(module, Recipe("x", (LayerRule("*", num_bits=4),)), None, tmp_path / "m.fwt",
             input_shape=(1, 12, 12))  # fmt: skip
    assert read(tmp_path / "m.fwt").tensors["1.weight"].format == "shared"
