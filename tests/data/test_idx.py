"""The IDX reader: a round trip, and a list of attacks that must each end in one clear error."""

import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest

from featherweight.data.idx import read_idx
from featherweight.errors import DataError

ARRAY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


GOOD = idx(ARRAY)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("array", [ARRAY, ARRAY.ravel(), np.zeros((0, 3), np.uint8)])
def test_round_trip(tmp_path, pack, array):
    path = tmp_path / "file"
    path.write_bytes(pack(idx(array)))
    found = read_idx(path, hashlib.sha256(idx(array)).hexdigest())
    assert found.dtype == np.uint8
    assert found.shape == array.shape
    assert np.array_equal(found, array)


def header(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


ATTACKS = {
    "empty": (b"", "starts with nothing"),
    "cut inside the magic": (GOOD[:3], "starts with 00 00 08"),
    "wrong magic": (b"\x01" + GOOD[1:], "starts with 01 00 08 03"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "starts with 89 50 4e 47"),
    "floats": (header(2, kind=0x0D) + bytes(8), "starts with 00 00 0d 01"),
    "no dimension": (b"\x00\x00\x08\x00", "starts with 00 00 08 00"),
    "255 dimensions": (b"\x00\x00\x08\xff" + bytes(1020), "starts with 00 00 08 ff"),
    "cut inside the dimensions": (GOOD[:9], "cut off inside its header"),
    "cut inside the elements": (GOOD[:-1], "cut off: its header says 24 elements, 23 are there"),
    "more than it says": (GOOD + b"\x00", "goes on behind its last element"),
    "4 GB": (header(0xFFFFFFFF) + bytes(10), "cannot hold what its header says"),
    "2^128 elements": (header(*[0xFFFFFFFF] * 4), "cannot hold what its header says"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_attacks(tmp_path, attack, pack):
    content, message = ATTACKS[attack]
    path = tmp_path / "file"
    path.write_bytes(pack(content))
    if pack is bytes and attack == "cut inside the elements":
        message = "cannot hold what its header says|" + message
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message) as caught:
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)


def test_a_gzip_file_that_promises_more_than_it_holds_costs_no_memory(tmp_path):
    path = tmp_path / "file.gz"
    # 4 MB of noise let a header claim up to 4 GB; only what is there may be read.
    noise = np.random.default_rng(0).bytes(4_000_000)
    path.write_bytes(gzip.compress(header(4_000_000_000) + noise, compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="4000000 are there"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("keep", [2, 12, -4])
def test_a_cut_gzip_file(tmp_path, keep):
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(GOOD)[:keep])
    with pytest.raises(DataError, match="damaged gzip file"):
        read_idx(path)


def test_a_damaged_gzip_file(tmp_path):
    path = tmp_path / "file.gz"
    packed = bytearray(gzip.compress(GOOD))
    packed[-6] ^= 0xFF
    path.write_bytes(packed)
    with pytest.raises(DataError, match="damaged gzip file"):
        read_idx(path)


def test_another_content_than_published(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(GOOD)
    with pytest.raises(DataError, match="another file than the published one"):
        read_idx(path, "0" * 64)


def test_no_file_and_a_folder(tmp_path):
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_idx(path)
