"""Capture: what the graph and its tensors are, for small modules that show one thing each."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from featherweight.errors import InvalidArgumentError, UnsupportedOperatorError
from featherweight.graph import capture, rebuild


def operators(module: nn.Module, *shapes: tuple[int, ...]) -> list[str]:
    graph, _ = capture(module, [torch.zeros(shape) for shape in shapes])
    return [node.operator for node in graph.nodes]


def assert_same_bits(module: nn.Module, *shapes: tuple[int, ...], batch: int = 3) -> None:
    """The rebuilt module gives the bits of the original at another batch size."""
    torch.manual_seed(1)
    inputs = [torch.randn(batch, *shape) for shape in shapes]
    rebuilt = rebuild(*capture(module, [x[:1] for x in inputs]))
    module.eval()
    assert torch.equal(rebuilt(*inputs), module(*inputs))


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


@pytest.fixture
def small_net() -> SmallNet:
    torch.manual_seed(0)
    net = SmallNet()
    with torch.no_grad():
        net.norm.running_mean.normal_()
        net.norm.running_var.uniform_(0.5, 2.0)
    return net


def test_the_graph_is_small_and_says_nothing_twice(small_net: SmallNet) -> None:
    graph, tensors = capture(small_net, torch.zeros(1, 1, 28, 28))
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
        ("Reshape", ("3", "4"), ("5",), {}),
        ("Gemm", ("5", "fc.weight", "fc.bias"), ("output",), {"transB": 1}),
    ]
    assert tensors["4"].tolist() == [-1, 196]
    assert graph.inputs[0].shape == ("batch", 1, 28, 28)
    assert graph.outputs[0].shape == ("batch", 10)


def test_tensors_have_the_names_shapes_and_bytes_of_the_module(small_net: SmallNet) -> None:
    _, tensors = capture(small_net, torch.zeros(1, 1, 28, 28))
    state = small_net.state_dict()
    del state["norm.num_batches_tracked"]
    assert state.keys() == tensors.keys() - {"4"}
    for name, tensor in state.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].data_ptr() != tensor.data_ptr()


def test_capture_leaves_the_module_as_it_was(small_net: SmallNet) -> None:
    small_net.train()
    small_net.norm.eval()
    capture(small_net, torch.zeros(1, 1, 28, 28))
    assert [m.training for m in small_net.modules()] == [True, True, False, True, True]


def test_capture_is_silent(small_net: SmallNet, capfd: pytest.CaptureFixture[str]) -> None:
    capture(small_net, torch.zeros(1, 1, 28, 28))
    assert capfd.readouterr() == ("", "")


def test_bits_at_other_batch_sizes(small_net: SmallNet) -> None:
    assert_same_bits(small_net, (1, 28, 28), batch=1)
    assert_same_bits(small_net, (1, 28, 28), batch=5)


def test_a_fixed_batch_stays_fixed(small_net: SmallNet) -> None:
    graph, _ = capture(small_net, torch.zeros(4, 1, 28, 28), batch=None)
    assert graph.inputs[0].shape == (4, 1, 28, 28)
    assert graph.outputs[0].shape == (4, 10)


def test_linear_layers_keep_their_weight() -> None:
    assert operators(nn.Sequential(nn.Linear(5, 3, bias=False)), (1, 5)) == ["Gemm"]
    assert operators(nn.Sequential(nn.Linear(5, 3)), (1, 4, 5)) == ["Transpose", "MatMul", "Add"]
    assert_same_bits(nn.Sequential(nn.Linear(50, 30), nn.ReLU(), nn.Linear(30, 7)), (4, 50))
    assert_same_bits(nn.Sequential(nn.Linear(50, 30, bias=False)), (4, 50))


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
    graph, tensors = capture(TiedWeights(), torch.zeros(1, 8))
    weights = [name for name, tensor in tensors.items() if tensor.ndim == 2]
    assert len(weights) == 2
    assert [node.inputs[1] for node in graph.nodes if node.operator == "Gemm"] == [
        weights[0], weights[0], "twice.weight", "twice.weight",
    ]  # fmt: skip
    assert_same_bits(TiedWeights(), (8,))


class TwoInTwoOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        both = self.fc(torch.cat([left, right], 1))
        return both, torch.softmax(both, 1)


def test_several_inputs_and_outputs_have_names() -> None:
    module = TwoInTwoOut().eval()
    graph, tensors = capture(module, (torch.zeros(1, 2), torch.zeros(1, 4)))
    assert [info.name for info in graph.inputs] == ["left", "right"]
    assert [info.name for info in graph.outputs] == ["output_0", "output_1"]
    left, right = torch.randn(3, 2), torch.randn(3, 4)
    for ours, theirs in zip(rebuild(graph, tensors)(left, right), module(left, right), strict=True):
        assert torch.equal(ours, theirs)


class Passthrough(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = torch.relu(x)
        return x, y, y


def test_an_input_or_a_value_can_be_several_outputs() -> None:
    graph, tensors = capture(Passthrough(), torch.zeros(1, 3))
    names = [info.name for info in graph.outputs]
    assert len(set(names)) == 3
    assert not {info.name for info in graph.inputs} & set(names)
    x = torch.randn(2, 3)
    ours, theirs = rebuild(graph, tensors)(x), Passthrough()(x)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


class Expression(nn.Module):
    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.randn(16, 16))
        self.bias = nn.Parameter(torch.randn(16))

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self.function)(x)

    def silu(self, x: Tensor) -> Tensor:
        return F.silu(x)

    def product(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x)

    def linear(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)

    def sum(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias

    def softplus(self, x: Tensor) -> Tensor:
        return F.softplus(x * 40)

    def elu(self, x: Tensor) -> Tensor:
        return F.elu(x)

    def attention(self, x: Tensor) -> Tensor:
        q, k, v = (x.reshape(-1, 8, 2, 8).transpose(1, 2) * i for i in (1.0, 2.0, 3.0))
        return F.scaled_dot_product_attention(q, k, v)

    def scaled_attention(self, x: Tensor) -> Tensor:
        q, k, v = (x.reshape(-1, 8, 2, 8).transpose(1, 2) * i for i in (1.0, 2.0, 3.0))
        return F.scaled_dot_product_attention(q, k, v, scale=0.3)

    def einsum(self, x: Tensor) -> Tensor:
        return torch.einsum("bij,bkj->bik", x, x * 2)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("silu", ["Sigmoid", "Mul"]),
        ("product", ["Sigmoid", "Mul"]),
        ("linear", ["Transpose", "MatMul", "Add"]),
        ("sum", ["Transpose", "MatMul", "Add"]),
        ("softplus", ["Mul", "Softplus"]),
        ("elu", ["Elu"]),
        ("attention", None),
        ("scaled_attention", None),
        ("einsum", ["Mul", "Transpose", "MatMul"]),
    ],
)
def test_bits_follow_what_was_written(function: str, expected: list[str] | None) -> None:
    torch.manual_seed(0)
    module = Expression(function)
    assert expected is None or operators(module, (1, 8, 16)) == expected
    assert_same_bits(module, (8, 16), batch=32)


def test_local_response_normalization_is_one_node() -> None:
    net = nn.Sequential(nn.LocalResponseNorm(5, alpha=1e-3, beta=0.75, k=2.0), nn.ReLU())
    graph, _ = capture(net, torch.zeros(1, 8, 4, 4))
    assert [node.operator for node in graph.nodes] == ["LRN", "Relu"]
    assert graph.nodes[0].attributes == {
        "alpha": pytest.approx(1e-3), "bias": 2.0, "size": 5,
    }  # fmt: skip
    assert_same_bits(net, (8, 4, 4))


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


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.zeros(2, 3)


def test_a_module_that_needs_one_batch_size_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="FixedBatch"):
        capture(FixedBatch(), torch.zeros(2, 3))
