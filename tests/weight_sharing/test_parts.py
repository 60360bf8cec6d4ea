"""Codebooks of groups and of vectors: clustered, trained, stored in parts and run."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import nn

from featherweight import container
from featherweight.data import Dataset
from featherweight.errors import InvalidArgumentError
from featherweight.functional.coding_length import shared_bits, vector_bits
from featherweight.functional.kmeans import kmeans
from featherweight.functional.product_codebook import vector_kmeans
from featherweight.graph import load
from featherweight.measure.counting import profile_network
from featherweight.recipes import LayerRule, Recipe, compress
from featherweight.recipes.recipe import SharingStage
from featherweight.runtime import Session
from featherweight.training import TrainingConfig, fit, logits
from featherweight.weight_sharing import SharingConfig, share


def weight(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_vectors_are_clustered_as_well_as_scikit_learn_does() -> None:
    vectors = weight(3000, 4)
    book, codes = vector_kmeans(vectors, 16, max_iterations=300)
    ours = float((book[codes] - vectors).square().sum())
    peer = KMeans(16, n_init=1, random_state=0).fit(vectors.numpy())
    assert ours <= peer.inertia_ * 1.02
    distances = torch.cdist(vectors.double(), book.double())
    assert torch.equal(distances.argmin(1), codes)
    with pytest.raises(InvalidArgumentError, match="`vectors` must be"):
        vector_kmeans(torch.zeros(0, 4), 2)


def test_groups_have_the_codebooks_of_their_rows() -> None:
    w = weight(10, 6) * torch.logspace(-2, 0, 10)[:, None]
    mask = torch.ones_like(w, dtype=torch.bool)
    shared = share(w, mask, 2, SharingConfig(group_rows=4))
    assert shared.groups == 3 and len(shared.codebook) == 12
    for rows in torch.chunk(torch.arange(10), 3):
        book, codes = kmeans(w[rows].numpy(), 4)
        assert np.array_equal(shared.weight[rows].numpy().ravel(), book[codes])
    one = share(w, mask, 2, SharingConfig())
    assert (shared.weight - w).norm() < (one.weight - w).norm()


def network() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(1024, 3),
    ).eval()  # fmt: skip


CONFIGS = (SharingConfig(group_rows=4), SharingConfig(vector_size=4, max_iterations=10))


@pytest.mark.parametrize("config", CONFIGS, ids=["groups", "vectors"])
def test_trained_stored_and_run(blobs: Dataset, tmp_path: Path, config: SharingConfig) -> None:
    module = network()
    fit(module, blobs, TrainingConfig(epochs=3, batch_size=50, learning_rate=2e-3))
    training = TrainingConfig(epochs=1, batch_size=50, learning_rate=1e-3)
    rule = LayerRule("*", num_bits=4, bias_bits=None)
    recipe = Recipe("parts", (rule,), sharing=SharingStage(config, training))
    done = compress(module, recipe, blobs, tmp_path / "m.fwt")
    decoded = load(done.file)
    wanted = logits(done.module, blobs, blobs.test)
    assert torch.equal(logits(decoded, blobs, blobs.test), wanted)
    x = blobs.normalize(blobs.test.images).numpy()
    found = Session(done.file, exact=True).run(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    names = [layer.name for layer in Session(done.file).layers if layer.format]
    assert names == ["0", "2", "5"]
    stored = container.read(done.file)
    counted = profile_network(stored.graph, stored.tensors)
    assert counted.params == done.params
    assert [layer.name for layer in counted.layers if layer.macs] == ["0", "2", "5"]
    assert sum(row.params for row in done.rows) == sum(
        p.numel() for p in module.parameters() if p.ndim > 1
    )


@pytest.mark.parametrize("config", CONFIGS, ids=["groups", "vectors"])
def test_a_file_weighs_what_the_formula_says(tmp_path: Path, config: SharingConfig) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.Linear(256, 64, bias=False))
    stage = SharingStage(config)
    recipe = Recipe("parts", (LayerRule("*", num_bits=4),), sharing=stage, coder="packed")
    done = compress(module, recipe, None, tmp_path / "m.fwt", input_shape=(1, 16, 16))
    stored = container.inspect(done.file)
    found = sum(layer.bytes for layer in stored.layers if "shape" not in layer.name)
    count = 256 * 64
    if config.vector_size > 1:
        assert found == vector_bits(count, 16, 4) / 8
    else:
        assert found == shared_bits(count, 16, codebooks=16) / 8


def test_pruned_weights_are_shared_value_by_value() -> None:
    w = weight(8, 8)
    shared = share(w, w.abs() > 0.5, 3, SharingConfig(vector_size=4))
    assert shared.is_plain and torch.equal(shared.weight != 0, w.abs() > 0.5)


def test_groups_and_vectors_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="groups or of vectors, not both"):
        SharingConfig(group_rows=2, vector_size=2)
