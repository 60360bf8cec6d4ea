"""8-bit arithmetic against closed forms, ONNX Runtime, and the native kernels bit for bit."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from featherweight import _native
from featherweight.errors import InvalidArgumentError
from featherweight.functional import integer
from featherweight.functional.integer import Quantization


def onnx_runtime(
    operator: str, inputs: Sequence[np.ndarray], dtypes: Sequence[int], **attributes: Any
) -> list[np.ndarray]:
    """The outputs, of these ONNX element types, of one operator in ONNX Runtime."""
    ort = pytest.importorskip("onnxruntime")
    from onnx import helper

    names = [f"i{index}" for index in range(len(inputs))]
    outputs = [f"o{index}" for index in range(len(dtypes))]
    kinds = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in inputs]
    graph = helper.make_graph(
        [helper.make_node(operator, names, outputs, **attributes)],
        "one",
        [
            helper.make_tensor_value_info(name, kind, array.shape)
            for name, kind, array in zip(names, kinds, inputs, strict=True)
        ],
        [helper.make_tensor_value_info(n, k, None) for n, k in zip(outputs, dtypes, strict=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(names, inputs, strict=True)))


def test_ties_are_rounded_to_even_and_ends_are_kept() -> None:
    x = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 300.0, -300.0, torch.inf, -torch.inf, torch.nan])
    q = integer.quantize(x, Quantization(1.0, 100))
    assert q.tolist() == [100, 102, 102, 100, 98, 255, 0, 255, 0, 0]
    assert integer.quantize(x, Quantization(1.0, 100, 127)).max() == 127


def test_a_range_is_stretched_to_zero() -> None:
    assert integer.quantization_of(1.0, 2.55) == Quantization(pytest.approx(0.01), 0)
    assert integer.quantization_of(-1.0, 1.55) == Quantization(pytest.approx(0.01), 100)
    assert integer.quantization_of(0.0, 0.0) == Quantization(1.0, 0)
    assert integer.quantization_of(-1.27, 0.0, 7) == Quantization(pytest.approx(0.01), 127, 127)


@pytest.mark.parametrize("seed", range(5))
def test_quantization_is_that_of_onnx(seed: int) -> None:
    random = np.random.default_rng(seed)
    x = random.normal(seed - 2, 3, 999).astype(np.float32)
    q, scale, zero_point = onnx_runtime("DynamicQuantizeLinear", [x], [2, 1, 2])
    ours = integer.quantization_of(float(x.min()), float(x.max()))
    assert ours == Quantization(float(scale), int(zero_point))
    assert np.array_equal(integer.quantize(torch.from_numpy(x), ours).numpy(), q)
    assert _native.measure_quantization(x) == (ours.scale, ours.zero_point)

    ties = ((np.arange(-50, 400) - 100.5) * scale).astype(np.float32)
    (wanted,) = onnx_runtime("QuantizeLinear", [ties, scale, zero_point], [2])
    assert np.array_equal(integer.quantize(torch.from_numpy(ties), ours).numpy(), wanted)
    (real,) = onnx_runtime("DequantizeLinear", [q, scale, zero_point], [1])
    assert np.array_equal(integer.dequantize(torch.from_numpy(q), ours).numpy(), real)


def test_sums_are_those_of_onnx() -> None:
    """Weights of 7 bits: without VNNI, ONNX Runtime adds two products in 16 bits that saturate."""
    random = np.random.default_rng(3)
    q = random.integers(0, 256, (5, 70), dtype=np.uint8)
    weight = random.integers(-64, 65, (9, 70)).astype(np.int8)
    zero = np.array(77, np.uint8)
    (wanted,) = onnx_runtime("MatMulInteger", [q, weight.T.copy(), zero], [6])
    ours = integer.linear_sums(torch.from_numpy(q), 77, torch.from_numpy(weight))
    assert ours.dtype == torch.int32 and np.array_equal(ours.numpy(), wanted)

    image = random.integers(0, 256, (2, 6, 9, 8), dtype=np.uint8)
    filters = random.integers(-64, 65, (4, 3, 3, 3)).astype(np.int8)
    (wanted,) = onnx_runtime(
        "ConvInteger", [image, filters, zero], [6], pads=[1, 1, 1, 1], strides=[2, 2], group=2
    )
    ours = integer.conv2d_sums(
        torch.from_numpy(image), 77, torch.from_numpy(filters),
        stride=(2, 2), padding=(1, 1), groups=2,
    )  # fmt: skip
    assert np.array_equal(ours.numpy(), wanted)


def test_sums_of_all_weights_are_exact() -> None:
    random = np.random.default_rng(7)
    q = random.integers(0, 256, (5, 70), dtype=np.uint8)
    weight = random.integers(-128, 128, (9, 70)).astype(np.int8)
    q[0], weight[0], weight[1] = 255, 127, -128
    ours = integer.linear_sums(torch.from_numpy(q), 77, torch.from_numpy(weight))
    assert np.array_equal(ours.numpy(), (q.astype(np.int64) - 77) @ weight.astype(np.int64).T)

    image = random.integers(0, 256, (2, 6, 9, 8), dtype=np.uint8)
    filters = random.integers(-128, 128, (4, 3, 3, 3)).astype(np.int8)
    layer = {"stride": (2, 2), "padding": (1, 1), "groups": 2}
    ours = integer.conv2d_sums(torch.from_numpy(image), 77, torch.from_numpy(filters), **layer)
    wanted = torch.conv2d(
        torch.from_numpy(image).double() - 77, torch.from_numpy(filters).double(), **layer
    )
    assert torch.equal(ours.double(), wanted)


def test_requantized_products_are_those_of_onnx() -> None:
    """QLinearMatMul may round a tie of its own float product otherwise: one step, seldom."""
    random = np.random.default_rng(4)
    q = random.integers(0, 256, (50, 64), dtype=np.uint8)
    weight, scales = integer.quantize_weight(torch.from_numpy(random.normal(size=(32, 64))).float())
    weight, scales = weight // 2, scales * 2  # 7 bits, as above
    out = Quantization(0.4, 128)
    (wanted,) = onnx_runtime(
        "QLinearMatMul",
        [
            q, np.array(0.02, np.float32), np.array(120, np.uint8), weight.numpy().T.copy(),
            scales.numpy(), np.zeros(32, np.int8), np.array(out.scale, np.float32),
            np.array(out.zero_point, np.uint8),
        ],
        [2],
    )  # fmt: skip
    sums = integer.linear_sums(torch.from_numpy(q), 120, weight)
    ours = integer.quantize(integer.dequantize_sums(sums, 0.02, scales), out).numpy()
    steps = np.abs(ours.astype(int) - wanted)
    assert steps.max() <= 1 and (steps > 0).mean() < 0.001


@pytest.mark.parametrize("instruction_set", _native.instruction_sets())
@pytest.mark.parametrize("num_bits", [7, 8])
def test_kernels_give_the_same_bits(instruction_set: str, num_bits: int) -> None:
    random = torch.Generator().manual_seed(5)
    weight, scales = integer.quantize_weight(torch.randn(21, 50, generator=random))
    x = torch.randn(50, 37, generator=random) * 3
    quantization = integer.quantization_of(float(x.min()), float(x.max()), num_bits)
    q = integer.quantize(x, quantization)
    sums = integer.linear_sums(q.T, quantization.zero_point, weight)
    wanted = integer.dequantize_sums(sums, quantization.scale, scales).T

    _native.choose_instruction_set(instruction_set)
    try:
        matrix = _native.Int8Matrix(weight.numpy(), scales.numpy(), num_bits)
        elements, y = np.empty((13, 37), np.uint32), np.empty((21, 37), np.float32)
        scale, zero_point = quantization.scale, quantization.zero_point
        _native.quantize_channels(x.numpy(), scale, zero_point, quantization.top, elements)
        matrix.multiply(elements, scale, zero_point, y)
        vector = np.empty(21, np.float32)
        matrix = _native.Int8Matrix(weight.numpy(), scales.numpy(), num_bits, vector=True)
        matrix.multiply_vector(x[:, 0].numpy().copy(), vector)
    finally:
        _native.choose_instruction_set(_native.instruction_sets()[-1])
    unpacked = elements.view(np.uint8).reshape(13, 37, 4).transpose(0, 2, 1).reshape(52, 37)
    assert np.array_equal(unpacked[:50], q.numpy())
    assert np.array_equal(y, wanted.numpy())

    own = integer.quantization_of(float(x[:, 0].min()), float(x[:, 0].max()), num_bits)
    sums = integer.linear_sums(integer.quantize(x[:, :1].T, own), own.zero_point, weight)
    assert np.array_equal(vector, integer.dequantize_sums(sums, own.scale, scales)[0].numpy())


def test_weights_are_within_half_a_step() -> None:
    weight = torch.randn(6, 3, 2, 2, generator=torch.Generator().manual_seed(6))
    weight[4] = 0
    q, scales = integer.quantize_weight(weight)
    assert q.abs().amax() == 127 and q[4].count_nonzero() == 0 and scales[4] == 1
    error = (q * scales.reshape(-1, 1, 1, 1) - weight).abs().flatten(1).amax(1)
    assert bool((error <= scales * 0.5001).all())


def test_a_row_that_might_overflow_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="65793, but got 65794"):
        integer.linear_sums(torch.zeros(1, 65794), 0, torch.zeros(1, 65794, dtype=torch.int8))
    with pytest.raises(InvalidArgumentError, match="finite"):
        integer.quantization_of(0.0, float("nan"))
