"""Layer by layer, what is left and what it costs: Deep Compression's Tables 2 to 5.

arXiv 1510.00149. "P+Q" stores each kept weight (and each padding zero) as a code of fixed width
with a relative index of fixed width; "P+Q+H" codes both by Huffman. The bytes in the file are
counted apart, from the file itself.
"""

from dataclasses import dataclass

import numpy as np

from featherweight.container.graph import CodedTensor
from featherweight.functional.coding_length import FLOAT_BITS, huffman_bits, relative_indices


@dataclass(frozen=True)
class LayerRow:
    """One row of the table: bits are means over the kept weights, rates fractions of float32."""

    name: str
    params: int
    kept: int
    num_bits: int | None
    weight_bits: float
    weight_bits_huffman: float
    index_bits: float
    index_bits_huffman: float
    rate_shared: float
    """Pruned and shared (P+Q), the codebook counted."""
    rate_coded: float
    """Pruned, shared and Huffman-coded (P+Q+H), the codebook counted."""
    file_bytes: int
    coder: str

    @property
    def density(self) -> float:
        """Share of weights kept."""
        return self.kept / self.params


def layer_row(
    tensor: CodedTensor, index_bits: int, file_bytes: int, coder: str, *, vector_size: int = 1
) -> LayerRow:
    """The row of one tensor, whatever its format; a code stands for `vector_size` weights."""
    params = int(np.prod(tensor.shape, dtype=np.int64))
    kept = params if tensor.positions is None else int(tensor.positions.size)
    entries, index_fixed, index_coded = kept, 0.0, 0.0
    if tensor.positions is not None:
        gaps, _ = relative_indices(tensor.positions, index_bits)
        entries = gaps.size
        index_fixed = float(entries * index_bits)
        index_coded = huffman_bits(np.bincount(gaps))
    value_bits = 8 * np.dtype(tensor.dtype).itemsize
    weight_fixed = weight_coded = float(entries * value_bits)
    codebook_bits, num_bits = 0, value_bits if value_bits < FLOAT_BITS else None
    if tensor.codebook is not None and tensor.codes is not None:
        codebook_bits = tensor.codebook.size * value_bits
        num_bits = max(1, int(tensor.codebook.size - 1).bit_length())
        counts = np.bincount(tensor.codes, minlength=tensor.codebook.size)
        # The paper stores a padding zero as one more weight, so it needs one more code.
        weight_fixed = float(entries * num_bits)
        weight_coded = huffman_bits(np.append(counts, entries - kept))
    params, kept = params * vector_size, kept * vector_size
    dense_bits = params * FLOAT_BITS
    return LayerRow(
        name=tensor.name,
        params=params,
        kept=kept,
        num_bits=num_bits,
        weight_bits=weight_fixed / kept,
        weight_bits_huffman=weight_coded / kept,
        index_bits=index_fixed / kept,
        index_bits_huffman=index_coded / kept,
        rate_shared=(weight_fixed + index_fixed + codebook_bits) / dense_bits,
        rate_coded=(weight_coded + index_coded + codebook_bits) / dense_bits,
        file_bytes=file_bytes,
        coder=coder,
    )
