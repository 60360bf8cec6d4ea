"""Rebuild: the module is a real torch module again: named, trainable, copyable, capturable."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight.container import Graph, Node, ValueInfo
from featherweight.errors import FormatError, InvalidArgumentError, UnsupportedOperatorError
from featherweight.graph import capture, rebuild


class Net(nn.Module):
    """One layer of each kind that is rebuilt as a layer, and a weight that is none."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1, groups=2), nn.BatchNorm2d(6))
        self.scale = nn.Parameter(torch.rand(6, 1, 1))
        self.norm = nn.LayerNorm([6, 8, 8])
        self.head = nn.ModuleDict({"fc": nn.Linear(6 * 64, 5)})

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(torch.relu(self.stem(x)) * self.scale)
        return self.head["fc"](x.flatten(1))


Captured = tuple[Graph, dict[str, Tensor]]


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture(scope="module")
def captured() -> Captured:
    torch.manual_seed(0)
    return capture(Net(), torch.zeros(1, 2, 8, 8))


@pytest.fixture
def rebuilt(captured: Captured) -> nn.Module:
    return rebuild(*captured)


def test_state_dict_has_the_stored_names(net: Net, rebuilt: nn.Module) -> None:
    expected = net.state_dict()
    del expected["stem.1.num_batches_tracked"]
    state = rebuilt.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    parameters = {name for name, _ in net.named_parameters()}
    assert {name for name, _ in rebuilt.named_parameters()} == parameters


def test_layers_are_layers_of_torch(net: Net, rebuilt: nn.Module) -> None:
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.LayerNorm | nn.Linear):
            assert repr(rebuilt.get_submodule(name)) == repr(layer)


def test_training_is_the_same(net: Net, rebuilt: nn.Module) -> None:
    x, labels = torch.randn(4, 2, 8, 8), torch.tensor([0, 1, 2, 3])
    for module in (net, rebuilt):
        module.train()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), labels).backward()
            optimizer.step()
    state = rebuilt.state_dict()
    for name, tensor in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(state[name], tensor), name


def test_a_copy_is_independent(rebuilt: nn.Module) -> None:
    x = torch.randn(2, 2, 8, 8)
    before = rebuilt(x)
    other = copy.deepcopy(rebuilt)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(rebuilt(x), before)
    assert torch.equal(other(x), torch.zeros(2, 5))


def test_a_layer_can_be_replaced(rebuilt: nn.Module) -> None:
    rebuilt.get_submodule("head").fc = nn.Linear(6 * 64, 3)
    assert rebuilt(torch.randn(2, 2, 8, 8)).shape == (2, 3)


def test_capture_of_a_rebuilt_module_is_the_same_graph(
    captured: Captured, rebuilt: nn.Module
) -> None:
    graph, tensors = captured
    again, again_tensors = capture(rebuilt, torch.zeros(1, 2, 8, 8))
    assert again == graph
    assert again_tensors.keys() == tensors.keys()
    assert all(torch.equal(again_tensors[name], tensors[name]) for name in tensors)


def graph_of(nodes: list[Node], shape: tuple[int, ...] = (1, 4, 4)) -> Graph:
    return Graph(
        (ValueInfo("input", "float32", ("batch", *shape)),),
        (ValueInfo(nodes[-1].outputs[0], "float32", ("batch",)),),
        tuple(nodes),
        20,
    )


def test_uneven_padding_is_still_a_layer() -> None:
    weight = torch.arange(4.0).reshape(1, 1, 2, 2)
    node = Node("Conv", ("input", "c.weight"), ("out",), {"pads": (0, 1, 1, 0)})
    module = rebuild(graph_of([node]), {"c.weight": weight})
    assert isinstance(module.get_submodule("c"), nn.Conv2d)
    x = torch.randn(2, 1, 4, 4)
    padded = nn.functional.pad(x, (1, 0, 0, 1))
    assert torch.equal(module(x), nn.functional.conv2d(padded, weight))


def test_arrays_are_copied() -> None:
    array = np.ones((3, 4), dtype=np.float32)
    node = Node("Gemm", ("input", "fc.weight"), ("out",), {"transB": 1})
    module = rebuild(graph_of([node], (4,)), {"fc.weight": array})
    array[:] = 0
    assert torch.equal(module(torch.ones(1, 4)), torch.full((1, 3), 4.0))


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(FormatError, match=r"node Gemm reads 'fc\.weight'"):
        rebuild(graph_of([Node("Gemm", ("input", "fc.weight"), ("out",), {"transB": 1})]), {})


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"featherweight\.Magic of layer 'out'"):
        rebuild(graph_of([Node("featherweight.Magic", ("input",), ("out",))]), {})


@pytest.mark.parametrize("name", ["forward.weight", "a..b", "c.weight.weight"])
def test_a_name_that_torch_cannot_hold_is_refused(name: str) -> None:
    nodes = [
        Node("Gemm", ("input", "c.weight"), ("hidden",), {"transB": 1}),
        Node("Add", ("hidden", name), ("out",)),
    ]
    tensors = {"c.weight": torch.ones(4, 4), name: torch.ones(4)}
    with pytest.raises(FormatError, match="cannot be the name of a tensor"):
        rebuild(graph_of(nodes, (4,)), tensors)


def test_a_hostile_graph_does_not_make_rebuild_allocate() -> None:
    nodes = [
        Node("Pad", ("small", "pads"), ("large",)),
        Node("Mul", ("input", "large"), ("out",)),
    ]
    tensors = {"small": torch.ones(1), "pads": torch.tensor([0, 2**40])}
    rebuild(graph_of(nodes, (1,)), tensors)


def test_the_number_of_inputs_is_checked(rebuilt: nn.Module) -> None:
    with pytest.raises(InvalidArgumentError, match=r"takes 1 inputs \(input\), but got 2"):
        rebuilt(torch.zeros(1), torch.zeros(1))
