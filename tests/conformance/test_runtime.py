"""Every network of the zoo through a file and the native runtime, against torch."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from featherweight import _native, container
from featherweight.container import CodedTensor, Network
from featherweight.graph import rebuild
from featherweight.recipes.pack import pack
from featherweight.runtime import Session
from featherweight.zoo import names, small_setting
from randomised import randomise
from tolerances import relative_error, tolerance_of


def small_network(name: str) -> tuple[nn.Module, Tensor]:
    """The network at its small setting, as if it were trained, and four pictures."""
    torch.manual_seed(0)
    setting = small_setting(name)
    x = torch.randn((4, *setting.input), generator=torch.Generator().manual_seed(1))
    return randomise(setting.build()).eval(), x


def compressed(tensor: CodedTensor) -> CodedTensor:
    """Pruned to a fifth, which shares sixteen values."""
    values = tensor.dense().reshape(-1)
    if len(tensor.shape) < 2 or values.dtype != np.float32 or values.size < 64:
        return tensor
    magnitude = np.abs(values)
    if (magnitude == 1).all():  # Signs: there is no less than a bit.
        return tensor
    positions = np.flatnonzero(magnitude > np.quantile(magnitude, 0.8)).astype(np.int64)
    kept = values[positions]
    start = np.linspace(kept.min(), kept.max(), 16, dtype=np.float32)
    codebook, codes = _native.kmeans_1d(kept, start)
    return CodedTensor(
        tensor.name, tensor.dtype, tensor.shape, "sparse_shared",
        positions=positions, codebook=codebook, codes=codes,
    )  # fmt: skip


def check(network: Network, module: nn.Module, x: Tensor, folder: Path) -> None:
    """The file gives torch's answers, however it is asked for them."""
    file = folder / "network.fwt"
    container.write(file, network, coder="packed")
    with torch.no_grad():
        expected = module(x).numpy()
    exact = {"exact": True}
    for options in ({}, exact, exact | {"batch": 3, "threads": 2}, exact | {"prefer": "memory"}):
        session = Session(file, **options)
        tolerance = tolerance_of(layer.format for layer in session.layers)
        found = session.run(x.numpy())
        assert relative_error(found, expected) <= tolerance.limit, (options, tolerance)
        if "exact" in options:
            assert np.array_equal(found.argmax(1), expected.argmax(1))


@pytest.mark.parametrize("name", names())
def test_a_network_as_it_is_and_compressed(name: str, tmp_path: Path) -> None:
    module, x = small_network(name)
    network = pack(module, x[:1], {}, {})
    check(network, module, x, tmp_path)
    tensors = {key: compressed(tensor) for key, tensor in network.tensors.items()}
    small = replace(network, tensors=tensors)
    dense = {key: tensor.dense() for key, tensor in tensors.items()}
    check(small, rebuild(network.graph, dense), x, tmp_path)
