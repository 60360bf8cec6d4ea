"""Recipes with binary layers: alone, with pruning and sharing, with and without data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import featherweight
from featherweight import container
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.functional.binarize import filter_scales, sign
from featherweight.nn import set_stage
from featherweight.recipes import (
    BinarizationStage,
    LayerRule,
    Recipe,
    Settings,
    compress,
    find_recipe,
    from_data,
    scaled,
)
from featherweight.recipes.recipe import PruningStage, SharingStage, to_data
from featherweight.runtime import Session
from featherweight.training import TrainingConfig, fit, logits
from tolerances import relative_error, tolerance_of

SHAPE = (1, 12, 12)
TRAINING = TrainingConfig(epochs=4, batch_size=50, learning_rate=5e-3)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3)
        self.second = nn.Conv2d(8, 16, 3)
        self.pool = nn.MaxPool2d(2)
        self.third = nn.Linear(256, 32)
        self.last = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.second(torch.relu(self.first(x)))))
        return self.last(torch.relu(self.third(x.flatten(1))))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def reference(blobs: Dataset) -> nn.Module:
    torch.manual_seed(0)
    module = Net()
    fit(module, blobs, TRAINING)
    return module


def recipe(scheme: str, **stage: object) -> Recipe:
    return Recipe(scheme, (), binarization=BinarizationStage(scheme, training=TRAINING, **stage))  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["bwn", "binary-connect", "xnor", "bi-real", "reactnet"])
def test_each_scheme_is_trained_written_and_run(
    scheme: str, reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in reference.state_dict().items()}
    result = compress(reference, recipe(scheme), blobs, tmp_path / "net.fwt")
    assert all(torch.equal(before[n], v) for n, v in reference.state_dict().items())
    assert result.compressed is not None and result.compressed.top1 > 65  # chance is 33
    weights = {row.name: row for row in result.rows}
    assert {name.partition(".")[0] for name in weights} == {"second", "third"}
    assert all(row.num_bits == 1 and row.density == 1.0 for row in weights.values())
    assert sum(row.file_bytes for row in weights.values()) < (1152 + 8192) / 8 * 1.05
    decoded = featherweight.load(result.file)
    assert torch.equal(logits(decoded, blobs, blobs.test), logits(result.module, blobs, blobs.test))
    session = Session(result.file)
    x = blobs.normalize(blobs.test.images[:16])
    with torch.no_grad():
        expected = result.module(x).numpy()
    limit = tolerance_of(layer.format for layer in session.layers).limit
    assert relative_error(session.run(x.numpy()), expected) <= limit
    formats = {layer.format for layer in session.layers if layer.format}
    assert formats == {
        "dense",
        "binary_weight" if scheme in {"bwn", "binary-connect"} else "binary",
    }


def test_a_norm_that_training_added_is_not_in_the_file(
    reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    result = compress(reference, recipe("bwn"), blobs, tmp_path / "net.fwt")
    operators = [node.operator for node in container.read(result.file).graph.nodes]
    assert "BatchNormalization" not in operators


def test_without_data_it_is_signs_and_means(reference: nn.Module, tmp_path: Path) -> None:
    """In one bit each, equal bit for bit when read back."""
    compress(reference, recipe("bwn"), None, tmp_path / "net.fwt", input_shape=SHAPE)
    tensors = container.read(tmp_path / "net.fwt").tensors
    for name in ("second", "third"):
        weight = reference.get_submodule(name).get_parameter("weight").detach()
        stored = tensors[f"{name}.weight"]
        assert stored.format == "shared" and np.asarray(stored.codebook).tolist() == [-1, 1]
        assert np.array_equal(stored.dense(), sign(weight).numpy())
        assert np.array_equal(tensors[f"{name}.alpha"].dense(), filter_scales(weight).numpy())


def test_all_layers(reference: nn.Module, tmp_path: Path) -> None:
    asked = recipe("xnor", keep_first_last=False)
    result = compress(reference, asked, None, tmp_path / "net.fwt", input_shape=SHAPE)
    layers = {row.name.partition(".")[0] for row in result.rows}
    assert layers == {"first", "second", "third", "last"}


def test_it_composes_with_pruning_and_sharing(
    reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    """Rules are of the layers that stayed real; the binary ones keep a bit each."""
    asked = replace(
        recipe("xnor", layers=("second",)),
        layers=(LayerRule("*", density=0.5, num_bits=3),),
        pruning=PruningStage(training=TRAINING),
        sharing=SharingStage(training=replace(TRAINING, epochs=1, learning_rate=1e-3)),
    )
    result = compress(reference, asked, blobs, tmp_path / "net.fwt")
    rows = {row.name: row for row in result.rows}
    assert set(rows) == {"first.weight", "second.conv.weight", "third.weight", "last.weight"}
    assert rows["second.conv.weight"].num_bits == 1
    assert rows["third.weight"].density == pytest.approx(0.5)
    assert rows["third.weight"].num_bits == 3
    assert result.compressed is not None and result.compressed.top1 > 65


def test_a_killed_run_ends_with_the_same_file(
    reference: nn.Module, blobs: Dataset, tmp_path: Path
) -> None:
    straight = compress(reference, recipe("reactnet"), blobs, tmp_path / "straight.fwt")
    seen: list[str] = []

    def kill(name: str, progress: object) -> None:
        seen.append(name)
        if name == "binary weights":
            raise KeyboardInterrupt

    work, out = tmp_path / "work", tmp_path / "resumed.fwt"
    with pytest.raises(KeyboardInterrupt):
        compress(reference, recipe("reactnet"), blobs, out, settings=Settings(0, work, kill))
    assert seen == ["binary inputs", "binary inputs", "binary weights"]
    compress(reference, recipe("reactnet"), blobs, out, settings=Settings(0, work))
    assert out.read_bytes() == straight.file.read_bytes()


def test_a_network_written_with_binary_layers_learns_from_its_real_self(
    blobs: Dataset, tmp_path: Path
) -> None:
    from featherweight.binarization import binarize

    torch.manual_seed(0)
    module = binarize(Net(), "reactnet")
    set_stage(module, "real")
    fit(module, blobs, TRAINING)
    x = blobs.normalize(blobs.test.images[:8])
    real = module(x)
    result = compress(module, recipe("reactnet"), blobs, tmp_path / "net.fwt")
    assert torch.equal(module(x), real)
    assert result.reference is not None and result.reference.top1 > 85
    assert {row.num_bits for row in result.rows} == {1}


def test_bad_requests(reference: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="of second, third, none matches conv"):
        compress(reference, recipe("bwn", layers=("conv*",)), None, tmp_path / "x.fwt",
                 input_shape=SHAPE)  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="scheme"):
        from_data({"name": "r", "layers": [], "binarization": {"scheme": "ternary"}}, "r", Recipe)


def test_the_recipe_that_ships_reads_back() -> None:
    shipped = find_recipe("one-bit", "lenet-5", "fashion-mnist")
    assert from_data(to_data(shipped), "itself", Recipe) == shipped
    shorter = scaled(shipped, 0.5)
    assert shorter.binarization is not None and shorter.binarization.training.epochs == 7
