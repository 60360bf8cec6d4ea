"""The writer: the same bytes each time, whole files only, and clear refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo, inspect, write
from featherweight.errors import InvalidArgumentError, UnsupportedOperatorError
from networks import random_tensor, small_network


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    network = small_network()
    backwards = replace(
        network,
        tensors=dict(reversed(network.tensors.items())),
        metadata=dict(reversed(network.metadata.items())),
    )
    for name, each in (("a", network), ("b", network), ("c", backwards)):
        write(tmp_path / name, each)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_large_tensor_has_a_section_of_its_own(tmp_path: Path) -> None:
    network = small_network()
    big = random_tensor(np.random.default_rng(1), "big", (20_000,), "raw")
    write(tmp_path / "a.fwt", replace(network, tensors={**network.tensors, "big": big}))
    sections = inspect(tmp_path / "a.fwt").sections
    assert [(s.kind, s.name) for s in sections] == [
        ("graph", "graph"), ("tensors", "tensors"), ("tensors", "big"), ("metadata", "metadata"),
    ]  # fmt: skip
    assert sections[2].bytes == 80_000


def test_auto_is_never_larger_than_any_coder(tmp_path: Path) -> None:
    network = small_network(scale=8)
    sizes = {
        coder: write(tmp_path / coder, network, coder=coder).file_bytes
        for coder in ("auto", "huffman", "rans", "packed", "context")
    }
    assert sizes["auto"] == min(sizes.values())


def test_a_refused_file_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.fwt"
    path.write_bytes(b"before")
    network = small_network()
    broken = replace(network, metadata={"recipe": object()})
    with pytest.raises(InvalidArgumentError, match=r"metadata\['recipe'\] must be"):
        write(path, broken)
    assert [p.name for p in tmp_path.iterdir()] == ["a.fwt"]
    assert path.read_bytes() == b"before"


def test_an_operator_outside_the_subset_is_named_with_its_layer(tmp_path: Path) -> None:
    network = small_network()
    node = Node("LSTM", ("input", "fc1.weight"), ("lstm",))
    odd = replace(network, graph=replace(network.graph, nodes=(*network.graph.nodes, node)))
    with pytest.raises(UnsupportedOperatorError, match=r"operator LSTM of layer 'fc1'"):
        write(tmp_path / "a.fwt", odd)
    write(tmp_path / "a.fwt", replace(odd, storage_only=True))
    assert inspect(tmp_path / "a.fwt").storage_only


def graph_with(**changes: object) -> Graph:
    return replace(small_network().graph, **changes)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (graph_with(inputs=()), "reads 'input', which no input"),
        (graph_with(outputs=(ValueInfo("x", "float32", ()),)), "output 'x' is computed by no node"),
        (graph_with(outputs=(ValueInfo("output", "float64", ()),)), "`dtype` must be one of"),
        (graph_with(inputs=(ValueInfo("input", "int64", (0,)),)), "must be positive, but got 0"),
        (graph_with(inputs=(ValueInfo("a\n", "int64", ()),)), "without control"),
        (graph_with(inputs=(ValueInfo("relu", "int64", ()),)), "reads 'input'"),
        (graph_with(operator_set=0), "operator set must be 20 to"),
    ],
)
def test_a_graph_that_does_not_hold_together(tmp_path: Path, graph: Graph, message: str) -> None:
    network = replace(small_network(), graph=graph)
    with pytest.raises((InvalidArgumentError, UnsupportedOperatorError), match=message):
        write(tmp_path / "a.fwt", network)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    network = small_network()
    twice = (*network.graph.nodes, Node("Relu", ("output",), ("fc1.weight",)))
    with pytest.raises(InvalidArgumentError, match=r"distinct, but 'fc1.weight' is not"):
        write(tmp_path / "a.fwt", replace(network, graph=replace(network.graph, nodes=twice)))


CODES = np.array([0, 1, 2], np.uint8)
BOOK = np.array([1, 2, 3], np.float32)
AT = np.array([1, 4, 5], np.int64)


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (CodedTensor("t", "float32", (3,), "shared", codebook=BOOK), "needs codebook, codes"),
        (CodedTensor("t", "float32", (3,), "shared", codebook=BOOK[:2], codes=CODES), "below 2"),
        (CodedTensor("t", "float16", (3,), "shared", codebook=BOOK, codes=CODES), "be float16"),
        (CodedTensor("t", "float32", (4,), "shared", codebook=BOOK, codes=CODES), "be 4 codes"),
        (CodedTensor("t", "float32", (3,), "shared", codebook=BOOK[:0], codes=CODES), "1 to 256"),
        (CodedTensor("t", "float32", (9,), "sparse", positions=AT, values=BOOK[:2]), "be 3 values"),
        (CodedTensor("t", "float32", (5,), "sparse", positions=AT, values=BOOK), "from 0 to 4"),
        (CodedTensor("t", "float32", (9,), "sparse", positions=AT[::-1], values=BOOK), "increas"),
        (CodedTensor("t", "float32", (9,), "sparse", positions=AT - 2, values=BOOK), "from 0 to 8"),
        (CodedTensor("t", "float64", (3,), "raw", values=BOOK), "`dtype` must be one of"),
        (CodedTensor("t", "float32", (3,), "zip", values=BOOK), "`format` must be one of"),
        (CodedTensor("u", "float32", (3,), "raw", values=BOOK), "stands under the name 't'"),
    ],
)
def test_a_tensor_that_does_not_hold_together(
    tmp_path: Path, tensor: CodedTensor, message: str
) -> None:
    network = small_network()
    with pytest.raises(InvalidArgumentError, match=message):
        write(tmp_path / "a.fwt", Network(network.graph, {**network.tensors, "t": tensor}))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({1: "a"}, "keys of metadata must be text"),
        ({"a": {"b": [1, {2}]}}, r"metadata\['a'\]\['b'\]\[1\] must be"),
        ({"a": 2**63}, "must fit 64 signed bits"),
        ({"a": "\ud800"}, "must be valid Unicode"),
    ],
)
def test_metadata_that_the_format_has_no_form_for(
    tmp_path: Path, metadata: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        write(tmp_path / "a.fwt", replace(small_network(), metadata=metadata))
