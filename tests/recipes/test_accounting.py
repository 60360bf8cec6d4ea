"""The table's columns on a tensor small enough to count by hand."""

import numpy as np
import pytest

from featherweight.container import CodedTensor
from featherweight.recipes.accounting import layer_row


def test_columns_of_a_hand_made_tensor() -> None:
    """Kept at 1, 4 and 15 of 16 with 3-bit indices: gaps 1, 2, (7), 2 with one padding zero."""
    tensor = CodedTensor(
        "fc.weight", "float32", (4, 4), "sparse_shared",
        positions=np.array([1, 4, 15]),
        codebook=np.array([-1.0, 0.5, 2.0], np.float32),
        codes=np.array([0, 2, 2], np.uint8),
    )  # fmt: skip
    row = layer_row(tensor, index_bits=3, file_bytes=40, coder="huffman")
    assert (row.params, row.kept, row.num_bits) == (16, 3, 2)
    assert row.density == 3 / 16
    assert row.index_bits == pytest.approx(4 * 3 / 3)
    assert row.weight_bits == pytest.approx(4 * 2 / 3)
    # gaps {1: 1, 2: 2, 7: 1} -> lengths 2, 1, 2; codes {0: 1, 2: 2} and one padding -> 2, 1, 2
    assert row.index_bits_huffman == pytest.approx(6 / 3)
    assert row.weight_bits_huffman == pytest.approx(6 / 3)
    assert row.rate_shared == pytest.approx((8 + 12 + 3 * 32) / (16 * 32))
    assert row.rate_coded == pytest.approx((6 + 6 + 3 * 32) / (16 * 32))


def test_a_dense_shared_tensor_has_no_index() -> None:
    tensor = CodedTensor(
        "fc.bias", "float32", (4,), "shared",
        codebook=np.array([0.0, 1.0], np.float32), codes=np.array([0, 1, 1, 0], np.uint8),
    )  # fmt: skip
    row = layer_row(tensor, index_bits=5, file_bytes=20, coder="packed")
    assert (row.kept, row.index_bits, row.index_bits_huffman) == (4, 0.0, 0.0)
    assert row.weight_bits == row.weight_bits_huffman == 1.0


def test_a_pruned_tensor_that_keeps_floats() -> None:
    tensor = CodedTensor(
        "fc.weight", "float32", (8,), "sparse",
        positions=np.array([0, 4]), values=np.array([1.5, -2.0], np.float32),
    )  # fmt: skip
    row = layer_row(tensor, index_bits=4, file_bytes=20, coder="raw")
    assert row.num_bits is None
    assert row.weight_bits == 32.0
    assert row.rate_shared == pytest.approx((2 * 32 + 2 * 4) / (8 * 32))
