"""8-bit products of matrices, against dense float32 (torch.mm) and ONNX Runtime's 8-bit product.

Weights have a scale a row; activations are 8 bits (w8a8) or 7 (w8a7, for machines without VNNI) and
are packed before the clock starts, on both sides. `packing included` quantizes float32 activations
within the time, as a convolution does.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

import harness
from featherweight import _native

SHAPES = ((256, 196, 2304), (512, 512, 512), (64, 3136, 576))
SHAPES_QUICK = SHAPES[:1]
BARS = {7: 2.0, 8: None}


def rows(quick: bool, instruction_set: str) -> list[harness.Row]:
    """w8a8 and w8a7 on the instruction set that was chosen."""
    torch.set_num_threads(1)
    result = []
    for shape in SHAPES_QUICK if quick else SHAPES:
        for bits in (8, 7):
            result += _product_rows(shape, instruction_set, bits, 15 if quick else 31)
    return result


def _product_rows(
    shape: tuple[int, int, int], instruction_set: str, bits: int, rounds: int
) -> list[harness.Row]:
    num_rows, columns, depth = shape
    random = np.random.default_rng(0)
    dense = random.normal(0, 0.05, (num_rows, depth)).astype(np.float32)
    x = random.normal(0, 1, (depth, columns)).astype(np.float32)
    y = np.empty((num_rows, columns), np.float32)
    scales = np.abs(dense).max(1) / np.float32(127)
    weights = np.rint(dense / scales[:, None]).astype(np.int8)
    matrix = _native.Int8Matrix(weights, scales, bits)
    top = 2**bits - 1
    scale, zero_point = _native.measure_quantization(x.ravel(), top)
    packed = np.empty((-(-depth // 4), columns), np.uint32)

    def multiply() -> None:
        matrix.multiply(packed, scale, zero_point, y)

    def pack_and_multiply() -> None:
        _native.quantize_channels(x, scale, zero_point, top, packed)
        multiply()

    def dense_product() -> None:
        torch.mm(factor, wide, out=out)

    pack_and_multiply()
    wide, factor = torch.from_numpy(x), torch.from_numpy(dense)
    out = torch.empty(num_rows, columns)
    peer = onnx_runtime_product(weights, scales, x, scale, zero_point)
    name = f"int8 w8a{bits} {num_rows}x{columns}x{depth}, {instruction_set}"
    pairs: tuple[tuple[str, Callable[[], object], str, Callable[[], object], float | None], ...] = (
        (name, multiply, "torch.mm", dense_product, BARS[bits]),
        (name, multiply, "ONNX Runtime int8", peer, None),
        (f"{name}, packing included", pack_and_multiply, "torch.mm", dense_product, None),
    )
    return [
        harness.timed(title, harness.compare(ours, theirs, rounds), peer_name, bar=bar)
        for title, ours, peer_name, theirs, bar in pairs
    ]


def onnx_runtime_product(
    weights: NDArray[np.int8],
    scales: NDArray[np.float32],
    x: NDArray[np.float32],
    x_scale: float,
    x_zero_point: int,
) -> Callable[[], object]:
    """MatMulInteger of ONNX Runtime on one thread: x' [columns, depth] times w' [depth, rows].

    Its activations are the left operand, so both are transposed; its result stays int32.
    """
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    depth, columns = x.shape
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w", "zero"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [columns, depth])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [columns, len(scales)])],
        [
            numpy_helper.from_array(np.ascontiguousarray(weights.T), "w"),
            numpy_helper.from_array(np.array(x_zero_point, np.uint8), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    quantized = np.clip(np.rint(x.T / x_scale) + x_zero_point, 0, 255).astype(np.uint8)
    binding = session.io_binding()
    binding.bind_cpu_input("x", np.ascontiguousarray(quantized))
    binding.bind_output("y")
    return lambda: session.run_with_iobinding(binding)
