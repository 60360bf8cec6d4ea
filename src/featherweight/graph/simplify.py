"""A draft becomes a small graph: constants folded, no-ops gone, short names, dead nodes dropped.

One walk over the nodes, in execution order. What is known without data (see `evaluation`) becomes
a constant; the rules of `rules` then rewrite one node at a time.
"""

from collections.abc import Iterable

from torch import Tensor

from featherweight.container.graph import Dimension, Graph, Node, ValueInfo
from featherweight.errors import UnsupportedOperatorError
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import evaluate
from featherweight.graph.naming import with_short_names
from featherweight.graph.operators import OPERATORS
from featherweight.graph.rewriting import Rewriting
from featherweight.graph.rules import RULES


def simplify(draft: Draft) -> tuple[Graph, dict[str, Tensor]]:
    """Return the graph in the operators of the file, and the tensors that it reads.

    Raises:
        UnsupportedOperatorError: an operator is outside the subset; the message names its layer.
    """
    symbols = {size for info in draft.inputs for size in info.shape if isinstance(size, str)}
    probes = _probe_sizes(sorted(symbols))
    rewriting = Rewriting(draft, (evaluate(draft, probes[0]), evaluate(draft, probes[1])))
    for node in draft.nodes:
        _rewrite(rewriting, node)
    outputs = _separate_outputs(rewriting)
    nodes = _alive(rewriting.nodes, outputs)
    for node in nodes:
        if node.operator not in OPERATORS and not draft.storage_only:
            raise UnsupportedOperatorError(
                f"operator {node.operator} of layer {draft.layer(node)!r} is outside the ONNX "
                f"subset."
            )
    infos = [_value_info(rewriting, name, probes) for name in outputs]
    graph = Graph(draft.inputs, tuple(infos), tuple(nodes), draft.operator_set)
    return with_short_names(graph, rewriting)


def _probe_sizes(symbols: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    # Not 0 or 1: these vanish and broadcast.
    return (
        {symbol: 2 + 2 * i for i, symbol in enumerate(symbols)},
        {symbol: 3 + 2 * i for i, symbol in enumerate(symbols)},
    )


def _rewrite(rewriting: Rewriting, node: Node) -> None:
    node = Node(
        node.operator,
        tuple(rewriting.alias.get(name, name) for name in node.inputs),
        node.outputs,
        node.attributes,
    )
    if all(rewriting.constant(name) is not None for name in node.outputs):
        return
    rule = RULES.get(node.operator)
    replacement = rule(node, rewriting) if rule else None
    if isinstance(replacement, str):
        rewriting.alias[node.outputs[0]] = replacement
    else:
        for new in [node] if replacement is None else replacement:
            rewriting.append(new)


def _separate_outputs(rewriting: Rewriting) -> list[str]:
    """Return the values that are outputs, each the output of a node of its own."""
    names: list[str] = []
    for name in rewriting.draft.outputs:
        value = rewriting.alias.get(name, name)
        if value in names or value not in rewriting.producers:
            copy = rewriting.like(value, *(run[value] for run in rewriting.runs))
            rewriting.append(Node("Identity", (value,), (copy,)))
            value = copy
        names.append(value)
    return names


def _alive(nodes: Iterable[Node], outputs: Iterable[str]) -> list[Node]:
    needed = set(outputs)
    alive: list[Node] = []
    for node in reversed(list(nodes)):
        if needed.intersection(node.outputs):
            alive.append(node)
            needed.update(node.inputs)
    return alive[::-1]


def _value_info(
    rewriting: Rewriting, name: str, probes: tuple[dict[str, int], dict[str, int]]
) -> ValueInfo:
    first, second = (run[name] for run in rewriting.runs)
    shape: list[Dimension] = [
        _dimension(a, b, probes) for a, b in zip(first.shape, second.shape, strict=True)
    ]
    return ValueInfo(name, str(first.dtype).removeprefix("torch."), tuple(shape))


def _dimension(a: int, b: int, probes: tuple[dict[str, int], dict[str, int]]) -> Dimension:
    if a == b:
        return a
    for symbol in probes[0]:
        factor = a // probes[0][symbol]
        if (a, b) == (factor * probes[0][symbol], factor * probes[1][symbol]):
            return symbol if factor == 1 else f"{factor}*{symbol}"
    return f"dynamic_{a}_{b}"
