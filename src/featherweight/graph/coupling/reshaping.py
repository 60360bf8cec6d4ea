"""What a Reshape does to dimensions of atoms: it splits them and merges them.

Both shapes are cut into common factors: (C, H, W) to (G, C/G*H*W) has the factors G, C/G, H, W. A
dimension that is split into several factors keeps its atoms along one of them, and what is removed
is the same at each index of the others: channels at the same place in each group of a shuffle, or
of each attention head. Where dimensions are merged, all but one of them are fixed.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul

import numpy as np

from featherweight.graph.coupling.atoms import Atoms, Dim, Ids

Shape = tuple[int, ...]


def reshape_dims(
    atoms: Atoms, dims: Sequence[Dim], before: Shape, after: Shape, whole: Sequence[int] = ()
) -> list[Dim]:
    """Return the dimensions of `after`, tying what has to go together for its sake.

    Args:
        dims: of the value, whose shape is `before`.
        whole: dimensions of `after` that are removed by whole indices where there is a choice
            (attention heads).
    """
    result: list[Dim] = [None] * len(after)
    for inside, outside in _segments(before, after):
        factors = _factors([before[i] for i in inside], [after[i] for i in outside])
        if factors is None:
            for i in inside:
                atoms.fix(dims[i])
            continue
        owners = _owners(factors, [after[i] for i in outside])
        wanted = [k for k, owner in enumerate(owners) if outside[owner] in whole]
        parts: list[Dim] = []
        for i, indices in zip(inside, _runs(factors, [before[i] for i in inside]), strict=True):
            sizes = [factors[k] for k in indices]
            parts += split(atoms, dims[i], sizes, [k - indices[0] for k in wanted if k in indices])
        runs = _runs(factors, [after[i] for i in outside])
        for i, indices in zip(outside, runs, strict=True):
            sizes = [factors[k] for k in indices]
            result[i] = merge(atoms, [parts[k] for k in indices], sizes)
    return result


def split(atoms: Atoms, ids: Dim, sizes: Sequence[int], wanted: Sequence[int] = ()) -> list[Dim]:
    """Return the atoms of the factors of a dimension; only one factor has any."""
    result: list[Dim] = [None] * len(sizes)
    roots = atoms.free(ids)
    if ids is None or roots is None:
        return result
    if len(sizes) == 1:
        return [ids]
    axis = _carrier(roots, sizes, wanted)
    table = np.moveaxis(ids.reshape(sizes), axis, 0).reshape(sizes[axis], -1)
    atoms.tie(table, table[:, :1])
    result[axis] = table[:, 0].copy()
    return result


def merge(atoms: Atoms, dims: Sequence[Dim], sizes: Sequence[int]) -> Dim:
    """Return the atoms of a dimension that is made of several."""
    free = [atoms.free(ids) for ids in dims]
    counts = [0 if roots is None else len(np.unique(roots[roots != 0])) for roots in free]
    if not any(counts):
        return None
    chosen = int(np.argmax(counts))
    for k, ids in enumerate(dims):
        if k != chosen:
            atoms.fix(ids)
    shape = [1] * len(sizes)
    shape[chosen] = sizes[chosen]
    kept = dims[chosen]
    assert kept is not None
    return np.broadcast_to(kept.reshape(shape), tuple(sizes)).reshape(-1)


def _carrier(roots: Ids, sizes: Sequence[int], wanted: Sequence[int]) -> int:
    """Which factor has the atoms: one that costs no tie, else a wanted one, else the largest."""
    table = roots.reshape(sizes)
    order = sorted(range(len(sizes)), key=lambda k: (-sizes[k], -k))
    for axis in order:
        rows = np.moveaxis(table, axis, 0).reshape(sizes[axis], -1)
        if sizes[axis] > 1 and (rows == rows[:, :1]).all():
            return axis
    return next((k for k in wanted if sizes[k] > 1), order[0])


def _segments(before: Shape, after: Shape) -> list[tuple[list[int], list[int]]]:
    """The smallest runs of dimensions, of more than one index, whose products are the same."""
    segments: list[tuple[list[int], list[int]]] = []
    left = [i for i, size in enumerate(before) if size != 1]
    right = [i for i, size in enumerate(after) if size != 1]
    while left and right:
        inside, outside = [left.pop(0)], [right.pop(0)]
        a, b = before[inside[0]], after[outside[0]]
        while a != b:
            if a < b:
                inside.append(left.pop(0))
                a *= before[inside[-1]]
            else:
                outside.append(right.pop(0))
                b *= after[outside[-1]]
        segments.append((inside, outside))
    return segments


def _factors(before: Sequence[int], after: Sequence[int]) -> list[int] | None:
    """The common factors of both shapes in their order; None if a cut of one divides no other's."""
    cuts = sorted({1} | set(_products(before)) | set(_products(after)))
    # Counted from the last dimension on, since memory is laid out so.
    factors = [high // low if high % low == 0 else 0 for low, high in pairwise(cuts)]
    return factors[::-1] if all(factors) else None


def _products(shape: Sequence[int]) -> list[int]:
    return list(accumulate(reversed(shape), mul))


def _runs(factors: Sequence[int], shape: Sequence[int]) -> list[list[int]]:
    """The factors, by number, that each dimension of `shape` is made of."""
    runs, k = [], 0
    for size in shape:
        run, product = [k], factors[k]
        while product < size:
            k += 1
            run.append(k)
            product *= factors[k]
        k += 1
        runs.append(run)
    return runs


def _owners(factors: Sequence[int], shape: Sequence[int]) -> list[int]:
    return [owner for owner, run in enumerate(_runs(factors, shape)) for _ in run]
