"""Make the golden files: `python tests/golden/make.py`, from the root of the project.

Each NAME.fwt stands beside NAME.bin: all elements of all its tensors as they must decode, in file
order, little-endian, back to back. Python and C++ read both. A change in these bytes is a change
of the format: then docs/format.md and its version change too.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

from featherweight.container import Graph, Network, Node, ValueInfo, write  # noqa: E402
from featherweight.container.encode import CODER_CHOICES  # noqa: E402
from networks import DTYPES, random_tensor, small_network  # noqa: E402


def all_formats() -> Network:
    """Every dtype in every format; scalars, empty tensors, and tensors with nothing kept."""
    rng = np.random.default_rng(2)
    tensors = [
        random_tensor(rng, f"{format}.{dtype}", (3, 5), format, dtype=dtype, entries=5)
        for format in ("raw", "shared", "sparse", "sparse_shared")
        for dtype in DTYPES
    ]
    tensors += [
        random_tensor(rng, "scalar", (), "raw"),
        random_tensor(rng, "empty", (0, 4), "raw", dtype="int64"),
        random_tensor(rng, "nothing.kept", (7, 9), "sparse_shared", density=0.0, entries=1),
        random_tensor(rng, "all.kept", (40,), "sparse", density=1.0),
        random_tensor(rng, "far.apart", (5000,), "sparse_shared", density=0.002, index_bits=3),
    ]
    graph = Graph((), (), (), 20)
    return Network(graph, {tensor.name: tensor for tensor in tensors})


def storage_only() -> Network:
    """Unknown operators, all kinds of attributes and metadata, names of many scripts."""
    node = Node(
        "Loop", ("x", "", "größe"), ("y", "", "名"),
        {
            "int": -(2**63), "float": 0.1, "text": "é",
            "ints": (1, -1), "floats": (0.5, 2.0), "none": (),
        },
    )  # fmt: skip
    node = replace(node, attributes={**node.attributes, "float": float(np.float32(0.1))})
    graph = Graph(
        (ValueInfo("x", "int64", ("batch", "länge", 3)),),
        (ValueInfo("名", "bool", ()),),
        (node,),
        22,
    )
    tensor = random_tensor(np.random.default_rng(3), "größe", (4, 4), "shared", dtype="uint8")
    metadata = {
        "producer": "featherweight", "nested": {"list": [None, True, -1, 1.5, "ß", b"\x00\xff"]},
        "doubles": [0.1, 1e300, float("inf")], "": "empty key",
    }  # fmt: skip
    return Network(graph, {"größe": tensor}, metadata, storage_only=True)


def golden_networks() -> Mapping[str, tuple[Network, str]]:
    """(network, coder) by the name of the file."""
    coders = {f"coder-{coder}": (small_network(), coder) for coder in CODER_CHOICES}
    # Enough symbols for the interleaved layouts: four streams of Huffman, eight states of rANS.
    large = {f"large-{coder}": (small_network(1, scale=9), coder) for coder in ("huffman", "rans")}
    return {
        **coders,
        **large,
        "all-formats": (all_formats(), "huffman"),
        "storage-only": (storage_only(), "rans"),
    }


def make(folder: Path) -> None:
    """Write all golden files to `folder`."""
    for name, (network, coder) in golden_networks().items():
        summary = write(folder / f"{name}.fwt", network, coder=coder)
        arrays = [network.tensors[tensor.name].dense() for tensor in summary.tensors]
        (folder / f"{name}.bin").write_bytes(b"".join(array.tobytes() for array in arrays))


if __name__ == "__main__":
    make(FOLDER)
