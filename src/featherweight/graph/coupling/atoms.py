"""Indices of dimensions that can only be removed together: a union-find with a fixed class.

Each index of each dimension of each weight is an atom. An operator that needs two indices to go
together ties their atoms; what may not go at all is tied to the atom `FIXED`. A dimension is an
array of atoms, one an index, or None where all of it is fixed (pixels, tokens, the batch).
"""

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Dim = Ids | None
FIXED = 0


class Atoms:
    """Atoms and which of them are tied; a class goes by the smallest of its atoms."""

    def __init__(self) -> None:
        self._parents = np.zeros(1, np.int64)
        self.changes = 0
        """How many ties were new; a pass without one has nothing more to say."""

    def __len__(self) -> int:
        return len(self._parents)

    def fresh(self, count: int) -> Ids:
        """Return new atoms that are tied to nothing."""
        first = len(self._parents)
        new = np.arange(first, first + count, dtype=np.int64)
        self._parents = np.concatenate([self._parents, new])
        return new

    def roots(self, ids: Ids) -> Ids:
        """Return the class of each atom; `FIXED` for those that may not go."""
        found: Ids = self._parents[ids]
        while True:
            further = self._parents[found]
            if np.array_equal(further, found):
                return found
            found = further

    def tie(self, a: Ids, b: Ids) -> None:
        """Let `a[i]` and `b[i]` go together only, for each i."""
        a, b = np.broadcast_arrays(a, b)
        first, second = self.roots(a.ravel()), self.roots(b.ravel())
        different = first != second
        for x, y in zip(first[different].tolist(), second[different].tolist(), strict=True):
            low, high = sorted((self._root(x), self._root(y)))
            if low != high:
                self._parents[high] = low
                self.changes += 1

    def fix(self, ids: Dim) -> None:
        """Let none of these go."""
        if ids is not None:
            self.tie(ids, np.full(1, FIXED, np.int64))

    def free(self, ids: Dim) -> Dim:
        """Return the classes of a dimension, or None if all of it is fixed."""
        if ids is None:
            return None
        roots = self.roots(ids)
        return roots if roots.any() else None

    def _root(self, atom: int) -> int:
        while self._parents[atom] != atom:
            self._parents[atom] = self._parents[self._parents[atom]]
            atom = int(self._parents[atom])
        return atom
