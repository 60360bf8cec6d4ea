"""What a stored tensor costs in the form in which it is stored: kept elements, and bytes."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from featherweight.container.graph import CodedTensor
from featherweight.functional.coding_length import relative_indices
from featherweight.measure.values import AnyTensor, element_bytes

_MAX_INDEX_BITS = 8


@dataclass(frozen=True)
class StoredCost:
    """`kept` of the `elements` are not pruned away; `bytes` hold them, before entropy coding."""

    elements: int
    kept: int
    bytes: int
    format: str


def stored_cost(tensor: AnyTensor) -> StoredCost:
    """Return the cost of one tensor.

    | format | bytes |
    |---|---|
    | raw | elements times the element's |
    | shared | a code of ceil(log2 k) bits an element, and the codebook of k values |
    | sparse | a value and a relative index an entry, at the width (1 to 8) that gives the fewest |
    | sparse_shared | a code and a relative index an entry, and the codebook |

    Relative indices are those of Deep Compression (arXiv 1510.00149, section 2); an entry is a kept
    element, or a padding zero that bridges a gap too long for the index. The file's entropy
    coder makes it smaller still: that is a matter of the file, not of a network that runs.
    """
    if not isinstance(tensor, CodedTensor):
        elements = math.prod(tensor.shape)
        dtype = str(tensor.dtype).removeprefix("torch.")
        return StoredCost(elements, elements, elements * element_bytes(dtype), "raw")
    kept = tensor.elements if tensor.positions is None else int(tensor.positions.size)
    width = 8 * element_bytes(tensor.dtype)
    codebook_bits = 0
    if tensor.codebook is not None:
        codebook_bits = width * int(tensor.codebook.size)
        width = max(1, int(tensor.codebook.size - 1).bit_length())
    bits = kept * width if tensor.positions is None else _sparse_bits(tensor.positions, width)
    return StoredCost(tensor.elements, kept, -(-(bits + codebook_bits) // 8), tensor.format)


def signs_cost(tensor: AnyTensor) -> StoredCost:
    """Return the cost of a weight of signs, in whatever form it is given: a bit an element."""
    elements = math.prod(tensor.shape)
    return StoredCost(elements, elements, -(-elements // 8), "shared")


def _sparse_bits(positions: np.ndarray, value_bits: int) -> int:
    return min(
        relative_indices(positions, index_bits)[0].size * (index_bits + value_bits)
        for index_bits in range(1, _MAX_INDEX_BITS + 1)
    )


def is_floating(tensor: AnyTensor) -> bool:
    """Return whether its elements are floating-point numbers."""
    dtype = tensor.dtype if isinstance(tensor, Tensor) else getattr(torch, str(tensor.dtype))
    return bool(dtype.is_floating_point)
