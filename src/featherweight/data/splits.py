"""Splits that are stratified and fixed: the same on every machine, with every version of anything.

numpy promises the raw numbers of PCG64 for ever, but not how `permutation` uses them, and torch
promises neither. So elements are ranked by one raw 64-bit number each.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def random_ranks(count: int, seed: int) -> NDArray[np.uint64]:
    """One number for each of `count` elements, the same for ever; sorting by them is a shuffle."""
    ranks: NDArray[np.uint64] = np.random.PCG64(seed).random_raw(count)
    return ranks


def apportion(total: int, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Share `total` seats by `weights`: the largest remainders round up (ties: lower index)."""
    exact = total * weights.astype(np.int64)
    seats: NDArray[np.int64] = exact // weights.sum()
    order = np.argsort(-(exact % weights.sum()), kind="stable")
    seats[order[: total - int(seats.sum())]] += 1
    return seats


def stratified_split(
    labels: NDArray[np.int64], sizes: Sequence[int], seed: int
) -> tuple[Indices, ...]:
    """Cut len(labels) elements into parts of exactly `sizes`, each with the same mix of classes.

    Args:
        labels: class numbers [N].
        sizes: of the parts; they sum to N. The first part takes what rounding leaves over.
        seed: of the shuffle.

    Returns:
        Indices into `labels`, one array a part, disjoint, in shuffled order (so that the first n of
        a part are a fair sample of it).
    """
    if sum(sizes) != len(labels):
        raise ValueError(f"`sizes` must sum to {len(labels)}, but got {list(sizes)}.")
    ranks = random_ranks(len(labels), seed)
    class_sizes = np.bincount(labels)
    quotas = np.array([apportion(size, class_sizes) for size in sizes[1:]])
    by_class = []
    for label in range(len(class_sizes)):
        members = np.flatnonzero(labels == label)
        members = members[np.argsort(ranks[members], kind="stable")]
        *others, rest = np.split(members, np.cumsum(quotas[:, label]))
        by_class.append((rest, *others))
    parts = (np.concatenate(part) for part in zip(*by_class, strict=True))
    return tuple(part[np.argsort(ranks[part], kind="stable")] for part in parts)


def name_rank(name: str) -> bytes:
    """A number for a name that depends on nothing else; sorting by it is a shuffle."""
    return hashlib.sha256(name.encode()).digest()


def split_by_name(names: Sequence[str], shares: Sequence[float]) -> tuple[list[str], ...]:
    """Cut the names of one class into parts by the hash of each name.

    The parts behind the first take round(share x N) names, at least one each; the first takes the
    rest. A name's place depends on its own hash, so that a new picture does not reshuffle the
    others: it pushes at most one of them over each border.

    Args:
        names: at least as many as there are parts.
        shares: of the parts, summing to 1.
    """
    ordered = sorted(names, key=name_rank)
    parts, start = [], 0
    for share in shares[1:]:
        size = max(1, round(share * len(ordered)))
        parts.append(ordered[start : start + size])
        start += size
    return (ordered[start:], *parts)
