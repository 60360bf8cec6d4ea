"""How many bits a stream needs: relative indices, Huffman's code lengths, the entropy.

The figures of Deep Compression's Tables 2 to 5 (arXiv 1510.00149) are computed here. What the file
really holds is counted in `container`; the two are printed side by side.
"""

import heapq

import numpy as np
from numpy.typing import NDArray

FLOAT_BITS = 32


def relative_indices(
    positions: NDArray[np.int64], index_bits: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The paper's relative index with padding zeros.

    Each entry stands for a stored weight and holds the number of zeros before it, below
    2^index_bits; a longer gap is bridged by padding entries, zero weights stored as if they were
    kept, of gap 2^index_bits - 1.

    Args:
        positions: flat indices of the kept weights, ascending, [kept].
        index_bits: 1 to 8.

    Returns:
        gaps uint8 [entries] and padding bool [entries], True where the entry is a padding zero.
    """
    span = 1 << index_bits
    zeros = np.diff(positions, prepend=-1) - 1
    # A padding entry covers span - 1 zeros and its own zero.
    paddings = zeros // span
    entries = np.cumsum(paddings + 1) - 1
    total = int(entries[-1]) + 1 if positions.size else 0
    gaps = np.full(total, span - 1, dtype=np.uint8)
    padding = np.ones(total, dtype=np.bool_)
    gaps[entries] = zeros % span
    padding[entries] = False
    return gaps, padding


def entropy_bits(counts: NDArray[np.integer]) -> float:
    """Bits in all that an ideal order-0 coder needs for symbols with these counts."""
    used = counts[counts > 0].astype(np.float64)
    return float((used * (np.log2(used.sum()) - np.log2(used))).sum())


def mask_entropy_bits(elements: int, kept: int) -> float:
    """Bits of the positions of `kept` among `elements`: n H(kept / n)."""
    return entropy_bits(np.array([kept, elements - kept]))


def huffman_bits(counts: NDArray[np.integer]) -> float:
    """Bits in all that a Huffman code needs for symbols with these counts, its table left out.

    The sum of the weights of all inner nodes of Huffman's tree; a lone symbol needs one bit each.
    """
    heap = [int(count) for count in counts if count > 0]
    if len(heap) == 1:
        return float(heap[0])
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        total += merged
        heapq.heappush(heap, merged)
    return float(total)


def shared_bits(
    elements: int, num_clusters: int, *, codebooks: int = 1, value_bits: int = FLOAT_BITS
) -> float:
    """Bits of a tensor whose elements share `num_clusters` values, the codebooks counted.

        n log2(k) + codebooks * k * value_bits

    Deep Compression's rate r = 32 n / (n log2(k) + 32 k) (arXiv 1510.00149, section 3) is 32 n
    over this; codes have ceil(log2 k) bits.
    """
    code_bits = max(1, (num_clusters - 1).bit_length())
    return elements * code_bits + codebooks * num_clusters * value_bits


def uniform_bits(elements: int, num_bits: int, *, scales: int = 1, table_entries: int = 0) -> float:
    """Bits of a tensor of `num_bits` an element, with a float32 scale for each of `scales` rows.

    `table_entries`: 8-bit entries of the table that says which steps occur, where one is stored.
    """
    return elements * num_bits + scales * FLOAT_BITS + table_entries * 8


def vector_bits(elements: int, num_clusters: int, size: int) -> float:
    """Bits of a tensor cut into vectors of `size` that share `num_clusters` vectors.

    n / size codes and the codebook; the index table of the file (4 bytes an entry) is counted.
    """
    code_bits = max(1, (num_clusters - 1).bit_length())
    codebook = num_clusters * (size * FLOAT_BITS + FLOAT_BITS)
    return elements / size * code_bits + codebook
