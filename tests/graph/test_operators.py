"""Every operator of the table against ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from featherweight.container.operators import subset
from featherweight.graph.operators import OPERATORS

Shape = tuple[int, ...]
IMAGE = (2, 3, 8, 7)
CHANNEL = (3,)
BYTES = np.arange(2 * 3 * 8 * 7, dtype=np.uint16).astype(np.uint8).reshape(IMAGE)

# Operator, inputs (a shape is random floats, an array itself, None is not given), attributes.
CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Add", [IMAGE, (3, 1, 1)], {}),
    ("AveragePool", [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    (
        "AveragePool",
        [IMAGE],
        {"kernel_shape": [3, 2], "count_include_pad": 1, "pads": [1, 0, 1, 0]},
    ),
    ("BatchNormalization", [IMAGE, CHANNEL, CHANNEL, CHANNEL, CHANNEL], {"epsilon": 1e-3}),
    ("Cast", [IMAGE], {"to": onnx.TensorProto.INT32}),
    ("Clip", [IMAGE, np.float32(0.2), np.float32(0.7)], {}),
    ("Clip", [IMAGE, np.float32(0.2)], {}),
    ("Concat", [IMAGE, (2, 1, 8, 7)], {"axis": 1}),
    ("Conv", [IMAGE, (4, 3, 3, 2), (4,)], {"strides": [2, 1], "pads": [1, 0, 1, 0]}),
    ("Conv", [IMAGE, (6, 1, 3, 3)], {"group": 3, "dilations": [2, 2], "pads": [0, 1, 2, 1]}),
    ("Conv", [(2, 3, 9), (4, 3, 3)], {}),
    ("ConvTranspose", [IMAGE, (3, 4, 3, 3), (4,)], {"strides": [2, 2], "output_padding": [1, 0]}),
    ("DequantizeLinear", [BYTES, np.float32(0.1), np.uint8(7)], {}),
    ("DequantizeLinear", [BYTES.astype(np.int8), CHANNEL], {}),
    ("DequantizeLinear", [BYTES.astype(np.int8), (2,), np.array([3, -4], np.int8)], {"axis": 0}),
    ("Div", [IMAGE, IMAGE], {}),
    ("Elu", [IMAGE], {"alpha": 0.5}),
    ("Erf", [IMAGE], {}),
    ("Exp", [IMAGE], {}),
    ("Expand", [(3, 1), np.array([2, 1, 4])], {}),
    ("Flatten", [IMAGE], {}),
    ("Flatten", [IMAGE], {"axis": 2}),
    ("Gather", [IMAGE, np.array(1)], {"axis": 2}),
    ("Gather", [IMAGE, np.array([[0, 2], [1, 1]])], {"axis": 1}),
    ("Gelu", [IMAGE], {}),
    ("Gelu", [IMAGE], {"approximate": "tanh"}),
    ("Gemm", [(4, 5), (6, 5), (6,)], {"transB": 1}),
    ("Gemm", [(4, 5), (6, 5), (1,)], {"transB": 1}),
    ("Gemm", [(5, 4), (5, 6), (4, 6)], {"transA": 1, "alpha": 0.5, "beta": 2.0}),
    ("GlobalAveragePool", [IMAGE], {}),
    ("GlobalMaxPool", [IMAGE], {}),
    ("HardSigmoid", [IMAGE], {}),
    ("HardSigmoid", [IMAGE], {"alpha": 1 / 6}),
    ("HardSwish", [IMAGE], {}),
    ("Identity", [IMAGE], {}),
    ("InstanceNormalization", [IMAGE, CHANNEL, CHANNEL], {}),
    ("LRN", [(2, 9, 4, 4)], {"size": 5, "alpha": 0.1, "bias": 2.0}),
    ("LayerNormalization", [IMAGE, (7,), (7,)], {}),
    ("LayerNormalization", [IMAGE, (8, 7)], {"axis": 2, "epsilon": 1e-2}),
    ("LeakyRelu", [IMAGE], {"alpha": 0.2}),
    ("Log", [IMAGE], {}),
    ("LogSoftmax", [IMAGE], {"axis": 1}),
    ("MatMul", [IMAGE, (7, 5)], {}),
    ("MaxPool", [IMAGE], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("MaxPool", [IMAGE], {"kernel_shape": [2, 2], "pads": [1, 0, 0, 1]}),
    ("Mul", [IMAGE, (*CHANNEL, 1, 1)], {}),
    ("Neg", [IMAGE], {}),
    ("PRelu", [IMAGE, (3, 1, 1)], {}),
    ("PRelu", [IMAGE, (7,)], {}),
    ("Pad", [IMAGE, np.array([0, 0, 1, 2, 0, 0, 0, -1]), np.float32(0.5)], {}),
    ("Pad", [IMAGE, np.array([0, 0, 1, 2, 0, 0, 3, 0])], {"mode": "reflect"}),
    ("Pad", [IMAGE, np.array([1, 2]), None, np.array([3])], {"mode": "edge"}),
    ("Pow", [IMAGE, np.float32(0.75)], {}),
    ("QuantizeLinear", [IMAGE, np.float32(0.02), np.uint8(100)], {}),
    ("QuantizeLinear", [IMAGE, np.float32(0.01)], {}),
    (
        "QuantizeLinear",
        [IMAGE, np.array([0.1, 0.001, 0.3], np.float32), np.array([1, -2, 0], np.int8)],
        {},
    ),
    ("ReduceL2", [IMAGE, np.array([-1])], {}),
    ("ReduceMax", [IMAGE, np.array([2, 3])], {"keepdims": 0}),
    ("ReduceMean", [IMAGE, np.array([-1, -2])], {}),
    ("ReduceMean", [IMAGE], {"keepdims": 0}),
    ("ReduceSum", [IMAGE], {"noop_with_empty_axes": 1}),
    ("Relu", [IMAGE], {}),
    ("Reshape", [IMAGE, np.array([0, -1, 7])], {}),
    ("Shape", [IMAGE], {"start": 1, "end": -1}),
    ("Sigmoid", [IMAGE], {}),
    ("Slice", [IMAGE, np.array([1, -3]), np.array([8, 2**63 - 1]), np.array([2, 3])], {}),
    ("Slice", [IMAGE, np.array([0]), np.array([8]), np.array([-2]), np.array([3])], {}),
    ("Softmax", [IMAGE], {"axis": 1}),
    ("Softplus", [IMAGE], {}),
    ("Split", [IMAGE, np.array([1, 2])], {"axis": 1}),
    ("Split", [IMAGE], {"axis": 2, "num_outputs": 3}),
    ("Sqrt", [IMAGE], {}),
    ("Squeeze", [(2, 1, 3, 1), np.array([1, -1])], {}),
    ("Squeeze", [(2, 1, 3, 1)], {}),
    ("Sub", [IMAGE, IMAGE], {}),
    ("Tanh", [IMAGE], {}),
    ("Transpose", [IMAGE], {"perm": [0, 2, 3, 1]}),
    ("Transpose", [IMAGE], {}),
    ("Unsqueeze", [IMAGE, np.array([0, -1])], {}),
]


def test_the_table_is_the_subset_of_the_file() -> None:
    assert set(OPERATORS) == set(subset())
    assert {case[0] for case in CASES} == {name for name in subset() if "." not in name}


@pytest.mark.parametrize(("operator", "inputs", "attributes"), CASES)
def test_operator_is_what_onnx_runtime_computes(
    operator: str, inputs: list[Any], attributes: dict[str, Any]
) -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.uniform(0.1, 1.0, x).astype(np.float32) if isinstance(x, tuple) else x for x in inputs
    ]
    if operator in ("Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Relu"):
        arrays[0] = arrays[0] * 8 - 4
    expected = _oracle(operator, arrays, attributes)
    table = OPERATORS[operator]
    arguments = []
    for i, array in enumerate(arrays):
        if array is None:
            arguments.append(None)
        elif table.is_static(i, np.ndim(array)):
            arguments.append(array.item() if np.ndim(array) == 0 else tuple(array.tolist()))
        else:
            arguments.append(torch.from_numpy(np.asarray(array)))
    result = table.run(*arguments, **attributes)
    results = result if isinstance(result, tuple) and operator != "Shape" else (result,)
    assert len(results) == len(expected)
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_allclose(np.asarray(ours), theirs, rtol=2e-5, atol=1e-6)
        assert np.asarray(ours).dtype == theirs.dtype


def _oracle(
    operator: str, arrays: list[Any], attributes: dict[str, Any]
) -> list[np.ndarray[Any, Any]]:
    names = ["" if array is None else f"input_{i}" for i, array in enumerate(arrays)]
    count = attributes.get("num_outputs", 2 if operator == "Split" else 1)
    outputs = [f"output_{i}" for i in range(count)]
    node = onnx.helper.make_node(operator, names, outputs, **attributes)
    graph = onnx.helper.make_graph(
        [node],
        operator,
        [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(np.asarray(array).dtype), None
            )
            for name, array in zip(names, arrays, strict=True)
            if name
        ],
        [onnx.helper.make_empty_tensor_value_info(name) for name in outputs],
    )
    opset = onnx.helper.make_opsetid("", 20)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = {name: np.asarray(a) for name, a in zip(names, arrays, strict=True) if name}
    return session.run(None, feeds)
