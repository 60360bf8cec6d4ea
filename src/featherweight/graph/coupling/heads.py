"""Which dimensions of reshaped values are attention heads: products of matrices, one a head."""

from collections.abc import Mapping

from featherweight.container.graph import Graph, Node
from featherweight.graph.coupling.attributes import number

_ELEMENTWISE = ("Mul", "Div", "Add", "Sub", "Cast")


def head_dimensions(
    graph: Graph, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, frozenset[int]]:
    """Return, by value, the dimensions that come to be the last batch dimension of a MatMul.

    Both factors have at least two batch dimensions; those before the last are samples and windows.
    Found from the end of the graph to its beginning, through what only moves dimensions.
    """
    found: dict[str, set[int]] = {}
    for node in reversed(graph.nodes):
        if node.operator == "MatMul" and all(len(shapes[name]) >= 4 for name in node.inputs):
            for name in node.inputs:
                found.setdefault(name, set()).add(len(shapes[name]) - 3)
        moved = found.get(node.outputs[0], set()) if node.outputs else set()
        for output in node.outputs[1:]:
            moved = moved | found.get(output, set())
        if moved:
            for name, dimensions in _back(node, moved, shapes):
                found.setdefault(name, set()).update(dimensions)
    return {name: frozenset(dimensions) for name, dimensions in found.items()}


def _back(
    node: Node, moved: set[int], shapes: Mapping[str, tuple[int, ...]]
) -> list[tuple[str, set[int]]]:
    source = node.inputs[0]
    if node.operator == "Transpose":
        rank = len(shapes[source])
        perm = node.attributes.get("perm") or tuple(reversed(range(rank)))
        return [(source, {int(perm[d]) for d in moved})]  # type: ignore[index]
    if node.operator == "Gather":
        axis = number(node, "axis", 0) % len(shapes[source])
        gone = len(shapes[source]) - len(shapes[node.outputs[0]])
        return [(source, {d if d < axis else d + gone for d in moved})] if gone == 1 else []
    if node.operator in ("Slice", "Split"):
        return [(source, moved)]
    if node.operator in _ELEMENTWISE:
        rank = len(shapes[node.outputs[0]])
        return [(name, moved) for name in node.inputs if len(shapes[name]) == rank]
    if node.operator == "Reshape":
        return [(source, _same_dimensions(moved, shapes[node.outputs[0]], shapes[source]))]
    return []


def _same_dimensions(moved: set[int], after: tuple[int, ...], before: tuple[int, ...]) -> set[int]:
    """Dimensions with as many indices, and as many elements after them, in the other shape."""

    def strides(shape: tuple[int, ...]) -> list[tuple[int, int]]:
        result, stride = [], 1
        for size in reversed(shape):
            result.append((size, stride))
            stride *= size
        return result[::-1]

    wanted = {strides(after)[d] for d in moved}
    return {d for d, pair in enumerate(strides(before)) if pair in wanted and pair[0] > 1}
