"""One-dimensional k-means of 10 million Gaussian weights, ours against scikit-learn's KMeans.

Both start from the same k = 32 values on a line between the smallest and the largest weight; ours
runs until no centroid moves (at most 1,000 steps), scikit-learn until its own default tolerance.
Compared are the time, in turns, and the sum of squared distances in float64. The bar: 50 times
as fast, with no larger sum. `--quick` takes 1 million weights.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

import harness
from featherweight import _native

NUM_CLUSTERS = 32
SPEED_BAR = 50.0


def squared_error(
    weights: NDArray[np.float32], centroids: NDArray[np.floating], codes: NDArray[np.integer]
) -> float:
    """Sum of squared distances, in float64."""
    return float(np.square(weights - centroids.astype(np.float64)[codes], dtype=np.float64).sum())


def run(options: argparse.Namespace) -> list[harness.Row]:
    count, rounds = (1_000_000, 2) if options.quick else (10_000_000, options.rounds)
    weights = np.random.default_rng(0).normal(0, 0.05, count).astype(np.float32)
    start = np.linspace(weights.min(), weights.max(), NUM_CLUSTERS, dtype=np.float32)
    column = weights[:, None]

    peer = KMeans(NUM_CLUSTERS, init=start[:, None], n_init=1)
    _native.kmeans_1d(weights, start)  # the first call pays for the memory of the codes
    timing = harness.compare(
        lambda: _native.kmeans_1d(weights, start), lambda: peer.fit(column), rounds
    )
    ours = squared_error(weights, *_native.kmeans_1d(weights, start))
    peers = squared_error(weights, peer.cluster_centers_[:, 0], peer.labels_)
    optimal = _native.kmeans_1d_optimal(weights, NUM_CLUSTERS)
    best = squared_error(weights, *_native.kmeans_1d(weights, optimal, max_iterations=0))

    name = f"{count / 1e6:.0f} M weights, k = {NUM_CLUSTERS}"
    return [
        harness.timed(f"{name}: time", timing, "scikit-learn", "ms", SPEED_BAR),
        harness.Row(
            name=f"{name}: squared error",
            value=ours,
            unit="",
            peer=f"scikit-learn, {peers:.5g}",
            ratio=peers / ours,
            bar=1.0,
            met=ours <= peers,
        ),
        harness.Row(
            name=f"{name}: squared error",
            value=ours,
            unit="",
            peer=f"the optimum, {best:.5g}",
            ratio=best / ours,
        ),
    ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=3, help="of the full run (default 3)")


if __name__ == "__main__":
    harness.main(__doc__, run, add_options)
