"""For each ONNX operator, what it ties of its inputs' dimensions and gives to its outputs'.

A rule reads as the operator's shape inference, with atoms in place of sizes. `shrinking` has the
counterpart: what of a node changes when atoms are gone.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from featherweight.container.graph import Node
from featherweight.graph.coupling.atoms import Dim
from featherweight.graph.coupling.attributes import number
from featherweight.graph.coupling.coupler import Coupler, Dims, Rule
from featherweight.graph.coupling.reshaping import reshape_dims

Coupled = list[Dims]


def unknown(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """An operator without a rule: nothing that it touches may go."""
    for dims in operands:
        if any(c.atoms.free(ids) is not None for ids in dims):
            c.obstacles[node.outputs[0]] = node.operator
        c.fix(dims)
    return _fixed(c, node)


def _fixed(c: Coupler, node: Node) -> Coupled:
    return [[None] * len(c.shape(name)) if name else [] for name in node.outputs]


def _same(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Element by element on one input."""
    return [operands[0]]


def elementwise(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Broadcast: dimensions of one size go together, a dimension of 1 goes with any."""
    rank = len(c.shape(node.outputs[0]))
    result: Dims = []
    for axis in range(-rank, 0):
        present = [
            (dims[axis], c.shape(name)[axis])
            for name, dims in zip(node.inputs, operands, strict=True)
            if name and len(dims) >= -axis
        ]
        full = [ids for ids, size in present if size != 1]
        dim: Dim = full[0] if full else None
        for other in full[1:]:
            dim = c.unify(dim, other)
        result.append(dim)
    return [result]


def _matrix_product(c: Coupler, a: Dims, b: Dims) -> Dims:
    """The last two dimensions: [M, K] by [K, N]."""
    c.unify(a[-1], b[-2])
    return [a[-2], b[-1]]


def matmul(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """[..., M, K] by [..., K, N]; batch dimensions broadcast."""
    a, b = operands
    if len(a) < 2 or len(b) < 2:
        return unknown(c, node, operands)
    left, right = (c.shape(name) for name in node.inputs)
    rank = max(len(a), len(b))
    batch: Dims = []
    for axis in range(-rank, -2):
        sides = [
            dims[axis]
            for dims, shape in ((a, left), (b, right))
            if len(dims) >= -axis and shape[axis] != 1
        ]
        batch.append(c.unify(*sides) if len(sides) == 2 else (sides or [None])[0])
    return [batch + _matrix_product(c, a, b)]


def gemm(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """As `matmul`, either side transposed, with a bias that broadcasts."""
    a, b = operands[:2]
    a = a[::-1] if node.attributes.get("transA") else a
    b = b[::-1] if node.attributes.get("transB") else b
    result = _matrix_product(c, a, b)
    if len(operands) > 2 and operands[2]:
        shape = c.shape(node.inputs[2])
        for axis in range(-len(shape), 0):
            if shape[axis] != 1:
                result[axis] = c.unify(result[axis], operands[2][axis])
    return [result]


def conv(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """[N, I, ...] by [O, I / group, ...]: see `_grouped` for what groups tie."""
    x, weight = operands[:2]
    c.fix(x[2:])
    c.fix(weight[2:])
    outputs = weight[0]
    if len(operands) > 2 and operands[2]:
        outputs = c.unify(outputs, operands[2][0])
    group = number(node, "group", 1)
    channels = c.shape(node.inputs[0])[1]
    if group == 1:
        c.unify(x[1], weight[1])
    else:
        filters = c.shape(node.inputs[1])[0]
        outputs = _grouped(c, x[1], weight[1], outputs, (channels, filters, group))
    return [[x[0], outputs, *[None] * (len(x) - 2)]]


def _grouped(
    c: Coupler, inputs: Dim, weight: Dim, outputs: Dim, sizes: tuple[int, int, int]
) -> Dim:
    """Depthwise, a channel goes with its outputs; else each group loses the same of its own."""
    channels, filters, group = sizes
    if outputs is None:
        c.atoms.fix(inputs)
        c.atoms.fix(weight)
        return None
    if group == channels:
        return c.unify(outputs, None if inputs is None else np.repeat(inputs, filters // group))
    table = outputs.reshape(group, -1)
    c.atoms.tie(table, table[:1])
    c.unify(inputs, None if weight is None else np.tile(weight, group))
    return outputs


def conv_transpose(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """[N, I, ...] by [I, O, ...]; with groups nothing may go."""
    if number(node, "group", 1) != 1:
        return unknown(c, node, operands)
    x, weight = operands[:2]
    c.fix(x[2:])
    c.fix(weight[2:])
    c.unify(x[1], weight[0])
    outputs = weight[1]
    if len(operands) > 2 and operands[2]:
        outputs = c.unify(outputs, operands[2][0])
    return [[x[0], outputs, *[None] * (len(x) - 2)]]


def per_channel(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Batch and instance norm: dimension 1 goes with each of the vectors.

    A group norm is an instance norm of its groups, whose dimension 2 has channels in it.
    """
    x, *vectors = operands
    channels = x[1]
    for vector in vectors:
        channels = c.unify(channels, vector[0])
    if node.operator == "InstanceNormalization":
        for ids in x[2:]:
            c.mixes(node, ids)
    return [[x[0], channels, *x[2:]]]


def layer_norm(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """The last dimensions go with the scale and the bias; their mean is over what is left."""
    x, *vectors = operands
    result = list(x)
    axis = number(node, "axis", -1)
    first = axis % len(x)
    for vector, name in zip(vectors, node.inputs[1:], strict=True):
        for back in range(1, len(vector) + 1):
            if c.shape(name)[-back] != 1:
                result[-back] = c.unify(result[-back], vector[-back])
    for ids in result[first:]:
        c.mixes(node, ids)
    return [result]


def pooling(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Pixels are fixed; batch and channels pass."""
    x = operands[0]
    c.fix(x[2:])
    return [[x[0], x[1], *[None] * (len(x) - 2)]]


def local_response(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Each channel is divided by its neighbours, who become others."""
    c.mixes(node, operands[0][1])
    return [operands[0]]


def softmax(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """What is summed over is fixed."""
    axis = number(node, "axis", -1)
    result = list(operands[0])
    c.atoms.fix(result[axis])
    result[axis] = None
    return [result]


def reduction(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """What is reduced is gone; a mean is over what is left."""
    x = operands[0]
    axes = c.numbers(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else None
    reduced = {axis % len(x) for axis in axes or range(len(x))}
    for axis in reduced:
        c.mixes(node, x[axis])
    if node.attributes.get("keepdims", 1):
        return [[None if axis in reduced else ids for axis, ids in enumerate(x)]]
    return [[ids for axis, ids in enumerate(x) if axis not in reduced]]


def transpose(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Dimensions move."""
    x = operands[0]
    perm = node.attributes.get("perm") or tuple(reversed(range(len(x))))
    return [[x[int(axis)] for axis in perm]]  # type: ignore[union-attr]


def reshape(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Also Flatten, Squeeze and Unsqueeze: the elements stay in their order."""
    before, after = c.shape(node.inputs[0]), c.shape(node.outputs[0])
    whole = sorted(c.heads.get(node.outputs[0], ()))
    return [reshape_dims(c.atoms, operands[0], before, after, whole)]


def expand(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """A dimension that is repeated has atoms of its own: it may become shorter."""
    x, before, after = operands[0], c.shape(node.inputs[0]), c.shape(node.outputs[0])
    result: Dims = []
    for axis, size in enumerate(after):
        source = axis - (len(after) - len(before))
        repeated = source < 0 or before[source] != size
        result.append(c.own(node, "repeated", axis, size) if repeated else x[source])
    return [result]


def concat(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Along the axis one after the other; the other dimensions go together."""
    rank = len(c.shape(node.outputs[0]))
    along = number(node, "axis", 0) % rank
    result: Dims = []
    for axis in range(rank):
        parts = [dims[axis] for dims in operands]
        if axis != along:
            dim = parts[0]
            for part in parts[1:]:
                dim = c.unify(dim, part)
            result.append(dim)
        elif all(ids is None for ids in parts):
            result.append(None)
        else:
            sizes = [c.shape(name)[axis] for name in node.inputs]
            filled = [c.filled(ids, size) for ids, size in zip(parts, sizes, strict=True)]
            result.append(np.concatenate(filled))
    return [result]


def split(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Each output has its part of the axis."""
    axis = number(node, "axis", 0) % len(operands[0])
    results, first = [], 0
    for name in node.outputs:
        size = c.shape(name)[axis]
        results.append(_cut(operands[0], axis, slice(first, first + size)))
        first += size
    return results


def _cut(x: Dims, axis: int, part: slice) -> Dims:
    result = list(x)
    ids = x[axis]
    result[axis] = None if ids is None else ids[part]
    return result


def slice_(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """The axes are cut."""
    bounds = slices(c, node)
    if bounds is None:
        return unknown(c, node, operands)
    result = operands[0]
    for axis, part in bounds.items():
        if part.step != 1:
            c.atoms.fix(result[axis])
        result = _cut(result, axis, part)
    return [result]


def slices(c: Coupler, node: Node) -> dict[int, slice] | None:
    """What a Slice takes of each of its axes; None if its bounds are not stored."""
    given = [c.numbers(name) if name else None for name in node.inputs[1:]]
    if any(numbers is None for numbers, name in zip(given, node.inputs[1:], strict=True) if name):
        return None
    starts, ends, axes, steps = [*given, None, None, None, None][:4]
    shape = c.shape(node.inputs[0])
    assert starts is not None
    assert ends is not None
    axes = axes or tuple(range(len(starts)))
    return {
        axis % len(shape): slice(*slice(start, end, step).indices(shape[axis]))
        for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(axes), strict=True)
    }


def gather(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Of an axis that may shrink, only a list of indices that is stored can be taken."""
    x = operands[0]
    axis = number(node, "axis", 0) % len(x)
    indices = c.numbers(node.inputs[1])
    shape = c.shape(node.inputs[1])
    taken: Dims = [None] * len(shape)
    if c.atoms.free(x[axis]) is not None:
        ids = x[axis]
        if indices is None or len(shape) != 1 or ids is None:
            c.atoms.fix(ids)
        else:
            taken = [ids[np.array(indices)]]
    return [[*x[:axis], *taken, *x[axis + 1 :]]]


def pad(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """What is added has atoms of its own, so that zeros can stand in for channels that go."""
    x, before, after = operands[0], c.shape(node.inputs[0]), c.shape(node.outputs[0])
    amounts = padding(c, node)
    if amounts is None:
        return unknown(c, node, operands)
    result: Dims = []
    for axis, ids in enumerate(x):
        first, last = amounts.get(axis, (0, 0))
        is_zero = node.attributes.get("mode", "constant") == "constant"
        if (first, last) == (0, 0):
            result.append(ids)
        elif axis == 0 or first < 0 or last < 0 or not is_zero or c.atoms.free(ids) is None:
            c.atoms.fix(ids)
            result.append(None)
        else:
            new = c.filled(c.own(node, "padded", axis, first + last), first + last)
            middle = c.filled(ids, before[axis])
            result.append(np.concatenate([new[:first], middle, new[first:]]))
            assert len(result[-1]) == after[axis]  # type: ignore[arg-type]
    return [result]


def padding(c: Coupler, node: Node) -> dict[int, tuple[int, int]] | None:
    """What a Pad adds before and after, by axis; None if that is not stored."""
    pads = c.numbers(node.inputs[1])
    named = len(node.inputs) > 3 and node.inputs[3]
    axes: Sequence[int] | None = c.numbers(node.inputs[3]) if named else None
    rank = len(c.shape(node.inputs[0]))
    if pads is None or (named and axes is None):
        return None
    axes = range(rank) if axes is None else axes
    half = len(pads) // 2
    return {axis % rank: (pads[i], pads[half + i]) for i, axis in enumerate(axes)}


def no_value(c: Coupler, node: Node, operands: Coupled) -> Coupled:
    """Sizes follow by themselves from what is left."""
    return _fixed(c, node)


def _all_of(rule: Rule, *names: str) -> dict[str, Callable[[Coupler, Node, Coupled], Coupled]]:
    return dict.fromkeys(names, rule)


RULES: Mapping[str, Rule] = {
    **_all_of(
        _same, "Cast", "Clip", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity",
        "LeakyRelu", "Log", "Neg", "Relu", "Sigmoid", "Softplus", "Sqrt", "Tanh",
    ),
    **_all_of(elementwise, "Add", "Div", "Mul", "PRelu", "Pow", "Sub"),
    **_all_of(pooling, "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"),
    **_all_of(per_channel, "BatchNormalization", "InstanceNormalization"),
    **_all_of(reduction, "ReduceL2", "ReduceMax", "ReduceMean", "ReduceSum"),
    **_all_of(reshape, "Flatten", "Reshape", "Squeeze", "Unsqueeze"),
    **_all_of(softmax, "LogSoftmax", "Softmax"),
    "Concat": concat,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Expand": expand,
    "Gather": gather,
    "Gemm": gemm,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "MatMul": matmul,
    "Pad": pad,
    "Shape": no_value,
    "Slice": slice_,
    "Split": split,
    "Transpose": transpose,
}  # fmt: skip
"""The other operators of the subset have no rule; `unknown` is theirs."""
