"""Sparsity patterns by name: `unstructured`, `N:M` (2:4, 4:8, 2:16), `RxC` blocks (1x4, 4x1, 8x1).

A name, a mask from scores, and what a pattern is on its way from dense: while the density falls, an
N:M pattern keeps ever fewer of each group, so that a network can be trained towards it.
"""

import math
import re
from dataclasses import dataclass

from torch import Tensor

from featherweight.errors import InvalidArgumentError
from featherweight.functional.patterns import block_mask, n_of_m_mask, unstructured_mask

_EXAMPLES = "unstructured, N:M (such as 2:4, 4:8, 2:16) or RxC blocks (such as 1x4, 4x1, 8x1)"


@dataclass(frozen=True)
class SparsityPattern:
    """Which weights of a matrix [rows, columns] live or die together.

    `of_each` is (n, m) of an N:M pattern; `block` is (rows, columns) of a block pattern; neither:
    every weight stands alone.
    """

    name: str
    of_each: tuple[int, int] | None = None
    block: tuple[int, int] | None = None

    @property
    def fixed_density(self) -> float | None:
        """The density that the pattern itself decides, n / m; None where it is free."""
        return None if self.of_each is None else self.of_each[0] / self.of_each[1]

    def mask(self, scores: Tensor, density: float) -> Tensor:
        """Keep what scores highest under the pattern: bool, of the scores' shape [rows, ...].

        Args:
            density: share to keep. Of an N:M pattern the least n of each m that gives it, and never
                fewer than the pattern's own n.
        """
        if self.of_each is not None:
            n, m = self.of_each
            return n_of_m_mask(scores, min(m, max(n, math.ceil(density * m - 1e-9))), m)
        if self.block is not None:
            return block_mask(scores, density, *self.block)
        return unstructured_mask(scores, density)


UNSTRUCTURED = SparsityPattern("unstructured")


def parse_pattern(name: str) -> SparsityPattern:
    """The pattern of this name.

    Raises:
        InvalidArgumentError: no pattern has such a name, or n is not between 1 and m.
    """
    if name == UNSTRUCTURED.name:
        return UNSTRUCTURED
    found = re.fullmatch(r"([1-9]\d*)([:x])([1-9]\d*)", name)
    if found is None:
        raise InvalidArgumentError(f"`pattern` must be {_EXAMPLES}, but got pattern={name!r}.")
    first, second = int(found[1]), int(found[3])
    if found[2] == "x":
        return SparsityPattern(name, block=(first, second))
    if first > second:
        raise InvalidArgumentError(
            f"`pattern` N:M keeps N of every M weights, so N must be at most M, "
            f"but got pattern={name!r}."
        )
    return SparsityPattern(name, of_each=(first, second))
