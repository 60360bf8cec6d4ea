"""Symbols like those that coders meet, and what they must cost."""

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.uint8]


def entropy_bytes(symbols: NDArray[np.generic]) -> float:
    """The empirical entropy of order 0, in bytes."""
    counts = np.unique(symbols, return_counts=True)[1]
    return float(-(counts * np.log2(counts / symbols.size)).sum() / 8)


def gaussian_codes(rng: np.random.Generator, count: int, num_bits: int) -> Symbols:
    """Like k-means codes: bell-shaped over the codebook."""
    top = 2**num_bits - 1
    return np.clip(np.round(rng.normal(top / 2, top / 6, count)), 0, top).astype(np.uint8)


def gaps(rng: np.random.Generator, count: int, density: float, num_bits: int) -> Symbols:
    """Like relative indices: geometric, cut at the escape."""
    return np.minimum(rng.geometric(density, count) - 1, 2**num_bits - 1).astype(np.uint8)


def skewed(rng: np.random.Generator, count: int) -> Symbols:
    """All 256 values, the rare ones thousands of times rarer: code lengths reach their limit."""
    return np.minimum(rng.exponential(12, count), 255).astype(np.uint8)
