"""Shared weights, their gradient, distillation and dropout against torch and closed forms."""

import math

import numpy as np
import pytest
import torch

from featherweight.errors import InvalidArgumentError
from featherweight.functional.distillation import distillation_loss
from featherweight.functional.dropout import adjusted_dropout
from featherweight.functional.kmeans import initial_centroids, kmeans
from featherweight.functional.sharing import centroid_gradient, shared_weight


def test_centroid_gradient_is_what_autograd_gives_through_the_codebook() -> None:
    generator = torch.Generator().manual_seed(3)
    mask = torch.rand(6, 7, generator=generator) < 0.4
    codes = torch.randint(0, 4, (int(mask.sum()),), generator=generator)
    codebook = torch.randn(4, generator=generator, requires_grad=True)
    inputs, outside = torch.randn(5, 7, generator=generator), torch.randn(5, 6, generator=generator)

    weight = torch.zeros(6, 7).index_put((mask,), codebook[codes])
    ((inputs @ weight.T) * outside).sum().backward()

    leaf = shared_weight(codebook.detach(), codes, mask).requires_grad_()
    assert torch.equal(leaf.detach(), weight.detach())
    ((inputs @ leaf.T) * outside).sum().backward()
    ours = centroid_gradient(leaf.grad, codes, mask, 4)
    assert torch.allclose(ours, codebook.grad, rtol=1e-5, atol=1e-6)


def test_initial_centroids() -> None:
    values = np.array([-1.0, 0.0, 0.1, 0.2, 3.0], dtype=np.float32)
    assert initial_centroids(values, 5, "linear").tolist() == [-1.0, 0.0, 1.0, 2.0, 3.0]
    density = initial_centroids(np.arange(100, dtype=np.float32), 4, "density")
    assert density == pytest.approx([12.375, 37.125, 61.875, 86.625])
    random = initial_centroids(values, 3, "random", seed=1)
    assert set(random) <= set(values)
    assert random.tolist() == initial_centroids(values, 3, "random", seed=1).tolist()


@pytest.mark.parametrize(("count", "method"), [(0, "linear"), (257, "linear"), (4, "best")])
def test_bad_requests_are_refused(count: int, method: str) -> None:
    with pytest.raises(InvalidArgumentError, match="but got"):
        initial_centroids(np.ones(3, np.float32), count, method)


def test_kmeans_drops_clusters_that_nothing_belongs_to() -> None:
    values = np.array([0.0, 0.0, 1.0, 1.0, 1.0], dtype=np.float32)
    codebook, codes = kmeans(values, 16)
    assert codebook.tolist() == [0.0, 1.0]
    assert codebook[codes].tolist() == values.tolist()


def test_distillation_loss_against_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, teacher = torch.randn(2, 4, 3, generator=generator).double().unbind()
    labels, weight, temperature = torch.tensor([0, 2, 1, 1]), 0.7, 2.5
    p = (teacher / temperature).softmax(1)
    q = (ours / temperature).softmax(1)
    divergence = (p * (p / q).log()).sum(1).mean()
    hard = -ours.log_softmax(1)[range(4), labels].mean()
    expected = 0.3 * hard + 0.7 * temperature**2 * divergence
    loss = distillation_loss(ours, teacher, labels, weight, temperature)
    assert math.isclose(float(loss), float(expected), rel_tol=1e-9)


def test_dropout_falls_with_the_root_of_the_connections() -> None:
    assert adjusted_dropout(0.5, 10_000, 900) == pytest.approx(0.15)
