"""Every operator of the runtime against torch, or ONNX Runtime, where torch has not its like."""

from pathlib import Path

import numpy as np
import pytest

from featherweight import _native
from featherweight.container.operators import OURS, subset
from small_graphs import Case, X, chain, check, ints, one, weights

CASES: dict[str, Case] = {}
"""By name, which begins with the operator."""


def add(name: str, case: Case) -> None:
    assert name not in CASES
    CASES[name] = case


# ---- convolutions ----

for label, x, w, bias, attributes in [
    ("1x1", (2, 5, 7, 6), (8, 5, 1, 1), True, {}),
    ("1x1 stride 2", (2, 5, 7, 6), (8, 5, 1, 1), False, {"strides": (2, 2)}),
    ("3x3", (2, 3, 9, 8), (5, 3, 3, 3), True, {}),
    ("3x3 padded", (2, 3, 9, 8), (5, 3, 3, 3), True, {"pads": (1, 1, 1, 1)}),
    ("3x3 stride 2", (2, 3, 9, 8), (5, 3, 3, 3), True, {"strides": (2, 2), "pads": (1, 1, 1, 1)}),
    ("3x3 strides 3 1", (2, 3, 9, 8), (5, 3, 3, 3), True,
     {"strides": (3, 1), "pads": (2, 0, 2, 0)}),
    ("uneven pads", (2, 3, 9, 8), (5, 3, 3, 2), True, {"pads": (0, 1, 2, 3)}),
    ("uneven pads stride", (2, 3, 9, 8), (5, 3, 3, 3), True,
     {"pads": (0, 0, 1, 1), "strides": (2, 2)}),
    ("dilated", (2, 3, 11, 12), (5, 3, 3, 3), True, {"dilations": (2, 3), "pads": (2, 3, 2, 3)}),
    ("dilated stride", (2, 3, 11, 12), (5, 3, 3, 3), True,
     {"dilations": (3, 2), "strides": (2, 3), "pads": (1, 2, 1, 2)}),
    ("kernel over stride", (1, 2, 10, 10), (3, 2, 1, 1), True, {"strides": (4, 3)}),
    ("groups", (2, 6, 7, 7), (9, 2, 3, 3), True, {"group": 3, "pads": (1, 1, 1, 1)}),
    ("depthwise", (2, 6, 9, 7), (6, 1, 3, 3), True, {"group": 6, "pads": (1, 1, 1, 1)}),
    ("depthwise stride", (2, 6, 9, 7), (6, 1, 5, 5), False,
     {"group": 6, "pads": (2, 2, 2, 2), "strides": (2, 2)}),
    ("depthwise multiplier", (2, 4, 6, 6), (8, 1, 3, 3), True, {"group": 4}),
    ("wide kernel", (1, 3, 23, 23), (4, 3, 11, 11), True,
     {"strides": (4, 4), "pads": (2, 2, 2, 2)}),
    ("kernel as large", (2, 4, 5, 5), (40, 4, 5, 5), True, {}),
    ("one pixel", (2, 16, 1, 1), (33, 16, 1, 1), True, {}),
    ("many rows", (1, 17, 14, 14), (70, 17, 3, 3), True, {"pads": (1, 1, 1, 1)}),
    ("one dimension", (2, 3, 20), (5, 3, 3), True, {"strides": (2,), "pads": (1, 2)}),
    ("one dimension groups", (2, 4, 12), (6, 2, 3), True, {"group": 2, "dilations": (2,)}),
]:  # fmt: skip
    given = (X(x), weights(*w), weights(w[0], seed=8)) if bias else (X(x), weights(*w))
    add(f"Conv {label}", one("Conv", *given, **attributes))
add("Conv float16", one("Conv", X((2, 3, 6, 6)), weights(5, 3, 3, 3, dtype="float16"),
                        weights(5, dtype="float16")))  # fmt: skip

for label, x, w, bias, attributes in [
    ("2x2 stride 2", (2, 5, 4, 3), (5, 3, 2, 2), True, {"strides": (2, 2)}),
    ("3x3 padded", (2, 5, 4, 3), (5, 3, 3, 3), False,
     {"strides": (2, 3), "pads": (1, 1, 1, 1), "output_padding": (1, 1)}),
    ("dilated groups", (2, 6, 5, 4), (6, 2, 3, 3), True, {"group": 3, "dilations": (2, 2)}),
    ("one dimension", (2, 4, 7), (4, 3, 4), True, {"strides": (3,), "pads": (1, 1)}),
]:  # fmt: skip
    given = (
        (X(x), weights(*w), weights(w[1] * attributes.get("group", 1), seed=8))
        if bias
        else (X(x), weights(*w))
    )
    add(f"ConvTranspose {label}", one("ConvTranspose", *given, **attributes))

# ---- matrix products ----

for label, x, w, bias, attributes in [
    ("", (3, 10), (7, 10), (7,), {"transB": 1}),
    ("no bias", (3, 10), (7, 10), None, {"transB": 1}),
    ("untransposed", (3, 10), (10, 7), (7,), {}),
    ("many rows", (9, 33), (50, 33), (50,), {"transB": 1}),
    ("many rows untransposed", (9, 33), (33, 50), (50,), {}),
    ("one bias", (3, 10), (10, 7), (1,), {}),
    ("bias a row", (3, 10), (10, 7), (3, 1), {}),
    ("whole bias", (3, 10), (10, 7), (3, 7), {}),
    ("scaled", (3, 10), (7, 10), (7,), {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("scaled many rows", (6, 10), (10, 7), (1, 7), {"alpha": 0.5, "beta": -1.5}),
]:
    given = [X(x), weights(*w)] + ([] if bias is None else [weights(*bias, seed=8)])
    fixed = bias is not None and len(bias) == 2 and bias[0] > 1
    add(f"Gemm {label}", one("Gemm", *given, is_batched=not fixed, oracle="onnxruntime",
                             **attributes))  # fmt: skip
add("Gemm transposed A", one("Gemm", X((5, 3)), weights(5, 4), weights(4), is_batched=False,
                             transA=1))  # fmt: skip
add("Gemm computed B", one("Gemm", X((3, 5)), X((4, 5)), weights(4), is_batched=False, transB=1))
add("Gemm computed C", one("Gemm", X((3, 5)), weights(4, 5), X((3, 4)), transB=1))
add("Gemm constant A", one("Gemm", weights(3, 5), X((5, 4)), is_batched=False))
add("Gemm float16", one("Gemm", X((3, 5)), weights(4, 5, dtype="float16"), weights(4), transB=1))

for label, a, b in [
    ("matrices", X((4, 5)), X((5, 3))),
    ("weights", X((2, 4, 5)), weights(5, 3)),
    ("weights of many", X((2, 3, 4, 5)), weights(5, 33)),
    ("batches", X((2, 4, 5)), X((2, 5, 3))),
    ("broadcast left", X((4, 5)), X((2, 5, 3))),
    ("broadcast right", X((2, 3, 4, 5)), X((3, 5, 3))),
    ("broadcast both", X((2, 1, 4, 5)), X((1, 3, 5, 2))),
    ("constant left", weights(4, 5), X((2, 5, 3))),
    ("constant batches", X((2, 4, 5)), weights(2, 5, 3)),
    ("vector right", X((2, 4, 5)), X((5,))),
    ("vector left", X((5,)), X((2, 5, 3))),
    ("vectors", X((5,)), X((5,))),
    ("weight vector", X((2, 4, 5)), weights(5)),
]:
    add(f"MatMul {label}", one("MatMul", a, b, is_batched=False))

# ---- one operand, two operands ----

for name, attributes in [
    ("Relu", {}), ("HardSwish", {}), ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("Sigmoid", {}), ("Tanh", {}), ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}), ("Elu", {}), ("Elu", {"alpha": 0.3}), ("LeakyRelu", {}),
    ("LeakyRelu", {"alpha": 0.3}), ("Softplus", {}), ("Erf", {}), ("Exp", {}), ("Neg", {}),
    ("Identity", {}), ("Softmax", {}), ("Softmax", {"axis": 1}), ("Softmax", {"axis": -3}),
    ("LogSoftmax", {}), ("LogSoftmax", {"axis": 2}), ("GlobalAveragePool", {}),
    ("GlobalMaxPool", {}), ("Flatten", {}), ("Flatten", {"axis": 2}), ("Flatten", {"axis": -1}),
    ("Transpose", {"perm": (0, 2, 3, 1)}), ("Transpose", {"perm": (0, 3, 2, 1)}),
]:  # fmt: skip
    said = " ".join(f"{key}={value}" for key, value in attributes.items())
    add(f"{name} {said}", one(name, X((3, 4, 5, 2)), **attributes))
add("Softmax axis 0", one("Softmax", X((3, 4)), axis=0, is_batched=False))
add("Flatten axis 0", one("Flatten", X((3, 4)), axis=0, is_batched=False))
add("Transpose reversed", one("Transpose", X((3, 4, 5)), is_batched=False))
add("Transpose batch", one("Transpose", X((3, 4, 5)), is_batched=False, perm=(1, 0, 2)))
add("GlobalAveragePool 1d", one("GlobalAveragePool", X((3, 4, 5))))
for name in ("Log", "Sqrt"):
    add(f"{name} positive", one(name, X((3, 4, 5), low=0.1)))

for label, low, high in [
    ("both", -0.5, 0.7), ("low", 0.1, None), ("high", None, 0.2), ("neither", None, None),
]:  # fmt: skip
    bounds = [None if v is None else np.array(v, np.float32) for v in (low, high)]
    while bounds and bounds[-1] is None:
        bounds.pop()
    add(f"Clip {label}", one("Clip", X((3, 4, 5)), *bounds))

for label, to in [
    ("float32", 1), ("int64", 7), ("int32", 6), ("bool", 9), ("float16", 10),
]:  # fmt: skip
    add(f"Cast {label}", chain(
        f"a = Mul(x, three)\nb = Cast(a, to={to})\ny = Cast(b, to=1)",
        x=X((3, 4)), three=np.array(3, np.float32),
    ))  # fmt: skip
for label, to in [("uint8", 2), ("int8", 3)]:  # they wrap around
    add(f"Cast {label}", chain(
        f"a = Mul(x, many)\nb = Cast(a, to=7)\nc = Cast(b, to={to})\ny = Cast(c, to=1)",
        x=X((3, 4)), many=np.array(300, np.float32),
    ))  # fmt: skip

SHAPES = [
    ((3, 4, 5, 2), (3, 4, 5, 2)), ((3, 4, 5, 2), (2,)), ((3, 4, 5, 2), (5, 1)),
    ((3, 4, 5, 2), (4, 1, 1)), ((3, 4, 5, 2), (1, 4, 1, 2)), ((3, 4, 5, 2), ()),
    ((3, 4, 5, 2), (1,)), ((3, 4, 1, 2), (1, 1, 5, 1)), ((3, 1, 5, 1), (3, 4, 1, 2)),
    ((3, 1), (1, 4)), ((3, 1, 1, 2), (3, 4, 5, 2)),
]  # fmt: skip
for name in ("Add", "Sub", "Mul", "Div"):
    for first, second in SHAPES:
        low = 0.5 if name == "Div" else None
        add(f"{name} {first} {second}", one(name, X(first), X(second, low), is_batched=False))
        constant = np.asarray(0.5 + np.abs(weights(*second)), np.float32)
        add(f"{name} {first} constant {second}", one(name, X(first), constant, is_batched=False))
        add(f"{name} constant {second} {first}",
            one(name, constant, X(first, 0.5), is_batched=False))  # fmt: skip
for label, power in [
    ("square", np.array(2.0)), ("root", np.array(0.5)), ("cube", np.array(3.0)),
    ("channels", np.array([[1.0], [2.0], [-1.0], [0.3]])),
]:  # fmt: skip
    add(f"Pow {label}", one("Pow", X((3, 4, 5), low=0.2), power.astype(np.float32)))
add("Pow of negative numbers", one("Pow", X((3, 4)), np.array(2.0, np.float32)))
add("Pow computed", one("Pow", X((3, 4), 0.2), X((3, 4))))
for label, slope in [("one", (1,)), ("channels", (4, 1, 1)), ("all", (4, 5, 2))]:
    add(f"PRelu {label}", one("PRelu", X((3, 4, 5, 2)), weights(*slope)))

# ---- normalization ----

positive = np.abs(weights(4)) + 0.5
for label, x in [("4d", (3, 4, 5, 2)), ("3d", (3, 4, 5)), ("2d", (3, 4))]:
    add(f"BatchNormalization {label}", one(
        "BatchNormalization", X(x), weights(4), weights(4, seed=8), weights(4, seed=9), positive,
        epsilon=1e-3,
    ))  # fmt: skip
add("InstanceNormalization 4d", one(
    "InstanceNormalization", X((3, 4, 5, 2)), weights(4), weights(4, seed=8), epsilon=1e-3
))  # fmt: skip
add("InstanceNormalization 3d", one("InstanceNormalization", X((3, 4, 5)), weights(4), weights(4)))
for axis, shape in [(-1, (5,)), (2, (5,)), (1, (4, 5)), (-2, (4, 5))]:
    add(f"LayerNormalization {axis}", one(
        "LayerNormalization", X((3, 4, 5)), weights(*shape), weights(*shape, seed=8), axis=axis,
        epsilon=1e-4,
    ))  # fmt: skip
add("LayerNormalization no bias", one("LayerNormalization", X((3, 4, 5)), weights(5)))
for size, beta in [(5, 0.75), (3, 0.5), (1, 0.75), (9, 0.6)]:
    add(
        f"LRN {size} {beta}", one("LRN", X((3, 6, 4, 5)), size=size, beta=beta, alpha=0.3, bias=1.5)
    )
add("LRN 3d", one("LRN", X((3, 6, 4)), size=3))

# ---- pooling, reductions ----

for label, x, attributes in [
    ("2x2", (2, 3, 8, 6), {"kernel_shape": (2, 2), "strides": (2, 2)}),
    ("stride not given", (2, 3, 8, 6), {"kernel_shape": (3, 2)}),
    ("padded", (2, 3, 8, 7), {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}),
    ("ceil", (2, 3, 8, 7), {"kernel_shape": (3, 3), "strides": (2, 2), "ceil_mode": 1}),
    ("ceil padded", (2, 3, 8, 7),
     {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1), "ceil_mode": 1}),
    ("ceil beyond", (2, 3, 5, 5),
     {"kernel_shape": (2, 2), "strides": (3, 3), "pads": (1, 1, 1, 1), "ceil_mode": 1}),
    ("one dimension", (2, 3, 9), {"kernel_shape": (3,), "strides": (2,), "pads": (1, 1)}),
]:  # fmt: skip
    add(f"MaxPool {label}", one("MaxPool", X(x), **attributes))
    for counts in (0, 1):
        add(f"AveragePool {label} include_pad={counts}",
            one("AveragePool", X(x), count_include_pad=counts, **attributes))  # fmt: skip
add("MaxPool dilated", one("MaxPool", X((2, 3, 9, 9)), kernel_shape=(3, 2), dilations=(2, 3)))
add("MaxPool uneven", one("MaxPool", X((2, 3, 6, 6)), kernel_shape=(3, 3), strides=(2, 2),
                          pads=(0, 0, 1, 1)))  # fmt: skip
for counts in (0, 1):
    add(f"AveragePool dilated {counts}", one(
        "AveragePool", X((2, 3, 9, 9)), kernel_shape=(3, 2), dilations=(2, 3), pads=(1, 1, 1, 1),
        count_include_pad=counts, oracle="onnxruntime",
    ))  # fmt: skip
    add(f"AveragePool uneven {counts}", one(
        "AveragePool", X((2, 3, 6, 6)), kernel_shape=(3, 3), strides=(2, 2), pads=(0, 0, 1, 1),
        count_include_pad=counts, oracle="onnxruntime",
    ))  # fmt: skip

for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceL2"):
    for axes in [(1,), (2, 3), (-1,), (1, 2, 3), (-2, -1), (1, 3), (-1, 1)]:
        add(f"{name} {axes}", one(name, X((3, 4, 5, 2)), ints(*axes)))
    add(f"{name} drops", one(name, X((3, 4, 5, 2)), ints(2, 3), keepdims=0))
    add(f"{name} drops apart", one(name, X((3, 4, 5, 2)), ints(1, 3), keepdims=0))
    add(f"{name} all", one(name, X((3, 4)), is_batched=False))
    add(f"{name} all dropped", one(name, X((3, 4)), is_batched=False, keepdims=0))
    add(f"{name} none", one(name, X((3, 4)), noop_with_empty_axes=1))
    add(f"{name} batch", one(name, X((3, 4, 2)), ints(0, 2), is_batched=False))

# ---- moving ----

for label, x, shape, attributes in [
    ("-1", (3, 4, 5), (-1, 20), {}), ("0", (3, 4, 5), (0, -1), {}),
    ("0 0", (3, 4, 6), (0, 0, 2, 3), {}), ("all open", (3, 4), (-1,), {}),
    ("allowzero", (3, 4), (3, 2, 2), {"allowzero": 1}),
]:  # fmt: skip
    add(f"Reshape {label}", one("Reshape", X(x), ints(*shape), is_batched=label[0] in "-0",
                                **attributes))  # fmt: skip
add("Squeeze axes", one("Squeeze", X((3, 1, 4, 1)), ints(1, -1)))
add("Squeeze all", one("Squeeze", X((3, 1, 4, 1)), is_batched=False))
add("Unsqueeze", one("Unsqueeze", X((3, 4)), ints(1, -1)))
add("Unsqueeze disordered", one("Unsqueeze", X((3, 4)), ints(3, 1)))
for axis in (1, 2, -1, -2):
    add(f"Concat {axis}", one("Concat", X((3, 4, 5)), X((3, 4, 5)), X((3, 4, 5)), axis=axis))
add("Concat sizes", one("Concat", X((3, 2, 5)), weights(3, 1, 5), X((3, 4, 5)), axis=1,
                        is_batched=False))  # fmt: skip
add("Concat batch", one("Concat", X((2, 5)), X((3, 5)), axis=0, is_batched=False))
add("Concat one", one("Concat", X((2, 5)), axis=1))
add("Split equal", one("Split", X((3, 6, 2)), axis=1, num_outputs=3, outputs=3))
add("Split uneven", one("Split", X((3, 7, 2)), axis=1, num_outputs=3, outputs=3))
add("Split sizes", one("Split", X((3, 7, 2)), ints(1, 4, 2), axis=-2, outputs=3))
add("Split batch", one("Split", X((6, 2)), ints(1, 5), axis=0, outputs=2, is_batched=False))
for label, starts, ends, axes, steps in [
    ("one", (1,), (3,), (1,), None), ("negative", (-3,), (-1,), (-1,), None),
    ("open", (2,), (2**63 - 1,), (2,), None), ("before", (-99,), (2,), (1,), None),
    ("steps", (0, 1), (99, 5), (1, 3), (2, 3)), ("no axes", (0, 1, 2), (3, 3, 5), None, None),
]:  # fmt: skip
    parts = [None if p is None else ints(*p) for p in (starts, ends, axes, steps)]
    while parts[-1] is None:
        parts.pop()
    add(f"Slice {label}", one("Slice", X((3, 4, 5, 6)), *parts))
for label, starts, ends, step in [
    ("backwards", -1, -(2**63), -1), ("backwards by 2", 4, 0, -2), ("beyond", 99, -99, -3),
]:  # fmt: skip
    add(f"Slice {label}", one("Slice", X((3, 6)), ints(starts), ints(ends), ints(1), ints(step),
                              oracle="onnxruntime"))  # fmt: skip
for label, pads, fill, axes, mode in [
    ("zeros", (0, 0, 1, 2, 0, 0, 3, 4), None, None, "constant"),
    ("value", (0, 1, 0, 0, 0, 0, 0, 2), 1.5, None, "constant"),
    ("axes", (1, 2, 3, 4), None, (2, -1), "constant"),
    ("crop", (0, 0, -1, 1, 0, 0, 0, -2), None, None, "constant"),
    ("reflect", (0, 0, 1, 2, 0, 0, 3, 1), None, None, "reflect"),
    ("edge", (0, 0, 1, 2, 0, 0, 3, 1), None, None, "edge"),
    ("wrap", (0, 0, 1, 2, 0, 0, 3, 1), None, None, "wrap"),
]:  # fmt: skip
    value = None if fill is None else np.array(fill, np.float32)
    given = [ints(*pads), value] + ([] if axes is None else [ints(*axes)])
    while given[-1] is None:
        given.pop()
    add(f"Pad {label}", one("Pad", X((3, 2, 4, 5)), *given, mode=mode))
for label, x, indices, axis in [
    ("one", (3, 4, 5), np.array(2), 1), ("last", (3, 4, 5), np.array(-1), 1),
    ("list", (3, 4, 5), ints(2, 0, 0), 1), ("matrix", (3, 4, 5), np.array([[0, 3], [1, -1]]), -2),
]:  # fmt: skip
    add(f"Gather {label}", one("Gather", X(x), indices, axis=axis, oracle="onnxruntime"))
add("Gather batch", one("Gather", X((3, 4)), np.array(1), is_batched=False))
add("Expand", one("Expand", X((3, 1, 5)), ints(1, 4, 1)))
add("Expand more", one("Expand", X((1, 5)), ints(2, 3, 5), is_batched=False))
add("Expand less", one("Expand", X((2, 3, 5)), ints(1, 5), is_batched=False))

add("Shape", chain("""
    s = Shape(x, start=0, end=1)
    t = Concat(s, rest, axis=0)
    y = Reshape(x, t)
""", x=X((3, 4, 5)), rest=ints(20)))  # fmt: skip
add("Shape of the last", chain("""
    s = Shape(x, start=-1)
    m = Mul(s, four)
    t = Concat(open, m, axis=0)
    y = Reshape(x, t)
""", x=X((3, 4, 5)), four=ints(4), open=ints(-1), oracle="onnxruntime"))  # fmt: skip
add("Gather of a constant", chain("""
    a = Gather(w, i)
    y = Add(x, a)
""", x=X((3, 4, 5)), w=weights(6, 5), i=ints(1, 5, 0, 1)))  # fmt: skip

# Each there and back: outputs are floats.
add("QuantizeLinear", chain("""
    q = QuantizeLinear(x, scale, zero)
    y = DequantizeLinear(q, scale, zero)
""", x=X((3, 4, 5)), scale=np.array(0.01, np.float32), zero=np.array(100, np.uint8)))  # fmt: skip
add("QuantizeLinear without zero point", chain("""
    q = QuantizeLinear(x, scale)
    y = DequantizeLinear(q, scale)
""", x=X((3, 4, 5)), scale=np.array(0.02, np.float32)))  # fmt: skip
add("QuantizeLinear by channel", chain("""
    q = QuantizeLinear(x, scale, zero, axis=-1)
    y = DequantizeLinear(q, scale, zero, axis=-1)
""", x=X((3, 4, 2)), scale=np.array([0.02, 0.01], np.float32),
    zero=np.array([3, -9], np.int8)))  # fmt: skip
add("DequantizeLinear of a tensor", chain("""
    w = DequantizeLinear(stored, scale, axis=0)
    y = Conv(x, w)
""", x=X((2, 3, 6, 6)), scale=np.array([0.02, 0.01], np.float32),
    stored=(np.arange(54) - 30).astype(np.int8).reshape(2, 3, 3, 3)))  # fmt: skip


def test_every_operator_of_files_runs_and_is_tested() -> None:
    runs = {name for name in _native.runtime_operators() if not name.startswith(OURS)}
    assert runs == {name for name in subset() if not name.startswith(OURS)}
    assert {node.operator for case in CASES.values() for node in case.nodes} == runs


@pytest.mark.parametrize("name", CASES)
def test_operator(name: str, tmp_path: Path) -> None:
    check(CASES[name], tmp_path)
