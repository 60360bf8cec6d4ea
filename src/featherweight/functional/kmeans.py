"""Weight sharing: one-dimensional k-means over the weights of a layer.

Han, Mao & Dally 2016, "Deep Compression", arXiv 1510.00149, section 3. Linear initialisation keeps
the few large weights represented, which density and random initialisation do not.
"""

import numpy as np
from numpy.typing import NDArray

from featherweight import _native
from featherweight.errors import InvalidArgumentError
from featherweight.validation import check_choice, check_range

INITIALIZATIONS = ("linear", "density", "random")


def initial_centroids(
    values: NDArray[np.float32], num_clusters: int, method: str = "linear", seed: int = 0
) -> NDArray[np.float32]:
    """Starting centroids, ascending, shape [num_clusters].

    linear: equally spaced between the smallest and the largest value; density: at the quantiles
    (i + 1/2) / k of the values; random: values drawn without replacement where there are enough.

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
    else:
        generator = np.random.default_rng(seed)
        start = generator.choice(values, num_clusters, replace=values.size < num_clusters)
    return np.sort(start).astype(np.float32)


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
