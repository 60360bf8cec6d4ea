"""Channels go before weights are pruned and shared: the file, its rows, and what is refused."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.graph import load
from featherweight.pruning.group_training import GroupConfig
from featherweight.pruning.removal import RemovalConfig
from featherweight.recipes import LayerRule, Recipe, compress
from featherweight.recipes.recipe import (
    ChannelStage,
    PruningStage,
    SharingStage,
    from_yaml,
    to_yaml,
)
from featherweight.training import TrainingConfig, fit

TRAINING = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3)
SHORT = TrainingConfig(epochs=1, batch_size=50)


class Net(nn.Module):
    """A convolution with its norm, a hidden layer, a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8 * 36, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.max_pool2d(torch.relu(self.bn(self.conv(x))), 2)
        return self.head(torch.relu(self.fc(x.flatten(1))))


@pytest.fixture(scope="module")
def trained(blobs: Dataset) -> nn.Module:
    torch.manual_seed(1)
    module = Net()
    fit(module, blobs, TRAINING)
    return module


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    return {n: tuple(p.shape) for n, p in module.named_parameters() if p.ndim > 1}


def test_channels_then_weights_then_shared_values(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    recipe = Recipe(
        "all-in-turn",
        (LayerRule("fc", density=0.25, num_bits=4),),
        channels=ChannelStage(RemovalConfig(pruning_ratio=0.5), training=SHORT),
        pruning=PruningStage(training=SHORT),
        sharing=SharingStage(training=SHORT),
    )
    result = compress(trained, recipe, blobs, tmp_path / "m.fwt")
    assert shapes(load(tmp_path / "m.fwt")) == {
        "conv.weight": (4, 1, 3, 3), "fc.weight": (16, 4 * 36), "head.weight": (3, 16),
    }  # fmt: skip
    rows = {row.name: row for row in result.rows}
    assert rows.keys() == {"conv.weight", "fc.weight", "head.weight"}
    assert rows["fc.weight"].kept == 16 * 4 * 36 // 4
    assert len(load(tmp_path / "m.fwt").get_parameter("fc.weight").unique()) <= 17
    assert [(g.layer, g.before, g.after) for g in result.removed] == [
        ("conv", 8, 4),
        ("fc", 32, 16),
    ]
    assert result.params == sum(p.numel() for p in trained.parameters())
    assert result.compressed is not None and result.compressed.top1 > 90.0


def test_what_penalties_take_to_zero_goes(
    trained: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    penalties = GroupConfig(incoming=3.0, outgoing=3.0, layers={"conv": 0.0, "head": 0.0})
    recipe = Recipe("died", (), channels=ChannelStage(penalties=penalties, training=TRAINING))
    result = compress(trained, recipe, blobs, tmp_path / "m.fwt")
    left = shapes(load(tmp_path / "m.fwt"))["fc.weight"][0]
    assert 0 < left < 32
    assert [(g.before, g.after) for g in result.removed if g.layer == "fc"] == [(32, left)]
    assert result.compressed is not None and result.compressed.top1 > 90.0


def test_without_data_channels_go_as_the_weights_are(trained: nn.Module, tmp_path: Path) -> None:
    stage = ChannelStage(RemovalConfig(pruning_ratio=0.0, layers={"fc": 10}))
    compress(trained, Recipe("ten", (), channels=stage), None, tmp_path / "m.fwt",
             input_shape=(1, 12, 12))  # fmt: skip
    assert shapes(load(tmp_path / "m.fwt"))["fc.weight"] == (10, 8 * 36)


def test_the_stage_survives_yaml() -> None:
    stage = ChannelStage(
        RemovalConfig(pruning_ratio=0.3, importance="taylor"), GroupConfig(incoming=0.1), SHORT
    )
    recipe = Recipe("r", (), channels=stage)
    assert from_yaml(to_yaml(recipe), "r.yaml", Recipe) == recipe


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (ChannelStage(), "nothing is to be removed"),
        (
            ChannelStage(penalties=GroupConfig(incoming=1.0)),
            "penalties of `channels` needs `--data`",
        ),
        (
            ChannelStage(RemovalConfig(pruning_ratio=0.5, importance="taylor")),
            "importance 'taylor' of `channels` needs `--data`",
        ),
        (ChannelStage(RemovalConfig(layers={"conv9": 3})), "but got 'conv9'"),
    ],
)
def test_refusals(stage: ChannelStage, message: str, trained: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        compress(trained, Recipe("r", (), channels=stage), None, tmp_path / "m.fwt",
                 input_shape=(1, 12, 12))  # fmt: skip
    assert not (tmp_path / "m.fwt").exists()
