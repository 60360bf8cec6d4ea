"""Weights of few bits in files: what they stand for, what they weigh, that the runtime agrees."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight.container import Network, read, write
from featherweight.functional import uniform
from featherweight.functional.coding_length import shared_bits, uniform_bits
from featherweight.graph import capture, rebuild
from featherweight.quantization import UniformConfig, post_training
from featherweight.quantization.tensors import raw
from featherweight.quantization.weights import integer_tensor
from featherweight.runtime import Session


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 32, 3, padding=1)
        self.last = nn.Linear(32, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.conv(x)).mean((2, 3)))


BITS = {"conv.weight": 4, "last.weight": 4}


@pytest.fixture(name="x")
def x_() -> Tensor:
    return torch.randn(4, 8, 9, 9, generator=torch.Generator().manual_seed(1))


def network_of(x: Tensor) -> tuple[nn.Module, Network]:
    torch.manual_seed(0)
    module = Small().eval()
    graph, tensors = capture(module, x)
    return module, Network(graph, {name: raw(name, t.numpy()) for name, t in tensors.items()})


def run(network: Network, x: Tensor) -> Tensor:
    tensors = {name: tensor.dense() for name, tensor in network.tensors.items()}
    with torch.inference_mode():
        return rebuild(network.graph, tensors)(x)


@pytest.mark.parametrize("num_bits", [2, 4, 8])
@pytest.mark.parametrize("grid", ["symmetric", "affine", "minmax"])
@pytest.mark.parametrize("granularity", ["tensor", "channel", "group"])
def test_weights_only(
    x: Tensor, tmp_path: Path, granularity: str, grid: str, num_bits: int
) -> None:
    """What torch computes with fake-quantized weights, in torch and in the runtime, from n bits."""
    module, network = network_of(x)
    bits = dict.fromkeys(BITS, num_bits)
    config = UniformConfig(grid=grid, granularity=granularity, group_size=8, activations="float32")  # type: ignore[arg-type]
    small = post_training(network, bits, config)
    file = tmp_path / "small.fwt"
    write(file, small, coder="packed")
    y = run(read(file), x)
    assert torch.equal(y, run(small, x))
    for layer in (module.conv, module.last):
        weight = layer.weight.detach()
        rows = uniform.as_rows(weight, granularity, 8)
        if grid == "minmax":
            levels, codes = uniform.minmax_levels(weight, num_bits)
            layer.weight.data = levels[codes.long()]
        else:
            found = uniform.grid_of(rows, num_bits, grid)
            layer.weight.data = uniform.fake_quantize(rows, found).reshape(weight.shape)
    with torch.inference_mode():
        wanted = module(x)
    torch.testing.assert_close(y, wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(
        Session(file, batch=4, exact=True).run(x.numpy()), wanted, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("granularity", ["tensor", "channel", "group"])
def test_a_file_has_so_many_bits_a_weight(x: Tensor, tmp_path: Path, granularity: str) -> None:
    _, network = network_of(x)
    config = UniformConfig(granularity=granularity, group_size=8, activations="float32")  # type: ignore[arg-type]
    small = post_training(network, BITS, config)
    summary = write(tmp_path / "small.fwt", small, coder="packed")
    sizes = {t.name: t.bytes for t in summary.tensors}
    for name in BITS:
        weight = network.tensors[name]
        rows = len(uniform.as_rows(torch.from_numpy(weight.dense()), granularity, 8))
        scale = sizes.get(f"{name}_scale", 0)
        if granularity == "tensor":  # a codebook of floats
            wanted = shared_bits(weight.elements, 15) / 8
        else:
            wanted = uniform_bits(weight.elements, 4, scales=rows, table_entries=15) / 8
        assert sizes[name] + scale == wanted


def test_steps_of_8_bits_stay_bytes_and_pruned_ones_are_sparse() -> None:
    steps = np.arange(-127, 128, dtype=np.int8).reshape(5, 51)
    assert integer_tensor("w", steps).format == "raw"
    few = (np.arange(4096) % 15 - 7).astype(np.int8).reshape(64, 64)
    assert integer_tensor("w", few).format == "shared"
    mask = np.random.default_rng(0).random(few.shape) < 0.2
    pruned = integer_tensor("w", few * mask)
    assert pruned.format == "sparse_shared" and np.array_equal(pruned.dense(), few * mask)
    assert pruned.dtype == "int8"
    assert integer_tensor("w", few * mask, zero=None).format == "shared"


def test_4_bit_weights_run_in_integers(x: Tensor, tmp_path: Path) -> None:
    _, network = network_of(x)
    small = post_training(network, BITS, UniformConfig(), [x])
    write(tmp_path / "small.fwt", small)
    session = Session(tmp_path / "small.fwt", batch=4)
    assert [layer.format for layer in session.layers if layer.format] == ["int8", "int8"]
    wanted = run(small, x).numpy()
    np.testing.assert_allclose(session.run(x.numpy()), wanted, atol=0.01 * np.abs(wanted).max())


def test_pruned_weights_stay_pruned(x: Tensor) -> None:
    _, network = network_of(x)
    weight = network.tensors["last.weight"]
    mask = np.random.default_rng(0).random(weight.shape) < 0.3
    pruned = replace(
        network,
        tensors={**network.tensors, "last.weight": raw("last.weight", weight.dense() * mask)},
    )
    for config in (
        UniformConfig(activations="float32"),
        UniformConfig(activations="float32", granularity="tensor"),
        UniformConfig(grid="minmax", granularity="tensor", activations="float32"),
    ):
        small = post_training(pruned, {"last.weight": 8}, config)
        stored = small.tensors["last.weight"]
        assert stored.format == "sparse_shared"
        assert not stored.dense()[~mask].any()
