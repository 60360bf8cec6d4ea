"""Groups of nodes that are one operator: what the exporter took apart is put together again."""

import torch

from featherweight.container.graph import Node
from featherweight.graph.rewriting import Rewriting, Shape

Shapes = tuple[Shape, Shape]


def linear(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """x @ weight.T of a matrix is a Gemm, so that the weight keeps the module's own layout."""
    x, weight = node.inputs
    transposed = rewriting.producer(weight, "Transpose")
    if transposed is None or rewriting.rank(x) != 2 or rewriting.rank(weight) != 2:
        return None
    return [Node("Gemm", (x, transposed.inputs[0]), node.outputs, {"transB": 1})]


def bias(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """Write x @ weight.T + bias in an order that says where it came from.

    A linear layer in one function rounds differently from a product and a sum. The order of the
    operands tells them apart: (product, bias) is a linear layer, (bias, product) is a sum.
    """
    origin = rewriting.origin(node)
    for product, other in (node.inputs, node.inputs[::-1]):
        gemm = rewriting.producer(product, "Gemm")
        width = rewriting.shapes(node.outputs[0])[0][-1:]
        is_bias = rewriting.is_weight(other) and rewriting.shapes(other)[0] == width
        is_free = gemm and gemm.inputs[2:] in ((), ("",)) and "beta" not in gemm.attributes
        if gemm and is_free and is_bias and origin in ("linear", ""):
            return [Node("Gemm", (*gemm.inputs[:2], other), node.outputs, gemm.attributes)]
        matmul = rewriting.producer(product, "MatMul")
        # A file has no origins: there the order is as it was written.
        if matmul and origin and rewriting.producer(matmul.inputs[1], "Transpose"):
            order = (product, other) if origin == "linear" else (other, product)
            return [Node("Add", order, node.outputs)]
    return None


def silu(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """Write x * sigmoid(x) in an order that says where it came from.

    SiLU in one function rounds differently from a sigmoid and a product. Multiplication commutes,
    so the order of the operands is free to tell them apart: (sigmoid, x) is SiLU,
    (x, sigmoid) is the product that someone wrote.
    """
    origin = rewriting.origin(node)
    for x, gate in (node.inputs, node.inputs[::-1]):
        sigmoid = rewriting.producer(gate, "Sigmoid")
        if origin and sigmoid and sigmoid.inputs[0] == x:
            order = (gate, x) if origin == "silu" else (x, gate)
            return [Node("Mul", order, node.outputs)]
    return None


def softplus(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """torch's softplus is linear above 20, where float32 cannot tell the difference."""
    soft = rewriting.producer(node.inputs[2], "Softplus")
    if rewriting.origin(node) != "softplus" or soft is None or soft.inputs[0] != node.inputs[1]:
        return None
    return [Node("Softplus", soft.inputs, node.outputs)]


def unshaped(name: str, rewriting: Rewriting) -> str:
    """Return the value that `name` is only another shape of."""
    while earlier := rewriting.producer(name, "Reshape", "Flatten"):
        name = earlier.inputs[0]
    return name


def constant_shape(before: Shapes, after: Shapes) -> tuple[int, ...] | None:
    """Return the constant that reshapes `before` to `after` at every size of the batch.

    At most one dimension may be left over (-1); where more follow the batch, those that are as
    they were are kept (0).
    """
    target = [a if a == b else -1 for a, b in zip(*after, strict=True)]
    if target.count(-1) > 1:
        for axis, sizes in enumerate(zip(*after, strict=True)):
            if target[axis] == -1 and axis < len(before[0]):
                kept = sizes == (before[0][axis], before[1][axis])
                target[axis] = 0 if kept else -1
    return tuple(target) if target.count(-1) < 2 else None


def batched_transpose(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """Write [a * b, c, d] -> [a * b, d, c] -> [a, b, d, c] with the last two swapped at the end.

    So the exporter's way of transposing the keys of an attention becomes one Transpose of them.
    """
    inner = rewriting.producer(node.inputs[0], "Transpose")
    after = rewriting.shapes(node.outputs[0])
    rank = len(after[0])
    if inner is None or inner.attributes.get("perm") != (0, 2, 1) or rank < 4:
        return None
    source = inner.inputs[0]
    if any(b[1:] != (a[-1], a[-2]) for a, b in zip(after, rewriting.shapes(source), strict=True)):
        return None
    first, second = ((*shape[:-2], shape[-1], shape[-2]) for shape in after)
    source = unshaped(source, rewriting)
    if rewriting.shapes(source) != (first, second):
        target = constant_shape(rewriting.shapes(source), (first, second))
        if target is None:
            return None
        shape = rewriting.add_integers(target)
        source = rewriting.add("Reshape", (source, shape), (first, second))
    perm = (*range(rank - 2), rank - 1, rank - 2)
    return [Node("Transpose", (source,), node.outputs, {"perm": perm})]


def einsum(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """A batched product of matrices, `...ik, ...kj -> ...ij` or with `...jk`, is a MatMul."""
    equation = str(node.attributes["equation"]).replace(" ", "")
    terms, _, result = equation.partition("->")
    operands = terms.split(",")
    if len(operands) != 2 or any(len(term) < 2 for term in (*operands, result)):
        return None
    a, b = operands
    batch, i, k = a[:-2], a[-2], a[-1]
    for order in (b, b[:-2] + b[-1] + b[-2]):
        j = order[-1]
        distinct = len({*batch, i, j, k}) == len(a) + 1
        if (order, result) != (batch + k + j, batch + i + j) or not distinct:
            continue
        right = node.inputs[1]
        if order != b:
            rank = len(b)
            first, second = ((*s[:-2], s[-1], s[-2]) for s in rewriting.shapes(right))
            perm = (*range(rank - 2), rank - 1, rank - 2)
            right = rewriting.add("Transpose", (right,), (first, second), {"perm": perm})
        return [Node("MatMul", (node.inputs[0], right), node.outputs)]
    return None


def scatter(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """Constants written over a run of rows are a Concat of what is before, the constants, after."""
    indices, updates = (rewriting.constant(name) for name in node.inputs[1:])
    if indices is None or updates is None or indices.ndim != 2 or indices.shape[1] != 1:
        return None
    rows = indices[:, 0]
    start, count = int(rows[0]), len(rows)
    if start < 0 or not torch.equal(rows, torch.arange(start, start + count)):
        return None
    shape = rewriting.shapes(node.inputs[0])[0]
    parts = []
    for low, high in ((0, start), (start + count, shape[0])):
        if low < high:
            ends = tuple(rewriting.add_integers((v,)) for v in (low, high, 0))
            piece = (high - low, *shape[1:])
            parts.append(rewriting.add("Slice", (node.inputs[0], *ends), (piece, piece)))
    parts.insert(1 if start > 0 else 0, node.inputs[2])
    return [Node("Concat", tuple(parts), node.outputs, {"axis": 0})]


def local_response_normalization(node: Node, rewriting: Rewriting) -> list[Node] | None:
    """Recognise torch's LocalResponseNorm, which it computes from a mean over channels.

    x / (k + alpha * mean)^beta, the mean of x * x by Reshape, Pad, AveragePool and Reshape.
    """
    x = node.inputs[0]
    found = []
    name = node.inputs[1]
    for operator in ("Pow", "Add", "Mul", "Reshape", "AveragePool", "Pad", "Reshape", "Mul"):
        step = rewriting.producer(name, operator)
        if step is None:
            return None
        found.append(step)
        name = step.inputs[0]
    constants = [rewriting.constant(step.inputs[1]) for step in found[:3]]
    kernel = found[4].attributes["kernel_shape"]
    if None in [c if c is None else 1 for c in constants] or found[-1].inputs != (x, x):
        return None
    beta, bias, alpha = (float(c) for c in constants if c is not None)
    if not isinstance(kernel, tuple) or set(kernel[1:]) != {1}:
        return None
    size = int(kernel[0])
    if size % 2 == 0:  # torch and ONNX place an even window one channel apart
        return None
    pads = rewriting.constant(found[5].inputs[1])
    width = [0, 0, size // 2] + [0] * (rewriting.rank(x) - 1)
    if pads is None or pads.tolist()[: len(width)] != width:
        return None
    attributes = {"size": size, "alpha": alpha, "beta": beta, "bias": bias}
    defaults = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    return [
        Node("LRN", (x,), node.outputs, {
            key: value for key, value in attributes.items()
            if key == "size" or abs(value - defaults[key]) > 1e-9
        })
    ]  # fmt: skip
