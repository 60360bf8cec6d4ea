"""The whole path on a small network: prune, share, pack, write, read back, same answers."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import featherweight
from featherweight import container
from featherweight.data import Dataset
from featherweight.errors import FeatherweightError, InvalidArgumentError
from featherweight.pruning import PruningConfig
from featherweight.recipes import LayerRule, Recipe, Settings, compress
from featherweight.recipes.pack import example_input
from featherweight.recipes.recipe import PruningStage, SharingStage
from featherweight.recipes.written import check_decoded
from featherweight.training import Distillation, TrainingConfig, evaluate, fit, logits

TRAINING = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3)
RECIPE = Recipe(
    name="small",
    layers=(
        LayerRule("conv", density=0.5, num_bits=4, bias_bits=2),
        LayerRule("fc", density=0.1, num_bits=3),
    ),
    pruning=PruningStage(PruningConfig("gradual", updates=8), TRAINING),
    sharing=SharingStage(
        training=TrainingConfig(
            epochs=2,
            batch_size=50,
            learning_rate=1e-3,
            weight_decay=0.0,
            distillation=Distillation(),
        )
    ),
)


class Net(nn.Module):
    """A convolution, a batch norm and two linear layers, one of which no rule touches."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.fc = nn.Linear(600, 20)
        self.head = nn.Linear(20, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x))).flatten(1)
        return self.head(torch.relu(self.fc(x)))


@pytest.fixture(scope="module")
def reference(blobs: Dataset) -> nn.Module:
    torch.manual_seed(0)
    module = Net()
    fit(module, blobs, TRAINING)
    return module


def test_the_whole_path(reference: nn.Module, blobs: Dataset, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in reference.state_dict().items()}
    result = compress(reference, RECIPE, blobs, tmp_path / "net.fwt")
    assert all(torch.equal(before[n], v) for n, v in reference.state_dict().items())

    decoded = featherweight.load(result.file)
    assert torch.equal(logits(decoded, blobs, blobs.test), logits(result.module, blobs, blobs.test))
    assert result.compressed == evaluate(result.module, blobs, blobs.test)
    assert result.compressed.top1 > 85.0
    assert result.file_bytes == result.file.stat().st_size
    assert result.params == sum(p.numel() for p in reference.parameters())
    assert result.compression_ratio == 4 * result.params / result.file_bytes

    rows = {row.name: row for row in result.rows}
    assert set(rows) == {"conv.weight", "conv.bias", "fc.weight"}
    assert rows["fc.weight"].kept == round(0.1 * 12000)
    assert rows["conv.weight"].kept == 27
    assert len(np.unique(result.module.fc.weight.detach().numpy())) <= 2**3 + 1
    untouched = {name for name, _ in result.untouched}
    assert {"head.weight", "head.bias", "norm.weight", "norm.running_var"} <= untouched
    # Batch norm stays beside the codes: folding it would destroy the codebook.
    operators = [node.operator for node in container.read(result.file).graph.nodes]
    assert "BatchNormalization" in operators
    metadata = container.read(result.file).metadata
    assert metadata["accuracy"]["top1"] == pytest.approx(result.compressed.top1, abs=1e-4)
    assert metadata["class_names"] == ["a", "b", "c"]


def test_the_same_seed_gives_the_same_file(
    reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    one = compress(reference, RECIPE, blobs, tmp_path / "one.fwt", settings=Settings(seed=5))
    two = compress(reference, RECIPE, blobs, tmp_path / "two.fwt", settings=Settings(seed=5))
    assert one.file.read_bytes() == two.file.read_bytes()


@pytest.mark.parametrize("stage", ["prune and retrain", "train shared weights"])
def test_a_killed_compression_ends_with_the_same_file(
    reference: nn.Module, blobs: Dataset, tmp_path: Path, stage: str
) -> None:
    straight = compress(reference, RECIPE, blobs, tmp_path / "straight.fwt")

    def kill(name: str, progress: object) -> None:
        if name == stage:
            raise KeyboardInterrupt

    work, out = tmp_path / "work", tmp_path / "resumed.fwt"
    with pytest.raises(KeyboardInterrupt):
        compress(reference, RECIPE, blobs, out, settings=Settings(work=work, report=kill))
    assert not out.exists()
    compress(reference, RECIPE, blobs, out, settings=Settings(work=work))
    assert out.read_bytes() == straight.file.read_bytes()


def test_without_data_weights_are_taken_as_they_are(reference: nn.Module, tmp_path: Path) -> None:
    result = compress(reference, RECIPE, None, tmp_path / "net.fwt", input_shape=(1, 12, 12))
    assert (result.reference, result.compressed) == (None, None)
    kept = result.module.fc.weight.detach() != 0
    limit = reference.fc.weight.detach().abs().flatten().sort(descending=True).values[1199]
    assert torch.equal(kept, reference.fc.weight.detach().abs() >= limit)


def test_the_caller_may_keep_channels_last(reference: nn.Module, tmp_path: Path) -> None:
    module = copy.deepcopy(reference).to(memory_format=torch.channels_last)
    result = compress(module, RECIPE, None, tmp_path / "net.fwt", input_shape=(1, 12, 12))
    assert result.module.conv.weight.stride() == (9, 9, 3, 1)
    assert module.conv.weight.stride() == (9, 1, 3, 1)


def test_a_file_that_decodes_to_something_else_is_refused(
    reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    result = compress(reference, RECIPE, None, tmp_path / "net.fwt", input_shape=(1, 12, 12))
    with torch.no_grad():
        result.module.head.bias[0] += 1e-3
    with pytest.raises(FeatherweightError, match="does not give the network's own logits"):
        check_decoded(result.file, result.module, example_input((1, 12, 12)), blobs)


def test_bad_requests(reference: nn.Module, tmp_path: Path) -> None:
    nothing = Recipe("r", (LayerRule("nowhere"),))
    with pytest.raises(InvalidArgumentError, match="matches no layer") as caught:
        compress(reference, nothing, None, tmp_path / "x.fwt", input_shape=(1, 12, 12))
    assert "conv, fc, head" in str(caught.value)
    with pytest.raises(InvalidArgumentError, match="input_shape"):
        compress(reference, RECIPE, None, tmp_path / "x.fwt")
    assert not list(tmp_path.iterdir())
