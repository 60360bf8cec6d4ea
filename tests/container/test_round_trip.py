"""Any network comes back as it was written, from the native reader and from the plain one."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from featherweight.container import CodedTensor, Network, decode_sparse, dense, inspect, read, write
from featherweight.container.encode import CODER_CHOICES
from networks import networks, small_network
from plain_reader import DTYPES, read_plain

STREAMS = ("auto", "huffman", "packed", "rans")


def assert_same_tensor(found: CodedTensor, expected: CodedTensor) -> None:
    assert (found.name, found.dtype, found.shape) == (
        expected.name, expected.dtype, expected.shape,
    )  # fmt: skip
    assert found.format == expected.format
    for part in ("values", "positions", "codebook", "codes"):
        ours, theirs = getattr(found, part), getattr(expected, part)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(ours.reshape(-1), theirs.reshape(-1), strict=True)


def assert_same_network(found: Network, expected: Network) -> None:
    assert found.graph == expected.graph
    assert found.metadata == expected.metadata
    assert found.storage_only == expected.storage_only
    assert set(found.tensors) == set(expected.tensors)
    for name, tensor in expected.tensors.items():
        assert_same_tensor(found.tensors[name], tensor)


@settings(max_examples=100, deadline=None)
@given(network=networks())
def test_random_networks(network: Network, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("file") / "any.fwt"
    write(path, network, coder=STREAMS[network.graph.operator_set % len(STREAMS)])
    assert_same_network(read(path), network)
    arrays = dense(path)
    plain = read_plain(path.read_bytes())
    assert plain.metadata == network.metadata
    assert [n[:3] for n in plain.nodes] == [
        [node.operator, [*node.inputs], [*node.outputs]] for node in network.graph.nodes
    ]
    for name, tensor in network.tensors.items():
        expected = tensor.dense()
        np.testing.assert_array_equal(arrays[name], expected, strict=True)
        ours = plain.tensors[name]
        assert ours.shape == tensor.shape
        np.testing.assert_array_equal(
            np.array(ours.elements, dtype=ours.dtype).reshape(ours.shape), expected, strict=True
        )


@pytest.mark.parametrize("coder", CODER_CHOICES)
def test_every_coder(tmp_path: Path, coder: str) -> None:
    network = small_network()
    summary = write(tmp_path / "a.fwt", network, coder=coder)
    assert_same_network(read(tmp_path / "a.fwt"), network)
    assert_same_network(read((tmp_path / "a.fwt").read_bytes()), network)
    used = {b.coder for t in summary.tensors for b in t.blocks if b.role in ("positions", "codes")}
    assert used <= ({coder} if coder != "auto" else set(CODER_CHOICES))


def test_sparse_rows_are_the_dense_tensor(tmp_path: Path) -> None:
    network = small_network(scale=6)
    write(tmp_path / "a.fwt", network)
    rows = decode_sparse(tmp_path / "a.fwt")
    assert set(rows) == {"fc1.weight", "shift"}
    for name, found in rows.items():
        expected = network.tensors[name].dense()
        kept = found.values if found.codes is None else found.codebook[found.codes]
        matrix = np.zeros((len(expected), expected.size // len(expected)), expected.dtype)
        for row, (start, end) in enumerate(zip(found.row_start, found.row_start[1:], strict=False)):
            matrix[row, found.columns[start:end]] = kept[start:end]
        np.testing.assert_array_equal(matrix.reshape(expected.shape), expected, strict=True)


def test_large_plain_values_are_views_that_outlive_the_name(tmp_path: Path) -> None:
    network = small_network(scale=40)
    values = np.random.default_rng(0).normal(size=(40_000,)).astype(np.float32)
    big = CodedTensor("big", "float32", (200, 200), "raw", values=values.reshape(200, 200))
    path = tmp_path / "a.fwt"
    write(path, Network(network.graph, {**network.tensors, "big": big}))
    found = read(path).tensors["big"].values
    path.unlink()
    assert found is not None
    assert not found.flags.writeable
    assert not found.flags.owndata
    np.testing.assert_array_equal(found, big.values, strict=True)


def test_inspect_tells_what_write_told(tmp_path: Path) -> None:
    network = small_network()
    path = tmp_path / "a.fwt"
    written, found = write(path, network, coder="huffman"), inspect(path)
    assert found.version == "1.0"
    assert found.file_bytes == written.file_bytes == os.path.getsize(path)  # noqa: PTH202
    assert [s.kind for s in found.sections] == ["graph", "tensors", "metadata"]
    assert [(t.name, t.bytes) for t in written.tensors] == [(x.name, x.bytes) for x in found.layers]
    layers = {layer.name: layer for layer in found.layers}
    positions = network.tensors["fc1.weight"].positions
    assert positions is not None
    assert layers["fc1.weight"].density == pytest.approx(positions.size / 240)
    assert layers["fc1.weight"].num_bits == 4
    assert layers["fc1.weight"].coders == ("huffman",)
    assert (layers["fc1.bias"].num_bits, layers["fc1.bias"].coders) == (32, ("raw",))
    assert set(DTYPES.values()) >= {layer.dtype for layer in found.layers}
