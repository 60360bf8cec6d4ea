"""Relative indices and code lengths against hand-made cases and brute force."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from featherweight.functional.coding_length import (
    entropy_bits,
    huffman_bits,
    mask_entropy_bits,
    relative_indices,
)


def test_the_papers_figure_2() -> None:
    """Weights at 1, 4 and 15 with 3-bit indices: 15 is too far, a padding zero bridges the gap."""
    gaps, padding = relative_indices(np.array([1, 4, 15]), 3)
    assert gaps.tolist() == [1, 2, 7, 2]
    assert padding.tolist() == [False, False, True, False]


@given(st.sets(st.integers(0, 400), min_size=1), st.integers(1, 8))
def test_relative_indices_lead_back_to_the_positions(chosen: set[int], bits: int) -> None:
    positions = np.array(sorted(chosen), dtype=np.int64)
    gaps, padding = relative_indices(positions, bits)
    assert int(gaps.max()) < 2**bits
    reached = np.cumsum(gaps.astype(np.int64) + 1) - 1
    assert reached[~padding].tolist() == positions.tolist()


def test_entropy_of_known_distributions() -> None:
    assert entropy_bits(np.array([8, 8, 0, 16])) == 32 * 1.5
    assert entropy_bits(np.array([5])) == 0.0
    expected = -100 * (0.1 * math.log2(0.1) + 0.9 * math.log2(0.9))
    assert math.isclose(mask_entropy_bits(100, 10), expected)


def test_huffman_of_a_textbook_case() -> None:
    """Counts 5, 9, 12, 13, 16, 45 need 224 bits (Cormen et al., section 16.3)."""
    assert huffman_bits(np.array([5, 9, 12, 13, 16, 45])) == 224


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=40))
def test_huffman_is_within_a_bit_of_the_entropy(counts: list[int]) -> None:
    array = np.array(counts)
    assert entropy_bits(array) - 1e-6 <= huffman_bits(array) <= entropy_bits(array) + array.sum()
