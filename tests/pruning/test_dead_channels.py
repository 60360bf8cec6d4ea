"""Neurons die under the group penalties, stay dead, and are removed without a change of output."""

import numpy as np
import pytest
import torch
from torch import nn

from featherweight import container
from featherweight.container import Network
from featherweight.data import Dataset
from featherweight.errors import FeatherweightError
from featherweight.pruning.dead_channels import remove_dead_channels
from featherweight.pruning.group_training import GroupConfig, GroupTraining
from featherweight.recipes.pack import coded_tensor
from featherweight.runtime import Session
from featherweight.training import TrainingConfig, evaluate, fit


def network() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 3))


def test_dead_neurons_and_unread_inputs_go() -> None:
    module = network()
    with torch.no_grad():
        module[1].weight[:10] = 0
        module[1].bias[:10] = 0
        module[3].weight[:, 20:24] = 0
        module[1].weight[:, 50:80] = 0
    x = torch.randn(4, 1, 12, 12)
    result = remove_dead_channels(module, x)
    assert result.module.get_parameter("1.weight").shape == (18, 114)
    assert result.inputs == {"1": (144, 114)}
    torch.testing.assert_close(result.module(x), module(x))


def test_the_file_runs_natively(tmp_path) -> None:
    module = network()
    with torch.no_grad():
        module[1].weight[:, 50:80] = 0
    x = torch.randn(4, 1, 12, 12)
    result = remove_dead_channels(module, x)
    coded = {name: coded_tensor(name, t, None) for name, t in result.tensors.items()}
    container.write(tmp_path / "small.fwt", Network(result.graph, coded, {}))
    found = Session(tmp_path / "small.fwt").run(x.numpy())
    np.testing.assert_allclose(found, module(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_an_activation_that_makes_something_of_nothing_is_refused() -> None:
    module = nn.Sequential(nn.Linear(4, 6), nn.Sigmoid(), nn.Linear(6, 2))
    with torch.no_grad():
        module[0].weight[0] = 0
        module[0].bias[0] = 0
    with pytest.raises(FeatherweightError, match="zero to zero"):
        remove_dead_channels(module, torch.randn(3, 4))


@pytest.mark.parametrize("step", ["proximal", "subgradient"])
def test_penalties_kill_neurons_of_a_network_that_still_learns(blobs: Dataset, step: str) -> None:
    module = network()
    training = TrainingConfig(epochs=10, batch_size=50, learning_rate=5e-3)
    # Under Adam a subgradient counts as much as the loss's own: less of it is enough.
    config = (
        GroupConfig(incoming=1.0, outgoing=1.0, l1=0.05)
        if step == "proximal"
        else GroupConfig(incoming=0.02, outgoing=0.02, step="subgradient", threshold=0.05)
    )
    constraint = GroupTraining(module, training, config)
    fit(module, blobs, training, constraint=constraint)
    assert torch.equal(
        module[1].weight != 0, constraint.masks["1.weight"] & (module[1].weight != 0)
    )
    small = remove_dead_channels(module, torch.zeros(2, *blobs.shape)).module
    rows, columns = small.get_parameter("1.weight").shape
    assert rows < 32 or columns < 144
    assert evaluate(small, blobs, blobs.test).top1 > 85.0


def test_batch_norm_scales_are_thresholded() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 1))
    with torch.no_grad():
        module[1].weight.copy_(torch.tensor([0.001, 0.5, -0.002]))
        module[1].bias.fill_(0.3)
    training = TrainingConfig(learning_rate=0.01, warmup=0.0)
    constraint = GroupTraining(module, training, GroupConfig(batch_norm_scale=1.0))
    constraint.before_step(0.0)
    constraint.after_step()
    torch.testing.assert_close(module[1].weight.detach(), torch.tensor([0.0, 0.49, 0.0]))
    constraint.finish()
    assert module[1].bias.tolist() == pytest.approx([0.0, 0.3, 0.0])
    removal = remove_dead_channels(module.eval(), torch.randn(2, 1, 3, 3))
    assert removal.module.get_parameter("0.weight").shape[0] == 1
