"""Uniform and shared weights against independent references.

torch's fake-quantize, scikit-learn's KMeans objective, the exact optimum by dynamic programming,
and the closed form of quantization noise.
"""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor

from featherweight.functional import uniform
from featherweight.functional.kmeans import INITIALIZATIONS, initial_centroids, kmeans, optimum


def weights(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("num_bits", range(2, 9))
@pytest.mark.parametrize("kind", ["symmetric", "affine"])
def test_per_tensor_is_torchs_fake_quantize(num_bits: int, kind: str) -> None:
    w = weights(20, 30)
    grid = uniform.grid_of(uniform.as_rows(w, "tensor"), num_bits, kind)
    ours = uniform.fake_quantize(uniform.as_rows(w, "tensor"), grid).reshape(w.shape)
    theirs = torch.fake_quantize_per_tensor_affine(
        w, float(grid.scale), int(grid.zero_point), grid.low, grid.high
    )
    check(ours, theirs, w, grid)


@pytest.mark.parametrize("num_bits", range(2, 9))
@pytest.mark.parametrize("kind", ["symmetric", "affine"])
def test_per_channel_is_torchs_fake_quantize(num_bits: int, kind: str) -> None:
    w = weights(20, 30)
    grid = uniform.grid_of(w, num_bits, kind)
    theirs = torch.fake_quantize_per_channel_affine(
        w, grid.scale, grid.zero_point, 0, grid.low, grid.high
    )
    check(uniform.fake_quantize(w, grid), theirs, w, grid)


def check(ours: Tensor, theirs: Tensor, w: Tensor, grid: uniform.Grid) -> None:
    """torch multiplies by 1 / scale where we divide: only a tie may fall to the other side."""
    scale = grid.scale[:, None] if len(grid.scale) == len(w) else grid.scale
    part = (w / scale).frac().abs()
    is_tie = (part - 0.5).abs() < 1e-4
    torch.testing.assert_close(ours[~is_tie], theirs[~is_tie], rtol=1e-6, atol=1e-7)
    assert float(is_tie.float().mean()) < 0.01


def test_gradients_are_torchs() -> None:
    w, outside = weights(6, 9), weights(6, 9) * 3
    cut = uniform.grid_of(w, 4, share=0.5)
    mine, other = w.clone().requires_grad_(), w.clone().requires_grad_()
    (uniform.fake_quantize(mine, cut) * outside).sum().backward()
    theirs = torch.fake_quantize_per_channel_affine(
        other, cut.scale, cut.zero_point, 0, cut.low, cut.high
    )
    (theirs * outside).sum().backward()
    assert mine.grad is not None and other.grad is not None
    assert torch.equal(mine.grad, other.grad)
    assert 0 < int((mine.grad == 0).sum()) < w.numel()


def test_the_noise_of_many_bits_is_a_twelfth_of_a_squared_step() -> None:
    w = torch.rand(200_000, generator=torch.Generator().manual_seed(1))
    levels, codes = uniform.minmax_levels(w, 6)
    step = float(levels[1] - levels[0])
    noise = float((levels[codes.long()] - w).double().square().mean())
    assert noise == pytest.approx(step**2 / 12, rel=0.02)


def objective(values: NDArray[np.float32], book: NDArray, codes: NDArray) -> float:
    return float(np.square(values.astype(np.float64) - book[codes]).sum())


@pytest.mark.parametrize("init", INITIALIZATIONS)
@pytest.mark.parametrize("k", [2, 8, 32])
def test_kmeans_reaches_scikit_learns_objective(init: str, k: int) -> None:
    """Where no cluster is ever empty: ours stays where it is, scikit-learn's is moved."""
    values = weights(4000).clamp(-2.0, 2.0).numpy()
    start = initial_centroids(values, k, init, seed=3)
    peer = KMeans(k, init=start[:, None], n_init=1, tol=0.0, max_iter=3000).fit(values[:, None])
    ours = objective(values, *kmeans(values, k, init, seed=3, max_iterations=3000))
    assert ours <= peer.inertia_ * (1 + 1e-4)


def dynamic_programming(values: NDArray[np.float64], k: int) -> float:
    """The least sum of squares of `k` intervals of the sorted values, in quadratic time."""
    x = np.sort(values)
    sums, squares = (np.concatenate([[0.0], np.cumsum(x**p)]) for p in (1, 2))

    def cost(i: int, j: int) -> float:
        total = sums[j] - sums[i]
        return float(squares[j] - squares[i] - total * total / (j - i))

    best = [0.0] + [np.inf] * len(x)
    for _ in range(k):
        best = [0.0] + [
            min(best[i] + cost(i, j) for i in range(j) if best[i] < np.inf)
            for j in range(1, len(x) + 1)
        ]
    return best[-1]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_optimum_is_that_of_dynamic_programming(k: int) -> None:
    values = weights(60).numpy()
    ours = objective(values, *optimum(values, k))
    assert ours == pytest.approx(dynamic_programming(values.astype(np.float64), k), rel=1e-4)
    for init in INITIALIZATIONS:
        assert ours <= objective(values, *kmeans(values, k, init, seed=1)) * (1 + 1e-6)
