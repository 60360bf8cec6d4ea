"""Binary layers: what they compute, that they train, and that a file keeps them bit by bit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight import _native
from featherweight.container import read, write
from featherweight.errors import UnsupportedOperatorError
from featherweight.functional.binarize import binary_conv2d, filter_scales, sign
from featherweight.graph import capture, load, rebuild, to_onnx
from featherweight.measure.operations import matrix_product
from featherweight.nn import BinaryWeightConv2d, BinaryWeightLinear, XnorConv2d, XnorLinear
from featherweight.recipes.pack import pack


class Network(nn.Module):
    """Every kind of binary layer, with stride, padding, dilation and scale maps."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 40, 3, padding=1)
        self.strided = XnorConv2d(40, 70, 3, stride=2, padding=1, scale_map=True, bias=False)
        self.dilated = XnorConv2d(70, 33, (3, 2), padding=(2, 1), dilation=2)
        self.real_input = BinaryWeightConv2d(33, 20, 1)
        self.hidden = XnorLinear(20, 50, scale_map=True, bias=False)
        self.last = BinaryWeightLinear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.real_input(self.dilated(self.strided(self.stem(x))))
        return self.last(self.hidden(x.mean((2, 3))))  # type: ignore[no-any-return]


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network().eval()


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def test_layer_is_its_function(network: Network, pictures: Tensor) -> None:
    x = network.stem(pictures)
    expected = binary_conv2d(
        x, network.strided.weight, stride=(2, 2), pads=(1, 1, 1, 1), scale_map=True
    )
    assert torch.equal(network.strided(x), expected)
    assert torch.equal(network.train().strided(x), expected)
    assert "scale_map=True" in repr(network.strided)


def test_every_weight_gets_a_gradient(network: Network, pictures: Tensor) -> None:
    network.train()(pictures).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_one_node_a_layer(network: Network, pictures: Tensor) -> None:
    graph, tensors = capture(network, pictures)
    operators = [node.operator.removeprefix("featherweight.") for node in graph.nodes]
    assert operators == ["Conv", *["BinaryConv"] * 3, "ReduceMean", *["BinaryGemm"] * 2]
    assert graph.nodes[1].inputs[1:] == ("strided.weight", "strided.alpha")
    assert graph.nodes[1].attributes == {"pads": (1, 1, 1, 1), "scale_map": 1, "strides": (2, 2)}
    assert torch.equal(tensors["strided.weight"], sign(network.strided.weight.detach()))
    assert torch.equal(tensors["strided.alpha"], filter_scales(network.strided.weight.detach()))
    assert torch.equal(rebuild(graph, tensors)(pictures), network(pictures))


def test_rebuilt_network_captures_to_itself(network: Network, pictures: Tensor) -> None:
    graph, tensors = capture(network, pictures)
    again, same = capture(rebuild(graph, tensors), pictures)
    assert again == graph
    assert all(torch.equal(same[name], tensor) for name, tensor in tensors.items())


def test_file_takes_one_bit_a_weight(network: Network, pictures: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "network.fwt"
    write(path, pack(network, pictures, {}, {}))
    stored = read(path).tensors["strided.weight"]
    assert stored.format == "shared"
    assert np.asarray(stored.codebook).tolist() == [-1, 1]
    assert torch.equal(load(path)(pictures), network(pictures))
    weights = sum(p.numel() for name, p in network.named_parameters() if p.ndim > 1)
    assert path.stat().st_size < weights / 8 + 40 * 27 * 4 + 2500


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("instruction_set", _native.instruction_sets())
def test_native_runtime_gives_the_same(
    network: Network, pictures: Tensor, tmp_path: Path, instruction_set: str, threads: int
) -> None:
    path = tmp_path / "network.fwt"
    write(path, pack(network, pictures, {}, {}))
    best = _native.instruction_sets()[-1]
    _native.choose_instruction_set(instruction_set)
    try:
        session = _native.Session.open(str(path), 3, threads, False, False)
    finally:
        _native.choose_instruction_set(best)
    output = np.empty((3, 10), dtype=np.float32)
    session.run([pictures.numpy()], [output])
    expected = network(pictures).detach().numpy()
    np.testing.assert_allclose(output, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    formats = {layer[0]: layer[2] for layer in session.layers}
    assert formats["strided"] == "binary"
    assert formats["real_input"] == "binary_weight"


@pytest.mark.parametrize(
    ("size", "layer"),
    [
        (1, XnorConv2d(70, 33, 3, padding=1)),
        (6, XnorConv2d(32, 16, 1, bias=False)),
        (7, XnorConv2d(33, 5, (1, 3), stride=2, bias=False)),
        (9, XnorConv2d(64, 130, 5, stride=3, padding=2, bias=False, scale_map=True)),
        (9, XnorConv2d(3, 40, 3, padding=4, dilation=3, bias=False, scale_map=True)),
    ],
)
def test_native_convolution(size: int, layer: XnorConv2d, tmp_path: Path) -> None:
    """Without a scale map and a bias there is one rounding on both sides: equal bit for bit."""
    x = torch.randn(2, layer.in_channels, size, size, generator=torch.Generator().manual_seed(2))
    x[:, :, 0, 0] = 0.0
    network = nn.Sequential(layer).eval()
    write(tmp_path / "layer.fwt", pack(network, x, {}, {}))
    session = _native.Session.open(str(tmp_path / "layer.fwt"), 2, 1, False, False)
    expected = network(x).detach().numpy()
    output = np.empty_like(expected)
    session.run([x.numpy()], [output])
    is_exact = not layer.scale_map and layer.bias is None
    np.testing.assert_allclose(
        output, expected, rtol=0 if is_exact else 2e-6, atol=0 if is_exact else 1e-6
    )


def test_cost_is_that_of_the_real_layer(network: Network, pictures: Tensor) -> None:
    graph, tensors = capture(network, pictures)
    values = dict(tensors)
    values["0"], values["1"] = network.stem(pictures), network.strided(network.stem(pictures))
    product = matrix_product(graph.nodes[1], values)  # type: ignore[arg-type]
    assert product is not None
    assert product.macs == 3 * 6 * 6 * 40 * 9 * 70


def test_weight_of_two_kinds_of_layers_is_refused(pictures: Tensor) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.real, self.binary = nn.Conv2d(3, 3, 1), XnorConv2d(3, 3, 1)
            self.binary.weight = self.real.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.binary(self.real(x))  # type: ignore[no-any-return]

    with pytest.raises(UnsupportedOperatorError, match="a tensor of its own"):
        capture(Tied().eval(), pictures)


def test_onnx_has_no_form_for_it(network: Network, pictures: Tensor, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedOperatorError, match=r"BinaryConv.*has no ONNX form"):
        to_onnx(*capture(network, pictures), tmp_path / "network.onnx")
