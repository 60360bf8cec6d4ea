"""Values that share memory: in place, views, parts of wholes, what is fused, in chains of nodes."""

from pathlib import Path

import numpy as np
import pytest

from small_graphs import Case, X, chain, check, ints, weights

CASES: dict[str, Case] = {}

SHAPE, NARROW = X((3, 4, 5)), X((3, 4))
POSITIVE = np.abs(weights(4)) + 0.5


def graph(name: str, text: str, **options: X | np.ndarray | str | tuple[str, ...]) -> None:
    assert name not in CASES
    CASES[name] = chain(text, **options)


# fmt: off
graph("in place", """
    a = Relu(x)
    b = Sigmoid(a)
    c = Tanh(b)
    d = Mul(c, c)
    y = Exp(d)
""", x=SHAPE)
graph("an operand read again later", """
    a = Tanh(x)
    b = Relu(a)
    c = Sigmoid(b)
    d = Add(a, c)
    y = Sub(d, b)
""", x=SHAPE)
graph("broadcast over itself", """
    a = Tanh(x)
    m = ReduceMean(a, axes)
    b = Sub(a, m)
    y = Mul(b, b)
""", x=SHAPE, axes=ints(1))
graph("small over large", """
    a = Tanh(x)
    b = Exp(a)
    c = Add(small, b)
    y = Div(c, b)
""", x=SHAPE, small=weights(5))
graph("a view that is an output", """
    a = Tanh(x)
    y = Reshape(a, s)
    z = Relu(a)
""", x=SHAPE, s=ints(-1, 20), outputs=("y", "z"))
graph("a view and what it views are outputs", """
    y = Tanh(x)
    z = Reshape(y, s)
""", x=SHAPE, s=ints(-1, 20), outputs=("y", "z"))
graph("an output that is read on", """
    y = Tanh(x)
    a = Relu(y)
    z = Exp(a)
""", x=SHAPE, outputs=("y", "z"))
graph("a view of the input is an output", """
    y = Flatten(x)
""", x=SHAPE)
graph("views of views", """
    a = Tanh(x)
    b = Flatten(a)
    c = Unsqueeze(b, axes)
    d = Identity(c)
    e = Squeeze(d, axes)
    f = Relu(e)
    y = Reshape(f, s)
""", x=SHAPE, axes=ints(1), s=ints(0, 4, 5))
graph("two outputs of one value", """
    a = Tanh(x)
    y = Identity(a)
    z = Identity(a)
""", x=SHAPE, outputs=("y", "z"))
graph("concat of one value twice", """
    a = Tanh(x)
    y = Concat(a, a, axis=1)
""", x=SHAPE)
graph("concat of one value twice and once more", """
    a = Tanh(x)
    b = Relu(x)
    c = Concat(a, b, a, axis=1)
    d = Neg(a)
    y = Concat(d, c, a, axis=1)
""", x=SHAPE)
graph("concat in concat", """
    a = Tanh(x)
    b = Sigmoid(x)
    c = Concat(a, b, axis=1)
    d = Exp(x)
    e = Concat(c, d, axis=1)
    f = Relu(c)
    y = Concat(e, f, x, axis=1)
""", x=SHAPE)
graph("concat of what is an output", """
    z = Tanh(x)
    y = Concat(z, x, axis=1)
""", x=SHAPE, outputs=("y", "z"))
graph("a part of a concat is read after it", """
    a = Tanh(x)
    b = Sigmoid(x)
    c = Concat(a, b, axis=1)
    d = Relu(c)
    e = Mul(a, b)
    y = Concat(d, e, axis=1)
""", x=SHAPE)
graph("split and join the other way", """
    a = Tanh(x)
    b, c = Split(a, axis=1, num_outputs=2)
    d = Relu(b)
    y = Concat(c, d, axis=1)
""", x=SHAPE)
graph("a part of a split is an output", """
    a = Tanh(x)
    y, b = Split(a, axis=1, num_outputs=2)
    z = Exp(b)
""", x=SHAPE, outputs=("y", "z"))
graph("a part of a split is overwritten while its sister lives", """
    a = Tanh(x)
    b, c = Split(a, axis=1, num_outputs=2)
    d = Exp(b)
    e = Mul(c, d)
    y = Add(e, a1)
""", x=SHAPE, a1=np.array(1.0, np.float32))
graph("the whole of a split is read on", """
    a = Tanh(x)
    b, c = Split(a, axis=1, num_outputs=2)
    d = Exp(b)
    e = Concat(d, c, axis=1)
    y = Add(e, a)
""", x=SHAPE)
graph("channel shuffle", """
    a = Tanh(x)
    b = Reshape(a, s)
    c = Transpose(b, perm=(0, 2, 1, 3))
    d = Reshape(c, t)
    y = Relu(d)
""", x=SHAPE, s=ints(0, 2, 2, 5), t=ints(0, 4, 5))
graph("a constant goes through views", """
    a = Reshape(w, s)
    b = Mul(x, a)
    y = Add(b, w2)
""", x=SHAPE, w=weights(20), s=ints(1, 4, 5), w2=weights(5))
graph("a constant is an output", """
    z = Identity(w)
    y = Relu(x)
""", x=SHAPE, w=weights(3, 2))
graph("gather that is a view, overwritten", """
    a = Tanh(x)
    b = Gather(a, i, axis=1)
    c = Relu(b)
    d = Gather(a, j, axis=1)
    y = Sub(c, d)
""", x=SHAPE, i=np.array(1), j=np.array(3))
IMAGE, FILTER = X((2, 4, 6, 6)), weights(4, 4, 3, 3)
NORM = {"g": weights(4), "b": weights(4, seed=8), "m": weights(4, seed=9), "v": POSITIVE}
graph("conv, norm, relu", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    c = BatchNormalization(a, g, b, m, v)
    y = Relu(c)
""", x=IMAGE, w=FILTER, **NORM)
graph("conv, norm, sum, clip", """
    t = Tanh(x)
    a = Conv(t, w, b, pads=(1, 1, 1, 1))
    c = BatchNormalization(a, g, b, m, v)
    d = Add(c, t)
    y = Clip(d, low, high)
""", x=IMAGE, w=FILTER, low=np.array(0.0, np.float32), high=np.array(6.0, np.float32), **NORM)
graph("a 1x1 convolution plus its own input", """
    t = Tanh(x)
    a = Conv(t, w)
    b = Add(t, a)
    y = Relu(b)
""", x=IMAGE, w=weights(4, 4, 1, 1))
graph("a convolution's sum with a value that comes later", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    t = Tanh(x)
    b = Add(a, t)
    y = HardSwish(b)
""", x=IMAGE, w=FILTER)
graph("two convolutions are added", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    c = Conv(x, w2)
    b = Add(a, c)
    y = Relu(b)
""", x=IMAGE, w=FILTER, w2=weights(4, 4, 1, 1))
graph("a convolution is added to itself", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    y = Add(a, a)
""", x=IMAGE, w=FILTER)
graph("a convolution is an output and goes on", """
    y = Conv(x, w, pads=(1, 1, 1, 1))
    z = Relu(y)
""", x=IMAGE, w=FILTER, outputs=("y", "z"))
graph("a residual that is read on", """
    t = Tanh(x)
    a = Conv(t, w, pads=(1, 1, 1, 1))
    b = Add(a, t)
    y = Sub(b, t)
""", x=IMAGE, w=FILTER)
graph("a residual that is a view of the input of the convolution", """
    t = Tanh(x)
    u = Identity(t)
    a = Conv(t, w)
    y = Add(a, u)
""", x=IMAGE, w=weights(4, 4, 1, 1))
graph("a residual that broadcasts", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    p = GlobalAveragePool(x)
    y = Add(a, p)
""", x=IMAGE, w=FILTER)
graph("a residual is an input", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    b = Add(a, x)
    y = Relu(b)
""", x=IMAGE, w=FILTER)
graph("a batch-norm of a sum", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    s = Add(a, x)
    c = BatchNormalization(s, g, b, m, v)
    y = Relu(c)
""", x=IMAGE, w=FILTER, **NORM)
graph("squeeze and excitation", """
    a = Conv(x, w, pads=(1, 1, 1, 1))
    p = GlobalAveragePool(a)
    q = Conv(p, w1)
    r = HardSigmoid(q)
    y = Mul(a, r)
""", x=IMAGE, w=FILTER, w1=weights(4, 4, 1, 1))
graph("linear, relu, linear, softmax", """
    a = Gemm(x, w, b, transB=1)
    c = Relu(a)
    d = Gemm(c, w2)
    y = Softmax(d)
""", x=NARROW, w=weights(33, 4), b=weights(33), w2=weights(33, 7))
graph("attention", """
    a = MatMul(x, q)
    c = MatMul(x, k)
    d = Transpose(c, perm=(0, 2, 1))
    e = MatMul(a, d)
    f = Softmax(e)
    g = MatMul(f, x)
    y = Add(x, g)
""", x=SHAPE, q=weights(5, 8), k=weights(5, 8, seed=8))
graph("one weight is used twice", """
    a = Gemm(x, w, transB=1)
    c = Relu(a)
    y = Gemm(c, w, transB=1)
""", x=NARROW, w=weights(4, 4))
graph("a weight is a plain operand as well", """
    a = Gemm(x, w, transB=1)
    s = ReduceSum(w, axes)
    y = Add(a, s)
""", x=NARROW, w=weights(4, 4), axes=ints(0))
graph("a computed weight", """
    w2 = Mul(w, w)
    y = Gemm(x, w2, transB=1)
""", x=NARROW, w=weights(6, 4))
# fmt: on


@pytest.mark.parametrize("name", CASES)
def test_chain(name: str, tmp_path: Path) -> None:
    check(CASES[name], tmp_path)
