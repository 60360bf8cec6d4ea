"""Make the golden runs: `python tests/golden/networks/make.py`, from the root of the project.

Each NAME.fwt, a network for a batch of two, stands beside NAME.input.bin and NAME.output.bin:
float32, little-endian, as torch computes it in float32. native/tests/test_session.cc runs them
through the C interface; they seed the fuzzer of sessions, too. A Python test writes them anew.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from featherweight.container import CodedTensor, Network, write  # noqa: E402
from featherweight.graph import rebuild  # noqa: E402
from small_graphs import Case, X, chain, ints, weights  # noqa: E402

CASES: dict[str, Case] = {}
FORMATS: dict[str, str] = {}
"""The format of a tensor that is not raw, by the network's and the tensor's name."""


def network(name: str, text: str, inputs: Mapping[str, X], **constants: np.ndarray | str) -> None:
    """Register a chain; constant `a__b` is the tensor `a.b`, and `a__b_as` names its format."""
    arrays = {k.replace("__", "."): v for k, v in constants.items() if isinstance(v, np.ndarray)}
    CASES[name] = chain(text, **inputs, **arrays)
    for key, format in constants.items():
        if isinstance(format, str):
            FORMATS[name + "/" + key.removesuffix("_as").replace("__", ".")] = format


def filters(*shape: int, seed: int = 7) -> np.ndarray:
    """Random weights whose sums are about as large as what they are multiplied with."""
    return weights(*shape, seed=seed) / np.float32(np.sqrt(np.prod(shape[1:])))


def signs(*shape: int) -> np.ndarray:
    return np.where(weights(*shape) < 0, -1, 1).astype(np.float32)


def blocks(rows: int, depth: int) -> np.ndarray:
    """Kept in blocks of four rows; a tenth of them."""
    kept = np.random.default_rng(1).random((-(-rows // 4), depth)) < 0.1
    return filters(rows, depth) * np.repeat(kept, 4, axis=0)[:rows]


def few_values(values: np.ndarray, density: float = 1.0) -> np.ndarray:
    """Rounded to fifteen values, the smallest pruned."""
    step = np.abs(values).max() / 7
    kept = np.abs(values) >= np.quantile(np.abs(values), 1 - density)
    rounded = np.round(values / step) * step * kept
    return (rounded + 0.0).astype(np.float32)  # of 0 and -0, np.unique keeps either: no -0


def two_of_sixteen(rows: int, depth: int) -> np.ndarray:
    w = few_values(filters(rows, depth)).reshape(rows, depth // 16, 16)
    order = np.argsort(-np.abs(w), axis=2, kind="stable").argsort(axis=2)
    return (w * (order < 2)).reshape(rows, depth)


POSITIVE = np.abs(weights(8)) + np.float32(0.5)

network(
    "residual",
    """
    a = Conv(x, conv1.weight, conv1.bias, strides=(2, 2), pads=(1, 1, 1, 1))
    n = BatchNormalization(a, norm.scale, norm.shift, norm.mean, norm.variance)
    r = Relu(n)
    b = Conv(r, conv2.weight, pads=(1, 1, 1, 1))
    s = Add(b, r)
    c = Relu(s)
    d = Conv(c, wide.weight, wide.bias, group=8, pads=(1, 1, 1, 1))
    h = HardSwish(d)
    m = MaxPool(h, kernel_shape=(2, 2), strides=(2, 2))
    p = GlobalAveragePool(m)
    f = Flatten(p)
    g = Gemm(f, fc.weight, fc.bias, transB=1)
    y = Softmax(g)
    """,
    {"x": X((2, 3, 17, 15))},
    conv1__weight=filters(8, 3, 3, 3), conv1__bias=weights(8),
    norm__scale=POSITIVE, norm__shift=weights(8), norm__mean=weights(8, seed=3),
    norm__variance=POSITIVE,
    conv2__weight=filters(8, 8, 3, 3),
    wide__weight=filters(8, 1, 3, 3), wide__bias=weights(8),
    fc__weight=filters(5, 8), fc__bias=weights(5),
)  # fmt: skip
network(
    "shuffle",
    """
    a, b = Split(x, axis=1, num_outputs=2)
    c = Conv(b, one.weight, group=2)
    d = Concat(a, c, axis=1)
    e = Reshape(d, apart)
    t = Transpose(e, perm=(0, 2, 1, 3, 4))
    g = Reshape(t, together)
    s = ReduceMean(g, axes)
    q = Conv(s, squeeze.weight)
    q2 = Sigmoid(q)
    v = Mul(g, q2)
    w = Sigmoid(v)
    z = Mul(v, w)
    k = Slice(z, zero, four, height)
    y = AveragePool(k, kernel_shape=(3, 3), pads=(1, 1, 1, 1), count_include_pad=1)
    """,
    {"x": X((2, 8, 6, 5))},
    one__weight=filters(4, 2, 1, 1), squeeze__weight=filters(8, 8, 1, 1),
    apart=ints(0, 2, 4, 6, 5), together=ints(0, 8, 6, 5), axes=ints(2, 3),
    zero=ints(0), four=ints(4), height=ints(2),
)  # fmt: skip
network(
    "pruned",
    """
    a = Conv(x, csr.weight, csr.bias, pads=(1, 1, 1, 1))
    b = Relu(a)
    c = Conv(b, blocks.weight, strides=(2, 1))
    d = LRN(c, size=3)
    e = Flatten(d)
    f = Gemm(e, slots.weight, slots.bias, transB=1)
    g = Relu(f)
    h = Gemm(g, two.weight, two.bias, transB=1)
    y = Gemm(h, shared.weight, shared.bias, transB=1)
    """,
    {"x": X((2, 4, 6, 5))},
    csr__weight=few_values(filters(16, 36), 0.1).reshape(16, 4, 3, 3), csr__bias=weights(16),
    csr__weight_as="sparse_shared",
    blocks__weight=blocks(16, 16).reshape(16, 16, 1, 1), blocks__weight_as="sparse",
    slots__weight=few_values(filters(64, 240), 0.1), slots__bias=weights(64),
    slots__weight_as="sparse_shared",
    two__weight=two_of_sixteen(32, 64), two__bias=weights(32), two__weight_as="sparse_shared",
    shared__weight=few_values(filters(9, 32)), shared__bias=weights(9), shared__weight_as="shared",
)  # fmt: skip
network(
    "binary",
    """
    a = Conv(x, first.weight, pads=(1, 1, 1, 1))
    b = featherweight.BinaryConv(a, xnor.weight, xnor.alpha, pads=(1, 1, 1, 1), scale_map=1)
    c = featherweight.BinaryConv(b, real.weight, real.alpha, binary_input=0)
    d = Flatten(c)
    e = featherweight.BinaryGemm(d, last.weight, last.alpha, last.bias)
    y = LogSoftmax(e)
    """,
    {"x": X((2, 3, 5, 6))},
    first__weight=filters(33, 3, 3, 3),
    xnor__weight=signs(8, 33, 3, 3), xnor__alpha=POSITIVE / 8,
    real__weight=signs(8, 8, 1, 1), real__alpha=POSITIVE,
    last__weight=signs(5, 240), last__alpha=POSITIVE[:5], last__bias=weights(5),
)  # fmt: skip
network(
    "attention",
    """
    n = LayerNormalization(x, norm.weight, norm.bias)
    h = MatMul(n, proj.weight)
    q, k, v = Split(h, sizes, axis=2)
    kt = Transpose(k, perm=(0, 2, 1))
    s = MatMul(q, kt)
    t = Div(s, root)
    p = Softmax(t)
    o = MatMul(p, v)
    g = Gelu(o)
    r = Add(g, x)
    u = Gather(r, first, axis=1)
    w = Squeeze(u, one)
    z = Pad(w, pads)
    y = Tanh(z)
    """,
    {"x": X((2, 7, 16))},
    norm__weight=weights(16), norm__bias=weights(16, seed=2), proj__weight=filters(16, 48),
    sizes=ints(16, 16, 16), root=np.array(4.0, np.float32), first=ints(0), one=ints(1),
    pads=ints(0, 1, 0, 2),
)  # fmt: skip


def coded(name: str, values: np.ndarray, format: str) -> CodedTensor:
    """`values` in `format`, without loss."""
    flat = values.reshape(-1)
    positions = np.flatnonzero(flat).astype(np.int64)
    kept = flat[positions] if format.startswith("sparse") else flat
    parts: dict[str, np.ndarray] = {}
    if format.startswith("sparse"):
        parts["positions"] = positions
    if format.endswith("shared"):
        codebook, codes = np.unique(kept, return_inverse=True)
        parts |= {"codebook": codebook, "codes": codes.astype(np.uint8)}
    else:
        parts["values"] = values if format == "raw" else kept
    return CodedTensor(name, str(values.dtype), values.shape, format, **parts)


def make(folder: Path) -> None:
    """Write all golden runs to `folder`."""
    for name, case in CASES.items():
        arrays = case.arrays()
        tensors = {key: torch.from_numpy(value) for key, value in case.constants.items()}
        graph = case.graph([(2, 1)])
        with torch.inference_mode():
            expected = rebuild(graph, tensors)(*map(torch.from_numpy, arrays)).numpy()
        stored = {
            key: coded(key, value, FORMATS.get(f"{name}/{key}", "raw"))
            for key, value in case.constants.items()
        }
        network = Network(case.graph([expected.shape]), stored, {"class_names": ["a", "b"]})
        write(folder / f"{name}.fwt", network, coder="huffman")
        (folder / f"{name}.input.bin").write_bytes(arrays[0].tobytes())
        (folder / f"{name}.output.bin").write_bytes(expected.tobytes())


if __name__ == "__main__":
    make(FOLDER)
