"""The attack list of docs/format.md: each file is refused with one sentence, by both readers."""

import re
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest

from featherweight.container import dense, inspect, read, write
from featherweight.errors import FormatError
from forging import GRAPH, METADATA, TENSORS, forge, take_apart, with_body, with_graph, with_table
from networks import small_network
from plain_reader import Malformed, read_plain

Graph = dict[str, Any]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "good.fwt"
    write(path, small_network(), coder="huffman")
    return path.read_bytes()


def refused(data: bytes) -> str:
    """What the native reader says; fails unless both readers refuse `data`."""
    with pytest.raises(FormatError) as caught:
        read(data)
    with pytest.raises(FormatError):
        dense(data)
    with pytest.raises(Malformed):
        read_plain(data)
    message = str(caught.value)
    assert re.fullmatch(r"<bytes>: [^\n]+\.", message), message
    return message


def test_the_good_file_is_good(good: bytes) -> None:
    assert list(read_plain(good).tensors) == list(read(good).tensors)
    assert forge(take_apart(good)) == good
    assert with_graph(good, lambda graph: None) == good


def test_every_truncation(good: bytes) -> None:
    for length in range(len(good)):
        with pytest.raises(FormatError):
            read(good[:length])
    for length in range(0, len(good), 13):
        refused(good[:length])
    assert "more than the file" not in refused(good + b"\0")


def test_every_flipped_bit(good: bytes) -> None:
    for bit in range(8 * len(good)):
        altered = bytearray(good)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            read(bytes(altered))
        if bit % 61 == 0:
            refused(bytes(altered))


HEADERS = {
    "major version": ({"major": 2}, "format version 2.0, but this reader knows major version 1"),
    "operator set": ({"operator_set": 0}, "operator set in the header must be at least 1"),
    "length": ({"length": 2**60}, "header says that the file has 1152921504606846976 bytes"),
    "no sections": ({"count": 0}, "does not match its checksum"),
    "many sections": ({"count": 2**32 - 1}, "4294967295 sections, more than the file has room"),
}


@pytest.mark.parametrize("attack", HEADERS)
def test_header(good: bytes, attack: str) -> None:
    fields, message = HEADERS[attack]
    assert message in refused(forge(take_apart(good), **fields))


def test_a_later_minor_version_is_read(good: bytes) -> None:
    sections = [*take_apart(good), (77, 0, b"what a later version adds")]
    graph = cbor2.loads(sections[0][2]) | {"later": [{"a": 1}]}
    sections[0] = (GRAPH, 1, cbor2.dumps(graph, canonical=True))
    newer = forge(sections, minor=9)
    assert list(read(newer).tensors) == list(read_plain(newer).tensors) == list(read(good).tensors)
    assert inspect(newer).sections[-1].kind == "unknown 77"


KIND, FLAGS, OFFSET, LENGTH, RESERVED = 0, 4, 8, 16, 28
TABLES = {
    "unknown required kind": (2, KIND, struct.pack("<II", 9, 1), "kind 9 is required"),
    "unknown flag": (1, FLAGS, struct.pack("<I", 3), "unknown flags 0x3"),
    "graph not required": (0, FLAGS, struct.pack("<I", 0), "flag `required` is wrong"),
    "second graph": (1, KIND, struct.pack("<I", GRAPH), "more than one section graph"),
    "no graph": (0, KIND, struct.pack("<I", TENSORS), "no section graph"),
    "offset beyond the file": (1, OFFSET, struct.pack("<Q", 2**63), "section 1 must start at"),
    "offset that wraps": (1, OFFSET, struct.pack("<Q", 2**64 - 64), "section 1 must start at"),
    "overlap": (1, OFFSET, struct.pack("<Q", 192), "section 1 must start at"),
    "length beyond the file": (1, LENGTH, struct.pack("<Q", 2**64 - 1), "end inside the file"),
    "length too short": (0, LENGTH, struct.pack("<Q", 9), "section 0 does not match its checksum"),
    "reserved": (0, RESERVED, b"\1", "reserved bytes must be zero"),
}


@pytest.mark.parametrize("attack", TABLES)
def test_section_table(good: bytes, attack: str) -> None:
    index, at, new, message = TABLES[attack]
    assert message in refused(with_table(good, index, at, new))


def test_bytes_in_the_gaps(good: bytes) -> None:
    offset = next(i for i in range(64 + 3 * 32, len(good)) if good[i] != 0) - 1
    altered = good[:offset] + b"x" + good[offset + 1 :]
    assert "must be zero bytes" in refused(altered)


def tensor(graph: Graph, name: str) -> list[Any]:
    return next(entry for entry in graph["tensors"] if entry[0] == name)


def change_block(name: str, block: int, field: int, value: int) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        tensor(graph, name)[5][block][field] = value

    return change


def change_tensor(name: str, field: int, value: object) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        tensor(graph, name)[field] = value

    return change


def change_node(index: int, field: int, value: object) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        graph["nodes"][index][field] = value

    return change


W, SHARED, BIAS = "fc1.weight", "fc2.weight", "fc1.bias"
CODER, SYMBOLS, BYTES, WIDTH = range(4)
GRAPHS: dict[str, tuple[Callable[[Graph], Any], str]] = {
    "no nodes": (lambda g: g.pop("nodes"), "must be there"),
    "nodes are text": (lambda g: g.update(nodes="x"), "an array is expected"),
    "name twice": (lambda g: tensor(g, BIAS).__setitem__(0, W), "'fc1.weight' occurs twice"),
    "empty name": (change_tensor(W, 0, ""), "1 to 255 bytes"),
    "long name": (change_tensor(W, 0, "x" * 256), "1 to 255 bytes"),
    "name with an escape": (change_tensor(W, 0, "\x1b[2J"), "without control characters"),
    "dtype 7": (change_tensor(W, 1, 7), "a dtype must be 0 to 6"),
    "negative shape": (change_tensor(W, 2, [-1, 240]), "a size is negative"),
    "shape that overflows": (change_tensor(W, 2, [2**40, 2**40]), "more than 2^48 elements"),
    "shape too deep": (change_tensor(W, 2, [1] * 33), "more than 32 dimensions"),
    "shape of more elements": (change_tensor(BIAS, 2, [13]), "one symbol for each element"),
    "shape of fewer elements": (change_tensor(W, 2, [2, 3]), "symbols exceed the elements"),
    "format 4": (change_tensor(W, 3, 4), "a size is negative or too large"),
    "blocks of another format": (change_tensor(W, 3, 1), "not the blocks of its format"),
    "section 0": (change_tensor(W, 4, 0), "section 0 holds no tensors"),
    "section 9": (change_tensor(W, 4, 9), "section 9 holds no tensors"),
    "coder 5": (change_block(W, 0, CODER, 5), "a size is negative or too large"),
    "coded values": (change_block(BIAS, 0, CODER, 2), "must have coder raw"),
    "plain codes": (change_block(SHARED, 1, CODER, 0), "must have a coder"),
    "block past the section": (change_block(SHARED, 1, BYTES, 2**40), "past the end of section"),
    "bytes of no tensor": (change_block(SHARED, 1, BYTES, 20), "belong to no tensor"),
    "values cut short": (change_block(BIAS, 0, BYTES, 47), "must be those of the tensor's dtype"),
    "symbols of no bytes": (change_block(SHARED, 1, BYTES, 0), "belong to no tensor"),
    "bytes of no symbols": (change_block(SHARED, 1, SYMBOLS, 0), "no symbols take no bytes"),
    "more codes than positions": (change_block(W, 2, SYMBOLS, 240), "must lead to every kept"),
    "gaps beyond the elements": (change_block(W, 0, SYMBOLS, 2**40), "exceed the elements"),
    "width 9": (change_block(W, 0, WIDTH, 9), "width must be 1 to 8"),
    "width of codes": (change_block(SHARED, 1, WIDTH, 5), "must be that of the last code"),
    "empty codebook": (change_block(SHARED, 0, SYMBOLS, 0), "must be those of the tensor's"),
    "node reads itself": (change_node(1, 1, [7]), "only 7 values stand before it"),
    "node reads what is not": (change_node(0, 1, [99]), "reads value 99"),
    "node reads -2": (change_node(0, 1, [-2]), "must be -1 or a value's number"),
    "attribute beyond float32": (change_node(0, 3, {"a": 0.1}), "does not fit 32 bits"),
    "attribute is a map": (change_node(0, 3, {"a": {}}), "an attribute must be"),
    "attribute of mixed kinds": (change_node(0, 3, {"a": [1, 1.5]}), "an integer is expected"),
    "output of no node": (lambda g: g["outputs"][0].__setitem__(0, "x"), "'x' is never computed"),
    "dimension 0": (lambda g: g["inputs"][0].__setitem__(2, [0]), "must be positive"),
    "integer beyond 64 bits": (change_tensor(W, 2, [2**63]), "does not fit 64 signed bits"),
    "bignum": (change_tensor(W, 2, [2**70]), "an integer is expected"),
}


@pytest.mark.parametrize("attack", GRAPHS)
def test_graph(good: bytes, attack: str) -> None:
    change, message = GRAPHS[attack]
    assert message in refused(with_graph(good, change))


CBOR = {
    "nothing": ("", "ends"),
    "half a map": ("a2", "a count is larger than the bytes that are left"),
    "huge array": ("a1656e6f646573 9b00ffffffffffffff", "a count is larger"),
    "indefinite length": ("bf ff", "lengths must be definite"),
    "long form": ("b80100", "not in its shortest form"),
    "unsorted keys": ("a2 6162 00 6161 00", "distinct and sorted"),
    "same key twice": ("a2 6161 00 6161 00", "distinct and sorted"),
    "key that is a number": ("a1 00 00", "text is expected"),
    "not UTF-8": ("a1 61ff 00", "text is not UTF-8"),
    "surrogate": ("a1 63eda080 00", "text is not UTF-8"),
    "text past the end": ("a1 7aff000000", "a string goes past the end"),
    "tag": ("a1 6161 c000", "tags are not allowed"),
    "undefined": ("a1 6161 f7", "simple value is not allowed"),
    "long float": ("a1 6161 fb3ff0000000000000", "a float is not in its shortest form"),
    "other NaN": ("a1 6161 f97e01", "a float is not in its shortest form"),
    "33 levels": ("a1 6161" + 32 * "81" + "00", "nested deeper than 32 levels"),
    "trailing byte": ("a0 00", "bytes follow the last item"),
    "not a map": ("80", "a map is expected"),
}


@pytest.mark.parametrize("kind", [GRAPH, METADATA])
@pytest.mark.parametrize("attack", CBOR)
def test_cbor(good: bytes, attack: str, kind: int) -> None:
    body, message = CBOR[attack]
    said = refused(with_body(good, kind, bytes.fromhex(body)))
    assert message in said or (kind == GRAPH and "must be there" in said)


def test_deep_nesting_does_not_exhaust_the_stack(good: bytes) -> None:
    body = b"\xa1\x61a" + b"\x81" * 1_000_000 + b"\x00"
    assert "nested deeper" in refused(with_body(good, METADATA, body))


def file_of(shape: list[int], format: int, blocks: list[list[int]], body: bytes) -> bytes:
    """A file of one float32 tensor "t"."""
    graph = {
        "inputs": [], "outputs": [], "nodes": [],
        "tensors": [["t", 0, shape, format, 1, blocks]],
    }  # fmt: skip
    return forge([(GRAPH, 1, cbor2.dumps(graph, canonical=True)), (TENSORS, 1, body)])


def gaps_file(gaps: bytes, coder: int, count: int, elements: int, kept: int = 2) -> bytes:
    """A sparse tensor whose gaps of 4 bits are `gaps`; the kept values are 1, 2, ..."""
    values = np.arange(1, kept + 1, dtype="<f4").tobytes()
    blocks = [[coder, count, len(gaps), 4], [0, kept, len(values), 32]]
    return file_of([elements], 2, blocks, gaps + values)


PACKED, HUFFMAN, RANS, CONTEXT = 1, 2, 3, 4


def test_positions() -> None:
    good = gaps_file(b"\x21", PACKED, 2, elements=5)
    assert dense(good)["t"].tolist() == read_plain(good).tensors["t"].elements == [0, 1, 0, 0, 2]
    refused_gaps = {
        "beyond the tensor": gaps_file(b"\x21", PACKED, 2, elements=4),
        "fewer than the values": gaps_file(b"\x21", PACKED, 2, elements=5, kept=1),
        "escape at the end": gaps_file(b"\x21\x0f", PACKED, 3, elements=90),
        "escape beyond the tensor": gaps_file(b"\x1f\x02", PACKED, 3, elements=15),
        "wider than 4 bits": gaps_file(b"\x00\x10", HUFFMAN, 2, elements=90),
    }
    for attack, data in refused_gaps.items():
        assert "do not lead to exactly" in refused(data), attack


def test_codes_beyond_the_codebook() -> None:
    book = np.float32([1, 2, 3]).tobytes()
    blocks = [[0, 3, 12, 32], [PACKED, 2, 1, 2]]
    good = file_of([2], 1, blocks, book + b"\x09")
    assert dense(good)["t"].tolist() == read_plain(good).tensors["t"].elements == [2.0, 3.0]
    bad = file_of([2], 1, blocks, book + b"\x0d")
    assert "code 3 is outside its codebook of 3 entries" in refused(bad)


@pytest.mark.parametrize("coder", [HUFFMAN, RANS])
def test_a_bomb_is_refused_before_it_is_decoded(coder: int) -> None:
    elements = 2**40
    bomb = file_of([elements], 1, [[0, 1, 4, 32], [coder, elements, 2, 1]], bytes(6))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "decode to more than 67108864 bytes (`max_decoded_bytes`)" in refused(bomb)
    assert inspect_refuses(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 65_536  # KiB
    small = file_of([100], 1, [[0, 1, 4, 32], [coder, 100, 2, 1]], bytes(6))
    assert read(small, max_decoded_bytes=500).tensors["t"].elements == 100
    with pytest.raises(FormatError, match="more than 499 bytes"):
        read(small, max_decoded_bytes=499)


def inspect_refuses(data: bytes) -> bool:
    with pytest.raises(FormatError):
        inspect(data)
    return True


@pytest.mark.parametrize("coder", ["packed", "huffman", "rans", "context"])
def test_both_readers_agree_on_random_damage(tmp_path: Path, coder: str) -> None:
    """Damaged bodies with right checksums: the same answer from both, and never a crash."""
    write(tmp_path / "a.fwt", small_network(), coder=coder)
    sections = take_apart((tmp_path / "a.fwt").read_bytes())
    rng = np.random.default_rng(0)
    accepted = 0
    for _ in range(150):
        index = int(rng.integers(len(sections)))
        kind, flags, body = sections[index]
        damaged = bytearray(body)
        for _ in range(int(rng.integers(1, 3))):
            value = rng.choice([0, 1, 0x7F, 0xFF, rng.integers(256)])
            damaged[int(rng.integers(len(body)))] = int(value)
        data = forge([*sections[:index], (kind, flags, bytes(damaged)), *sections[index + 1 :]])
        try:
            plain = read_plain(data)
        except Malformed:
            refused(data)
            continue
        accepted += 1
        arrays = dense(data)
        assert list(arrays) == list(plain.tensors)
        for name, tensor in plain.tensors.items():
            expected = np.array(tensor.elements, dtype=tensor.dtype).reshape(tensor.shape)
            np.testing.assert_array_equal(arrays[name], expected, strict=True)
    assert accepted > 10


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.fwt")
    (tmp_path / "empty.fwt").touch()
    with pytest.raises(FormatError, match=r"empty.fwt: the file is shorter than the header"):
        inspect(tmp_path / "empty.fwt")
