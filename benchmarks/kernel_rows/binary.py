"""Binary products against torch's float32 ones, a binary convolution against ONNX Runtime's.

The convolution runs as it does in a network: float32 in and out, its input packed, a file of one
layer in the native runtime; the peer is the float32 convolution of that shape with its buffers
bound. Products with a vector are timed ten in a row on both sides, as in a network that runs again
and again: our 4.7 MB of weights stay in the cache, the peer's 151 MB do not. One of ours alone,
after one of the peer's, reads its weights from memory: a row of its own.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

import harness
from featherweight import _native
from featherweight.container import write
from featherweight.graph import capture, to_onnx
from featherweight.nn import XnorConv2d
from featherweight.recipes.pack import pack

Floats = NDArray[np.float32]

PRODUCTS = {  # rows, columns, depth: bar of the product alone, with packing, of real inputs
    (256, 196, 2304): (12.0, 9.0, 1.5),
    (1024, 1024, 1024): (12.0, 9.0, 1.5),
    (256, 3136, 2304): (12.0, None, 1.5),
    (256, 256, 256): (9.0, None, 1.5),
    (4096, 4096, 4096): (12.0, None, None),
}
CONVOLUTIONS = {  # channels, height, scale map: bar
    (64, 56, False): None,
    (128, 28, False): 10.0,
    (128, 28, True): 10.0,
    (256, 14, False): 10.0,
    (512, 7, False): 10.0,
}
VECTOR = (4096, 9216)
VECTOR_BAR = 30.0


def rows(quick: bool, instruction_set: str) -> list[harness.Row]:
    """All rows; `quick` leaves the largest product out and takes fewer rounds.

    ONNX Runtime cannot be held to an instruction set: convolutions only where ours has all.
    """
    torch.set_num_threads(1)
    rounds = 7 if quick else 31
    found: list[harness.Row] = []
    for size, bars in PRODUCTS.items():
        if not (quick and max(size) > 4000):
            found += _product(size, bars, 7 if max(size) > 4000 else rounds)
    found += [_vector(rounds, harness.VECTOR_RUN, VECTOR_BAR), _vector(rounds, 1, None)]
    if instruction_set == _native.instruction_sets()[-1]:
        for (channels, height, has_map), bar in CONVOLUTIONS.items():
            found.append(_convolution(channels, height, has_map, bar, 4 * rounds))
    return [replace(row, name=f"{row.name}, {instruction_set}") for row in found]


def _product(
    size: tuple[int, int, int], bars: tuple[float | None, float | None, float | None], rounds: int
) -> list[harness.Row]:
    out, columns, depth = size
    rng = np.random.default_rng(0)
    weights, x = _normal(rng, out, depth), _normal(rng, depth, columns)
    y, signs = np.empty((out, columns), np.float32), np.empty((-(-depth // 32), columns), np.uint32)
    real, given, result = torch.from_numpy(weights), torch.from_numpy(x), torch.empty(out, columns)
    binary = _native.BinaryMatrix(weights)
    signed = _native.Matrix("binary_weight", weights)
    _native.pack_signs(x, signs)

    def peer() -> None:
        torch.mm(real, given, out=result)

    shape = f"{out}x{columns}x{depth}"
    kinds: tuple[tuple[str, Callable[[], object], float | None], ...] = (
        (f"binary GEMM {shape}", lambda: binary.multiply_signs(signs, y), bars[0]),
        (f"binary GEMM {shape}, packing included", lambda: binary.multiply(x, y), bars[1]),
        (f"binary weights x float32 {shape}", lambda: signed.multiply(x, y), bars[2]),
    )
    return [
        harness.timed(name, harness.compare(ours, peer, rounds), "torch.mm", "ms", bar)
        for name, ours, bar in kinds
    ]


def _vector(rounds: int, in_a_row: int, bar: float | None) -> harness.Row:
    rng = np.random.default_rng(1)
    weights, x = _normal(rng, *VECTOR), _normal(rng, 1, VECTOR[1])[0]
    y, result = np.empty(VECTOR[0], np.float32), torch.empty(VECTOR[0])
    real, given = torch.from_numpy(weights), torch.from_numpy(x)
    binary = _native.BinaryMatrix(weights)
    ours = harness.in_a_row(lambda: binary.multiply_vector(x, y), in_a_row)
    peer = harness.in_a_row(lambda: torch.mv(real, given, out=result), in_a_row)
    name = f"binary GEMV {VECTOR[0]}x{VECTOR[1]}, packing included, {in_a_row} in a row"
    return harness.timed(name, harness.compare(ours, peer, rounds), "torch.mv", "ms", bar)


def _convolution(
    channels: int, height: int, has_map: bool, bar: float | None, rounds: int
) -> harness.Row:
    torch.manual_seed(0)
    x = torch.randn(1, channels, height, height)
    binary = XnorConv2d(channels, channels, 3, padding=1, bias=False, scale_map=has_map)
    peer = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False)).eval()
    y = np.empty((1, channels, height, height), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours.fwt", Path(folder) / "theirs.onnx"
        write(ours, pack(nn.Sequential(binary).eval(), x, {}, {}))
        to_onnx(*capture(peer, x), theirs)
        session = _native.Session.open(str(ours), 1, 1, False, False)
        bound = _bound(theirs, x.numpy(), y.shape)
        given = x.numpy()
        timing = harness.compare(lambda: session.run([given], [y]), bound, rounds)
    name = f"binary 3x3 convolution, {channels} channels, {height}x{height}"
    return harness.timed(
        f"{name}, scale map" if has_map else name, timing, "ONNX Runtime", "ms", bar
    )


def _bound(path: Path, x: Floats, shape: tuple[int, ...]) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    peer = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    binding = peer.io_binding()
    binding.bind_ortvalue_input("input", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    output = onnxruntime.OrtValue.ortvalue_from_numpy(np.empty(shape, np.float32))
    binding.bind_ortvalue_output("output", output)
    return lambda: peer.run_with_iobinding(binding)


def _normal(rng: np.random.Generator, *shape: int) -> Floats:
    return rng.normal(size=shape).astype(np.float32)
