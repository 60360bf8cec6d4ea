"""Every coder gives back what it got, is as small as promised, and never crashes on bad bytes."""

import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featherweight import _native
from symbols import Symbols, entropy_bytes, gaps, gaussian_codes, skewed

Encode = Callable[[Symbols], bytes]
Decode = Callable[[bytes, int], Symbols]

# Each coder of 8-bit symbols as a pair that takes symbols alone; the mask takes their lowest bit.
CODERS: dict[str, tuple[Encode, Decode]] = {
    "huffman": (_native.huffman_encode, _native.huffman_decode),
    "rans": (_native.rans_encode, _native.rans_decode),
    "packed": (
        lambda symbols: _native.packed_encode(symbols, 8),
        lambda data, count: _native.packed_decode(data, count, 8),
    ),
    "context codes": (
        lambda symbols: _native.context_encode_codes(symbols, 8),
        lambda data, count: _native.context_decode_codes(data, count, 8),
    ),
    "context mask": (
        lambda symbols: _native.context_encode_mask(symbols & 1, 7),
        lambda data, count: _native.context_decode_mask(data, count, 7).view(np.uint8),
    ),
}
coders = pytest.mark.parametrize("coder", CODERS)


def expected(coder: str, symbols: Symbols) -> Symbols:
    return symbols & 1 if coder == "context mask" else symbols


def check_round_trip(coder: str, symbols: Symbols) -> bytes:
    encode, decode = CODERS[coder]
    data = encode(symbols)
    np.testing.assert_array_equal(decode(data, symbols.size), expected(coder, symbols))
    return data


# ---- round trips


@coders
@given(st.binary(max_size=3000))
def test_any_bytes_come_back(coder: str, data: bytes) -> None:
    check_round_trip(coder, np.frombuffer(data, np.uint8))


@coders
@given(st.integers(1, 256), st.integers(0, 9000), st.integers(0, 2**32), st.floats(0.05, 3))
@settings(max_examples=40)
def test_any_alphabet_comes_back(
    coder: str, alphabet: int, count: int, seed: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random(alphabet) ** (1 / spread) + 1e-9
    values = rng.permutation(256)[:alphabet]
    symbols = rng.choice(values, count, p=weights / weights.sum()).astype(np.uint8)
    check_round_trip(coder, symbols)


@coders
@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 1023, 1024, 1025, 4095, 4096, 4097, 65537])
def test_counts_where_the_layout_changes(coder: str, count: int) -> None:
    rng = np.random.default_rng(count)
    check_round_trip(coder, gaussian_codes(rng, count, 5))
    check_round_trip(coder, rng.integers(0, 256, count).astype(np.uint8))


@coders
def test_long_and_skewed(coder: str) -> None:
    symbols = skewed(np.random.default_rng(0), 200_000)
    symbols[:3] = (0, 254, 255)
    check_round_trip(coder, symbols)


@pytest.mark.parametrize("num_bits", range(1, 9))
@pytest.mark.parametrize("count", [0, 1, 2, 9, 64, 1000])
def test_every_width_comes_back(num_bits: int, count: int) -> None:
    symbols = np.random.default_rng(count).integers(0, 2**num_bits, count).astype(np.uint8)
    packed = _native.packed_encode(symbols, num_bits)
    assert len(packed) == -(-count * num_bits // 8)
    np.testing.assert_array_equal(_native.packed_decode(packed, count, num_bits), symbols)
    coded = _native.context_encode_codes(symbols, num_bits)
    np.testing.assert_array_equal(_native.context_decode_codes(coded, count, num_bits), symbols)


def test_packed_bits_count_from_the_least_significant() -> None:
    symbols = np.array([1, 0, 7, 2], np.uint8)
    assert _native.packed_encode(symbols, 3) == bytes([0b11_000_001, 0b0000_010_1])


def test_the_same_symbols_give_the_same_bytes() -> None:
    # Written once by these coders: other bytes are another format. The symbols are bell-shaped.
    # native/tests/test_coders.cc expects the same.
    ones = [(i * 2654435761 % 2**32).bit_count() // 2 for i in range(5000)]
    known = {
        "huffman": 2125120136, "rans": 1748400146,
        "context codes": 3403205475, "context mask": 3333047789,
    }  # fmt: skip
    symbols = np.array(ones, np.uint8)
    assert {coder: zlib.crc32(CODERS[coder][0](symbols)) for coder in known} == known


# ---- sizes


@coders
def test_nothing_and_one_value_are_tiny(coder: str) -> None:
    assert check_round_trip(coder, np.zeros(0, np.uint8)) == b""
    if coder != "packed":
        assert len(check_round_trip(coder, np.full(300_000, 77, np.uint8))) <= 48
        assert len(check_round_trip(coder, np.full(1, 77, np.uint8))) <= 3


@pytest.mark.parametrize(
    ("coder", "overhead"), [("huffman", 0.02), ("rans", 0.0012), ("context codes", 0.005)]
)
@pytest.mark.parametrize("kind", ["codes", "gaps", "skewed"])
def test_long_inputs_come_near_the_entropy(coder: str, overhead: float, kind: str) -> None:
    rng = np.random.default_rng(1)
    symbols = {
        "codes": gaussian_codes(rng, 300_000, 5),
        "gaps": gaps(rng, 300_000, 0.11, 5),
        "skewed": skewed(rng, 300_000),
    }[kind]
    size = len(check_round_trip(coder, symbols))
    assert size <= entropy_bytes(symbols) * (1 + overhead) + 100


@pytest.mark.parametrize(("coder", "spare"), [("huffman", 20), ("rans", 24), ("context codes", 8)])
def test_small_inputs_pay_little_for_tables(coder: str, spare: int) -> None:
    symbols = gaussian_codes(np.random.default_rng(2), 2000, 4)
    size = len(check_round_trip(coder, symbols))
    assert size <= entropy_bytes(symbols) * 1.012 + spare


def test_huffman_lengths_are_optimal() -> None:
    """Against the textbook's two-queue construction, on counts that stay within the limit."""
    symbols = gaussian_codes(np.random.default_rng(3), 900, 5)
    weights = sorted(np.unique(symbols, return_counts=True)[1].tolist())
    bits = 0
    while len(weights) > 1:
        merged = weights.pop(0) + weights.pop(0)
        bits += merged
        weights = sorted([*weights, merged])
    # One byte for the number of streams, at most 20 for the table, one that is partly filled.
    assert bits // 8 <= len(check_round_trip("huffman", symbols)) <= bits // 8 + 22


# ---- what is refused


def decode_or_refuse(decode: Decode, data: bytes, count: int) -> None:
    """A block that is not one is refused, or decodes to `count` symbols of no meaning."""
    try:
        assert decode(data, count).size == count
    except ValueError as error:
        assert str(error)


@coders
def test_truncated_blocks_never_crash(coder: str) -> None:
    encode, decode = CODERS[coder]
    for count in (40, 1500, 5000):
        symbols = gaussian_codes(np.random.default_rng(count), count, 5)
        data = encode(symbols)
        for size in range(0, len(data), max(1, len(data) // 60)):
            decode_or_refuse(decode, data[:size], count)


@coders
def test_truncated_blocks_are_refused(coder: str) -> None:
    if coder.startswith("context"):
        pytest.skip("behind its last byte a range coder reads zeros")
    encode, decode = CODERS[coder]
    symbols = gaussian_codes(np.random.default_rng(8), 2000, 5)
    data = encode(symbols)
    for size in range(len(data)):
        with pytest.raises(ValueError, match=r"block|stream"):
            decode(data[:size], symbols.size)


@coders
@given(st.data())
@settings(max_examples=60)
def test_flipped_bits_never_crash(coder: str, data: st.DataObject) -> None:
    encode, decode = CODERS[coder]
    count = data.draw(st.sampled_from([1, 30, 1500, 4500]))
    block = bytearray(encode(gaussian_codes(np.random.default_rng(count), count, 5)))
    for _ in range(data.draw(st.integers(1, 4))):
        bit = data.draw(st.integers(0, 8 * min(len(block), 64) - 1))
        block[bit // 8] ^= 1 << bit % 8
    decode_or_refuse(decode, bytes(block), count)


@coders
@given(st.binary(max_size=400), st.sampled_from([0, 1, 2, 100, 1024, 5000]))
@settings(max_examples=80)
def test_random_bytes_never_crash(coder: str, data: bytes, count: int) -> None:
    decode_or_refuse(CODERS[coder][1], data, count)


@coders
def test_a_wrong_count_is_refused(coder: str) -> None:
    encode, decode = CODERS[coder]
    data = encode(np.random.default_rng(9).integers(0, 256, 2000).astype(np.uint8))
    for count in (0, 1, 1000):
        with pytest.raises(ValueError, match=r"block|stream"):
            decode(data, count)
    with pytest.raises(ValueError, match="block"):
        decode(b"\x00", 0)


def test_symbols_must_fit_their_width() -> None:
    symbols = np.array([3, 4], np.uint8)
    for encode in (_native.packed_encode, _native.context_encode_codes):
        with pytest.raises(ValueError, match="symbol 4 does not fit in 2 bits"):
            encode(symbols, 2)
        for num_bits in (0, 9):
            with pytest.raises(ValueError, match=f"but got num_bits={num_bits}"):
                encode(symbols, num_bits)
    with pytest.raises(ValueError, match="columns=0"):
        _native.context_encode_mask(symbols, 0)


@coders
def test_other_dtypes_and_layouts_are_a_type_error(coder: str) -> None:
    encode = CODERS[coder][0]
    if coder == "context mask":
        encode = partial(_native.context_encode_mask, columns=7)
    for array in (
        np.zeros(4, np.int64), np.zeros((2, 2), np.uint8), np.zeros(8, np.uint8)[::2],
    ):  # fmt: skip
        with pytest.raises(TypeError):
            encode(array)


# ---- CRC-32


@given(st.binary(max_size=300))
def test_crc32_is_that_of_zlib(data: bytes) -> None:
    assert _native.crc32(data) == zlib.crc32(data)


def test_crc32_takes_whatever_has_bytes() -> None:
    data = np.random.default_rng(10).integers(0, 256, 100_003).astype(np.uint8)
    expected_crc = zlib.crc32(data.tobytes())
    for view in (data, data.tobytes(), bytearray(data), memoryview(data)):
        assert _native.crc32(view) == expected_crc
    with pytest.raises(TypeError):
        _native.crc32("text")
