"""Relative indices, and the choice of width and coder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from featherweight.container.encode import (
    candidate_coders,
    code_width,
    encode_symbols,
    gap_symbols,
    index_width,
)
from featherweight.functional.coding_length import mask_entropy_bits


def test_gaps_by_hand() -> None:
    # Kept: 0, 3, 4 and 12; with 2 bits an escape skips three zeros.
    positions = np.array([0, 3, 4, 12], np.int64)
    assert gap_symbols(positions, 2).tolist() == [0, 2, 0, 3, 3, 1]
    assert gap_symbols(positions, 1).tolist() == [0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]
    assert gap_symbols(positions, 8).tolist() == [0, 2, 0, 7]
    assert gap_symbols(positions[:0], 4).tolist() == []


@given(st.sets(st.integers(0, 3000)), st.integers(1, 8))
def test_gaps_lead_back_to_the_positions(kept: set[int], width: int) -> None:
    positions = np.array(sorted(kept), np.int64)
    cursor, found = 0, []
    for symbol in gap_symbols(positions, width).tolist():
        assert symbol < 1 << width
        cursor += symbol
        if symbol != (1 << width) - 1:
            found.append(cursor)
            cursor += 1
    assert found == positions.tolist()


@pytest.mark.parametrize("density", [0.02, 0.08, 0.3])
def test_chosen_width_comes_close_to_the_entropy(density: float) -> None:
    elements = 2_000_000
    rng = np.random.default_rng(0)
    positions = np.flatnonzero(rng.random(elements) < density).astype(np.int64)
    width = index_width(positions, ("rans",))
    block = encode_symbols("positions", gap_symbols(positions, width), width, ("rans",))
    assert 8 * block.bytes < 1.01 * mask_entropy_bits(elements, positions.size)


def test_few_positions_get_the_width_that_really_is_smallest() -> None:
    positions = np.flatnonzero(np.random.default_rng(0).random(500) < 0.1).astype(np.int64)
    sizes = [
        encode_symbols("positions", gap_symbols(positions, w), w, ("huffman", "rans")).bytes
        for w in range(1, 9)
    ]
    assert sizes[index_width(positions, ("huffman", "rans")) - 1] == min(sizes)


def test_the_smallest_coder_wins() -> None:
    rng = np.random.default_rng(0)
    flat = rng.integers(0, 16, 4096).astype(np.uint8)
    assert encode_symbols("codes", flat, 4, candidate_coders("auto", 10**9)).coder == "packed"
    steep = (rng.random(4096) < 0.02).astype(np.uint8)
    assert encode_symbols("codes", steep, 1, candidate_coders("auto", 10**9)).coder == "rans"


def test_auto_leaves_the_slow_coder_to_small_tensors() -> None:
    assert "context" in candidate_coders("auto", 1000)
    assert "context" not in candidate_coders("auto", 4_000_001)
    assert candidate_coders("context", 10**9) == ("context",)


def test_code_width() -> None:
    assert [code_width(k) for k in (1, 2, 3, 4, 5, 256)] == [1, 1, 2, 2, 3, 8]
