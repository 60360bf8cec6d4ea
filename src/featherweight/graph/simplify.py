"""A draft becomes a small graph: constants folded, no-ops gone, short names, dead nodes dropped.

One walk over the nodes, in execution order. What is known without data (see `evaluation`) becomes
a constant; the rules of `rules` then rewrite one node at a time.
"""

from collections.abc import Iterable

from torch import Tensor

from featherweight.container.graph import Dimension, Graph, Node, ValueInfo
from featherweight.errors import UnsupportedOperatorError
from featherweight.graph.draft import Draft
from featherweight.graph.evaluation import Value, evaluate
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
        if node.operator not in OPERATORS:
            layer = draft.layers.get(node.outputs[0], "")
            raise UnsupportedOperatorError(
                f"operator {node.operator} of layer {layer!r} is outside the ONNX subset."
            )
    infos = [_value_info(rewriting, name, probes) for name in outputs]
    graph = Graph(draft.inputs, tuple(infos), tuple(nodes), draft.operator_set)
    return _with_short_names(graph, rewriting)


def _probe_sizes(symbols: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    # Sizes that no layer is likely to have, so that "follows the batch" is never a coincidence.
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


def _with_short_names(graph: Graph, rewriting: Rewriting) -> tuple[Graph, dict[str, Tensor]]:
    """Rename what has no name of its own to ordinals, share equal constants, collect tensors."""
    kept = rewriting.kept_names()
    taken = kept | {info.name for info in graph.inputs}
    output_names = _output_names(len(graph.outputs), taken)
    names = {old.name: new for old, new in zip(graph.outputs, output_names, strict=True)}
    taken |= set(output_names)
    tensors: dict[str, Tensor] = {}
    by_content: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    ordinals = (str(i) for i in range(10**9) if str(i) not in taken)

    def name_of(old: str) -> str:
        if not old or old in {info.name for info in graph.inputs}:
            return old
        if old not in names:
            value: Value = rewriting.tensor(old)
            if value is None:
                names[old] = next(ordinals)
            elif old in kept:
                names[old], tensors[old] = old, value
                if not value.is_floating_point():
                    by_content.setdefault(_content(value), old)
            else:
                names[old] = by_content.setdefault(_content(value), "") or next(ordinals)
                by_content[_content(value)] = names[old]
                tensors[names[old]] = value
        return names[old]

    nodes = tuple(
        Node(
            node.operator,
            tuple(name_of(name) for name in node.inputs),
            tuple(name_of(name) for name in node.outputs),
            dict(sorted(node.attributes.items())),
        )
        for node in graph.nodes
    )
    outputs = tuple(ValueInfo(names[o.name], o.dtype, o.shape) for o in graph.outputs)
    return Graph(graph.inputs, outputs, nodes, graph.operator_set), tensors


def _output_names(count: int, taken: set[str]) -> list[str]:
    names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
    while taken.intersection(names):
        names = [f"{name}_" for name in names]
    return names


def _content(tensor: Tensor) -> tuple[str, tuple[int, ...], bytes]:
    data = tensor.detach().cpu().contiguous()
    return str(data.dtype), tuple(data.shape), data.numpy().tobytes()
