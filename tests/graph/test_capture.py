"""Capture: what the graph and its tensors are, for small modules that show one thing each."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featherweight.container import Graph
from featherweight.errors import InvalidArgumentError, UnsupportedOperatorError
from featherweight.graph import capture, rebuild


def captured(module: nn.Module, *shapes: tuple[int, ...], batch: int = 3) -> Graph:
    """The graph of a module, after a check that the rebuilt one gives its bits at any batch."""
    torch.manual_seed(1)
    inputs = [torch.randn(batch, *shape) for shape in shapes]
    graph, tensors = capture(module, [x[:1] for x in inputs])
    ours, theirs = rebuild(graph, tensors)(*inputs), module.eval()(*inputs)
    for a, b in zip(_tuple(ours), _tuple(theirs), strict=True):
        assert torch.equal(a, b)
    return graph


def _tuple(outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def operators(graph: Graph) -> list[str]:
    return [node.operator for node in graph.nodes]


class SmallNet(nn.Module):
    """Convolution without bias, batch-norm, pooling, dropout, a shape that asks for the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4 * 7 * 7, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.norm(self.conv(x))), 2)
        x = x.view(x.shape[0], -1, 1, 1).squeeze(-1).squeeze(-1)
        return self.fc(self.drop(x))


@pytest.fixture(scope="module")
def small_net() -> SmallNet:
    torch.manual_seed(0)
    net = SmallNet()
    with torch.no_grad():
        net.norm.running_mean.normal_()
        net.norm.running_var.uniform_(0.5, 2.0)
    net.train()
    net.norm.eval()
    return net


@pytest.fixture(scope="module")
def small(small_net: SmallNet) -> tuple[Graph, dict[str, Tensor]]:
    return capture(small_net, torch.zeros(1, 1, 28, 28))


Captured = tuple[Graph, dict[str, Tensor]]


def test_the_graph_is_small_and_says_nothing_twice(small: Captured) -> None:
    graph, _ = small
    assert [(n.operator, n.inputs, n.outputs, n.attributes) for n in graph.nodes] == [
        ("Conv", ("input", "conv.weight"), ("0",), {"pads": (1, 1, 1, 1), "strides": (2, 2)}),
        (
            "BatchNormalization",
            ("0", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"),
            ("1",),
            {},
        ),
        ("Relu", ("1",), ("2",), {}),
        ("MaxPool", ("2",), ("3",), {"kernel_shape": (2, 2), "strides": (2, 2)}),
        ("Flatten", ("3",), ("4",), {}),
        ("Gemm", ("4", "fc.weight", "fc.bias"), ("output",), {"transB": 1}),
    ]
    assert graph.inputs[0].shape == ("batch", 1, 28, 28)
    assert graph.outputs[0].shape == ("batch", 10)


def test_tensors_have_the_names_shapes_and_bytes_of_the_module(
    small: Captured, small_net: SmallNet
) -> None:
    _, tensors = small
    state = small_net.state_dict()
    del state["norm.num_batches_tracked"]
    assert state.keys() == tensors.keys()
    for name, tensor in state.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].data_ptr() != tensor.data_ptr()


def test_capture_is_silent_and_leaves_the_module_as_it_was(
    small_net: SmallNet, capfd: pytest.CaptureFixture[str]
) -> None:
    capture(small_net, torch.zeros(1, 1, 28, 28))
    assert capfd.readouterr() == ("", "")
    assert [m.training for m in small_net.modules()] == [True, True, False, True, True]


def test_bits_at_other_batch_sizes(small: Captured, small_net: SmallNet) -> None:
    rebuilt = rebuild(*small)
    network = copy.deepcopy(small_net).eval()
    for batch in (1, 2, 5):
        x = torch.randn(batch, 1, 28, 28)
        assert torch.equal(rebuilt(x), network(x))


def test_a_fixed_batch_stays_fixed(small_net: SmallNet) -> None:
    graph, _ = capture(small_net, torch.zeros(4, 1, 28, 28), batch=None)
    assert graph.inputs[0].shape == (4, 1, 28, 28)
    assert graph.outputs[0].shape == (4, 10)


def test_linear_layers_keep_their_weight() -> None:
    layers = nn.Sequential(nn.Linear(50, 30), nn.ReLU(), nn.Linear(30, 7, bias=False))
    assert operators(captured(layers, (50,))) == ["Gemm", "Relu", "Gemm"]
    assert operators(captured(layers, (4, 50))) == [
        "Transpose", "MatMul", "Add", "Relu", "Transpose", "MatMul",
    ]  # fmt: skip


class TiedWeights(nn.Module):
    """One weight used by two layers, one of them with a bias; one layer used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8, bias=False)
        self.second = nn.Linear(8, 8)
        self.second.weight = self.first.weight
        self.twice = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.twice(torch.relu(self.twice(self.second(self.first(x)))))


def test_shared_parameters_are_one_tensor() -> None:
    graph = captured(TiedWeights(), (8,))
    weights = [node.inputs[1] for node in graph.nodes if node.operator == "Gemm"]
    assert weights[0] in ("first.weight", "second.weight")
    assert weights == [weights[0], weights[0], "twice.weight", "twice.weight"]


class TwoInTwoOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        both = self.fc(torch.cat([left, right], 1))
        return both, torch.softmax(both, 1)


class Regrouped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        x = x.view(batch, 2, channels // 2, height, width).transpose(1, 2).contiguous()
        return x.view(batch * channels, height * width)


def test_shapes_that_follow_the_batch_are_constants() -> None:
    graph, tensors = capture(Regrouped(), torch.zeros(1, 6, 3, 4))
    assert operators(graph) == ["Reshape", "Transpose", "Reshape"]
    shapes = [tensors[node.inputs[1]].tolist() for node in graph.nodes[::2]]
    assert shapes == [[-1, 2, 3, 3, 4], [-1, 12]]
    assert graph.outputs[0].shape == ("6*batch", 12)


def test_several_inputs_and_outputs_have_names() -> None:
    graph = captured(TwoInTwoOut(), (2,), (4,))
    assert [info.name for info in graph.inputs] == ["left", "right"]
    assert [info.name for info in graph.outputs] == ["output_0", "output_1"]


class Passthrough(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = torch.relu(x)
        return x, y, y


def test_an_input_or_a_value_can_be_several_outputs() -> None:
    graph = captured(Passthrough(), (3,))
    names = {info.name for info in graph.outputs}
    assert len(names) == 3
    assert names.isdisjoint(info.name for info in graph.inputs)


class Expressions(nn.Module):
    """What one function of torch computes, beside what people write for it with several."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 16))
        self.bias = nn.Parameter(torch.randn(16))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        query, key, value = (x.reshape(-1, 8, 2, 8).transpose(1, 2) * i for i in (0.5, 2.0, 3.0))
        return (
            F.silu(x),
            x * torch.sigmoid(x),
            F.linear(x, self.weight, self.bias),
            x @ self.weight.T + self.bias,
            F.softplus(x * 40),
            F.elu(x, 0.5),
            F.gelu(x, approximate="tanh"),
            F.scaled_dot_product_attention(query, key, value),
            F.scaled_dot_product_attention(query, key, value, scale=0.3),
            torch.softmax(query @ key.transpose(-2, -1) * 0.35, -1) @ value,
            torch.einsum("bij,bkj->bik", x, x * 2),
            x[:, 1:-1:2].mean((1, 2)),
            F.pad(x, (1, 2), mode="reflect"),
        )


def test_bits_follow_what_was_written() -> None:
    torch.manual_seed(0)
    graph = captured(Expressions(), (8, 16), batch=32)
    kinds = set(operators(graph))
    assert {"Softplus", "Elu", "Gelu", "MatMul", "Pad", "Slice"} <= kinds
    assert not {"Einsum", "Where", "Greater", "CastLike", "Cast", "Shape"} & kinds


def test_local_response_normalization_is_one_node() -> None:
    net = nn.Sequential(nn.LocalResponseNorm(5, alpha=1e-3, beta=0.75, k=2.0), nn.ReLU())
    graph = captured(net, (8, 4, 4))
    assert operators(graph) == ["LRN", "Relu"]
    assert graph.nodes[0].attributes == {"alpha": pytest.approx(1e-3), "bias": 2.0, "size": 5}


def test_an_even_window_is_not_onnx_own() -> None:
    """torch puts the larger half of an even window before the channel, ONNX behind it."""
    net = nn.LocalResponseNorm(4, alpha=0.5)
    x = torch.randn(2, 8, 4, 4)
    graph, tensors = capture(net, x)
    assert "LRN" not in operators(graph)
    torch.testing.assert_close(rebuild(graph, tensors)(x), net(x))


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Sorted()

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class Sorted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(x, dim=1)[0]


def test_an_operator_outside_the_subset_is_named_with_its_layer() -> None:
    with pytest.raises(UnsupportedOperatorError, match="operator TopK of layer 'block'"):
        capture(Counting(), torch.zeros(1, 5))


def test_storage_only_lets_it_through() -> None:
    graph, _ = capture(Counting(), torch.zeros(1, 5), storage_only=True)
    assert operators(graph) == ["TopK"]
    assert graph.outputs[0].shape == ("batch", 5)


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.zeros(2, 3)


def test_a_module_that_needs_one_batch_size_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="FixedBatch"):
        capture(FixedBatch(), torch.zeros(2, 3))
