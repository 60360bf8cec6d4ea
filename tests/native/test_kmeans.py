"""Native k-means against Lloyd's iteration in NumPy, brute force and scikit-learn."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from featherweight import _native

Floats = NDArray[np.float32]


def nearest(values: Floats, centroids: NDArray[np.floating]) -> NDArray[np.intp]:
    """Codes of the nearest of the ascending centroids; in the middle, the upper one."""
    wide = centroids.astype(np.float64)
    return np.searchsorted((wide[1:] + wide[:-1]) / 2, values.astype(np.float64), side="right")


def squared_error(values: Floats, centroids: NDArray[np.floating]) -> float:
    """Sum of squared distances to the nearest centroid, in float64."""
    wide = np.sort(centroids.astype(np.float64))
    return float(np.square(values.astype(np.float64) - wide[nearest(values, wide)]).sum())


def lloyd(values: Floats, centroids: Floats, iterations: int = 10_000) -> NDArray[np.float64]:
    """The textbook's iteration in float64; an empty cluster keeps its centroid."""
    wide, moved = values.astype(np.float64), np.sort(centroids.astype(np.float64))
    for _ in range(iterations):
        codes = nearest(values, moved)
        counts = np.bincount(codes, minlength=moved.size)
        sums = np.bincount(codes, weights=wide, minlength=moved.size)
        means = np.sort(np.where(counts > 0, sums / np.maximum(counts, 1), moved))
        if np.array_equal(means, moved):
            break
        moved = means
    return moved


def linear_start(values: Floats, k: int) -> Floats:
    return np.linspace(values.min(), values.max(), k, dtype=np.float32)


def check_assignment(values: Floats, centroids: Floats, codes: NDArray[np.uint8]) -> None:
    """Ascending finite centroids, each the mean of its values, and every code the nearest."""
    assert np.isfinite(centroids).all()
    assert (np.diff(centroids) >= 0).all()
    assert codes.dtype == np.uint8
    assert codes.shape == values.shape
    wide = centroids.astype(np.float64)
    distances = np.abs(values.astype(np.float64)[:, None] - wide)
    chosen = distances[np.arange(values.size), codes]
    scale = np.abs(wide).max() + np.abs(values).max(initial=0)
    np.testing.assert_allclose(chosen, distances.min(axis=1), rtol=0, atol=2e-7 * scale)
    for j in np.unique(codes):
        mean = values[codes == j].mean(dtype=np.float64)
        np.testing.assert_allclose(centroids[j], mean, rtol=1e-6, atol=1e-7 * scale)


@pytest.mark.parametrize("k", [1, 2, 3, 16, 32, 256])
@pytest.mark.parametrize("count", [1, 2, 300, 5000])
def test_few_values_give_what_numpy_gives(count: int, k: int) -> None:
    values = np.random.default_rng(count).normal(0, 0.05, count).astype(np.float32)
    start = linear_start(values, k)
    centroids, codes = _native.kmeans_1d(values, start)
    check_assignment(values, centroids, codes)
    np.testing.assert_allclose(centroids, lloyd(values, start), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("k", [4, 32, 256])
def test_many_values_are_as_good_as_numpy(k: int) -> None:
    values = np.random.default_rng(k).normal(0, 0.05, 100_000).astype(np.float32)
    start = linear_start(values, k)
    centroids, codes = _native.kmeans_1d(values, start, max_iterations=100)
    used = np.unique(codes)
    means = np.bincount(codes, weights=values)[used] / np.bincount(codes)[used]
    np.testing.assert_allclose(centroids[used], means, rtol=1e-6)
    chosen = np.square(values - centroids[codes], dtype=np.float64).sum()
    assert chosen <= squared_error(values, centroids) * 1.005  # one step more would move them
    exact = lloyd(values, start, 100)
    assert squared_error(values, centroids) <= squared_error(values, exact) * (1 + 1e-6)


def test_an_outlier_costs_no_precision() -> None:
    values = np.random.default_rng(1).normal(0, 0.05, 100_000).astype(np.float32)
    start = linear_start(values, 16)
    centroids, codes = _native.kmeans_1d(
        np.append(values, np.float32(1e30)), np.append(start, np.float32(1e30)), max_iterations=100
    )
    assert centroids[-1] == np.float32(1e30)
    assert codes[-1] == 16
    exact = lloyd(values, start, 100)
    assert squared_error(values, centroids[:16]) <= squared_error(values, exact) * (1 + 1e-6)


def test_no_larger_error_than_scikit_learn() -> None:
    values = np.random.default_rng(2).normal(0, 0.05, 30_000).astype(np.float32)
    start = linear_start(values, 32)
    peer = KMeans(32, init=start[:, None], n_init=1).fit(values[:, None])
    ours = squared_error(values, _native.kmeans_1d(values, start)[0])
    assert ours <= squared_error(values, peer.cluster_centers_[:, 0])


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=60),
    st.lists(st.floats(-2e6, 2e6, width=32), min_size=1, max_size=20),
)
def test_any_values_from_any_start(values: list[float], start: list[float]) -> None:
    array = np.array(values, np.float32)
    centroids, codes = _native.kmeans_1d(array, np.array(start, np.float32))
    check_assignment(array, centroids, codes)
    assert centroids.size == len(start)


def test_an_empty_cluster_keeps_its_centroid() -> None:
    values = np.array([0, 1, 10, 11], np.float32)
    centroids, codes = _native.kmeans_1d(values, np.array([0.5, 5, 5, 10.5, 99], np.float32))
    np.testing.assert_array_equal(centroids, np.array([0.5, 5, 5, 10.5, 99], np.float32))
    np.testing.assert_array_equal(codes, [0, 0, 3, 3])


def test_a_value_in_the_middle_goes_up() -> None:
    values = np.array([0, 1, 2], np.float32)
    _, codes = _native.kmeans_1d(values, np.array([0, 2], np.float32), max_iterations=0)
    np.testing.assert_array_equal(codes, [0, 1, 1])


def test_no_values_and_no_iterations() -> None:
    start = np.array([3, 1], np.float32)
    centroids, codes = _native.kmeans_1d(np.zeros(0, np.float32), start)
    np.testing.assert_array_equal(centroids, [1, 3])
    assert codes.size == 0
    assert _native.kmeans_1d_optimal(np.zeros(0, np.float32), 4).size == 0


def test_the_same_every_time() -> None:
    values = np.random.default_rng(3).normal(size=100_000).astype(np.float32)
    first, second = (_native.kmeans_1d(values, linear_start(values, 32)) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("count", [10, 70_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_must_be_finite(count: int, bad: float) -> None:
    values = np.ones(count, np.float32)
    values[count // 2] = bad
    with pytest.raises(ValueError, match="`values` must be finite"):
        _native.kmeans_1d(values, np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="`values` must be finite"):
        _native.kmeans_1d_optimal(values, 2)


def test_bad_arguments_are_refused() -> None:
    values = np.ones(4, np.float32)
    with pytest.raises(ValueError, match="1 to 256 values, but got 257"):
        _native.kmeans_1d(values, np.zeros(257, np.float32))
    with pytest.raises(ValueError, match="1 to 256 values, but got 0"):
        _native.kmeans_1d(values, np.zeros(0, np.float32))
    with pytest.raises(ValueError, match="`centroids` must be finite"):
        _native.kmeans_1d(values, np.array([np.nan], np.float32))
    with pytest.raises(ValueError, match="max_iterations=-1"):
        _native.kmeans_1d(values, values, -1)
    with pytest.raises(ValueError, match="k=0"):
        _native.kmeans_1d_optimal(values, 0)
    with pytest.raises(TypeError):
        _native.kmeans_1d(values.astype(np.float64), values)


# ---- the optimum


def brute_force(values: Floats, k: int) -> float:
    """The least squared error over all ways to cut the sorted values into k runs."""
    ordered = np.sort(values.astype(np.float64))

    def cost(cuts: tuple[int, ...]) -> float:
        parts = np.split(ordered, cuts)
        return sum(float(np.square(part - part.mean()).sum()) for part in parts)

    return min(cost(cuts) for cuts in itertools.combinations(range(1, ordered.size), k - 1))


@given(st.integers(1, 5), st.integers(5, 11), st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_optimum_is_that_of_brute_force(k: int, count: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_cauchy(count).astype(np.float32)
    centroids = _native.kmeans_1d_optimal(values, k)
    assert centroids.size == k
    assert (np.diff(centroids) > 0).all()
    best = brute_force(values, k)
    size = float(np.square(values, dtype=np.float64).sum())
    assert squared_error(values, centroids) == pytest.approx(best, rel=1e-5, abs=1e-10 * size)


def test_the_optimum_has_no_more_centroids_than_values() -> None:
    values = np.array([2, 1, 2, 2, 5], np.float32)
    np.testing.assert_array_equal(_native.kmeans_1d_optimal(values, 200), [1, 2, 5])


@pytest.mark.parametrize(("count", "k"), [(3000, 8), (100_000, 16)])
def test_nothing_beats_the_optimum(count: int, k: int) -> None:
    values = np.random.default_rng(4).normal(0, 0.05, count).astype(np.float32)
    best = squared_error(values, _native.kmeans_1d_optimal(values, k))
    starts = (linear_start(values, k), np.quantile(values, (np.arange(k) + 0.5) / k))
    for start in starts:
        centroids, _ = _native.kmeans_1d(values, start.astype(np.float32))
        assert best <= squared_error(values, centroids) * (1 + 1e-5)
