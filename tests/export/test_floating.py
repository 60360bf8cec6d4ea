"""The float32 form of stored networks: the same weights, and nothing left to decode."""

import numpy as np
import pytest
import torch
from torch import nn

from featherweight.container import Network
from featherweight.export.floating import float_module, in_float, is_quantized
from featherweight.graph import rebuild_network
from featherweight.quantization import UniformConfig, fold_batch_norm, measure_ranges, quantize
from featherweight.recipes.pack import pack

X = torch.randn((6, 3, 8, 8), generator=torch.Generator().manual_seed(3))


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 36, 4),
    ).eval()  # fmt: skip


def stored(config: UniformConfig | None = None, *, activations: bool = True) -> Network:
    folded = fold_batch_norm(pack(network(), X[:1], {}, {}))
    ranges = measure_ranges(folded, [X]) if activations else None
    return quantize(folded, ranges, config=config or UniformConfig())


def test_a_float_network_stays_as_it_is() -> None:
    packed = pack(network(), X[:1], {}, {})
    assert not is_quantized(packed)
    with torch.no_grad():
        assert torch.equal(float_module(packed)(X), network()(X))


def test_rounding_is_gone_and_weights_are_on_their_grid() -> None:
    quantized = stored()
    assert is_quantized(quantized)
    graph, tensors = in_float(quantized)
    assert {node.operator for node in graph.nodes}.isdisjoint(
        {"QuantizeLinear", "DequantizeLinear"}
    )
    names = {info.name for info in graph.inputs} | set(tensors)
    names |= {name for node in graph.nodes for name in node.outputs}
    assert all(name in names for node in graph.nodes for name in node.inputs if name)
    weight = tensors["0.weight"]
    steps = weight.flatten(1).numpy() / quantized.tensors["0.weight_scale"].dense()[:, None]
    assert np.abs(steps - steps.round()).max() < 1e-4
    layers = {type(layer) for layer in float_module(quantized).modules()}
    assert {nn.Conv2d, nn.Linear} <= layers


@pytest.mark.parametrize("granularity", ["channel", "group", "tensor"])
def test_weights_alone_quantized_compute_the_same(granularity: str) -> None:
    options = {"group_size": 9} if granularity == "group" else {}
    quantized = stored(UniformConfig(granularity=granularity, **options), activations=False)
    with torch.no_grad():
        found, expected = float_module(quantized)(X), rebuild_network(quantized)(X)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6, atol=1e-6)
    nodes = in_float(quantized)[0].nodes
    assert "DequantizeLinear" not in {node.operator for node in nodes}
