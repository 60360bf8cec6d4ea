"""Weight sharing: one-dimensional k-means over the weights of a layer.

Han, Mao & Dally 2016, "Deep Compression", arXiv 1510.00149, section 3. Linear initialisation keeps
the few large weights represented, which density and random initialisation do not.
"""

import numpy as np
from numpy.typing import NDArray

from featherweight import _native
from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice, check_range

_SAMPLE = 100_000

INITIALIZATIONS = ("linear", "density", "random", "kmeans++")


def initial_centroids(
    values: NDArray[np.float32], num_clusters: int, method: str = "linear", seed: int = 0
) -> NDArray[np.float32]:
    """Starting centroids, ascending, shape [num_clusters].

    linear: equally spaced between the smallest and the largest value; density: at the quantiles
    (i + 1/2) / k of the values; random: values drawn without replacement where there are enough;
    kmeans++: one after the other, each value in proportion to its squared distance from the nearest
    one drawn before (Arthur & Vassilvitskii 2007), among at most 100,000 of the values.

    Raises:
        InvalidArgumentError: unknown method, no values, or not 1 to 256 clusters.
    """
    check_choice("init", method, INITIALIZATIONS)
    check_range("num_clusters", num_clusters, 1, 256)
    if values.size == 0:
        raise InvalidArgumentError("k-means needs at least one value, but got none.")
    if method == "linear":
        start = np.linspace(values.min(), values.max(), num_clusters)
    elif method == "density":
        start = np.quantile(values, (np.arange(num_clusters) + 0.5) / num_clusters)
    elif method == "random":
        generator = np.random.default_rng(seed)
        start = generator.choice(values, num_clusters, replace=values.size < num_clusters)
    else:
        start = _far_apart(values, num_clusters, np.random.default_rng(seed))
    return np.sort(start).astype(np.float32)


def _far_apart(
    values: NDArray[np.float32], num_clusters: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """The starts of k-means++, float64 [num_clusters]; the last ones repeat if values run out."""
    if values.size > _SAMPLE:
        values = generator.choice(values, _SAMPLE, replace=False)
    start = np.full(num_clusters, generator.choice(values), dtype=np.float64)
    nearest = np.full(values.size, np.inf)
    for i in range(1, num_clusters):
        nearest = np.minimum(nearest, np.square(values.astype(np.float64) - start[i - 1]))
        total = nearest.sum()
        start[i:] = generator.choice(values, p=nearest / total) if total > 0 else start[i - 1]
    return start


def optimum(
    values: NDArray[np.float32], num_clusters: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The clusters of least squared error: in one dimension the exact optimum can be found.

    Clusters of sorted values are intervals, so dynamic programming over their ends finds it (Wang
    & Song 2011, "Ckmeans.1d.dp"). Slower than `kmeans`: an oracle, and a choice for small layers.

    Returns:
        codebook float32 [<= k] ascending, and codes uint8 [n].
    """
    check_range("num_clusters", num_clusters, 1, 256)
    flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
    start = _native.kmeans_1d_optimal(flat, num_clusters)
    return without_empty_clusters(*_native.kmeans_1d(flat, start, 0))


def kmeans(
    values: NDArray[np.float32],
    num_clusters: int,
    init: str = "linear",
    *,
    seed: int = 0,
    max_iterations: int = 1000,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Cluster scalars by Lloyd's algorithm, natively.

    Args:
        values: float32 [n], finite.
        num_clusters: k, 1 to 256; fewer come back where `values` holds fewer distinct numbers.
        max_iterations: Lloyd's last steps even the clusters out: the error falls a little more,
            and the entropy of the codes rises.

    Returns:
        codebook float32 [<= k] ascending, and codes uint8 [n] with codebook[codes] ~ values.
    """
    flat = np.ascontiguousarray(values, dtype=np.float32).ravel()
    start = initial_centroids(flat, num_clusters, init, seed)
    codebook, codes = _native.kmeans_1d(flat, start, max_iterations)
    return without_empty_clusters(codebook, codes)


def without_empty_clusters(
    codebook: NDArray[np.float32], codes: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Drop the centroids that no code refers to: they would cost bytes and mean nothing."""
    used = np.bincount(codes, minlength=codebook.size) > 0
    renumbered = (np.cumsum(used) - 1).astype(np.uint8)
    return codebook[used], renumbered[codes]
