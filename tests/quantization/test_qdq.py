"""Quantized networks: folded batch norms, measured ranges, QDQ graphs in torch and ONNX Runtime."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight.container import CodedTensor, Network, read, write
from featherweight.errors import InvalidArgumentError
from featherweight.functional import integer
from featherweight.graph import capture, from_onnx, rebuild, to_onnx
from featherweight.quantization import fold_batch_norm, measure_ranges, quantize, quantized_inputs


class Residual(nn.Module):
    """Batch norms, a value that two convolutions and a sum read, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8))
        self.left = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.BatchNorm2d(8))
        self.right = nn.Conv2d(8, 8, 1, groups=2)
        self.last = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(self.left(x) + self.right(x) + x)
        return self.last(x.mean((2, 3)))


def network_of(module: nn.Module, shape: tuple[int, ...] = (2, 3, 16, 16)) -> Network:
    graph, tensors = capture(module.eval(), torch.zeros(shape))
    return Network(
        graph,
        {
            name: CodedTensor(
                name, str(tensor.numpy().dtype), tuple(tensor.shape), "raw", values=tensor.numpy()
            )
            for name, tensor in tensors.items()
        },
    )


def run(network: Network, x: Tensor) -> Tensor:
    tensors = {name: tensor.dense() for name, tensor in network.tensors.items()}
    with torch.inference_mode():
        return rebuild(network.graph, tensors)(x)


@pytest.fixture(name="module")
def module_() -> nn.Module:
    torch.manual_seed(0)
    module = Residual()
    for norm in (module.stem[1], module.left[1]):
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return module


@pytest.fixture(name="x")
def x_() -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def quantized(network: Network, x: Tensor) -> Network:
    folded = fold_batch_norm(network)
    return quantize(folded, measure_ranges(folded, [x[:2], x[2:]]))


def test_batch_norms_are_folded(module: nn.Module, x: Tensor) -> None:
    network = network_of(module)
    folded = fold_batch_norm(network)
    assert "BatchNormalization" not in {node.operator for node in folded.graph.nodes}
    assert not [name for name in folded.tensors if "running" in name]
    torch.testing.assert_close(run(folded, x), run(network, x), rtol=1e-5, atol=1e-5)


def test_a_batch_norm_of_a_value_that_others_read_stays(x: Tensor) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return self.norm(y) + y

    network = network_of(Shared())
    folded = fold_batch_norm(network)
    assert [node.operator for node in folded.graph.nodes] == [
        node.operator for node in network.graph.nodes
    ]
    assert torch.equal(run(folded, x), run(network, x))


def test_ranges_hold_every_batch(module: nn.Module, x: Tensor) -> None:
    folded = fold_batch_norm(network_of(module))
    ranges = measure_ranges(folded, [x[:2], x[2:]])
    assert set(ranges) == set(quantized_inputs(folded)) and len(ranges) == 3
    assert ranges["input"] == (float(x.min()), float(x.max()))
    assert min(low for name, (low, _) in ranges.items() if name != "input") == 0.0
    with pytest.raises(InvalidArgumentError, match="at least 1 batch"):
        measure_ranges(folded, [])


def test_a_quantized_network_is_close_and_small(module: nn.Module, x: Tensor) -> None:
    network = network_of(module)
    small = quantized(network, x)
    operators = [node.operator for node in small.graph.nodes]
    assert operators.count("QuantizeLinear") == 3  # the value that two read is quantized once
    assert operators.count("DequantizeLinear") == 3 + 4
    weights = [tensor for name, tensor in small.tensors.items() if name.endswith(".weight")]
    assert {tensor.dtype for tensor in weights} == {"int8"} and len(weights) == 4
    exact = run(network, x)
    error = (run(small, x) - exact).norm() / exact.norm()
    assert 0 < error < 0.02


def test_it_is_integer_arithmetic(x: Tensor) -> None:
    torch.manual_seed(2)
    network = network_of(nn.Conv2d(3, 8, 3, stride=2, padding=1))
    small = quantized(network, x)
    arrays = {name: torch.from_numpy(tensor.dense()) for name, tensor in small.tensors.items()}
    quantization = integer.quantization_of(float(x.min()), float(x.max()))
    q = integer.quantize(x, quantization)
    sums = integer.conv2d_sums(
        q, quantization.zero_point, arrays["weight"], stride=(2, 2), padding=(1, 1)
    )
    y = integer.dequantize_sums(sums, quantization.scale, arrays["weight_scale"], arrays["bias"])
    torch.testing.assert_close(run(small, x), y, rtol=1e-5, atol=1e-6)


def test_onnx_runtime_agrees(module: nn.Module, x: Tensor, tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    small = quantized(network_of(module), x)
    tensors = {name: tensor.dense() for name, tensor in small.tensors.items()}
    path = tmp_path / "small.onnx"
    to_onnx(small.graph, tensors, path)
    ours = run(small, x)
    for level in (
        ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
        ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ):
        options = ort.SessionOptions()
        options.graph_optimization_level = level
        session = ort.InferenceSession(str(path), options, ["CPUExecutionProvider"])
        (theirs,) = session.run(None, {"input": x.numpy()})
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0.02, atol=0.02)
    again = rebuild(*from_onnx(path))
    torch.testing.assert_close(again(x), ours, rtol=1e-5, atol=1e-6)


def test_a_file_holds_it(module: nn.Module, x: Tensor, tmp_path: Path) -> None:
    small = quantized(network_of(module), x)
    write(tmp_path / "small.fwt", small)
    assert torch.equal(run(read(tmp_path / "small.fwt"), x), run(small, x))


def test_some_layers_only(module: nn.Module, x: Tensor) -> None:
    folded = fold_batch_norm(network_of(module))
    ranges = measure_ranges(folded, [x])
    small = quantize(folded, ranges, layers=["left.0.weight"])
    kept = {name: tensor.dtype for name, tensor in small.tensors.items() if "weight" in name}
    assert kept["left.0.weight"] == "int8" and kept["last.weight"] == "float32"
    with pytest.raises(InvalidArgumentError, match=r"but got 'left\.1\.weight'"):
        quantize(folded, ranges, layers=["left.1.weight"])
    with pytest.raises(InvalidArgumentError, match="but not 'input'"):
        quantize(folded, {})


def test_a_gemm_of_in_by_out_has_its_scales_on_the_second_axis(x: Tensor) -> None:
    network = network_of(nn.Linear(6, 4), (2, 6))
    weight = network.tensors["weight"]
    turned = replace(weight, shape=(6, 4), values=weight.dense().T.copy())
    (node,) = network.graph.nodes
    graph = replace(network.graph, nodes=(replace(node, attributes={}),))
    other = replace(network, graph=graph, tensors={**network.tensors, "weight": turned})
    rows = x.flatten()[:60].reshape(10, 6)
    torch.testing.assert_close(
        run(quantized(other, rows), rows), run(quantized(network, rows), rows)
    )
