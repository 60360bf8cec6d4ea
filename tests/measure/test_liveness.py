"""Peak activation memory against two oracles that count in other ways."""

from collections.abc import Mapping

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from featherweight import zoo
from featherweight.container import Graph, Node, ValueInfo
from featherweight.graph import capture
from featherweight.graph.operators import OPERATORS
from featherweight.measure import profile_network
from featherweight.measure.liveness import VIEWS, Peak, live_bytes
from featherweight.measure.values import Value, graph_values


class Branches(nn.Module):
    """A value that waits for a long branch; views; two outputs of one node."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 16, 3, padding=1)
        self.narrow = nn.Conv2d(16, 3, 1)
        self.head = nn.Linear(2 * 3 * 64, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(torch.relu(self.wide(x))) + x
        left, right = torch.cat([x, y], 1).chunk(2, 1)
        return self.head(torch.cat([left * right, left], 1).flatten(1))


def bytes_as_torch_holds_them(graph: Graph, tensors: Mapping[str, Tensor]) -> int:
    """Run node by node on real data; add up the storages that are still needed, at each node.

    What is not a view of its input is copied, as in a runtime without strides.
    """
    alive = {info.name: torch.zeros(1, *info.shape[1:]) for info in graph.inputs}
    wanted = {info.name for info in graph.outputs}
    most = 0
    for i, node in enumerate(graph.nodes):
        operator = OPERATORS[node.operator]
        arguments = []
        for index, name in enumerate(node.inputs):
            value = alive.get(name, tensors.get(name))
            if name in tensors and operator.is_static(index, value.ndim):
                value = value.tolist()
            arguments.append(value)
        results = operator.run(*arguments, **node.attributes)
        results = results if isinstance(results, tuple) else (results,)
        if node.operator not in VIEWS:
            results = tuple(result.clone() for result in results)
        alive.update(zip(node.outputs, results, strict=True))
        storages = {v.untyped_storage().data_ptr(): v.untyped_storage() for v in alive.values()}
        most = max(most, sum(storage.nbytes() for storage in storages.values()))
        later = {name for node in graph.nodes[i + 1 :] for name in node.inputs} | wanted
        alive = {name: value for name, value in alive.items() if name in later}
    return most


def test_networks_as_torch_holds_their_storages() -> None:
    for module, shape in ((Branches(), (3, 8, 8)), (zoo.create("lenet-5"), (1, 28, 28))):
        graph, tensors = capture(module, torch.zeros(1, *shape), batch=None)
        profile = profile_network(graph, tensors)
        assert profile.peak_activation_bytes == bytes_as_torch_holds_them(graph, tensors)


def test_alexnet_peaks_at_the_rectifier_of_conv1() -> None:
    with torch.device("meta"):
        module = zoo.create("alexnet")
    graph, tensors = capture(module, torch.zeros(1, 3, 227, 227, device="meta"))
    profile = profile_network(graph, tensors)
    assert profile.peak_activation_bytes == 2 * 4 * 96 * 55 * 55
    assert profile.peak_layer == "relu_1"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random graphs of flat values: sums, products with themselves, views and concatenations."""
    sizes = {"input": draw(st.integers(1, 9))}
    nodes = []
    for i in range(draw(st.integers(1, 12))):
        source = draw(st.sampled_from(sorted(sizes)))
        kind = draw(st.sampled_from(("Relu", "Flatten", "Identity", "Add", "Concat")))
        inputs = (source, source) if kind == "Add" else (source,)
        if kind == "Concat":
            inputs = (source, draw(st.sampled_from(sorted(sizes))))
        name = f"v{i}"
        sizes[name] = sum(sizes[n] for n in inputs) if kind == "Concat" else sizes[source]
        nodes.append(Node(kind, inputs, (name,), {"axis": 1} if kind == "Concat" else {}))
    ends = draw(st.lists(st.sampled_from(sorted(sizes)), min_size=1, max_size=2, unique=True))
    return Graph(
        (ValueInfo("input", "float32", ("batch", sizes["input"])),),
        tuple(ValueInfo(end, "float32", ("batch", sizes[end])) for end in ends),
        tuple(nodes),
        20,
    )


def by_definition(graph: Graph, values: Mapping[str, Value], i: int) -> int:
    """Sum the values that exist at node i and that some later moment asks for, views as one."""
    family = {info.name: {info.name} for info in graph.inputs}
    made = dict.fromkeys(family, -1)
    for index, node in enumerate(graph.nodes):
        for name in node.outputs:
            family[name] = family[node.inputs[0]] if node.operator in VIEWS else set()
            family[name].add(name)
            made[name] = index
    counted: list[set[str]] = []
    total = 0
    for members in family.values():
        if any(members is other for other in counted):
            continue
        counted.append(members)
        exists = min(made[name] for name in members) <= i
        is_made = any(made[name] >= i for name in members)
        is_read = any(members & set(node.inputs) for node in graph.nodes[i:])
        is_wanted = any(info.name in members for info in graph.outputs)
        if exists and (is_made or is_read or is_wanted):
            total += max(values[name].bytes for name in members)
    return total


@given(graphs())
def test_random_graphs_by_the_definition(graph: Graph) -> None:
    values = graph_values(graph, {}, batch=1)
    expected = [by_definition(graph, values, i) for i in range(len(graph.nodes))]
    # An input that nothing reads is there while the first node runs, and then is not.
    if not any("input" in node.inputs for node in graph.nodes):
        return
    assert live_bytes(graph, values) == expected


def test_a_peak_of_nothing() -> None:
    assert Peak.of([]) == Peak(0, 0)
    assert Peak.of([3, 7, 7, 1]) == Peak(7, 1)


def test_what_is_made_from_weights_alone_is_no_activation() -> None:
    graph = Graph(
        (ValueInfo("input", "float32", ("batch", 4)),),
        (ValueInfo("output", "float32", ("batch", 2)),),
        (
            Node("Transpose", ("w.weight",), ("0",), {"perm": (1, 0)}),
            Node("MatMul", ("input", "0"), ("output",)),
        ),
        20,
    )
    profile = profile_network(graph, {"w.weight": np.zeros((2, 4), np.float32)})
    assert profile.peak_activation_bytes == 4 * (4 + 2)
    assert [(layer.name, layer.macs, layer.params) for layer in profile.layers] == [("w", 8, 8)]
