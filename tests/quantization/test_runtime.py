"""Quantized networks in the native runtime: in integers, and with `exact` in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight.container import Network, write
from featherweight.functional import integer
from featherweight.graph import capture, rebuild
from featherweight.quantization import fold_batch_norm, measure_ranges, quantize
from featherweight.quantization.tensors import raw
from featherweight.runtime import Session


class Mixed(nn.Module):
    """Strides, padding around a zero point, groups, a residual, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 10, 5, stride=2, padding=2)
        self.body = nn.Sequential(nn.Conv2d(10, 10, 3, padding=1, bias=False), nn.BatchNorm2d(10))
        self.wide = nn.Conv2d(10, 10, 3, padding=1, groups=10)
        self.halves = nn.Conv2d(10, 6, 1, groups=2)
        self.last = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.hardswish(self.stem(x))
        x = torch.relu(self.body(x) + x)
        return self.last(self.halves(self.wide(x)).mean((2, 3)))


def quantized(module: nn.Module, x: Tensor) -> Network:
    graph, tensors = capture(module.eval(), x)
    coded = {name: raw(name, tensor.numpy()) for name, tensor in tensors.items()}
    folded = fold_batch_norm(Network(graph, coded))
    return quantize(folded, measure_ranges(folded, [x]))


@pytest.fixture(name="x")
def x_() -> Tensor:
    return torch.randn(3, 3, 17, 15, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("threads", [1, 3])
def test_the_runtime_computes_in_integers_what_torch_computes(
    x: Tensor, tmp_path: Path, threads: int
) -> None:
    torch.manual_seed(0)
    network = quantized(Mixed(), x)
    write(tmp_path / "mixed.fwt", network)
    tensors = {name: tensor.dense() for name, tensor in network.tensors.items()}
    with torch.inference_mode():
        wanted = rebuild(network.graph, tensors)(x).numpy()
    session = Session(tmp_path / "mixed.fwt", batch=3, threads=threads)
    formats = {layer.name: layer.format for layer in session.layers}
    assert [formats[name] for name in ("stem", "body.0", "wide", "last")] == ["int8"] * 4
    assert formats["halves"] != "int8"
    # A sum that lies at a tie may be rounded to the other side where sums are float32.
    np.testing.assert_allclose(session.run(x.numpy()), wanted, atol=0.01)
    exact = Session(tmp_path / "mixed.fwt", batch=3, exact=True)
    assert "int8" not in {layer.format for layer in exact.layers}
    np.testing.assert_allclose(exact.run(x.numpy()), wanted, atol=0.01)


@pytest.mark.parametrize("zero_point", ["uint8", "int8"])
def test_one_layer_is_the_reference_to_the_bit(x: Tensor, tmp_path: Path, zero_point: str) -> None:
    torch.manual_seed(2)
    network = quantized(nn.Conv2d(3, 9, 3, stride=2, padding=1), x)
    tensors = dict(network.tensors)
    if zero_point == "int8":
        old = tensors["input_zero_point"].dense()
        new = np.array(int(old) - 128, np.int8)
        tensors["input_zero_point"] = raw("input_zero_point", new)
    write(tmp_path / "one.fwt", Network(network.graph, tensors))
    arrays = {name: torch.from_numpy(tensor.dense()) for name, tensor in tensors.items()}
    quantization = integer.quantization_of(float(x.min()), float(x.max()))
    sums = integer.conv2d_sums(
        integer.quantize(x, quantization), quantization.zero_point, arrays["weight"],
        stride=(2, 2), padding=(1, 1),
    )  # fmt: skip
    wanted = integer.dequantize_sums(
        sums, quantization.scale, arrays["weight_scale"], arrays["bias"]
    )
    y = Session(tmp_path / "one.fwt", batch=3).run(x.numpy())
    assert np.array_equal(y, wanted.numpy())


class Bottleneck(nn.Module):
    """Layers that hand on bytes alone, and one whose floats are a residual too."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.expand = nn.Conv2d(channels, 3 * channels, 1)
        self.depthwise = nn.Conv2d(
            3 * channels, 3 * channels, 3, stride=stride, padding=1, groups=3 * channels
        )
        self.project = nn.Conv2d(3 * channels, channels, 1)
        self.again = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.clamp(self.expand(torch.relu(self.stem(x))), -0.25, 6.0)
        x = self.project(torch.relu(self.depthwise(hidden)))
        return self.last(self.again(x) + x)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [4, 6])
def test_layers_that_hand_on_bytes_compute_what_layers_that_hand_on_floats_do(
    tmp_path: Path, threads: int, stride: int, channels: int
) -> None:
    torch.manual_seed(3)
    x = torch.randn(2, 3, 17, 15)
    module = Bottleneck(3, channels, stride)
    network = quantized(module, x)
    write(tmp_path / "whole.fwt", network)
    tensors = {
        name: torch.from_numpy(tensor.dense().copy()) for name, tensor in network.tensors.items()
    }

    nodes = network.graph.nodes
    writer = {node.outputs[0]: node for node in nodes}

    def layer(name: str, x: Tensor) -> Tensor:
        conv = module.get_submodule(name)
        assert isinstance(conv, nn.Conv2d)
        weight = next(node for node in nodes if node.inputs[0] == f"{name}.weight")
        node = next(node for node in nodes if weight.outputs[0] in node.inputs)
        scale, zero = (tensors[key] for key in writer[node.inputs[0]].inputs[1:3])
        quantization = integer.Quantization(float(scale), int(zero), 255)
        sums = integer.conv2d_sums(
            integer.quantize(x, quantization), int(zero), tensors[weight.inputs[0]],
            stride=conv.stride, padding=conv.padding, groups=conv.groups,
        )  # fmt: skip
        return integer.dequantize_sums(
            sums, quantization.scale, tensors[weight.inputs[1]], tensors[node.inputs[2]]
        )

    hidden = torch.clamp(layer("expand", torch.relu(layer("stem", x))), -0.25, 6.0)
    between = layer("project", torch.relu(layer("depthwise", hidden)))
    wanted = layer("last", layer("again", between) + between)
    session = Session(tmp_path / "whole.fwt", batch=2, threads=threads)
    assert {step.format for step in session.layers} == {"int8"}
    found = session.run(x.numpy())
    assert np.array_equal(found, wanted.numpy())
