"""The context coder: what it learns from where a bit or a code lies."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featherweight import _native
from symbols import entropy_bytes, gaussian_codes


@given(
    st.integers(1, 60), st.integers(0, 2000), st.floats(0, 1), st.integers(0, 2**32), st.booleans()
)
def test_any_mask_comes_back(
    columns: int, count: int, density: float, seed: int, boolean: bool
) -> None:
    mask = np.random.default_rng(seed).random(count) < density
    data = _native.context_encode_mask(mask if boolean else mask.view(np.uint8), columns)
    decoded = _native.context_decode_mask(data, count, columns)
    assert decoded.dtype == np.bool_
    np.testing.assert_array_equal(decoded, mask)


@pytest.mark.parametrize("shape", [(100, 300), (300, 784), (500, 25)])
@pytest.mark.parametrize("density", [0.03, 0.1, 0.5])
def test_a_mask_without_structure_costs_its_entropy(shape: tuple[int, int], density: float) -> None:
    mask = np.random.default_rng(4).random(shape[0] * shape[1]) < density
    size = len(_native.context_encode_mask(mask, shape[1]))
    assert size <= entropy_bytes(mask) * 1.005 + 12


def test_a_mask_with_dead_columns_costs_far_less() -> None:
    rng = np.random.default_rng(5)
    column_density = np.where(rng.random(784) < 0.4, 0.0, rng.beta(2, 14, 784))
    mask = (rng.random((300, 784)) < column_density).ravel()
    ideal = 300 * sum(binary_entropy(p) for p in column_density) / 8
    size = len(_native.context_encode_mask(mask, 784))
    assert size < 0.9 * entropy_bytes(mask)
    assert size < ideal + 784  # about a byte to learn the density of each column


def binary_entropy(p: float) -> float:
    """Bits of one choice of probability p."""
    return 0.0 if p in (0, 1) else float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


def test_a_mask_of_small_pictures_is_found_out() -> None:
    """Rows are pictures of 20 columns whose ones stand below each other."""
    rng = np.random.default_rng(6)
    pictures = np.zeros((200, 20, 20), bool)
    for picture in pictures:
        row, column = rng.integers(0, 13, 2)
        picture[row : row + 7, column : column + 7] = rng.random((7, 1)) < 0.7
    data = _native.context_encode_mask(pictures.transpose(0, 2, 1).ravel(), 400)
    assert data[0] == 20
    assert len(data) < 0.5 * entropy_bytes(pictures)


def test_neighbouring_codes_foretell_each_other() -> None:
    rng = np.random.default_rng(7)
    signs = np.repeat(rng.integers(0, 2, 1500), rng.integers(1, 12, 1500))
    symbols = (signs * 4 + rng.integers(0, 4, signs.size)).astype(np.uint8)
    size = len(_native.context_encode_codes(symbols, 3))
    assert size < 0.9 * entropy_bytes(symbols)


@given(st.integers(1, 8), st.integers(1, 50), st.integers(1, 3000), st.integers(0, 2**32))
@settings(max_examples=40)
def test_placed_codes_come_back(num_bits: int, columns: int, elements: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positions = np.flatnonzero(rng.random(elements) < rng.random()).astype(np.int64)
    symbols = gaussian_codes(rng, positions.size, num_bits)
    data = _native.context_encode_codes(symbols, num_bits, columns, positions)
    decoded = _native.context_decode_codes(data, symbols.size, num_bits, columns, positions)
    np.testing.assert_array_equal(decoded, symbols)
    cut = data[: len(data) // 2] + bytes(rng.integers(0, 256, 8).tolist())
    with suppress(ValueError):
        cut_decoded = _native.context_decode_codes(cut, symbols.size, num_bits, columns, positions)
        assert cut_decoded.shape == symbols.shape


def test_codes_of_small_pictures_are_found_out() -> None:
    """Rows are sparse pictures of 20 columns, each of one sign above and another below."""
    rng = np.random.default_rng(8)
    signs = np.zeros((200, 20, 20), np.int64)
    for picture, cut in zip(signs, rng.integers(0, 20, 200), strict=True):
        picture[:, :cut] = 4
    positions = np.flatnonzero(rng.random(signs.size) < 0.3).astype(np.int64)
    symbols = (signs.ravel()[positions] + rng.integers(0, 4, positions.size)).astype(np.uint8)
    data = _native.context_encode_codes(symbols, 3, 400, positions)
    assert data[0] == 20
    assert len(data) < 0.95 * len(_native.context_encode_codes(symbols, 3))


def test_positions_must_ascend_and_be_complete() -> None:
    symbols = np.zeros(2, np.uint8)
    for positions in ([3, 3], [4, 2], [-1, 2]):
        with pytest.raises(ValueError, match="positions must ascend"):
            _native.context_encode_codes(symbols, 1, 9, np.array(positions, np.int64))
    with pytest.raises(ValueError, match="2 symbols, but got 1"):
        _native.context_encode_codes(symbols, 1, 9, np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="columns=0"):
        _native.context_encode_codes(symbols, 1, 0, np.arange(2))
    with pytest.raises(TypeError):
        _native.context_encode_codes(symbols, 1, 9, np.arange(2, dtype=np.int32))
