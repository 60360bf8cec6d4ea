"""Networks for tests of the container: fixed small ones, and hypothesis strategies."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from featherweight.container import CodedTensor, Graph, Network, Node, ValueInfo

FLOATS = ("float32", "float16")
DTYPES = (*FLOATS, "int64", "int32", "uint8", "int8", "bool")


def random_values(rng: np.random.Generator, count: int, dtype: str) -> np.ndarray:
    """Numbers of any dtype of the format."""
    if dtype in FLOATS:
        return rng.normal(size=count).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 100, size=count).astype(dtype)


def random_tensor(
    rng: np.random.Generator, name: str, shape: tuple[int, ...], format: str,
    *, dtype: str = "float32", density: float = 0.3, entries: int = 16,
    index_bits: int | None = None,
) -> CodedTensor:  # fmt: skip
    """A tensor of any format; its codes are bell-shaped, as those of trained weights are."""
    elements = int(np.prod(shape, dtype=np.int64))
    positions = np.flatnonzero(rng.random(elements) < density).astype(np.int64)
    kept = positions.size if format.startswith("sparse") else elements
    codes = np.clip(rng.normal(entries / 2, entries / 6, size=kept), 0, entries - 1)
    parts: dict[str, Any] = {}
    if format.startswith("sparse"):
        parts |= {"positions": positions, "index_bits": index_bits}
    if format.endswith("shared"):
        parts |= {"codebook": random_values(rng, entries, dtype), "codes": codes.astype(np.uint8)}
    else:
        values = random_values(rng, kept, dtype)
        parts |= {"values": values.reshape(shape) if format == "raw" else values}
    return CodedTensor(name, dtype, shape, format, **parts)


def small_network(seed: int = 0, scale: int = 1) -> Network:
    """Two linear layers with a Relu between; every format of tensor, and metadata."""
    rng = np.random.default_rng(seed)
    tensors = [
        random_tensor(rng, "fc1.weight", (12 * scale, 20 * scale), "sparse_shared"),
        random_tensor(rng, "fc1.bias", (12 * scale,), "raw"),
        random_tensor(rng, "fc2.weight", (5, 12 * scale), "shared"),
        random_tensor(rng, "fc2.bias", (5,), "raw"),
        random_tensor(rng, "shift", (5,), "sparse"),
    ]
    return Network(
        Graph(
            inputs=(ValueInfo("input", "float32", ("batch", 20 * scale)),),
            outputs=(ValueInfo("output", "float32", ("batch", 5)),),
            nodes=(
                Node("Gemm", ("input", "fc1.weight", "fc1.bias"), ("fc1",), {"transB": 1}),
                Node("Relu", ("fc1",), ("relu",)),
                Node("Gemm", ("relu", "fc2.weight", "fc2.bias"), ("fc2",), {"transB": 1}),
                Node("Clip", ("fc2", "", "shift"), ("output",)),
            ),
            operator_set=20,
        ),
        {tensor.name: tensor for tensor in tensors},
        {"class_names": list("abcde"), "accuracy": {"top1": 97.5}, "producer": "tests"},
    )


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@st.composite
def tensors(draw: st.DrawFn, name: str) -> CodedTensor:
    """Any tensor: format, dtype, shape (scalars and empty ones too), density, codebook."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random_tensor(
        rng,
        name,
        draw(st.lists(st.integers(0, 24), max_size=3).map(tuple)),
        draw(st.sampled_from(("raw", "shared", "sparse", "sparse_shared"))),
        dtype=draw(st.sampled_from(DTYPES)),
        density=draw(st.sampled_from((0.0, 0.01, 0.1, 0.5, 1.0))),
        entries=draw(st.sampled_from((1, 2, 3, 16, 256))),
        index_bits=draw(st.none() | st.integers(1, 8)),
    )


float32s = st.floats(width=32, allow_nan=False)
attributes = st.dictionaries(
    names,
    st.integers(-(2**63), 2**63 - 1)
    | float32s
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=5)
    | st.lists(st.integers(-9, 9), max_size=4).map(tuple)
    | st.lists(float32s, min_size=1, max_size=4).map(tuple),
    max_size=3,
)
metadata = st.dictionaries(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False)
        | st.binary(max_size=4)
        | st.text(st.characters(exclude_categories=("Cs",)), max_size=4),
        lambda items: (
            st.lists(items, max_size=3) | st.dictionaries(st.text("abc"), items, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any network that the format can hold, of operators that exist nowhere (storage only)."""
    values = draw(st.lists(names, min_size=2, max_size=9, unique=True))
    count = draw(st.integers(1, len(values) - 1))
    coded = {name: draw(tensors(name)) for name in values[1:count]}
    nodes = []
    for i in range(count, len(values)):
        inputs = draw(st.lists(st.sampled_from(["", *values[:i]]), max_size=3))
        outputs = (values[i], *draw(st.sampled_from([(), ("",)])))
        nodes.append(Node(draw(names), tuple(inputs), outputs, draw(attributes)))
    sizes = st.lists(st.integers(1, 2**40) | names, max_size=3).map(tuple)
    ends = draw(st.lists(st.sampled_from(values), max_size=2))
    graph = Graph(
        (ValueInfo(values[0], draw(st.sampled_from(DTYPES)), draw(sizes)),),
        tuple(ValueInfo(name, draw(st.sampled_from(DTYPES)), draw(sizes)) for name in ends),
        tuple(nodes),
        draw(st.integers(1, 2**32 - 1)),
    )
    return Network(graph, coded, draw(metadata), storage_only=True)
