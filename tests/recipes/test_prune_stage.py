"""Schedules of pruning through `compress`: what each leaves behind, and that it can go on."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.functional.sparsity_pattern import parse_pattern
from featherweight.graph import load
from featherweight.pruning import PruningConfig
from featherweight.recipes import LayerRule, Recipe, Settings, compress
from featherweight.recipes.prune_stage import calibration_of, prune_stage, pruning_targets
from featherweight.recipes.recipe import PruningStage, from_yaml, to_yaml
from featherweight.training import TrainingConfig, evaluate, fit
from featherweight.training import checkpoint as checkpoints

TRAINING = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3)


class Net(nn.Module):
    """Two linear layers, the first of rows that groups of sixteen divide."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(144, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.fc(x.flatten(1))))


@pytest.fixture(scope="module")
def trained(blobs: Dataset) -> nn.Module:
    torch.manual_seed(1)
    module = Net()
    fit(module, blobs, TRAINING)
    return module


def recipe(masks: PruningConfig | None = None, **rule: object) -> Recipe:
    stage = PruningStage(masks or PruningConfig(), TRAINING, calibration=200)
    return Recipe("test", (LayerRule("fc", **({"density": 0.1} | rule)),), pruning=stage)


def pruned(
    module: nn.Module, recipe: Recipe, data: Dataset | None, **settings: object
) -> nn.Module:
    network = copy.deepcopy(module)
    prune_stage(network, copy.deepcopy(module), recipe, data, Settings(**settings))
    return network.eval()


@pytest.mark.parametrize("schedule", ["one-shot", "iterative", "gradual", "rewinding"])
def test_density_is_reached_and_the_network_still_knows(
    schedule: str, trained: nn.Module, blobs: Dataset
) -> None:
    config = PruningConfig(schedule, rounds=2, updates=10)
    network = pruned(trained, recipe(config), blobs)
    assert int((network.fc.weight != 0).sum()) == round(0.1 * 144 * 32)
    assert evaluate(network, blobs, blobs.test).top1 > 85.0


def test_dense_sparse_dense_ends_dense(trained: nn.Module, blobs: Dataset) -> None:
    network = pruned(trained, recipe(PruningConfig("dense-sparse-dense")), blobs)
    assert int((network.fc.weight == 0).sum()) < 0.01 * 144 * 32
    assert evaluate(network, blobs, blobs.test).top1 > 85.0


def test_rewinding_takes_kept_weights_back(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    """With no step of training, what is left are the early values under the final mask."""
    torch.manual_seed(9)
    early = Net()
    file = tmp_path / "early.safetensors"
    checkpoints.save(file, early.state_dict(), {})
    still = replace(TRAINING, epochs=1, learning_rate=1e-30, weight_decay=0.0)
    base = recipe(PruningConfig("rewinding", rounds=2))
    base = replace(base, pruning=replace(base.pruning, training=still))
    network = pruned(trained, base, blobs, rewind_to=file)
    mask = network.fc.weight != 0
    assert int(mask.sum()) == round(0.1 * 144 * 32)
    assert torch.equal(network.fc.weight, early.fc.weight * mask)
    assert torch.equal(network.head.weight, early.head.weight)


@pytest.mark.parametrize("name", ["2:16", "2:4", "1x4", "4x1", "8x1"])
def test_patterns_are_trained_and_survive_the_file(
    name: str, trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    pattern = parse_pattern(name)
    density = pattern.fixed_density or 0.25
    plan = recipe(density=pattern.fixed_density or 0.25, sparsity_pattern=name)
    result = compress(trained, plan, blobs, tmp_path / "net.fwt")
    weight = load(tmp_path / "net.fwt").get_parameter("fc.weight").detach()
    mask = weight != 0
    assert float(mask.float().mean()) == pytest.approx(density, abs=1e-4)
    assert torch.equal(pattern.mask(weight.abs(), density), mask)
    assert result.compressed is not None
    assert result.compressed.top1 > 85.0


@pytest.mark.parametrize("method", ["movement", "optimal-brain-damage", "second-order", "random"])
def test_methods_in_a_schedule(method: str, trained: nn.Module, blobs: Dataset) -> None:
    config = PruningConfig("iterative", method=method, rounds=2)
    network = pruned(trained, recipe(config), blobs)
    assert int((network.fc.weight != 0).sum()) == round(0.1 * 144 * 32)


def test_movement_resumes_to_the_same_bits(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    plan = recipe(PruningConfig("gradual", method="movement", updates=10))

    def stop(_: str, progress: object) -> None:
        if progress.epoch == 2:
            raise KeyboardInterrupt

    straight = pruned(trained, plan, blobs)
    with pytest.raises(KeyboardInterrupt):
        pruned(trained, plan, blobs, work=tmp_path, report=stop)
    resumed = pruned(trained, plan, blobs, work=tmp_path)
    assert torch.equal(resumed.fc.weight, straight.fc.weight)


def test_without_data_a_method_that_needs_some_is_refused(
    trained: nn.Module, tmp_path: Path
) -> None:
    plan = recipe(PruningConfig(method="optimal-brain-damage"))
    with pytest.raises(InvalidArgumentError, match="needs `--data`"):
        compress(trained, plan, None, tmp_path / "net.fwt", input_shape=(1, 12, 12))


def test_regrowing_what_a_method_moved_is_refused(trained: nn.Module, blobs: Dataset) -> None:
    plan = recipe(PruningConfig(method="second-order", regrow=True))
    with pytest.raises(InvalidArgumentError, match=r"`regrow`.*second-order"):
        pruned(trained, plan, blobs)


def test_a_pattern_refuses_another_density() -> None:
    with pytest.raises(ValueError, match=r"2:16 keeps 0\.125 of the weights"):
        LayerRule("fc", density=0.3, sparsity_pattern="2:16")


def test_calibration_is_of_training_pictures_and_only_where_needed(
    trained: nn.Module, blobs: Dataset
) -> None:
    plan = recipe()
    assert calibration_of(pruning_targets(trained, plan), plan, blobs, 0) is None
    plan = recipe(PruningConfig(method="second-order"))
    found = calibration_of(pruning_targets(trained, plan), plan, blobs, 0)
    assert found is not None
    assert len(found.labels) == 200
    known = {picture.numpy().tobytes() for picture in blobs.normalize(blobs.train.images)}
    assert all(picture.numpy().tobytes() in known for picture in found.inputs)


def test_the_recipe_reads_back_from_yaml() -> None:
    plan = recipe(
        PruningConfig("iterative", method="second-order", scope="global"),
        density=None, sparsity_pattern="2:16",
    )  # fmt: skip
    assert from_yaml(to_yaml(plan), "test", Recipe) == plan
